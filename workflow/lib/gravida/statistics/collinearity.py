"""Columns of a design that are combinations of others, and women without whom they would be."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from gravida.models.blocks import BLOCK
from gravida.models.coded import Coded
from gravida.models.kernel import Batch

# A column whose part outside the span of the others is smaller than this share of its length is one of them.
COLLINEAR = 1e-8


def decided_by_one_woman(blocks: Sequence[Batch]) -> np.ndarray:
    """Say for each coefficient whether it cannot be estimated without one of the women, shape (p,).

    The model fits such a woman exactly, so that clustered errors leave her out.

    Parameters
    ----------
    blocks : sequence of Batch
        Each with all pregnancies of its women.
    """
    root = triangle(block.design for block in blocks)
    lengths = np.linalg.norm(root, axis=0)
    root = root / lengths
    to_basis = np.linalg.inv(root) / lengths[:, None]
    alone = np.zeros(lengths.size, dtype=bool)
    for block in blocks:
        number, woman = pd.factorize(block.woman)
        leverage = np.bincount(number, ((block.design @ to_basis) ** 2).sum(axis=1))
        # Only a woman whose leverage adds up to 1 can carry a direction of the design by herself.
        for one in np.flatnonzero(leverage > 1 - COLLINEAR):
            hers = block.design[block.woman == woman[one]] @ to_basis
            values, vectors = np.linalg.eigh(hers.T @ hers)
            for vector in vectors[:, values > 1 - COLLINEAR].T:
                direction = np.abs(np.linalg.solve(root, vector))
                alone |= direction > COLLINEAR * direction.max()
    return alone


def triangle(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Return a matrix of few rows with the same inner products of its columns: R of the QR decomposition.

    Parameters
    ----------
    parts : iterable of ndarray, shape (n, p)
        Of a design, one below the other.

    Returns
    -------
    ndarray, shape (at most p, p)
    """
    return np.linalg.qr(np.vstack([np.linalg.qr(part, mode="r") for part in parts]), mode="r")


def parts_of(columns: Sequence[Coded]) -> Iterator[np.ndarray]:
    """Yield a design by parts, of rows that follow each other.

    Parameters
    ----------
    columns : sequence of Coded
        With n rows.

    Yields
    ------
    ndarray, shape (at most BLOCK, p)
    """
    for start in range(0, max(1, columns[0].number.size), BLOCK):
        rows = slice(start, start + BLOCK)
        yield np.column_stack([column.at(rows) for column in columns])


def independent_columns(design: np.ndarray) -> list[bool]:
    """Say for each column whether it adds to the span of the columns before it.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        Or its `triangle`.

    Returns
    -------
    list of bool, length p
    """
    design = np.linalg.qr(design, mode="r")
    basis, independent = np.zeros((design.shape[0], 0)), []
    for column in design.T:
        length = np.linalg.norm(column)
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        adds = bool(length > 0 and np.linalg.norm(rest) > COLLINEAR * length)
        independent.append(adds)
        if adds:
            basis = np.column_stack([basis, rest / np.linalg.norm(rest)])
    return independent
