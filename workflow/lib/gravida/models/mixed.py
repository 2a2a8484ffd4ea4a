"""Poisson regression with an intercept of its own for each site, drawn from a normal distribution.

The sites' likelihood is an integral over that intercept: adaptive Gauss-Hermite quadrature, centred and
scaled at each site's mode. Source: Rabe-Hesketh, Skrondal and Pickles (2005), Journal of Econometrics
128:301-323.
"""

from dataclasses import dataclass

import numpy as np

from gravida.errors import NotEstimable
from gravida.models.counts import fit_poisson
from gravida.models.kernel import Batch, Sums
from gravida.models.solver import MAX_ITERATIONS, accept, climb

NODES = 31
FEWEST_SITES = 5


class NoSiteVariance(NotEstimable):
    """The sites differ no more than chance: the maximum of the likelihood is at a variance of 0."""


@dataclass(frozen=True, slots=True)
class MixedModel:
    """Coefficients, shape (p,), their covariance, and the standard deviation of the sites' log rates."""

    beta: np.ndarray
    covariance: np.ndarray
    site_deviation: float
    log_likelihood: float


def fit_mixed_poisson(batch: Batch, site: np.ndarray) -> MixedModel:
    """Fit by maximum likelihood.

    Parameters
    ----------
    batch : Batch
        n pregnancies.
    site : ndarray of int, shape (n,)
        Number of the site, from 0 and without gaps.

    Returns
    -------
    MixedModel
        `covariance` is the block of beta in the inverse of the observed information over beta and the log of
        the standard deviation.

    Raises
    ------
    NoSiteVariance
        If the likelihood falls from a variance of 0 on.
    NotEstimable, NotConverged
        As for `counts.fit_poisson`.
    """
    base = fit_poisson([batch])
    mean = np.exp(batch.design @ base.beta + batch.log_time)
    expected, observed = np.bincount(site, mean), np.bincount(site, batch.counts)
    slope = float(((observed - expected) ** 2 - expected).sum())
    if slope <= 0:
        raise NoSiteVariance("the sites differ no more than chance")
    deviation = np.sqrt(np.clip(slope / float((expected**2).sum()), 1e-4, 4))
    parameters = np.append(base.beta, np.log(deviation))
    fit = climb(lambda at, _: _sums(batch, site, at), parameters)
    accept(fit.sums)
    p = batch.design.shape[1]
    covariance = np.linalg.inv(fit.sums.information)[:p, :p]
    beta, deviation = fit.parameters[:p], float(np.exp(fit.parameters[p]))
    return MixedModel(beta, covariance, deviation, fit.sums.log_likelihood)


def _sums(batch: Batch, site: np.ndarray, parameters: np.ndarray) -> Sums:
    """Return log-likelihood (but for a constant), score and observed information, summed over sites."""
    x, sites, deviation = batch.design, int(site.max()) + 1, float(np.exp(parameters[-1]))
    mean = np.exp(x @ parameters[:-1] + batch.log_time)
    relapses, expected = np.bincount(site, batch.counts), np.bincount(site, mean)
    score_zero = _by_site(x * batch.counts[:, None], site, sites)
    slope = _by_site(x * mean[:, None], site, sites)
    u, weight = _nodes(relapses, expected, deviation)
    lift = np.exp(deviation * u)
    log_joint = relapses[:, None] * deviation * u - expected[:, None] * lift - u**2 / 2
    peak = log_joint.max(axis=1, keepdims=True)
    share = weight * np.exp(log_joint - peak)
    likelihood = share.sum(axis=1)
    share = share / likelihood[:, None]
    value = float((np.log(likelihood) + peak[:, 0]).sum() + batch.counts @ np.log(mean))
    # Derivatives given u, shape (sites, nodes, k); then Louis' identity over u.
    given = score_zero[:, None, :] - slope[:, None, :] * lift[:, :, None]
    excess = (relapses[:, None] - expected[:, None] * lift) * deviation * u
    given = np.concatenate([given, excess[:, :, None]], axis=2)
    score = np.einsum("su,suk->sk", share, given)
    within = np.einsum("su,suk,sul->skl", share, given, given) - np.einsum("sk,sl->skl", score, score)
    mean_lift = (share * lift).sum(axis=1)
    curvature = np.zeros((parameters.size, parameters.size))
    curvature[:-1, :-1] = (x.T * (mean * mean_lift[site])) @ x
    cross = np.einsum("su,su,sp->p", share, lift * deviation * u, slope)
    curvature[:-1, -1] = curvature[-1, :-1] = cross
    curvature[-1, -1] = float((share * (expected[:, None] * lift * (deviation * u) ** 2 - excess)).sum())
    information = curvature - within.sum(axis=0)
    return Sums(value, score.sum(axis=0), information, batch.counts.size, float(mean.min()))


def _by_site(values: np.ndarray, site: np.ndarray, sites: int) -> np.ndarray:
    return np.column_stack([np.bincount(site, column, minlength=sites) for column in values.T])


def _nodes(relapses: np.ndarray, expected: np.ndarray, deviation: float) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights for the integral over u, shapes (sites, nodes), about each site's mode."""
    mode = np.zeros(relapses.size)
    for _ in range(MAX_ITERATIONS):
        lift = expected * np.exp(deviation * mode)
        step = (deviation * (relapses - lift) - mode) / (deviation**2 * lift + 1)
        mode = mode + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            break
    spread = 1 / np.sqrt(1 + deviation**2 * expected * np.exp(deviation * mode))
    node, weight = np.polynomial.hermite_e.hermegauss(NODES)
    u = mode[:, None] + spread[:, None] * node
    return u, weight * np.exp(node**2 / 2) * spread[:, None]
