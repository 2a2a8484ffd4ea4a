"""A funnel plot of the published studies: each ratio against how exact it is."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from gravida import words
from gravida.figures import forest
from gravida.figures.canvas import canvas, picture_of_words, png, style
from gravida.figures.evidence_table import (
    GREY,
    MEASURES,
    REGISTRY,
    drawn_measures,
    pool,
    read_pools,
    read_studies,
)

MARKS = {
    "in the main pool": ("o", forest.FOREST, forest.FOREST),
    "not in the main pool": ("o", GREY, "white"),
    "this registry": ("D", REGISTRY, REGISTRY),
}
MOST_NAMES = 15
FEWEST_FOR_A_TEST = 10
TICKS = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000)
DECADES = (0.0001, 0.001, 0.01, 0.1, 1, 10, 100, 1000, 10000)
# Decades of the axis beyond which only every tenfold is written.
WIDE = 2.6
HEIGHT = 4.7
# A name is tried so many points from its mark, in these directions; from farther off a line leads to it.
DISTANCES = (5, 9, 14, 20, 28, 38, 50, 64, 80, 100, 120)
NEAR = 9
# Half the side of a mark in points, and of a point of a line in pixels.
MARK, TOUCH = 3.2, (0.5, 0.5)
DIRECTIONS = (
    *((1, 0), (-1, 0), (0, 1), (0, -1), (0.7, 0.7), (-0.7, 0.7), (0.7, -0.7), (-0.7, -0.7)),
    *((0.9, 0.4), (-0.9, 0.4), (0.9, -0.4), (-0.9, -0.4), (0.4, 0.9), (-0.4, 0.9), (0.4, -0.9), (-0.4, -0.9)),
)
NAME_INCHES = 1.5


# The offset of a name from its mark and the points of the line that leads there, both in pixels, and whether
# that line crosses other names or marks.
Place = tuple[np.ndarray, np.ndarray, bool]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the picture in pixels."""

    left: float
    low: float
    right: float
    high: float

    def meets(self, other: "Box") -> bool:
        """Say whether two rectangles overlap."""
        across = self.left < other.right and other.left < self.right
        return across and self.low < other.high and other.low < self.high

    def inside(self, other: "Box") -> bool:
        """Say whether the rectangle lies in another."""
        across = self.left >= other.left and self.right <= other.right
        return across and self.low >= other.low and self.high <= other.high


def draw_evidence_funnel(
    studies: pd.DataFrame, pooled: pd.DataFrame, dpi: int = 300, confidence: float = 0.95, mark: str = ""
) -> bytes:
    """Draw each study's ratio, treated over control, against its standard error.

    Odds ratios, or rate ratios where no odds ratio is in the main pool. The funnel stands around the main
    pool by inverse variance and holds, at each standard error, the share `confidence` of such studies.

    Parameters
    ----------
    studies, pooled : DataFrame
        The released tables `evidence_studies` and `evidence_pooled`.
    dpi : int
        Dots per inch of the 174 mm wide picture.
    confidence : float
        Coverage of the limits in the tables, 0 to 1.
    mark : str
        What every copy of the picture must say, in its corner.

    Returns
    -------
    bytes
        PNG, the same bytes for the same input. Without a study in the main pool the picture says so.
    """
    table, pools = read_studies(studies), read_pools(pooled)
    drawn = {measure: _points(table, measure, confidence) for measure in drawn_measures(table)}
    drawn = {measure: rows for measure, rows in drawn.items() if rows["kind"].eq("in the main pool").any()}
    if not drawn:
        return picture_of_words("No published study with a ratio and limits is in the main pool.", dpi)
    measure, points = next(iter(drawn.items()))
    main = pool(pools, "main", measure, "inverse_variance")
    with style():
        figure, axes = canvas(HEIGHT)
        figure.subplots_adjust(left=0.085, right=0.975, top=1 - 0.52 / HEIGHT, bottom=0.92 / HEIGHT)
        centre = float("nan") if main is None else float(main["estimate"])
        _lay_axes(axes, points, centre, confidence)
        _draw_funnel(axes, centre, confidence)
        _draw_points(axes, points)
        title = {"transform": axes.transAxes, "va": "bottom", "parse_math": False}
        axes.text(0, 1.075, f"{MEASURES[measure]}, treated over control", fontweight="bold", **title)
        few = len(points) <= MOST_NAMES
        axes.text(0, 1.015, _asymmetry(main, points) + ("" if few else "; too many for names"), **title)
        _write_legend(figure, points, centre, confidence)
        if few:
            figure.set_dpi(dpi)
            _write_names(figure, axes, points)
        return png(figure, dpi, mark)


def _points(studies: pd.DataFrame, measure: str, confidence: float) -> pd.DataFrame:
    """Return ratio, standard error of its logarithm, kind and name of each study that can be drawn."""
    mine = studies[(studies["measure"] == measure) & studies["estimate"].notna()]
    mine = mine[(mine["lower"] > 0) & (mine["upper"] > mine["lower"])]
    width = 2 * _quantile(confidence)
    pooled, other, own = MARKS
    kind = mine["included"].map({True: pooled, False: other}).mask(mine["registry"], own)
    names = [forest.fitted(words.study_name(row), NAME_INCHES) for _, row in mine.iterrows()]
    return pd.DataFrame(
        {"ratio": mine["estimate"], "se": np.log(mine["upper"] / mine["lower"]) / width, "kind": kind}
    ).assign(name=names)


def _quantile(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _asymmetry(main: pd.Series | None, points: pd.DataFrame) -> str:
    """Return the test of asymmetry in words, or why there is none."""
    if main is not None and pd.notna(main["egger_p_value"]):
        found = f"t = {words.fixed(main['egger_t'], 2)}, df {words.count(main['egger_df'])}"
        return f"Egger's test of asymmetry: {found}, {words.p_phrase(main['egger_p_value'])}"
    counted = points["kind"].eq("in the main pool").sum()
    number = counted if main is None or pd.isna(main["studies"]) else int(main["studies"])
    studies = f"{number} {'study' if number == 1 else 'studies'}"
    if number < FEWEST_FOR_A_TEST:
        return f"{studies}: too few for a test of asymmetry ({FEWEST_FOR_A_TEST} are needed)"
    return f"{studies}; no test of asymmetry could be made"


def _lay_axes(axes, points: pd.DataFrame, centre: float, confidence: float) -> None:
    deepest = float(points["se"].max()) * 1.12
    around = [] if math.isnan(centre) else [_side(centre, sign * deepest, confidence) for sign in (-1, 1)]
    values = np.array([*points["ratio"], *around, 0.5, 2.0])
    reach = 1.15
    limits = (values.min() / reach, values.max() * reach)
    wide = math.log10(limits[1] / limits[0]) > WIDE
    ticks = [tick for tick in (DECADES if wide else TICKS) if limits[0] <= tick <= limits[1]]
    axes.set_xscale("log")
    axes.set_xlim(limits)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_ylim(deepest, 0)
    axes.set_xlabel("Ratio (log scale): below 1 favours IVIG, above 1 favours control")
    axes.set_ylabel("Standard error of the log ratio")
    axes.axvline(1, color="#B0B0B0", lw=0.8, zorder=0)


def _side(centre: float, error: float, confidence: float) -> float:
    return centre * math.exp(_quantile(confidence) * error)


def _draw_funnel(axes, centre: float, confidence: float) -> None:
    if math.isnan(centre):
        return
    deepest = axes.get_ylim()[0]
    axes.axvline(centre, color=forest.FOREST, lw=0.9, ls=(0, (4, 3)), zorder=1)
    for sign in (-1, 1):
        side = _side(centre, sign * deepest, confidence)
        axes.plot([centre, side], [0, deepest], color=forest.FOREST, lw=0.8, ls=":", zorder=1)


def _draw_points(axes, points: pd.DataFrame) -> None:
    for kind, (marker, edge, face) in MARKS.items():
        mine = points[points["kind"] == kind]
        axes.plot(mine["ratio"], mine["se"], marker, color=edge, markerfacecolor=face, ms=5, zorder=3)


def _write_legend(figure, points: pd.DataFrame, centre: float, confidence: float) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], ls="", marker=marker, color=edge, mfc=face, ms=5, label=kind)
        for kind, (marker, edge, face) in MARKS.items()
        if points["kind"].eq(kind).any()
    ]
    if not math.isnan(centre):
        pooled = "main pool, inverse variance"
        limits = f"its {100 * confidence:g}% limits at each standard error"
        handles.append(Line2D([], [], color=forest.FOREST, lw=0.9, ls=(0, (4, 3)), label=pooled))
        handles.append(Line2D([], [], color=forest.FOREST, lw=0.8, ls=":", label=limits))
    settings = {"ncol": 3, "frameon": False, "columnspacing": 1.4, "handletextpad": 0.5}
    figure.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.06, 0.12 / HEIGHT), **settings)


def _write_names(figure, axes, points: pd.DataFrame) -> None:
    """Write each name beside its mark where it covers nothing, and a line to it where that is farther off."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer, scale = FigureCanvasAgg(figure).get_renderer(), figure.dpi / 72
    room = Box(*axes.get_window_extent(renderer).extents)
    marks = axes.transData.transform(points[["ratio", "se"]].to_numpy(float))
    texts = [_name(axes, point) for _, point in points.iterrows()]
    sizes = [text.get_window_extent(renderer) for text in texts]
    halves = [np.array([size.width / 2 + 2 * scale, size.height / 2 + scale]) for size in sizes]
    # A name placed late finds the best places taken: of some orders the one that comes out best.
    ways = [np.lexsort((marks[:, 1 - axis], sign * marks[:, axis])) for axis in (1, 0) for sign in (1, -1)]
    tried = [_arrange(order.tolist(), marks, halves, room, scale) for order in ways]
    places = min(tried, key=lambda found: _faults(found, len(texts)))
    for place, text in enumerate(texts):
        if place not in places:
            text.remove()
            continue
        offset, line, _ = places[place]
        text.xyann = tuple(offset / scale)
        if len(line):
            ends = axes.transData.inverted().transform(line[[0, -1]])
            axes.plot(ends[:, 0], ends[:, 1], color="#909090", lw=0.5, zorder=2)


def _arrange(
    order: Sequence[int], marks: np.ndarray, halves: Sequence[np.ndarray], room: Box, scale: float
) -> dict[int, Place]:
    """Return a place for each name that finds one, taken in this order."""
    around = [_box(mark, (MARK * scale, MARK * scale)) for mark in marks]
    taken: list[Box] = []
    places = {}
    for place in order:
        others = [*taken, *(box for other, box in enumerate(around) if other != place)]
        found = _free_place(marks[place], halves[place], others, around[place], room, scale)
        if found:
            places[place] = found
            taken += [
                _box(marks[place] + found[0], halves[place]),
                *(_box(point, TOUCH) for point in found[1]),
            ]
    return places


def _faults(places: dict[int, Place], names: int) -> tuple[int, int, int]:
    """Return how many names have no place, how many lines cross something, and how many lines there are."""
    lines = [line for _, line, _ in places.values() if len(line)]
    return names - len(places), sum(crossing for *_, crossing in places.values()), len(lines)


def _name(axes, point: pd.Series):
    return axes.annotate(
        point["name"],
        (point["ratio"], point["se"]),
        xytext=(0, 0),
        textcoords="offset points",
        ha="center",
        va="center",
        parse_math=False,
        linespacing=1.1,
        bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.4},
        zorder=2.5,
    )


def _box(middle: np.ndarray, half: Sequence[float]) -> Box:
    return Box(*(middle - np.array(half)), *(middle + np.array(half)))


def _free_place(
    mark: np.ndarray, half: np.ndarray, others: Sequence[Box], own: Box, room: Box, scale: float
) -> Place | None:
    """Return the first place of a name that is free; its line crosses others only where none else is left."""
    crossed = None
    for distance, direction in itertools.product(DISTANCES, DIRECTIONS):
        offset = np.array(direction) * (distance * scale + half)
        box = _box(mark + offset, half)
        if not box.inside(room) or any(box.meets(other) for other in (*others, own)):
            continue
        line = _line(mark, offset, half) if distance > NEAR else np.empty((0, 2))
        if not any(_box(point, TOUCH).meets(other) for point in line for other in others):
            return offset, line, False
        crossed = crossed or (offset, line, True)
    return crossed


def _line(mark: np.ndarray, offset: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Return points from a mark to the edge of its name."""
    share = 1 - float((half / np.maximum(np.abs(offset), 1e-9)).min())
    return mark + np.linspace(0, max(share, 0.0), 40)[:, None] * offset
