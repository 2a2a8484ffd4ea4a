"""Starting immunoglobulin within 30 days of delivery against no start by then, where treatment is a choice.

The arm of a pregnancy is known only when the first dose is given or the 30 days are over. So every
pregnancy stands in both arms until it leaves one of them: the other arm at a first dose in those days, the
starting arm on day 30 without one. Those who stay are weighted by the inverse of their chance to stay given
the covariates; a relapse before the first dose is not among them. No time is immortal, and relapses before
the first dose count in both arms. Source: Hernan (2018), BMJ 360:k182; Maringe, Benitez Majano, Exarchakou
and others (2020), International Journal of Epidemiology 49:1719-1729.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.periods import DAYS_PER_YEAR, LANDMARK_DAY, YEAR, Window, observation
from gravida.statistics.comparison import RateRatio
from gravida.statistics.contrasts import Contrasts
from gravida.statistics.estimators import unfitted_row
from gravida.statistics.guards import relapses_by_arm
from gravida.statistics.weighting import BY_POLICY, fit_propensity, weighted_rate_ratio

NAME = "clone_censor_weight"
STRATEGIES = "start within 30 days against no start by then"
# A weight that one pregnancy has beyond this is cut to it.
LARGEST_WEIGHT = 20.0


@dataclass(frozen=True, slots=True)
class _Followed:
    """Pregnancies that are cloned: position, woman, observed days, day of the first dose, chance of one.

    Arrays of shape (n,); `dose` is beyond the year for those without one in the 30 days, `relapses` of shape
    (n, 365) counts the relapses of each day.
    """

    position: np.ndarray
    woman: np.ndarray
    observed: Window
    dose: np.ndarray
    chance: np.ndarray
    relapses: np.ndarray


def estimate_clone_censor(contrasts: Contrasts, onsets: pd.DataFrame) -> RateRatio:
    """Return the contrast of the two strategies in the year after delivery, clustered by woman.

    The chance of a dose by day d is taken as the chance of one at all, from the propensity model, times the
    share of first doses that are given by then. Weights are taken as known, and cut at 20.

    Parameters
    ----------
    contrasts : Contrasts
        Of the outcome period.
    onsets : DataFrame
        `Cohort.onsets`.
    """
    row = unfitted_row(contrasts.primary(), "poisson", "cluster_robust")
    row = replace(row, adjusted_for="none")
    try:
        followed, adjusted_for = _follow(contrasts, onsets)
        clones = _clones(followed)
        numerator = (clones["arm"] == contrasts.settings.numerator).to_numpy()
        estimate = weighted_rate_ratio(clones, numerator, np.ones(len(clones)), contrasts.settings.confidence)
    except NotEstimable as obstacle:
        return replace(row, status=obstacle.status, reason=str(obstacle))
    total = int(followed.relapses.sum())
    return replace(
        row,
        **{name: getattr(estimate, name) for name in estimate.__slots__},
        adjusted_for=adjusted_for,
        pregnancies=followed.position.size,
        women=np.unique(followed.woman).size,
        relapses=total,
        **relapses_by_arm(clones["woman"], clones["counted"], numerator),
        reason=f"{STRATEGIES}; weights taken as known, without relapses before the first dose",
    )


def _follow(contrasts: Contrasts, onsets: pd.DataFrame) -> tuple[_Followed, str]:
    """Return the pregnancies that can be cloned, and what their chance of a dose depends on.

    Raises
    ------
    NotEstimable
        If no site by choice dates relapses and doses, or there is no propensity.
    """
    if not contrasts.choice:
        raise NotEstimable(BY_POLICY)
    if contrasts.settings.period != "postpartum_year":
        raise NotEstimable("only for the year after delivery")
    pregnancies = contrasts.pregnancies
    dose = pregnancies["first_dose_day"].astype("Float64").to_numpy(float, na_value=np.nan)
    placed = np.isfinite(dose) | (pregnancies["received"] == "untreated").to_numpy()
    dated = (pregnancies["dated"] & pregnancies["doses_dated"]).to_numpy(bool) & placed
    if not dated.any():
        raise NotEstimable("no site by choice dates its relapses and its doses")
    early = dose < LANDMARK_DAY
    started = pd.Series(np.where(early, "treated", "untreated"), index=pregnancies.index, dtype="string")
    rows = contrasts.person_time
    rows = rows[rows["pregnancy"].isin(pregnancies.index[dated])]
    rows = rows.assign(arm=started.loc[rows["pregnancy"]].to_numpy())
    propensity = fit_propensity(replace(contrasts, person_time=rows))
    position = propensity.rows["pregnancy"].to_numpy()
    day = np.where(early, dose, YEAR)[position].astype(int)
    observed = observation(pregnancies.loc[position]).within(
        Window(np.zeros_like(day), np.full_like(day, YEAR))
    )
    return (
        _Followed(
            position,
            propensity.rows["woman"].to_numpy(),
            observed,
            day,
            propensity.chance,
            _by_day(onsets, position, observed),
        ),
        ";".join(propensity.adjusted_for) or "none",
    )


def _by_day(onsets: pd.DataFrame, position: np.ndarray, observed: Window) -> np.ndarray:
    """Return the retained relapses of each pregnancy on each observed day, shape (n, 365)."""
    place = pd.Series(np.arange(position.size), index=position)
    theirs = onsets[onsets["retained"] & onsets["pregnancy"].isin(position)]
    row, day = place.loc[theirs["pregnancy"]].to_numpy(), theirs["day"].to_numpy()
    inside = (day >= observed.start[row]) & (day < observed.end[row])
    counts = np.zeros((position.size, YEAR))
    np.add.at(counts, (row[inside], day[inside]), 1)
    return counts


def _clones(followed: _Followed) -> pd.DataFrame:
    """Return one row a pregnancy and arm with its weighted relapses and person-years."""
    days = np.arange(YEAR)
    seen = (days >= followed.observed.start[:, None]) & (days < followed.observed.end[:, None])
    started = followed.dose < LANDMARK_DAY
    # The share of first doses that were given before each day.
    given = (followed.dose[started][:, None] < days).mean(axis=0)
    treated = np.where(days < LANDMARK_DAY, 1.0, started[:, None] / followed.chance[:, None])
    never = (followed.dose[:, None] >= days) / (1 - followed.chance[:, None] * given)
    parts = []
    for arm, weight in (("treated", treated), ("untreated", never)):
        weight = np.minimum(weight, LARGEST_WEIGHT) * seen
        parts.append(
            pd.DataFrame(
                {
                    "woman": followed.woman,
                    "arm": arm,
                    "relapses": (weight * followed.relapses).sum(axis=1),
                    "person_years": weight.sum(axis=1) / DAYS_PER_YEAR,
                    "counted": ((weight > 0) * followed.relapses).sum(axis=1),
                }
            )
        )
    clones = pd.concat(parts, ignore_index=True)
    return clones[clones["person_years"] > 0].reset_index(drop=True)
