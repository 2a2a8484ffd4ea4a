"""Run the scenarios in chunks, each written when it is finished, so that a run continues where it stopped."""

import hashlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from multiprocessing import get_context, parent_process
from pathlib import Path

import pandas as pd

from gravida.calibration.draws import chunk_generator, draw_frame
from gravida.calibration.replicate import answer_replicate
from gravida.calibration.scenarios import Scenario
from gravida.calibration.summary import summarise
from gravida.errors import ConfigurationError
from gravida.files import digest
from gravida.tables import read_table, write_table

LIBRARY = Path(__file__).resolve().parents[1]
# What the answers of a chunk follow from.
SOURCES = (
    "models/*.py",
    "statistics/*.py",
    "synthetic/*.py",
    "periods.py",
    "calibration/scenarios.py",
    "calibration/draws.py",
    "calibration/replicate.py",
)
PACKAGES = ("numpy", "pandas", "scipy")
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class CalibrationSettings:
    """How much is simulated: the seed, replicates of each scenario, and replicates in a chunk."""

    seed: int
    replicates: int
    chunk: int = 100

    def __post_init__(self) -> None:
        if self.replicates < 1 or self.chunk < 1:
            raise ConfigurationError("calibrate: replicates must be 1 or more")

    @property
    def chunks(self) -> int:
        """Chunks of each scenario; replicates are rounded up to whole chunks."""
        return -(-self.replicates // self.chunk)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some replicates of a scenario: its place among the scenarios, the chunk's number, and its file."""

    scenario: Scenario
    place: int
    number: int
    size: int
    seed: int
    path: Path


def calibrate(
    folder: Path,
    settings: CalibrationSettings,
    scenarios: Sequence[Scenario],
    jobs: int = 1,
    advance: Callable[[int], object] = lambda replicates: None,
) -> pd.DataFrame:
    """Simulate every scenario and summarise what each method answered.

    A chunk has random numbers of its own, named by the seed, the scenario's place and the chunk's number, so
    that the table does not depend on `jobs` nor on interruptions. Finished chunks are kept under
    `folder`/chunks, in a folder named for the code and settings that made them.

    Parameters
    ----------
    folder : Path
        Where the chunks are kept.
    settings : CalibrationSettings
    scenarios : sequence of Scenario
    jobs : int
        Processes; with 1 the work is done in this one.
    advance : callable
        Is told of every finished chunk, as its number of replicates; finished earlier, at the beginning.

    Returns
    -------
    DataFrame
        The rows of `summarise`, scenario after scenario.

    Raises
    ------
    ConfigurationError
        If there is no process to work in.
    """
    if jobs < 1:
        raise ConfigurationError("calibrate: jobs must be 1 or more")
    chunks = plan_chunks(folder, settings, scenarios)
    pending = [chunk for chunk in chunks if not chunk.path.exists()]
    advance(sum(chunk.size for chunk in chunks) - sum(chunk.size for chunk in pending))
    _finish(pending, jobs, advance)
    tables = []
    for scenario in scenarios:
        answers = [read_table(chunk.path) for chunk in chunks if chunk.scenario == scenario]
        tables.append(summarise(scenario, pd.concat(answers, ignore_index=True)))
    return pd.concat(tables, ignore_index=True)


def plan_chunks(folder: Path, settings: CalibrationSettings, scenarios: Sequence[Scenario]) -> list[Chunk]:
    """Return the chunks of every scenario, first all first ones, then all second ones."""
    home = folder / "chunks" / _made_by(settings, scenarios)
    return [
        Chunk(
            scenario,
            place,
            number,
            settings.chunk,
            settings.seed,
            home / f"{scenario.name}-{number:03d}.csv",
        )
        for number in range(settings.chunks)
        for place, scenario in enumerate(scenarios)
    ]


def _made_by(settings: CalibrationSettings, scenarios: Sequence[Scenario]) -> str:
    """Return a name for all that the numbers of a chunk follow from, but not how many chunks there are."""
    code = digest([path for pattern in SOURCES for path in LIBRARY.glob(pattern)], LIBRARY)
    versions = [metadata.version(name) for name in PACKAGES]
    told = repr((code, versions, settings.seed, settings.chunk, tuple(scenarios)))
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _finish(pending: Sequence[Chunk], jobs: int, advance: Callable[[int], object]) -> None:
    """Work the chunks off and tell the size of each when it is written."""
    if jobs == 1 or not pending:
        for chunk in pending:
            advance(finish_chunk(chunk))
        return
    with _one_thread_each(), ProcessPoolExecutor(jobs, get_context("spawn"), _begin_work) as pool:
        waiting = [pool.submit(finish_chunk, chunk) for chunk in pending]
        try:
            for done in as_completed(waiting):
                advance(done.result())
        finally:
            pool.shutdown(cancel_futures=True)


def finish_chunk(chunk: Chunk) -> int:
    """Simulate a chunk, write every replicate's answers, and return how many replicates it holds."""
    frame = draw_frame(chunk.scenario, chunk.seed)
    rng = chunk_generator(chunk.seed, chunk.place, chunk.number)
    rows = [
        {"replicate": chunk.number * chunk.size + number, **asdict(answer)}
        for number in range(chunk.size)
        for answer in answer_replicate(frame, rng)
    ]
    write_table(chunk.path, pd.DataFrame(rows))
    return chunk.size


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let the processes that start meanwhile use one thread each: they share the cores already."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({name: value} if value is not None else {})


def _begin_work() -> None:
    """Finish the chunk at work when the terminal interrupts, and end with a parent that is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent_process().join()
    os._exit(1)
