"""Relapses with their dates: of which pregnancy each is, which are left out, and the counts they make."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa

from gravida.intake.links import WINDOW_COLUMNS
from gravida.intake.mapping.checks import mapping_outcome
from gravida.intake.mapping.plan import OUTSIDE, WITHOUT_PREGNANCY, TablePlan
from gravida.intake.mapping.rows import link_cells
from gravida.intake.outcome import Outcome
from gravida.intake.parse import Typed, parse_table
from gravida.intake.reading.numbers import numeric_columns, settle_numbers
from gravida.intake.reading.text import UNREADABLE_CELL, Text
from gravida.periods import (
    COUNT_COLUMNS,
    count_onsets,
    gestation,
    observation,
    onset_window,
    period_windows,
)
from schemas.submission import TABLES

# No woman has more; where one does, the column of the women is another.
MOST_PREGNANCIES = 30
# What happened to rows that are not in the relapses as they were in the source.
REASONS = {
    OUTSIDE: "no pregnancy observed on that day, left out",
    WITHOUT_PREGNANCY: "none of the pregnancies, left out",
    "again": "a further pregnancy observed on that day, given to it too",
}
LEFT_OUT = (REASONS[OUTSIDE], REASONS[WITHOUT_PREGNANCY])
Reason = tuple[str, str, str, int]


def known_pregnancies(text: Text | None, zero: np.ndarray) -> pd.DataFrame:
    """Return what relapses are placed by.

    Parameters
    ----------
    text : Text, n rows, or None
        The pregnancies in columns of the data dictionary; None where there are none.
    zero : ndarray of datetime64[D], shape (n,)
        Their deliveries.

    Returns
    -------
    DataFrame, n rows
        `pregnancy_id`, `woman_id` ("" where it cannot be read), `delivery`; `reference`, the woman's first
        delivery, missing where one of hers is; `start` and `end` of the days on which an onset may lie, and
        whether they are `known`.
    """
    text = text or Text((), (), 0, np.empty(0, dtype=np.int64))
    typed = _typed("pregnancies", text, WINDOW_COLUMNS)
    window = onset_window(typed.frame)
    ids = {name: _cells(text, name) for name in ("pregnancy_id", "woman_id")}
    frame = pd.DataFrame(
        {name: ["" if UNREADABLE_CELL in cell else cell for cell in cells] for name, cells in ids.items()},
        dtype=object,
    ).assign(
        delivery=zero.astype("datetime64[s]"),
        start=window.start,
        end=window.end,
        known=~typed.unusable[WINDOW_COLUMNS].any(axis=1),
    )
    hers = frame.groupby("woman_id")["delivery"]
    complete = hers.transform("count") == hers.transform("size")
    return frame.assign(reference=hers.transform("min").where(complete))


def first_deliveries(pregnancies: pd.DataFrame) -> pd.Series:
    """Return the reference delivery of each woman_id."""
    return pregnancies.drop_duplicates("woman_id").set_index("woman_id")["reference"]


def without_strangers(
    plan: TablePlan, text: Text, pregnancies: pd.DataFrame
) -> tuple[Text, list[Outcome], list[Reason]]:
    """Leave out the rows that are of none of the pregnancies.

    Where that is not declared, those of an unknown pregnancy stay, for the rule of orphans to find. Those of
    an unknown woman have no pregnancy_id to stay under, and are reported here.

    Parameters
    ----------
    plan : TablePlan
    text : Text, n rows
        The source.
    pregnancies : DataFrame
        As `known_pregnancies` returns it.
    """
    declared = WITHOUT_PREGNANCY in plan.leave_out
    ids = link_cells(plan, text) if declared or plan.of_women else None
    if ids is None:
        return text, [], []
    cells = pd.Series(np.array([*ids.words, ""], dtype=object)[ids.places])
    filled = cells.ne("").to_numpy()
    named = pregnancies[pregnancies["pregnancy_id"] != ""]
    times = named.groupby("woman_id" if plan.of_women else "pregnancy_id").size()
    unknown = ~cells.isin(times.index).to_numpy()
    if not plan.of_women:
        gone = unknown & filled
        return text.take(np.flatnonzero(~gone)), [], _reason(WITHOUT_PREGNANCY, int(gone.sum()))
    gone = unknown | cells.isin(times.index[times > MOST_PREGNANCIES]).to_numpy()
    # A row whose woman is not found may be of one whose own ids cannot be read, which is reported there.
    complete = not pregnancies.empty and bool(pregnancies[["pregnancy_id", "woman_id"]].ne("").all(axis=None))
    failing = gone & complete & ~(declared & unknown & filled)
    lines = text.lines[failing]
    told = mapping_outcome("relapses", "pregnancy_id", "unknown_woman", text.rows, lines.size, lines, text)
    left = int((gone & ~failing).sum())
    return text.take(np.flatnonzero(~gone)), [told], _reason(WITHOUT_PREGNANCY, left)


def placed(plan: TablePlan, text: Text, pregnancies: pd.DataFrame) -> tuple[Text, list[Reason]]:
    """Give each onset to the pregnancies that were observed on its day, and leave out those of none.

    One that is outside of all stays with the nearest of the woman's, where it is not declared to be left out:
    the rule of onsets finds it there. One without a readable date belongs to each of hers.

    Parameters
    ----------
    plan : TablePlan
    text : Text
        The relapses in columns of the data dictionary; where `plan.of_women`, with the woman's id for that of
        the pregnancy, and with days from her reference delivery.
    pregnancies : DataFrame
        As `known_pregnancies` returns it.
    """
    if not (plan.of_women or plan.leave_out):
        return text, []
    by = "woman_id" if plan.of_women else "pregnancy_id"
    named = pregnancies[pregnancies["pregnancy_id"] != ""].drop_duplicates(["pregnancy_id", by])
    if plan.of_women:
        named = named.assign(later=(named["delivery"] - named["reference"]).dt.days)
    else:
        named = named.assign(later=0).drop(columns="woman_id")
    onsets = pd.DataFrame(
        {
            "row": np.arange(text.rows),
            by: pd.Series(_cells(text, "pregnancy_id"), dtype=object),
            "day": _typed("relapses", text, ["onset_day"]).frame["onset_day"].astype("float64"),
        }
    )
    pairs = onsets.merge(named, on=by, how="left")
    pairs["day"] -= pairs["later"].fillna(0)
    farther = np.maximum(pairs["start"] - pairs["day"], pairs["day"] - pairs["end"] + 1)
    pairs["distance"] = farther.clip(lower=0).where(pairs["known"].eq(True)).fillna(0)
    nearest = pairs.index.isin(pairs.groupby("row")["distance"].idxmin())
    chosen = pairs[(pairs["distance"] == 0) | (nearest & (OUTSIDE not in plan.leave_out))]
    left = text.rows - chosen["row"].nunique()
    again = int((chosen["day"].notna() & chosen["row"].duplicated()).sum())
    rows = text.take(chosen["row"].to_numpy(np.int64))
    if plan.of_women:
        rows = _with_cells(rows, "pregnancy_id", chosen["pregnancy_id"].fillna(UNREADABLE_CELL).tolist())
        cells = zip(_cells(rows, "onset_day"), chosen["day"], strict=True)
        days = [cell if np.isnan(day) else str(int(day)) for cell, day in cells]
        rows = _with_cells(rows, "onset_day", days)
    return rows, _reason(OUTSIDE, left) + _reason("again", again)


def with_counts(pregnancies: Text, relapses: Text | None) -> Text:
    """Return the pregnancies with their counts of onsets, by the windows of the data dictionary.

    A count of which no day is observed is empty, or 0 where it must be stated. Where the cells of a window
    cannot be read, which is reported there and keeps the row from being used, its defaults stand in for it.
    """
    frame = _typed("pregnancies", pregnancies, WINDOW_COLUMNS).frame
    observed, windows = observation(frame), period_windows(gestation(frame))
    ids = pd.Series(_cells(pregnancies, "pregnancy_id"), dtype=object)
    position, day = _onsets(relapses, ids)
    # Rows with the same id, of which only repeated ones can be used, have the counts of the first.
    first = pd.Index(ids.drop_duplicates()).get_indexer(ids)
    first = np.flatnonzero(~ids.duplicated())[first]
    for period, column in COUNT_COLUMNS.items():
        part = windows[period].within(observed)
        stated = (part.end > part.start) | TABLES["pregnancies"].columns[column].required
        counts = count_onsets(position, day, part)
        cells = [str(count) if said else "" for count, said in zip(counts, stated, strict=True)]
        pregnancies = _with_cells(pregnancies, column, [cells[place] for place in first])
    return pregnancies


def _onsets(relapses: Text | None, ids: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the position of the pregnancy of each onset that has one, and its day."""
    if relapses is None:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    day = _typed("relapses", relapses, ["onset_day"]).frame["onset_day"]
    once = ~ids.duplicated() & ids.ne("")
    owner = pd.Index(ids[once]).get_indexer(pd.Index(_cells(relapses, "pregnancy_id"), dtype=object))
    known = (owner >= 0) & day.notna().to_numpy()
    return np.flatnonzero(once)[owner[known]], day[known].to_numpy(np.int64)


def _typed(table: str, text: Text, columns: Collection[str]) -> Typed:
    """Type some columns as intake will; the others are missing."""
    places = [place for place, name in enumerate(text.names) if name in columns]
    names, cells = (tuple(part[place] for place in places) for part in (text.names, text.columns))
    some = replace(text, names=names, columns=cells)
    some, doubts = settle_numbers(some, numeric_columns(table))
    return parse_table(table, some, [column for column, _ in doubts])


def _cells(text: Text, name: str) -> list[str]:
    return text.columns[text.names.index(name)].to_pylist() if name in text.names else [""] * text.rows


def _with_cells(text: Text, name: str, cells: list[str]) -> Text:
    column = pa.chunked_array([pa.array(cells, pa.string())])
    columns = dict(zip(text.names, text.columns, strict=True)) | {name: column}
    return replace(text, names=tuple(columns), columns=tuple(columns.values()))


def _reason(why: str, rows: int) -> list[Reason]:
    return [("relapses", "onset_day", REASONS[why], rows)] if rows else []
