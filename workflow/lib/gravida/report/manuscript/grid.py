"""A table of a Word document as XML: written whole, for cell by cell takes seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from docx.oxml.ns import nsdecls

from gravida.report.display import NUMBER, SIGNS, UNBROKEN, Display, columns_of
from gravida.words import lower_first

# Styles of cells: of the few tables of the text, and of all others; with the sizes of their letters.
MAIN, SMALL = "MainTable", "SmallTable"
POINTS = {MAIN: 9.0, SMALL: 8.0}
# So many letters of one point stand in a centimetre. Bold ones are wider; a cell has space at its sides, and
# for the wider letters of a machine without this font.
PER_CM, BOLD, PADDING = 51.0, 1.12, 2.6
UPRIGHT_CM = 17.0
# A table lies across the page where its columns would not get so many characters, or as many as they need.
ENOUGH = 20
# A table of so few rows is not broken; of a longer one the last rows stay with the notes.
FEW_ROWS, LAST_ROWS = 10, 2
TINT, LINE, RULE = "F4F7FA", "D3DAE1", "1D2733"


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of text under their headings.

    Attributes
    ----------
    heads : sequence of str
        The headings of the columns.
    rows : sequence of sequence of str
        The cells; a row of a single cell stands over its group.
    right : set of int
        Columns of numbers, set to the right.
    bold : set of int
        Rows that are set in bold.
    style : str
        Of its letters, one of `POINTS`.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[int] = frozenset()
    bold: frozenset[int] = frozenset()
    style: str = SMALL

    @property
    def is_wide(self) -> bool:
        """Say whether the table needs more room than a page that stands upright."""
        longest = [max(map(len, texts), default=1) for texts in map(self.texts, range(len(self.heads)))]
        needs = [
            max(word, min(length, ENOUGH)) + PADDING
            for word, length in zip(self.words(), longest, strict=True)
        ]
        return sum(needs) > self.room(UPRIGHT_CM)

    def texts(self, column: int) -> list[str]:
        """Return the cells of a column, headings of groups aside."""
        return [row[column] for row in self.rows if len(row) == len(self.heads)]

    def words(self, whole: bool = False) -> list[float]:
        """Return the length of each column's longest word; whole, an estimate with its limits is one."""
        return [
            max([BOLD * _longest_word(head), *(_longest_word(text, whole) for text in self.texts(column))])
            for column, head in enumerate(self.heads)
        ]

    def room(self, centimetres: float) -> float:
        """Return how many characters stand beside each other."""
        return centimetres * PER_CM / POINTS[self.style]


def grid_of(shown: Display, style: str = SMALL, joined: bool = False) -> Grid:
    """Return a table of the report, each group under a row of its own; joined, if it has several rows."""
    heads = [*([shown.row] if shown.row else []), *shown.columns]
    numeric = {*columns_of(shown, NUMBER), *columns_of(shown, SIGNS)}
    cells = shown.frame[heads].astype(str).to_numpy().tolist()
    names = shown.frame[shown.group].astype(str).tolist() if shown.group else [""] * len(cells)
    rows, bold = [], set()
    for name in dict.fromkeys(names):
        places = [place for place, other in enumerate(names) if other == name]
        if joined and name and len(places) == 1:
            (only,) = places
            cells[only][0] = f"{name}: {lower_first(cells[only][0])}"
        elif name:
            rows.append([name])
        for place in places:
            bold |= {len(rows)} if place in shown.emphasis else set()
            rows.append(cells[place])
    right = frozenset(place for place, head in enumerate(heads) if head in numeric)
    return Grid(heads, rows, right, frozenset(bold), style)


def table_xml(grid: Grid, width: int, description: str) -> str:
    """Return a table as WordprocessingML.

    Parameters
    ----------
    grid : Grid
        What it shows.
    width : int
        Of the whole table, in twentieths of a point.
    description : str
        What it shows in a few words, for those who do not see it.
    """
    widths = column_widths(grid, width)
    columns = "".join(f'<w:gridCol w:w="{one}"/>' for one in widths)
    body = "".join(_row(grid, place, widths) for place in range(len(grid.rows)))
    return (
        f"<w:tbl {nsdecls('w')}><w:tblPr>"
        f'<w:tblW w:w="{sum(widths)}" w:type="dxa"/><w:tblBorders>{_border("top", RULE)}'
        f"{_border('bottom', RULE)}{_border('insideH', LINE)}</w:tblBorders>"
        '<w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="85" w:type="dxa"/>'
        '<w:right w:w="85" w:type="dxa"/></w:tblCellMar>'
        '<w:tblLook w:val="0620" w:firstRow="1" w:lastRow="0" w:firstColumn="0" w:lastColumn="0" '
        f'w:noHBand="1" w:noVBand="1"/><w:tblDescription w:val={quoteattr(description)}/></w:tblPr>'
        f"<w:tblGrid>{columns}</w:tblGrid>{_head(grid, widths)}{body}</w:tbl>"
    )


def column_widths(grid: Grid, width: int) -> list[int]:
    """Return the widths of columns: their longest words, and what is left goes where it saves most lines.

    Parameters
    ----------
    grid : Grid
        What the table shows.
    width : int
        Of the whole table, in twentieths of a point.
    """
    room = grid.room(width / 1440 * 2.54)
    whole, broken = (np.array(grid.words(whole)) + PADDING for whole in (True, False))
    given = whole if whole.sum() <= room else broken
    lengths = np.array([[BOLD * len(head), *map(len, grid.texts(n))] for n, head in enumerate(grid.heads)])
    while best := _best_widening(given, lengths, int(room - given.sum())):
        column, more = best
        given[column] += more
    return [round(width * share) for share in given / given.sum()]


def _best_widening(given: np.ndarray, lengths: np.ndarray, left: int) -> tuple[int, int] | None:
    """Return the column, and by how many characters to widen it, that saves most lines for each of them."""
    lines = np.ceil(lengths / (given - PADDING)[:, None])
    most, best = 0.0, None
    for column, length in enumerate(lengths):
        others = np.delete(lines, column, axis=0).max(axis=0, initial=1)
        for more in range(1, left + 1):
            mine = np.ceil(length / (given[column] + more - PADDING))
            lower = np.maximum(lines[column], others) - np.maximum(mine, others)
            # Two columns may be the highest of a row: the first that is widened saves nothing by itself.
            saved = (lower.sum() + 0.1 * (lines[column] - mine).sum()) / more
            if saved > most:
                most, best = saved, (column, more)
    return best


def _longest_word(text: str, whole: bool = False) -> int:
    if whole and UNBROKEN.fullmatch(text):
        return len(text)
    return max(map(len, text.replace("-", "- ").split()), default=1)


def _head(grid: Grid, widths: Sequence[int]) -> str:
    cells = "".join(
        _cell(head, widths[place], grid.style, place in grid.right, bold=True, rule=True, stays=True)
        for place, head in enumerate(grid.heads)
    )
    return f"<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>{cells}</w:tr>"


def _row(grid: Grid, place: int, widths: Sequence[int]) -> str:
    cells = grid.rows[place]
    stays = len(grid.rows) <= FEW_ROWS or place >= len(grid.rows) - LAST_ROWS
    if len(cells) < len(grid.heads):
        inside = _cell(cells[0], sum(widths), grid.style, bold=True, span=len(widths), stays=True)
    else:
        inside = "".join(
            _cell(text, widths[column], grid.style, column in grid.right, place in grid.bold, stays=stays)
            for column, text in enumerate(cells)
        )
    return f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{inside}</w:tr>"


def _cell(
    text: str,
    width: int,
    style: str,
    right: bool = False,
    bold: bool = False,
    rule: bool = False,
    span: int = 1,
    stays: bool = False,
) -> str:
    properties = f'<w:tcW w:w="{width}" w:type="dxa"/>'
    properties += f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    properties += f"<w:tcBorders>{_border('bottom', RULE)}</w:tcBorders>" if rule else ""
    properties += f'<w:shd w:val="clear" w:color="auto" w:fill="{TINT}"/>' if span > 1 else ""
    set_to = '<w:jc w:val="right"/>' if right else ""
    keep = "<w:keepNext/>" if stays else ""
    weight = "<w:rPr><w:b/></w:rPr>" if bold else ""
    return (
        f'<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:pPr><w:pStyle w:val="{style}"/>{keep}{set_to}</w:pPr>'
        f'<w:r>{weight}<w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p></w:tc>'
    )


def _border(side: str, colour: str) -> str:
    return f'<w:{side} w:val="single" w:sz="6" w:space="0" w:color="{colour}"/>'
