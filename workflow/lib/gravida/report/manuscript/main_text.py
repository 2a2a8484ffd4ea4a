"""What of each section stands in the text of the manuscript; all else of it is in the supplement.

A table of the text is the released one with fewer rows and columns, in larger letters.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd

from gravida import words
from gravida.report.content import WITHHELD_NOTE, ReportContent, warning_of
from gravida.report.manuscript.grid import MAIN, Grid, grid_of
from gravida.report.section import Section
from gravida.report.sentences import primary_row

# Of a study's periods the text has these and that of the outcome.
WHOLE = ("pre_pregnancy_year", "pregnancy", "postpartum_year")


@dataclass(frozen=True, slots=True)
class MainTable:
    """A table of the text: its caption, the rows that it takes, the columns that it prints, and its notes."""

    caption: str
    rows: Callable[[pd.DataFrame, str], pd.DataFrame]
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()


def _characteristics(baseline: pd.DataFrame, period: str) -> pd.DataFrame:
    """Return means and shares, and the numbers of all."""
    counted = baseline.groupby("variable")["statistic"].transform(lambda names: set(names) == {"n"})
    shares = baseline["level"].map(words.text) != ""
    return baseline[counted | shares | baseline["statistic"].isin(["mean", "sd", "smd"])]


def _rates_of_arms(rates: pd.DataFrame, period: str) -> pd.DataFrame:
    return rates[(rates["group"] == "arm") & rates["period"].isin([*WHOLE, period])]


def _ratios_of_the_outcome(ratios: pd.DataFrame, period: str) -> pd.DataFrame:
    given = ratios["rate_ratio"].notna() | ratios["suppressed"].astype(bool)
    return ratios[ratios["is_primary"] | (given & (ratios["period"] == period))]


def _every_row(frame: pd.DataFrame, period: str) -> pd.DataFrame:
    return frame


def _main_pools(pooled: pd.DataFrame, period: str) -> pd.DataFrame:
    chosen = pooled["analysis"].isin(["main", "with_registry"]) & pooled["measure"].isin(["OR", "IRR"])
    return pooled[chosen & pooled["method"].isin(["mantel_haenszel", "reml"])]


# In its order; where there is no table the sentences and the figure say it.
MAIN_TEXT: dict[str, MainTable | None] = {
    "attrition": None,
    "baseline": MainTable(
        "Who was studied, by arm",
        _characteristics,
        ("Treated", "Untreated", "All", "SMD"),
        (
            "Means with standard deviations; shares of the pregnancies with the characteristic recorded. "
            "SMD: absolute standardised difference.",
        ),
    ),
    "identifiability": None,
    "relapse_rates": MainTable(
        "Relapses and rates by arm, before, in and after pregnancy",
        _rates_of_arms,
        ("Pregnancies", "Women", "Relapses", "Person-years", "Rate (exact limits)"),
        ("Rate: relapses over person-years, with Garwood's limits, {ci}.",),
    ),
    "rate_ratios": MainTable(
        "Treated and untreated compared in the outcome period",
        _ratios_of_the_outcome,
        ("Analysis", "Model and errors", "Rate ratio (limits)", "p"),
        ("Limits: {ci}.",),
    ),
    "precision": None,
    "predictors": MainTable(
        "Predictors of relapse, each alone and all together",
        _every_row,
        ("Rate ratio (limits)", "p", "p, Holm"),
        ("Limits: {ci}. p, Holm: adjusted for the number of predictors in the family.",),
    ),
    "sensitivity": None,
    "evidence_studies": None,
    "evidence_pooled": MainTable(
        "The published studies pooled, without this registry and with it",
        _main_pools,
        ("Studies", "Treated over control (limits)", "p", "I², %", "Prediction"),
        (
            "Ratios are treated over control, the other way round than the registry's own elsewhere here. "
            "Limits: {ci}.",
        ),
    ),
    "evidence_grade": MainTable(
        "Certainty of the evidence",
        _every_row,
        ("Certainty", "Inconsistency", "Indirectness", "Imprecision"),
    ),
}


def main_table(section: Section, content: ReportContent) -> tuple[str, Grid, list[str]] | None:
    """Return the caption, the table and the notes that a section has in the text, None for none."""
    table = MAIN_TEXT[section.table]
    if table is None:
        return None
    period = words.text(primary_row(content.tables["rate_ratios"])["period"])
    rows = table.rows(content.tables[section.table], period)
    if rows.empty:
        return None
    shown = section.show(rows)
    kept = [name for name in shown.frame if name in (*table.columns, shown.row, shown.group)]
    shown = replace(shown, frame=shown.frame[kept], marks=())
    ci = words.confidence_label(float(content.configuration["confidence"]))
    withheld = shown.frame.eq(words.WITHHELD).to_numpy().any()
    notes = [note.replace("{ci}", ci) for note in table.notes]
    notes += [WITHHELD_NOTE] if withheld else []
    notes += list(filter(None, [warning_of(section, content)]))
    return table.caption, grid_of(shown, MAIN, joined=True), [" ".join(notes)] if notes else []
