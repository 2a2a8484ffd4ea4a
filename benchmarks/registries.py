"""Synthetic registries of any size, the same on every machine, written by parts.

A registry is a study of two sites that leave treatment to choice, so that every model of the plan can be had;
of many pregnancies each of the two becomes several, for a submitted table has at most 50,000,000 cells.
No row in it is a person.
"""

import argparse
import io
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
from gravida.synthetic import RegistryDesign, SiteDesign, generate

SEED = 20191111
# Pregnancies that are drawn together: what is held in memory does not grow with the registry.
PART = 100_000
FEW = 2
DATA_CUT = "2019-06-30"
# Pregnancies of one site, at most.
LARGEST_SITE = 1_500_000
# Share treated and log rate ratio of each site.
SITES = {"north": (0.4, 0.0), "south": (0.6, 0.2)}
# What both programs read, and all that the sites send.
TABLES = ("pregnancies", "relapses")


def main() -> None:
    """Write one registry, unless it is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("pregnancies", type=int)
    options = parser.parse_args()
    if not (options.folder / "config.yaml").exists():
        write_registry(options.folder, options.pregnancies)


def write_registry(folder: Path, pregnancies: int) -> None:
    """Write a study with so many pregnancies; the configuration comes last, so that half a study has none."""
    shutil.rmtree(folder, ignore_errors=True)
    sizes = sites_of(pregnancies)
    for site, size in sizes.items():
        submission = folder / "submissions" / site
        submission.mkdir(parents=True)
        for number, part in enumerate(parts_of(site, size)):
            for table, text in part.items():
                with (submission / f"{table}.csv").open("ab") as file:
                    file.write(text if number == 0 else text[text.index(b"\n") + 1 :])
    lines = ["site\tsubmission\tmode\tpolicy\tmapping\tdata_cut"]
    lines += [f"{site}\tsubmissions/{site}\trows\tindividual\t\t{DATA_CUT}" for site in sizes]
    (folder / "sites.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "config.yaml").write_text("sites: sites.tsv\n", encoding="utf-8")


def sites_of(pregnancies: int) -> dict[str, int]:
    """Return the pregnancies of each site: `north` and `south`, or `north_1`, `north_2`, ... of many."""
    halves = dict(zip(SITES, (pregnancies // 2, pregnancies - pregnancies // 2), strict=True))
    sizes = {}
    for site, size in halves.items():
        several = -(-size // LARGEST_SITE)
        names = [f"{site}_{number + 1}" for number in range(several)] if several > 1 else [site]
        sizes |= {name: size // several + (at < size % several) for at, name in enumerate(names)}
    return sizes


def parts_of(site: str, size: int) -> Iterator[dict[str, bytes]]:
    """Yield the parts of a site's tables as CSV, in order; many are drawn by a process for each core."""
    sizes = [min(PART, size - start) for start in range(0, size, PART)]
    drawn = [site] * len(sizes), range(len(sizes)), sizes
    if len(sizes) <= FEW:
        yield from map(draw_part, *drawn)
        return
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(draw_part, *drawn)


def draw_part(site: str, number: int, size: int) -> dict[str, bytes]:
    """Return one part of a site's tables as CSV, each with its header."""
    share, effect = SITES[site.partition("_")[0]]
    name = f"{site}_{number}"
    drawn = SiteDesign(name, "individual", size, treated_share=share, rate_effect=effect)
    tables = generate(RegistryDesign((drawn,), seed=SEED, woman_alpha=0.3))[name]
    return {table: as_csv(numbered(tables[table], number)) for table in TABLES}


def numbered(frame: pd.DataFrame, number: int) -> pd.DataFrame:
    """Return rows whose ids are of one part: P0001 of part 7 is P007_0001."""
    ids = frame.columns.intersection(["pregnancy_id", "woman_id"])
    return frame.assign(**{name: frame[name].str[0] + f"{number:03}_" + frame[name].str[1:] for name in ids})


def as_csv(frame: pd.DataFrame) -> bytes:
    """Return a table as a site sends it: booleans 0 and 1, unknown cells empty."""
    booleans = frame.select_dtypes("boolean").columns
    text = io.StringIO()
    frame.astype(dict.fromkeys(booleans, "Int64")).to_csv(text, index=False, lineterminator="\n")
    return text.getvalue().encode()


if __name__ == "__main__":
    main()
