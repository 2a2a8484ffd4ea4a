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
    # Few copies are imputed: the primary row rests on none.
    with (study / "config.yaml").open("a", encoding="utf-8") as config:
        config.write("imputations: 3\n")
    row = primary(finished(study))
    reference = json.loads((ROOT / "tests/golden/mixed.json").read_text(encoding="utf-8"))
    expected = reference["rate_ratios"][reference["primary"]]["primary"]
    assert row["adjusted_for"] == "site"
    assert float(row["rate_ratio"]) == pytest.approx(expected["rate_ratio"], rel=1e-6)
    assert float(row["upper"]) == pytest.approx(expected["upper"], rel=1e-6)


# A site with one arm and a woman with six pregnancies: the mended submission of test_refusals.
@pytest.mark.parametrize(
    ("sites", "words"),
    [
        ({"one": ("individual", minimal_site([("W1", 1, 0)]))}, "no other arm"),
        (
            {
                "one": ("all", minimal_site([(f"W{n}", 1, 0) for n in range(20)])),
                "two": ("none", minimal_site([(f"W{n}", 0, 0) for n in range(20)])),
            },
            "no relapse",
        ),
    ],
    ids=["one_pregnancy", "no_relapse"],
)
def test_no_answer_still_builds_the_report(tmp_path: Path, sites: dict, words: str) -> None:
    check_no_answer(run_workflow(write_study(tmp_path / "study", sites)), words)
