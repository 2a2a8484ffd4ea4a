"""What a user sees when something is wrong: one line with its class, every refused site, no value."""

import re
import shutil
from pathlib import Path

import pytest
from gravida.errors import ConfigurationError
from gravida.tables import read_cells

from tests.workflow.conftest import ROOT, Run, check_no_answer, minimal_site, run_workflow, write_study

GOOD = minimal_site([(f"W{number}", 1, number % 2) for number in range(8)])
MARKER = "Qx7Marker"
PUBLISHED = ROOT / "resources/evidence/published_rates.csv"


def lines_of(run: Run, name: str) -> list[str]:
    return [line for line in run.output.splitlines() if line.startswith(f"{name}: ")]


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run over a site that is fine and four that are not, each in a way of its own."""
    header, *body = GOOD["pregnancies.csv"].splitlines()
    wrong_type = "\n".join([header, body[0].replace("2012", MARKER), *body[1:]]) + "\n"
    impossible = "\n".join([header, *(row.replace("2012", "1911") for row in body[:3]), *body[3:]]) + "\n"
    sites = {
        "fine": ("all", GOOD),
        "letters": ("all", {"pregnancies.csv": wrong_type}),
        "early": ("none", {"pregnancies.csv": impossible}),
        "empty": ("none", {}),
    }
    strange = {"strange": ("all", GOOD)}
    study = write_study(tmp_path_factory.mktemp("refused") / "study", sites | strange)
    (study / "strange/relapses.csv").mkdir()
    (study / "strange/infusions.csv").symlink_to("nowhere")
    (study / "strange/{x}.csv").write_text("x")
    (study / "strange" / f"{MARKER}.csv").write_text("x")
    return run_workflow(study)


def test_every_refused_site_is_named_in_one_run(refused: Run) -> None:
    run = refused
    assert run.code == 1
    (line,) = set(lines_of(run, "SubmissionRefused"))
    assert "site letters" in line and "site early" in line and "site empty" in line
    assert "site fine" not in line
    assert "delivery_year type: 1 row" in line
    assert "delivery_year" in line.split("site early")[1] and "3 rows" in line.split("site early")[1]
    assert "file_missing" in line.split("site empty")[1]
    # The run ends with that line, and with where the answers are; Snakemake's words are in its log.
    *_, last, early, empty, letters, strange = run.output.strip().splitlines()
    assert last == line
    pages = {"early": early, "empty": empty, "letters": letters, "strange": strange}
    for site, told in pages.items():
        assert told == f"Answer to site {site}: {run.path(f'internal/quality/{site}.html')}"
        assert run.path(f"internal/quality/{site}.html").exists()
    assert re.search(r"(?m)^failed +\d+ s  cohort and person-time$", run.output)
    assert "Error in rule" in run.log and "Error in rule" not in run.output
    assert "Traceback" not in run.output

    # The accepted site was checked in the same run, and every site has its answer.
    assert run.path("internal/intake/fine.json").exists()
    for site in ("fine", "letters", "early", "empty"):
        assert run.path(f"internal/quality/{site}.html").exists()
    findings = run.path("restricted/intake/early/findings.csv").read_text()
    assert all(f"P{number}," in findings for number in range(3))
    assert not run.path("release").exists()

    # No value reaches anything but the folder of rows.
    assert MARKER not in run.output
    for path in run.study.rglob("*"):
        if path.is_file() and not path.is_relative_to(run.study / "letters"):
            assert MARKER.encode() not in path.read_bytes(), path


@pytest.fixture(scope="module")
def mended(refused: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return the whole run of two of these sites, a refused one among them, that send again; nobody relapses.

    One of the women has six pregnancies. A single pregnancy is in test_reruns.
    """
    study = tmp_path_factory.mktemp("mended") / "study"
    shutil.copytree(refused.study, study, symlinks=True)
    treated = minimal_site([(woman, 1, 0) for woman in ["W0"] * 6 + [f"W{n}" for n in range(1, 15)]])
    untreated = minimal_site([(f"W{number}", 0, 0) for number in range(20)])
    for site, files in (("fine", treated), ("early", untreated)):
        (study / site / "pregnancies.csv").write_text(files["pregnancies.csv"])
    header, *lines = (study / "sites.tsv").read_text().splitlines()
    kept = [line for line in lines if line.startswith(("fine\t", "early\t"))]
    (study / "sites.tsv").write_text("\n".join([header, *kept]) + "\n")
    shutil.copy(PUBLISHED, study / "published.csv")
    (study / "config.yaml").write_text("sites: sites.tsv\nevidence: {published_rates: published.csv}\n")
    return run_workflow(study)


def test_a_mended_submission_goes_through(mended: Run) -> None:
    assert mended.code == 0, mended.output
    assert "intake_site early" in mended.executed()
    assert not lines_of(mended, "SubmissionRefused")


def test_no_relapse_still_builds_the_report(mended: Run) -> None:
    check_no_answer(mended, "no relapse")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("colour: red", "colour"),
        ("cost: {ivig_per_gram: .inf}", "cost.ivig_per_gram: not a finite number"),
        ("sites: other.tsv", "sites is there twice"),
        ("evidence: {published_rates: nowhere.csv}", "nowhere.csv"),
    ],
)
def test_configuration_faults_are_one_line(tmp_path: Path, config: str, words: str) -> None:
    """One of each kind. All of them are in tests/unit/test_files_and_settings.py, as those of the sheet."""
    run = run_workflow(write_study(tmp_path / "study", {"a": ("all", GOOD)}, config + "\n"), "--dry-run")
    assert run.code == 1
    (line,) = lines_of(run, "ConfigurationError")
    assert words in line
    assert "Traceback" not in run.output


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda text: text + text.splitlines()[1] + "\n", "line 3: site a is listed twice"),
        (lambda text: text.replace("\ta\t", "\tnowhere\t"), "nowhere is not there"),
        (lambda text: text.replace("\ta\t", "\tsites.tsv\t"), "not a folder"),
        (lambda text: text.replace("\tall\t\t", "\tall\tmap.yaml\t"), "mapping of site a: map.yaml"),
    ],
)
def test_faults_of_the_sheet_of_sites_are_one_line(tmp_path: Path, edit, words: str) -> None:
    study = write_study(tmp_path / "study", {"a": ("all", GOOD)})
    sheet = study / "sites.tsv"
    sheet.write_text(edit(sheet.read_text()))
    run = run_workflow(study, "--dry-run")
    assert run.code == 1
    (line,) = lines_of(run, "ConfigurationError")
    assert words in line
    assert "Traceback" not in run.output


def test_a_sheet_that_no_key_names(tmp_path: Path) -> None:
    """Without a word the shipped registry would be taken for the study's own."""
    study = write_study(tmp_path / "study", {"a": ("all", GOOD)})
    (study / "config.yaml").write_text("on_refused: stop\n")
    run = run_workflow(study, "--dry-run")
    assert run.code == 1
    (line,) = lines_of(run, "ConfigurationError")
    assert "add the line 'sites: sites.tsv'" in line


def test_a_name_too_long_for_a_sheet(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", {"a": ("all", GOOD)})
    (study / "config.yaml").write_text(f"sites: {'x' * 3000}\n")
    run = run_workflow(study, "--dry-run")
    assert run.code == 1
    (line,) = lines_of(run, "ConfigurationError")
    assert "is not there" in line


def test_a_sheet_that_is_not_there(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", {"a": ("all", GOOD)}, "")
    (study / "sites.tsv").unlink()
    run = run_workflow(study, "--dry-run")
    assert run.code == 1
    (line,) = lines_of(run, "ConfigurationError")
    assert "sites.tsv is not there" in line


def test_what_is_no_table_is_refused_and_its_name_not_shown(refused: Run) -> None:
    (line,) = set(lines_of(refused, "SubmissionRefused"))
    # A folder, a link that leads nowhere, a name with braces and one that is no table's.
    assert "site strange: submission unexpected_file: 4 files" in line
    assert "site fine" not in line
    assert MARKER not in refused.output and "Traceback" not in refused.output


@pytest.mark.parametrize("sheet", ["", "study,year\na,1,2\n", "\xff"])
def test_a_sheet_that_is_no_table_is_told_in_one_line(tmp_path: Path, sheet: str) -> None:
    (tmp_path / "published.csv").write_bytes(sheet.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"evidence\.published_rates: cannot be read") as caught:
        read_cells(tmp_path / "published.csv", "evidence.published_rates")
    assert "\n" not in caught.value.line()


@pytest.mark.parametrize("sheet", ["\xff", None])
def test_a_sheet_of_published_rates_that_cannot_be_read_is_not_a_defect(mended: Run, sheet) -> None:
    published = mended.study / "published.csv"
    before = published.read_bytes()
    published.unlink()
    try:
        if sheet is None:
            published.mkdir()
        else:
            published.write_bytes(sheet.encode("latin-1"))
        run = run_workflow(mended.study, "results/release/figures/course.png")
    finally:
        published.rmdir() if sheet is None else published.unlink()
        published.write_bytes(before)
    assert run.code == 1
    (line,) = set(lines_of(run, "ConfigurationError"))
    assert "evidence.published_rates" in line
    assert not lines_of(run, "Defect")


def test_a_defect_shows_its_type_and_place_only(mended: Run, tmp_path: Path) -> None:
    study = tmp_path / "study"
    shutil.copytree(mended.study, study, symlinks=True)
    cohort = study / "results/restricted/cohort.parquet"
    cohort.write_bytes(f"PAR1 {MARKER}".encode())
    run = run_workflow(study, "describe_registry", "--rerun-triggers", "mtime")
    assert run.code == 1
    (line,) = set(lines_of(run, "Defect"))
    assert "line" in line and MARKER not in run.output
    assert "Traceback" not in run.output


def test_the_last_run_s_failures_are_not_told_again(refused: Run, tmp_path: Path) -> None:
    assert len(set(lines_of(refused, "SubmissionRefused"))) == 1
    study = tmp_path / "study"
    shutil.copytree(refused.study, study, symlinks=True)
    with (study / "config.yaml").open("a", encoding="utf-8") as config:
        config.write("evidence: {studies: studies.csv}\n")
    (study / "studies.csv").write_text("no,sheet\nof,studies\n")
    # One step alone runs, and fails; the log of the refused submissions is still there.
    run = run_workflow(study, "results/internal/tables/evidence_audit.csv")
    assert lines_of(Run(study, 1, run.text("logs/build_cohort.log")), "SubmissionRefused")
    assert lines_of(run, "SubmissionRefused") == []
    assert len(set(lines_of(run, "ConfigurationError"))) == 1
    # The next run ends before its first step.
    shutil.rmtree(study / "early")
    run = run_workflow(study)
    assert lines_of(run, "SubmissionRefused") == []
    assert len(lines_of(run, "ConfigurationError")) == 1
