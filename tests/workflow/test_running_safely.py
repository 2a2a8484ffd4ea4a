"""What can befall a run from outside: it ends in one line that says what to do, and the next run finishes."""

import errno
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT, Run, minimal_site, run_workflow, write_study

CLASSES = ("ConfigurationError: ", "SubmissionRefused: ", "NotEstimable: ", "ReleaseRefused: ", "Defect: ")
MARKER = "Qx7Marker"
COHORT = "results/restricted/cohort.parquet"
FUTURE = time.time() + 400 * 86400


def new_study(folder: Path) -> Path:
    rows = [[(f"{MARKER}{number}", arm, number % 3) for number in range(12)] for arm in (1, 0)]
    return write_study(
        folder / "study", {"a": ("all", minimal_site(rows[0])), "b": ("none", minimal_site(rows[1]))}
    )


def told(run: Run) -> list[str]:
    """Return the lines of a failed run that begin with a class, once each."""
    assert run.code != 0, run.output
    assert "Traceback" not in run.output and MARKER not in run.output
    return list(dict.fromkeys(line for line in run.output.splitlines() if line.startswith(CLASSES)))


def make(study: Path, *arguments: str) -> subprocess.Popen:
    """Start `make` on a study, whatever the age of the environment that the tests run in."""
    told_to_make = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    return subprocess.Popen(
        ["make", "--old-file", ".venv/ready", f"STUDY={study}", *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in told_to_make},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def made(study: Path) -> Run:
    """Run `make` on a study to its end."""
    process = make(study)
    output, _ = process.communicate()
    return Run(study, process.returncode, output)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return an undisturbed run, to the cohort."""
    run = until_cohort(new_study(tmp_path_factory.mktemp("undisturbed")))
    assert run.code == 0, run.output
    return run


def until_cohort(study: Path, **where: Path) -> Run:
    """Run a study to the cohort; what runs is for the dates to say."""
    return run_workflow(study, COHORT, "--rerun-triggers", "mtime", **where)


def equal(run: Run, other: Run) -> None:
    """Check that two runs to the cohort left the same rows and tables, and nothing half done."""
    names = [COHORT, "results/internal/tables/attrition.csv", "results/internal/intake/a.json"]
    assert run.code == 0, run.output
    for name in names:
        assert (run.study / name).read_bytes() == (other.study / name).read_bytes(), name
    assert not list(run.path("").rglob(".*.partial.*"))
    for log in run.path("logs").rglob("*.log"):
        assert log.read_text(encoding="utf-8") == ""


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Callable[[str], None]]:
    """Mount a disk of this size, and yield what changes its options; skip where that is not allowed."""
    folder.mkdir(exist_ok=True)

    def mount(*options: str) -> int:
        return subprocess.run(["mount", *options, str(folder)], capture_output=True, check=False).returncode

    if os.geteuid() != 0 or mount("-t", "tmpfs", "-o", f"size={size}", "none"):
        pytest.skip("DID NOT RUN: only root may mount a disk")
    try:
        yield lambda options: mount("-o", f"remount,{options}")
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk(cohort: Run, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "120k") as change:
        study = new_study(tmp_path / "disk")
        run = until_cohort(study)
        # Snakemake has words of its own where its notes find no room.
        assert told(run) or "No space left on device" in run.output.splitlines()[-1]
        assert all("make room" in line for line in told(run))
        for path in study.rglob("results/**/*.json"):
            json.loads(path.read_text(encoding="utf-8"))
        change("size=20m")
        equal(until_cohort(study), cohort)


def test_a_disk_that_cannot_be_written(cohort: Run, tmp_path: Path) -> None:
    study = new_study(tmp_path)
    with small_disk(study / "results", "20m") as change:
        change("ro")
        (line,) = told(until_cohort(study))
        assert "results" in line and "cannot be written" in line
        (line,) = told(made(study))
        assert "results cannot be written" in line
        change("rw")
        equal(until_cohort(study), cohort)


@pytest.mark.parametrize("name", ["results", "results/internal", "results/restricted", ".snakemake"])
def test_a_file_in_the_place_of_a_folder(tmp_path: Path, name: str) -> None:
    study = new_study(tmp_path)
    (study / name).parent.mkdir(exist_ok=True)
    (study / name).write_text("", encoding="utf-8")
    (line,) = told(until_cohort(study))
    assert line.startswith(f"ConfigurationError: {name} is not a folder; ")


def script(fault: str, folder: Path, **environment: str) -> Run:
    """Run a script whose work ends in this fault, as Snakemake does: in the study's folder."""
    (folder / "results/logs").mkdir(parents=True, exist_ok=True)
    text = f"import sys\nsys.path.insert(0, {str(ROOT / 'workflow/scripts')!r})\nfrom _job import job\n"
    text += f"with job('results/logs/step.log'):\n    text = '{MARKER}'\n    {fault}\n"
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Run(folder, done.returncode, done.stdout)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (f"raise OSError({errno.ENOSPC}, text, text)", "make room"),
        (f"raise OSError({errno.EDQUOT}, text)", "make room"),
        (f"raise OSError({errno.EROFS}, text)", "cannot be written"),
        (f"raise OSError({errno.EACCES}, text)", "cannot be written"),
        (f"raise OSError({errno.EIO}, text)", "Input/output error"),
        ("raise OSError(text)", "a fault of the software"),
        ("open(text)", "a fault of the software"),
        ("raise MemoryError(text)", "CORES=1"),
        ("import numpy; numpy.ones(2**50)", "CORES=1"),
        ("raise SystemExit(text)", "a fault of the software"),
        ("raise BaseException(text)", "a fault of the software"),
        ("print(text); print(text, file=sys.stderr); raise ValueError(text)", "a fault of the software"),
        ("raise BaseExceptionGroup(text, [ValueError(text)])", "a fault of the software"),
    ],
)
def test_every_fault_of_a_step_is_one_line(tmp_path: Path, fault: str, words: str) -> None:
    run = script(fault, tmp_path)
    assert run.output.count("\n") == 1
    (line,) = told(run)
    assert words in line
    assert run.text("logs/step.log") == f"{line}\n"


def test_a_log_that_cannot_be_written_is_a_fault_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "results/logs/step.log").mkdir(parents=True)
    (line,) = told(script("pass", tmp_path))
    assert "cannot be written" in line


def test_out_of_memory(cohort: Run, tmp_path: Path) -> None:
    """The system kills the step that asks for too much: it cannot say so any more, the run does."""
    study = new_study(tmp_path)
    killed = shutil.copytree(ROOT, tmp_path / "source", ignore=only_the_workflow)
    module = killed / "workflow/lib/gravida/cohort.py"
    working = module.read_text(encoding="utf-8")
    suicide = "\n\ndef build_cohort(*rows):\n    import os\n\n    os.kill(os.getpid(), 9)\n"
    module.write_text(working + suicide, encoding="utf-8")
    (line,) = told(until_cohort(study, source=killed))
    assert line.startswith("Defect: Killed in build_cohort; ") and "memory" in line
    assert not (study / COHORT).exists()
    module.write_text(working, encoding="utf-8")
    equal(until_cohort(study, source=killed), cohort)


def only_the_workflow(folder: str, names: list[str]) -> set[str]:
    """Return what a copy of the workflow is to leave out."""
    if Path(folder) == ROOT:
        kept = {"workflow", "schemas", "config", "profiles", "resources", "Snakefile", "environment.yml"}
        return set(names) - kept - {"requirements.lock"}
    return {"__pycache__"} & set(names)


def test_two_runs_in_one_folder(tmp_path: Path) -> None:
    study = new_study(tmp_path)
    (study / "results").mkdir()
    with (study / "results/.run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (line,) = told(made(study))
    assert "another run is at work" in line
    assert not (study / ".snakemake").exists()


def test_a_step_that_outlives_its_run_is_waited_for(tmp_path: Path) -> None:
    study = new_study(tmp_path)
    (study / "results").mkdir()
    with (study / "results/.steps.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        waiting = make(study, "BIN=/nowhere")
        first = waiting.stdout.readline()
        os.killpg(waiting.pid, signal.SIGKILL)
        waiting.communicate()
    assert first == "Waiting for a step of the last run to end.\n"
    # One that begins only when another run has begun ends at once, and says nothing.
    (study / "results/.run.lock").write_text("7\n", encoding="utf-8")
    late = script("raise ValueError(text)", study, GRAVIDA_RUN="6")
    assert (late.code, late.output) == (1, "")
    assert not (study / "results/logs/step.log").exists()
    assert script("pass", study, GRAVIDA_RUN="7").code == 0
    # A step does hold that lock.
    probe = "import fcntl; fcntl.flock(open('results/.steps.lock'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    (line,) = told(script(probe, tmp_path / "probe"))
    assert "BlockingIOError" in line


def test_what_a_killed_writer_left_is_cleared(cohort: Run, tmp_path: Path) -> None:
    study = Path(shutil.copytree(cohort.study, tmp_path / "study"))
    for name in ("release/tables/.77.partial.baseline.csv", "restricted/.77.partial.cohort.parquet"):
        (study / "results" / name).parent.mkdir(parents=True, exist_ok=True)
        (study / "results" / name).write_text(MARKER, encoding="utf-8")
    (study / COHORT).unlink()
    equal(until_cohort(study), cohort)


def test_a_release_that_was_not_yet_kept_is_kept_by_the_next_run(cohort: Run, tmp_path: Path) -> None:
    """The run was killed between its last step and the note of its release; nothing is left to do."""
    study = Path(shutil.copytree(cohort.study, tmp_path / "study"))
    record = study / "results/internal/release.json"
    record.write_text('{"release": "2019-06-30-7", "after": ""}', encoding="utf-8")
    kept = study / "results/internal/releases/2019-06-30-7.json"
    # While there is no report there is no release.
    assert until_cohort(study).code == 0
    assert not kept.exists()
    (study / "results/release").mkdir()
    (study / "results/release/report.html").write_text("", encoding="utf-8")
    run = until_cohort(study)
    assert "Nothing to be done" in run.output
    made = json.loads(record.read_text(encoding="utf-8"))
    assert made.items() <= json.loads(kept.read_text(encoding="utf-8")).items()


def test_a_submission_dated_in_the_future(cohort: Run, tmp_path: Path) -> None:
    study = Path(shutil.copytree(cohort.study, tmp_path / "study"))
    os.utime(study / "a/pregnancies.csv", (FUTURE, FUTURE))
    (line,) = told(until_cohort(study))
    assert "site a" in line and "clock" in line


def edit(path: Path) -> None:
    """Correct one row."""
    text = path.read_text(encoding="utf-8")
    changed = re.sub(",none,0,", ",none,1,", text, count=1)
    assert changed != text
    path.write_text(changed, encoding="utf-8")


def test_results_dated_in_the_future_do_not_hide_an_edit(cohort: Run, tmp_path: Path) -> None:
    """The clock was ahead while the study ran, and has been put right."""
    study = Path(shutil.copytree(cohort.study, tmp_path / "study"))
    made = sorted((study / "results").rglob("*.*"), key=lambda path: path.stat().st_mtime)
    for number, path in enumerate(made):
        os.utime(path, (FUTURE + number, FUTURE + number))
    assert "Nothing to be done" in until_cohort(study).output
    edit(study / "a/pregnancies.csv")
    run = until_cohort(study)
    assert run.code == 0, run.output
    assert run.executed() == {"intake_site a", "build_cohort"}
    assert (study / COHORT).read_bytes() != (cohort.study / COHORT).read_bytes()
    assert "Nothing to be done" in until_cohort(study).output


def test_a_submission_that_is_new_and_looks_old(cohort: Run, tmp_path: Path) -> None:
    """A file that is copied with its date is older than the results, and yet has another content."""
    study = Path(shutil.copytree(cohort.study, tmp_path / "study"))
    edit(study / "a/pregnancies.csv")
    os.utime(study / "a/pregnancies.csv", (1_000_000_000, 1_000_000_000))
    os.utime(study / "b/pregnancies.csv", (1_000_000_000, 1_000_000_000))
    run = until_cohort(study)
    assert run.executed() == {"intake_site a", "build_cohort"}
    assert "Nothing to be done" in until_cohort(study).output
