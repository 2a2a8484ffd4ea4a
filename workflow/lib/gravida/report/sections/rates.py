"""Rates by arm and period, rates of the sites, and how much counts vary."""

import pandas as pd

from gravida import words
from gravida.report import cells
from gravida.report.display import Display
from gravida.report.section import Picture, Section, of_few_sites

WHOLE_PERIODS = ("pre_pregnancy_year", "pregnancy", "postpartum_year")


def show_rates(relapse_rates: pd.DataFrame) -> Display:
    """Show rates by arm in every period, and by site in the three whole periods."""
    by_arm = relapse_rates["group"] == "arm"
    rows = of_few_sites(relapse_rates[by_arm | relapse_rates["period"].isin(WHOLE_PERIODS)])
    rows = rows.sort_values("group", key=lambda column: column != "arm", kind="stable")
    return cells.display(
        rows,
        {
            "Group": _rate_group,
            "Period": lambda row: words.words(row["period"], words.PERIODS),
            **cells.counts("pregnancies", "women", "relapses"),
            "Person-years": cells.fixed("person_years", 1),
            "Rate (exact limits)": cells.limits("rate", "lower", "upper", 2),
            "Limits clustered by woman": _robust_limits,
        },
        row="Period",
        group="Group",
    )


def _rate_group(row: pd.Series) -> str:
    arm = words.words(row["arm"], words.ARMS)
    if row["group"] == "arm":
        return f"{arm} pregnancies"
    return f"Site {words.text(row['site'])}" + ("" if row["arm"] == "all" else f", {arm.lower()}")


def _robust_limits(row: pd.Series) -> str:
    if words.is_missing(row["robust_lower"]):
        return words.WITHHELD if words.is_withheld(row) else words.DASH
    return words.interval(row["robust_lower"], row["robust_upper"], 2)


def describe_course(relapse_rates: pd.DataFrame) -> str:
    """Put the figure of the course in words: each arm's rates in the three whole periods."""
    pieces = []
    for arm, rows in relapse_rates[relapse_rates["group"] == "arm"].groupby("arm", sort=False):
        rates = rows[rows["period"].isin(WHOLE_PERIODS)]
        listed = ", ".join(
            f"{words.lower_first(words.PERIODS[row['period']])} {_rate(row)}" for _, row in rates.iterrows()
        )
        pieces.append(f"{words.words(arm, words.ARMS)}: {listed}.")
    return " ".join(["Relapses per year by period and arm, over published cohorts.", *pieces])


def _rate(row: pd.Series) -> str:
    if words.is_missing(row["rate"]):
        return words.WITHHELD if words.is_withheld(row) else "not estimable"
    return words.fixed(row["rate"], 2)


def show_sites(sites: pd.DataFrame) -> Display:
    """Show each site's rate, and for sites of one policy the pooled rate and how far they differ."""
    return cells.display(
        sites,
        {
            "Group": lambda row: "Each site" if row["kind"] == "site" else "Sites of one policy, pooled",
            "Site": _site,
            "IVIG given": lambda row: words.words(row["policy"], words.POLICIES),
            **cells.counts("pregnancies", "women", "relapses"),
            "Person-years": cells.fixed("person_years", 1),
            "Rate (limits)": cells.limits("rate", "lower", "upper", 2),
            "τ²": _pooled(cells.fixed("tau2", 3)),
            "I², %": _pooled(cells.fixed("i2", 1)),
            "Q, p": _pooled(cells.p_value("q_p_value")),
            "Prediction interval": _pooled(_prediction),
            cells.NOTE: lambda row: words.joined(
                _pooled(lambda row: words.text(row["method"]))(row), cells.note(row)
            ),
        },
        row="Site",
        group="Group",
        optional=(cells.NOTE, "τ²", "I², %", "Q, p", "Prediction interval"),
    )


def _site(row: pd.Series) -> str:
    if row["kind"] == "site":
        return words.text(row["site"])
    named = "" if words.text(row["site"]) in ("", "all") else words.text(row["site"])
    return named or f"All that give it {words.words(row['policy'], words.POLICIES)}"


def _pooled(cell: cells.Cell) -> cells.Cell:
    """Return the cell where the row is of several sites, nothing where it is of one."""
    return lambda row: "" if row["kind"] == "site" else cell(row)


def _prediction(row: pd.Series) -> str:
    missing = words.is_missing(row["prediction_lower"]) or words.is_missing(row["prediction_upper"])
    if missing:
        return cells.fixed("prediction_lower", 2)(row) if words.is_missing(row["rate"]) else words.DASH
    return words.interval(row["prediction_lower"], row["prediction_upper"], 2)


def show_dispersion(dispersion: pd.DataFrame) -> Display:
    """Show the tests of over-dispersion by period, and observed beside expected numbers of pregnancies."""
    # The row of the pregnancies without a relapse stands there already.
    return cells.display(
        dispersion[dispersion["test"] != "frequency_0"],
        {
            "Period": lambda row: words.words(row["period"], words.PERIODS),
            "Test": lambda row: words.words(row["test"], words.TESTS),
            "Statistic": _statistic,
            "p": lambda row: words.DASH if _counted(row) else cells.p_value()(row),
            "Value": lambda row: cells.fixed("value", 1 if _counted(row) else 3)(row),
            **cells.counts("pregnancies", "women"),
            cells.NOTE: lambda row: words.text(row.get("reason", "")),
        },
        row="Test",
        group="Period",
    )


def _counted(row: pd.Series) -> bool:
    return row["test"] == "zeros" or row["test"].startswith("frequency_")


def _statistic(row: pd.Series) -> str:
    shown = words.count if _counted(row) else lambda value: words.fixed(value, 3)
    return cells.value("statistic", shown)(row)


def describe_rootogram(dispersion: pd.DataFrame) -> str:
    """Put the rootogram in words: for each period the observed and expected numbers of pregnancies."""
    rows = dispersion[dispersion["test"].str.startswith("frequency_")]
    pieces = []
    for period, part in rows.groupby("period", sort=False):
        listed = ", ".join(_observed_and_expected(row) for _, row in part.iterrows())
        pieces.append(f"{words.words(period, words.PERIODS)}: {listed}.")
    return " ".join(["Hanging rootogram of relapses per pregnancy.", *pieces])


def _observed_and_expected(row: pd.Series) -> str:
    label = words.words(row["test"], words.TESTS).removeprefix("Pregnancies with ")
    if words.is_missing(row["statistic"]) or words.is_missing(row["value"]):
        return f"{label} {_statistic(row)}"
    return f"{label} {_statistic(row)}, {cells.fixed('value', 1)(row)} expected"


RELAPSE_RATES = Section(
    table="relapse_rates",
    title="Relapse rates",
    caption="Relapses per person-year by arm and period, and by site",
    show=show_rates,
    notes=(
        "Rate: relapses over person-years. Exact limits: Garwood, {ci}.",
        "Limits clustered by woman: intercept-only Poisson, log scale, CR1S; none with no relapse or "
        "fewer than 2 women.",
    ),
    by_site=True,
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
)
SITES = Section(
    table="sites",
    title="How the sites differ",
    caption="Relapse rates of the sites, and of the sites of one policy together",
    show=show_sites,
    notes=("Each site: relapses over person-years of the outcome period, exact limits (Garwood), {ci}.",),
    where=(
        (
            "kind",
            "pooled",
            "Pooled: the typical site's rate, normal limits on the log scale. I² = max(0, (Q - df)/Q), Q of "
            "the log rates with half a relapse where a site has none. Prediction interval, for a further "
            "such site: normal, from τ² and the squared standard error. Within a site counts are taken for "
            "Poisson: where women differ more, sites seem to differ more than they do.",
        ),
        (
            "method",
            "random effects of log rates, REML",
            "Random effects: τ² by restricted maximum likelihood.",
        ),
        (
            "method",
            "mixed Poisson, site intercepts",
            "Mixed Poisson, from 5 sites on: normal site intercepts, adaptive Gauss-Hermite quadrature; τ² "
            "is their variance.",
        ),
    ),
)
DISPERSION = Section(
    table="dispersion",
    title="Over-dispersion",
    caption="Do relapses vary more than a Poisson model says?",
    show=show_dispersion,
    notes=(
        "Around one rate for each arm. Value: chi-square over degrees of freedom (Pearson), alpha of the "
        "negative binomial (Cameron-Trivedi, likelihood ratio), expected number (numbers of pregnancies).",
        "Likelihood ratio: p is half the chi-square tail with 1 degree of freedom.",
        "Numbers of pregnancies: observed (statistic) and expected (value) under the negative binomial, "
        "Poisson where alpha is 0, each pregnancy with its own person-time.",
    ),
    picture=Picture(
        name="rootogram",
        caption=(
            "Hanging rootogram: square roots of the numbers of pregnancies with no, one, two and three or "
            "more relapses. The line is what the negative binomial expects (Poisson where alpha is 0); bars "
            "hang from it and are as long as what was observed, so that a bar that stops above 0 is fewer "
            "pregnancies than expected and one that reaches below 0 is more."
        ),
        describe=describe_rootogram,
    ),
)
