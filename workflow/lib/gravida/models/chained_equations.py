"""One chain of an imputation: each incomplete covariate drawn in turn, given all the others, again and again.

A covariate is modelled by a linear regression that is fitted on a bootstrap sample of the women who have it,
and a missing value becomes that of one of the five pregnancies of this sample with the nearest predictions
(predictive mean matching). So it is always a value that was seen: on the steps of its scale, a whole number
for a count, yes or no.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

ITERATIONS = 10
DONORS = 5
# With fewer of one kind, all donors lend: the nearest of few may be far.
ENOUGH_DONORS = 50
# What a coefficient of 0 weighs beside the data, in pregnancies: for each standardised column and each site.
# Collinear columns and separated levels so get a finite coefficient, and small sites a small one.
RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Chain:
    """The n pregnancies that are imputed together, the rows of a woman next to each other.

    Attributes
    ----------
    woman : ndarray of int, shape (n,)
        Numbers from 0 without a gap.
    complete : ndarray, shape (n, q)
        What is known of every pregnancy: outcome, time, covariates.
    sites : ndarray, shape (n, s)
        An indicator for each site; no column where there is one site.
    incomplete : mapping of ndarray, shape (n,)
        The covariates to impute by name, nan where missing.
    asked : mapping of ndarray of bool, shape (n,)
        By name, which missing values to impute, one or more; the others do not exist and stay missing.
    """

    woman: np.ndarray
    complete: np.ndarray
    sites: np.ndarray
    incomplete: Mapping[str, np.ndarray]
    asked: Mapping[str, np.ndarray]

    def coefficients(self) -> int:
        """Return how many an imputation model has besides those of the sites, the intercept among them."""
        # Her other pregnancies stand in two columns: whether there are any, and the mean of their values.
        return 1 + self.complete.shape[1] + len(self.incomplete) - 1 + 2


def draw_chain(chain: Chain, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return one completed version of the incomplete covariates, each of shape (n,).

    Parameters
    ----------
    chain : Chain
        Each covariate with a value for at least one pregnancy.
    rng : numpy Generator
    """
    current = {}
    for name, values in chain.incomplete.items():
        seen = values[~np.isnan(values)]
        asked = chain.asked[name]
        current[name] = values.copy()
        current[name][asked] = rng.choice(seen, int(asked.sum()))
    for _ in range(ITERATIONS):
        for name in chain.incomplete:
            current[name] = _redraw(chain, name, current, rng)
    return current


def _redraw(
    chain: Chain, name: str, current: Mapping[str, np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Return one covariate with its missing values drawn anew, given the current values of the others."""
    observed, asked = ~np.isnan(chain.incomplete[name]), chain.asked[name]
    values = current[name].copy()
    others = [np.nan_to_num(current[other]) for other in chain.incomplete if other != name]
    fixed = np.column_stack([_standardised(np.column_stack([chain.complete, *others])), chain.sites])
    design = np.column_stack([np.ones(values.size), fixed, _family(chain.woman, values)])
    times = _resampled(chain.woman, observed, rng)
    beta = _ridge(design, values, times)
    donors = np.repeat(np.arange(values.size), times)
    # One pregnancy of a woman after the other, so that each is drawn given the last draw of the others.
    turn = _turn(chain.woman, asked)
    for number in range(int(turn.max()) + 1):
        rows = np.flatnonzero(asked & (turn == number))
        family = _family(chain.woman, values)
        predicted = np.column_stack([np.ones(values.size), fixed, family]) @ beta
        values[rows] = values[_lenders(predicted, family[:, 0] > 0, donors, rows, rng)]
    return values


def _lenders(
    predicted: np.ndarray, repeats: np.ndarray, donors: np.ndarray, rows: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return for each of `rows` the donor whose value it gets, shape (rows,).

    A woman with other pregnancies is predicted by them, and better than others are: she borrows from women
    who have some too (`repeats`), and others from each other, where there are enough of a kind.
    """
    lenders = np.empty_like(rows)
    for kind in (False, True):
        wanted, own = repeats[rows] == kind, donors[repeats[donors] == kind]
        pool = own if own.size >= ENOUGH_DONORS else donors
        lenders[wanted] = pool[_nearest(predicted[pool], predicted[rows[wanted]], rng)]
    return lenders


def _standardised(columns: np.ndarray) -> np.ndarray:
    spread = columns.std(axis=0)
    return (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def _family(woman: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return whether a woman has other pregnancies with a value, and the mean of those, standardised."""
    there = ~np.isnan(values)
    filled = np.where(there, values, 0.0)
    others = np.bincount(woman, there)[woman] - there
    total = np.bincount(woman, filled)[woman] - filled
    centre, spread = values[there].mean(), values[there].std()
    mean = np.where(others > 0, total / np.maximum(others, 1) - centre, 0.0)
    return np.column_stack([others > 0, mean / (spread if spread > 0 else 1.0)])


def _resampled(woman: np.ndarray, observed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return how often each pregnancy stands in a bootstrap sample of the women with a value, shape (n,)."""
    women = np.unique(woman[observed])
    drawn = np.bincount(rng.choice(women, women.size), minlength=woman.max() + 1)
    return np.where(observed, drawn[woman], 0)


def _ridge(design: np.ndarray, values: np.ndarray, times: np.ndarray) -> np.ndarray:
    used = times > 0
    weighted = design[used] * times[used, None]
    penalty = np.diag(np.append(0.0, np.full(design.shape[1] - 1, RIDGE)))
    return np.linalg.solve(weighted.T @ design[used] + penalty, weighted.T @ values[used])


def _turn(woman: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return for each missing value how many of the same woman stand before it, shape (n,)."""
    before = np.cumsum(asked) - asked
    first = np.minimum.reduceat(before, np.flatnonzero(np.diff(woman, prepend=-1)))
    return np.where(asked, before - first[woman], 0)


def _nearest(predicted: np.ndarray, wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return for each wanted prediction one of the nearest donors, at random, shape (wanted,)."""
    order = np.argsort(predicted, kind="stable")
    sorted_predictions = predicted[order]
    left = np.searchsorted(sorted_predictions, wanted, "left")
    right = np.searchsorted(sorted_predictions, wanted, "right")
    # Among donors with the very same prediction each has the same chance.
    start = left + np.floor(rng.random(wanted.size) * (right - left + 1)).astype(np.int64)
    window = start[:, None] + np.arange(-DONORS, DONORS)
    inside = (window >= 0) & (window < order.size)
    window = np.clip(window, 0, order.size - 1)
    distance = np.where(inside, np.abs(sorted_predictions[window] - wanted[:, None]), np.inf)
    few = min(DONORS, order.size)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :few]
    chosen = nearest[np.arange(wanted.size), rng.integers(0, few, wanted.size)]
    return order[window[np.arange(wanted.size), chosen]]
