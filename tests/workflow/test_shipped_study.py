"""The shipped registry through the whole workflow."""

import csv
import hashlib
import io
import json
import re
import stat
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import yaml
from docx import Document
from docx.oxml.ns import qn
from gravida.disclosure import RULES
from gravida.report.manuscript.checklists import NOT_HERE
from gravida.report.manuscript.document import write_manuscript
from gravida.report.manuscript.main_text import MAIN_TEXT
from gravida.report.workbook import write_workbook
from gravida.tables import read_table
from gravida.words import is_missing

from schemas.release import STAY, roles_of
from tests.workflow.conftest import ROOT, Run, run_workflow
from tests.workflow.shown import of_manuscript, of_report, strange_numbers, text_of
from tests.workflow.word_document import check_document, print_document

TABLES = {
    *("attrition", "balance", "baseline", "changes", "cost", "data_quality", "dispersion", "doses"),
    *("estimability",),
    *("evidence_audit", "evidence_grade", "evidence_pooled", "evidence_studies", "identifiability"),
    *("longitudinal", "precision", "predictability", "predictors", "rate_ratios", "relapse_free"),
    *("relapse_rates", "risk_difference", "safety", "sensitivity", "sites", "time_to_relapse"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    # Without a configuration of its own: every default must be found from anywhere.
    done = run_workflow(tmp_path_factory.mktemp("shipped"), config=False)
    assert done.code == 0, done.output
    return done


def rows(run: Run, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(run.text(name))))


def test_primary_row_prints_the_published_numbers(run: Run) -> None:
    (primary,) = (row for row in rows(run, "internal/tables/rate_ratios.csv") if row["is_primary"] == "True")
    printed = [f"{float(primary[name]):.3f}" for name in ("rate_ratio", "lower", "upper", "p_value")]
    assert printed == ["1.409", "0.764", "2.598", "0.272"]
    assert (primary["model"], primary["covariance"]) == ("negative_binomial", "cluster_robust")
    assert (primary["status"], primary["contrast"]) == ("ok", "untreated/treated")
    assert float(primary["alpha"]) > 0.5


def test_rates_print_the_published_numbers(run: Run) -> None:
    table = rows(run, "internal/tables/relapse_rates.csv")
    year = {row["arm"]: row for row in table if row["group"] == "arm" and row["period"] == "postpartum_year"}
    assert f"{float(year['treated']['rate']):.2f}" == "0.27"
    assert f"{float(year['untreated']['rate']):.2f}" == "0.38"
    assert (year["all"]["pregnancies"], year["all"]["women"]) == ("132", "112")


def test_baseline_prints_the_published_numbers(run: Run) -> None:
    table = {
        (row["variable"], row["statistic"]): row["value"]
        for row in rows(run, "internal/tables/baseline.csv")
        if row["arm"] == "all" and not row["level"]
    }
    assert f"{float(table['age_at_delivery', 'mean']):.2f}" == "31.70"
    assert f"{float(table['age_at_delivery', 'sd']):.2f}" == "4.10"
    assert f"{float(table['disease_duration_years', 'mean']):.2f}" == "6.34"
    assert f"{float(table['disease_duration_years', 'sd']):.2f}" == "4.33"


def test_verdict_leads(run: Run) -> None:
    for folder in ("internal", "release"):
        assert json.loads(run.text(f"{folder}/identifiability.json"))["verdict"] == "between sites only"
    assert not any("site" in row["adjusted_for"] for row in rows(run, "internal/tables/rate_ratios.csv"))
    page = run.text("release/report.html")
    assert page.index("between sites only") < page.index("1.409") < page.index("<h3>Methods")


def test_the_run_ends_with_the_sentence_and_where_the_report_is(run: Run) -> None:
    assert "1.409 (95% CI 0.764 to 2.598; p = 0.272)" in run.output
    places = {
        "Report": "release/report.html",
        "Before it leaves": "internal/release_review.html",
        "Answers to sites": "internal/quality",
    }
    ends = run.output[run.output.rindex(run.text("release/headline.txt").strip()) :]
    for name, path in places.items():
        assert f"\n{name}: {run.path(path)}\n" in ends and run.path(path).exists()


def test_each_step_is_one_line_in_words(run: Run) -> None:
    """No terminal is there: nothing but lines."""
    assert not set(run.output) & {"\x1b", "\r", "\b"}
    (total,) = re.findall(r"(?m)^(\d+) steps to do; ", run.output)
    lines = re.findall(r"(?m)^ ?(\d+) of (\d+) +(<?\d+ s|\d+ min \d\d s)  (\w[^;\n]*)", run.output)
    assert [number for number, *_ in lines] == [str(number) for number in range(1, int(total) + 1)]
    assert {of for _, of, *_ in lines} == {total}
    names = {name for *_, name in lines}
    assert {"submission of treats_all", "submission of treats_none", "rate ratios of the arms"} <= names
    # A line for each step, what Snakemake says first, the headline and four places: half a page.
    assert len(run.output.splitlines()) <= int(total) + 12


def test_a_run_is_no_more_jobs_than_somebody_would_rerun(run: Run) -> None:
    """Each starts a Python, which takes longer than most of them work."""
    (jobs,) = re.findall(r"(?m)^(\d+) steps to do", run.output)
    assert int(jobs) <= 24


def written_into(page: str, name: str) -> dict:
    """Return what Snakemake's report holds under a name: one line of JavaScript."""
    (line,) = re.findall(rf"(?m)^ *var {name} = ({{.+}});?$", page)
    return json.loads(line)


def test_snakemake_s_report_shows_all_that_is_released_and_nothing_else(run: Run, tmp_path: Path) -> None:
    archive = tmp_path / "report.zip"
    made = run_workflow(run.study, "--report", str(archive), config=False)
    assert made.code == 0, made.output
    with zipfile.ZipFile(archive) as files:
        embedded = {Path(name).name: files.read(name) for name in files.namelist() if "/data/" in name}
        (page,) = (files.read(name).decode() for name in files.namelist() if name == "report/report.html")
        count = len(files.namelist()) - 1
    results = written_into(page, "results")
    wanted = {
        path.relative_to(run.study).as_posix()
        for path in run.path("release").rglob("*")
        if path.suffix in (".csv", ".png", ".html", ".docx")
    }
    assert set(results) == wanted and len(wanted) == count >= len(TABLES) + 8
    for name in wanted:
        assert embedded[Path(name).name] == (run.study / name).read_bytes()
    # Each under a question and a kind, with a caption of its own that is no longer a template.
    categories = written_into(page, "categories")
    assert [name[0] for name in sorted(categories)] == list("12345678")
    filed = [name for kinds in categories.values() for names in kinds.values() for name in names]
    assert sorted(filed) == sorted(wanted)
    assert {kind for kinds in categories.values() for kind in kinds} == {"Tables", "Figures", "Documents"}
    captions = [each["caption"] for each in results.values()]
    assert len(set(captions)) == len(captions) and all(len(caption) > 60 for caption in captions)
    assert not any("{{" in caption or "problematic" in caption for caption in captions)
    assert all(each["labels"]["shows"] for each in results.values())
    # It opens without a network.
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=\"(https?:)?//", page)


def test_every_table_stands_in_both_folders(run: Run) -> None:
    for folder in ("internal", "release"):
        assert {path.stem for path in run.path(f"{folder}/tables").iterdir()} == TABLES
    for name in TABLES:
        internal, released = (rows(run, f"{folder}/tables/{name}.csv") for folder in ("internal", "release"))
        assert len(internal) == len(released) > 0
        # What the gate alone reads stays.
        guards = {column for column, role in roles_of(name).items() if role in STAY}
        assert set(released[0]) == set(internal[0]) - guards | {"suppressed"}
        cells = {value.lower() for row in internal for value in row.values()}
        assert not {"nan", "inf", "-inf", "<na>"} & cells


# Numbers printed with fewer digits, by table: means to two decimals, a rare quantile to a whole number.
PRINTED = {
    "baseline": ("value",),
    "doses": ("grams_mean", "grams_sd", "grams_median", "first_day_median", "last_day_median"),
}


def withheld_cells(run: Run, name: str) -> set[tuple[str, int, str]]:
    """Return the cells of a table that are empty after the gate; all others are as they were."""
    found = set()
    for place, (internal, released) in enumerate(
        zip(rows(run, f"internal/tables/{name}.csv"), rows(run, f"release/tables/{name}.csv"), strict=True)
    ):
        changed = {key for key in released if key in internal and internal[key] != released[key]}
        hidden = {key for key in changed if released[key] == ""}
        for key in changed - hidden:
            assert key in PRINTED[name]
            mean = key.endswith(("_mean", "_sd")) or internal.get("statistic") in ("mean", "sd")
            assert abs(float(internal[key]) - float(released[key])) <= (0.005 if mean else 0.5) + 1e-9
        assert (released["suppressed"] == "True") == bool(hidden)
        found |= {(name, place, key) for key in hidden}
    return found


def test_released_cells_rest_on_no_woman_or_five(run: Run) -> None:
    counted = 0
    for name in TABLES:
        for row in rows(run, f"release/tables/{name}.csv"):
            for key, role in roles_of(name).items():
                if role in ("denominator", "count", "own", "events") and row.get(key):
                    assert float(row[key]) == 0 or float(row[key]) >= 5, (name, key)
                    counted += 1
    assert counted > 500


def test_every_withheld_cell_has_its_rule(run: Run) -> None:
    withheld = {cell for name in TABLES for cell in withheld_cells(run, name)}
    told = [
        (row["table"], int(row["row"]), row["column"], row["rule"])
        for file in ("decisions", "decisions_evidence")
        for row in rows(run, f"internal/release/{file}.csv")
    ]
    assert {rule for *_, rule in told} <= set(RULES)
    # A cell that only the gate reads is withheld with its row, and would not have left.
    leaving = [cell for *cell, _ in told if roles_of(cell[0])[cell[2]] not in STAY]
    assert len(leaving) == len(withheld) > 0
    assert {tuple(cell) for cell in leaving} == withheld


def test_the_release_is_reviewed_inside(run: Run) -> None:
    page = run.text("internal/release_review.html")
    assert all(name in page for name in TABLES)
    assert not run.path("release/release_review.html").exists()


def test_report_is_one_file_that_says_it_is_synthetic(run: Run) -> None:
    page = run.text("release/report.html")
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert page.count("<script") == 1
    assert page.count("data:image/png;base64,") == 8
    assert "ynthetic" in page[: page.index("1.409")]


def test_the_report_names_the_digest_of_every_released_table_and_figure(run: Run) -> None:
    page = run.text("release/report.html")
    manifest = run.text("release/manifest.json")
    released = [path for name in ("tables", "figures") for path in run.path(f"release/{name}").iterdir()]
    for path in released:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert f"results/release/{path.parent.name}/{path.name}</th>" in page
        assert f"<code>{digest}</code>" in page and digest in manifest


def test_folders_with_rows_are_closed_and_the_release_is_open(run: Run) -> None:
    for path in [
        run.path("restricted"),
        *run.path("restricted").rglob("*"),
        *run.path("internal").rglob("*"),
    ]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    for path in [run.path("release"), *run.path("release").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o044 == 0o044, path


def test_no_path_of_the_machine_enters_an_output(run: Run) -> None:
    for path in run.path("").rglob("*"):
        if path.suffix in {".csv", ".json", ".html", ".yaml", ".txt"}:
            text = path.read_text(encoding="utf-8")
            assert str(ROOT) not in text and str(run.study) not in text, path


def test_nothing_to_do_runs_nothing(run: Run) -> None:
    again = run_workflow(run.study, config=False)
    assert again.code == 0
    assert again.executed() == set()
    assert "Nothing to be done" in again.output
    assert f"Report: {run.path('release/report.html')}" in again.output


def test_the_demonstration_is_found_by_name_from_another_folder(run: Run) -> None:
    assert not (run.study / "config").exists() and not Path(run.study / "resources").exists()


def released(run: Run) -> dict[str, pd.DataFrame]:
    return {name: read_table(run.path(f"release/tables/{name}.csv")) for name in TABLES}


def manuscript(run: Run) -> bytes:
    return run.path("release/manuscript.docx").read_bytes()


def test_every_number_of_the_report_and_the_manuscript_is_released(run: Run) -> None:
    for shown in (of_report(run.text("release/report.html")), of_manuscript(manuscript(run))):
        assert set(shown.cells) == TABLES
        assert len(shown.pictures) == 8 and len(" ".join(shown.sentences)) > 1000
        assert strange_numbers(shown, released(run)) == []


def test_a_number_that_is_not_released_is_found(run: Run) -> None:
    tables = released(run)
    rates = tables["relapse_rates"]
    tables["relapse_rates"] = rates.assign(rate=rates["rate"] + 0.31)
    ratios = tables["rate_ratios"]
    tables["rate_ratios"] = ratios.assign(rate_ratio=ratios["rate_ratio"] * 1.1)
    for shown in (of_report(run.text("release/report.html")), of_manuscript(manuscript(run))):
        assert any("1.409" in text for text in shown.sentences)
        shown.sentences = [text.replace("1.409", "1.419") for text in shown.sentences]
        strange = "\n".join(strange_numbers(shown, tables))
        assert "relapse_rates: 0.27 in" in strange and "rate_ratios: 1.409 in" in strange
        assert (
            "picture of relapse_rates" in strange
            and "sentence: ('1.419', '0.764', '2.598') of one row" in strange
        )


def test_the_manuscript_shows_the_cells_of_the_report(run: Run) -> None:
    report, document = of_report(run.text("release/report.html")), of_manuscript(manuscript(run))
    assert document.cells == report.cells
    assert any("withheld" in cells for cells in document.cells.values())
    # The short tables of the text hold no cell that the table in full has not, but for joined labels.
    assert set(document.short) == {name for name, table in MAIN_TEXT.items() if table}
    for name, cells in document.short.items():
        heads = {cell for cell in cells if not re.search(r"\d", cell)}
        labels = {cell for cell in cells if ": " in cell}
        assert set(cells) - heads - labels <= set(document.cells[name]), name
    assert sorted(document.pictures.values()) == sorted(report.pictures.values())


def test_the_manuscript_and_the_workbook_are_the_same_bytes_in_another_process(run: Run) -> None:
    verdict = json.loads(run.text("release/identifiability.json"))
    configuration = yaml.safe_load(run.text("internal/run_config.yaml"))
    figures = {path.stem: path.read_bytes() for path in run.path("release/figures").iterdir()}
    written = write_manuscript(released(run), verdict, figures, configuration, [True, True])
    assert written == manuscript(run)
    workbook = write_workbook(released(run), verdict, configuration, [True, True])
    assert workbook == run.path("release/tables.xlsx").read_bytes()


def test_the_manuscript_is_a_sound_word_document(run: Run) -> None:
    check_document(manuscript(run))
    # This study has every section: each item of a checklist has a heading that answers it, but for matching.
    texts = [text_of(cell) for cell in Document(io.BytesIO(manuscript(run))).element.body.iter(qn("w:tc"))]
    assert "The question and its target trial" in texts and texts.count(NOT_HERE) == 1


def test_libreoffice_prints_every_number_of_the_manuscript(run: Run, tmp_path: Path) -> None:
    printed = " ".join(print_document(run.path("release/manuscript.docx"), tmp_path).split())
    assert "1.409 (95% CI 0.764 to 2.598; p = 0.272)" in printed
    assert "Verdict on the design: between sites only." in printed
    assert not re.search(r"Error: ?Reference|reference source not found", printed, re.IGNORECASE)
    found = set(re.findall(r"\d[\d,.]*\d|\d", printed))
    for name, cells in of_manuscript(manuscript(run)).cells.items():
        wanted = {number for cell in cells for number in re.findall(r"\d[\d,.]*\d|\d", cell)}
        assert wanted <= found, (name, sorted(wanted - found)[:9])


def test_the_workbook_holds_every_released_cell(run: Run) -> None:
    book = openpyxl.load_workbook(run.path("release/tables.xlsx"))
    assert book.sheetnames == ["contents", *sorted(TABLES)]
    for name, frame in released(run).items():
        lines = list(book[name].iter_rows(values_only=True))
        (head,) = (place for place, line in enumerate(lines) if line[: frame.shape[1]] == tuple(frame))
        assert book[name].freeze_panes == f"B{head + 2}"
        cells = [line[: frame.shape[1]] for line in lines[head + 1 : head + 1 + len(frame)]]
        wanted = [
            tuple(None if is_missing(value) else value for value in row)
            for row in frame.astype(object).to_numpy()
        ]
        assert cells == wanted, name
        assert "synthetic" in str(lines[1][0]).lower()
        assert lines[-1][0].startswith("Empty cells hold no number")
        assert not any(cell.data_type == "f" for line in book[name].iter_rows() for cell in line)


def test_no_path_of_the_machine_enters_a_document(run: Run) -> None:
    for name in ("manuscript.docx", "tables.xlsx"):
        with zipfile.ZipFile(run.path(f"release/{name}")) as archive:
            text = b"".join(map(archive.read, archive.namelist()))
        assert str(ROOT).encode() not in text and str(run.study).encode() not in text
