"""One fault at a time: exactly its check fails, on exactly its rows. Data: `submissions.valid`."""

import json
from math import ceil

import pandas as pd
import pytest
from gravida.intake.submission import Site, refusal
from gravida.intake.women import of_women
from hypothesis import given
from hypothesis import strategies as st
from submissions import changed, failures, found, submit, valid, write_csv

LATE_START = ("infusions", "day", "first_dose_within_30_days")

# table, line, column, value -> check, pregnancy_ids of the failing rows
CELLS = [
    ("pregnancies", 4, "delivery_year", "twenty-twelve", "type", ["P3"]),
    ("pregnancies", 4, "delivery_year", "2012.5", "type", ["P3"]),
    ("pregnancies", 4, "delivery_year", "1" * 400, "type", ["P3"]),
    ("pregnancies", 4, "delivery_year", "1979", "range", ["P3"]),
    ("pregnancies", 4, "delivery_year", "", "missing_value", ["P3"]),
    ("pregnancies", 4, "delivery_year", "2020", "not_after_data_cut", ["P3"]),
    ("pregnancies", 4, "age_at_delivery", "13.9", "range", ["P3"]),
    ("pregnancies", 4, "age_at_delivery", "31x", "type", ["P3"]),
    ("pregnancies", 4, "age_at_delivery", "nan", "type", ["P3"]),
    ("pregnancies", 4, "age_at_delivery", "inf", "type", ["P3"]),
    ("pregnancies", 4, "age_at_delivery", "1e999", "type", ["P3"]),
    ("pregnancies", 4, "age_at_delivery", "NA", "type", ["P3"]),
    ("pregnancies", 4, "age_at_delivery", "1" * 400, "type", ["P3"]),
    ("pregnancies", 4, "ms_diagnosis_year", "2013", "not_after_delivery", ["P3"]),
    ("pregnancies", 4, "gestation_days", "309", "range", ["P3"]),
    ("pregnancies", 4, "gestation_days", "forty weeks", "type", ["P3"]),
    ("pregnancies", 5, "gestation_days", "139", "range", ["P4"]),
    ("pregnancies", 4, "outcome", "livebirth", "code", ["P3"]),
    ("pregnancies", 4, "edss_before", "0.5", "range", ["P3"]),
    ("pregnancies", 4, "edss_before", "10", "range", ["P3"]),
    ("pregnancies", 4, "edss_before", "-1", "range", ["P3"]),
    ("pregnancies", 4, "dmt_before", "None", "code", ["P3"]),
    ("pregnancies", 4, "dmt_before", "", "missing_value", ["P3"]),
    ("pregnancies", 4, "dmt_in_pregnancy", "aspirin", "code", ["P3"]),
    ("pregnancies", 4, "ivig", "2", "type", ["P3"]),
    ("pregnancies", 4, "ivig", "", "missing_value", ["P3"]),
    ("pregnancies", 4, "woman_id", "Ana Novak", "pattern", ["P3"]),
    ("pregnancies", 4, "woman_id", "W2\nx", "pattern", ["P3"]),
    ("pregnancies", 4, "woman_id", "W2\n", "pattern", ["P3"]),
    ("pregnancies", 4, "woman_id", "W" * 33, "pattern", ["P3"]),
    ("pregnancies", 7, "observed_to_day", "", "followup_stated", ["P6"]),
    ("pregnancies", 5, "observed_to_day", "-1011", "not_before_observed_from", ["P4"]),
    ("pregnancies", 5, "observed_to_day", "99999999999999999999", "type", ["P4"]),
    ("pregnancies", 5, "observed_to_day", "36526", "range", ["P4"]),
    ("pregnancies", 7, "observed_to_day", "June", "type", ["P6"]),
    ("pregnancies", 5, "next_conception_day", "0", "range", ["P4"]),
    ("pregnancies", 5, "next_conception_day", "731", "range", ["P4"]),
    ("pregnancies", 4, "dmt_restart_day", "-1", "range", ["P3"]),
    ("pregnancies", 4, "parity", "26", "range", ["P3"]),
    ("pregnancies", 4, "breastfeeding", "some", "code", ["P3"]),
    ("pregnancies", 4, "visits_post_year", "-1", "range", ["P3"]),
    ("pregnancies", 5, "relapses_post_year", "-2", "range", ["P4"]),
    ("pregnancies", 5, "relapses_post_year", "", "missing_value", ["P4"]),
    ("pregnancies", 5, "relapses_post_year", "3", "agrees_with_dated_relapses", ["P4"]),
    ("pregnancies", 5, "relapses_pre_year", "1", "agrees_with_dated_relapses", ["P4"]),
    ("pregnancies", 4, "relapses_pregnancy", "1", "agrees_with_dated_relapses", ["P3"]),
    ("relapses", 3, "onset_day", "day 100", "type", ["P1"]),
    ("relapses", 3, "onset_day", "", "missing_value", ["P1"]),
    ("relapses", 3, "onset_day", "365", "onset_inside_observation", ["P1"]),
    ("relapses", 2, "onset_day", "-646", "onset_inside_observation", ["P1"]),
    ("relapses", 5, "onset_day", "-1011", "onset_inside_observation", ["P4"]),
    ("relapses", 11, "onset_day", "250", "onset_inside_observation", ["P6"]),
    ("relapses", 3, "pregnancy_id", "P9", "orphan", ["P9"]),
    ("relapses", 3, "pregnancy_id", "P 1", "pattern", [None]),
    ("relapses", 3, "pregnancy_id", "", "missing_value", [None]),
    ("relapses", 3, "confirmed", "yes", "code", ["P1"]),
    ("relapses", 3, "severity", "none", "code", ["P1"]),
    ("relapses", 3, "steroids", "maybe", "type", ["P1"]),
    ("infusions", 3, "grams", "0", "range", ["P1"]),
    ("infusions", 3, "grams", "200.5", "range", ["P1"]),
    ("infusions", 2, "day", "soon", "type", ["P1"]),
    ("infusions", 2, "pregnancy_id", "P9", "orphan", ["P9"]),
    ("adverse_events", 2, "term", "cough", "code", ["P1"]),
    ("adverse_events", 2, "serious", "", "missing_value", ["P1"]),
    ("adverse_events", 2, "pregnancy_id", "P9", "orphan", ["P9"]),
]


@pytest.mark.parametrize(("table", "line", "column", "value", "check", "who"), CELLS)
def test_a_single_bad_cell_fails_its_own_check_alone(tmp_path, table, line, column, value, check, who):
    result = submit(write_csv(tmp_path, changed(table, line, column, value)))
    assert failures(result) == {(table, column, check): 1}
    assert failures(result, "pass_with_violations") == {}
    assert found(result) == {(table, column, check): [(line, one) for one in who]}
    assert result.verdict["verdict"] == "refused"
    assert all(frame.empty for frame in result.accepted.values())
    assert list(result.findings["action"]) == ["refused"]


def test_the_valid_submission_passes_every_check(tmp_path):
    result = submit(write_csv(tmp_path, valid()))
    assert failures(result) == failures(result, "pass_with_violations") == {}
    assert result.verdict["verdict"] == "accepted"
    assert result.findings.empty
    assert refusal([result.verdict]) is None
    assert result.verdict["rows"] == {"pregnancies": 6, "relapses": 10, "infusions": 4, "adverse_events": 2}


# As above, for what is accepted and counted.
FLAGGED = [
    ("gestation_days", 4, "", "stated"),
    ("outcome", 4, "", "stated"),
    ("observed_from_day", 4, "", "stated"),
    ("relapses_pre_year", 5, "", "missing_with_dated_relapses"),
    ("relapses_pregnancy", 3, "", "missing_with_dated_relapses"),
    ("ms_diagnosis_year", 4, "2011", "before_pre_pregnancy_year"),
    ("ms_diagnosis_year", 4, "2012", "before_pre_pregnancy_year"),
    ("ivig", 2, "0", "agrees_with_infusions"),
    ("ivig", 6, "1", "agrees_with_infusions"),
]


@pytest.mark.parametrize(("column", "line", "value", "check"), FLAGGED)
def test_what_is_only_counted_is_accepted(tmp_path, column, line, value, check):
    result = submit(write_csv(tmp_path, changed("pregnancies", line, column, value)))
    assert failures(result) == {}
    assert failures(result, "pass_with_violations") == {("pregnancies", column, check): 1}
    assert found(result) == {("pregnancies", column, check): [(line, f"P{line - 1}")]}
    assert result.verdict["verdict"] == "accepted"
    assert list(result.findings["action"]) == ["flagged"]
    if not value:
        assert pd.isna(result.accepted["pregnancies"].loc[line - 2, column])


def test_a_dose_on_day_30_is_no_first_dose(tmp_path):
    result = submit(write_csv(tmp_path, changed("infusions", 5, "day", "30")))
    assert failures(result, "pass_with_violations") == {LATE_START: 1}
    assert found(result) == {LATE_START: [(5, "P6")]}


@pytest.mark.parametrize(
    ("doses", "ivig", "lines"),
    [
        # Only a dose before delivery: none of the prophylaxis, which the flag's own rule says.
        (["-1"], "1", "flag"),
        (["31", "31", "60"], "1", [2, 3]),
        (["-5", "40"], "1", [3]),
        (["0", "40"], "1", []),
        (["40"], "0", []),
        # A dose without a day may be the first.
        (["40", "soon"], "1", []),
    ],
)
def test_the_first_dose_after_delivery_comes_within_30_days(tmp_path, doses, ivig, lines):
    tables = changed("pregnancies", 2, "ivig", ivig)
    tables["infusions"] = pd.DataFrame(
        [["P1", day, "10", ""] for day in doses] + [["P3", "0", "30", ""], ["P6", "29", "10", ""]],
        columns=["pregnancy_id", "day", "grams", "grams_per_kg"],
    )
    rows = found(submit(write_csv(tmp_path, tables)))
    assert rows.get(LATE_START, []) == ([] if lines == "flag" else [(line, "P1") for line in lines])
    disagrees = ("pregnancies", "ivig", "agrees_with_infusions")
    assert (disagrees in rows) == (lines == "flag")


def checked(result, column, check):
    """Return how many rows a rule of the pregnancies was assessed in."""
    (one,) = [
        row["rows_checked"]
        for row in result.verdict["checks"]
        if (row["table"], row["column"], row["check"]) == ("pregnancies", column, check)
    ]
    return one


# Cells of P1 (line 2) and P2 (line 3), both of W1, or of P3 (line 4) -> ids that a rule flags, rows assessed.
PLAUSIBLE = [
    # P1 in 2010 at 28.5, P2 in 2013 at 31.5.
    ("age_at_delivery", "fits_delivery_years", {(3, "age_at_delivery"): "32.5"}, [], 2),
    ("age_at_delivery", "fits_delivery_years", {(3, "age_at_delivery"): "32.6"}, ["P1", "P2"], 2),
    ("age_at_delivery", "fits_delivery_years", {(3, "age_at_delivery"): "30.5"}, [], 2),
    ("age_at_delivery", "fits_delivery_years", {(3, "age_at_delivery"): "30.4"}, ["P1", "P2"], 2),
    ("age_at_delivery", "fits_delivery_years", {(4, "woman_id"): "W1"}, ["P1", "P2", "P3"], 3),
    ("delivery_year", "once_a_woman", {(3, "delivery_year"): "2011"}, [], 6),
    (
        "delivery_year",
        "once_a_woman",
        {(3, "delivery_year"): "2010", (3, "age_at_delivery"): "29"},
        ["P1", "P2"],
        6,
    ),
    # 2012 - 2008 is 4 years before the age at delivery.
    ("ms_diagnosis_year", "from_age_14", {(4, "age_at_delivery"): "18"}, [], 6),
    ("ms_diagnosis_year", "from_age_14", {(4, "age_at_delivery"): "17.9"}, ["P3"], 6),
    ("ms_diagnosis_year", "from_age_14", {(4, "ms_diagnosis_year"): ""}, [], 5),
    ("edss_before", "drop_between_pregnancies", {(2, "edss_before"): "4"}, [], 1),
    ("edss_before", "drop_between_pregnancies", {(2, "edss_before"): "4.5"}, ["P2"], 1),
    ("edss_before", "drop_between_pregnancies", {(2, "edss_before"): ""}, [], 0),
    # P4, 3.5 in 2014, is made the third of W1.
    (
        "edss_before",
        "drop_between_pregnancies",
        {(3, "edss_before"): "6", (5, "woman_id"): "W1", (5, "age_at_delivery"): "32.5"},
        ["P4"],
        2,
    ),
    (
        "edss_before",
        "drop_between_pregnancies",
        {
            (3, "edss_before"): "",
            (2, "edss_before"): "6",
            (5, "woman_id"): "W1",
            (5, "age_at_delivery"): "32.5",
        },
        ["P4"],
        1,
    ),
    # 1826 days before the last menstrual period, which is day -280.
    ("dmt_stop_day", "within_5_years", {(4, "dmt_stop_day"): "-2106"}, [], 1),
    ("dmt_stop_day", "within_5_years", {(4, "dmt_stop_day"): "-2107"}, ["P3"], 1),
    ("dmt_stop_day", "within_5_years", {(4, "dmt_stop_day"): ""}, [], 0),
    ("dmt_stop_day", "therapy_in_pregnancy", {(4, "dmt_stop_day"): "-1", (4, "dmt_in_pregnancy"): ""}, [], 1),
    (
        "dmt_stop_day",
        "therapy_in_pregnancy",
        {(4, "dmt_stop_day"): "0", (4, "dmt_in_pregnancy"): ""},
        ["P3"],
        1,
    ),
    (
        "dmt_stop_day",
        "therapy_in_pregnancy",
        {(4, "dmt_stop_day"): "0", (4, "dmt_in_pregnancy"): "natalizumab"},
        [],
        1,
    ),
    ("dmt_stop_day", "therapy_in_pregnancy", {(4, "dmt_stop_day"): "0"}, [], 0),
]


@pytest.mark.parametrize(("column", "check", "cells", "who", "assessed"), PLAUSIBLE)
def test_what_is_implausible_is_flagged_and_accepted(tmp_path, column, check, cells, who, assessed):
    tables = valid()
    for _, name in cells:
        if name not in tables["pregnancies"]:
            tables["pregnancies"][name] = ""
    for (line, name), value in cells.items():
        tables["pregnancies"].loc[line - 2, name] = value
    result = submit(write_csv(tmp_path, tables))
    assert result.verdict["verdict"] == "accepted"
    rows = found(result).get(("pregnancies", column, check), [])
    assert [one for _, one in rows] == who
    assert checked(result, column, check) == assessed


def test_two_deliveries_of_one_year_have_no_order_in_which_the_edss_could_fall(tmp_path):
    tables = changed("pregnancies", 2, "edss_before", "6")
    tables["pregnancies"].loc[1, "delivery_year"] = "2010"
    result = submit(write_csv(tmp_path, tables))
    assert checked(result, "edss_before", "drop_between_pregnancies") == 0


@pytest.mark.parametrize("line", [2, 3])
def test_a_woman_who_is_not_known_is_compared_with_nobody(tmp_path, line):
    tables = changed("pregnancies", line, "woman_id", "W 1")
    tables["pregnancies"].loc[1, "age_at_delivery"] = "45"
    result = submit(write_csv(tmp_path, tables))
    assert list(found(result)) == [("pregnancies", "woman_id", "pattern")]
    assert checked(result, "age_at_delivery", "fits_delivery_years") == 0
    assert checked(result, "delivery_year", "once_a_woman") == 5


@pytest.mark.parametrize(
    ("gestation", "count", "onset", "flagged", "assessed"),
    [
        # The last menstrual period is day -195, so days 1 to 84 would be a third trimester.
        ("195", "1", "1", ["P4"], 1),
        ("195", "1", "84", ["P4"], 1),
        ("195", "1", "0", [], 1),
        ("195", "1", "85", [], 1),
        ("195", "0", "1", [], 1),
        ("195", "", "1", [], 0),
        # Of 196 days, none is left for it; of 197, the last one is.
        ("196", "1", "0", ["P4"], 1),
        ("196", "1", "84", [], 1),
        ("197", "1", "1", [], 0),
        ("", "1", "1", [], 0),
    ],
)
def test_a_short_pregnancy_has_no_third_trimester(tmp_path, gestation, count, onset, flagged, assessed):
    tables = changed("pregnancies", 5, "gestation_days", gestation)
    for column, value in {
        "relapses_pre_year": "0",
        "relapses_pregnancy": count,
        "relapses_post_year": "1",
    }.items():
        tables["pregnancies"].loc[3, column] = value
    mine = tables["relapses"]["pregnancy_id"] == "P4"
    days = ["-100", onset] if count != "0" else [onset]
    tables["relapses"] = pd.concat(
        [
            tables["relapses"][~mine],
            pd.DataFrame({"pregnancy_id": "P4", "onset_day": days}),
        ],
        ignore_index=True,
    ).fillna("")
    result = submit(write_csv(tmp_path, tables))
    assert result.verdict["verdict"] == "accepted"
    key = ("pregnancies", "gestation_days", "trimester_3_in_short_pregnancy")
    assert [one for _, one in found(result).get(key, [])] == flagged
    assert checked(result, *key[1:]) == assessed


@pytest.mark.parametrize(("year", "refused"), [("2019", 1), ("2018", 1), ("2017", 0)])
def test_the_end_of_follow_up_is_stated_for_the_year_of_the_data_cut_and_the_one_before(
    tmp_path, year, refused
):
    tables = changed("pregnancies", 7, "delivery_year", year)
    tables["pregnancies"].loc[5, "observed_to_day"] = ""
    key = ("pregnancies", "observed_to_day", "followup_stated")
    assert failures(submit(write_csv(tmp_path, tables))) == ({key: 1} if refused else {})


@pytest.mark.parametrize(("day", "refused"), [("-1010", 0), ("-1011", 1)])
def test_an_onset_lies_at_most_730_days_before_the_last_period(tmp_path, day, refused):
    tables = changed("relapses", 5, "onset_day", day)
    tables["pregnancies"].loc[3, "observed_from_day"] = "-2000"
    key = ("relapses", "onset_day", "onset_inside_observation")
    assert failures(submit(write_csv(tmp_path, tables))) == ({key: 1} if refused else {})


def test_without_a_stated_start_observation_begins_365_days_before_the_last_period(tmp_path):
    tables = changed("pregnancies", 5, "observed_from_day", "")
    # -900 is in the second year before; -500 and -300 are in the first.
    assert found(submit(write_csv(tmp_path, tables)))[
        "relapses", "onset_day", "onset_inside_observation"
    ] == [(5, "P4")]


def test_a_relapse_before_an_onset_after_the_last_period_is_counted(tmp_path):
    tables = changed("pregnancies", 2, "onset_after_lmp", "1")
    tables["pregnancies"].loc[2, "onset_after_lmp"] = "yes"
    result = submit(write_csv(tmp_path, tables))
    assert found(result) == {("pregnancies", "relapses_pre_year", "none_before_onset"): [(2, "P1")]}


def test_an_onset_in_the_delivery_year_after_the_last_period_is_no_early_diagnosis(tmp_path):
    tables = changed("pregnancies", 4, "onset_after_lmp", "true")
    tables["pregnancies"].loc[2, "ms_diagnosis_year"] = "2012"
    assert found(submit(write_csv(tmp_path, tables))) == {}


@pytest.mark.parametrize(("policy", "who"), [("all", ["P2", "P4", "P5"]), ("none", ["P1", "P3", "P6"])])
def test_women_treated_against_the_policy_are_counted(tmp_path, policy, who):
    result = submit(write_csv(tmp_path, valid()), Site("ljubno", policy, "2019-06-30"))
    assert failures(result) == {}
    assert [one for _, one in found(result)["pregnancies", "ivig", "follows_policy"]] == who


def test_onsets_less_than_30_days_apart_are_counted_as_merged(tmp_path):
    # 20, 45 and 55: 45 belongs to 20, and 55 is 35 days after 20, the previous retained one.
    tables = changed("relapses", 9, "onset_day", "45")
    tables["relapses"].loc[len(tables["relapses"])] = ["P4", "55", "", "", ""]
    tables["pregnancies"].loc[3, "relapses_post_year"] = "3"
    tables["relapses"] = tables["relapses"].drop(index=8)
    result = submit(write_csv(tmp_path, tables))
    key = ("relapses", "onset_day", "onset_30_days_apart")
    assert failures(result, "pass_with_violations") == {key: 1}
    assert found(result) == {key: [(9, "P4")]}
    action = [check["action"] for check in result.verdict["checks"] if check["check"] == key[2]]
    assert action == ["merged"]
    assert len(result.accepted["relapses"]) == 10


def test_every_duplicate_of_an_id_is_named_and_its_rows_are_no_orphans(tmp_path):
    result = submit(write_csv(tmp_path, changed("pregnancies", 4, "pregnancy_id", "P1")))
    key = ("pregnancies", "pregnancy_id", "unique")
    assert failures(result) == {key: 2}
    # P3 has an infusion; with its row renamed it is unknown whether that is an orphan: it is not called one.
    assert found(result) == {key: [(2, "P1"), (4, "P1")]}


def test_missing_pregnancy_ids_make_no_orphans_and_no_duplicates(tmp_path):
    tables = changed("pregnancies", 2, "pregnancy_id", "")
    tables["pregnancies"].loc[3, "pregnancy_id"] = ""
    result = submit(write_csv(tmp_path, tables))
    assert found(result) == {("pregnancies", "pregnancy_id", "missing_value"): [(2, None), (5, None)]}


@pytest.mark.parametrize("relapses", [True, False])
def test_a_count_in_a_period_without_an_observed_day_is_refused(tmp_path, relapses):
    tables = changed("pregnancies", 4, "observed_from_day", "-280")
    tables["pregnancies"].loc[2, "relapses_pre_year"] = "1"
    if not relapses:
        del tables["relapses"]
    result = submit(write_csv(tmp_path, tables))
    assert found(result) == {("pregnancies", "relapses_pre_year", "count_without_observation"): [(4, "P3")]}


def test_a_new_conception_ends_the_counted_window(tmp_path):
    tables = changed("pregnancies", 5, "next_conception_day", "200")
    tables["relapses"] = tables["relapses"].drop(index=8)
    result = submit(write_csv(tmp_path, tables))
    # Onset day 200 is no longer inside, which also explains why the count of 2 is not reached.
    assert found(result) == {("relapses", "onset_day", "onset_inside_observation"): [(9, "P4")]}
    tables["relapses"] = tables["relapses"].drop(index=7)
    tables["pregnancies"].loc[3, "relapses_post_year"] = "1"
    assert found(submit(write_csv(tmp_path, tables))) == {}


def test_without_dated_relapses_the_counts_stand_and_the_rules_are_not_assessable(tmp_path):
    tables = valid()
    del tables["relapses"]
    result = submit(write_csv(tmp_path, tables))
    assert result.verdict["verdict"] == "accepted"
    status = {
        check["status"]
        for check in result.verdict["checks"]
        if check["check"] == "agrees_with_dated_relapses"
    }
    assert status == {"not_assessable"}


def test_a_table_of_relapses_without_a_row_says_there_was_none(tmp_path):
    tables = valid()
    tables["relapses"] = tables["relapses"].head(0)
    result = submit(write_csv(tmp_path, tables))
    assert found(result) == {
        ("pregnancies", "relapses_pre_year", "agrees_with_dated_relapses"): [(2, "P1"), (5, "P4")],
        ("pregnancies", "relapses_pregnancy", "agrees_with_dated_relapses"): [(3, "P2")],
        ("pregnancies", "relapses_post_year", "agrees_with_dated_relapses"): [
            (2, "P1"),
            (5, "P4"),
            (7, "P6"),
        ],
    }


def test_two_faults_are_both_named_in_one_line_with_their_rows(tmp_path):
    tables = changed("pregnancies", 4, "age_at_delivery", "99")
    tables["pregnancies"].loc[4, "age_at_delivery"] = "5"
    tables["relapses"].loc[1, "severity"] = "awful"
    result = submit(write_csv(tmp_path, tables))
    line = refusal(
        [result.verdict, submit(write_csv(tmp_path, valid())).verdict, result.verdict | {"site": "x"}]
    )
    assert line.startswith(
        "site ljubno: pregnancies.age_at_delivery range: 2 rows, relapses.severity code: 1 row | site x: "
    )
    assert "\n" not in line
    assert "results/restricted/intake/SITE/findings.csv" in line


@pytest.mark.parametrize("table", ["pregnancies", "relapses", "infusions", "adverse_events"])
def test_no_value_of_a_row_reaches_verdict_page_or_line(tmp_path, table):
    marker = "ZqMarker7"
    for column in valid()[table]:
        result = submit(write_csv(tmp_path, changed(table, 2, column, f"{marker} <{marker}>")))
        shown = json.dumps(result.verdict) + result.page + refusal([result.verdict])
        assert marker not in shown
        assert marker not in result.findings.to_csv()


def test_a_cell_that_fails_hides_no_other_failure(tmp_path):
    tables = valid()
    tables["pregnancies"]["age_at_delivery"] = ["x", "5", "99", "", "30", "30"]
    tables["pregnancies"]["edss_before"] = ["x", "0.5", "", "3", "3", "3"]
    assert failures(submit(write_csv(tmp_path, tables))) == {
        ("pregnancies", "age_at_delivery", "type"): 1,
        ("pregnancies", "age_at_delivery", "range"): 2,
        ("pregnancies", "age_at_delivery", "missing_value"): 1,
        ("pregnancies", "edss_before", "type"): 1,
        ("pregnancies", "edss_before", "range"): 1,
    }


def registry_of_women():
    row = st.tuples(
        st.sampled_from(["A", "B", None]),
        st.sampled_from([2010, 2011, 2014, None]),
        st.sampled_from([28.0, 29.1, 32.0, 40.0, None]),
        st.sampled_from([0.0, 1.5, 4.0, 6.5, None]),
    )
    return st.lists(row, max_size=7)


@given(registry_of_women())
def test_women_are_compared_as_by_hand(rows):
    frame = pd.DataFrame(rows, columns=["woman_id", "delivery_year", "age_at_delivery", "edss_before"])
    frame["ms_diagnosis_year"] = None
    dtypes = {"woman_id": "string", "delivery_year": "Int64", "ms_diagnosis_year": "Int64"}
    found = of_women(frame.astype(dtypes | {"age_at_delivery": "float64", "edss_before": "float64"}))
    for place, (woman, year, age, edss) in enumerate(rows):
        hers = [other for at, other in enumerate(rows) if woman and other[0] == woman and at != place]
        same = sum(other[1] == year for other in hers) if woman and year else None
        ages = [(o[1], o[2]) for o in hers if o[1] and o[2]] if year and age else []
        beyond = [abs(round((o_year - year) - (o_age - age), 6)) - 1 for o_year, o_age in ages]
        scored = [o for o in hers if o[1] and o[3] is not None]
        before = [o for o in scored if year and o[1] < year]
        last = max((o[1] for o in before), default=None)
        alone = same == 0 and last is not None and sum(o[1] == last for o in hers) == 1
        fall = 2 * (next(o[3] for o in before if o[1] == last) - edss) if alone and edss is not None else None
        expected = {
            "delivery_year.once_a_woman": same,
            "age_at_delivery.fits_delivery_years": max(0, *map(ceil, beyond)) if beyond else None,
            "edss_before.drop_between_pregnancies": fall,
        }
        for name, value in expected.items():
            cell = found[name].iloc[place]
            assert (None if pd.isna(cell) else cell) == value, name
