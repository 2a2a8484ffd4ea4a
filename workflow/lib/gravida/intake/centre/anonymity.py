"""How many women share what others may know of them: age, year of delivery and site (k-anonymity).

Women are counted, not pregnancies: two pregnancies of one woman do not hide her. The measure is Sweeney's,
International Journal of Uncertainty, Fuzziness and Knowledge-Based Systems 10:557 (2002).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

AGE_GROUP, YEAR_BAND = 5, 2
_AGES = {"as sent": 0, f"{AGE_GROUP}-year groups": 1}
_YEARS = {"single years": 0, f"{YEAR_BAND}-year bands": 1}
CLASS_COLUMNS = (
    "age",
    "delivery_year",
    "steps",
    "k",
    "pregnancies",
    "classes",
    "smallest",
    "classes_below_k",
    "pregnancies_below_k",
    "reaches_k",
    "advice",
    "smallest_class",
)


def smallest_classes(pregnancies: pd.DataFrame, k: int, at_centre: bool = False) -> pd.DataFrame:
    """Measure the classes of women alike, as they are and after each coarsening.

    Parameters
    ----------
    pregnancies : DataFrame
        `age_at_delivery` and `delivery_year`; `woman_id`, without which every pregnancy counts as a woman;
        `site`, without which all are of one. A missing value is a class of its own.
    k : int
        How many women a class should have, at least 1.
    at_centre : bool
        Name the smallest class. Only the centre itself, which knows the women anyway, may ask for that.

    Returns
    -------
    DataFrame
        Columns `CLASS_COLUMNS`; the first row is the table as sent, the others are 1 or 2 steps coarser, the
        fewest steps first. `smallest` is the number of women of the smallest class, 0 without a pregnancy.
    """
    rows = [
        _measured(pregnancies, age, year, k, at_centre)
        for age, year in sorted(
            ((age, year) for age in _AGES for year in _YEARS), key=lambda way: _AGES[way[0]] + _YEARS[way[1]]
        )
    ]
    return pd.DataFrame(rows, columns=list(CLASS_COLUMNS))


def _measured(pregnancies: pd.DataFrame, age: str, year: str, k: int, at_centre: bool) -> dict:
    ages = pregnancies["age_at_delivery"].astype("Float64")
    years = pregnancies["delivery_year"].astype("Int64")
    keys = pd.DataFrame(
        {
            "site": pregnancies.get("site", ""),
            "year": years // YEAR_BAND * YEAR_BAND if _YEARS[year] else years,
            "age": np.floor(ages / AGE_GROUP) * AGE_GROUP if _AGES[age] else ages,
        },
        index=pregnancies.index,
    )
    women = pregnancies["woman_id"] if "woman_id" in pregnancies else pd.Series(keys.index, keys.index)
    # A woman without an id is a woman of her own.
    women = women.astype("object").where(women.notna(), pd.Series(range(len(keys)), keys.index))
    groups = keys.assign(woman=women).groupby(["site", "year", "age"], dropna=False)["woman"]
    sizes, counts = groups.nunique(), groups.size()
    few = sizes < k
    below = int(counts[few].sum())
    steps = _AGES[age] + _YEARS[year]
    smallest = int(sizes.min()) if len(sizes) else 0
    named = _named(sizes.idxmin(), age, year) if at_centre and len(sizes) else ""
    advice = _advice(age, year, k, below, int(few.sum()))
    numbers = (steps, k, len(keys), len(sizes), smallest, int(few.sum()), below)
    return dict(zip(CLASS_COLUMNS, (age, year, *numbers, below == 0, advice, named), strict=True))


def _advice(age: str, year: str, k: int, below: int, classes: int) -> str:
    changes = [
        *([f"ages in {AGE_GROUP}-year groups (the middle: 27 for 25 to 29)"] if _AGES[age] else []),
        *([f"years of delivery in {YEAR_BAND}-year bands (the first of the two)"] if _YEARS[year] else []),
    ]
    what = f"Send {' and '.join(changes)}" if changes else "As sent"
    left = f"{below} pregnancies in {classes} classes stay below {k} women"
    return f"{what}: {left if below else f'every class has at least {k} women'}."


def _named(key: tuple, age: str, year: str) -> str:
    site, first, youngest = key
    years = _range(first, YEAR_BAND if _YEARS[year] else 1, "{:.0f}".format)
    ages = _range(youngest, AGE_GROUP if _AGES[age] else 1, "{:g}".format)
    return f"{f'site {site}, ' if site else ''}delivery year {years}, age {ages}"


def _range(first, width: int, written: Callable[[float], str]) -> str:
    if pd.isna(first):
        return "missing"
    start = float(first)
    return written(start) if width == 1 else f"{written(start)} to {written(start + width - 1)}"
