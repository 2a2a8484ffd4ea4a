"""The HTML of the report's tables: the same as that of the package great_tables, byte for byte."""

import re

import pandas as pd
import pytest
from gravida.report.display import Display, table_html
from gravida.report.sections import SECTIONS
from great_tables import GT, loc, style
from report_frames import every_table

TEXTS = {
    "Site": ["b", "a", "b", "<i>&", ""],
    "Step": ["1", "two & three", "1", "four", "-5"],
    "Women / men": ["1 / 2", "3", "–", "withheld", "10"],
    "Rate (95% CI)": ["0.5 (0.1 to 0.9)", "0.27", "–", "", "1.0"],
    "Women": ["1", "2", "3", "4", "5"],
    "Rate <95% CI>": ['said "so"', "2:30", "7/8", "12.", "x"],
}
FRAME = pd.DataFrame(TEXTS)
DISPLAYS = {
    "plain": Display(FRAME),
    "labelled": Display(FRAME, row="Step", emphasis=(1, 4)),
    "grouped": Display(
        FRAME, row="Step", group="Site", emphasis=(0,), marks=(("a", "It ends."), ("b", "So"))
    ),
    "without labels": Display(FRAME, group="Site"),
    "one column": Display(FRAME[["Site", "Women"]], group="Site"),
    "headings of one id": Display(FRAME.rename(columns={"Women": "Women, men"}), row="Site"),
}


def columns_of(display: Display, *patterns: str) -> list[str]:
    """Return the columns, labels aside, whose cells are all of one of these forms."""
    form = re.compile("|".join(patterns))
    names = [name for name in display.frame if name not in (display.row, display.group)]
    return [name for name in names if display.frame[name].map(form.fullmatch).notna().all()]


def by_great_tables(display: Display, key: str, caption: str, notes: tuple[str, ...]) -> str:
    """Return the table as that package writes it, without its styles and with a caption."""
    number = r"<?-?[\d,.]+|–|withheld|"
    unbroken = r"[\d.,–-]+ [(\[][^)]*[)\]]|[\d.]+ to [\d.]+|[\d,–]+( / ([\d,–]+|withheld))+"
    table = GT(display.frame, id=key, rowname_col=display.row, groupname_col=display.group)
    if display.row:
        table = table.tab_stubhead(display.row)
    if right := columns_of(display, number):
        table = table.cols_align("right", columns=right)
    if whole := columns_of(display, number, unbroken):
        table = table.tab_style(style.css("white-space: nowrap;"), loc.body(columns=whole))
    if display.emphasis:
        bold, rows = style.text(weight="bold"), list(display.emphasis)
        table = table.tab_style(bold, loc.body(rows=rows))
        if display.row:
            table = table.tab_style(bold, loc.stub(rows=rows))
    for note in (*(f"{letter}: {said.rstrip('.')}." for letter, said in display.marks), *notes):
        table = table.tab_source_note(note)
    content = re.sub(r"<style>.*?</style>", "", table.as_raw_html(), flags=re.DOTALL)
    box = rf'\1 class="scroll" role="region" aria-label="{caption}" tabindex="0"'
    content = re.sub(r'(<div id="[^"]*") style="[^"]*"', box, content, count=1)
    return re.sub(r"(<table[^>]*>)", rf"\1<caption>{caption}</caption>", content, count=1)


@pytest.mark.parametrize("name", DISPLAYS)
@pytest.mark.parametrize("notes", [(), ("One <note>.", "Two.")], ids=["no note", "notes"])
def test_every_form_of_a_table(name: str, notes: tuple[str, ...]) -> None:
    asked = (DISPLAYS[name], "table-key", "What it shows", notes)
    assert table_html(*asked) == by_great_tables(*asked)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.table)
def test_every_table_of_the_report(section) -> None:
    shown = section.show(every_table()[section.table])
    assert table_html(shown, "key", "Caption", section.notes) == by_great_tables(
        shown, "key", "Caption", section.notes
    )
