"""A study with marked values in every column and every kind of fault, and the search for these values.

test_provenance runs the study and searches what the runs leave.
"""

import base64
import binascii
import gzip
import html
import io
import json
import re
import shutil
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from schemas.submission import TABLES
from tests.workflow.conftest import ROOT, write_study
from tests.workflow.test_reruns import FILES, FOLDERS

# Of the columns of text; the second holds letters that every encoding writes in a way of its own.
TEXT, LETTERS = "Qz7Vrednost", "Žq7Vrednöst"
# Of the columns of numbers: digits that no digest and no date holds by chance.
WHOLE, BROKEN = "7731773177", "7717.3177"
# Of the ages and doses that are accepted: the decimals of each.
ACCEPTED = "7317173"
MARKERS = (TEXT, LETTERS, WHOLE, BROKEN, ACCEPTED)
# A quantile of an aggregate may be the value of one woman: what of it may leave is the gate's concern.
QUANTILES = re.compile(
    r"(internal|release)/tables/(baseline|doses|cost)\.csv|release/report\.html"
    # The workbook repeats the released tables, cell by cell.
    r"|release/tables\.xlsx"
    # What left is in the record of the release, for later ones to be compared with.
    r"|internal/release/counts\.json|internal/releases/[\w-]+\.json"
)
WOMEN = 24
HEADER = [
    "pregnancy_id",
    "woman_id",
    "delivery_year",
    "age_at_delivery",
    "dmt_before",
    "relapses_post_year",
    "ivig",
]

MAPPING = """
version: 1
missing: {"-99": unknown}
tables:
  pregnancies:
    file: izvoz.csv
    delivery_date: Porod
    columns:
      pregnancy_id: {from: ID}
      woman_id: {from: ID}
      delivery_year: {from: Porod, as: year}
      age_at_delivery: {from: Rojstvo, as: age}
      dmt_before: {from: Zdravilo, codes: {brez: none}}
      relapses_post_year: {from: Zagoni}
      ivig: {from: IVIG}
"""
PERSON = "Ana Novak 1987.csv"
RENAMING = f"version: 1\ntables:\n  pregnancies:\n    file: {PERSON}\n    columns:\n" + "".join(
    f"      {column}: {{from: {column.replace('pregnancy_id', 'code')}}}\n" for column in HEADER
)
# A step that says in every way it knows what is in the rows, and one that also ends with it.
TALKS = """


def _talks(function, ends):
    import logging, os, sys, threading, warnings

    class Unraisable:
        def __init__(self, text):
            self.text = text

        def __del__(self):
            raise ValueError(self.text)

    def fail(text):
        raise KeyError(text)

    def talking(rows, *others):
        rows = rows if hasattr(rows, "to_csv") else list(rows)
        text = str([each.pregnancies.to_csv() for each in rows] if isinstance(rows, list) else rows.to_csv())
        print(text)
        print(text, file=sys.stderr)
        warnings.warn(text, stacklevel=1)
        logging.getLogger(__name__).error(text)
        Unraisable(text)
        thread = threading.Thread(target=fail, args=(text,))
        thread.start()
        thread.join()
        if ends:
            try:
                fail(text)
            except KeyError as error:
                raise ValueError(text) from error
        return function(rows, *others)

    return talking


"""


def table(header: list[str], rows: list[list[str]], separator: str = ",") -> str:
    return "".join(separator.join(row) + "\n" for row in [header, *rows])


def good_rows(arm: int) -> list[list[str]]:
    """Return rows that are accepted, with marked identifiers and ages."""
    return [
        [
            f"{TEXT}P{n}",
            f"{TEXT}W{n}",
            "2012",
            f"{24 + n % 9}.7317173{n:02}",
            "none",
            str(n % 3 // 2),
            str(arm),
        ]
        for n in range(WOMEN)
    ]


def optional_tables() -> dict[str, str]:
    """Return accepted rows of the other tables."""
    ids = [f"{TEXT}P{n}" for n in range(WOMEN)]
    doses = [[name, "1", "20.7317173", "0.37317173"] for name in ids]
    # The relapses after delivery are those that `good_rows` counts.
    onsets = [[name, "40" if n % 3 == 2 else "-40", "1"] for n, name in enumerate(ids)]
    return {
        "relapses.csv": table(["pregnancy_id", "onset_day", "steroids"], onsets),
        "infusions.csv": table(["pregnancy_id", "day", "grams", "grams_per_kg"], doses),
        "adverse_events.csv": table(
            ["pregnancy_id", "day", "term", "serious"], [[ids[0], "3", "fever", "0"]]
        ),
    }


def marked(dtype: str, number: int) -> list[str]:
    """Return cells that no column of this type accepts."""
    plain = [f"{TEXT}{number}", f"{LETTERS}{number}"]
    return plain if dtype in ("string", "boolean") else [*plain, WHOLE, f"-{WHOLE}", BROKEN]


def faulty_tables() -> dict[str, str]:
    """Return every table with a row for each column and fault; one row comes twice."""
    base = dict(zip(HEADER, good_rows(1)[0], strict=True))
    others = {"onset_day": "-40", "day": "1", "grams": "20", "term": "fever", "serious": "0"}
    files = {}
    for name, schema in TABLES.items():
        rows = good_rows(1) if name == "pregnancies" else []
        columns = list(schema.columns)
        rows = [[dict(zip(HEADER, row, strict=True)).get(column, "") for column in columns] for row in rows]
        for column, rule in schema.columns.items():
            # A row that belongs to no pregnancy refuses the whole: see below.
            faults = marked(str(rule.dtype), len(rows))
            for cell in faults if name == "pregnancies" or column != "pregnancy_id" else []:
                row = base | others | {column: cell}
                if name == "pregnancies" and column != "pregnancy_id":
                    row |= {"pregnancy_id": f"{TEXT}F{len(rows)}", "woman_id": f"{TEXT}V{len(rows)}"} | {
                        column: cell
                    }
                rows.append([row.get(each, "") for each in columns])
        # The same identifier again, with other content.
        files[f"{name}.csv"] = table(columns, [*rows, [*rows[0][:2], "2013", *rows[0][3:]]])
    return files


def orphans() -> dict[str, str]:
    """Return rows of no pregnancy: nothing of it can be set aside."""
    return {
        "pregnancies.csv": table(HEADER, good_rows(0)),
        "relapses.csv": table(["pregnancy_id", "onset_day"], [[TEXT, "-40"], [LETTERS, WHOLE]]),
        "infusions.csv": table(
            ["pregnancy_id", "day", "grams"], [[TEXT, "1", "20"], [LETTERS, WHOLE, BROKEN]]
        ),
        "adverse_events.csv": table(
            ["pregnancy_id", "day", "term", "serious"], [[TEXT, WHOLE, LETTERS, TEXT]]
        ),
    }


def mapped_tables() -> dict[str, str]:
    """Return a centre's own table, in which nothing can be translated that is marked."""
    header = ["ID", "Porod", "Rojstvo", "Zdravilo", "Zagoni", "IVIG", LETTERS]
    rows = [[f"{TEXT}{n}", "2015-04-01", "1985-04-02", "brez", "0", "1", LETTERS] for n in range(WOMEN)]
    for place in range(1, len(header)):
        rows += [[*row[:place], TEXT, *row[place + 1 :]] for row in rows[:2]]
    return {"izvoz.csv": table(header, rows)}


def talking_source(folder: Path) -> Path:
    """Write a copy of the workflow in which the step with all rows in hand tells what it knows."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name)
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    talk(folder / "workflow/lib/gravida/cohort.py", "build_cohort", False)
    return folder


def talk(module: Path, function: str, ends: bool) -> None:
    """Let a function of a module tell what it knows, and end with it."""
    with module.open("a", encoding="utf-8") as file:
        file.write(f"{TALKS}{function} = _talks({function}, {ends})\n")


def planted_study(folder: Path) -> Path:
    """Write a study with marked values in every column, and every kind of fault."""
    plain = table(HEADER, good_rows(0))
    columns = table([*HEADER, LETTERS], [[*row, TEXT] for row in good_rows(0)])
    headless = f"{TEXT}P1,{WHOLE},{LETTERS}\n{TEXT}P2,{WHOLE},{LETTERS}\n"
    noise = f"{TEXT} {LETTERS} {WHOLE}"
    broken = {
        "pregnancies.csv": plain + f'"{TEXT},{LETTERS}\n{WHOLE},{BROKEN}\0\n',
        "relapses.xlsx": f"PK\3\4 {noise}",
        "infusions.parquet": f"PAR1 {noise} PAR1",
    }
    write_study(
        folder,
        {
            "fine": ("all", {"pregnancies.csv": table(HEADER, good_rows(1))} | optional_tables()),
            "again": ("individual", {}),
            "rows": ("all", faulty_tables()),
            "orphans": ("none", orphans()),
            "header": ("none", {"pregnancies.csv": columns, "relapses.csv": headless, f"{TEXT}.csv": plain}),
            "broken": ("none", broken),
            "mapped": ("all", mapped_tables()),
        },
        "on_refused: quarantine\n",
    )
    # One site, of both arms, sends again: women gone, added and changed. Its columns have names of their own,
    # so its file may be called after anybody.
    for date, kept in (("2018-06-30", slice(-4)), ("2019-06-30", slice(4, None))):
        rows = [[*row[:-1], str(number % 2)] for number, row in enumerate(good_rows(0))][kept]
        (folder / "again" / date).mkdir()
        rows[6][4] = {"2018": "none", "2019": "interferon_beta"}[date[:4]]
        (folder / "again" / date / PERSON).write_text(table(["code", *HEADER[1:]], rows), encoding="utf-8")
    sheet = (folder / "sites.tsv").read_text(encoding="utf-8")
    for site, policy, mapping in (("mapped", "all", MAPPING), ("again", "individual", RENAMING)):
        (folder / f"{site}.yaml").write_text(mapping, encoding="utf-8")
        sheet = sheet.replace(f"{site}\trows\t{policy}\t", f"{site}\trows\t{policy}\t{site}.yaml")
    (folder / "sites.tsv").write_text(sheet, encoding="utf-8")
    return folder


@cache
def spellings(marker: str) -> dict[str, bytes]:
    """Return the marker as it may stand in a file, by encoding."""
    found = {"utf-8": marker.encode(), "url": urllib.parse.quote(marker).encode()}
    found |= {name: marker.encode(name) for name in ("utf-16-le", "utf-16-be", "cp1250")}
    found |= {"json": json.dumps(marker)[1:-1].encode(), "hex": marker.encode().hex().encode()}
    found["html"] = marker.encode("ascii", "xmlcharrefreplace")
    found["repr"] = marker.encode("unicode_escape")
    for offset in range(3):
        # What is the same whatever stands before and behind.
        coded = base64.b64encode(b"\0" * offset + marker.encode() + b"\0" * 2)
        found[f"base64 from {offset}"] = coded[4 if offset else 0 : len(coded) - 4]
    return found


def contents(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """Return data with everything that is packed in it: archives, pictures' texts, base64, marks of HTML."""
    yield data
    if depth > 3:
        return
    inner: list[bytes] = []
    # What looks packed may be a stretch of something else.
    with suppress(OSError, EOFError, zlib.error, zipfile.BadZipFile):
        if data[:2] == b"\x1f\x8b":
            inner.append(gzip.decompress(data))
        if data[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                inner += [name.encode() for name in archive.namelist()]
                inner += [archive.read(name) for name in archive.namelist()]
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            inner += picture_texts(data)
    for run in re.findall(rb"[A-Za-z0-9+/]{24,}={0,2}", data):
        try:
            inner.append(base64.b64decode(run + b"=" * (-len(run) % 4)))
        except binascii.Error:
            continue
    if b"&" in data or b"%" in data:
        inner.append(html.unescape(urllib.parse.unquote(data.decode(errors="replace"))).encode())
    for each in inner:
        if each != data:
            yield from contents(each, depth + 1)


def picture_texts(data: bytes) -> list[bytes]:
    """Return the parts of a PNG that hold text, unpacked."""
    texts, place = [], 8
    while place < len(data):
        length, kind = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
        chunk = data[place + 8 : place + 8 + length]
        if kind in (b"tEXt", b"iTXt", b"zTXt", b"eXIf"):
            texts.append(chunk)
            for start in range(len(chunk)):
                if chunk[start : start + 1] == b"\x78":
                    try:
                        texts.append(zlib.decompressobj().decompress(chunk[start:]))
                    except zlib.error:
                        continue
        place += 12 + length
    return texts


def found_in(data: bytes) -> set[str]:
    """Return which markers are in data, and how they are written there."""
    parts = list(contents(data))
    return {
        f"{marker} as {encoding}"
        for marker in MARKERS
        for encoding, spelt in spellings(marker).items()
        if any(spelt in part for part in parts)
    }


def packed(text: str) -> dict[str, bytes]:
    """Return a text in every disguise that the search is to see through."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/sharedStrings.xml", text)
    chunk = b"Title\0\0" + zlib.compress(text.encode())
    picture = b"\x89PNG\r\n\x1a\n" + len(chunk).to_bytes(4) + b"zTXt" + chunk + b"\0" * 4
    page = f'<img src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
    ways = {
        "utf-16": text.encode("utf-16"),
        "gzip": gzip.compress(text.encode()),
        "zip": archive.getvalue(),
        "picture": picture,
        "page": page.encode(),
        "json": json.dumps(text).encode(),
        "url": urllib.parse.quote(text).encode(),
        "hexadecimal references": "".join(f"&#x{ord(letter):x};" for letter in text).encode(),
    }
    return ways | {f"base64 {n}": base64.b64encode(b"abc"[:n] + text.encode()) for n in range(3)}


@pytest.mark.parametrize("marker", [TEXT, LETTERS, WHOLE, BROKEN])
def test_the_search_sees_through_every_disguise(marker: str) -> None:
    for way, data in packed(f"a row with {marker} in it").items():
        assert any(found.startswith(f"{marker} as") for found in found_in(data)), way
    assert not found_in(b"a row without")
