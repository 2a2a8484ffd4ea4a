"""A small valid submission as tables of text, and how to change, write and submit it."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from gravida.intake.submission import IntakeResult, Site, intake_site

ROOT = Path(__file__).parents[2]
SITE = Site(site="ljubno", policy="individual", data_cut="2019-06-30")
SEPARATION = 30

# Six pregnancies of five women; lines 2 to 7 of the file. With gestation 280 the pre-pregnancy year is
# [-645, -280), the pregnancy [-280, 0), the year after delivery [0, 365).
_PREGNANCIES = """
pregnancy_id woman_id delivery_year age_at_delivery ms_diagnosis_year gestation_days outcome edss_before
P1 W1 2010 28.5 2004 280 live_birth 1.5
P2 W1 2013 31.5 2004 270 live_birth 2
P3 W2 2012 33 2008 280 stillbirth 0
P4 W3 2014 30 2009 280 live_birth 3.5
P5 W4 2015 27 2011 280 live_birth 1
P6 W5 2018 35 2010 280 live_birth 6.0
"""
_COURSE = """
dmt_before relapses_pre_year relapses_pregnancy relapses_post_year observed_from_day observed_to_day ivig
none 1 0 1 -645 365 1
interferon_beta 0 1 0 -635 365 0
natalizumab 0 0 0 -645 365 1
glatiramer_acetate 2 0 2 -1010 400 0
fingolimod 0 0 0 -300 180 0
other 0 0 1 -645 250 1
"""
_RELAPSES = """
pregnancy_id onset_day steroids confirmed severity
P1 -400 1 examined mild
P1 100 0 reported severe
P2 -100 1 examined moderate
P4 -900 1 examined mild
P4 -500 1 examined mild
P4 -300 0 examined mild
P4 20 1 examined mild
P4 200 1 examined mild
P4 390 1 examined mild
P6 249 1 examined mild
"""
_INFUSIONS = """
pregnancy_id day grams grams_per_kg
P1 2 10 0.15
P1 32 10 0.15
P3 0 30 0.4
P6 29 10 0.2
"""
_ADVERSE_EVENTS = """
pregnancy_id day term serious
P1 3 headache no
P2 50 other yes
"""


def _table(text: str) -> pd.DataFrame:
    header, *rows = [line.split() for line in text.strip().splitlines()]
    return pd.DataFrame(rows, columns=header, dtype=object)


def valid() -> dict[str, pd.DataFrame]:
    """Return the tables of a submission that breaks no rule, every cell a text."""
    return {
        "pregnancies": pd.concat([_table(_PREGNANCIES), _table(_COURSE)], axis=1),
        "relapses": _table(_RELAPSES),
        "infusions": _table(_INFUSIONS),
        "adverse_events": _table(_ADVERSE_EVENTS),
    }


def changed(table: str, line: int, column: str, value: str) -> dict[str, pd.DataFrame]:
    """Return the valid submission with one cell replaced; the header is line 1, a new column starts empty."""
    tables = valid()
    frame = tables[table]
    if column not in frame:
        frame[column] = ""
    frame.loc[line - 2, column] = value
    return tables


def write_csv(folder: Path, tables: Mapping[str, pd.DataFrame]) -> list[Path]:
    """Write each table as CSV and return all files of the folder."""
    for table, frame in tables.items():
        frame.to_csv(folder / f"{table}.csv", index=False)
    return sorted(folder.iterdir())


def submit(files: list[Path], site: Site = SITE) -> IntakeResult:
    """Take these files in with the shipped codes of therapies."""
    codes = pd.read_csv(ROOT / "resources/dmt_codes.csv", dtype=str, keep_default_na=False)
    return intake_site(site, files, codes, SEPARATION)


def failures(result: IntakeResult, status: str = "fail") -> dict[tuple[str, str, str], int]:
    """Return {(table, column, check): number of rows} of the checks with this status."""
    return {
        (check["table"], check["column"], check["check"]): check["rows_failed"]
        for check in result.verdict["checks"]
        if check["status"] == status
    }


def found(result: IntakeResult) -> dict[tuple[str, str, str], list[tuple[int | None, str | None]]]:
    """Return {(table, column, check): [(line, pregnancy_id), ...]} of the findings."""
    rows: dict[tuple[str, str, str], list[tuple[int | None, str | None]]] = {}
    for row in result.findings.itertuples():
        line, who = (None if pd.isna(value) else value for value in (row.line, row.pregnancy_id))
        rows.setdefault((row.table, row.column, row.check), []).append((line, who))
    return rows
