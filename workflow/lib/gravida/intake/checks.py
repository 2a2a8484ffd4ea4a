"""Validation by the pandera schemas.

Where a frame fails, every check is asked for the cells that fail it: what pandera itself tells of them quotes
values.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import pandera.pandas as pa

from gravida.intake.outcome import HEADER_LINES, Outcome, row_lines
from gravida.intake.parse import EXPECTED, Typed, kind
from schemas.submission import TABLES

_CATEGORY = {"missing_value": "completeness", "range": "plausibility"}
_ID_PATTERN = ("pregnancy_id", "pattern")


def failing_cells(
    schema: pa.DataFrameSchema, frame: pd.DataFrame, unusable: pd.DataFrame
) -> dict[tuple[str, str], np.ndarray]:
    """Hold every cell against the checks of its column.

    Parameters
    ----------
    schema : DataFrameSchema
    frame : DataFrame, n rows
        Has a range index and the columns and types of `schema`.
    unusable : DataFrame of bool, same shape
        Cells that are empty in `frame` for another reason than being missing; they fail nothing.

    Returns
    -------
    dict of (column, check) to ndarray of bool, shape (n,)
        Only what fails somewhere.
    """
    try:
        # Nothing is coerced or filled in, so the frame stays as it is without a copy.
        schema.validate(frame, inplace=True)
    except pa.errors.SchemaError:
        pass
    else:
        return {}
    found = {
        (column, check): failing & ~unusable[column].to_numpy()
        for column, rule in schema.columns.items()
        for check, failing in _failing(rule, frame[column])
    }
    return {key: failing for key, failing in found.items() if failing.any()}


def _failing(rule: pa.Column, cells: pd.Series) -> Iterator[tuple[str, np.ndarray]]:
    missing = cells.isna().to_numpy()
    if not rule.nullable:
        yield "missing_value", missing
    if rule.unique:
        yield "unique", cells.duplicated(keep=False).to_numpy() & ~missing
    filled = np.flatnonzero(~missing)
    for check in rule.checks:
        failing = np.zeros(len(cells), dtype=bool)
        # pandera asks it of the cells that are filled.
        failing[filled] = ~check(cells).check_output.to_numpy(bool)
        yield check.name, failing


def assess_cells(table: str, typed: Typed) -> tuple[Typed, list[Outcome]]:
    """Check every cell of a table by itself: type, presence, pattern, code, range, uniqueness.

    Returns
    -------
    Typed
        The table with every failing cell unusable.
    list of Outcome
        One for each check of each column, in the schema's order.
    """
    found = failing_cells(TABLES[table], typed.frame, typed.unusable)
    outcomes = []
    for column, rule in TABLES[table].columns.items():
        unusable = typed.unusable[column].to_numpy()
        missing = typed.frame[column].isna().to_numpy() & ~unusable
        assessed = {"type": ~missing, "missing_value": ~unusable}
        for check, advice in _checks_of(rule).items():
            failing = unusable if check == "type" else found.get((column, check), np.zeros_like(unusable))
            checked = int(assessed.get(check, ~missing & ~unusable).sum())
            outcomes.append(
                _outcome(table, column, check, advice, checked, failing)
                if column in typed.sent
                else absent_cell(table, column, check)
            )
    return typed.without(_by_column(found, typed.unusable)), outcomes


def well_formed_ids(ids: pd.Series, outcomes: Sequence[Outcome]) -> pd.Series:
    """Return the pregnancy_ids of a table without those that do not fit the pattern: they may be anything."""
    malformed = [outcome.lines for outcome in outcomes if (outcome.column, outcome.check) == _ID_PATTERN]
    ids = ids.copy()
    ids.iloc[np.concatenate(malformed) - HEADER_LINES - 1] = pd.NA
    return ids


def absent_cells(table: str) -> list[Outcome]:
    """Return the checks of the columns of a table that was not sent or could not be read."""
    return [
        absent_cell(table, column, check)
        for column, rule in TABLES[table].columns.items()
        for check in _checks_of(rule)
    ]


def absent_cell(table: str, column: str, check: str) -> Outcome:
    """Return a check of cells of which there are none."""
    return _outcome(table, column, check, "", 0, np.empty(0, dtype=bool))


def _outcome(table: str, column: str, check: str, advice: str, checked: int, failing: np.ndarray) -> Outcome:
    category = _CATEGORY.get(check, "conformance")
    lines = row_lines(failing)
    return Outcome(table, column, check, category, "refused", advice, checked, lines.size, lines)


def _checks_of(rule: pa.Column) -> dict[str, str]:
    checks = {"type": EXPECTED[kind(rule)]}
    if not rule.nullable:
        checks["missing_value"] = "No empty cell."
    if rule.unique:
        checks["unique"] = "Each value once."
    return checks | {check.name: f"Allowed: {check.description}." for check in rule.checks}


def _by_column(found: dict[tuple[str, str], np.ndarray], like: pd.DataFrame) -> pd.DataFrame:
    cells = pd.DataFrame(index=like.index)
    for (column, _), failing in found.items():
        cells[column] = failing | cells[column].to_numpy() if column in cells else failing
    return cells


def assess_rules(
    table: str, rules: pa.DataFrameSchema, quantities: pd.DataFrame
) -> tuple[pd.DataFrame, list[Outcome]]:
    """Check the rules that join columns and tables.

    Parameters
    ----------
    table : str
        The table whose rows the quantities belong to.
    rules : DataFrameSchema
        Over quantities named ``column.check``.
    quantities : DataFrame, n rows
        One column a rule, missing where it cannot be assessed.

    Returns
    -------
    DataFrame of bool, n rows
        For each column of the table that a rule refuses somewhere, the rows where it does.
    list of Outcome
        One a rule, in the schema's order.
    """
    nothing = pd.DataFrame(False, index=quantities.index, columns=quantities.columns)
    found = failing_cells(rules, quantities, nothing)
    outcomes, refused = [], {}
    for name, rule in rules.columns.items():
        column, check = name.split(".")
        failing = found.get((name, "rule"), np.zeros(len(quantities), dtype=bool))
        lines = row_lines(failing)
        kind = rule.metadata["category"], rule.metadata["action"], rule.description
        checked = int(quantities[name].notna().sum())
        outcomes.append(Outcome(table, column, check, *kind, checked, lines.size, lines))
        if outcomes[-1].refuses:
            refused[column, check] = failing
    return _by_column(refused, quantities), outcomes
