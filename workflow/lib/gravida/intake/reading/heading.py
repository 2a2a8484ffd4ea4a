"""Where the header stands among the first rows of a file, and the table below it."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gravida.intake.reading.file_checks import LONGEST_CELL, MOST_TITLES, Asked
from gravida.intake.reading.text import Text

BLANKS = " \u00a0\t\r\n"


def find_heading(rows: Sequence[Sequence[str]], wanted: str | None) -> int | None:
    """Return the place of the header among the first rows of a file.

    Parameters
    ----------
    rows : sequence of rows of cells
        The first rows that are not empty.
    wanted : str or None
        The header is the first row that holds this name; without it, the first of the rows with the most
        distinct filled cells, for a title fills few.
    """
    rows = rows[:MOST_TITLES]
    if wanted is not None:
        return next((place for place, row in enumerate(rows) if wanted in map(str.strip, row)), None)
    filled = [len({cell.strip() for cell in row} - {""}) for row in rows]
    return int(np.argmax(filled)) if filled and max(filled) else None


def below_heading(
    asked: Asked,
    names: Sequence[str],
    columns: Sequence[pa.ChunkedArray],
    lines: np.ndarray,
    sheet: str = "",
    letters: Sequence[str] = (),
    dates: Sequence[bool] = (),
) -> Text:
    """Return the table without its empty rows and without unnamed empty columns at its end.

    Raises
    ------
    Unreadable
        Where a cell is longer than `LONGEST_CELL` characters.
    """
    names = tuple(name.strip() for name in names)
    columns = list(columns)
    for column in columns:
        # Bytes are counted first: no text has more characters than bytes.
        if (pc.max(pc.binary_length(column)).as_py() or 0) > LONGEST_CELL:
            long = pc.greater(pc.utf8_length(column), LONGEST_CELL).to_numpy()
            if long.any():
                raise asked.unreadable("cell_too_long", lines.size, lines[long])
    while names and not names[-1] and not _filled(columns[-1]).any():
        names, columns = names[:-1], columns[:-1]
    rows = np.zeros(lines.size, dtype=bool)
    for column in columns:
        if rows.all():
            break
        rows |= _filled(column)
    if not rows.all():
        mask = pa.array(rows)
        columns, lines = [column.filter(mask) for column in columns], lines[rows]
    width = len(names)
    return Text(
        names,
        tuple(columns),
        lines.size,
        lines,
        asked.file,
        sheet,
        tuple(letters[:width]),
        tuple(dates[:width]),
    )


def _filled(column: pa.ChunkedArray) -> np.ndarray:
    return pc.not_equal(pc.utf8_trim(column, characters=BLANKS), "").to_numpy()
