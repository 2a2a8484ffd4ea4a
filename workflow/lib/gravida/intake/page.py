"""The answer to a site: one self-contained page, the verdict first, counts and never a value."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from gravida.files import read_text
from gravida.intake.outcome import Outcome

TEMPLATE = Path(__file__).with_name("page.html")


def answer_page(site: str, verdict: str, rows: dict[str, int], outcomes: Sequence[Outcome]) -> str:
    """Return the page as HTML text.

    Parameters
    ----------
    site, verdict : str
    rows : dict
        Number of rows of each table.
    outcomes : sequence of Outcome
        Every check, in the order in which they are listed.
    """
    to_fix = [outcome for outcome in outcomes if outcome.refuses]
    noted = [outcome for outcome in outcomes if outcome.status == "pass_with_violations"]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(read_text(TEMPLATE)).render(
        site=site,
        verdict=verdict,
        rows=rows,
        to_fix=to_fix,
        noted=noted,
        all=outcomes,
        summary=_summary(len(to_fix), len(noted)),
    )


def _summary(to_fix: int, noted: int) -> str:
    if to_fix:
        return f"{_checks(to_fix)} failed. None of the rows is used until they are corrected."
    return f"No check failed; {_checks(noted)} found something to know. The rows are used."


def _checks(number: int) -> str:
    return "1 check" if number == 1 else f"{number} checks"
