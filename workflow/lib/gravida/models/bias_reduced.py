"""Clustered errors for few women: the bias-reduced sandwich (CR2) and its degrees of freedom.

Not a sum over women: every woman's residuals are corrected by the leverage of her own pregnancies in the
whole fit. Source: Pustejovsky and Tipton (2018), Journal of Business & Economic Statistics 36:672-683, with
the working covariance of the Poisson model.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

from gravida.models.counts import CountModel
from gravida.models.kernel import poisson

# Eigenvalues below this are directions that one woman alone decides: they get weight 0.
SINGULAR = 1e-12


@dataclass(frozen=True, slots=True)
class BiasReduced:
    """The CR2 sandwich of a Poisson model and what its degrees of freedom follow from.

    Attributes
    ----------
    covariance : ndarray, shape (p, p)
        Of the coefficients.
    bread : ndarray, shape (p, p)
        Inverse of the information.
    spread : ndarray, shape (women, p, p)
        Of each woman's corrected scores under the working covariance, before the coefficients were fitted.
    carried : ndarray, shape (women, p, p)
        How the fitted coefficients enter each woman's corrected scores.
    """

    covariance: np.ndarray
    bread: np.ndarray
    spread: np.ndarray
    carried: np.ndarray

    def degrees_of_freedom(self, combination: np.ndarray) -> float:
        """Return Satterthwaite's degrees of freedom of ``combination @ beta``, shape (p,)."""
        # The covariance of the corrected scores of women g and h is [g = h] spread - lever_g' bread lever_h.
        spread = np.einsum("p,gpq,q->g", combination, self.spread, combination)
        lever = self.carried @ combination
        shared = np.einsum("gp,pq,gq->g", lever, self.bread, lever)
        overlap = self.bread @ (lever.T @ lever)
        squares = float((spread**2 - 2 * spread * shared).sum() + np.trace(overlap @ overlap))
        return float((spread - shared).sum() ** 2 / squares)

    def joint_p_value(self, beta: np.ndarray, places: list[int]) -> float:
        """Return the p-value that the coefficients at these places are all 0, by Hotelling's T-squared.

        The degrees of freedom are those of the test HTZ of Tipton and Pustejovsky (2015), Journal of
        Educational and Behavioral Statistics 40:604-634.
        """
        own, q = np.ix_(places, places), len(places)
        values, vectors = np.linalg.eigh(self.bread[own])
        root = (vectors / np.sqrt(values)) @ vectors.T
        carried = np.einsum("gpq,qs->gps", self.carried[:, :, places], root)
        spread = root @ self.spread[:, *own] @ root
        covariances = -np.einsum("gps,pr,hrt->stgh", carried, self.bread, carried)
        women = np.arange(spread.shape[0])
        covariances[:, :, women, women] += np.moveaxis(spread, 0, -1)
        same = np.einsum("ssgh->gh", covariances)
        variance = float((same**2).sum() + np.einsum("stgh,tsgh->", covariances, covariances))
        freedom = q * (q + 1) / variance
        wald = float(beta[places] @ np.linalg.solve(self.covariance[own], beta[places]))
        statistic = (freedom - q + 1) / (freedom * q) * wald
        return float(fdtrc(q, freedom - q + 1, statistic))


def bias_reduced(model: CountModel) -> BiasReduced:
    """Return the CR2 sandwich, clustered by woman, of a Poisson model that stands in one batch.

    Parameters
    ----------
    model : CountModel
        A Poisson fit.
    """
    (batch,) = model.batches
    row = poisson(batch, model.beta)
    bread = np.linalg.inv((batch.design.T * row.mean) @ batch.design)
    influence, spread, carried = [], [], []
    for rows in _rows_by_woman(batch.woman):
        # The derivative of the mean, shape (m, p), and the variance, shape (m,), of her counts.
        slope, variance = batch.design[rows] * row.mean[rows, None], row.mean[rows]
        # Each pregnancy's weight in the woman's corrected scores, shape (m, p).
        weight = _adjustment(slope, variance, bread).T @ (batch.design[rows] @ bread)
        influence.append(weight.T @ row.eta[rows])
        spread.append((weight.T * variance) @ weight)
        carried.append(slope.T @ weight)
    scores = np.array(influence)
    return BiasReduced(scores.T @ scores, bread, np.array(spread), np.array(carried))


def _adjustment(slope: np.ndarray, variance: np.ndarray, bread: np.ndarray) -> np.ndarray:
    """Return the matrix A_g of one woman, shape (m, m)."""
    root = np.sqrt(variance)
    inner = (np.diag(variance) - slope @ bread @ slope.T) * np.outer(root, root)
    values, vectors = np.linalg.eigh((inner + inner.T) / 2)
    kept = values > SINGULAR * max(1.0, float(values.max()))
    power = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    return root[:, None] * (vectors * power) @ vectors.T * root[None, :]


def _rows_by_woman(woman: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(woman, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(woman[order])) + 1)
