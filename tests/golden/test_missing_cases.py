"""Rubin's rules against mice on a published data set. Closed forms: 1e-10."""

import json
from pathlib import Path

import numpy as np
import pytest
from gravida.statistics.missing import pool, pooled_estimate
from scipy import stats

CASE = json.loads((Path(__file__).parent / "cases/rubin_pool_nhanes.json").read_text(encoding="utf-8"))
EXPECTED = CASE["expected"]
NAMES = {
    "estimate": "estimate",
    "within": "ubar",
    "between": "b",
    "total": "t",
    "df": "df",
    "riv": "riv",
    "lambda_": "lambda",
    "fmi": "fmi",
}


@pytest.fixture(scope="module")
def estimates() -> np.ndarray:
    return np.array(EXPECTED["estimates_by_imputation"]).T


@pytest.fixture(scope="module")
def variances() -> np.ndarray:
    return np.array(EXPECTED["variances_by_imputation"]).T


@pytest.mark.parametrize("name", NAMES)
def test_nhanes_pooled(estimates: np.ndarray, variances: np.ndarray, name: str) -> None:
    pooled = pool(estimates, variances, EXPECTED["dfcom"])
    reference = [EXPECTED["pooled"][term][NAMES[name]] for term in EXPECTED["terms"]]
    assert getattr(pooled, name) == pytest.approx(reference, rel=1e-10)


def test_limits_are_those_of_t_on_these_degrees_of_freedom(
    estimates: np.ndarray, variances: np.ndarray
) -> None:
    # In hundredths, so that ratios and limits stay in the range of numbers.
    fits = [
        (beta / 100, np.diag(variance) / 100**2) for beta, variance in zip(estimates, variances, strict=True)
    ]
    found = pooled_estimate(fits, 1, EXPECTED["dfcom"], 0.95)
    reference = EXPECTED["pooled"]["age"]
    error = np.sqrt(reference["t"]) / 100
    reach = stats.t.ppf(0.975, reference["df"]) * error
    centre = reference["estimate"] / 100
    assert found.rate_ratio == pytest.approx(np.exp(centre), rel=1e-10)
    assert [found.lower, found.upper] == pytest.approx(np.exp([centre - reach, centre + reach]), rel=1e-10)
    assert found.p_value == pytest.approx(2 * stats.t.sf(centre / error, reference["df"]), rel=1e-9)
    assert found.df == pytest.approx(reference["df"], rel=1e-10)
    assert found.fmi == pytest.approx(reference["fmi"], rel=1e-10)
