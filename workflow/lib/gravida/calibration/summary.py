"""From the answers of many replicates to type I error, power, coverage and bias, with Monte Carlo errors."""

import numpy as np
import pandas as pd

from gravida.calibration.replicate import METHODS
from gravida.calibration.scenarios import Scenario

LEVEL = 0.05
ESTIMATED = ("ok", "fallback")
COLUMNS = [
    "scenario",
    "method",
    "truth",
    "replicates",
    "estimated",
    "fallback",
    "rejected",
    "rejected_mcse",
    "coverage",
    "coverage_mcse",
    "bias",
    "bias_mcse",
    "mean_error",
    "empirical_sd",
    "reason",
]


def summarise(scenario: Scenario, answers: pd.DataFrame) -> pd.DataFrame:
    """Summarise the replicates of a scenario, one row a method.

    Parameters
    ----------
    scenario : Scenario
    answers : DataFrame
        One row a replicate and method: the fields of `Answer`.

    Returns
    -------
    DataFrame
        `COLUMNS`. Shares are of the replicates with an estimate: fallback, rejected (p < .05: the type I
        error where truth is 1, the power elsewhere) and coverage of the 95% interval. Bias, mean standard
        error and the estimates' standard deviation are on the log scale; `reason` is the commonest one for
        no estimate. A share p of N has the Monte Carlo error sqrt(p (1 - p) / N), a mean has SD / sqrt(N).
    """
    rows = [
        {"scenario": scenario.name, "method": method, "truth": scenario.rate_ratio}
        | _of_method(answers[answers["method"] == method], scenario.rate_ratio)
        for method in METHODS
        if (answers["method"] == method).any()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_method(answers: pd.DataFrame, truth: float) -> dict[str, object]:
    there = answers[answers["status"].isin(ESTIMATED)]
    reasons = answers.loc[~answers["status"].isin(ESTIMATED), "reason"]
    counted = {
        "replicates": len(answers),
        "estimated": len(there),
        "reason": "" if reasons.empty else reasons.mode().iloc[0],
    }
    if there.empty:
        return counted
    # An exact interval has no upper limit where an arm has no relapse; there is no log of a ratio of 0.
    covered = (there["lower"].fillna(0) <= truth) & (truth <= there["upper"].fillna(np.inf))
    ratio = there["rate_ratio"].to_numpy(float)
    bias = np.log(ratio[ratio > 0]) - np.log(truth)
    return {
        **counted,
        "fallback": float((there["status"] == "fallback").mean()),
        **_share("rejected", there["p_value"] < LEVEL),
        **_share("coverage", covered),
        **_mean(bias),
        "mean_error": there["standard_error"].mean(),
    }


def _share(name: str, met: pd.Series) -> dict[str, float]:
    share = float(met.mean())
    return {name: share, f"{name}_mcse": float(np.sqrt(share * (1 - share) / met.size))}


def _mean(bias: np.ndarray) -> dict[str, float]:
    if bias.size < 2:
        return {}
    spread = float(bias.std(ddof=1))
    return {
        "bias": float(bias.mean()),
        "bias_mcse": spread / float(np.sqrt(bias.size)),
        "empirical_sd": spread,
    }
