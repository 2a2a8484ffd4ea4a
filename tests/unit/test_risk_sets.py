"""Risk sets, the Cox model and Kaplan-Meier curves against loops over rows, lifelines and closed forms."""

import numpy as np
import pytest
from gravida.errors import NotEstimable
from gravida.models.cox import fit_cox, partial_likelihood, rests_on_one_woman
from gravida.models.hazard_tests import log_rank, proportional_hazards
from gravida.models.kaplan_meier import (
    count_days,
    kaplan_meier,
    log_log_limits,
    restricted_mean,
    share_variance,
)
from gravida.models.risk_sets import (
    SurvivalTimes,
    add_up,
    lay_grid,
    score_residuals,
    take_steps,
    total,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter

steady = settings(derandomize=True, deadline=None, max_examples=60)
seeds = st.integers(0, 10**6)


def invented(seed: int, n: int = 24, p: int = 2, strata: int = 2, days: int = 9) -> SurvivalTimes:
    """Return times with many ties, late entry and women with several rows."""
    rng = np.random.default_rng(seed)
    entry = rng.integers(0, 3, n) * rng.integers(0, 2, n)
    design = rng.normal(size=(n, p))
    design[:, 0] = rng.integers(0, 2, n)
    return SurvivalTimes(
        entry,
        entry + rng.integers(1, days, n),
        rng.random(n) < 0.6,
        design,
        rng.integers(0, n // 2, n),
        rng.integers(0, strata, n),
    )


def by_loops(t: SurvivalTimes, beta: np.ndarray, ties: str) -> tuple[float, np.ndarray]:
    """Return log partial likelihood and every row's score residual, one risk set and one row at a time."""
    value, residuals = 0.0, np.zeros(t.design.shape)
    weight = np.exp(t.design @ beta)
    for stratum, day in sorted({(s, d) for s, d, e in zip(t.stratum, t.time, t.event, strict=True) if e}):
        risk = [i for i in range(t.time.size) if t.stratum[i] == stratum and t.entry[i] < day <= t.time[i]]
        tied = [i for i in risk if t.time[i] == day and t.event[i]]
        for step in range(len(tied)):
            share = step / len(tied) if ties == "efron" else 0.0
            part = {i: weight[i] * (1 - share * (i in tied)) for i in risk}
            size = sum(part.values())
            mean = sum(part[i] * t.design[i] for i in risk) / size
            value += t.design[tied[step]] @ beta - np.log(size)
            for i in risk:
                residuals[i] -= part[i] / size * (t.design[i] - mean)
            for i in tied:
                residuals[i] += (t.design[i] - mean) / len(tied)
    return value, residuals


@steady
@given(seed=seeds, ties=st.sampled_from(["efron", "breslow"]))
def test_likelihood_and_residuals_are_those_of_the_loops(seed: int, ties: str) -> None:
    t, beta = invented(seed), np.array([0.4, -0.7])
    assume(t.event.any())
    value, residuals = by_loops(t, beta, ties)
    grid = lay_grid([t])
    sums = partial_likelihood([t], grid, beta, ties)
    assert sums.log_likelihood == pytest.approx(value, rel=1e-10)
    assert sums.score == pytest.approx(residuals.sum(axis=0), rel=1e-9, abs=1e-9)
    found = score_residuals(t, grid, beta, take_steps(total([t], grid, beta), ties))
    assert found == pytest.approx(residuals, rel=1e-9, abs=1e-9)
    for place, step in enumerate(1e-5 * np.eye(2)):
        above, below = (partial_likelihood([t], grid, beta + sign * step, ties).score for sign in (1, -1))
        assert (below - above) / 2e-5 == pytest.approx(sums.information[place], rel=1e-6, abs=1e-6)


@steady
@given(seed=seeds, cut=st.integers(1, 23))
def test_one_batch_equals_several(seed: int, cut: int) -> None:
    t = invented(seed)
    parts = [t.take(slice(0, cut)), t.take(slice(cut, None))]
    assume(t.event.any())
    grid, again = lay_grid([t]), lay_grid(parts)
    assert again.days == pytest.approx(grid.days) and again.centre == pytest.approx(grid.centre)
    assert again.spread == pytest.approx(grid.spread) and again.strata == grid.strata
    beta = np.array([0.3, 0.2])
    whole, halves = add_up(t, grid, beta), total(parts, grid, beta)
    for name in ("at_risk", "tied", "relapses", "covariates"):
        assert getattr(halves, name) == pytest.approx(getattr(whole, name), rel=1e-9, abs=1e-9)
    days = [count_days(part.entry, part.time, part.event, 12) for part in (*parts, t)]
    assert (sum(days[1:2], start=days[0]).at_risk == days[2].at_risk).all()


def test_rows_that_are_alike_are_looked_at_once_and_count_each_time() -> None:
    t, beta = invented(2, n=40), np.array([0.3, 0.2])
    thrice = t.take(np.repeat(np.arange(40), 3))
    assert (thrice.patterns.often == 3).all() and thrice.patterns.often.size == 40
    grid = lay_grid([thrice])
    once, three = add_up(t, grid, beta), add_up(thrice, grid, beta)
    for name in ("at_risk", "tied", "relapses", "covariates"):
        assert getattr(three, name) == pytest.approx(3 * getattr(once, name), rel=1e-12, abs=1e-12)
    residuals = score_residuals(thrice, grid, beta, take_steps(three, "efron"))
    assert (residuals.reshape(40, 3, 2) == residuals[::3, None]).all()


def test_a_model_of_several_batches_is_the_model_of_one() -> None:
    t = invented(3, n=60)
    one = fit_cox([t])
    many = fit_cox([t.take(slice(0, 20)), t.take(slice(20, 25)), t.take(slice(25, None))])
    assert many.beta == pytest.approx(one.beta, rel=1e-9)
    assert many.clustered_covariance() == pytest.approx(one.clustered_covariance(), rel=1e-9)
    assert many.women == one.women
    assert proportional_hazards(many).statistic == pytest.approx(
        proportional_hazards(one).statistic, rel=1e-9
    )


def test_order_names_and_unit_of_time_change_nothing() -> None:
    t = invented(5, n=60)
    rng = np.random.default_rng(1)
    order, names = rng.permutation(60), rng.permutation(100)[:60]
    shuffled = t.take(order)
    other = SurvivalTimes(
        7 * shuffled.entry,
        7 * shuffled.time,
        shuffled.event,
        shuffled.design + 1e3,
        names[shuffled.woman],
        1 - shuffled.stratum,
    )
    one, two = fit_cox([t]), fit_cox([other])
    assert two.beta == pytest.approx(one.beta, rel=1e-8)
    assert two.clustered_covariance() == pytest.approx(one.clustered_covariance(), rel=1e-8)
    assert two.null.log_likelihood == pytest.approx(one.null.log_likelihood, rel=1e-10)


def test_the_score_test_without_ties_is_the_log_rank_test() -> None:
    rng = np.random.default_rng(8)
    n, zero = 40, np.zeros(40, dtype=int)
    t = SurvivalTimes(
        zero,
        1 + rng.permutation(n),
        rng.random(n) < 0.7,
        rng.integers(0, 2, (n, 1)).astype(float),
        zero,
        zero,
    )
    null = fit_cox([t]).null
    assert log_rank([t]).statistic == pytest.approx(null.score[0] ** 2 / null.information[0, 0], rel=1e-10)


def two_arms(
    rows: list[tuple[int, int, int, int]], women: list[int] | None = None, stratum: list[int] | None = None
) -> SurvivalTimes:
    """Return times from (entry, time, event, arm)."""
    entry, time, event, arm = np.array(rows).T
    n = len(rows)
    return SurvivalTimes(
        entry,
        time,
        event.astype(bool),
        arm[:, None].astype(float),
        np.array(women or range(n)),
        np.array(stratum or [0] * n),
    )


def test_two_relapses_in_closed_form() -> None:
    # Partial likelihood: e/(1 + 2e) x 1/(1 + e) with e the ratio; its maximum is at 2 e^2 = 1.
    t = two_arms([(0, 1, 1, 1), (0, 2, 1, 0), (0, 3, 0, 1)])
    assert fit_cox([t]).beta[0] == pytest.approx(-np.log(2) / 2, rel=1e-10)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(0, 5, 0, 1), (0, 6, 0, 0)], "no relapse"),
        ([(0, 5, 1, 1), (0, 6, 1, 1)], "tell apart"),
        ([(0, 5, 1, 1), (5, 9, 1, 0), (5, 9, 0, 0)], "tell apart"),
        ([(0, 1, 1, 1), (0, 2, 1, 1), (0, 3, 0, 0), (0, 3, 0, 0)], "0 or infinite"),
        ([(0, 1, 1, 1), (0, 2, 1, 1), (0, 3, 1, 0), (0, 4, 1, 0)], "0 or infinite"),
    ],
)
def test_a_model_without_an_answer_says_why(rows: list, reason: str) -> None:
    with pytest.raises(NotEstimable, match=reason):
        fit_cox([two_arms(rows)])


def test_collinear_covariates_have_no_model() -> None:
    t = invented(4, n=40)
    doubled = np.column_stack([t.design, t.design @ [1.0, -2.0]])
    with pytest.raises(NotEstimable, match="tell apart"):
        fit_cox([SurvivalTimes(t.entry, t.time, t.event, doubled, t.woman, t.stratum)])


def test_large_covariates_have_the_same_model() -> None:
    t = invented(6, n=60)
    scaled = SurvivalTimes(t.entry, t.time, t.event, t.design * [1.0, 1e6], t.woman, t.stratum)
    assert fit_cox([scaled]).beta * [1.0, 1e6] == pytest.approx(fit_cox([t]).beta, rel=1e-7)


def test_relapses_on_one_day_do_not_tell_of_a_change_with_time() -> None:
    t = two_arms([(0, 5, 1, 1), (0, 5, 1, 0), (0, 5, 0, 0), (0, 9, 0, 1), (0, 9, 0, 0)])
    with pytest.raises(NotEstimable, match="too few days"):
        proportional_hazards(fit_cox([t]))


@steady
@given(seed=seeds)
def test_resting_on_one_woman_is_found_as_by_leaving_out_each(seed: int) -> None:
    t = invented(seed, n=8, p=1, strata=2, days=5)

    def informs(rows: SurvivalTimes) -> bool:
        """Say whether some relapse comes while both arms are at risk, by loops."""
        return any(
            len(
                {
                    rows.design[i, 0]
                    for i in range(rows.time.size)
                    if rows.stratum[i] == stratum and rows.entry[i] < day <= rows.time[i]
                }
            )
            == 2
            for stratum, day, event in zip(rows.stratum, rows.time, rows.event, strict=True)
            if event
        )

    assume(informs(t))
    alone = not all(informs(t.take(t.woman != woman)) for woman in np.unique(t.woman))
    assert rests_on_one_woman(t) == alone


def test_curve_without_censoring_is_the_share() -> None:
    time = np.array([3, 5, 5, 8, 10, 10, 10, 12])
    n = time.size
    curve = kaplan_meier(count_days(np.zeros(n, dtype=int), time, np.ones(n, dtype=bool), 12))
    for day in range(12):
        share = (time > day).mean()
        assert curve.share[day] == pytest.approx(share, rel=1e-12)
        assert share_variance(curve, day) == pytest.approx(share * (1 - share) / n, rel=1e-12)
    mean, variance = restricted_mean(curve, 9)
    cut = np.minimum(time, 9)
    assert mean == pytest.approx(cut.mean(), rel=1e-12)
    assert variance == pytest.approx(cut.var() / n, rel=1e-12)
    assert curve.share[12] == 0 and curve.known_through == 12
    assert log_log_limits(curve, 12, 0.95) is None and log_log_limits(curve, 2, 0.95) is None


@pytest.mark.parametrize("seed", range(4))
def test_curve_and_limits_are_those_of_lifelines(seed: int) -> None:
    rng = np.random.default_rng(seed)
    time, event = rng.integers(1, 400, 150), rng.random(150) < 0.5
    fitted = KaplanMeierFitter().fit(time, event, alpha=0.1)
    curve = kaplan_meier(count_days(np.zeros(150, dtype=int), time, event, 365))
    limits = fitted.confidence_interval_survival_function_
    for day in (91, 182, 273, 365):
        assert curve.share[day] == pytest.approx(float(fitted.predict(day)), rel=1e-12)
        reference = limits.loc[:day].iloc[-1].to_numpy()
        assert log_log_limits(curve, day, 0.9) == pytest.approx(reference, rel=1e-10)


@pytest.mark.parametrize(
    ("rows", "through"),
    [
        ([(0, 9, 0), (0, 5, 1)], 9),
        ([(0, 7, 0), (0, 5, 1)], 7),
        ([(0, 7, 1), (0, 5, 1)], 10),
        ([(0, 3, 0), (4, 10, 0)], 3),
        ([(2, 10, 0), (2, 10, 1)], 0),
        ([(0, 3, 1), (3, 10, 0), (3, 9, 1)], 2),
        ([(0, 3, 0), (4, 6, 1), (4, 6, 1)], 3),
        ([], 0),
    ],
)
def test_curve_is_known_as_far_as_somebody_is_under_observation(rows: list, through: int) -> None:
    entry, time, event = np.array(rows, dtype=int).reshape(-1, 3).T
    curve = kaplan_meier(count_days(entry, time, event.astype(bool), 10))
    assert curve.known_through == through
