"""The release gate: what may leave, and what is withheld.

`schemas.release` says of every column what it is. Rules, one after the other, look at the unprotected tables
and say which cells are withheld: first those that rest on few women, then those that would give them away. A
withheld cell is empty and its row is flagged; 0 is kept unless it would tell.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gravida.disclosure import cells, comparisons, curves, levels, person_time, populations
from gravida.disclosure.case import Case, Withheld
from gravida.disclosure.earlier import corrected, counts_of, earlier_releases
from gravida.disclosure.printing import print_numbers
from gravida.errors import ReleaseRefused
from schemas.release import RELEASED, STAY, roles_of

Rule = Callable[[Case], Iterable[Withheld]]
# In this order: later ones see what earlier ones withheld. The sentence is for the person who signs.
RULES: dict[str, tuple[Rule, str]] = {
    "few_women": (cells.few_women, "fewer women than the threshold are behind it, or have an event in it"),
    "dominance": (cells.one_woman_dominates, "one woman has more than half of the relapses"),
    "residual": (cells.few_residual_women, "the model has nearly as many coefficients as there are women"),
    "earlier": (earlier_releases, "few women, or events, came in since an earlier release"),
    "corrected": (corrected, "a site corrected few women since an earlier release, and this moved"),
    "shared": (cells.value_nearly_all_share, "few differ from the value that all others have"),
    "quantiles": (cells.equal_quantiles, "quantiles are equal"),
    "small_site": (populations.few_at_a_site, "a site has few women; others hide it in the sum"),
    "small_arm": (populations.few_in_an_arm, "an arm has few women; the other hides it in the sum"),
    "left_out": (populations.few_left_out, "few were left out, and could be had by subtraction"),
    "treated": (populations.treated_at_sites, "few were treated at a site, or few were not"),
    "steps": (curves.steps, "few had a first relapse between two days of a curve"),
    "parts": (person_time.parts_go_together, "parts of a sum go together: one of them is withheld"),
    "levels": (levels.levels_add_up, "levels add up to a known number; one of them is withheld"),
    "described": (levels.described_relapses, "the relapses that it describes are withheld"),
    "predictors": (
        levels.predictor_levels_add_up,
        "levels add up to known relapses; one of them is withheld",
    ),
    "regimens": (levels.regimens_add_up, "regimens add up to a known number; one of them is withheld"),
    "events": (levels.events_of_both_arms, "few had the event in one arm; the other hides it in the sum"),
    "rows": (populations.rows_at_sites, "how many rows a site sent tells of numbers that are withheld"),
    "checks": (levels.checks_of_all_sites, "few rows failed the check at one site"),
    "at_risk": (curves.curves_follow, "relapses until this day are withheld, or few are at risk"),
    "arms": (comparisons.arms_follow, "it compares arms whose relapses are withheld"),
    "terms": (comparisons.terms_follow, "it compares cells of which one is withheld"),
    "sites": (comparisons.sites_follow, "it is made of the rates of sites of which one is withheld"),
    "apart": (comparisons.populations_apart, "few women differ between this population and another"),
}


@dataclass(frozen=True, slots=True)
class Protected:
    """Protected tables, and why each withheld cell was.

    Attributes
    ----------
    tables : dict of name to DataFrame
        With a further column `suppressed`, without the columns that only the gate reads.
    decisions : DataFrame
        Columns table, row (number of the row), column, rule.
    counts : dict
        The counts behind every row of which a number leaves, for later releases to be compared with.
    """

    tables: dict[str, pd.DataFrame]
    decisions: pd.DataFrame
    counts: dict[str, dict]


def release_tables(
    internal: Mapping[str, pd.DataFrame],
    threshold: int,
    earlier: Sequence[Mapping[str, Mapping]] = (),
    rounding: str = "",
    confidence: float = 0.95,
    rules: Mapping[str, tuple[Rule, str]] = RULES,
) -> Protected:
    """Protect tables.

    Parameters
    ----------
    internal : mapping of name to DataFrame
        Unprotected tables, each with a schema in `schemas.release`.
    threshold : int
        A cell rests on no woman or on at least this many.
    earlier : sequence of mapping
        `Protected.counts` of earlier releases.
    rounding : str
        As `rounding.round_tables` takes it.
    confidence : float
        Coverage of exact limits of rounded counts.
    rules : mapping of code to (rule, sentence)

    Raises
    ------
    ReleaseRefused
        If a table or a column is not in the release schema.
    """
    for name, table in internal.items():
        _check(name, table)
    # A table without rows has nothing to withhold, and tells nothing.
    tables = {n: table.reset_index(drop=True) for n, table in internal.items() if len(table)}
    tables = print_numbers(tables, threshold)
    codes = ("", *rules)
    marks = {name: np.zeros(table.shape, dtype=np.int8) for name, table in tables.items()}
    full = {name: (table.notna() & table.ne("")).to_numpy() for name, table in tables.items()}
    for number, (rule, _) in enumerate(rules.values(), start=1):
        hidden = {n: pd.DataFrame(marks[n] > 0, table.index, table.columns) for n, table in tables.items()}
        for found in rule(Case(tables, threshold, hidden, earlier)):
            places = tables[found.table].columns.get_indexer(list(found.columns))
            cells = np.ix_(found.rows, places)
            fresh = full[found.table][cells] & (marks[found.table][cells] == 0)
            marks[found.table][cells] = np.where(fresh, number, marks[found.table][cells])
    shown = {n: pd.DataFrame("", table.index, table.columns) for n, table in internal.items()}
    why = shown | {
        n: pd.DataFrame(np.array(codes)[marks[n]], table.index, table.columns) for n, table in tables.items()
    }
    protected = {n: _without(n, tables.get(n, table), why[n]) for n, table in internal.items()}
    if rounding:
        # Imported here: most profiles round nothing.
        from gravida.disclosure.rounding import round_tables

        protected = round_tables(protected, rounding, confidence)
    return Protected(protected, _decisions(why), counts_of({**internal, **tables}, why))


def _check(name: str, table: pd.DataFrame) -> None:
    if name not in RELEASED:
        raise ReleaseRefused(f"table {name} is not in schemas/release.py; say there what may leave of it")
    unknown = [column for column in table.columns if column not in roles_of(name)]
    if unknown:
        raise ReleaseRefused(f"{name}: column {unknown[0]} has no role in schemas/release.py")


def _without(name: str, table: pd.DataFrame, why: pd.DataFrame) -> pd.DataFrame:
    """Return a table without what is withheld, and without what only the gate reads."""
    guards = [column for column, role in roles_of(name).items() if role in STAY and column in table]
    hidden = why.ne("").drop(columns=guards)
    protected = table.drop(columns=guards).mask(hidden)
    return RELEASED[name].validate(protected.assign(suppressed=hidden.any(axis=1)))


def _decisions(why: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    parts = [
        frame.rename_axis("row")
        .reset_index()
        .melt("row", var_name="column", value_name="rule")
        .assign(table=name)
        for name, frame in why.items()
    ]
    empty = pd.DataFrame(columns=["table", "row", "column", "rule"])
    found = pd.concat([part[part["rule"] != ""] for part in parts]) if parts else empty
    return found[list(empty)].sort_values(["table", "row", "column"], ignore_index=True)
