"""Logistic regression, also where a combination of covariates decides the outcome."""

import numpy as np
from scipy.special import expit

from gravida.errors import NotConverged

MAX_ITERATIONS = 100
TOLERANCE = 1e-11
# A variance this small is a chance on its way to 0 or 1.
SMALLEST_SPREAD = 1e-9


def fit_logistic(
    design: np.ndarray, outcome: np.ndarray, penalised: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Fit a logistic regression by Newton's method.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        Of full rank.
    outcome : ndarray, shape (n,)
        0 or 1.
    penalised : bool
        With Firth's penalty (1993, Biometrika 80:27-38), under which every coefficient is finite.

    Returns
    -------
    beta : ndarray, shape (p,)
    covariance : ndarray, shape (p, p)
        Inverse of the information at beta.

    Raises
    ------
    NotConverged
        If it does not settle: without the penalty, where a combination of covariates decides the outcome.
    """
    beta = np.zeros(design.shape[1])
    for _ in range(MAX_ITERATIONS):
        chance = expit(design @ beta)
        spread = chance * (1 - chance)
        if spread.min() < SMALLEST_SPREAD:
            break
        covariance = np.linalg.inv((design.T * spread) @ design)
        excess = outcome - chance
        if penalised:
            leverage = spread * np.einsum("np,pq,nq->n", design, covariance, design)
            excess = excess + leverage * (0.5 - chance)
        step = covariance @ (design.T @ excess)
        if np.abs(step).max() < TOLERANCE:
            return beta, covariance
        beta = beta + step * min(1.0, 5 / np.abs(step).max())
    raise NotConverged("the chance of treatment could not be fitted")
