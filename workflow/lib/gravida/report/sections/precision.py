"""What the primary interval excludes, and what else could have made the result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gravida import words
from gravida.report import cells
from gravida.report.display import Display
from gravida.report.section import Section

EXCLUDES, SIZE, EQUIVALENCE = "What the interval excludes", "What the study could see", "Equivalence"
SITES, HIDDEN = "Differences between sites", "What was not measured, and what is missing"
WOMEN, WEIGHTS, OTHER = "One woman left out", "Weights", "Other"


Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """How a question is printed: under which heading, in which words, and its answer with its unit.

    ``show`` takes the question's own value, and the values of all questions by name for those that are
    answered together with it.
    """

    heading: str
    label: str
    show: Callable[[Any, Values], str]


def _alone(show: Callable[[Any], str]) -> Callable[[Any, Values], str]:
    return lambda value, others: show(value)


def _reduction(value: Any) -> str:
    share = float(value)
    if share < 0:
        return f"every reduction, and increases below {words.percent(-share)}"
    return f"larger than {words.percent(share)}"


def _increase(value: Any) -> str:
    share = float(value)
    if share < 0:
        return f"every increase, and reductions below {words.percent(-share)}"
    return f"larger than {words.percent(share)}"


def _permutation(value: Any, others: Values) -> str:
    smallest = others.get("site_permutation_smallest_p")
    least = "" if words.is_missing(smallest) else f" (at least {words.p_value(smallest)})"
    return f"{words.p_phrase(value)}{least}"


def _site_rates(value: Any, others: Values) -> str:
    lower, upper, p_value = (others.get(f"site_rates_{name}") for name in ("lower", "upper", "p"))
    return f"{words.estimate(value, lower, upper)}; {words.p_phrase(p_value)}"


def _left_out(value: Any, others: Values) -> str:
    return words.interval(value, others.get("leave_one_woman_out_upper"))


_RATIO = _alone(lambda value: words.fixed(value, 3))
_FACTOR = _alone(lambda value: f"factor {words.fixed(value, 2)}")
_PREGNANCIES = _alone(lambda value: f"{words.count(value)} pregnancies")
_P = _alone(words.p_phrase)

QUESTIONS = {
    "excluded_reduction": Question(EXCLUDES, "Reductions by treatment", _alone(_reduction)),
    "excluded_increase": Question(EXCLUDES, "Increases by treatment", _alone(_increase)),
    "minimum_detectable_ratio": Question(SIZE, "Smallest detectable ratio", _RATIO),
    "pregnancies_needed": Question(SIZE, "Pregnancies needed", _PREGNANCIES),
    "equivalence": Question(EQUIVALENCE, "Two one-sided tests against the margin", _P),
    "site_shock_to_null": Question(SITES, "Difference that explains the ratio away", _FACTOR),
    "site_shock_to_exclude": Question(SITES, "Difference that takes 1 into or out of the interval", _FACTOR),
    "site_rates_ratio": Question(SITES, "Analysis of site rates, ratio (limits)", _site_rates),
    "site_permutation_p": Question(SITES, "Permutation of the sites' policies", _permutation),
    "e_value_estimate": Question(HIDDEN, "E-value of the estimate", _RATIO),
    "e_value_limit": Question(HIDDEN, "E-value of the limit nearer to 1", _RATIO),
    "edss_shift_to_change": Question(
        HIDDEN, "Shift of imputed EDSS that changes the answer", _alone(lambda value: f"{value:g} points")
    ),
    "leave_one_woman_out_lower": Question(WOMEN, "Range of the difference in differences", _left_out),
    "effective_sample_size": Question(
        WEIGHTS, "Effective sample size", _alone(lambda value: f"{words.fixed(value, 1)} pregnancies")
    ),
    "largest_weight": Question(WEIGHTS, "Largest weight", _alone(lambda value: words.fixed(value, 2))),
}
# Printed with the question that is named.
ANSWERED_TOGETHER = (
    *("site_rates_lower", "site_rates_upper", "site_rates_p"),
    *("site_permutation_smallest_p", "leave_one_woman_out_upper"),
)


def show_precision(precision: pd.DataFrame) -> Display:
    """Show each question with its answer in words and units, under headings."""
    values = precision.drop_duplicates("question").set_index("question")["value"].to_dict()
    headings = list(dict.fromkeys([*(question.heading for question in QUESTIONS.values()), OTHER]))
    rows = precision[~precision["question"].isin(ANSWERED_TOGETHER)]
    place = rows["question"].map(lambda name: headings.index(_question(name).heading))
    return cells.display(
        rows.assign(place=place).sort_values("place", kind="stable"),
        {
            "Heading": lambda row: _question(row["question"]).heading,
            "Question": lambda row: _question(row["question"]).label,
            "Answer": lambda row: cells.value(
                "value", lambda value: _question(row["question"]).show(value, values)
            )(row),
            "Women": cells.count("women"),
            cells.NOTE: lambda row: words.text(row["detail"]),
        },
        row="Question",
        group="Heading",
    )


def _question(name: str) -> Question:
    return QUESTIONS.get(name) or Question(OTHER, words.words(name, {}), _alone(words.text))


PRECISION = Section(
    table="precision",
    title="What the result excludes, and what could explain it",
    caption="Questions to the primary contrast",
    show=show_precision,
    notes=(),
    contrast="Treated against untreated",
    where=(
        (
            "question",
            "excluded_reduction",
            "Excluded: from treatment's side, by the {ci} of the primary row. Detectable ratio and "
            "pregnancies needed: from its standard error, which holds person-time, dispersion and "
            "clustering.",
        ),
        (
            "question",
            "equivalence",
            "Equivalence: the larger p of two one-sided tests at 5% each; the ratio is shown to lie within "
            "the margin only where it is below 0.05.",
        ),
        (
            "question",
            "site_shock_to_null",
            "Difference between sites: factor between the background rates of sites that treat and sites "
            "that do not.",
        ),
        (
            "question",
            "site_permutation_p",
            "Analysis of site rates: t-test of log rates, each site one number. Permutation: the policies "
            "are dealt anew to the sites and the studentised difference of log rates is compared, two-sided; "
            "with few sites even the most extreme deal is not rare, and p cannot be smaller than that.",
        ),
        (
            "question",
            "e_value_estimate",
            "E-value: how strongly, as ratios, something unmeasured would have to go with both treatment and "
            "relapse to explain the result; 1 is no strength.",
        ),
        (
            "question",
            "leave_one_woman_out_lower",
            "One woman left out: the difference in differences without each woman in turn.",
        ),
        (
            "question",
            "effective_sample_size",
            "Effective sample size: the number of equally weighted pregnancies that would be worth as much "
            "(Kish).",
        ),
    ),
)
