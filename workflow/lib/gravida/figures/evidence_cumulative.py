"""The pools of the published studies as they grew, one study at a time."""

from collections.abc import Iterable

import pandas as pd

from gravida import words
from gravida.figures import forest
from gravida.figures.canvas import picture_of_words, png, style
from gravida.figures.evidence_table import (
    MEASURES,
    METHODS,
    NAMES,
    RATIO,
    REGISTRY,
    draw_scale,
    main_method,
    main_pool,
    read_pools,
    space_below,
    write_below,
    write_headings,
)

CUMULATIVE = "cumulative:"
OWN = "This registry"
# Inches from the left edge: the middle of the numbers of studies, the panel, printed ratios.
STUDIES, PANEL, RATIOS = 2.65, (3.0, 5.3), 5.42
NAME_WIDTH, WORDS_WIDTH, FOOT_WIDTH = 2.2, 3.6, 6.6
HEAD, FOOT = 0.44, 0.46
# Lines of type between two rows.
BETWEEN = 0.55


def draw_evidence_cumulative(
    pooled: pd.DataFrame, dpi: int = 300, confidence: float = 0.95, mark: str = ""
) -> bytes:
    """Draw the pooled ratio, treated over control, after each further study, the registry as the last.

    Parameters
    ----------
    pooled : DataFrame
        The released table `evidence_pooled`; its rows `cumulative:STUDY` are drawn in their order.
    dpi : int
        Dots per inch of the 174 mm wide picture.
    confidence : float
        Coverage of the limits in the table, 0 to 1.
    mark : str
        What every copy of the picture must say, in its corner.

    Returns
    -------
    bytes
        PNG, the same bytes for the same input. Without a cumulative pool the picture says so.
    """
    pools = read_pools(pooled)
    blocks = {measure: _steps(pools, measure) for measure in MEASURES}
    blocks = {measure: rows for measure, rows in blocks.items() if rows["estimate"].notna().any()}
    if not blocks:
        return picture_of_words("No pool of the published studies, one after the other, can be drawn.", dpi)
    with style():
        rooms = [float(rows["lines"].sum()) for rows in blocks.values()]
        notes = [forest.fitted(_note(blocks.values(), confidence), FOOT_WIDTH)]
        figure, panels = forest.stack(rooms, PANEL, HEAD, FOOT, space_below(notes))
        for axes, measure in zip(panels, blocks, strict=True):
            _draw_block(axes, measure, blocks[measure], main_method(pools, measure), confidence)
        write_below(figure, notes)
        return png(figure, dpi, mark)


def _steps(pools: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return one row a step with its label and the lines it takes."""
    mine = pools[(pools["measure"] == measure) & pools["analysis"].str.startswith(CUMULATIVE)]
    steps = [main_pool(pools, analysis, measure) for analysis in mine["analysis"].unique()]
    rows = pd.DataFrame([step for step in steps if step is not None], columns=pools.columns)
    rows = rows.assign(rate_ratio=rows["estimate"], name=rows["analysis"].str.removeprefix(CUMULATIVE))
    rows["own"] = rows["name"] == OWN
    labels = [forest.fitted(f"+ {row.name}", NAME_WIDTH, row.own) for row in rows.itertuples(index=False)]
    said = [forest.fitted(forest.note(row), WORDS_WIDTH) for _, row in rows.iterrows()]
    lines = [1 + max(text.count("\n") for text in pair) + BETWEEN for pair in zip(labels, said, strict=True)]
    return rows.assign(label=labels, said=said, lines=lines)


def _note(blocks: Iterable[pd.DataFrame], confidence: float) -> str:
    replaced = any((rows["own"] & (rows["studies"] < rows["studies"].shift() + 1)).any() for rows in blocks)
    own = " The registry takes the place of studies of its own women." if replaced else ""
    steps = "Each row: the pool of that study and all above it, by year."
    return f"Log scale. {steps}{own} Horizontal lines: {words.confidence_label(confidence)}."


def _draw_block(axes, measure: str, rows: pd.DataFrame, method: str, confidence: float) -> None:
    total = float(rows["lines"].sum())
    limits = forest.ratio_limits(rows)
    draw_scale(axes, total, limits)
    title = f"{MEASURES[measure]}, treated over control: cumulative, {METHODS[method]}"
    columns = ((NAMES, "left", "Study added"), (STUDIES, "center", "Studies"))
    ratio = (RATIOS, "left", f"{measure} ({words.confidence_label(confidence)})")
    write_headings(axes, title, (*columns, ratio))
    places = rows["lines"].cumsum() - rows["lines"] / 2
    for place, (_, row) in zip(places, rows.iterrows(), strict=True):
        _draw_row(axes, place, row, limits)


def _draw_row(axes, place: float, row: pd.Series, limits: tuple[float, float]) -> None:
    kind = {"color": REGISTRY, "fontweight": "bold"} if row["own"] else {}
    forest.write(axes, NAMES, place, row["label"], **kind)
    forest.write(axes, STUDIES, place, words.count(row["studies"]), ha="center", **kind)
    if row["said"]:
        forest.write_words(axes, place, row["said"])
        return
    colour = REGISTRY if row["own"] else forest.FOREST
    forest.draw_interval(axes, place, forest.with_limits(row), limits, "D" if row["own"] else "s", colour)
    forest.write(axes, RATIOS, place, forest.ratio_words(*row[RATIO]), **kind)
