"""The comparison of the arms by every model, and what becomes of it under other choices."""

from dataclasses import replace

import pandas as pd

from gravida import words
from gravida.report import cells
from gravida.report.display import Display
from gravida.report.section import Picture, Section

ARMS_COMPARED = "Treated against untreated"


def show_rate_ratios(rate_ratios: pd.DataFrame) -> Display:
    """Show every analysis of the contrast, the primary one marked and in bold."""
    shown = cells.display(
        rate_ratios,
        {
            "Contrast": lambda row: (
                f"{words.words(row['period'], words.PERIODS)}, {row['contrast'].replace('/', ' over ')}"
            ),
            "Analysis": lambda row: (
                words.words(row["analysis"], words.ANALYSES) + (" (primary)" if row["is_primary"] else "")
            ),
            "Model and errors": _model,
            "Rate ratio (limits)": cells.limits("rate_ratio", "lower", "upper", 3),
            "p": cells.p_value(),
            "α": cells.only(cells.fixed("alpha", 3), _has_alpha),
            **cells.counts("pregnancies", "women", "relapses"),
            cells.NOTE: lambda row: words.joined(cells.adjusted(row), _standardised(row), cells.note(row)),
        },
        row="Analysis",
        group="Contrast",
        optional=(cells.NOTE, "α"),
    )
    marked = rate_ratios["is_primary"].astype(bool).to_numpy().nonzero()[0]
    return replace(shown, emphasis=tuple(int(position) for position in marked))


def _has_alpha(row: pd.Series) -> bool:
    return row["model"] == "negative_binomial" or not words.is_missing(row["alpha"])


def _model(row: pd.Series) -> str:
    model, errors = words.words(row["model"], words.MODELS), words.words(row["covariance"], words.COVARIANCES)
    return ", ".join(filter(None, (model, errors)))


def _standardised(row: pd.Series) -> str:
    """Return the standardised rates of the two arms, "" where the analysis has none."""
    rates = [row.get(f"rate_{arm}") for arm in ("numerator", "denominator")]
    if any(words.is_missing(rate) for rate in rates):
        return ""
    arms = row["contrast"].split("/")
    listed = [f"{words.fixed(rate, 2)} {arm}" for arm, rate in zip(arms, rates, strict=True)]
    return f"standardised rates {' and '.join(listed)}"


def show_sensitivity(sensitivity: pd.DataFrame) -> Display:
    """Show the primary contrast under one other choice a row, the primary one in bold."""
    shown = cells.display(
        sensitivity,
        {
            "Scenario": lambda row: words.scenario(row["scenario"]),
            "Model and errors": _model,
            "Rate ratio (limits)": cells.limits("rate_ratio", "lower", "upper", 3),
            "p": cells.p_value(),
            **cells.counts("pregnancies", "women", "relapses"),
            "Relapses in each arm": cells.together("relapses_numerator", "relapses_denominator"),
            cells.NOTE: lambda row: words.joined(cells.adjusted(row), cells.note(row)),
        },
        row="Scenario",
    )
    marked = (sensitivity["scenario"] == "primary").to_numpy().nonzero()[0]
    return replace(shown, emphasis=tuple(int(position) for position in marked))


def describe_sensitivity(sensitivity: pd.DataFrame) -> str:
    """Put the forest plot in words: how many ratios it holds, and the lowest and the highest."""
    given = sensitivity[words.drawn_scenarios(sensitivity)].dropna(subset=["rate_ratio"])
    if given.empty:
        return "Forest plot of the sensitivity analyses: none has a ratio."
    lowest, highest = (words.fixed(end(given["rate_ratio"]), 2) for end in (min, max))
    return (
        f"Forest plot of {len(given)} rate ratios, one for each scenario, from {lowest} to {highest}. The "
        "numbers are in the table."
    )


RATE_RATIOS = Section(
    table="rate_ratios",
    title="Treated and untreated compared",
    caption="Relapse rate ratios by analysis and model",
    show=show_rate_ratios,
    notes=(
        "Limits: {ci}. A ratio above 1 means more relapses in the arm named first.",
        "Clustered by woman: CR1S, k counting every parameter, alpha included; GEE: CR0. CR2: t on "
        "Satterthwaite degrees of freedom.",
        "Alpha: dispersion of the negative binomial; 0 is Poisson.",
    ),
    contrast=ARMS_COMPARED,
    where=(
        ("analysis", "exact", "Exact: given all relapses, central limits, p twice the smaller tail."),
        (
            "analysis",
            "exact_mid_p",
            "Mid-p: as exact, with half the probability of what was observed in each tail.",
        ),
        (
            "covariance",
            "jackknife",
            "Jackknife: one woman left out at a time, deviations from the estimate with all, times (G-1)/G; "
            "normal limits.",
        ),
        (
            "model",
            "firth_poisson",
            "Firth: likelihood penalised by the root of the information's determinant; model-based Wald "
            "limits, not clustered.",
        ),
        (
            "model",
            "mixed_poisson",
            "Mixed Poisson: a normal intercept for each site, adaptive Gauss-Hermite quadrature, model-based "
            "Wald limits.",
        ),
        (
            "analysis",
            "g_computation",
            "G-computation: rates as if every pregnancy had been of one arm, from the adjusted model, limits "
            "by the delta method with the clustered sandwich. With a log link and no interaction the ratio "
            "equals the conditional one.",
        ),
        (
            "analysis",
            "iptw",
            "Weighted: ratio of weighted rates, errors clustered by woman (CR1S), weights taken as known.",
        ),
        (
            "analysis",
            "negative_control",
            "Negative control: IVIG after this delivery cannot act on the year before the pregnancy; a ratio "
            "away from 1 there is a difference between the arms that it did not make.",
        ),
    ),
)
SENSITIVITY = Section(
    table="sensitivity",
    title="Would other choices change it?",
    caption="The primary contrast with one choice changed at a time",
    show=show_sensitivity,
    notes=(
        "Limits: {ci}. Each row is the primary analysis with what its name says changed; it falls back as "
        "that does.",
        "Relapses in each arm: the arm named first in the contrast / the other.",
        "Not adjusted for the number of rows: they are one analysis seen from several sides.",
    ),
    contrast=ARMS_COMPARED,
    where=(
        (
            "scenario",
            "clone_censor_weight",
            "Start within 30 days against no start by then: each pregnancy stands in both arms until it "
            "leaves one, and counts in both, those who stay weighted by the inverse of their chance to stay.",
        ),
        (
            "scenario",
            "multiple_imputation",
            "Missing values imputed: pooled by Rubin's rules, t limits with Barnard and Rubin's degrees of "
            "freedom. Moved: how far the EDSS that nobody recorded would have to lie from what is imputed, "
            "in the treated alone, before the answer changes.",
        ),
    ),
    picture=Picture(
        name="sensitivity",
        caption=(
            "The primary rate ratio (dashed) and that of each scenario with {ci}, logarithmic axis; n is "
            "pregnancies. An arrow marks an interval that goes beyond the axis."
        ),
        describe=describe_sensitivity,
    ),
)
