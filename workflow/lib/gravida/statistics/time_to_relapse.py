"""Two arms' times to relapse compared: hazard ratio, log-rank, restricted means, proportional hazards."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.models.cox import CoxModel, fit_cox, rests_on_one_woman
from gravida.models.hazard_tests import ChiSquare, log_rank, proportional_hazards
from gravida.models.inference import difference_limits, wald
from gravida.models.kaplan_meier import Curve, restricted_mean
from gravida.models.risk_sets import SurvivalTimes
from gravida.periods import YEAR
from gravida.statistics.followed import Followed, FollowedRows
from gravida.words import joined

# Scores of women that differ by less than this share of the largest are the same.
SAME_SCORE = 1e-9


@dataclass(frozen=True, slots=True)
class TimeToRelapse:
    """One row of the table `time_to_relapse`; its relapses are the first after each delivery."""

    method: str
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    p_value: float | None = None
    pregnancies: int = 0
    women: int = 0
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
class TimesComparison:
    """Pregnancies followed from delivery to a first relapse, in two arms.

    Attributes
    ----------
    rows : DataFrame
        Of `survival.follow_up`, n pregnancies.
    numerator, denominator : str
        The arms of the hazard ratio.
    confidence : float
        Coverage of the limits.
    by_site : bool
        Whether relapses are compared within sites only.
    note : str
        What is to be said beside every row.
    obstacle : str
        Why the arms cannot be compared at all, "" where they can.
    """

    rows: pd.DataFrame
    numerator: str
    denominator: str
    confidence: float
    by_site: bool = False
    note: str = ""
    obstacle: str = ""

    @cached_property
    def followed(self) -> Followed:
        """The pregnancies as the tables ask for them."""
        return FollowedRows(self.rows)

    def within(self, sites: Collection[str]) -> "TimesComparison":
        """Return the comparison within each of some sites."""
        rows = self.rows[self.rows["site"].isin(sites)].reset_index(drop=True)
        return replace(self, rows=rows, by_site=True)

    def numbers(self, numbers_of: "Callable[[TimesComparison], Numbers]") -> "Numbers":
        """Return what a method that looks at each pregnancy says."""
        return numbers_of(self)

    @cached_property
    def times(self) -> SurvivalTimes:
        """The pregnancies, with an indicator of the numerator's arm; strata are the sites."""
        rows = self.rows
        site = pd.factorize(rows["site"])[0] if self.by_site else np.zeros(len(rows), dtype=np.int64)
        return SurvivalTimes(
            rows["entry"].to_numpy(),
            rows["time"].to_numpy(),
            rows["relapsed"].to_numpy(bool),
            (rows["arm"] == self.numerator).to_numpy(float)[:, None],
            rows["woman"].to_numpy(),
            site,
        )

    @cached_property
    def cox(self) -> CoxModel:
        """The Cox model of the arms, Efron's ties."""
        for arm in (self.numerator, self.denominator):
            if not self.times.event[self.inside(arm)].any():
                raise NotEstimable(f"no relapse among the {arm}: the ratio is 0 or infinite")
        return fit_cox([self.times])

    def inside(self, arm: str) -> np.ndarray:
        """Say which pregnancies are in the numerator's or the denominator's arm, shape (n,)."""
        return self.times.design[:, 0] == (arm == self.numerator)

    def curves(self, days: int, through: int) -> dict[str, Curve]:
        """Return each arm's Kaplan-Meier curve up to `days`, known through day `through`.

        Raises
        ------
        NotEstimable
            If an arm is not followed that long.
        """
        curves = {arm: self.followed.curve(arm, days) for arm in ("treated", "untreated")}
        for arm, curve in curves.items():
            if curve.known_through < through:
                raise NotEstimable(not_followed(arm, curve, through))
        return curves

    def check(self) -> None:
        """Raise what stands in the way of any comparison.

        Raises
        ------
        NotEstimable
            If an arm has no pregnancy, nobody relapses, or the design has no answer.
        """
        if self.obstacle:
            raise NotEstimable(self.obstacle)
        for arm in (self.numerator, self.denominator):
            if not self.followed.sizes(arm)["pregnancies"]:
                raise NotEstimable(f"no {arm} pregnancy is in the comparison")
        if not self.followed.relapsed("all", YEAR)[0]:
            raise NotEstimable("there is no relapse in the year after delivery")


Numbers = dict[str, object]


def estimate_time_row(
    comparison: TimesComparison, method: str, numbers_of: Callable[[TimesComparison], Numbers]
) -> TimeToRelapse:
    """Return one row, its numbers by `numbers_of` or the reason why there are none."""
    followed = comparison.followed
    empty = TimeToRelapse(method=method, **followed.sizes("all"), **followed.relapses(comparison.numerator))
    try:
        comparison.check()
        numbers = comparison.numbers(numbers_of)
    except NotEstimable as obstacle:
        numbers = {"status": obstacle.status, "reason": str(obstacle)}
    reason = joined(numbers.get("reason"), comparison.note)
    return replace(empty, **{**numbers, "reason": reason})


def hazard_ratio(comparison: TimesComparison) -> Numbers:
    """Return the hazard ratio, numerator over denominator, with errors clustered by woman.

    Raises
    ------
    NotEstimable
        If an arm has no relapse, or clustered errors cannot hold what makes the women differ.
    """
    model = comparison.cox
    _check_clustering(comparison, model)
    ratio = wald(float(model.beta[0]), float(model.clustered_covariance()[0, 0]), comparison.confidence)
    numbers = {name: getattr(ratio, name) for name in ("lower", "upper", "p_value")}
    return {"estimate": ratio.rate_ratio, **numbers}


def _check_clustering(comparison: TimesComparison, model: CoxModel) -> None:
    """Raise if the women's scores cannot tell how they differ: see `Comparison.obstacle_to_clustering`."""
    times, arms = comparison.times, (comparison.numerator, comparison.denominator)
    if min(comparison.followed.sizes(arm)["women"] for arm in arms) < 2:
        raise NotEstimable("clustered errors need 2 women in each arm")
    if rests_on_one_woman(times):
        raise NotEstimable("the contrast rests on one woman: clustered errors cannot hold her")
    scores = model.woman_scores()[:, 0]
    largest = np.abs(scores).max()
    for arm in arms:
        if np.ptp(scores[times.woman[comparison.inside(arm)]]) <= SAME_SCORE * largest:
            raise NotEstimable(f"the {arm} women all have one follow-up: clustered errors would be 0")


def log_rank_test(comparison: TimesComparison) -> Numbers:
    """Return the chi-square of the log-rank test."""
    return _tested(log_rank([comparison.times]))


def proportional_hazards_test(comparison: TimesComparison) -> Numbers:
    """Return the chi-square of the test that the hazard ratio does not change with time."""
    return _tested(proportional_hazards(comparison.cox))


def _tested(test: ChiSquare) -> Numbers:
    return {"estimate": test.statistic, "p_value": test.p_value}


def restricted_mean_difference(comparison: TimesComparison, days: int) -> Numbers:
    """Return the difference of the mean days without a relapse up to `days`, treated less untreated.

    Raises
    ------
    NotEstimable
        If an arm is not followed that long.
    """
    curves = comparison.curves(days, days - 1)
    (treated, its_variance), (untreated, other_variance) = (
        restricted_mean(curves[arm], days) for arm in ("treated", "untreated")
    )
    difference = treated - untreated
    limits = difference_limits(difference, its_variance + other_variance, comparison.confidence)
    numbers = dict(zip(("lower", "upper", "p_value"), limits, strict=True))
    return {"estimate": difference, **numbers, "reason": taken_as_certain(curves, days)}


def not_followed(arm: str, curve: Curve, day: int) -> str:
    """Say why a curve says nothing of a day."""
    if curve.counts.at_risk[curve.known_through + 1 :].any():
        return f"{_named(arm)}: late entry leaves too few under observation to know the share on day {day}"
    return f"{_named(arm)}: nobody is under observation up to day {day}"


def _named(arm: str) -> str:
    return "pregnancies" if arm == "all" else f"{arm} pregnancies"


def taken_as_certain(curves: Mapping[str, Curve], day: int) -> str:
    """Say of which arm limits hold no variance, because nobody in it has relapsed by this day."""
    silent = [arm for arm, curve in curves.items() if curve.share[day] == 1]
    return (
        f"no relapse among the {silent[0]} up to day {day}: the limits take this as certain" if silent else ""
    )
