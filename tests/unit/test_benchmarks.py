"""The harness of the benchmarks: what is void, what is reached, what a process costs. Nothing is timed."""

import csv
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import phases, registries, report
from benchmarks.measure import ENDED_BY_US, Measurement, largest_difference, measured, run
from benchmarks.sides import GROUPS, too_much
from benchmarks.studies import correct_one_cell
from benchmarks.verdicts import GEE, ROWS, WHOLE, exponent, faults, ratio, targets

MODEL = {"beta": [0.5, 1e-9], "errors": [0.1, 0.2], "alpha": None}


def taking(program: str, size: int, seconds: float, numbers: dict | None = None) -> Measurement:
    """Return a GEE that took so long."""
    laps = {"gee": {"wall": seconds, "cpu": seconds}}
    return Measurement(program, size, "gee", seconds + 1, seconds + 1, 2**30, laps, numbers or {"gee": MODEL})


def slightly_other(share: float) -> dict:
    return {"gee": MODEL | {"beta": [0.5 * (1 + share), 1e-9]}}


def test_a_difference_is_a_share_of_the_number() -> None:
    assert largest_difference({"a": [1.0, 200.0]}, {"a": [1.0, 201.0]}) == pytest.approx(1 / 201)
    assert largest_difference({"a": 0, "b": None}, {"a": 0.0, "b": None}) == 0


def test_a_coefficient_near_nothing_is_held_against_its_error() -> None:
    other = MODEL | {"beta": [0.5, 3e-9]}
    assert largest_difference({"m": MODEL}, {"m": other}) == pytest.approx(2e-9 / 0.2)
    # An error is held against itself.
    other = MODEL | {"errors": [0.1, 0.21]}
    assert largest_difference({"m": MODEL}, {"m": other}) == pytest.approx(0.01 / 0.21)


@pytest.mark.parametrize(
    "other", [{"a": 1.0}, {"a": 1.0, "b": None}, {"a": 1.0, "b": math.nan}, {"a": 1.0, "b": "NA"}]
)
def test_a_number_that_is_missing_is_infinitely_far(other: dict) -> None:
    assert largest_difference({"a": 1.0, "b": 2.0}, other) == math.inf


def test_a_row_with_other_numbers_is_void() -> None:
    runs = [taking("gravida", 132, 1.0), taking("R", 132, 3.0, slightly_other(1e-4))]
    assert math.isnan(ratio(runs, 132, GEE))
    assert faults(runs) == ["void at 132, gee: differs by 1.0e-04"]
    assert "| void: differs by 1e-04 |" in report.page(
        {"day": "", "facts": {}, "sides": [r.plain() for r in runs]}
    )


def test_a_row_with_the_same_numbers_is_a_ratio() -> None:
    runs = [taking("gravida", 132, 1.0), taking("R", 132, 3.0, slightly_other(1e-8))]
    assert ratio(runs, 132, GEE) == pytest.approx(3)
    assert not faults(runs)


def test_what_failed_is_told_and_what_was_not_tried_is_no_fault() -> None:
    runs = [
        Measurement("gravida", 132, "gee", why="took longer than 9 s"),
        Measurement("R", 132, "gee", why="R is not here"),
        Measurement("R", 132, "cox", why="failed: Execution halted"),
    ]
    assert faults(runs) == [
        "R at 132, cox: failed: Execution halted",
        "gravida at 132, gee: took longer than 9 s",
    ]
    page = report.page({"day": "", "facts": {}, "sides": [each.plain() for each in runs]})
    assert "R is not here" in page


def test_the_median_of_several_runs_counts() -> None:
    runs = [taking("gravida", 132, seconds) for seconds in (1.0, 50.0, 2.0)] + [taking("R", 132, 4.0)]
    assert ratio(runs, 132, GEE) == pytest.approx(2)


def test_growth_is_the_power_of_large_sizes_only() -> None:
    runs = [taking("gravida", size, 1e-5 * size**1.1) for size in (100_000, 1_000_000, 10_000_000)]
    assert exponent([*runs, taking("gravida", 132, 77.0)], "gravida", GEE) == pytest.approx(1.1)
    assert math.isnan(exponent(runs[:1], "gravida", GEE))


def test_what_is_asked_is_reached_or_not_or_not_measured() -> None:
    runs = [taking("gravida", 100_000, 2.0), taking("R", 100_000, 1.0)]
    times = {"first run": 30.0, "one site sent other data": 20.5, "nothing to do": 2.0}
    study = {name: {"wall": wall, "cpu": wall, "peak": 1.0} for name, wall in times.items()}
    found = {"sides": [each.plain() for each in runs], "studies": {"shipped": study}}
    verdicts = {each.asked: each.verdict for each in targets(found)}
    assert verdicts["100,000: GEE as fast as geepack"] == "no"
    assert verdicts["shipped study: first run within 35 s"] == "yes"
    assert verdicts["shipped study: one site again within 20 s"] == "no"
    assert verdicts["300 sites: first run within 15 min"] == "not measured"


def test_r_is_spared_what_would_not_fit_or_end() -> None:
    before = Measurement("R", 100_000, "gee", wall=30.0, peak=10**9)
    assert too_much(before, 1_000_000, 100 * 10**9) == ""
    assert too_much(before, 10_000_000, 100 * 10**9).startswith("does not fit")
    assert too_much(before, 10_000_000, 10**12).startswith("not run: about 50 min")
    assert too_much(Measurement("R", 100_000, "gee", why="R is not here"), 10**6, 1) == "R is not here"
    # What starts cost says nothing of a large registry.
    assert too_much(Measurement("R", 132, "gee", wall=9.0), 10_000_000, 10**9) == ""


def test_a_process_is_measured_and_ended_when_it_takes_too_long(tmp_path: Path) -> None:
    cost = run([sys.executable, "-c", "x = bytearray(100 * 2**20); print('{}')"], folder=tmp_path)
    assert (cost.code, cost.text) == (0, "{}\n")
    assert cost.peak > 100 * 2**20
    assert run(["sleep", "60"], limit=0.1).code == ENDED_BY_US
    failed = run([sys.executable, "-c", "import sys; sys.exit('of no use')"])
    assert measured("R", 132, "gee", failed).why == "failed: of no use"


def test_a_registry_of_several_parts_goes_through_every_phase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registries, "PART", 400)
    registries.write_registry(tmp_path / "study", 1201)
    laps, numbers = phases.Laps(), {}
    for group in GROUPS["whole"]:
        numbers[group] = phases.GROUPS[group](tmp_path / "study", tmp_path / "work", laps)
    assert numbers["read"]["pregnancies"] == 1201
    assert {row.group for row in ROWS} == set(GROUPS) >= set(numbers)
    assert {phase for row in ROWS for phase in row.phases} == set(laps.seconds)
    for model in ("poisson", "negative_binomial", "gee"):
        assert np.isfinite([*numbers[model]["adjusted"]["beta"], *numbers[model]["adjusted"]["errors"]]).all()
    # The arms alone: the ratio of the clustered models is that of the rates.
    rates = [numbers["rates"][f"arm {arm} all"][0] for arm in phases.ARMS]
    assert numbers["poisson"]["unadjusted"]["beta"][1] == pytest.approx(np.log(rates[0] / rates[1]))
    assert WHOLE.phases == ()


def test_no_site_of_a_registry_is_larger_than_a_table_may_be() -> None:
    assert registries.sites_of(133) == {"north": 66, "south": 67}
    many = registries.sites_of(10_000_001)
    assert list(many) == [f"{site}_{number}" for site in ("north", "south") for number in range(1, 5)]
    assert sum(many.values()) == 10_000_001 and max(many.values()) <= registries.LARGEST_SITE


def test_the_registry_is_the_same_each_time() -> None:
    first, again = (registries.draw_part("north", 3, 50) for _ in range(2))
    assert first == again
    assert first["pregnancies"].splitlines()[1].startswith(b"P003_0001,W003_0001,")


def test_one_cell_is_corrected(tmp_path: Path) -> None:
    path = tmp_path / "pregnancies.csv"
    path.write_text("pregnancy_id,visits_post_year\nP1,\nP2,3\nP3,4\n", encoding="utf-8")
    correct_one_cell(path)
    with path.open(encoding="utf-8") as file:
        assert [row[1] for row in csv.reader(file)][1:] == ["", "4", "4"]
