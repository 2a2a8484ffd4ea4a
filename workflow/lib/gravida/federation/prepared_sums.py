"""A model of predictors of which only sums are at hand."""

from dataclasses import dataclass

import numpy as np

from gravida.federation.questions import Which
from gravida.federation.sample import Pooled
from gravida.federation.tabulation import Tabulation
from gravida.statistics.design import Column
from gravida.statistics.preparing import Key


@dataclass(frozen=True, slots=True)
class PreparedSums:
    """What a model can be fitted with, of sums: `PreparedRows` without rows.

    Attributes
    ----------
    which : Which
        The pregnancies that enter the model.
    asked, columns : tuple of Column
        Those of the plan, and those whose coefficients can be estimated; without values.
    problems : dict
        Why each (predictor, level) was left out, in words.
    counts : Tabulation
        Of the pregnancies that enter the model, by level of every predictor.
    sample : Pooled
        With an intercept and the columns.
    """

    which: Which
    asked: tuple[Column, ...]
    columns: tuple[Column, ...]
    problems: dict[Key, str]
    counts: Tabulation
    sample: Pooled

    @property
    def common(self) -> dict[str, int]:
        """What is behind every row of the model."""
        every = self.counts.of("all")
        names = ("pregnancies", "women", "relapses", "women_with_relapse", "relapses_most")
        return {name: int(every[name]) for name in names}

    def events(self, column: Column) -> dict[str, int]:
        """Return the relapses in the level and in its reference, and how many women had them."""
        if not column.reference:
            return {}
        levels, found = self.counts.predictors[column.predictor]["levels"], {}
        for name, level in (("level", column.level), ("reference", column.reference)):
            for what in ("relapses", "women_with_relapse", "relapses_most"):
                found[f"{what}_{name}"] = int(levels[level][what])
        return found

    def rests_on_one_woman(self) -> np.ndarray:
        """Say for each coefficient whether one woman alone has its level, shape (p,)."""
        alone = np.zeros(1 + len(self.columns), dtype=bool)
        for place, column in enumerate(self.columns, start=1):
            if column.reference:
                levels = self.counts.predictors[column.predictor]["levels"]
                alone[place] = min(levels[level]["women"] for level in (column.level, column.reference)) < 2
        return alone

    def nonlinear(self) -> dict[str, float]:
        """Return nothing: the knots of a spline are quantiles of rows."""
        return {}
