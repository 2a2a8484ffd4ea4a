"""The protocol as tables, in the order of HARPER, from the merged configuration.

Source: Wang SV, et al. Pharmacoepidemiol Drug Saf 2023;32:44-55.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gravida import words
from gravida.report.estimand import describe_estimand
from gravida.settings import disclosure_rules

NOTE = (
    "Order after HARPER: Wang SV, et al. Pharmacoepidemiol Drug Saf 2023;32:44-55. The settings of this run."
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
    estimand = dict(describe_estimand(dict(configuration)))
    period = words.lower_first(words.words(configuration["outcome_period"], words.PERIODS))
    contrast = configuration["contrast"]
    refused = REFUSED.get(configuration.get("on_refused", ""), "")
    covariates = words.names(";".join(configuration["covariates"])) or "none"
    return [
        ["Question"],
        ["Population", estimand["Population"], ""],
        ["Comparison", estimand["Treatments"], "exposure.definition"],
        ["Measure", estimand["Summary"], "contrast.numerator, contrast.denominator"],
        ["Time"],
        ["Time zero", "Delivery", ""],
        ["Follow-up", f"The {period}, to the end of observation or the next conception", "outcome_period"],
        ["Data"],
        *([["A refused submission", f"Then {refused}", "on_refused"]] if refused else []),
        ["Exposure, outcome, covariates"],
        ["Exposure", estimand["Treatments"], "exposure.definition"],
        ["Outcome", estimand["Variable"], "outcome_period"],
        [
            "Onsets that are one relapse",
            f"Those less than {configuration['relapse_separation_days']} days after the previous",
            "relapse_separation_days",
        ],
        ["Covariates", covariates, "covariates"],
        ["Analysis"],
        [
            "Primary",
            f"Negative binomial, {contrast['numerator']} over {contrast['denominator']}, errors clustered by "
            f"woman, {words.confidence_label(configuration['confidence'])}",
            "confidence",
        ],
        ["Missing covariates", f"{configuration['imputations']} imputations", "imputations"],
        ["Equivalence", f"Within a ratio of {configuration['equivalence_margin']:g}", "equivalence_margin"],
        ["Release"],
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
