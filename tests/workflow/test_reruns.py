"""What runs again, and what does not."""

import csv
import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT, Run, minimal_site, run_workflow, write_study

POOLED = {
    "tabulate_checks",
    "build_cohort",
    "describe_baseline",
    "estimate_rates",
    "describe_estimability",
    "estimate_rate_ratios",
    "measure_dispersion",
    "estimate_predictors",
    "estimate_course",
    "estimate_survival",
    "estimate_sites",
    "estimate_sensitivity",
    "tabulate_safety",
    "describe_doses",
    "estimate_cost",
    "count_registry",
    "pool_evidence",
    "release_evidence",
    "draw_evidence",
    "assess_precision",
    "compare_releases",
    "release_tables",
    "draw_figures",
    "write_report",
    "review_release",
    "record_provenance",
}
FOLDERS = ("workflow", "schemas", "config", "profiles", "resources")
FILES = ("Snakefile", "environment.yml", "requirements.lock")


def site(arm: int) -> dict[str, str]:
    return minimal_site([(f"W{number}", arm, number % 3) for number in range(24)])


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
    folder = write_study(
        tmp_path_factory.mktemp("reruns") / "study", {"a": ("all", site(1)), "b": ("none", site(0))}
    )
    # Site b keeps its submissions by data cut.
    (folder / "b/2019-06-30").mkdir()
    (folder / "b/pregnancies.csv").rename(folder / "b/2019-06-30/pregnancies.csv")
    done = run_workflow(folder, source=source)
    assert done.code == 0, done.output
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
    (second / "pregnancies.csv").write_text("\n".join([header, changed, *kept, *added]) + "\n")
    assert planned(own, source).executed() == {"intake_site b"} | POOLED
    run = run_workflow(own, "results/internal/tables/changes.csv", source=source)
    assert run.code == 0, run.output
    listed = csv.DictReader(io.StringIO(run.text("restricted/intake/b/changes.csv")))
    assert {(row["pregnancy_id"], row["change"], row["columns"]) for row in listed} == {
        ("P0", "gone", ""),
        ("P1", "changed", "dmt_before"),
        *((f"P{number}", "added", "") for number in range(90, 97)),
    }
    rows = list(csv.DictReader(io.StringIO(run.text("internal/tables/changes.csv"))))
    told = {(row["site"], row["what"]): (row["before"], row["after"]) for row in rows}
    assert told["b", "data_cut"] == ("2019-06-30", "2020-03-31")
    assert told["b", "pregnancies"] == ("24", "30")
    assert [told["b", f"pregnancies_{kind}"][1] for kind in ("added", "changed", "gone")] == ["7", "1", "1"]
    assert not any(site == "a" for site, _ in told)
    before, after = primary(Run(study, 0, "")), primary(run)
    assert float(told["all", "rate_ratio"][0]) == pytest.approx(float(before), rel=1e-14)
    assert float(told["all", "rate_ratio"][1]) == pytest.approx(float(after), rel=1e-14)


def primary(run: Run) -> str:
    table = csv.DictReader(io.StringIO(run.text("internal/tables/rate_ratios.csv")))
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
            "describe_estimability",
            "estimate_rate_ratios",
            "estimate_sensitivity",
            "assess_precision",
            "estimate_predictors",
            "record_configuration",
            "compare_releases",
            "release_tables",
            # What the registry's own rows among the studies may say depends on what its tables withhold.
            "release_evidence",
            "draw_figures",
            "draw_evidence",
            "write_report",
            "review_release",
            "record_provenance",
        }


def test_an_edited_library_runs_every_rule(study: Path, source: Path) -> None:
    with edited(source / "workflow/lib/gravida/models/exact.py", lambda before: before + "\n# edited\n"):
        everything = {"intake_site a", "intake_site b", "record_configuration", "audit_claims"} | POOLED
        assert planned(study, source).executed() == everything


def test_an_added_file_is_noticed(study: Path, source: Path) -> None:
    extra = study / "a" / "relapses.csv"
    try:
        extra.write_text("pregnancy_id,onset_day\n")
        assert "intake_site a" in planned(study, source).executed()
        assert "intake_site b" not in planned(study, source).executed()
    finally:
        extra.unlink()


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


def test_the_library_that_runs_is_the_one_beside_the_snakefile_and_a_site_that_left_is_not_released(
    smaller: Path, source: Path
) -> None:
    library = source / "workflow/lib/gravida"
    warning = '\nimport warnings\n\nwarnings.warn("the text of a row", stacklevel=1)\n'
    with (
        edited(
            library / "__init__.py",
            lambda before: before.replace('__version__ = "', '__version__ = "77.'),
        ),
        edited(library / "statistics/sites.py", lambda before: before + warning),
    ):
        run = run_workflow(smaller, source=source)
        assert run.code == 0, run.output
        # The record of the finished release changes nothing that was made.
        assert planned(smaller, source).executed() == set()
    assert "77." in run.text("release/report.html")
    # A warning is told at the end, without its text.
    assert "Warning: UserWarning in sites.py line" in run.output
    assert "the text of a row" not in run.output
    assert run.path("restricted/intake/b/pregnancies.parquet").exists()
    assert "\na," in run.text("release/tables/identifiability.csv")
    assert "\nb," not in run.text("release/tables/identifiability.csv")
