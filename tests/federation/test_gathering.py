"""What an exchange has come to: who is awaited, what is asked next, and when it is over."""

import pytest
from gravida.errors import NotEstimable, SubmissionRefused
from gravida.federation.exchange import MOST_ROUNDS, Request, summarise_site, text_of
from gravida.federation.protection import Answered
from gravida.federation.questions import Which, key_of
from gravida.federation.rounds import Centre, Exchange, gather, next_request
from gravida.federation.selection import Holdings
from gravida.federation.signing import new_keys
from gravida.federation.tabulation import tabulation

from tests.federation.centres import drawn_sites, held

SITES = ("north", "south")
KEYS = {site: new_keys() for site in SITES}
CENTRES = [Centre(site, KEYS[site][1]) for site in SITES]
MIN_WOMEN = 5


def asked(*periods: str) -> dict[str, dict]:
    questions = [tabulation(Which((period,))) for period in periods]
    return {key_of(question): question for question in questions}


FIRST = Request(1, "plan", asked("postpartum_year"))


@pytest.fixture(scope="module")
def rows() -> dict[str, Holdings]:
    return held(drawn_sites(dict.fromkeys(SITES, "individual"), 40, seed=2))


def sent(rows: dict[str, Holdings], request: Request, site: str) -> str:
    document, _ = summarise_site(request, site, rows[site], MIN_WOMEN, Answered({}), KEYS[site][0])
    return text_of(document)


def test_answers_come_together_and_who_is_awaited_is_known(rows: dict[str, Holdings]) -> None:
    exchange = gather([FIRST], {(1, "north"): sent(rows, FIRST, "north")}, CENTRES, MIN_WOMEN)
    assert exchange.awaited == ((1, "south"),)
    assert set(exchange.given["north"]) == set(FIRST.questions) and not exchange.given["south"]
    assert next_request(exchange, asked("pregnancy")) is None


def test_the_next_round_asks_what_is_new(rows: dict[str, Holdings]) -> None:
    texts = {(1, site): sent(rows, FIRST, site) for site in SITES}
    exchange = gather([FIRST], texts, CENTRES, MIN_WOMEN)
    second = next_request(exchange, asked("pregnancy"))
    assert (second.round, second.plan, second.questions) == (2, "plan", asked("pregnancy"))
    assert next_request(exchange, {}) is None
    texts |= {(2, site): sent(rows, second, site) for site in SITES}
    both = gather([FIRST, second], texts, CENTRES, MIN_WOMEN)
    assert set(both.given["south"]) == {*FIRST.questions, *second.questions}


def test_an_answer_in_the_wrong_place_is_refused(rows: dict[str, Holdings]) -> None:
    with pytest.raises(SubmissionRefused, match=r"round_01/south\.json"):
        gather([FIRST], {(1, "south"): sent(rows, FIRST, "north")}, CENTRES, MIN_WOMEN)


def test_there_are_only_so_many_rounds() -> None:
    last = Exchange((Request(MOST_ROUNDS, "plan", {}),), {}, ())
    with pytest.raises(NotEstimable, match=f"after {MOST_ROUNDS} rounds"):
        next_request(last, asked("pregnancy"))
