"""The sections of the report in their order; each module holds the tables of one subject."""

from gravida.report.sections.contrasts import RATE_RATIOS, SENSITIVITY
from gravida.report.sections.course import LONGITUDINAL
from gravida.report.sections.design import ESTIMABILITY, IDENTIFIABILITY
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
    DISPERSION,
    DATA_QUALITY,
)
