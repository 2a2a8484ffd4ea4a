"""Rates, verdicts, contrasts and predictors where the data are thin: a number or a reason."""

import warnings

import numpy as np
import pandas as pd
import pytest
from gravida.statistics.contrasts import Contrasts, ContrastSettings
from gravida.statistics.dispersion import measure_dispersion
from gravida.statistics.identifiability import BETWEEN, NOT_IDENTIFIABLE, WITHIN, assess_identifiability
from gravida.statistics.predictors import estimate_predictors
from gravida.statistics.rate_ratios import estimate_rate_ratios
from gravida.statistics.rates import estimate_rates
from gravida.tables import write_table

PERIOD = "postpartum_year"
COVARIATES = ("age_at_delivery", "disease_duration_years", "edss_before", "dmt_before", "relapses_pre_year")
NUMBERS = ["rate_ratio", "lower", "upper", "p_value"]


def study(arms: dict[str, dict[str, list[int]]], women_share: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return cohort and person-time: site -> arm -> relapses of each pregnancy, a year each.

    Every `women_share` consecutive pregnancies of a site and arm are of one woman.
    """
    rows, woman = [], 0
    for site, by_arm in arms.items():
        for arm, counts in by_arm.items():
            for place, count in enumerate(counts):
                rows.append((site, arm, count, woman + place // women_share))
            woman += len(counts)
    table = pd.DataFrame(rows, columns=["site", "arm", "relapses", "woman"])
    rng = np.random.default_rng(11)
    n = len(table)
    cohort = table[["site", "arm", "woman"]].assign(
        received=table["arm"],
        by_policy=table["arm"],
        age_at_delivery=rng.normal(31, 4, n).round(1),
        disease_duration_years=rng.integers(0, 15, n).astype(float),
        edss_before=rng.choice([1.0, 1.5, 2.0], n),
        dmt_class=rng.choice(["none", "moderate", "high"], n),
        relapses_pre_year=rng.poisson(0.6, n),
        delivery_year=2015,
        gestation_days=280,
        observed_from_day=pd.array([pd.NA] * n, dtype="Int64"),
        next_conception_day=pd.array([pd.NA] * n, dtype="Int64"),
        pregnancy_id=[f"P{number}" for number in range(n)],
        dated=False,
        dmt_restart_day=pd.array([pd.NA] * n, dtype="Int64"),
        first_dose_day=pd.array([pd.NA] * n, dtype="Int64"),
    )
    person_time = table.assign(pregnancy=table.index, period=PERIOD, days=365, person_years=365 / 365.25)
    return cohort, person_time


def contrasts(arms: dict, policies: dict[str, str], women_share: int = 1) -> pd.DataFrame:
    cohort, person_time = study(arms, women_share)
    settings = ContrastSettings("untreated", "treated", PERIOD, 0.95, COVARIATES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = estimate_rate_ratios(Contrasts(cohort, person_time, policies, settings))
    assert table["is_primary"].sum() == 1
    bad = ~table["status"].isin(["ok", "fallback"])
    assert table.loc[bad, NUMBERS].isna().all(axis=None)
    assert (table.loc[bad, "reason"].str.len() > 0).all()
    numbers = table[NUMBERS].astype(float).to_numpy()
    assert np.isfinite(numbers[~np.isnan(numbers)]).all()
    return table


def adjusted_row(asked: Contrasts) -> pd.Series:
    """Return the row adjusted for sites and covariates."""
    table = estimate_rate_ratios(asked)
    return table[(table["analysis"] == "adjusted") & table["adjusted_for"].str.startswith("site;")].iloc[0]


def primary(table: pd.DataFrame) -> pd.Series:
    return table[table["is_primary"]].iloc[0]


SOME = [0, 1, 0, 0, 2, 0, 1, 0, 0, 3, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
OTHER = [1, 0, 0, 2, 0, 0, 0, 1, 4, 0, 0, 0, 1, 0, 2, 0, 0, 0, 1, 0]
PAIR = {"all": "all", "none": "none"}


def pair(treated: list[int], untreated: list[int]) -> dict:
    return {"all": {"treated": treated}, "none": {"untreated": untreated}}


@pytest.mark.parametrize(
    ("arms", "policies", "verdict"),
    [
        (pair(SOME, OTHER), {"all": "all", "none": "none"}, BETWEEN),
        ({"a": {"treated": SOME, "untreated": OTHER}}, {"a": "individual"}, WITHIN),
        ({"a": {"treated": SOME}}, {"a": "all"}, NOT_IDENTIFIABLE),
        ({"a": {"treated": SOME}}, {"a": "individual"}, NOT_IDENTIFIABLE),
        ({"a": {"treated": SOME, "untreated": [0, 1]}}, {"a": "all"}, NOT_IDENTIFIABLE),
        (
            {"a": {"treated": SOME, "untreated": [0, 1]}, "b": {"untreated": OTHER}},
            {"a": "all", "b": "none"},
            BETWEEN,
        ),
        (
            {"a": {"treated": SOME, "untreated": [0, 1]}, "b": {"treated": OTHER}},
            {"a": "all", "b": "all"},
            NOT_IDENTIFIABLE,
        ),
        (
            {"a": {"treated": SOME, "untreated": OTHER}, "b": {"untreated": OTHER}},
            {"a": "individual", "b": "none"},
            WITHIN,
        ),
        ({"a": {"treated": SOME}, "b": {"untreated": OTHER}}, {"a": "individual", "b": "none"}, BETWEEN),
    ],
)
def test_verdict(arms: dict, policies: dict, verdict: str) -> None:
    _, person_time = study(arms)
    assessed = assess_identifiability(person_time, policies, PERIOD)
    assert assessed.verdict == verdict
    assert assessed.reason


def test_no_site_adjusted_number_where_arms_are_policies() -> None:
    table = contrasts(pair(SOME, OTHER), PAIR)
    assert not table["adjusted_for"].str.contains("site").any()
    assert primary(table)["adjusted_for"] == "none"


def test_policy_sites_never_inform_the_contrast_within_sites() -> None:
    arms = {"choice": {"treated": SOME, "untreated": OTHER}, "all": {"treated": SOME, "untreated": [5, 5, 5]}}
    mixed = contrasts(arms, {"choice": "individual", "all": "all"})
    alone = contrasts({"choice": arms["choice"]}, {"choice": "individual"})
    assert primary(mixed)["adjusted_for"] == "site"
    for column in (*NUMBERS, "pregnancies", "relapses"):
        assert primary(mixed)[column] == pytest.approx(primary(alone)[column], rel=1e-9)
    crude = mixed[(mixed["adjusted_for"] == "none") & (mixed["model"] == "poisson")].iloc[0]
    assert crude["pregnancies"] == 63


def test_a_site_without_a_relapse_changes_nothing_but_is_named() -> None:
    arms = {
        "a": {"treated": SOME, "untreated": OTHER},
        "b": {"treated": OTHER, "untreated": SOME},
        "c": {"treated": [0] * 6, "untreated": [0] * 5},
    }
    policies = dict.fromkeys(arms, "individual")
    silent = primary(contrasts(arms, policies))
    without = primary(contrasts({"a": arms["a"], "b": arms["b"]}, {"a": "individual", "b": "individual"}))
    assert silent["rate_ratio"] == pytest.approx(without["rate_ratio"], rel=1e-9)
    assert "1 of 3 sites" in silent["reason"]


def test_empty_arm_of_relapses_falls_back_to_a_finite_ratio() -> None:
    table = contrasts(pair([0] * 20, OTHER), PAIR)
    row = primary(table)
    assert (row["status"], row["model"], row["covariance"]) == ("fallback", "firth_poisson", "model")
    # Adding half a relapse to each arm: (12 + 1/2) / (0 + 1/2) with equal person-time.
    assert row["rate_ratio"] == pytest.approx((sum(OTHER) + 0.5) / 0.5, rel=1e-9)
    exact = table[table["analysis"] == "exact"].iloc[0]
    assert exact["status"] == "ok" and pd.isna(exact["rate_ratio"]) and pd.isna(exact["upper"])
    # P(X >= 12) of 12 at one half, twice; the lower limit solves q^12 = 0.025.
    assert exact["p_value"] == pytest.approx(2 * 0.5**12, rel=1e-9)
    q = 0.025 ** (1 / 12)
    assert exact["lower"] == pytest.approx(q / (1 - q), rel=1e-9)


def test_the_other_arm_empty() -> None:
    row = primary(contrasts(pair(SOME, [0] * 20), PAIR))
    assert row["rate_ratio"] == pytest.approx(0.5 / (sum(SOME) + 0.5), rel=1e-9)


@pytest.mark.parametrize(
    ("arms", "policies", "words"),
    [
        (pair([0] * 20, [0] * 20), PAIR, "no relapse"),
        ({"a": {"treated": SOME}}, {"a": "all"}, "no other arm"),
        ({"a": {"treated": [1]}}, {"a": "all"}, "no other arm"),
        (pair([1], [0]), PAIR, "no more pregnancies"),
    ],
)
def test_no_answer_is_said_in_words(arms: dict, policies: dict, words: str) -> None:
    row = primary(contrasts(arms, policies))
    assert row["status"] == "not_estimable"
    assert words in row["reason"]


def test_one_woman_in_an_arm_has_no_clustered_error() -> None:
    table = contrasts(pair(SOME, [1, 2, 0, 1, 0, 3]), PAIR, women_share=6)
    clustered = table[table["covariance"].isin(["cluster_robust", "cluster_robust_cr2"])]
    assert set(clustered["status"]) == {"not_estimable"}
    assert clustered["reason"].str.contains("2 women in each arm").any()
    model = table[(table["model"] == "poisson") & (table["covariance"] == "model")].iloc[0]
    assert model["status"] == "ok"


def test_a_contrast_within_sites_that_rests_on_one_woman_has_no_clustered_error() -> None:
    arms = {"a": {"treated": [2], "untreated": OTHER}, "b": {"treated": SOME}}
    table = contrasts(arms, dict.fromkeys(arms, "individual"))
    row = primary(table)
    assert (row["adjusted_for"], row["status"]) == ("site", "not_estimable")
    # The site with one arm says nothing of the contrast, and of the other's treated there is one.
    assert "2 women in each arm" in row["reason"] and "1 of 2 sites" in row["reason"]
    model = table[(table["adjusted_for"] == "site") & (table["covariance"] == "model")]
    assert (model["status"] == "ok").any()


def test_women_who_are_all_alike_say_nothing_of_their_differences() -> None:
    row = primary(contrasts(pair([1, 1], OTHER), PAIR))
    assert row["status"] == "not_estimable" and "one rate" in row["reason"]
    rates = estimate_rates(study(pair([1, 1], OTHER))[1], 0.95)
    rates = rates.set_index(["group", "arm", "site", "period"])
    assert pd.isna(rates.loc[("arm", "treated", "all", PERIOD), "robust_lower"])


def test_the_alphabet_of_sites_decides_nothing() -> None:
    tables = []
    for name in ("a", "z"):
        arms = {name: {"treated": SOME, "untreated": OTHER}, "m": {"treated": OTHER, "untreated": SOME}}
        cohort, person_time = study(arms)
        relapsed = (person_time["site"] == name) & (person_time["relapses"] > 0)
        cohort = cohort.assign(edss_before=cohort["edss_before"].mask(relapsed))
        settings = ContrastSettings("untreated", "treated", PERIOD, 0.95, ("edss_before",))
        tables.append(
            adjusted_row(Contrasts(cohort, person_time, dict.fromkeys(arms, "individual"), settings))
        )
    one, other = tables
    assert one["adjusted_for"] == "site;edss_before" and one["status"] in ("ok", "fallback")
    for column in NUMBERS:
        assert one[column] == pytest.approx(other[column], rel=1e-8)


def test_exceptions_to_one_policy_give_no_ratio_of_ivig_anywhere() -> None:
    arms = {"a": {"treated": SOME, "untreated": [0, 1, 2]}, "b": {"treated": OTHER}}
    cohort, person_time = study(arms)
    policies = dict.fromkeys(arms, "all")
    assert set(contrasts(arms, policies)["status"]) == {"not_estimable"}
    ivig = predictors(cohort, person_time, policies).query("predictor == 'ivig'")
    assert set(ivig["status"]) == {"not_estimable"}
    assert ivig["reason"].str.contains("same arm").all()


def test_between_sites_every_interval_says_what_it_holds() -> None:
    table = contrasts(pair(SOME, OTHER), PAIR)
    assert table["reason"].str.contains("sampling of women only").all()


def test_underdispersed_counts_fall_back_to_poisson() -> None:
    table = contrasts(pair([0, 1] * 15, [1, 0, 1] * 10), PAIR)
    row = primary(table)
    assert (row["model"], row["covariance"], row["status"]) == ("poisson", "cluster_robust_cr2", "fallback")
    assert row["rate_ratio"] == pytest.approx(20 / 15)
    assert row["alpha"] == 0
    assert "alpha = 0" in row["reason"]


def test_contrast_can_be_turned_round() -> None:
    cohort, person_time = study(pair(SOME, OTHER))
    tables = [
        estimate_rate_ratios(
            Contrasts(
                cohort, person_time, PAIR, ContrastSettings(numerator, denominator, PERIOD, 0.95, COVARIATES)
            )
        )
        for numerator, denominator in (("untreated", "treated"), ("treated", "untreated"))
    ]
    one, other = map(primary, tables)
    assert other["contrast"] == "treated/untreated"
    assert other["rate_ratio"] == pytest.approx(1 / one["rate_ratio"], rel=1e-9)
    assert other["lower"] == pytest.approx(1 / one["upper"], rel=1e-9)
    assert other["p_value"] == pytest.approx(one["p_value"], rel=1e-7)


def test_exceptions_to_a_policy_show_both_contrasts() -> None:
    cohort, person_time = study(pair(SOME, OTHER))
    exceptions = cohort.assign(received=np.where(cohort.index < 2, "untreated", cohort["received"]))
    settings = ContrastSettings("untreated", "treated", PERIOD, 0.95, COVARIATES)
    table = estimate_rate_ratios(Contrasts(exceptions, person_time, PAIR, settings)).set_index("analysis")
    # The two exceptions have 0 and 1 relapses.
    crude = {"policy": (12 / 20) / (9 / 20), "as_treated": (13 / 22) / (8 / 18)}
    for analysis, ratio in crude.items():
        assert table.loc[analysis, "rate_ratio"] == pytest.approx(ratio, rel=1e-6)
        assert not table.loc[analysis, "is_primary"]
    assert "policy" not in set(contrasts(pair(SOME, OTHER), PAIR)["analysis"])


def test_landmark_stands_beside_a_choice() -> None:
    arms = {"a": {"treated": SOME, "untreated": OTHER}}
    cohort, person_time = study(arms)
    settings = ContrastSettings("untreated", "treated", PERIOD, 0.95, COVARIATES)
    later = person_time.assign(
        period="postpartum_from_day_30",
        relapses=np.maximum(person_time["relapses"] - 1, 0),
        person_years=335 / 365.25,
    )
    both = pd.concat([person_time, later], ignore_index=True)
    table = estimate_rate_ratios(Contrasts(cohort, both, {"a": "individual"}, settings)).set_index("analysis")
    row = table.loc["landmark_30"]
    # 5 relapses are left of the untreated's 12, 3 of the treated's 9.
    assert (row["relapses"], row["status"]) == (8, "ok")
    assert row["rate_ratio"] == pytest.approx(5 / 3, rel=1e-6)
    assert "immortal time" in table.loc["unadjusted"].iloc[0]["reason"]
    alone = estimate_rate_ratios(Contrasts(cohort, person_time, {"a": "individual"}, settings)).set_index(
        "analysis"
    )
    assert alone.loc["landmark_30", "status"] == "not_estimable"
    assert "dates its relapses" in alone.loc["landmark_30", "reason"]


def test_no_landmark_where_a_policy_decides() -> None:
    table = contrasts(pair(SOME, OTHER), PAIR)
    assert "landmark_30" not in set(table["analysis"])
    assert not table["reason"].str.contains("immortal").any()


def predictors(cohort: pd.DataFrame, person_time: pd.DataFrame, policies: dict = PAIR) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        settings = ContrastSettings("untreated", "treated", PERIOD, 0.95, COVARIATES)
        none = pd.DataFrame({"pregnancy": [], "day": [], "retained": []}).astype({"retained": bool})
        table = estimate_predictors(Contrasts(cohort, person_time, policies, settings), none)
    bad = ~table["status"].isin(["ok", "fallback"])
    assert table.loc[bad, [*NUMBERS, "p_holm"]].isna().all(axis=None)
    assert (table.loc[bad, "reason"].str.len() > 0).all()
    return table


def row_of(table: pd.DataFrame, model: str, predictor: str, level: str | None = None) -> pd.Series:
    found = table[(table["model"] == model) & (table["predictor"] == predictor)]
    return (found if level is None else found[found["level"] == level]).iloc[0]


BIG = pair(SOME * 3, OTHER * 3)


def test_every_predictor_has_its_rows() -> None:
    table = predictors(*study(BIG))
    # The joint test of all but IVIG and the restart of a therapy have rows of their own.
    assert table.groupby("model")["predictor"].nunique().tolist() == [7, 7]
    ivig = row_of(table, "univariable", "ivig")
    assert (ivig["level"], ivig["reference"]) == ("yes", "no")
    assert ivig["rate_ratio"] == pytest.approx(sum(SOME) / sum(OTHER), rel=1e-3)
    assert "between sites" in ivig["reason"]


def test_constant_and_missing_and_collinear_covariates_have_reasons() -> None:
    cohort, person_time = study(BIG)
    spoilt = cohort.assign(
        edss_before=np.nan,
        disease_duration_years=5.0,
        relapses_pre_year=cohort["age_at_delivery"] * 2 - 3,
    )
    table = predictors(spoilt, person_time)
    together = "multivariable"
    assert "missing for every" in row_of(table, together, "edss_before")["reason"]
    assert "same for every" in row_of(table, together, "disease_duration_years")["reason"]
    assert "combination" in row_of(table, together, "relapses_pre_year")["reason"]
    assert row_of(table, together, "age_at_delivery")["status"] == "ok"
    assert row_of(table, together, "age_at_delivery")["pregnancies"] == len(cohort)


def test_a_level_without_a_relapse_leaves_the_others_as_they_were() -> None:
    cohort, person_time = study(BIG)
    classes = cohort["dmt_class"].replace("high", "moderate")
    quiet = np.flatnonzero(person_time["relapses"] == 0)[:8]
    with_quiet = classes.copy()
    with_quiet.iloc[quiet] = "high"
    table = predictors(cohort.assign(dmt_class=with_quiet), person_time)
    row = row_of(table, "univariable", "dmt_before", "high")
    assert row["status"] == "not_estimable" and "no relapse" in row["reason"]
    left = np.setdiff1d(np.arange(len(cohort)), quiet)
    fewer = person_time.iloc[left].assign(pregnancy=range(left.size)).reset_index(drop=True)
    reduced = predictors(cohort.assign(dmt_class=classes).iloc[left].reset_index(drop=True), fewer)
    for column in NUMBERS:
        assert row_of(table, "univariable", "dmt_before", "moderate")[column] == pytest.approx(
            row_of(reduced, "univariable", "dmt_before", "moderate")[column], rel=1e-9
        )


def test_reference_without_a_relapse_gives_way() -> None:
    cohort, person_time = study(BIG)
    quiet = (person_time["relapses"] == 0).to_numpy() & (np.arange(len(cohort)) % 4 == 0)
    rest = np.where(np.arange(len(cohort)) % 2 == 0, "moderate", "high")
    table = predictors(cohort.assign(dmt_class=np.where(quiet, "none", rest)), person_time)
    none = row_of(table, "univariable", "dmt_before", "none")
    assert none["reference"] == "moderate" and none["status"] == "not_estimable"
    assert row_of(table, "univariable", "dmt_before", "high")["status"] == "ok"


def test_one_woman_carries_no_coefficient() -> None:
    cohort, person_time = study(BIG)
    classes = cohort["dmt_class"].replace("none", "moderate")
    first = int(np.flatnonzero(person_time["relapses"] > 0)[0])
    alone = classes.where(classes.index != first, "none")
    edss = cohort["edss_before"].mask(cohort["edss_before"] >= 0, 2.0).where(cohort.index != first, 6.0)
    table = predictors(cohort.assign(dmt_class=alone, edss_before=edss), person_time)
    for level in ("moderate", "high"):
        row = row_of(table, "univariable", "dmt_before", level)
        assert row["reference"] == "none" and "one woman" in row["reason"]
    assert "one woman" in row_of(table, "univariable", "edss_before")["reason"]
    together = row_of(table, "multivariable", "age_at_delivery")
    assert together["status"] in ("ok", "fallback")


def test_relapses_behind_a_ratio_are_counted_for_the_gate() -> None:
    cohort, person_time = study(BIG)
    row = row_of(predictors(cohort, person_time), "univariable", "ivig")
    assert (row["relapses_level"], row["relapses_reference"]) == (3 * sum(SOME), 3 * sum(OTHER))
    crude = primary(contrasts(BIG, PAIR))
    assert (crude["relapses_numerator"], crude["relapses_denominator"]) == (3 * sum(OTHER), 3 * sum(SOME))


def test_one_arm_has_no_ratio_of_ivig() -> None:
    table = predictors(*study({"all": {"treated": SOME * 3}}), {"all": "all"})
    ivig = row_of(table, "multivariable", "ivig")
    assert ivig["status"] == "not_estimable" and "no other arm" in ivig["reason"]
    assert row_of(table, "multivariable", "age_at_delivery")["status"] == "ok"


def test_more_coefficients_than_pregnancies() -> None:
    table = predictors(*study(pair([1, 0, 2], [0, 1, 1])))
    assert set(table.loc[table["model"] == "multivariable", "status"]) == {"not_estimable"}


def test_holm_counts_predictors_not_levels() -> None:
    table = predictors(*study(BIG))
    family = table[table["model"] == "univariable"].drop_duplicates("predictor")
    smallest = family["p_joint"].min()
    assert family.loc[family["p_joint"].idxmin(), "p_holm"] == pytest.approx(min(1, 6 * smallest))


@pytest.mark.parametrize("arms", [pair([0] * 5, [0] * 5), pair([1], [0]), pair(SOME, [0] * 5), BIG])
def test_tables_hold_no_nan_in_words_and_no_infinity(arms: dict, tmp_path) -> None:
    _, person_time = study(arms)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for table in (estimate_rates(person_time, 0.95), measure_dispersion(person_time)):
            write_table(tmp_path / "table.csv", table)
            cells = (tmp_path / "table.csv").read_text().lower().replace("\n", ",").split(",")
            assert not {"nan", "inf", "-inf"} & set(cells)


def test_rates_of_one_relapse_and_of_none() -> None:
    table = estimate_rates(study(pair([0, 0, 1], [0, 0]))[1], 0.95).set_index(
        ["group", "arm", "site", "period"]
    )
    treated = table.loc[("arm", "treated", "all", PERIOD)]
    years = 3 * 365 / 365.25
    # Garwood: exp(-u)(1 + u) = 0.025 above, 1 - exp(-l) = 0.025 below.
    assert treated["lower"] * years == pytest.approx(-np.log(0.975))
    above = treated["upper"] * years
    assert np.exp(-above) * (1 + above) == pytest.approx(0.025)
    untreated = table.loc[("arm", "untreated", "all", PERIOD)]
    assert untreated["rate"] == 0 and untreated["lower"] == 0
    assert untreated["upper"] == pytest.approx(-np.log(0.025) / (2 * 365 / 365.25))
    assert pd.isna(untreated["robust_lower"])
    empty = table.loc[("arm", "treated", "all", "trimester_1")]
    assert empty["pregnancies"] == 0 and pd.isna(empty["rate"])
