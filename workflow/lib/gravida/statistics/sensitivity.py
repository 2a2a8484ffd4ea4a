"""Does the answer hold: the primary contrast under other choices, one row each."""

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from gravida.models.clustered import MANY_WOMEN
from gravida.statistics import identifiability as design_of
from gravida.statistics.clone_censor import NAME as CLONE_CENSOR
from gravida.statistics.clone_censor import estimate_clone_censor
from gravida.statistics.comparison import Comparison, RateRatio
from gravida.statistics.contrasts import Contrasts, joined
from gravida.statistics.estimators import estimate_row, primary_row, unfitted_row
from gravida.statistics.imputed import ImputationPlan, imputed_contrasts
from gravida.statistics.scenarios import Scenario, scenarios, without_site

COLUMNS = [
    *("scenario", "rate_ratio", "lower", "upper", "p_value", "pregnancies", "women"),
    *("women_numerator", "women_denominator", "relapses", "relapses_numerator", "relapses_denominator"),
    *("women_with_relapse_numerator", "women_with_relapse_denominator"),
    *("relapses_most_numerator", "relapses_most_denominator"),
    *("model", "covariance", "adjusted_for", "status", "reason"),
]
# Adjustment for it and the difference-in-differences bracket the effect: both are always shown.
PRE_YEAR = "relapses_pre_year"


def estimate_sensitivity(
    contrasts: Contrasts, onsets: pd.DataFrame, imputation: ImputationPlan
) -> pd.DataFrame:
    """Repeat the primary analysis under each scenario of the plan.

    Parameters
    ----------
    contrasts : Contrasts
        Of the outcome period.
    onsets : DataFrame
        `Cohort.onsets`.
    imputation : ImputationPlan
        Of missing covariates.
    """
    rows = [_row("primary", contrasts, contrasts.primary())]
    rows += [_of_scenario(scenario) for scenario in scenarios(contrasts, onsets)]
    rows.append(_as_dict(CLONE_CENSOR, estimate_clone_censor(contrasts, onsets)))
    rows += [_row(name, contrasts, *adjusted) for name, *adjusted in _covariates(contrasts)]
    rows += [_as_dict(name, row) for name, row in imputed_contrasts(contrasts, imputation)]
    rows += list(_without_sites(contrasts))
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def _of_scenario(scenario: Scenario) -> dict:
    primary = scenario.contrasts.primary()
    primary = replace(primary, note=joined(scenario.note, primary.note))
    if scenario.obstacle:
        row = unfitted_row(primary, "negative_binomial", "cluster_robust")
        return _as_dict(scenario.name, replace(row, status="not_estimable", reason=scenario.obstacle))
    return _row(scenario.name, scenario.contrasts, primary)


def _covariates(contrasts: Contrasts) -> Iterator[tuple]:
    """Yield name, comparison and whether it holds a covariate, for each covariate alone and for all."""
    names = list(dict.fromkeys((*contrasts.settings.covariates, PRE_YEAR)))
    for name in names:
        yield f"covariates:{name}", *contrasts.adjusted([name])
    yield "covariates:all", *contrasts.adjusted(contrasts.settings.covariates)


def _without_sites(contrasts: Contrasts) -> Iterator[dict]:
    if contrasts.rows["woman"].nunique() > MANY_WOMEN:
        row = unfitted_row(contrasts.primary(), "negative_binomial", "cluster_robust")
        row = replace(row, status="not_estimable", reason="left out above 5,000 women")
        yield from (_as_dict(f"leave_out:{site}", row) for site in sorted(contrasts.policies))
    elif len(contrasts.policies) > 1:
        yield from (_of_scenario(without_site(contrasts, site)) for site in sorted(contrasts.policies))


def _row(scenario: str, contrasts: Contrasts, comparison: Comparison, used: bool = True) -> dict:
    """Return the row of a scenario: the primary analysis, or why there is none."""
    adjusted = scenario.startswith("covariates:")
    unfitted = unfitted_row(comparison, "negative_binomial", "cluster_robust")
    if contrasts.verdict.verdict == design_of.NOT_IDENTIFIABLE:
        row = replace(unfitted, status="not_estimable", reason=contrasts.verdict.reason)
    elif not used:
        reason = joined("the covariate cannot be estimated", comparison.note)
        row = replace(unfitted, status="not_estimable", reason=reason)
    elif adjusted:
        row = estimate_row(comparison, "negative_binomial", "cluster_robust")
    else:
        row = primary_row(comparison)
    return _as_dict(scenario, row)


def _as_dict(scenario: str, row: RateRatio) -> dict:
    return {"scenario": scenario} | {name: getattr(row, name) for name in COLUMNS[1:]}
