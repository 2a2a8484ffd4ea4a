"""Estimates from imputed data: Rubin's rules, and values moved to ask what missingness would have to hide."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gravida.errors import NotConverged, NotEstimable
from gravida.models.inference import wald

# The steps of each scale on which imputed values can be shifted: the EDSS has no 0.5, and 10 is death.
SCALES = {"edss_before": np.array([0.0, *np.arange(1.0, 10.0, 0.5)])}


@dataclass(frozen=True, slots=True)
class Pooled:
    """Estimates pooled over imputations, arrays of shape (k,).

    Attributes
    ----------
    estimate : ndarray
        Mean over the imputations.
    within, between, total : ndarray
        Mean variance, variance of the estimates, and the variance of the pooled estimate.
    df : ndarray
        Barnard and Rubin's degrees of freedom.
    riv, lambda_, fmi : ndarray
        Relative increase in variance, share of the variance that is due to missing values, and fraction of
        missing information.
    """

    estimate: np.ndarray
    within: np.ndarray
    between: np.ndarray
    total: np.ndarray
    df: np.ndarray
    riv: np.ndarray
    lambda_: np.ndarray
    fmi: np.ndarray


@dataclass(frozen=True, slots=True)
class PooledRatio:
    """A ratio of rates pooled over imputations, with t limits, and the fraction of missing information."""

    rate_ratio: float
    lower: float
    upper: float
    p_value: float
    df: float
    fmi: float


def pool(estimates: np.ndarray, variances: np.ndarray, complete_df: float) -> Pooled:
    """Pool estimates of completed data by Rubin's rules.

    Parameters
    ----------
    estimates, variances : ndarray, shape (m, k)
        Of k parameters in m >= 2 completed data sets.
    complete_df : float
        Degrees of freedom that complete data would have: women - parameters.

    Raises
    ------
    NotEstimable
        If complete data would have no degree of freedom.
    NotConverged
        If a variance is not a positive number.

    Notes
    -----
    Rubin (1987), Multiple Imputation for Nonresponse in Surveys; Barnard and Rubin (1999), Biometrika
    86:948-955. Where the estimates do not differ the degrees of freedom are those of the complete data, less
    the share ``2 / (complete_df + 3)``.
    """
    if complete_df <= 0:
        raise NotEstimable("there are no more women than coefficients")
    m = estimates.shape[0]
    if m < 2:
        raise ValueError("pooling needs at least two imputations")
    within, between = variances.mean(axis=0), estimates.var(axis=0, ddof=1)
    if not (np.isfinite(between).all() and (variances > 0).all()):
        raise NotConverged("a variance is not a positive number in some completed data")
    added = (1 + 1 / m) * between
    total = within + added
    share = added / total
    observed_df = (complete_df + 1) / (complete_df + 3) * complete_df * (1 - share)
    # The reciprocal of (m - 1) / share^2, which is infinite where the estimates do not differ.
    df = 1 / (share**2 / (m - 1) + 1 / observed_df)
    riv = added / within
    fmi = (riv + 2 / (df + 3)) / (1 + riv)
    return Pooled(estimates.mean(axis=0), within, between, total, df, riv, share, fmi)


def pooled_estimate(
    fits: Sequence[tuple[np.ndarray, np.ndarray]], place: int, complete_df: float, confidence: float
) -> PooledRatio:
    """Return the pooled rate ratio of one coefficient, with limits of Student's t.

    Parameters
    ----------
    fits : sequence of (beta, covariance), shapes (p,) and (p, p)
        One for each completed data set.
    place : int
        Of the coefficient.
    complete_df : float
        Women - parameters.
    confidence : float
        Coverage of the limits.

    Raises
    ------
    NotEstimable
        If the pooled estimate has fewer than 2 degrees of freedom.
    NotConverged
        If its variance is not a positive number.
    """
    estimates = np.array([[beta[place]] for beta, _ in fits])
    variances = np.array([[covariance[place, place]] for _, covariance in fits])
    pooled = pool(estimates, variances, complete_df)
    df = float(pooled.df[0])
    ratio = wald(float(pooled.estimate[0]), float(pooled.total[0]), confidence, df)
    return PooledRatio(ratio.rate_ratio, ratio.lower, ratio.upper, ratio.p_value, df, float(pooled.fmi[0]))


def shift(completed: pd.DataFrame, column: str, delta: float, observed: np.ndarray) -> pd.DataFrame:
    """Return completed data with the imputed values of one column moved by `delta`.

    The moved value is the nearest step of the scale; halfway between two steps it is the one further on.

    Parameters
    ----------
    completed : DataFrame
        n pregnancies.
    column : str
        A key of `SCALES`.
    delta : float
        In points of the scale.
    observed : ndarray of bool, shape (n,)
        Rows whose value was observed, which stay as they are; so do values that are missing.
    """
    scale = SCALES[column]
    values = completed[column].to_numpy(dtype=float, na_value=np.nan, copy=True)
    moved = ~observed & ~np.isnan(values)
    beyond = values[moved, None] + delta - scale
    # A step that the shift has passed counts as a trifle further away, so that halfway goes on.
    passed = np.sign(beyond) == np.sign(delta)
    values[moved] = scale[np.argmin(np.abs(beyond) + 1e-9 * passed, axis=1)]
    return completed.assign(**{column: pd.Series(values, index=completed.index)})
