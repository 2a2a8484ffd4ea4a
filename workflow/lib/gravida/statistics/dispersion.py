"""Do the counts vary more than a Poisson model allows."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtr

from gravida.errors import NotEstimable
from gravida.models.counts import CountModel, NoOverdispersion, fit_negative_binomial, fit_poisson
from gravida.models.kernel import Batch, negative_binomial, poisson
from gravida.periods import COUNT_COLUMNS
from gravida.statistics.design import Column, make_batch

COLUMNS = [
    *("period", "test", "statistic", "p_value", "value"),
    *("pregnancies", "women", "relapses", "reason"),
]
TESTS = ("pearson", "cameron_trivedi", "likelihood_ratio", "zeros")
# The rootogram: pregnancies with 0, 1, 2 and 3 or more relapses.
MOST = 3


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


def _period(person_time: pd.DataFrame, period: str, min_women: int) -> Iterator[tuple]:
    rows = person_time[person_time["period"] == period]
    size = (len(rows), rows["woman"].nunique(), int(rows["relapses"].sum()))
    try:
        results, expected = _measure(rows)
    except NotEstimable as obstacle:
        results, expected = dict.fromkeys(TESTS, (None, None, None, str(obstacle))), None
    for test in TESTS:
        *numbers, reason = results[test]
        yield (period, test, *numbers, *size, reason)
    most = _most(rows, min_women)
    for number in range(most + 1):
        here = rows[rows["relapses"].clip(upper=most) == number]
        value = None if expected is None else float(expected[number:][: None if number == most else 1].sum())
        reason = results["zeros"][-1]
        test = f"frequency_{number}" + ("_or_more" if number == most else "")
        sizes = (len(here), here["woman"].nunique(), int(here["relapses"].sum()))
        yield (period, test, float(len(here)), None, value, *sizes, reason)


def _most(rows: pd.DataFrame, min_women: int) -> int:
    """Return the number of relapses of the last frequency: so that enough women are in each, or 1."""
    for most in range(MOST, 1, -1):
        women = rows.groupby(rows["relapses"].clip(upper=most))["woman"].nunique()
        if all(women.get(number, 0) == 0 or women[number] >= min_women for number in range(1, most + 1)):
            return most
    return 1


def _measure(
    rows: pd.DataFrame,
) -> tuple[dict[str, tuple[float | None, float | None, float | None, str]], np.ndarray]:
    """Return (statistic, p-value, value, reason) of each test, and the expected frequencies, shape (4,)."""
    arms = rows.groupby("arm")["relapses"].agg(["size", "sum"])
    if (arms["sum"] == 0).any() or arms.empty:
        raise NotEstimable("there is no relapse in an arm")
    treated = (rows["arm"] == "treated").to_numpy(float)
    columns = [Column("arm", "treated", "untreated", treated)] if len(arms) == 2 else []
    batch = make_batch(rows, columns)
    if len(rows) <= batch.design.shape[1]:
        raise NotEstimable("there are no more pregnancies than arms")
    base = fit_poisson([batch])
    try:
        model = fit_negative_binomial([batch])
    except NoOverdispersion:
        model = base
    ratio = max(0.0, 2 * (model.fit.sums.log_likelihood - base.fit.sums.log_likelihood))
    alpha = model.alpha or 0.0
    tail = float(chdtrc(1, ratio)) / 2 if alpha else 1.0
    zeros = float((batch.counts == 0).sum())
    expected = _expected_frequencies(model, batch)
    results = {
        "pearson": _pearson(base, batch),
        "cameron_trivedi": _cameron_trivedi(base, batch),
        "likelihood_ratio": (ratio, tail, alpha, "" if alpha else "the maximum is at alpha = 0"),
        "zeros": (zeros, None, float(expected[0]), ""),
    }
    return results, expected


def _pearson(model: CountModel, batch: Batch) -> tuple[float, None, float, str]:
    mean = poisson(batch, model.beta).mean
    chi_square = float(((batch.counts - mean) ** 2 / mean).sum())
    return chi_square, None, chi_square / (batch.counts.size - model.beta.size), ""


def _cameron_trivedi(model: CountModel, batch: Batch) -> tuple[float | None, float | None, float | None, str]:
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
