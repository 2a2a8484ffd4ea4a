"""The adjusted contrast with missing covariates imputed, and with the imputed values moved."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from gravida.errors import NotEstimable
from gravida.models.clustered import MANY_WOMEN, MOST_WOMEN, ClusteredFit
from gravida.statistics import identifiability as design_of
from gravida.statistics.comparison import ARM, RateRatio
from gravida.statistics.contrasts import Contrasts, joined
from gravida.statistics.estimators import unfitted_row
from gravida.statistics.imputation import Imputations, impute
from gravida.statistics.missing import pooled_estimate, shift

# Above 5,000 women this many copies are made, for the contrast of the arms only.
FEW_COPIES = 5
# Points of the EDSS by which the imputed values of the treated are moved.
SHIFTS = (-3, -2, -1, 1, 2, 3)
MOVED, MOVED_ARM = "edss_before", "treated"


@dataclass(frozen=True, slots=True)
class ImputationPlan:
    """What the analysis plan fixes: how many completed copies of the data, and the seed of the draws."""

    copies: int
    seed: int


def complete(contrasts: Contrasts, plan: ImputationPlan) -> Imputations:
    """Return copies of the pregnancies with the covariates of the plan imputed.

    Raises
    ------
    NotEstimable
        If nothing is missing, nothing that is missing can be imputed, or there are more than 100,000 women.
    """
    women = contrasts.rows["woman"].nunique()
    if women > MOST_WOMEN:
        raise NotEstimable("left out above 100,000 women: see the rows of complete cases")
    copies = min(plan.copies, FEW_COPIES) if women > MANY_WOMEN else plan.copies
    return impute(contrasts.pregnancies, contrasts.rows, contrasts.settings.covariates, copies, plan.seed)


def imputed_contrasts(contrasts: Contrasts, plan: ImputationPlan) -> Iterator[tuple[str, RateRatio]]:
    """Yield the row of `multiple_imputation`, and those with the EDSS of treated pregnancies moved.

    The moved rows ask how far the values that nobody recorded would have to lie from what the recorded ones
    suggest, in one arm only, before the answer changes.

    Parameters
    ----------
    contrasts : Contrasts
        Of the outcome period.
    plan : ImputationPlan
    """
    empty = unfitted_row(contrasts.primary(), "negative_binomial", "cluster_robust")
    names = [f"edss_shift_treated:{delta:+d}" for delta in SHIFTS]
    try:
        if contrasts.verdict.verdict == design_of.NOT_IDENTIFIABLE:
            raise NotEstimable(contrasts.verdict.reason)
        imputations = complete(contrasts, plan)
        first = _pooled(contrasts, imputations.completed, imputations.note)
    except NotEstimable as obstacle:
        row = replace(empty, status=obstacle.status, reason=str(obstacle))
        yield from ((name, row) for name in ("multiple_imputation", *names))
        return
    yield "multiple_imputation", first
    for name, delta in zip(names, SHIFTS, strict=True):
        try:
            yield name, _moved(contrasts, imputations, delta, first)
        except NotEstimable as obstacle:
            yield name, replace(empty, status=obstacle.status, reason=str(obstacle))


def _moved(contrasts: Contrasts, imputations: Imputations, delta: float, first: RateRatio) -> RateRatio:
    """Return the contrast with the imputed EDSS of the treated moved, and whether the answer changes."""
    if contrasts.rows["woman"].nunique() > MANY_WOMEN:
        raise NotEstimable("left out above 5,000 women")
    if MOVED not in imputations.observed:
        raise NotEstimable("no EDSS is imputed")
    kept = imputations.observed[MOVED] | (contrasts.pregnancies["arm"] != MOVED_ARM).to_numpy()
    if not (~kept[contrasts.rows["pregnancy"]]).any():
        raise NotEstimable("no EDSS of a treated pregnancy is imputed")
    moved = [shift(completed, MOVED, delta, kept) for completed in imputations.completed]
    row = _pooled(contrasts, moved, "")
    same = (row.lower <= 1 <= row.upper) == (first.lower <= 1 <= first.upper)
    found = "the interval covers 1 or not as before" if same else "whether the interval covers 1 changes"
    return replace(row, reason=joined(found, row.reason))


def _pooled(contrasts: Contrasts, completed: list[pd.DataFrame], note: str) -> RateRatio:
    """Return the adjusted contrast pooled over completed data by Rubin's rules.

    Raises
    ------
    NotEstimable
        If it cannot be had in some of them.
    """
    fits = []
    for pregnancies in completed:
        comparison, used = contrasts.with_covariates_of(pregnancies).adjusted(contrasts.settings.covariates)
        obstacle = comparison.obstacle or comparison.obstacle_to_clustering
        if obstacle or not used:
            raise obstacle or NotEstimable("no covariate of the plan can be estimated")
        fits.append(comparison.clustered)
    freedom = min(degrees_of_freedom(fit, ARM) for fit in fits)
    each = [(fit.beta, fit.covariance) for fit in fits]
    pooled = pooled_estimate(each, ARM, freedom, contrasts.settings.confidence)
    row = unfitted_row(comparison, "negative_binomial", "cluster_robust")
    fallbacks = [fit for fit in fits if fit.status == "fallback"]
    if len(fallbacks) == len(fits):
        row = replace(row, model="poisson", covariance=fits[0].errors)
    said = f"{len(fits)} imputations, {100 * pooled.fmi:.0f}% of the information missing"
    if fallbacks:
        said = joined(f"{len(fallbacks)} of {len(fits)} copies without over-dispersion: Poisson", said)
    return replace(
        row,
        rate_ratio=pooled.rate_ratio,
        lower=pooled.lower,
        upper=pooled.upper,
        p_value=pooled.p_value,
        status="fallback" if fallbacks else "ok",
        reason=joined(said, note, row.reason),
    )


def degrees_of_freedom(fit: ClusteredFit, place: int) -> float:
    """Return those of complete data: women less parameters, or Satterthwaite's where those are fewer."""
    women = fit.model.women - fit.model.fit.parameters.size
    own = fit.degrees_of_freedom(place)
    return min(women, own) if own else float(women)
