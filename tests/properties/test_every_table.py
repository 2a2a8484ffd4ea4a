"""What must hold for every table: order and names mean nothing, and limits and p-values agree."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from gravida.cohort import Cohort, CohortSettings, SiteRows, whole_cohort
from gravida.statistics.contrasts import Contrasts
from gravida.statistics.rate_ratios import estimate_rate_ratios
from scipy import stats

from tests.estimates import SETTINGS, every_table
from tests.study import ROOT, accepted_rows
from tests.unit.cohorts import CLASSES

REGISTRIES = ("policy_pair", "choice_sites", "mixed", "many_sites")
RELAPSES_AND_WOMEN = (
    ("relapses", "women_with_relapse"),
    *((f"relapses_{arm}", f"women_with_relapse_{arm}") for arm in ("numerator", "denominator")),
    *((f"relapses_{group}", f"women_with_relapse_{group}") for group in ("level", "reference")),
    ("relapses_smallest_cell", "women_with_relapse_smallest_cell"),
    *((f"relapsed_{arm}", f"women_relapsed_{arm}") for arm in ("treated", "untreated")),
    ("relapsed", "women_relapsed"),
)
# The most relapses of one woman, all relapses, and the women who had them.
MOST = ("relapses_most", "relapses", "women_with_relapse")
studies = pytest.mark.parametrize("name", REGISTRIES)


@cache
def sites_of(name: str) -> tuple[SiteRows, ...]:
    return tuple(accepted_rows(ROOT / "tests/golden/registries" / name))


def tables_of(sites: list[SiteRows] | tuple[SiteRows, ...]) -> dict[str, pd.DataFrame]:
    cohort = whole_cohort(sites, CLASSES, CohortSettings("received", 30))
    return every_table(cohort, {site.site: site.policy for site in sites})


@cache
def as_submitted(name: str) -> dict[str, pd.DataFrame]:
    return tables_of(sites_of(name))


def shuffled(site: SiteRows, rng: np.random.Generator) -> SiteRows:
    """Return a site with its rows in another order and other names for its women."""
    rows = site.pregnancies.iloc[rng.permutation(len(site.pregnancies))].reset_index(drop=True)
    women = sorted(rows["woman_id"].unique())
    names = dict(zip(women, (f"X{number}" for number in rng.permutation(len(women))), strict=True))
    rows = rows.assign(woman_id=rows["woman_id"].map(names).astype("string"))
    dated = site.relapses
    if dated is not None:
        dated = dated.iloc[rng.permutation(len(dated))].reset_index(drop=True)
    return replace(site, pregnancies=rows, relapses=dated)


def assert_same(one: pd.DataFrame, other: pd.DataFrame, title: str) -> None:
    assert len(one) == len(other), title
    for column in one:
        left, right = one[column], other[column]
        if pd.api.types.is_numeric_dtype(left):
            close = np.allclose(
                left.astype(float), right.astype(float), rtol=1e-8, atol=1e-10, equal_nan=True
            )
            assert close, (title, column)
        elif column != "reason":
            assert left.fillna("").astype(str).tolist() == right.fillna("").astype(str).tolist(), (
                title,
                column,
            )


@pytest.mark.slow
@studies
def test_order_of_rows_and_sites_and_names_of_women_change_nothing(name: str) -> None:
    rng = np.random.default_rng(12)
    sites = [shuffled(site, rng) for site in sites_of(name)][::-1]
    for title, table in tables_of(sites).items():
        assert_same(table, as_submitted(name)[title], title)


@studies
def test_p_value_at_a_limit_is_alpha(name: str) -> None:
    table = as_submitted(name)["rate_ratios"]
    normal = table[table["standard_error"].notna() & (table["covariance"] != "cluster_robust_cr2")]
    assert len(normal) > 8
    log_ratio = np.log(normal["rate_ratio"].astype(float))
    for limit in ("lower", "upper"):
        z = np.abs(log_ratio - np.log(normal[limit].astype(float))) / normal["standard_error"].astype(float)
        assert 2 * stats.norm.sf(z) == pytest.approx(np.full(len(normal), 0.05), rel=1e-8)
    p_value = 2 * stats.norm.sf(np.abs(log_ratio) / normal["standard_error"].astype(float))
    assert normal["p_value"].to_numpy(float) == pytest.approx(p_value, rel=1e-8)


@studies
def test_tables_agree_where_they_answer_the_same_question(name: str) -> None:
    tables = as_submitted(name)
    primary = tables["rate_ratios"][tables["rate_ratios"]["is_primary"]].iloc[0]
    sensitivity = tables["sensitivity"].set_index("scenario")
    for column in ("rate_ratio", "lower", "upper", "p_value"):
        assert sensitivity.loc["primary", column] == pytest.approx(primary[column], rel=1e-12)
        adjusted = tables["rate_ratios"][tables["rate_ratios"]["analysis"] == "adjusted"].iloc[-1]
        assert sensitivity.loc["covariates:all", column] == pytest.approx(adjusted[column], rel=1e-12)
    course = tables["longitudinal"].set_index("term")["rate_ratio"]
    after, before = (
        course[f"untreated/treated in {period}"] for period in ("postpartum_year", "pre_pregnancy_year")
    )
    assert course["difference_in_differences"] == pytest.approx(after / before, rel=1e-8)
    rates = tables["relapse_rates"].query("group == 'arm'").set_index(["arm", "period"])["rate"]
    crude = rates["untreated", "postpartum_year"] / rates["treated", "postpartum_year"]
    assert after == pytest.approx(crude, rel=1e-8)
    risk = tables["risk_difference"].set_index("day")
    share = tables["relapse_free"].set_index(["arm", "day"])["relapse_free"]
    for day in (91, 182, 365):
        difference = share["treated", day] - share["untreated", day]
        assert risk.loc[day, "risk_difference"] == pytest.approx(difference, rel=1e-9)
        assert risk.loc[day, "nnt"] == pytest.approx(1 / difference, rel=1e-9)


@studies
def test_relapses_have_women_and_no_more_of_them_than_relapses(name: str) -> None:
    found = set()
    for title, table in as_submitted(name).items():
        for relapses, women in RELAPSES_AND_WOMEN:
            if women not in table:
                continue
            found.add(women)
            counts = table[[relapses, women]].dropna().astype(int)
            assert len(counts), (title, women)
            assert ((counts[relapses] > 0) == (counts[women] > 0)).all(), (title, women)
            assert (counts[women] <= counts[relapses]).all(), (title, women)
            assert (counts[women] <= table.loc[counts.index, "women"]).all(), (title, women)
    assert found == {women for _, women in RELAPSES_AND_WOMEN}
    judged = 0
    for title, table in as_submitted(name).items():
        for column in (column for column in table if column.startswith("relapses_most")):
            suffix = column.removeprefix("relapses_most")
            most, relapses, women = (table[f"{of}{suffix}"] for of in MOST)
            known = most.notna()
            assert (most <= relapses)[known].all(), (title, column)
            assert (relapses <= most * women)[known].all(), (title, column)
            judged += 1
    assert judged == 2 + 1 + 3 + 5 * 2


@studies
def test_turning_the_contrast_round_inverts_every_ratio(name: str) -> None:
    sites = sites_of(name)
    cohort = whole_cohort(sites, CLASSES, CohortSettings("received", 30))
    turned = replace(SETTINGS, numerator="treated", denominator="untreated")
    policies = {site.site: site.policy for site in sites}
    contrasts = Contrasts(cohort.pregnancies, cohort.person_time, policies, turned)
    table, usual = estimate_rate_ratios(contrasts), as_submitted(name)["rate_ratios"]
    assert table["status"].tolist() == usual["status"].tolist()
    for column, other in (("rate_ratio", "rate_ratio"), ("lower", "upper"), ("upper", "lower")):
        inverse = 1 / usual[other].astype(float)
        assert table[column].to_numpy(float) == pytest.approx(inverse.to_numpy(), rel=1e-7, nan_ok=True)
    assert table["p_value"].to_numpy(float) == pytest.approx(
        usual["p_value"].to_numpy(float), rel=1e-6, nan_ok=True
    )


def test_other_units_of_time_move_no_ratio() -> None:
    sites = sites_of("choice_sites")
    cohort: Cohort = whole_cohort(sites, CLASSES, CohortSettings("received", 30))
    policies = {site.site: site.policy for site in sites}
    months = cohort.person_time.assign(person_years=cohort.person_time["person_years"] * 12)
    table = estimate_rate_ratios(Contrasts(cohort.pregnancies, months, policies, SETTINGS))
    usual = as_submitted("choice_sites")["rate_ratios"]
    for column in ("rate_ratio", "lower", "upper", "p_value", "alpha"):
        assert table[column].to_numpy(float) == pytest.approx(
            usual[column].to_numpy(float), rel=1e-7, nan_ok=True
        )
