"""The report: numbers from the tables, sentences fit for the verdict, one file that needs no other."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from gravida import words
from gravida.report.abstract import abstract
from gravida.report.estimand import describe_estimand, describe_target_trial
from gravida.report.html import ReportContent, render_report, write_report
from gravida.report.sections import SECTIONS
from gravida.report.sentences import headline
from gravida.report.sources import sources_by_name
from report_frames import (
    BETWEEN,
    CONFIGURATION,
    NEITHER,
    NOTHING,
    PUBLISHED,
    WITHIN,
    every_table,
    predictor_table,
    ratio,
    ratios,
)

FEW = ("relapse_rates", "rate_ratios", "baseline", "predictors", "identifiability")


@pytest.fixture
def content():
    tables = {name: table for name, table in every_table().items() if name in FEW}
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
        "delivery: withheld, for it rests on too few women or would tell of few."
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
    assert "None of 2 predictors had a Holm-adjusted p below 0.05" in told["Further results"]
    assert "policies" in told["Conclusion"]


def test_a_predictor_that_was_found_is_named(content):
    tables = content.tables | {"predictors": predictor_table(holm=(0.0004, 0.8))}
    told = abstract(tables, BETWEEN)["Further results"]
    assert "below 0.05 for age at delivery, years (p < 0.001)." in told


def test_sentences_without_their_tables_are_left_out():
    told = abstract({"rate_ratios": ratios()}, WITHIN)
    verdict = "Verdict on the design: identifiable within sites."
    assert told["Results"] == f"{verdict} {headline(ratios(), WITHIN)}"
    assert "Further results" not in told


@pytest.mark.parametrize(
    ("value", "printed"),
    [(0.2717, "0.272"), (0.00051, "<0.001"), (0.001, "0.001"), (1.0, "1.000"), (np.nan, "–")],
)
def test_p_values_have_three_decimals(value, printed):
    assert words.p_value(value) == printed


def test_the_report_is_one_file_that_needs_no_other(content):
    outline = Outline(render_report(content))
    assert outline.stack == []
    assert all(address.startswith(("#", "data:")) for address in outline.addresses)
    assert not {"iframe", "object", "embed", "form"} & set(outline.tags)


def test_no_script_but_the_pages_own_may_run_and_nothing_may_be_loaded(content):
    page = render_report(content)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'" and rules["script-src"] == f"'sha256-{digest}'"
    assert rules["img-src"] == "data:"
    assert "unsafe-eval" not in policy and "connect-src" not in rules


def test_each_table_and_figure_says_its_file_its_rules_and_its_digest(content):
    table, figure = "results/release/tables/relapse_rates.csv", "results/release/figures/course.png"
    made = {
        table: (["describe_registry", "release_tables"], "ab" * 32),
        figure: (["draw_figures"], "cd" * 32),
    }
    page = render_report(replace(content, sources=sources_by_name(made)))
    assert f"Table: {table}, made by describe_registry, then release_tables, SHA-256 abababababab…" in page
    assert f"Figure: {figure}, made by draw_figures, SHA-256 cdcdcdcdcdcd…" in page
    assert f"<code>{'ab' * 32}</code>" in page
    assert "SHA-256" not in render_report(content)


@pytest.mark.parametrize(("verdict", "drawings"), [(BETWEEN, 2), (WITHIN, 2), (NEITHER, 0)])
def test_a_ratio_is_drawn_only_where_the_design_has_an_answer(content, verdict, drawings):
    rows = ratios(ratio((1.5, 0.7, 3.2, 0.3), primary=False, model="poisson"))
    page = render_report(replace(content, identifiability=verdict, tables={"rate_ratios": rows}))
    assert page.count('<svg class="forest"') == drawings
    withheld = replace(content, tables={"rate_ratios": ratios(numbers=NOTHING, suppressed=True)})
    assert '<svg class="forest"' not in render_report(withheld)


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


@pytest.mark.parametrize(("synthetic", "banner"), [([True], 1), ([False, True], 1), ([False], 0)])
def test_the_run_ends_with_the_reports_headline_and_marks_constructed_data(content, synthetic, banner):
    written = write_report(content.tables, BETWEEN, content.figures, CONFIGURATION, synthetic)
    opening = {(True,): "Synthetic data. ", (False, True): "Part of these data is synthetic. "}
    verdict = "Verdict: between sites only. "
    assert written.headline == opening.get(tuple(synthetic), "") + verdict + headline(ratios(), BETWEEN)
    assert headline(ratios(), BETWEEN) in written.page
    assert written.page.count('class="banner"') == banner
