"""A Word document: headings, captions with numbers, cross references, tables and figures."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from docx import Document
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.image.image import Image
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Pt, RGBColor
from docx.text.paragraph import Paragraph

from gravida.archives import MADE, without_times
from gravida.report.manuscript.grid import Grid, table_xml

LANGUAGE = "en-GB"
FONT = "Arial"
INK = RGBColor(0x1D, 0x27, 0x33)
PAPER, MARGIN = (Cm(21.0), Cm(29.7)), Cm(2.0)
# `{table:rates}` in a text is a reference to that table.
REFERENCE = re.compile(r"[{](table|figure|heading):(\w+)[}]")
# A figure is no wider, and leaves so much of a page to what is above and below it.
FIGURE_WIDTH, CAPTION_ROOM = Cm(17), Cm(5.5)
SIZES = {"Normal": 10, "Caption": 9, "Table Note": 8, "Heading 1": 15, "Heading 2": 12, "Heading 3": 10.5}


@dataclass(slots=True)
class Manuscript:
    """A document that is being written from top to bottom."""

    title: str
    document: Document = field(init=False)
    numbers: dict[str, int] = field(default_factory=lambda: {"table": 0, "figure": 0})
    labels: dict[str, str] = field(default_factory=dict)
    waiting: list[tuple[object, str]] = field(default_factory=list)
    is_wide: bool = False

    def __post_init__(self) -> None:
        """Set up styles, language, page and footer."""
        self.document = Document()
        properties = self.document.core_properties
        properties.title, properties.author, properties.language = self.title, "gravida", LANGUAGE
        properties.created = properties.modified = MADE
        properties.comments = ""
        _set_styles(self.document)
        section = self.document.sections[0]
        section.page_width, section.page_height = PAPER
        _set_margins(section)
        _number_pages(section.footer.paragraphs[0])
        self.document.add_paragraph(self.title, style="Title")

    def turn(self, wide: bool) -> None:
        """Go on upright or, for a wide table, across the page."""
        if wide == self.is_wide:
            return
        self.is_wide = wide
        section = self.document.add_section(WD_SECTION.NEW_PAGE)
        section.orientation = WD_ORIENT.LANDSCAPE if wide else WD_ORIENT.PORTRAIT
        section.page_width, section.page_height = reversed(PAPER) if wide else PAPER
        _set_margins(section)

    def heading(self, text: str, level: int, key: str = "") -> None:
        """Add a heading; one with a key can be referred to."""
        paragraph = self.document.add_heading(level=level)
        if key:
            self.labels[f"heading:{key}"] = text
            self._mark(paragraph, f"heading:{key}", text)
        else:
            paragraph.add_run(text)

    def paragraph(self, text: str, style: str = "Normal", stays: bool = False) -> None:
        """Add a paragraph, with ``{table:key}`` and the like as references; it may stay with the next."""
        if text:
            paragraph = self.document.add_paragraph(style=style)
            paragraph.paragraph_format.keep_with_next = True if stays else None
            self._write(paragraph, text)

    def table(self, key: str, caption: str, grid: Grid, notes: Sequence[str] = ()) -> None:
        """Add a table under its caption and over its notes."""
        self._caption("table", key, caption).paragraph_format.keep_with_next = True
        section = self.document.sections[-1]
        width = section.page_width - section.left_margin - section.right_margin
        element = parse_xml(table_xml(grid, round(width / 635), caption))
        self.document.element.body.insert_element_before(element, "w:sectPr")
        for place in element.iter(qn("w:p")):
            said = place.find(f".//{qn('w:t')}")
            if said is not None and REFERENCE.search(said.text or ""):
                self._refer_in_cell(Paragraph(place, self.document), said.text)
        for note in notes or ("",):
            self.document.add_paragraph(note, style="Table Note")

    def figure(self, key: str, caption: str, picture: bytes, description: str) -> None:
        """Add a figure over its caption, with what it shows in words for those who do not see it."""
        section = self.document.sections[-1]
        paragraph = self.document.add_paragraph()
        paragraph.paragraph_format.keep_with_next = True
        shape = paragraph.add_run().add_picture(io.BytesIO(picture))
        room = section.page_width - section.left_margin - section.right_margin
        # The heading above and the caption below need the rest of the page.
        height = section.page_height - section.top_margin - section.bottom_margin - CAPTION_ROOM
        scale = min(room / shape.width, FIGURE_WIDTH / shape.width, height / shape.height)
        shape.width, shape.height = round(shape.width * scale), round(shape.height * scale)
        properties = shape._inline.docPr
        properties.set("descr", description)
        properties.set("title", key)
        properties.set("name", f"Picture {key}")
        self._caption("figure", key, caption)

    def content(self) -> bytes:
        """Return the document, the same bytes for the same content."""
        for run, name in self.waiting:
            run.text = self.labels[name]
        made = io.BytesIO()
        self.document.save(made)
        return without_times(made.getvalue())

    def _caption(self, kind: str, key: str, caption: str) -> Paragraph:
        self.numbers[kind] += 1
        label = f"{kind.capitalize()} {self.numbers[kind]}"
        self.labels[f"{kind}:{key}"] = label
        paragraph = self.document.add_paragraph(style="Caption")
        self._mark(paragraph, f"{kind}:{key}", label, f" SEQ {kind.capitalize()} \\* ARABIC ")
        paragraph.add_run(f". {caption.rstrip('.')}.").bold = False
        return paragraph

    def _mark(self, paragraph: Paragraph, name: str, text: str, sequence: str = "") -> None:
        """Add text that can be referred to by its bookmark; of a caption the number is a field."""
        number = str(list(self.labels).index(name) + 1)
        start = f'<w:bookmarkStart {nsdecls("w")} w:id="{number}" w:name="{_bookmark(name)}"/>'
        paragraph._p.append(parse_xml(start))
        if sequence:
            word, _, counted = text.rpartition(" ")
            paragraph.add_run(f"{word} ")
            _field(paragraph, sequence, counted)
        else:
            paragraph.add_run(text)
        paragraph._p.append(parse_xml(f'<w:bookmarkEnd {nsdecls("w")} w:id="{number}"/>'))

    def _write(self, paragraph: Paragraph, text: str) -> None:
        done = 0
        for match in REFERENCE.finditer(text):
            paragraph.add_run(text[done : match.start()])
            name = f"{match.group(1)}:{match.group(2)}"
            self.waiting.append((_field(paragraph, f" REF {_bookmark(name)} \\h ", ""), name))
            done = match.end()
        paragraph.add_run(text[done:])

    def _refer_in_cell(self, paragraph: Paragraph, text: str) -> None:
        size = paragraph.runs[0].font.size
        for run in paragraph.runs:
            paragraph._p.remove(run._r)
        self._write(paragraph, text)
        for run in paragraph.runs:
            run.font.size = size


def _bookmark(name: str) -> str:
    """Return a bookmark's name: letters, digits and underscores, at most 40 of them."""
    kind, _, key = name.partition(":")
    return f"_{kind[0]}_{key}"[:40]


def _field(paragraph: Paragraph, instruction: str, shown: str) -> object:
    """Add a field and return the run with what it shows until it is updated."""
    for kind in ("begin", "instruction", "separate", "shown", "end"):
        run = paragraph.add_run(shown if kind == "shown" else None)
        if kind == "shown":
            result = run
        elif kind == "instruction":
            text = f'<w:instrText {nsdecls("w")} xml:space="preserve">{escape(instruction)}</w:instrText>'
            run._r.append(parse_xml(text))
        else:
            run._r.append(parse_xml(f"<w:fldChar {nsdecls('w')} w:fldCharType={quoteattr(kind)}/>"))
    return result


def _set_styles(document: Document) -> None:
    styles = document.styles
    styles.add_style("Table Note", 1).base_style = styles["Normal"]
    for name, size in {**SIZES, "Title": 18}.items():
        style = styles[name]
        style.font.name, style.font.size, style.font.color.rgb = FONT, Pt(size), INK
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for attribute in list(fonts.attrib):
            if "heme" in attribute:
                del fonts.attrib[attribute]
        for attribute in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
            fonts.set(qn(attribute), FONT)
    styles["Normal"].paragraph_format.space_after = Pt(6)
    styles["Table Note"].paragraph_format.space_after = Pt(2)
    styles["Caption"].paragraph_format.space_before = Pt(10)
    for language in styles.element.iter(qn("w:lang")):
        language.set(qn("w:val"), LANGUAGE)


def _set_margins(section: object) -> None:
    for side in ("left", "right", "top", "bottom"):
        setattr(section, f"{side}_margin", MARGIN)


def _number_pages(paragraph: Paragraph) -> None:
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _field(paragraph, " PAGE ", "1")


def is_high(picture: bytes) -> bool:
    """Say whether a picture is higher than wide."""
    image = Image.from_blob(picture)
    return image.px_height > image.px_width


def cited_text(text: str, cited: Sequence[str], pattern: re.Pattern[str]) -> str:
    """Return text with each citation as the number of its reference in brackets."""
    return pattern.sub(lambda match: f"[{list(cited).index(match.group(1)) + 1}]", text)


def references_in(texts: Sequence[str], pattern: re.Pattern[str]) -> Iterator[str]:
    """Yield the keys of the works that texts cite, each once, in the order of their first citation."""
    yield from dict.fromkeys(pattern.findall(" ".join(texts)))
