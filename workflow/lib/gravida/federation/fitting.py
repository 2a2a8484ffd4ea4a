"""Fits that need few rounds: every pass over the women is a question to the centres."""

from collections.abc import Sequence

import numpy as np

from gravida.errors import NotEstimable
from gravida.federation.pool import Awaiting
from gravida.federation.sample import Pooled
from gravida.models.counts import (
    CountModel,
    NoOverdispersion,
    boundary_slope,
    climb_from,
    fit_negative_binomial,
    fit_poisson,
)
from gravida.models.kernel import poisson
from gravida.models.solver import MAX_ITERATIONS, newton_step

# A Poisson fit this near (a thirtieth of a standard error from its maximum) is a start for other models.
NEAR = 1e-3
# A column of which less than this share is outside the span of those before it is a combination of them.
COLLINEAR = 1e-12


def fit_negative_binomial_early(sample: Pooled) -> CountModel:
    """Fit the negative binomial model, as `counts.fit_negative_binomial`, in fewer rounds.

    It starts before the Poisson fit has come to its end; whether there is over-dispersion is decided there.

    Raises
    ------
    Awaiting, Refused
        If a centre has not answered, or does not.
    NoOverdispersion, NotEstimable, NotConverged
        As `counts.fit_negative_binomial`.
    """
    model, start = None, _early_start(sample)
    if start is not None:
        try:
            model = climb_from(sample, start)
        except Awaiting as awaiting:
            model = awaiting
        except NotEstimable:
            model = None
    slope, _ = boundary_slope(fit_poisson(sample))
    if slope <= 0:
        raise NoOverdispersion("the counts vary no more than a Poisson model allows (alpha = 0)")
    if isinstance(model, Awaiting):
        raise model
    return model or fit_negative_binomial(sample)


def _early_start(sample: Pooled) -> np.ndarray | None:
    """Return parameters from near the end of the Poisson fit, None if there is nothing to be gained."""
    near = near_poisson(sample)
    if near is None:
        return None
    moments = sample.moments(near)
    alpha = moments.excess / moments.squared_means
    return np.append(near, np.log(alpha)) if alpha > 0 else None


def near_poisson(sample: Pooled) -> np.ndarray | None:
    """Return coefficients from near the end of the Poisson fit, shape (p,), None where it goes astray.

    Raises
    ------
    Awaiting, Refused
        If a centre has not answered, or does not.
    """
    if not sample.relapses:
        return None
    beta, before = sample.flat_start(), -np.inf
    for _ in range(MAX_ITERATIONS):
        sums = sample.sums(poisson, beta)
        step = newton_step(sums)
        if sums.log_likelihood < before:
            return None
        if float(sums.score @ step) < NEAR:
            return beta
        beta, before = beta + step, sums.log_likelihood
    return None


def independent_at(sample: Pooled, order: Sequence[int] | None = None) -> list[bool]:
    """Say for each column, in some order, whether it adds to the span of the columns before it.

    From the information of the Poisson model where the fit starts: it has the rank of the design.

    Raises
    ------
    Awaiting, Refused
        If a centre has not answered, or does not.
    """
    information = sample.sums(poisson, sample.flat_start()).information
    order = range(len(information)) if order is None else order
    return independent_columns_of(information[np.ix_(order, order)])


def independent_columns_of(gram: np.ndarray) -> list[bool]:
    """Say for each column whether it adds to the span of the columns before it, from their products.

    Parameters
    ----------
    gram : ndarray, shape (p, p)
    """
    adds: list[bool] = []
    for place in range(gram.shape[0]):
        before = [at for at, add in enumerate(adds) if add]
        own, cross = gram[place, place], gram[before, place]
        rest = own - cross @ np.linalg.solve(gram[np.ix_(before, before)], cross) if before else own
        adds.append(bool(own > 0 and rest > COLLINEAR * own))
    return adds
