"""Clustered errors for few women: the bias-reduced sandwich (CR2) and its degrees of freedom.

Source: Pustejovsky and Tipton (2018), Journal of Business & Economic Statistics 36:672-683, with the working
covariance of the Poisson model.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

from gravida.models.corrected_scores import Spread
from gravida.models.counts import CountModel


@dataclass(frozen=True, slots=True)
class BiasReduced:
    """The CR2 sandwich of a Poisson model and what its degrees of freedom follow from.

    Attributes
    ----------
    covariance : ndarray, shape (p, p)
        Of the coefficients.
    bread : ndarray, shape (p, p)
        Inverse of the information.
    along : callable
        Returns the `Spread` along some directions, shape (p, q).
    """

    covariance: np.ndarray
    bread: np.ndarray
    along: Callable[[np.ndarray], Spread]

    def degrees_of_freedom(self, combination: np.ndarray) -> float:
        """Return Satterthwaite's degrees of freedom of ``combination @ beta``, shape (p,)."""
        spread = self.along(combination[:, None])
        return spread.remainder**2 / spread.squares(self.bread)[0]

    def joint_p_value(self, beta: np.ndarray, places: list[int]) -> float:
        """Return the p-value that the coefficients at these places are all 0, by Hotelling's T-squared.

        The degrees of freedom are those of the test HTZ of Tipton and Pustejovsky (2015), Journal of
        Educational and Behavioral Statistics 40:604-634.
        """
        own, q = np.ix_(places, places), len(places)
        freedom = q * (q + 1) / sum(self.along(whitened(self.bread, places)).squares(self.bread))
        wald = float(beta[places] @ np.linalg.solve(self.covariance[own], beta[places]))
        statistic = (freedom - q + 1) / (freedom * q) * wald
        return float(fdtrc(q, freedom - q + 1, statistic))


def whitened(bread: np.ndarray, places: list[int]) -> np.ndarray:
    """Return directions along which the coefficients at some places have a unit covariance, shape (p, q)."""
    values, vectors = np.linalg.eigh(bread[np.ix_(places, places)])
    directions = np.zeros((bread.shape[0], len(places)))
    directions[places] = (vectors / np.sqrt(values)) @ vectors.T
    return directions


def bias_reduced(model: CountModel) -> BiasReduced:
    """Return the CR2 sandwich, clustered by woman, of a Poisson model.

    Parameters
    ----------
    model : CountModel
        A Poisson fit.
    """
    bread = np.linalg.inv(model.fit.sums.information)
    covariance, along = model.sample.corrected(model.beta, bread)
    return BiasReduced(covariance, bread, along)
