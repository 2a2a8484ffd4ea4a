"""The run of the calibration: chunks, interruptions, processes, and the page and picture it ends with."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gravida.calibration import SCENARIOS, CalibrationSettings, calibrate, run
from gravida.calibration.draws import chunk_generator
from gravida.calibration.labels import METHODS as LABELS
from gravida.calibration.labels import describe
from gravida.calibration.page import calibration_page
from gravida.calibration.replicate import METHODS
from gravida.calibration.run import plan_chunks
from gravida.calibration.summary import COLUMNS
from gravida.errors import ConfigurationError
from gravida.figures.calibration import MARKS, draw_calibration

SEED = 20191111
FEW = tuple(s for s in SCENARIOS if s.name in ("alpha_0_null", "policy_6_sites"))
SETTINGS = CalibrationSettings(SEED, 6, 2)


def test_stopped_run_goes_on_and_ends_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # The library may be edited while its tests run.
    monkeypatch.setattr(run, "digest", lambda paths, root: "one code")
    whole = calibrate(tmp_path / "whole", SETTINGS, FEW)
    told: list[int] = []

    def stop(replicates: int) -> None:
        told.append(replicates)
        if len(told) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calibrate(tmp_path / "stopped", SETTINGS, FEW, advance=stop)
    assert told == [0, 2, 2, 2]
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / "stopped").rglob("*.csv")}
    assert len(finished) == 3
    told.clear()
    pd.testing.assert_frame_equal(calibrate(tmp_path / "stopped", SETTINGS, FEW, advance=told.append), whole)
    assert told == [6, 2, 2, 2]
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    more = calibrate(tmp_path / "stopped", CalibrationSettings(SEED, 8, 2), FEW, advance=told.append)
    assert told[4:] == [12, 2, 2]
    assert (more["replicates"] == 8).all()
    # Nothing of another code, another seed, or a chunk of another size is taken over.
    for other in (CalibrationSettings(SEED + 1, 6, 2), CalibrationSettings(SEED, 6, 3)):
        assert not any(chunk.path.exists() for chunk in plan_chunks(tmp_path / "stopped", other, FEW))
    monkeypatch.setattr(run, "digest", lambda paths, root: "another code")
    assert not any(chunk.path.exists() for chunk in plan_chunks(tmp_path / "stopped", SETTINGS, FEW))


def test_digest_holds_the_code_that_answers():
    files = {path for pattern in run.SOURCES for path in run.LIBRARY.glob(pattern)}
    names = {path.relative_to(run.LIBRARY).as_posix() for path in files}
    assert {
        "models/counts.py",
        "calibration/replicate.py",
        "synthetic/timeline.py",
        "periods.py",
    } <= names
    assert all(list(run.LIBRARY.glob(pattern)) for pattern in run.SOURCES)


def test_table_does_not_depend_on_the_number_of_processes(tmp_path: Path):
    alone = calibrate(tmp_path / "one", SETTINGS, FEW, jobs=1)
    together = calibrate(tmp_path / "two", SETTINGS, FEW, jobs=2)
    pd.testing.assert_frame_equal(alone, together)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n).rglob("*.csv")} for n in ("one", "two"))
    assert one == two and len(one) == 6


def test_every_chunk_has_random_numbers_of_its_own():
    first = {chunk_generator(SEED, place, number).random() for place in range(13) for number in range(20)}
    assert len(first) == 13 * 20
    assert chunk_generator(SEED, 1, 2).random() != chunk_generator(SEED + 1, 1, 2).random()
    assert chunk_generator(SEED, 1, 2).random() == chunk_generator(SEED, 1, 2).random()


def test_replicates_and_jobs_must_be_there(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="replicates"):
        CalibrationSettings(SEED, 0)
    with pytest.raises(ConfigurationError, match="jobs"):
        calibrate(tmp_path, SETTINGS, FEW, jobs=0)


def invented(coverage: float = 0.95) -> pd.DataFrame:
    """Return a summary in which every method of every scenario has one coverage."""
    rows = [
        (
            s.name,
            method,
            s.rate_ratio,
            2000,
            2000,
            0.1,
            0.05,
            0.005,
            coverage,
            0.005,
            0.01,
            0.008,
            0.3,
            0.31,
            "",
        )
        for s in SCENARIOS
        for method in METHODS
        if method != "site_rates" or s.asks_for_sites
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    none = (table["method"] == "site_rates") & table["scenario"].isin(["shock_0.2", "shock_0.3"])
    table.loc[none, COLUMNS[5:-1]] = np.nan
    table.loc[none, ["estimated", "reason"]] = [0, "2 sites leave 0 degrees of freedom between sites"]
    return table


def test_page_holds_every_scenario_and_marks_what_is_outside():
    page = calibration_page(invented(), SEED)
    for scenario in SCENARIOS:
        # In the tables of coverage, of type I error and power, and of bias; shocks stand apart once more.
        lines = page.count(f"| {', '.join(describe(scenario))} | 9") + page.count(
            f"| {', '.join(describe(scenario))} | 5.0"
        )
        assert lines == (3 if scenario.shock else 2)
    assert "95.0 (0.5)" in page and "95.0 (0.5)†" not in page
    said = " ".join(page.split())
    assert not re.search(r"\bnan\b", page)
    assert "2,000 replicates of every scenario" in said
    assert "primary interval is inside 93% to 97% in every scenario" in said
    assert all(len(line) <= 110 for line in page.splitlines() if line[:1] != "|")
    spoiled = calibration_page(invented(0.929), SEED)
    assert "92.9 (0.5)†" in spoiled
    assert "**outside 93% to 97%** in 10 of 10 scenarios" in " ".join(spoiled.split())


def test_picture_is_the_same_for_the_same_table():
    assert set(MARKS) == set(METHODS) == set(LABELS)
    picture = draw_calibration(invented(), dpi=60)
    assert picture[:4] == b"\x89PNG"
    assert picture == draw_calibration(invented(), dpi=60)
    assert draw_calibration(invented().iloc[:0], dpi=60) != picture
