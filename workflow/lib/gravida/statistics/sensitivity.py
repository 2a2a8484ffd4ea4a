"""Does the answer hold: the primary contrast under other choices, one row each."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pandas as pd

from gravida.errors import NotEstimable
from gravida.models.clustered import MANY_WOMEN
from gravida.statistics import identifiability as design_of
from gravida.statistics.clone_censor import NAME as CLONE_CENSOR
from gravida.statistics.clone_censor import estimate_clone_censor
from gravida.statistics.comparison import Comparison, RateRatio
from gravida.statistics.contrasts import Contrasts, joined
from gravida.statistics.estimators import estimate_row, primary_row, unfitted_row
from gravida.statistics.imputed import ImputationPlan, imputed_contrasts
from gravida.statistics.scenarios import NAMES, Scenario, scenarios, without_site
from gravida.words import NEEDS_ROWS

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
    if contrasts.rows_at_hand:
        rows += [_of_scenario(scenario) for scenario in scenarios(contrasts, onsets)]
        rows.append(_as_dict(CLONE_CENSOR, estimate_clone_censor(contrasts, onsets)))
    else:
        rows += _unanswered((*NAMES, CLONE_CENSOR), contrasts, NEEDS_ROWS)
    rows += _covariates(contrasts)
    rows += [_as_dict(name, row) for name, row in imputed_contrasts(contrasts, imputation)]
    rows += _without_sites(contrasts)
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def _of_scenario(scenario: Scenario) -> dict:
    primary = scenario.contrasts.primary()
    primary = replace(primary, note=joined(scenario.note, primary.note))
    if scenario.obstacle:
        row = unfitted_row(primary, "negative_binomial", "cluster_robust")
        return _as_dict(scenario.name, replace(row, status="not_estimable", reason=scenario.obstacle))
    return _row(scenario.name, scenario.contrasts, primary)


def _covariates(contrasts: Contrasts) -> Iterator[dict]:
    """Yield the row of each covariate alone, and of all."""
    covariates = contrasts.settings.covariates
    names = {name: (name,) for name in dict.fromkeys((*covariates, PRE_YEAR))} | {"all": covariates}
    for name, those in names.items():
        scenario = f"covariates:{name}"
        try:
            adjusted = contrasts.adjusted(those)
        except NotEstimable as obstacle:
            # Of a centre that keeps its rows, and does not answer or has not yet.
            yield from _unanswered([scenario], contrasts, str(obstacle))
            continue
        yield _row(scenario, contrasts, *adjusted)


def _unanswered(scenarios: Iterable[str], contrasts: Contrasts, why: str) -> list[dict]:
    row = unfitted_row(contrasts.primary(), "negative_binomial", "cluster_robust")
    row = replace(row, status="not_estimable", reason=why)
    return [_as_dict(scenario, row) for scenario in scenarios]


def _without_sites(contrasts: Contrasts) -> list[dict]:
    sites = sorted(contrasts.policies)
    names = [f"leave_out:{site}" for site in sites]
    if contrasts.crude().counts.women > MANY_WOMEN:
        return _unanswered(names, contrasts, "left out above 5,000 women")
    if len(sites) < 2:
        return []
    if not contrasts.rows_at_hand:
        return _unanswered(names, contrasts, NEEDS_ROWS)
    return [_of_scenario(without_site(contrasts, site)) for site in sites]


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
