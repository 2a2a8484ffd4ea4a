"""The report: one HTML file that needs nothing else, from released tables and figures."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gravida.files import read_text
from gravida.provenance import software_versions
from gravida.report.abstract import abstract
from gravida.report.content import (
    CITATION,
    ReportContent,
    notes_under,
    picture_caption,
    sections_of,
    synthetic_note,
)
from gravida.report.display import table_html
from gravida.report.estimand import describe_estimand, describe_target_trial
from gravida.report.methods import describe_methods
from gravida.report.references import REFERENCES
from gravida.report.section import Section
from gravida.report.sentences import headline

TEMPLATE = Path(__file__).with_name("report.html.j2")


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
    note = synthetic_note(synthetic)
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
    sections = sections_of(content.tables)
    present = {section.table for section in sections}
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
        sections=[_section(section, content) for section in sections],
        estimand=describe_estimand(content.configuration),
        target_trial=describe_target_trial(content.configuration, content.identifiability["verdict"]),
        methods=methods,
        references=[(key, REFERENCES[key]) for key in cited],
        versions=content.versions,
    )


def _section(section: Section, content: ReportContent) -> dict[str, Any]:
    """Return what the template shows of one section."""
    from markupsafe import Markup

    frame = content.tables[section.table]
    notes = tuple(notes_under(section, content))
    table = table_html(section.show(frame), f"table-{section.table}", section.caption, notes)
    picture = section.picture
    shown = None
    if picture and picture.name in content.figures:
        shown = {
            "data": base64.b64encode(content.figures[picture.name]).decode("ascii"),
            "alt": picture.describe(frame),
            "caption": picture_caption(section, content),
        }
    return {"key": section.table, "title": section.title, "table": Markup(table), "picture": shown}


def _with_citations(text: str, cited: list[str]) -> str:
    """Return escaped text with each ``[@key]`` as a numbered link to its reference."""
    from markupsafe import escape

    def link(match: re.Match[str]) -> str:
        key = match.group(1)
        return f'<a class="cite" href="#ref-{key}">[{cited.index(key) + 1}]</a>'

    return CITATION.sub(link, str(escape(text)))
