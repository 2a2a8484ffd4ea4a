"""Pooling of estimates with known variances: heterogeneity, the variance between studies, and what follows.

Arrays hold one value a study, shape (k,): `estimates` on the scale on which they are pooled (the logarithm
of a ratio, a difference as it is) and their `variances`, all positive.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri, stdtr

# From so many studies on a test of asymmetry is made. Sterne et al. (2011), BMJ 343:d4002.
FEWEST_FOR_ASYMMETRY = 10


@dataclass(frozen=True, slots=True)
class Asymmetry:
    """Egger's test: t of the slope on the standard error, its degrees of freedom, two-sided p-value."""

    t: float
    degrees_of_freedom: int
    p_value: float


def weighted_mean(estimates: np.ndarray, variances: np.ndarray, between: float = 0.0) -> tuple[float, float]:
    """Return the inverse-variance mean of studies and its variance; `between` is added to each variance."""
    weight = 1 / (variances + between)
    return float(np.average(estimates, weights=weight)), float(1 / weight.sum())


def generalized_q(estimates: np.ndarray, variances: np.ndarray, between: float = 0.0) -> float:
    """Return the weighted sum of squares about the mean: Cochran's Q where `between` is 0."""
    mean, _ = weighted_mean(estimates, variances, between)
    return float(((estimates - mean) ** 2 / (variances + between)).sum())


def i_squared(q: float, degrees_of_freedom: int) -> float:
    """Return the share of Q above its expectation in percent, 0 where Q is below it."""
    return 100 * max(0.0, (q - degrees_of_freedom) / q) if q > 0 else 0.0


def dersimonian_laird(estimates: np.ndarray, variances: np.ndarray) -> float:
    """Return the variance between studies by moments.

    Source: DerSimonian and Laird (1986), Controlled Clinical Trials 7:177-188.
    """
    weight = np.sort(1 / variances)
    excess = generalized_q(estimates, variances) - (estimates.size - 1)
    # The sum of products of two different weights, not a difference in which one large weight cancels.
    pairs = float((weight[1:] * np.cumsum(weight)[:-1]).sum())
    return max(0.0, float(excess * weight.sum() / (2 * pairs)))


def paule_mandel(estimates: np.ndarray, variances: np.ndarray) -> float:
    """Return the variance between studies at which Q equals its expectation, k - 1.

    Source: Paule and Mandel (1982), Journal of Research of the National Bureau of Standards 87:377-385.
    """
    return _variance_at(estimates, variances, estimates.size - 1)


def q_profile(estimates: np.ndarray, variances: np.ndarray, confidence: float) -> tuple[float, float] | None:
    """Return limits of the variance between studies, None where Q is too small for any variance.

    Source: Viechtbauer (2007), Statistics in Medicine 26:37-52.
    """
    degrees, tail = estimates.size - 1, (1 - confidence) / 2
    smallest, largest = (float(chdtri(degrees, upper)) for upper in (1 - tail, tail))
    if generalized_q(estimates, variances) < smallest:
        return None
    return _variance_at(estimates, variances, largest), _variance_at(estimates, variances, smallest)


def _variance_at(estimates: np.ndarray, variances: np.ndarray, target: float) -> float:
    """Return the variance between studies at which the generalized Q, which falls with it, is `target`."""

    def excess(between: float) -> float:
        return generalized_q(estimates, variances, between) - target

    # Imported here: most steps find no root, and it takes a third of a second.
    from scipy.optimize import brentq

    if excess(0.0) <= 0:
        return 0.0
    highest = float(np.ptp(estimates) ** 2 + variances.max())
    while excess(highest) > 0:
        highest *= 4
    return float(brentq(excess, 0.0, highest, xtol=1e-14, rtol=1e-13))


def restricted_likelihood(estimates: np.ndarray, variances: np.ndarray) -> float:
    """Return the variance between studies by restricted maximum likelihood.

    The likelihood can have more than one maximum: the highest is taken. Source: Viechtbauer (2005), Journal
    of Educational and Behavioral Statistics 30:261-293.
    """

    def slope(between: float) -> float:
        weight = 1 / (variances + between)
        mean = np.average(estimates, weights=weight)
        return float(
            (weight**2 * (estimates - mean) ** 2).sum() - weight.sum() + (weight**2).sum() / weight.sum()
        )

    def value(between: float) -> float:
        weight = 1 / (variances + between)
        return float(
            np.log(weight).sum() - np.log(weight.sum()) - generalized_q(estimates, variances, between)
        )

    from scipy.optimize import brentq

    # Beyond this variance the slope is negative: the spread of the estimates cannot support more.
    highest = float(np.ptp(estimates) ** 2) * estimates.size
    if highest == 0:
        return 0.0
    grid = np.concatenate([[0.0], np.geomspace(min(variances.min(), highest) * 1e-3, highest, 60)])
    weights = 1 / (variances + grid[:, None])
    totals = weights.sum(axis=1)
    means = (weights * estimates).sum(axis=1) / totals
    squares = weights**2 * ((estimates - means[:, None]) ** 2 + 1 / totals[:, None])
    slopes = squares.sum(axis=1) - totals
    tops = [0.0] + [
        float(brentq(slope, grid[i], grid[i + 1], xtol=1e-14, rtol=1e-13))
        for i in np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0))
    ]
    return max(tops, key=value)


def knapp_hartung_factor(estimates: np.ndarray, variances: np.ndarray, between: float) -> float:
    """Return by how much the variance of a random-effects mean is multiplied: Q over k - 1, at least 1.

    With the limits from Student's t on k - 1 degrees of freedom. The floor of 1 keeps agreement by chance
    from giving an interval narrower than sampling allows. Knapp and Hartung (2003), Statistics in Medicine
    22:2693-2710; Röver, Knapp and Friede (2015), BMC Medical Research Methodology 15:99.
    """
    return max(1.0, generalized_q(estimates, variances, between) / (estimates.size - 1))


def egger(estimates: np.ndarray, variances: np.ndarray) -> Asymmetry | None:
    """Test whether small studies differ: regression of the estimates on their standard errors.

    None where the studies are alike in one of the two. Weights are inverse variances times an estimated
    factor. Source: Egger et al. (1997), BMJ 315:629-634.
    """
    errors = np.sqrt(variances)
    if np.ptp(errors) <= 1e-9 * errors.max() or np.ptp(estimates) == 0:
        return None
    design = np.column_stack([np.ones(errors.size), errors]) / errors[:, None]
    outcome = estimates / errors
    bread = np.linalg.inv(design.T @ design)
    slope = bread @ design.T @ outcome
    degrees = errors.size - 2
    scale = float(((outcome - design @ slope) ** 2).sum()) / degrees
    if not scale > 0:
        return None
    t = float(slope[1] / np.sqrt(scale * bread[1, 1]))
    return Asymmetry(t, degrees, float(2 * stdtr(degrees, -abs(t))))
