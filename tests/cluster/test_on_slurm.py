"""The shipped study on a Slurm: the same bytes as here, whatever befalls its jobs; no row in its logs.

Run by `make slurm`, which fails where Slurm is not installed.
"""

import os
import re
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.cluster.one_node import OneNode, one_node, wait_for
from tests.endurance import endure
from tests.workflow.conftest import ROOT, logs_of, run_workflow
from tests.workflow.test_planted_values import found_in, planted_study, talk, talking_source

PROFILE = ROOT / "profiles/slurm/profile.yaml"
# A cluster of one is asked sooner, and what its jobs print is kept.
HASTE = {"slurm-init-seconds-before-status-checks": 2, "slurm-keep-successful-logs": True}
TOLD_TO_MAKE = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")


@pytest.fixture(scope="module")
def slurm() -> Iterator[OneNode]:
    with one_node() as node:
        yield node


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the shipped profile, in haste."""
    settings = yaml.safe_load(PROFILE.read_text(encoding="utf-8"))
    assert set(HASTE) <= set(settings)
    folder = tmp_path_factory.mktemp("profile") / "slurm"
    folder.mkdir()
    (folder / "profile.yaml").write_text(yaml.safe_dump(settings | HASTE), encoding="utf-8")
    return folder


def make(study: Path, environment: dict[str, str], *arguments: str) -> subprocess.Popen:
    """Start `make` on a study, whatever the age of the environment; what it prints goes into a file."""
    command = ["make", "--old-file", ".venv/ready", "--old-file", ".venv/slurm", f"STUDY={study}", *arguments]
    environment = {name: value for name, value in environment.items() if name not in TOLD_TO_MAKE}
    with (study / "output.txt").open("a") as output:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )


def new_study(folder: Path) -> Path:
    """Write a study of the shipped registry in a folder of its own."""
    folder.mkdir()
    (folder / "config.yaml").write_text("{}\n", encoding="utf-8")
    return folder


def output(study: Path) -> str:
    return (study / "output.txt").read_text(encoding="utf-8")


@dataclass
class Disturbed:
    """The shipped study, run here (`local`) and on Slurm (`study`), and the jobs that came to harm there.

    The run was killed when its first two jobs were in the queue. Of the next run one job was cancelled, and
    one was on a node that was set down. The jobs of the first run came to their turn only after it.
    """

    local: Path
    study: Path
    orphans: list[str]
    cancelled: str
    lost: str


@pytest.fixture(scope="module")
def disturbed(slurm: OneNode, profile: Path, tmp_path_factory: pytest.TempPathFactory) -> Disturbed:
    folder = tmp_path_factory.mktemp("studies")
    local, study = new_study(folder / "local"), new_study(folder / "study")
    assert make(local, dict(os.environ), "CORES=2").wait() == 0, output(local)
    orphans = abandon(slurm, study, profile)
    run = make(study, slurm.environment, f"PROFILE={profile}")
    cancelled = meet(run, study, lambda: slurm.jobs("running", "intake_site"))[0]
    slurm.told("scancel", cancelled)
    lost = meet(run, study, lambda: slurm.jobs("running", "estimate_sensitivity"))[0]
    slurm.node("down")
    wait_for(lambda: slurm.state(lost) == "NODE_FAIL")
    slurm.node("resume")
    assert run.wait() == 0, output(study)
    slurm.told("scontrol", "release", *orphans)
    wait_for(lambda: {slurm.state(job) for job in orphans}.isdisjoint({"PENDING", "RUNNING", "COMPLETING"}))
    return Disturbed(local, study, orphans, cancelled, lost)


def meet(run: subprocess.Popen, study: Path, jobs: Callable[[], list[str]]) -> list[str]:
    """Wait for jobs of a run; should it end before, that is told."""
    found = wait_for(lambda: jobs() or run.poll() is not None)
    assert found is not True, output(study)
    return found


def abandon(slurm: OneNode, study: Path, profile: Path) -> list[str]:
    """Kill a run whose jobs wait in the queue, and return these jobs, which are held there."""
    slurm.node("drain")
    run = make(study, slurm.environment, f"PROFILE={profile}")
    orphans = meet(run, study, lambda: jobs if len(jobs := slurm.jobs("pending", "intake")) == 2 else [])
    slurm.told("scontrol", "hold", *orphans)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    endure.wait_for(study / "results/.run.lock")
    slurm.node("resume")
    return orphans


def test_the_run_finished_though_jobs_were_cancelled_and_lost(slurm: OneNode, disturbed: Disturbed) -> None:
    assert slurm.state(disturbed.cancelled) == "CANCELLED"
    assert slurm.state(disturbed.lost) == "NODE_FAIL"
    told = output(disturbed.study)
    assert told.count("Trying to restart job") >= 2
    assert "Report: " in told and "Defect: " not in told
    assert re.search(r"(?m)^failed .* sensitivity analyses ", told) and "\x1b" not in told
    settings = yaml.safe_load(PROFILE.read_text(encoding="utf-8"))["set-resources"]
    memory = int(settings["intake_site"]["mem_mb"].removesuffix(" * attempt"))
    details = "".join(path.read_text(encoding="utf-8") for path in logs_of(disturbed.study))
    assert f" mem_mb={memory}," in details and f" mem_mb={2 * memory}," in details


def test_every_file_is_that_of_the_local_run(disturbed: Disturbed) -> None:
    found = {name: data for name, data in endure.contents(disturbed.study).items() if not of_slurm(name)}
    assert len(found) > 100
    assert endure.differences(found, endure.contents(disturbed.local)) == []
    assert not list((disturbed.study / "results").rglob(".*.partial.*"))
    command = ["make", "--old-file", ".venv/ready", "verify", f"STUDY={disturbed.study}"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def of_slurm(name: str) -> bool:
    return name.startswith("logs/slurm/")


def test_jobs_of_a_run_that_was_killed_touch_nothing(slurm: OneNode, disturbed: Disturbed) -> None:
    """They came to their turn when all was done: Snakemake would have removed what they were to make."""
    assert {slurm.state(job) for job in disturbed.orphans} == {"FAILED"}
    for job in disturbed.orphans:
        (log,) = (disturbed.study / "results/logs/slurm").rglob(f"{job}.log")
        assert "of a run that has ended" in log.read_text(encoding="utf-8")


def test_what_slurm_writes_is_in_the_study_and_for_its_owner_alone(disturbed: Disturbed) -> None:
    logs = disturbed.study / "results/logs/slurm"
    sent = {path.name for path in logs.iterdir()}
    assert sent == {f"rule_{name}" for name in sent_to_nodes()}
    for path in [logs, *logs.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert not list(disturbed.study.glob("slurm-*"))


def sent_to_nodes() -> set[str]:
    """Return the rules that are not local."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "workflow/rules").glob("*.smk"))
    (local,) = re.findall(
        r"(?m)^localrules:\n((?:    \w+,\n)+)", (ROOT / "Snakefile").read_text(encoding="utf-8")
    )
    return set(re.findall(r"(?m)^(?:use )?rule (?:\w+ as )?(\w+)", text)) - set(re.findall(r"\w+", local))


def test_no_value_of_a_row_is_in_what_slurm_keeps(
    slurm: OneNode, profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step on a node says in every way it knows what is in its rows, and fails with them in hand."""
    source = talking_source(tmp_path / "source")
    talk(source / "workflow/lib/gravida/statistics/survival.py", "estimate_survival", True)
    study = planted_study(tmp_path / "study")
    config = study / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("quarantine", "leave_out"))
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    wanted = [f"results/internal/tables/{name}.csv" for name in ("time_to_relapse", "longitudinal")]
    run = run_workflow(study, *wanted, "--workflow-profile", str(profile), "--retries", "0", source=source)
    assert run.code == 1
    assert re.search(r"(?m)^Defect: ValueError in survival\.py line [0-9]+; ", run.output), run.output
    assert not found_in(run.output.encode())
    kept = [path for name in ("results/logs", ".snakemake") for path in (study / name).rglob("*")]
    assert len(list((study / "results/logs/slurm").rglob("*.log"))) >= 9
    leaks = {path: found_in(path.read_bytes()) for path in kept if path.is_file()}
    assert not {path: found for path, found in leaks.items() if found}
    # This everybody on the cluster can see.
    assert not found_in(slurm.told("scontrol", "show", "job").encode())
