"""A forest plot of the sensitivity analyses, the primary ratio a line through all of them."""

import pandas as pd

from gravida import words
from gravida.figures import forest
from gravida.figures.canvas import canvas, picture_of_words, png, style

PRIMARY = "primary"


def draw_sensitivity(
    sensitivity: pd.DataFrame, dpi: int = 300, confidence: float = 0.95, mark: str = ""
) -> bytes:
    """Draw one row for each scenario, and the primary ratio as a dashed line.

    Parameters
    ----------
    sensitivity : DataFrame
        The released table `sensitivity`; a row without a ratio says in words why. Of more than 20 sites left
        out in turn the lowest and the highest ratio are drawn.
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
    if sensitivity.empty:
        return picture_of_words("No sensitivity analysis was made.", dpi)
    sensitivity = _with_labels(sensitivity)
    labels = [forest.wrapped(label, 42) for label in sensitivity["label"]]
    notes = [forest.wrapped(forest.note(row), 46) for _, row in sensitivity.iterrows()]
    lines = pd.Series(
        [1 + max(pair.count("\n") for pair in pair_of) for pair_of in zip(labels, notes, strict=True)]
    )
    lines = lines + 0.7
    places = lines.cumsum() - lines / 2
    height = 0.8 + 0.125 * float(lines.sum())
    figure, axes = canvas(height)
    figure.subplots_adjust(left=0.335, right=0.725, top=1 - 0.34 / height, bottom=0.4 / height)
    with style():
        limits = forest.ratio_limits(sensitivity)
        forest.lay_axes(axes, float(lines.sum()), limits)
        _write_headings(axes, confidence)
        _draw_primary_line(axes, sensitivity)
        for place, said, (_, row) in zip(places, notes, sensitivity.iterrows(), strict=True):
            _draw_row(axes, place, said, row, limits)
        axes.set_yticks(places, labels)
        axes.tick_params(axis="y", length=0, pad=4)
        return png(figure, dpi, mark)


def _with_labels(sensitivity: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are drawn, each with its label."""
    labels = sensitivity["scenario"].map(words.scenario).to_dict()
    drawn = words.drawn_scenarios(sensitivity)
    sites = sensitivity["scenario"].str.startswith(words.LEFT_OUT)
    if not drawn.all():
        of_all, here = f"of {sites.sum()} sites", sensitivity.index[sites & drawn]
        for place in here:
            ratio = sensitivity["rate_ratio"][place]
            lowest = ratio == sensitivity["rate_ratio"][here].min()
            which = f"{labels[place]}, the {'lowest' if lowest else 'highest'} {of_all}"
            labels[place] = f"Without one {of_all}" if pd.isna(ratio) else which
    chosen = sensitivity[drawn]
    return chosen.assign(label=[labels[place] for place in chosen.index])


def _write_headings(axes, confidence: float) -> None:
    heading = {"transform": axes.transAxes, "va": "bottom", "fontweight": "bold"}
    axes.text(1.03, 1.0, f"Ratio ({words.confidence_label(confidence)})", **heading)
    axes.text(1.68, 1.0, "n / relapses", ha="right", **heading)


def _draw_primary_line(axes, sensitivity: pd.DataFrame) -> None:
    ratio = sensitivity.loc[sensitivity["scenario"] == PRIMARY, "rate_ratio"].dropna()
    if len(ratio):
        axes.axvline(float(ratio.iloc[0]), color=forest.FOREST, lw=0.8, ls=(0, (4, 3)), zorder=0)


def _draw_row(axes, place: float, said: str, row: pd.Series, limits: tuple[float, float]) -> None:
    across = {"transform": axes.get_yaxis_transform(), "va": "center"}
    sizes = f"{words.count(row['pregnancies'])} / {words.count(row['relapses'])}"
    axes.text(1.68, place, sizes, ha="right", **across)
    if said:
        forest.write_words(axes, place, said)
        return
    forest.draw_interval(axes, place, row, limits, marker="D" if row["scenario"] == PRIMARY else "s")
    axes.text(1.03, place, words.estimate(row["rate_ratio"], row["lower"], row["upper"], 2), **across)
