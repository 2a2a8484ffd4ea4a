"""Poisson regression where an arm or a level has no relapse: the likelihood penalised after Firth."""

import numpy as np

from gravida.errors import NotConverged
from gravida.models.kernel import Batch

MAX_ITERATIONS = 500
TOLERANCE = 1e-12


def fit_firth(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Fit a Poisson model with half a relapse's worth of information spread over the design.

    Adding half of each pregnancy's leverage to its count removes the first-order bias and keeps every
    coefficient finite. Source: Firth (1993), Biometrika 80:27-38.

    Parameters
    ----------
    batch : Batch
        Pregnancies with at least one relapse among them and a design of full rank.

    Returns
    -------
    beta : ndarray, shape (p,)
    covariance : ndarray, shape (p, p)
        Inverse of the information at beta.

    Raises
    ------
    NotConverged
        If the iteration does not settle.
    """
    x, years = batch.design, np.exp(batch.log_time)
    start = np.full(batch.counts.size, np.log((batch.counts.sum() + 0.5) / years.sum()))
    beta = np.linalg.lstsq(x, start, rcond=None)[0]
    for _ in range(MAX_ITERATIONS):
        mean = np.exp(x @ beta + batch.log_time)
        covariance = np.linalg.inv((x.T * mean) @ x)
        leverage = mean * np.einsum("np,pq,nq->n", x, covariance, x)
        step = covariance @ (x.T @ (batch.counts + leverage / 2 - mean))
        if np.abs(step).max() < TOLERANCE:
            return beta, covariance
        beta = beta + step * min(1.0, 2 / np.abs(step).max())
    raise NotConverged("the penalised likelihood did not settle")
