"""Who relapses after delivery: predictors of the outcome period's rate, each alone and all together."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from gravida import words
from gravida.errors import NotEstimable
from gravida.models.clustered import fit_clustered
from gravida.models.inference import holm, wald
from gravida.models.splines import spline_term
from gravida.statistics import identifiability as design_of
from gravida.statistics.contrasts import Contrasts, joined
from gravida.statistics.design import Column, columns_of, columns_together, decided_by_one_woman, make_batch
from gravida.statistics.guards import relapsed_women
from gravida.statistics.imputed import ImputationPlan
from gravida.statistics.imputed_predictors import with_imputed_ratios
from gravida.statistics.preparing import Prepared, prepare
from gravida.statistics.time_varying import CAUTION, NO_RESTART_DATED, split_at_restart

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
    "p_nonlinear",
    "imputed_rate_ratio",
    "imputed_lower",
    "imputed_upper",
    "imputed_p_value",
    "pregnancies",
    "women",
    "relapses",
    "relapses_level",
    "relapses_reference",
    "women_with_relapse",
    "women_with_relapse_level",
    "women_with_relapse_reference",
    "relapses_most",
    "relapses_most_level",
    "relapses_most_reference",
    "status",
    "reason",
]


# The row of the joint test of every predictor but the treatment.
ALL_BUT_IVIG = "all_but_ivig"


def estimate_predictors(
    contrasts: Contrasts, onsets: pd.DataFrame, imputation: ImputationPlan | None = None
) -> pd.DataFrame:
    """Estimate rate ratios of the covariates of the plan and of IVIG (yes against no).

    Negative binomial models clustered by woman, on the pregnancies that have a value for every covariate of
    the model; where there is no over-dispersion, Poisson (CR2, t limits; status `fallback`). `p_value`
    belongs to the row, `p_joint` to the predictor (all its levels at once), and `p_holm` adjusts the joint
    p-values for the number of predictors, within the univariable and within the multivariable models. The row
    `all_but_ivig` tests all the others at once. `p_nonlinear` asks whether a continuous predictor alone acts
    in a straight line (restricted cubic spline, 3 knots). The columns `imputed_...` are the multivariable
    model's with missing values imputed. `dmt_restart` varies with time and stands by itself.

    Parameters
    ----------
    contrasts : Contrasts
        Of the outcome period.
    onsets : DataFrame
        `Cohort.onsets`.
    imputation : ImputationPlan, optional
        Of missing covariates; None leaves the imputed columns empty.
    """
    rows = contrasts.rows
    theirs, relapses = contrasts.pregnancies.loc[rows["pregnancy"]], rows["relapses"].to_numpy()
    names, confidence = names_of(contrasts), contrasts.settings.confidence
    univariable = [
        _fit("univariable", columns_of(theirs, name, relapses), rows, contrasts.verdict, confidence)
        for name in names
    ]
    together, _ = columns_together(theirs, names, relapses)
    multivariable = _fit("multivariable", together, rows, contrasts.verdict, confidence)
    if imputation:
        multivariable = with_imputed_ratios(multivariable, contrasts, names, imputation)
    families = [_with_holm(family) for family in (pd.concat(univariable, ignore_index=True), multivariable)]
    tables = [families[0], _restart(contrasts, onsets), families[1]]
    return pd.concat([table.astype(object) for table in tables], ignore_index=True).infer_objects()[COLUMNS]


def _restart(contrasts: Contrasts, onsets: pd.DataFrame) -> pd.DataFrame:
    """Return the row of the restart of a therapy: the rate after it against the rate before."""
    rows, after = split_at_restart(contrasts, onsets)
    table = _fit("univariable", [after], rows, contrasts.verdict, contrasts.settings.confidence)
    said = NO_RESTART_DATED if not after.data.any() else CAUTION
    reasons = [joined(reason or "", said) for reason in table["reason"]]
    return table.assign(pregnancies=rows["pregnancy"].nunique(), reason=reasons)


def names_of(contrasts: Contrasts) -> tuple[str, ...]:
    """Return the names of the predictors: the covariates of the plan, and the treatment last."""
    return (*(name for name in contrasts.settings.covariates if name != "ivig"), "ivig")


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
        **relapsed_women(kept["woman"], kept["relapses"]),
    }
    try:
        numbers = _numbers(kept, prepared, confidence)
    except NotEstimable as obstacle:
        failure = {"status": obstacle.status, "reason": str(obstacle)}
        numbers = {(column.predictor, column.level): failure for column in prepared.columns}
        numbers[ALL_BUT_IVIG, ""] = failure
    out = []
    for column in columns:
        key = (column.predictor, column.level)
        left_out = {"status": "not_estimable", "reason": prepared.problems.get(key, "")}
        row = {**common, **numbers.get(key, left_out)}
        if column.predictor == "ivig":
            row = _with_verdict(row, common, assessed)
        events = _events(column, columns, rows, prepared.keep)
        label = {"predictor": column.predictor, "level": column.level, "reference": column.reference}
        out.append({"model": model, **label, **events, **row})
    if model == "multivariable":
        nothing = {"status": "not_estimable", "reason": "no predictor can be estimated"}
        joint = numbers.get((ALL_BUT_IVIG, ""), nothing)
        out.append(
            {"model": model, "predictor": ALL_BUT_IVIG, "level": "", "reference": "", **common, **joint}
        )
    return pd.DataFrame(out).reindex(columns=COLUMNS)


def _events(
    column: Column, columns: Sequence[Column], rows: pd.DataFrame, keep: np.ndarray
) -> dict[str, int]:
    """Return the relapses in the level and in its reference, and whose they are; nothing if continuous.

    A ratio gives them away.
    """
    if not column.reference:
        return {}
    levels = [other.data for other in columns if other.predictor == column.predictor]
    inside, outside = column.data == 1, np.all([data == 0 for data in levels], axis=0)
    counts = {}
    for name, group in (("level", rows[inside & keep]), ("reference", rows[outside & keep])):
        counts[f"relapses_{name}"] = int(group["relapses"].sum())
        counts |= relapsed_women(group["woman"], group["relapses"], f"_{name}")
    return counts


def _with_verdict(row: dict, common: dict, assessed: design_of.Identifiability) -> dict:
    """Return the row of IVIG with what the design says of it; no ratio where the design has no answer."""
    if assessed.verdict == design_of.NOT_IDENTIFIABLE:
        return {**common, "status": "not_estimable", "reason": assessed.reason}
    return {**row, "reason": words.joined(row["reason"], _note(assessed))}


def _numbers(rows: pd.DataFrame, prepared: Prepared, confidence: float) -> dict[tuple[str, str], dict]:
    """Return the estimates of one model by (predictor, level)."""
    if not prepared.columns:
        return {}
    columns = prepared.fitted_columns()
    batch = make_batch(rows, columns)
    fitted = fit_clustered(batch)
    alone = decided_by_one_woman(batch)
    kept = [(place, column) for place, column in enumerate(columns, start=1) if not alone[place]]
    joint = {
        predictor: fitted.joint_p_value([place for place, column in kept if column.predictor == predictor])
        for predictor in dict.fromkeys(column.predictor for _, column in kept)
    }
    numbers = {(column.predictor, column.level): _ONE_WOMAN for column in columns}
    others = [place for place, column in kept if column.predictor != "ivig"]
    if others:
        together = {"p_joint": fitted.joint_p_value(others), "status": fitted.status, "reason": fitted.reason}
        numbers[ALL_BUT_IVIG, ""] = together
    curved = _nonlinear(rows, columns) if len(columns) == 1 else {}
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
            **curved,
        }
    return numbers


def _nonlinear(rows: pd.DataFrame, columns: Sequence[Column]) -> dict[str, float]:
    """Return the p-value that a continuous predictor acts in a straight line; nothing if none can be had."""
    (column,) = columns
    if column.reference:
        return {}
    try:
        curve = replace(column, level="curve", data=spline_term(column.data))
        batch = make_batch(rows, [column, curve])
        if decided_by_one_woman(batch)[2]:
            return {}
        return {"p_nonlinear": fit_clustered(batch).joint_p_value([2])}
    except NotEstimable:
        return {}


def _with_holm(family: pd.DataFrame) -> pd.DataFrame:
    """Return the family of models with Holm's adjustment over one joint p-value for each predictor."""
    single = family[family["predictor"] != ALL_BUT_IVIG]
    joint = single.dropna(subset="p_joint").drop_duplicates("predictor").set_index("predictor")["p_joint"]
    if joint.empty:
        return family
    adjusted = pd.Series(holm(joint.to_numpy(float)), index=joint.index)
    return family.assign(p_holm=family["predictor"].map(adjusted).where(family["p_joint"].notna()))
