"""From single measurements to rows, ratios, growth and whether what is asked for was reached."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.measure import SAME, Measurement, largest_difference
from benchmarks.sides import LARGE

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the comparison.

    Attributes
    ----------
    label : str
    group : str
        The process in which it is measured.
    phases : tuple of str
        Whose seconds are added up; none means the whole process, with its start.
    model : bool
        Whether its growth is judged.
    """

    label: str
    group: str
    phases: tuple[str, ...] = ()
    model: bool = False


NEGATIVE_BINOMIAL = Row(
    "negative binomial with clustered errors",
    "negative_binomial",
    ("negative_binomial", "negative_binomial_clustered"),
    True,
)
GEE = Row("GEE", "gee", ("gee",), True)
FIT = Row("from the files to the negative binomial models", "fit")
WHOLE = Row("whole: from the files through all of the above", "whole")
ROWS = (
    Row("read, validate, count", "read", ("read", "cohort")),
    Row("rates", "rates", ("rates",)),
    Row("Poisson", "poisson", ("poisson",), True),
    Row("Poisson: clustered errors", "poisson", ("poisson_clustered",), True),
    Row("negative binomial", "negative_binomial", ("negative_binomial",), True),
    Row("negative binomial: clustered errors", "negative_binomial", ("negative_binomial_clustered",), True),
    GEE,
    Row("Cox", "cox", ("cox",), True),
    FIT,
    WHOLE,
)


@dataclass(frozen=True, slots=True)
class Taken:
    """Medians over the runs of one row: wall and CPU seconds, bytes of the process; or why there are none."""

    wall: float = math.nan
    cpu: float = math.nan
    peak: float = math.nan
    why: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What was asked for, what was measured, and whether that will do: yes, no or not measured."""

    asked: str
    measured: str
    verdict: str


def runs_of(runs: Sequence[Measurement], program: str, size: int, group: str) -> list[Measurement]:
    """Return the runs of one program in one process."""
    return [each for each in runs if (each.program, each.pregnancies, each.group) == (program, size, group)]


def taken(runs: Sequence[Measurement], program: str, size: int, row: Row) -> Taken:
    """Return what one row took."""
    found = runs_of(runs, program, size, row.group)
    if not found:
        return Taken(why="not measured")
    if failed := next((each.why for each in found if each.why), ""):
        return Taken(why=failed)
    wall, cpu = (median(_seconds(each, row, kind) for each in found) for kind in ("wall", "cpu"))
    return Taken(wall, cpu, median(each.peak for each in found))


def _seconds(run: Measurement, row: Row, kind: str) -> float:
    if not row.phases:
        return getattr(run, kind)
    return sum(run.seconds[phase][kind] for phase in row.phases if phase in run.seconds)


def difference(runs: Sequence[Measurement], size: int, group: str) -> float | None:
    """Return by how much the numbers of the programs differ at most, as a share; None where one has none."""
    ours, theirs = (runs_of(runs, program, size, group) for program in ("gravida", "R"))
    pairs = [(our, their) for our in ours for their in theirs if not our.why and not their.why]
    return max((largest_difference(our.numbers, their.numbers) for our, their in pairs), default=None)


def ratio(runs: Sequence[Measurement], size: int, row: Row) -> float:
    """Return how many times as long R took, nan where that is not known or the numbers differ."""
    apart = difference(runs, size, row.group)
    if apart is None or apart > SAME:
        return math.nan
    return taken(runs, "R", size, row).wall / taken(runs, "gravida", size, row).wall


def sizes_of(runs: Sequence[Measurement]) -> list[int]:
    """Return the sizes of the registries, the smallest first."""
    return sorted({each.pregnancies for each in runs})


def exponent(runs: Sequence[Measurement], program: str, row: Row) -> float:
    """Return the slope of log seconds on log pregnancies from `LARGE` on, nan without two sizes."""
    sizes = [size for size in sizes_of(runs) if size >= LARGE]
    points = [(math.log(size), taken(runs, program, size, row).wall) for size in sizes]
    points = [(x, math.log(wall)) for x, wall in points if wall > 0]
    if len(points) < 2:
        return math.nan
    centre = [sum(values) / len(points) for values in zip(*points, strict=True)]
    spread = sum((x - centre[0]) ** 2 for x, _ in points)
    return sum((x - centre[0]) * (y - centre[1]) for x, y in points) / spread


def faults(runs: Sequence[Measurement]) -> list[str]:
    """Return what must not be: a program that failed, numbers that are not the same."""
    failed = {
        f"{each.program} at {each.pregnancies:,}, {each.group}: {each.why}"
        for each in runs
        if each.why.startswith("failed") or (each.why and each.program == "gravida")
    }
    apart = {
        (size, group): difference(runs, size, group)
        for size, group in dict.fromkeys((each.pregnancies, each.group) for each in runs)
    }
    void = [
        f"void at {size:,}, {group}: differs by {share:.1e}"
        for (size, group), share in apart.items()
        if share is not None and share > SAME
    ]
    return [*sorted(failed), *void]


def targets(found: Mapping[str, Any]) -> list[Target]:
    """Return all that was asked for.

    Parameters
    ----------
    found : mapping
        As `bench.main` keeps it.
    """
    runs = [Measurement(**each) for each in found.get("sides", [])]
    million, ten = 1_000_000, 10_000_000
    in_steps = taken(runs, "gravida", ten, Row("", "negative_binomial"))
    growth = [exponent(runs, "gravida", row) for row in ROWS if row.model]
    steepest = max(growth) if growth and not any(map(math.isnan, growth)) else math.nan
    at = "1,000,000 pregnancies"
    return [
        _least(
            f"{at}: {NEGATIVE_BINOMIAL.label} 15 times as fast as R",
            ratio(runs, million, NEGATIVE_BINOMIAL),
            15,
        ),
        _least(f"{at}: the same from the files, with validation, 4 times", ratio(runs, million, FIT), 4),
        _most(f"{at}: peak below 1.5 GiB", taken(runs, "gravida", million, WHOLE).peak / GIB, 1.5, "GiB"),
        _most(f"{at}: the workflow, intake to report, below 4 min", _wall(found, "large", 0), 240, "s"),
        _most("10,000,000: unadjusted and adjusted models below 3 min", in_steps.wall, 180, "s"),
        _most("10,000,000: their peak below 2 GiB", in_steps.peak / GIB, 2, "GiB"),
        _least("100,000: GEE as fast as geepack", ratio(runs, LARGE, GEE), 1),
        _most("growth of every model from 100,000 on: exponent of at most 1.05", steepest, 1.05, ""),
        _most("shipped study: first run within 35 s", _wall(found, "shipped", 0), 35, "s"),
        _most("shipped study: one site again within 20 s", _wall(found, "shipped", 1), 20, "s"),
        _most("shipped study: nothing to do within 3 s", _wall(found, "shipped", 2), 3, "s"),
        _most("300 sites: first run within 15 min", _wall(found, "many_sites", 0), 900, "s"),
        _most("300 sites: one site again within 45 s", _wall(found, "many_sites", 1), 45, "s"),
    ]


def _wall(found: Mapping[str, Any], study: str, place: int) -> float:
    times = list(found.get("studies", {}).get(study, {}).values())
    return times[place]["wall"] if place < len(times) else math.nan


def _least(asked: str, value: float, least: float) -> Target:
    return _target(asked, value, value >= least, "times")


def _most(asked: str, value: float, most: float, unit: str) -> Target:
    return _target(asked, value, value <= most, unit)


def _target(asked: str, value: float, reached: bool, unit: str) -> Target:
    if math.isnan(value):
        return Target(asked, "", "not measured")
    return Target(asked, f"{value:.3g} {unit}".strip(), "yes" if reached else "no")
