"""Poisson generalised estimating equations with one correlation between the pregnancies of a woman."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gravida.errors import NotConverged, NotEstimable
from gravida.models.kernel import Batch
from gravida.models.sample import Moments, Sample, as_sample

MAX_ITERATIONS = 200
# A longer step on the log scale has left the solution behind.
LONGEST_STEP = 20.0


@dataclass(frozen=True, slots=True)
class GeeFit:
    """Coefficients, shape (p,), their robust covariance (CR0), shape (p, p), correlation and scale."""

    beta: np.ndarray
    covariance: np.ndarray
    correlation: float
    scale: float


def fit_exchangeable(sample: Sample | Sequence[Batch], start: np.ndarray) -> GeeFit:
    """Solve the estimating equations of Liang and Zeger (1986), Biometrika 73:13-22, for a log link.

    Correlation and scale are moment estimates without a correction for the number of coefficients, and the
    sandwich has no small-sample factor, as in the R package geepack. Each iteration takes the correlation
    from the coefficients before its step, so that it needs one pass over the women.

    Parameters
    ----------
    sample : Sample or sequence of Batch
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
    sample = as_sample(sample)
    if sample.women < 2:
        raise NotEstimable("a correlation between a woman's pregnancies needs 2 women")
    beta = np.asarray(start, dtype=float)
    correlation, scale = _correlation(sample.moments(beta), sample.pregnancies)
    for _ in range(MAX_ITERATIONS):
        if not correlation < 1:
            raise NotConverged(OUT_OF_RANGE)
        equations = sample.equations(beta, correlation)
        if not equations.in_range:
            raise NotConverged(OUT_OF_RANGE)
        step = np.linalg.solve(equations.bread, equations.score)
        if not np.isfinite(step).all() or np.abs(step).max() > LONGEST_STEP:
            break
        previous, (correlation, scale) = correlation, _correlation(equations.moments, sample.pregnancies)
        if np.abs(step).max() < sample.tolerance and abs(correlation - previous) < sample.tolerance:
            bread = np.linalg.inv(equations.bread)
            return GeeFit(beta, bread @ equations.meat @ bread.T, correlation, scale)
        beta = beta + step
    raise NotConverged("the estimating equations did not settle")


OUT_OF_RANGE = "the estimated correlation between a woman's pregnancies is out of its range"


def _correlation(moments: Moments, n: int) -> tuple[float, float]:
    """Return correlation (0 where no woman has two pregnancies) and scale."""
    scale = moments.squares / n
    if moments.pairs == 0:
        return 0.0, scale
    return (moments.sums_squared - moments.squares) / (moments.pairs * scale), scale
