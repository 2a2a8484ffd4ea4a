"""The contract's rules for a submission as loops over rows, to check what the library generates."""

from datetime import date
from itertools import pairwise

import pandas as pd

EDSS_SCALE = {0.0, *(step / 2 for step in range(2, 20))}


def or_default(value, default: int) -> int:
    return default if pd.isna(value) else int(value)


def window(row) -> tuple[int, int, int]:
    """LMP, first observed day and first day no longer observed of one pregnancy."""
    lmp = -or_default(row.gestation_days, 280)
    end = min(or_default(row.observed_to_day, 365), or_default(row.next_conception_day, 10**9))
    return lmp, or_default(row.observed_from_day, lmp - 365), end


def broken_rules(tables: dict[str, pd.DataFrame], cut: date, apart: int = 30) -> set[str]:
    """Names of the contract's rules that a submission breaks."""
    broken = set()
    pregnancies = tables["pregnancies"]
    ids = set(pregnancies["pregnancy_id"])
    if len(ids) < len(pregnancies) or not all(
        pregnancies["pregnancy_id"].str.fullmatch("[A-Za-z0-9_-]{1,32}")
    ):
        broken.add("pregnancy_id")
    for name in tables.keys() - {"pregnancies"}:
        if not set(tables[name]["pregnancy_id"]) <= ids:
            broken.add(f"{name} orphan")
    onsets = {name: [] for name in ids}
    for row in tables.get("relapses", pregnancies.head(0)).itertuples():
        onsets[row.pregnancy_id].append(int(row.onset_day))
    for row in pregnancies.itertuples():
        broken |= broken_by_row(row, cut)
        if "relapses" in tables:
            broken |= broken_by_onsets(row, sorted(onsets[row.pregnancy_id]), apart)
    return broken


def broken_by_row(row, cut: date) -> set[str]:
    _, first, end = window(row)
    recent = row.delivery_year >= cut.year - 1
    rules = {
        "delivery_year": row.delivery_year <= cut.year,
        "age": 14 <= row.age_at_delivery <= 56,
        "diagnosis": pd.isna(row.ms_diagnosis_year) or row.ms_diagnosis_year <= row.delivery_year,
        "gestation": 140 <= or_default(row.gestation_days, 280) <= 308,
        "edss": pd.isna(row.edss_before) or row.edss_before in EDSS_SCALE,
        "observed": first < end and end > 0,
        "follow-up stated": not (recent and pd.isna(row.observed_to_day)),
        "next conception": 1 <= or_default(row.next_conception_day, 1) <= 730,
        "restart": or_default(row.dmt_restart_day, 0) >= 0,
        "parity": 0 <= or_default(row.parity, 0) <= 25,
    }
    return {name for name, kept in rules.items() if not kept}


def broken_by_onsets(row, onsets: list[int], apart: int) -> set[str]:
    lmp, first, end = window(row)
    periods = {
        "relapses_pre_year": (lmp - 365, lmp),
        "relapses_pregnancy": (lmp, 0),
        "relapses_post_year": (0, min(365, end)),
    }
    broken = set()
    for column, (start, stop) in periods.items():
        reported = getattr(row, column)
        if not pd.isna(reported) and reported != sum(start <= day < stop for day in onsets):
            broken.add(column)
        if not pd.isna(reported) and reported > 0 and max(start, first) >= min(stop, end):
            broken.add(f"{column} unobserved")
    if any(not max(lmp - 730, first) <= day < end for day in onsets):
        broken.add("onset outside observation")
    if any(later - earlier < apart for earlier, later in pairwise(onsets)):
        broken.add("onsets too close")
    return broken
