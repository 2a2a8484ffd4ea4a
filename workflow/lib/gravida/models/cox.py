"""Cox's proportional hazards model of the time to relapse, with errors clustered by woman."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gravida.errors import NotEstimable
from gravida.models.kernel import Sums
from gravida.models.risk_sets import (
    Grid,
    Steps,
    SurvivalTimes,
    Ties,
    lay_grid,
    score_residuals,
    take_steps,
    total,
)
from gravida.models.solver import Fit, accept, climb

# In units of its spread a covariate's variance in a risk set is about 1, and rounding where all are equal.
SMALLEST_VARIANCE = 1e-9
# Where the likelihood has no maximum the information vanishes on the way there; at a maximum it is far more
# than this share of the information at 0.
SMALLEST_SHARE = 1e-8


@dataclass(frozen=True, slots=True)
class CoxModel:
    """A fitted Cox model.

    Attributes
    ----------
    batches : sequence of SurvivalTimes
        The pregnancies.
    grid : Grid
        The days with a relapse, common to the batches.
    ties : str
        ``efron`` or ``breslow``.
    null : Sums
        Log partial likelihood and derivatives where all coefficients are 0.
    fit : Fit
        Coefficients, shape (p,), and the same sums at them.
    women : int
        Women with a pregnancy in the model.
    """

    batches: Sequence[SurvivalTimes]
    grid: Grid
    ties: Ties
    null: Sums
    fit: Fit
    women: int

    @property
    def beta(self) -> np.ndarray:
        """Logarithms of the hazard ratios, shape (p,)."""
        return self.fit.parameters

    @property
    def steps(self) -> Steps:
        """The steps of the partial likelihood at the estimate."""
        return take_steps(total(self.batches, self.grid, self.beta), self.ties)

    def model_covariance(self) -> np.ndarray:
        """Return the inverse of the information, shape (p, p)."""
        return np.linalg.inv(self.fit.sums.information)

    def woman_scores(self) -> np.ndarray:
        """Return each woman's score, shape (largest number of a woman + 1, p)."""
        steps = self.steps
        size = 1 + max(int(batch.woman.max(initial=0)) for batch in self.batches)
        scores = np.zeros((size, self.beta.size))
        for batch in self.batches:
            residuals = score_residuals(batch, self.grid, self.beta, steps)
            scores += np.column_stack([np.bincount(batch.woman, column, size) for column in residuals.T])
        return scores

    def clustered_covariance(self) -> np.ndarray:
        """Return the sandwich clustered by woman, shape (p, p), without a small-sample factor.

        Lin and Wei (1989), JASA 84:1074-1078; as `coxph` of R's survival with a cluster.

        Raises
        ------
        NotEstimable
            If there are too few women for it.
        """
        if self.women < 2:
            raise NotEstimable("clustered errors need 2 women")
        influence = self.woman_scores() @ self.model_covariance()
        return influence.T @ influence


def fit_cox(batches: Sequence[SurvivalTimes], ties: Ties = "efron") -> CoxModel:
    """Fit Cox's model by maximum partial likelihood.

    Parameters
    ----------
    batches : sequence of SurvivalTimes
        Passed over once an iteration.
    ties : {"efron", "breslow"}
        How relapses on one day are treated.

    Raises
    ------
    NotEstimable
        If nobody relapses, the covariates say nothing about who does, or the maximum lies at infinity.
    NotConverged
        If the result fails a check: gradient, information.
    """
    if not any(batch.event.any() for batch in batches):
        raise NotEstimable("there is no relapse")
    grid = lay_grid(batches)
    null = partial_likelihood(batches, grid, np.zeros(grid.centre.size), ties)
    if not _informs(null, grid, sum(int(batch.event.sum()) for batch in batches)):
        raise NotEstimable("at no relapse are pregnancies under observation that the covariates tell apart")
    fit = climb(lambda beta, _: partial_likelihood(batches, grid, beta, ties), np.zeros(grid.centre.size))
    from scipy.linalg import eigvalsh

    if eigvalsh(fit.sums.information, null.information)[0] < SMALLEST_SHARE:
        raise NotEstimable("the covariates tell perfectly who relapses first: a ratio is 0 or infinite")
    accept(fit.sums)
    women = np.count_nonzero(np.bincount(np.concatenate([batch.woman for batch in batches])))
    return CoxModel(batches, grid, ties, null, fit, women)


def partial_likelihood(batches: Sequence[SurvivalTimes], grid: Grid, beta: np.ndarray, ties: Ties) -> Sums:
    """Return log partial likelihood, score and information at these coefficients, shape (p,)."""
    sums = total(batches, grid, beta)
    steps, covariates = take_steps(sums, ties), sums.covariates.sum(axis=0)
    return Sums(
        float(covariates @ beta - np.log(steps.weight).sum()),
        covariates - steps.mean.sum(axis=0),
        steps.variance.sum(axis=0),
        sum(batch.time.size for batch in batches),
        np.inf,
    )


def _informs(null: Sums, grid: Grid, relapses: int) -> bool:
    """Say whether the covariates vary, and not together, among those at risk when somebody relapses."""
    spread = np.where(grid.spread > 0, grid.spread, 1.0)
    variance = null.information / np.outer(spread, spread) / relapses
    return bool(np.linalg.eigvalsh(variance)[0] > SMALLEST_VARIANCE)


def rests_on_one_woman(times: SurvivalTimes) -> bool:
    """Say whether the ratio of two arms could not be estimated without one of the women.

    At the estimate the scores of all women add up to 0: hers is fixed by what the others' leave, says nothing
    of how women like her differ, and clustered errors come out far too small.

    Parameters
    ----------
    times : SurvivalTimes
        With one column in the design, 0 or 1, and both arms at risk at some relapse.
    """
    return any(not _tells_arms_apart(times.take(times.woman != woman)) for woman in _possibly_alone(times))


def _tells_arms_apart(times: SurvivalTimes) -> bool:
    if not times.event.any():
        return False
    grid = lay_grid([times])
    null = partial_likelihood([times], grid, np.zeros(1), "breslow")
    return _informs(null, grid, int(times.event.sum()))


def _possibly_alone(times: SurvivalTimes) -> set[int]:
    """Return the women without whom the first day that tells the arms apart would not.

    A woman on whom the ratio rests is one of them on every such day: these are all candidates.
    """
    grid = lay_grid([times])
    steps = take_steps(total([times], grid, np.zeros(1)), "breslow")
    first = steps.cell[np.argmax(steps.variance[:, 0, 0] > SMALLEST_VARIANCE * grid.spread[0] ** 2)]
    stratum, place = divmod(int(first), grid.days.size)
    day = grid.days[place]
    there = (times.stratum == stratum) & (times.entry < day) & (times.time >= day)
    arm = times.design[:, 0] == 1
    groups = (there & arm, there & ~arm, there & times.event & (times.time == day))
    women = [np.unique(times.woman[group]) for group in groups]
    return {int(group[0]) for group in women if group.size == 1}
