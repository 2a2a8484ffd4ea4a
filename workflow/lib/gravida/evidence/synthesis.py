"""The published evidence pooled, alone and with the registry as its newest study."""

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from gravida.errors import ConfigurationError
from gravida.evidence.comparisons import MEASURES, compare
from gravida.evidence.grade import grade
from gravida.evidence.pool import PooledRow, pool
from gravida.evidence.rows import Analysis, analyses, has_numbers, why_not_independent
from gravida.evidence.studies import Evidence, tabulate_studies
from gravida.words import joined
from schemas.evidence import STUDIES, labels, parts

COUNTS = [
    *("treated_events", "treated_n", "control_events", "control_n"),
    *("treated_person_years", "control_person_years"),
]
POOLED_COLUMNS = [
    "analysis",
    *(name for name in PooledRow.__dataclass_fields__ if name not in ("status", "reason")),
    *("inferred", "women", "smallest_count", "status", "reason"),
]


@dataclass(frozen=True, slots=True)
class Synthesis:
    """The tables `evidence_studies`, `evidence_pooled` and `evidence_grade`."""

    studies: pd.DataFrame
    pooled: pd.DataFrame
    grade: pd.DataFrame


def pool_evidence(
    sheet: pd.DataFrame, registry: pd.DataFrame, superseded: Collection[str], confidence: float
) -> Synthesis:
    """Pool the published studies for every measure, by every method, and with the registry as the newest one.

    Everything is treated over control, whatever the direction of the registry's own contrast.

    Parameters
    ----------
    sheet : DataFrame
        As `gravida.evidence.sheet.check_studies` returns it.
    registry : DataFrame
        The registry's own rows, if any: `gravida.statistics.registry_counts.count_registry`.
    superseded : collection of str
        Overlap groups of the sheet whose women are the registry's own.
    confidence : float
        Coverage of every interval.
    """
    registry = _in_form(registry)
    pools = {analysis.name: analysis for analysis in analyses(sheet, registry, superseded)}
    everyone = pd.concat([sheet, registry], ignore_index=True) if len(registry) else sheet
    evidence = Evidence(everyone, len(sheet), pools, superseded, confidence)
    _check_superseded(sheet, registry, superseded)
    present = [measure for measure in MEASURES if has_numbers(everyone, measure).any()]
    rows = [
        row
        for analysis in pools.values()
        for measure in present
        if measure in analysis.measures
        for row in _pooled(evidence, analysis, measure)
    ]
    pooled = pd.DataFrame(rows, columns=POOLED_COLUMNS)
    return Synthesis(tabulate_studies(evidence), pooled, grade(evidence, pooled))


def _check_superseded(sheet: pd.DataFrame, registry: pd.DataFrame, superseded: Collection[str]) -> None:
    unknown = sorted(set(superseded) - set(sheet["overlap_group"]))
    if len(registry) and unknown:
        raise ConfigurationError(
            f"evidence.superseded: no row of the sheet of studies has the overlap_group {unknown[0]}; "
            "correct it, or say [] where no published study is of the registry's women"
        )


def _in_form(registry: pd.DataFrame) -> pd.DataFrame:
    """Return the registry's rows with every column of the sheet, numbers as floats and text as text."""
    form = {}
    for name, column in STUDIES.columns.items():
        cells = registry.get(name, pd.Series(np.nan, index=registry.index))
        number = (column.metadata or {}).get("number")
        form[name] = cells.astype("float64") if number else cells.astype("object").fillna("").astype(str)
    judged = {name: registry.get(name, pd.Series(dtype="float64")) for name in ("women", "smallest_count")}
    return pd.DataFrame({**form, **judged})


def _pooled(evidence: Evidence, analysis: Analysis, measure: str) -> Iterator[dict]:
    """Yield rows of the table, with what the release gate judges them by and the inferred studies."""
    rows = evidence.rows.iloc[analysis.rows]
    there = rows[has_numbers(rows, measure)]
    names = labels(evidence.rows)
    inferred = [
        name
        for name, cell in zip(names[there.index], there["inferred"], strict=True)
        if set(parts(cell)) & {*COUNTS, "ratio", "ratio_lower", "ratio_upper"}
    ]
    constant = {"analysis": analysis.name, "inferred": ";".join(inferred)}
    own = there[there.index >= evidence.published]
    if len(own):
        constant |= {"women": own["women"].iloc[0], "smallest_count": own["smallest_count"].iloc[0]}
    shared = why_not_independent(there)
    for row in pool(compare(rows, measure), evidence.confidence):
        said = joined(row.reason, shared if row.status == "ok" else "")
        yield asdict(row) | constant | {"reason": said}
