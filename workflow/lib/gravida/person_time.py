"""Relapses and days of every pregnancy in every period."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from gravida.periods import (
    COUNT_COLUMNS,
    DAYS_PER_YEAR,
    PARTS,
    Window,
    count_onsets,
    gestation,
    observation,
    period_windows,
)

# Why a pregnancy has no person-time in a period; of several reasons the last holds. "" where it has.
NOT_STATED = "the number of relapses is not stated"
NOT_OBSERVED = "no day of the period was observed"
MS_AFTER_LMP = "MS began after the last menstrual period"
REASONS = ["", NOT_STATED, NOT_OBSERVED, MS_AFTER_LMP]


def count_person_time(
    pregnancies: pd.DataFrame, onsets: pd.DataFrame, periods: Sequence[str] = ()
) -> tuple[pd.DataFrame, dict[str, pd.Categorical]]:
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
    missing : dict of Categorical
        For each whole period why a pregnancy has no person-time in it, one of `REASONS`.
    """
    observed, windows = _narrow(observation(pregnancies)), period_windows(gestation(pregnancies))
    missing = {
        period: _missing_reason(pregnancies, period, windows[period].days_within(observed))
        for period in COUNT_COLUMNS
    }
    dated = pregnancies["dated"].to_numpy(bool)
    usable = {
        period: (missing[PARTS.get(period, period)] == "")
        & (windows[period].days_within(observed) > 0)
        & (dated | (period not in PARTS))
        for period in periods or windows
    }
    inside = (windows[period].within(observed) for period in usable)
    return _tabulated(pregnancies, onsets, usable, inside, list(windows)), missing


def _tabulated(
    pregnancies: pd.DataFrame,
    onsets: pd.DataFrame,
    usable: Mapping[str, np.ndarray],
    inside: Iterable[Window],
    periods: Sequence[str],
) -> pd.DataFrame:
    """Return the rows of the usable pregnancies, one period after the other; `inside` is what is observed."""
    row, relapses, days = _counted(pregnancies, onsets, usable, inside)
    codes = np.array([periods.index(period) for period in usable], dtype=np.int8)
    sizes = [np.count_nonzero(there) for there in usable.values()]
    columns = {
        "site": _taken(pregnancies["site"], row),
        "woman": pregnancies["woman"].to_numpy(np.int32)[row],
        "arm": _taken(pregnancies["arm"], row),
        "pregnancy": pregnancies.index.to_numpy(np.int32)[row],
        "period": pd.Categorical.from_codes(np.repeat(codes, sizes), periods),
        "relapses": relapses,
        "days": days,
    }
    del row
    columns["person_years"] = days / DAYS_PER_YEAR
    return pd.DataFrame(columns, copy=False)


def _counted(
    pregnancies: pd.DataFrame,
    onsets: pd.DataFrame,
    usable: Mapping[str, np.ndarray],
    inside: Iterable[Window],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return position, relapses and days of the usable pregnancies, one period after the other."""
    position, day = onsets["pregnancy"].to_numpy(np.int64), onsets["day"].to_numpy(np.int32)
    ends = np.cumsum([np.count_nonzero(there) for there in usable.values()])
    # Of millions of rows there is no room for a second copy.
    row, relapses, days = (np.empty(ends[-1], dtype=np.int32) for _ in range(3))
    for (period, there), window, end in zip(usable.items(), inside, ends, strict=True):
        rows = np.flatnonzero(there)
        part = slice(end - rows.size, end)
        row[part], days[part] = rows, (window.end - window.start)[rows]
        relapses[part] = _relapses(pregnancies, period, count_onsets(position, day, window))[rows]
    return row, relapses, days


def _narrow(window: Window) -> Window:
    return Window(window.start.astype(np.int32), window.end.astype(np.int32))


def _taken(labels: pd.Series, row: np.ndarray) -> pd.Categorical:
    found = pd.Categorical(labels).remove_unused_categories()
    return pd.Categorical.from_codes(found.codes[row], dtype=found.dtype)


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


def _missing_reason(pregnancies: pd.DataFrame, period: str, days: np.ndarray) -> pd.Categorical:
    """Return why each pregnancy is left out of a whole period."""
    reason = np.zeros(len(pregnancies), dtype=np.int8)
    reason[pregnancies[COUNT_COLUMNS[period]].isna()] = REASONS.index(NOT_STATED)
    reason[days == 0] = REASONS.index(NOT_OBSERVED)
    if period == "pre_pregnancy_year":
        reason[_began_after_lmp(pregnancies, days)] = REASONS.index(MS_AFTER_LMP)
    return pd.Categorical.from_codes(reason, REASONS)


def began_after_lmp(pregnancies: pd.DataFrame) -> np.ndarray:
    """Say which pregnancies began before the disease did and so have no year before, shape (n,).

    Those for which the site says so, and those with a diagnosis in the year of delivery and no observed day
    in the year before.
    """
    year = period_windows(gestation(pregnancies))["pre_pregnancy_year"]
    return _began_after_lmp(pregnancies, year.days_within(observation(pregnancies)))


def _began_after_lmp(pregnancies: pd.DataFrame, days: np.ndarray) -> np.ndarray:
    told = pregnancies["onset_after_lmp"].fillna(False).to_numpy(bool)
    same_year = (pregnancies["ms_diagnosis_year"] == pregnancies["delivery_year"]).fillna(False)
    return told | (same_year.to_numpy(bool) & (days == 0))
