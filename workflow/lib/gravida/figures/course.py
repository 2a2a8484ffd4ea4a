"""The annualized relapse rate through pregnancy, this study over published cohorts."""

from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from gravida import words
from gravida.figures.canvas import canvas, picture_of_words, png, style

# Okabe and Ito's colours, which people with any common colour vision can tell apart; markers differ too.
ARM_STYLES = {"treated": ("#0072B2", "o"), "untreated": ("#D55E00", "s"), "all": ("#000000", "D")}
MUTED = "#767676"

# Days relative to delivery, with the last menstrual period at -280, and the tick of each: for drawing only.
WINDOWS = {
    "pre_pregnancy_year": (-645, -280, "Year before"),
    "pregnancy": (-280, 0, "Pregnancy"),
    "trimester_1": (-280, -182, "T1"),
    "trimester_2": (-182, -84, "T2"),
    "trimester_3": (-84, 0, "T3"),
    "postpartum_year": (0, 365, "Year after"),
    "postpartum_q1": (0, 91, "Q1"),
    "postpartum_q2": (91, 182, "Q2"),
    "postpartum_q3": (182, 273, "Q3"),
    "postpartum_q4": (273, 365, "Q4"),
}
PARTS = {
    "pre_pregnancy_year": (),
    "pregnancy": ("trimester_1", "trimester_2", "trimester_3"),
    "postpartum_year": ("postpartum_q1", "postpartum_q2", "postpartum_q3", "postpartum_q4"),
}
PUBLISHED_WINDOWS = {
    **{"pre_24mo": (-1010, -280), "pre_12mo": (-645, -280), "pre": (-645, -280)},
    **{"pregnancy": (-280, 0), "T1": (-280, -182), "T2": (-182, -84), "T3": (-84, 0)},
    **{"PP_0_12wk": (0, 84), "PP_0_3mo": (0, 91), "PP_4_6mo": (91, 182), "PP_7_9mo": (182, 273)},
    **{"PP_10_12mo": (273, 365), "PP_12mo": (0, 365), "PP_early": (0, 91), "PP": (0, 91)},
}
UNSTATED_WINDOWS = ("pre_24mo", "pre", "PP_early", "PP")
MOST_CURVES = 5


# Names of published cohorts end here (day), left of everything that is drawn.
LABELS_END = -665


@dataclass(frozen=True, slots=True)
class Curve:
    """Rates that one published cohort gives for several windows, in order of time.

    ``points`` holds (start day, end day, relapses per year, whether the source states just this window);
    ``span`` is (lowest, highest) where only the range within pregnancy is printed, else None.
    """

    label: str
    points: tuple[tuple[int, int, float, bool], ...]
    span: tuple[float, float] | None
    pregnancies: float


def published_curves(published: pd.DataFrame) -> list[Curve]:
    """Choose the published cohorts to draw: annualized rates before, in and after pregnancy from one design.

    Of the studies that give all three, the `MOST_CURVES` with most periods, then most pregnancies. Rates of
    different studies or designs are never joined.
    """
    rates = published[published["estimate_type"] == "ARR"]
    curves = [_curve(study, rows) for study, rows in rates.groupby("study", sort=False)]
    complete = [curve for curve in curves if _covers_pregnancy(curve)]
    order = sorted(complete, key=lambda curve: (-len(curve.points) - bool(curve.span), -curve.pregnancies))
    return order[:MOST_CURVES]


def _curve(study: str, rows: pd.DataFrame) -> Curve:
    values = dict(zip(rows["period"], rows["value"], strict=True))
    known = {period: PUBLISHED_WINDOWS[period] for period in values if period in PUBLISHED_WINDOWS}
    points = tuple(
        sorted(
            (start, end, float(values[period]), period not in UNSTATED_WINDOWS)
            for period, (start, end) in known.items()
            if not any(other != (start, end) and _holds((start, end), other) for other in known.values())
        )
    )
    spanned = ("pregnancy_range_lo", "pregnancy_range_hi")
    span = tuple(float(values[end]) for end in spanned) if set(spanned) <= set(values) else None
    year = words.text(rows["year"].iloc[0])
    return Curve(f"{study} {year}".strip(), points, span, float(rows["n_pregnancies"].fillna(0).max()))


def _holds(window: tuple[int, int], other: tuple[int, int]) -> bool:
    return window[0] <= other[0] and other[1] <= window[1]


def _covers_pregnancy(curve: Curve) -> bool:
    before = any(end <= -280 for _, end, _, _ in curve.points)
    within = curve.span is not None or any(start >= -280 and end <= 0 for start, end, _, _ in curve.points)
    return before and within and any(start >= 0 for start, _, _, _ in curve.points)


def arm_rates(relapse_rates: pd.DataFrame) -> pd.DataFrame:
    """Return the rows to draw, in order of time: trimesters and quarters where there are any.

    Where an arm lacks one of them the whole period is drawn too (``dashed``): a part that is withheld is one
    with few relapses, and the others alone would show the rate too high.
    """
    rows = relapse_rates[(relapse_rates["group"] == "arm") & relapse_rates["rate"].notna()]
    arms = [arm for arm in ("treated", "untreated") if (rows["arm"] == arm).any()] or ["all"]
    rows = rows[rows["arm"].isin(arms)]
    has = {period: set(part["arm"]) for period, part in rows.groupby("period")}
    chosen, dashed = [], []
    for whole, parts in PARTS.items():
        given = [part for part in parts if part in has]
        complete = bool(parts) and all(has.get(part) == set(arms) for part in parts)
        chosen += given if complete else [*given, whole]
        dashed += [whole] if given and not complete else []
    rows = rows[rows["period"].isin(chosen)]
    rows = rows.assign(dashed=rows["period"].isin(dashed), order=rows["period"].map(chosen.index))
    return rows.sort_values(["order", "arm"]).drop(columns="order")


def draw_course(
    relapse_rates: pd.DataFrame,
    published: pd.DataFrame,
    dpi: int = 300,
    confidence: float = 0.95,
    mark: str = "",
) -> bytes:
    """Draw the annualized relapse rate through pregnancy by arm over published cohorts.

    Parameters
    ----------
    relapse_rates : DataFrame
        The released table `relapse_rates`; rates in relapses per year, Garwood limits.
    published : DataFrame
        The published rates, with the columns of `schemas.evidence`.
    mark : str
        What every copy of the picture must say, in its corner.
    dpi : int
        Dots per inch of the 174 mm wide picture.
    confidence : float
        Coverage of the limits in the table, 0 to 1, for the legend.

    Returns
    -------
    bytes
        PNG, the same bytes for the same input. A table without a rate gives a picture that says so.
    """
    rows = arm_rates(relapse_rates)
    if rows.empty:
        return picture_of_words("No rate can be drawn: all are withheld or not estimable.", dpi)
    figure, axes = canvas(3.7)
    with style():
        curves = published_curves(published)
        before = rows.loc[rows["period"] == "pre_pregnancy_year", "upper"].max()
        highest = [rows["upper"].max(), *(point[2] for curve in curves for point in curve.points)]
        top = max(1.08 * max(highest), 1.35 * (0 if pd.isna(before) else before))
        axes.set_ylim(0, top)
        _draw_published(axes, curves, top)
        arms = sorted(set(rows["arm"]))
        _course_axes(axes, _ticks(rows, arms))
        for position, arm in enumerate(arms):
            _draw_arm(axes, arm, rows[rows["arm"] == arm], shift=14 * (position - (len(arms) - 1) / 2))
        title = f"This study ({words.confidence_label(confidence)})"
        axes.legend(loc="upper left", frameon=False, title=title, alignment="left", handletextpad=0.4)
        return png(figure, dpi, mark)


def _ticks(rows: pd.DataFrame, arms: list[str]) -> dict[float, str]:
    """Return the words under the axis by day; a part that an arm lacks is said not to be shown."""
    ticks = {}
    for whole, parts in PARTS.items():
        points = rows[~rows["dashed"]]
        for period in parts if points["period"].isin(parts).any() else (whole,):
            lacking = [arm for arm in arms if arm not in set(points.loc[points["period"] == period, "arm"])]
            who = "" if len(lacking) == len(arms) else "".join(f"{arm}\n" for arm in lacking)
            label = WINDOWS[period][2]
            ticks[_middle(WINDOWS[period])] = f"{label}\n{who}not\nshown" if lacking else label
    return ticks


def _draw_arm(axes, arm: str, rows: pd.DataFrame, shift: float) -> None:
    colour, marker = ARM_STYLES[arm]
    for row in rows.itertuples():
        start, end, _ = WINDOWS[row.period]
        style = {"ls": (0, (4, 2)), "lw": 1.0} if row.dashed else {"lw": 1.6}
        axes.hlines(row.rate, start, end, color=colour, alpha=0.6, zorder=3, **style)
    points = rows[~rows["dashed"]]
    middles = [_middle(WINDOWS[period]) + shift for period in points["period"]]
    look = {"color": colour, "ms": 5.5, "mec": "white", "mew": 0.6, "label": words.ARMS[arm]}
    axes.vlines(middles, points["lower"], points["upper"], color=colour, lw=1.2, zorder=4)
    axes.plot(middles, points["rate"], marker, zorder=5, **look)


def _draw_published(axes, curves: list[Curve], top: float) -> None:
    for curve in curves:
        corners = [(start, end, rate) for start, end, rate, _ in curve.points]
        if curve.span:
            axes.fill_between([-280, 0], *curve.span, color=MUTED, alpha=0.22, lw=0, zorder=1)
            corners = sorted([*corners, (-280, 0, sum(curve.span) / 2)])
        for left, right in pairwise(corners):
            joined = right[0] - left[1] <= 7 and not curve.span
            line = [_middle(left), _middle(right)], [left[2], right[2]]
            axes.plot(*line, color=MUTED, lw=0.8, ls="-" if joined else (0, (1, 2.5)), zorder=1)
        for point in curve.points:
            face = MUTED if point[3] else "white"
            axes.plot(_middle(point), point[2], "o", ms=2.6, mfc=face, mec=MUTED, mew=0.7, zorder=2)
    heights = _apart([curve.points[0][2] for curve in curves], 0.045 * top)
    for curve, height in zip(curves, heights, strict=True):
        first = curve.points[0]
        axes.plot([LABELS_END + 5, _middle(first)], [height, first[2]], color=MUTED, lw=0.4, zorder=1)
        axes.text(LABELS_END, height, curve.label, fontsize=7, ha="right", va="center", color="#505050")


def _middle(window: tuple) -> float:
    return (max(window[0], -645) + window[1]) / 2


def _apart(heights: list[float], gap: float) -> list[float]:
    """Move label heights as little as is simple so that neighbours are `gap` apart."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    placed = list(heights)
    for _ in range(20):
        for below, above in pairwise(order):
            push = max(0.0, gap - (placed[above] - placed[below])) / 2
            placed[below], placed[above] = placed[below] - push, placed[above] + push
    return placed


def _course_axes(axes, ticks: dict[float, str]) -> None:
    axes.axvspan(-280, 0, color="#F0E442", alpha=0.13, lw=0, zorder=0)
    axes.vlines([-280, 0], 0, 1, color="#B0B0B0", lw=0.6, zorder=0, transform=axes.get_xaxis_transform())
    axes.set_xlim(-985, 375)
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel("Relapses per year (ARR)")
    for middle, heading in ((-462.5, "Before pregnancy"), (-140, "Pregnancy"), (182.5, "After delivery")):
        axes.text(middle, 1.01, heading, transform=axes.get_xaxis_transform(), ha="center", va="bottom")
