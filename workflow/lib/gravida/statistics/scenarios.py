"""Other choices of rows for the same question: each scenario keeps the primary analysis."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gravida.periods import COUNT_COLUMNS, LANDMARK, PARTS, YEAR, period_windows
from gravida.person_time import count_person_time
from gravida.statistics.contrasts import Contrasts, joined
from gravida.statistics.overlap import in_order_of_delivery


@dataclass(frozen=True, slots=True)
class Scenario:
    """A name, contrasts to take the primary analysis from, what is said beside it or why there is none."""

    name: str
    contrasts: Contrasts
    note: str = ""
    obstacle: str = ""


def scenarios(contrasts: Contrasts, onsets: pd.DataFrame) -> Iterator[Scenario]:
    """Yield the scenarios of the plan but for covariates and missing data.

    Parameters
    ----------
    contrasts : Contrasts
        Of the outcome period.
    onsets : DataFrame
        `Cohort.onsets`.
    """
    for name, choose in CHOICES.items():
        yield Scenario(name, _keep(contrasts, choose(contrasts)))
    yield _from_day_30(contrasts)
    for name, source in (("as_treated", "received"), ("by_policy", "by_policy")):
        yield Scenario(name, _in_arms(contrasts, contrasts.pregnancies[source]))
    yield _censored_at_restart(contrasts, onsets)
    counted = contrasts.pregnancies.assign(dated=False)
    obstacle = "" if contrasts.settings.period in COUNT_COLUMNS else "the counts are of whole periods only"
    yield Scenario("counts_not_dates", _recounted(contrasts, counted, onsets), obstacle=obstacle)
    yield Scenario("thirty_day_rule_off", _recounted(contrasts, contrasts.pregnancies, onsets))


def without_site(contrasts: Contrasts, site: str) -> Scenario:
    """Return the scenario without one site."""
    left = _keep(contrasts, (contrasts.pregnancies["site"] != site).to_numpy())
    policies = {name: policy for name, policy in contrasts.policies.items() if name != site}
    return Scenario(f"leave_out:{site}", replace(left, policies=policies))


def _first_pregnancies(contrasts: Contrasts) -> np.ndarray:
    ordered = in_order_of_delivery(contrasts.pregnancies)
    return (~ordered["woman"].duplicated()).reindex(contrasts.pregnancies.index).to_numpy()


def _live_births(contrasts: Contrasts) -> np.ndarray:
    return contrasts.pregnancies["outcome"].fillna("live_birth").eq("live_birth").to_numpy(bool)


def _complete_follow_up(contrasts: Contrasts) -> np.ndarray:
    window = period_windows(np.zeros(1))[contrasts.settings.period]
    whole = contrasts.rows.loc[contrasts.rows["days"] == int(window.end[0] - window.start[0]), "pregnancy"]
    return contrasts.pregnancies.index.isin(whole)


def _median_year(contrasts: Contrasts) -> float:
    analysed = contrasts.primary().rows["pregnancy"]
    years = contrasts.pregnancies.loc[analysed, "delivery_year"]
    return float(years.median()) if len(years) else np.inf


def _earlier(contrasts: Contrasts) -> np.ndarray:
    return (contrasts.pregnancies["delivery_year"] <= _median_year(contrasts)).to_numpy(bool)


def _later(contrasts: Contrasts) -> np.ndarray:
    return ~_earlier(contrasts)


def _no_treatment_before(contrasts: Contrasts) -> np.ndarray:
    return contrasts.pregnancies["dmt_before"].eq("none").to_numpy(bool)


# Which pregnancies stay.
CHOICES: dict[str, Callable[[Contrasts], np.ndarray]] = {
    "first_pregnancy": _first_pregnancies,
    "live_births": _live_births,
    "complete_follow_up": _complete_follow_up,
    "earlier_deliveries": _earlier,
    "later_deliveries": _later,
    "no_dmt_before": _no_treatment_before,
}
# Every scenario, in order.
NAMES = (
    *CHOICES,
    "started_at_day_30",
    "as_treated",
    "by_policy",
    "censored_at_dmt_restart",
    "counts_not_dates",
    "thirty_day_rule_off",
)


def _keep(contrasts: Contrasts, stays: np.ndarray) -> Contrasts:
    kept = contrasts.pregnancies.index[stays]
    return replace(
        contrasts, person_time=contrasts.person_time[contrasts.person_time["pregnancy"].isin(kept)]
    )


def _from_day_30(contrasts: Contrasts) -> Scenario:
    later, note = contrasts.from_landmark()
    whole = contrasts.settings.period == PARTS[LANDMARK]
    obstacle = "" if whole else "only for the year after delivery"
    return Scenario("started_at_day_30", later, joined(_dated_only(contrasts), note), obstacle)


def _in_arms(contrasts: Contrasts, arm: pd.Series) -> Contrasts:
    rows = contrasts.person_time
    return replace(contrasts, person_time=rows.assign(arm=arm.loc[rows["pregnancy"]].to_numpy()))


def _recounted(contrasts: Contrasts, pregnancies: pd.DataFrame, onsets: pd.DataFrame) -> Contrasts:
    counted, _ = count_person_time(pregnancies, onsets, (contrasts.settings.period,))
    return replace(contrasts, person_time=counted)


def _censored_at_restart(contrasts: Contrasts, onsets: pd.DataFrame) -> Scenario:
    """Return the dated pregnancies, their observation cut where a disease-modifying therapy started again."""
    pregnancies = contrasts.pregnancies
    last = pregnancies["observed_to_day"].astype("Float64").fillna(YEAR)
    restart = pregnancies["dmt_restart_day"].astype("Float64").fillna(np.iinfo(np.int32).max)
    cut = pregnancies.assign(observed_to_day=np.minimum(last, restart).astype("Int64"))
    recounted = _recounted(contrasts, cut, onsets[onsets["retained"]])
    dated = _keep(recounted, pregnancies["dated"].to_numpy(bool))
    return Scenario("censored_at_dmt_restart", dated, _dated_only(contrasts))


def _dated_only(contrasts: Contrasts) -> str:
    return "" if contrasts.pregnancies["dated"].all() else "sites that date their relapses only"
