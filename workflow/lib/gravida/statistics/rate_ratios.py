"""The primary contrast: relapse rates of untreated against treated pregnancies, by several models."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.statistics import identifiability as design_of
from gravida.statistics.comparison import Comparison, RateRatio
from gravida.statistics.contrasts import Contrasts, joined
from gravida.statistics.design import site_columns
from gravida.statistics.estimators import (
    estimate_mixed_row,
    estimate_row,
    primary_row,
    standardised_row,
    unfitted_row,
)
from gravida.statistics.negative_control import negative_controls
from gravida.statistics.weighting import METHODS, fit_propensity, weighted_rate_ratio
from gravida.words import NEEDS_ROWS

# The primary model and its errors.
_CLUSTERED = ("negative_binomial", "cluster_robust")
MIXED = "between sites: the interval holds what the sites of an arm differ by, by a normal distribution"
# Beside the clustered negative binomial, in the order of the table.
OTHER_MODELS = (
    ("negative_binomial", "model"),
    ("poisson", "model"),
    ("poisson", "cluster_robust"),
    ("poisson", "cluster_robust_cr2"),
    ("poisson", "jackknife"),
    ("gee_poisson", "cluster_robust"),
)


def estimate_rate_ratios(contrasts: Contrasts) -> pd.DataFrame:
    """Estimate the ratio of the arms' rates in the outcome period.

    The primary row is the negative binomial model clustered by woman, with site fixed effects where the
    verdict is `identifiable within sites` and the study has several sites; where the arms are the sites'
    policies no site-adjusted row is made. Where a model cannot be had the row says why, and the primary row
    falls back: to the Poisson model with bias-reduced clustered errors where there is no over-dispersion, to
    the Firth-penalised Poisson model where an arm has no relapse.

    Where the treatment received is not what the site's policy says, both contrasts are shown (`as_treated`,
    `policy`). Where treatment is a choice, `landmark_30` starts on day 30 after delivery, and `iptw` and
    `overlap` weight the pregnancies of the sites with a choice. `g_computation` standardises the adjusted
    model's rates to the covariates of all its pregnancies; `negative_control` is the year before pregnancy.

    Parameters
    ----------
    contrasts : Contrasts
        Of the outcome period.
    """
    crude = contrasts.crude()
    estimates = _all_models(crude, primary=not contrasts.within)
    estimates += [_exact(crude, "exact"), _exact(crude, "exact_mid_p")]
    if contrasts.within:
        estimates += _all_models(contrasts.by_site(), primary=True)
    estimates += _adjusted(contrasts)
    estimates += _of_rows(contrasts) if contrasts.rows_at_hand else _kept(contrasts)
    if contrasts.verdict.verdict == design_of.NOT_IDENTIFIABLE:
        estimates = [_emptied(row, contrasts.verdict.reason) for row in estimates]
    return pd.DataFrame([*estimates, *_negative_controls(contrasts)])


def _of_rows(contrasts: Contrasts) -> list[RateRatio]:
    """Return what needs the rows of every site."""
    found = [_mixed(contrasts), *_weighted(contrasts), *_by_definition(contrasts)]
    if contrasts.choice and contrasts.settings.period == "postpartum_year":
        found.append(_landmark(contrasts))
    return found


def _kept(contrasts: Contrasts) -> list[RateRatio]:
    """Return the rows of what needs the rows of every site, without numbers."""
    crude = contrasts.crude()
    models = [("unadjusted", "mixed_poisson", "model")]
    models += [(method, "poisson", "cluster_robust") for method in METHODS]
    models += [(analysis, *_CLUSTERED) for analysis in ("as_treated", "policy", "landmark_30")]
    kept = [
        _emptied(unfitted_row(replace(crude, analysis=analysis), *model), NEEDS_ROWS)
        for analysis, *model in models
    ]
    return [*kept, *_profiles(contrasts)] if contrasts.within else kept


def _profiles(contrasts: Contrasts) -> list[RateRatio]:
    """Return the contrast within sites by summed profile likelihoods: one answer of each centre is enough."""
    models = ("poisson", "negative_binomial")
    try:
        comparison, estimates = contrasts.profiles()
    except NotEstimable as obstacle:
        empty = contrasts.by_site()
        rows = [unfitted_row(empty, model, "profile") for model in models]
        return [_emptied(row, joined(str(obstacle), row.reason), obstacle.status) for row in rows]
    found = []
    for model, estimate in zip(models, estimates, strict=True):
        limits = np.exp([estimate.log_ratio, estimate.lower, estimate.upper])
        numbers = dict(zip(("rate_ratio", "lower", "upper"), map(float, limits), strict=True))
        others = {name: getattr(estimate, name) for name in ("p_value", "standard_error", "alpha")}
        found.append(replace(unfitted_row(comparison, model, "profile"), **numbers, **others))
    return found


def _all_models(comparison: Comparison, primary: bool) -> list[RateRatio]:
    """Return the clustered negative binomial and what stands beside it."""
    first = primary_row(comparison) if primary else estimate_row(comparison, *_CLUSTERED)
    others = [estimate_row(comparison, *model) for model in OTHER_MODELS]
    return [first, *others, replace(estimate_row(comparison, "firth_poisson", "model"), analysis="firth")]


def _exact(comparison: Comparison, analysis: str) -> RateRatio:
    covariance = {"exact": "none", "exact_mid_p": "mid_p"}[analysis]
    return replace(
        estimate_row(comparison, "exact_poisson", covariance), analysis=analysis, covariance="none"
    )


def _mixed(contrasts: Contrasts) -> RateRatio:
    """Return the model whose errors hold what the sites of an arm differ by.

    A site's own intercept makes of exceptions to its policy a contrast within it: there is no such row.
    """
    sites = contrasts.rows.groupby("site", observed=True)["arm"].nunique()
    by_policy = sites.index.map(contrasts.policies) != "individual"
    if by_policy.any() and (sites > 1).any():
        why = "arms vary within some sites, and not within others that treat by policy"
        if (sites[by_policy] > 1).any():
            why = "arms vary within sites that treat by policy"
        empty = unfitted_row(contrasts.crude(), "mixed_poisson", "model")
        return _emptied(empty, joined(why, contrasts.between_note))
    row = estimate_mixed_row(contrasts.crude())
    if row.status == "ok" and contrasts.between_note:
        return replace(row, reason=joined(MIXED, contrasts.immortal_note))
    return row


def _adjusted(contrasts: Contrasts) -> Sequence[RateRatio]:
    """Return the model adjusted for the covariates of the plan, and its standardised rates."""
    try:
        comparison, used = contrasts.adjusted(contrasts.settings.covariates)
    except NotEstimable as obstacle:
        empty = unfitted_row(contrasts.crude(), *_CLUSTERED)
        names = ("adjusted", "g_computation")
        return [_emptied(replace(empty, analysis=name), str(obstacle), obstacle.status) for name in names]
    rows = (estimate_row(comparison, *_CLUSTERED), standardised_row(comparison))
    if used:
        return rows
    reason = joined("no covariate of the plan can be estimated", comparison.note)
    return [_emptied(row, reason) for row in rows]


def _weighted(contrasts: Contrasts) -> list[RateRatio]:
    """Return the weighted contrasts of the sites that leave treatment to choice."""
    try:
        propensity = fit_propensity(contrasts)
    except NotEstimable as obstacle:
        empty = unfitted_row(contrasts.crude(), "poisson", "cluster_robust")
        reason = joined(str(obstacle), contrasts.between_note)
        return [_emptied(replace(empty, analysis=method), reason, obstacle.status) for method in METHODS]
    rows = propensity.rows
    comparison = contrasts.compare("iptw", ";".join(propensity.adjusted_for) or "none", rows, (), "")
    numerator = comparison.arm.coded.where(1.0)
    estimates = []
    for method in METHODS:
        row = unfitted_row(replace(comparison, analysis=method), "poisson", "cluster_robust")
        try:
            ratio = weighted_rate_ratio(
                rows, numerator, propensity.weights(method), contrasts.settings.confidence
            )
            numbers = {name: getattr(ratio, name) for name in ratio.__slots__}
            said = joined("weights taken as known", propensity.note, contrasts.immortal_note)
            status = "fallback" if propensity.penalised else "ok"
            estimates.append(replace(row, **numbers, reason=said, status=status))
        except NotEstimable as obstacle:
            estimates.append(_emptied(row, str(obstacle), obstacle.status))
    return estimates


def _by_definition(contrasts: Contrasts) -> list[RateRatio]:
    """Return the contrast by treatment received and by policy, if they are not the same."""
    theirs = contrasts.pregnancies[["received", "by_policy"]].loc[contrasts.rows["pregnancy"]]
    received, by_policy = theirs["received"].to_numpy(), theirs["by_policy"].to_numpy()
    if (received == by_policy).all():
        return []
    arms = {"as_treated": received, "policy": by_policy}
    note = joined(contrasts.immortal_note, contrasts.between_note)
    return [
        estimate_row(
            contrasts.compare(analysis, "none", contrasts.rows.assign(arm=arm), (), note), *_CLUSTERED
        )
        for analysis, arm in arms.items()
    ]


def _landmark(contrasts: Contrasts) -> RateRatio:
    """Return the contrast from day 30 on: earlier relapses do not count, later doses change no arm."""
    later, said = contrasts.from_landmark()
    rows, note = later.sites_with_a_choice
    within = contrasts.within
    sites = site_columns(rows["site"], rows["relapses"].to_numpy()) if within else []
    comparison = contrasts.compare(
        "landmark_30", "site" if within else "none", rows, tuple(sites), joined(said, note)
    )
    row = estimate_row(comparison, *_CLUSTERED)
    return _emptied(row, "no site by choice dates its relapses") if rows.empty else row


def _negative_controls(contrasts: Contrasts) -> list[RateRatio]:
    """Return the contrast in the year before; it needs two arms there, not a verdict on the year after."""
    rows = [estimate_row(comparison, *_CLUSTERED) for comparison in negative_controls(contrasts)]
    if contrasts.verdict.verdict != design_of.NOT_IDENTIFIABLE:
        return rows
    return [_emptied(row, contrasts.verdict.reason) for row in rows]


def _emptied(row: RateRatio, reason: str, status: str = "not_estimable") -> RateRatio:
    return replace(row, **dict.fromkeys(NUMBERS), status=status, reason=reason)


# What a row without an answer does not hold.
NUMBERS = (
    *("rate_ratio", "lower", "upper", "p_value", "standard_error"),
    *("degrees_of_freedom", "alpha"),
    *("rate_numerator", "rate_denominator"),
    *("rate_difference", "rate_difference_lower", "rate_difference_upper"),
)
