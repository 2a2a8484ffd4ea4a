"""The blank workbook and the REDCap dictionary hold what the schemas say; what is filled in is accepted."""

import csv
import io
import re
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from gravida.intake.centre.redcap_dictionary import REDCAP_COLUMNS, redcap_dictionary, redcap_name
from gravida.intake.centre.template import ROWS, template_workbook
from gravida.intake.parse import parse_table
from gravida.intake.reading import read
from openpyxl.utils import get_column_letter
from submissions import submit

from schemas.submission import EDSS_SCALE, TABLES, TERMS

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "resources/demo/treats_none"
CODES = list(pd.read_csv(ROOT / "resources/dmt_codes.csv", dtype=str, keep_default_na=False)["code"])
WORKBOOK = template_workbook(CODES)
FEW = 20


def opened():
    return openpyxl.load_workbook(io.BytesIO(WORKBOOK))


def columns():
    return [(table, name, rule) for table, schema in TABLES.items() for name, rule in schema.columns.items()]


def validation(book, table, name):
    """Return the one validation of a column, and the cells of its list."""
    letter = get_column_letter(list(TABLES[table].columns).index(name) + 1)
    (rule,) = [
        one
        for one in book[table].data_validations.dataValidation
        if str(one.sqref) == f"{letter}2:{letter}{ROWS + 1}"
    ]
    if rule.type != "list":
        return rule, None
    sheet, cells = rule.formula1.split("!")
    return rule, [cell.value for (cell,) in book[sheet][cells.replace("$", "")]]


def test_the_sheets_hold_the_columns_of_the_schema_in_its_order():
    book = opened()
    assert book.sheetnames == ["readme", *TABLES, "lists"]
    assert [book[name].sheet_state for name in book.sheetnames] == [*["visible"] * 5, "hidden"]
    for table, schema in TABLES.items():
        assert [cell.value for cell in book[table][1]] == list(schema.columns)
        assert book[table].max_row == 1
        assert book[table].freeze_panes == "A2"
        assert len(book[table].data_validations.dataValidation) == len(schema.columns)


def test_every_name_says_what_its_column_means_and_whether_it_is_required():
    book = opened()
    readme = [[cell.value for cell in row] for row in book["readme"].iter_rows()]
    legend = {row[0].value: row[0].fill.fgColor.rgb for row in book["readme"].iter_rows() if row[0].value}
    for table, name, rule in columns():
        cell = book[table].cell(1, list(TABLES[table].columns).index(name) + 1)
        words = cell.comment.text
        assert words.startswith(f"{rule.title}\n{rule.description}\n")
        assert ("Required" in words) == rule.required
        assert all(check.description in words for check in rule.checks)
        assert (f"Unit: {rule.metadata['unit']}" in words) == bool(rule.metadata["unit"])
        key = "The column must be filled in every row" if rule.required else "The column may be empty"
        assert cell.fill.fgColor.rgb == legend[key]
        assert [table, name, rule.title, rule.description] in [row[:4] for row in readme]
    assert len(set(legend.values()) - {"00000000"}) == 2


def test_drop_downs_offer_what_the_schema_allows():
    offered = {}
    book = opened()
    for table, name, rule in columns():
        limits, choices = validation(book, table, name)
        if choices is not None:
            offered[table, name] = choices
        elif str(rule.dtype.type) in ("Int64", "float64"):
            check = rule.checks[0].statistics
            assert limits.type == ("whole" if str(rule.dtype.type) == "Int64" else "decimal")
            assert float(limits.formula2) == check["max_value"]
            least = float(limits.formula1) - check["min_value"]
            assert least == 0 if check["include_min"] else 0 < least <= 0.001
        else:
            assert (limits.type, limits.formula1, limits.formula2) == ("textLength", "1", "32")
            letter = get_column_letter(list(TABLES[table].columns).index(name) + 1)
            assert book[table].column_dimensions[letter].number_format == "@"
    flags = {(table, name) for table, name, rule in columns() if str(rule.dtype.type) == "boolean"}
    assert {key: offered.pop(key) for key in flags} == {key: ["yes", "no"] for key in flags}
    assert offered == {
        ("pregnancies", "outcome"): ["live_birth", "stillbirth"],
        ("pregnancies", "edss_before"): list(EDSS_SCALE),
        ("pregnancies", "dmt_before"): CODES,
        ("pregnancies", "breastfeeding"): ["none", "partial", "exclusive"],
        ("pregnancies", "dmt_in_pregnancy"): CODES,
        ("relapses", "confirmed"): ["examined", "reported"],
        ("relapses", "severity"): ["mild", "moderate", "severe"],
        ("adverse_events", "term"): list(TERMS),
    }


def test_what_is_refused_on_typing_is_refused_with_the_rules_name():
    book = opened()
    for table, name, rule in columns():
        limits, _ = validation(book, table, name)
        named = [check.name for check in rule.checks] or [
            "type" if str(rule.dtype.type) == "boolean" else "code"
        ]
        assert limits.showErrorMessage and limits.errorStyle == "stop"
        # What Excel shows at most.
        assert len(limits.errorTitle) <= 32 and len(limits.error) <= 225
        assert limits.errorTitle == name and limits.error.startswith(f"Rule {named[0]}: ")
        assert not limits.showDropDown, "this hides the arrow"


def test_the_same_schemas_give_the_same_bytes_without_the_time(monkeypatch):
    assert template_workbook(CODES) == WORKBOOK
    with zipfile.ZipFile(io.BytesIO(WORKBOOK)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        times = re.findall(rb">(\d{4}-[^<]*)<", archive.read("docProps/core.xml"))
        assert times == [b"2000-01-01T00:00:00Z"] * 2
        assert not any("vba" in name.lower() for name in archive.namelist())
    assert [cell for sheet in opened() for row in sheet for cell in row if cell.data_type == "f"] == []


def few():
    """Return the shipped registry's first pregnancies with their rows of the other tables, as text."""
    tables = {table: pd.read_csv(DEMO / f"{table}.csv", dtype=str, keep_default_na=False) for table in TABLES}
    tables["pregnancies"] = tables["pregnancies"].head(FEW)
    kept = set(tables["pregnancies"]["pregnancy_id"])
    for table in list(TABLES)[1:]:
        rows = tables[table]
        tables[table] = rows[rows["pregnancy_id"].isin(kept)]
    return tables


def fill(tables):
    """Type the tables into the template as a person does: numbers as numbers, yes and no from the list."""
    book = opened()
    for table, frame in tables.items():
        for place, (name, rule) in enumerate(TABLES[table].columns.items(), start=1):
            typed = {
                "string": str,
                "Int64": int,
                "float64": float,
                "boolean": lambda cell: {"1": "yes", "0": "no"}[cell],
            }[str(rule.dtype.type)]
            for row, cell in enumerate(frame[name], start=2):
                if cell:
                    book[table].cell(row, place, typed(cell))
    return book


def accepted_from_workbook(path):
    texts = read.read_workbook_tables(path, tuple(TABLES))
    assert list(texts) == list(TABLES)
    return {table: parse_table(table, text) for table, text in texts.items()}


def test_a_filled_template_gives_the_rows_that_the_csv_gives(tmp_path):
    tables = few()
    assert len(tables["pregnancies"]) == FEW and len(tables["relapses"]) > FEW / 2
    (tmp_path / "csv").mkdir()
    for table, frame in tables.items():
        frame.to_csv(tmp_path / "csv" / f"{table}.csv", index=False)
    result = submit(sorted((tmp_path / "csv").iterdir()))
    assert result.verdict["verdict"] == "accepted"
    fill(tables).save(tmp_path / "submission.xlsx")
    for table, typed in accepted_from_workbook(tmp_path / "submission.xlsx").items():
        assert not typed.unusable.to_numpy().any()
        pd.testing.assert_frame_equal(typed.frame, result.accepted[table])


def test_every_cell_of_the_filled_template_would_have_been_let_in():
    book = fill(few())
    for table, name, _ in columns():
        limits, choices = validation(book, table, name)
        letter = get_column_letter(list(TABLES[table].columns).index(name) + 1)
        cells = [cell.value for cell in book[table][letter][1:] if cell.value is not None]
        if choices is not None:
            assert set(cells) <= set(choices)
        elif limits.type == "textLength":
            assert all(1 <= len(cell) <= 32 for cell in cells)
        else:
            assert all(float(limits.formula1) <= cell <= float(limits.formula2) for cell in cells)


@pytest.fixture(scope="module")
def redcap():
    reader = csv.DictReader(io.StringIO(redcap_dictionary(CODES)))
    assert tuple(reader.fieldnames) == REDCAP_COLUMNS
    assert len(REDCAP_COLUMNS) == 18
    return list(reader)


def test_redcap_has_every_column_once_under_a_valid_name(redcap):
    names = [row["Variable / Field Name"] for row in redcap]
    assert names[0] == "record_id"
    assert names[1:] == [redcap_name(table, name) for table, name, _ in columns()]
    assert len(set(names)) == len(names)
    # 26 letters are what REDCap recommends; some statistics programs cut what is longer.
    assert all(re.fullmatch("[a-z][a-z0-9_]{0,25}", name) for name in names)
    assert [row["Form Name"] for row in redcap] == ["pregnancies", *(table for table, *_ in columns())]
    labels = [row["Field Label"] for row in redcap]
    assert len(set(labels)) == len(labels)
    assert redcap_name("pregnancies", "pregnancy_id") == "pregnancy_id"
    assert redcap_name("relapses", "pregnancy_id") == "relapse_pregnancy_id"
    assert redcap_name("infusions", "day") == "infusion_day"
    assert redcap_name("adverse_events", "day") == "event_day"


def test_redcap_offers_the_codes_and_limits_of_the_schema(redcap):
    for row, (_, name, rule) in zip(redcap[1:], columns(), strict=True):
        kind = str(rule.dtype.type)
        check = rule.checks[0].statistics if rule.checks else {}
        codes = CODES if name in ("dmt_before", "dmt_in_pregnancy") else check.get("allowed_values", ())
        choices = row["Choices, Calculations, OR Slider Labels"]
        validation_type = row["Text Validation Type OR Show Slider Number"]
        low, high = row["Text Validation Min"], row["Text Validation Max"]
        assert row["Required Field?"] == ("y" if rule.required else "")
        if kind in ("Int64", "float64"):
            numbers = codes or (check["min_value"], check["max_value"])
            assert validation_type == {"Int64": "integer", "float64": "number"}[kind]
            assert (float(low), float(high)) == (min(numbers), max(numbers))
        else:
            assert validation_type == low == high == ""
        if kind == "boolean":
            assert (row["Field Type"], choices) == ("yesno", "")
        elif kind == "string" and codes:
            assert row["Field Type"] == "dropdown"
            assert [tuple(pair.split(", ")) for pair in choices.split(" | ")] == [
                (code, code) for code in codes
            ]
        else:
            assert (row["Field Type"], choices) == ("text", "")


def test_redcap_hides_nothing_and_asks_for_nothing_that_identifies(redcap):
    assert {row["Branching Logic (Show field only if...)"] for row in redcap} == {""}
    assert {row["Identifier?"] for row in redcap} == {""}


def test_a_sheet_that_was_deleted_is_a_table_that_was_not_sent(tmp_path):
    book = fill({"pregnancies": few()["pregnancies"]})
    for table in ("relapses", "infusions", "adverse_events"):
        del book[table]
    book.save(tmp_path / "submission.xlsx")
    texts = read.read_workbook_tables(tmp_path / "submission.xlsx", tuple(TABLES))
    assert {table: text.rows for table, text in texts.items()} == {"pregnancies": FEW}
