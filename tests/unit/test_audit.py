"""Printed claims: what rounding leaves, what numbers imply of one another, the shipped verdicts."""

import math
from pathlib import Path

import pandas as pd
import pytest
from gravida.errors import ConfigurationError
from gravida.evidence.audit import audit_claims
from gravida.evidence.claims import read_number
from gravida.evidence.sheet import check_claims, check_studies
from gravida.tables import read_cells
from hypothesis import given
from hypothesis import strategies as st

EVIDENCE = Path(__file__).resolve().parents[2] / "resources/evidence"
KEYS = ("rosa_2018", "OR", "mantel_haenszel", "wald", "half_in_pool")
KEY_NAMES = ("analysis", "measure", "method", "interval", "zero_cells")
POOL = "; ".join(f"{name}={key}" for name, key in zip(KEY_NAMES, KEYS, strict=True)) + "; column="
STUDIES = check_studies(
    pd.DataFrame(
        {
            "study": ["One", "Two", "Three"],
            "year": ["1999", "2004", "2008"],
            "treated_n": ["14", "41", "14"],
            "control_n": ["1", "39", ""],
            "control_type": ["same_women", "concurrent", "concurrent"],
            "events_counted": ["", "pregnancies", "relapses"],
            "review": ["a;b", "b", ""],
            "source": ["P", "P", "P"],
        }
    )
)


def claims(*rows: tuple[str, str, str]) -> pd.DataFrame:
    columns = ["check", "printed", "inputs"]
    words = {"study": "S", "claim": "C", "source": "P", "note": ""}
    return pd.DataFrame(list(rows), columns=columns).assign(**words)


def audit(check: str, printed: str, inputs: str, studies: pd.DataFrame = STUDIES) -> pd.Series:
    return audit_claims(claims((check, printed, inputs)), studies).iloc[0]


@pytest.mark.parametrize(
    ("text", "value", "lower", "upper"),
    [
        ("0.32", 0.32, 0.315, 0.325),
        (".033", 0.033, 0.0325, 0.0335),
        ("6.30", 6.3, 6.295, 6.305),
        ("20%", 20, 19.5, 20.5),
        ("87,000", 87000, 86999.5, 87000.5),
        ("-1.5", -1.5, -1.55, -1.45),
        ("65/132", 65 / 132, 65 / 132, 65 / 132),
        ("<0.001", 0.001, -math.inf, 0.001),
        (">4", 4, 4, math.inf),
    ],
)
def test_a_printed_number_stands_for_half_a_unit_either_side(
    text: str, value: float, lower: float, upper: float
) -> None:
    number = read_number(text)
    assert (number.value, number.lower, number.upper) == (value, lower, upper)


@pytest.mark.parametrize("text", ["", "about 3", "0,32", "1.2.3", "-", ".", "3/0", "1 2", "%"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError):
        read_number(text)


# A ratio of 2 whose logarithm has a standard error of 0.5: limits 2 exp(-+z 0.5), z 1.959964 for 95% and
# 1.644854 for 90%, and p = erfc(z / sqrt(2)) at z = log(2) / 0.5 = 1.386294.
LOW, HIGH = (f"{2 * math.exp(sign * 1.959963985 * 0.5):.6f}" for sign in (-1, 1))
LOW_90, HIGH_90 = (f"{2 * math.exp(sign * 1.644853627 * 0.5):.6f}" for sign in (-1, 1))
P = math.erfc(2 * math.log(2) / math.sqrt(2))
CLOSED_FORMS = [
    ("p_from_limits", f"{P:.3f}", f"estimate=2.000000; lower={LOW}; upper={HIGH}", P, 1e-6),
    ("p_from_limits", f"{P:.3f}", f"lower={LOW}; upper={HIGH}", P, 1e-6),
    ("p_from_limits", f"{P:.3f}", f"lower={LOW_90}; upper={HIGH_90}; confidence=0.9", P, 1e-6),
    ("lower_limit_from_p", f"{float(LOW):.2f}", f"estimate=2.000000; p={P:.9f}", float(LOW), 1e-6),
    ("upper_limit_from_p", f"{float(HIGH):.2f}", f"estimate=2.000000; p={P:.9f}", float(HIGH), 1e-6),
    # sqrt(0.5 x 8) = 2.
    ("estimate_from_limits", "2", "lower=0.5; upper=8.0", 2, 1e-12),
    # 100 (8 - 3) / 8 = 62.5; Q below df gives 0.
    ("i2_from_q", "62.5", "q=8; df=3", 62.5, 1e-12),
    ("i2_from_q", "0", "q=2.5; df=3", 0, 1e-12),
    # With 2 df the tail of the chi-square is exp(-Q / 2): exp(-1) = 0.367879.
    ("p_from_q", "0.37", "q=2; df=2", 0.367879, 1e-6),
    ("studies_from_q_and_p", "3", "q=2; p=0.37", 3, 0),
    # 1 / (8/20 - 3/20) = 4.
    ("nnt_from_counts", "4", "treated_events=3; treated_n=20; control_events=8; control_n=20", 4, 1e-12),
    # Odds 1 x 0.25 = 0.25 are a risk of 0.2: 1 / (0.5 - 0.2) = 3.333.
    ("nnt_from_odds_ratio", "3.3", "odds_ratio=0.25; control_risk=0.5", 10 / 3, 1e-12),
    ("nnt_from_odds_ratio", "3.3", "odds_ratio=0.25; control_events=7; control_n=14", 10 / 3, 1e-12),
    ("cost_per_relapse_avoided", "87,000", "nnt=5.8; cost_per_course=15,000", 87000, 1e-9),
    ("rate_ratio", "1.41", "numerator=0.38; denominator=0.27", 38 / 27, 1e-12),
    ("percent_from_counts", "37.5%", "events=3; total=8", 37.5, 1e-12),
    # 29/131 = 22.137%.
    ("events_from_percent", "22.1", "total=131", 2900 / 131, 1e-12),
    # 13 relapses in 39 quarters of a year are 13 / 9.75 = 1.333 a year.
    ("rate_from_events", "1.33", "total=39; years=0.25", 4 / 3, 1e-12),
    # Relapses 1, 1, 0, 0 in half a year each: rates 2, 2, 0, 0; SD sqrt(4 / 3).
    ("sd_of_rate", "1.15", "events=2; total=4; years=0.5", math.sqrt(4 / 3), 1e-12),
    ("sum", "108", "a=39; b=41; c=28", 108, 0),
    ("same_number", "0.39", "other=0.386", 0.386, 0),
    # Rows Two and One were pooled by b: 41 + 14.
    ("total", "55", "review=b; column=treated_n", 55, 0),
]


@pytest.mark.parametrize(("check", "printed", "inputs", "implied", "tolerance"), CLOSED_FORMS)
def test_closed_forms(check: str, printed: str, inputs: str, implied: float, tolerance: float) -> None:
    row = audit(check, printed, inputs)
    # The inputs of some are rounded to six decimals, so their answers are as good as that.
    assert float(row["implied"]) == pytest.approx(implied, abs=tolerance, rel=0)
    # The implied number is text of 15 digits.
    assert row["implied_lower"] * (1 - 1e-14) <= float(row["implied"]) <= row["implied_upper"] * (1 + 1e-14)
    assert row["verdict"] == "agrees"
    # A printed number that is one tenth and one larger is another number.
    larger = float(printed.rstrip("%").replace(",", "")) * 1.1 + 1
    larger = f"{larger:.5f}" if "." in printed else str(round(larger))
    assert audit(check, larger, inputs)["verdict"] == "disagrees"


def test_the_control_risk_has_two_roots() -> None:
    # At a control risk of 1/2 an odds ratio of 1/4 gives 1/5: N = 1/0.3. The roots add up to 1 + 0.3.
    inputs = "nnt=3.3333333; odds_ratio=0.25"
    row = audit("control_risk_from_nnt_and_odds_ratio", "0.5", inputs)
    assert (row["implied"], row["verdict"]) == ("0.50 or 0.80", "agrees")
    assert math.isnan(row["implied_lower"])
    assert audit("control_risk_from_nnt_and_odds_ratio", "0.8", inputs)["verdict"] == "agrees"
    assert audit("control_risk_from_nnt_and_odds_ratio", "0.65", inputs)["verdict"] == "disagrees"
    # An odds ratio of 0.25 cannot give 2.95 (see below), one of 0.2 can; by 3.0 the roots may have met.
    met = audit("control_risk_from_nnt_and_odds_ratio", "0.65", "nnt=3.0; odds_ratio=0.2")
    assert (met["implied"], met["verdict"]) == ("0.50 or 0.83", "agrees")
    # The largest difference of an odds ratio of 1/4 is 1/3, at a control risk of 2/3.
    none = audit("control_risk_from_nnt_and_odds_ratio", "0.5", "nnt=2.0; odds_ratio=0.25")
    assert (none["implied"], none["verdict"]) == ("none", "disagrees")


def test_the_range_takes_in_a_turning_point() -> None:
    # An odds ratio of 1/4 needs fewest at a control risk of 2/3 (risk 1/3, so 3), between 0.65 and 0.75.
    row = audit("nnt_from_odds_ratio", "3.0", "odds_ratio=0.25000000; control_risk=0.7")
    assert row["implied_lower"] == pytest.approx(3, abs=1e-6)
    # A centre of the limits that may be 1 may have p = 1: 0.505 x 1.95 < 1 < 0.515 x 2.05.
    assert audit("p_from_limits", "1.00", "lower=0.51; upper=2.0")["implied_upper"] == 1


@pytest.mark.parametrize(
    ("check", "printed", "inputs", "verdict"),
    [
        # 1/8 = 12.5% may be printed 12 or 13.
        ("percent_from_counts", "12", "events=1; total=8", "agrees"),
        ("percent_from_counts", "13", "events=1; total=8", "agrees"),
        ("percent_from_counts", "12.4", "events=1; total=8", "disagrees"),
        # 57/200 = 28.5%: the same end in decimals, not in binary.
        ("percent_from_counts", "28", "events=57; total=200", "agrees"),
        # 0.385/0.265 = 1.4528 and 0.375/0.275 = 1.3636 are the farthest that rounding leaves.
        ("rate_ratio", "1.452", "numerator=0.38; denominator=0.27", "agrees"),
        ("rate_ratio", "1.454", "numerator=0.38; denominator=0.27", "disagrees"),
        ("rate_ratio", "1.364", "numerator=0.38; denominator=0.27", "agrees"),
        ("rate_ratio", "1.363", "numerator=0.38; denominator=0.27", "disagrees"),
        # sqrt(1.685 x 12.775) = 4.6396 and sqrt(1.695 x 12.785) = 4.6552 against 4.55 to 4.65.
        ("estimate_from_limits", "4.6", "lower=1.69; upper=12.78", "agrees"),
        ("estimate_from_limits", "4.60", "lower=1.69; upper=12.78", "disagrees"),
        # Intervals that touch hold two different numbers.
        ("same_number", "3", "other=4", "disagrees"),
        ("same_count", "3", "other=9", "disagrees"),
        ("same_count", "9", "other=9", "agrees"),
        ("same_number", "5", "other=4.7", "agrees"),
        ("same_number", "65/132", "other=0.49", "agrees"),
        # 6/67 = 8.955%: 8.9 if cut, 8.8 in no way.
        ("events_from_percent", "8.9", "total=67", "agrees"),
        ("events_from_percent", "8.8", "total=67", "disagrees"),
        # 1 / (26/100 - 10/100) = 6.25, which is rounded up; and as many times harm.
        (
            "nnt_from_counts",
            "7",
            "treated_events=10; treated_n=100; control_events=26; control_n=100",
            "agrees",
        ),
        (
            "nnt_from_counts",
            "8",
            "treated_events=10; treated_n=100; control_events=26; control_n=100",
            "disagrees",
        ),
        (
            "nnt_from_counts",
            "10",
            "treated_events=20; treated_n=100; control_events=10; control_n=100",
            "agrees",
        ),
        ("events_from_percent", "9.0", "total=67", "agrees"),
        # Tails beyond 3.74: 0.291 with 3 df, 0.442 with 4, 0.587 with 5.
        ("studies_from_q_and_p", "4", "q=3.74; p=0.29", "agrees"),
        ("studies_from_q_and_p", "6", "q=3.74; p=0.29", "disagrees"),
        ("studies_from_q_and_p", "4", "q=3.74; p=0.35", "disagrees"),
        # A tail of exp(-2.5 / 2) = 0.287 to exp(-1.5 / 2) = 0.472 with 2 df.
        ("studies_from_q_and_p", "3", "q=2; p=0.30", "agrees"),
        ("p_from_limits", "<0.01", "estimate=4.6; lower=1.69; upper=12.78", "agrees"),
        ("p_from_limits", ">0.01", "estimate=4.6; lower=1.69; upper=12.78", "disagrees"),
    ],
)
def test_rounding_decides(check: str, printed: str, inputs: str, verdict: str) -> None:
    assert audit(check, printed, inputs)["verdict"] == verdict


@pytest.mark.parametrize(
    ("check", "printed", "inputs", "named"),
    [
        ("p_from_q", "0.29", "q=3.74", "df"),
        ("p_from_q", "0.29", "q=; df=3", "q"),
        ("p_from_q", "", "q=3.74; df=3", "printed"),
        ("nnt_from_odds_ratio", "6.3", "odds_ratio=0.32; control_n=4", "control_risk"),
        ("sum", "4", "", "inputs"),
        ("sum", "4", "a=2; b=", "b"),
        ("total", "4", "review=z; column=treated_n", "review z"),
        ("total", "4", "review=a; column=control_type", "control_type of One"),
        ("pooled", "0.32", POOL + "estimate", "estimate of rosa_2018"),
        ("arm_size", "1", "row=Four; arm=control", "Four"),
        ("arm_size", "1", "row=Three; arm=control", "control_n of Three"),
        ("nnt_from_counts", "4", "treated_events=1; treated_n=2; control_events=2; control_n=4", "finite"),
        ("nnt_from_odds_ratio", "60", "odds_ratio=1.0; control_risk=0.5", "finite"),
        ("rate_ratio", "2", "numerator=0.3; denominator=0.0", "finite"),
        ("estimate_from_limits", "2", "lower=0.0; upper=8", "finite"),
    ],
)
def test_what_is_missing_cannot_be_checked(check: str, printed: str, inputs: str, named: str) -> None:
    row = audit(check, printed, inputs)
    assert row["verdict"] == "cannot be checked"
    assert named in row["note"]
    assert row["implied"] == "" and math.isnan(row["implied_lower"])


@pytest.mark.parametrize(
    ("check", "inputs", "implied", "verdict"),
    [
        ("arm_size", "row=One; arm=control", "1", "disagrees"),
        ("arm_size", "row=Two; arm=control", "39", "agrees"),
        ("arm_size", "row=One; arm=treated; year=1999", "14", "agrees"),
        ("selected_controls", "row=One", "same_women", "disagrees"),
        ("selected_controls", "row=Two", "concurrent", "agrees"),
        ("events_counted", "row=One", "women", "agrees"),
        ("events_counted", "row=Two", "pregnancies", "agrees"),
        ("events_counted", "row=Three", "relapses", "disagrees"),
    ],
)
def test_flags_go_by_the_sheet_of_studies(check: str, inputs: str, implied: str, verdict: str) -> None:
    row = audit(check, "as printed", inputs)
    assert (row["implied"], row["verdict"], row["note"] != "") == (implied, verdict, verdict == "disagrees")


def test_two_rows_of_one_name_need_their_year() -> None:
    twice = pd.concat([STUDIES, STUDIES.assign(year=STUDIES["year"] + 1.0)])
    assert audit("arm_size", "1", "row=One; arm=control", twice)["verdict"] == "cannot be checked"
    assert audit("arm_size", "1", "row=One; arm=control; year=2000", twice)["verdict"] == "disagrees"


@pytest.mark.parametrize(
    ("check", "printed", "inputs", "column"),
    [
        ("guess", "1", "", "check"),
        ("p_from_q", "0.29", "q=3.74; df=3; n=4", "inputs"),
        ("p_from_q", "0.29", "q=about 4; df=3", "inputs"),
        ("p_from_q", "0.29", "q=<4; df=3", "inputs"),
        ("p_from_q", "0.29", "q=3.74; df=2.5", "inputs"),
        ("p_from_q", "0.29", "q 3.74; df=3", "inputs"),
        ("p_from_q", "0.29", "q=3.74; q=3.75; df=3", "inputs"),
        ("p_from_q", "small", "q=3.74; df=3", "printed"),
        ("sum", "10.5", "a=4; b=6", "printed"),
        ("total", "4", "review=a; column=weight", "inputs"),
        ("pooled", "4", POOL + "weight", "inputs"),
        ("arm_size", "1", "row=One; arm=both", "inputs"),
        ("p_from_limits", "0.05", "lower=0.5; upper=2; confidence=95", "inputs"),
        ("i2_from_q", "0", "q=0; df=0", "inputs"),
    ],
)
def test_a_faulty_row_is_named_in_one_line(check: str, printed: str, inputs: str, column: str) -> None:
    with pytest.raises(ConfigurationError) as fault:
        audit(check, printed, inputs)
    line = fault.value.line()
    assert line.startswith(f"ConfigurationError: evidence.claims: study S, claim C, column {column}: ")
    assert "\n" not in line


def test_a_claim_cannot_ask_for_a_pool_that_holds_the_registry() -> None:
    """A user's sheet of claims is no way past the release gate."""
    asked = POOL.replace("rosa_2018", "with_registry") + "estimate"
    assert audit("pooled", "0.32", asked)["verdict"] == "cannot be checked"


def sheet() -> pd.DataFrame:
    return check_studies(read_cells(EVIDENCE / "studies.csv", "studies"))


@pytest.fixture(scope="module")
def shipped() -> pd.DataFrame:
    return audit_claims(check_claims(read_cells(EVIDENCE / "claims.csv", "claims")), sheet())


def test_the_review_is_reproduced(shipped: pd.DataFrame) -> None:
    """Printed 0.32 [0.15, 0.67] and Q 3.74, by RevMan; R's rma.mh gives 0.3185 (0.1515 to 0.6693), 3.738."""
    found = shipped[shipped["kind"] == "circular"]["implied"].astype(float).tolist()
    assert found[:4] == pytest.approx([0.3185, 0.1515, 0.6693, 3.738], abs=5e-4)
    assert found[4:] == [11, 72, 65, 132]


DISAGREE = {
    ("Rosa 2018", "number of studies pooled"): 4,
    # 1 / (65/132 - 11/72) = 2.944; 1 / (0.4924 - 0.2369) = 3.914.
    ("Rosa 2018", "number needed to treat, from the pooled counts"): 2.944,
    ("Rosa 2018", "number needed to treat, from the odds ratio at the crude control risk"): 3.914,
    ("Rosa 2018", "control risk behind the number needed to treat"): "0.26 or 0.90",
    ("Rosa 2018", "the untreated of Orvieto 1999 are a control group"): 1,
    ("Rosa 2018", "the untreated of Achiron 1996 are a control group"): "same_women",
    ("Rosa 2018", "the events of Hellwig 2008 are women with a relapse"): "relapses",
    ("Rosa 2018", "women treated in the pilot study of 1996"): 9,
    # log 4.6 / (log(12.78/1.69) / 3.92) = 2.957; p .033 is z 2.132, SE log 4.6 / 2.132 = 0.716.
    ("Achiron 2023", "p of the adjusted odds ratio"): 0.003,
    ("Achiron 2023", "lower limit of the adjusted odds ratio"): 1.131,
    ("Achiron 2023", "upper limit of the adjusted odds ratio"): 18.707,
}
UNCHECKED = {("Haas 2007", "percent free of relapse, higher dose")}


def test_verdicts_on_the_shipped_claims(shipped: pd.DataFrame) -> None:
    by_claim = shipped.set_index(["study", "claim"])
    assert by_claim.index.is_unique
    assert set(by_claim.index[by_claim["verdict"] == "disagrees"]) == set(DISAGREE)
    assert set(by_claim.index[by_claim["verdict"] == "cannot be checked"]) == UNCHECKED
    assert (by_claim["verdict"] == "agrees").sum() == len(by_claim) - len(DISAGREE) - len(UNCHECKED)
    for claim, implied in DISAGREE.items():
        found = by_claim.loc[claim, "implied"]
        expected = implied if isinstance(implied, str) else pytest.approx(implied, abs=0.0005)
        assert (found if isinstance(implied, str) else float(found)) == expected, claim


def test_what_rests_on_inferred_inputs_cannot_be_checked() -> None:
    row = claims(("percent_from_counts", "50", "events=1; total=8")).assign(inferred="events")
    (found,) = audit_claims(row, STUDIES).to_dict("records")
    assert (found["verdict"], found["implied"]) == ("cannot be checked", "12.5")
    assert "inferred numbers: events" in found["note"]


def test_pooled_claims_say_that_cells_were_made_to_fit(shipped: pd.DataFrame) -> None:
    pooled = shipped["kind"] == "circular"
    assert pooled.sum() == 8
    assert shipped.loc[pooled, "note"].str.contains("no independent confirmation").all()


def test_the_shipped_studies_keep_found_and_inferred_apart() -> None:
    studies = sheet()
    assert not studies.duplicated(["study", "year"]).any()
    for row in studies.to_dict("records"):
        named = {name for name in row["inferred"].split(";") if name}
        assert named <= set(studies.columns), row["study"]
        assert all(row[name] == row[name] and row[name] != "" for name in named), row["study"]
        assert ("robins_i" in named) == bool(row["robins_i"]), row["study"]
        assert row["source"] and row["note"]
        judged = dict(pair.split("=") for pair in row["robins_i"].split(";") if pair)
        order = ("low", "moderate", "serious", "critical")
        worst = max(judged.values(), key=order.index, default=None)
        assert judged.get("overall") == worst, row["study"]


def test_what_the_main_pool_can_use() -> None:
    studies = sheet()
    usable = studies["control_type"].isin(["randomized", "concurrent"]) & studies["exclude"].eq("")
    assert studies[usable & studies["treated_events"].notna()]["study"].tolist() == [
        "Achiron 2004",
        "Hellwig 2008",
    ]
    # Inverse of what is printed untreated over treated: 1.409 (0.764 to 2.598).
    row = studies.set_index("study").loc["Horvat Ledinek 2020"]
    assert [row["ratio"], row["ratio_lower"], row["ratio_upper"]] == pytest.approx(
        [1 / 1.409, 1 / 2.598, 1 / 0.764],
        abs=5e-7,  # kept with six decimals
    )


def printed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}"


# Counts of two arms of 20 to 200, with at least one event and one woman without.
ARMS = st.integers(20, 200).flatmap(lambda n: st.tuples(st.integers(1, n - 1), st.just(n)))


@given(treated=ARMS, control=ARMS, digits=st.integers(1, 5))
def test_a_rounded_true_number_always_agrees(
    treated: tuple[int, int], control: tuple[int, int], digits: int
) -> None:
    (a, n), (c, m) = treated, control
    ratio = a * (m - c) / (c * (n - a))
    error = math.sqrt(1 / a + 1 / (n - a) + 1 / c + 1 / (m - c))
    low, high = (ratio * math.exp(sign * 1.959963984540054 * error) for sign in (-1, 1))
    p = math.erfc(abs(math.log(ratio)) / error / math.sqrt(2))
    counts = f"treated_events={a}; treated_n={n}; control_events={c}; control_n={m}"
    shown = f"estimate={printed(ratio, digits)}; lower={printed(low, digits)}; upper={printed(high, digits)}"
    rows = [
        ("percent_from_counts", printed(100 * a / n, digits), f"events={a}; total={n}"),
        ("events_from_percent", printed(100 * c / m, max(1, digits)), f"total={m}"),
        ("rate_ratio", printed((a / n) / (c / m), 2), f"numerator={a / n:.4f}; denominator={c / m:.4f}"),
        ("p_from_limits", printed(p, digits), shown),
        ("estimate_from_limits", printed(ratio, digits), shown.partition("; ")[2]),
    ]
    if a * m != c * n:
        needed = 1 / (c / m - a / n)
        shown = f"odds_ratio={printed(ratio, digits)}; control_events={c}; control_n={m}"
        rows += [("nnt_from_counts", printed(needed, digits), counts)]
        rows += [("nnt_from_odds_ratio", printed(needed, digits), shown)]
    verdicts = audit_claims(claims(*rows), STUDIES)
    # Limits or a ratio printed as 0, and ratios printed as 1, give no finite answer; none is ever wrong.
    assert not (verdicts["verdict"] == "disagrees").any()
    assert (verdicts["verdict"].iloc[:2] == "agrees").all()
