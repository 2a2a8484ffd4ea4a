"""Covariates as columns of a design matrix, each with the name under which it is reported."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gravida.errors import ConfigurationError
from gravida.models.blocks import of_columns
from gravida.models.coded import Coded, cut, narrow
from gravida.models.kernel import Batch
from gravida.models.sample import Rows

# What one step of a continuous covariate is.
UNITS = {
    "age_at_delivery": "per year",
    "delivery_year": "per year",
    "disease_duration_years": "per year",
    "dmt_washout_days": "per day",
    "edss_before": "per point",
    "gestation_days": "per day",
    "parity": "per birth",
    "relapses_pre_year": "per relapse",
    "relapses_pregnancy": "per relapse",
}
# Categorical covariates: the column of the cohort and its levels, the reference first.
LEVELS = {
    "dmt_before": ("dmt_class", ("none", "moderate", "high", "other")),
    "assisted_reproduction": ("assisted_reproduction", ("no", "yes")),
    "ivig": ("arm", ("no", "yes")),
}
_WORDS = {"treated": "yes", "untreated": "no", True: "yes", False: "no"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a design: predictor, level or unit, reference level, and the value of each row.

    Of an indicator `reference` is the level that has 0 in every column of the predictor, else it is "".
    """

    predictor: str
    level: str
    reference: str
    coded: Coded

    @property
    def data(self) -> np.ndarray:
        """The value of each row, nan where it is missing, shape (n,)."""
        return self.coded.data


def cut_columns(columns: Sequence[Column], rows: np.ndarray) -> list[Column]:
    """Return columns cut to some rows, or put into their order, given as a mask or as positions."""
    coded = cut([column.coded for column in columns], rows)
    return [replace(column, coded=each) for column, each in zip(columns, coded, strict=True)]


def level_of(pregnancies: pd.DataFrame, predictor: str) -> pd.Series:
    """Return each pregnancy's level of a categorical covariate, None where it is missing."""
    source, _ = LEVELS[predictor]
    values = pregnancies[source]
    known = {value: _WORDS.get(value, value) for value in values.dropna().unique()}
    return values.map(known).astype("object")


def first_with_relapse(levels: Sequence[str], relapsed: Collection[str]) -> str:
    """Return the reference: of more than two levels the first with a relapse."""
    if len(levels) == 2:
        return levels[0]
    return next((level for level in levels if level in relapsed), levels[0])


def columns_of(values: pd.Series, predictor: str, relapses: np.ndarray) -> list[Column]:
    """Return the columns of one covariate: itself, or an indicator for each level but the reference.

    Of more than two levels the reference is the first with a relapse: no ratio can be taken to a rate of 0.

    Parameters
    ----------
    values : Series of n rows
        The column of the cohort that the covariate is made of.
    predictor : str
        A key of `UNITS` or `LEVELS`.
    relapses : ndarray, shape (n,)
        Relapses of the same rows.
    """
    if predictor in UNITS:
        return [Column(predictor, UNITS[predictor], "", Coded.of(values.to_numpy(float, na_value=np.nan)))]
    levels = LEVELS[predictor][1]
    number, found = pd.factorize(values, use_na_sentinel=False)
    words = [None if pd.isna(value) else _WORDS.get(value, value) for value in found]
    reference = first_with_relapse(levels, {words[at] for at in np.unique(number[relapses > 0])})
    number = narrow(number, len(words))
    indicators = {
        level: np.array([np.nan if word is None else word == level for word in words], dtype=float)
        for level in levels
        if level != reference
    }
    return [
        Column(predictor, level, reference, Coded(indicator, number))
        for level, indicator in indicators.items()
    ]


def sources_of(predictors: Sequence[str]) -> list[str]:
    """Return the columns of the cohort that covariates are made of.

    Raises
    ------
    ConfigurationError
        If one of them is not a covariate.
    """
    for name in predictors:
        if name not in UNITS and name not in LEVELS:
            raise ConfigurationError(f"covariates: {name} is not a covariate this workflow knows")
    return list(dict.fromkeys(LEVELS[name][0] if name in LEVELS else name for name in predictors))


def columns_each(
    pregnancies: pd.DataFrame, predictors: Sequence[str], rows: pd.DataFrame, relapses: np.ndarray
) -> list[Column]:
    """Return the columns of several covariates.

    Parameters
    ----------
    pregnancies : DataFrame
        Of the cohort.
    predictors : sequence of str
        Names of covariates.
    rows : DataFrame
        Person-time of n pregnancies.
    relapses : ndarray, shape (n,)
        Those by which references are chosen.
    """
    place = pregnancies.index.get_indexer(rows["pregnancy"])
    # One after the other: the values of all, of a large registry, are more than everything else.
    return [
        column
        for name in predictors
        for column in columns_of(pregnancies[sources_of([name])[0]].take(place), name, relapses)
    ]


def columns_together(
    pregnancies: pd.DataFrame, predictors: Sequence[str], rows: pd.DataFrame
) -> tuple[list[Column], np.ndarray]:
    """Return the columns of several covariates, and the relapses of the rows that have them all, shape (n,).

    References are chosen among those rows; a covariate that nobody has takes no row away.

    Parameters
    ----------
    pregnancies, predictors, rows
        As for `columns_each`.
    """
    complete = np.ones(len(rows), dtype=bool)
    place = pregnancies.index.get_indexer(rows["pregnancy"])
    for source in sources_of(predictors):
        missing = pregnancies[source].isna().to_numpy(bool)[place]
        complete &= ~missing | missing.all()
    counted = np.where(complete, rows["relapses"], 0)
    return columns_each(pregnancies, predictors, rows, counted), counted


def site_columns(site: pd.Series, relapses: np.ndarray) -> list[Column]:
    """Return an indicator for each site but the first by name with a relapse; nothing for no site."""
    number, names = pd.factorize(site)
    silent = np.bincount(number[relapses > 0], minlength=len(names)) == 0
    first, *others = sorted(range(len(names)), key=lambda place: (silent[place], names[place])) or [0]
    number, indicators = narrow(number, len(names)), np.eye(len(names))
    return [Column("site", names[at], names[first], Coded(indicators[at], number)) for at in others]


def make_batch(rows: pd.DataFrame, columns: Sequence[Column]) -> Batch:
    """Return rows of person-time and columns aligned with them as a batch, an intercept first.

    Parameters
    ----------
    rows : DataFrame
        With relapses, person_years, woman; n rows.
    columns : sequence of Column
        Each with n values.
    """
    return Batch(
        rows["relapses"].to_numpy(float),
        np.column_stack([np.ones(len(rows)), *(column.data for column in columns)]),
        np.log(rows["person_years"].to_numpy(float)),
        rows["woman"].to_numpy(),
    )


def make_sample(rows: pd.DataFrame, columns: Sequence[Coded]) -> Rows:
    """Return rows of person-time and columns of a design as a model is fitted to them.

    Parameters
    ----------
    rows : DataFrame
        As for `make_batch`.
    columns : sequence of Coded
        Of the whole design, with n values each.
    """
    years = Coded.of(rows["person_years"].to_numpy())
    log_time = replace(years, levels=np.log(years.levels))
    counts = Coded.of(rows["relapses"].to_numpy())
    return Rows(of_columns(counts, log_time, columns, rows["woman"].to_numpy()))


def with_intercept(columns: Sequence[Column], rows: int) -> list[Coded]:
    """Return the design of an intercept and columns of so many rows."""
    return [Coded(np.ones(1), np.zeros(rows, dtype=np.uint8)), *(column.coded for column in columns)]
