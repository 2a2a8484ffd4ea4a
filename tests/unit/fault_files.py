"""Files with a single fault: of text, workbooks and Parquet, made of the files of `fault_registry`."""

import io
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
from fault_registry import MARKER
from test_intake_files import noise
from test_intake_formats import MOST_COLUMNS, NOISE, packed

LONG = 10_000_000
# Of these faults the memory is measured.
HOSTILE = frozenset(
    (
        "ten thousand columns",
        "a cell of ten million letters",
        "a bomb",
        "a thousand parts",
        "too many columns",
        "a text that unfolds",
    )
)
# Of each format the file with the pregnancies and, of those of text, how it is written.
MAIN = {
    "commas": "pregnancies.csv",
    "semicolons": "pregnancies.csv",
    "tabs": "pregnancies.csv",
    "book": "submission.xlsx",
    "parquet": "pregnancies.parquet",
    "centre book": "izpis.xlsx",
    "centre text": "nosečnosti.csv",
    "redcap": "export.csv",
}
ENCODINGS = {
    "commas": "utf-8",
    "semicolons": "cp1250",
    "tabs": "utf-16",
    "centre text": "cp1250",
    "redcap": "utf-8",
}
SEPARATORS = {"commas": ",", "semicolons": ";", "tabs": "\t", "centre text": ";", "redcap": ","}


def _more(text: str, name: str, cell: str, times: int = 1) -> str:
    """Add cells to every line below the title."""
    added = SEPARATORS[name] + cell
    lines = text.splitlines()
    first = int(name == "semicolons")
    return "\n".join([*lines[:first], *(line + added * times for line in lines[first:])]) + "\n"


# Every change of a text, and the check that it fails. P05 is in one line, W03 in one cell of it.
TEXT_FAULTS = {
    "a NUL": (lambda text, name: text.replace("W03", f"{MARKER}\0"), "csv_structure"),
    "a quote that is never closed": (lambda text, name: text.replace("W03", f'"{MARKER}'), "csv_structure"),
    "a cell too many": (
        lambda text, name: text.replace("P05", f"{MARKER}{SEPARATORS[name]}P05", 1),
        "csv_structure",
    ),
    "a line cut short": (
        lambda text, name: text.replace("P12" + SEPARATORS[name], f"{MARKER}\nP12", 1),
        "csv_structure",
    ),
    "ten thousand columns": (lambda text, name: _more(text, name, MARKER, 10_000), "too_many_columns"),
    "a cell of ten million letters": (
        lambda text, name: text.replace("W03", MARKER * (LONG // 9 + 1)),
        "cell_too_long",
    ),
}
# Every change of bytes, and the check that it fails; by format where that says more.
BYTE_FAULTS = {
    "noise": (lambda content: noise(5000), {"centre text": "encoding", "": "csv_structure"}),
    "nothing": (lambda content: b"", "empty_file"),
    "a mark and blanks": (lambda content: b"\xef\xbb\xbf \r\n", "empty_file"),
    "half of it": (
        lambda content: content[: len(content) // 2],
        {"": "csv_structure"},
    ),
    "a byte of no letter": (lambda content: content.replace(b"W03", b"W\x81") + b"\x81", "encoding"),
    "UTF-32": (
        lambda content: "pregnancy_id,b\nP05,1\n".encode("utf-32"),
        {"centre text": "csv_structure", "": "encoding"},
    ),
}


def members(content: bytes) -> dict[str, bytes]:
    """Unpack a workbook."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def with_members(content: bytes, changed: dict[str, bytes]) -> bytes:
    """Return a workbook with some parts added or replaced."""
    return packed(members(content) | changed)


def _cell(content: bytes, old: bytes, new: bytes) -> bytes:
    """Replace the text of a cell, wherever the workbook keeps it."""
    parts = {name: part.replace(old, new) for name, part in members(content).items()}
    assert parts != members(content)
    return packed(parts)


_FIRST = "xl/worksheets/sheet1.xml"
_LOCKED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + NOISE
# Every change of a workbook, and the check that it fails; the last one is of the sheet of the pregnancies.
BOOK_FAULTS = {
    "noise": (lambda content: noise(5000), "not_workbook"),
    "half of it": (lambda content: content[: len(content) // 2], "not_workbook"),
    "text": (lambda content: f"pregnancy_id,b\n{MARKER},1\n".encode(), "not_workbook"),
    "a password": (lambda content: _LOCKED, "not_workbook"),
    "another archive": (lambda content: packed({f"{MARKER}.txt": b"a"}), "not_workbook"),
    "no end of the list of sheets": (
        lambda content: with_members(content, {"xl/workbook.xml": b"<workbook><sheets>"}),
        "not_workbook",
    ),
    "a bomb": (lambda content: with_members(content, {_FIRST: bytes(50_000_000)}), "workbook_too_large"),
    "a thousand parts": (
        lambda content: with_members(content, {f"a{number}": b"" for number in range(1000)}),
        "workbook_too_large",
    ),
    "macros": (
        lambda content: with_members(content, {"xl/vbaProject.bin": MARKER.encode()}),
        "workbook_macros",
    ),
    "a link to another file": (
        lambda content: with_members(content, {"xl/externalLinks/externalLink1.xml": b"<a/>"}),
        "workbook_macros",
    ),
    "an embedded file": (
        lambda content: with_members(content, {"xl/embeddings/oleObject1.bin": MARKER.encode()}),
        "workbook_macros",
    ),
    "a cell of ten million letters": (
        lambda content: _cell(content, b"W03", MARKER.encode() + NOISE.hex().encode() * 25),
        "cell_too_long",
    ),
}


def _parquet(**columns) -> bytes:
    written = io.BytesIO()
    pq.write_table(pa.table(columns), written)
    return written.getvalue()


def _unfolding() -> bytes:
    long = pa.array(["x" * 90_000])
    return _parquet(pregnancy_id=pa.DictionaryArray.from_arrays(pa.array([0] * 200_000, pa.int32()), long))


PARQUET_FAULTS = {
    "noise": (lambda content: noise(5000), "not_parquet"),
    "nothing": (lambda content: b"", "empty_file"),
    "half of it": (lambda content: content[: len(content) // 2], "not_parquet"),
    "its end alone": (lambda content: content[len(content) // 2 :], "not_parquet"),
    "marks around noise": (lambda content: b"PAR1" + noise(100) + b"PAR1", "not_parquet"),
    "text": (lambda content: f"pregnancy_id,b\n{MARKER},1\n".encode(), "not_parquet"),
    "bytes for text": (
        lambda content: _parquet(pregnancy_id=pa.array([b"\xff\xfe"], pa.binary()).view(pa.string())),
        "encoding",
    ),
    "too many columns": (
        lambda content: _parquet(pregnancy_id=["P"], **{f"c{n}": [1] for n in range(MOST_COLUMNS)}),
        "too_many_columns",
    ),
    "a cell of ten million letters": (
        lambda content: _parquet(pregnancy_id=["P"], woman_id=[MARKER * (LONG // 9 + 1)]),
        "cell_too_long",
    ),
    "a text that unfolds": (lambda content: _unfolding(), "too_many_cells"),
    "no pregnancy_id": (lambda content: _parquet(a=[MARKER]), "header"),
}
