"""The data dictionary of a REDCap project whose exports hold the columns of a submission.

One record is one woman. All four forms repeat: a woman has several pregnancies, and each of them relapses,
infusions and adverse events, which name their pregnancy. Labels are the codes themselves, so that raw and
labelled exports hold the same words.
"""

import csv
import io
from collections.abc import Sequence

from gravida.intake.centre.allowed import Field, fields
from schemas.submission import TABLES

REDCAP_COLUMNS = (
    "Variable / Field Name",
    "Form Name",
    "Section Header",
    "Field Type",
    "Field Label",
    "Choices, Calculations, OR Slider Labels",
    "Field Note",
    "Text Validation Type OR Show Slider Number",
    "Text Validation Min",
    "Text Validation Max",
    "Identifier?",
    "Branching Logic (Show field only if...)",
    "Required Field?",
    "Custom Alignment",
    "Question Number (surveys only)",
    "Matrix Group Name",
    "Matrix Ranking?",
    "Field Annotation",
)
RECORD = "record_id"
REQUIRED_TABLE = "pregnancies"
_VALIDATION = {"Int64": "integer", "float64": "number"}


def redcap_dictionary(dmt_codes: Sequence[str]) -> str:
    """Return the data dictionary as CSV, ready to be uploaded to a new project.

    Parameters
    ----------
    dmt_codes : sequence of str
        The codes of disease-modifying therapies.
    """
    rows = [_record()]
    rows += [_row(table, field) for table in TABLES for field in fields(table, dmt_codes)]
    out = io.StringIO()
    writer = csv.DictWriter(out, REDCAP_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def redcap_name(table: str, column: str) -> str:
    """Return the variable of a column: its own name, unique in the project.

    Where several tables have it, a row's word goes before it, but in the pregnancies.

    >>> redcap_name("pregnancies", "pregnancy_id"), redcap_name("adverse_events", "day")
    ('pregnancy_id', 'event_day')
    """
    holders = [name for name, schema in TABLES.items() if column in schema.columns]
    return column if len(holders) == 1 or table == REQUIRED_TABLE else f"{_one_of(table)}_{column}"


def _one_of(table: str) -> str:
    return table.removesuffix("s").split("_")[-1]


def _record() -> dict[str, str]:
    return {
        "Variable / Field Name": RECORD,
        "Form Name": REQUIRED_TABLE,
        "Field Type": "text",
        "Field Label": "Record",
        "Field Note": "One record a woman: her woman_id, a pseudonym.",
    }


def _row(table: str, field: Field) -> dict[str, str]:
    codes = [code for code in field.choices if isinstance(code, str)]
    numbers = [number for number in field.choices if not isinstance(number, str)]
    # Labelled exports have labels for names: these are unique too.
    shared = table != REQUIRED_TABLE and field.name in TABLES[REQUIRED_TABLE].columns
    label = f"{field.title} of the {_one_of(table)}" if shared else field.title
    low, high = (min(numbers), max(numbers)) if numbers else (field.low, field.high)
    # What a list offers is seen in the list.
    listed = codes or field.kind == "boolean"
    notes = (
        field.meaning,
        f"In {field.unit}." if field.unit else "",
        "" if listed else f"Allowed: {field.allowed.rstrip('.')}.",
    )
    return {
        "Variable / Field Name": redcap_name(table, field.name),
        "Form Name": table,
        "Field Type": "yesno" if field.kind == "boolean" else "dropdown" if codes else "text",
        "Field Label": label,
        "Choices, Calculations, OR Slider Labels": " | ".join(f"{code}, {code}" for code in codes),
        "Field Note": " ".join(filter(None, notes)),
        "Text Validation Type OR Show Slider Number": _VALIDATION.get(field.kind, ""),
        "Text Validation Min": "" if low is None else f"{low:g}",
        "Text Validation Max": "" if high is None else f"{high:g}",
        "Required Field?": "y" if field.required else "",
    }
