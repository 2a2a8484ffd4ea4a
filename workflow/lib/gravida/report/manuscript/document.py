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
from gravida.report.manuscript.main_text import MAIN_TEXT, main_table
from gravida.report.manuscript.protocol import NOTE, protocol_rows, settings_rows
from gravida.report.manuscript.word import Manuscript, cited_text, is_high, references_in
from gravida.report.methods import describe_methods
from gravida.report.references import REFERENCES
from gravida.report.section import Section
from gravida.report.sentences import BETWEEN, NOT_IDENTIFIABLE, headline, primary_row

TITLE = "Relapses of multiple sclerosis around pregnancy, with and without immunoglobulin after delivery"
TO_ADD = (
    "Introduction: background and reasons for the study, and for the emulation of a trial.",
    "Setting: places, dates, how women came to the sites, how relapses were found, why follow-up ended.",
    "Data: what each registry was made for, its databases, their linkage, validated codes and definitions.",
    "Discussion: interpretation, limitations beyond those named here, generalisability.",
    "Statements: ethics approval, registration, access to data, funding and the funders' part, interests, "
    "contributions.",
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
    _add_what_is_left(written, cited)
    written.begin_supplement()
    _add_plan(written, content)
    _add_checklists(written, content)
    _add_supplement(written, content)
    return written.content()


def _add_abstract(written: Manuscript, content: ReportContent) -> None:
    confidence = float(content.configuration["confidence"])
    power = content.configuration["precision"]["power"]
    written.paragraph(content.synthetic_note, "Intense Quote")
    written.contents()
    written.heading("Abstract", 1, "abstract")
    for heading, text in abstract(content.tables, content.identifiability, confidence, power).items():
        written.paragraph(text, lead=heading)


def _add_methods(written: Manuscript, content: ReportContent) -> list[str]:
    """Add the question and the methods; return the works that are cited."""
    written.heading("Methods", 1, "methods")
    written.heading("The question and its target trial", 2, "estimand")
    written.paragraph("The estimand is in {table:estimand}, the trial that would answer it in {table:trial}.")
    written.heading("Measurement and analysis", 2, "analysis")
    methods = _methods(content)
    cited = list(references_in(list(methods.values()), CITATION))
    for heading, text in methods.items():
        written.heading(heading, 3, _key(heading))
        written.paragraph(cited_text(text, cited, CITATION))
    return cited


def _methods(content: ReportContent) -> dict[str, str]:
    shown = {section.table for section in sections_of(content.tables)}
    return describe_methods(content.configuration, shown, content.keeping)


def _key(heading: str) -> str:
    """Return the key of a paragraph of the methods; that of a section is its table."""
    return "m_" + re.sub(r"\W+", "_", heading.lower()).strip("_")


def _add_results(written: Manuscript, content: ReportContent) -> None:
    """Add the sections of the text: their sentences, figures and short tables."""
    told = _sentences(content)
    written.heading("Results", 1, "results")
    sections = {section.table: section for section in sections_of(content.tables)}
    for name in MAIN_TEXT:
        if name not in sections:
            continue
        section, table = sections[name], main_table(sections[name], content)
        drawn = _is_drawn(section, content)
        here = drawn and not _is_high(section, content)
        written.heading(section.title, 2, name)
        seen = [f"{{table:{name}_main}}"] if table else []
        seen += [f"{{figure:{section.picture.name}}}"] if drawn else []
        see = (
            f"See {' and '.join(seen)}; all rows are in {{table:{name}}}."
            if seen
            else f"See {{table:{name}}}."
        )
        written.paragraph(" ".join([*filter(None, told.get(name, [])), see]), stays=bool(here or table))
        if here:
            _add_figure(written, section, content)
        if table:
            written.table(f"{name}_main", *table)


def _is_drawn(section: Section, content: ReportContent) -> bool:
    return section.picture is not None and section.picture.name in content.figures


def _is_high(section: Section, content: ReportContent) -> bool:
    """Say whether a section's figure needs a page of its own, which would tear the text."""
    return is_high(content.figures[section.picture.name])


def _add_figure(written: Manuscript, section: Section, content: ReportContent) -> None:
    picture = section.picture
    shown = picture.describe(content.tables[section.table])
    written.figure(picture.name, picture_caption(section, content), content.figures[picture.name], shown)


def _add_supplement(written: Manuscript, content: ReportContent) -> None:
    """Add every table in full, and what is not in the text; what lies across the page comes last."""
    sections = sections_of(content.tables)
    wide = {each.table for each in sections if _grid(each, content).is_wide}
    told = _sentences(content)
    written.heading("Supplementary results", 1, "supplement")
    for section in sections:
        if section.table not in wide:
            _add_in_full(written, section, content, told.get(section.table, []))
    high = [
        each
        for each in sections
        if each.table in MAIN_TEXT and _is_drawn(each, content) and _is_high(each, content)
    ]
    if high:
        written.heading("Figures on pages of their own", 2, "figures")
    for section in high:
        _add_figure(written, section, content)
    if wide:
        written.turn(wide=True)
        written.heading("Supplementary results: wide tables", 1, "wide")
    for section in sections:
        if section.table in wide:
            _add_in_full(written, section, content, told.get(section.table, []))


def _grid(section: Section, content: ReportContent) -> Grid:
    return grid_of(section.show(content.tables[section.table]))


def _add_in_full(
    written: Manuscript, section: Section, content: ReportContent, sentences: Sequence[str]
) -> None:
    """Add a section's whole table; sentences and figure only where the text has not the section."""
    name, drawn = section.table, _is_drawn(section, content)
    if name in MAIN_TEXT:
        written.heading(f"{section.title}: all rows", 2, f"{name}_all")
    else:
        written.heading(section.title, 2, name)
        figure = f" and {{figure:{section.picture.name}}}" if drawn else ""
        text = " ".join([*filter(None, sentences), f"See {{table:{name}}}{figure}."])
        written.paragraph(text, stays=True)
        if drawn:
            _add_figure(written, section, content)
    marks = section.show(content.tables[name]).marks
    letters = " ".join(f"{letter}: {said.rstrip('.')}." for letter, said in marks)
    notes = [letters, " ".join(notes_under(section, content))]
    written.table(name, section.caption, _grid(section, content), list(filter(None, notes)))


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


def _add_what_is_left(written: Manuscript, cited: Sequence[str]) -> None:
    """Add what is left to the authors, and the references."""
    written.heading("For the authors to add", 1, AUTHORS)
    for text in TO_ADD:
        written.paragraph(text, "List Bullet")
    written.heading("References", 1, "references")
    for number, key in enumerate(cited, start=1):
        written.paragraph(f"{number}.\t{REFERENCES[key]}", "Reference")


def _add_plan(written: Manuscript, content: ReportContent) -> None:
    """Add the estimand, the protocol with every setting, and the software."""
    configuration, verdict = content.configuration, content.identifiability["verdict"]
    written.heading("Supplement: protocol", 1, "protocol", on_new_page=True)
    written.paragraph("The plan is in {table:protocol}, every setting of it in {table:settings}.")
    written.table(
        "estimand",
        "The estimand, after ICH E9(R1), and how events on the way are handled",
        Grid(("Attribute", "Here"), describe_estimand(configuration)),
    )
    trial = describe_target_trial(configuration, verdict)
    caption = "The trial that would answer it, and what stands in for it"
    written.table("trial", caption, Grid(("Part", "Target trial", "Here"), trial))
    heads = ("What", "Specification", "Setting")
    written.table("protocol", "The protocol", Grid(heads, protocol_rows(configuration)), (NOTE,))
    rows = settings_rows(configuration)
    written.table("settings", "The settings of the analysis plan", Grid(("Setting", "Value"), rows))
    written.heading("Software", 2, "software")
    versions = [[name, version] for name, version in content.versions.items()]
    written.table("software", "Software and versions", Grid(("Software", "Version"), versions))


def _add_checklists(written: Manuscript, content: ReportContent) -> None:
    """Add the reporting checklists; what comes after them may answer an item too."""
    written.heading("Reporting checklists", 1, "checklists")
    headings = {name.partition(":")[2] for name in written.labels if name.startswith("heading:")}
    headings |= {section.table for section in sections_of(content.tables)}
    for checklist in CHECKLISTS:
        rows = answers(checklist, headings)
        grid = Grid(("Item", "What it asks for", "Answered under"), rows)
        written.table(checklist.key, checklist.caption, grid, checklist.notes)
