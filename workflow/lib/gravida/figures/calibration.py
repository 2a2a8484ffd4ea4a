"""Coverage of the intervals in simulated studies of known truth."""

import pandas as pd

from gravida.calibration.labels import METHODS, SCENARIO_WORDS
from gravida.figures.canvas import canvas, picture_of_words, png, style

# Where coverage of a 95% interval should lie.
BAND = (0.93, 0.97)
MONTE_CARLO = 1.96
# Below this share of replicates with an estimate a point is drawn hollow: it is about the easier studies.
MOST = 0.95
MARKS = {
    "primary": ("o", "#000000"),
    "poisson_cr2": ("s", "#0072B2"),
    "poisson_jackknife": ("^", "#56B4E9"),
    "gee_poisson": ("v", "#009E73"),
    "poisson_model": ("D", "#E69F00"),
    "exact": ("P", "#D55E00"),
    "difference_in_differences": ("X", "#CC79A7"),
    "site_rates": ("*", "#7A4B00"),
}
# Places on the vertical axis, each 1/16 inch: of a method, of one that says why it has no interval, and
# between scenarios.
ROW, WORDS, GAP = 1.0, 1.9, 1.6
INCHES = 0.0625


def draw_calibration(summary: pd.DataFrame, dpi: int = 300) -> bytes:
    """Draw the coverage of every method in every scenario, with 95% Monte Carlo intervals.

    Parameters
    ----------
    summary : DataFrame
        The table of `make calibrate`, one row a scenario and method.
    dpi : int
        Dots per inch of the 174 mm wide picture.

    Returns
    -------
    bytes
        PNG, the same bytes for the same input. A method without an estimate says so in its place.
    """
    if summary.empty:
        return picture_of_words("Nothing was simulated.", dpi)
    scenarios = summary.groupby("scenario", sort=False)
    rooms = summary["coverage"].notna().map({True: ROW, False: WORDS})
    height = (float(rooms.sum()) + GAP * scenarios.ngroups) * INCHES + 1.2
    figure, axes = canvas(height)
    figure.subplots_adjust(left=0.215, right=0.985, top=1 - 0.62 / height, bottom=0.52 / height)
    with style():
        end, ticks = 0.0, {}
        for name, rows in scenarios:
            begin = end
            for row, room in zip(rows.itertuples(), rooms[rows.index], strict=True):
                _draw_row(axes, end + room / 2, row)
                end += room
            ticks["\n".join(SCENARIO_WORDS.get(name, [name]))] = (begin + end) / 2
            end += GAP
            axes.axhline(end - GAP / 2, color="#D0D0D0", lw=0.5)
        _draw_axes(axes, ticks, end, _smallest(summary))
        return png(figure, dpi)


def _smallest(summary: pd.DataFrame) -> float:
    """Return where the axis begins."""
    lowest = (summary["coverage"] - MONTE_CARLO * summary["coverage_mcse"]).min()
    return min(0.9, float(lowest) - 0.01) if pd.notna(lowest) else 0.9


def _draw_row(axes, place: float, row) -> None:
    mark, colour = MARKS[row.method]
    if pd.isna(row.coverage):
        said = f"{METHODS[row.method]}: {row.reason}"
        axes.text(0.01, place, said, transform=axes.get_yaxis_transform(), va="center", fontsize=6.5)
        return
    reach = MONTE_CARLO * row.coverage_mcse
    axes.hlines(place, row.coverage - reach, row.coverage + reach, color=colour, lw=0.9)
    filled = colour if row.estimated >= MOST * row.replicates else "white"
    axes.plot(row.coverage, place, mark, color=colour, markerfacecolor=filled, ms=3.6, mew=0.7)


def _draw_axes(axes, ticks: dict[str, float], end: float, smallest: float) -> None:
    axes.axvspan(*BAND, color="#E8E8E8", zorder=0, lw=0)
    axes.axvline(0.95, color="#808080", lw=0.8, zorder=0)
    axes.set_xlim(smallest, 1.005)
    axes.set_ylim(end - GAP / 2, -GAP / 2)
    axes.set_yticks(list(ticks.values()), list(ticks))
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")
    axes.set_xlabel(
        "Coverage of the 95% interval, with 95% Monte Carlo interval (grey: 93% to 97%)\n"
        "Hollow: fewer than 95% of the replicates have an estimate"
    )
    for method, (mark, colour) in MARKS.items():
        axes.plot([], [], mark, color=colour, ms=4, label=METHODS[method])
    axes.legend(loc="lower left", bbox_to_anchor=(-0.28, 1.0), ncol=4, frameon=False, columnspacing=1.2)
