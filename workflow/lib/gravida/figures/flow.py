"""The flow of the study as boxes: who came in, who is not used, and who is analysed in each period.

The form follows CONSORT (Schulz KF, et al. BMJ 2010;340:c332); item 13c of STROBE asks whether
such a diagram was considered.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from gravida import words
from gravida.figures.canvas import DOUBLE_COLUMN_INCHES, picture_of_words, png, style

# All lengths are in millimetres, from the upper left corner.
MM = 25.4
WIDTH, MARGIN, GAP = DOUBLE_COLUMN_INCHES * MM, 1.0, 5.0
LINE, PADDING, LETTER = 3.4, 1.6, 1.45
TOP_WIDTH, ASIDE = 80.0, 8.0
# The boxes of a column hang from a line at its left.
TRUNK, INDENT, BETWEEN = 3.0, 8.0, 3.0
# With more sites than this only all of them together are drawn; of what is not used there are so many lines.
MOST_SITES, MOST_LINES = 3, 6
EDGE, TINT = "#4A5A6A", "#F4F7FA"
NOT_USED = ("left_out", "quarantined", "repeated")
Line = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Box:
    """A box: where it is, its bold title and what else it says."""

    left: float
    top: float
    width: float
    title: str
    said: Sequence[str]

    @property
    def lines(self) -> tuple[list[str], list[str]]:
        """Return the lines of the title, whose letters are wider, and those of the text."""
        room = (self.width - 2 * PADDING) / LETTER
        text = [line for each in self.said for line in textwrap.wrap(each, int(room), subsequent_indent="  ")]
        return textwrap.wrap(self.title, int(room / 1.12)), text

    @property
    def bottom(self) -> float:
        """Return where the box ends."""
        return self.top + LINE * sum(map(len, self.lines)) + 2 * PADDING

    @property
    def middle(self) -> float:
        """Return how far down its middle is."""
        return (self.top + self.bottom) / 2


def draw_flow(attrition: pd.DataFrame, dpi: int = 300, mark: str = "") -> bytes:
    """Draw who came in, and for each period who is analysed and who is left out; by site, where they are few.

    Parameters
    ----------
    attrition : DataFrame
        The released table `attrition`; a withheld count is drawn as the word.
    dpi : int
        Dots per inch of the 174 mm wide picture.
    mark : str
        What every copy of the picture must say, in its corner.

    Returns
    -------
    bytes
        PNG, the same bytes for the same input. A table without rows gives a picture that says so.
    """
    if not (attrition["step"] == "submitted").any():
        return picture_of_words("No pregnancy was accepted at intake.", dpi)
    boxes, arrows = lay_out(attrition)
    height = max(box.bottom for box in boxes) + MARGIN + LINE * bool(mark)
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(DOUBLE_COLUMN_INCHES, height / MM))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(height, 0))
        axes.axis("off")
        for arrow in arrows:
            _draw_arrow(axes, arrow)
        for box in boxes:
            _draw_box(axes, box)
        return png(figure, dpi, mark)


def lay_out(attrition: pd.DataFrame) -> tuple[list[Box], list[Line]]:
    """Return the boxes and the arrows between them.

    Parameters
    ----------
    attrition : DataFrame
        As in `draw_flow`, with rows.
    """
    sites = [site for site in attrition["site"].unique() if _rows(attrition, site, "submitted")]
    named = [site for site in sites if site != "all"]
    several = 1 < len(named) <= MOST_SITES
    everyone = [words.people(row) for row in _rows(attrition, "all", "submitted")]
    not_used = _not_used(attrition)
    # In the middle over several columns, but where something stands beside it.
    left = (WIDTH - TOP_WIDTH) / 2 if several and not not_used else MARGIN
    top = Box(left, MARGIN, TOP_WIDTH, "Accepted at intake", everyone)
    right = left + TOP_WIDTH + ASIDE
    aside = [Box(right, MARGIN, WIDTH - MARGIN - right, "Not used", not_used)] if not_used else []
    below = max(box.bottom for box in (top, *aside)) + GAP
    heads = _site_boxes(attrition, named, below) if several else [top]
    stages = _stage_boxes(attrition, named if several else ["all"], heads)
    arrows = [[(top.left + top.width, top.middle), (box.left, top.middle)] for box in aside]
    if several:
        middle, turn = top.left + top.width / 2, below - GAP / 2
        for head in heads:
            place = head.left + head.width / 2
            arrows.append([(middle, top.bottom), (middle, turn), (place, turn), (place, head.top)])
    for head, column in zip(heads, stages, strict=True):
        trunk = head.left + TRUNK
        arrows += [[(trunk, head.bottom), (trunk, box.middle), (box.left, box.middle)] for box in column]
    under = [box for column in stages for box in column]
    return [top, *aside, *(heads if several else []), *under], arrows


def _rows(attrition: pd.DataFrame, site: str, step: str) -> list[pd.Series]:
    chosen = attrition[(attrition["site"] == site) & (attrition["step"] == step)]
    return [row for _, row in chosen.iterrows()]


def _not_used(attrition: pd.DataFrame) -> list[str]:
    """Return a line for each part of what was sent and is not used."""
    rows = attrition[attrition["step"].isin(NOT_USED) & (attrition["site"] != "all")]
    lines = [
        f"Site {row['site']}, {words.text(row['reason'])}: {words.people(row)}" for _, row in rows.iterrows()
    ]
    more = ["and more: see the table"] if len(lines) > MOST_LINES else []
    return [*lines[:MOST_LINES], *more]


def _site_boxes(attrition: pd.DataFrame, sites: Sequence[str], top: float) -> list[Box]:
    width = (WIDTH - 2 * MARGIN - GAP * (len(sites) - 1)) / len(sites)
    return [
        Box(
            MARGIN + place * (width + GAP),
            top,
            width,
            f"Site {site}",
            [words.people(row) for row in _rows(attrition, site, "submitted")],
        )
        for place, site in enumerate(sites)
    ]


def _stage_boxes(attrition: pd.DataFrame, sites: Sequence[str], heads: Sequence[Box]) -> list[list[Box]]:
    """Return for each column its boxes, those of one period at one height."""
    steps = [step for step in attrition["step"].unique() if step.startswith("analysed_")]
    columns: list[list[Box]] = [[] for _ in sites]
    top = max(head.bottom for head in heads) + GAP
    for step in steps:
        for site, head, column in zip(sites, heads, columns, strict=True):
            title = words.words(step.removeprefix("analysed_"), words.PERIODS)
            said = _analysed_and_left_out(attrition, site, step)
            column.append(Box(head.left + INDENT, top, head.width - INDENT, title, said))
        top = max(column[-1].bottom for column in columns) + BETWEEN
    return columns


def _analysed_and_left_out(attrition: pd.DataFrame, site: str, step: str) -> list[str]:
    """Return the lines of a box; a filter that took nobody has none."""
    analysed = [f"Analysed: {words.people(row)}" for row in _rows(attrition, site, step)]
    left_out = [
        f"Left out, {words.text(row['reason'])}: {words.people(row)}"
        for row in _rows(attrition, site, step.replace("analysed_", "excluded_"))
        if words.is_missing(row["pregnancies"]) or row["pregnancies"]
    ]
    return [*analysed, *left_out]


def _draw_box(axes, box: Box) -> None:
    from matplotlib.patches import Rectangle

    edge = {"facecolor": TINT, "edgecolor": EDGE, "linewidth": 0.8}
    axes.add_patch(Rectangle((box.left, box.top), box.width, box.bottom - box.top, **edge))
    title, text = box.lines
    lines = [*((line, "bold") for line in title), *((line, "normal") for line in text)]
    for place, (line, weight) in enumerate(lines):
        height = box.top + PADDING + LINE * (place + 0.5)
        axes.text(box.left + PADDING, height, line, va="center_baseline", fontweight=weight)


def _draw_arrow(axes, points: Line) -> None:
    across, down = zip(*points, strict=True)
    axes.plot(across, down, color=EDGE, lw=0.8, solid_capstyle="butt", zorder=0)
    head = {"arrowstyle": "-|>", "color": EDGE, "lw": 0.8, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}
    axes.annotate("", xy=points[-1], xytext=points[-2], arrowprops=head)
