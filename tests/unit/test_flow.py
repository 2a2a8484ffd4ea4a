"""The flow diagram: whose boxes there are, what they say, and that nothing stands on something else."""

import itertools

import pandas as pd
import pytest
from gravida import words
from gravida.figures import canvas, draw_flow
from gravida.figures.flow import MOST_LINES, MOST_SITES, lay_out
from gravida.report.sections.flow import describe_flow
from report_frames import attrition_table

REFUSED = {"site": "third", "step": "left_out", "reason": "the submission was refused", "pregnancies": 12}


def said(boxes):
    return [(box.title, *box.said) for box in boxes]


def test_every_site_has_its_boxes_with_pregnancies_and_women():
    boxes, arrows = lay_out(attrition_table())
    assert said(boxes) == [
        ("Accepted at intake", "132 pregnancies, 112 women"),
        ("Site north", "71 pregnancies, 60 women"),
        ("Site south", "61 pregnancies, 52 women"),
        ("Pregnancy", "Analysed: 71 pregnancies, 60 women"),
        ("Pregnancy", "Analysed: 61 pregnancies, 52 women"),
    ]
    # One to each site, and one from it to its period.
    assert len(arrows) == 4


def test_an_exclusion_is_told_where_it_took_somebody_or_is_withheld():
    table = attrition_table()
    out = table["step"] == "excluded_pregnancy"
    table.loc[out & (table["site"] == "north"), ["pregnancies", "women"]] = (9, 8)
    hidden = out & (table["site"] == "south")
    table.loc[hidden, ["pregnancies", "women"]] = None
    table.loc[hidden, "suppressed"] = True
    boxes, _ = lay_out(table)
    assert boxes[-2].said[1:] == ["Left out, no day: 9 pregnancies, 8 women"]
    assert boxes[-1].said[1:] == ["Left out, no day: withheld"]


def test_what_is_not_used_stands_beside_and_no_women_are_made_up():
    boxes, arrows = lay_out(attrition_table(REFUSED))
    assert said(boxes)[1] == ("Not used", "Site third, the submission was refused: 12 pregnancies")
    assert arrows[0][-1] == (boxes[1].left, boxes[0].middle)
    many = [REFUSED | {"site": f"site_{place}"} for place in range(MOST_LINES + 3)]
    assert len(lay_out(attrition_table(*many))[0][1].said) == MOST_LINES + 1


def test_one_site_and_many_sites_are_one_column():
    table = attrition_table()
    one = table[table["site"] != "south"]
    assert [title for title, *_ in said(lay_out(one)[0])] == ["Accepted at intake", "Pregnancy"]
    more = [table[table["site"] == "north"].assign(site=f"s{place}") for place in range(MOST_SITES - 1)]
    many = pd.concat([attrition_table(), *more])
    assert said(lay_out(many)[0]) == [
        ("Accepted at intake", "132 pregnancies, 112 women"),
        ("Pregnancy", "Analysed: 132 pregnancies, 112 women"),
    ]


@pytest.mark.parametrize("rows", [(), (REFUSED,)], ids=["all used", "one refused"])
def test_boxes_do_not_touch_and_lie_within_the_picture(rows):
    table = attrition_table(*rows)
    table["reason"] = table["reason"].replace("no day", "a long reason of many words " * 6)
    table.loc[table["step"] == "excluded_pregnancy", "pregnancies"] = 10
    boxes, _ = lay_out(table)
    for one, other in itertools.combinations(boxes, 2):
        beside = one.left + one.width <= other.left or other.left + other.width <= one.left
        assert beside or one.bottom < other.top or other.bottom < one.top, (one.title, other.title)
    assert all(box.left >= 0 and box.left + box.width <= 174 for box in boxes)


def test_letters_are_7_points_and_stay_in_their_boxes(monkeypatch):
    from gravida.figures import flow
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    kept = []
    monkeypatch.setattr(flow, "png", lambda figure, dpi, mark="": kept.append(figure) or b"")
    table = attrition_table(REFUSED)
    table["reason"] = table["reason"].replace("no day", "Women whom NOBODY saw, and more of them " * 4)
    table.loc[table["step"] == "excluded_pregnancy", "pregnancies"] = 10
    draw_flow(table)
    renderer = FigureCanvasAgg(kept[0]).get_renderer()
    texts = [text for text in kept[0].findobj(Text) if text.get_text()]
    assert min(text.get_fontsize() for text in texts) >= 7
    millimetre = kept[0].dpi / 25.4
    for text in texts:
        across, down = text.get_position()
        (box,) = (
            box
            for box in lay_out(table)[0]
            if box.left < across < box.left + box.width and box.top < down < box.bottom
        )
        assert text.get_window_extent(renderer).x1 / millimetre <= box.left + box.width, text
    assert len(texts) > 8


def test_the_same_table_gives_the_same_bytes_and_none_is_said_in_words(monkeypatch):
    assert draw_flow(attrition_table(), dpi=72) == draw_flow(attrition_table(), dpi=72)
    told = []
    monkeypatch.setattr(
        canvas, "png", lambda figure, dpi, mark="": told.append(figure.axes[0].texts[0]) or b""
    )
    draw_flow(attrition_table().head(0))
    assert told[0].get_text() == "No pregnancy was accepted at intake."


def test_the_flow_in_words_names_every_site_and_what_is_withheld():
    table = attrition_table()
    table.loc[table["site"] == "south", ["pregnancies", "women"]] = None
    table.loc[table["site"] == "south", "suppressed"] = True
    told = describe_flow(table)
    assert "All sites: Submitted: 132 pregnancies, 112 women; Analysed, pregnancy: 132 pregnancies" in told
    assert told.count(words.WITHHELD) == 2 and told.endswith(
        "Site south: Submitted: withheld; Analysed, pregnancy: withheld."
    )
