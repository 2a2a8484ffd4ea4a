"""Studies of other people, in folders of their own: real data, thin data, and data that answer nothing."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT, Run, minimal_site, run_workflow, write_study


def primary(run: Run) -> dict[str, str]:
    table = csv.DictReader(io.StringIO(run.text("internal/tables/rate_ratios.csv")))
    (row,) = (row for row in table if row["is_primary"] == "True")
    return row


def finished(study: Path) -> Run:
    run = run_workflow(study)
    assert run.code == 0, run.output
    assert "Traceback" not in run.output and "Warning" not in run.output
    for log in run.path("logs").rglob("*.log"):
        assert log.read_text(encoding="utf-8") == "", log
    return run


def test_bladder_cancer_recurrences_equal_r(tmp_path: Path) -> None:
    study = tmp_path / "bladder"
    shutil.copytree(ROOT / "tests/data/bladder", study)
    run = finished(study)
    reference = json.loads((ROOT / "tests/golden/bladder.json").read_text(encoding="utf-8"))
    expected = reference["rate_ratios"][reference["primary"]]["primary"]
    row = primary(run)
    assert (row["model"], row["covariance"], row["status"]) == (
        "negative_binomial",
        "cluster_robust",
        "ok",
    )
    for name in ("rate_ratio", "lower", "upper", "p_value"):
        assert float(row[name]) == pytest.approx(expected[name], rel=1e-6)
    assert "excluded_postpartum_year" in run.text("internal/tables/attrition.csv")
    assert "identifiable within sites" in run.text("release/report.html")


def test_a_site_by_choice_beside_policy_sites(tmp_path: Path) -> None:
    study = tmp_path / "mixed"
    shutil.copytree(ROOT / "tests/golden/registries/mixed", study)
    row = primary(finished(study))
    reference = json.loads((ROOT / "tests/golden/mixed.json").read_text(encoding="utf-8"))
    expected = reference["rate_ratios"][reference["primary"]]["primary"]
    assert row["adjusted_for"] == "site"
    assert float(row["rate_ratio"]) == pytest.approx(expected["rate_ratio"], rel=1e-6)
    assert float(row["upper"]) == pytest.approx(expected["upper"], rel=1e-6)


SIX = [("W1", 1, number % 2) for number in range(6)] + [(f"W{number}", 1, 0) for number in range(2, 12)]


@pytest.mark.parametrize(
    ("sites", "words"),
    [
        ({"one": ("all", minimal_site(SIX))}, "no other arm"),
        ({"one": ("individual", minimal_site([("W1", 1, 0)]))}, "no other arm"),
        (
            {
                "one": ("all", minimal_site([(f"W{n}", 1, 0) for n in range(20)])),
                "two": ("none", minimal_site([(f"W{n}", 0, 0) for n in range(20)])),
            },
            "no relapse",
        ),
    ],
    ids=["one_arm_and_a_woman_with_six", "one_pregnancy", "no_relapse"],
)
def test_no_answer_still_builds_the_report(tmp_path: Path, sites: dict, words: str) -> None:
    run = finished(write_study(tmp_path / "study", sites))
    row = primary(run)
    assert row["status"] == "not_estimable"
    assert row["rate_ratio"] == row["lower"] == row["upper"] == row["p_value"] == ""
    assert words in row["reason"]
    assert words in run.text("release/report.html")
    assert words in run.text("release/headline.txt")
