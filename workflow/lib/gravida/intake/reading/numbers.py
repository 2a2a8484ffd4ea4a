"""The decimal sign of numbers, established for a whole column, never cell by cell."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from gravida.intake.outcome import Outcome
from gravida.intake.reading.text import Text, distinct
from schemas.submission import TABLES

NUMBER_CHECKS = {
    "ambiguous_number": "One decimal sign that shows: is 1,234 one thousand two hundred thirty-four, or one "
    "and a bit more? Write numbers without thousands signs, or declare the sign in the mapping (decimal).",
    "mixed_decimals": "One decimal sign in the whole column, the declared one if any: points or commas.",
}
# Blanks that group digits or stand beside them unseen; the sign that typesetters use for minus.
_HARD_BLANK = "[\u00a0\u2007\u2009\u202f]"
_GROUPED = rf"\A([+-]?[0-9]{{1,3}})({_HARD_BLANK}[0-9]{{3}})+([.,][0-9]*)?\z"
_MINUS = "\u2212"
_NUMBER = r"\A[+-]?[0-9.,]*[0-9][0-9.,]*([eE][+-]?[0-9]{1,2})?\z"
_SEVERAL = r",.*,"
# A comma cannot group thousands after nothing, a leading zero or four digits, nor before other than three.
_FRACTION = r"\A[+-]?([0-9]*,([0-9]{0,2}|[0-9]{4,})|(0[0-9]*|[0-9]{4,})?,[0-9]{3}|[0-9]*,[0-9]*[eE].*)\z"
_ONE_COMMA = r"\A([+-]?[0-9]*),([0-9]*([eE][+-]?[0-9]{1,2})?)\z"
_WITH_POINTS = r"\A[+-]?[0-9]{1,3}(\.[0-9]{3})+,[0-9]*\z"
_WITH_COMMAS = r"\A[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?\z"


def numeric_columns(table: str) -> dict[str, str]:
    """Return {name: type} of the contract's columns that hold numbers."""
    types = {name: str(column.dtype.type) for name, column in TABLES[table].columns.items()}
    return {name: kind for name, kind in types.items() if kind in ("Int64", "float64")}


def assess_numbers(table: str, doubts: Sequence[tuple[str, str]] | None) -> list[Outcome]:
    """Return the outcomes of the checks of decimal signs.

    Parameters
    ----------
    table : str
    doubts : sequence of (column, check) or None
        What `settle_numbers` returned; None when the table could not be read.
    """
    checked = int(doubts is not None)
    outcomes = []
    for check, advice in NUMBER_CHECKS.items():
        failing = [column for column, found in dict.fromkeys(doubts or ()) if found == check]
        for column in failing or [""]:
            failed = int(bool(column))
            outcomes.append(Outcome(table, column, check, "conformance", "refused", advice, checked, failed))
    return outcomes


def settle_numbers(
    text: Text, numeric: Mapping[str, str], declared: str | None = None
) -> tuple[Text, list[tuple[str, str]]]:
    """Write the numbers of a table with decimal points and without thousands signs.

    Parameters
    ----------
    text : Text
    numeric : mapping of name to type
        The columns that hold numbers, Int64 or float64.
    declared : str, optional
        The decimal sign, ``,`` or ``.``, where the site declares one. It says nothing of numbers that a
        workbook or Parquet file holds as numbers: these have points here.

    Returns
    -------
    Text
        Cells that are no numbers are left as they are, and so is a column that fails; the other columns of
        numbers are encoded as dictionaries.
    list of (column, check)
        The columns whose numbers cannot be read without a question, with the check of `NUMBER_CHECKS`.
    """
    columns, failing = list(text.columns), []
    typed = bool(text.letters) or text.file.lower().endswith(".parquet")
    for place, name in enumerate(text.names):
        if name in numeric:
            words, places = distinct(columns[place])
            settled, check = _settle(_plain(words), declared, typed)
            if check:
                failing.append((name, check))
            else:
                columns[place] = pa.chunked_array([pa.DictionaryArray.from_arrays(places, settled)])
    return replace(text, columns=tuple(columns)), failing


def _plain(cells: pa.StringArray) -> pa.StringArray:
    """Return cells with the plain minus and without hard blanks around or inside of numbers."""
    if not _any(pc.invert(pc.string_is_ascii(cells))):
        return pc.ascii_trim(cells, characters=" ")
    plain = pc.utf8_trim_whitespace(pc.replace_substring(cells, _MINUS, "-"))
    grouped = pc.match_substring_regex(plain, _GROUPED)
    plain = pc.if_else(grouped, pc.replace_substring_regex(plain, _HARD_BLANK, ""), plain)
    return pc.if_else(pc.match_substring_regex(plain, _NUMBER), plain, cells)


def _settle(cells: pa.StringArray, declared: str | None, typed: bool) -> tuple[pa.StringArray, str]:
    if declared != "," and not _any(pc.match_substring(cells, ",")):
        return cells, ""
    numbers = pc.match_substring_regex(cells, _NUMBER)
    comma = pc.and_(numbers, pc.match_substring(cells, ","))
    point = pc.and_(numbers, pc.match_substring(cells, "."))
    if declared == "." or not _any(comma):
        if declared == "," and _any(point) and not typed:
            # Points that group thousands are no fractions: in a column without a comma nothing tells.
            return cells, "mixed_decimals"
        return _drop(cells, ",", _WITH_COMMAS), ""
    if declared == ",":
        if _any(pc.and_(point, pc.invert(comma))):
            return cells, "mixed_decimals"
        return _to_points(_drop(cells, ".", _WITH_POINTS)), ""
    return _establish(cells, comma, point)


def _establish(
    cells: pa.StringArray, comma: pa.BooleanArray, point: pa.BooleanArray
) -> tuple[pa.StringArray, str]:
    if _any(point):
        return cells, "mixed_decimals"
    grouped = _any(pc.and_(comma, pc.match_substring_regex(cells, _SEVERAL)))
    fraction = _any(pc.match_substring_regex(cells, _FRACTION))
    if grouped and fraction:
        return cells, "mixed_decimals"
    if grouped:
        return _drop(cells, ",", _WITH_COMMAS), ""
    return (_to_points(cells), "") if fraction else (cells, "ambiguous_number")


def _to_points(cells: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(cells, _ONE_COMMA, r"\1.\2")


def _drop(cells: pa.StringArray, sign: str, pattern: str) -> pa.StringArray:
    matching = pc.match_substring_regex(cells, pattern)
    return pc.if_else(matching, pc.replace_substring(cells, sign, ""), cells) if _any(matching) else cells


def _any(flags: pa.BooleanArray) -> bool:
    return bool(pc.any(flags).as_py())
