"""Two arms compared over strata: the estimate of each stratum, and Mantel-Haenszel and Peto pools.

A stratum is a study: events of its two arms, with their totals or their person-years. Ratios are pooled and
returned as logarithms, treated over control; a risk difference is treated less control.
"""

from dataclasses import dataclass, replace

import numpy as np

from gravida.errors import NotEstimable

HALF = 0.5
OF_TOTALS = ("OR", "RR", "RD")


@dataclass(frozen=True, slots=True)
class Arms:
    """Events and sizes (totals, or person-years) of two arms, each of shape (k,), float.

    `person_time` says which: it changes what a zero cell is and what half an event adds.
    """

    treated_events: np.ndarray
    treated_size: np.ndarray
    control_events: np.ndarray
    control_size: np.ndarray
    person_time: bool = False

    def take(self, chosen: np.ndarray) -> "Arms":
        """Return some of the strata: `chosen` is boolean or positions."""
        names = ("treated_events", "treated_size", "control_events", "control_size")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    @property
    def without_event(self) -> tuple[np.ndarray, np.ndarray]:
        """How many had no event, by arm; meaningless for person-time."""
        return self.treated_size - self.treated_events, self.control_size - self.control_events

    @property
    def zero_cell(self) -> np.ndarray:
        """Which strata have a cell of 0, boolean."""
        cells = [self.treated_events, self.control_events]
        cells += [] if self.person_time else self.without_event
        return np.any([cell == 0 for cell in cells], axis=0)

    @property
    def silent(self) -> np.ndarray:
        """Which strata say nothing of a ratio: no event, or nothing but events, in both arms; boolean."""
        nothing = (self.treated_events == 0) & (self.control_events == 0)
        if self.person_time:
            return nothing
        treated, control = self.without_event
        return nothing | ((treated == 0) & (control == 0))

    def with_half(self) -> "Arms":
        """Return the strata with half an event added to every cell of those that have a zero cell."""
        half = HALF * self.zero_cell
        grown = 0 if self.person_time else 2 * half
        return Arms(
            self.treated_events + half,
            self.treated_size + grown,
            self.control_events + half,
            self.control_size + grown,
            self.person_time,
        )


def stratum_estimates(arms: Arms, measure: str) -> tuple[np.ndarray, np.ndarray]:
    """Return each stratum's estimate and variance, shape (k,); not finite where a cell of 0 forbids it.

    Parameters
    ----------
    arms : Arms
        Of totals for `OR`, `RR` and `RD`, of person-time for `IRR`.
    measure : str
        The estimate of `OR`, `RR` and `IRR` is the logarithm.
    """
    a, n1, c, n2 = arms.treated_events, arms.treated_size, arms.control_events, arms.control_size
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "OR":
            b, d = n1 - a, n2 - c
            return np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d
        if measure == "RR":
            return np.log(a / n1 / (c / n2)), 1 / a - 1 / n1 + 1 / c - 1 / n2
        if measure == "RD":
            return a / n1 - c / n2, a * (n1 - a) / n1**3 + c * (n2 - c) / n2**3
        return np.log(a / n1 / (c / n2)), 1 / a + 1 / c


def mantel_haenszel(arms: Arms, measure: str) -> tuple[float, float]:
    """Return the Mantel-Haenszel estimate (a logarithm but for `RD`) and its variance.

    Variances: Robins, Breslow and Greenland (1986), Biometrics 42:311-323 (`OR`); Greenland and Robins
    (1985), Biometrics 41:55-68 (`RR`, `IRR`); Sato, Greenland and Robins (1989), Biometrics 45:1323-1324
    (`RD`).

    Raises
    ------
    NotEstimable
        If a ratio would be 0 or infinite, or the variance 0.
    """
    if measure == "OR":
        return _pooled_odds_ratio(arms)
    if measure == "RD":
        return _pooled_difference(arms)
    a, n1, c, n2 = arms.treated_events, arms.treated_size, arms.control_events, arms.control_size
    total = n1 + n2
    above, below = (a * n2 / total).sum(), (c * n1 / total).sum()
    _refuse_an_empty_arm(above, below)
    both = 0.0 if arms.person_time else a * c / total
    spread = ((n1 * n2 * (a + c) / total**2) - both).sum() / (above * below)
    return float(np.log(above / below)), _positive(spread)


def _pooled_odds_ratio(arms: Arms) -> tuple[float, float]:
    a, c = arms.treated_events, arms.control_events
    b, d = arms.without_event
    total = arms.treated_size + arms.control_size
    r, s, p, q = a * d / total, b * c / total, (a + d) / total, (b + c) / total
    above, below = r.sum(), s.sum()
    _refuse_an_empty_arm(above, below)
    spread = (
        (p * r).sum() / (2 * above**2)
        + (p * s + q * r).sum() / (2 * above * below)
        + (q * s).sum() / (2 * below**2)
    )
    return float(np.log(above / below)), _positive(spread)


def _pooled_difference(arms: Arms) -> tuple[float, float]:
    a, n1, c, n2 = arms.treated_events, arms.treated_size, arms.control_events, arms.control_size
    total = n1 + n2
    weight = (n1 * n2 / total).sum()
    estimate = float(((a * n2 - c * n1) / total).sum() / weight)
    first = c * (n1 / total) ** 2 - a * (n2 / total) ** 2 + n1 * n2 * (n2 - n1) / total**2 / 2
    second = (a * (n2 - c) + c * (n1 - a)) / total / 2
    return estimate, _positive((estimate * first.sum() + second.sum()) / weight**2)


def _refuse_an_empty_arm(above: float, below: float) -> None:
    if above == 0 and below == 0:
        raise NotEstimable("no study says anything of this ratio: each has no event, or only events")
    if above == 0:
        raise NotEstimable("the pooled ratio is 0, without limits: a cell of every study is 0 on one side")
    if below == 0:
        raise NotEstimable("the pooled ratio is infinite: a cell of every study is 0 on one side")


def _positive(variance: float) -> float:
    if not variance > 0:
        raise NotEstimable("the pooled estimate has no variance: every study has a zero cell")
    return float(variance)


def mantel_haenszel_weights(arms: Arms, measure: str) -> np.ndarray:
    """Return the weight of each stratum's own estimate in the Mantel-Haenszel pool, shape (k,)."""
    n1, c, n2 = arms.treated_size, arms.control_events, arms.control_size
    weighed = {"OR": (n1 - arms.treated_events) * c, "RD": n1 * n2}.get(measure, n1 * c)
    return weighed / (n1 + n2)


def peto(arms: Arms) -> tuple[np.ndarray, np.ndarray]:
    """Return Peto's one-step log odds ratio and its variance for each stratum; nan where it says nothing.

    Observed less expected treated events over the hypergeometric variance: Yusuf et al. (1985), Progress in
    Cardiovascular Diseases 27:335-371. Biased where the arms are of unequal size or the effect is large.
    """
    n1, n2 = arms.treated_size, arms.control_size
    events, total = arms.treated_events + arms.control_events, n1 + n2
    variance = n1 * n2 * events * (total - events) / (total**2 * (total - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return (arms.treated_events - events * n1 / total) / variance, 1 / variance
