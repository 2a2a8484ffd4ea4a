"""Who is at risk when somebody relapses: sums over pregnancies on the grid of the days with a relapse.

A pregnancy is at risk on a day after its entry and up to its time, ``entry < day <= time``. Of the
pregnancies Cox's partial likelihood needs no more than, on each day with a relapse and at given coefficients,
the sums of ``exp(x beta)``, ``x exp(x beta)`` and ``x x' exp(x beta)`` over those at risk and over those who
relapse that day. These add over batches. Once they are known, each pregnancy's score residual follows from
its own row. Of whole days and few covariates there are few different rows: sums are over those, each as often
as it is there.

Ties are handled as Efron (1977, JASA 72:557-565) or Breslow (1974, Biometrics 30:89-99). With m relapses on a
day Efron takes m steps and leaves a share of 0, 1/m, ... (m-1)/m of those who relapse out of the risk set;
Breslow leaves nobody out. The score residuals are those of Therneau and Grambsch (2000, Modeling Survival
Data, chapters 4 and 7), with late entry, strata and ties.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from gravida.models.coded import Coded, alike

Ties = Literal["efron", "breslow"]


@dataclass(frozen=True)
class SurvivalTimes:
    """Some pregnancies' times to relapse or to the end of their observation.

    Attributes
    ----------
    entry, time : ndarray, shape (n,)
        At risk on the days ``entry < day <= time``.
    event : ndarray of bool, shape (n,)
        Whether `time` is that of a relapse.
    design : ndarray of float, shape (n, p)
        Covariates, no intercept among them.
    woman : ndarray of int, shape (n,)
        Number of the woman, from 0; the same woman may stand in several batches.
    stratum : ndarray of int, shape (n,)
        Number of the stratum, from 0; relapses are compared within it only.
    """

    entry: np.ndarray
    time: np.ndarray
    event: np.ndarray
    design: np.ndarray
    woman: np.ndarray
    stratum: np.ndarray

    def take(self, rows: np.ndarray | slice) -> "SurvivalTimes":
        """Return the pregnancies at these positions (or under this mask)."""
        columns = (self.entry, self.time, self.event, self.design, self.woman, self.stratum)
        return SurvivalTimes(*(column[rows] for column in columns))

    @cached_property
    def patterns(self) -> "Patterns":
        """The pregnancies that differ in more than the woman."""
        columns = (self.time, self.entry, self.event, self.stratum, *self.design.T)
        number, row = alike([Coded.of(column) for column in columns])
        return Patterns(self.take(row), np.bincount(number), number)


@dataclass(frozen=True, slots=True)
class Patterns:
    """Times and covariates that there are, k of them, among n pregnancies.

    Attributes
    ----------
    times : SurvivalTimes
        Each once; its `woman` says nothing.
    often : ndarray of int, shape (k,)
        Pregnancies of each.
    number : ndarray of int, shape (n,)
        That of each pregnancy.
    """

    times: SurvivalTimes
    often: np.ndarray
    number: np.ndarray


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells in which relapses are counted: each day with a relapse, in each stratum.

    Attributes
    ----------
    days : ndarray, shape (d,)
        Days with a relapse, in any stratum, ascending.
    strata : int
        The cell of a day is ``stratum x d + place of the day``.
    centre, spread : ndarray, shape (p,)
        Mean and standard deviation of the covariates. Covariates are taken from their mean, which changes no
        estimate and keeps the sums accurate.
    """

    days: np.ndarray
    strata: int
    centre: np.ndarray
    spread: np.ndarray

    def over_the_risk_set(self, times: SurvivalTimes, values: np.ndarray) -> np.ndarray:
        """Return the sums of `values`, shape (n, q), over those at risk in each cell, shape (cells, q)."""
        before, through = self._places(times)
        return self._after(times, through, values) - self._after(times, before, values)

    def over_those_who_relapse(self, times: SurvivalTimes, values: np.ndarray) -> np.ndarray:
        """Return the sums of `values`, shape (n, q), over those with a relapse in the cell, (cells, q)."""
        cells = self.cells_of_relapses(times)
        size = self.strata * self.days.size
        columns = [np.bincount(cells, column, size) for column in values[times.event].T]
        return np.reshape(columns, (values.shape[1], size)).T

    def cells_of_relapses(self, times: SurvivalTimes) -> np.ndarray:
        """Return the cell of each pregnancy that relapses, shape (relapses,)."""
        place = np.searchsorted(self.days, times.time[times.event])
        return times.stratum[times.event] * self.days.size + place

    def while_at_risk(self, times: SurvivalTimes, by_cell: np.ndarray) -> np.ndarray:
        """Return for each pregnancy the sum of `by_cell`, shape (cells, q), while it is at risk, (n, q)."""
        blocks = by_cell.reshape(self.strata, self.days.size, -1)
        so_far = np.pad(np.cumsum(blocks, axis=1), ((0, 0), (1, 0), (0, 0)))
        before, through = self._places(times)
        return so_far[times.stratum, through] - so_far[times.stratum, before]

    def _places(self, times: SurvivalTimes) -> tuple[np.ndarray, np.ndarray]:
        """Return how many days of the grid come before each pregnancy is at risk and up to its time, (n,)."""
        before, through = (np.searchsorted(self.days, at, side="right") for at in (times.entry, times.time))
        return before, np.maximum(before, through)

    def _after(self, times: SurvivalTimes, place: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the sums over the pregnancies whose place is after each cell, shape (cells, q)."""
        width = self.days.size + 1
        index, size = times.stratum * width + place, self.strata * width
        columns = [np.bincount(index, column, size).reshape(self.strata, width) for column in values.T]
        tails = [np.cumsum(column[:, :0:-1], axis=1)[:, ::-1].ravel() for column in columns]
        return np.reshape(tails, (values.shape[1], self.strata * self.days.size)).T


def lay_grid(batches: Sequence[SurvivalTimes]) -> Grid:
    """Return the grid that all batches share: two passes of sums over pregnancies."""
    n = sum(batch.time.size for batch in batches)
    parts = [(batch.patterns.often, batch.patterns.times) for batch in batches]
    centre = sum(often @ times.design for often, times in parts) / n
    spread = np.sqrt(sum(often @ (times.design - centre) ** 2 for often, times in parts) / n)
    days = np.unique(np.concatenate([times.time[times.event] for _, times in parts]))
    strata = 1 + max(int(times.stratum.max(initial=0)) for _, times in parts)
    return Grid(days, strata, centre, spread)


@dataclass(frozen=True, slots=True)
class RiskSums:
    """Sums in each cell at given coefficients; they add over batches.

    Attributes
    ----------
    at_risk, tied : ndarray, shape (cells, 1 + p + p^2)
        Of ``exp(x beta)`` times 1, x and x x', over those at risk and over those who relapse.
    relapses : ndarray of int, shape (cells,)
        Relapses.
    covariates : ndarray, shape (cells, p)
        Sum of x over those who relapse.
    """

    at_risk: np.ndarray
    tied: np.ndarray
    relapses: np.ndarray
    covariates: np.ndarray

    def __add__(self, other: "RiskSums") -> "RiskSums":
        return RiskSums(
            self.at_risk + other.at_risk,
            self.tied + other.tied,
            self.relapses + other.relapses,
            self.covariates + other.covariates,
        )


def add_up(times: SurvivalTimes, grid: Grid, beta: np.ndarray) -> RiskSums:
    """Return the sums of one batch at these coefficients, shape (p,)."""
    often, times = times.patterns.often[:, None], times.patterns.times
    x = times.design - grid.centre
    k, p = x.shape
    products = np.einsum("ia,ib->iab", x, x).reshape(k, p * p)
    moments = often * np.exp(x @ beta)[:, None] * np.column_stack([np.ones(k), x, products])
    relapses = grid.over_those_who_relapse(times, often)
    return RiskSums(
        grid.over_the_risk_set(times, moments),
        grid.over_those_who_relapse(times, moments),
        relapses[:, 0].astype(np.int64),
        grid.over_those_who_relapse(times, often * x),
    )


def total(batches: Sequence[SurvivalTimes], grid: Grid, beta: np.ndarray) -> RiskSums:
    """Return the sums over all batches."""
    first, *rest = (add_up(batch, grid, beta) for batch in batches)
    return sum(rest, start=first)


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of the partial likelihood, one a relapse.

    Attributes
    ----------
    cell : ndarray of int, shape (e,)
        Where the relapse is.
    left_out : ndarray, shape (e,)
        Share of those who relapse that day and no longer count as at risk.
    weight : ndarray, shape (e,)
        Sum of exp(x beta) over the risk set.
    mean : ndarray, shape (e, p)
        Mean of the covariates over the risk set.
    variance : ndarray, shape (e, p, p)
        And their variance.
    """

    cell: np.ndarray
    left_out: np.ndarray
    weight: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


def take_steps(sums: RiskSums, ties: Ties) -> Steps:
    """Return the steps of the partial likelihood, in order of their cells."""
    m, p = sums.relapses, sums.covariates.shape[1]
    cell = np.repeat(np.arange(m.size), m)
    place = np.arange(cell.size) - np.repeat(np.cumsum(m) - m, m)
    left_out = place / m[cell] if ties == "efron" else np.zeros(cell.size)
    moments = sums.at_risk[cell] - left_out[:, None] * sums.tied[cell]
    weight = moments[:, 0]
    mean = moments[:, 1 : 1 + p] / weight[:, None]
    second = (moments[:, 1 + p :] / weight[:, None]).reshape(-1, p, p)
    return Steps(cell, left_out, weight, mean, second - np.einsum("ea,eb->eab", mean, mean))


def score_residuals(times: SurvivalTimes, grid: Grid, beta: np.ndarray, steps: Steps) -> np.ndarray:
    """Return each pregnancy's part in the score, shape (n, p).

    Parameters
    ----------
    times : SurvivalTimes
        One batch of n pregnancies.
    grid : Grid
    beta : ndarray, shape (p,)
        The coefficients at which `steps` were taken, over all batches.
    steps : Steps
    """
    cells, p, number = grid.strata * grid.days.size, beta.size, times.patterns.number
    times = times.patterns.times

    def by_cell(share: np.ndarray) -> np.ndarray:
        """Return the sums over the steps of a cell of share x (1, mean), shape (cells, 1 + p)."""
        columns = np.column_stack([share, share[:, None] * steps.mean]).T
        return np.column_stack([np.bincount(steps.cell, column, cells) for column in columns])

    x = times.design - grid.centre
    at_risk = grid.while_at_risk(times, by_cell(1 / steps.weight))
    hers = grid.cells_of_relapses(times)
    # Efron counts those who relapse less often as at risk on their own day.
    less = by_cell(steps.left_out / steps.weight)[hers]
    at_risk[times.event] -= less
    residuals = -np.exp(x @ beta)[:, None] * (x * at_risk[:, :1] - at_risk[:, 1:])
    averages = by_cell(np.ones(steps.cell.size))[hers]
    residuals[times.event] += x[times.event] - averages[:, 1 : 1 + p] / averages[:, :1]
    return residuals[number]
