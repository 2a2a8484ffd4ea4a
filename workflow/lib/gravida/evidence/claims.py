"""Printed claims: numbers as printed, and the interval that rounding leaves around each."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from gravida.errors import ConfigurationError
from schemas.evidence import parts

SHEET = "evidence.claims"
COLUMNS = ("study", "claim", "check", "printed", "inputs", "source", "note", "discrepancy", "inferred")

_NUMBER = re.compile(r"([<>]?)\s*([-+−]?(?:\d{1,3}(?:,\d{3})+|\d*)(?:\.\d+)?)\s*%?")
_FRACTION = re.compile(r"(\d+)\s*/\s*(\d+)")


@dataclass(frozen=True, slots=True)
class Number:
    """A printed number with the ends of the interval that it stands for."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Claim:
    """One row of the sheet of claims; `inputs` holds each value as printed, by its name.

    `discrepancy` is a word that claims of one slip share, `inferred` says which inputs nobody printed.
    """

    study: str
    claim: str
    check: str
    printed: str
    inputs: Mapping[str, str]
    source: str
    note: str
    discrepancy: str = ""
    inferred: str = ""

    def fault(self, column: str, what: str) -> ConfigurationError:
        """Return the error that names this row and the column at fault."""
        return ConfigurationError(f"{SHEET}: study {self.study}, claim {self.claim}, column {column}: {what}")


def read_number(text: str) -> Number:
    """Return a printed number with half a unit of its last digit either side.

    A fraction such as 65/132 is exact. A bound such as <0.001 stands for all numbers on its side. Thousands
    may be parted by commas; a percent sign is passed over.

    Raises
    ------
    ValueError
        If the text is no number.
    """
    if match := _FRACTION.fullmatch(text.strip()):
        if int(match[2]) == 0:
            raise ValueError("a fraction needs a denominator above 0")
        return exact(int(match[1]) / int(match[2]))
    match = _NUMBER.fullmatch(text.strip())
    if match is None or not re.search(r"\d", match[2]):
        raise ValueError("not a number")
    digits = Decimal(match[2].replace(",", "").replace("−", "-"))
    half = Decimal((0, (5,), int(digits.as_tuple().exponent) - 1))
    value = float(digits)
    if match[1] == "<":
        return Number(value, -math.inf, value)
    if match[1] == ">":
        return Number(value, value, math.inf)
    return Number(value, float(digits - half), float(digits + half))


def read_rounded(text: str) -> Number:
    """Return a printed number to compute with, as `read_number`.

    Raises
    ------
    ValueError
        If the text is no number, or a bound.
    """
    number = read_number(text)
    if not (math.isfinite(number.lower) and math.isfinite(number.upper)):
        raise ValueError("a bound is no number to compute with")
    return number


def read_exact(text: str) -> Number:
    """Return a printed number that stands for itself alone, such as a length of time.

    Raises
    ------
    ValueError
        If the text is no number, or a bound.
    """
    return exact(read_rounded(text).value)


def read_count(text: str) -> Number:
    """Return a printed count, which rounding leaves as it is.

    Raises
    ------
    ValueError
        If the text is no whole number, or negative.
    """
    number = read_exact(text)
    if number.value < 0 or number.value != int(number.value):
        raise ValueError("a count is a whole number from 0 up")
    return number


def exact(value: float) -> Number:
    """Return a number without an interval around it."""
    return Number(value, value, value)


def read_claims(sheet: pd.DataFrame) -> tuple[Claim, ...]:
    """Return the rows of the sheet of claims.

    Parameters
    ----------
    sheet : DataFrame
        Text columns study, claim, check, printed, inputs (`name=value`, `;` between), source and note; an
        empty cell is "" or missing.

    Raises
    ------
    ConfigurationError
        If a row's inputs are not of the form `name=value`, or name one twice.
    """
    rows = sheet.reindex(columns=list(COLUMNS)).astype(object)
    rows = rows.where(rows.notna(), "")
    records = rows.to_dict("records")
    return tuple(_claim({name: str(row[name]).strip() for name in COLUMNS}) for row in records)


def printed_costs(sheet: pd.DataFrame) -> list[tuple[str, float, float, str]]:
    """Return study, number needed to treat, cost of a course and source of each printed cost of a relapse.

    Parameters
    ----------
    sheet : DataFrame
        As for `read_claims`; rows whose check is `cost_per_relapse_avoided`, with `nnt` and
        `cost_per_course` among their inputs.

    Raises
    ------
    ConfigurationError
        If one of the two is not a number.
    """
    costs = []
    for claim in read_claims(sheet):
        if claim.check != "cost_per_relapse_avoided" or not {"nnt", "cost_per_course"} <= set(claim.inputs):
            continue
        try:
            nnt, cost = (read_rounded(claim.inputs[name]).value for name in ("nnt", "cost_per_course"))
        except ValueError as problem:
            raise claim.fault("inputs", str(problem)) from None
        costs.append((claim.study, nnt, cost, claim.source))
    return costs


def _claim(cells: dict[str, str]) -> Claim:
    text = cells.pop("inputs")
    claim = Claim(**cells, inputs={})
    inputs: dict[str, str] = {}
    for part in parts(text):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign or not name:
            raise claim.fault("inputs", f"{part} is not name=value; put ; between inputs")
        if name in inputs:
            raise claim.fault("inputs", f"{name} is given twice; keep one")
        inputs[name] = value
    return Claim(**cells, inputs=inputs)
