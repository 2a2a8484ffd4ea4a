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
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT, Run, minimal_site, run_workflow, write_study

CLASSES = ("ConfigurationError: ", "SubmissionRefused: ", "NotEstimable: ", "ReleaseRefused: ", "Defect: ")
MARKER = "Qx7Marker"
COHORT = "results/restricted/cohort.parquet"
FOLDERS = (".snakemake", "results/logs", "results/restricted", "results/internal", "results/release")
FUTURE = 4_000_000_000
# Ends a step at its work.
KILLED = """
import os, sys

def kill(event, arguments):
    if event == "import" and arguments[0] == "gravida.cohort":
        os.kill(os.getpid(), 9)

sys.addaudithook(kill)
"""


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


def until_cohort(study: Path, *arguments: str, **where: Path) -> Run:
    """Run a study to the cohort; what runs is for the dates to say."""
    return run_workflow(study, COHORT, "--rerun-triggers", "mtime", *arguments, **where)


def equal(run: Run, other: Run) -> None:
    """Check that two runs to the cohort left the same rows and tables, and nothing half done."""
    names = [COHORT, "results/internal/tables/attrition.csv", "results/internal/intake/a.json"]
    assert run.code == 0, run.output
    for name in names:
        assert (run.study / name).read_bytes() == (other.study / name).read_bytes(), name
    assert not list(run.path("").rglob(".*.partial.*"))
    for log in run.path("logs").rglob("*.log"):
        assert log.read_text(encoding="utf-8") == ""


def copied(cohort: Run, folder: Path) -> Path:
    """Return a copy of the undisturbed study."""
    return Path(shutil.copytree(cohort.study, folder / "study"))


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[str], None]]:
    """Mount a small disk, and yield what changes its options; skip where that is not allowed."""
    folder.mkdir()

    def mount(*options: str) -> int:
        return subprocess.run(["mount", *options, str(folder)], capture_output=True, check=False).returncode

    if os.geteuid() != 0 or mount("-t", "tmpfs", "-o", "size=2m", "none"):
        pytest.skip("DID NOT RUN: only root may mount a disk")
    try:
        yield lambda options: mount("-o", f"remount,{options}")
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path: Path) -> None:
    """Fill the disk of a file to its last block."""
    with suppress(OSError), path.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_a_full_disk_and_one_that_cannot_be_written(cohort: Run, tmp_path: Path) -> None:
    study = Path(shutil.copytree(cohort.study, tmp_path / "study", ignore=shutil.ignore_patterns("results")))
    with small_disk(study / "results") as change:
        shutil.copytree(cohort.study / "results", study / "results", dirs_exist_ok=True)
        (study / COHORT).unlink()
        filler = study / "results/filler"
        fill(filler)
        (line,) = told(until_cohort(study))
        assert "make room" in line
        for path in study.rglob("results/**/*.json"):
            json.loads(path.read_text(encoding="utf-8"))
        fill(filler)
        (line,) = told(made(study))
        assert "results cannot be written" in line
        change("ro")
        (line,) = told(until_cohort(study))
        assert "results cannot be written" in line
        (line,) = told(made(study))
        assert "results cannot be written" in line
        change("rw")
        filler.unlink()
        equal(until_cohort(study), cohort)


def test_files_in_the_place_of_folders(tmp_path: Path) -> None:
    study = new_study(tmp_path)
    (study / "results").mkdir()
    for name in FOLDERS:
        (study / name).write_text("", encoding="utf-8")
    (line,) = told(until_cohort(study))
    assert line.startswith(
        f"ConfigurationError: {', '.join(f'{name} is not a folder' for name in FOLDERS)}; "
    )


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


def test_out_of_memory(cohort: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system kills the step that asks for too much: it cannot say so any more, the run does."""
    study = copied(cohort, tmp_path)
    (study / COHORT).unlink()
    (tmp_path / "sitecustomize.py").write_text(KILLED, encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
        (line,) = told(until_cohort(study))
    assert line.startswith("Defect: Killed in build_cohort; ") and "memory" in line
    assert not (study / COHORT).exists()
    # What a writer leaves that is killed half way is cleared.
    for name in ("release/tables/.77.partial.baseline.csv", "restricted/.77.partial.cohort.parquet"):
        (study / "results" / name).parent.mkdir(parents=True, exist_ok=True)
        (study / "results" / name).write_text(MARKER, encoding="utf-8")
    equal(until_cohort(study), cohort)


def test_two_runs_in_one_folder(tmp_path: Path) -> None:
    study = new_study(tmp_path)
    (study / "results").mkdir()
    with (study / "results/.run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (line,) = told(made(study))
    assert "another run is at work" in line
    assert not (study / ".snakemake").exists()


def test_a_study_without_its_folder_or_its_configuration(tmp_path: Path) -> None:
    (line,) = told(made(tmp_path / "nowhere"))
    assert f"the folder {tmp_path / 'nowhere'} is not there" in line
    (line,) = told(made(tmp_path))
    assert f"{tmp_path}/config.yaml is not there: write it" in line
    assert not list(tmp_path.iterdir())


def test_a_run_that_is_stopped_says_so_and_goes_on(cohort: Run, tmp_path: Path) -> None:
    study = copied(cohort, tmp_path)
    shutil.rmtree(study / "results/restricted")
    process = make(study, f"TARGET={COHORT}", "CORES=2")
    # Snakemake removes a step's log, and the step writes it when it begins; before, Python has its say.
    logs = [study / f"results/logs/intake_site/{site}.log" for site in ("a", "b")]
    while process.poll() is None and not all(log.exists() and log.stat().st_size for log in logs):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate()
    run = Run(study, process.returncode, output)
    assert told(run) == []
    assert "\nStopped: run again to go on; what was finished is kept.\n" in run.output
    assert re.search(r"(?m)^stopped +<?\d+ s  submission of [ab]$", run.output)
    equal(until_cohort(study), cohort)


def test_a_step_that_outlives_its_run_is_waited_for(tmp_path: Path) -> None:
    study = new_study(tmp_path)
    (study / "results").mkdir()
    # The configuration is found to be sound, and nothing would be run.
    (tmp_path / "python").write_text("#!/bin/sh\n")
    (tmp_path / "python").chmod(0o755)
    with (study / "results/.steps.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        waiting = make(study, f"BIN={tmp_path}")
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


def test_a_release_that_was_not_yet_kept_is_kept_by_the_next_run(cohort: Run, tmp_path: Path) -> None:
    """The run was killed between its last step and the note of its release; nothing is left to do."""
    study = copied(cohort, tmp_path)
    record = {"release": "2019-06-30-7", "plan": "8"}
    (study / "results/internal/release.json").write_text(json.dumps(record), encoding="utf-8")
    counts = [f"internal/release/{part}.json" for part in ("counts", "counts_evidence")]
    for name in ("release/report.html", *counts):
        (study / "results" / name).parent.mkdir(exist_ok=True)
        (study / "results" / name).write_text("{}", encoding="utf-8")
    run = until_cohort(study)
    assert "Nothing to be done" in run.output
    assert record.items() <= json.loads(run.text("internal/releases/2019-06-30-7-8.json")).items()


def edit(path: Path) -> None:
    """Correct one row."""
    text = path.read_text(encoding="utf-8")
    changed = re.sub(",none,0,", ",none,1,", text, count=1)
    assert changed != text
    path.write_text(changed, encoding="utf-8")


def test_results_dated_in_the_future_do_not_hide_an_edit(cohort: Run, tmp_path: Path) -> None:
    """The clock was ahead while the study ran, and has been put right."""
    study = copied(cohort, tmp_path)
    made = sorted((study / "results").rglob("*.*"), key=lambda path: path.stat().st_mtime)
    for number, path in enumerate(made):
        os.utime(path, (FUTURE + number, FUTURE + number))
    edit(study / "a/pregnancies.csv")
    assert until_cohort(study, "--dry-run").executed() == {"intake_site a", "build_cohort"}


def test_a_submission_that_is_new_and_looks_old(cohort: Run, tmp_path: Path) -> None:
    """A file that is copied with its date is older than the results, and yet has another content."""
    study = copied(cohort, tmp_path)
    edit(study / "a/pregnancies.csv")
    os.utime(study / "a/pregnancies.csv", (1_000_000_000, 1_000_000_000))
    os.utime(study / "b/pregnancies.csv", (1_000_000_000, 1_000_000_000))
    run = until_cohort(study)
    assert run.code == 0, run.output
    assert run.executed() == {"intake_site a", "build_cohort"}
    assert (study / COHORT).read_bytes() != (cohort.study / COHORT).read_bytes()
    assert "Nothing to be done" in until_cohort(study).output
