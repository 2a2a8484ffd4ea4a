"""What a run leaves: where its numbers came from, the same from a second run, and no value of a row.

The second run here goes as far as the models. tests/endurance compares whole ones.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.submission import TABLES
from tests.workflow.conftest import ROOT, Run, minimal_site, run_workflow, write_study
from tests.workflow.test_planted_values import (
    ACCEPTED,
    PERSON,
    QUANTILES,
    TEXT,
    found_in,
    planted_study,
    talk,
    talking_source,
)

RECORDS = {"internal/manifest.json", "release/manifest.json", "release/ro-crate-metadata.json"}
ACCEPTED_SITES = {"fine", "again", "rows"}
REFUSED_SITES = {"header", "broken", "mapped", "orphans"}
SITES = ACCEPTED_SITES | REFUSED_SITES
# Imputation draws at random in both.
MODELS = [f"results/internal/tables/{name}.csv" for name in ("predictors", "sensitivity")]
ENVIRONMENTS = [
    {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "2"},
    {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LC_ALL": "C"},
]


@dataclass
class Runs:
    """The runs of one study with marked values: all that the tests here look at.

    `refused` ends with the refused sites; `one` goes on without them, to the report; `two` reads two sites
    and fits models again in another place, with cores, time zone, seed and habits of its own, and one of its
    steps fails, rows in hand.
    """

    source: Path
    refused: Run
    one: Run
    two: Run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("runs")
    source = talking_source(folder / "source")
    study = planted_study(folder / "one/study")
    by_date = ("--rerun-triggers", "mtime")
    # The caller lets everybody write everything.
    mask = os.umask(0)
    try:
        refused = run_in(ENVIRONMENTS[0], study, source, "--cores", "2")
        config = study / "config.yaml"
        config.write_text(config.read_text(encoding="utf-8").replace("quarantine", "leave_out"))
        # The rows that were set aside stay so, by their dates.
        again = Path(shutil.copytree(study, folder / "two/in/another/place"))
        one = run_in(ENVIRONMENTS[0], study, source, "--cores", "2", *by_date)
        for path in again.glob("results/*/**/*"):
            if path.is_file() and not {path.stem, path.parent.name} & (REFUSED_SITES | {"rows"}):
                path.unlink()
        module = source / "workflow/lib/gravida/statistics/baseline.py"
        text = module.read_text(encoding="utf-8")
        talk(module, "describe_baseline", True)
        wanted = [*MODELS, "results/internal/tables/baseline.csv"]
        two = run_in(ENVIRONMENTS[1], again, source, *wanted, "--cores", "1", *by_date)
        module.write_text(text, encoding="utf-8")
    finally:
        os.umask(mask)
    return Runs(source, refused, one, two)


def run_in(environment: dict[str, str], study: Path, source: Path, *arguments: str) -> Run:
    """Run a study in an environment, whose temporary files are kept in the study."""
    (study / "tmp").mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (environment | {"TMPDIR": str(study / "tmp")}).items():
            patch.setenv(name, value)
        return run_workflow(study, *arguments, source=source)


def test_two_runs_are_the_same_byte_for_byte(runs: Runs) -> None:
    ran = {"intake_site fine", "intake_site again", "build_cohort", "describe_registry"}
    assert runs.two.executed() == ran | {f"estimate_{Path(name).stem}" for name in MODELS}
    found = {
        path.relative_to(runs.two.study): path.read_bytes()
        for folder in ("restricted", "internal")
        for path in runs.two.path(folder).rglob("*")
        if path.is_file()
    }
    assert set(map(Path, MODELS)) < set(found)
    assert not [name for name in found if found[name] != (runs.one.study / name).read_bytes()]


def test_the_records_name_every_file(runs: Runs) -> None:
    run = runs.one
    kept = json.loads(run.text("internal/manifest.json"))
    found = {
        path.relative_to(run.study).as_posix()
        for folder in ("restricted", "internal", "release")
        for path in run.path(folder).rglob("*")
        if path.is_file()
    }
    # The run's own record of its release is kept when all is done; the manifest cannot hold its own digest.
    later = {name for name in found if name.startswith("results/internal/releases/")}
    assert set(kept["outputs"]) == found - later - {"results/internal/manifest.json"}
    tables = [f"{site}/{table}.csv" for site in ("fine", "rows", "orphans") for table in TABLES]
    assert set(kept["inputs"]["submissions"]) == {
        *tables,
        *("again/2018-06-30/file 1", "again/2019-06-30/file 1", "mapped/file 1"),
        *("header/pregnancies.csv", "header/relapses.csv"),
        *("broken/pregnancies.csv", "broken/relapses.xlsx", "broken/infusions.parquet"),
    }
    assert set(kept["inputs"]["sheets"]) == {"sites.tsv", "mapped.yaml", "again.yaml"}
    assert set(kept["inputs"]["configuration"]) == {"config.yaml", "gravida:config/config.yaml"}
    assert "gravida:resources/dmt_codes.csv" in kept["inputs"]["resources"]
    assert kept["configuration"]["sites"] == "sites.tsv"


def test_the_records_say_who_made_what(runs: Runs) -> None:
    kept = json.loads(runs.one.text("internal/manifest.json"))
    steps = kept["steps"]
    ran = {name.split()[0] for name in runs.refused.executed() | runs.one.executed()}
    assert set(steps) == ran - {"record_provenance"}
    made = [
        name.replace("{site}", site) for step in steps.values() for name in step["outputs"] for site in SITES
    ]
    recorded = (
        set(kept["outputs"])
        - {f"results/{name}" for name in RECORDS}
        - {"results/release/Snakefile", "results/internal/run_config.yaml"}
    )
    assert set(made) == recorded
    read = {name for step in steps.values() for name in step["inputs"]}
    assert "submission files of {site}" in steps["intake_site"]["inputs"]
    assert (steps["intake_site"]["runs"], steps["build_cohort"]["runs"]) == (7, 1)
    assert steps["release_evidence"]["script"] == "release_tables"
    # Whatever a step reads is made by another, or is told of the study or of the workflow.
    patterns = {name for step in steps.values() for name in step["outputs"]}
    assert read - patterns == {
        name for name in read if name.startswith("gravida:") or name.endswith(" of {site}")
    }
    assert not any(site in name for name in read for site in SITES)


def test_no_record_names_a_person_and_no_withheld_file_can_be_tried(runs: Runs) -> None:
    run = runs.one
    kept = json.loads(run.text("internal/manifest.json"))
    hidden = {name: entry for name, entry in kept["outputs"].items() if "results/release" not in name}
    hidden |= kept["inputs"]["submissions"] | kept["inputs"]["sheets"]
    released = {entry["sha256"] for name, entry in kept["outputs"].items() if "results/release" in name}
    for name in RECORDS:
        text = run.text(name)
        assert "Novak" not in text and str(run.study) not in text and str(runs.source) not in text
        if name.startswith("release"):
            # The verdict holds no count and leaves as it is.
            same = {of for of, entry in hidden.items() if entry["sha256"] in released}
            assert same == {"results/internal/identifiability.json"}
            assert same == {of for of, entry in hidden.items() if entry["sha256"] in text}
            assert kept["salt"] not in text
    for name, entry in (kept["outputs"] | kept["inputs"]["submissions"]).items():
        assert ("bytes" in entry) == (name.startswith(("results/internal", "results/release"))), name


def verified(study: Path, source: Path) -> tuple[int, list[str]]:
    """Return the exit code and the lines of the command."""
    command = [sys.executable, "-m", "gravida", "verify", str(study)]
    environment = os.environ | {"PYTHONPATH": f"{source / 'workflow/lib'}{os.pathsep}{source}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_after_a_run_every_file_is_as_it_was_left(runs: Runs, tmp_path: Path) -> None:
    """A study may move."""
    for study in (runs.one.study, Path(shutil.copytree(runs.one.study, tmp_path / "moved"))):
        assert verified(study, runs.source) == (0, ["Every file is as the last run read or left it."])


def test_one_changed_byte_anywhere_is_named(runs: Runs, tmp_path: Path) -> None:
    study = Path(shutil.copytree(runs.one.study, tmp_path / "study"))
    kept = json.loads((study / "results/internal/manifest.json").read_text())
    changed = [*kept["outputs"], "sites.tsv", "again.yaml", "config.yaml", "fine/pregnancies.csv"]
    assert len(changed) > 80
    for name in [*changed, f"again/2018-06-30/{PERSON}"]:
        path = study / name
        path.chmod(0o600)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    (study / "results/release/left.csv").touch()
    code, lines = verified(study, runs.source)
    assert code == 1
    expected = [f"differs: {name}" for name in changed]
    expected += ["differs: again/2018-06-30/file 1 (or is missing)", "new: results/release/left.csv"]
    assert lines == sorted(expected)


def test_the_record_is_made_again_when_a_file_is(runs: Runs, tmp_path: Path) -> None:
    study = Path(shutil.copytree(runs.one.study, tmp_path / "study"))
    with (study / "sites.tsv").open("a") as sheet:
        sheet.write("\n")
    assert verified(study, runs.source) == (1, ["differs: sites.tsv"])
    triggers = ("--rerun-triggers", "mtime")
    assert run_workflow(study, *triggers, source=runs.source).executed() == {"record_provenance"}
    assert verified(study, runs.source)[0] == 0


def test_the_runs_met_every_kind_of_fault(runs: Runs) -> None:
    every = [runs.refused, runs.one, runs.two]
    assert [run.code for run in every] == [1, 0, 1], [run.output for run in every]
    study = runs.one.study
    lines = {line for line in runs.refused.output.splitlines() if line.startswith("SubmissionRefused: ")}
    assert len(lines) == 1
    verdicts = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in (study / "results/internal/intake").glob("*.json")
    }
    assert {site for site, told in verdicts.items() if told["verdict"] == "refused"} == REFUSED_SITES
    assert all(f"site {site} is left out" in runs.one.output for site in REFUSED_SITES)
    assert "Warning: site rows: refused rows are set aside" in runs.one.output
    # Every column of every table was at fault in some row, and its rows are where rows may be.
    intake = study / "results/restricted/intake"
    findings = "".join(
        (intake / site / "findings.csv").read_text(encoding="utf-8") for site in ("rows", "orphans")
    )
    for name, schema in TABLES.items():
        for column in schema.columns:
            assert re.search(rf"(?m)^[^\n]*\b{name}\b[^\n]*\b{column}\b", findings), (name, column)
    changes = (study / "results/restricted/intake/again/changes.csv").read_text(encoding="utf-8")
    assert TEXT in changes and TEXT in findings
    # No other step had anything to say. What the step with the rows in hand had to say became one line.
    assert "Warning: UserWarning in cohort.py line " in runs.one.output
    assert re.search(r"(?m)^Defect: ValueError in baseline\.py line [0-9]+; ", runs.two.output)


def test_no_value_is_outside_the_folder_of_rows(runs: Runs) -> None:
    leaks = {}
    for name in ("refused", "one", "two"):
        output = getattr(runs, name).output
        leaks[f"output of {name}"] = found_in(output.encode())
        assert "Traceback" not in output
    for study in (runs.one.study, runs.two.study):
        for path in written(study):
            name = path.relative_to(study).as_posix()
            found = found_in(name.encode()) | (found_in(path.read_bytes()) if path.is_file() else set())
            if QUANTILES.fullmatch(name.removeprefix("results/")):
                found = {each for each in found if not each.startswith(ACCEPTED)}
            leaks[f"{study.name}/{name}"] = found
    assert len(leaks) > 150
    assert not {place: found for place, found in leaks.items() if found}


def written(study: Path) -> list[Path]:
    """Return everything that the runs wrote outside the folder of rows."""
    return [
        path
        for folder in ("results", ".snakemake", "tmp")
        for path in sorted((study / folder).rglob("*"))
        if not path.is_relative_to(study / "results/restricted")
    ]


def test_rows_are_for_their_owner_alone(runs: Runs) -> None:
    study = runs.one.study
    modes = {
        path.relative_to(study / "results").as_posix(): (path.is_dir(), stat.S_IMODE(path.stat().st_mode))
        for path in (study / "results").rglob("*")
    }
    wrong = {}
    for name, (is_folder, mode) in modes.items():
        if name.split("/")[0] == "release":
            expected = 0o755 if is_folder else 0o644
        else:
            expected = 0o700 if is_folder else 0o600
        if mode != expected:
            wrong[name] = oct(mode)
    assert len(modes) > 100
    assert not wrong


@pytest.mark.parametrize(("name", "key"), [("sites.tsv", "sites"), ("config.yaml", "configuration")])
def test_what_is_dated_in_the_future_is_refused(tmp_path: Path, name: str, key: str) -> None:
    """The record would be made again by every run."""
    study = write_study(tmp_path / "study", {"a": ("all", minimal_site([("W1", 1, 0)]))})
    os.utime(study / name, (4_000_000_000, 4_000_000_000))
    run = run_workflow(study, "--dry-run")
    assert run.code == 1
    (line,) = (line for line in run.output.splitlines() if line.startswith("ConfigurationError: "))
    assert line.startswith(f"ConfigurationError: {key}: a file is dated in the future")


def test_sums_are_made_by_one_thread() -> None:
    """A product of large matrices differs in its last digits with the number of threads."""
    text = (ROOT / "Snakefile").read_text(encoding="utf-8")
    (line,) = (line for line in text.splitlines() if line.startswith("os.environ.update("))
    environment: dict[str, str] = {}
    exec(line.replace("os.environ", "environment"), {"environment": environment})
    assert environment == dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
