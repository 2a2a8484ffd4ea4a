"""A Word document: headings, captions with numbers, cross references, tables and figures."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from docx import Document
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.image.image import Image
from docx.oxml import parse_xml
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from gravida.archives import MADE, without_times
from gravida.report.manuscript.fields import add_bookmark, add_contents, add_field, bookmark
from gravida.report.manuscript.grid import MAIN, POINTS, SMALL, Grid, table_xml

LANGUAGE = "en-GB"
FONT = "Arial"
INK = RGBColor(0x1D, 0x27, 0x33)
PAPER, MARGIN = (Cm(21.0), Cm(29.7)), Cm(2.0)
# `{table:rates}` in a text is a reference to that table.
REFERENCE = re.compile(r"[{](table|figure|heading):(\w+)[}]")
# A figure is no wider, and leaves so much of a page to what is above and below it.
FIGURE_WIDTH, CAPTION_ROOM = Cm(17), Cm(5.5)
# Of each style the size of its letters, and the space before and after it, in points.
STYLES = {
    "Normal": (10, 0, 6),
    "Title": (18, 0, 12),
    "Heading 1": (15, 16, 4),
    "Heading 2": (12, 10, 3),
    "Heading 3": (10, 6, 1),
    "Caption": (9, 8, 3),
    "Table Note": (8, 2, 0),
    MAIN: (POINTS[MAIN], 1, 1),
    SMALL: (POINTS[SMALL], 0.5, 0.5),
    "Reference": (9, 0, 2),
    "TOC Heading": (12, 6, 3),
    "toc 1": (9, 3, 0),
    "toc 2": (9, 0, 0),
}
BODY_LINES = 1.08
# Those that the template lacks; Word knows the last two by their names.
NEW_STYLES = ("Table Note", MAIN, SMALL, "Reference", "toc 1", "toc 2")


@dataclass(slots=True)
class Manuscript:
    """A document that is being written from top to bottom."""

    title: str
    document: Document = field(init=False)
    # Before which the contents are filled in.
    place: Paragraph | None = None
    numbers: dict[str, int] = field(default_factory=lambda: {"table": 0, "figure": 0})
    labels: dict[str, str] = field(default_factory=dict)
    waiting: list[tuple[Run, str]] = field(default_factory=list)
    headings: list[tuple[str, str, int]] = field(default_factory=list)
    is_wide: bool = False
    # Tables and figures of a supplement are counted for themselves, as S1, S2.
    series: str = ""

    def __post_init__(self) -> None:
        """Set up styles, language, page and footer."""
        self.document = Document()
        properties = self.document.core_properties
        properties.title, properties.author, properties.language = self.title, "gravida", LANGUAGE
        properties.created = properties.modified = MADE
        properties.comments = ""
        _set_styles(self.document)
        _drop_old_styles(self.document)
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

    def contents(self) -> None:
        """Leave room for a table of contents here."""
        self.document.add_paragraph("Contents", style="TOC Heading")
        self.place = self.document.add_paragraph()

    def begin_supplement(self) -> None:
        """Count tables and figures anew."""
        self.series = "S"
        self.numbers = dict.fromkeys(self.numbers, 0)

    def heading(self, text: str, level: int, key: str, on_new_page: bool = False) -> None:
        """Add a heading that can be referred to by its key."""
        name = f"heading:{key}"
        self.labels[name] = text
        self.headings.append((name, text, level))
        paragraph = self.document.add_heading(level=level)
        paragraph.paragraph_format.page_break_before = True if on_new_page else None
        self._mark(paragraph, name, text)

    def paragraph(self, text: str, style: str = "Normal", stays: bool = False, lead: str = "") -> None:
        """Add a paragraph, with ``{table:key}`` and the like as references, and its first words in bold.

        It may stay with the next.
        """
        if text:
            paragraph = self.document.add_paragraph(style=style)
            if lead:
                paragraph.add_run(f"{lead}. ").bold = True
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
        for place, note in enumerate(notes, start=1):
            self.paragraph(note, "Table Note", stays=place < len(notes))
        self.document.paragraphs[-1].paragraph_format.space_after = Pt(8)

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
        if self.place is not None:
            self._fill_contents(self.place)
        made = io.BytesIO()
        self.document.save(made)
        return without_times(made.getvalue())

    def _caption(self, kind: str, key: str, caption: str) -> Paragraph:
        self.numbers[kind] += 1
        label = f"{kind.capitalize()} {self.series}{self.numbers[kind]}"
        self.labels[f"{kind}:{key}"] = label
        paragraph = self.document.add_paragraph(style="Caption")
        self._mark(paragraph, f"{kind}:{key}", label, f" SEQ {kind.capitalize()}{self.series} \\* ARABIC ")
        paragraph.add_run(f". {caption.rstrip('.')}.").bold = False
        return paragraph

    def _mark(self, paragraph: Paragraph, name: str, text: str, sequence: str = "") -> None:
        add_bookmark(paragraph, name, len(self.labels), text, sequence)

    def _fill_contents(self, place: Paragraph) -> None:
        """Put the headings of two levels where the contents are."""
        listed = [(name, text, level) for name, text, level in self.headings if level <= 2]
        places = [place.insert_paragraph_before(style=f"toc {level}") for *_, level in listed]
        add_contents(places, [(name, text) for name, text, _ in listed])
        place._p.getparent().remove(place._p)

    def _write(self, paragraph: Paragraph, text: str) -> None:
        done = 0
        for match in REFERENCE.finditer(text):
            paragraph.add_run(text[done : match.start()])
            name = f"{match.group(1)}:{match.group(2)}"
            self.waiting.append((add_field(paragraph, f" REF {bookmark(name)} \\h ", ""), name))
            done = match.end()
        paragraph.add_run(text[done:])

    def _refer_in_cell(self, paragraph: Paragraph, text: str) -> None:
        for run in paragraph.runs:
            paragraph._p.remove(run._r)
        self._write(paragraph, text)


def _set_styles(document: Document) -> None:
    styles = document.styles
    for name in NEW_STYLES:
        style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH, builtin=name.startswith("toc"))
        style.base_style = styles["Normal"]
    for name, (size, before, after) in STYLES.items():
        style = styles[name]
        style.font.name, style.font.size, style.font.color.rgb = FONT, Pt(size), INK
        style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(before), Pt(after)
        style.paragraph_format.line_spacing = BODY_LINES if name == "Normal" else 1.0
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for attribute in list(fonts.attrib):
            if "heme" in attribute:
                del fonts.attrib[attribute]
        for attribute in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
            fonts.set(qn(attribute), FONT)
    styles["toc 2"].paragraph_format.left_indent = Cm(0.6)
    styles["Reference"].paragraph_format.left_indent = Cm(0.8)
    styles["Reference"].paragraph_format.first_line_indent = Cm(-0.8)
    styles["Caption"].paragraph_format.keep_together = True
    for language in styles.element.iter(qn("w:lang")):
        language.set(qn("w:val"), LANGUAGE)


def _drop_old_styles(document: Document) -> None:
    """Drop the template's second copy of the styles, for an older Word: it would differ from the first."""
    part = document.part
    for key, relation in list(part.rels.items()):
        if relation.reltype.endswith("/stylesWithEffects"):
            part.drop_rel(key)


def _set_margins(section: object) -> None:
    for side in ("left", "right", "top", "bottom"):
        setattr(section, f"{side}_margin", MARGIN)


def _number_pages(paragraph: Paragraph) -> None:
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    add_field(paragraph, " PAGE ", "1")


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
