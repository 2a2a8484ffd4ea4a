"""Delimited text of any dialect to `Text`: the separator, the header and the lines of the rows are found."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.csv

from gravida.intake.reading.encodings import to_utf8
from gravida.intake.reading.file_checks import LONGEST_CELL, MOST_CELLS, MOST_COLUMNS, MOST_TITLES, Asked
from gravida.intake.reading.heading import BLANKS, below_heading, find_heading
from gravida.intake.reading.records import Records, find_records, positions
from gravida.intake.reading.text import Text

SEPARATORS = (",", ";", "\t", "|")
_FIRST_ROWS = 50
_LONGEST_LINE = 16_000_000
_TOO_LONG = "field larger than field limit"


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How a file is written: `line` is that of the header; `even`, whether the first rows are as wide."""

    separator: str
    line: int
    names: tuple[str, ...]
    even: bool


def read_delimited(asked: Asked, content: bytes) -> Text:
    """Read a text of separated cells.

    Raises
    ------
    Unreadable
        With the failing check of `FILE_CHECKS`.
    """
    content = to_utf8(asked, content)
    if b"\0" in content:
        raise asked.unreadable("csv_structure")
    if b"\n" not in content:
        # The line ends of old Macintosh programs.
        content = content.replace(b"\r", b"\n")
    if _longest_line(content) > _LONGEST_LINE:
        raise asked.unreadable("cell_too_long")
    dialect = _establish(asked, content)
    if len(dialect.names) > MOST_COLUMNS:
        raise asked.unreadable("too_many_columns")
    records = find_records(content, dialect.separator)
    if records is None:
        return _read_slowly(asked, content, dialect)
    return _read_fast(asked, content, dialect, records)


def _longest_line(content: bytes) -> int:
    data = np.frombuffer(content, np.uint8)
    return int(np.diff(positions(data, ord("\n")), prepend=-1, append=data.size).max())


def _establish(asked: Asked, content: bytes) -> _Dialect:
    if asked.separator is not None and asked.separator not in SEPARATORS:
        raise asked.unreadable("separator")
    found, faults = [], []
    for separator in (asked.separator,) if asked.separator else SEPARATORS:
        first, fault = _first_rows(asked, content, separator)
        dialect = _dialect(asked, separator, first)
        if dialect:
            faults.append(fault) if fault else found.append(dialect)
    if not found:
        raise asked.unreadable(faults[0]) if faults else _without_heading(asked, content)
    # Whatever is known by a name needs no other evidence.
    return max(found, key=lambda dialect: (asked.wanted is None and dialect.even, len(dialect.names)))


def _fault(content: bytes, error: csv.Error) -> str:
    # A quote that is never closed makes a long cell of all that is behind it.
    long = _TOO_LONG in str(error) and content.count(b'"') % 2 == 0
    return "cell_too_long" if long else "csv_structure"


def _first_rows(
    asked: Asked, content: bytes, separator: str
) -> tuple[list[tuple[int, list[str]]], str | None]:
    """Return the first records, and the check that fails where they end too soon."""
    first = []
    try:
        for row in islice(_rows(content, separator), max(_FIRST_ROWS, asked.header_row or 0)):
            first.append(row)  # noqa: PERF402
    except csv.Error as error:
        return first, _fault(content, error)
    return first, None


def _dialect(asked: Asked, separator: str, first: list[tuple[int, list[str]]]) -> _Dialect | None:
    if asked.header_row is not None:
        place = next((place for place, (line, _) in enumerate(first) if line == asked.header_row), None)
        if place is not None and asked.wanted and asked.wanted not in map(str.strip, first[place][1]):
            place = None
    else:
        place = find_heading([row for _, row in first], asked.wanted)
    if place is None:
        return None
    line, names = first[place]
    # A single column is no evidence of a separator.
    even = len(names) > 1 and all(len(row) == len(names) for _, row in first[place + 1 :] if any(row))
    return _Dialect(separator, line, tuple(map(str.strip, names)), even)


def _without_heading(asked: Asked, content: bytes) -> Exception:
    try:
        # A quote that is never closed hides what is behind it.
        for _ in _rows(content, asked.separator or ",", strict=True):
            pass
    except csv.Error as error:
        if _fault(content, error) == "csv_structure":
            return asked.unreadable("csv_structure")
    first = content[:LONGEST_CELL].split(b"\n")[:MOST_TITLES]
    apart = asked.wanted is not None and any(asked.wanted.encode() in line for line in first)
    return asked.unreadable("separator" if apart else "header")


def _rows(content: bytes, separator: str, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Give each record that is not empty with the line on which it begins."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="\n")
    reader = csv.reader(text, delimiter=separator, strict=strict)
    line = 1
    for row in reader:
        if row:
            yield line, row
        line = reader.line_num + 1


def _read_fast(asked: Asked, content: bytes, dialect: _Dialect, records: Records) -> Text:
    heading = int(np.searchsorted(records.lines, dialect.line))
    lines = records.lines[heading + 1 :]
    width = len(dialect.names)
    if lines.size * width > MOST_CELLS:
        raise asked.unreadable("too_many_cells")
    ragged: list[int] = []
    blank: list[int] = []

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        # Rows are counted from the header, empty ones not.
        (ragged if row.text.strip(BLANKS + dialect.separator + '"') else blank).append(row.number - 2)
        return "skip"

    body = pa.py_buffer(content).slice(int(records.starts[heading]))
    try:
        parsed = _parse(body, dialect, records.longest, skip)
    except (pa.ArrowException, OSError):
        raise asked.unreadable("csv_structure") from None
    if ragged or parsed.num_columns != width:
        raise asked.unreadable("csv_structure", lines.size, lines[ragged])
    lines = np.delete(lines, blank)
    columns = [column.slice(1) for column in parsed.columns]
    if parsed.num_rows - 1 != lines.size:
        raise asked.unreadable("csv_structure")
    return below_heading(asked, dialect.names, columns, lines)


def _parse(body: pa.Buffer, dialect: _Dialect, longest: int, skip) -> pa.Table:
    # The header is parsed as data, so that two columns of one name cannot shadow each other; one thread, so
    # that the numbers of ragged rows are known; a block holds the longest record.
    return pyarrow.csv.read_csv(
        pa.BufferReader(body),
        read_options=pyarrow.csv.ReadOptions(
            autogenerate_column_names=True, use_threads=False, block_size=max(1 << 20, 2 * longest)
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=dialect.separator, newlines_in_values=True, invalid_row_handler=skip
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={f"f{place}": pa.string() for place in range(len(dialect.names))},
            strings_can_be_null=False,
        ),
    )


def _read_slowly(asked: Asked, content: bytes, dialect: _Dialect) -> Text:
    """Read a text in which quotes stand inside of cells, row by row."""
    width = len(dialect.names)
    columns: list[list[str]] = [[] for _ in range(width)]
    lines, ragged = [], []
    try:
        for line, row in _rows(content, dialect.separator, strict=True):
            if line <= dialect.line or not any(cell.strip() for cell in row):
                continue
            if len(row) != width:
                ragged.append(line)
                continue
            lines.append(line)
            for column, cell in zip(columns, row, strict=True):
                column.append(cell)
    except csv.Error as error:
        raise asked.unreadable(_fault(content, error)) from None
    if ragged:
        raise asked.unreadable("csv_structure", len(lines) + len(ragged), np.array(ragged))
    if len(lines) * width > MOST_CELLS:
        raise asked.unreadable("too_many_cells")
    chunked = [pa.chunked_array([pa.array(column, pa.string())]) for column in columns]
    return below_heading(asked, dialect.names, chunked, np.array(lines, dtype=np.int64))
