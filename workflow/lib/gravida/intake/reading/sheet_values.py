"""What a cell of a workbook shows, as text that does not depend on how it is stored."""

import re
from datetime import date, datetime, timedelta
from math import isfinite

from gravida.intake.reading.text import UNREADABLE_CELL

BLANKS = " \u00a0"
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
# Quoted text, escaped and repeated characters, widths, and what stands in brackets: colours, locales.
_NO_PART_OF_A_DATE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]', re.DOTALL)
_DATE_PART = re.compile(r"[dmyhs]", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(T([0-9]{2}:[0-9]{2}:[0-9]{2})(\.0+)?Z?)?")
_DAY = 86_400
# The leap day of 1900 that never was has the serial 60; days before it are one further from 1899-12-30.
_FALSE_DAY = 60
_1900, _1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)
_LAST_SERIAL = 2_958_465
_EXACT = 1e15


def unescaped(text: str) -> str:
    """Return a text with its escaped characters (``_x000D_``) put in, without blanks around it."""
    if "_x" in text:
        text = _ESCAPE.sub(lambda found: _character(int(found[1], 16)), text)
    return text.strip(BLANKS)


def _character(code: int) -> str:
    return UNREADABLE_CELL if 0xD800 <= code < 0xE000 else chr(code)


def is_date_format(code: str) -> bool:
    """Say whether a number format shows a date or a time of day."""
    first = code.partition(";")[0]
    return bool(_DATE_PART.search(_NO_PART_OF_A_DATE.sub("", first)))


def cell_text(kind: str, raw: str, dated: bool, from_1904: bool) -> tuple[str, bool]:
    """Return a cell as text, and whether it is a date.

    Parameters
    ----------
    kind : str
        The type of the cell: n, b, e, d, str or inlineStr.
    raw : str
        What the file holds.
    dated : bool
        Whether the cell's format shows dates.
    from_1904 : bool
        Whether serial numbers of dates count from 1904.
    """
    if kind in ("str", "inlineStr"):
        return unescaped(raw), False
    raw = raw.strip()
    if not raw:
        return "", False
    if kind == "n":
        if not _NUMBER.fullmatch(raw):
            return UNREADABLE_CELL, dated
        return (_date(float(raw), from_1904), True) if dated else (_number(raw), False)
    if kind == "b":
        return {"0": "false", "1": "true", "false": "false", "true": "true"}.get(raw, UNREADABLE_CELL), False
    if kind == "d":
        return _iso(raw), True
    return UNREADABLE_CELL, False


def _number(raw: str) -> str:
    if raw.isdecimal() and len(raw) < 16:
        return str(int(raw))
    value = float(raw)
    if not isfinite(value):
        return UNREADABLE_CELL
    return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)


def _date(serial: float, from_1904: bool) -> str:
    if not 0 <= serial <= _LAST_SERIAL + 1:
        return UNREADABLE_CELL
    days, seconds = divmod(round(serial * _DAY), _DAY)
    time = timedelta(seconds=seconds)
    if not from_1904:
        if days == 0:
            # A time of day without a date.
            return str((_1900 + time).time())
        if days == _FALSE_DAY:
            return UNREADABLE_CELL
        days += days < _FALSE_DAY
    try:
        when = (_1904 if from_1904 else _1900) + timedelta(days=days) + time
    except OverflowError:
        return UNREADABLE_CELL
    return when.isoformat(sep=" ") if seconds else when.date().isoformat()


def _iso(raw: str) -> str:
    found = _DATE.fullmatch(raw)
    try:
        day = date(int(found[1]), int(found[2]), int(found[3])).isoformat() if found else UNREADABLE_CELL
    except ValueError:
        return UNREADABLE_CELL
    return f"{day} {found[5]}" if found and found[5] not in (None, "00:00:00") else day
