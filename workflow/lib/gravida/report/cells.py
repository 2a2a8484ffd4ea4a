"""The cells of the report's tables: text for a number, and words where there is none."""

from collections import Counter
from collections.abc import Callable
from string import ascii_lowercase
from typing import Any

import pandas as pd

from gravida import words
from gravida.report.display import Display

Cell = Callable[[pd.Series], str]
NOTE = "Note"
# A remark of so many letters in so many rows is printed once.
LONG, SEVERAL = 30, 3
STATUSES = ("fallback", *(status.replace("_", " ") for status in words.UNANSWERED))


def display(
    rows: pd.DataFrame,
    columns: dict[str, Cell],
    row: str | None = None,
    group: str | None = None,
    optional: tuple[str, ...] = (NOTE,),
) -> Display:
    """Apply one function of a row for each printed column.

    Parameters
    ----------
    rows : DataFrame
        A released table, or some of its rows.
    columns : dict
        For each printed column the function that gives its cell.
    row, group : str, optional
        As in `Display`.
    optional : tuple of str
        Columns that are left out where no cell says anything.

    A long remark that stands in several rows of the column `Note` becomes a letter there, explained under the
    table.
    """
    lines = [{name: show(line) for name, show in columns.items()} for _, line in rows.iterrows()]
    silent = {name for name in optional if all(line.get(name, "") in ("", words.DASH) for line in lines)}
    return with_letters(
        pd.DataFrame(lines, columns=[name for name in columns if name not in silent]), row, group
    )


def with_letters(frame: pd.DataFrame, row: str | None = None, group: str | None = None) -> Display:
    """Return what is printed, with letters for long remarks that stand in several rows of `Note`."""
    if NOTE not in frame:
        return Display(frame, row, group)
    letters = _letters(frame[NOTE])
    frame = frame.assign(**{NOTE: [_marked(said, letters) for said in frame[NOTE]]})
    return Display(frame, row, group, marks=tuple((letter, said) for said, letter in letters.items()))


def _letters(notes: pd.Series) -> dict[str, str]:
    """Return a letter for each long remark that stands in several rows."""
    remarks = [said for cell in notes for _, said in dict.fromkeys(map(_remark, cell.split("; ")))]
    repeated = [said for said, rows in Counter(remarks).items() if rows >= SEVERAL and len(said) >= LONG]
    return dict(zip(repeated, ascii_lowercase, strict=False))


def _remark(piece: str) -> tuple[str, str]:
    """Return the status that a piece of a note begins with, "" for none, and what it says."""
    status, colon, said = piece.partition(": ")
    return (status, said) if colon and status in STATUSES else ("", piece)


def _marked(cell: str, letters: dict[str, str]) -> str:
    """Return a note with letters for its repeated remarks; a status stays in words."""
    shown, marks = [], []
    for piece in cell.split("; "):
        status, said = _remark(piece)
        shown += [piece] if said not in letters else [status]
        marks += [letters[said]] if said in letters else []
    return words.joined(*shown, ", ".join(sorted(marks)))


def counts(*names: str) -> dict[str, Cell]:
    """Return printed columns of counts, each under the name of its column."""
    return {words.words(name, {}): count(name) for name in names}


def count(column: str) -> Cell:
    """Return the cell of a count; an empty one is withheld where disclosure control took it."""

    def show(row: pd.Series) -> str:
        hidden = words.is_missing(row[column]) and words.is_withheld(row)
        return words.WITHHELD if hidden else words.count(row[column])

    return show


def together(*columns: str) -> Cell:
    """Return the cell of several counts, such as those of two arms, as `23 / 19`."""

    def show(row: pd.Series) -> str:
        shown = [count(column)(row) for column in columns]
        return words.WITHHELD if set(shown) == {words.WITHHELD} else " / ".join(shown)

    return show


def value(column: str, show: Callable[[Any], str]) -> Cell:
    """Return the cell of an estimate: withheld, or a dash where the analysis has no such number."""
    return lambda row: _empty(row) if words.is_missing(row[column]) else show(row[column])


def fixed(column: str, digits: int) -> Cell:
    """Return the cell of a number with so many decimals."""
    return value(column, lambda number: words.fixed(number, digits))


def only(cell: Cell, applies: Callable[[pd.Series], bool]) -> Cell:
    """Return the cell where it applies to the row, a dash elsewhere: what never was is not withheld."""
    return lambda row: cell(row) if applies(row) else words.DASH


def p_value(column: str = "p_value") -> Cell:
    """Return the cell of a p-value."""
    return value(column, words.p_value)


def limits(estimate: str, lower: str, upper: str, digits: int, times: float = 1.0) -> Cell:
    """Return the cell of an estimate with its limits, each multiplied by `times`."""

    def show(row: pd.Series) -> str:
        if words.is_missing(row[estimate]):
            bounds = {"at least": row[lower], "at most": row[upper]}
            given = [
                f"{word} {words.fixed(_times(bound, times), digits)}"
                for word, bound in bounds.items()
                if not words.is_missing(bound)
            ]
            return ", ".join(given) or _empty(row)
        numbers = (row[name] for name in (estimate, lower, upper))
        return words.estimate(*(_times(number, times) for number in numbers), digits)

    return show


def note(row: pd.Series) -> str:
    """Say why a row holds no number, or what was done instead of what was planned."""
    reason = words.text(row["reason"])
    if words.is_unanswered(row):
        return words.why_empty(row)
    if row.get("status", "") == "fallback":
        return f"fallback: {reason}" if reason else "fallback"
    return reason


def adjusted(row: pd.Series) -> str:
    """Say what a ratio is adjusted for, "" for nothing."""
    names = words.names(row["adjusted_for"])
    return f"adjusted for {names}" if names else ""


def _empty(row: pd.Series) -> str:
    return words.WITHHELD if words.is_withheld(row) and not words.is_unanswered(row) else words.DASH


def _times(number: Any, times: float) -> Any:
    return number if words.is_missing(number) or times == 1 else float(number) * times
