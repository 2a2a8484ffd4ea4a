"""The answer to a site: one self-contained page, the verdict first, counts and never a value."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pandas as pd
from jinja2 import Environment, StrictUndefined, Template

from gravida.files import read_text
from gravida.intake.outcome import Outcome

TEMPLATE = Path(__file__).with_name("page.html")
STATES = {
    "pass": "passed",
    "pass_with_violations": "passed, with something to know or rows set aside",
    "fail": "failed",
    "not_assessable": "could not be made, for there was nothing to check",
}


def answer_page(verdict: Mapping, outcomes: Sequence[Outcome], reasons: pd.DataFrame) -> str:
    """Return the page as HTML text.

    Parameters
    ----------
    verdict : mapping
        As `intake_site` makes it.
    outcomes : sequence of Outcome
        Every check, in the order in which they are listed.
    reasons : DataFrame
        Columns table, column, reason, rows: what the mapping emptied, left out or took as half-known dates.
    """
    to_fix = [outcome for outcome in outcomes if outcome.refuses]
    aside = [outcome for outcome in outcomes if outcome.failed and outcome.action == "quarantined"]
    known = [outcome for outcome in outcomes if outcome.status == "pass_with_violations"]
    noted = [outcome for outcome in known if outcome.action != "quarantined"]
    return _template().render(
        **verdict,
        to_fix=to_fix,
        aside=aside,
        noted=noted,
        reasons=reasons.to_dict("records"),
        all=outcomes,
        states={said: sum(outcome.status == state for outcome in outcomes) for state, said in STATES.items()},
        summary=_summary(len(to_fix), len(aside), len(noted)),
        reconciled=_reconciled(verdict),
    )


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(read_text(TEMPLATE))


def _reconciled(verdict: Mapping) -> list[dict]:
    """Return for each table that was read what became of its rows, those that the mapping left out too."""
    parts = ("accepted", "quarantined", "duplicates", "left_out")
    counts = [
        {"table": table, "read": rows + verdict["left_out"][table]}
        | {part: verdict[part][table] for part in parts}
        for table, rows in verdict["rows"].items()
        if rows or table in verdict["tables_sent"]
    ]
    return [row | {"refused": row["read"] - sum(row[part] for part in parts)} for row in counts]


def _summary(to_fix: int, aside: int, noted: int) -> str:
    if to_fix:
        return f"{_checks(to_fix)} failed. None of the rows is used until they are corrected."
    known = f"{_checks(noted)} found something to know."
    if aside:
        return f"{_checks(aside)} had rows set aside; {known} The other rows are used."
    return f"No check failed; {known} The rows are used."


def _checks(number: int) -> str:
    return "1 check" if number == 1 else f"{number} checks"
