"""The data of a simulated study: person-time drawn once a scenario, relapses drawn for each replicate."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gravida.calibration.scenarios import RATE_BEFORE, SHARED, Scenario
from gravida.periods import DAYS_PER_YEAR, Window, period_windows
from gravida.synthetic.design import RegistryDesign, SiteDesign
from gravida.synthetic.generate import draw_treatment, site_generator
from gravida.synthetic.timeline import Timeline, draw_observation, draw_timeline

BEFORE = "pre_pregnancy_year"
AFTER = "postpartum_year"


@dataclass(frozen=True, slots=True)
class Frame:
    """What all replicates of a scenario share.

    Attributes
    ----------
    scenario : Scenario
    person_time : DataFrame
        As the cohort's, without arm and relapses: site, woman, pregnancy, period (the year before and the
        year after), person_years.
    site, woman : ndarray of int, shape (n,)
        Site and woman of each of n pregnancies, numbered from 0.
    """

    scenario: Scenario
    person_time: pd.DataFrame
    site: np.ndarray
    woman: np.ndarray


def draw_frame(scenario: Scenario, seed: int) -> Frame:
    """Draw who is observed for how long, as the generator of synthetic registries does.

    A woman has one pregnancy or two. Follow-up ends early in some, a next conception in others, and MS that
    is diagnosed late, or a pregnancy shortly before, cuts the year before. A site of the same name has the
    same person-time in every scenario.
    """
    design = RegistryDesign(scenario.sites, seed=seed)
    parts, women, pregnancies = [], [], 0
    for number, site in enumerate(scenario.sites):
        rng = site_generator(seed, site.name)
        timeline = _draw_timeline(design, site, rng)
        seen = draw_observation(design, timeline, rng)
        observed, windows = Window(seen.start, seen.end), period_windows(timeline.gestation)
        woman = timeline.woman + sum(other.number_of_women for other in scenario.sites[:number])
        for period in (BEFORE, AFTER):
            days = windows[period].days_within(observed)
            rows = {"site": site.name, "woman": woman, "pregnancy": pregnancies + np.arange(woman.size)}
            part = pd.DataFrame({**rows, "period": period, "person_years": days / DAYS_PER_YEAR})
            parts.append(part[days > 0])
        women.append(woman)
        pregnancies += woman.size
    sites = np.repeat(np.arange(len(women)), [woman.size for woman in women])
    return Frame(scenario, pd.concat(parts, ignore_index=True), sites, np.concatenate(women))


def _draw_timeline(design: RegistryDesign, site: SiteDesign, rng: np.random.Generator) -> Timeline:
    """Draw the site's pregnancies again until no woman has more than two."""
    while True:
        timeline = draw_timeline(design, site, rng)
        if timeline.rank.max() <= 1:
            return timeline


def draw_person_time(frame: Frame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw one replicate: the frame's person-time with arm and relapses.

    Arms follow the sites' policies; where treatment is a choice half of the pregnancies are treated, at
    random. Counts are Poisson given the frailty, which a pregnancy has in the year before and in the year
    after.
    """
    scenario, rows = frame.scenario, frame.person_time
    treated = np.concatenate([draw_treatment(site, rng) for site in scenario.sites])
    frailty = draw_frailty(scenario.alpha, frame.woman, rng)
    shock = rng.normal(0.0, scenario.shock, len(scenario.sites))[frame.site]
    after = np.where(treated, scenario.rates["treated"], scenario.rates["untreated"]) * np.exp(shock)
    pregnancy = rows["pregnancy"].to_numpy()
    rate = np.where(rows["period"] == AFTER, after[pregnancy], RATE_BEFORE) * frailty[pregnancy]
    arm = np.where(treated, "treated", "untreated")[pregnancy]
    return rows.assign(arm=arm, relapses=rng.poisson(rate * rows["person_years"].to_numpy()))


def draw_frailty(alpha: float, woman: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw gamma frailties of mean 1 and variance alpha, shape (n,).

    Each is the sum of two independent gamma variables of one scale: one of the woman, with `SHARED` of mean
    and variance, and one of the pregnancy. So a single count is exactly negative binomial (variance
    ``mu + alpha mu^2``), and the frailties of a woman's pregnancies have correlation `SHARED`.

    Parameters
    ----------
    alpha : float
        0 gives 1 for everyone: Poisson counts.
    woman : ndarray of int, shape (n,)
        Number of the woman, from 0.
    """
    if alpha == 0:
        return np.ones(woman.size)
    hers = rng.gamma(SHARED / alpha, alpha, woman.max() + 1)[woman]
    return hers + rng.gamma((1 - SHARED) / alpha, alpha, woman.size)


def chunk_generator(seed: int, place: int, number: int) -> np.random.Generator:
    """Return the random numbers of one chunk of replicates of the scenario at this place."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, place, number))))
