"""The registry as one more study: relapses of the two arms in the 6 months, or the year, after delivery."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gravida.person_time import of_period
from gravida.statistics import identifiability as design_of
from gravida.statistics.contrasts import BETWEEN_SITES, IMMORTAL_TIME, joined
from schemas.names import RESERVED

PERIOD, YEAR = "postpartum_6_months", "postpartum_year"
WINDOWS = {PERIOD: ("0-6 months", 182), YEAR: ("0-12 months", 365)}
UNDATED = "no site dates its relapses: relapses in the first 6 months are not known"
ARMS = {"treated": "treated", "control": "untreated"}
WHOLE = "pregnancies with a relapse, of those observed for {days} days"
POISSON = "relapses count as independent"
SECOND = "second pregnancies of a woman count as independent"


def count_registry(
    person_time: pd.DataFrame, policies: Mapping[str, str], year: int, min_women: int = 1
) -> pd.DataFrame:
    """Count the registry's relapses within 6 months of delivery as the sheet of published studies does.

    The two arms over all sites that date their relapses. Events and totals are of the pregnancies that were
    observed for all 182 days, with a relapse or without; relapses and person-years are of all. Where few
    relapsed in the rest of the year the year is counted instead: both would tell of them.

    Parameters
    ----------
    person_time : DataFrame
        Of the cohort.
    policies : mapping
        Each site's policy.
    year : int
        Of the latest data cut: a year of delivery could be one woman's.
    min_women : int
        In the rest of the year nobody relapsed, or at least so many did.

    Returns
    -------
    DataFrame
        Columns of the sheet of studies, and women and smallest_count (the smallest number above 0 of women in
        an arm, with a relapse or without one): what disclosure control judges a row by. One row with
        pregnancies and one with person-time; or one without numbers, whose `note` says why.
    """
    rows = of_period(person_time, PERIOD)
    period = YEAR if _few_later(person_time, min_women) else PERIOD
    days, common = WINDOWS[period][1], label(period, year)
    verdict = design_of.assess_identifiability(person_time, policies, period if len(rows) else PERIOD)
    if verdict.verdict == design_of.NOT_IDENTIFIABLE:
        return pd.DataFrame([common | {"note": UNDATED if rows.empty else verdict.reason.rstrip(".")}])
    rows = of_period(person_time, period)
    note = _note(rows, policies, verdict.verdict)
    whole = rows[rows["days"] == days]
    return pd.DataFrame(
        [
            common
            | _judged_by(whole)
            | _with_a_relapse(whole)
            | {"note": joined(WHOLE.format(days=days), note)},
            common | _judged_by(rows) | _rates(rows) | {"note": joined(POISSON, note)},
        ]
    )


def label(period: str, year: int) -> dict[str, float | str]:
    """Return what is said of a row in any case.

    Parameters
    ----------
    period : str
        A key of `WINDOWS`.
    year : int
        As `count_registry`.
    """
    return {
        "study": RESERVED,
        "year": float(year),
        "window": WINDOWS[period][0],
        "control_type": "concurrent",
        "source": "this registry",
    }


def _few_later(person_time: pd.DataFrame, min_women: int) -> bool:
    """Say whether few women of an arm relapsed after the first 6 months, or had their first relapse then."""
    relapses = {
        period: of_period(person_time, period).set_index("pregnancy")["relapses"] for period in (PERIOD, YEAR)
    }
    early = relapses[PERIOD]
    later = relapses[YEAR].reindex(early.index) - early
    known = of_period(person_time, PERIOD).set_index("pregnancy")
    groups = [known[later > 0], known[(later > 0) & (early == 0)]]
    women = [group.groupby("arm")["woman"].nunique() for group in groups]
    return any(((counts > 0) & (counts < min_women)).any() for counts in women)


def _note(rows: pd.DataFrame, policies: Mapping[str, str], verdict: str) -> str:
    choice = rows["site"].map(dict(policies)).eq("individual").all()
    return joined(
        "" if choice else BETWEEN_SITES,
        IMMORTAL_TIME if verdict == design_of.WITHIN else "",
        SECOND if rows["woman"].duplicated().any() else "",
    )


def _with_a_relapse(rows: pd.DataFrame) -> dict[str, float | str]:
    """Return pregnancies with a relapse and all pregnancies, by arm; empty where an arm has none."""
    counts: dict[str, float | str] = {"events_counted": "pregnancies"}
    for name, arm in ARMS.items():
        here = rows[rows["arm"] == arm]
        counts[f"{name}_events"] = float((here["relapses"] > 0).sum())
        counts[f"{name}_n"] = float(len(here)) if len(here) else np.nan
    return counts


def _rates(rows: pd.DataFrame) -> dict[str, float | str]:
    """Return relapses and person-years, by arm."""
    counts: dict[str, float | str] = {"events_counted": "relapses"}
    for name, arm in ARMS.items():
        here = rows[rows["arm"] == arm]
        counts[f"{name}_events"] = float(here["relapses"].sum())
        counts[f"{name}_person_years"] = float(here["person_years"].sum())
    return counts


def _judged_by(rows: pd.DataFrame) -> dict[str, float]:
    """Return the women of these rows, and the fewest above 0 in an arm, with a relapse or without."""
    groups = [rows.groupby("arm"), rows.groupby(["arm", rows["relapses"] > 0])]
    fewest = [group["woman"].nunique().min() for group in groups]
    return {"women": float(rows["woman"].nunique()), "smallest_count": float(min(fewest))}
