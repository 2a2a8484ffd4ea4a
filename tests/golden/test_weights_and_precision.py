"""Weights, Firth's logistic regression, E-values and detectable ratios against published and R's numbers."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gravida.models.coded import Coded
from gravida.models.logistic import fit_logistic
from gravida.statistics.design import Column
from gravida.statistics.precision import e_value, minimum_detectable_ratio
from gravida.statistics.weighting import Propensity, standardised_difference
from scipy.special import expit

CASES = Path(__file__).parent / "cases"


def case(name: str) -> dict:
    return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))["expected"]


@pytest.fixture(scope="module")
def lalonde() -> tuple[pd.DataFrame, Propensity]:
    data = pd.read_csv(CASES / "lalonde.csv")
    names = [name for name in case("iptw_lalonde")["ps_coef"] if name != "(Intercept)"]
    # In units of its spread each covariate has the same chance, and Newton's method a well-scaled problem.
    scale = data[names].std().to_numpy()
    design = np.column_stack([np.ones(len(data)), data[names].to_numpy(float) / scale])
    beta, _ = fit_logistic(design, data["treat"].to_numpy(float))
    expected = np.array(list(case("iptw_lalonde")["ps_coef"].values()))
    assert beta / np.concatenate([[1.0], scale]) == pytest.approx(expected, rel=1e-6)
    arm = np.where(data["treat"] == 1, "treated", "untreated")
    rows = pd.DataFrame({"arm": arm, "woman": range(len(data))})
    return data, Propensity(rows, (), expit(design @ beta), ())


def test_weights_of_lalonde(lalonde: tuple) -> None:
    _, propensity = lalonde
    reference = case("iptw_lalonde")["weights"]
    weights = propensity.weights("iptw")
    assert weights.mean() == pytest.approx(reference["ate_mean"], rel=1e-6)
    assert weights.max() == pytest.approx(reference["ate_max"], rel=1e-6)
    sizes = propensity.effective_sample_size("iptw")
    assert sizes == pytest.approx((reference["ess_treated"], reference["ess_control"]), rel=1e-6)


@pytest.mark.parametrize(("method", "name"), [("iptw", "ate"), ("overlap", "overlap")])
def test_weighted_difference_of_lalonde(lalonde: tuple, method: str, name: str) -> None:
    data, propensity = lalonde
    weights, treated = propensity.weights(method), propensity.treated == 1
    means = [np.average(data["re78"][arm], weights=weights[arm]) for arm in (treated, ~treated)]
    # The difference of two means of several thousand loses three digits.
    assert means[0] - means[1] == pytest.approx(case("iptw_lalonde")[name]["est"], rel=1e-5)


def test_balance_of_lalonde(lalonde: tuple) -> None:
    data, propensity = lalonde
    reference = case("iptw_lalonde")
    for key, weights in (("smd_before", np.ones(len(data))), ("smd_after_ate", propensity.weights("iptw"))):
        for name, value in reference[key].items():
            # R takes every covariate as continuous here, the indicators too.
            column = Column(name, "", "", Coded.of(data[name].to_numpy(float)))
            found = standardised_difference(column, propensity.treated, weights)
            assert found == pytest.approx(value, rel=1e-5), name


def test_separated_outcome_has_a_penalised_fit_only() -> None:
    data = pd.read_csv(CASES / "endometrial.csv")
    names = ["NV", "PI", "EH"]
    design = np.column_stack([np.ones(len(data)), data[names].to_numpy(float)])
    outcome = data["HG"].to_numpy(float)
    with pytest.raises(Exception, match="could not be fitted"):
        fit_logistic(design, outcome)
    beta, covariance = fit_logistic(design, outcome, penalised=True)
    reference = pd.DataFrame(case("firth_endometrial")["firth"]).T
    # R stops at a step of 1e-8.
    assert beta == pytest.approx(reference["Estimate"].to_numpy(), rel=1e-6)
    assert np.sqrt(np.diag(covariance)) == pytest.approx(reference["Std. Error"].to_numpy(), rel=1e-6)


def test_e_values_as_published() -> None:
    for row in case("evalues"):
        assert e_value(row["rr"]) == pytest.approx(row["e_point"], rel=1e-12)
        covers = row["lo"] <= 1 <= row["hi"]
        nearest = 1.0 if covers else min(row["lo"], row["hi"], key=lambda limit: abs(np.log(limit)))
        assert e_value(nearest) == pytest.approx(row["e_ci"], rel=1e-12)


def test_detectable_ratio_of_schoenfeld() -> None:
    for row in case("mdrr_schoenfeld"):
        if row["events"]:
            error = 1 / np.sqrt(row["events"] * row["p"] * (1 - row["p"]))
            assert minimum_detectable_ratio(error, 0.95, 0.8) == pytest.approx(row["mdrr"], rel=1e-12)
