"""How good predictions are: concordance by brute force, calibration by statsmodels and closed form."""

from dataclasses import replace

import numpy as np
import pytest
from gravida.errors import NotConverged, NotEstimable
from gravida.statistics.validation import (
    Validation,
    calibration_in_the_large,
    calibration_slope,
    concordance,
)


def prediction(seed: int = 3, women: int = 40, repetitions: int = 2) -> Validation:
    """Return made-up predictions, a model each part, and no change but that women are taken out."""
    rng = np.random.default_rng(seed)
    woman = np.repeat(np.arange(women), 2)
    n = woman.size
    group = np.array([rng.integers(0, 3, women)[woman] for _ in range(repetitions)])
    return Validation(
        counts=rng.poisson(0.8, n).astype(float),
        years=rng.choice([0.4, 1.0], n),
        woman=woman,
        design=np.column_stack([np.ones(n), rng.normal(size=n)]),
        part=group,
        group=group,
        beta=rng.normal([-0.5, 0.6], 0.2, (repetitions, 3, 2)),
        change=np.zeros((women, repetitions, 3, 2)),
        block=woman,
    )


def concordance_by_hand(given: Validation, kept: np.ndarray) -> float:
    right = pairs = 0.0
    for repetition, log_rate in enumerate(given.log_rate()):
        for i in np.flatnonzero(kept):
            for j in np.flatnonzero(kept):
                same = given.group[repetition, i] == given.group[repetition, j]
                certain = given.counts[i] > given.counts[j] and given.years[i] <= given.years[j]
                if same and certain and given.woman[i] != given.woman[j]:
                    pairs += 1
                    right += (np.sign(log_rate[i] - log_rate[j]) + 1) / 2
    return right / pairs


def test_concordance_is_the_share_of_pairs_in_order() -> None:
    given = prediction()
    everyone = np.ones(given.woman.size, dtype=bool)
    value, lower, upper = concordance(given, 0.95)
    assert value == pytest.approx(concordance_by_hand(given, everyone), rel=1e-12)
    without = np.array([concordance_by_hand(given, given.woman != woman) for woman in range(40)])
    distance = np.log(without / (1 - without)) - np.log(value / (1 - value))
    error = np.sqrt((distance**2).sum() * 39 / 40)
    # 1.959964 standard errors either way on the logit scale.
    for limit, sign in ((lower, -1), (upper, 1)):
        expected = np.log(value / (1 - value)) + sign * 1.959963984540054 * error
        assert np.log(limit / (1 - limit)) == pytest.approx(expected, rel=1e-9)


def test_equal_predictions_count_half() -> None:
    given = prediction()
    level = replace(given, design=np.column_stack([np.ones(80), np.arange(80) % 2]))
    everyone = np.ones(80, dtype=bool)
    assert concordance(level, 0.95)[0] == pytest.approx(concordance_by_hand(level, everyone), rel=1e-12)


def test_follow_up_alone_is_no_concordance() -> None:
    # Counts follow the time and nothing else, predictions too: certain pairs cannot be ordered by them.
    rng = np.random.default_rng(1)
    given = prediction(women=400)
    years = rng.choice([0.1, 1.0], 800)
    alike = replace(
        given,
        years=years,
        counts=rng.poisson(2 * years).astype(float),
        design=np.column_stack([np.ones(800), rng.normal(size=800)]),
    )
    assert concordance(alike, 0.95)[0] == pytest.approx(0.5, abs=0.05)


def slope_by_statsmodels(given: Validation, kept: np.ndarray) -> float:
    import statsmodels.api as sm

    cells = np.concatenate([3 * r + group for r, group in enumerate(given.group)])
    mask = np.tile(kept, len(given.group))
    indicators = (cells[:, None] == np.unique(cells)).astype(float)
    fit = sm.GLM(
        np.tile(given.counts, len(given.group))[mask],
        np.column_stack([given.log_rate().ravel(), indicators])[mask],
        family=sm.families.Poisson(),
        offset=np.log(np.tile(given.years, len(given.group)))[mask],
    ).fit(tol=1e-14)
    return float(fit.params[0])


def test_calibration_slope_is_that_of_a_regression_with_an_intercept_for_each_group() -> None:
    given = prediction(women=24)
    value, lower, upper = calibration_slope(given, 0.95)
    assert value == pytest.approx(slope_by_statsmodels(given, np.ones(48, dtype=bool)), rel=1e-6)
    without = np.array([slope_by_statsmodels(given, given.woman != woman) for woman in range(24)])
    error = np.sqrt(((without - value) ** 2).sum() * 23 / 24)
    assert [lower, upper] == pytest.approx([value - 1.959964 * error, value + 1.959964 * error], rel=1e-5)


def test_calibration_slope_of_the_truth_is_1() -> None:
    rng = np.random.default_rng(2)
    given = prediction(women=4000, repetitions=1)
    mean = given.years * np.exp(given.log_rate()[0])
    true = replace(given, counts=rng.poisson(mean).astype(float), change=given.change[:20])
    assert calibration_slope(true, 0.95)[0] == pytest.approx(1, abs=0.1)
    assert calibration_in_the_large(true, 0.95)[0] == pytest.approx(0, abs=0.06)


def test_calibration_in_the_large_of_one_rate() -> None:
    # Twice as many relapses as predicted: log 2, and the ratio estimator's variance over two kinds of women.
    given = prediction(women=50)
    counts = np.where(np.arange(100) % 4 < 2, 2.0, 0.0)
    flat = replace(given, counts=counts, years=np.ones(100), beta=np.zeros((2, 3, 2)))
    flat = replace(flat, design=flat.design * np.array([1.0, 0.0]), beta=flat.beta + np.log(0.5))
    value, lower, upper = calibration_in_the_large(flat, 0.95)
    assert value == pytest.approx(np.log(2), rel=1e-12)
    # A woman's residual is 2 or -2, over 100 relapses; 50 women, G/(G-1).
    error = np.sqrt(50 * 4 / 100**2 * 50 / 49)
    assert [lower, upper] == pytest.approx(
        [np.log(2) - 1.959963984540054 * error, np.log(2) + 1.959963984540054 * error]
    )


def test_predictions_that_are_all_the_same_have_no_measure_of_order() -> None:
    given = prediction()
    same = replace(given, design=given.design * np.array([1.0, 0.0]))
    for measure in (concordance, calibration_slope):
        with pytest.raises(NotEstimable, match="all predictions are the same"):
            measure(same, 0.95)


def test_perfect_order_has_no_limits() -> None:
    given = prediction()
    perfect = replace(
        given,
        years=np.ones(80),
        design=np.column_stack([np.ones(80), given.counts]),
        beta=np.tile([0.0, 1.0], (2, 3, 1)),
    )
    with pytest.raises(NotEstimable, match="all pairs of women agree"):
        concordance(perfect, 0.95)
    with pytest.raises(NotEstimable, match="no two women"):
        concordance(replace(given, counts=np.ones(80)), 0.95)
    only = replace(perfect, counts=(np.arange(80) >= 70).astype(float))
    separated = replace(only, design=np.column_stack([np.ones(80), only.counts]))
    with pytest.raises(NotConverged, match="no finite maximum"):
        calibration_slope(separated, 0.95)
