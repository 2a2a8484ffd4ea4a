"""One pool of comparisons by every method, with every way of treating zero cells, side by side."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtrc, ndtr, stdtr

from gravida.errors import NotEstimable
from gravida.evidence.comparisons import Comparisons
from gravida.models import meta_analysis
from gravida.models.conditional import common_odds_ratio
from gravida.models.inference import quantile
from gravida.models.stratified import mantel_haenszel, peto
from gravida.words import joined

BETWEEN: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "dersimonian_laird": meta_analysis.dersimonian_laird,
    "paule_mandel": meta_analysis.paule_mandel,
    "reml": meta_analysis.restricted_likelihood,
}
# Beyond this logarithm an exponential overflows.
LARGEST_LOG = 700.0
NO_STUDY = "no study of this pool has numbers for it"
NONE_WITHOUT_ZERO = "every study has a zero cell"
ONE_STUDY = "one study says nothing of how studies differ"


@dataclass(frozen=True, slots=True)
class PooledRow:
    """One pool by one method: ratios are treated over control, differences treated less control.

    None stands for an empty cell: an estimate that is not there, heterogeneity where the method has none.
    """

    measure: str
    method: str
    interval: str
    zero_cells: str
    studies: int
    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    p_value: float | None = None
    q: float | None = None
    q_df: int | None = None
    q_p_value: float | None = None
    i2: float | None = None
    tau2: float | None = None
    tau2_lower: float | None = None
    tau2_upper: float | None = None
    prediction_lower: float | None = None
    prediction_upper: float | None = None
    egger_t: float | None = None
    egger_df: int | None = None
    egger_p_value: float | None = None
    status: str = "ok"
    reason: str = ""


def pool(comparisons: Comparisons, confidence: float) -> Iterator[PooledRow]:
    """Pool the comparisons by every method that their measure has.

    Zero cells: with `none` nothing is added; with `half`, half an event is added to every cell of a study
    that has a zero cell, in Mantel-Haenszel for Q alone; with `half_in_pool` in the pool too; with
    `excluded` such studies are left out. Where no study has a zero cell there is `none` alone. Studies
    without an event in both arms, or with nothing else, say nothing of a ratio and are in no such pool.

    Parameters
    ----------
    comparisons : Comparisons
        Of any number of studies.
    confidence : float
        Coverage of every limit.
    """
    zero = comparisons.zero_cells
    without = comparisons.without_zero_cells()
    for policy in ("none", "half", "half_in_pool", "excluded") if zero else ("none",):
        used = without if policy == "excluded" else comparisons
        yield _row(used, "mantel_haenszel", "wald", policy, _mantel_haenszel, confidence)
    if comparisons.measure == "OR":
        for policy in ("none", "excluded") if zero else ("none",):
            used = without if policy == "excluded" else comparisons
            yield _row(used, "peto", "wald", policy, _peto, confidence)
        yield _row(comparisons, "exact_conditional", "exact", "none", _exact, confidence)
    for policy in _policies_of_variances(comparisons):
        used = without if policy == "excluded" else comparisons
        yield _row(used, "inverse_variance", "wald", policy, _inverse_variance, confidence)
        for method in BETWEEN:
            for interval in ("wald", "hartung_knapp"):
                yield _row(used, method, interval, policy, _random_effects, confidence)


def _policies_of_variances(comparisons: Comparisons) -> tuple[str, ...]:
    """Return the ways of treating zero cells under which each study has a variance of its own."""
    if not comparisons.zero_cells:
        return ("none",)
    usable, _ = comparisons.estimates(half=False)
    all_usable = usable.size == int((~comparisons.arms.silent).sum()) + len(comparisons.printed)
    return ("none", "half", "excluded") if all_usable else ("half", "excluded")


def _row(
    comparisons: Comparisons,
    method: str,
    interval: str,
    policy: str,
    fill: Callable[[Comparisons, PooledRow, float], PooledRow],
    confidence: float,
) -> PooledRow:
    counted = int(comparisons.telling.sum())
    by_variance = method in BETWEEN or method == "inverse_variance"
    if policy == "half_in_pool":
        counted = len(comparisons.counted)
    if by_variance:
        counted = comparisons.estimates(policy == "half")[0].size
    row = PooledRow(comparisons.measure, method, interval, policy, counted)
    try:
        if not counted:
            raise NotEstimable(_why_empty(comparisons, policy, by_variance))
        filled = fill(comparisons, row, confidence)
    except NotEstimable as obstacle:
        return replace(row, status=obstacle.status, reason=str(obstacle))
    return _finite(replace(filled, reason="; ".join(_remarks(comparisons, filled, by_variance))))


def _remarks(comparisons: Comparisons, row: PooledRow, by_variance: bool) -> list[str]:
    """Return what must be said of a pool that has an answer."""
    silent = int(comparisons.arms.silent.sum())
    printed = len(comparisons.printed)
    said = []
    if printed and not by_variance:
        said.append(_printed_left_out(printed))
    if silent and (comparisons.measure != "RD" or by_variance) and row.zero_cells != "half_in_pool":
        said.append(f"{_studies(silent)} with no event, or nothing else, in both arms left out")
    if row.q_df is not None and row.q_df + 1 < row.studies:
        said.append(
            f"Q and I2 go by {row.q_df + 1} of {row.studies} studies: the others have no own estimate"
        )
    if row.tau2 is not None and row.studies == 2:
        said.append("of two studies the variance between studies is hardly known")
    return said


def _studies(number: int) -> str:
    return "1 study" if number == 1 else f"{number} studies"


def _finite(row: PooledRow) -> PooledRow:
    """Return the row with a limit that no number can hold left empty, and said to be."""
    names = ("lower", "upper", "prediction_lower", "prediction_upper", "tau2_upper")
    beyond = [name for name in names if getattr(row, name) is not None and np.isinf(getattr(row, name))]
    if not beyond:
        return row
    said = joined(row.reason, "an empty limit is larger than numbers can say")
    return replace(row, reason=said, **dict.fromkeys(beyond))


def _why_empty(comparisons: Comparisons, policy: str, by_variance: bool) -> str:
    if comparisons.printed and not by_variance:
        return _printed_left_out(len(comparisons.printed))
    if comparisons.counted:
        return "each of its studies has no event, or nothing but events, in both arms"
    return NONE_WITHOUT_ZERO if policy == "excluded" else NO_STUDY


def _printed_left_out(number: int) -> str:
    prints = "prints" if number == 1 else "print"
    return f"{_studies(number)} {prints} a ratio and no counts: in the methods of inverse variance alone"


def _mantel_haenszel(comparisons: Comparisons, row: PooledRow, confidence: float) -> PooledRow:
    arms = comparisons.arms.take(comparisons.telling)
    if row.zero_cells == "half_in_pool":
        # Whoever adds halves in the pool adds them to a study without an event too, and pools it.
        arms = comparisons.arms.with_half()
    estimate, variance = mantel_haenszel(arms, row.measure)
    counts_alone = replace(comparisons, printed=(), log_ratios=np.zeros(0), variances=np.zeros(0))
    own = counts_alone.estimates(half=row.zero_cells in ("half", "half_in_pool"))
    return _with_q(_with_limits(row, estimate, variance, confidence), estimate, *own)


def _peto(comparisons: Comparisons, row: PooledRow, confidence: float) -> PooledRow:
    estimates, variances = peto(comparisons.arms.take(comparisons.telling))
    if not np.isfinite(variances).any():
        raise NotEstimable("no study says anything of this ratio: each has no event, or only events")
    mean, variance = meta_analysis.weighted_mean(estimates, variances)
    return _with_q(_with_limits(row, mean, variance, confidence), mean, estimates, variances)


def _exact(comparisons: Comparisons, row: PooledRow, confidence: float) -> PooledRow:
    found = common_odds_ratio(comparisons.arms, confidence)
    return replace(row, estimate=found.ratio, lower=found.lower, upper=found.upper, p_value=found.p_value)


def _inverse_variance(comparisons: Comparisons, row: PooledRow, confidence: float) -> PooledRow:
    estimates, variances = comparisons.estimates(row.zero_cells == "half")
    mean, variance = meta_analysis.weighted_mean(estimates, variances)
    filled = _with_q(_with_limits(row, mean, variance, confidence), mean, estimates, variances)
    enough = estimates.size >= meta_analysis.FEWEST_FOR_ASYMMETRY
    test = meta_analysis.egger(estimates, variances) if enough else None
    if test is None:
        return filled
    return replace(filled, egger_t=test.t, egger_df=test.degrees_of_freedom, egger_p_value=test.p_value)


def _random_effects(comparisons: Comparisons, row: PooledRow, confidence: float) -> PooledRow:
    estimates, variances = comparisons.estimates(row.zero_cells == "half")
    degrees = estimates.size - 1
    if not degrees:
        raise NotEstimable(ONE_STUDY)
    between = BETWEEN[row.method](estimates, variances)
    mean, variance = meta_analysis.weighted_mean(estimates, variances, between)
    of_t = None
    if row.interval == "hartung_knapp":
        of_t = degrees
        variance *= meta_analysis.knapp_hartung_factor(estimates, variances, between)
    fixed, _ = meta_analysis.weighted_mean(estimates, variances)
    filled = _with_q(_with_limits(row, mean, variance, confidence, of_t), fixed, estimates, variances)
    limits = meta_analysis.q_profile(estimates, variances, confidence) or (None, None)
    reach = quantile(confidence, of_t) * np.sqrt(between + variance)
    shown = _shown(row.measure)
    return replace(
        filled,
        tau2=between,
        tau2_lower=limits[0],
        tau2_upper=limits[1],
        prediction_lower=shown(mean - reach),
        prediction_upper=shown(mean + reach),
    )


def _with_limits(
    row: PooledRow, estimate: float, variance: float, confidence: float, of_t: int | None = None
) -> PooledRow:
    """Return the row with its estimate, Wald limits and p-value; `of_t` degrees of freedom, or normal."""
    error = float(np.sqrt(variance))
    reach, z, shown = quantile(confidence, of_t) * error, -abs(estimate) / error, _shown(row.measure)
    return replace(
        row,
        estimate=shown(estimate),
        lower=shown(estimate - reach),
        upper=shown(estimate + reach),
        p_value=float(2 * (ndtr(z) if of_t is None else stdtr(of_t, z))),
    )


def _with_q(row: PooledRow, about: float, estimates: np.ndarray, variances: np.ndarray) -> PooledRow:
    """Return the row with the heterogeneity of the studies' own estimates about a pooled one."""
    if estimates.size < 2:
        return replace(row, q=0.0, q_df=0, q_p_value=1.0, i2=0.0)
    q = float(((estimates - about) ** 2 / variances).sum())
    degrees = estimates.size - 1
    return replace(
        row,
        q=q,
        q_df=degrees,
        q_p_value=float(chdtrc(degrees, q)),
        i2=meta_analysis.i_squared(q, degrees),
    )


def _shown(measure: str) -> Callable[[float], float]:
    """Return what turns an estimate into what is shown: the exponential of a logarithm, at most infinity."""
    return float if measure == "RD" else lambda value: float(np.exp(value)) if value < LARGEST_LOG else np.inf
