"""The checks of a mapping: what each asks for, and which columns of a source nobody named."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gravida.intake.header import assess_header
from gravida.intake.mapping.plan import SiteMapping
from gravida.intake.mapping.redcap import Field, box_siblings, own_columns
from gravida.intake.mapping.steps import column_key
from gravida.intake.outcome import Outcome
from gravida.intake.reading.text import Text
from schemas.submission import TABLES

MAPPING_CHECKS = {
    "missing_source": "The file, and the sheet, that the mapping file names.",
    "redcap_dictionary": "The data dictionary of the project, as REDCap exports it.",
    "missing_source_column": "The column that the mapping file names, spelled as in the source.",
    "duplicate_source_column": "Once in the header of the source: give the others another name.",
    "unmapped_column": "Every column of the source is mapped or ignored: name this one in the mapping file.",
    "unknown_code": "A code of the data dictionary or a word of the mapping file: add the word to codes, yes "
    "or no there.",
    "not_a_date": "A whole date, 2019-03-07 or in the order that date_order of the mapping file says. Where "
    "only the month of a relapse, infusion or event is known, say month_only there.",
    "two_digit_year": "A date with a year of four digits.",
    "ambiguous_date_order": "Is the day or the month first? No date of the column shows it, or two show "
    "different orders: answer with date_order in the mapping file.",
    "unknown_woman": "A woman_id of the pregnancies, of at most 30 of them. Where the rows are also of other "
    "women, say leave_out: [without_pregnancy] in the mapping file.",
    "no_delivery_date": "A date of delivery for every row, from which its days are counted.",
    "not_a_number": "A number with the sign that decimal of the mapping file says, none for thousands.",
    "not_whole": "A whole number: write weeks as 38+3, or say round in the mapping file.",
}
_MOST_NAMED = 40


def mapping_outcome(
    table: str,
    column: str,
    check: str,
    checked: int,
    failed: int | None,
    lines: np.ndarray | None = None,
    text: Text | None = None,
) -> Outcome:
    """Return the outcome of one check, a key of `MAPPING_CHECKS`; `lines` are those of the source, `text`."""
    category = "completeness" if check == "no_delivery_date" else "conformance"
    lines = np.empty(0, dtype=np.int64) if lines is None else lines
    advice = MAPPING_CHECKS[check]
    where = f"{text.file}, sheet {text.sheet}" if text and text.sheet else text.file if text else ""
    return Outcome(table, column, check, category, "refused", advice, checked, failed or 0, lines, where)


def fault_outcomes(
    table: str, column: str, checked: int, faults: Mapping[str, np.ndarray], text: Text
) -> list[Outcome]:
    """Return the outcomes of the checks of one column, from the rows of `text` that fail each."""
    return [
        mapping_outcome(table, column, check, checked, int(failing.sum()), text.lines[failing], text)
        for check, failing in faults.items()
    ]


def unmapped(mapping: SiteMapping, sources: Mapping[str, Text], fields: Sequence[Field]) -> list[Outcome]:
    """Return the outcomes of `unmapped_column`: of each source the columns that nobody named.

    Which columns REDCap adds by itself shows in its data dictionary; without it, there is no telling.
    """
    if mapping.redcap and not fields:
        return []
    outcomes = []
    boxes = box_siblings(fields)
    for name in dict.fromkeys(plan.source.name for plan in mapping.tables):
        plans = [plan for plan in mapping.tables if plan.source.name == name]
        if name not in sources:
            continue
        text = sources[name]
        known = {column_key(word) for plan in plans for word in (*plan.wanted(), *(plan.ignore or ()))}
        if mapping.redcap:
            known |= own_columns(text, fields, mapping.redcap.record_id)
        everything = any(plan.ignore is None for plan in plans)
        left = [] if everything else _left(text, known, boxes)
        table, checked = plans[0].table, len(text.names)
        named = left[:_MOST_NAMED] if len(left) > _MOST_NAMED else left
        outcomes += [mapping_outcome(table, column, "unmapped_column", 1, 1) for column in named]
        more = len(left) - len(named)
        if more or not left:
            outcomes.append(mapping_outcome(table, "", "unmapped_column", checked, more))
    return outcomes


def _left(text: Text, known: Iterable[str], boxes: Mapping[str, str]) -> list[str]:
    """Name the columns that are neither mapped nor ignored; by their place where a name may identify."""
    strange = assess_header("pregnancies", text.names)
    plain = {outcome.column for outcome in strange if outcome.check == "unexpected_column"}
    plain |= {column for schema in TABLES.values() for column in schema.columns} | set(boxes.values())
    shown: dict[str, None] = {}
    for place, name in enumerate(text.names):
        field = boxes.get(name, name)
        if column_key(name) in known or column_key(field) in known:
            continue
        if not name and not any(text.columns[place].to_pylist()):
            continue
        where = text.letters[place] if text.letters else str(place + 1)
        shown[field if field in plain else f"column {where}"] = None
    return list(shown)


def merged(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Join the outcomes of one check of one column, of which repeated columns have several."""
    found: dict[tuple[str, str, str], Outcome] = {}
    for outcome in outcomes:
        key = outcome.table, outcome.column, outcome.check
        if key in found:
            other = found[key]
            lines = np.sort(np.concatenate([other.lines, outcome.lines]))
            checked, failed = other.checked + outcome.checked, other.failed + outcome.failed
            outcome = replace(other, checked=checked, failed=failed, lines=lines)
        found[key] = outcome
    return list(found.values())
