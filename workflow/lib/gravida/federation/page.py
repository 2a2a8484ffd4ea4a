"""What leaves a centre in one round, for the person there who lets it go."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from gravida import words
from gravida.federation.exchange import Request, text_of
from gravida.federation.page_tables import TITLES, TOLD, in_order, shown_tables
from gravida.federation.questions import Question
from gravida.files import read_text

TEMPLATE = Path(__file__).with_name("page.html")
RESTRICTED = {
    "by_choice": "where treatment is a choice",
    "dated": "with dated relapses",
    "both_years": "with both years before pregnancy observed",
    "no_overlap": "whose year before overlaps no other pregnancy of the woman",
}
MODELS = {
    "sums": "",
    "equations": ", with a correlation between the pregnancies of a woman",
    "corrected": ", errors for few women",
    "profile": ", profile likelihood of the ratio of the arms",
}


def leaving_page(document: Mapping[str, Any], request: Request) -> str:
    """Return the page as HTML text.

    Parameters
    ----------
    document : mapping
        As `exchange.summarise_site` makes it.
    request : Request
        What was asked.
    """
    asked = [(request.questions[key], answer) for key, answer in document["answers"].items()]
    refused = [
        {"about": about(question), "why": each["refused"]} for question, each in asked if "refused" in each
    ]
    given = [(question, each) for question, each in asked if "refused" not in each]
    return _template().render(
        site=document["site"],
        round=document["round"],
        answered=len(given),
        refused=refused,
        counts=[row for question, each in given for row in _counts(question, each)],
        sums=[_sum(question, each) for question, each in given if question["kind"] in MODELS],
        tables=[
            {
                "about": about(question),
                "told": TOLD[question["kind"]],
                "shown": shown_tables(question, each),
            }
            for question, each in in_order(given)
        ],
        text=text_of(document),
    )


def about(question: Question) -> str:
    """Return in words what a question is about."""
    which = question["which"]
    parts = [TITLES[question["kind"]]] if question["kind"] in TITLES else []
    parts += [", ".join(words.words(period, words.PERIODS) for period in which["periods"])]
    parts = [part for part in parts if part]
    parts += [RESTRICTED[name] for name in which["only"]]
    if which["complete"]:
        named = ", ".join(words.words(name, words.VARIABLES) for name in which["complete"])
        parts.append(f"with a value of {named}")
    for predictor, level, value in which["without"]:
        parts.append(f"without {predictor} {'not ' * (not value)}{level}")
    if "columns" in question:
        columns = ", ".join(" ".join(label) for label in question["columns"])
        family = question.get("family", "poisson").replace("_", " ")
        parts.append(f"{family} model of {columns}{MODELS[question['kind']]}")
    return "; ".join(parts)


def _counts(question: Question, answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if question["kind"] != "tabulate":
        return
    for arm, tally in answer["arms"].items():
        yield {"about": about(question), "group": words.words(arm, words.ARMS), **tally}
    for name, found in answer["predictors"].items():
        for level, counts in found.get("levels", {}).items():
            yield {
                "about": about(question),
                "group": f"{words.words(name, words.VARIABLES)}: {level}",
                **counts,
            }


def _sum(question: Question, answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "about": about(question),
        "pregnancies": answer.get("pregnancies", ""),
        "numbers": sum(_numbers(value) for value in answer.values()),
    }


def _numbers(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(map(_numbers, value.values()))
    return sum(map(_numbers, value)) if isinstance(value, list) else 1


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(read_text(TEMPLATE))
