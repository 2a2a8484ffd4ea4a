"""A forest plot of the predictors of relapse, each alone and all together side by side."""

import textwrap

import pandas as pd

from gravida import words
from gravida.figures import forest
from gravida.figures.canvas import canvas, picture_of_words, png, style

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
        note=[forest.wrapped(forest.note(row), 26) for _, row in predictors.iterrows()],
    )
    lines = (rows["note"].str.count("\n").clip(lower=1) + 1).groupby(rows["label"], sort=False).max()
    lines = lines.combine(lines.index.str.count("\n").to_series(lines.index) + 1, max) + 0.7
    places = (lines.cumsum() - lines / 2).to_dict()
    total = float(lines.sum())
    figure, panels = canvas(0.8 + 0.125 * total, panels=2)
    with style():
        limits = forest.ratio_limits(rows)
        for axes, model in zip(panels, PANELS, strict=True):
            forest.lay_axes(axes, total, limits)
            _write_headings(axes, model, confidence)
            for _, row in rows[rows["model"] == model].iterrows():
                _draw_row(axes, places[row["label"]], row, limits)
        panels[0].set_yticks(list(places.values()), list(places))
        panels[0].tick_params(axis="y", length=0, pad=4)
        return png(figure, dpi, mark)


def _row_label(row: pd.Series) -> str:
    name, _, level = words.predictor_label(row).partition(": ")
    return "\n".join([*textwrap.wrap(name, 29), *textwrap.wrap(level, 29)])


def _write_headings(axes, model: str, confidence: float) -> None:
    heading = {"transform": axes.transAxes, "va": "bottom", "fontweight": "bold"}
    axes.text(0, 1.0, PANELS[model], **heading)
    axes.text(1.04, 1.0, f"Ratio ({words.confidence_label(confidence)})\nn / relapses", **heading)


def _draw_row(axes, place: float, row: pd.Series, limits: tuple[float, float]) -> None:
    across = axes.get_yaxis_transform()
    printed = f"{words.count(row['pregnancies'])} / {words.count(row['relapses'])}"
    if row["note"]:
        forest.write_words(axes, place, row["note"])
    else:
        forest.draw_interval(axes, place, row, limits)
        ratio = words.estimate(row["rate_ratio"], row["lower"], row["upper"], digits=2)
        printed = f"{ratio}\n{printed}"
    axes.text(1.04, place, printed, transform=across, va="center", linespacing=1.15)
