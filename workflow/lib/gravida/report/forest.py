"""Ratios with their limits as a drawing for the page: lines on a logarithmic scale, one below the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import log

import pandas as pd

from gravida import words
from gravida.report.sentences import NOT_IDENTIFIABLE, primary_row

TICKS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0, 20.0)
STEP, HEAD, FOOT, EDGE = 26, 30, 24, 12
# The columns of names and numbers beside the lines.
NAMES, NUMBERS = 400, 170


@dataclass(frozen=True, slots=True)
class Line:
    """A ratio with its limits, and its name; a limit that is not there is nan."""

    name: str
    estimate: float
    lower: float
    upper: float
    primary: bool = False


@dataclass(frozen=True, slots=True)
class _Scale:
    left: float
    right: float
    low: float
    high: float

    def at(self, ratio: float) -> float:
        """Return where a ratio stands, one beyond the scale at its end."""
        share = (log(min(max(ratio, self.low), self.high)) - log(self.low)) / (log(self.high) - log(self.low))
        return round(self.left + share * (self.right - self.left), 1)


def draw_answer(rate_ratios: pd.DataFrame, verdict: str) -> str:
    """Return the primary ratio as a drawing, "" where the design or the table has none."""
    row = primary_row(rate_ratios)
    if verdict == NOT_IDENTIFIABLE or words.is_missing(row["rate_ratio"]):
        return ""
    return _draw([_line(row, "")], row["contrast"], 460, columns=(0, 0))


def draw_contrasts(rate_ratios: pd.DataFrame, verdict: str) -> str:
    """Return the analyses of the primary contrast, one below the other; "" for fewer than 2 ratios."""
    primary = primary_row(rate_ratios)
    same = (rate_ratios["contrast"] == primary["contrast"]) & (rate_ratios["period"] == primary["period"])
    rows = rate_ratios[same & rate_ratios["rate_ratio"].notna()]
    if verdict == NOT_IDENTIFIABLE or len(rows) < 2:
        return ""
    lines = [_line(row, _name(row)) for _, row in rows.iterrows()]
    return _draw(lines, primary["contrast"], 960, columns=(NAMES, NUMBERS))


def _name(row: pd.Series) -> str:
    parts = (words.words(row["model"], words.MODELS), words.words(row["covariance"], words.COVARIANCES))
    return f"{words.words(row['analysis'], words.ANALYSES)}: {', '.join(filter(None, parts))}"


def _line(row: pd.Series, name: str) -> Line:
    numbers = (float(row[column]) for column in ("rate_ratio", "lower", "upper"))
    return Line(name, *numbers, primary=bool(row["is_primary"]))


def _scale(lines: Sequence[Line], left: float, right: float) -> _Scale:
    """Return a scale from tick to tick that holds 1/2 to 2 and, within its ends, every limit.

    On each side of 1 there is a third of it at least: room for the words above.
    """
    given = [number for line in lines for number in (line.estimate, line.lower, line.upper) if number > 0]
    least, most = min([*given, 0.5]), max([*given, 2.0])
    low = max((tick for tick in TICKS if tick <= min(least, most**-0.5)), default=TICKS[0])
    high = min((tick for tick in TICKS if tick >= max(most, least**-0.5)), default=TICKS[-1])
    return _Scale(left, right, low, high)


def _draw(lines: Sequence[Line], contrast: str, width: int, columns: tuple[int, int]) -> str:
    scale = _scale(lines, columns[0] + EDGE, width - columns[1] - EDGE)
    bottom = HEAD + STEP * len(lines) + 4
    numerator, _, denominator = contrast.partition("/")
    one = scale.at(1)
    drawn = [
        f'<text x="{one - 8}" y="16" text-anchor="end">← more in {escape(denominator)}</text>',
        f'<text x="{one + 8}" y="16">more in {escape(numerator)} →</text>',
        f'<line x1="{one}" y1="6" x2="{one}" y2="{bottom}" stroke="currentColor" stroke-dasharray="4 3"/>',
        f'<line x1="{scale.left}" y1="{bottom}" x2="{scale.right}" y2="{bottom}" stroke="currentColor"/>',
    ]
    for tick in (tick for tick in TICKS if scale.low <= tick <= scale.high):
        x = scale.at(tick)
        drawn.append(f'<line x1="{x}" y1="{bottom}" x2="{x}" y2="{bottom + 5}" stroke="currentColor"/>')
        drawn.append(f'<text x="{x}" y="{bottom + 19}" text-anchor="middle">{tick:g}</text>')
    for place, line in enumerate(lines):
        drawn.append(_drawn(line, scale, HEAD + STEP * (place + 0.5), width if columns[1] else 0))
    content = "\n".join(drawn)
    says = escape(_says(lines, contrast))
    return (
        f'<svg class="forest" viewBox="0 0 {width} {bottom + FOOT}" width="{width}" role="img" '
        f'aria-label="{says}" font-size="13" fill="currentColor">\n{content}\n</svg>\n'
    )


def _drawn(line: Line, scale: _Scale, y: float, numbers_at: float) -> str:
    """Return one ratio: its name, the line of its limits with an arrow beyond the scale, and its numbers."""
    low = line.lower if line.lower == line.lower else 0.0
    high = line.upper if line.upper == line.upper else float("inf")
    x, left, right = scale.at(line.estimate), scale.at(low) if low > 0 else scale.left, scale.at(high)
    size, weight = (7, "bold") if line.primary else (5, "normal")
    mark = f'<rect x="{x - size}" y="{y - size}" width="{2 * size}" height="{2 * size}" class="ratio"/>'
    drawn = [
        f'<line x1="{left}" y1="{y}" x2="{right}" y2="{y}" stroke="currentColor" stroke-width="2"/>',
        f'<path d="M{left - 7} {y}l7 -5v10z"/>' if low < scale.low else "",
        f'<path d="M{right + 7} {y}l-7 -5v10z"/>' if high > scale.high else "",
        mark if scale.low <= line.estimate <= scale.high else "",
    ]
    if numbers_at:
        said = words.estimate(line.estimate, line.lower, line.upper)
        drawn.append(f'<text x="4" y="{y + 4}" font-weight="{weight}">{escape(line.name)}</text>')
        drawn.append(
            f'<text x="{numbers_at - 4}" y="{y + 4}" text-anchor="end" font-weight="{weight}">{said}</text>'
        )
    return "\n".join(filter(None, drawn))


def _says(lines: Sequence[Line], contrast: str) -> str:
    over = contrast.replace("/", " over ")
    if len(lines) == 1:
        return f"Rate ratio, {over}: {words.estimate(lines[0].estimate, lines[0].lower, lines[0].upper)}."
    lowest, highest = (words.fixed(end(line.estimate for line in lines), 2) for end in (min, max))
    counted = f"{len(lines)} analyses of the rate ratio, {over}"
    return f"{counted}, from {lowest} to {highest}. The numbers are in the table."
