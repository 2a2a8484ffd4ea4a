"""Women, their deliveries on the calendar, and the days on which each pregnancy is observed.

Arrays are aligned, one element a pregnancy, sorted by woman and time. Calendar days count from 1970-01-01;
all other days are relative to the delivery.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from gravida.errors import ConfigurationError
from gravida.periods import DAYS_PER_YEAR, DEFAULT_GESTATION_DAYS, YEAR
from gravida.synthetic.design import RegistryDesign, SiteDesign

NEVER = np.iinfo(np.int64).max
FOLLOW_UP_FLOOR = 30
CONCEPTION_HORIZON = 730
LONGEST_GESTATION = 300
USUAL_LIMIT = 4


@dataclass(frozen=True, slots=True)
class Timeline:
    """Dates of n pregnancies.

    ``woman`` and ``rank`` number the women and each woman's pregnancies from 0; ``delivery`` and
    ``diagnosed`` are calendar days; ``gestation`` is in days, 280 where not ``gestation_stated``; ``age`` is
    in years; ``next_conception`` is the day of the next pregnancy's LMP, `NEVER` where there is none.
    """

    woman: np.ndarray
    rank: np.ndarray
    delivery: np.ndarray
    gestation: np.ndarray
    gestation_stated: np.ndarray
    diagnosed: np.ndarray
    age: np.ndarray
    next_conception: np.ndarray

    @property
    def delivery_year(self) -> np.ndarray:
        """Calendar year of each delivery."""
        return calendar_year(self.delivery)


@dataclass(frozen=True, slots=True)
class Observation:
    """Observed days of n pregnancies: ``start <= day < end``, with the day that follow-up alone ended."""

    start: np.ndarray
    end: np.ndarray
    observed_to: np.ndarray


def calendar_day(day: date) -> int:
    """Return the number of days from 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def calendar_year(day: np.ndarray) -> np.ndarray:
    """Return the year of calendar days."""
    return day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


def draw_timeline(design: RegistryDesign, site: SiteDesign, rng: np.random.Generator) -> Timeline:
    """Draw the women and deliveries of a site.

    Every woman has one pregnancy; the others fall on women at random, up to four each or what the design
    needs. Age at the first delivery is normal (31.3, SD 4.1, kept in 18 to 46); the years from diagnosis to
    it are gamma (mean 6, SD 4.2).

    Raises
    ------
    ConfigurationError
        If the pregnancies of so few women do not fit between the first year and the data cut.
    """
    women, n = site.number_of_women, site.pregnancies
    woman = _pregnancies_of_women(design, site, rng)
    first = np.searchsorted(woman, np.arange(women))
    rank = np.arange(n) - first[woman]
    stated = rng.random(n) >= design.missing.get("gestation_days", 0.0)
    gestation = np.clip(np.rint(rng.normal(275, 12, n)), 154, LONGEST_GESTATION).astype(np.int64)
    gestation = np.where(stated, gestation, DEFAULT_GESTATION_DAYS)
    interval = _intervals(design, rng, rank, gestation, woman)
    elapsed = _sum_within(np.where(rank > 0, interval + gestation, 0), first, woman)
    opening, room = _calendar(design)
    last_elapsed = elapsed[np.append(first[1:], n) - 1]
    first_delivery = opening + np.floor(rng.random(women) * (room - last_elapsed + 1)).astype(np.int64)
    age = np.clip(rng.normal(31.3, 4.1, women), 18, 46)
    duration = np.minimum(rng.gamma(2.0, 3.0, women), age - 12)
    diagnosed = first_delivery - np.maximum(np.ceil(duration * DAYS_PER_YEAR), 1).astype(np.int64)
    delivery = first_delivery[woman] + elapsed
    return Timeline(
        woman=woman,
        rank=rank,
        delivery=delivery,
        gestation=gestation,
        gestation_stated=stated,
        diagnosed=diagnosed[woman],
        age=np.round(np.minimum(age[woman] + elapsed / DAYS_PER_YEAR, 56), 1),
        next_conception=_next_conceptions(design, rng, rank, interval, delivery),
    )


def draw_observation(design: RegistryDesign, timeline: Timeline, rng: np.random.Generator) -> Observation:
    """Draw the observed days of each pregnancy.

    Observation starts 365 or 730 days before the LMP, but not before the diagnosis, nor before the woman's
    previous pregnancy was left: no day of a woman is observed twice.
    """
    n = timeline.delivery.size
    lmp = -timeline.gestation
    until_cut = calendar_day(design.data_cut) - timeline.delivery
    complete = np.minimum(YEAR, until_cut)
    lost = rng.random(n) < design.lost_to_follow_up
    observed_to = np.where(lost, np.minimum(rng.integers(FOLLOW_UP_FLOOR, YEAR, n), complete), complete)
    end = np.minimum(observed_to, timeline.next_conception)
    wanted = lmp - np.where(rng.random(n) < design.two_years_before, 2 * YEAR, YEAR)
    previous_end = np.where(
        timeline.rank > 0, np.roll(timeline.delivery + end, 1), np.iinfo(np.int64).min // 2
    )
    earliest = np.maximum(timeline.diagnosed, previous_end) - timeline.delivery
    return Observation(np.maximum(wanted, earliest), end, observed_to)


def _calendar(design: RegistryDesign) -> tuple[int, int]:
    """Return the first possible calendar day of a delivery and the days from it to the last possible one."""
    opening = calendar_day(date(design.first_year, 1, 1))
    closing = min(
        calendar_day(date(design.last_year, 12, 31)), calendar_day(design.data_cut) - FOLLOW_UP_FLOOR
    )
    if closing < opening:
        raise ConfigurationError("synthetic registry: no delivery fits between first_year and data_cut")
    return opening, closing - opening


def _pregnancies_of_women(design: RegistryDesign, site: SiteDesign, rng: np.random.Generator) -> np.ndarray:
    """Return the woman of each pregnancy, sorted; every woman has one or more."""
    women, n = site.number_of_women, site.pregnancies
    needed = -(-n // women)
    possible = 1 + _calendar(design)[1] // (design.shortest_interval + LONGEST_GESTATION)
    if needed > possible:
        raise ConfigurationError(
            f"synthetic site {site.name}: the years hold {possible} pregnancies of a woman, not {needed}"
        )
    further = min(possible, max(needed, USUAL_LIMIT)) - 1
    others = rng.choice(women * further, n - women, replace=False) % women
    return np.sort(np.concatenate([np.arange(women), others]))


def _intervals(
    design: RegistryDesign,
    rng: np.random.Generator,
    rank: np.ndarray,
    gestation: np.ndarray,
    woman: np.ndarray,
) -> np.ndarray:
    """Return the days from the previous delivery to this conception (0 for a first pregnancy).

    A woman whose pregnancies would not fit into the study's years has her waiting times shortened.
    """
    n, shortest, later = rank.size, design.shortest_interval, rank > 0
    soon = (rng.random(n) < design.conceives_again) & (shortest < YEAR)
    wait = np.where(
        soon, rng.uniform(min(shortest, YEAR), YEAR, n), max(YEAR, shortest) + rng.exponential(500, n)
    )
    least = np.bincount(woman, weights=np.where(later, shortest + gestation, 0))
    spare = np.bincount(woman, weights=np.where(later, wait - shortest, 0))
    shrink = np.minimum(1.0, (_calendar(design)[1] - least) / np.maximum(spare, 1.0))
    return np.where(later, shortest + np.floor((wait - shortest) * shrink[woman]), 0).astype(np.int64)


def _sum_within(value: np.ndarray, first: np.ndarray, woman: np.ndarray) -> np.ndarray:
    """Return the running sum of `value` within each woman."""
    total = np.cumsum(value)
    return total - (total[first] - value[first])[woman]


def _next_conceptions(
    design: RegistryDesign,
    rng: np.random.Generator,
    rank: np.ndarray,
    interval: np.ndarray,
    delivery: np.ndarray,
) -> np.ndarray:
    """Return the day of the next conception: the next row's, or for a last row a loss not in the registry."""
    n = rank.size
    followed = np.append(rank[1:] > 0, False)
    soon = (rng.random(n) < design.conceives_again) & (design.shortest_interval < YEAR)
    lost = np.where(soon, rng.integers(min(design.shortest_interval, YEAR - 1), YEAR, n), NEVER)
    day = np.where(followed, np.append(interval[1:], 0), lost)
    known = (day <= CONCEPTION_HORIZON) & (day < calendar_day(design.data_cut) - delivery)
    return np.where(known, day, NEVER)
