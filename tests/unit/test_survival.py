"""Times to the first relapse after delivery: who is followed how long, and what the tables make of it."""

import numpy as np
import pandas as pd
import pytest
from gravida.models.inference import number_needed
from gravida.statistics.survival import follow_up
from relapse_stories import ESTIMATES, NEVER, OTHER, PAIR, SOME, cohort, estimate, pair, row, tables_of


def test_columns_are_those_of_the_contract() -> None:
    tables = estimate(pair(SOME, OTHER), PAIR)
    assert " ".join(tables.relapse_free) == (
        "arm day pregnancies women at_risk relapsed women_relapsed relapse_free lower upper status reason"
    )
    assert " ".join(tables.risk_difference) == (
        "day pregnancies women relapsed_treated relapsed_untreated women_relapsed_treated "
        "women_relapsed_untreated risk_treated risk_untreated risk_difference lower upper nnt nnt_lower "
        "nnt_upper nnt_form status reason"
    )
    assert " ".join(tables.time_to_relapse) == (
        "method estimate lower upper p_value pregnancies women relapses relapses_numerator "
        "relapses_denominator women_with_relapse_numerator women_with_relapse_denominator "
        "relapses_most_numerator relapses_most_denominator status reason"
    )
    methods = ["cox", "log_rank", "rmst_difference", "proportional_hazards"]
    assert tables.time_to_relapse["method"].tolist() == methods
    assert tables.risk_difference["day"].tolist() == [91, 182, 365]


@pytest.mark.parametrize(
    ("onsets", "observed", "answer"),
    [
        # Onsets, a star where merged; first and last day, next conception; entry, time, relapsed.
        ("", (None, None, None), (0, 365, False)),
        ("0", (None, None, None), (0, 1, True)),
        ("90", (None, None, None), (0, 91, True)),
        ("200 40 300", (None, None, None), (0, 41, True)),
        ("5* 40", (None, None, None), (0, 41, True)),
        ("5*", (None, None, None), (0, 365, False)),
        ("-10 364", (None, None, None), (0, 365, True)),
        ("-10 365", (None, 500, None), (0, 365, False)),
        ("", (None, 120, None), (0, 120, False)),
        ("", (None, 500, 200), (0, 200, False)),
        ("210", (None, 500, 200), (0, 200, False)),
        ("50 70", (60, None, None), (60, 71, True)),
        ("60", (60, None, None), (60, 61, True)),
        ("", (-300, 1, None), (0, 1, False)),
        ("", (365, 800, None), None),
        ("", (None, 0, None), None),
        ("", (100, 365, 100), None),
    ],
)
def test_follow_up(onsets: str, observed: tuple, answer: tuple | None) -> None:
    pregnancies, _ = cohort({"a": {"treated": [([], 365)]}})
    names = ("observed_from_day", "observed_to_day", "next_conception_day")
    stated = {name: pd.Series([day], dtype="Int64") for name, day in zip(names, observed, strict=True)}
    days = onsets.split()
    found = pd.DataFrame(
        {
            "pregnancy": np.zeros(len(days), dtype=int),
            "day": np.array([day.strip("*") for day in days], dtype=int),
            "retained": np.array(["*" not in day for day in days], dtype=bool),
        }
    )
    rows = follow_up(pregnancies.assign(**stated), found)
    assert list(rows) == ["pregnancy", "site", "woman", "arm", "entry", "time", "relapsed"]
    assert [tuple(found) for found in rows[["entry", "time", "relapsed"]].to_numpy()] == (
        [] if answer is None else [answer]
    )


def test_an_onset_on_day_90_is_in_the_first_quarter() -> None:
    tables = estimate(pair([([90], 365), ([91], 365), *NEVER], OTHER), PAIR)
    quarter = row(tables.relapse_free, arm="treated", day=91)
    assert (quarter["relapsed"], quarter["at_risk"], quarter["pregnancies"]) == (1, 14, 14)
    assert quarter["relapse_free"] == pytest.approx(13 / 14, rel=1e-12)


def test_without_censoring_risks_are_shares_and_their_difference_is_the_textbooks() -> None:
    treated, untreated = [([40], 365)] * 3 + NEVER[:7], [([60], 365)] * 6 + NEVER[:6]
    at = row(estimate(pair(treated, untreated), PAIR).risk_difference, day=182)
    assert [at["risk_treated"], at["risk_untreated"]] == pytest.approx([0.3, 0.5], rel=1e-12)
    reach = 1.959963984540054 * np.sqrt(0.3 * 0.7 / 10 + 0.5 * 0.5 / 12)
    assert [at["lower"], at["upper"]] == pytest.approx([0.2 - reach, 0.2 + reach], rel=1e-10)
    assert [at["nnt"], at["nnt_lower"]] == pytest.approx([5, 1 / (0.2 + reach)], rel=1e-10)
    assert at["nnt_upper"] == pytest.approx(1 / (0.2 - reach), rel=1e-10) and at["nnt_form"] == "both"


@pytest.mark.parametrize(
    ("difference", "answer"),
    [
        # Altman (1998), BMJ 317:1309: 10% (-5% to 25%), from 4 over infinity to harm in 20.
        ((0.10, -0.05, 0.25), (10, 4, -20, "both")),
        ((0.2, 0.1, 0.25), (5, 4, 10, "benefit")),
        ((-0.2, -0.25, -0.1), (-5, -10, -4, "harm")),
        ((0.0, -0.1, 0.1), (None, 10, -10, "both")),
        ((0.1, 0.0, 0.2), (10, 5, None, "both")),
        ((-0.1, -0.2, 0.0), (-10, None, -5, "both")),
    ],
)
def test_number_needed_to_treat(difference: tuple, answer: tuple) -> None:
    found = number_needed(*difference)
    assert tuple(found) == ("nnt", "nnt_lower", "nnt_upper", "nnt_form")
    for value, reference in zip(found.values(), answer, strict=True):
        assert value == (reference if not isinstance(reference, (int, float)) else pytest.approx(reference))


def test_equal_arms_need_an_infinite_number_which_is_empty() -> None:
    at = row(estimate(pair(SOME, SOME), PAIR).risk_difference, day=365)
    assert at["risk_difference"] == 0 and pd.isna(at["nnt"]) and at["status"] == "ok"
    assert at["nnt_upper"] == pytest.approx(-at["nnt_lower"], rel=1e-12)


@pytest.mark.parametrize(("method", "null"), [("cox", 1.0), ("rmst_difference", 0.0)])
def test_the_limit_is_the_null_where_coverage_is_one_minus_p(method: str, null: float) -> None:
    p_value = row(estimate(pair(SOME, OTHER), PAIR).time_to_relapse, method=method)["p_value"]
    tables = estimate(pair(SOME, OTHER), PAIR, confidence=1 - p_value)
    at = row(tables.time_to_relapse, method=method)
    nearest = at["lower"] if at["estimate"] > null else at["upper"]
    assert nearest == pytest.approx(null, rel=1e-9, abs=1e-9 * (at["upper"] - at["lower"]))


def test_order_of_rows_and_names_of_women_change_nothing() -> None:
    pregnancies, onsets = cohort(pair(SOME, OTHER), women_share=2)
    rng = np.random.default_rng(4)
    order, names = rng.permutation(len(pregnancies)), rng.permutation(200)
    moved = pregnancies.iloc[order].assign(woman=names[pregnancies["woman"].to_numpy()[order]])
    place = np.argsort(order)
    shuffled = onsets.assign(pregnancy=place[onsets["pregnancy"].to_numpy()]).sample(frac=1, random_state=2)
    one, two = (
        tables_of(*rows, PAIR) for rows in ((pregnancies, onsets), (moved.reset_index(drop=True), shuffled))
    )
    for name in ESTIMATES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name), rtol=1e-9)


def test_some_of_the_pregnancies_may_be_analysed() -> None:
    pregnancies, onsets = cohort(pair(SOME, OTHER))
    some = tables_of(pregnancies[pregnancies.index % 30 > 3], onsets, PAIR)
    alone = estimate(pair(SOME[4:], [*OTHER[4:]]), PAIR)
    for name in ESTIMATES:
        pd.testing.assert_frame_equal(getattr(some, name), getattr(alone, name), rtol=1e-9)


def test_direction_fewer_relapses_with_treatment_is_a_benefit() -> None:
    good = [([300], 365)] * 2 + NEVER * 3
    bad = [([day], 365) for day in range(10, 200, 10)] + NEVER
    tables = estimate(pair(good, bad), PAIR)
    at = row(tables.risk_difference, day=365)
    assert at["risk_difference"] > 0 and at["nnt_form"] == "benefit"
    assert 0 < at["nnt_lower"] < at["nnt"] < at["nnt_upper"]
    assert row(tables.time_to_relapse, method="cox")["lower"] > 1
    assert row(tables.time_to_relapse, method="rmst_difference")["lower"] > 0
