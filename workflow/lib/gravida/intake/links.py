"""The quantities that the rules of `schemas.submission_rules` limit.

Each function returns a frame with one "Int64" column a rule, named as the rule. A quantity is missing where
it cannot be assessed: where a cell it needs was not sent, is empty, or failed a check of its own. So a single
fault is reported once, under its own name.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandera.pandas import DataFrameSchema

from gravida.intake.parse import Typed
from gravida.intake.women import of_women
from gravida.periods import (
    COUNT_COLUMNS,
    DEFAULT_GESTATION_DAYS,
    Window,
    count_onsets,
    gestation,
    observation,
    onset_window,
    period_windows,
    retain_separate_onsets,
)
from schemas.submission_rules import PREGNANCY_RULES, RECORD_RULES, ROW_RULES

WINDOW_COLUMNS = ["gestation_days", "observed_from_day", "observed_to_day", "next_conception_day"]
FIRST_DOSE_BY = 30


def within_pregnancy(pregnancies: Typed, codes: pd.Series, data_cut_year: int, policy: str) -> pd.DataFrame:
    """Return the quantities of `PREGNANCY_RULES`.

    Parameters
    ----------
    pregnancies : Typed, n rows
    codes : Series of text
        The known codes of therapies.
    data_cut_year : int
    policy : {"all", "none", "individual"}
        Whether the site says that it treats every woman, none, or by choice.
    """
    frame, sent = pregnancies.frame, pregnancies.sent
    years_ill = frame["delivery_year"] - frame["ms_diagnosis_year"]
    began_after = frame["onset_after_lmp"].fillna(False)
    no_pre_year = began_after | pregnancies.unusable["onset_after_lmp"]
    recent = (frame["delivery_year"] >= data_cut_year - 1).fillna(False)
    quantities = {
        "delivery_year.not_after_data_cut": data_cut_year - frame["delivery_year"],
        "ms_diagnosis_year.not_after_delivery": years_ill,
        "ms_diagnosis_year.before_pre_pregnancy_year": years_ill.mask(
            no_pre_year | (years_ill < 0).fillna(True)
        ),
        "relapses_pre_year.none_before_onset": frame["relapses_pre_year"].where(began_after),
        "observed_to_day.not_before_observed_from": frame["observed_to_day"] - frame["observed_from_day"],
        "observed_to_day.followup_stated": _number(
            frame["observed_to_day"].notna(), recent & ~pregnancies.unusable["observed_to_day"]
        ),
    }
    for column in ("gestation_days", "outcome", "observed_from_day"):
        assessed = ~pregnancies.unusable[column] & (column in sent)
        quantities[f"{column}.stated"] = _number(frame[column].notna(), assessed)
    for column in ("dmt_before", "dmt_in_pregnancy"):
        quantities[f"{column}.code"] = _number(frame[column].isin(codes), frame[column].notna())
    quantities |= _of_therapy(pregnancies) | of_women(frame)
    if policy in ("all", "none"):
        differs = frame["ivig"] != (policy == "all")
        quantities["ivig.follows_policy"] = _number(differs.fillna(False), frame["ivig"].notna())
    return _in_order(quantities, PREGNANCY_RULES, len(frame))


def _of_therapy(pregnancies: Typed) -> dict[str, pd.Series]:
    frame, unusable = pregnancies.frame, pregnancies.unusable
    stop, told = frame["dmt_stop_day"], "dmt_in_pregnancy" in pregnancies.sent
    uncovered = (stop >= 0) & frame["dmt_in_pregnancy"].isna()
    before_lmp = -gestation(frame) - stop
    return {
        "dmt_stop_day.within_5_years": before_lmp.where(~unusable["gestation_days"]),
        "dmt_stop_day.therapy_in_pregnancy": _number(
            uncovered.fillna(False), stop.notna() & ~unusable["dmt_in_pregnancy"] & told
        ),
    }


def of_rows(
    rows: Mapping[str, Typed], pregnancies: Typed, separation: int
) -> tuple[dict[str, pd.DataFrame], dict[str, np.ndarray]]:
    """Return the quantities of `ROW_RULES` for each table, and whose row each row is.

    Parameters
    ----------
    rows : mapping of table to Typed
        Relapses, infusions and adverse events.
    pregnancies : Typed
    separation : int
        Days from one retained onset to the next.

    Returns
    -------
    dict of table to DataFrame
    dict of table to ndarray of int
        Position of each row's pregnancy, -1 where there is none or it is not known.
    """
    known = pregnancies.frame["pregnancy_id"]
    # A row whose pregnancy is not found may belong to one whose own pregnancy_id is unusable.
    complete = bool(known.notna().all()) and not known.empty
    quantities, owners = {}, {}
    for table, typed in rows.items():
        owner = owners[table] = _owners(typed.frame["pregnancy_id"], known)
        assessed = typed.frame["pregnancy_id"].notna().to_numpy() & ((owner >= 0) | complete)
        mine = {"pregnancy_id.orphan": _number(pd.Series(owner >= 0), assessed)}
        if table == "relapses":
            mine |= _of_onsets(typed.frame["onset_day"], owner, pregnancies, separation)
        if table == "infusions":
            mine |= _of_first_doses(typed.frame["day"], owner, pregnancies.frame["ivig"])
        quantities[table] = _in_order(mine, ROW_RULES[table], len(typed.frame))
    return quantities, owners


def _owners(ids: pd.Series, known: pd.Series) -> np.ndarray:
    if ids.empty:
        return np.empty(0, dtype=np.int64)
    found = pc.index_in(pa.array(ids), value_set=pa.array(known), skip_nulls=True)
    return found.fill_null(-1).to_numpy().astype(np.int64)


def _of_onsets(
    onset: pd.Series, owner: np.ndarray, pregnancies: Typed, separation: int
) -> dict[str, pd.Series]:
    placed = onset.notna().to_numpy() & (owner >= 0)
    day, whose = onset[placed].to_numpy(np.int64), owner[placed]
    window = onset_window(pregnancies.frame)
    outside = np.maximum(0, np.maximum(window.start[whose] - day, day - window.end[whose] + 1))
    clear = _window_known(pregnancies)[whose]
    retained = retain_separate_onsets(whose, day, separation)
    rows = np.flatnonzero(placed)
    return {
        "onset_day.onset_inside_observation": _sparse(outside[clear], rows[clear], len(onset)),
        "onset_day.onset_30_days_apart": _sparse(retained.astype(np.int64), rows, len(onset)),
    }


def _of_first_doses(day: pd.Series, owner: np.ndarray, ivig: pd.Series) -> dict[str, pd.Series]:
    first = _first_doses(day, owner, len(ivig))
    clear = ivig.fillna(False).to_numpy(bool) & ((first < FIRST_DOSE_BY) | ~_unplaced(day, owner, len(ivig)))
    after = (day >= 0).fillna(False).to_numpy(bool) & (owner >= 0)
    rows = np.flatnonzero(after)
    whose, when = owner[after], day[after].to_numpy(np.int64)
    told = clear[whose] & (when == first[whose])
    late = np.maximum(0, when - FIRST_DOSE_BY + 1)
    return {"day.first_dose_within_30_days": _sparse(late[told], rows[told], len(day))}


def _first_doses(day: pd.Series, owner: np.ndarray, pregnancies: int) -> np.ndarray:
    """Return the day of each pregnancy's first dose on day 0 or later, a day that never comes without one."""
    after = (day >= 0).fillna(False).to_numpy(bool) & (owner >= 0)
    first = np.full(pregnancies, np.iinfo(np.int64).max)
    np.minimum.at(first, owner[after], day[after].to_numpy(np.int64))
    return first


def _unplaced(day: pd.Series, owner: np.ndarray, pregnancies: int) -> np.ndarray:
    """Say which pregnancies may have a further row: one without a day, or one whose owner is not known."""
    unplaced = np.full(pregnancies, bool((owner < 0).any()))
    unplaced[owner[day.isna().to_numpy() & (owner >= 0)]] = True
    return unplaced


def of_records(
    pregnancies: Typed, relapses: Typed | None, infusions: Typed | None, owners: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Return the quantities of `RECORD_RULES`: counts against dated relapses, flag against dated infusions.

    Where a relapse or an infusion cannot be placed, which is reported under its own name, what it may explain
    is not held against the pregnancy.

    Parameters
    ----------
    pregnancies : Typed, n rows
    relapses, infusions : Typed or None
        None where that table was not sent or not read.
    owners : mapping of table to ndarray of int
        As `of_rows` returns it.
    """
    frame, known = pregnancies.frame, _window_known(pregnancies)
    observed, windows = observation(frame), period_windows(gestation(frame))
    quantities = {}
    if relapses is not None:
        day = relapses.frame["onset_day"]
        quantities["gestation_days.trimester_3_in_short_pregnancy"] = _after_a_short_pregnancy(
            frame, windows["trimester_3"], day, owners["relapses"]
        )
    for period, column in COUNT_COLUMNS.items():
        window = windows[period]
        seen = window.days_within(observed) > 0
        count = frame[column]
        quantities[f"{column}.count_without_observation"] = count.where(known & ~seen)
        if relapses is None:
            continue
        dated, unplaced = _dated(day, owners["relapses"], window.within(observed), observed)
        excess = count - dated
        explained = ((excess > 0) & unplaced).fillna(False)
        quantities[f"{column}.agrees_with_dated_relapses"] = excess.where(known & seen & ~explained)
        empty = frame[column].isna() & ~pregnancies.unusable[column]
        quantities[f"{column}.missing_with_dated_relapses"] = pd.Series(dated, dtype="Int64").where(
            known & empty
        )
    if infusions is not None:
        quantities["ivig.agrees_with_infusions"] = _flag_against_doses(
            frame["ivig"], infusions, owners["infusions"]
        )
    return _in_order(quantities, RECORD_RULES, len(frame))


def _dated(
    day: pd.Series, owner: np.ndarray, part: Window, observed: Window
) -> tuple[np.ndarray, np.ndarray]:
    """Count the onsets inside `part`; say for which pregnancies an onset is known that has no place."""
    placed = day.notna().to_numpy() & (owner >= 0)
    where, when = owner[placed], day[placed].to_numpy(np.int64)
    unplaced = np.full(part.start.size, bool((owner < 0).any()))
    unplaced[owner[~placed & (owner >= 0)]] = True
    unplaced[where[(when < observed.start[where]) | (when >= observed.end[where])]] = True
    return count_onsets(where, when, part), unplaced


def _after_a_short_pregnancy(
    frame: pd.DataFrame, own: Window, day: pd.Series, owner: np.ndarray
) -> pd.Series:
    """Count the onsets that a pregnancy of `DEFAULT_GESTATION_DAYS` would have had in its third trimester.

    Only of pregnancies that ended before one (their `own` is empty) and count a relapse.
    """
    placed = day.notna().to_numpy() & (owner >= 0)
    usual = period_windows(np.full(len(frame), DEFAULT_GESTATION_DAYS))["trimester_3"]
    later = DEFAULT_GESTATION_DAYS - gestation(frame)
    window = Window(usual.start + later, usual.end + later)
    onsets = count_onsets(owner[placed], day[placed].to_numpy(np.int64), window)
    count = frame["relapses_pregnancy"]
    return (
        pd.Series(onsets, dtype="Int64")
        .mask((count == 0).fillna(False), 0)
        .where(count.notna() & (own.start == own.end))
    )


def _flag_against_doses(ivig: pd.Series, infusions: Typed, owner: np.ndarray) -> pd.Series:
    day = infusions.frame["day"]
    first = _first_doses(day, owner, len(ivig))
    dosed = first < FIRST_DOSE_BY
    started_late = ~dosed & (first < np.iinfo(np.int64).max) & ivig.fillna(False).to_numpy(bool)
    unplaced = _unplaced(day, owner, len(ivig))
    return _number((ivig != dosed).fillna(False), ivig.notna() & (dosed | ~unplaced) & ~started_late)


def _window_known(pregnancies: Typed) -> np.ndarray:
    return ~pregnancies.unusable[WINDOW_COLUMNS].any(axis=1).to_numpy()


def _number(truth: pd.Series, assessed: pd.Series | np.ndarray) -> pd.Series:
    return truth.astype("Int64").where(assessed)


def _sparse(values: np.ndarray, rows: np.ndarray, size: int) -> pd.Series:
    return pd.Series(values, index=rows, dtype="Int64").reindex(range(size))


def _in_order(quantities: Mapping[str, pd.Series], rules: DataFrameSchema, rows: int) -> pd.DataFrame:
    nothing = pd.Series(pd.NA, index=range(rows), dtype="Int64")
    columns = {name: quantities.get(name, nothing).astype("Int64") for name in rules.columns}
    return pd.DataFrame(columns, index=range(rows), copy=False)
