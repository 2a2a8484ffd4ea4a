"""A centre's list of relapses with dates: whose each is, what is left out, and the counts they make.

Every expected value is arithmetic on the calendar.
"""

import re
import time
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from gravida.errors import ConfigurationError
from gravida.intake.mapping.apply import apply_mapping
from gravida.intake.mapping.draft import draft_mapping
from gravida.intake.mapping.file import read_mapping
from gravida.intake.reading.text import UNREADABLE_CELL, Text
from gravida.intake.submission import Site, intake_site
from hypothesis import given, settings
from hypothesis import strategies as st
from test_mapping import DMT_CODES, SCHEMA, failing, mapped_cells, records, table

# Born on 8 October 2014 after 280 days: the last menstrual period was on 1 January 2014, a year (365 days)
# before that is 1 January 2013, and day 365 is 8 October 2015.
BIRTH = date(2014, 10, 8)
MAPPING = """
version: 1
tables:
  pregnancies:
    file: births.csv
    delivery_date: born
    relapse_counts: from_relapses
    columns:
      pregnancy_id: {from: pregnancy}
      woman_id: {from: woman}
      delivery_year: {from: born, as: year}
      age_at_delivery: {value: 30}
      dmt_before: {value: none}
      ivig: {value: no}
      gestation_days: {from: gestation}
      observed_from_day: {from: seen_from}
      observed_to_day: {from: seen_to}
      next_conception_day: {from: next}
  relapses:
    file: attacks.csv
    link: {from: who}
    columns:
      onset_day: {from: began, as: day}
"""
OF_WOMEN = MAPPING.replace("{from: who}", "{from: who, to: woman_id}")
COUNTS = ("relapses_pre_year", "relapses_pregnancy", "relapses_post_year")


def leaving_out(*reasons: str, mapping: str = OF_WOMEN) -> str:
    return mapping.replace("    link:", f"    leave_out: [{', '.join(reasons)}]\n    link:")


BOTH = leaving_out("outside_observation", "without_pregnancy")


def births(*rows: str) -> str:
    """Return the pregnancies as CSV: pregnancy, woman, born, gestation, seen_from, seen_to, next."""
    lines = [";".join("" if cell == "-" else cell for cell in row.split()) for row in rows]
    return "\n".join(["pregnancy;woman;born;gestation;seen_from;seen_to;next", *lines])


def attacks(*rows: str) -> str:
    return "\n".join(["who;began", *(";".join(row.split()) for row in rows)])


def mapped(mapping: str, pregnancies: str, relapses: str):
    sources = {"births.csv": table(pregnancies, "births.csv"), "attacks.csv": table(relapses, "attacks.csv")}
    return apply_mapping(read_mapping(mapping, SCHEMA), sources, DMT_CODES)


def counts(found) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in COUNTS) for row in records(found.tables["pregnancies"])]


def onsets(found) -> list[tuple[str, str]]:
    return [(row["pregnancy_id"], row["onset_day"]) for row in records(found.tables["relapses"])]


def reasons(found) -> dict[str, int]:
    return dict(zip(found.reasons["reason"], found.reasons["rows"], strict=True))


LEFT = "no pregnancy observed on that day, left out"
STRANGERS = "none of the pregnancies, left out"
AGAIN = "a further pregnancy observed on that day, given to it too"
TO_MONTH = "known to the month, taken as its 15th"


def taken_in(mapping: str, files: dict[str, str]):
    codes = pd.DataFrame({"code": DMT_CODES})
    with TemporaryDirectory() as folder:
        paths = [_written(folder, name, content) for name, content in files.items()]
        site = Site("ljubno", "none", "2019-06-30")
        return intake_site(site, paths, codes, 30, mapping=read_mapping(mapping, SCHEMA))


def _written(folder: str, name: str, content: str) -> Path:
    path = Path(folder, name)
    path.write_text(content + "\n", encoding="utf-8")
    return path


def refused(mapping: str, pregnancies: str, relapses: str | None) -> dict[tuple[str, str, str], int]:
    files = {"births.csv": pregnancies} | ({} if relapses is None else {"attacks.csv": relapses})
    verdict = taken_in(mapping, files).verdict
    return {
        (check["table"], check["column"], check["check"]): check["rows_failed"]
        for check in verdict["checks"]
        if check["status"] == "fail"
    }


# --- The windows of the contract, at their edges.


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2013-01-01", ("1", "0", "0")),
        ("2013-12-31", ("1", "0", "0")),
        ("2014-01-01", ("0", "1", "0")),
        ("2014-10-07", ("0", "1", "0")),
        ("2014-10-08", ("0", "0", "1")),
        ("2015-10-07", ("0", "0", "1")),
        # The day before the year before the last menstrual period, and day 365.
        ("2012-12-31", ("0", "0", "0")),
        ("2015-10-08", ("0", "0", "0")),
    ],
)
def test_an_onset_counts_in_the_period_that_holds_its_day(day, expected):
    assert (BIRTH - timedelta(280), BIRTH + timedelta(364)) == (date(2014, 1, 1), date(2015, 10, 7))
    for link, mapping in (("P", MAPPING), ("W", OF_WOMEN)):
        wide = mapped(mapping, births("P W 2014-10-08 280 -1010 800 -"), attacks(f"{link} {day}"))
        assert counts(wide) == [expected]
        narrow = mapped(mapping, births("P W 2014-10-08 - - - -"), attacks(f"{link} {day}"))
        assert counts(narrow) == [expected]
        # What no period counts is a relapse all the same, which stays to be allowed or refused by the rules.
        assert onsets(wide) == onsets(narrow) == [("P", str((date.fromisoformat(day) - BIRTH).days))]


def test_the_next_conception_ends_the_year_after_delivery():
    assert BIRTH + timedelta(200) == date(2015, 4, 26)
    row = births("P W 2014-10-08 280 - - 200")
    found = mapped(leaving_out("outside_observation"), row, attacks("W 2015-04-25", "W 2015-04-26"))
    assert counts(found) == [("0", "0", "1")]
    assert onsets(found) == [("P", "199")]
    assert reasons(found) == {LEFT: 1}


def test_730_days_before_the_last_menstrual_period_an_onset_is_still_one():
    # The last menstrual period is on day -280.
    row = births("P W 2014-10-08 280 -5000 - -")
    first = BIRTH - timedelta(1010)
    relapses = attacks(f"W {first}", f"W {first - timedelta(1)}")
    assert onsets(mapped(leaving_out("outside_observation"), row, relapses)) == [("P", "-1010")]


def test_a_period_without_an_observed_day_has_no_count_but_the_year_after_delivery_has_0():
    # Observed from day -100 to day -1, from day 0 on, and on day -281 alone.
    rows = births("A V 2014-10-08 280 -100 0 -", "B W 2014-10-08 280 0 - -", "C X 2014-10-08 280 -281 -280 -")
    relapses = attacks("A 2014-10-07", "B 2014-10-08", "C 2013-12-31")
    assert counts(mapped(MAPPING, rows, relapses)) == [("", "1", "0"), ("", "", "1"), ("1", "", "0")]


def test_without_a_relapse_the_counts_are_0():
    assert counts(mapped(MAPPING, births("P W 2014-10-08 - - - -"), "who;began")) == [("0", "0", "0")]


def test_days_from_delivery_make_counts_as_dates_do():
    mapping = MAPPING.replace("{from: began, as: day}", "{from: began}")
    relapses = attacks("P -281", "P -280", "P -1", "P 364", "P 364")
    assert counts(mapped(mapping, births("P W 2014-10-08 - - - -"), relapses)) == [("1", "2", "2")]


def test_relapses_in_columns_of_the_pregnancies_make_counts():
    mapping = MAPPING[: MAPPING.index("  relapses:")]
    mapping += "  relapses:\n    from_table: pregnancies\n    leave_out: [outside_observation]\n    repeat:\n"
    mapping += "".join(f"      - {{onset_day: {{from: r{n}, as: day}}}}\n" for n in (1, 2, 3))
    text = births("P W 2014-10-08 - - - -").replace("next", "next;r1;r2;r3")
    found = mapped(mapping, f"{text};2014-05-05;2001-05-05;2015-01-01", "who;began")
    assert failing(found) == {}
    assert counts(found) == [("0", "1", "1")]
    assert reasons(found) == {LEFT: 1}


# --- Relapses of a woman.


def test_an_onset_belongs_to_every_pregnancy_that_was_observed_on_its_day():
    # Second delivery on 1 June 2016, day 602 of the first; its last menstrual period is on 26 August 2015.
    assert date(2016, 6, 1) - BIRTH == timedelta(602)
    assert date(2016, 6, 1) - timedelta(280) == date(2015, 8, 26)
    rows = births("A W 2014-10-08 280 - - 322", "B W 2016-06-01 280 - - -", "C V 2014-10-08 280 - - -")
    relapses = attacks(
        "W 2014-10-07",  # pregnancy A; 322 + 280 + 1 days before B, in the year before it
        "W 2014-08-26",  # in A; 365 days before the last menstrual period of B
        "W 2014-08-25",  # in A alone
        "W 2015-08-25",  # day 321 of A, and the day before the last menstrual period of B
        "W 2015-08-26",  # the next conception of A, so B alone
        "V 2015-10-08",  # day 365 of C: nowhere
    )
    found = mapped(leaving_out("outside_observation"), rows, relapses)
    assert onsets(found) == [
        *(("A", "-1"), ("B", "-603")),
        *(("A", "-43"), ("B", "-645")),
        ("A", "-44"),
        *(("A", "321"), ("B", "-281")),
        ("B", "-280"),
    ]
    assert found.tables["relapses"].lines.tolist() == [2, 2, 3, 3, 4, 5, 5, 6]
    assert counts(found) == [("0", "3", "1"), ("3", "1", "0"), ("0", "0", "0")]
    assert reasons(found) == {LEFT: 1, AGAIN: 3}


def test_one_that_is_outside_of_all_stays_with_the_nearest_to_be_refused_there():
    rows = births("A W 2010-01-01 280 - - -", "B W 2016-01-01 280 - - -")
    # Day 400 of A is 4 February 2011, and day 1000 of B 27 September 2018.
    relapses = attacks("W 2011-02-05", "W 2018-09-27")
    assert onsets(mapped(OF_WOMEN, rows, relapses)) == [("A", "400"), ("B", "1000")]
    inside = ("relapses", "onset_day", "onset_inside_observation")
    assert refused(OF_WOMEN, rows, relapses) == {inside: 2}
    assert refused(BOTH, rows, relapses) == {}


def test_relapses_of_other_women_are_left_out_only_where_that_is_declared():
    rows, relapses = births("A W 2014-10-08 280 - - -"), attacks("W 2014-05-05", "X soon", "Y 2014-05-05")
    unknown = "relapses", "pregnancy_id", "unknown_woman"
    assert failing(mapped(OF_WOMEN, rows, relapses)) == {unknown: [3, 4]}
    found = mapped(BOTH, rows, relapses)
    # Not even the dates of what is left out are read.
    assert failing(found) == {}
    assert onsets(found) == [("A", "-156")]
    assert reasons(found) == {STRANGERS: 2}
    # A row that names nobody is no relapse of another woman.
    nobody = attacks("W 2014-05-05") + "\n;2014-05-05"
    assert failing(mapped(BOTH, rows, nobody)) == {unknown: [3]}


def test_relapses_of_other_pregnancies_are_left_out_only_where_that_is_declared():
    rows, relapses = births("A W 2014-10-08 280 - - -"), attacks("A 2014-05-05", "B 2014-05-05")
    orphan = {("relapses", "onset_day", "no_delivery_date"): [3]}
    assert failing(mapped(MAPPING, rows, relapses)) == orphan
    found = mapped(leaving_out("without_pregnancy", mapping=MAPPING), rows, relapses)
    assert failing(found) == {}
    assert onsets(found) == [("A", "-156")]
    assert reasons(found) == {STRANGERS: 1}


def test_who_has_too_many_pregnancies_is_no_woman():
    rows = births(*(f"P{n} W {1980 + n}-01-01 - - - -" for n in range(31)))
    relapses = attacks("W 1990-01-01")
    assert failing(mapped(BOTH, rows, relapses)) == {("relapses", "pregnancy_id", "unknown_woman"): [2]}
    assert failing(mapped(BOTH, rows.rpartition("\n")[0], relapses)) == {}


@pytest.mark.parametrize(
    "mapping", [OF_WOMEN, BOTH, MAPPING, leaving_out("outside_observation", mapping=MAPPING)]
)
def test_a_row_that_is_there_twice_has_the_same_counts_and_the_relapse_is_there_once(mapping):
    who = "W" if "woman_id}" in mapping else "A"
    rows = births("A W 2014-10-08 280 - - -", "A W 2014-10-08 280 - - -")
    found = mapped(mapping, rows, attacks(f"{who} 2014-05-05"))
    assert counts(found) == [("0", "1", "0")] * 2
    assert onsets(found) == [("A", "-156")]


def test_onsets_of_a_woman_with_an_undated_delivery_have_no_place():
    # Whether the second one's window holds the onset cannot be known.
    rows = births("A W 2014-10-08 280 - - -", "B W - 280 - - -", "C V 2014-10-08 280 - - -")
    found = mapped(BOTH, rows, attacks("W 2014-05-05", "V 2014-05-05"))
    assert failing(found)["relapses", "onset_day", "no_delivery_date"] == [2]
    assert failing(found)["pregnancies", "delivery_date", "no_delivery_date"] == [3]
    assert onsets(found) == [("A", UNREADABLE_CELL), ("B", UNREADABLE_CELL), ("C", "-156")]
    # Neither is told, nor counted, as outside of what was observed.
    assert LEFT not in reasons(found) and AGAIN not in reasons(found)


# --- One fault is told once.

NO_ID = ("pregnancies", "pregnancy_id", "missing_value", 1)
TWO = ("A W 2014-10-08 280 - - -", "B W 2016-06-01 280 - - -")


@pytest.mark.parametrize(
    ("rows", "relapses", "expected"),
    [
        (("A W 2014-10-08 soon - - -",), ["W 2014-05-05"], ("pregnancies", "gestation_days", "type", 1)),
        (("A W 2014-10-08 500 - - -",), ["W 2014-05-05"], ("pregnancies", "gestation_days", "range", 1)),
        (("A W 2014-10-08 280 - x -",), ["W 2014-05-05"], ("pregnancies", "observed_to_day", "type", 1)),
        (("A - 2014-10-08 280 - - -",), ["W 2014-05-05"], ("pregnancies", "woman_id", "missing_value", 1)),
        (
            ("- W 2014-10-08 280 - - -",),
            ["W 2014-05-05"],
            ("pregnancies", "pregnancy_id", "missing_value", 1),
        ),
        (TWO, ["W 2014-05"], ("relapses", "onset_day", "not_a_date", 1)),
        # Without a date it is of either pregnancy, and missing in both.
        (TWO, ["W "], ("relapses", "onset_day", "missing_value", 2)),
        (TWO, ["V 2014-05-05"], ("relapses", "pregnancy_id", "unknown_woman", 1)),
        (TWO, ["W 2001-05-05"], ("relapses", "onset_day", "onset_inside_observation", 1)),
        (TWO, None, ("relapses", "", "missing_source", 1)),
    ],
)
def test_a_fault_is_told_once_under_its_own_name(rows, relapses, expected):
    text = (
        None if relapses is None else "\n".join(["who;began", *(row.replace(" ", ";") for row in relapses)])
    )
    assert refused(OF_WOMEN, births(*rows), text) == {expected[:3]: expected[3]}


def test_the_pages_and_findings_of_such_a_fault_hold_no_cell():
    answer = taken_in(OF_WOMEN, {"births.csv": births(*TWO), "attacks.csv": attacks("Qz7Marker 2014-05-05")})
    assert answer.verdict["verdict"] == "refused"
    for told in (str(answer.verdict), answer.page, answer.findings.to_csv()):
        assert "Qz7Marker" not in told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("{value: no}", "{value: no}\n      relapses_pre_year: {from: n}", "relapse_counts: a count"),
        ("    relapse_counts: from_relapses\n", "", "no source for relapses_post_year"),
        ("from_relapses", "by_hand", "relapse_counts: 'from_relapses' was expected"),
        (MAPPING[MAPPING.index("  relapses:") :], "", "relapse_counts: from which relapses"),
        ("{from: who}", "{from: who, to: husband}", "relapses.link.to"),
        ("{from: who}", "{from: who, to: woman_id}\n    delivery_date: born", "relapses.delivery_date"),
        (
            "{from: who}\n    columns:\n      onset_day: {from: began, as: day}",
            "{from: who, to: woman_id}\n    columns:\n      onset_day: {from: began}",
            "relapses.columns.onset_day",
        ),
        ("{from: who}", "{from: who}\n    leave_out: [everything]", "relapses.leave_out"),
        ("  relapses:", "  infusions:\n    leave_out: [outside_observation]", "infusions.leave_out"),
        ("  relapses:", "  infusions:\n    link: {from: who, to: woman_id}", "infusions.link.to"),
        ("{from: began, as: day}", "{from: began, as: day, month_only: first}", "onset_day.month_only"),
        ("{from: began, as: day}", "{from: began, month_only: middle}", "onset_day.month_only"),
        (
            "{from: gestation}",
            "{from: lmp, as: days_to_delivery, month_only: middle}",
            "gestation_days.month",
        ),
        ("{from: seen_to}", "{from: seen_to, as: day, month_only: middle}", "observed_to_day.month_only"),
    ],
)
def test_faults_of_these_keys_are_told_in_one_line(old, new, told):
    mapping = MAPPING.replace(old, new)
    if "infusions" in new:
        mapping = MAPPING + f"  infusions:\n    file: attacks.csv\n{new.partition('infusions:')[2][1:]}\n"
        mapping += "" if "link" in new else "    link: {from: who}\n"
        mapping += "    columns: {day: {from: began, as: day}, grams: {value: 1}}\n"
    assert mapping != MAPPING
    with pytest.raises(ConfigurationError) as problem:
        read_mapping(mapping, SCHEMA)
    assert told in str(problem.value)
    assert "\n" not in problem.value.line()


# --- Whatever the registry: the counts agree with the relapses, and no row vanishes.

DAYS = st.dates(date(2008, 1, 1), date(2016, 12, 31))
GESTATION = st.none() | st.integers(140, 308)


@st.composite
def pregnancy(draw):
    observed = draw(st.none() | st.integers(-1200, 300))
    until = draw(st.none() | st.integers(-400, 800))
    if None not in (observed, until):
        observed, until = sorted((observed, until))
    elif observed is not None:
        observed = min(observed, 365)
    return (
        draw(st.sampled_from("VWX")),
        draw(DAYS),
        draw(GESTATION),
        observed,
        # A follow-up that ends before the default beginning of observation would be refused.
        until,
        draw(st.none() | st.integers(1, 730)),
    )


def expected_of(row, days: list[date]) -> tuple[list[int], list[str]]:
    """Return the days of a woman's onsets that are relapses of this pregnancy, and its three counts."""
    _, birth, gestation, first, last, following = row
    lmp = -(gestation or 280)
    first = lmp - 365 if first is None else first
    last = min(365 if last is None else last, 10_000 if following is None else following)
    relative = [(day - birth).days for day in days]
    inside = [day for day in relative if max(first, lmp - 730) <= day < last]
    told = []
    for name, low, high in zip(COUNTS, (lmp - 365, lmp, 0), (lmp, 0, 365), strict=True):
        low, high = max(low, first), min(high, last)
        number = sum(low <= day < high for day in relative)
        told.append(str(number) if low < high or name == "relapses_post_year" else "")
    return inside, told


REGISTRY = (
    st.lists(pregnancy(), min_size=1, max_size=5),
    st.lists(st.tuples(st.sampled_from("VWXY"), DAYS), max_size=12),
)


def written(rows, relapses) -> tuple[str, str]:
    cells = [
        " ".join([f"P{place}", *("-" if cell is None else str(cell) for cell in row)])
        for place, row in enumerate(rows)
    ]
    return births(*cells), attacks(*(f"{who} {day}" for who, day in relapses))


@settings(max_examples=50, deadline=None)
@given(*REGISTRY)
def test_counts_are_those_of_the_windows_and_no_row_vanishes(rows, relapses):
    found = mapped(BOTH, *written(rows, relapses))
    expected = [expected_of(row, [day for who, day in relapses if who == row[0]]) for row in rows]
    assert [list(told) for told in counts(found)] == [told for _, told in expected]
    wanted = sorted((f"P{place}", str(day)) for place, (days, _) in enumerate(expected) for day in days)
    assert sorted(onsets(found)) == wanted
    why = reasons(found)
    assert len(wanted) == len(relapses) + why.get(AGAIN, 0) - why.get(LEFT, 0) - why.get(STRANGERS, 0)


@settings(max_examples=15, deadline=None)
@given(*REGISTRY)
def test_counts_made_from_relapses_agree_with_them_at_intake(rows, relapses):
    answer = taken_in(BOTH, dict(zip(("births.csv", "attacks.csv"), written(rows, relapses), strict=True)))
    told = {
        (check["check"], check["status"])
        for check in answer.verdict["checks"]
        if check["column"] in (*COUNTS, "onset_day") and check["status"] not in ("pass", "not_assessable")
    }
    assert told <= {("onset_30_days_apart", "pass_with_violations")}
    assert answer.verdict["verdict"] == "accepted"


# --- Dates that are known to the month.

MONTHS = OF_WOMEN.replace("as: day}\n", "as: day, month_only: middle}\n")


@pytest.mark.parametrize(
    ("cell", "order"),
    [
        *(("03.2015", ""), ("3. 2015", ""), ("3/2015", ""), ("2015-03", ""), ("2015/3", "dmy")),
        *(("mar 2015", ""), ("Marec 2015", ""), ("März 2015", ""), ("00-MAR-2015", ""), ("99 mar 2015", "")),
        *(("2015-03-00", ""), ("2015-03-99", "ymd"), ("00.03.2015", ""), ("99.03.2015", "")),
        *(("03/00/2015", ""), ("03/99/2015", "mdy"), ("00/03/2015", "dmy")),
    ],
)
def test_a_date_that_is_known_to_the_month_is_its_15th_where_that_is_declared(cell, order):
    # 15 March 2015 is 158 days after the delivery.
    assert date(2015, 3, 15) - BIRTH == timedelta(158)
    head = f"version: 1\ndate_order: {order}" if order else "version: 1"
    rows = births("P W 2014-10-08 280 - - -")
    relapses = f"who;began\nW;{cell}"
    mapping = MONTHS.replace("version: 1", head)
    found = mapped(mapping, rows.replace("2014-10-08", "8 oct 2014"), relapses)
    assert failing(found) == {}
    assert onsets(found) == [("P", "158")]
    assert reasons(found) == {TO_MONTH: 1}
    undeclared = mapped(mapping.replace(", month_only: middle", ""), rows, relapses)
    assert failing(undeclared) == {("relapses", "onset_day", "not_a_date"): [2]}
    (advice,) = (one.advice for one in undeclared.outcomes if one.failed)
    assert "month_only" in advice


@pytest.mark.parametrize(
    "cell",
    ["2015", "13.2015", "00.2015", "2015-00", "2015-00-00", "99.99.2015", "03.15", "xyz 2015", "3.1815"],
)
def test_what_is_not_even_a_month_is_no_date_though_months_are_declared(cell):
    mapping = MONTHS.replace("version: 1", "version: 1\ndate_order: dmy")
    found = mapped(mapping, births("P W 2014-10-08 280 - - -"), f"who;began\nW;{cell}")
    assert failing(found) == {("relapses", "onset_day", "not_a_date"): [2]}
    assert reasons(found) == {}


def test_a_whole_date_stays_itself_beside_months():
    relapses = "who;began\nW;07.03.2015\nW;13.03.2015\nW;03.2015\nW;"
    found = mapped(MONTHS, births("P W 2014-10-08 280 - - -"), relapses)
    assert [day for _, day in onsets(found)] == ["150", "156", "158", ""]
    assert reasons(found) == {TO_MONTH: 1}
    # Without a day that tells, the whole dates are still asked about.
    found = mapped(MONTHS, births("P W 2014-10-08 280 - - -"), "who;began\nW;07.03.2015\nW;03.2015")
    assert failing(found) == {("relapses", "onset_day", "ambiguous_date_order"): [2]}


def test_a_delivery_that_is_known_to_the_month_is_refused():
    found = mapped(MONTHS, births("P W 2014-10 280 - - -"), attacks("W 2015-03"))
    assert ("pregnancies", "delivery_date", "not_a_date") in failing(found)


# --- The draft.


def test_a_draft_proposes_the_link_to_the_woman_the_counts_and_the_months():
    pregnancies = table(
        "ID nosečnosti;ID bolnice;Datum poroda;Starost ob porodu;Zdravilo;Imunoglobulini\n"
        "A;W;8.10.2014;30;none;ne\nB;V;30.10.2014;31;none;da",
        "nosečnosti.csv",
    )
    relapses = table("ID bolnice;Datum zagona\nW;5.5.2014\nW;03.2015\nV;25.12.2014", "zagoni.csv")
    sources = {"nosečnosti.csv": pregnancies, "zagoni.csv": relapses}
    draft = draft_mapping(sources, DMT_CODES)
    assert "TODO" not in re.sub("# .*", "", draft)
    assert not re.search("2014|2015", draft)
    wanted = (
        "relapse_counts: from_relapses",
        'link: {from: "ID bolnice", to: woman_id}',
        "month_only: middle",
        "# A longer history: leave_out: [outside_observation, without_pregnancy]",
    )
    assert [draft.count(line) for line in wanted] == [1, 1, 1, 1]
    found = apply_mapping(read_mapping(draft, SCHEMA), sources, DMT_CODES)
    assert failing(found) == {}
    assert counts(found) == [("0", "1", "1"), ("0", "0", "1")]


def test_a_draft_takes_counts_that_are_there():
    pregnancies = table(
        "ID nosečnosti;ID bolnice;Datum poroda;Starost ob porodu;Zdravilo;Imunoglobulini;Zagoni po porodu\n"
        "A;W;8.10.2014;30;none;ne;1",
        "nosečnosti.csv",
    )
    relapses = table("ID nosečnosti;Datum zagona\nA;25.12.2014", "zagoni.csv")
    draft = draft_mapping({"nosečnosti.csv": pregnancies, "zagoni.csv": relapses}, DMT_CODES)
    assert "relapse_counts" not in draft and "woman_id}" not in draft and "month_only" not in draft
    assert mapped_cells(
        "relapses_post_year",
        apply_mapping(
            read_mapping(draft.replace('date_order: ""', "date_order: dmy"), SCHEMA),
            {"nosečnosti.csv": pregnancies, "zagoni.csv": relapses},
            DMT_CODES,
        ),
    ) == ["1"]


# --- Whatever the cells.

CELLS = st.text(st.characters(codec="utf-8", exclude_characters=';"\n\r'), max_size=8) | st.sampled_from(
    ["W", "P", "2014-10-08", "2014-10", "9" * 15, "-" + "9" * 15, "280", "1e9", UNREADABLE_CELL]
)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(CELLS, min_size=7, max_size=7), max_size=4),
    st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=4),
    st.sampled_from([BOTH, OF_WOMEN, MONTHS, MAPPING]),
)
def test_no_cell_makes_the_counts_fail(pregnancies, relapses, mapping):
    texts = {}
    for file, header, rows in (("births.csv", births(), pregnancies), ("attacks.csv", attacks(), relapses)):
        names = header.split(";")
        columns = [
            pa.chunked_array([[row[place] for row in rows]], pa.string()) for place in range(len(names))
        ]
        texts[file] = Text(tuple(names), tuple(columns), len(rows), np.arange(len(rows)) + 2, file)
    found = apply_mapping(read_mapping(mapping, SCHEMA), texts, DMT_CODES)
    assert found.tables["pregnancies"].rows == len(pregnancies)
    assert all(one.isdigit() or one == "" for told in counts(found) for one in told)
    for outcome in found.outcomes:
        assert set(outcome.lines.tolist()) <= {2, 3, 4, 5}


def test_a_long_history_takes_bounded_time():
    women, each = 20_000, 5
    rows = births(*(f"P{n} W{n} 2014-10-08 - - - -" for n in range(women)))
    relapses = attacks(*(f"W{n} {2010 + k}-05-05" for n in range(women) for k in range(each)))
    start = time.perf_counter()
    found = mapped(BOTH, rows, relapses)
    # About two seconds; fifteen leave room for a busy machine and none for work that grows faster than rows.
    assert time.perf_counter() - start < 15
    # Of 5 May of five years that of 2014 is in the pregnancy, and that of 2013 in the year before it.
    assert set(counts(found)) == {("1", "1", "0")}
    assert reasons(found) == {LEFT: 3 * women}
