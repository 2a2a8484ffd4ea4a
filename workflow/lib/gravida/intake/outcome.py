"""What a check found: the unit from which findings, verdict and page are made."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from gravida.intake.reading.text import Text, neutral
from schemas.submission import TEXT

HEADER_LINES = 1
# So many rows of a check are named on the page; the findings hold all.
MOST_LINES = 12
FINDINGS = ("table", "line", "pregnancy_id", "column", "check", "category", "action")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check of one column (or of a whole file) of one table.

    `action` is what a violation leads to (refused, quarantined, flagged, defaulted, merged), `advice` what is
    allowed, `lines` the numbers of the failing rows, the header being 1; a failure of a whole file has none.
    `where` names file, sheet and column of the spreadsheet, and the lines are then those of the file (see
    `at`).
    """

    table: str
    column: str
    check: str
    category: str
    action: str
    advice: str
    checked: int
    failed: int
    lines: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    where: str = ""

    def at(self, text: Text) -> "Outcome":
        """Return the outcome with the lines of the file that the table was read from, and where they are."""
        place = next((place for place, name in enumerate(text.names) if name == self.column), None)
        letter = f", column {text.letters[place]}" if text.letters and place is not None else ""
        sheet = f", sheet {text.sheet}" if text.sheet else ""
        where = f"{text.file}{sheet}{letter}" if text.file else ""
        return replace(self, lines=text.lines[self.lines - HEADER_LINES - 1], where=where)

    @property
    def place(self) -> str:
        """Where the failing rows stand, the first of them by number; "" where nothing failed."""
        if not self.failed or not (self.where or self.lines.size):
            return ""
        told = ", ".join(map(str, self.lines[:MOST_LINES]))
        more = f" and {self.lines.size - MOST_LINES} more" if self.lines.size > MOST_LINES else ""
        rows = f"{'row' if self.lines.size == 1 else 'rows'} {told}{more}" if self.lines.size else ""
        return ": ".join(filter(None, (self.where, rows)))

    @property
    def refuses(self) -> bool:
        """Whether this alone has the submission refused."""
        return self.failed > 0 and self.action == "refused"

    @property
    def status(self) -> str:
        """The status in the contract's words."""
        if self.failed:
            return "fail" if self.action == "refused" else "pass_with_violations"
        return "pass" if self.checked else "not_assessable"

    def row(self) -> dict[str, str | int]:
        """Return plain data for the verdict: names and numbers, no value of a row."""
        default_for_all = self.status == "not_assessable" and self.action == "defaulted"
        return {
            "table": self.table,
            "column": self.column,
            "check": self.check,
            "category": self.category,
            "rows_checked": self.checked,
            "rows_failed": self.failed,
            "status": self.status,
            "action": self.action if self.failed or default_for_all else "none",
        }


class Unreadable(Exception):
    """A file holds no table that could be checked further; says why, never what is in it."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"{outcome.table}: {outcome.check}")
        self.outcome = outcome


def row_lines(failing: np.ndarray) -> np.ndarray:
    """Return the line numbers of the rows where `failing` (bool, shape (n,)) is true."""
    return np.flatnonzero(failing) + HEADER_LINES + 1


def findings_table(
    outcomes: list[Outcome], ids: Mapping[str, pd.Series], texts: Mapping[str, Text]
) -> pd.DataFrame:
    """List every failing row of every check.

    Parameters
    ----------
    outcomes : list of Outcome
        Whose lines count rows, but for those of a whole file or of its mapping, which have no pregnancy.
    ids : mapping of table to Series
        The usable pregnancy_id of each row of each table that could be read.
    texts : mapping of table to Text
        The tables, which know the line of the file that each row stood in.

    Returns
    -------
    DataFrame
        Columns `FINDINGS`; `line` and `pregnancy_id` are missing where a whole file fails.
    """
    parts = [
        _findings(outcome, ids.get(outcome.table), texts.get(outcome.table))
        for outcome in outcomes
        if outcome.failed
    ]
    empty = pd.DataFrame({name: pd.array([], "Int64" if name == "line" else TEXT) for name in FINDINGS})
    return pd.concat([empty, *parts], ignore_index=True)


def _findings(outcome: Outcome, ids: pd.Series | None, text: Text | None) -> pd.DataFrame:
    whole_file = outcome.lines.size == 0
    known = ids is not None and text is not None and not whole_file and not outcome.where
    placed = text.lines[outcome.lines - HEADER_LINES - 1] if known else outcome.lines
    lines = pd.array([pd.NA] if whole_file else placed, dtype="Int64")
    names = {
        "table": outcome.table,
        "column": outcome.column,
        "check": outcome.check,
        "category": outcome.category,
        "action": outcome.action if outcome.action in ("refused", "quarantined") else "flagged",
    }
    constant = {name: pd.array([neutral(value)], TEXT).repeat(lines.size) for name, value in names.items()}
    who = pd.array([pd.NA] * lines.size, TEXT)
    if known:
        who = _neutral(ids.iloc[outcome.lines - HEADER_LINES - 1]).array
    return pd.DataFrame({"line": lines, "pregnancy_id": who, **constant})[list(FINDINGS)]


def _neutral(ids: pd.Series) -> pd.Series:
    # What begins like this is no formula, and so begin nearly all.
    odd = ~ids.str.match("[0-9A-Za-z_]").fillna(True)
    return ids.mask(odd, ids[odd].map(neutral)) if odd.any() else ids
