"""How often do women relapse: annualized relapse rates by arm, site and period."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.models.counts import fit_poisson
from gravida.models.exact import garwood
from gravida.models.inference import wald
from gravida.periods import PERIODS
from gravida.person_time import of_period
from gravida.statistics.design import make_batch
from gravida.statistics.guards import relapsed_women

# A clustered error this small says that all women have one rate, not how women differ.
SAME_RATE = 1e-9
# What the rates are of: group, arm and site.
Group = tuple[str, str, str]
COLUMNS = [
    "group",
    "arm",
    "site",
    "period",
    "pregnancies",
    "women",
    "relapses",
    "women_with_relapse",
    "relapses_most",
    "person_years",
    "rate",
    "lower",
    "upper",
    "robust_lower",
    "robust_upper",
]


def estimate_rates(person_time: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return the rates of every arm, every site and every period.

    A rate is a sum of relapses over a sum of person-years, never a mean of women's rates. `lower` and `upper`
    are Garwood's exact limits; `robust_lower` and `robust_upper` are Wald limits on the log scale from an
    intercept-only Poisson model clustered by woman (CR1S), empty without a relapse, with one woman, or where
    all women have one rate. `women_with_relapse` and `relapses_most`, the most relapses of one woman, are for
    the release gate.

    Parameters
    ----------
    person_time : DataFrame
        `Cohort.person_time`.
    confidence : float
        Coverage of the limits.
    """
    sites = sorted(person_time["site"].unique())
    rates: dict[Group, list[tuple]] = {}
    for period in PERIODS:
        for group, rows in _groups(of_period(person_time, period), sites):
            rates.setdefault(group, []).append((*group, period, *_rate(rows, confidence)))
    return pd.DataFrame([row for rows in rates.values() for row in rows], columns=COLUMNS)


def _groups(rows: pd.DataFrame, sites: Sequence[str]) -> Iterator[tuple[Group, pd.DataFrame]]:
    """Yield each group and its rows."""
    for arm in ("treated", "untreated"):
        yield ("arm", arm, "all"), rows[(rows["arm"] == arm).to_numpy(bool)]
    yield ("arm", "all", "all"), rows
    where = pd.Index(sites).get_indexer(rows["site"])
    order = np.argsort(where, kind="stable")
    for site, theirs in zip(
        sites, np.split(order, np.cumsum(np.bincount(where, minlength=len(sites)))[:-1]), strict=True
    ):
        yield ("site", "all", site), rows.iloc[theirs]


def _rate(rows: pd.DataFrame, confidence: float) -> tuple:
    """Return counts, rate and limits of some pregnancies in one period."""
    women, relapses = rows["woman"].nunique(), int(rows["relapses"].sum())
    years = float(rows["person_years"].sum())
    if not len(rows):
        return (0, 0, 0, 0, 0, 0.0, *[None] * 5)
    lower, upper = garwood([relapses], [years], confidence)
    robust = _robust_limits(rows, confidence)
    theirs = relapsed_women(rows["woman"], rows["relapses"])
    sizes = (len(rows), women, relapses, *theirs.values(), years)
    return (*sizes, relapses / years, float(lower[0]), float(upper[0]), *robust)


def _robust_limits(rows: pd.DataFrame, confidence: float) -> tuple[float | None, float | None]:
    try:
        model = fit_poisson([make_batch(rows, [])])
        variance = float(model.clustered_covariance()[0, 0])
        rate = wald(model.beta[0], variance, confidence)
    except NotEstimable:
        return None, None
    return (None, None) if variance < SAME_RATE**2 else (rate.lower, rate.upper)
