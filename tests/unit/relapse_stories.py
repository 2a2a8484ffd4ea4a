"""Invented studies of times to relapse: who relapsed when and was followed how long, and the tables of it."""

import warnings

import numpy as np
import pandas as pd
from gravida.statistics.identifiability import assess_identifiability
from gravida.statistics.survival import SurvivalSettings, SurvivalTables, estimate_survival

ESTIMATES = {
    "relapse_free": ["relapse_free", "lower", "upper"],
    "risk_difference": [
        *("risk_treated", "risk_untreated", "risk_difference", "lower", "upper"),
        *("nnt", "nnt_lower", "nnt_upper"),
    ],
    "time_to_relapse": ["estimate", "lower", "upper", "p_value"],
}
PAIR = {"all": "all", "none": "none"}
# A woman's pregnancy: days of onset, and the first day no longer observed.
Story = tuple[list[int], int]


def cohort(
    sites: dict[str, dict[str, list[Story]]], undated: tuple[str, ...] = (), women_share: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return pregnancies and onsets: site -> arm -> stories.

    Every `women_share` consecutive pregnancies of a site and arm are of one woman.
    """
    rows, onsets, woman = [], [], 0
    for site, arms in sites.items():
        for arm, stories in arms.items():
            for place, (days, end) in enumerate(stories):
                onsets += [(len(rows), day) for day in days]
                rows.append((site, arm, woman + place // women_share, end, site not in undated))
            woman += len(stories)
    table = pd.DataFrame(rows, columns=["site", "arm", "woman", "observed_to_day", "dated"])
    nothing = pd.Series([pd.NA] * len(table), dtype="Int64")
    pregnancies = table.assign(observed_from_day=nothing, next_conception_day=nothing, gestation_days=nothing)
    found = pd.DataFrame(onsets, columns=["pregnancy", "day"], dtype=int).assign(retained=True)
    return pregnancies, found[~found["pregnancy"].isin(table.index[~table["dated"]])]


def estimate(
    sites: dict, policies: dict[str, str], undated: tuple[str, ...] = (), confidence: float = 0.95, **more
) -> SurvivalTables:
    return tables_of(*cohort(sites, undated, **more), policies, confidence)


def tables_of(
    pregnancies: pd.DataFrame, onsets: pd.DataFrame, policies: dict[str, str], confidence: float = 0.95
) -> SurvivalTables:
    """Return the tables, in which every row has a number or a reason."""
    person_time = pregnancies.assign(period="postpartum_year")
    verdict = assess_identifiability(person_time, policies, "postpartum_year")
    settings = SurvivalSettings("untreated", "treated", confidence)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tables = estimate_survival(pregnancies, onsets, policies, settings, verdict)
    for name, columns in ESTIMATES.items():
        assert_number_or_reason(getattr(tables, name), columns)
    return tables


def assert_number_or_reason(table: pd.DataFrame, columns: list[str]) -> None:
    silent = table["status"] != "ok"
    assert table["status"].isin(["ok", "not_estimable", "not_converged"]).all()
    assert table.loc[silent, columns].isna().all(axis=None)
    assert (table.loc[silent, "reason"].str.len() > 0).all()
    assert table.loc[~silent, columns[0]].notna().all()
    numbers = table[columns].astype(float).to_numpy()
    assert np.isfinite(numbers[~np.isnan(numbers)]).all()


def row(table: pd.DataFrame, **where: object) -> pd.Series:
    chosen = np.all([table[name] == value for name, value in where.items()], axis=0)
    assert chosen.sum() == 1
    return table[chosen].iloc[0]


def stories(seed: int, n: int, daily: float) -> list[Story]:
    """Return n pregnancies with a constant daily risk, some of them lost within the year."""
    rng = np.random.default_rng(seed)
    out = []
    for day, end in zip(rng.geometric(daily, n) - 1, rng.integers(200, 700, n), strict=True):
        end = int(min(end, 365))
        out.append(([int(day)] if day < end else [], end))
    return out


SOME, OTHER = stories(1, 30, 1 / 600), stories(2, 28, 1 / 350)
NEVER = [([], 365)] * 12


def pair(treated: list[Story], untreated: list[Story]) -> dict:
    return {"all": {"treated": treated}, "none": {"untreated": untreated}}


CHOICE = {
    "a": {"treated": SOME, "untreated": OTHER},
    "b": {"treated": stories(5, 20, 1 / 300), "untreated": stories(6, 24, 1 / 200)},
}
