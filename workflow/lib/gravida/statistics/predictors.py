"""Who relapses after delivery: predictors of the outcome period's rate, each alone and all together."""

from collections.abc import Sequence

import pandas as pd

from gravida import words
from gravida.errors import NotEstimable
from gravida.models.clustered import fit_clustered
from gravida.models.inference import holm, wald
from gravida.statistics import identifiability as design_of
from gravida.statistics.contrasts import Contrasts, joined
from gravida.statistics.design import columns_together
from gravida.statistics.imputed import ImputationPlan
from gravida.statistics.imputed_predictors import with_imputed_ratios
from gravida.statistics.prepared_rows import PreparedRows
from gravida.statistics.preparing import Key
from gravida.statistics.time_varying import CAUTION, NO_RESTART_DATED, RESTART, split_at_restart
from gravida.words import NEEDS_ROWS

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
    names = names_of(contrasts)
    univariable = [_model("univariable", (name,), contrasts) for name in names]
    multivariable = _model("multivariable", names, contrasts)
    if imputation and contrasts.rows_at_hand:
        multivariable = with_imputed_ratios(multivariable, contrasts, names, imputation)
    families = [_with_holm(family) for family in (pd.concat(univariable, ignore_index=True), multivariable)]
    tables = [families[0], _restart(contrasts, onsets), families[1]]
    return pd.concat([table.astype(object) for table in tables], ignore_index=True).infer_objects()[COLUMNS]


def _model(model: str, names: Sequence[str], contrasts: Contrasts) -> pd.DataFrame:
    """Return the rows of one model; where its pregnancies cannot be counted, why."""
    try:
        prepared = _prepared(contrasts, names)
    except NotEstimable as obstacle:
        why = {"model": model, "level": "", "status": obstacle.status, "reason": str(obstacle)}
        return pd.DataFrame([{**why, "predictor": name} for name in names]).reindex(columns=COLUMNS)
    return _fit(model, prepared, contrasts)


def _prepared(contrasts: Contrasts, names: Sequence[str]) -> PreparedRows:
    """Return what of some predictors can be estimated together."""
    if not contrasts.rows_at_hand:
        return contrasts.predicted(names)
    rows = contrasts.rows
    return PreparedRows.of(rows, columns_together(contrasts.pregnancies, names, rows)[0])


def _restart(contrasts: Contrasts, onsets: pd.DataFrame) -> pd.DataFrame:
    """Return the row of the restart of a therapy: the rate after it against the rate before."""
    if not contrasts.rows_at_hand:
        row = {"model": "univariable", "predictor": RESTART, "status": "not_estimable", "reason": NEEDS_ROWS}
        return pd.DataFrame([{**row, "level": "after", "reference": "before"}]).reindex(columns=COLUMNS)
    rows, after = split_at_restart(contrasts, onsets)
    table = _fit("univariable", PreparedRows.of(rows.reset_index(drop=True), [after]), contrasts)
    said = NO_RESTART_DATED if not after.coded.where(1.0).any() else CAUTION
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


def _fit(model: str, prepared: PreparedRows, contrasts: Contrasts) -> pd.DataFrame:
    """Return the rows of one model."""
    common = prepared.common
    try:
        numbers = _numbers(prepared, contrasts.settings.confidence)
    except NotEstimable as obstacle:
        failure = {"status": obstacle.status, "reason": str(obstacle)}
        numbers = {(column.predictor, column.level): failure for column in prepared.columns}
        numbers[ALL_BUT_IVIG, ""] = failure
    out = []
    for column in prepared.asked:
        key = (column.predictor, column.level)
        left_out = {"status": "not_estimable", "reason": prepared.problems.get(key, "")}
        row = {**common, **numbers.get(key, left_out)}
        if column.predictor == "ivig":
            row = _with_verdict(row, common, contrasts.verdict)
        label = {"predictor": column.predictor, "level": column.level, "reference": column.reference}
        out.append({"model": model, **label, **prepared.events(column), **row})
    if model == "multivariable":
        nothing = {"status": "not_estimable", "reason": "no predictor can be estimated"}
        joint = numbers.get((ALL_BUT_IVIG, ""), nothing)
        out.append(
            {"model": model, "predictor": ALL_BUT_IVIG, "level": "", "reference": "", **common, **joint}
        )
    return pd.DataFrame(out).reindex(columns=COLUMNS)


def _with_verdict(row: dict, common: dict, assessed: design_of.Identifiability) -> dict:
    """Return the row of IVIG with what the design says of it; no ratio where the design has no answer."""
    if assessed.verdict == design_of.NOT_IDENTIFIABLE:
        return {**common, "status": "not_estimable", "reason": assessed.reason}
    return {**row, "reason": words.joined(row["reason"], _note(assessed))}


def _numbers(prepared: PreparedRows, confidence: float) -> dict[Key, dict]:
    """Return the estimates of one model by (predictor, level)."""
    columns = prepared.columns
    if not columns:
        return {}
    fitted = fit_clustered(prepared.sample)
    alone = prepared.rests_on_one_woman()
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
    curved = prepared.nonlinear() if len(columns) == 1 else {}
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


def _with_holm(family: pd.DataFrame) -> pd.DataFrame:
    """Return the family of models with Holm's adjustment over one joint p-value for each predictor."""
    single = family[family["predictor"] != ALL_BUT_IVIG]
    joint = single.dropna(subset="p_joint").drop_duplicates("predictor").set_index("predictor")["p_joint"]
    if joint.empty:
        return family
    adjusted = pd.Series(holm(joint.to_numpy(float)), index=joint.index)
    return family.assign(p_holm=family["predictor"].map(adjusted).where(family["p_joint"].notna()))
