"""Simulated studies of known truth: drawn as said, answered by the library, and held to a Monte Carlo band.

A share p of N replicates has the Monte Carlo standard error sqrt(p (1 - p) / N). Every band here is 4 of them
wide on each side: a right engine leaves it once in 16,000 tests. The seeds are fixed.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from gravida.calibration import SCENARIOS
from gravida.calibration.draws import (
    AFTER,
    BEFORE,
    chunk_generator,
    draw_frailty,
    draw_frame,
    draw_person_time,
)
from gravida.calibration.replicate import PLAN, answer_replicate
from gravida.calibration.scenarios import RATE_AFTER, RATE_BEFORE, SHARED
from gravida.calibration.summary import COLUMNS, summarise
from gravida.models.counts import CountModel
from gravida.statistics.contrasts import Contrasts
from gravida.statistics.course import estimate_course
from gravida.statistics.estimators import primary_row
from scipy import stats

pytestmark = pytest.mark.slow
SEED = 20191111
BAND = 4
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def simulate(name: str, replicates: int, seed: int = SEED) -> pd.DataFrame:
    """Return the summary of a scenario by method."""
    scenario = BY_NAME[name]
    frame, rng = draw_frame(scenario, seed), chunk_generator(seed, SCENARIOS.index(scenario), 0)
    answers = [answer for _ in range(replicates) for answer in answer_replicate(frame, rng)]
    return summarise(scenario, pd.DataFrame(answers)).set_index("method")


def outside_band(summary: pd.DataFrame, methods: tuple[str, ...]) -> list[str]:
    """Return the methods whose coverage is not that of a 95% interval, nor their type I error 5%."""
    found = []
    for method in methods:
        row = summary.loc[method]
        reach = BAND * np.sqrt(0.95 * 0.05 / row["estimated"])
        if abs(row["coverage"] - 0.95) > reach:
            found.append(f"{method}: coverage {row['coverage']:.3f}")
        if row["truth"] == 1 and abs(row["rejected"] - 0.05) > reach:
            found.append(f"{method}: type I error {row['rejected']:.3f}")
    return found


def test_the_scenarios_are_those_of_the_plan():
    plain = [(s.alpha, s.rate_ratio) for s in SCENARIOS if len(s.sites) == 2 and not s.shock]
    assert sorted(plain) == [(alpha, ratio) for alpha in (0, 0.5, 0.8, 1.5) for ratio in (1, 1.5)]
    assert {s.shock for s in SCENARIOS if len(s.sites) == 2} == {0, 0.2, 0.3}
    policies = {s.name: [site.policy for site in s.sites] for s in SCENARIOS}
    assert policies["choice_12_sites"] == ["individual"] * 12
    assert policies["policy_6_sites"] == ["all", "none"] * 3
    assert len(policies) == len(SCENARIOS) == 13
    for scenario in SCENARIOS:
        assert sum(site.pregnancies for site in scenario.sites) == 132
        assert sum(site.number_of_women for site in scenario.sites) == 112
    assert [site.pregnancies for site in SCENARIOS[0].sites] == [71, 61]


@pytest.mark.parametrize("name", ["alpha_0_null", "choice_12_sites"])
def test_twenty_women_have_two_pregnancies_and_most_years_are_whole(name: str):
    frame = draw_frame(BY_NAME[name], SEED)
    pregnancies = np.bincount(frame.woman)
    assert (np.bincount(pregnancies)[1:] == [92, 20]).all()
    years = frame.person_time.groupby("period")["person_years"]
    assert (years.max().round(4) == round(365 / 365.25, 4)).all()
    assert years.size()[AFTER] == 132 and 120 <= years.size()[BEFORE] <= 132
    assert ((years.sum() / 132).between(0.85, 0.99)).all()
    sites = pd.Series(frame.site).groupby(frame.woman).nunique()
    assert (sites == 1).all()


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.5])
def test_frailty_makes_negative_binomial_counts_that_a_woman_shares(alpha: float):
    women, mean = 200_000, 0.32
    rng = np.random.default_rng(3)
    frailty = draw_frailty(alpha, np.repeat(np.arange(women), 2), rng)
    counts = rng.poisson(mean * frailty).reshape(women, 2)
    first = counts[:, 0]
    law = stats.poisson(mean) if alpha == 0 else stats.nbinom(1 / alpha, 1 / (1 + alpha * mean))
    for value in range(4):
        expected = law.pmf(value)
        reach = BAND * np.sqrt(expected * (1 - expected) / women)
        assert abs((first == value).mean() - expected) < reach
    # Cov of her two counts: mu^2 times the covariance of the frailties. Its error is about var / sqrt(N).
    variance = mean + alpha * mean**2
    found = np.cov(counts.T)[0, 1]
    assert abs(found - SHARED * alpha * mean**2) < 2 * BAND * variance / np.sqrt(women)


def test_rates_arms_and_shocks_are_those_of_the_scenario():
    scenario = BY_NAME["alpha_0.5_ratio_1.5"]
    frame, rng = draw_frame(scenario, SEED), np.random.default_rng(5)
    drawn = pd.concat([draw_person_time(frame, rng) for _ in range(400)])
    sums = drawn.groupby(["period", "arm"])[["relapses", "person_years"]].sum()
    rates = sums["relapses"] / sums["person_years"]
    # 400 studies of about 20 relapses an arm, over-dispersed: a relative error near 1.5 / sqrt(8000).
    assert np.allclose(rates[BEFORE], RATE_BEFORE, rtol=0.06)
    assert np.isclose(rates[AFTER, "untreated"] / rates[AFTER, "treated"], 1.5, rtol=0.08)
    assert np.isclose(np.sqrt(rates[AFTER].prod()), RATE_AFTER, rtol=0.06)
    assert (drawn.loc[drawn["site"] == "treats_all", "arm"] == "treated").all()
    shocked, quiet = (draw_frame(BY_NAME[name], SEED) for name in ("shock_0.3", "alpha_0.8_null"))
    totals = [_log_rates(draw_person_time(shocked, rng)) for _ in range(400)]
    others = [_log_rates(draw_person_time(quiet, rng)) for _ in range(400)]
    spread = np.var(totals, axis=0) - np.var(others, axis=0)
    # Shocks of SD 0.3 add 0.09 to the variance of a site's log rate after delivery and nothing before; the
    # error of such a difference is about 0.01.
    assert np.allclose(spread, [[0, 0.09], [0, 0.09]], atol=0.045)


def _log_rates(person_time: pd.DataFrame) -> np.ndarray:
    """Return the log rate of each site before and after, half a relapse added to each, shape (sites, 2)."""
    sums = person_time.groupby(["site", "period"])[["relapses", "person_years"]].sum()
    rates = np.log((sums["relapses"] + 0.5) / sums["person_years"])
    return np.column_stack([rates.xs(period, level="period") for period in (BEFORE, AFTER)])


@pytest.mark.parametrize("name", ["alpha_0_null", "alpha_1.5_ratio_1.5", "choice_12_sites"])
def test_answers_are_those_of_the_library(name: str):
    frame = draw_frame(BY_NAME[name], SEED)
    for seed in range(4):
        drawn = draw_person_time(frame, np.random.default_rng(seed))
        answers = {a.method: a for a in answer_replicate(frame, np.random.default_rng(seed))}
        policies = {site.name: site.policy for site in frame.scenario.sites}
        pregnancies = pd.DataFrame({"dated": np.zeros(132, dtype=bool)})
        contrasts = Contrasts(pregnancies, drawn, policies, PLAN)
        primary, answer = primary_row(contrasts.primary()), answers["primary"]
        assert answer.status == primary.status
        assert (answer.rate_ratio, answer.lower, answer.upper, answer.p_value) == (
            *(primary.rate_ratio, primary.lower, primary.upper, primary.p_value),
        )
        course = estimate_course(contrasts).set_index("term").loc["difference_in_differences"]
        found = answers["difference_in_differences"]
        for number in ("rate_ratio", "lower", "upper", "p_value"):
            # Two parametrisations of one model: rounding.
            assert np.isclose(getattr(found, number), course[number], rtol=1e-8)


def test_summary_is_the_arithmetic_of_the_replicates():
    truth = BY_NAME["alpha_0.5_ratio_1.5"]
    answers = pd.DataFrame(
        [
            ("exact", "ok", 1.5, 1.0, 2.0, 0.05, None, ""),
            ("exact", "fallback", 3.0, 2.0, 4.5, 0.001, None, "why"),
            ("exact", "ok", 0.75, 0.5, np.nan, 0.4, None, ""),
            ("exact", "ok", np.nan, 1.6, np.nan, 0.04, None, ""),
            ("exact", "not_estimable", np.nan, np.nan, np.nan, np.nan, None, "no relapse"),
        ],
        columns=[
            "method", "status", "rate_ratio", "lower", "upper", "p_value", "standard_error", "reason",
        ],
    )  # fmt: skip
    summary = summarise(truth, answers)
    assert list(summary) == COLUMNS
    row = summary.iloc[0]
    assert (row["replicates"], row["estimated"], row["reason"]) == (5, 4, "no relapse")
    assert (row["fallback"], row["rejected"], row["coverage"]) == (0.25, 0.5, 0.5)
    assert np.isclose(row["coverage_mcse"], np.sqrt(0.25 / 4))
    # Log ratios less log 1.5: 0, log 2, -log 2.
    assert np.isclose(row["bias"], 0)
    assert np.isclose(row["empirical_sd"], np.log(2))
    assert np.isclose(row["bias_mcse"], np.log(2) / np.sqrt(3))
    assert pd.isna(row["mean_error"])


@pytest.mark.parametrize("name", ["alpha_0.8_null", "alpha_0.5_ratio_1.5"])
def test_intervals_hold_the_truth(name: str):
    # 300 replicates: 4 sqrt(.95 x .05 / 300) = 0.050.
    summary = simulate(name, 300)
    assert outside_band(summary, ("primary", "poisson_cr2", "difference_in_differences")) == []
    assert summary.loc["primary", "estimated"] == 300
    for method in ("primary", "difference_in_differences"):
        assert abs(summary.loc[method, "bias"]) < BAND * summary.loc[method, "bias_mcse"]


def test_band_fails_where_the_engine_is_spoiled(monkeypatch: pytest.MonkeyPatch):
    right: Callable = CountModel.clustered_covariance
    monkeypatch.setattr(CountModel, "clustered_covariance", lambda model: right(model) / 2)
    found = outside_band(simulate("alpha_0.8_null", 300), ("primary", "difference_in_differences"))
    # Limits at 1.96 / sqrt(2) = 1.386 errors hold the truth in 83%.
    assert [line.split(" 0.")[0] for line in found] == [
        "primary: coverage",
        "primary: type I error",
        "difference_in_differences: coverage",
        "difference_in_differences: type I error",
    ]


def test_site_shocks_break_every_interval_but_that_of_the_sites():
    # Shocks of SD 0.3 bring the coverage of the pair to about 80%: 3 errors of 100 replicates below 93%.
    pair = simulate("shock_0.3", 100)
    assert pair.loc["primary", "coverage"] < 0.89
    assert pair.loc["site_rates", "estimated"] == 0
    assert pair.loc["site_rates", "reason"].startswith("needs 4 or more sites")
    six = simulate("policy_6_sites_shock_0.3", 100)
    assert outside_band(six, ("site_rates",)) == []
    assert six.loc["site_rates", "coverage"] > six.loc["primary", "coverage"]
