"""Whether a Word document is sound, and what it prints."""

import io
import itertools
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from docx import Document
from docx.oxml.ns import qn
from lxml import etree

# The order of children that ECMA-376 asks for (part 1, 17.3 to 17.7): out of it, Word offers a repair.
ORDER = {
    "pPr": (
        "pStyle keepNext keepLines pageBreakBefore framePr widowControl numPr suppressLineNumbers "
        "pBdr shd tabs suppressAutoHyphens kinsoku wordWrap overflowPunct topLinePunct autoSpaceDE "
        "autoSpaceDN bidi adjustRightInd snapToGrid spacing ind contextualSpacing mirrorIndents "
        "suppressOverlap jc textDirection textAlignment textboxTightWrap outlineLvl divId cnfStyle "
        "rPr sectPr pPrChange"
    ),
    "rPr": (
        "rStyle rFonts b bCs i iCs caps smallCaps strike dstrike outline shadow emboss imprint "
        "noProof snapToGrid vanish webHidden color spacing w kern position sz szCs highlight u "
        "effect bdr shd fitText vertAlign rtl cs em lang eastAsianLayout specVanish oMath"
    ),
    "tbl": "tblPr tblGrid tr",
    "tblPr": (
        "tblStyle tblpPr tblOverlap bidiVisual tblStyleRowBandSize tblStyleColBandSize tblW jc "
        "tblCellSpacing tblInd tblBorders shd tblLayout tblCellMar tblLook tblCaption "
        "tblDescription"
    ),
    "tblBorders": "top left start bottom right end insideH insideV",
    "tblCellMar": "top left start bottom right end",
    "tr": "tblPrEx trPr tc",
    "tc": "tcPr p",
    "tcPr": (
        "cnfStyle tcW gridSpan hMerge vMerge tcBorders shd noWrap tcMar textDirection tcFitText "
        "vAlign hideMark"
    ),
    "tcBorders": "top left start bottom right end insideH insideV tl2br tr2bl",
    "sectPr": (
        "headerReference footerReference footnotePr endnotePr type pgSz pgMar paperSrc pgBorders "
        "lnNumType pgNumType cols formProt vAlign noEndnote titlePg textDirection bidi rtlGutter "
        "docGrid"
    ),
    "style": (
        "name aliases basedOn next link autoRedefine hidden uiPriority semiHidden unhideWhenUsed "
        "qFormat locked personal personalCompose personalReply rsid pPr rPr tblPr trPr tcPr "
        "tblStylePr"
    ),
}


def check_order(root: etree._Element) -> None:
    """Check the order of children, and that the properties of a paragraph and of a run come first."""
    for node in root.iter(*(qn(f"w:{name}") for name in ORDER)):
        order = ORDER[etree.QName(node).localname].split()
        # An element that is not in the list is a fault, too.
        places = [order.index(etree.QName(child).localname) for child in node]
        assert places == sorted(places), etree.tostring(node)[:300]
    for parent, first in (("p", "pPr"), ("r", "rPr")):
        for node in root.iter(qn(f"w:{parent}")):
            assert not any(child.tag == qn(f"w:{first}") for child in list(node)[1:])


def check_document(content: bytes) -> None:
    """Check what Word would repair or a reader would miss: ids, references, headers, language, order."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            if name.endswith((".xml", ".rels")):
                check_order(etree.fromstring(archive.read(name)))
    document = Document(io.BytesIO(content))
    body = document.element.body
    properties = document.core_properties
    assert properties.title.startswith("Relapses of multiple sclerosis") and properties.language == "en-GB"
    assert {node.get(qn("w:val")) for node in document.styles.element.iter(qn("w:lang"))} == {"en-GB"}
    _check_tables(document)
    _check_references(body)
    _check_captions(document)
    pictures = list(body.iter(qn("wp:docPr")))
    assert all(len(picture.get("descr")) > 20 for picture in pictures)
    assert len({picture.get("id") for picture in pictures}) == len(pictures) == 8
    levels = [int(p.style.name[-1]) for p in document.paragraphs if p.style.name.startswith("Heading ")]
    assert levels[0] == 1 and all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    assert " PAGE " in "".join(
        node.text for node in document.sections[0].footer._element.iter(qn("w:instrText"))
    )
    wide = [section.page_width > section.page_height for section in document.sections]
    assert any(wide) and not all(wide)


def _check_tables(document: Document) -> None:
    for table in document.tables:
        rows = table._tbl.tr_lst
        assert rows[0].trPr.find(qn("w:tblHeader")) is not None
        columns = len(table._tbl.tblGrid.findall(qn("w:gridCol")))
        for row in rows:
            spans = [cell.tcPr.find(qn("w:gridSpan")) for cell in row.tc_lst]
            assert sum(1 if span is None else int(span.get(qn("w:val"))) for span in spans) == columns
            # A cell without a paragraph is what Word calls damage.
            assert all(cell.findall(qn("w:p")) for cell in row.tc_lst)


def _check_references(body: etree._Element) -> None:
    starts, ends = (list(body.iter(qn(f"w:bookmark{end}"))) for end in ("Start", "End"))
    ids = [node.get(qn("w:id")) for node in starts]
    names = [node.get(qn("w:name")) for node in starts]
    assert len(set(ids)) == len(ids) and sorted(ids) == sorted(node.get(qn("w:id")) for node in ends)
    assert len(set(names)) == len(names) and all(re.fullmatch(r"_\w{1,39}", name) for name in names)
    asked = [
        node.text.split()[1] for node in body.iter(qn("w:instrText")) if node.text.strip().startswith("REF ")
    ]
    assert len(asked) > 50 and set(asked) <= set(names)
    kinds = [node.get(qn("w:fldCharType")) for node in body.iter(qn("w:fldChar"))]
    assert kinds == ["begin", "separate", "end"] * (len(kinds) // 3)


def _check_captions(document: Document) -> None:
    captions = [p.text for p in document.paragraphs if p.style.name == "Caption"]
    for kind, number in (("Table", len(document.tables)), ("Figure", len(document.inline_shapes))):
        told = [
            re.match(rf"{kind} (S?)(\d+)[.] ", text).groups() for text in captions if text.startswith(kind)
        ]
        text, supplement = (
            [int(place) for series, place in told if series == wanted] for wanted in ("", "S")
        )
        assert text == list(range(1, len(text) + 1)) and supplement == list(range(1, len(supplement) + 1))
        assert len(text) + len(supplement) == number and len(text) >= 5


def print_document(path: Path, folder: Path) -> str:
    """Return the text of the pages that LibreOffice makes of a document.

    Without it a test is skipped on a machine of one's own, and fails where OFFICE=required says so.
    """
    missing = [name for name in ("soffice", "pdftotext") if shutil.which(name) is None]
    if missing:
        told = f"{' and '.join(missing)} not installed: Debian's libreoffice-writer-nogui, poppler-utils"
        (pytest.fail if os.environ.get("OFFICE") == "required" else pytest.skip)(told)
    command = ["soffice", f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless"]
    command += ["--convert-to", "pdf", "--outdir", str(folder), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    pages = folder / f"{path.stem}.pdf"
    assert done.returncode == 0 and pages.exists(), done.stderr
    command = ["pdftotext", "-layout", str(pages), "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
