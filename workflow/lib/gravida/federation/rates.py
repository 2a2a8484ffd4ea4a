"""Annualized relapse rates by arm, site and period, of rows at hand and of centres that keep theirs."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.federation.pool import Pool
from gravida.federation.questions import Which
from gravida.federation.tabulation import MOST, one_rate, tabulate, tabulation
from gravida.models.exact import garwood
from gravida.models.inference import wald
from gravida.periods import PERIODS
from gravida.statistics.rates import COLUMNS

ARMS = ("treated", "untreated", "all")


def pool_rates(pool: Pool, confidence: float) -> pd.DataFrame:
    """Return the table of `statistics.rates.estimate_rates`, from counts and sums of squares.

    Parameters
    ----------
    pool : Pool
    confidence : float
        Coverage of the limits.

    Raises
    ------
    Awaiting, Refused
        As `Pool.ask`.
    """
    pool.ask(*(tabulation(Which((period,))) for period in PERIODS))
    counted = {period: tabulate(pool, Which((period,))) for period in PERIODS}
    rows = [
        ("arm", arm, "all", period, *_rate(counts.of(arm), confidence))
        for arm in ARMS
        for period, counts in counted.items()
    ]
    rows += [
        ("site", "all", site, period, *_rate(counts.arms.loc[(site, "all")], confidence))
        for site in pool.sites
        for period, counts in counted.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rate(it: pd.Series, confidence: float) -> Iterator[object]:
    """Yield counts, rate and limits of some pregnancies in one period."""
    yield from (int(it[name]) for name in ("pregnancies", "women", "relapses", "women_with_relapse", MOST))
    yield float(it["person_years"])
    if not it["pregnancies"]:
        yield from [None] * 5
        return
    lower, upper = garwood([it["relapses"]], [it["person_years"]], confidence)
    yield it["relapses"] / it["person_years"]
    yield from (float(lower[0]), float(upper[0]))
    yield from _robust_limits(it, confidence)


def _robust_limits(it: pd.Series, confidence: float) -> tuple[float | None, float | None]:
    """Return limits by the spread of the women's relapses about one rate (CR1S)."""
    women, relapses = it["women"], it["relapses"]
    if women < 2 or not relapses or one_rate(it):
        return None, None
    rate = relapses / it["person_years"]
    spread = it["relapses_squared"] - 2 * rate * it["relapses_years"] + rate**2 * it["years_squared"]
    variance = women / (women - 1) * spread / relapses**2
    try:
        limits = wald(float(np.log(rate)), float(variance), confidence)
    except NotEstimable:
        return None, None
    return limits.lower, limits.upper
