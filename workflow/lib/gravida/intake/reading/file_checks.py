"""What every reader of files shares: the checks of a file, their limits, and how a file is turned away."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gravida.intake.outcome import Outcome, Unreadable

MOST_BYTES = 500_000_000
MOST_COLUMNS = 2_000
MOST_CELLS = 50_000_000
LONGEST_CELL = 100_000
MOST_UNPACKED = 200_000_000
MOST_TITLES = 20

# The checks of a file, with what each asks for.
FILE_CHECKS = {
    "outside_folder": "A file that lies in the submission's folder itself, no link to another place.",
    "unreadable_file": "A file that can be opened.",
    "file_too_large": f"A file of at most {MOST_BYTES // 1_000_000} MB.",
    "empty_file": "A file that is not empty.",
    "encoding": "Text in UTF-8, UTF-16, Windows-1250 or Windows-1252. Which of the last two it is does not "
    "show in this file, or it is none of them: export it again as UTF-8, or declare the encoding in the "
    "mapping (encoding: cp1250).",
    "csv_structure": "A table of text: every row with as many cells as the header, every quote closed.",
    "separator": "Commas, semicolons, tabs or bars between the cells.",
    "not_parquet": "A complete Parquet file.",
    "not_workbook": "A complete Excel workbook (.xlsx) without a password.",
    "workbook_too_large": f"A workbook that unpacks to at most {MOST_UNPACKED // 1_000_000} MB, as Excel "
    "saves it: send the table as CSV.",
    "workbook_macros": "A workbook without macros, embedded objects and links to other files: save it anew "
    "as .xlsx, with values only.",
    "workbook_formulas": "Values only: copy the sheet and paste it as values.",
    "unexpected_sheet": "Only sheets named after the tables, or readme, lists, codes or dictionary.",
    "sheet": "One sheet a table, named like the table, or declared in the mapping (sheet).",
    "header": f"The column names in one row, among the first {MOST_TITLES}, spelled as in the data "
    "dictionary.",
    "too_many_columns": f"At most {MOST_COLUMNS:,} columns.",
    "too_many_cells": f"At most {MOST_CELLS:,} cells in a table.",
    "cell_too_long": f"At most {LONGEST_CELL:,} characters in a cell.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a reader.

    Parameters
    ----------
    table : str
        The name under which faults are reported.
    file : str
        The file's name.
    wanted : str or None
        A column by which the header is known; without it, the header is the fullest of the first rows.
    sheet, header_row, encoding, separator
        What the site declares about the file; None where it is to be established.
    """

    table: str
    file: str = ""
    wanted: str | None = None
    sheet: str | None = None
    header_row: int | None = None
    encoding: str | None = None
    separator: str | None = None

    def unreadable(
        self, check: str, checked: int = 1, lines: np.ndarray | None = None, failed: int = 1
    ) -> Unreadable:
        """Return the exception for a failing check of `FILE_CHECKS`, with the lines where it fails."""
        where = np.array([] if lines is None else lines, dtype=np.int64)
        failed = max(where.size, failed)
        advice = FILE_CHECKS[check]
        return Unreadable(
            Outcome(self.table, "", check, "conformance", "refused", advice, checked, failed, where)
        )


def inside(path: Path, folder: Path) -> bool:
    """Say whether a file, links followed, lies in a folder or below it."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        # A link that leads to itself.
        return False
