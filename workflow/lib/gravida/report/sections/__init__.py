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

SECTIONS = (
    IDENTIFIABILITY,
    ESTIMABILITY,
    ATTRITION,
    BASELINE,
    RELAPSE_RATES,
    RATE_RATIOS,
    PRECISION,
    LONGITUDINAL,
    RELAPSE_FREE,
    RISK_DIFFERENCE,
    TIME_TO_RELAPSE,
    PREDICTORS,
    PREDICTABILITY,
    SITES,
    BALANCE,
    SENSITIVITY,
    EVIDENCE_STUDIES,
    EVIDENCE_POOLED,
    EVIDENCE_GRADE,
    EVIDENCE_AUDIT,
    COST,
    SAFETY,
    DOSES,
    DISPERSION,
    CHANGES,
    DATA_QUALITY,
)
