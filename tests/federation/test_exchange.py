"""The files between centres: what was changed, is old, is another's or tells of few is refused, in words."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gravida.errors import ConfigurationError, SubmissionRefused
from gravida.federation.exchange import Centre, Request, read_request, read_summary, summarise_site, text_of
from gravida.federation.protection import Answered, protected_answer
from gravida.federation.questions import Which, key_of, question
from gravida.federation.selection import Holdings
from gravida.federation.signing import is_signed, new_keys, signed
from gravida.federation.table_answers import table_question
from gravida.federation.tabulation import tabulation

from tests.federation.centres import drawn_sites, held

MIN_WOMEN, CUT = 5, "2026-06-30"
OUTCOME = Which(("postpartum_year",))
ROUND_2 = "exchange/round_02/north.json"
NORTH_KEYS, SOUTH_KEYS, OUR_KEYS = new_keys(), new_keys(), new_keys()
NOTHING = Answered({})


@pytest.fixture(scope="module")
def north() -> Holdings:
    return held(drawn_sites({"north": "individual"}, 60, seed=3))["north"]


def sums(parameters: list[float], *labels: tuple[str, ...]) -> dict:
    columns = labels or (("intercept",), ("arm", "untreated"))
    return question("sums", OUTCOME, columns=columns, family="poisson", parameters=parameters)


def line(site: str = "north") -> dict[str, str]:
    return {"site": site, "policy": "individual", "data_cut": CUT}


def asked(number: int, *questions: dict) -> Request:
    return Request(number, "plan", {key_of(each): each for each in questions})


def answer_of(north: Holdings, request: Request, site: str = "north") -> str:
    document, _ = summarise_site(request, line(site), north, MIN_WOMEN, NOTHING, NORTH_KEYS[0])
    return text_of(document)


def read(text: str, request: Request, public: str = NORTH_KEYS[1]) -> dict:
    return read_summary(text, ROUND_2, Centre("north", "individual", CUT, public), request, MIN_WOMEN)


def test_an_answer_is_read_as_it_was_given(north: Holdings) -> None:
    request = asked(2, tabulation(OUTCOME), sums([-1.0, 0.3]))
    answers = read(answer_of(north, request), request)
    counted = answers[key_of(tabulation(OUTCOME))]["arms"]["all"]
    rows = north.person_time[north.person_time["period"] == "postpartum_year"]
    assert (counted["pregnancies"], counted["relapses"]) == (len(rows), rows["relapses"].sum())
    expected = np.exp(-1.0 + 0.3 * (rows["arm"] == "untreated").to_numpy(float)) * rows["person_years"]
    score = answers[key_of(sums([-1.0, 0.3]))]["score"]
    assert score[0] == pytest.approx((rows["relapses"] - expected).sum())


def test_a_flipped_byte_is_refused(north: Holdings) -> None:
    request = asked(2, sums([-1.0, 0.3]))
    text = answer_of(north, request)
    for place in range(0, len(text), 41):
        changed = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
        with pytest.raises(SubmissionRefused, match=r"^exchange/round_02/north\.json: "):
            read(changed, request)


def test_an_old_round_is_refused(north: Holdings) -> None:
    old = answer_of(north, asked(1, sums([-1.0, 0.3])))
    with pytest.raises(SubmissionRefused, match="it is of round 1, not of round 2"):
        read(old, asked(2, sums([-1.1, 0.2])))


def test_an_answer_to_another_request_is_refused(north: Holdings) -> None:
    other = answer_of(north, asked(2, sums([-1.0, 0.3])))
    with pytest.raises(SubmissionRefused, match="answers another request"):
        read(other, asked(2, sums([-1.1, 0.2])))


def test_another_centres_key_is_refused(north: Holdings) -> None:
    request = asked(2, sums([-1.0, 0.3]))
    with pytest.raises(SubmissionRefused, match="not signed by north"):
        read(answer_of(north, request), request, public=SOUTH_KEYS[1])


def test_another_centres_file_under_this_name_is_refused(north: Holdings) -> None:
    request = asked(2, sums([-1.0, 0.3]))
    with pytest.raises(SubmissionRefused, match="answer of another site"):
        read(answer_of(north, request, site="south"), request)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "gravida-request-1"}', "{", "NaN"])
def test_what_is_no_summary_is_refused(content: str) -> None:
    with pytest.raises(SubmissionRefused, match="not a file of the form"):
        read(content, asked(2))


def test_a_small_cell_of_a_centre_that_lets_it_out_is_refused(north: Holdings) -> None:
    request = asked(2, tabulation(OUTCOME))
    document = json.loads(answer_of(north, request))
    document["answers"][key_of(tabulation(OUTCOME))]["arms"]["treated"]["women"] = 4
    again = signed({name: value for name, value in document.items() if name != "signature"}, NORTH_KEYS[0])
    with pytest.raises(SubmissionRefused, match="postpartum_year: treated: fewer than 5 women"):
        read(text_of(again), request)


def small_level(answer: dict) -> None:
    answer["categorical"]["dmt_before"]["levels"]["none"]["all"]["women"] = 4


def small_variable(answer: dict) -> None:
    answer["continuous"]["age_at_delivery"]["treated"]["women_apart"] = 1


def small_frequency(answer: dict) -> None:
    answer["or_more"][-1]["women"] = 4


def small_arm(answer: dict) -> None:
    answer["arms"]["untreated"]["women"] = 4


def small_site(answer: dict) -> None:
    next(row for row in answer["rows"] if row["step"] == "submitted")["women"] = 4


@pytest.mark.parametrize(
    ("kind", "period", "change", "why"),
    [
        ("baseline", "", small_level, "baseline: dmt_before: level none: all: fewer than 5 women"),
        ("baseline", "", small_variable, "age_at_delivery: treated: another value than the others: fewer"),
        ("baseline", "", small_arm, "baseline: untreated: fewer than 5 women"),
        ("frequencies", "postpartum_year", small_frequency, "2 relapses or more: fewer than 5 women"),
        ("life_table", "", small_arm, "life_table: untreated: fewer than 5 women"),
        ("attrition", "", small_site, "attrition: fewer than 5 women"),
    ],
)
def test_a_table_with_a_small_cell_is_refused(
    north: Holdings, kind: str, period: str, change: Callable[[dict], None], why: str
) -> None:
    asked_table = table_question(kind, period)
    request = asked(1, asked_table)
    text = answer_of(north, request)
    assert "refused" not in read(text, request)[key_of(asked_table)]
    document = json.loads(text)
    change(document["answers"][key_of(asked_table)])
    again = signed({name: value for name, value in document.items() if name != "signature"}, NORTH_KEYS[0])
    with pytest.raises(SubmissionRefused, match=why):
        read(text_of(again), request)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda answers, key: answers[key].pop("score"), "an answer is not of the kind sums"),
        (lambda answers, key: answers[key].update(rows=[[1, 2]]), "an answer is not of the kind sums"),
        (lambda answers, key: answers.update({key: [1.0]}), "it has not the parts that a summary has"),
    ],
)
def test_what_is_not_as_the_schema_says_is_refused(north: Holdings, change: Any, why: str) -> None:
    asked_for = sums([-1.0, 0.3])
    request = asked(2, asked_for)
    document = json.loads(answer_of(north, request))
    change(document["answers"], key_of(asked_for))
    again = signed({name: value for name, value in document.items() if name != "signature"}, NORTH_KEYS[0])
    with pytest.raises(SubmissionRefused, match=why):
        read(text_of(again), request)


def test_a_request_that_was_changed_or_is_of_another_plan_is_refused() -> None:
    text = text_of(signed(asked(2, sums([-1.0, 0.3])).document(), OUR_KEYS[0]))
    where = "exchange/round_02/request.json"
    assert read_request(text, where, 2, "plan", OUR_KEYS[1]).round == 2
    with pytest.raises(SubmissionRefused, match="another analysis plan"):
        read_request(text, where, 2, "other", OUR_KEYS[1])
    with pytest.raises(SubmissionRefused, match="not signed by the coordinating centre"):
        read_request(text.replace('"plan": "plan"', '"plan": "other"'), where, 2, "other", OUR_KEYS[1])
    with pytest.raises(SubmissionRefused, match="of round 2, not of round 3"):
        read_request(text, where, 3, "plan", OUR_KEYS[1])


def test_a_signature_is_of_what_is_said_and_by_whom() -> None:
    document = signed({"b": [1, 2.5], "a": "é"}, NORTH_KEYS[0])
    assert is_signed(dict(reversed(document.items())), NORTH_KEYS[1])
    assert not is_signed(document, SOUTH_KEYS[1])
    assert not is_signed(document | {"b": [1, 2.6]}, NORTH_KEYS[1])
    assert not is_signed(document | {"signature": ""}, NORTH_KEYS[1])


@pytest.mark.parametrize(
    "key", ["", "-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----", NORTH_KEYS[0]]
)
def test_what_is_no_public_key_is_told(key: str) -> None:
    with pytest.raises(ConfigurationError, match="not an Ed25519 key"):
        is_signed({"signature": ""}, key)


# What protects the centre


def refusal(rows: Holdings, question_now: dict, before: Answered = NOTHING) -> str:
    return protected_answer(question_now, rows, MIN_WOMEN, before).get("refused", "")


def with_treated(north: Holdings, women: int) -> Holdings:
    """Return a centre that treated only so many women."""
    treated = north.pregnancies.loc[north.pregnancies["arm"] == "treated", "woman"].unique()
    return without_women(north, treated[women:])


def without_women(north: Holdings, women: np.ndarray) -> Holdings:
    return Holdings(*(table[~table["woman"].isin(women)] for table in (north.pregnancies, north.person_time)))


def test_a_centre_does_not_tell_of_few_women(north: Holdings) -> None:
    assert refusal(with_treated(north, 4), tabulation(OUTCOME)) == "treated: fewer than 5 women"
    assert refusal(with_treated(north, 5), tabulation(OUTCOME)) == ""
    assert refusal(with_treated(north, 0), tabulation(OUTCOME)) == ""
    assert refusal(with_treated(north, 4), sums([-1.0, 0.3])) == "treated: fewer than 5 women"


def test_a_centre_fits_no_model_on_a_level_with_few_women(north: Holdings) -> None:
    classes = north.pregnancies["dmt_class"].where(north.pregnancies["dmt_class"] != "other", "none")
    three = north.pregnancies["woman"].drop_duplicates().index[:3]
    changed = north.pregnancies.assign(dmt_class=classes.mask(classes.index.isin(three), "other"))
    rare = Holdings(changed, north.person_time)
    table, model = (
        tabulation(OUTCOME, ("dmt_before",)),
        sums([-1.0, 0.3], ("intercept",), ("dmt_before", "other")),
    )
    assert refusal(rare, table) == "dmt_before: level other: fewer than 5 women"
    assert refusal(rare, model) == "dmt_before: other: fewer than 5 women"
    few = Holdings(north.pregnancies.assign(age_at_delivery=30.0), north.person_time)
    few.pregnancies.loc[three, "age_at_delivery"] = 31.0
    model = sums([-1.0, 0.3], ("intercept",), ("age_at_delivery", "per year"))
    assert refusal(few, model) == "age_at_delivery: per year: fewer than 5 women"


def test_a_centre_spends_a_pregnancy_in_three_at_most(north: Holdings) -> None:
    women = north.pregnancies.drop_duplicates("woman")
    some = np.concatenate([theirs["woman"].to_numpy()[:6] for _, theirs in women.groupby("arm")])
    small = without_women(north, np.setdiff1d(women["woman"], some))
    most = int((small.person_time["period"] == "postpartum_year").sum()) // 3
    labels = [("intercept",), *[("age_at_delivery", "per year")] * (most - 1)]
    assert refusal(small, sums([0.1] * most, *labels)) == ""
    labels.append(("delivery_year", "per year"))
    assert refusal(small, sums([0.1] * (most + 1), *labels)).startswith(f"{most + 1} parameters for")


def test_a_centre_answers_no_question_that_differs_in_one_parameter(north: Holdings) -> None:
    before = NOTHING.with_question(sums([-1.0, 0.3]))
    assert refusal(north, sums([-1.0, 0.4]), before) == "an earlier question differs in one parameter only"
    assert refusal(north, sums([-1.1, 0.4]), before) == ""
    assert refusal(north, sums([-1.0, 0.3]), before) == ""


def test_what_was_answered_in_a_round_is_remembered(north: Holdings) -> None:
    _, answered = summarise_site(
        asked(2, sums([-1.0, 0.3])), line(), north, MIN_WOMEN, NOTHING, NORTH_KEYS[0]
    )
    request = asked(3, sums([-1.0, 0.4]))
    document, _ = summarise_site(request, line(), north, MIN_WOMEN, answered, NORTH_KEYS[0])
    assert [*document["answers"].values()] == [
        {"refused": "an earlier question differs in one parameter only"}
    ]
