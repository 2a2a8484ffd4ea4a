"""What immunoglobulin did to the women, how it was given and what it costs."""

import re
from typing import Any

import pandas as pd

from gravida import words
from gravida.report import cells
from gravida.report.display import Display
from gravida.report.section import Section
from gravida.report.sections.survival import BENEFIT, HARM
from gravida.statistics.doses import COURSE_GAP_DAYS

DOMINATED = "dominated: dearer and more relapses"
DESPITE, PUBLISHED, PUBLISHED_PRICE = "treated_despite:", "published:", "published_price:"
IN_SPITE = "Treated in spite of a contraindication or caution"
TERMS = {
    "any": "Any adverse event",
    "thrombosis_postpartum": "Thrombosis in the year after delivery",
    "other": "Other event",
}
CONTRAINDICATIONS = {"any": "Any of these", "iga_deficiency": "IgA deficiency"}
REGIMENS = {
    "all": "All with an infusion after delivery",
    "other": "Other regimens",
    "none recorded": "None recorded after delivery",
    "before delivery": "Before delivery",
}
SCENARIOS = {
    "plan": "Planned course",
    "with_administration": "Planned course with administration",
    "doses_given": "Grams actually given",
    "published_evidence": "Planned course, published evidence",
}
COURSES = re.compile(r"(\d+)(?:x(\d+))?")


def show_safety(safety: pd.DataFrame) -> Display:
    """Show adverse events by arm, then who was treated in spite of a reason not to."""
    return cells.display(
        safety,
        {
            "Arm": _heading,
            "Event": event,
            "With it": cells.count("with_event"),
            "% of pregnancies (limits)": cells.limits("percent", "lower", "upper", 1),
            "Women with it": cells.count("women_with_event"),
            "Serious": cells.only(cells.count("serious"), _is_event),
            "Pregnancies / women": cells.together("pregnancies", "women"),
            "Infusions": cells.only(cells.count("infusions"), _is_total),
            "Grams": cells.only(cells.value("grams", words.count), _is_total),
            "Not stated": cells.only(cells.count("not_stated"), lambda row: not _is_event(row)),
            cells.NOTE: cells.note,
        },
        row="Event",
        group="Arm",
        optional=(cells.NOTE, "Infusions", "Grams", "Not stated"),
    )


def _is_event(row: pd.Series) -> bool:
    return not words.text(row["term"]).startswith(DESPITE)


def _is_total(row: pd.Series) -> bool:
    return row["term"] == "any"


def _heading(row: pd.Series) -> str:
    return f"{words.words(row['arm'], words.ARMS)} pregnancies" if _is_event(row) else IN_SPITE


def event(row: pd.Series) -> str:
    """Return what a row of `safety` counts, in words."""
    term = words.text(row["term"])
    if _is_event(row):
        return words.words(term, TERMS)
    return words.words(term.removeprefix(DESPITE), CONTRAINDICATIONS)


def show_doses(doses: pd.DataFrame) -> Display:
    """Show the regimens that the dates of the infusions tell, with grams and days."""
    return cells.display(
        doses,
        {
            "Regimen": lambda row: regimen(row["regimen"]),
            "Pregnancies / women": cells.together("pregnancies", "women"),
            "Infusions": cells.count("infusions"),
            "Grams": cells.value("grams_total", words.count),
            "Grams, mean (SD)": _mean,
            "Grams, median": cells.fixed("grams_median", 1),
            "First day, median": cells.value("first_day_median", words.text),
            "Last day, median": cells.value("last_day_median", words.text),
            cells.NOTE: cells.note,
        },
        row="Regimen",
    )


def _mean(row: pd.Series) -> str:
    if words.is_missing(row["grams_sd"]):
        return cells.fixed("grams_mean", 1)(row)
    return f"{words.fixed(row['grams_mean'], 1)} ({words.fixed(row['grams_sd'], 1)})"


def regimen(name: Any) -> str:
    """Return a regimen in words: `3+1x5` as `1 course of 3 infusions, then 5 courses of 1`."""
    parts = [COURSES.fullmatch(part) for part in words.text(name).split("+")]
    if None in parts:
        return words.words(name, REGIMENS)
    said = [_courses(int(part[2] or 1), int(part[1])) for part in parts]
    # What is counted is said once.
    return ", then ".join([said[0], *(part.rsplit(" ", 1)[0] for part in said[1:])])


def _courses(courses: int, infusions: int) -> str:
    return f"{courses} course{'s' * (courses > 1)} of {infusions} infusion{'s' * (infusions > 1)}"


def show_cost(cost: pd.DataFrame) -> Display:
    """Show the price of a course and of a relapse avoided under each scenario."""
    return cells.display(
        cost,
        {
            "Scenario": lambda row: scenario(row["scenario"]),
            "Grams": cells.only(cells.fixed("grams", 1), _is_by_weight),
            "Price of a gram": cells.only(_money("price_per_gram", 2), _is_by_weight),
            "Cost of a course": _money("cost_per_course", 0),
            "Needed to treat": cells.only(cells.value("nnt", _needed), _is_answered),
            "Cost per relapse avoided (limits)": cost_per_relapse,
            "Women": cells.only(cells.count("women"), _is_of_registry),
            "Relapsed, treated / untreated": cells.only(
                cells.together("relapsed_treated", "relapsed_untreated"), _is_of_registry
            ),
            "Source": lambda row: words.text(row["source"]),
            cells.NOTE: cells.note,
        },
        row="Scenario",
        optional=(cells.NOTE, "Women", "Relapsed, treated / untreated"),
    )


def _is_by_weight(row: pd.Series) -> bool:
    return not words.text(row["scenario"]).startswith((PUBLISHED, PUBLISHED_PRICE))


def _is_of_registry(row: pd.Series) -> bool:
    return not words.text(row["scenario"]).startswith((PUBLISHED, "published_evidence"))


def _is_answered(row: pd.Series) -> bool:
    return not words.is_unanswered(row)


def scenario(name: Any) -> str:
    """Return a scenario of cost in words."""
    plain = words.text(name)
    if plain.startswith(PUBLISHED_PRICE):
        return f"Price as in {words.words(plain.removeprefix(PUBLISHED_PRICE), {})}"
    if plain.startswith(PUBLISHED):
        return f"As printed in {words.words(plain.removeprefix(PUBLISHED), {})}"
    return words.words(plain, SCENARIOS)


def money(amount: Any, currency: Any, digits: int = 0) -> str:
    """Return an amount with its currency and thousands set apart; a whole one without decimals."""
    number = float(amount)
    printed = f"{number:,.{0 if number == round(number) else digits}f}"
    return f"{words.text(currency)} {printed}".strip()


def _money(column: str, digits: int) -> cells.Cell:
    return lambda row: cells.value(column, lambda number: money(number, row["currency"], digits))(row)


def _needed(number: Any) -> str:
    return f"{BENEFIT if float(number) > 0 else HARM} {words.fixed(abs(float(number)), 1)}"


def cost_per_relapse(row: pd.Series) -> str:
    """Return the cost of a relapse avoided with its limits, in words where treatment adds relapses.

    A negative cost would rank two harms wrongly, so harm has no amount. Where the limits of the risk
    difference cover 0, they run from an amount through infinity to harm: `USD 73,800 (USD 30,600 to infinity,
    then dominated)`.
    """
    number, low, high = (row[name] for name in ("cost_per_relapse_avoided", "lower", "upper"))
    if words.is_missing(row["nnt"]) and row["form"] != "both":
        return cells.value("cost_per_relapse_avoided", words.text)(row)
    best = "" if words.is_missing(low) else money(low, row["currency"])
    if not words.is_missing(row["nnt"]) and float(row["nnt"]) < 0:
        harm = DOMINATED if _costs(row) else "more relapses, at no cost"
        return f"{harm} (at best {best})" if row["form"] == "both" and best else harm
    if words.is_missing(number):
        return f"no finite cost (at best {best})" if best else "no finite cost"
    printed = money(number, row["currency"])
    if row["form"] not in ("benefit", "both"):
        return f"{printed} (no limits)"
    if row["form"] == "benefit":
        end = "infinity" if words.is_missing(high) else money(high, row["currency"])
        return f"{printed} ({best} to {end})"
    beyond = "" if words.is_missing(high) else ", then dominated" if _costs(row) else ", then more relapses"
    return f"{printed} ({best} to infinity{beyond})"


def _costs(row: pd.Series) -> bool:
    return float(row["cost_per_course"]) > 0


SAFETY = Section(
    table="safety",
    title="Adverse events and contraindications",
    caption="Pregnancies with an adverse event by arm, and women treated in spite of a contraindication",
    show=show_safety,
    notes=(
        "A pregnancy counts once for an event, whatever the number of reports. Limits: Clopper-Pearson, "
        "exact, {ci}, pregnancies taken as independent. Serious: pregnancies with a serious report.",
        "Every reported day counts, also one before delivery. Thrombosis in the year after delivery: on "
        "observed days 0 to 364, of the pregnancies that have one. A site that did not send the table is "
        "left out: not recorded is not none.",
        "In spite of: received immunoglobulin, and the site states the condition; percentages are of those "
        "for whom it is stated as present or absent. Any: one condition that is present settles it, all must "
        "be stated as absent. Infusions and grams: totals of the arm at sites that sent infusions.",
    ),
)
DOSES = Section(
    table="doses",
    title="Doses given",
    caption="Immunoglobulin given to the treated, by the dates of its infusions",
    show=show_doses,
    notes=(
        "Pregnancies that received immunoglobulin at sites that date infusions. A course is a run of "
        f"infusions at most {COURSE_GAP_DAYS} days apart. Grams are of a pregnancy, days are "
        "counted from delivery.",
        "Every row but the last counts infusions from the day of delivery on. Regimens of few women are set "
        "together as other regimens.",
    ),
)
COST = Section(
    table="cost",
    title="Cost",
    caption="Cost of a course, and of one pregnancy more without relapse",
    show=show_cost,
    notes=(
        "Cost of a course times the number needed to treat (NNTB benefit, NNTH harm) and its limits, {ci}; "
        "the course's cost is taken as certain. Avoided is a first relapse after delivery, a pregnancy "
        "counted once.",
        "Where the limits of the risk difference cover 0, the cost runs through infinity, and beyond it "
        "treatment costs more and adds relapses: it is dominated, and no amount is printed.",
    ),
    contrast="Treated against untreated",
    where=(
        (
            "scenario",
            "published_evidence",
            "Published evidence: Mantel-Haenszel risk difference of the main pool, Wald limits, treated less "
            "untreated with its sign turned.",
        ),
    ),
)
