"""The records of finished releases, kept in the study for later ones to be compared with."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from gravida import ledger
from gravida.errors import ConfigurationError
from gravida.files import read_json, write_json

KEPT = "results/internal/releases"
MADE = Path("results/internal/release.json")
# The numbers of women behind what was released.
COUNTS = [Path(f"results/internal/release/{name}.json") for name in ("counts", "counts_evidence")]
REPORT = Path("results/release/report.html")


def keep_release() -> None:
    """Keep the record of the release that a run has finished.

    No step makes these records, for a step's files are its own to write again.

    Raises
    ------
    ConfigurationError
        If a record cannot be read.
    """
    if not all(path.exists() for path in (MADE, REPORT, *COUNTS)):
        return
    if REPORT.stat().st_mtime_ns >= MADE.stat().st_mtime_ns:
        counts = {table: rows for path in COUNTS for table, rows in _read(path).items()}
        record = ledger.kept({**_read(MADE), "counts": counts}, _records())
        if record:
            write_json(Path(KEPT, f"{ledger.record_name(record['release'], record['plan'])}.json"), record)


def last_record(data_cuts: Mapping[str, str]) -> list[str]:
    """Return the record of the release before the one of these data cuts, or nothing where there is none.

    Parameters
    ----------
    data_cuts : mapping of str to str
        By site.

    Raises
    ------
    ConfigurationError
        If a record cannot be read.
    """
    last = ledger.last_release(ledger.release_name(data_cuts), _records())
    return [f"{KEPT}/{last}.json"] if last else []


def earlier_records(data_cuts: Mapping[str, str], plan: str) -> list[str]:
    """Return the records of all releases but the one of these data cuts under this plan.

    Parameters
    ----------
    data_cuts : mapping of str to str
        By site.
    plan : str
        A digest of the analysis plan.

    Raises
    ------
    ConfigurationError
        If a record cannot be read.
    """
    own = ledger.record_name(ledger.release_name(data_cuts), plan)
    return [f"{KEPT}/{name}.json" for name in _records() if name != own]


def _records() -> dict[str, Any]:
    return {path.stem: _read(path) for path in sorted(Path(KEPT).glob("*.json"))}


def _read(path: Path) -> Any:
    return _read_dated(path, path.stat().st_mtime_ns)


@cache
def _read_dated(path: Path, _: int) -> Any:
    """Return the content of a file of that date: a run asks for the same records many times."""
    try:
        return read_json(path)
    except ValueError:
        raise ConfigurationError(
            f"{path}: the record of a release is damaged; put back a copy of it, or remove it"
        ) from None
