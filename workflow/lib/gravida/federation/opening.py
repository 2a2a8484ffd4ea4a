"""The first questions: they follow from the analysis plan alone, so that nobody has to wait for them."""

from collections.abc import Sequence
from dataclasses import replace

from gravida.federation.questions import Question, Which, question
from gravida.federation.table_answers import table_questions
from gravida.federation.tabulation import tabulation
from gravida.periods import PERIODS, SECOND_YEAR_BEFORE
from gravida.statistics.course import BEFORE, PARTS_OF_PERIODS
from gravida.statistics.sensitivity import PRE_YEAR


def opening_questions(period: str, numerator: str, covariates: Sequence[str]) -> list[Question]:
    """Return the counts and sums that every centre is asked for first.

    Parameters
    ----------
    period : str
        The outcome period.
    numerator : str
        The arm that is compared with the other.
    covariates : sequence of str
        Of the plan.
    """
    outcome = Which((period,))
    chosen = replace(outcome, only=("by_choice",))
    names = [name for name in covariates if name != "ivig"]
    asked = [tabulation(Which((each,))) for each in PERIODS]
    asked += [tabulation(chosen)]
    for only in ((), ("by_choice",), ("no_overlap",), ("no_overlap", "by_choice")):
        asked.append(tabulation(Which((BEFORE,), only=only)))
    asked += [tabulation(Which((each,), only=("dated",))) for each in (BEFORE, *PARTS_OF_PERIODS)]
    asked += [tabulation(Which((each,), only=("both_years",))) for each in (BEFORE, SECOND_YEAR_BEFORE)]
    for which, predictors in ((outcome, covariates), (chosen, covariates), (outcome, [*names, "ivig"])):
        asked += complete_cases(which, tuple(predictors))
    asked.append(question("profile", chosen, columns=[("intercept",), ("arm", numerator)]))
    for name in dict.fromkeys((*names, PRE_YEAR, "ivig")):
        asked += complete_cases(outcome, (name,))
        asked += complete_cases(chosen, (name,))
    return [*asked, *table_questions()]


def complete_cases(which: Which, covariates: Sequence[str]) -> list[Question]:
    """Return the questions for the levels of covariates, among all and among those who have them all."""
    return [
        tabulation(which, covariates),
        tabulation(replace(which, complete=tuple(covariates)), covariates),
    ]
