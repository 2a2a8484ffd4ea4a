"""How good predicted relapse rates are for women who were not used to make them.

Pregnancies of one group (women predicted by the same model) are compared with each other, over all groups and
repetitions. The limits of concordance and slope come from a jackknife by woman of the whole procedure, models
included: with the predictions taken as given (LeDell, Petersen and van der Laan 2015, Electronic Journal of
Statistics 9:1583-1607) every comparison of two parts of the women counts as two, once each way, and worthless
predictions would too often seem of use. The limits are those of what the procedure achieves on average in
studies like this one, and err on the side of caution: Efron and Stein (1981), Annals of Statistics 9:586-596.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from gravida.errors import NotConverged, NotEstimable
from gravida.models.inference import quantile

MAX_ITERATIONS = 50
# Steps of the slope: when it is settled, and the longest that keeps within the range of computable rates.
SMALLEST_STEP, LONGEST_STEP = 1e-9, 2.0
# Log rates that differ less than this within a group are one prediction.
SAME_PREDICTION = 1e-9

Interval = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Validation:
    """Predictions for n pregnancies of women held out in turn, in r repetitions.

    Attributes
    ----------
    counts, years : ndarray of float, shape (n,)
        Relapses and person-years.
    woman : ndarray of int, shape (n,)
        Number of the woman, from 0.
    design : ndarray, shape (n, p)
        Covariates, an intercept among them.
    part : ndarray of int, shape (r, n)
        The part whose women were left out of the model that predicts a pregnancy.
    group : ndarray of int, shape (r, n)
        Pregnancies that are compared; all of a group are of one part.
    beta : ndarray, shape (r, parts, p)
        Coefficients of each part's model.
    change : ndarray, shape (b, r, parts, p)
        What is added to them when a block of women is taken out, to first order.
    block : ndarray of int, shape (n,)
        The block of the woman, from 0 to b - 1.
    """

    counts: np.ndarray
    years: np.ndarray
    woman: np.ndarray
    design: np.ndarray
    part: np.ndarray
    group: np.ndarray
    beta: np.ndarray
    change: np.ndarray
    block: np.ndarray

    def log_rate(self, without: int | None = None) -> np.ndarray:
        """Return the predicted log rates, those without a block of women if one is named, shape (r, n)."""
        beta = self.beta if without is None else self.beta + self.change[without]
        pairs = zip(beta, self.part, strict=True)
        return np.array([(self.design * coefficients[part]).sum(axis=1) for coefficients, part in pairs])

    def kept(self, without: int | None = None) -> np.ndarray:
        """Return the pregnancies that stay when a block of women is taken out, bool of shape (n,)."""
        return np.ones(self.block.size, dtype=bool) if without is None else self.block != without


def concordance(validation: Validation, confidence: float) -> Interval:
    """Return how often, of two women, the one with more relapses has the higher predicted rate, with limits.

    A pair is used if its order is certain: one had more relapses in no more time. Equal predictions count
    half. Follow-up alone so gains no credit, and worthless predictions have 0.5 (Harrell's idea for censored
    times, carried over to counts). The limits are Wald's on the logit scale.

    Raises
    ------
    NotEstimable
        If no pair can be put in order, all predictions are the same, or all pairs agree or disagree.
    """
    more, fewer = _ordered_pairs(validation)
    log_rate = validation.log_rate().ravel()
    if more.size == 0:
        raise NotEstimable("no two women can be put in order by their relapses")
    if np.abs(log_rate[more] - log_rate[fewer]).max() < SAME_PREDICTION:
        raise NotEstimable("all predictions are the same")

    def value(without: int | None = None) -> float:
        kept = np.tile(validation.kept(without), len(validation.part))
        both = kept[more] & kept[fewer]
        rates = validation.log_rate(without).ravel()
        scores = (np.sign(rates[more[both]] - rates[fewer[both]]) + 1) / 2
        if not 0 < scores.sum() < scores.size:
            raise NotEstimable("all pairs of women agree, or would without one woman: no limits can be had")
        return float(logit(scores.mean()))

    estimate, error = _jackknife(value, validation.change.shape[0])
    reach = quantile(confidence) * error
    return tuple(float(expit(estimate + sign * reach)) for sign in (0, -1, 1))


def _ordered_pairs(validation: Validation) -> tuple[np.ndarray, np.ndarray]:
    """Return the pregnancies with more and with fewer relapses of every pair, positions in (r, n) raveled."""
    more, fewer = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for start, rows in _groups(validation):
        counts, years, woman = validation.counts[rows], validation.years[rows], validation.woman[rows]
        certain = (counts[:, None] > counts) & (years[:, None] <= years) & (woman[:, None] != woman)
        first, second = np.nonzero(certain)
        more.append(start + rows[first])
        fewer.append(start + rows[second])
    return np.concatenate(more), np.concatenate(fewer)


def _groups(validation: Validation) -> Iterator[tuple[int, np.ndarray]]:
    """Yield for each group where its repetition starts in (r, n) raveled, and its positions, shape (q,)."""
    for repetition, group in enumerate(validation.group):
        order = np.argsort(group, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
            yield repetition * group.size, rows


def calibration_slope(validation: Validation, confidence: float) -> Interval:
    """Return the slope of the log rate on the predicted log rate, with limits: 1 is right, 0 is worthless.

    Poisson regression with the person-years as offset and an intercept for each group, which is conditioned
    out: given a group's relapses, who has them is multinomial. Below 1 the predictions are too extreme.

    Raises
    ------
    NotEstimable
        If the predictions do not differ within groups.
    NotConverged
        If there is no finite maximum.
    """
    slopes = _Slopes.of(validation)
    full = slopes.fit(validation.log_rate(), validation.kept())

    def value(without: int | None = None) -> float:
        return slopes.fit(validation.log_rate(without), validation.kept(without), full)

    estimate, error = _jackknife(value, validation.change.shape[0])
    reach = quantile(confidence) * error
    return estimate, estimate - reach, estimate + reach


@dataclass(frozen=True, slots=True)
class _Slopes:
    """Predictions of all repetitions, r n of them, sorted by group: `starts` says where each group begins."""

    order: np.ndarray
    starts: np.ndarray
    counts: np.ndarray
    years: np.ndarray

    @classmethod
    def of(cls, validation: Validation) -> "_Slopes":
        groups = [start + rows for start, rows in _groups(validation)]
        order, sizes = np.concatenate(groups), [rows.size for rows in groups]
        row = order % validation.counts.size
        starts = np.cumsum([0, *sizes[:-1]])
        return cls(order, starts, validation.counts[row], validation.years[row])

    def fit(self, log_rate: np.ndarray, kept: np.ndarray, slope: float = 0.0) -> float:
        """Return the maximum of the conditional likelihood, found from a first guess."""
        rates = log_rate.ravel()[self.order]
        weight = np.tile(kept, len(log_rate))[self.order].astype(float)
        nothing = SAME_PREDICTION**2 * self.counts.sum()
        if self._sums(rates, weight, slope)[1] <= nothing:
            raise NotEstimable("all predictions are the same")
        for _ in range(MAX_ITERATIONS):
            score, information = self._sums(rates, weight, slope)
            if information <= nothing:
                break
            step = float(np.clip(score / information, -LONGEST_STEP, LONGEST_STEP))
            slope += step
            # Where the maximum is at infinity the steps stay long while score and information vanish.
            if abs(step) <= SMALLEST_STEP * max(1.0, abs(slope)):
                return slope
        raise NotConverged("the calibration slope has no finite maximum")

    def _sums(self, rates: np.ndarray, weight: np.ndarray, slope: float) -> tuple[float, float]:
        """Return score and information of the slope."""
        tilted = slope * rates
        risk = weight * self.years * np.exp(tilted - self._spread(np.maximum, tilted))
        share = risk / np.maximum(self._spread(np.add, risk), np.finfo(float).tiny)
        expected = share * self._spread(np.add, weight * self.counts)
        centred = rates - self._spread(np.add, share * rates)
        score = ((weight * self.counts - expected) * centred).sum()
        return float(score), float((expected * centred**2).sum())

    def _spread(self, reduce: np.ufunc, values: np.ndarray) -> np.ndarray:
        """Return the sum or maximum of each one's group, shape (r n,)."""
        sizes = np.diff(self.starts, append=values.size)
        return np.repeat(reduce.reduceat(values, self.starts), sizes)


def calibration_in_the_large(validation: Validation, confidence: float) -> Interval:
    """Return the log of observed over predicted relapses, with limits: 0 is right.

    The limits hold the sampling of the women who are predicted and take the predictions as given: those of a
    cross-validation add up to nearly what was observed, so that a jackknife would find no error at all.

    Raises
    ------
    NotEstimable
        If there is no relapse.
    """
    expected = (validation.years * np.exp(validation.log_rate())).mean(axis=0)
    total = validation.counts.sum()
    if total == 0:
        raise NotEstimable("there is no relapse")
    ratio = total / expected.sum()
    influence = np.bincount(validation.woman, validation.counts - ratio * expected) / total
    women = influence.size
    error = np.sqrt(float(influence @ influence) * women / (women - 1))
    reach = quantile(confidence) * error
    value = float(np.log(ratio))
    return value, value - reach, value + reach


def _jackknife(value: Callable[..., float], blocks: int) -> tuple[float, float]:
    """Return an estimate and its standard error: each block out in turn, centred on the full estimate."""
    full = value()
    spread = sum((value(number) - full) ** 2 for number in range(blocks))
    if spread == 0:
        raise NotEstimable("no woman changes the estimate: no limits can be had")
    return full, float(np.sqrt(spread * (blocks - 1) / blocks))
