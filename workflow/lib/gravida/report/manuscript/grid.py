"""A table of a Word document as XML: written whole, for cell by cell takes seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from docx.oxml.ns import nsdecls

from gravida.report.display import NUMBER, SIGNS, Display, columns_of

# Characters of a table's letters in a centimetre, with the space beside them.
PER_CM = 6.3
UPRIGHT_CM = 17.0
PADDING = 1.6
TINT, LINE, RULE = "F4F7FA", "D3DAE1", "1D2733"
# Past this many characters a cell is broken into lines.
LONGEST = 34


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
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[int] = frozenset()
    bold: frozenset[int] = frozenset()

    @property
    def is_wide(self) -> bool:
        """Say whether the table needs more room than a page that stands upright."""
        return sum(_needs(self)) > UPRIGHT_CM * PER_CM


def grid_of(shown: Display) -> Grid:
    """Return a table of the report, its groups under rows of their own."""
    heads = [*([shown.row] if shown.row else []), *shown.columns]
    numeric = {*columns_of(shown, NUMBER), *columns_of(shown, SIGNS)}
    cells = shown.frame[heads].astype(str).to_numpy().tolist()
    names = shown.frame[shown.group].astype(str).tolist() if shown.group else [""] * len(cells)
    rows, bold = [], set()
    for name in dict.fromkeys(names):
        rows += [[name]] if name else []
        for place in (place for place, other in enumerate(names) if other == name):
            bold |= {len(rows)} if place in shown.emphasis else set()
            rows.append(cells[place])
    right = frozenset(place for place, head in enumerate(heads) if head in numeric)
    return Grid(heads, rows, right, frozenset(bold))


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
    widths = _widths(grid, width)
    columns = "".join(f'<w:gridCol w:w="{one}"/>' for one in widths)
    body = "".join(_row(grid, place, cells, widths) for place, cells in enumerate(grid.rows))
    return (
        f"<w:tbl {nsdecls('w')}><w:tblPr>"
        f'<w:tblW w:w="{sum(widths)}" w:type="dxa"/><w:tblBorders>{_border("top", RULE)}'
        f"{_border('bottom', RULE)}{_border('insideH', LINE)}</w:tblBorders>"
        '<w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="57" w:type="dxa"/>'
        '<w:right w:w="57" w:type="dxa"/></w:tblCellMar>'
        '<w:tblLook w:val="0620" w:firstRow="1" w:lastRow="0" w:firstColumn="0" w:lastColumn="0" '
        f'w:noHBand="1" w:noVBand="1"/><w:tblDescription w:val={quoteattr(description)}/></w:tblPr>'
        f"<w:tblGrid>{columns}</w:tblGrid>{_head(grid, widths)}{body}</w:tbl>"
    )


def _widths(grid: Grid, width: int) -> list[int]:
    """Return the widths of the columns: where room is short, of those with long texts."""
    needs, words = _needs(grid), [word + PADDING for word in _words(grid)]
    room = width / 1440 * 2.54 * PER_CM
    short = sum(needs) - room
    spare = sum(needs) - sum(words)
    if 0 < short < spare:
        needs = [need - (need - word) * short / spare for need, word in zip(needs, words, strict=True)]
    return [round(width * need / sum(needs)) for need in needs]


def _words(grid: Grid) -> list[float]:
    """Return the length of each column's longest word; those in bold are wider."""
    return [
        max([1.12 * _longest_word(head), *map(_longest_word, _texts(grid, place))])
        for place, head in enumerate(grid.heads)
    ]


def _texts(grid: Grid, place: int) -> list[str]:
    return [row[place] for row in grid.rows if len(row) == len(grid.heads)]


def _needs(grid: Grid) -> list[float]:
    """Return how many characters wide each column should be: its longest word at least."""
    needs = []
    for place, word in enumerate(_words(grid)):
        texts = _texts(grid, place)
        longest = max(map(len, texts), default=1)
        many = 6 * (longest > 2 * LONGEST) + 10 * (longest > 4 * LONGEST) + 30 * (longest > 9 * LONGEST)
        needs.append(max(word, min(longest, LONGEST * 0.6) + many) + PADDING)
    return needs


def _longest_word(text: str) -> int:
    return max(map(len, text.replace("-", "- ").split()), default=1)


def _head(grid: Grid, widths: Sequence[int]) -> str:
    cells = "".join(
        _cell(head, widths[place], place in grid.right, bold=True, rule=True)
        for place, head in enumerate(grid.heads)
    )
    return f"<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>{cells}</w:tr>"


def _row(grid: Grid, place: int, cells: Sequence[str], widths: Sequence[int]) -> str:
    if len(cells) < len(grid.heads):
        inside = _cell(cells[0], sum(widths), bold=True, span=len(widths), stays=True)
    else:
        inside = "".join(
            _cell(text, widths[column], column in grid.right, place in grid.bold)
            for column, text in enumerate(cells)
        )
    return f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{inside}</w:tr>"


def _cell(
    text: str,
    width: int,
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
    keep = "<w:keepNext/>" if stays or rule else ""
    weight = "<w:b/>" if bold else ""
    return (
        f"<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:pPr>"
        f'{keep}<w:spacing w:before="20" w:after="20"/>{set_to}</w:pPr>'
        f'<w:r><w:rPr>{weight}<w:sz w:val="15"/><w:szCs w:val="15"/></w:rPr>'
        f'<w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p></w:tc>'
    )


def _border(side: str, colour: str) -> str:
    return f'<w:{side} w:val="single" w:sz="6" w:space="0" w:color="{colour}"/>'
