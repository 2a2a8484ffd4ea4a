"""The gate with one rule switched off: what leaks then, by arithmetic on small tables, and not otherwise.

The test `test_without_RULE` (or `test_without_RULE__MORE`) is that of the rule.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
from gravida.disclosure import RULES, release_tables

from tests.disclosure.hand_made import (
    MIN_WOMEN,
    NORTH,
    SOUTH,
    Site,
    Tables,
    attrition,
    cell,
    identifiability,
    protect,
    ratio,
    relapse_rates,
    table,
    with_counts,
)

Leak = Callable[[Tables], float]
QUARTERS = tuple(f"postpartum_q{quarter}" for quarter in (1, 2, 3, 4))


def assert_guarded(
    rule: str, tables: Tables, leak: Leak, secret: float, earlier: Sequence[Mapping] = ()
) -> None:
    """Check that without the rule, and only then, the released tables give the secret."""
    assert leak(protect(tables, rule, earlier).tables) == pytest.approx(secret)
    whole = protect(tables, earlier=earlier)
    assert np.isnan(leak(whole.tables))
    assert rule in set(whole.decisions["rule"])


def known(*ways: float) -> float:
    """Return what the first way gives that leads anywhere; NaN if none does."""
    return next((way for way in ways if not np.isnan(way)), np.nan)


def of_rates(released: Tables, who: str, period: str, column: str = "relapses") -> float:
    """Return a cell of the rates, of an arm or a site."""
    key = "arm" if who in ("treated", "untreated", "all") else "site"
    group = "arm" if key == "arm" else "site"
    return cell(released["relapse_rates"], column, group=group, period=period, **{key: who})


def treated_relapses(released: Tables, period: str) -> float:
    """Return the relapses of the treated, where site north has them all, or what is left of all."""
    everyone = of_rates(released, "all", period)
    return known(
        *(of_rates(released, who, period) for who in ("treated", "north")),
        *(everyone - of_rates(released, who, period) for who in ("untreated", "south")),
    )


def described(variable: str, **numbers: Mapping[str, float]) -> list[dict]:
    """Return rows of `baseline`: the numbers of the arms by LEVEL__STATISTIC (a level `_` is none)."""
    rows = []
    for named, by_arm in numbers.items():
        level, _, statistic = named.rpartition("__")
        for arm, value in by_arm.items():
            counted = statistic in ("n", "missing")
            rows.append(
                {"variable": variable, "level": level.strip("_"), "statistic": statistic, "arm": arm}
                | {"value": value, "women": value if counted else 50}
            )
    return rows


def by_arm(treated: float, untreated: float, both: float | None = None) -> dict[str, float]:
    return {"treated": treated, "untreated": untreated, "all": treated + untreated if both is None else both}


def primary(**changes: object) -> pd.DataFrame:
    labels = {"analysis": "unadjusted", "is_primary": True, "contrast": "untreated/treated"}
    return table("rate_ratios", [labels | {"period": "postpartum_year"} | ratio(**changes)])


def test_every_rule_has_a_test() -> None:
    tested = {name.removeprefix("test_without_").split("__")[0] for name in globals()}
    assert set(RULES) <= tested


def test_without_few_women() -> None:
    """Three relapses are printed."""
    tables = {"relapse_rates": relapse_rates(with_counts(NORTH, trimester_1=3), SOUTH)}
    assert_guarded("few_women", tables, lambda out: of_rates(out, "treated", "trimester_1"), 3)


def test_without_few_women__who_have_them() -> None:
    """Six relapses are those of two women."""
    few = {"relapses": 6, "women_with_relapse": 2, "relapses_most": 3}
    changes = {f"{who}__pre_pregnancy_year": few for who in ("treated", "north")}
    tables = {"relapse_rates": relapse_rates(with_counts(NORTH, pre_pregnancy_year=6), SOUTH, **changes)}
    assert_guarded("few_women", tables, lambda out: treated_relapses(out, "pre_pregnancy_year"), 6)


def test_without_dominance() -> None:
    """She knows six of the ten for her own: the four others have one each."""
    one = {"relapses": 10, "women_with_relapse": 5, "relapses_most": 6}
    changes = {f"{who}__pre_pregnancy_year": one for who in ("treated", "north")}
    tables = {"relapse_rates": relapse_rates(with_counts(NORTH, pre_pregnancy_year=10), SOUTH, **changes)}
    assert_guarded("dominance", tables, lambda out: treated_relapses(out, "pre_pregnancy_year") - 6, 4)


def test_without_dominance__of_a_scenario() -> None:
    """Without one site she has six of the ten relapses of the treated, though not of all who treat."""
    row = {"scenario": "leave_out:east", **ratio(relapses_denominator=10, women_with_relapse_denominator=5)}
    tables = {"sensitivity": table("sensitivity", [row | {"relapses_most_denominator": 6}])}

    def others(released: Tables) -> float:
        return cell(released["sensitivity"], "relapses_denominator") - 6

    assert_guarded("dominance", tables, others, 4)


def test_without_residual() -> None:
    """Twelve coefficients fit twelve women: who knows their covariates has the relapses of each."""
    rng = np.random.default_rng(1)
    covariates, relapses = rng.normal(size=(12, 11)), np.array([1, 2, 3, 1, 1, 2, 5, 1, 4, 1, 2, 1])
    slopes = np.linalg.solve(np.column_stack([np.ones(12), covariates]), np.log(relapses))[1:]
    rows = [
        {"model": "multivariable", "predictor": f"x{place}", "level": "per unit", "rate_ratio": np.exp(slope)}
        | {"pregnancies": 12, "women": 12, "relapses": relapses.sum(), "women_with_relapse": 12}
        | {"status": "ok"}
        for place, slope in enumerate(slopes)
    ]
    estimable = {"adjusted_for": "none", "parameters": 2, "women": 80, "status": "ok"}
    tables = {"predictors": table("predictors", rows), "estimability": table("estimability", [estimable])}

    def hers(released: Tables) -> float:
        shown = released["predictors"]
        fitted = np.exp(covariates @ np.log(shown["rate_ratio"].astype(float)))
        return shown["relapses"].iloc[0] * fitted[2] / fitted.sum()

    assert_guarded("residual", tables, hers, 3)


def test_without_earlier() -> None:
    """A site corrects what it sent: three women more than last time."""
    larger = Site("north", "all", NORTH.relapses, women=43)
    before = release_tables({"attrition": attrition(NORTH, SOUTH)}, MIN_WOMEN).counts

    def came_in(released: Tables) -> float:
        now = {
            who: cell(released["attrition"], "women", site=who, step="submitted") for who in ("all", "north")
        }
        return known(now["all"] - 80, now["north"] - 40)

    assert_guarded("earlier", {"attrition": attrition(larger, SOUTH)}, came_in, 3, [before])


def test_without_corrected() -> None:
    """A site corrects the age of one woman of forty: the two means tell by how much."""
    sent = {"site": "north", "what": "data_cut", "women": 0, "women_changed": 1}

    def tables(mean: float) -> Tables:
        rows = described("age_at_delivery", mean=by_arm(mean, 31.0, (mean + 31) / 2))
        return {
            "baseline": table("baseline", rows),
            "identifiability": identifiability(NORTH, SOUTH),
            "changes": table("changes", [sent]),
        }

    before = release_tables(tables(30.0), MIN_WOMEN)

    def by(released: Tables) -> float:
        return 40 * (cell(released["baseline"], "value", arm="treated") - 30)

    assert_guarded("corrected", tables(30.1), by, 4, [before.counts])
    # The other arm is as it was.
    whole = protect(tables(30.1), earlier=[before.counts]).tables["baseline"]
    assert cell(whole, "value", arm="untreated") == 31 and np.isnan(cell(whole, "value", arm="all"))
    several = tables(30.1)
    several["changes"]["women_changed"] = MIN_WOMEN
    assert by(protect(several, earlier=[before.counts]).tables) == pytest.approx(4)


def test_without_shared() -> None:
    """Of twenty women nineteen have a disability of 0: the mean is that of the other."""
    rows = [
        {"variable": "edss_before", "level": "", "statistic": statistic, "arm": "treated", "value": value}
        | {"women": 20, "women_at_value": at, "women_apart": apart}
        for statistic, value, at, apart in (
            *(("n", 20, np.nan, np.nan), ("mean", 0.15, np.nan, np.nan)),
            *(("q1", 0.0, 19, 1), ("median", 0.0, 19, 1), ("q3", 0.0, 19, 1)),
        )
    ]

    def hers(released: Tables) -> float:
        return 20 * cell(released["baseline"], "value", statistic="mean")

    assert_guarded("shared", {"baseline": table("baseline", rows)}, hers, 3)


def test_without_shared__dose() -> None:
    """All but two had 60 grams: the total tells what these had."""
    rows = [
        {"regimen": regimen, "pregnancies": size, "women": size, "infusions": size, "grams_median": 60.0}
        | {"grams_total": 60.0 * size + 80, "women_apart_grams_median": 2, "women_at_grams_median": size - 2}
        | {"status": "ok"}
        for regimen, size in (("all", 40), ("1", 40))
    ]
    safety = {
        "arm": "treated",
        "term": "any",
        "women": 40,
        "pregnancies": 40,
        "grams": 2480.0,
        "status": "ok",
    }

    def more(released: Tables) -> float:
        totals = [*released["doses"]["grams_total"], *released["safety"]["grams"]]
        return known(*(float(total) - 40 * 60 for total in totals))

    tables = {"doses": table("doses", rows), "safety": table("safety", [safety])}
    assert_guarded("shared", tables, more, 80)


def test_without_quantiles() -> None:
    """Of the disabilities 1, 2, 2, 2, 5 the three quartiles are equal: mean and spread give the other two."""
    numbers = {"mean": 2.4, "sd": np.std([1, 2, 2, 2, 5], ddof=1), "q1": 2.0, "median": 2.0, "q3": 2.0}
    rows = [
        {"variable": "edss_before", "level": "", "statistic": statistic, "arm": "treated", "value": value}
        | {"women": 5, "women_at_value": 3}
        for statistic, value in ({"n": 5} | numbers).items()
    ]

    def highest(released: Tables) -> float:
        of = {name: cell(released["baseline"], "value", statistic=name) for name in ("n", *numbers)}
        others = of["n"] * of["mean"] - of["q1"] - of["median"] - of["q3"]
        squares = (of["n"] - 1) * of["sd"] ** 2 + of["n"] * of["mean"] ** 2
        squares -= of["q1"] ** 2 + of["median"] ** 2 + of["q3"] ** 2
        # Two numbers of this sum and sum of squares; the scale has half points.
        return round(others + np.sqrt(2 * squares - others**2)) / 2 if squares > 0 else np.nan

    assert_guarded("quantiles", {"baseline": table("baseline", rows)}, highest, 5)


def test_without_small_site() -> None:
    """All women less those of the other sites."""
    sites = [Site("east", "all", NORTH.relapses, women=3), NORTH, SOUTH]
    tables = {"attrition": attrition(*sites), "identifiability": identifiability(*sites)}

    def women(released: Tables) -> float:
        sent = released["attrition"][released["attrition"]["step"] == "submitted"].set_index("site")["women"]
        return sent["all"] - sent["north"] - sent["south"]

    assert_guarded("small_site", tables, women, 3)


def test_without_small_arm() -> None:
    """All women less those of the other arm."""
    rows = [*described("pregnancies", ___n=by_arm(3, 40)), *described("women", ___n=by_arm(3, 40))]

    def women(released: Tables) -> float:
        of = {arm: cell(released["baseline"], "value", variable="women", arm=arm) for arm in by_arm(0, 0)}
        return known(of["treated"], of["all"] - of["untreated"])

    assert_guarded("small_arm", {"baseline": table("baseline", rows)}, women, 3)


def test_without_left_out() -> None:
    """Three of the pregnancies that a site sent are not in the year after delivery."""
    after = (
        "postpartum_year",
        "postpartum_6_months",
        *(f"postpartum_q{quarter}" for quarter in (1, 2, 3, 4)),
    )
    fewer = {
        f"{who}__{period}": {"pregnancies": number, "women": number}
        for who, number in (("north", 37), ("treated", 37), ("all", 77))
        for period in after
    }
    tables = {
        "relapse_rates": relapse_rates(NORTH, SOUTH, **fewer),
        "identifiability": identifiability(NORTH, SOUTH),
        "attrition": attrition(NORTH, SOUTH, analysed={"north": 37}),
    }

    def left_out(released: Tables) -> float:
        found = []
        for what in ("pregnancies", "women"):
            for who, site, sent in (("all", "all", 80), ("north", "north", 40), ("treated", "north", 40)):
                found.append(sent - of_rates(released, who, "postpartum_year", what))
                step = "analysed_postpartum_year"
                found.append(sent - cell(released["attrition"], what, site=site, step=step))
        return known(*found)

    assert_guarded("left_out", tables, left_out, 3)


def test_without_treated() -> None:
    """All treated less those of other sites: two are of the south, or of the west, where nobody should be."""
    west, east = Site("west", "none", SOUTH.relapses, women=20), Site("east", "individual", SOUTH.relapses)
    sites = [NORTH, SOUTH, west, east]
    women = [*described("pregnancies", ___n=by_arm(57, 83)), *described("women", ___n=by_arm(57, 83))]
    tables = {
        "identifiability": identifiability(*sites, treated={"south": 2, "east": 15}),
        "attrition": attrition(*sites),
        "baseline": table("baseline", women),
    }

    def exceptions(released: Tables) -> float:
        everywhere = cell(released["baseline"], "value", variable="pregnancies", arm="treated")
        of = {site: cell(released["identifiability"], "treated", site=site) for site in ("north", "east")}
        return everywhere - of["north"] - of["east"]

    assert_guarded("treated", tables, exceptions, 2)


def test_without_left_out__in_other_tables() -> None:
    """All pregnancies sent less those of a comparison, of the design, or of the first step of a curve."""
    seen = Site("north", "all", NORTH.relapses, women=37)
    tables = {
        "relapse_rates": relapse_rates(seen, SOUTH),
        "attrition": attrition(NORTH, SOUTH, analysed={"north": 37}),
        "baseline": table("baseline", described("pregnancies", ___n=by_arm(40.0, 40.0))),
        "identifiability": identifiability(seen, SOUTH),
        "rate_ratios": primary(pregnancies=77, women=77, women_denominator=37),
        "relapse_free": curve((6, 12, 18, 24), (7, 14, 21, 28), sizes=(37, 40)),
        "changes": table("changes", [{"site": "all", "what": "rate_ratio", "women": 77, "women_changed": 0}]),
    }

    def ways(released: Tables) -> list[float]:
        first = {"arm": "treated", "day": 91}
        relapsed, free = (
            cell(released["relapse_free"], what, **first) for what in ("relapsed", "relapse_free")
        )
        return [
            80 - cell(released["rate_ratios"], "pregnancies"),
            40 - cell(released["rate_ratios"], "women_denominator"),
            40 - cell(released["identifiability"], "pregnancies", site="north"),
            40 - cell(released["identifiability"], "treated", site="north"),
            40 - relapsed / (1 - free),
            80 - cell(released["changes"], "women"),
        ]

    assert ways(protect(tables, "left_out").tables) == pytest.approx([3] * 6)
    assert np.isnan(ways(protect(tables).tables)).all()


def curve(
    treated: Sequence[int],
    untreated: Sequence[int],
    at_risk: Mapping = {},
    sizes: tuple[int, int] = (60, 60),
) -> pd.DataFrame:
    """Return curves of so many an arm, with these first relapses until each day; nobody is lost."""
    rows = []
    both = [first + second for first, second in zip(treated, untreated, strict=True)]
    arms = zip(("treated", "untreated", "all"), (*sizes, sum(sizes)), (treated, untreated, both), strict=True)
    for arm, size, counts in arms:
        for day, relapsed in zip((91, 182, 273, 365), counts, strict=True):
            share = 1 - relapsed / size
            rows.append(
                {"arm": arm, "day": day, "status": "ok", "pregnancies": size, "women": size}
                | {"at_risk": at_risk.get((arm, day), size - relapsed), "relapsed": relapsed}
                | {"women_relapsed": relapsed, "relapse_free": share, "lower": share - 0.1, "upper": 1.0}
            )
    return table("relapse_free", rows)


def test_without_steps() -> None:
    """Two had their first relapse in the second quarter."""

    def step(released: Tables) -> float:
        of = {
            arm: [cell(released["relapse_free"], "relapsed", arm=arm, day=day) for day in (91, 182)]
            for arm in by_arm(0, 0)
        }
        rises = {arm: later - first for arm, (first, later) in of.items()}
        return known(rises["treated"], rises["all"] - rises["untreated"])

    assert_guarded("steps", {"relapse_free": curve((6, 8, 14, 20), (7, 14, 21, 28))}, step, 2)


def test_without_parts() -> None:
    """All relapses less those of the other arm; the pregnancy less the other trimesters."""
    tables = {"relapse_rates": relapse_rates(with_counts(NORTH, trimester_1=3), SOUTH)}

    def first(released: Tables) -> float:
        of = [of_rates(released, "treated", period) for period in ("pregnancy", "trimester_2", "trimester_3")]
        return known(treated_relapses(released, "trimester_1"), of[0] - of[1] - of[2])

    assert_guarded("parts", tables, first, 3)


def test_without_parts__of_an_arm_by_choice() -> None:
    """All untreated relapses less those of the sites without treatment: the others leave it to choice."""
    choice = Site("middle", "individual", (9, 6, 7, 8, 3, 2, 2, 3))
    untreated = SOUTH.counts()["postpartum_year"] + 4
    tables = {
        "relapse_rates": relapse_rates(
            NORTH,
            SOUTH,
            choice,
            **{"untreated__postpartum_year": {"relapses": untreated, "women_with_relapse": untreated}},
            **{"treated__postpartum_year": {"relapses": 36, "women_with_relapse": 36}},
        ),
        "identifiability": identifiability(NORTH, SOUTH, choice, treated={"middle": 20}),
        "rate_ratios": table(
            "rate_ratios",
            [
                ratio(analysis="adjusted", period="postpartum_year", adjusted_for="site", is_primary=True)
                | {"contrast": "untreated/treated"}
                | {"relapses": 10, "relapses_numerator": 4, "relapses_denominator": 6}
                | {"women_with_relapse_numerator": 4, "women_with_relapse_denominator": 6}
            ],
        ),
    }

    def by_choice(released: Tables) -> float:
        of = [of_rates(released, who, "postpartum_year") for who in ("untreated", "south")]
        return known(of[0] - of[1], cell(released["rate_ratios"], "relapses_numerator", analysis="adjusted"))

    assert_guarded("parts", tables, by_choice, 4)


def test_without_levels() -> None:
    """All treated women less those of the other levels."""
    rows = [
        *described("pregnancies", ___n=by_arm(40, 45)),
        *described("women", ___n=by_arm(40, 45)),
        *described(
            "dmt_before",
            none__n=by_arm(20, 25),
            platform__n=by_arm(17, 12),
            high__n=by_arm(3, 8),
            ___missing=by_arm(0, 0),
        ),
    ]

    def women(released: Tables) -> float:
        of = released["baseline"].query("arm == 'treated' and variable == 'dmt_before'")
        shown = of.set_index("level")["value"]
        return known(shown["high"], 40 - shown["none"] - shown["platform"])

    assert_guarded("levels", {"baseline": table("baseline", rows)}, women, 3)


def test_without_levels__of_a_hidden_number() -> None:
    """Five pregnancies without a value, of 2 to 5 women: of each arm one at least, nobody being in both."""
    rows = [
        *described("pregnancies", ___n=by_arm(40, 45)),
        *described("women", ___n=by_arm(40, 45)),
        *described("visits_post_year", ___n=by_arm(38, 42), ___missing=by_arm(2, 3)),
    ]

    def fewer_than_told(released: Tables) -> float:
        return cell(
            released["baseline"], "value", variable="visits_post_year", statistic="missing", arm="all"
        )

    assert_guarded("levels", {"baseline": table("baseline", rows)}, fewer_than_told, 5)


def test_without_described() -> None:
    """A mean of 0.06 relapses in 50 pregnancies is 3 of them."""
    north, south = (Site(site.name, site.policy, site.relapses, women=50) for site in (NORTH, SOUTH))
    rows = [
        *described("women", ___n=by_arm(50, 50)),
        *described("relapses_pre_year", ___n=by_arm(50, 50), ___mean=by_arm(3 / 50, 12 / 50, 15 / 100)),
    ]
    tables = {
        "relapse_rates": relapse_rates(with_counts(north, pre_pregnancy_year=3), south),
        "baseline": table("baseline", rows),
    }

    def relapses(released: Tables) -> float:
        shown = released["baseline"][released["baseline"]["variable"] == "relapses_pre_year"]
        sums = {
            arm: np.prod([cell(shown, "value", statistic=name, arm=arm) for name in ("mean", "n")])
            for arm in by_arm(0, 0)
        }
        return known(sums["treated"], sums["all"] - sums["untreated"])

    assert_guarded("described", tables, relapses, 3)


def test_without_predictors() -> None:
    """All relapses less those of the other level and of the reference."""
    rows = [
        {"model": "univariable", "predictor": "dmt_before", "level": level, "reference": "none"}
        | {"rate_ratio": 1.2, "pregnancies": 80, "women": 80, "relapses": 40, "women_with_relapse": 40}
        | {"relapses_level": number, "women_with_relapse_level": number}
        | {"relapses_reference": 20, "women_with_relapse_reference": 20, "status": "ok"}
        for level, number in (("platform", 17), ("high", 3))
    ]

    def relapses(released: Tables) -> float:
        of = released["predictors"].set_index("level")
        other = of.loc["platform"]
        rest = other["relapses"] - other["relapses_level"] - other["relapses_reference"]
        return known(of.loc["high", "relapses_level"], rest)

    assert_guarded("predictors", {"predictors": table("predictors", rows)}, relapses, 3)


def test_without_regimens() -> None:
    """All treated less those with another regimen."""
    sizes = {"all": 40, "1x6": 22, "1x3": 15, "other": 3, "none recorded": 0, "before delivery": 0}
    rows = [
        {"regimen": regimen, "pregnancies": size, "women": size, "infusions": 3 * size, "grams_mean": 60.0}
        | {"status": "ok"}
        for regimen, size in sizes.items()
    ]

    def women(released: Tables) -> float:
        of = released["doses"].set_index("regimen")["women"]
        return known(of["other"], of["all"] - of["1x6"] - of["1x3"])

    assert_guarded("regimens", {"doses": table("doses", rows)}, women, 3)


def test_without_events() -> None:
    """All women with a rash less those of the other arm."""
    rows = [
        {"arm": arm, "term": term, "women": size, "pregnancies": size, "with_event": number, "status": "ok"}
        | {"women_with_event": number, "percent": 100 * number / size, "serious": 0, "women_with_serious": 0}
        for term, numbers in (("any", by_arm(16, 20)), ("rash", by_arm(3, 9)))
        for (arm, size), number in zip(by_arm(40, 45).items(), numbers.values(), strict=True)
    ]

    def women(released: Tables) -> float:
        of = {arm: cell(released["safety"], "with_event", term="rash", arm=arm) for arm in by_arm(0, 0)}
        return known(of["treated"], of["all"] - of["untreated"])

    assert_guarded("events", {"safety": table("safety", rows)}, women, 3)


def check(site: str, checked: int, failed: int, of: str = "pregnancies") -> dict:
    labels = {"table": of, "column": "edss_before", "check": "not_missing", "status": "pass"}
    return {
        "site": site,
        **labels,
        "category": "completeness",
        "rows_checked": checked,
        "rows_failed": failed,
    }


def test_without_checks() -> None:
    """All without a value less those of the other site."""
    rows = [
        *described("women", ___n=by_arm(40, 40)),
        *described("edss_before", ___n=by_arm(37, 31), ___missing=by_arm(3, 9)),
    ]
    tables = {
        "data_quality": table("data_quality", [check("north", 40, 3), check("south", 40, 9)]),
        "baseline": table("baseline", rows),
    }

    def missing(released: Tables) -> float:
        of = released["data_quality"].set_index("site")["rows_failed"]
        everywhere = cell(released["baseline"], "value", statistic="missing", arm="all")
        return known(of["north"], everywhere - of["south"])

    assert_guarded("checks", tables, missing, 3)


def test_without_checks__of_rows_set_aside() -> None:
    """Of the rows checked three are not among the accepted."""
    tables = {
        "data_quality": table("data_quality", [check("north", 43, 0), check("south", 40, 0)]),
        "attrition": attrition(NORTH, SOUTH),
    }
    assert_guarded(
        "checks", tables, lambda out: cell(out["data_quality"], "rows_checked", site="north") - 40, 3
    )


def test_without_rows() -> None:
    """A site's rows of relapses less those of the other periods are those of the year."""
    north = with_counts(NORTH, **dict(zip(QUARTERS, (3, 0, 0, 0), strict=True)))
    tables = {
        "relapse_rates": relapse_rates(north, SOUTH),
        "data_quality": table("data_quality", [check("north", sum(north.relapses), 0, of="relapses")]),
    }

    def year(released: Tables) -> float:
        others = [of_rates(released, "north", period) for period in ("pre_pregnancy_year", "pregnancy")]
        rest = cell(released["data_quality"], "rows_checked") - sum(others)
        return known(treated_relapses(released, "postpartum_year"), rest)

    assert_guarded("rows", tables, year, 3)


def test_without_at_risk() -> None:
    """All who are still at risk less those of the other arm."""
    lost = {("treated", 365): 3, ("all", 365): 3 + 32}

    def left(released: Tables) -> float:
        of = {arm: cell(released["relapse_free"], "at_risk", arm=arm, day=365) for arm in by_arm(0, 0)}
        return known(of["treated"], of["all"] - of["untreated"])

    tables = {"relapse_free": curve((6, 12, 18, 24), (7, 14, 21, 28), at_risk=lost)}
    assert_guarded("at_risk", tables, left, 3)


DOMINATED = {"relapses": 12, "women_with_relapse": 5, "relapses_most": 8}


def test_without_arms() -> None:
    """One woman has eight of the twelve relapses; the model says that there are twelve."""
    changes = {f"{who}__postpartum_year": DOMINATED for who in ("treated", "north")}
    north = with_counts(NORTH, **dict(zip(QUARTERS, (6, 0, 6, 0), strict=True)))
    tables = {
        "relapse_rates": relapse_rates(north, SOUTH, **changes),
        "rate_ratios": primary(
            relapses=46, relapses_denominator=12, women_with_relapse_denominator=5, relapses_numerator=34
        ),
    }

    def others(released: Tables) -> float:
        row = released["rate_ratios"].iloc[0]
        return known(row["relapses_denominator"], row["relapses"] - row["relapses_numerator"]) - 8

    assert_guarded("arms", tables, others, 4)


def test_without_arms__registry_among_the_studies() -> None:
    """One woman has eight of the twelve relapses of six months; the registry enters with twelve."""
    changes = {f"{who}__postpartum_6_months": DOMINATED for who in ("treated", "north")}
    north = with_counts(NORTH, postpartum_q1=6, postpartum_q2=6)
    row = {"study": "This registry", "measure": "IRR", "registry": True, "window": "0-6 months"}
    row |= {"women": 80, "smallest_count": 12}
    tables = {
        "relapse_rates": relapse_rates(north, SOUTH, **changes),
        "evidence_studies": table("evidence_studies", [row | {"treated_events": 12, "control_events": 19}]),
    }
    assert_guarded("arms", tables, lambda out: cell(out["evidence_studies"], "treated_events") - 8, 4)


def test_without_terms() -> None:
    """The terms of two trimesters say what is left of the pregnancy for the third."""
    north = with_counts(NORTH, trimester_1=3)
    counts = north.counts()
    rows = [
        {"term": f"{period}/pre_pregnancy_year in treated", "status": "ok", "pregnancies": 40, "women": 40}
        | {"relapses": counts[period] + counts["pre_pregnancy_year"], "rate_ratio": 1.1}
        | {"relapses_smallest_cell": counts[period], "women_with_relapse_smallest_cell": counts[period]}
        for period in ("pregnancy", "trimester_2", "trimester_3")
    ]
    tables = {"relapse_rates": relapse_rates(north, SOUTH), "longitudinal": table("longitudinal", rows)}

    def first(released: Tables) -> float:
        of = released["longitudinal"].set_index("term")["relapses"]
        before = of_rates(released, "treated", "pre_pregnancy_year")
        later = [of[f"trimester_{number}/pre_pregnancy_year in treated"] - before for number in (2, 3)]
        return of_rates(released, "treated", "pregnancy") - sum(later)

    assert_guarded("terms", tables, first, 3)


def test_without_sites() -> None:
    """The relapses of the treated less those of the other site that treats."""
    few = dict(zip(QUARTERS, (3, 0, 0, 0), strict=True))
    sites = [with_counts(Site("east", "all", NORTH.relapses), **few), NORTH, SOUTH]
    rows = [
        {"kind": "site", "site": site.name, "policy": site.policy, "pregnancies": 40, "women": 40}
        | {"relapses": year, "women_with_relapse": year, "relapses_most": 1, "person_years": 40.0}
        | {"rate": year / 40, "status": "ok"}
        for site, year in ((site, site.counts()["postpartum_year"]) for site in sites)
    ]
    tables = {
        "relapse_rates": relapse_rates(*sites),
        "identifiability": identifiability(*sites),
        "rate_ratios": primary(
            **{"pregnancies": 120, "women": 120, "women_denominator": 80},
            **{"relapses": 67, "relapses_denominator": 33, "women_with_relapse_denominator": 33},
        ),
        "sites": table("sites", rows),
    }

    def relapses(released: Tables) -> float:
        other = cell(released["sites"], "relapses", site="north")
        return of_rates(released, "treated", "postpartum_year") - other

    assert_guarded("sites", tables, relapses, 3)


def test_without_apart() -> None:
    """A scenario leaves out six pregnancies with three relapses."""
    fewer = ratio(pregnancies=74, women=74, women_numerator=34, relapses=61, relapses_numerator=31)
    tables = {
        "relapse_rates": relapse_rates(NORTH, SOUTH),
        "sensitivity": table("sensitivity", [{"scenario": "primary"} | ratio(), {"scenario": "new"} | fewer]),
    }

    def left_out(released: Tables) -> float:
        of = released["sensitivity"].set_index("scenario")
        found = {"all": "relapses", "untreated": "relapses_numerator"}
        return known(
            *(
                of_rates(released, arm, "postpartum_year") - of.loc["new", column]
                for arm, column in found.items()
            )
        )

    assert_guarded("apart", tables, left_out, 3)
