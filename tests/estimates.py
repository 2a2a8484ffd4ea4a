"""Every table of estimates of a cohort, without the workflow around them."""

import pandas as pd
from gravida.cohort import Cohort
from gravida.statistics.baseline import describe_baseline
from gravida.statistics.contrasts import Contrasts, ContrastSettings
from gravida.statistics.course import estimate_course
from gravida.statistics.dispersion import measure_dispersion
from gravida.statistics.estimability import describe_estimability
from gravida.statistics.imputed import ImputationPlan
from gravida.statistics.precision import PrecisionSettings, assess_precision
from gravida.statistics.predictability import estimate_predictability
from gravida.statistics.predictors import estimate_predictors
from gravida.statistics.rate_ratios import estimate_rate_ratios
from gravida.statistics.rates import estimate_rates
from gravida.statistics.sensitivity import estimate_sensitivity
from gravida.statistics.sites import estimate_sites
from gravida.statistics.survival import SurvivalSettings, estimate_survival
from gravida.statistics.weighting import describe_balance

from tests.study import COVARIATES

PERIOD = "postpartum_year"
SETTINGS = ContrastSettings("untreated", "treated", PERIOD, 0.95, COVARIATES)


def every_table(
    cohort: Cohort, policies: dict[str, str], settings: ContrastSettings = SETTINGS, copies: int = 3
) -> dict[str, pd.DataFrame]:
    """Return the tables by name, as the workflow's scripts make them."""
    contrasts = Contrasts(cohort.pregnancies, cohort.person_time, policies, settings)
    plan = ImputationPlan(copies, 20191111)
    rate_ratios = estimate_rate_ratios(contrasts)
    survival = estimate_survival(
        cohort.pregnancies,
        cohort.onsets,
        policies,
        SurvivalSettings(settings.numerator, settings.denominator, settings.confidence),
        contrasts.verdict,
    )
    return {
        "attrition": cohort.attrition,
        "balance": describe_balance(contrasts),
        "baseline": describe_baseline(cohort.pregnancies),
        "dispersion": measure_dispersion(cohort.person_time),
        "estimability": describe_estimability(contrasts),
        "identifiability": contrasts.verdict.sites,
        "longitudinal": estimate_course(contrasts),
        "precision": assess_precision(
            contrasts, rate_ratios, PrecisionSettings(settings.confidence, 0.8, (1.409, 1.5), 1.25, plan.seed)
        ),
        "predictability": estimate_predictability(contrasts, plan.seed),
        "predictors": estimate_predictors(contrasts, cohort.onsets, plan),
        "rate_ratios": rate_ratios,
        "relapse_free": survival.relapse_free,
        "relapse_rates": estimate_rates(cohort.person_time, settings.confidence),
        "risk_difference": survival.risk_difference,
        "sensitivity": estimate_sensitivity(contrasts, cohort.onsets, plan),
        "sites": estimate_sites(cohort.person_time, policies, settings.period, settings.confidence),
        "time_to_relapse": survival.time_to_relapse,
    }
