"""Who relapses after delivery, and whether it can be foreseen."""

import pandas as pd

from gravida import words
from gravida.report import cells
from gravida.report.display import Display
from gravida.report.section import Picture, Section

IMPUTED = ("Imputed (limits)", "Imputed, p")


def show_predictors(predictors: pd.DataFrame) -> Display:
    """Show the predictors of relapse, each alone and all together."""
    return cells.display(
        predictors,
        {
            "Model": lambda row: words.words(row["model"], words.MODELS),
            "Predictor": words.predictor_label,
            "Rate ratio (limits)": cells.limits("rate_ratio", "lower", "upper", 3),
            "p": cells.p_value(),
            "p, joint": cells.p_value("p_joint"),
            "p, Holm": cells.p_value("p_holm"),
            "p, curved": cells.only(cells.p_value("p_nonlinear"), _alone_and_continuous),
            IMPUTED[0]: cells.only(
                cells.limits("imputed_rate_ratio", "imputed_lower", "imputed_upper", 3), _together
            ),
            IMPUTED[1]: cells.only(cells.p_value("imputed_p_value"), _together),
            "Pregnancies / women / relapses": cells.together("pregnancies", "women", "relapses"),
            cells.NOTE: cells.note,
        },
        row="Predictor",
        group="Model",
        optional=(cells.NOTE, "p, curved", *IMPUTED),
    )


def _together(row: pd.Series) -> bool:
    return row["model"] == "multivariable"


def _alone_and_continuous(row: pd.Series) -> bool:
    return not _together(row) and not words.text(row["reference"])


def describe_predictors(predictors: pd.DataFrame) -> str:
    """Put the forest plot in words: how many ratios it holds and how many intervals leave out 1."""
    given = predictors.dropna(subset=["rate_ratio", "lower", "upper"])
    clear = int(((given["lower"] > 1) | (given["upper"] < 1)).sum())
    return (
        f"Forest plot of {len(given)} rate ratios, each predictor alone and all together. Intervals that "
        f"leave out 1: {clear}. The numbers are in the table."
    )


def show_predictability(predictability: pd.DataFrame) -> Display:
    """Show how well relapses of women outside the model are foreseen by it."""
    return cells.display(
        predictability,
        {
            "Measure": lambda row: words.words(row["measure"], words.MEASURES),
            "Value (limits)": cells.limits("value", "lower", "upper", 3),
            "No use, or perfect": lambda row: NEUTRAL.get(row["measure"], ""),
            **cells.counts("pregnancies", "women", "relapses"),
            cells.NOTE: cells.note,
        },
        row="Measure",
    )


NEUTRAL = {
    "concordance": "0.5 is chance, 1 is perfect",
    "calibration_slope": "0 is no use, 1 is perfect",
    "calibration_in_the_large": "0 is perfect",
}
PREDICTORS = Section(
    table="predictors",
    title="Predictors of relapse",
    caption="Rate ratios of the predictors, each alone and all together",
    show=show_predictors,
    notes=(
        "Limits: {ci}, clustered by woman. p, joint: all levels of a predictor at once.",
        "p, Holm: the joint p adjusted within the univariable and within the multivariable family.",
    ),
    contrast="IVIG",
    picture=Picture(
        name="predictors",
        caption=(
            "Rate ratios of the predictors with {ci}, logarithmic axis; n is pregnancies. An arrow "
            "marks an interval that goes beyond the axis."
        ),
        describe=describe_predictors,
    ),
    where=(
        ("status", "fallback", "Fallback: no over-dispersion, so that the model is Poisson (CR2, t limits)."),
        (
            "p_nonlinear",
            "",
            "p, curved: that the effect is not a straight line, by the curved term of a restricted cubic "
            "spline with three knots.",
        ),
        (
            "imputed_rate_ratio",
            "",
            "Imputed: also with pregnancies of which a covariate is missing, by multiple imputation, t "
            "limits by Rubin's rules with Barnard and Rubin's degrees of freedom; the numbers of "
            "pregnancies beside are those of complete cases.",
        ),
        (
            "predictor",
            "all_but_ivig",
            "All but IVIG: one test that none of the other predictors matters in the multivariable model.",
        ),
    ),
)
PREDICTABILITY = Section(
    table="predictability",
    title="Can relapses be foreseen?",
    caption="The multivariable model in women whom it has not seen",
    show=show_predictability,
    notes=(
        "Cross-validated: each woman's pregnancies are predicted by a model fitted without her fold of "
        "women; limits {ci}.",
        "Concordance: share of pairs in which the pregnancy with more relapses had the higher predicted "
        "rate, among pairs of women of whom one had more relapses in no more time. Slope: of the log rate on "
        "the log of the predicted rate; below 1, predictions are too extreme. In the large: log of observed "
        "over predicted relapses.",
        "Limits of concordance and slope: jackknife by woman of the whole procedure, models included. In the "
        "large: clustered by woman, the predictions taken as given.",
    ),
)
