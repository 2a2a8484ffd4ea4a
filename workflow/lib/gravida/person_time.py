"""Relapses and days of every pregnancy in every period."""

from collections.abc import Mapping, Sequence

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
    position, day = onsets["pregnancy"].to_numpy(np.int64), onsets["day"].to_numpy(np.int32)
    observed, windows = _narrow(observation(pregnancies)), period_windows(gestation(pregnancies))
    missing = {
        period: _missing_reason(pregnancies, period, windows[period].days_within(observed))
        for period in COUNT_COLUMNS
    }
    dated, parts = pregnancies["dated"].to_numpy(bool), {}
    for period in periods or windows:
        window, whole = windows[period], PARTS.get(period, period)
        days = window.days_within(observed)
        usable = (missing[whole] == "") & (days > 0) & (dated | (period not in PARTS))
        relapses = _relapses(pregnancies, period, count_onsets(position, day, window.within(observed)))
        rows = np.flatnonzero(usable).astype(np.int32)
        parts[period] = {"row": rows, "relapses": relapses[rows].astype(np.int32), "days": days[rows]}
    return _joined(pregnancies, parts, list(windows)), missing


def _narrow(window: Window) -> Window:
    return Window(window.start.astype(np.int32), window.end.astype(np.int32))


def _joined(
    pregnancies: pd.DataFrame, parts: Mapping[str, dict[str, np.ndarray]], periods: Sequence[str]
) -> pd.DataFrame:
    """Return the rows of every period, one period after the other; `parts` is used up."""
    sizes = [part["row"].size for part in parts.values()]
    codes = np.array([periods.index(period) for period in parts], dtype=np.int8)
    relapses = np.concatenate([part.pop("relapses") for part in parts.values()])
    days = np.concatenate([part.pop("days") for part in parts.values()])

    def taken(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values[part["row"]] for part in parts.values()])

    def labels(column: str) -> pd.Categorical:
        found = pd.Categorical(pregnancies[column]).remove_unused_categories()
        return pd.Categorical.from_codes(taken(found.codes), dtype=found.dtype)

    columns = {
        "site": labels("site"),
        "woman": taken(pregnancies["woman"].to_numpy(np.int32)),
        "arm": labels("arm"),
        "pregnancy": taken(pregnancies.index.to_numpy(np.int32)),
        "period": pd.Categorical.from_codes(np.repeat(codes, sizes), periods),
        "relapses": relapses,
        "days": days,
        "person_years": days / DAYS_PER_YEAR,
    }
    return pd.DataFrame(columns, copy=False)


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
