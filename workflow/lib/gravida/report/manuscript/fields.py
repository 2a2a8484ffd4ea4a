"""Bookmarks, fields and links of a Word document: what python-docx has no words for."""

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.text.paragraph import Paragraph
from docx.text.run import Run

# Headings of two levels, as links, without the pages that only Word knows.
CONTENTS = r' TOC \o "1-2" \n \h \z '


def bookmark(name: str) -> str:
    """Return a bookmark's name: letters, digits and underscores, at most 40 of them."""
    kind, _, key = name.partition(":")
    return f"_{kind[0]}_{key}"[:40]


def add_bookmark(paragraph: Paragraph, name: str, number: int, text: str, sequence: str = "") -> None:
    """Add text that can be referred to by its name; the digits at its end may be a field that counts."""
    start = f'<w:bookmarkStart {nsdecls("w")} w:id="{number}" w:name="{bookmark(name)}"/>'
    paragraph._p.append(parse_xml(start))
    if sequence:
        before = text.rstrip("0123456789")
        paragraph.add_run(before)
        add_field(paragraph, sequence, text.removeprefix(before))
    else:
        paragraph.add_run(text)
    paragraph._p.append(parse_xml(f'<w:bookmarkEnd {nsdecls("w")} w:id="{number}"/>'))


def add_field(paragraph: Paragraph, instruction: str, shown: str) -> Run:
    """Add a field and return the run with what it shows until it is updated."""
    _begin(paragraph, instruction)
    result = paragraph.add_run(shown)
    _mark(paragraph, "end")
    return result


def add_contents(paragraphs: Sequence[Paragraph], entries: Sequence[tuple[str, str]]) -> None:
    """Fill paragraphs with a table of contents that needs no update: one field over all, a link in each.

    Parameters
    ----------
    paragraphs : sequence of Paragraph
        Empty, as many as there are entries.
    entries : sequence of (str, str)
        The name of the bookmark and the text of each heading.
    """
    _begin(paragraphs[0], CONTENTS)
    for paragraph, (name, text) in zip(paragraphs, entries, strict=True):
        link = f'<w:hyperlink {nsdecls("w")} w:anchor={quoteattr(bookmark(name))} w:history="1"/>'
        holder = parse_xml(link)
        holder.append(paragraph.add_run(text)._r)
        paragraph._p.append(holder)
    _mark(paragraphs[-1], "end")


def _begin(paragraph: Paragraph, instruction: str) -> None:
    _mark(paragraph, "begin")
    text = f'<w:instrText {nsdecls("w")} xml:space="preserve">{escape(instruction)}</w:instrText>'
    paragraph.add_run()._r.append(parse_xml(text))
    _mark(paragraph, "separate")


def _mark(paragraph: Paragraph, kind: str) -> None:
    paragraph.add_run()._r.append(parse_xml(f"<w:fldChar {nsdecls('w')} w:fldCharType={quoteattr(kind)}/>"))
