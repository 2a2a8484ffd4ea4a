"""The rows of a site that a question is about, and the columns of its model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.federation.questions import Label, Which
from gravida.models.kernel import Batch
from gravida.person_time import with_texts
from gravida.statistics.cells import with_both_years
from gravida.statistics.design import LEVELS, UNITS, level_of
from gravida.statistics.overlap import follows_within_two_years


@dataclass(frozen=True)
class Holdings:
    """The rows of one site: its pregnancies, by their position in the cohort, and their person-time.

    Attributes
    ----------
    pregnancies, person_time : DataFrame
    onsets : DataFrame, optional
        Of the cohort.
    attrition, data_quality : DataFrame, optional
        The internal tables.
    """

    pregnancies: pd.DataFrame
    person_time: pd.DataFrame
    onsets: pd.DataFrame | None = None
    attrition: pd.DataFrame | None = None
    data_quality: pd.DataFrame | None = None

    @cached_property
    def overlapping(self) -> np.ndarray:
        """Whether each pregnancy's year before overlaps an earlier postpartum year, shape (n,)."""
        return follows_within_two_years(self.pregnancies)

    @property
    def site(self) -> str:
        """Its name."""
        return str(self.pregnancies["site"].iloc[0])

    def table(self, name: str) -> pd.DataFrame:
        """Return onsets, attrition or data_quality.

        Raises
        ------
        NotEstimable
            If nobody read it.
        """
        found = getattr(self, name)
        if found is None:
            raise NotEstimable(f"the table {name} was not read")
        return found

    def select(self, which: Which) -> pd.DataFrame:
        """Return the rows of person-time that a question is about."""
        rows = self.person_time
        rows = rows[rows["period"].isin(which.periods)]
        for name in which.only:
            rows = rows[FILTERS[name](self, rows)]
        keep = np.ones(len(rows), dtype=bool)
        for name in which.complete:
            keep &= ~np.isnan(self._any_level(rows, name))
        for predictor, level, value in which.without:
            keep &= self.values(rows, (predictor, level)) != value
        return rows[keep]

    def values(self, rows: pd.DataFrame, label: Label) -> np.ndarray:
        """Return one column of a design for some rows of person-time, nan where missing, shape (n,)."""
        kind, *of = label
        if kind == "intercept":
            return np.ones(len(rows))
        if kind in ("arm", "site"):
            return (rows[kind] == of[0]).to_numpy(float)
        if kind == "cell":
            return ((rows["arm"] == of[0]) & (rows["period"] == of[1])).to_numpy(float)
        if kind in UNITS:
            return self.pregnancies[kind].loc[rows["pregnancy"]].astype("float64").to_numpy()
        levels = self.levels(rows, kind)
        return np.where(levels.isna(), np.nan, (levels == of[0]).to_numpy(float))

    def levels(self, rows: pd.DataFrame, predictor: str) -> pd.Series:
        """Return the level of a categorical covariate for some rows of person-time, None where missing."""
        source, _ = LEVELS[predictor]
        return level_of(self.pregnancies[[source]], predictor).loc[rows["pregnancy"]]

    def batch(self, rows: pd.DataFrame, labels: Sequence[Label]) -> Batch:
        """Return rows of person-time as a batch."""
        return Batch(
            rows["relapses"].to_numpy(float),
            np.column_stack([self.values(rows, label) for label in labels]),
            np.log(rows["person_years"].to_numpy(float)),
            rows["woman"].to_numpy(),
        )

    def _any_level(self, rows: pd.DataFrame, predictor: str) -> np.ndarray:
        return self.values(rows, (predictor, LEVELS[predictor][1][0] if predictor in LEVELS else ""))


def holdings(
    pregnancies: pd.DataFrame, person_time: pd.DataFrame, **tables: pd.DataFrame
) -> dict[str, Holdings]:
    """Return the rows of a cohort by site; `tables` are the optional ones of `Holdings`."""
    periods = dict(list(with_texts(person_time).groupby("site")))
    nothing = person_time.iloc[:0]
    return {
        site: Holdings(theirs, periods.get(site, nothing), **tables)
        for site, theirs in pregnancies.groupby("site")
    }


def holding_of(
    site: str, pregnancies: pd.DataFrame, person_time: pd.DataFrame, **tables: pd.DataFrame
) -> Holdings:
    """Return the rows of one site of a cohort.

    Raises
    ------
    NotEstimable
        If none of its rows is used.
    """
    found = holdings(pregnancies, person_time, **tables)
    if site not in found:
        raise NotEstimable(
            f"site {site} has no pregnancy in the study; see its page in results/internal/quality"
        )
    return found[site]


def _no_overlap(held: Holdings, rows: pd.DataFrame) -> np.ndarray:
    near = held.pregnancies.index[held.overlapping]
    return ~rows["pregnancy"].isin(near).to_numpy()


def _dated(held: Holdings, rows: pd.DataFrame) -> np.ndarray:
    return held.pregnancies["dated"].loc[rows["pregnancy"]].to_numpy(bool)


def _both_years(held: Holdings, rows: pd.DataFrame) -> np.ndarray:
    return _dated(held, rows) & rows["pregnancy"].isin(with_both_years(held.person_time)).to_numpy()


def _by_choice(held: Holdings, rows: pd.DataFrame) -> np.ndarray:
    return (held.pregnancies["policy"].loc[rows["pregnancy"]] == "individual").to_numpy(bool)


# What a question can restrict its rows to, by name.
FILTERS: Mapping[str, Callable[[Holdings, pd.DataFrame], np.ndarray]] = {
    "by_choice": _by_choice,
    "no_overlap": _no_overlap,
    "dated": _dated,
    "both_years": _both_years,
}
