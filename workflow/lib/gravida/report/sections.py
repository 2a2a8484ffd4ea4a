"""The sections of the report as data: what each needs, how it is shown and what is printed under it."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from gravida import words
from gravida.report.display import Display
from gravida.report.tables import (
    show_attrition,
    show_baseline,
    show_data_quality,
    show_dispersion,
    show_identifiability,
    show_predictors,
    show_rate_ratios,
    show_rates,
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of a section: its name, its caption and how its content is put in words."""

    name: str
    caption: str
    describe: Callable[[pd.DataFrame], str]


@dataclass(frozen=True, slots=True)
class Section:
    """A section: it appears where its table has rows. ``{ci}`` in its texts becomes such as `95% CI`."""

    table: str
    title: str
    caption: str
    show: Callable[[pd.DataFrame], Display]
    notes: tuple[str, ...]
    picture: Picture | None = None


def describe_course(relapse_rates: pd.DataFrame) -> str:
    """Put the figure of the course in words: each arm's rates in the three whole periods."""
    pieces = []
    for arm, rows in relapse_rates[relapse_rates["group"] == "arm"].groupby("arm", sort=False):
        rates = rows[rows["period"].isin(["pre_pregnancy_year", "pregnancy", "postpartum_year"])]
        listed = ", ".join(
            f"{words.lower_first(words.PERIODS[row['period']])} {_rate(row)}" for _, row in rates.iterrows()
        )
        pieces.append(f"{words.words(arm, words.ARMS)}: {listed}.")
    return " ".join(["Relapses per year by period and arm, over published cohorts.", *pieces])


def _rate(row: pd.Series) -> str:
    if words.is_missing(row["rate"]):
        return words.WITHHELD if words.is_withheld(row) else "not estimable"
    return words.fixed(row["rate"], 2)


def describe_predictors(predictors: pd.DataFrame) -> str:
    """Put the forest plot in words: how many ratios it holds and how many intervals leave out 1."""
    given = predictors.dropna(subset=["rate_ratio", "lower", "upper"])
    clear = int(((given["lower"] > 1) | (given["upper"] < 1)).sum())
    return (
        f"Forest plot of {len(given)} rate ratios, each predictor alone and all together; {clear} of the "
        "intervals leave out 1. The numbers are in the table."
    )


SECTIONS = (
    Section(
        table="attrition",
        title="Study flow",
        caption="Pregnancies and women at each step, by site",
        show=show_attrition,
        notes=(
            "Filters that took nobody are left out.",
            "Ids never link across sites: a woman is counted within her site.",
        ),
    ),
    Section(
        table="baseline",
        title="Who was studied",
        caption="Characteristics of the pregnancies by arm",
        show=show_baseline,
        notes=(
            "SMD: absolute standardised difference with the unweighted pooled standard deviation, one row a "
            "category.",
            "Percentages are of the pregnancies with the characteristic recorded.",
        ),
    ),
    Section(
        table="relapse_rates",
        title="Relapse rates",
        caption="Relapses per person-year by arm and period, and by site",
        show=show_rates,
        notes=(
            "Rate: relapses over person-years. Exact limits: Garwood, {ci}.",
            "Limits clustered by woman: intercept-only Poisson, log scale, CR1S; none with no relapse or "
            "fewer than 2 women.",
        ),
        picture=Picture(
            name="course",
            caption=(
                "Annualized relapse rate (ARR) through pregnancy. Bars span the period, points are its "
                "rate with exact limits ({ci}). Dashed: the rate of the whole pregnancy or year, where a "
                "part of it is not shown because it is withheld or not estimable. Grey: published "
                "cohorts and meta-analyses, named at their first rate; dotted where periods between two "
                "rates were not reported; a grey band where only the range in pregnancy was; hollow where "
                "the window was not stated or is not the one drawn (two years before, some months after)."
            ),
            describe=describe_course,
        ),
    ),
    Section(
        table="rate_ratios",
        title="Treated and untreated compared",
        caption="Relapse rate ratios by analysis and model",
        show=show_rate_ratios,
        notes=(
            "Limits: {ci}. A ratio above 1 means more relapses in the arm named first.",
            "Clustered by woman: CR1S, k counting every parameter, alpha included; GEE: CR0. CR2: t on "
            "Satterthwaite degrees of freedom. Exact: central limits, p twice the smaller tail.",
            "Alpha: dispersion of the negative binomial; 0 is Poisson.",
        ),
    ),
    Section(
        table="dispersion",
        title="Over-dispersion",
        caption="Do relapses vary more than a Poisson model says?",
        show=show_dispersion,
        notes=(
            "Around one rate for each arm. Value: chi-square over degrees of freedom (Pearson), alpha of the "
            "negative binomial (Cameron-Trivedi, likelihood ratio), expected number (pregnancies without a "
            "relapse).",
            "Likelihood ratio: p is half the chi-square tail with 1 degree of freedom.",
        ),
    ),
    Section(
        table="predictors",
        title="Predictors of relapse",
        caption="Rate ratios of the predictors, each alone and all together",
        show=show_predictors,
        notes=(
            "Limits: {ci}, clustered by woman. p, joint: all levels of a predictor at once.",
            "p, Holm: the joint p adjusted within the univariable and within the multivariable family.",
            "Fallback: no over-dispersion, so that the model is Poisson.",
        ),
        picture=Picture(
            name="predictors",
            caption=(
                "Rate ratios of the predictors with {ci}, logarithmic axis; n is pregnancies. An arrow "
                "marks an interval that goes beyond the axis."
            ),
            describe=describe_predictors,
        ),
    ),
    Section(
        table="identifiability",
        title="Can arms be told from sites?",
        caption="Policy and treatment by site",
        show=show_identifiability,
        notes=("Share treated: 0 to 1, of the pregnancies with person-time in the outcome period.",),
    ),
    Section(
        table="data_quality",
        title="Data quality",
        caption="Checks of the submissions: what each site passed, and every check that found something",
        show=show_data_quality,
        notes=("Counts of rows only; which rows they are stays with the site.",),
    ),
)
