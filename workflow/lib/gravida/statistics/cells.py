"""Cells of the course through pregnancy: an arm in a period, each with a rate of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd

from gravida.models.kernel import Batch
from gravida.models.sample import Rows, Sample
from gravida.periods import SECOND_YEAR_BEFORE
from gravida.statistics.comparison import Side, side_of

BEFORE = "pre_pregnancy_year"
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
    def _groups(self) -> dict[Cell, pd.DataFrame]:
        return dict(list(self.rows.groupby(["arm", "period"])))

    @cached_property
    def sides(self) -> Mapping[Cell, Side]:
        """What is behind each cell that has a pregnancy, in order of their names."""
        return {cell: side_of(theirs) for cell, theirs in self._groups.items()}

    def women(self, arms: Sequence[str], period: str) -> int:
        """Return how many women have a pregnancy of one of the arms in a period."""
        inside = self.rows["arm"].isin(arms) & (self.rows["period"] == period)
        return self.rows.loc[inside, "woman"].nunique()

    def sample(self, cells: Sequence[Cell]) -> Sample:
        """Return the pregnancies of some cells, with a column for each of them."""
        parts = [self._groups[cell] for cell in cells]
        rows = pd.concat(parts)
        design = np.repeat(np.eye(len(cells)), [len(part) for part in parts], axis=0)
        counts, years = rows["relapses"].to_numpy(float), rows["person_years"].to_numpy(float)
        return Rows([Batch(counts, design, np.log(years), rows["woman"].to_numpy())])


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
    rows = person_time[person_time["period"].isin(periods)]
    if only:
        rows = rows[pregnancies["dated"].loc[rows["pregnancy"]].to_numpy(bool)]
    if only == "both_years":
        rows = rows[rows["pregnancy"].isin(with_both_years(person_time))]
    return CellsOfRows(rows)


def with_both_years(person_time: pd.DataFrame) -> pd.Index:
    """Return the pregnancies of which both years before them were observed."""
    years = person_time[person_time["period"].isin((BEFORE, SECOND_YEAR_BEFORE))]
    observed = years.groupby("pregnancy").size()
    return observed.index[observed == 2]
