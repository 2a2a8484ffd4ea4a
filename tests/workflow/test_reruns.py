"""What runs again, and what does not; and what is in the two releases of the study that shows it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.workflow.conftest import (
    ROOT,
    Run,
    check_finished,
    check_no_answer,
    minimal_site,
    run_workflow,
    write_study,
)
from tests.workflow.test_evidence_alone import SHEET, rows, write_evidence

POOLED = {
    "tabulate_checks",
    "build_cohort",
    "describe_registry",
    "estimate_rate_ratios",
    "estimate_predictors",
    "estimate_course",
    "estimate_survival",
    "estimate_sensitivity",
    "tabulate_safety",
    "estimate_cost",
    "pool_evidence",
    "release_evidence",
    "draw_evidence",
    "compare_releases",
    "release_tables",
    "draw_figures",
    "write_manuscript",
    "write_report",
    "write_workbook",
    "review_release",
    "record_provenance",
}
FOLDERS = ("workflow", "schemas", "config", "profiles", "resources")
FILES = ("Snakefile", "environment.yml", "requirements.lock")


RELAPSES = "pregnancy_id,onset_day\n"


def site(arm: int, women: int, relapsed: int) -> dict[str, str]:
    """Return a submission in which so many women relapse, each 40 days after delivery."""
    files = minimal_site([(f"W{number}", arm, int(number < relapsed)) for number in range(women)])
    return files | {"relapses.csv": RELAPSES + "".join(f"P{number},40\n" for number in range(relapsed))}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the workflow that a test may edit."""
    folder = tmp_path_factory.mktemp("workflow")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Path:
    """Return a finished study: 6 of 12 treated women relapse, 3 of 10 others; two studies are published."""
    sites = {"a": ("all", site(1, 12, 6)), "b": ("none", site(0, 10, 3))}
    folder = write_study(tmp_path_factory.mktemp("reruns") / "study", sites)
    write_evidence(folder, SHEET, "sites: sites.tsv\n")
    # Site b keeps its submissions by data cut.
    (folder / "b/2019-06-30").mkdir()
    for name in sites["b"][1]:
        (folder / "b" / name).rename(folder / "b/2019-06-30" / name)
    check_finished(run_workflow(folder, source=source))
    return folder


@contextmanager
def edited(path: Path, change: Callable[[str], str]) -> Iterator[None]:
    """Change a file's text, and put it back as it was."""
    before = path.read_text()
    path.write_text(change(before))
    try:
        yield
    finally:
        path.write_text(before)


def planned(study: Path, source: Path) -> Run:
    run = run_workflow(study, "--dry-run", "--quiet", "host", source=source)
    assert run.code == 0, run.output
    return run


def test_nothing_changed(study: Path, source: Path) -> None:
    assert planned(study, source).executed() == set()


def test_a_further_site_runs_its_own_intake_and_the_pool(study: Path, source: Path) -> None:
    shutil.copytree(study / "b", study / "c")
    with edited(study / "sites.tsv", lambda before: before + "c\tc\trows\tnone\t\t2019-06-30\n"):
        assert planned(study, source).executed() == {"intake_site c"} | POOLED


def test_another_data_cut_concerns_one_site(study: Path, source: Path) -> None:
    with edited(
        study / "sites.tsv",
        lambda before: before.replace("a\trows\tall\t\t2019-06-30", "a\trows\tall\t\t2019-07-31"),
    ):
        assert planned(study, source).executed() == {"intake_site a"} | POOLED


def test_a_further_data_cut_runs_that_site_and_the_pool(study: Path, source: Path, tmp_path: Path) -> None:
    """One woman delivers again, one pregnancy is corrected, one taken back: the release says so."""
    own = Path(shutil.copytree(study, tmp_path / "study", symlinks=True))
    first, second = own / "b/2019-06-30", own / "b/2020-03-31"
    header, *lines = (first / "pregnancies.csv").read_text().splitlines()
    _, changed, *kept = lines
    changed = changed.replace(",none,1,", ",interferon_beta,1,")
    added = [f"P{number},W{number},2012,30,none,0,0" for number in range(90, 97)]
    second.mkdir()
    (second / "relapses.csv").write_text((first / "relapses.csv").read_text().replace("P0,40\n", ""))
    (second / "pregnancies.csv").write_text("\n".join([header, changed, *kept, *added]) + "\n")
    assert planned(own, source).executed() == {"intake_site b"} | POOLED
    run = run_workflow(own, "results/internal/tables/changes.csv", source=source)
    assert run.code == 0, run.output
    listed = rows(run, "restricted/intake/b/changes.csv")
    assert {(row["pregnancy_id"], row["change"], row["columns"]) for row in listed} == {
        ("P0", "gone", ""),
        ("P1", "changed", "dmt_before"),
        *((f"P{number}", "added", "") for number in range(90, 97)),
    }
    told = {
        (row["site"], row["what"]): (row["before"], row["after"])
        for row in rows(run, "internal/tables/changes.csv")
    }
    assert told["b", "data_cut"] == ("2019-06-30", "2020-03-31")
    assert told["b", "pregnancies"] == ("10", "16")
    assert [told["b", f"pregnancies_{kind}"][1] for kind in ("added", "changed", "gone")] == ["7", "1", "1"]
    assert not any(site == "a" for site, _ in told)
    before, after = primary(Run(study, 0, "")), primary(run)
    assert float(told["all", "rate_ratio"][0]) == pytest.approx(float(before), rel=1e-14)
    assert float(told["all", "rate_ratio"][1]) == pytest.approx(float(after), rel=1e-14)


def primary(run: Run) -> str:
    table = rows(run, "internal/tables/rate_ratios.csv")
    (row,) = (row for row in table if row["is_primary"] == "True")
    return row["rate_ratio"]


@pytest.mark.parametrize("entry", ["2019-13-45/pregnancies.csv", "pregnancies.csv"])
def test_what_is_no_data_cut_is_not_guessed_at(study: Path, source: Path, tmp_path: Path, entry: str) -> None:
    own = Path(shutil.copytree(study, tmp_path / "study"))
    (own / "b" / entry).parent.mkdir(exist_ok=True)
    shutil.copy(own / "b/2019-06-30/pregnancies.csv", own / "b" / entry)
    run = run_workflow(own, "--dry-run", source=source)
    assert run.code == 1
    assert "ConfigurationError: submission of site b: " in run.output


def test_a_covariate_leaves_intake_and_cohort_alone(study: Path, source: Path) -> None:
    with edited(study / "config.yaml", lambda before: before + "covariates: [age_at_delivery]\n"):
        assert planned(study, source).executed() == {
            "estimate_rate_ratios",
            "estimate_sensitivity",
            "estimate_predictors",
            "compare_releases",
            "release_tables",
            # What the registry's own rows among the studies may say depends on what its tables withhold.
            "release_evidence",
            "draw_figures",
            "draw_evidence",
            "write_manuscript",
            "write_report",
            "write_workbook",
            "review_release",
            "record_provenance",
        }


def test_an_edited_library_runs_every_rule(study: Path, source: Path) -> None:
    with edited(source / "workflow/lib/gravida/models/exact.py", lambda before: before + "\n# edited\n"):
        everything = {"intake_site a", "intake_site b", "audit_claims"} | POOLED
        assert planned(study, source).executed() == everything


def test_an_added_file_is_noticed(study: Path, source: Path) -> None:
    extra = study / "a" / "infusions.csv"
    try:
        extra.write_text("pregnancy_id,day,grams\n")
        executed = planned(study, source).executed()
        assert "intake_site a" in executed and "intake_site b" not in executed
    finally:
        extra.unlink()


def test_the_registry_enters_as_the_newest_study_and_its_small_counts_do_not_leave(
    study: Path, source: Path
) -> None:
    """Six of 12 treated relapse and 3 of 10 untreated; no count of 3, and nothing that follows from it."""
    run = Run(study, 0, "")
    key = {"study": "This registry", "measure": "OR"}
    (own,) = (row for row in rows(run, "internal/tables/evidence_studies.csv") if key.items() <= row.items())
    counts = [float(own[name]) for name in ("treated_events", "treated_n", "control_events", "control_n")]
    assert counts == [6, 12, 3, 10]
    # (6/6) / (3/7) = 7/3.
    assert float(own["estimate"]) == pytest.approx(7 / 3)
    (own,) = (row for row in rows(run, "release/tables/evidence_studies.csv") if key.items() <= row.items())
    assert own["suppressed"] == "True"
    assert not own["treated_events"] and not own["control_events"] and not own["estimate"]
    pooled = rows(run, "release/tables/evidence_pooled.csv")
    for row in pooled:
        with_it = row["analysis"] in ("with_registry", "cumulative:This registry")
        assert (row["suppressed"] == "True") == with_it
        assert not with_it or not (row["estimate"] or row["p_value"] or row["studies"])
    assert sum(row["analysis"] == "with_registry" for row in pooled) > 10
    # Who asks for the evidence alone asks for no more than is there.
    alone = run_workflow(study, "evidence", "--dry-run", source=source)
    assert (alone.code, alone.executed()) == (0, set()), alone.output


@pytest.fixture(scope="module")
def smaller(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the finished study whose second site has left the sheet; its files are still there."""
    folder = tmp_path_factory.mktemp("smaller") / "study"
    shutil.copytree(study, folder)
    lines = (folder / "sites.tsv").read_text().splitlines()
    (folder / "sites.tsv").write_text("\n".join(lines[:2]) + "\n")
    return folder


def test_a_site_that_leaves_the_sheet_concerns_the_pool_alone(smaller: Path, source: Path) -> None:
    assert planned(smaller, source).executed() == POOLED


@pytest.fixture(scope="module")
def second(smaller: Path, source: Path) -> Run:
    """Return the next release of that copy, by another version: the other site keeps a single pregnancy."""
    for name, text in (minimal_site([("W1", 1, 0)]) | {"relapses.csv": RELAPSES}).items():
        (smaller / "a" / name).write_text(text)
    version = source / "workflow/lib/gravida/__init__.py"
    with edited(version, lambda before: before.replace('__version__ = "', '__version__ = "77.')):
        run = run_workflow(smaller, source=source)
        assert run.code == 0, run.output
        # The record of the finished release changes nothing that was made.
        assert planned(smaller, source).executed() == set()
    return run


def test_the_library_that_runs_is_the_one_beside_the_snakefile(second: Run) -> None:
    assert "77." in second.text("release/report.html")


def test_a_site_that_left_is_not_released(second: Run) -> None:
    assert second.path("restricted/intake/b/pregnancies.parquet").exists()
    assert "\na," in second.text("release/tables/identifiability.csv")
    assert "\nb," not in second.text("release/tables/identifiability.csv")


def test_a_single_pregnancy_still_builds_the_report(second: Run) -> None:
    check_no_answer(second, "no other arm")
