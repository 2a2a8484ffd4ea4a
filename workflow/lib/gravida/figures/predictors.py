"""A forest plot of the predictors of relapse, each alone and all together side by side."""

import textwrap

import pandas as pd

from gravida import words
from gravida.figures.canvas import canvas, picture_of_words, png, style

FOREST = "#0072B2"
PANELS = {"univariable": "Each alone", "multivariable": "All together"}


def draw_predictors(
    predictors: pd.DataFrame, dpi: int = 300, confidence: float = 0.95, mark: str = ""
) -> bytes:
    """Draw a forest plot of the predictors of relapse, each alone and all together side by side.

    Parameters
    ----------
    predictors : DataFrame
        The released table `predictors`; a row without a ratio says in words why.
    mark : str
        What every copy of the picture must say, in its corner.
    dpi : int
        Dots per inch of the 174 mm wide picture.
    confidence : float
        Coverage of the limits in the table, 0 to 1, for the headings.

    Returns
    -------
    bytes
        PNG, the same bytes for the same input. A table without rows gives a picture that says so.
    """
    if predictors.empty:
        return picture_of_words("No predictor was analysed.", dpi)
    rows = predictors.assign(
        label=[_row_label(row) for _, row in predictors.iterrows()],
        note=[_note(row) for _, row in predictors.iterrows()],
    )
    lines = (rows["note"].str.count("\n").clip(lower=1) + 1).groupby(rows["label"], sort=False).max()
    lines = lines.combine(lines.index.str.count("\n").to_series(lines.index) + 1, max) + 0.7
    places = (lines.cumsum() - lines / 2).to_dict()
    total = float(lines.sum())
    figure, panels = canvas(0.8 + 0.125 * total, panels=2)
    with style():
        limits = _ratio_limits(rows)
        for axes, model in zip(panels, ("univariable", "multivariable"), strict=True):
            _forest_axes(axes, total, limits, model, confidence)
            for _, row in rows[rows["model"] == model].iterrows():
                _forest_row(axes, places[row["label"]], row, limits)
        panels[0].set_yticks(list(places.values()), list(places))
        panels[0].tick_params(axis="y", length=0, pad=4)
        return png(figure, dpi, mark)


def _row_label(row: pd.Series) -> str:
    name, _, level = words.predictor_label(row).partition(": ")
    return "\n".join([*textwrap.wrap(name, 29), *textwrap.wrap(level, 29)])


def _note(row: pd.Series) -> str:
    """Say what stands in the place of a ratio that is not there."""
    if not words.is_missing(row["rate_ratio"]):
        return ""
    joint = "" if words.is_missing(row["p_value"]) else f"joint {words.p_phrase(row['p_value'])}"
    return "\n".join(textwrap.wrap(words.why_empty(row) or joint or "no estimate", 26))


def _ratio_limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Return the ends of the ratio axis: what the intervals need, but at most 1/20 to 20."""
    ends = rows[["rate_ratio", "lower", "upper"]].to_numpy(float)
    ends = ends[(ends > 0) & (ends < float("inf"))]
    lowest, highest = (ends.min(), ends.max()) if ends.size else (1, 1)
    return max(min(lowest / 1.1, 0.45), 0.05), min(max(highest * 1.1, 2.2), 20)


def _forest_axes(axes, total: float, limits: tuple[float, float], model: str, confidence: float) -> None:
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
    heading = {"transform": axes.transAxes, "va": "bottom", "fontweight": "bold"}
    axes.text(0, 1.0, PANELS[model], **heading)
    axes.text(1.04, 1.0, f"Ratio ({words.confidence_label(confidence)})\nn / relapses", **heading)


def _forest_row(axes, place: float, row: pd.Series, limits: tuple[float, float]) -> None:
    across = axes.get_yaxis_transform()
    sizes = f"{words.count(row['pregnancies'])} / {words.count(row['relapses'])}"
    if row["note"]:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        axes.text(0.02, place, row["note"], transform=across, va="center", color="#505050", bbox=box)
        axes.text(1.04, place, sizes, transform=across, va="center")
        return
    lower, upper = row[["lower", "upper"]].astype(float).fillna({"lower": 0, "upper": float("inf")})
    axes.hlines(place, max(lower, limits[0]), min(upper, limits[1]), color=FOREST, lw=1.2)
    for beyond, limit, arrow in ((lower < limits[0], limits[0], "<"), (upper > limits[1], limits[1], ">")):
        if beyond:
            axes.plot(limit, place, arrow, color=FOREST, ms=4, clip_on=False)
    if limits[0] <= row["rate_ratio"] <= limits[1]:
        axes.plot(row["rate_ratio"], place, "s", color=FOREST, ms=4.5)
    printed = words.estimate(row["rate_ratio"], row["lower"], row["upper"], digits=2)
    axes.text(1.04, place, f"{printed}\n{sizes}", transform=across, va="center", linespacing=1.15)
