"""Which release came before which.

A release is known by the data cuts of its sites. What is kept of one is a record, plain data without rows;
the last release is the newest record of other data cuts.
"""

import hashlib
import json
from collections.abc import Mapping


def release_name(data_cuts: Mapping[str, str]) -> str:
    """Return the name of a release: its newest data cut, and a digest over the data cut of every site."""
    told = json.dumps(sorted(data_cuts.items())).encode()
    return f"{max(data_cuts.values())}-{hashlib.sha256(told).hexdigest()[:8]}"


def last_release(name: str, records: Mapping[str, Mapping]) -> str:
    """Return the name of the release before the one called `name`, "" where there is none.

    Parameters
    ----------
    name : str
    records : mapping of name to record
    """
    if name in records:
        return records[name]["after"]
    followed = {record["after"] for record in records.values()}
    return max((known for known in records if known not in followed), default="")
