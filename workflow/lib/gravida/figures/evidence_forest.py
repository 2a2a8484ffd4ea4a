"""A forest plot of the published studies and their pools, before and after the registry is one of them."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from gravida import words
from gravida.figures import evidence_table as evidence
from gravida.figures import forest
from gravida.figures.canvas import picture_of_words, png, style
from gravida.figures.evidence_table import (
    GREY,
    MEASURES,
    METHODS,
    NAMES,
    RATIO,
    REGISTRY,
)

# What a control type that is not in the main pool is called below the study's name.
LEFT_OUT = {
    "historical": "historical control",
    "same_women": "earlier deliveries of the same women",
    "other_dose": "control is another dose",
}
ANALYSES = ("all", "main", "with_registry")
DAGGER, DOUBLE_DAGGER = "†", "‡"
REVIEW = "#56B4E9"
# Inches from the left edge: the middle of each arm's numbers, the end of weights, the panel, printed ratios,
# the end of them all.
TREATED, CONTROL, WEIGHTS, PANEL, RATIOS, RIGHT = 2.06, 2.79, 3.58, (3.7, 5.36), 5.46, 6.8
NAME_WIDTH, POOL_WIDTH, REMARK_WIDTH, WORDS_WIDTH, FOOT_WIDTH = 1.62, 2.05, 3.45, 3.0, 6.6
HEAD, FOOT = 0.58, 0.46
# Lines of type between two rows, and sides in points of the squares of the heaviest and the lightest study.
BETWEEN, SIDE, SMALLEST_SIDE = 0.55, 9.0, 2.4
UNWEIGHTED_SIDE = 4.0
LONGEST_REASON, LONGEST_WORDS = 70, 160
NO_RATIO = (float("nan"),) * 3
ZERO_CELL = "A cell of the study is 0: 0.5 was added to each of its cells for its own ratio."
# What notes of the table say where it bears on a pool.
RELAPSES, SUPERSEDED = "relapses were counted", "women are the registry's own"
COLOURS = {"left_out": GREY, "own": REGISTRY, "with_own": REGISTRY, "review": REVIEW}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the picture; where there is no ratio, `said` stands in its place."""

    name: str
    kind: str  # study, left_out, own, pool, review, with_own or remark
    ratio: tuple[float, ...] = NO_RATIO
    prediction: tuple[float, ...] = ()
    arms: tuple[str, ...] = ()
    weight: str = ""
    marks: str = ""
    said: str = ""
    side: float = SMALLEST_SIDE
    ruled: bool = False

    @property
    def lines(self) -> float:
        """Return how many lines of type the row takes, with the space to the next."""
        return 1 + max(self.name.count("\n"), self.said.count("\n")) + BETWEEN


def draw_evidence_forest(
    studies: pd.DataFrame, pooled: pd.DataFrame, dpi: int = 300, confidence: float = 0.95, mark: str = ""
) -> bytes:
    """Draw every study with its ratio, treated over control, and the pools with and without the registry.

    Parameters
    ----------
    studies, pooled : DataFrame
        The released tables `evidence_studies` and `evidence_pooled`.
    dpi : int
        Dots per inch of the 174 mm wide picture.
    confidence : float
        Coverage of the limits in the tables, 0 to 1.
    mark : str
        What every copy of the picture must say, in its corner.

    Returns
    -------
    bytes
        PNG, the same bytes for the same input. Without a study in the main pool the picture says so.
    """
    studies, pools = evidence.read_studies(studies), evidence.read_pools(pooled)
    measures = evidence.drawn_measures(studies)
    if not measures:
        return picture_of_words("No published study with a ratio is in the main pool.", dpi)
    with style():
        blocks = [_rows(studies, pools, measure) for measure in measures]
        notes = [forest.fitted(note, FOOT_WIDTH) for note in _notes(studies, blocks, confidence)]
        rooms = [sum(row.lines for row in rows) for rows in blocks]
        figure, panels = forest.stack(rooms, PANEL, HEAD, FOOT, evidence.space_below(notes))
        for axes, room, measure, rows in zip(panels, rooms, measures, blocks, strict=True):
            _write_headings(axes, measure, confidence)
            _draw_rows(axes, room, rows)
        evidence.write_below(figure, notes)
        return png(figure, dpi, mark)


def _rows(studies: pd.DataFrame, pools: pd.DataFrame, measure: str) -> list[Row]:
    """Return the rows of a panel: studies, their pools, those of reviews, the registry, the pool with it."""
    mine = studies[studies["measure"] == measure]
    published = evidence.heaviest(mine[~mine["registry"] & mine["estimate"].notna()])
    method = METHODS[evidence.main_method(pools, measure)]
    main, after = (evidence.main_pool(pools, name, measure) for name in ("main", "with_registry"))
    mixed = evidence.pool(pools, "main", measure, "reml", "hartung_knapp")
    # With half an event at zero cells every study is in Q.
    spread = evidence.pool(
        pools, "main", measure, evidence.main_method(pools, measure), policies=("half", "none")
    )
    heaviest = mine["weight"].where(~mine["registry"], mine["weight_with_registry"]).max()
    own = [_study(row, measure, heaviest) for _, row in mine[mine["registry"]].iterrows()]
    parts = [
        [_study(row, measure, heaviest) for _, row in published.iterrows()],
        [
            *_pool(main, f"Main pool, {method}"),
            *_pool(mixed, "Random effects (REML, Hartung-Knapp)"),
            *_remark(evidence.heterogeneity(spread, mixed)),
        ],
        _reviews(pools) if measure == "OR" else [],
        [*own, *_pool(after, f"Main pool with this registry, {method}", "with_own")],
    ]
    return [replace(row, ruled=not place) for part in parts for place, row in enumerate(part)]


def _study(row: pd.Series, measure: str, heaviest: float) -> Row:
    own, inferred = row["registry"], set(row["inferred"].split(";"))
    weight = row["weight_with_registry"] if own else row["weight"]
    name = forest.fitted(words.study_name(row) + _dagger("year" in inferred), NAME_WIDTH)
    if not (row["included"] or own):
        name = "\n".join([name, forest.fitted(_why_left_out(row), NAME_WIDTH)])
    return Row(
        name=name,
        kind="own" if own else "study" if row["included"] else "left_out",
        ratio=tuple(row[RATIO]),
        arms=_arms(row, measure, inferred),
        weight=words.fixed(weight, 1),
        marks=_dagger(bool({"ratio", "ratio_lower", "ratio_upper"} & inferred))
        + (DOUBLE_DAGGER if evidence.has_zero_cell(row, measure) else ""),
        said=_said(row, row["note"]),
        side=max(SIDE * (weight / heaviest) ** 0.5, SMALLEST_SIDE) if weight > 0 else UNWEIGHTED_SIDE,
    )


def _why_left_out(row: pd.Series) -> str:
    """Return why a study is not in the main pool, which its note begins with, in a few words."""
    said = LEFT_OUT.get(row["control_type"]) or row["note"].partition("; ")[0] or "not in the main pool"
    return textwrap.shorten(said, LONGEST_REASON, placeholder=" …")


def _said(row: pd.Series, reason: str) -> str:
    if pd.notna(row["estimate"]):
        return ""
    said = words.WITHHELD if words.is_withheld(row) else words.why_empty(row) or reason or "no estimate"
    return forest.fitted(textwrap.shorten(said, LONGEST_WORDS, placeholder=" …"), WORDS_WIDTH)


def _dagger(inferred: bool) -> str:
    return DAGGER if inferred else ""


def _arms(row: pd.Series, measure: str, inferred: set[str]) -> tuple[str, ...]:
    """Return the numbers of both arms, or words that stand for both."""
    sizes = "person_years" if measure == "IRR" else "n"
    pairs = [(f"{arm}_events", f"{arm}_{sizes}") for arm in ("treated", "control")]
    cells = row[[name for pair in pairs for name in pair]]
    if evidence.is_printed(row, measure):
        return ("ratio as printed",)
    if cells.isna().any() and not words.is_withheld(row):
        return (words.DASH,)
    if cells.isna().all():
        return (words.WITHHELD,)
    return tuple("/".join(_cell(row, name, name in inferred) for name in pair) for pair in pairs)


def _cell(row: pd.Series, name: str, inferred: bool) -> str:
    value = row[name]
    if pd.isna(value):
        return words.WITHHELD
    years = name.endswith("person_years") and value < 1000
    printed = words.fixed(value, 2 if value < 100 else 1) if years else words.count(value)
    return printed + _dagger(inferred)


def _pool(row: pd.Series | None, name: str, kind: str = "pool") -> list[Row]:
    if row is None:
        return []
    number = row["studies"]
    studies = "" if pd.isna(number) else f"{words.count(number)} {'study' if number == 1 else 'studies'}"
    return [
        Row(
            name=forest.fitted(name, POOL_WIDTH, bold=kind != "review"),
            kind=kind,
            ratio=tuple(row[RATIO]),
            prediction=tuple(row[["prediction_lower", "prediction_upper"]]),
            arms=(studies,),
            said=_said(row, ""),
        )
    ]


def _reviews(pools: pd.DataFrame) -> list[Row]:
    """Return the odds ratios that published reviews pooled, with 0.5 added in the pool where a cell is 0."""
    names = [name for name in pools["analysis"].unique() if name not in ANALYSES and ":" not in name]
    rows = []
    for name in names:
        row = evidence.pool(pools, name, "OR", "mantel_haenszel", policies=("half_in_pool", "none"))
        title = words.words(name, {}).title() if name == name.lower() else words.words(name, {})
        rows += _pool(row, f"{title}, as pooled there", "review")
    return rows


def _remark(text: str) -> list[Row]:
    return [Row(forest.fitted(text, REMARK_WIDTH), "remark")] if text else []


def _notes(studies: pd.DataFrame, blocks: Sequence[Sequence[Row]], confidence: float) -> list[str]:
    rows = [row for block in blocks for row in block]
    label, kinds = words.confidence_label(confidence), {row.kind for row in rows}
    text = " ".join([*(row.name + row.marks + "".join(row.arms) for row in rows)])
    weighed = any(row.kind == "own" and row.weight != words.DASH for row in rows)
    hollow = "; hollow: not in it" if "left_out" in kinds else ""
    own = "; this registry's weight is that in the pool with it" if weighed else ""
    thin = f"; thin line: {100 * confidence:g}% prediction interval"
    predicted = thin if any(_is_interval(row.prediction) for row in rows) else ""
    published = studies[~studies["registry"]]
    shown = published[published["measure"].isin(MEASURES) & published["estimate"].notna()]
    without = published[~published["study"].isin(shown["study"])]
    left_off = max(len(shown[shown["measure"] == measure]) - evidence.MOST_DRAWN for measure in MEASURES)
    lists = {
        "No ratio can be had from": without,
        "Relapses were counted, not women with a relapse": shown[shown["note"].str.contains(RELAPSES)],
        "Left out of the pool with this registry, which holds its women": shown[
            shown["note"].str.contains(SUPERSEDED) & ("with_own" in kinds)
        ],
    }
    return [
        f"Log scale. Square: a study in the main pool, its area by weight{hollow}{own}. "
        f"Diamond: pooled ratio with its {label}{predicted}.",
        *[f"The {evidence.MOST_DRAWN} heaviest studies of a panel are drawn, not all."] * (left_off > 0),
        *[f"{DAGGER} Inferred from other numbers: the source does not print it."] * (DAGGER in text),
        *[f"{DOUBLE_DAGGER} {ZERO_CELL}"] * (DOUBLE_DAGGER in text),
        *[f"{said}: {_listed(named)}." for said, named in lists.items() if len(named)],
    ]


def _listed(studies: pd.DataFrame) -> str:
    return ", ".join(dict.fromkeys(words.study_name(row) for _, row in studies.iterrows()))


def _is_interval(limits: Sequence[float]) -> bool:
    return len(limits) == 2 and not any(pd.isna(limit) for limit in limits)


def _write_headings(axes, measure: str, confidence: float) -> None:
    numbers = "relapses/\nyears" if measure == "IRR" else "events/n"
    evidence.write_headings(
        axes,
        f"{MEASURES[measure]}, treated over control",
        (
            (NAMES, "left", "Study"),
            (TREATED, "center", f"Treated\n{numbers}"),
            (CONTROL, "center", f"Control\n{numbers}"),
            (WEIGHTS, "right", "Weight\n%"),
            (RATIOS, "left", f"{measure} ({words.confidence_label(confidence)})"),
        ),
    )


def _draw_rows(axes, total: float, rows: Sequence[Row]) -> None:
    names = ["rate_ratio", "lower", "upper"]
    limits = forest.ratio_limits(pd.DataFrame([row.ratio for row in rows], columns=names))
    evidence.draw_scale(axes, total, limits)
    main = next((row.ratio[0] for row in rows if row.kind == "pool"), float("nan"))
    if limits[0] <= main <= limits[1]:
        axes.axvline(main, color=forest.FOREST, lw=0.8, ls=(0, (4, 3)), zorder=0)
    end = 0.0
    for row in rows:
        if row.ruled and end:
            ends = [(inches - PANEL[0]) / (PANEL[1] - PANEL[0]) for inches in (NAMES, RIGHT)]
            axes.axhline(end, *ends, color="#C0C0C0", lw=0.6, clip_on=False, zorder=0)
        _write_row(axes, end + row.lines / 2, row)
        _draw_ratio(axes, end + row.lines / 2, row, limits)
        end += row.lines


def _write_row(axes, place: float, row: Row) -> None:
    colour = (
        COLOURS["own"] if row.kind in ("own", "with_own") else GREY if row.kind == "left_out" else "black"
    )
    kind = {"color": colour, "fontweight": "bold" if row.kind in ("pool", "with_own") else "normal"}
    forest.write(axes, NAMES, place, row.name, **kind)
    across = (TREATED, CONTROL) if len(row.arms) == 2 else ((TREATED + CONTROL) / 2,)
    for inches, cell in zip(across, row.arms, strict=False):
        forest.write(axes, inches, place, cell, ha="center", color=colour)
    forest.write(axes, WEIGHTS, place, row.weight, ha="right", color=colour)
    if not row.said and row.kind != "remark":
        forest.write(axes, RATIOS, place, forest.ratio_words(*row.ratio) + row.marks, **kind)


def _draw_ratio(axes, place: float, row: Row, limits: tuple[float, float]) -> None:
    if row.said:
        forest.write_words(axes, place, row.said)
    if row.said or row.kind == "remark":
        return
    colour = COLOURS.get(row.kind, forest.FOREST)
    numbers = forest.with_limits(pd.Series(row.ratio, index=["rate_ratio", "lower", "upper"]))
    if row.kind in ("study", "left_out", "own"):
        forest.draw_interval(axes, place, numbers, limits, "s", colour, row.side, row.kind != "left_out")
        return
    if _is_interval(row.prediction):
        ends = (max(row.prediction[0], limits[0]), min(row.prediction[1], limits[1]))
        axes.hlines(place, *ends, color=colour, lw=0.8, zorder=1)
        forest.draw_arrows(axes, place, row.prediction, limits, colour)
    forest.draw_diamond(axes, place, numbers, limits, colour)
