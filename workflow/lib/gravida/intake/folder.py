"""A submission's folder: which file holds which table, and each table as text in the contract's columns."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from gravida.intake.header import assess_header
from gravida.intake.mapping.apply import REASON_COLUMNS, apply_mapping
from gravida.intake.mapping.plan import SiteMapping
from gravida.intake.outcome import Outcome, Unreadable
from gravida.intake.reading.read import (
    FILE_CHECKS,
    FOLDER,
    READERS,
    read_source,
    read_submitted,
    read_workbook_tables,
)
from gravida.intake.reading.text import Text
from schemas.submission import TABLES

REQUIRED_TABLE = "pregnancies"
FOLDER_CHECKS = {
    "unexpected_file": f"Only files named {', '.join(TABLES)} or {FOLDER}, no folder or broken link: remove "
    "the others.",
    "unsupported_format": f"A file that ends in {' or '.join(READERS)}.",
    "duplicate_table": "One file a table.",
    "file_missing": f"A file named {REQUIRED_TABLE}.",
    "zero_rows": "At least one row below the column names.",
}


@dataclass(frozen=True, slots=True)
class Gathered:
    """The tables of a submission that could be read, and what was found on the way.

    `sent` names the tables that were sent, also those that could not be read; `reasons` counts, by table,
    column and reason, what the mapping emptied, left out or made of dates known to the month; `left_out`
    counts the rows that it left out of each table.
    """

    texts: dict[str, Text]
    sent: list[str]
    outcomes: list[Outcome]
    reasons: pd.DataFrame
    left_out: Mapping[str, int] = field(default_factory=dict)


def gather_tables(
    files: Sequence[Path], strange: int, mapping: SiteMapping | None, dmt_codes: Sequence[str]
) -> Gathered:
    """Read a submission's files.

    Parameters
    ----------
    files : sequence of Path
        All files of the folder; those whose name begins with a dot are ignored.
    strange : int
        Further entries of the folder: folders, broken links, files whose name no table can have.
    mapping : SiteMapping, optional
        Where the site's columns carry names of its own; it says which files are read.
    dmt_codes : sequence of str
        The known therapies.
    """
    files = sorted(path for path in map(Path, files) if not path.name.startswith("."))
    if mapping:
        return _mapped(files, strange, mapping, dmt_codes)
    chosen, outcomes = choose_files(files, strange)
    texts, sent = {}, list(chosen)
    if FOLDER in chosen:
        texts, of_book = _read_workbook(chosen.pop(FOLDER))
        outcomes = _told_twice(outcomes, set(texts) & set(chosen)) + of_book
        chosen = {table: path for table, path in chosen.items() if table not in texts}
        sent = [*texts, *chosen]
    for table in TABLES:
        text, of_file = _read(table, chosen.get(table), texts.get(table))
        outcomes += of_file
        if text is not None:
            texts[table] = text
    return Gathered(texts, [table for table in TABLES if table in sent], outcomes, _no_reasons())


def choose_files(files: Sequence[Path], strange: int = 0) -> tuple[dict[str, Path], list[Outcome]]:
    """Say which file holds which table, in the contract's order, and which files should not be there.

    A workbook called `submission` holds tables as its sheets, the pregnancies among them; a table that it
    does not hold may be a file beside it.
    """
    named = defaultdict(list)
    for path in files:
        book = path.stem == FOLDER and path.suffix.lower() == ".xlsx"
        named[path.stem if path.stem in TABLES or book else ""].append(path)
    chosen, books = {}, named.pop(FOLDER, [])
    unexpected = named.pop("", []) + (books if named[REQUIRED_TABLE] else [])
    outcomes = [_of_folder(FOLDER, "unexpected_file", len(files) + strange, len(unexpected) + strange)]
    if books and not named[REQUIRED_TABLE]:
        chosen[FOLDER] = books[0]
    for table in TABLES:
        paths = named[table]
        readable = [path for path in paths if path.suffix.lower() in READERS]
        unsupported = len(paths) - len(readable)
        if table == REQUIRED_TABLE and FOLDER not in chosen:
            outcomes.append(_of_folder(table, "file_missing", 1, int(not paths)))
        outcomes.append(_of_folder(table, "unsupported_format", len(paths), unsupported))
        outcomes.append(_of_folder(table, "duplicate_table", len(paths), max(len(readable) - 1, 0)))
        if len(readable) == 1:
            chosen[table] = readable[0]
    return chosen, outcomes


def _told_twice(outcomes: Sequence[Outcome], tables: Collection[str]) -> list[Outcome]:
    """Return the outcomes of a folder in which these tables are a sheet of the workbook and a file too."""
    return [
        replace(outcome, checked=2, failed=1)
        if outcome.check == "duplicate_table" and outcome.table in tables
        else outcome
        for outcome in outcomes
    ]


def _of_folder(table: str, check: str, checked: int, failed: int) -> Outcome:
    return Outcome(table, "", check, "conformance", "refused", FOLDER_CHECKS[check], checked, failed)


def _read_workbook(path: Path) -> tuple[dict[str, Text], list[Outcome]]:
    try:
        texts = read_workbook_tables(path, tuple(TABLES), FOLDER)
    except Unreadable as unreadable:
        return {}, [unreadable.outcome]
    missing = REQUIRED_TABLE not in texts
    # The template holds a sheet for every table: one that nobody filled says nothing.
    texts = {table: text for table, text in texts.items() if text.rows or table == REQUIRED_TABLE}
    return texts, [_of_folder(REQUIRED_TABLE, "file_missing", 1, int(missing))]


def _read(table: str, path: Path | None, text: Text | None) -> tuple[Text | None, list[Outcome]]:
    """Read a table, if it was sent and not read yet; the outcomes are those of the file and its columns."""
    failing = None
    try:
        text = read_submitted(table, path) if path else text
    except Unreadable as unreadable:
        text, failing = None, unreadable.outcome
    return text, [*_of_file(table, text, failing), *_of_columns(table, text)]


def _of_file(table: str, text: Text | None, failing: Outcome | None) -> list[Outcome]:
    checked = int(text is not None)
    passed = [
        Outcome(table, "", check, "conformance", "refused", advice, checked, 0)
        for check, advice in FILE_CHECKS.items()
    ]
    return [failing if failing and failing.check == outcome.check else outcome for outcome in passed]


def _of_columns(table: str, text: Text | None) -> list[Outcome]:
    outcomes = assess_header(table, text.names if text else None)
    # Without a row the other tables say something: that there was no relapse, infusion or event.
    if table == REQUIRED_TABLE:
        empty = int(text is not None and text.rows == 0)
        outcomes.append(_of_folder(table, "zero_rows", int(text is not None), empty))
    return outcomes


def _mapped(files: Sequence[Path], strange: int, mapping: SiteMapping, dmt_codes: Sequence[str]) -> Gathered:
    """Read the files that a mapping names, and make the contract's tables from them."""
    by_name = {path.name: path for path in files}
    sources: dict[str, Text] = {}
    unreadable: dict[str, Outcome] = {}
    for source in mapping.sources:
        if source.file not in by_name:
            continue
        try:
            sources[source.name] = read_source(by_name[source.file], **source.options)
        except Unreadable as fault:
            unreadable[source.name] = fault.outcome
    unread = len(set(by_name) - {source.file for source in mapping.sources}) + strange
    outcomes = [_of_folder(FOLDER, "unexpected_file", len(by_name) + strange, unread)]
    made = apply_mapping(mapping, sources, dmt_codes)
    outcomes += _of_unreadable(mapping, unreadable) + _without_sources(made.outcomes, mapping, unreadable)
    for table in TABLES:
        outcomes += _of_columns(table, made.tables.get(table))
    return Gathered(dict(made.tables), list(made.tables), outcomes, made.reasons, made.left_out)


def _of_unreadable(mapping: SiteMapping, unreadable: Mapping[str, Outcome]) -> list[Outcome]:
    """Return once what is told of each file: of its table, or of the submission where it holds several."""
    tables = defaultdict(set)
    for source, outcome in unreadable.items():
        own = {plan.table for plan in mapping.tables if plan.source.name == source}
        tables[outcome.where, outcome.check] |= own or {FOLDER}
    first = {(outcome.where, outcome.check): outcome for outcome in unreadable.values()}
    return [
        replace(outcome, table=next(iter(tables[key])) if len(tables[key]) == 1 else FOLDER)
        for key, outcome in first.items()
    ]


def _without_sources(
    outcomes: Sequence[Outcome], mapping: SiteMapping, unreadable: Mapping[str, Outcome]
) -> list[Outcome]:
    """Return outcomes in which a source that cannot be read is not missing as well."""
    told = {(plan.table, "missing_source") for plan in mapping.tables if plan.source.name in unreadable}
    if mapping.redcap and mapping.redcap.dictionary.name in unreadable:
        told.add((REQUIRED_TABLE, "redcap_dictionary"))
    return [
        replace(outcome, checked=0, failed=0) if (outcome.table, outcome.check) in told else outcome
        for outcome in outcomes
    ]


def _no_reasons() -> pd.DataFrame:
    return pd.DataFrame(columns=list(REASON_COLUMNS))


def located(outcomes: Sequence[Outcome], texts: Mapping[str, Text]) -> list[Outcome]:
    """Return outcomes whose lines count rows as outcomes that name the lines of the file or sheet."""
    return [outcome.at(texts[outcome.table]) if outcome.table in texts else outcome for outcome in outcomes]
