"""Pregnancies of one woman that come so close that their years of observation overlap."""

import numpy as np
import pandas as pd

from gravida.periods import YEAR, gestation


def follows_within_two_years(pregnancies: pd.DataFrame) -> np.ndarray:
    """Say for each pregnancy whether its observed year before overlaps the year after the delivery before it.

    From that delivery to this last menstrual period are `next_conception_day` days of the earlier record;
    where it is missing, deliveries at most two calendar years apart are taken to overlap, as nearly all do.

    Parameters
    ----------
    pregnancies : DataFrame
        Rows of the cohort.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    ordered = in_order_of_delivery(pregnancies)
    earlier = ordered.groupby("woman", sort=False).shift(1)
    interval = earlier["next_conception_day"].astype("float64").to_numpy()
    length = pd.Series(gestation(ordered), index=ordered.index)
    first_day = (ordered["observed_from_day"].astype("float64") + length).fillna(-YEAR).clip(lower=-YEAR)
    apart = (ordered["delivery_year"] - earlier["delivery_year"]).astype("float64").to_numpy()
    with np.errstate(invalid="ignore"):
        overlaps = np.where(np.isnan(interval), apart <= 2, first_day.to_numpy() + interval < YEAR)
    return pd.Series(overlaps, index=ordered.index).reindex(pregnancies.index).to_numpy(bool)


def in_order_of_delivery(pregnancies: pd.DataFrame) -> pd.DataFrame:
    """Return the pregnancies of each woman in the order of their deliveries.

    Of two in one calendar year the one with a next conception comes first.
    """
    keys = ["woman", "delivery_year", "next_conception_day", "pregnancy_id"]
    return pregnancies.sort_values(keys, kind="stable", na_position="last")
