"""Sites that treat by policy, compared as what they are: a handful of units, each with one rate."""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from gravida.errors import NotEstimable
from gravida.models.inference import RatioEstimate, wald
from gravida.statistics.contrasts import Contrasts

FEWEST_SITES = 4
# Above this many assignments of policies to sites, as many are drawn.
MOST_ASSIGNMENTS = 20_000
# Statistics that differ by less than this share are the same: they are sums in another order.
SAME = 1e-9


@dataclass(frozen=True, slots=True)
class SiteComparison:
    """Ratio of typical site rates with limits and p by t; the permutation's p and its smallest value."""

    ratio: float
    lower: float
    upper: float
    t_p_value: float
    p_value: float
    smallest: float
    sites: int
    how: str


def compare_site_rates(contrasts: Contrasts, confidence: float, seed: int) -> SiteComparison:
    """Compare log rates of sites that treat all with sites that treat none.

    Studentised permutation of the policies over the sites: all assignments, or draws from them. Half a
    relapse is added where a site has none. With g of G sites in an arm the smallest two-sided p is
    1 / C(G, g), or 2 / C(G, g) where the arms have as many sites: then every assignment has its mirror image.
    Where assignments are drawn it is 1 over their number.

    Parameters
    ----------
    contrasts : Contrasts
        Of the outcome period.
    confidence : float
        Coverage of the limits.
    seed : int
        Of the draws.

    References
    ----------
    Chung and Romano (2013), Annals of Statistics 41:484-507, on studentised permutations.

    Raises
    ------
    NotEstimable
        If there are fewer than 4 such sites, or none in an arm.
    """
    rates, first = site_log_rates(contrasts)
    estimate = t_of_site_rates(rates, first, confidence)
    difference, error = _difference(rates, first[None, :])
    assignments, how = _assignments(first, seed)
    statistics = np.abs(_studentised(*_difference(rates, assignments)))
    as_large = statistics >= abs(_studentised(difference, error)[0]) * (1 - SAME)
    total = comb(first.size, int(first.sum()))
    smallest = (2 if 2 * first.sum() == first.size else 1) / total
    smallest = max(smallest, 1 / len(assignments))
    return SiteComparison(
        estimate.rate_ratio,
        estimate.lower,
        estimate.upper,
        estimate.p_value,
        float(as_large.mean()),
        smallest,
        first.size,
        how,
    )


def site_log_rates(contrasts: Contrasts) -> tuple[np.ndarray, np.ndarray]:
    """Return the log rates of the sites that treat by policy, and which are the numerator's, shapes (sites,).

    Raises
    ------
    NotEstimable
        As `compare_site_rates`.
    """
    policy = {"treated": "all", "untreated": "none"}[contrasts.settings.numerator]
    by_policy = contrasts.rows[contrasts.rows["site"].map(dict(contrasts.policies)) != "individual"]
    sites = by_policy.groupby("site", observed=True)[["relapses", "person_years"]].sum()
    first = np.array([contrasts.policies[site] == policy for site in sites.index], dtype=bool)
    if len(sites) < FEWEST_SITES or first.all() or not first.any():
        raise NotEstimable("needs 4 or more sites that treat by policy, some all women and some none")
    if not sites["relapses"].any():
        raise NotEstimable("there is no relapse in the period")
    relapses = np.where(sites["relapses"] == 0, 0.5, sites["relapses"])
    rates = np.log(relapses / sites["person_years"].to_numpy())
    if np.ptp(rates) < SAME:
        raise NotEstimable("all sites have one rate")
    return rates, first


def t_of_site_rates(rates: np.ndarray, first: np.ndarray, confidence: float) -> RatioEstimate:
    """Compare log rates of sites by Student's t with one variance: the site is the unit.

    Parameters
    ----------
    rates : ndarray, shape (sites,)
        Log rates.
    first : ndarray of bool, shape (sites,)
        The numerator's sites.
    confidence : float
        Coverage of the limits.
    """
    groups = (rates[first], rates[~first])
    freedom = rates.size - 2
    pooled = sum(float(((group - group.mean()) ** 2).sum()) for group in groups) / freedom
    variance = pooled * sum(1 / group.size for group in groups)
    return wald(float(groups[0].mean() - groups[1].mean()), variance, confidence, freedom)


def _assignments(first: np.ndarray, seed: int) -> tuple[np.ndarray, str]:
    """Return assignments of the policy to sites, shape (m, sites), the true one among them, and how."""
    sites, chosen = first.size, int(first.sum())
    if comb(sites, chosen) <= MOST_ASSIGNMENTS:
        places = np.array(list(combinations(range(sites), chosen)))
        assignments = np.zeros((len(places), sites), dtype=bool)
        np.put_along_axis(assignments, places, True, axis=1)
        return assignments, f"all {len(places)} assignments of the policies to {sites} sites"
    rng = np.random.default_rng(seed)
    drawn = rng.permuted(np.tile(first, (MOST_ASSIGNMENTS - 1, 1)), axis=1)
    how = f"{MOST_ASSIGNMENTS} assignments of the policies to {sites} sites, drawn"
    return np.vstack([first, drawn]), how


def _difference(rates: np.ndarray, assignments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the difference of mean log rates and its standard error for each assignment, shapes (m,).

    Each arm has a variance of its own; where an arm has one site it takes the other's.
    """
    sizes = assignments.sum(axis=1), (~assignments).sum(axis=1)
    means = (assignments @ rates / sizes[0], ~assignments @ rates / sizes[1])
    squares = [
        (arm * (rates[None, :] - mean[:, None]) ** 2).sum(axis=1)
        for arm, mean in zip((assignments, ~assignments), means, strict=True)
    ]
    pooled = (squares[0] + squares[1]) / (rates.size - 2)
    variances = [
        np.where(size > 1, square / np.maximum(size - 1, 1), pooled) / size
        for square, size in zip(squares, sizes, strict=True)
    ]
    return means[0] - means[1], np.sqrt(variances[0] + variances[1])


def _studentised(difference: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Return difference over error; where the sites of each arm agree, further out than any other."""
    largest = np.abs(difference) * 1e12
    return np.where(error > 0, difference / np.where(error > 0, error, 1.0), np.sign(difference) * largest)
