"""When the first relapse comes after delivery: relapse-free shares, risk differences, the arms compared."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gravida.models.kaplan_meier import log_log_limits
from gravida.periods import YEAR, Window, observation
from gravida.statistics import identifiability as design_of
from gravida.statistics.contrasts import BETWEEN_SITES, IMMORTAL_TIME, joined
from gravida.statistics.followed import Followed
from gravida.statistics.identifiability import Identifiability
from gravida.statistics.risk_difference import estimate_risk_difference
from gravida.statistics.time_to_relapse import (
    TimesComparison,
    TimeToRelapse,
    estimate_time_row,
    hazard_ratio,
    log_rank_test,
    not_followed,
    proportional_hazards_test,
    restricted_mean_difference,
)

UNDATED = "no site dates its relapses"
NOT_OBSERVED = "no pregnancy of the sites that date their relapses has an observed day after delivery"
NO_CHOICE_DATED = "no site by choice dates its relapses"


@dataclass(frozen=True, slots=True)
class SurvivalSettings:
    """What the analysis plan fixes about times to relapse; days are after delivery, at most 365.

    Attributes
    ----------
    numerator, denominator : str
        The arms of the hazard ratio.
    confidence : float
        Coverage of the limits.
    restricted_to : int
        Day up to which mean times are taken.
    days : tuple of int
        Days of the risk differences.
    curve_days : tuple of int
        Days of the relapse-free shares.
    """

    numerator: str
    denominator: str
    confidence: float
    restricted_to: int = YEAR
    days: tuple[int, ...] = (91, 182, YEAR)
    curve_days: tuple[int, ...] = (91, 182, 273, YEAR)


@dataclass(frozen=True, slots=True)
class RelapseFree:
    """One row of the table `relapse_free`; `relapsed` counts through the day."""

    arm: str
    day: int
    pregnancies: int
    women: int
    at_risk: int
    relapsed: int
    women_relapsed: int
    relapse_free: float | None = None
    lower: float | None = None
    upper: float | None = None
    status: str = "ok"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SurvivalTables:
    """The three tables of times to relapse, columns as in the contract."""

    relapse_free: pd.DataFrame
    risk_difference: pd.DataFrame
    time_to_relapse: pd.DataFrame


def follow_up(pregnancies: pd.DataFrame, onsets: pd.DataFrame) -> pd.DataFrame:
    """Follow each pregnancy of a site that dates its relapses from delivery to the first one.

    Parameters
    ----------
    pregnancies, onsets : DataFrame
        Of the cohort, or some of its pregnancies with their index. Onsets that belong to the relapse before
        them are no relapse.

    Returns
    -------
    DataFrame
        One row a pregnancy with an observed day in the year after delivery: pregnancy (its index), site,
        woman, arm, entry (first observed day), time (day of the first relapse + 1, or else the end of
        observation), relapsed. At risk on the days ``entry < day <= time``.
    """
    everywhere = observation(pregnancies)
    year = Window(np.zeros_like(everywhere.start), np.full_like(everywhere.end, YEAR))
    observed = year.within(everywhere)
    first = np.full(len(pregnancies), YEAR, dtype=np.int64)
    kept = onsets[onsets["retained"].astype(bool)]
    position, day = pregnancies.index.get_indexer(kept["pregnancy"]), kept["day"].to_numpy(np.int64)
    inside = (position >= 0) & (day >= observed.start[position]) & (day < observed.end[position])
    np.minimum.at(first, position[inside], day[inside])
    relapsed = first < YEAR
    rows = pregnancies[["site", "woman", "arm"]].assign(
        pregnancy=pregnancies.index,
        entry=observed.start,
        time=np.where(relapsed, first + 1, observed.end),
        relapsed=relapsed,
    )
    rows = rows[pregnancies["dated"].to_numpy(bool) & (observed.end > observed.start)]
    columns = ["pregnancy", "site", "woman", "arm", "entry", "time", "relapsed"]
    return rows[columns].reset_index(drop=True)


def estimate_survival(
    pregnancies: pd.DataFrame,
    onsets: pd.DataFrame,
    policies: Mapping[str, str],
    settings: SurvivalSettings,
    verdict: Identifiability,
) -> SurvivalTables:
    """Estimate when first relapses come after delivery, in each arm and compared between the arms.

    Sites that do not date their relapses are left out, and every row says so. The Cox model has Efron's ties
    and errors clustered by woman. Kaplan-Meier shares, risk differences, log-rank and the test of
    proportional hazards take pregnancies as independent. Where some site leaves treatment to choice,
    `cox_by_site` compares within those sites.

    Parameters
    ----------
    pregnancies, onsets : DataFrame
        Of the cohort.
    policies : mapping
        Each site's policy.
    settings : SurvivalSettings
        The choices of the analysis plan.
    verdict : Identifiability
        What the design can answer: no contrast where it is `not identifiable`.
    """
    rows = follow_up(pregnancies, onsets)
    dated = pregnancies.groupby("site")["dated"].any().to_dict()
    arms = (settings.numerator, settings.denominator)
    return tabulate_survival(
        TimesComparison(rows, *arms, settings.confidence), dated, policies, settings, verdict
    )


def tabulate_survival(
    comparison: TimesComparison,
    dated: Mapping[str, bool],
    policies: Mapping[str, str],
    settings: SurvivalSettings,
    verdict: Identifiability,
) -> SurvivalTables:
    """Return the tables of pregnancies that are followed, of which rows or counts are at hand.

    Parameters
    ----------
    comparison : TimesComparison
        Without a note.
    dated : mapping of site to bool
        Whether each site dates its relapses.
    policies, settings, verdict
        As for `estimate_survival`.
    """
    sites, by_site = [site for site in sorted(dated) if dated[site]], comparison.followed.by_site()
    left_out = _left_out(len(dated), len(sites))
    missing = "" if len(by_site) else NOT_OBSERVED if sites else UNDATED
    here = _verdict_of_dated(by_site, {site: policies[site] for site in sites}, verdict)
    note = joined(left_out, _design_note(by_site, policies, here))
    obstacle = missing or (here.reason if here.verdict == design_of.NOT_IDENTIFIABLE else "")
    crude = replace(comparison, note=note, obstacle=obstacle)
    compared = _compare(crude, settings.restricted_to)
    if verdict.verdict == design_of.WITHIN and len(policies) > 1:
        compared.append(_within_sites(crude, by_site, policies, missing, left_out))
    return SurvivalTables(
        pd.DataFrame(_relapse_free(crude.followed, settings, missing, left_out)),
        pd.DataFrame([estimate_risk_difference(crude, day) for day in settings.days]),
        pd.DataFrame(compared),
    )


def _left_out(sites: int, dated: int) -> str:
    """Say how many sites are left out, "" for none and for all (which has a reason of its own)."""
    undated = sites - dated
    if not dated or not undated:
        return ""
    verb = "does not date its relapses and is" if undated == 1 else "do not date their relapses and are"
    return f"{undated} of {sites} sites {verb} left out"


def _verdict_of_dated(
    by_site: pd.DataFrame, policies: Mapping[str, str], verdict: Identifiability
) -> Identifiability:
    """Return the verdict on the sites that date their relapses, which may hold less than all sites do."""
    if verdict.verdict == design_of.NOT_IDENTIFIABLE or by_site.empty:
        return verdict
    table = by_site.reindex(sorted(policies), fill_value=0).rename_axis("site").reset_index()
    share = table["treated"] / table["pregnancies"].where(table["pregnancies"] > 0)
    return design_of.judge_sites(table.assign(policy=table["site"].map(policies), share_treated=share))


def _design_note(by_site: pd.DataFrame, policies: Mapping[str, str], verdict: Identifiability) -> str:
    """Return what must be said beside every contrast."""
    choice = all(policies[site] == "individual" for site in by_site.index)
    between = verdict.verdict == design_of.BETWEEN or not choice
    return joined(
        IMMORTAL_TIME if verdict.verdict == design_of.WITHIN else "", BETWEEN_SITES if between else ""
    )


def _compare(crude: TimesComparison, restricted_to: int) -> list[TimeToRelapse]:
    methods = {
        "cox": hazard_ratio,
        "log_rank": log_rank_test,
        "rmst_difference": lambda comparison: restricted_mean_difference(comparison, restricted_to),
        "proportional_hazards": proportional_hazards_test,
    }
    return [estimate_time_row(crude, method, numbers_of) for method, numbers_of in methods.items()]


def _within_sites(
    crude: TimesComparison, by_site: pd.DataFrame, policies: Mapping[str, str], missing: str, left_out: str
) -> TimeToRelapse:
    """Return the hazard ratio within the sites that leave treatment to choice."""
    chosen = by_site.loc[[site for site in by_site.index if policies[site] == "individual"]]
    both = chosen["treated"].gt(0) & chosen["treated"].lt(chosen["pregnancies"])
    telling = chosen.index[both & chosen["relapsed"].gt(0)]
    note = "one site is left to compare: the comparison is within it" if len(telling) == 1 else ""
    silent = len(chosen) - len(telling)
    if silent:
        note = joined(f"{silent} of {len(chosen)} sites by choice had one arm or no relapse", note)
    comparison = replace(
        crude.within(telling if len(telling) else chosen.index),
        note=joined(left_out, IMMORTAL_TIME if len(chosen) else "", note),
        obstacle=missing or ("" if len(chosen) else NO_CHOICE_DATED),
    )
    return estimate_time_row(comparison, "cox_by_site", hazard_ratio)


def _relapse_free(
    followed: Followed, settings: SurvivalSettings, missing: str, left_out: str
) -> list[RelapseFree]:
    return [
        _share_free(followed, arm, day, settings.confidence, missing, left_out)
        for arm in ("treated", "untreated", "all")
        for day in settings.curve_days
    ]


def _share_free(
    followed: Followed, arm: str, day: int, confidence: float, missing: str, left_out: str
) -> RelapseFree:
    """Return the share without a relapse through one day, log-log limits."""
    curve = followed.curve(arm, day)
    relapsed, women_relapsed = followed.relapsed(arm, day)
    row = RelapseFree(
        arm=arm,
        day=day,
        **followed.sizes(arm),
        at_risk=followed.at_risk(arm, day),
        relapsed=relapsed,
        women_relapsed=women_relapsed,
    )
    empty = row.pregnancies == 0
    if empty or curve.known_through < day:
        reason = missing or (f"there is no {arm} pregnancy" if empty else not_followed(arm, curve, day))
        return replace(row, status="not_estimable", reason=joined(reason, left_out))
    share, limits = float(curve.share[day]), log_log_limits(curve, day, confidence)
    approximated, said = followed.approximated(arm, day), ""
    if limits is None:
        said = f"{'no relapse' if share == 1 else 'all have relapsed'} up to day {day}: no limits"
    lower, upper = limits or (None, None)
    status, reason = "fallback" if approximated else "ok", joined(approximated, said, left_out)
    return replace(row, relapse_free=share, lower=lower, upper=upper, status=status, reason=reason)
