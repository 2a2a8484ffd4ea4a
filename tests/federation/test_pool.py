"""Whom a question goes to, and what becomes of it where a centre has not answered, or does not."""

import pytest
from gravida.errors import Awaiting
from gravida.federation.pool import Pool, Refused
from gravida.federation.questions import Which, key_of
from gravida.federation.tabulation import tabulate, tabulation

from tests.federation.centres import drawn_sites, held

QUESTION = tabulation(Which(("postpartum_year",)))
OTHER = tabulation(Which(("pregnancy",)))
NO = {"refused": "treated: fewer than 5 women"}
KEY = key_of(QUESTION)


def test_what_some_have_not_answered_is_asked() -> None:
    pool = Pool({}, {"north": {KEY: {"a": 1}}, "south": {}})
    with pytest.raises(Awaiting, match="waits for an answer of north, south"):
        pool.ask(QUESTION, OTHER)
    assert set(pool.asked) == {KEY, key_of(OTHER)}


def test_of_some_sites_only_these_are_awaited() -> None:
    pool = Pool({}, {"north": {KEY: {"a": 1}}, "south": {}})
    assert pool.ask(QUESTION, of=("north",)) == [{"north": {"a": 1}}]
    assert not pool.asked


def test_what_one_does_not_answer_is_not_asked_of_the_others() -> None:
    pool = Pool({}, {"north": {KEY: NO}, "south": {}})
    with pytest.raises(Refused, match="north does not answer: treated: fewer than 5 women"):
        pool.ask(QUESTION, OTHER)
    assert not pool.asked


def test_rows_at_hand_answer_like_everybody() -> None:
    rows = held(drawn_sites({"north": "individual", "south": "none"}, 30, seed=5))
    counts = tabulate(Pool(rows, {}), Which(("postpartum_year",)))
    for site, held_rows in rows.items():
        after = held_rows.person_time[held_rows.person_time["period"] == "postpartum_year"]
        assert counts.arms.loc[(site, "all"), "pregnancies"] == len(after)
        assert counts.arms.loc[(site, "all"), "women"] == after["woman"].nunique()
