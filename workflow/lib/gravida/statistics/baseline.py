"""Who the women are: the baseline table by arm, with standardised differences.

Numbers, means and standard deviations follow from sums over pregnancies (`characteristics`), which add over
sites; medians and quartiles do not: they need all values at once.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from gravida.statistics.guards import women_apart, women_at, women_with
from gravida.words import NEEDS_ROWS

COLUMNS = [
    *("variable", "level", "statistic", "arm", "value", "women", "women_at_value", "women_apart"),
    "reason",
]
QUARTILES = {"q1": 0.25, "median": 0.5, "q3": 0.75}
# Counts of events: their moments give away how many women had one.
EVENTS = ("relapses_pre_year", "relapses_pregnancy")
CONTINUOUS = (
    "age_at_delivery",
    "disease_duration_years",
    "edss_before",
    "relapses_pre_year",
    "relapses_pregnancy",
    "gestation_days",
    "parity",
    "visits_post_year",
)
CATEGORICAL = {
    "dmt_before": "dmt_class",
    "outcome": "outcome",
    "breastfeeding": "breastfeeding",
    "assisted_reproduction": "assisted_reproduction",
    "steroid_prophylaxis": "steroid_prophylaxis",
    "policy": "policy",
}
LEVEL_ORDER = {
    "dmt_before": ("none", "moderate", "high", "other"),
    "outcome": ("live_birth", "stillbirth"),
    "breastfeeding": ("none", "partial", "exclusive"),
    "assisted_reproduction": ("no", "yes"),
    "steroid_prophylaxis": ("no", "yes"),
    "policy": ("all", "none", "individual"),
}
ARMS = ("treated", "untreated", "all")
# Why a number of several sites is empty where one of them keeps its rows.
KEPT = "a site that keeps its rows counts too few women in it to tell"
# A variance this small beside the squares that it is the rest of is rounding.
NO_SPREAD = 1e-12
# Value, women with this very value and women with another, by variable and arm and then by statistic.
Quartiles = Mapping[tuple[str, str], Mapping[str, tuple[float | None, int | None, float | None]]]
Sums = Mapping[str, Any]


def describe_baseline(pregnancies: pd.DataFrame) -> pd.DataFrame:
    """Describe every pregnancy of the cohort by arm.

    Continuous variables: n, mean, sd (n - 1), median, quartiles (linear interpolation), missing. Categorical
    ones: n and percent (0 to 100) of the pregnancies with a value, for each level, and missing. `smd` is the
    absolute standardised difference of the arms, the difference of means or shares over the root of the mean
    of the two variances (Austin 2009, Statistics in Medicine 28:3083-3107). `women` counts the women behind
    a cell, `women_at_value`, for a median or quartile, those who hold this very value, `women_apart` those
    who hold another.

    Parameters
    ----------
    pregnancies : DataFrame
        `Cohort.pregnancies`.
    """
    return tabulate_characteristics(characteristics(pregnancies), _quartiles(pregnancies))


def characteristics(pregnancies: pd.DataFrame) -> dict[str, Any]:
    """Return the sums that the table is made of, as plain data.

    Parameters
    ----------
    pregnancies : DataFrame
        `Cohort.pregnancies`, or some of them.

    Returns
    -------
    dict
        `arms`: pregnancies and women of each arm. `continuous`: for each variable and arm n, sum, squares,
        women, women_apart (who have another value than the one that most women have), of events affected
        (women with one), missing, missing_women. `categorical`: for each variable its levels and `missing`,
        pregnancies and women by arm.
    """
    groups = _groups(pregnancies)
    return {
        "arms": {arm: _size(group["woman"]) for arm, group in groups.items()},
        "continuous": {
            name: {arm: _moments(name, group) for arm, group in groups.items()} for name in CONTINUOUS
        },
        "categorical": {name: _levels(name, column, groups) for name, column in CATEGORICAL.items()},
    }


def _groups(pregnancies: pd.DataFrame) -> dict[str, pd.DataFrame]:
    used = pregnancies[["woman", "arm", *CONTINUOUS, *CATEGORICAL.values()]]
    return {arm: used if arm == "all" else used[used["arm"] == arm] for arm in ARMS}


def _size(women: pd.Series) -> dict[str, int]:
    return {"pregnancies": women.size, "women": women.nunique()}


def _moments(variable: str, group: pd.DataFrame) -> dict[str, float]:
    values = group[variable].astype("float64")
    present = values.dropna()
    women, data = group.loc[present.index, "woman"], present.to_numpy()
    found = {
        "n": present.size,
        "sum": float(data.sum()),
        "squares": float(data @ data),
        "women": women.nunique(),
        "women_apart": _women_apart_from_most(women, present),
        "missing": int(values.isna().sum()),
        "missing_women": group.loc[values.isna(), "woman"].nunique(),
    }
    return found | ({"affected": women_with(women, data)} if variable in EVENTS else {})


def _women_apart_from_most(women: pd.Series, values: pd.Series) -> int:
    """Return how many women have another value, in some pregnancy, than the one that most women have."""
    hers = values.groupby(women.to_numpy()).agg(["min", "max"])
    of_one_value = hers.loc[hers["min"] == hers["max"], "min"].value_counts()
    return len(hers) - int(of_one_value.max() if len(of_one_value) else 0)


def _levels(variable: str, column: str, groups: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    words = {
        arm: group[column].map({True: "yes", False: "no"})
        if group[column].dtype == "boolean"
        else group[column]
        for arm, group in groups.items()
    }
    return {
        "levels": {
            level: {
                arm: _size(groups[arm].loc[values.isin([level]), "woman"]) for arm, values in words.items()
            }
            for level in LEVEL_ORDER[variable]
        },
        "missing": {arm: _size(groups[arm].loc[values.isna(), "woman"]) for arm, values in words.items()},
    }


def _quartiles(pregnancies: pd.DataFrame) -> Quartiles:
    """Return the quartiles of all variables and arms that have a value."""
    found = {}
    for arm, group in _groups(pregnancies).items():
        for variable in CONTINUOUS:
            present = group[variable].astype("float64").dropna()
            women = group.loc[present.index, "woman"]
            values = np.quantile(present, [*QUARTILES.values()]) if present.size else []
            found[variable, arm] = {
                name: (value, women_at(women, present, value), women_apart(women, present, value))
                for name, value in zip(QUARTILES, values, strict=False)
            }
    return found


def tabulate_characteristics(sums: Sums, quartiles: Quartiles) -> pd.DataFrame:
    """Return the table of these sums.

    Parameters
    ----------
    sums : mapping
        As `characteristics` returns them; a number that some site does not tell is None.
    quartiles : mapping
        By variable and arm; what is not there needs rows.
    """
    rows = [
        (what, "", "n", arm, size[what], size["women"], None, None, "")
        for what in ("pregnancies", "women")
        for arm, size in sums["arms"].items()
    ]
    for variable, arms in sums["continuous"].items():
        rows += _continuous(variable, arms, quartiles)
    for variable, counted in sums["categorical"].items():
        rows += _categorical(variable, counted, sums["arms"])
    return pd.DataFrame(rows, columns=COLUMNS)


def _continuous(variable: str, arms: Mapping[str, Sums], quartiles: Quartiles) -> Iterator[tuple]:
    moments = {}
    for arm, it in arms.items():
        mean, variance = _mean_and_variance(it)
        spread = None if variance is None or np.isnan(variance) else np.sqrt(variance)
        for statistic, value in (("n", it["n"]), ("mean", mean), ("sd", spread)):
            kept = KEPT if it["n" if statistic == "n" else "squares"] is None else ""
            shown = None if statistic != "n" and not it["n"] else value
            yield variable, "", statistic, arm, shown, it["women"], None, None, kept
        for statistic in ("median", "q1", "q3"):
            cells = quartiles.get((variable, arm), {}).get(statistic, (None, None, None))
            needed = NEEDS_ROWS if cells[0] is None and it["n"] != 0 else ""
            yield variable, "", statistic, arm, cells[0], it["women"], *cells[1:], needed
        yield variable, "", "missing", arm, it["missing"], it["missing_women"], None, None, ""
        moments[arm] = (mean, variance, it.get("affected", it["women"]))
    yield variable, "", "smd", "difference", *_difference(moments)


def _mean_and_variance(it: Sums) -> tuple[float | None, float | None]:
    """Return mean and variance (n - 1), nan where too few have a value, None where they are not told."""
    if it["squares"] is None:
        return None, None
    n = it["n"]
    mean = it["sum"] / n if n else np.nan
    rest = it["squares"] - n * mean**2
    if rest <= NO_SPREAD * it["squares"]:
        rest = 0.0
    return mean, rest / (n - 1) if n > 1 else np.nan


def _categorical(variable: str, counted: Sums, arms: Mapping[str, Sums]) -> Iterator[tuple]:
    missing = counted["missing"]
    known = {arm: size["pregnancies"] - missing[arm]["pregnancies"] for arm, size in arms.items()}
    for level, sizes in counted["levels"].items():
        moments = {}
        for arm, it in sizes.items():
            inside, women, kept = it["pregnancies"], it["women"], "" if it["women"] is not None else KEPT
            share = None if kept else inside / known[arm] if known[arm] else np.nan
            yield variable, level, "n", arm, inside, women, None, None, kept
            yield variable, level, "percent", arm, None if kept else 100 * share, women, None, None, kept
            moments[arm] = (share, None if kept else share * (1 - share), women)
        yield variable, level, "smd", "difference", *_difference(moments)
    for arm, it in missing.items():
        yield variable, "", "missing", arm, it["pregnancies"], it["women"], None, None, ""


def _difference(moments: Mapping[str, tuple[float | None, float | None, int | None]]) -> tuple:
    """Return the cells of a standardised difference from value to reason."""
    if any(part is None for arm in ("treated", "untreated") for part in moments[arm]):
        return None, None, None, None, KEPT
    return *_smd(moments), None, None, ""


def _smd(moments: Mapping[str, tuple[float, float, int]]) -> tuple[float | None, int]:
    """Return the absolute standardised difference and the smallest number of women, if any, behind an arm.

    Not 0: where one arm has none, the difference tells how many the other has.
    """
    (mean_1, variance_1, women_1), (mean_0, variance_0, women_0) = moments["treated"], moments["untreated"]
    women = min(filter(None, (women_1, women_0)), default=0)
    spread = np.sqrt((variance_1 + variance_0) / 2)
    if not np.isfinite(spread) or spread == 0:
        return None, women
    return float(abs(mean_1 - mean_0) / spread), women
