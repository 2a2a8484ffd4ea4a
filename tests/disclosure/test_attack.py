"""The release gate against somebody who has every released table and knows the rule.

``ATTACKED=200`` in the environment attacks as many registries (`make attack`), by default a few.
"""

import os
from functools import cache

import numpy as np
import pandas as pd
import pytest
from gravida.disclosure import RULES, release_tables
from gravida.disclosure.case import ARMS
from scipy import stats

from tests.disclosure import inversions
from tests.disclosure.attack import Breach, find_breaches, learn, search_of
from tests.disclosure.knowledge import Contradiction, Knowledge
from tests.disclosure.registries import CONFIDENCE, PLAN, draw_registry, internal_tables

pytestmark = pytest.mark.slow
MIN_WOMEN = 5
REGISTRIES = range(int(os.environ.get("ATTACKED", "6")))
# The rules that look at one row by itself; all others withhold what would give these cells away.
PRIMARY = ("few_women", "dominance", "residual", "quantiles")


@cache
def tables_of(seed: int) -> dict[str, pd.DataFrame]:
    return internal_tables(draw_registry(seed), MIN_WOMEN)


def attack(released: dict[str, pd.DataFrame], internal: dict[str, pd.DataFrame]) -> list[Breach]:
    return find_breaches(learn(released, internal, CONFIDENCE), MIN_WOMEN)


def told(breaches: list[Breach]) -> str:
    """Return breaches in words, by table and column first."""
    return "\n".join([f"{len(breaches)} breaches", *(breach.line() for breach in breaches[:40])])


@pytest.mark.parametrize("seed", REGISTRIES)
def test_nothing_withheld_can_be_worked_out(seed: int) -> None:
    internal = tables_of(seed)
    breaches = attack(release_tables(internal, MIN_WOMEN).tables, internal)
    assert not breaches, told(breaches)


@pytest.mark.parametrize("seed", REGISTRIES)
def test_what_the_attack_takes_for_known_is_true(seed: int) -> None:
    # All tables unprotected: a false relation contradicts one of the numbers.
    internal = tables_of(seed)
    search_of(learn(internal, internal, CONFIDENCE))


@pytest.mark.parametrize("seed", [0, 4])
def test_a_gate_that_protects_nothing_of_what_it_withholds_is_broken(seed: int) -> None:
    internal = tables_of(seed)
    primary = {code: RULES[code] for code in PRIMARY}
    released = release_tables(internal, MIN_WOMEN, rules=primary).tables
    broken = {breach.cell.split(" ")[0] for breach in attack(released, internal)}
    assert {"relapse_rates.relapses", "baseline.value", "attrition.pregnancies"} <= broken


def test_a_ratio_put_back_beside_its_withheld_counts_gives_them() -> None:
    internal = tables_of(0)
    released = release_tables(internal, MIN_WOMEN).tables
    table, full = released["rate_ratios"], internal["rate_ratios"]
    poisson = (
        (full["model"] == "poisson") & (full["covariance"] == "model") & (full["adjusted_for"] == "none")
    )
    here = poisson & (full["period"] == PLAN.period)
    assert here.sum() == 1 and table.loc[here, ["rate_ratio", "relapses_denominator"]].isna().all(axis=None)
    back = table.assign(rate_ratio=table["rate_ratio"].mask(here, full["rate_ratio"]))
    breaches = attack(released | {"rate_ratios": back}, internal)
    told_of = {breach.cell for breach in breaches}
    assert {f"relapse_rates.relapses [arm, {arm}, all, {PLAN.period}]" for arm in ARMS} <= told_of, told(
        breaches
    )


# Small tables whose answer is read off


PERIODS = ("trimester_1", "trimester_2", "trimester_3", "pregnancy", "postpartum_year")
# Site north treats by policy, south does not: relapses by period, of 40 women each.
NORTH = dict(zip(PERIODS, (3, 6, 2, 11, 9), strict=True))
SOUTH = dict(zip(PERIODS, (8, 7, 9, 24, 14), strict=True))
LENGTH = dict(zip(PERIODS, (98, 98, 84, 280, 365), strict=True))


def rates() -> pd.DataFrame:
    rows = []
    for group, arm, site, counts, women in (
        ("arm", "treated", "all", NORTH, 40),
        ("arm", "untreated", "all", SOUTH, 40),
        ("arm", "all", "all", {period: NORTH[period] + SOUTH[period] for period in PERIODS}, 80),
        ("site", "all", "north", NORTH, 40),
        ("site", "all", "south", SOUTH, 40),
    ):
        for period, relapses in counts.items():
            years = women * LENGTH[period] / 365.25
            lower, upper = stats.chi2.ppf([0.025, 0.975], [2 * relapses, 2 * relapses + 2]) / 2 / years
            rows.append(
                (group, arm, site, period, women, women, relapses, years, relapses / years, lower, upper)
            )
    columns = "group arm site period pregnancies women relapses person_years rate lower upper"
    return pd.DataFrame(rows, columns=columns.split())


def sheet() -> pd.DataFrame:
    rows = [("north", "all", 40, 40, 40, 1.0), ("south", "none", 40, 40, 0, 0.0)]
    columns = ["site", "policy", "pregnancies", "women", "treated", "share_treated"]
    return pd.DataFrame(rows, columns=columns)


COUNTED = ["relapses", "person_years", "rate", "lower", "upper"]


def withheld(*cells: tuple[str, str], columns: list[str] = COUNTED) -> pd.DataFrame:
    """Return the rates without these columns in the rows of (an arm or a site, a period)."""
    table = rates().astype({"relapses": "float64"})
    for who, period in cells:
        here = (table["period"] == period) & ((table["arm"] == who) | (table["site"] == who))
        table.loc[here & ((table["site"] == "all") | (who in ("north", "south"))), columns] = np.nan
    return table


def breaches_of(table: pd.DataFrame, **others: tuple[pd.DataFrame, pd.DataFrame]) -> list[Breach]:
    released = {"identifiability": sheet(), "relapse_rates": table}
    internal = {"identifiability": sheet(), "relapse_rates": rates()}
    released |= {name: pair[0] for name, pair in others.items()}
    internal |= {name: pair[1] for name, pair in others.items()}
    return attack(released, internal)


SMALL = ("trimester_1", "trimester_3")
EVERYONE = ("treated", "north", "untreated", "south")
SAFE = [(who, period) for who in (*EVERYONE, "all") for period in SMALL]


def test_all_less_one_arm_is_the_other() -> None:
    (breach,) = breaches_of(withheld(("treated", "trimester_1"), ("north", "trimester_1")))
    assert (breach.kind, breach.possible, breach.impossible) == ("primary", (3,), (1, 2, 4))


def test_the_sites_of_one_policy_are_one_arm() -> None:
    # Both arms are withheld, and the one site that treats; the other site is left, and is the other arm.
    found = breaches_of(
        withheld(*((who, period) for who in ("treated", "untreated", "north") for period in SMALL))
    )
    assert {breach.possible for breach in found} == {(3,), (2,)}


def test_trimesters_add_up_to_the_pregnancy() -> None:
    found = breaches_of(withheld(*((who, "trimester_1") for who in EVERYONE)))
    assert {(breach.kind, breach.possible) for breach in found} == {("primary", (3,)), ("secondary", (8,))}


def test_two_cells_of_every_line_protect_each_other() -> None:
    assert breaches_of(withheld(*SAFE)) == []


@pytest.mark.parametrize("column", ["rate", "lower", "upper"])
def test_a_rate_or_an_exact_limit_that_is_left_gives_the_count(column: str) -> None:
    # Beside 40 women whose years are withheld too.
    table = withheld(*SAFE)
    here = (table["arm"] == "treated") & (table["period"] == "trimester_1")
    table.loc[here, column] = rates().loc[here, column]
    found = breaches_of(table)
    assert any(breach.possible == (3,) for breach in found), told(found)


def comparison(**kept: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the Poisson row of 14 relapses over 9, withheld but for what is kept, and as it was."""
    row = {
        "analysis": "unadjusted",
        "is_primary": True,
        "period": "postpartum_year",
        "model": "poisson",
        "covariance": "model",
        "adjusted_for": "none",
        "relapses": 23,
        "relapses_numerator": 14,
        "relapses_denominator": 9,
        "rate_ratio": 14 / 9,
        "standard_error": np.sqrt(1 / 14 + 1 / 9),
        "lower": 14 / 9 * np.exp(-stats.norm.ppf(0.975) * np.sqrt(1 / 14 + 1 / 9)),
        "upper": 14 / 9 * np.exp(stats.norm.ppf(0.975) * np.sqrt(1 / 14 + 1 / 9)),
        "reason": "",
    }
    numbers = dict.fromkeys([name for name, value in row.items() if isinstance(value, (int, float))], np.nan)
    return pd.DataFrame([row | numbers | {"is_primary": True} | kept]), pd.DataFrame([row])


OUTCOME = [(who, "postpartum_year") for who in EVERYONE]
KEPT = {
    "rate_ratio": {"rate_ratio": 14 / 9},
    "two decimals": {"rate_ratio": 1.56},
    "standard_error": {"rate_ratio": 1.6, "standard_error": np.sqrt(1 / 14 + 1 / 9)},
    "limits": {"rate_ratio": 1.6, "lower": comparison()[1]["lower"][0], "upper": comparison()[1]["upper"][0]},
}


@pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT)
def test_a_ratio_left_beside_its_withheld_counts_gives_them(kept: dict[str, float]) -> None:
    table = withheld(*OUTCOME, columns=["relapses", "rate", "lower", "upper"])
    assert breaches_of(table, rate_ratios=comparison()) == []
    found = breaches_of(table, rate_ratios=comparison(**kept))
    assert {breach.possible for breach in found} == {(9,), (14,)}, told(found)


# Single numbers


def known(*names: str, **values: int) -> Knowledge:
    """Return what is known of withheld cells of these names and true values; a range, where there is one."""
    know = Knowledge()
    for name, value in values.items():
        know.withhold((name,), name, 1, value)
    for name in names:
        know.know((name,), 0, 60, "a range")
    return know


def found_in(know: Knowledge) -> dict[str, tuple[int, ...]]:
    return {breach.cell: breach.possible for breach in find_breaches(know, MIN_WOMEN)}


def test_a_cell_of_which_nothing_is_told_is_safe() -> None:
    assert found_in(known(a=3, b=9)) == {}


def test_a_percentage_gives_the_count() -> None:
    know = known(a=3)
    know.know(("n",), 40, 40, "n")
    inversions.learn_share(know, ("a",), ("n",), 100, 7.5, 1, "percent")
    assert found_in(know) == {"a": (3,)}


def test_a_mean_times_its_number_is_the_sum_also_when_rounded() -> None:
    # Of 30 pregnancies 0.10 is 3; of 400 it is anything from 38 to 42.
    for number, truth, left in ((30, 3, {"a": (3,)}), (400, 40, {})):
        know = known(a=truth)
        know.know(("n",), number, number, "n")
        inversions.learn_share(know, ("a",), ("n",), 1, 0.10, 2, "mean")
        assert found_in(know) == left


def test_exact_limits_of_a_percentage_give_the_count() -> None:
    know = known(a=3)
    know.know(("n",), 40, 40, "n")
    upper = 100 * stats.beta.ppf(0.975, 4, 37)
    inversions.learn_clopper(know, ("a",), ("n",), [(upper, True)], None, 0.95, "limit")
    assert found_in(know) == {"a": (3,)}


def test_exact_limits_of_a_ratio_give_both_counts() -> None:
    know = known("a", "b", a=3, b=12)
    for arm in ("n", "m"):
        know.know(("days", arm), 7305, 7305, "years")
    share = stats.beta.ppf(0.025, 3, 13)
    lower = [(share / (1 - share), False)]
    inversions.learn_exact_limits(
        know, [("a",), ("days", "n")], [("b",), ("days", "m")], lower, None, 0.95, "limit"
    )
    assert found_in(know) == {"a": (3,), "b": (12,)}


def test_a_poisson_standard_error_and_the_sum_give_both_counts() -> None:
    know = known("a", "b", a=3, b=12)
    inversions.learn_standard_error(know, [("a",), ("b",)], inversions.printed(0.645, 3), "error")
    know.relate({("a",): 1, ("b",): 1}, 15, 15, "all")
    know.at_most([("a",)], [("b",)], "fewer in the first")
    assert found_in(know) == {"a": (3,), "b": (12,)}


def test_a_step_of_a_curve_gives_the_relapses() -> None:
    # Nobody is lost: of 30, 27 are without a relapse at the end, 0.9.
    know = known(a=3)
    for name, value in (("before", 0), ("of", 30), ("left", 27)):
        know.know((name,), value, value, name)
    names = [("before",), ("a",), ("of",), ("left",)]
    inversions.learn_step(know, names, inversions.printed(0.9, None), "step")
    assert found_in(know) == {"a": (3,)}


def test_a_standardised_difference_gives_the_count() -> None:
    # 3 of 40 against 10 of 50.
    know = known(a=3)
    for name, value in (("n", 40), ("b", 10), ("m", 50)):
        know.know((name,), value, value, name)
    p, q = 3 / 40, 10 / 50
    value = abs(p - q) / np.sqrt((p * (1 - p) + q * (1 - q)) / 2)
    names = [("a",), ("n",), ("b",), ("m",)]
    inversions.learn_smd(know, names, inversions.printed(value, None), "smd")
    assert found_in(know) == {"a": (3,)}


def test_the_spread_of_sites_gives_their_counts() -> None:
    # 3, 8 and 10 relapses in 20 years each: weights are the relapses, so that Q can be had by hand.
    know = known("a", "b", a=3, b=8)
    know.know(("c",), 10, 10, "third site")
    know.relate({("a",): 1, ("b",): 1}, 11, 11, "sites add up")
    sites = [((name,), ("days", name)) for name in "abc"]
    for _, days in sites:
        know.know(days, 7305, 7305, "years")
    counts = np.array([3.0, 8.0, 10.0])
    logs = np.log(counts / 20)
    q = counts @ (logs - counts @ logs / counts.sum()) ** 2
    inversions.learn_heterogeneity(know, sites, inversions.printed(q, None), "Q")
    # Q does not say which of the two is which.
    assert found_in(know) == {"a": (3,), "b": (3, 8)}


def test_values_that_the_empty_cells_shut_out_by_themselves_are_no_breach() -> None:
    know = known(a=1, b=2, c=3)
    know.equal([("c",)], [("a",), ("b",)], "adds up")
    assert found_in(know) == {}


def test_what_cannot_be_true_is_no_attack() -> None:
    know = known(a=3)
    know.know(("a",), 9, 9, "a mistake")
    with pytest.raises(Contradiction):
        find_breaches(know, MIN_WOMEN)
