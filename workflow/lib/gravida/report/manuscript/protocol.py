"""The protocol as tables, in the order of HARPER, from the merged configuration.

Source: Wang SV, et al. Pharmacoepidemiol Drug Saf 2023;32:44-55, doi:10.1002/pds.5507; sections and tables
were held against its table 3, the contents of the template.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gravida import words
from gravida.report.estimand import describe_estimand
from gravida.settings import disclosure_rules

NOTE = (
    "Sections and tables of HARPER: Wang SV, et al. Pharmacoepidemiol Drug Saf 2023;32:44-55. The settings "
    "of this run; what is not here, such as milestones (4), rationale (5) and sources of data (7.6), is the "
    "authors' to write."
)
# Where files lie says nothing of the plan.
PLACES = ("sites", "studies", "published_rates", "claims")
REFUSED = {
    "stop": "the study stops",
    "leave_out": "the site is left out",
    "quarantine": "the refused rows are set aside with everything of their pregnancies",
}


def protocol_rows(configuration: Mapping[str, Any]) -> list[list[str]]:
    """Return the protocol: what is specified, how, and the setting that says so; groups as single cells."""
    return [*_asked(configuration), *_analysed(configuration)]


def _asked(configuration: Mapping[str, Any]) -> list[list[str]]:
    """Return the question, time 0 and the variables."""
    estimand = dict(describe_estimand(dict(configuration)))
    period = words.lower_first(words.words(configuration["outcome_period"], words.PERIODS))
    covariates = words.names(";".join(configuration["covariates"])) or "none"
    return [
        ["Research question (section 6, table 2)"],
        ["Population", estimand["Population"], ""],
        ["Comparison", estimand["Treatments"], "exposure.definition"],
        ["Measure", estimand["Summary"], "contrast.numerator, contrast.denominator"],
        ["Time 0 (section 7.3, table 3)"],
        ["Time 0", "Delivery", ""],
        ["Exposure, outcome, follow-up, covariates (section 7.4, tables 6 to 9)"],
        ["Exposure", estimand["Treatments"], "exposure.definition"],
        ["Outcome", estimand["Variable"], "outcome_period"],
        [
            "Onsets that are one relapse",
            f"Those less than {configuration['relapse_separation_days']} days after the last that counts",
            "relapse_separation_days",
        ],
        ["Follow-up", f"The {period}, to the end of observation or the next conception", "outcome_period"],
        ["Covariates", covariates, "covariates"],
    ]


def _analysed(configuration: Mapping[str, Any]) -> list[list[str]]:
    """Return the analysis, and what guards quality, size and persons."""
    contrast, precision = configuration["contrast"], configuration["precision"]
    refused = REFUSED.get(configuration.get("on_refused", ""), "")
    quality = [["Quality control (section 7.8)"], ["A refused submission", f"Then {refused}", "on_refused"]]
    ratios = " and ".join(f"{ratio:g}" for ratio in precision["planned_ratios"])
    return [
        ["Analysis (section 7.5, tables 10 and 11)"],
        [
            "Primary",
            f"Negative binomial, {contrast['numerator']} over {contrast['denominator']}, errors clustered by "
            f"woman, {words.confidence_label(configuration['confidence'])}",
            "confidence",
        ],
        ["Missing covariates", f"{configuration['imputations']} imputations", "imputations"],
        ["Equivalence", f"Within a ratio of {configuration['equivalence_margin']:g}", "equivalence_margin"],
        ["Sensitivity", "The primary analysis with one choice changed at a time", ""],
        *(quality if refused else []),
        ["Study size (section 7.9, table 13)"],
        [
            "Power",
            f"{words.percent(precision['power'])}, for ratios of {ratios}",
            "precision.power, precision.planned_ratios",
        ],
        ["Protection of human subjects (section 9)"],
        [
            "Fewest women behind a number",
            str(disclosure_rules(configuration["disclosure"])["threshold"]),
            "disclosure.profile, disclosure.min_women",
        ],
    ]


def settings_rows(configuration: Mapping[str, Any]) -> list[list[str]]:
    """Return every setting of the plan with its value, but for where files lie."""
    return [[key, value] for key, value in _leaves(configuration)]


def _leaves(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        elif key not in PLACES:
            listed = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
            yield f"{prefix}{key}", listed or "none"
