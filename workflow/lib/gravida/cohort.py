"""From accepted rows to the study's cohort: arms, covariates, relapses and person-time by period."""

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gravida.attrition import tabulate_attrition
from gravida.intake.parse import empty_table
from gravida.periods import COUNT_COLUMNS, gestation, retain_separate_onsets
from gravida.person_time import count_person_time
from schemas import analysis

# Sites are taken together until they have so many pregnancies; a site is never parted.
AT_ONCE = 1 << 18


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


# What a policy says of every pregnancy of its site, as a position in `analysis.ARMS`.
BY_POLICY = {"all": analysis.ARMS.index("treated"), "none": analysis.ARMS.index("untreated")}
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


def whole_cohort(
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
    parts = [_taken_in(site) for site in sites] or [_taken_in(NOBODY)]
    return _put_together(sorted(parts, key=lambda part: part.site), dmt_classes, settings)


def build_cohort(
    sites: Iterable[SiteRows],
    dmt_classes: Mapping[str, str],
    settings: CohortSettings,
    at_once: int = AT_ONCE,
) -> Iterator[Cohort]:
    """Yield the cohort by parts: of a large registry no more than one is in memory.

    Parameters
    ----------
    sites : iterable of SiteRows
        In order of their names.
    dmt_classes, settings
        As `whole_cohort`.
    at_once : int
        Sites are taken together until they have so many pregnancies.

    Yields
    ------
    Cohort
        Of some whole sites. The numbers of women, and the positions of pregnancies, go on from one part to
        the next; the attrition is that of the part (`admission.add_attrition`).
    """
    women = pregnancies = 0
    for parts in _by_size(sites, at_once):
        cohort = _numbered_from(_put_together(parts, dmt_classes, settings), women, pregnancies)
        women = int(cohort.pregnancies["woman"].max()) + 1 if len(cohort.pregnancies) else women
        pregnancies += len(cohort.pregnancies)
        yield cohort
        del cohort
        # What is checked by pandera is part of a circle: it would stay until far into the next part.
        gc.collect()


def _by_size(sites: Iterable[SiteRows], at_once: int) -> Iterator[list["_Part"]]:
    parts, size, some = [], 0, False
    for site in sites:
        parts.append(_taken_in(site))
        size, some = size + len(site.pregnancies), True
        del site
        if size >= at_once:
            yield parts
            parts, size = [], 0
    if parts or not some:
        yield parts or [_taken_in(NOBODY)]


def _numbered_from(cohort: Cohort, woman: int, pregnancy: int) -> Cohort:
    """Return a cohort whose women, and positions of pregnancies, begin with these numbers."""
    rows, person_time, onsets = cohort.pregnancies, cohort.person_time, cohort.onsets
    moved = {"woman": person_time["woman"] + woman, "pregnancy": person_time["pregnancy"] + pregnancy}
    return replace(
        cohort,
        pregnancies=rows.assign(woman=rows["woman"] + woman),
        person_time=person_time.assign(**moved),
        onsets=onsets.assign(pregnancy=onsets["pregnancy"] + pregnancy),
    )


def _put_together(parts: list["_Part"], dmt_classes: Mapping[str, str], settings: CohortSettings) -> Cohort:
    """Return the cohort of some sites; the list is emptied once it is taken over."""
    starts = np.cumsum([0, *(len(part.rows) for part in parts)])
    dated = pd.concat(
        [
            part.onsets.assign(pregnancy=part.onsets["pregnancy"] + start)
            for part, start in zip(parts, starts[:-1], strict=True)
        ]
    )
    pregnancies = _describe(parts, dmt_classes, settings)
    parts.clear()
    onsets = _with_retained(dated, settings.relapse_separation_days)
    person_time, missing = count_person_time(pregnancies, onsets[onsets["retained"]])
    analysed = _with_analysed_count(pregnancies, person_time)
    analysis.COHORT.validate(analysed, inplace=True)
    labels = analysed.select_dtypes("category")
    return Cohort(
        analysed.assign(**{name: _texts(column) for name, column in labels.items()}),
        analysis.PERSON_TIME.validate(person_time, inplace=True),
        analysis.ONSETS.validate(onsets, inplace=True),
        tabulate_attrition(pregnancies, missing),
    )


def _texts(labels: pd.Series) -> pd.arrays.ArrowStringArray:
    """Return the texts of a column of categories, decoded by Arrow: pandas would make an object of each."""
    return pd.array(pa.array(labels.array).dictionary_decode(), dtype="string")


@dataclass(frozen=True, slots=True)
class _Part:
    """What is used of a site: its pregnancies with `first_dose_day`, and its dated relapses."""

    site: str
    policy: str
    rows: pd.DataFrame
    onsets: pd.DataFrame
    dated: bool
    doses_dated: bool


def _taken_in(site: SiteRows) -> _Part:
    rows = site.pregnancies.assign(first_dose_day=_first_doses(site))
    dated, doses_dated = site.relapses is not None, site.infusions is not None
    return _Part(site.site, site.policy, rows, _dated(site), dated, doses_dated)


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
        known, theirs = (
            pa.array(rows["pregnancy_id"], pa.string()) for rows in (site.pregnancies, site.relapses)
        )
        position = pc.index_in(theirs, known).to_numpy().astype(np.int64)
        day = site.relapses["onset_day"].to_numpy(np.int64)
    return pd.DataFrame({"pregnancy": position, "day": day})


def _describe(
    parts: Sequence[_Part], dmt_classes: Mapping[str, str], settings: CohortSettings
) -> pd.DataFrame:
    """Return the pregnancies of all sites with what follows from their own columns.

    Texts of few levels are categories, in which they are counted and checked sooner.
    """
    sizes = [len(part.rows) for part in parts]
    rows = pd.concat([part.rows for part in parts], ignore_index=True)
    first_dose_day = rows.pop("first_dose_day")
    rows.insert(0, "woman", _number_women(rows["woman_id"], sizes))

    def of_site(values: list) -> pd.Categorical:
        return pd.Categorical(pd.array(values, dtype="string")).repeat(sizes).remove_unused_categories()

    def in_arms(codes: np.ndarray) -> pd.Categorical:
        return pd.Categorical.from_codes(codes, pd.array(analysis.ARMS, dtype="string"))

    received = (1 - rows["ivig"].astype("Int8")).fillna(-1).to_numpy(np.int8)
    fixed = np.repeat([BY_POLICY.get(part.policy, -1) for part in parts], sizes)
    assigned = np.where(fixed == -1, received, fixed)
    washout = -gestation(rows) - rows["dmt_stop_day"].astype("Int64")
    return rows.assign(
        site=of_site([part.site for part in parts]),
        policy=of_site([part.policy for part in parts]),
        received=in_arms(received),
        by_policy=in_arms(assigned),
        arm=in_arms(received if settings.exposure == "received" else assigned),
        dated=np.repeat([part.dated for part in parts], sizes),
        doses_dated=np.repeat([part.doses_dated for part in parts], sizes),
        first_dose_day=first_dose_day,
        disease_duration_years=(rows["delivery_year"] - rows["ms_diagnosis_year"]).astype("float64"),
        dmt_washout_days=washout.astype("Float64").clip(lower=0).astype("float64"),
        dmt_class=rows["dmt_before"].map(dict(dmt_classes)).astype("category"),
    )


def _number_women(pseudonyms: pd.Series, sizes: Sequence[int]) -> np.ndarray:
    """Return the number of each woman, from 0 by site and pseudonym; -1 where there is none."""
    numbers, women, end = [], 0, 0
    for size in sizes:
        start, end = end, end + size
        theirs = pa.array(pseudonyms.iloc[start:end], pa.string())
        ranks = pc.rank(theirs, tiebreaker="dense").to_numpy().astype(np.int64)
        numbers.append(np.where(theirs.is_null(), -1, women + ranks - 1))
        women += ranks.max(initial=0)
    return np.concatenate(numbers)


def _with_retained(onsets: pd.DataFrame, separation: int) -> pd.DataFrame:
    """Return every dated relapse, and whether it stands on its own."""
    position, day = onsets["pregnancy"].to_numpy(np.int64), onsets["day"].to_numpy(np.int64)
    retained = retain_separate_onsets(position, day, separation)
    return pd.DataFrame({"pregnancy": position, "day": day, "retained": retained})


def _with_analysed_count(pregnancies: pd.DataFrame, person_time: pd.DataFrame) -> pd.DataFrame:
    """Return the pregnancies with the relapses of the whole periods as the analysis counts them."""
    counted = {}
    for period in ("pre_pregnancy_year", "pregnancy"):
        rows = person_time.loc[person_time["period"] == period, ["pregnancy", "relapses"]]
        count, absent = np.zeros(len(pregnancies), dtype=np.int64), np.ones(len(pregnancies), dtype=bool)
        count[rows["pregnancy"]], absent[rows["pregnancy"]] = rows["relapses"], False
        counted[COUNT_COLUMNS[period]] = pd.arrays.IntegerArray(count, absent)
    return pregnancies.assign(**counted)
