"""A table as text: what every reader makes, whatever the file was, and what mapping and parsing take."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

# A cell that holds something a table cannot, such as an error of a spreadsheet or a list.
UNREADABLE_CELL = "\0"
# What a spreadsheet takes for the beginning of a formula, also in full width.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")


@dataclass(frozen=True, slots=True)
class Text:
    """A table of which every cell is a string, "" where empty.

    Parameters
    ----------
    names : tuple of str
        The columns' names as sent, without blanks around them.
    columns : tuple of ChunkedArray of string, one a name
        Or of a dictionary of strings, once the decimal sign of the numbers is settled.
    rows : int
    lines : ndarray of int64, shape (rows,)
        Where each row stood: the line of a CSV or the row of a sheet, from 1; of Parquet the row itself.
    file : str
        Name of the file, "" where the table was made in memory.
    sheet : str
        Name of the sheet, of a workbook only.
    letters : tuple of str
        The spreadsheet's letters of the columns, of a workbook only.
    dates : tuple of bool
        Which columns hold cells formatted as dates, of a workbook only. Such cells are ISO text,
        ``2019-03-07``, with the time of day unless it is midnight.
    """

    names: tuple[str, ...]
    columns: tuple[pa.ChunkedArray, ...]
    rows: int
    lines: np.ndarray
    file: str = ""
    sheet: str = ""
    letters: tuple[str, ...] = ()
    dates: tuple[bool, ...] = ()

    def take(self, rows: np.ndarray) -> "Text":
        """Return these rows (positions), each with its own line."""
        places = pa.array(rows, pa.int64())
        columns = tuple(column.take(places) for column in self.columns)
        return replace(self, columns=columns, rows=rows.size, lines=self.lines[rows])


def distinct(cells: pa.ChunkedArray) -> tuple[pa.StringArray, pa.IntegerArray]:
    """Return the different texts of a column, and for each row the place of its own among them.

    Of a column that is encoded as a dictionary, its dictionary, in which a text may stand twice.
    """
    encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    whole = encoded.combine_chunks()
    return whole.dictionary, whole.indices


def neutral(text: str) -> str:
    """Return text that a spreadsheet shows and does not execute: with ``'`` before what begins a formula.

    A plain number is left as it is, though it may begin with a sign.
    """
    formula = _FORMULA.match(text) and not _PLAIN_NUMBER.fullmatch(text)
    return f"'{text}" if formula else text
