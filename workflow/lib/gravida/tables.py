"""Frames in and out: aggregates as CSV, rows as Parquet, submitted files as columns of text."""

import io
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from gravida.errors import ConfigurationError
from gravida.files import beside, write_text

# Frames share their columns until one is written to; texts stay in Arrow's buffers.
pd.options.mode.copy_on_write = True
pd.options.mode.string_storage = "pyarrow"

SIGNIFICANT_DIGITS = "%.15g"
# Person-time is written period by period: what is asked for of it is read by groups of rows.
ROWS_IN_GROUP = 1 << 18


def write_table(path: str | Path, frame: pd.DataFrame) -> None:
    """Write an aggregate table as CSV: 15 significant digits, empty where a value is missing.

    Raises
    ------
    ValueError
        If a number is infinite: a table says in words what it cannot say in numbers.
    """
    numbers = frame.select_dtypes("number")
    if bool(numbers.isin([float("inf"), float("-inf")]).any(axis=None)):
        raise ValueError("an infinite number was about to be written")
    text = io.StringIO()
    frame.to_csv(text, index=False, float_format=SIGNIFICANT_DIGITS, lineterminator="\n")
    write_text(path, text.getvalue())


def read_table(path: str | Path) -> pd.DataFrame:
    """Read an aggregate table that `write_table` wrote.

    Only an empty cell is missing: ``None`` and ``NA`` are levels of codes. Text columns hold "" where empty.
    """
    # The default parser is off by one in the last digit now and then.
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""], float_precision="round_trip")
    text = frame.select_dtypes("object").columns
    return frame.assign(**{column: frame[column].fillna("") for column in text})


def read_cells(path: str | Path, what: str) -> pd.DataFrame:
    """Read a table that a user wrote, every cell as text; `what` is how the message names it.

    Raises
    ------
    ConfigurationError
        If it is not a table of comma-separated UTF-8 text.
    """
    try:
        # The parser would cut a cell at a NUL.
        whole = b"\0" not in Path(path).read_bytes() if isinstance(path, (str, Path)) else True
        cells = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig") if whole else None
    except (OSError, ValueError):
        cells = None
    # Where every row is longer than the header, the first column becomes the index.
    if cells is None or not isinstance(cells.index, pd.RangeIndex):
        raise ConfigurationError(
            f"{what}: cannot be read as a table; save it as UTF-8 text with commas, "
            "each row as long as the first"
        )
    # A row shorter than the header leaves cells that are missing, not empty.
    return cells.fillna("")


def write_rows(path: str | Path, frame: pd.DataFrame) -> None:
    """Write person-level rows as Parquet with their types."""
    with _row_file(path) as add:
        add(frame)


@contextmanager
def row_files(paths: Mapping[str, str | Path]) -> Iterator[Callable[[Mapping[str, pd.DataFrame]], None]]:
    """Let person-level rows of several tables be written part by part, as `write_rows` does.

    Parameters
    ----------
    paths : mapping of str to path
        The file of each table.

    Yields
    ------
    callable
        Takes the next rows of every table, which it writes at the same time.
    """
    with ExitStack() as stack:
        adds = {name: stack.enter_context(_row_file(path)) for name, path in paths.items()}
        threads = stack.enter_context(ThreadPoolExecutor())
        yield lambda frames: list(threads.map(lambda name: adds[name](frames[name]), adds))


@contextmanager
def _row_file(path: str | Path) -> Iterator[Callable[[pd.DataFrame], None]]:
    writers = []
    with beside(path) as partial, ExitStack() as stack:

        def add(frame: pd.DataFrame) -> None:
            if not writers:
                writers.append(stack.enter_context(_writer(partial, frame)))
            (writer,) = writers
            for start in range(0, max(1, len(frame)), ROWS_IN_GROUP):
                part = frame.iloc[start : start + ROWS_IN_GROUP]
                writer.write_table(pa.Table.from_pandas(part, preserve_index=False).cast(writer.schema))

        yield add


def _writer(path: Path, frame: pd.DataFrame) -> pq.ParquetWriter:
    """Return what writes rows of this kind: whole numbers by their steps, all else by its levels."""
    schema = pa.Schema.from_pandas(frame, preserve_index=False)
    for place, field in enumerate(schema):
        # Another part may have more categories than this one has room for.
        if pa.types.is_dictionary(field.type):
            schema = schema.set(place, field.with_type(pa.dictionary(pa.int32(), field.type.value_type)))
    whole = {field.name for field in schema if pa.types.is_integer(field.type)}
    coded = [name for name in schema.names if name not in whole]
    steps = dict.fromkeys(whole, "DELTA_BINARY_PACKED")
    return pq.ParquetWriter(path, schema, use_dictionary=coded, column_encoding=steps)


def read_rows(path: str | Path, periods: Collection[str] = (), columns: Collection[str] = ()) -> pd.DataFrame:
    """Read person-level rows with the types they were written with.

    Of a large file, column by column: there is little more than the frame itself in memory.

    Parameters
    ----------
    path : str or Path
    periods : collection of str
        Those of person-time that are wanted, if not all.
    columns : collection of str
        Those that are wanted, if not all.
    """
    # Without the layer for data sets of many files, which takes longer than a site's rows.
    with pq.ParquetFile(path) as file:
        names = [name for name in file.schema_arrow.names if not columns or name in columns]
        groups = list(range(file.num_row_groups))
        stays = None
        if periods:
            inside = [_read(file, [at], ["period"])["period"].isin(set(periods)) for at in groups]
            theirs = [found.to_numpy(bool) for found in inside]
            groups = [group for group in groups if theirs[group].any()]
            stays = np.concatenate([np.zeros(0, dtype=bool), *(theirs[group] for group in groups)])
        if file.metadata.num_rows <= ROWS_IN_GROUP:
            return _read(file, groups, names, stays)
        columns = {name: _read(file, groups, [name], stays)[name] for name in names}
    pa.default_memory_pool().release_unused()
    return pd.DataFrame(columns, copy=False)


def _read(
    file: pq.ParquetFile, groups: list[int], names: list[str], stays: np.ndarray | None = None
) -> pd.DataFrame:
    """Return some columns of some groups of rows, of those rows that stay."""
    table = file.read_row_groups(groups, columns=names)
    table = table if stays is None or stays.all() else table.filter(stays)
    return table.to_pandas()
