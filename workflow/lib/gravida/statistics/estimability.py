"""Before any fit: which contrasts the design can estimate at all, and on how little each would rest."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.statistics import identifiability as design_of
from gravida.statistics.comparison import Comparison
from gravida.statistics.contrasts import Contrasts, joined
from gravida.statistics.design import independent_columns, site_columns
from gravida.statistics.guards import relapses_by_arm

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
    comparison, used = contrasts.adjusted(contrasts.settings.covariates)
    left_out = next((part for part in comparison.note.split("; ") if part.startswith("left out")), "")
    nothing = "" if used else "no covariate of the plan can be estimated"
    yield _describe(comparison, why or nothing, left_out)


def _with_sites(contrasts: Contrasts) -> Comparison:
    """Return the contrast with a column for each site: of those with a choice, or, without any, of all."""
    if contrasts.within:
        return contrasts.by_site()
    sites = site_columns(contrasts.rows["site"], np.ones(len(contrasts.rows)))
    return contrasts.compare("adjusted", "site", contrasts.rows, tuple(sites))


def _describe(comparison: Comparison, why: str, said: str = "") -> dict:
    rows, first = comparison.rows, comparison.arm.data == 1
    others = [np.ones(len(rows)), *(column.data for column in comparison.covariates)]
    adds = independent_columns(np.column_stack([*others, comparison.arm.data]))
    relapses = int(rows["relapses"].sum())
    obstacle = NotEstimable(why) if why else comparison.obstacle
    if not adds[-1] and not why:
        obstacle = obstacle or NotEstimable("the arm is a combination of the other columns")
    reason = joined(str(obstacle) if obstacle else "; ".join(_thin(comparison, relapses)), said)
    return {
        "contrast": f"{comparison.arm.level}/{comparison.arm.reference}",
        "adjusted_for": comparison.adjusted_for,
        "sites_numerator": rows.loc[first, "site"].nunique(),
        "sites_denominator": rows.loc[~first, "site"].nunique(),
        "parameters": len(adds),
        "rank": sum(adds),
        "pregnancies": len(rows),
        "women": rows["woman"].nunique(),
        "relapses": relapses,
        **relapses_by_arm(rows["woman"], rows["relapses"], first),
        "events_per_parameter": relapses / (len(adds) - 1),
        "status": obstacle.status if obstacle else "ok",
        "reason": reason,
    }


def _thin(comparison: Comparison, relapses: int) -> Iterator[str]:
    """Yield what makes an estimable contrast weak."""
    if relapses < FEW_EVENTS * (1 + len(comparison.covariates)):
        yield f"fewer than {FEW_EVENTS} relapses for each coefficient"
    arms = comparison.rows.groupby("arm")["woman"].nunique()
    if (arms < FEW_WOMEN).any():
        yield f"fewer than {FEW_WOMEN} women in an arm: read the bias-reduced (CR2) row"
