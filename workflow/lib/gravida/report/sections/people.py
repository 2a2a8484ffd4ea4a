"""Who was studied, and how alike the arms are before and after weighting."""

import pandas as pd

from gravida import words
from gravida.report import cells
from gravida.report.display import Display
from gravida.report.section import Section


def show_baseline(baseline: pd.DataFrame) -> Display:
    """Pivot the long table of characteristics: one row a statistic or level, one column an arm."""
    lines = []
    for variable, rows in baseline.groupby("variable", sort=False):
        label = words.words(variable, words.VARIABLES)
        for level, part in rows.groupby(rows["level"].map(words.text), sort=False):
            has = set(part["statistic"])
            for name, statistics in _lines(level, has):
                found = _cells(part, statistics) | {cells.NOTE: _why_empty(part, statistics)}
                lines.append({"Variable": label, "Statistic": name, **found})
    frame = pd.DataFrame(lines)
    said = [cells.NOTE] if frame[cells.NOTE].any() else []
    shown = ["Variable", "Statistic", *[label for label in words.ARMS.values() if label in frame], *said]
    return cells.with_letters(frame[shown].fillna(""), row="Statistic", group="Variable")


def _lines(level: str, has: set[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the printed lines of one variable or level, each with the statistics that it joins."""
    lines = []
    if "mean" in has:
        lines.append(("Mean (SD)", ("mean", "sd", "smd")))
    if "median" in has:
        lines.append(("Median [Q1, Q3]", ("median", "q1", "q3") + (() if "mean" in has else ("smd",))))
    if "n" in has:
        alone = "Number" if has == {"n"} else "Recorded"
        share = ("percent", "smd") if "percent" in has else ()
        name = f"{words.words(level, {})}, n (%)" if share else words.words(level, {}) or alone
        lines.append((name, ("n", *share)))
    if "missing" in has:
        lines.append(("Missing", ("missing",)))
    return lines


def _cells(part: pd.DataFrame, statistics: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for arm, rows in part.groupby("arm", sort=False):
        mine = rows[rows["statistic"].isin(statistics)].drop_duplicates("statistic").set_index("statistic")
        if len(mine):
            found[words.ARMS[arm]] = _cell(mine, statistics)
    return found


def _why_empty(part: pd.DataFrame, statistics: tuple[str, ...]) -> str:
    """Say why cells of a line hold no number, each reason once."""
    empty = part[part["statistic"].isin(statistics) & part["value"].map(words.is_missing)]
    return words.joined(*dict.fromkeys(empty["reason"].map(words.text)))


def _cell(rows: pd.DataFrame, statistics: tuple[str, ...]) -> str:
    value = rows["value"]
    if any(words.is_missing(row["value"]) and words.is_withheld(row) for _, row in rows.iterrows()):
        return words.WITHHELD
    if "smd" in value:
        return words.fixed(value["smd"], 2)
    if words.is_missing(value.iloc[0]):
        return words.DASH
    if statistics[0] == "mean":
        return f"{words.fixed(value['mean'], 2)} ({words.fixed(value['sd'], 2)})"
    if statistics[0] == "median":
        median, lower, upper = (words.text(round(float(value[name]), 2)) for name in ("median", "q1", "q3"))
        return f"{median} [{lower}, {upper}]"
    counted = words.count(value.iloc[0])
    return f"{counted} ({words.fixed(value['percent'], 1)})" if "percent" in value else counted


def show_balance(balance: pd.DataFrame) -> Display:
    """Show the standardised differences of the covariates before and after weighting."""
    return cells.display(
        balance,
        {
            "Covariate": _covariate,
            "Unweighted": cells.fixed("smd_unweighted", 2),
            "Inverse-probability weighted": cells.fixed("smd_iptw", 2),
            "Overlap weighted": cells.fixed("smd_overlap", 2),
            **cells.counts("pregnancies", "women"),
            cells.NOTE: cells.note,
        },
        row="Covariate",
    )


def _covariate(row: pd.Series) -> str:
    name, level = words.words(row["covariate"], words.VARIABLES), words.text(row["level"])
    return f"{name}: {level}" if level and not level.startswith("per ") else name


BASELINE = Section(
    table="baseline",
    title="Who was studied",
    caption="Characteristics of the pregnancies by arm",
    show=show_baseline,
    notes=(
        "SMD: absolute standardised difference with the unweighted pooled standard deviation, one row a "
        "category.",
        "Percentages are of the pregnancies with the characteristic recorded.",
    ),
)
BALANCE = Section(
    table="balance",
    title="How alike the arms are after weighting",
    caption="Absolute standardised differences of the covariates between the arms",
    show=show_balance,
    notes=(
        "Difference of means, or of shares for a category, over the unweighted pooled standard deviation, so "
        "that all columns have one scale. Beyond 0.1 in either direction is usually called an imbalance.",
    ),
    where=(
        (
            "status",
            "ok",
            "Pregnancies of the sites that leave treatment to choice and have both arms, with every "
            "covariate recorded. The chance of treatment comes from a logistic model with covariates and "
            "sites.",
        ),
    ),
)
