"""Cross-validated prediction: who is predicted by what, what can be told of chance, what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from gravida.models.coded import Coded
from gravida.models.counts import fit_negative_binomial, fit_poisson
from gravida.models.kernel import Batch
from gravida.statistics import predictability
from gravida.statistics.contrasts import Contrasts, ContrastSettings
from gravida.statistics.design import Column
from gravida.statistics.predictability import estimate_predictability

COVARIATES = ("age_at_delivery", "edss_before", "dmt_before", "relapses_pre_year")
SETTINGS = ContrastSettings("untreated", "treated", "postpartum_year", 0.95, COVARIATES)
SEED = 7
NUMBERS = ["value", "lower", "upper"]


def study(women: int = 110, seed: int = 1, effect: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return pregnancies and person-time; the log rate has this slope in relapses of the year before."""
    rng = np.random.default_rng(seed)
    woman = np.repeat(np.arange(women), rng.choice([1, 2], women, p=[0.8, 0.2]))
    n = woman.size
    before = rng.poisson(0.8, n)
    years = rng.choice([0.3, 0.6, 1.0], n, p=[0.1, 0.1, 0.8])
    pregnancies = pd.DataFrame(
        {
            "age_at_delivery": rng.normal(31, 4, n),
            "edss_before": rng.choice([0, 1, 1.5, 2, 3], n),
            "dmt_class": pd.array(rng.choice(["none", "moderate", "high"], n), dtype="string"),
            "relapses_pre_year": pd.array(before, dtype="Int64"),
            "arm": pd.array(np.where(woman % 2 == 0, "treated", "untreated"), dtype="string"),
            "site": pd.array(["one"] * n, dtype="string"),
        }
    )
    rate = rng.gamma(2, 0.5, women)[woman] * np.exp(-1.0 + effect * (before - 0.8))
    rows = pregnancies[["site", "arm"]].assign(
        woman=woman,
        pregnancy=np.arange(n),
        period="postpartum_year",
        relapses=rng.poisson(rate * years),
        person_years=years,
    )
    return pregnancies, rows


def predicted(pregnancies: pd.DataFrame, rows: pd.DataFrame, seed: int = SEED) -> pd.DataFrame:
    return estimate_predictability(Contrasts(pregnancies, rows, {"one": "individual"}, SETTINGS), seed)


def numbers(table: pd.DataFrame, measure: str) -> np.ndarray:
    return table.set_index("measure").loc[measure, NUMBERS].to_numpy(float)


def training(seed: int = 5, n: int = 300) -> tuple[Batch, list[Column]]:
    rng = np.random.default_rng(seed)
    age, high = rng.normal(31, 4, n), (rng.random(n) < 0.3).astype(float)
    woman = np.repeat(np.arange(n // 2), 2)
    mean = np.exp(-0.5 + 0.05 * (age - 31) + 0.3 * high) * rng.gamma(1.5, 1 / 1.5, n)
    batch = Batch(
        rng.poisson(mean).astype(float), np.column_stack([np.ones(n), age, high]), np.zeros(n), woman
    )
    columns = [
        Column("age_at_delivery", "per year", "", Coded.of(age)),
        Column("dmt_before", "high", "none", Coded.of(high)),
    ]
    return batch, columns


def test_a_model_without_some_women_knows_nothing_of_them() -> None:
    batch, columns = training()
    out = batch.woman < 30
    model = predictability._without(batch, columns, out, np.arange(150))
    assert model.beta == pytest.approx(fit_negative_binomial([batch.take(~out)]).beta, rel=1e-9)
    shuffled = replace(batch, counts=np.where(out, 7.0, batch.counts))
    assert (predictability._without(shuffled, columns, out, np.arange(150)).beta == model.beta).all()
    assert (model.change[:30] == 0).all()


def test_the_change_without_a_woman_is_that_of_another_fit() -> None:
    batch, columns = training()
    none = np.zeros(300, dtype=bool)
    model = predictability._without(batch, columns, none, np.arange(150))
    refitted = np.array(
        [fit_negative_binomial([batch.take(batch.woman != woman)]).beta - model.beta for woman in range(150)]
    )
    # One step of Newton's method leaves terms of second order: a woman is 1/150 of the data.
    for change, again in zip(model.change.T, refitted.T, strict=True):
        assert np.corrcoef(change, again)[0, 1] > 0.99
        assert np.abs(change - again).max() < 0.2 * np.abs(again).max()


def test_a_level_without_a_relapse_in_the_training_data_is_predicted_as_the_reference() -> None:
    batch, columns = training()
    high = columns[1].data == 1
    # The only relapses of the level are those of women held out.
    out = batch.woman < 30
    silent = replace(batch, counts=np.where(high & ~out, 0.0, batch.counts))
    model = predictability._without(silent, columns, out, np.arange(150))
    assert model.beta[2] == 0 and not model.change[:, 2].any()
    assert model.beta[1] != 0 and not model.one_rate


def test_one_rate_where_no_model_can_be_fitted() -> None:
    batch, columns = training(n=8)
    batch = replace(batch, counts=np.array([1.0, 0, 2, 0, 1, 0, 0, 3]))
    out = batch.woman == 0
    columns = [*columns, *(Column("parity", str(k), "", Coded.of(np.arange(8.0) ** k)) for k in (1, 2, 3))]
    wide = replace(batch, design=np.column_stack([np.ones(8), *(column.data for column in columns)]))
    model = predictability._without(wide, columns, out, np.arange(4))
    assert model.one_rate
    assert model.beta == pytest.approx([0, 0, 0, 0, 0, 0])
    assert fit_poisson([replace(wide, design=np.ones((8, 1))).take(~out)]).beta == pytest.approx([0.0])


def test_women_are_dealt_whole_and_evenly() -> None:
    treated = (np.arange(100) % 4 == 0).astype(float)
    group = predictability._deal(treated, 10, np.random.default_rng(1))
    assert (np.bincount(group) == 10).all()
    by_group = np.bincount(group, treated)
    assert by_group.min() >= 2 and by_group.max() <= 3


def test_what_can_be_predicted_is_and_what_cannot_is_not() -> None:
    strong = predicted(*study(200, effect=0.8))
    assert strong["status"].tolist() == ["ok"] * 3
    assert strong["measure"].tolist() == list(predictability.MEASURES)
    assert numbers(strong, "concordance")[1] > 0.5
    value, lower, upper = numbers(strong, "calibration_slope")
    assert 0 < lower < value < upper
    pregnancies, rows = study(200, effect=0.8)
    assert (strong[["pregnancies", "women"]] == [len(pregnancies), 200]).all(axis=None)
    assert (strong["relapses"] == rows["relapses"].sum()).all()


@pytest.mark.slow
def test_worthless_predictions_are_no_better_or_worse_than_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    # 40 registries without any predictor; the standard deviation of the concordance is about 0.09, so that
    # its mean has an error of 0.015. At most a few of the 95% intervals may miss 0.5 (the binomial's 99.9%).
    monkeypatch.setattr(predictability, "DEALS", (2, 1))
    found = [predicted(*study(seed=100 + seed), seed) for seed in range(40)]
    values = np.array([numbers(table, "concordance") for table in found])
    slopes = np.array([numbers(table, "calibration_slope") for table in found])
    assert np.mean(values[:, 0]) == pytest.approx(0.5, abs=0.045)
    assert ((values[:, 1] > 0.5) | (values[:, 2] < 0.5)).sum() <= 8
    assert (slopes[:, 1] > 0).sum() <= 8


def test_row_order_and_names_of_women_change_nothing() -> None:
    pregnancies, rows = study(60)
    rng = np.random.default_rng(3)
    order, names = rng.permutation(len(rows)), rng.permutation(500)
    other = pregnancies.iloc[order].reset_index(drop=True)
    place = pd.Series(np.arange(len(order)), index=order)
    moved = rows.assign(woman=names[rows["woman"]], pregnancy=place.loc[rows["pregnancy"]].to_numpy())
    one = predicted(pregnancies, rows)
    again = predicted(other, moved.iloc[rng.permutation(len(rows))])
    pd.testing.assert_frame_equal(one, again)
    different = predicted(pregnancies, rows, seed=8)
    assert (numbers(one, "concordance") != numbers(different, "concordance")).any()


def test_many_women_are_compared_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictability, "MANY_WOMEN", 300)
    monkeypatch.setattr(predictability, "LARGEST_GROUP", 30)
    table = predicted(*study(400, effect=0.8))
    assert table["status"].tolist() == ["ok"] * 3
    assert numbers(table, "concordance")[1] > 0.5


def reasons(pregnancies: pd.DataFrame, rows: pd.DataFrame) -> list[str]:
    table = predicted(pregnancies, rows)
    assert table["measure"].tolist() == list(predictability.MEASURES)
    unanswered = table["status"] != "ok"
    assert table.loc[unanswered, NUMBERS].isna().all(axis=None)
    assert np.isfinite(table.loc[~unanswered, NUMBERS].to_numpy(float)).all()
    return table["reason"].tolist()


def test_no_answer_has_its_reason() -> None:
    pregnancies, rows = study(60)
    silent = reasons(pregnancies, rows.assign(relapses=0))
    assert silent == ["there is no relapse in the period"] * 3
    hers = rows.assign(relapses=np.where(rows["woman"] == 5, 4, 0))
    assert reasons(pregnancies, hers) == ["without a part of the women there is no relapse"] * 3
    flat = pregnancies.assign(
        age_at_delivery=30.0, edss_before=np.nan, relapses_pre_year=0, dmt_class="none", arm="treated"
    )
    constant = reasons(flat, rows.assign(arm="treated"))
    assert constant == ["no covariate can be estimated"] * 3
    assert all(reasons(pregnancies, rows[rows["woman"] < 3]))
    assert all(reasons(pregnancies, rows.iloc[:0]))


def test_hard_studies_have_numbers_or_reasons() -> None:
    pregnancies, rows = study(60)
    reasons(pregnancies, rows.assign(relapses=rows["relapses"].where(rows.index > 0, 30)))
    reasons(pregnancies.assign(edss_before=np.nan), rows)
    reasons(pregnancies.assign(edss_before=pregnancies["age_at_delivery"]), rows)
    single = pregnancies["dmt_class"].where(pregnancies.index != 4, "other")
    reasons(
        pregnancies.assign(dmt_class=single), rows.assign(relapses=rows["relapses"].where(rows.index != 4, 2))
    )
    few = study(14, seed=6)
    reasons(*few)
