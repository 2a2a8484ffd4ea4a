"""Files that are whole or not there, digests, tables with 15 digits, configuration and sheet of sites."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from gravida import settings
from gravida.__main__ import ROOT, documents, main
from gravida.errors import ConfigurationError, GravidaError, NotEstimable, SubmissionRefused
from gravida.files import beside, digest, open_to_others, read_json, read_yaml, write_json, write_text
from gravida.tables import read_rows, read_table, write_rows, write_table

SCHEMA = read_yaml(ROOT / "schemas/config.schema.yaml")
SHEET = read_yaml(ROOT / "schemas/sites.schema.yaml")


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_text(path, "old")
    with pytest.raises(OSError, match="disk full"), beside(path) as partial:
        partial.write_text("half")
        raise OSError("disk full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_refuses_what_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "verdict.json", {"rate": float("nan")})
    assert list(tmp_path.iterdir()) == []
    write_json(tmp_path / "a/b/verdict.json", {"wörd": [1, None]})
    assert read_json(tmp_path / "a/b/verdict.json") == {"wörd": [1, None]}


def test_digest_sees_names_and_contents_but_not_the_place(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_text(tmp_path / name / "lib/a.py", "x = 1")
        write_text(tmp_path / name / "lib/b.py", "y = 2")

    def total(name: str) -> str:
        return digest((tmp_path / name).rglob("*.py"), tmp_path / name)

    assert total("one") == total("two")
    write_text(tmp_path / "two/lib/b.py", "y = 3")
    changed = total("two")
    assert changed != total("one")
    (tmp_path / "two/lib/b.py").rename(tmp_path / "two/lib/c.py")
    assert total("two") not in {changed, total("one")}


def test_open_to_others_stops_at_the_release(tmp_path: Path) -> None:
    path = tmp_path / "results/release/tables/a.csv"
    write_text(path, "x")
    for folder in (path.parent, path.parent.parent, path.parents[2]):
        folder.chmod(0o700)
    path.chmod(0o600)
    open_to_others([path])
    modes = [oct(place.stat().st_mode)[-3:] for place in (path, *path.parents[:3])]
    assert modes == ["644", "755", "755", "700"]


def test_tables_keep_fifteen_digits_empty_cells_and_words(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"rate": [1 / 3, np.nan], "level": ["NA", "None"], "women": [5, 6], "note": ["", "x"]}
    )
    write_table(tmp_path / "t.csv", frame)
    assert (tmp_path / "t.csv").read_text() == ("rate,level,women,note\n0.333333333333333,NA,5,\n,None,6,x\n")
    back = read_table(tmp_path / "t.csv")
    assert back["level"].tolist() == ["NA", "None"]
    assert back["note"].tolist() == ["", "x"]
    assert np.isnan(back["rate"][1])


def test_an_infinite_number_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="infinite"):
        write_table(tmp_path / "t.csv", pd.DataFrame({"upper": [np.inf]}))
    assert list(tmp_path.iterdir()) == []


def test_rows_keep_their_types(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "id": pd.array(["007", "NA"], dtype="string"),
            "day": pd.array([1, None], dtype="Int64"),
            "flag": pd.array([True, None], dtype="boolean"),
            "age": [31.5, np.nan],
        }
    )
    write_rows(tmp_path / "rows.parquet", frame)
    pd.testing.assert_frame_equal(read_rows(tmp_path / "rows.parquet"), frame)


def test_errors_are_one_line() -> None:
    assert SubmissionRefused("a\n  b").line() == "SubmissionRefused: a b"
    assert issubclass(NotEstimable, GravidaError)


def test_the_shipped_configuration_and_sheet_are_valid() -> None:
    settings.check_configuration(read_yaml(ROOT / "config/config.yaml"), SCHEMA)
    sites = settings.read_sites(ROOT / "config/sites.tsv", SHEET)
    assert [site["site"] for site in sites] == ["treats_all", "treats_none"]


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ("colour: red", "('colour' was unexpected); config/README.md"),
        ("covariats: [edss_before]", "('covariats' was unexpected); did you mean covariates?"),
        ("disclosure: {min_woman: 7}", "disclosure: Additional properties are not allowed"),
        ("disclosure: {min_woman: 7}", "did you mean min_women?"),
        ("disclosure: {min_women: 2}", "disclosure.min_women"),
        ("disclosure: {threshold: 9}", "threshold"),
        ("covariates: [shoe_size]", "covariates"),
        ("confidence: 95", "confidence"),
        ("confidence: .nan", "confidence: not a finite number"),
        ("cost: {ivig_per_gram: .inf}", "cost.ivig_per_gram: not a finite number"),
        ("contrast: {numerator: treated}", "same arm"),
    ],
)
def test_faults_of_the_configuration_are_one_line(own: str, words: str) -> None:
    """One that is set in the study's own configuration, over the shipped one."""
    merged = read_yaml(ROOT / "config/config.yaml")
    for key, value in yaml.safe_load(own).items():
        merged[key] = merged[key] | value if isinstance(value, dict) else value
    with pytest.raises(ConfigurationError) as caught:
        settings.check_configuration(merged, SCHEMA)
    assert words in caught.value.line() and "\n" not in caught.value.line()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "holds no key"),
        (b"# sites: sites.tsv\n", "holds no key"),
        (b"sites sites.tsv\n", "holds no key"),
        (b"sites:sites.tsv\n", "holds no key"),
        (b"- sites: sites.tsv\n", "holds no key"),
        (b"sites: s.tsv\ndisclosure:\n\tmin_women: 6\n", "line 3, or the one before: not YAML"),
        (b"sites s.tsv\non_refused: stop\n", "line 2, or the one before: not YAML"),
        (b"sites: s.tsv\n\x00\n", "not YAML"),
        (b"# f\xfcr\nsites: s.tsv\n", "cannot be read as UTF-8"),
        (b"disclosure: {profile: strict}\ndisclosure: {min_women: 6}\n", "disclosure is there twice"),
        (b"cost: {currency: EUR, ivig_per_gram: 1, currency: USD}\n", "cost.currency is there twice"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_told_in_one_line(
    tmp_path: Path, text: bytes, words: str, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(text)
    assert main(["check-plan", str(path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ConfigurationError: {path}") and words in line


def test_a_configuration_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes("\ufeffsites: sites.tsv\r\ncost: {currency: €}\r\n".encode())
    assert settings.read_plan(path) == {"sites": "sites.tsv", "cost": {"currency": "€"}}


HEADER = "site\tsubmission\tmode\tpolicy\tmapping\tdata_cut\n"


def test_a_sheet_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    text = (
        "\ufeff"
        + HEADER.replace("\n", "\r\n")
        + " b \tx\trows\tall\t\t2019-06-30\r\n\r\na\ty\trows\tnone\t\t2020-01-01\r\n"
    )
    (tmp_path / "sites.tsv").write_bytes(text.encode())
    sites = settings.read_sites(tmp_path / "sites.tsv", SHEET)
    assert [(site["site"], site["policy"]) for site in sites] == [("a", "none"), ("b", "all")]


def test_a_sheet_without_the_optional_column(tmp_path: Path) -> None:
    (tmp_path / "s.tsv").write_text("site\tsubmission\tmode\tpolicy\tdata_cut\na\tx\trows\tall\t2019-06-30\n")
    assert settings.read_sites(tmp_path / "s.tsv", SHEET)[0]["mapping"] == ""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a\tx\trows\tall\t\t2019-06-30\textra", "7 cells under 6 columns"),
        ("a\tx\trows\tall", "4 cells under 6 columns; put a tab"),
        ("a x rows all 2019-06-30", "1 cell under 6 columns; put a tab"),
        ("a\tx\trows\tall\t2019-06-30", "5 cells under 6 columns; put a tab"),
        ("all\tx\trows\tall\t\t2019-06-30", "site"),
        ("a b\tx\trows\tall\t\t2019-06-30", "site"),
        ("../a\tx\trows\tall\t\t2019-06-30", "line 2: site"),
        ("a\t\trows\tall\t\t2019-06-30", "submission"),
        ("a\tx\trows\tsome\t\t2019-06-30", "line 2: policy"),
        ("a\tx\trows\tall\t\t2019-02-30", "line 2: data_cut"),
        ("a\tx\trows\tall\t\t30.06.2019", "data_cut: write the day"),
        ("a\tx\trows\tall\t\t20190630", "data_cut: write the day"),
        ("a\tx\trows\tall\t\t2019-06-30\nA\ty\trows\tall\t\t2019-06-30", "twice"),
    ],
)
def test_faults_of_a_row_name_its_line(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "sites.tsv").write_text(f"{HEADER}{line}\n")
    with pytest.raises(ConfigurationError, match=words) as caught:
        settings.read_sites(tmp_path / "sites.tsv", SHEET)
    assert "sites.tsv line " in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the first line must hold"),
        (
            HEADER.replace("policy", "politics") + "a\tx\trows\tall\t\t2019-06-30\n",
            "the first line must hold",
        ),
        (HEADER, "no site is listed"),
        (HEADER.rstrip(), "no site is listed"),
    ],
)
def test_a_sheet_without_its_columns_or_without_a_site(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "sites.tsv").write_text(text)
    with pytest.raises(ConfigurationError, match=words) as caught:
        settings.read_sites(tmp_path / "sites.tsv", SHEET)
    assert "\n" not in caught.value.line()


def test_a_sheet_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "sites.tsv").write_bytes(b"\xff\xfe\x00\x00")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        settings.read_sites(tmp_path / "sites.tsv", SHEET)


def test_find_prefers_the_study_and_knows_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, workflow = tmp_path / "study", tmp_path / "workflow"
    write_text(workflow / "config/sites.tsv", "theirs")
    study.mkdir()
    monkeypatch.chdir(study)
    assert settings.find("config/sites.tsv", "config/sites.tsv", workflow, "sites") == str(
        workflow / "config/sites.tsv"
    )
    write_text(study / "config/sites.tsv", "ours")
    assert settings.find("config/sites.tsv", "config/sites.tsv", workflow, "sites") == "config/sites.tsv"
    with pytest.raises(ConfigurationError, match=r"other\.tsv"):
        settings.find("other.tsv", "config/sites.tsv", workflow, "sites")


def test_generated_documents_are_up_to_date() -> None:
    for path, text in documents().items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, f"run make docs: {path}"


def test_every_key_of_the_configuration_is_explained() -> None:
    guide = documents()["config/README.md"]
    for key in ("sites", "exposure.definition", "contrast.numerator", "disclosure.min_women", "seed"):
        assert f"| `{key}` |" in guide


def test_synthetic_study_by_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = tmp_path / "study"
    assert main(["synthetic", str(folder), "--sites", "2", "--pregnancies", "12", "--seed", "4"]) == 0
    sites = settings.read_sites(folder / "sites.tsv", SHEET)
    assert [site["policy"] for site in sites] == ["all", "none"]
    assert all((folder / site["submission"] / "pregnancies.csv").exists() for site in sites)
    assert main(["synthetic", str(folder)]) == 1
    assert capsys.readouterr().err.startswith("ConfigurationError: ")


def test_published_rates_are_the_facts_that_were_copied() -> None:
    table = read_table(ROOT / "resources/evidence/published_rates.csv")
    prims = table[table["study"] == "PRIMS Confavreux"].set_index("period")["value"]
    # Printed in the abstract of N Engl J Med 1998;339:285.
    assert prims[["pre_12mo", "T1", "T2", "T3", "PP_0_3mo"]].tolist() == [0.7, 0.5, 0.6, 0.2, 1.2]
    assert set(table["status"]) <= {"found", "inferred"}
    assert json.dumps(sorted(table.columns))
