"""Workbooks (.xlsx) to `Text`: the archive is judged by what it declares before anything is unpacked."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa

from gravida.intake.reading.archive import Archive, BadArchive, LargeArchive, open_archive
from gravida.intake.reading.file_checks import MOST_CELLS, MOST_COLUMNS, MOST_TITLES, MOST_UNPACKED, Asked
from gravida.intake.reading.heading import below_heading, find_heading
from gravida.intake.reading.sheet_xml import (
    Attributes,
    BadXml,
    Cells,
    LongCell,
    Part,
    SharedStrings,
    Sheet,
    Styles,
    column_letters,
    read_part,
)
from gravida.intake.reading.text import Text

# A value in a cell makes four; beyond, a sheet takes minutes.
_MOST_TAGS = 10_000_000
_EXPLAINING = frozenset(("readme", "lists", "codes", "dictionary"))
_FOREIGN = re.compile(
    r"vbaproject|/(externallinks|activex|embeddings|macrosheets|dialogsheets|ctrlprops)/|/connections\.xml"
)
_P = TypeVar("_P", bound=Part)


@dataclass(frozen=True, slots=True)
class Workbook:
    """An archive that was judged, its sheets (name, part, hidden) and what their cells refer to."""

    archive: Archive
    sheets: tuple[tuple[str, str, bool], ...]
    strings: list[str]
    dates: list[bool]
    from_1904: bool


def read_workbook(asked: Asked, content: bytes) -> Text:
    """Read one table of a workbook.

    Raises
    ------
    Unreadable
        With the failing check of `FILE_CHECKS`.
    """
    book = _open(asked, content)
    named = asked.sheet or asked.table
    chosen = [sheet for sheet in book.sheets if _same(sheet[0], named)]
    if len(chosen) != 1 and asked.sheet is not None:
        raise asked.unreadable("sheet")
    if len(chosen) == 1:
        return _table(asked, chosen[0][0], _cells(asked, book, chosen[0]))
    found = []
    for sheet in book.sheets:
        if not _explains(sheet):
            cells = _cells(asked, book, sheet)
            if _heading(asked, cells) is not None:
                found.append((sheet[0], cells))
    if len(found) != 1:
        raise asked.unreadable("sheet" if found else "header")
    return _table(asked, *found[0])


def read_tables(asked: Asked, content: bytes, tables: Sequence[str]) -> dict[str, Text]:
    """Read every sheet that is named after a table.

    Raises
    ------
    Unreadable
        With the failing check of `FILE_CHECKS`.
    """
    book = _open(asked, content)
    found: dict[str, Text] = {}
    strange = 0
    for sheet in book.sheets:
        table = next((table for table in tables if _same(sheet[0], table)), None)
        if table is None and _explains(sheet):
            continue
        of_table = Asked(table or asked.table, asked.file, asked.wanted)
        cells = _cells(of_table, book, sheet)
        if table is None:
            strange += bool(cells.columns)
        elif table in found:
            raise of_table.unreadable("sheet")
        else:
            found[table] = _table(of_table, sheet[0], cells)
    if strange:
        raise asked.unreadable("unexpected_sheet", len(book.sheets), failed=strange)
    if not found:
        raise asked.unreadable("sheet")
    return found


def filled_sheets(asked: Asked, content: bytes) -> list[str]:
    """Return the names of the sheets with a table in them, those of explanations left out.

    Raises
    ------
    Unreadable
        With the failing check of `FILE_CHECKS`.
    """
    book = _open(asked, content)
    return [
        sheet[0]
        for sheet in book.sheets
        if not _explains(sheet) and _heading(asked, _cells(asked, book, sheet)) is not None
    ]


def _same(sheet: str, table: str) -> bool:
    return sheet.strip().casefold() == table.strip().casefold()


def _explains(sheet: tuple[str, str, bool]) -> bool:
    name, _, hidden = sheet
    return name.strip().casefold() in _EXPLAINING or (hidden and name.startswith("_"))


def _open(asked: Asked, content: bytes) -> Workbook:
    try:
        archive = open_archive(content)
        if any(_FOREIGN.search(f"/{name}".lower()) for name in archive.members):
            raise asked.unreadable("workbook_macros")
        return _index(asked, archive)
    except LargeArchive:
        raise asked.unreadable("workbook_too_large") from None
    except (BadArchive, BadXml, KeyError):
        raise asked.unreadable("not_workbook") from None
    except LongCell:
        raise asked.unreadable("cell_too_long") from None


def _index(asked: Asked, archive: Archive) -> Workbook:
    main = _targets(asked, archive, "", "_rels/.rels")
    path = dict(main.values())["officeDocument"]
    folder, name = posixpath.split(path)
    parts = _targets(asked, archive, folder, posixpath.join(folder, "_rels", f"{name}.rels"))
    book = _read(asked, archive, path, Attributes("sheet", "workbookPr"))
    sheets = tuple(
        (found["name"], parts[found["id"]][1], found.get("state", "visible") != "visible")
        for tag, found in book.found
        if tag == "sheet" and parts[found["id"]][0] == "worksheet"
    )
    if len({part for _, part, _ in sheets}) < len(sheets):
        raise BadXml
    from_1904 = any(found.get("date1904") in ("1", "true") for tag, found in book.found if tag != "sheet")
    of_kind = dict(parts.values())
    strings, styles = SharedStrings(), Styles()
    if "sharedStrings" in of_kind:
        _read(asked, archive, of_kind["sharedStrings"], strings)
    if "styles" in of_kind:
        _read(asked, archive, of_kind["styles"], styles)
    return Workbook(archive, sheets, strings.texts, styles.dates, from_1904)


def _targets(asked: Asked, archive: Archive, folder: str, path: str) -> dict[str, tuple[str, str]]:
    """Return {id: (kind, part)} of the relationships of a part."""
    found = _read(asked, archive, path, Attributes("Relationship")).found
    return {
        relation["Id"]: (
            relation["Type"].rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, relation["Target"])).lstrip("/"),
        )
        for _, relation in found
        if relation.get("TargetMode") != "External"
    }


def _read(asked: Asked, archive: Archive, path: str, part: _P) -> _P:
    tags = 0
    for chunk in archive.chunks(path):
        tags += chunk.count(b"<")
        if tags > _MOST_TAGS:
            raise asked.unreadable("workbook_too_large")
    read_part(archive.chunks(path), part)
    return part


def _cells(asked: Asked, book: Workbook, sheet: tuple[str, str, bool]) -> Sheet:
    try:
        part = Cells(book.strings, book.dates, book.from_1904)
        return _read(asked, book.archive, sheet[1], part).sheet
    except (BadArchive, BadXml, KeyError):
        raise asked.unreadable("not_workbook") from None
    except LongCell:
        raise asked.unreadable("cell_too_long") from None


def _heading(asked: Asked, cells: Sheet) -> int | None:
    """Return the row of the header."""
    if asked.header_row is not None:
        return asked.header_row
    rows = sorted({row for column in cells.columns.values() for row in column.rows[:MOST_TITLES]})
    rows = rows[:MOST_TITLES]
    first: dict[int, list[str]] = {row: [] for row in rows}
    for _, column in sorted(cells.columns.items()):
        for row, text in zip(column.rows[:MOST_TITLES], column.texts, strict=False):
            if row in first:
                first[row].append(text)
    place = find_heading(list(first.values()), asked.wanted)
    return None if place is None else rows[place]


def _table(asked: Asked, name: str, cells: Sheet) -> Text:
    if cells.formulas:
        lines = np.unique(np.array(cells.formulas, dtype=np.int64))
        raise asked.unreadable("workbook_formulas", max(cells.formulas), lines)
    heading = _heading(asked, cells)
    if heading is None:
        raise asked.unreadable("header" if cells.columns else "empty_file")
    numbers = sorted(number for number, column in cells.columns.items() if column.rows[-1] >= heading)
    lines = np.unique(
        np.concatenate([np.array([], np.int64), *(np.array(cells.columns[n].rows) for n in numbers)])
    )
    lines = lines[lines > heading]
    if len(numbers) > MOST_COLUMNS:
        raise asked.unreadable("too_many_columns")
    if lines.size * len(numbers) > MOST_CELLS:
        raise asked.unreadable("workbook_too_large")
    if sum(len(text) for number in numbers for text in cells.columns[number].texts) > MOST_UNPACKED:
        raise asked.unreadable("workbook_too_large")
    names, columns = [], []
    for number in numbers:
        column = cells.columns[number]
        rows, texts = np.array(column.rows), np.array(column.texts, dtype=object)
        names.append("".join(texts[rows == heading]))
        dense = np.full(lines.size, "", dtype=object)
        dense[np.searchsorted(lines, rows[rows > heading])] = texts[rows > heading]
        columns.append(pa.chunked_array([pa.array(dense, pa.string())]))
    dates = [cells.columns[number].dates for number in numbers]
    return below_heading(asked, names, columns, lines, name, [column_letters(n) for n in numbers], dates)
