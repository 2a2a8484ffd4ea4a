"""Synthetic registries: valid under the contract, with the truth they were drawn from.

The rules are checked with loops over rows, sharing nothing with the generator.
"""

from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from contract_rules import broken_rules, or_default
from gravida.errors import ConfigurationError
from gravida.synthetic import RegistryDesign, SiteDesign, generate


def registry_of(*sites: SiteDesign, **settings) -> dict[str, dict[str, pd.DataFrame]]:
    return generate(RegistryDesign(sites=sites, **settings))


def pooled(registry: dict[str, dict[str, pd.DataFrame]], table: str) -> pd.DataFrame:
    return pd.concat(
        [tables[table].assign(site=site) for site, tables in registry.items()], ignore_index=True
    )


DESIGNS = {
    "defaults": {},
    "no frailty, no missing": {"alpha": 0.0, "missing": {}},
    "very active": {"alpha": 2.0, "woman_alpha": 1.0, "rates": dict.fromkeys(RegistryDesign(()).rates, 2.5)},
    "pregnant again": {"conceives_again": 0.6, "lost_to_follow_up": 0.5},
    "recent deliveries": {"first_year": 2017, "last_year": 2019},
    "all observed early": {"two_years_before": 1.0, "shortest_interval": 500},
}


@pytest.mark.parametrize("seed", [1, 20])
@pytest.mark.parametrize("settings", DESIGNS.values(), ids=DESIGNS.keys())
def test_every_table_keeps_the_rules_of_the_contract(settings, seed):
    sites = (
        SiteDesign("all", "all", 150),
        SiteDesign("none", "none", 150, dated=False),
        SiteDesign("choice", "individual", 150, women=90),
    )
    registry = registry_of(*sites, seed=seed, **settings)
    assert {site: broken_rules(tables, date(2019, 6, 30)) for site, tables in registry.items()} == {
        "all": set(),
        "none": set(),
        "choice": set(),
    }


def test_the_rule_checks_see_a_broken_rule():
    tables = registry_of(SiteDesign("a", "none", 60))["a"]
    moved = tables["relapses"].assign(onset_day=500)
    later = tables["pregnancies"].assign(relapses_post_year=tables["pregnancies"]["relapses_post_year"] + 1)
    assert "onset outside observation" in broken_rules({**tables, "relapses": moved}, date(2019, 6, 30))
    assert broken_rules({**tables, "pregnancies": later}, date(2019, 6, 30)) == {"relapses_post_year"}
    assert "follow-up stated" in broken_rules(tables, date(2012, 1, 1))


def test_close_onsets_are_counted_raw_and_only_where_asked_for():
    tables = registry_of(SiteDesign("a", "none", 800), close_onsets=0.2)["a"]
    assert broken_rules(tables, date(2019, 6, 30)) == {"onsets too close"}
    assert broken_rules(tables, date(2019, 6, 30), apart=1) == set()


def test_the_columns_are_those_of_the_contract_in_order():
    tables = registry_of(SiteDesign("a", "all", 40))["a"]
    assert list(tables["pregnancies"]) == [
        "pregnancy_id",
        "woman_id",
        "delivery_year",
        "age_at_delivery",
        "ms_diagnosis_year",
        "gestation_days",
        "onset_after_lmp",
        "outcome",
        "edss_before",
        "dmt_before",
        "dmt_stop_day",
        "relapses_pre_year",
        "relapses_pregnancy",
        "relapses_post_year",
        "observed_from_day",
        "observed_to_day",
        "next_conception_day",
        "ivig",
        "breastfeeding",
        "dmt_restart_day",
        "dmt_in_pregnancy",
        "steroid_prophylaxis",
        "visits_post_year",
        "parity",
        "assisted_reproduction",
        "iga_deficiency",
        "renal_disease",
        "heart_disease",
        "diabetes",
    ]
    assert list(tables["relapses"]) == ["pregnancy_id", "onset_day", "steroids", "confirmed", "severity"]
    assert list(tables["infusions"]) == ["pregnancy_id", "day", "grams", "grams_per_kg"]
    assert list(tables["adverse_events"]) == ["pregnancy_id", "day", "term", "serious"]


def test_a_womans_pregnancies_follow_one_another():
    rows = registry_of(SiteDesign("a", "individual", 400, women=200), conceives_again=0.3)["a"]["pregnancies"]
    for _, own in rows.groupby("woman_id"):
        assert own["delivery_year"].is_monotonic_increasing
        assert own["age_at_delivery"].is_monotonic_increasing
        assert own["parity"].dropna().is_monotonic_increasing
        assert len(set(own["ms_diagnosis_year"].dropna())) <= 1
        for earlier, later in pairwise(own.itertuples()):
            # A missing day means more than 730; the year of the next delivery must allow for it.
            years = (or_default(earlier.next_conception_day, 731) + 140) / 365.25
            assert later.delivery_year + 1 > earlier.delivery_year + years - 0.01


def test_treatment_follows_the_policy_and_the_doses_follow_treatment():
    sites = (
        SiteDesign("all", "all", 200),
        SiteDesign("none", "none", 200),
        SiteDesign("choice", "individual", 2000, treated_share=0.3),
    )
    registry = registry_of(*sites)
    assert registry["all"]["pregnancies"]["ivig"].all()
    assert not registry["none"]["pregnancies"]["ivig"].any()
    assert "infusions" not in registry["none"]
    # 4 binomial standard errors at n = 2000
    assert registry["choice"]["pregnancies"]["ivig"].mean() == pytest.approx(0.3, abs=0.041)
    for tables in (registry["all"], registry["choice"]):
        first_dose = tables["infusions"].groupby("pregnancy_id")["day"].min()
        rows = tables["pregnancies"].set_index("pregnancy_id")
        assert set(first_dose.index) == set(rows.index[rows["ivig"]])
        assert first_dose.between(0, 29).all()
    doses = registry["all"]["infusions"].groupby("pregnancy_id")["grams"].agg(["sum", "size"])
    assert (doses["sum"] == 60).mean() > 0.6
    assert (doses["size"] == 6).mean() < 1.0


def test_headache_is_the_commonest_reaction_and_few_are_serious():
    events = registry_of(SiteDesign("a", "all", 3000))["a"]["adverse_events"]
    assert events["term"].value_counts().idxmax() == "headache"
    assert 0 < events["serious"].mean() < 0.15


# The truth ------------------------------------------------------------------------------------------


def test_default_counts_look_like_the_published_cohort():
    """0: 85, 1: 24, 2: 5, 3 or more: 2 of 116; each within the middle 99% of cohorts of that size."""
    rows = registry_of(SiteDesign("a", "individual", 116 * 400, women=116 * 400))["a"]["pregnancies"]
    counts = np.minimum(rows["relapses_post_year"].to_numpy(int), 3).reshape(400, 116)
    for relapses, published in enumerate([85, 24, 5, 2]):
        low, high = np.quantile((counts == relapses).sum(axis=1), [0.005, 0.995])
        assert low <= published <= high
    # The mean of the published table is 40/116 = 0.345 (three taken as 3), its standard error 0.06.
    assert rows["relapses_post_year"].mean() == pytest.approx(0.345, abs=0.04)


def annualised(tables: dict[str, pd.DataFrame], start: int, stop: int) -> float:
    """Rate of fully observed pregnancies of 280 days in a window of days."""
    rows = tables["pregnancies"]
    inside = tables["relapses"]["onset_day"].between(start, stop - 1).sum()
    return inside / (len(rows) * (stop - start) / 365.25)


def test_rates_have_the_published_course():
    tables = registry_of(
        SiteDesign("a", "none", 40_000, women=40_000),
        lost_to_follow_up=0.0,
        conceives_again=0.0,
    )["a"]
    quarters = [annualised(tables, start, start + 91) for start in (0, 91, 182, 273)]
    third = annualised(tables, -84, 0)
    before = tables["pregnancies"]["relapses_pre_year"].mean()
    # 40,000 pregnancies have 10,000 person-years a quarter: standard errors near 0.008.
    assert quarters == pytest.approx([0.60, 0.40, 0.33, 0.32], abs=0.04)
    assert third < 0.5 * before
    assert quarters[0] > 1.4 * before
    assert quarters[3] == pytest.approx(before, abs=0.08)


def test_the_rate_ratio_is_recovered():
    rows = registry_of(
        SiteDesign("a", "individual", 20_000), rate_ratio=1.8, lost_to_follow_up=0.0, conceives_again=0.0
    )["a"]["pregnancies"]
    years = rows["next_conception_day"].fillna(365).clip(upper=365).astype(float) / 365.25
    rate = rows.groupby("ivig")["relapses_post_year"].sum() / years.groupby(rows["ivig"]).sum()
    # about 4,300 and 2,400 relapses: standard error of the log ratio near 0.03
    assert np.log(rate[False] / rate[True]) == pytest.approx(np.log(1.8), abs=0.09)


def test_the_dispersion_is_recovered():
    rows = registry_of(
        SiteDesign("a", "none", 60_000), alpha=0.7, lost_to_follow_up=0.0, conceives_again=0.0
    )["a"]["pregnancies"]
    count = rows["relapses_post_year"][rows["next_conception_day"].isna()].to_numpy(float)
    mean = count.mean()
    # var = mean + alpha mean^2; standard error of the moment estimate near 0.03
    assert (count.var() - mean) / mean**2 == pytest.approx(0.7, abs=0.1)


def test_a_womans_frailty_is_shared_by_her_pregnancies():
    def correlation(woman_alpha: float) -> float:
        site = SiteDesign("a", "none", 20_000, women=10_000)
        rows = registry_of(site, alpha=0.0, woman_alpha=woman_alpha)["a"]["pregnancies"]
        pairs = rows.groupby("woman_id")["relapses_post_year"].agg(["first", "last", "size"])
        pairs = pairs[pairs["size"] > 1].astype(float)
        return pairs["first"].corr(pairs["last"])

    # standard error 1/sqrt(4000); with frailty 2, mean 0.4: 2 * 0.4^2 / (0.4 + 2 * 0.4^2) = 0.44
    assert abs(correlation(0.0)) < 0.06
    assert correlation(2.0) > 0.3


def test_a_site_effect_raises_every_period_and_a_postpartum_effect_only_that():
    sites = (
        SiteDesign("plain", "none", 20_000),
        SiteDesign("active", "none", 20_000, rate_effect=np.log(2)),
        SiteDesign("shocked", "none", 20_000, postpartum_effect=np.log(2)),
    )
    rows = pooled(registry_of(*sites), "pregnancies").groupby("site")
    before, after = rows["relapses_pre_year"].mean(), rows["relapses_post_year"].mean()
    # standard errors near 0.02 on each ratio
    assert before["active"] / before["plain"] == pytest.approx(2, abs=0.12)
    assert after["active"] / after["plain"] == pytest.approx(2, abs=0.12)
    assert before["shocked"] / before["plain"] == pytest.approx(1, abs=0.08)
    assert after["shocked"] / after["plain"] == pytest.approx(2, abs=0.12)


def test_missing_cells_come_at_the_asked_share():
    rows = registry_of(SiteDesign("a", "none", 5000), missing={"edss_before": 0.3})["a"]["pregnancies"]
    assert rows["edss_before"].isna().mean() == pytest.approx(0.3, abs=0.026)
    assert rows["breastfeeding"].notna().all()


def test_same_seed_same_registry_and_other_seed_another():
    site = SiteDesign("a", "individual", 50)
    once, again, other = (registry_of(site, seed=seed)["a"] for seed in (5, 5, 6))
    for name, frame in once.items():
        pd.testing.assert_frame_equal(frame, again[name])
    assert not once["pregnancies"].equals(other["pregnancies"])


def test_another_site_leaves_a_site_as_it_was():
    first, second = SiteDesign("first", "all", 50), SiteDesign("second", "none", 50)
    alone, together = registry_of(second)["second"], registry_of(first, second)["second"]
    assert alone.keys() == together.keys()
    for name, frame in alone.items():
        pd.testing.assert_frame_equal(frame, together[name])


@pytest.mark.parametrize(
    "make",
    [
        lambda: SiteDesign("a", "some", 10),
        lambda: SiteDesign("a", "all", 10, women=11),
        lambda: RegistryDesign((SiteDesign("a", "all", 1), SiteDesign("a", "none", 1))),
        lambda: RegistryDesign((), missing={"ivig": 0.1}),
        lambda: RegistryDesign((), rates={"pregnancy": 0.3}),
        lambda: registry_of(SiteDesign("a", "all", 40, women=1)),
        lambda: registry_of(SiteDesign("a", "all", 4), first_year=2020),
    ],
    ids=["policy", "women", "twice", "missing", "rates", "too many pregnancies", "no year"],
)
def test_an_impossible_design_is_named(make):
    with pytest.raises(ConfigurationError, match="synthetic"):
        make()
