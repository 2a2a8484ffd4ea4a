"""The XML inside a workbook, read as a stream: memory is bounded by the cells that are filled.

The parts follow ECMA-376, part 1, chapter 18 (SpreadsheetML). No entity is expanded, for no document type
is accepted.
"""

import re
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from xml.parsers import expat

from gravida.intake.reading.file_checks import LONGEST_CELL
from gravida.intake.reading.sheet_values import cell_text, is_date_format, unescaped

LAST_ROW = 1_048_576
LAST_COLUMN = 16_384
_DEEPEST = 100
_MOST_ELEMENTS = 65_536
_LONGEST_TOKEN = 1 << 20
_REFERENCE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_DATE_FORMATS = frozenset((*range(14, 23), *range(27, 37), *range(50, 59)))


class BadXml(Exception):
    """A part of a workbook is not what it should be; holds nothing of its content."""


class LongCell(Exception):
    """A cell holds more text than a table may."""


@dataclass(slots=True)
class Column:
    """The filled cells of one column: their rows, ascending, and their texts."""

    rows: array = field(default_factory=lambda: array("l"))
    texts: list[str] = field(default_factory=list)
    dates: bool = False


@dataclass(slots=True)
class Sheet:
    """The filled cells of a sheet by the number of their column, and the rows that hold formulas."""

    columns: dict[int, Column] = field(default_factory=dict)
    formulas: list[int] = field(default_factory=list)


class Part:
    """A part of a workbook while it is read; `start`, `end` and `text` receive local names."""

    def __init__(self) -> None:
        self.pieces: list[str] | None = None
        self.size = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the beginning of an element."""

    def end(self, tag: str) -> None:
        """Take the end of an element."""

    def text(self, piece: str) -> None:
        """Take text, or a piece of it."""
        if self.pieces is not None:
            self.size += len(piece)
            if self.size > LONGEST_CELL:
                raise LongCell
            self.pieces.append(piece)

    def collect(self) -> None:
        """Begin to collect text."""
        self.pieces, self.size = [], 0

    def collected(self) -> str:
        """Stop to collect text and return it."""
        pieces, self.pieces = self.pieces, None
        return "".join(pieces or ())


def read_part(chunks: Iterable[bytes], part: Part) -> None:
    """Feed the XML in `chunks` to `part`.

    Raises
    ------
    BadXml
        Where it is not well-formed, has a document type, is too deep or has a tag of a size that none has.
    LongCell
        Where a cell is too long.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler, parser.EndElementHandler = _handlers(part)
    parser.CharacterDataHandler = part.text
    fed = 0
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
            fed += len(chunk)
            if fed - parser.CurrentByteIndex > _LONGEST_TOKEN:
                raise BadXml
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, KeyError, IndexError, LookupError, OverflowError):
        raise BadXml from None


def _refuse(*_) -> None:
    raise BadXml


def _handlers(part: Part) -> tuple[Callable, Callable]:
    depth = 0
    begin, finish = part.start, part.end

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise BadXml
        begin(name.rpartition(":")[2], attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        finish(name.rpartition(":")[2])

    return start, end


class Attributes(Part):
    """Lists the attributes of the elements with some names, in order."""

    def __init__(self, *tags: str) -> None:
        super().__init__()
        self.tags = tags
        self.found: list[tuple[str, dict[str, str]]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Keep an element."""
        if tag in self.tags:
            if len(self.found) == _MOST_ELEMENTS:
                raise BadXml
            # Attributes of relationships have a prefix of the file's choice.
            self.found.append((tag, {name.rpartition(":")[2]: value for name, value in attributes.items()}))


class Styles(Part):
    """Says of each style of cells whether it shows dates (`dates`)."""

    def __init__(self) -> None:
        super().__init__()
        self.formats: dict[int, bool] = {}
        self.dates: list[bool] = []
        self.of_cells = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take a format or a style."""
        if max(len(self.formats), len(self.dates)) > _MOST_ELEMENTS:
            raise BadXml
        if tag == "cellXfs":
            self.of_cells = True
        elif tag == "numFmt" and "numFmtId" in attributes:
            self.formats[int(attributes["numFmtId"])] = is_date_format(attributes.get("formatCode", ""))
        elif tag == "xf" and self.of_cells:
            number = int(attributes.get("numFmtId", 0))
            self.dates.append(self.formats.get(number, number in _DATE_FORMATS))

    def end(self, tag: str) -> None:
        """Leave the styles of cells."""
        if tag == "cellXfs":
            self.of_cells = False


class SharedStrings(Part):
    """The texts that cells refer to by number (`texts`), without the reading aids of East Asian scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.parts: list[str] = []
        self.aside = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin a text or a run of it."""
        if tag == "si":
            self.parts = []
        elif tag == "rPh":
            self.aside = True
        elif tag == "t" and not self.aside:
            self.collect()

    def end(self, tag: str) -> None:
        """End a text or a run of it."""
        if tag == "t" and not self.aside:
            self.parts.append(self.collected())
        elif tag == "rPh":
            self.aside = False
        elif tag == "si":
            text = unescaped("".join(self.parts))
            if len(text) > LONGEST_CELL:
                raise LongCell
            self.texts.append(text)


class Cells(Part):
    """The cells of a sheet (`sheet`), wherever the file says they stand."""

    def __init__(self, strings: list[str], dates: list[bool], from_1904: bool) -> None:
        super().__init__()
        self.sheet = Sheet()
        self.strings, self.dates, self.from_1904 = strings, dates, from_1904
        self.row = self.column = 0
        self.letters: dict[str, int] = {}
        self.kind = ""
        self.style = 0
        self.parts: list[str] = []
        self.open = self.aside = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin a row, a cell or its value."""
        if tag == "c":
            self._begin_cell(attributes)
        elif tag == "row":
            row = int(attributes.get("r", self.row + 1))
            if not self.row < row <= LAST_ROW:
                raise BadXml
            self.row, self.column = row, 0
        elif self.open:
            if tag == "rPh":
                self.aside = True
            elif tag == "f":
                if self.row not in self.sheet.formulas[-1:]:
                    self.sheet.formulas.append(self.row)
            elif tag in ("v", "t") and not self.aside:
                self.collect()

    def end(self, tag: str) -> None:
        """End a value or a cell."""
        if not self.open:
            return
        if tag in ("v", "t"):
            self.parts.append(self.collected())
        elif tag == "rPh":
            self.aside = False
        elif tag == "c":
            self.open = False
            if self.parts:
                self._keep("".join(self.parts))

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r")
        if reference is None:
            column = self.column + 1
        else:
            found = _REFERENCE.fullmatch(reference)
            if not found or int(found[2]) != self.row:
                raise BadXml
            letters = found[1]
            column = self.letters.get(letters) or self.letters.setdefault(letters, column_number(letters))
        if self.open or not self.row or not self.column < column <= LAST_COLUMN:
            raise BadXml
        self.column = column
        self.kind = attributes.get("t", "n")
        self.style = int(attributes.get("s", 0))
        self.parts, self.open, self.aside = [], True, False

    def _keep(self, raw: str) -> None:
        if self.kind == "s":
            text, date = self.strings[_index(raw)], False
        else:
            dated = self.style < len(self.dates) and self.dates[self.style]
            text, date = cell_text(self.kind, raw, dated, self.from_1904)
        if text:
            column = self.sheet.columns.get(self.column)
            if column is None:
                column = self.sheet.columns[self.column] = Column()
            column.rows.append(self.row)
            column.texts.append(text)
            column.dates |= date


def _index(raw: str) -> int:
    number = int(raw)
    if number < 0:
        raise BadXml
    return number


def column_number(letters: str) -> int:
    """Return the number of a spreadsheet's column, A being 1."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    """Return the letters of a spreadsheet's column, 1 being A."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
