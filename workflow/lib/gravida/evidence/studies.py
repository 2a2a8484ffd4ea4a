"""The table of the studies: what each says by itself, its weight, and what must be said of it."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.evidence.comparisons import MEASURES, PRINTED_CONFIDENCE, Comparisons, compare
from gravida.evidence.rows import Analysis, has_numbers, why_not_in_main
from gravida.models.conditional import common_odds_ratio
from gravida.models.inference import quantile
from gravida.models.stratified import Arms, mantel_haenszel_weights, stratum_estimates
from gravida.words import joined
from schemas.evidence import labels, parts

COPIED = [
    *("study", "year", "window", "dose", "treated_events", "treated_n", "control_events", "control_n"),
    *("treated_person_years", "control_person_years"),
]
NUMBERS = ["estimate", "lower", "upper", "exact_lower", "exact_upper", "weight", "weight_with_registry"]
COLUMNS = [
    *(*COPIED, "measure", *NUMBERS, "weight_method", "control_type", "included", "inferred"),
    *("overlap_group", "robins_i", "source", "registry", "women", "smallest_count", "extraction", "note"),
]
# By so much of half the width of its interval may a printed ratio lie beside the centre.
OFF_CENTRE = 0.1
WOMEN_COUNTED = "women with a relapse were counted, not relapses"
NO_LIMITS = "a ratio without limits has no weight: it is not pooled"
NOT_POOLED = "hazard ratios are not pooled"
RELAPSES_COUNTED = "relapses were counted, not women with a relapse"
SUPERSEDED = "its women are the registry's own: not pooled with the registry"
NO_NUMBERS = "the sheet has no numbers for any measure"


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights in percent by row of the sheet, and the method they belong to."""

    method: str
    percent: dict[int, float]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that is pooled.

    Attributes
    ----------
    rows : DataFrame
        The checked sheet, and after it the registry's own rows, if any.
    published : int
        How many rows are of the sheet.
    pools : dict of Analysis
        By name.
    superseded : collection of str
        Overlap groups whose women are the registry's own.
    confidence : float
        Coverage of limits that follow from counts; limits of a printed ratio are given as printed.
    """

    rows: pd.DataFrame
    published: int
    pools: dict[str, Analysis]
    superseded: Collection[str]
    confidence: float

    def weights(self, pool: str, measure: str) -> Weights:
        """Return the weights of a pool: Mantel-Haenszel's, or inverse variances where a row has no counts."""
        analysis = self.pools.get(pool)
        if analysis is None or measure not in analysis.measures:
            return Weights("", {})
        return _weights(self.rows, analysis.rows, measure)


def tabulate_studies(evidence: Evidence) -> pd.DataFrame:
    """Return one row for each study and measure, and one for a study that has numbers for none."""
    remarks, reasons = _remarks(evidence), why_not_in_main(evidence.rows)
    found, silent = [], np.ones(len(evidence.rows), bool)
    for measure in (*MEASURES, "HR"):
        main, with_registry = (evidence.weights(pool, measure) for pool in ("main", "with_registry"))
        for position in np.flatnonzero(has_numbers(evidence.rows, measure)):
            silent[position] = False
            own = position >= evidence.published
            numbers, said = _numbers(evidence.rows.iloc[[position]], measure, evidence.confidence)
            reason = NOT_POOLED if measure == "HR" else reasons.iloc[position]
            # Beside a published weight the registry's would give its counts away: each pool has its own rows.
            weights = with_registry if own else main
            found.append(
                _copied(evidence, position)
                | numbers
                | {
                    "measure": measure,
                    "weight_with_registry" if own else "weight": weights.percent.get(position),
                    "weight_method": weights.method,
                    "included": not reason,
                    "note": joined(reason, *said, *_said_of(remarks[position], measure)),
                }
            )
    for position in np.flatnonzero(silent):
        row = evidence.rows.iloc[position]
        why = [NO_LIMITS if row["ratio"] == row["ratio"] else NO_NUMBERS]
        if position >= evidence.published:
            why = []
        row = {"measure": "", "weight_method": "", "included": False}
        found.append(
            _copied(evidence, position) | row | {"note": joined(*why, *_said_of(remarks[position], ""))}
        )
    return pd.DataFrame(found).reindex(columns=COLUMNS)


def _copied(evidence: Evidence, position: int) -> dict:
    names = [*COPIED, "control_type", "inferred", "overlap_group", "robins_i", "source"]
    names += ["women", "smallest_count"] if position >= evidence.published else []
    row = evidence.rows.iloc[position]
    registry = position >= evidence.published
    own = {"year": int(row["year"]), "registry": registry, "extraction": "" if registry else row["note"]}
    return {name: row[name] for name in names} | own


def _numbers(row: pd.DataFrame, measure: str, confidence: float) -> tuple[dict[str, float], list[str]]:
    """Return one study's estimate and limits, and what must be said of them."""
    comparison = None if measure == "HR" else compare(row, measure)
    if comparison is None or comparison.printed:
        return _as_printed(row.iloc[0], measure, confidence)
    said = []
    arms = comparison.arms
    if arms.silent[0]:
        return _exact(comparison, confidence), [_why_silent(arms)]
    if arms.zero_cell[0] and measure != "RD":
        said.append("a cell is 0: half an event was added to each for its own estimate")
        arms = arms.with_half()
    estimates, variances = stratum_estimates(arms, measure)
    if not (np.isfinite(estimates[0]) and variances[0] > 0):
        return {}, [*said, "its own estimate has no variance"]
    reach = quantile(confidence) * np.sqrt(variances[0])
    limits = estimates[0] + np.array([0, -1, 1]) * reach
    shown = limits if measure == "RD" else np.exp(limits)
    found = dict(zip(("estimate", "lower", "upper"), shown.tolist(), strict=True))
    return found | _exact(comparison, confidence), said


def _as_printed(row: pd.Series, measure: str, confidence: float) -> tuple[dict[str, float], list[str]]:
    """Return a printed ratio, its limits turned into those of another coverage where one is asked for."""
    ratio, lower, upper = (float(row[name]) for name in ("ratio", "ratio_lower", "ratio_upper"))
    said = ["ratio and limits as printed"]
    half = np.log(upper / lower) / 2
    if confidence != PRINTED_CONFIDENCE:
        reach = half * quantile(confidence) / quantile(PRINTED_CONFIDENCE)
        lower, upper = ratio * np.exp(-reach), ratio * np.exp(reach)
        said = [f"printed with {100 * PRINTED_CONFIDENCE:g}% limits, from which these follow"]
    if measure != "HR":
        said.append(f"pooled with {_kind(measure)} only")
    if (
        abs(np.log(ratio**2 / (float(row["ratio_lower"]) * float(row["ratio_upper"])))) / 2
        > OFF_CENTRE * half
    ):
        said.append("the printed ratio is not at the centre of its limits")
    return {"estimate": ratio, "lower": lower, "upper": upper}, said


def _kind(measure: str) -> str:
    return {"OR": "odds ratios", "RR": "risk ratios", "IRR": "rate ratios"}[measure]


def _why_silent(arms: Arms) -> str:
    if arms.treated_events[0] == 0:
        return "treated_events and control_events are 0: it says nothing of a ratio"
    return "all of both arms had an event: it says nothing of a ratio"


def _exact(comparison: Comparisons, confidence: float) -> dict[str, float]:
    """Return conditional exact limits of an odds ratio; nothing for other measures."""
    if comparison.measure != "OR":
        return {}
    try:
        found = common_odds_ratio(comparison.arms, confidence)
    except NotEstimable:
        return {}
    return {"exact_lower": found.lower, "exact_upper": found.upper}


def _weights(sheet: pd.DataFrame, positions: np.ndarray, measure: str) -> Weights:
    compared = compare(sheet.iloc[positions], measure)
    counted, printed = (positions[list(part)] for part in (compared.counted, compared.printed))
    method, rows = "mantel_haenszel", counted
    if printed.size:
        method, rows = "inverse_variance", np.concatenate([counted[~compared.arms.silent], printed])
        weights = 1 / compared.estimates(compared.zero_cells)[1]
    else:
        weights = mantel_haenszel_weights(compared.arms, measure)
    total = weights.sum()
    if weights.size != rows.size or not total > 0:
        return Weights("", {})
    return Weights(method, dict(zip(rows.tolist(), (100 * weights / total).tolist(), strict=True)))


def _remarks(evidence: Evidence) -> list[list[str]]:
    """Return what is said of each row whatever the measure."""
    sheet = evidence.rows
    names, has_registry = labels(sheet), len(sheet) > evidence.published
    remarks = []
    for position, row in enumerate(sheet.itertuples()):
        group = row.overlap_group
        together = names[(sheet["overlap_group"] == group) & (names != names.iloc[position])]
        inferred = [name for name in parts(row.inferred) if name != "robins_i"]
        said = [
            {"relapses": RELAPSES_COUNTED, "women": WOMEN_COUNTED}.get(row.events_counted, ""),
            f"may share women with {', '.join(together)}" if group and len(together) else "",
            SUPERSEDED if has_registry and group and group in evidence.superseded else "",
            f"inferred: {', '.join(inferred)}" if inferred else "",
            row.note if position >= evidence.published else "",
        ]
        remarks.append([remark for remark in said if remark])
    return remarks


def _said_of(remarks: list[str], measure: str) -> list[str]:
    """Return what is said of a row for one measure: a rate counts relapses, the others count women."""
    fitting = RELAPSES_COUNTED if measure == "IRR" else WOMEN_COUNTED
    return [remark for remark in remarks if remark != fitting]
