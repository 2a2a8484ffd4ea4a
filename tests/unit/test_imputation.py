"""Multiple imputation: what is drawn, from whom, what it does to an estimate, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from gravida.errors import NotEstimable
from gravida.models.counts import fit_poisson
from gravida.models.kernel import Batch
from gravida.statistics.canonical import canonical_order
from gravida.statistics.imputation import NO_YEAR_BEFORE, TOGETHER, Imputations, impute
from gravida.statistics.missing import SCALES, pooled_estimate

COLUMNS = ["age_at_delivery", "disease_duration_years", "edss_before", "dmt_before", "relapses_pre_year"]


def study(women: int = 120, seed: int = 1, hidden: float = 0.2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return pregnancies of two sites and both arms, a third of the women with two, and their outcome."""
    rng = np.random.default_rng(seed)
    repeats = rng.choice([1, 2], women, p=[2 / 3, 1 / 3])
    woman = np.repeat(np.arange(women), repeats)
    n, second = woman.size, np.append(False, np.diff(woman) == 0)
    began = rng.integers(2000, 2008, women)[woman]
    year = rng.integers(2008, 2012, women)[woman] + 3 * second
    lasting = rng.choice(SCALES["edss_before"][:8], women)[woman]
    pregnancies = pd.DataFrame(
        {
            "woman": woman,
            "pregnancy_id": [f"P{number}" for number in range(n)],
            "delivery_year": pd.array(year, dtype="Int64"),
            "ms_diagnosis_year": pd.array(began, dtype="Int64"),
            "age_at_delivery": rng.normal(31, 4, n).round(1),
            "disease_duration_years": (year - began).astype(float),
            "edss_before": lasting,
            "dmt_class": pd.array(rng.choice(["none", "moderate", "high"], n), dtype="string"),
            "relapses_pre_year": pd.array(rng.poisson(0.7, n), dtype="Int64"),
            "assisted_reproduction": pd.array(rng.random(n) < 0.3, dtype="boolean"),
            "site": pd.array(np.where(woman % 3 == 0, "east", "west"), dtype="string"),
            "arm": pd.array(np.where(woman % 2 == 0, "treated", "untreated"), dtype="string"),
            "gestation_days": pd.array([280] * n, dtype="Int64"),
            "onset_after_lmp": pd.array([False] * n, dtype="boolean"),
            "observed_from_day": pd.array([pd.NA] * n, dtype="Int64"),
            "observed_to_day": pd.array([pd.NA] * n, dtype="Int64"),
            "next_conception_day": pd.array([pd.NA] * n, dtype="Int64"),
        }
    )
    for name in ("edss_before", "relapses_pre_year"):
        pregnancies.loc[rng.random(n) < hidden, name] = pd.NA if name[0] == "r" else np.nan
    rows = pregnancies[["site", "woman", "arm"]].assign(
        pregnancy=np.arange(n), relapses=rng.poisson(0.4, n), person_years=rng.choice([0.4, 1.0], n)
    )
    return pregnancies, rows


def hide(pregnancies: pd.DataFrame, column: str, rows: np.ndarray) -> pd.DataFrame:
    empty = np.nan if pregnancies[column].dtype == float else pd.NA
    return pregnancies.assign(**{column: pregnancies[column].mask(rows, empty)})


def test_imputed_values_were_seen_and_stated_ones_stay() -> None:
    pregnancies, rows = study()
    pregnancies = hide(pregnancies, "assisted_reproduction", np.arange(len(pregnancies)) % 5 == 0)
    found = impute(pregnancies, rows, [*COLUMNS, "assisted_reproduction"], 3, 7)
    assert len(found.completed) == 3
    assert set(found.observed) == {"edss_before", "relapses_pre_year", "assisted_reproduction"}
    for completed in found.completed:
        assert completed.dtypes.equals(pregnancies.dtypes)
        for name, observed in found.observed.items():
            assert (observed == pregnancies[name].notna()).all()
            assert completed[name].notna().all()
            assert completed.loc[observed, name].equals(pregnancies.loc[observed, name])
            for arm in ("treated", "untreated"):
                inside = pregnancies["arm"] == arm
                seen = set(pregnancies.loc[inside & observed, name])
                assert set(completed.loc[inside & ~observed, name]) <= seen
    one, other, _ = (completed["edss_before"] for completed in found.completed)
    assert not one.equals(other)


def test_the_callers_rows_stay_as_they_are() -> None:
    pregnancies, rows = study()
    copies = pregnancies.copy(deep=True), rows.copy(deep=True)
    impute(pregnancies, rows, COLUMNS, 2, 7)
    pd.testing.assert_frame_equal(pregnancies, copies[0])
    pd.testing.assert_frame_equal(rows, copies[1])


def test_each_arm_is_imputed_from_its_own() -> None:
    pregnancies, rows = study()
    treated = (pregnancies["arm"] == "treated").astype(float)
    apart = pregnancies["edss_before"].mask(pregnancies["edss_before"].notna(), 1.0 + 2.0 * treated)
    found = impute(pregnancies.assign(edss_before=apart), rows, COLUMNS, 2, 7)
    for completed in found.completed:
        assert (completed["edss_before"] == 1.0 + 2.0 * treated).all()
    assert found.note == ""


def test_a_small_arm_is_imputed_with_the_other_and_said_so() -> None:
    pregnancies, rows = study()
    few = pregnancies.assign(arm=pregnancies["arm"].where(pregnancies["woman"] < 12, "untreated"))
    found = impute(few, rows.assign(arm=few["arm"]), COLUMNS, 2, 7)
    assert found.note == TOGETHER
    assert all(completed["edss_before"].notna().all() for completed in found.completed)


def test_one_arm_alone_needs_no_word() -> None:
    pregnancies, rows = study(30)
    alone = pd.Series(pd.array(["treated"] * len(rows), dtype="string"))
    assert impute(pregnancies.assign(arm=alone), rows.assign(arm=alone), COLUMNS, 2, 7).note == ""


def by_name(found: Imputations, column: str) -> list[list]:
    return [frame.sort_values("pregnancy_id")[column].to_list() for frame in found.completed]


def test_row_order_and_names_of_women_change_nothing() -> None:
    pregnancies, rows = study()
    rng = np.random.default_rng(3)
    order, names = rng.permutation(len(rows)), rng.permutation(1000)
    other = pregnancies.iloc[order].reset_index(drop=True)
    other["woman"] = names[other["woman"]]
    place = pd.Series(np.arange(len(order)), index=order)
    moved = rows.assign(woman=names[rows["woman"]], pregnancy=place.loc[rows["pregnancy"]].to_numpy())
    moved = moved.iloc[rng.permutation(len(rows))]
    one, again = impute(pregnancies, rows, COLUMNS, 2, 7), impute(other, moved, COLUMNS, 2, 7)
    for name in one.observed:
        assert by_name(one, name) == by_name(again, name)
    different = impute(pregnancies, rows, COLUMNS, 2, 8)
    assert by_name(one, "edss_before") != by_name(different, "edss_before")


def test_women_with_the_same_rows_may_change_places_but_not_mix() -> None:
    rows = pd.DataFrame({"x": [1, 2, 2, 1, 3], "woman": [5, 5, 9, 9, 2]})
    order = canonical_order(rows, rows["woman"].to_numpy())
    sorted_women = rows["woman"].iloc[order].to_numpy()
    assert np.flatnonzero(np.diff(sorted_women)).size == 2
    renamed = rows.assign(woman=[1, 1, 0, 0, 7])
    again = canonical_order(renamed, renamed["woman"].to_numpy())
    assert rows["x"].iloc[order].to_list() == rows["x"].iloc[again].to_list()


def test_one_arm_does_not_change_the_draws_of_the_other() -> None:
    pregnancies, rows = study()
    treated = (pregnancies["arm"] == "treated").to_numpy()
    changed = rows.assign(relapses=np.where(treated, rows["relapses"], 3 - rows["relapses"].clip(upper=3)))
    one, other = impute(pregnancies, rows, COLUMNS, 2, 7), impute(pregnancies, changed, COLUMNS, 2, 7)
    for first, second in zip(one.completed, other.completed, strict=True):
        assert first.loc[treated, "edss_before"].equals(second.loc[treated, "edss_before"])
        assert not first.loc[~treated, "edss_before"].equals(second.loc[~treated, "edss_before"])


def test_a_woman_is_imputed_like_herself() -> None:
    # The generator gives both pregnancies of a woman one EDSS; a stranger's is 1.2 away on average.
    pregnancies, rows = study(400, seed=4, hidden=0.0)
    rng = np.random.default_rng(5)
    twice = pregnancies["woman"].duplicated(keep=False).to_numpy()
    first = ~pregnancies["woman"].duplicated().to_numpy()
    gaps = {}
    for label, hidden in {
        "one": twice & first & (rng.random(len(rows)) < 0.5),
        "both": twice & (rng.random(400) < 0.3)[pregnancies["woman"]],
    }.items():
        found = impute(hide(pregnancies, "edss_before", hidden), rows, COLUMNS, 5, 7)
        for completed in found.completed:
            pairs = completed[hidden | (label == "one") & twice].groupby("woman")["edss_before"]
            spread = (pairs.last() - pairs.first())[np.unique(pregnancies.loc[hidden, "woman"])]
            gaps.setdefault(label, []).append(spread.abs().mean())
    assert np.mean(gaps["one"]) < 0.3
    assert np.mean(gaps["both"]) < 0.3


def test_durations_follow_from_the_woman() -> None:
    pregnancies, rows = study()
    twice = pregnancies["woman"].duplicated(keep=False).to_numpy()
    first = ~pregnancies["woman"].duplicated().to_numpy()
    number = pregnancies["woman"].to_numpy()
    deduced = twice & first & (number % 4 == 1)
    drawn = number % 7 == 0
    truth = pregnancies["disease_duration_years"]
    found = impute(hide(pregnancies, "disease_duration_years", deduced | drawn), rows, COLUMNS, 4, 7)
    known = found.observed["disease_duration_years"]
    assert (known == (~drawn | pregnancies["disease_duration_years"].isna())).all()
    for completed in found.completed:
        assert completed.loc[known, "disease_duration_years"].equals(truth[known])
        began = completed["delivery_year"].astype(float) - completed["disease_duration_years"]
        assert (began == began.groupby(completed["woman"]).transform("first")).all()
        assert (completed["disease_duration_years"] >= 0).all()


def test_no_year_before_is_not_imputed() -> None:
    pregnancies, rows = study()
    after = np.arange(len(rows)) % 9 == 0
    told = pregnancies.assign(onset_after_lmp=pd.array(after, dtype="boolean"))
    found = impute(hide(told, "relapses_pre_year", after), rows, COLUMNS, 2, 7)
    assert NO_YEAR_BEFORE in found.note
    for completed in found.completed:
        assert (completed["relapses_pre_year"].isna() == after).all()
    only = hide(told.assign(relapses_pre_year=1, edss_before=2.0), "relapses_pre_year", after)
    with pytest.raises(NotEstimable, match=r"^nothing is missing$"):
        impute(only, rows, COLUMNS, 2, 7)


def test_diagnosis_in_the_year_of_an_unobserved_beginning_has_no_year_before() -> None:
    pregnancies, rows = study()
    late = np.arange(len(rows)) == 3
    told = pregnancies.assign(
        ms_diagnosis_year=pregnancies["ms_diagnosis_year"].mask(late, pregnancies["delivery_year"]),
        observed_from_day=pregnancies["observed_from_day"].mask(late, -100),
    )
    found = impute(hide(told, "relapses_pre_year", late), rows, COLUMNS, 2, 7)
    assert (found.completed[0]["relapses_pre_year"].isna() == late).all()


def test_pregnancies_without_the_outcome_stay_incomplete() -> None:
    pregnancies, rows = study()
    found = impute(pregnancies, rows.iloc[:-20], COLUMNS, 2, 7)
    without = np.arange(len(pregnancies)) >= len(pregnancies) - 20
    missing = pregnancies["edss_before"].isna()
    assert (found.completed[0]["edss_before"].isna() == (missing & without)).all()


def test_what_cannot_be_imputed_is_named() -> None:
    pregnancies, rows = study()
    everyone = np.ones(len(rows), dtype=bool)
    none = hide(pregnancies, "edss_before", everyone)
    found = impute(none, rows, COLUMNS, 2, 7)
    assert found.problems == {"edss_before": "missing for every pregnancy"}
    assert set(found.observed) == {"relapses_pre_year"}
    one_arm = hide(pregnancies, "edss_before", (pregnancies["arm"] == "treated").to_numpy())
    assert "one arm" in impute(one_arm, rows, COLUMNS, 2, 7).problems["edss_before"]
    few = hide(pregnancies, "edss_before", (pregnancies["woman"] > 8).to_numpy())
    assert "fewer than 10 women" in impute(few, rows, COLUMNS, 2, 7).problems["edss_before"]
    with pytest.raises(NotEstimable, match="edss_before: missing for every pregnancy"):
        impute(none.assign(relapses_pre_year=1), rows, COLUMNS, 2, 7)


def test_a_site_without_any_value_is_named() -> None:
    pregnancies, rows = study()
    silent = hide(pregnancies, "edss_before", (pregnancies["site"] == "east").to_numpy())
    assert "edss_before: a site without any value" in impute(silent, rows, COLUMNS, 2, 7).note


def test_nothing_missing() -> None:
    pregnancies, rows = study(hidden=0.0)
    with pytest.raises(NotEstimable, match=r"^nothing is missing$"):
        impute(pregnancies, rows, COLUMNS, 2, 7)


def test_hard_covariates_do_not_stop_it() -> None:
    # A constant, a column twice, a level that one arm decides, and a count of 30.
    pregnancies, rows = study()
    counts = rows["relapses"].where(rows.index != 0, 30)
    hard = pregnancies.assign(
        age_at_delivery=30.0,
        disease_duration_years=pregnancies["edss_before"].fillna(1.0),
        dmt_class=pd.array(["none"] * len(rows), dtype="string"),
        assisted_reproduction=(pregnancies["arm"] == "treated").astype("boolean"),
    )
    hard = hide(hard, "assisted_reproduction", np.arange(len(rows)) % 4 == 0)
    found = impute(hard, rows.assign(relapses=counts), [*COLUMNS, "assisted_reproduction"], 2, 7)
    for completed in found.completed:
        imputed = completed.loc[~found.observed["assisted_reproduction"]]
        assert (imputed["assisted_reproduction"] == (imputed["arm"] == "treated")).all()


def simulated(rng: np.random.Generator, n: int = 150) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return pregnancies whose EDSS is hidden more often after a relapse if treated: rate ratio 1.5."""
    pregnancies, rows = study(n, int(rng.integers(2**31)), hidden=0.0)
    edss = pregnancies["edss_before"].to_numpy()
    untreated = (rows["arm"] == "untreated").to_numpy()
    years = rows["person_years"].to_numpy()
    relapses = rng.poisson(years * np.exp(-0.9 + np.log(1.5) * untreated + 0.3 * (edss - 2)))
    hidden = rng.random(edss.size) < np.where((relapses > 0) & ~untreated, 0.6, 0.1)
    return hide(pregnancies, "edss_before", hidden), rows.assign(relapses=relapses)


def contrast(pregnancies: pd.DataFrame, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, int]:
    kept = pregnancies["edss_before"].notna().to_numpy()
    design = np.column_stack(
        [np.ones(len(rows)), rows["arm"] == "untreated", pregnancies["edss_before"] - 2]
    ).astype(float)
    whole = (rows["relapses"].to_numpy(float), design, np.log(rows["person_years"].to_numpy()))
    model = fit_poisson([Batch(*(part[kept] for part in whole), rows["woman"].to_numpy()[kept])])
    return model.beta, model.clustered_covariance(), model.women


@pytest.mark.slow
def test_imputation_repairs_what_complete_cases_get_wrong() -> None:
    # The complete cases miss treated women who relapsed. Both bands are three Monte Carlo errors wide: of the
    # mean of 100 estimates, and of a coverage of 95% (2.2%).
    rng, truth, repeats = np.random.default_rng(11), np.log(1.5), 100
    complete, pooled, covered = [], [], []
    for _ in range(repeats):
        pregnancies, rows = simulated(rng)
        complete.append(contrast(pregnancies, rows)[0][1])
        fits = [contrast(frame, rows) for frame in impute(pregnancies, rows, ["edss_before"], 5, 1).completed]
        found = pooled_estimate([fit[:2] for fit in fits], 1, fits[0][2] - 3, 0.95)
        pooled.append(np.log(found.rate_ratio))
        covered.append(found.lower <= 1.5 <= found.upper)
    assert np.mean(complete) - truth > 0.3
    assert abs(np.mean(pooled) - truth) < 3 * np.std(pooled) / np.sqrt(repeats)
    assert 0.88 <= np.mean(covered) <= 1


@pytest.mark.parametrize("name", ["relapses", "person_years"])
def test_the_outcome_is_in_the_model_of_a_covariate(name: str) -> None:
    pregnancies, rows = study(hidden=0.0)
    decisive = rows.assign(relapses=6 * (rows["relapses"] > 0))
    truth = 1.0 + 3.0 * (decisive[name] > 0.5)
    hidden = np.arange(len(rows)) % 4 == 0
    found = impute(
        hide(pregnancies.assign(edss_before=truth), "edss_before", hidden), decisive, COLUMNS, 2, 7
    )
    assert all((completed["edss_before"] == truth).all() for completed in found.completed)


def test_the_model_itself_is_drawn() -> None:
    # With one model for all imputations a missing value would come from the same five donors each time.
    pregnancies, rows = study(hidden=0.0)
    one = np.arange(len(rows)) == 5
    hidden = hide(pregnancies.assign(edss_before=np.linspace(0, 9, len(rows))), "edss_before", one)
    found = impute(hidden, rows, COLUMNS, 40, 7)
    assert len({completed["edss_before"].iloc[5] for completed in found.completed}) > 10
