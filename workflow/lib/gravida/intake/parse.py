"""From cells of text to typed columns, by the declared type alone.

Only the empty cell is missing. A cell that does not parse becomes missing and is marked, so that it is
reported once, under the check `type`, and no later rule reads it.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas
import pyarrow as pa
import pyarrow.compute as pc

from gravida.intake.reading.text import UNREADABLE_CELL, Text, distinct
from schemas.submission import TABLES, TEXT

# 15 digits fit in 64 bits, and 40 characters with a two-digit exponent are finite.
_INTEGER = r"\A[+-]?0*[0-9]{1,15}(\.0+)?\z"
_NUMBER = r"\A[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?\z"
_LONGEST_NUMBER = 40
# What a column is made of that is not made of floats.
_DTYPES = {pa.string(): TEXT, pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
_TRUE, _FALSE = pa.array(["1", "true", "yes"]), pa.array(["0", "false", "no"])

EXPECTED = {
    "string": "Text without control characters.",
    "Int64": "A whole number, or an empty cell where that is allowed.",
    "float64": "A number with a decimal point, or an empty cell where that is allowed.",
    "boolean": "0 or 1, true or false, yes or no.",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """A table with every column of its schema, in order.

    `frame` is typed and missing where a cell is empty or unusable; `unusable` (bool, same shape) tells the
    two apart; `sent` names the columns that the file held once.
    """

    frame: pd.DataFrame
    unusable: pd.DataFrame
    sent: frozenset[str]

    def without(self, cells: pd.DataFrame) -> "Typed":
        """Return the table with further cells (bool, some of its columns) made unusable."""
        columns = [column for column in cells if cells[column].any()]
        return Typed(
            self.frame.assign(**{column: self.frame[column].mask(cells[column]) for column in columns}),
            self.unusable.assign(**{column: self.unusable[column] | cells[column] for column in columns}),
            self.sent,
        )

    def take(self, rows: np.ndarray) -> "Typed":
        """Return these rows (positions), renumbered."""
        return Typed(
            self.frame.iloc[rows].reset_index(drop=True),
            self.unusable.iloc[rows].reset_index(drop=True),
            self.sent,
        )


def parse_table(table: str, text: Text, doubtful: Collection[str] = ()) -> Typed:
    """Type the cells of one table.

    A column that was sent twice is unusable, and so is a doubtful one, of which it is not known how to read
    it; one that is not in the schema is not read at all.
    """
    series, unusable, sent = {}, {}, set()
    for column, rule in TABLES[table].columns.items():
        places = [place for place, name in enumerate(text.names) if name == column]
        if len(places) == 1 and column not in doubtful:
            sent.add(column)
            series[column], unusable[column] = _parse(kind(rule), text.columns[places[0]])
        else:
            series[column] = _missing(rule.dtype.type, text.rows)
            unusable[column] = np.full(text.rows, rule.required or bool(places))
    return Typed(pd.DataFrame(series, copy=False), pd.DataFrame(unusable), frozenset(sent))


def empty_table(table: str) -> pd.DataFrame:
    """Return the typed columns of a table without a row."""
    columns = TABLES[table].columns.items()
    return pd.DataFrame({column: _missing(rule.dtype.type, 0) for column, rule in columns})


def kind(rule: pandera.pandas.Column) -> str:
    """Return the declared type of a column: string, Int64, float64 or boolean."""
    return str(rule.dtype.type)


def _missing(dtype: object, rows: int) -> pd.Series:
    return pd.Series(np.full(rows, np.nan), dtype=dtype)


def _parse(dtype: str, cells: pa.ChunkedArray) -> tuple[pd.Series, np.ndarray]:
    words, places = distinct(cells)
    words = pc.ascii_trim(words, characters=" ")
    filled = pc.not_equal(words, "")
    readable = pc.and_(filled, pc.invert(pc.match_substring(words, UNREADABLE_CELL)))
    good, values = _PARSERS[dtype](words, readable)
    unusable = pc.and_(filled, pc.invert(good)).take(places)
    return values.take(places).to_pandas(types_mapper=_DTYPES.get), unusable.to_numpy(zero_copy_only=False)


def _only(words: pa.Array, good: pa.Array) -> pa.Array:
    return pc.if_else(good, words, pa.scalar(None, pa.string()))


def _parse_text(words: pa.Array, readable: pa.Array) -> tuple[pa.Array, pa.Array]:
    return readable, _only(words, readable)


def _parse_integer(words: pa.Array, readable: pa.Array) -> tuple[pa.Array, pa.Array]:
    good = pc.and_(readable, pc.match_substring_regex(words, _INTEGER))
    digits = pc.replace_substring_regex(_only(words, good), r"\A\+|\.0+\z", "")
    return good, digits.cast(pa.int64())


def _parse_number(words: pa.Array, readable: pa.Array) -> tuple[pa.Array, pa.Array]:
    short = pc.less_equal(pc.utf8_length(words), _LONGEST_NUMBER)
    good = pc.and_(pc.and_(readable, short), pc.match_substring_regex(words, _NUMBER))
    digits = pc.replace_substring_regex(_only(words, good), r"\A\+", "")
    return good, digits.cast(pa.float64())


def _parse_boolean(words: pa.Array, readable: pa.Array) -> tuple[pa.Array, pa.Array]:
    lower = pc.ascii_lower(words)
    true = pc.is_in(lower, value_set=_TRUE)
    good = pc.and_(readable, pc.or_(true, pc.is_in(lower, value_set=_FALSE)))
    return good, pc.if_else(good, true, pa.scalar(None, pa.bool_()))


_PARSERS = {
    "string": _parse_text,
    "Int64": _parse_integer,
    "float64": _parse_number,
    "boolean": _parse_boolean,
}
