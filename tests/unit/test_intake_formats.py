"""One registry in the dialects in which centres write: what is read is what was written, or a named refusal.

Workbooks are written by openpyxl, text by the csv module; neither is used in reading workbooks.
"""

import csv
import io
import time
import tracemalloc
import zipfile
from datetime import date, datetime
from datetime import time as clock
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gravida.intake.outcome import Unreadable
from gravida.intake.parse import parse_table
from gravida.intake.reading.file_checks import FILE_CHECKS, LONGEST_CELL, MOST_COLUMNS, inside
from gravida.intake.reading.numbers import NUMBER_CHECKS, numeric_columns, settle_numbers
from gravida.intake.reading.read import READERS, read_source, read_submitted, read_workbook_tables
from gravida.intake.reading.sheet_values import is_date_format
from gravida.intake.reading.text import UNREADABLE_CELL, Text, neutral
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from submissions import failures, submit, valid

from schemas.submission import TABLES

MARKER = "ZqMarker7"
FRACTIONAL = ("age_at_delivery", "edss_before", "grams", "grams_per_kg")
SLOVENIAN = "Izvoz: nosečnosti, ženske in šifre"


def as_text(frame: pd.DataFrame) -> Text:
    """Return a frame of strings as a table in memory."""
    columns = tuple(pa.chunked_array([pa.array(frame[name], pa.string())]) for name in frame)
    return Text(tuple(frame), columns, len(frame), np.arange(2, len(frame) + 2))


def cells(text: Text) -> list[list[str]]:
    return [list(row) for row in zip(*(column.to_pylist() for column in text.columns), strict=True)]


def delimited(
    frame: pd.DataFrame,
    separator: str = ",",
    encoding: str = "utf-8",
    comma: bool = False,
    quoting: int = csv.QUOTE_MINIMAL,
    end: str = "\n",
    titles: tuple[str, ...] = (),
    blank: tuple[int, ...] = (),
    trailing: int = 0,
) -> bytes:
    """Write a frame of strings as text: `blank` numbers the rows before which empty lines stand."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=separator, quoting=quoting, lineterminator=end)
    for title in titles:
        writer.writerow([title, *[""] * trailing] if title else [])
    writer.writerow([*frame.columns, *[""] * trailing])
    for number, row in enumerate(frame.itertuples(index=False)):
        if number in blank:
            written.write(end)
            writer.writerow([""] * (len(row) + trailing))
        numbers = [
            cell.replace(".", ",") if comma and name in FRACTIONAL else cell
            for name, cell in zip(frame, row, strict=True)
        ]
        writer.writerow([*numbers, *[""] * trailing])
    text = written.getvalue()
    if encoding == "utf-16-be":
        return b"\xfe\xff" + text.encode(encoding)
    return text.encode(encoding)


def workbook(tables: dict[str, list[list]], merged: str | None = None, hidden: tuple[str, ...] = ()) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in tables.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if merged:
            sheet.merge_cells(merged)
        if name in hidden:
            sheet.sheet_state = "hidden"
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def number(cell: str) -> str | int | float | None:
    """Return the cell as a number, where it is one."""
    if not cell:
        return None
    try:
        return int(cell)
    except ValueError:
        try:
            return float(cell)
        except ValueError:
            return cell


def sheet_rows(frame: pd.DataFrame, numbers: bool, titles: tuple[str, ...] = (), after: int = 0) -> list:
    body = [[number(cell) if numbers else cell for cell in row] for row in frame.itertuples(index=False)]
    empty = [[None] * frame.shape[1]] * after
    return [*([title] for title in titles), list(frame.columns), *body, *empty]


def read(folder: Path, content: bytes, name: str = "pregnancies.csv", table: str = "pregnancies") -> Text:
    (folder / name).write_bytes(content)
    return read_submitted(table, folder / name)


def refused(folder: Path, content: bytes, name: str = "pregnancies.csv", **declared) -> str:
    """Return the check that a file fails, submitted or, with something declared, as a source."""
    (folder / name).write_bytes(content)
    with pytest.raises(Unreadable) as caught:
        if declared:
            read_source(folder / name, **declared)
        else:
            read_submitted("pregnancies", folder / name)
    assert MARKER not in str(caught.value) + repr(caught.value.outcome)
    return caught.value.outcome.check


def parsed(table: str, text: Text) -> pd.DataFrame:
    settled, doubts = settle_numbers(text, numeric_columns(table))
    assert not doubts
    typed = parse_table(table, settled)
    assert not typed.unusable.drop(columns=_absent(table, text)).any(axis=None)
    return typed.frame


def _absent(table: str, text: Text) -> list[str]:
    return [name for name in TABLES[table].columns if name not in text.names]


# --- one registry, twelve dialects ---------------------------------------------------------------------


def write_parquet(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    for table, frame in tables.items():
        columns = {name: list(map(number, frame[name])) for name in frame}
        kinds = {
            name: {isinstance(cell, str) for cell in columns[name] if cell is not None} for name in frame
        }
        typed = {name: frame[name] if len(kinds[name]) > 1 else columns[name] for name in frame}
        pd.DataFrame(typed).to_parquet(folder / f"{table}.parquet")


def write_text(**dialect):
    def write(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
        for table, frame in tables.items():
            (folder / f"{table}.csv").write_bytes(delimited(frame, **dialect))

    return write


def write_workbooks(numbers: bool, titles: tuple[str, ...] = (), name: str | None = None, others: int = 0):
    def write(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
        for table, frame in tables.items():
            sheets = {name or table: sheet_rows(frame, numbers, titles, after=3)}
            sheets |= {f"Notes {place}": [["made", "by", "hand"]] for place in range(others)}
            merged = "A1:F1" if titles else None
            (folder / f"{table}.xlsx").write_bytes(workbook(sheets, merged))

    return write


DIALECTS = {
    "plain": write_text(),
    "semicolons and decimal commas": write_text(separator=";", comma=True, end="\r\n"),
    "with a mark": write_text(separator=";", comma=True, encoding="utf-8-sig"),
    "tabs in UTF-16": write_text(separator="\t", encoding="utf-16", end="\r\n"),
    "UTF-16 big-endian, bars": write_text(separator="|", encoding="utf-16-be", titles=("Export", "")),
    "Windows-1250": write_text(separator=";", comma=True, encoding="cp1250", titles=(SLOVENIAN,)),
    "Windows-1252": write_text(encoding="cp1252", titles=("Übersicht für Graz",), trailing=2),
    "all quoted": write_text(quoting=csv.QUOTE_ALL, comma=True, end="\r\n", blank=(0, 2)),
    "old Macintosh": write_text(separator=";", end="\r"),
    "workbook of numbers": write_workbooks(True, ("A title over the table",), others=2),
    "workbook of texts": write_workbooks(False, name="Tabelle1"),
    "parquet": write_parquet,
}


def test_one_registry_in_twelve_dialects_is_the_same_byte_for_byte(tmp_path):
    written = {}
    for name, write in DIALECTS.items():
        folder = tmp_path / name
        folder.mkdir()
        write(folder, valid())
        result = submit(sorted(folder.iterdir()))
        assert result.verdict["verdict"] == "accepted", (name, failures(result))
        for table, frame in result.accepted.items():
            buffer = io.BytesIO()
            pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), buffer)
            written.setdefault(table, {})[name] = (buffer.getvalue(), frame.to_csv(index=False))
    assert len(DIALECTS) == 12
    for table, by_dialect in written.items():
        assert len(set(by_dialect.values())) == 1, table
        assert len(by_dialect["plain"][1].splitlines()) == len(valid()[table]) + 1


# --- any registry in any dialect ------------------------------------------------------------------------

IDS = st.from_regex(r"\A[A-Za-z][A-Za-z0-9_]{0,7}\Z")
MAYBE = st.sampled_from([True, True, False])


@st.composite
def registries(draw) -> pd.DataFrame:
    ids = draw(st.lists(IDS, min_size=1, max_size=8, unique_by=str.lower))
    flags = st.sampled_from(["1", "0", "true", "false", "yes", "no"])
    rows = [
        {
            "pregnancy_id": who,
            "woman_id": draw(IDS),
            "delivery_year": str(draw(st.integers(1980, 2019))),
            "age_at_delivery": str(draw(st.integers(1400, 5600)) / 100).removesuffix(".0"),
            "gestation_days": str(draw(st.integers(140, 308))) if draw(MAYBE) else "",
            "edss_before": str(draw(st.sampled_from([0.0, 1.0, 3.5, 9.5]))) if draw(MAYBE) else "",
            "dmt_before": draw(st.sampled_from(["none", "natalizumab", "other"])),
            "dmt_stop_day": str(draw(st.integers(-1500, 0))) if draw(MAYBE) else "",
            "relapses_post_year": str(draw(st.integers(0, 4))),
            "ivig": draw(flags),
        }
        for who in ids
    ]
    return pd.DataFrame(rows, dtype=object)


@st.composite
def text_dialects(draw) -> dict:
    encoding = draw(
        st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1250", "cp1252"])
    )
    title = {"cp1250": SLOVENIAN, "cp1252": "Übersicht", "utf-8": "Nosečnosti à é"}.get(encoding, "Export")
    separator = draw(st.sampled_from([",", ";", "\t", "|"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    return {
        "encoding": encoding,
        "separator": separator,
        "quoting": quoting,
        "comma": draw(st.booleans()),
        "end": draw(st.sampled_from(["\n", "\r\n"])),
        "titles": draw(st.sampled_from([(), (title,), (title, ""), (title, "two\nlines", "", "by hand")])),
        "blank": tuple(draw(st.sets(st.integers(0, 7), max_size=3))),
        "trailing": draw(st.integers(0, 2)),
    }


@given(registries(), text_dialects())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_registry_in_any_dialect_of_text(tmp_path, frame, dialect):
    content = delimited(frame, **dialect)
    text = read(tmp_path, content)
    pd.testing.assert_frame_equal(parsed("pregnancies", text), parsed("pregnancies", as_text(frame)))
    marked = dialect["encoding"] if dialect["encoding"] != "utf-16-be" else "utf-16"
    lines = content.decode(marked).replace("\r\n", "\n").split("\n")
    separator = dialect["separator"]
    for line, who in zip(text.lines, frame["pregnancy_id"], strict=True):
        assert lines[line - 1].split(separator)[0].strip('"') == who


@given(registries(), st.booleans(), st.integers(0, 3), st.integers(0, 4), st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_registry_in_any_workbook(tmp_path, frame, numbers, titles, after, named):
    rows = sheet_rows(frame, numbers, ("A title",) * titles, after)
    sheets = {"readme": [["pregnancy_id is a pseudonym"]], "Pregnancies" if named else "Sheet1": rows}
    text = read(tmp_path, workbook(sheets, "A1:C1" if titles else None), "pregnancies.xlsx")
    pd.testing.assert_frame_equal(parsed("pregnancies", text), parsed("pregnancies", as_text(frame)))
    assert list(text.lines) == list(range(titles + 2, titles + 2 + len(frame)))
    assert text.letters[:3] == ("A", "B", "C")
    assert not any(text.dates)


@given(registries())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_registry_in_parquet(tmp_path, frame):
    write_parquet(tmp_path, {"pregnancies": frame})
    text = read_submitted("pregnancies", tmp_path / "pregnancies.parquet")
    pd.testing.assert_frame_equal(parsed("pregnancies", text), parsed("pregnancies", as_text(frame)))
    assert list(text.lines) == list(range(1, len(frame) + 1))


@given(st.binary(max_size=400), st.sampled_from([".csv", ".parquet", ".xlsx"]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_table_or_a_named_refusal(tmp_path, content, ending):
    path = tmp_path / f"pregnancies{ending}"
    path.write_bytes(content)
    for reader in (lambda: read_submitted("pregnancies", path), lambda: read_source(path)):
        try:
            assert isinstance(reader(), Text)
        except Unreadable as unreadable:
            assert unreadable.outcome.check in FILE_CHECKS


@given(st.lists(st.lists(st.text(st.sampled_from('ab",;\n\r \t|'), max_size=6), min_size=2, max_size=3)))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_is_read_as_the_csv_module_reads_it(tmp_path, rows):
    """Rows of one width, with every character that means something."""
    rows = [[*row, ""][:3] for row in rows]
    written = io.StringIO(newline="")
    csv.writer(written).writerows([["pregnancy_id", "x", "y"], *rows])
    expected = [row for row in rows if any(cell.strip() for cell in row)]
    assert cells(read(tmp_path, written.getvalue().encode())) == expected


# --- text ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stray", ["", '5" x'])
def test_lines_are_those_of_the_file(tmp_path, stray):
    content = 'Title\n\n"pregnancy_id","note"\nP1,"two\nlines"\n\n,\n'
    content += f'P2,{stray}\n   \nP3,"a ""b""\n\n"\n,\n\n'
    text = read(tmp_path, content.encode())
    assert list(text.lines) == [4, 8, 10]
    assert cells(text) == [["P1", "two\nlines"], ["P2", stray], ["P3", 'a "b"\n\n']]


@pytest.mark.parametrize("stray", ["", '5" x'])
def test_ragged_rows_are_named_by_their_lines(tmp_path, stray):
    content = f'T\npregnancy_id;b\n"P1\n";{stray}\n\nP2;2;{MARKER}\nP3\n;;\nP4;4\n'
    (tmp_path / "pregnancies.csv").write_text(content)
    with pytest.raises(Unreadable) as caught:
        read_submitted("pregnancies", tmp_path / "pregnancies.csv")
    assert caught.value.outcome.check == "csv_structure"
    assert list(caught.value.outcome.lines) == [6, 7]


def test_a_trailing_column_without_a_name_is_kept_where_it_holds_something(tmp_path):
    assert read(tmp_path, b"pregnancy_id;b;;\nP1;1;;\n").names == ("pregnancy_id", "b")
    assert read(tmp_path, b"pregnancy_id;b;;\nP1;1;x;\n").names == ("pregnancy_id", "b", "")


LETTERS = {
    "cp1250": ["šč ž", "Šifra ženske: Č", "đćž", "łąę", "žluťoučký kůň"],
    "cp1252": ["äöüß", "é à ê ç", "ñ ¿qué?", "ærø å", "50 € – „Graz“"],
}


@pytest.mark.parametrize(("page", "letters"), [(page, text) for page in LETTERS for text in LETTERS[page]])
def test_a_code_page_is_established_by_the_letters_of_one_language(tmp_path, page, letters):
    if letters == "ñ ¿qué?":
        letters += " ¡sí!"
    (tmp_path / "x.csv").write_bytes(f"a,{letters}\n1,{letters}\n".encode(page))
    text = read_source(tmp_path / "x.csv")
    assert text.names == ("a", letters)
    assert cells(text) == [["1", letters]]


@pytest.mark.parametrize(("letters", "page"), [("č", "cp1250"), ("ć", "cp1250"), ("ñ", "cp1252")])
def test_a_letter_that_another_page_reads_as_a_letter_decides_nothing(tmp_path, letters, page):
    assert refused(tmp_path, f"a,b\n1,{letters}\n".encode(page), header_row=1) == "encoding"


def test_letters_of_two_languages_are_a_question(tmp_path):
    content = "a,b\n1,č\n".encode("cp1250")
    assert refused(tmp_path, content, header_row=1) == "encoding"
    path = tmp_path / "pregnancies.csv"
    assert cells(read_source(path, encoding="cp1250")) == [["1", "č"]]
    assert cells(read_source(path, encoding="windows-1252")) == [["1", "è"]]
    assert refused(tmp_path, content, encoding="utf-8") == "encoding"
    assert refused(tmp_path, content, encoding="rot13") == "encoding"
    assert refused(tmp_path, content, encoding="no-such") == "encoding"
    assert "encoding: cp1250" in FILE_CHECKS["encoding"]


def test_a_source_is_read_by_its_fullest_row_or_as_declared(tmp_path):
    path = tmp_path / "izvoz.csv"
    path.write_text("Izvoz, 2019\n\nID;Starost;Opombe\n1;28,5;da, ne\n2;31,5;\n")
    text = read_source(path)
    assert text.names == ("ID", "Starost", "Opombe")
    assert list(text.lines) == [4, 5]
    assert text.file == "izvoz.csv"
    assert read_source(path, header_row=4).names == ("1", "28,5", "da, ne")
    assert read_source(path, header_row=4, separator=";").rows == 1
    assert refused(tmp_path, path.read_bytes(), header_row=2) == "header"
    assert refused(tmp_path, path.read_bytes(), separator=":") == "separator"
    with pytest.raises(Unreadable, match="unsupported_format"):
        read_source(path.with_suffix(".ods"))


def test_a_ragged_source_is_refused_and_not_read_as_one_column(tmp_path):
    assert refused(tmp_path, b"a,b,c\n1,2,3\n4,5\n", encoding="utf-8") == "csv_structure"


def test_a_file_without_column_names_is_told_apart_from_one_with_other_separators(tmp_path):
    assert refused(tmp_path, b"pregnancy_id:b\nP1:1\n") == "separator"
    assert refused(tmp_path, b"id,b\nP1,1\n") == "header"
    titles = "t\n" * 20
    assert refused(tmp_path, f"{titles}pregnancy_id,b\nP1,1\n".encode()) == "header"
    assert read(tmp_path, f"{titles[2:]}pregnancy_id,b\nP1,1\n".encode()).rows == 1


# --- workbooks -----------------------------------------------------------------------------------------


def test_cells_of_a_workbook_are_text_that_does_not_depend_on_how_they_are_stored(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["pregnancy_id", "x"])
    stored = [2010, 2010.0, 28.5, 0.1 + 0.2, 1e20, -3, True, False, "  a\u00a0", "007", "=", "_x0041_"]
    stored += [date(2019, 3, 7), datetime(2019, 3, 7, 14, 30), datetime(2019, 3, 7), clock(14, 30), "2"]
    stored += [date(1900, 1, 1), CellRichText("a", TextBlock(InlineFont(b=True), "b")), "#N/A", "žena"]
    for place, value in enumerate(stored):
        cell = sheet.cell(place + 2, 2, value)
        sheet.cell(place + 2, 1, f"P{place}")
        if value in ("=", "2"):
            cell.data_type = "s"
    written = io.BytesIO()
    book.save(written)
    text = read(tmp_path, written.getvalue(), "pregnancies.xlsx")
    expected = ["2010", "2010", "28.5", "0.3", "1e+20", "-3", "true", "false", "a", "007", "=", "A"]
    expected += ["2019-03-07", "2019-03-07 14:30:00", "2019-03-07", "14:30:00", "2"]
    expected += ["1900-01-01", "ab", UNREADABLE_CELL, "žena"]
    assert text.columns[1].to_pylist() == expected
    assert text.dates == (False, True)
    assert text.sheet == "Sheet"


@pytest.mark.parametrize(
    ("code", "shows"),
    [
        ("General", False),
        ("0.00E+00", False),
        ('0" days"', False),
        ("0\\d", False),
        ("[Red]#,##0_d;-0", False),
        ("@", False),
        ("[$-424]d. mmmm yyyy", True),
        ("yyyy-mm-dd", True),
        ("h:mm", True),
    ],
)
def test_formats_of_dates(code, shows):
    assert is_date_format(code) is shows


def test_serials_count_from_1904_where_the_workbook_says_so(tmp_path):
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    for row in (["pregnancy_id", "x"], ["P1", date(2019, 3, 7)]):
        book.active.append(row)
    written = io.BytesIO()
    book.save(written)
    text = read(tmp_path, written.getvalue(), "pregnancies.xlsx")
    assert cells(text) == [["P1", "2019-03-07"]]


def test_a_table_in_a_corner_of_a_sheet(tmp_path):
    left = [None, None]
    rows = [[*left, "Registry"], [], [*left, "pregnancy_id", None, "b"], [], [*left, "P1", None, 2]]
    text = read(tmp_path, workbook({"S": rows}), "pregnancies.xlsx")
    assert (text.names, text.letters, list(text.lines)) == (("pregnancy_id", "b"), ("C", "E"), [5])


def test_formulas_are_refused_where_they_stand(tmp_path):
    rows = [["pregnancy_id", "b"], ["P1", 1], ["P2", "=B2+1"], ["P3", f'="{MARKER}"']]
    (tmp_path / "pregnancies.xlsx").write_bytes(workbook({"pregnancies": rows}))
    with pytest.raises(Unreadable) as caught:
        read_submitted("pregnancies", tmp_path / "pregnancies.xlsx")
    assert caught.value.outcome.check == "workbook_formulas"
    assert list(caught.value.outcome.lines) == [3, 4]


def test_sheets_are_chosen_by_name_or_by_their_header(tmp_path):
    table = [["pregnancy_id", "b"], ["P1", 1]]
    name = "pregnancies.xlsx"
    assert read(tmp_path, workbook({"PREGNANCIES ": table, "x": table}), name).rows == 1
    assert read(tmp_path, workbook({"n": [["x"]], "x": table}), name).sheet == "x"
    assert refused(tmp_path, workbook({"x": table, "y": table}), name) == "sheet"
    assert refused(tmp_path, workbook({"x": [["id"], ["P1"]]}), name) == "header"
    assert refused(tmp_path, workbook({"x": table}), name, sheet="y") == "sheet"
    assert refused(tmp_path, workbook({"x": table, "y": table}), name, header_row=1) == "sheet"
    path = tmp_path / name
    path.write_bytes(workbook({"x": table, "y": [["Naslov"], ["ID", "b", "c"], [1, 2, 3]]}))
    assert read_source(path, sheet="Y").names == ("ID", "b", "c")
    assert cells(read_source(path, sheet="y", header_row=3)) == []


def test_a_workbook_of_all_tables(tmp_path):
    path = tmp_path / "submission.xlsx"
    sheets = {table: sheet_rows(frame, True) for table, frame in valid().items()}
    sheets["Relapses"] = sheets.pop("relapses")
    explained = sheets | {"Readme": [["x"]], "lists": [["y"]], "_hidden": [["z"]], "empty": []}
    path.write_bytes(workbook(explained, hidden=("_hidden",)))
    found = read_workbook_tables(path, tuple(TABLES))
    assert set(found) == set(valid())
    for table, text in found.items():
        pd.testing.assert_frame_equal(parsed(table, text), parsed(table, as_text(valid()[table])))
    for name, rows, check in [
        (MARKER, [["x"]], "unexpected_sheet"),
        ("_shown", [["x"]], "unexpected_sheet"),
        ("relapses ", sheets["Relapses"], "sheet"),
    ]:
        path.write_bytes(workbook(sheets | {name: rows}))
        with pytest.raises(Unreadable) as caught:
            read_workbook_tables(path, tuple(TABLES))
        assert caught.value.outcome.check == check
        assert MARKER not in repr(caught.value.outcome)


# --- numbers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "declared", "expected"),
    [
        (["1.5", "2", ""], None, ["1.5", "2", ""]),
        (["1,5", "2", ""], None, ["1.5", "2", ""]),
        (["1,234", "2,5"], None, ["1.234", "2.5"]),
        (["1,234", "2"], None, "ambiguous_number"),
        (["1,234", "0,125"], None, ["1.234", "0.125"]),
        (["1,234", "1234,125"], None, ["1.234", "1234.125"]),
        (["1,234", "1,234,567"], None, ["1234", "1234567"]),
        (["1,5", "1,234,567"], None, "mixed_decimals"),
        (["1.5", "1,5"], None, "mixed_decimals"),
        (["1.234,5"], None, "mixed_decimals"),
        (["1,234", "2"], ",", ["1.234", "2"]),
        (["1,234", "2"], ".", ["1234", "2"]),
        (["1.234,5", "2"], ",", ["1234.5", "2"]),
        (["1,234.5", "2"], ".", ["1234.5", "2"]),
        (["1.5"], ",", "mixed_decimals"),
        (["1.5", "2,5"], ",", "mixed_decimals"),
        (["1,5"], ".", ["1,5"]),
        (["\u22123", "\u00a04", "12\u00a0345,5"], None, ["-3", "4", "12345.5"]),
        (["a,b", "1.5"], None, ["a,b", "1.5"]),
        (["none, 1,5", "x"], ",", ["none, 1,5", "x"]),
        (["1,5e3"], None, ["1.5e3"]),
        ([], None, []),
    ],
)
def test_the_decimal_sign_is_that_of_the_column(column, declared, expected):
    text = as_text(pd.DataFrame({"x": column, "note": column}, dtype=object))
    settled, doubts = settle_numbers(text, {"x": "float64"}, declared)
    if isinstance(expected, str):
        assert doubts == [("x", expected)]
        assert expected in NUMBER_CHECKS
        expected = column
    else:
        assert doubts == []
    assert settled.columns[0].to_pylist() == expected
    assert settled.columns[1].to_pylist() == column


def test_a_declared_comma_says_nothing_of_numbers_that_a_workbook_holds(tmp_path):
    text = read(tmp_path, workbook({"S": [["pregnancy_id", "x"], ["P1", 1.5]]}), "pregnancies.xlsx")
    settled, doubts = settle_numbers(text, {"x": "float64"}, ",")
    assert (cells(settled), doubts) == ([["P1", "1.5"]], [])


@pytest.mark.parametrize(
    ("ages", "check"), [(["28,125"] * 6, "ambiguous_number"), (["28,5", "31.5"] * 3, "mixed_decimals")]
)
def test_a_doubtful_column_fails_its_check_alone(tmp_path, ages, check):
    tables = valid()
    tables["pregnancies"]["age_at_delivery"] = ages
    for table, frame in tables.items():
        (tmp_path / f"{table}.csv").write_bytes(delimited(frame, separator=";"))
    result = submit(sorted(tmp_path.iterdir()))
    assert failures(result) == {("pregnancies", "age_at_delivery", check): 1}


# --- what no site sends by chance ----------------------------------------------------------------------


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return written.getvalue()


def unpacked() -> dict[str, bytes]:
    content = workbook({"pregnancies": [["pregnancy_id", "b"], ["P1", 1]]})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


SHEET = "xl/worksheets/sheet1.xml"
HEAD = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
TAIL = b"</sheetData></worksheet>"
NOISE = np.random.default_rng(3).integers(0, 256, 200_000, dtype=np.uint8).tobytes()
INLINE = b'<row r="1"><c r="A1" t="inlineStr"><is><t>pregnancy_id</t></is></c></row>'


def with_sheet(body: bytes) -> bytes:
    return packed(unpacked() | {SHEET: HEAD + body + TAIL})


def with_strings(body: bytes, strings: bytes) -> bytes:
    """Return a workbook whose cells refer to a list of texts, as Excel writes them (openpyxl does not)."""
    members = unpacked()
    relations = "xl/_rels/workbook.xml.rels"
    kind = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    relation = (
        b'<Relationship Id="rIdS" Type="' + kind + b'" Target="/xl/sharedStrings.xml"/></Relationships>'
    )
    return packed(
        members
        | {
            relations: members[relations].replace(b"</Relationships>", relation),
            SHEET: HEAD + body + TAIL,
            "xl/sharedStrings.xml": b'<x:sst xmlns:x="main">' + strings + b"</x:sst>",
        }
    )


def lying(content: bytes) -> bytes:
    """Return an archive whose sheet declares a tenth of what it holds."""
    rows = b"".join(b'<row r="%d"><c><v>1</v></c></row>' % row for row in range(2, 5000))
    content = with_sheet(INLINE + rows)
    size = len(HEAD + INLINE + rows + TAIL).to_bytes(4, "little")
    assert content.count(size) == 2
    return content.replace(size, (len(rows) // 10).to_bytes(4, "little"))


ENTITIES = (
    b'<!DOCTYPE x [<!ENTITY a "'
    + b"a" * 1000
    + b'"><!ENTITY b "'
    + b"&a;" * 1000
    + b'">]>'
    + HEAD
    + b'<row r="1"><c t="inlineStr"><is><t>'
    + b"&b;" * 1000
    + b"</t></is></c></row>"
    + TAIL
)
WORKBOOKS = {
    "noise": (NOISE, "not_workbook"),
    "text": (b"pregnancy_id,b\nP1,1\n", "not_workbook"),
    "old or encrypted": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + NOISE, "not_workbook"),
    "archive of something else": (packed({"a.txt": b"a"}), "not_workbook"),
    "truncated": (workbook({"pregnancies": [["pregnancy_id"]]})[:-300], "not_workbook"),
    "compressed otherwise": (packed(unpacked(), zipfile.ZIP_LZMA), "not_workbook"),
    "lying about its size": (lying(b""), "not_workbook"),
    "bomb": (packed(unpacked() | {SHEET: bytes(50_000_000)}), "workbook_too_large"),
    "large": (packed(unpacked() | {SHEET: bytes(200_000_001)}, zipfile.ZIP_STORED), "workbook_too_large"),
    "members": (packed(unpacked() | {f"a{n}": b"" for n in range(1000)}), "workbook_too_large"),
    "macros": (packed(unpacked() | {"xl/vbaProject.bin": b"x"}), "workbook_macros"),
    "links": (packed(unpacked() | {"xl/externalLinks/externalLink1.xml": b"x"}), "workbook_macros"),
    "not XML": (packed(unpacked() | {SHEET: b"<worksheet><row>"}), "not_workbook"),
    "entities": (packed(unpacked() | {SHEET: ENTITIES}), "not_workbook"),
    "deep": (with_sheet(b"<a>" * 3_000_00), "not_workbook"),
    "far column": (with_sheet(b'<row r="1"><c r="ZZZ1"><v>1</v></c></row>'), "not_workbook"),
    "far row": (with_sheet(b'<row r="9999999"><c><v>1</v></c></row>'), "not_workbook"),
    "row twice": (with_sheet(INLINE + INLINE), "not_workbook"),
    "no such string": (with_sheet(b'<row r="1"><c t="s"><v>99</v></c></row>'), "not_workbook"),
    "long cell": (with_sheet(INLINE.replace(b"preg", b"p" * 100_001)), "cell_too_long"),
}


@pytest.mark.parametrize("name", list(WORKBOOKS))
def test_a_workbook_that_is_none_is_refused_soon(tmp_path, name):
    content, check = WORKBOOKS[name]
    began = time.perf_counter()
    assert refused(tmp_path, content, "pregnancies.xlsx") == check
    assert time.perf_counter() - began < 5


def test_a_sheet_that_lies_about_its_size_or_stands_far_away_takes_no_room(tmp_path):
    far = b'<row r="1048576"><c r="XFD1048576"><v>7</v></c></row>'
    body = unpacked()[SHEET]
    sheet = HEAD.replace(b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>') + INLINE + far + TAIL
    assert b"<dimension" in body
    tracemalloc.start()
    text = read(tmp_path, packed(unpacked() | {SHEET: sheet}), "pregnancies.xlsx")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (cells(text), list(text.lines), text.letters) == ([["", "7"]], [1048576], ("A", "XFD"))
    assert peak < 10_000_000


def test_cells_refer_to_shared_texts_of_runs_without_reading_aids(tmp_path):
    strings = b"<si><t>b</t></si><si><r><rPr/><t>x</t></r><r><t xml:space='preserve'> y </t></r>"
    strings += b"<rPh sb='0' eb='1'><t>aid</t></rPh></si><si/><si><t>a_x000A_b_x005F_x0041_</t></si>"
    header = INLINE.replace(b"</row>", b'<c t="s"><v>0</v></c></row>')
    values = b"".join(
        b'<row r="%d"><c t="s"><v>%d</v></c><c><v>%s</v></c></row>' % (row + 2, row % 4, value)
        for row, value in enumerate(
            [b"3.1000000000000001", b"1E5", b"-2.50", b"007", b"nan", b"1_0", b"1e999"]
        )
    )
    text = read(tmp_path, with_strings(header + values, strings), "pregnancies.xlsx")
    assert text.columns[0].to_pylist() == ["b", "x y", "", "a\nb_x0041_", "b", "x y", ""]
    assert text.columns[1].to_pylist() == ["3.1", "100000", "-2.5", "7", *[UNREADABLE_CELL] * 3]


def test_a_long_text_that_many_cells_share_is_refused(tmp_path):
    rows = b"".join(b'<row r="%d"><c t="s"><v>0</v></c></row>' % row for row in range(2, 3000))
    content = with_strings(INLINE + rows, b"<si><t>" + NOISE.hex().encode()[:90_000] + b"</t></si>")
    assert refused(tmp_path, content, "pregnancies.xlsx") == "workbook_too_large"


TEXTS = {
    "columns": (b"pregnancy_id" + b",b" * 10_000 + b"\nP1" + b",1" * 10_000 + b"\n", "too_many_columns"),
    "long cell": (b"pregnancy_id,b\nP1," + b"x" * 10_000_000 + b"\n", "cell_too_long"),
    "long quoted cell": (b'pregnancy_id,b\nP1,"' + b"x\n" * 100_000 + b'"\n', "cell_too_long"),
    "long late cell": (b"pregnancy_id,b\n" + b"P1,1\n" * 99 + b"P1," + b"x" * 100_001, "cell_too_long"),
    "long line": (b"pregnancy_id,b\nP1," + b"x" * 20_000_000 + b"\n", "cell_too_long"),
    "long title": (b"x" * 3_000_000 + b"\npregnancy_id,b\nP1,1\n", "header"),
    "separators": (b";" * 8_000_000, "header"),
    "quotes": (b'"' * 2_000_001, "csv_structure"),
    "NUL": (b"pregnancy_id,b\nP1,\0\n", "csv_structure"),
    "open quote": (b'pregnancy_id,b\nP1,"x\n' + b"P2,1\n" * 200_000, "csv_structure"),
}


@pytest.mark.parametrize("name", list(TEXTS))
def test_a_text_that_no_table_is_written_in_is_refused_soon(tmp_path, name):
    content, check = TEXTS[name]
    began = time.perf_counter()
    assert refused(tmp_path, content) == check
    assert time.perf_counter() - began < 5


def test_limits_are_reached_before_they_are_passed(tmp_path):
    wide = b"pregnancy_id" + b",b" * (MOST_COLUMNS - 1) + b"\nP1" + b",1" * (MOST_COLUMNS - 1)
    assert len(read(tmp_path, wide).names) == MOST_COLUMNS
    assert read(tmp_path, b"pregnancy_id,b\nP1," + b"x" * LONGEST_CELL).rows == 1


def test_parquet_that_unfolds_is_refused_soon(tmp_path):
    path = tmp_path / "pregnancies.parquet"
    long = pa.array(["x" * 90_000]).dictionary_encode()
    repeated = pa.DictionaryArray.from_arrays(pa.array(np.zeros(200_000, np.int32)), long.dictionary)
    tables = {
        "too_many_cells": pa.table({"pregnancy_id": repeated}),
        "too_many_columns": pa.table({f"c{n}": [1] for n in range(MOST_COLUMNS + 1)}),
        "cell_too_long": pa.table({"pregnancy_id": ["x" * (LONGEST_CELL + 1)]}),
    }
    for check, table in tables.items():
        pq.write_table(table, path)
        assert refused(tmp_path, path.read_bytes(), path.name) == check
    rows = pa.table({"pregnancy_id": pa.array(np.zeros(50_000_001, np.int8))})
    pq.write_table(rows, path)
    assert path.stat().st_size < 1_000_000
    assert refused(tmp_path, path.read_bytes(), path.name) == "too_many_cells"


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("pregnancy_id,b\nP1,1\n")
    (folder / "pregnancies.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    (folder / "within.csv").symlink_to(folder / "real.csv")
    (folder / "real.csv").write_text("pregnancy_id,b\nP1,1\n")
    with pytest.raises(Unreadable, match="outside_folder"):
        read_submitted("pregnancies", folder / "pregnancies.csv")
    with pytest.raises(Unreadable, match=r"outside_folder|unreadable_file"):
        read_submitted("pregnancies", folder / "loop.csv")
    assert read_submitted("pregnancies", folder / "within.csv").rows == 1
    assert not inside(folder / ".." / "secret.csv", folder)
    assert inside(folder / ".." / "site" / "real.csv", folder)


def test_a_pipe_is_not_waited_for(tmp_path):
    import os

    os.mkfifo(tmp_path / "pregnancies.csv")
    with pytest.raises(Unreadable, match="unreadable_file"):
        read_submitted("pregnancies", tmp_path / "pregnancies.csv")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+A1", "'+A1"),
        ("-A1", "'-A1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        (" =1", "' =1"),
        ("＝1+1", "'＝1+1"),
        ("-3", "-3"),
        ("+3,5", "+3,5"),
        ("-3+cmd", "'-3+cmd"),
        ("a=1", "a=1"),
        ("", ""),
    ],
)
def test_what_a_spreadsheet_would_execute_is_made_neutral(text, written):
    assert neutral(text) == written


def test_every_format_of_the_contract_has_a_reader():
    assert set(READERS) == {".csv", ".xlsx", ".parquet"}
