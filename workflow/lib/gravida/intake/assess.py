"""The tables of a submission held against every rule: cells, identifiers, rows, pregnancies, women."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from gravida.intake.centre.identifying import assess_ids
from gravida.intake.checks import absent_cells, assess_cells, assess_rules, well_formed_ids
from gravida.intake.folder import REQUIRED_TABLE
from gravida.intake.links import of_records, of_rows, within_pregnancy
from gravida.intake.outcome import Outcome
from gravida.intake.parse import Typed, empty_table, parse_table
from gravida.intake.reading.numbers import assess_numbers, numeric_columns, settle_numbers
from gravida.intake.reading.text import Text
from gravida.intake.resubmission import against_earlier
from schemas.submission import TABLES
from schemas.submission_rules import PREGNANCY_RULES, RECORD_RULES, RESUBMISSION_RULES, ROW_RULES


@dataclass(frozen=True, slots=True)
class Site:
    """What intake needs of a site's row in the sheet: `data_cut` is a date, YYYY-MM-DD."""

    site: str
    policy: str
    data_cut: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What a site's rows are held against.

    Parameters
    ----------
    site : Site
    codes : sequence of str
        The known therapies.
    separation : int
        Days from one retained relapse to the next of the same pregnancy.
    earlier : DataFrame, optional
        The pregnancies of earlier data cuts, each as it was first accepted.
    """

    site: Site
    codes: Sequence[str]
    separation: int
    earlier: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class Assessed:
    """Tables whose failing cells are unusable, the well-formed pregnancy_ids of each, and what was found."""

    typed: dict[str, Typed]
    ids: dict[str, pd.Series]
    outcomes: list[Outcome]


def parse_tables(texts: Mapping[str, Text]) -> tuple[dict[str, Typed], list[Outcome]]:
    """Type the cells of every table; the outcomes say of which columns it is not known how to read them."""
    parsed, outcomes = {}, []
    for table in TABLES:
        doubts = None
        if table in texts:
            text, doubts = settle_numbers(texts[table], numeric_columns(table))
            parsed[table] = parse_table(table, text, [column for column, _ in doubts])
        outcomes += assess_numbers(table, doubts)
    return parsed, outcomes


def assess(parsed: Mapping[str, Typed], rules: Rules) -> Assessed:
    """Check each table by itself, then what joins columns, tables and data cuts.

    Every outcome is about rows, and its lines count them, the header being 1.
    """
    typed, ids, outcomes = {}, {}, []
    for table in TABLES:
        if table not in parsed:
            outcomes += absent_cells(table)
            continue
        typed[table], of_cells = assess_cells(table, parsed[table])
        ids[table] = well_formed_ids(parsed[table].frame["pregnancy_id"], of_cells)
        outcomes += of_cells
    return Assessed(typed, ids, [*outcomes, *_assess_links(typed, rules)])


def _assess_links(typed: Mapping[str, Typed], rules: Rules) -> list[Outcome]:
    pregnancies = typed.get(REQUIRED_TABLE, _nothing(REQUIRED_TABLE))
    outcomes = assess_ids(pregnancies.frame)
    codes = pd.Series(rules.codes, dtype="string")
    year = int(rules.site.data_cut[:4])
    # Quantities are as many as cells: none is kept longer than its rules need it.
    refused, of_pregnancies = assess_rules(
        REQUIRED_TABLE, PREGNANCY_RULES, within_pregnancy(pregnancies, codes, year, rules.site.policy)
    )
    between = against_earlier(pregnancies.frame, rules.earlier)
    outcomes += of_pregnancies + assess_rules(REQUIRED_TABLE, RESUBMISSION_RULES, between)[1]
    pregnancies = pregnancies.without(refused)
    others = {table: typed.get(table, _nothing(table)) for table in ROW_RULES}
    quantities, owners = of_rows(others, pregnancies, rules.separation)
    for table, of_table in ROW_RULES.items():
        outcomes += assess_rules(table, of_table, quantities[table])[1]
    records = of_records(pregnancies, typed.get("relapses"), typed.get("infusions"), owners)
    return outcomes + assess_rules(REQUIRED_TABLE, RECORD_RULES, records)[1]


def _nothing(table: str) -> Typed:
    frame = empty_table(table)
    return Typed(frame, frame.isna(), frozenset())
