"""A data cut against the ones before it, and a release against the last one."""

import pandas as pd
import pytest
from gravida.admission import warnings_of_unused
from gravida.intake.submission import DataCut, Site, intake_site
from gravida.ledger import kept, last_release, record_name, release_name
from gravida.releases import compare_releases
from gravida.tables import read_table
from submissions import ROOT, SEPARATION, valid, write_csv

CODES = read_table(ROOT / "resources/dmt_codes.csv")
FIRST, SECOND, THIRD = "2019-06-30", "2019-09-30", "2019-12-31"


PLAN = "a plan"


def with_cell(tables, row, column, value, table="pregnancies"):
    tables[table].iloc[row, tables[table].columns.get_loc(column)] = value
    return tables


def take_in(folder, *submissions, quarantine=False):
    """Take in the last of several submissions; the others are earlier data cuts."""
    cuts = []
    for date, tables in zip((FIRST, SECOND, THIRD), submissions, strict=False):
        (folder / date).mkdir(parents=True)
        cuts.append(DataCut(date, write_csv(folder / date, tables)))
    *earlier, now = cuts
    site = Site("ljubno", "individual", now.data_cut)
    return intake_site(
        site, now.files, CODES, SEPARATION, earlier=earlier, quarantine=quarantine
    )  # fmt: skip


def failing(result):
    return {
        (check["column"], check["check"]) for check in result.verdict["checks"] if check["status"] == "fail"
    }


def listed(result):
    return result.changes[["pregnancy_id", "change", "columns"]].to_numpy().tolist()


def test_the_same_again_changes_nothing(tmp_path):
    result = take_in(tmp_path, valid(), valid())
    assert failing(result) == set() and listed(result) == []
    (cut,) = result.verdict["earlier"]
    assert (cut["data_cut"], cut["pregnancies"]) == (FIRST, 6)
    assert (cut["added"], cut["changed"], cut["gone"]) == (0, 0, 0)


def test_order_and_spelling_of_the_same_values_change_nothing(tmp_path):
    tables = valid()
    tables = {name: frame.iloc[::-1] for name, frame in tables.items()}
    with_cell(tables, 0, "age_at_delivery", "35.0")
    with_cell(tables, 0, "ivig", "true")
    assert listed(take_in(tmp_path, valid(), tables)) == []


def test_changes_are_right_to_the_pregnancy(tmp_path):
    after = with_cell(valid(), 1, "edss_before", "2.5")
    after = with_cell(after, 0, "grams", "12", "infusions")
    rows = after["pregnancies"]
    new = rows.iloc[[4]].assign(pregnancy_id="P9", woman_id="W9")
    after["pregnancies"] = pd.concat([rows[rows["pregnancy_id"] != "P3"], new])
    after["infusions"] = after["infusions"][after["infusions"]["pregnancy_id"] != "P3"]
    result = take_in(tmp_path, valid(), after)
    assert listed(result) == [
        ["P1", "changed", "infusions"],
        ["P2", "changed", "edss_before"],
        ["P3", "gone", ""],
        ["P9", "added", ""],
    ]
    (cut,) = result.verdict["earlier"]
    assert (cut["added"], cut["changed"], cut["gone"]) == (1, 2, 1)
    # P1 and P2 are of one woman.
    assert (cut["women_added"], cut["women_changed"], cut["women_gone"], cut["women"]) == (1, 1, 1, 3)


@pytest.mark.parametrize(
    ("column", "value"), [("age_at_delivery", "34"), ("age_at_delivery", "31"), ("delivery_year", "2010")]
)
def test_a_pregnancy_that_became_another_one_is_refused(tmp_path, column, value):
    """P3 was a delivery in 2012 at the age of 33."""
    after = with_cell(valid(), 2, column, value)
    assert failing(take_in(tmp_path, valid(), after)) == {("pregnancy_id", "same_pregnancy")}


def test_a_pseudonym_keeps_its_meaning_over_gaps_and_small_steps(tmp_path):
    away = valid()
    away["pregnancies"] = away["pregnancies"].drop(index=2)
    away["infusions"] = away["infusions"].drop(index=2)
    other = with_cell(valid(), 2, "delivery_year", "2010")
    expected = {("pregnancy_id", "same_pregnancy")}
    assert failing(take_in(tmp_path / "gap", valid(), away, other)) == expected
    step = with_cell(valid(), 2, "age_at_delivery", "33.6")
    assert failing(take_in(tmp_path / "step", valid(), step, with_cell(valid(), 2, "age_at_delivery", "34.2"))
                   ) == expected  # fmt: skip
    aside = take_in(tmp_path / "aside", valid(), other, other, quarantine=True)
    assert "P3" not in aside.accepted["pregnancies"]["pregnancy_id"].tolist()


def test_women_that_changed_places_are_refused(tmp_path):
    """W2 was born about 1979 and W3 about 1984."""
    after = with_cell(with_cell(valid(), 2, "woman_id", "W3"), 3, "woman_id", "W2")
    assert failing(take_in(tmp_path, valid(), after)) == {("woman_id", "same_woman")}


def test_two_pseudonyms_that_prove_to_be_one_woman_are_no_fault(tmp_path):
    """W5 delivered in 2018 at 35 and W3 in 2014 at 30: born within a year of each other."""
    result = take_in(tmp_path, valid(), with_cell(valid(), 5, "woman_id", "W3"))
    assert failing(result) == set()
    assert listed(result) == [["P6", "changed", "woman_id"]]


def test_an_age_may_become_more_exact(tmp_path):
    result = take_in(tmp_path, valid(), with_cell(valid(), 2, "age_at_delivery", "33.9"))
    assert failing(result) == set()
    assert listed(result) == [["P3", "changed", "age_at_delivery"]]


@pytest.mark.parametrize(("age", "refused"), [("36", False), ("35", False), ("34", True), ("40", True)])
def test_a_woman_who_became_another_one_is_refused(tmp_path, age, refused):
    """W2 delivered in 2012 at 33: in 2015 she is 36, give or take a year for birthdays."""
    after = valid()
    rows = after["pregnancies"]
    new = rows.iloc[[4]].assign(pregnancy_id="P9", woman_id="W2", delivery_year="2015", age_at_delivery=age)
    # Without her first pregnancy in the new data cut, only the earlier one can tell.
    after["pregnancies"] = pd.concat([rows[rows["pregnancy_id"] != "P3"], new])
    after["infusions"] = after["infusions"][after["infusions"]["pregnancy_id"] != "P3"]
    expected = {("woman_id", "same_woman")} if refused else set()
    assert failing(take_in(tmp_path, valid(), after)) == expected


def test_a_refused_data_cut_is_nothing_to_compare_with(tmp_path):
    """Otherwise a pseudonym that changed its meaning could be sent twice, and pass the second time."""
    other = with_cell(valid(), 2, "delivery_year", "2009")
    result = take_in(tmp_path, valid(), other, other)
    assert failing(result) == {("pregnancy_id", "same_pregnancy")}
    assert result.verdict["earlier"] == [] and listed(result) == []
    assert result.verdict["not_compared"] == [SECOND]
    back = take_in(tmp_path / "back", valid(), other, valid())
    assert failing(back) == set()
    assert [cut["data_cut"] for cut in back.verdict["earlier"]] == [FIRST]


def test_a_data_cut_that_cannot_be_read_is_passed_over(tmp_path):
    result = take_in(tmp_path, {"pregnancies": pd.DataFrame({"a": ["1"]})}, valid())
    assert failing(result) == set() and result.verdict["earlier"] == []
    assert result.verdict["not_compared"] == [FIRST]
    assert "Not compared with earlier data cuts" in result.page
    (line,) = warnings_of_unused([result.verdict], [])
    assert line == f"Warning: site ljubno: nothing is compared with data cut {FIRST}: refused"


def test_a_changed_pseudonym_can_be_set_aside(tmp_path):
    result = take_in(tmp_path, valid(), with_cell(valid(), 2, "delivery_year", "2009"), quarantine=True)
    assert result.verdict["verdict"] == "accepted"
    assert "P3" not in result.accepted["pregnancies"]["pregnancy_id"].tolist()
    assert listed(result) == [["P3", "gone", ""]]


def test_releases_follow_each_other_by_their_data_cuts():
    one, two = release_name({"a": FIRST, "b": FIRST}), release_name({"a": FIRST, "b": SECOND})
    assert one != two and one.startswith(FIRST) and two.startswith(SECOND)
    assert release_name({"b": FIRST, "a": FIRST}) == one
    assert last_release(one, {}) == ""
    known = {}
    turns = [(one, "x", ""), (two, "x", f"{one}-x"), (one, "x", f"{two}-x"), ("new", "x", f"{one}-x")]
    # Under another plan it is a release of its own, and the last one is still the one of other data cuts.
    turns += [("new", "y", f"{one}-x"), ("new", "x", f"{one}-x")]
    for turn, (name, plan, before) in enumerate(turns, start=1):
        assert last_release(name, known) == before
        record = kept({"release": name, "plan": plan}, known)
        assert record["turn"] == turn
        known[record_name(name, plan)] = record
        # Run again, it is compared with what it was compared with before, and nothing is kept anew.
        assert last_release(name, known) == before
        assert kept({"release": name, "plan": plan}, known) is None
    # Where the numbers of the same release moved, that is kept in its place.
    assert kept({"release": "new", "plan": "x", "headline": {}}, known)["turn"] == 6


def compared(earlier, last, pregnancies=66, rate=0.3, data_cut=SECOND, plan=PLAN):
    verdicts = [{"site": "north", "data_cut": data_cut, "earlier": earlier, "verdict": "accepted"}]
    attrition = pd.DataFrame(
        [(site, "submitted", "accepted", pregnancies, 60) for site in ("all", "north")],
        columns=["site", "step", "reason", "pregnancies", "women"],
    )
    rates = pd.DataFrame(
        [("arm", arm, "postpartum_year", 30, relapses, number)
         for arm, relapses, number in (("treated", 9, rate), ("untreated", 12, 0.4))],
        columns=["group", "arm", "period", "women", "relapses", "rate"],
    )  # fmt: skip
    counts = {"women": 60, "women_numerator": 30, "women_denominator": 30}
    counts |= {"relapses_numerator": 12, "relapses_denominator": 9}
    ratios = pd.DataFrame(
        [
            {"is_primary": True, "rate_ratio": 0.4 / rate, "lower": 0.5, "upper": 2.5, **counts},
            {"is_primary": False, "rate_ratio": 9.0, "lower": 1.0, "upper": 99.0, **counts},
        ]
    )
    return compare_releases(
        verdicts, attrition, rates, ratios, {"verdict": "between sites only"}, "postpartum_year", plan, last
    )


def moved(table):
    return {
        (row["site"], row["what"]): (row["before"], row["after"])
        for row in table.astype(object).where(table.notna(), None).to_dict("records")
    }


CUT = {
    "data_cut": FIRST, "pregnancies": 60, "added": 7, "changed": 5, "gone": 1, "women": 11,
    "women_added": 6, "women_changed": 4, "women_gone": 1,
}  # fmt: skip


def test_the_first_release_says_that_there_is_none_before():
    first = compared([], None, data_cut=FIRST)
    assert [(row["what"], row["after"]) for row in first.changes.to_dict("records")] == [
        ("release", release_name({"north": FIRST}))
    ]
    assert first.changes["reason"].iloc[0].startswith("The first release")


def test_headline_numbers_are_those_of_both_releases():
    first = compared([], None, pregnancies=60, rate=0.25, data_cut=FIRST)
    second = compared([CUT], first.record)
    told = moved(second.changes)
    assert told["all", "rate_treated"] == (0.25, 0.3)
    assert told["all", "rate_untreated"] == (0.4, 0.4)
    assert told["all", "rate_ratio"] == (0.4 / 0.25, 0.4 / 0.3)
    assert told["all", "pregnancies"] == (60, 66)
    assert told["north", "data_cut"] == (FIRST, SECOND)
    assert [told["north", f"pregnancies_{kind}"][1] for kind in ("added", "changed", "gone")] == [7, 5, 1]
    rows = second.changes.set_index(["site", "what"])
    # A single woman is gone: with the totals, each of the other numbers would tell of her.
    assert (rows.loc["north"].loc["pregnancies":, "women"] == 1).all()
    assert (rows["women_changed"].drop(("all", "release")) == 11).all()
    assert not rows["reason"].any()
    other = compared([CUT], first.record, plan="another plan").changes.set_index(["site", "what"])
    assert "plan" in other.loc[("all", "rate_ratio"), "reason"]


def test_a_data_cut_that_was_skipped_is_compared_with_the_one_released():
    first = compared([], None, data_cut=FIRST)
    between = CUT | {"data_cut": SECOND, "added": 99}
    told = moved(compared([CUT, between], first.record, data_cut=THIRD).changes)
    assert told["north", "pregnancies_added"][1] == 7


def test_without_a_release_before_the_data_cut_before_counts():
    told = moved(compared([CUT], None).changes)
    assert told["north", "pregnancies"] == (60, 66)
    assert told["north", "pregnancies_gone"] == (None, 1)
    assert ("all", "rate_ratio") not in told


def test_a_site_that_sent_nothing_new_has_no_row():
    first = compared([], None, data_cut=FIRST)
    assert "north" not in compared([], first.record, data_cut=FIRST).changes["site"].tolist()


def test_an_earlier_data_cut_that_is_not_kept_is_said():
    first = compared([], None, pregnancies=60, data_cut=FIRST)
    table = compared([], first.record).changes.set_index(["site", "what"])
    assert table.loc[("north", "pregnancies"), "before"] == 60
    assert pd.isna(table.loc[("north", "pregnancies_added"), "after"])
    assert table.loc[("north", "pregnancies_added"), "reason"]
    # Who differs is not known: it may be a single woman.
    assert (table["women_changed"].drop(("all", "release")) == 1).all()


def test_sites_come_and_go():
    first = compared([], None, data_cut=FIRST)
    other = first.record | {"sites": {"south": {"data_cut": FIRST, "pregnancies": 40, "women": 35}}}
    table = compared([], other, data_cut=FIRST).changes
    # Of 60 women of the one site and 35 of the other, the fewer decide what the whole may tell.
    assert set(table.loc[table["site"] == "all", "women_changed"]) == {0, 35}
    told = moved(table)
    assert told["south", "pregnancies"] == (40, 0) and told["south", "pregnancies_gone"] == (None, 40)
    assert told["north", "pregnancies"] == (0, 66) and told["north", "pregnancies_added"] == (None, 66)
