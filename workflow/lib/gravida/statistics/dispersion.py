"""Do the counts vary more than a Poisson model allows."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtr

from gravida.errors import NotEstimable
from gravida.models.coded import Coded
from gravida.models.counts import CountModel, NoOverdispersion, fit_negative_binomial, fit_poisson
from gravida.models.kernel import Batch, negative_binomial, poisson
from gravida.periods import COUNT_COLUMNS
from gravida.person_time import of_period
from gravida.statistics.design import Column, make_batch

COLUMNS = [
    *("period", "test", "statistic", "p_value", "value"),
    *("pregnancies", "women", "relapses", "reason"),
]
TESTS = ("pearson", "cameron_trivedi", "likelihood_ratio", "zeros")
# The rootogram: pregnancies with 0, 1, 2 and 3 or more relapses.
MOST = 3
# Statistic, p-value, value and reason of a test.
Result = tuple[float | None, float | None, float | None, str]
Results = Mapping[str, Result]


def measure_dispersion(person_time: pd.DataFrame, min_women: int = 1) -> pd.DataFrame:
    """Measure over-dispersion around a model with one rate for each arm, in each whole period.

    `pearson`: statistic chi-square, value chi-square / degrees of freedom. `cameron_trivedi`: regression test
    against the NB2 form, one-sided, value the estimate of alpha (Cameron and Trivedi 1990, Journal of
    Econometrics 46:347-364). `likelihood_ratio`: Poisson against the negative binomial, whose p-value is half
    that of chi-square with 1 degree of freedom since alpha = 0 is the boundary; value the fitted alpha.
    `zeros`: statistic the pregnancies without a relapse, value those that the negative binomial (Poisson if
    alpha = 0) expects. `frequency_...`: the same for 0, 1, 2 and 3 or more relapses, each row counting the
    women and pregnancies that it observed; the last rows are one, such as 2 or more, where fewer than
    `min_women` women would be in one of them.

    Parameters
    ----------
    person_time : DataFrame
        `Cohort.person_time`.
    min_women : int
        The fewest women of a frequency.
    """
    rows = [row for period in COUNT_COLUMNS for row in _period(person_time, period, min_women)]
    return pd.DataFrame(rows, columns=COLUMNS)


def count_frequencies(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the counts and sums of a period that the table is made of, as plain data.

    Parameters
    ----------
    rows : DataFrame
        Of `Cohort.person_time`, one period.

    Returns
    -------
    dict
        pregnancies, women and relapses; `arms`: for each arm also person_years and squares_per_year, the sum
        of relapses squared over person-years; `exactly` 0, 1, 2 and `or_more` than 1, 2, 3 relapses:
        pregnancies, women and relapses.
    """
    relapses = rows["relapses"]
    squares = relapses.astype(float) ** 2 / rows["person_years"]
    return {
        **_sizes(rows),
        "arms": {
            arm: _sizes(rows[inside])
            | {
                "person_years": float(rows.loc[inside, "person_years"].sum()),
                "squares_per_year": float(squares[inside].sum()),
            }
            for arm, inside in ((arm, rows["arm"] == arm) for arm in ("treated", "untreated"))
        },
        "exactly": [_sizes(rows[relapses == number]) for number in range(MOST)],
        "or_more": [_sizes(rows[relapses >= number]) for number in range(1, MOST + 1)],
    }


def _sizes(rows: pd.DataFrame) -> dict[str, int]:
    return {
        "pregnancies": len(rows),
        "women": rows["woman"].nunique(),
        "relapses": int(rows["relapses"].sum()),
    }


def most_told(counted: Mapping[str, Any], min_women: int) -> int:
    """Return the number of relapses of the last frequency: so that enough women are in each, or 1.

    Parameters
    ----------
    counted : mapping
        As `count_frequencies` returns it, perhaps with fewer of the last frequencies.
    min_women : int
        The fewest women of a frequency.
    """
    for most in range(len(counted["or_more"]), 1, -1):
        frequencies = [*counted["exactly"][1:most], counted["or_more"][most - 1]]
        if all(not 0 < each["women"] < min_women for each in frequencies):
            return most
    return 1


def tabulate_period(
    period: str, counted: Mapping[str, Any], results: Results, expected: np.ndarray | None, most: int
) -> Iterator[tuple]:
    """Yield the rows of a period.

    Parameters
    ----------
    period : str
    counted : mapping
        As `count_frequencies` returns it.
    results : mapping
        Statistic, p-value, value and reason of each test.
    expected : ndarray, shape (4,), or None
        Pregnancies expected with 0, 1, 2 and 3 or more relapses.
    most : int
        Relapses of the last frequency.
    """
    size = (counted["pregnancies"], counted["women"], counted["relapses"])
    for test in TESTS:
        *numbers, reason = results[test]
        yield (period, test, *numbers, *size, reason)
    for number in range(most + 1):
        last = number == most
        here = counted["or_more"][most - 1] if last else counted["exactly"][number]
        value = None if expected is None else float(expected[number:][: None if last else 1].sum())
        test = f"frequency_{number}" + ("_or_more" if last else "")
        sizes = (here["pregnancies"], here["women"], here["relapses"])
        yield (period, test, float(sizes[0]), None, value, *sizes, results["zeros"][-1])


def _period(person_time: pd.DataFrame, period: str, min_women: int) -> Iterator[tuple]:
    rows = of_period(person_time, period)
    counted = count_frequencies(rows)
    try:
        results, expected = _measure(rows, counted)
    except NotEstimable as obstacle:
        results, expected = dict.fromkeys(TESTS, (None, None, None, str(obstacle))), None
    return tabulate_period(period, counted, results, expected, most_told(counted, min_women))


def _measure(rows: pd.DataFrame, counted: Mapping[str, Any]) -> tuple[dict[str, Result], np.ndarray]:
    """Return the results of each test, and the expected frequencies, shape (4,)."""
    chi_square = pearson(counted)
    treated = Column("arm", "treated", "untreated", Coded.of((rows["arm"] == "treated").to_numpy(float)))
    batch = make_batch(rows, [treated] if treated.coded.levels.size == 2 else [])
    base = fit_poisson([batch])
    try:
        model = fit_negative_binomial([batch])
    except NoOverdispersion:
        model = base
    ratio = max(0.0, 2 * (model.fit.sums.log_likelihood - base.fit.sums.log_likelihood))
    alpha = model.alpha or 0.0
    tail = float(chdtrc(1, ratio)) / 2 if alpha else 1.0
    expected = _expected_frequencies(model, batch)
    results = {
        "pearson": chi_square,
        "cameron_trivedi": _cameron_trivedi(base, batch),
        "likelihood_ratio": (ratio, tail, alpha, "" if alpha else "the maximum is at alpha = 0"),
        "zeros": (zeros(counted), None, float(expected[0]), ""),
    }
    return results, expected


def zeros(counted: Mapping[str, Any]) -> float:
    """Return how many pregnancies are without a relapse."""
    return float(counted["exactly"][0]["pregnancies"])


def pearson(counted: Mapping[str, Any]) -> Result:
    """Return the chi-square of a rate for each arm: of relapses squared over those expected, less relapses.

    Parameters
    ----------
    counted : mapping
        As `count_frequencies` returns it.

    Raises
    ------
    NotEstimable
        If an arm has no relapse, or there are no more pregnancies than arms.
    """
    arms = [arm for arm in counted["arms"].values() if arm["pregnancies"]]
    if not arms or not all(arm["relapses"] for arm in arms):
        raise NotEstimable("there is no relapse in an arm")
    freedom = counted["pregnancies"] - len(arms)
    if freedom <= 0:
        raise NotEstimable("there are no more pregnancies than arms")
    chi_square = sum(
        arm["squares_per_year"] * arm["person_years"] / arm["relapses"] - arm["relapses"] for arm in arms
    )
    return chi_square, None, chi_square / freedom, ""


def _cameron_trivedi(model: CountModel, batch: Batch) -> Result:
    """Regress ((y - mu)^2 - y) / mu on mu without an intercept; the t-statistic is taken as normal."""
    mean = poisson(batch, model.beta).mean
    excess = ((batch.counts - mean) ** 2 - batch.counts) / mean
    slope = float(mean @ excess / (mean @ mean))
    variance = float(((excess - slope * mean) ** 2).sum() / (mean.size - 1) / (mean @ mean))
    if variance <= 0:
        return None, None, slope, "all pregnancies deviate alike: the test has no variance"
    z = slope / np.sqrt(variance)
    return float(z), float(ndtr(-z)), slope, ""


def _expected_frequencies(model: CountModel, batch: Batch) -> np.ndarray:
    """Return the pregnancies that the model expects with 0, 1, 2 and 3 or more relapses, shape (4,)."""
    family = negative_binomial if model.alpha else poisson
    shares = []
    for number in range(MOST):
        counts = np.full(batch.counts.size, float(number))
        shares.append(np.exp(family(replace(batch, counts=counts), model.fit.parameters).value).sum())
    return np.array([*shares, max(0.0, batch.counts.size - sum(shares))])
