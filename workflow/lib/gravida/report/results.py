"""Sentences of the results beside the headline: each is "" where the tables do not hold its numbers."""

import pandas as pd

from gravida import words
from gravida.report.sections.course import direction
from gravida.report.sentences import BETWEEN, NOT_IDENTIFIABLE, SAMPLING, counted, plain, sentence

# Adjustment that answers the other question beside the difference in differences.
ADJUSTED_FOR_THE_YEAR_BEFORE = "covariates:relapses_pre_year"
ALONE = " of sampling alone"
WHOLE_PERIODS = ("pre_pregnancy_year", "pregnancy", "postpartum_year")


def around_the_contrast(tables: dict[str, pd.DataFrame], verdict: str, power: float) -> list[str]:
    """Return what is said of the primary ratio itself: nothing where the design has no answer.

    Parameters
    ----------
    tables : dict of DataFrame
        Released tables by name.
    verdict : str
        What the design can answer.
    power : float
        Power of the smallest detectable ratio, 0 to 1.
    """
    if verdict == NOT_IDENTIFIABLE:
        return []
    return [tipping_point(tables) if verdict == BETWEEN else "", detectable(tables, power)]


def beside_the_contrast(
    tables: dict[str, pd.DataFrame], primary: pd.Series, verdict: str, confidence: float
) -> list[str]:
    """Return other contrasts of the arms: nothing where the design has no answer.

    Parameters
    ----------
    tables : dict of DataFrame
        Released tables by name.
    primary : Series
        The primary row of `rate_ratios`.
    verdict : str
        What the design can answer.
    confidence : float
        Coverage of the limits in the tables, 0 to 1.
    """
    if verdict == NOT_IDENTIFIABLE:
        return []
    limits = f"{words.confidence_label(confidence)}{ALONE if verdict == BETWEEN else ''}"
    return [
        difference_in_differences(tables, limits),
        hazard(tables, primary, limits),
        sensitivity(tables),
    ]


def tipping_point(tables: dict[str, pd.DataFrame]) -> str:
    """Say which difference between the sites would by itself give the ratio."""
    row = _row(tables, "precision", "question", "site_shock_to_null")
    if row is None or words.is_missing(row["value"]):
        return ""
    factor = max(float(row["value"]), 1 / float(row["value"]))
    return (
        f"Background rates that differ between the sites by a factor of {words.fixed(factor, 2)} would by "
        "themselves give this ratio."
    )


def detectable(tables: dict[str, pd.DataFrame], power: float) -> str:
    """Say which ratio could have been seen with this power, and whether equivalence was shown."""
    pieces = []
    smallest = _row(tables, "precision", "question", "minimum_detectable_ratio")
    if smallest is not None and not words.is_missing(smallest["value"]):
        ratio = words.fixed(smallest["value"], 2)
        pieces.append(
            f"a ratio of {ratio}, or its inverse, could be detected with {words.percent(power)} power"
        )
    test = _row(tables, "precision", "question", "equivalence")
    if test is not None and not words.is_missing(test["value"]):
        shown = "was shown" if float(test["value"]) < 0.05 else "was not shown"
        pieces.append(f"equivalence within the margin {shown} ({words.p_phrase(test['value'])})")
    return sentence("; ".join(pieces)) if pieces else ""


def difference_in_differences(tables: dict[str, pd.DataFrame], limits: str) -> str:
    """Give the difference in differences with its reason, beside the ratio adjusted for the year before."""
    row = _row(tables, "longitudinal", "term", "difference_in_differences")
    if row is None:
        return ""
    if words.is_missing(row["rate_ratio"]):
        why = words.why_empty(row) or "not estimable"
        return f"No difference in differences is given: {why}."
    pieces = words.text(row["reason"]).split("; ")
    # Where the limits are said to be of sampling alone, the reason need not.
    said = "; ".join(piece for piece in pieces if ALONE not in limits or not piece.endswith(SAMPLING))
    told = (
        f"the difference in differences (year after over year before, {direction(tables['longitudinal'])}) "
        f"was {_numbers(row, 'rate_ratio', limits)}{f'; {plain(said)}' if said else ''}"
    )
    other = _row(tables, "sensitivity", "scenario", ADJUSTED_FOR_THE_YEAR_BEFORE)
    if other is None or words.is_missing(other["rate_ratio"]):
        return sentence(told)
    return (
        f"{sentence(told)} Adjusted for the relapses of the year before, the ratio of the year after was "
        f"{_numbers(other, 'rate_ratio', limits)}. The two answer different questions, for relapses regress "
        "to their mean around a planned conception; if the assumption of either holds, the effect lies "
        "between them."
    )


def hazard(tables: dict[str, pd.DataFrame], primary: pd.Series, limits: str) -> str:
    """Give the hazard ratio of a first relapse, within sites where it can be had."""
    contrast = words.text(primary["contrast"]).replace("/", " over ")
    for method, where in (("cox_by_site", ", within sites"), ("cox", "")):
        row = _row(tables, "time_to_relapse", "method", method)
        if row is not None and not words.is_missing(row["estimate"]):
            numbers = _numbers(row, "estimate", limits)
            return f"The hazard ratio of a first relapse after delivery, {contrast}{where}, was {numbers}."
    return ""


def sensitivity(tables: dict[str, pd.DataFrame]) -> str:
    """Say between which ratios the sensitivity analyses lie."""
    rows = tables.get("sensitivity", pd.DataFrame())
    if rows.empty:
        return ""
    given = rows[(rows["scenario"] != "primary") & rows["rate_ratio"].notna()]
    if len(given) < 2:
        return ""
    lowest, highest = (words.fixed(end(given["rate_ratio"]), 2) for end in (min, max))
    clear = int(((given["lower"] > 1) | (given["upper"] < 1)).sum())
    return (
        f"In {len(given)} sensitivity analyses the ratio lay between {lowest} and {highest}; "
        f"{clear or 'none'} of their intervals left out 1."
    )


def course(tables: dict[str, pd.DataFrame]) -> str:
    """Give the rates of all pregnancies in the three whole periods."""
    rates = tables.get("relapse_rates", pd.DataFrame())
    if rates.empty:
        return ""
    rows = rates[(rates["group"] == "arm") & (rates["arm"] == "all")].set_index("period")["rate"].dropna()
    pieces = [
        f"{words.fixed(rows[period], 2)} in {'the ' if 'year' in period else ''}"
        f"{words.lower_first(words.PERIODS[period])}"
        for period in WHOLE_PERIODS
        if period in rows.index
    ]
    return f"Over all pregnancies the rate was {', '.join(pieces)}." if len(pieces) > 1 else ""


def predictors(tables: dict[str, pd.DataFrame], confidence: float) -> str:
    """Name the predictors that were found in the multivariable model, or say that none was."""
    rows, level = tables.get("predictors", pd.DataFrame()), 1 - confidence
    if rows.empty:
        return ""
    # IVIG is the subject of the headline, where the verdict stands beside it.
    chosen = (rows["model"] == "multivariable") & ~rows["predictor"].isin(["ivig", "all_but_ivig"])
    smallest = rows[chosen].groupby("predictor", sort=False)["p_holm"].min().dropna()
    if smallest.empty:
        return "No predictor of relapse could be assessed in the multivariable model."
    together = _together(rows)
    found = smallest[smallest < level]
    if found.empty:
        return (
            f"None of {counted(len(smallest), 'predictor')} had a Holm-adjusted p below {level:g} in the "
            f"multivariable model (smallest: {words.p_phrase(smallest.min())}{together}); their intervals "
            "say what remains possible."
        )
    named = ", ".join(
        f"{words.lower_first(words.words(name, words.VARIABLES))} ({words.p_phrase(value)})"
        for name, value in found.items()
    )
    return f"In the multivariable model the Holm-adjusted p was below {level:g} for {named}{together}."


def _together(predictors: pd.DataFrame) -> str:
    rows = predictors[predictors["predictor"] == "all_but_ivig"]
    given = rows["p_joint"].dropna()
    return f"; all but IVIG at once: {words.p_phrase(given.iloc[0])}" if len(given) else ""


def predictability(tables: dict[str, pd.DataFrame], confidence: float) -> str:
    """Give the concordance of predictions in women that the model has not seen."""
    row = _row(tables, "predictability", "measure", "concordance")
    if row is None or words.is_missing(row["value"]):
        return ""
    limits = f"{words.confidence_label(confidence)} {words.interval(row['lower'], row['upper'], 2)}"
    return (
        "In women that the model had not seen, the concordance of predicted with observed relapses was "
        f"{words.fixed(row['value'], 2)} ({limits}), where 0.5 is chance."
    )


def published_evidence(tables: dict[str, pd.DataFrame], confidence: float) -> str:
    """Give the published studies' pooled odds ratio, before and after this registry, and its certainty."""
    pooled = tables.get("evidence_pooled", pd.DataFrame())
    if pooled.empty:
        return ""
    found = {name: _pooled_odds_ratio(tables, name) for name in ("main", "with_registry")}
    limits, main, after = words.confidence_label(confidence), found["main"], found["with_registry"]
    if main is None:
        return "No published study could be pooled as an odds ratio."
    told = (
        f"the pooled odds ratio of a relapse, treated over control, was {_ratio(main, limits)} in the main "
        f"pool of {counted(int(main['studies']), 'published comparison')}"
    )
    random = pooled[
        (pooled["analysis"] == "main")
        & (pooled["measure"] == "OR")
        & (pooled["method"] == "reml")
        & (pooled["interval"] == "hartung_knapp")
    ]
    if len(random) and not words.is_missing(random.iloc[0]["lower"]):
        row = random.iloc[0]
        told += f" (random effects, Hartung-Knapp: {words.interval(row['lower'], row['upper'], 2)})"
    if after is not None:
        told += f", and {_ratio(after, limits)} with this registry"
    return sentence(f"{told}{_certainty(tables)}")


def _ratio(row: pd.Series, limits: str) -> str:
    return f"{words.fixed(row['estimate'], 2)} ({limits} {words.interval(row['lower'], row['upper'], 2)})"


def _pooled_odds_ratio(tables: dict[str, pd.DataFrame], analysis: str) -> pd.Series | None:
    """Return a pool by the method whose weights the main pool's odds ratios have, if it has an answer."""
    studies = tables.get("evidence_studies", pd.DataFrame(columns=["measure", "weight", "weight_method"]))
    methods = studies.loc[studies["measure"].eq("OR") & studies["weight"].notna(), "weight_method"]
    pooled = tables["evidence_pooled"]
    rows = pooled[
        (pooled["analysis"] == analysis)
        & (pooled["measure"] == "OR")
        & (pooled["method"] == (methods.iloc[0] if len(methods) else "mantel_haenszel"))
        & (pooled["interval"] == "wald")
        & pooled["estimate"].notna()
    ]
    return rows.iloc[0] if len(rows) else None


def _certainty(tables: dict[str, pd.DataFrame]) -> str:
    grade = tables.get("evidence_grade", pd.DataFrame())
    rows = grade[(grade["analysis"] == "main") & (grade["measure"] == "OR")] if len(grade) else grade
    if rows.empty or words.is_missing(rows.iloc[0]["certainty"]):
        return ""
    return f"; certainty of the published evidence: {words.text(rows.iloc[0]['certainty'])}"


def audited_claims(tables: dict[str, pd.DataFrame]) -> str:
    """Name the printed numbers that do not follow from those printed with them, each slip once."""
    audit = tables.get("evidence_audit", pd.DataFrame())
    if audit.empty:
        return ""
    slips = audit[(audit["verdict"] == "disagrees") & (audit["kind"] == "arithmetic")]
    one = slips["discrepancy"].where(slips["discrepancy"].ne(""), slips["claim"])
    slips = slips[~(slips["study"] + one).duplicated()]
    if slips.empty:
        return "No printed number of that literature that was worked out again contradicts those beside it."
    named = [
        f"{row['claim']}, {words.text(row['printed'])} for {_short(row['implied'])} ({row['study']})"
        for _, row in slips.iterrows()
    ]
    return f"Some numbers printed there do not follow from those printed with them: {'; '.join(named)}."


def _short(implied: object) -> str:
    """Return an implied number with three digits, words as they are."""
    said = words.text(implied)
    try:
        return f"{float(said):.3g}"
    except ValueError:
        return said


def _row(tables: dict[str, pd.DataFrame], table: str, column: str, value: str) -> pd.Series | None:
    rows = tables.get(table, pd.DataFrame())
    found = rows[rows[column] == value] if len(rows) else rows
    return found.iloc[0] if len(found) else None


def _numbers(row: pd.Series, column: str, limits: str) -> str:
    return (
        f"{words.fixed(row[column], 3)} ({limits} {words.interval(row['lower'], row['upper'])}; "
        f"{words.p_phrase(row['p_value'])})"
    )
