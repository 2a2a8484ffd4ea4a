"""Pregnancies in blocks: each small enough for a processor's cache, and every woman whole in one of them.

Sums over blocks are added in the order of the blocks, so that they are the same on any number of processors.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import pairwise
from operator import add
from typing import TypeVar

import numpy as np

from gravida.models.coded import SHARED_BY, Coded, alike, cut
from gravida.models.kernel import Batch, Derivatives, Family, Sums, add_up

# Pregnancies in a block, but for the last woman's: few enough for the cache, and enough that threads seldom
# wait for each other between two steps of NumPy.
BLOCK = 1 << 15
# A thread for fewer blocks takes longer to start than it saves.
FEWEST_BLOCKS = 2

Result = TypeVar("Result")


@dataclass(frozen=True)
class Columnar(Sequence[Batch]):
    """Blocks of pregnancies of which each column is held by itself.

    Attributes
    ----------
    counts, log_time : Coded
        Relapses and the logarithm of the person-years.
    columns : sequence of Coded
        Of the design.
    woman : ndarray of int, shape (n,)
        Of each pregnancy, in order.
    """

    counts: Coded
    log_time: Coded
    columns: Sequence[Coded]
    woman: np.ndarray

    @cached_property
    def _cuts(self) -> list[slice]:
        return cuts(self.woman)

    def __len__(self) -> int:
        return len(self._cuts)

    def __getitem__(self, number: int) -> Batch:
        return self.at(self._cuts[number])

    def at(self, rows: slice | np.ndarray) -> Batch:
        """Return the pregnancies in a slice, or at some positions."""
        woman = self.woman[rows]
        # Column after column, which is how it is filled and read.
        design = np.empty((len(self.columns), woman.size))
        for values, column in zip(design, self.columns, strict=True):
            np.take(column.levels, column.number[rows], out=values, mode="clip")
        counts, log_time = self.counts.at(rows), self.log_time.at(rows)
        return Batch(counts, design.T, log_time, woman)


@dataclass(frozen=True)
class Repeated(Sequence[Batch]):
    """Blocks of pregnancies of which many are alike in counts, covariates and time.

    Attributes
    ----------
    patterns : Batch
        Each that there is, once; its `woman` says nothing.
    pattern, woman : ndarray of int, shape (n,)
        Of each pregnancy, in order of the women.
    """

    patterns: Batch
    pattern: np.ndarray
    woman: np.ndarray

    @cached_property
    def _cuts(self) -> list[slice]:
        return cuts(self.woman)

    def __len__(self) -> int:
        return len(self._cuts)

    def __getitem__(self, number: int) -> Batch:
        rows = self._cuts[number]
        return replace(self.patterns.take(self.pattern[rows]), woman=self.woman[rows])

    def sums(self, family: Family, parameters: np.ndarray) -> Sums:
        """Return the sums over all pregnancies: those of the patterns, as often as each is there."""
        often = np.bincount(self.pattern, minlength=self.patterns.counts.size).astype(float)
        sums = add_up(lambda *given: _times(family(*given), often), self.patterns, parameters)
        return replace(sums, pregnancies=self.woman.size)


def _times(row: Derivatives, often: np.ndarray) -> Derivatives:
    """Return the derivatives so many times, shape (patterns,); a mean stays what it is."""
    each = {name: getattr(row, name) for name in Derivatives.__slots__}
    return Derivatives(**{name: v if name == "mean" or v is None else often * v for name, v in each.items()})


def in_blocks(batches: Sequence[Batch]) -> Sequence[Batch]:
    """Return pregnancies in blocks, ordered by woman where there is more than one.

    Parameters
    ----------
    batches : sequence of Batch
        A woman may stand in several.
    """
    if isinstance(batches, (Repeated, Columnar)):
        return batches
    batch = batches[0] if len(batches) == 1 else _concatenated(batches)
    if batch.counts.size <= BLOCK:
        return [batch]
    design = [Coded.of(column) for column in batch.design.T]
    return of_columns(Coded.of(batch.counts), Coded.of(batch.log_time), design, batch.woman)


def of_columns(
    counts: Coded, log_time: Coded, columns: Sequence[Coded], woman: np.ndarray
) -> Sequence[Batch]:
    """Return pregnancies in any order as blocks: by their patterns, if there are many and many are alike.

    Parameters
    ----------
    counts, log_time : Coded
        Relapses and the logarithm of the person-years, n rows.
    columns : sequence of Coded
        Of the design.
    woman : ndarray of int, shape (n,)
    """
    given = [counts, log_time, *columns]
    if woman.size <= BLOCK:
        return [Columnar(*given[:2], columns, woman).at(slice(None))]
    order = np.argsort(woman, kind="stable") if (np.diff(woman) < 0).any() else None
    pattern, row = alike(given, few=True)
    if row.size * SHARED_BY <= woman.size:
        patterns = Columnar(counts, log_time, columns, woman).at(row)
        return Repeated(patterns, *(each if order is None else each[order] for each in (pattern, woman)))
    if order is not None:
        counts, log_time, *columns = cut(given, order)
        woman = woman[order]
    return Columnar(counts, log_time, columns, woman)


def cuts(woman: np.ndarray) -> list[slice]:
    """Return the rows of each block, of rows ordered by woman, shape (n,)."""
    hers = np.flatnonzero(np.diff(woman, prepend=woman[0] - 1))
    starts = hers[np.unique(np.searchsorted(hers, np.arange(0, woman.size, BLOCK), side="right") - 1)]
    return [slice(*ends) for ends in pairwise([*starts.tolist(), woman.size])]


def _concatenated(batches: Sequence[Batch]) -> Batch:
    return Batch(*(np.concatenate([getattr(batch, name) for batch in batches]) for name in Batch.__slots__))


def sum_of(function: Callable[[Batch], Result], blocks: Sequence[Batch]) -> Result:
    """Return the sum over blocks of what a function says of each; NumPy works on several at a time.

    Parameters
    ----------
    function : callable
        Changes nothing.
    blocks : sequence of Batch
    """
    workers = min(len(os.sched_getaffinity(0)), len(blocks) // FEWEST_BLOCKS)
    if workers < 2:
        return reduce(add, map(function, blocks))
    with ThreadPoolExecutor(workers) as threads:
        return reduce(add, threads.map(lambda number: function(blocks[number]), range(len(blocks))))
