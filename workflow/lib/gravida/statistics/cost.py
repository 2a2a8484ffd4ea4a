"""What a relapse avoided costs: the price of a course times the number needed to treat."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from gravida.models.inference import number_needed
from gravida.statistics.doses import ALL
from gravida.words import joined, text

# The pool of published studies that the scenario `published_evidence` takes its risk difference from.
POOL = {
    "analysis": "main",
    "measure": "RD",
    "method": "mantel_haenszel",
    "interval": "wald",
    "zero_cells": "none",
}
ANSWERED = ("ok", "fallback")
COLUMNS = [
    *("scenario", "grams", "price_per_gram", "cost_per_course", "nnt", "cost_per_relapse_avoided", "lower"),
    *("upper", "form", "currency", "women", "relapsed_treated", "relapsed_untreated", "women_dosed"),
    *("women_relapsed_treated", "women_relapsed_untreated", "source", "status", "reason"),
]
# What stands behind the number needed to treat of this registry.
BEHIND = (
    *("women", "relapsed_treated", "relapsed_untreated"),
    *("women_relapsed_treated", "women_relapsed_untreated"),
)


WINDOWS = "windows and events as in those studies, not those of the plan"
RECORDED = "the mean of pregnancies with a recorded infusion"


@dataclass(frozen=True, slots=True)
class CostPlan:
    """What the analysis plan fixes about cost.

    Attributes
    ----------
    per_gram : float
        Price of a gram of immunoglobulin.
    grams_per_course : float
        Grams planned for a pregnancy.
    administration_per_course : float
        What giving a course costs beside the drug, 0 where it is not counted.
    currency : str
        Of these prices.
    day : int
        Days after delivery through which a relapse counts: a row of the risk differences.
    """

    per_gram: float
    grams_per_course: float
    administration_per_course: float
    currency: str
    day: int


@dataclass(frozen=True, slots=True)
class PrintedCost:
    """A number needed to treat and a cost per patient that a publication prints.

    The currency is "" where the publication names none.
    """

    study: str
    nnt: float
    cost_per_course: float
    source: str
    currency: str = ""


@dataclass(frozen=True, slots=True)
class _Course:
    """What a course of a scenario costs; `reason` says what must be known about it."""

    cost: float | None
    grams: float | None = None
    price: float | None = None
    currency: str = ""
    women_dosed: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Needed:
    """The number needed to treat that a scenario uses, or why there is none."""

    nnt: float | None = None
    nnt_lower: float | None = None
    nnt_upper: float | None = None
    nnt_form: str = ""
    women: int | None = None
    relapsed_treated: int | None = None
    relapsed_untreated: int | None = None
    women_relapsed_treated: int | None = None
    women_relapsed_untreated: int | None = None
    status: str = "ok"
    reason: str = ""


def estimate_cost(
    plan: CostPlan,
    risk_difference: pd.DataFrame,
    doses: pd.DataFrame,
    pooled: pd.DataFrame,
    printed: Sequence[PrintedCost],
) -> pd.DataFrame:
    """Return the cost of one pregnancy more without relapse, under each scenario.

    The cost of a course times the number needed to treat, and times its limits: `lower` belongs to the upper
    limit of the risk difference. A negative number is harm, an empty one infinite, and `form` is that of the
    number needed to treat (see `number_needed`).

    Parameters
    ----------
    plan : CostPlan
    risk_difference : DataFrame
        The table `risk_difference`.
    doses : DataFrame
        The table `doses`.
    pooled : DataFrame
        The table `evidence_pooled`; without rows where no published studies are pooled.
    printed : sequence of PrintedCost
        One a study.

    Returns
    -------
    DataFrame
        `COLUMNS`. A row that is not estimable keeps what its scenario fixes: grams, price and cost.
    """
    registry, evidence = _needed_here(risk_difference, plan.day), _needed_in(pooled)
    administration = plan.administration_per_course
    free = "" if administration else "administration is configured as 0"
    planned = _planned(plan, 0.0)
    own = f"the plan's price, this registry's risk difference at day {plan.day}"
    rows = [
        _row("plan", planned, registry, own),
        _row("with_administration", _planned(plan, administration, free), registry, own),
        _row("doses_given", _given(plan, doses), registry, own),
        *_published(printed, registry),
        _row("published_evidence", planned, evidence, "the plan's price, pooled published studies"),
    ]
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def _published(printed: Sequence[PrintedCost], registry: _Needed) -> Iterator[dict]:
    """Yield, for each publication, its price with this registry's result and with its own."""
    for one in printed:
        course = _Course(one.cost_per_course, currency=one.currency)
        yield _row(f"published_price:{one.study}", course, registry, one.source)
        alone = _Needed(nnt=one.nnt, reason="printed without limits")
        yield _row(f"published:{one.study}", course, alone, one.source)


def _planned(plan: CostPlan, administration: float, reason: str = "") -> _Course:
    drug = plan.grams_per_course * plan.per_gram
    return _Course(drug + administration, plan.grams_per_course, plan.per_gram, plan.currency, reason=reason)


def _given(plan: CostPlan, doses: pd.DataFrame) -> _Course:
    """Return the course of the mean grams of the pregnancies with dated infusions."""
    rows = doses[doses["regimen"] == ALL].to_dict("records")
    if not rows or rows[0]["status"] not in ANSWERED:
        reason = text(rows[0]["reason"]) if rows else "no infusions are recorded"
        return _Course(None, price=plan.per_gram, currency=plan.currency, reason=reason)
    grams = float(rows[0]["grams_mean"])
    return _Course(grams * plan.per_gram, grams, plan.per_gram, plan.currency, rows[0]["women"], RECORDED)


def _needed_here(risk_difference: pd.DataFrame, day: int) -> _Needed:
    rows = risk_difference[risk_difference["day"] == day].to_dict("records")
    if not rows:
        return _Needed(status="not_estimable", reason=f"there is no risk difference at day {day}")
    row = rows[0]
    counts = {name: row[name] for name in BEHIND}
    if row["status"] not in ANSWERED:
        return _Needed(**counts, status=row["status"], reason=text(row["reason"]))
    needed = number_needed(row["risk_difference"], row["lower"], row["upper"])
    return _Needed(**needed, **counts, status=row["status"], reason=text(row["reason"]))


def _needed_in(pooled: pd.DataFrame) -> _Needed:
    """Return the number needed by the pooled risk difference, which is treated less untreated."""
    rows = pooled
    for column, value in POOL.items():
        rows = rows[rows[column] == value] if len(rows) else rows
    if rows.empty:
        return _Needed(status="not_estimable", reason="no risk difference of published studies is pooled")
    row = rows.iloc[0]
    if row["status"] not in ANSWERED:
        return _Needed(status=row["status"], reason=text(row["reason"]))
    # Wald limits of a difference can leave its range; a number needed below 1 means nothing.
    ends = (min(max(-float(row[name]), -1.0), 1.0) for name in ("estimate", "upper", "lower"))
    reason = joined(text(row["reason"]), WINDOWS)
    return _Needed(**number_needed(*ends), status=row["status"], reason=reason)


def _row(scenario: str, course: _Course, needed: _Needed, source: str) -> dict:
    row = {
        "scenario": scenario,
        "grams": course.grams,
        "price_per_gram": course.price,
        "cost_per_course": course.cost,
        "form": "",
        "currency": course.currency,
        **{name: getattr(needed, name) for name in BEHIND},
        "women_dosed": course.women_dosed,
        "source": source,
        "status": needed.status,
        "reason": joined(course.reason, needed.reason),
    }
    if needed.status not in ANSWERED:
        return row
    if course.cost is None:
        return row | {"status": "not_estimable"}
    return row | {
        "nnt": needed.nnt,
        "cost_per_relapse_avoided": _times(course.cost, needed.nnt),
        "lower": _times(course.cost, needed.nnt_lower),
        "upper": _times(course.cost, needed.nnt_upper),
        "form": needed.nnt_form,
    }


def _times(cost: float, number: float | None) -> float | None:
    # Nothing times a negative number is 0, not -0; an infinite number stays empty.
    return None if number is None else cost * number + 0.0
