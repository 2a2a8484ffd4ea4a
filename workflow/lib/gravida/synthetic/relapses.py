"""Relapses over the course of each pregnancy: how many, and on which days."""

from dataclasses import dataclass

import numpy as np

from gravida.periods import DAYS_PER_YEAR, YEAR, Window, period_windows, retain_separate_onsets
from gravida.synthetic.design import RATES, RegistryDesign, SiteDesign
from gravida.synthetic.timeline import Observation, Timeline

SEPARATION = 30
REDRAWS = 100

# First part of each period within the parts of `RATES`: second year before, pre-pregnancy year, pregnancy,
# postpartum year.
PERIOD_STARTS = np.array([0, 1, 2, 5])
POSTPARTUM = 3


@dataclass(frozen=True, slots=True)
class Course:
    """Expected relapses of n pregnancies in the 9 parts of `RATES`, each with its observed days.

    ``expected``, ``start`` and ``end`` have shape (n, 9); the observed part is ``start <= day < end``.
    """

    expected: np.ndarray
    start: np.ndarray
    end: np.ndarray


def draw_course(
    design: RegistryDesign,
    site: SiteDesign,
    timeline: Timeline,
    observation: Observation,
    ivig: np.ndarray,
    rng: np.random.Generator,
) -> Course:
    """Draw frailties and return each pregnancy's expected relapses by part of the course."""
    n = timeline.delivery.size
    lmp = -timeline.gestation
    windows = {"second_year_before": Window(lmp - 2 * YEAR, lmp - YEAR), **period_windows(timeline.gestation)}
    start = np.stack([np.maximum(windows[part].start, observation.start) for part in RATES], axis=1)
    end = np.stack([np.minimum(windows[part].end, observation.end) for part in RATES], axis=1)
    end = np.maximum(end, start)
    log_effect = np.full((n, len(RATES)), site.rate_effect)
    log_effect[:, PERIOD_STARTS[POSTPARTUM] :] += site.postpartum_effect
    log_effect[:, PERIOD_STARTS[POSTPARTUM] :] -= np.where(ivig, np.log(design.rate_ratio), 0.0)[:, None]
    frailty = _frailty(rng, design.woman_alpha, site.number_of_women)[timeline.woman]
    frailty = frailty * _frailty(rng, design.alpha, n)
    rate = np.array([design.rates[part] for part in RATES]) * np.exp(log_effect) * frailty[:, None]
    return Course(rate * (end - start) / DAYS_PER_YEAR, start, end)


def draw_counts(course: Course, rng: np.random.Generator) -> np.ndarray:
    """Draw Poisson counts given frailty, shape (n, 4), one column a period of `PERIOD_STARTS`."""
    return rng.poisson(np.add.reduceat(course.expected, PERIOD_STARTS, axis=1))


def place_onsets(
    course: Course, counts: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Place the counted relapses on days, those of one pregnancy at least 30 days apart.

    Days follow the course within each period. A pregnancy with onsets too close is drawn anew as a whole;
    the rare one for which that never succeeds loses the onsets that the 30-day rule would drop.

    Parameters
    ----------
    course : Course
        Of n pregnancies.
    counts : ndarray of int, shape (n, 4)

    Returns
    -------
    position, day : ndarray of int, shape (r,)
        Row and day of each onset, sorted by both.
    """
    row, period = (index.repeat(counts.ravel()) for index in np.indices(counts.shape).reshape(2, -1))
    day = _draw_days(course, row, period, rng)
    for _ in range(REDRAWS):
        again = np.isin(row, _crowded(row, day))
        if not again.any():
            break
        day = np.where(again, 0, day)
        day[again] = _draw_days(course, row[again], period[again], rng)
    crowded = np.isin(row, _crowded(row, day))
    kept = np.ones(row.size, dtype=bool)
    kept[crowded] = retain_separate_onsets(row[crowded], day[crowded], SEPARATION)
    return _sorted(row[kept], day[kept])


def add_close_onsets(
    position: np.ndarray, day: np.ndarray, end: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Report a share of onsets once more, 1 to 29 days later, where that day is still observed."""
    repeated = rng.random(day.size) < share
    later = day + rng.integers(1, SEPARATION, day.size)
    repeated &= later < end[position]
    return _sorted(np.append(position, position[repeated]), np.append(day, later[repeated]))


def _frailty(rng: np.random.Generator, variance: float, n: int) -> np.ndarray:
    return rng.gamma(1 / variance, variance, n) if variance > 0 else np.ones(n)


def _draw_days(course: Course, row: np.ndarray, period: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Invert the cumulative expected count at a uniform point of the period."""
    cumulative = np.concatenate([np.zeros((row.size, 1)), np.cumsum(course.expected[row], axis=1)], axis=1)
    bounds = np.append(PERIOD_STARTS, cumulative.shape[1] - 1)
    onset = np.arange(row.size)
    low, high = cumulative[onset, bounds[period]], cumulative[onset, bounds[period + 1]]
    point = np.minimum(low + (high - low) * rng.random(row.size), np.nextafter(high, low))
    part = (point[:, None] >= cumulative[:, 1:]).sum(axis=1)
    within = (point - cumulative[onset, part]) / (cumulative[onset, part + 1] - cumulative[onset, part])
    start, end = course.start[row, part], course.end[row, part]
    return np.minimum(start + np.floor(within * (end - start)).astype(np.int64), end - 1)


def _crowded(row: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return the rows with two onsets less than 30 days apart."""
    row, day = _sorted(row, day)
    return np.unique(row[1:][(np.diff(row) == 0) & (np.diff(day) < SEPARATION)])


def _sorted(row: np.ndarray, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.lexsort((day, row))
    return row[order], day[order]
