"""The items of STROBE, RECORD and TARGET, in our own short words, and where each is answered.

Each item's number and subject was held against these:

- STROBE, cohort studies (von Elm E, et al. Lancet 2007;370:1453-1457): the checklist for cohort studies as
  filled in and printed with papers, such as PMC5863195, table S1.
- RECORD (Benchimol EI, et al. PLoS Med 2015;12:e1001885): items 1.1 to 1.3 as printed, the others as quoted
  item by item in checklists that authors filled in.
- TARGET (Cashin AG, et al. JAMA 2025;334:1084-1093, doi:10.1001/jama.2025.13350; also BMJ 2025;390:e087179):
  all 21 items, with 6a to 6h and 7a to 7h(ii), in two copies of its tables (PMC13084563).
"""

from collections.abc import Collection
from dataclasses import dataclass

AUTHORS = "authors"
NOT_HERE = "Not part of this study"


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a checklist: its number, what it asks for, and the headings that answer it, if any can."""

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
        "5 | Setting, places and dates | m_units_and_windows authors",
        "6a | Who could enter, from where, how followed | estimand m_units_and_windows attrition authors",
        "6b | Matching: by what, and how many on each side | ",
        "7 | Outcomes, exposures, confounders; criteria of diagnoses | m_exposure estimand protocol authors",
        "8 | Sources and measurement of each variable, alike in both groups | data_quality authors",
        "9 | What was done about bias | identifiability m_immortal_time_and_negative_control",
        "10 | How the size of the study came about | attrition precision",
        "11 | Handling and grouping of quantitative variables | m_predictors predictors",
        "12a | Statistical methods, confounding included | m_primary_contrast m_beside_the_primary_contrast",
        "12b | Subgroups and interactions | m_periods_and_arms_against_each_other m_predictors",
        "12c | Missing data | m_missing_covariates",
        "12d | Loss to follow-up | estimand m_units_and_windows m_time_to_the_first_relapse",
        "12e | Sensitivity analyses | m_sensitivity_analyses",
        "13a | Numbers at each stage | attrition",
        "13b | Reasons for leaving | attrition",
        "13c | Flow diagram considered | attrition",
        "14a | Characteristics, exposures and confounders of those studied | baseline",
        "14b | Missing data of each variable | baseline",
        "14c | Follow-up time, average and total | relapse_rates baseline",
        "15 | Events over time | relapse_rates relapse_free",
        "16a | Estimates, unadjusted and adjusted, with precision | rate_ratios",
        "16b | Boundaries of categories | predictors baseline",
        "16c | Absolute risks where they mean something | risk_difference",
        "17 | Other analyses | sensitivity predictors longitudinal",
        "18 | Key results | abstract",
        "19 | Limitations, direction and size of bias | identifiability precision authors",
        "20 | Cautious interpretation, similar studies | abstract evidence_pooled evidence_grade authors",
        "21 | Generalisability | authors",
        "22 | Funding, and what the funders did | authors",
    ),
    ("Items after von Elm E, et al. Lancet 2007;370:1453-1457, in our own words.",),
)
RECORD = Checklist(
    "record",
    "RECORD: where each item beyond STROBE is answered",
    _items(
        "1.1 | Kind of data in title or abstract, with databases by name | abstract authors",
        "1.2 | Region and time frame in title or abstract | authors",
        "1.3 | Linkage of databases, if any, in title or abstract | attrition authors",
        "6.1 | How the population was selected: codes, algorithms | estimand m_units_and_windows protocol",
        "6.2 | Validation of these codes or algorithms | authors",
        "6.3 | Linkage of databases, if any, as a diagram | attrition",
        "7.1 | All codes that define exposure, outcome, confounders | m_exposure protocol authors",
        "12.1 | How far the investigators had access to the source | authors",
        "12.2 | Cleaning of the data | data_quality",
        "12.3 | Linkage of persons or institutions, how, and how well | attrition authors",
        "13.1 | Selection of persons by quality, availability and linkage of data | attrition data_quality",
        "19.1 | What follows from data not made for this question | identifiability authors",
        "22.1 | Access to protocol, data and code | software authors",
    ),
    ("Items after Benchimol EI, et al. PLoS Med 2015;12:e1001885, in our own words.",),
)
TARGET = Checklist(
    "target",
    "TARGET: where each item is answered",
    _items(
        "1a | Abstract: emulation named, with aims and the target trial in short | authors",
        "1b | Abstract: sources of data | abstract authors",
        "1c | Abstract: assumptions, methods, findings, conclusions | abstract",
        "2 | Background and what is not known | authors",
        "3 | Causal question | estimand",
        "4 | Why a trial is emulated with these data; trials behind its design | estimand authors",
        "5 | Sources of data: purpose, kind, places, setting, time; how pooled | attrition authors",
        "6a | Target trial: eligibility | estimand",
        "6b | Target trial: treatment strategies | estimand",
        "6c | Target trial: assignment at random, not blinded | estimand",
        "6d | Target trial: follow-up from assignment to its end | estimand",
        "6e | Target trial: outcomes | estimand",
        "6f | Target trial: causal contrasts and measures of effect | estimand",
        "6g | Target trial: assumptions that identify each estimand, their variables | estimand authors",
        "6h | Target trial: analysis, missing data included | estimand authors",
        "7a | Here: eligibility | estimand attrition",
        "7b | Here: treatment strategies | estimand m_exposure",
        "7c | Here: assignment | estimand identifiability m_weighting",
        "7d | Here: follow-up from assignment; its end | estimand m_immortal_time_and_negative_control",
        "7e | Here: outcomes | estimand m_units_and_windows",
        "7f | Here: causal contrasts and measures of effect | estimand m_primary_contrast",
        "7g(i) | Here: assumptions, on confounding at baseline above all | identifiability estimand",
        "7g(ii) | Here: variables of these assumptions | m_adjustment_and_standardised_rates protocol",
        "7h(i) | Here: analysis, missing data included | m_primary_contrast m_missing_covariates",
        "7h(ii) | Here: further analyses of what choices and assumptions do | "
        "m_sensitivity_analyses m_what_the_interval_excludes",
        "8 | Numbers assessed, eligible and in each strategy | attrition identifiability",
        "9 | Characteristics at baseline, by strategy | baseline",
        "10 | Length of follow-up and why it ended, by strategy | relapse_rates authors",
        "11 | Missing data of all variables, by strategy | baseline",
        "12 | Outcomes, by strategy | relapse_rates relapse_free",
        "13 | Effects with precision, relative and absolute | rate_ratios risk_difference",
        "14 | Results of all further analyses | sensitivity precision rate_ratios",
        "15 | Interpretation of the key findings | abstract authors",
        "16 | Limitations: target trial against emulation, how plausible the assumptions are | "
        "estimand identifiability authors",
        "17 | Ethics approval | authors",
        "18 | Registration: whether, when, where | authors",
        "19 | Access to data, code and materials | software authors",
        "20 | Funding, and what the funders did | authors",
        "21 | Conflicts of interest | authors",
    ),
    (
        "Items after Cashin AG, et al. JAMA 2025;334:1084-1093, in our own words; a journal wants the "
        "published form. TARGET is for emulations with adjustment for baseline confounders: where the "
        "verdict is that arms cannot be told from sites, assignment is not emulated, and what is said under "
        "the items above is that.",
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
