"""Centres: all with their rows here, half of them, none. The numbers are those of all rows together."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from gravida.cohort import SiteRows
from gravida.errors import Awaiting
from gravida.federation.answers import answer
from gravida.federation.contrasts import PooledContrasts
from gravida.federation.mail import MOST_ROUNDS
from gravida.federation.opening import opening_questions
from gravida.federation.pool import Pool
from gravida.federation.questions import Which, key_of, plain
from gravida.federation.rates import pool_rates
from gravida.federation.tabulation import tabulation
from gravida.statistics.contrasts import Contrasts, ContrastSettings
from gravida.statistics.course import estimate_course
from gravida.statistics.predictors import estimate_predictors
from gravida.statistics.rate_ratios import estimate_rate_ratios
from gravida.statistics.rates import estimate_rates
from gravida.words import NEEDS_ROWS

from tests.federation.centres import cohort_of, drawn_sites, held, in_rounds

FOUR = ["individual", "all", "individual", "none"]
TEN = ["individual"] * 6 + ["all"] * 2 + ["none"] * 2
COVARIATES = ("age_at_delivery", "disease_duration_years", "edss_before", "dmt_before", "relapses_pre_year")
SETTINGS = ContrastSettings("untreated", "treated", "postpartum_year", 0.95, COVARIATES)
KEYS = {
    "rate_ratios": ["analysis", "period", "adjusted_for", "number"],
    "longitudinal": ["term"],
    "predictors": ["model", "predictor", "level"],
}
# Sums are the same but for the order of addition; what is left is where Newton's last step ends.
EXACT = 1e-8
# The equations with a correlation are solved until no step is larger than 1e-8.
GEE = 1e-6
COUNTS = ("pregnancies", "women", "relapses")
NEEDING_ROWS = {"iptw", "overlap", "as_treated", "policy", "landmark_30"}


def tables(contrasts: Contrasts, onsets: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    ratios = estimate_rate_ratios(contrasts)
    number = ratios.groupby(["analysis", "period", "adjusted_for"]).cumcount()
    return {
        "rate_ratios": ratios.assign(number=number),
        "longitudinal": estimate_course(contrasts),
        "predictors": estimate_predictors(contrasts, onsets),
    }


@dataclass(frozen=True)
class Registry:
    """The rows of some centres, and the tables of all of them together."""

    policies: dict[str, str]
    sites: list[SiteRows]
    expected: dict[str, pd.DataFrame]

    def halves(self) -> tuple[list[SiteRows], list[SiteRows]]:
        half = len(self.sites) // 2
        return self.sites[:half], self.sites[half:]

    def of_pool(self, pool: Pool, own: dict) -> dict[str, pd.DataFrame]:
        """Return the tables; `own` keeps from round to round what the rows at hand have answered."""
        nothing, pool = pd.DataFrame(), replace(pool, _own=own)
        return tables(PooledContrasts(nothing, nothing, self.policies, SETTINGS, pool), None)


SLOW = pytest.mark.slow
OVERDISPERSED, POISSON = 0.9, 0.0


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((FOUR, 40, OVERDISPERSED), id="four centres"),
        pytest.param((TEN, 70, OVERDISPERSED), id="ten centres", marks=SLOW),
        pytest.param((TEN, 70, POISSON), id="ten centres, Poisson", marks=SLOW),
    ],
)
def registry(request: pytest.FixtureRequest) -> Registry:
    kinds, pregnancies, alpha = request.param
    policies = {f"centre_{number}": policy for number, policy in enumerate(kinds)}
    sites = drawn_sites(policies, pregnancies, seed=11, alpha=alpha)
    cohort = cohort_of(sites)
    assert cohort.pregnancies["woman"].duplicated().any()
    contrasts = Contrasts(cohort.pregnancies, cohort.person_time, policies, SETTINGS)
    return Registry(policies, sites, tables(contrasts, cohort.onsets))


@pytest.mark.parametrize(
    "at_hand", [pytest.param("all", marks=SLOW), "half", pytest.param("none", marks=SLOW)]
)
def test_sums_of_centres_give_the_numbers_of_all_rows(registry: Registry, at_hand: str) -> None:
    parts = {"all": (registry.sites, []), "half": registry.halves(), "none": ([], registry.sites)}
    opening = opening_questions(SETTINGS.period, "untreated", COVARIATES)
    found, rounds = in_rounds(*parts[at_hand], partial(registry.of_pool, own={}), opening)
    assert rounds <= MOST_ROUNDS
    for name, table in registry.expected.items():
        same_numbers(name, table, found[name])


def same_numbers(name: str, expected: pd.DataFrame, found: pd.DataFrame) -> None:
    """Check every row that does not need the rows of every site, and that the others say so."""
    both = expected.merge(found, on=KEYS[name], how="outer", suffixes=("", "_found"), indicator=True)
    if name == "rate_ratios":
        assert set(both.loc[both["_merge"] == "left_only", "analysis"]) <= NEEDING_ROWS
        near_to_one_stage(found)
    needs_rows = both["reason_found"].fillna("").str.startswith(NEEDS_ROWS)
    compared = both[~needs_rows & (both["_merge"] == "both")]
    assert len(compared) >= {"rate_ratios": 18, "longitudinal": 20, "predictors": 15}[name]
    assert (compared["status"] == compared["status_found"]).all()
    assert (compared["reason"].fillna("") == compared["reason_found"].fillna("")).all()
    gee = (compared["model"] == "gee_poisson").to_numpy() if name == "rate_ratios" else False
    numbers = expected.select_dtypes("number").columns.difference([*KEYS[name], "p_nonlinear"])
    for column in numbers:
        one, other = (pd.to_numeric(compared[end]).to_numpy(float) for end in (column, f"{column}_found"))
        exact = 0.0 if column in COUNTS else EXACT
        near = np.where(gee | column.startswith("gee_"), GEE, exact) * np.abs(one)
        assert ((np.isnan(one) & np.isnan(other)) | (np.abs(one - other) <= near)).all(), column


def near_to_one_stage(table: pd.DataFrame) -> None:
    """Check the profile likelihoods: between points of a grid they are near to the fit of all rows."""
    within = table[(table["adjusted_for"] == "site") & (table["period"] == SETTINGS.period)]
    fitted = within[within["covariance"] == "model"].drop_duplicates("model").set_index("model")["rate_ratio"]
    profiles = within[within["covariance"] == "profile"].set_index("model")["rate_ratio"]
    assert profiles["poisson"] == pytest.approx(fitted["poisson"], rel=1e-5)
    # Where there is no over-dispersion the negative binomial is the Poisson model.
    other = fitted.get("negative_binomial", fitted["poisson"])
    assert profiles["negative_binomial"] == pytest.approx(other, rel=1e-3)


def test_what_waits_for_an_answer_says_so(registry: Registry) -> None:
    *others, last = registry.sites
    nobody = Pool(held(others), {last.site: {}})
    with pytest.raises(Awaiting, match=f"waits for an answer of {last.site}"):
        registry.of_pool(nobody, {})


def test_rates_of_sums_are_those_of_rows(registry: Registry) -> None:
    expected = estimate_rates(cohort_of(registry.sites).person_time, 0.95)
    found, rounds = in_rounds(
        *registry.halves(),
        lambda pool: pool_rates(pool, 0.95),
        opening_questions(SETTINGS.period, "untreated", COVARIATES),
    )
    assert rounds == 1
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-10)


def test_a_refusal_takes_no_other_model_of_the_course_with_it(registry: Registry) -> None:
    """Of the years before pregnancy a centre tells nothing; the year after is none of their business."""
    at_hand, keeping = registry.sites[:-1], registry.sites[-1]
    asked = opening_questions(SETTINGS.period, "untreated", COVARIATES)
    opening = {key_of(question): question for question in asked}
    refused = tabulation(Which(("pre_pregnancy_year",), only=("both_years",)))
    rows = held([keeping])[keeping.site]
    given: dict[str, dict] = {key_of(refused): {"refused": "treated: fewer than 5 women"}}
    for _ in range(MOST_ROUNDS):
        given |= {key: plain(answer(question, rows)) for key, question in opening.items() if key not in given}
        pool = Pool(held(at_hand), {keeping.site: given})
        nothing = pd.DataFrame()
        course = estimate_course(
            PooledContrasts(nothing, nothing, registry.policies, SETTINGS, pool)
        ).set_index("term")
        opening = pool.asked
        if not opening:
            break
    assert "treated: fewer than 5 women" in course.loc["pre_trend", "reason"]
    assert course.loc["pre_trend", "status"] == "not_estimable"
    assert course.loc["difference_in_differences", "status"] == "ok"
