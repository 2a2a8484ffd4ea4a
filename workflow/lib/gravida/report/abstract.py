"""The abstract: sentences whose every number comes from released tables."""

from typing import Any

import pandas as pd

from gravida import words
from gravida.report import results
from gravida.report.sentences import (
    BETWEEN,
    BY_CHOICE,
    NOT_IDENTIFIABLE,
    counted,
    finding,
    headline,
    plain,
    primary_row,
    sentence,
)


def abstract(
    tables: dict[str, pd.DataFrame],
    identifiability: dict[str, Any],
    confidence: float = 0.95,
    power: float = 0.8,
) -> dict[str, str]:
    """Return the abstract as heading and text: Methods, Results, Further results, Conclusion.

    A sentence is left out when the tables do not hold its numbers, and a heading without sentences.

    Parameters
    ----------
    tables : dict of DataFrame
        Released tables by name; `rate_ratios` is required.
    identifiability : dict
        ``verdict`` and ``reason``.
    confidence : float
        Coverage of the limits in the tables, 0 to 1.
    power : float
        Power of the smallest detectable ratio, 0 to 1.
    """
    row = primary_row(tables["rate_ratios"])
    verdict = identifiability["verdict"]
    told = [
        f"Verdict on the design: {verdict}.",
        women_studied(tables, row),
        arm_rates(tables, words.text(row["period"]), confidence),
        headline(tables["rate_ratios"], identifiability, confidence),
        *results.around_the_contrast(tables, verdict, power),
        results.course(tables),
    ]
    further = [
        *results.beside_the_contrast(tables, row, verdict, confidence),
        results.predictors(tables, confidence),
        results.predictability(tables, confidence),
        results.published_evidence(tables, confidence),
        results.audited_claims(tables),
    ]
    parts = {
        "Methods": [_setting(tables), _analysis(row)],
        "Results": told,
        "Further results": further,
        "Conclusion": [_conclusion(row, identifiability)],
    }
    written = {heading: " ".join(filter(None, sentences)) for heading, sentences in parts.items()}
    return {heading: text for heading, text in written.items() if text}


def _setting(tables: dict[str, pd.DataFrame]) -> str:
    if "identifiability" not in tables or tables["identifiability"].empty:
        return ""
    sites = tables["identifiability"]
    policies = sites["policy"].value_counts()
    given = [
        f"{meaning} at {counted(int(policies[policy]), 'site')}"
        for policy, meaning in words.POLICIES.items()
        if policy in policies
    ]
    listed = " and ".join(filter(None, [", ".join(given[:-1]), given[-1]]))
    return (
        "In this registry study of women with relapsing-remitting multiple sclerosis, intravenous "
        f"immunoglobulin (IVIG) after delivery was given {listed}."
    )


def _analysis(row: pd.Series) -> str:
    if words.is_missing(row["rate_ratio"]):
        return ""
    model = words.lower_first(words.words(row["model"], words.MODELS))
    model = f"Poisson{model[7:]}" if model.startswith("poisson") else model
    covariance = words.words(row["covariance"], words.COVARIANCES)
    period = words.lower_first(words.words(row["period"], words.PERIODS))
    fallback = (
        f" (a fallback: {plain(words.text(row['reason']).split('; ')[0])})"
        if row["status"] == "fallback"
        else ""
    )
    return (
        f"Relapses in the {period} were compared by {model} regression with person-time as offset, "
        f"errors {covariance}{fallback}; ratios are {words.text(row['contrast']).replace('/', ' over ')}."
    )


def women_studied(tables: dict[str, pd.DataFrame], primary: pd.Series) -> str:
    """Say how many pregnancies were studied, and of how old women."""
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
    return sentence("; ".join(pieces)) if pieces else ""


def _baseline(tables: dict[str, pd.DataFrame], variable: str, statistic: str) -> float | None:
    if "baseline" not in tables:
        return None
    rows = tables["baseline"]
    chosen = (rows["variable"] == variable) & (rows["statistic"] == statistic) & (rows["arm"] == "all")
    values = rows.loc[chosen, "value"].dropna()
    return float(values.iloc[0]) if len(values) else None


def arm_rates(tables: dict[str, pd.DataFrame], period: str, confidence: float) -> str:
    """Give the arms' rates in a period."""
    rates = tables.get("relapse_rates", pd.DataFrame())
    if rates.empty:
        return ""
    rows = rates[(rates["group"] == "arm") & (rates["period"] == period)].set_index("arm")
    pieces = []
    for arm in ("treated", "untreated"):
        if arm in rows.index and not words.is_missing(rows.loc[arm, "rate"]):
            row = rows.loc[arm]
            limits = f"{words.confidence_label(confidence)} {words.interval(row['lower'], row['upper'], 2)}"
            relapses = (
                f"{words.count(row['relapses'])} relapses in {words.count(row['pregnancies'])} pregnancies"
            )
            pieces.append(f"{words.fixed(row['rate'], 2)} in {arm} ({relapses}; {limits})")
    when = words.lower_first(words.words(period, words.PERIODS))
    return (
        sentence(f"over all sites, the annualized relapse rate in the {when} was {' and '.join(pieces)}")
        if pieces
        else ""
    )


def _conclusion(row: pd.Series, identifiability: dict[str, Any]) -> str:
    if words.is_withheld(row):
        return "The comparison is withheld: it rests on too few women, or would tell of few."
    if identifiability["verdict"] == NOT_IDENTIFIABLE or words.is_missing(row["rate_ratio"]):
        return "These data give no comparison of treated with untreated pregnancies."
    found = finding(row)
    if identifiability["verdict"] == BETWEEN:
        return sentence(
            f"between the sites, {found}. IVIG follows the sites' policies, so this contrast holds "
            "everything else that differs between the sites and is not by itself an effect of IVIG"
        )
    return sentence(f"within sites, {found}. Treatment was not randomized; {BY_CHOICE}")
