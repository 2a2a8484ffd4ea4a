"""The primary contrast: relapse rates of untreated against treated pregnancies, by several models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from gravida.periods import LANDMARK
from gravida.statistics import identifiability as design_of
from gravida.statistics.comparison import Comparison, RateRatio, estimate_row, primary_row
from gravida.statistics.design import Column, columns_together, prepare, site_columns

# The primary model and its errors.
_CLUSTERED = ("negative_binomial", "cluster_robust")
# Beside the clustered negative binomial, in the order of the table.
OTHER_MODELS = (
    ("negative_binomial", "model"),
    ("poisson", "model"),
    ("poisson", "cluster_robust"),
    ("poisson", "cluster_robust_cr2"),
    ("gee_poisson", "cluster_robust"),
)
BETWEEN_SITES = "between sites: the interval holds the sampling of women only"
IMMORTAL_TIME = "treatment is a choice here: subject to immortal time before the first dose, see landmark_30"


@dataclass(frozen=True, slots=True)
class RateRatioSettings:
    """What the analysis plan fixes about the contrast."""

    numerator: str
    denominator: str
    period: str
    confidence: float
    covariates: tuple[str, ...]


def estimate_rate_ratios(
    pregnancies: pd.DataFrame,
    person_time: pd.DataFrame,
    policies: Mapping[str, str],
    settings: RateRatioSettings,
) -> pd.DataFrame:
    """Estimate the ratio of the arms' rates in the outcome period.

    The primary row is the negative binomial model clustered by woman, with site fixed effects where the
    verdict is `identifiable within sites` and the study has several sites; where the arms are the sites'
    policies no site-adjusted row is made. Where a model cannot be had the row says why, and the primary row
    falls back: to the Poisson model with bias-reduced clustered errors where there is no over-dispersion, to
    the Firth-penalised Poisson model where an arm has no relapse.

    Where the treatment received is not what the site's policy says, both contrasts are shown (`as_treated`,
    `policy`). Where treatment is a choice, `landmark_30` starts on day 30 after delivery.

    Parameters
    ----------
    pregnancies, person_time : DataFrame
        Of the cohort.
    policies : mapping
        Each site's policy.
    settings : RateRatioSettings
        The choices of the analysis plan.
    """
    rows = person_time[person_time["period"] == settings.period].reset_index(drop=True)
    verdict = design_of.assess_identifiability(person_time, policies, settings.period)
    choice = verdict.verdict == design_of.WITHIN
    within = choice and len(policies) > 1
    immortal = IMMORTAL_TIME if choice else ""
    between = BETWEEN_SITES if not rows["site"].map(policies).eq("individual").all() else ""
    crude = _compare("unadjusted", "none", rows, (), settings, _joined(immortal, between))
    estimates = [_first(crude, primary=not within), *_others(crude), _exact(crude)]
    estimates += _by_definition(rows, pregnancies, settings, between)
    if within:
        rows, between = _sites_with_a_choice(rows, policies)
        by_site = _compare("adjusted", "site", rows, _sites(rows), settings, _joined(immortal, between))
        estimates += [_first(by_site, primary=True), *_others(by_site)]
    estimates.append(_adjusted(rows, pregnancies, within, settings, _joined(immortal, between)))
    if choice and settings.period == "postpartum_year":
        estimates.append(_landmark(person_time, policies, within, settings))
    if verdict.verdict == design_of.NOT_IDENTIFIABLE:
        estimates = [_emptied(row, verdict.reason) for row in estimates]
    return pd.DataFrame(estimates)


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def _compare(
    analysis: str,
    adjusted_for: str,
    rows: pd.DataFrame,
    covariates: tuple[Column, ...],
    settings: RateRatioSettings,
    note: str = "",
) -> Comparison:
    indicator = (rows["arm"] == settings.numerator).to_numpy(float)
    arm = Column("arm", settings.numerator, settings.denominator, indicator)
    return Comparison(
        analysis, adjusted_for, rows, arm, covariates, settings.period, settings.confidence, note
    )


def _sites(rows: pd.DataFrame) -> tuple[Column, ...]:
    return tuple(site_columns(rows["site"], rows["relapses"].to_numpy()))


def _by_definition(
    rows: pd.DataFrame, pregnancies: pd.DataFrame, settings: RateRatioSettings, note: str
) -> list[RateRatio]:
    """Return the contrast by treatment received and by policy, if they are not the same."""
    theirs = pregnancies.loc[rows["pregnancy"]]
    received, by_policy = theirs["received"].to_numpy(), theirs["by_policy"].to_numpy()
    if (received == by_policy).all():
        return []
    arms = {"as_treated": received, "policy": by_policy}
    return [
        estimate_row(_compare(analysis, "none", rows.assign(arm=arm), (), settings, note), *_CLUSTERED)
        for analysis, arm in arms.items()
    ]


def _landmark(
    person_time: pd.DataFrame, policies: Mapping[str, str], within: bool, settings: RateRatioSettings
) -> RateRatio:
    """Return the contrast from day 30 on: earlier relapses do not count, later doses change no arm."""
    rows, note = _sites_with_a_choice(person_time[person_time["period"] == LANDMARK], policies)
    sites, label = (_sites(rows), "site") if within else ((), "none")
    comparison = _compare("landmark_30", label, rows, sites, settings, note)
    if rows.empty:
        return _emptied(estimate_row(comparison, *_CLUSTERED), "no site by choice dates its relapses")
    return estimate_row(comparison, *_CLUSTERED)


def _sites_with_a_choice(rows: pd.DataFrame, policies: Mapping[str, str]) -> tuple[pd.DataFrame, str]:
    """Return the rows that inform the contrast within sites, and a note on sites without a relapse.

    A site without a relapse says nothing of the ratio, and its own rate has no maximum-likelihood estimate.
    """
    chosen = rows[rows["site"].map(policies) == "individual"]
    relapses = chosen.groupby("site")["relapses"].transform("sum")
    silent = chosen.loc[relapses == 0, "site"].nunique()
    sites = chosen["site"].nunique()
    note = f"{silent} of {sites} sites had no relapse and add nothing" if silent else ""
    if sites == 1:
        note = "one site leaves treatment to choice: the comparison is within it"
    kept = chosen if (relapses == 0).all() else chosen[relapses > 0]
    return kept.reset_index(drop=True), note


def _adjusted(
    rows: pd.DataFrame, pregnancies: pd.DataFrame, within: bool, settings: RateRatioSettings, said: str
) -> RateRatio:
    """Return the clustered negative binomial adjusted for the covariates of the plan, on complete cases."""
    theirs, relapses = pregnancies.loc[rows["pregnancy"]], rows["relapses"].to_numpy()
    covariates, counted = columns_together(theirs, settings.covariates, relapses)
    sites = site_columns(rows["site"], counted) if within else []
    prepared = prepare([*sites, *covariates], relapses)
    used = {column.predictor for column in prepared.columns}
    names = [*(["site"] if within else []), *(name for name in settings.covariates if name in used)]
    reasons = [f"{': '.join(filter(None, key))}: {reason}" for key, reason in prepared.problems.items()]
    note = _joined(f"left out: {', '.join(reasons)}" if reasons else "", said)
    kept = rows[prepared.keep].reset_index(drop=True)
    label = ";".join(names) or "none"
    comparison = _compare("adjusted", label, kept, tuple(prepared.fitted_columns()), settings, note)
    row = estimate_row(comparison, *_CLUSTERED)
    if not used.intersection(settings.covariates):
        return _emptied(row, _joined("no covariate of the plan can be estimated", note))
    return row


def _first(comparison: Comparison, primary: bool) -> RateRatio:
    return primary_row(comparison) if primary else estimate_row(comparison, *_CLUSTERED)


def _others(comparison: Comparison) -> Sequence[RateRatio]:
    return [estimate_row(comparison, *model) for model in OTHER_MODELS]


def _exact(comparison: Comparison) -> RateRatio:
    return replace(estimate_row(comparison, "exact_poisson", "none"), analysis="exact")


def _emptied(row: RateRatio, reason: str) -> RateRatio:
    numbers = dict.fromkeys(("rate_ratio", "lower", "upper", "p_value", "alpha"))
    return replace(row, **numbers, status="not_estimable", reason=reason)
