"""The release gate: the answer is read off small tables."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from gravida.disclosure import RULES, release_tables
from gravida.disclosure.case import Case, finer_levels, partners
from gravida.disclosure.earlier import keys_of
from gravida.errors import ReleaseRefused
from gravida.statistics.baseline import _smd

from schemas.release import RELEASED, STAY, roles_of
from tests.disclosure.hand_made import (
    NORTH,
    SOUTH,
    Site,
    attrition,
    identifiability,
    ratio,
    relapse_rates,
    table,
    with_counts,
)

QUARTERS = tuple(f"postpartum_q{quarter}" for quarter in (1, 2, 3, 4))
NUMBERS = ["pregnancies", "women", "relapses", "person_years"]
DERIVED = ["rate", "lower", "upper", "robust_lower", "robust_upper"]
NOBODY = dict.fromkeys(("women", "pregnancies", "relapses", "women_with_relapse", "relapses_most"), 0)


def row_of(rates: pd.DataFrame, min_women: int = 5) -> pd.Series:
    """Return the row of the treated in the year after delivery, as it leaves."""
    out = release_tables({"relapse_rates": rates}, min_women).tables["relapse_rates"]
    here = (out["group"] == "arm") & (out["arm"] == "treated") & (out["period"] == "postpartum_year")
    return out[here].iloc[0]


def released(min_women: int = 5, **changes) -> pd.Series:
    """Return that row, of which some cells are changed before the gate."""
    return row_of(relapse_rates(NORTH, SOUTH, treated__postpartum_year=changes), min_women)


def with_relapses(year: int) -> pd.DataFrame:
    """Return rates of which the treated have these relapses after delivery, all in its first quarter."""
    counts = dict(zip(QUARTERS, (year, 0, 0, 0), strict=True))
    return relapse_rates(with_counts(NORTH, **counts), SOUTH)


def test_enough_women_leave_as_they_are() -> None:
    rates = relapse_rates(NORTH, SOUTH)
    out = release_tables({"relapse_rates": rates}, 5).tables["relapse_rates"]
    assert not out["suppressed"].any()
    # But for what only the gate reads.
    guards = ["women_with_relapse", "relapses_most"]
    pd.testing.assert_frame_equal(out.drop(columns="suppressed"), rates.drop(columns=guards))


@pytest.mark.parametrize("women", [1, 2, 3, 4])
def test_few_women_take_every_number_with_them(women: int) -> None:
    row = released(women=women, pregnancies=7)
    assert row["suppressed"]
    assert row[[*NUMBERS, *DERIVED]].isna().all()
    assert row["period"] == "postpartum_year"


def test_five_women_are_enough_and_none_is_no_secret() -> None:
    assert not released(women=5)["suppressed"]
    nothing = dict.fromkeys([*DERIVED], None)
    row = released(**NOBODY, **nothing, person_years=0)
    assert not row["suppressed"] and row["women"] == 0


@pytest.mark.parametrize("relapses", [1, 4])
def test_a_small_count_takes_what_follows_from_it(relapses: int) -> None:
    """Women, pregnancies and person-years do not follow from relapses, so they stay."""
    row = row_of(with_relapses(relapses))
    assert row["suppressed"]
    assert row[["relapses", *DERIVED]].isna().all()
    assert (row["women"], row["pregnancies"]) == (40, 40)
    assert row["person_years"] == pytest.approx(40 * 365 / 365.25)


@pytest.mark.parametrize("women", [1, 4])
def test_many_relapses_of_few_women_are_few(women: int) -> None:
    row = released(women_with_relapse=women)
    assert row[["relapses", *DERIVED]].isna().all()
    assert row["women"] == 40


@pytest.mark.parametrize(("most", "withheld"), [(15, False), (16, True)])
def test_one_woman_may_have_half_of_the_relapses_and_no_more(most: int, withheld: bool) -> None:
    """The treated have 30."""
    assert pd.isna(released(relapses_most=most)["relapses"]) == withheld


def test_no_relapse_is_kept() -> None:
    row = row_of(with_relapses(0))
    assert not row["suppressed"] and row["relapses"] == 0 and row["rate"] == 0


def test_the_threshold_can_be_raised() -> None:
    assert released(min_women=41)[[*NUMBERS, *DERIVED]].isna().all()
    assert not released(min_women=6)["suppressed"]


def test_what_has_no_role_cannot_leave() -> None:
    rates = relapse_rates(NORTH, SOUTH)
    with pytest.raises(ReleaseRefused, match="diary"):
        release_tables({"relapse_rates": rates.assign(diary="x")}, 5)
    with pytest.raises(ReleaseRefused, match="rows"):
        release_tables({"rows": rates}, 5)


def test_the_input_is_left_alone() -> None:
    rates = with_relapses(2)
    before = rates.copy()
    release_tables({"relapse_rates": rates}, 5)
    pd.testing.assert_frame_equal(rates, before)


def test_treated_women_of_a_policy_site() -> None:
    sites = [Site("a", "all", NORTH.relapses, women=30), Site("b", "none", NORTH.relapses, women=30)]
    internal = {"identifiability": identifiability(*sites, treated={"b": 2})}
    out = release_tables(internal, 5).tables["identifiability"]
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
        **{"women_with_relapse": 26, "women_with_relapse_level": 3, "women_with_relapse_reference": 23},
    }
    out = release_tables({"predictors": table("predictors", [predictor])}, 5).tables["predictors"]
    assert out["suppressed"].all()
    assert out[["rate_ratio", "p_value", "imputed_rate_ratio", "relapses_level"]].isna().all(axis=None)
    zeros = {"period": "pregnancy", "test": "zeros", "reason": "", "statistic": 126.0, "p_value": None}
    zeros |= {"value": 126.1, "pregnancies": 130, "women": 120, "relapses": 4}
    row = release_tables({"dispersion": table("dispersion", [zeros])}, 5).tables["dispersion"].iloc[0]
    assert pd.isna(row["statistic"]) and pd.isna(row["value"])


def test_a_mean_of_relapses_goes_with_the_relapses_and_its_number_stays() -> None:
    rows = [
        {"variable": "relapses_pregnancy", "level": "", "statistic": "mean", "arm": arm}
        | {"value": mean, "women": 40}
        for arm, mean in (("treated", 2 / 40), ("untreated", 24 / 40))
    ]
    internal = {"baseline": table("baseline", rows)}
    pregnancy = dict.fromkeys(("trimester_1", "trimester_2", "trimester_3"), 0)
    for relapses, withheld in ((2, True), (10, False)):
        north = with_counts(NORTH, **(pregnancy | {"trimester_1": relapses}))
        out = release_tables(internal | {"relapse_rates": relapse_rates(north, SOUTH)}, 5).tables["baseline"]
        assert out["value"].isna().tolist() == [withheld] * 2
        assert out["women"].tolist() == [40, 40]


def test_every_table_has_someone_to_count() -> None:
    leaving = {"label", "remark", "denominator", "count", "own", "events", "time", "derived", "estimate"}
    for name, schema in RELEASED.items():
        roles = {spec.metadata["sdc"] for spec in schema.columns.values() if spec.metadata}
        assert roles <= leaving
        assert {role for column, role in roles_of(name).items() if column not in schema.columns} <= {*STAY}
        # The audit goes by published numbers alone.
        assert roles & {"denominator", "count"} or name == "evidence_audit", name


def test_relapses_of_arms_are_judged_by_the_women_who_had_them() -> None:
    """Every column of relapses that follow from an arm or a level has its number of women beside it."""
    for name in RELEASED:
        columns = roles_of(name)
        for column in columns:
            if column.startswith(("relapses_", "relapsed_")) and columns[column] == "events":
                women = column.replace("relapses_", "women_with_relapse_").replace(
                    "relapsed_", "women_relapsed_"
                )
                assert columns.get(women) == "guard", (name, column)


def ratio_row(**changes: object) -> pd.Series:
    """Return a released row of `sensitivity`, with some cells changed."""
    row = {"scenario": "primary", **ratio(reason="something was said"), **changes}
    return release_tables({"sensitivity": table("sensitivity", [row])}, 5).tables["sensitivity"].iloc[0]


def test_a_ratio_whose_arm_is_a_few_women_does_not_leave() -> None:
    row = ratio_row(women_denominator=1, relapses_denominator=0, women_with_relapse_denominator=0)
    assert row["suppressed"] and pd.isna(row["rate_ratio"]) and pd.isna(row["women_denominator"])
    assert not ratio_row()["suppressed"]


def test_a_ratio_whose_relapses_are_of_a_few_women_does_not_leave() -> None:
    row = ratio_row(women_with_relapse_numerator=4)
    assert row[["rate_ratio", "lower", "upper", "p_value", "relapses", "relapses_numerator"]].isna().all()
    assert (row["women"], row["women_numerator"]) == (80, 40)


def test_the_reason_goes_with_a_row_on_a_few_women() -> None:
    """Few relapses leave the remark where it is."""
    assert ratio_row(relapses_numerator=2)["reason"] == "something was said"
    assert pd.isna(ratio_row(women=2)["reason"])


def test_a_standardised_difference_tells_the_smaller_group_that_is_there() -> None:
    one = {"treated": (0.0, 0.0, 0), "untreated": (1 / 61, 60 / 61**2, 1)}
    assert _smd(one)[1] == 1
    assert _smd({"treated": (0.2, 0.16, 12), "untreated": (0.3, 0.21, 18)})[1] == 12


def test_a_sum_over_a_silent_cell_does_not_leave_if_the_other_is_small() -> None:
    row = {
        **{"term": "untreated/treated in postpartum_q4", "status": "not_estimable", "reason": "no relapse"},
        **{"pregnancies": 100, "women": 90, "relapses": 4, "relapses_smallest_cell": 4},
    }
    out = release_tables({"longitudinal": table("longitudinal", [row])}, 5).tables["longitudinal"].iloc[0]
    assert pd.isna(out["relapses"]) and pd.isna(out["relapses_smallest_cell"])
    assert out["women"] == 90


# What is told of the decisions


def test_each_withheld_cell_has_one_decision_with_a_rule() -> None:
    internal = {"relapse_rates": with_relapses(3), "attrition": attrition(NORTH, SOUTH)}
    gate = release_tables(internal, 5)
    told = {tuple(row) for row in gate.decisions[["table", "row", "column"]].itertuples(index=False)}
    assert len(told) == len(gate.decisions) > 0
    emptied = {
        (name, row, column)
        for name, out in gate.tables.items()
        for column in out.columns.drop("suppressed")
        for row in out.index[out[column].isna() & internal[name][column].notna()]
    }
    leaving = {(name, row, column) for name, row, column in told if column in RELEASED[name].columns}
    assert leaving == emptied
    assert set(gate.decisions["rule"]) <= set(RULES)
    for name, out in gate.tables.items():
        rows = {row for of, row, _ in leaving if of == name}
        assert set(out.index[out["suppressed"]]) == rows


def test_the_first_rule_that_withholds_a_cell_is_told() -> None:
    gate = release_tables({"relapse_rates": with_relapses(3)}, 5)
    rates = with_relapses(3)
    rule = gate.decisions.query("column == 'relapses'").set_index("row")["rule"]
    few, none = rates["relapses"].eq(3), rates["relapses"].eq(0)
    assert set(rule[rates.index[few]]) == {"few_women"}
    assert set(rule.drop(rates.index[few])) == {"parts"} and not set(rates.index[none]) & {
        row for row, code in rule.items() if code == "few_women"
    }


def test_counts_of_a_release_are_those_of_rows_that_left() -> None:
    rates = relapse_rates(with_counts(NORTH, trimester_1=3), SOUTH)
    few = relapse_rates(Site("north", "all", NORTH.relapses, women=3), SOUTH)
    assert set(release_tables({"relapse_rates": rates}, 5).counts["relapse_rates"]) == set(
        keys_of("relapse_rates", rates)
    )
    left = release_tables({"relapse_rates": few}, 5).counts["relapse_rates"]
    assert not [key for key in left if key.startswith(("arm|treated", "site|all|north"))]
    key = next(key for key in left if key.startswith("arm|untreated|all|pregnancy"))
    assert {"women": 40.0, "relapses": 24.0, "women_with_relapse": 24.0}.items() <= left[key].items()


# Two releases


def releases(*later: Site) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rates of NORTH and SOUTH as they leave first, and of other sites as they leave next."""

    def tables(sites: Sequence[Site]) -> dict[str, pd.DataFrame]:
        return {
            "relapse_rates": relapse_rates(*sites),
            "attrition": attrition(*sites),
            "identifiability": identifiability(*sites),
        }

    first = release_tables(tables([NORTH, SOUTH]), 5)
    return first.tables, release_tables(tables(later), 5, earlier=[first.counts]).tables


def differences(first: dict, second: dict, column: str) -> np.ndarray:
    """Return by how much a number rose in the rates of the arms."""
    on = ["group", "arm", "site", "period"]
    both = first["relapse_rates"].merge(second["relapse_rates"], on=on, suffixes=("", "_after"))
    return (both[f"{column}_after"] - both[column]).dropna().to_numpy()


def test_a_small_site_that_joins_is_hidden_from_who_has_both_releases() -> None:
    """Of a site of three women nothing; of one of twelve with three relapses a year, not the relapses."""
    relapses = (3, 1, 1, 1, 1, 0, 1, 1)
    first, second = releases(NORTH, SOUTH, Site("east", "all", relapses, women=3))
    for column in ("women", "pregnancies", "relapses", "person_years", "rate"):
        assert set(differences(first, second, column)) <= {0.0}
    sent = second["attrition"].query("step == 'submitted'").set_index("site")["women"]
    assert sent[["all", "east"]].isna().all()
    first, second = releases(NORTH, SOUTH, Site("east", "all", relapses, women=12))
    assert set(differences(first, second, "women")) == {0.0, 12.0}
    assert set(differences(first, second, "relapses")) <= {0.0}
    assert set(differences(first, second, "rate")) <= {0.0}


def test_a_large_site_that_joins_is_told() -> None:
    first, second = releases(NORTH, SOUTH, Site("east", "all", NORTH.relapses))
    assert set(differences(first, second, "women")) == {0.0, 40.0}
    assert 30.0 in differences(first, second, "relapses")
    assert not second["relapse_rates"]["suppressed"].any()


def test_the_same_numbers_leave_again() -> None:
    first, second = releases(NORTH, SOUTH)
    for name, out in first.items():
        pd.testing.assert_frame_equal(out, second[name])


# What the rules have in common


def test_partners_are_two_at_least_and_hide_enough() -> None:
    def chosen(counts: list[int], must: list[bool]) -> list[bool]:
        return partners(pd.DataFrame({"n": counts}), pd.Series(must), 5).tolist()

    none = [False] * 4
    assert chosen([20, 15, 8, 3], none) == none
    # The smallest that is there; a level that nobody has hides nothing.
    assert chosen([20, 15, 8, 3], [False, False, False, True]) == [False, False, True, True]
    assert chosen([20, 15, 0, 3], [False, False, False, True]) == [False, True, False, True]
    # Two that are withheld anyway, 4 together: a third.
    assert chosen([20, 15, 1, 3], [False, False, True, True]) == [False, True, True, True]
    assert chosen([20, 15, 2, 3], [False, False, True, True]) == [False, False, True, True]


def test_partners_hide_every_sum() -> None:
    counts = pd.DataFrame({"women": [20, 6, 3], "relapses": [9, 0, 2]})
    must = pd.Series([False, False, True])
    assert partners(counts[["women"]], must, 5).tolist() == [False, True, True]
    assert partners(counts, must, 5).tolist() == [True, True, True]


def test_a_level_has_the_levels_that_add_up_to_it_below() -> None:
    levels = ["all", "arms", "sites all", "sites none"]
    assert sorted(finer_levels("all", levels)) == sorted(levels)
    assert sorted(finer_levels("arms", levels)) == ["arms", "sites all", "sites none"]
    assert finer_levels("sites all", levels) == ["sites all"]


def test_small_is_above_none_and_below_the_threshold() -> None:
    case = Case({}, 5, {})
    assert case.small(pd.Series([0, 1, 4, 5, np.nan])).tolist() == [False, True, True, False, False]
    assert case.near(10, [10, 14]) and not case.near(10, [10, 15]) and not case.near(10, [])
