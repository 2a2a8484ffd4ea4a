"""Pregnancies in blocks: each small enough for a processor's cache, and every woman whole in one of them.

Sums over blocks are added in the order of the blocks, so that they are the same on any number of processors.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import pairwise
from operator import add
from typing import TypeVar

import numpy as np
import pandas as pd

from gravida.models.kernel import Batch, Derivatives, Family, Sums, add_up

# Pregnancies in a block, but for the last woman's: few enough for the cache, and enough that threads seldom
# wait for each other between two steps of NumPy.
BLOCK = 1 << 15
# A thread for fewer blocks takes longer to start than it saves.
FEWEST_BLOCKS = 2
# With more patterns than one in so many pregnancies, looking for them takes longer than they save.
SHARED_BY = 8

Result = TypeVar("Result")


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
    if isinstance(batches, Repeated):
        return batches
    batch = batches[0] if len(batches) == 1 else _concatenated(batches)
    if batch.counts.size <= BLOCK:
        return [batch]
    pattern, first = alike([batch.log_time, batch.counts, *batch.design.T], few=True)
    if first.size * SHARED_BY <= batch.counts.size:
        return repeated(batch.take(first), pattern, batch.woman)
    if (np.diff(batch.woman) < 0).any():
        batch = batch.take(np.argsort(batch.woman, kind="stable"))
    return [batch.take(rows) for rows in cuts(batch.woman)]


def repeated(patterns: Batch, pattern: np.ndarray, woman: np.ndarray) -> Repeated:
    """Return blocks of pregnancies in any order.

    Parameters
    ----------
    patterns : Batch
    pattern, woman : ndarray of int, shape (n,)
        Of each pregnancy.
    """
    order = np.argsort(woman, kind="stable")
    return Repeated(patterns, pattern[order], woman[order])


def alike(columns: Iterable[np.ndarray], few: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return a number for what stands in each row, in the order in which it is first seen.

    Parameters
    ----------
    columns : iterable of ndarray, shape (n,)
    few : bool
        Whether to stop, the rest of the columns not looked at, once more than one in `SHARED_BY` rows differ.

    Returns
    -------
    number : ndarray of int, shape (n,)
    first : ndarray of int, shape (numbers,)
        The row in which each is first seen.
    """
    number, size = np.zeros(1, dtype=np.int64), 1
    for column in columns:
        codes, levels = pd.factorize(column)
        if levels.size > 1 or size == 1:
            number, found = pd.factorize(number * levels.size + codes)
            size = found.size
        if few and size * SHARED_BY > codes.size:
            break
    first = np.empty(number.max() + 1, dtype=np.int64)
    first[number[::-1]] = np.arange(number.size)[::-1]
    return number, first


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
