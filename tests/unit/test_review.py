"""The review sheet: what it says of small tables is read off them."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gravida.errors import ReleaseRefused
from gravida.report.review import FIGURES, TITLES, ReviewContext, ReviewedTable, review_release

from schemas.release import RELEASED, STAY, roles_of

RULES = Path(__file__).parents[2] / "workflow/rules"
MEANINGS = {"small": "few women are behind it", "dominance": "one woman has most of it"}
SECRET = 0.123456789
RATE = {
    "group": "arm", "arm": "treated", "site": "all", "period": "postpartum_year", "pregnancies": 70,
    "women": 60, "relapses": 19, "women_with_relapse": 16, "relapses_most": 7777,
    "person_years": SECRET, "rate": SECRET, "lower": SECRET, "upper": SECRET,
    "robust_lower": np.nan, "robust_upper": np.nan,
}  # fmt: skip
FEW = RATE | {"arm": "untreated", "women": 52, "relapses": 7, "women_with_relapse": 3}
ANSWERS = ("relapses", "person_years", "rate", "lower", "upper")
TAKEN = {(1, column): "small" for column in ANSWERS}


def baseline(unknown=0, **women_of_arm):
    """Every outcome is a live birth, but for the women of each arm of whom it is not known."""
    rows = []
    for arm, women in women_of_arm.items():
        rows += [("women", "", "n", arm, women, women), ("outcome", "", "missing", arm, unknown, unknown)]
        rows += [
            ("outcome", level, statistic, arm, value, inside)
            for level, share, inside in (("live_birth", 100, women - unknown), ("stillbirth", 0, 0))
            for statistic, value in (("n", inside), ("percent", share))
        ]
    frame = pd.DataFrame(rows, columns=["variable", "level", "statistic", "arm", "value", "women"])
    return frame.assign(women_at_value=np.nan, women_apart=np.nan)


def safety(*rows):
    told = [
        {"arm": arm, "term": term, "women": women, "percent": percent} for arm, term, women, percent in rows
    ]
    columns = [column for column in roles_of("safety") if column != "suppressed"]
    return pd.DataFrame(told).reindex(columns=columns).assign(status="ok", reason="", with_event=0)


def internal_tables():
    sites = [("north", "all", 70, 60, 70, 1.0), ("south", "none", 61, 52, 0, 0.0)]
    columns = ["site", "policy", "pregnancies", "women", "treated", "share_treated"]
    estimable = {"contrast": "untreated/treated", "women": 112, "parameters": 7, "status": "ok"}
    return {
        "baseline": baseline(treated=60, untreated=52),
        "estimability": pd.DataFrame([estimable, estimable | {"parameters": 99, "status": "not_estimable"}]),
        "identifiability": pd.DataFrame(sites, columns=columns),
        "relapse_rates": pd.DataFrame([RATE, FEW]),
        "safety": safety(("treated", "rash", 60, 9.9)),
    }


def gated(name, table, taken):
    """Return a table without its guards and without these cells."""
    roles = roles_of(name)
    released = table[[column for column in table if roles[column] not in STAY]].copy()
    for row, column in taken:
        released[column] = released[column].mask(released.index == row)
    return released.assign(suppressed=[row in {of for of, _ in taken} for row in table.index])


def decisions(name, taken):
    return pd.DataFrame(
        [(name, row, column, rule) for (row, column), rule in taken.items()],
        columns=["table", "row", "column", "rule"],
    )


def context(**changes):
    site = {"data_cut": "2026-06-30", "pregnancies": 70, "women": 60}
    record = {"release": "2026-06-30-aaaa", "plan": "plan-one", "sites": {"north": site, "south": site}}
    configuration = {
        "sites": "/home/of/somebody/sites.tsv",
        "evidence": {"studies": "/home/of/somebody/studies.csv", "superseded": ["one", "two"]},
        "disclosure": {"profile": "default", "min_women": 5},
    }
    verdict = {"verdict": "between sites only", "reason": "Two sites, two policies."}
    return replace(
        ReviewContext(record, None, configuration, verdict, "The rate ratio is 1.4.", 5), **changes
    )


def review(tables=None, taken=None, released=None, meanings=MEANINGS, **changes):
    tables = tables or internal_tables()
    taken = {"relapse_rates": TAKEN} if taken is None else taken
    out = {name: gated(name, table, taken.get(name, {})) for name, table in tables.items()} | (released or {})
    found = [decisions(name, cells) for name, cells in taken.items()]
    return review_release(tables, out, found, meanings, context(**changes))


class Reader(HTMLParser):
    """Collects the cells of each table row, the items of lists, and the links within the page."""

    def __init__(self):
        super().__init__()
        self.rows, self.items, self.ids, self.links, self.open = [], [], set(), set(), None

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids |= {given["id"]} if "id" in given else set()
        self.links |= {given["href"]} if "href" in given else set()
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.open = self.rows[-1]
        if tag == "li":
            self.items.append("")
            self.open = self.items

    def handle_endtag(self, tag):
        if tag in ("td", "th", "li"):
            self.open = None

    def handle_data(self, data):
        if self.open is not None:
            self.open[-1] = " ".join(f"{self.open[-1]} {data}".split())


def read(page):
    reader = Reader()
    reader.feed(page)
    return reader


def row_of(page, *first):
    """Return the cells of the rows that begin with these."""
    return [row[len(first) :] for row in read(page).rows if tuple(row[: len(first)]) == first]


def test_each_table_says_what_is_shown_and_what_each_rule_withheld():
    page = review(taken={"relapse_rates": TAKEN | {(0, "lower"): "dominance"}})
    # 3 counts and 4 other numbers in each row, less 5 and less 1.
    (rates,) = row_of(page, "relapse_rates")
    assert rates[1:] == ["2", "8", "small 5, dominance 1", "52"]
    (sites,) = row_of(page, "identifiability")
    assert sites[1:] == ["2", "8", "none", "52"]
    assert [row_of(page, code)[0] for code in MEANINGS] == [
        ["few women are behind it", "5"],
        ["one woman has most of it", "1"],
    ]


def test_women_who_guard_a_row_are_behind_its_numbers_where_all_of_them_are_shown():
    table = pd.DataFrame([RATE, FEW])
    whole = ReviewedTable("relapse_rates", table, gated("relapse_rates", table, {}), {})
    assert whole.smallest() == 3
    assert ReviewedTable("relapse_rates", table, gated("relapse_rates", table, TAKEN), TAKEN).smallest() == 16
    everything = {(row, column): "small" for row in (0, 1) for column in ("pregnancies", "women", *ANSWERS)}
    nothing = gated("relapse_rates", table, everything)
    assert ReviewedTable("relapse_rates", table, nothing, everything).smallest() is None


def test_women_with_an_event_are_behind_a_number_where_their_own_number_is_shown():
    table = safety(("treated", "rash", 60, 9.9)).assign(women_with_event=4)
    for column, smallest in (("women_with_event", 60), ("percent", 4)):
        taken = {(0, column): "small"}
        assert ReviewedTable("safety", table, gated("safety", table, taken), taken).smallest() == smallest


def test_women_who_share_a_value_are_not_those_behind_it():
    table = baseline(treated=60).assign(women_at_value=1)
    assert ReviewedTable("baseline", table, gated("baseline", table, {}), {}).smallest() == 60


def test_a_number_on_too_few_women_is_told_first():
    told = "relapse_rates: a number is shown that rests on fewer women than the threshold."
    assert told in read(review(taken={})).items
    assert told not in read(review()).items
    assert told not in read(review(taken={}, threshold=3)).items


def test_what_no_rule_withheld_and_what_was_not_withheld_is_told():
    tables = internal_tables()
    held = gated("relapse_rates", tables["relapse_rates"], TAKEN)
    as_decided = review(tables, released={"relapse_rates": held})
    assert "Nothing to settle first" in as_decided and read(as_decided).items == []
    one_more = held.assign(pregnancies=[70, np.nan])
    one_less = held.assign(relapses=[19.0, 7.0])
    renamed = held.assign(arm=["treated", "somebody"])
    for wrong in (one_more, one_less, renamed):
        items = read(review(tables, released={"relapse_rates": wrong})).items
        assert "relapse_rates: 1 cells are not as the decisions about them say." in items


def test_a_decision_about_a_cell_that_was_empty_is_no_difference():
    taken = {"relapse_rates": TAKEN | {(1, "robust_lower"): "small"}}
    assert read(review(taken=taken)).items == []


def test_a_rule_that_nobody_put_in_words_is_told():
    taken = {"relapse_rates": dict.fromkeys(TAKEN, "whim")}
    page = review(taken=taken)
    assert read(page).items == ["relapse_rates: no sentence says what these rules mean: whim."]
    assert row_of(page, "whim") == [["(no sentence says it)", "5"]]


def test_rows_hold_labels_counts_and_what_was_withheld_and_no_other_number():
    page = review()
    assert row_of(page, "arm · untreated · all · postpartum_year") == [
        [
            "pregnancies 70, women 52, relapses 7, women_with_relapse 3",
            "small: relapses, person_years, rate, lower, upper",
        ]
    ]
    assert str(SECRET) not in page and "0.12" not in page
    # The most relapses of one woman are her own number.
    assert "relapses_most" not in page and "7777" not in page


def test_shown_percentages_of_0_and_100_of_small_groups_are_listed():
    """One woman's outcome is not known: of 10 and 11 women it is known of 9 and 10."""
    tables = internal_tables() | {
        "baseline": baseline(unknown=1, treated=10, untreated=11),
        "safety": safety(
            ("treated", "rash", 9, 0.0), ("treated", "fever", 10, 0.0), ("treated", "other", 9, 50.0)
        ),
    }
    page = review(tables)
    assert row_of(page, "baseline") [1:] == [
        ["outcome · live_birth · percent · treated", "100", "9", "may be known not"],
        ["outcome · stillbirth · percent · treated", "0", "9", "may be known not"],
    ]  # fmt: skip
    assert row_of(page, "safety")[1:] == [["treated · rash · ok", "0", "9", "may be known not"]]
    assert "0% or 100% of a small group is shown 3 times; they are listed below." in read(page).items
    hidden = tables["baseline"].index[tables["baseline"]["statistic"] == "percent"]
    taken = {"baseline": {(row, "value"): "small" for row in hidden}, "relapse_rates": TAKEN}
    assert row_of(review(tables, taken), "baseline")[1:] == []


def test_the_release_before_is_set_beside_this_one():
    site = {"data_cut": "2025-06-30", "pregnancies": 33, "women": 31}
    last = {"release": "2025-06-30-bbbb", "plan": "plan-one", "sites": {"north": site, "west": site}}
    page = review(last=last)
    assert "release 2025-06-30-bbbb" in page and "the same analysis plan" in " ".join(page.split())
    now = ["2026-06-30", "70", "60"]
    assert row_of(page, "north") == [["to every woman", *now, "2025-06-30", "33", "31"]]
    assert row_of(page, "south") == [["to no woman", *now, "–", "–", "–"]]
    assert row_of(page, "west") == [["–", "–", "–", "–", "2025-06-30", "33", "31"]]
    other = review(last=last | {"plan": "plan-two"})
    assert "The analysis plan is another one than that of the release before." in read(other).items
    assert "No release before this one is on record." in review()


def test_the_checklist_says_what_the_software_found_and_what_it_does_not_look_at():
    page = review()
    (counts,) = row_of(page, "Small counts")
    assert counts[1].startswith("Fewest women behind a number: 16; threshold: 5.")
    assert counts[1].endswith("Cells withheld: small 5.")
    (models,) = row_of(page, "Models")
    assert "Fewest women beyond the coefficients: 105." in models[1]
    assert models[1].endswith("No rule of the gate looks at this.")
    (dominance,) = row_of(page, "Dominance")
    assert dominance[1] == "Cells withheld: dominance 0."
    assert {"Reviewed by", "And by a second person"} <= {row[0] for row in read(page).rows if row}


def test_the_page_needs_nothing_else_and_is_the_same_twice():
    page = review(synthetic=(True, False))
    assert "Rows of at least one site are invented: what is shown is no result." in read(page).items
    assert "<script" not in page and "://" not in page and not re.search(r"\bsrc=", page)
    reader = read(page)
    assert {link.removeprefix("#") for link in reader.links} <= reader.ids
    assert page == review(synthetic=(True, False))


def test_the_plan_is_shown_without_places_and_no_label_becomes_markup():
    tables = internal_tables()
    tables["safety"] = safety(("treated", "<b>rash</b>", 60, 9.9), ("treated", "x" * 90, 60, 9.9))
    page = review(tables)
    assert "somebody" not in page
    assert row_of(page, "evidence.superseded") == [["one, two"]]
    assert "&lt;b&gt;rash" in page and "<b>rash" not in page
    assert "x" * 59 + "…" in page and "x" * 60 not in page


def test_a_table_that_lost_a_row_is_refused():
    fewer = gated("relapse_rates", pd.DataFrame([RATE]), {})
    with pytest.raises(ReleaseRefused, match="relapse_rates has other rows after the gate"):
        review(taken={}, released={"relapse_rates": fewer})


def test_every_table_is_in_words_and_every_figure_has_its_tables():
    rules = "\n".join(path.read_text(encoding="utf-8") for path in sorted(RULES.glob("*.smk")))
    blocks = [block for block in re.split(r"^rule ", rules, flags=re.MULTILINE) if block.startswith("draw_")]
    drawn, read_there = (
        {name for block in blocks for name in re.findall(rf"results/release/{folder}/(\w+)[.]", block)}
        for folder in ("figures", "tables")
    )
    assert set(FIGURES) == drawn
    assert {table for tables in FIGURES.values() for table in tables} == read_there
    assert set(TITLES) == set(RELEASED)
