"""What the library answers on one simulated study, by the primary analysis and by the others."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from gravida.calibration.draws import AFTER, Frame, draw_person_time
from gravida.errors import NotEstimable
from gravida.models.coded import Coded
from gravida.models.counts import fit_poisson
from gravida.models.inference import RatioEstimate, wald
from gravida.person_time import of_period
from gravida.statistics.comparison import RateRatio
from gravida.statistics.contrasts import Contrasts, ContrastSettings
from gravida.statistics.design import Column, make_batch
from gravida.statistics.estimators import estimate_row, primary_row
from gravida.statistics.permutation import site_log_rates, t_of_site_rates

PRIMARY = "primary"
EXACT = "exact"
DIFFERENCES = "difference_in_differences"
SITE_RATES = "site_rates"
# Beside the primary analysis, on the same pregnancies: method, model, covariance.
OTHERS = (
    ("poisson_cr2", "poisson", "cluster_robust_cr2"),
    ("poisson_jackknife", "poisson", "jackknife"),
    ("gee_poisson", "gee_poisson", "cluster_robust"),
    ("poisson_model", "poisson", "model"),
)
METHODS = (PRIMARY, *(method for method, _, _ in OTHERS), EXACT, DIFFERENCES, SITE_RATES)
PLAN = ContrastSettings("untreated", "treated", AFTER, 0.95, ())
# The contrast of the difference-in-differences stands last: intercept, arm, period, arm in the period.
INTERACTION = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """One method's answer: a ratio (untreated over treated) with its limits, or why there is none."""

    method: str
    status: str
    rate_ratio: float | None = None
    lower: float | None = None
    upper: float | None = None
    p_value: float | None = None
    standard_error: float | None = None
    reason: str = ""


NUMBERS = sorted({field.name for field in fields(RatioEstimate)} & {field.name for field in fields(Answer)})


def answer_replicate(frame: Frame, rng: np.random.Generator) -> list[Answer]:
    """Draw one study and return every method's answer.

    Parameters
    ----------
    frame : Frame
        Of the scenario.
    rng : Generator
        Moves on by what one study needs.
    """
    person_time = draw_person_time(frame, rng)
    outcome = of_period(person_time, AFTER)
    policies = {site.name: site.policy for site in frame.scenario.sites}
    contrasts = Contrasts(outcome, outcome, policies, PLAN)
    crude = contrasts.crude(note="")
    # What `contrasts.primary` gives, without asking the design anew in each replicate.
    compared = replace(contrasts.by_site(immortal=False), note="") if frame.scenario.choice else crude
    answers = [_of_row(PRIMARY, primary_row(compared))]
    for method, model, covariance in OTHERS:
        answers.append(_of_row(method, estimate_row(compared, model, covariance)))
    answers.append(_of_row(EXACT, estimate_row(crude, "exact_poisson", "none")))
    answers.append(_answered(DIFFERENCES, lambda: difference_in_differences(person_time)))
    if frame.scenario.asks_for_sites:
        answers.append(_answered(SITE_RATES, lambda: _of_sites(contrasts)))
    return answers


def _of_row(method: str, row: RateRatio) -> Answer:
    said = "" if row.status == "ok" else row.reason
    return Answer(method, row.status, **{name: getattr(row, name) for name in NUMBERS}, reason=said)


def _answered(method: str, estimate: Callable[[], RatioEstimate]) -> Answer:
    try:
        found = estimate()
    except NotEstimable as obstacle:
        return Answer(method, obstacle.status, reason=str(obstacle))
    return Answer(method, "ok", **{name: getattr(found, name) for name in NUMBERS})


def difference_in_differences(person_time: pd.DataFrame) -> RatioEstimate:
    """Return the ratio of the arms' rates after delivery over their ratio before pregnancy.

    Poisson, arm by period, errors clustered by woman (CR1S). The period of pregnancy would change neither
    the ratio nor, but for the factor (n-1)/(n-k), its error.

    Parameters
    ----------
    person_time : DataFrame
        The year before pregnancy and the year after delivery.
    """
    arm = (person_time["arm"] == PLAN.numerator).to_numpy(float)
    after = (person_time["period"] == AFTER).to_numpy(float)
    columns = [Column(name, "", "", Coded.of(data)) for name, data in (("arm", arm), ("period", after))]
    both = Column("arm in the period", "", "", Coded.of(arm * after))
    model = fit_poisson([make_batch(person_time, [*columns, both])])
    variance = model.clustered_covariance()[INTERACTION, INTERACTION]
    return wald(model.beta[INTERACTION], variance, PLAN.confidence)


def _of_sites(contrasts: Contrasts) -> RatioEstimate:
    return t_of_site_rates(*site_log_rates(contrasts), PLAN.confidence)
