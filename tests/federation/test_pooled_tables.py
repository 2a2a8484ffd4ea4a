"""Tables without a model: the same from rows, from answers and from both; what is no sum says so."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from gravida.cohort import Cohort, SiteRows
from gravida.disclosure import release_tables
from gravida.errors import Awaiting
from gravida.federation.pool import Pool, Refused
from gravida.federation.pooled_tables import (
    pool_attrition,
    pool_baseline,
    pool_dispersion,
    pool_quality,
    pool_sites,
)
from gravida.federation.questions import Which
from gravida.federation.table_answers import table_question, table_questions
from gravida.federation.tabulation import tabulation
from gravida.periods import COUNT_COLUMNS
from gravida.statistics.baseline import KEPT, LEVEL_ORDER, describe_baseline
from gravida.statistics.dispersion import measure_dispersion
from gravida.statistics.sites import estimate_sites
from gravida.words import NEEDS_ROWS

from tests.federation.centres import checks_of, cohort_of, drawn_sites, with_answers

KINDS = ["individual"] * 5 + ["all", "none"]
POLICIES = {f"centre_{number}": policy for number, policy in enumerate(KINDS)}
PERIOD = "postpartum_year"
QUESTIONS = [*table_questions(), tabulation(Which((PERIOD,)))]
# The order of addition, nothing else.
SAME = 1e-12
ORDER = ("median", "q1", "q3")
AT_HAND = [7, 3, 0]


@pytest.fixture(scope="module")
def sites() -> list[SiteRows]:
    return drawn_sites(POLICIES, 60, seed=21, alpha=0.9)


@pytest.fixture(scope="module")
def cohort(sites: list[SiteRows]) -> Cohort:
    found = cohort_of(sites)
    assert found.pregnancies["woman"].duplicated().any()
    return found


@pytest.fixture(scope="module", params=AT_HAND)
def pool(sites: list[SiteRows], request: pytest.FixtureRequest) -> Pool:
    return with_answers(sites[: request.param], sites[request.param :], QUESTIONS)


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    one, other = (
        table.astype(object).where(table.notna(), np.nan).infer_objects().reset_index(drop=True)
        for table in (found, expected)
    )
    pd.testing.assert_frame_equal(one, other, check_dtype=False, rtol=SAME, atol=SAME)


def test_characteristics_are_those_of_all_rows_but_for_medians(pool: Pool, cohort: Cohort) -> None:
    found, expected = pool_baseline(pool), describe_baseline(cohort.pregnancies)
    order = expected["statistic"].isin(ORDER)
    guards = ["women_at_value", "women_apart"]
    same(found[~order].drop(columns=guards), expected[~order].drop(columns=guards))
    assert found.loc[order, "value"].isna().all() and set(found.loc[order, "reason"]) == {NEEDS_ROWS}
    same(found.loc[order, ["women"]], expected.loc[order, ["women"]])
    # So many women at least, so that the release gate withholds a mean that all but few share.
    least, exact = (table.loc[table["statistic"] == "median", "women_apart"] for table in (found, expected))
    assert (least <= exact).all() and (least >= 0.5 * exact).all()


def test_sites_are_those_of_all_rows(pool: Pool, cohort: Cohort) -> None:
    expected = estimate_sites(cohort.person_time, POLICIES, PERIOD, 0.95)
    assert expected["method"].str.startswith("mixed Poisson").any()
    same(pool_sites(pool, POLICIES, PERIOD, 0.95), expected)


def test_frequencies_are_those_of_all_rows_and_a_model_needs_rows(pool: Pool, cohort: Cohort) -> None:
    found, expected = pool_dispersion(pool), measure_dispersion(cohort.person_time)
    counts = ["period", "test", "pregnancies", "women", "relapses"]
    same(found[counts], expected[counts])
    pearson = found["test"] == "pearson"
    same(found[pearson], expected[pearson])
    counted = found["test"].str.startswith("frequency_") | found["test"].eq("zeros")
    same(found.loc[counted, ["statistic"]], expected.loc[counted, ["statistic"]])
    assert found.loc[~pearson, ["value", "p_value"]].isna().all(axis=None)
    assert set(found.loc[~pearson, "reason"]) == {NEEDS_ROWS}


def test_attrition_is_added_up(sites: list[SiteRows], cohort: Cohort) -> None:
    for at_hand in AT_HAND:
        here = cohort_of(sites[:at_hand]).attrition if at_hand else pd.DataFrame()
        pool = with_answers(sites[:at_hand], sites[at_hand:], [table_question("attrition")])
        same(pool_attrition(pool, here), cohort.attrition)


def test_rows_set_aside_are_added_up_and_a_site_left_out_stays_alone(sites: list[SiteRows]) -> None:
    columns = ["site", "step", "reason", "pregnancies", "women"]
    aside = [("all", "quarantined", "aside", 2, 1), ("centre_0", "quarantined", "aside", 2, 1)]
    unused = pd.DataFrame([("zurich", "left_out", "refused", 9, pd.NA), *aside], columns=columns)
    own = pd.concat([unused, cohort_of(sites[:1]).attrition], ignore_index=True).astype({"women": "Int64"})
    found = pool_attrition(with_answers(sites[:1], sites[1:2], QUESTIONS), own)
    assert found["step"].tolist()[:3] == ["left_out", "quarantined", "quarantined"]
    assert found["site"].tolist()[:3] == ["zurich", "all", "centre_0"]
    assert found.loc[1, ["pregnancies", "women"]].tolist() == [2, 1] and found["women"].isna().sum() == 1
    both = found[(found["step"] == "submitted") & (found["site"] == "all")]
    assert both["pregnancies"].tolist() == [sum(len(site.pregnancies) for site in sites[:2])]


def test_checks_of_all_sites_are_in_order_of_their_names(sites: list[SiteRows]) -> None:
    expected = checks_of(sorted(POLICIES))
    for at_hand in AT_HAND:
        own = checks_of([site.site for site in sites[:at_hand]]) if at_hand else pd.DataFrame()
        pool = with_answers(sites[:at_hand], sites[at_hand:], [table_question("data_quality")])
        same(pool_quality(pool, own), expected)


def test_who_has_not_answered_is_awaited(sites: list[SiteRows]) -> None:
    pool = with_answers(sites[:1], sites[1:2], [])
    for work_out in (pool_baseline, pool_dispersion, lambda pool: pool_attrition(pool, pd.DataFrame())):
        with pytest.raises(Awaiting, match="centre_1"):
            work_out(pool)
    assert len(pool.asked) == 5


# What few women would be known by


def with_levels(site: SiteRows, women: int) -> SiteRows:
    """Return a site of whose treated women only so many breastfed in part, and nobody else did."""
    rows = site.pregnancies
    few = rows.loc[rows["ivig"].astype(bool), "woman_id"].unique()[:women]
    fed = pd.Series("exclusive", index=rows.index, dtype="string").mask(rows.index % 3 == 0, "none")
    return replace(
        site, pregnancies=rows.assign(breastfeeding=fed.mask(rows["woman_id"].isin(few), "partial"))
    )


def cells(table: pd.DataFrame, **where: str) -> pd.DataFrame:
    return table[np.all([table[name] == value for name, value in where.items()], axis=0)]


@pytest.mark.parametrize(("women", "told"), [(4, False), (5, True), (0, True)])
def test_a_level_with_few_women_is_withheld_with_another(
    sites: list[SiteRows], women: int, told: bool
) -> None:
    changed = [with_levels(sites[0], women), *sites[1:3]]
    exact = cells(describe_baseline(cohort_of(changed).pregnancies), variable="breastfeeding")
    found = cells(
        pool_baseline(with_answers(changed[1:], changed[:1], QUESTIONS, 5)), variable="breastfeeding"
    )
    hidden = found["level"].map(lambda level: found.loc[found["level"] == level, "value"].isna().any())
    levels = set(found.loc[hidden, "level"])
    assert (levels == set()) if told else ("partial" in levels and len(levels) == 2)
    whole = found[hidden]
    assert whole[["value", "women"]].isna().all(axis=None) and set(whole["reason"]) <= {KEPT}
    numbers = ["value", "women", "reason"]
    same(found.loc[~hidden, numbers], exact.loc[~hidden.to_numpy(), numbers])


def test_a_level_with_few_treated_is_told_of_all(sites: list[SiteRows]) -> None:
    rows = sites[0].pregnancies
    treated = rows["ivig"].astype(bool)
    few = rows["woman_id"].isin(rows.loc[treated, "woman_id"].unique()[:2])
    assisted = few | (~treated & ~rows["woman_id"].isin(rows.loc[treated, "woman_id"]))
    changed = [replace(sites[0], pregnancies=rows.assign(assisted_reproduction=assisted.astype("boolean")))]
    exact, found = (
        cells(table, variable="assisted_reproduction")
        for table in (
            describe_baseline(cohort_of([*changed, *sites[1:3]]).pregnancies),
            pool_baseline(with_answers(sites[1:3], changed, QUESTIONS, 5)),
        )
    )
    numbers = ["level", "statistic", "value", "women"]
    same(cells(found, arm="all")[numbers], cells(exact, arm="all")[numbers])
    levels = found[found["level"].ne("") & found["arm"].ne("all")]
    assert levels["value"].isna().all() and set(levels["reason"]) == {KEPT}


def with_ages(site: SiteRows, women: int) -> SiteRows:
    """Return a site where all but so many women have one age."""
    rows = site.pregnancies
    few = rows["woman_id"].isin(rows["woman_id"].unique()[:women])
    return replace(site, pregnancies=rows.assign(age_at_delivery=np.where(few, 41.0, 30.0)))


@pytest.mark.parametrize(("women", "told"), [(4, False), (12, True), (0, True)])
def test_a_value_that_few_do_not_share_is_withheld(sites: list[SiteRows], women: int, told: bool) -> None:
    changed = [with_ages(sites[0], women), *sites[1:3]]
    found = cells(
        pool_baseline(with_answers(changed[1:], changed[:1], QUESTIONS, 5)), variable="age_at_delivery"
    )
    means = found[found["statistic"].isin(["mean", "sd", "smd"])]
    assert means["value"].notna().all() if told else means["value"].isna().all()
    assert set(means["reason"]) == ({""} if told else {KEPT})
    assert cells(found, statistic="n")["value"].notna().all()


def test_a_value_that_few_have_is_not_described(sites: list[SiteRows]) -> None:
    rows = sites[0].pregnancies
    few = rows["woman_id"].isin(rows["woman_id"].unique()[:3])
    thin = replace(sites[0], pregnancies=rows.assign(edss_before=rows["edss_before"].where(few)))
    found = cells(pool_baseline(with_answers(sites[1:3], [thin], QUESTIONS, 5)), variable="edss_before")
    assert cells(found, statistic="missing")["value"].notna().all()
    assert found.loc[found["statistic"] != "missing", "value"].isna().all()


@pytest.mark.parametrize(("rounding", "threshold"), [("", 5), ("nearest_5", 8)])
def test_what_a_centre_withholds_stays_withheld_at_the_gate(
    sites: list[SiteRows], rounding: str, threshold: int
) -> None:
    changed = [with_levels(sites[0], 4), *sites[1:]]
    pool = with_answers(changed[1:], changed[:1], QUESTIONS, 5)
    tables = {
        "baseline": pool_baseline(pool),
        "dispersion": pool_dispersion(pool, 5),
        "sites": pool_sites(pool, POLICIES, PERIOD, 0.95),
        "attrition": pool_attrition(pool, cohort_of(changed[1:]).attrition),
        "data_quality": pool_quality(pool, checks_of([site.site for site in changed[1:]])),
    }
    out = release_tables(tables, threshold, rounding=rounding).tables
    found = cells(out["baseline"], variable="breastfeeding", level="partial")
    assert found[["value", "women"]].isna().all(axis=None)
    told = cells(out["baseline"], variable="age_at_delivery", statistic="mean")
    assert told["value"].notna().all()
    assert {name: len(table) for name, table in out.items()} == {n: len(t) for n, t in tables.items()}


def test_an_arm_with_few_women_is_refused(sites: list[SiteRows]) -> None:
    rows = sites[0].pregnancies
    few = rows["woman_id"].isin(rows["woman_id"].unique()[:4])
    lone = replace(sites[0], pregnancies=rows.assign(ivig=few.astype("boolean")))
    pool = with_answers(sites[1:2], [lone], QUESTIONS, 5)
    for work_out in (pool_baseline, pool_dispersion):
        with pytest.raises(Refused, match="centre_0 does not answer: treated: fewer than 5 women"):
            work_out(pool)


def test_the_last_frequencies_are_those_of_the_centre_that_tells_least(sites: list[SiteRows]) -> None:
    questions = [table_question("frequencies", period) for period in COUNT_COLUMNS]
    alone = [measure_dispersion(cohort_of([site]).person_time, 5) for site in sites[:2]]
    together = measure_dispersion(cohort_of(sites[:4]).person_time, 1)
    found = pool_dispersion(with_answers(sites[2:4], sites[:2], questions, 5))
    merged = 0
    for period in COUNT_COLUMNS:
        told = min(most_of(table, period) for table in alone)
        assert most_of(found, period) == told <= most_of(together, period)
        merged += told < most_of(together, period)
        same(frequency(found, period, 0), frequency(together, period, 0))
        rows = found[(found["period"] == period) & found["test"].str.startswith("frequency_")]
        assert rows["pregnancies"].sum() == frequency(found, period, told)["pregnancies"].iloc[0] + sum(
            frequency(together, period, number)["pregnancies"].iloc[0] for number in range(told)
        )
    assert merged


def most_of(table: pd.DataFrame, period: str) -> int:
    last = (table["period"] == period) & table["test"].str.endswith("_or_more")
    return int(table.loc[last, "test"].iloc[0].split("_")[1])


def frequency(table: pd.DataFrame, period: str, number: int) -> pd.DataFrame:
    here = (table["period"] == period) & table["test"].str.startswith(f"frequency_{number}")
    return table.loc[here, ["pregnancies", "women", "relapses"]]


def test_every_level_is_named(cohort: Cohort) -> None:
    table = describe_baseline(cohort.pregnancies)
    for variable, levels in LEVEL_ORDER.items():
        named = table.loc[(table["variable"] == variable) & table["level"].ne(""), "level"]
        assert [*dict.fromkeys(named)] == list(levels)
