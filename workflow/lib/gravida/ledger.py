"""Which release came before which.

A release is known by the data cuts of its sites and by its analysis plan. What is kept of one is a record,
plain data without rows, with the number of its turn; the last release is the one of the latest turn among
those of other data cuts.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def digest_of(content: Any) -> str:
    """Return a short digest of plain data."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:8]


def release_name(data_cuts: Mapping[str, str]) -> str:
    """Return the name of a release: its newest data cut, and a digest over the data cut of every site."""
    return f"{max(data_cuts.values())}-{digest_of(dict(data_cuts))}"


def record_name(release: str, plan: str) -> str:
    """Return what the record of a release under a plan is called."""
    return f"{release}-{plan}"


def last_release(name: str, records: Mapping[str, Mapping]) -> str:
    """Return the name of the record of the release before the one called `name`, "" where there is none.

    Parameters
    ----------
    name : str
    records : mapping of `record_name` to record
    """
    others = {
        known: record.get("turn", 0) for known, record in records.items() if record.get("release") != name
    }
    return max(others, key=others.__getitem__, default="")


def kept(record: Mapping, records: Mapping[str, Mapping]) -> dict | None:
    """Return the record of a finished release as it is kept, None where it is kept already.

    Parameters
    ----------
    record : mapping
        As `releases.compare_releases` makes it.
    records : mapping of `record_name` to record
        Those that are kept.
    """
    latest = max((known.get("turn", 0) for known in records.values()), default=0)
    same = records.get(record_name(record["release"], record["plan"]))
    if same and same == {**record, "turn": latest}:
        return None
    turn = latest if same and same.get("turn") == latest else latest + 1
    return {**record, "turn": turn}
