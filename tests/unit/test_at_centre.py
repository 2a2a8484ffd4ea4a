"""The commands of a centre, as it would type them."""

import stat
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import yaml
from gravida.__main__ import main
from gravida.federation.signing import is_signed, signed

DEMO = Path(__file__).resolve().parents[2] / "resources/demo"


def run(capsys, *arguments: object) -> tuple[int, str]:
    code = main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return code, said.out + said.err


def validate(capsys, folder: Path, page: Path, *more: object) -> tuple[int, str]:
    return run(capsys, "validate", folder, "--data-cut", "2019-06-30", "--page", page, *more)


def test_a_template_that_is_filled_for_twenty_pregnancies_is_accepted(tmp_path, capsys) -> None:
    """As a new centre would: the blank workbook, twenty rows typed in, checked, without reading any code."""
    folder = tmp_path / "submission"
    folder.mkdir()
    book = folder / "submission.xlsx"
    assert run(capsys, "template", book)[0] == 0
    code, said = validate(capsys, folder, tmp_path / "empty.html")
    assert code == 1 and "zero_rows" in said
    rows = pd.read_csv(DEMO / "treats_all/pregnancies.csv", dtype=str, keep_default_na=False).head(20)
    workbook = openpyxl.load_workbook(book)
    sheet = workbook["pregnancies"]
    columns = {cell.value: cell.column for cell in sheet[1]}
    for line, row in enumerate(rows.to_dict("records"), start=2):
        for name, cell in row.items():
            if cell:
                sheet.cell(line, columns[name], cell)
    # The sheets of relapses, infusions and events stay as they are: nobody filled them, and they say nothing.
    workbook.save(book)
    code, said = validate(capsys, folder, tmp_path / "page.html", "--policy", "all")
    assert (code, said.startswith("Accepted. Rows read: pregnancies 20, relapses 0")) == (0, True), said
    assert "accepted" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_fault_is_told_by_sheet_column_and_row_and_never_by_its_value(tmp_path, capsys) -> None:
    folder = tmp_path / "submission"
    folder.mkdir()
    rows = pd.read_csv(DEMO / "treats_all/pregnancies.csv", dtype=str, keep_default_na=False)
    rows.loc[3, "edss_before"] = "77.7"
    with pd.ExcelWriter(folder / "pregnancies.xlsx") as writer:
        rows.to_excel(writer, sheet_name="pregnancies", index=False, startrow=2)
    code, said = validate(capsys, folder, tmp_path / "page.html", "--policy", "all")
    assert code == 1 and "pregnancies.edss_before range: 1 row" in said
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    letter = openpyxl.utils.get_column_letter(1 + list(rows).index("edss_before"))
    # Two rows of nothing, the header, and the fourth row below it.
    assert f"pregnancies.xlsx, sheet pregnancies, column {letter}: row 7" in page
    assert "77.7" not in page + said


def test_rows_leave_a_centre_under_pseudonyms_that_can_be_made_again(tmp_path, capsys) -> None:
    key, first, again = tmp_path / "key", tmp_path / "one", tmp_path / "two"
    assert run(capsys, "new-key", key)[0] == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for output in (first, again):
        code, said = run(capsys, "deidentify", DEMO / "treats_all", "--key", key, "--output", output)
        assert code == 0, said
    for name in ("pregnancies", "relapses", "infusions", "adverse_events"):
        assert (first / f"{name}.csv").read_bytes() == (again / f"{name}.csv").read_bytes()
    old = pd.read_csv(DEMO / "treats_all/pregnancies.csv")
    new = pd.read_csv(first / "pregnancies.csv")
    assert not set(old["pregnancy_id"]) & set(new["pregnancy_id"])
    assert sorted(old["woman_id"].value_counts()) == sorted(new["woman_id"].value_counts())
    assert validate(capsys, first, tmp_path / "page.html", "--policy", "all")[0] == 0
    code, said = run(capsys, "new-key", key)
    assert code == 1 and "is there already" in said


def test_the_keys_of_an_exchange_are_a_pair(tmp_path, capsys) -> None:
    code, said = run(capsys, "exchange-keys", tmp_path / "keys", "north")
    assert code == 0 and "BEGIN" not in said
    secret, public = tmp_path / "keys/north.key", tmp_path / "keys/north.pub"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert is_signed(signed({"a": 1}, secret.read_text()), public.read_text())
    before = secret.read_bytes()
    code, said = run(capsys, "exchange-keys", tmp_path / "keys", "north")
    assert code == 1 and "is there already" in said and secret.read_bytes() == before
    code, said = run(capsys, "exchange-keys", tmp_path / "keys", "../north")
    assert code == 1 and said.startswith("ConfigurationError: ") and "letters, digits" in said


def test_what_identifies_does_not_leave(tmp_path, capsys) -> None:
    folder = tmp_path / "submission"
    folder.mkdir()
    rows = pd.read_csv(DEMO / "treats_all/pregnancies.csv", dtype=str, keep_default_na=False)
    rows.loc[5, "breastfeeding"] = "ana.novak@example.org"
    rows.to_csv(folder / "pregnancies.csv", index=False)
    run(capsys, "new-key", tmp_path / "key")
    code, said = run(capsys, "deidentify", folder, "--key", tmp_path / "key", "--output", tmp_path / "out")
    assert code == 1 and "pregnancies.breastfeeding email: 1" in said
    assert "novak" not in said and not (tmp_path / "out").exists()


def test_a_second_submission_is_compared_with_the_first(tmp_path, capsys) -> None:
    first, second = tmp_path / "2018-12-31", tmp_path / "second"
    rows = pd.read_csv(DEMO / "treats_all/pregnancies.csv", dtype=str, keep_default_na=False)
    rows["observed_to_day"] = "365"
    for folder in (first, second):
        folder.mkdir()
        rows.to_csv(folder / "pregnancies.csv", index=False)
        rows.loc[0, "age_at_delivery"] = "50.5"
    code, said = validate(capsys, second, tmp_path / "page.html", "--earlier", first)
    assert code == 1 and "pregnancies.pregnancy_id same_pregnancy: 1 row" in said, said
    assert validate(capsys, second, tmp_path / "page.html")[0] == 0
    code, said = validate(capsys, first, tmp_path / "page.html", "--earlier", tmp_path)
    assert code == 0 and "nothing was compared" in said


def test_a_table_without_a_row_may_stand_beside_the_workbook(tmp_path, capsys) -> None:
    folder = tmp_path / "submission"
    folder.mkdir()
    rows = pd.read_csv(DEMO / "treats_none/pregnancies.csv", dtype=str, keep_default_na=False).head(20)
    with pd.ExcelWriter(folder / "submission.xlsx") as writer:
        rows.to_excel(writer, sheet_name="pregnancies", index=False)
        pd.DataFrame(columns=["pregnancy_id", "day", "grams"]).to_excel(
            writer, sheet_name="infusions", index=False
        )
    (folder / "infusions.csv").write_text("pregnancy_id,day,grams\n")
    assert validate(capsys, folder, tmp_path / "page.html", "--policy", "none")[0] == 0
    (folder / "pregnancies.csv").write_text("pregnancy_id\n")
    code, said = validate(capsys, folder, tmp_path / "page.html", "--policy", "none")
    assert code == 1 and "submission unexpected_file: 1 file" in said
    (folder / "pregnancies.csv").unlink()
    with pd.ExcelWriter(folder / "submission.xlsx") as writer:
        rows.to_excel(writer, sheet_name="pregnancies", index=False)
        frame = pd.DataFrame({"pregnancy_id": rows["pregnancy_id"].head(1), "day": "1", "grams": "10"})
        frame.to_excel(writer, sheet_name="infusions", index=False)
    code, said = validate(capsys, folder, tmp_path / "page.html", "--policy", "none")
    assert code == 1 and "infusions duplicate_table: 1 file" in said


def test_a_mapping_is_drafted_from_every_sheet(tmp_path, capsys) -> None:
    book = tmp_path / "izvoz.xlsx"
    with pd.ExcelWriter(book) as writer:
        for table in ("pregnancies", "relapses"):
            rows = pd.read_csv(DEMO / f"treats_all/{table}.csv", dtype=str, keep_default_na=False)
            rows.to_excel(writer, sheet_name=f"List {table}", index=False)
    out = tmp_path / "mapping.yaml"
    code, said = run(capsys, "map-template", book, "--output", out)
    assert code == 0, said
    drafted = yaml.safe_load(out.read_text(encoding="utf-8"))["tables"]
    assert {table: block["sheet"] for table, block in drafted.items()} == {
        "pregnancies": "List pregnancies", "relapses": "List relapses"
    }  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        ["--data-cut", "30.6.2026"],
        ["--data-cut", "2026-13-01"],
        ["--mapping", "nowhere.yaml"],
        ["--mapping", "."],
        ["--mapping", "cp1250.yaml"],
        ["--mapping", "binary.yaml"],
        ["--page", "nowhere/there.html/page.html"],
    ],
)
def test_a_slip_of_the_user_is_one_line(tmp_path, capsys, monkeypatch, more) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nowhere").write_text("a file")
    Path("cp1250.yaml").write_bytes("version: 1 # č".encode("cp1250"))
    Path("binary.yaml").write_bytes(bytes(range(256)))
    code, said = run(capsys, "validate", DEMO / "treats_all", "--policy", "all", *more)
    assert code == 1 and said.startswith("ConfigurationError: ") and said.count("\n") == 1, said


@pytest.mark.parametrize("command", ["validate", "deidentify"])
def test_a_folder_that_is_not_there_is_one_line(tmp_path, capsys, command: str) -> None:
    more = ["--key", tmp_path / "key", "--output", tmp_path / "out"] if command == "deidentify" else []
    code, said = run(capsys, command, tmp_path / "none", *more)
    assert code == 1 and said.startswith("ConfigurationError: ") and said.count("\n") == 1
