"""Two releases: what came in between is the difference, so it is judged like any other number."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from gravida.disclosure.case import ARMS, SIZES, Case, Withheld
from schemas.release import roles_of

# Labels that say how a row ended, not what it is about.
OUTCOMES = (
    *("status", "is_primary", "action", "model", "covariance", "method", "form", "reference"),
    *("adjusted_for", "sites_numerator", "sites_denominator", "parameters", "rank"),
)
COUNTED = (*SIZES, "own", "events", "guard")
# What a number that was released is called in the record, beside the counts.
TOLD = "told "


def counts_of(tables: Mapping[str, pd.DataFrame], why: Mapping[str, pd.DataFrame]) -> dict[str, dict]:
    """Return the counts behind every row of which a number was released, for later releases.

    Parameters
    ----------
    tables : mapping of name to DataFrame
        Unprotected.
    why : mapping of name to DataFrame
        As large, empty text where a cell was released.

    Returns
    -------
    dict
        By table, row (its labels) and column.
    """
    return {name: _of_table(name, table, why[name]) for name, table in tables.items()}


def _of_table(name: str, table: pd.DataFrame, why: pd.DataFrame) -> dict[str, dict[str, float]]:
    roles = roles_of(name)
    numbers = [column for column in table if roles[column] not in ("label", "remark", "guard", "aside")]
    shown = (why[numbers].eq("") & table[numbers].notna()).any(axis=1)
    told = _values(name, table).where(why.eq("")).add_prefix(TOLD)
    keys, rows = keys_of(name, table)[shown], pd.concat([_counts(name, table), told], axis=1)[shown]
    return {
        key: {column: float(value) for column, value in row.items() if not pd.isna(value)}
        for key, row in zip(keys, rows.to_dict("records"), strict=True)
    }


def _counts(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return the counts of a table as numbers; `value` of the characteristics where it is one."""
    roles = roles_of(name)
    counts = table[[column for column in table if roles[column] in COUNTED]].apply(pd.to_numeric)
    if name != "baseline":
        return counts
    return counts.assign(value=table["value"].where(table["statistic"].isin(["n", "missing"])))


def _values(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return the numbers of a table that are sums over women, or follow from sums."""
    roles = roles_of(name)
    sums = [c for c in table if roles[c] in ("time", "derived") and pd.api.types.is_numeric_dtype(table[c])]
    return table[sums]


def keys_of(name: str, table: pd.DataFrame) -> pd.Series:
    """Return what each row is about, in one text; numbered where several rows are about the same."""
    roles = roles_of(name)
    every = [column for column in table if roles[column] == "label"]
    labels = [column for column in every if column not in OUTCOMES] or every
    texts = [table[column].astype(str) for column in labels]
    keys = pd.Series(["|".join(parts) for parts in zip(*texts, strict=True)], table.index, dtype=object)
    return keys + "|" + keys.groupby(keys).cumcount().astype(str)


def earlier_releases(case: Case) -> Iterator[Withheld]:
    """Withhold rows whose women differ by few from an earlier release, and events that do.

    Where one arm is withheld the other is too: their sum may be told.
    """
    for counts in case.earlier:
        for name, table in case.tables.items():
            if counts.get(name):
                yield from _against(case, name, table, counts[name])


def _against(case: Case, name: str, table: pd.DataFrame, before: Mapping[str, Mapping]) -> Iterator[Withheld]:
    keys = keys_of(name, table)
    counts = _counts(name, table)
    known = pd.DataFrame([before.get(key, {}) for key in keys], index=table.index).reindex(
        columns=counts.columns
    )
    moved = case.small((counts - known.astype(float)).abs())
    for roles, whole in ((SIZES, True), (("events", "guard"), False)):
        columns = [*case.columns(name, *roles), *(["value"] if whole and name == "baseline" else [])]
        near = moved[columns].any(axis=1).to_numpy()
        rows = near | _other_arm(table, keys, near)
        yield case.withhold(name, rows) if whole else case.answers(name, rows)
    for column in case.columns(name, "own"):
        yield case.withhold(name, moved[column], column)


def corrected(case: Case) -> Iterator[Withheld]:
    """Withhold means, person-years and rates that moved since an earlier release because of few women.

    Where a site corrected what few women have, every count may be as it was.
    """
    if "changes" not in case.tables:
        return
    changed = _women_changed(case)
    for counts in case.earlier:
        for name, table in case.tables.items():
            values = _values(name, table)
            few = case.small(_changed_behind(table, changed))
            if not counts.get(name) or not few.any():
                continue
            known = pd.DataFrame([counts[name].get(key, {}) for key in keys_of(name, table)], table.index)
            before = known.reindex(columns=[TOLD + column for column in values]).astype(float)
            for column in values:
                then = before[TOLD + column]
                moved = then.notna() & ~np.isclose(values[column].astype(float), then, rtol=1e-9, atol=0)
                yield case.withhold(name, few & moved, column)


def _women_changed(case: Case) -> dict[str, float]:
    """Return how many women came in, changed or went since the last release: by site, arm and of all."""
    table = case.tables["changes"]
    sites = table[table["what"].eq("data_cut")].set_index("site")["women_changed"].astype(float)
    policies = case.policies().reindex(sites.index)
    of_arms = {
        arm: sites[policies.isin([policy, "individual"]) | policies.isna()].sum()
        for arm, policy in zip(ARMS, ("all", "none"), strict=True)
    }
    fewest = min((women for women in of_arms.values() if women), default=0.0)
    return {**sites.to_dict(), **of_arms, "difference": fewest, "all": sites.sum()}


def _changed_behind(table: pd.DataFrame, changed: Mapping[str, float]) -> pd.Series:
    """Return for each row how many of the women behind it changed."""
    whose = pd.Series("all", table.index)
    for column in ("arm", "site"):
        if column in table:
            whose = whose.mask(table[column].isin(changed) & table[column].ne("all"), table[column])
    return whose.map(changed)


def _other_arm(table: pd.DataFrame, keys: pd.Series, near: np.ndarray) -> np.ndarray:
    """Say which rows are about the other arm of a row that is withheld."""
    if "arm" not in table:
        return np.zeros(len(table), dtype=bool)
    of_arm = table["arm"].isin(ARMS)
    other = [key.replace(f"{arm}|", "arm|") for key, arm in zip(keys, table["arm"], strict=True)]
    return (
        pd.Series(near & of_arm).groupby(other).transform("any") & of_arm.reset_index(drop=True)
    ).to_numpy()


def sites_before(earlier: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the sites of earlier releases."""
    return {key.split("|")[0] for counts in earlier for key in counts.get("identifiability", {})}
