"""Published and constructed reference cases. Closed forms 1e-10, fits 1e-6, errors of fits 1e-5."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gravida.models.bias_reduced import bias_reduced
from gravida.models.counts import CountModel, fit_negative_binomial, fit_poisson
from gravida.models.exact import exact_rate_ratio, garwood
from gravida.models.firth import fit_firth
from gravida.models.gee import fit_exchangeable
from gravida.models.kernel import Batch
from gravida.statistics.baseline import describe_baseline
from gravida.statistics.dispersion import _cameron_trivedi

CASES = Path(__file__).parent / "cases"
USED = {
    "exact_2x2_and_cmh",
    "meta_bcg",
    "meta_sparse_constructed",
    "meta_yusuf1985_t6",
    "mh_tolbutamide",
    "clustered_counts_epil",
    "cox_closed_form",
    "cox_lung_ties",
    "did_rates_constructed",
    "evalues",
    "exact_poisson_rates",
    "firth_endometrial",
    "firth_poisson_zero",
    "iptw_lalonde",
    "km_lung",
    "mdrr_schoenfeld",
    "nb_joint_sandwich",
    "nb_quine_additive",
    "nb_quine_observed_information",
    "overdispersion_tests",
    "python_traps",
    "rate_tests_and_power",
    "rates_mh_smokers",
    "recurrent_bladder",
    "rubin_pool_nhanes",
    "smd_pbc",
    "survival_late_entry",
    "survival_tests",
}


def case(name: str) -> dict:
    return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))


def test_every_case_is_there() -> None:
    assert {path.stem for path in CASES.glob("*.json")} == USED


def errors(covariance: np.ndarray) -> np.ndarray:
    return np.sqrt(np.diag(covariance))


def column(table: dict, name: str) -> list[float]:
    return [row[name] for row in table.values()]


@pytest.fixture(scope="module")
def epil() -> Batch:
    data = pd.read_csv(CASES / "epil.csv")
    treated = (data["trt"] == "progabide").to_numpy(float)
    design = np.column_stack(
        [np.ones(len(data)), data["lbase"], treated, data["lage"], data["V4"], data["lbase"] * treated]
    )
    return Batch(data["y"].to_numpy(float), design, np.zeros(len(data)), data["subject"].to_numpy())


@pytest.fixture(scope="module")
def quine() -> Batch:
    data = pd.read_csv(CASES / "quine.csv")
    terms = [("Eth", "N"), ("Sex", "M"), ("Age", "F1"), ("Age", "F2"), ("Age", "F3"), ("Lrn", "SL")]
    design = np.column_stack([np.ones(len(data)), *(data[name] == level for name, level in terms)])
    return Batch(
        data["Days"].to_numpy(float), design.astype(float), np.zeros(len(data)), np.arange(len(data))
    )


def test_epil_poisson(epil: Batch) -> None:
    reference = case("clustered_counts_epil")["expected"]
    model = fit_poisson([epil])
    assert model.beta == pytest.approx(column(reference["poisson"]["coef"], "Estimate"), rel=1e-8)
    assert errors(model.model_covariance()) == pytest.approx(
        column(reference["poisson"]["coef"], "Std. Error"), rel=1e-6
    )
    clustered = list(reference["poisson_cluster_se"]["HC1_stata"].values())
    assert errors(model.clustered_covariance()) == pytest.approx(clustered, rel=1e-8)
    assert model.fit.sums.log_likelihood == pytest.approx(reference["poisson"]["loglik"], rel=1e-10)


def test_epil_bias_reduced(epil: Batch) -> None:
    reference = case("clustered_counts_epil")["expected"]["CR2_satterthwaite"]
    reduced = bias_reduced(fit_poisson([epil]))
    assert errors(reduced.covariance) == pytest.approx(list(reference["se"].values()), rel=1e-8)
    freedom = [reduced.degrees_of_freedom(direction) for direction in np.eye(6)]
    assert freedom == pytest.approx(list(reference["df"].values()), rel=1e-8)


def test_joint_test_of_one_coefficient_is_its_t_test(epil: Batch) -> None:
    model = fit_poisson([epil])
    reference = case("clustered_counts_epil")["expected"]["CR2_satterthwaite"]["p"]
    reduced = bias_reduced(model)
    for place, p_value in enumerate(reference.values()):
        assert reduced.joint_p_value(model.beta, [place]) == pytest.approx(p_value, rel=1e-6)


def test_epil_exchangeable(epil: Batch) -> None:
    reference = case("clustered_counts_epil")["expected"]["gee_exchangeable"]
    fit = fit_exchangeable([epil], fit_poisson([epil]).beta)
    assert fit.correlation == pytest.approx(reference["alpha"], rel=1e-6)
    assert fit.scale == pytest.approx(reference["scale"], rel=1e-6)
    assert fit.beta == pytest.approx(column(reference["coef"], "Estimate"), rel=1e-6)
    assert errors(fit.covariance) == pytest.approx(column(reference["coef"], "Std.err"), rel=1e-6)


def test_exchangeable_without_repeats_is_the_uncorrected_sandwich(quine: Batch) -> None:
    start = fit_poisson([quine])
    fit = fit_exchangeable([quine], start.beta)
    assert fit.correlation == 0
    mean = np.exp(quine.design @ start.beta)
    bread = np.linalg.inv((quine.design.T * mean) @ quine.design)
    meat = (quine.design.T * (quine.counts - mean) ** 2) @ quine.design
    assert fit.covariance == pytest.approx(bread @ meat @ bread, rel=1e-8)


def _assert_joint_sandwich(model: CountModel, reference: dict) -> None:
    assert model.alpha == pytest.approx(reference["alpha"], rel=1e-6)
    assert model.beta == pytest.approx(reference["coef"], rel=1e-6)
    assert errors(model.model_covariance()) == pytest.approx(reference["se_observed"], rel=1e-6)
    assert errors(model.clustered_covariance()) == pytest.approx(reference["se_joint_sandwich"], rel=1e-6)


def test_epil_negative_binomial(epil: Batch) -> None:
    reference = case("clustered_counts_epil")["expected"]["negbin"]
    model = fit_negative_binomial([epil])
    assert model.beta == pytest.approx(column(reference["coef"], "Estimate"), rel=1e-6)
    assert model.alpha == pytest.approx(reference["alpha"], rel=1e-6)
    assert model.fit.sums.log_likelihood == pytest.approx(reference["loglik"], rel=1e-10)
    _assert_joint_sandwich(model, case("nb_joint_sandwich")["epil"])


def test_quine_negative_binomial(quine: Batch) -> None:
    model = fit_negative_binomial([quine])
    reference = case("nb_quine_observed_information")["expected"]
    assert model.beta == pytest.approx(list(reference["coef"].values()), rel=1e-6)
    assert errors(model.model_covariance()) == pytest.approx(
        list(reference["se_observed"].values()), rel=1e-6
    )
    additive = case("nb_quine_additive")["expected"]
    assert model.fit.sums.log_likelihood == pytest.approx(additive["negbin"]["loglik"], rel=1e-10)
    ratio = 2 * (model.fit.sums.log_likelihood - fit_poisson([quine]).fit.sums.log_likelihood)
    assert ratio == pytest.approx(additive["lr_nb_vs_poisson"], rel=1e-8)
    _assert_joint_sandwich(model, case("nb_joint_sandwich")["quine"])


def test_exact_rates() -> None:
    reference = case("exact_poisson_rates")["expected"]
    for events, years in [(137, 24.19893), (0, 10), (1, 10), (3, 12.5), (10, 25)]:
        row = reference[
            f"poisson.test({events}, {years:g})" if events != 137 else "poisson.test(137, 24.19893)"
        ]
        lower, upper = garwood([events], [years], 0.95)
        assert lower[0] == pytest.approx(row["conf_low"], rel=1e-10)
        assert upper[0] == pytest.approx(row["conf_high"], rel=1e-10)


@pytest.mark.parametrize(
    ("key", "events", "years"),
    [
        ("poisson.test(c(11,6+8+7), c(800,1083+1050+878))", (11, 21), (800, 3011)),
        ("poisson.test(c(60,30), c(51477.5,54308.7))", (60, 30), (51477.5, 54308.7)),
        ("poisson.test(c(0,5), c(20,20))", (0, 5), (20, 20)),
        ("poisson.test(c(20,25), c(74,66))", (20, 25), (74, 66)),
    ],
)
def test_exact_ratio(key: str, events: tuple, years: tuple) -> None:
    row = case("exact_poisson_rates")["expected"][key]
    exact = exact_rate_ratio(events, years, 0.95)
    assert exact.ratio == pytest.approx(row["estimate"], rel=1e-12)
    assert exact.lower == pytest.approx(row["conf_low"], rel=1e-9)
    assert exact.upper == pytest.approx(row["conf_high"], rel=1e-9)


def test_exact_one_sided_p_of_the_published_example() -> None:
    block = case("rate_tests_and_power")["two_sample"]
    exact = exact_rate_ratio(tuple(block["x"]), tuple(block["t"]), 0.95)
    # The source prints six decimals of the smaller tail.
    assert exact.p_value / 2 == pytest.approx(block["one_sided_p"]["exact_cond"], abs=5e-7)
    one = case("rate_tests_and_power")["one_sample"][0]
    lower, upper = garwood([one["count"]], [one["exposure"]], 0.95)
    assert [lower[0], upper[0]] == pytest.approx(one["exact"], rel=1e-9)


def test_firth_with_an_empty_arm() -> None:
    block = case("firth_poisson_zero")["expected"]
    rows = block["input"]
    batch = Batch(
        np.array([row["y"] for row in rows], dtype=float),
        np.array([[1.0, row["trt"]] for row in rows]),
        np.log([row["t"] for row in rows]),
        np.arange(len(rows)),
    )
    beta, covariance = fit_firth(batch)
    assert beta == pytest.approx(column(block["coef"], "Estimate"), rel=1e-6)
    assert errors(covariance) == pytest.approx(column(block["coef"], "Std. Error"), rel=1e-6)


def test_cameron_trivedi_of_quine(quine: Batch) -> None:
    reference = case("overdispersion_tests")["expected"]["quine"]["trafo2"]
    statistic, p_value, value, _ = _cameron_trivedi(fit_poisson([quine]), quine)
    assert statistic == pytest.approx(reference["z"], rel=1e-6)
    assert p_value == pytest.approx(reference["p_one_sided"], rel=1e-5)
    assert value == pytest.approx(reference["estimate"], rel=1e-6)


def test_cameron_trivedi_of_recreation_demand() -> None:
    data = pd.read_csv(CASES / "recreation_demand.csv")
    terms = data.drop(columns="trips").apply(
        lambda c: c.map({"yes": 1.0, "no": 0.0}) if c.dtype == object else c
    )
    design = np.column_stack([np.ones(len(data)), terms])
    batch = Batch(data["trips"].to_numpy(float), design, np.zeros(len(data)), np.arange(len(data)))
    statistic, p_value, value, _ = _cameron_trivedi(fit_poisson([batch]), batch)
    reference = case("overdispersion_tests")["expected"]["recreation"]["trafo2"]
    assert statistic == pytest.approx(reference["z"], rel=1e-6)
    assert p_value == pytest.approx(reference["p_one_sided"], rel=1e-5)
    assert value == pytest.approx(reference["estimate"], rel=1e-6)


def test_saturated_difference_in_differences() -> None:
    data = pd.read_csv(CASES / "did_constructed.csv")
    arm, period = (data["arm"] == "ivig").to_numpy(float), (data["period"] == "post").to_numpy(float)
    design = np.column_stack([np.ones(len(data)), arm, period, arm * period])
    batch = Batch(data["events"].to_numpy(float), design, np.log(data["py"].to_numpy()), np.arange(len(data)))
    model = fit_poisson([batch])
    closed = case("did_rates_constructed")["expected"]["closed_form"]
    assert model.beta[3] == pytest.approx(closed["log_rrr"], rel=1e-10)
    assert errors(model.model_covariance())[3] == pytest.approx(closed["se"], rel=1e-8)


def test_stratified_rates_of_smokers() -> None:
    data = pd.read_csv(CASES / "rothman_table15_2.csv")
    long = pd.DataFrame(
        {
            "events": [*data["x1i"], *data["x2i"]],
            "years": [*data["t1i"], *data["t2i"]],
            "smoker": [1.0] * len(data) + [0.0] * len(data),
            "age": [*data["age"], *data["age"]],
        }
    )
    ages = pd.get_dummies(long["age"], drop_first=True).to_numpy(float)
    design = np.column_stack([np.ones(len(long)), long["smoker"], ages])
    batch = Batch(
        long["events"].to_numpy(float), design, np.log(long["years"].to_numpy()), np.arange(len(long))
    )
    model = fit_poisson([batch])
    reference = case("rates_mh_smokers")["expected"]["poisson_ml"]
    assert model.beta[1] == pytest.approx(reference["coef"], rel=1e-6)
    assert errors(model.model_covariance())[1] == pytest.approx(reference["se"], rel=1e-6)


def test_standardised_differences_of_pbc() -> None:
    data = pd.read_csv(CASES / "pbc_trt.csv")
    reference = case("smd_pbc")["expected"]
    for name in ("age", "bili", "albumin", "protime"):
        assert _smd_of(data["trt"], data[name]) == pytest.approx(reference[name]["smd"], rel=1e-10)


def _smd_of(arm: pd.Series, values: pd.Series) -> float:
    """Return what the baseline table says of a continuous variable, given as the age."""
    n = len(values)
    empty = pd.Series([None] * n, dtype="Float64")
    names = ("disease_duration_years", "edss_before", "relapses_pre_year", "relapses_pregnancy")
    names += ("gestation_days", "parity", "visits_post_year")
    rows = pd.DataFrame(
        {
            "age_at_delivery": values.to_numpy(float),
            **dict.fromkeys(names, empty),
            "dmt_class": "none",
            "outcome": "live_birth",
            "breastfeeding": "none",
            "assisted_reproduction": False,
            "steroid_prophylaxis": False,
            "policy": "individual",
            "woman": range(n),
            "arm": np.where(arm == arm.min(), "treated", "untreated"),
        }
    )
    table = describe_baseline(rows)
    found = table[(table["variable"] == "age_at_delivery") & (table["statistic"] == "smd")]
    return float(found["value"].iloc[0])
