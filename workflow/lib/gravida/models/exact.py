"""Exact intervals for Poisson counts: one rate, and the ratio of two."""

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincinv, betaln, gammaincinv, xlog1py, xlogy


def garwood(events: np.ndarray, years: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return exact central limits of rates.

    Parameters
    ----------
    events : array of int, shape (n,)
        Relapses.
    years : array of float, shape (n,)
        Person-years, positive.
    confidence : float
        Coverage, such as 0.95.

    Returns
    -------
    lower, upper : ndarray, shape (n,)
        Per person-year; the lower limit is 0 where there is no relapse.

    References
    ----------
    Garwood (1936), Biometrika 28:437-442.
    """
    events, years = np.asarray(events, dtype=float), np.asarray(years, dtype=float)
    tail = (1 - confidence) / 2
    lower = np.where(events > 0, gammaincinv(np.maximum(events, 1), tail), 0.0)
    return lower / years, gammaincinv(events + 1, 1 - tail) / years


def clopper_pearson(
    events: np.ndarray, trials: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return exact central limits of shares.

    Parameters
    ----------
    events, trials : array of int, shape (n,) or ()
        ``0 <= events <= trials``, at least one trial.
    confidence : float
        Coverage, such as 0.95.

    Returns
    -------
    lower, upper : ndarray
        0 to 1.

    References
    ----------
    Clopper and Pearson (1934), Biometrika 26:404-413.
    """
    events, trials = np.asarray(events, dtype=float), np.asarray(trials, dtype=float)
    tail = (1 - confidence) / 2
    rest = trials - events
    lower = np.where(events > 0, betaincinv(np.maximum(events, 1), rest + 1, tail), 0.0)
    upper = np.where(rest > 0, betaincinv(events + 1, np.maximum(rest, 1), 1 - tail), 1.0)
    return lower, upper


@dataclass(frozen=True, slots=True)
class ExactRatio:
    """Ratio of two rates; a member is None where it would be 0/0 or infinite."""

    ratio: float | None
    lower: float
    upper: float | None
    p_value: float


def exact_rate_ratio(events: tuple[int, int], years: tuple[float, float], confidence: float) -> ExactRatio:
    """Compare two rates by the binomial distribution of the first count given their sum.

    Limits are central (each tail holds half of what is left) and the p-value is central too, twice the
    smaller tail, so that interval and test agree.

    Parameters
    ----------
    events : (int, int)
        Relapses in numerator and denominator arm, not both 0.
    years : (float, float)
        Person-years, positive.
    confidence : float
        Coverage.

    References
    ----------
    Clopper and Pearson (1934), Biometrika 26:404-413; Fay (2010), R Journal 2(1):53-58, on central p-values.
    """
    first, second = events
    share, odds, tail = years[0] / sum(years), years[1] / years[0], (1 - confidence) / 2
    # Tails and limits of the binomial share by the incomplete beta function, undefined for 0 counts.
    below = float(betainc(second, first + 1, 1 - share)) if second else 1.0
    above = float(betainc(first, second + 1, share)) if first else 1.0
    lower = float(betaincinv(first, second + 1, tail)) if first else 0.0
    upper = float(betaincinv(first + 1, second, 1 - tail)) if second else None
    return ExactRatio(
        first / second * odds if second else None,
        lower / (1 - lower) * odds,
        None if upper is None else upper / (1 - upper) * odds,
        min(1.0, 2 * min(below, above)),
    )


def mid_p_rate_ratio(events: tuple[int, int], years: tuple[float, float], confidence: float) -> ExactRatio:
    """Compare two rates as `exact_rate_ratio`, with half the probability of the observed counts in each tail.

    Less conservative than the exact interval, whose coverage is never below its name; here it is so only on
    average.

    Parameters
    ----------
    events, years, confidence
        As for `exact_rate_ratio`.

    References
    ----------
    Lancaster (1961), Journal of the American Statistical Association 56:223-234; Fay (2010), R Journal
    2(1):53-58.
    """
    first, second = events
    share, odds, tail = years[0] / sum(years), years[1] / years[0], (1 - confidence) / 2
    lower = _odds_with_tail(first, second, 1 - tail) if first else 0.0
    upper = _odds_with_tail(first, second, tail) if second else None
    below = _mid_tail(first, second, share)
    return ExactRatio(
        first / second * odds if second else None,
        lower * odds,
        None if upper is None else upper * odds,
        min(1.0, 2 * min(below, 1 - below)),
    )


def _mid_tail(first: int, second: int, share: float) -> float:
    """Return P(X < first) + P(X = first) / 2 for the binomial X of `first + second` trials."""
    below = float(betainc(second + 1, first, 1 - share)) if first else 0.0
    choose = -betaln(first + 1, second + 1) - np.log(first + second + 1)
    return below + float(np.exp(choose + xlogy(first, share) + xlog1py(second, -share))) / 2


def _odds_with_tail(first: int, second: int, tail: float) -> float:
    """Return the odds of a trial at which `_mid_tail` takes this value."""
    # Imported here: most steps find no root, and it takes a third of a second.
    from scipy.optimize import brentq

    root = brentq(
        lambda log_odds: _mid_tail(first, second, 1 / (1 + np.exp(-log_odds))) - tail, -40, 40, xtol=1e-13
    )
    return float(np.exp(root))
