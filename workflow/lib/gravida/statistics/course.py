"""The course through pregnancy: rates by arm and period, and whether the arms changed differently.

Every cell, an arm in a period, has a rate of its own, so that a contrast is a combination of log rates.
Errors are clustered by woman over all her pregnancies and periods.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gravida import words
from gravida.errors import NotEstimable
from gravida.models.clustered import MANY_WOMEN
from gravida.models.counts import fit_poisson
from gravida.models.gee import fit_exchangeable
from gravida.models.inference import wald
from gravida.periods import COUNT_COLUMNS, PARTS, SECOND_YEAR_BEFORE
from gravida.statistics import identifiability as design_of
from gravida.statistics.cells import Cell, Cells
from gravida.statistics.comparison import Side
from gravida.statistics.contrasts import BETWEEN_SITES, Contrasts, joined
from gravida.words import NEEDS_ROWS

BEFORE = "pre_pregnancy_year"
AFTER = "postpartum_year"
PARTS_OF_PERIODS = tuple(part for part in PARTS if part.startswith(("trimester", "postpartum_q")))
NO_SHOCK = "one site in an arm: no degrees of freedom for what changed at a site between the periods"
SITES_LEFT_OUT = "sites are not in the model"
COLUMNS = [
    *("term", "rate_ratio", "lower", "upper", "p_value"),
    *("gee_rate_ratio", "gee_lower", "gee_upper", "gee_p_value"),
    *("pregnancies", "women", "relapses", "relapses_smallest_cell", "women_with_relapse_smallest_cell"),
    *("status", "reason"),
]


@dataclass(frozen=True, slots=True)
class Term:
    """A contrast of log rates: its name and the weight of each cell (arm, period), and what is said of it."""

    name: str
    weights: Mapping[Cell, int]
    note: str = ""

    @property
    def of_arms(self) -> bool:
        """Whether it compares the arms."""
        return len({arm for arm, _ in self.weights}) > 1


def periods_of_course(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the periods whose rows the course looks at, that of the outcome among them."""
    return tuple(dict.fromkeys((plan["period"], *COUNT_COLUMNS, *PARTS_OF_PERIODS, SECOND_YEAR_BEFORE)))


def estimate_course(contrasts: Contrasts) -> pd.DataFrame:
    """Estimate ratios of rates between periods within an arm, between arms within a period, and their ratio.

    Poisson with a rate for each cell, independence working correlation, errors clustered by woman (CR1S);
    beside it the exchangeable GEE (robust as geepack). The three whole periods of all pregnancies make one
    model, trimesters and quarters (dated relapses) a second, and the two years before pregnancy, where the
    earlier was observed, a third (`pre_trend`: later over earlier, as the difference-in-differences, before
    any treatment). Pregnancies and women of a row are those in the first period of its term.

    Parameters
    ----------
    contrasts : Contrasts
        Of any period: the course takes its own.
    """
    arms = (contrasts.settings.numerator, contrasts.settings.denominator)
    change = _change(arms, "difference_in_differences", AFTER, BEFORE, _note_on_change(contrasts))
    whole = [*_terms(arms, list(COUNT_COLUMNS), _note(contrasts)), change]
    parts = _terms(arms, [BEFORE, *PARTS_OF_PERIODS], _note(contrasts))
    parts = [term for term in parts if term.name != f"{arms[0]}/{arms[1]} in {BEFORE}"]
    trend = _change(arms, "pre_trend", BEFORE, SECOND_YEAR_BEFORE, _note(contrasts))
    found = [
        *_model(contrasts.cells(tuple(COUNT_COLUMNS)), whole, contrasts),
        *_model(contrasts.cells((BEFORE, *PARTS_OF_PERIODS), "dated"), parts, contrasts),
        *_model(contrasts.cells((BEFORE, SECOND_YEAR_BEFORE), "both_years"), [trend], contrasts),
    ]
    return pd.DataFrame(found).reindex(columns=COLUMNS)


def leave_one_woman_out(contrasts: Contrasts) -> tuple[float, float]:
    """Return the smallest and the largest difference-in-differences without one of the women.

    Raises
    ------
    NotEstimable
        If there are more than 5,000 women, the contrast cannot be had, or not without one of them.
    """
    if not contrasts.rows_at_hand:
        raise NotEstimable(NEEDS_ROWS)
    settings, rows = contrasts.settings, contrasts.person_time
    if contrasts.verdict.verdict == design_of.NOT_IDENTIFIABLE:
        raise NotEstimable(contrasts.verdict.reason)
    rows = rows[rows["period"].isin((BEFORE, AFTER))]
    if rows["woman"].nunique() > MANY_WOMEN:
        raise NotEstimable("left out above 5,000 women")
    term = _change((settings.numerator, settings.denominator), "", AFTER, BEFORE, "")
    log_ratio = np.zeros(rows["woman"].nunique())
    for (arm, period), weight in term.weights.items():
        cell = rows[(rows["arm"] == arm) & (rows["period"] == period)]
        hers = cell.groupby("woman")[["relapses", "person_years"]].sum()
        hers = hers.reindex(rows["woman"].unique(), fill_value=0)
        left = hers.sum() - hers
        # What is left of the years of the only woman is rounding.
        if (left["relapses"] < 1).any():
            raise NotEstimable("without one of the women a cell has no relapse")
        log_ratio = log_ratio + weight * np.log(left["relapses"] / left["person_years"]).to_numpy()
    return float(np.exp(log_ratio.min())), float(np.exp(log_ratio.max()))


def _terms(arms: Sequence[str], periods: Sequence[str], note: str) -> list[Term]:
    """Return each later period against the first within each arm, and the arms within each period."""
    first, *later = periods
    along = [
        Term(f"{period}/{first} in {arm}", {(arm, period): 1, (arm, first): -1})
        for period in later
        for arm in sorted(arms)
    ]
    across = [
        Term(f"{arms[0]}/{arms[1]} in {period}", {(arms[0], period): 1, (arms[1], period): -1}, note)
        for period in periods
    ]
    return [*along, *across]


def _change(arms: Sequence[str], name: str, after: str, before: str, note: str) -> Term:
    first, second = arms
    weights = {(first, after): 1, (first, before): -1, (second, after): -1, (second, before): 1}
    return Term(name, weights, note)


def _note(contrasts: Contrasts) -> str:
    several = len(contrasts.policies) > 1
    where = BETWEEN_SITES if contrasts.between_note else SITES_LEFT_OUT * several
    return joined(where, contrasts.immortal_note)


def _note_on_change(contrasts: Contrasts) -> str:
    table = contrasts.verdict.sites
    sites = [
        int(number.gt(0).sum()) for number in (table["treated"], table["pregnancies"] - table["treated"])
    ]
    lonely = contrasts.verdict.verdict == design_of.BETWEEN and 1 in sites
    return joined(_note(contrasts), NO_SHOCK if lonely else "")


def _model(cells: Cells, terms: Sequence[Term], contrasts: Contrasts) -> Iterator[dict]:
    """Yield the rows of the terms of one model; where its cells cannot be counted, why."""
    try:
        sides = cells.sides
    except NotEstimable as obstacle:
        why = {"status": obstacle.status, "reason": str(obstacle)}
        yield from ({"term": term.name, **why} for term in terms)
        return
    relapses = {cell: side.relapses for cell, side in sides.items()}
    relapsed = {cell: side.women_with_relapse for cell, side in sides.items()}
    place = {cell: number for number, cell in enumerate(cell for cell in sides if relapses[cell])}
    fits = _fits(cells, list(place))
    for term in terms:
        theirs = [sides[cell] for cell in term.weights if cell in sides]
        first = next(iter(term.weights))[1]
        arms = [arm for arm, period in term.weights if period == first]
        row = {
            "term": term.name,
            "pregnancies": sum(sides[arm, first].pregnancies for arm in arms if (arm, first) in sides),
            "women": cells.women(arms, first),
            "relapses": sum(side.relapses for side in theirs),
            "relapses_smallest_cell": _smallest(relapses, term),
            "women_with_relapse_smallest_cell": _smallest(relapsed, term),
        }
        try:
            _check(term, sides, contrasts)
            yield row | _numbers(term, place, fits, contrasts.settings.confidence)
        except NotEstimable as obstacle:
            yield row | {"status": obstacle.status, "reason": joined(str(obstacle), term.note)}


def _smallest(counts: Mapping[Cell, int], term: Term) -> int:
    """Return the smallest count of a term's cells, not 0: where one has none, the sum is what another has."""
    return min(filter(None, (counts.get(cell, 0) for cell in term.weights)), default=0)


def _fits(cells: Cells, relapsed: Sequence[Cell]) -> dict[str, tuple | NotEstimable]:
    """Return coefficients and covariance by the Poisson model and by GEE, or why there are none."""
    if not relapsed:
        nothing = NotEstimable("there is no relapse")
        return {"poisson": nothing, "gee": nothing}
    fits: dict[str, tuple | NotEstimable] = {}
    try:
        sample = cells.sample(relapsed)
        model = fit_poisson(sample)
        fits["poisson"] = (model.beta, model.clustered_covariance())
        fit = fit_exchangeable(sample, model.beta)
        fits["gee"] = (fit.beta, fit.covariance)
    except NotEstimable as obstacle:
        fits = {"poisson": obstacle, "gee": obstacle} | fits
    return fits


def _check(term: Term, sides: Mapping[Cell, Side], contrasts: Contrasts) -> None:
    """Raise what stands in the way of one contrast.

    Raises
    ------
    NotEstimable
        With the reason in words.
    """
    if term.of_arms and contrasts.verdict.verdict == design_of.NOT_IDENTIFIABLE:
        raise NotEstimable(contrasts.verdict.reason)
    for arm, period in term.weights:
        side = sides.get((arm, period))
        where = f"{arm} pregnancies: {words.lower_first(words.words(period, words.PERIODS))}"
        if side is None:
            raise NotEstimable(f"no person-time of {where}")
        if not side.relapses:
            raise NotEstimable(f"no relapse among {where}")
        if side.one_rate:
            raise NotEstimable(f"all women have one rate among {where}: clustered errors would be 0")


def _numbers(term: Term, place: Mapping[Cell, int], fits: Mapping, confidence: float) -> dict:
    combination = np.zeros(len(place))
    for cell, weight in term.weights.items():
        combination[place[cell]] = weight
    row = {"status": "ok", "reason": term.note}
    for name, prefix in (("poisson", ""), ("gee", "gee_")):
        fit = fits[name]
        if isinstance(fit, NotEstimable):
            if not prefix:
                raise fit
            row["reason"] = joined(f"no GEE: {fit}", row["reason"])
            continue
        beta, covariance = fit
        variance = float(combination @ covariance @ combination)
        estimate = wald(float(combination @ beta), variance, confidence)
        names = ("rate_ratio", "lower", "upper", "p_value")
        row |= {prefix + column: getattr(estimate, column) for column in names}
    return row
