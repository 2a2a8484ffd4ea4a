"""Single rows set aside: which rows go with a refused one, and that every row is accounted for."""

import pandas as pd
import pytest
from gravida.admission import tabulate_unused, warnings_of_unused
from gravida.intake.submission import intake_site
from gravida.tables import read_table
from submissions import ROOT, SEPARATION, SITE, changed, valid, write_csv

CODES = read_table(ROOT / "resources/dmt_codes.csv")


def submitted(folder, tables, quarantine=True):
    folder.mkdir(exist_ok=True)
    return intake_site(SITE, write_csv(folder, tables), CODES, SEPARATION, quarantine=quarantine)


def kept(result, table="pregnancies"):
    return result.accepted[table]["pregnancy_id"].tolist()


def assert_reconciled(verdict):
    for table, read in verdict["rows"].items():
        parts = [verdict[part][table] for part in ("accepted", "quarantined", "duplicates")]
        assert sum(parts) == read, table


def test_a_pregnancy_goes_with_all_of_its_rows(tmp_path):
    result = submitted(tmp_path, changed("pregnancies", 5, "age_at_delivery", "99"))
    assert result.verdict["verdict"] == "accepted"
    assert kept(result) == ["P1", "P2", "P3", "P5", "P6"]
    # Six of the ten relapses were hers.
    assert kept(result, "relapses") == ["P1", "P1", "P2", "P6"]
    assert kept(result, "infusions") == ["P1", "P1", "P3", "P6"]
    assert result.verdict["quarantined"] == {
        "pregnancies": 1, "relapses": 6, "infusions": 0, "adverse_events": 0
    }  # fmt: skip
    assert result.verdict["women_quarantined"] == 1
    assert_reconciled(result.verdict)
    (check,) = [check for check in result.verdict["checks"] if check["action"] == "quarantined"]
    assert (check["column"], check["check"]) == ("age_at_delivery", "range")
    assert (check["rows_failed"], check["status"]) == (1, "pass_with_violations")


def test_an_unreadable_relapse_takes_its_pregnancy_along(tmp_path):
    result = submitted(tmp_path, changed("relapses", 4, "onset_day", "soon"))
    assert kept(result) == ["P1", "P3", "P4", "P5", "P6"]
    assert "P2" not in kept(result, "adverse_events")
    assert_reconciled(result.verdict)


def test_rows_of_a_refused_id_go_with_it(tmp_path):
    """Two pregnancies of one id: neither is known, nor whose the infusion is."""
    result = submitted(tmp_path, changed("pregnancies", 6, "pregnancy_id", "P3"))
    assert kept(result) == ["P1", "P2", "P4", "P6"]
    assert "P3" not in kept(result, "infusions")
    found = {(check["table"], check["check"]) for check in result.verdict["checks"]
             if check["action"] == "quarantined"}  # fmt: skip
    assert found == {("pregnancies", "unique")}
    assert_reconciled(result.verdict)


@pytest.mark.parametrize(
    ("table", "line"), [("relapses", 11), ("infusions", 3), ("adverse_events", 3), ("pregnancies", 5)]
)
@pytest.mark.parametrize("cell", ["P99", "P 1", ""])
def test_a_row_that_may_be_any_pregnancy_s_refuses_the_site(tmp_path, table, line, cell):
    """Set aside, it would be missed where it belongs: a relapse, a thrombosis. P4 has relapses of its own."""
    result = submitted(tmp_path, changed(table, line, "pregnancy_id", cell))
    assert result.verdict["verdict"] == "refused"
    assert kept(result) == []


def test_a_repeated_row_is_counted_as_such(tmp_path):
    tables = valid()
    tables["pregnancies"] = pd.concat([tables["pregnancies"], tables["pregnancies"].iloc[[2]]])
    result = submitted(tmp_path, tables)
    assert len(kept(result)) == 6
    assert result.verdict["duplicates"]["pregnancies"] == 1
    assert result.verdict["quarantined"]["pregnancies"] == 0
    assert_reconciled(result.verdict)
    assert submitted(tmp_path / "stop", tables, quarantine=False).verdict["verdict"] == "refused"


@pytest.mark.parametrize("column", ["age_at_delivery", "ivig"])
def test_a_column_that_is_missing_refuses_the_site(tmp_path, column):
    tables = valid()
    tables["pregnancies"] = tables["pregnancies"].drop(columns=column)
    result = submitted(tmp_path, tables)
    assert result.verdict["verdict"] == "refused"
    assert kept(result) == []
    assert result.verdict["quarantined"]["pregnancies"] == 0


def test_a_site_without_a_sound_pregnancy_is_refused(tmp_path):
    tables = valid()
    tables["pregnancies"]["age_at_delivery"] = "99"
    assert submitted(tmp_path, tables).verdict["verdict"] == "refused"


def test_nothing_is_set_aside_unless_it_is_asked_for(tmp_path):
    tables = changed("pregnancies", 5, "age_at_delivery", "99")
    assert submitted(tmp_path, tables, quarantine=False).verdict["verdict"] == "refused"


def test_a_sound_submission_is_the_same_with_and_without(tmp_path):
    one, other = (submitted(tmp_path / str(way), valid(), way) for way in (True, False))
    assert one.verdict == other.verdict and one.page == other.page


def test_page_and_findings_say_what_was_set_aside(tmp_path):
    result = submitted(tmp_path, changed("pregnancies", 5, "age_at_delivery", "99"))
    assert "Set aside until corrected" in result.page
    assert "99" not in result.page.split("<body>")[1]
    aside = result.findings[result.findings["action"] == "quarantined"]
    assert aside[["table", "pregnancy_id", "column"]].to_numpy().tolist() == [
        ["pregnancies", "P4", "age_at_delivery"]
    ]


def test_attrition_and_warnings_count_them(tmp_path):
    tables = changed("pregnancies", 5, "age_at_delivery", "99")
    verdict = submitted(tmp_path, tables).verdict
    other = verdict | {"site": "second"}
    rows = tabulate_unused([verdict, other], {"third": 9})
    assert rows[["site", "step", "pregnancies"]].to_numpy().tolist() == [
        ["third", "left_out", 9],
        ["all", "quarantined", 2],
        ["ljubno", "quarantined", 1],
        ["second", "quarantined", 1],
    ]
    # Nobody has counted the women of a site that is left out.
    assert rows["women"].tolist()[1:] == [2, 1, 1] and pd.isna(rows["women"][0])
    lines = warnings_of_unused([verdict], ["third"])
    assert lines == [
        "Warning: site third is left out: its submission was refused",
        "Warning: site ljubno: refused rows are set aside: pregnancies 1 of 6, relapses 6 of 10",
    ]
