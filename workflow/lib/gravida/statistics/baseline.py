"""Who the women are: the baseline table by arm, with standardised differences.

Numbers, means and standard deviations are sums over pregnancies; medians and quartiles are not: they need all
values at once.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gravida.statistics.guards import women_apart, women_at

COLUMNS = ["variable", "level", "statistic", "arm", "value", "women", "women_at_value", "women_apart"]
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
    groups = {arm: pregnancies if arm == "all" else pregnancies[pregnancies["arm"] == arm] for arm in ARMS}
    rows = [
        ("pregnancies", "", "n", arm, len(group), group["woman"].nunique(), None, None)
        for arm, group in groups.items()
    ]
    rows += [
        ("women", "", "n", arm, group["woman"].nunique(), group["woman"].nunique(), None, None)
        for arm, group in groups.items()
    ]
    for variable in CONTINUOUS:
        rows += _continuous(variable, groups)
    for variable, column in CATEGORICAL.items():
        rows += _categorical(variable, column, groups)
    return pd.DataFrame(rows, columns=COLUMNS)


def _continuous(variable: str, groups: dict[str, pd.DataFrame]) -> Iterator[tuple]:
    moments = {}
    for arm, group in groups.items():
        values = group[variable].astype("float64")
        present = values.dropna()
        women = group.loc[present.index, "woman"].nunique()
        affected = group.loc[present.index[present > 0], "woman"].nunique() if variable in EVENTS else None
        numbers, holders = {"n": present.size}, {}
        if present.size:
            quartiles = dict(zip(QUARTILES, np.quantile(present, [*QUARTILES.values()]), strict=True))
            theirs = group.loc[present.index, "woman"]
            holders = {
                name: (women_at(theirs, present, value), women_apart(theirs, present, value))
                for name, value in quartiles.items()
            }
            numbers |= {"mean": present.mean(), "sd": present.std(ddof=1) if present.size > 1 else None}
            numbers |= quartiles
        for statistic in ("n", "mean", "sd", "median", "q1", "q3"):
            value, at_value = numbers.get(statistic), holders.get(statistic, (None, None))
            yield variable, "", statistic, arm, value, women, *at_value
        yield variable, "", "missing", arm, values.isna().sum(), _missing_women(group, values), None, None
        moments[arm] = (present.mean(), present.var(ddof=1), women if affected is None else affected)
    yield variable, "", "smd", "difference", *_smd(moments), None, None


def _categorical(variable: str, column: str, groups: dict[str, pd.DataFrame]) -> Iterator[tuple]:
    words = {
        arm: group[column].astype("object").replace({True: "yes", False: "no"})
        for arm, group in groups.items()
    }
    for level in LEVEL_ORDER[variable]:
        moments = {}
        for arm, values in words.items():
            present = values.dropna()
            inside = present == level
            women = groups[arm].loc[present.index[inside], "woman"].nunique()
            share = inside.mean() if present.size else np.nan
            yield variable, level, "n", arm, inside.sum(), women, None, None
            yield variable, level, "percent", arm, 100 * share, women, None, None
            moments[arm] = (share, share * (1 - share), women)
        yield variable, level, "smd", "difference", *_smd(moments), None, None
    for arm, values in words.items():
        women = _missing_women(groups[arm], values)
        yield variable, "", "missing", arm, values.isna().sum(), women, None, None


def _missing_women(group: pd.DataFrame, values: pd.Series) -> int:
    return group.loc[values.isna(), "woman"].nunique()


def _smd(moments: dict[str, tuple[float, float, int]]) -> tuple[float | None, int]:
    """Return the absolute standardised difference and the smallest number of women, if any, behind an arm.

    Not 0: where one arm has none, the difference tells how many the other has.
    """
    (mean_1, variance_1, women_1), (mean_0, variance_0, women_0) = moments["treated"], moments["untreated"]
    women = min(filter(None, (women_1, women_0)), default=0)
    spread = np.sqrt((variance_1 + variance_0) / 2)
    if not np.isfinite(spread) or spread == 0:
        return None, women
    return float(abs(mean_1 - mean_0) / spread), women
