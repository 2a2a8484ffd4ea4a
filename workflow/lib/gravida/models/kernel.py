"""What a batch of pregnancies says about a count model: sums that can be added over batches.

For counts y with mean ``mu = exp(X beta + log time)`` the kernel gives log-likelihood, score and observed
information at given parameters, and each woman's score. Parameters of the Poisson model are ``beta``; those
of the negative binomial (NB2, variance ``mu + alpha mu^2``) are ``beta`` followed by ``log alpha``.

The NB2 log-likelihood of one count is written so that it is exact as alpha goes to 0,

    sum_{j<y} log(1 + alpha j) + y log mu - y log1p(w) - mu log1p(w)/w - log y!,      w = alpha mu,

with series for the two functions of w that lose their digits near 0. Source of the model: Lawless (1987),
Canadian Journal of Statistics 15:209-225; the rearrangement is elementary.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

# Below this w the closed forms of `_curve` and `_curve_slope` cancel (error about 1e-16 / w^2); 24 terms of
# their series reach 1e-17 there.
SERIES_LIMIT = 0.15
SERIES_TERMS = 24


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

    def take(self, rows: np.ndarray) -> "Batch":
        """Return the pregnancies at these positions (or under this mask)."""
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
    value = batch.counts * eta - mean - gammaln(batch.counts + 1)
    return Derivatives(value, mean, batch.counts - mean, -mean)


def negative_binomial(batch: Batch, parameters: np.ndarray) -> Derivatives:
    """Return the derivatives of the NB2 log-likelihood at ``(beta, log alpha)``, shape (p + 1,)."""
    alpha = np.exp(parameters[-1])
    eta = batch.design @ parameters[:-1] + batch.log_time
    y, mean = batch.counts, np.exp(eta)
    w = alpha * mean
    log1p_w, one_w = np.log1p(w), 1 + w
    safe = np.where(w > 0, w, 1.0)
    per_w = np.where(w > 0, log1p_w / safe, 1.0)
    rising, slope, bend = _rising_factorial(y, alpha)
    value = rising + y * eta - y * log1p_w - mean * per_w - gammaln(y + 1)
    by_alpha = slope + mean**2 * _curve(w) - y * mean / one_w
    by_alpha_twice = bend + mean**3 * _curve_slope(w) + y * mean**2 / one_w**2
    return Derivatives(
        value,
        mean,
        (y - mean) / one_w,
        -mean * (1 + alpha * y) / one_w**2,
        alpha * by_alpha,
        alpha**2 * by_alpha_twice + alpha * by_alpha,
        -alpha * (y - mean) * mean / one_w**2,
    )


def _rising_factorial(y: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sum_{j<y} log(1 + alpha j) and its first two derivatives in alpha, for whole y."""
    whole = y.astype(np.int64)
    j = np.arange(whole.max(initial=0))
    terms = (np.log1p(alpha * j), j / (1 + alpha * j), -((j / (1 + alpha * j)) ** 2))
    value, slope, bend = (np.concatenate(([0.0], np.cumsum(term)))[whole] for term in terms)
    return value, slope, bend


def _curve(w: np.ndarray) -> np.ndarray:
    """Return (log1p(w) - w/(1+w)) / w^2, which is 1/2 at 0."""
    safe = np.maximum(w, SERIES_LIMIT)
    closed = (np.log1p(safe) - safe / (1 + safe)) / safe**2
    k = np.arange(SERIES_TERMS)
    return np.where(w < SERIES_LIMIT, _series(w, (-1.0) ** k * (k + 1) / (k + 2)), closed)


def _curve_slope(w: np.ndarray) -> np.ndarray:
    """Return the derivative of `_curve`, which is -2/3 at 0."""
    s = np.maximum(w, SERIES_LIMIT)
    closed = 1 / (s**2 * (1 + s)) - 2 * np.log1p(s) / s**3 + (1 + 2 * s) / (s * (1 + s)) ** 2
    k = np.arange(1, SERIES_TERMS + 1)
    return np.where(w < SERIES_LIMIT, _series(w, (-1.0) ** k * k * (k + 1) / (k + 2)), closed)


def _series(w: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Evaluate a power series at w, held below the limit beyond which it is not used."""
    return np.polynomial.polynomial.polyval(np.minimum(w, SERIES_LIMIT), coefficients)


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


def woman_scores(family: Family, batches: Iterable[Batch], parameters: np.ndarray, women: int) -> np.ndarray:
    """Return each woman's score, shape (women, k): the sum of the scores of her pregnancies."""
    scores = np.zeros((women, parameters.size))
    for batch in batches:
        row = family(batch, parameters)
        columns = [row.eta * column for column in batch.design.T]
        if row.shape is not None:
            columns.append(row.shape)
        for k, column in enumerate(columns):
            scores[:, k] += np.bincount(batch.woman, column, minlength=women)
    return scores
