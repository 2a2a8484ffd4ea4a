"""The Kaplan-Meier curve on whole days: share without a relapse, its limits, and the time without one.

The curve follows from two counts on each day, of those at risk and of those who relapse; both are sums over
pregnancies, and add over batches.
"""

from dataclasses import dataclass

import numpy as np

from gravida.models.inference import quantile


@dataclass(frozen=True, slots=True)
class DayCounts:
    """Pregnancies on each day from 0 to the last of interest, shape (days + 1,); both are 0 on day 0.

    Attributes
    ----------
    at_risk : ndarray of int
        With ``entry < day <= time``.
    relapsed : ndarray of int
        With a relapse at that time.
    """

    at_risk: np.ndarray
    relapsed: np.ndarray

    def __add__(self, other: "DayCounts") -> "DayCounts":
        return DayCounts(self.at_risk + other.at_risk, self.relapsed + other.relapsed)


def count_days(entry: np.ndarray, time: np.ndarray, event: np.ndarray, days: int) -> DayCounts:
    """Count those at risk and those who relapse on each day up to `days`.

    Parameters
    ----------
    entry, time : ndarray of int, shape (n,)
        Whole days, ``0 <= entry < time``.
    event : ndarray of bool, shape (n,)
    days : int
    """
    first, last = np.minimum(entry + 1, days + 1), np.minimum(time, days)
    change = np.bincount(first, minlength=days + 2) - np.bincount(last + 1, minlength=days + 2)
    relapsed = np.bincount(time[event & (time <= days)], minlength=days + 1)
    return DayCounts(np.cumsum(change)[: days + 1], relapsed)


@dataclass(frozen=True, slots=True)
class Curve:
    """A Kaplan-Meier curve, arrays by day from 0, shape (days + 1,).

    Attributes
    ----------
    counts : DayCounts
        What it was made of.
    share : ndarray
        Share without a relapse through the day.
    log_variance : ndarray
        Greenwood's variance of log share. A day on which all at risk relapse adds nothing: the share is 0
        from then on, and has no variance.
    known_through : int
        Last day of which the curve tells: up to it somebody is at risk every day, or all have relapsed.
    """

    counts: DayCounts
    share: np.ndarray
    log_variance: np.ndarray
    known_through: int


def kaplan_meier(counts: DayCounts) -> Curve:
    """Return the curve of these counts.

    Late entry (`counts` of pregnancies not observed from the start) is allowed. Where everybody at risk on a
    day relapses while others join later, the curve would be 0 for them too: it is known up to the day before.
    """
    n, d = counts.at_risk, counts.relapsed
    safe = np.maximum(n, 1)
    share = np.cumprod(1 - d / safe)
    left = n > d
    terms = np.where(left, d / (safe * np.where(left, n - d, 1)), 0.0)
    return Curve(counts, share, np.cumsum(terms), _known_through(n, share))


def _known_through(at_risk: np.ndarray, share: np.ndarray) -> int:
    last = at_risk.size - 1
    empty = np.flatnonzero(at_risk[1:] == 0)
    through = int(empty[0]) if empty.size else last
    gone = int(np.argmax(share == 0)) if share[-1] == 0 else last + 1
    if through < gone:
        return through
    return gone - 1 if at_risk[gone + 1 :].any() else last


def log_log_limits(curve: Curve, day: int, confidence: float) -> tuple[float, float] | None:
    """Return limits of the share on this day, symmetric for log(-log share); None where it is 0 or 1.

    Kalbfleisch and Prentice (2002), The Statistical Analysis of Failure Time Data, section 1.4.
    """
    share = float(curve.share[day])
    if share in (0.0, 1.0):
        return None
    reach = quantile(confidence) * np.sqrt(curve.log_variance[day]) / -np.log(share)
    return float(share ** np.exp(reach)), float(share ** np.exp(-reach))


def share_variance(curve: Curve, day: int) -> float:
    """Return Greenwood's variance of the share on this day."""
    return float(curve.share[day] ** 2 * curve.log_variance[day])


def restricted_mean(curve: Curve, days: int) -> tuple[float, float]:
    """Return the mean time without a relapse up to `days`, and its variance.

    The area under the curve; its variance sums Greenwood's terms times the square of the area that is left
    (Klein and Moeschberger 2003, Survival Analysis, section 4.5; without a factor for small samples).
    """
    left = np.append(np.cumsum(curve.share[:days][::-1])[::-1], 0.0)
    terms = np.diff(curve.log_variance[: days + 1], prepend=0.0)
    return float(left[0]), float(left**2 @ terms)
