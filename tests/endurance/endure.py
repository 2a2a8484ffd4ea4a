"""Kill the workflow again and again at random moments, and see that nothing is lost.

A small study is run undisturbed, then in a copy killed (SIGKILL, at moments drawn from a seed) and resumed
with `make` until it ends. After each kill every file under its final name is whole; at the end all files are
those of the undisturbed run, byte for byte, though seed, time zone, language and number of cores are others.
Every second run starts from a finished release, to which a data cut is added.
"""

import argparse
import csv
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.workflow.conftest import ROOT, minimal_site, write_study

# These tell the time, or hold what is drawn at random to keep the rest secret.
RECORDS = {"internal/manifest.json", "release/manifest.json", "release/ro-crate-metadata.json"}
TIMES = {"written", "ended", "endTime", "datePublished"}
CHANCE = {"salt", "seal", "hmac_sha256"}
UNDISTURBED = {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8", "CORES": "2", "OMP_NUM_THREADS": "2"}
DISTURBED = {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LC_ALL": "C", "CORES": "1", "OMP_NUM_THREADS": "1"}
MOST_KILLS = 3
AT_ONCE = 2


def main() -> None:
    """Read the command line, and end with 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        faults = endure(Path(folder), arguments.runs, arguments.seed)
    for fault in faults:
        print(fault)
    verdict = "FAILED" if faults else "all equal the undisturbed run"
    print(f"{arguments.runs} runs, seed {arguments.seed}: {verdict}")
    sys.exit(bool(faults))


def endure(folder: Path, runs: int, seed: int) -> list[str]:
    """Return what was found wrong in so many runs."""
    starts, results, durations = prepare(folder)

    def run(number: int) -> list[str]:
        # Each run has moments of its own, whatever the others did.
        chance = random.Random(f"{seed} {number}")
        kind = number % len(starts)
        study = Path(shutil.copytree(starts[kind], folder / f"run {number}", symlinks=True))
        kills, found = disturb(study, chance, durations[kind])
        if not found:
            found += differences(contents(study), results[kind])
        print(f"run {number + 1}: killed {kills} times, {len(found)} faults", flush=True)
        shutil.rmtree(study)
        return [f"run {number + 1}: {fault}" for fault in found]

    # Two at once: each waits for its longest step now and then.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [fault for found in pool.map(run, range(runs)) for fault in found]


def prepare(folder: Path) -> tuple[list[Path], list[dict[str, bytes]], list[float]]:
    """Return the studies to start from, what an undisturbed run makes of each, and how long it takes."""
    rows = [[(f"W{number}", arm, number % 3) for number in range(24)] for arm in (1, 0)]
    sites = {"a": ("all", minimal_site(rows[0])), "b": ("none", minimal_site(rows[1]))}
    study = write_study(folder / "first", sites)
    (study / "b/2019-06-30").mkdir()
    (study / "b/pregnancies.csv").rename(study / "b/2019-06-30/pregnancies.csv")
    starts, results, durations = [], [], []
    for kind in ("start of a first release", "start of a second release"):
        starts.append(Path(shutil.copytree(study, folder / kind, symlinks=True)))
        began = time.monotonic()
        done = start(study, UNDISTURBED)
        output, _ = done.communicate()
        if done.returncode:
            sys.exit(f"the undisturbed run failed\n{output}")
        durations.append(time.monotonic() - began)
        results.append(contents(study))
        print(f"undisturbed, {kind}: {durations[-1]:.0f} s, {len(results[-1])} files", flush=True)
        if len(results) == 2:
            break
        (study / "b/2020-03-31").mkdir()
        further = minimal_site([*rows[1], *((f"W{number}", 0, number % 2) for number in range(24, 36))])
        (study / "b/2020-03-31/pregnancies.csv").write_text(further["pregnancies.csv"], encoding="utf-8")
    return starts, results, durations


def start(study: Path, habits: dict[str, str]) -> subprocess.Popen:
    """Start `make` on a study, in a process group and an environment of its own."""
    command = ["make", "--no-print-directory", "--old-file", ".venv/ready", f"STUDY={study}"]
    # What a make that called this script told it is not for this one.
    told = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    environment = {name: value for name, value in os.environ.items() if name not in told} | habits
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def disturb(study: Path, chance: random.Random, duration: float) -> tuple[int, list[str]]:
    """Run a study to its end through some kills; return how many there were, and what was found wrong."""
    kills, found = 0, []
    wanted = chance.randint(1, MOST_KILLS)
    while True:
        run = start(study, DISTURBED)
        wait = chance.uniform(0.3, duration / wanted) if kills < wanted else None
        try:
            output, _ = run.communicate(timeout=wait)
        except subprocess.TimeoutExpired:
            # In one kill of four the steps are left to themselves.
            kill(run, spare_steps=chance.random() < 0.25)
            kills += 1
            # The last that a process does is to let go of its files.
            wait_for(study / "results/.run.lock")
            found += [f"after kill {kills}: {name} is half written" for name in half_written(study)]
            continue
        if run.returncode:
            last = "\n".join(output.splitlines()[-40:])
            return kills, [*found, f"the run after {kills} kills failed\n{last}"]
        found += [f"{path.name} is left behind" for path in (study / "results").rglob(".*.partial.*")]
        return kills, found


def kill(run: subprocess.Popen, spare_steps: bool) -> None:
    """Kill the whole group of processes, or all but the steps at work, and wait until they are gone."""
    members = dict(processes(run.pid))
    steps = {number for number, command in members.items() if b"/.snakemake/scripts/" in command}
    # One that has just been started is spared as well: it may be in no list yet.
    doomed = set(members) - steps if spare_steps and steps else set()
    for number in doomed:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    if not doomed:
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    while any(not doomed or number in doomed for number, _ in processes(run.pid)):
        time.sleep(0.01)
    run.stdout.close()


def processes(group: int) -> Iterator[tuple[int, bytes]]:
    """Yield the processes of a group that are not yet at their end, with their commands."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(ProcessLookupError, FileNotFoundError):
                # A process that is dead, but that nobody has asked about, has no command any more.
                command = (entry / "cmdline").read_bytes()
                if command and os.getpgid(int(entry.name)) == group:
                    yield int(entry.name), command


def half_written(study: Path) -> list[str]:
    """Return the files under their final names that do not read to their end."""
    bad = []
    for path in sorted((study / "results").rglob("*")):
        if path.is_file() and path.name[0] != ".":
            try:
                whole = is_whole(path)
            except FileNotFoundError:
                # A step that was left to itself put another in its place.
                continue
            except (OSError, ValueError):
                whole = False
            if not whole:
                bad.append(path.relative_to(study).as_posix())
    return bad


def is_whole(path: Path) -> bool:
    """Say whether a file reads to its end."""
    data = path.read_bytes()
    if path.suffix == ".csv":
        rows = list(csv.reader(data.decode().splitlines()))
        return data.endswith(b"\n") and len({len(row) for row in rows}) == 1
    if path.suffix == ".json":
        json.loads(data)
    elif path.suffix == ".parquet":
        pq.read_table(path)
    elif path.suffix == ".png":
        return data.startswith(b"\x89PNG") and data.endswith(b"IEND\xaeB`\x82")
    elif path.suffix == ".html":
        return data.rstrip().endswith(b"</html>")
    elif path.suffix in (".txt", ".yaml", ".log"):
        return (path.suffix == ".log" and not data) or data.endswith(b"\n")
    return True


def contents(study: Path) -> dict[str, bytes]:
    """Return every file of the results but for the locks; of a record what is the same in every run."""
    results = study / "results"
    wait_for(results / ".steps.lock")
    found = {
        path.relative_to(results).as_posix(): path.read_bytes()
        for path in sorted(results.rglob("*"))
        if path.is_file() and path.parent != results
    }
    for name in found.keys() & RECORDS:
        found[name] = json.dumps(without(json.loads(found[name]))).encode()
    return found


def without(content: Any) -> Any:
    """Return a record without what tells the time or is drawn, nor what is a digest of such a record."""
    if isinstance(content, list):
        return [without(item) for item in content]
    if not isinstance(content, dict):
        return content
    of_record = content.get("@id") == "manifest.json"
    return {
        key: without(value)
        for key, value in content.items()
        if key not in TIMES | CHANCE
        and key.removeprefix("results/") not in RECORDS
        and not (of_record and key == "sha256")
    }


def wait_for(lock: Path) -> None:
    """Wait until nobody holds a lock."""
    if lock.exists():
        with lock.open() as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)


def differences(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """Return the files that are missing, too many or other than expected."""
    return [
        f"{name} is {'missing' if name not in found else 'too many' if name not in expected else 'different'}"
        for name in sorted(found.keys() | expected.keys())
        if found.get(name) != expected.get(name)
    ]


if __name__ == "__main__":
    main()
