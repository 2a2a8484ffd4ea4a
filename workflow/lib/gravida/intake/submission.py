"""One site's submission: read, validate, answer. Nothing that a site can send makes this fail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from gravida.intake.assess import Rules, Site
from gravida.intake.folder import FOLDER_CHECKS, REQUIRED_TABLE, gather_tables
from gravida.intake.header import HEADER_CHECKS
from gravida.intake.mapping.plan import SiteMapping
from gravida.intake.page import answer_page
from gravida.intake.reading.numbers import NUMBER_CHECKS
from gravida.intake.reading.read import FILE_CHECKS
from gravida.intake.resubmission import changes_since, count_changes
from gravida.intake.take_in import Taken, take_in

# A line that names more failing checks of a site than this is not read.
MOST_TOLD = 40


@dataclass(frozen=True, slots=True)
class DataCut:
    """One submission of a site.

    Parameters
    ----------
    data_cut : str
        YYYY-MM-DD.
    files : sequence of Path
        All files of the submission's folder; those whose name begins with a dot are ignored.
    strange : int
        Further entries of the folder: folders, broken links, files whose name no table can have.
    """

    data_cut: str
    files: Sequence[Path]
    strange: int = 0


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """The answer to one submission.

    `accepted` holds every table of the contract with every column, typed, and no row when the submission is
    refused; `findings` one row per failing (row, column, check), with pregnancy_ids; `changes` one row per
    pregnancy that differs from an earlier data cut; `verdict` plain data and `page` a self-contained HTML
    page, both without any value of a row.
    """

    accepted: dict[str, pd.DataFrame]
    findings: pd.DataFrame
    changes: pd.DataFrame
    verdict: dict
    page: str


def intake_site(
    site: Site,
    files: Sequence[Path],
    dmt_codes: pd.DataFrame,
    separation: int,
    strange: int = 0,
    mapping: SiteMapping | None = None,
    earlier: Sequence[DataCut] = (),
    quarantine: bool = False,
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
    earlier : sequence of DataCut
        What the site submitted before, oldest first; each is held against what was accepted before it.
    quarantine : bool
        Whether single refused rows are set aside with their pregnancies, and the others used.
    """
    rules = Rules(site, list(dmt_codes["code"]), separation)
    accepted: dict[str, dict[str, pd.DataFrame]] = {}
    refused: list[str] = []
    for cut in earlier:
        gathered = gather_tables(cut.files, cut.strange, mapping, rules.codes)
        then = take_in(gathered, replace(rules, site=replace(site, data_cut=cut.data_cut)), quarantine)
        if not then.refused:
            accepted[cut.data_cut] = then.accepted
            rules = replace(rules, earlier=_known(rules.earlier, then.accepted[REQUIRED_TABLE]))
        else:
            refused.append(cut.data_cut)
    gathered = gather_tables(files, strange, mapping, rules.codes)
    taken = take_in(gathered, rules, quarantine)
    accepted = {} if taken.refused else accepted
    changes = changes_since(accepted, taken.accepted)
    verdict = _verdict(site, taken) | {
        "earlier": count_changes(changes, accepted),
        "not_compared": refused,
    }
    page = answer_page(verdict, taken.outcomes, gathered.reasons)
    return IntakeResult(taken.accepted, taken.findings, changes, verdict, page)


def _known(known: pd.DataFrame | None, more: pd.DataFrame) -> pd.DataFrame:
    """Return every pregnancy as it was when it was first sent: an id keeps its meaning over every gap."""
    if known is None:
        return more
    return pd.concat([known, more]).drop_duplicates("pregnancy_id", ignore_index=True)


def data_cuts(files: Sequence[str], earlier: Sequence[str], strange: Mapping[str, int]) -> list[DataCut]:
    """Put a site's files to their data cuts, oldest first.

    Parameters
    ----------
    files : sequence of str
        Of the newest data cut.
    earlier : sequence of str
        Of the others, each in a folder named by its date.
    strange : mapping of data cut to int
        Further entries of the folder of each data cut, oldest first.
    """
    *before, now = strange
    cuts = {cut: [Path(path) for path in earlier if Path(path).parent.name == cut] for cut in before}
    cuts[now] = [Path(path) for path in files]
    return [DataCut(cut, paths, strange[cut]) for cut, paths in cuts.items()]


def _verdict(site: Site, taken: Taken) -> dict:
    return {
        "site": site.site,
        "data_cut": site.data_cut,
        "verdict": "refused" if taken.refused else "accepted",
        "rows": taken.read,
        "accepted": {table: len(rows) for table, rows in taken.accepted.items()},
        "quarantined": taken.quarantined,
        "duplicates": taken.duplicates,
        "left_out": taken.left_out,
        "women_quarantined": taken.women_quarantined,
        "tables_sent": taken.sent,
        "checks": [outcome.row() for outcome in taken.outcomes],
    }


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
