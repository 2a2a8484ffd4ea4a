"""The model of every covariate question: negative binomial clustered by woman, or what stands in for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gravida.errors import NotEstimable
from gravida.models.bias_reduced import BiasReduced, bias_reduced
from gravida.models.counts import CountModel, NoOverdispersion, fit_negative_binomial, fit_poisson
from gravida.models.inference import joint_p_value
from gravida.models.kernel import Batch
from gravida.models.sample import Sample, as_sample

# Methods that refit for each woman, or count every outcome, stop here: with more women they take long and say
# no more than the clustered errors.
MANY_WOMEN = 5000
# Methods that draw or fit again and again stop here: they would take longer than everything else together.
MOST_WOMEN = 100_000


@dataclass(frozen=True, slots=True)
class ClusteredFit:
    """A count model with clustered covariance.

    Attributes
    ----------
    model : CountModel
    covariance : ndarray, shape (p, p)
        Of its coefficients.
    reduced : BiasReduced or None
        What stands behind the covariance of a Poisson model.
    status, reason : str
        `fallback` and why, where there is no over-dispersion.
    """

    model: CountModel
    covariance: np.ndarray
    reduced: BiasReduced | None
    status: str
    reason: str

    @property
    def errors(self) -> str:
        """The kind of covariance, in the contract's words."""
        return "cluster_robust_cr2" if self.reduced else "cluster_robust"

    @property
    def beta(self) -> np.ndarray:
        """Coefficients, shape (p,)."""
        return self.model.beta

    def degrees_of_freedom(self, place: int) -> float | None:
        """Return those of t for one coefficient, None where its limits are normal."""
        return self.reduced and self.reduced.degrees_of_freedom(np.eye(self.beta.size)[place])

    def joint_p_value(self, places: list[int]) -> float:
        """Return the p-value that the coefficients at these places are all 0."""
        if self.reduced:
            return self.reduced.joint_p_value(self.beta, places)
        return joint_p_value(self.beta[places], self.covariance[np.ix_(places, places)])


def fit_clustered(sample: Sample | Sequence[Batch]) -> ClusteredFit:
    """Fit the negative binomial, or, where there is no over-dispersion, Poisson with bias-reduced errors.

    Above 5,000 women the Poisson model keeps the plain clustered errors.

    Raises
    ------
    NotEstimable, NotConverged
        If there are no more pregnancies than coefficients, or as for the models.
    """
    sample = as_sample(sample)
    if sample.pregnancies <= sample.coefficients + 1:
        raise NotEstimable("there are no more pregnancies than coefficients")
    try:
        model = fit_negative_binomial(sample)
    except NoOverdispersion as bound:
        return without_overdispersion(fit_poisson(sample), bound)
    return with_overdispersion(model)


def with_overdispersion(model: CountModel) -> ClusteredFit:
    """Return a negative binomial model with its clustered covariance.

    Raises
    ------
    NotEstimable
        If there are too few women for it.
    """
    return ClusteredFit(model, model.clustered_covariance(), None, "ok", "")


def without_overdispersion(model: CountModel, bound: NoOverdispersion) -> ClusteredFit:
    """Return the Poisson model that stands in where `bound` says that there is no over-dispersion.

    Raises
    ------
    NotEstimable
        If there are too few women for clustered errors.
    """
    if model.women > MANY_WOMEN:
        return ClusteredFit(model, model.clustered_covariance(), None, "fallback", f"{bound}: Poisson")
    reduced = bias_reduced(model)
    reason = f"{bound}: Poisson with bias-reduced errors"
    return ClusteredFit(model, reduced.covariance, reduced, "fallback", reason)
