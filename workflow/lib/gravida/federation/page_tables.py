"""The tables on the page of what leaves a centre: characteristics, frequencies, life table, own rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gravida import words
from gravida.federation.questions import Question
from gravida.federation.table_answers import COUNTED, GRID

# What each kind of question is about, and in plain words what is told.
TITLES = {
    "baseline": "The women: characteristics of all pregnancies",
    "frequencies": "How many pregnancies have how many relapses",
    "life_table": "From delivery to the first relapse: life table",
    "attrition": "Who came in and who left which analysis",
    "data_quality": "Checks of the submission",
}
TOLD = {
    "baseline": "For the tables of characteristics: numbers, sums and sums of squares, from which means and "
    "standard deviations follow; no median, no smallest and no largest value. Withheld is what few women "
    "would be known by, and another level where one alone would follow from the others.",
    "frequencies": "Numbers with the same number of relapses in the period; those with many are put together "
    "so that enough women are in each. The last columns of the arms let others see how relapses vary.",
    "life_table": "In each interval after delivery (days from, to): pregnancies at risk at its start, those "
    "that come under observation within it, those with the first relapse, those that leave observation "
    "without one.",
    "attrition": "The site's own rows of the table. What is excluded or missing is counted however few.",
    "data_quality": "The site's own rows of the table: how many rows were checked and how many failed.",
}
WITHHELD = "withheld"
MOMENTS = ("n", "sum", "squares", "women", "women_apart", "affected", "missing", "missing_women")
NAMES = {
    "n": "With a value",
    "squares": "Sum of squares",
    "women_apart": "Women with another value than most",
    "affected": "Women with one or more",
    "missing_women": "Women with a missing value",
    "squares_per_year": "Relapses squared over person-years, sum",
    "relapses_most": "Most pregnancies of a woman with a relapse",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One table of the page: what it is of, its header and its cells."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def shown_tables(question: Question, answer: Mapping[str, Any]) -> list[Shown]:
    """Return the tables that hold every number of an answer.

    Parameters
    ----------
    question : Question
        Of a kind in `TITLES`.
    answer : mapping
    """
    return [*TABLES[question["kind"]](answer)]


def in_order(asked: Iterable[tuple[Question, Mapping[str, Any]]]) -> list[tuple[Question, Mapping[str, Any]]]:
    """Return the questions for tables with their answers, as the page shows them."""
    kinds = [*TITLES]
    tables = [pair for pair in asked if pair[0]["kind"] in TITLES]
    return sorted(tables, key=lambda pair: (kinds.index(pair[0]["kind"]), pair[0]["which"]["periods"]))


def _table(caption: str, label: Sequence[str], rows: Sequence[tuple[Sequence[str], Mapping]]) -> Shown:
    """Return labels and the numbers behind them, a column for each name that some row has."""
    names = [*dict.fromkeys(name for _, numbers in rows for name in numbers)]
    cells = [[*of, *(_cell(numbers, name) for name in names)] for of, numbers in rows]
    return Shown(caption, [*label, *(words.words(name, NAMES) for name in names)], cells)


def _cell(numbers: Mapping[str, Any], name: str) -> str:
    if name not in numbers:
        return ""
    value = numbers[name]
    # Every digit that tells sums apart, of a whole number no decimals.
    return WITHHELD if value is None else f"{value:.12g}" if isinstance(value, float) else words.text(value)


def _arm(arm: str) -> str:
    return words.words(arm, words.ARMS)


def _baseline(answer: Mapping[str, Any]) -> Iterator[Shown]:
    yield _table("All", ("Arm",), [([_arm(arm)], size) for arm, size in answer["arms"].items()])
    rows = [
        ([words.words(name, words.VARIABLES), _arm(arm)], {each: it[each] for each in MOMENTS if each in it})
        for name, arms in answer["continuous"].items()
        for arm, it in arms.items()
    ]
    yield _table("Measured", ("Characteristic", "Arm"), rows)
    rows = [
        ([words.words(name, words.VARIABLES), words.words(level, {}), _arm(arm)], it)
        for name, counted in answer["categorical"].items()
        for level, arms in [*counted["levels"].items(), ("missing", counted["missing"])]
        for arm, it in arms.items()
    ]
    yield _table("In levels", ("Characteristic", "Level", "Arm"), rows)


def _frequencies(answer: Mapping[str, Any]) -> Iterator[Shown]:
    rows = [([f"exactly {number}"], it) for number, it in enumerate(answer["exactly"])]
    rows += [([f"{number} or more"], it) for number, it in enumerate(answer["or_more"], start=1)]
    whole = {name: answer[name] for name in ("pregnancies", "women", "relapses")}
    yield _table("By number of relapses", ("Relapses",), [*rows, (["any"], whole)])
    yield _table("By arm", ("Arm",), [([_arm(arm)], it) for arm, it in answer["arms"].items()])


def _life_table(answer: Mapping[str, Any]) -> Iterator[Shown]:
    for arm, it in answer["arms"].items():
        rows = [
            ([str(start), str(end)], {name: it[name][place] for name in COUNTED})
            for place, (start, end) in enumerate(pairwise(GRID))
        ]
        yield _table(f"{_arm(arm)}, by interval", ("After day", "Through day"), rows)
        of_day = [
            ([day], {"at_risk": number, "women_relapsed": it["women_relapsed"][day]})
            for day, number in it["at_risk_on"].items()
        ]
        yield _table(f"{_arm(arm)}, on single days", ("Day",), of_day)
    sizes = ("pregnancies", "women", "relapses_most")
    rows = [([_arm(arm)], {name: it[name] for name in sizes}) for arm, it in answer["arms"].items()]
    yield _table("Followed", ("Arm",), rows)


def _own_rows(answer: Mapping[str, Any]) -> Iterator[Shown]:
    # What nobody counted is empty here: in these rows nothing is withheld.
    rows = [{name: "" if cell is None else cell for name, cell in row.items()} for row in answer["rows"]]
    yield _table("Rows", (), [((), row) for row in rows])


TABLES = {
    "baseline": _baseline,
    "frequencies": _frequencies,
    "life_table": _life_table,
    "attrition": _own_rows,
    "data_quality": _own_rows,
}
