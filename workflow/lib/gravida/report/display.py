"""A frame of text as an accessible HTML table."""

import re
from dataclasses import dataclass
from html import escape

import pandas as pd

NUMBER = re.compile(r"<?-?[\d,.]+|–|withheld|")
UNBROKEN = re.compile(r"[\d.,–-]+ [(\[][^)]*[)\]]|[\d.]+ to [\d.]+|[\d,–]+( / ([\d,–]+|withheld))+")


@dataclass(frozen=True, slots=True)
class Display:
    """What a table shows: text cells under printed column names.

    ``row`` names the column that labels the rows, ``group`` the one whose equal values are set together under
    a heading; ``emphasis`` holds the positions of the rows in bold, ``marks`` the words behind the letters
    in a column of notes.
    """

    frame: pd.DataFrame
    row: str | None = None
    group: str | None = None
    emphasis: tuple[int, ...] = ()
    marks: tuple[tuple[str, str], ...] = ()


def table_html(display: Display, key: str, caption: str, notes: tuple[str, ...]) -> str:
    """Return the table as HTML without styles of its own, the same text for the same input.

    Parameters
    ----------
    display : Display
        At least one row.
    key : str
        Prefix of the ids inside the table, unique in the document.
    caption : str
        What the table shows.
    notes : tuple of str
        Conventions, printed under the table.
    """
    from great_tables import GT, loc, style

    table = GT(display.frame, id=key, rowname_col=display.row, groupname_col=display.group)
    if display.row:
        table = table.tab_stubhead(display.row)
    if right := _columns_of(display, NUMBER):
        table = table.cols_align("right", columns=right)
    if unbroken := _columns_of(display, re.compile(f"{NUMBER.pattern}|{UNBROKEN.pattern}")):
        table = table.tab_style(style.css("white-space: nowrap;"), loc.body(columns=unbroken))
    if display.emphasis:
        table = table.tab_style(style.text(weight="bold"), loc.body(rows=list(display.emphasis)))
        if display.row:
            table = table.tab_style(style.text(weight="bold"), loc.stub(rows=list(display.emphasis)))
    for note in (*(f"{letter}: {said.rstrip('.')}." for letter, said in display.marks), *notes):
        table = table.tab_source_note(note)
    content = re.sub(r"<style>.*?</style>", "", table.as_raw_html(), flags=re.DOTALL)
    content = re.sub(r'(<div id="[^"]*") style="[^"]*"', r'\1 class="scroll" tabindex="0"', content, count=1)
    return re.sub(r"(<table[^>]*>)", rf"\1<caption>{escape(caption)}</caption>", content, count=1)


def _columns_of(display: Display, pattern: re.Pattern[str]) -> list[str]:
    """Return the columns, labels of rows and groups aside, whose every cell is of this form."""
    columns = [column for column in display.frame if column not in (display.row, display.group)]
    return [column for column in columns if display.frame[column].map(pattern.fullmatch).notna().all()]
