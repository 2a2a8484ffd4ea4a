"""Somebody outside: the released tables, and how what their cells count is named."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tests.disclosure import inversions
from tests.disclosure.knowledge import Knowledge, Name

LENGTHS = {
    "pre_pregnancy_year": 365,
    "trimester_1": 98,
    "trimester_2": 98,
    "trimester_3": 112,
    "pregnancy": 308,
    "postpartum_q1": 91,
    "postpartum_q2": 91,
    "postpartum_q3": 91,
    "postpartum_q4": 92,
    "postpartum_6_months": 182,
    "postpartum_year": 365,
}
QUARTERS = tuple(f"postpartum_q{number}" for number in (1, 2, 3, 4))
PARTS = {
    "pregnancy": ("trimester_1", "trimester_2", "trimester_3"),
    "postpartum_6_months": QUARTERS[:2],
    "postpartum_year": QUARTERS,
}
WHOLE = {part: whole for whole in ("pregnancy", "postpartum_year") for part in PARTS[whole]}
WHOLE["postpartum_6_months"] = "postpartum_year"
OUTCOME = "postpartum_year"
ARMS = ("treated", "untreated")
# More relapses in a period than any pregnancy has.
MANY_RELAPSES = 40
KEYS = {
    "attrition": ["site", "step", "reason"],
    "baseline": ["variable", "level", "statistic", "arm"],
    "dispersion": ["period", "test"],
    "doses": ["regimen"],
    "identifiability": ["site"],
    "longitudinal": ["term"],
    "precision": ["question"],
    "rate_ratios": ["analysis", "period", "model", "covariance", "adjusted_for"],
    "relapse_free": ["arm", "day"],
    "relapse_rates": ["group", "arm", "site", "period"],
    "risk_difference": ["day"],
    "safety": ["arm", "term"],
    "sites": ["kind", "site", "policy"],
    "time_to_relapse": ["method"],
}
QUANTITIES = ("pregnancies", "women", "relapses")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table as released; `within` is the same row unprotected, which only the referee sees."""

    table: str
    key: tuple
    released: Mapping[str, object]
    within: Mapping[str, object]

    def number(self, column: str) -> float | None:
        """Return a released number, None where the cell is empty."""
        value = self.released.get(column)
        return None if value is None or pd.isna(value) or isinstance(value, str) else float(value)

    def text(self, column: str) -> str:
        """Return released words."""
        value = self.released.get(column)
        return value if isinstance(value, str) else ""

    @property
    def labels_only(self) -> bool:
        """Whether every number of the row was withheld."""
        numbers = [
            column
            for column, value in self.within.items()
            if isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_))
        ]
        return not any(column != "day" and self.number(column) is not None for column in numbers)


@dataclass(slots=True)
class Outsider:
    """The tables, and what has been learned from them.

    Attributes
    ----------
    know : Knowledge
    released, internal : mapping of name to DataFrame
        As released, and unprotected (for the referee).
    policies : dict
        Each site's policy, which is public.
    dated : set of str
        Sites that date their relapses.
    confidence : float
    """

    know: Knowledge
    released: Mapping[str, pd.DataFrame]
    internal: Mapping[str, pd.DataFrame]
    policies: dict[str, str]
    dated: set[str]
    confidence: float = 0.95
    printing: dict[tuple[str, str], int | None] = field(default_factory=dict)

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table that were released."""
        if table not in self.released:
            return
        keys = KEYS[table]
        within = _keyed(self.internal[table], keys)
        for key, row in _keyed(self.released[table], keys).items():
            yield Row(table, key, row, within[key])

    def decimals(self, table: str, column: str) -> int | None:
        """Return with how many decimals a column is printed."""
        key = table, column
        if key not in self.printing:
            self.printing[key] = inversions.decimals_of(self.released[table][column].dropna())
        return self.printing[key]

    def printed_as(self, statistic: str) -> int | None:
        """Return with how many decimals a statistic of the baseline is printed: one column holds them all."""
        key = "baseline", statistic
        if key not in self.printing:
            table = self.released["baseline"]
            values = table.loc[table["statistic"] == statistic, "value"].dropna()
            self.printing[key] = inversions.decimals_of(values)
        return self.printing[key]

    def publish(self, row: Row, column: str, name: Name) -> None:
        """Learn a count: its released value, or that it was withheld."""
        value, label = row.number(column), f"{row.table}.{column}"
        truth = row.within.get(column)
        if value is not None:
            self.know.know(name, value, value, label, told=True)
        elif truth is not None and not pd.isna(truth):
            cell = f"{row.table}.{column} [{', '.join(str(part) for part in row.key[:-1])}]"
            self.know.withhold(name, cell, 0, round(float(truth)))

    def total(self, quantity: str, arm: str, period: str, sites: tuple[str, ...] | None = None) -> Name:
        """Return the variable of a sum over sites (all, if not given), made of what each site and arm has.

        Sums of the same parts are one variable: sites of one policy are an arm.
        """
        sites = tuple(sorted(self.policies)) if sites is None else sites
        parts = tuple(part for site in sites for part in self.atoms(quantity, arm, period, site))
        if len(parts) == 1:
            return parts[0]
        name = ("sum", quantity, *parts)
        if name not in self.know.numbers:
            self.know.equal([name], parts, "sites and arms add up")
        return name

    def atoms(self, quantity: str, arm: str, period: str, site: str) -> list[Name]:
        """Return the variables of one site that add up to an arm's; none where the site has none of it."""
        if period in WHOLE and site not in self.dated:
            return []
        policy = self.policies[site]
        only = {"all": "treated", "none": "untreated"}.get(policy)
        if only:
            return [("atom", quantity, only, period, site)] if arm in ("all", only) else []
        if arm != "all":
            return [("atom", quantity, arm, period, site)]
        if quantity == "women":
            return [("atom", quantity, "both", period, site)]
        return [("atom", quantity, one, period, site) for one in ARMS]

    def several(self, period: str) -> list[Name]:
        """Return the pregnancies with 1, with 2, ... relapses in a period, as far as rows are of them."""
        return [name for name in self.know.numbers if name[:2] == ("frequency", period) and name[2]]

    def of_policy(self, policy: str) -> tuple[str, ...]:
        """Return the sites with a policy."""
        return tuple(sorted(site for site, theirs in self.policies.items() if theirs == policy))

    def choosing(self) -> bool:
        """Whether a woman may be in both arms: some site leaves treatment to choice."""
        return "individual" in self.policies.values()


def _keyed(table: pd.DataFrame, keys: list[str]) -> dict[tuple, dict]:
    """Return rows by their labels, numbered where these repeat."""
    found: dict[tuple, dict] = {}
    for record in table.to_dict("records"):
        key = tuple(record[column] for column in keys)
        number = 0
        while (*key, number) in found:
            number += 1
        found[(*key, number)] = record
    return found
