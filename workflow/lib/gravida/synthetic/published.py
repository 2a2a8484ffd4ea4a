"""The shipped registry: two sites constructed so that the primary analysis prints a published summary.

The summary is that of Mult Scler Relat Disord 2020;38:101519: 132 pregnancies of 112 women, age 31.70 (4.10)
years, disease duration 6.34 (4.33) years, rate ratio 1.409 (0.764 to 2.598), p = 0.272. The split of the
42 relapses, 19 in 71 treated and 23 in 61 untreated pregnancies, is inferred from the printed rates
(0.27 and 0.38) and their ratio.
"""

import math
from dataclasses import replace
from datetime import date
from statistics import NormalDist

import numpy as np
import pandas as pd

from gravida.errors import NotConverged
from gravida.periods import DAYS_PER_YEAR
from gravida.synthetic.design import MISSING, RegistryDesign, SiteDesign
from gravida.synthetic.generate import site_generator
from gravida.synthetic.layout import assemble
from gravida.synthetic.relapses import POSTPARTUM, draw_counts, draw_course, place_onsets
from gravida.synthetic.timeline import Timeline, calendar_day, calendar_year, draw_observation, draw_timeline
from schemas.submission import TABLES

SEED = 20191200
TREATED = SiteDesign("treats_all", "all", pregnancies=71, women=60)
UNTREATED = SiteDesign("treats_none", "none", pregnancies=61, women=52)
# Pregnancies with 0, 1, 2 and 3 postpartum relapses: together 100, 24, 6 and 2.
POSTPARTUM_COUNTS = {"treats_all": (55, 13, 3, 0), "treats_none": (45, 11, 3, 2)}
RATES = {
    "second_year_before": 0.45,
    "pre_pregnancy_year": 0.52,
    "trimester_1": 0.38,
    "trimester_2": 0.27,
    "trimester_3": 0.13,
    "postpartum_q1": 0.64,
    "postpartum_q2": 0.27,
    "postpartum_q3": 0.19,
    "postpartum_q4": 0.18,
}
PRINTED = ("1.409", "0.764", "2.598", "0.272")
AGE = (31.70, 4.10)
DURATION = (6.34, 4.33)
HALF_YEAR = 182
NB_PARAMETERS = 3
STEPS = 20_000
CLOSE = 0.003


def published_design(seed: int = SEED) -> RegistryDesign:
    """Return the design of the shipped registry; every pregnancy is observed for the whole year after it."""
    return RegistryDesign(
        sites=(TREATED, UNTREATED),
        seed=seed,
        rate_ratio=1.0,
        rates=RATES,
        first_year=2008,
        last_year=2017,
        data_cut=date(2019, 6, 30),
        lost_to_follow_up=0.0,
        conceives_again=0.0,
        shortest_interval=731,
        missing={**MISSING, "ms_diagnosis_year": 0.0},
    )


def published_registry(seed: int = SEED) -> dict[str, dict[str, pd.DataFrame]]:
    """Construct the shipped registry: site, then table, in the contract's columns and order.

    Raises
    ------
    NotConverged
        If the search from this seed does not reach the published summary.
    """
    design = published_design(seed)
    rngs = {site.name: site_generator(seed, site.name) for site in design.sites}
    timelines = {site.name: draw_timeline(design, site, rngs[site.name]) for site in design.sites}
    search = site_generator(seed, "search")
    timelines = match_durations(match_ages(timelines), search)
    counts = arrange_counts(timelines, search)
    registry = {}
    for site in design.sites:
        rng, timeline = rngs[site.name], timelines[site.name]
        observation = draw_observation(design, timeline, rng)
        ivig = np.full(site.pregnancies, site.policy == "all")
        course = draw_course(design, site, timeline, observation, ivig, rng)
        periods = draw_counts(course, rng)
        periods[:, POSTPARTUM] = counts[site.name]
        onsets = place_onsets(course, periods, rng)
        tables = assemble(design, site, timeline, observation, ivig, onsets, rng)
        # All four tables of the contract, to show them: one without rows says that nothing occurred.
        registry[site.name] = {
            name: tables.get(name, pd.DataFrame(columns=list(schema.columns)))
            for name, schema in TABLES.items()
        }
    return registry


def match_ages(timelines: dict[str, Timeline]) -> dict[str, Timeline]:
    """Shift and stretch the women's ages so that mean and SD over all deliveries print as published.

    Ages at a woman's later deliveries keep their distance in time, so only her first one is stretched.
    """
    parts = list(timelines.values())
    first = np.concatenate([part.age[part.rank == 0][part.woman] for part in parts])
    since = np.concatenate([_years_since_first(part) for part in parts])
    mean, sd = AGE
    spread = np.cov(first, since)
    # sd^2 = b^2 var(first) + 2 b cov + var(since)
    half = spread[0, 1] / spread[0, 0]
    stretch = -half + math.sqrt(half**2 + (sd**2 - spread[1, 1]) / spread[0, 0])
    stretched = stretch * first + since
    for rounding in np.linspace(0.999, 1.001, 41):
        age = np.round(mean + rounding * (stretched - stretched.mean()), 1)
        if _prints(age, AGE):
            return _split(timelines, "age", age)
    raise NotConverged("the ages of the shipped registry cannot be rounded to the published summary")


def match_durations(timelines: dict[str, Timeline], rng: np.random.Generator) -> dict[str, Timeline]:
    """Move years of diagnosis until the mean and SD of disease duration print as published.

    The diagnosis is then taken to be in the middle of its year, and before the woman's first pregnancy.
    """
    parts = list(timelines.values())
    delivered = np.concatenate([part.delivery_year for part in parts])
    offsets = np.cumsum([0] + [part.woman.max() + 1 for part in parts[:-1]])
    woman = np.concatenate([part.woman + offset for part, offset in zip(parts, offsets, strict=True)])
    first = np.searchsorted(woman, np.arange(woman.max() + 1))
    lmp = np.concatenate([part.delivery - part.gestation for part in parts])[first]
    latest = calendar_year(lmp - HALF_YEAR)
    year = np.minimum(calendar_year(np.concatenate([part.diagnosed for part in parts])[first]), latest)
    for _ in range(STEPS):
        if _prints(delivered - year[woman], DURATION):
            middle = np.array([calendar_day(date(int(y), 7, 1)) for y in year])
            return _split(timelines, "diagnosed", middle[woman])
        moved = year.copy()
        one = rng.integers(year.size)
        moved[one] = min(moved[one] + rng.choice([-1, 1]), latest[one])
        if _distance(delivered - moved[woman], DURATION) <= _distance(delivered - year[woman], DURATION):
            year = moved
    raise NotConverged("the disease durations of the shipped registry do not reach the published summary")


def arrange_counts(timelines: dict[str, Timeline], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Give each pregnancy its postpartum relapses so that the clustered interval prints as published.

    Counts change places within a site, at random, whenever that brings the standard error closer, or leaves
    it close: the steps between attainable errors are wider than the rounding.
    """
    counts = {name: rng.permutation(np.repeat(np.arange(4), POSTPARTUM_COUNTS[name])) for name in timelines}
    woman = {name: timeline.woman for name, timeline in timelines.items()}
    target = math.log(float(PRINTED[2]) / float(PRINTED[1])) / (2 * NormalDist().inv_cdf(0.975))
    error = clustered_error(counts, woman)
    for _ in range(STEPS):
        if printed_contrast(counts, error) == PRINTED:
            return counts
        name = str(rng.choice(list(counts)))
        one, two = rng.integers(counts[name].size, size=2)
        changed = counts[name].copy()
        changed[[one, two]] = changed[[two, one]]
        tried = {**counts, name: changed}
        if abs(clustered_error(tried, woman) - target) < max(abs(error - target), CLOSE):
            counts, error = tried, clustered_error(tried, woman)
    raise NotConverged("no arrangement of the shipped registry's relapses prints the published interval")


def clustered_error(counts: dict[str, np.ndarray], woman: dict[str, np.ndarray]) -> float:
    """Return the standard error of the log rate ratio between two arms, clustered by woman.

    In a model with one mean an arm, mu, and equal person-time, the observed information between mu and the
    dispersion of a negative binomial is a sum of residuals y - mu over the arm: zero. So the joint sandwich
    needs no dispersion: an arm adds the squared residual sums of its women over its squared relapses.
    """
    n, groups = sum(y.size for y in counts.values()), sum(w.max() + 1 for w in woman.values())
    correction = groups / (groups - 1) * (n - 1) / (n - NB_PARAMETERS)
    variance = 0.0
    for name, y in counts.items():
        residual = np.bincount(woman[name], weights=y - y.mean())
        variance += float((residual**2).sum()) / float(y.sum()) ** 2
    return math.sqrt(correction * variance)


def printed_contrast(counts: dict[str, np.ndarray], error: float) -> tuple[str, str, str, str]:
    """Return rate ratio (untreated over treated), 95% Wald limits and p to three decimals."""
    log_ratio = math.log(counts["treats_none"].mean() / counts["treats_all"].mean())
    reach = NormalDist().inv_cdf(0.975) * error
    p_value = math.erfc(abs(log_ratio) / error / math.sqrt(2))
    numbers = (math.exp(log_ratio), math.exp(log_ratio - reach), math.exp(log_ratio + reach), p_value)
    return tuple(f"{number:.3f}" for number in numbers)


def _years_since_first(timeline: Timeline) -> np.ndarray:
    return (timeline.delivery - timeline.delivery[timeline.rank == 0][timeline.woman]) / DAYS_PER_YEAR


def _prints(value: np.ndarray, mean_and_sd: tuple[float, float]) -> bool:
    mean, sd = mean_and_sd
    return f"{value.mean():.2f}" == f"{mean:.2f}" and f"{value.std(ddof=1):.2f}" == f"{sd:.2f}"


def _distance(value: np.ndarray, mean_and_sd: tuple[float, float]) -> float:
    return abs(value.mean() - mean_and_sd[0]) + abs(value.std(ddof=1) - mean_and_sd[1])


def _split(timelines: dict[str, Timeline], field: str, values: np.ndarray) -> dict[str, Timeline]:
    """Return the timelines with one field replaced by its share of `values`, site after site."""
    cuts = np.cumsum([timeline.woman.size for timeline in timelines.values()])[:-1]
    parts = zip(timelines.items(), np.split(values, cuts), strict=True)
    return {name: replace(timeline, **{field: part}) for (name, timeline), part in parts}
