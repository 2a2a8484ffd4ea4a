"""Files that are no submission, and submissions that only look odd. Data: `submissions.valid`."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gravida.intake.submission import refusal
from submissions import changed, failures, found, submit, valid, write_csv

from schemas.submission import TABLES

TEXT = valid()["pregnancies"].to_csv(index=False)
MARKER = "ZqMarker7"


def noise(size: int) -> bytes:
    return np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8).tobytes()


UNREADABLE = [
    (b"", "empty_file"),
    (b"\xef\xbb\xbf \r\n", "empty_file"),
    (noise(5000), "csv_structure"),
    (b"<!DOCTYPE html>\n<html><body>ZqMarker7, and more</body></html>\n", "header"),
    (b"P1,W1,2010,ZqMarker7\nP2,W1,2013,31.5\n", "header"),
    (TEXT.replace(",", ":").encode(), "separator"),
    (TEXT.replace("P3", "Pč").encode("cp1250"), "encoding"),
    (TEXT.replace("P3", "P\x81").encode("latin-1"), "encoding"),
    (TEXT.encode("utf-16")[:-1], "encoding"),
    (TEXT.encode("utf-32"), "encoding"),
    (TEXT.replace("P3", "P\0").encode(), "csv_structure"),
    (TEXT.replace("P3", '"P3').encode(), "csv_structure"),
    (b'"pregnancy_id,woman_id\nP1,W1\n', "csv_structure"),
]


@pytest.mark.parametrize(("content", "check"), UNREADABLE)
@pytest.mark.parametrize("table", ["pregnancies", "relapses"])
def test_a_file_that_is_no_table_fails_its_named_check_alone(tmp_path, content, check, table):
    write_csv(tmp_path, {name: frame for name, frame in valid().items() if name != table})
    (tmp_path / f"{table}.csv").write_bytes(content)
    result = submit(sorted(tmp_path.iterdir()))
    assert list(failures(result)) == [(table, "", check)]
    shown = json.dumps(result.verdict) + result.page + refusal([result.verdict])
    assert MARKER not in shown
    assert f"{table} {check}" in refusal([result.verdict])


def test_ragged_rows_are_counted_and_located(tmp_path):
    lines = TEXT.splitlines()
    lines[2] += f",{MARKER}"
    lines[5] = "P5,W4"
    (tmp_path / "pregnancies.csv").write_text("\n".join(lines) + "\n")
    result = submit(list(tmp_path.iterdir()))
    assert failures(result) == {("pregnancies", "", "csv_structure"): 2}
    assert found(result) == {("pregnancies", "", "csv_structure"): [(3, None), (6, None)]}
    assert MARKER not in json.dumps(result.verdict) + result.page + result.findings.to_csv()


def test_no_file_at_all(tmp_path):
    result = submit([])
    assert failures(result) == {("pregnancies", "", "file_missing"): 1}
    assert result.verdict["rows"]["pregnancies"] == 0


def test_a_file_that_cannot_be_opened(tmp_path):
    (tmp_path / "pregnancies.csv").mkdir()
    (tmp_path / "relapses.csv").symlink_to(tmp_path / "nowhere")
    assert failures(submit(sorted(tmp_path.iterdir()))) == {
        ("pregnancies", "", "unreadable_file"): 1,
        ("relapses", "", "unreadable_file"): 1,
    }


def test_files_that_should_not_be_there(tmp_path):
    files = write_csv(tmp_path, valid())
    for name in ("ZqMarker7.csv", "readme.txt", ".DS_Store", "infusions.docx"):
        (tmp_path / name).write_text("x")
    valid()["relapses"].to_parquet(tmp_path / "relapses.parquet")
    result = submit(sorted(tmp_path.iterdir()))
    assert failures(result) == {
        ("submission", "", "unexpected_file"): 2,
        ("infusions", "", "unsupported_format"): 1,
        ("relapses", "", "duplicate_table"): 1,
    }
    assert MARKER not in json.dumps(result.verdict) + result.page + refusal([result.verdict])
    assert len(files) == 4


def test_zero_rows(tmp_path):
    result = submit(write_csv(tmp_path, valid() | {"pregnancies": valid()["pregnancies"].head(0)}))
    assert failures(result) == {("pregnancies", "", "zero_rows"): 1}


@pytest.mark.parametrize(
    ("name", "shown", "check"),
    [
        ("hair_colour", "hair_colour", "unexpected_column"),
        ("Ljubljana 12-b/a", "column 16", "unexpected_column"),
        ("", "column 16", "unexpected_column"),
        ("x" * 41, "column 16", "unexpected_column"),
        ("initials", "initials", "identifier_column"),
        ("patientName", "patientName", "identifier_column"),
        ("national_id", "national_id", "identifier_column"),
        ("MRN", "MRN", "identifier_column"),
        ("date_of_birth", "date_of_birth", "identifier_column"),
        ("delivery_date", "delivery_date", "identifier_column"),
        ("e-mail", "e-mail", "identifier_column"),
        ("phone", "phone", "identifier_column"),
        ("comment", "comment", "identifier_column"),
        ("home.address", "home.address", "identifier_column"),
    ],
)
def test_a_further_column_is_refused(tmp_path, name, shown, check):
    assert valid()["pregnancies"].shape[1] == 15
    result = submit(write_csv(tmp_path, changed("pregnancies", 2, name, MARKER)))
    assert failures(result) == {("pregnancies", shown, check): 1}
    assert MARKER not in json.dumps(result.verdict) + result.page + refusal([result.verdict])


@pytest.mark.parametrize("table", list(TABLES))
def test_a_required_column_that_is_not_there_fails_alone(tmp_path, table):
    required = [name for name, column in TABLES[table].columns.items() if column.required]
    assert len(required) > 1
    for column in required:
        if column == "pregnancy_id":
            continue
        tables = valid()
        tables[table] = tables[table].drop(columns=column)
        assert failures(submit(write_csv(tmp_path, tables))) == {(table, column, "missing_column"): 1}


@pytest.mark.parametrize("column", ["gestation_days", "relapses_post_year", "pregnancy_id"])
def test_a_column_that_is_there_twice_fails_alone(tmp_path, column):
    tables = valid()
    tables["pregnancies"] = pd.concat([tables["pregnancies"], tables["pregnancies"][[column]]], axis=1)
    assert failures(submit(write_csv(tmp_path, tables))) == {("pregnancies", column, "duplicate_column"): 1}


def test_optional_columns_may_be_left_out_and_come_back_typed(tmp_path):
    required = [name for name, column in TABLES["pregnancies"].columns.items() if column.required]
    result = submit(write_csv(tmp_path, {"pregnancies": valid()["pregnancies"][required].head(5)}))
    assert result.verdict["verdict"] == "accepted"
    assert result.verdict["tables_sent"] == ["pregnancies"]
    for table, frame in result.accepted.items():
        assert list(frame.columns) == list(TABLES[table].columns)
        for column, rule in TABLES[table].columns.items():
            assert frame[column].dtype == rule.dtype.type
    by_default = [
        c for c in result.verdict["checks"] if c["column"] == "gestation_days" and c["check"] == "stated"
    ]
    assert [(c["status"], c["rows_checked"], c["action"]) for c in by_default] == [
        ("not_assessable", 0, "defaulted")
    ]


def test_ids_that_look_like_missing_words_are_ids(tmp_path):
    frame = valid()["pregnancies"]
    frame["pregnancy_id"] = ["007", "NA", "None", "nan", "null", "0"]
    frame["woman_id"] = ["NULL", "NULL", "NaN", "N-A", "None", "1"]
    result = submit(write_csv(tmp_path, {"pregnancies": frame}))
    assert result.verdict["verdict"] == "accepted"
    assert list(result.accepted["pregnancies"]["pregnancy_id"]) == ["007", "NA", "None", "nan", "null", "0"]
    assert list(result.accepted["pregnancies"]["woman_id"]) == ["NULL", "NULL", "NaN", "N-A", "None", "1"]


@pytest.mark.parametrize("arm", ["0", "yes"])
def test_a_site_of_one_arm_is_accepted(tmp_path, arm):
    result = submit(write_csv(tmp_path, {"pregnancies": valid()["pregnancies"].assign(ivig=arm)}))
    assert result.verdict["verdict"] == "accepted"
    assert set(result.accepted["pregnancies"]["ivig"]) == {arm == "yes"}


def test_one_pregnancy_without_a_relapse_is_accepted(tmp_path):
    tables = {"pregnancies": valid()["pregnancies"].iloc[[2]], "relapses": valid()["relapses"].head(0)}
    result = submit(write_csv(tmp_path, tables))
    assert result.verdict["verdict"] == "accepted"
    assert len(result.accepted["pregnancies"]) == 1
    assert result.accepted["relapses"].empty


def test_a_woman_with_six_pregnancies_is_accepted(tmp_path):
    tables = valid()
    tables["pregnancies"]["woman_id"] = "W1"
    assert submit(write_csv(tmp_path, tables)).verdict["verdict"] == "accepted"


def test_spellings_of_numbers_and_flags(tmp_path):
    frame = valid()["pregnancies"]
    frame["age_at_delivery"] = ["31.0", " 31", "3.1e1", "+31", "31.", "031"]
    frame["delivery_year"] = ["2010.0", "+2010", " 2010 ", "02010", "2010", "2010.00"]
    frame["ms_diagnosis_year"] = "2004"
    frame["ivig"] = ["1", "TRUE", "Yes", "0", "False", "NO"]
    result = submit(write_csv(tmp_path, {"pregnancies": frame}))
    accepted = result.accepted["pregnancies"]
    assert list(accepted["age_at_delivery"]) == [31.0] * 6
    assert list(accepted["delivery_year"]) == [2010] * 6
    assert list(accepted["ivig"]) == [True, True, True, False, False, False]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_byte_order_mark_line_ends_and_blank_lines(tmp_path, mark, end):
    text = TEXT.rstrip("\n").replace("\n", end) + end + end
    (tmp_path / "pregnancies.CSV").write_bytes(mark + text.encode())
    result = submit(list(tmp_path.iterdir()))
    assert result.verdict["verdict"] == "accepted"
    assert result.verdict["rows"]["pregnancies"] == 6


def typed_parquet(folder, tables):
    for table, frame in tables.items():
        numbers = frame.apply(lambda cells: pd.to_numeric(cells, errors="coerce"))
        numeric = [column for column in frame if frame[column].isna().equals(numbers[column].isna())]
        assert numeric
        frame.assign(**numbers[numeric]).to_parquet(folder / f"{table}.parquet")
    return sorted(folder.iterdir())


def test_parquet_gives_what_csv_gives(tmp_path):
    (tmp_path / "csv").mkdir()
    (tmp_path / "parquet").mkdir()
    tables = valid()
    tables["adverse_events"]["serious"] = [False, True]
    tables["pregnancies"]["gestation_days"] = [280.0, 270.0, None, 280.0, 280.0, 280.0]
    from_csv = submit(write_csv(tmp_path / "csv", tables))
    from_parquet = submit(typed_parquet(tmp_path / "parquet", tables))
    assert from_csv.verdict == from_parquet.verdict
    assert from_csv.verdict["verdict"] == "accepted"
    for table, frame in from_csv.accepted.items():
        pd.testing.assert_frame_equal(frame, from_parquet.accepted[table])


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("woman_id", pa.array([pd.Timestamp("2012-05-01").date()] * 6)),
        ("woman_id", pa.array([b"W1"] * 6)),
        ("woman_id", pa.array([["W1"]] * 6)),
        ("age_at_delivery", pa.array([{"years": 31}] * 6)),
        ("age_at_delivery", pa.array([float("nan")] * 6)),
        ("delivery_year", pa.array([2012.5] * 6)),
        ("delivery_year", pa.array([1e300] * 6)),
    ],
)
def test_parquet_types_that_no_table_holds(tmp_path, column, cells):
    table = pa.Table.from_pandas(valid()["pregnancies"], preserve_index=False)
    table = table.set_column(table.column_names.index(column), column, cells)
    pq.write_table(table, tmp_path / "pregnancies.parquet")
    assert failures(submit(list(tmp_path.iterdir()))) == {("pregnancies", column, "type"): 6}


def test_parquet_types_that_hold_the_same(tmp_path):
    table = pa.Table.from_pandas(valid()["pregnancies"], preserve_index=False)
    same = {
        "woman_id": table["woman_id"].dictionary_encode(),
        "age_at_delivery": table["age_at_delivery"].cast(pa.decimal128(8, 3)),
        "delivery_year": table["delivery_year"].cast(pa.int16()),
        "ivig": table["ivig"].cast(pa.int8()).cast(pa.bool_()),
        "outcome": table["outcome"].cast(pa.large_string()),
    }
    for column, cells in same.items():
        table = table.set_column(table.column_names.index(column), column, cells)
    pq.write_table(table, tmp_path / "pregnancies.parquet")
    result = submit(list(tmp_path.iterdir()))
    assert result.verdict["verdict"] == "accepted"
    assert list(result.accepted["pregnancies"]["age_at_delivery"]) == [28.5, 31.5, 33, 30, 27, 35]


@pytest.mark.parametrize("content", [b"", noise(100), TEXT.encode(), b"PAR1" + noise(100) + b"PAR1"])
def test_a_file_that_is_not_parquet(tmp_path, content):
    (tmp_path / "pregnancies.parquet").write_bytes(content)
    check = "not_parquet" if content else "empty_file"
    assert failures(submit(list(tmp_path.iterdir()))) == {("pregnancies", "", check): 1}


def test_text_in_parquet_that_is_no_utf8(tmp_path):
    raw = pa.array([b"\xff\xfe"] * 2, pa.binary()).view(pa.string())
    pq.write_table(pa.table({"pregnancy_id": raw}), tmp_path / "pregnancies.parquet")
    assert failures(submit(list(tmp_path.iterdir()))) == {("pregnancies", "", "encoding"): 1}


@pytest.mark.parametrize("seed", range(40))
def test_damaged_bytes_are_always_answered(tmp_path, seed):
    # Bytes overwritten at random places of good files: whatever is read of them, there is an answer.
    rng = np.random.default_rng(seed)
    write_csv(tmp_path, valid())
    valid()["relapses"].to_parquet(tmp_path / "relapses.parquet")
    (tmp_path / "relapses.csv").unlink()
    for path in tmp_path.iterdir():
        content = np.frombuffer(path.read_bytes(), np.uint8).copy()
        places = rng.integers(0, content.size, 4)
        content[places] = rng.choice(np.frombuffer(b'\0\xff",\n;9-A', np.uint8), 4)
        path.write_bytes(content.tobytes()[: rng.integers(1, content.size + 1)])
    result = submit(sorted(tmp_path.iterdir()))
    assert result.verdict["verdict"] in ("accepted", "refused")
    assert (result.verdict["verdict"] == "refused") == bool(failures(result))


def test_a_parquet_period_is_not_a_number(tmp_path):
    """Pandas stores 2012-01 as 504 months; as days of gestation 1990-01 would pass as 240."""
    frame = valid()["pregnancies"]
    typed = frame.assign(gestation_days=pd.Series([pd.Period("1990-01")] * len(frame)))
    typed.to_parquet(tmp_path / "pregnancies.parquet")
    failed = failures(submit([tmp_path / "pregnancies.parquet"]))
    assert failed[("pregnancies", "gestation_days", "type")] == len(frame)


def test_a_pivoted_file_is_answered_in_a_line_that_can_be_read(tmp_path):
    frame = valid()["pregnancies"]
    extra = pd.DataFrame("1", index=frame.index, columns=[f"extra_{number}" for number in range(500)])
    wide = pd.concat([frame, extra], axis=1)
    result = submit(write_csv(tmp_path, {"pregnancies": wide}))
    line = refusal([result.verdict])
    assert len(line) < 5000 and "460 more" in line
