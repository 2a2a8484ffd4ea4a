"""What a released number, exact or rounded, says of the counts that it was made of."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from scipy.special import betaincinv, gammaincinv, ndtri

from tests.disclosure.knowledge import Knowledge, Name

YEAR = 365.25
# Numbers printed with more decimals than this are taken as exact.
EXACT_DECIMALS = 8
RELATIVE = 1e-9
Range = tuple[float, float]


def decimals_of(values: Sequence[float]) -> int | None:
    """Return with how many decimals numbers are printed, None for all that there are."""
    most = max((max(0, -int(Decimal(repr(float(v))).as_tuple().exponent)) for v in values), default=0)
    return None if most > EXACT_DECIMALS else most


def printed(value: float, decimals: int | None) -> Range:
    """Return between which numbers the true one lies."""
    half = RELATIVE * max(abs(value), 1e-3) if decimals is None else 0.5 * 10.0**-decimals + 1e-12
    return value - half, value + half


def within(values: np.ndarray, known: Range) -> np.ndarray:
    """Say which values could have been printed so."""
    return (values >= known[0]) & (values <= known[1])


def learn_share(
    know: Knowledge, count: Name, base: Name, times: float, value: float, decimals: int | None, label: str
) -> None:
    """Learn ``times * count / base``: a rate, a percentage, a mean, a share."""
    known = printed(value, decimals)
    if value == 0 and decimals is None:
        know.know(count, 0, 0, label)
    if count == base or (value == 0 and decimals is None):
        return
    if known[0] > 0:
        know.relate({count: times, base: -known[0]}, 0, np.inf, label)
    know.relate({count: times, base: -known[1]}, -np.inf, 0, label)

    def fits(a: np.ndarray, n: np.ndarray) -> np.ndarray:
        return within(times * a, (known[0] * n, known[1] * n)) & (n > 0)

    solve = None
    if decimals is None and value > 0:

        def solve(a: np.ndarray) -> np.ndarray:
            return times * a / value

    know.guess((count, base), fits, label, solve)


def garwood(relapses: np.ndarray, tail: float, upper: bool) -> np.ndarray:
    """Return the exact limit of the expected count."""
    if upper:
        return gammaincinv(relapses + 1, 1 - tail)
    return np.where(relapses > 0, gammaincinv(np.maximum(relapses, 1), tail), 0.0)


def learn_garwood(
    know: Knowledge,
    relapses: Name,
    days: Name,
    limits: Sequence[tuple[float, bool]],
    decimals: int | None,
    confidence: float,
    label: str,
) -> None:
    """Learn exact limits of a rate; `limits` are (number, whether it is the upper one)."""
    tail = (1 - confidence) / 2
    for value, upper in limits:
        known = printed(value, decimals)

        def fits(a: np.ndarray, n: np.ndarray, known: Range = known, upper: bool = upper) -> np.ndarray:
            return within(garwood(a, tail, upper) * YEAR / np.maximum(n, 1e-9), known)

        solve = None
        if decimals is None and value > 0:

            def solve(a: np.ndarray, value: float = value, upper: bool = upper) -> np.ndarray:
                return garwood(a, tail, upper) * YEAR / value

        know.guess((relapses, days), fits, label, solve)


def learn_clopper(
    know: Knowledge,
    events: Name,
    trials: Name,
    limits: Sequence[tuple[float, bool]],
    decimals: int | None,
    confidence: float,
    label: str,
) -> None:
    """Learn exact limits of a percentage."""
    tail = (1 - confidence) / 2
    for value, upper in limits:
        known = printed(value, decimals)

        def fits(a: np.ndarray, n: np.ndarray, known: Range = known, upper: bool = upper) -> np.ndarray:
            inside, n = a <= n, np.maximum(n, a)
            if upper:
                limit = np.where(a < n, betaincinv(a + 1, np.maximum(n - a, 1), 1 - tail), 1.0)
            else:
                limit = np.where(a > 0, betaincinv(np.maximum(a, 1), n - a + 1, tail), 0.0)
            return inside & within(100 * limit, known)

        know.guess((events, trials), fits, label)


def learn_standard_error(know: Knowledge, pair: Sequence[Name], known: Range, label: str) -> None:
    """Learn the Poisson standard error of a log ratio of rates, ``sqrt(1/a + 1/b)``."""

    def fits(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        positive = (a > 0) & (b > 0)
        return positive & within(np.sqrt(1 / np.maximum(a, 1) + 1 / np.maximum(b, 1)), known)

    know.guess(tuple(pair), fits, label)


def error_of_limits(lower: float, upper: float, decimals: int | None, confidence: float) -> Range:
    """Return the standard error of a log ratio that Wald limits were made with."""
    (low_1, high_1), (low_2, high_2) = printed(lower, decimals), printed(upper, decimals)
    reach = 2 * ndtri(0.5 + confidence / 2)
    return np.log(low_2 / high_1) / reach, np.log(high_2 / max(low_1, 1e-12)) / reach


def learn_ratio(
    know: Knowledge, first: Sequence[Name], second: Sequence[Name], known: Range, label: str
) -> None:
    """Learn the ratio of two rates, each of (relapses, days)."""

    def fits(a: np.ndarray, n: np.ndarray, b: np.ndarray, m: np.ndarray) -> np.ndarray:
        return (b > 0) & (n > 0) & within(a * m, (known[0] * b * n, known[1] * b * n))

    know.guess((*first, *second), fits, label)


def learn_exact_limits(
    know: Knowledge,
    first: Sequence[Name],
    second: Sequence[Name],
    limits: Sequence[tuple[float, bool]],
    decimals: int | None,
    confidence: float,
    label: str,
) -> None:
    """Learn exact limits of the ratio of two rates: Clopper-Pearson's of the share of all relapses."""
    tail = (1 - confidence) / 2
    for value, upper in limits:
        known = printed(value, decimals)

        def fits(
            a: np.ndarray,
            n: np.ndarray,
            b: np.ndarray,
            m: np.ndarray,
            known: Range = known,
            upper: bool = upper,
        ) -> np.ndarray:
            positive = (a > 0) & (b > 0) & (n > 0)
            a, b = np.maximum(a, 1), np.maximum(b, 1)
            share = betaincinv(a + 1, b, 1 - tail) if upper else betaincinv(a, b + 1, tail)
            return positive & within(share / (1 - share) * m / np.maximum(n, 1e-9), known)

        know.guess((*first, *second), fits, label)


def learn_step(know: Knowledge, names: Sequence[Name], ratio: Range, label: str) -> None:
    """Learn how far a Kaplan-Meier curve falls between two days.

    Parameters
    ----------
    know : Knowledge
    names : (relapsed before, relapsed by the end, pregnancies, at risk on the last day)
    ratio : (low, high)
        The share at the end over the share before. With m more relapses among at most N and at least n at
        risk it lies between ``(n - 1)/(n + m - 1)`` and ``(N - m)/N``.
    label : str
    """

    def fits(before: np.ndarray, by: np.ndarray, of: np.ndarray, left: np.ndarray) -> np.ndarray:
        more, left = by - before, np.maximum(left, 1)
        most = 1 - more / np.maximum(of, 1)
        least = np.where(more > 0, (left - 1) / np.maximum(left + more - 1, 1), 1.0)
        return (more >= 0) & (by <= of) & (most >= ratio[0]) & (least <= ratio[1])

    know.guess(tuple(names), fits, label)


def learn_smd(know: Knowledge, names: Sequence[Name], known: Range, label: str) -> None:
    """Learn the standardised difference of two shares; names are (count, with a value) of both arms."""

    def fits(a: np.ndarray, n: np.ndarray, b: np.ndarray, m: np.ndarray) -> np.ndarray:
        p, q = a / np.maximum(n, 1), b / np.maximum(m, 1)
        spread = np.sqrt(np.maximum(p * (1 - p) + q * (1 - q), 0) / 2)
        return (a <= n) & (b <= m) & (spread > 0) & within(np.abs(p - q) / np.maximum(spread, 1e-12), known)

    know.guess(tuple(names), fits, label)


def learn_heterogeneity(
    know: Knowledge, sites: Sequence[tuple[Name, Name]], known: Range, label: str
) -> None:
    """Learn Cochran's Q of the log rates of sites, each of (relapses, days).

    Where a site has no relapse it counts as half.
    """
    names = [name for site in sites for name in site]

    def fits(*values: np.ndarray) -> np.ndarray:
        counts = [np.where(a == 0, 0.5, a) for a in values[::2]]
        logs = [np.log(a * YEAR / np.maximum(n, 1)) for a, n in zip(counts, values[1::2], strict=True)]
        centre = sum(a * y for a, y in zip(counts, logs, strict=True)) / sum(counts)
        return within(sum(a * (y - centre) ** 2 for a, y in zip(counts, logs, strict=True)), known)

    know.guess(names, fits, label)


def learn_common_rate(know: Knowledge, sites: Sequence[tuple[Name, Name]], known: Range, label: str) -> None:
    """Learn the mean of the sites' log rates, weighted by their relapses, as a rate."""
    names = [name for site in sites for name in site]

    def fits(*values: np.ndarray) -> np.ndarray:
        counts = [np.where(a == 0, 0.5, a) for a in values[::2]]
        logs = [np.log(a * YEAR / np.maximum(n, 1)) for a, n in zip(counts, values[1::2], strict=True)]
        return within(np.exp(sum(a * y for a, y in zip(counts, logs, strict=True)) / sum(counts)), known)

    know.guess(names, fits, label)
