"""The sentences of the abstract and the headline: text whose every number comes from released tables."""

from typing import Any

import pandas as pd

from gravida import words

BETWEEN = "between sites only"
WITHIN = "identifiable within sites"
NOT_IDENTIFIABLE = "not identifiable"
BY_CHOICE = "treatment was a choice, and the time before the first dose is immortal"
SAMPLING_ONLY = "arms cannot be told from sites here, and the interval holds the sampling of women only"


def headline(rate_ratios: pd.DataFrame, identifiability: dict[str, Any], confidence: float = 0.95) -> str:
    """Return one sentence with the primary rate ratio and what it excludes, or why there is none.

    Parameters
    ----------
    rate_ratios : DataFrame
        The released table `rate_ratios`, with exactly one primary row.
    identifiability : dict
        ``verdict`` and ``reason``.
    confidence : float
        Coverage of the limits in the table, 0 to 1.
    """
    row = _primary(rate_ratios)
    numerator, _, denominator = words.text(row["contrast"]).partition("/")
    period = words.lower_first(words.words(row["period"], words.PERIODS))
    what = f"rate ratio, {numerator} over {denominator},"
    if identifiability["verdict"] == NOT_IDENTIFIABLE:
        return _sentence(f"no {what} is given for the {period}: {_plain(identifiability['reason'])}")
    if words.is_missing(row["rate_ratio"]):
        few = ", for it rests on too few women" if words.is_withheld(row) else ""
        why = words.why_empty(row) or "not estimable"
        return _sentence(f"no {what} is given for the {period}: {why}{few}")
    limits = words.interval(row["lower"], row["upper"])
    numbers = f"{words.confidence_label(confidence)} {limits}; {words.p_phrase(row['p_value'])}"
    names = words.text(row["adjusted_for"]).split(";")
    others = words.names(";".join(name for name in names if name != "site") or "none")
    modifiers = ["within sites" if "site" in names else "", f"adjusted for {others}" if others else ""]
    start = "".join([f"in the {period} the relapse {what}", *(f" {part}," for part in modifiers if part)])
    start += f" was {words.fixed(row['rate_ratio'], 3)}"
    ending = {BETWEEN: f"; {SAMPLING_ONLY}", WITHIN: f"; {BY_CHOICE}"}.get(identifiability["verdict"], "")
    return _sentence(f"{start} ({numbers}): {_finding(row)}{ending}")


def abstract(
    tables: dict[str, pd.DataFrame], identifiability: dict[str, Any], confidence: float = 0.95
) -> dict[str, str]:
    """Return the abstract as heading and text: Methods, Results, Conclusion.

    A sentence is left out when the tables do not hold its numbers.

    Parameters
    ----------
    tables : dict of DataFrame
        Released tables by name; `rate_ratios` is required.
    identifiability : dict
        ``verdict`` and ``reason``.
    confidence : float
        Coverage of the limits in the tables, 0 to 1.
    """
    row = _primary(tables["rate_ratios"])
    results = [
        _women_studied(tables, row),
        _arm_rates(tables, words.text(row["period"]), confidence),
        headline(tables["rate_ratios"], identifiability, confidence),
        _course(tables),
        _predictors(tables, 1 - confidence),
    ]
    return {
        "Methods": " ".join(filter(None, [_setting(tables), _analysis(row)])),
        "Results": " ".join(filter(None, results)),
        "Conclusion": _conclusion(row, identifiability),
    }


def _primary(rate_ratios: pd.DataFrame) -> pd.Series:
    return rate_ratios[rate_ratios["is_primary"].astype(bool)].iloc[0]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('. ')}."


def _plain(reason: str) -> str:
    text = reason.strip().rstrip(".")
    return words.lower_first(text)


def _treated_over_untreated(row: pd.Series) -> tuple[float, float, float]:
    """Return the ratio and its limits from treatment's side, nan where a limit has no finite value."""
    numbers = [float(row[column]) for column in ("rate_ratio", "lower", "upper")]
    if words.text(row["contrast"]).startswith("treated/"):
        return tuple(numbers)
    ratio, lower, upper = (1 / number if number > 0 else float("nan") for number in numbers)
    return ratio, upper, lower


def _finding(row: pd.Series) -> str:
    """Say which way the interval points or, where it covers 1, what it excludes."""
    ratio, lower, upper = _treated_over_untreated(row)
    if upper < 1:
        span = (
            f"{words.percent(1 - upper)} to {words.percent(1 - lower)}" if lower == lower else "limits open"
        )
        return f"the rate was lower with treatment, by {words.percent(1 - ratio)} ({span})"
    if lower > 1:
        span = (
            f"{words.percent(lower - 1)} to {words.percent(upper - 1)}" if upper == upper else "limits open"
        )
        return f"the rate was higher with treatment, by {words.percent(ratio - 1)} ({span})"
    excluded = _excluded(lower, upper)
    return f"no evidence of a difference; the interval excludes {excluded}"


def _excluded(lower: float, upper: float) -> str:
    reduction = f"reductions by treatment larger than {words.percent(1 - lower)}" if lower == lower else ""
    increase = f"increases larger than {words.percent(upper - 1)}" if upper == upper else ""
    return " and ".join(filter(None, [reduction, increase])) or "neither reductions nor increases of any size"


def _setting(tables: dict[str, pd.DataFrame]) -> str:
    if "identifiability" not in tables or tables["identifiability"].empty:
        return ""
    sites = tables["identifiability"]
    policies = sites["policy"].value_counts()
    given = [
        f"{meaning} at {_count_of(int(policies[policy]), 'site')}"
        for policy, meaning in words.POLICIES.items()
        if policy in policies
    ]
    listed = " and ".join(filter(None, [", ".join(given[:-1]), given[-1]]))
    return (
        "In this registry study of women with relapsing-remitting multiple sclerosis, intravenous "
        f"immunoglobulin (IVIG) after delivery was given {listed}."
    )


def _count_of(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _analysis(row: pd.Series) -> str:
    if words.is_missing(row["rate_ratio"]):
        return ""
    model = words.lower_first(words.words(row["model"], words.MODELS))
    model = f"Poisson{model[7:]}" if model.startswith("poisson") else model
    covariance = words.words(row["covariance"], words.COVARIANCES)
    period = words.lower_first(words.words(row["period"], words.PERIODS))
    fallback = (
        f" (a fallback: {_plain(words.text(row['reason']).split('; ')[0])})"
        if row["status"] == "fallback"
        else ""
    )
    return (
        f"Relapses in the {period} were compared by {model} regression with person-time as offset, "
        f"errors {covariance}{fallback}; ratios are {words.text(row['contrast']).replace('/', ' over ')}."
    )


def _women_studied(tables: dict[str, pd.DataFrame], primary: pd.Series) -> str:
    rates = tables.get("relapse_rates", pd.DataFrame())
    pieces = []
    if len(rates):
        everyone = rates[(rates["group"] == "arm") & (rates["arm"] == "all")]
        largest = everyone.sort_values("pregnancies", ascending=False).head(1)
        if len(largest) and largest[["pregnancies", "women"]].notna().all(axis=None):
            pregnancies, women = (words.count(largest[name].iloc[0]) for name in ("pregnancies", "women"))
            pieces.append(f"{pregnancies} pregnancies of {women} women were studied")
            if primary["pregnancies"] < largest["pregnancies"].iloc[0]:
                sizes = [words.count(primary[name]) for name in ("pregnancies", "women")]
                pieces.append(f"the rate ratio rests on {sizes[0]} pregnancies of {sizes[1]} women")
    for variable, label in (
        ("age_at_delivery", "age at delivery"),
        ("disease_duration_years", "disease duration"),
    ):
        mean, spread = (_baseline(tables, variable, statistic) for statistic in ("mean", "sd"))
        if mean is not None and spread is not None:
            pieces.append(f"mean {label} was {mean:.2f} (SD {spread:.2f}) years")
    return _sentence("; ".join(pieces)) if pieces else ""


def _baseline(tables: dict[str, pd.DataFrame], variable: str, statistic: str) -> float | None:
    if "baseline" not in tables:
        return None
    rows = tables["baseline"]
    chosen = (rows["variable"] == variable) & (rows["statistic"] == statistic) & (rows["arm"] == "all")
    values = rows.loc[chosen, "value"].dropna()
    return float(values.iloc[0]) if len(values) else None


def _arm_rates(tables: dict[str, pd.DataFrame], period: str, confidence: float) -> str:
    rates = tables.get("relapse_rates", pd.DataFrame())
    if rates.empty:
        return ""
    rows = rates[(rates["group"] == "arm") & (rates["period"] == period)].set_index("arm")
    pieces = []
    for arm in ("treated", "untreated"):
        if arm in rows.index and not words.is_missing(rows.loc[arm, "rate"]):
            row = rows.loc[arm]
            limits = f"{words.confidence_label(confidence)} {words.interval(row['lower'], row['upper'], 2)}"
            counted = (
                f"{words.count(row['relapses'])} relapses in {words.count(row['pregnancies'])} pregnancies"
            )
            pieces.append(f"{words.fixed(row['rate'], 2)} in {arm} ({counted}; {limits})")
    when = words.lower_first(words.words(period, words.PERIODS))
    return (
        _sentence(f"over all sites, the annualized relapse rate in the {when} was {' and '.join(pieces)}")
        if pieces
        else ""
    )


def _course(tables: dict[str, pd.DataFrame]) -> str:
    rates = tables.get("relapse_rates", pd.DataFrame())
    if rates.empty:
        return ""
    rows = rates[(rates["group"] == "arm") & (rates["arm"] == "all")].set_index("period")["rate"].dropna()
    pieces = [
        f"{words.fixed(rows[period], 2)} in {'the ' if 'year' in period else ''}"
        f"{words.lower_first(words.PERIODS[period])}"
        for period in ("pre_pregnancy_year", "pregnancy", "postpartum_year")
        if period in rows.index
    ]
    return f"Over all pregnancies the rate was {', '.join(pieces)}." if len(pieces) > 1 else ""


def _predictors(tables: dict[str, pd.DataFrame], level: float) -> str:
    rows = tables.get("predictors", pd.DataFrame())
    if rows.empty:
        return ""
    # IVIG is the subject of the headline, where the verdict stands beside it.
    chosen = (rows["model"] == "multivariable") & (rows["predictor"] != "ivig")
    smallest = rows[chosen].groupby("predictor", sort=False)["p_holm"].min().dropna()
    if smallest.empty:
        return "No predictor of relapse could be assessed in the multivariable model."
    found = smallest[smallest < level]
    if found.empty:
        return (
            f"None of {_count_of(len(smallest), 'predictor')} had a Holm-adjusted p below {level:g} in the "
            f"multivariable model (smallest: {words.p_phrase(smallest.min())}); their intervals say what "
            "remains possible."
        )
    named = ", ".join(
        f"{words.lower_first(words.words(name, words.VARIABLES))} ({words.p_phrase(value)})"
        for name, value in found.items()
    )
    return f"In the multivariable model the Holm-adjusted p was below {level:g} for {named}."


def _conclusion(row: pd.Series, identifiability: dict[str, Any]) -> str:
    if words.is_withheld(row):
        return "The comparison rests on too few women to be shown."
    if identifiability["verdict"] == NOT_IDENTIFIABLE or words.is_missing(row["rate_ratio"]):
        return "These data give no comparison of treated with untreated pregnancies."
    finding = _finding(row)
    if identifiability["verdict"] == BETWEEN:
        return _sentence(
            f"between the sites, {finding}. IVIG follows the sites' policies, so this contrast holds "
            "everything else that differs between the sites and is not by itself an effect of IVIG"
        )
    return _sentence(f"within sites, {finding}. Treatment was not randomized; {BY_CHOICE}")
