"""Relapses and days of every pregnancy in every period."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gravida.periods import (
    COUNT_COLUMNS,
    DAYS_PER_YEAR,
    PARTS,
    count_onsets,
    gestation,
    observation,
    period_windows,
)

# Why a pregnancy has no person-time in a period, in the order in which the reasons are looked for.
MS_AFTER_LMP = "MS began after the last menstrual period"
NOT_OBSERVED = "no day of the period was observed"
NOT_STATED = "the number of relapses is not stated"


def count_person_time(
    pregnancies: pd.DataFrame, onsets: pd.DataFrame, periods: Sequence[str] = ()
) -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    """Count relapses and days in every period.

    Parameters
    ----------
    pregnancies : DataFrame
        Rows of the cohort, numbered from 0; where `dated` is false the count columns are used.
    onsets : DataFrame
        The relapses to count: pregnancy (position of its row), day.
    periods : sequence of str
        Those that are wanted, if not every one of `periods.period_windows`.

    Returns
    -------
    person_time : DataFrame
        `Cohort.person_time`.
    missing : dict of Series
        For each whole period why a pregnancy has no person-time in it, "" where it has.
    """
    position, day = onsets["pregnancy"].to_numpy(np.int64), onsets["day"].to_numpy(np.int64)
    observed, windows = observation(pregnancies), period_windows(gestation(pregnancies))
    missing = {
        period: _missing_reason(pregnancies, period, windows[period].days_within(observed))
        for period in COUNT_COLUMNS
    }
    dated, parts, sizes = pregnancies["dated"].to_numpy(bool), [], {}
    for period in periods or windows:
        window, whole = windows[period], PARTS.get(period, period)
        days = window.days_within(observed)
        usable = (missing[whole] == "").to_numpy(bool) & (days > 0) & (dated | (period not in PARTS))
        relapses = _relapses(pregnancies, period, count_onsets(position, day, window.within(observed)))
        rows = np.flatnonzero(usable)
        parts.append(np.array([rows, relapses[rows], days[rows]], dtype=np.int32))
        sizes[list(windows).index(period)] = rows.size
    row, relapses, days = np.concatenate(parts, axis=1)
    place = np.repeat(np.array(list(sizes), dtype=np.int8), list(sizes.values()))
    columns = {
        "site": pd.Categorical(pregnancies["site"]).take(row),
        "woman": pregnancies["woman"].to_numpy(np.int32)[row],
        "arm": pd.Categorical(pregnancies["arm"]).take(row),
        "pregnancy": pregnancies.index.to_numpy(np.int32)[row],
        "period": pd.Categorical.from_codes(place, list(windows)),
        "relapses": relapses,
        "days": days,
        "person_years": days / DAYS_PER_YEAR,
    }
    return pd.DataFrame(columns, copy=False), missing


def of_period(person_time: pd.DataFrame, period: str) -> pd.DataFrame:
    """Return the rows of one period, numbered as they were.

    Parameters
    ----------
    person_time : DataFrame
        `Cohort.person_time`.
    period : str
    """
    return with_texts(person_time[person_time["period"] == period])


def with_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of person-time with sites and arms as texts, of which there may be others."""
    return rows.astype({"site": "string", "arm": "string"})


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
        reason[began_after_lmp(pregnancies)] = MS_AFTER_LMP
    return reason


def began_after_lmp(pregnancies: pd.DataFrame) -> np.ndarray:
    """Say which pregnancies began before the disease did and so have no year before, shape (n,).

    Those for which the site says so, and those with a diagnosis in the year of delivery and no observed day
    in the year before.
    """
    year = period_windows(gestation(pregnancies))["pre_pregnancy_year"]
    unobserved = year.days_within(observation(pregnancies)) == 0
    told = pregnancies["onset_after_lmp"].fillna(False).to_numpy(bool)
    same_year = (pregnancies["ms_diagnosis_year"] == pregnancies["delivery_year"]).fillna(False)
    return told | (same_year.to_numpy(bool) & unobserved)
