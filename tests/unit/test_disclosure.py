"""The release gate: the answer is read off small tables."""

import pandas as pd
import pytest
from gravida.disclosure import release_tables
from gravida.errors import ReleaseRefused
from gravida.statistics.baseline import _smd

from schemas.release import RELEASED

RATE = {
    "group": "arm",
    "arm": "treated",
    "site": "all",
    "period": "postpartum_year",
    "pregnancies": 20,
    "women": 18,
    "relapses": 6,
    "person_years": 19.9,
    "rate": 0.3,
    "lower": 0.1,
    "upper": 0.6,
    "robust_lower": 0.1,
    "robust_upper": 0.7,
}
NUMBERS = [name for name, value in RATE.items() if not isinstance(value, str)]
DERIVED = ["person_years", "rate", "lower", "upper", "robust_lower", "robust_upper"]


def released(min_women: int = 5, **changes) -> pd.Series:
    table = pd.DataFrame([RATE | changes])
    return release_tables({"relapse_rates": table}, min_women)["relapse_rates"].iloc[0]


def test_enough_women_leave_as_they_are() -> None:
    row = released()
    assert not row["suppressed"]
    assert row[list(RATE)].tolist() == list(RATE.values())


@pytest.mark.parametrize("women", [1, 2, 3, 4])
def test_few_women_take_every_number_with_them(women: int) -> None:
    row = released(women=women, pregnancies=7)
    assert row["suppressed"]
    assert row[NUMBERS].isna().all()
    assert row["period"] == "postpartum_year"


def test_five_women_are_enough_and_none_is_no_secret() -> None:
    assert not released(women=5)["suppressed"]
    row = released(women=0, pregnancies=0, relapses=0, person_years=0, rate=None)
    assert not row["suppressed"] and row["women"] == 0


@pytest.mark.parametrize("relapses", [1, 4])
def test_a_small_count_takes_what_follows_from_it(relapses: int) -> None:
    row = released(relapses=relapses)
    assert row["suppressed"]
    assert row[["relapses", *DERIVED]].isna().all()
    assert (row["women"], row["pregnancies"]) == (18, 20)


def test_no_relapse_is_kept() -> None:
    row = released(relapses=0, rate=0.0, lower=0.0)
    assert not row["suppressed"] and row["relapses"] == 0


def test_the_threshold_can_be_raised() -> None:
    assert released(min_women=19)["suppressed"]
    assert not released(min_women=6)["suppressed"]


def test_what_has_no_role_cannot_leave() -> None:
    with pytest.raises(ReleaseRefused, match="diary"):
        release_tables({"relapse_rates": pd.DataFrame([RATE | {"diary": "x"}])}, 5)
    with pytest.raises(ReleaseRefused, match="rows"):
        release_tables({"rows": pd.DataFrame([RATE])}, 5)


def test_the_input_is_left_alone() -> None:
    table = pd.DataFrame([RATE | {"women": 2}])
    release_tables({"relapse_rates": table}, 5)
    assert table["women"].tolist() == [2]


def test_treated_women_of_a_policy_site() -> None:
    table = pd.DataFrame(
        {
            "site": ["a", "b"],
            "policy": ["all", "none"],
            "pregnancies": [30, 30],
            "women": [25, 25],
            "treated": [30, 2],
            "share_treated": [1.0, 2 / 30],
        }
    )
    out = release_tables({"identifiability": table}, 5)["identifiability"]
    assert out["suppressed"].tolist() == [False, True]
    assert out["treated"].isna().tolist() == [False, True]
    assert out["share_treated"].isna().tolist() == [False, True]


def test_estimates_give_away_no_withheld_count() -> None:
    predictor = {
        **dict.fromkeys(("model", "predictor", "level", "reference", "status", "reason"), "x"),
        **dict.fromkeys(("rate_ratio", "lower", "upper", "p_value", "p_joint", "p_holm"), 0.5),
        **dict.fromkeys(("p_nonlinear", "imputed_rate_ratio", "imputed_lower"), 0.5),
        **dict.fromkeys(("imputed_upper", "imputed_p_value"), 0.5),
        **{"pregnancies": 90, "women": 80, "relapses": 30, "relapses_level": 3, "relapses_reference": 27},
    }
    row = release_tables({"predictors": pd.DataFrame([predictor])}, 5)["predictors"].iloc[0]
    assert row["suppressed"] and pd.isna(row["rate_ratio"]) and pd.isna(row["p_value"])
    zeros = {"period": "pregnancy", "test": "zeros", "reason": "", "statistic": 126.0, "p_value": None}
    zeros |= {"value": 126.1, "pregnancies": 130, "women": 120, "relapses": 4}
    row = release_tables({"dispersion": pd.DataFrame([zeros])}, 5)["dispersion"].iloc[0]
    assert pd.isna(row["statistic"]) and pd.isna(row["value"])
    mean = {"variable": "relapses_pregnancy", "level": "", "statistic": "mean", "arm": "treated"}
    mean |= {"value": 2 / 70, "women": 60, "women_with_event": 2}
    row = release_tables({"baseline": pd.DataFrame([mean])}, 5)["baseline"].iloc[0]
    assert pd.isna(row["value"]) and row["women"] == 60


def test_every_table_has_someone_to_count() -> None:
    for name, schema in RELEASED.items():
        roles = {spec.metadata["sdc"] for spec in schema.columns.values() if spec.metadata}
        assert roles <= {"label", "remark", "denominator", "count", "derived", "estimate"}
        # The audit goes by published numbers alone.
        assert roles & {"denominator", "count"} or name == "evidence_audit", name


def ratio_row(**changes: object) -> pd.DataFrame:
    """Return a released row of `sensitivity`, with some cells changed."""
    row = {
        **{"scenario": "primary", "rate_ratio": 1.4, "lower": 0.7, "upper": 2.6, "p_value": 0.3},
        **{"pregnancies": 90, "women": 80, "women_numerator": 40, "women_denominator": 40, "relapses": 30},
        **{"relapses_numerator": 17, "relapses_denominator": 13, "model": "poisson", "covariance": "model"},
        **{"adjusted_for": "none", "status": "ok", "reason": "something was said"},
    }
    return release_tables({"sensitivity": pd.DataFrame([row | changes])}, 5)["sensitivity"].iloc[0]


def test_a_ratio_whose_arm_is_a_few_women_does_not_leave() -> None:
    row = ratio_row(women_denominator=1, relapses_denominator=0)
    assert row["suppressed"] and pd.isna(row["rate_ratio"]) and pd.isna(row["women_denominator"])
    assert not ratio_row()["suppressed"]


def test_the_reason_goes_with_a_row_on_a_few_women() -> None:
    assert pd.isna(ratio_row(women=2)["reason"])
    assert ratio_row(relapses_numerator=2)["reason"] == "something was said"


def test_a_standardised_difference_tells_the_smaller_group_that_is_there() -> None:
    one = {"treated": (0.0, 0.0, 0), "untreated": (1 / 61, 60 / 61**2, 1)}
    assert _smd(one)[1] == 1
    assert _smd({"treated": (0.2, 0.16, 12), "untreated": (0.3, 0.21, 18)})[1] == 12


def test_a_sum_over_a_silent_cell_does_not_leave_if_the_other_is_small() -> None:
    row = {
        **{"term": "untreated/treated in postpartum_q4", "status": "not_estimable", "reason": "no relapse"},
        **dict.fromkeys(("rate_ratio", "lower", "upper", "p_value"), None),
        **dict.fromkeys(("gee_rate_ratio", "gee_lower", "gee_upper", "gee_p_value"), None),
        **{"pregnancies": 100, "women": 90, "relapses": 4, "relapses_smallest_cell": 4},
    }
    out = release_tables({"longitudinal": pd.DataFrame([row])}, 5)["longitudinal"].iloc[0]
    assert pd.isna(out["relapses"]) and pd.isna(out["relapses_smallest_cell"])
