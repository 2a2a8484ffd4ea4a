"""The parts of a forest plot: a row for each ratio, its axis, and words where there is no ratio."""

import re
import textwrap
from collections.abc import Sequence
from typing import Any

import pandas as pd

from gravida import words
from gravida.figures.canvas import DOUBLE_COLUMN_INCHES, STYLE, canvas

FOREST = "#0072B2"
TICKS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10, 20)
# On an axis that is so many times as high as low the labels of all ticks would touch.
FEWER_TICKS = (0.05, 0.2, 1, 5, 20)
WIDE = 150
# Where the mark of a picture stands: over a share of the height, so many inches high.
MARK_SHARE, MARK = 0.009, 0.14
# A space at which no line is broken.
UNBROKEN = "\xa0"
# Inches that a line of type takes.
LINE = 0.125


def note(row: pd.Series) -> str:
    """Say what stands in the place of a ratio that is not there."""
    if not words.is_missing(row["rate_ratio"]):
        return ""
    joint = row.get("p_joint")
    together = "" if words.is_missing(joint) else f"joint {words.p_phrase(joint)}"
    return words.why_empty(row) or together or "no estimate"


def wrapped(text: str, width: int) -> str:
    """Return the text broken into lines of at most so many letters."""
    return "\n".join(textwrap.wrap(text, width))


def ratio_limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Return the ends of the ratio axis: what the intervals need, but at most 1/20 to 20."""
    ends = rows[["rate_ratio", "lower", "upper"]].to_numpy(float)
    ends = ends[(ends > 0) & (ends < float("inf"))]
    lowest, highest = (ends.min(), ends.max()) if ends.size else (1, 1)
    return max(min(lowest / 1.1, 0.45), 0.05), min(max(highest * 1.1, 2.2), 20)


def lay_axes(
    axes,
    total: float,
    limits: tuple[float, float],
    label: str = "Rate ratio (log scale)",
    ticks: Sequence[float] = TICKS,
) -> None:
    """Give axes a logarithmic ratio axis with a line at 1, and room for rows from 0 at the top to `total`."""
    axes.set_xscale("log")
    axes.set_xlim(limits)
    axes.set_ylim(total, 0)
    ticks = [tick for tick in ticks if limits[0] <= tick <= limits[1]]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(1, color="#808080", lw=0.8, zorder=0)
    axes.set_xlabel(label)


def draw_interval(
    axes,
    place: float,
    row: pd.Series,
    limits: tuple[float, float],
    marker: str = "s",
    colour: str = FOREST,
    size: float = 4.5,
    filled: bool = True,
) -> None:
    """Draw one ratio with its interval, an arrow where it goes beyond the axis."""
    lower, upper = row[["lower", "upper"]].astype(float).fillna({"lower": 0, "upper": float("inf")})
    axes.hlines(place, max(lower, limits[0]), min(upper, limits[1]), color=colour, lw=1.2)
    draw_arrows(axes, place, (lower, upper), limits, colour)
    if limits[0] <= row["rate_ratio"] <= limits[1]:
        face = colour if filled else "white"
        axes.plot(row["rate_ratio"], place, marker, color=colour, ms=size, markerfacecolor=face)


def with_limits(row: pd.Series) -> pd.Series:
    """Return a ratio that has no limits at all with itself as both, so that only its mark is drawn."""
    bare = words.is_missing(row["lower"]) and words.is_missing(row["upper"])
    ends = {"lower": row["rate_ratio"], "upper": row["rate_ratio"]} if bare else {}
    return pd.Series(row.to_dict() | ends)


def draw_arrows(
    axes, place: float, ends: tuple[float, float], limits: tuple[float, float], colour: str
) -> None:
    """Draw an arrow at each end of the axis that an interval goes beyond."""
    lower, upper = ends
    for beyond, limit, arrow in ((lower < limits[0], limits[0], "<"), (upper > limits[1], limits[1], ">")):
        if beyond:
            axes.plot(limit, place, arrow, color=colour, ms=4, clip_on=False)


def draw_diamond(
    axes, place: float, ratio: Sequence[float], limits: tuple[float, float], colour: str, half: float = 0.5
) -> None:
    """Draw a pooled ratio (estimate, lower, upper) as a diamond from limit to limit, `half` a height."""
    estimate, lower, upper = ratio
    corners = [(lower, place), (estimate, place - half), (upper, place), (estimate, place + half)]
    axes.fill(*zip(*corners, strict=True), color=colour, lw=0, zorder=2)
    draw_arrows(axes, place, (lower, upper), limits, colour)


def ratio_words(estimate: Any, lower: Any, upper: Any) -> str:
    """Return a ratio with its limits to about three figures: `0.32 (0.15 to 0.67)`, `12.3 (<0.01 to 456)`."""
    if words.is_missing(lower) and words.is_missing(upper):
        return f"{_figures(estimate)} (no limits)"
    return f"{_figures(estimate)} ({_figures(lower)} to {_figures(upper)})"


def _figures(value: Any) -> str:
    if words.is_missing(value):
        return words.DASH
    number = float(value)
    if 0 < number < 0.005:
        return "<0.01"
    return words.fixed(number, 2 if number < 10 else 1) if number < 100 else words.count(number)


def fitted(text: str, inches: float, bold: bool = False) -> str:
    """Return the text broken into lines of at most this width in the type of the pictures."""
    lines = [""]
    for word in re.split(r"[ \t\r\n]+", text.strip()):
        for piece in _pieces(word, inches, bold):
            longer = f"{lines[-1]} {piece}".strip()
            lines = [*lines[:-1], longer] if _inches(longer, bold) <= inches else [*lines, piece]
    return "\n".join(lines)


def _pieces(word: str, inches: float, bold: bool) -> list[str]:
    """Return a word, broken where it is wider than a line."""
    pieces = [""]
    for letter in word:
        wider = pieces[-1] + letter
        pieces = [*pieces[:-1], wider] if _inches(wider, bold) <= inches else [*pieces, letter]
    return pieces


def _inches(text: str, bold: bool) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    weight = "bold" if bold else "normal"
    font = FontProperties(family=STYLE["font.family"], size=STYLE["font.size"], weight=weight)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72


def stack(rooms: Sequence[float], sides: tuple[float, float], head: float, foot: float, below: float):
    """Return a figure with one panel below the other.

    Parameters
    ----------
    rooms : sequence of float
        Height of each panel in lines of type.
    sides : tuple of float
        Left and right end of the panels in inches.
    head, foot : float
        Inches over each panel for its headings, and under it for its axis.
    below : float
        Inches under the last panel, over the place of the picture's mark.

    Returns
    -------
    tuple of Figure and list of Axes
    """
    height = (below + sum(head + room * LINE + foot for room in rooms) + MARK) / (1 - MARK_SHARE)
    figure, panels = canvas(height, panels=len(rooms))
    panels = [panels] if len(rooms) == 1 else list(panels)
    top, left = height, sides[0] / DOUBLE_COLUMN_INCHES
    for axes, room in zip(panels, rooms, strict=True):
        top -= head + room * LINE
        axes.set_position([left, top / height, sides[1] / DOUBLE_COLUMN_INCHES - left, room * LINE / height])
        top -= foot
    return figure, panels


def write(axes, inches: float, place: float, text: str, **type_of_it):
    """Write text beside a panel: so many inches from the left edge of the picture, at a row's height."""
    from matplotlib.transforms import blended_transform_factory

    figure = axes.get_figure()
    across = blended_transform_factory(figure.transFigure, axes.transData)
    settings = {"va": "center", "linespacing": 1.15, "parse_math": False} | type_of_it
    return axes.text(inches / DOUBLE_COLUMN_INCHES, place, text, transform=across, **settings)


def write_words(axes, place: float, text: str) -> None:
    """Write words where a row has no ratio."""
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    across = axes.get_yaxis_transform()
    axes.text(0.02, place, text, transform=across, va="center", color="#505050", bbox=box)
