"""Who relapses after delivery: predictors of the outcome period's rate, each alone and all together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.statistics import identifiability as design_of
from gravida.statistics.bias_reduced import BiasReduced, bias_reduced
from gravida.statistics.counts import NoOverdispersion, fit_negative_binomial, fit_poisson
from gravida.statistics.design import (
    Column,
    Prepared,
    columns_of,
    columns_together,
    decided_by_one_woman,
    make_batch,
    prepare,
)
from gravida.statistics.inference import holm, joint_p_value, wald
from gravida.statistics.kernel import Batch

_ONE_WOMAN = {
    "status": "not_estimable",
    "reason": "rests on one woman: clustered errors cannot hold her",
}
COLUMNS = [
    "model",
    "predictor",
    "level",
    "reference",
    "rate_ratio",
    "lower",
    "upper",
    "p_value",
    "p_joint",
    "p_holm",
    "pregnancies",
    "women",
    "relapses",
    "relapses_level",
    "relapses_reference",
    "status",
    "reason",
]


@dataclass(frozen=True, slots=True)
class PredictorSettings:
    """What the analysis plan fixes about predictors: the covariates, the outcome period, the coverage."""

    covariates: tuple[str, ...]
    period: str
    confidence: float


def estimate_predictors(
    pregnancies: pd.DataFrame,
    person_time: pd.DataFrame,
    policies: Mapping[str, str],
    settings: PredictorSettings,
) -> pd.DataFrame:
    """Estimate rate ratios of the covariates of the plan and of IVIG (yes against no).

    Negative binomial models clustered by woman, on the pregnancies that have a value for every covariate of
    the model; where there is no over-dispersion, Poisson (CR2, t limits; status `fallback`). `p_value`
    belongs to the row, `p_joint` to the predictor (all its levels at once), and `p_holm` adjusts the joint
    p-values for the number of predictors, within the univariable and within the multivariable models.

    Parameters
    ----------
    pregnancies, person_time : DataFrame
        Of the cohort.
    policies : mapping
        Each site's policy.
    settings : PredictorSettings
        The choices of the analysis plan.
    """
    rows = person_time[person_time["period"] == settings.period].reset_index(drop=True)
    theirs, relapses = pregnancies.loc[rows["pregnancy"]], rows["relapses"].to_numpy()
    names = [*(name for name in settings.covariates if name != "ivig"), "ivig"]
    assessed = design_of.assess_identifiability(person_time, policies, settings.period)
    univariable = [
        _fit("univariable", columns_of(theirs, name, relapses), rows, assessed, settings.confidence)
        for name in names
    ]
    together, _ = columns_together(theirs, names, relapses)
    multivariable = _fit("multivariable", together, rows, assessed, settings.confidence)
    families = (pd.concat(univariable, ignore_index=True), multivariable)
    return pd.concat([_with_holm(family) for family in families], ignore_index=True)[COLUMNS]


def _note(assessed: design_of.Identifiability) -> str:
    """Return what must be said beside every ratio of IVIG."""
    if assessed.verdict == design_of.BETWEEN:
        return "between sites only: the arms cannot be told from the sites"
    several = len(assessed.sites) > 1
    return "sites are not in the model: differences between sites enter this ratio" if several else ""


def _fit(
    model: str,
    columns: Sequence[Column],
    rows: pd.DataFrame,
    assessed: design_of.Identifiability,
    confidence: float,
) -> pd.DataFrame:
    """Return the rows of one model."""
    prepared = prepare(columns, rows["relapses"].to_numpy())
    kept = rows[prepared.keep]
    common = {
        "pregnancies": len(kept),
        "women": kept["woman"].nunique(),
        "relapses": int(kept["relapses"].sum()),
    }
    try:
        numbers = _numbers(kept, prepared, confidence)
    except NotEstimable as obstacle:
        failure = {"status": obstacle.status, "reason": str(obstacle)}
        numbers = {(column.predictor, column.level): failure for column in prepared.columns}
    out = []
    for column in columns:
        key = (column.predictor, column.level)
        left_out = {"status": "not_estimable", "reason": prepared.problems.get(key, "")}
        row = {**common, **numbers.get(key, left_out)}
        if column.predictor == "ivig":
            row = _with_verdict(row, common, assessed)
        out.append(
            {
                "model": model,
                "predictor": column.predictor,
                "level": column.level,
                "reference": column.reference,
                **_events(column, columns, rows["relapses"].to_numpy(), prepared.keep),
                **row,
            }
        )
    return pd.DataFrame(out).reindex(columns=COLUMNS)


def _events(
    column: Column, columns: Sequence[Column], relapses: np.ndarray, keep: np.ndarray
) -> dict[str, int | None]:
    """Return the relapses in the level and in its reference, which a ratio gives away; None if continuous."""
    if not column.reference:
        return {}
    levels = [other.data for other in columns if other.predictor == column.predictor]
    inside, outside = column.data == 1, np.all([data == 0 for data in levels], axis=0)
    return {
        "relapses_level": int(relapses[inside & keep].sum()),
        "relapses_reference": int(relapses[outside & keep].sum()),
    }


def _with_verdict(row: dict, common: dict, assessed: design_of.Identifiability) -> dict:
    """Return the row of IVIG with what the design says of it; no ratio where the design has no answer."""
    if assessed.verdict == design_of.NOT_IDENTIFIABLE:
        return {**common, "status": "not_estimable", "reason": assessed.reason}
    return {**row, "reason": "; ".join(filter(None, (row["reason"], _note(assessed))))}


def _numbers(rows: pd.DataFrame, prepared: Prepared, confidence: float) -> dict[tuple[str, str], dict]:
    """Return the estimates of one model by (predictor, level)."""
    if not prepared.columns:
        return {}
    columns = prepared.fitted_columns()
    batch = make_batch(rows, columns)
    fitted = _model(batch)
    alone = decided_by_one_woman(batch)
    kept = [(place, column) for place, column in enumerate(columns, start=1) if not alone[place]]
    joint = {
        predictor: fitted.joint_p_value([place for place, column in kept if column.predictor == predictor])
        for predictor in dict.fromkeys(column.predictor for _, column in kept)
    }
    numbers = {(column.predictor, column.level): _ONE_WOMAN for column in columns}
    for place, column in kept:
        variance, freedom = fitted.covariance[place, place], fitted.degrees_of_freedom(place)
        estimate = wald(fitted.beta[place], variance, confidence, freedom)
        numbers[column.predictor, column.level] = {
            "rate_ratio": estimate.rate_ratio,
            "lower": estimate.lower,
            "upper": estimate.upper,
            "p_value": estimate.p_value,
            "p_joint": joint[column.predictor],
            "status": fitted.status,
            "reason": fitted.reason,
        }
    return numbers


@dataclass(frozen=True, slots=True)
class _Fitted:
    """Coefficients with clustered covariance; `reduced` stands behind that of a Poisson model."""

    beta: np.ndarray
    covariance: np.ndarray
    reduced: BiasReduced | None
    status: str
    reason: str

    def degrees_of_freedom(self, place: int) -> float | None:
        """Return those of t for one coefficient, None where its limits are normal."""
        return self.reduced and self.reduced.degrees_of_freedom(np.eye(self.beta.size)[place])

    def joint_p_value(self, places: list[int]) -> float:
        """Return the p-value that the coefficients at these places are all 0."""
        if self.reduced:
            return self.reduced.joint_p_value(self.beta, places)
        return joint_p_value(self.beta[places], self.covariance[np.ix_(places, places)])


def _model(batch: Batch) -> _Fitted:
    """Fit the negative binomial, or, where there is no over-dispersion, Poisson with bias-reduced errors."""
    if batch.counts.size <= batch.design.shape[1] + 1:
        raise NotEstimable("there are no more pregnancies than coefficients")
    try:
        model = fit_negative_binomial([batch])
    except NoOverdispersion as bound:
        model = fit_poisson([batch])
        reduced = bias_reduced(model)
        reason = f"{bound}: Poisson with bias-reduced errors"
        return _Fitted(model.beta, reduced.covariance, reduced, "fallback", reason)
    return _Fitted(model.beta, model.clustered_covariance(), None, "ok", "")


def _with_holm(family: pd.DataFrame) -> pd.DataFrame:
    """Return the family of models with Holm's adjustment over one joint p-value for each predictor."""
    joint = family.dropna(subset="p_joint").drop_duplicates("predictor").set_index("predictor")["p_joint"]
    if joint.empty:
        return family
    adjusted = pd.Series(holm(joint.to_numpy(float)), index=joint.index)
    return family.assign(p_holm=family["predictor"].map(adjusted).where(family["p_joint"].notna()))
