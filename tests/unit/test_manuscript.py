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
from gravida.report.manuscript.checklists import CHECKLISTS, NOT_HERE, answers
from gravida.report.manuscript.document import write_manuscript
from gravida.report.manuscript.grid import Grid, grid_of, table_xml
from gravida.report.manuscript.protocol import protocol_rows, settings_rows
from gravida.report.workbook import write_workbook
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
    assert "Supplementary results" not in told


def test_invented_rows_are_told_first():
    told = text_of(write_manuscript(few_tables(), BETWEEN, {}, CONFIGURATION, [True, False]))
    assert told[1] == synthetic_note([True, False]) and "at least one site" in told[1]


def test_a_checklist_refers_to_headings_that_are_there_only():
    for checklist in CHECKLISTS:
        numbers = [item.number for item in checklist.items]
        assert len(numbers) > 10 and all(item.answered for item in checklist.items)
        assert {cells[2] for cells in answers(checklist, ())} == {NOT_HERE}
    first = answers(CHECKLISTS[0], {"abstract"})[0]
    assert first == ["1a", "Design named in title or abstract", "{heading:abstract}"]


def test_the_protocol_holds_the_plan_and_no_place_of_a_file():
    plan = CONFIGURATION | {"sites": "/home/somebody/sites.tsv", "evidence": {"studies": "x.csv"}, "seed": 7}
    rows = [row for row in protocol_rows(plan) if len(row) == 3]
    assert ["Fewest women behind a number", "7", "disclosure.profile, disclosure.min_women"] in rows
    assert any("less than 21 days" in row[1] for row in rows)
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
    widths = [int(width) for width in re.findall(r'<w:gridCol w:w="(\d+)"', table_xml(grid, 4000, "x"))]
    assert widths[0] > 4000 / 3


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
