"""Columns in which few different values stand: each value once, and for every row the number of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

# With more patterns than one in so many rows, looking for them takes longer than they save.
SHARED_BY = 8


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of n rows.

    Attributes
    ----------
    levels : ndarray of float, shape (v,)
        What may stand in a row, nan for missing; a value may be in it twice, or in no row.
    number : ndarray of int, shape (n,)
        The place of each row's value, in the narrowest type; columns made of one source share the array.
    """

    levels: np.ndarray
    number: np.ndarray

    @classmethod
    def of(cls, data: np.ndarray) -> "Coded":
        """Return numbers as a column."""
        if data.dtype.kind in "iu" and data.size and np.ptp(data) < data.size:
            levels = np.arange(data.min(), data.max() + 1)
            return cls(levels.astype(float), narrow(data - levels[0], levels.size))
        number, levels = pd.factorize(data, use_na_sentinel=False)
        return cls(levels.astype(float), narrow(number, levels.size))

    @property
    def data(self) -> np.ndarray:
        """The value in each row, shape (n,)."""
        return self.levels[self.number]

    def at(self, rows: np.ndarray | slice) -> np.ndarray:
        """Return the values in some rows."""
        return self.levels[self.number[rows]]

    def where(self, value: float) -> np.ndarray:
        """Return whether a value stands in each row, shape (n,)."""
        return (self.levels == value)[self.number]

    @property
    def missing(self) -> np.ndarray:
        """Whether there is none in a row, shape (n,)."""
        return np.isnan(self.levels)[self.number]


def narrow(number: np.ndarray, size: int) -> np.ndarray:
    """Return numbers from 0 to below `size` in the narrowest type of integers that holds them."""
    return number.astype(np.min_scalar_type(max(size - 1, 0)), copy=False)


def cut(columns: Sequence[Coded], rows: np.ndarray) -> list[Coded]:
    """Return columns cut to some rows, or put into their order; what they share is shared again.

    Parameters
    ----------
    columns : sequence of Coded
    rows : ndarray
        A mask or positions.
    """
    taken = {id(column.number): column.number for column in columns}
    taken = {name: number[rows] for name, number in taken.items()}
    return [replace(column, number=taken[id(column.number)]) for column in columns]


def alike(columns: Sequence[Coded], few: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return a number for what stands in each row.

    Parameters
    ----------
    columns : sequence of Coded
    few : bool
        Whether to stop, the rest of the columns not looked at, once more than one in `SHARED_BY` rows differ.

    Returns
    -------
    number : ndarray of int, shape (n,)
    row : ndarray of int, shape (numbers,)
        One in which each stands.
    """
    number, size, seen = np.zeros(1, dtype=np.int32), 1, set()
    for column in columns:
        if id(column.number) in seen:
            continue
        seen.add(id(column.number))
        times = column.levels.size
        number, size = _without_gaps(number * np.int64(times) + column.number, size * times)
        if few and size * SHARED_BY > number.size:
            break
    row = np.empty(size, dtype=np.int64)
    row[number] = np.arange(number.size)
    return number, row


def _without_gaps(number: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    """Return numbers below `size` as numbers without gaps from 0, and how many there are."""
    if size > number.size:
        number, found = pd.factorize(number)
        return narrow(number, found.size), found.size
    there = np.bincount(number, minlength=size) > 0
    found = int(there.sum())
    return narrow(np.cumsum(there) - 1, found)[number], found
