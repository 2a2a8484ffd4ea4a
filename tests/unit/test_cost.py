"""Cost per relapse avoided: each expected amount is a product that stands beside it."""

import numpy as np
import pandas as pd
import pytest
from gravida.report.display import table_html
from gravida.report.sections.cost_and_safety import COST, cost_per_relapse, money, scenario
from gravida.statistics.cost import CostPlan, PrintedCost, estimate_cost
from gravida.tables import read_table, write_table

PLAN = CostPlan(per_gram=100.0, grams_per_course=60.0, administration_per_course=0.0, currency="USD", day=182)
FREE = CostPlan(per_gram=0.0, grams_per_course=60.0, administration_per_course=0.0, currency="USD", day=182)
DEAR = CostPlan(
    per_gram=100.0, grams_per_course=60.0, administration_per_course=1500.0, currency="EUR", day=182
)
REVIEW = PrintedCost("review", 5.8, 15000.0, "a journal")
AMOUNTS = ["nnt", "cost_per_relapse_avoided", "lower", "upper"]


def differences(numbers: tuple = (0.1, 0.02, 0.18), **more) -> pd.DataFrame:
    """Return risk differences (difference, lower, upper) at day 182, beside one at day 365."""
    row = {"day": 182, "women": 100, "relapsed_treated": 10, "relapsed_untreated": 20, "status": "ok"}
    row |= {"women_relapsed_treated": 9, "women_relapsed_untreated": 17}
    row |= dict(zip(("risk_difference", "lower", "upper"), numbers, strict=True)) | {"reason": ""}
    other = row | {"day": 365, "risk_difference": 0.5, "lower": 0.4, "upper": 0.6}
    return pd.DataFrame([other, row | more])


def doses(**more) -> pd.DataFrame:
    row = {"regimen": "all", "women": 41, "grams_mean": 52.5, "status": "ok", "reason": ""}
    return pd.DataFrame([row | more, row | {"regimen": "1x6", "grams_mean": 60.0}])


def pools(numbers: tuple = (-0.2, -0.35, -0.05), **more) -> pd.DataFrame:
    """Return a pooled risk difference, treated less untreated, among pools that are not meant."""
    row = {
        "analysis": "main",
        "measure": "RD",
        "method": "mantel_haenszel",
        "interval": "wald",
        "zero_cells": "none",
        **dict(zip(("estimate", "lower", "upper"), numbers, strict=True)),
        "status": "ok",
        "reason": "",
    }
    others = [("analysis", "all"), ("measure", "OR"), ("method", "reml"), ("interval", "hartung_knapp")]
    others += [("zero_cells", "half")]
    wrong = [row | {name: value, "estimate": -0.9, "lower": -0.95} for name, value in others]
    return pd.DataFrame([*wrong, row | more])


def estimate(plan=PLAN, numbers=(0.1, 0.02, 0.18), given=None, pooled=None, printed=(REVIEW,)):
    risk = numbers if isinstance(numbers, pd.DataFrame) else differences(numbers)
    pooled = pools() if pooled is None else pooled
    table = estimate_cost(plan, risk, doses() if given is None else given, pooled, printed)
    return table.set_index("scenario")


def test_scenarios_are_those_of_the_plan() -> None:
    assert estimate().index.tolist() == [
        *("plan", "with_administration", "doses_given"),
        *("published_price:review", "published:review", "published_evidence"),
    ]
    contract = "grams price_per_gram cost_per_course nnt cost_per_relapse_avoided lower upper form"
    assert set(contract.split()) < set(estimate().columns)


@pytest.mark.parametrize(
    ("numbers", "answer", "form"),
    [
        # 60 g x 100 = 6,000 times 1/0.1, 1/0.18, 1/0.02.
        ((0.1, 0.02, 0.18), (10, 60000, 6000 / 0.18, 300000), "benefit"),
        # The limits cover 0: from 6,000/0.14 through infinity to 6,000/-0.04.
        ((0.05, -0.04, 0.14), (20, 120000, 6000 / 0.14, -150000), "both"),
        ((-0.05, -0.14, 0.04), (-20, -120000, 150000, -6000 / 0.14), "both"),
        ((-0.1, -0.18, -0.02), (-10, -60000, -300000, -6000 / 0.18), "harm"),
        # No difference, or a limit at none, is infinite: empty.
        ((0.0, -0.05, 0.05), (None, None, 120000, -120000), "both"),
        ((0.05, 0.0, 0.1), (20, 120000, 60000, None), "both"),
    ],
)
def test_planned_course(numbers: tuple, answer: tuple, form: str) -> None:
    found = estimate(numbers=numbers).loc["plan"]
    expected = [np.nan if number is None else number for number in answer]
    # One inverse and one product in double precision.
    assert found[AMOUNTS].astype(float).tolist() == pytest.approx(expected, rel=1e-14, nan_ok=True)
    assert found["form"] == form and found["status"] == "ok"
    assert found[["grams", "price_per_gram", "cost_per_course", "currency"]].tolist() == [
        60,
        100,
        6000,
        "USD",
    ]
    assert found[["women", "relapsed_treated", "relapsed_untreated"]].tolist() == [100, 10, 20]
    assert found[["women_relapsed_treated", "women_relapsed_untreated"]].tolist() == [9, 17]


def test_the_day_of_the_plan_is_used() -> None:
    later = CostPlan(100.0, 60.0, 0.0, "USD", 365)
    # At day 365 the difference is 0.5.
    assert estimate(later).loc["plan", "cost_per_relapse_avoided"] == pytest.approx(12000)
    missing = estimate(CostPlan(100.0, 60.0, 0.0, "USD", 91)).loc["plan"]
    assert missing[["status", "reason"]].tolist() == [
        "not_estimable",
        "there is no risk difference at day 91",
    ]


def test_administration_is_added() -> None:
    dear = estimate(DEAR)
    # (6,000 + 1,500) x 10
    assert dear.loc["with_administration", ["cost_per_course", "cost_per_relapse_avoided"]].tolist() == [
        7500,
        pytest.approx(75000),
    ]
    assert dear.loc["plan", "cost_per_course"] == 6000
    assert dear.loc["with_administration", ["currency", "reason"]].tolist() == ["EUR", ""]
    plain = estimate().loc["with_administration"]
    assert plain[["cost_per_course", "reason"]].tolist() == [6000, "administration is configured as 0"]


def test_doses_given() -> None:
    found = estimate().loc["doses_given"]
    # 52.5 g x 100 x 10
    assert found[["grams", "cost_per_course", "women_dosed"]].tolist() == [52.5, 5250, 41]
    assert found["cost_per_relapse_avoided"] == pytest.approx(52500)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (
            doses(status="not_estimable", reason="no site sent infusions", grams_mean=None),
            "no site sent infusions",
        ),
        (doses().iloc[1:], "no infusions are recorded"),
    ],
)
def test_doses_that_nobody_recorded(given: pd.DataFrame, reason: str) -> None:
    found = estimate(given=given).loc["doses_given"]
    assert found[["status", "reason"]].tolist() == ["not_estimable", reason]
    assert found[["grams", "cost_per_course", *AMOUNTS]].isna().all()


def test_published_prices() -> None:
    table = estimate()
    # The review's own 5.8 x 15,000 = 87,000.
    own = table.loc["published:review"]
    assert own["cost_per_relapse_avoided"] == pytest.approx(87000, rel=1e-14)
    assert own[["lower", "upper", "women", "grams"]].isna().all()
    assert own[["form", "currency", "source"]].tolist() == ["", "", "a journal"]
    # Its price with the registry's 10.
    price = table.loc["published_price:review"]
    assert price[["cost_per_relapse_avoided", "upper"]].tolist() == pytest.approx([150000, 750000])
    assert price["women"] == 100
    assert len(estimate(printed=())) == 4


def test_published_evidence_turns_the_sign() -> None:
    found = estimate().loc["published_evidence"]
    # 6,000 x 1/0.2, 1/0.35 and 1/0.05.
    assert found[AMOUNTS].tolist() == pytest.approx([5, 30000, 6000 / 0.35, 120000])
    assert found["form"] == "benefit" and pd.isna(found["women"])
    harm = estimate(pooled=pools((0.2, 0.05, 0.35))).loc["published_evidence"]
    assert harm[AMOUNTS].tolist() == pytest.approx([-5, -30000, -120000, -6000 / 0.35])
    assert harm["form"] == "harm"


@pytest.mark.parametrize(
    ("pooled", "status", "reason"),
    [
        (pd.DataFrame(), "not_estimable", "no risk difference of published studies is pooled"),
        (pools().iloc[:-1], "not_estimable", "no risk difference of published studies is pooled"),
        (pools((None,) * 3, status="not_converged", reason="why"), "not_converged", "why"),
    ],
)
def test_no_published_evidence(pooled: pd.DataFrame, status: str, reason: str) -> None:
    found = estimate(pooled=pooled).loc["published_evidence"]
    assert found[["status", "reason"]].tolist() == [status, reason]
    assert found[AMOUNTS].isna().all()


def test_a_number_needed_that_is_not_estimable() -> None:
    risk = differences((None, None, None), status="not_estimable", reason="there is no relapse up to day 182")
    table = estimate(numbers=risk)
    for name in ("plan", "with_administration", "doses_given", "published_price:review"):
        assert table.loc[name, "status"] == "not_estimable"
        assert table.loc[name, "reason"].endswith("there is no relapse up to day 182")
        assert table.loc[name, AMOUNTS].isna().all() and table.loc[name, "form"] == ""
    assert table.loc["plan", "cost_per_course"] == 6000, "what the plan fixes is known"
    assert table.loc["published:review", "status"] == "ok"


def test_a_course_for_nothing() -> None:
    found = estimate(FREE, (-0.05, -0.14, 0.04)).loc["plan"]
    amounts = found[["cost_per_course", *AMOUNTS[1:]]].astype(float)
    assert amounts.tolist() == [0, 0, 0, 0]
    assert not np.signbit(amounts).any()


def test_tables_that_were_written_and_read(tmp_path) -> None:
    # A column of reasons without a word comes back as missing numbers.
    read = []
    for name, table in (("risk", differences()), ("doses", doses()), ("pooled", pools())):
        write_table(tmp_path / name, table)
        read.append(read_table(tmp_path / name))
    table = estimate_cost(PLAN, *read, [REVIEW])
    pd.testing.assert_frame_equal(table.set_index("scenario"), estimate())
    write_table(tmp_path / "cost", table)


@pytest.mark.parametrize(
    ("plan", "numbers", "printed"),
    [
        (PLAN, (0.1, 0.02, 0.18), "USD 60,000 (USD 33,333 to USD 300,000)"),
        (PLAN, (0.05, -0.04, 0.14), "USD 120,000 (USD 42,857 to infinity, then dominated)"),
        (PLAN, (0.05, 0.0, 0.1), "USD 120,000 (USD 60,000 to infinity)"),
        (PLAN, (0.0, -0.05, 0.05), "no finite cost (at best USD 120,000)"),
        (PLAN, (-0.05, -0.14, 0.04), "dominated: dearer and more relapses (at best USD 150,000)"),
        (PLAN, (-0.05, -0.14, 0.0), "dominated: dearer and more relapses"),
        (PLAN, (-0.1, -0.18, -0.02), "dominated: dearer and more relapses"),
        (FREE, (-0.1, -0.18, -0.02), "more relapses, at no cost"),
        (FREE, (0.05, -0.04, 0.14), "USD 0 (USD 0 to infinity, then more relapses)"),
    ],
)
def test_cost_in_words(plan: CostPlan, numbers: tuple, printed: str) -> None:
    assert cost_per_relapse(estimate(plan, numbers).loc["plan"]) == printed


def test_section() -> None:
    table = estimate(pooled=pd.DataFrame()).reset_index().assign(suppressed=False)
    shown = COST.show(table)
    frame = shown.frame.set_index("Scenario")
    assert frame.index.tolist() == [
        "Planned course",
        "Planned course with administration",
        "Grams actually given",
        "Price as in Review",
        "As printed in Review",
        "Planned course, published evidence",
    ]
    assert frame.loc["Planned course", "Price of a gram"] == "USD 100"
    assert frame.loc["Planned course", "Needed to treat"] == "NNTB 10.0"
    printed = frame.loc["As printed in Review"]
    assert printed["Cost per relapse avoided (limits)"] == "87,000 (no limits)"
    assert printed[["Grams", "Women", "Source"]].tolist() == ["–", "–", "a journal"]
    assert frame.iloc[-1]["Cost per relapse avoided (limits)"] == "–"
    assert frame.iloc[-1]["Note"].startswith("not estimable: no risk difference")
    assert "<caption>" in table_html(shown, "cost", COST.caption, COST.notes)
    harm = COST.show(estimate(numbers=(-0.1, -0.18, -0.02)).reset_index().assign(suppressed=False)).frame
    assert harm["Needed to treat"].iloc[0] == "NNTH 10.0"


def test_withheld_cost_is_said_to_be() -> None:
    table = estimate().reset_index()
    hidden = table.assign(**dict.fromkeys([*AMOUNTS, "form", "relapsed_treated"], np.nan), suppressed=True)
    first = COST.show(hidden).frame.iloc[0]
    assert first["Cost per relapse avoided (limits)"] == first["Needed to treat"] == "withheld"
    assert first["Relapsed, treated / untreated"] == "withheld / 20"


def test_amounts_and_names() -> None:
    assert money(1234567.4, "EUR") == "EUR 1,234,567"
    assert money(95.5, "EUR", 2) == "EUR 95.50"
    assert money(87000.0, "") == "87,000"
    assert scenario("published_price:rosa_2018") == "Price as in Rosa 2018"
