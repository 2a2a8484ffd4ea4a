"""The synthesis of published studies against R (metafor, stats), whole sheets and published cases.

Closed forms 1e-9, roots and iterative fits 1e-6; where R's own answer stops earlier, the test says so.
"""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gravida.evidence.comparisons import compare
from gravida.evidence.pool import pool
from gravida.evidence.sheet import check_studies
from gravida.evidence.synthesis import pool_evidence
from gravida.models.conditional import common_odds_ratio
from gravida.models.meta_analysis import paule_mandel, q_profile, restricted_likelihood
from gravida.models.stratified import Arms, mantel_haenszel, stratum_estimates
from gravida.tables import read_cells
from scipy import stats
from test_cases import CASES, case

GOLDEN = Path(__file__).parent
ANSWERS = json.loads((GOLDEN / "evidence.json").read_text(encoding="utf-8"))
KEYS = ["analysis", "measure", "method", "interval", "zero_cells"]
ITERATIVE = {"paule_mandel", "reml", "exact_conditional"}


def sheet_of(arms: pd.DataFrame) -> pd.DataFrame:
    """Return a checked sheet of studies with four counts, in this order."""
    named = arms.set_axis(["treated_events", "treated_n", "control_events", "control_n"], axis=1)
    filled = named.assign(
        study=[f"study {number}" for number in range(len(named))],
        year=range(1950, 1950 + len(named)),
        control_type="randomized",
        source="case",
    )
    return check_studies(filled.astype(str))


def pooled(sheet: pd.DataFrame, measure: str, confidence: float = 0.95, **chosen: str):
    """Return the one row of a pool with this method, interval and policy."""
    rows = [
        row
        for row in pool(compare(sheet, measure), confidence)
        if all(getattr(row, name) == value for name, value in chosen.items())
    ]
    assert len(rows) == 1, chosen
    return rows[0]


def assert_root(found: float, reference: float) -> None:
    """Hold a ratio against R's search for it, or for its inverse above 1, whose tolerance is 1.2e-4."""
    assert min(found, 1 / found) == pytest.approx(min(reference, 1 / reference), abs=1.5e-4)


def assert_fit(row, reference: dict, measure: str, tolerance: float = 1e-8) -> None:
    """Hold a pooled row against metafor's fit: estimate, limits, p and Q."""
    log = (lambda value: value) if measure == "RD" else math.log
    found = [log(row.estimate), log(row.lower), log(row.upper), row.p_value, row.q, row.q_p_value]
    expected = [reference[name] for name in ("b", "ci_lb", "ci_ub", "pval", "QE", "QEp")]
    assert found == pytest.approx(expected, rel=tolerance, abs=1e-12)


# Whole sheets.


def read_answers(name: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return our tables of studies and pools, and R's."""
    answers = ANSWERS["sheets"][name]
    found = pool_evidence(
        check_studies(read_cells(GOLDEN / answers["file"], "studies")), pd.DataFrame(), (), 0.95
    )
    expected = pd.DataFrame(answers["pooled"], columns=ANSWERS["pooled_columns"])
    studies = pd.DataFrame(answers["studies"], columns=ANSWERS["studies_columns"])
    return found.studies, found.pooled, studies, expected


@pytest.mark.parametrize("name", sorted(ANSWERS["sheets"]))
def test_every_pool_of_a_sheet_is_what_r_gives(name: str) -> None:
    _, ours, _, theirs = read_answers(name)
    ours, theirs = ours.set_index(KEYS), theirs.set_index(KEYS)
    # R also repeats a pool for a study that has no numbers for the measure, and names no empty pool.
    assert set(ours.index) - set(theirs.index) <= set(ours.index[ours["status"] == "not_estimable"])
    assert set(theirs.index) - set(ours.index) <= {key for key in theirs.index if ":" in key[0]}
    numbers = [column for column in theirs.columns if column != "studies"]
    compared = 0
    for key in ours.index.intersection(theirs.index):
        found, expected = ours.loc[key], theirs.loc[key]
        tolerance = 1e-6 if key[2] in ITERATIVE else 1e-9
        assert found["studies"] == expected["studies"], key
        for column in numbers:
            # Limits of tau2 are roots, and p-values far out lose digits of the quantile.
            near = 1e-6 if column.startswith("tau2_") or column == "p_value" else tolerance
            given, wanted = (
                math.nan if pd.isna(row[column]) else float(row[column]) for row in (found, expected)
            )
            assert given == pytest.approx(wanted, rel=near, abs=1e-9, nan_ok=True), (key, column)
        compared += 1
    assert compared > 90


@pytest.mark.parametrize("name", sorted(ANSWERS["sheets"]))
def test_every_study_by_itself_is_what_r_gives(name: str) -> None:
    ours, _, theirs, _ = read_answers(name)
    keys = ["study", "year", "measure"]
    ours, theirs = ours[ours["measure"] != ""].set_index(keys), theirs.set_index(keys)
    assert set(ours.index) == set(theirs.index)
    for key in theirs.index:
        found, expected = ours.loc[key], theirs.loc[key]
        assert bool(found["included"]) == bool(expected["main"]), key
        for column in ("estimate", "lower", "upper"):
            wanted = math.nan if pd.isna(expected[column]) else float(expected[column])
            assert found[column] == pytest.approx(wanted, rel=1e-9, abs=1e-12, nan_ok=True), (key, column)
        for column in ("exact_lower", "exact_upper"):
            wanted = math.nan if pd.isna(expected[column]) else float(expected[column])
            given = math.nan if found[column] is None else float(found[column])
            assert given == pytest.approx(wanted, rel=1e-6, nan_ok=True), (key, column)


# Published cases.


@pytest.fixture(scope="module")
def bcg() -> pd.DataFrame:
    trials = pd.read_csv(CASES / "dat_bcg.csv")
    return sheet_of(
        pd.DataFrame(
            {
                "a": trials["tpos"],
                "n1": trials["tpos"] + trials["tneg"],
                "c": trials["cpos"],
                "n2": trials["cpos"] + trials["cneg"],
            }
        )
    )


@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
def test_meta_bcg(bcg: pd.DataFrame, measure: str) -> None:
    expected = case("meta_bcg")["expected"]
    fixed = {"MH": "mantel_haenszel", "FE": "inverse_variance"}
    for name, method in fixed.items():
        assert_fit(pooled(bcg, measure, method=method), expected[f"{name}_{measure}"], measure)
    random = {"DL": "dersimonian_laird", "REML": "reml"}
    for name, method in random.items():
        # metafor's REML stops at a step of 1e-5, far for the tau2 of differences: evidence.json does not.
        tolerance = {"DL": 1e-8, "REML": 1e-3 if measure == "RD" else 1e-5}[name]
        row = pooled(bcg, measure, method=method, interval="wald")
        reference = expected[f"{name}_{measure}"]
        assert_fit(row, reference, measure, tolerance)
        assert row.tau2 == pytest.approx(reference["tau2"], rel=tolerance)
        log = (lambda value: value) if measure == "RD" else math.log
        limits = [log(row.prediction_lower), log(row.prediction_upper)]
        assert limits == pytest.approx([reference["pi_lb"], reference["pi_ub"]], rel=tolerance)
        knapp = pooled(bcg, measure, method=method, interval="hartung_knapp")
        reference = expected[f"{name}_HKSJ_{measure}"]
        # The case has no floor of 1 on the factor; where its error is above Wald's the two agree.
        if reference["se"] > expected[f"{name}_{measure}"]["se"]:
            assert_fit(knapp, reference, measure, tolerance)
        else:
            assert knapp.upper - knapp.lower > math.exp(reference["ci_ub"]) - math.exp(reference["ci_lb"])
    assert pooled(bcg, measure, method="inverse_variance").egger_t == pytest.approx(
        expected[f"egger_{measure}"]["stat"], rel=1e-8
    )
    assert pooled(bcg, measure, method="inverse_variance").egger_p_value == pytest.approx(
        expected[f"egger_{measure}"]["p"], rel=1e-8
    )


def test_meta_bcg_peto(bcg: pd.DataFrame) -> None:
    assert_fit(pooled(bcg, "OR", method="peto"), case("meta_bcg")["expected"]["PETO"], "OR")


def test_meta_bcg_i2_comes_from_q_whatever_the_method(bcg: pd.DataFrame) -> None:
    """100 (152.233 - 12) / 152.233 = 92.117, where metafor prints 92.221 for REML."""
    rows = [row for row in pool(compare(bcg, "RR"), 0.95) if row.method not in ("mantel_haenszel", "peto")]
    expected = case("meta_bcg")["expected"]["FE_RR"]["I2"]
    assert {round(row.i2, 9) for row in rows} == {round(expected, 9)}


@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
def test_meta_bcg_one_left_out_and_cumulative(bcg: pd.DataFrame, measure: str) -> None:
    expected = case("meta_bcg")["expected"]
    log = (lambda value: value) if measure == "RD" else np.log
    found = pool_evidence(bcg, pd.DataFrame(), (), 0.95).pooled
    rows = found[
        (found["measure"] == measure)
        & (found["method"] == "dersimonian_laird")
        & (found["interval"] == "wald")
    ].set_index("analysis")
    left_out = rows.loc[[f"leave_out:study {number}" for number in range(13)]]
    reference = expected[f"leave1out_DL_{measure}"]
    assert log(left_out["estimate"].to_numpy(float)) == pytest.approx(reference["estimate"], rel=1e-8)
    assert left_out["tau2"].to_numpy(float) == pytest.approx(reference["tau2"], rel=1e-8)
    assert left_out["i2"].to_numpy(float) == pytest.approx(reference["I2"], rel=1e-8)
    # The case goes by the order of the file, here the years; of one study random effects say nothing.
    cumulative = rows.loc[[f"cumulative:study {number}" for number in range(1, 13)]]
    reference = expected[f"cumul_DL_{measure}"]["estimate"][1:]
    assert log(cumulative["estimate"].to_numpy(float)) == pytest.approx(reference, rel=1e-8)


def test_meta_bcg_roots_that_metafor_stops_short_of(bcg: pd.DataFrame) -> None:
    """Metafor's Paule-Mandel and Q-profile search with uniroot's default tolerance, 1.2e-4."""
    expected = case("meta_bcg")["expected"]
    estimates, variances = compare(bcg, "RR").estimates(half=False)
    between = paule_mandel(estimates, variances)
    assert between == pytest.approx(expected["PM_RR"]["tau2"], rel=1e-4)
    weight = 1 / (variances + between)
    mean = np.average(estimates, weights=weight)
    assert (weight * (estimates - mean) ** 2).sum() == pytest.approx(12, rel=1e-9)
    assert q_profile(estimates, variances, 0.95) == pytest.approx(
        expected["REML_Qprofile_RR"]["tau2"][1:], rel=1e-3
    )
    assert restricted_likelihood(estimates, variances) == pytest.approx(expected["REML_RR"]["tau2"], rel=1e-6)


@pytest.fixture(scope="module")
def beta_blockers() -> pd.DataFrame:
    trials = pd.read_csv(CASES / "dat_yusuf1985.csv", dtype={"table": str})
    rows = trials[trials["table"] == "6"].dropna(subset=["ai"])
    return sheet_of(rows[["ai", "n1i", "ci", "n2i"]].astype(int))


def test_meta_yusuf1985(beta_blockers: pd.DataFrame) -> None:
    """Three trials had no event in either arm: Peto and the ratios go by 18, the difference by all 21."""
    expected = case("meta_yusuf1985_t6")["expected"]
    named = {
        ("OR", "peto", "none"): "PETO",
        # metafor's default adds the halves for Q alone.
        ("OR", "mantel_haenszel", "half"): "MH_OR_noadd",
        ("OR", "mantel_haenszel", "half_in_pool"): "MH_OR_addhalf_only0",
        ("RR", "mantel_haenszel", "half"): "MH_RR",
    }
    for (measure, method, policy), name in named.items():
        row = pooled(beta_blockers, measure, method=method, zero_cells=policy)
        assert_fit(row, expected[name], measure)
        assert (row.studies, row.q_df) == (21 if policy == "half_in_pool" else 18, 17)
    difference = pooled(beta_blockers, "RD", method="mantel_haenszel", zero_cells="half")
    assert_fit(difference, expected["MH_RD"], "RD")
    assert (difference.studies, difference.q_df) == (21, 17)


def test_meta_sparse_constructed() -> None:
    sheet = sheet_of(pd.read_csv(CASES / "sparse_constructed.csv")[["ai", "n1i", "ci", "n2i"]])
    expected = case("meta_sparse_constructed")["expected"]
    for measure in ("OR", "RR", "RD"):
        row = pooled(sheet, measure, method="mantel_haenszel", zero_cells="half")
        assert_fit(row, expected[f"MH_{measure}"], measure)
    assert_fit(pooled(sheet, "OR", method="peto", zero_cells="none"), expected["PETO"], "OR")
    half = {"zero_cells": "half", "interval": "wald"}
    assert_fit(pooled(sheet, "OR", method="inverse_variance", **half), expected["FE_OR_half"], "OR")
    assert_fit(pooled(sheet, "OR", method="dersimonian_laird", **half), expected["DL_OR_half"], "OR")
    # These two stop at metafor's default thresholds.
    assert_fit(pooled(sheet, "OR", method="reml", **half), expected["REML_OR_half"], "OR", 1e-5)
    assert_fit(pooled(sheet, "OR", method="paule_mandel", **half), expected["PM_OR_half"], "OR", 1e-4)
    knapp = {"zero_cells": "half", "interval": "hartung_knapp"}
    # The factor is below 1 here: without the floor the limits would be narrower (DL_HKSJ of the case).
    assert_fit(pooled(sheet, "OR", method="dersimonian_laird", **knapp), expected["DL_adhoc"], "OR")
    exact = pooled(sheet, "OR", method="exact_conditional")
    # rma.glmm's optimizer stops at about 1e-5.
    assert math.log(exact.estimate) == pytest.approx(expected["conditional_exact_EE"]["b"], rel=1e-4)


def test_mh_tolbutamide() -> None:
    strata = pd.read_csv(CASES / "rothman_table15_1.csv")
    arms = pd.DataFrame(
        {
            "a": strata["ai"],
            "n1": strata["ai"] + strata["bi"],
            "c": strata["ci"],
            "n2": strata["ci"] + strata["di"],
        }
    )
    expected = case("mh_tolbutamide")["expected"]
    for measure, name in {"RD": "RD", "RR": "RR", "OR": "OR_nocc"}.items():
        row = pooled(sheet_of(arms), measure, 0.9, method="mantel_haenszel")
        assert_fit(row, expected[name], measure)


def test_rates_mh_smokers() -> None:
    strata = pd.read_csv(CASES / "rothman_table15_2.csv")
    columns = ["x1i", "t1i", "x2i", "t2i"]
    found = {name: strata[name].to_numpy(float) for name in columns if name in strata}
    if not found:
        found = dict(zip(columns, strata.select_dtypes("number").to_numpy(float).T, strict=False))
    estimate, variance = mantel_haenszel(Arms(*found.values(), person_time=True), "IRR")
    reference = case("rates_mh_smokers")["expected"]["MH_IRR_90"]
    assert estimate == pytest.approx(reference["b"], rel=1e-10)
    assert math.sqrt(variance) == pytest.approx(reference["se"], rel=1e-10)


def test_exact_2x2_and_cmh() -> None:
    """One table: fisher.test, whose roots carry four digits, and scipy's to the last."""
    expected = case("exact_2x2_and_cmh")["expected"]
    # fisher.test's examples in R (tea; job_like as in ?fisher.test, Convictions), and 11/72 against 65/132.
    tables = {
        "tea": (3, 1, 1, 3),
        "job_like": (2, 15, 10, 3),
        "ivig_pooled_6mo": (11, 61, 65, 67),
    }
    for name, (a, b, c, d) in tables.items():
        arms = Arms(*(np.array([float(value)]) for value in (a, a + b, c, c + d)))
        found = common_odds_ratio(arms, 0.95)
        reference = expected[name]
        for ours, theirs in ((found.ratio, "or_cmle"), (found.lower, "lo"), (found.upper, "hi")):
            assert_root(ours, reference[theirs])
        theirs = stats.contingency.odds_ratio([[a, b], [c, d]], kind="conditional")
        assert found.ratio == pytest.approx(theirs.statistic, rel=1e-8)
        limits = theirs.confidence_interval(0.95)
        assert (found.lower, found.upper) == pytest.approx((limits.low, limits.high), rel=1e-8)
        assert stats.fisher_exact([[a, b], [c, d]]).pvalue == pytest.approx(reference["p"], rel=1e-8)


def test_exact_2x2_and_cmh_over_strata() -> None:
    """Penicillin and rabbits (?mantelhaen.test): the first and last of five strata say nothing."""
    expected = case("exact_2x2_and_cmh")["expected"]
    # Delay none against 1.5 h, cured and died, by dose: Agresti (1990) as in R's help.
    rabbits = Arms(
        np.array([0, 3, 6, 5, 2.0]),
        np.array([6, 6, 6, 6, 2.0]),
        np.array([0, 0, 2, 6, 5.0]),
        np.array([5, 6, 6, 6, 5.0]),
    )
    estimate, variance = mantel_haenszel(rabbits, "OR")
    limits = np.exp(estimate + np.array([-1, 1]) * stats.norm.ppf(0.975) * math.sqrt(variance))
    assert math.exp(estimate) == pytest.approx(expected["rabbits"]["or"], rel=1e-8)
    assert limits == pytest.approx([expected["rabbits"]["lo"], expected["rabbits"]["hi"]], rel=1e-8)
    exact = common_odds_ratio(rabbits, 0.95)
    reference = expected["rabbits_exact"]
    for ours, theirs in ((exact.ratio, "or"), (exact.lower, "lo"), (exact.upper, "hi")):
        assert_root(ours, reference[theirs])


def test_sm_pm_tau2_and_the_halves_of_statsmodels() -> None:
    """Its Paule-Mandel agrees with ours; its half event goes to the empty cell alone, ours to all four."""
    from statsmodels.stats.meta_analysis import combine_effects

    table = Arms(*(np.array([value]) for value in (10.0, 30.0, 30.0, 30.0)))
    estimate, _ = stratum_estimates(table.with_half(), "OR")
    assert math.exp(estimate[0]) == pytest.approx(10.5 * 0.5 / (20.5 * 30.5), rel=1e-12)
    trials = pd.read_csv(CASES / "dat_bcg.csv")
    arms = [trials["tpos"], trials["tpos"] + trials["tneg"], trials["cpos"], trials["cpos"] + trials["cneg"]]
    estimates, variances = stratum_estimates(Arms(*(arm.to_numpy(float) for arm in arms)), "RR")
    theirs = combine_effects(estimates, variances, method_re="iterated", atol=1e-12)
    assert paule_mandel(estimates, variances) == pytest.approx(theirs.tau2, rel=1e-8)
