"""What a page or document shows of released tables, number by number."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pandas as pd
from docx import Document
from docx.oxml.ns import qn
from docx.table import Table
from docx.text.paragraph import Paragraph
from gravida.report.manuscript.main_text import MAIN_TEXT
from gravida.report.sections import SECTIONS

TOKEN = re.compile(r"(<\s?)?(?<![\w.,])(-?\d[\d,]*(?:\.\d+)?)(?![\d.]*\w)")
DIGITS = re.compile(r"\d[\d,]*(?:\.\d+)?")
# An estimate with its limits, such as `0.27 in treated (19 relapses; 95% CI 0.16 to 0.42)`.
LIMITS = re.compile(r"(?<![\d.,-])(-?\d+[.]\d+)(?: in \w+)? [(](?:[^()]*? )?(-?\d+[.]\d+) to (-?\d+[.]\d+)")
# Tables whose shares are printed in percent.
PERCENT = {"relapse_free", "risk_difference", "precision"}
# Tables of which no sentence tells a number.
UNTOLD = {
    "balance",
    "cost",
    "data_quality",
    "dispersion",
    "doses",
    "estimability",
    "safety",
    "evidence_studies",
}
# Parts of the text whose numbers are results; of methods, protocol, checklists and references they are not.
RESULTS = ("Abstract", "Results", "Supplementary results", "Supplementary results: wide tables")
# Numbers in sentences that are no results: coverage, power, the level of a test, the chance concordance.
NO_RESULTS = {"95", "80", "0.05", "0.5"}
# Numbers in the names of columns, rows, periods and tests, and units that a table's own words hold.
LABELS = re.compile(
    r"day \d+|days? (?:\d+|to)|(?:first|next) \d+ months|quarter \d|trimester \d", re.IGNORECASE
)


@dataclass
class Shown:
    """Cells of each released table that is shown, and the sentences of the results."""

    cells: dict[str, list[str]] = field(default_factory=dict)
    short: dict[str, list[str]] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)


def of_manuscript(content: bytes) -> Shown:
    """Return what the Word document shows."""
    document, shown, part, caption = Document(io.BytesIO(content)), Shown(), "", ""
    tables = {section.caption.rstrip("."): section.table for section in SECTIONS}
    short = {table.caption: name for name, table in MAIN_TEXT.items() if table}
    for block in document.element.body:
        if block.tag == qn("w:p"):
            paragraph = Paragraph(block, document)
            if paragraph.style.name == "Heading 1":
                part = paragraph.text
            elif paragraph.style.name == "Caption":
                caption = paragraph.text.partition(". ")[2].rstrip(".")
            elif part in RESULTS and paragraph.style.name == "Normal":
                shown.sentences.append(re.sub(r"(Table|Figure) \d+", "", paragraph.text))
            for drawn in block.iter(qn("wp:docPr")):
                shown.pictures[drawn.get("title")] = drawn.get("descr")
        elif block.tag == qn("w:tbl") and caption in tables:
            rows = Table(block, document).rows[1:]
            # A cell over a whole group is one cell.
            cells = [text_of(cell) for row in rows for cell in row._tr.tc_lst]
            shown.cells[tables[caption]] = cells
        elif block.tag == qn("w:tbl") and caption in short:
            shown.short[short[caption]] = [text_of(cell) for cell in list(block.iter(qn("w:tc")))]
    return shown


def text_of(cell: object) -> str:
    """Return the text of a cell, of a cross reference what it shows."""
    return "".join(piece.text or "" for piece in cell.iter(qn("w:t")))


class Page(HTMLParser):
    """The report, as `of_report` reads it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.shown, self.table, self.open, self.part, self.footed = Shown(), "", "", "", False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        given = dict(attrs)
        if tag == "div":
            self.table = given.get("id", "").removeprefix("table-")
        self.part = given.get("aria-labelledby", "") if tag == "section" else self.part
        self.footed = tag == "tfoot" or (self.footed and tag != "table")
        if tag == "img":
            self.shown.pictures[self.part] = given["alt"]
        is_cell = tag == "td" or (tag == "th" and given.get("scope") in ("row", "colgroup"))
        if is_cell and self.table and not self.footed:
            self.open = "cell"
            self.shown.cells.setdefault(self.table, []).append("")
        elif tag == "p" and self.part in ("verdict", "abstract"):
            self.open = "sentence"
            self.shown.sentences.append("")

    def handle_endtag(self, tag: str) -> None:
        self.open = "" if tag in ("td", "th", "p") else self.open
        self.table = "" if tag == "table" else self.table

    def handle_data(self, data: str) -> None:
        if self.open == "cell":
            self.shown.cells[self.table][-1] += data
        elif self.open == "sentence":
            self.shown.sentences[-1] += data


def of_report(text: str) -> Shown:
    """Return what the report shows."""
    return Page(text).shown


def strange_numbers(shown: Shown, tables: dict[str, pd.DataFrame]) -> list[str]:
    """Return every number that is shown and that no released table holds, with where it stands."""
    strange = []
    for name, cells in (*shown.cells.items(), *shown.short.items()):
        # Of the checks it is printed how many came out in which way.
        known = Known({name: tables[name]}, counted=name == "data_quality")
        strange += [f"{name}: {said}" for cell in cells for said in known.missing(cell)]
    drawn = {section.picture.name: section.table for section in SECTIONS if section.picture}
    for key, text in shown.pictures.items():
        name = drawn.get(key, key)
        known = Known({name: tables[name]}, counted=True)
        strange += [f"picture of {name}: {said}" for said in known.missing(text)]
    told = {name: frame for name, frame in tables.items() if name not in UNTOLD}
    known = Known(told, counted=True, derived=primary_of(tables))
    return strange + [f"sentence: {said}" for text in shown.sentences for said in known.missing(text)]


def primary_of(tables: dict[str, pd.DataFrame]) -> list[float]:
    """Return the primary ratio and its limits as sentences print them: from either side, and in percent."""
    row = tables["rate_ratios"][tables["rate_ratios"]["is_primary"]].iloc[0]
    ratios = [float(row[name]) for name in ("rate_ratio", "lower", "upper")]
    return [100 * abs(1 - side) for ratio in ratios for side in (ratio, 1 / ratio)]


class Known:
    """The numbers that may be printed of some tables."""

    def __init__(
        self, tables: dict[str, pd.DataFrame], counted: bool = False, derived: list[float] | None = None
    ) -> None:
        frames = tables.values()
        cells = [value for frame in frames for column in frame for value in frame[column].dropna()]
        numbers = [float(value) for value in cells if not isinstance(value, (str, bool))]
        # A number may stand in a text: the level of a variable, the part that a reason tells.
        words = {said for value in cells if isinstance(value, str) for said in DIGITS.findall(value)}
        self.values = pd.Series([*numbers, *map(number_of, words), *(derived or [])]).abs()
        self.values = pd.concat([self.values, *self._shares(tables)], ignore_index=True)
        self.rows = [row for name, frame in tables.items() for row in rows_of(name, frame)]
        if counted:
            self.values = pd.concat([self.values, pd.Series(list(counts_of(tables)))], ignore_index=True)

    def _shares(self, tables: dict[str, pd.DataFrame]) -> list[pd.Series]:
        """Return the shares that are printed in percent."""
        frames = [frame.select_dtypes("number") for name, frame in tables.items() if name in PERCENT]
        return [pd.Series(frame.to_numpy().ravel()).dropna().abs() * 100 for frame in frames]

    def missing(self, text: str) -> Iterator[str]:
        """Yield each number of a text that is not known at its precision."""
        for below, printed in TOKEN.findall(LABELS.sub("", text)):
            if printed in NO_RESULTS:
                continue
            number = abs(number_of(printed))
            near = self.values.lt(number) if below else (self.values - number).abs().le(half_of(printed))
            if not near.any():
                yield f"{printed} in {text[:160]!r}"
        for triple in LIMITS.findall(text):
            wanted = [(abs(number_of(printed)), half_of(printed)) for printed in triple]
            if not any(
                all((row - number).abs().le(half).any() for number, half in wanted) for row in self.rows
            ):
                yield f"{triple} of one row in {text[:160]!r}"


def rows_of(name: str, frame: pd.DataFrame) -> Iterator[pd.Series]:
    """Yield the numbers of each row as they are printed."""
    numbers = frame.select_dtypes("number").abs()
    for place, texts in enumerate(frame.select_dtypes("object").astype(str).to_numpy()):
        own = numbers.iloc[place].dropna().tolist()
        own += [100 * number for number in own] if name in PERCENT else []
        yield pd.Series([*own, *(number_of(said) for text in texts for said in DIGITS.findall(text))])


def half_of(printed: str) -> float:
    """Return half a unit of the last digit that is printed."""
    return 0.5 * 10 ** -len(printed.partition(".")[2]) * (1 + 1e-9)


def number_of(printed: str) -> float:
    """Return a printed number, with or without commas between thousands."""
    return float(printed.replace(",", ""))


def counts_of(tables: dict[str, pd.DataFrame]) -> Iterator[float]:
    """Yield how many rows of a table have an answer: a sentence may count them."""
    for frame in tables.values():
        yield float(len(frame))
        for column in ("rate_ratio", "policy", "predictor"):
            if column in frame:
                yield float(frame[column].notna().sum())
                yield from map(float, frame[column].value_counts())
                yield float(frame[column].nunique())
        if "status" in frame and "site" in frame:
            yield from map(float, frame["site"].value_counts())
            yield from map(float, frame[["site", "status"]].value_counts())
