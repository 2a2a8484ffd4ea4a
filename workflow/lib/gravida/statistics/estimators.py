"""The models of a comparison: for each its ratio, limits and p-value, or why there is none."""

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.models.bias_reduced import bias_reduced
from gravida.models.counts import CountModel, NoOverdispersion
from gravida.models.exact import ExactRatio, exact_rate_ratio, mid_p_rate_ratio
from gravida.models.firth import fit_firth
from gravida.models.gee import fit_exchangeable
from gravida.models.inference import RatioEstimate, quantile, wald
from gravida.models.jackknife import jackknife_variance
from gravida.models.mixed import FEWEST_SITES, NoSiteVariance, fit_mixed_poisson
from gravida.statistics.comparison import ARM, Comparison, NoRelapseInArm, RateRatio
from gravida.words import joined

# Models that have an answer where one arm has no relapse.
WITHOUT_RELAPSES = ("exact_poisson", "firth_poisson")
# Errors and models that are left out where there are many women.
FOR_FEW_WOMEN = ("cluster_robust_cr2", "jackknife", "exact_poisson")

Numbers = dict[str, object]
Estimator = Callable[[Comparison], Numbers]


def estimate_row(comparison: Comparison, model: str, covariance: str) -> RateRatio:
    """Return the row of one model.

    Parameters
    ----------
    comparison : Comparison
    model, covariance : str
        A key of `ESTIMATORS`, in the contract's words.
    """
    empty = unfitted_row(comparison, model, covariance)
    try:
        _check(comparison, model, covariance)
        numbers = ESTIMATORS[model, covariance](comparison)
    except NotEstimable as obstacle:
        numbers = {"status": obstacle.status, "reason": str(obstacle)}
    return _filled(empty, numbers)


def _filled(empty: RateRatio, numbers: Numbers) -> RateRatio:
    """Return a row with its numbers, their reason before what is said beside every row."""
    reason = joined(numbers.get("reason"), empty.reason)
    return replace(empty, **{**numbers, "reason": reason})


def unfitted_row(comparison: Comparison, model: str, covariance: str) -> RateRatio:
    """Return the row of one model without its numbers."""
    return RateRatio(
        analysis=comparison.analysis,
        is_primary=False,
        contrast=f"{comparison.arm.level}/{comparison.arm.reference}",
        period=comparison.period,
        model=model,
        covariance=covariance,
        adjusted_for=comparison.adjusted_for,
        **comparison.counts.columns(),
        reason=comparison.note,
    )


def standardised_row(comparison: Comparison) -> RateRatio:
    """Return rates standardised to the covariates of all pregnancies, their ratio and difference.

    G-computation: every pregnancy's expected relapses in either arm, over all person-years. With a log link
    and no interaction the ratio is the model's own; the difference takes its limits from the delta method.

    Parameters
    ----------
    comparison : Comparison
        Adjusted for what the rates are standardised to.
    """
    row = replace(estimate_row(comparison, "negative_binomial", "cluster_robust"), analysis="g_computation")
    if row.rate_ratio is None:
        return row
    fit = comparison.clustered
    years = sum(side.person_years for side in comparison.counts.sides)
    expected = [fit.model.expected(ARM, level) for level in (1.0, 0.0)]
    rates = [float(relapses) / years for relapses, _ in expected]
    slope = (expected[0][1] - expected[1][1]) / years
    reach = quantile(comparison.confidence) * float(np.sqrt(slope @ fit.covariance @ slope))
    difference = rates[0] - rates[1]
    return replace(
        row,
        rate_numerator=rates[0],
        rate_denominator=rates[1],
        rate_difference=difference,
        rate_difference_lower=difference - reach,
        rate_difference_upper=difference + reach,
    )


def estimate_mixed_row(comparison: Comparison) -> RateRatio:
    """Return the Poisson model with a normal intercept for each site, from five sites on.

    It keeps the contrast between sites and adds to its error what sites of one arm differ by.

    Parameters
    ----------
    comparison : Comparison
        All pregnancies, adjusted for nothing.
    """
    empty = unfitted_row(comparison, "mixed_poisson", "model")
    site, _ = pd.factorize(comparison.rows["site"], sort=True)
    try:
        if comparison.rows["site"].nunique() < FEWEST_SITES:
            raise NotEstimable("fewer than 5 sites: nothing says how sites differ")
        if comparison.obstacle:
            raise comparison.obstacle
        model = fit_mixed_poisson(comparison.batch, site)
        numbers = _numbers(wald(model.beta[ARM], model.covariance[ARM, ARM], comparison.confidence))
    except NoSiteVariance as bound:
        numbers = _without_site_variance(comparison, f"{bound}: Poisson")
    except NotEstimable as obstacle:
        numbers = {"status": obstacle.status, "reason": str(obstacle)}
    return _filled(empty, numbers)


def _without_site_variance(comparison: Comparison, reason: str) -> Numbers:
    """Return the clustered Poisson model that is left where sites do not differ."""
    if comparison.obstacle_to_clustering:
        return {"status": "not_estimable", "reason": str(comparison.obstacle_to_clustering)}
    labels = {"model": "poisson", "covariance": "cluster_robust", "status": "fallback", "reason": reason}
    return {**_poisson_clustered(comparison), **labels}


def _check(comparison: Comparison, model: str, covariance: str) -> None:
    """Raise what stands in the way of this model and these errors."""
    if comparison.many_women and {model, covariance} & set(FOR_FEW_WOMEN):
        raise NotEstimable("left out above 5,000 women")
    obstacle = comparison.obstacle
    if isinstance(obstacle, NoRelapseInArm) and model in WITHOUT_RELAPSES:
        if min(side.women for side in comparison.counts.sides) < 2:
            raise NotEstimable("an arm is one woman")
        return
    if obstacle is None and covariance in ("cluster_robust", "cluster_robust_cr2", "jackknife"):
        obstacle = comparison.obstacle_to_clustering
    if obstacle:
        raise obstacle


def primary_row(comparison: Comparison) -> RateRatio:
    """Return the clustered negative binomial, or Firth's model where only an arm has no relapse."""
    if not isinstance(comparison.obstacle, NoRelapseInArm):
        row = estimate_row(comparison, "negative_binomial", "cluster_robust")
        return replace(row, is_primary=True)
    row = estimate_row(comparison, "firth_poisson", "model")
    if row.status == "ok":
        said = "Firth-penalised Poisson, errors not clustered"
        reason = joined(str(comparison.obstacle), said, comparison.note)
        row = replace(row, status="fallback", reason=reason)
    return replace(row, is_primary=True)


def _numbers(estimate: RatioEstimate) -> Numbers:
    return {field.name: getattr(estimate, field.name) for field in fields(estimate)}


def _of_model(comparison: Comparison, model: CountModel, covariance: np.ndarray) -> Numbers:
    estimate = wald(model.beta[ARM], covariance[ARM, ARM], comparison.confidence)
    return {**_numbers(estimate), "alpha": model.alpha}


def _fallback(numbers: Numbers, covariance: str, reason: str) -> Numbers:
    labels = {"model": "poisson", "covariance": covariance, "status": "fallback", "reason": reason}
    return {**numbers, **labels, "alpha": 0.0}


def _negative_binomial_clustered(comparison: Comparison) -> Numbers:
    fit = comparison.clustered
    variance, freedom = fit.covariance[ARM, ARM], fit.degrees_of_freedom(ARM)
    numbers = _numbers(wald(fit.beta[ARM], variance, comparison.confidence, freedom))
    if fit.status == "fallback":
        return _fallback(numbers, fit.errors, fit.reason)
    return {**numbers, "alpha": fit.model.alpha}


def _negative_binomial_model(comparison: Comparison) -> Numbers:
    try:
        model = comparison.negative_binomial
    except NoOverdispersion as bound:
        return _fallback(_poisson_model(comparison), "model", f"{bound}: Poisson")
    return _of_model(comparison, model, model.model_covariance())


def _poisson_model(comparison: Comparison) -> Numbers:
    return _of_model(comparison, comparison.poisson, comparison.poisson.model_covariance())


def _poisson_clustered(comparison: Comparison) -> Numbers:
    return _of_model(comparison, comparison.poisson, comparison.poisson.clustered_covariance())


def _poisson_bias_reduced(comparison: Comparison) -> Numbers:
    model = comparison.poisson
    reduced = bias_reduced(model)
    freedom = reduced.degrees_of_freedom(np.eye(model.beta.size)[ARM])
    return _numbers(wald(model.beta[ARM], reduced.covariance[ARM, ARM], comparison.confidence, freedom))


def _gee(comparison: Comparison) -> Numbers:
    fit = fit_exchangeable(comparison.sample, comparison.coefficients)
    return _numbers(wald(fit.beta[ARM], fit.covariance[ARM, ARM], comparison.confidence))


def _firth(comparison: Comparison) -> Numbers:
    beta, covariance = fit_firth(comparison.batch)
    return _numbers(wald(beta[ARM], covariance[ARM, ARM], comparison.confidence))


def _poisson_jackknife(comparison: Comparison) -> Numbers:
    model = comparison.poisson
    return _numbers(wald(model.beta[ARM], jackknife_variance(model, ARM), comparison.confidence))


def _exact(comparison: Comparison) -> Numbers:
    return _counted(comparison, exact_rate_ratio)


def _mid_p(comparison: Comparison) -> Numbers:
    return _counted(comparison, mid_p_rate_ratio)


def _counted(comparison: Comparison, method: Callable[..., ExactRatio]) -> Numbers:
    """Compare the totals of the arms by a method that needs nothing else."""
    events = tuple(side.relapses for side in comparison.counts.sides)
    years = tuple(side.person_years for side in comparison.counts.sides)
    exact = method(events, years, comparison.confidence)
    numbers = {
        "rate_ratio": exact.ratio,
        "lower": exact.lower,
        "upper": exact.upper,
        "p_value": exact.p_value,
    }
    return numbers | ({"reason": str(comparison.obstacle)} if comparison.obstacle else {})


ESTIMATORS: dict[tuple[str, str], Estimator] = {
    ("negative_binomial", "cluster_robust"): _negative_binomial_clustered,
    ("negative_binomial", "model"): _negative_binomial_model,
    ("poisson", "model"): _poisson_model,
    ("poisson", "cluster_robust"): _poisson_clustered,
    ("poisson", "cluster_robust_cr2"): _poisson_bias_reduced,
    ("gee_poisson", "cluster_robust"): _gee,
    ("poisson", "jackknife"): _poisson_jackknife,
    ("exact_poisson", "none"): _exact,
    ("exact_poisson", "mid_p"): _mid_p,
    ("firth_poisson", "model"): _firth,
}
