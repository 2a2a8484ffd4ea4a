"""Windows, person-days and the 30-day rule, as arithmetic."""

import numpy as np
import pandas as pd
import pytest
from gravida.periods import (
    PERIODS,
    Window,
    count_onsets,
    observation,
    period_windows,
    retain_separate_onsets,
)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("pre_pregnancy_year", -645, -280),
        ("trimester_1", -280, -182),
        ("trimester_2", -182, -84),
        ("trimester_3", -84, 0),
        ("pregnancy", -280, 0),
        ("postpartum_q1", 0, 91),
        ("postpartum_q2", 91, 182),
        ("postpartum_q3", 182, 273),
        ("postpartum_q4", 273, 365),
        ("postpartum_6_months", 0, 182),
        ("postpartum_year", 0, 365),
    ],
)
def test_windows_of_a_pregnancy_of_280_days(period: str, start: int, end: int) -> None:
    window = period_windows(np.array([280]))[period]
    assert (window.start[0], window.end[0]) == (start, end)


def test_short_pregnancy_has_no_third_trimester_and_a_short_second() -> None:
    windows = period_windows(np.array([150]))
    assert windows["trimester_2"].end[0] - windows["trimester_2"].start[0] == 52
    assert windows["trimester_3"].start[0] == windows["trimester_3"].end[0] == 0


def test_parts_make_the_wholes() -> None:
    windows = period_windows(np.array([150, 196, 250, 280, 308]))
    days = {period: windows[period].end - windows[period].start for period in PERIODS}
    assert (days["trimester_1"] + days["trimester_2"] + days["trimester_3"] == days["pregnancy"]).all()
    quarters = sum(days[f"postpartum_q{quarter}"] for quarter in (1, 2, 3, 4))
    assert (quarters == days["postpartum_year"]).all()
    assert (days["postpartum_q1"] + days["postpartum_q2"] == days["postpartum_6_months"]).all()


def observed(**columns: int | None) -> tuple[int, int]:
    names = ("gestation_days", "observed_from_day", "observed_to_day", "next_conception_day")
    row = pd.DataFrame({name: pd.array([columns.get(name)], dtype="Int64") for name in names})
    window = observation(row)
    return int(window.start[0]), int(window.end[0])


def test_observation_defaults_and_cuts() -> None:
    assert observed() == (-645, 365)
    assert observed(gestation_days=266) == (-631, 365)
    assert observed(observed_from_day=-100, observed_to_day=200) == (-100, 200)
    assert observed(observed_to_day=800) == (-645, 800)
    assert observed(next_conception_day=250) == (-645, 250)
    assert observed(next_conception_day=250, observed_to_day=200) == (-645, 200)
    assert observed(next_conception_day=600) == (-645, 365)


def test_days_within() -> None:
    observed_days = Window(np.array([-100, -645, 400]), np.array([200, 0, 500]))
    year = period_windows(np.array([280, 280, 280]))["postpartum_year"]
    assert year.days_within(observed_days).tolist() == [200, 0, 0]


def test_count_onsets_is_half_open() -> None:
    window = Window(np.array([0, 0]), np.array([91, 91]))
    position, day = np.array([0, 0, 0, 0, 1]), np.array([-1, 0, 90, 91, 5])
    assert count_onsets(position, day, window).tolist() == [2, 1]


@pytest.mark.parametrize(
    ("days", "kept"),
    [
        ([10, 35, 60], [10, 60]),
        ([60, 10, 35], [60, 10]),
        ([0, 29], [0]),
        ([0, 30], [0, 30]),
        ([5, 5], [5]),
        ([0, 20, 40, 60], [0, 40]),
        ([-10, 15], [-10]),
    ],
)
def test_thirty_day_rule(days: list[int], kept: list[int]) -> None:
    day = np.array(days)
    retained = retain_separate_onsets(np.zeros(day.size, dtype=int), day, 30)
    assert day[retained].tolist() == kept


def test_thirty_day_rule_stays_inside_a_pregnancy_and_can_be_off() -> None:
    position, day = np.array([0, 1, 0]), np.array([10, 12, 20])
    assert retain_separate_onsets(position, day, 30).tolist() == [True, True, False]
    assert retain_separate_onsets(position, day, 0).tolist() == [True, True, True]
