"""A hanging rootogram: numbers of pregnancies with no, one, two and more relapses, observed and expected.

Source: Kleiber and Zeileis (2016), The American Statistician 70:296-303.
"""

import pandas as pd

from gravida import words
from gravida.figures.canvas import DOUBLE_COLUMN_INCHES, picture_of_words, png, style

# The last frequency is of as many relapses or more.
FREQUENCIES = {f"frequency_{n}": str(n) for n in range(4)} | {
    f"frequency_{n}_or_more": f"{n}+" for n in range(1, 4)
}
EXPECTED, OBSERVED = "#D55E00", "#0072B2"


def draw_rootogram(dispersion: pd.DataFrame, dpi: int = 300, mark: str = "") -> bytes:
    """Draw a panel for each period: bars as long as what was observed hang from what is expected.

    Parameters
    ----------
    dispersion : DataFrame
        The released table `dispersion`; its rows `frequency_*` hold observed (`statistic`) and expected
        (`value`) numbers of pregnancies.
    dpi : int
        Dots per inch of the 174 mm wide picture.
    mark : str
        What every copy of the picture must say, in its corner.

    Returns
    -------
    bytes
        PNG, the same bytes for the same input. Where no number is given the picture says so.
    """
    rows = dispersion[dispersion["test"].isin(list(FREQUENCIES))]
    periods = [period for period, part in rows.groupby("period", sort=False) if part["value"].notna().any()]
    if not periods:
        return picture_of_words(_why_nothing(rows), dpi)
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(DOUBLE_COLUMN_INCHES, 2.6))
        panels = figure.subplots(1, len(periods), sharey=True, squeeze=False)[0]
        figure.subplots_adjust(left=0.075, right=0.985, top=0.9, bottom=0.27, wspace=0.08)
        for axes, period in zip(panels, periods, strict=True):
            _draw_period(axes, rows[rows["period"] == period].set_index("test"), words.PERIODS[period])
        panels[0].set_ylabel("Square root of pregnancies")
        figure.supxlabel("Relapses in the period", fontsize=7.5, y=0.115)
        _write_key(figure, panels[0])
        return png(figure, dpi, mark)


def _why_nothing(rows: pd.DataFrame) -> str:
    """Say why there is no picture: no number, or none that is expected."""
    reasons = [reason for reason in dict.fromkeys(rows["reason"].map(words.text)) if reason]
    if rows["statistic"].isna().all() or not reasons:
        return "No number of pregnancies can be drawn: all are withheld or not estimable."
    return "\n".join(["No expected number of pregnancies to hang the observed ones from:", *reasons])


def _draw_period(axes, rows: pd.DataFrame, title: str) -> None:
    axes.set_title(title, fontsize=7.5, fontweight="bold", loc="left")
    axes.axhline(0, color="#808080", lw=0.8, zorder=0)
    names = [name for name in FREQUENCIES if name in rows.index]
    places = range(len(names))
    tops = rows.loc[names, "value"].astype(float) ** 0.5
    for place, name in zip(places, names, strict=True):
        observed, top = rows.loc[name, "statistic"], tops[name]
        if words.is_missing(observed) or words.is_missing(top):
            why = words.WITHHELD if words.is_withheld(rows.loc[name]) else "not estimable"
            axes.text(place, 0.06, why, ha="center", va="bottom", rotation=90, color="#505050")
            continue
        length = float(observed) ** 0.5
        axes.bar(place, length, bottom=top - length, width=0.62, color=OBSERVED, alpha=0.55, label="observed")
    axes.plot(places, tops, "o-", color=EXPECTED, ms=3.5, lw=1.2, zorder=3, label="expected")
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_xticks(list(places), [FREQUENCIES[name] for name in names])
    axes.tick_params(axis="x", length=0)


def _write_key(figure, axes) -> None:
    found = dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    labels = {"observed": "Observed: hangs from the line", "expected": "Expected by the model"}
    shown = [name for name in labels if name in found]
    figure.legend(
        [found[name] for name in shown],
        [labels[name] for name in shown],
        loc="lower center",
        ncols=2,
        frameon=False,
    )
