"""Studies of other people, in folders of their own: real data, thin data, and data that answer nothing."""

import json
import shutil
from pathlib import Path

import pytest

from tests.workflow.conftest import (
    ROOT,
    Run,
    check_finished,
    check_no_answer,
    minimal_site,
    primary,
    run_workflow,
    write_study,
)


def finished(study: Path) -> Run:
    run = run_workflow(study)
    check_finished(run)
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
    run = run_workflow(study, "results/internal/tables/rate_ratios.csv")
    assert run.code == 0, run.output
    row = primary(run)
    reference = json.loads((ROOT / "tests/golden/mixed.json").read_text(encoding="utf-8"))
    expected = reference["rate_ratios"][reference["primary"]]["primary"]
    assert row["adjusted_for"] == "site"
    assert float(row["rate_ratio"]) == pytest.approx(expected["rate_ratio"], rel=1e-6)
    assert float(row["upper"]) == pytest.approx(expected["upper"], rel=1e-6)


def test_no_relapse_still_builds_the_report(tmp_path: Path) -> None:
    """One of the women has six pregnancies. A single pregnancy is the mended submission of test_refusals."""
    women = [("W0", 1)] * 6 + [(f"W{number}", 1) for number in range(1, 15)]
    sites = {
        "one": ("all", minimal_site([(woman, arm, 0) for woman, arm in women])),
        "two": ("none", minimal_site([(f"W{number}", 0, 0) for number in range(20)])),
    }
    check_no_answer(run_workflow(write_study(tmp_path / "study", sites)), "no relapse")
