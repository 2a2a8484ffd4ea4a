"""No value of a row leaves the folder of rows: marked values in every column and every kind of fault."""

import base64
import binascii
import gzip
import html
import io
import json
import os
import re
import shutil
import stat
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from schemas.submission import TABLES
from tests.workflow.conftest import ROOT, Run, run_workflow, write_study
from tests.workflow.test_reruns import FILES, FOLDERS

# Of the columns of text; the second holds letters that every encoding writes in a way of its own.
TEXT, LETTERS = "Qz7Vrednost", "Žq7Vrednöst"
# Of the columns of numbers: digits that no digest and no date holds by chance.
WHOLE, BROKEN = "7731773177", "7717.3177"
# Of the ages and doses that are accepted: the decimals of each.
ACCEPTED = "7317173"
MARKERS = (TEXT, LETTERS, WHOLE, BROKEN, ACCEPTED)
# A quantile of an aggregate may be the value of one woman: what of it may leave is the gate's concern.
QUANTILES = re.compile(r"(internal|release)/tables/(baseline|doses|cost)\.csv|release/report\.html")
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
    onsets = [[name, "-40", "1"] for name in ids]
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


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the workflow in which two steps tell all they know, the second before it fails."""
    folder = tmp_path_factory.mktemp("workflow")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    with (folder / "workflow/lib/gravida/cohort.py").open("a", encoding="utf-8") as module:
        module.write(f"{TALKS}build_cohort = _talks(build_cohort, False)\n")
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    treated, untreated = ({"pregnancies.csv": table(HEADER, good_rows(arm))} for arm in (1, 0))
    text = untreated["pregnancies.csv"]
    columns = table([*HEADER, LETTERS], [[*row, TEXT] for row in good_rows(0)])
    headless = f"{TEXT}P1,{WHOLE},{LETTERS}\n{TEXT}P2,{WHOLE},{LETTERS}\n"
    noise = f"{TEXT} {LETTERS} {WHOLE}"
    broken = {
        "pregnancies.csv": text + f'"{TEXT},{LETTERS}\n{WHOLE},{BROKEN}\0\n',
        "relapses.xlsx": f"PK\3\4 {noise}",
        "infusions.parquet": f"PAR1 {noise} PAR1",
    }
    folder = write_study(
        tmp_path_factory.mktemp("planted") / "study",
        {
            "fine": ("all", treated | optional_tables()),
            "again": ("none", {}),
            "rows": ("all", faulty_tables()),
            "orphans": ("none", orphans()),
            "header": ("none", {"pregnancies.csv": columns, "relapses.csv": headless, f"{TEXT}.csv": text}),
            "broken": ("none", broken),
            "mapped": ("all", mapped_tables()),
        },
        "on_refused: quarantine\n",
    )
    # One site sends again: women gone, added and changed.
    for date, rows in (("2018-06-30", good_rows(0)[:-4]), ("2019-06-30", good_rows(0)[4:])):
        (folder / "again" / date).mkdir()
        rows[6][3] = f"3{date[3]}.7317173"
        (folder / "again" / date / "pregnancies.csv").write_text(table(HEADER, rows), encoding="utf-8")
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    sheet = (folder / "sites.tsv").read_text(encoding="utf-8")
    sheet = sheet.replace("mapped\tmapped\trows\tall\t", "mapped\tmapped\trows\tall\tmapping.yaml")
    (folder / "sites.tsv").write_text(sheet, encoding="utf-8")
    (folder / "tmp").mkdir()
    return folder


@pytest.fixture(scope="module")
def runs(study: Path, source: Path) -> list[Run]:
    """Return the runs: refused; without the refused sites, to the report; a step that fails, rows in hand."""
    patch = pytest.MonkeyPatch()
    patch.setenv("TMPDIR", str(study / "tmp"))
    mask = os.umask(0)
    try:
        refused = run_workflow(study, source=source)
        config = study / "config.yaml"
        config.write_text(
            config.read_text(encoding="utf-8").replace("quarantine", "leave_out"), encoding="utf-8"
        )
        # The rows that were set aside stay so: intake does not run again.
        whole = run_workflow(study, "--rerun-triggers", "mtime", source=source)
        with (source / "workflow/lib/gravida/statistics/baseline.py").open("a", encoding="utf-8") as module:
            module.write(f"{TALKS}describe_baseline = _talks(describe_baseline, True)\n")
        table = "results/internal/tables/baseline.csv"
        defect = run_workflow(
            study, table, "--rerun-triggers", "mtime", "--forcerun", "describe_baseline", source=source
        )
    finally:
        os.umask(mask)
        patch.undo()
    return [refused, whole, defect]


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


def outside(study: Path) -> list[Path]:
    """Return everything that the runs wrote outside the folder of rows."""
    written = [study / "results", study / ".snakemake", study / "tmp"]
    return [
        path
        for folder in written
        for path in sorted(folder.rglob("*"))
        if not path.is_relative_to(study / "results/restricted")
    ]


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


def test_the_runs_met_every_kind_of_fault(runs: list[Run], study: Path) -> None:
    refused, whole, defect = runs
    assert [run.code for run in runs] == [1, 0, 1], [run.output for run in runs]
    lines = {line for line in refused.output.splitlines() if line.startswith("SubmissionRefused: ")}
    assert len(lines) == 1
    verdicts = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in (study / "results/internal/intake").glob("*.json")
    }
    assert {site for site, told in verdicts.items() if told["verdict"] == "refused"} == {
        "header",
        "broken",
        "mapped",
        "orphans",
    }
    assert all(
        f"site {site} is left out" in whole.output for site in ("header", "broken", "mapped", "orphans")
    )
    assert "Warning: site rows: refused rows are set aside" in whole.output
    # Every column of every table was at fault in some row, and its rows are where rows may be.
    intake = study / "results/restricted/intake"
    findings = "".join(
        (intake / site / "findings.csv").read_text(encoding="utf-8") for site in ("rows", "orphans")
    )
    for name, schema in TABLES.items():
        for column in schema.columns:
            assert re.search(rf"(?m)^[^\n]*\b{name}\b[^\n]*\b{column}\b", findings), (name, column)
    changes = (study / "results/restricted/intake/again/changes.csv").read_text(encoding="utf-8")
    assert TEXT in changes and TEXT in findings
    # What the step with the rows in hand had to say became one line.
    assert "Warning: UserWarning in cohort.py line " in whole.output
    assert re.search(r"(?m)^Defect: ValueError in baseline\.py line [0-9]+; ", defect.output)


def test_no_value_is_outside_the_folder_of_rows(runs: list[Run], study: Path) -> None:
    leaks = {}
    for number, run in enumerate(runs):
        leaks[f"output of run {number}"] = found_in(run.output.encode())
        assert "Traceback" not in run.output
    for path in outside(study):
        name = path.relative_to(study).as_posix()
        found = found_in(name.encode()) | (found_in(path.read_bytes()) if path.is_file() else set())
        if QUANTILES.fullmatch(name.removeprefix("results/")):
            found = {each for each in found if not each.startswith(ACCEPTED)}
        leaks[name] = found
    assert len(leaks) > 150
    assert not {place: found for place, found in leaks.items() if found}


def test_rows_are_for_their_owner_alone(runs: list[Run], study: Path) -> None:
    """The caller lets everybody write everything; the workflow does not."""
    modes = {
        path.relative_to(study / "results").as_posix(): (path.is_dir(), stat.S_IMODE(path.stat().st_mode))
        for path in (study / "results").rglob("*")
    }
    wrong = {}
    for name, (is_folder, mode) in modes.items():
        if name.split("/")[0] == "release":
            expected = 0o755 if is_folder else 0o644
        else:
            expected = 0o700 if is_folder else 0o600
        if mode != expected:
            wrong[name] = oct(mode)
    assert len(modes) > 100
    assert not wrong
