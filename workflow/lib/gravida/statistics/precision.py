"""What the primary interval excludes, and how far what cannot be seen would have to reach to change it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri, stdtr

from gravida.errors import NotEstimable
from gravida.statistics import identifiability as design_of
from gravida.statistics.contrasts import Contrasts
from gravida.statistics.course import leave_one_woman_out
from gravida.statistics.permutation import compare_site_rates
from gravida.statistics.weighting import fit_propensity

BEHIND = (
    *("women", "women_numerator", "women_denominator", "relapses_numerator", "relapses_denominator"),
    *("women_with_relapse_numerator", "women_with_relapse_denominator"),
    *("relapses_most_numerator", "relapses_most_denominator"),
)
COLUMNS = ["question", "value", "detail", *BEHIND]


@dataclass(frozen=True, slots=True)
class PrecisionSettings:
    """What the analysis plan fixes: coverage, power, ratios to plan for, margin of equivalence, seed."""

    confidence: float
    power: float
    planned_ratios: tuple[float, ...]
    equivalence_margin: float
    seed: int


def assess_precision(
    contrasts: Contrasts, rate_ratios: pd.DataFrame, settings: PrecisionSettings
) -> pd.DataFrame:
    """Answer the questions of the plan around the primary row.

    Excluded reduction and increase, from treatment's side; the smallest ratio detectable with the plan's
    power, ``exp((z_confidence + z_power) SE)`` with the primary standard error, which holds person-time,
    dispersion and clustering; pregnancies needed for a ratio R, ``N ((z + z) SE / ln R)^2`` rounded up; two
    one-sided tests of equivalence (Schuirmann 1987, J Pharmacokinet Biopharm 15:657-680), value
    the larger p; the site shock that would explain the ratio; the permutation of sites; E-values (VanderWeele
    and Ding 2017, Annals of Internal Medicine 167:268-274); the difference-in-differences without one woman;
    the weighted analysis' effective sample size and largest weight.

    Parameters
    ----------
    contrasts : Contrasts
        Of the outcome period.
    rate_ratios : DataFrame
        The contract's table, unprotected.
    settings : PrecisionSettings
    """
    row = rate_ratios[rate_ratios["is_primary"]].iloc[0]
    behind = {name: row[name] for name in BEHIND}
    answers = [*_of_primary(row, settings), *_of_sites(contrasts, row, settings), *_of_women(contrasts)]
    frame = pd.DataFrame(answers, columns=["question", "value", "detail"])
    return frame.assign(**behind).reindex(columns=COLUMNS)


Answer = tuple[str, float | None, str]


def _of_primary(row: pd.Series, settings: PrecisionSettings) -> Iterator[Answer]:
    """Yield what the primary row excludes, would detect and needs."""
    names = ("excluded_reduction", "excluded_increase", "minimum_detectable_ratio")
    if pd.isna(row["lower"]) or pd.isna(row["standard_error"]):
        why = row["reason"] or "the primary row has no interval"
        for name in (*names, "pregnancies_needed", "equivalence", "e_value_estimate", "e_value_limit"):
            yield name, None, why
        return
    lower, upper = _from_treatments_side(row)
    detectable = minimum_detectable_ratio(row["standard_error"], settings.confidence, settings.power)
    beyond = "; negative: the whole interval is on the other side"
    detail = "share by which treatment may lower the rate at most, by the interval"
    yield names[0], 1 - lower, detail + (beyond if lower > 1 else "")
    detail = "share by which treatment may raise the rate at most, by the interval"
    yield names[1], upper - 1, detail + (beyond if upper < 1 else "")
    yield names[2], detectable, f"with {settings.power:.0%} power; and its inverse"
    for ratio in settings.planned_ratios:
        needed = int(np.ceil(row["pregnancies"] * (np.log(detectable) / np.log(ratio)) ** 2))
        yield "pregnancies_needed", needed, f"to detect a ratio of {ratio:g} with {settings.power:.0%} power"
    yield _equivalence(row, settings)
    yield "e_value_estimate", e_value(row["rate_ratio"]), "for the estimate"
    covers = row["lower"] <= 1 <= row["upper"]
    nearest = 1.0 if covers else min(row["lower"], row["upper"], key=lambda x: abs(np.log(x)))
    detail = "the interval covers 1" if covers else "for the limit nearer to 1"
    yield "e_value_limit", e_value(nearest), detail


def minimum_detectable_ratio(standard_error: float, confidence: float, power: float) -> float:
    """Return the ratio above 1 that a two-sided test finds with this power.

    Parameters
    ----------
    standard_error : float
        Of the log ratio; with E relapses, a share p of them in one arm, ``1 / sqrt(E p (1 - p))`` (Schoenfeld
        1983, Biometrics 39:499-503).
    confidence, power : float
    """
    return float(np.exp((ndtri((1 + confidence) / 2) + ndtri(power)) * standard_error))


def _from_treatments_side(row: pd.Series) -> tuple[float, float]:
    """Return the limits of treated over untreated."""
    if row["contrast"].startswith("treated/"):
        return row["lower"], row["upper"]
    return 1 / row["upper"], 1 / row["lower"]


def _equivalence(row: pd.Series, settings: PrecisionSettings) -> Answer:
    """Return the larger p of the two one-sided tests against margin and inverse margin."""
    log_ratio, reach = np.log(row["rate_ratio"]), np.log(settings.equivalence_margin)
    z, freedom = (abs(log_ratio) - reach) / row["standard_error"], row["degrees_of_freedom"]
    p_value = float(ndtr(z) if pd.isna(freedom) else stdtr(freedom, z))
    found = "equivalent" if p_value < 0.05 else "equivalence not shown"
    margin = settings.equivalence_margin
    return "equivalence", p_value, f"{found} between {1 / margin:.3g} and {margin:g} (each test at 5%)"


def e_value(ratio: float) -> float:
    """Return how strongly a confounder must go with arm and relapse, as ratios, to explain this ratio.

    Parameters
    ----------
    ratio : float
        Of rates, positive.
    """
    away = max(ratio, 1 / ratio)
    return float(away + np.sqrt(away * (away - 1)))


def _of_sites(contrasts: Contrasts, row: pd.Series, settings: PrecisionSettings) -> Iterator[Answer]:
    """Yield what differences between the sites alone could do."""
    shocks = ("site_shock_to_null", "site_shock_to_exclude")
    if contrasts.verdict.verdict != design_of.BETWEEN:
        for name in shocks:
            yield name, None, "for contrasts between sites only"
    elif pd.isna(row["lower"]):
        for name in shocks:
            yield name, None, "the primary row has no interval"
    else:
        arms = f"{row['contrast'].replace('/', ' over ')} sites"
        yield shocks[0], row["rate_ratio"], f"ratio of background rates, {arms}, that makes the estimate 1"
        covers = row["lower"] <= 1 <= row["upper"]
        where = ("below", "above") if covers else ("from", "up to")
        what = "the interval no longer covers 1" if covers else "the interval covers 1"
        for word, limit in zip(where, ("lower", "upper"), strict=True):
            yield shocks[1], row[limit], f"{word} this ratio of background rates {what}"
    yield from _permutation(contrasts, settings)


def _permutation(contrasts: Contrasts, settings: PrecisionSettings) -> Iterator[Answer]:
    names = ("site_permutation_p", "site_permutation_smallest_p")
    analysis = ("site_rates_ratio", "site_rates_lower", "site_rates_upper", "site_rates_p")
    try:
        found = compare_site_rates(contrasts, settings.confidence, settings.seed)
    except NotEstimable as obstacle:
        for name in (*names, *analysis):
            yield name, None, str(obstacle)
        return
    yield names[0], found.p_value, found.how
    yield names[1], found.smallest, "the smallest p that these sites can give"
    t_test = f"t-test of the log rates of {found.sites} sites, {found.sites - 2} degrees of freedom"
    for name, value in zip(analysis, (found.ratio, found.lower, found.upper, found.t_p_value), strict=True):
        yield name, value, t_test


def _of_women(contrasts: Contrasts) -> Iterator[Answer]:
    """Yield what single women carry: of the difference-in-differences, and of the weighted analysis."""
    names = ("leave_one_woman_out_lower", "leave_one_woman_out_upper")
    try:
        for name, value in zip(names, leave_one_woman_out(contrasts), strict=True):
            yield name, value, "difference-in-differences, each woman left out in turn"
    except NotEstimable as obstacle:
        for name in names:
            yield name, None, str(obstacle)
    names = ("effective_sample_size", "largest_weight")
    try:
        propensity = fit_propensity(contrasts)
    except NotEstimable as obstacle:
        for name in names:
            yield name, None, str(obstacle)
        return
    sizes = propensity.effective_sample_size("iptw")
    detail = f"of {len(propensity.rows)} pregnancies, inverse-probability weights, both arms"
    yield names[0], sum(sizes), detail
    yield names[1], float(propensity.weights("iptw").max()), "inverse-probability weights; 1 is the smallest"
