"""Which rows of the sheet of studies enter which pool, and why the others do not."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gravida.evidence.comparisons import MEASURES, PERSON_TIME, TOTALS
from schemas.evidence import labels, parts
from schemas.names import RESERVED

COMPARABLE = ("randomized", "concurrent")
NOT_COMPARABLE = {
    "historical": "historical controls",
    "same_women": "controls are the same women at another time",
    "other_dose": "no untreated arm: the control is another dose",
}
OF_RATIO = ("ratio", "ratio_lower", "ratio_upper")


@dataclass(frozen=True, slots=True)
class Analysis:
    """A pool's name, the positions of its rows in the sheet, and the measures it is made for."""

    name: str
    rows: np.ndarray
    measures: tuple[str, ...] = MEASURES


def why_not_in_main(sheet: pd.DataFrame) -> pd.Series:
    """Return why each row is not in the main pool, "" where it is.

    In the main pool are rows with randomized or concurrent controls and more than one woman in each arm,
    which the sheet does not exclude for a reason of its own.
    """
    reasons = sheet["control_type"].map(NOT_COMPARABLE).fillna("")
    single = sheet["control_n"].eq(1)
    reasons = reasons.where(~(reasons.eq("") & single), "the control group is a single woman")
    alone = sheet["treated_n"].eq(1)
    reasons = reasons.where(~(reasons.eq("") & alone), "the treated group is a single woman")
    return reasons.where(~(reasons.eq("") & sheet["exclude"].ne("")), sheet["exclude"])


def has_numbers(sheet: pd.DataFrame, measure: str) -> pd.Series:
    """Return which rows have numbers for a measure: counts, or its ratio with limits."""
    counts = sheet[list(PERSON_TIME if measure == "IRR" else TOTALS)].notna().all(axis=1)
    printed = sheet["ratio_measure"].eq(measure) & sheet[list(OF_RATIO)].notna().all(axis=1)
    return (counts & (measure != "HR")) | printed


def analyses(sheet: pd.DataFrame, registry: pd.DataFrame, superseded: Collection[str]) -> Iterator[Analysis]:
    """Return every pool that is made of a sheet and the registry's own row.

    Parameters
    ----------
    sheet : DataFrame
        Checked, without the registry.
    registry : DataFrame
        The registry's own rows, if any; their positions follow the last of the sheet.
    superseded : collection of str
        Overlap groups whose women are the registry's own: they leave the pools that hold the registry.

    Yields
    ------
    Analysis
        all, each review that the sheet names, main, with_registry, leave_out:STUDY and cumulative:STUDY.
    """
    everything, main = np.arange(len(sheet)), np.flatnonzero(why_not_in_main(sheet).eq(""))
    yield Analysis("all", everything)
    reviews = sheet["review"].map(parts)
    for review in dict.fromkeys(name for row in reviews for name in row):
        yield Analysis(review, np.flatnonzero(reviews.map(lambda row, name=review: name in row)))
    yield Analysis("main", main)
    ours = np.flatnonzero(sheet["overlap_group"].isin(superseded))
    with_registry = np.append(np.setdiff1d(main, ours), len(sheet) + np.arange(len(registry)))
    entered = tuple(measure for measure in MEASURES if has_numbers(registry, measure).any())
    if len(registry):
        yield Analysis("with_registry", with_registry, entered)
    names = labels(sheet)
    for position in main:
        measures = _measures(sheet.iloc[[position]])
        yield Analysis(f"leave_out:{names.iloc[position]}", main[main != position], measures)
    in_time = main[np.argsort(sheet["year"].to_numpy(float)[main], kind="stable")]
    for last, position in enumerate(in_time):
        measures = _measures(sheet.iloc[[position]])
        yield Analysis(f"cumulative:{names.iloc[position]}", np.sort(in_time[: last + 1]), measures)
    if len(registry):
        yield Analysis(f"cumulative:{RESERVED}", with_registry, entered)


def why_not_independent(rows: pd.DataFrame) -> str:
    """Return what must be said of rows in one pool that may share women, "" where none do."""
    names = labels(rows)
    groups = rows["overlap_group"].where(rows["overlap_group"].ne(""))
    together = [", ".join(names[groups == group]) for group in groups[groups.duplicated()].unique()]
    said = [f"taken as independent, though they may share women: {shared}" for shared in together]
    doses = names[rows["control_type"].eq("other_dose")]
    said += [f"the control is another dose: {', '.join(doses)}"] if len(doses) and len(rows) > 1 else []
    return "; ".join(said)


def _measures(row: pd.DataFrame) -> tuple[str, ...]:
    return tuple(measure for measure in MEASURES if has_numbers(row, measure).all())
