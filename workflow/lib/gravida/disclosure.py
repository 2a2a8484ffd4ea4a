"""The release gate: what may leave, and what is withheld.

A row that rests on fewer women than the threshold keeps its labels only. A count below the threshold is
withheld with everything that follows from it. A withheld cell is empty and its row is flagged; 0 is kept.
"""

from collections.abc import Mapping

import pandas as pd

from gravida.errors import ReleaseRefused
from schemas.release import RELEASED


def release_tables(internal: Mapping[str, pd.DataFrame], min_women: int) -> dict[str, pd.DataFrame]:
    """Protect tables.

    Parameters
    ----------
    internal : mapping of name to DataFrame
        Unprotected tables, each with a schema in `schemas.release`.
    min_women : int
        A cell rests on no woman or on at least this many.

    Returns
    -------
    dict of name to DataFrame
        With a further column `suppressed`.

    Raises
    ------
    ReleaseRefused
        If a table or a column is not in the release schema.
    """
    return {name: _protect(name, table, min_women) for name, table in internal.items()}


def _protect(name: str, table: pd.DataFrame, min_women: int) -> pd.DataFrame:
    if name not in RELEASED:
        raise ReleaseRefused(f"table {name} is not in schemas/release.py; say there what may leave of it")
    schema = RELEASED[name]
    roles = {column: spec.metadata["sdc"] for column, spec in schema.columns.items() if spec.metadata}
    unknown = [column for column in table.columns if column not in roles]
    if unknown:
        raise ReleaseRefused(f"{name}: column {unknown[0]} has no role in schemas/release.py")
    withheld = pd.DataFrame(False, index=table.index, columns=table.columns)
    by_role = {role: [column for column in table.columns if roles[column] == role] for role in roles.values()}
    numbers = [column for column in table.columns if roles[column] != "label"]
    withheld.loc[_any_small(table, by_role.get("denominator", []), min_women), numbers] = True
    counts = by_role.get("count", [])
    follow = [*by_role.get("derived", []), *by_role.get("estimate", [])]
    for column in counts:
        withheld[column] |= _small(table[column], min_women)
    withheld.loc[_any_small(table, counts, min_women), follow] = True
    protected = table.mask(withheld & table.notna())
    return schema.validate(protected.assign(suppressed=(withheld & table.notna()).any(axis=1)))


def _small(counts: pd.Series, min_women: int) -> pd.Series:
    return (counts > 0) & (counts < min_women)


def _any_small(table: pd.DataFrame, columns: list[str], min_women: int) -> pd.Series:
    """Return the rows in which one of these counts is above 0 and below the threshold."""
    if not columns:
        return pd.Series(False, index=table.index)
    return table[columns].apply(_small, min_women=min_women).any(axis=1)
