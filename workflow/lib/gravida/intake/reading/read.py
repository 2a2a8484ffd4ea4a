"""From a submitted file to its table as text, or to the reason why there is none.

Nothing here shows the content of a file: a parser's own message may quote a row.
"""

from dataclasses import replace
from pathlib import Path

from gravida.files import read_bytes
from gravida.intake.outcome import Outcome, Unreadable
from gravida.intake.reading.delimited import read_delimited
from gravida.intake.reading.encodings import UTF8_MARK
from gravida.intake.reading.file_checks import FILE_CHECKS, MOST_BYTES, Asked, inside
from gravida.intake.reading.parquet import read_parquet
from gravida.intake.reading.text import UNREADABLE_CELL, Text
from gravida.intake.reading.workbook import filled_sheets, read_tables, read_workbook

__all__ = [
    "FILE_CHECKS",
    "FOLDER",
    "READERS",
    "SOURCE_READERS",
    "UNREADABLE_CELL",
    "read_source",
    "read_sources",
    "read_submitted",
    "read_workbook_tables",
]

IDENTIFIER = "pregnancy_id"
# What is told of a file that may hold any table is told of the whole.
FOLDER = "submission"
READERS = {".csv": read_delimited, ".parquet": read_parquet, ".xlsx": read_workbook}
# What a mapping may read besides.
SOURCE_READERS = READERS | {".tsv": read_delimited, ".txt": read_delimited}


def read_submitted(table: str, path: Path) -> Text:
    """Read a table in the contract's columns by the ending of its file, a key of `READERS`.

    Of a workbook, the sheet named like the table is read, else the only one with a header.

    Raises
    ------
    Unreadable
        With the failing check of `FILE_CHECKS`.
    """
    asked = Asked(table, path.name, wanted=IDENTIFIER)
    text = READERS[path.suffix.lower()](asked, _content(asked, path))
    if IDENTIFIER not in text.names:
        raise asked.unreadable("header")
    return text


def read_source(
    path: Path,
    sheet: str | None = None,
    header_row: int | None = None,
    encoding: str | None = None,
    separator: str | None = None,
) -> Text:
    """Read a file with any columns, for a mapping.

    Parameters
    ----------
    path : Path
        Its ending is a key of `SOURCE_READERS`.
    sheet : str, optional
        Of a workbook; may be left out where it has but one sheet with cells.
    header_row : int, optional
        The line or row of the header, from 1; else the fullest of the first rows is taken.
    encoding : str, optional
        One of `encodings.ENCODINGS`.
    separator : str, optional
        One of `delimited.SEPARATORS`.

    Raises
    ------
    Unreadable
        With the failing check of `FILE_CHECKS`, or `unsupported_format`: of the submission, for it is not
        known here which tables the file holds. Where it fails is the file.
    """
    asked = Asked(path.stem, path.name, None, sheet, header_row, encoding, separator)
    reader = SOURCE_READERS.get(path.suffix.lower())
    try:
        if reader is None:
            advice = f"A file that ends in {', '.join(SOURCE_READERS)}."
            raise Unreadable(Outcome("", "", "unsupported_format", "conformance", "refused", advice, 1, 1))
        return reader(asked, _content(asked, path))
    except Unreadable as unreadable:
        raise _of_submission(unreadable, path) from None


def read_sources(path: Path) -> dict[str, Text]:
    """Read every table of a centre's file: of a workbook each sheet with cells, by its name, else the file.

    Raises
    ------
    Unreadable
        As `read_source` does.
    """
    if path.suffix.lower() != ".xlsx":
        return {path.name: read_source(path)}
    asked = Asked(path.stem, path.name)
    try:
        names = filled_sheets(asked, _content(asked, path))
    except Unreadable as unreadable:
        raise _of_submission(unreadable, path) from None
    if len(names) < 2:
        return {path.name: read_source(path)}
    return {f"{path.name} {name}": read_source(path, sheet=name) for name in names}


def read_workbook_tables(path: Path, tables: tuple[str, ...], name: str = FOLDER) -> dict[str, Text]:
    """Read a workbook whose sheets are named after tables.

    Parameters
    ----------
    path : Path
        A file that ends in .xlsx.
    tables : tuple of str
        The names that sheets may have, in any case.
    name : str
        The table's name under which faults of the whole workbook are reported.

    Raises
    ------
    Unreadable
        With the failing check of `FILE_CHECKS`; `unexpected_sheet` where a visible sheet with cells is
        neither a table nor a sheet of explanations.
    """
    asked = Asked(name, path.name, wanted=IDENTIFIER)
    return read_tables(asked, _content(asked, path), tables)


def _of_submission(unreadable: Unreadable, path: Path) -> Unreadable:
    return Unreadable(replace(unreadable.outcome, table=FOLDER, where=path.name))


def _content(asked: Asked, path: Path) -> bytes:
    if not inside(path, path.parent):
        raise asked.unreadable("outside_folder")
    try:
        if not path.is_file():
            raise asked.unreadable("unreadable_file")
        if path.stat().st_size > MOST_BYTES:
            raise asked.unreadable("file_too_large")
        content = read_bytes(path)
    except OSError:
        raise asked.unreadable("unreadable_file") from None
    text = content.removeprefix(UTF8_MARK)
    if not text or text.isspace():
        raise asked.unreadable("empty_file")
    return content
