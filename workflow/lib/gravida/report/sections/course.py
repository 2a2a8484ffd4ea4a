"""Rates through pregnancy against each other: periods within arms, arms within periods, and their ratio."""

import re

import pandas as pd

from gravida import words
from gravida.report import cells
from gravida.report.display import Display
from gravida.report.section import Section

PERIODS_IN_ARM = re.compile(r"(?P<period>\w+)/(?P<reference>\w+) in (?P<arm>treated|untreated)")
ARMS_IN_PERIOD = re.compile(r"(?P<numerator>\w+)/(?P<denominator>\w+) in (?P<period>\w+)")


def show_longitudinal(longitudinal: pd.DataFrame) -> Display:
    """Show the contrasts of the course, by what is compared with what; parts that nobody has are left out."""
    arms = direction(longitudinal)
    somebody = longitudinal["pregnancies"] != 0
    return cells.display(
        longitudinal[somebody] if somebody.any() else longitudinal,
        {
            "Compared": lambda row: term_words(row["term"], arms)[0],
            "Term": lambda row: term_words(row["term"], arms)[1],
            "Rate ratio (limits)": cells.limits("rate_ratio", "lower", "upper", 3),
            "p": cells.p_value(),
            "GEE (limits)": cells.limits("gee_rate_ratio", "gee_lower", "gee_upper", 3),
            "GEE, p": cells.p_value("gee_p_value"),
            **cells.counts("pregnancies", "women", "relapses"),
            cells.NOTE: cells.note,
        },
        row="Term",
        group="Compared",
        optional=(cells.NOTE, "GEE (limits)", "GEE, p"),
    )


def direction(longitudinal: pd.DataFrame) -> str:
    """Return which arm is over which in the terms that compare arms, such as `untreated over treated`."""
    found = filter(None, map(ARMS_IN_PERIOD.fullmatch, longitudinal["term"]))
    arms = (match.groups()[:2] for match in found if match["numerator"] in words.ARMS)
    return " over ".join(next(arms, ("one arm", "the other")))


def term_words(term: str, arms: str) -> tuple[str, str]:
    """Return what a term compares, and its label within that group.

    Parameters
    ----------
    term : str
        As in the table.
    arms : str
        Which arm is over which, where the term does not say it.
    """
    if found := PERIODS_IN_ARM.fullmatch(term):
        period, reference, arm = found.groups()
        against = words.lower_first(words.words(reference, words.PERIODS))
        return f"Against the {against}, {arm}", words.words(period, words.PERIODS)
    if found := ARMS_IN_PERIOD.fullmatch(term):
        numerator, denominator, period = found.groups()
        return (
            f"{words.words(numerator, words.ARMS)} over {denominator}",
            words.words(period, words.PERIODS),
        )
    return f"Difference in differences, {arms}", words.words(term, words.TERMS)


LONGITUDINAL = Section(
    table="longitudinal",
    title="The course through pregnancy",
    caption="Rate ratios between periods and arms",
    show=show_longitudinal,
    notes=(
        "Limits: {ci}. Poisson with log link, independence working correlation, errors clustered by woman "
        "(CR1S). GEE: exchangeable correlation of a woman's periods, robust errors (CR0).",
        "Trimesters and quarters: of sites that date their relapses; left out where there is none.",
    ),
    contrast="Between arms",
    where=(
        (
            "term",
            "difference_in_differences",
            "Difference in differences: the ratio of the year after to the year before in one arm over that "
            "in the other. It takes away what differs between the arms all along, and is an effect only if "
            "without treatment both arms' rates would have changed by the same factor.",
        ),
        (
            "term",
            "difference_in_differences",
            "Regression to the mean: a pregnancy tends to be planned in a quiet time, and a year chosen for "
            "few relapses is followed by more in either arm. What differs between the arms' years before by "
            "chance does not last, yet the difference in differences counts it as if it did. Adjustment "
            "for the relapses of that year (a row of the sensitivity analyses) compares arms alike in it "
            "instead: another question. If either assumption holds, the effect lies between the two ratios.",
        ),
    ),
)
