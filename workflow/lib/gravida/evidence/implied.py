"""What printed numbers imply of one another, with the range that their rounding leaves.

A range runs over the corners of the intervals of the inputs: each formula is monotone in every input while
the others stay. A function takes the printed numbers it is named for.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from scipy.special import chdtrc, ndtr, ndtri

from gravida.evidence.claims import Number, exact

MOST_STUDIES = 1000


@dataclass(frozen=True, slots=True)
class Implied:
    """What the inputs of a claim imply: numbers, the ranges that rounding leaves, and words about them."""

    found: tuple[float, ...]
    ranges: tuple[Number, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Formula:
    """How a check is computed: its function, and which inputs are rounded, counts, or exact by definition."""

    compute: Callable[..., Implied]
    rounded: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    optional: frozenset[str] = field(default_factory=frozenset)
    any_counts: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All inputs that it knows."""
        return (*self.rounded, *self.counts, *self.exact)


def spread(formula: Callable[..., float], *numbers: Number) -> Number:
    """Return a formula at the printed values with its range over the corners of their intervals."""
    corners = product(*((number.lower, number.value, number.upper) for number in numbers))
    values = [formula(*corner) for corner in corners]
    return Number(formula(*(number.value for number in numbers)), min(values), max(values))


def _one(number: Number, note: str = "") -> Implied:
    return Implied((number.value,), (number,), note)


def only(value: float) -> Implied:
    """Return a number that no rounding stands around."""
    return _one(exact(value))


def _normal(confidence: Number | None) -> float:
    return float(ndtri((1 + (confidence.value if confidence else 0.95)) / 2))


def p_from_limits(
    lower: Number, upper: Number, estimate: Number | None = None, confidence: Number | None = None
) -> Implied:
    """Return the two-sided p of a ratio: z = 2 z_c log(ratio) / log(upper / lower), normal.

    Without the estimate the ratio is the centre of the limits, sqrt(lower x upper).
    """
    quantile = _normal(confidence)

    def score(low: float, high: float, ratio: float) -> float:
        return 2 * quantile * math.log(ratio) / math.log(high / low)

    if estimate is None:
        z = spread(lambda low, high: score(low, high, math.sqrt(low * high)), lower, upper)
    else:
        z = spread(score, lower, upper, estimate)
    nearest = 0.0 if z.lower <= 0 <= z.upper else min(abs(z.lower), abs(z.upper))
    farthest = max(abs(z.lower), abs(z.upper))
    return _one(Number(*(2 * float(ndtr(-abs(score))) for score in (z.value, farthest, nearest))))


def lower_limit_from_p(estimate: Number, p: Number, confidence: Number | None = None) -> Implied:
    """Return the lower limit of a ratio: exp(log r - z_c |log r| / z_p), z_p the normal quantile of p."""
    return _limit_from_p(estimate, p, confidence, -1)


def upper_limit_from_p(estimate: Number, p: Number, confidence: Number | None = None) -> Implied:
    """Return the upper limit of a ratio: exp(log r + z_c |log r| / z_p), z_p the normal quantile of p."""
    return _limit_from_p(estimate, p, confidence, 1)


def _limit_from_p(estimate: Number, p: Number, confidence: Number | None, side: int) -> Implied:
    quantile = _normal(confidence)

    def limit(ratio: float, tail: float) -> float:
        z = -float(ndtri(min(max(tail, 0.0), 1.0) / 2))
        log_ratio = math.log(ratio)
        return math.exp(log_ratio + side * quantile * abs(log_ratio) / z)

    return _one(spread(limit, estimate, p))


def estimate_from_limits(lower: Number, upper: Number) -> Implied:
    """Return the ratio at the centre of its limits on the log scale: sqrt(lower x upper)."""
    return _one(spread(lambda low, high: math.sqrt(low * high), lower, upper))


def i2_from_q(q: Number, df: Number) -> Implied:
    """Return I2 in percent: 100 max(0, (Q - df) / Q)."""

    def share(statistic: float) -> float:
        return 100 * max(0.0, 1 - df.value / statistic) if statistic > 0 else 0.0

    return _one(spread(share, q))


def p_from_q(q: Number, df: Number) -> Implied:
    """Return the tail of the chi-square beyond Q."""
    return _one(spread(lambda statistic: float(chdtrc(df.value, statistic)), q))


def studies_from_q_and_p(q: Number, p: Number) -> Implied:
    """Return 1 + the df at which the chi-square tail beyond Q is nearest p; the range holds all that fit."""
    df = np.arange(1, MOST_STUDIES)
    at_q, at_lower, at_upper = (chdtrc(df, value) for value in (q.value, q.lower, q.upper))
    nearest = int(df[np.argmin(np.abs(at_q - p.value))]) + 1
    fits = df[(at_upper <= p.upper) & (at_lower >= p.lower)] + 1
    ranges = tuple(exact(float(studies)) for studies in fits)
    return Implied((float(nearest),), ranges, "" if ranges else "no number of studies gives this p")


def nnt_from_counts(
    treated_events: Number, treated_n: Number, control_events: Number, control_n: Number
) -> Implied:
    """Return the number needed to treat: 1 / (control_events / control_n - treated_events / treated_n)."""
    return only(1 / (control_events.value / control_n.value - treated_events.value / treated_n.value))


def nnt_from_odds_ratio(
    odds_ratio: Number,
    control_risk: Number | None = None,
    control_events: Number | None = None,
    control_n: Number | None = None,
) -> Implied:
    """Return the number needed to treat: 1 / (c - t) with t = OR c / (1 - c + OR c), c the control risk.

    The difference is largest at c = 1 / (1 + sqrt(OR)), which the range takes in where it lies inside.
    """
    if control_events is not None and control_n is not None:
        control_risk = exact(control_events.value / control_n.value)
    if control_risk is None:
        raise KeyError("control_risk, or control_events and control_n")
    difference = spread(_risk_difference, odds_ratio, control_risk)
    turns = ((ratio, 1 / (1 + math.sqrt(ratio))) for ratio in (odds_ratio.lower, odds_ratio.upper))
    inside = [_risk_difference(*turn) for turn in turns if control_risk.lower < turn[1] < control_risk.upper]
    least, most = min(difference.lower, *inside, math.inf), max(difference.upper, *inside, -math.inf)
    if least <= 0 <= most:
        raise ZeroDivisionError
    return _one(Number(1 / difference.value, 1 / most, 1 / least))


def _risk_difference(odds_ratio: float, control_risk: float) -> float:
    return control_risk - odds_ratio * control_risk / (1 - control_risk + odds_ratio * control_risk)


def control_risk_from_nnt_and_odds_ratio(nnt: Number, odds_ratio: Number) -> Implied:
    """Return the two control risks c at which an odds ratio gives a number needed to treat N.

    Both roots of c^2 - (1 + d) c + d / (1 - OR) = 0 with d = 1 / N; there is none where the difference d is
    larger than the odds ratio can give at any control risk.
    """

    def root(sign: int) -> Callable[[float, float], float]:
        def solve(needed: float, ratio: float) -> float:
            total = 1 + 1 / needed
            # Below 0 at a corner only, the roots have met inside the intervals.
            return (total + sign * math.sqrt(max(0.0, total**2 - 4 / needed / (1 - ratio)))) / 2

        return solve

    if (1 + 1 / nnt.value) ** 2 < 4 / nnt.value / (1 - odds_ratio.value):
        return Implied((), (), "no control risk gives this number with this odds ratio")
    roots = tuple(spread(root(sign), nnt, odds_ratio) for sign in (-1, 1))
    ranges = " or ".join(f"{found.lower:.2f} to {found.upper:.2f}" for found in roots)
    return Implied(tuple(found.value for found in roots), roots, f"rounding leaves {ranges}")


def cost_per_relapse_avoided(nnt: Number, cost_per_course: Number) -> Implied:
    """Return the cost of one relapse less: number needed to treat x cost of a course."""
    return _one(spread(lambda needed, cost: needed * cost, nnt, cost_per_course))


def rate_ratio(numerator: Number, denominator: Number) -> Implied:
    """Return the ratio of two rates: numerator / denominator."""
    return _one(spread(lambda above, below: above / below, numerator, denominator))


def percent_from_counts(events: Number, total: Number) -> Implied:
    """Return a percentage: 100 events / total."""
    return only(100 * events.value / total.value)


def events_from_percent(printed: Number, total: Number) -> Implied:
    """Return the percentage nearest the printed one that a whole number of events gives."""
    return _nearest(printed, total.value / 100, total.value)


def rate_from_events(printed: Number, total: Number, years: Number) -> Implied:
    """Return the rate nearest the printed one that a whole number of relapses in total x years gives."""
    return _nearest(printed, total.value * years.value, total.value * years.value)


def _nearest(printed: Number, events_each: float, over: float) -> Implied:
    events = round(printed.value * events_each)
    return _one(exact(events / events_each), f"nearest: {events} in {over:.15g}")


def sd_of_rate(events: Number, total: Number, years: Number) -> Implied:
    """Return the SD of yearly rates where k of n have one relapse: sqrt(k (n - k) / (n (n - 1))) / years."""
    k, n = events.value, total.value
    return only(math.sqrt(k * (n - k) / (n * (n - 1))) / years.value)


def sum_of(**parts: Number) -> Implied:
    """Return the sum of printed counts."""
    return only(sum(part.value for part in parts.values()))


def same_number(other: Number) -> Implied:
    """Return the number printed for the same quantity in another place."""
    return _one(other)


_CONFIDENCE = ("confidence",)
_ARMS = ("treated_events", "treated_n", "control_events", "control_n")

FORMULAS = {
    "p_from_limits": Formula(
        p_from_limits,
        ("lower", "upper", "estimate"),
        exact=_CONFIDENCE,
        optional=frozenset({"estimate", "confidence"}),
    ),
    "lower_limit_from_p": Formula(
        lower_limit_from_p, ("estimate", "p"), exact=_CONFIDENCE, optional=frozenset(_CONFIDENCE)
    ),
    "upper_limit_from_p": Formula(
        upper_limit_from_p, ("estimate", "p"), exact=_CONFIDENCE, optional=frozenset(_CONFIDENCE)
    ),
    "estimate_from_limits": Formula(estimate_from_limits, ("lower", "upper")),
    "i2_from_q": Formula(i2_from_q, ("q",), ("df",)),
    "p_from_q": Formula(p_from_q, ("q",), ("df",)),
    "studies_from_q_and_p": Formula(studies_from_q_and_p, ("q", "p")),
    "nnt_from_counts": Formula(nnt_from_counts, counts=_ARMS),
    "nnt_from_odds_ratio": Formula(
        nnt_from_odds_ratio,
        ("odds_ratio", "control_risk"),
        ("control_events", "control_n"),
        optional=frozenset({"control_risk", "control_events", "control_n"}),
    ),
    "control_risk_from_nnt_and_odds_ratio": Formula(
        control_risk_from_nnt_and_odds_ratio, ("nnt", "odds_ratio")
    ),
    "cost_per_relapse_avoided": Formula(cost_per_relapse_avoided, ("nnt", "cost_per_course")),
    "rate_ratio": Formula(rate_ratio, ("numerator", "denominator")),
    "percent_from_counts": Formula(percent_from_counts, counts=("events", "total")),
    "events_from_percent": Formula(events_from_percent, counts=("total",)),
    "rate_from_events": Formula(rate_from_events, counts=("total",), exact=("years",)),
    "sd_of_rate": Formula(sd_of_rate, counts=("events", "total"), exact=("years",)),
    "sum": Formula(sum_of, any_counts=True),
    "same_number": Formula(same_number, ("other",)),
    "same_count": Formula(same_number, counts=("other",)),
}
# The printed number is what these look for a whole number behind.
NEEDS_PRINTED = frozenset({"events_from_percent", "rate_from_events"})
# The printed number is a count: rounding leaves no interval around it.
PRINTS_COUNT = frozenset({"studies_from_q_and_p", "same_count", "sum", "total"})
