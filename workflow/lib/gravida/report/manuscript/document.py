"""The manuscript as a Word document, from released tables and figures."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gravida import words
from gravida.provenance import software_versions
from gravida.report import results
from gravida.report.abstract import abstract, arm_rates, women_studied
from gravida.report.content import (
    CITATION,
    ReportContent,
    notes_under,
    picture_caption,
    sections_of,
    synthetic_note,
)
from gravida.report.estimand import describe_estimand, describe_target_trial
from gravida.report.manuscript.checklists import AUTHORS, CHECKLISTS, answers
from gravida.report.manuscript.grid import Grid, grid_of
from gravida.report.manuscript.protocol import NOTE, protocol_rows, settings_rows
from gravida.report.manuscript.word import Manuscript, cited_text, is_high, references_in
from gravida.report.methods import describe_methods
from gravida.report.references import REFERENCES
from gravida.report.section import Section
from gravida.report.sentences import BETWEEN, NOT_IDENTIFIABLE, headline, primary_row

TITLE = "Relapses of multiple sclerosis around pregnancy, with and without immunoglobulin after delivery"
# What stands in the text, in its order; all else is supplementary.
MAIN = (
    *("attrition", "baseline", "identifiability", "relapse_rates", "rate_ratios", "precision"),
    *("predictors", "sensitivity", "evidence_studies", "evidence_pooled", "evidence_grade"),
)
TO_ADD = (
    "Introduction: background and reasons for the study.",
    "Setting: places, dates, how women came to the sites and how relapses were found.",
    "Discussion: interpretation, limitations beyond those named here, generalisability.",
    "Statements: ethics approval, registration, access to data, funding, interests, contributions.",
)


def write_manuscript(
    tables: Mapping[str, pd.DataFrame],
    verdict: Mapping[str, Any],
    figures: Mapping[str, bytes],
    configuration: Mapping[str, Any],
    synthetic: Sequence[bool],
    keeping: int = 0,
) -> bytes:
    """Write the manuscript, the same bytes for the same content.

    Parameters
    ----------
    tables, verdict, figures, configuration
        As in `ReportContent`; `verdict` is its `identifiability`.
    synthetic : sequence of bool
        For each site, whether its rows are invented.
    keeping : int
        How many sites kept their rows.
    """
    content = ReportContent(
        dict(tables),
        dict(verdict),
        dict(figures),
        dict(configuration),
        software_versions(),
        synthetic_note(synthetic),
        keeping,
    )
    written = Manuscript(TITLE)
    _add_abstract(written, content)
    cited = _add_methods(written, content)
    _add_results(written, content)
    _add_appendices(written, content, cited)
    return written.content()


def _add_abstract(written: Manuscript, content: ReportContent) -> None:
    confidence = float(content.configuration["confidence"])
    power = content.configuration["precision"]["power"]
    written.paragraph(content.synthetic_note, "Intense Quote")
    written.heading("Abstract", 1, "abstract")
    for heading, text in abstract(content.tables, content.identifiability, confidence, power).items():
        written.heading(heading, 2)
        written.paragraph(text)


def _add_methods(written: Manuscript, content: ReportContent) -> list[str]:
    """Add the question, the methods and what is left to the authors; return the works that are cited."""
    configuration, verdict = content.configuration, content.identifiability["verdict"]
    written.heading("Methods", 1, "methods")
    written.heading("The question and its target trial", 2, "estimand")
    written.paragraph("The estimand is in {table:estimand}, the trial that would answer it in {table:trial}.")
    written.table(
        "estimand",
        "The estimand, after ICH E9(R1), and how events on the way are handled",
        Grid(("Attribute", "Here"), describe_estimand(configuration)),
    )
    trial = describe_target_trial(configuration, verdict)
    caption = "The trial that would answer it, and what stands in for it"
    written.table("trial", caption, Grid(("Part", "Target trial", "Here"), trial))
    shown = {section.table for section in sections_of(content.tables)}
    methods = describe_methods(configuration, shown, content.keeping)
    cited = list(references_in(list(methods.values()), CITATION))
    for heading, text in methods.items():
        written.heading(heading, 2, _key(heading))
        written.paragraph(cited_text(text, cited, CITATION))
    return cited


def _key(heading: str) -> str:
    """Return the key of a paragraph of the methods; that of a section is its table."""
    return "m_" + re.sub(r"\W+", "_", heading.lower()).strip("_")


def _add_results(written: Manuscript, content: ReportContent) -> None:
    sections = {section.table: section for section in sections_of(content.tables)}
    told = _sentences(content)
    written.heading("Results", 1, "results")
    for name in MAIN:
        if name in sections:
            _add_section(written, sections[name], content, told.get(name, []))
    others = [section for name, section in sections.items() if name not in MAIN]
    if others:
        # On the page of the first of them, which may lie across.
        written.turn(_grid(others[0], content).is_wide)
        written.heading("Supplementary results", 1, "supplement")
    for section in others:
        _add_section(written, section, content, told.get(section.table, []))
    written.turn(wide=False)


def _grid(section: Section, content: ReportContent) -> Grid:
    return grid_of(section.show(content.tables[section.table]))


def _add_section(
    written: Manuscript, section: Section, content: ReportContent, sentences: Sequence[str]
) -> None:
    """Add a section of the report: its sentences, its figure and its table."""
    frame, picture = content.tables[section.table], section.picture
    shown = section.show(frame)
    grid = grid_of(shown)
    drawn = picture is not None and picture.name in content.figures
    # What is higher than wide stands upright, also where the table lies across.
    written.turn(grid.is_wide and not (drawn and is_high(content.figures[picture.name])))
    written.heading(section.title, 2, section.table)
    figure = f" and {{figure:{picture.name}}}" if drawn else ""
    text = " ".join([*filter(None, sentences), f"See {{table:{section.table}}}{figure}."])
    written.paragraph(text, stays=True)
    if drawn:
        caption, image = picture_caption(section, content), content.figures[picture.name]
        written.figure(picture.name, caption, image, picture.describe(frame))
    written.turn(grid.is_wide)
    marks = [f"{letter}: {said.rstrip('.')}." for letter, said in shown.marks]
    written.table(section.table, section.caption, grid, [*marks, *notes_under(section, content)])


def _sentences(content: ReportContent) -> dict[str, list[str]]:
    """Return what is said of each section's table in words."""
    tables, design = content.tables, content.identifiability
    verdict, confidence = design["verdict"], float(content.configuration["confidence"])
    row = primary_row(tables["rate_ratios"])
    limits = words.confidence_label(confidence) + (results.ALONE if verdict == BETWEEN else "")
    told = {
        "attrition": [women_studied(tables, row)],
        "identifiability": [f"Verdict on the design: {verdict}.", design["reason"]],
        "relapse_rates": [
            arm_rates(tables, words.text(row["period"]), confidence),
            results.course(tables),
        ],
        "rate_ratios": [headline(tables["rate_ratios"], design, confidence)],
        "precision": results.around_the_contrast(
            tables, verdict, content.configuration["precision"]["power"]
        ),
        "predictors": [results.predictors(tables, confidence)],
        "predictability": [results.predictability(tables, confidence)],
        "evidence_pooled": [results.published_evidence(tables, confidence)],
        "evidence_audit": [results.audited_claims(tables)],
    }
    if verdict == NOT_IDENTIFIABLE:
        return told
    return told | {
        "longitudinal": [results.difference_in_differences(tables, limits)],
        "time_to_relapse": [results.hazard(tables, row, limits)],
        "sensitivity": [results.sensitivity(tables)],
    }


def _add_appendices(written: Manuscript, content: ReportContent, cited: Sequence[str]) -> None:
    """Add what is left to the authors, the protocol, the checklists, the references and the software."""
    written.heading("For the authors to add", 1, AUTHORS)
    for text in TO_ADD:
        written.paragraph(text, "List Bullet")
    written.heading("Protocol", 1, "protocol")
    written.paragraph("The plan is in {table:protocol}, every setting of it in {table:settings}.")
    heads = ("What", "Specification", "Setting")
    written.table("protocol", "The protocol", Grid(heads, protocol_rows(content.configuration)), (NOTE,))
    rows = settings_rows(content.configuration)
    written.table("settings", "The settings of the analysis plan", Grid(("Setting", "Value"), rows))
    # Known before the checklists, which refer to it.
    written.labels["heading:software"] = "Software"
    headings = {name.partition(":")[2] for name in written.labels if name.startswith("heading:")}
    written.heading("Reporting checklists", 1, "checklists")
    for checklist in CHECKLISTS:
        rows = answers(checklist, headings)
        grid = Grid(("Item", "What it asks for", "Answered under"), rows)
        written.table(checklist.key, checklist.caption, grid, checklist.notes)
    written.heading("References", 1, "references")
    for number, key in enumerate(cited, start=1):
        written.paragraph(f"{number}. {REFERENCES[key]}")
    written.heading("Software", 1, "software")
    versions = [[name, version] for name, version in content.versions.items()]
    written.table("software", "Software and versions", Grid(("Software", "Version"), versions))
