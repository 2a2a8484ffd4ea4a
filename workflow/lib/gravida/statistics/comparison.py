"""One comparison of the arms by one model: its ratio, limits and p-value, or why there is none."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.statistics.bias_reduced import bias_reduced
from gravida.statistics.counts import CountModel, NoOverdispersion, fit_negative_binomial, fit_poisson
from gravida.statistics.design import Column, decided_by_one_woman, independent_columns, make_batch
from gravida.statistics.exact import exact_rate_ratio
from gravida.statistics.firth import fit_firth
from gravida.statistics.gee import fit_exchangeable
from gravida.statistics.inference import RatioEstimate, wald
from gravida.statistics.kernel import Batch

# The arm stands second in every design, after the intercept.
ARM = 1
# Rates of women that differ by less than this share of the largest are the same.
SAME_RATE = 1e-9
# Models that have an answer where one arm has no relapse.
WITHOUT_RELAPSES = ("exact_poisson", "firth_poisson")


class NoRelapseInArm(NotEstimable):
    """One arm has no relapse: the likelihood has no maximum, a penalised one has."""


@dataclass(frozen=True, slots=True)
class RateRatio:
    """One row of the table: the contract's columns, and the relapses of each arm."""

    analysis: str
    is_primary: bool
    contrast: str
    period: str
    model: str
    covariance: str
    adjusted_for: str
    rate_ratio: float | None = None
    lower: float | None = None
    upper: float | None = None
    p_value: float | None = None
    alpha: float | None = None
    pregnancies: int = 0
    women: int = 0
    relapses: int = 0
    relapses_numerator: int = 0
    relapses_denominator: int = 0
    status: str = "ok"
    reason: str = ""


@dataclass(frozen=True)
class Comparison:
    """Pregnancies to compare, and how the comparison is labelled.

    Attributes
    ----------
    analysis, adjusted_for : str
        Labels of the rows.
    rows : DataFrame
        Person-time of n pregnancies.
    arm : Column
        1 for the numerator's arm; its level and reference name the two arms.
    covariates : tuple of Column
        What the ratio is adjusted for, n values each.
    period : str
        The outcome period.
    confidence : float
        Coverage of the limits.
    note : str
        What is to be said beside every row.
    """

    analysis: str
    adjusted_for: str
    rows: pd.DataFrame
    arm: Column
    covariates: tuple[Column, ...]
    period: str
    confidence: float
    note: str = ""

    @cached_property
    def batch(self) -> Batch:
        """The pregnancies as a batch: intercept, arm, covariates."""
        return make_batch(self.rows, [self.arm, *self.covariates])

    @cached_property
    def poisson(self) -> CountModel:
        """The Poisson model."""
        return fit_poisson([self.batch])

    @cached_property
    def negative_binomial(self) -> CountModel:
        """The negative binomial model."""
        return fit_negative_binomial([self.batch])

    @cached_property
    def obstacle(self) -> NotEstimable | None:
        """Why no likelihood has an answer, None where nothing stands in the way."""
        relapses = self.rows["relapses"]
        if not relapses.any():
            return NotEstimable("there is no relapse in the period")
        if len(self.rows) <= 2 + len(self.covariates):
            return NotEstimable("there are no more pregnancies than coefficients")
        arms = {name: self.arm.data == level for level, name in self._levels()}
        for name, inside in arms.items():
            if not inside.any():
                return NotEstimable(f"no {name} pregnancy is in the comparison")
        if not all(independent_columns(self.batch.design)):
            return NotEstimable("the arm or a covariate is a combination of the other covariates")
        for name, inside in arms.items():
            if not relapses[inside].any():
                return NoRelapseInArm(f"no relapse among the {name}: the ratio is 0 or infinite")
        return None

    @cached_property
    def obstacle_to_clustering(self) -> NotEstimable | None:
        """Why residuals cannot tell how women differ, None where they can.

        They cannot where an arm is one woman, where all of an arm have one rate, and where the contrast
        within covariates (such as sites) rests on one woman: a model fits her exactly, and the sandwich
        omits her.
        """
        for level, name in self._levels():
            women = self.rows[self.arm.data == level].groupby("woman")[["relapses", "person_years"]].sum()
            if len(women) < 2:
                return NotEstimable("clustered errors need 2 women in each arm")
            rates = women["relapses"] / women["person_years"]
            if not self.covariates and np.ptp(rates) < SAME_RATE * rates.max():
                return NotEstimable(f"the {name} women all have one rate: clustered errors would be 0")
        if decided_by_one_woman(self.batch)[ARM]:
            return NotEstimable("the contrast rests on one woman: clustered errors cannot hold her")
        return None

    def _levels(self) -> tuple[tuple[int, str], tuple[int, str]]:
        return (1, self.arm.level), (0, self.arm.reference)


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
    rows = comparison.rows
    empty = RateRatio(
        analysis=comparison.analysis,
        is_primary=False,
        contrast=f"{comparison.arm.level}/{comparison.arm.reference}",
        period=comparison.period,
        model=model,
        covariance=covariance,
        adjusted_for=comparison.adjusted_for,
        pregnancies=len(rows),
        women=rows["woman"].nunique(),
        relapses=int(rows["relapses"].sum()),
        relapses_numerator=int(rows.loc[comparison.arm.data == 1, "relapses"].sum()),
        relapses_denominator=int(rows.loc[comparison.arm.data == 0, "relapses"].sum()),
        reason=comparison.note,
    )
    try:
        _check(comparison, model, covariance)
        numbers = ESTIMATORS[model, covariance](comparison)
    except NotEstimable as obstacle:
        numbers = {"status": obstacle.status, "reason": str(obstacle)}
    reason = "; ".join(filter(None, (numbers.get("reason"), comparison.note)))
    return replace(empty, **{**numbers, "reason": reason})


def _check(comparison: Comparison, model: str, covariance: str) -> None:
    """Raise what stands in the way of this model and these errors."""
    obstacle = comparison.obstacle
    if isinstance(obstacle, NoRelapseInArm) and model in WITHOUT_RELAPSES:
        return
    if obstacle is None and covariance.startswith("cluster_robust"):
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
        parts = (str(comparison.obstacle), "Firth-penalised Poisson, errors not clustered", comparison.note)
        row = replace(row, status="fallback", reason="; ".join(filter(None, parts)))
    return replace(row, is_primary=True)


def _numbers(estimate: RatioEstimate) -> Numbers:
    return {name: getattr(estimate, name) for name in ("rate_ratio", "lower", "upper", "p_value")}


def _of_model(comparison: Comparison, model: CountModel, covariance: np.ndarray) -> Numbers:
    estimate = wald(model.beta[ARM], covariance[ARM, ARM], comparison.confidence)
    return {**_numbers(estimate), "alpha": model.alpha}


def _fallback(numbers: Numbers, covariance: str, reason: str) -> Numbers:
    labels = {"model": "poisson", "covariance": covariance, "status": "fallback", "reason": reason}
    return {**numbers, **labels, "alpha": 0.0}


def _negative_binomial_clustered(comparison: Comparison) -> Numbers:
    try:
        model = comparison.negative_binomial
    except NoOverdispersion as bound:
        reason = f"{bound}: Poisson with bias-reduced errors"
        return _fallback(_poisson_bias_reduced(comparison), "cluster_robust_cr2", reason)
    return _of_model(comparison, model, model.clustered_covariance())


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
    fit = fit_exchangeable(comparison.batch, comparison.poisson.beta)
    return _numbers(wald(fit.beta[ARM], fit.covariance[ARM, ARM], comparison.confidence))


def _firth(comparison: Comparison) -> Numbers:
    beta, covariance = fit_firth(comparison.batch)
    return _numbers(wald(beta[ARM], covariance[ARM, ARM], comparison.confidence))


def _exact(comparison: Comparison) -> Numbers:
    first, rows = comparison.arm.data == 1, comparison.rows
    arms = (rows[first], rows[~first])
    events = tuple(int(arm["relapses"].sum()) for arm in arms)
    years = tuple(float(arm["person_years"].sum()) for arm in arms)
    exact = exact_rate_ratio(events, years, comparison.confidence)
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
    ("exact_poisson", "none"): _exact,
    ("firth_poisson", "model"): _firth,
}
