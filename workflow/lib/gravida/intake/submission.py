"""One site's submission: read, validate, answer. Nothing that a site can send makes this fail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gravida.intake.checks import absent_cells, assess_cells, assess_rules, well_formed_ids
from gravida.intake.folder import FOLDER, FOLDER_CHECKS, REQUIRED_TABLE, Gathered, gather_tables, located
from gravida.intake.header import HEADER_CHECKS
from gravida.intake.links import of_records, of_rows, within_pregnancy
from gravida.intake.mapping.plan import SiteMapping
from gravida.intake.outcome import Outcome, findings_table
from gravida.intake.page import answer_page
from gravida.intake.parse import Typed, empty_table, parse_table
from gravida.intake.reading.numbers import NUMBER_CHECKS, assess_numbers, numeric_columns, settle_numbers
from gravida.intake.reading.read import FILE_CHECKS
from schemas.submission import TABLES
from schemas.submission_rules import PREGNANCY_RULES, RECORD_RULES, ROW_RULES

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
    site: Site,
    files: Sequence[Path],
    dmt_codes: pd.DataFrame,
    separation: int,
    strange: int = 0,
    mapping: SiteMapping | None = None,
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
    mapping : SiteMapping, optional
        Where the site's columns carry names of its own.
    """
    gathered = gather_tables(files, strange, mapping, list(dmt_codes["code"]))
    typed, ids, of_tables = _assess_tables(gathered)
    of_cells_and_links = [*of_tables, *_assess_links(site, typed, dmt_codes["code"], separation)]
    outcomes = _by_table([*gathered.outcomes, *located(of_cells_and_links, gathered.texts)])
    refused = any(outcome.refuses for outcome in outcomes)
    accepted = {
        table: empty_table(table) if refused or table not in typed else typed[table].frame for table in TABLES
    }
    verdict = {
        "site": site.site,
        "verdict": "refused" if refused else "accepted",
        "rows": {table: len(typed[table].frame) if table in typed else 0 for table in TABLES},
        "tables_sent": gathered.sent,
        "checks": [outcome.row() for outcome in outcomes],
    }
    page = answer_page(site.site, verdict["verdict"], verdict["rows"], outcomes)
    findings = findings_table(_by_table([*gathered.outcomes, *of_cells_and_links]), ids, gathered.texts)
    return IntakeResult(accepted, findings, verdict, page)


def _assess_tables(
    gathered: Gathered,
) -> tuple[dict[str, Typed], dict[str, pd.Series], list[Outcome]]:
    """Check each table by itself; return its types, its well-formed pregnancy_ids, the outcomes."""
    typed, ids, outcomes = {}, {}, []
    # A cell that the mapping could not understand was reported there, under a name that says more.
    said = {(outcome.table, outcome.column) for outcome in gathered.outcomes if outcome.failed}
    for table in TABLES:
        text = gathered.texts.get(table)
        if text is None:
            outcomes += assess_numbers(table, None) + absent_cells(table)
            continue
        text, doubts = settle_numbers(text, numeric_columns(table))
        parsed = parse_table(table, text, [column for column, _ in doubts])
        typed[table], of_cells = assess_cells(table, parsed)
        ids[table] = well_formed_ids(parsed.frame["pregnancy_id"], of_cells)
        outcomes += assess_numbers(table, doubts)
        outcomes += [
            outcome
            for outcome in of_cells
            if not (outcome.check == "type" and outcome.failed and (table, outcome.column) in said)
        ]
    return typed, ids, outcomes


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
    whole_file = check["check"] in {*FOLDER_CHECKS, *FILE_CHECKS} and check["rows_checked"] <= 1
    unit = "column" if check["check"] in {*HEADER_CHECKS, *NUMBER_CHECKS} else "row"
    if whole_file or check["check"] in FOLDER_CHECKS:
        unit = "file"
    return f"{where} {check['check']}: {rows} {unit}{'' if rows == 1 else 's'}"


def tabulate_checks(verdicts: Sequence[dict]) -> pd.DataFrame:
    """Return the contract's `data_quality` table: one row a check of each site."""
    rows = [{"site": verdict["site"], **check} for verdict in verdicts for check in verdict["checks"]]
    return pd.DataFrame(rows, columns=list(CHECK_COLUMNS))
