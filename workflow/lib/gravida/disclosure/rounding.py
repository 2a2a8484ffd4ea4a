"""Profiles that round: every count, and what can be worked out from rounded counts is worked out from them.

Counts are judged before they are rounded. Source: the OpenSAFELY rules for checking outputs (counts up to 7
withheld, then rounded to 5, or to the midpoint of 6).
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from gravida.models.exact import clopper_pearson, garwood
from schemas.release import roles_of

COUNTS = ("denominator", "count", "own", "events")
# Statistics of `baseline` and tests of `dispersion` whose value is a count.
COUNTED = ("n", "missing")
DECIMALS, DECIMALS_OF_P = 2, 3


def nearest_5(counts: pd.Series) -> pd.Series:
    """Round to the nearest multiple of 5."""
    return (counts / 5).round() * 5


def midpoint_6(counts: pd.Series) -> pd.Series:
    """Round to the middle of each 6 numbers: 1 to 6 is 3, 7 to 12 is 9; 0 stays."""
    return np.ceil(counts / 6) * 6 - 3 * (counts > 0)


ROUNDINGS: dict[str, Callable[[pd.Series], pd.Series]] = {"nearest_5": nearest_5, "midpoint_6": midpoint_6}


def round_tables(
    tables: Mapping[str, pd.DataFrame], rounding: str, confidence: float
) -> dict[str, pd.DataFrame]:
    """Return protected tables with rounded counts.

    Parameters
    ----------
    tables : mapping of name to DataFrame
    rounding : str
        `nearest_5`, `midpoint_6`, or nothing to leave the tables as they are.
    confidence : float
        Coverage of exact limits, which are those of rounded counts.
    """
    if not rounding:
        return dict(tables)
    return {name: _rounded(name, table, ROUNDINGS[rounding], confidence) for name, table in tables.items()}


def _rounded(name: str, table: pd.DataFrame, rounds: Callable, confidence: float) -> pd.DataFrame:
    roles = roles_of(name)
    made = {}
    for column in table.columns.drop("suppressed"):
        if roles[column] in COUNTS or roles[column] == "time":
            made[column] = rounds(pd.to_numeric(table[column]))
        elif roles[column] in ("derived", "estimate") and pd.api.types.is_numeric_dtype(table[column]):
            made[column] = table[column].round(DECIMALS_OF_P if column.startswith("p_") else DECIMALS)
    out = table.assign(**made)
    if name == "dispersion":
        counted = out["test"].str.startswith("frequency_") | out["test"].eq("zeros")
        out["statistic"] = out["statistic"].mask(counted, rounds(table["statistic"]))
    if name == "baseline":
        out["value"] = _described(table, rounds)
    if name in ("relapse_rates", "sites"):
        out = _rates(out, confidence)
    if name == "identifiability":
        out["share_treated"] = (out["treated"] / out["pregnancies"]).where(table["share_treated"].notna())
    if name == "safety":
        out = _shares(out, confidence)
    return out


def _described(table: pd.DataFrame, rounds: Callable) -> pd.Series:
    """Return rounded numbers, and percentages of rounded numbers."""
    counted = table["statistic"].isin(COUNTED)
    value = table["value"].round(DECIMALS).mask(counted, rounds(table["value"]))
    level = value.where(table["statistic"] == "n")
    keys = [table["variable"], table["arm"]]
    of_level = level.groupby([*keys, table["level"]]).transform("max")
    percent = 100 * of_level / level.groupby(keys).transform("sum")
    return value.mask(table["statistic"].eq("percent") & value.notna(), percent.round(1))


def _rates(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return rates and exact limits of rounded relapses and person-years."""
    single = table["kind"].eq("site") if "kind" in table else pd.Series(True, table.index)
    shown = single & table["rate"].notna() & (table["person_years"] > 0)
    lower, upper = garwood(table.loc[shown, "relapses"], table.loc[shown, "person_years"], confidence)
    out = table.copy()
    out.loc[single, ["rate", "lower", "upper"]] = np.nan
    out.loc[shown, "rate"] = table["relapses"] / table["person_years"]
    out.loc[shown, "lower"], out.loc[shown, "upper"] = lower, upper
    return out


def _shares(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return percentages and exact limits of rounded counts."""
    shown = table["percent"].notna() & (table["pregnancies"] > 0)
    events = np.minimum(table.loc[shown, "with_event"], table.loc[shown, "pregnancies"])
    lower, upper = clopper_pearson(events, table.loc[shown, "pregnancies"], confidence)
    out = table.copy()
    out.loc[:, ["percent", "lower", "upper"]] = np.nan
    out.loc[shown, "percent"] = 100 * events / table["pregnancies"]
    out.loc[shown, "lower"], out.loc[shown, "upper"] = 100 * lower, 100 * upper
    return out
