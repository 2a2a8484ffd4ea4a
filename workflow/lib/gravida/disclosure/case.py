"""What a rule of the release gate sees, and what it answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from schemas.release import roles_of

ARMS = ("treated", "untreated")
# Where cells of these roles are withheld because of few events, what follows from them goes with them.
ANSWERS = ("events", "derived", "estimate")
SIZES = ("denominator", "count")
# Rows of `doses` that are not about one regimen.
SUMS = ("all", "before delivery")
# A row of which every number goes does not say how they came about.
ROW = (*SIZES, "own", "time", *ANSWERS, "remark")


@dataclass(frozen=True, slots=True)
class Withheld:
    """Cells of a table that a rule withholds: these columns in these rows (one bool a row)."""

    table: str
    rows: np.ndarray
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """Unprotected tables, and which of their cells earlier rules have withheld.

    Attributes
    ----------
    tables : mapping of name to DataFrame
    threshold : int
        The fewest women on whom a cell may rest.
    hidden : mapping of name to DataFrame of bool
        As large as the tables.
    earlier : sequence of mapping
        Counts of earlier releases, as `earlier.counts_of` returns them.
    """

    tables: Mapping[str, pd.DataFrame]
    threshold: int
    hidden: Mapping[str, pd.DataFrame]
    earlier: Sequence[Mapping[str, Mapping]] = ()

    def small(self, values: pd.Series | np.ndarray | float) -> pd.Series | np.ndarray | bool:
        """Say which counts are above 0 and below the threshold."""
        return (values > 0) & (values < self.threshold)

    def near(self, value: float, others: Iterable[float]) -> bool:
        """Say whether a count is so close to one of the others that the difference is a small count."""
        return any(0 < abs(value - other) < self.threshold for other in others)

    def columns(self, name: str, *roles: str) -> tuple[str, ...]:
        """Return the columns of a table that have one of these roles."""
        known = roles_of(name)
        return tuple(column for column in self.tables[name] if known[column] in roles)

    def any_small(self, name: str, columns: Iterable[str]) -> np.ndarray:
        """Say in which rows one of these counts is small."""
        found = np.zeros(len(self.tables[name]), dtype=bool)
        for column in columns:
            found |= np.asarray(self.small(pd.to_numeric(self.tables[name][column])), dtype=bool)
        return found

    def dominated(self, name: str, suffix: str) -> np.ndarray:
        """Say in which rows one woman has more than half of the relapses, of the whole or of a part."""
        table, most = self.tables[name], f"relapses_most{suffix}"
        if most not in table:
            return np.zeros(len(table), dtype=bool)
        return (table[most] > table[f"relapses{suffix}"] / 2).to_numpy(bool)

    def withhold(self, name: str, rows: pd.Series | np.ndarray, *columns: str) -> Withheld:
        """Return cells as withheld; without columns, every number of the rows and what is said of them."""
        return Withheld(name, np.asarray(rows, dtype=bool), columns or self.columns(name, *ROW))

    def answers(self, name: str, rows: pd.Series | np.ndarray) -> Withheld:
        """Return events and what follows from them as withheld."""
        return self.withhold(name, rows, *self.columns(name, *ANSWERS))

    def is_open(self, arm: str, period: str, column: str = "relapses") -> bool:
        """Say whether the relapses (or another column) of an arm, or of `all`, in a period are released."""
        if "relapse_rates" not in self.tables:
            return True
        table, hidden = self.tables["relapse_rates"], self.hidden["relapse_rates"][column]
        here = (table["group"] == "arm") & (table["arm"] == arm) & (table["period"] == period)
        return not bool(hidden[here].any())

    def arms_open(self, period: str) -> bool:
        """Say whether the relapses of the two arms in a period are released."""
        return all(self.is_open(arm, period) for arm in ARMS)

    def policies(self) -> pd.Series:
        """Return each site's policy; none where the table that says it is not there."""
        if "identifiability" not in self.tables:
            return pd.Series(dtype=object)
        return self.tables["identifiability"].set_index("site")["policy"]

    def within_sites(self, name: str) -> pd.Series:
        """Say which rows of a comparison are of sites by choice alone, those that are adjusted for the site.

        `precision` is about the primary row; of a table that does not say, every row may be.
        """
        table = self.tables[name]
        if "adjusted_for" in table:
            return table["adjusted_for"].astype(str).str.split(";").map(lambda names: "site" in names)
        if name != "precision" or "rate_ratios" not in self.tables:
            return pd.Series(True, table.index)
        primary = self.tables["rate_ratios"]["is_primary"].astype(bool)
        return pd.Series(bool(self.within_sites("rate_ratios")[primary].iloc[0]), table.index)

    def sites_open(self, period: str) -> bool:
        """Say whether the relapses of every site in a period are released."""
        table, hidden = self.tables["relapse_rates"], self.hidden["relapse_rates"]["relapses"]
        return not bool(hidden[(table["group"] == "site") & (table["period"] == period)].any())


def partners(counts: pd.DataFrame, must: pd.Series, threshold: int) -> pd.Series:
    """Choose which parts of a known sum to withhold, so that none of `must` can be had by subtraction.

    At least two are withheld, and together they count 0 or at least the threshold, in every column. The
    smallest are chosen.

    Parameters
    ----------
    counts : DataFrame, one row a part
        Each column adds up to a number that is known.
    must : Series of bool
        The parts that are withheld anyway.
    threshold : int
    """
    chosen = must.copy()
    order = counts.sum(axis=1).sort_values(kind="stable").index
    for part in order:
        together = counts[chosen].sum()
        enough = chosen.sum() >= 2 and not ((together > 0) & (together < threshold)).any()
        if not must.any() or enough:
            break
        if not chosen[part] and counts.loc[part].sum() > 0:
            chosen[part] = True
    return chosen


def levels_of(case: Case, table: pd.DataFrame) -> pd.Series:
    """Return the level of each row; where treatment is chosen at some site, no sites add up to an arm."""
    levels = table["arm"].map(dict.fromkeys(ARMS, "arms")).fillna("all")
    policies = case.policies()
    chosen = "individual" in set(policies)
    of_site = "sites" if chosen or not len(policies) else "sites " + table["site"].map(policies).astype(str)
    return levels.mask(table["group"] == "site", of_site)


def finer_levels(level: str, levels: Iterable[str]) -> list[str]:
    """Return a level and those whose numbers add up to its own: of all the arms, of the arms the sites."""
    depth = {"all": 0, "arms": 1}
    return [one for one in set(levels) if one == level or depth.get(one, 2) > depth.get(level, 2)]
