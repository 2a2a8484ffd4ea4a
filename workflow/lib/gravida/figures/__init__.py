"""The pictures of the study, drawn from released tables only, as PNG for print."""

from collections.abc import Mapping

import pandas as pd

from gravida.figures.course import draw_course
from gravida.figures.course_chart import draw_course_chart
from gravida.figures.flow import draw_flow
from gravida.figures.predictors import draw_predictors
from gravida.figures.rootogram import draw_rootogram
from gravida.figures.sensitivity import draw_sensitivity

__all__ = [
    "draw_course",
    "draw_course_chart",
    "draw_figures",
    "draw_flow",
    "draw_predictors",
    "draw_rootogram",
    "draw_sensitivity",
]


def draw_figures(
    tables: Mapping[str, pd.DataFrame], confidence: float = 0.95, synthetic: bool = False
) -> dict[str, bytes]:
    """Draw every figure of the study.

    Parameters
    ----------
    tables : mapping of name to DataFrame
        `published_rates` (cells of text), and released `relapse_rates` and `predictors`; `attrition`,
        `dispersion` and `sensitivity` add a picture each.
    confidence : float
        Coverage of the limits in the tables, 0 to 1.
    synthetic : bool
        Whether rows of the study are invented; every picture then says so.

    Returns
    -------
    dict of bytes
        PNG by name: `course`, `flow`, `predictors`, `rootogram`, `sensitivity`; and `course_chart`, SVG.

    Raises
    ------
    ConfigurationError
        If the sheet of published rates is not in its form.
    """
    # Imported here: whatever else draws a picture has no sheet to check.
    from gravida.evidence.sheet import check_published_rates

    published = check_published_rates(tables["published_rates"])
    mark = "synthetic data" if synthetic else ""
    pictures = {
        "course": draw_course(tables["relapse_rates"], published, confidence=confidence, mark=mark),
        "course_chart": draw_course_chart(tables["relapse_rates"], published, confidence, mark).encode(),
        "predictors": draw_predictors(tables["predictors"], confidence=confidence, mark=mark),
    }
    if "attrition" in tables:
        pictures["flow"] = draw_flow(tables["attrition"], mark=mark)
    if "dispersion" in tables:
        pictures["rootogram"] = draw_rootogram(tables["dispersion"], mark=mark)
    if "sensitivity" in tables:
        pictures["sensitivity"] = draw_sensitivity(tables["sensitivity"], confidence=confidence, mark=mark)
    return pictures
