"""Ratios drawn on the page: at their place, within the scale, and in words."""

import re
from math import log

import numpy as np
import pytest
from gravida.report.forest import draw_answer, draw_contrasts
from report_frames import NOTHING, ratio, ratios

WITHIN = "identifiable within sites"


def ends(drawing):
    """Return the line of limits of each ratio: where it begins and ends."""
    found = re.findall(r'<line x1="(\S+)" y1="\S+" x2="(\S+)" y2="\S+" [^/]*stroke-width="2"', drawing)
    return [tuple(map(float, pair)) for pair in found]


def test_limits_stand_where_the_logarithm_says():
    """From 0.5 to 4 over 436: 0.764 is ln(0.764/0.5)/ln 8 of it from the left, 2.598 likewise."""
    drawing = draw_answer(ratios(), WITHIN)
    places = [12 + 436 * log(limit / 0.5) / log(8) for limit in (0.764, 2.598)]
    assert ends(drawing) == [pytest.approx(tuple(places), abs=0.06)]
    assert 'aria-label="Rate ratio, untreated over treated: 1.409 (0.764 to 2.598)."' in drawing


def test_more_relapses_stand_on_the_side_of_the_arm_that_has_them():
    assert "← more in treated" in draw_answer(ratios(), WITHIN)
    assert "more in untreated →" in draw_answer(ratios(), WITHIN)
    assert "← more in untreated" in draw_answer(ratios(contrast="treated/untreated"), WITHIN)


@pytest.mark.parametrize("numbers", [(2.5, 1.1, 9.0, 0.02), (0.4, 0.11, 0.9, 0.02)])
def test_the_words_above_a_ratio_far_from_1_have_room(numbers):
    """A letter of 13 pixels is about 7 wide; the drawing is 460."""
    drawing = draw_answer(ratios(numbers=numbers, contrast="treated/untreated"), WITHIN)
    end, start = (float(x) for x in re.findall(r'<text x="(\S+)" y="16"', drawing))
    assert end >= 7 * len("← more in untreated")
    assert start + 7 * len("more in treated →") <= 460


@pytest.mark.parametrize(
    ("numbers", "arrows"),
    [((1.2, 0.0, 3.0, 0.5), 1), ((1.2, 0.5, np.nan, 0.5), 1), ((1.2, 1e-3, 1e3, 0.5), 2)],
)
def test_a_limit_beyond_the_scale_is_an_arrow(numbers, arrows):
    drawing = draw_answer(ratios(numbers=numbers), WITHIN)
    assert drawing.count("<path") == arrows
    assert "nan" not in drawing and "inf" not in drawing
    assert all(0 <= end <= 460 for pair in ends(drawing) for end in pair)


def test_without_an_answer_nothing_is_drawn():
    assert draw_answer(ratios(), "not identifiable") == ""
    assert draw_answer(ratios(numbers=NOTHING), WITHIN) == ""
    assert draw_contrasts(ratios(), WITHIN) == "", "one ratio stands beside no other"


def test_analyses_of_another_period_are_not_set_beside_the_primary_one():
    other = ratio(
        (0.8, 0.5, 1.2, 0.4), primary=False, period="pre_pregnancy_year", analysis="negative_control"
    )
    firth = ratio((1.403, 0.77, 2.557, 0.3), primary=False, model="firth_poisson", analysis="firth")
    hidden = ratio(NOTHING, primary=False, analysis="adjusted", suppressed=True)
    drawing = draw_contrasts(ratios(other, firth, hidden), WITHIN)
    assert len(ends(drawing)) == 2
    assert "1.403 (0.770 to 2.557)" in drawing and "0.800" not in drawing
    assert drawing.count('font-weight="bold"') == 2, "name and numbers of the primary one"
