"""One column of a site's own as one column of the data dictionary.

Every different cell is understood once. A cell that cannot be becomes `UNREADABLE_CELL`, never empty: what is
not understood must not pass for missing.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
import pandas as pd
import pyarrow as pa

from gravida.intake.mapping.dates import Dates, completed_years, read_dates, whole_days, year_of
from gravida.intake.mapping.plan import ColumnPlan, same_word
from gravida.intake.reading.text import UNREADABLE_CELL, Text

_NUMBER = re.compile(r"[+-]?([0-9]{1,15}(\.[0-9]{0,15})?|\.[0-9]{1,15})([eE][+-]?[0-9]{1,2})?")
# Completed weeks and days, as obstetricians write them.
_WEEKS_AND_DAYS = re.compile(r"([0-9]{1,2})(?: ?\+ ?([0-6])| ?w ?([0-6]) ?d?| ([0-6])/7)")
_DAYS_A_YEAR = 365.25
MONTH_ONLY = "known to the month, taken as its 15th"


@dataclass(frozen=True, slots=True)
class Cells:
    """The n cells of a column: its different `words`, stripped, and the place of each row's word there."""

    words: tuple[str, ...]
    places: np.ndarray

    def where(self, chosen: Sequence[bool]) -> np.ndarray:
        """Return for each row whether its word is chosen; bool, shape (n,)."""
        return np.array(chosen, dtype=bool)[self.places] if self.words else np.zeros(self.places.size, bool)

    @property
    def filled(self) -> np.ndarray:
        """Whether each cell holds anything; bool, shape (n,)."""
        return self.where([word != "" for word in self.words])

    def replaced(self, words: Sequence[str]) -> "Cells":
        """Return the cells with another word in the place of each."""
        return Cells(tuple(words), self.places)

    def text(self) -> pa.ChunkedArray:
        """Return the cells as a column of a `Text`."""
        words = pa.array(self.words, pa.string())
        return pa.chunked_array([words.take(pa.array(self.places))], type=pa.string())


@dataclass(frozen=True, slots=True)
class Converted:
    """A column as it is in the data dictionary.

    `checked` counts the filled cells; `faults` has, for each check that could fail, the rows that do (bool,
    shape (n,)); `reasons` counts the cells that a code of missing data had emptied, and the dates that are
    known to the month.
    """

    cells: Cells
    checked: int
    faults: Mapping[str, np.ndarray]
    reasons: Mapping[str, int]


@lru_cache(maxsize=8192)
def column_key(name: str) -> str:
    """Return a column's name as it is compared: composed letters, single blanks."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def read_cells(column: pa.ChunkedArray) -> Cells:
    """Return the cells of a column, without blanks around them."""
    places, words = pd.factorize(np.array(column.to_pylist(), dtype=object))
    return _merged([unicodedata.normalize("NFC", word.strip()) for word in words], places)


def _merged(words: Sequence[str], places: np.ndarray) -> Cells:
    again, different = pd.factorize(np.array(words, dtype=object))
    return Cells(tuple(different), again[places] if len(words) else np.empty(0, dtype=np.int64))


def join_cells(parts: Sequence[Cells], between: str) -> Cells:
    """Join the parts of an identifier; a row of which a part is empty has none."""
    if len(parts) == 1:
        return parts[0]
    columns = [[part.words[place] for place in part.places] for part in parts]
    rows = [between.join(row) if all(row) else "" for row in zip(*columns, strict=True)]
    return _merged(rows, np.arange(len(rows)))


def constant(value: str, rows: int) -> Cells:
    """Return the same cell in every row."""
    return Cells((value,), np.zeros(rows, dtype=np.int64))


def find_column(text: Text, name: str) -> list[int]:
    """Return the places of the columns with this name: one, unless the file is at fault."""
    key = column_key(name)
    return [place for place, other in enumerate(text.names) if column_key(other) == key]


def without_missing(cells: Cells, missing: Mapping[str, str]) -> tuple[Cells, dict[str, int]]:
    """Empty the cells that hold a code of missing data.

    Returns
    -------
    Cells
    dict of str to int
        The number of rows for each reason that occurs.
    """
    reasons = {same_word(code): reason for code, reason in missing.items()}
    found = [reasons.get(same_word(word)) if word else None for word in cells.words]
    counts: dict[str, int] = {}
    times = np.bincount(cells.places, minlength=len(cells.words))
    for reason, number in zip(found, times, strict=True):
        if reason is not None and number:
            counts[reason] = counts.get(reason, 0) + int(number)
    kept = ["" if reason else word for word, reason in zip(cells.words, found, strict=True)]
    return cells.replaced(kept), counts


def convert(
    plan: ColumnPlan, cells: Cells, zero: np.ndarray | None, codes: Sequence[str], typed: bool
) -> Converted:
    """Turn the cells of a source into those of a column of the data dictionary.

    Parameters
    ----------
    plan : ColumnPlan
    cells : Cells, n rows
        The column of the source.
    zero : ndarray of datetime64[D], shape (n,), or None
        The delivery of each row, needed where `plan.reading` counts from it.
    codes : sequence of str
        The codes that the column may hold; none where it has no list.
    typed : bool
        Whether the source has numbers of its own (a workbook, Parquet), which are written with a point.
    """
    cells, reasons = without_missing(cells, plan.missing)
    checked = int(cells.filled.sum())
    if plan.reading:
        converted, faults, to_month = _from_dates(plan, cells, zero)
        reasons |= {MONTH_ONLY: to_month} if to_month else {}
    elif plan.kind == "boolean":
        converted, faults = _flags(plan, cells)
    elif codes:
        converted, faults = _coded(plan, cells, codes)
    elif plan.kind in ("Int64", "float64"):
        converted, faults = _numbers(plan, cells, typed)
    else:
        converted, faults = cells, {}
    return Converted(converted, checked, faults, reasons)


def _kept(word: str) -> bool:
    return word == "" or UNREADABLE_CELL in word


def _by_word(cells: Cells, found: Sequence[str | None], check: str) -> tuple[Cells, dict[str, np.ndarray]]:
    """Return the new cells and the rows in which nothing was found for the word."""
    words = [UNREADABLE_CELL if word is None else word for word in found]
    return cells.replaced(words), {check: cells.where([word is None for word in found])}


def _flags(plan: ColumnPlan, cells: Cells) -> tuple[Cells, dict[str, np.ndarray]]:
    meant = dict.fromkeys(plan.no, "0") | dict.fromkeys(plan.yes, "1")
    meant |= {word: "1" if code in ("yes", "1", "true") else "0" for word, code in plan.codes.items()}
    found = [word if _kept(word) else meant.get(same_word(word)) for word in cells.words]
    return _by_word(cells, found, "unknown_code")


def _coded(plan: ColumnPlan, cells: Cells, codes: Sequence[str]) -> tuple[Cells, dict[str, np.ndarray]]:
    meant = {code.replace("_", " "): code for code in codes} | {code: code for code in codes}
    meant |= {word: code if code in codes else None for word, code in plan.codes.items()}
    found = [word if _kept(word) else meant.get(same_word(word)) for word in cells.words]
    return _by_word(cells, found, "unknown_code")


def _numbers(plan: ColumnPlan, cells: Cells, typed: bool) -> tuple[Cells, dict[str, np.ndarray]]:
    words = [plan.codes.get(same_word(word), word) for word in cells.words]
    if not plan.calculates and not plan.decimal:
        # The sign of the decimals is established later, for the whole column.
        return cells.replaced(words), {}
    found = [word if _kept(word) else _calculated(plan, word, typed) for word in words]
    broken = cells.where([word == _BROKEN for word in found])
    cells, faults = _by_word(cells, [None if word == _BROKEN else word for word in found], "not_a_number")
    if plan.kind == "Int64" and plan.calculates:
        faults = {"not_a_number": faults["not_a_number"] & ~broken, "not_whole": broken}
    return cells, faults


# Stands for a number that should be whole and is not; no number is written so.
_BROKEN = "/"


def _calculated(plan: ColumnPlan, word: str, typed: bool) -> str | None:
    number = _number(word, plan.decimal, typed)
    obstetric = _WEEKS_AND_DAYS.fullmatch(word.lower()) if plan.weeks else None
    if obstetric:
        weeks, days = int(obstetric[1]), int(obstetric[2] or obstetric[3] or obstetric[4])
        number = Fraction(7 * weeks + days, 7)
    if number is None:
        return None
    if not plan.calculates:
        return _plain(word) if plan.decimal == "." else _plain(word).replace(",", ".")
    number = number * plan.factor + plan.shift
    if plan.rounding:
        number = (
            Fraction(number // 1) if plan.rounding == "down" else Fraction((number + Fraction(1, 2)) // 1)
        )
    if number.denominator == 1:
        return str(number.numerator)
    return _BROKEN if plan.kind == "Int64" else repr(float(number))


def _plain(word: str) -> str:
    return word.replace("\u2212", "-")


def _number(word: str, decimal: str, typed: bool) -> Fraction | None:
    """Return the exact number, None where the cell is none with the declared decimal sign."""
    word = _plain(word)
    foreign = "." in word and not typed if decimal == "," else "," in word
    if foreign or ("," in word and "." in word):
        return None
    word = word.replace(",", ".")
    return Fraction(word) if _NUMBER.fullmatch(word) else None


def _from_dates(
    plan: ColumnPlan, cells: Cells, zero: np.ndarray | None
) -> tuple[Cells, dict[str, np.ndarray], int]:
    only_year = plan.reading in ("year", "age_from_year")
    found = read_dates(cells.words, cells.places, plan.date_order, only_year, plan.month_only)
    numbers = _READINGS[plan.reading](found, zero) + float(plan.shift)
    # What was read but has no delivery to count from is a fault of the delivery.
    lost = np.isnan(numbers) & ~np.isnat(found.days)
    faults = dict(found.faults)
    if plan.reading != "year":
        faults["no_delivery_date"] = lost
    unreadable = cells.filled & np.isnan(numbers)
    numbers, places = np.unique(np.nan_to_num(numbers, nan=np.inf), return_inverse=True)
    words = ["" if np.isinf(number) else _tidy(number) for number in numbers]
    places = np.where(unreadable, len(words), places.reshape(-1))
    return Cells((*words, UNREADABLE_CELL), places), faults, int(found.to_month.sum())


def _tidy(number: float) -> str:
    return str(int(number)) if number.is_integer() else repr(float(number))


def _age_years(found: Dates, zero: np.ndarray) -> np.ndarray:
    return np.round(whole_days(found.days, zero) / -_DAYS_A_YEAR, 1)


_READINGS = {
    "day": lambda found, zero: whole_days(found.days, zero),
    "days_to_delivery": lambda found, zero: -whole_days(found.days, zero),
    "year": lambda found, zero: year_of(found.days),
    "age": lambda found, zero: completed_years(found.days, zero),
    "age_years": _age_years,
    "age_from_year": lambda found, zero: year_of(zero) - year_of(found.days),
}
