"""From the tables that a site sent to the rows that are used, and everything that was found on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gravida.intake.assess import Assessed, Rules, assess, parse_tables
from gravida.intake.folder import FOLDER, REQUIRED_TABLE, Gathered, located
from gravida.intake.outcome import HEADER_LINES, Outcome, findings_table
from gravida.intake.parse import Typed, empty_table
from gravida.intake.quarantine import QUARANTINED, Kept, set_aside, touches_others
from gravida.intake.reading.text import Text
from schemas.submission import TABLES


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken in of a submission.

    Parameters
    ----------
    accepted : dict of table to DataFrame
        Every table of the contract, typed, without a row where the submission is refused.
    outcomes : list of Outcome
        By table, with the lines of the files.
    findings : DataFrame
        As `findings_table` returns it.
    read, quarantined, duplicates, left_out : dict of table to int
        Rows. Where a submission is used, read = accepted + quarantined + duplicates; what its mapping left
        out comes on top.
    women_quarantined : int
        Women with a pregnancy that was set aside, as far as they are named.
    sent : list of str
        The tables that were sent.
    """

    accepted: dict[str, pd.DataFrame]
    outcomes: list[Outcome]
    findings: pd.DataFrame
    read: dict[str, int]
    quarantined: dict[str, int]
    duplicates: dict[str, int]
    left_out: dict[str, int]
    women_quarantined: int
    sent: list[str]

    @property
    def refused(self) -> bool:
        """Whether none of the rows is used."""
        return any(outcome.refuses for outcome in self.outcomes)


def take_in(gathered: Gathered, rules: Rules, quarantine: bool) -> Taken:
    """Hold tables against the rules, and set refused rows aside where that is wanted and enough.

    Parameters
    ----------
    gathered : Gathered
        The tables as text, and what was found in reading them.
    rules : Rules
    quarantine : bool
        Whether single refused rows are set aside with their pregnancies, and the others used.
    """
    parsed, of_numbers = parse_tables(gathered.texts)
    whole = [*gathered.outcomes, *of_numbers]
    assessed = assess(parsed, rules)
    found = assessed.outcomes
    kept = None
    refusing = [outcome for outcome in [*whole, *found] if outcome.refuses]
    if quarantine and refusing and REQUIRED_TABLE in parsed:
        kept = set_aside(gathered.texts, parsed, lambda tables: assess(tables, rules))
        if kept and _is_enough(whole, kept, gathered):
            whole = [_set_aside(outcome) for outcome in whole]
            found = _with_set_aside(found, kept)
        else:
            kept = None
    told = _told_once(found, gathered.outcomes, gathered.texts)
    outcomes = _by_table([*whole, *located(told, gathered.texts)])
    listed = findings_table(_by_table([*whole, *told]), assessed.ids, gathered.texts)
    used = _used(kept.assessed if kept else assessed, outcomes)
    read = {table: len(parsed[table].frame) if table in parsed else 0 for table in TABLES}
    duplicates = dict.fromkeys(TABLES, 0) | {REQUIRED_TABLE: kept.duplicates.size if kept else 0}
    aside = {table: read[table] - len(used[table]) - duplicates[table] if kept else 0 for table in TABLES}
    left_out = dict.fromkeys(TABLES, 0) | {table: int(rows) for table, rows in gathered.left_out.items()}
    women = _women(parsed, assessed, kept)
    return Taken(used, outcomes, listed, read, aside, duplicates, left_out, women, gathered.sent)


def _used(assessed: Assessed, outcomes: Sequence[Outcome]) -> dict[str, pd.DataFrame]:
    refused = any(outcome.refuses for outcome in outcomes)
    return {
        table: empty_table(table) if refused or table not in assessed.typed else assessed.typed[table].frame
        for table in TABLES
    }


def _is_enough(whole: Sequence[Outcome], kept: Kept, gathered: Gathered) -> bool:
    """Say whether pregnancies are left, and nothing is refused that is about more than rows set aside."""
    if not kept.kept[REQUIRED_TABLE].size:
        return False
    used = {table: gathered.texts[table].lines[rows] for table, rows in kept.kept.items()}
    return all(
        outcome.lines.size > 0
        and not touches_others(outcome)
        and outcome.table in used
        and not np.isin(outcome.lines, used[outcome.table]).any()
        for outcome in whole
        if outcome.refuses
    )


def _set_aside(outcome: Outcome) -> Outcome:
    return replace(outcome, action=QUARANTINED) if outcome.refuses else outcome


def _with_set_aside(found: Sequence[Outcome], kept: Kept) -> list[Outcome]:
    """Return what was found in all rows, with what had rows set aside, also where it showed later."""
    aside = {(outcome.table, outcome.column, outcome.check): outcome for outcome in kept.outcomes}
    return [
        replace(outcome, **_failing(aside.get((outcome.table, outcome.column, outcome.check))))
        if outcome.action == "refused"
        else outcome
        for outcome in found
    ]


def _failing(aside: Outcome | None) -> dict:
    if aside is None:
        return {"failed": 0, "lines": np.empty(0, dtype=np.int64)}
    return {"failed": aside.failed, "lines": aside.lines, "action": QUARANTINED}


def _told_once(
    found: Sequence[Outcome], before: Sequence[Outcome], texts: Mapping[str, Text]
) -> list[Outcome]:
    """Leave out the unreadable cells that the mapping has reported in their row, under a better name.

    It reports under the column of the data dictionary, or, of several columns, under a name of its own.
    """
    said = [outcome for outcome in before if outcome.failed]
    columns = {(outcome.table, outcome.column) for outcome in said if not outcome.lines.size}
    told = []
    for outcome in found:
        if outcome.check == "type" and outcome.failed:
            names = {outcome.column, *(each.column for each in said)} - {
                column for column in TABLES[outcome.table].columns if column != outcome.column
            }
            lines = [each.lines for each in said if each.table == outcome.table and each.column in names]
            rows = texts[outcome.table].lines[outcome.lines - HEADER_LINES - 1]
            new = ~np.isin(rows, np.concatenate([np.empty(0, dtype=np.int64), *lines]))
            new &= (outcome.table, outcome.column) not in columns
            checked = outcome.checked - int((~new).sum())
            outcome = replace(outcome, lines=outcome.lines[new], failed=int(new.sum()), checked=checked)
        told.append(outcome)
    return told


def _women(parsed: Mapping[str, Typed], assessed: Assessed, kept: Kept | None) -> int:
    if kept is None:
        return 0
    aside = np.ones(len(parsed[REQUIRED_TABLE].frame), dtype=bool)
    aside[np.union1d(kept.kept[REQUIRED_TABLE], kept.duplicates)] = False
    return int(assessed.typed[REQUIRED_TABLE].frame["woman_id"][aside].nunique())


def _by_table(outcomes: Sequence[Outcome]) -> list[Outcome]:
    order = {table: place for place, table in enumerate((FOLDER, *TABLES))}
    return sorted(outcomes, key=lambda outcome: order[outcome.table])
