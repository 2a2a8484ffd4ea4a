"""The rows of one table: its columns converted and put together, its days counted from the delivery."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from gravida.intake.mapping.checks import fault_outcomes, mapping_outcome
from gravida.intake.mapping.dates import Dates, read_dates
from gravida.intake.mapping.plan import ColumnPlan, TablePlan, code_list
from gravida.intake.mapping.steps import (
    Cells,
    Converted,
    constant,
    convert,
    find_column,
    join_cells,
    read_cells,
    without_missing,
)
from gravida.intake.outcome import Outcome
from gravida.intake.reading.text import UNREADABLE_CELL, Text
from schemas.submission import TABLES

_DMT_COLUMNS = frozenset({"dmt_before", "dmt_in_pregnancy"})
_DELIVERY = "delivery_date"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the data dictionary and what became of its cells."""

    plan: ColumnPlan
    converted: Converted


def own_delivery(plan: TablePlan, text: Text) -> tuple[bool, np.ndarray, list[Outcome]]:
    """Return whether the table has the dates of delivery itself, and which they are (NaT where none)."""
    zero = np.full(text.rows, np.datetime64("NaT"), dtype="datetime64[D]")
    if plan.delivery is None:
        return False, zero, []
    cells, outcomes = _source_cells(plan.table, plan.delivery, text)
    if cells is None:
        return True, zero, [] if plan.repeat else outcomes
    # A delivery whose date is no date is reported under that check, and an empty one here.
    cells, _ = without_missing(cells, plan.delivery.missing)
    found: Dates = read_dates(cells.words, cells.places, plan.delivery.date_order)
    faults = found.faults | {"no_delivery_date": ~cells.filled}
    if not plan.repeat:
        outcomes += fault_outcomes(plan.table, _DELIVERY, text.rows, faults, text)
    return True, found.days, outcomes


def _source_cells(table: str, plan: ColumnPlan, text: Text) -> tuple[Cells | None, list[Outcome]]:
    if plan.value:
        return constant(plan.value, text.rows), []
    places = [find_column(text, name) for name in plan.sources]
    lacking = any(not found for found in places)
    twice = any(len(found) > 1 for found in places)
    outcomes = [
        mapping_outcome(table, plan.target, "missing_source_column", 1, int(lacking)),
        mapping_outcome(table, plan.target, "duplicate_source_column", 1, int(twice)),
    ]
    if lacking or twice:
        return None, outcomes
    return join_cells([read_cells(text.columns[found[0]]) for found in places], plan.join), outcomes


def convert_table(
    plan: TablePlan, text: Text, zero: np.ndarray | pd.Series, dmt_codes: Sequence[str]
) -> tuple[list[list[Column]], list[Outcome]]:
    """Convert the columns of a table.

    Parameters
    ----------
    plan : TablePlan
    text : Text, n rows
        The source.
    zero : ndarray of datetime64[D], shape (n,), or Series
        The delivery of each row, or, by what `link_cells` returns, of each pregnancy or woman.
    dmt_codes : sequence of str

    Returns
    -------
    list of list of Column
        The columns that every row has, then those of each of `plan.repeat`.
    list of Outcome
    """
    looked_up = isinstance(zero, pd.Series)
    days = _looked_up(zero, plan, text) if looked_up else zero
    groups, outcomes = [], []
    for columns in (plan.columns, *plan.repeat):
        group = []
        for column in columns:
            converted, found = _convert_column(plan.table, column, text, days, dmt_codes)
            outcomes += _without_delivery(found, looked_up)
            group.append(Column(column, converted))
        groups.append(group)
    return groups, outcomes


def _without_delivery(outcomes: Sequence[Outcome], looked_up: bool) -> list[Outcome]:
    """Tell days that no delivery is known for, but do not refuse them again.

    A delivery that is missing in the table itself is reported there; one that is looked up, with the
    pregnancy, or with the pregnancy_id by which it is not found.
    """
    return [
        replace(one, action="flagged") if one.check == "no_delivery_date" else one
        for one in outcomes
        if looked_up or one.check != "no_delivery_date"
    ]


def link_cells(plan: TablePlan, text: Text) -> Cells | None:
    """Return what links each row of the source to the pregnancies; None where the source lacks it."""
    for column in plan.columns:
        if column.target == "pregnancy_id":
            return _source_cells(plan.table, column, text)[0]
    return None


def _looked_up(deliveries: pd.Series, plan: TablePlan, text: Text) -> np.ndarray:
    ids = link_cells(plan, text) or constant("", text.rows)
    days = deliveries.reindex(pd.Index(ids.words, dtype=object)).to_numpy().astype("datetime64[D]")
    return days[ids.places] if ids.words else np.empty(0, dtype="datetime64[D]")


def _convert_column(
    table: str, column: ColumnPlan, text: Text, zero: np.ndarray, dmt_codes: Sequence[str]
) -> tuple[Converted, list[Outcome]]:
    cells, outcomes = _source_cells(table, column, text)
    if cells is None:
        # That the column is lacking is said once: its cells are there, and cannot be read.
        return Converted(constant(UNREADABLE_CELL, text.rows), 0, {}, {}), outcomes
    if column.value:
        return Converted(cells, text.rows, {}, {}), outcomes
    codes = dmt_codes if column.target in _DMT_COLUMNS else code_list(TABLES[table].columns[column.target])
    # A workbook and Parquet have numbers of their own, which are written with a point.
    typed = bool(text.letters) or text.file.lower().endswith(".parquet")
    converted = convert(column, cells, zero, codes, typed)
    return converted, outcomes + fault_outcomes(
        table, column.target, converted.checked, converted.faults, text
    )


def by_pregnancy(groups: list[list[Column]], zero: np.ndarray) -> pd.Series:
    """Return the delivery of each pregnancy_id, of the first row where it stands twice."""
    for column in groups[0]:
        if column.plan.target == "pregnancy_id":
            cells = column.converted.cells
            ids = np.array(cells.words, dtype=object)[cells.places] if cells.words else []
            found = pd.Series(zero.astype("datetime64[s]"), index=pd.Index(ids, dtype=object))
            return found[~found.index.duplicated() & (found.index != "")]
    return pd.Series(dtype="datetime64[s]")


def assembled(plan: TablePlan, text: Text, groups: list[list[Column]]) -> Text:
    """Put the columns together; of repeated ones a row for each filled group, in order."""
    shared, *repeated = groups
    if not plan.repeat:
        return _text(text, shared, np.arange(text.rows))
    parts, order = [], []
    for group in repeated:
        filled = np.zeros(text.rows, dtype=bool)
        for column in group:
            if column.plan.sources and column.converted.checked:
                filled |= column.converted.cells.filled
        rows = np.flatnonzero(filled)
        parts.append(_text(text, [*shared, *group], rows))
        order.append(rows)
    names = tuple(dict.fromkeys(name for part in parts for name in part.names))
    sequence = pa.array(np.argsort(np.concatenate(order), kind="stable"))
    columns = [
        pa.chunked_array([chunk for part in parts for chunk in _named(part, name).chunks], type=pa.string())
        for name in names
    ]
    lines = np.concatenate([part.lines for part in parts])[sequence.to_numpy()]
    return replace(
        parts[0],
        names=names,
        columns=tuple(column.take(sequence) for column in columns),
        rows=lines.size,
        lines=lines,
    )


def _named(part: Text, name: str) -> pa.ChunkedArray:
    if name in part.names:
        return part.columns[part.names.index(name)]
    return pa.chunked_array([pa.array([""] * part.rows, pa.string())])


def _text(source: Text, columns: Sequence[Column], rows: np.ndarray) -> Text:
    names = tuple(column.plan.target for column in columns)
    chosen = [column.converted.cells for column in columns]
    cells = tuple(Cells(one.words, one.places[rows]).text() for one in chosen)
    lines = source.lines[rows]
    return replace(source, names=names, columns=cells, rows=rows.size, lines=lines, letters=(), dates=())


def count_reasons(table: str, groups: list[list[Column]]) -> list[tuple[str, str, str, int]]:
    """Return (table, column, reason, rows) of the cells that a code of missing data had emptied."""
    found: dict[tuple[str, str], int] = {}
    for column in (column for group in groups for column in group):
        for reason, rows in column.converted.reasons.items():
            key = column.plan.target, reason
            found[key] = found.get(key, 0) + rows
    return [(table, column, reason, rows) for (column, reason), rows in found.items()]
