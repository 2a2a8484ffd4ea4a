"""Numbers as they are printed, profiles that round, the threshold in force: worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from gravida.disclosure import release_tables
from gravida.disclosure.printing import print_numbers
from gravida.disclosure.rounding import midpoint_6, nearest_5, round_tables
from gravida.models.exact import clopper_pearson, garwood
from gravida.settings import PROFILES, disclosure_rules
from scipy import stats

from schemas.release import roles_of
from tests.disclosure.hand_made import (
    NORTH,
    SOUTH,
    Site,
    attrition,
    identifiability,
    ratio,
    relapse_rates,
    table,
)
from tests.disclosure.registries import draw_registry, internal_tables

COUNTED = ("denominator", "count", "own", "events")


# The threshold


@pytest.mark.parametrize(
    ("profile", "min_women", "threshold", "rounding"),
    [
        ("default", 5, 5, ""),
        ("default", 12, 12, ""),
        ("opensafely", 5, 8, "nearest_5"),
        ("opensafely", 20, 20, "nearest_5"),
        ("opensafely_midpoint_6", 5, 8, "midpoint_6"),
        ("strict", 5, 11, ""),
        ("strict", 11, 11, ""),
        ("strict", 15, 15, ""),
    ],
)
def test_a_plan_may_raise_the_threshold_of_a_profile_and_never_lower_it(
    profile: str, min_women: int, threshold: int, rounding: str
) -> None:
    found = disclosure_rules({"profile": profile, "min_women": min_women})
    assert found == {"threshold": threshold, "rounding": rounding}
    assert profile in PROFILES


# Rounding


def test_counts_to_multiples_of_five() -> None:
    counts = pd.Series([0, 1, 2, 3, 7, 8, 12, 13, np.nan])
    expected = [0, 0, 0, 5, 5, 10, 10, 15, np.nan]
    assert nearest_5(counts).tolist() == pytest.approx(expected, nan_ok=True)


def test_counts_to_the_middle_of_six() -> None:
    """0 stays; 1 to 6 are 3, 7 to 12 are 9, 13 to 18 are 15."""
    counts = pd.Series([0, 1, 6, 7, 12, 13, 18, np.nan])
    assert midpoint_6(counts).tolist() == pytest.approx([0, 3, 3, 9, 9, 15, 15, np.nan], nan_ok=True)


def test_without_a_rounding_tables_stay() -> None:
    tables = {"relapse_rates": relapse_rates(NORTH, SOUTH).assign(suppressed=False)}
    pd.testing.assert_frame_equal(
        round_tables(tables, "", 0.95)["relapse_rates"], tables["relapse_rates"], check_exact=True
    )


def gate(tables: dict[str, pd.DataFrame], profile: str, min_women: int = 5) -> dict[str, pd.DataFrame]:
    rules = disclosure_rules({"profile": profile, "min_women": min_women})
    return release_tables(tables, confidence=0.95, **rules).tables


def first(released: pd.DataFrame) -> pd.Series:
    """Return the row of the treated in the year after delivery."""
    return released.query("arm == 'treated' and period == 'postpartum_year'").iloc[0]


# 43 women for 365 days, 32 relapses; every part has at least 8.
WEST = Site("west", "all", (9, 9, 8, 9, 8, 8, 8, 8), women=43)
EAST = Site("east", "none", (12, 8, 9, 11, 10, 9, 8, 12), women=48)


@pytest.mark.parametrize(
    ("profile", "women", "relapses", "years"),
    [("opensafely", 45, 30, 45), ("opensafely_midpoint_6", 45, 33, 45)],
)
def test_a_rate_and_its_limits_are_those_of_rounded_numbers(
    profile: str, women: int, relapses: int, years: int
) -> None:
    """43 to 5 is 45, 32 is 30; 37 to 42 are 39 and 43 to 48 are 45, 31 to 36 are 33."""
    row = first(gate({"relapse_rates": relapse_rates(WEST, EAST)}, profile)["relapse_rates"])
    assert [row[name] for name in ("women", "pregnancies", "relapses", "person_years")] == [
        *(women, women, relapses, years)
    ]
    assert row["rate"] == pytest.approx(relapses / years)
    lower = stats.chi2.ppf(0.025, 2 * relapses) / 2 / years
    upper = stats.chi2.ppf(0.975, 2 * relapses + 2) / 2 / years
    assert row[["lower", "upper"]].tolist() == pytest.approx([lower, upper])
    # As many times the rate as before, for what they were would tell the relapses.
    full = first(relapse_rates(WEST, EAST))
    assert row["robust_upper"] == round(relapses / years * full["robust_upper"] / full["rate"], 2)


def test_a_count_is_judged_before_it_is_rounded() -> None:
    """7 would round to 5 or 9 and does not leave; 8 leaves as 10 or 9."""
    for relapses, told in ((7, (np.nan, np.nan)), (8, (10, 9))):
        site = Site("west", "all", (relapses, *WEST.relapses[1:]), women=43)
        for profile, expected in zip(("opensafely", "opensafely_midpoint_6"), told, strict=True):
            out = gate({"relapse_rates": relapse_rates(site, EAST)}, profile)["relapse_rates"]
            row = out.query("arm == 'treated' and period == 'pre_pregnancy_year'").iloc[0]
            assert row["relapses"] == pytest.approx(expected, nan_ok=True)


def test_what_the_gate_withheld_stays_withheld_when_rounded() -> None:
    site = Site("west", "all", (3, *WEST.relapses[1:]), women=43)
    out = gate({"relapse_rates": relapse_rates(site, EAST)}, "opensafely")["relapse_rates"]
    row = out.query("arm == 'treated' and period == 'pre_pregnancy_year'").iloc[0]
    assert row[["relapses", "rate", "lower", "upper"]].isna().all() and row["suppressed"]


def test_strict_withholds_one_to_ten() -> None:
    for relapses, told in ((10, np.nan), (11, 11)):
        parts = (relapses, 11, 12, 13, 14, 15, 16, 17)
        sites = (Site("west", "all", parts), Site("east", "none", (20,) * 8))
        out = gate({"relapse_rates": relapse_rates(*sites)}, "strict")["relapse_rates"]
        row = out.query("arm == 'treated' and period == 'pre_pregnancy_year'").iloc[0]
        assert row["relapses"] == pytest.approx(told, nan_ok=True)


def test_the_share_of_treated_is_that_of_rounded_numbers() -> None:
    """17 of 43 are 15 of 45."""
    west = Site("west", "individual", WEST.relapses, women=43)
    sheet = identifiability(west, EAST, treated={"west": 17})
    out = gate({"identifiability": sheet}, "opensafely")["identifiability"].set_index("site")
    assert out.loc["west", ["pregnancies", "treated"]].tolist() == [45, 15]
    assert out.loc["west", "share_treated"] == pytest.approx(1 / 3)


def test_percentages_are_those_of_rounded_numbers() -> None:
    """17 and 26 of 43 are 15 and 25: 37.5% and 62.5%, not 39.5% and 60.5%."""
    rows = [
        {"variable": "dmt_before", "level": level, "statistic": statistic, "arm": arm, "value": value}
        | {"women": number}
        for arm in ("treated", "untreated")
        for level, number in (("none", 17), ("platform", 26))
        for statistic, value in (("n", number), ("percent", 100 * number / 43))
    ]
    out = gate({"baseline": table("baseline", rows)}, "opensafely")["baseline"]
    assert out["value"].tolist() == [15, 37.5, 25, 62.5] * 2
    assert out["women"].tolist() == [15, 15, 25, 25] * 2


def test_percentages_are_of_the_levels_that_are_not_told_too() -> None:
    """26 of 98 are 25 of 100, not all of those whose level is told."""
    cells = (("pregnancies", "", "n", 98), ("dmt_before", "", "missing", 0))
    cells += (("dmt_before", "none", "n", np.nan), ("dmt_before", "high", "n", np.nan))
    cells += (("dmt_before", "other", "n", 26), ("dmt_before", "other", "percent", 100 * 26 / 98))
    rows = [
        {"variable": variable, "level": level, "statistic": statistic, "arm": arm, "value": value}
        | {"women": value}
        for arm in ("treated", "untreated")
        for variable, level, statistic, value in cells
    ]
    out = gate({"baseline": table("baseline", rows)}, "opensafely")["baseline"]
    assert out.loc[out["statistic"] == "percent", "value"].tolist() == [25.0] * 2


def test_a_share_of_women_with_an_event_is_that_of_rounded_numbers() -> None:
    """11 of 43 are 10 of 45."""
    row = {"term": "any", "women": 43, "pregnancies": 43, "with_event": 11, "women_with_event": 11}
    row |= {"percent": 100 * 11 / 43, "lower": 14.0, "upper": 41.0, "status": "ok"}
    rows = [{"arm": arm, **row} for arm in ("treated", "untreated")]
    (shown, _) = gate({"safety": table("safety", rows)}, "opensafely")["safety"].to_dict("records")
    assert (shown["pregnancies"], shown["with_event"]) == (45, 10)
    lower, upper = stats.beta.ppf(0.025, 10, 36), stats.beta.ppf(0.975, 11, 35)
    numbers = [shown[name] for name in ("percent", "lower", "upper")]
    assert numbers == pytest.approx([100 * 10 / 45, 100 * lower, 100 * upper])


def test_frequencies_and_zeros_are_rounded_as_the_counts_that_they_are() -> None:
    sizes = {"period": "postpartum_year", "pregnancies": 91, "women": 91, "relapses": 43}
    rows = [sizes | {"test": "zeros", "statistic": 57.0, "value": 55.2}]
    rows += [sizes | {"test": "pearson", "statistic": 101.2345, "value": 1.1373}]
    out = gate({"dispersion": table("dispersion", rows)}, "opensafely")["dispersion"].set_index("test")
    assert out.loc["zeros", "statistic"] == 55
    # Over the value it would be the degrees of freedom.
    assert np.isnan(out.loc["pearson", "statistic"]) and out.loc["pearson", "value"] == 1.14


CURVE = {"status": "ok", "pregnancies": 43, "women": 43}


def relapse_free(arm: str, *told: tuple[int, int, int]) -> list[dict]:
    """Return a curve: by day those at risk and those who have relapsed."""
    return [
        CURVE | {"arm": arm, "day": day, "at_risk": at_risk, "relapsed": relapsed, "women_relapsed": relapsed}
        | {"relapse_free": 0.7319, "lower": 0.6, "upper": 0.8}
        for day, at_risk, relapsed in told
    ]  # fmt: skip


def test_shares_and_risks_are_those_of_rounded_counts() -> None:
    """43 are 45; 11 and 21 relapsed are 10 and 20; 31 and 18 at risk are 30 and 20.

    Of 45 then 10 relapse and 5 leave, of the 30 left 10 relapse; those who leave count half.
    """
    days = ((182, 31, 11), (365, 18, 21))
    rows = [row for arm in ("treated", "untreated", "all") for row in relapse_free(arm, *days)]
    risk = {"day": 182, "pregnancies": 86, "women": 86, "relapsed_treated": 11, "relapsed_untreated": 11}
    risk |= {"women_relapsed_treated": 11, "women_relapsed_untreated": 11, "status": "ok", "nnt": 17.3}
    risk |= {"risk_treated": 0.25581, "risk_untreated": 0.25581, "risk_difference": 0.0578}
    tables = {
        "relapse_free": table("relapse_free", rows),
        "risk_difference": table("risk_difference", [risk]),
    }
    out = round_tables(
        {name: each.assign(suppressed=False) for name, each in tables.items()}, "nearest_5", 0.95
    )
    shares = 1 - 10 / 42.5, (1 - 10 / 42.5) * (1 - 10 / 30)
    assert out["relapse_free"]["relapse_free"].tolist() == pytest.approx([*shares] * 3)
    deviation = 1.959964 * np.sqrt(10 / (42.5 * 32.5)) / -np.log(shares[0])
    limits = [shares[0] ** np.exp(deviation), shares[0] ** np.exp(-deviation)]
    assert out["relapse_free"].iloc[0][["lower", "upper"]].tolist() == pytest.approx(limits, rel=1e-6)
    row = out["risk_difference"].iloc[0]
    assert row[["risk_treated", "risk_untreated"]].tolist() == pytest.approx([10 / 42.5] * 2)
    reach = 1.959964 * shares[0] * np.sqrt(2 * 10 / (42.5 * 32.5))
    assert row[["risk_difference", "lower", "upper"]].tolist() == pytest.approx([0, -reach, reach], rel=1e-6)
    assert row["nnt_form"] == "both" and pd.isna(row["nnt"])


def test_after_a_day_that_is_withheld_no_share_is_told() -> None:
    rows = relapse_free("treated", (91, 35, 8), (182, 31, 11), (365, 18, 21))
    rows[1] |= dict.fromkeys(("at_risk", "relapsed", "relapse_free"), np.nan)
    tables = {"relapse_free": table("relapse_free", rows).assign(suppressed=False)}
    out = round_tables(tables, "nearest_5", 0.95)["relapse_free"]
    assert out["relapse_free"].notna().tolist() == [True, False, False]


def test_what_changed_is_told_in_rounded_numbers() -> None:
    told = {"women": (98, 112), "relapses_treated": (11, 13), "rate_treated": (0.2718, 0.3141)}
    told |= {"rate_ratio": (1.40913, 1.29876), "release": ("2019-06-30-a", "2020-06-30-b")}
    rows = [
        {"site": "all", "what": what, "before": before, "after": after, "women": 90, "women_changed": 20}
        for what, (before, after) in told.items()
    ]
    out = gate({"changes": table("changes", rows)}, "opensafely")["changes"].set_index("what")
    assert out.loc["women", ["before", "after"]].tolist() == [100, 110]
    assert out.loc["relapses_treated", ["before", "after"]].tolist() == [10, 15]
    assert out.loc["rate_ratio", ["before", "after"]].tolist() == [1.41, 1.3]
    assert out.loc["rate_treated", ["before", "after"]].isna().all()
    assert out.loc["release", ["before", "after"]].tolist() == [*told["release"]]


def test_the_registry_enters_the_evidence_with_rounded_counts() -> None:
    own = {"study": "This registry", "women": 112, "smallest_count": 13, "treated_events": 13}
    own |= {"treated_n": 57, "control_events": 19, "control_n": 64, "treated_person_years": 56.87}
    own |= {"exact_lower": 0.51234, "exact_upper": 2.9, "estimate": 0.70123}
    other = own | {"study": "Another", "women": np.nan, "smallest_count": np.nan}
    tables = {"evidence_studies": table("evidence_studies", [own, other])}
    mine, published = gate(tables, "opensafely")["evidence_studies"].to_dict("records")
    assert [mine[name] for name in ("treated_events", "treated_n", "control_events")] == [15, 55, 20]
    assert (mine["treated_person_years"], mine["estimate"]) == (55, 0.7) and np.isnan(mine["exact_lower"])
    assert (published["treated_events"], published["treated_n"]) == (13, 57)


def test_what_gives_an_exact_count_away_is_not_told_or_follows_from_rounded_ones() -> None:
    """Relapses for each coefficient; total grams over their mean; relapses over person-years of an arm."""
    weak = ratio(relapses=43, parameters=5, events_per_parameter=43 / 4)
    doses = {"regimen": "all", "pregnancies": 43, "women": 43, "infusions": 86}
    doses |= {"grams_total": 2838.0, "grams_mean": 66.0, "women_apart_grams_median": 40}
    rates = ratio(analysis="unadjusted", is_primary=True, contrast="untreated/treated", rate_numerator=0.384)
    tables = {
        "estimability": table("estimability", [weak]),
        "doses": table("doses", [doses]),
        "rate_ratios": table("rate_ratios", [rates, rates | {"adjusted_for": "age", "is_primary": False}]),
    }
    out = round_tables(
        {name: each.assign(suppressed=False) for name, each in tables.items()}, "nearest_5", 0.95
    )
    assert out["estimability"]["events_per_parameter"].tolist() == [45 / 4]
    assert np.isnan(out["doses"]["grams_total"].iloc[0]) and out["doses"]["grams_mean"].iloc[0] == 66
    assert out["rate_ratios"]["rate_numerator"].tolist() == pytest.approx([np.nan, 0.38], nan_ok=True)


@pytest.mark.parametrize("profile", ["opensafely", "opensafely_midpoint_6"])
def test_every_count_of_every_table_is_rounded(profile: str) -> None:
    tables = internal_tables(draw_registry(0), 8)
    counted = 0
    for name, out in gate(tables, profile).items():
        for column in out.columns.drop("suppressed"):
            if roles_of(name)[column] in COUNTED:
                shown = pd.to_numeric(out[column]).dropna()
                shown = shown[shown > 0]
                rest = shown % 5 if profile == "opensafely" else (shown - 3) % 6
                assert (rest == 0).all(), (name, column)
                counted += len(shown)
    assert counted > 500


def test_a_profile_that_does_not_round_leaves_numbers_as_they_are() -> None:
    tables = {"relapse_rates": relapse_rates(NORTH, SOUTH), "attrition": attrition(NORTH, SOUTH)}
    out = gate(tables, "default")
    assert out["relapse_rates"]["relapses"].tolist() == tables["relapse_rates"]["relapses"].tolist()
    assert out["relapse_rates"]["rate"].tolist() == tables["relapse_rates"]["rate"].tolist()


# Exact limits


def test_exact_limits_of_a_share() -> None:
    """Clopper and Pearson: where k of n have it the lower limit leaves k or more a chance of 2.5%."""
    lower, upper = clopper_pearson(np.array([0, 3, 10]), np.array([10, 10, 10]), 0.95)
    assert lower[0] == 0 and upper[2] == 1
    assert upper[0] == pytest.approx(1 - 0.025 ** (1 / 10))
    assert lower[2] == pytest.approx(0.025 ** (1 / 10))
    assert stats.binom.sf(2, 10, lower[1]) == pytest.approx(0.025)
    assert stats.binom.cdf(3, 10, upper[1]) == pytest.approx(0.025)


def test_exact_limits_of_a_rate_are_those_that_are_released() -> None:
    lower, upper = garwood(np.array([30]), np.array([45.0]), 0.95)
    assert stats.poisson.sf(29, lower[0] * 45) == pytest.approx(0.025)
    assert stats.poisson.cdf(30, upper[0] * 45) == pytest.approx(0.025)


# Printing


def described(statistic: str, value: float, at: float = np.nan) -> dict:
    return {
        "variable": "age_at_delivery",
        **{"level": "", "statistic": statistic, "arm": "all", "value": value, "women": 40},
        "women_at_value": at,
    }


def test_means_have_two_decimals_and_what_is_no_mean_has_its_own() -> None:
    rows = [described("mean", 31.69818), described("sd", 4.0965), described("smd", 0.123456)]
    rows += [described("percent", 12.3456), described("n", 40)]
    table_ = print_numbers({"baseline": table("baseline", rows)}, 5)["baseline"]
    assert table_["value"].tolist() == [31.7, 4.1, 0.123456, 12.3456, 40]


@pytest.mark.parametrize(("at", "printed"), [(4, 30.0), (5, 30.3)])
@pytest.mark.parametrize("statistic", ["q1", "median", "q3"])
def test_a_quantile_that_few_women_have_is_a_whole_number(statistic: str, at: int, printed: float) -> None:
    rows = [described(statistic, 30.3, at)]
    assert print_numbers({"baseline": table("baseline", rows)}, 5)["baseline"]["value"].tolist() == [printed]


def test_doses_are_printed_likewise() -> None:
    row = {"regimen": "all", "women": 40, "pregnancies": 40, "grams_mean": 66.641026, "grams_sd": 36.146528}
    row |= {"grams_median": 62.5, "women_at_grams_median": 9, "first_day_median": 3.4}
    row |= {"women_at_first_day_median": 4, "last_day_median": 153.6, "women_at_last_day_median": 2}
    out = print_numbers({"doses": table("doses", [row])}, 5)["doses"].iloc[0]
    assert (out["grams_mean"], out["grams_sd"], out["grams_median"]) == (66.64, 36.15, 62.5)
    assert (out["first_day_median"], out["last_day_median"]) == (3, 154)


def test_other_tables_are_printed_as_they_are() -> None:
    rates = relapse_rates(NORTH, SOUTH)
    assert print_numbers({"relapse_rates": rates}, 5)["relapse_rates"] is rates
