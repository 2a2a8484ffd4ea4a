"""A site's mapping file, read and understood: what becomes of which column.

Whatever can be known to be wrong without a row is told here, in one line that names the key.
"""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from gravida.intake.mapping.plain_yaml import fault, read_plain
from gravida.intake.mapping.plan import (
    ColumnPlan,
    Redcap,
    SiteMapping,
    Source,
    TablePlan,
    code_list,
    same_word,
)
from gravida.intake.parse import kind
from gravida.periods import COUNT_COLUMNS
from schemas.submission import TABLES

_DAY_UNIT = "days from delivery"
# A year of 365.25 days and a month of a twelfth of it.
_DAYS = {"days": Fraction(1), "weeks": Fraction(7), "months": Fraction(1461, 48), "years": Fraction(1461, 4)}
_FACTORS = {
    "days": _DAYS,
    _DAY_UNIT: _DAYS,
    "years": {"years": Fraction(1), "months": Fraction(1, 12)},
    "g": {"g": Fraction(1), "mg": Fraction(1, 1000), "kg": Fraction(1000)},
    "g/kg": {"g/kg": Fraction(1), "mg/kg": Fraction(1, 1000)},
}
_YEARS = ("delivery_year", "ms_diagnosis_year")
_AGES = ("age", "age_years", "age_from_year")


def read_mapping(content: str | bytes, schema: Mapping[str, Any]) -> SiteMapping:
    """Read a site's mapping file.

    Parameters
    ----------
    content : str or bytes
        YAML, in UTF-8.
    schema : mapping
        JSON schema, ``schemas/mapping.schema.yaml``.

    Raises
    ------
    ConfigurationError
        Naming the key and what is wrong with it.
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise fault("", "not text in UTF-8; save it as UTF-8") from None
    plain = read_plain(text, schema)
    if "pregnancies" not in plain["tables"]:
        raise fault("tables", "pregnancies is required")
    plans: list[TablePlan] = []
    for table in TABLES:
        if table in plain["tables"]:
            plans.append(_table_plan(table, plain["tables"][table], plain, plans))
    _agree(plans)
    if plans[0].counted and all(plan.table != "relapses" for plan in plans):
        raise fault("tables.pregnancies.relapse_counts", "from which relapses? add their table")
    redcap = None
    if "redcap" in plain:
        block = plain["redcap"]
        dictionary = replace(_source({"file": block["dictionary"]}, plain), header_row=1)
        redcap = Redcap(dictionary, block["export"] == "labelled", block["record_id"])
    elif any(plan.instrument for plan in plans):
        raise fault("tables", "instrument is of REDCap; add the key redcap")
    return SiteMapping(tuple(plans), redcap, plain.get("missing", {}))


def _agree(plans: list[TablePlan]) -> None:
    found: dict[str, Source] = {}
    for plan in plans:
        if found.setdefault(plan.source.name, plan.source) != plan.source:
            raise fault(f"tables.{plan.table}.header_row", "not the same as for another table of this file")


def _source(block: Mapping[str, Any], plain: Mapping[str, Any]) -> Source:
    separator = plain.get("separator", "")
    return Source(
        block["file"],
        block.get("sheet", ""),
        int(block["header_row"]) if "header_row" in block else None,
        plain.get("encoding", ""),
        "\t" if separator == "tab" else separator,
    )


def _table_plan(
    table: str, block: Mapping[str, Any], plain: Mapping[str, Any], before: list[TablePlan]
) -> TablePlan:
    key = f"tables.{table}"
    owner = before[0] if "from_table" in block else None
    columns = dict(block.get("columns", {}))
    if "link" in block:
        if "pregnancy_id" in columns:
            raise fault(f"{key}.link", "pregnancy_id is among the columns already; keep one")
        columns = {"pregnancy_id": block["link"], **columns}
    plans = tuple(
        column_plan(table, name, column, plain, f"{key}.columns") for name, column in columns.items()
    )
    if owner:
        if "pregnancy_id" in columns:
            raise fault(f"{key}.columns.pregnancy_id", "comes from the row of the pregnancies; leave it out")
        plans = tuple(plan for plan in owner.columns if plan.target == "pregnancy_id") + plans
    repeat = tuple(
        tuple(
            column_plan(table, name, column, plain, f"{key}.repeat.{place}") for name, column in group.items()
        )
        for place, group in enumerate(block.get("repeat", []))
    )
    delivery = owner.delivery if owner else None
    if "delivery_date" in block:
        delivery = _delivery_plan(block["delivery_date"], plain)
    ignored = block.get("ignore", [])
    plan = TablePlan(
        table,
        owner.source if owner else _source(block, plain),
        owner.instrument if owner else block.get("instrument", ""),
        delivery,
        plans,
        repeat,
        None if ignored == "*" else frozenset(ignored),
        block.get("link", {}).get("to") == "woman_id",
        frozenset(block.get("leave_out", ())),
        "relapse_counts" in block,
    )
    _check_table(key, plan, before)
    _check_relapses(key, plan)
    return plan


def _check_table(key: str, plan: TablePlan, before: list[TablePlan]) -> None:
    """Check that every row can have what the data dictionary requires, and a delivery where it is needed."""
    made = set(COUNT_COLUMNS.values()) if plan.counted else set()
    required = {name for name, rule in TABLES[plan.table].columns.items() if rule.required} - made
    groups = plan.repeat or ((),)
    for place, group in enumerate(groups):
        named = [column.target for column in (*plan.columns, *group)]
        where = f"{key}.repeat.{place}" if plan.repeat else f"{key}.columns"
        lacking = sorted(required - set(named))
        if lacking:
            raise fault(where, f"no source for {', '.join(lacking)}")
        if made & set(named):
            raise fault(f"{key}.relapse_counts", "a count is among the columns already; keep one")
        if len(set(named)) < len(named):
            raise fault(where, "a column stands here and in columns; keep one")
        if plan.repeat and not any(column.sources for column in group):
            raise fault(where, "at least one column needs from, which says whether the row is there")
    dated = any(
        column.reading not in ("", "year")
        for column in (*plan.columns, *(column for group in groups for column in group))
    )
    if dated and not (plan.delivery or (before and before[0].delivery)):
        raise fault(key, "dates become days from delivery; say delivery_date in the pregnancies")


def _check_relapses(key: str, plan: TablePlan) -> None:
    """Check what is said of relapses: that they are of women, and which of them are left out."""
    for word, said in (("link.to", plan.of_women), ("leave_out", plan.leave_out)):
        if said and plan.table != "relapses":
            raise fault(f"{key}.{word}", "only for relapses")
    if not plan.of_women:
        return
    if plan.delivery:
        raise fault(f"{key}.delivery_date", "a woman has several; say it in the pregnancies alone")
    if any(column.target == "onset_day" and column.reading != "day" for column in plan.columns):
        raise fault(f"{key}.columns.onset_day", "a relapse of a woman is placed by its date; say as: day")


def _delivery_plan(name: str, plain: Mapping[str, Any]) -> ColumnPlan:
    year = column_plan("pregnancies", "delivery_year", {"from": name, "as": "year"}, plain, "delivery_date")
    return replace(year, target="delivery_date")


def column_plan(
    table: str, name: str, block: Mapping[str, Any], plain: Mapping[str, Any], where: str
) -> ColumnPlan:
    """Return the plan of one column, with what the whole file declares where the column does not.

    Raises
    ------
    ConfigurationError
    """
    key = (
        f"{where}.columns.{name}"
        if where.startswith("tables.") and "repeat" not in where
        else f"{where}.{name}"
    )
    rule = TABLES[table].columns.get(name)
    if rule is None:
        raise fault(key, f"no column of the data dictionary's {table}")
    sources = block.get("from", ())
    sources = (sources,) if isinstance(sources, str) else tuple(sources)
    identifier = rule.metadata["category"] == "identifier"
    declared = {word: block.get(word, plain.get(word, default)) for word, default in _DECLARED.items()}
    yes, no = (frozenset(map(same_word, declared[word])) for word in ("yes", "no"))
    plan = ColumnPlan(
        name,
        kind(rule),
        sources,
        block.get("join", "-"),
        block.get("value", ""),
        block.get("as", ""),
        _factor(key, rule, block),
        Fraction(block.get("plus", "0")) - Fraction(block.get("minus", "0")),
        block.get("unit") == "weeks",
        block.get("round", ""),
        _codes(key, block.get("codes", {})),
        {} if identifier else declared["missing"],
        yes,
        no,
        declared["decimal"],
        declared["date_order"],
        "month_only" in block,
    )
    _check_column(key, rule, plan, block)
    if plan.month_only and (table == "pregnancies" or plan.reading != "day"):
        raise fault(f"{key}.month_only", "only for dates of relapses, infusions and adverse events")
    return plan


_DECLARED: Mapping[str, Any] = {
    "yes": ("1", "true", "yes"),
    "no": ("0", "false", "no"),
    "missing": {},
    "decimal": "",
    "date_order": "",
}


def _factor(key: str, rule: Any, block: Mapping[str, Any]) -> Fraction:
    unit, factor = block.get("unit"), Fraction(block.get("times", "1"))
    if unit is None:
        return factor
    factors = _FACTORS.get(rule.metadata["unit"], {})
    if unit not in factors:
        allowed = f"one of {', '.join(factors)}" if factors else "none"
        raise fault(f"{key}.unit", f"{unit} cannot become this column; allowed: {allowed}")
    return factor * factors[unit]


def _codes(key: str, codes: Mapping[str, str]) -> dict[str, str]:
    empty = sum(not code for code in codes.values())
    if empty:
        raise fault(f"{key}.codes", f"{empty} without a code of the data dictionary; fill them in")
    same: dict[str, str] = {}
    for word, code in codes.items():
        if same.setdefault(same_word(word), code) != code:
            raise fault(f"{key}.codes", "a word stands twice, with two codes")
    return same


def _check_column(key: str, rule: Any, plan: ColumnPlan, block: Mapping[str, Any]) -> None:
    if bool(plan.sources) == bool(plan.value):
        raise fault(key, "say either from, the column of the source, or value")
    if not plan.sources and set(block) - {"value"}:
        raise fault(key, "beside value nothing else is used; remove it")
    calculated = [word for word in ("unit", "times", "plus", "minus", "round") if word in block]
    if calculated and plan.kind not in ("Int64", "float64"):
        raise fault(f"{key}.{calculated[0]}", "this column is no number")
    identifier = rule.metadata["category"] == "identifier"
    if (len(plan.sources) > 1 or "join" in block) and not identifier:
        raise fault(f"{key}.from", "only identifiers are joined from several columns")
    if plan.codes and identifier:
        raise fault(f"{key}.codes", "an identifier has no codes")
    if plan.yes & plan.no:
        raise fault(key, "a word stands for yes and for no")
    _check_reading(key, rule, plan, block)
    _check_codes(key, rule, plan)


def _check_reading(key: str, rule: Any, plan: ColumnPlan, block: Mapping[str, Any]) -> None:
    if not plan.reading:
        return
    if plan.reading not in _readings(plan.target, rule):
        raise fault(f"{key}.as", f"{plan.reading} cannot become this column")
    if {"unit", "times", "codes", "round"} & set(block) or plan.shift.denominator != 1:
        raise fault(f"{key}.as", "with a date only plus and minus of whole numbers are used")


def _check_codes(key: str, rule: Any, plan: ColumnPlan) -> None:
    allowed = code_list(rule) or (_BOOLEANS if plan.kind == "boolean" else ())
    for what, codes in (("value", [plan.value] if plan.value else []), ("codes", plan.codes.values())):
        if allowed and any(code not in allowed for code in codes):
            raise fault(f"{key}.{what}", f"must be one of {', '.join(allowed)}")


_BOOLEANS = ("yes", "no", "1", "0", "true", "false")


def _readings(column: str, rule: Any) -> tuple[str, ...]:
    if rule.metadata["unit"] == _DAY_UNIT:
        return ("day",)
    if column == "gestation_days":
        return ("days_to_delivery",)
    if column == "age_at_delivery":
        return _AGES
    return (
        ("year",) if column.endswith("_year") and "relapses" not in column and "visits" not in column else ()
    )
