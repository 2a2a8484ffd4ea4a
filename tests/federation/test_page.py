"""The page that shows a centre what leaves in a round: every question, every number, every refusal."""

import json
import re
from collections import Counter
from collections.abc import Iterator

from gravida.federation.exchange import Request, summarise_site, text_of
from gravida.federation.page import leaving_page
from gravida.federation.page_tables import TITLES
from gravida.federation.protection import Answered
from gravida.federation.questions import Which, key_of, question
from gravida.federation.signing import new_keys
from gravida.federation.table_answers import table_questions
from gravida.federation.tabulation import tabulation

from tests.federation.centres import drawn_sites, held

OUTCOME = Which(("postpartum_year",))


LINE = {"site": "north", "policy": "individual", "data_cut": "2026-06-30"}


def test_the_page_shows_the_whole_file() -> None:
    north = held(drawn_sites({"north": "individual"}, 60, seed=3))["north"]
    questions = [
        tabulation(OUTCOME, ("dmt_before",)),
        question("sums", OUTCOME, columns=[("intercept",)], family="poisson", parameters=[-1.0]),
        question("sums", OUTCOME, columns=[("intercept",)] * 40, family="poisson", parameters=[0.0] * 40),
    ]
    request = Request(2, "plan", {key_of(each): each for each in questions})
    document, _ = summarise_site(request, LINE, north, 1, Answered({}), new_keys()[0])
    page = leaving_page(document, request)
    text = text_of(json.loads(json.dumps(document)))
    assert text.replace('"', "&#34;") in page
    assert "1 questions that are not answered" in page and "more than a third" in page
    counted = document["answers"][key_of(questions[0])]["arms"]["treated"]
    assert f'<td class="n">{counted["relapses"]}</td>' in page
    assert "Year after delivery; poisson model of intercept" in page
    assert "DMT before pregnancy: moderate" in page


def numbers(value: object) -> Iterator[object]:
    """Yield every number of an answer."""
    if isinstance(value, dict):
        for each in value.values():
            yield from numbers(each)
    elif isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif not isinstance(value, (bool, str)):
        yield value


def test_the_page_shows_every_number_of_the_tables() -> None:
    north = held(drawn_sites({"north": "individual"}, 60, seed=3))["north"]
    request = Request(1, "plan", {key_of(each): each for each in table_questions()})
    document, _ = summarise_site(request, LINE, north, 5, Answered({}), new_keys()[0])
    page = leaving_page(json.loads(json.dumps(document)), request)
    shown = page[: page.index("The whole file")]
    for title in TITLES.values():
        assert title in shown
    cells = Counter(re.findall(r"<td>([^<]*)</td>", shown))
    told = Counter(
        "withheld" if number is None else f"{number:.12g}"
        for each in document["answers"].values()
        for number in numbers(json.loads(json.dumps(each)))
    )
    assert told["withheld"] and not told - cells
    assert "Treated, by interval" in shown and "<td>Through day</td>" not in shown


def test_what_is_refused_is_named_in_plain_words() -> None:
    north = held(drawn_sites({"north": "all"}, 60, seed=3))["north"]
    request = Request(1, "plan", {key_of(each): each for each in table_questions()})
    document, _ = summarise_site(request, LINE, north, 1000, Answered({}), new_keys()[0])
    page = leaving_page(document, request)
    told = "How many pregnancies have how many relapses; Year after delivery"
    assert f"<td>{told}</td><td>treated: fewer than 1000 women</td>" in page
