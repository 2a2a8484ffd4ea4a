"""A frame of text as an accessible HTML table: every cell names its headers.

Written here, row by row: with hundreds of sites a table has thousands of rows. The form is that of the
package great_tables, to which tests compare it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape

import pandas as pd

NUMBER = re.compile(r"<?-?[\d,.]+|–|withheld|")
UNBROKEN = re.compile(r"[\d.,–-]+ [(\[][^)]*[)\]]|[\d.]+ to [\d.]+|[\d,–]+( / ([\d,–]+|withheld))+")
# Signs and digits, as in 12 / 7.
SIGNS = re.compile(r"[ -:\\]*")
WHOLE, BOLD = "white-space: nowrap;", "font-weight: bold;"
HEADING = "gt_col_heading gt_columns_bottom_border"


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

    @property
    def columns(self) -> list[str]:
        """Return the columns but those of the labels of rows and groups."""
        return [column for column in self.frame if column not in (self.row, self.group)]


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
    ids = _Ids(key)
    right = [*columns_of(display, NUMBER), *columns_of(display, SIGNS)]
    sides = {column: "right" if column in right else "left" for column in display.columns}
    labels = {display.row: "left", **sides} if display.row else sides
    heads = {column: ids.make(column, "column") for column in labels}
    headings = "".join(
        f'  <th class="{HEADING} gt_{side}" rowspan="1" colspan="1" scope="col" id="{heads[column]}">'
        f"{escape(column)}</th>\n"
        for column, side in labels.items()
    )
    body = "\n".join(_lines(display, ids, heads, sides))
    said = (*(f"{letter}: {words.rstrip('.')}." for letter, words in display.marks), *notes)
    foot = "".join(
        f'<tr class="gt_sourcenotes"><td class="gt_sourcenote" colspan="{len(labels)}">'
        f'<span class="gt_from_md">{escape(note)}</span></td></tr>'
        for note in said
    )
    foot = f"<tfoot>{foot}</tfoot>" if foot else ""
    return (
        f'<div id="{key}" class="scroll" role="region" aria-label="{escape(caption)}" tabindex="0">\n\n'
        '<table class="gt_table" data-quarto-disable-processing="false" data-quarto-bootstrap="false">'
        f"<caption>{escape(caption)}</caption>\n"
        f'<thead>\n\n<tr class="gt_col_headings">\n{headings}</tr>\n</thead>\n'
        f'<tbody class="gt_table_body">\n{body}\n</tbody>\n{foot}\n</table>\n\n</div>\n'
    )


@dataclass(frozen=True, slots=True)
class _Ids:
    """Ids of the headings in a table: made of their words, each once."""

    key: str
    used: set[str] = field(default_factory=set)

    def make(self, words: str, otherwise: str) -> str:
        """Return an id that is not yet used."""
        name = re.sub(r"[^\w.:-]+", "-", words).strip("-") or otherwise
        found, number = f"{self.key}-{name}", 2
        while found in self.used:
            found, number = f"{self.key}-{name}-{number}", number + 1
        self.used.add(found)
        return found


def _lines(display: Display, ids: _Ids, heads: dict[str, str], sides: dict[str, str]) -> Iterator[str]:
    """Yield the rows, those of a group under its heading, groups in the order of their first rows."""
    cells = dict(zip(display.frame, (list(map(str, of)) for _, of in display.frame.items()), strict=True))
    unbroken = columns_of(display, NUMBER, UNBROKEN)
    groups: dict[str, list[int]] = {}
    for place, name in enumerate(cells[display.group] if display.group else [""] * len(display.frame)):
        groups.setdefault(name, []).append(place)
    for name, places in groups.items():
        above = ""
        if display.group:
            above = ids.make(name, "group")
            kind = "gt_group_heading_row" if name else "gt_empty_group_heading"
            scope = "colgroup" if len(heads) > 1 else "col"
            yield (
                f'  <tr class="{kind}">\n    <th class="gt_group_heading" colspan="{len(heads)}" '
                f'scope="{scope}" id="{above}">{escape(name)}</th>\n  </tr>'
            )
        for place in places:
            bold = [BOLD] if place in display.emphasis else []
            yield "  <tr>"
            beside = above
            if display.row:
                own = ids.make(f"stub-{place + 1}", "stub")
                beside = f"{above} {own}".strip()
                style = _style(bold)
                label = escape(cells[display.row][place])
                yield f'    <th{style} scope="row" id="{own}" class="gt_row gt_left gt_stub">{label}</th>'
            for column, side in sides.items():
                style = _style([WHOLE] * (column in unbroken) + bold)
                headers = f"{beside} {heads[column]}".strip()
                cell = escape(cells[column][place])
                yield f'    <td{style} headers="{headers}" class="gt_row gt_{side}">{cell}</td>'
            yield "  </tr>"


def _style(rules: list[str]) -> str:
    return f' style="{" ".join(rules)}"' if rules else ""


def columns_of(display: Display, *patterns: re.Pattern[str]) -> list[str]:
    """Return the columns, labels of rows and groups aside, whose every cell is of one of these forms."""
    return [
        column
        for column in display.columns
        if all(any(pattern.fullmatch(cell) for pattern in patterns) for cell in display.frame[column])
    ]
