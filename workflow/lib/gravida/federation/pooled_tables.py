"""Characteristics, frequencies, sites, attrition and checks where some centres keep their rows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from gravida.attrition import ATTRITION
from gravida.errors import NotEstimable
from gravida.federation.answers import Answer
from gravida.federation.contrasts import PooledContrasts
from gravida.federation.pool import Pool
from gravida.federation.questions import Which
from gravida.federation.table_answers import table_question
from gravida.federation.tabulation import tabulate
from gravida.intake.table import CHECK_COLUMNS
from gravida.periods import COUNT_COLUMNS
from gravida.statistics import dispersion, registry_counts
from gravida.statistics.baseline import tabulate_characteristics
from gravida.statistics.contrasts import joined
from gravida.statistics.identifiability import NOT_IDENTIFIABLE
from gravida.statistics.sites import tabulate_sites
from gravida.words import NEEDS_ROWS

UNUSED = ("left_out", "quarantined", "repeated")
# Steps of attrition that are not added up over sites.
NOT_ADDED = ("left_out", "repeated")


def pool_baseline(pool: Pool) -> pd.DataFrame:
    """Return the table of `statistics.baseline.describe_baseline`; what is not a sum has a reason.

    Parameters
    ----------
    pool : Pool

    Raises
    ------
    Awaiting, Refused
        As `Pool.ask`.
    """
    (answers,) = pool.ask(table_question("baseline"))
    parts = [*answers.values()]
    sums = added(parts)
    apart = {
        (name, arm): _women_apart([part["continuous"][name][arm] for part in parts])
        for name, arms in sums["continuous"].items()
        for arm in arms
    }
    # Beside an empty median the release gate still learns how many women it would be about.
    quartiles = {key: {"median": (None, None, number)} for key, number in apart.items()}
    return tabulate_characteristics(sums, quartiles)


def added(parts: Sequence[Any]) -> Any:
    """Return the sum of nested mappings of numbers; None, which a site does not tell, stays None."""
    if isinstance(parts[0], Mapping):
        return {name: added([part[name] for part in parts]) for name in parts[0]}
    if isinstance(parts[0], list):
        return [added(each) for each in zip(*parts, strict=True)]
    return None if any(part is None for part in parts) else sum(parts)


def _women_apart(parts: Sequence[Mapping[str, Any]]) -> int | None:
    """Return how many women at least have another value than the one that most women have."""
    if any(part["women_apart"] is None for part in parts):
        return None
    shared: dict[float, int] = {}
    for part in (part for part in parts if part["n"] and not part["women_apart"]):
        value = part["sum"] / part["n"]
        shared[value] = shared.get(value, 0) + part["women"]
    others = sum(shared.values()) - max(shared.values(), default=0)
    return sum(part["women_apart"] for part in parts) + others


def pool_dispersion(pool: Pool, min_women: int = 1) -> pd.DataFrame:
    """Return the table of `statistics.dispersion.measure_dispersion`; a model's tests need rows.

    Parameters
    ----------
    pool : Pool
    min_women : int
        The fewest women of a frequency.

    Raises
    ------
    Awaiting, Refused
        As `Pool.ask`.
    """
    questions = [table_question("frequencies", period) for period in COUNT_COLUMNS]
    rows = []
    for period, answers in zip(COUNT_COLUMNS, pool.ask(*questions), strict=True):
        rows += _frequencies(period, [*answers.values()], min_women)
    return pd.DataFrame(rows, columns=dispersion.COLUMNS)


def _frequencies(period: str, parts: Sequence[Answer], min_women: int) -> Iterator[tuple]:
    most = min(len(part["or_more"]) for part in parts)
    shorter = {"exactly": slice(most), "or_more": slice(most)}
    counted = added([part | {name: part[name][of] for name, of in shorter.items()} for part in parts])
    results = dict.fromkeys(dispersion.TESTS, (None, None, None, NEEDS_ROWS))
    try:
        results["pearson"] = dispersion.pearson(counted)
        results["zeros"] = (dispersion.zeros(counted), None, None, NEEDS_ROWS)
    except NotEstimable as obstacle:
        results = dict.fromkeys(dispersion.TESTS, (None, None, None, str(obstacle)))
    return dispersion.tabulate_period(
        period, counted, results, None, dispersion.most_told(counted, min_women)
    )


def pool_sites(pool: Pool, policies: Mapping[str, str], period: str, confidence: float) -> pd.DataFrame:
    """Return the table of `statistics.sites.estimate_sites`: all of it follows from counts of sites.

    Parameters
    ----------
    pool : Pool
    policies : mapping
        Each site's policy.
    period : str
        The outcome period.
    confidence : float
        Coverage.

    Raises
    ------
    Awaiting, Refused
        As `Pool.ask`.
    """
    arms = tabulate(pool, Which((period,))).arms.xs("all", level="arm")
    names = ("pregnancies", "women", "relapses", "women_with_relapse", "relapses_most", "person_years")
    return tabulate_sites(arms[list(names)].to_dict("index"), policies, confidence)


def pool_registry(contrasts: PooledContrasts, year: int) -> pd.DataFrame:
    """Return a row of `statistics.registry_counts.count_registry`: relapses and person-years of a whole year.

    Who relapsed within 6 months, of those observed for them, needs rows; and the months alone would tell,
    with the year, of the rest of it.

    Parameters
    ----------
    contrasts : PooledContrasts
    year : int
        Of the latest data cut.

    Raises
    ------
    Awaiting, Refused
        As `Pool.ask`.
    """
    common = registry_counts.label(registry_counts.YEAR, year)
    if contrasts.verdict.verdict == NOT_IDENTIFIABLE:
        return pd.DataFrame([common | {"note": contrasts.verdict.reason.rstrip(".")}])
    counts = tabulate(contrasts.pool, Which((registry_counts.YEAR,)))
    row: dict[str, Any] = common | {"events_counted": "relapses", "women": float(counts.of("all")["women"])}
    behind = []
    for name, arm in registry_counts.ARMS.items():
        side = counts.side(arm)
        row |= {f"{name}_events": float(side.relapses), f"{name}_person_years": side.person_years}
        behind += [side.women, side.women_with_relapse, side.women - side.women_with_relapse]
    row["smallest_count"] = float(min(filter(None, behind)))
    note = joined(registry_counts.POISSON, contrasts.between_note, contrasts.immortal_note)
    return pd.DataFrame([row | {"note": note}])


def pool_attrition(pool: Pool, own: pd.DataFrame) -> pd.DataFrame:
    """Return the table of attrition of `cohort.build_cohort`, its rows of all sites added up.

    Parameters
    ----------
    pool : Pool
    own : DataFrame
        The table of the sites whose rows are at hand; without a row if there is none.

    Raises
    ------
    Awaiting, Refused
        As `Pool.ask`.
    """
    own = own.reindex(columns=ATTRITION)
    table = _with_theirs(pool, "attrition", own[own["site"] != "all"], ATTRITION)
    parts = [table[table["step"] == step] for step in UNUSED]
    parts.append(table[~table["step"].isin(UNUSED)])
    made = [part for each in parts for part in (_all_of(each), each) if len(part)]
    return pd.concat(made, ignore_index=True) if made else table


def _all_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of all sites together, of steps that are added up."""
    counted = table[~table["step"].isin(NOT_ADDED)]
    sums = counted.groupby(["step", "reason"], sort=False)[["pregnancies", "women"]].sum().reset_index()
    return sums.assign(site="all")[table.columns]


def pool_quality(pool: Pool, own: pd.DataFrame) -> pd.DataFrame:
    """Return the table of checks of `intake.submission.tabulate_checks`, sites in order of their names.

    Parameters
    ----------
    pool : Pool
    own : DataFrame
        The table of the sites whose rows are at hand; without a row if there is none.

    Raises
    ------
    Awaiting, Refused
        As `Pool.ask`.
    """
    return _with_theirs(pool, "data_quality", own, CHECK_COLUMNS)


def _with_theirs(pool: Pool, kind: str, own: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return rows at hand and those that sites have handed over, by site."""
    rows = own.reindex(columns=list(columns)).to_dict("records")
    if pool.given:
        (answers,) = pool.ask(table_question(kind), of=tuple(pool.given))
        rows += [row | {"site": site} for site, each in answers.items() for row in each["rows"]]
    table = pd.DataFrame(rows, columns=list(columns)).sort_values("site", kind="stable", ignore_index=True)
    counts = [name for name in COUNTS if name in columns]
    return table.astype(dict.fromkeys(counts, "Int64"))


COUNTS = ("pregnancies", "women", "rows_checked", "rows_failed")
