"""What the report and the manuscript are made from, and what both print of a section."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from gravida import words
from gravida.report.section import Section
from gravida.report.sections import SECTIONS
from gravida.report.sentences import BETWEEN, SAMPLING, SAMPLING_ONLY
from gravida.report.sources import Source

SYNTHETIC = (
    "Synthetic data: no woman stands behind any number here. The registry that comes with gravida is "
    "constructed to match the summary that a published study printed."
)
PARTLY_SYNTHETIC = "Part of these data is synthetic: at least one site's rows are invented."
WITHHELD_NOTE = "withheld: rests on too few women to be shown, or would tell of one that does."
CITATION = re.compile(r"\[@(\w+)\]")


@dataclass(frozen=True, slots=True)
class ReportContent:
    """What the report is made from.

    Attributes
    ----------
    tables : dict of DataFrame
        Released tables by name; `rate_ratios` is required, each other one adds its section.
    identifiability : dict
        ``verdict`` and ``reason``.
    figures : dict of bytes
        PNG by name: such as `course`.
    configuration : dict
        The merged configuration of the run.
    versions : dict of str
        Version by name of software.
    synthetic_note : str
        What to say at the top of a report on constructed data; "" for real data.
    keeping : int
        How many sites kept their rows.
    sources : dict of Source
        Where tables and figures are from, by the name of their file.
    chart : str
        The course of rates as SVG, of which the page makes an interactive chart.
    """

    tables: dict[str, pd.DataFrame]
    identifiability: dict[str, Any]
    figures: dict[str, bytes]
    configuration: dict[str, Any]
    versions: dict[str, str]
    synthetic_note: str = ""
    keeping: int = 0
    sources: dict[str, Source] = field(default_factory=dict)
    chart: str = ""


def synthetic_note(synthetic: Sequence[bool]) -> str:
    """Return what is said of invented rows, "" where none are.

    Parameters
    ----------
    synthetic : sequence of bool
        For each site, whether its rows are invented.
    """
    return (SYNTHETIC if all(synthetic) else PARTLY_SYNTHETIC) if any(synthetic) else ""


def sections_of(tables: dict[str, pd.DataFrame]) -> list[Section]:
    """Return the sections whose table has rows, in their order."""
    return [section for section in SECTIONS if section.table in tables and not tables[section.table].empty]


def notes_under(section: Section, content: ReportContent) -> list[str]:
    """Return what is printed under a section's table."""
    frame = content.tables[section.table]
    ci = words.confidence_label(float(content.configuration["confidence"]))
    notes = [note.replace("{ci}", ci) for note in section.notes_for(frame)]
    if frame.get("suppressed", pd.Series(dtype=bool)).astype(bool).any():
        notes.append(WITHHELD_NOTE)
    # Where the rows say it, it is not said again.
    said = frame.get("reason", pd.Series(dtype=str)).map(words.text).str.contains(SAMPLING).any()
    warning = warning_of(section, content)
    return notes + ([warning] if warning and not said else [])


def picture_caption(section: Section, content: ReportContent) -> str:
    """Return what is printed under a section's figure."""
    ci = words.confidence_label(float(content.configuration["confidence"]))
    caption = section.picture.caption.replace("{ci}", ci)
    return " ".join(filter(None, (caption, warning_of(section, content))))


def warning_of(section: Section, content: ReportContent) -> str:
    """Return what a comparison of the arms cannot tell, "" where it can or there is none."""
    between = content.identifiability["verdict"] == BETWEEN
    return f"{section.contrast}: {SAMPLING_ONLY}." if between and section.contrast else ""
