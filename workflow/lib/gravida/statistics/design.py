"""Covariates as columns of a design matrix, each with the name under which it is reported."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gravida.errors import ConfigurationError
from gravida.models.blocks import BLOCK
from gravida.models.kernel import Batch

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
# A column whose part outside the span of the others is smaller than this share of its length is one of them.
COLLINEAR = 1e-8


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a design: predictor, level or unit, reference level, values with nan where missing."""

    predictor: str
    level: str
    reference: str
    data: np.ndarray


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


def columns_of(pregnancies: pd.DataFrame, predictor: str, relapses: np.ndarray) -> list[Column]:
    """Return the columns of one covariate: itself, or an indicator for each level but the reference.

    Of more than two levels the reference is the first with a relapse: no ratio can be taken to a rate of 0.

    Parameters
    ----------
    pregnancies : DataFrame
        Rows of the cohort.
    predictor : str
        A key of `UNITS` or `LEVELS`.
    relapses : ndarray, shape (n,)
        Relapses of the same rows.
    """
    (source,) = sources_of([predictor])
    if predictor in UNITS:
        values = pregnancies[source].astype("float64").to_numpy()
        return [Column(predictor, UNITS[predictor], "", values)]
    levels = LEVELS[predictor][1]
    # Missing values have the number -1, and so what stands last in each list of what a number means.
    number, values = pd.factorize(pregnancies[source])
    words = [_WORDS.get(value, value) for value in values] + [None]
    reference = first_with_relapse(levels, {words[found] for found in np.unique(number[relapses > 0])})
    indicators = {level: np.array([*(word == level for word in words[:-1]), np.nan]) for level in levels}
    return [
        Column(predictor, level, reference, indicator[number])
        for level, indicator in indicators.items()
        if level != reference
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


def columns_together(
    pregnancies: pd.DataFrame, predictors: Sequence[str], relapses: np.ndarray
) -> tuple[list[Column], np.ndarray]:
    """Return the columns of several covariates, and the relapses of the rows that have them all, shape (n,).

    References are chosen among those rows; a covariate that nobody has takes no row away.

    Parameters
    ----------
    pregnancies, relapses
        As for `columns_of`.
    predictors : sequence of str
        Names of covariates.
    """
    complete = np.ones(relapses.size, dtype=bool)
    for source in sources_of(predictors):
        missing = pregnancies[source].isna().to_numpy(bool)
        complete &= ~missing | missing.all()
    counted = np.where(complete, relapses, 0)
    return [column for name in predictors for column in columns_of(pregnancies, name, counted)], counted


def site_columns(site: pd.Series, relapses: np.ndarray) -> list[Column]:
    """Return an indicator for each site but the first by name with a relapse; nothing for no site."""
    silent = set(site) - set(site[relapses > 0])
    first, *others = sorted(site.unique(), key=lambda name: (name in silent, name)) or [""]
    return [Column("site", name, first, (site == name).to_numpy(float)) for name in others]


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


def decided_by_one_woman(batch: Batch) -> np.ndarray:
    """Say for each coefficient whether it cannot be estimated without one of the women, shape (p,).

    The model fits such a woman exactly, so that clustered errors leave her out.
    """
    lengths = np.sqrt(np.einsum("np,np->p", batch.design, batch.design))
    root = triangle(batch.design) / lengths
    to_basis = np.linalg.inv(root) / lengths[:, None]
    leverage = np.concatenate([((part @ to_basis) ** 2).sum(axis=1) for part in _parts(batch.design)])
    alone = np.zeros(lengths.size, dtype=bool)
    # Only a woman whose leverage adds up to 1 can carry a direction of the design by herself.
    for woman in np.flatnonzero(np.bincount(batch.woman, leverage) > 1 - COLLINEAR):
        hers = batch.design[batch.woman == woman] @ to_basis
        values, vectors = np.linalg.eigh(hers.T @ hers)
        for vector in vectors[:, values > 1 - COLLINEAR].T:
            direction = np.abs(np.linalg.solve(root, vector))
            alone |= direction > COLLINEAR * direction.max()
    return alone


def triangle(design: np.ndarray) -> np.ndarray:
    """Return a matrix of few rows with the same inner products of its columns: R of the QR decomposition.

    Parameters
    ----------
    design : ndarray, shape (n, p)

    Returns
    -------
    ndarray, shape (min(n, p), p)
    """
    return np.linalg.qr(np.vstack([np.linalg.qr(part, mode="r") for part in _parts(design)]), mode="r")


def _parts(design: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, max(1, design.shape[0]), BLOCK):
        yield design[start : start + BLOCK]


def independent_columns(design: np.ndarray) -> list[bool]:
    """Say for each column whether it adds to the span of the columns before it.

    Parameters
    ----------
    design : ndarray, shape (n, p)

    Returns
    -------
    list of bool, length p
    """
    design = triangle(design)
    basis, independent = np.zeros((design.shape[0], 0)), []
    for column in design.T:
        length = np.linalg.norm(column)
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        adds = bool(length > 0 and np.linalg.norm(rest) > COLLINEAR * length)
        independent.append(adds)
        if adds:
            basis = np.column_stack([basis, rest / np.linalg.norm(rest)])
    return independent
