"""Profiles that round: every count, and what can be worked out from rounded counts is worked out from them.

Counts are judged before they are rounded. Source: the OpenSAFELY rules for checking outputs (counts up to 7
withheld, then rounded to 5, or to the midpoint of 6).
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from gravida.disclosure.rounded_curves import curves_of, rounded_risks, rounded_shares
from gravida.models.exact import clopper_pearson, garwood
from schemas.release import roles_of

COUNTS = ("denominator", "count", "own", "events")
# Statistics of `baseline` and tests of `dispersion` whose value is a count.
COUNTED = ("n", "missing")
DECIMALS, DECIMALS_OF_P = 2, 3
RATES = [
    *("rate_numerator", "rate_denominator"),
    *("rate_difference", "rate_difference_lower", "rate_difference_upper"),
]
RATES_MOVED = ("rate_treated", "rate_untreated")
# The registry's own counts among the published studies.
OWN = [
    *("treated_events", "treated_n", "control_events", "control_n"),
    *("treated_person_years", "control_person_years"),
]


Rounding = Callable[[pd.Series], pd.Series]


def nearest_5(counts: pd.Series) -> pd.Series:
    """Round to the nearest multiple of 5."""
    return (counts / 5).round() * 5


def midpoint_6(counts: pd.Series) -> pd.Series:
    """Round to the middle of each 6 numbers: 1 to 6 is 3, 7 to 12 is 9; 0 stays."""
    return np.ceil(counts / 6) * 6 - 3 * (counts > 0)


ROUNDINGS: dict[str, Rounding] = {"nearest_5": nearest_5, "midpoint_6": midpoint_6}


def round_tables(
    tables: Mapping[str, pd.DataFrame], rounding: str, confidence: float
) -> dict[str, pd.DataFrame]:
    """Return protected tables with rounded counts.

    Parameters
    ----------
    tables : mapping of name to DataFrame
    rounding : str
        `nearest_5`, `midpoint_6`, or nothing to leave the tables as they are.
    confidence : float
        Coverage of exact limits, which are those of rounded counts.
    """
    if not rounding:
        return dict(tables)
    rounds = ROUNDINGS[rounding]
    rounded = {name: _rounded(name, table, rounds, confidence) for name, table in tables.items()}
    if "relapse_free" in rounded:
        points = curves_of(rounded["relapse_free"])
        for name, follow in (("relapse_free", rounded_shares), ("risk_difference", rounded_risks)):
            if name in rounded:
                rounded[name] = follow(rounded[name], points, confidence)
    return rounded


def _rounded(name: str, table: pd.DataFrame, rounds: Rounding, confidence: float) -> pd.DataFrame:
    roles = roles_of(name)
    made = {}
    for column in table.columns.drop("suppressed"):
        if roles[column] in COUNTS or roles[column] == "time":
            made[column] = rounds(pd.to_numeric(table[column]))
        elif roles[column] in ("derived", "estimate") and pd.api.types.is_numeric_dtype(table[column]):
            made[column] = table[column].round(DECIMALS_OF_P if column.startswith("p_") else DECIMALS)
    rounded = table.assign(**made)
    return OF_TABLE[name](rounded, table, rounds, confidence) if name in OF_TABLE else rounded


# Each takes a table with rounded counts and the table as it was, and returns what follows from the counts.


def _dispersion(out: pd.DataFrame, table: pd.DataFrame, rounds: Rounding, _: float) -> pd.DataFrame:
    counted = out["test"].str.startswith("frequency_") | out["test"].eq("zeros")
    statistic = out["statistic"].mask(counted, rounds(table["statistic"]))
    # Over `value` it is the pregnancies less the arms.
    return out.assign(statistic=statistic.mask(out["test"] == "pearson"))


def _described(out: pd.DataFrame, table: pd.DataFrame, rounds: Rounding, _: float) -> pd.DataFrame:
    """Return rounded numbers, and percentages of rounded numbers."""
    counted = table["statistic"].isin(COUNTED)
    value = table["value"].round(DECIMALS).mask(counted, rounds(table["value"]))
    level = value.where(table["statistic"] == "n")
    keys = [table["variable"], table["arm"]]
    of_level = level.groupby([*keys, table["level"]]).transform("max")
    percent = 100 * of_level / _with_a_value(table, value)
    return out.assign(value=value.mask(table["statistic"].eq("percent") & value.notna(), percent.round(1)))


def _with_a_value(table: pd.DataFrame, value: pd.Series) -> pd.Series:
    """Return the pregnancies with a value of each row's variable: all its levels, or all but those missing.

    Levels that are not told are no part of their sum.
    """
    keys, counted = [table["variable"], table["arm"]], table["statistic"] == "n"
    levels = value.where(counted & table["level"].ne("")).groupby(keys).transform("sum")
    empty = (counted & value.isna()).groupby(keys).transform("any")
    everybody = table["variable"].eq("pregnancies") & counted
    sizes = table["arm"].map(value[everybody].set_axis(table.loc[everybody, "arm"]))
    missing = value.where(table["statistic"] == "missing").groupby(keys).transform("max")
    return levels.mask(empty, sizes - missing)


def _rates(out: pd.DataFrame, table: pd.DataFrame, _: Rounding, confidence: float) -> pd.DataFrame:
    """Return rates and exact limits of rounded relapses and person-years; robust ones keep their width."""
    single = out["kind"].eq("site") if "kind" in out else pd.Series(True, out.index)
    shown = single & out["rate"].notna() & (out["person_years"] > 0)
    lower, upper = garwood(out.loc[shown, "relapses"], out.loc[shown, "person_years"], confidence)
    made = out.copy()
    made.loc[single, ["rate", "lower", "upper"]] = np.nan
    made.loc[shown, "rate"] = out["relapses"] / out["person_years"]
    made.loc[shown, "lower"], made.loc[shown, "upper"] = lower, upper
    for column in {"robust_lower", "robust_upper"} & set(table):
        wide = table[column] / table["rate"].where(table["rate"] > 0)
        made[column] = (made["rate"] * wide).round(DECIMALS)
    return made


def _treated(out: pd.DataFrame, table: pd.DataFrame, _: Rounding, __: float) -> pd.DataFrame:
    return out.assign(
        share_treated=(out["treated"] / out["pregnancies"]).where(table["share_treated"].notna())
    )


def _estimability(out: pd.DataFrame, table: pd.DataFrame, _: Rounding, __: float) -> pd.DataFrame:
    follows = out["relapses"] / (out["parameters"].astype(float) - 1)
    return out.assign(
        events_per_parameter=follows.where(table["events_per_parameter"].notna()).round(DECIMALS)
    )


def _events(out: pd.DataFrame, table: pd.DataFrame, rounds: Rounding, confidence: float) -> pd.DataFrame:
    """Return percentages and exact limits of rounded counts."""
    shown = out["percent"].notna() & (out["pregnancies"] > 0)
    events = np.minimum(out.loc[shown, "with_event"], out.loc[shown, "pregnancies"])
    lower, upper = clopper_pearson(events, out.loc[shown, "pregnancies"], confidence)
    made = _without_grams(out, table, rounds, confidence)
    made.loc[:, ["percent", "lower", "upper"]] = np.nan
    made.loc[shown, "percent"] = 100 * events / out["pregnancies"]
    made.loc[shown, "lower"], made.loc[shown, "upper"] = 100 * lower, 100 * upper
    return made


def _without_grams(out: pd.DataFrame, *_: object) -> pd.DataFrame:
    """Return a table without the sum of doses: over the mean it is how many had one."""
    return out.assign(**dict.fromkeys({"grams_total", "grams"} & set(out), np.nan))


def _ratios(out: pd.DataFrame, *_: object) -> pd.DataFrame:
    """Return ratios; the rates of models without covariates are relapses over person-years."""
    return out.assign(**{column: out[column].mask(out["adjusted_for"] == "none") for column in RATES})


def _moved(out: pd.DataFrame, table: pd.DataFrame, rounds: Rounding, _: float) -> pd.DataFrame:
    """Return counts before and after rounded, ratios to 2 decimals, and no rates: others are those."""
    what, made = table["what"].astype(str), out.copy()
    counted = what.str.startswith(("pregnancies", "women", "relapses"))
    told = what.isin(["release", "data_cut", "verdict"])
    for column in ("before", "after"):
        number = pd.to_numeric(table[column], errors="coerce")
        shown = number.round(DECIMALS).mask(counted, rounds(number))
        made[column] = table[column].where(told, shown.mask(what.isin(RATES_MOVED)).astype(object))
    return made


def _studies(out: pd.DataFrame, table: pd.DataFrame, rounds: Rounding, _: float) -> pd.DataFrame:
    """Return the published studies as they are, and the registry's own counts rounded."""
    own = table["women"].notna()
    made = {name: table[name].mask(own, rounds(pd.to_numeric(table[name]))) for name in OWN}
    made |= {name: out[name].mask(own) for name in ("exact_lower", "exact_upper")}
    return out.assign(**made)


OF_TABLE: dict[str, Callable[[pd.DataFrame, pd.DataFrame, Rounding, float], pd.DataFrame]] = {
    "baseline": _described,
    "changes": _moved,
    "dispersion": _dispersion,
    "doses": _without_grams,
    "estimability": _estimability,
    "evidence_studies": _studies,
    "identifiability": _treated,
    "rate_ratios": _ratios,
    "relapse_rates": _rates,
    "safety": _events,
    "sites": _rates,
}
