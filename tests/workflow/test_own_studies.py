"""Studies of other people, in folders of their own: real data, and sites that differ in what they do."""

import json
import shutil
from pathlib import Path

import pytest
from gravida.disclosure import release_tables
from gravida.report.html import write_report
from gravida.statistics.identifiability import assess_identifiability

from tests.estimates import PERIOD, every_table
from tests.study import read_study
from tests.unit.test_thin_data import CONFIGURATION
from tests.workflow.conftest import ROOT, check_finished, primary, run_workflow

BLADDER = ROOT / "tests/data/bladder"
WITHIN = "identifiable within sites"


def test_bladder_cancer_recurrences_equal_r(tmp_path: Path) -> None:
    study = tmp_path / "bladder"
    shutil.copytree(BLADDER, study)
    run = run_workflow(
        study, "results/internal/tables/rate_ratios.csv", "results/internal/identifiability.json"
    )
    check_finished(run)
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
    assert json.loads(run.text("internal/identifiability.json"))["verdict"] == WITHIN


def test_bladder_cancer_recurrences_build_the_report() -> None:
    """All tables of estimates, the gate and the report, without the workflow around them."""
    cohort, policies = read_study(BLADDER)
    verdict = assess_identifiability(cohort.person_time, policies, PERIOD).as_dict()
    released = release_tables(every_table(cohort, policies), 5).tables
    assert WITHIN in write_report(released, verdict, {}, CONFIGURATION, [False]).page


def test_a_site_by_choice_beside_policy_sites(tmp_path: Path) -> None:
    study = tmp_path / "mixed"
    shutil.copytree(ROOT / "tests/golden/registries/mixed", study)
    run = run_workflow(study, "results/internal/tables/rate_ratios.csv")
    assert run.code == 0, run.output
    row = primary(run)
    reference = json.loads((ROOT / "tests/golden/mixed.json").read_text(encoding="utf-8"))
    expected = reference["rate_ratios"][reference["primary"]]["primary"]
    assert row["adjusted_for"] == "site"
    assert float(row["rate_ratio"]) == pytest.approx(expected["rate_ratio"], rel=1e-6)
    assert float(row["upper"]) == pytest.approx(expected["upper"], rel=1e-6)
