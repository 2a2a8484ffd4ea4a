"""From the released tables to what is printed: text cells, with words where there is no number."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from gravida import words
from gravida.report.display import Display

WHOLE_PERIODS = ("pre_pregnancy_year", "pregnancy", "postpartum_year")


def show_attrition(attrition: pd.DataFrame) -> Display:
    """Show what each filter took and left, site by site; a filter that took nobody is left out."""
    nobody = attrition["step"].str.startswith("excluded") & (attrition["pregnancies"] == 0)
    return _display(
        attrition[~nobody],
        {
            "Site": lambda row: "All sites" if row["site"] == "all" else f"Site {words.text(row['site'])}",
            "Step": lambda row: _step(row["step"]),
            "Reason": lambda row: words.text(row["reason"]),
            **_sizes("pregnancies", "women"),
        },
        row="Step",
        group="Site",
    )


def _step(step: str) -> str:
    """Return a step of the study flow, the period that it names set apart."""
    verb, _, period = step.partition("_")
    if period not in words.PERIODS:
        return words.words(step, {})
    return f"{verb.capitalize()}, {words.lower_first(words.PERIODS[period])}"


def show_baseline(baseline: pd.DataFrame) -> Display:
    """Pivot the long table of characteristics: one row a statistic or level, one column an arm."""
    lines = []
    for variable, rows in baseline.groupby("variable", sort=False):
        label = words.words(variable, words.VARIABLES)
        for level, part in rows.groupby(rows["level"].map(words.text), sort=False):
            has = set(part["statistic"])
            for name, statistics in _baseline_lines(level, has):
                lines.append({"Variable": label, "Statistic": name, **_baseline_cells(part, statistics)})
    frame = pd.DataFrame(lines)
    shown = ["Variable", "Statistic", *[label for label in words.ARMS.values() if label in frame]]
    return Display(frame[shown].fillna(""), row="Statistic", group="Variable")


def _baseline_lines(level: str, has: set[str]) -> list[tuple[str, tuple[str, ...]]]:
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


def _baseline_cells(part: pd.DataFrame, statistics: tuple[str, ...]) -> dict[str, str]:
    cells = {}
    for arm, rows in part.groupby("arm", sort=False):
        mine = rows[rows["statistic"].isin(statistics)].drop_duplicates("statistic").set_index("statistic")
        if len(mine):
            cells[words.ARMS[arm]] = _baseline_cell(mine, statistics)
    return cells


def _baseline_cell(rows: pd.DataFrame, statistics: tuple[str, ...]) -> str:
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


def show_rates(relapse_rates: pd.DataFrame) -> Display:
    """Show rates by arm in every period, and by site in the three whole periods."""
    by_arm = relapse_rates["group"] == "arm"
    rows = relapse_rates[by_arm | relapse_rates["period"].isin(WHOLE_PERIODS)]
    rows = rows.sort_values("group", key=lambda column: column != "arm", kind="stable")
    return _display(
        rows,
        {
            "Group": _rate_group,
            "Period": lambda row: words.words(row["period"], words.PERIODS),
            **_sizes("pregnancies", "women", "relapses"),
            "Person-years": lambda row: _cell(row, "person_years", lambda value: words.fixed(value, 1)),
            "Rate (exact limits)": lambda row: _ratio(row, "rate", "lower", "upper", 2),
            "Limits clustered by woman": _robust_limits,
        },
        row="Period",
        group="Group",
    )


def _rate_group(row: pd.Series) -> str:
    arm = words.words(row["arm"], words.ARMS)
    if row["group"] == "arm":
        return f"{arm} pregnancies"
    return f"Site {words.text(row['site'])}" + ("" if row["arm"] == "all" else f", {arm.lower()}")


def _robust_limits(row: pd.Series) -> str:
    if words.is_missing(row["robust_lower"]):
        return words.WITHHELD if words.is_withheld(row) else words.DASH
    return words.interval(row["robust_lower"], row["robust_upper"], 2)


def show_rate_ratios(rate_ratios: pd.DataFrame) -> Display:
    """Show every analysis of the contrast, the primary one marked and in bold."""
    shown = _display(
        rate_ratios,
        {
            "Contrast": lambda row: (
                f"{words.words(row['period'], words.PERIODS)}, {row['contrast'].replace('/', ' over ')}"
            ),
            "Analysis": lambda row: (
                words.words(row["analysis"], words.ANALYSES) + (" (primary)" if row["is_primary"] else "")
            ),
            "Model and errors": lambda row: ", ".join(
                (
                    words.words(row["model"], words.MODELS),
                    words.words(row["covariance"], words.COVARIANCES),
                )
            ),
            "Rate ratio (limits)": lambda row: _ratio(row, "rate_ratio", "lower", "upper", 3),
            "p": lambda row: _cell(row, "p_value", words.p_value),
            "α": lambda row: _cell(row, "alpha", lambda value: words.fixed(value, 3)),
            **_sizes("pregnancies", "women", "relapses"),
            "Note": lambda row: "; ".join(filter(None, (_adjusted(row), _note(row)))),
        },
        row="Analysis",
        group="Contrast",
    )
    marked = rate_ratios["is_primary"].astype(bool).to_numpy().nonzero()[0]
    return Display(shown.frame, shown.row, shown.group, tuple(int(position) for position in marked))


def show_dispersion(dispersion: pd.DataFrame) -> Display:
    """Show the tests of over-dispersion by period."""
    return _display(
        dispersion,
        {
            "Period": lambda row: words.words(row["period"], words.PERIODS),
            "Test": lambda row: words.words(row["test"], words.TESTS),
            "Statistic": lambda row: _cell(row, "statistic", lambda value: words.fixed(value, 3)),
            "p": lambda row: _cell(row, "p_value", words.p_value),
            "Value": lambda row: _cell(row, "value", lambda value: words.fixed(value, 3)),
            **_sizes("pregnancies", "women"),
            "Note": lambda row: words.text(row.get("reason", "")),
        },
        row="Test",
        group="Period",
    )


def show_predictors(predictors: pd.DataFrame) -> Display:
    """Show the predictors of relapse, each alone and all together."""
    return _display(
        predictors,
        {
            "Model": lambda row: words.words(row["model"], words.MODELS),
            "Predictor": words.predictor_label,
            "Rate ratio (limits)": lambda row: _ratio(row, "rate_ratio", "lower", "upper", 3),
            "p": lambda row: _cell(row, "p_value", words.p_value),
            "p, joint": lambda row: _cell(row, "p_joint", words.p_value),
            "p, Holm": lambda row: _cell(row, "p_holm", words.p_value),
            **_sizes("pregnancies", "women", "relapses"),
            "Note": _note,
        },
        row="Predictor",
        group="Model",
    )


def show_identifiability(identifiability: pd.DataFrame) -> Display:
    """Show who was treated at each site, and by what policy."""
    return _display(
        identifiability,
        {
            "Site": lambda row: words.text(row["site"]),
            "IVIG given": lambda row: words.words(row["policy"], words.POLICIES),
            **_sizes("pregnancies", "women", "treated"),
            "Share treated": lambda row: _cell(row, "share_treated", lambda value: words.fixed(value, 2)),
        },
        row="Site",
    )


def show_data_quality(data_quality: pd.DataFrame) -> Display:
    """Show, for each site, how many checks its submission passed and every one that it did not."""
    lines = []
    for site, rows in data_quality.groupby(data_quality["site"].map(words.text), sort=False):
        statuses = rows["status"].map(lambda status: words.words(status, words.STATUSES).lower())
        counted = ", ".join(f"{number} {status}" for status, number in statuses.value_counts().items())
        total = {"Check": f"{len(rows)} checks", "Status": counted}
        found = _display(
            rows[rows["status"].isin(["fail", "pass_with_violations"])], QUALITY_COLUMNS
        ).frame.to_dict("records")
        lines += [{"Site": site, **line} for line in (total, *found)]
    frame = pd.DataFrame(lines, columns=["Site", *QUALITY_COLUMNS]).fillna("")
    return Display(frame, row="Check", group="Site")


QUALITY_COLUMNS: dict[str, Callable[[pd.Series], str]] = {
    "Check": lambda row: (
        f"{'.'.join(filter(None, (words.text(row['table']), words.text(row['column']))))}: "
        f"{words.text(row['check']).replace('_', ' ')}"
    ),
    "Rows failed": lambda row: _cell(row, "rows_failed", words.count),
    "Rows checked": lambda row: _cell(row, "rows_checked", words.count),
    "Status": lambda row: words.words(row["status"], words.STATUSES),
    "Action": lambda row: words.words(row["action"], {}),
}


def _display(
    rows: pd.DataFrame,
    columns: dict[str, Callable[[pd.Series], str]],
    row: str | None = None,
    group: str | None = None,
) -> Display:
    """Apply one function of a row per printed column; a column of notes that says nothing is left out."""
    lines = [{name: show(line) for name, show in columns.items()} for _, line in rows.iterrows()]
    said = [name for name in columns if name != "Note" or any(line[name] for line in lines)]
    return Display(pd.DataFrame(lines, columns=said), row, group)


def _sizes(*names: str) -> dict[str, Callable[[pd.Series], str]]:
    return {name.capitalize(): (lambda row, name=name: _cell(row, name, words.count)) for name in names}


def _cell(row: pd.Series, column: str, show: Callable[[Any], str]) -> str:
    """Return a cell as text; an empty one is withheld, or a dash where the analysis has no such number."""
    counted = column in ("pregnancies", "women", "relapses")
    if words.is_missing(row[column]) and words.is_withheld(row) and (counted or not words.is_unanswered(row)):
        return words.WITHHELD
    return show(row[column])


def _ratio(row: pd.Series, value: str, lower: str, upper: str, digits: int) -> str:
    if words.is_missing(row[value]):
        return _cell(row, value, words.count)
    return words.estimate(row[value], row[lower], row[upper], digits)


def _adjusted(row: pd.Series) -> str:
    names = words.names(row["adjusted_for"])
    return f"adjusted for {names}" if names else ""


def _note(row: pd.Series) -> str:
    """Say why a row holds no number, or what was done instead of what was planned."""
    reason = words.text(row["reason"])
    if words.is_unanswered(row):
        return words.why_empty(row)
    return f"fallback: {reason}" if row["status"] == "fallback" and reason else reason
