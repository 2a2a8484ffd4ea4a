"""The published evidence by itself, in a study that has no registry. Beside one it is in test_reruns."""

import csv
import io
import os
import shutil
from pathlib import Path

import pytest
from gravida.errors import ConfigurationError
from gravida.evidence.sheet import check_studies
from gravida.tables import read_cells

from tests.workflow.conftest import ROOT, Run, run_workflow

SHEET = """study,year,treated_events,treated_n,control_events,control_n,control_type,source
North,2001,6,41,13,39,concurrent,a journal
South,2004,5,14,39,74,randomized,a journal
"""
# Up to five faults are told in one line; where a cell is not a number, that is told first and alone.
FAULTS = {
    "not_numbers": (
        {"6,41": "six,41", "2004": "20O4"},
        ["study North, column treated_events: not a number", "study South, column year: not a number"],
    ),
    "numbers_that_do_not_fit": (
        {"6,41,13,39": "60,41,13,0", "5,14": "5.5,14", "randomized": "random"},
        [
            "study North, column treated_events: more than treated_n",
            "study North, column control_n: is 0",
            "study South, column treated_events: not a whole number",
            "study South, column control_type: not one of randomized",
        ],
    ),
    "the_same_row_twice": (
        {"South,2004": "North,2001", "randomized,a journal": "randomized,"},
        ["study North, column study: the same row twice", "study North, column source: empty"],
    ),
    "a_column_that_is_not_known": ({"control_n,": "controls,"}, ["column controls is not known"]),
}


def evidence(study: Path) -> Run:
    return run_workflow(study, "evidence")


def rows(run: Run, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(run.text(name))))


def write_evidence(study: Path, sheet: str, config: str = "") -> Path:
    study.mkdir(exist_ok=True)
    (study / "studies.csv").write_text(sheet, encoding="utf-8")
    (study / "config.yaml").write_text(f"evidence: {{studies: studies.csv}}\n{config}", encoding="utf-8")
    return study


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return the finished evidence of a study whose plan names its sheet of studies and nothing else."""
    return evidence(write_evidence(tmp_path_factory.mktemp("alone") / "study", SHEET))


def test_evidence_needs_no_registry(alone: Run) -> None:
    """6/41 against 13/39 and 5/14 against 39/74: Mantel-Haenszel by hand.

    (6*26/80 + 5*35/88) / (13*35/80 + 39*9/88) = 3.9386 / 9.6761 = 0.4070.
    """
    assert alone.code == 0, alone.output
    assert alone.executed() == {
        *("pool_evidence", "audit_claims", "release_evidence", "draw_evidence", "evidence"),
    }
    pooled = rows(alone, "release/tables/evidence_pooled.csv")
    assert {row["analysis"] for row in pooled} == {
        *("all", "main", "leave_out:North", "leave_out:South", "cumulative:North", "cumulative:South"),
    }
    key = {"analysis": "main", "measure": "OR", "method": "mantel_haenszel"}
    (main,) = (row for row in pooled if key.items() <= row.items())
    assert float(main["estimate"]) == pytest.approx(3.9386363636 / 9.6761363636, rel=1e-9)
    assert not any(row["suppressed"] == "True" for row in pooled)
    pictures = {path.name for path in alone.path("release/figures").iterdir()}
    assert pictures == {"evidence_forest.png", "evidence_funnel.png", "evidence_cumulative.png"}
    # The shipped claims about other studies cannot be held against this sheet, and say so.
    verdicts = {row["claim"]: row["verdict"] for row in rows(alone, "internal/tables/evidence_audit.csv")}
    assert verdicts["pooled odds ratio, IVIG over none"] == "cannot be checked"


def test_a_sheet_that_is_new_and_looks_old_is_read(alone: Run, tmp_path: Path) -> None:
    study = tmp_path / "study"
    shutil.copytree(alone.study, study)
    assert run_workflow(study, "evidence", "--dry-run").executed() == set()
    (study / "studies.csv").write_text(SHEET.replace("6,41", "7,41"), encoding="utf-8")
    os.utime(study / "studies.csv", (1_000_000_000, 1_000_000_000))
    planned = run_workflow(study, "evidence", "--dry-run").executed()
    assert {"pool_evidence", "audit_claims", "draw_evidence"} < planned


def test_a_sheet_of_sites_that_is_not_there_is_missed_by_the_registry_alone(
    alone: Run, tmp_path: Path
) -> None:
    study = tmp_path / "study"
    shutil.copytree(alone.study, study)
    with (study / "config.yaml").open("a", encoding="utf-8") as config:
        config.write("sites: none.tsv\n")
    again = run_workflow(study, "evidence", "--forcerun", "release_evidence")
    assert again.code == 0, again.output
    # To the studies and their pools it is all the same: they stay as they are.
    assert again.executed() == {"release_evidence", "draw_evidence", "evidence"}
    assert "No registry is among the evidence: this study has no sheet of sites." in again.output
    assert f"Evidence: {again.path('release/tables/evidence_pooled.csv')}" in again.output
    whole = run_workflow(study)
    assert whole.code == 1
    assert "ConfigurationError: sites: none.tsv is not there" in whole.output
    assert "Traceback" not in whole.output


def faulty(name: str) -> str:
    """Return the sheet with these faults."""
    sheet, (edits, _) = SHEET, FAULTS[name]
    for right, wrong in edits.items():
        assert right in sheet
        sheet = sheet.replace(right, wrong, 1)
    return sheet


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_a_sheet_are_one_line(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_studies(read_cells(io.StringIO(faulty(name)), "evidence.studies"))
    told = caught.value.line()
    assert told.startswith("ConfigurationError: evidence.studies: ") and "\n" not in told
    assert all(fault in told for fault in FAULTS[name][1])


def test_a_faulty_sheet_ends_the_run_in_that_line(tmp_path: Path) -> None:
    """Two steps read the sheet; it is said once."""
    name = "numbers_that_do_not_fit"
    run = evidence(write_evidence(tmp_path, faulty(name)))
    assert run.code == 1
    (line,) = {line for line in run.output.splitlines() if line.startswith("ConfigurationError: ")}
    assert line.startswith("ConfigurationError: evidence.studies: ")
    assert all(fault in line for fault in FAULTS[name][1])
    assert "Traceback" not in run.output
    assert not run.path("internal/tables/evidence_pooled.csv").exists()


def test_nothing_reads_the_sheet_of_sites_while_the_rules_are_read() -> None:
    """A sheet that is faulty stops what needs the registry, and nothing else."""
    common = (ROOT / "workflow/rules/common.smk").read_text(encoding="utf-8")
    called = [line for line in common.splitlines() if "read_sites(" in line and not line.startswith(" ")]
    assert called == ["def read_sites():"]
