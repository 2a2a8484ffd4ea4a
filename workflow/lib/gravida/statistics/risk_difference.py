"""How many fewer relapse with treatment by a given day: the difference of two risks, and its inverse."""

from dataclasses import dataclass, replace

from gravida.errors import NotEstimable
from gravida.models.inference import ROUNDING, difference_limits, number_needed
from gravida.models.kaplan_meier import Curve, share_variance
from gravida.statistics.followed import Followed
from gravida.statistics.time_to_relapse import Numbers, TimesComparison, taken_as_certain
from gravida.words import joined

ARMS = ("treated", "untreated")


@dataclass(frozen=True, slots=True)
class RiskDifference:
    """One row of the table `risk_difference`: risks of a first relapse from delivery through the day."""

    day: int
    pregnancies: int = 0
    women: int = 0
    relapsed_treated: int = 0
    relapsed_untreated: int = 0
    women_relapsed_treated: int = 0
    women_relapsed_untreated: int = 0
    risk_treated: float | None = None
    risk_untreated: float | None = None
    risk_difference: float | None = None
    lower: float | None = None
    upper: float | None = None
    nnt: float | None = None
    nnt_lower: float | None = None
    nnt_upper: float | None = None
    nnt_form: str = ""
    status: str = "ok"
    reason: str = ""


def estimate_risk_difference(comparison: TimesComparison, day: int) -> RiskDifference:
    """Return the risk among the untreated less that among the treated, through `day`.

    Kaplan-Meier risks, Greenwood's variances, Wald limits. Pregnancies count as independent, also those of
    one woman. The number needed to treat is the inverse of the difference and its limits are those of the
    difference inverted, so that an interval that holds no difference goes through infinity: from `nnt_lower`
    up to infinity (benefit) and from minus infinity up to `nnt_upper` (harm), `nnt_form` both. Altman and
    Andersen (1999), BMJ 319:1492-1495.

    Parameters
    ----------
    comparison : TimesComparison
    day : int
        Days after delivery.
    """
    followed = comparison.followed
    empty = RiskDifference(day=day, **followed.sizes("all"), **_relapsed(followed, day))
    try:
        comparison.check()
        numbers = _numbers(comparison, day)
    except NotEstimable as obstacle:
        numbers = {"status": obstacle.status, "reason": str(obstacle)}
    reason = joined(numbers.get("reason"), comparison.note)
    return replace(empty, **{**numbers, "reason": reason})


def _relapsed(followed: Followed, day: int) -> dict[str, int]:
    """Return the pregnancies of each arm with a relapse through the day, and their women."""
    counts = {}
    for arm in ARMS:
        counts[f"relapsed_{arm}"], counts[f"women_relapsed_{arm}"] = followed.relapsed(arm, day)
    return counts


def _numbers(comparison: TimesComparison, day: int) -> Numbers:
    curves = comparison.curves(day, day)
    variance = sum(_variance(arm, curve, day) for arm, curve in curves.items())
    if variance == 0:
        raise NotEstimable(f"there is no relapse up to day {day}")
    risks = {f"risk_{arm}": float(1 - curve.share[day]) for arm, curve in curves.items()}
    difference = risks["risk_untreated"] - risks["risk_treated"]
    if abs(difference) < ROUNDING:
        difference = 0.0
    lower, upper, _ = difference_limits(difference, variance, comparison.confidence)
    numbers = {"risk_difference": difference, "lower": lower, "upper": upper}
    approximated = joined(*dict.fromkeys(comparison.followed.approximated(arm, day) for arm in ARMS))
    return {
        **risks,
        **numbers,
        **number_needed(difference, lower, upper),
        "status": "fallback" if approximated else "ok",
        "reason": joined(approximated, taken_as_certain(curves, day)),
    }


def _variance(arm: str, curve: Curve, day: int) -> float:
    if curve.share[day] == 0:
        raise NotEstimable(f"every {arm} pregnancy has relapsed by day {day}: the risk has no variance")
    return share_variance(curve, day)
