"""The chart of the course: every point has the released numbers, and nothing withheld has a point."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from gravida.evidence.sheet import check_published_rates
from gravida.figures.course_chart import NOTHING, draw_course_chart
from gravida.tables import read_cells

SHEET = Path(__file__).resolve().parents[2] / "resources/evidence/published_rates.csv"
WHOLE = ("pre_pregnancy_year", "pregnancy", "postpartum_year")
TRIMESTERS = ("trimester_1", "trimester_2", "trimester_3")
NUMBERS = ("rate", "lower", "upper", "relapses", "pregnancies", "women")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def published():
    return check_published_rates(read_cells(SHEET, "published rates"))


def rates(periods=WHOLE, arms=("treated", "untreated", "all")):
    rows = [
        {"group": "arm", "arm": arm, "period": period, "suppressed": False}
        | dict(zip(NUMBERS, (0.27, 0.16, 0.42, 19, 71, 60), strict=True))
        for arm in arms
        for period in periods
    ]
    return pd.DataFrame(rows)


def withhold(frame, arm, period, columns=NUMBERS):
    chosen = (frame["arm"] == arm) & (frame["period"] == period)
    hidden = {name: frame[name].mask(chosen) for name in columns}
    return frame.assign(suppressed=frame["suppressed"] | chosen, **hidden)


def points(drawing):
    """Return what each point says, by the name of its series."""
    root = ElementTree.fromstring(drawing)
    return {
        group.get("data-name"): [
            point.get("aria-label") for point in group.iter(f"{SVG}g") if point.get("class") == "point"
        ]
        for group in root.iter(f"{SVG}g")
        if "series" in (group.get("class") or "")
    }


def test_a_point_says_rate_limits_and_counts(published):
    said = points(draw_course_chart(rates(), published))
    numbers = "0.27 relapses per year (95% CI 0.16 to 0.42); 19 relapses, 71 pregnancies, 60 women"
    assert said["Treated"] == [
        f"Treated, year before pregnancy: {numbers}",
        f"Treated, pregnancy: {numbers}",
        f"Treated, year after delivery: {numbers}",
    ]
    assert "(90% CI 0.16" in draw_course_chart(rates(), published, confidence=0.9)


def test_published_cohorts_are_as_in_the_sheet(published):
    """Confavreux 1998: 0.7 in the year before, 0.2 in the third trimester."""
    said = points(draw_course_chart(rates(), published))["PRIMS Confavreux 1998"]
    assert "PRIMS Confavreux 1998, year before pregnancy: 0.7 relapses per year (published)" in said
    assert "PRIMS Confavreux 1998, trimester 3: 0.2 relapses per year (published)" in said


def test_a_withheld_rate_has_no_point_and_a_note_says_so(published):
    hidden = withhold(rates((*WHOLE, *TRIMESTERS)), "treated", "trimester_2")
    hidden["rate"] = hidden["rate"].mask(
        (hidden["arm"] != "all") & hidden["period"].isin(TRIMESTERS[:1]), 0.91
    )
    drawing = draw_course_chart(hidden, published)
    said = points(drawing)
    assert not [text for arm in ("Treated", "Untreated") for text in said[arm] if "trimester" in text]
    assert "0.91" not in drawing
    assert "a trimester of an arm is withheld" in drawing


def test_a_withheld_count_is_not_said(published):
    hidden = withhold(rates(), "treated", "pregnancy", columns=("women", "pregnancies"))
    said = points(draw_course_chart(hidden, published))["Treated"]
    assert said[1] == "Treated, pregnancy: 0.27 relapses per year (95% CI 0.16 to 0.42); 19 relapses"


def test_one_arm_is_drawn_alone(published):
    said = points(draw_course_chart(rates(arms=("treated",)), published))
    assert "Treated" in said and "Untreated" not in said


def test_where_all_is_withheld_there_is_no_point(published):
    hidden = rates().assign(suppressed=True, **dict.fromkeys(NUMBERS, float("nan")))
    drawing = draw_course_chart(hidden, published)
    assert points(drawing) == {}
    assert NOTHING in drawing


def test_names_cannot_become_markup_and_points_stay_inside(published):
    named = published.assign(study=published["study"].replace("PRIMS Confavreux", '<b>"&'))
    drawing = draw_course_chart(rates(), named, mark="synthetic <data>")
    assert "<b>" not in drawing and "<data>" not in drawing
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', drawing).groups())
    for x, y in re.findall(r'data-x="([^"]+)" data-y="([^"]+)"', drawing):
        assert 0 <= float(x) <= width and 0 <= float(y) <= height


def test_the_same_rates_give_the_same_drawing(published):
    assert draw_course_chart(rates(), published) == draw_course_chart(rates(), published)
