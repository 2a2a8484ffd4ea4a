"""Times to relapse of whole studies, from files to tables, against an independent implementation in R.

Curves and differences are closed forms: 1e-9. Fits: 1e-6, which is where R's iterations stop.
"""

from functools import cache

import pandas as pd
import pytest
from gravida.statistics.identifiability import assess_identifiability
from gravida.statistics.survival import SurvivalSettings, SurvivalTables, estimate_survival

from tests.golden.test_studies import STUDIES
from tests.golden.test_studies import expected as study_expected
from tests.study import read_study

CLOSED, FITTED = 1e-9, 1e-6

studies = pytest.mark.parametrize("name", STUDIES)


def expected(name: str) -> dict:
    return study_expected(name)["time_to_relapse"]


@cache
def tables(name: str) -> SurvivalTables:
    cohort, policies = read_study(STUDIES[name])
    verdict = assess_identifiability(cohort.person_time, policies, "postpartum_year")
    settings = SurvivalSettings("untreated", "treated", 0.95)
    return estimate_survival(cohort.pregnancies, cohort.onsets, policies, settings, verdict)


def assert_row(row: pd.Series, reference: dict, tolerance: float, **names: str) -> None:
    """Compare every number that both have; names: column of the table -> key of the reference."""
    compared = {column: reference.get(names.get(column, column)) for column in row.index}
    for column, value in compared.items():
        if isinstance(value, str):
            assert row[column] == value, column
        elif value is not None:
            assert row[column] == pytest.approx(value, rel=tolerance), column
    assert row["status"] == "ok"


@studies
def test_every_share_equals_r(name: str) -> None:
    table = tables(name).relapse_free.set_index(["arm", "day"])
    for arm, reference in expected(name)["relapse_free"].items():
        for at in reference["days"]:
            row = table.loc[(arm, at["day"])]
            assert_row(row, at, CLOSED)
            assert (row["pregnancies"], row["women"]) == (reference["pregnancies"], reference["women"])
            assert pd.isna(row["lower"]) == (at["lower"] is None)


@studies
def test_every_risk_difference_equals_r(name: str) -> None:
    table = tables(name).risk_difference.set_index("day")
    for at in expected(name)["risk_difference"]:
        assert_row(table.loc[at["day"]], at, CLOSED)


@studies
def test_every_comparison_of_times_equals_r(name: str) -> None:
    table, reference = tables(name).time_to_relapse.set_index("method"), expected(name)
    assert_row(table.loc["cox"], reference["cox"], FITTED, estimate="rate_ratio")
    assert_row(table.loc["log_rank"], reference["log_rank"], CLOSED, estimate="chi_square")
    assert_row(table.loc["rmst_difference"], reference["rmst_difference"], CLOSED, estimate="days")
    test = reference["proportional_hazards"]
    assert_row(table.loc["proportional_hazards"], test, FITTED, estimate="chi_square")


@pytest.mark.parametrize("name", ["choice_sites", "mixed", "many_sites"])
def test_the_comparison_within_sites_equals_r(name: str) -> None:
    row = tables(name).time_to_relapse.set_index("method").loc["cox_by_site"]
    assert_row(row, expected(name)["cox_by_site"], FITTED, estimate="rate_ratio")


@pytest.mark.parametrize("name", ["policy_pair", "underdispersed", "bladder"])
def test_no_comparison_within_sites_where_there_is_none_or_one(name: str) -> None:
    assert "cox_by_site" not in set(tables(name).time_to_relapse["method"])


def test_a_site_that_dates_nothing_is_named() -> None:
    for table in (tables("mixed").relapse_free, tables("mixed").risk_difference):
        assert table["reason"].str.contains("1 of 4 sites does not date its relapses").all()
