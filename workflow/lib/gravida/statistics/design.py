"""Covariates as columns of a design matrix, each with the name under which it is reported."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gravida.errors import ConfigurationError
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


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a model can be fitted with.

    Attributes
    ----------
    columns : tuple of Column
        Those whose coefficients can be estimated, each with a value for every one of n rows.
    keep : ndarray of bool, shape (n,)
        Rows that enter the model.
    problems : dict
        For each (predictor, level) that was left out, the reason in words.
    """

    columns: tuple[Column, ...]
    keep: np.ndarray
    problems: dict[tuple[str, str], str]

    def fitted_columns(self) -> list[Column]:
        """Return the columns cut to the rows that enter the model."""
        return [replace(column, data=column.data[self.keep]) for column in self.columns]


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
    if predictor in UNITS:
        values = pregnancies[predictor].astype("float64").to_numpy()
        return [Column(predictor, UNITS[predictor], "", values)]
    if predictor not in LEVELS:
        raise ConfigurationError(f"covariates: {predictor} is not a covariate this workflow knows")
    source, levels = LEVELS[predictor]
    words = (
        pregnancies[source].map(lambda value: _WORDS.get(value, value), na_action="ignore").astype("object")
    )
    missing = words.isna().to_numpy()
    reference = levels[0]
    if len(levels) > 2:
        relapsed = set(words[~missing & (relapses > 0)])
        reference = next((level for level in levels if level in relapsed), reference)
    return [
        Column(predictor, level, reference, np.where(missing, np.nan, (words == level).to_numpy(bool)))
        for level in levels
        if level != reference
    ]


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
    for name in predictors:
        missing = np.isnan(columns_of(pregnancies, name, relapses)[0].data)
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


def prepare(columns: Sequence[Column], relapses: np.ndarray) -> Prepared:
    """Keep what can be estimated together: complete rows, columns that vary, levels with a relapse.

    A level without a relapse has a rate ratio of 0. Its rows are left out, which is where maximum likelihood
    goes with them: they say nothing about the other coefficients.

    Parameters
    ----------
    columns : sequence of Column
        Each with n values, nan where missing.
    relapses : ndarray, shape (n,)
    """
    problems = {_key(c): "missing for every pregnancy" for c in columns if np.isnan(c.data).all()}
    left = [column for column in columns if _key(column) not in problems]
    keep = np.all([np.ones(relapses.size, dtype=bool), *(~np.isnan(column.data) for column in left)], axis=0)
    binary = {
        column.predictor for column in left if _levels(columns, column.predictor) == 1 and column.reference
    }
    while found := _first_problem(left, relapses, keep, binary):
        column, reason, silent = found
        problems[_key(column)] = reason
        left.remove(column)
        keep = keep & ~silent
    design = np.column_stack([np.ones(int(keep.sum())), *(column.data[keep] for column in left)])
    adds = independent_columns(design)[1:]
    for column in [column for column, independent in zip(left, adds, strict=True) if not independent]:
        problems[_key(column)] = "a combination of the other covariates"
        left.remove(column)
    return Prepared(tuple(left), keep, problems)


def _key(column: Column) -> tuple[str, str]:
    return column.predictor, column.level


def _levels(columns: Sequence[Column], predictor: str) -> int:
    return sum(column.predictor == predictor for column in columns)


def _first_problem(
    columns: Sequence[Column], relapses: np.ndarray, keep: np.ndarray, binary: set[str]
) -> tuple[Column, str, np.ndarray] | None:
    """Return a column that cannot be estimated, why, and the rows that go with it; None if there is none."""
    nothing = np.zeros(relapses.size, dtype=bool)
    for column in columns:
        kept = column.data[keep]
        if kept.size == 0:
            return column, "no pregnancy has a value for every covariate", nothing
        if np.ptp(kept) == 0:
            return column, _constant(column, kept), nothing
        for level, name in ((1.0, column.level), (0.0, column.reference)):
            rows = keep & (column.data == level)
            asked = column.predictor in binary or (column.reference and level == 1.0)
            if asked and not relapses[rows].any():
                return column, f"no relapse with '{name}': the ratio is 0 or infinite", rows
    return None


def _constant(column: Column, values: np.ndarray) -> str:
    if column.reference and values[0] == 0:
        return f"no pregnancy with '{column.level}'"
    return "the same for every pregnancy"


def decided_by_one_woman(batch: Batch) -> np.ndarray:
    """Say for each coefficient whether it cannot be estimated without one of the women, shape (p,).

    The model fits such a woman exactly, so that clustered errors leave her out.
    """
    lengths = np.linalg.norm(batch.design, axis=0)
    basis, root = np.linalg.qr(batch.design / lengths)
    order = np.argsort(batch.woman, kind="stable")
    starts = np.flatnonzero(np.diff(batch.woman[order], prepend=-1))
    alone = np.zeros(lengths.size, dtype=bool)
    # Only a woman whose leverage adds up to 1 can carry a direction of the design by herself.
    leverage = np.add.reduceat((basis**2).sum(axis=1)[order], starts)
    for place in np.flatnonzero(leverage > 1 - COLLINEAR):
        hers = basis[np.split(order, starts[1:])[place]]
        values, vectors = np.linalg.eigh(hers.T @ hers)
        for vector in vectors[:, values > 1 - COLLINEAR].T:
            direction = np.abs(np.linalg.solve(root, vector))
            alone |= direction > COLLINEAR * direction.max()
    return alone


def independent_columns(design: np.ndarray) -> list[bool]:
    """Say for each column whether it adds to the span of the columns before it.

    Parameters
    ----------
    design : ndarray, shape (n, p)

    Returns
    -------
    list of bool, length p
    """
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
