"""Parquet to `Text`. A small file can declare and unfold to a large table: both are bounded."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from gravida.intake.reading.file_checks import LONGEST_CELL, MOST_BYTES, MOST_CELLS, MOST_COLUMNS, Asked
from gravida.intake.reading.heading import below_heading
from gravida.intake.reading.text import UNREADABLE_CELL, Text

_VARIABLE, _FIXED = "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"


def read_parquet(asked: Asked, content: bytes) -> Text:
    """Read a Parquet file.

    Raises
    ------
    Unreadable
        With the failing check of `FILE_CHECKS`.
    """
    try:
        parsed = _read_bounded(asked, content)
        names = [name.strip() for name in parsed.column_names]
    except (pa.ArrowException, OSError, ValueError, MemoryError):
        raise asked.unreadable("not_parquet") from None
    try:
        columns = [_as_text(asked, *column) for column in zip(parsed.schema, parsed.columns, strict=True)]
        lines = np.arange(1, parsed.num_rows + 1, dtype=np.int64)
        return below_heading(asked, names, columns, lines)
    except (pa.ArrowException, UnicodeDecodeError):
        raise asked.unreadable("encoding") from None


def _read_bounded(asked: Asked, content: bytes) -> pa.Table:
    leaves = pyarrow.parquet.read_schema(pa.BufferReader(content))
    metadata = pyarrow.parquet.read_metadata(pa.BufferReader(content))
    if max(metadata.num_columns, len(leaves)) > MOST_COLUMNS:
        raise asked.unreadable("too_many_columns")
    chunks = [
        group.column(place)
        for group in map(metadata.row_group, range(metadata.num_row_groups))
        for place in range(metadata.num_columns)
    ]
    cells = sum(chunk.num_values for chunk in chunks)
    bytes_unpacked = sum(chunk.total_uncompressed_size for chunk in chunks)
    wide = any(
        metadata.schema.column(place).physical_type == _FIXED
        and metadata.schema.column(place).length > LONGEST_CELL
        for place in range(metadata.num_columns)
    )
    if wide:
        raise asked.unreadable("cell_too_long")
    if max(cells, metadata.num_rows * max(metadata.num_columns, 1)) > MOST_CELLS or (
        bytes_unpacked > 2 * MOST_BYTES
    ):
        raise asked.unreadable("too_many_cells")
    # Kept as dictionaries, repeated long texts take no more room than in the file.
    text = [
        metadata.schema.column(place).path
        for place in range(metadata.num_columns)
        if metadata.schema.column(place).physical_type == _VARIABLE
    ]
    return pyarrow.parquet.ParquetFile(pa.BufferReader(content), read_dictionary=text).read()


def _as_text(asked: Asked, field: pa.Field, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the cells as strings: empty where null, `UNREADABLE_CELL` where the type is none of a table."""
    # An extension type, such as pandas' period, is stored as plain numbers that mean something else.
    extended = b"ARROW:extension:name" in (field.metadata or {})
    if pa.types.is_dictionary(column.type):
        _require_short(asked, column)
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


def _require_short(asked: Asked, column: pa.ChunkedArray) -> None:
    for chunk in column.chunks:
        kind = chunk.type.value_type
        if pa.types.is_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_string(kind):
            length = pc.binary_length(chunk.dictionary)
            if (pc.max(length).as_py() or 0) > 4 * LONGEST_CELL:
                raise asked.unreadable("cell_too_long")
            if (pc.sum(length.take(chunk.indices)).as_py() or 0) > MOST_BYTES:
                raise asked.unreadable("too_many_cells")
