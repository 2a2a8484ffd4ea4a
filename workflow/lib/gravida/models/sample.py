"""The pregnancies that a count model is fitted to: what a fit asks of them are sums over women."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from gravida.models.blocks import Repeated, in_blocks, sum_of
from gravida.models.corrected_scores import Spread, correct
from gravida.models.kernel import Batch, Family, Sums, add_up, poisson, row_scores


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
    def blocks(self) -> Sequence[Batch]:
        """The pregnancies in blocks, each woman in one of them."""
        return in_blocks(self.batches)

    @cached_property
    def _known(self) -> dict[tuple[Family, bytes], Sums]:
        """Sums that were asked for: several models begin with the same steps."""
        return {}

    @cached_property
    def _size(self) -> "_Size":
        return sum_of(_size, self.blocks)

    @property
    def pregnancies(self) -> int:
        """Number of pregnancies."""
        return self._size.pregnancies

    @property
    def women(self) -> int:
        """Number of women."""
        return self._size.women

    @property
    def relapses(self) -> float:
        """Relapses of all."""
        return self._size.relapses

    @property
    def coefficients(self) -> int:
        """Columns of the design."""
        return self._size.gram.shape[1]

    def flat_start(self) -> np.ndarray:
        """Return the coefficients nearest to one common rate, shape (p,)."""
        size = self._size
        rate = size.relapses / size.person_years
        return np.log(rate) * np.linalg.lstsq(size.gram, size.column_sums, rcond=None)[0]

    def sums(self, family: Family, parameters: np.ndarray, before: np.ndarray | None = None) -> Sums:
        """Return the sums at these parameters, shape (k,)."""
        asked = family, parameters.tobytes()
        if asked not in self._known:
            self._known[asked] = self._sums(family, parameters)
        return self._known[asked]

    def _sums(self, family: Family, parameters: np.ndarray) -> Sums:
        if isinstance(self.blocks, Repeated):
            return self.blocks.sums(family, parameters)
        return sum_of(lambda block: add_up(family, block, parameters), self.blocks)

    def meat(self, family: Family, parameters: np.ndarray) -> np.ndarray:
        """Return the sum over women of the outer products of their scores, shape (k, k)."""

        def of_block(block: Batch) -> np.ndarray:
            scores = _by_woman(row_scores(family, block, parameters), _numbered(block))
            return scores.T @ scores

        return sum_of(of_block, self.blocks)

    def moments(self, beta: np.ndarray) -> Moments:
        """Return sums of residuals of the Poisson model with these coefficients, shape (p,)."""
        return sum_of(lambda block: _moments(block, poisson(block, beta).mean), self.blocks)

    def equations(self, beta: np.ndarray, correlation: float) -> Equations:
        """Return the estimating equations at these coefficients, shape (p,), and this correlation."""
        return sum_of(lambda block: _equations(block, beta, correlation), self.blocks)

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
        beta = parameters[: self.coefficients]
        relapses, slope = 0.0, np.zeros(beta.size)
        for block in self.blocks:
            design = block.design.copy()
            design[:, place] = level
            expected = np.exp(design @ beta + block.log_time)
            relapses, slope = relapses + float(expected.sum()), slope + design.T @ expected
        return relapses, slope


@dataclass(frozen=True, slots=True)
class _Size:
    """Sums over pregnancies that no coefficient enters; `gram` and `column_sums` are of the design."""

    pregnancies: int
    women: int
    relapses: float
    person_years: float
    gram: np.ndarray
    column_sums: np.ndarray

    def __add__(self, other: "_Size") -> "_Size":
        return _Size(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def _size(block: Batch) -> _Size:
    return _Size(
        block.counts.size,
        int(_numbered(block).max(initial=-1)) + 1,
        float(block.counts.sum()),
        float(np.exp(block.log_time).sum()),
        block.design.T @ block.design,
        block.design.sum(axis=0),
    )


def _moments(block: Batch, mean: np.ndarray) -> Moments:
    residual = (block.counts - mean) / np.sqrt(mean)
    woman = _numbered(block)
    hers, size = np.bincount(woman, residual), np.bincount(woman)
    return Moments(
        float(((block.counts - mean) ** 2 - block.counts).sum()),
        float((mean**2).sum()),
        float(residual @ residual),
        float(hers @ hers),
        float((size * (size - 1)).sum()),
    )


def _equations(block: Batch, beta: np.ndarray, correlation: float) -> Equations:
    woman = _numbered(block)
    mean = np.exp(block.design @ beta + block.log_time)
    root = np.sqrt(mean)
    columns, residual = block.design * root[:, None], (block.counts - mean) / root
    hers, size = _by_woman(columns, woman), np.bincount(woman)
    total_residual = np.bincount(woman, residual)
    divisor = 1 + (size - 1) * correlation
    in_range = bool(divisor.min() > 0)
    weight = correlation / np.where(divisor > 0, divisor, 1.0)
    score = _by_woman(columns * residual[:, None], woman) - hers * (weight * total_residual)[:, None]
    bread = columns.T @ columns - (hers.T * weight) @ hers
    return Equations(score.sum(axis=0), bread, score.T @ score, _moments(block, mean), in_range)


def _numbered(block: Batch) -> np.ndarray:
    """Return each pregnancy's woman, numbered without gaps from 0."""
    step = np.diff(block.woman)
    if (step < 0).any():
        return np.unique(block.woman, return_inverse=True)[1]
    return np.cumsum(np.append(False, step > 0)[: block.woman.size])


def _by_woman(values: np.ndarray, woman: np.ndarray) -> np.ndarray:
    """Return the sums over each woman's pregnancies of values, shape (n, k)."""
    return np.column_stack([np.bincount(woman, column) for column in values.T])


def as_sample(given: Sample | Sequence[Batch]) -> Sample:
    """Return batches as a sample; a sample is one already."""
    return Rows(given) if isinstance(given, Sequence) else given
