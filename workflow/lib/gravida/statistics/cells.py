"""Cells of the course through pregnancy: an arm in a period, each with a rate of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd

from gravida.models.coded import Coded, narrow
from gravida.models.sample import Sample
from gravida.periods import SECOND_YEAR_BEFORE
from gravida.statistics.comparison import Side, side_of
from gravida.statistics.design import make_sample

BEFORE = "pre_pregnancy_year"
# What is asked of rows of person-time, of which there are several for each pregnancy.
COLUMNS = ["site", "woman", "arm", "period", "relapses", "person_years"]
Cell = tuple[str, str]


class Cells(Protocol):
    """The cells (arm, period) of a model."""

    @property
    def sides(self) -> Mapping[Cell, Side]:
        """What is behind each cell that has a pregnancy, in order of their names."""

    def women(self, arms: Sequence[str], period: str) -> int:
        """Return how many women have a pregnancy of one of the arms in a period."""

    def sample(self, cells: Sequence[Cell]) -> Sample:
        """Return the pregnancies of some cells, with a column for each of them."""


@dataclass(frozen=True)
class CellsOfRows:
    """Cells of rows of person-time."""

    rows: pd.DataFrame

    @cached_property
    def _numbered(self) -> tuple[np.ndarray, list[Cell]]:
        """The number of each row's cell, and the cells."""
        arm, arms = _numbers(self.rows["arm"])
        period, periods = _numbers(self.rows["period"])
        number, found = _numbers(arm * len(periods) + period)
        return number, [
            (str(arms[cell // len(periods)]), str(periods[cell % len(periods)])) for cell in found
        ]

    @cached_property
    def sides(self) -> Mapping[Cell, Side]:
        """What is behind each cell that has a pregnancy, in order of their names."""
        number, cells = self._numbered
        return {cell: side_of(self.rows[number == cells.index(cell)]) for cell in sorted(cells)}

    def women(self, arms: Sequence[str], period: str) -> int:
        """Return how many women have a pregnancy of one of the arms in a period."""
        inside = self.rows["arm"].isin(arms) & (self.rows["period"] == period)
        return self.rows.loc[inside, "woman"].nunique()

    def sample(self, cells: Sequence[Cell]) -> Sample:
        """Return the pregnancies of some cells, with a column for each of them."""
        number, known = self._numbered
        place = np.array([cells.index(cell) if cell in cells else -1 for cell in known], np.int32)[number]
        rows, place = (self.rows, place) if (place >= 0).all() else (self.rows[place >= 0], place[place >= 0])
        place = narrow(place, len(cells))
        return make_sample(rows, [Coded(values, place) for values in np.eye(len(cells))])


def _numbers(values: pd.Series | np.ndarray) -> tuple[np.ndarray, pd.Index | np.ndarray]:
    """Return the number of each value, as narrow as it can be for any number of rows, and the values."""
    number, levels = pd.factorize(values)
    return number.astype(np.int32), levels


def cells_of_rows(
    pregnancies: pd.DataFrame, person_time: pd.DataFrame, periods: Sequence[str], only: str = ""
) -> CellsOfRows:
    """Return the cells of some periods.

    Parameters
    ----------
    pregnancies, person_time : DataFrame
        Of the cohort.
    periods : sequence of str
    only : str
        `dated` (pregnancies with dated relapses) or `both_years` (those of them of which both years before
        pregnancy were observed).
    """
    inside, pregnancy = np.array(person_time["period"].isin(periods)), person_time["pregnancy"].to_numpy()
    if only:
        place = pregnancies.index.get_indexer(pregnancy[inside])
        inside[inside] = pregnancies["dated"].to_numpy(bool)[place]
    if only == "both_years":
        inside[inside] = np.isin(pregnancy[inside], with_both_years(person_time))
    return CellsOfRows(person_time[COLUMNS][inside].reset_index(drop=True))


def with_both_years(person_time: pd.DataFrame) -> pd.Index:
    """Return the pregnancies of which both years before them were observed."""
    years = person_time[person_time["period"].isin((BEFORE, SECOND_YEAR_BEFORE))]
    observed = years.groupby("pregnancy").size()
    return observed.index[observed == 2]
