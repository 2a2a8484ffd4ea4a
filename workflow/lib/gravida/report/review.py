"""The review sheet: what a person reads and signs before a release leaves. It is internal and never leaves.

Of the rows of tables it shows labels and counts of women, pregnancies and events, also those that are
withheld, and no other number.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gravida import words
from gravida.errors import ReleaseRefused
from gravida.files import read_text
from gravida.report.sections import SECTIONS
from schemas.release import roles_of

TEMPLATE = Path(__file__).with_name("review.html.j2")
# What is no number, or never leaves; `suppressed` has no role.
NO_NUMBER = ("", "label", "remark", "guard")
COUNTS = ("denominator", "count", "events", "guard")
# The most events of one woman are her own number, and no count of women.
OF_ONE_WOMAN = "_most"
# So many women share a value: where they are few it is rounded.
AT_VALUE = "women_at_"
LONGEST_LABEL = 60
# In the configuration these may name files of the machine.
PLACES = ("sites", "evidence.studies", "evidence.published_rates", "evidence.claims")
# The tables that each figure is drawn from.
FIGURES = {
    "course": ("relapse_rates",),
    "flow": ("attrition",),
    "predictors": ("predictors",),
    "rootogram": ("dispersion",),
    "sensitivity": ("sensitivity",),
    "evidence_forest": ("evidence_studies", "evidence_pooled"),
    "evidence_funnel": ("evidence_studies", "evidence_pooled"),
    "evidence_cumulative": ("evidence_pooled",),
}
TITLES = {section.table: (section.title, section.caption) for section in SECTIONS}


@dataclass(frozen=True, slots=True)
class ReviewContext:
    """What the person who signs must know beside the tables.

    Attributes
    ----------
    record : mapping
        Of this release, as `releases.compare_releases` makes it.
    last : mapping or None
        The record of the release before.
    configuration : mapping
        The merged configuration.
    verdict : mapping
        ``verdict`` and ``reason``.
    headline : str
    threshold : int
        The fewest women on whom a released cell may rest.
    synthetic : sequence of bool
        For each site, whether its rows are invented.
    """

    record: Mapping[str, Any]
    last: Mapping[str, Any] | None
    configuration: Mapping[str, Any]
    verdict: Mapping[str, Any]
    headline: str
    threshold: int
    synthetic: Sequence[bool] = ()


@dataclass(frozen=True)
class ReviewedTable:
    """A table before and after the gate, and the rule that withheld each (row, column)."""

    name: str
    internal: pd.DataFrame
    released: pd.DataFrame
    decisions: Mapping[tuple[int, str], str]

    @cached_property
    def shown(self) -> pd.DataFrame:
        """Which numbers are there after the gate."""
        return ~_empty(self.released[self._columns(self.released)])

    @cached_property
    def withheld(self) -> pd.DataFrame:
        """Which numbers were there before the gate and are not after it."""
        return ~_empty(self.internal[self._columns(self.released)]) & ~self.shown

    def _columns(self, frame: pd.DataFrame, *roles: str) -> list[str]:
        """Return the columns of these roles; without roles, those of numbers."""
        known = roles_of(self.name)
        kept = (lambda role: role in roles) if roles else (lambda role: role not in NO_NUMBER)
        return [column for column in frame if kept(known.get(column, ""))]

    def cells_shown(self) -> int:
        """Return how many numbers leave."""
        return int(self.shown.to_numpy().sum())

    def rules(self) -> Counter[str]:
        """Return how many cells each rule withheld."""
        return Counter(self.decisions.values())

    def differs(self) -> int:
        """Return how many cells the decisions and the released table do not agree about.

        Empty without a decision, there in spite of one, or a label that is not the same.
        """
        rows, columns = np.nonzero(self.withheld.to_numpy())
        empty = set(zip(rows.tolist(), self.withheld.columns[columns], strict=True))
        there = ~_empty(self.internal)
        decided = {cell for cell in self.decisions if cell[1] in self.withheld and there.loc[cell]}
        labels = self._columns(self.released, "label")
        other = self.internal[labels].astype(str).ne(self.released[labels].astype(str))
        return len(empty ^ decided) + int(other.to_numpy().sum())

    def smallest(self) -> int | None:
        """Return the smallest number of women behind a number that is shown, None where none are counted.

        Women who only guard a row are behind its numbers where none of them is withheld.
        """
        found: list[float] = []
        for column in self.internal:
            if not column.startswith("women") or column.startswith(AT_VALUE):
                continue
            behind = self.shown.any(axis=1)
            if column != "women":
                behind &= self.shown[column] if column in self.shown else ~self.withheld.any(axis=1)
            counts = pd.to_numeric(self.internal.loc[behind, column])
            found += counts[counts > 0].tolist()
        return int(min(found)) if found else None

    def lines(self) -> list[dict[str, str]]:
        """Return for each row its labels, the counts it was judged by, and what each rule withheld of it."""
        labels = self._columns(self.internal, "label")
        counts = [
            column for column in self._columns(self.internal, *COUNTS) if not column.endswith(OF_ONE_WOMAN)
        ]
        taken: dict[int, dict[str, list[str]]] = {}
        for (row, column), rule in self.decisions.items():
            taken.setdefault(row, {}).setdefault(rule, []).append(column)
        return [
            {
                "label": _label(row, labels),
                "counts": ", ".join(
                    f"{name} {words.count(row[name])}" for name in counts if not words.is_missing(row[name])
                ),
                "withheld": "; ".join(
                    f"{rule}: {', '.join(cells)}" for rule, cells in taken.get(number, {}).items()
                ),
            }
            for number, row in enumerate(self.internal.to_dict("records"))
        ]


def review_release(
    internal: Mapping[str, pd.DataFrame],
    released: Mapping[str, pd.DataFrame],
    decisions: Iterable[pd.DataFrame],
    rules: Mapping[str, str],
    context: ReviewContext,
) -> str:
    """Return the review sheet as self-contained HTML, the same text for the same input.

    Parameters
    ----------
    internal, released : mapping of name to DataFrame
        The same tables before and after the gate, their rows in the same order; `baseline`, `safety`,
        `identifiability` and `estimability` are among them.
    decisions : iterable of DataFrame
        Columns table, row (number of the row), column and rule: one line for each cell that is withheld.
    rules : mapping of str to str
        What each rule means.
    context : ReviewContext

    Raises
    ------
    ReleaseRefused
        If the gate did not keep every row of a table: what it decided could not be told row by row.
    """
    from jinja2 import Environment, StrictUndefined

    for name, frame in released.items():
        if len(internal[name]) != len(frame):
            raise ReleaseRefused(f"table {name} has other rows after the gate than before it")
    decided: dict[str, dict[tuple[int, str], str]] = {name: {} for name in released}
    for cell in (cell for frame in decisions for cell in frame.to_dict("records")):
        decided[cell["table"]][int(cell["row"]), cell["column"]] = cell["rule"]
    tables = [ReviewedTable(name, internal[name], frame, decided[name]) for name, frame in released.items()]
    counted = sum((table.rules() for table in tables), Counter())
    extremes = list(_extremes(internal, released, context.threshold))
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(read_text(TEMPLATE)).render(
        context=context,
        tables=tables,
        titles=TITLES,
        figures=FIGURES,
        rules={code: rules.get(code, "") for code in [*rules, *(set(counted) - set(rules))]},
        counted=counted,
        against=lambda *stems: _against(rules, counted, stems),
        extremes=extremes,
        to_look_at=list(_to_look_at(tables, rules, extremes, context)),
        sites=_sites(internal["identifiability"], context),
        plan=dict(_flat(context.configuration)),
        fewest=min((women for table in tables if (women := table.smallest()) is not None), default=None),
        residual=_residual(internal["estimability"]),
    )


def _empty(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.isna() | frame.eq("")


def _label(row: Mapping[str, Any], columns: Iterable[str]) -> str:
    """Return what a row is about; a long text is cut."""
    texts = filter(None, (words.text(row[column]) for column in columns))
    return " · ".join(
        text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…" for text in texts
    )


def _against(rules: Mapping[str, str], counted: Mapping[str, int], stems: Sequence[str]) -> str:
    """Say what the rules whose codes begin with one of these did."""
    codes = [code for code in rules if code.startswith(tuple(stems))]
    if not codes:
        return "No rule of the gate looks at this."
    return f"Cells withheld: {', '.join(f'{code} {counted[code]}' for code in codes)}."


def _extremes(
    internal: Mapping[str, pd.DataFrame], released: Mapping[str, pd.DataFrame], threshold: int
) -> Iterator[dict[str, Any]]:
    """Yield the shown percentages of 0 and 100 in a group of fewer women than twice the threshold."""
    for name, column in (("baseline", "value"), ("safety", "percent")):
        table = internal[name]
        women = _women_of_groups(table) if name == "baseline" else table["women"]
        everybody = table[column].isin([0, 100]) & ~_empty(released[name][[column]])[column]
        if name == "baseline":
            everybody &= table["statistic"] == "percent"
        labels = [label for label in table if roles_of(name).get(label) == "label"]
        for row, group in zip(table[everybody].to_dict("records"), women[everybody], strict=True):
            if group < 2 * threshold:
                yield {
                    "table": name,
                    "label": _label(row, labels),
                    "percent": words.text(row[column]),
                    "women": int(group),
                }


def _women_of_groups(baseline: pd.DataFrame) -> pd.Series:
    """Return for each row the women of its arm in whom the variable is known: `women` is those of a level."""
    everybody = baseline[baseline["variable"] == "women"].set_index("arm")["value"]
    missing = baseline[baseline["statistic"] == "missing"].set_index(["variable", "arm"])["women"].to_dict()
    unknown = [missing.get(group, 0) for group in zip(baseline["variable"], baseline["arm"], strict=True)]
    return baseline["arm"].map(everybody) - pd.Series(unknown, index=baseline.index)


def _to_look_at(
    tables: Iterable[ReviewedTable],
    rules: Mapping[str, str],
    extremes: Sequence[Mapping],
    context: ReviewContext,
) -> Iterator[str]:
    """Yield what must be settled before anybody signs."""
    for table in tables:
        if (differ := table.differs()) > 0:
            yield f"{table.name}: {differ} cells are not as the decisions about them say."
        smallest = table.smallest()
        if smallest is not None and smallest < context.threshold:
            yield f"{table.name}: a number is shown that rests on fewer women than the threshold."
        if unknown := set(table.rules()) - set(rules):
            yield f"{table.name}: no sentence says what these rules mean: {', '.join(sorted(unknown))}."
    if extremes:
        yield f"0% or 100% of a small group is shown {len(extremes)} times; they are listed below."
    if context.last and context.last["plan"] != context.record["plan"]:
        yield "The analysis plan is another one than that of the release before."
    if any(context.synthetic):
        yield "Rows of at least one site are invented: what is shown is no result."


def _sites(identifiability: pd.DataFrame, context: ReviewContext) -> list[dict[str, Any]]:
    """Return each site of this release and of the one before, with what it sent then and now."""
    policies = identifiability.set_index("site")["policy"].to_dict()
    before, now = (context.last or {"sites": {}})["sites"], context.record["sites"]
    nothing = {"data_cut": words.DASH, "pregnancies": words.DASH, "women": words.DASH}
    return [
        {
            "site": site,
            "policy": words.POLICIES.get(policies.get(site, ""), words.DASH),
            "now": now.get(site, nothing),
            "before": before.get(site, nothing),
        }
        for site in dict.fromkeys([*now, *before])
    ]


def _flat(configuration: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield each key of the plan with the keys above it, and its value as text."""
    for key, value in configuration.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        elif f"{above}{key}" not in PLACES:
            yield f"{above}{key}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _residual(estimability: pd.DataFrame) -> int | None:
    """Return the fewest women beyond the coefficients of a model that the design holds."""
    held = estimability[estimability["status"] == "ok"]
    return int((held["women"] - held["parameters"]).min()) if len(held) else None
