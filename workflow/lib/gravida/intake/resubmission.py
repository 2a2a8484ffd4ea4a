"""A data cut against an earlier one of the same site: which pregnancies came, changed and went.

A pseudonym must go on meaning the same pregnancy and the same woman; otherwise two data cuts cannot be told
from two registries.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gravida.intake.reading.text import neutral
from gravida.intake.women import born
from schemas.submission_rules import RESUBMISSION_RULES

CHANGES = ("pregnancy_id", "woman_id", "change", "columns")
ADDED, CHANGED, GONE = "added", "changed", "gone"


def against_earlier(frame: pd.DataFrame, earlier: pd.DataFrame | None) -> pd.DataFrame:
    """Return the quantities of `RESUBMISSION_RULES`, missing where there is nothing to compare with.

    Parameters
    ----------
    frame : DataFrame, n rows
        The pregnancies, typed, with a range index.
    earlier : DataFrame or None
        The pregnancies of earlier data cuts, each as it was first accepted.

    Returns
    -------
    DataFrame of Int64, n rows
        Whole years by which the year of delivery or the age of a pregnancy differs from before, and, for a
        pregnancy that was not there or not this woman's before, whole years beyond the one by which the
        woman's year of birth may seem to.
    """
    nothing = pd.DataFrame(pd.NA, index=frame.index, columns=list(RESUBMISSION_RULES.columns), dtype="Int64")
    if earlier is None:
        return nothing
    before = earlier.set_index("pregnancy_id")[["woman_id", "delivery_year", "age_at_delivery"]]
    before = before.reindex(frame["pregnancy_id"]).set_axis(frame.index)
    years = (frame["delivery_year"] - before["delivery_year"]).abs()
    ages = np.floor((frame["age_at_delivery"] - before["age_at_delivery"]).abs())
    hers = (before["woman_id"] == frame["woman_id"]).fillna(False)
    moved = pd.concat([years, ages.astype("Float64").astype("Int64")], axis=1).max(axis=1)
    birth = born(frame)
    of_women = born(earlier).groupby(earlier["woman_id"]).agg(["min", "max"]).reindex(frame["woman_id"])
    of_women = of_women.set_axis(frame.index)
    apart = np.maximum((birth - of_women["min"]).abs(), (birth - of_women["max"]).abs())
    beyond = np.ceil(apart - 1).clip(lower=0).where(~hers)
    return nothing.assign(
        **{
            "pregnancy_id.same_pregnancy": moved.astype("Int64"),
            "woman_id.same_woman": beyond.astype("Float64").astype("Int64"),
        }
    )


def compare(before: Mapping[str, pd.DataFrame], after: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """List the pregnancies that differ between two data cuts of one site.

    Parameters
    ----------
    before, after : mapping of table to DataFrame
        The accepted rows, every table of the contract.

    Returns
    -------
    DataFrame
        Columns `CHANGES`, in order of pregnancy_id: `change` is added, changed or gone; `columns` names what
        changed, as column or table, joined by ``;``. Rows of the other tables belong to their pregnancy, in
        whatever order.
    """
    old = before["pregnancies"].set_index("pregnancy_id").sort_index()
    new = after["pregnancies"].set_index("pregnancy_id").sort_index()
    both = old.index.intersection(new.index)
    differs = {column: _differ(old.loc[both, column], new.loc[both, column]) for column in new}
    differs |= {
        table: (_sums(before[table], both) != _sums(after[table], both)).to_numpy()
        for table in after
        if table != "pregnancies"
    }
    which = pd.DataFrame(differs, index=both)
    named = which.apply(lambda row: ";".join(which.columns[row]), axis=1) if which.to_numpy().any() else None
    parts = [
        _listed(new.loc[new.index.difference(old.index)], ADDED),
        _listed(old.loc[old.index.difference(new.index)], GONE),
    ]
    if named is not None:
        changed = named[named != ""]
        parts.append(_listed(new.loc[changed.index], CHANGED).assign(columns=changed.to_numpy()))
    return pd.concat(parts, ignore_index=True).sort_values("pregnancy_id", ignore_index=True)


def changes_since(
    earlier: Mapping[str, Mapping[str, pd.DataFrame]], after: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """List the pregnancies that differ from each earlier data cut: columns data_cut and `CHANGES`.

    Parameters
    ----------
    earlier : mapping of data cut to accepted tables
    after : mapping of table to DataFrame
        The accepted tables of the newest data cut.
    """
    parts = [compare(before, after).assign(data_cut=data_cut) for data_cut, before in earlier.items()]
    empty = pd.DataFrame(columns=["data_cut", *CHANGES], dtype="string")
    return pd.concat([empty, *parts], ignore_index=True)


def count_changes(changes: pd.DataFrame, earlier: Mapping[str, Mapping[str, pd.DataFrame]]) -> list[dict]:
    """Count what `changes_since` lists: plain data, one entry an earlier accepted data cut, oldest first."""
    counted = []
    for data_cut, tables in earlier.items():
        rows = changes[changes["data_cut"] == data_cut]
        of_kind = {kind: rows[rows["change"] == kind] for kind in (ADDED, CHANGED, GONE)}
        counted.append(
            {"data_cut": data_cut, "pregnancies": len(tables["pregnancies"])}
            | {kind: len(listed) for kind, listed in of_kind.items()}
            | {f"women_{kind}": listed["woman_id"].nunique() for kind, listed in of_kind.items()}
            | {"women": rows["woman_id"].nunique()}
        )
    return counted


def _differ(old: pd.Series, new: pd.Series) -> np.ndarray:
    same = (old == new).fillna(False).to_numpy(bool) | (old.isna() & new.isna()).to_numpy()
    return ~same


def _sums(rows: pd.DataFrame, pregnancies: pd.Index) -> pd.Series:
    """Return for each pregnancy a sum of the hashes of its rows, 0 without a row."""
    hashes = pd.util.hash_pandas_object(rows, index=False)
    return hashes.groupby(rows["pregnancy_id"].to_numpy()).sum().reindex(pregnancies, fill_value=0)


def _listed(rows: pd.DataFrame, change: str) -> pd.DataFrame:
    ids = {"pregnancy_id": rows.index, "woman_id": rows["woman_id"]}
    who = {name: [neutral(each) for each in named] for name, named in ids.items()}
    return pd.DataFrame(who | {"change": change, "columns": ""}, columns=list(CHANGES)).astype("string")
