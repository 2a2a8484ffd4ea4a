"""The manuscript and the workbook: what they say where there is no number, and what they leave out."""

import io
import re

import numpy as np
import openpyxl
import pandas as pd
import pytest
from docx import Document
from docx.oxml.ns import qn
from gravida.report.content import synthetic_note
from gravida.report.display import Display
from gravida.report.manuscript import document
from gravida.report.manuscript.checklists import CHECKLISTS, NOT_HERE, answers
from gravida.report.manuscript.document import write_manuscript
from gravida.report.manuscript.grid import MAIN, Grid, column_widths, grid_of, table_xml
from gravida.report.manuscript.protocol import protocol_rows, settings_rows
from gravida.report.workbook import write_workbook
from matplotlib.image import imsave
from report_frames import BETWEEN, CONFIGURATION, NEITHER, NOTHING, WITHIN, every_table, ratios

FEW = ("relapse_rates", "rate_ratios", "baseline", "identifiability")


def text_of(content):
    """Return the text of every paragraph, those in cells too."""
    body = Document(io.BytesIO(content)).element.body
    return ["".join(piece.text or "" for piece in p.iter(qn("w:t"))) for p in body.iter(qn("w:p"))]


def few_tables():
    return {name: table for name, table in every_table().items() if name in FEW}


@pytest.mark.parametrize("verdict", [BETWEEN, WITHIN, NEITHER], ids=lambda verdict: verdict["verdict"])
def test_every_verdict_stands_in_the_text(verdict):
    told = text_of(write_manuscript(every_table(), verdict, {}, CONFIGURATION, [False]))
    assert any(f"Verdict on the design: {verdict['verdict']}. {verdict['reason']}" in line for line in told)
    assert not any("ynthetic" in line for line in told[:4])


def test_a_contrast_that_cannot_be_estimated_is_said_in_words():
    tables = few_tables() | {"rate_ratios": ratios(numbers=NOTHING, status="not_estimable", reason="Why.")}
    told = text_of(write_manuscript(tables, NEITHER, {}, CONFIGURATION, [False]))
    assert any("No rate ratio, untreated over treated, is given" in line for line in told)
    assert any("These data give no comparison of treated with untreated" in line for line in told)
    assert not any("1.409 (" in line or "2.598" in line for line in told)


def test_what_is_not_there_is_not_referred_to():
    told = text_of(write_manuscript(few_tables(), BETWEEN, {}, CONFIGURATION, [False]))
    assert NOT_HERE in told
    assert not any("Figure" in line or "{" in line for line in told)
    assert not any(title in told for title in ("Data quality", "Figures on pages of their own"))


def test_invented_rows_are_told_first():
    told = text_of(write_manuscript(few_tables(), BETWEEN, {}, CONFIGURATION, [True, False]))
    assert told[1] == synthetic_note([True, False]) and "at least one site" in told[1]


# What the published forms number: STROBE for cohort studies, RECORD beyond it, TARGET with its two columns.
PARTS = {"1": "ab", "6": "ab", "12": "abcde", "13": "abc", "14": "abc", "16": "abc"}
PUBLISHED = {
    "strobe": [f"{item}{part}" for item in range(1, 23) for part in PARTS.get(str(item), [""])],
    "record": [
        *("1.1", "1.2", "1.3", "6.1", "6.2", "6.3", "7.1"),
        *("12.1", "12.2", "12.3", "13.1", "19.1", "22.1"),
    ],
    "target": [
        *(
            "1a",
            "1b",
            "1c",
            *"2345",
            *(f"6{part}" for part in "abcdefgh"),
            *(f"7{part}" for part in "abcdef"),
        ),
        *("7g(i)", "7g(ii)", "7h(i)", "7h(ii)", *map(str, range(8, 22))),
    ],
}


def test_a_checklist_has_the_items_of_the_published_form():
    found = {checklist.key: [item.number for item in checklist.items] for checklist in CHECKLISTS}
    assert found == PUBLISHED


def test_a_checklist_refers_to_headings_that_are_there_only():
    for checklist in CHECKLISTS:
        assert {cells[2] for cells in answers(checklist, ())} == {NOT_HERE}
    first = answers(CHECKLISTS[0], {"abstract"})[0]
    assert first == ["1a", "Design named in title or abstract", "{heading:abstract}"]


def test_every_item_is_answered_where_every_table_is_there_but_for_matching(monkeypatch):
    headings = set()
    monkeypatch.setattr(document, "answers", lambda checklist, known: headings.update(known) or [])
    document.write_manuscript(every_table(), BETWEEN, {}, CONFIGURATION, [False])
    items = [(checklist.key, item) for checklist in CHECKLISTS for item in checklist.items]
    assert {key for _, item in items for key in item.answered} <= headings
    assert [(key, item.number) for key, item in items if not item.answered] == [("strobe", "6b")]


def test_the_protocol_holds_the_plan_and_no_place_of_a_file():
    plan = CONFIGURATION | {"sites": "/home/somebody/sites.tsv", "evidence": {"studies": "x.csv"}, "seed": 7}
    rows = [row for row in protocol_rows(plan) if len(row) == 3]
    assert ["Fewest women behind a number", "7", "disclosure.profile, disclosure.min_women"] in rows
    assert any("less than 21 days" in row[1] for row in rows)
    assert [row[1] for row in rows if row[0] == "Power"] == ["90%, for ratios of 1.409 and 1.5"]
    settings = dict(settings_rows(plan))
    assert settings["precision.planned_ratios"] == "1.409, 1.5" and settings["seed"] == "7"
    assert not any("somebody" in value or "csv" in value for value in settings.values())


def test_groups_get_rows_of_their_own_and_text_is_escaped():
    frame = pd.DataFrame({"Arm": ["a", "b", "a"], "Row": ["x", "y", "z"], "N": ["1", "2", "<3"]})
    grid = grid_of(Display(frame, row="Row", group="Arm", emphasis=(1,)))
    assert grid.rows == [["a"], ["x", "1"], ["z", "<3"], ["b"], ["y", "2"]]
    assert grid.bold == {4} and grid.right == {1} and not grid.is_wide
    xml = table_xml(grid, 9000, 'Of "all" & more')
    assert "&lt;3" in xml and xml.count("<w:tblHeader/>") == 1 and "&amp; more" in xml
    assert sum(map(int, re.findall(r'<w:gridCol w:w="(\d+)"', xml))) == pytest.approx(9000, abs=2)


def test_columns_of_words_keep_their_longest_word_where_room_is_short():
    long = "many words " * 40
    grid = Grid(("Intake", "Said", "Told"), [["Concurrently-observed", long, long]])
    widths = column_widths(grid, 4000)
    assert widths[0] / 4000 * grid.room(4000 / 1440 * 2.54) > len("Concurrently-")
    assert widths[1] == pytest.approx(widths[2], rel=0.1)


def test_room_goes_where_it_saves_most_lines():
    """Ten rows whose estimates and methods need a line each count for more than one long remark."""
    method, estimate = "a method of some words in one line", "1.409 (0.764 to 2.598)"
    rows = [[method, estimate, ""] for _ in range(10)] + [[method, estimate, "a remark " * 9]]
    grid = Grid(("Method", "Ratio", "Note"), rows)
    width = round(1440 / 2.54 * 80 / grid.room(1))
    letters = [one / width * 80 for one in column_widths(grid, width)]
    assert letters[0] > len(method) and letters[1] > len(estimate)


def test_a_group_of_one_row_is_one_row_of_a_short_table():
    frame = pd.DataFrame(
        {"Of": ["Age", "DMT", "DMT"], "Row": ["Mean (SD)", "None", "High"], "N": ["1", "2", "3"]}
    )
    grid = grid_of(Display(frame, row="Row", group="Of", emphasis=(2,)), MAIN, joined=True)
    assert grid.rows == [["Age: mean (SD)", "1"], ["DMT"], ["None", "2"], ["High", "3"]]
    assert grid.bold == {3} and 'w:val="MainTable"' in table_xml(grid, 9000, "x")


def test_the_text_has_few_rows_and_the_supplement_all():
    """Limits and rates of the outcome period stand in the text; a quarter and a site do not."""
    content = write_manuscript(every_table(), WITHIN, {}, CONFIGURATION, [False])
    document = Document(io.BytesIO(content))
    captions = [p.text for p in document.paragraphs if p.style.name == "Caption"]
    tables = {
        caption.partition(". ")[2].rstrip("."): table
        for caption, table in zip(captions, document.tables, strict=True)
    }
    short, full = (
        {row.cells[0].text for row in tables[caption].rows}
        for caption in (
            "Relapses and rates by arm, before, in and after pregnancy",
            "Relapses per person-year by arm and period, and by site",
        )
    )
    assert {"Treated pregnancies: year after delivery", "Pregnancy"} < short
    assert "Site north" in full and not any("Site" in text or "rimester" in text for text in short)
    numbers = [caption.partition(".")[0] for caption in captions]
    first = numbers.index("Table S1")
    assert numbers[:first] == [f"Table {place}" for place in range(1, first + 1)]
    assert numbers[first:] == [f"Table S{place}" for place in range(1, len(numbers) - first + 1)]


def test_a_high_figure_is_in_the_supplement_and_a_broad_one_in_the_text():
    broad, high = (picture(*size) for size in ((40, 30), (30, 40)))
    figures = {"flow": broad, "sensitivity": high, "rootogram": broad, "predictors": high}
    content = write_manuscript(every_table(), WITHIN, figures, CONFIGURATION, [False])
    document = Document(io.BytesIO(content))
    captions = [p.text.partition(". ") for p in document.paragraphs if p.style.name == "Caption"]
    told = {label: text[:12] for label, _, text in captions if label.startswith("Figure")}
    assert told == {
        "Figure 1": "Flow of the ",
        "Figure S1": "Hanging root",
        "Figure S2": "Rate ratios ",
        "Figure S3": "The primary ",
    }
    text = "\n".join(p.text for p in document.paragraphs)
    assert "See Figure S3; all rows are in Table S" in text and "See Figure 1; all rows" in text


def picture(width, height):
    """Return a white PNG."""
    rows = np.ones((height, width, 3))
    content = io.BytesIO()
    imsave(content, rows, format="png")
    return content.getvalue()


def test_the_last_rows_of_a_table_stay_with_its_notes():
    grid = Grid(("A", "B"), [["x", "1"] for _ in range(30)])
    rows = table_xml(grid, 9000, "x").split("<w:tr>")[1:]
    assert [place for place, row in enumerate(rows) if "<w:keepNext/>" in row] == [0, 29, 30]
    few = table_xml(Grid(("A",), [["x"]] * 3), 9000, "x").split("<w:tr>")[1:]
    assert all("<w:keepNext/>" in row and "<w:cantSplit/>" in row for row in few)


def test_contents_name_every_heading_and_ask_for_no_update():
    content = write_manuscript(every_table(), WITHIN, {}, CONFIGURATION, [False])
    document = Document(io.BytesIO(content))
    listed = [p for p in document.paragraphs if p.style.name.startswith("toc ")]
    wanted = [
        (p.text, p.style.name[-1]) for p in document.paragraphs if p.style.name in ("Heading 1", "Heading 2")
    ]
    assert [("".join(link.text for link in p.hyperlinks), p.style.name[-1]) for p in listed] == wanted
    marks = {node.get(qn("w:name")) for node in document.element.body.iter(qn("w:bookmarkStart"))}
    assert len(wanted) > 20 and {p.hyperlinks[0].fragment for p in listed} <= marks
    assert not list(document.settings.element.iter(qn("w:updateFields")))
    assert not [node for node in document.element.iter(qn("w:fldChar")) if node.get(qn("w:dirty"))]


def test_the_workbook_holds_numbers_and_never_a_formula():
    tables = few_tables()
    rates = tables["relapse_rates"].copy()
    rates["site"] = "=1+1"
    rates.loc[0, "rate"] = np.nan
    content = write_workbook(tables | {"relapse_rates": rates}, BETWEEN, CONFIGURATION, [False])
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet = book["relapse_rates"]
    head = [cell.value for cell in sheet[3]]
    assert head == list(rates)
    site, rate, flag = (head.index(name) for name in ("site", "rate", "suppressed"))
    rows = list(sheet.iter_rows(min_row=4, max_row=3 + len(rates)))
    assert {row[site].value for row in rows} == {"=1+1"} and {row[site].data_type for row in rows} == {"s"}
    assert rows[0][rate].value is None and isinstance(rows[1][rate].value, float)
    assert isinstance(rows[0][flag].value, bool)
    assert [row[0].value for row in book["contents"].iter_rows()][-len(FEW) :] == sorted(FEW)
