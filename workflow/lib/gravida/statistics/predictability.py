"""Whether relapses after delivery can be predicted at all: the multivariable model on women it has not seen.

The women are dealt into parts, each part is predicted by the model that is fitted on the others, and this is
repeated with other parts. Predictions are compared within a part only: those of two parts come from two
models, and a part with many relapses leaves few to the others, so that across parts worthless predictions
look worse than chance. Not a sum over women: the models and the pairs of women are not.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.models.clustered import MANY_WOMEN, MOST_WOMEN
from gravida.models.counts import CountModel, NoOverdispersion, fit_negative_binomial, fit_poisson
from gravida.models.kernel import Batch, woman_scores
from gravida.statistics.canonical import canonical_order
from gravida.statistics.contrasts import Contrasts
from gravida.statistics.design import Column, columns_together, cut_columns, make_batch
from gravida.statistics.guards import relapsed_women
from gravida.statistics.predictors import names_of
from gravida.statistics.preparing import prepare
from gravida.statistics.validation import (
    Validation,
    calibration_in_the_large,
    calibration_slope,
    concordance,
)
from gravida.words import NEEDS_ROWS

# Parts of the women and how often they are dealt: with few women, and with many.
PARTS, DEALS = (10, 5), (10, 1)
# About how many pregnancies are compared with each other at most, so that pairs grow with n and not with n^2.
LARGEST_GROUP = 200
# The jackknife takes out one woman after the other, among more women half as many blocks of them as this.
MOST_BLOCKS = 200
ONE_RATE = "where the model could not be fitted without a part of the women, one rate is predicted for all"
MEASURES: dict[str, Callable] = {
    "concordance": concordance,
    "calibration_slope": calibration_slope,
    "calibration_in_the_large": calibration_in_the_large,
}
COLUMNS = [
    *("measure", "value", "lower", "upper", "pregnancies", "women"),
    *("relapses", "women_with_relapse", "relapses_most", "status", "reason"),
]


def estimate_predictability(contrasts: Contrasts, seed: int) -> pd.DataFrame:
    """Cross-validate the multivariable model of the predictors.

    Which women are dealt into which part follows from the seed and the values of the rows. In the training
    data a covariate or level that cannot be estimated (a level without a relapse, say) is left out, and the
    women who have it are predicted as if they had the reference. Where no model can be fitted at all, one
    common rate is the prediction, and the reason says so.

    Up to 5,000 women are dealt into 10 parts 10 times, more into 5 parts once; above 100,000 it is left out.

    Parameters
    ----------
    contrasts : Contrasts
        Of the outcome period.
    seed : int
        Of the deals.

    Returns
    -------
    DataFrame
        `concordance`, `calibration_slope` and `calibration_in_the_large` (see `validation`), one row each.
    """
    if not contrasts.rows_at_hand:
        row = {"status": "not_estimable", "reason": NEEDS_ROWS}
        return pd.DataFrame([{"measure": name, **row} for name in MEASURES]).reindex(columns=COLUMNS)
    rows = contrasts.rows
    if rows["woman"].nunique() > MOST_WOMEN:
        row = {"status": "not_estimable", "reason": "left out above 100,000 women"}
        return pd.DataFrame([{"measure": name, **row} for name in MEASURES]).reindex(columns=COLUMNS)
    columns, _ = columns_together(contrasts.pregnancies, names_of(contrasts), rows)
    prepared = prepare(columns, rows["relapses"].to_numpy())
    kept, columns = rows[prepared.keep], prepared.fitted_columns()
    values = contrasts.pregnancies.loc[kept["pregnancy"]].reset_index(drop=True)
    values = values.assign(**{name: kept[name].to_numpy() for name in kept})
    order = canonical_order(values, kept["woman"].to_numpy())
    columns = cut_columns(columns, order)
    common = {
        "pregnancies": len(kept),
        "women": kept["woman"].nunique(),
        "relapses": int(kept["relapses"].sum()),
        **relapsed_women(kept["woman"], kept["relapses"]),
    }
    found = _rows(kept.iloc[order], columns, contrasts.settings.confidence, seed)
    return pd.DataFrame([{"measure": name, **common, **row} for name, row in found]).reindex(columns=COLUMNS)


def _rows(
    rows: pd.DataFrame, columns: Sequence[Column], confidence: float, seed: int
) -> Iterator[tuple[str, dict]]:
    """Yield each measure with its numbers, or with the reason why there are none."""
    try:
        validation, note = _validate(rows, columns, seed)
    except NotEstimable as obstacle:
        for name in MEASURES:
            yield name, {"status": obstacle.status, "reason": str(obstacle)}
        return
    for name, measure in MEASURES.items():
        try:
            value, lower, upper = measure(validation, confidence)
        except NotEstimable as obstacle:
            yield name, {"status": obstacle.status, "reason": str(obstacle)}
            continue
        yield name, {"value": value, "lower": lower, "upper": upper, "status": "ok", "reason": note}


def _validate(rows: pd.DataFrame, columns: Sequence[Column], seed: int) -> tuple[Validation, str]:
    """Return the predictions of all deals, and what is to be said of them."""
    if not rows["relapses"].any():
        raise NotEstimable("there is no relapse in the period")
    if not columns:
        raise NotEstimable("no covariate can be estimated")
    batch = make_batch(rows.assign(woman=pd.factorize(rows["woman"])[0]), columns)
    women = int(batch.woman.max()) + 1
    large = women > MANY_WOMEN
    parts = min(PARTS[large], women // 2)
    if parts < 2:
        raise NotEstimable("there are fewer than 4 women")
    groups = parts * max(1, round(batch.counts.size / parts / LARGEST_GROUP))
    treated = np.bincount(batch.woman, rows["arm"] == "treated") / np.bincount(batch.woman)
    rng = np.random.default_rng(seed)
    block = np.arange(women) if women <= MOST_BLOCKS else _deal(treated, MOST_BLOCKS // 2, rng)
    group = np.array([_deal(treated, groups, rng)[batch.woman] for _ in range(DEALS[large])])
    part = group % parts
    models = [[_without(batch, columns, dealt == number, block) for number in range(parts)] for dealt in part]
    failed = sum(model.one_rate for row in models for model in row)
    if 2 * failed > part.shape[0] * parts:
        raise NotEstimable("without a part of the women the model can mostly not be fitted")
    beta = np.array([[model.beta for model in row] for row in models])
    change = np.moveaxis(np.array([[model.change for model in row] for row in models]), 2, 0)
    years = np.exp(batch.log_time)
    validation = Validation(
        batch.counts, years, batch.woman, batch.design, part, group, beta, change, block[batch.woman]
    )
    return validation, ONE_RATE if failed else ""


def _deal(treated: np.ndarray, groups: int, rng: np.random.Generator) -> np.ndarray:
    """Return a group for each woman, at random but with equal shares of the arms, shape (women,)."""
    shuffled = rng.permutation(treated.size)
    by_arm = shuffled[np.argsort(treated[shuffled], kind="stable")]
    group = np.empty(treated.size, dtype=np.int64)
    group[by_arm] = np.arange(treated.size) % groups
    return group


@dataclass(frozen=True, slots=True)
class _Trained:
    """A model of training data.

    Attributes
    ----------
    beta : ndarray, shape (p,)
        Coefficients, 0 for what cannot be estimated.
    change : ndarray, shape (blocks, p)
        What is added to them when a block of women is taken out: one step of Newton's method.
    one_rate : bool
        Whether the model could not be fitted, and is a common rate.
    """

    beta: np.ndarray
    change: np.ndarray
    one_rate: bool


def _without(batch: Batch, columns: Sequence[Column], held_out: np.ndarray, block: np.ndarray) -> _Trained:
    """Return the model of the pregnancies that are not held out.

    Parameters
    ----------
    batch : Batch
        n pregnancies.
    columns : sequence of Column
        Those of the design after the intercept.
    held_out : ndarray of bool, shape (n,)
    block : ndarray of int, shape (women,)
    """
    training = batch.take(~held_out)
    prepared = prepare(cut_columns(columns, ~held_out), training.counts)
    used = [(column.predictor, column.level) for column in prepared.columns]
    places = [0, *(1 + at for at, c in enumerate(columns) if (c.predictor, c.level) in used)]
    one_rate = False
    try:
        model = _model(_cut(training.take(prepared.keep), places))
    except NotEstimable:
        if not training.counts.any():
            raise NotEstimable("without a part of the women there is no relapse") from None
        places, one_rate = [0], True
        model = fit_poisson([_cut(training, places)])
    bread = np.linalg.inv(model.fit.sums.information)
    influence = woman_scores(model.family, model.sample.batches, model.fit.parameters, block.size) @ bread
    beta, change = np.zeros(len(columns) + 1), np.zeros((int(block.max()) + 1, len(columns) + 1))
    beta[places] = model.beta
    for at, place in enumerate(places):
        change[:, place] = -np.bincount(block, influence[:, at])
    return _Trained(beta, change, one_rate)


def _cut(batch: Batch, places: list[int]) -> Batch:
    return replace(batch, design=batch.design[:, places])


def _model(batch: Batch) -> CountModel:
    """Fit the negative binomial, or Poisson where there is no over-dispersion."""
    if batch.counts.size <= batch.design.shape[1] + 1:
        raise NotEstimable("there are no more pregnancies than coefficients")
    try:
        return fit_negative_binomial([batch])
    except NoOverdispersion:
        return fit_poisson([batch])
