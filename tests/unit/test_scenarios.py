"""Scenarios, negative control and clones: which rows they keep, and what they undo."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from gravida.cohort import CohortSettings, SiteRows, whole_cohort
from gravida.statistics.clone_censor import estimate_clone_censor
from gravida.statistics.contrasts import Contrasts, ContrastSettings
from gravida.statistics.imputed import ImputationPlan
from gravida.statistics.overlap import follows_within_two_years
from gravida.statistics.scenarios import CHOICES, scenarios, without_site
from gravida.statistics.sensitivity import estimate_sensitivity
from gravida.statistics.time_varying import split_at_restart

from tests.unit.cohorts import CLASSES, onsets, pregnancies

SETTINGS = ContrastSettings("untreated", "treated", "postpartum_year", 0.95, ("edss_before",))
COHORT = CohortSettings("received", 30)


def contrasts_of(*sites: SiteRows) -> tuple[Contrasts, pd.DataFrame]:
    cohort = whole_cohort(sites, CLASSES, COHORT)
    policies = {site.site: site.policy for site in sites}
    return Contrasts(cohort.pregnancies, cohort.person_time, policies, SETTINGS), cohort.onsets


HEADER = (
    "pregnancy_id|woman_id|delivery_year|next_conception_day|outcome|"
    "dmt_before|dmt_restart_day|observed_to_day|relapses_post_year|ivig"
)
ROWS = f"""
{HEADER}
P1|A|2010|500||none||365|1|1
P2|A|2012|||interferon_beta|100|365|2|1
P3|B|2014||stillbirth|none||365|0|0
P4|C|2016||live_birth|natalizumab|20|200|1|0
P5|D|2018||live_birth|none||365|0|1
"""
DAYS = (("P1", 40), ("P2", 20), ("P2", 45), ("P4", 60))


@pytest.fixture(scope="module")
def study() -> tuple[Contrasts, pd.DataFrame]:
    return contrasts_of(SiteRows("a", "individual", pregnancies(ROWS), onsets(*DAYS)))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("first_pregnancy", ["P1", "P3", "P4", "P5"]),
        ("live_births", ["P1", "P2", "P4", "P5"]),
        ("complete_follow_up", ["P1", "P2", "P3", "P5"]),
        # The median delivery year of the five is 2014.
        ("earlier_deliveries", ["P1", "P2", "P3"]),
        ("later_deliveries", ["P4", "P5"]),
        ("no_dmt_before", ["P1", "P3", "P5"]),
    ],
)
def test_who_stays(study: tuple, name: str, kept: list[str]) -> None:
    contrasts, _ = study
    stays = CHOICES[name](contrasts)
    assert contrasts.pregnancies.loc[stays, "pregnancy_id"].tolist() == kept


def relapses_and_days(contrasts: Contrasts) -> dict[str, tuple[int, int]]:
    names = contrasts.pregnancies["pregnancy_id"]
    return {names[row.pregnancy]: (row.relapses, row.days) for row in contrasts.rows.itertuples(index=False)}


def test_recounted_scenarios(study: tuple) -> None:
    found = {scenario.name: scenario.contrasts for scenario in scenarios(*study)}
    # The second onset of P2, 25 days after the first, is no relapse of its own by the 30-day rule.
    assert relapses_and_days(study[0])["P2"] == (1, 365)
    assert relapses_and_days(found["thirty_day_rule_off"])["P2"] == (2, 365)
    assert relapses_and_days(found["counts_not_dates"])["P2"] == (2, 365)
    # P2 is cut on day 100 and keeps its relapse; P4 is cut on day 20, before its relapse.
    restart = relapses_and_days(found["censored_at_dmt_restart"])
    assert (restart["P2"], restart["P4"], restart["P1"]) == ((1, 100), (0, 20), (1, 365))
    # From day 30 on the first onset of P2 does not count.
    assert relapses_and_days(found["started_at_day_30"])["P2"] == (0, 335)


def test_days_are_split_where_a_therapy_starts_again(study: tuple) -> None:
    rows, after = split_at_restart(*study)
    names = study[0].pregnancies["pregnancy_id"]
    found = {
        (names[row.pregnancy], later): (row.relapses, row.days)
        for row, later in zip(rows.itertuples(index=False), after.data == 1, strict=True)
    }
    # P2 restarts on day 100 after its relapse; P4 on day 20, relapses on day 60 and is seen to day 200.
    assert found["P2", False] == (1, 100) and found["P2", True] == (0, 265)
    assert found["P4", False] == (0, 20) and found["P4", True] == (1, 180)
    assert ("P1", True) not in found and found["P1", False] == (1, 365)


def test_arms_by_definition() -> None:
    rows = pregnancies(ROWS)
    contrasts, days = contrasts_of(
        SiteRows("a", "all", rows, onsets(*DAYS)),
        SiteRows("b", "none", rows.assign(ivig=False), onsets(*DAYS)),
    )
    found = {scenario.name: scenario.contrasts for scenario in scenarios(contrasts, days)}
    by_policy = found["by_policy"].rows.groupby("site", observed=True)["arm"].agg(set)
    assert by_policy.to_dict() == {"a": {"treated"}, "b": {"untreated"}}
    assert set(found["as_treated"].rows.query("site == 'a'")["arm"]) == {"treated", "untreated"}


def test_without_site_forgets_its_policy(study: tuple) -> None:
    contrasts, _ = contrasts_of(
        SiteRows("a", "individual", pregnancies(ROWS), onsets(*DAYS)),
        SiteRows("b", "none", pregnancies(ROWS).assign(ivig=False), None),
    )
    left = without_site(contrasts, "b").contrasts
    assert dict(left.policies) == {"a": "individual"}
    assert set(left.rows["site"]) == {"a"}


def test_sensitivity_has_a_row_and_a_reason_for_every_scenario(study: tuple) -> None:
    table = estimate_sensitivity(*study, ImputationPlan(3, 1))
    assert table["scenario"].is_unique
    assert set(CHOICES) | {"primary", "clone_censor_weight", "multiple_imputation"} <= set(table["scenario"])
    empty = table[~table["status"].isin(["ok", "fallback"])]
    assert len(empty) and (empty["reason"].str.len() > 0).all()
    assert empty[["rate_ratio", "lower", "upper", "p_value"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("interval", "observed_from", "years", "overlaps"),
    [
        # 364 days between delivery and LMP less than two years: the year before begins inside the first year.
        ("729", "", (2010, 2013), True),
        ("730", "", (2010, 2013), False),
        # Observed only from 100 days before the LMP (gestation 280): that is day 500 of the earlier year.
        ("600", "-380", (2010, 2012), False),
        ("400", "-380", (2010, 2012), True),
        # No interval stated: deliveries in neighbouring years cannot be two years and a pregnancy apart.
        ("", "", (2010, 2011), True),
        ("", "", (2010, 2013), False),
    ],
)
def test_year_before_that_overlaps_a_postpartum_year(
    interval: str, observed_from: str, years: tuple, overlaps: bool
) -> None:
    rows = pregnancies(f"""
|pregnancy_id|woman_id|delivery_year|next_conception_day|observed_from_day|
|P1          |A       |{years[0]}   |{interval}         |                 |
|P2          |A       |{years[1]}   |                   |{observed_from}  |
|P3          |B       |{years[1]}   |                   |                 |
""")
    contrasts, _ = contrasts_of(SiteRows("a", "individual", rows, None))
    assert follows_within_two_years(contrasts.pregnancies).tolist() == [False, overlaps, False]


def choice_with_immortal_time(n: int, seed: int) -> tuple[Contrasts, pd.DataFrame]:
    """Half the women plan a first dose in the first 29 days; a relapse before it cancels it. No effect."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(2.0, n)
    woman = np.repeat(np.arange(n), counts)
    day = rng.integers(0, 365, woman.size)
    first = pd.Series(day).groupby(woman).min().reindex(range(n), fill_value=10_000).to_numpy()
    planned = np.where(rng.random(n) < 0.5, rng.integers(0, 29, n), 10_000)
    started = (planned < 30) & (planned <= first)
    lines = [
        f"|P{i}|W{i}|{count}|{int(given)}|"
        for i, (count, given) in enumerate(zip(counts, started, strict=True))
    ]
    rows = pregnancies("|pregnancy_id|woman_id|relapses_post_year|ivig|\n" + "\n".join(lines))
    names = pd.array([f"P{i}" for i in np.flatnonzero(started)], dtype="string")
    doses = pd.DataFrame({"pregnancy_id": names, "day": planned[started]})
    days = onsets(*((f"P{i}", when) for i, when in zip(woman, day, strict=True)))
    # Relapses close to each other stay apart, so that what was before says nothing of what comes.
    cohort = whole_cohort(
        [SiteRows("a", "individual", rows, days, doses)], CLASSES, CohortSettings("received", 0)
    )
    settings = ContrastSettings("untreated", "treated", "postpartum_year", 0.95, ())
    return Contrasts(cohort.pregnancies, cohort.person_time, {"a": "individual"}, settings), cohort.onsets


def test_clones_undo_immortal_time() -> None:
    contrasts, days = choice_with_immortal_time(3000, 4)
    row = estimate_clone_censor(contrasts, days)
    assert row.status == "ok"
    assert row.lower < 1 < row.upper
    rates = contrasts.rows.groupby("arm", observed=True)[["relapses", "person_years"]].sum()
    rates = rates["relapses"] / rates["person_years"]
    # The arms as received differ by what happened before the first dose.
    assert rates["untreated"] / rates["treated"] > row.upper


def test_clones_need_dates_and_a_choice(study: tuple) -> None:
    contrasts, days = study
    assert "dates its relapses and its doses" in estimate_clone_censor(contrasts, days).reason
    policy, onset = contrasts_of(
        SiteRows("a", "all", pregnancies(ROWS).assign(ivig=True), None),
        SiteRows("b", "none", pregnancies(ROWS).assign(ivig=False), None),
    )
    assert "policies" in estimate_clone_censor(policy, onset).reason


def test_the_landmark_freezes_the_arm_on_day_30() -> None:
    rows = pregnancies(
        """
        pregnancy_id|woman_id|ivig|relapses_post_year
        P1|A|1|0
        P2|B|1|0
        P3|C|1|0
        P4|D|0|0
        """
    )
    doses = pd.DataFrame({"pregnancy_id": pd.array(["P1", "P2"], dtype="string"), "day": [3, 150]})
    contrasts, _ = contrasts_of(SiteRows("a", "individual", rows, onsets(), doses))
    later, note = contrasts.from_landmark()
    arms = dict(zip(contrasts.pregnancies["pregnancy_id"], later.rows["arm"], strict=True))
    # The dose on day 150 came after the landmark; that of P3 has no date.
    assert arms == {"P1": "treated", "P2": "untreated", "P3": "treated", "P4": "untreated"}
    assert "not dated" in note


def test_a_landmark_is_no_sensitivity_analysis_of_a_shorter_period(study: tuple) -> None:
    contrasts, days = study
    quarter = replace(contrasts, settings=replace(contrasts.settings, period="postpartum_q1"))
    table = estimate_sensitivity(quarter, days, ImputationPlan(2, 1)).set_index("scenario")
    for scenario in ("started_at_day_30", "counts_not_dates"):
        assert table.loc[scenario, "status"] == "not_estimable" and table.loc[scenario, "reason"]
