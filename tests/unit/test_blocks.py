"""Many pregnancies: sums by blocks and by patterns are those of all rows at once, to the last digits."""

from decimal import Decimal, getcontext

import numpy as np
import pandas as pd
import pytest
from gravida.models import blocks as blocks_of
from gravida.models.blocks import BLOCK, Repeated, in_blocks
from gravida.models.coded import Coded, alike
from gravida.models.counts import fit_negative_binomial, fit_poisson
from gravida.models.gee import fit_exchangeable
from gravida.models.kernel import Batch, add_up, negative_binomial, poisson, row_scores
from gravida.models.sample import Rows
from gravida.statistics.cells import CellsOfRows
from gravida.statistics.collinearity import decided_by_one_woman, independent_columns

WOMEN = 2 * BLOCK
# Sums of tens of thousands of terms in another order.
ROUNDING = 1e-11


def drawn(seed: int, continuous: bool) -> Batch:
    """Return pregnancies of some blocks, in no order of the women, who have up to four."""
    rng = np.random.default_rng(seed)
    woman = rng.permutation(np.repeat(np.arange(WOMEN), rng.integers(1, 4, WOMEN)))
    arm = (woman % 2).astype(float)
    age = rng.normal(32, 5, woman.size) if continuous else rng.integers(25, 30, woman.size)
    design = np.column_stack([np.ones(woman.size), arm, age])
    frailty = rng.gamma(2, 0.5, WOMEN)[woman]
    years = rng.choice([0.25, 0.5, 1.0], woman.size)
    counts = rng.poisson(frailty * years * np.exp(-1 + 0.3 * arm))
    return Batch(counts.astype(float), design, np.log(years), woman)


BATCHES = [drawn(1, continuous=True), drawn(2, continuous=False)]
NB = np.array([-0.8, 0.2, 0.01, np.log(0.6)])


@pytest.mark.parametrize("batch", BATCHES, ids=["continuous", "patterns"])
def test_blocks_hold_every_row_once_and_every_woman_whole(batch: Batch) -> None:
    blocks = in_blocks([batch])
    assert len(blocks) > 2
    women = [np.unique(block.woman) for block in blocks]
    assert sum(each.size for each in women) == np.unique(np.concatenate(women)).size == WOMEN
    together = pd.DataFrame(
        np.concatenate([np.column_stack([b.woman, b.counts, b.design, b.log_time]) for b in blocks])
    )
    all_rows = pd.DataFrame(np.column_stack([batch.woman, batch.counts, batch.design, batch.log_time]))
    columns = list(all_rows)
    pd.testing.assert_frame_equal(
        together.sort_values(columns, ignore_index=True), all_rows.sort_values(columns, ignore_index=True)
    )


def test_only_what_repeats_is_put_into_patterns() -> None:
    continuous, patterns = map(in_blocks, ([batch] for batch in BATCHES))
    assert not isinstance(continuous, Repeated)
    assert isinstance(patterns, Repeated)
    assert patterns.patterns.counts.size < BLOCK


@pytest.mark.parametrize("batch", BATCHES, ids=["continuous", "patterns"])
@pytest.mark.parametrize(("family", "parameters"), [(poisson, NB[:-1]), (negative_binomial, NB)])
def test_sums_are_those_of_all_rows_at_once(batch: Batch, family, parameters: np.ndarray) -> None:
    found, whole = Rows([batch]).sums(family, parameters), add_up(family, batch, parameters)
    assert found.log_likelihood == pytest.approx(whole.log_likelihood, rel=ROUNDING)
    # A score cancels: its size is that of its terms.
    size = np.abs(row_scores(family, batch, parameters)).sum(axis=0)
    np.testing.assert_array_less(np.abs(found.score - whole.score), ROUNDING * size)
    np.testing.assert_allclose(found.information, whole.information, rtol=ROUNDING)
    assert (found.pregnancies, found.smallest_mean) == (whole.pregnancies, whole.smallest_mean)


@pytest.mark.parametrize("batch", BATCHES, ids=["continuous", "patterns"])
def test_meat_moments_and_equations_are_those_of_all_rows_at_once(batch: Batch) -> None:
    rows, beta = Rows([batch]), NB[:-1]
    hers = np.zeros((WOMEN, 4))
    np.add.at(hers, batch.woman, row_scores(negative_binomial, batch, NB))
    np.testing.assert_allclose(rows.meat(negative_binomial, NB), hers.T @ hers, rtol=ROUNDING)
    mean = np.exp(batch.design @ beta + batch.log_time)
    residual = (batch.counts - mean) / np.sqrt(mean)
    sums, size = np.bincount(batch.woman, residual), np.bincount(batch.woman)
    moments = rows.moments(beta)
    assert moments.sums_squared == pytest.approx(sums @ sums, rel=ROUNDING)
    assert moments.pairs == (size * (size - 1)).sum()
    # Without a correlation the equations are those of the Poisson model.
    equations, plain = rows.equations(beta, 0.0), add_up(poisson, batch, beta)
    np.testing.assert_allclose(equations.bread, plain.information, rtol=ROUNDING)
    assert rows.women == WOMEN


@pytest.mark.parametrize("batch", BATCHES, ids=["continuous", "patterns"])
def test_fits_are_those_of_one_block(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [fit_negative_binomial([batch]), fit_poisson([batch])]
    gee = fit_exchangeable([batch], found[1].beta)
    monkeypatch.setattr(blocks_of, "BLOCK", batch.counts.size)
    for fit, model in zip((fit_negative_binomial, fit_poisson), found, strict=True):
        whole = fit([batch])
        np.testing.assert_allclose(model.beta, whole.beta, rtol=1e-9, atol=1e-12)
        variances = [np.diag(each.clustered_covariance()) for each in (model, whole)]
        np.testing.assert_allclose(*variances, rtol=1e-9)
        assert model.alpha == (whole.alpha and pytest.approx(whole.alpha, rel=1e-9))
    whole = fit_exchangeable([batch], gee.beta)
    np.testing.assert_allclose(np.diag(gee.covariance), np.diag(whole.covariance), rtol=1e-9)


def test_sums_do_not_depend_on_the_number_of_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    several = Rows([BATCHES[0]]).sums(negative_binomial, NB)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0})
    alone = Rows([BATCHES[0]]).sums(negative_binomial, NB)
    assert several.log_likelihood == alone.log_likelihood
    assert (several.score == alone.score).all()


def test_rows_have_one_number_where_all_columns_are_equal() -> None:
    columns = [np.array([2.0, 1.0, 2.0, 2.0]), np.ones(4), np.array([0.0, 0.0, 1.0, 0.0])]
    number, row = alike([Coded.of(column) for column in columns])
    assert (number[0] == number[3]) and len({*number.tolist()}) == row.size == 3
    assert number[row].tolist() == [0, 1, 2]


def test_cells_of_many_rows_have_the_sums_of_a_column_for_each_cell() -> None:
    batch = BATCHES[1]
    rows = pd.DataFrame(
        {
            "woman": batch.woman,
            "arm": np.where(batch.design[:, 1] == 1, "treated", "untreated"),
            "period": np.where(batch.design[:, 2] > 27, "pregnancy", "postpartum_year"),
            "relapses": batch.counts.astype(int),
            "person_years": np.exp(batch.log_time),
            "site": "a",
        }
    )
    cells = [("untreated", "pregnancy"), ("treated", "postpartum_year")]
    sample, beta = CellsOfRows(rows).sample(cells), np.array([-0.9, -1.2])
    inside = [(rows["arm"] == arm) & (rows["period"] == period) for arm, period in cells]
    dense = Batch(batch.counts, np.column_stack(inside).astype(float), batch.log_time, batch.woman)
    whole = Rows([dense.take(np.logical_or(*inside).to_numpy())])
    np.testing.assert_allclose(
        sample.sums(poisson, beta).information,
        whole.sums(poisson, beta).information,
        rtol=ROUNDING,
        atol=1e-12,
    )
    np.testing.assert_allclose(
        sample.meat(poisson, beta), whole.meat(poisson, beta), rtol=ROUNDING, atol=1e-9
    )


def test_a_combination_of_columns_is_found_among_many_rows() -> None:
    design = BATCHES[0].design
    both = np.column_stack([design, design @ [1.0, 2.0, -1.0], design[:, 2] ** 2])
    assert independent_columns(both) == [True, True, True, False, True]


def test_the_woman_whom_a_coefficient_rests_on_is_found_among_many() -> None:
    batch = BATCHES[0]
    hers = (batch.woman == 7).astype(float)
    with_hers = Batch(batch.counts, np.column_stack([batch.design, hers]), batch.log_time, batch.woman)
    alone = decided_by_one_woman(in_blocks([with_hers]))
    assert alone.tolist() == [False, False, False, True]


@pytest.mark.parametrize("w", [0.0, 1e-12, 1e-5, 0.01, 0.2, 0.3, 0.4, 1.0, 7.0, 1e3, 1e6])
def test_derivatives_in_alpha_keep_their_digits(w: float) -> None:
    """Against the closed forms in 80 digits, with mean 1 and no relapse: the value is -log1p(alpha)/alpha."""
    getcontext().prec = 80
    row = negative_binomial(
        Batch(np.zeros(1), np.ones((1, 1)), np.zeros(1), np.zeros(1, dtype=int)), np.array([0.0, _log(w)])
    )
    a = Decimal(float(np.exp(_log(w))))
    log1p = (1 + a).ln()
    value = -log1p / a
    slope = (log1p - a / (1 + a)) / a**2
    bend = 1 / (a**2 * (1 + a)) - 2 * log1p / a**3 + (1 + 2 * a) / (a * (1 + a)) ** 2
    assert row.value[0] == pytest.approx(float(value), rel=1e-14)
    assert row.shape[0] == pytest.approx(float(a * slope), rel=1e-13)
    # The two terms cancel in part.
    assert row.shape_shape[0] == pytest.approx(float(a * a * bend + a * slope), rel=1e-12)


def _log(w: float) -> float:
    return float(np.log(w)) if w else -60.0
