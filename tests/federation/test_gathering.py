"""What an exchange has come to: who is awaited, what is asked next, and when it is over."""

from dataclasses import replace

import pytest
from gravida.errors import SubmissionRefused
from gravida.federation.exchange import Centre, Request, summarise_site, text_of
from gravida.federation.mail import MOST_ROUNDS
from gravida.federation.protection import Answered
from gravida.federation.questions import Which, key_of
from gravida.federation.rounds import gather, next_request
from gravida.federation.selection import Holdings
from gravida.federation.signing import new_keys
from gravida.federation.tabulation import tabulation

from tests.federation.centres import drawn_sites, held

SITES = ("north", "south")
KEYS = {site: new_keys() for site in SITES}
CUT = "2026-06-30"
LINES = {site: {"site": site, "policy": "individual", "data_cut": CUT} for site in SITES}
CENTRES = [Centre(site, "individual", CUT, KEYS[site][1]) for site in SITES]
MIN_WOMEN = 5


def asked(*periods: str) -> dict[str, dict]:
    questions = [tabulation(Which((period,))) for period in periods]
    return {key_of(question): question for question in questions}


FIRST = Request(1, "plan", asked("postpartum_year"))


@pytest.fixture(scope="module")
def rows() -> dict[str, Holdings]:
    return held(drawn_sites(dict.fromkeys(SITES, "individual"), 40, seed=2))


def sent(rows: dict[str, Holdings], request: Request, site: str) -> str:
    document, _ = summarise_site(request, LINES[site], rows[site], MIN_WOMEN, Answered({}), KEYS[site][0])
    return text_of(document)


def test_answers_come_together_and_who_is_awaited_is_known(rows: dict[str, Holdings]) -> None:
    exchange = gather([FIRST], {(1, "north"): sent(rows, FIRST, "north")}, CENTRES, MIN_WOMEN)
    assert exchange.awaited == ((1, "south"),)
    assert set(exchange.given["north"]) == set(FIRST.questions) and not exchange.given["south"]


def test_the_next_round_asks_what_is_new(rows: dict[str, Holdings]) -> None:
    texts = {(1, site): sent(rows, FIRST, site) for site in SITES}
    second = next_request(1, "plan", asked("pregnancy"))
    assert (second.round, second.plan, second.questions) == (2, "plan", asked("pregnancy"))
    assert next_request(1, "plan", {}) is None
    texts |= {(2, site): sent(rows, second, site) for site in SITES}
    both = gather([FIRST, second], texts, CENTRES, MIN_WOMEN)
    assert set(both.given["south"]) == {*FIRST.questions, *second.questions}


def test_an_answer_in_the_wrong_place_is_refused(rows: dict[str, Holdings]) -> None:
    with pytest.raises(SubmissionRefused, match=r"round_01/south\.json"):
        gather([FIRST], {(1, "south"): sent(rows, FIRST, "north")}, CENTRES, MIN_WOMEN)


def test_there_are_only_so_many_rounds() -> None:
    assert next_request(MOST_ROUNDS - 1, "plan", asked("pregnancy")).round == MOST_ROUNDS
    assert next_request(MOST_ROUNDS, "plan", asked("pregnancy")) is None


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"policy": "all"}, "its policy is individual, that of the sheet of sites all"),
        ({"data_cut": "2027-01-31"}, "its data_cut is"),
    ],
)
def test_an_answer_that_is_not_of_the_sheet_s_line_is_refused(
    rows: dict[str, Holdings], line: dict[str, str], why: str
) -> None:
    centre = replace(CENTRES[0], **line)
    with pytest.raises(SubmissionRefused, match=why):
        gather([FIRST], {(1, "north"): sent(rows, FIRST, "north")}, [centre], MIN_WOMEN)
