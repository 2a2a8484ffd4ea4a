"""Newton's method over sums: add the batches, step, halve the step where the likelihood would fall."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gravida.errors import NotConverged, NotEstimable
from gravida.models.kernel import Family, Sums
from gravida.models.sample import Sample

MAX_ITERATIONS = 100
MAX_HALVINGS = 40
# The Newton decrement is the squared distance to the maximum in standard errors. Convergence is quadratic:
# the step taken after this bound is met leaves an error far below the digits that are written.
DECREMENT = 1e-14
# Nearer than rounding: a step would move the last digits only.
RESTING = 1e-26
# Largest decrement with which a fit is accepted: a ten-thousandth of a standard error.
ACCEPTED_DECREMENT = 1e-8
SMALLEST_EIGENVALUE = 1e-10
# An expected count this small is a coefficient on its way to minus infinity, not an estimate.
SMALLEST_MEAN = 1e-10


@dataclass(frozen=True, slots=True)
class Fit:
    """A maximum: parameters, shape (k,), the sums there, and how often they were taken."""

    parameters: np.ndarray
    sums: Sums
    passes: int


def maximise(family: Family, sample: Sample, start: np.ndarray) -> Fit:
    """Maximise a log-likelihood that is a sum over women.

    Parameters
    ----------
    family : Family
        `kernel.poisson` or `kernel.negative_binomial`.
    sample : Sample
        Asked for its sums once an iteration.
    start : ndarray, shape (k,)
        Starting parameters.

    Raises
    ------
    NotConverged
        If the result fails a check: gradient, information, errors.
    NotEstimable
        If some expected count goes to 0, so that the maximum lies at infinity.
    """
    fit = climb(lambda parameters, before: sample.sums(family, parameters, before), start)
    accept(fit.sums)
    return fit


# Returns the sums at some parameters, given those before; at the start there are none.
SumsAt = Callable[[np.ndarray, np.ndarray | None], Sums]


def climb(sums_at: SumsAt, start: np.ndarray) -> Fit:
    """Return where Newton's steps come to rest; whether that is a maximum is for `accept` to say.

    Parameters
    ----------
    sums_at : callable
        Log-likelihood, score and information at given parameters, shape (k,), and those before.
    start : ndarray, shape (k,)
    """
    parameters = np.asarray(start, dtype=float)
    sums = sums_at(parameters, None)
    passes, settled = 1, False
    while passes < MAX_ITERATIONS and not settled:
        step = newton_step(sums)
        decrement = float(sums.score @ step)
        if 0 <= decrement <= RESTING:
            break
        settled = decrement <= DECREMENT
        candidate, tried = _first_that_climbs(sums_at, parameters, sums, step)
        passes += tried
        if candidate is None:
            break
        parameters, sums = candidate
    return Fit(parameters, sums, passes)


def _first_that_climbs(
    sums_at: SumsAt, parameters: np.ndarray, sums: Sums, step: np.ndarray
) -> tuple[tuple[np.ndarray, Sums] | None, int]:
    """Return the first of the full and halved steps that does not lower the likelihood, and the passes."""
    rounding = 1e-13 * max(1.0, abs(sums.log_likelihood))
    shorter: dict[int, float] = {}
    for halvings in range(MAX_HALVINGS):
        # What is known to fall short need not be asked for.
        if shorter.get(halvings, np.inf) < sums.log_likelihood - rounding:
            continue
        moved = parameters + step / 2**halvings
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            there = sums_at(moved, parameters)
        shorter |= dict(enumerate(there.shorter, start=halvings + 1))
        climbs = there.log_likelihood >= sums.log_likelihood - rounding
        if climbs and np.isfinite(there.log_likelihood) and np.isfinite(there.information).all():
            return (moved, there), halvings + 1
    return None, MAX_HALVINGS


def newton_step(sums: Sums) -> np.ndarray:
    """Return the step information^-1 score, with negative curvature turned round so that it leads uphill."""
    scale = _scale(sums.information)
    values, vectors = np.linalg.eigh(sums.information / np.outer(scale, scale))
    values = np.maximum(np.abs(values), SMALLEST_EIGENVALUE)
    return vectors @ (vectors.T @ (sums.score / scale) / values) / scale


def accept(sums: Sums) -> None:
    """Check that the sums are those of a maximum inside the parameter space.

    Raises
    ------
    NotConverged, NotEstimable
        With the failed check in words.
    """
    if not (np.isfinite(sums.score).all() and np.isfinite(sums.information).all()):
        raise NotConverged("the likelihood has no finite derivatives at the last step")
    if sums.smallest_mean < SMALLEST_MEAN:
        raise NotEstimable("a combination of covariates has no relapse: a rate ratio is 0 or infinite")
    scale = _scale(sums.information)
    smallest = np.linalg.eigvalsh(sums.information / np.outer(scale, scale))[0]
    if smallest < SMALLEST_EIGENVALUE:
        raise NotConverged("the information matrix is not positive definite at the last step")
    if float(sums.score @ newton_step(sums)) > ACCEPTED_DECREMENT:
        raise NotConverged("the gradient is not zero at the last step")


def _scale(information: np.ndarray) -> np.ndarray:
    """Return the square roots of the diagonal, so that units of covariates do not matter, shape (k,)."""
    diagonal = np.abs(np.diag(information))
    return np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
