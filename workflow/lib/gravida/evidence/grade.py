"""How far the pooled evidence can be trusted, by the five domains of GRADE, from rules that are written here.

Guyatt et al. (2011), Journal of Clinical Epidemiology 64:383-394 and its series. The rules stand in for a
panel's judgement: every step is shown with its reason so that a panel can disagree.
"""

import re
from dataclasses import dataclass

import pandas as pd

from gravida.evidence.studies import Evidence
from gravida.models.meta_analysis import FEWEST_FOR_ASYMMETRY
from schemas.evidence import parts

# Windows whose ends differ by no more than this factor, such as 12 weeks and 3 months, are one.
SAME_WINDOW = 1.1
DAYS_IN = {"day": 1.0, "week": 7.0, "month": 30.4375, "year": 365.25}
CERTAINTIES = ("very low", "low", "moderate", "high")
# Fewer events than this cannot show a moderate effect: Guyatt et al. (2011), J Clin Epidemiol 64:1283-1293.
FEWEST_EVENTS = 300
MEASURES = ("OR", "IRR")
COLUMNS = [
    *("analysis", "measure", "studies", "start", "risk_of_bias", "inconsistency", "indirectness"),
    *("imprecision", "publication_bias", "certainty", "women", "smallest_count", "reason"),
]


@dataclass(frozen=True, slots=True)
class Step:
    """By how many levels a domain lowers the certainty (0 to 2), and why."""

    levels: int
    why: str


def grade(evidence: Evidence, pooled: pd.DataFrame) -> pd.DataFrame:
    """Rate the certainty of the main pool, and of the pool with the registry, for odds and rate ratios.

    Parameters
    ----------
    evidence : Evidence
    pooled : DataFrame
        The table `evidence_pooled`.

    Returns
    -------
    DataFrame
        One row a pool: the domains as 0, -1 or -2, the certainty in words, and the reasons.
    """
    rows = []
    for analysis in ("main", "with_registry"):
        for measure in MEASURES:
            weights = evidence.weights(analysis, measure)
            of = pooled[
                (pooled["analysis"] == analysis)
                & (pooled["measure"] == measure)
                & (pooled["method"] == weights.method)
                & (pooled["interval"] == "wald")
                & (pooled["status"] == "ok")
            ]
            if len(of) and weights.percent:
                # Where a study has a zero cell, Q with half an event added takes in every study.
                spread = of[of["zero_cells"] == "half"] if (of["zero_cells"] == "half").any() else of
                of = of.assign(**{name: spread[name].iloc[0] for name in ("q", "q_df", "q_p_value", "i2")})
                used = evidence.rows.loc[list(weights.percent)].assign(share=list(weights.percent.values()))
                rows.append(_rated(used, of.iloc[0], pooled))
    return pd.DataFrame(rows, columns=COLUMNS)


def _rated(used: pd.DataFrame, row: pd.Series, pooled: pd.DataFrame) -> dict:
    randomized = used["control_type"].eq("randomized").all()
    steps = {
        "risk_of_bias": _risk_of_bias(used, randomized),
        "inconsistency": _inconsistency(row),
        "indirectness": _indirectness(used, row["measure"]),
        "imprecision": _imprecision(used, row),
        "publication_bias": _publication_bias(row, pooled),
    }
    level = (3 if randomized else 1) - sum(step.levels for step in steps.values())
    return {
        **{name: row[name] for name in ("analysis", "measure", "studies", "women", "smallest_count")},
        "start": "high (all randomized)" if randomized else "low (not randomized)",
        **{name: -step.levels for name, step in steps.items()},
        "certainty": CERTAINTIES[max(level, 0)],
        "reason": "; ".join(step.why for step in steps.values()),
    }


def _risk_of_bias(used: pd.DataFrame, randomized: bool) -> Step:
    judged = used["robins_i"].map(lambda cell: dict(_pairs(cell)).get("overall", ""))
    shares = used["share"].groupby(judged).sum()
    serious = float(shares.get("serious", 0) + shares.get("critical", 0))
    if float(shares.get("critical", 0)) >= 50:
        return Step(2, "critical risk of bias in half of the weight or more")
    if serious >= 50:
        # What is not randomized starts low for just this reason: it is not lowered twice.
        counted = "" if randomized else ", for which it starts low"
        return Step(int(randomized), f"serious risk of bias in half of the weight or more{counted}")
    if judged.eq("").any():
        return Step(0, "risk of bias not judged for every study")
    return Step(0, "risk of bias not serious in most of the weight")


def _pairs(cell: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (part.partition("=") for part in parts(cell))]


def _inconsistency(row: pd.Series) -> Step:
    if not row["q_df"] > 0:
        return Step(0, "one study: inconsistency cannot be judged")
    levels = int(row["i2"] >= 50 and row["q_p_value"] < 0.1) + int(row["i2"] >= 75 and row["q_p_value"] < 0.1)
    return Step(levels, f"I2 {row['i2']:.0f}%, p of Q {row['q_p_value']:.2f}")


def _indirectness(used: pd.DataFrame, measure: str) -> Step:
    relapses = measure != "IRR" and used["events_counted"].eq("relapses").any()
    windows = used["window"].map(_days)
    differ = windows.max() > SAME_WINDOW * windows.min()
    said = ["relapses counted as women" if relapses else "", "windows differ" if differ else ""]
    if any(said):
        return Step(1, " and ".join(filter(None, said)))
    return Step(0, "a window is not stated" if windows.isna().any() else "one window and one outcome")


def _days(window: str) -> float:
    """Return the last day of a window such as `0-12 weeks`, nan where it is not in such words."""
    found = re.search(r"([0-9.]+)\s*(day|week|month|year)s?\s*$", window)
    return float(found[1]) * DAYS_IN[found[2]] if found else float("nan")


def _imprecision(used: pd.DataFrame, row: pd.Series) -> Step:
    spans = bool(row["lower"] < 1 < row["upper"])
    events = used[["treated_events", "control_events"]].sum(axis=1).sum()
    known = bool(used[["treated_events", "control_events"]].notna().all(axis=None))
    few = known and events < FEWEST_EVENTS
    said = [
        "limits hold 1" if spans else "limits exclude 1",
        "events not known for every study" if not known else "",
        f"fewer than {FEWEST_EVENTS} events" if few else "",
    ]
    return Step(int(spans) + int(few), " and ".join(filter(None, said)))


def _publication_bias(row: pd.Series, pooled: pd.DataFrame) -> Step:
    tests = pooled[(pooled["analysis"] == row["analysis"]) & (pooled["measure"] == row["measure"])][
        "egger_p_value"
    ].dropna()
    if tests.empty:
        few = row["studies"] < FEWEST_FOR_ASYMMETRY
        alike = "asymmetry cannot be tested: the studies are alike"
        return Step(0, f"asymmetry is not tested below {FEWEST_FOR_ASYMMETRY} studies" if few else alike)
    p_value = float(tests.iloc[0])
    return Step(int(p_value < 0.1), f"Egger's test p = {p_value:.2f}")
