"""One site's submission: read, validate, answer. Nothing that a site can send makes this fail."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gravida.intake.checks import absent_cells, assess_cells, assess_rules, well_formed_ids
from gravida.intake.header import HEADER_CHECKS, assess_header
from gravida.intake.links import of_records, of_rows, within_pregnancy
from gravida.intake.outcome import Outcome, Unreadable, findings_table
from gravida.intake.page import answer_page
from gravida.intake.parse import Typed, empty_table, parse_table
from gravida.intake.read import FILE_CHECKS, READERS, Text, read_submitted
from schemas.submission import TABLES
from schemas.submission_rules import PREGNANCY_RULES, RECORD_RULES, ROW_RULES

FOLDER = "submission"
REQUIRED_TABLE = "pregnancies"
CHECK_COLUMNS = (
    "site",
    "table",
    "column",
    "check",
    "category",
    "rows_checked",
    "rows_failed",
    "status",
    "action",
)
# A line that names more failing checks of a site than this is not read.
MOST_TOLD = 40
_FOLDER_CHECKS = {
    "unexpected_file": f"Only files named {', '.join(TABLES)}, no folder or broken link: remove the others.",
    "unsupported_format": f"A file that ends in {' or '.join(READERS)}.",
    "duplicate_table": "One file a table.",
    "file_missing": f"A file named {REQUIRED_TABLE}.",
    "zero_rows": "At least one row below the column names.",
}


@dataclass(frozen=True, slots=True)
class Site:
    """What intake needs of a site's row in the sheet: `data_cut` is a date, YYYY-MM-DD."""

    site: str
    policy: str
    data_cut: str


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """The answer to one submission.

    `accepted` holds every table of the contract with every column, typed, and no row when the submission is
    refused; `findings` one row per failing (row, column, check), with pregnancy_ids; `verdict` plain data and
    `page` a self-contained HTML page, both without any value of a row.
    """

    accepted: dict[str, pd.DataFrame]
    findings: pd.DataFrame
    verdict: dict
    page: str


def intake_site(
    site: Site, files: Sequence[Path], dmt_codes: pd.DataFrame, separation: int, strange: int = 0
) -> IntakeResult:
    """Validate what a site submitted.

    Parameters
    ----------
    site : Site
    files : sequence of Path
        All files of the submission's folder; those whose name begins with a dot are ignored.
    dmt_codes : DataFrame
        Column `code`: the known therapies.
    separation : int
        Days from one retained relapse to the next of the same pregnancy.
    strange : int
        Further entries of the folder: folders, broken links, files whose name no table can have.
    """
    chosen, of_folder = choose_files(files, strange)
    typed, ids, of_tables = _assess_tables(chosen)
    of_links = _assess_links(site, typed, dmt_codes["code"], separation)
    outcomes = _by_table([*of_folder, *of_tables, *of_links])
    refused = any(outcome.refuses for outcome in outcomes)
    accepted = {
        table: empty_table(table) if refused or table not in typed else typed[table].frame for table in TABLES
    }
    verdict = {
        "site": site.site,
        "verdict": "refused" if refused else "accepted",
        "rows": {table: len(typed[table].frame) if table in typed else 0 for table in TABLES},
        "tables_sent": list(chosen),
        "checks": [outcome.row() for outcome in outcomes],
    }
    page = answer_page(site.site, verdict["verdict"], verdict["rows"], outcomes)
    return IntakeResult(accepted, findings_table(outcomes, ids), verdict, page)


def choose_files(files: Sequence[Path], strange: int = 0) -> tuple[dict[str, Path], list[Outcome]]:
    """Say which file holds which table, in the contract's order, and which files should not be there."""
    files = sorted(path for path in map(Path, files) if not path.name.startswith("."))
    named = defaultdict(list)
    for path in files:
        named[path.stem if path.stem in TABLES else FOLDER].append(path)
    chosen = {}
    outcomes = [
        _folder_outcome(FOLDER, "unexpected_file", len(files) + strange, len(named.pop(FOLDER, [])) + strange)
    ]
    for table in TABLES:
        paths = named[table]
        readable = [path for path in paths if path.suffix.lower() in READERS]
        unsupported = len(paths) - len(readable)
        if table == REQUIRED_TABLE:
            outcomes.append(_folder_outcome(table, "file_missing", 1, int(not paths)))
        outcomes.append(_folder_outcome(table, "unsupported_format", len(paths), unsupported))
        outcomes.append(_folder_outcome(table, "duplicate_table", len(paths), max(len(readable) - 1, 0)))
        if len(readable) == 1:
            chosen[table] = readable[0]
    return chosen, outcomes


def _folder_outcome(table: str, check: str, checked: int, failed: int) -> Outcome:
    return Outcome(table, "", check, "conformance", "refused", _FOLDER_CHECKS[check], checked, failed)


def _assess_tables(
    chosen: Mapping[str, Path],
) -> tuple[dict[str, Typed], dict[str, pd.Series], list[Outcome]]:
    """Check each table by itself; return what could be read, its well-formed pregnancy_ids, the outcomes."""
    typed, ids, outcomes = {}, {}, []
    for table in TABLES:
        text, of_file = _read(table, chosen.get(table))
        if text is None:
            outcomes += of_file + absent_cells(table)
            continue
        parsed = parse_table(table, text)
        typed[table], of_cells = assess_cells(table, parsed)
        ids[table] = well_formed_ids(parsed.frame["pregnancy_id"], of_cells)
        outcomes += of_file + of_cells
    return typed, ids, outcomes


def _read(table: str, path: Path | None) -> tuple[Text | None, list[Outcome]]:
    """Read a table, if it was sent; the outcomes are those of the file and its columns."""
    failing = None
    try:
        text = read_submitted(table, path) if path else None
    except Unreadable as unreadable:
        text, failing = None, unreadable.outcome
    checked = int(text is not None)
    outcomes = [
        failing
        if failing and failing.check == check
        else Outcome(table, "", check, "conformance", "refused", advice, checked, 0)
        for check, advice in FILE_CHECKS.items()
    ]
    outcomes += assess_header(table, text.names if text else None)
    # Without a row the other tables say something: that there was no relapse, infusion or event.
    if table == REQUIRED_TABLE:
        outcomes.append(_folder_outcome(table, "zero_rows", checked, int(bool(text) and text.rows == 0)))
    return text, outcomes


def _assess_links(site: Site, typed: Mapping[str, Typed], codes: pd.Series, separation: int) -> list[Outcome]:
    pregnancies = typed.get(REQUIRED_TABLE, _nothing(REQUIRED_TABLE))
    within = within_pregnancy(pregnancies, codes, int(site.data_cut[:4]), site.policy)
    refused, outcomes = assess_rules(REQUIRED_TABLE, PREGNANCY_RULES, within)
    pregnancies = pregnancies.without(refused)
    others = {table: typed.get(table, _nothing(table)) for table in ROW_RULES}
    quantities, owners = of_rows(others, pregnancies, separation)
    for table, rules in ROW_RULES.items():
        outcomes += assess_rules(table, rules, quantities[table])[1]
    records = of_records(pregnancies, typed.get("relapses"), typed.get("infusions"), owners)
    return outcomes + assess_rules(REQUIRED_TABLE, RECORD_RULES, records)[1]


def _nothing(table: str) -> Typed:
    frame = empty_table(table)
    return Typed(frame, frame.isna(), frozenset())


def _by_table(outcomes: Sequence[Outcome]) -> list[Outcome]:
    order = {table: place for place, table in enumerate((FOLDER, *TABLES))}
    return sorted(outcomes, key=lambda outcome: order[outcome.table])


def refusal(verdicts: Sequence[dict]) -> str | None:
    """Name every refused site and every check it fails, in one line; None when none is refused."""
    refused = [_refused_site(verdict) for verdict in verdicts if verdict["verdict"] == "refused"]
    if not refused:
        return None
    return (
        f"{' | '.join(refused)}. The pregnancy_ids are in results/restricted/intake/SITE/findings.csv, the "
        "answer to the site in results/internal/quality/SITE.html; have the files corrected and run again"
    )


def _refused_site(verdict: dict) -> str:
    failing = [check for check in verdict["checks"] if check["status"] == "fail"]
    told = [_failing_check(check) for check in failing[:MOST_TOLD]]
    more = [f"and {len(failing) - MOST_TOLD} more on the site's page"] if len(failing) > MOST_TOLD else []
    return f"site {verdict['site']}: {', '.join(told + more)}"


def _failing_check(check: dict) -> str:
    where = ".".join(filter(None, (check["table"], check["column"])))
    rows = check["rows_failed"]
    whole_file = check["check"] in {*_FOLDER_CHECKS, *FILE_CHECKS} and check["rows_checked"] <= 1
    unit = "column" if check["check"] in HEADER_CHECKS else "row"
    if whole_file or check["check"] in _FOLDER_CHECKS:
        unit = "file"
    return f"{where} {check['check']}: {rows} {unit}{'' if rows == 1 else 's'}"


def tabulate_checks(verdicts: Sequence[dict]) -> pd.DataFrame:
    """Return the contract's `data_quality` table: one row a check of each site."""
    rows = [{"site": verdict["site"], **check} for verdict in verdicts for check in verdict["checks"]]
    return pd.DataFrame(rows, columns=list(CHECK_COLUMNS))
