"""What the design can answer: the sites and their policies, and the rank of each contrast's model."""

import pandas as pd

from gravida import words
from gravida.report import cells
from gravida.report.display import Display
from gravida.report.section import Section


def show_identifiability(identifiability: pd.DataFrame) -> Display:
    """Show who was treated at each site, and by what policy."""
    return cells.display(
        identifiability,
        {
            "Site": lambda row: words.text(row["site"]),
            "IVIG given": lambda row: words.words(row["policy"], words.POLICIES),
            **cells.counts("pregnancies", "women", "treated"),
            "Share treated": cells.fixed("share_treated", 2),
        },
        row="Site",
    )


def show_estimability(estimability: pd.DataFrame) -> Display:
    """Show for each contrast what its model rests on and whether the design holds it."""
    return cells.display(
        estimability,
        {
            "Contrast": lambda row: words.text(row["contrast"]).replace("/", " over ").capitalize(),
            "Adjusted for": lambda row: words.names(row["adjusted_for"]) or "nothing",
            "Sites with each arm": cells.together("sites_numerator", "sites_denominator"),
            "Parameters / rank": cells.together("parameters", "rank"),
            **cells.counts("pregnancies", "women"),
            "Relapses in each arm": cells.together("relapses_numerator", "relapses_denominator"),
            "Relapses per parameter": cells.fixed("events_per_parameter", 1),
            "Estimable": lambda row: "no" if words.is_unanswered(row) else "yes",
            cells.NOTE: lambda row: words.text(row["reason"]),
        },
        row="Adjusted for",
        group="Contrast",
    )


IDENTIFIABILITY = Section(
    table="identifiability",
    title="Can arms be told from sites?",
    caption="Policy and treatment by site",
    show=show_identifiability,
    notes=("Share treated: 0 to 1, of the pregnancies with person-time in the outcome period.",),
)
ESTIMABILITY = Section(
    table="estimability",
    title="Which contrasts the design holds",
    caption="What each contrast's model asks of the data, before any fit",
    show=show_estimability,
    notes=(
        "Sites and relapses: of the arm named first in the contrast / of the other.",
        "Parameters: coefficients of the model, intercept included. Rank: independent columns of its design.",
        "Relapses per parameter: over the coefficients other than the intercept.",
    ),
)
