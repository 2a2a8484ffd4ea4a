"""The report: one HTML file that needs nothing else, from released tables and figures."""

import base64
import hashlib
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
from gravida.report.content import (
    CITATION,
    ReportContent,
    notes_under,
    picture_caption,
    sections_of,
    synthetic_note,
    warning_of,
)
from gravida.report.display import table_html
from gravida.report.estimand import describe_estimand, describe_target_trial
from gravida.report.forest import draw_answer, draw_contrasts
from gravida.report.methods import describe_methods
from gravida.report.references import REFERENCES
from gravida.report.section import Section
from gravida.report.sections import PARTS
from gravida.report.sentences import BETWEEN, SAMPLING_ONLY, headline, sentence
from gravida.report.sources import sources_by_name

TEMPLATE = Path(__file__).with_name("report.html.j2")
STYLE = Path(__file__).with_name("report.css")
SCRIPT = Path(__file__).with_name("report.js")
# The page may load nothing; pictures are in it, and no script runs but its own.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
    "base-uri 'none'; form-action 'none'"
)
# What a chart has where any rate may be shown.
POINT = 'class="point"'


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
    made: Mapping[str, tuple[Sequence[str], str]] | None = None,
    chart: str = "",
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
    made : mapping of str to (rules, SHA-256), optional
        By the path of each released file that is read.
    chart : str
        The course of rates as SVG.
    """
    note = synthetic_note(synthetic)
    content = ReportContent(
        dict(tables),
        dict(verdict),
        dict(figures),
        dict(configuration),
        software_versions(),
        note,
        keeping,
        sources_by_name(made or {}),
        chart,
    )
    sentence = headline(content.tables["rate_ratios"], content.identifiability, configuration["confidence"])
    short = f"{note.partition(':')[0]}. " if note else ""
    return WrittenReport(render_report(content), f"{short}Verdict: {verdict['verdict']}. {sentence}")


def render_report(content: ReportContent) -> str:
    """Return the report as self-contained HTML: no network, the same text for the same content."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    confidence = float(content.configuration["confidence"])
    shown = {section.table: _section(section, content) for section in sections_of(content.tables)}
    methods = describe_methods(content.configuration, set(shown), content.keeping)
    cited = list(dict.fromkeys(CITATION.findall(" ".join(methods.values()))))
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["cite"] = lambda text: Markup(_with_citations(text, cited))
    rate_ratios, verdict = content.tables["rate_ratios"], content.identifiability["verdict"]
    return environment.from_string(read_text(TEMPLATE)).render(
        **_page(),
        synthetic_note=content.synthetic_note,
        verdict=verdict,
        reason=content.identifiability["reason"],
        headline=headline(rate_ratios, content.identifiability, confidence),
        answer=Markup(draw_answer(rate_ratios, verdict)),
        answer_warning=sentence(SAMPLING_ONLY) if verdict == BETWEEN else "",
        answer_source=content.sources.get("rate_ratios.csv"),
        abstract=abstract(
            content.tables,
            content.identifiability,
            confidence,
            content.configuration["precision"]["power"],
        ),
        parts=_parts(shown),
        estimand=describe_estimand(content.configuration),
        target_trial=describe_target_trial(content.configuration, verdict),
        methods=methods,
        references=[(key, REFERENCES[key]) for key in cited],
        versions=content.versions,
        sources=list(content.sources.values()),
        ci=words.confidence_label(confidence),
    )


def _page() -> dict[str, Any]:
    """Return the style and the script of the page, and the policy that lets no other run."""
    from markupsafe import Markup

    script = f"\n{read_text(SCRIPT)}"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return {
        "style": Markup(read_text(STYLE)),
        "script": Markup(script),
        "policy": Markup(POLICY.format(digest=digest)),
    }


def _parts(shown: Mapping[str, dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return by heading of the contents the sections that the report has."""
    parts = {
        heading: [shown[section.table] for section in of if section.table in shown]
        for heading, of in PARTS.items()
    }
    return {heading: of for heading, of in parts.items() if of}


def _section(section: Section, content: ReportContent) -> dict[str, Any]:
    """Return what the template shows of one section."""
    from markupsafe import Markup

    frame, verdict = content.tables[section.table], content.identifiability["verdict"]
    notes = tuple(notes_under(section, content))
    table = table_html(section.show(frame), f"table-{section.table}", section.caption, notes)
    forest = draw_contrasts(frame, verdict) if section.table == "rate_ratios" else ""
    return {
        "key": section.table,
        "title": section.title,
        "table": Markup(table),
        "picture": _picture(section, content),
        "forest": Markup(forest),
        "warning": warning_of(section, content),
        "source": content.sources.get(f"{section.table}.csv"),
    }


def _picture(section: Section, content: ReportContent) -> dict[str, Any] | None:
    """Return the figure of a section, with the interactive chart where there is one of the same rates."""
    from markupsafe import Markup

    picture = section.picture
    if not picture or picture.name not in content.figures:
        return None
    chart = content.chart if picture.name == "course" and POINT in content.chart else ""
    return {
        "data": base64.b64encode(content.figures[picture.name]).decode("ascii"),
        "alt": picture.describe(content.tables[section.table]),
        "caption": picture_caption(section, content),
        "chart": Markup(chart),
        "sources": [
            content.sources[name]
            for name in (f"{picture.name}.png", *([f"{picture.name}.svg"] if chart else []))
            if name in content.sources
        ],
    }


def _with_citations(text: str, cited: list[str]) -> str:
    """Return escaped text with each ``[@key]`` as a numbered link to its reference."""
    from markupsafe import escape

    def link(match: re.Match[str]) -> str:
        key = match.group(1)
        return f'<a class="cite" href="#ref-{key}">[{cited.index(key) + 1}]</a>'

    return CITATION.sub(link, str(escape(text)))
