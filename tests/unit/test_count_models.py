"""The kernel, the solver and the count models, against closed forms, scipy and statsmodels."""

from dataclasses import replace

import numpy as np
import pytest
from gravida.errors import NotConverged, NotEstimable
from gravida.models.counts import NoOverdispersion, boundary_slope, fit_negative_binomial, fit_poisson
from gravida.models.inference import holm, joint_p_value, quantile, wald
from gravida.models.kernel import Batch, Sums, add_up, negative_binomial, poisson, total, woman_scores
from gravida.models.sample import Rows
from gravida.models.solver import climb, maximise
from scipy import stats


def registry(n: int = 400, alpha: float = 0.8, seed: int = 1) -> Batch:
    """Return counts of women with up to three pregnancies, an arm and a covariate in years."""
    rng = np.random.default_rng(seed)
    woman = np.sort(rng.integers(0, int(n / 1.4), n))
    arm, age = rng.integers(0, 2, n).astype(float), rng.normal(31.7, 4.1, n)
    log_time = np.log(rng.uniform(0.3, 1, n))
    mean = np.exp(-0.9 + 0.3 * arm + 0.02 * (age - 31) + log_time)
    counts = rng.poisson(mean * rng.gamma(1 / alpha, alpha, n))
    return Batch(counts.astype(float), np.column_stack([np.ones(n), arm, age]), log_time, woman)


@pytest.mark.parametrize("alpha", [1e-3, 0.3, 0.8, 5.0, 40.0])
def test_log_likelihood_is_that_of_scipy(alpha: float) -> None:
    batch = registry()
    beta = np.array([-0.7, 0.2, 0.01])
    mean = np.exp(batch.design @ beta + batch.log_time)
    expected = stats.nbinom.logpmf(batch.counts, 1 / alpha, 1 / (1 + alpha * mean))
    value = negative_binomial(batch, np.append(beta, np.log(alpha))).value
    assert value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("log_alpha", [-40.0, -12.0, -2.5, -1.9, -1.0, 0.5, 3.0])
def test_derivatives_are_slopes(log_alpha: float) -> None:
    batch = registry()
    at, step = np.array([-0.7, 0.2, 0.01, log_alpha]), 1e-5
    sums = add_up(negative_binomial, batch, at)
    for k in range(at.size):
        nudge = step * np.eye(at.size)[k]
        above, below = (add_up(negative_binomial, batch, at + sign * nudge) for sign in (1, -1))
        slope = (above.log_likelihood - below.log_likelihood) / (2 * step)
        bend = (above.score - below.score) / (2 * step)
        # Central differences with this step are good to about 1e-6 of the largest entry.
        assert sums.score[k] == pytest.approx(slope, rel=1e-5, abs=1e-5)
        assert -sums.information[k] == pytest.approx(bend, rel=1e-5, abs=1e-5 * np.abs(bend).max() + 1e-8)


def test_negative_binomial_goes_to_poisson() -> None:
    batch, beta = registry(), np.array([-0.7, 0.2, 0.01])
    plain, limit = poisson(batch, beta), negative_binomial(batch, np.append(beta, -745.0))
    assert limit.value == pytest.approx(plain.value, rel=1e-14)
    assert limit.eta == pytest.approx(plain.eta, rel=1e-14)
    assert limit.eta_eta == pytest.approx(plain.eta_eta, rel=1e-14)


def test_curvature_in_alpha_keeps_its_digits_at_the_boundary() -> None:
    # At alpha = 0 the second derivative in alpha is sum over j < y of -j^2, minus 2 mu^3 / 3, plus y mu^2.
    batch, beta = registry(), np.array([-0.7, 0.2, 0.01])
    alpha = 1e-6
    y, mean = batch.counts, np.exp(batch.design @ beta + batch.log_time)
    exact = (-(y - 1) * y * (2 * y - 1) / 6 - 2 * mean**3 / 3 + y * mean**2).sum()
    row = negative_binomial(batch, np.append(beta, np.log(alpha)))
    second = (row.shape_shape.sum() - row.shape.sum()) / alpha**2
    assert second == pytest.approx(exact, rel=1e-4)


def test_many_batches_are_one() -> None:
    whole = registry(300)
    parts = [whole.take(rows) for rows in np.array_split(np.random.default_rng(5).permutation(300), 7)]
    for fit in (fit_poisson, fit_negative_binomial):
        one, many = fit([whole]), fit(parts)
        assert many.beta == pytest.approx(one.beta, rel=1e-9)
        assert many.clustered_covariance() == pytest.approx(one.clustered_covariance(), rel=1e-9)
        assert many.model_covariance() == pytest.approx(one.model_covariance(), rel=1e-9)
    at = np.array([-0.7, 0.2, 0.01])
    assert total(poisson, parts, at).pregnancies == 300
    scores = woman_scores(poisson, parts, at, 300)
    assert scores.sum(axis=0) == pytest.approx(add_up(poisson, whole, at).score)


def test_row_order_and_names_of_women_change_nothing() -> None:
    batch = registry(300)
    names = np.random.default_rng(3).permutation(1000)[:300]
    renamed = Batch(batch.counts, batch.design, batch.log_time, names[batch.woman]).take(
        np.random.default_rng(4).permutation(300)
    )
    one, other = fit_negative_binomial([batch]), fit_negative_binomial([renamed])
    assert other.beta == pytest.approx(one.beta, rel=1e-10)
    assert other.clustered_covariance() == pytest.approx(one.clustered_covariance(), rel=1e-9)


def test_rescaled_time_moves_the_intercept_only() -> None:
    batch = registry(300)
    months = Batch(batch.counts, batch.design, batch.log_time + np.log(12), batch.woman)
    one, other = fit_negative_binomial([batch]), fit_negative_binomial([months])
    assert other.beta[0] == pytest.approx(one.beta[0] - np.log(12), rel=1e-9)
    assert other.beta[1:] == pytest.approx(one.beta[1:], rel=1e-8)
    assert other.alpha == pytest.approx(one.alpha, rel=1e-8)
    assert other.clustered_covariance() == pytest.approx(one.clustered_covariance(), rel=1e-7)


def test_statsmodels_agrees_away_from_the_boundary() -> None:
    from statsmodels.discrete.discrete_model import NegativeBinomial

    batch = registry(2000, seed=9)
    centred = batch.design - np.array([0, 0, 31.7])
    batch = Batch(batch.counts, centred, batch.log_time, batch.woman)
    model = fit_negative_binomial([batch])
    peer = NegativeBinomial(batch.counts, batch.design, offset=batch.log_time).fit(
        method="newton",
        start_params=np.append(model.beta, model.alpha),
        disp=0,
        cov_type="cluster",
        cov_kwds={"groups": batch.woman},
    )
    assert model.beta == pytest.approx(peer.params[:-1], rel=1e-6)
    assert model.alpha == pytest.approx(peer.params[-1], rel=1e-6)
    clustered = np.sqrt(np.diag(model.clustered_covariance()))
    # The peer differentiates twice by hand and once numerically.
    assert clustered == pytest.approx(peer.bse[:-1], rel=1e-4)


def test_underdispersed_counts_are_told_not_fitted() -> None:
    n = 120
    counts = (np.arange(n) % 5 < 3).astype(float)
    batch = Batch(counts, np.ones((n, 1)), np.zeros(n), np.arange(n))
    slope, _ = boundary_slope(fit_poisson([batch]))
    # Counts of 0 and 1 with mean 0.6: half of n (0.6 * 0.16 + 0.4 * 0.36 - 0.6).
    assert slope == pytest.approx(n / 2 * (0.6 * 0.16 + 0.4 * 0.36 - 0.6))
    with pytest.raises(NoOverdispersion):
        fit_negative_binomial([batch])


def test_saturated_poisson_is_the_ratio_of_rates() -> None:
    years = np.array([3.0, 4.0, 5.0, 2.0])
    batch = Batch(
        np.array([2.0, 1.0, 4.0, 3.0]),
        np.array([[1.0, 0], [1, 0], [1, 1], [1, 1]]),
        np.log(years),
        np.arange(4),
    )
    model = fit_poisson([batch])
    assert model.beta == pytest.approx([np.log(3 / 7), np.log(1 / (3 / 7))], rel=1e-12)
    assert model.model_covariance()[1, 1] == pytest.approx(1 / 3 + 1 / 7, rel=1e-12)


def test_no_relapse_at_all() -> None:
    batch = Batch(np.zeros(5), np.ones((5, 1)), np.zeros(5), np.arange(5))
    with pytest.raises(NotEstimable, match="no relapse"):
        fit_poisson([batch])


def test_a_level_without_a_relapse_is_not_an_estimate() -> None:
    arm = np.repeat([0.0, 1.0], 20)
    counts = np.where(arm == 1, 0.0, np.arange(40) % 2)
    batch = Batch(counts, np.column_stack([np.ones(40), arm]), np.zeros(40), np.arange(40))
    with pytest.raises(NotEstimable):
        fit_poisson([batch])


def test_collinear_design_is_not_accepted() -> None:
    batch = registry(100)
    design = np.column_stack([batch.design, batch.design[:, 1] * 2])
    with pytest.raises(NotConverged):
        fit_poisson([Batch(batch.counts, design, batch.log_time, batch.woman)])


def test_clustered_errors_need_two_women() -> None:
    batch = registry(50)
    alone = Batch(batch.counts, batch.design, batch.log_time, np.zeros(50, dtype=int))
    with pytest.raises(NotEstimable, match="2 women"):
        fit_poisson([alone]).clustered_covariance()


def test_counts_of_thirty_and_poor_starts_are_climbed() -> None:
    batch = registry(200, seed=2)
    counts = batch.counts.copy()
    counts[:3] = 30
    high = Batch(counts, batch.design, batch.log_time, batch.woman)
    good = fit_negative_binomial([high])
    far = maximise(negative_binomial, Rows([high]), np.array([3.0, -2.0, 0.0, 4.0]))
    assert far.parameters == pytest.approx(good.fit.parameters, rel=1e-7)


def test_random_data_sets_reach_a_stationary_point() -> None:
    fitted = 0
    for seed in range(40):
        batch = registry(90, alpha=1.5, seed=100 + seed)
        try:
            model = fit_negative_binomial([batch])
        except NoOverdispersion:
            continue
        fitted += 1
        for nudge in (0.01, -0.01):
            moved = model.fit.parameters + np.array([0, 0, 0, nudge])
            assert add_up(negative_binomial, batch, moved).log_likelihood < model.fit.sums.log_likelihood
    assert fitted > 25


def test_wald_p_value_at_a_limit_is_alpha() -> None:
    for freedom in (None, 7.5):
        estimate = wald(0.4, 0.04, 0.95, freedom)
        at_limit = wald(0.4 - np.log(estimate.lower), 0.04, 0.95, freedom)
        assert at_limit.p_value == pytest.approx(0.05, rel=1e-10)
    assert quantile(0.95) == pytest.approx(1.959963984540054)
    assert quantile(0.95, 10) == pytest.approx(2.228138851964939)


def test_wald_refuses_an_error_that_is_none() -> None:
    for variance in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(NotConverged):
            wald(0.1, variance, 0.95)
    with pytest.raises(NotEstimable, match="wider"):
        wald(0.1, 1e6, 0.95)
    with pytest.raises(NotEstimable, match="degrees of freedom"):
        wald(0.1, 0.04, 0.95, 1.9)


def test_holm_of_the_textbook() -> None:
    # p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm") of R's help page values.
    assert holm(np.array([0.01, 0.02, 0.03, 0.04, 0.05])) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert holm(np.array([0.5, 0.001])) == pytest.approx([0.5, 0.002])


def test_joint_p_value_of_one_estimate_is_its_own() -> None:
    p_value = joint_p_value(np.array([0.4]), np.array([[0.04]]))
    assert p_value == pytest.approx(wald(0.4, 0.04, 0.95).p_value, rel=1e-12)
    # Two independent z of 1 and 2: chi-square 5 on 2 degrees of freedom, exp(-2.5).
    assert joint_p_value(np.array([1.0, 2.0]), np.eye(2)) == pytest.approx(np.exp(-2.5), rel=1e-12)


def test_a_step_that_is_known_to_lead_down_is_not_taken() -> None:
    # x - exp(x) is highest at 0; from -4 Newton's step is 54 long.
    tried = []

    def value(x: np.ndarray) -> float:
        return float((x - np.exp(x))[0])

    def aided(at: np.ndarray, before: np.ndarray | None) -> Sums:
        tried.append(at)
        rate, shares = np.exp(at), (0.5, 0.25)
        shorter = () if before is None else tuple(value(before + share * (at - before)) for share in shares)
        return Sums(value(at), 1 - rate, rate[:, None], 1, 1.0, shorter)

    def unaided(at: np.ndarray, before: np.ndarray | None) -> Sums:
        return replace(aided(at, before), shorter=())

    found = climb(aided, np.array([-4.0]))
    passes = len(tried)
    again = climb(unaided, np.array([-4.0]))
    assert found.parameters == pytest.approx([0.0], abs=1e-8)
    assert again.parameters == pytest.approx([0.0], abs=1e-8)
    assert passes <= len(tried) - passes - 2
