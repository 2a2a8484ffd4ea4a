"""Two arms to compare: their pregnancies, what the ratio is adjusted for, and what stands in the way."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.models.clustered import (
    MANY_WOMEN,
    ClusteredFit,
    with_overdispersion,
    without_overdispersion,
)
from gravida.models.counts import CountModel, NoOverdispersion, fit_negative_binomial, fit_poisson
from gravida.models.kernel import Batch
from gravida.statistics.design import Column, decided_by_one_woman, independent_columns, make_batch

# The arm stands second in every design, after the intercept.
ARM = 1
# Rates of women that differ by less than this share of the largest are the same.
SAME_RATE = 1e-9


class NoRelapseInArm(NotEstimable):
    """One arm has no relapse: the likelihood has no maximum, a penalised one has."""


@dataclass(frozen=True, slots=True)
class RateRatio:
    """One row of the table: the contract's columns, and what stands behind the ratio.

    `standard_error` is that of the log ratio, `degrees_of_freedom` are those of t limits; the rates and their
    difference are standardised to the covariates of all pregnancies (g-computation).
    """

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
    standard_error: float | None = None
    degrees_of_freedom: float | None = None
    alpha: float | None = None
    rate_numerator: float | None = None
    rate_denominator: float | None = None
    rate_difference: float | None = None
    rate_difference_lower: float | None = None
    rate_difference_upper: float | None = None
    pregnancies: int = 0
    women: int = 0
    women_numerator: int = 0
    women_denominator: int = 0
    relapses: int = 0
    relapses_numerator: int = 0
    relapses_denominator: int = 0
    women_with_relapse_numerator: int = 0
    women_with_relapse_denominator: int = 0
    relapses_most_numerator: int = 0
    relapses_most_denominator: int = 0
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
    def clustered(self) -> ClusteredFit:
        """The negative binomial clustered by woman, or the Poisson model that stands in for it."""
        try:
            model = self.negative_binomial
        except NoOverdispersion as bound:
            return without_overdispersion(self.poisson, bound)
        return with_overdispersion(model)

    @cached_property
    def many_women(self) -> bool:
        """Whether there are too many women for methods that refit for each of them."""
        return self.rows["woman"].nunique() > MANY_WOMEN

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
            theirs = self.rows[self.arm.data == level]
            if theirs["woman"].nunique() < 2:
                return NotEstimable("clustered errors need 2 women in each arm")
            if one_rate(theirs):
                return NotEstimable(f"the {name} women all have one rate: clustered errors would be 0")
        if decided_by_one_woman(self.batch)[ARM]:
            return NotEstimable("the contrast rests on one woman: clustered errors cannot hold her")
        return None

    def _levels(self) -> tuple[tuple[int, str], tuple[int, str]]:
        return (1, self.arm.level), (0, self.arm.reference)


def one_rate(rows: pd.DataFrame) -> bool:
    """Say whether all women of these rows have one rate, so that nothing tells how they differ."""
    women = rows.groupby("woman")[["relapses", "person_years"]].sum()
    rates = women["relapses"] / women["person_years"]
    return bool(np.ptp(rates) < SAME_RATE * rates.max())
