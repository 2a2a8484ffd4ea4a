"""From accepted rows to the study's cohort: arms, covariates, relapses and person-time by period."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gravida.errors import SubmissionRefused
from gravida.intake.submission import refusal
from gravida.periods import (
    COUNT_COLUMNS,
    DAYS_PER_YEAR,
    PARTS,
    count_onsets,
    gestation,
    observation,
    period_windows,
    retain_separate_onsets,
)
from schemas import analysis

# Why a pregnancy has no person-time in a period, in the order in which the reasons are looked for.
MS_AFTER_LMP = "MS began after the last menstrual period"
NOT_OBSERVED = "no day of the period was observed"
NOT_STATED = "the number of relapses is not stated"


@dataclass(frozen=True, slots=True)
class CohortSettings:
    """What the analysis plan fixes about the cohort.

    Attributes
    ----------
    exposure : str
        ``received`` (the flag of each pregnancy) or ``policy`` (what the site's policy says).
    relapse_separation_days : int
        An onset fewer days than this after the previous relapse belongs to it.
    """

    exposure: str
    relapse_separation_days: int


@dataclass(frozen=True, slots=True)
class SiteRows:
    """The accepted rows of one site: its policy, its pregnancies, and its dated relapses if it sent any."""

    site: str
    policy: str
    pregnancies: pd.DataFrame
    relapses: pd.DataFrame | None


@dataclass(frozen=True, slots=True)
class Cohort:
    """The rows of the study.

    Attributes
    ----------
    pregnancies : DataFrame
        One row a pregnancy: the submitted columns, and site, policy, woman (number of the woman in the
        study), received, by_policy and arm (treated, untreated), dated, disease_duration_years, dmt_class.
        `relapses_pre_year` and `relapses_pregnancy` are the numbers that the analysis uses.
    person_time : DataFrame
        One row a pregnancy and period with person-time: site, woman, pregnancy (its position in
        `pregnancies`), arm, period, relapses, days, person_years.
    attrition : DataFrame
        The contract's table.
    """

    pregnancies: pd.DataFrame
    person_time: pd.DataFrame
    attrition: pd.DataFrame


def build_cohort(
    sites: Iterable[SiteRows], dmt_classes: Mapping[str, str], settings: CohortSettings
) -> Cohort:
    """Put the sites together, in order of their names, and count relapses and days in every period.

    Parameters
    ----------
    sites : iterable of SiteRows
        Accepted submissions; a site without a table of relapses has `relapses` None.
    dmt_classes : mapping
        Efficacy class of each code of disease-modifying therapy.
    settings : CohortSettings
        The choices of the analysis plan.
    """
    ordered = sorted(sites, key=lambda site: site.site)
    pregnancies = pd.concat([_describe(site, dmt_classes, settings) for site in ordered], ignore_index=True)
    pregnancies.insert(0, "woman", pregnancies.groupby(["site", "woman_id"], sort=True).ngroup())
    position, day = _onsets(ordered, pregnancies)
    kept = retain_separate_onsets(position, day, settings.relapse_separation_days)
    person_time, missing = _person_time(pregnancies, position[kept], day[kept])
    attrition = _attrition(pregnancies, missing)
    analysed = _with_analysed_count(pregnancies, person_time)
    return Cohort(analysis.COHORT.validate(analysed), analysis.PERSON_TIME.validate(person_time), attrition)


def _describe(site: SiteRows, dmt_classes: Mapping[str, str], settings: CohortSettings) -> pd.DataFrame:
    """Return a site's pregnancies with what follows from their own columns."""
    rows = site.pregnancies
    received = rows["ivig"].map({True: "treated", False: "untreated"}).astype("string")
    by_policy = {"all": "treated", "none": "untreated"}.get(site.policy)
    assigned = received if by_policy is None else pd.Series(by_policy, index=rows.index, dtype="string")
    duration = (rows["delivery_year"] - rows["ms_diagnosis_year"]).astype("float64")
    return rows.assign(
        site=pd.Series(site.site, index=rows.index, dtype="string"),
        policy=pd.Series(site.policy, index=rows.index, dtype="string"),
        received=received,
        by_policy=assigned,
        arm=received if settings.exposure == "received" else assigned,
        dated=site.relapses is not None,
        disease_duration_years=duration,
        dmt_class=rows["dmt_before"].map(dict(dmt_classes)).astype("string"),
    )


def _onsets(sites: Iterable[SiteRows], pregnancies: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return for every dated relapse the position of its pregnancy and the day of onset, shapes (r,)."""
    positions = pd.Series(
        pregnancies.index, index=pd.MultiIndex.from_frame(pregnancies[["site", "pregnancy_id"]])
    )
    tables = [
        site.relapses.assign(site=site.site)[["site", "pregnancy_id", "onset_day"]]
        for site in sites
        if site.relapses is not None
    ]
    if not tables:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    onsets = pd.concat(tables, ignore_index=True)
    found = positions.reindex(pd.MultiIndex.from_frame(onsets[["site", "pregnancy_id"]]))
    return found.to_numpy(np.int64), onsets["onset_day"].to_numpy(np.int64)


def _person_time(
    pregnancies: pd.DataFrame, position: np.ndarray, day: np.ndarray
) -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    """Return relapses and days in every period, and for each whole period why a pregnancy has none."""
    observed, windows = observation(pregnancies), period_windows(gestation(pregnancies))
    missing = {
        period: _missing_reason(pregnancies, period, windows[period].days_within(observed))
        for period in COUNT_COLUMNS
    }
    parts = []
    for period, window in windows.items():
        whole = PARTS.get(period, period)
        days = window.days_within(observed)
        usable = (missing[whole] == "").to_numpy() & (days > 0)
        if period in PARTS:
            usable &= pregnancies["dated"].to_numpy()
        relapses = _relapses(pregnancies, period, count_onsets(position, day, window.within(observed)))
        rows = pregnancies.loc[usable, ["site", "woman", "arm"]]
        parts.append(
            rows.assign(
                pregnancy=rows.index,
                period=period,
                relapses=relapses[usable],
                days=days[usable],
                person_years=days[usable] / DAYS_PER_YEAR,
            )
        )
    return pd.concat(parts, ignore_index=True).astype({"period": "string"}), missing


def _relapses(pregnancies: pd.DataFrame, period: str, dated: np.ndarray) -> np.ndarray:
    """Return the dated relapses where the site dates them, else the count column (0 where not stated)."""
    if period in PARTS:
        return dated
    stated = pregnancies[COUNT_COLUMNS[period]].fillna(0).to_numpy(np.int64)
    return np.where(pregnancies["dated"].to_numpy(), dated, stated)


def _missing_reason(pregnancies: pd.DataFrame, period: str, days: np.ndarray) -> pd.Series:
    """Return why each pregnancy is left out of a whole period, "" where it is not."""
    reason = pd.Series("", index=pregnancies.index, dtype="string")
    reason[pregnancies[COUNT_COLUMNS[period]].isna().to_numpy(bool)] = NOT_STATED
    reason[days == 0] = NOT_OBSERVED
    if period == "pre_pregnancy_year":
        told = pregnancies["onset_after_lmp"].fillna(False).to_numpy(bool)
        same_year = (pregnancies["ms_diagnosis_year"] == pregnancies["delivery_year"]).fillna(False)
        reason[told | (same_year.to_numpy(bool) & (days == 0))] = MS_AFTER_LMP
    return reason


def _with_analysed_count(pregnancies: pd.DataFrame, person_time: pd.DataFrame) -> pd.DataFrame:
    """Return the pregnancies with the relapses of the whole periods as the analysis counts them."""
    counted = {}
    for period in ("pre_pregnancy_year", "pregnancy"):
        rows = person_time[person_time["period"] == period]
        counts = pd.Series(rows["relapses"].to_numpy(), index=rows["pregnancy"], dtype="Int64")
        counted[COUNT_COLUMNS[period]] = counts.reindex(pregnancies.index)
    return pregnancies.assign(**counted)


def _attrition(pregnancies: pd.DataFrame, missing: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Return the contract's table: who came in, who left which period and why, who was analysed."""
    steps = [("submitted", "accepted at intake", pregnancies.index)]
    for period, reason in missing.items():
        causes = [MS_AFTER_LMP] if period == "pre_pregnancy_year" else []
        steps += [
            (f"excluded_{period}", cause, pregnancies.index[reason == cause])
            for cause in [*causes, NOT_OBSERVED, NOT_STATED]
        ]
        steps.append((f"analysed_{period}", "with person-time", pregnancies.index[reason == ""]))
    dated = pregnancies.index[pregnancies["dated"]]
    undated = pregnancies.index[~pregnancies["dated"]]
    steps.append(("excluded_trimesters_and_quarters", "the site does not date its relapses", undated))
    steps.append(("analysed_trimesters_and_quarters", "relapses are dated", dated))
    rows = []
    for site in ["all", *pregnancies["site"].unique()]:
        here = pregnancies if site == "all" else pregnancies[pregnancies["site"] == site]
        for step, reason, index in steps:
            women = here.loc[here.index.intersection(index), "woman"]
            rows.append((site, step, reason, women.size, women.nunique()))
    return pd.DataFrame(rows, columns=["site", "step", "reason", "pregnancies", "women"])


def gather(
    verdicts: Iterable[Mapping],
    policies: Mapping[str, str],
    pregnancies: Iterable[pd.DataFrame],
    relapses: Iterable[pd.DataFrame],
) -> list[SiteRows]:
    """Put each site's verdict, policy and accepted rows together.

    Raises
    ------
    SubmissionRefused
        If a submission was refused: every refused site with its failing checks, in one line.
    """
    verdicts = list(verdicts)
    line = refusal(verdicts)
    if line:
        raise SubmissionRefused(line)
    return [
        SiteRows(
            verdict["site"],
            policies[verdict["site"]],
            rows,
            dated if "relapses" in verdict["tables_sent"] else None,
        )
        for verdict, rows, dated in zip(verdicts, pregnancies, relapses, strict=True)
    ]
