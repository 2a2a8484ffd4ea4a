"""Where the records of a delimited text begin: a line break inside quotes ends none."""

from dataclasses import dataclass

import numpy as np

_CHUNK = 1 << 24
_QUOTE, _RETURN, _NEWLINE = b'"\r\n'


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a text that are not empty.

    `starts` are offsets in bytes, `lines` the lines of the file on which they begin, from 1; `longest` is the
    length in bytes of the longest.
    """

    starts: np.ndarray
    lines: np.ndarray
    longest: int


def find_records(content: bytes, separator: str) -> Records | None:
    """Index the records of a text, or return None where quotes stand where only a reader can judge them.

    A quote opens a cell at its beginning, closes it at its end, and is doubled between; where each one does,
    a line break ends a record if the number of quotes before it is even.
    """
    data = np.frombuffer(content, np.uint8)
    quotes = positions(data, _QUOTE)
    if quotes.size % 2 or not _paired(data, quotes, ord(separator)):
        return None
    returns = positions(data, _RETURN)
    alone = returns[_following(data, returns) != _NEWLINE]
    if _outside(quotes, alone).any():
        return None
    breaks = positions(data, _NEWLINE)
    ending = np.flatnonzero(_outside(quotes, breaks))
    starts = np.concatenate([[0], breaks[ending] + 1])
    ends = np.concatenate([breaks[ending], [data.size]])
    lines = np.concatenate([[1], ending + 2])
    # A record of nothing but the first half of a line end is empty as well.
    length = ends - starts
    length -= (length > 0) & (data[np.maximum(ends - 1, 0)] == _RETURN)
    filled = length > 0
    return Records(starts[filled], lines[filled], int(length.max(initial=0)))


def positions(data: np.ndarray, byte: int) -> np.ndarray:
    """Return where a byte stands in `data` (uint8), without a copy of the whole."""
    parts = [
        np.flatnonzero(data[start : start + _CHUNK] == byte) + start for start in range(0, data.size, _CHUNK)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _paired(data: np.ndarray, quotes: np.ndarray, separator: int) -> bool:
    opening, closing = quotes[::2], quotes[1::2]
    before = np.where(opening > 0, data[np.maximum(opening - 1, 0)], _NEWLINE)
    begins = np.isin(before, (separator, _NEWLINE, _QUOTE))
    ends = np.isin(_following(data, closing), (separator, _NEWLINE, _RETURN, _QUOTE))
    return bool(begins.all() and ends.all())


def _following(data: np.ndarray, places: np.ndarray) -> np.ndarray:
    last = data.size - 1
    return np.where(places < last, data[np.minimum(places + 1, last)], _NEWLINE)


def _outside(quotes: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.searchsorted(quotes, places) % 2 == 0
