"""Where common Python code gives a wrong answer: what it says, as measured, and what is said here."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gravida.errors import NotEstimable
from gravida.models.coded import Coded
from gravida.models.counts import NoOverdispersion, fit_negative_binomial, fit_poisson
from gravida.models.exact import exact_rate_ratio, mid_p_rate_ratio
from gravida.models.kernel import Batch
from gravida.statistics.contrasts import Contrasts, ContrastSettings
from gravida.statistics.design import Column, make_batch
from gravida.statistics.estimability import describe_estimability
from gravida.statistics.rate_ratios import estimate_rate_ratios

TRAPS = {
    trap["id"]: trap
    for trap in json.loads((Path(__file__).parent / "cases/python_traps.json").read_text(encoding="utf-8"))[
        "traps"
    ]
}
PERIOD = "postpartum_year"
SETTINGS = ContrastSettings("untreated", "treated", PERIOD, 0.95, ())


def registry(sites: dict[str, tuple[str, list[int]]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return cohort and person-time: site -> (arm, relapses of each pregnancy), a year each, one a woman."""
    rows = [(site, arm, count) for site, (arm, counts) in sites.items() for count in counts]
    table = pd.DataFrame(rows, columns=["site", "arm", "relapses"]).assign(woman=range(len(rows)))
    cohort = table[["site", "arm", "woman"]].assign(
        received=table["arm"],
        by_policy=table["arm"],
        delivery_year=2015,
        gestation_days=280,
        observed_from_day=pd.array([pd.NA] * len(table), dtype="Int64"),
        next_conception_day=pd.array([pd.NA] * len(table), dtype="Int64"),
        pregnancy_id=[f"P{number}" for number in range(len(table))],
    )
    return cohort, table.assign(pregnancy=table.index, period=PERIOD, days=365, person_years=1.0)


@pytest.fixture(scope="module")
def two_cities() -> Contrasts:
    """Return the input of two of the traps: every woman of one city treated, none of the other."""
    rng = np.random.default_rng(7)
    treated, untreated = rng.poisson(0.27, 74).tolist(), rng.poisson(0.38, 66).tolist()
    study = registry({"LJU": ("treated", treated), "ZAG": ("untreated", untreated)})
    return Contrasts(*study, {"LJU": "all", "ZAG": "none"}, SETTINGS)


def test_site_terms_do_not_split_the_arms_of_two_cities(two_cities: Contrasts) -> None:
    table = estimate_rate_ratios(two_cities)
    crude = table[(table["model"] == "poisson") & (table["covariance"] == "model")].iloc[0]
    identified = TRAPS["sm_glm_collinear_site"]["identified_model"]
    # The source prints four decimals, of treated over untreated.
    assert -np.log(crude["rate_ratio"]) == pytest.approx(identified["ivig"], abs=5e-5)
    assert crude["standard_error"] == pytest.approx(identified["se"], abs=5e-5)
    assert not table["adjusted_for"].str.contains("site").any()
    asked = describe_estimability(two_cities).set_index("adjusted_for").loc["site"]
    assert asked["rank"] < asked["parameters"] and asked["status"] == "not_estimable"


def test_rank_deficient_design_is_refused_by_every_model(two_cities: Contrasts) -> None:
    rows = two_cities.rows
    site = Column("site", "ZAG", "LJU", Coded.of((rows["site"] == "ZAG").to_numpy(float)))
    comparison = two_cities.compare("adjusted", "site", rows, (site,))
    assert isinstance(comparison.obstacle, NotEstimable)


def test_errors_clustered_by_two_sites_are_zero_and_clustered_by_woman_are_not(
    two_cities: Contrasts,
) -> None:
    arm = (two_cities.rows["arm"] == "treated").to_numpy(float)
    by_site = two_cities.rows.assign(woman=(two_cities.rows["site"] == "ZAG").astype(int))
    design = [Column("arm", "treated", "untreated", Coded.of(arm))]
    degenerate = fit_poisson([make_batch(by_site, design)]).clustered_covariance()
    assert TRAPS["sm_cluster_two_groups"]["statsmodels"]["se"] < 1e-10
    assert np.sqrt(degenerate[1, 1]) < 1e-10
    table = estimate_rate_ratios(two_cities)
    clustered = table[table["covariance"].str.startswith("cluster") & (table["status"] == "ok")]
    assert len(clustered) >= 3 and clustered["standard_error"].min() > 0.2


def test_counts_that_vary_less_than_poisson_have_no_dispersion() -> None:
    counts = np.array([0.0, 1.0] * 20 + [1.0] * 10)
    batch = Batch(counts, np.ones((counts.size, 1)), np.zeros(counts.size), np.arange(counts.size))
    with pytest.raises(NoOverdispersion):
        fit_negative_binomial([batch])


def test_arm_without_relapse_has_a_penalised_and_an_exact_answer_only() -> None:
    counts = {"a": ("treated", [0] * 30), "b": ("untreated", [1] * 7 + [0] * 33)}
    table = estimate_rate_ratios(Contrasts(*registry(counts), {"a": "all", "b": "none"}, SETTINGS))
    primary = table[table["is_primary"]].iloc[0]
    # log((0.5 / 30) / (7.5 / 40)), the closed form of Firth's model for two cells.
    assert np.log(primary["rate_ratio"]) == pytest.approx(np.log((7.5 / 40) / (0.5 / 30)), rel=1e-8)
    assert (primary["model"], primary["status"]) == ("firth_poisson", "fallback")
    answered = table[table["status"].isin(["ok", "fallback"])]
    assert set(answered["model"]) == {"firth_poisson", "exact_poisson"}
    assert abs(TRAPS["sm_zero_arm_robust"]["statsmodels"]["coef"]) > 20


def test_exact_limits_where_a_count_is_zero() -> None:
    trap = TRAPS["sm_ratio_ci_zero"]
    exact = exact_rate_ratio((0, 5), (20, 20), 0.95)
    assert [exact.lower, exact.upper] == pytest.approx(trap["correct_exact_conditional"], rel=1e-9)
    assert exact.p_value == pytest.approx(trap["exact_p"], rel=1e-12)
    # Mid-p with no relapse in one arm: half of share^5 in the tail, and the limit where that is 2.5%.
    mid = mid_p_rate_ratio((0, 5), (20, 20), 0.95)
    share = 1 - 0.05 ** (1 / 5)
    assert mid.upper == pytest.approx(share / (1 - share), rel=1e-9)
    assert mid.p_value == pytest.approx(0.5**5, rel=1e-12)
    assert (mid.ratio, mid.lower) == (0.0, 0.0)


def test_every_trap_is_known() -> None:
    # Those of other sections: lifelines in test_survival_cases, statsmodels' own conventions in test_cases.
    here = {
        *("sm_glm_collinear_site", "sm_discrete_collinear", "sm_cluster_two_groups"),
        *("sm_nb_underdispersed", "sm_zero_arm_robust", "sm_ratio_ci_zero"),
    }
    elsewhere = {
        *("lifelines_robust_ignores_entry", "lifelines_robust_strata_entry", "lifelines_robust_ties"),
        *("lifelines_km_ci_default", "sm_glm_nb_alpha", "sm_nb_se_convention", "sm_gee_cov"),
        *("sm_pm_tau2", "sm_table2x2_haldane", "missing_rows", "patsy_namespace"),
    }
    assert set(TRAPS) == here | elsewhere
