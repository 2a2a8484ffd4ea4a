"""The report: numbers from the tables, sentences fit for the verdict, one file that needs no other."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from gravida import words
from gravida.report.estimand import describe_estimand, describe_target_trial
from gravida.report.html import ReportContent, render_report, write_report
from gravida.report.methods import REFERENCES, describe_methods
from gravida.report.sections import SECTIONS
from gravida.report.sentences import abstract, headline
from gravida.report.tables import show_baseline, show_data_quality, show_rate_ratios, show_rates

NUMBERS = ("rate_ratio", "lower", "upper", "p_value")
NOTHING = (np.nan, np.nan, np.nan, np.nan)
# As published: Mult Scler Relat Disord 2020;38:101519, untreated over treated.
PUBLISHED = (1.409, 0.764, 2.598, 0.272)
BETWEEN = {"verdict": "between sites only", "reason": "Two sites, two policies."}
WITHIN = {"verdict": "identifiable within sites", "reason": "Treatment is a choice."}
NEITHER = {"verdict": "not identifiable", "reason": "Every pregnancy is treated."}
CONFIGURATION = {
    "exposure": {"definition": "received"},
    "contrast": {"numerator": "untreated", "denominator": "treated"},
    "outcome_period": "postpartum_year",
    "relapse_separation_days": 21,
    "covariates": ["age_at_delivery", "edss_before"],
    "confidence": 0.95,
    "disclosure": {"profile": "default", "min_women": 7},
}


def ratio(numbers=PUBLISHED, primary=True, **more):
    row = {
        "analysis": "unadjusted", "is_primary": primary, "contrast": "untreated/treated",
        "period": "postpartum_year", "model": "negative_binomial", "covariance": "cluster_robust",
        "adjusted_for": "none", **dict(zip(NUMBERS, numbers, strict=True)),
        "alpha": 0.85, "pregnancies": 132, "women": 112, "relapses": 42, "status": "ok", "reason": "",
        "suppressed": False,
    }  # fmt: skip
    return row | more


def ratios(*rows, **more):
    return pd.DataFrame([ratio(**more), *rows])


def rate_table():
    """Return the published ARR, 0.27 and 0.38, with Garwood limits of 19 and 23 events."""
    columns = [
        "group", "arm", "site", "period", "pregnancies", "women", "relapses", "person_years", "rate", "lower",
        "upper", "robust_lower", "robust_upper", "suppressed",
    ]  # fmt: skip
    year = "postpartum_year"
    rows = [
        ("arm", "treated", "", year, 71, 60, 19, 71.0, 0.268, 0.161, 0.418, 0.16, 0.41, False),
        ("arm", "untreated", "", year, 61, 52, 23, 61.0, 0.377, 0.239, 0.566, 0.24, 0.55, False),
        ("arm", "all", "", year, 132, 112, 42, 132.0, 0.318, 0.229, 0.430, 0.23, 0.42, False),
        ("arm", "all", "", "pregnancy", 132, 112, 29, 101.0, 0.287, 0.192, 0.412, np.nan, np.nan, False),
        ("arm", "untreated", "", "pregnancy", *[np.nan] * 9, True),
        ("site", "all", "north", year, 71, 60, 19, 71.0, 0.268, 0.161, 0.418, 0.16, 0.41, False),
        ("site", "all", "north", "trimester_1", 71, 60, 2, 19.0, 0.105, 0.013, 0.38, 0.1, 0.4, False),
    ]
    return pd.DataFrame(rows, columns=columns)


def baseline_table():
    def cells(variable, level, statistic, values, suppressed=False):
        arms = ("difference",) if statistic == "smd" else ("treated", "untreated", "all")
        hide = [suppressed and arm == "untreated" for arm in arms]
        values = [np.nan if hidden else value for hidden, value in zip(hide, values, strict=True)]
        return [
            (variable, level, statistic, arm, value, 50, hidden)
            for arm, value, hidden in zip(arms, values, hide, strict=True)
        ]

    rows = [
        *cells("age_at_delivery", "", "mean", (31.5, 31.9, 31.7)),
        *cells("age_at_delivery", "", "sd", (4.0, 4.2, 4.1)),
        *cells("age_at_delivery", "", "median", (31.0, 32.0, 31.5)),
        *cells("age_at_delivery", "", "q1", (28.0, 29.0, 28.5)),
        *cells("age_at_delivery", "", "q3", (34.0, 35.0, 34.5)),
        *cells("age_at_delivery", "", "missing", (0, 1, 1)),
        *cells("age_at_delivery", "", "smd", (0.0975,)),
        *cells("disease_duration_years", "", "mean", (6.0, 6.7, 6.34)),
        *cells("disease_duration_years", "", "sd", (4.0, 4.6, 4.33)),
        *cells("dmt_before", "high", "n", (7, 3, 10), suppressed=True),
        *cells("dmt_before", "high", "percent", (9.86, 4.92, 7.58), suppressed=True),
        *cells("dmt_before", "high", "smd", (0.19,)),
    ]
    return pd.DataFrame(
        rows, columns=["variable", "level", "statistic", "arm", "value", "women", "suppressed"]
    )


def predictor_table(holm=(0.9, 1.0)):
    row = {
        "level": "per year", "reference": "", "rate_ratio": 1.01, "lower": 0.94, "upper": 1.09,
        "p_value": 0.3, "p_joint": 0.3, "pregnancies": 132, "women": 112, "relapses": 42, "status": "ok",
        "reason": "", "suppressed": False,
    }  # fmt: skip
    named = zip(("age_at_delivery", "edss_before"), holm, strict=True)
    rows = [row | {"model": "multivariable", "predictor": name, "p_holm": p} for name, p in named]
    failed = dict(zip(NUMBERS, NOTHING, strict=True))
    why = {"status": "not_estimable", "reason": "no relapse at <this> level"}
    rows.append(
        row | failed | why | {"model": "univariable", "predictor": "dmt_before", "level": "high",
                              "reference": "none", "p_holm": np.nan}
    )  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture
def content():
    sites = pd.DataFrame(
        [("north", "all", 71, 60, 71, 1.0, False), ("south", "none", 61, 52, 0, 0.0, False)],
        columns=["site", "policy", "pregnancies", "women", "treated", "share_treated", "suppressed"],
    )
    tables = {
        "relapse_rates": rate_table(),
        "rate_ratios": ratios(ratio((1.5, 0.7, 3.2, 0.0002), primary=False, model="poisson")),
        "baseline": baseline_table(),
        "predictors": predictor_table(),
        "identifiability": sites,
    }
    return ReportContent(tables, BETWEEN, {"course": b"\x89PNG"}, CONFIGURATION, {"pandas": "2.3.3"})


class Outline(HTMLParser):
    """What a browser or screen reader is given: open tags, ids, addresses, captions and images."""

    VOID = frozenset({"meta", "img", "br", "link", "input"})

    def __init__(self, text):
        super().__init__()
        self.stack, self.tags, self.ids, self.addresses, self.images = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.addresses += [attributes[name] for name in ("href", "src") if name in attributes]
        self.images += [attributes] if tag == "img" else []
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag


def test_headline_gives_the_published_ratio_its_direction_and_what_the_interval_excludes():
    """Excluded: 1 - 1/2.598 = 61.5% reduction, 1/0.764 - 1 = 30.9% increase."""
    assert headline(ratios(), WITHIN) == (
        "In the year after delivery the relapse rate ratio, untreated over treated, was 1.409 (95% CI 0.764 "
        "to 2.598; p = 0.272): no evidence of a difference; the interval excludes reductions by treatment "
        "larger than 62% and increases larger than 31%; treatment was a choice, and the time before the "
        "first dose is immortal."
    )


def test_the_other_direction_excludes_the_same():
    numbers = (1 / 1.409, 1 / 2.598, 1 / 0.764, 0.272)
    sentence = headline(ratios(numbers=numbers, contrast="treated/untreated"), WITHIN)
    assert "treated over untreated, was 0.710 (95% CI 0.385 to 1.309" in sentence
    assert "reductions by treatment larger than 62% and increases larger than 31%" in sentence


def test_between_sites_the_headline_says_what_the_interval_does_not_hold():
    sentence = headline(ratios(), BETWEEN)
    assert sentence.endswith(
        "arms cannot be told from sites here, and the interval holds the sampling of women only."
    )
    assert "cannot be told" not in headline(ratios(), WITHIN)


@pytest.mark.parametrize(
    ("numbers", "words_of_it"),
    [
        ((2.0, 1.25, 3.2, 0.004), "lower with treatment, by 50% (20% to 69%)"),
        ((0.5, 0.4, 0.8, 0.0001), "higher with treatment, by 100% (25% to 150%)"),
    ],
)
def test_an_interval_without_1_is_told_from_treatments_side(numbers, words_of_it):
    """1 - 1/2, 1 - 1/1.25, 1 - 1/3.2; 1/0.5 - 1, 1/0.8 - 1, 1/0.4 - 1."""
    sentence = headline(ratios(numbers=numbers), WITHIN)
    assert words_of_it in sentence
    assert "no evidence" not in sentence


def test_a_lower_limit_of_0_excludes_no_increase():
    sentence = headline(ratios(numbers=(0.6, 0.0, 2.0, 0.7)), WITHIN)
    assert "excludes reductions by treatment larger than 50%; treatment" in sentence
    assert "increases" not in sentence


def test_coverage_and_adjustment_are_named():
    sentence = headline(ratios(adjusted_for="site;age_at_delivery"), WITHIN, confidence=0.9)
    assert "treated, within sites, adjusted for age at delivery, was 1.409 (90% CI" in sentence
    assert "treated, within sites, was 1.409" in headline(ratios(adjusted_for="site"), WITHIN)


def test_without_a_ratio_the_headline_says_why():
    assert headline(ratios(), NEITHER) == (
        "No rate ratio, untreated over treated, is given for the year after delivery: every pregnancy is "
        "treated."
    )
    failed = ratios(numbers=NOTHING, status="not_converged", reason="the likelihood is flat")
    assert "1.409" not in headline(failed, WITHIN)
    assert headline(failed, WITHIN).endswith("not converged: the likelihood is flat.")
    assert headline(ratios(numbers=NOTHING, suppressed=True), WITHIN).endswith(
        "delivery: withheld, for it rests on too few women."
    )


@pytest.mark.parametrize("verdict", [BETWEEN, WITHIN, NEITHER])
@pytest.mark.parametrize("numbers", [PUBLISHED, (2.0, 1.25, 3.2, 0.004), NOTHING])
def test_absence_of_evidence_is_never_called_absence(content, verdict, numbers):
    tables = content.tables | {"rate_ratios": ratios(numbers=numbers, status="ok")}
    text = " ".join([headline(tables["rate_ratios"], verdict), *abstract(tables, verdict).values()])
    assert not re.search(r"no (effect|difference|benefit|association)", text, re.IGNORECASE)
    assert not re.search(r"\bnan\b", text)


def test_the_abstract_holds_the_studys_numbers(content):
    told = abstract(content.tables, BETWEEN)
    assert "to every woman at 1 site and to no woman at 1 site" in told["Methods"]
    assert "negative binomial regression" in told["Methods"]
    results = told["Results"]
    assert "132 pregnancies of 112 women" in results
    assert "age at delivery was 31.70 (SD 4.10) years" in results
    assert "disease duration was 6.34 (SD 4.33) years" in results
    assert "0.27 in treated (19 relapses in 71 pregnancies; 95% CI 0.16 to 0.42)" in results
    assert "0.38 in untreated (23 relapses in 61 pregnancies; 95% CI 0.24 to 0.57)" in results
    assert "0.29 in pregnancy, 0.32 in the year after delivery" in results
    assert "None of 2 predictors had a Holm-adjusted p below 0.05" in results
    assert "policies" in told["Conclusion"]


def test_a_predictor_that_was_found_is_named(content):
    tables = content.tables | {"predictors": predictor_table(holm=(0.0004, 0.8))}
    assert "below 0.05 for age at delivery, years (p < 0.001)." in abstract(tables, BETWEEN)["Results"]


def test_sentences_without_their_tables_are_left_out():
    told = abstract({"rate_ratios": ratios()}, WITHIN)
    assert told["Results"] == headline(ratios(), WITHIN)


@pytest.mark.parametrize(
    ("value", "printed"),
    [(0.2717, "0.272"), (0.00051, "<0.001"), (0.001, "0.001"), (1.0, "1.000"), (np.nan, "–")],
)
def test_p_values_have_three_decimals(value, printed):
    assert words.p_value(value) == printed


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


def test_the_report_is_one_file_that_needs_no_other(content):
    outline = Outline(render_report(content))
    assert outline.stack == []
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in outline.addresses)
    assert not {"script", "link", "iframe"} & set(outline.tags)


def test_the_report_is_the_same_for_the_same_content(content):
    assert render_report(content) == render_report(content)


def test_the_report_can_be_read_by_machine_and_ear(content):
    report = render_report(content)
    outline = Outline(report)
    assert '<html lang="en">' in report
    assert len(outline.ids) == len(set(outline.ids))
    # Five released tables, the estimand and the target trial.
    assert outline.tags.count("caption") == outline.tags.count("table") == 5 + 2
    assert outline.tags.count("h1") == 1
    assert all(image["alt"].strip() for image in outline.images) and outline.images
    assert all(address[1:] in outline.ids for address in outline.addresses if address.startswith("#"))


def test_the_target_trial_says_what_is_not_emulated(content):
    between = {
        part: here for part, _, here in describe_target_trial(content.configuration, "between sites only")
    }
    within = {
        part: here
        for part, _, here in describe_target_trial(content.configuration, "identifiable within sites")
    }
    assert "not emulated" in between["Assignment"]
    assert "no time is immortal" in between["Time zero"]
    assert "immortal time" in within["Time zero"] and "day 30" in within["Time zero"]
    turned = {**content.configuration, "contrast": {"numerator": "treated", "denominator": "untreated"}}
    assert "treated over untreated" in dict(describe_estimand(turned))["Summary"]
    received = dict(describe_estimand(content.configuration))["Treatments"]
    policy = {**content.configuration, "exposure": {"definition": "policy"}}
    assert "as received" in received and "policy" in dict(describe_estimand(policy))["Treatments"]


def test_verdict_and_headline_come_before_every_table(content):
    report = render_report(content)
    assert report.index("Verdict: between sites only") < report.index("1.409 (95% CI 0.764 to 2.598")
    assert report.index("1.409 (95% CI 0.764 to 2.598") < report.index("<table")


def test_a_table_that_the_run_does_not_have_leaves_no_section(content):
    few = {name: content.tables[name] for name in ("rate_ratios", "relapse_rates")}
    report = render_report(replace(content, tables=few | {"attrition": pd.DataFrame()}))
    titles = {section.table: section.title for section in SECTIONS}
    assert titles["rate_ratios"] in report
    assert not [title for name, title in titles.items() if name not in few and f">{title}<" in report]


def test_words_from_the_tables_cannot_become_markup(content):
    report = render_report(replace(content, identifiability=BETWEEN | {"reason": "<b>bold</b>"}))
    assert "&lt;b&gt;bold" in report
    assert "no relapse at &lt;this&gt; level" in report


def test_a_note_on_constructed_data_stands_above_everything(content):
    report = render_report(replace(content, synthetic_note="Constructed data."))
    assert report.index("Constructed data.") < report.index("<h1")
    assert 'class="banner"' not in render_report(content)


def test_withheld_is_explained_where_it_occurs(content):
    explanation = "rests on too few women to be shown"
    assert explanation in render_report(content)
    open_tables = {"rate_ratios": ratios(), "predictors": predictor_table()}
    assert explanation not in render_report(replace(content, tables=open_tables))


def test_methods_follow_the_configuration():
    told = " ".join(describe_methods(CONFIGURATION).values())
    assert "less than 21 days" in told
    assert "fewer than 7 women" in told
    assert "age at delivery, EDSS before pregnancy, IVIG after delivery" in told
    assert "untreated over treated" in told
    by_policy = CONFIGURATION | {"exposure": {"definition": "policy"}, "confidence": 0.9}
    told = " ".join(describe_methods(by_policy).values())
    assert "the policy of her site" in told and "90% CI" in told


def test_every_reference_is_cited_and_every_citation_has_its_reference(content):
    told = " ".join(describe_methods(CONFIGURATION).values())
    assert set(re.findall(r"\[@(\w+)\]", told)) == set(REFERENCES)
    report = render_report(content)
    assert "[@" not in report
    assert report.count('<li id="ref-') == len(REFERENCES)


@pytest.mark.parametrize(("synthetic", "banner"), [([True], 1), ([False, True], 1), ([False], 0)])
def test_the_run_ends_with_the_reports_headline_and_marks_constructed_data(content, synthetic, banner):
    written = write_report(content.tables, BETWEEN, content.figures, CONFIGURATION, synthetic)
    opening = {(True,): "Synthetic data. ", (False, True): "Part of these data is synthetic. "}
    assert written.headline == opening.get(tuple(synthetic), "") + headline(ratios(), BETWEEN)
    assert headline(ratios(), BETWEEN) in written.page
    assert written.page.count('class="banner"') == banner
