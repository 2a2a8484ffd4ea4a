"""Random small registries, and the tables with counts that a study makes of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from gravida.cohort import Cohort, CohortSettings, SiteRows, whole_cohort
from gravida.statistics.baseline import describe_baseline
from gravida.statistics.contrasts import Contrasts, ContrastSettings
from gravida.statistics.course import estimate_course
from gravida.statistics.dispersion import measure_dispersion
from gravida.statistics.doses import describe_doses
from gravida.statistics.precision import PrecisionSettings, assess_precision
from gravida.statistics.rate_ratios import estimate_rate_ratios
from gravida.statistics.rates import estimate_rates
from gravida.statistics.safety import tabulate_safety
from gravida.statistics.sites import estimate_sites
from gravida.statistics.survival import SurvivalSettings, estimate_survival
from gravida.synthetic.design import RegistryDesign, SiteDesign
from gravida.synthetic.generate import generate

from tests.study import SEPARATION
from tests.unit.cohorts import CLASSES

CONFIDENCE = 0.95
PLAN = ContrastSettings("untreated", "treated", "postpartum_year", CONFIDENCE, ())
NAMES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")


@dataclass(frozen=True, slots=True)
class Registry:
    """A drawn registry: its cohort, each site's policy, and what the sites sent of events and doses."""

    cohort: Cohort
    policies: dict[str, str]
    adverse_events: dict[str, pd.DataFrame]
    infusions: dict[str, pd.DataFrame]


def draw_registry(seed: int, joining: SiteDesign | None = None, joined: bool = True) -> Registry:
    """Draw 2 to 6 sites of 15 to 80 pregnancies, most with few relapses; one more may join them.

    Policies are mixed, in every third registry without any site by choice, so that sites of one policy are
    one arm. A quarter of the sites do not date their relapses, and some send no infusions or adverse events.
    In every fourth registry one to three pregnancies of a site were not observed after delivery.
    """
    rng = np.random.default_rng((20240607, seed))
    policies = ("all", "none") if seed % 3 == 0 else ("all", "none", "individual")
    sites = tuple(
        SiteDesign(
            name,
            policies[number] if number < 2 else str(rng.choice(policies)),
            int(rng.integers(15, 81)),
            treated_share=float(rng.uniform(0.2, 0.8)),
            rate_effect=float(rng.uniform(-1.6, 0.1)),
            dated=bool(rng.random() < 0.75),
        )
        for number, name in enumerate(NAMES[: rng.integers(2, 7)])
    )
    sites += (joining,) if joining else ()
    drawn = generate(RegistryDesign(sites, seed=seed, alpha=float(rng.choice([0.0, 0.7, 1.5]))))
    if not joined:
        sites = sites[:-1]
        drawn = {site.name: drawn[site.name] for site in sites}
    silent = {name: (rng.random() < 0.15, rng.random() < 0.15) for name in drawn}
    if seed % 4 == 1:
        _lose_sight(drawn[sites[int(rng.integers(2))].name], int(rng.integers(1, 4)))
    rows = [
        SiteRows(site.name, site.policy, *(drawn[site.name].get(table) for table in TABLES)) for site in sites
    ]
    return Registry(
        whole_cohort(rows, CLASSES, CohortSettings("received", SEPARATION)),
        {site.name: site.policy for site in sites},
        {n: t["adverse_events"] for n, t in drawn.items() if "adverse_events" in t and not silent[n][0]},
        {n: t["infusions"] for n, t in drawn.items() if "infusions" in t and not silent[n][1]},
    )


TABLES = ("pregnancies", "relapses", "infusions")


def _lose_sight(tables: dict[str, pd.DataFrame], number: int) -> None:
    """Let nobody have seen the last few women of a site from their delivery on."""
    rows = tables["pregnancies"]
    lost = rows.index[-number:]
    rows.loc[lost, ["observed_to_day", "relapses_post_year"]] = 0
    rows.loc[lost, "next_conception_day"] = pd.NA


def internal_tables(registry: Registry, min_women: int) -> dict[str, pd.DataFrame]:
    """Return the unprotected tables that count women, pregnancies or relapses, as the workflow makes them."""
    cohort, policies = registry.cohort, registry.policies
    contrasts = Contrasts(cohort.pregnancies, cohort.person_time, policies, PLAN)
    rate_ratios = estimate_rate_ratios(contrasts)
    survival = estimate_survival(
        cohort.pregnancies,
        cohort.onsets,
        policies,
        SurvivalSettings(PLAN.numerator, PLAN.denominator, CONFIDENCE),
        contrasts.verdict,
    )
    return {
        "attrition": cohort.attrition,
        "baseline": describe_baseline(cohort.pregnancies),
        "dispersion": measure_dispersion(cohort.person_time, min_women),
        "doses": describe_doses(cohort.pregnancies, registry.infusions, min_women),
        "identifiability": contrasts.verdict.sites,
        "longitudinal": estimate_course(contrasts),
        "precision": assess_precision(
            contrasts, rate_ratios, PrecisionSettings(CONFIDENCE, 0.8, (1.409, 1.5), 1.25, 20191111)
        ),
        "rate_ratios": rate_ratios,
        "relapse_free": survival.relapse_free,
        "relapse_rates": estimate_rates(cohort.person_time, CONFIDENCE),
        "risk_difference": survival.risk_difference,
        "safety": tabulate_safety(
            cohort.pregnancies, registry.adverse_events, registry.infusions, CONFIDENCE
        ),
        "sites": estimate_sites(cohort.person_time, policies, PLAN.period, CONFIDENCE),
        "time_to_relapse": survival.time_to_relapse,
    }
