"""The sheets of published evidence: from cells of text to checked columns, faults named by row and column."""

import math

import pandas as pd
import pandera.pandas as pa

from gravida.errors import ConfigurationError
from schemas.evidence import CLAIMS, PUBLISHED_RATES, STUDIES

# So many faults are told in one line; of the others only the number.
TOLD = 5


def check_studies(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the sheet of studies as `check_sheet` does."""
    return check_sheet(cells, STUDIES, "studies")


def check_claims(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the sheet of claims as `check_sheet` does."""
    return check_sheet(cells, CLAIMS, "claims")


def check_published_rates(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the sheet of published rates as `check_sheet` does."""
    return check_sheet(cells, PUBLISHED_RATES, "published_rates")


def check_sheet(cells: pd.DataFrame, schema: pa.DataFrameSchema, name: str) -> pd.DataFrame:
    """Return a sheet with its numbers as floats, and columns that are not required but missing as empty ones.

    Parameters
    ----------
    cells : DataFrame of str
        As `gravida.tables.read_cells` reads it.
    schema : DataFrameSchema
        Of `schemas.evidence`.
    name : str
        The sheet's key under `evidence` in the configuration, and its file among the shipped ones.

    Raises
    ------
    ConfigurationError
        Naming row and column of each fault, in one line.
    """
    key, shipped = f"evidence.{name}", f"resources/evidence/{name}.csv"
    cells = _without_empty(cells)
    _check_separator(cells, key)
    missing = [known for known, column in schema.columns.items() if column.required and known not in cells]
    unknown = [given for given in cells if given not in schema.columns]
    for names, what in ((missing, "is missing"), (unknown, "is not known")):
        if names:
            columns = "column " + ", ".join(map(str, names[:TOLD]))
            raise ConfigurationError(f"{key}: {columns} {what}; for its form see {shipped}")
    if cells.empty:
        raise ConfigurationError(f"{key}: the sheet has no row; for its form see {shipped}")
    absent = dict.fromkeys((known for known in schema.columns if known not in cells), "")
    stripped = cells.apply(lambda column: column.str.strip()).assign(**absent)[list(schema.columns)]
    numbers = [name for name, column in schema.columns.items() if (column.metadata or {}).get("number")]
    parsed = stripped.assign(**{name: stripped[name].map(_number) for name in numbers})
    faults = [
        (row, name, "not a number (a point for decimals, no thousands separator)")
        for name in numbers
        for row in parsed.index[parsed[name].eq(math.inf)]
    ]
    faults += [] if faults else _broken(parsed, schema)
    if faults:
        names = {row: _named(name, row) for row, name in stripped["study"].items()}
        told = [f"study {names[row]}, column {column}: {what}" for row, column, what in dict.fromkeys(faults)]
        more = f"; and {len(told) - TOLD} more" if len(told) > TOLD else ""
        raise ConfigurationError(f"{key}: {'; '.join(told[:TOLD])}{more}")
    return parsed


def _without_empty(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the sheet without the wholly empty rows and nameless columns that spreadsheets export."""
    filled = cells.apply(lambda column: column.str.strip().ne(""))
    nameless = [name for name in cells if str(name).startswith("Unnamed: ") and not filled[name].any()]
    return cells.loc[filled.any(axis=1)].drop(columns=nameless).reset_index(drop=True)


def _check_separator(cells: pd.DataFrame, key: str) -> None:
    for sign, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(cells.columns) < 3 and any(str(name).count(sign) > 1 for name in cells):
            raise ConfigurationError(f"{key}: the cells are separated by {word}; save the sheet with commas")
    twice = [str(name) for name in cells if str(name).rpartition(".")[0] in cells and str(name)[-1].isdigit()]
    if twice:
        raise ConfigurationError(f"{key}: column {twice[0].rpartition('.')[0]} is there twice; keep one")


def _named(study: str, row: int) -> str:
    """Return how a message names a row: its study on one line, or its number among the rows."""
    return " ".join(study.split()) or f"in row {row + 1} below the header"


def _number(cell: str) -> float:
    """Return a cell as a number, nan where it is empty; infinity stands for what is none."""
    if not cell:
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        return math.inf
    return value if math.isfinite(value) and "_" not in cell else math.inf


def _broken(sheet: pd.DataFrame, schema: pa.DataFrameSchema) -> list[tuple[int, str, str]]:
    """Return row, column and fault of every check that fails, in order of the rows."""
    from pandera.errors import SchemaErrors

    try:
        schema.validate(sheet, lazy=True)
    except SchemaErrors as failed:
        cases = failed.failure_cases
    else:
        return []
    faults = []
    for column, check, row in zip(cases["column"], cases["check"], cases["index"], strict=True):
        before, colon, after = str(check).partition(": ")
        if check == "multiple_fields_uniqueness":
            column, what = schema.unique[0], "the same row twice; keep one"
        elif colon and before in schema.columns:
            column, what = before, after
        else:
            what = {"not_nullable": "empty"}.get(check, str(check))
        faults.append((int(row), str(column), what))
    return sorted(faults, key=lambda fault: fault[0])
