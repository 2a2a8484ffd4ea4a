"""The tables of the report: numbers in the field's words, and words where there is no number."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from gravida.report.display import table_html
from gravida.report.html import ReportContent, render_report
from gravida.report.section import Section
from gravida.report.sections import SECTIONS
from gravida.report.sections.contrasts import show_rate_ratios, show_sensitivity
from gravida.report.sections.course import show_longitudinal
from gravida.report.sections.design import show_estimability
from gravida.report.sections.flow import show_data_quality
from gravida.report.sections.people import show_balance, show_baseline
from gravida.report.sections.precision import show_precision
from gravida.report.sections.predictors import show_predictability, show_predictors
from gravida.report.sections.rates import describe_rootogram, show_dispersion, show_rates, show_sites
from gravida.report.sections.survival import (
    needed_to_treat,
    show_relapse_free,
    show_risk_difference,
    show_time_to_relapse,
)
from report_frames import (
    BETWEEN,
    CONFIGURATION,
    NOTHING,
    OK,
    SAMPLING,
    SIZES,
    WITHIN,
    balance_table,
    baseline_table,
    dispersion_table,
    estimability_table,
    every_table,
    longitudinal_table,
    precision_table,
    predictability_table,
    predictor_table,
    rate_table,
    ratio,
    ratios,
    released,
    sensitivity_table,
    site_table,
    survival_tables,
)

from schemas.release import RELEASED

NAMES = [section.table for section in SECTIONS]


def section(name) -> Section:
    return next(section for section in SECTIONS if section.table == name)


def page(tables, verdict=WITHIN, figures=()):
    pictures = dict.fromkeys(figures, b"\x89PNG")
    needed = {"rate_ratios": ratios()} | tables
    return render_report(ReportContent(needed, verdict, pictures, CONFIGURATION, {}))


def section_of(text, name):
    return text[text.index(f'<h2 id="{name}">') :].partition("</section>")[0]


def cells_of(frame):
    return " | ".join(str(cell) for cell in frame.to_numpy().ravel())


def test_every_released_table_has_its_section_and_no_section_is_without_a_table():
    assert sorted(NAMES) == sorted(RELEASED)
    assert set(every_table()) == set(NAMES)


def test_the_study_flow_comes_first_and_the_checks_last():
    """Women, rates, design and contrast, course, predictors, time, sites, choices, evidence, cost."""
    assert NAMES[0] == "attrition" and NAMES[-2:] == ["changes", "data_quality"]
    order = ["attrition", "baseline", "relapse_rates", "identifiability", "estimability", "rate_ratios"]
    order += ["precision", "longitudinal", "predictors", "relapse_free", "time_to_relapse", "sites"]
    order += ["sensitivity", "evidence_studies", "cost", "safety", "changes", "data_quality"]
    assert [name for name in NAMES if name in order] == order
    assert len(NAMES) == len(set(NAMES)) == len(RELEASED)


@pytest.mark.parametrize("name", NAMES)
def test_a_table_is_shown_with_its_notes_and_without_nan(name):
    table = every_table()[name]
    shown = section(name).show(table).frame
    assert not re.search(r"\b(nan|None|inf)\b", cells_of(shown))
    assert shown.map(lambda cell: isinstance(cell, str)).all(axis=None)
    text = page({name: table}, BETWEEN)
    assert section(name).title.replace("'", "&#39;") in text
    for note in section(name).notes_for(table):
        assert note.partition("{ci}")[0][:40].replace("'", "&#x27;").replace("<", "&lt;") in text


@pytest.mark.parametrize("name", ["attrition", "relapse_rates"])
def test_of_many_sites_all_together_are_shown(name):
    table = every_table()[name]
    whole, single = table.assign(site="all", **({"group": "arm"} if "group" in table else {})), table

    def of_sites(number: int) -> pd.DataFrame:
        sites = [single.assign(site=f"centre_{site}") for site in range(number)]
        return pd.concat([whole, *sites], ignore_index=True)

    few, many = of_sites(30), of_sites(31)
    assert "centre_29" in cells_of(section(name).show(few).frame)
    shown = section(name).show(many).frame
    assert len(shown) and "centre_" not in cells_of(shown)
    said = "Of more than 30 sites only the rows of all together are printed"
    assert [said in section(name).notes_for(each)[-1] for each in (table, few, many)] == [False, False, True]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "rate_ratios"])
def test_an_empty_table_leaves_no_section(name):
    assert f'id="{name}"' not in page({name: every_table()[name].head(0)})


@pytest.mark.parametrize("name", [name for name in NAMES if name != "evidence_audit"])
def test_a_table_that_is_withheld_as_a_whole_says_so(name):
    """Labels are released as they are; every number is taken. Of the audit nothing is the registry's."""
    table = every_table()[name]
    kinds = {column: spec.metadata["sdc"] for column, spec in RELEASED[name].columns.items() if spec.metadata}
    numbers = [column for column in table if kinds.get(column, "label") != "label"]
    hidden = table.assign(**dict.fromkeys(numbers, np.nan), suppressed=True)
    if "reason" in hidden and "status" in hidden:
        hidden = hidden.assign(status="ok", reason="")
    shown = section(name).show(hidden).frame
    assert "withheld" in cells_of(shown)
    assert not re.search(r"\d\.\d", cells_of(shown.drop(columns="No use, or perfect", errors="ignore")))
    assert "rests on too few women to be shown" in page({name: hidden})


@pytest.mark.parametrize("name", [name for name in NAMES if "reason" in RELEASED[name].columns and name not in
                                  ("attrition", "baseline", "dispersion", "evidence_grade")])  # fmt: skip
@pytest.mark.parametrize("status", ["not_estimable", "not_converged"])
def test_a_row_without_an_answer_gives_its_reason(name, status):
    table = every_table()[name].head(1)
    kinds = {column: spec.metadata["sdc"] for column, spec in RELEASED[name].columns.items() if spec.metadata}
    numbers = [
        column for column in table if kinds.get(column) in ("estimate", "derived") and column != "reason"
    ]
    failed = table.assign(
        **dict.fromkeys(numbers, np.nan), status=status, reason="the moon was <full>", suppressed=False
    )
    text = page({name: failed}, BETWEEN)
    assert "the moon was &lt;full&gt;" in text
    if name != "estimability":
        assert f"{status.replace('_', ' ')}: the moon" in text


@pytest.mark.parametrize("name", [name for name in NAMES if section(name).contrast])
def test_every_contrast_between_sites_says_what_its_interval_holds(name):
    table = every_table()[name].assign(suppressed=False)
    if "reason" in table:
        table = table.assign(reason="")
    phrase = "the interval holds the sampling of women only"
    assert phrase in section_of(page({name: table}, BETWEEN), name)
    assert phrase not in section_of(page({name: table}, WITHIN), name)


def test_what_the_rows_say_of_their_intervals_is_not_said_again():
    told = section_of(page({"longitudinal": longitudinal_table()}, BETWEEN), "longitudinal")
    assert SAMPLING in told and "Between arms: arms cannot be told" not in told


def test_a_remark_of_several_rows_is_written_once_under_the_table():
    rows = [ratio(primary=number == 0, reason=SAMPLING) for number in range(3)]
    rows[2]["reason"] = f"a remark of its own; {SAMPLING}"
    shown = show_rate_ratios(pd.DataFrame(rows))
    assert list(shown.frame["Note"]) == ["a", "a", "a remark of its own; a"]
    assert shown.marks == (("a", SAMPLING),)
    assert f"a: {SAMPLING}." in table_html(shown, "key", "Caption", ())
    ended = table_html(replace(shown, marks=(("a", "It ends."),)), "key", "Caption", ())
    assert "a: It ends.</" in ended
    said = "the counts vary no more than a Poisson model allows"
    rows = [ratio(primary=not number, status="fallback", reason=f"{said}; {SAMPLING}") for number in range(3)]
    shown = show_rate_ratios(pd.DataFrame(rows))
    assert list(shown.frame["Note"]) == ["fallback; a, b"] * 3
    assert shown.marks == (("a", said), ("b", SAMPLING))
    rows = [ratio(NOTHING, primary=not number, status="not_estimable", reason=said) for number in range(3)]
    assert list(show_rate_ratios(pd.DataFrame(rows)).frame["Note"]) == ["not estimable; a"] * 3
    alone = show_rate_ratios(pd.DataFrame([ratio(reason=SAMPLING)]))
    assert (list(alone.frame["Note"]), alone.marks) == ([SAMPLING], ())


def test_baseline_is_pivoted_with_withheld_cells_in_words():
    frame = show_baseline(baseline_table()).frame.set_index(["Variable", "Statistic"])
    assert list(frame.columns) == ["Treated", "Untreated", "All", "SMD"]
    age = frame.loc["Age at delivery, years"]
    assert list(age.loc["Mean (SD)"]) == ["31.50 (4.00)", "31.90 (4.20)", "31.70 (4.10)", "0.10"]
    assert list(age.loc["Median [Q1, Q3]"]) == ["31 [28, 34]", "32 [29, 35]", "31.5 [28.5, 34.5]", ""]
    assert list(age.loc["Missing"]) == ["0", "1", "1", ""]
    assert list(frame.loc[("DMT before pregnancy", "High, n (%)")]) == [
        "7 (9.9)",
        "withheld",
        "10 (7.6)",
        "0.19",
    ]


def test_baseline_says_why_a_cell_is_empty():
    assert "Note" not in show_baseline(baseline_table()).frame
    table = baseline_table()
    order = table["statistic"].isin(["median", "q1", "q3"])
    level = table["statistic"].eq("smd") & table["level"].ne("")
    table["value"] = table["value"].mask(order | level)
    table["reason"] = table["reason"].mask(order, "needs rows").mask(level, "too few")
    frame = show_baseline(table).frame.set_index(["Variable", "Statistic"])
    age = frame.loc["Age at delivery, years"]
    assert list(age.loc["Median [Q1, Q3]"]) == ["–", "–", "–", "", "needs rows"]
    assert list(age.loc["Mean (SD)"])[-1] == ""
    assert list(frame.loc[("DMT before pregnancy", "High, n (%)")])[-2:] == ["–", "too few"]


def test_rates_show_withheld_rows_and_sites_in_whole_periods_only():
    frame = show_rates(rate_table()).frame
    hidden = frame[(frame["Group"] == "Untreated pregnancies") & (frame["Period"] == "Pregnancy")].iloc[0]
    assert set(hidden.drop(["Group", "Period"])) == {"withheld"}
    assert list(frame.loc[frame["Group"] == "Site north", "Period"]) == ["Year after delivery"]
    no_limits = frame[(frame["Group"] == "All pregnancies") & (frame["Period"] == "Pregnancy")].iloc[0]
    assert no_limits["Limits clustered by woman"] == "–"


def test_the_primary_row_is_marked_and_failures_carry_their_reason():
    failed = ratio(NOTHING, primary=False, status="not_estimable", reason="one arm only", alpha=np.nan)
    fallback = ratio(primary=False, status="fallback", reason="alpha is 0")
    shown = show_rate_ratios(pd.DataFrame([failed, ratio(), fallback]))
    assert shown.emphasis == (1,)
    assert list(shown.frame["Analysis"]) == ["Unadjusted", "Unadjusted (primary)", "Unadjusted"]
    assert list(shown.frame["Rate ratio (limits)"]) == ["–", *["1.409 (0.764 to 2.598)"] * 2]
    assert list(shown.frame["Note"]) == ["not estimable: one arm only", "", "fallback: alpha is 0"]


def test_data_quality_counts_all_checks_and_lists_those_that_found_something():
    columns = [
        "site",
        "table",
        "column",
        "check",
        "rows_checked",
        "rows_failed",
        "category",
        "status",
        "action",
    ]
    violated = ("plausibility", "pass_with_violations", "flagged")
    checks = pd.DataFrame(
        [
            ("north", "pregnancies", "edss_before", "range", 71, 0, "conformance", "pass", "none"),
            ("north", "pregnancies", "woman_id", "pattern", 71, 0, "conformance", "pass", "none"),
            ("north", "relapses", "onset_day", "window", 90, 7, *violated),
            ("north", "infusions", "day", "range", 9, np.nan, *violated),
        ],
        columns=columns,
    ).assign(suppressed=[False, False, False, True])
    frame = show_data_quality(checks).frame
    assert list(frame["Check"]) == ["4 checks", "relapses.onset_day: window", "infusions.day: range"]
    assert frame["Status"].iloc[0] == "2 passed, 2 passed with violations"
    assert list(frame["Rows failed"]) == ["", "7", "withheld"]


def test_standardised_rates_stand_beside_their_ratio():
    row = ratio(primary=False, analysis="g_computation") | {
        "rate_numerator": 0.3812,
        "rate_denominator": 0.27,
    }
    notes = list(show_rate_ratios(ratios(row)).frame["Note"])
    assert notes == ["", "standardised rates 0.38 untreated and 0.27 treated"]


def test_notes_are_printed_for_the_analyses_that_are_there():
    told = " ".join(section("rate_ratios").notes_for(ratios()))
    assert "Mid-p" not in told and "Jackknife" not in told and "weights" not in told
    more = [ratio(primary=False, analysis="exact_mid_p"), ratio(primary=False, covariance="jackknife")]
    told = " ".join(section("rate_ratios").notes_for(ratios(*more)))
    assert "Mid-p: as exact, with half" in told and "times (G-1)/G" in told


def test_estimability_answers_yes_or_no_with_its_reason():
    frame = show_estimability(estimability_table()).frame.set_index("Adjusted for")
    assert list(frame["Estimable"]) == ["yes", "no"]
    assert frame.loc["site", "Note"] == "the arms are the sites' policies"
    assert frame.loc["site", "Parameters / rank"] == "3 / 2"
    assert frame.loc["nothing", ["Sites with each arm", "Relapses in each arm"]].tolist() == [
        "1 / 1",
        "23 / 19",
    ]


def test_questions_are_answered_with_their_units():
    """As published: 1 - 1/2.598 = 61.5%, 1/0.764 - 1 = 30.9%, exp(2.8016 SE) = 2.40, 860 pregnancies."""
    frame = show_precision(precision_table()).frame.set_index("Question")["Answer"]
    assert frame["Reductions by treatment"] == "larger than 62%"
    assert frame["Increases by treatment"] == "larger than 31%"
    assert frame["Smallest detectable ratio"] == "2.396"
    assert frame["Pregnancies needed"] == "860 pregnancies"
    assert frame["Two one-sided tests against the margin"] == "p = 0.649"
    assert frame["Difference that explains the ratio away"] == "factor 1.41"
    assert frame["Range of the difference in differences"] == "1.100 to 1.700"


def test_an_interval_on_one_side_of_1_excludes_every_effect_of_the_other():
    """Limits 1.25 to 3.2: treated over untreated 0.3125 to 0.8, so no increase, and reductions of 20% on."""
    values = {"excluded_reduction": 1 - 1 / 3.2, "excluded_increase": 1 / 1.25 - 1}
    frame = show_precision(precision_table(**values)).frame.set_index("Question")["Answer"]
    assert frame["Reductions by treatment"] == "larger than 69%"
    assert frame["Increases by treatment"] == "every increase, and reductions below 20%"
    values = {"excluded_reduction": 1 - 1 / 0.8, "excluded_increase": 1 / 0.4 - 1}
    frame = show_precision(precision_table(**values)).frame.set_index("Question")["Answer"]
    assert frame["Reductions by treatment"] == "every reduction, and increases below 25%"
    assert frame["Increases by treatment"] == "larger than 150%"


def test_answers_that_belong_together_stand_in_one_row():
    rates = {
        "site_rates_ratio": 0.57,
        "site_rates_lower": 0.03,
        "site_rates_upper": 10.9,
        "site_rates_p": 0.63,
    }
    dealt = {"site_permutation_p": 0.7, "site_permutation_smallest_p": 0.1}
    frame = show_precision(precision_table(**rates, **dealt)).frame.set_index("Question")["Answer"]
    assert frame["Permutation of the sites' policies"] == "p = 0.700 (at least 0.100)"
    assert frame["Analysis of site rates, ratio (limits)"] == "0.570 (0.030 to 10.900); p = 0.630"
    # Of 16 questions three go with the analysis of site rates, one with the permutation, one with the range.
    assert len(frame) == 16 - 5


def test_a_question_that_is_new_is_shown_under_its_name():
    frame = show_precision(precision_table(something_else=2.5)).frame
    row = frame[frame["Question"] == "Something else"].iloc[0]
    assert (row["Heading"], row["Answer"]) == ("Other", "2.5")


def test_the_course_is_grouped_by_what_is_compared():
    frame = show_longitudinal(longitudinal_table()).frame
    assert list(zip(frame["Compared"], frame["Term"], strict=True)) == [
        ("Against the year before pregnancy, treated", "Pregnancy"),
        ("Against the year before pregnancy, untreated", "Trimester 3"),
        ("Untreated over treated", "Year after delivery"),
        ("Difference in differences, untreated over treated", "Year after over year before"),
        ("Difference in differences, untreated over treated",
         "Pre-trend: year before over the year before that"),
    ]  # fmt: skip
    assert list(frame["Rate ratio (limits)"]) == [
        "1.409 (0.764 to 2.598)", "withheld", "1.409 (0.764 to 2.598)", "1.409 (0.764 to 2.598)", "–",
    ]  # fmt: skip
    turned = longitudinal_table().replace(
        "untreated/treated in postpartum_year", "treated/untreated in pregnancy"
    )
    assert "Treated over untreated" in set(show_longitudinal(turned).frame["Compared"])
    assert "Difference in differences, treated over untreated" in set(
        show_longitudinal(turned).frame["Compared"]
    )


def test_parts_that_no_site_dates_are_left_out():
    """A withheld number of pregnancies is no 0."""
    nobody = {
        "term": "trimester_1/pre_pregnancy_year in treated",
        "pregnancies": 0,
        "status": "not_estimable",
    }
    hidden = {"term": "trimester_2/pre_pregnancy_year in treated", "status": "ok", "suppressed": True}
    terms = list(show_longitudinal(longitudinal_table(nobody, hidden)).frame["Term"])
    assert "Trimester 1" not in terms and "Trimester 2" in terms
    alone = released("longitudinal", [nobody])
    assert list(show_longitudinal(alone).frame["Term"]) == ["Trimester 1"]


def test_regression_to_the_mean_is_said_where_there_is_a_difference_in_differences():
    table = longitudinal_table()
    assert any("Regression to the mean" in note for note in section("longitudinal").notes_for(table))
    without = table[table["term"] != "difference_in_differences"]
    assert not any("Regression to the mean" in note for note in section("longitudinal").notes_for(without))


def test_shares_without_a_relapse_are_percentages_with_those_at_risk():
    frame = show_relapse_free(survival_tables()["relapse_free"]).frame
    assert list(frame["Relapse-free, % (limits)"]) == [
        "81.2 (70.0 to 89.0)", "100.0 (no limits)", "withheld", "–",
    ]  # fmt: skip
    assert list(frame["At risk"])[:3] == ["50", "50", "withheld"]
    assert list(frame["Day"]) == ["Day 91", "Day 365", "Day 91", "Day 91"]


def test_the_difference_of_risks_is_in_percentage_points():
    frame = show_risk_difference(survival_tables()["risk_difference"]).frame
    first = frame.iloc[0]
    assert first["Difference, points (limits)"] == "8.0 (-5.0 to 21.0)"
    assert (first["Risk, treated, %"], first["Risk, untreated, %"]) == ("17.0", "25.0")
    assert first["Needed to treat (limits)"] == "NNTB 12.5 (NNTB 4.8 to infinity to NNTH 20.0)"
    assert list(frame["Needed to treat (limits)"])[1:] == ["–", "withheld"]


@pytest.mark.parametrize(
    ("difference", "lower", "upper", "printed"),
    [
        (1 / 12.3, -1 / 20.1, 1 / 5.1, "NNTB 12.3 (NNTB 5.1 to infinity to NNTH 20.1)"),
        (-0.04, -0.18, 0.10, "NNTH 25.0 (NNTH 5.6 to infinity to NNTB 10.0)"),
        (0.10, 0.05, 0.20, "NNTB 10.0 (NNTB 5.0 to NNTB 20.0)"),
        (-0.10, -0.20, -0.05, "NNTH 10.0 (NNTH 5.0 to NNTH 20.0)"),
        (0.0, -0.10, 0.125, "No finite number (NNTB 8.0 to infinity to NNTH 10.0)"),
        (0.10, 0.0, 0.20, "NNTB 10.0 (NNTB 5.0 to infinity)"),
    ],
)
def test_the_number_needed_to_treat_goes_through_infinity(difference, lower, upper, printed):
    """Inverse of the difference and of its limits, as Altman and Andersen (1999) print them."""
    form = "benefit" if lower > 0 else "harm" if upper < 0 else "both"
    inverse = [1 / value if value else np.nan for value in (difference, upper, lower)]
    numbers = dict(zip(("nnt", "nnt_lower", "nnt_upper"), inverse, strict=True))
    row = {"risk_difference": difference, "nnt_form": form, "suppressed": False, "status": "ok", **numbers}
    assert needed_to_treat(pd.Series(row)) == printed


def test_each_method_has_its_own_unit():
    frame = show_time_to_relapse(survival_tables()["time_to_relapse"]).frame.set_index("Method")
    assert frame.loc["Cox, hazard ratio", "Estimate (limits)"] == "1.350 (0.700 to 2.600)"
    assert frame.loc["Log-rank, χ²", "Estimate (limits)"] == "0.807"
    assert frame.loc["Difference of restricted means, days", "Estimate (limits)"] == "12.3 (-14.0 to 38.5)"
    assert frame.loc["Proportional hazards, χ²", "Note"] == "not estimable: one arm only"
    assert set(frame["Relapses in each arm"]) == {"23 / 19"}


def test_sites_show_their_spread_only_where_they_are_pooled():
    frame = show_sites(site_table()).frame
    assert list(frame["τ²"]) == ["", "", "0.042", "–"]
    assert list(frame["I², %"]) == ["", "", "31.2", "–"]
    assert list(frame["Prediction interval"]) == ["", "", "0.20 to 1.40", "–"]
    assert frame.loc[1, "Rate (limits)"] == "withheld"
    assert list(frame["Site"])[2:] == ["All that give it to every woman", "All that give it to no woman"]
    assert any("max(0, (Q - df)/Q)" in note for note in section("sites").notes_for(site_table()))


def test_scenarios_have_words_and_the_primary_one_is_marked():
    shown = show_sensitivity(sensitivity_table({"scenario": "edss_shift_treated:-2", **SIZES, **OK}))
    assert shown.emphasis == (0,)
    assert list(shown.frame["Scenario"]) == [
        "Primary analysis",
        "Adjusted for relapses in the year before pregnancy",
        "First pregnancy of each woman",
        "Live births",
        "Without site north",
        "No DMT before pregnancy",
        "Imputed EDSS of the treated moved by -2",
    ]
    assert shown.frame["Note"].tolist()[3:6] == ["fallback: alpha is 0", "not estimable: one arm only", ""]
    assert shown.frame["Rate ratio (limits)"].tolist()[4:6] == ["–", "withheld"]


def test_standardised_differences_keep_their_sign():
    frame = show_balance(balance_table()).frame.set_index("Covariate")
    assert list(frame.loc["EDSS before pregnancy"])[:3] == ["-0.32", "0.01", "0.00"]
    assert "DMT before pregnancy: high" in frame.index
    assert frame.loc["Earlier births", "Note"] == "not estimable: one arm only"


def test_predictability_says_what_would_be_chance():
    frame = show_predictability(predictability_table()).frame.set_index("Measure")
    assert frame.loc["Concordance", "Value (limits)"] == "0.523 (0.410 to 0.640)"
    assert frame.loc["Concordance", "No use, or perfect"] == "0.5 is chance, 1 is perfect"
    assert frame.loc["Calibration slope", "Note"] == "not converged: no maximum"


def test_what_was_not_done_has_no_column():
    shown = show_predictors(predictor_table()).frame
    assert not {"p, curved", "Imputed (limits)", "Imputed, p"} & set(shown)
    imputed = predictor_table().assign(imputed_rate_ratio=1.02, imputed_lower=0.9, imputed_upper=1.1)
    assert next(iter(show_predictors(imputed).frame["Imputed (limits)"])) == "1.020 (0.900 to 1.100)"
    assert any(note.startswith("Imputed:") for note in section("predictors").notes_for(imputed))
    assert not any(note.startswith("Imputed:") for note in section("predictors").notes_for(predictor_table()))


def test_what_never_was_is_not_called_withheld():
    """No imputed ratio and no curve beside a category alone; no alpha beside a Poisson model."""
    rows = [
        {"model": model, "predictor": "dmt_before", "level": "high", "reference": "none", "suppressed": True}
        | {"status": "ok", "imputed_rate_ratio": number, "p_nonlinear": number}
        for model, number in (("univariable", np.nan), ("multivariable", np.nan), ("multivariable", 1.0))
    ]
    shown = show_predictors(released("predictors", rows)).frame
    assert list(shown["Imputed (limits)"]) == ["–", "withheld", "1.000 (no limits)"]
    assert set(shown.get("p, curved", ["–"])) == {"–"}
    hidden = [
        ratio(NOTHING, model=model, alpha=np.nan, suppressed=True)
        for model in ("negative_binomial", "poisson")
    ]
    assert list(show_rate_ratios(pd.DataFrame(hidden)).frame["α"]) == ["withheld", "–"]


def test_the_joint_test_of_all_but_ivig_has_a_row():
    row = {"model": "multivariable", "predictor": "all_but_ivig", "p_joint": 0.02, **SIZES, **OK}
    table = pd.concat([predictor_table(), released("predictors", [row])], ignore_index=True)
    last = show_predictors(table).frame.iloc[-1]
    assert (last["Predictor"], last["Rate ratio (limits)"], last["p, joint"]) == (
        "All but IVIG",
        "–",
        "0.020",
    )


def test_numbers_of_pregnancies_are_shown_as_counts():
    frame = show_dispersion(dispersion_table()).frame.set_index("Test")
    assert list(frame.loc["Pregnancies without a relapse", ["Statistic", "Value"]]) == ["100", "99.8"]
    assert list(frame.loc["Pregnancies with 1 relapse", ["Statistic", "p", "Value"]]) == ["24", "–", "23.5"]
    assert frame.loc["Pregnancies with 2 relapses", "Statistic"] == "withheld"
    assert describe_rootogram(dispersion_table()).endswith(
        "Year after delivery: 0 relapses 100, 99.8 expected, 1 relapse 24, 23.5 expected, "
        "2 relapses withheld, 3 or more relapses withheld."
    )


def test_numbers_of_pregnancies_are_told_without_expected_ones():
    told = describe_rootogram(dispersion_table().assign(value=np.nan))
    assert told.endswith("0 relapses 100, 1 relapse 24, 2 relapses withheld, 3 or more relapses withheld.")


def test_figures_stand_in_their_sections():
    tables = {"dispersion": dispersion_table(), "sensitivity": sensitivity_table()}
    text = page(tables, figures=("rootogram", "sensitivity"))
    assert text.count("data:image/png;base64,") == 2
    assert "Hanging rootogram of relapses per pregnancy" in text
    assert "Forest plot of 4 rate ratios, one for each scenario, from 1.20 to 1.80" in text
    assert "data:image/png" not in page(tables)
