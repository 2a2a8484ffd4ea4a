"""The pregnancies that a count model is fitted to: what a fit asks of them are sums over women."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from gravida.models.corrected_scores import Spread, correct
from gravida.models.kernel import Batch, Family, Sums, poisson, total, woman_scores


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over pregnancies at the coefficients of a Poisson model.

    Attributes
    ----------
    excess : float
        Of (y - mu)^2 - y.
    squared_means : float
        Of mu^2.
    squares : float
        Of the squared Pearson residuals.
    sums_squared : float
        Over women: each woman's sum of Pearson residuals, squared.
    pairs : float
        Ordered pairs of pregnancies of one woman.
    """

    excess: float
    squared_means: float
    squares: float
    sums_squared: float
    pairs: float

    def __add__(self, other: "Moments") -> "Moments":
        names = self.__slots__
        return Moments(*(getattr(self, name) + getattr(other, name) for name in names))


@dataclass(frozen=True, slots=True)
class Equations:
    """Estimating equations with one correlation between a woman's pregnancies, times 1 - correlation.

    Attributes
    ----------
    score : ndarray, shape (p,)
    bread, meat : ndarray, shape (p, p)
        The derivative of the score, and the sum over women of the outer products of theirs.
    moments : Moments
        At the same coefficients.
    in_range : bool
        Whether the correlation is one that every woman's pregnancies can have.
    """

    score: np.ndarray
    bread: np.ndarray
    meat: np.ndarray
    moments: Moments
    in_range: bool

    def __add__(self, other: "Equations") -> "Equations":
        return Equations(
            self.score + other.score,
            self.bread + other.bread,
            self.meat + other.meat,
            self.moments + other.moments,
            self.in_range and other.in_range,
        )


class Sample(Protocol):
    """Pregnancies, at hand or not, of which sums can be had."""

    @property
    def pregnancies(self) -> int:
        """Their number."""

    @property
    def women(self) -> int:
        """How many women they are of."""

    @property
    def relapses(self) -> float:
        """Their relapses."""

    @property
    def coefficients(self) -> int:
        """How many the design has."""

    @property
    def tolerance(self) -> float:
        """Largest last change of an iteration that converges slowly."""

    def flat_start(self) -> np.ndarray:
        """Return the coefficients of one common rate, shape (p,)."""

    def sums(self, family: Family, parameters: np.ndarray, before: np.ndarray | None = None) -> Sums:
        """Return the sums at these parameters, shape (k,), and how they were `before`, if there were any."""

    def meat(self, family: Family, parameters: np.ndarray) -> np.ndarray:
        """Return the sum over women of the outer products of their scores, shape (k, k)."""

    def moments(self, beta: np.ndarray) -> Moments:
        """Return sums of residuals of the Poisson model with these coefficients, shape (p,)."""

    def equations(self, beta: np.ndarray, correlation: float) -> Equations:
        """Return the estimating equations at these coefficients, shape (p,), and this correlation."""

    def corrected(
        self, beta: np.ndarray, bread: np.ndarray
    ) -> tuple[np.ndarray, Callable[[np.ndarray], Spread]]:
        """Return what `corrected_scores.correct` returns."""

    def expected(
        self, family: Family, parameters: np.ndarray, place: int, level: float
    ) -> tuple[float, np.ndarray]:
        """Return the relapses expected with one column at a level, and their derivative, shape (p,)."""


@dataclass(frozen=True)
class Rows:
    """Pregnancies at hand, in batches; the same woman may stand in several."""

    batches: Sequence[Batch]
    tolerance: float = 1e-12

    @cached_property
    def _woman(self) -> np.ndarray:
        """Each pregnancy's woman, numbered without gaps."""
        return np.unique(np.concatenate([batch.woman for batch in self.batches]), return_inverse=True)[1]

    @property
    def pregnancies(self) -> int:
        """Number of pregnancies."""
        return self._woman.size

    @property
    def women(self) -> int:
        """Number of women."""
        return int(self._woman.max()) + 1

    @property
    def relapses(self) -> float:
        """Relapses of all."""
        return sum(float(batch.counts.sum()) for batch in self.batches)

    @property
    def coefficients(self) -> int:
        """Columns of the design."""
        return self.batches[0].design.shape[1]

    def flat_start(self) -> np.ndarray:
        """Return the coefficients nearest to one common rate, shape (p,)."""
        gram = sum(batch.design.T @ batch.design for batch in self.batches)
        column_sums = sum(batch.design.sum(axis=0) for batch in self.batches)
        years = sum(float(np.exp(batch.log_time).sum()) for batch in self.batches)
        return np.log(self.relapses / years) * np.linalg.lstsq(gram, column_sums, rcond=None)[0]

    def sums(self, family: Family, parameters: np.ndarray, before: np.ndarray | None = None) -> Sums:
        """Return the sums at these parameters, shape (k,)."""
        return total(family, self.batches, parameters)

    def meat(self, family: Family, parameters: np.ndarray) -> np.ndarray:
        """Return the sum over women of the outer products of their scores, shape (k, k)."""
        numbers = max(int(batch.woman.max()) for batch in self.batches) + 1
        scores = woman_scores(family, self.batches, parameters, numbers)
        return scores.T @ scores

    def moments(self, beta: np.ndarray) -> Moments:
        """Return sums of residuals of the Poisson model with these coefficients, shape (p,)."""
        counts = np.concatenate([batch.counts for batch in self.batches])
        mean = np.concatenate([poisson(batch, beta).mean for batch in self.batches])
        residual = (counts - mean) / np.sqrt(mean)
        hers, size = np.bincount(self._woman, residual), np.bincount(self._woman)
        return Moments(
            float(((counts - mean) ** 2 - counts).sum()),
            float((mean**2).sum()),
            float(residual @ residual),
            float(hers @ hers),
            float((size * (size - 1)).sum()),
        )

    def equations(self, beta: np.ndarray, correlation: float) -> Equations:
        """Return the estimating equations at these coefficients, shape (p,), and this correlation."""
        design = np.concatenate([batch.design for batch in self.batches])
        counts = np.concatenate([batch.counts for batch in self.batches])
        log_time = np.concatenate([batch.log_time for batch in self.batches])
        root = np.exp((design @ beta + log_time) / 2)
        columns, residual = design * root[:, None], (counts - root**2) / root
        hers, size = self._by_woman(columns), np.bincount(self._woman)
        total_residual = np.bincount(self._woman, residual)
        divisor = 1 + (size - 1) * correlation
        in_range = bool(divisor.min() > 0)
        weight = correlation / np.where(divisor > 0, divisor, 1.0)
        score = self._by_woman(columns * residual[:, None]) - hers * (weight * total_residual)[:, None]
        bread = columns.T @ columns - (hers.T * weight) @ hers
        return Equations(score.sum(axis=0), bread, score.T @ score, self.moments(beta), in_range)

    def corrected(
        self, beta: np.ndarray, bread: np.ndarray
    ) -> tuple[np.ndarray, Callable[[np.ndarray], Spread]]:
        """Return what `corrected_scores.correct` returns; of one batch."""
        (batch,) = self.batches
        return correct(batch, beta, bread)

    def expected(
        self, family: Family, parameters: np.ndarray, place: int, level: float
    ) -> tuple[float, np.ndarray]:
        """Return the relapses expected with one column at a level, and their derivative, shape (p,)."""
        beta = parameters[: self.batches[0].design.shape[1]]
        relapses, slope = 0.0, np.zeros(beta.size)
        for batch in self.batches:
            design = batch.design.copy()
            design[:, place] = level
            expected = np.exp(design @ beta + batch.log_time)
            relapses, slope = relapses + float(expected.sum()), slope + design.T @ expected
        return relapses, slope

    def _by_woman(self, values: np.ndarray) -> np.ndarray:
        return np.column_stack([np.bincount(self._woman, column) for column in values.T])


def as_sample(given: Sample | Sequence[Batch]) -> Sample:
    """Return batches as a sample; a sample is one already."""
    return Rows(given) if isinstance(given, Sequence) else given
