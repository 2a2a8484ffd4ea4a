"""Cells of the course through pregnancy, of rows at hand and of centres that keep theirs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gravida.federation.pool import Pool
from gravida.federation.questions import Which
from gravida.federation.sample import Pooled
from gravida.federation.tabulation import Tabulation, tabulate, tabulation
from gravida.models.sample import Sample
from gravida.statistics.cells import Cell
from gravida.statistics.comparison import Side

ARMS = ("treated", "untreated")


@dataclass(frozen=True)
class CellSums:
    """Cells of some periods of which only sums are at hand; `only` restricts them as in a question."""

    pool: Pool
    periods: tuple[str, ...]
    only: tuple[str, ...] = ()

    def _tabulated(self, period: str) -> Tabulation:
        return tabulate(self.pool, Which((period,), only=self.only))

    @cached_property
    def sides(self) -> Mapping[Cell, Side]:
        """What is behind each cell that has a pregnancy, in order of their names."""
        self.pool.ask(*(tabulation(Which((period,), only=self.only)) for period in self.periods))
        found = {(arm, period): self._tabulated(period).side(arm) for arm in ARMS for period in self.periods}
        return {cell: side for cell, side in sorted(found.items()) if side.pregnancies}

    def women(self, arms: Sequence[str], period: str) -> int:
        """Return how many women have a pregnancy of one of the arms in a period."""
        return int(self._tabulated(period).of("all" if len(arms) > 1 else arms[0])["women"])

    def sample(self, cells: Sequence[Cell]) -> Sample:
        """Return the pregnancies of some cells, with a column for each of them."""
        sides = [self.sides[cell] for cell in cells]
        which = Which(tuple(dict.fromkeys(period for _, period in cells)), only=self.only)
        sample = Pooled(
            self.pool,
            which,
            tuple(("cell", *cell) for cell in cells),
            pregnancies=sum(side.pregnancies for side in sides),
            women=0,
            relapses=float(sum(side.relapses for side in sides)),
            start=np.log([side.relapses / side.person_years for side in sides]),
        )
        # A woman may be in several cells.
        return replace(sample, women=sample.women_in_rows())
