"""What a cell of each column may hold, read from the schemas: for forms and templates of a submission."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandera.pandas as pa

from gravida.intake.parse import kind
from schemas.submission import TABLES
from schemas.submission_rules import PREGNANCY_RULES

TYPES = {"string": "text", "Int64": "whole number", "float64": "number", "boolean": "yes or no"}


@dataclass(frozen=True, slots=True)
class Field:
    """One column of one table, as a person who fills it in needs to know it.

    `check` is the name of the rule that limits its cells ("" where any text will do) and `allowed` that rule
    in words. `choices` are all possible cells (numbers for a scale), or there are none of them but limits
    `low` and `high`, or neither; `above` says that `low` itself is not allowed.
    """

    name: str
    title: str
    meaning: str
    kind: str
    unit: str
    required: bool
    check: str
    allowed: str
    choices: tuple[str | float, ...]
    low: float | None
    high: float | None
    above: bool


def fields(table: str, dmt_codes: Sequence[str]) -> list[Field]:
    """Return the columns of a table in the schema's order.

    Parameters
    ----------
    table : str
        A key of `TABLES`.
    dmt_codes : sequence of str
        The codes of disease-modifying therapies.
    """
    return [_field(table, name, column, dmt_codes) for name, column in TABLES[table].columns.items()]


def _field(table: str, name: str, column: pa.Column, dmt_codes: Sequence[str]) -> Field:
    check = column.checks[0] if column.checks else None
    limits = check.statistics if check else {}
    rule = PREGNANCY_RULES.columns.get(f"{name}.code") if table == "pregnancies" else None
    return Field(
        name=name,
        title=column.title,
        meaning=column.description,
        kind=kind(column),
        unit=column.metadata["unit"] or "",
        required=column.required,
        check=check.name if check else "code" if rule else "type" if kind(column) == "boolean" else "",
        allowed=check.description if check else rule.description if rule else TYPES[kind(column)],
        choices=tuple(dmt_codes) if rule else tuple(limits.get("allowed_values", ())),
        low=limits.get("min_value"),
        high=limits.get("max_value"),
        above=limits.get("include_min") is False,
    )
