"""The data dictionary for sites, generated from the schemas of a submission."""

from collections.abc import Sequence

import pandera.pandas as pa

from gravida.intake.centre.allowed import TYPES
from gravida.intake.parse import kind
from schemas.submission import TABLES
from schemas.submission_rules import PREGNANCY_RULES, RECORD_RULES, RESUBMISSION_RULES, ROW_RULES

_EFFECTS = {
    "refused": "The submission is refused where it does not hold",
    "flagged": "Counted and reported where it does not hold",
    "defaulted": "Counted and reported where it does not hold, and the default is used",
    "merged": "Counted and reported where it does not hold, and the onset is merged with the one before",
}
_OPENING = """# Data dictionary

Generated from `schemas/submission.py` and `schemas/submission_rules.py` by `make docs`; do not edit.

A submission is a folder with one file a table, of the table's name: `pregnancies` is required, the others are
optional. A file is a `.csv` (between the cells commas, semicolons or tabs; UTF-8, UTF-16, Windows-1250 or
Windows-1252), an `.xlsx` (a workbook may instead hold several tables, each on a sheet of the table's name) or
a `.parquet`. Days are whole days relative to delivery: 0 is the day of delivery, negative is before it. Only
an empty cell is missing. Yes or no is written as 1 or 0, true or false, yes or no. A table of relapses,
infusions or adverse events without a row says that there was none: what was not recorded is left out. A sheet
of a workbook of several tables says nothing as long as it has no row.

No name, initials, record number, national id, address, e-mail, phone, full date or free text: a column that
is not listed here has the submission refused.
"""


def data_dictionary(dmt_codes: Sequence[str]) -> str:
    """Return the dictionary as Markdown: the columns of each table, then the rules that join them.

    Parameters
    ----------
    dmt_codes : sequence of str
        The codes of disease-modifying therapies.
    """
    of_pregnancies = PREGNANCY_RULES.columns | RESUBMISSION_RULES.columns | RECORD_RULES.columns
    rules = {"pregnancies": of_pregnancies}
    rules |= {table: schema.columns for table, schema in ROW_RULES.items()}
    sections = [_section(table, schema, rules[table]) for table, schema in TABLES.items()]
    codes = f"Codes of therapies: {', '.join(f'`{code}`' for code in dmt_codes)}.\n"
    return "\n".join([_OPENING, codes, *sections])


def _section(table: str, schema: pa.DataFrameSchema, rules: dict[str, pa.Column]) -> str:
    columns = [
        f"| `{name}` | {column.title} | {TYPES[kind(column)]} | {column.metadata['unit'] or ''} | "
        f"{'yes' if column.required else 'no'} | {_allowed(column)} | {column.description} |"
        for name, column in schema.columns.items()
    ]
    joined = [
        f"| `{name.replace('.', '` | `')}` | {rule.description} | {_EFFECTS[rule.metadata['action']]}. |"
        for name, rule in rules.items()
    ]
    return "\n".join(
        [
            f"## {table}\n\n{schema.description}\n",
            "| column | title | type | unit | required | allowed | meaning |",
            "|---|---|---|---|---|---|---|",
            *columns,
            "\n| column | rule | what must hold | effect |",
            "|---|---|---|---|",
            *joined,
            "",
        ]
    )


def _allowed(column: pa.Column) -> str:
    unique = ["unique"] if column.unique else []
    return "; ".join([*(check.description for check in column.checks), *unique])
