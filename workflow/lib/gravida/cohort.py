"""From accepted rows to the study's cohort: arms, covariates, relapses and person-time by period."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gravida.intake.parse import empty_table
from gravida.periods import COUNT_COLUMNS, gestation, retain_separate_onsets
from gravida.person_time import MS_AFTER_LMP, NOT_OBSERVED, NOT_STATED, count_person_time
from schemas import analysis

ATTRITION = ["site", "step", "reason", "pregnancies", "women"]


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
    """The accepted rows of one site: policy, pregnancies, and dated relapses and doses if it sent them."""

    site: str
    policy: str
    pregnancies: pd.DataFrame
    relapses: pd.DataFrame | None
    infusions: pd.DataFrame | None = None


# Where every site keeps its rows.
NOBODY = SiteRows("", "individual", empty_table("pregnancies"), None)


@dataclass(frozen=True, slots=True)
class Cohort:
    """The rows of the study.

    Attributes
    ----------
    pregnancies : DataFrame
        One row a pregnancy: the submitted columns, and site, policy, woman (number of the woman in the
        study), received, by_policy and arm (treated, untreated), dated, doses_dated (whether its site sent
        relapses, infusions), first_dose_day (the first infusion after delivery), disease_duration_years,
        dmt_washout_days (from the last dose of a disease-modifying therapy to the LMP), dmt_class.
        `relapses_pre_year` and `relapses_pregnancy` are the numbers that the analysis uses.
    person_time : DataFrame
        One row a pregnancy and period with person-time: site, woman, pregnancy (its position in
        `pregnancies`), arm, period, relapses, days, person_years.
    onsets : DataFrame
        One row a dated relapse: pregnancy (its position), day, retained (false where it belongs to the
        relapse before it).
    attrition : DataFrame
        The contract's table.
    """

    pregnancies: pd.DataFrame
    person_time: pd.DataFrame
    onsets: pd.DataFrame
    attrition: pd.DataFrame


def build_cohort(
    sites: Iterable[SiteRows],
    dmt_classes: Mapping[str, str],
    settings: CohortSettings,
    unused: pd.DataFrame | None = None,
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
    unused : DataFrame, optional
        Rows of the table of attrition about what was submitted and is not used, as
        `admission.tabulate_unused` returns them.
    """
    # A site's own tables need not stay in memory beside what is made of them.
    found = [(site.site, _describe(site, dmt_classes, settings), _dated(site)) for site in sites]
    found = found or [("", _describe(NOBODY, dmt_classes, settings), _dated(NOBODY))]
    found.sort(key=lambda each: each[0])
    pregnancies = pd.concat([described for _, described, _ in found], ignore_index=True)
    starts = np.cumsum([0, *(len(described) for _, described, _ in found)])
    dated = pd.concat(
        [
            onsets.assign(pregnancy=onsets["pregnancy"] + start)
            for (_, _, onsets), start in zip(found, starts[:-1], strict=True)
        ]
    )
    del found
    pregnancies.insert(0, "woman", pregnancies.groupby(["site", "woman_id"], sort=True).ngroup())
    onsets = _with_retained(dated, settings.relapse_separation_days)
    person_time, missing = count_person_time(pregnancies, onsets[onsets["retained"]])
    analysed = _with_analysed_count(pregnancies, person_time)
    return Cohort(
        analysis.COHORT.validate(analysed, inplace=True),
        analysis.PERSON_TIME.validate(person_time, inplace=True),
        analysis.ONSETS.validate(onsets, inplace=True),
        _after(unused, _attrition(pregnancies, missing)),
    )


def _describe(site: SiteRows, dmt_classes: Mapping[str, str], settings: CohortSettings) -> pd.DataFrame:
    """Return a site's pregnancies with what follows from their own columns."""
    rows = site.pregnancies
    received = rows["ivig"].map({True: "treated", False: "untreated"}).astype("string")
    by_policy = {"all": "treated", "none": "untreated"}.get(site.policy)
    assigned = received if by_policy is None else pd.Series(by_policy, index=rows.index, dtype="string")
    duration = (rows["delivery_year"] - rows["ms_diagnosis_year"]).astype("float64")
    washout = -gestation(rows) - rows["dmt_stop_day"].astype("Int64")
    return rows.assign(
        site=pd.Series(site.site, index=rows.index, dtype="string"),
        policy=pd.Series(site.policy, index=rows.index, dtype="string"),
        received=received,
        by_policy=assigned,
        arm=received if settings.exposure == "received" else assigned,
        dated=site.relapses is not None,
        doses_dated=site.infusions is not None,
        first_dose_day=_first_doses(site),
        disease_duration_years=duration,
        dmt_washout_days=washout.astype("Float64").clip(lower=0).astype("float64"),
        dmt_class=rows["dmt_before"].map(dict(dmt_classes)).astype("string"),
    )


def _first_doses(site: SiteRows) -> pd.Series:
    """Return the day of each pregnancy's first infusion after delivery, missing where none is recorded."""
    rows = site.pregnancies
    if site.infusions is None:
        return pd.Series(pd.NA, index=rows.index, dtype="Int64")
    after = site.infusions[site.infusions["day"] >= 0]
    return rows["pregnancy_id"].map(after.groupby("pregnancy_id")["day"].min()).astype("Int64")


def _dated(site: SiteRows) -> pd.DataFrame:
    """Return a site's dated relapses: position of the pregnancy among the site's, day."""
    position = day = np.zeros(0, dtype=np.int64)
    if site.relapses is not None:
        position = pd.Index(site.pregnancies["pregnancy_id"]).get_indexer(site.relapses["pregnancy_id"])
        day = site.relapses["onset_day"].to_numpy(np.int64)
    return pd.DataFrame({"pregnancy": position, "day": day})


def _with_retained(onsets: pd.DataFrame, separation: int) -> pd.DataFrame:
    """Return every dated relapse, and whether it stands on its own."""
    position, day = onsets["pregnancy"].to_numpy(np.int64), onsets["day"].to_numpy(np.int64)
    retained = retain_separate_onsets(position, day, separation)
    return pd.DataFrame({"pregnancy": position, "day": day, "retained": retained})


def _with_analysed_count(pregnancies: pd.DataFrame, person_time: pd.DataFrame) -> pd.DataFrame:
    """Return the pregnancies with the relapses of the whole periods as the analysis counts them."""
    counted = {}
    for period in ("pre_pregnancy_year", "pregnancy"):
        rows = person_time[person_time["period"] == period]
        counts = pd.Series(rows["relapses"].to_numpy(), index=rows["pregnancy"], dtype="Int64")
        counted[COUNT_COLUMNS[period]] = counts.reindex(pregnancies.index)
    return pregnancies.assign(**counted)


def _after(unused: pd.DataFrame | None, attrition: pd.DataFrame) -> pd.DataFrame:
    if unused is None or unused.empty:
        return attrition
    return pd.concat([unused, attrition.astype({"women": "Int64"})], ignore_index=True)


def _attrition(pregnancies: pd.DataFrame, missing: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Return the contract's table: who came in, who left which period and why, who was analysed."""
    steps = [("submitted", "accepted at intake", np.ones(len(pregnancies), dtype=bool))]
    for period, reason in missing.items():
        causes = [MS_AFTER_LMP] if period == "pre_pregnancy_year" else []
        steps += [
            (f"excluded_{period}", cause, (reason == cause).to_numpy(bool))
            for cause in [*causes, NOT_OBSERVED, NOT_STATED]
        ]
        steps.append((f"analysed_{period}", "with person-time", (reason == "").to_numpy(bool)))
    dated = pregnancies["dated"].to_numpy(bool)
    steps.append(("excluded_trimesters_and_quarters", "the site does not date its relapses", ~dated))
    steps.append(("analysed_trimesters_and_quarters", "relapses are dated", dated))
    rows: dict[str, list[tuple]] = {site: [] for site in ["all", *pregnancies["site"].unique()]}
    for step, reason, there in steps:
        counted = pregnancies.loc[there, ["site", "woman"]]
        women = counted.drop_duplicates("woman")["site"].value_counts()
        sizes = counted["site"].value_counts()
        for site in rows:
            number = (
                [len(counted), int(women.sum())]
                if site == "all"
                else [sizes.get(site, 0), women.get(site, 0)]
            )
            rows[site].append((site, step, reason, *map(int, number)))
    return pd.DataFrame([row for each in rows.values() for row in each], columns=ATTRITION)


def gather(
    verdicts: Iterable[Mapping],
    policies: Mapping[str, str],
    pregnancies: Iterable[pd.DataFrame],
    relapses: Iterable[pd.DataFrame],
    infusions: Iterable[pd.DataFrame],
) -> Iterator[SiteRows]:
    """Yield the policy and accepted rows of each site that was not refused."""
    return (
        SiteRows(
            verdict["site"],
            policies[verdict["site"]],
            rows,
            dated if "relapses" in verdict["tables_sent"] else None,
            doses if "infusions" in verdict["tables_sent"] else None,
        )
        for verdict, rows, dated, doses in zip(verdicts, pregnancies, relapses, infusions, strict=True)
        if verdict["verdict"] == "accepted"
    )
