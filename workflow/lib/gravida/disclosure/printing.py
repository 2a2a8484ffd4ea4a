"""Numbers as they are printed: exact means tell how many women there are, quantiles one woman's value."""

from collections.abc import Mapping

import pandas as pd

MEANS, DECIMALS = ("mean", "sd"), 2
QUANTILES = ("q1", "median", "q3")
MEDIANS = ("grams_median", "first_day_median", "last_day_median")


def print_numbers(tables: Mapping[str, pd.DataFrame], threshold: int) -> dict[str, pd.DataFrame]:
    """Return tables with means to 2 decimals, and quantiles to whole numbers where few women have that value.

    Parameters
    ----------
    tables : mapping of name to DataFrame
        Unprotected, with the columns `women_at_...` that say how many women have a quantile for their value.
    threshold : int
        The fewest women on whom a cell may rest.
    """
    printed = dict(tables)
    if "baseline" in tables:
        printed["baseline"] = _baseline(tables["baseline"], threshold)
    if "doses" in tables:
        doses = tables["doses"].round({"grams_mean": DECIMALS, "grams_sd": DECIMALS})
        rare = {column: doses[f"women_at_{column}"] < threshold for column in MEDIANS}
        whole = {column: doses[column].mask(rare[column], doses[column].round()) for column in MEDIANS}
        printed["doses"] = doses.assign(**whole)
    return printed


def _baseline(table: pd.DataFrame, threshold: int) -> pd.DataFrame:
    value, rare = table["value"], table["women_at_value"] < threshold
    value = value.mask(table["statistic"].isin(MEANS), value.round(DECIMALS))
    return table.assign(value=value.mask(table["statistic"].isin(QUANTILES) & rare, value.round()))
