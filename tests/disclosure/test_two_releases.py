"""Two releases after each other, a small site added: what is new in the second must not be that site."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from gravida.disclosure import Protected, release_tables
from gravida.synthetic.design import SiteDesign

from schemas.release import roles_of
from tests.disclosure.registries import draw_registry, internal_tables

MIN_WOMEN = 5
PEOPLE, EVENTS = ("denominator", "count"), ("events", "guard")
# What a row is about, not how it ended; `reason` is a label of the table of who came in.
ABOUT = (
    *("site", "step", "variable", "level", "statistic", "arm", "period", "test", "regimen", "term", "day"),
    *("group", "question", "analysis", "model", "covariance", "adjusted_for", "contrast", "method", "kind"),
)
Tables = dict[str, pd.DataFrame]
pairs = pytest.mark.parametrize(("seed", "women"), [(0, 3), (0, 12), (1, 3)])


@cache
def releases(seed: int, women: int) -> tuple[Tables, Protected, Tables, Protected]:
    """Return the unprotected tables and the release without the small site, and with it."""
    small = SiteDesign("small", "none", women, rate_effect=-0.5)
    before = internal_tables(draw_registry(seed, small, joined=False), MIN_WOMEN)
    first = release_tables(before, MIN_WOMEN)
    after = internal_tables(draw_registry(seed, small), MIN_WOMEN)
    return before, first, after, release_tables(after, MIN_WOMEN, earlier=[first.counts])


def matched(name: str, before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return for each row of the later table the numbers of the earlier one's, as COLUMN_before."""
    roles = roles_of(name)
    keys = [column for column in ABOUT if column in after and roles[column] == "label"]
    keys += ["reason"] * (name == "attrition")
    numbered = [table.assign(_n=table.groupby(keys, dropna=False).cumcount()) for table in (before, after)]
    return numbered[1].merge(numbered[0], on=[*keys, "_n"], how="left", suffixes=("", "_before"))


def small(values: pd.Series | np.ndarray) -> np.ndarray:
    values = np.abs(np.asarray(values, dtype=float))
    return (values > 0) & (values < MIN_WOMEN)


@pairs
def test_no_two_released_counts_differ_by_few(seed: int, women: int) -> None:
    _, first, _, second = releases(seed, women)
    compared = 0
    for name, table in second.tables.items():
        both = matched(name, first.tables[name], table)
        for column in table.columns.drop("suppressed"):
            if roles_of(name)[column] in (*PEOPLE, "events", "own"):
                rise = pd.to_numeric(both[column]) - pd.to_numeric(both[f"{column}_before"])
                assert not small(rise).any(), (name, column)
                compared += int(rise.notna().sum())
    assert compared > 0


@pairs
def test_what_rests_on_few_more_women_is_not_told_again(seed: int, women: int) -> None:
    """A mean before and after would give the mean of those who came in between."""
    before, first, after, second = releases(seed, women)
    judged = 0
    for name, table in after.items():
        roles = roles_of(name)
        full = matched(name, before[name], table)
        shown = matched(name, first.tables[name], second.tables[name])
        for kinds, numbers in (
            (PEOPLE, (*PEOPLE, *EVENTS, "time", "derived", "estimate")),
            (EVENTS, ("events", "derived", "estimate")),
        ):
            few = np.zeros(len(table), dtype=bool)
            for column in (column for column in table if roles[column] in kinds):
                rise = pd.to_numeric(full[column]) - pd.to_numeric(full[f"{column}_before"])
                few |= small(rise)
            columns = [c for c in second.tables[name] if c != "suppressed" and roles[c] in numbers]
            for column in columns:
                told = few & shown[column].notna() & shown[f"{column}_before"].notna()
                assert not told.to_numpy().any(), (
                    name,
                    column,
                    full[told].iloc[:, :4].to_dict("records")[:3],
                )
            judged += int(few.sum())
    assert judged > 0


@pairs
def test_the_small_site_is_not_in_the_second_release(seed: int, women: int) -> None:
    _, _, after, second = releases(seed, women)
    sent = after["attrition"].query("step == 'submitted' and site == 'small'")["women"].iloc[0]
    for name, table in second.tables.items():
        if "site" in table and sent < MIN_WOMEN:
            roles = roles_of(name)
            numbers = [c for c in table if c != "suppressed" and roles[c] not in ("label", "remark")]
            hers = table.loc[table["site"] == "small", numbers].apply(pd.to_numeric, errors="coerce")
            assert (hers.fillna(0) == 0).all(axis=None), name
