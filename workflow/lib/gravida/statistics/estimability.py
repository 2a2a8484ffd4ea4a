"""Before any fit: which contrasts the design can estimate at all, and on how little each would rest."""

from collections.abc import Iterator

import pandas as pd

from gravida.errors import NotEstimable
from gravida.statistics import identifiability as design_of
from gravida.statistics.comparison import Comparison
from gravida.statistics.contrasts import Contrasts, joined

# Fewer relapses for each coefficient and estimates are biased away from 1 (Peduzzi, Concato, Kemper, Holford
# and Feinstein 1996, Journal of Clinical Epidemiology 49:1373-1379).
FEW_EVENTS = 10
# Fewer women in an arm and the clustered errors that are not bias-reduced are too small.
FEW_WOMEN = 40
COLUMNS = [
    *("contrast", "adjusted_for", "sites_numerator", "sites_denominator", "parameters", "rank"),
    *("pregnancies", "women", "relapses", "relapses_numerator", "relapses_denominator"),
    *("women_with_relapse_numerator", "women_with_relapse_denominator"),
    *("relapses_most_numerator", "relapses_most_denominator"),
    *("events_per_parameter", "status", "reason"),
]


def describe_estimability(contrasts: Contrasts) -> pd.DataFrame:
    """Say for the crude, the site-adjusted and the covariate-adjusted contrast whether it can be estimated.

    A contrast is estimable if the arm's column adds to the rank of the design without it, both arms have a
    relapse, and the arms are not the sites' policies where it is adjusted for site. `parameters` counts the
    intercept; `events_per_parameter` is relapses over the other parameters.

    Parameters
    ----------
    contrasts : Contrasts
        Of the outcome period.
    """
    return pd.DataFrame([*_each(contrasts)]).reindex(columns=COLUMNS)


def _each(contrasts: Contrasts) -> Iterator[dict]:
    verdict = contrasts.verdict
    why = verdict.reason if verdict.verdict == design_of.NOT_IDENTIFIABLE else ""
    yield _describe(contrasts.crude(note=""), why)
    if len(contrasts.policies) > 1:
        between = "the arms are the sites' policies" if verdict.verdict == design_of.BETWEEN else ""
        yield _describe(_with_sites(contrasts), why or between)
    try:
        comparison, used = contrasts.adjusted(contrasts.settings.covariates)
    except NotEstimable as obstacle:
        # Of a centre that keeps its rows, and does not answer or has not yet.
        names = ";".join(contrasts.settings.covariates)
        unknown = {"adjusted_for": names, "parameters": None, "rank": None, "events_per_parameter": None}
        yield _describe(contrasts.crude(note=""), str(obstacle)) | unknown
        return
    left_out = next((part for part in comparison.note.split("; ") if part.startswith("left out")), "")
    nothing = "" if used else "no covariate of the plan can be estimated"
    yield _describe(comparison, why or nothing, left_out)


def _with_sites(contrasts: Contrasts) -> Comparison:
    """Return the contrast with a column for each site: of those with a choice, or, without any, of all."""
    return contrasts.by_site() if contrasts.within else contrasts.with_every_site()


def _describe(comparison: Comparison, why: str, said: str = "") -> dict:
    counts, obstacle = comparison.counts, NotEstimable(why) if why else comparison.obstacle
    columns, parameters = counts.columns(), 2 + len(comparison.covariates)
    try:
        adds = comparison.adds
    except NotEstimable as unknown:
        adds, obstacle = [], obstacle or unknown
    if adds and not adds[-1] and not why:
        obstacle = obstacle or NotEstimable("the arm is a combination of the other columns")
    reason = joined(str(obstacle) if obstacle else "; ".join(_thin(comparison)), said)
    return {
        "contrast": f"{comparison.arm.level}/{comparison.arm.reference}",
        "adjusted_for": comparison.adjusted_for,
        "sites_numerator": counts.numerator.sites,
        "sites_denominator": counts.denominator.sites,
        "parameters": parameters,
        "rank": sum(adds) if adds else None,
        **columns,
        "events_per_parameter": columns["relapses"] / (parameters - 1),
        "status": obstacle.status if obstacle else "ok",
        "reason": reason,
    }


def _thin(comparison: Comparison) -> Iterator[str]:
    """Yield what makes an estimable contrast weak."""
    sides = comparison.counts.sides
    if sum(side.relapses for side in sides) < FEW_EVENTS * (1 + len(comparison.covariates)):
        yield f"fewer than {FEW_EVENTS} relapses for each coefficient"
    if any(0 < side.women < FEW_WOMEN for side in sides):
        yield f"fewer than {FEW_WOMEN} women in an arm: read the bias-reduced (CR2) row"
