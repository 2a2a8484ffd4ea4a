"""What a command costs: wall and CPU seconds, peak memory; and whether two programs end in the same numbers.

Nothing heavy is imported here: the memory of whoever starts a process counts as that process's own until it
has become the other program.
"""

import json
import math
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# Numbers are the same where they differ by no more than this share: R stops its own iterations at 1e-8.
SAME = 1e-6
ENDED_BY_US = -1


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process and those that it waited for have cost.

    Attributes
    ----------
    wall, cpu : float
        Seconds.
    peak : int
        Bytes held in memory at most, by the largest process.
    code : int
        How it ended; `ENDED_BY_US` where it took too long.
    text : str
        What it wrote on its standard output.
    said : str
        The end of what it wrote on its standard error.
    """

    wall: float
    cpu: float
    peak: int
    code: int
    text: str
    said: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of some phases in one process.

    Attributes
    ----------
    program : str
        ``gravida`` or ``R``.
    pregnancies : int
        Of the registry.
    group : str
        A key of `bench.GROUPS`.
    wall, cpu, peak
        As `Cost`, of the whole process.
    seconds : mapping of phase to mapping
        Wall and CPU seconds inside the process.
    numbers : mapping of group to mapping
        What it found.
    functions : list of (name, share)
        Where its time went, where it was asked to say so.
    why : str
        Why there is nothing of all this, "" where there is.
    """

    program: str
    pregnancies: int
    group: str
    wall: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    seconds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    numbers: Mapping[str, Any] = field(default_factory=dict)
    functions: Sequence[tuple[str, float]] = ()
    why: str = ""

    def plain(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)


def run(command: Sequence[str | Path], limit: float | None = None, folder: Path = ROOT) -> Cost:
    """Run a command to its end and return what it cost.

    Parameters
    ----------
    command : sequence of str or Path
    limit : float, optional
        Seconds after which it is ended.
    folder : Path
        In which it runs.
    """
    # What a make that called this program told it is not for another one.
    told = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    environment = {name: value for name, value in os.environ.items() if name not in told}
    paths = [str(ROOT / "workflow/lib"), str(ROOT)]
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": ""}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=environment,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        watch = threading.Timer(limit or threading.TIMEOUT_MAX, os.killpg, (process.pid, signal.SIGKILL))
        watch.daemon = True
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        late = not watch.is_alive() and limit is not None
        watch.cancel()
        process.returncode = code = ENDED_BY_US if late else os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        text, said = out.read().decode(), err.read().decode(errors="replace")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, code, text, said[-2000:])


def measured(program: str, pregnancies: int, group: str, cost: Cost) -> Measurement:
    """Return what a program that prints its phases has cost, or why it did not come to its end."""
    if cost.code:
        lines = cost.said.strip().splitlines() or [""]
        why = f"took longer than {cost.wall:.0f} s" if cost.code == ENDED_BY_US else f"failed: {lines[-1]}"
        return Measurement(program, pregnancies, group, why=why)
    found = json.loads(cost.text)
    costs = (cost.wall, cost.cpu, cost.peak)
    said = (found["seconds"], found["numbers"], found.get("functions", ()))
    return Measurement(program, pregnancies, group, *costs, *said)


def largest_difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> float:
    """Return by how much two sets of numbers differ at most, as a share; infinite where one lacks a number.

    Parameters
    ----------
    ours, theirs : mapping
        Numbers, lists of numbers, and mappings of them. A difference of coefficients, `beta`, is a share of
        the coefficient or of its error in `errors`, whichever is larger.
    """
    found, expected = leaves(ours), leaves(theirs)
    if found.keys() != expected.keys():
        return math.inf
    return max((_share(path, found, expected) for path in found), default=0.0)


def leaves(content: Any, path: tuple = ()) -> dict[tuple, Any]:
    """Return what stands at the ends of lists and mappings, by the way there."""
    if isinstance(content, Mapping):
        items = content.items()
    elif isinstance(content, list):
        items = enumerate(content)
    else:
        return {path: content}
    return {way: leaf for key, value in items for way, leaf in leaves(value, (*path, key)).items()}


def _share(path: tuple, found: Mapping[tuple, Any], expected: Mapping[tuple, Any]) -> float:
    here, there = found[path], expected[path]
    if here == there:
        return 0.0
    if not all(isinstance(value, (int, float)) for value in (here, there)):
        return math.inf
    unit = max(abs(here), abs(there))
    if "beta" in path:
        place = path.index("beta")
        unit = max(unit, found.get((*path[:place], "errors", *path[place + 1 :]), 0.0))
    share = abs(here - there) / unit
    return share if math.isfinite(share) else math.inf
