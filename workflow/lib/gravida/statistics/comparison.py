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
from gravida.models.counts import (
    CountModel,
    NoOverdispersion,
    fit_negative_binomial,
    fit_poisson,
    near_poisson,
)
from gravida.models.kernel import Batch
from gravida.models.sample import Sample
from gravida.statistics.collinearity import decided_by_one_woman, independent_columns, triangle
from gravida.statistics.design import Column, make_batch, make_sample, with_intercept
from gravida.statistics.guards import relapsed_women

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


@dataclass(frozen=True, slots=True)
class Side:
    """The pregnancies of one arm of a comparison.

    Attributes
    ----------
    sites, pregnancies, women, relapses, women_with_relapse, relapses_most : int
        The last is the most relapses of one woman.
    person_years : float
    one_rate : bool
        Whether all women have one rate.
    """

    sites: int
    pregnancies: int
    women: int
    relapses: int
    women_with_relapse: int
    relapses_most: int
    person_years: float
    one_rate: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """What is behind a comparison: the women of both sides together, and each side."""

    women: int
    numerator: Side
    denominator: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        """Numerator and denominator."""
        return self.numerator, self.denominator

    def columns(self) -> dict[str, int]:
        """Return the columns of `RateRatio` that say what is behind a row."""
        names = ("women", "relapses", "women_with_relapse", "relapses_most")
        ends = {"numerator": self.numerator, "denominator": self.denominator}
        behind = {f"{name}_{end}": getattr(side, name) for name in names for end, side in ends.items()}
        both = {name: sum(getattr(side, name) for side in self.sides) for name in ("pregnancies", "relapses")}
        return both | {"women": self.women} | behind


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
    def sample(self) -> Sample:
        """The pregnancies as a model is fitted to them."""
        return make_sample(self.rows, with_intercept([self.arm, *self.covariates], len(self.rows)))

    @cached_property
    def counts(self) -> Counts:
        """What is behind the comparison."""
        first = self.arm.coded.where(1.0)
        return Counts(self.rows["woman"].nunique(), side_of(self.rows[first]), side_of(self.rows[~first]))

    @cached_property
    def poisson(self) -> CountModel:
        """The Poisson model."""
        return fit_poisson(self.sample)

    @property
    def coefficients(self) -> np.ndarray:
        """Those of the Poisson model or near them, shape (p,), for other models to start from."""
        near = near_poisson(self.sample)
        return self.poisson.beta if near is None else near

    @cached_property
    def negative_binomial(self) -> CountModel:
        """The negative binomial model."""
        return fit_negative_binomial(self.sample)

    @cached_property
    def clustered(self) -> ClusteredFit:
        """The negative binomial clustered by woman, or the Poisson model that stands in for it."""
        try:
            model = self.negative_binomial
        except NoOverdispersion as bound:
            return without_overdispersion(self.poisson, bound)
        return with_overdispersion(model)

    @property
    def many_women(self) -> bool:
        """Whether there are too many women for methods that refit for each of them."""
        return self.counts.women > MANY_WOMEN

    @cached_property
    def obstacle(self) -> NotEstimable | None:
        """Why no likelihood has an answer, None where nothing stands in the way."""
        counts = self.counts
        if not any(side.relapses for side in counts.sides):
            return NotEstimable("there is no relapse in the period")
        if sum(side.pregnancies for side in counts.sides) <= 2 + len(self.covariates):
            return NotEstimable("there are no more pregnancies than coefficients")
        for name, side in self._named_sides():
            if not side.pregnancies:
                return NotEstimable(f"no {name} pregnancy is in the comparison")
        if not all(self.adds):
            return NotEstimable("the arm or a covariate is a combination of the other covariates")
        for name, side in self._named_sides():
            if not side.relapses:
                return NoRelapseInArm(f"no relapse among the {name}: the ratio is 0 or infinite")
        return None

    @cached_property
    def adds(self) -> list[bool]:
        """Whether each column adds to those before it: intercept, covariates, and the arm last."""
        design = triangle(block.design for block in self.sample.blocks)
        return independent_columns(np.column_stack([np.delete(design, ARM, axis=1), design[:, ARM]]))

    @cached_property
    def rests_on_one_woman(self) -> bool:
        """Whether the contrast within covariates cannot be had without one of the women."""
        return bool(decided_by_one_woman(self.sample.blocks)[ARM])

    @cached_property
    def obstacle_to_clustering(self) -> NotEstimable | None:
        """Why residuals cannot tell how women differ, None where they can.

        They cannot where an arm is one woman, where all of an arm have one rate, and where the contrast
        within covariates (such as sites) rests on one woman: a model fits her exactly, and the sandwich
        omits her.
        """
        for name, side in self._named_sides():
            if side.women < 2:
                return NotEstimable("clustered errors need 2 women in each arm")
            if side.one_rate:
                return NotEstimable(f"the {name} women all have one rate: clustered errors would be 0")
        if self.rests_on_one_woman:
            return NotEstimable("the contrast rests on one woman: clustered errors cannot hold her")
        return None

    def _named_sides(self) -> tuple[tuple[str, Side], tuple[str, Side]]:
        return (self.arm.level, self.counts.numerator), (self.arm.reference, self.counts.denominator)


def side_of(rows: pd.DataFrame) -> Side:
    """Return what is behind some rows of person-time."""
    return Side(
        sites=rows["site"].nunique(),
        pregnancies=len(rows),
        women=rows["woman"].nunique(),
        relapses=int(rows["relapses"].sum()),
        **relapsed_women(rows["woman"], rows["relapses"]),
        person_years=float(rows["person_years"].sum()),
        one_rate=len(rows) > 0 and one_rate(rows),
    )


def one_rate(rows: pd.DataFrame) -> bool:
    """Say whether all women of these rows have one rate, so that nothing tells how they differ."""
    number, _ = pd.factorize(rows["woman"])
    years = np.bincount(number, rows["person_years"])
    rates = np.bincount(number, rows["relapses"]) / years
    return bool(np.ptp(rates) < SAME_RATE * rates.max())
