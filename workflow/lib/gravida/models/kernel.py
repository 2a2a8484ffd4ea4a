"""What a batch of pregnancies says about a count model: sums that can be added over batches.

For counts y with mean ``mu = exp(X beta + log time)`` the kernel gives log-likelihood, score and observed
information at given parameters, and each woman's score. Parameters of the Poisson model are ``beta``; those
of the negative binomial (NB2, variance ``mu + alpha mu^2``) are ``beta`` followed by ``log alpha``.

The NB2 log-likelihood of one count is written so that it is exact as alpha goes to 0,

    sum_{j<y} log(1 + alpha j) + y log mu - y log1p(w) - mu log1p(w)/w - log y!,      w = alpha mu,

with a series for what loses its digits near w = 0 (`_curve`). Source of the model: Lawless (1987),
Canadian Journal of Statistics 15:209-225; the rearrangement is elementary.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

# Below this t^2 the closed form of `_curve` cancels (error about 1e-16 / t^2); its series reaches 1e-17.
SERIES_LIMIT = 0.02
SERIES = 1 / np.arange(3.0, 24.0, 2.0)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some pregnancies' counts and covariates.

    Attributes
    ----------
    counts : ndarray of float, shape (n,)
        Relapses.
    design : ndarray of float, shape (n, p)
        Covariates, an intercept among them.
    log_time : ndarray of float, shape (n,)
        Logarithm of the person-years.
    woman : ndarray of int, shape (n,)
        Number of the woman, from 0; the same woman may stand in several batches.
    """

    counts: np.ndarray
    design: np.ndarray
    log_time: np.ndarray
    woman: np.ndarray

    def take(self, rows: np.ndarray | slice) -> "Batch":
        """Return the pregnancies at these positions (under this mask, or in this slice)."""
        return Batch(self.counts[rows], self.design[rows], self.log_time[rows], self.woman[rows])


@dataclass(frozen=True, slots=True)
class Derivatives:
    """Each pregnancy's log-likelihood and its derivatives, arrays of shape (n,).

    `eta` is the linear predictor; `shape` is log alpha and its three arrays are None for the Poisson model.
    """

    value: np.ndarray
    mean: np.ndarray
    eta: np.ndarray
    eta_eta: np.ndarray
    shape: np.ndarray | None = None
    shape_shape: np.ndarray | None = None
    eta_shape: np.ndarray | None = None


Family = Callable[[Batch, np.ndarray], Derivatives]


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over pregnancies at given parameters; `information` is observed, shape (k, k).

    `shorter` is the log-likelihood a half and a quarter of the way from the parameters before, where whoever
    adds up was told of them.
    """

    log_likelihood: float
    score: np.ndarray
    information: np.ndarray
    pregnancies: int
    smallest_mean: float
    shorter: tuple[float, ...] = ()

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.log_likelihood + other.log_likelihood,
            self.score + other.score,
            self.information + other.information,
            self.pregnancies + other.pregnancies,
            min(self.smallest_mean, other.smallest_mean),
        )


def poisson(batch: Batch, parameters: np.ndarray) -> Derivatives:
    """Return the derivatives of the Poisson log-likelihood at ``parameters = beta``, shape (p,)."""
    eta = batch.design @ parameters + batch.log_time
    mean = np.exp(eta)
    value = batch.counts * eta - mean - _of_counts(batch.counts, 0.0)[0]
    return Derivatives(value, mean, batch.counts - mean, -mean)


def negative_binomial(batch: Batch, parameters: np.ndarray) -> Derivatives:
    """Return the derivatives of the NB2 log-likelihood at ``(beta, log alpha)``, shape (p + 1,)."""
    alpha = np.exp(parameters[-1])
    eta = batch.design @ parameters[:-1] + batch.log_time
    y, mean = batch.counts, np.exp(eta)
    w = alpha * mean
    log1p_w, shrink = np.log1p(w), 1 / (1 + w)
    per_w = np.divide(log1p_w, w, out=np.ones_like(w), where=w > 0)
    curve, curve_slope = _curve(w, log1p_w)
    log_factorial, rising, slope, bend = _of_counts(y, alpha)
    by_eta, shrunk = (y - mean) * shrink, mean * shrink
    by_alpha = slope + mean * mean * curve - y * shrunk
    by_alpha_twice = bend + mean**3 * curve_slope + y * shrunk * shrunk
    return Derivatives(
        rising - log_factorial + y * (eta - log1p_w) - mean * per_w,
        mean,
        by_eta,
        -(1 + alpha * y) * shrunk * shrink,
        alpha * by_alpha,
        alpha**2 * by_alpha_twice + alpha * by_alpha,
        -alpha * by_eta * shrunk,
    )


def _of_counts(y: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return log y!, then sum_{j<y} log(1 + alpha j) and its first two derivatives in alpha, for whole y."""
    whole = y.astype(np.int64)
    j = np.arange(whole.max(initial=0))
    terms = (np.log1p(j), np.log1p(alpha * j), j / (1 + alpha * j), -((j / (1 + alpha * j)) ** 2))
    factorial, value, slope, bend = (np.concatenate(([0.0], np.cumsum(term)))[whole] for term in terms)
    return factorial, value, slope, bend


def _curve(w: np.ndarray, log1p_w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (log1p(w) - w/(1+w)) / w^2, which is 1/2 at 0, and its derivative, which is -2/3 there.

    With t = w/(2+w), log1p(w) = 2 atanh(t), and nothing cancels in either given (atanh(t)/t - 1)/t^2.
    """
    half_less = 1 / (2 + w)
    t, less = w * half_less, 2 * half_less
    q = t * t
    near = q < SERIES_LIMIT
    rest = np.zeros_like(w)
    if near.any():
        rest = np.polynomial.polynomial.polyval(np.minimum(q, SERIES_LIMIT), SERIES)
    if not near.all():
        safe = np.where(near, 1.0, t)
        rest = np.where(near, rest, (log1p_w / (2 * safe) - 1) / (safe * safe))
    inverse = 1 / (1 + t)
    return less * less * (inverse + t * rest) / 2, -(less**3) * (inverse * inverse + rest) / 2


def add_up(family: Family, batch: Batch, parameters: np.ndarray) -> Sums:
    """Return the sums of one batch at these parameters, shape (k,)."""
    row, x = family(batch, parameters), batch.design
    score = x.T @ row.eta
    information = -(x.T * row.eta_eta) @ x
    if row.shape is not None:
        cross = -(x.T @ row.eta_shape)
        score = np.append(score, row.shape.sum())
        information = np.block([[information, cross[:, None]], [cross[None, :], -row.shape_shape.sum()]])
    smallest = float(row.mean.min(initial=np.inf))
    return Sums(float(row.value.sum()), score, information, batch.counts.size, smallest)


def total(family: Family, batches: Iterable[Batch], parameters: np.ndarray) -> Sums:
    """Return the sums over all batches."""
    first, *rest = (add_up(family, batch, parameters) for batch in batches)
    return sum(rest, start=first)


def row_scores(family: Family, batch: Batch, parameters: np.ndarray) -> np.ndarray:
    """Return each pregnancy's score, shape (n, k)."""
    row = family(batch, parameters)
    of_beta = batch.design * row.eta[:, None]
    return of_beta if row.shape is None else np.column_stack([of_beta, row.shape])


def woman_scores(family: Family, batches: Iterable[Batch], parameters: np.ndarray, women: int) -> np.ndarray:
    """Return each woman's score, shape (women, k): the sum of the scores of her pregnancies."""
    scores = np.zeros((women, parameters.size))
    for batch in batches:
        for k, column in enumerate(row_scores(family, batch, parameters).T):
            scores[:, k] += np.bincount(batch.woman, column, minlength=women)
    return scores
