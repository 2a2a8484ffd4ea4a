"""From a design to the tables that the sites would submit."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from gravida.files import write_text
from gravida.synthetic.design import RegistryDesign, SiteDesign
from gravida.synthetic.layout import Tables, assemble
from gravida.synthetic.relapses import add_close_onsets, draw_counts, draw_course, place_onsets
from gravida.synthetic.timeline import draw_observation, draw_timeline

# Beside the tables of a synthetic submission; hidden files are no part of a submission.
MARKER = ".synthetic"


def generate(design: RegistryDesign) -> dict[str, Tables]:
    """Draw a registry.

    Returns
    -------
    dict of str to dict of str to DataFrame
        Site, then table, in the columns and order of the contract. A site without dated relapses sends no
        ``relapses``; ``infusions`` and ``adverse_events`` are left out where they would have no rows.
    """
    return {site.name: _generate_site(design, site) for site in design.sites}


def write_registry(registry: Mapping[str, Mapping[str, pd.DataFrame]], folder: str | Path) -> None:
    """Write each table as ``folder/SITE/TABLE.csv``: booleans 0 and 1, unknown cells empty.

    A hidden file in each folder marks the rows as invented, so that every output can say so.
    """
    for site, tables in registry.items():
        write_text(Path(folder, site, MARKER), "No row in this folder is a real person.\n")
        for name, frame in tables.items():
            booleans = frame.select_dtypes("boolean").columns
            text = io.StringIO()
            frame.astype(dict.fromkeys(booleans, "Int64")).to_csv(text, index=False, lineterminator="\n")
            write_text(Path(folder, site, f"{name}.csv"), text.getvalue())


def site_generator(seed: int, name: str) -> np.random.Generator:
    """Return the random numbers of one site, which depend on the seed and its name alone."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=tuple(name.encode()))))


def draw_treatment(site: SiteDesign, rng: np.random.Generator) -> np.ndarray:
    """Return who receives immunoglobulin under the site's policy, shape (n,)."""
    share = {"all": 1.0, "none": 0.0, "individual": site.treated_share}[site.policy]
    return rng.random(site.pregnancies) < share


def _generate_site(design: RegistryDesign, site: SiteDesign) -> Tables:
    rng = site_generator(design.seed, site.name)
    timeline = draw_timeline(design, site, rng)
    observation = draw_observation(design, timeline, rng)
    ivig = draw_treatment(site, rng)
    course = draw_course(design, site, timeline, observation, ivig, rng)
    position, day = place_onsets(course, draw_counts(course, rng), rng)
    onsets = add_close_onsets(position, day, observation.end, design.close_onsets, rng)
    return assemble(design, site, timeline, observation, ivig, onsets, rng)
