"""The report: one HTML file that needs nothing else, from released tables and figures."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gravida import words
from gravida.files import read_text
from gravida.provenance import software_versions
from gravida.report.abstract import abstract
from gravida.report.display import table_html
from gravida.report.estimand import describe_estimand, describe_target_trial
from gravida.report.methods import describe_methods
from gravida.report.references import REFERENCES
from gravida.report.section import Section
from gravida.report.sections import SECTIONS
from gravida.report.sentences import BETWEEN, SAMPLING, SAMPLING_ONLY, headline

TEMPLATE = Path(__file__).with_name("report.html.j2")
SYNTHETIC = (
    "Synthetic data: no woman stands behind any number here. The registry that comes with gravida is "
    "constructed to match the summary that a published study printed."
)
PARTLY_SYNTHETIC = "Part of these data is synthetic: at least one site's rows are invented."
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
        PNG by name: `course`, `predictors`, `rootogram`, `sensitivity`.
    configuration : dict
        The merged configuration of the run.
    versions : dict of str
        Version by name of software.
    synthetic_note : str
        What to say at the top of a report on constructed data; "" for real data.
    keeping : int
        How many sites kept their rows.
    """

    tables: dict[str, pd.DataFrame]
    identifiability: dict[str, Any]
    figures: dict[str, bytes]
    configuration: dict[str, Any]
    versions: dict[str, str]
    synthetic_note: str = ""
    keeping: int = 0


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """The page as HTML, and the verdict with the rate ratio that a run ends with."""

    page: str
    headline: str


def write_report(
    tables: Mapping[str, pd.DataFrame],
    verdict: Mapping[str, Any],
    figures: Mapping[str, bytes],
    configuration: Mapping[str, Any],
    synthetic: Sequence[bool],
    keeping: int = 0,
) -> WrittenReport:
    """Write the report with the versions of the software that is at work.

    Parameters
    ----------
    tables, verdict, figures, configuration
        As in `ReportContent`; `verdict` is its `identifiability`.
    synthetic : sequence of bool
        For each site, whether its rows are invented.
    keeping : int
        How many sites kept their rows.
    """
    note = (SYNTHETIC if all(synthetic) else PARTLY_SYNTHETIC) if any(synthetic) else ""
    content = ReportContent(
        dict(tables), dict(verdict), dict(figures), dict(configuration), software_versions(), note, keeping
    )
    sentence = headline(content.tables["rate_ratios"], content.identifiability, configuration["confidence"])
    short = f"{note.partition(':')[0]}. " if note else ""
    return WrittenReport(render_report(content), f"{short}Verdict: {verdict['verdict']}. {sentence}")


def render_report(content: ReportContent) -> str:
    """Return the report as self-contained HTML: no network, no script, the same text for the same content."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    confidence = float(content.configuration["confidence"])
    present = {section.table for section in SECTIONS if _present(section, content)}
    methods = describe_methods(content.configuration, present, content.keeping)
    cited = list(dict.fromkeys(CITATION.findall(" ".join(methods.values()))))
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["cite"] = lambda text: Markup(_with_citations(text, cited))
    return environment.from_string(read_text(TEMPLATE)).render(
        synthetic_note=content.synthetic_note,
        verdict=content.identifiability["verdict"],
        reason=content.identifiability["reason"],
        headline=headline(content.tables["rate_ratios"], content.identifiability, confidence),
        abstract=abstract(
            content.tables,
            content.identifiability,
            confidence,
            content.configuration["precision"]["power"],
        ),
        sections=[_section(section, content, confidence) for section in SECTIONS if section.table in present],
        estimand=describe_estimand(content.configuration),
        target_trial=describe_target_trial(content.configuration, content.identifiability["verdict"]),
        methods=methods,
        references=[(key, REFERENCES[key]) for key in cited],
        versions=content.versions,
    )


def _present(section: Section, content: ReportContent) -> bool:
    return section.table in content.tables and not content.tables[section.table].empty


def _section(section: Section, content: ReportContent, confidence: float) -> dict[str, Any]:
    """Return what the template shows of one section."""
    from markupsafe import Markup

    frame = content.tables[section.table]
    ci = words.confidence_label(confidence)
    notes = [note.replace("{ci}", ci) for note in section.notes_for(frame)]
    if frame.get("suppressed", pd.Series(dtype=bool)).astype(bool).any():
        notes.append("withheld: rests on too few women to be shown, or would tell of one that does.")
    between = content.identifiability["verdict"] == BETWEEN
    warning = f"{section.contrast}: {SAMPLING_ONLY}." if between and section.contrast else ""
    # Where the rows say it, it is not said again.
    said = frame.get("reason", pd.Series(dtype=str)).map(words.text).str.contains(SAMPLING).any()
    notes += [warning] if warning and not said else []
    table = table_html(section.show(frame), f"table-{section.table}", section.caption, tuple(notes))
    picture = section.picture
    shown = None
    if picture and picture.name in content.figures:
        shown = {
            "data": base64.b64encode(content.figures[picture.name]).decode("ascii"),
            "alt": picture.describe(frame),
            "caption": " ".join(filter(None, (picture.caption.replace("{ci}", ci), warning))),
        }
    return {"key": section.table, "title": section.title, "table": Markup(table), "picture": shown}


def _with_citations(text: str, cited: list[str]) -> str:
    """Return escaped text with each ``[@key]`` as a numbered link to its reference."""
    from markupsafe import escape

    def link(match: re.Match[str]) -> str:
        key = match.group(1)
        return f'<a class="cite" href="#ref-{key}">[{cited.index(key) + 1}]</a>'

    return CITATION.sub(link, str(escape(text)))
