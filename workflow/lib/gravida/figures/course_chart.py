"""The course of relapse rates as a drawing that a page can make answer: each point says its numbers.

The same rates and cohorts as in the picture of the course, so nothing withheld is in it either.
"""

from html import escape
from itertools import pairwise

import pandas as pd

from gravida import words
from gravida.figures.course import (
    ARM_STYLES,
    LABELS_END,
    MUTED,
    WINDOWS,
    Curve,
    apart,
    arm_rates,
    course_notes,
    drawn_day,
    middle,
    published_curves,
    ticks,
)

WIDTH, HEIGHT, LINE = 960, 440, 16
LEFT, RIGHT, TOP, BOTTOM = 54, 946, 34, 388
FIRST_DAY, LAST_DAY = -985, 375
STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
MOST_TICKS = 9
HEADINGS = ((-462.5, "Before pregnancy"), (-140, "Pregnancy"), (182.5, "After delivery"))
NOTHING = "No rate can be drawn: all are withheld or not estimable."
PERIOD_OF = {(start, end): words.PERIODS[period] for period, (start, end, _) in WINDOWS.items()}


def draw_course_chart(
    relapse_rates: pd.DataFrame, published: pd.DataFrame, confidence: float = 0.95, mark: str = ""
) -> str:
    """Return the annualized relapse rates through pregnancy as SVG, arms and cohorts in groups of their own.

    Parameters
    ----------
    relapse_rates : DataFrame
        The released table `relapse_rates`.
    published : DataFrame
        The published rates, with the columns of `schemas.evidence`.
    confidence : float
        Coverage of the limits in the table, 0 to 1.
    mark : str
        What every copy of the drawing must say, in its corner.

    Returns
    -------
    str
        Each group has the class ``series``, each of its points the class ``point`` and its numbers in words.
        Without a rate that may be shown there is no group, and the drawing says so.
    """
    rows = arm_rates(relapse_rates)
    if rows.empty:
        return _svg(f'<text x="{WIDTH / 2}" y="40" text-anchor="middle" fill="currentColor">{NOTHING}</text>')
    curves = published_curves(published)
    highest = [rows["upper"].max(), rows["rate"].max()]
    top = 1.08 * max([*highest, *(point[2] for curve in curves for point in curve.points)])
    heights = apart([curve.points[0][2] for curve in curves], 0.045 * top)
    series = [
        *(
            _cohort(curve, height, place, top)
            for place, (curve, height) in enumerate(zip(curves, heights, strict=True))
        ),
        *(_arm(arm, rows[rows["arm"] == arm], top, confidence) for arm in ARM_STYLES),
    ]
    notes = [
        f'<text x="8" y="{HEIGHT + LINE * place}" fill="currentColor" font-size="12">{escape(note)}</text>'
        for place, note in enumerate(course_notes(relapse_rates))
    ]
    corner = f'<text x="{RIGHT}" y="{HEIGHT - 4}" text-anchor="end" fill="currentColor">{escape(mark)}</text>'
    return _svg(
        "\n".join([_axes(ticks(rows), top), *filter(None, series), *notes, *([corner] if mark else [])]),
        len(notes),
    )


def _svg(content: str, notes: int = 0) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + LINE * notes}" role="group" '
        'font-family="system-ui, Arial, sans-serif" font-size="13" '
        f'aria-label="Annualized relapse rates through pregnancy">\n{content}\n</svg>\n'
    )


def _x(day: float) -> str:
    return f"{LEFT + (day - FIRST_DAY) / (LAST_DAY - FIRST_DAY) * (RIGHT - LEFT):.1f}"


def _y(rate: float, top: float) -> str:
    return f"{BOTTOM - rate / top * (BOTTOM - TOP):.1f}"


def _line(start: tuple[str, str], end: tuple[str, str], more: str) -> str:
    return f'<line x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}" {more}/>'


def _axes(names: dict[float, str], top: float) -> str:
    """Return the frame: heights, windows and their headings, for the eye alone."""
    step = next((step for step in STEPS if top / step <= MOST_TICKS), top / MOST_TICKS)
    low, high = _x(-280), _x(0)
    drawn = [
        f'<rect class="within" x="{low}" y="{TOP}" width="{float(high) - float(low):.1f}" '
        f'height="{BOTTOM - TOP}" fill="#F0E442" fill-opacity="0.13"/>'
    ]
    for number in range(int(top / step) + 1):
        at = _y(number * step, top)
        drawn.append(_line((str(LEFT), at), (str(RIGHT), at), 'stroke="currentColor" stroke-opacity="0.15"'))
        drawn.append(f'<text x="{LEFT - 6}" y="{at}" dy="4" text-anchor="end">{number * step:g}</text>')
    for day, heading in HEADINGS:
        drawn.append(f'<text x="{_x(day)}" y="{TOP - 10}" text-anchor="middle">{heading}</text>')
    for day, label in names.items():
        for place, part in enumerate(label.split("\n")):
            y = BOTTOM + 18 + 15 * place
            drawn.append(f'<text x="{_x(day)}" y="{y}" text-anchor="middle">{escape(part)}</text>')
    centre = (TOP + BOTTOM) / 2
    drawn.append(
        f'<text transform="translate(15 {centre}) rotate(-90)" text-anchor="middle">'
        "Relapses per year (ARR)</text>"
    )
    content = "\n".join(drawn)
    return f'<g class="axes" fill="currentColor" aria-hidden="true">\n{content}\n</g>'


def _series(key: str, name: str, colour: str, content: list[str], shown: str = "") -> str:
    drawn = "\n".join(content)
    return (
        f'<g class="series {shown}" data-series="{key}" data-name="{escape(name)}" color="{colour}">\n'
        f"{drawn}\n</g>"
    )


def _point(x: str, y: str, says: str, mark: str) -> str:
    return f'<g class="point" role="img" aria-label="{escape(says)}" data-x="{x}" data-y="{y}">{mark}</g>'


def _arm(arm: str, rows: pd.DataFrame, top: float, confidence: float) -> str:
    """Return the rates of an arm with their limits; the window of each rate is a line."""
    if rows.empty:
        return ""
    colour, marker = ARM_STYLES[arm]
    name = "Both arms together" if arm == "all" else words.ARMS[arm]
    content = []
    for row in rows.itertuples():
        start, end, _ = WINDOWS[row.period]
        x, y = _x(drawn_day(arm, row.period, row.dashed)), _y(row.rate, top)
        dashes = ' stroke-dasharray="6 3"' if row.dashed else ""
        look = f'stroke="currentColor" stroke-width="2.5" stroke-opacity="0.6"{dashes}'
        content.append(_line((_x(start), y), (_x(end), y), look))
        limits = (x, _y(row.lower, top)), (x, _y(row.upper, top))
        if not (pd.isna(row.lower) or pd.isna(row.upper)):
            content.append(_line(*limits, 'stroke="currentColor" stroke-width="2"'))
        content.append(_point(x, y, _says(name, row, confidence), _mark(marker, x, y)))
    return _series(arm, name, colour, content, f"arm s-{arm}")


def _says(name: str, row, confidence: float) -> str:
    """Return the numbers of a rate in words; a count that is withheld is not in them."""
    numbers = f"{words.fixed(row.rate, 2)} relapses per year"
    if not (pd.isna(row.lower) or pd.isna(row.upper)):
        limits = words.interval(row.lower, row.upper, 2)
        numbers += f" ({words.confidence_label(confidence)} {limits})"
    counted = [
        f"{words.count(getattr(row, column))} {column}"
        for column in ("relapses", "pregnancies", "women")
        if not pd.isna(getattr(row, column))
    ]
    start = f"{name}, {words.lower_first(words.PERIODS[row.period])}: {numbers}"
    return "; ".join([start, ", ".join(counted)]) if counted else start


def _mark(marker: str, x: str, y: str) -> str:
    """Return the mark of an arm, another for each, so that colour is not all that tells them apart."""
    edge = 'fill="currentColor" class="mark"'
    if marker == "o":
        return f'<circle cx="{x}" cy="{y}" r="6" {edge}/>'
    turned = f' transform="rotate(45 {x} {y})"' if marker == "D" else ""
    return f'<rect x="{float(x) - 5.5:.1f}" y="{float(y) - 5.5:.1f}" width="11" height="11"{turned} {edge}/>'


def _cohort(curve: Curve, height: float, place: int, top: float) -> str:
    """Return the rates of a published cohort, with its name on the left."""
    corners, content = [point[:3] for point in curve.points], []
    if curve.span:
        low, high = curve.span
        x, width = float(_x(-280)), float(_x(0)) - float(_x(-280))
        tall = float(_y(low, top)) - float(_y(high, top))
        band = f'<rect x="{x}" y="{_y(high, top)}" width="{width:.1f}" height="{tall:.1f}" '
        says = f"{curve.label}, pregnancy: {low:g} to {high:g} relapses per year (published)"
        between = (low + high) / 2
        content.append(
            _point(
                _x(-140),
                _y(between, top),
                says,
                f'{band}fill="currentColor" fill-opacity="0.22"/>',
            )
        )
        corners = sorted([*corners, (-280, 0, between)])
    for left, right in pairwise(corners):
        joined = right[0] - left[1] <= 7 and not curve.span
        ends = [(_x(middle(corner)), _y(corner[2], top)) for corner in (left, right)]
        dashes = "" if joined else ' stroke-dasharray="2 4"'
        content.append(_line(*ends, f'stroke="currentColor"{dashes}'))
    content += [_published_point(curve.label, point, top) for point in curve.points]
    first = corners[0]
    ends = (_x(LABELS_END + 5), _y(height, top)), (_x(middle(first)), _y(first[2], top))
    content.append(_line(*ends, 'stroke="currentColor" stroke-width="0.6"'))
    label = f'<text x="{_x(LABELS_END)}" y="{_y(height, top)}" dy="4" text-anchor="end" font-size="12" '
    content.append(f'{label}fill="currentColor" aria-hidden="true">{escape(curve.label)}</text>')
    return _series(f"cohort-{place + 1}", curve.label, MUTED, content, "cohort")


def _published_point(label: str, point: tuple[int, int, float, bool], top: float) -> str:
    start, end, rate, stated = point
    window = PERIOD_OF.get((start, end), f"days {start} to {end} from delivery")
    unsure = "" if stated else ", the window is not stated exactly"
    says = f"{label}, {words.lower_first(window)}: {rate:g} relapses per year (published{unsure})"
    x, y = _x(middle(point)), _y(rate, top)
    fill = "currentColor" if stated else "none"
    circle = f'<circle cx="{x}" cy="{y}" r="3.5" fill="{fill}" stroke="currentColor" class="mark"/>'
    return _point(x, y, says, circle)
