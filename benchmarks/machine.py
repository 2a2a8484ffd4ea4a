"""What the numbers were measured on, and what nothing on it can be quicker than."""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import run
from benchmarks.sides import PACKAGES_OF_R, memory

PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "pandera", "snakemake")
IMPORTS = "import numpy, pandas, pyarrow.parquet, gravida.models.counts"
PARSING = "import sys, pyarrow.csv; [pyarrow.csv.read_csv(path).num_rows for path in sys.argv[1:]]"
# So often: the quickest of three counts, as the machine may be busy.
TRIES = 3


def facts(with_r: bool) -> dict[str, str]:
    """Return processor, memory, system and versions, in words."""
    found = {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{memory() / 2**30:.1f} GiB",
        "system": f"{_distribution()}, Linux {platform.release()}",
        "gravida": _commit(),
        "Python": ", ".join([platform.python_version(), *(f"{name} {version(name)}" for name in PACKAGES)]),
    }
    return found | ({"R": _r_versions()} if with_r else {"R": "not here"})


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def _commit() -> str:
    commit = run(["git", "rev-parse", "--short", "HEAD"]).text.strip() or "unknown"
    changed = run(["git", "status", "--porcelain", "--", "workflow", "schemas"]).text.strip()
    return f"commit {commit}{', with changes that are not committed' if changed else ''}"


def _r_versions() -> str:
    names = ", ".join(f"'{name}'" for name in PACKAGES_OF_R)
    asked = (
        f"cat(as.character(getRversion()), sapply(c({names}), function(name) "
        "paste(name, packageVersion(name))), basename(dirname(extSoftVersion()[['BLAS']])), sep = '\\n')"
    )
    release, *packages, algebra = run(["Rscript", "-e", asked]).text.strip().splitlines()
    return ", ".join([release, *packages, f"linear algebra by {algebra}"])


def floors(registry: Path, with_r: bool) -> dict[str, float]:
    """Return seconds that nothing can be quicker than, by what takes them."""
    files = sorted((registry / "submissions").glob("*/*.csv"))
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    commands = {
        "start Python": [sys.executable, "-c", "pass"],
        "start Python and import what a step needs": [sys.executable, "-c", IMPORTS],
        f"read the {megabytes:.0f} MB of the files, from memory": ["cat", *files],
        f"start Python, import Arrow and parse the {megabytes:.0f} MB, nothing checked": [
            *(sys.executable, "-c", PARSING),
            *files,
        ],
        "start Snakemake": [sys.executable, "-m", "snakemake", "--version"],
    }
    if with_r:
        packages = "; ".join(f"library({name})" for name in PACKAGES_OF_R)
        commands["start R with its packages"] = [
            "Rscript",
            "-e",
            f"suppressPackageStartupMessages({{{packages}}})",
        ]
    return {name: min(run(command).wall for _ in range(TRIES)) for name, command in commands.items()}
