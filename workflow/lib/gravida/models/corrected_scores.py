"""Each woman's scores, corrected by the leverage of her own pregnancies in the fit of all women.

Given the bread of the whole fit, all that the bias-reduced sandwich (CR2) needs of a group of women are sums.
Source: Pustejovsky and Tipton (2018), Journal of Business & Economic Statistics 36:672-683.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gravida.models.kernel import Batch, poisson

# Eigenvalues below this are directions that one woman alone decides: they get weight 0.
SINGULAR = 1e-12


@dataclass(frozen=True, slots=True)
class Spread:
    """Sums over women of what their corrected scores along some directions vary by.

    The covariance of the corrected scores of women g and h along directions s and t, under the working
    covariance, is ``[g = h] S_g[s, t] - c_g[:, s]' bread c_h[:, t]``: the second part is how the fitted
    coefficients enter. With q directions and p coefficients:

    Attributes
    ----------
    remainder : float
        Of the traces of both parts together, for a woman with herself.
    traces, entries : float
        Of the squared trace and the squared entries of S.
    traces_shared, entries_shared : float
        Of the products of S with the second part: of the traces, and entry by entry.
    carried : ndarray, shape (q, q, p, p)
        Of the outer products of the columns of c.
    """

    remainder: float
    traces: float
    entries: float
    traces_shared: float
    entries_shared: float
    carried: np.ndarray

    def __add__(self, other: "Spread") -> "Spread":
        return Spread(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def squares(self, bread: np.ndarray) -> tuple[float, float]:
        """Return two sums over pairs of women: of the squared trace, and of the squared entries."""
        lever = np.einsum("ab,stbc->stac", bread, self.carried)
        traces = np.einsum("stac,tsca->", lever, lever)
        entries = np.einsum("stac,stca->", lever, lever)
        return (
            float(self.traces - 2 * self.traces_shared + traces),
            float(self.entries - 2 * self.entries_shared + entries),
        )


def correct(
    batch: Batch, beta: np.ndarray, bread: np.ndarray
) -> tuple[np.ndarray, Callable[[np.ndarray], Spread]]:
    """Return the sum over women of the outer products of their corrected scores, and their `Spread`.

    Parameters
    ----------
    batch : Batch
        All pregnancies of some women.
    beta : ndarray, shape (p,)
    bread : ndarray, shape (p, p)
        Inverse of the information of all women.

    Returns
    -------
    covariance : ndarray, shape (p, p)
    along : callable
        Takes directions, shape (p, q).
    """
    row = poisson(batch, beta)
    influence, spread, carried = [], [], []
    for rows in _rows_by_woman(batch.woman):
        # The derivative of the mean, shape (m, p), and the variance, shape (m,), of her counts.
        slope, variance = batch.design[rows] * row.mean[rows, None], row.mean[rows]
        # Each pregnancy's weight in the woman's corrected scores, shape (m, p).
        weight = _adjustment(slope, variance, bread).T @ (batch.design[rows] @ bread)
        influence.append(weight.T @ row.eta[rows])
        spread.append((weight.T * variance) @ weight)
        carried.append(slope.T @ weight)
    scores, held = np.array(influence), (np.array(spread), np.array(carried))
    return scores.T @ scores, lambda directions: _along(*held, bread, directions)


def _along(spread: np.ndarray, carried: np.ndarray, bread: np.ndarray, directions: np.ndarray) -> Spread:
    """Return the sums along some directions of each woman's spread and carried, shape (women, p, p)."""
    own = np.einsum("ps,gpq,qt->gst", directions, spread, directions, optimize=True)
    lever = carried @ directions
    shared = np.einsum("gps,pr,grt->gst", lever, bread, lever, optimize=True)
    trace, trace_shared = np.einsum("gss->g", own), np.einsum("gss->g", shared)
    return Spread(
        float((trace - trace_shared).sum()),
        float((trace**2).sum()),
        float((own**2).sum()),
        float((trace * trace_shared).sum()),
        float((own * shared).sum()),
        np.einsum("gps,grt->stpr", lever, lever, optimize=True),
    )


def _adjustment(slope: np.ndarray, variance: np.ndarray, bread: np.ndarray) -> np.ndarray:
    """Return the matrix A_g of one woman, shape (m, m)."""
    root = np.sqrt(variance)
    inner = (np.diag(variance) - slope @ bread @ slope.T) * np.outer(root, root)
    values, vectors = np.linalg.eigh((inner + inner.T) / 2)
    kept = values > SINGULAR * max(1.0, float(values.max()))
    power = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    return root[:, None] * (vectors * power) @ vectors.T * root[None, :]


def _rows_by_woman(woman: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(woman, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(woman[order])) + 1)
