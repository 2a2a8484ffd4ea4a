"""The table of checks."""

from collections.abc import Sequence

import pandas as pd

CHECK_COLUMNS = (
    "site",
    "table",
    "column",
    "check",
    "category",
    "rows_checked",
    "rows_failed",
    "status",
    "action",
)


def tabulate_checks(verdicts: Sequence[dict]) -> pd.DataFrame:
    """Return the contract's `data_quality` table: one row a check of each site."""
    rows = [{"site": verdict["site"], **check} for verdict in verdicts for check in verdict["checks"]]
    return pd.DataFrame(rows, columns=list(CHECK_COLUMNS))
