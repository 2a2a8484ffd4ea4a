"""A model of predictors of rows at hand: its columns, its pregnancies, and what is behind each level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.models.clustered import fit_clustered
from gravida.models.coded import Coded
from gravida.models.sample import Sample
from gravida.models.splines import spline_term
from gravida.statistics.collinearity import decided_by_one_woman
from gravida.statistics.design import Column, make_sample, with_intercept
from gravida.statistics.guards import relapsed_women
from gravida.statistics.preparing import Key, prepare


@dataclass(frozen=True)
class PreparedRows:
    """What a model of predictors is made of.

    Attributes
    ----------
    asked : tuple of Column
        Those of the plan, with a value for each of `rows`.
    columns : tuple of Column
        Those that can be estimated, with a value for each of `kept`.
    problems : mapping
        Why each (predictor, level) was left out.
    rows, kept : DataFrame
        Person-time of the pregnancies, and of those that enter the model.
    """

    asked: tuple[Column, ...]
    columns: tuple[Column, ...]
    problems: Mapping[Key, str]
    rows: pd.DataFrame
    kept: pd.DataFrame

    @classmethod
    def of(cls, rows: pd.DataFrame, columns: Sequence[Column]) -> "PreparedRows":
        """Return what can be estimated of some columns."""
        prepared = prepare(columns, rows["relapses"].to_numpy())
        fitted = tuple(prepared.fitted_columns())
        return cls(tuple(columns), fitted, prepared.problems, rows, rows[prepared.keep])

    @property
    def common(self) -> dict[str, int]:
        """What is behind every row of the model."""
        return {
            "pregnancies": len(self.kept),
            "women": self.kept["woman"].nunique(),
            "relapses": int(self.kept["relapses"].sum()),
            **relapsed_women(self.kept["woman"], self.kept["relapses"]),
        }

    def events(self, column: Column) -> dict[str, int]:
        """Return the relapses in the level and in its reference, and whose they are; nothing if continuous.

        A ratio gives them away.
        """
        if not column.reference:
            return {}
        levels = [other.coded for other in self.asked if other.predictor == column.predictor]
        keep = self.rows.index.isin(self.kept.index)
        inside, outside = column.coded.where(1.0), np.all([level.where(0.0) for level in levels], axis=0)
        counts = {}
        for name, group in (("level", self.rows[inside & keep]), ("reference", self.rows[outside & keep])):
            counts[f"relapses_{name}"] = int(group["relapses"].sum())
            counts |= relapsed_women(group["woman"], group["relapses"], f"_{name}")
        return counts

    @cached_property
    def sample(self) -> Sample:
        """The pregnancies as a model is fitted to them, with an intercept and the columns."""
        return make_sample(self.kept, with_intercept(self.columns, len(self.kept)))

    def rests_on_one_woman(self) -> np.ndarray:
        """Say for each coefficient whether it cannot be had without one of the women, shape (p,)."""
        return decided_by_one_woman(self.sample.blocks)

    def nonlinear(self) -> dict[str, float]:
        """Return the p-value that a continuous predictor acts in a straight line, if it can be had."""
        (column,) = self.columns
        if column.reference:
            return {}
        try:
            curve = replace(column, level="curve", coded=Coded.of(spline_term(column.data)))
            sample = make_sample(self.kept, with_intercept([column, curve], len(self.kept)))
            if decided_by_one_woman(sample.blocks)[2]:
                return {}
            return {"p_nonlinear": fit_clustered(sample).joint_p_value([2])}
        except NotEstimable:
            return {}
