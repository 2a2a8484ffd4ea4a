"""Poisson generalised estimating equations with one correlation between the pregnancies of a woman."""

from dataclasses import dataclass

import numpy as np

from gravida.errors import NotConverged, NotEstimable
from gravida.models.kernel import Batch

MAX_ITERATIONS = 200
# Largest change of a coefficient or of the correlation in the last iteration.
TOLERANCE = 1e-12
# A longer step on the log scale has left the solution behind.
LONGEST_STEP = 20.0


@dataclass(frozen=True, slots=True)
class GeeFit:
    """Coefficients, shape (p,), their robust covariance (CR0), shape (p, p), correlation and scale."""

    beta: np.ndarray
    covariance: np.ndarray
    correlation: float
    scale: float


@dataclass(frozen=True, slots=True)
class _WomanSums:
    """Sums by woman at given coefficients; `columns` has shape (women, p), the others (women,)."""

    columns: np.ndarray
    residual: np.ndarray
    pregnancies: np.ndarray
    scores: np.ndarray
    gram: np.ndarray
    squares: float


def fit_exchangeable(batch: Batch, start: np.ndarray) -> GeeFit:
    """Solve the estimating equations of Liang and Zeger (1986), Biometrika 73:13-22, for a log link.

    Correlation and scale are moment estimates without a correction for the number of coefficients, and the
    sandwich has no small-sample factor, as in the R package geepack.

    Parameters
    ----------
    batch : Batch
        Pregnancies; those of a woman share `batch.woman`.
    start : ndarray, shape (p,)
        Coefficients to start from, those of the Poisson model.

    Raises
    ------
    NotEstimable
        If fewer than two women are there.
    NotConverged
        If the iteration does not settle or the correlation leaves its range.
    """
    _, woman = np.unique(batch.woman, return_inverse=True)
    women = int(woman.max()) + 1
    if women < 2:
        raise NotEstimable("a correlation between a woman's pregnancies needs 2 women")
    beta, correlation = np.asarray(start, dtype=float), 0.0
    for _ in range(MAX_ITERATIONS):
        sums = _sums(batch, woman, women, beta)
        previous, (correlation, scale) = correlation, _moments(sums, woman.size)
        weight = _within(correlation, sums.pregnancies)
        score, bread = _equations(sums, weight)
        step = np.linalg.solve(bread, score.sum(axis=0))
        if not np.isfinite(step).all() or np.abs(step).max() > LONGEST_STEP:
            break
        if np.abs(step).max() < TOLERANCE and abs(correlation - previous) < TOLERANCE:
            influence = np.linalg.solve(bread, score.T)
            return GeeFit(beta, influence @ influence.T, correlation, scale)
        beta = beta + step
    raise NotConverged("the estimating equations did not settle")


def _sums(batch: Batch, woman: np.ndarray, women: int, beta: np.ndarray) -> _WomanSums:
    """Return the sums of square-root-weighted covariates and Pearson residuals by woman."""
    root = np.exp((batch.design @ beta + batch.log_time) / 2)
    columns = batch.design * root[:, None]
    residual = (batch.counts - root**2) / root
    return _WomanSums(
        _by_woman(columns, woman, women),
        _by_woman(residual[:, None], woman, women)[:, 0],
        np.bincount(woman, minlength=women),
        _by_woman(columns * residual[:, None], woman, women),
        columns.T @ columns,
        float(residual @ residual),
    )


def _by_woman(values: np.ndarray, woman: np.ndarray, women: int) -> np.ndarray:
    return np.column_stack([np.bincount(woman, column, minlength=women) for column in values.T])


def _moments(sums: _WomanSums, n: int) -> tuple[float, float]:
    """Return correlation (0 where no woman has two pregnancies) and scale."""
    scale = sums.squares / n
    pairs = float((sums.pregnancies * (sums.pregnancies - 1)).sum())
    if pairs == 0:
        return 0.0, scale
    return float((sums.residual @ sums.residual - sums.squares) / (pairs * scale)), scale


def _within(correlation: float, pregnancies: np.ndarray) -> np.ndarray:
    """Return rho / (1 + (m - 1) rho) for each woman's number m of pregnancies, shape (women,)."""
    divisor = 1 + (pregnancies - 1) * correlation
    if correlation >= 1 or divisor.min() <= 0:
        raise NotConverged("the estimated correlation between a woman's pregnancies is out of its range")
    return correlation / divisor


def _equations(sums: _WomanSums, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each woman's score, shape (women, p), and the bread, shape (p, p), both times 1 - rho."""
    score = sums.scores - sums.columns * (weight * sums.residual)[:, None]
    bread = sums.gram - (sums.columns.T * weight) @ sums.columns
    return score, bread
