"""Submissions with a single fault, in the formats that centres send: each is refused under its named check.

The registry, valid in every format, is that of `fault_registry`. A fault is a small change of its rows, of a
table as it is written, of the bytes of a file, or of the folder. Whatever carries `MARKER` must not show it.
"""

import json
import os
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import chain, cycle
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from fault_files import (
    BOOK_FAULTS,
    BYTE_FAULTS,
    ENCODINGS,
    HOSTILE,
    MAIN,
    PARQUET_FAULTS,
    SEPARATORS,
    TEXT_FAULTS,
)
from fault_registry import (
    FORMATS,
    MARKER,
    OWN,
    centre_mapping,
    labelled,
    sheet,
    text_file,
    valid_registry,
)
from gravida.errors import ConfigurationError
from gravida.intake.mapping.file import read_mapping
from gravida.intake.mapping.plan import SiteMapping
from gravida.intake.submission import IntakeResult, intake_site, refusal
from gravida.tables import read_table
from submissions import ROOT, SEPARATION, SITE, failures
from test_intake_formats import workbook

from schemas.submission import TABLES
from schemas.submission_rules import PREGNANCY_RULES, RECORD_RULES, ROW_RULES

SCHEMA = yaml.safe_load((ROOT / "schemas/mapping.schema.yaml").read_text(encoding="utf-8"))
CODES = read_table(ROOT / "resources/dmt_codes.csv")
CONTRACT = [name for name, way in FORMATS.items() if not way.own]
OWN_FORMATS = [name for name, way in FORMATS.items() if way.own]
# By turns the contract's and a centre's own.
MIXED = ["commas", "centre book", "semicolons", "centre text", "tabs", "redcap", "book", "parquet"]
# Every fault in every format takes minutes. A run has each in one or two formats, by turns; with this set, in
# all.
EVERY_FORMAT = bool(os.environ.get("EVERY_FORMAT"))
# What a hostile file may take: decoding and encoding copy it some times. The bomb unpacks to more.
MOST_COPIES, MOST_TAKEN = 10, 40_000_000

Key = tuple[str, str, str]


def in_turn(faults: Iterable, *circles: Sequence[str]) -> list:
    """Give each fault the next format of each circle, or all of them."""
    turns = [cycle(circle) for circle in circles]
    return [
        pytest.param(fault, name, id=f"{_called(fault)} in {name}")
        for fault in faults
        for name in (dict.fromkeys(chain(*circles)) if EVERY_FORMAT else map(next, turns))
    ]


def _called(fault: object) -> str:
    return fault if isinstance(fault, str) else " ".join(str(part)[:24] for part in fault)


@cache
def plan(mapping: str) -> SiteMapping:
    return read_mapping(mapping, SCHEMA)


@cache
def valid_files(name: str) -> dict[str, bytes]:
    way = FORMATS[name]
    return way.write(way.grids(valid_registry()))


def submit(
    folder: Path, files: dict[str, bytes], mapping: str | None = None, strange: int = 0
) -> IntakeResult:
    """Write files into a folder and take in all that is there."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    entries = sorted(folder.iterdir())
    return intake_site(SITE, entries, CODES, SEPARATION, strange, plan(mapping) if mapping else None)


POOLS: list[pa.MemoryPool] = []


def submit_changed(folder: Path, name: str, fault: str, change: Callable[[bytes], bytes]) -> IntakeResult:
    """Take in a format's files, that of the pregnancies changed; where it is hostile, in bounded memory."""
    files = dict(valid_files(name))
    files[MAIN[name]] = change(files[MAIN[name]])
    if fault not in HOSTILE:
        return submit(folder, files, FORMATS[name].mapping)
    usual = pa.default_memory_pool()
    arrow = pa.proxy_memory_pool(usual)
    # A pool must be there for as long as anything that it has given out.
    POOLS.append(arrow)
    pa.set_memory_pool(arrow)
    tracemalloc.start()
    try:
        result = submit(folder, files, FORMATS[name].mapping)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(usual)
    assert peak + arrow.max_memory() < MOST_COPIES * len(files[MAIN[name]]) + MOST_TAKEN
    return result


def assert_refused(result: IntakeResult, expected: Iterable[Key]) -> None:
    """Check that exactly these checks fail, that no row is used and that nobody is shown the marker."""
    assert set(failures(result)) == set(expected)
    assert result.verdict["verdict"] == "refused"
    assert all(rows.empty for rows in result.accepted.values())
    assert MARKER not in json.dumps(result.verdict) + refusal([result.verdict]) + result.page
    assert MARKER not in result.findings.drop(columns="pregnancy_id").to_csv()


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_registry_is_accepted_in_every_format(tmp_path, name):
    result = submit(tmp_path, valid_files(name), FORMATS[name].mapping)
    assert failures(result) == failures(result, "pass_with_violations") == {}
    rows = {table: len(frame) for table, frame in result.accepted.items()}
    assert rows == {"pregnancies": 12, "relapses": 17, "infusions": 5, "adverse_events": 3}
    for table, frame in result.accepted.items():
        assert frame.notna().any().all(), table
        for column in frame:
            first = valid_registry()[table][0][column]
            assert str(frame[column].iloc[0]) in (
                first,
                f"{first}.0",
                {"1": "True", "0": "False"}.get(first, "<NA>"),
            )


# --- a cell ---------------------------------------------------------------------------------------------

# Rows are counted from 0. Row 4 of the pregnancies, P05, has no row in the other tables.
# table, row, column, cell -> check, in a centre's own columns maybe under another name (see `own_check`)
CELLS = [
    ("pregnancies", 4, "pregnancy_id", f"{MARKER} 5", "pattern"),
    ("pregnancies", 4, "pregnancy_id", "P" * 33, "pattern"),
    ("pregnancies", 4, "pregnancy_id", "", "missing_value"),
    ("pregnancies", 4, "pregnancy_id", "P08", "unique"),
    ("pregnancies", 4, "woman_id", f"{MARKER}, Ana", "pattern"),
    ("pregnancies", 4, "woman_id", "W" * 33, "pattern"),
    ("pregnancies", 4, "woman_id", "", "missing_value"),
    ("pregnancies", 4, "delivery_year", "1979", "range"),
    ("pregnancies", 4, "delivery_year", "2020", "not_after_data_cut"),
    ("pregnancies", 4, "age_at_delivery", MARKER, "type"),
    ("pregnancies", 4, "age_at_delivery", "", "missing_value"),
    ("pregnancies", 4, "age_at_delivery", "13.9", "range"),
    ("pregnancies", 4, "age_at_delivery", "56.1", "range"),
    ("pregnancies", 4, "ms_diagnosis_year", MARKER, "type"),
    ("pregnancies", 4, "ms_diagnosis_year", "1919", "range"),
    ("pregnancies", 4, "ms_diagnosis_year", "2101", "range"),
    ("pregnancies", 4, "ms_diagnosis_year", "2015", "not_after_delivery"),
    ("pregnancies", 4, "gestation_days", MARKER, "type"),
    ("pregnancies", 4, "gestation_days", "139", "range"),
    ("pregnancies", 4, "gestation_days", "309", "range"),
    ("pregnancies", 4, "onset_after_lmp", MARKER, "type"),
    ("pregnancies", 4, "outcome", MARKER, "code"),
    ("pregnancies", 4, "edss_before", MARKER, "type"),
    ("pregnancies", 4, "edss_before", "0.5", "range"),
    ("pregnancies", 4, "edss_before", "10", "range"),
    ("pregnancies", 4, "edss_before", "3.7", "range"),
    ("pregnancies", 4, "dmt_before", MARKER, "code"),
    ("pregnancies", 4, "dmt_before", "", "missing_value"),
    ("pregnancies", 4, "dmt_stop_day", MARKER, "type"),
    ("pregnancies", 4, "dmt_stop_day", "-36526", "range"),
    ("pregnancies", 4, "relapses_pre_year", MARKER, "type"),
    ("pregnancies", 4, "relapses_pre_year", "-1", "range"),
    ("pregnancies", 4, "relapses_pre_year", "1", "agrees_with_dated_relapses"),
    ("pregnancies", 4, "relapses_pregnancy", MARKER, "type"),
    ("pregnancies", 4, "relapses_pregnancy", "367", "range"),
    ("pregnancies", 3, "relapses_pregnancy", "1", "agrees_with_dated_relapses"),
    ("pregnancies", 4, "relapses_post_year", MARKER, "type"),
    ("pregnancies", 4, "relapses_post_year", "", "missing_value"),
    ("pregnancies", 4, "relapses_post_year", "-2", "range"),
    ("pregnancies", 3, "relapses_post_year", "1", "agrees_with_dated_relapses"),
    ("pregnancies", 4, "observed_from_day", MARKER, "type"),
    ("pregnancies", 4, "observed_from_day", "-36526", "range"),
    ("pregnancies", 4, "observed_to_day", MARKER, "type"),
    ("pregnancies", 4, "observed_to_day", "-36526", "range"),
    ("pregnancies", 4, "observed_to_day", "-646", "not_before_observed_from"),
    ("pregnancies", 9, "observed_to_day", "", "followup_stated"),
    ("pregnancies", 4, "next_conception_day", MARKER, "type"),
    ("pregnancies", 4, "next_conception_day", "0", "range"),
    ("pregnancies", 4, "next_conception_day", "731", "range"),
    ("pregnancies", 4, "ivig", MARKER, "type"),
    ("pregnancies", 4, "ivig", "", "missing_value"),
    ("pregnancies", 4, "breastfeeding", MARKER, "code"),
    ("pregnancies", 4, "dmt_restart_day", MARKER, "type"),
    ("pregnancies", 4, "dmt_restart_day", "-1", "range"),
    ("pregnancies", 4, "dmt_in_pregnancy", MARKER, "code"),
    ("pregnancies", 4, "steroid_prophylaxis", MARKER, "type"),
    ("pregnancies", 4, "visits_post_year", MARKER, "type"),
    ("pregnancies", 4, "visits_post_year", "367", "range"),
    ("pregnancies", 4, "parity", MARKER, "type"),
    ("pregnancies", 4, "parity", "26", "range"),
    ("pregnancies", 4, "assisted_reproduction", MARKER, "type"),
    ("pregnancies", 4, "iga_deficiency", MARKER, "type"),
    ("pregnancies", 4, "renal_disease", MARKER, "type"),
    ("pregnancies", 4, "heart_disease", MARKER, "type"),
    ("pregnancies", 4, "diabetes", MARKER, "type"),
    ("relapses", 1, "pregnancy_id", f"{MARKER} 1", "pattern"),
    ("relapses", 1, "pregnancy_id", "", "missing_value"),
    ("relapses", 1, "pregnancy_id", MARKER, "orphan"),
    ("relapses", 1, "onset_day", MARKER, "type"),
    ("relapses", 1, "onset_day", "", "missing_value"),
    ("relapses", 1, "onset_day", "-36526", "range"),
    ("relapses", 1, "onset_day", "365", "onset_inside_observation"),
    ("relapses", 3, "onset_day", "-1006", "onset_inside_observation"),
    ("relapses", 1, "steroids", MARKER, "type"),
    ("relapses", 1, "confirmed", MARKER, "code"),
    ("relapses", 1, "severity", MARKER, "code"),
    ("infusions", 1, "pregnancy_id", f"{MARKER} 1", "pattern"),
    ("infusions", 1, "pregnancy_id", "", "missing_value"),
    ("infusions", 1, "pregnancy_id", MARKER, "orphan"),
    ("infusions", 1, "day", MARKER, "type"),
    ("infusions", 1, "day", "", "missing_value"),
    ("infusions", 1, "day", "-36526", "range"),
    ("infusions", 1, "grams", MARKER, "type"),
    ("infusions", 1, "grams", "", "missing_value"),
    ("infusions", 1, "grams", "0", "range"),
    ("infusions", 1, "grams", "200.5", "range"),
    ("infusions", 1, "grams_per_kg", MARKER, "type"),
    ("infusions", 1, "grams_per_kg", "10.5", "range"),
    ("adverse_events", 1, "pregnancy_id", f"{MARKER} 1", "pattern"),
    ("adverse_events", 1, "pregnancy_id", "", "missing_value"),
    ("adverse_events", 1, "pregnancy_id", MARKER, "orphan"),
    ("adverse_events", 1, "day", MARKER, "type"),
    ("adverse_events", 1, "day", "", "missing_value"),
    ("adverse_events", 1, "day", "-36526", "range"),
    ("adverse_events", 1, "term", MARKER, "code"),
    ("adverse_events", 1, "term", "", "missing_value"),
    ("adverse_events", 1, "serious", MARKER, "type"),
    ("adverse_events", 1, "serious", "", "missing_value"),
]


# In a centre's own columns the date of delivery is the zero of all other dates.
YEARS = [
    ("pregnancies", 4, "delivery_year", MARKER, "type"),
    ("pregnancies", 4, "delivery_year", "2014.5", "type"),
    ("pregnancies", 4, "delivery_year", "", "missing_value"),
]


def own_check(table: str, column: str, check: str, own: str) -> str:
    """Return under which check the mapping reports a cell that it cannot understand."""
    kind = OWN[table, column][1]
    if check == "code" or (check == "type" and kind == "flag"):
        return "unknown_code"
    if check == "type" and kind in ("date", "year"):
        return "not_a_date"
    # A number is understood by the mapping itself where it calculates or a decimal sign is declared.
    if check == "type" and (own == "text" or (own == "book" and kind == "weeks")):
        return "not_a_number"
    return check


@pytest.mark.parametrize(("fault", "name"), in_turn(CELLS, MIXED) + in_turn(YEARS, CONTRACT))
def test_a_cell(tmp_path, fault, name):
    table, row, column, cell, check = fault
    way, registry = FORMATS[name], valid_registry()
    registry[table][row][column] = cell
    result = submit(tmp_path, way.write(way.grids(registry)), way.mapping)
    key = table, column, own_check(table, column, check, way.own) if way.own else check
    assert_refused(result, {key})
    assert failures(result)[key] == (2 if check == "unique" else 1)


# Where no relapse is dated: row, column, cell -> the count of a period of which no day is then observed.
BLIND = [
    (6, "observed_from_day", "-280", "relapses_pre_year"),
    (1, "observed_from_day", "0", "relapses_pregnancy"),
    (5, "observed_to_day", "0", "relapses_post_year"),
]


@pytest.mark.parametrize(("fault", "name"), in_turn(BLIND, CONTRACT))
def test_a_count_of_days_that_nobody_observed(tmp_path, fault, name):
    row, column, cell, count = fault
    way, registry = FORMATS[name], valid_registry()
    registry["pregnancies"][row][column] = cell
    grids = way.grids(registry)
    del grids["relapses"]
    result = submit(tmp_path, way.write(grids))
    assert_refused(result, {("pregnancies", count, "count_without_observation")})


def test_every_rule_of_a_cell_and_between_cells_has_a_fault():
    tried = {(table, column, check) for table, _, column, _, check in [*CELLS, *YEARS]}
    tried |= {("pregnancies", count, "count_without_observation") for *_, count in BLIND}
    rules = {"pregnancies": PREGNANCY_RULES.columns | RECORD_RULES.columns}
    rules |= {table: schema.columns for table, schema in ROW_RULES.items()}
    known = {
        (table, *name.split("."))
        for table, columns in rules.items()
        for name, rule in columns.items()
        if rule.metadata["action"] == "refused"
    }
    for table, schema in TABLES.items():
        for column, rule in schema.columns.items():
            checks = [check.name for check in rule.checks]
            checks += ["missing_value"] if not rule.nullable else []
            checks += ["unique"] if rule.unique else []
            checks += ["type"] if str(rule.dtype.type) != "string" else []
            known |= {(table, column, check) for check in checks}
    assert tried == known


@pytest.mark.parametrize(("fault", "name"), in_turn(YEARS, OWN_FORMATS))
def test_a_date_of_delivery(tmp_path, fault, name):
    table, row, column, cell, _ = fault
    way, registry = FORMATS[name], valid_registry()
    registry[table][row][column] = cell
    result = submit(tmp_path, way.write(way.grids(registry)), way.mapping)
    checks = {"delivery_date": "not_a_date", column: "not_a_date"}
    if not cell:
        checks = {"delivery_date": "no_delivery_date", column: "missing_value"}
    assert_refused(result, {(table, of, check) for of, check in checks.items()})


# --- a column -------------------------------------------------------------------------------------------

REMOVED = [
    ("pregnancies", "ivig"),
    ("pregnancies", "woman_id"),
    ("relapses", "onset_day"),
    ("infusions", "grams"),
    ("adverse_events", "term"),
]
TWICE = [("pregnancies", "parity"), ("infusions", "day"), ("adverse_events", "serious")]
# What a further column of the relapses is called, how it is shown and under which check.
FURTHER = [
    ("hair_colour", "hair_colour", "unexpected_column"),
    ("12/b", "", "unexpected_column"),
    ("date_of_birth", "date_of_birth", "identifier_column"),
    ("Ime in priimek", "Ime in priimek", "identifier_column"),
]


@pytest.mark.parametrize(("fault", "name"), in_turn(REMOVED, MIXED))
def test_a_column_that_is_not_there(tmp_path, fault, name):
    way = FORMATS[name]
    grids = way.grids(valid_registry())
    grids[way.grid(fault[0])].remove(way.name(*fault))
    result = submit(tmp_path, way.write(grids), way.mapping)
    assert_refused(result, {(*fault, "missing_source_column" if way.own else "missing_column")})


@pytest.mark.parametrize(("fault", "name"), in_turn(TWICE, MIXED))
def test_a_column_that_is_there_twice(tmp_path, fault, name):
    way = FORMATS[name]
    grids = way.grids(valid_registry())
    grids[way.grid(fault[0])].repeat(way.name(*fault))
    result = submit(tmp_path, way.write(grids), way.mapping)
    assert_refused(result, {(*fault, "duplicate_source_column" if way.own else "duplicate_column")})


@pytest.mark.parametrize(("fault", "name"), in_turn(FURTHER, MIXED))
def test_a_further_column(tmp_path, fault, name):
    further, shown, check = fault
    way = FORMATS[name]
    grids = way.grids(valid_registry())
    grid = grids[way.grid("relapses")]
    grid.insert(further, MARKER)
    place = chr(64 + len(grid.names)) if way.own == "book" else str(len(grid.names))
    if way.own:
        # A column that may identify is named by its place there.
        shown = shown if check == "unexpected_column" else ""
        check = "unmapped_column"
    result = submit(tmp_path, way.write(grids), way.mapping)
    table = "pregnancies" if name == "redcap" else "relapses"
    assert_refused(result, {(table, shown or f"column {place}", check)})


# --- a file ---------------------------------------------------------------------------------------------


def of_file(name: str, check: str, sheet: bool = False) -> set[Key]:
    """Return the failing check of the file, or the sheet, of the pregnancies where it cannot be read."""
    several = name in ("book", "centre book", "redcap") and not sheet
    return {("submission" if several else "pregnancies", "", check)}


@pytest.mark.parametrize(("fault", "name"), in_turn(TEXT_FAULTS, list(ENCODINGS)))
def test_a_text(tmp_path, fault, name):
    change, check = TEXT_FAULTS[fault]
    encoding = ENCODINGS[name]
    result = submit_changed(
        tmp_path, name, fault, lambda content: change(content.decode(encoding), name).encode(encoding)
    )
    assert_refused(result, of_file(name, check))


@pytest.mark.parametrize(("fault", "name"), in_turn(BYTE_FAULTS, list(ENCODINGS)))
def test_bytes_that_are_no_text(tmp_path, fault, name):
    change, check = BYTE_FAULTS[fault]
    result = submit_changed(tmp_path, name, fault, change)
    assert_refused(result, of_file(name, check if isinstance(check, str) else check.get(name, check[""])))


@pytest.mark.parametrize(("fault", "name"), in_turn(BOOK_FAULTS, ["book", "centre book"]))
def test_a_workbook(tmp_path, fault, name):
    change, check = BOOK_FAULTS[fault]
    result = submit_changed(tmp_path, name, fault, change)
    assert_refused(result, of_file(name, check, sheet=fault == "a cell of ten million letters"))


@pytest.mark.parametrize("fault", list(PARQUET_FAULTS))
def test_parquet(tmp_path, fault):
    change, check = PARQUET_FAULTS[fault]
    assert_refused(submit_changed(tmp_path, "parquet", fault, change), of_file("parquet", check))


# --- what cannot be known without a question ------------------------------------------------------------

AGES = ("pregnancies", "age_at_delivery")
CONCEPTION = ("pregnancies", "next_conception_day")


DECIMALS = [("28,125", "28,125", "ambiguous_number"), ("28,5", "31.5", "mixed_decimals")]


@pytest.mark.parametrize(("fault", "name"), in_turn(DECIMALS, ["commas", "tabs"], ["semicolons", "redcap"]))
def test_a_decimal_sign_that_does_not_show(tmp_path, fault, name):
    *cells, check = fault
    way = FORMATS[name]
    grids = way.grids(valid_registry())
    files = dict(valid_files(name))
    grids[way.grid("pregnancies")].fill(way.name(*AGES), cells * 6)
    main = grids[way.grid("pregnancies")]
    files[MAIN[name]] = text_file(main, SEPARATORS[name], ENCODINGS[name])
    assert_refused(submit(tmp_path, files, way.mapping), {(*AGES, check)})


def test_a_decimal_sign_that_is_not_the_declared_one(tmp_path):
    way = FORMATS["centre text"]
    grids = way.grids(valid_registry())
    grids["pregnancies"].fill(way.name(*AGES), ["28.5"])
    assert_refused(submit(tmp_path, way.write(grids), way.mapping), {(*AGES, "not_a_number")})


@pytest.mark.parametrize("name", ["commas", "redcap"])
def test_an_encoding_that_does_not_show(tmp_path, name):
    # The one letter beyond ASCII is č in Windows-1250 and è in Windows-1252.
    files = dict(valid_files(name))
    files[MAIN[name]] = files[MAIN[name]].replace(b"W03", b"W\xe8")
    assert_refused(submit(tmp_path, files, FORMATS[name].mapping), of_file(name, "encoding"))


@pytest.mark.parametrize(
    ("cell", "order", "check"),
    [
        ("12.9.2014", "", "ambiguous_date_order"),
        ("12.9.14", "dmy", "two_digit_year"),
        ("31.9.2014", "dmy", "not_a_date"),
        ("9/30/2014", "dmy", "not_a_date"),
        ("9.2014", "dmy", "not_a_date"),
        ("41894", "dmy", "not_a_date"),
    ],
)
def test_a_date_that_is_not_certain(tmp_path, cell, order, check):
    way = FORMATS["centre text"]
    grids = way.grids(valid_registry())
    grids["pregnancies"].fill(way.name(*CONCEPTION), ["", "", cell])
    plain = centre_mapping("text")
    declared = plain.pop("date_order")
    for table in plain["tables"].values():
        for column, plan in table["columns"].items():
            if plan.get("as") == "day" and (order or column != "next_conception_day"):
                plan["date_order"] = declared
    result = submit(tmp_path, way.write(grids), yaml.safe_dump(plain, allow_unicode=True))
    assert_refused(result, {(*CONCEPTION, check)})


@pytest.mark.parametrize("name", ["commas", "tabs", "book", "centre book", "centre text"])
def test_a_cell_that_begins_like_a_formula(tmp_path, name):
    way, registry = FORMATS[name], valid_registry()
    registry["pregnancies"][4]["woman_id"] = f"=CONCATENATE({MARKER})"
    result = submit(tmp_path, way.write(way.grids(registry)), way.mapping)
    of_book = of_file(name, "workbook_formulas", sheet=True)
    assert_refused(result, of_book if "book" in name else {("pregnancies", "woman_id", "pattern")})


# --- a mapping file and an export of REDCap -------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("file: export.csv", "file: ../export.csv", "tables.pregnancies.file"),
        ("file: export.csv", "file: /tmp/export.csv", "tables.pregnancies.file"),
        ("file: export.csv", "file: a\\export.csv", "tables.pregnancies.file"),
        ("file: export.csv", "file: .export.csv", "tables.pregnancies.file"),
        ("file: export.csv", "file: export.exe", "tables.pregnancies.file"),
        ("dictionary: dictionary.csv", "dictionary: a/../dictionary.csv", "redcap.dictionary"),
        ("from: pr_ivig", "from: pr_ivig\n        of: pr_ivig", "tables.pregnancies.columns.ivig"),
        ("as: year", "as: century", "tables.pregnancies.columns.delivery_year.as"),
        ("instrument: relapses", "instrument: ''", "tables.relapses"),
    ],
)
def test_a_mapping_file(old, new, told):
    mapping = FORMATS["redcap"].mapping
    assert old in mapping
    with pytest.raises(ConfigurationError, match=r"^mapping: ") as refused:
        read_mapping(mapping.replace(old, new, 1), SCHEMA)
    assert told in str(refused.value)


def test_a_sheet_that_the_workbook_does_not_have(tmp_path):
    mapping = FORMATS["centre book"].mapping.replace("sheet: infuzije", "sheet: odmerki")
    result = submit(tmp_path, valid_files("centre book"), mapping)
    assert_refused(result, {("infusions", "", "sheet")})


@pytest.mark.parametrize("content", [None, f"a,b\n{MARKER},1\n".encode(), b""])
def test_a_dictionary_of_redcap(tmp_path, content):
    files = dict(valid_files("redcap"))
    del files["dictionary.csv"]
    if content is not None:
        files["dictionary.csv"] = content
    result = submit(tmp_path, files, FORMATS["redcap"].mapping)
    empty = {("submission", "", "empty_file")}
    assert_refused(result, empty if content == b"" else {("pregnancies", "", "redcap_dictionary")})


@pytest.mark.parametrize(
    ("variable", "label", "key"),
    [
        ("", "", None),
        ("pr_age_at_delivery", MARKER, ("pregnancies", "age_at_delivery", "type")),
        ("pr_outcome", MARKER, ("pregnancies", "pr_outcome", "unknown_code")),
        ("pr_ivig", "1", ("pregnancies", "pr_ivig", "unknown_code")),
    ],
)
def test_a_label_of_redcap(tmp_path, variable, label, key):
    way = FORMATS["redcap"]
    grids = way.grids(valid_registry())
    places = {name: place for place, name in enumerate(grids["export"].names)}
    grids = labelled(grids)
    if key is not None:
        grids["export"].rows[4][places[variable]] = label
    mapping = way.mapping.replace("export: raw", "export: labelled")
    result = submit(tmp_path, way.write(grids), mapping)
    if key is None:
        assert failures(result) == {}
    else:
        assert_refused(result, {key})


# --- the folder -----------------------------------------------------------------------------------------


def test_no_pregnancies(tmp_path):
    files = dict(valid_files("commas"))
    del files["pregnancies.csv"]
    assert_refused(submit(tmp_path, files), {("pregnancies", "", "file_missing")})


@pytest.mark.parametrize(("fault", "name"), in_turn(["no row"], CONTRACT, OWN_FORMATS))
def test_no_row(tmp_path, fault, name):
    way = FORMATS[name]
    registry = valid_registry() | {"pregnancies": []}
    result = submit(tmp_path, way.write(way.grids(registry)), way.mapping)
    assert_refused(result, {("pregnancies", "", "zero_rows")})


@pytest.mark.parametrize("ending", [".xlsm", ".xls", ".csv.gz", ""])
def test_an_ending_that_is_not_read(tmp_path, ending):
    files = dict(valid_files("commas"))
    files[f"infusions{ending}"] = files.pop("infusions.csv")
    where = "submission" if ending == ".csv.gz" else "infusions"
    check = "unexpected_file" if ending == ".csv.gz" else "unsupported_format"
    assert_refused(submit(tmp_path, files), {(where, "", check)})


@pytest.mark.parametrize(
    ("other", "key"),
    [
        ("pregnancies.parquet", ("pregnancies", "", "duplicate_table")),
        ("infusions.xlsx", ("infusions", "", "duplicate_table")),
        (f"{MARKER}.csv", ("submission", "", "unexpected_file")),
        ("readme.txt", ("submission", "", "unexpected_file")),
        ("submission.xlsx", ("submission", "", "unexpected_file")),
    ],
)
def test_a_further_file(tmp_path, other, key):
    assert_refused(submit(tmp_path, valid_files("commas") | {other: MARKER.encode()}), {key})


@pytest.mark.parametrize(
    "name",
    [
        "tabs",
        "book",
        "centre book",
    ],
)
def test_a_further_entry_of_the_folder(tmp_path, name):
    result = submit(tmp_path, valid_files(name), FORMATS[name].mapping, strange=1)
    assert_refused(result, {("submission", "", "unexpected_file")})


def test_a_further_file_of_a_centre(tmp_path):
    files = valid_files("centre text") | {f"{MARKER}.csv": b"a"}
    result = submit(tmp_path, files, FORMATS["centre text"].mapping)
    assert_refused(result, {("submission", "", "unexpected_file")})


def test_a_file_that_the_mapping_names_and_nobody_sent(tmp_path):
    files = dict(valid_files("centre text"))
    del files["dogodki.csv"]
    result = submit(tmp_path, files, FORMATS["centre text"].mapping)
    assert_refused(result, {("adverse_events", "", "missing_source")})


def _out(path: Path) -> None:
    secret = path.parents[1] / f"{path.parent.name} secret"
    path.rename(secret)
    path.symlink_to(secret)


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


ENTRIES = {
    "a link out of the folder": (_out, "outside_folder"),
    "a link to itself": (_loop, "outside_folder"),
    "a link to nothing": (_nowhere, "unreadable_file"),
    "a folder": (_folder, "unreadable_file"),
    "a pipe": (_pipe, "unreadable_file"),
}


@pytest.mark.parametrize(("fault", "name"), in_turn(ENTRIES, MIXED))
def test_what_is_no_file_of_the_folder(tmp_path, fault, name):
    change, check = ENTRIES[fault]
    folder = tmp_path / "site"
    folder.mkdir()
    files = dict(valid_files(name))
    for file, content in files.items():
        (folder / file).write_bytes(content)
    change(folder / MAIN[name])
    result = submit(folder, {}, FORMATS[name].mapping)
    assert_refused(result, of_file(name, check))


@pytest.mark.parametrize(
    ("sheets", "key"),
    [
        ({MARKER: "relapses"}, ("submission", "", "unexpected_sheet")),
        ({"Relapses ": "relapses"}, ("relapses", "", "sheet")),
    ],
)
def test_a_sheet_too_many(tmp_path, sheets, key):
    grids = FORMATS["book"].grids(valid_registry())
    tables = {table: sheet(grid) for table, grid in grids.items()}
    tables |= {name: tables[table] for name, table in sheets.items()}
    assert_refused(submit(tmp_path, {"submission.xlsx": workbook(tables)}), {key})


def test_a_workbook_without_the_pregnancies(tmp_path):
    grids = FORMATS["book"].grids(valid_registry())
    del grids["pregnancies"]
    assert_refused(submit(tmp_path, FORMATS["book"].write(grids)), {("pregnancies", "", "file_missing")})


@pytest.mark.parametrize("content", ["pregnancy_id:woman_id\nP01:W01\n", "P01,W01,2009\n"])
def test_column_names_that_are_not_found(tmp_path, content):
    check = "separator" if ":" in content else "header"
    files = valid_files("commas") | {"pregnancies.csv": content.encode()}
    assert_refused(submit(tmp_path, files), {("pregnancies", "", check)})
