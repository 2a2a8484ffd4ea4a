"""What changed since the last release."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from gravida import words
from gravida.report import cells
from gravida.report.display import Display
from gravida.report.section import Section

RATIO = "Rate ratio, untreated over treated"
# The numbers that are no counts, with their decimals.
DIGITS = {"rate_treated": 2, "rate_untreated": 2} | dict.fromkeys(
    ("rate_ratio", "rate_ratio_lower", "rate_ratio_upper"), 3
)
NAMES = {
    "relapses_treated": "Relapses, treated",
    "relapses_untreated": "Relapses, untreated",
    "rate_treated": "Annualized relapse rate, treated",
    "rate_untreated": "Annualized relapse rate, untreated",
    "rate_ratio": RATIO,
    "rate_ratio_lower": f"{RATIO}: lower limit",
    "rate_ratio_upper": f"{RATIO}: upper limit",
    "verdict": "Verdict on the design",
}
TEXTS = ("release", "data_cut", "verdict")


def show_changes(changes: pd.DataFrame) -> Display:
    """Show how the headline numbers moved and what each site sent since."""
    return cells.display(
        changes,
        {
            "Site": lambda row: "All sites" if row["site"] == "all" else f"Site {words.text(row['site'])}",
            "What": lambda row: words.words(row["what"], NAMES),
            "Before": cells.only(_cell("before"), lambda row: not row["what"].startswith("pregnancies_")),
            "After": _cell("after"),
            cells.NOTE: cells.note,
        },
        row="What",
        group="Site",
    )


def _cell(column: str) -> cells.Cell:
    def show(row: pd.Series) -> str:
        return cells.value(column, _shown(row["what"]))(row)

    return show


def _shown(what: str) -> Callable[[Any], str]:
    if what in TEXTS:
        return words.text
    if what in DIGITS:
        return lambda number: words.fixed(float(number), DIGITS[what])
    return lambda number: words.count(float(number))


CHANGES = Section(
    table="changes",
    title="What changed",
    caption="This release against the last one, and each site's data cuts",
    show=show_changes,
    notes=(
        "A release is known by the data cuts of its sites. Changed is a pregnancy of which any column, or "
        "any row of another table, differs.",
        "A number is withheld where it, or the women whose rows changed, would tell of fewer women than may "
        "be shown.",
    ),
)
