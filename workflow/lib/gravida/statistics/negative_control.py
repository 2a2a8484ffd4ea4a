"""A period on which the treatment cannot act: the year before pregnancy, as a negative control outcome.

A ratio away from 1 there is a difference between the arms that immunoglobulin after this delivery did not
make. Source: Lipsitch, Tchetgen Tchetgen and Cohen (2010), Epidemiology 21:383-388.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from gravida.periods import YEAR, gestation
from gravida.statistics.comparison import Comparison
from gravida.statistics.contrasts import Contrasts
from gravida.words import joined

PERIOD = "pre_pregnancy_year"
NO_OVERLAP = "without pregnancies whose year before overlaps a postpartum year of the same woman"


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


def negative_controls(contrasts: Contrasts) -> list[Comparison]:
    """Return the contrast in the year before pregnancy: crude and, where that is the primary one, by site.

    Each also without the pregnancies that follow another within two years: their year before may lie in the
    months after a treated delivery.

    Parameters
    ----------
    contrasts : Contrasts
        Of the outcome period.
    """
    before = replace(contrasts, settings=replace(contrasts.settings, period=PERIOD))
    near = contrasts.pregnancies.index[follows_within_two_years(contrasts.pregnancies)]
    apart = replace(before, person_time=contrasts.person_time[~contrasts.person_time["pregnancy"].isin(near)])
    controls = []
    for these, said in ((before, ""), (apart, NO_OVERLAP)):
        crude = these.crude("negative_control", these.between_note)
        controls.append(_saying(said, crude))
        if contrasts.within:
            controls.append(_saying(said, these.by_site("negative_control", immortal=False)))
    return controls


def _saying(said: str, comparison: Comparison) -> Comparison:
    return replace(comparison, note=joined(said, comparison.note))
