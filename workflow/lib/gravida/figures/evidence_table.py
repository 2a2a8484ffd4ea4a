"""What the pictures of the published evidence read of the released tables, and the parts that they share."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gravida import words
from gravida.figures import forest
from gravida.figures.canvas import DOUBLE_COLUMN_INCHES

MEASURES = {"OR": "Odds ratio of a relapse", "IRR": "Rate ratio of relapses"}
METHODS = {"mantel_haenszel": "Mantel-Haenszel", "inverse_variance": "inverse variance"}
REGISTRY = "#D55E00"
RATIO = ["estimate", "lower", "upper"]
POOL_TEXT = ["analysis", "measure", "method", "interval", "zero_cells", "status", "reason"]
POOL_NUMBERS = [
    "studies", *RATIO, "q", "q_df", "q_p_value", "i2", "tau2", "tau2_lower", "tau2_upper",
    "prediction_lower", "prediction_upper", "egger_t", "egger_df", "egger_p_value",
]  # fmt: skip
# Columns that the pictures read; one that a table lacks is taken as empty.
STUDY_TEXT = ["study", "measure", "control_type", "inferred", "note"]
STUDY_NUMBERS = [
    "year", *(f"{arm}_{what}" for arm in ("treated", "control") for what in ("events", "n", "person_years")),
    *RATIO, "weight", "weight_with_registry",
]  # fmt: skip
GREY = "#707070"
# A page holds no more rows of studies.
MOST_DRAWN = 40
# Inches from the left edge, of names.
NAMES = 0.06


def read_columns(table: pd.DataFrame, texts: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    """Return these columns: text, and numbers that a picture can hold; one that is not there is empty."""
    found = table.reindex(columns=[*texts, *numbers, "suppressed"])
    values = {name: pd.to_numeric(found[name], errors="coerce").astype(float) for name in numbers}
    values = {name: value.where(np.isfinite(value)) for name, value in values.items()}
    values = {name: value if name == "egger_t" else value.where(value >= 0) for name, value in values.items()}
    values["estimate"] = values["estimate"].where(values["estimate"] > 0)
    labels = {name: found[name].map(words.text).astype(str) for name in texts}
    return found.assign(**labels, **values, suppressed=found["suppressed"].eq(True))


def read_pools(pooled: pd.DataFrame) -> pd.DataFrame:
    """Return the pooled ratios with the columns that the pictures of the evidence read."""
    table = read_columns(pooled, POOL_TEXT, POOL_NUMBERS)
    return table[table["measure"].isin(MEASURES)].reset_index(drop=True)


def read_studies(studies: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that the pictures read, by year, with numbers that can be drawn or none."""
    table = read_columns(studies, STUDY_TEXT, STUDY_NUMBERS)
    flags = studies.reindex(columns=["included", "registry"])
    table = table.assign(**{name: flags[name].eq(True) for name in flags})
    return table.sort_values("year", kind="stable", ignore_index=True)


def heaviest(studies: pd.DataFrame) -> pd.DataFrame:
    """Return the studies that a page holds: of too many the heaviest, in their order."""
    if len(studies) <= MOST_DRAWN:
        return studies
    return studies.loc[studies["weight"].fillna(0).nlargest(MOST_DRAWN).index.sort_values()]


def drawn_measures(studies: pd.DataFrame) -> list[str]:
    """Return the ratio measures in which a published study is in the main pool."""
    there = studies["included"] & ~studies["registry"] & studies["estimate"].notna()
    return [measure for measure in MEASURES if (there & (studies["measure"] == measure)).any()]


def is_printed(row: pd.Series, measure: str) -> bool:
    """Say whether a published ratio is as printed: the numbers that it would follow from are not there."""
    sizes = "person_years" if measure == "IRR" else "n"
    names = [f"{arm}_{what}" for arm in ("treated", "control") for what in ("events", sizes)]
    return bool(row[names].isna().any()) and not row["registry"]


def has_zero_cell(row: pd.Series, measure: str) -> bool:
    """Say whether a cell of the study's own table is 0, so that its ratio has 0.5 added to each."""
    events = row[["treated_events", "control_events"]].to_numpy(float)
    sizes = row[[f"{arm}_{'person_years' if measure == 'IRR' else 'n'}" for arm in ("treated", "control")]]
    sizes = sizes.to_numpy(float)
    if np.isnan(events).any() or np.isnan(sizes).any():
        return False
    return bool((events == 0).any() or (measure == "OR" and (events == sizes).any()))


def pool(
    pools: pd.DataFrame,
    analysis: str,
    measure: str,
    method: str,
    interval: str = "wald",
    policies: Sequence[str] = ("none", "half"),
) -> pd.Series | None:
    """Return one pool: of these policies of zero cells the first that has an answer, or the first."""
    asked = {"analysis": analysis, "measure": measure, "method": method, "interval": interval}
    mine = pools[np.logical_and.reduce([pools[name] == value for name, value in asked.items()])]
    found = [row for policy in policies for _, row in mine[mine["zero_cells"] == policy].iterrows()]
    answered = [row for row in found if pd.notna(row["estimate"])]
    return next(iter([*answered, *found]), None)


def main_pool(pools: pd.DataFrame, analysis: str, measure: str) -> pd.Series | None:
    """Return the pool of an analysis by the method of the main pool."""
    method = main_method(pools, measure)
    policies = ("none",) if method == "mantel_haenszel" else ("none", "half")
    return pool(pools, analysis, measure, method, policies=policies)


def main_method(pools: pd.DataFrame, measure: str) -> str:
    """Return the method of the main pool: Mantel-Haenszel, or inverse variance where that takes in more.

    Inverse variance takes in printed ratios too; it is also what is left where Mantel-Haenszel has no answer.
    """
    counts = pool(pools, "main", measure, "mantel_haenszel", policies=("none",))
    printed = pool(pools, "main", measure, "inverse_variance")
    if printed is None or pd.isna(printed["estimate"]):
        return "mantel_haenszel"
    if counts is None or pd.isna(counts["estimate"]):
        return "inverse_variance"
    return "mantel_haenszel" if counts["studies"] == printed["studies"] else "inverse_variance"


def heterogeneity(main: pd.Series | None, mixed: pd.Series | None) -> str:
    """Return in words how much the studies of a pool differ, "" where its method has no Q.

    Parameters
    ----------
    main, mixed : Series, optional
        The pool by the method of the main pool, and by random effects, whose variance it is.
    """
    if main is None or pd.isna(main["q"]) or not main["q_df"] > 0:
        return ""
    tested = f"Q {words.fixed(main['q'], 2)}, df {words.count(main['q_df'])}"
    parts = [f"{tested}, {words.p_phrase(main['q_p_value'])}"]
    if pd.notna(main["i2"]):
        parts.append(f"I² {words.fixed(main['i2'], 0)}%")
    if mixed is not None and pd.notna(mixed["tau2"]):
        bare = mixed[["tau2_lower", "tau2_upper"]].isna().all()
        limits = "" if bare else f" ({words.interval(mixed['tau2_lower'], mixed['tau2_upper'], 2)})"
        parts.append(f"τ² {words.fixed(mixed['tau2'], 2)}{limits}".replace(" ", forest.UNBROKEN))
    return f"Heterogeneity: {'; '.join(parts)}"


def space_below(notes: Sequence[str]) -> float:
    """Return the inches that notes take under the last panel."""
    return forest.LINE * sum(1.15 + note.count("\n") for note in notes)


def write_below(figure, notes: Sequence[str]) -> None:
    """Write notes one below the other at the foot of a picture, over the place of its mark."""
    height = figure.get_size_inches()[1]
    top = forest.MARK + forest.MARK_SHARE * height + space_below(notes)
    for note in notes:
        place = (NAMES / DOUBLE_COLUMN_INCHES, top / height)
        figure.text(*place, note, va="top", linespacing=1.15, color="#303030", parse_math=False)
        top -= space_below([note])


def draw_scale(axes, total: float, limits: tuple[float, float]) -> None:
    """Give a panel its ratio axis and say under it whom each side favours."""
    wide = limits[1] / limits[0] > forest.WIDE
    forest.lay_axes(axes, total, limits, "", forest.FEWER_TICKS if wide else forest.TICKS)
    below = {"textcoords": "offset points", "va": "top"}
    axes.annotate("← favours IVIG", (1, 0), (-5, -17), ("data", "axes fraction"), ha="right", **below)
    axes.annotate("favours control →", (1, 0), (5, -17), ("data", "axes fraction"), ha="left", **below)


def write_headings(axes, title: str, columns: Sequence[tuple[float, str, str]]) -> None:
    """Write a panel's title over the headings of its columns: inches from the left, alignment, words."""
    bold = {"va": "bottom", "fontweight": "bold"}
    for inches, side, heading in columns:
        forest.write(axes, inches, -0.3, heading, ha=side, **bold)
    lines = 1 + max(heading.count("\n") for _, _, heading in columns)
    forest.write(axes, NAMES, -0.55 - 1.15 * lines, title, ha="left", **bold)
