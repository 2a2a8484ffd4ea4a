"""Windows of observation around a delivery, in whole days relative to it (0 is the day of delivery).

Every window is half-open, ``start <= day < end``. The last menstrual period (LMP) is at ``-gestation_days``.
Arrays are aligned: element i belongs to pregnancy i.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

DAYS_PER_YEAR = 365.25
YEAR = 365
DEFAULT_GESTATION_DAYS = 280

# The three periods that the count columns of a submission give, with the column of each.
COUNT_COLUMNS = {
    "pre_pregnancy_year": "relapses_pre_year",
    "pregnancy": "relapses_pregnancy",
    "postpartum_year": "relapses_post_year",
}
# The year after delivery from the landmark on, by which the arm is settled where treatment is a choice.
LANDMARK = "postpartum_from_day_30"
LANDMARK_DAY = 30
# The year before the pre-pregnancy year: whether the arms went the same way before any treatment.
SECOND_YEAR_BEFORE = "second_year_before"
# Periods that need the day of each relapse, with the whole period whose pregnancies they are taken from.
PARTS = {
    SECOND_YEAR_BEFORE: "pre_pregnancy_year",
    LANDMARK: "postpartum_year",
    "trimester_1": "pregnancy",
    "trimester_2": "pregnancy",
    "trimester_3": "pregnancy",
    "postpartum_q1": "postpartum_year",
    "postpartum_q2": "postpartum_year",
    "postpartum_q3": "postpartum_year",
    "postpartum_q4": "postpartum_year",
    "postpartum_6_months": "postpartum_year",
}
PERIODS = (
    "pre_pregnancy_year",
    "trimester_1",
    "trimester_2",
    "trimester_3",
    "pregnancy",
    "postpartum_q1",
    "postpartum_q2",
    "postpartum_q3",
    "postpartum_q4",
    "postpartum_6_months",
    "postpartum_year",
)


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open windows of days, one a pregnancy: ``start`` and ``end`` are integer arrays, shape (n,)."""

    start: np.ndarray
    end: np.ndarray

    def within(self, other: "Window") -> "Window":
        """Return the part of each window in `other`; where they are apart it ends before it starts."""
        return Window(np.maximum(self.start, other.start), np.minimum(self.end, other.end))

    def days_within(self, other: "Window") -> np.ndarray:
        """Return the number of days shared with `other`, shape (n,); 0 where they do not meet."""
        part = self.within(other)
        return np.maximum(part.end - part.start, 0)


def period_windows(gestation_days: np.ndarray) -> dict[str, Window]:
    """Return the windows of `PERIODS`, `LANDMARK` and `SECOND_YEAR_BEFORE`; gestation in days, shape (n,)."""
    lmp = -np.asarray(gestation_days, dtype=np.int32)

    def days(start: int, end: int) -> Window:
        return Window(*(np.broadcast_to(np.int32(day), lmp.shape) for day in (start, end)))

    zero, year_before = days(0, 0).start, lmp - YEAR
    second, third = np.minimum(lmp + 98, 0), np.minimum(lmp + 196, 0)
    return {
        "pre_pregnancy_year": Window(year_before, lmp),
        "trimester_1": Window(lmp, second),
        "trimester_2": Window(second, third),
        "trimester_3": Window(third, zero),
        "pregnancy": Window(lmp, zero),
        "postpartum_q1": days(0, 91),
        "postpartum_q2": days(91, 182),
        "postpartum_q3": days(182, 273),
        "postpartum_q4": days(273, YEAR),
        "postpartum_6_months": days(0, 182),
        "postpartum_year": days(0, YEAR),
        LANDMARK: days(LANDMARK_DAY, YEAR),
        SECOND_YEAR_BEFORE: Window(year_before - YEAR, year_before),
    }


def gestation(pregnancies: pd.DataFrame) -> np.ndarray:
    """Return the length of each pregnancy in days, 280 where it is not stated, shape (n,)."""
    return pregnancies["gestation_days"].fillna(DEFAULT_GESTATION_DAYS).to_numpy(np.int64)


def observation(pregnancies: pd.DataFrame) -> Window:
    """Return the days on which each pregnancy is under observation.

    From `observed_from_day` (missing: 365 days before the LMP) to the earlier of `observed_to_day`
    (missing: 365) and `next_conception_day`, when the woman's next pregnancy takes over.
    """
    first = pregnancies["observed_from_day"].astype("Int64")
    last = pregnancies["observed_to_day"].astype("Int64").fillna(YEAR).to_numpy(np.int64)
    following = pregnancies["next_conception_day"].astype("Int64")
    default_first = pd.Series(-gestation(pregnancies) - YEAR, index=first.index, dtype="Int64")
    return Window(
        first.fillna(default_first).to_numpy(np.int64),
        np.minimum(last, following.fillna(np.iinfo(np.int64).max).to_numpy(np.int64)),
    )


def onset_window(pregnancies: pd.DataFrame) -> Window:
    """Return the days on which a dated relapse may begin: those observed, from 730 days before the LMP on."""
    observed = observation(pregnancies)
    return Window(np.maximum(observed.start, -gestation(pregnancies) - 2 * YEAR), observed.end)


def count_onsets(position: np.ndarray, day: np.ndarray, window: Window) -> np.ndarray:
    """Count the onsets that fall inside each pregnancy's window.

    Parameters
    ----------
    position : ndarray of int, shape (r,)
        For each relapse, the position of its pregnancy in `window`.
    day : ndarray of int, shape (r,)
        Day of onset.
    window : Window
        Windows of n pregnancies.

    Returns
    -------
    ndarray of int, shape (n,)
    """
    inside = (day >= window.start[position]) & (day < window.end[position])
    return np.bincount(position[inside], minlength=window.start.size)


def retain_separate_onsets(position: np.ndarray, day: np.ndarray, separation: int) -> np.ndarray:
    """Say which onsets stand as relapses of their own.

    Within one pregnancy an onset less than `separation` days after the previous retained one belongs to it:
    with 30 days, onsets on days 10, 35 and 60 are two relapses (10 and 60).

    Parameters
    ----------
    position : ndarray of int, shape (r,)
        Pregnancy of each onset.
    day : ndarray of int, shape (r,)
        Day of onset, in any order.
    separation : int
        Days; 0 retains every onset.

    Returns
    -------
    ndarray of bool, shape (r,)
    """
    order = np.lexsort((day, position))
    where, when = position[order], day[order]
    # An onset far from the one before it is far from every earlier one: the others are looked at one by one.
    near = np.flatnonzero((np.diff(where) == 0) & (np.diff(when) < separation)) + 1
    stands = np.ones(day.size, dtype=bool)
    last = 0
    for index in near:
        if stands[index - 1]:
            last = index - 1
        stands[index] = when[index] - when[last] >= separation
    retained = np.empty(day.size, dtype=bool)
    retained[order] = stands
    return retained
