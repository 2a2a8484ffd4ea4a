"""The methods in words, with the settings of this run.

A citation is written ``[@key]`` in a paragraph; the reference list holds the cited works only.
"""

from collections.abc import Collection
from typing import Any

from gravida import words
from gravida.report.paragraphs import PARAGRAPHS
from gravida.settings import disclosure_rules

KEEPING = (
    "Sites that kept their rows: {}. In rounds they sent signed sums over their women (counts; log- "
    "likelihoods, scores, information and clustered meat of the models at parameters that they were asked "
    "for), which were added to those of the other sites. What is a sum is what all rows together would "
    "give; medians and whatever else is none is not estimated, and shares without a relapse are those of "
    "a life table of 13 days."
)


def describe_methods(
    configuration: dict[str, Any], tables: Collection[str], keeping: int = 0
) -> dict[str, str]:
    """Return the methods as heading and paragraph, with ``[@key]`` where a work of `REFERENCES` is cited.

    Parameters
    ----------
    configuration : dict
        The merged configuration of the run.
    tables : collection of str
        Names of the tables that the report shows: what was not done is not described.
    keeping : int
        How many sites kept their rows.
    """
    settings = {
        "windows": _windows(configuration),
        "exposure": _exposure(configuration),
        "primary": _primary(configuration),
        "predictors": _predictors(configuration),
        "precision": _precision(configuration),
        "missing": _missing(configuration),
        "disclosure": _disclosure(configuration),
    }
    told = {
        paragraph.heading: " ".join(filter(None, (settings.get(paragraph.setting), paragraph.text)))
        for paragraph in PARAGRAPHS
        if not paragraph.table or paragraph.table in tables
    }
    return told | ({"Sites that keep their rows": KEEPING.format(keeping)} if keeping else {})


def _disclosure(configuration: dict[str, Any]) -> str:
    rules = disclosure_rules(configuration["disclosure"])
    rounded = {
        "nearest_5": " All counts are rounded to 5.",
        "midpoint_6": " All counts are rounded to the middle of 6 numbers.",
    }
    return (
        f"Numbers that rest on fewer than {rules['threshold']} women, or on fewer with an event, are "
        "withheld and shown as such, with what follows from them and with whatever would give them away; "
        "counting is of women, not of pregnancies. Numbers that moved by so few since an earlier release are "
        "withheld too." + rounded.get(rules["rounding"], "")
    )


def _windows(configuration: dict[str, Any]) -> str:
    days = configuration["relapse_separation_days"]
    return (
        "The unit is the pregnancy, nested in a woman, nested in a site; the design follows "
        "[@horvat2020]. Days are relative to delivery and windows are half-open. The year before "
        "pregnancy is the 365 days before the last menstrual period (LMP); pregnancy runs from the LMP to "
        "delivery, in trimesters of 98 days and the remainder; the year after delivery is days 0 to 364, "
        "in quarters starting on days 0, 91, 182 and 273. Person-time is the part of the window under "
        "observation, ended by the woman's next conception; person-years are days divided by 365.25. An "
        f"onset less than {days} days after the previous retained one of the same pregnancy is not a "
        "relapse of its own."
    )


def _exposure(configuration: dict[str, Any]) -> str:
    definition = {
        "received": "what each woman received, as her site recorded it",
        "policy": "the policy of her site, whatever she received",
    }[configuration["exposure"]["definition"]]
    return f"The arm of a pregnancy is {definition}. Treated means intravenous immunoglobulin after delivery."


def _primary(configuration: dict[str, Any]) -> str:
    contrast = configuration["contrast"]
    period = words.lower_first(words.words(configuration["outcome_period"], words.PERIODS))
    return (
        f"Relapses in the {period}, {contrast['numerator']} over {contrast['denominator']}: negative "
        "binomial regression (NB2 [@lawless1987], log link, offset log person-years, dispersion alpha by "
        f"maximum likelihood), with {words.confidence_label(configuration['confidence'])} Wald limits on the "
        "log scale. Errors are the joint sandwich over (beta, log alpha) with observed information, "
        "clustered by woman, times G/(G-1) x (n-1)/(n-k) with k counting alpha (CR1S). Where arms can be "
        "compared within several sites, site effects are in the model. If alpha is 0 the row is Poisson with "
        "bias-reduced errors (CR2), marked as a fallback."
    )


def _precision(configuration: dict[str, Any]) -> str:
    plan, margin = configuration["precision"], configuration["equivalence_margin"]
    ratios = " and of ".join(f"{ratio:g}" for ratio in plan["planned_ratios"])
    return (
        "From treatment's side, the reduction and the increase beyond the limits of the primary contrast; "
        f"the smallest ratio detectable with {words.percent(plan['power'])} power and its standard error; "
        f"the pregnancies needed to detect a ratio of {ratios}; and two one-sided tests, 5% each, against a "
        f"margin of equivalence of {1 / margin:.3g} to {margin:g} [@schuirmann1987]."
    )


def _missing(configuration: dict[str, Any]) -> str:
    return (
        "Complete cases are shown beside multiple imputation by chained equations [@vanbuuren2018], "
        f"{configuration['imputations']} times (5 above 5,000 women, none above 100,000), seeded:"
    )


def _predictors(configuration: dict[str, Any]) -> str:
    covariates = configuration["covariates"]
    named = words.names(";".join([*covariates, *([] if "ivig" in covariates else ["ivig"])]))
    return (
        f"Each alone and all together: {named}. DMT enters as efficacy class. Negative binomial regression "
        "with errors clustered by woman; p-values are adjusted by Holm's method [@holm1979] within the "
        "univariable and within the multivariable family. IVIG is given as yes against no."
    )
