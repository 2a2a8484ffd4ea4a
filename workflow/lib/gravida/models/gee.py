"""Poisson generalised estimating equations with one correlation between the pregnancies of a woman."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gravida.errors import NotConverged, NotEstimable
from gravida.models.kernel import Batch
from gravida.models.sample import Moments, Sample, as_sample

MAX_ITERATIONS = 200
# So many of the last iterations are combined, and no further than so many times the plain change.
REMEMBERED = 4
AWAY = 10.0
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
    from the coefficients before its step, so that it needs one pass over the women; Anderson's extrapolation
    (1965, Journal of the ACM 12:547-560) from the last iterations keeps them few.

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
    at = np.append(start, _correlation(sample.moments(np.asarray(start, dtype=float)), sample.pregnancies)[0])
    tried: list[tuple[np.ndarray, np.ndarray]] = []
    for _ in range(MAX_ITERATIONS):
        beta, correlation = at[:-1], float(at[-1])
        equations = sample.equations(beta, correlation) if correlation < 1 else None
        if equations is None or not equations.in_range:
            raise NotConverged(OUT_OF_RANGE)
        step = np.linalg.solve(equations.bread, equations.score)
        if not np.isfinite(step).all() or np.abs(step).max() > LONGEST_STEP:
            break
        found, scale = _correlation(equations.moments, sample.pregnancies)
        change = np.append(step, found - correlation)
        if np.abs(change).max() < sample.tolerance:
            bread = np.linalg.inv(equations.bread)
            return GeeFit(beta, bread @ equations.meat @ bread.T, correlation, scale)
        tried = [*tried, (at, change)][-REMEMBERED:]
        at = _next(tried)
    raise NotConverged("the estimating equations did not settle")


def _next(tried: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return where coefficients and correlation are sought next, shape (p + 1,).

    Parameters
    ----------
    tried : sequence of (places, changes)
        Of the last iterations, each shape (p + 1,).

    The combination of the last places whose combined change is least; the plain change where that leads away.
    """
    places, changes = (np.array(each) for each in zip(*tried, strict=True))
    plain = places[-1] + changes[-1]
    if len(tried) == 1:
        return plain
    moved, bent = np.diff(places, axis=0), np.diff(changes, axis=0)
    weights = np.linalg.lstsq(bent.T, changes[-1], rcond=None)[0]
    further = plain - weights @ (moved + bent)
    near = np.abs(further - places[-1]).max() <= AWAY * np.abs(changes[-1]).max()
    return further if near and abs(further[-1]) < 1 else plain


OUT_OF_RANGE = "the estimated correlation between a woman's pregnancies is out of its range"


def _correlation(moments: Moments, n: int) -> tuple[float, float]:
    """Return correlation (0 where no woman has two pregnancies) and scale."""
    scale = moments.squares / n
    if moments.pairs == 0:
        return 0.0, scale
    return (moments.sums_squared - moments.squares) / (moments.pairs * scale), scale
