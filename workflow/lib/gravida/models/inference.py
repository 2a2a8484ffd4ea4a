"""From an estimate on the log scale and its standard error to ratio, limits and p-value."""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, ndtr, ndtri, stdtr, stdtrit

from gravida.errors import NotConverged, NotEstimable

# With fewer, Student's t has no variance.
FEWEST_DEGREES = 2
# Two risks made of the same counts differ by no more than this.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class RatioEstimate:
    """A ratio of rates with limits and two-sided p-value.

    The standard error is on the log scale; the degrees of freedom are those of Student's t, None where the
    limits are normal.
    """

    rate_ratio: float
    lower: float
    upper: float
    p_value: float
    standard_error: float
    degrees_of_freedom: float | None = None


def quantile(confidence: float, degrees_of_freedom: float | None = None) -> float:
    """Return the two-sided quantile of the normal, or of Student's t with these degrees of freedom."""
    upper = (1 + confidence) / 2
    return float(ndtri(upper) if degrees_of_freedom is None else stdtrit(degrees_of_freedom, upper))


def wald(
    log_ratio: float, variance: float, confidence: float, degrees_of_freedom: float | None = None
) -> RatioEstimate:
    """Return Wald limits and p-value of a ratio that was estimated on the log scale.

    Parameters
    ----------
    log_ratio, variance : float
        Estimate and its variance.
    confidence : float
        Coverage of the limits.
    degrees_of_freedom : float, optional
        Of Student's t; without it the normal distribution is used.

    Raises
    ------
    NotConverged
        If the variance is not a positive number.
    NotEstimable
        If there are fewer than 2 degrees of freedom, or a limit overflows.
    """
    if degrees_of_freedom is not None and degrees_of_freedom < FEWEST_DEGREES:
        raise NotEstimable("too few women carry the estimate: fewer than 2 degrees of freedom")
    if not (np.isfinite(variance) and variance > 0):
        raise NotConverged("the standard error is not a positive number")
    error = np.sqrt(variance)
    reach = quantile(confidence, degrees_of_freedom) * error
    z = -abs(log_ratio / error)
    tail = ndtr(z) if degrees_of_freedom is None else stdtr(degrees_of_freedom, z)
    with np.errstate(over="ignore"):
        limits = np.exp([log_ratio, log_ratio - reach, log_ratio + reach])
    if not np.isfinite(limits).all():
        raise NotEstimable("the limits are wider than numbers can say")
    return RatioEstimate(*map(float, limits), float(2 * tail), float(error), degrees_of_freedom)


def joint_p_value(estimates: np.ndarray, covariance: np.ndarray) -> float:
    """Return the Wald chi-square p-value that all of `estimates`, shape (q,), are 0."""
    statistic = float(estimates @ np.linalg.solve(covariance, estimates))
    return float(chdtrc(estimates.size, statistic))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return Holm's adjusted p-values (1979, Scandinavian Journal of Statistics 6:65-70), shape (m,)."""
    order = np.argsort(p_values, kind="stable")
    raised = np.maximum.accumulate(p_values[order] * np.arange(p_values.size, 0, -1))
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(raised, 1)
    return adjusted


def difference_limits(difference: float, variance: float, confidence: float) -> tuple[float, float, float]:
    """Return Wald limits and the two-sided p-value of a difference.

    Raises
    ------
    NotConverged
        If the variance is not a positive number.
    """
    if not (np.isfinite(variance) and variance > 0):
        raise NotConverged("the standard error is not a positive number")
    error = float(np.sqrt(variance))
    reach = quantile(confidence) * error
    return difference - reach, difference + reach, float(2 * ndtr(-abs(difference) / error))


def number_needed(difference: float, lower: float, upper: float) -> dict[str, float | str | None]:
    """Return the number needed to treat with its limits and their form.

    Parameters
    ----------
    difference, lower, upper : float
        Risk difference, positive where treatment does good, and its limits.

    Returns
    -------
    dict
        nnt, nnt_lower, nnt_upper (None where infinite) and nnt_form: benefit, harm, or both where the limits
        of the difference hold 0.
    """
    form = "benefit" if lower > 0 else "harm" if upper < 0 else "both"
    nnt, nnt_lower, nnt_upper = (
        None if np.abs(value) < ROUNDING else 1 / value for value in (difference, upper, lower)
    )
    return {"nnt": nnt, "nnt_lower": nnt_lower, "nnt_upper": nnt_upper, "nnt_form": form}
