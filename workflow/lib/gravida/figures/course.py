"""The annualized relapse rate through pregnancy, this study over published cohorts."""

from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from gravida import words
from gravida.figures.canvas import canvas, picture_of_words, png, style

# Okabe and Ito's colours, which people with any common colour vision can tell apart; markers differ too.
ARM_STYLES = {"treated": ("#0072B2", "o"), "untreated": ("#D55E00", "s"), "all": ("#000000", "D")}
# Days by which the points of an arm are moved, so that both can be seen.
SHIFTS = {"treated": -7, "untreated": 7, "all": 0}
# The height of the picture, of what is under its axis, and of a line of notes below that.
INCHES, UNDER, LINE = 3.7, 0.45, 0.12
WHY = "Withheld: a rate that rests on too few women, or would tell of one that does."
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
KINDS = {"pregnancy": "trimester", "postpartum_year": "quarter"}
UNSTATED_WINDOWS = ("pre_24mo", "pre", "PP_early", "PP")
MOST_CURVES = 5
# An arm and a period.
Cell = tuple[str, str]

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


@dataclass(frozen=True, slots=True)
class Chosen:
    """The cells drawn of a whole period, and what the picture says of it: "" where nothing is lacking."""

    cells: tuple[Cell, ...]
    note: str


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
    """Return the rows to draw, in order of time: for each whole period the finest rates that are all there.

    Trimesters and quarters by arm; else those of both arms together, and each arm over the whole period
    (``dashed``); else the whole period by arm; else that of both arms together; else what is left of these.
    Some of the parts alone would mislead: one that is withheld is one with few relapses.
    """
    cells = [cell for chosen in _chosen(relapse_rates) for cell in chosen.cells]
    rows = relapse_rates[(relapse_rates["group"] == "arm") & relapse_rates["rate"].notna()]
    rows = rows.assign(order=[cells.index(cell) if cell in cells else -1 for cell in _cells(rows)])
    rows = rows[rows["order"] >= 0].sort_values("order")
    in_parts = [whole for whole, parts in PARTS.items() if rows["period"].isin(parts).any()]
    return rows.assign(dashed=rows["period"].isin(in_parts)).drop(columns="order")


def course_notes(relapse_rates: pd.DataFrame) -> list[str]:
    """Return what stands in for the finest rates, and why, where they are not all there."""
    notes = [chosen.note for chosen in _chosen(relapse_rates) if chosen.note]
    return [*notes, WHY] if any(f" {words.WITHHELD};" in note for note in notes) else notes


def _chosen(relapse_rates: pd.DataFrame) -> list[Chosen]:
    """Return what is drawn of each whole period."""
    rows = relapse_rates[relapse_rates["group"] == "arm"]
    there = set(_cells(rows[rows["rate"].notna()]))
    withheld = set(_cells(rows[rows["rate"].isna() & rows["suppressed"].astype(bool)]))
    known = {arm for arm, _ in there | withheld}
    arms = [arm for arm in ("treated", "untreated") if arm in known] or ["all"]
    return [_choose(whole, arms, there, withheld) for whole in PARTS]


def _cells(rows: pd.DataFrame) -> list[Cell]:
    return list(zip(rows["arm"], rows["period"], strict=True))


def _choose(whole: str, arms: list[str], there: set[Cell], withheld: set[Cell]) -> Chosen:
    ways = _ways(whole, arms, there | withheld)
    said, cells = next(((said, cells) for said, cells in ways if there.issuperset(cells)), ("nothing", ()))
    finest = ways[0][1]
    if cells == finest or not (there | withheld).intersection(cell for _, way in ways for cell in way):
        return Chosen(cells, "")
    lacking = "the rate" if finest[0][1] == whole else f"a {KINDS[whole]}"
    lacking += " of an arm" if len(arms) > 1 else ""
    why = words.WITHHELD if withheld.intersection(finest) else "not estimable"
    return Chosen(cells, f"{words.PERIODS[whole]}: {lacking} is {why}; shown: {said}.")


def _ways(whole: str, arms: list[str], known: set[Cell]) -> list[tuple[str, tuple[Cell, ...]]]:
    """Return the ways to draw a whole period, the finest first: what is said of each, and its cells.

    Parameters
    ----------
    whole : str
    arms : list of str
        Those of the study.
    known : set of Cell
        Those that have a rate, shown or withheld. An arm in which no relapse is dated has none in the
        parts, and is not in those of both arms together.
    """
    parts, kind, both = PARTS[whole], KINDS.get(whole), len(arms) > 1
    by_part, by_arm = [(arm, part) for arm in arms for part in parts], [(arm, whole) for arm in arms]
    of_all = [("all", part) for part in parts] if both and known.issuperset(by_part) else []
    ways = [
        (f"each arm by {kind}", by_part if known.intersection(by_part) else []),
        (f"both arms together by {kind}, each arm over the whole (dashed)", of_all and [*of_all, *by_arm]),
        ("each arm over the whole" if both else "the whole", by_arm),
        ("both arms together over the whole", [("all", whole)] if both else []),
        (f"both arms together by {kind}", of_all),
        *((f"the {arm} only, over the whole", [(arm, whole)]) for arm in arms if both),
    ]
    return [(said, tuple(cells)) for said, cells in ways if cells]


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
    rows, notes = arm_rates(relapse_rates), course_notes(relapse_rates)
    if rows.empty:
        return picture_of_words("No rate can be drawn: all are withheld or not estimable.", dpi)
    height = INCHES + LINE * len(notes)
    figure, axes = canvas(height)
    figure.subplots_adjust(bottom=(UNDER + LINE * len(notes)) / height)
    with style():
        curves = published_curves(published)
        before = rows.loc[rows["period"] == "pre_pregnancy_year", "upper"].max()
        highest = [rows["upper"].max(), *(point[2] for curve in curves for point in curve.points)]
        top = max(1.08 * max(highest), 1.35 * (0 if pd.isna(before) else before))
        axes.set_ylim(0, top)
        _draw_published(axes, curves, top)
        _course_axes(axes, ticks(rows))
        for arm in ARM_STYLES:
            _draw_arm(axes, arm, rows[rows["arm"] == arm])
        title = f"This study ({words.confidence_label(confidence)})"
        axes.legend(loc="upper left", frameon=False, title=title, alignment="left", handletextpad=0.4)
        figure.text(0.01, 0.01, "\n".join(notes), va="bottom", fontsize=7, color="#505050")
        return png(figure, dpi, mark)


def ticks(rows: pd.DataFrame) -> dict[float, str]:
    """Return the words under the axis by day; a period of which nothing is drawn is said not to be shown."""
    drawn = set(rows["period"])
    found = {}
    for whole, parts in PARTS.items():
        for period in parts if drawn.intersection(parts) else (whole,):
            label = WINDOWS[period][2]
            found[middle(WINDOWS[period])] = label if period in drawn else f"{label}\nnot shown"
    return found


def _draw_arm(axes, arm: str, rows: pd.DataFrame) -> None:
    if rows.empty:
        return
    colour, marker = ARM_STYLES[arm]
    for row in rows.itertuples():
        start, end, _ = WINDOWS[row.period]
        style = {"ls": (0, (4, 2)), "lw": 1.0} if row.dashed else {"lw": 1.6}
        axes.hlines(row.rate, start, end, color=colour, alpha=0.6, zorder=3, **style)
    days = [drawn_day(arm, row.period, row.dashed) for row in rows.itertuples()]
    name = "Both arms together" if arm == "all" else words.ARMS[arm]
    look = {"color": colour, "ms": 5.5, "mec": "white", "mew": 0.6, "label": name}
    axes.vlines(days, rows["lower"], rows["upper"], color=colour, lw=1.2, zorder=4)
    axes.plot(days, rows["rate"], marker, zorder=5, **look)


def drawn_day(arm: str, period: str, dashed: bool) -> float:
    """Return where a point stands: beside the other arm's, and between parts where these are drawn too."""
    if dashed:
        ends = [WINDOWS[part][1] for part in PARTS[period][:-1]]
        return ends[-1] if arm == "untreated" else ends[0]
    return middle(WINDOWS[period]) + SHIFTS[arm]


def _draw_published(axes, curves: list[Curve], top: float) -> None:
    for curve in curves:
        corners = [(start, end, rate) for start, end, rate, _ in curve.points]
        if curve.span:
            axes.fill_between([-280, 0], *curve.span, color=MUTED, alpha=0.22, lw=0, zorder=1)
            corners = sorted([*corners, (-280, 0, sum(curve.span) / 2)])
        for left, right in pairwise(corners):
            joined = right[0] - left[1] <= 7 and not curve.span
            line = [middle(left), middle(right)], [left[2], right[2]]
            axes.plot(*line, color=MUTED, lw=0.8, ls="-" if joined else (0, (1, 2.5)), zorder=1)
        for point in curve.points:
            face = MUTED if point[3] else "white"
            axes.plot(middle(point), point[2], "o", ms=2.6, mfc=face, mec=MUTED, mew=0.7, zorder=2)
    heights = apart([curve.points[0][2] for curve in curves], 0.045 * top)
    for curve, height in zip(curves, heights, strict=True):
        first = curve.points[0]
        axes.plot([LABELS_END + 5, middle(first)], [height, first[2]], color=MUTED, lw=0.4, zorder=1)
        axes.text(LABELS_END, height, curve.label, fontsize=7, ha="right", va="center", color="#505050")


def middle(window: tuple) -> float:
    """Return the day in the middle of a window; of a window of two years before, that of its drawn part."""
    return (max(window[0], -645) + window[1]) / 2


def apart(heights: list[float], gap: float) -> list[float]:
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
    for day, heading in ((-462.5, "Before pregnancy"), (-140, "Pregnancy"), (182.5, "After delivery")):
        axes.text(day, 1.01, heading, transform=axes.get_xaxis_transform(), ha="center", va="bottom")
