"""Measure gravida: phase by phase against R, whole studies, exchanges between centres. `make bench` runs it.

What was measured is kept in the scratch folder as `measurements.json`; the page is made of it.
"""

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import machine, report, studies
from benchmarks.measure import ROOT, Cost, Measurement, run
from benchmarks.sides import GROUPS, LARGE, Bench, measure_ours, measure_sizes, r_missing
from benchmarks.verdicts import faults

SIZES = (132, 10_000, 100_000, 1_000_000, 10_000_000)
# Numbers that are those of R on both sides of what memory and iterations feel like.
QUICK = (132, 100_000)
# The registry that is also run as a study, and how many sites a study has at most.
STUDY_SIZE, MANY = 1_000_000, (300, 50)
CENTRES = (2, 10, 30, 100)
PARTS = ("sides", "studies", "exchange", "floors")


def main() -> None:
    """Read the command line, measure, write the page; end with 1 where a row is void or a phase failed."""
    options = _options()
    scratch = options.scratch.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    kept = Kept(scratch / "measurements.json", options.keep)
    bench = Bench(scratch, r_missing(), say)
    kept.put("facts", machine.facts(not bench.r_missing))
    kept.put("day", date.today().isoformat())
    wrong = []
    for part in options.parts:
        say(f"== {part}")
        try:
            MEASURES[part](bench, options, kept)
        except RuntimeError as failure:
            wrong.append(str(failure))
    page = options.page or (scratch / "results.md" if options.quick else ROOT / "benchmarks/results.md")
    page.write_text(report.page(kept.found), encoding="utf-8")
    wrong += faults([Measurement(**each) for each in kept.found.get("sides", [])])
    say("\n".join([*wrong, f"Void or failed: {len(wrong)}. The page is {page.name}."]))
    sys.exit(bool(wrong))


class Kept:
    """What was measured, by part, in a file that is written after each measurement."""

    def __init__(self, path: Path, before: bool) -> None:
        self.path = path
        self.found = json.loads(path.read_text(encoding="utf-8")) if before and path.exists() else {}

    def put(self, part: str, value: Any) -> None:
        """Put what was measured of a part in place of what was there."""
        self.found[part] = value
        self.path.write_text(json.dumps(self.found), encoding="utf-8")


def say(line: str) -> None:
    """Print a line at once: whoever waits for hours sees how far it is."""
    print(line, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=lambda text: tuple(map(int, text.split(","))), help="of registries")
    parser.add_argument("--quick", action="store_true", help="two sizes once, side by side only, no page")
    parser.add_argument("--no-large", action="store_true", help="nothing beyond a million pregnancies")
    parser.add_argument("--parts", type=lambda text: text.split(","), help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--groups", type=lambda text: text.split(","), help=f"some of {', '.join(GROUPS)}")
    parser.add_argument("--keep", action="store_true", help="keep what was measured before of all else")
    parser.add_argument("--scratch", type=Path, default=ROOT / "results/benchmarks")
    parser.add_argument("--page", type=Path, help="where the page goes (default benchmarks/results.md)")
    options = parser.parse_args()
    options.parts = options.parts or (PARTS[:1] if options.quick else PARTS)
    options.sizes = options.sizes or (QUICK if options.quick else SIZES)
    options.groups = options.groups or tuple(GROUPS)
    if options.no_large:
        options.sizes = tuple(size for size in options.sizes if size <= STUDY_SIZE)
    return options


def _sides(bench: Bench, options: argparse.Namespace, kept: Kept) -> None:
    """Measure the sizes and groups that are asked for; of all others stays what was measured before."""
    runs = [
        each
        for each in kept.found.get("sides", [])
        if each["pregnancies"] not in options.sizes or each["group"] not in options.groups
    ]
    before = [Measurement(**each) for each in runs]
    for each in measure_sizes(bench, options.sizes, options.groups, int(options.quick), before):
        runs.append(each.plain())
        kept.put("sides", runs)


def _studies(bench: Bench, options: argparse.Namespace, kept: Kept) -> None:
    """Run the shipped study, one of many sites and, where it is among the sizes, one of many pregnancies."""
    found = {"shipped": _three_times(studies.shipped(bench.scratch / "shipped"))}
    kept.put("studies", found)
    python = Path(sys.executable)
    found["many_sites"] = _three_times(studies.many_sites(bench.scratch / "many_sites", python, *MANY))
    kept.put("studies", found)
    if STUDY_SIZE in options.sizes:
        study = studies.fresh(bench.registry(STUDY_SIZE))
        found["large"] = {studies.TIMES[0]: _plain(studies.run_study(study))}
        kept.put("studies", found)


def _three_times(study: Path) -> dict[str, dict[str, float]]:
    say(f"running {study.name} three times")
    return {name: _plain(cost) for name, cost in studies.run_three_times(study).items()}


def _plain(cost: Cost) -> dict[str, float]:
    return {"wall": cost.wall, "cpu": cost.cpu, "peak": cost.peak}


def _exchange(bench: Bench, options: argparse.Namespace, kept: Kept) -> None:
    found = []
    for centres in CENTRES:
        folder = bench.scratch / f"exchange_{centres}"
        cost = run([sys.executable, ROOT / "benchmarks/exchange.py", "play", folder, str(centres)])
        if cost.code:
            raise RuntimeError(f"the exchange of {centres} centres failed: {cost.said}")
        found.append(json.loads(cost.text))
        say(str(found[-1]))
        kept.put("exchange", found)


def _floors(bench: Bench, options: argparse.Namespace, kept: Kept) -> None:
    """Measure what nothing can be quicker than, and where the time of each group of phases goes."""
    size = min(LARGE, max(options.sizes))
    registry, functions = bench.registry(size), {}
    for group in (name for name, phases in GROUPS.items() if len(phases) == 1):
        functions[group] = measure_ours(bench, registry, size, group, "--profile").functions
    seconds = machine.floors(registry, not bench.r_missing)
    kept.put("floors", {"pregnancies": size, "functions": functions, "seconds": seconds})


MEASURES = {"sides": _sides, "studies": _studies, "exchange": _exchange, "floors": _floors}


if __name__ == "__main__":
    main()
