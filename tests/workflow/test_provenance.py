"""What a run leaves to tell where its numbers came from, and that a second run leaves the same."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflow.conftest import ROOT, Run, check_finished, minimal_site, run_workflow, write_study

PERSON = "Ana Novak 1987.csv"
ROWS = [(f"W{number}", number % 2, number % 3) for number in range(40)]
# A site whose columns have names of their own, so its file may be called after anybody.
MAPPING = """version: 1
tables:
  pregnancies:
    file: Ana Novak 1987.csv
    columns:
      pregnancy_id: {from: code}
      woman_id: {from: woman_id}
      delivery_year: {from: delivery_year}
      age_at_delivery: {from: age_at_delivery}
      dmt_before: {from: dmt_before}
      relapses_post_year: {from: relapses_post_year}
      ivig: {from: ivig}
"""
# These tell the time, or hold what is drawn at random to keep the rest secret.
RECORDS = {"internal/manifest.json", "release/manifest.json", "release/ro-crate-metadata.json"}
TIMES = {"written", "ended", "endTime", "datePublished"}
CHANCE = {"salt", "seal", "hmac_sha256"}


def written(folder: Path) -> Path:
    """Write a study with two arms at each site, and a file of each sort of name."""
    mapped = minimal_site(ROWS)["pregnancies.csv"].replace("pregnancy_id", "code", 1)
    study = write_study(
        folder,
        {
            "plain": ("individual", minimal_site(ROWS)),
            "mapped": ("individual", {PERSON: mapped}),
        },
    )
    (study / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    sheet = study / "sites.tsv"
    sheet.write_text(
        sheet.read_text().replace("mapped\trows\tindividual\t", "mapped\trows\tindividual\tmapping.yaml")
    )
    return study


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Run]]:
    """Return two runs of one study, in folders, with cores, time zones, seeds and habits of their own."""
    settings = [
        ("one/study", "2", {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "2"}),
        ("two/in/another/place", "1", {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LC_ALL": "C"}),
    ]
    done = []
    for place, cores, environment in settings:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            done.append(run_workflow(written(tmp_path_factory.mktemp("runs") / place), "--cores", cores))
    for run in done:
        check_finished(run)
    return done


def files(run: Run) -> dict[str, bytes]:
    """Return what may be compared of two runs: every file of the internal and the released folder."""
    return {
        path.relative_to(run.path("")).as_posix(): path.read_bytes()
        for folder in ("internal", "release")
        for path in run.path(folder).rglob("*")
        if path.is_file()
    }


def without(content, names: set[str]):
    """Return a record without what tells the time or is drawn, nor what is a digest of such a record."""
    if isinstance(content, list):
        return [without(item, names) for item in content]
    if not isinstance(content, dict):
        return content
    name = str(content.get("@id", ""))
    of_record = name == "manifest.json"
    return {
        key: without(value, names)
        for key, value in content.items()
        if key not in names
        and key.removeprefix("results/") not in RECORDS
        and not (of_record and key == "sha256")
    }


def test_two_runs_are_the_same_byte_for_byte(runs: list[Run]) -> None:
    one, two = map(files, runs)
    assert set(one) == set(two) >= RECORDS
    assert not [name for name in one if name not in RECORDS and one[name] != two[name]]
    for name in RECORDS:
        first, second = (without(json.loads(content[name]), TIMES | CHANCE) for content in (one, two))
        assert first == second, name
        assert len(json.dumps(first)) > 5000


def test_the_records_name_every_file(runs: list[Run]) -> None:
    run = runs[0]
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
    assert set(kept["inputs"]["submissions"]) == {"plain/pregnancies.csv", "mapped/file 1"}
    assert set(kept["inputs"]["sheets"]) == {"sites.tsv", "mapping.yaml"}
    assert set(kept["inputs"]["configuration"]) == {"config.yaml", "gravida:config/config.yaml"}
    assert "gravida:resources/dmt_codes.csv" in kept["inputs"]["resources"]
    assert kept["configuration"]["sites"] == "sites.tsv"


def test_the_records_say_who_made_what(runs: list[Run]) -> None:
    kept = json.loads(runs[0].text("internal/manifest.json"))
    steps = kept["steps"]
    ran = {name.split()[0] for name in runs[0].executed()} | {"intake_site"}
    assert set(steps) == ran - {"record_provenance"}
    made = [
        name.replace("{site}", site)
        for step in steps.values()
        for name in step["outputs"]
        for site in ("plain", "mapped")
    ]
    recorded = set(kept["outputs"]) - {f"results/{name}" for name in RECORDS} - {"results/release/Snakefile"}
    assert set(made) == recorded
    read = {name for step in steps.values() for name in step["inputs"]}
    assert "submission files of {site}" in steps["intake_site"]["inputs"]
    assert (steps["intake_site"]["runs"], steps["build_cohort"]["runs"]) == (2, 1)
    assert steps["release_evidence"]["script"] == "release_tables"
    # Whatever a step reads is made by another, or is told of the study or of the workflow.
    patterns = {name for step in steps.values() for name in step["outputs"]}
    assert read - patterns == {
        name for name in read if name.startswith("gravida:") or name.endswith(" of {site}")
    }
    assert not any("plain" in name or "mapped" in name for name in read)


def test_no_record_names_a_person_and_no_withheld_file_can_be_tried(runs: list[Run]) -> None:
    run = runs[0]
    kept = json.loads(run.text("internal/manifest.json"))
    hidden = {name: entry for name, entry in kept["outputs"].items() if "results/release" not in name}
    hidden |= kept["inputs"]["submissions"] | kept["inputs"]["sheets"]
    released = {entry["sha256"] for name, entry in kept["outputs"].items() if "results/release" in name}
    for name in RECORDS:
        text = run.text(name)
        assert "Novak" not in text and str(run.study) not in text and str(ROOT) not in text
        if name.startswith("release"):
            # The verdict holds no count and leaves as it is.
            same = {of for of, entry in hidden.items() if entry["sha256"] in released}
            assert same == {"results/internal/identifiability.json"}
            assert same == {of for of, entry in hidden.items() if entry["sha256"] in text}
            assert kept["salt"] not in text
    for name, entry in (kept["outputs"] | kept["inputs"]["submissions"]).items():
        assert ("bytes" in entry) == (name.startswith(("results/internal", "results/release"))), name


def verified(study: Path) -> tuple[int, list[str]]:
    """Return the exit code and the lines of the command."""
    command = [sys.executable, "-m", "gravida", "verify", str(study)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'workflow/lib'}{os.pathsep}{ROOT}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_after_a_run_every_file_is_as_it_was_left(runs: list[Run], tmp_path: Path) -> None:
    assert verified(runs[0].study) == (0, ["Every file is as the last run read or left it."])
    # A study may move.
    moved = Path(shutil.copytree(runs[0].study, tmp_path / "moved"))
    assert verified(moved)[0] == 0


def test_one_changed_byte_anywhere_is_named(runs: list[Run], tmp_path: Path) -> None:
    study = Path(shutil.copytree(runs[0].study, tmp_path / "study"))
    kept = json.loads((study / "results/internal/manifest.json").read_text())
    changed = [*kept["outputs"], "sites.tsv", "mapping.yaml", "config.yaml", "plain/pregnancies.csv"]
    assert len(changed) > 80
    for name in [*changed, f"mapped/{PERSON}"]:
        path = study / name
        path.chmod(0o600)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    (study / "results/release/left.csv").touch()
    code, lines = verified(study)
    assert code == 1
    expected = [f"differs: {name}" for name in changed] + ["differs: mapped/file 1 (or is missing)"]
    assert lines == sorted([*expected, "new: results/release/left.csv"])


def test_the_record_is_made_again_when_a_file_is(runs: list[Run], tmp_path: Path) -> None:
    study = Path(shutil.copytree(runs[0].study, tmp_path / "study"))
    assert run_workflow(study, "--dry-run", "--quiet", "host").executed() == set()
    with (study / "sites.tsv").open("a") as sheet:
        sheet.write("\n")
    assert verified(study) == (1, ["differs: sites.tsv"])
    assert run_workflow(study, "--quiet", "host").executed() == {"record_provenance"}
    assert verified(study)[0] == 0


@pytest.mark.parametrize(("name", "key"), [("sites.tsv", "sites"), ("config.yaml", "configuration")])
def test_what_is_dated_in_the_future_is_refused(tmp_path: Path, name: str, key: str) -> None:
    """The record would be made again by every run."""
    study = written(tmp_path / "study")
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
