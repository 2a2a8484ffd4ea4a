"""What the release gate judges a number by: women, counted by hand where pregnancies would mislead."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from gravida.cohort import Cohort, CohortSettings, SiteRows, whole_cohort
from gravida.statistics.baseline import CATEGORICAL, CONTINUOUS, describe_baseline
from gravida.statistics.clone_censor import estimate_clone_censor
from gravida.statistics.contrasts import Contrasts, ContrastSettings
from gravida.statistics.cost import CostPlan, estimate_cost
from gravida.statistics.course import estimate_course
from gravida.statistics.doses import describe_doses
from gravida.statistics.estimability import describe_estimability
from gravida.statistics.guards import relapsed_women, relapses_by_arm, women_at
from gravida.statistics.imputed import ImputationPlan
from gravida.statistics.precision import PrecisionSettings, assess_precision
from gravida.statistics.predictors import estimate_predictors
from gravida.statistics.rate_ratios import estimate_rate_ratios
from gravida.statistics.rates import estimate_rates
from gravida.statistics.sensitivity import estimate_sensitivity
from gravida.statistics.sites import estimate_sites
from gravida.statistics.survival import SurvivalSettings, SurvivalTables, estimate_survival
from test_scenarios import choice_with_immortal_time

from tests.unit.cohorts import CLASSES, onsets, pregnancies

POLICIES = {"a": "individual", "b": "individual"}
SETTINGS = ContrastSettings(
    "untreated", "treated", "postpartum_year", 0.95, ("age_at_delivery", "dmt_before")
)
PLAN = ImputationPlan(3, 1)
HEADER = "pregnancy_id|woman_id|ivig|age_at_delivery|dmt_before|next_conception_day"
# Woman A of each site has two pregnancies; at site a the first is treated and the second is not.
ROWS_A = f"""
{HEADER}
P1|A|1|30|interferon_beta|
P2|A|0|36|none|
P3|B|1|31|interferon_beta|
P4|C|1|30|none|
P5|D|0|32|none|
P6|E|0|33|none|
"""
ROWS_B = f"""
{HEADER}
Q1|A|1|30|interferon_beta|
Q2|A|1|30|none|
Q3|B|0|38|none|
Q4|C|0|34|none|
Q5|D|1|35|none|
"""
AFTER_A = (("P1", 10), ("P1", 60), ("P1", 120), ("P2", 50), ("P2", 200), ("P4", 40))
AFTER_B = (("Q1", 5), ("Q1", 100), ("Q2", 30), ("Q4", 250))
# In pregnancy one treated woman relapses five times, and three untreated once each.
BEFORE_A = (*(("P3", day) for day in (-250, -200, -150, -100, -50)), ("P5", -100), ("P6", -200))
BEFORE_B = (("Q3", -50),)
GRAMS = {"P1": (0,), "P3": (0, 1), "P4": (2,), "Q1": (0,), "Q2": (0,), "Q5": (3,)}
ARMS = ["relapses_numerator", "relapses_denominator"]
WOMEN = ["women_with_relapse_numerator", "women_with_relapse_denominator"]
MOST = ["relapses_most_numerator", "relapses_most_denominator"]


def infusions(letter: str) -> pd.DataFrame:
    rows = [(name, day, 10.0) for name, days in GRAMS.items() if name[0] == letter for day in days]
    frame = pd.DataFrame(rows, columns=["pregnancy_id", "day", "grams"])
    return frame.astype({"pregnancy_id": "string", "day": "Int64"})


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    sites = [
        SiteRows("a", "individual", pregnancies(ROWS_A), onsets(*AFTER_A, *BEFORE_A), infusions("P")),
        SiteRows("b", "individual", pregnancies(ROWS_B), onsets(*AFTER_B, *BEFORE_B), infusions("Q")),
    ]
    return whole_cohort(sites, CLASSES, CohortSettings("received", 30))


@pytest.fixture(scope="module")
def contrasts(cohort: Cohort) -> Contrasts:
    return Contrasts(cohort.pregnancies, cohort.person_time, POLICIES, SETTINGS)


@pytest.fixture(scope="module")
def survival(cohort: Cohort, contrasts: Contrasts) -> SurvivalTables:
    settings = SurvivalSettings("untreated", "treated", 0.95)
    return estimate_survival(cohort.pregnancies, cohort.onsets, POLICIES, settings, contrasts.verdict)


def cells(table: pd.DataFrame, columns: list[str], **where: object) -> list:
    chosen = np.all([table[name] == value for name, value in where.items()], axis=0)
    assert chosen.sum() == 1
    return table.loc[chosen, columns].iloc[0].tolist()


def test_women_behind_rates(cohort: Cohort) -> None:
    table = estimate_rates(cohort.person_time, 0.95)
    columns = ["relapses", "women_with_relapse", "relapses_most"]
    year = {"period": "postpartum_year"}
    assert cells(table, columns, arm="treated", **year) == [7, 3, 3]
    assert cells(table, columns, arm="untreated", **year) == [3, 2, 2]
    # Both pregnancies of woman A of site a: 3 and 2.
    assert cells(table, columns, arm="all", site="all", **year) == [10, 4, 5]
    assert cells(table, columns, site="a", **year) == [6, 2, 5]
    assert cells(table, columns, site="b", **year) == [4, 2, 3]
    assert cells(table, columns, arm="treated", period="postpartum_q1") == [5, 3, 2]
    assert cells(table, columns, arm="treated", period="pregnancy") == [5, 1, 5]
    assert cells(table, columns, arm="treated", period="pre_pregnancy_year") == [0, 0, 0]
    nobody = estimate_rates(cohort.person_time[cohort.person_time["period"] == "pregnancy"], 0.95)
    assert cells(nobody, columns, arm="treated", **year) == [0, 0, 0]
    for empty in (table, nobody):
        assert all(pd.api.types.is_integer_dtype(empty[column]) for column in columns)


def test_women_behind_sites(cohort: Cohort) -> None:
    columns = ["relapses", "women_with_relapse", "relapses_most"]
    table = estimate_sites(cohort.person_time, POLICIES | {"c": "all"}, "postpartum_year", 0.95)
    assert cells(table, columns, kind="site", site="a") == [6, 2, 5]
    assert cells(table, columns, kind="site", site="c") == [0, 0, 0]
    assert cells(table, columns, kind="pooled") == [10, 4, 5]
    assert all(pd.api.types.is_integer_dtype(table[column]) for column in columns)


def test_women_behind_the_arms(cohort: Cohort, contrasts: Contrasts) -> None:
    table = estimate_rate_ratios(contrasts)
    everybody = table[table["analysis"].isin(["unadjusted", "exact", "firth", "adjusted"])]
    # The most of one woman: Q2 and Q4 have one each or two, P1 three.
    assert everybody[[*ARMS, *WOMEN, *MOST]].drop_duplicates().to_numpy().tolist() == [[3, 7, 2, 3, 2, 3]]
    # Before day 30 woman A of site a relapses once of three times, that of site b once of three.
    assert cells(table, [*ARMS, *WOMEN], analysis="landmark_30") == [3, 5, 2, 3]
    before = table[table["analysis"] == "negative_control"]
    assert (before[[*ARMS, *WOMEN]] == 0).all(axis=None)
    settings = PrecisionSettings(0.95, 0.8, (1.5,), 1.25, 1)
    precision = assess_precision(contrasts, table, settings)
    assert precision[[*ARMS, *WOMEN, *MOST]].drop_duplicates().to_numpy().tolist() == [[3, 7, 2, 3, 2, 3]]
    estimability = describe_estimability(contrasts)
    assert estimability[[*ARMS, *WOMEN, *MOST]].drop_duplicates().to_numpy().tolist() == [[3, 7, 2, 3, 2, 3]]
    sensitivity = estimate_sensitivity(contrasts, cohort.onsets, PLAN)
    assert cells(sensitivity, [*ARMS, *WOMEN, *MOST], scenario="primary") == [3, 7, 2, 3, 2, 3]
    # Deliveries are of one year: the first pregnancies are P1 and Q1, by their names.
    assert cells(sensitivity, [*ARMS, *WOMEN], scenario="first_pregnancy") == [1, 6, 1, 3]
    assert cells(sensitivity, [*ARMS, *WOMEN], scenario="leave_out:b") == [2, 4, 1, 2]


def test_women_behind_clones() -> None:
    contrasts, days = choice_with_immortal_time(400, 4)
    # Every two pregnancies are of one woman.
    rows, theirs = contrasts.person_time, contrasts.pregnancies
    contrasts = replace(
        contrasts,
        person_time=rows.assign(woman=rows["woman"] // 2),
        pregnancies=theirs.assign(woman=theirs["woman"] // 2),
    )
    row = estimate_clone_censor(contrasts, days)
    assert row.status == "ok"
    woman, dose = contrasts.pregnancies["woman"], contrasts.pregnancies["first_dose_day"]
    kept: dict[str, list[int]] = {"treated": [], "untreated": []}
    for position, day in days[["pregnancy", "day"]].itertuples(index=False):
        given = dose[position]
        if day < 30 or (pd.notna(given) and given < 30):
            kept["treated"].append(woman[position])
        if pd.isna(given) or day <= given:
            kept["untreated"].append(woman[position])
    found = [getattr(row, name) for name in (*ARMS, *WOMEN)]
    hers = [kept["untreated"], kept["treated"]]
    assert found == [*(len(each) for each in hers), *(len(set(each)) for each in hers)]
    assert row.women_with_relapse_numerator < contrasts.pregnancies["woman"].nunique()


def test_women_behind_first_relapses(survival: SurvivalTables) -> None:
    columns = ["relapses", *ARMS, *WOMEN]
    for method in ("cox", "log_rank", "rmst_difference", "proportional_hazards", "cox_by_site"):
        assert cells(survival.time_to_relapse, columns, method=method) == [6, 2, 4, 2, 3]
    columns = ["relapsed_treated", "relapsed_untreated", "women_relapsed_treated", "women_relapsed_untreated"]
    for day, counts in ((91, [4, 1, 3, 1]), (182, [4, 1, 3, 1]), (365, [4, 2, 3, 2])):
        assert cells(survival.risk_difference, columns, day=day) == counts
    free = survival.relapse_free
    # Through day 91 both pregnancies of woman A have relapsed, at site a one in each arm.
    for arm, counts in (("treated", [4, 3]), ("untreated", [1, 1]), ("all", [5, 3])):
        assert cells(free, ["relapsed", "women_relapsed"], arm=arm, day=91) == counts
    assert cells(free, ["relapsed", "women_relapsed"], arm="all", day=365) == [6, 4]


def test_days_count_through_the_day(survival: SurvivalTables, cohort: Cohort, contrasts: Contrasts) -> None:
    # The relapse of day 50 is on the 51st day of follow-up.
    columns = ["women_relapsed_treated", "women_relapsed_untreated"]
    settings = SurvivalSettings("untreated", "treated", 0.95, days=(50, 51), curve_days=(50, 51))
    tables = estimate_survival(cohort.pregnancies, cohort.onsets, POLICIES, settings, contrasts.verdict)
    assert cells(tables.risk_difference, columns, day=50) == [3, 0]
    assert cells(tables.risk_difference, columns, day=51) == [3, 1]
    for day, women in ((50, 0), (51, 1)):
        found = cells(tables.relapse_free, ["relapsed", "women_relapsed"], arm="untreated", day=day)
        assert found == [women, women]


def test_women_behind_the_cost(cohort: Cohort, survival: SurvivalTables) -> None:
    doses = describe_doses(cohort.pregnancies, {"a": infusions("P"), "b": infusions("Q")}, 1)
    plan = CostPlan(100.0, 60.0, 0.0, "USD", 365)
    table = estimate_cost(plan, survival.risk_difference, doses, pd.DataFrame(), [])
    columns = ["relapsed_treated", "relapsed_untreated", "women_relapsed_treated", "women_relapsed_untreated"]
    assert cells(table, columns, scenario="plan") == [4, 2, 3, 2]
    assert cells(table, columns, scenario="doses_given") == [4, 2, 3, 2]
    assert pd.isna(cells(table, columns, scenario="published_evidence")).all()


def test_women_behind_the_smallest_cell(contrasts: Contrasts) -> None:
    table = estimate_course(contrasts)
    columns = ["relapses_smallest_cell", "women_with_relapse_smallest_cell"]
    assert cells(table, columns, term="untreated/treated in postpartum_year") == [3, 2]
    # Five relapses of one woman against three of three: the smallest of each is of another cell.
    assert cells(table, columns, term="untreated/treated in pregnancy") == [3, 1]
    # Nobody relapsed in the year before: what is left is the other period.
    assert cells(table, columns, term="postpartum_year/pre_pregnancy_year in treated") == [7, 3]
    assert cells(table, columns, term="untreated/treated in pre_pregnancy_year") == [0, 0]


def test_women_behind_predictors(cohort: Cohort, contrasts: Contrasts) -> None:
    table = estimate_predictors(contrasts, cohort.onsets)
    relapses = ["relapses", "relapses_level", "relapses_reference"]
    women = ["women_with_relapse", "women_with_relapse_level", "women_with_relapse_reference"]
    columns = [*relapses, *women]
    alone = table[table["model"] == "univariable"]
    assert cells(alone, columns, predictor="ivig") == [10, 7, 3, 4, 3, 2]
    # On a moderate therapy before: P1, P3 and Q1, with 3, no and 2 relapses.
    assert cells(alone, columns, predictor="dmt_before", level="moderate") == [10, 5, 5, 4, 2, 4]
    age = cells(alone, columns, predictor="age_at_delivery")
    assert age[0] == 10 and age[3] == 4 and pd.isna([*age[1:3], *age[4:]]).all()
    # The mother of Q1 has three of the five on a moderate therapy, the others one or two each.
    most = ["relapses_most", "relapses_most_level", "relapses_most_reference"]
    assert cells(alone, most, predictor="ivig") == [5, 3, 2]
    assert cells(alone, most, predictor="dmt_before", level="moderate") == [5, 3, 2]
    others = cells(table, columns, predictor="all_but_ivig")
    assert others[0] == 10 and others[3] == 4 and pd.isna([*others[1:3], *others[4:]]).all()
    # Without P1, the most relapses of a pregnancy, whose mother has another, and Q4, whose mother has none.
    unstated = contrasts.pregnancies["pregnancy_id"].isin(["P1", "Q4"])
    ages = contrasts.pregnancies["age_at_delivery"].mask(unstated)
    fewer = replace(contrasts, pregnancies=contrasts.pregnancies.assign(age_at_delivery=ages))
    together = estimate_predictors(fewer, cohort.onsets)
    together = together[together["model"] == "multivariable"]
    assert cells(together, columns, predictor="ivig") == [6, 4, 2, 3, 2, 1]


def test_women_at_a_quartile(cohort: Cohort) -> None:
    unstated = dict.fromkeys(CATEGORICAL.values(), "none") | dict.fromkeys(CONTINUOUS, np.nan)
    unstated = {name: value for name, value in unstated.items() if name not in cohort.pregnancies}
    table = describe_baseline(cohort.pregnancies.assign(**unstated))
    ages = table[table["variable"] == "age_at_delivery"]
    columns = ["value", "women_at_value"]
    # Treated: 30, 30, 30, 30, 31, 35, two of the first four of one woman.
    assert cells(ages, columns, statistic="q1", arm="treated") == [30, 3]
    assert cells(ages, columns, statistic="median", arm="treated") == [30, 3]
    assert cells(ages, columns, statistic="q3", arm="treated") == [30.75, 0]
    # Untreated: 32, 33, 34, 36, 38, each of one woman.
    assert cells(ages, columns, statistic="median", arm="untreated") == [34, 1]
    # All eleven: 30 four times, 31 to 36, 38.
    assert cells(ages, columns, statistic="median", arm="all") == [32, 1]
    # The mother of two with 30 and 31, and that with 35, have another value than 30; of 34 all but one have.
    assert cells(ages, ["women_apart"], statistic="median", arm="treated") == [2]
    assert cells(ages, ["women_apart"], statistic="median", arm="untreated") == [4]
    with_value = table["women_at_value"].notna()
    assert set(table.loc[with_value, "statistic"]) == {"q1", "median", "q3"}
    empty = table[table["variable"] == "visits_post_year"]
    assert len(empty) and empty["women_at_value"].isna().all()


def test_women_at_a_median_dose(cohort: Cohort) -> None:
    table = describe_doses(cohort.pregnancies, {"a": infusions("P"), "b": infusions("Q")}, 1)
    medians = ["grams_median", "first_day_median", "last_day_median"]
    columns = [*medians, *(f"women_at_{name}" for name in medians)]
    # Grams 10 five times and 20; first days 0, 0, 0, 0, 2, 3; last days 0, 0, 0, 1, 2, 3.
    assert cells(table, columns, regimen="all") == [10, 0, 0.5, 4, 3, 0]
    assert cells(table, columns, regimen="2") == [20, 0, 1, 1, 1, 1]
    assert table.set_index("regimen")["women_apart_grams_median"].to_dict()["all"] == 1
    assert pd.isna(cells(table, columns, regimen="none recorded")).all()
    assert pd.isna(cells(table, columns, regimen="before delivery")).all()


def test_the_same_value_may_be_rounded_otherwise() -> None:
    women, grams = pd.Series([1, 2, 3]), pd.Series([0.1 + 0.2, 0.3, 0.4])
    assert 0.1 + 0.2 != 0.3
    assert women_at(women, grams, float(grams.median())) == 2


def test_no_relapse_has_no_woman() -> None:
    rows = pd.DataFrame({"woman": [1, 1, 2], "relapses": [0, 0, 0]})
    for some in (rows, rows[:0]):
        counted = relapsed_women(some["woman"], some["relapses"], "_level")
        assert counted == {"women_with_relapse_level": 0, "relapses_most_level": 0}
    nobody = relapses_by_arm(rows["woman"], rows["relapses"], np.array([True, False, True]))
    assert set(nobody.values()) == {0} and set(nobody) == {*ARMS, *WOMEN, *MOST}
