"""Exact inference on one odds ratio that strata share, given the margins of each 2x2 table.

Given its margins, the treated events of a table follow Fisher's noncentral hypergeometric distribution; their
sum over tables is the convolution. No half event is added anywhere. Source: Gart (1970), Biometrika
57:471-475; Mehta, Patel and Gray (1985), Journal of the American Statistical Association 80:969-973.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, logsumexp

from gravida.errors import NotEstimable
from gravida.models.stratified import Arms

# Beyond these the convolution takes long and adds nothing to what normal limits say.
LARGEST_TOTAL, MOST_TABLES = 5000, 40
LARGEST_LOG_RATIO = 60.0


@dataclass(frozen=True, slots=True)
class ExactOddsRatio:
    """Conditional maximum-likelihood odds ratio with central limits and two-sided p-value.

    `ratio` and `upper` are None where infinite; the p-value is twice the smaller tail, so that it agrees with
    the limits.
    """

    ratio: float | None
    lower: float
    upper: float | None
    p_value: float


def common_odds_ratio(arms: Arms, confidence: float) -> ExactOddsRatio:
    """Estimate the common odds ratio of strata.

    Parameters
    ----------
    arms : Arms
        Of totals; whole numbers.
    confidence : float
        Coverage of the limits.

    Raises
    ------
    NotEstimable
        If no stratum says anything of the ratio, or there are more persons than `LARGEST_TOTAL` or more
        strata than `MOST_TABLES`.
    """
    telling = arms.take(~arms.silent)
    if telling.treated_size.sum() + telling.control_size.sum() > LARGEST_TOTAL:
        raise NotEstimable(f"exact limits are not computed for more than {LARGEST_TOTAL} persons")
    if telling.treated_size.size > MOST_TABLES:
        raise NotEstimable(f"exact limits are not computed for more than {MOST_TABLES} studies")
    tables = [_table(*map(int, table)) for table in _cells(telling)]
    lowest = int(sum(support[0] for support, _ in tables))
    highest = int(sum(support[-1] for support, _ in tables))
    observed, tail = int(telling.treated_events.sum()), (1 - confidence) / 2
    if lowest == highest:
        raise NotEstimable("no study says anything of this ratio: each has no event, or only events")
    sums = np.arange(lowest, highest + 1)
    at_one = _distribution(tables, 0.0)

    # Imported here: most steps find no root, and it takes a third of a second.
    from scipy.optimize import brentq

    def root(excess) -> float:
        """Return the ratio at which a function of the log ratio, which changes its sign once, is 0."""
        return float(np.exp(brentq(excess, -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO, xtol=1e-13)))

    inside = (observed > lowest, observed < highest)
    ratio = 0.0 if not inside[0] else None
    if all(inside):
        ratio = root(lambda log_ratio: (_distribution(tables, log_ratio) * sums).sum() - observed)
    above, below = observed - lowest, observed - lowest + 1
    return ExactOddsRatio(
        ratio,
        root(lambda log_ratio: _distribution(tables, log_ratio)[above:].sum() - tail) if inside[0] else 0.0,
        root(lambda log_ratio: _distribution(tables, log_ratio)[:below].sum() - tail) if inside[1] else None,
        min(1.0, 2 * float(min(at_one[above:].sum(), at_one[:below].sum()))),
    )


def _cells(arms: Arms) -> np.ndarray:
    """Return sizes of the arms and events of both together, shape (k, 3)."""
    return np.column_stack([arms.treated_size, arms.control_size, arms.treated_events + arms.control_events])


def _table(treated: int, control: int, events: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the possible treated events of one table and the logarithms of their numbers of ways."""
    support = np.arange(max(0, events - control), min(treated, events) + 1)
    return support, _log_choose(treated, support) + _log_choose(control, events - support)


def _log_choose(whole: int, part: np.ndarray) -> np.ndarray:
    return gammaln(whole + 1) - gammaln(part + 1) - gammaln(whole - part + 1)


def _distribution(tables: list[tuple[np.ndarray, np.ndarray]], log_ratio: float) -> np.ndarray:
    """Return the probabilities of every possible sum of treated events at one log odds ratio."""
    total = np.ones(1)
    for support, log_ways in tables:
        log_weight = log_ways + support * log_ratio
        total = np.convolve(total, np.exp(log_weight - logsumexp(log_weight)))
    return total
