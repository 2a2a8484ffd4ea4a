"""Time to the first relapse after delivery: shares, their difference, and the comparison of whole curves."""

from typing import Any

import pandas as pd

from gravida import words
from gravida.report import cells
from gravida.report.display import Display
from gravida.report.section import Section

BENEFIT, HARM = "NNTB", "NNTH"


def show_relapse_free(relapse_free: pd.DataFrame) -> Display:
    """Show the share of pregnancies without a relapse by arm and day."""
    return cells.display(
        relapse_free,
        {
            "Arm": lambda row: f"{words.words(row['arm'], words.ARMS)} pregnancies",
            "Day": _day,
            "Relapse-free, % (limits)": cells.limits("relapse_free", "lower", "upper", 1, times=100),
            **cells.counts("at_risk", "relapsed", "pregnancies", "women"),
            cells.NOTE: cells.note,
        },
        row="Day",
        group="Arm",
    )


def show_risk_difference(risk_difference: pd.DataFrame) -> Display:
    """Show the difference of the arms' risks by day, and how many must be treated for one less."""
    return cells.display(
        risk_difference,
        {
            "Day": _day,
            "Risk, treated, %": cells.value("risk_treated", _percent),
            "Risk, untreated, %": cells.value("risk_untreated", _percent),
            "Difference, points (limits)": cells.limits("risk_difference", "lower", "upper", 1, times=100),
            "Needed to treat (limits)": needed_to_treat,
            "Pregnancies / women": cells.together("pregnancies", "women"),
            "Relapsed, treated / untreated": cells.together("relapsed_treated", "relapsed_untreated"),
            cells.NOTE: cells.note,
        },
        row="Day",
    )


def _day(row: pd.Series) -> str:
    return f"Day {words.text(row['day'])}"


def _percent(share: Any) -> str:
    return words.fixed(100 * float(share), 1)


def needed_to_treat(row: pd.Series) -> str:
    """Return the number needed to treat with its limits, through infinity where the difference covers 0.

    The limits begin on the estimate's side: `NNTB 12.3 (NNTB 5.1 to infinity to NNTH 20.1)`. Source: Altman
    and Andersen (1999), BMJ 319:1492-1495.
    """
    if words.is_missing(row["nnt_form"]) or words.is_missing(row["risk_difference"]):
        return cells.value("nnt", words.text)(row)
    number, lower, upper = row["nnt"], row["nnt_lower"], row["nnt_upper"]
    printed = "No finite number" if words.is_missing(number) else _needed(number)
    if row["nnt_form"] != "both":
        near, far = sorted((lower, upper), key=lambda end: _distance(end))
        return f"{printed} ({_needed(near)} to {_needed(far)})"
    # A limit that is missing here is a limit of the difference at 0: infinite.
    harmful = not words.is_missing(number) and float(number) < 0
    ends = (upper, lower) if harmful else (lower, upper)
    named = [_needed(end) for end in ends if not words.is_missing(end)]
    return f"{printed} ({' to infinity to '.join(named) if len(named) == 2 else _to_infinity(ends)})"


def _to_infinity(ends: tuple[Any, Any]) -> str:
    first, second = (None if words.is_missing(end) else _needed(end) for end in ends)
    return f"{first or 'infinity'} to {second or 'infinity'}"


def _distance(number: Any) -> float:
    return float("inf") if words.is_missing(number) else abs(float(number))


def _needed(number: Any) -> str:
    if words.is_missing(number):
        return "infinity"
    return f"{BENEFIT if float(number) > 0 else HARM} {words.fixed(abs(float(number)), 1)}"


def show_time_to_relapse(time_to_relapse: pd.DataFrame) -> Display:
    """Show the comparison of the arms' times to the first relapse by each method."""
    return cells.display(
        time_to_relapse,
        {
            "Method": lambda row: words.words(row["method"], words.METHODS),
            "Estimate (limits)": _estimate,
            "p": cells.p_value(),
            **cells.counts("pregnancies", "women", "relapses"),
            "Relapses in each arm": cells.together("relapses_numerator", "relapses_denominator"),
            cells.NOTE: cells.note,
        },
        row="Method",
    )


def _estimate(row: pd.Series) -> str:
    if row["method"] in ("log_rank", "proportional_hazards"):
        return cells.fixed("estimate", 3)(row)
    return cells.limits("estimate", "lower", "upper", 1 if row["method"] == "rmst_difference" else 3)(row)


RELAPSE_FREE = Section(
    table="relapse_free",
    title="Time to the first relapse",
    caption="Pregnancies without a relapse since delivery, by arm and day",
    show=show_relapse_free,
    notes=(
        "Kaplan-Meier over the pregnancies of sites that date their relapses; limits log-log with "
        "Greenwood's variance, {ci}, pregnancies taken as independent. An onset on the day of delivery has "
        "one day at risk.",
        "At risk: followed for at least so many days without a relapse before. Relapsed: through that day.",
    ),
)
RISK_DIFFERENCE = Section(
    table="risk_difference",
    title="Risk difference and number needed to treat",
    caption="Risk of a relapse by day, untreated less treated",
    show=show_risk_difference,
    notes=(
        "Risk: 1 less the Kaplan-Meier share, in percent. Difference in percentage points: Wald limits, "
        "{ci}, Greenwood's variance, pregnancies taken as independent; above 0 is fewer relapses with "
        "treatment.",
        "NNTB: number needed to treat for one pregnancy more without relapse; NNTH: for one more with "
        "relapse. It is 1 over the difference with the difference's limits; where they cover 0 it runs from "
        "benefit through infinity to harm.",
    ),
    contrast="Treated against untreated",
)
TIME_TO_RELAPSE = Section(
    table="time_to_relapse",
    title="Hazards and mean times compared",
    caption="Time to the first relapse after delivery, treated and untreated compared",
    show=show_time_to_relapse,
    notes=(
        "Limits: {ci}. Cox: hazard of the arm named first in the plan's contrast over that of the other, "
        "ties after Efron, sandwich errors clustered by woman without a small-sample factor. Log-rank: "
        "chi-square with 1 degree of freedom, pregnancies taken as independent.",
        "Restricted mean: days without a relapse up to day 365, treated less untreated; variance of the area "
        "under the Kaplan-Meier curve, pregnancies taken as independent.",
        "Proportional hazards: score test (chi-square) of a hazard ratio that changes with time, time on "
        "the scale of the Kaplan-Meier curve, pregnancies taken as independent; a small p says that one "
        "hazard ratio does not describe the year.",
    ),
    contrast="Treated against untreated",
    where=(
        (
            "method",
            "cox_by_site",
            "Cox within sites: each site that leaves treatment to choice has a baseline hazard of its own.",
        ),
    ),
)
