"""Count models of relapses: Poisson and negative binomial, with model-based and clustered errors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gravida.errors import Awaiting, NotEstimable
from gravida.models.kernel import Batch, Family, negative_binomial, poisson
from gravida.models.sample import Sample, as_sample
from gravida.models.solver import MAX_ITERATIONS, Fit, maximise, newton_step

# A Poisson fit this near (a thirtieth of a standard error from its maximum) is a start for other models.
NEAR = 1e-3


class NoOverdispersion(NotEstimable):
    """The counts vary no more than a Poisson model allows: the maximum of the likelihood is at alpha = 0."""


@dataclass(frozen=True, slots=True)
class CountModel:
    """A fitted count model.

    Attributes
    ----------
    family : Family
        The kernel it was fitted with.
    sample : Sample
        The pregnancies.
    fit : Fit
        Parameters, shape (k,): beta, and log alpha for the negative binomial.
    alpha : float or None
        Dispersion of the negative binomial.
    """

    family: Family
    sample: Sample
    fit: Fit
    alpha: float | None

    @property
    def women(self) -> int:
        """Women with a pregnancy in the model."""
        return self.sample.women

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
        meat = self.sample.meat(self.family, self.fit.parameters)
        factor = self.women / (self.women - 1) * (n - 1) / (n - k)
        return self._of_beta(factor * bread @ meat @ bread)

    def expected(self, place: int, level: float) -> tuple[float, np.ndarray]:
        """Return the relapses expected with one column at a level, and their derivative, shape (p,)."""
        return self.sample.expected(self.family, self.fit.parameters, place, level)

    def _of_beta(self, covariance: np.ndarray) -> np.ndarray:
        return covariance[: self.beta.size, : self.beta.size]


def fit_poisson(sample: Sample | Sequence[Batch]) -> CountModel:
    """Fit a Poisson model by maximum likelihood.

    Parameters
    ----------
    sample : Sample or sequence of Batch
        The pregnancies.

    Raises
    ------
    NotEstimable
        If there is no relapse, or the maximum lies at infinity.
    NotConverged
        If the fit fails its acceptance checks.
    """
    sample = as_sample(sample)
    if not sample.relapses:
        raise NotEstimable("there is no relapse")
    return CountModel(poisson, sample, maximise(poisson, sample, sample.flat_start()), None)


def fit_negative_binomial(sample: Sample | Sequence[Batch]) -> CountModel:
    """Fit a negative binomial model (NB2), alpha by maximum likelihood.

    It starts before the Poisson fit has come to its end, where it is decided whether there is
    over-dispersion: where each pass over the women takes long, the last passes of both are made together.

    Raises
    ------
    NoOverdispersion
        If the likelihood falls from alpha = 0 on: half the sum of (y - mu)^2 - y, its slope there at the
        Poisson fit, is not positive.
    NotEstimable, NotConverged
        As for `fit_poisson`.
    """
    sample = as_sample(sample)
    model, near = None, near_poisson(sample)
    if near is not None and sample.moments(near).excess > 0:
        try:
            model = _climb_from(sample, near)
        except Awaiting as awaiting:
            model = awaiting
        except NotEstimable:
            model = None
    base = fit_poisson(sample)
    slope, _ = boundary_slope(base)
    if slope <= 0:
        raise NoOverdispersion("the counts vary no more than a Poisson model allows (alpha = 0)")
    if isinstance(model, Awaiting):
        raise model
    return model or _climb_from(sample, base.beta)


def near_poisson(sample: Sample) -> np.ndarray | None:
    """Return coefficients from near the end of the Poisson fit, shape (p,), None where it goes astray.

    Parameters
    ----------
    sample : Sample
    """
    if not sample.relapses:
        return None
    beta, last, highest = sample.flat_start(), None, -np.inf
    for _ in range(MAX_ITERATIONS):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            sums = sample.sums(poisson, beta, last)
        if not (sums.log_likelihood >= highest and np.isfinite(sums.information).all()):
            return None
        step = newton_step(sums)
        if float(sums.score @ step) < NEAR:
            return beta
        beta, last, highest = beta + step, beta, sums.log_likelihood
    return None


def _climb_from(sample: Sample, beta: np.ndarray) -> CountModel:
    """Fit the negative binomial model from coefficients of the Poisson model, and alpha by its moments.

    A tenth of alpha or more is near enough for Newton to find the maximum.
    """
    moments = sample.moments(beta)
    start = np.append(beta, np.log(moments.excess / moments.squared_means))
    fit = maximise(negative_binomial, sample, start)
    return CountModel(negative_binomial, sample, fit, float(np.exp(fit.parameters[-1])))


def boundary_slope(model: CountModel) -> tuple[float, float]:
    """Return the slope of the NB2 log-likelihood in alpha at 0, and the sum of mu^2, at a Poisson fit."""
    moments = model.sample.moments(model.beta)
    return moments.excess / 2, moments.squared_means
