"""Bad input: whatever the registry holds, every table has its rows, each a number or a reason."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from gravida.cohort import CohortSettings, SiteRows, whole_cohort
from gravida.disclosure import release_tables
from gravida.report.html import write_report
from gravida.statistics.contrasts import Contrasts
from gravida.statistics.identifiability import assess_identifiability
from gravida.statistics.rate_ratios import estimate_rate_ratios

from schemas.release import roles_of
from tests.estimates import PERIOD, SETTINGS, every_table
from tests.study import ROOT, accepted_rows
from tests.unit.cohorts import CLASSES

Sites = list[SiteRows]
CONFIGURATION = {
    **{"exposure": {"definition": "received"}, "outcome_period": PERIOD, "confidence": 0.95},
    **{"contrast": {"numerator": "untreated", "denominator": "treated"}, "relapse_separation_days": 30},
    **{"covariates": [], "disclosure": {"profile": "default", "min_women": 5}, "imputations": 3},
    **{"equivalence_margin": 1.25, "precision": {"power": 0.8, "planned_ratios": [1.409, 1.5]}, "seed": 1},
}


@cache
def sites() -> Sites:
    """Return two sites that leave treatment to choice, both with dated relapses."""
    chosen = accepted_rows(ROOT / "tests/golden/registries/choice_sites")
    return [site for site in chosen if site.site in ("east", "north")]


def with_rows(found: Sites, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Sites:
    return [replace(site, pregnancies=change(site.pregnancies)) for site in found]


def without_relapses(site: SiteRows, stays: Callable[[pd.DataFrame], pd.Series]) -> SiteRows:
    """Keep the relapses of the pregnancies that are chosen, and their counts."""
    rows = site.pregnancies
    kept = stays(rows)
    names = ("relapses_pre_year", "relapses_pregnancy", "relapses_post_year")
    counts = {name: rows[name].mask(~kept & rows[name].notna(), 0) for name in names}
    dated = site.relapses[site.relapses["pregnancy_id"].isin(rows.loc[kept, "pregnancy_id"])]
    return replace(site, pregnancies=rows.assign(**counts), relapses=dated)


def one_woman_has_all(found: Sites) -> Sites:
    def hers(rows: pd.DataFrame) -> pd.Series:
        place = rows.index[rows["woman_id"].duplicated(keep=False)][0]
        return rows["woman_id"] == rows.loc[place, "woman_id"]

    return [without_relapses(found[0], hers), without_relapses(found[1], lambda rows: rows["ivig"].isna())]


def given(rows: pd.DataFrame, treated: bool) -> pd.DataFrame:
    return rows.assign(ivig=pd.array([treated] * len(rows), dtype="boolean"))


def opposite(found: Sites) -> Sites:
    first, second = found
    return [
        replace(first, policy="all", pregnancies=given(first.pregnancies, True)),
        replace(second, policy="none", pregnancies=given(second.pregnancies, False)),
    ]


def one_with_a_level(found: Sites) -> Sites:
    first, second = with_rows(
        found, lambda rows: rows.assign(dmt_before="none").astype({"dmt_before": "string"})
    )
    codes = first.pregnancies["dmt_before"].copy()
    codes.iloc[0] = "natalizumab"
    return [replace(first, pregnancies=first.pregnancies.assign(dmt_before=codes)), second]


def collinear(rows: pd.DataFrame) -> pd.DataFrame:
    duration = (rows["delivery_year"] - rows["ms_diagnosis_year"]).astype("Float64").fillna(1)
    return rows.assign(age_at_delivery=20.0 + duration.astype(float))


def undated(found: Sites) -> Sites:
    return [replace(site, relapses=None) for site in found]


def thirty(rows: pd.DataFrame) -> pd.DataFrame:
    counts = rows["relapses_post_year"].copy()
    counts.iloc[3] = 30
    return rows.assign(relapses_post_year=counts)


REGISTRIES: dict[str, Callable[[Sites], Sites]] = {
    "as it is": lambda found: found,
    "no relapse in one arm": lambda found: [
        without_relapses(site, lambda rows: rows["ivig"]) for site in found
    ],
    "none at all": lambda found: [without_relapses(site, lambda rows: rows["ivig"].isna()) for site in found],
    "every pregnancy treated": lambda found: with_rows(found, lambda rows: given(rows, True)),
    "one site": lambda found: found[:1],
    "two sites with opposite policies": opposite,
    "one woman with all relapses": one_woman_has_all,
    "one woman with all relapses, opposite policies": lambda found: opposite(one_woman_has_all(found)),
    "a DMT level with one pregnancy": one_with_a_level,
    "EDSS missing for all": lambda found: with_rows(found, lambda rows: rows.assign(edss_before=np.nan)),
    "covariate constant": lambda found: with_rows(found, lambda rows: rows.assign(age_at_delivery=30.0)),
    "covariates collinear": lambda found: with_rows(found, collinear),
    "dated relapses for some sites only": lambda found: [found[0], *undated(found[1:])],
    "no dated relapses": undated,
    "counts of 30": lambda found: with_rows(undated(found), thirty),
    "three pregnancies": lambda found: undated(with_rows(found[:1], lambda rows: rows.head(3))),
}


@cache
def study(name: str) -> tuple[dict[str, pd.DataFrame], dict]:
    found = REGISTRIES[name](sites())
    policies = {site.site: site.policy for site in found}
    cohort = whole_cohort(found, CLASSES, CohortSettings("received", 30))
    verdict = assess_identifiability(cohort.person_time, policies, PERIOD).as_dict()
    return every_table(cohort, policies), verdict


registries = pytest.mark.parametrize("name", REGISTRIES)


@registries
def test_every_number_is_finite_and_every_gap_has_a_reason(name: str) -> None:
    tables, _ = study(name)
    for title, table in tables.items():
        assert len(table), title
        numbers = table.select_dtypes("number").to_numpy(float)
        assert not np.isinf(numbers).any(), title
        objects = table.select_dtypes("object")
        strange = objects.map(lambda cell: isinstance(cell, float) and np.isinf(cell))
        assert not strange.to_numpy().any(), title
        if "status" in table:
            _check_status(title, table)


def _check_status(title: str, table: pd.DataFrame) -> None:
    assert set(table["status"]) <= {"ok", "fallback", "not_estimable", "not_converged"}, title
    empty = ~table["status"].isin(["ok", "fallback"])
    assert (table.loc[empty, "reason"].fillna("").str.len() > 0).all(), title
    for column in ("rate_ratio", "lower", "upper", "p_value", "estimate", "risk_difference", "value"):
        if column in table:
            assert table.loc[empty, column].isna().all(), (title, column)
    for column in ("rate_ratio", "estimate", "risk_difference"):
        if column in table and title not in ("predictors", "rate_ratios"):
            assert table.loc[~empty, column].notna().all(), (title, column)


@registries
def test_the_report_still_builds_and_no_small_count_leaves(name: str) -> None:
    tables, verdict = study(name)
    released = release_tables(tables, 5).tables
    for title, table in released.items():
        for column in table.columns.drop("suppressed"):
            if roles_of(title)[column] in ("denominator", "count", "own", "events"):
                counts = pd.to_numeric(table[column])
                assert not ((counts > 0) & (counts < 5)).any(), (title, column)
    written = write_report(released, verdict, {}, CONFIGURATION, [True])
    assert verdict["verdict"] in written.page
    for word in (">nan<", ">inf<", ">None<", ">NaN<", ">&lt;NA&gt;<"):
        assert word not in written.page


def test_no_ratio_where_nobody_is_untreated() -> None:
    tables, verdict = study("every pregnancy treated")
    assert verdict["verdict"] == "not identifiable"
    for title in ("rate_ratios", "sensitivity"):
        assert tables[title]["rate_ratio"].isna().all()


def test_opposite_policies_give_no_number_adjusted_for_site() -> None:
    tables, _ = study("two sites with opposite policies")
    for title in ("rate_ratios", "sensitivity"):
        answered = tables[title][tables[title]["status"].isin(["ok", "fallback"])]
        assert not answered["adjusted_for"].str.contains("site").any()
    assert tables["balance"]["status"].eq("not_estimable").all()
    assert "cox_by_site" not in set(tables["time_to_relapse"]["method"])


def exceptions_among_the_relapsed(found: Sites) -> Sites:
    """Return policy sites in which three women who relapsed have the other arm, five sites of them."""
    first, second = found
    sites = []
    for number in range(6):
        source, treated = (first, number % 2 == 0), number % 2 == 0
        rows = given(source[0].pregnancies, treated)
        relapsed = rows.index[(rows["relapses_post_year"] > 0).to_numpy(bool)][:3]
        flags = rows["ivig"].copy()
        flags[relapsed] = not treated
        sites.append(
            replace(
                second,
                site=f"s{number}",
                policy="all" if treated else "none",
                pregnancies=rows.assign(ivig=flags),
                relapses=None,
            )
        )
    return sites


def test_exceptions_to_a_policy_make_no_contrast_within_the_site() -> None:
    found = exceptions_among_the_relapsed(sites())
    policies = {site.site: site.policy for site in found}
    tables = every_table(whole_cohort(found, CLASSES, CohortSettings("received", 30)), policies)
    row = tables["rate_ratios"].query("model == 'mixed_poisson'").iloc[0]
    assert row["status"] == "not_estimable" and "by policy" in row["reason"]
    cohort = whole_cohort(found, CLASSES, CohortSettings("policy", 30))
    by_policy = estimate_rate_ratios(Contrasts(cohort.pregnancies, cohort.person_time, policies, SETTINGS))
    row = by_policy.query("analysis == 'unadjusted' and model in ('mixed_poisson', 'poisson')")
    assert row["status"].isin(["ok", "fallback"]).any()


def test_sites_by_choice_with_one_arm_each_say_that_they_are_compared_between() -> None:
    first, second = sites()
    found = [
        replace(first, pregnancies=given(first.pregnancies, True)),
        replace(second, pregnancies=given(second.pregnancies, False)),
    ]
    policies = {site.site: site.policy for site in found}
    tables = every_table(whole_cohort(found, CLASSES, CohortSettings("received", 30)), policies)
    answered = tables["rate_ratios"][tables["rate_ratios"]["status"].isin(["ok", "fallback"])]
    assert answered["reason"].str.contains("sampling of women only").all()


@pytest.mark.parametrize("period", ["postpartum_q1", "postpartum_6_months"])
def test_a_period_that_needs_dates_where_there_are_none(period: str) -> None:
    found = undated(sites())
    policies = {site.site: site.policy for site in found}
    cohort = whole_cohort(found, CLASSES, CohortSettings("received", 30))
    tables = every_table(cohort, policies, replace(SETTINGS, period=period))
    for title in ("rate_ratios", "sensitivity"):
        kept = tables[title]
        if "analysis" in kept:
            kept = kept[kept["analysis"] != "negative_control"]
        assert kept["rate_ratio"].isna().all(), title
        assert (kept["reason"].str.len() > 0).all(), title


def test_an_arm_of_women_with_one_rate_has_no_clustered_error() -> None:
    first, _ = sites()
    rows = first.pregnancies.head(60)
    few = np.arange(len(rows)) % 6 == 0
    counts = rows["relapses_post_year"].mask(few, 1)
    rows = rows.assign(ivig=pd.array(few, dtype="boolean"), relapses_post_year=counts)
    rows = rows.assign(
        observed_from_day=pd.array([pd.NA] * 60, dtype="Int64"),
        observed_to_day=pd.array([365] * 60, dtype="Int64"),
        next_conception_day=pd.array([pd.NA] * 60, dtype="Int64"),
        woman_id=pd.array([f"W{number}" for number in range(60)], dtype="string"),
    )
    found = [replace(first, pregnancies=rows, relapses=None)]
    tables = every_table(
        whole_cohort(found, CLASSES, CohortSettings("received", 30)), {first.site: first.policy}
    )
    table = tables["rate_ratios"]
    clustered = table[(table["covariance"] == "cluster_robust") & (table["period"] == PERIOD)]
    assert set(clustered["status"]) == {"not_estimable"}
