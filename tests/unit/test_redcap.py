"""REDCap: a labelled and a raw export of the same project are the same tables."""

import csv
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from gravida.intake.mapping.apply import apply_mapping
from gravida.intake.mapping.file import read_mapping
from gravida.intake.mapping.redcap import as_raw, box_name, instrument_rows, read_dictionary
from gravida.intake.reading.text import UNREADABLE_CELL, Text
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests/data/mapping"
SCHEMA = yaml.safe_load((ROOT / "schemas/mapping.schema.yaml").read_text(encoding="utf-8"))
DMT_CODES = ("none", "interferon_beta", "natalizumab")
MISSING = {"-99": "unknown"}


def table(content: str) -> Text:
    names, *rows = csv.reader(io.StringIO(content))
    columns = tuple(
        pa.chunked_array([[row[place] for row in rows]], pa.string()) for place in range(len(names))
    )
    return Text(tuple(names), columns, len(rows), np.arange(len(rows)) + 2)


def example(name: str) -> str:
    return (EXAMPLE / name).read_text(encoding="utf-8")


FIELDS = read_dictionary(table(example("dictionary.csv")))


def cells(text: Text) -> dict[str, list[str]]:
    return {name: column.to_pylist() for name, column in zip(text.names, text.columns, strict=True)}


def apply(export: str, content: str, mapping: str | None = None):
    mapping = example("redcap.yaml") if mapping is None else mapping
    plan = read_mapping(mapping.replace("export: raw", f"export: {export}"), SCHEMA)
    assert [source.name for source in plan.sources] == ["export.csv", "dictionary.csv"]
    sources = {"export.csv": table(content), "dictionary.csv": table(example("dictionary.csv"))}
    return apply_mapping(plan, sources, DMT_CODES)


def failing(mapped) -> dict[tuple[str, str, str], list[int]]:
    return {
        (outcome.table, outcome.column, outcome.check): outcome.lines.tolist()
        for outcome in mapped.outcomes
        if outcome.failed
    }


def test_a_labelled_export_becomes_the_raw_one():
    raw = table(example("raw.csv"))
    found, unknown = as_raw(table(example("labelled.csv")), FIELDS, MISSING)
    assert unknown == {}
    assert found.names == raw.names
    assert cells(found) == cells(raw)


def test_a_raw_export_is_not_changed_by_the_dictionary():
    raw = table(example("raw.csv"))
    assert read_dictionary(raw) is None
    assert [field.name for field in FIELDS][:2] == ["record_id", "woman"]
    assert dict(next(field for field in FIELDS if field.name == "dmt").choices) == {
        "1": "Avonex",
        "2": "Tysabri, any dose",
        "3": "None",
    }


@pytest.mark.parametrize("export", ["raw", "labelled"])
def test_each_row_belongs_to_its_instrument(export):
    mapped = apply(export, example(f"{export}.csv"))
    assert failing(mapped) == {}
    assert cells(mapped.tables["pregnancies"]) == {
        "pregnancy_id": ["1", "2"],
        "woman_id": ["W1", "W1"],
        "delivery_year": ["2014", "2016"],
        "age_at_delivery": ["31", "33"],
        "dmt_before": ["natalizumab", "none"],
        "relapses_post_year": ["1", "0"],
        "ivig": ["1", ""],
        "diabetes": ["1", "0"],
    }
    # From 7 March to 10 April are 34 days; from 7 December to 7 March 31 + 31 + 28.
    assert cells(mapped.tables["relapses"]) == {
        "pregnancy_id": ["1", "1"],
        "onset_day": ["34", "-90"],
        "steroids": ["1", "0"],
        "severity": ["mild", ""],
    }
    assert cells(mapped.tables["infusions"]) == {"pregnancy_id": ["1"], "day": ["2"], "grams": ["10"]}
    assert [mapped.tables[name].lines.tolist() for name in mapped.tables] == [[2, 6], [3, 4], [5]]
    assert [tuple(row) for row in mapped.reasons.to_numpy()] == [
        ("pregnancies", "ivig", "unknown", 1),
        ("relapses", "severity", "unknown", 1),
    ]


def test_the_boxes_of_one_question_are_one_unmapped_column():
    mapping = (
        example("redcap.yaml")
        .replace("    ignore: [history]\n", "")
        .replace("from: history___1", "from: ivig")
    )
    mapped = apply("raw", example("raw.csv"), mapping)
    assert [(outcome.column, outcome.failed) for outcome in mapped.outcomes if outcome.failed] == [
        ("history", 1)
    ]
    # The name of a box whose code begins with a sign.
    assert box_name("history", "-1") == "history____1"


def test_a_label_that_is_no_choice_is_reported_and_not_taken():
    content = example("labelled.csv").replace('"Tysabri, any dose"', "Tysabri")
    mapped = apply("labelled", content)
    assert failing(mapped) == {("pregnancies", "dmt", "unknown_code"): [2]}
    assert cells(mapped.tables["pregnancies"])["dmt_before"] == [UNREADABLE_CELL, "none"]


def test_a_label_of_two_choices_is_not_guessed():
    fields = read_dictionary(table(example("dictionary.csv").replace("b, Severe", "b, Mild")))
    found, unknown = as_raw(table(example("labelled.csv")), fields, MISSING)
    assert {name: rows.nonzero()[0].tolist() for name, rows in unknown.items()} == {"severity": [1]}
    assert cells(found)["severity"] == ["", UNREADABLE_CELL, "-99", "", ""]


def test_labels_that_several_fields_share_are_told_apart_only_by_all_of_them():
    labelled = example("labelled.csv").replace(",Date,Grams", ",Day,Grams")
    names = as_raw(table(labelled), FIELDS, MISSING)[0].names
    assert names.count("Date") == 1
    assert "onset" not in names


def test_a_dictionary_that_is_none_is_told():
    plan = read_mapping(example("redcap.yaml"), SCHEMA)
    mapped = apply_mapping(plan, {"export.csv": table(example("raw.csv"))}, DMT_CODES)
    assert ("pregnancies", "", "redcap_dictionary") in failing(mapped)


def test_fields_of_the_record_are_filled_into_the_rows_of_an_instrument():
    content = (
        "record_id,redcap_repeat_instrument,born,delivery\nA,,1984-03-07,\nA,p,,2014-03-07\nB,p,,2015-01-01\n"
    )
    rows = instrument_rows(table(content), "p", "record_id")
    assert cells(rows)["born"] == ["1984-03-07", ""]
    assert cells(rows)["delivery"] == ["2014-03-07", "2015-01-01"]
    assert rows.lines.tolist() == [3, 4]
    # A record with two rows of its own: neither is the one.
    twice = content + "A,,1990-01-01,\n"
    assert cells(instrument_rows(table(twice), "p", "record_id"))["born"] == ["", ""]
    assert instrument_rows(table("record_id\nA\n"), "p", "record_id").rows == 0
    assert instrument_rows(table("record_id\nA\n"), "", "record_id").rows == 1


WORDS = st.text(st.characters(codec="utf-8", exclude_characters='"\r\n'), max_size=15)


@given(
    st.lists(st.tuples(*[WORDS] * 6), max_size=4), st.lists(st.tuples(*[WORDS] * 3), min_size=1, max_size=4)
)
def test_no_dictionary_and_no_export_makes_it_fail(rows, export):
    names = ("field_name", "form_name", "field_type", "field_label", "select_choices_or_calculations", "x")
    columns = tuple(pa.chunked_array([[row[k] for row in rows]], pa.string()) for k in range(6))
    dictionary = Text(names, columns, len(rows), np.arange(len(rows)) + 2)
    fields = read_dictionary(dictionary)
    columns = tuple(pa.chunked_array([[row[k] for row in export[1:]]], pa.string()) for k in range(3))
    text = Text(export[0], columns, len(export) - 1, np.arange(len(export) - 1) + 2)
    raw, unknown = as_raw(text, fields, MISSING)
    assert raw.rows == text.rows
    assert all(found.size == text.rows for found in unknown.values())
