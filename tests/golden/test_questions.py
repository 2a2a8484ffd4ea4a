"""The other questions of the plan, whole studies against an independent implementation in R (make_golden.R).

Fits: 1e-6 for ratios, limits and p-values; GEE 1e-5, for both sides stop near the solution.
"""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from gravida.cohort import Cohort
from gravida.models.mixed import fit_mixed_poisson
from gravida.statistics.contrasts import Contrasts, ContrastSettings
from gravida.statistics.course import estimate_course, leave_one_woman_out
from gravida.statistics.dispersion import measure_dispersion
from gravida.statistics.imputed import ImputationPlan, imputed_contrasts
from gravida.statistics.permutation import compare_site_rates
from gravida.statistics.precision import PrecisionSettings, assess_precision
from gravida.statistics.predictors import estimate_predictors
from gravida.statistics.rate_ratios import estimate_rate_ratios
from gravida.statistics.sensitivity import estimate_sensitivity
from gravida.statistics.sites import estimate_sites
from gravida.statistics.weighting import describe_balance, fit_propensity

from tests.golden.test_studies import STUDIES, expected
from tests.study import COVARIATES, read_study

FITTED, GEE = 1e-6, 1e-5
LIMITS = ("rate_ratio", "lower", "upper", "p_value")
NAMES = {"thirty_day_rule_off": "without_30_day_rule", "counts_not_dates": "counts"}

studies = pytest.mark.parametrize("name", STUDIES)
registries = pytest.mark.parametrize("name", [name for name in STUDIES if name != "bladder"])


@cache
def cohort_of(name: str) -> tuple[Cohort, dict[str, str]]:
    return read_study(STUDIES[name])


@cache
def contrasts_of(name: str) -> Contrasts:
    cohort, policies = cohort_of(name)
    settings = ContrastSettings("untreated", "treated", "postpartum_year", 0.95, COVARIATES)
    return Contrasts(cohort.pregnancies, cohort.person_time, policies, settings)


@cache
def ratios(name: str) -> pd.DataFrame:
    return estimate_rate_ratios(contrasts_of(name))


def assert_ratio(row: pd.Series, reference: dict, tolerance: float = FITTED, prefix: str = "") -> None:
    for column in LIMITS:
        assert row[prefix + column] == pytest.approx(reference[column], rel=tolerance), column


@registries
def test_jackknife_and_mid_p(name: str) -> None:
    table, reference = ratios(name), expected(name)["rate_ratios"]
    compared = 0
    for key, adjusted_for in (("unadjusted", "none"), ("site", "site")):
        if key not in reference:
            continue
        chosen = (table["covariance"] == "jackknife") & (table["adjusted_for"] == adjusted_for)
        assert_ratio(table[chosen].iloc[0], reference[key]["models"]["poisson_jackknife"])
        compared += 1
    mid_p = table[table["analysis"] == "exact_mid_p"].iloc[0]
    assert_ratio(mid_p, reference["unadjusted"]["models"]["exact_mid_p"])
    assert compared


@registries
@pytest.mark.parametrize("part", ["course", "course_parts"])
def test_course(name: str, part: str) -> None:
    table = estimate_course(contrasts_of(name)).set_index("term")
    terms = expected(name)[part]["terms"]
    compared = 0
    for term, reference in terms.items():
        row = table.loc[term]
        if reference is None or row["status"] != "ok":
            # R fits what is refused here: a cell in which all women have one rate, or only one is left.
            assert row["reason"]
            continue
        for column in ("pregnancies", "women", "relapses", "relapses_smallest_cell"):
            assert row[column] == reference[column], (term, column)
        assert_ratio(row, reference["poisson"])
        assert_ratio(row, reference["gee"], GEE, "gee_")
        compared += 1
    assert compared > len(terms) / 2


@pytest.mark.parametrize("name", ["choice_sites", "many_sites"])
def test_pre_trend(name: str) -> None:
    row = estimate_course(contrasts_of(name)).set_index("term").loc["pre_trend"]
    reference = expected(name)["pre_trend"]
    assert row["pregnancies"] == reference["pregnancies"]
    assert_ratio(row, reference["term"]["poisson"])
    assert_ratio(row, reference["term"]["gee"], GEE, "gee_")


@registries
def test_leave_one_woman_out(name: str) -> None:
    reference = expected(name)["leave_one_woman_out"]
    found = leave_one_woman_out(contrasts_of(name))
    assert found == pytest.approx((reference["lowest"], reference["highest"]), rel=1e-9)


@registries
def test_negative_control(name: str) -> None:
    table = ratios(name)
    rows = table[(table["analysis"] == "negative_control") & (table["adjusted_for"] == "none")]
    for row, key in zip(rows.to_dict("records"), ("all", "without_overlap"), strict=True):
        reference = expected(name)["negative_control"][key]
        assert (row["pregnancies"], row["women"]) == (reference["pregnancies"], reference["women"])
        assert row["status"] == reference["status"]
        assert_ratio(row, reference)


@registries
def test_g_computation(name: str) -> None:
    table, reference = ratios(name), expected(name)["g_computation"]
    row = table[table["analysis"] == "g_computation"].iloc[0]
    assert row["status"] == reference["status"]
    assert_ratio(row, reference)
    assert row["rate_numerator"] == pytest.approx(reference["untreated"]["rate"], rel=FITTED)
    assert row["rate_denominator"] == pytest.approx(reference["treated"]["rate"], rel=FITTED)


@registries
def test_weighting(name: str) -> None:
    reference, table = expected(name)["weighting"], ratios(name).set_index("analysis")
    if reference is None:
        assert table.loc[["iptw", "overlap"], "rate_ratio"].isna().all()
        return
    propensity = fit_propensity(contrasts_of(name))
    assert propensity.chance.min() == pytest.approx(reference["propensity"]["lowest"], rel=FITTED)
    assert propensity.chance.max() == pytest.approx(reference["propensity"]["highest"], rel=FITTED)
    for method in ("iptw", "overlap"):
        assert_ratio(table.loc[method], reference[method])
        sizes = reference[method]["effective_sample_size"]
        found = propensity.effective_sample_size(method)
        assert found == pytest.approx((sizes["treated"], sizes["untreated"]), rel=FITTED)
        largest = propensity.weights(method).max()
        assert largest == pytest.approx(reference[method]["largest_weight"], rel=FITTED)
    balance = describe_balance(contrasts_of(name)).set_index(["covariate", "level"])
    compared = 0
    for row in reference["balance"]:
        key = (row["covariate"], row["level"])
        found = balance.loc[key] if key in balance.index else None
        if found is None and not row["level"]:
            found = balance.xs(row["covariate"], level=0).iloc[0]
        if found is None:
            continue
        for column in ("smd_unweighted", "smd_iptw", "smd_overlap"):
            # Overlap weights of a logistic model balance its covariates exactly: 0 but for rounding.
            assert found[column] == pytest.approx(abs(row[column]), rel=FITTED, abs=1e-7)
        compared += 1
    assert compared >= 5


@registries
def test_sites(name: str) -> None:
    reference = expected(name)["sites"]
    contrasts = contrasts_of(name)
    table = estimate_sites(contrasts.person_time, contrasts.policies, "postpartum_year", 0.95)
    for row in reference["rates"]:
        found = table[(table["kind"] == "site") & (table["site"] == row["site"])].iloc[0]
        for column in ("pregnancies", "women", "relapses"):
            assert found[column] == row[column]
        for column in ("person_years", "rate", "lower", "upper"):
            assert found[column] == pytest.approx(row[column], rel=1e-9)
    for row in reference["pooled"] or []:
        if row["sites"] < 2:
            continue
        found = table[(table["kind"] == "pooled") & (table["policy"] == row["policy"])].iloc[0]
        for column in ("rate", "lower", "upper", "q", "q_p_value", "prediction_lower", "prediction_upper"):
            # metafor's variance between sites stops at a step of 1e-5.
            assert found[column] == pytest.approx(row[column], rel=1e-4), column
        assert found["i2"] == pytest.approx(row["i2"], rel=FITTED, abs=1e-9)
        assert found["tau2"] == pytest.approx(row["tau2"], rel=1e-3, abs=1e-6)


def test_mixed_poisson_of_many_sites() -> None:
    reference = expected("many_sites")["sites"]["mixed_poisson"]["quadrature"]
    crude = contrasts_of("many_sites").crude()
    model = fit_mixed_poisson(crude.batch, crude.rows["site"].astype("category").cat.codes.to_numpy(np.int64))
    # R's derivatives are numerical.
    assert model.beta[1] == pytest.approx(reference["log_ratio"], rel=1e-5)
    assert np.sqrt(model.covariance[1, 1]) == pytest.approx(reference["se"], rel=1e-5)
    assert model.site_deviation == pytest.approx(reference["sigma"], rel=1e-5)
    # Sites by choice stand beside policy sites here: one ratio would mix what is within and between them.
    table = ratios("many_sites")
    row = table[table["model"] == "mixed_poisson"].iloc[0]
    assert row["status"] == "not_estimable" and "by policy" in row["reason"]


def test_permutation_of_many_sites() -> None:
    reference = expected("many_sites")["sites"]["site_level"]["log_rates"]
    found = compare_site_rates(contrasts_of("many_sites"), 0.95, 1)
    assert found.p_value == pytest.approx(reference["permutation_p"], rel=1e-12)
    assert found.smallest == pytest.approx(reference["smallest_p"], rel=1e-12)
    assert abs(np.log(found.ratio)) == pytest.approx(abs(reference["difference"]), rel=1e-9)


@registries
def test_sensitivity(name: str) -> None:
    cohort, _ = cohort_of(name)
    table = estimate_sensitivity(contrasts_of(name), cohort.onsets, ImputationPlan(2, 1)).set_index(
        "scenario"
    )
    references = expected(name)["sensitivity"]
    compared = 0
    for scenario, row in table.iterrows():
        key = NAMES.get(scenario, scenario)
        key = key.replace("leave_out:", "without_site:").replace("covariates:", "covariate:")
        reference = references.get(key)
        if reference is None or reference["status"] == "not_estimable":
            continue
        assert row["pregnancies"] == reference["pregnancies"], scenario
        assert row["relapses_numerator"] == reference["relapses_untreated"], scenario
        assert (row["status"], row["model"]) == (reference["status"], reference["model"]), scenario
        assert_ratio(row, reference)
        compared += 1
    assert compared >= 12


@registries
def test_precision(name: str) -> None:
    reference = expected(name)["precision"]
    settings = PrecisionSettings(0.95, 0.8, (1.409, 1.5), reference["margin"], 1)
    answers = assess_precision(contrasts_of(name), ratios(name), settings).set_index("question")["value"]
    for question in ("excluded_reduction", "excluded_increase", "minimum_detectable_ratio"):
        # Differences from 1 lose a digit.
        assert answers[question] == pytest.approx(reference[question], rel=1e-5)
    needed = [reference["pregnancies_needed_1.409"], reference["pregnancies_needed_1.5"]]
    assert answers["pregnancies_needed"].tolist() == needed
    assert answers["equivalence"] == pytest.approx(reference["equivalence_p"], rel=1e-5)
    for question in ("e_value_estimate", "e_value_limit"):
        assert answers[question] == pytest.approx(reference[question], rel=FITTED)
    if contrasts_of(name).verdict.verdict == "between sites only":
        assert answers["site_shock_to_null"] == pytest.approx(reference["site_shock_to_null"], rel=FITTED)
        limits = [reference["site_shock_covers_from"], reference["site_shock_covers_to"]]
        assert answers["site_shock_to_exclude"].tolist() == pytest.approx(limits, rel=FITTED)


@registries
def test_frequencies(name: str) -> None:
    table = measure_dispersion(contrasts_of(name).person_time)
    table = table[table["period"] == "postpartum_year"].set_index("test")
    reference = expected(name)["frequencies"]
    rows = [test for test in table.index if test.startswith("frequency")]
    assert table.loc[rows, "statistic"].tolist() == reference["observed"]
    assert table.loc[rows, "value"].tolist() == pytest.approx(reference["expected"], rel=1e-5)


@pytest.mark.slow
@registries
def test_nonlinearity(name: str) -> None:
    table = estimate_predictors(contrasts_of(name), cohort_of(name)[0].onsets)
    alone = table[table["model"] == "univariable"].set_index("predictor")["p_nonlinear"]
    compared = 0
    for predictor, value in expected(name)["nonlinearity"].items():
        p_value = value["p_value"] if isinstance(value, dict) else value
        if p_value is None:
            assert pd.isna(alone[predictor])
        else:
            assert alone[predictor] == pytest.approx(p_value, rel=FITTED)
            compared += 1
    assert compared >= 2


@pytest.mark.parametrize(("copies", "near"), [(10, 0.08), pytest.param(60, 0.06, marks=pytest.mark.slow)])
def test_multiple_imputation_near_mice(copies: int, near: float) -> None:
    reference = expected("choice_sites")["multiple_imputation"]
    rows = dict(imputed_contrasts(contrasts_of("choice_sites"), ImputationPlan(copies, 1)))
    row = rows["multiple_imputation"]
    # Two ways to impute the same values: a third of a standard error apart at most, Monte Carlo error 0.003
    # of 60 copies, 0.008 of 10. Complete cases alone are 0.12 apart.
    for method in ("norm", "pmm"):
        assert np.log(row.rate_ratio) == pytest.approx(reference[method]["log_ratio"], abs=near)
