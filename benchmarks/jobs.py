"""Where the seconds of a run go: processor time of every job, how much of it is imports, peak memory.

Run as ``.venv/bin/python benchmarks/jobs.py``: the shipped study, from nothing. Words that follow go to
Snakemake: with ``--directory STUDY --configfile STUDY/config.yaml`` it does what is to be done there.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Each Python that is started reads this first: at its end it leaves what it used.
METER = """
import atexit, builtins, json, os, resource, sys, time

imported, depth, plain = [0.0], [0], builtins.__import__


def metered(*arguments, **named):
    if depth[0]:
        return plain(*arguments, **named)
    depth[0], start = 1, time.process_time()
    try:
        return plain(*arguments, **named)
    finally:
        depth[0] = 0
        imported[0] += time.process_time() - start


def leave():
    used = {"argv": sys.argv, "cpu": time.process_time(), "imports": imported[0]}
    used["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with open(os.path.join(os.environ["GRAVIDA_METER"], f"{os.getpid()}.json"), "w") as file:
        json.dump(used, file)


def leave_at_once(code, end=os._exit):
    leave()
    end(code)


builtins.__import__ = metered
atexit.register(leave)
# A step ends so when its work is done.
os._exit = leave_at_once
"""


def measure(arguments: list[str]) -> tuple[float, float, list[tuple[str, float, float, int]]]:
    """Return Snakemake's wall and CPU time; of each process name, CPU time, of imports, peak in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        meter, left = Path(folder, "meter"), Path(folder, "left")
        meter.mkdir()
        left.mkdir()
        (meter / "sitecustomize.py").write_text(METER, encoding="utf-8")
        path = os.pathsep.join(filter(None, (str(meter), os.environ.get("PYTHONPATH"))))
        known = {"PYTHONPATH": path, "GRAVIDA_METER": str(left), "PYTHONDONTWRITEBYTECODE": ""}
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--workflow-profile", str(ROOT / "profiles/default"), "--quiet", "all"]
        start = time.perf_counter()
        subprocess.run(
            [*command, *(arguments or ["--directory", folder])], env=os.environ | known, check=True
        )
        wall = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = [json.loads(each.read_text(encoding="utf-8")) for each in left.iterdir()]
    each = [(name_of(one["argv"][0]), one["cpu"], one["imports"], one["peak"]) for one in found]
    return wall, used.ru_utime + used.ru_stime, sorted(each, key=lambda one: -one[1])


def name_of(script: str) -> str:
    """Return the name of the rule whose script this is: Snakemake runs a copy called tmpXXXX.NAME.py."""
    path = Path(script)
    return (
        path.stem.partition(".")[2] if path.stem.startswith("tmp") else f"({path.parent.name or path.stem})"
    )


def main() -> None:
    """Print a table in Markdown, a line a step: how often it ran, and what one of them used."""
    wall, total, each = measure(sys.argv[1:])
    lines: dict[str, list[tuple[float, float, int]]] = {}
    for name, *used in each:
        lines.setdefault(name, []).append(tuple(used))
    print("| step | runs | CPU, s | of which imports, s | largest, MiB |\n|---|---|---|---|---|")
    for name, runs in lines.items():
        cpu, imports, peak = zip(*runs, strict=True)
        print(f"| {name} | {len(runs)} | {sum(cpu):.2f} | {sum(imports):.2f} | {max(peak) / 2**20:.0f} |")
    print(f"\n{len(each)} processes, {total:.1f} s of processor time, {wall:.1f} s by the clock.")


if __name__ == "__main__":
    main()
