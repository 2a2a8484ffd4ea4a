"""A centre's own tables by its mapping file: every expected value is arithmetic on the calendar."""

import csv
import io
import time
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from gravida.errors import ConfigurationError
from gravida.intake.mapping.apply import apply_mapping
from gravida.intake.mapping.draft import draft_mapping
from gravida.intake.mapping.file import read_mapping
from gravida.intake.parse import parse_table
from gravida.intake.reading.read import read_source
from gravida.intake.reading.text import UNREADABLE_CELL, Text
from gravida.synthetic import RegistryDesign, SiteDesign, generate
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests/data/mapping"
SCHEMA = yaml.safe_load((ROOT / "schemas/mapping.schema.yaml").read_text(encoding="utf-8"))
DMT_CODES = pd.read_csv(ROOT / "resources/dmt_codes.csv", dtype=str, keep_default_na=False)["code"].tolist()


def table(content: str, file: str = "", separator: str = ";", letters: bool = False) -> Text:
    """Return a table written as text, its header in line 1."""
    names, *rows = csv.reader(io.StringIO(content.strip("\n")), delimiter=separator)
    columns = [pa.chunked_array([[row[place] for row in rows]], pa.string()) for place in range(len(names))]
    labels = tuple(chr(65 + place) for place in range(len(names))) if letters else ()
    return Text(tuple(names), tuple(columns), len(rows), np.arange(len(rows)) + 2, file, letters=labels)


def records(text: Text) -> list[dict[str, str]]:
    return [
        dict(zip(text.names, row, strict=True))
        for row in zip(*(column.to_pylist() for column in text.columns), strict=True)
    ]


def failing(mapped) -> dict[tuple[str, str, str], list[int]]:
    return {
        (outcome.table, outcome.column, outcome.check): outcome.lines.tolist()
        for outcome in mapped.outcomes
        if outcome.failed
    }


# The required columns, which a small mapping takes as they are.
PLAIN = "ID;delivery_year;age_at_delivery;dmt_before;relapses_post_year;ivig"
SMALL = """
version: 1
tables:
  pregnancies:
    file: a.csv
    columns:
      pregnancy_id: {from: ID}
      woman_id: {from: ID}
      delivery_year: {from: delivery_year}
      age_at_delivery: {from: age_at_delivery}
      dmt_before: {from: dmt_before}
      relapses_post_year: {from: relapses_post_year}
      ivig: {from: ivig}
"""


def small(extra: str = "", head: str = "", cells: list[str] | None = None, delivery: str = "", **more):
    """Map a table of one further column X by `extra`, a line of the columns."""
    mapping = SMALL + (f"      {extra}\n" if extra else "")
    mapping = mapping.replace("tables:", f"{head}\ntables:").replace(
        "    columns:", f"{delivery}\n    columns:"
    )
    cells = [] if cells is None else cells
    rows = [f"P{place};2014;30;none;0;0;{cell}" for place, cell in enumerate(cells)]
    text = table("\n".join([f"{PLAIN};{more.pop('names', 'X')}", *rows]), "a.csv", **more)
    return apply_mapping(read_mapping(mapping, SCHEMA), {"a.csv": text}, DMT_CODES)


def mapped_cells(column: str, mapped) -> list[str]:
    text = mapped.tables["pregnancies"]
    return text.columns[text.names.index(column)].to_pylist()


def example() -> tuple[str, dict[str, Text]]:
    mapping = (EXAMPLE / "ljubno.yaml").read_text(encoding="utf-8")
    files = ("izvoz.csv", "zagoni.csv")
    return mapping, {file: table((EXAMPLE / file).read_text(encoding="utf-8"), file) for file in files}


def test_the_example_gives_rows_of_the_data_dictionary():
    mapping, sources = example()
    plan = read_mapping(mapping, SCHEMA)
    assert [(source.name, source.encoding, source.separator) for source in plan.sources] == [
        ("izvoz.csv", "cp1250", ";"),
        ("zagoni.csv", "cp1250", ";"),
    ]
    mapped = apply_mapping(plan, sources, DMT_CODES)
    assert failing(mapped) == {}
    expected = """
pregnancy_id woman_id delivery_year age_at_delivery gestation_days edss_before dmt_before dmt_stop_day
17-1 17 2014 28 269 1.5 interferon_beta -309
17-2 17 2017 32 273 2 natalizumab -
23-1 23 2016 27 - - none -
"""
    course = """
relapses_post_year observed_to_day ivig outcome parity
0 366 1 live_birth 0
1 332 0 live_birth 1
2 367 1 live_birth 0
"""
    left, right = (
        [["" if cell == "-" else cell for cell in line.split()] for line in part.strip().splitlines()]
        for part in (expected, course)
    )
    names = [*left[0], *right[0]]
    rows = [dict(zip(names, [*a, *b], strict=True)) for a, b in zip(left[1:], right[1:], strict=True)]
    assert records(mapped.tables["pregnancies"]) == rows
    assert records(mapped.tables["relapses"]) == [
        {"pregnancy_id": "17-2", "onset_day": "34", "steroids": "1"},
        {"pregnancy_id": "23-1", "onset_day": "-1", "steroids": "0"},
    ]
    infusions = mapped.tables["infusions"]
    assert records(infusions) == [
        {"pregnancy_id": "17-1", "day": "2", "grams": "10.5"},
        {"pregnancy_id": "17-1", "day": "33", "grams": "10"},
        {"pregnancy_id": "23-1", "day": "1", "grams": "5"},
        {"pregnancy_id": "23-1", "day": "2", "grams": "10"},
    ]
    assert infusions.lines.tolist() == [2, 2, 4, 4]
    assert [tuple(row) for row in mapped.reasons.to_numpy()] == [
        ("pregnancies", "gestation_days", "unknown", 1),
        ("pregnancies", "edss_before", "unknown", 1),
        ("pregnancies", "dmt_stop_day", "no information", 1),
    ]


def test_the_example_as_files_and_as_a_workbook_is_the_same(tmp_path):
    mapping, sources = example()
    expected = apply_mapping(read_mapping(mapping, SCHEMA), sources, DMT_CODES)
    plan = read_mapping(mapping, SCHEMA)
    files = {source.name: read_source(EXAMPLE / source.file, **source.options) for source in plan.sources}
    book = openpyxl.Workbook()
    for file, text in sources.items():
        sheet = book.create_sheet(file.removesuffix(".csv"))
        sheet.append(["Izvoz iz registra"])
        sheet.append(list(text.names))
        for row in zip(*(column.to_pylist() for column in text.columns), strict=True):
            sheet.append([typed_cell(cell) for cell in row])
    del book["Sheet"]
    book.save(tmp_path / "centre.xlsx")
    for name in ("izvoz", "zagoni"):
        mapping = mapping.replace(f"file: {name}.csv", f"file: centre.xlsx\n    sheet: {name}")
    of_book = read_mapping(mapping, SCHEMA)
    sheets = {
        source.name: read_source(tmp_path / source.file, **source.options) for source in of_book.sources
    }
    for mapped in (apply_mapping(plan, files, DMT_CODES), apply_mapping(of_book, sheets, DMT_CODES)):
        assert failing(mapped) == {}
        for name, text in expected.tables.items():
            assert records(mapped.tables[name]) == records(text)
    # A title and the header are above the rows.
    assert mapped.tables["infusions"].lines.tolist() == [3, 3, 5, 5]


def typed_cell(cell: str):
    """Return what a spreadsheet makes of a cell that is typed in."""
    try:
        return datetime.strptime(cell, "%d.%m.%Y") if "." in cell else float(cell.replace(",", "."))
    except ValueError:
        return cell or None


DELIVERY = "    delivery_date: D"
STOP = "dmt_stop_day: {from: X, as: day}"


def dated(cells: list[str], delivery: list[str], head: str = "", column: str = STOP):
    pairs = [f"{cell};{zero}" for cell, zero in zip(cells, delivery, strict=True)]
    return small(column, head, pairs, DELIVERY, names="X;D")


@pytest.mark.parametrize(
    ("cell", "order"),
    [
        ("2014-03-07", ""),
        ("2014-03-07 13:45:00", ""),
        ("2014-03-07T00:00:00Z", ""),
        ("2014/3/7", ""),
        ("7 Mar 2014", ""),
        ("07-MAR-2014", ""),
        ("7. marec 2014", ""),
        ("7.3.2014", "dmy"),
        ("7. 3. 2014", "dmy"),
        ("7.3.2014.", "dmy"),
        ("07032014", "dmy"),
        ("3/7/2014", "mdy"),
        ("20140307", "ymd"),
        ("41705", "serial"),
    ],
)
def test_a_date_becomes_the_days_from_delivery(cell, order):
    # From 28 February to 7 March are 7 days in a year without 29 February. The serial of a spreadsheet
    # counts from 30 December 1899: 41705 days later is 7 March 2014.
    assert date(1899, 12, 30) + timedelta(41705) == date(2014, 3, 7)
    head = f"date_order: {order}" if order else ""
    zero = {"dmy": "28.2.2014", "mdy": "2/28/2014", "serial": "41698"}.get(order, "2014-02-28")
    mapped = dated([cell], [zero], head)
    assert failing(mapped) == {}
    assert mapped_cells("dmt_stop_day", mapped) == ["7"]


@pytest.mark.parametrize(
    ("cell", "order", "check"),
    [
        ("7.3.14", "dmy", "two_digit_year"),
        ("30.2.2014", "dmy", "not_a_date"),
        ("13.13.2014", "dmy", "not_a_date"),
        ("3/28/2014", "dmy", "not_a_date"),
        ("7.3.2014", "ymd", "not_a_date"),
        ("41705", "dmy", "not_a_date"),
        ("99999", "serial", "not_a_date"),
        ("2014", "dmy", "not_a_date"),
        ("03.2014", "dmy", "not_a_date"),
        ("2014-13-01", "", "not_a_date"),
        ("0001-01-01", "", "not_a_date"),
        ("juillet 2014", "", "not_a_date"),
        ("٧.٣.٢٠١٤", "dmy", "not_a_date"),
        ("7.3.2014", "", "ambiguous_date_order"),
        ("07032014", "", "ambiguous_date_order"),
    ],
)
def test_what_is_no_certain_date_is_refused(cell, order, check):
    mapped = dated(["", cell], ["2014-02-28"] * 2, f"date_order: {order}" if order else "")
    assert failing(mapped) == {("pregnancies", "dmt_stop_day", check): [3]}
    assert mapped_cells("dmt_stop_day", mapped) == ["", UNREADABLE_CELL]


def test_the_order_of_a_column_is_shown_by_one_of_its_dates_and_never_two():
    zero = ["2014-01-01"] * 3
    assert mapped_cells("dmt_stop_day", dated(["3.4.2014", "13.4.2014", ""], zero)) == ["92", "102", ""]
    assert mapped_cells("dmt_stop_day", dated(["3/4/2014", "4/13/2014", ""], zero)) == ["62", "102", ""]
    both = dated(["3/4/2014", "4/13/2014", "13/4/2014"], zero)
    assert failing(both) == {("pregnancies", "dmt_stop_day", "ambiguous_date_order"): [2, 3, 4]}
    # The declared order holds for the whole column.
    declared = dated(["3/4/2014", "4/13/2014", "13/4/2014"], zero, "date_order: dmy")
    assert failing(declared) == {("pregnancies", "dmt_stop_day", "not_a_date"): [3]}


def test_a_year_needs_no_order():
    year = "ms_diagnosis_year: {from: X, as: year}"
    mapped = small(year, cells=["3.4.2004", "2005", "2006-01-02", "", "3.4.04", "44.44.2004"])
    assert mapped_cells("ms_diagnosis_year", mapped)[:4] == ["2004", "2005", "2006", ""]
    assert failing(mapped) == {
        ("pregnancies", "ms_diagnosis_year", "two_digit_year"): [6],
        ("pregnancies", "ms_diagnosis_year", "not_a_date"): [7],
    }


def test_a_row_without_its_delivery_is_reported_once_and_its_days_are_unusable():
    mapped = dated(["2014-03-01", "2014-03-01", ""], ["", "soon", ""])
    assert failing(mapped) == {
        ("pregnancies", "delivery_date", "no_delivery_date"): [2, 4],
        ("pregnancies", "delivery_date", "not_a_date"): [3],
    }
    assert mapped_cells("dmt_stop_day", mapped) == [UNREADABLE_CELL, UNREADABLE_CELL, ""]


def test_a_record_whose_pregnancy_is_unknown_has_no_delivery():
    mapping, sources = example()
    sources["zagoni.csv"] = table("ID;Porod;Datum zagona;Kortikosteroidi\n99;1;1.1.2015;da\n17;1;;da")
    mapped = apply_mapping(read_mapping(mapping, SCHEMA), sources, DMT_CODES)
    assert failing(mapped) == {("relapses", "onset_day", "no_delivery_date"): [2]}
    assert [row["onset_day"] for row in records(mapped.tables["relapses"])] == [UNREADABLE_CELL, ""]


@pytest.mark.parametrize(
    ("reading", "cell", "expected"),
    [
        ("age", "1984-03-07", "30"),
        ("age", "1984-03-08", "29"),
        ("age_years", "1984-03-07", "30.0"),
        ("age_years", "1983-09-07", "30.5"),
        ("age_from_year", "1984", "30"),
    ],
)
def test_ages_at_delivery(reading, cell, expected):
    mapping = SMALL.replace("{from: age_at_delivery}", f"{{from: X, as: {reading}}}").replace(
        "    columns:", "    delivery_date: D\n    ignore: [age_at_delivery]\n    columns:"
    )
    text = table(f"{PLAIN};X;D\nP;2014;1;none;0;0;{cell};2014-03-07", "a.csv")
    mapped = apply_mapping(read_mapping(mapping, SCHEMA), {"a.csv": text}, DMT_CODES)
    assert failing(mapped) == {}
    assert float(mapped_cells("age_at_delivery", mapped)[0]) == float(expected)


@pytest.mark.parametrize(
    ("rule", "cell", "expected"),
    [
        ("{from: X, unit: weeks}", "38+3", "269"),
        ("{from: X, unit: weeks}", "38 + 3", "269"),
        ("{from: X, unit: weeks}", "38w3d", "269"),
        ("{from: X, unit: weeks}", "38 3/7", "269"),
        ("{from: X, unit: weeks}", "40", "280"),
        ("{from: X, unit: weeks, round: nearest}", "38.3", "268"),
        ("{from: X, unit: weeks, round: down}", "38.4", "268"),
        ("{from: X, unit: months, round: nearest}", "9", "274"),
        ("{from: X, times: 7, minus: 1}", "40", "279"),
    ],
)
def test_gestation_in_other_units(rule, cell, expected):
    # 38 weeks and 3 days are 269 days; 38.3 weeks 268.1; 38.4 weeks 268.8; 9 twelfths of 365.25 days 273.9.
    mapped = small(f"gestation_days: {rule}", cells=[cell])
    assert failing(mapped) == {}
    assert mapped_cells("gestation_days", mapped) == [expected]


def test_a_result_that_should_be_whole_is_not_rounded_unasked():
    mapped = small("gestation_days: {from: X, unit: weeks}", cells=["38.3", "38+7", "38,5", "", "x"])
    assert failing(mapped) == {
        ("pregnancies", "gestation_days", "not_whole"): [2],
        ("pregnancies", "gestation_days", "not_a_number"): [3, 4, 6],
    }


def test_the_first_day_of_the_last_period_gives_the_gestation():
    gestation = "gestation_days: {from: X, as: days_to_delivery}"
    mapped = dated(["2013-05-24"], ["2014-02-28"], column=gestation)
    assert mapped_cells("gestation_days", mapped) == ["280"]


def test_a_declared_decimal_sign_holds_for_every_cell():
    cells = ["1,5", "2", "1.5", "1.000,5", "a", ""]
    mapped = small("edss_before: {from: X}", 'decimal: ","', cells)
    assert mapped_cells("edss_before", mapped)[:2] == ["1.5", "2"]
    assert failing(mapped) == {("pregnancies", "edss_before", "not_a_number"): [4, 5, 6]}
    # A workbook's own numbers arrive with a point, whatever the sign of its texts.
    typed = small("edss_before: {from: X}", 'decimal: ","', cells[:3], letters=True)
    assert mapped_cells("edss_before", typed) == ["1.5", "2", "1.5"]
    # Undeclared it is left to the step that settles it for the whole column.
    assert mapped_cells("edss_before", small("edss_before: {from: X}", cells=cells)) == cells


def test_words_for_yes_and_no_are_the_declared_ones_alone():
    cells = ["DA", " ne ", "1", "", "yes"]
    mapped = small("diabetes: {from: X, yes: [da], no: [ne]}", cells=cells)
    assert mapped_cells("diabetes", mapped) == ["1", "0", UNREADABLE_CELL, "", UNREADABLE_CELL]
    assert failing(mapped) == {("pregnancies", "diabetes", "unknown_code"): [4, 6]}
    # In a file where 1 is yes and 2 is no, 0 is neither.
    mapped = small("diabetes: {from: X, yes: [1], no: [2]}", cells=["1", "2", "0"])
    assert mapped_cells("diabetes", mapped) == ["1", "0", UNREADABLE_CELL]
    assert mapped_cells("diabetes", small("diabetes: {from: X}", cells=["TRUE", "no", "0"])) == [
        "1",
        "0",
        "0",
    ]


def test_codes_are_those_of_the_mapping_and_of_the_data_dictionary():
    rule = "dmt_in_pregnancy: {from: X, codes: {Tysabri: natalizumab, Novo: not_a_code}}"
    mapped = small(rule, cells=["TYSABRI", "Natalizumab", "interferon beta", "Secret", "", "Novo"])
    assert mapped_cells("dmt_in_pregnancy", mapped)[:3] == ["natalizumab", "natalizumab", "interferon_beta"]
    assert failing(mapped) == {("pregnancies", "dmt_in_pregnancy", "unknown_code"): [5, 7]}


def test_codes_of_missing_data_are_counted_by_reason_and_never_sought_in_identifiers():
    head = 'missing: {"1": unknown, "2": refused, "3": unknown}'
    mapped = small("edss_before: {from: X}", head, ["1", "2", "3", "4", "2"])
    assert mapped_cells("edss_before", mapped) == ["", "", "", "4", ""]
    found = {tuple(row) for row in mapped.reasons.to_numpy() if row[1] == "edss_before"}
    assert found == {
        ("pregnancies", "edss_before", "unknown", 2),
        ("pregnancies", "edss_before", "refused", 2),
    }
    head = 'missing: {"P0": unknown}'
    assert mapped_cells("pregnancy_id", small(head=head, extra="edss_before: {from: X}", cells=["1"])) == [
        "P0"
    ]


def test_columns_that_nobody_named_are_refused_without_the_names_that_may_identify():
    mapped = small(cells=["a;b;c"], names="Notes by nurse;Height;X č")
    named = [(outcome.column, outcome.failed) for outcome in mapped.outcomes if outcome.failed]
    assert named == [("column 7", 1), ("Height", 1), ("column 9", 1)]
    many = small(cells=[";".join("a" * 100)], names=";".join(f"v{place}" for place in range(100)))
    refused = [outcome for outcome in many.outcomes if outcome.failed]
    assert len(refused) == 41
    assert sum(outcome.failed for outcome in refused) == 100


def test_ignoring_all_leaves_the_rest_out():
    mapping = SMALL.replace("    columns:", '    ignore: "*"\n    columns:')
    text = table(f"{PLAIN};X\nP;2014;30;none;0;0;secret", "a.csv")
    mapped = apply_mapping(read_mapping(mapping, SCHEMA), {"a.csv": text}, DMT_CODES)
    assert failing(mapped) == {}
    assert "X" not in mapped.tables["pregnancies"].names


def test_a_source_that_is_not_as_the_mapping_says():
    plan = read_mapping(SMALL, SCHEMA)
    assert failing(apply_mapping(plan, {}, DMT_CODES)) == {("pregnancies", "", "missing_source"): []}
    text = table("ID;ID;delivery_year;age_at_delivery;dmt_before;ivig\nP;P;2014;30;none;0", "a.csv")
    mapped = apply_mapping(plan, {"a.csv": text}, DMT_CODES)
    assert failing(mapped) == {
        ("pregnancies", "pregnancy_id", "duplicate_source_column"): [],
        ("pregnancies", "woman_id", "duplicate_source_column"): [],
        ("pregnancies", "relapses_post_year", "missing_source_column"): [],
    }
    empty = table(PLAIN, "a.csv")
    mapped = apply_mapping(plan, {"a.csv": empty}, DMT_CODES)
    assert failing(mapped) == {}
    assert mapped.tables["pregnancies"].rows == 0


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("version: 1", "version: 2", "version:"),
        ("version: 1", "version: 1\nverson: 2", "'verson' was unexpected"),
        ("version: 1", "version: 1\nyes: [da]", "'no' is a dependency"),
        ("version: 1", "version: 1\nyes: [x]\nno: [X]", "a word stands for yes and for no"),
        ("version: 1", "version: 1\nversion: 1", "line 3: stands twice"),
        ("version: 1", "version: [1", "not YAML"),
        ("version: 1", "version: &a 1\nseparator: *a", "no anchors"),
        ("version: 1", "version: \x00", "not YAML"),
        ("file: a.csv", "file: ../a.csv", "tables.pregnancies.file"),
        ("file: a.csv", "file: /etc/a.csv", "tables.pregnancies.file"),
        ("ivig: {from: ivig}", "", "no source for ivig"),
        ("ivig: {from: ivig}", "ivig: {from: ivig, value: 1}", "columns.ivig: say either"),
        ("ivig: {from: ivig}", "ivig: {value: maybe}", "columns.ivig.value: must be one of"),
        ("ivig: {from: ivig}", "ivig: {from: ivig}\n      name: {from: X}", "name: no column"),
        ("ivig: {from: ivig}", "ivig: {from: ivig, unit: g}", "ivig.unit"),
        ("ivig: {from: ivig}", "ivig: {from: ivig, as: day}", "ivig.as"),
        ("ivig: {from: ivig}", "ivig: {from: ivig, codes: {a: ''}}", "1 without a code"),
        ("ivig: {from: ivig}", "ivig: {from: ivig, codes: {a: yes, A: no}}", "stands twice"),
        ("ivig: {from: ivig}", "ivig: {from: [a, b]}", "only identifiers are joined"),
        ("ivig: {from: ivig}", "ivig: {from: ivig}\n      dmt_stop_day: {from: X, as: day}", "delivery_date"),
        ("ivig: {from: ivig}", "ivig: {from: ivig}\n      parity: {from: X, times: 1e9}", "parity.times"),
        ("ivig: {from: ivig}", "ivig: {from: ivig}\n      outcome: {value: alive}", "outcome.value"),
        ("file: a.csv", "file: a.csv\n    instrument: x", "add the key redcap"),
    ],
)
def test_faults_of_a_mapping_file_are_told_in_one_line(old, new, told):
    with pytest.raises(ConfigurationError) as refused:
        read_mapping(SMALL.replace(old, new), SCHEMA)
    assert told in str(refused.value)
    assert "\n" not in refused.value.line()


@pytest.mark.parametrize(
    "content", ["", "[]", "a", "- " * 5000, "{" * 5000, "a: " * 5000, "x" * 400_000, "? [a]\n: b", "\ud800"]
)
def test_a_mapping_file_that_is_anything_is_refused_quickly(content):
    start = time.perf_counter()
    with pytest.raises(ConfigurationError):
        read_mapping(content, SCHEMA)
    # A hundred times what it takes, so that a busy machine does not fail it.
    assert time.perf_counter() - start < 5


CELLS = st.text(st.characters(codec="utf-8"), max_size=12) | st.from_regex(
    r"[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,5}"
)


@settings(max_examples=50, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=6), st.sampled_from(["", "dmy", "mdy", "ymd", "serial"]))
def test_no_cell_makes_it_fail_or_is_told(cells, order):
    cells = [cell.strip() for cell in cells]
    head = (f"date_order: {order}\n" if order else "") + 'decimal: ","'
    column = pa.chunked_array([cells], pa.string())
    names = ("ID", "D", "X")
    text = Text(names, (column,) * 3, len(cells), np.arange(len(cells)) + 2, "a.csv")
    mapping = f"""
version: 1
{head}
tables:
  pregnancies:
    file: a.csv
    delivery_date: D
    columns:
      pregnancy_id: {{from: [ID, X]}}
      woman_id: {{from: ID}}
      delivery_year: {{from: D, as: year}}
      age_at_delivery: {{from: X, as: age}}
      dmt_before: {{from: X}}
      dmt_stop_day: {{from: X, as: day}}
      gestation_days: {{from: X, unit: weeks}}
      relapses_post_year: {{from: X}}
      ivig: {{from: X}}
  infusions:
    from_table: pregnancies
    repeat: [{{day: {{from: D, as: day}}, grams: {{from: X, unit: mg}}}}]
"""
    mapped = apply_mapping(read_mapping(mapping, SCHEMA), {"a.csv": text}, DMT_CODES)
    for outcome in mapped.outcomes:
        assert outcome.lines.size in (0, outcome.failed)
        assert set(outcome.lines.tolist()) <= set(text.lines.tolist())
    parse_table("pregnancies", mapped.tables["pregnancies"])


@settings(max_examples=50, deadline=None)
@given(st.fractions(0, 300, max_denominator=1000))
def test_units_are_exact(days):
    # A decimal of nine places, read as thousandths of a gram, is the nearest float of its exact quotient.
    text = f"{float(days):.9f}"
    column = "parity: {from: X, times: 1000000000}"
    exact = Fraction(text) * 10**9
    assert mapped_cells("parity", small(column, cells=[text])) == [str(exact.numerator)]
    weight = small(
        "age_at_delivery: {from: X, times: 0.001}".replace("age_at_delivery", "edss_before"), cells=[text]
    )
    assert float(mapped_cells("edss_before", weight)[0]) == float(Fraction(text) / 1000)


# --- A draft, completed and applied, gives the registry back.

HEADINGS = {
    "pregnancies": {
        "pregnancy_id": "ID nosečnosti",
        "woman_id": "ID bolnice",
        "delivery_year": "Datum poroda",
        "age_at_delivery": "Starost ob porodu",
        "ms_diagnosis_year": "Leto diagnoze",
        "gestation_days": "Gestacija",
        "onset_after_lmp": "Začetek MS v nosečnosti",
        "outcome": "Izid nosečnosti",
        "edss_before": "EDSS",
        "dmt_before": "Zdravilo pred nosečnostjo",
        "dmt_stop_day": "Zadnji odmerek",
        "relapses_pre_year": "Zagoni pred nosečnostjo",
        "relapses_pregnancy": "Zagoni v nosečnosti",
        "relapses_post_year": "Zagoni po porodu",
        "observed_from_day": "Opazovana od",
        "observed_to_day": "Opazovana do",
        "next_conception_day": "Naslednja zanositev",
        "ivig": "Imunoglobulini",
        "breastfeeding": "Dojenje",
        "dmt_restart_day": "Ponovna uvedba zdravila",
        "dmt_in_pregnancy": "Zdravilo v nosečnosti",
        "steroid_prophylaxis": "Profilaksa s kortikosteroidi",
        "visits_post_year": "Število obiskov",
        "parity": "Paritet",
        "assisted_reproduction": "Umetna oploditev",
        "iga_deficiency": "Pomanjkanje IgA",
        "renal_disease": "Bolezen ledvic",
        "heart_disease": "Bolezen srca",
        "diabetes": "Sladkorna bolezen",
    },
    "relapses": {
        "pregnancy_id": "ID nosečnosti",
        "onset_day": "Datum zagona",
        "steroids": "Kortikosteroidi",
        "confirmed": "Potrjen",
        "severity": "Stopnja",
    },
    "infusions": {
        "pregnancy_id": "ID nosečnosti",
        "day": "Datum infuzije",
        "grams": "Odmerek v g",
        "grams_per_kg": "Odmerek na kg",
    },
    "adverse_events": {
        "pregnancy_id": "ID nosečnosti",
        "day": "Datum dogodka",
        "term": "Neželeni učinek",
        "serious": "Resen",
    },
}
FILES = {
    "pregnancies": "nosečnosti.csv",
    "relapses": "zagoni.csv",
    "infusions": "infuzije.csv",
    "adverse_events": "neželeni učinki.csv",
}
# Words of the centre; those that the draft does not know are filled in by the test.
OWN_CODES = {
    "interferon_beta": "Avonex",
    "natalizumab": "Tysabri",
    "none": "brez terapije",
    "other": "zdravilo v preizkušanju",
    "live_birth": "živorojen",
    "mild": "komaj opazen",
    "headache": "glavobol",
}


def own_tables(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the registry as the centre has it: dates for days, words of its own, decimal commas."""
    pregnancies = tables["pregnancies"]
    births = {
        who: date(int(year), 1, 1) + timedelta(place % 365)
        for place, (who, year) in enumerate(
            zip(pregnancies["pregnancy_id"], pregnancies["delivery_year"], strict=True)
        )
    }
    own = {}
    for name, frame in tables.items():
        zero = [births[who] for who in frame["pregnancy_id"]]
        columns = {
            heading: own_cells(name, column, frame[column], zero)
            for column, heading in HEADINGS[name].items()
        }
        own[name] = pd.DataFrame(columns, dtype=object).assign(Opombe="x")
    return own


def own_cells(table_name: str, column: str, cells: pd.Series, zero: list[date]) -> list[str]:
    if column == "delivery_year":
        return [f"{day.day}.{day.month}.{day.year}" for day in zero]
    written = []
    for cell, birth in zip(cells, zero, strict=True):
        if pd.isna(cell):
            written.append("")
        elif column.endswith("day"):
            day = birth + timedelta(int(cell))
            written.append(f"{day.day}.{day.month}.{day.year}")
        elif column in FLAGS[table_name]:
            written.append("da" if cell else "ne")
        elif isinstance(cell, float):
            written.append(repr(cell).replace(".", ","))
        else:
            written.append(OWN_CODES.get(str(cell), str(cell)))
    return written


FLAGS = {
    "pregnancies": {
        *("onset_after_lmp", "ivig", "steroid_prophylaxis", "assisted_reproduction"),
        *("iga_deficiency", "renal_disease", "heart_disease", "diabetes"),
    },
    "relapses": {"steroids"},
    "infusions": set(),
    "adverse_events": {"serious"},
}


def registry() -> tuple[dict[str, pd.DataFrame], dict[str, Text]]:
    design = RegistryDesign(sites=(SiteDesign("a", "individual", 150),), last_year=2016, seed=7)
    tables = generate(design)["a"]
    own = own_tables(tables)
    return tables, {
        FILES[name]: table(frame.to_csv(index=False, sep=";"), FILES[name]) for name, frame in own.items()
    }


def test_a_completed_draft_gives_the_registry_back():
    tables, sources = registry()
    draft = draft_mapping(sources, DMT_CODES)
    with pytest.raises(ConfigurationError, match="without a code"):
        read_mapping(draft, SCHEMA)
    completed = draft
    for code, word in OWN_CODES.items():
        completed = completed.replace(f'"{word}": ""  # TODO', f'"{word}": {code}')
    assert completed != draft
    mapped = apply_mapping(read_mapping(completed, SCHEMA), sources, DMT_CODES)
    assert failing(mapped) == {}
    for name, frame in tables.items():
        written = table(frame.to_csv(index=False, sep=","), separator=",")
        expected = parse_table(name, written)
        found = parse_table(name, mapped.tables[name])
        pd.testing.assert_frame_equal(found.frame, expected.frame)
        assert not found.unusable.to_numpy()[:, [c in written.names for c in found.frame]].any()


def test_a_draft_holds_no_cell_but_words_of_codes():
    _, sources = registry()
    draft = draft_mapping(sources, DMT_CODES)
    allowed = {word.casefold() for word in OWN_CODES.values()} | {"da", "ne", "x"}
    for text in sources.values():
        for column in text.columns:
            for cell in set(column.to_pylist()):
                if len(cell) > 3 and cell.casefold() not in allowed and cell not in DMT_CODES:
                    assert f'"{cell}"' not in draft
    assert '- "Opombe"  # left out' in draft


def test_a_draft_of_strange_tables_is_still_yaml():
    text = table('Ime\n"x: #y"', "čudna: \u2028.csv")
    strange = Text(('a"b: [#\n', "", "a" * 3000, "\x85"), text.columns * 4, 1, text.lines, "pregnancies.csv")
    for sources in ({"pregnancies.csv": strange}, {"x": text}, {}):
        plain = yaml.safe_load(draft_mapping(sources, DMT_CODES))
        assert plain["version"] == 1


def test_many_rows_take_bounded_time():
    rows = 200_000
    pid = [f"P{place}" for place in range(rows)]
    columns = {
        "ID": pid,
        **{name: ["2014"] * rows for name in PLAIN.split(";")[1:]},
        "X": [f"{1 + place % 28}.{1 + place % 12}.2013" for place in range(rows)],
        "D": ["2014-01-01"] * rows,
    }
    columns |= {"age_at_delivery": ["30"] * rows, "dmt_before": ["none"] * rows, "ivig": ["1"] * rows}
    text = Text(
        tuple(columns),
        tuple(pa.chunked_array([cells], pa.string()) for cells in columns.values()),
        rows,
        np.arange(rows) + 2,
        "a.csv",
    )
    mapping = SMALL.replace("    columns:", f"{DELIVERY}\n    columns:") + f"      {STOP}\n"
    start = time.perf_counter()
    mapped = apply_mapping(read_mapping(mapping, SCHEMA), {"a.csv": text}, DMT_CODES)
    # About a second; ten leave room for a busy machine and none for work that grows faster than the rows.
    assert time.perf_counter() - start < 10
    assert failing(mapped) == {}
