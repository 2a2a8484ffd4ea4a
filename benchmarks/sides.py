"""gravida and R side by side on the same files, in alternation, each group of phases in its own process."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import ROOT, Measurement, measured, run

HERE = Path(__file__).parent
MODELS = ("poisson", "negative_binomial", "gee", "cox")
# What one process does. The last two begin with the files that the sites sent.
GROUPS = {
    "read": ("read",),
    "rates": ("rates",),
    **{model: (model,) for model in MODELS},
    "fit": ("read", "negative_binomial"),
    "whole": ("read", "rates", *MODELS),
}
PROGRAMS = ("gravida", "R")
PACKAGES_OF_R = ("data.table", "MASS", "sandwich", "geepack", "survival", "jsonlite")
# R is spared what would take longer or more of the machine's memory, judged by a tenth of the registry.
LONGEST, LARGEST_SHARE = 1200.0, 0.6
# From so many pregnancies on cost grows with their number, and what starts cost does not count.
LARGE = 100_000
REPEATS_OF_SMALL = 3


@dataclass(frozen=True, slots=True)
class Bench:
    """Where registries are kept, and what there is to measure with.

    Attributes
    ----------
    scratch : Path
        Registries, and what the programs leave between two phases.
    r_missing : str
        Why R cannot be run, "" where it can.
    say : callable
        Told of each measurement.
    """

    scratch: Path
    r_missing: str
    say: Callable[[str], None] = print

    def registry(self, pregnancies: int) -> Path:
        """Return the registry of a size, which is written if it is not there."""
        folder = self.scratch / "registries" / str(pregnancies)
        if not (folder / "config.yaml").exists():
            self.say(f"writing a registry of {pregnancies:,}")
            cost = run([sys.executable, HERE / "registries.py", folder, str(pregnancies)])
            if cost.code:
                raise RuntimeError(f"no registry of {pregnancies} was written: {cost.said}")
        return folder


def measure_sizes(
    bench: Bench,
    sizes: Sequence[int],
    groups: Sequence[str] = tuple(GROUPS),
    repeats: int = 0,
    others: Sequence[Measurement] = (),
) -> Iterator[Measurement]:
    """Yield every measurement of every size, the smallest first.

    Parameters
    ----------
    bench : Bench
    sizes : sequence of int
        Pregnancies.
    groups : sequence of str
        Keys of `GROUPS`; those after `read` take up what it left, so that a size begins with it.
    repeats : int
        Of each measurement; 0 means three of up to `LARGE` pregnancies and one of more.
    others : sequence of Measurement
        Of other sizes: by them it is judged what R is spared.
    """
    smaller = sorted(others, key=lambda each: each.pregnancies)
    before = {each.group: each for each in smaller if each.program == "R" and each.pregnancies < min(sizes)}
    for size in sorted(sizes):
        registry = bench.registry(size)
        shutil.rmtree(bench.scratch / "work", ignore_errors=True)
        for group in (group for group in GROUPS if group in groups):
            for _ in range(repeats or (REPEATS_OF_SMALL if size <= LARGE else 1)):
                ours = measure_ours(bench, registry, size, group)
                yield ours
                why = bench.r_missing or too_much(before.get(group), size, memory())
                theirs = (
                    Measurement("R", size, group, why=why) if why else _theirs(bench, registry, size, group)
                )
                yield theirs
                if why:
                    break
            before[group] = theirs


def measure_ours(bench: Bench, registry: Path, size: int, group: str, *options: str) -> Measurement:
    """Return what a group of gravida's phases costs."""
    work = bench.scratch / "work/gravida"
    command = [sys.executable, HERE / "phases.py", registry, work, ",".join(GROUPS[group]), *options]
    return _told(bench, measured("gravida", size, group, run(command)))


def _theirs(bench: Bench, registry: Path, size: int, group: str) -> Measurement:
    codes = ROOT / "resources/dmt_codes.csv"
    command = [
        "Rscript",
        HERE / "bench.R",
        registry,
        bench.scratch / "work/R",
        ",".join(GROUPS[group]),
        codes,
    ]
    return _told(bench, measured("R", size, group, run(command, 2 * LONGEST)))


def _told(bench: Bench, found: Measurement) -> Measurement:
    said = found.why or f"{found.wall:.1f} s, {found.peak / 2**20:.0f} MiB"
    bench.say(f"{found.pregnancies:>10,}  {found.group:<18} {found.program:<8} {said}")
    return found


def too_much(before: Measurement | None, size: int, machine: int) -> str:
    """Say why R is not tried on a registry, "" where it is.

    Parameters
    ----------
    before : Measurement, optional
        Of a smaller registry.
    size : int
        Pregnancies.
    machine : int
        Bytes of memory.
    """
    if before is None or before.pregnancies < LARGE:
        return ""
    if before.why:
        return before.why
    times = size / before.pregnancies
    if before.peak * times > LARGEST_SHARE * machine:
        return f"does not fit: about {before.peak * times / 2**30:.0f} GiB"
    if before.wall * times > LONGEST:
        return f"not run: about {before.wall * times / 60:.0f} min"
    return ""


def memory() -> int:
    """Return the machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def r_missing() -> str:
    """Say what of R is not here, "" where all is."""
    if not shutil.which("Rscript"):
        return "R is not here"
    names = ", ".join(f"'{name}'" for name in PACKAGES_OF_R)
    asked = f"cat(Filter(function(name) !nzchar(system.file(package = name)), c({names})))"
    missing = run(["Rscript", "-e", asked]).text.split()
    return f"R is here without {', '.join(missing)}" if missing else ""
