"""The sections of the report in their order; each module holds the tables of one subject."""

from gravida.report.sections.changes import CHANGES
from gravida.report.sections.contrasts import RATE_RATIOS, SENSITIVITY
from gravida.report.sections.cost_and_safety import COST, DOSES, SAFETY
from gravida.report.sections.course import LONGITUDINAL
from gravida.report.sections.design import ESTIMABILITY, IDENTIFIABILITY
from gravida.report.sections.evidence import (
    EVIDENCE_AUDIT,
    EVIDENCE_GRADE,
    EVIDENCE_POOLED,
    EVIDENCE_STUDIES,
)
from gravida.report.sections.flow import ATTRITION, DATA_QUALITY
from gravida.report.sections.people import BALANCE, BASELINE
from gravida.report.sections.precision import PRECISION
from gravida.report.sections.predictors import PREDICTABILITY, PREDICTORS
from gravida.report.sections.rates import DISPERSION, RELAPSE_RATES, SITES
from gravida.report.sections.survival import RELAPSE_FREE, RISK_DIFFERENCE, TIME_TO_RELAPSE

# By the headings under which the contents list them.
PARTS = {
    "Who was studied": (ATTRITION, BASELINE),
    "Relapse rates": (RELAPSE_RATES,),
    "Treated and untreated": (IDENTIFIABILITY, ESTIMABILITY, RATE_RATIOS, PRECISION, DISPERSION),
    "The course": (LONGITUDINAL,),
    "Predictors": (PREDICTORS, PREDICTABILITY),
    "Time to relapse": (RELAPSE_FREE, RISK_DIFFERENCE, TIME_TO_RELAPSE),
    "Sites and other choices": (SITES, BALANCE, SENSITIVITY),
    "Published evidence": (EVIDENCE_STUDIES, EVIDENCE_POOLED, EVIDENCE_GRADE, EVIDENCE_AUDIT),
    "Cost and safety": (COST, SAFETY, DOSES),
    "Changes and quality": (CHANGES, DATA_QUALITY),
}
SECTIONS = tuple(section for part in PARTS.values() for section in part)
