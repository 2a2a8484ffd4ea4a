"""From the bytes of a submitted file to named columns of text, or to the reason why there are none.

Nothing here shows the content of a file: a parser's own message may quote a row.
"""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from gravida.files import read_bytes
from gravida.intake.outcome import Outcome, Unreadable

UNREADABLE_CELL = "\0"
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_FIRST_BYTES = 4096

# The checks of a file, with what each asks for.
FILE_CHECKS = {
    "unreadable_file": "A file that can be opened.",
    "empty_file": "A file that is not empty.",
    "encoding": "Text in UTF-8: export the file again with that encoding.",
    "csv_structure": "A CSV: separated by commas, every row with as many cells as the first.",
    "separator": "Commas between the cells: this file has semicolons, tabs or bars.",
    "not_parquet": "A complete Parquet file.",
    "header": "The column names in the first row, spelled as in the data dictionary.",
}


@dataclass(frozen=True, slots=True)
class Text:
    """A submitted table as text: `names` as sent, `columns` in the same order, every cell a string."""

    names: tuple[str, ...]
    columns: tuple[pa.ChunkedArray, ...]
    rows: int


def read_submitted(table: str, path: Path) -> Text:
    """Read a submitted file by its ending, a key of `READERS`.

    Raises
    ------
    Unreadable
        With the failing check of `FILE_CHECKS`.
    """
    try:
        content = read_bytes(path)
    except OSError:
        raise _unreadable(table, "unreadable_file") from None
    if not content.removeprefix(_UTF8_MARK).strip():
        raise _unreadable(table, "empty_file")
    text = READERS[path.suffix.lower()](table, content)
    if "pregnancy_id" not in text.names:
        raise _unreadable(table, "header")
    return text


def _unreadable(table: str, check: str, checked: int = 1, lines: tuple[int, ...] = ()) -> Unreadable:
    where = np.array(lines, dtype=np.int64)
    failed = max(where.size, 1)
    return Unreadable(
        Outcome(table, "", check, "conformance", "refused", FILE_CHECKS[check], checked, failed, where)
    )


def _read_csv(table: str, content: bytes) -> Text:
    _require_utf8(table, content)
    if b"\0" in content:
        raise _unreadable(table, "csv_structure")
    content = content.removeprefix(_UTF8_MARK)
    names = _first_row(table, content)
    if "pregnancy_id" not in names:
        apart = any("pregnancy_id" in re.split("[;\t|]", name) for name in names)
        raise _unreadable(table, "separator" if apart else "header")
    ragged: list[int] = []

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        ragged.append(row.number)
        return "skip"

    try:
        parsed = _parse_csv(content, len(names), skip)
    except (pa.ArrowException, OSError):
        raise _unreadable(table, "csv_structure") from None
    rows = parsed.num_rows - 1
    if ragged or parsed.num_columns != len(names):
        raise _unreadable(table, "csv_structure", rows + len(ragged), tuple(ragged))
    return Text(names, tuple(column.slice(1) for column in parsed.columns), rows)


def _require_utf8(table: str, content: bytes) -> None:
    first = content[:_FIRST_BYTES]
    # ASCII text in UTF-16 has a NUL in every second byte, all of them on the same side.
    sides = first[::2].count(0), first[1::2].count(0)
    utf16 = content.startswith(_UTF16_MARKS) or (min(sides) == 0 and max(sides) > len(first) // 4)
    try:
        str(memoryview(content), "utf-8")
    except UnicodeDecodeError:
        # Bytes that are no text at all have NULs; text in another encoding has none.
        binary = b"\0" in content and not utf16
        raise _unreadable(table, "csv_structure" if binary else "encoding") from None
    if utf16:
        raise _unreadable(table, "encoding")


def _first_row(table: str, content: bytes) -> tuple[str, ...]:
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")
    try:
        return next((tuple(name.strip() for name in row) for row in csv.reader(text, strict=True) if row), ())
    except csv.Error:
        raise _unreadable(table, "csv_structure") from None


def _parse_csv(content: bytes, width: int, skip) -> pa.Table:
    # The first row is parsed as data, so that two columns of one name cannot shadow each other; one thread,
    # so that the numbers of ragged rows are known.
    return pyarrow.csv.read_csv(
        pa.BufferReader(content),
        read_options=pyarrow.csv.ReadOptions(autogenerate_column_names=True, use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={f"f{position}": pa.string() for position in range(width)}, strings_can_be_null=False
        ),
    )


def _read_parquet(table: str, content: bytes) -> Text:
    try:
        parsed = pyarrow.parquet.ParquetFile(pa.BufferReader(content)).read()
        names = tuple(name.strip() for name in parsed.column_names)
    except (pa.ArrowException, OSError, ValueError):
        raise _unreadable(table, "not_parquet") from None
    try:
        columns = tuple(map(_as_text, parsed.schema, parsed.columns))
        return Text(names, columns, parsed.num_rows)
    except (pa.ArrowException, UnicodeDecodeError):
        raise _unreadable(table, "encoding") from None


def _as_text(field: pa.Field, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the cells as strings: empty where null, `UNREADABLE_CELL` where the type is none of a table."""
    # An extension type, such as pandas' period, is stored as plain numbers that mean something else.
    extended = b"ARROW:extension:name" in (field.metadata or {})
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    known = not extended and (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
    )
    if not known:
        return pc.if_else(pc.is_null(column), "", UNREADABLE_CELL)
    text = pc.fill_null(column.cast(pa.string()), "")
    text.validate(full=True)
    return text


READERS = {".csv": _read_csv, ".parquet": _read_parquet}
