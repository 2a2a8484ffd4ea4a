"""Times to the first relapse from counts: Kaplan-Meier where intervals are whole, else by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from gravida.federation.life_tables import APPROXIMATED, pool_survival
from gravida.federation.pool import Pool
from gravida.federation.questions import key_of, plain
from gravida.federation.selection import Holdings
from gravida.federation.table_answers import GRID, GUARDED, TABLE_ANSWERS, protected_table, table_question
from gravida.statistics.identifiability import assess_identifiability
from gravida.statistics.survival import SurvivalSettings, SurvivalTables, estimate_survival
from gravida.words import NEEDS_ROWS

from tests.federation.centres import cohort_of, drawn_sites, with_answers
from tests.unit.relapse_stories import cohort

SETTINGS = SurvivalSettings("untreated", "treated", 0.95)
QUESTION = table_question("life_table")
YEAR = 365
# Sums of the same counts; a product of shares over days or over intervals.
SAME = 1e-12
Stories = dict[str, dict[str, list]]
NEVER = ([], YEAR)


def of_site(pregnancies: pd.DataFrame, onsets: pd.DataFrame, site: str) -> Holdings:
    theirs = pregnancies[pregnancies["site"] == site]
    return Holdings(theirs, pd.DataFrame(), onsets)


def both(
    stories: Stories, policies: dict[str, str], at_hand: tuple[str, ...] = (), undated: tuple[str, ...] = ()
) -> tuple[SurvivalTables, SurvivalTables]:
    """Return the tables from sums, of sites some of which are at hand, and those from rows."""
    pregnancies, onsets = cohort(stories, undated)
    verdict = assess_identifiability(pregnancies.assign(period="year"), policies, "year")
    held = {site: of_site(pregnancies, onsets, site) for site in stories}
    given = {
        site: {key_of(QUESTION): plain(TABLE_ANSWERS["life_table"](QUESTION, rows))}
        for site, rows in held.items()
        if site not in at_hand
    }
    pool = Pool({site: held[site] for site in at_hand}, given)
    from_rows = estimate_survival(pregnancies, onsets, policies, SETTINGS, verdict)
    return pool_survival(pool, SETTINGS, verdict), from_rows


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    one, other = (
        table.astype(object).where(table.notna(), np.nan).infer_objects() for table in (found, expected)
    )
    pd.testing.assert_frame_equal(one, other, check_dtype=False, rtol=SAME, atol=SAME)


# Whoever leaves does so at the end of an interval: days 91, 182 and 273.
WHOLE = {
    "a": {
        "treated": [([3, 40], YEAR), ([12], YEAR), ([], 91), ([100], YEAR), ([], 182), *[NEVER] * 4],
        "untreated": [([0], YEAR), ([12], YEAR), ([13], YEAR), ([200], YEAR), ([], 273), *[NEVER] * 3],
    },
    "b": {
        "treated": [([5], YEAR), ([6], YEAR), *[NEVER] * 5],
        "untreated": [([90], YEAR), ([91], YEAR), ([181], YEAR), ([364], YEAR), *[NEVER] * 4],
    },
}
CHOICE = {"a": "individual", "b": "individual"}


@pytest.mark.parametrize("at_hand", [(), ("a",), ("a", "b")])
def test_whole_intervals_give_kaplan_meier(at_hand: tuple[str, ...]) -> None:
    found, expected = both(WHOLE, CHOICE, at_hand)
    assert expected.relapse_free["relapse_free"].between(0, 1, inclusive="neither").any()
    assert set(found.relapse_free["status"]) == {"ok"}
    same(found.relapse_free, expected.relapse_free)
    same(found.risk_difference, expected.risk_difference)


def test_a_comparison_of_each_with_each_needs_rows() -> None:
    found, expected = (tables.time_to_relapse for tables in both(WHOLE, CHOICE))
    assert found["method"].tolist() == expected["method"].tolist()
    assert "cox_by_site" in set(found["method"])
    assert set(found["status"]) == {"not_estimable"} and found["reason"].str.startswith(NEEDS_ROWS).all()
    counted = [name for name in expected if name.startswith(("pregnancies", "women", "relapses"))]
    same(found[counted], expected[counted])
    assert found["estimate"].isna().all()


def test_who_leaves_within_an_interval_counts_half() -> None:
    """Ten at risk, one leaves on day 5 and two relapse in days 1 to 13; then 7, of whom one relapses."""
    untreated = [([1], YEAR), ([10], YEAR), ([], 5), ([20], YEAR), *[NEVER] * 6]
    treated = [([5], YEAR), *[NEVER] * 9]
    found, _ = both({"a": {"treated": treated, "untreated": untreated}}, {"a": "individual"})
    row = found.relapse_free.query("arm == 'untreated' and day == 91").iloc[0]
    share = (1 - 2 / 9.5) * (1 - 1 / 7)
    assert row["relapse_free"] == pytest.approx(share, rel=SAME)
    variance = 2 / (9.5 * 7.5) + 1 / (7 * 6)
    reach = 1.959963984540054 * math.sqrt(variance) / -math.log(share)
    limits = [share ** math.exp(reach), share ** math.exp(-reach)]
    assert row[["lower", "upper"]].tolist() == pytest.approx(limits, rel=1e-9)
    assert (row["status"], row["reason"]) == ("fallback", APPROXIMATED)
    assert (row["at_risk"], row["relapsed"], row["women_relapsed"]) == (6, 3, 3)
    treated = found.relapse_free.query("arm == 'treated' and day == 91").iloc[0]
    assert (treated["status"], treated["relapse_free"]) == ("ok", pytest.approx(0.9, rel=SAME))
    risk = found.risk_difference.iloc[0]
    assert risk["status"] == "fallback" and risk["reason"].startswith(f"{APPROXIMATED}; treatment is a")
    assert risk["risk_difference"] == pytest.approx(0.9 - share, rel=SAME)


def test_who_enters_within_an_interval_counts_half() -> None:
    pregnancies, onsets = cohort({"a": {"treated": [([5], YEAR), *[NEVER] * 9], "untreated": [NEVER] * 10}})
    late = pregnancies.assign(
        observed_from_day=pregnancies["observed_from_day"].mask(pregnancies.index == 9, 4)
    )
    verdict = assess_identifiability(late.assign(period="year"), {"a": "individual"}, "year")
    found = pool_survival(Pool({"a": of_site(late, onsets, "a")}, {}), SETTINGS, verdict).relapse_free
    row = found.query("arm == 'treated' and day == 91").iloc[0]
    assert row["relapse_free"] == pytest.approx(1 - 1 / 9.5, rel=SAME)
    assert row["status"] == "fallback" and row["at_risk"] == 9


def test_sites_without_dates_are_left_out_and_said_so() -> None:
    stories = WHOLE | {"c": {"treated": [NEVER] * 6, "untreated": [NEVER] * 6}}
    found, expected = both(stories, CHOICE | {"c": "individual"}, undated=("c",))
    assert expected.relapse_free["reason"].str.contains("1 of 3 sites does not date its relapses").all()
    same(found.relapse_free, expected.relapse_free)
    same(found.risk_difference, expected.risk_difference)
    nobody, said = both(stories, CHOICE | {"c": "individual"}, undated=("a", "b", "c"))
    for name in ("relapse_free", "risk_difference", "time_to_relapse"):
        same(getattr(nobody, name), getattr(said, name))


def test_arms_by_policy_say_what_they_compare() -> None:
    stories = {"a": {"treated": WHOLE["a"]["treated"]}, "b": {"untreated": WHOLE["b"]["untreated"]}}
    found, expected = both(stories, {"a": "all", "b": "none"})
    assert expected.risk_difference["reason"].str.contains("between sites").all()
    same(found.risk_difference, expected.risk_difference)
    one, other = both({"a": stories["a"]}, {"a": "all"})
    assert set(other.risk_difference["status"]) == {"not_estimable"}
    same(one.risk_difference, other.risk_difference)


def test_a_drawn_registry_is_near_to_its_rows() -> None:
    """Few leave within an interval, so that half of them move a share little; counts are the same."""
    policies = {"north": "individual", "south": "individual", "west": "none"}
    sites = drawn_sites(policies, 80, seed=4)
    whole = cohort_of(sites)
    verdict = assess_identifiability(whole.person_time, policies, "postpartum_year")
    expected = estimate_survival(whole.pregnancies, whole.onsets, policies, SETTINGS, verdict)
    found = pool_survival(with_answers(sites[:1], sites[1:], [QUESTION], 5), SETTINGS, verdict)
    for name, estimates in (("relapse_free", ["relapse_free"]), ("risk_difference", ["risk_difference"])):
        one, other = getattr(found, name), getattr(expected, name)
        counts = [column for column in other if column not in (*estimates, "status", "reason")]
        counts = [column for column in counts if "lower" not in column and "upper" not in column]
        counts = [column for column in counts if not column.startswith(("nnt", "risk_"))]
        same(one[counts], other[counts])
        # Fewer than one in ten leave within the 28 intervals, and a third relapse.
        gap = (one[estimates] - other[estimates]).abs().to_numpy(float)
        assert 0 < gap.max() < 0.001


def test_an_arm_with_few_women_is_refused() -> None:
    pregnancies, onsets = cohort({"a": {"treated": [NEVER] * 4, "untreated": [NEVER] * 9}})
    rows = of_site(pregnancies, onsets, "a")
    assert protected_table(QUESTION, rows, 5) == {"refused": "treated: fewer than 5 women"}
    assert protected_table(QUESTION, rows, 4)["arms"]["treated"]["women"] == 4
    unread = Holdings(rows.pregnancies, rows.person_time)
    assert protected_table(QUESTION, unread, 4) == {"refused": "the table onsets was not read"}


def test_the_grid_ends_on_the_days_of_the_tables() -> None:
    assert {*SETTINGS.days, *SETTINGS.curve_days} <= set(GUARDED) <= set(GRID)
    assert GRID[-2:] == (364, 365)
