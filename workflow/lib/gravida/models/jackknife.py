"""Delete one woman at a time: the jackknife of a coefficient of a Poisson model.

Not a sum over women: the model is fitted again without each of them.
"""

from collections.abc import Iterator

import numpy as np

from gravida.errors import NotConverged, NotEstimable
from gravida.models.counts import CountModel
from gravida.models.kernel import Batch
from gravida.models.solver import DECREMENT

# Numbers held at once: so many expected counts, each without one woman.
HELD = 2_000_000
MAX_ITERATIONS = 80
# A coefficient this far from that of all women is on its way to infinity.
LOST = 12.0


def without_each_woman(batch: Batch, beta: np.ndarray, place: int) -> np.ndarray:
    """Return one coefficient of the Poisson model without each woman in turn, shape (women,).

    Where without a woman a site or a level has no relapse, its own coefficient goes to minus infinity and the
    others stay what they are: it says nothing of them.

    Parameters
    ----------
    batch : Batch
        n pregnancies.
    beta : ndarray, shape (p,)
        Coefficients with all women, where each fit starts.
    place : int
        Of the coefficient.

    Raises
    ------
    NotEstimable
        If the coefficient cannot be had without some woman.
    NotConverged
        If some fit does not settle.
    """
    order = np.argsort(batch.woman, kind="stable")
    ordered = batch.take(order)
    _, number = np.unique(ordered.woman, return_inverse=True)
    each = [_fit_without(ordered, number, block, beta)[:, place] for block in _blocks(number)]
    found = np.concatenate(each)
    if np.abs(found - beta[place]).max() > LOST:
        raise NotEstimable("without one of the women the ratio is 0 or infinite")
    return found


def jackknife_variance(model: CountModel, place: int) -> float:
    """Return the jackknife variance of one coefficient of a Poisson model that stands in one batch.

    Deviations are taken from the estimate with all G women, times (G - 1)/G (CR3 by refitting). Source: Bell
    and McCaffrey (2002), Survey Methodology 28:169-181.

    Raises
    ------
    NotEstimable, NotConverged
        As `without_each_woman`.
    """
    (batch,) = model.sample.batches
    deviations = without_each_woman(batch, model.beta, place) - model.beta[place]
    return float((model.women - 1) / model.women * deviations @ deviations)


def _blocks(number: np.ndarray) -> Iterator[np.ndarray]:
    women = np.arange(number[-1] + 1)
    size = max(1, HELD // number.size)
    for start in range(0, women.size, size):
        yield women[start : start + size]


def _fit_without(batch: Batch, number: np.ndarray, left_out: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Return the coefficients without each of these women, shape (women, p), by Newton's method at once."""
    x, p = batch.design, beta.size
    rows, columns = np.triu_indices(p)
    products = x[:, rows] * x[:, columns]
    stays = number[:, None] != left_out[None, :]
    target = x.T @ (batch.counts[:, None] * stays)
    current = np.repeat(beta[:, None], left_out.size, axis=1)
    information = np.empty((left_out.size, p, p))
    for _ in range(MAX_ITERATIONS):
        mean = np.exp(x @ current + batch.log_time[:, None]) * stays
        information[:, rows, columns] = information[:, columns, rows] = mean.T @ products
        score = (target - x.T @ mean).T
        try:
            step = np.linalg.solve(information, score[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            raise NotEstimable("without one of the women a coefficient cannot be estimated") from None
        current = current + np.clip(step, -2, 2).T
        if float((score * step).sum(axis=1).max()) <= DECREMENT:
            return current.T
    raise NotConverged("a fit without one of the women did not settle")
