"""The items of STROBE, RECORD and TARGET, in our own short words, and where each is answered.

Sources: von Elm E, et al. Lancet 2007;370:1453-1457 (STROBE, cohort studies); Benchimol EI, et al. PLoS Med
2015;12:e1001885 (RECORD); Cashin AG, et al. JAMA 2025, doi:10.1001/jama.2025.13350 (TARGET).
"""

from collections.abc import Collection
from dataclasses import dataclass

AUTHORS = "authors"
NOT_HERE = "Not part of this study"


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a checklist: its number, what it asks for, and the headings that answer it."""

    number: str
    subject: str
    answered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checklist:
    """A checklist: its key, caption, items and what is printed under it."""

    key: str
    caption: str
    items: tuple[Item, ...]
    notes: tuple[str, ...]


def _items(*lines: str) -> tuple[Item, ...]:
    """Return the items of lines such as ``number | subject | keys``."""
    parts = ([part.strip() for part in line.split("|")] for line in lines)
    return tuple(Item(number, subject, tuple(keys.split())) for number, subject, keys in parts)


STROBE = Checklist(
    "strobe",
    "STROBE, cohort studies: where each item is answered",
    _items(
        "1a | Design named in title or abstract | abstract",
        "1b | Informative summary in the abstract | abstract",
        "2 | Background and reasons | authors",
        "3 | Objectives and hypotheses | estimand",
        "4 | Design, early in the text | estimand identifiability",
        "5 | Setting, places and dates | changes authors",
        "6a | Who could enter, from where, how followed | estimand m_units_and_windows attrition",
        "6b | Matching, if any | estimand",
        "7 | Outcomes, exposures, predictors, confounders | m_exposure m_units_and_windows protocol",
        "8 | Sources of data and measurement | protocol data_quality authors",
        "9 | What was done about bias | identifiability m_immortal_time_and_negative_control",
        "10 | How the size of the study came about | attrition precision",
        "11 | Handling of quantitative variables | m_predictors protocol",
        "12a | Statistical methods, confounding included | m_primary_contrast m_beside_the_primary_contrast",
        "12b | Subgroups and interactions | m_periods_and_arms_against_each_other longitudinal",
        "12c | Missing data | m_missing_covariates",
        "12d | Loss to follow-up | m_units_and_windows m_time_to_the_first_relapse estimand",
        "12e | Sensitivity analyses | m_sensitivity_analyses",
        "13a | Numbers at each stage | attrition",
        "13b | Reasons for leaving | attrition",
        "13c | Flow diagram considered | attrition",
        "14a | Characteristics of those studied | baseline",
        "14b | Missing data of each variable | baseline",
        "14c | Follow-up time | relapse_rates",
        "15 | Events over time | relapse_rates relapse_free",
        "16a | Estimates, unadjusted and adjusted, with precision | rate_ratios",
        "16b | Boundaries of categories | predictors baseline",
        "16c | Absolute risks where they mean something | risk_difference",
        "17 | Other analyses | sensitivity predictors longitudinal",
        "18 | Key results | abstract",
        "19 | Limitations, direction and size of bias | identifiability precision authors",
        "20 | Cautious interpretation | abstract evidence_grade authors",
        "21 | Generalisability | authors",
        "22 | Funding | authors",
    ),
    ("Items after von Elm E, et al. Lancet 2007;370:1453-1457, in our own words.",),
)
RECORD = Checklist(
    "record",
    "RECORD: where each item beyond STROBE is answered",
    _items(
        "1.1 | Kind of data named in title or abstract, with databases | abstract authors",
        "1.2 | Region and time frame in title or abstract | authors",
        "1.3 | Linkage named in title or abstract | attrition",
        "6.1 | Codes or algorithms that select the population | m_units_and_windows protocol",
        "6.2 | Validation of these | data_quality authors",
        "6.3 | Linkage, with a diagram where there is one | attrition",
        "7.1 | Codes that define exposure, outcome, confounders | m_exposure protocol",
        "12.1 | Access of the investigators to the source | authors",
        "12.2 | Cleaning of the data | data_quality",
        "12.3 | Linkage at the level of persons, and its quality | attrition",
        "13.1 | Selection by quality and availability of data | attrition data_quality",
        "19.1 | Limits of data not collected for this question | identifiability authors",
        "22.1 | Access to protocol, data and code | software authors",
    ),
    ("Items after Benchimol EI, et al. PLoS Med 2015;12:e1001885, in our own words.",),
)
TARGET = Checklist(
    "target",
    "TARGET: the subjects that this design can answer, and where",
    _items(
        "Abstract | Emulation named, with data, assumptions and findings | abstract",
        "Introduction | Background and reason for an emulation | authors",
        "Introduction | Causal question | estimand",
        "Methods | Data sources and their fitness | data_quality authors",
        "Methods | Eligibility, of the target trial and here | estimand",
        "Methods | Treatment strategies, of both | estimand m_exposure",
        "Methods | Assignment, of both | estimand identifiability",
        "Methods | Time zero and follow-up, of both | estimand m_immortal_time_and_negative_control",
        "Methods | Outcome, of both | estimand m_units_and_windows",
        "Methods | Causal contrast, of both | estimand",
        "Methods | Assumptions that identify the effect | identifiability precision",
        "Methods | Analysis, of both | estimand m_primary_contrast",
        "Results | Selection of participants | attrition",
        "Results | Baseline by strategy | baseline",
        "Results | Follow-up by strategy | relapse_rates",
        "Results | Missing data by strategy | baseline m_missing_covariates",
        "Results | Outcome by strategy | relapse_rates relapse_free",
        "Results | Effect estimates, relative and absolute | rate_ratios risk_difference",
        "Results | Analyses of what the assumptions do | sensitivity precision",
        "Discussion | Interpretation and limits of the emulation | identifiability authors",
        "Other | Ethics, registration, data and code, funding, interests | software authors",
    ),
    (
        "Subjects after Cashin AG, et al. JAMA 2025, doi:10.1001/jama.2025.13350, in our own words and "
        "without its item numbers. TARGET is for emulations with adjustment for baseline confounders: where "
        "the verdict is that arms cannot be told from sites, assignment is not emulated, and the subjects "
        "above say so rather than fulfil it.",
    ),
)
CHECKLISTS = (STROBE, RECORD, TARGET)


def answers(checklist: Checklist, headings: Collection[str]) -> list[list[str]]:
    """Return the rows of a checklist, each with references to those headings that the document has."""
    return [
        [item.number, item.subject, _where([key for key in item.answered if key in headings])]
        for item in checklist.items
    ]


def _where(keys: list[str]) -> str:
    return "; ".join(f"{{heading:{key}}}" for key in keys) or NOT_HERE
