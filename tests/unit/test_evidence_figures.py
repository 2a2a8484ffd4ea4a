"""The pictures of the published evidence: what is drawn, what is said, and that no word covers another."""

import itertools
import math
import struct

import evidence_frames as made
import numpy as np
import pandas as pd
import pytest
from gravida import words
from gravida.figures import evidence_cumulative, evidence_forest, evidence_funnel, evidence_table, forest
from gravida.figures.evidence_cumulative import draw_evidence_cumulative
from gravida.figures.evidence_forest import draw_evidence_forest
from gravida.figures.evidence_funnel import draw_evidence_funnel
from gravida.figures.evidence_table import main_method, pool, read_pools
from matplotlib.backends.backend_agg import FigureCanvasAgg

NAN = float("nan")
NOTHING = (NAN, NAN, NAN)
OWN = "This registry"


def one_study():
    """One study and its pool, no registry, no review."""
    ratio = made.mantel_haenszel([made.HELLWIG])
    pools = [
        made.pooled("main", ratio, 1),
        made.pooled("main", ratio, 1, "inverse_variance"),
        made.pooled("main", NOTHING, 1, "reml", interval="hartung_knapp", status="not_estimable",
                    reason="one study says nothing of how studies differ"),
        made.pooled("cumulative:Hellwig", ratio, 1),
    ]  # fmt: skip
    return made.weighted([made.study("Hellwig", 2008, made.HELLWIG)]), pd.DataFrame(pools)


def broken_cells():
    """Two studies of which one has a negative ratio, and one with counts that are not there."""
    studies, pools = one_study()
    odd = [
        made.study("Negative", 2009, ratio=(-0.4, -0.9, 2.0)),
        made.study("Endless", 2010, ratio=(0.4, NAN, math.inf)),
        made.study("Unbounded", 2011, ratio=(0.7, NAN, NAN)),
        made.study("$Dollar$", 2012, ratio=(30.0, 25.0, 800.0), weight=-3.0),
    ]
    return pd.concat([studies, pd.DataFrame(odd)], ignore_index=True), pools


FRAMES = {
    "bcg": lambda: (made.bcg_studies(), made.bcg_pooled()),
    "ivig": lambda: (made.ivig_studies(), made.ivig_pooled()),
    "withheld": lambda: (made.ivig_studies(withheld=True), made.ivig_pooled(withheld=True)),
    "one": one_study,
    "forty": made.many_studies,
    "fifteen": lambda: made.many_studies(15),
    "broken": broken_cells,
}
DRAWN = {
    "forest": lambda studies, pooled, **more: draw_evidence_forest(studies, pooled, **more),
    "funnel": lambda studies, pooled, **more: draw_evidence_funnel(studies, pooled, **more),
    "cumulative": lambda studies, pooled, **more: draw_evidence_cumulative(pooled, **more),
}
MODULES = {"forest": evidence_forest, "funnel": evidence_funnel, "cumulative": evidence_cumulative}


def picture(monkeypatch, kind, studies, pooled, **more):
    """Return the figure before it becomes a PNG."""
    kept = []
    monkeypatch.setattr(MODULES[kind], "png", lambda figure, dpi, mark="": kept.append(figure) or b"")
    DRAWN[kind](studies, pooled, **more)
    return kept[0]


def written(figure):
    """Return the texts of a figure that can be seen."""
    from matplotlib.text import Text

    return [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]


def words_of(figure):
    return [text.get_text() for text in written(figure)]


def row_of(figure, label, panel=0):
    """Return what else is written at the height of the row with this label, in the order of its writing."""
    own = label_of(figure, label, panel)
    place = own.get_position()[1]
    level = [text for text in written(figure) if text.axes is own.axes and text.get_position()[1] == place]
    return [text.get_text().replace("\n", " ") for text in level if text is not own]


def label_of(figure, label, panel=0):
    return [text for text in written(figure) if text.get_text().replace("\n", " ") == label][panel]


def marks_at(figure, label):
    """Return the markers, intervals (from, to) and diamonds that are drawn at the height of a row."""
    own = label_of(figure, label)
    place = own.get_position()[1]
    lines = [line for line in own.axes.lines if list(line.get_ydata()) == [place]]
    spans = [span.get_segments()[0] for span in own.axes.collections]
    diamonds = [patch for patch in own.axes.patches if place in patch.get_xy()[:, 1]]
    return lines, [tuple(span[:, 0]) for span in spans if place in span[:, 1]], diamonds


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("kind", DRAWN)
def test_no_words_cover_others_or_leave_the_picture(monkeypatch, kind, name):
    figure = picture(monkeypatch, kind, *FRAMES[name]())
    figure.text(0.995, 0.008, "synthetic data", ha="right", va="bottom", fontsize=7, fontstyle="italic")
    sheet = FigureCanvasAgg(figure)
    figure.set_dpi(300)
    sheet.draw()
    boxes = [(text.get_text(), text.get_window_extent(sheet.get_renderer())) for text in written(figure)]
    assert len(boxes) > 5
    for (first, here), (second, there) in itertools.combinations(boxes, 2):
        apart = here.x1 <= there.x0 or there.x1 <= here.x0 or here.y1 <= there.y0 or there.y1 <= here.y0
        assert apart, f"{first!r} covers {second!r}"
    for text, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0, text
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text


@pytest.mark.parametrize("kind", DRAWN)
def test_pictures_are_174_mm_wide_and_the_same_for_the_same_tables(kind):
    frames = FRAMES["ivig"]()
    first = DRAWN[kind](*frames, mark="synthetic data")
    assert first.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">I", first[16:20])[0] == int(174 / 25.4 * 300)
    assert first == DRAWN[kind](*frames, mark="synthetic data")
    assert first != DRAWN[kind](*frames)


@pytest.mark.parametrize("kind", DRAWN)
def test_no_letter_is_below_7_points(monkeypatch, kind):
    assert min(text.get_fontsize() for text in written(picture(monkeypatch, kind, *FRAMES["ivig"]()))) >= 7


@pytest.mark.parametrize("kind", DRAWN)
def test_tables_are_left_as_they_were(kind):
    studies, pooled = FRAMES["ivig"]()
    before = studies.copy(), pooled.copy()
    DRAWN[kind](studies, pooled, dpi=40)
    pd.testing.assert_frame_equal(studies, before[0])
    pd.testing.assert_frame_equal(pooled, before[1])


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("forest", "No published study with a ratio is in the main pool."),
        ("funnel", "No published study with a ratio and limits is in the main pool."),
        ("cumulative", "No pool of the published studies, one after the other, can be drawn."),
    ],
)
def test_without_numbers_the_picture_says_so(monkeypatch, kind, said):
    shown = []
    monkeypatch.setattr(MODULES[kind], "picture_of_words", lambda text, dpi: shown.append(text) or b"")
    studies, pooled = FRAMES["ivig"]()
    nowhere = studies.assign(included=False), pooled.assign(estimate=NAN)
    for frames in ((pd.DataFrame(), pd.DataFrame()), (studies.head(0), pooled.head(0)), nowhere):
        DRAWN[kind](*frames)
    assert shown == [said] * 3


def test_the_registry_alone_is_no_published_evidence(monkeypatch):
    studies, pooled = FRAMES["ivig"]()
    shown = []
    for module in (evidence_forest, evidence_funnel):
        monkeypatch.setattr(module, "picture_of_words", lambda text, dpi: shown.append(text) or b"")
    draw_evidence_forest(studies[studies["registry"]], pooled)
    draw_evidence_funnel(studies[studies["registry"]], pooled)
    assert len(shown) == 2


def test_a_study_stands_with_its_numbers_and_inferred_ones_are_marked(monkeypatch):
    """5 of 14 against 39 of 74: 5 * 35 / (9 * 39) = 0.499, exp(+-1.96 sqrt(1/5+1/9+1/39+1/35)) = 3.28."""
    figure = picture(monkeypatch, "forest", *FRAMES["ivig"]())
    assert row_of(figure, "Hellwig (2008)†")[:2] == ["5/14", "39/74†"]
    assert row_of(figure, "Hellwig (2008)†")[-1] == "0.50 (0.15 to 1.63)"
    assert row_of(figure, "Adjusted (2023) dearer drug") == [
        "ratio as printed",
        "–",
        "0.22 (0.08 to 0.59)†",
    ]
    notes = " ".join(words_of(figure))
    assert "† Inferred from other numbers" in notes
    assert row_of(picture(monkeypatch, "forest", *one_study()), "Hellwig (2008)")[:2] == ["5/14", "39/74"]


def test_a_dagger_stands_only_where_something_is_inferred(monkeypatch):
    said = " ".join(words_of(picture(monkeypatch, "forest", *one_study())))
    assert "†" not in said and "‡" not in said


def test_a_zero_cell_is_marked_at_the_ratio(monkeypatch):
    """0 of 20 against 4 of 22: (0.5 * 18.5) / (20.5 * 4.5) = 0.100."""
    figure = picture(monkeypatch, "forest", *FRAMES["ivig"]())
    printed = row_of(figure, f"{made.LONG_NAME} (2012)")[-1]
    assert printed.startswith("0.10 (") and printed.endswith("‡")
    assert any(text.startswith("‡ A cell of the study is 0") for text in words_of(figure))
    assert "‡" not in row_of(figure, "Hellwig (2008)†")[-1]


def test_all_events_in_an_arm_is_a_zero_cell_of_odds_but_not_of_rates():
    row = pd.Series(made.study("All", 2000, (4, 4, 3, 9)) | {"registry": False})
    assert evidence_table.has_zero_cell(row, "OR")
    rate = pd.Series(made.study("All", 2000, (4, 4.0, 3, 9.0), measure="IRR"))
    assert not evidence_table.has_zero_cell(rate, "IRR")
    none = pd.Series(made.study("None", 2000, (0, 4.0, 3, 9.0), measure="IRR"))
    assert evidence_table.has_zero_cell(none, "IRR")


def test_a_study_that_is_left_out_is_hollow_and_says_why(monkeypatch):
    figure = picture(monkeypatch, "forest", *FRAMES["ivig"]())
    lines, _, _ = marks_at(figure, "Achiron 1996 earlier deliveries of the same women")
    (square,) = [line for line in lines if line.get_marker() == "s"]
    assert square.get_markerfacecolor() == "white"
    assert marks_at(figure, "Orvieto (1999) the control group is a single woman")
    assert marks_at(figure, "Brandt-Wouters (2016) historical control")
    lines, _, _ = marks_at(figure, "Hellwig (2008)†")
    assert [line.get_markerfacecolor() for line in lines if line.get_marker() == "s"] == [forest.FOREST]


def test_squares_have_areas_by_weight(monkeypatch):
    """Stein & Aronson 22.2% against TPT Madras 32.6% (Mantel-Haenszel): sides as the roots of these."""
    studies = made.bcg_studies()
    figure = picture(monkeypatch, "forest", studies, made.bcg_pooled())
    sides = {}
    for name in ("Stein & Aronson (1953)", "TPT Madras (1980)"):
        lines, _, _ = marks_at(figure, name)
        (sides[name],) = [line.get_markersize() for line in lines if line.get_marker() == "s"]
    weight = studies.set_index("study")["weight"]
    expected = weight["Stein & Aronson"] / weight["TPT Madras"]
    assert (sides["Stein & Aronson (1953)"] / sides["TPT Madras (1980)"]) ** 2 == pytest.approx(expected)
    assert row_of(figure, "Stein & Aronson (1953)") == [
        "180/1,541", "372/1,451", f"{weight['Stein & Aronson']:.1f}", "0.38 (0.32 to 0.47)",
    ]  # fmt: skip


def test_pools_stand_below_the_studies_and_before_above_after(monkeypatch):
    """Mantel-Haenszel of the 13 trials by metafor: 0.623 (0.575 to 0.675); REML exp(-0.745)."""
    figure = picture(monkeypatch, "forest", made.bcg_studies(), made.bcg_pooled())
    assert row_of(figure, "Main pool, Mantel-Haenszel") == ["13 studies", "0.62 (0.57 to 0.68)"]
    assert row_of(figure, "Random effects (REML, Hartung-Knapp)") == ["13 studies", "0.47 (0.32 to 0.71)"]
    assert any("Q 163.94, df 12, p < 0.001; I² 93%" in text.replace("\n", " ") for text in words_of(figure))
    figure = picture(monkeypatch, "forest", *FRAMES["ivig"]())
    labels = [
        "Main pool, Mantel-Haenszel", "Random effects (REML, Hartung-Knapp)", "Rosa 2018, as pooled there",
        "Main pool with this registry, Mantel-Haenszel",
    ]  # fmt: skip
    places = [label_of(figure, label).get_position()[1] for label in labels]
    assert places == sorted(places)
    assert row_of(figure, "Rosa 2018, as pooled there") == ["4 studies", "0.32 (0.15 to 0.67)"]


def test_a_diamond_reaches_from_limit_to_limit_with_its_prediction_interval(monkeypatch):
    figure = picture(monkeypatch, "forest", made.bcg_studies(), made.bcg_pooled())
    _, spans, (diamond,) = marks_at(figure, "Random effects (REML, Hartung-Knapp)")
    assert sorted(set(diamond.get_xy()[:, 0])) == pytest.approx(sorted(np.exp(made.BCG_REML)))
    (thin,) = spans
    assert thin == pytest.approx(tuple(np.exp(made.BCG_PREDICTION)))


def test_where_limits_go_beyond_the_axis_there_are_arrows(monkeypatch):
    """The axis ends at 1/20: the lower limit of 0/14 against 1/1 is 0.0002."""
    figure = picture(monkeypatch, "forest", *FRAMES["ivig"]())
    lines, _, _ = marks_at(figure, "Orvieto (1999) the control group is a single woman")
    assert [(line.get_marker(), line.get_xdata()[0]) for line in lines] == [("<", 0.05)]


def test_rate_ratios_are_pooled_by_what_takes_in_printed_ones(monkeypatch):
    studies, pooled = FRAMES["ivig"]()
    pools = read_pools(pooled)
    assert main_method(pools, "IRR") == "inverse_variance"
    assert main_method(pools, "OR") == "mantel_haenszel"
    more = pooled.assign(studies=pooled["studies"].where(pooled["method"] != "inverse_variance", 4))
    assert main_method(read_pools(more), "OR") == "inverse_variance"
    whole = pooled.assign(studies=pooled["studies"].where(pooled["measure"] != "IRR", 2))
    assert main_method(read_pools(whole), "IRR") == "mantel_haenszel"
    figure = picture(monkeypatch, "forest", studies, pooled)
    assert row_of(figure, "Main pool, inverse variance") == ["2 studies", "0.62 (0.36 to 1.06)"]
    assert row_of(figure, "Main pool with this registry, inverse variance")[-1] == "0.60 (0.40 to 0.90)"


def test_of_two_ways_with_zero_cells_the_one_with_an_answer_is_taken():
    rows = [
        made.pooled("main", NOTHING, 2, "reml", status="not_estimable", reason="a zero cell"),
        made.pooled("main", (0.5, 0.2, 1.2), 2, "reml", zero_cells="half"),
    ]
    pools = read_pools(pd.DataFrame(rows))
    assert pool(pools, "main", "OR", "reml")["estimate"] == 0.5
    assert pool(pools, "main", "OR", "reml", policies=("none",))["reason"] == "a zero cell"
    assert pool(pools, "main", "OR", "peto") is None


def test_a_pool_without_an_answer_says_why(monkeypatch):
    figure = picture(monkeypatch, "forest", *FRAMES["ivig"]())
    assert "not converged: the likelihood has no highest point" in words_of(figure)
    figure = picture(monkeypatch, "forest", *one_study())
    said = [text.replace("\n", " ") for text in words_of(figure)]
    assert "not estimable: one study says nothing of how studies differ" in said


def test_withheld_numbers_are_not_drawn(monkeypatch):
    open_figure = picture(monkeypatch, "forest", *FRAMES["ivig"]())
    assert words_of(open_figure).count(OWN) == 2 and "12/60" in words_of(open_figure)
    figure = picture(monkeypatch, "forest", *FRAMES["withheld"]())
    said = words_of(figure)
    assert "12/60" not in said and "withheld" in said
    hidden = [text for text in written(figure) if text.get_text() == OWN]
    assert len(hidden) == 2
    for text in hidden:
        place = text.get_position()[1]
        assert not [line for line in text.axes.lines if list(line.get_ydata()) == [place]]
    figure = picture(monkeypatch, "funnel", *FRAMES["withheld"]())
    assert OWN not in words_of(figure) and "this registry" not in words_of(figure)
    assert "D" not in [
        line.get_marker() for axes in figure.axes for line in axes.lines if len(line.get_xdata())
    ]
    figure = picture(monkeypatch, "cumulative", *FRAMES["withheld"]())
    assert "D" not in [line.get_marker() for axes in figure.axes for line in axes.lines]
    assert [row_of(figure, f"+ {OWN}", panel) for panel in (0, 1)] == [["–", "withheld"]] * 2


def test_a_withheld_count_beside_an_open_one_is_named(monkeypatch):
    studies, pooled = FRAMES["ivig"]()
    small = studies["registry"] & (studies["measure"] == "OR")
    studies = studies.assign(
        suppressed=small,
        **{name: studies[name].mask(small) for name in ("treated_events", "estimate", "lower", "upper")},
    )
    figure = picture(monkeypatch, "forest", studies, pooled)
    assert "withheld/60" in words_of(figure) and "25/72" in words_of(figure)


def test_what_the_pools_leave_out_is_said_below(monkeypatch):
    said = " ".join(words_of(picture(monkeypatch, "forest", *FRAMES["ivig"]()))).replace("\n", " ")
    assert "No ratio can be had from: Haas (2007)." in said
    assert "Relapses were counted, not women with a relapse: Achiron (2004)." in said
    assert "Left out of the pool with this registry, which holds its women: Horvat Ledinek 2020." in said


def test_standard_errors_are_of_the_coverage_of_the_limits():
    """Woolf's error of 5/14 against 39/74; 95% limits that are taken for 90% ones give 1.96 / 1.645 of it."""
    table = evidence_table.read_studies(pd.DataFrame([made.study("Counted", 2001, made.HELLWIG)]))
    woolf = math.sqrt(1 / 5 + 1 / 9 + 1 / 39 + 1 / 35)
    for confidence, times in ((0.95, 1.0), (0.9, 1.959964 / 1.644854)):
        (error,) = evidence_funnel._points(table, "OR", confidence)["se"]
        assert error == pytest.approx(woolf * times, abs=1e-5)


def test_standard_errors_are_those_of_metafor():
    """Roots of the sampling variances of the log odds ratios of the first and the eighth trial."""
    table = evidence_table.read_studies(made.bcg_studies())
    points = evidence_funnel._points(table, "OR", 0.95).set_index("name")["se"]
    assert points["Aronson (1948)"] == pytest.approx(math.sqrt(0.357124952253629), abs=1e-6)
    assert points["TPT Madras (1980)"] == pytest.approx(math.sqrt(0.00400696201214883), abs=1e-6)


def test_the_funnel_stands_around_the_main_pool(monkeypatch):
    """At a standard error s the sides are at exp(-0.436 -+ 1.96 s)."""
    figure = picture(monkeypatch, "funnel", made.bcg_studies(), made.bcg_pooled())
    (axes,) = figure.axes
    sides = [line for line in axes.lines if line.get_linestyle() == ":"]
    for sign, line in zip((-1, 1), sides, strict=True):
        deepest = line.get_ydata()[1]
        assert math.log(line.get_xdata()[0]) == pytest.approx(-0.43613907613641)
        assert math.log(line.get_xdata()[1]) == pytest.approx(-0.436139 + sign * 1.959964 * deepest, abs=1e-5)
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    assert "Egger's test of asymmetry: t = -1.51, df 11, p = 0.160" in words_of(figure)


def test_few_studies_have_no_test_of_asymmetry(monkeypatch):
    said = words_of(picture(monkeypatch, "funnel", *FRAMES["ivig"]()))
    assert "3 studies: too few for a test of asymmetry (10 are needed)" in said
    said = words_of(picture(monkeypatch, "funnel", *one_study()))
    assert "1 study: too few for a test of asymmetry (10 are needed)" in said


def test_all_names_of_fifteen_studies_are_on_the_funnel_and_none_of_forty(monkeypatch):
    studies, pooled = made.many_studies(15)
    said = {text.replace("\n", " ") for text in words_of(picture(monkeypatch, "funnel", studies, pooled))}
    table = evidence_table.read_studies(studies)
    assert len(table) == 15
    assert {words.study_name(row) for _, row in table.iterrows()} <= said
    studies, pooled = made.many_studies(40)
    said = " ".join(words_of(picture(monkeypatch, "funnel", studies, pooled)))
    assert "Study of MS" not in said


def test_rate_ratios_make_the_funnel_where_there_is_no_odds_ratio(monkeypatch):
    studies, pooled = FRAMES["ivig"]()
    figure = picture(monkeypatch, "funnel", studies[studies["measure"] != "OR"], pooled)
    assert "Rate ratio of relapses, treated over control" in words_of(figure)
    assert "Horvat Ledinek 2020" in words_of(figure) and "Hellwig (2008)" not in words_of(figure)


def test_studies_are_added_in_the_order_of_the_table(monkeypatch):
    figure = picture(monkeypatch, "cumulative", *FRAMES["bcg"]())
    labels = [text for text in words_of(figure) if text.startswith("+ ")]
    assert labels[:3] == ["+ Aronson", "+ Ferguson & Simes", "+ Stein & Aronson"]
    assert len(labels) == 13
    assert row_of(figure, "+ Aronson") == ["1", "0.39 (0.12 to 1.26)"]
    # All 13: the main pool by metafor, 0.623 (0.575 to 0.675).
    assert row_of(figure, "+ TPT Madras") == ["13", "0.62 (0.57 to 0.68)"]


def test_the_registry_is_the_last_step_and_stands_out(monkeypatch):
    figure = picture(monkeypatch, "cumulative", *FRAMES["ivig"]())
    assert "Odds ratio of a relapse, treated over control: cumulative, Mantel-Haenszel" in words_of(figure)
    for axes in figure.axes:
        own = next(text for text in axes.texts if text.get_text() == f"+ {OWN}")
        assert own.get_fontweight() == "bold" and own.get_color() == evidence_table.REGISTRY
        assert own.get_position()[1] == max(
            text.get_position()[1] for text in axes.texts if text.get_text().startswith("+ ")
        )
    assert any("takes the place of studies of its own women" in text for text in words_of(figure))


def test_what_cannot_be_a_ratio_is_not_drawn(monkeypatch):
    figure = picture(monkeypatch, "forest", *broken_cells())
    assert "Negative (2009)" not in words_of(figure)
    assert any("No ratio can be had from: Negative (2009)" in text for text in words_of(figure))
    assert row_of(figure, "Endless (2010)")[-1] == "0.40 (no limits)"
    assert "$Dollar$ (2012)" in words_of(figure)
    assert row_of(figure, "$Dollar$ (2012)")[-1] == "30.0 (25.0 to 800)"


@pytest.mark.parametrize(
    ("ratio", "printed"),
    [
        ((0.318, 0.1515, 0.6693), "0.32 (0.15 to 0.67)"),
        ((0.001, 0.0, 12.345), "<0.01 (0.00 to 12.3)"),
        ((1234.5, NAN, 2e6), "1,234 (– to 2,000,000)"),
        ((0.5, NAN, NAN), "0.50 (no limits)"),
    ],
)
def test_ratios_are_printed_to_about_three_figures(ratio, printed):
    assert forest.ratio_words(*ratio) == printed


def test_words_are_broken_to_the_width_they_have():
    lines = forest.fitted("W" * 60 + " and then some", 1.0).split("\n")
    assert "".join(lines).replace(" ", "").startswith("W" * 60)
    assert len(lines) > 5
    assert all(forest._inches(line, False) <= 1.0 for line in lines)
    assert forest.fitted("short", 1.0) == "short"
