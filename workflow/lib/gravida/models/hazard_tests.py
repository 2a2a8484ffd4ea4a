"""Tests of hazards: whether two arms' are the same (log-rank), and whether their ratio changes with time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from gravida.errors import NotEstimable
from gravida.models.cox import CoxModel
from gravida.models.risk_sets import SurvivalTimes, lay_grid, total
from gravida.models.solver import SMALLEST_EIGENVALUE


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """A test: its statistic, degrees of freedom and p-value."""

    statistic: float
    degrees_of_freedom: int
    p_value: float


def log_rank(batches: Sequence[SurvivalTimes]) -> ChiSquare:
    """Return the log-rank test of one indicator, with late entry and strata.

    The variance is that of the hypergeometric distribution in each risk set (Mantel 1966, Cancer
    Chemotherapy Reports 50:163-170). Pregnancies count as independent, also those of one woman.

    Parameters
    ----------
    batches : sequence of SurvivalTimes
        With one column in the design, 0 or 1.

    Raises
    ------
    NotEstimable
        If nobody relapses while both arms are under observation.
    """
    grid = lay_grid(batches)
    sums = total(batches, grid, np.zeros(1))
    at_risk, m = sums.at_risk[:, 0], sums.relapses
    share = np.divide(sums.at_risk[:, 1], at_risk, out=np.zeros(m.size), where=m > 0)
    excess = float((sums.covariates[:, 0] - m * share).sum())
    # The sums take covariates from their mean, which the excess does not notice and the share itself does.
    inside = share + grid.centre[0]
    remaining = np.divide(at_risk - m, at_risk - 1, out=np.zeros(m.size), where=at_risk > 1)
    variance = float((m * inside * (1 - inside) * remaining).sum())
    if variance < SMALLEST_EIGENVALUE:
        raise NotEstimable("nobody relapses while others of both arms are under observation")
    statistic = excess**2 / variance
    return ChiSquare(statistic, 1, float(chdtrc(1, statistic)))


def proportional_hazards(model: CoxModel, columns: Sequence[int] | None = None) -> ChiSquare:
    """Test whether coefficients change with time: the score test of covariate x g(time).

    g is 1 minus the Kaplan-Meier curve of all pregnancies just before that time (Grambsch and Therneau 1994,
    Biometrika 81:515-526; `cox.zph` of R's survival 3). Pregnancies count as independent.

    Parameters
    ----------
    model : CoxModel
    columns : sequence of int, optional
        The coefficients that are tested, all of them if not given.

    Raises
    ------
    NotEstimable
        If the relapses fall on too few days.
    """
    p = model.beta.size
    tested = list(range(p) if columns is None else columns)
    sums, steps = total(model.batches, model.grid, model.beta), model.steps
    g = _share_relapsed_before(model)[steps.cell % model.grid.days.size]
    g = g - g.mean()
    residual = (sums.covariates / np.maximum(sums.relapses, 1)[:, None])[steps.cell] - steps.mean
    first, second = (np.einsum("e,eab->ab", g**power, steps.variance) for power in (1, 2))
    information = np.block([[steps.variance.sum(axis=0), first], [first, second]])
    kept = [*range(p), *(p + column for column in tested)]
    score = np.concatenate([np.zeros(p), (g @ residual)[tested]])
    chosen = information[np.ix_(kept, kept)]
    scale = np.sqrt(chosen.diagonal())
    if scale.min() == 0 or np.linalg.eigvalsh(chosen / np.outer(scale, scale))[0] < SMALLEST_EIGENVALUE:
        raise NotEstimable("the relapses fall on too few days to tell whether the ratio changes")
    statistic = float(score @ np.linalg.solve(chosen, score))
    return ChiSquare(statistic, len(tested), float(chdtrc(len(tested), statistic)))


def _share_relapsed_before(model: CoxModel) -> np.ndarray:
    """Return 1 minus the Kaplan-Meier curve of all just before each day of the grid, shape (d,)."""
    sums = total(model.batches, model.grid, np.zeros(model.beta.size))
    shape = (model.grid.strata, model.grid.days.size)
    at_risk, relapses = (values.reshape(shape).sum(axis=0) for values in (sums.at_risk[:, 0], sums.relapses))
    curve = np.cumprod(1 - relapses / at_risk)
    return 1 - np.concatenate([[1.0], curve[:-1]])
