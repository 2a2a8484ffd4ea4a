"""The released tables as one workbook: a sheet a table, and one that lists them."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from gravida import words
from gravida.archives import MADE, without_times
from gravida.report.content import ReportContent, notes_under, synthetic_note
from gravida.report.sections import SECTIONS

CONTENTS = "contents"
TITLE = "Released tables"
HEAD, PAPER = Font(bold=True), PatternFill("solid", fgColor="F4F7FA")
# Of these many characters a column is at the least and at the most.
NARROW, BROAD = 8, 50
FLAG = "suppressed"
EMPTY = "Empty cells hold no number; where the column suppressed is TRUE, one or more of the row is withheld."


def write_workbook(
    tables: Mapping[str, pd.DataFrame],
    verdict: Mapping[str, Any],
    configuration: Mapping[str, Any],
    synthetic: Sequence[bool],
) -> bytes:
    """Write every released table, the same bytes for the same content.

    Parameters
    ----------
    tables : mapping of DataFrame
        Released tables by name, as they are in their files.
    verdict : mapping
        ``verdict`` and ``reason``.
    configuration : mapping
        The merged configuration of the run.
    synthetic : sequence of bool
        For each site, whether its rows are invented.
    """
    note = synthetic_note(synthetic)
    content = ReportContent(dict(tables), dict(verdict), {}, dict(configuration), {}, note)
    captions = {section.table: section.caption for section in SECTIONS}
    book = Workbook()
    book.properties.title, book.properties.creator = TITLE, "gravida"
    book.properties.created = MADE
    _fill_contents(book.active, content, captions)
    for name in sorted(tables):
        _fill(book.create_sheet(name), content, name, captions[name])
    made = io.BytesIO()
    book.save(made)
    return without_times(made.getvalue())


def _fill_contents(sheet: Worksheet, content: ReportContent, captions: Mapping[str, str]) -> None:
    sheet.title = CONTENTS
    verdict = content.identifiability
    told = f"Verdict on the design: {verdict['verdict']}. {verdict['reason']}"
    for text in filter(None, (TITLE, content.synthetic_note, told)):
        sheet.append([text])
    sheet.append([])
    sheet["A1"].font = Font(bold=True, size=14)
    sheet.append(["table", "what it shows", "rows"])
    _dress(sheet[sheet.max_row])
    sheet.freeze_panes = f"A{sheet.max_row + 1}"
    for name in sorted(content.tables):
        sheet.append([name, captions[name], len(content.tables[name])])
        link = sheet.cell(sheet.max_row, 1)
        link.hyperlink, link.style = f"#'{name}'!A1", "Hyperlink"
    for letter, width in zip("ABC", (24, 80, 8), strict=True):
        sheet.column_dimensions[letter].width = width


def _fill(sheet: Worksheet, content: ReportContent, name: str, caption: str) -> None:
    """Write a table under its title, and its notes beneath."""
    frame = content.tables[name]
    for text in filter(None, (caption, content.synthetic_note)):
        sheet.append([text])
    sheet["A1"].font = Font(bold=True, size=12)
    sheet.append([])
    sheet.append(list(frame.columns))
    head = sheet.max_row
    _dress(sheet[head])
    sheet.freeze_panes = f"B{head + 1}"
    for place, row in enumerate(frame.itertuples(index=False), start=head + 1):
        for column, value in enumerate(row, start=1):
            _set(sheet.cell(place, column), value)
    section = next(section for section in SECTIONS if section.table == name)
    notes = (*(notes_under(section, content) if len(frame) else ()), EMPTY)
    for place, text in enumerate(notes, start=head + len(frame) + 2):
        sheet.cell(place, 1, text)
    for place, column in enumerate(frame.columns, start=1):
        width = max([len(column) + 2, *(len(words.text(value)) for value in frame[column])])
        sheet.column_dimensions[get_column_letter(place)].width = min(max(width, NARROW), BROAD)


def _set(cell: Cell, value: Any) -> None:
    """Fill a cell: a number as such, text never as a formula, nothing where there is none."""
    if words.is_missing(value) or value == "":
        return
    cell.value = value.item() if hasattr(value, "item") else value
    if isinstance(value, str):
        cell.data_type = "s"


def _dress(cells: Sequence[Cell]) -> None:
    for cell in cells:
        cell.font, cell.fill, cell.alignment = HEAD, PAPER, Alignment(wrap_text=True, vertical="top")
