"""How the sites differ: each site's rate, and the spread of the rates of sites with one policy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from gravida.errors import NotEstimable
from gravida.models.exact import garwood
from gravida.models.inference import quantile
from gravida.models.meta_analysis import generalized_q, i_squared, restricted_likelihood, weighted_mean
from gravida.models.mixed import FEWEST_SITES, NoSiteVariance, fit_mixed_poisson
from gravida.person_time import of_period
from gravida.statistics.design import make_batch
from gravida.statistics.guards import relapsed_women

MIXED = "mixed Poisson, site intercepts"
RANDOM_EFFECTS = "random effects of log rates, REML"
COLUMNS = [
    *("kind", "site", "policy", "pregnancies", "women", "relapses", "women_with_relapse", "relapses_most"),
    *("person_years", "rate", "lower", "upper"),
    *("tau2", "i2", "q", "q_p_value", "prediction_lower", "prediction_upper", "method", "status", "reason"),
]
# What is counted of a site, where there is nobody.
NOBODY = dict.fromkeys(
    ("pregnancies", "women", "relapses", "women_with_relapse", "relapses_most", "person_years"), 0
)


@dataclass(frozen=True, slots=True)
class PooledRate:
    """The typical log rate of sites, its variance, and the variance between sites."""

    log_rate: float
    variance: float
    between: float


def estimate_sites(
    person_time: pd.DataFrame, policies: Mapping[str, str], period: str, confidence: float
) -> pd.DataFrame:
    """Return every site's rate with exact limits and, for each policy, the typical site's rate.

    Pooled rows: random effects of the log rates (REML; half a relapse where a site has none), from five sites
    on a Poisson model with normal site intercepts. `i2` is max(0, (Q - df)/Q) in percent; the prediction
    interval, for a further site, is normal.

    Parameters
    ----------
    person_time : DataFrame
        `Cohort.person_time`.
    policies : mapping
        Each site's policy.
    period : str
        The outcome period.
    confidence : float
        Coverage.
    """
    rows = of_period(person_time, period)
    counted = {site: _sizes(here) for site, here in rows.groupby("site")}
    return tabulate_sites(counted, policies, confidence)


def _sizes(rows: pd.DataFrame) -> dict[str, float]:
    return {
        "pregnancies": len(rows),
        "women": rows["woman"].nunique(),
        "relapses": int(rows["relapses"].sum()),
        **relapsed_women(rows["woman"], rows["relapses"]),
        "person_years": float(rows["person_years"].sum()),
    }


def tabulate_sites(
    counted: Mapping[str, Mapping[str, float]], policies: Mapping[str, str], confidence: float
) -> pd.DataFrame:
    """Return the table from counts of each site.

    Parameters
    ----------
    counted : mapping of site to mapping
        pregnancies, women, relapses, women_with_relapse, relapses_most and person_years; a site may be
        missing, or without a pregnancy.
    policies : mapping
        Each site's policy.
    confidence : float
        Coverage.
    """
    present = {site: counted[site] for site in sorted(counted) if counted[site]["pregnancies"]}
    found = [*_each_site(present, policies, confidence), *_each_policy(present, policies, confidence)]
    return pd.DataFrame(found).reindex(columns=COLUMNS)


def _each_site(
    counted: Mapping[str, Mapping[str, float]], policies: Mapping[str, str], confidence: float
) -> Iterator[dict]:
    for site in sorted(policies):
        row = {"kind": "site", "site": site, "policy": policies[site]}
        if site not in counted:
            reason = "no pregnancy has person-time in the period"
            yield row | NOBODY | {"status": "not_estimable", "reason": reason}
            continue
        row |= counted[site]
        lower, upper = garwood([row["relapses"]], [row["person_years"]], confidence)
        limits = {"rate": row["relapses"] / row["person_years"], "lower": lower[0], "upper": upper[0]}
        yield row | limits | {"method": "exact", "status": "ok", "reason": ""}


def _each_policy(
    counted: Mapping[str, Mapping[str, float]], policies: Mapping[str, str], confidence: float
) -> Iterator[dict]:
    for policy in ("all", "none", "individual"):
        here = pd.DataFrame([sizes for site, sizes in counted.items() if policies[site] == policy])
        if here.empty:
            continue
        # A woman is at one site only.
        sizes = {name: here[name].max() if name == "relapses_most" else here[name].sum() for name in NOBODY}
        row = {"kind": "pooled", "site": "", "policy": policy, **sizes}
        try:
            yield row | _pooled(here, confidence)
        except NotEstimable as obstacle:
            yield row | {"status": obstacle.status, "reason": str(obstacle)}


def _pooled(sites: pd.DataFrame, confidence: float) -> dict:
    if len(sites) < 2:
        raise NotEstimable("one site has this policy: nothing says how such sites differ")
    if not sites["relapses"].any():
        raise NotEstimable("there is no relapse in the period")
    relapses = np.where(sites["relapses"] == 0, 0.5, sites["relapses"])
    log_rates, variances = np.log(relapses / sites["person_years"].to_numpy()), 1 / relapses
    q, method, reason = generalized_q(log_rates, variances), RANDOM_EFFECTS, ""
    between = restricted_likelihood(log_rates, variances)
    pooled = PooledRate(*weighted_mean(log_rates, variances, between), between)
    if len(sites) >= FEWEST_SITES:
        method = MIXED
        pooled, reason = _mixed(sites)
    degrees = len(sites) - 1
    reach = quantile(confidence) * np.sqrt([pooled.variance, pooled.variance + pooled.between])
    return {
        "rate": np.exp(pooled.log_rate),
        "lower": np.exp(pooled.log_rate - reach[0]),
        "upper": np.exp(pooled.log_rate + reach[0]),
        "tau2": pooled.between,
        "i2": i_squared(q, degrees),
        "q": q,
        "q_p_value": float(chdtrc(degrees, q)),
        "prediction_lower": np.exp(pooled.log_rate - reach[1]),
        "prediction_upper": np.exp(pooled.log_rate + reach[1]),
        "method": method,
        "status": "fallback" if reason else "ok",
        "reason": reason,
    }


def _mixed(sites: pd.DataFrame) -> tuple[PooledRate, str]:
    """Return the typical rate by the mixed model, and what must be said of it.

    With nothing but intercepts its likelihood is one of each site's relapses and person-years.
    """
    number = np.arange(len(sites))
    try:
        model = fit_mixed_poisson(make_batch(sites.assign(woman=number), []), number)
    except NoSiteVariance as bound:
        relapses = float(sites["relapses"].sum())
        pooled = PooledRate(np.log(relapses / sites["person_years"].sum()), 1 / relapses, 0.0)
        return pooled, f"{bound}: one rate for all (Poisson)"
    return PooledRate(float(model.beta[0]), float(model.covariance[0, 0]), model.site_deviation**2), ""
