"""The headline, and the words that other sentences share: every number is from a released table."""

from typing import Any

import pandas as pd

from gravida import words

BETWEEN = "between sites only"
WITHIN = "identifiable within sites"
NOT_IDENTIFIABLE = "not identifiable"
BY_CHOICE = "treatment was a choice, and the time before the first dose is immortal"
SAMPLING = "the interval holds the sampling of women only"
SAMPLING_ONLY = f"arms cannot be told from sites here, and {SAMPLING}"


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
    row = primary_row(rate_ratios)
    numerator, _, denominator = words.text(row["contrast"]).partition("/")
    period = words.lower_first(words.words(row["period"], words.PERIODS))
    what = f"rate ratio, {numerator} over {denominator},"
    if identifiability["verdict"] == NOT_IDENTIFIABLE:
        return sentence(f"no {what} is given for the {period}: {plain(identifiability['reason'])}")
    if words.is_missing(row["rate_ratio"]):
        few = ", for it rests on too few women or would tell of few" if words.is_withheld(row) else ""
        why = words.why_empty(row) or "not estimable"
        return sentence(f"no {what} is given for the {period}: {why}{few}")
    limits = words.interval(row["lower"], row["upper"])
    numbers = f"{words.confidence_label(confidence)} {limits}; {words.p_phrase(row['p_value'])}"
    names = words.text(row["adjusted_for"]).split(";")
    others = words.names(";".join(name for name in names if name != "site") or "none")
    modifiers = ["within sites" if "site" in names else "", f"adjusted for {others}" if others else ""]
    start = "".join([f"in the {period} the relapse {what}", *(f" {part}," for part in modifiers if part)])
    start += f" was {words.fixed(row['rate_ratio'], 3)}"
    stand_in = ""
    if row["status"] == "fallback":
        stand_in = f"; a fallback, for {plain(words.text(row['reason']).split('; ')[0])}"
    ending = {BETWEEN: f"; {SAMPLING_ONLY}", WITHIN: f"; {BY_CHOICE}"}.get(identifiability["verdict"], "")
    return sentence(f"{start} ({numbers}): {finding(row)}{stand_in}{ending}")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 site`, `2 sites`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def primary_row(rate_ratios: pd.DataFrame) -> pd.Series:
    """Return the primary row of the released table `rate_ratios`."""
    return rate_ratios[rate_ratios["is_primary"].astype(bool)].iloc[0]


def sentence(text: str) -> str:
    """Return the text as a sentence: a capital first and a full stop last."""
    return f"{text[:1].upper()}{text[1:].rstrip('. ')}."


def plain(reason: str) -> str:
    """Return a reason for use inside a sentence."""
    text = reason.strip().rstrip(".")
    return words.lower_first(text)


def _treated_over_untreated(row: pd.Series) -> tuple[float, float, float]:
    """Return the ratio and its limits from treatment's side, nan where a limit has no finite value."""
    numbers = [float(row[column]) for column in ("rate_ratio", "lower", "upper")]
    if words.text(row["contrast"]).startswith("treated/"):
        return tuple(numbers)
    ratio, lower, upper = (1 / number if number > 0 else float("nan") for number in numbers)
    return ratio, upper, lower


def finding(row: pd.Series) -> str:
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
