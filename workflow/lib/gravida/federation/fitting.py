"""Which columns of a design add to the others, when only sums over its rows are known."""

from collections.abc import Sequence

import numpy as np

from gravida.federation.sample import Pooled
from gravida.models.kernel import poisson

# A column of which less than this share is outside the span of those before it is a combination of them.
COLLINEAR = 1e-12


def independent_at(sample: Pooled, order: Sequence[int] | None = None) -> list[bool]:
    """Say for each column, in some order, whether it adds to the span of the columns before it.

    From the information of the Poisson model where the fit starts: it has the rank of the design.

    Raises
    ------
    Awaiting, Refused
        If a centre has not answered, or does not.
    """
    information = sample.sums(poisson, sample.flat_start()).information
    order = range(len(information)) if order is None else order
    return independent_columns_of(information[np.ix_(order, order)])


def independent_columns_of(gram: np.ndarray) -> list[bool]:
    """Say for each column whether it adds to the span of the columns before it, from their products.

    Parameters
    ----------
    gram : ndarray, shape (p, p)
    """
    adds: list[bool] = []
    for place in range(gram.shape[0]):
        before = [at for at, add in enumerate(adds) if add]
        own, cross = gram[place, place], gram[before, place]
        rest = own - cross @ np.linalg.solve(gram[np.ix_(before, before)], cross) if before else own
        adds.append(bool(own > 0 and rest > COLLINEAR * own))
    return adds
