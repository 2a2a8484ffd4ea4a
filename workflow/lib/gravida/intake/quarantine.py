"""Single rows set aside: refused ones, and with them everything of their pregnancies, until none is refused.

A pregnancy is used with all of its rows or not at all: without its unreadable relapse it would count too few.
So a row of another table that names no pregnancy cannot be set aside: it may be any one's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gravida.intake.assess import Assessed
from gravida.intake.centre.identifying_ids import ID_CHECKS
from gravida.intake.folder import REQUIRED_TABLE
from gravida.intake.outcome import HEADER_LINES, Outcome
from gravida.intake.parse import Typed
from gravida.intake.reading.text import Text

QUARANTINED = "quarantined"
Rows = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is left of a submission without its refused rows.

    `assessed` is of the rows `kept` (positions, by table); `duplicates` are the rows of pregnancies that
    repeat another one in every cell; `outcomes` say what had rows set aside, in lines of the submission.
    """

    assessed: Assessed
    kept: Rows
    duplicates: np.ndarray
    outcomes: list[Outcome]


def touches_others(outcome: Outcome) -> bool:
    """Say whether a refused row may be the fault of other rows too.

    One that names no pregnancy may belong to any, and an id that identifies is seldom the only one.
    """
    nobody = outcome.table != REQUIRED_TABLE and outcome.column == "pregnancy_id"
    return nobody or outcome.check in ID_CHECKS


def set_aside(
    texts: Mapping[str, Text], parsed: Mapping[str, Typed], assess: Callable[[Mapping[str, Typed]], Assessed]
) -> Kept | None:
    """Drop rows until none is refused; None where that cannot be.

    Parameters
    ----------
    texts : mapping of table to Text
    parsed : mapping of table to Typed
        The same tables, with the same rows.
    assess : callable
        Returns what the rules say of such tables.
    """
    repeated = _repeated(texts[REQUIRED_TABLE])
    kept: Rows = {table: np.arange(len(typed.frame)) for table, typed in parsed.items()}
    kept[REQUIRED_TABLE] = np.flatnonzero(~repeated)
    found: dict[tuple[str, str, str], Outcome] = {}
    while True:
        assessed = assess({table: typed.take(kept[table]) for table, typed in parsed.items()})
        refusing = [_placed(outcome, kept) for outcome in assessed.outcomes if outcome.refuses]
        if not refusing:
            return Kept(assessed, kept, np.flatnonzero(repeated), list(found.values()))
        if any(map(touches_others, refusing)):
            return None
        for outcome in refusing:
            key = outcome.table, outcome.column, outcome.check
            found[key] = _joined(found[key], outcome) if key in found else outcome
        kept = _without(kept, refusing, assessed.ids)


def _repeated(text: Text) -> np.ndarray:
    cells = pd.DataFrame({place: column.to_pandas() for place, column in enumerate(text.columns)})
    return cells.duplicated().to_numpy()


def _placed(outcome: Outcome, kept: Rows) -> Outcome:
    """Return an outcome about the rows that are kept as one about the rows that were sent."""
    rows = kept[outcome.table][outcome.lines - HEADER_LINES - 1]
    return replace(outcome, lines=rows + HEADER_LINES + 1, action=QUARANTINED)


def _joined(first: Outcome, later: Outcome) -> Outcome:
    lines = np.union1d(first.lines, later.lines)
    return replace(first, lines=lines, failed=lines.size)


def _without(kept: Rows, refusing: Sequence[Outcome], ids: Mapping[str, pd.Series]) -> Rows:
    failing = {table: np.zeros(0, dtype=np.int64) for table in kept}
    for outcome in refusing:
        failing[outcome.table] = np.union1d(failing[outcome.table], outcome.lines - HEADER_LINES - 1)
    refused = {table: np.isin(rows, failing[table]) for table, rows in kept.items()}
    named = [ids[table][refused[table]].dropna() for table in kept]
    pregnancies = set(pd.concat(named))
    return {
        table: rows[~(refused[table] | ids[table].isin(pregnancies).to_numpy(bool))]
        for table, rows in kept.items()
    }
