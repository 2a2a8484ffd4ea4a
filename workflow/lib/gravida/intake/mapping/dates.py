"""Dates of a whole column: one order of day, month and year, declared or evident, never guessed row by row.

A year of four digits at the beginning, and a month that is a word, need no order. A date of which only the
month is known is none, unless it is declared to be taken as a day of that month.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from gravida.intake.reading.text import UNREADABLE_CELL

# A spreadsheet counts its days from here; the limits are 1954 and 2064.
_SERIAL_ZERO = date(1899, 12, 30)
_SERIALS = range(20_000, 60_001)
_YEARS = range(1900, 2101)
_TIME = re.compile(r"[T ]+\d{1,2}[:.]\d{2}([:.]\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?$")
_YEAR_FIRST = re.compile(r"(\d{4})([-/.]) ?(\d{1,2})\2 ?(\d{1,2})\.?")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/. ]) ?(\d{1,2})\2 ?(\d{4})\.?")
_SHORT_YEAR = re.compile(r"(\d{1,2})([-/. ]) ?(\d{1,2})\2 ?(\d{2})\.?")
_NAMED = re.compile(r"(\d{1,2})[-./ ]{0,2}([a-zä]{3,9})[-./ ]{0,2}(\d{4})")
_COMPACT = re.compile(r"\d{8}")
# A month alone, or with a day that is written as 00 or 99.
_MONTH_OF_YEAR = re.compile(r"(\d{4})[-/.](\d{1,2})")
_MONTH_AND_YEAR = re.compile(r"(\d{1,2})[-./] ?(\d{4})\.?")
_NAMED_MONTH = re.compile(r"(?:(?:00|99)[-./ ]{0,2})?([a-zä]{3,9})[-./ ]{0,2}(\d{4})")
_NO_DAY = (0, 99)
MIDDLE = 15
_ORDERS = {"dmy": (2, 1, 0), "mdy": (2, 0, 1)}
# Month names of which the first three letters mean one month, in English, Slovenian and German.
_MONTHS = {
    **{"jan": 1, "feb": 2, "mar": 3, "mär": 3, "apr": 4, "may": 5, "maj": 5, "mai": 5, "jun": 6, "jul": 7},
    **{"aug": 8, "avg": 8, "sep": 9, "oct": 10, "okt": 10, "nov": 11, "dec": 12, "dez": 12},
    **{"january": 1, "januar": 1, "february": 2, "februar": 2, "march": 3, "marec": 3, "märz": 3},
    **{"april": 4, "june": 6, "junij": 6, "juni": 6, "july": 7, "julij": 7, "juli": 7, "august": 8},
    **{"avgust": 8, "september": 9, "october": 10, "oktober": 10, "november": 11, "december": 12},
    **{"dezember": 12},
}


@dataclass(frozen=True, slots=True)
class Dates:
    """The dates of n cells.

    `days` is datetime64[D], NaT where a cell is empty or none; `faults` has, for each check that could fail,
    a bool array of the cells that do; `to_month` says which dates are of a month of which no day is known.
    """

    days: np.ndarray
    faults: dict[str, np.ndarray]
    to_month: np.ndarray


def read_dates(
    words: Sequence[str], places: np.ndarray, order: str, only_year: bool = False, only_month: bool = False
) -> Dates:
    """Read the dates of a column.

    Parameters
    ----------
    words : sequence of str
        The different cells of the column, stripped.
    places : ndarray of int, shape (n,)
        For each row the place of its cell in `words`.
    order : {"dmy", "mdy", "ymd", "serial", ""}
        The declared order of text dates, "serial" for a spreadsheet's numbers; "" where the column itself
        must show it.
    only_year : bool
        Whether a year of four digits alone will do; it is read as its first day.
    only_month : bool
        Whether a month will do; it is read as its day `MIDDLE`.
    """
    settled = order or evident_order(words) or ("any" if only_year else "")
    read = [_read(word, settled, only_year) for word in words]
    months = [
        read_month(word, settled) if only_month and found == "not_a_date" else None
        for word, found in zip(words, read, strict=True)
    ]
    read = [month or found for month, found in zip(months, read, strict=True)]
    checks = {"not_a_date": "", "two_digit_year": "", "ambiguous_date_order": ""}
    faults = {
        check: np.array([found == check for found in read], dtype=bool)[places] if words else _nothing(places)
        for check in checks
    }
    days = [found if isinstance(found, date) else None for found in read]
    return Dates(
        np.array(days, dtype="datetime64[D]")[places] if words else _no_dates(places),
        faults,
        np.array([month is not None for month in months], dtype=bool)[places] if words else _nothing(places),
    )


def _nothing(places: np.ndarray) -> np.ndarray:
    return np.zeros(places.size, dtype=bool)


def _no_dates(places: np.ndarray) -> np.ndarray:
    return np.full(places.size, np.datetime64("NaT"), dtype="datetime64[D]")


def is_date_like(word: str) -> bool:
    """Return whether a cell is written as a date with a year of four digits, in whatever order."""
    return isinstance(_read(word, "any", False), date)


def read_month(word: str, order: str) -> date | None:
    """Return day `MIDDLE` of a month that is written without a day, None where the cell is no such month.

    Parameters
    ----------
    word : str
    order : {"dmy", "mdy", "ymd", "serial", "any", ""}
        Settles which part is the day where that is written as 00 or 99.
    """
    word = _day_part(word).lower() if len(word) < 60 else ""
    if not word.isascii() and "ä" not in word:
        return None
    found: date | str = "not_a_date"
    if match := _MONTH_OF_YEAR.fullmatch(word):
        found = _date(int(match[1]), int(match[2]), MIDDLE)
    elif match := _MONTH_AND_YEAR.fullmatch(word):
        found = _date(int(match[2]), int(match[1]), MIDDLE)
    elif match := _NAMED_MONTH.fullmatch(word):
        found = _date(int(match[2]), _MONTHS.get(match[1], 0), MIDDLE)
    elif (match := _YEAR_FIRST.fullmatch(word)) and int(match[4]) in _NO_DAY:
        found = _date(int(match[1]), int(match[3]), MIDDLE)
    elif match := _YEAR_LAST.fullmatch(word):
        found = _month_without_day(match, order)
    return found if isinstance(found, date) else None


def _month_without_day(match: re.Match, order: str) -> date | str:
    parts = int(match[1]), int(match[3]), int(match[4])
    for known in _ORDERS if order == "any" else {order} & set(_ORDERS):
        year, month, day = (parts[place] for place in _ORDERS[known])
        if day in _NO_DAY:
            return _date(year, month, MIDDLE)
    return "not_a_date"


def needs_order(words: Sequence[str]) -> bool:
    """Return whether some of the cells are dates whose order has to be known."""
    return any(_YEAR_LAST.fullmatch(_day_part(word)) for word in words)


def evident_order(words: Sequence[str]) -> str:
    """Return the only order in which the column can be read, "" where none or both can be."""
    trailing = [match for word in words if (match := _YEAR_LAST.fullmatch(_day_part(word)))]
    first, second = (any(not 1 <= int(match[part]) <= 12 for match in trailing) for part in (1, 3))
    return "" if first == second else "dmy" if first else "mdy"


def _day_part(word: str) -> str:
    return _TIME.sub("", word)


def _read(word: str, order: str, only_year: bool) -> date | str | None:
    """Return the date of one cell, the check that it fails, or None where there is nothing to read."""
    if not word or UNREADABLE_CELL in word:
        return None
    word = _day_part(word) if len(word) < 60 else ""
    if not word.isascii() and "ä" not in word.lower():
        return "not_a_date"
    if only_year and re.fullmatch(r"\d{4}", word):
        return _date(int(word), 1, 1)
    for pattern, read in _READERS:
        match = pattern.fullmatch(word.lower())
        if match:
            return read(match, order)
    return "not_a_date"


def _date(year: int, month: int, day: int) -> date | str:
    try:
        return date(year, month, day) if year in _YEARS else "not_a_date"
    except ValueError:
        return "not_a_date"


def _year_first(match: re.Match, order: str) -> date | str:
    return _date(int(match[1]), int(match[3]), int(match[4]))


def _year_last(match: re.Match, order: str) -> date | str:
    parts = int(match[1]), int(match[3]), int(match[4])
    return _ordered(parts, order)


def _ordered(parts: tuple[int, int, int], order: str) -> date | str:
    if order == "any":
        # Only the year is wanted, and it is the same in both orders.
        found = [_ordered(parts, one) for one in _ORDERS]
        return _date(parts[2], 1, 1) if any(isinstance(one, date) for one in found) else "not_a_date"
    if not order:
        return "ambiguous_date_order"
    if order not in _ORDERS:
        return "not_a_date"
    return _date(*(parts[place] for place in _ORDERS[order]))


def _named(match: re.Match, order: str) -> date | str:
    return _date(int(match[3]), _MONTHS.get(match[2], 0), int(match[1]))


def _compact(match: re.Match, order: str) -> date | str:
    word = match[0]
    if order == "ymd":
        return _date(int(word[:4]), int(word[4:6]), int(word[6:]))
    # Eight digits may begin with the year or end with it: only a known order of the others tells.
    known = order if order in _ORDERS or order == "serial" else ""
    return _ordered((int(word[:2]), int(word[2:4]), int(word[4:])), known)


def _serial(match: re.Match, order: str) -> date | str:
    serial = int(match[1])
    return _SERIAL_ZERO + timedelta(serial) if order == "serial" and serial in _SERIALS else "not_a_date"


_READERS: tuple[tuple[re.Pattern, Callable[[re.Match, str], date | str]], ...] = (
    (_YEAR_FIRST, _year_first),
    (_YEAR_LAST, _year_last),
    (_SHORT_YEAR, lambda match, order: "two_digit_year"),
    (_NAMED, _named),
    (_COMPACT, _compact),
    (re.compile(r"(\d{5})(\.0+)?"), _serial),
)


def completed_years(born: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the completed years from one date to another, nan where either is missing; float, shape (n,).

    Who was born on 29 February completes a year on 1 March where there is no such day.
    """
    years = year_of(at) - year_of(born)
    before = _month_and_day(at) < _month_and_day(born)
    return years - before


def year_of(days: np.ndarray) -> np.ndarray:
    """Return the year of each date, nan where it is missing; float, shape (n,)."""
    return np.where(np.isnat(days), np.nan, days.astype("datetime64[Y]").astype(np.int64) + 1970.0)


def whole_days(days: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """Return the days from `zero` to each date, nan where either is missing; float, shape (n,)."""
    missing = np.isnat(days) | np.isnat(zero)
    return np.where(missing, np.nan, (days - zero).astype(np.int64).astype(np.float64))


def _month_and_day(days: np.ndarray) -> np.ndarray:
    months = days.astype("datetime64[M]")
    month = months.astype(np.int64) % 12
    day = (days - months.astype("datetime64[D]")).astype(np.int64)
    return month * 31 + day
