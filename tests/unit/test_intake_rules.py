"""One fault at a time: exactly its check fails, on exactly its rows. Data: `submissions.valid`."""

import json

import pandas as pd
import pytest
from gravida.intake.submission import Site, refusal
from submissions import changed, failures, found, submit, valid, write_csv

# table, line, column, value -> check, pregnancy_ids of the failing rows
CELLS = [
    ("pregnancies", 4, "delivery_year", "twenty-twelve", "type", ["P3"]),
    ("pregnancies", 4, "delivery_year", "2012.5", "type", ["P3"]),
    ("pregnancies", 4, "delivery_year", "1" * 400, "type", ["P3"]),
    ("pregnancies", 4, "delivery_year", "1979", "range", ["P3"]),
    ("pregnancies", 4, "delivery_year", "", "missing_value", ["P3"]),
    ("pregnancies", 4, "delivery_year", "2020", "not_after_data_cut", ["P3"]),
    ("pregnancies", 4, "age_at_delivery", "13.9", "range", ["P3"]),
    ("pregnancies", 4, "age_at_delivery", "31,5", "type", ["P3"]),
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
    assert found(result) == {("pregnancies", "ivig", "agrees_with_infusions"): [(7, "P6")]}


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
