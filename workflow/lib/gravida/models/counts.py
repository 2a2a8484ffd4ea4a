"""Count models of relapses: Poisson and negative binomial, with model-based and clustered errors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gravida.errors import NotEstimable
from gravida.models.kernel import Batch, Family, negative_binomial, poisson, woman_scores
from gravida.models.solver import Fit, maximise


class NoOverdispersion(NotEstimable):
    """The counts vary no more than a Poisson model allows: the maximum of the likelihood is at alpha = 0."""


@dataclass(frozen=True, slots=True)
class CountModel:
    """A fitted count model.

    Attributes
    ----------
    family : Family
        The kernel it was fitted with.
    batches : sequence of Batch
        The pregnancies.
    fit : Fit
        Parameters, shape (k,): beta, and log alpha for the negative binomial.
    alpha : float or None
        Dispersion of the negative binomial.
    women : int
        Women with a pregnancy in the model.
    """

    family: Family
    batches: Sequence[Batch]
    fit: Fit
    alpha: float | None
    women: int

    @property
    def beta(self) -> np.ndarray:
        """Coefficients of the design, shape (p,)."""
        return self.fit.parameters if self.alpha is None else self.fit.parameters[:-1]

    def model_covariance(self) -> np.ndarray:
        """Return the inverse of the observed information, the rows and columns of beta, shape (p, p)."""
        return self._of_beta(np.linalg.inv(self.fit.sums.information))

    def clustered_covariance(self) -> np.ndarray:
        """Return the sandwich clustered by woman, shape (p, p).

        The sandwich is over all k parameters (log alpha too) with the observed information, times
        G/(G-1) x (n-1)/(n-k) for G women and n pregnancies (CR1S; Stata's and statsmodels' factor).

        Raises
        ------
        NotEstimable
            If there are too few women for it.
        """
        k, n = self.fit.parameters.size, self.fit.sums.pregnancies
        if self.women < 2 or n <= k:
            raise NotEstimable("clustered errors need 2 women and more pregnancies than parameters")
        bread = np.linalg.inv(self.fit.sums.information)
        numbers = np.concatenate([batch.woman for batch in self.batches])
        scores = woman_scores(self.family, self.batches, self.fit.parameters, int(numbers.max()) + 1)
        influence = scores @ bread
        factor = self.women / (self.women - 1) * (n - 1) / (n - k)
        return self._of_beta(factor * influence.T @ influence)

    def _of_beta(self, covariance: np.ndarray) -> np.ndarray:
        return covariance[: self.beta.size, : self.beta.size]


def fit_poisson(batches: Sequence[Batch]) -> CountModel:
    """Fit a Poisson model by maximum likelihood.

    Raises
    ------
    NotEstimable
        If there is no relapse, or the maximum lies at infinity.
    NotConverged
        If the fit fails its acceptance checks.
    """
    if not any(batch.counts.any() for batch in batches):
        raise NotEstimable("there is no relapse")
    return CountModel(
        poisson, batches, maximise(poisson, batches, _flat_start(batches)), None, _women(batches)
    )


def fit_negative_binomial(batches: Sequence[Batch]) -> CountModel:
    """Fit a negative binomial model (NB2), alpha by maximum likelihood.

    Raises
    ------
    NoOverdispersion
        If the likelihood falls from alpha = 0 on: half the sum of (y - mu)^2 - y, its slope there at the
        Poisson fit, is not positive.
    NotEstimable, NotConverged
        As for `fit_poisson`.
    """
    base = fit_poisson(batches)
    slope, spread = boundary_slope(base)
    if slope <= 0:
        raise NoOverdispersion("the counts vary no more than a Poisson model allows (alpha = 0)")
    # The moment estimate of alpha; a tenth of it or more is near enough for Newton to find the maximum.
    start = np.append(base.beta, np.log(2 * slope / spread))
    fit = maximise(negative_binomial, batches, start)
    return CountModel(negative_binomial, batches, fit, float(np.exp(fit.parameters[-1])), base.women)


def boundary_slope(model: CountModel) -> tuple[float, float]:
    """Return the slope of the NB2 log-likelihood in alpha at 0, and the sum of mu^2, at a Poisson fit."""
    slope = spread = 0.0
    for batch in model.batches:
        mean = poisson(batch, model.beta).mean
        slope += float(((batch.counts - mean) ** 2 - batch.counts).sum()) / 2
        spread += float((mean**2).sum())
    return slope, spread


def _flat_start(batches: Sequence[Batch]) -> np.ndarray:
    """Return the coefficients nearest to one common rate, shape (p,)."""
    gram = sum(batch.design.T @ batch.design for batch in batches)
    column_sums = sum(batch.design.sum(axis=0) for batch in batches)
    relapses = sum(float(batch.counts.sum()) for batch in batches)
    years = sum(float(np.exp(batch.log_time).sum()) for batch in batches)
    return np.log(relapses / years) * np.linalg.lstsq(gram, column_sums, rcond=None)[0]


def _women(batches: Sequence[Batch]) -> int:
    return np.unique(np.concatenate([batch.woman for batch in batches])).size
