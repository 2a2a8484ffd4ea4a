"""The blank workbook that a site fills in, made from the schemas of a submission.

A sheet a table with the contract's columns, drop-downs for codes and limits for numbers, a sheet that
explains and a hidden one with the lists. There is no formula in a cell and no macro, and the same schemas
give the same bytes.
"""

import io
import re
from collections.abc import Sequence

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from gravida.archives import MADE, without_times
from gravida.intake.centre.allowed import TYPES, Field, fields
from schemas.submission import ID_PATTERN, TABLES

README = "readme"
LISTS = "lists"
ROWS = 2000
YES_NO = ("yes", "no")
_AUTHOR = "gravida"
# A limit that is itself not allowed cannot be said; no dose is smaller than this.
_LEAST = 0.001
_TEXT = "@"
_REQUIRED = PatternFill("solid", fgColor="FFF2CC")
_OPTIONAL = PatternFill("solid", fgColor="E7E6E6")
_LONGEST_ERROR = 225
_EXPLANATION = (
    "Fill in the sheet pregnancies, one row a pregnancy, from row 2 on; the names in row 1 stay as they are.",
    "Of the sheets relapses, infusions and adverse_events, fill those that you have recorded and leave the "
    "others: a sheet without a row says nothing. That there was none at all is said by a file of its own, "
    "such as infusions.csv, with the column names and no row.",
    "Days are whole days from delivery: 0 is the day of delivery, -1 the day before, 1 the day after.",
    "What is not known is left empty: no word or number stands for it. Nothing goes beside the columns.",
    "Identifiers are pseudonyms. No name, initials, record number, national id, address, e-mail, phone, full "
    "date or free text.",
    f"Cells are checked as they are typed, down to row {ROWS + 1}; what is pasted is not.",
    "The comment on each name in row 1 says what the column means; so does the list below.",
)
_LEGEND = (("The column must be filled in every row", _REQUIRED), ("The column may be empty", _OPTIONAL))
_HEADINGS = ("table", "column", "title", "meaning", "allowed", "unit", "required")
_WIDTHS = (18, 24, 36, 70, 60, 20, 10)


def template_workbook(dmt_codes: Sequence[str]) -> bytes:
    """Return the blank workbook as the bytes of an .xlsx file.

    Parameters
    ----------
    dmt_codes : sequence of str
        The codes of disease-modifying therapies.
    """
    tables = {table: fields(table, dmt_codes) for table in TABLES}
    book = Workbook()
    book.properties.creator = _AUTHOR
    book.properties.created = MADE
    _explain(book.active, tables)
    lists = _lists(tables)
    for table, columns in tables.items():
        _prepare(book.create_sheet(table), columns, lists)
    _write_lists(book.create_sheet(LISTS), lists)
    made = io.BytesIO()
    book.save(made)
    return without_times(made.getvalue())


def _choices(field: Field) -> tuple[str | float, ...]:
    return YES_NO if field.kind == "boolean" else field.choices


def _lists(tables: dict[str, list[Field]]) -> dict[tuple[str | float, ...], str]:
    """Return each list of choices with the cells it will be found in."""
    distinct = dict.fromkeys(_choices(field) for columns in tables.values() for field in columns)
    distinct.pop((), None)
    return {
        choices: "${0}${1}:${0}${2}".format(get_column_letter(place), 1, len(choices))
        for place, choices in enumerate(distinct, start=1)
    }


def _write_lists(sheet: Worksheet, lists: dict[tuple[str | float, ...], str]) -> None:
    for place, choices in enumerate(lists, start=1):
        for row, choice in enumerate(choices, start=1):
            sheet.cell(row, place, choice)
    sheet.sheet_state = "hidden"


def _explain(sheet: Worksheet, tables: dict[str, list[Field]]) -> None:
    sheet.title = README
    for line in _EXPLANATION:
        sheet.append([line])
    sheet.append([])
    for words, fill in _LEGEND:
        sheet.append([words])
        sheet.cell(sheet.max_row, 1).fill = fill
    sheet.append([])
    for table in tables:
        sheet.append([table, TABLES[table].description])
    sheet.append([])
    sheet.append(_HEADINGS)
    for cell in sheet[sheet.max_row]:
        cell.font = Font(bold=True)
    for table, columns in tables.items():
        for field in columns:
            needed = "yes" if field.required else "no"
            sheet.append(
                [table, field.name, field.title, field.meaning, field.allowed, field.unit or None, needed]
            )
            sheet.cell(sheet.max_row, 2).fill = _fill(field)
    for place, width in enumerate(_WIDTHS, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = width


def _prepare(sheet: Worksheet, columns: list[Field], lists: dict[tuple[str | float, ...], str]) -> None:
    """Write the header of a table's sheet and limit what may be typed below it."""
    for place, field in enumerate(columns, start=1):
        letter = get_column_letter(place)
        cell = sheet.cell(1, place, field.name)
        cell.font, cell.fill = Font(bold=True), _fill(field)
        cell.alignment = Alignment(vertical="top")
        cell.comment = Comment(_comment(field), _AUTHOR, height=150, width=320)
        sheet.column_dimensions[letter].width = max(len(field.name) + 3, 12)
        if field.kind == "string":
            sheet.column_dimensions[letter].number_format = _TEXT
        rule = _validation(field, lists)
        rule.add(f"{letter}2:{letter}{ROWS + 1}")
        sheet.add_data_validation(rule)
    sheet.freeze_panes = "A2"


def _fill(field: Field) -> PatternFill:
    return _REQUIRED if field.required else _OPTIONAL


def _comment(field: Field) -> str:
    return "\n".join(
        filter(
            None,
            (
                field.title,
                field.meaning,
                f"Type: {TYPES[field.kind]}",
                f"Unit: {field.unit}" if field.unit else "",
                f"Allowed: {field.allowed}",
                "Required" if field.required else "May be empty",
            ),
        )
    )


def _validation(field: Field, lists: dict[tuple[str | float, ...], str]) -> DataValidation:
    choices = _choices(field)
    if choices:
        limits = {"type": "list", "formula1": f"{LISTS}!{lists[choices]}"}
    elif field.low is not None:
        low = field.low + _LEAST if field.above else field.low
        what = "whole" if field.kind == "Int64" else "decimal"
        limits = {"type": what, "operator": "between", "formula1": f"{low:g}", "formula2": f"{field.high:g}"}
    else:
        shortest, longest = re.search(r"{(\d+),(\d+)}$", ID_PATTERN).groups()
        limits = {"type": "textLength", "operator": "between", "formula1": shortest, "formula2": longest}
    told = f"Rule {field.check}: {field.allowed}"
    if choices or len(told) > _LONGEST_ERROR:
        told = f"Rule {field.check}: one from the list."
    return DataValidation(
        **limits,
        allow_blank=True,
        showErrorMessage=True,
        errorStyle="stop",
        errorTitle=field.name,
        error=told,
    )
