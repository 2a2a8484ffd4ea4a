"""The parts of a forest plot: a row for each ratio, its axis, and words where there is no ratio."""

import textwrap

import pandas as pd

from gravida import words

FOREST = "#0072B2"


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


def lay_axes(axes, total: float, limits: tuple[float, float]) -> None:
    """Give axes a logarithmic ratio axis with a line at 1, and room for rows from 0 at the top to `total`."""
    axes.set_xscale("log")
    axes.set_xlim(limits)
    axes.set_ylim(total, 0)
    ticks = [tick for tick in (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 10, 20) if limits[0] <= tick <= limits[1]]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(1, color="#808080", lw=0.8, zorder=0)
    axes.set_xlabel("Rate ratio (log scale)")


def draw_interval(axes, place: float, row: pd.Series, limits: tuple[float, float], marker: str = "s") -> None:
    """Draw one ratio with its interval, an arrow where it goes beyond the axis."""
    lower, upper = row[["lower", "upper"]].astype(float).fillna({"lower": 0, "upper": float("inf")})
    axes.hlines(place, max(lower, limits[0]), min(upper, limits[1]), color=FOREST, lw=1.2)
    for beyond, limit, arrow in ((lower < limits[0], limits[0], "<"), (upper > limits[1], limits[1], ">")):
        if beyond:
            axes.plot(limit, place, arrow, color=FOREST, ms=4, clip_on=False)
    if limits[0] <= row["rate_ratio"] <= limits[1]:
        axes.plot(row["rate_ratio"], place, marker, color=FOREST, ms=4.5)


def write_words(axes, place: float, text: str) -> None:
    """Write words where a row has no ratio."""
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    across = axes.get_yaxis_transform()
    axes.text(0.02, place, text, transform=across, va="center", color="#505050", bbox=box)
