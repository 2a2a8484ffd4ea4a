"""The predictors of relapse with missing values imputed."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.models.clustered import MANY_WOMEN, ClusteredFit, fit_clustered
from gravida.statistics.collinearity import decided_by_one_woman
from gravida.statistics.contrasts import Contrasts
from gravida.statistics.design import columns_together, make_sample, with_intercept
from gravida.statistics.imputed import ImputationPlan, complete, degrees_of_freedom
from gravida.statistics.missing import pooled_estimate
from gravida.statistics.preparing import prepare


def with_imputed_ratios(
    table: pd.DataFrame, contrasts: Contrasts, names: Sequence[str], plan: ImputationPlan
) -> pd.DataFrame:
    """Return the rows of the multivariable model with its ratios from imputed data beside them.

    Empty where nothing is missing, a coefficient cannot be had in every copy, or there are more than 5,000
    women.

    Parameters
    ----------
    table : DataFrame
        Rows of the multivariable model on complete cases: predictor, level, status.
    contrasts : Contrasts
        Of the outcome period.
    names : sequence of str
        The predictors.
    plan : ImputationPlan
    """
    rows = contrasts.rows
    if rows["woman"].nunique() > MANY_WOMEN:
        return table
    try:
        completed = complete(contrasts, plan).completed
        models = [_model(rows, names, pregnancies) for pregnancies in completed]
    except NotEstimable:
        return table
    confidence, found = contrasts.settings.confidence, {}
    shared = set.intersection(*(set(places) for places, _ in models))
    for key in shared:
        # A column stands at its own place in each completed copy.
        fits = [_one(fit, places[key]) for places, fit in models]
        try:
            freedom = min(degrees_of_freedom(fit, places[key]) for places, fit in models)
            found[key] = pooled_estimate(fits, 0, freedom, confidence)
        except NotEstimable:
            continue
    keys = list(zip(table["predictor"], table["level"], strict=True))
    answered = table["status"].isin(["ok", "fallback"]) | (table["predictor"] != "ivig")
    columns = {
        f"imputed_{name}": [
            getattr(found[key], name) if key in found and answer else None
            for key, answer in zip(keys, answered, strict=True)
        ]
        for name in ("rate_ratio", "lower", "upper", "p_value")
    }
    return table.assign(**columns)


def _one(fit: ClusteredFit, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Return one coefficient and its variance, shapes (1,) and (1, 1)."""
    return fit.beta[place : place + 1], fit.covariance[place : place + 1, place : place + 1]


def _model(
    rows: pd.DataFrame, names: Sequence[str], pregnancies: pd.DataFrame
) -> tuple[dict[tuple[str, str], int], ClusteredFit]:
    """Return the multivariable model of one completed copy, and the place of each (predictor, level)."""
    prepared = prepare(columns_together(pregnancies, names, rows)[0], rows["relapses"].to_numpy())
    columns = prepared.fitted_columns()
    sample = make_sample(rows[prepared.keep], with_intercept(columns, int(prepared.keep.sum())))
    alone = decided_by_one_woman(sample.blocks)
    places = {
        (column.predictor, column.level): place
        for place, column in enumerate(columns, start=1)
        if not alone[place]
    }
    return places, fit_clustered(sample)
