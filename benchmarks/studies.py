"""Whole studies through the workflow: the first run, one site's new data, nothing to do."""

import csv
import shutil
from pathlib import Path

from benchmarks.measure import ROOT, Cost, run

# How the two cores of the reference machine are given to a run.
CORES = 2
TIMES = ("first run", "one site sent other data", "nothing to do")


def run_study(study: Path) -> Cost:
    """Run a study with `make`, as a user does.

    Raises
    ------
    RuntimeError
        With the end of what it said, if it failed.
    """
    make = ["make", "--no-print-directory", "--old-file", ".venv/ready", f"CORES={CORES}"]
    cost = run([*make, f"STUDY={study}"])
    if cost.code:
        raise RuntimeError(f"the study {study.name} failed: {(cost.text + cost.said)[-2000:]}")
    return cost


def run_three_times(study: Path) -> dict[str, Cost]:
    """Run a study from nothing, after one site has corrected a cell, and when there is nothing to do."""
    first = run_study(study)
    correct_one_cell(next(iter(sorted((study / "submissions").iterdir()))) / "pregnancies.csv")
    return dict(zip(TIMES, (first, run_study(study), run_study(study)), strict=True))


def correct_one_cell(path: Path) -> None:
    """Give the first pregnancy that has any one visit more: the smallest change that reaches the tables."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    place = header.index("visits_post_year")
    row = next(row for row in rows if row[place])
    row[place] = str(int(row[place]) + 1)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def shipped(folder: Path) -> Path:
    """Return a copy of the shipped study that has not been run."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "resources/demo", folder / "submissions")
    for path in (folder / "submissions").iterdir():
        if path.is_file():
            path.unlink()
    sheet = (ROOT / "config/sites.tsv").read_text(encoding="utf-8")
    (folder / "sites.tsv").write_text(sheet.replace("resources/demo", "submissions"), encoding="utf-8")
    (folder / "config.yaml").write_text("sites: sites.tsv\n", encoding="utf-8")
    return folder


def many_sites(folder: Path, python: Path, sites: int, pregnancies: int) -> Path:
    """Return a study of many small sites that has not been run."""
    shutil.rmtree(folder, ignore_errors=True)
    sizes = ["--sites", str(sites), "--pregnancies", str(pregnancies)]
    made = run([python, "-m", "gravida", "synthetic", folder, *sizes])
    if made.code:
        raise RuntimeError(f"no study of {sites} sites was made: {made.said}")
    return folder


def fresh(study: Path) -> Path:
    """Return a study without what earlier runs left."""
    for name in ("results", ".snakemake"):
        shutil.rmtree(study / name, ignore_errors=True)
    return study
