"""Times to relapse where the data are thin or the design has no answer: a number or a reason."""

import re
from pathlib import Path

import pandas as pd
import pytest
from gravida.tables import write_table
from relapse_stories import (
    CHOICE,
    ESTIMATES,
    NEVER,
    OTHER,
    PAIR,
    SOME,
    cohort,
    estimate,
    pair,
    row,
    stories,
    tables_of,
)


def test_no_relapse_in_an_arm() -> None:
    tables = estimate(pair(NEVER, OTHER), PAIR)
    free = row(tables.relapse_free, arm="treated", day=365)
    assert (free["relapse_free"], free["status"]) == (1, "ok") and pd.isna(free["lower"])
    assert "no relapse" in free["reason"]
    for method in ("cox", "proportional_hazards"):
        silent = row(tables.time_to_relapse, method=method)
        assert silent["status"] == "not_estimable" and "no relapse among the treated" in silent["reason"]
    assert row(tables.time_to_relapse, method="log_rank")["p_value"] < 0.05
    at = row(tables.risk_difference, day=365)
    assert at["status"] == "ok" and at["risk_treated"] == 0 and "as certain" in at["reason"]
    assert "as certain" in row(tables.time_to_relapse, method="rmst_difference")["reason"]


def test_no_relapse_at_all() -> None:
    tables = estimate(pair(NEVER, NEVER), PAIR)
    assert (tables.relapse_free["relapse_free"] == 1).all()
    assert (tables.risk_difference["reason"].str.contains("no relapse")).all()
    assert (tables.time_to_relapse["status"] == "not_estimable").all()


def test_no_relapse_up_to_an_early_day() -> None:
    late = [([200], 365)] * 4 + NEVER
    at = row(estimate(pair(late, late), PAIR).risk_difference, day=91)
    assert at["status"] == "not_estimable" and "up to day 91" in at["reason"]


def test_everybody_relapses() -> None:
    tables = estimate(pair([([day], 365) for day in (20, 40, 90, 110)], OTHER), PAIR)
    free = row(tables.relapse_free, arm="treated", day=182)
    assert free["relapse_free"] == 0 and pd.isna(free["upper"]) and free["status"] == "ok"
    assert "has relapsed" in row(tables.risk_difference, day=182)["reason"]
    assert row(tables.time_to_relapse, method="rmst_difference")["status"] == "ok"


def test_one_arm() -> None:
    tables = estimate({"a": {"treated": SOME}}, {"a": "all"})
    assert (tables.risk_difference["reason"].str.contains("no other arm")).all()
    assert (tables.time_to_relapse["status"] == "not_estimable").all()
    assert row(tables.relapse_free, arm="treated", day=365)["status"] == "ok"
    assert row(tables.relapse_free, arm="untreated", day=365)["reason"] == "there is no untreated pregnancy"


def test_no_contrast_where_the_design_has_no_answer() -> None:
    tables = estimate({"a": {"treated": SOME, "untreated": OTHER[:3]}}, {"a": "all"})
    for table in (tables.risk_difference, tables.time_to_relapse):
        assert (table["status"] == "not_estimable").all()
        assert table["reason"].str.contains("exceptions to a policy").all()


def test_between_sites_every_contrast_says_so() -> None:
    tables = estimate(pair(SOME, OTHER), PAIR)
    for table in (tables.risk_difference, tables.time_to_relapse):
        assert (table["status"] == "ok").all()
        assert (table["reason"] == "between sites: the interval holds the sampling of women only").all()
    assert (tables.relapse_free["reason"] == "").all()


def test_no_site_dates_its_relapses() -> None:
    tables = estimate(pair(SOME, OTHER), PAIR, undated=("all", "none"))
    for name in ESTIMATES:
        table = getattr(tables, name)
        assert table["reason"].str.startswith("no site dates its relapses").all()
        assert (table["women"] == 0).all() and (table["status"] == "not_estimable").all()


def test_an_undated_site_is_left_out_and_may_take_the_contrast_with_it() -> None:
    tables = estimate(pair(SOME, OTHER), PAIR, undated=("none",))
    assert (tables.time_to_relapse["status"] == "not_estimable").all()
    assert tables.time_to_relapse["reason"].str.contains("1 of 2 sites does not date its relapses").all()
    assert row(tables.relapse_free, arm="all", day=91)["pregnancies"] == len(SOME)


def test_within_sites_policy_sites_and_sites_with_one_arm_add_nothing() -> None:
    sites = CHOICE | {"c": {"treated": stories(9, 10, 1 / 50)}, "d": {"untreated": stories(8, 9, 1 / 50)}}
    policies = {"a": "individual", "b": "individual", "c": "individual", "d": "none"}
    alone = row(estimate(CHOICE, dict.fromkeys("ab", "individual")).time_to_relapse, method="cox_by_site")
    mixed = row(estimate(sites, policies).time_to_relapse, method="cox_by_site")
    for column in ("estimate", "lower", "upper", "p_value", "pregnancies", "relapses"):
        assert mixed[column] == pytest.approx(alone[column], rel=1e-9), column
    assert "1 of 3 sites by choice had one arm or no relapse" in mixed["reason"]
    assert "between sites" not in mixed["reason"] and "immortal time" in mixed["reason"]
    tables = estimate(sites, policies)
    for said in (tables.time_to_relapse["reason"].iloc[:4], tables.risk_difference["reason"]):
        assert said.str.contains("immortal time").all() and said.str.contains("between sites").all()


def test_within_sites_needs_a_dated_site_with_a_choice() -> None:
    sites = {"a": CHOICE["a"], **pair(SOME, OTHER)}
    tables = estimate(sites, {"a": "individual", **PAIR}, undated=("a",))
    by_site = row(tables.time_to_relapse, method="cox_by_site")
    assert by_site["status"] == "not_estimable"
    assert by_site["reason"].startswith("no site by choice dates its relapses")
    crude = row(tables.time_to_relapse, method="cox")
    assert crude["status"] == "ok" and "immortal" not in crude["reason"] and "between" in crude["reason"]
    one = estimate({"a": CHOICE["a"]}, {"a": "individual"})
    assert "cox_by_site" not in set(one.time_to_relapse["method"])


@pytest.mark.parametrize(
    ("treated", "share", "reason"),
    [
        ([([10], 365), ([200], 365), ([], 365)], 3, "2 women in each arm"),
        ([([50], 365)] * 5, 1, "one follow-up"),
        ([([100], 365), *[([], 1)] * 4], 1, "rests on one woman"),
    ],
)
def test_clustered_errors_that_hold_nothing_are_not_printed(treated: list, share: int, reason: str) -> None:
    cox = row(estimate(pair(treated, SOME), PAIR, women_share=share).time_to_relapse, method="cox")
    assert cox["status"] == "not_estimable" and reason in cox["reason"]


def test_one_woman_with_all_relapses() -> None:
    pregnancies, onsets = cohort(
        {"a": {"treated": [([30], 365), *NEVER], "untreated": [([40], 365), *NEVER]}}
    )
    relapsed = pregnancies.index.isin(onsets["pregnancy"])
    hers = pregnancies.assign(woman=pregnancies["woman"].mask(relapsed, 0))
    tables = tables_of(hers, onsets, {"a": "individual"})
    cox = row(tables.time_to_relapse, method="cox")
    assert cox["status"] == "not_estimable" and "rests on one woman" in cox["reason"]
    assert row(tables.relapse_free, arm="all", day=91)["relapsed"] == 2


def test_nobody_followed_to_the_end_of_the_year() -> None:
    short = [([20], 300), ([60], 300), *[([], 300)] * 10]
    tables = estimate(pair(short, OTHER), PAIR)
    assert row(tables.relapse_free, arm="treated", day=273)["status"] == "ok"
    assert "under observation up to day 365" in row(tables.relapse_free, arm="treated", day=365)["reason"]
    assert row(tables.risk_difference, day=365)["status"] == "not_estimable"
    assert row(tables.time_to_relapse, method="rmst_difference")["status"] == "not_estimable"
    assert row(tables.time_to_relapse, method="cox")["status"] == "ok"


def test_tables_can_be_written(tmp_path: Path) -> None:
    for sites, policies in ((pair(NEVER, OTHER), PAIR), (CHOICE, dict.fromkeys("ab", "individual"))):
        tables = estimate(sites, policies)
        for name in ESTIMATES:
            write_table(tmp_path / f"{name}.csv", getattr(tables, name))
            text = (tmp_path / f"{name}.csv").read_text(encoding="utf-8").lower()
            assert not re.search(r"(^|,)-?(nan|inf|none)\b", text, re.MULTILINE)
