"""The pictures: what is drawn, what is said in words, and that they are fit for print."""

import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gravida.errors import ConfigurationError
from gravida.evidence.sheet import check_published_rates
from gravida.figures import (
    canvas,
    course,
    draw_course,
    draw_figures,
    draw_predictors,
    draw_rootogram,
    draw_sensitivity,
    forest,
    predictors,
    rootogram,
    sensitivity,
)
from gravida.report.sections.contrasts import describe_sensitivity
from gravida.tables import read_cells
from report_frames import OK, attrition_table, dispersion_table, released, sensitivity_table

from schemas.evidence import PUBLISHED_RATES

SHEET = Path(__file__).parents[2] / "resources/evidence/published_rates.csv"
WHOLE = ("pre_pregnancy_year", "pregnancy", "postpartum_year")
TRIMESTERS = ("trimester_1", "trimester_2", "trimester_3")
QUARTERS = tuple(f"postpartum_q{quarter}" for quarter in range(1, 5))


@pytest.fixture
def published():
    return check_published_rates(read_cells(SHEET, "published rates"))


def rates(periods, arms=("treated", "untreated", "all")):
    """One rate of 0.4 (0.2 to 0.8) for each arm and period."""
    numbers = (0.4, 0.2, 0.8, 71, 60, 19, False)
    rows = [("arm", arm, "", period, *numbers) for arm in arms for period in periods]
    columns = ["group", "arm", "site", "period", "rate", "lower", "upper"]
    columns += ["pregnancies", "women", "relapses", "suppressed"]
    return pd.DataFrame(rows, columns=columns)


def withhold(frame, arm, period):
    chosen = (frame["arm"] == arm) & (frame["period"] == period)
    frame = frame.assign(suppressed=frame["suppressed"] | chosen)
    return frame.assign(**{name: frame[name].mask(chosen) for name in ("rate", "lower", "upper")})


def predictor(model, name, level="", reference="", ratio=(1.0, 0.5, 2.0), status="ok", reason="", **more):
    row = {
        "model": model, "predictor": name, "level": level, "reference": reference, "rate_ratio": ratio[0],
        "lower": ratio[1], "upper": ratio[2], "p_value": 0.5, "p_holm": 1.0, "pregnancies": 132, "women": 112,
        "relapses": 42, "status": status, "reason": reason, "suppressed": False,
    }  # fmt: skip
    return row | more


def texts(monkeypatch, module, draw, *arguments):
    """Draw and return the words on the picture with their sizes in points."""
    from matplotlib.text import Text

    picture = picture_of(monkeypatch, module, draw, *arguments)
    found = [text for text in picture.findobj(Text) if text.get_text() and text.get_visible()]
    return {text.get_text(): text.get_fontsize() for text in found}


def picture_of(monkeypatch, module, draw, *arguments):
    """Draw and return the figure before it becomes a PNG."""
    kept = []
    monkeypatch.setattr(module, "png", lambda figure, dpi, mark="": kept.append(figure) or b"")
    draw(*arguments)
    return kept[0]


def png_chunks(content):
    place = 8
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        yield content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        place += 12 + length


def test_the_pictures_are_174_mm_wide_at_300_dots_an_inch_and_carry_no_date(published):
    rows = pd.DataFrame([predictor("univariable", "ivig", "yes", "no")])
    roots, choices = draw_rootogram(dispersion_table()), draw_sensitivity(sensitivity_table())
    for picture in (draw_course(rates(WHOLE), published), draw_predictors(rows), roots, choices):
        assert picture.startswith(b"\x89PNG\r\n\x1a\n")
        chunks = dict(png_chunks(picture))
        assert struct.unpack(">I", chunks[b"IHDR"][:4])[0] == int(174 / 25.4 * 300)
        assert not {b"tEXt", b"iTXt", b"zTXt", b"tIME"} & set(chunks)


def test_the_same_input_gives_the_same_bytes(published):
    assert draw_course(rates(WHOLE), published, dpi=72) == draw_course(rates(WHOLE), published, dpi=72)
    rows = pd.DataFrame([predictor("multivariable", "ivig", "yes", "no")])
    assert draw_predictors(rows, dpi=72) == draw_predictors(rows, dpi=72)
    assert draw_rootogram(dispersion_table(), dpi=72) == draw_rootogram(dispersion_table(), dpi=72)
    assert draw_sensitivity(sensitivity_table(), dpi=72) == draw_sensitivity(sensitivity_table(), dpi=72)


def test_no_letter_is_below_7_points(monkeypatch, published):
    drawn = texts(monkeypatch, course, draw_course, rates((*WHOLE, *TRIMESTERS, *QUARTERS)), published)
    rows = pd.DataFrame([predictor("univariable", "edss_before", "per point", ratio=(1.2, 0.9, 1.6))])
    drawn |= texts(monkeypatch, predictors, draw_predictors, rows)
    drawn |= texts(monkeypatch, rootogram, draw_rootogram, dispersion_table())
    drawn |= texts(monkeypatch, sensitivity, draw_sensitivity, sensitivity_table())
    assert len(drawn) > 20
    assert min(drawn.values()) >= 7


def test_arms_differ_in_colour_and_in_marker():
    styles = list(course.ARM_STYLES.values())
    assert len({colour for colour, _ in styles}) == len({marker for _, marker in styles}) == len(styles)


def test_five_cohorts_with_rates_before_in_and_after_pregnancy_are_chosen(published):
    """Counted by hand in the sheet: 6, 5 and 5 periods; 3 and a range in pregnancy; 3 of most pregnancies."""
    labels = [curve.label for curve in course.published_curves(published)]
    assert labels == [
        "Egypt multicentre 2021",
        "Dobson meta 2020",
        "PRIMS Confavreux 1998",
        "Langer-Gould 2020",
        "MSBase Yeh 2021",
    ]


def test_prims_is_drawn_at_its_printed_rates(published):
    """0.7 in the year before, 0.5, 0.6 and 0.2 by trimester, 1.2 in the first three months after."""
    prims = next(c for c in course.published_curves(published) if c.label == "PRIMS Confavreux 1998")
    assert prims.points == (
        (-645, -280, 0.7, True),
        (-280, -182, 0.5, True),
        (-182, -84, 0.6, True),
        (-84, 0, 0.2, True),
        (0, 91, 1.2, True),
    )


def test_a_rate_of_another_window_or_of_none_that_is_stated_is_marked(published):
    """Dobson: before and after are not stated; Egypt: two years before; PRIMS: all as drawn."""
    stated = {
        curve.label.split()[0]: [exact for *_, exact in curve.points]
        for curve in course.published_curves(published)
    }
    assert stated["Dobson"] == [False, True, True, True, False]
    assert stated["Egypt"][0] is False and all(stated["Egypt"][1:])
    assert all(stated["PRIMS"])


def test_only_annualized_rates_are_drawn(published):
    ratios = published.assign(estimate_type="IRR")
    assert course.published_curves(ratios) == []
    assert draw_course(rates(WHOLE), ratios, dpi=72).startswith(b"\x89PNG")


def test_trimesters_and_quarters_replace_the_whole_periods():
    drawn = course.arm_rates(rates((*WHOLE, *TRIMESTERS, *QUARTERS)))
    expected = ["pre_pregnancy_year", *TRIMESTERS, *QUARTERS]
    assert list(drawn.loc[drawn["arm"] == "treated", "period"]) == expected
    assert set(drawn["arm"]) == {"treated", "untreated"}


def withhold_all(*cells):
    """Return a table of every period in which the rates of these (arm, period) are withheld."""
    table = rates((*WHOLE, *TRIMESTERS, *QUARTERS))
    for cell in cells:
        table = withhold(table, *cell)
    return table


def drawn_in(table, whole):
    """Return what is drawn of a whole period and its parts, in order: (arm, period), dashed apart."""
    rows = course.arm_rates(table)
    rows = rows[rows["period"].isin((whole, *course.PARTS[whole]))]
    pairs = list(zip(rows["arm"], rows["period"], rows["dashed"], strict=True))
    return [pair[:2] for pair in pairs if not pair[2]], [pair[:2] for pair in pairs if pair[2]]


BOTH_WHOLE = [("treated", "pregnancy"), ("untreated", "pregnancy")]
LACKS_A_PART = [("untreated", "trimester_3")]
LACKS_EVERY_PART_OF_AN_ARM = [("treated", part) for part in TRIMESTERS]
LACKS_A_PART_OF_ALL = [*LACKS_A_PART, ("all", "trimester_3")]


@pytest.mark.parametrize("withheld", [LACKS_A_PART, LACKS_EVERY_PART_OF_AN_ARM])
def test_where_a_trimester_of_an_arm_is_withheld_both_arms_are_drawn_together(withheld):
    points, dashed = drawn_in(withhold_all(*withheld), "pregnancy")
    assert points == [("all", part) for part in TRIMESTERS]
    assert dashed == BOTH_WHOLE
    assert drawn_in(withhold_all(*withheld), "postpartum_year")[0] == [
        (arm, quarter) for arm in ("treated", "untreated") for quarter in QUARTERS
    ]


def test_where_one_of_both_arms_together_is_withheld_too_the_whole_pregnancy_is_drawn():
    assert drawn_in(withhold_all(*LACKS_A_PART_OF_ALL), "pregnancy") == (BOTH_WHOLE, [])


def test_where_an_arm_over_the_whole_is_withheld_both_are_drawn_together_over_the_whole():
    for lacking in (LACKS_A_PART, LACKS_A_PART_OF_ALL):
        table = withhold_all(*lacking, BOTH_WHOLE[1])
        assert drawn_in(table, "pregnancy") == ([("all", "pregnancy")], [])
    table = withhold_all(("treated", "pre_pregnancy_year"))
    assert drawn_in(table, "pre_pregnancy_year") == ([("all", "pre_pregnancy_year")], [])


def test_what_is_left_is_drawn_and_where_nothing_is_the_axis_says_so(monkeypatch, published):
    nothing_whole = [*LACKS_A_PART, *BOTH_WHOLE, ("all", "pregnancy")]
    assert drawn_in(withhold_all(*nothing_whole), "pregnancy")[0] == [("all", part) for part in TRIMESTERS]
    one_arm = [*LACKS_A_PART_OF_ALL, BOTH_WHOLE[0], ("all", "pregnancy")]
    assert drawn_in(withhold_all(*one_arm), "pregnancy") == ([BOTH_WHOLE[1]], [])
    table = withhold_all(*one_arm, BOTH_WHOLE[1])
    assert drawn_in(table, "pregnancy") == ([], [])
    assert "Pregnancy\nnot shown" in texts(monkeypatch, course, draw_course, table, published)


def test_the_picture_says_what_stands_in_and_why(monkeypatch, published):
    table = withhold_all(*LACKS_A_PART, ("treated", "postpartum_q4"), ("all", "postpartum_q4"))
    assert course.course_notes(table) == [
        "Pregnancy: a trimester of an arm is withheld; shown: both arms together by trimester, each arm over "
        "the whole (dashed).",
        "Year after delivery: a quarter of an arm is withheld; shown: each arm over the whole.",
        course.WHY,
    ]
    on_picture = texts(monkeypatch, course, draw_course, table, published)
    assert "\n".join(course.course_notes(table)) in on_picture
    assert {"Both arms together", "T1", "Year after"} <= set(on_picture) and "Q1" not in on_picture


def test_nothing_is_said_where_nothing_is_lacking():
    for table in (withhold_all(), rates(WHOLE), withhold_all().query("arm == 'treated'")):
        assert course.course_notes(table) == []


def test_an_arm_that_dates_no_relapse_is_not_in_both_arms_together():
    """Its quarters hold no pregnancy: those of both arms together are the other arm's alone."""
    table = withhold_all(*(("untreated", part) for part in TRIMESTERS)).assign(suppressed=False)
    assert drawn_in(table, "pregnancy") == (BOTH_WHOLE, [])
    assert course.course_notes(table) == [
        "Pregnancy: a trimester of an arm is not estimable; shown: each arm over the whole."
    ]


def test_the_points_of_an_arm_over_the_whole_stand_between_those_of_the_parts():
    parts = {course.drawn_day("all", part, False) for whole in ("pregnancy", "postpartum_year")
             for part in course.PARTS[whole]}  # fmt: skip
    wholes = [course.drawn_day(*cell, True) for cell in [*BOTH_WHOLE, ("treated", "postpartum_year")]]
    assert min(abs(day - part) for day in wholes for part in parts) > 30
    assert len(set(wholes)) == 3


def test_no_note_runs_out_of_the_picture(monkeypatch, published):
    table = withhold_all(("treated", "pre_pregnancy_year"), *LACKS_A_PART, ("treated", "postpartum_q2"))
    picture = picture_of(monkeypatch, course, draw_course, table, published)
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(picture).get_renderer()
    (notes,) = picture.texts
    assert len(notes.get_text().splitlines()) == 4
    place = notes.get_window_extent(renderer)
    (axes,) = picture.axes
    under = min(label.get_window_extent(renderer).y0 for label in axes.get_xticklabels())
    assert place.x1 < picture.bbox.x1 and picture.bbox.y0 < place.y0 and place.y1 < under


def test_without_dated_relapses_the_three_whole_periods_are_picture_of(monkeypatch, published):
    drawn = course.arm_rates(rates(WHOLE))
    assert list(drawn.loc[drawn["arm"] == "untreated", "period"]) == list(WHOLE)
    assert not drawn["dashed"].any()
    on_picture = texts(monkeypatch, course, draw_course, rates(WHOLE), published)
    assert {"Year before", "Year after"} <= set(on_picture)
    assert not [text for text in on_picture if "shown" in text]


def test_a_registry_of_one_arm_draws_that_arm():
    assert set(course.arm_rates(rates(WHOLE, arms=("treated", "all")))["arm"]) == {"treated"}


def test_where_nothing_can_be_drawn_the_picture_says_so(monkeypatch, published):
    nothing = rates(WHOLE).assign(rate=np.nan, lower=np.nan, upper=np.nan)
    from gravida.figures import canvas

    drawn = texts(monkeypatch, canvas, draw_course, nothing, published)
    assert list(drawn) == ["No rate can be drawn: all are withheld or not estimable."]
    drawn = texts(monkeypatch, canvas, draw_predictors, pd.DataFrame())
    assert list(drawn) == ["No predictor was analysed."]


def test_labels_that_would_overlap_are_moved_apart():
    placed = sorted(course.apart([0.37, 0.36, 0.29, 0.7], 0.06))
    assert min(np.diff(placed)) >= 0.06 - 1e-6
    assert placed[-1] == 0.7


def test_the_forest_plot_says_in_words_what_it_cannot_draw(monkeypatch):
    nothing = (np.nan, np.nan, np.nan)
    hidden = {"pregnancies": np.nan, "relapses": np.nan, "p_value": np.nan, "suppressed": True}
    rows = pd.DataFrame(
        [
            predictor("univariable", "edss_before", "per point", ratio=(1.2, 0.9, 1.6)),
            predictor("univariable", "dmt_before", "high", "none", nothing, **hidden),
            predictor("multivariable", "ivig", "yes", "no", nothing, "not_estimable", "one arm only"),
        ]
    )
    drawn = texts(monkeypatch, predictors, draw_predictors, rows)
    assert "1.20 (0.90 to 1.60)\n132 / 42" in drawn
    assert "withheld" in drawn
    assert "not estimable: one arm\nonly" in drawn
    assert "DMT before pregnancy\nhigh against none" in drawn


def test_the_ratio_axis_holds_the_intervals_and_stops_at_20():
    wide = pd.DataFrame([predictor("univariable", "ivig", ratio=(3.0, 0.001, 900.0))])
    assert forest.ratio_limits(wide) == (0.05, 20)
    narrow = pd.DataFrame([predictor("univariable", "ivig", ratio=(1.0, 0.9, 1.1))])
    low, high = forest.ratio_limits(narrow)
    assert low < 0.9 and high > 1.1


def test_the_shipped_sheet_of_published_rates_passes_its_schema(published):
    assert len(PUBLISHED_RATES.validate(published)) == 53


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("estimate_type", "rate"), ("value", "-0.1"), ("hi", "0.01"), ("year", "3000"), ("source", ""),
        ("study", ""), ("value", "0,7"), ("value", ""),
    ],
)  # fmt: skip
def test_a_wrong_cell_of_the_sheet_is_refused_with_its_study_and_column(column, value):
    cells = read_cells(SHEET, "published rates")
    cells.loc[0, column] = value
    named = "in row 1 below the header" if column == "study" else "PRIMS Confavreux"
    with pytest.raises(ConfigurationError, match=f"published_rates: study {named}, column {column}"):
        check_published_rates(cells)


def test_a_sheet_in_another_form_is_a_fault_of_the_configuration():
    cells = read_cells(SHEET, "published rates")
    tables = {"relapse_rates": rates(WHOLE), "predictors": pd.DataFrame()}
    for wrong in (cells.drop(columns="lo"), cells.assign(value="-1"), cells.assign(more=""), cells.head(0)):
        with pytest.raises(ConfigurationError, match="published_rates"):
            draw_figures(tables | {"published_rates": wrong})
    tables |= {"published_rates": cells}
    assert set(draw_figures(tables)) == {"course", "course_chart", "predictors"}
    tables |= {"dispersion": dispersion_table(), "sensitivity": sensitivity_table()}
    tables |= {"attrition": attrition_table()}
    drawn = {"course", "course_chart", "flow", "predictors", "rootogram", "sensitivity"}
    assert set(draw_figures(tables)) == drawn


def test_bars_hang_from_what_is_expected(monkeypatch):
    """Of 99.78 expected down by the root of 100 observed, of 23.5 expected by that of 24."""
    picture = picture_of(monkeypatch, rootogram, draw_rootogram, dispersion_table())
    (axes,) = picture.axes
    bars = [bar.get_bbox() for bar in axes.patches]
    assert len(bars) == 2
    assert [bar.y1 for bar in bars] == pytest.approx([99.78**0.5, 23.5**0.5])
    assert [bar.height for bar in bars] == pytest.approx([10, 24**0.5])
    assert bars[1].y0 < 0 < bars[1].y1
    said = [text.get_text() for text in axes.texts]
    assert said == ["withheld", "withheld"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "1", "2", "3+"]


def test_without_expected_numbers_the_picture_says_why(monkeypatch):
    observed = dispersion_table().assign(value=np.nan, reason="needs the rows of every site")
    picture = picture_of(monkeypatch, canvas, draw_rootogram, observed)
    (said,) = [text.get_text() for axes in picture.axes for text in axes.texts]
    assert said.startswith("No expected number") and said.endswith("\nneeds the rows of every site")


def test_each_period_has_its_panel(monkeypatch):
    year = dispersion_table()
    before = year.assign(period="pre_pregnancy_year")
    nothing = year.assign(period="pregnancy", statistic=np.nan, value=np.nan, reason="no relapse in an arm")
    picture = picture_of(monkeypatch, rootogram, draw_rootogram, pd.concat([before, nothing, year]))
    assert [axes.get_title(loc="left") for axes in picture.axes] == [
        "Year before pregnancy",
        "Year after delivery",
    ]


def test_without_numbers_of_pregnancies_the_rootogram_says_so(monkeypatch):
    from gravida.figures import canvas

    for table in (dispersion_table().head(1), dispersion_table().tail(2)):
        assert list(texts(monkeypatch, canvas, draw_rootogram, table)) == [
            "No number of pregnancies can be drawn: all are withheld or not estimable."
        ]
    assert list(texts(monkeypatch, canvas, draw_sensitivity, pd.DataFrame())) == [
        "No sensitivity analysis was made."
    ]


def test_the_primary_ratio_goes_through_all_scenarios(monkeypatch):
    picture = picture_of(monkeypatch, sensitivity, draw_sensitivity, sensitivity_table())
    (axes,) = picture.axes
    dashed = [line for line in axes.lines if line.get_linestyle() == "--" and len(set(line.get_xdata())) == 1]
    assert [line.get_xdata()[0] for line in dashed] == [1.409]
    assert [line.get_marker() for line in axes.lines].count("D") == 1
    said = [text.get_text() for text in axes.texts]
    assert "1.20 (0.70 to 2.00)" in said and "132 / 42" in said
    assert "not estimable: one arm only" in said and "withheld" in said
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[:3] == [
        "Primary analysis",
        "Adjusted for relapses in the year before\npregnancy",
        "First pregnancy of each woman",
    ]


@pytest.mark.parametrize("sites", [20, 21])
def test_of_many_sites_left_out_two_are_drawn(monkeypatch, sites):
    left_out = [
        {
            "scenario": f"leave_out:S{number}",
            "rate_ratio": 1.5 - abs(number - 7) / 100,
            "lower": 1.0,
            "upper": 2,
        }
        | {"pregnancies": 100, "relapses": 40, "status": "ok"}
        for number in range(sites - 1)
    ]
    table = sensitivity_table(*left_out)
    (axes,) = picture_of(monkeypatch, sensitivity, draw_sensitivity, table).axes
    labels = {" ".join(label.get_text().split()) for label in axes.get_yticklabels()}
    ends = {f"Without site S{sites - 2}, the lowest of 21 sites", "Without site S7, the highest of 21 sites"}
    if sites == 20:
        assert len(labels) == len(table) and not ends & labels
    else:
        assert len(labels) == len(table) - sites + 2 and ends <= labels
        assert "of 6 rate ratios" in describe_sensitivity(table)
    none = table.assign(rate_ratio=table["rate_ratio"].where(~table["scenario"].str.startswith("leave_out")))
    (axes,) = picture_of(monkeypatch, sensitivity, draw_sensitivity, none).axes
    labels = {label.get_text() for label in axes.get_yticklabels()}
    assert ("Without one of 21 sites" in labels) == (sites == 21)


def test_without_a_primary_ratio_there_is_no_line_for_it(monkeypatch):
    table = sensitivity_table()
    (axes,) = picture_of(
        monkeypatch, sensitivity, draw_sensitivity, table[table["scenario"] != "primary"]
    ).axes
    assert {line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1} >= {1}
    assert not [line for line in axes.lines if line.get_linestyle() == "--"]


def test_the_joint_test_of_predictors_is_written_in_its_row(monkeypatch):
    row = {"model": "multivariable", "predictor": "all_but_ivig", "p_joint": 0.02, "pregnancies": 114, **OK}
    drawn = texts(monkeypatch, predictors, draw_predictors, released("predictors", [row]))
    assert "joint p = 0.020" in drawn and "All but IVIG" in drawn
