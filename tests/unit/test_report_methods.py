"""The methods and the results in words: true for this run, each work cited, each number from a table."""

import re

import numpy as np
import pytest
from gravida.report import results
from gravida.report.abstract import abstract
from gravida.report.html import ReportContent, render_report
from gravida.report.methods import describe_methods
from gravida.report.references import REFERENCES
from report_frames import (
    BETWEEN,
    CONFIGURATION,
    NEITHER,
    WITHIN,
    every_table,
    longitudinal_table,
    precision_table,
    ratios,
    released,
    sensitivity_table,
    survival_tables,
)


def test_methods_follow_the_configuration():
    told = " ".join(describe_methods(CONFIGURATION, every_table()).values())
    assert "less than 21 days" in told
    assert "fewer than 7 women" in told
    assert "age at delivery, EDSS before pregnancy, IVIG after delivery" in told
    assert "untreated over treated" in told
    by_policy = CONFIGURATION | {"exposure": {"definition": "policy"}, "confidence": 0.9}
    told = " ".join(describe_methods(by_policy, every_table()).values())
    assert "the policy of her site" in told and "90% CI" in told


def test_every_reference_is_cited_and_every_citation_has_its_reference():
    told = " ".join(describe_methods(CONFIGURATION, every_table()).values())
    assert set(re.findall(r"\[@(\w+)\]", told)) == set(REFERENCES)
    report = render_report(ReportContent(every_table(), BETWEEN, {}, CONFIGURATION, {}))
    assert "[@" not in report
    assert report.count('<li id="ref-') == len(REFERENCES)


def test_a_method_that_was_not_used_is_not_described():
    told = describe_methods(CONFIGURATION, {"rate_ratios"})
    assert "Primary contrast" in told and "Disclosure" in told
    assert not {"Weighting", "Hazards", "Sites", "Missing covariates", "What the interval excludes"} & set(
        told
    )
    assert "Weighting" in describe_methods(CONFIGURATION, {"rate_ratios", "balance"})


def test_power_margin_and_imputations_follow_the_plan():
    told = describe_methods(CONFIGURATION, every_table())
    assert "with 90% power" in told["What the interval excludes"]
    assert "a ratio of 1.409 and of 1.5" in told["What the interval excludes"]
    assert "0.8 to 1.25" in told["What the interval excludes"]
    assert "7 times" in told["Missing covariates"]


def test_a_reference_names_its_year_and_its_pages():
    for key, reference in REFERENCES.items():
        assert re.search(r"\d{4}", key).group() in reference, key
        assert reference.endswith(".")


def test_the_verdict_leads_the_results():
    for verdict in (BETWEEN, WITHIN, NEITHER):
        assert abstract(every_table(), verdict)["Results"].startswith(
            f"Verdict on the design: {verdict['verdict']}."
        )


def test_between_sites_the_tipping_point_is_a_sentence():
    said = (
        "Background rates that differ between the sites by a factor of 1.41 would by themselves give this "
        "ratio."
    )
    assert said in abstract(every_table(), BETWEEN)["Results"]
    assert "Background rates" not in " ".join(abstract(every_table(), WITHIN).values())
    small = {"precision": precision_table(site_shock_to_null=0.8)}
    assert "by a factor of 1.25" in results.tipping_point(small)
    assert results.tipping_point({"precision": precision_table(site_shock_to_null=np.nan)}) == ""


def test_what_could_be_detected_is_said_with_the_plans_power():
    told = abstract(every_table(), WITHIN, power=0.9)["Results"]
    assert "A ratio of 2.40, or its inverse, could be detected with 90% power" in told
    assert "equivalence within the margin was not shown (p = 0.649)." in told
    assert "margin was shown (p = 0.010)" in results.detectable(
        {"precision": precision_table(equivalence=0.01)}, 0.8
    )


def test_the_difference_in_differences_stands_with_its_reason_beside_the_adjusted_ratio():
    told = abstract(every_table(), BETWEEN)["Further results"]
    assert (
        "The difference in differences (year after over year before, untreated over treated) was 1.409 "
        "(95% CI of sampling alone 0.764 to 2.598; p = 0.272); one site in an arm: no freedom." in told
    )
    assert (
        "Adjusted for the relapses of the year before, the ratio of the year after was 1.200 "
        "(95% CI of sampling alone 0.700 to 2.000; p = 0.500)." in told
    )
    assert "regress to their mean" in told
    # Where not every contrast is between sites, the row's own remark stays.
    assert "between sites: the interval holds" in abstract(every_table(), WITHIN)["Further results"]


def test_without_the_adjusted_ratio_nothing_is_bracketed():
    told = results.difference_in_differences({"longitudinal": longitudinal_table()}, "95% CI")
    assert "was 1.409 (95% CI 0.764 to 2.598" in told
    assert "Adjusted" not in told and "between them" not in told


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"status": "not_estimable", "reason": "no relapse"}, "not estimable: no relapse"),
        ({"status": "ok", "reason": "", "suppressed": True}, "withheld"),
    ],
)
def test_a_difference_in_differences_that_is_not_there_says_why(row, why):
    table = released("longitudinal", [{"term": "difference_in_differences", "rate_ratio": np.nan} | row])
    told = results.difference_in_differences({"longitudinal": table}, "95% CI")
    assert told == f"No difference in differences is given: {why}."


def test_the_hazard_ratio_is_that_within_sites_where_there_is_one():
    tables = survival_tables()
    told = abstract(tables | {"rate_ratios": ratios()}, WITHIN)["Further results"]
    assert (
        "first relapse after delivery, untreated over treated, was 1.350 (95% CI 0.700 to 2.600; p = 0.370)"
        in told
    )
    row = tables["time_to_relapse"].iloc[0].to_dict() | {"method": "cox_by_site", "estimate": 1.8}
    rows = [*tables["time_to_relapse"].to_dict("records"), row]
    within = {"time_to_relapse": released("time_to_relapse", rows)}
    assert "untreated over treated, within sites, was 1.800" in results.hazard(
        within, ratios().iloc[0], "95% CI"
    )
    failed = {"time_to_relapse": tables["time_to_relapse"].assign(estimate=np.nan)}
    assert results.hazard(failed, ratios().iloc[0], "95% CI") == ""


def test_the_sensitivity_analyses_are_summed_up():
    """Beside the primary 1.409: 1.2, 1.8 (above 1) and the fallback's 1.409; two rows have no ratio."""
    told = results.sensitivity({"sensitivity": sensitivity_table()})
    assert (
        told
        == "In 3 sensitivity analyses the ratio lay between 1.20 and 1.80; 1 of their intervals left out 1."
    )


def test_where_the_design_has_no_answer_no_contrast_is_told():
    told = " ".join(abstract(every_table(), NEITHER).values())
    for phrase in (
        "difference in differences",
        "hazard ratio",
        "sensitivity",
        "detected",
        "Background rates",
    ):
        assert phrase not in told
    assert "the concordance of predicted with observed relapses was 0.52 (95% CI 0.41 to 0.64)" in told


@pytest.mark.parametrize("verdict", [BETWEEN, WITHIN, NEITHER])
def test_no_sentence_takes_absence_of_evidence_for_evidence_of_absence(verdict):
    text = " ".join(abstract(every_table(), verdict).values())
    assert not re.search(
        r"no (effect|difference|benefit|association)\b(?! in differences)", text, re.IGNORECASE
    )
    assert not re.search(r"\bnan\b", text)


def test_sites_that_kept_their_rows_are_told_where_there_are_some() -> None:
    assert "Sites that keep their rows" not in describe_methods(CONFIGURATION, every_table())
    told = describe_methods(CONFIGURATION, every_table(), keeping=3)["Sites that keep their rows"]
    assert told.startswith("Sites that kept their rows: 3.")
