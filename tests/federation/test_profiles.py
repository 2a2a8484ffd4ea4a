"""One answer of each centre in place of rounds: sparse centres, half of them without a relapse in an arm."""

import numpy as np
import pytest
from gravida.errors import NotEstimable
from gravida.federation.profiles import LOG_RATIOS, combine, profile_grid
from gravida.models.counts import fit_negative_binomial, fit_poisson
from gravida.models.kernel import Batch
from scipy.optimize import brentq

CENTRES, WOMEN = 10, 36


def sparse_centres(seed: int = 12, spread: float = 1.2) -> list[Batch]:
    """Return ten centres: in five of them nobody relapses in one of the arms."""
    rng = np.random.default_rng(seed)
    centres = []
    for number in range(CENTRES):
        arm = np.repeat([0.0, 1.0], WOMEN // 2)
        years = rng.uniform(0.5, 1.0, WOMEN)
        rate = 0.22 * np.exp(0.5 * arm) * rng.gamma(1 / spread, spread, WOMEN)
        counts = rng.poisson(rate * years).astype(float)
        if number % 2:
            counts[arm == number % 4 // 2] = 0.0
        design = np.column_stack([np.ones(WOMEN), arm])
        centres.append(Batch(counts, design, np.log(years), np.arange(WOMEN) + number * WOMEN))
    return [centre for centre in centres if centre.counts.any()]


def one_stage(centres: list[Batch]) -> Batch:
    """Return all rows with a column for each centre."""
    own = np.zeros((sum(centre.counts.size for centre in centres), len(centres)))
    start = 0
    for number, centre in enumerate(centres):
        own[start : start + centre.counts.size, number] = 1.0
        start += centre.counts.size
    arm = np.concatenate([centre.design[:, 1] for centre in centres])
    return Batch(
        np.concatenate([centre.counts for centre in centres]),
        np.column_stack([own, arm]),
        np.concatenate([centre.log_time for centre in centres]),
        np.concatenate([centre.woman for centre in centres]),
    )


def two_stage(centres: list[Batch]) -> float:
    """Return the normal two-stage answer: half a relapse in each arm, weights by inverse variance."""
    logs, weights = [], []
    for centre in centres:
        arm, years = centre.design[:, 1] == 1, np.exp(centre.log_time)
        first, second = (centre.counts[inside].sum() + 0.5 for inside in (arm, ~arm))
        logs.append(np.log(first / years[arm].sum() / (second / years[~arm].sum())))
        weights.append(1 / (1 / first + 1 / second))
    return float(np.average(logs, weights=weights))


def test_half_of_the_centres_have_no_relapse_in_an_arm() -> None:
    silent = [
        min(centre.counts[centre.design[:, 1] == arm].sum() for arm in (0, 1)) == 0
        for centre in sparse_centres()
    ]
    assert sum(silent) >= CENTRES / 2


def test_summed_grids_are_the_one_stage_answer() -> None:
    centres = sparse_centres()
    plain, joint = combine([profile_grid(centre) for centre in centres], 0.95)
    together = one_stage(centres)
    poisson, negative_binomial = fit_poisson([together]), fit_negative_binomial([together])
    # Between points a tenth apart the cubic curve is right to about the fourth power of the step.
    assert plain.log_ratio == pytest.approx(poisson.beta[-1], abs=1e-5)
    assert plain.standard_error == pytest.approx(np.sqrt(poisson.model_covariance()[-1, -1]), rel=1e-4)
    assert joint.log_ratio == pytest.approx(negative_binomial.beta[-1], abs=1e-4)
    assert joint.alpha == pytest.approx(negative_binomial.alpha, rel=1e-3)
    assert joint.standard_error == pytest.approx(
        np.sqrt(negative_binomial.model_covariance()[-1, -1]), rel=1e-3
    )


def test_limits_are_where_the_likelihood_has_fallen_by_half_a_chi_square() -> None:
    centres = sparse_centres()
    plain, _ = combine([profile_grid(centre) for centre in centres], 0.95)
    # Given each centre's relapses, those of one arm are binomial: the same likelihood in closed form.
    arms = [(c.counts, np.exp(c.log_time), c.design[:, 1] == 1) for c in centres]

    def likelihood(beta: float) -> float:
        return sum(
            beta * y[arm].sum() - y.sum() * np.log(np.exp(beta) * t[arm].sum() + t[~arm].sum())
            for y, t, arm in arms
        )

    top = likelihood(plain.log_ratio)
    for limit, ends in ((plain.lower, (-4, plain.log_ratio)), (plain.upper, (plain.log_ratio, 4))):
        assert limit == pytest.approx(
            brentq(lambda b: likelihood(b) - top + 3.841458820694124 / 2, *ends), abs=1e-4
        )


def test_the_normal_two_stage_answer_is_another() -> None:
    centres = sparse_centres()
    plain, _ = combine([profile_grid(centre) for centre in centres], 0.95)
    # It moves towards no difference by more than a quarter of the standard error.
    assert abs(two_stage(centres)) < abs(plain.log_ratio)
    assert abs(two_stage(centres) - plain.log_ratio) > plain.standard_error / 4


def test_a_maximum_outside_the_grid_is_no_answer() -> None:
    centre = sparse_centres()[0]
    alone = Batch(centre.counts * (centre.design[:, 1] == 1), centre.design, centre.log_time, centre.woman)
    with pytest.raises(NotEstimable, match="no maximum"):
        combine([profile_grid(alone)], 0.95)


def test_a_centre_without_a_relapse_adds_nothing() -> None:
    centre = sparse_centres()[0]
    silent = Batch(centre.counts * 0, centre.design, centre.log_time, centre.woman)
    assert not profile_grid(silent).any()
    assert profile_grid(silent).shape[1] == LOG_RATIOS.size
