"""Whether ages, years and disability fit together, within a pregnancy and between those of one woman.

The quantities are named and limited in ``schemas.submission_rules``, and missing where they cannot be
assessed, as in ``gravida.intake.links``.
"""

import numpy as np
import pandas as pd


def of_women(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the quantities of age, years and EDSS; between pregnancies only where a woman has several.

    Parameters
    ----------
    frame : DataFrame, n rows
        The pregnancies, typed, with a range index.

    Returns
    -------
    dict of str to Series of Int64
        Years of age at the diagnosis, deliveries of the woman in the same year, years beyond the one by which
        ages may differ from years, and half points by which the EDSS has fallen.
    """
    year, birth, woman = _real(frame["delivery_year"]), born(frame), _numbered(frame["woman_id"])
    in_year = year.groupby([woman, year]).transform("size")
    hers = birth.groupby(woman)
    apart = np.maximum(birth - hers.transform("min"), hers.transform("max") - birth)
    beyond = np.ceil(apart - 1).clip(lower=0)
    ill_at = np.floor(_real(frame["ms_diagnosis_year"]) - birth)
    return {
        "delivery_year.once_a_woman": _whole(in_year - 1),
        "age_at_delivery.fits_delivery_years": _whole(beyond.where(hers.transform("count") > 1)),
        "ms_diagnosis_year.from_age_14": _whole(ill_at),
        "edss_before.drop_between_pregnancies": _whole(_drop_in_half_points(frame, woman, in_year)),
    }


def born(frame: pd.DataFrame) -> pd.Series:
    """Return the year of birth that year of delivery and age tell, within a year."""
    return _real(frame["delivery_year"]) - _real(frame["age_at_delivery"])


def _numbered(ids: pd.Series) -> pd.Series:
    """Return a number for each id, the same for the same: rows are told apart by it sooner than by a text."""
    place, _ = pd.factorize(ids)
    return pd.Series(place, ids.index).where(place >= 0)


def _drop_in_half_points(frame: pd.DataFrame, woman: pd.Series, in_year: pd.Series) -> pd.Series:
    """Return twice the fall of the EDSS since the pregnancy before; deliveries of one year have no order."""
    scored = pd.DataFrame(
        {
            "woman": woman,
            "year": _real(frame["delivery_year"]),
            "points": 2 * frame["edss_before"],
            "alone": (in_year == 1).astype("float64"),
        }
    ).dropna()
    scored = scored.sort_values(["woman", "year"], kind="stable")
    before = scored.groupby("woman")[["points", "alone"]].shift()
    ordered = (scored["alone"] == 1) & (before["alone"] == 1)
    return (before["points"] - scored["points"]).where(ordered).reindex(frame.index)


def _whole(numbers: pd.Series) -> pd.Series:
    missing = numbers.isna()
    whole = pd.arrays.IntegerArray(numbers.mask(missing, 0).to_numpy(np.int64), missing.to_numpy())
    return pd.Series(whole, numbers.index)


def _real(cells: pd.Series) -> pd.Series:
    return cells.astype("Float64").astype("float64")
