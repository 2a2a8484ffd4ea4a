"""Profile likelihoods on a grid: one answer of each centre in place of rounds.

Where every site has a rate of its own, a site's likelihood, maximised over that rate, says all that the site
knows of the ratio of the arms and of the dispersion; the profile of all sites together is the sum. Nothing is
approximated but the curve between the points of the grid, and a site without a relapse in an arm counts for
what it is.

Source: Schuemie, Chen, Madigan and Suchard (2022), Statistical Methods in Medical Research 31:438-450.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import chdtrc, chdtri

from gravida.errors import NotConverged, NotEstimable
from gravida.models.kernel import Batch, negative_binomial, poisson

LOG_RATIOS = np.round(np.arange(-40, 41) / 10, 1)
LOG_ALPHAS = np.round(np.arange(-16, 9) / 4, 2)
MAX_ITERATIONS = 60
TOLERANCE = 1e-12
# A maximum this near to the end of the grid is beyond it.
END = 0.01


@dataclass(frozen=True, slots=True)
class ProfileEstimate:
    """A log ratio with likelihood-ratio limits, and its error by curvature; alpha is None for Poisson."""

    log_ratio: float
    lower: float
    upper: float
    p_value: float
    standard_error: float
    alpha: float | None


def profile_grid(batch: Batch) -> np.ndarray:
    """Return the log-likelihood of one site, maximised over its own rate, shape (1 + alphas, ratios).

    The first row is the Poisson model's, the others those of the negative binomial with `LOG_ALPHAS`.

    Parameters
    ----------
    batch : Batch
        The site's pregnancies; the first two columns are an intercept and the arm.
    """
    if not batch.counts.any():
        return np.zeros((1 + LOG_ALPHAS.size, LOG_RATIOS.size))
    grid = np.empty((1 + LOG_ALPHAS.size, LOG_RATIOS.size))
    intercept = np.ones((batch.counts.size, 1))
    for at, log_ratio in enumerate(LOG_RATIOS):
        own = Batch(batch.counts, intercept, batch.log_time + log_ratio * batch.design[:, 1], batch.woman)
        level = np.log(own.counts.sum() / np.exp(own.log_time).sum())
        grid[0, at] = poisson(own, np.array([level])).value.sum()
        levels = _own_levels(own, level)
        for row, parameters in enumerate(zip(levels, LOG_ALPHAS, strict=True), start=1):
            grid[row, at] = negative_binomial(own, np.array(parameters)).value.sum()
    return grid


def _own_levels(batch: Batch, start: float) -> np.ndarray:
    """Return for each alpha the site's own log rate at which the likelihood is largest, shape (alphas,).

    It is concave in the log rate.
    """
    alphas, levels = np.exp(LOG_ALPHAS)[:, None], np.full((LOG_ALPHAS.size, 1), start)
    for _ in range(MAX_ITERATIONS):
        mean = np.exp(levels + batch.log_time)
        slope = ((batch.counts - mean) / (1 + alphas * mean)).sum(axis=1)
        bend = (mean * (1 + alphas * batch.counts) / (1 + alphas * mean) ** 2).sum(axis=1)
        step = slope / bend
        if np.abs(slope * step).max() < TOLERANCE:
            return levels[:, 0]
        levels = levels + np.clip(step, -2, 2)[:, None]
    raise NotConverged("a site's own rate did not settle")


def combine(grids: Sequence[np.ndarray], confidence: float) -> tuple[ProfileEstimate, ProfileEstimate]:
    """Return the ratio of the arms within all sites, by the Poisson and by the negative binomial model.

    Parameters
    ----------
    grids : sequence of ndarray
        One a site, as `profile_grid` returns them.
    confidence : float
        Coverage of the limits.

    Raises
    ------
    NotEstimable
        If the maximum or a limit lies outside the grid.
    """
    total = np.sum(grids, axis=0)
    highest = [_highest(LOG_ALPHAS, column) for column in total[1:].T]
    over_alpha = np.maximum(total[0], [value for _, value in highest])
    plain, joint = (
        _estimate(CubicSpline(LOG_RATIOS, values), confidence) for values in (total[0], over_alpha)
    )
    here = CubicSpline(LOG_RATIOS, total, axis=1)(joint[0])
    log_alpha, value = _highest(LOG_ALPHAS, here[1:])
    alpha = float(np.exp(log_alpha)) if value > here[0] else 0.0
    return ProfileEstimate(*plain, None), ProfileEstimate(*joint, alpha)


def _highest(points: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Return where the cubic curve through some values is highest, and how high."""
    curve = CubicSpline(points, values)
    places = np.append(curve.derivative().roots(extrapolate=False), points[[0, -1]])
    heights = curve(places)
    return float(places[heights.argmax()]), float(heights.max())


def _estimate(curve: Callable, confidence: float) -> tuple[float, ...]:
    """Return the maximum of a curve of the log ratio, its limits, p-value and standard error."""
    low, high = LOG_RATIOS[0], LOG_RATIOS[-1]
    best, top = _highest(LOG_RATIOS, curve(LOG_RATIOS))
    drop = chdtri(1, 1 - confidence) / 2

    def excess(log_ratio: float) -> float:
        return float(curve(log_ratio)) - (top - drop)

    if min(best - low, high - best) < END or excess(low) > 0 or excess(high) > 0:
        raise NotEstimable("the likelihood has no maximum with limits on the grid of ratios")
    from scipy.optimize import brentq

    limits = [float(brentq(excess, *ends)) for ends in ((low, best), (best, high))]
    p_value = float(chdtrc(1, 2 * (top - float(curve(0.0)))))
    return best, *limits, p_value, float(-curve(best, 2)) ** -0.5
