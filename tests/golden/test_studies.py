"""Whole studies, from files to tables, against an independent implementation in R (make_golden.R).

Rates and person-time are closed forms: 1e-9. Fits: 1e-6 for ratios, limits and p-values, which is what two
optimisers that both stop near the maximum leave; R's alpha stops at about 1e-6.
"""

import json
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from gravida.statistics.contrasts import Contrasts, ContrastSettings
from gravida.statistics.dispersion import measure_dispersion
from gravida.statistics.identifiability import assess_identifiability
from gravida.statistics.predictors import estimate_predictors
from gravida.statistics.rate_ratios import estimate_rate_ratios
from gravida.statistics.rates import estimate_rates

from tests.study import COVARIATES, read_study

HERE = Path(__file__).parent
STUDIES = {
    "policy_pair": HERE / "registries/policy_pair",
    "choice_sites": HERE / "registries/choice_sites",
    "mixed": HERE / "registries/mixed",
    "underdispersed": HERE / "registries/underdispersed",
    "many_sites": HERE / "registries/many_sites",
    "bladder": HERE.parent / "data/bladder",
}
MODELS = {
    "poisson_model": ("poisson", "model"),
    "poisson_cluster_robust": ("poisson", "cluster_robust"),
    "poisson_cluster_robust_cr2": ("poisson", "cluster_robust_cr2"),
    "gee_poisson": ("gee_poisson", "cluster_robust"),
    "negative_binomial_model": ("negative_binomial", "model"),
    "negative_binomial_cluster_robust": ("negative_binomial", "cluster_robust"),
    "exact": ("exact_poisson", "none"),
}
CLOSED, FITTED = 1e-9, 1e-6

studies = pytest.mark.parametrize("name", STUDIES)


def expected(name: str) -> dict:
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


@cache
def study(name: str):
    return read_study(STUDIES[name])


@cache
def rate_ratios(name: str) -> pd.DataFrame:
    cohort, policies = study(name)
    settings = ContrastSettings("untreated", "treated", "postpartum_year", 0.95, COVARIATES)
    return estimate_rate_ratios(Contrasts(cohort.pregnancies, cohort.person_time, policies, settings))


def assert_numbers(row: pd.Series, reference: dict, names: tuple[str, ...], tolerance: float) -> None:
    for name in names:
        value = reference.get(name)
        if value is None:
            assert pd.isna(row[name]), name
        else:
            assert row[name] == pytest.approx(value, rel=tolerance, abs=1e-12), name


@studies
def test_every_rate_equals_r(name: str) -> None:
    cohort, _ = study(name)
    rates = estimate_rates(cohort.person_time, 0.95)
    rates = rates[rates["pregnancies"] > 0].set_index(["group", "arm", "site", "period"])
    reference = expected(name)["relapse_rates"]
    keys = [(row["group"], row["arm"], row["site"] or "all", row["period"]) for row in reference]
    assert sorted(keys) == sorted(rates.index)
    columns = ("pregnancies", "women", "relapses", "person_years", "rate", "lower", "upper")
    for key, row in zip(keys, reference, strict=True):
        assert_numbers(rates.loc[key], row, columns, CLOSED)
        assert_numbers(rates.loc[key], row, ("robust_lower", "robust_upper"), FITTED)


@studies
def test_the_verdict_equals_the_plan(name: str) -> None:
    cohort, policies = study(name)
    assessed = assess_identifiability(cohort.person_time, policies, "postpartum_year")
    assert assessed.verdict == expected(name)["verdict"]


@studies
def test_every_contrast_equals_r(name: str) -> None:
    reference, table = expected(name), rate_ratios(name)
    table = table[table["analysis"].isin(["unadjusted", "adjusted", "exact"])]
    adjusted = ";".join(COVARIATES)
    within = reference["verdict"] == "identifiable within sites" and len(study(name)[1]) > 1
    families = {"none": "unadjusted"} | ({"site": "site"} if within else {})
    for adjusted_for, family in families.items():
        fits = reference["rate_ratios"][family]
        rows = table[table["adjusted_for"] == adjusted_for]
        for label, (model, covariance) in MODELS.items():
            if label not in fits["models"] or (label == "exact" and adjusted_for != "none"):
                continue
            if fits["alpha"] == 0 and model == "negative_binomial":
                continue
            fitted = rows[rows["status"] == "ok"]
            (row,) = (
                row
                for _, row in fitted.iterrows()
                if (row["model"], row["covariance"]) == (model, covariance)
            )
            assert_numbers(row, fits["models"][label], ("rate_ratio", "lower", "upper", "p_value"), FITTED)
            assert_numbers(row, fits, ("pregnancies", "women", "relapses"), 0)
    if name != "bladder":
        fits = reference["rate_ratios"]["site_adjusted" if within else "adjusted"]
        row = table[table["adjusted_for"] == (f"site;{adjusted}" if within else adjusted)].iloc[0]
        assert_numbers(row, fits["primary"], ("rate_ratio", "lower", "upper", "p_value"), FITTED)


@pytest.mark.parametrize(
    ("name", "analysis"),
    [
        ("choice_sites", "landmark_30"),
        ("mixed", "landmark_30"),
        ("bladder", "landmark_30"),
        ("mixed", "policy"),
        ("mixed", "as_treated"),
    ],
)
def test_landmark_and_policy_equal_r(name: str, analysis: str) -> None:
    fits = expected(name)["rate_ratios"]["unadjusted" if analysis == "as_treated" else analysis]
    row = rate_ratios(name).set_index("analysis").loc[analysis]
    assert row["status"] == fits["primary"]["status"] == "ok"
    assert_numbers(row, fits["primary"], ("rate_ratio", "lower", "upper", "p_value"), FITTED)
    assert_numbers(row, fits, ("pregnancies", "women", "relapses"), 0)


@studies
def test_the_primary_row_equals_r(name: str) -> None:
    reference = expected(name)
    (row,) = (row for _, row in rate_ratios(name).iterrows() if row["is_primary"])
    fits = reference["rate_ratios"][reference["primary"]]
    primary = fits["primary"]
    for column in ("model", "covariance", "status"):
        assert row[column] == primary[column]
    assert_numbers(row, primary, ("rate_ratio", "lower", "upper", "p_value"), FITTED)
    assert row["alpha"] == pytest.approx(fits["alpha"], rel=1e-5)


@studies
def test_every_predictor_equals_r(name: str) -> None:
    cohort, policies = study(name)
    settings = ContrastSettings("untreated", "treated", "postpartum_year", 0.95, COVARIATES)
    table = estimate_predictors(
        Contrasts(cohort.pregnancies, cohort.person_time, policies, settings), cohort.onsets
    )
    compared = 0
    for family, references in expected(name)["predictors"].items():
        if family not in {"univariable", "multivariable"}:
            continue
        for reference in references:
            row = table[(table["model"] == family) & (table["predictor"] == reference["predictor"])]
            if reference["level"]:
                row = row[row["level"] == reference["level"]]
            row = row.iloc[0]
            assert row["status"] == reference["status"]
            assert_numbers(row, reference, ("pregnancies", "women", "relapses"), 0)
            assert_numbers(row, reference, ("rate_ratio", "lower", "upper", "p_value", "p_holm"), FITTED)
            assert row["p_joint"] == pytest.approx(reference["joint_p"], rel=FITTED)
            compared += 1
    # Of the bladder study only the treatment varies, and alone is together.
    assert compared == (1 if name == "bladder" else 16)


def test_constant_covariates_of_the_bladder_study_have_a_reason() -> None:
    cohort, policies = study("bladder")
    settings = ContrastSettings("untreated", "treated", "postpartum_year", 0.95, COVARIATES)
    table = estimate_predictors(
        Contrasts(cohort.pregnancies, cohort.person_time, policies, settings), cohort.onsets
    )
    covariates = table[table["predictor"] != "ivig"]
    assert set(covariates["status"]) == {"not_estimable"}
    assert covariates["reason"].str.len().min() > 0
    assert covariates[["rate_ratio", "lower", "upper", "p_value", "p_holm"]].isna().all(axis=None)


@studies
def test_dispersion_equals_r(name: str) -> None:
    reference = expected(name)["dispersion"]
    table = measure_dispersion(study(name)[0].person_time)
    table = table[table["period"] == "postpartum_year"].set_index("test")
    assert table.loc["pearson", "value"] == pytest.approx(reference["pearson"]["value"], rel=FITTED)
    for column in ("statistic", "value", "p_value"):
        value = reference["cameron_trivedi"][column]
        assert table.loc["cameron_trivedi", column] == pytest.approx(value, rel=FITTED)
    ratio = reference["likelihood_ratio"]
    assert table.loc["likelihood_ratio", "statistic"] == pytest.approx(ratio["statistic"], rel=1e-5, abs=1e-9)
    assert table.loc["likelihood_ratio", "p_value"] == pytest.approx(ratio["p_value"], rel=1e-5)
    zeros = reference["zeros"]
    assert table.loc["zeros", "statistic"] == zeros["observed"]
    expects = zeros["negative_binomial"] or zeros["poisson"]
    assert table.loc["zeros", "value"] == pytest.approx(expects, rel=1e-5)


def test_one_site_without_dated_relapses_stays_out_of_trimesters_and_quarters() -> None:
    cohort, _ = study("mixed")
    counts_only = cohort.pregnancies.loc[~cohort.pregnancies["dated"], "site"].unique()
    assert len(counts_only) == 1
    parts = cohort.person_time[cohort.person_time["period"].str.contains("trimester|_q|6_months")]
    assert not parts["site"].isin(counts_only).any()
