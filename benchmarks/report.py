"""The page of what was measured, in Markdown."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.measure import SAME, Measurement
from benchmarks.sides import PROGRAMS
from benchmarks.verdicts import ROWS, Row, difference, exponent, ratio, sizes_of, taken, targets

STUDIES = {
    "shipped": "the shipped study",
    "many_sites": "300 sites of 50 pregnancies",
    "large": "1,000,000 pregnancies at two sites",
}


def page(found: Mapping[str, Any]) -> str:
    """Return the whole page.

    Parameters
    ----------
    found : mapping
        As `bench.main` keeps it.
    """
    runs = [Measurement(**each) for each in found.get("sides", [])]
    parts = [
        "# What was measured\n",
        "Written by `make bench`; [README.md](README.md) says how to read it.\n",
        _machine(found),
        _asked(found),
        *(_size(runs, size) for size in sizes_of(runs)),
        _growth(runs),
        _studies(found.get("studies", {})),
        _exchange(found.get("exchange", [])),
        _floors(found.get("floors", {})),
    ]
    return "\n".join(part for part in parts if part)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; all columns but the first are set to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _machine(found: Mapping[str, Any]) -> str:
    facts = {"measured on": found["day"], **found["facts"]}
    return table(["", ""], facts.items()).replace("---:", "---")


def _asked(found: Mapping[str, Any]) -> str:
    rows = [(each.asked, each.measured, each.verdict) for each in targets(found)]
    return "## Asked and measured\n\n" + table(["asked", "measured", "reached"], rows)


def _size(runs: Sequence[Measurement], size: int) -> str:
    header = ["", "gravida, s", "R, s", "R / gravida", "gravida, CPU s", "R, CPU s", "gravida, MiB", "R, MiB"]
    rows = [_compared(runs, size, row) for row in ROWS]
    return f"## {size:,} pregnancies\n\n" + table([*header, "numbers differ by"], rows)


def _compared(runs: Sequence[Measurement], size: int, row: Row) -> list[str]:
    ours, theirs = (taken(runs, program, size, row) for program in PROGRAMS)
    apart = difference(runs, size, row.group)
    void = apart is not None and apart > SAME
    times = f"void: differs by {apart:.0e}" if void else _number(ratio(runs, size, row))
    walls = [each.why or _number(each.wall) for each in (ours, theirs)]
    costs = [_number(each.cpu) for each in (ours, theirs)]
    peaks = [_number(each.peak / 2**20) for each in (ours, theirs)]
    return [row.label, *walls, times, *costs, *peaks, "" if apart is None else f"{apart:.0e}"]


def _growth(runs: Sequence[Measurement]) -> str:
    rows = [
        [row.label, *(_number(exponent(runs, program, row)) for program in PROGRAMS)]
        for row in ROWS
        if row.model
    ]
    said = "Slope of log seconds on log pregnancies from 100,000 on: 1 is in proportion.\n"
    return f"## Growth\n\n{said}\n{table(['', *PROGRAMS], rows)}" if runs else ""


def _studies(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    rows = [
        [STUDIES[study], time, _number(cost["wall"]), _number(cost["cpu"]), _number(cost["peak"] / 2**20)]
        for study, times in found.items()
        for time, cost in times.items()
    ]
    header = ["study", "run", "s", "CPU s", "largest process, MiB"]
    return (
        "## Whole studies\n\n`make STUDY=... CORES=2`, from intake to report.\n\n" + table(header, rows)
        if rows
        else ""
    )


def _exchange(found: Sequence[Mapping[str, float]]) -> str:
    rows = [
        [
            str(each["centres"]),
            str(each["rounds"]),
            _number(each["coordinator_cpu"]),
            _number(each["coordinator_peak"] / 2**20),
            _number(each["centre_cpu"]),
            _number(each["bytes"] / 1e6),
        ]
        for each in found
    ]
    header = [
        "centres of 60",
        "rounds",
        "coordinator, CPU s",
        "its peak, MiB",
        "one centre, CPU s",
        "files, MB",
    ]
    return "## Centres that keep their rows\n\n" + table(header, rows) if rows else ""


def _floors(found: Mapping[str, Any]) -> str:
    if not found:
        return ""
    rows = [[name, _number(seconds)] for name, seconds in found["seconds"].items()]
    said = (
        f"At {found['pregnancies']:,} pregnancies. No phase can be quicker than what it cannot do without.\n"
    )
    where = [
        [group, ", ".join(f"`{name}` {share:.0%}" for name, share in functions)]
        for group, functions in found["functions"].items()
    ]
    floors = f"## Floors\n\n{said}\n{table(['', 's'], rows)}"
    profile = "Share of each function's own time, start and imports included.\n"
    goes = table(["process", "functions"], where).replace("---:", "---")
    return f"{floors}\n## Where the time goes\n\n{profile}\n{goes}"


def _number(value: float) -> str:
    """Return three digits, "" where there is no number."""
    if math.isnan(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
