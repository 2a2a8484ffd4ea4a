"""Adverse events, doses and who was treated in spite of what: small cohorts whose answer can be counted."""

import numpy as np
import pandas as pd
import pytest
from gravida.models.exact import clopper_pearson
from gravida.report.display import table_html
from gravida.report.sections.cost_and_safety import DOSES, SAFETY, regimen
from gravida.statistics.doses import describe_doses, read_regimen
from gravida.statistics.safety import CONTRAINDICATIONS, tabulate_safety

from schemas.submission import TERMS

EVENT_COLUMNS = ["pregnancy_id", "day", "term", "serious"]
OBSERVATION = ("gestation_days", "observed_from_day", "observed_to_day", "next_conception_day")


def cohort(*rows: tuple) -> pd.DataFrame:
    """Return pregnancies of (site, id, woman, arm[, other columns])."""
    records = []
    for site, name, woman, arm, *more in rows:
        record = {"site": site, "pregnancy_id": name, "woman": woman, "arm": arm, "received": arm}
        records.append(record | (more[0] if more else {}))
    frame = pd.DataFrame(records)
    frame = frame.reindex(columns=list(dict.fromkeys([*frame, *OBSERVATION, *CONTRAINDICATIONS])))
    types = {"site": "string", "pregnancy_id": "string", "arm": "string", "received": "string"}
    types |= dict.fromkeys(OBSERVATION, "Int64") | dict.fromkeys(CONTRAINDICATIONS, "boolean")
    return frame.astype(types)


def events(*rows: tuple) -> pd.DataFrame:
    types = {"pregnancy_id": "string", "day": "Int64", "term": "string", "serious": "boolean"}
    return pd.DataFrame(list(rows), columns=EVENT_COLUMNS).astype(types)


def doses(**given: str) -> pd.DataFrame:
    """Return infusions of 10 g: pregnancy -> days."""
    rows = [(name, int(day), 10.0) for name, days in given.items() for day in days.split()]
    types = {"pregnancy_id": "string", "day": "Int64", "grams": "float64"}
    frame = pd.DataFrame(rows, columns=["pregnancy_id", "day", "grams"]).astype(types)
    return frame.assign(grams_per_kg=np.nan)


def row(table: pd.DataFrame, **where: object) -> pd.Series:
    chosen = np.all([table[name] == value for name, value in where.items()], axis=0)
    assert chosen.sum() == 1
    return table[chosen].iloc[0]


TWO_SITES = cohort(
    ("a", "p1", 1, "treated"),
    ("a", "p2", 1, "treated"),
    ("a", "p3", 2, "treated"),
    ("a", "p4", 3, "untreated"),
    ("b", "p1", 4, "treated"),
    ("b", "p2", 5, "untreated"),
)
REPORTED = events(
    ("p1", 3, "headache", False),
    ("p1", 40, "headache", True),
    ("p2", 5, "headache", False),
    ("p2", -20, "rash", False),
    ("p4", 9, "infection", False),
)


@pytest.mark.parametrize(
    ("counts", "confidence", "limits"),
    [
        # R: 100 * binom.test(events, trials, conf.level = confidence)$conf.int
        ((6, 71), 0.95, (3.164602813342261, 17.491605582103929)),
        ((1, 71), 0.95, (0.03565252746033894, 7.59934161211035519)),
        ((3, 8), 0.95, (8.523341413725356, 75.513678363344837)),
        ((3, 8), 0.90, (11.11127066076292, 71.07591834981906)),
        # Closed forms: 1 - tail^(1/n) with no event, tail^(1/n) where all have one.
        ((0, 5), 0.95, (0.0, 100 * (1 - 0.025 ** (1 / 5)))),
        ((8, 8), 0.95, (100 * 0.025 ** (1 / 8), 100.0)),
    ],
)
def test_exact_limits(counts: tuple[int, int], confidence: float, limits: tuple[float, float]) -> None:
    found = np.multiply(100, clopper_pearson(*counts, confidence))
    # R's limits hold 14 digits of the quantile of the beta distribution.
    assert found == pytest.approx(limits, rel=1e-12)


def test_rows_of_the_table() -> None:
    table = tabulate_safety(TWO_SITES, {"a": REPORTED}, {}, 0.95)
    terms = ["any", *TERMS, "thrombosis_postpartum"]
    for arm in ("treated", "untreated", "all"):
        own = table[(table["arm"] == arm) & ~table["term"].str.startswith("treated_despite")]
        assert own["term"].tolist() == terms
    despite = table[table["term"].str.startswith("treated_despite")]
    assert set(despite["arm"]) == {"treated"}
    assert despite["term"].str.partition(":")[2].tolist() == [*CONTRAINDICATIONS, "any"]
    contract = [
        "arm",
        "term",
        "women",
        "pregnancies",
        "with_event",
        "percent",
        "serious",
        "infusions",
        "grams",
    ]
    assert set(contract) < set(table.columns)


def test_a_pregnancy_counts_once_and_a_silent_site_not_at_all() -> None:
    table = tabulate_safety(TWO_SITES, {"a": REPORTED}, {}, 0.95)
    found = row(table, arm="treated", term="headache")
    # p1 twice and p2 once, both of woman 1; p1 of site b is another pregnancy.
    assert found[["pregnancies", "women", "with_event", "women_with_event"]].tolist() == [3, 2, 2, 1]
    assert found[["serious", "women_with_serious"]].tolist() == [1, 1]
    assert found["percent"] == pytest.approx(100 * 2 / 3)
    # R: 100 * binom.test(2, 3)$conf.int
    assert found[["lower", "upper"]].tolist() == pytest.approx([9.429932405024614, 99.159624134038737])
    assert found["reason"] == "1 of 2 sites sent adverse events, the others are left out"
    assert row(table, arm="treated", term="rash")["with_event"] == 1, "the day before delivery counts"
    assert row(table, arm="all", term="any")[["pregnancies", "with_event"]].tolist() == [4, 3]
    never = row(table, arm="all", term="anaphylaxis")
    assert never[["with_event", "percent", "lower", "serious"]].tolist() == [0, 0, 0, 0]


def test_an_empty_table_says_that_nothing_happened() -> None:
    table = tabulate_safety(TWO_SITES, {"a": REPORTED, "b": events()}, {}, 0.95)
    found = row(table, arm="treated", term="headache")
    assert found[["pregnancies", "with_event", "status", "reason"]].tolist() == [4, 2, "ok", ""]
    silent = tabulate_safety(TWO_SITES, {"a": events(), "b": events()}, {}, 0.95)
    assert row(silent, arm="all", term="any")[["pregnancies", "with_event"]].tolist() == [6, 0]


def test_no_site_sent_adverse_events() -> None:
    table = tabulate_safety(TWO_SITES, {}, {"a": doses(p1="1")}, 0.95)
    own = table[~table["term"].str.startswith("treated_despite")]
    assert set(own["status"]) == {"not_estimable"}
    assert set(own["reason"]) == {"no site sent adverse events"}
    assert (own["pregnancies"] == 0).all()
    numbers = ["with_event", "percent", "lower", "upper", "serious", "infusions", "grams"]
    assert own[numbers].isna().all(axis=None)


def test_an_arm_without_pregnancies_at_a_site_that_sent_the_table() -> None:
    rows = cohort(("a", "p1", 1, "treated"), ("b", "p1", 2, "untreated"))
    table = tabulate_safety(rows, {"a": REPORTED}, {}, 0.95)
    found = row(table, arm="untreated", term="any")
    assert found["status"] == "not_estimable"
    assert found["reason"] == "no untreated pregnancy is from a site that sent adverse events"
    assert row(table, arm="treated", term="rash")["reason"] == "", "every site with treated sent it"


@pytest.mark.parametrize(
    ("day", "observed", "answer"),
    [
        # First and last day, next conception; with thrombosis on an observed day of the year, pregnancies.
        (-1, (None, None, None), (0, 2)),
        (0, (None, None, None), (1, 2)),
        (364, (None, None, None), (1, 2)),
        (365, (None, 500, None), (0, 2)),
        (100, (None, 100, None), (0, 2)),
        (99, (None, 100, None), (1, 2)),
        (200, (None, 500, 200), (0, 2)),
        (29, (30, None, None), (0, 2)),
        (30, (30, None, None), (1, 2)),
        (5, (None, 0, None), (0, 1)),
    ],
)
def test_thrombosis_after_delivery(day: int, observed: tuple, answer: tuple[int, int]) -> None:
    stated = dict(zip(OBSERVATION[1:], observed, strict=True))
    rows = cohort(("a", "p1", 1, "treated", stated), ("a", "p2", 2, "treated"))
    table = tabulate_safety(rows, {"a": events(("p1", day, "thrombosis", True))}, {}, 0.95)
    found = row(table, arm="treated", term="thrombosis_postpartum")
    assert (found["with_event"], found["pregnancies"]) == answer
    assert row(table, arm="treated", term="thrombosis")["with_event"] == 1


def test_another_event_is_no_thrombosis() -> None:
    table = tabulate_safety(TWO_SITES, {"a": REPORTED}, {}, 0.95)
    assert row(table, arm="all", term="thrombosis_postpartum")["with_event"] == 0


def test_infusions_of_an_arm() -> None:
    given = {"a": doses(p1="-3 1 30", p3="2", p4="8"), "b": doses()}
    sent = {"a": REPORTED, "b": events()}
    table = tabulate_safety(TWO_SITES, sent, given, 0.95)
    names = ["infusions", "grams", "women_infused"]
    assert row(table, arm="treated", term="any")[names].tolist() == [4, 40.0, 2]
    assert row(table, arm="untreated", term="any")[names].tolist() == [1, 10.0, 1]
    assert table.loc[table["term"] != "any", names].isna().all(axis=None)
    partly = row(tabulate_safety(TWO_SITES, sent, {"b": doses()}, 0.95), arm="treated", term="any")
    assert partly[names].tolist() == [0, 0.0, 0]
    assert partly["reason"] == "1 of 2 sites sent infusions, the others are left out"
    none = row(tabulate_safety(TWO_SITES, sent, {}, 0.95), arm="treated", term="any")
    assert none[names].isna().all() and none["reason"] == "no infusions were sent"


def test_treated_in_spite_of() -> None:
    absent = dict.fromkeys(CONTRAINDICATIONS, False)
    rows = cohort(
        ("a", "p1", 1, "treated", absent),
        ("a", "p2", 1, "treated", absent | {"diabetes": True}),
        ("a", "p3", 2, "treated", {"diabetes": True}),
        ("a", "p4", 3, "treated", absent | {"renal_disease": pd.NA}),
        ("a", "p5", 4, "untreated", absent | {"diabetes": True}),
    )
    table = tabulate_safety(rows, {}, {}, 0.95)
    names = ["pregnancies", "women", "with_event", "women_with_event", "not_stated"]
    assert row(table, term="treated_despite:diabetes")[names].tolist() == [4, 3, 2, 2, 0]
    assert row(table, term="treated_despite:renal_disease")[names].tolist() == [2, 1, 0, 0, 2]
    # p3 has one, whatever else she has; of p4 it is not known.
    found = row(table, term="treated_despite:any")
    assert found[names].tolist() == [3, 2, 2, 2, 1]
    assert found["reason"] == "not known for every treated pregnancy, the others are left out"
    assert found["status"] == "ok" and found["percent"] == pytest.approx(100 * 2 / 3)


def test_treated_in_spite_of_goes_by_what_was_received() -> None:
    absent = dict.fromkeys(CONTRAINDICATIONS, False)
    rows = cohort(
        ("a", "p1", 1, "treated", absent | {"received": "untreated", "iga_deficiency": True}),
        ("a", "p2", 2, "treated", absent),
    )
    found = row(tabulate_safety(rows, {}, {}, 0.95), term="treated_despite:iga_deficiency")
    assert found[["pregnancies", "with_event"]].tolist() == [1, 0]


def test_nobody_states_a_contraindication() -> None:
    found = row(tabulate_safety(TWO_SITES, {}, {}, 0.95), term="treated_despite:heart_disease")
    assert found[["status", "pregnancies", "not_stated"]].tolist() == ["not_estimable", 0, 4]
    assert found["reason"] == "not stated for any treated pregnancy"
    untreated = tabulate_safety(TWO_SITES[TWO_SITES["arm"] == "untreated"], {}, {}, 0.95)
    assert row(untreated, term="treated_despite:any")["reason"] == "no pregnancy is treated"


def test_what_a_difference_of_rows_would_tell() -> None:
    women = [("a", f"p{n}", n, "treated" if n < 8 else "untreated") for n in range(20)]
    sick = [(f"p{n}", 1, "rash", False) for n in (0, 1, 2, 3, 4, 5, 8, 9)]
    sick += [(f"p{n}", 1, "fever", False) for n in range(6)]
    table = tabulate_safety(cohort(*women), {"a": events(*sick)}, {}, 0.95)
    # 6 treated and 2 untreated with a rash: 8 less 6 would tell of 2. Of fever, 6 less 6 tells of none, and
    # the arms of 8 and 12 women are left.
    assert row(table, arm="all", term="rash")["women_smallest_group"] == 2
    assert row(table, arm="all", term="fever")["women_smallest_group"] == 8
    assert row(table, arm="treated", term="rash")["women_smallest_group"] == 8


def test_every_count_by_brute_force() -> None:
    rng = np.random.default_rng(3)
    arms = rng.choice(["treated", "untreated"], 60)
    sites = rng.choice(["a", "b", "c"], 60)
    rows = cohort(*[(sites[n], f"p{n}", n // 2, arms[n]) for n in range(60)])
    reports = {
        site: events(
            *[
                (f"p{n}", int(rng.integers(-300, 700)), rng.choice(TERMS), bool(rng.random() < 0.7))
                for n in rng.integers(0, 60, 80)
                if sites[n] == site
            ]
        )
        for site in ("a", "b")
    }
    table = tabulate_safety(rows, reports, {}, 0.9)
    for arm in ("treated", "untreated", "all"):
        for term in ("any", *TERMS):
            having, serious, base = set(), set(), set()
            for n in range(60):
                if sites[n] not in reports or arm not in ("all", arms[n]):
                    continue
                base.add(n)
                for _, report in reports[sites[n]].iterrows():
                    if report["pregnancy_id"] == f"p{n}" and term in ("any", report["term"]):
                        having.add(n)
                        serious |= {n} if report["serious"] else set()
            found = row(table, arm=arm, term=term)
            assert found["pregnancies"] == len(base) and found["women"] == len({n // 2 for n in base})
            assert found["with_event"] == len(having) and found["serious"] == len(serious)
            assert found["women_with_event"] == len({n // 2 for n in having})
            assert found["women_with_serious"] == len({n // 2 for n in serious})


@pytest.mark.parametrize(
    ("days", "answer", "said"),
    [
        ("4", "1", "1 course of 1 infusion"),
        ("0 1 2", "3", "1 course of 3 infusions"),
        ("2 0 1", "3", "1 course of 3 infusions"),
        ("0 7", "2", "1 course of 2 infusions"),
        ("0 8", "1x2", "2 courses of 1 infusion"),
        ("0 7 14 21", "4", "1 course of 4 infusions"),
        ("3 33 64 95 126 157", "1x6", "6 courses of 1 infusion"),
        ("1 2 3 30 60 90 120 150", "3+1x5", "1 course of 3 infusions, then 5 courses of 1"),
        ("0 1 40 41 80", "2x2+1", "2 courses of 2 infusions, then 1 course of 1"),
        ("5 5", "2", "1 course of 2 infusions"),
    ],
)
def test_regimen(days: str, answer: str, said: str) -> None:
    found = read_regimen(np.array(days.split(), dtype=int))
    assert found == answer
    assert regimen(found) == said


def monthly(women: int, extra: str = "") -> dict[str, str]:
    return {f"p{n}": f"{n} {n + 30} {extra}" for n in range(women)}


TREATED = cohort(*[("a", f"p{n}", n, "treated") for n in range(8)], ("a", "q", 9, "untreated"))


def test_doses_of_one_regimen() -> None:
    given = doses(**monthly(6), p6="-50", q="3")
    table = describe_doses(TREATED, {"a": given}, 5)
    assert table["regimen"].tolist() == ["all", "1x2", "none recorded", "before delivery"]
    found = row(table, regimen="1x2")
    assert found[["pregnancies", "women", "infusions", "grams_total"]].tolist() == [6, 6, 12, 120.0]
    # Days 0 to 5 and 30 to 35: medians 2.5 and 32.5. Everybody has 20 g.
    assert found[["grams_mean", "grams_sd", "grams_median"]].tolist() == [20.0, 0.0, 20.0]
    assert found[["first_day_median", "last_day_median"]].tolist() == [2.5, 32.5]
    everybody = row(table, regimen="all")
    assert everybody.drop("regimen").tolist() == found.drop("regimen").tolist()
    none = row(table, regimen="none recorded")
    assert none[["pregnancies", "women", "infusions", "grams_total"]].tolist() == [2, 2, 0, 0.0]
    before = row(table, regimen="before delivery")
    assert before[["pregnancies", "infusions", "grams_total", "first_day_median"]].tolist() == [
        1,
        1,
        10.0,
        -50,
    ]
    assert pd.isna(before["grams_sd"]), "one pregnancy has no spread"


def test_the_mean_is_of_pregnancies() -> None:
    given = doses(p0="0", p1="0 1 2")
    found = row(describe_doses(TREATED, {"a": given}, 1), regimen="all")
    # 10 and 30 g: mean 20, standard deviation sqrt((100 + 100) / 1).
    assert found["grams_mean"] == 20.0
    assert found["grams_sd"] == pytest.approx(np.sqrt(200))


def test_rare_regimens_are_set_together() -> None:
    given = doses(**(monthly(8) | {"p6": "0", "p7": "1 2"}))
    apart = describe_doses(TREATED, {"a": given}, 1)
    assert apart["regimen"].tolist() == ["all", "1x2", "1", "2", "none recorded", "before delivery"]
    pair = describe_doses(TREATED, {"a": given}, 2)
    assert pair["regimen"].tolist() == ["all", "1x2", "other", "none recorded", "before delivery"]
    assert row(pair, regimen="other")[["women", "infusions"]].tolist() == [2, 3]
    # Two women in a group of three at least: the next regimen joins them, and nobody can be subtracted.
    joined = describe_doses(TREATED, {"a": given}, 3)
    assert joined["regimen"].tolist() == ["all", "other", "none recorded", "before delivery"]


def test_women_are_counted_behind_a_regimen_not_pregnancies() -> None:
    women = [1, 1, 1, 2, 3, 4]
    rows = cohort(*[("a", f"p{place}", woman, "treated") for place, woman in enumerate(women)])
    given = doses(p0="0", p1="0", p2="0", p3="0 1", p4="0 30", p5="0 30")
    table = describe_doses(rows, {"a": given}, 2)
    # One woman had a single infusion after each of three deliveries.
    assert table["regimen"].tolist() == ["all", "1x2", "other", "none recorded", "before delivery"]
    assert row(table, regimen="other")[["pregnancies", "women"]].tolist() == [4, 2]
    assert row(table, regimen="all")[["pregnancies", "women"]].tolist() == [6, 4]


def test_doses_of_sites_that_sent_them() -> None:
    found = row(describe_doses(TWO_SITES, {"b": doses(p1="0")}, 1), regimen="all")
    assert found[["pregnancies", "infusions"]].tolist() == [1, 1]
    assert found["reason"] == "1 of 2 sites sent infusions, the others are left out"


@pytest.mark.parametrize(
    ("rows", "sent", "reason"),
    [
        (TWO_SITES, {}, "no site sent infusions"),
        (TWO_SITES.iloc[3:4], {"a": doses()}, "no pregnancy is treated"),
        (
            TWO_SITES.iloc[[0, 5]],
            {"b": doses(p2="1")},
            "no treated pregnancy is from a site that sent infusions",
        ),
        (
            TWO_SITES,
            {"a": doses(), "b": doses(p2="1")},
            "no infusion after delivery is recorded for a treated pregnancy",
        ),
    ],
)
def test_no_doses_to_describe(rows: pd.DataFrame, sent: dict, reason: str) -> None:
    found = row(describe_doses(rows, sent, 1), regimen="all")
    assert (found["status"], found["reason"]) == ("not_estimable", reason)
    numbers = ["infusions", "grams_total", "grams_mean", "grams_sd", "first_day_median"]
    assert found[numbers].isna().all()


def test_the_rows_of_a_cohort_keep_any_index() -> None:
    shuffled = TWO_SITES.sample(frac=1, random_state=1)
    given = {"a": doses(p1="0", p3="0 1")}
    left = tabulate_safety(TWO_SITES, {"a": REPORTED}, given, 0.95)
    right = tabulate_safety(shuffled, {"a": REPORTED.iloc[::-1]}, given, 0.95)
    pd.testing.assert_frame_equal(left, right)
    pd.testing.assert_frame_equal(describe_doses(TWO_SITES, given, 1), describe_doses(shuffled, given, 1))


def test_section_of_safety() -> None:
    table = tabulate_safety(TWO_SITES, {"a": REPORTED}, {"a": doses(p1="0")}, 0.95)
    shown = SAFETY.show(table.assign(suppressed=False))
    frame = shown.frame
    assert frame["Arm"].unique().tolist() == [
        "Treated pregnancies",
        "Untreated pregnancies",
        "All pregnancies",
        "Treated in spite of a contraindication or caution",
    ]
    headache = frame[(frame["Event"] == "Headache") & (frame["Arm"] == "Treated pregnancies")].iloc[0]
    assert headache["% of pregnancies (limits)"] == "66.7 (9.4 to 99.2)"
    assert headache["Pregnancies / women"] == "3 / 2" and headache["Infusions"] == "–"
    assert frame["Event"].iloc[14] == "Thrombosis in the year after delivery"
    assert frame["Event"].iloc[-5] == "IgA deficiency" and frame["Serious"].iloc[-5] == "–"
    assert "not estimable" in frame["Note"].iloc[-1]
    assert "<caption>" in table_html(shown, "safety", SAFETY.caption, SAFETY.notes)


def test_section_withholds_in_words() -> None:
    table = tabulate_safety(TWO_SITES, {"a": REPORTED}, {}, 0.95)
    hidden = table.assign(with_event=np.nan, percent=np.nan, lower=np.nan, upper=np.nan, suppressed=True)
    first = SAFETY.show(hidden).frame.iloc[0]
    assert first["With it"] == first["% of pregnancies (limits)"] == "withheld"


def test_section_of_doses() -> None:
    table = describe_doses(TREATED, {"a": doses(**monthly(6), p6="-50")}, 5)
    frame = DOSES.show(table.assign(suppressed=False)).frame
    assert frame["Regimen"].tolist() == [
        "All with an infusion after delivery",
        "2 courses of 1 infusion",
        "None recorded after delivery",
        "Before delivery",
    ]
    assert frame["Grams, mean (SD)"].tolist() == ["20.0 (0.0)", "20.0 (0.0)", "–", "10.0"]
    assert frame["First day, median"].tolist() == ["2.5", "2.5", "–", "-50"]
