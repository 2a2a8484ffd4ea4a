"""Shares without a relapse, and differences of risk, that follow from rounded counts."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from gravida.models.inference import difference_limits, number_needed
from gravida.models.kaplan_meier import Curve, DayCounts, kaplan_meier, log_log_limits, share_variance

RISKS = ("risk_treated", "risk_untreated", "risk_difference", "lower", "upper")
NEEDED = ("nnt", "nnt_lower", "nnt_upper", "nnt_form")
# A curve, and the place of a day in it.
Point = tuple[Curve, int]


def curves_of(table: pd.DataFrame) -> dict[tuple[str, int], Point]:
    """Return the curve of each arm by (arm, day): a life table between the days that are told.

    Those who leave between two days count as half at risk (Cutler and Ederer 1958, Journal of Chronic
    Diseases 8:699-712). There is no curve from the first day on that is withheld.

    Parameters
    ----------
    table : DataFrame
        The table `relapse_free` with rounded counts, days in order.
    """
    points = {}
    for arm, rows in table.groupby("arm", sort=False):
        known = rows[["pregnancies", "at_risk", "relapsed"]].notna().all(axis=1).cummin()
        told = rows[known & rows["relapse_free"].notna().cummin()]
        if len(told):
            left = told["at_risk"].to_numpy(float)
            start = np.append(told["pregnancies"].iloc[0], left[:-1])
            relapsed = np.diff(told["relapsed"].to_numpy(float), prepend=0.0)
            at_risk = np.maximum((start + relapsed + left) / 2, relapsed)
            curve = kaplan_meier(DayCounts(np.append(0.0, at_risk), np.append(0.0, relapsed)))
            points |= {(str(arm), int(day)): (curve, place) for place, day in enumerate(told["day"], start=1)}
    return points


def rounded_shares(
    table: pd.DataFrame, points: Mapping[tuple[str, int], Point], confidence: float
) -> pd.DataFrame:
    """Return the table `relapse_free` with the shares and limits of these curves."""
    rows = list(_shares(table, points, confidence))
    return table.assign(**pd.DataFrame(rows, table.index, ["relapse_free", "lower", "upper"], dtype=float))


def _shares(
    table: pd.DataFrame, points: Mapping[tuple[str, int], Point], confidence: float
) -> Iterator[tuple[float, ...]]:
    for key in zip(table["arm"], table["day"].astype(int), strict=True):
        if key not in points:
            yield (np.nan,) * 3
            continue
        curve, place = points[key]
        limits = log_log_limits(curve, place, confidence)
        yield float(curve.share[place]), *(limits or (np.nan, np.nan))


def rounded_risks(
    table: pd.DataFrame, points: Mapping[tuple[str, int], Point], confidence: float
) -> pd.DataFrame:
    """Return the table `risk_difference` with the risks of these curves, what follows, and normal limits."""
    rows = [
        _risks(*(points.get((arm, int(row["day"]))) for arm in ("treated", "untreated")), confidence)
        if pd.notna(row["risk_difference"])
        else {}
        for row in table.to_dict("records")
    ]
    found = pd.DataFrame(rows, table.index).reindex(columns=[*RISKS, *NEEDED])
    return table.assign(**found)


def _risks(treated: Point | None, untreated: Point | None, confidence: float) -> dict[str, float | str]:
    if treated is None or untreated is None:
        return {}
    risks = [float(1 - curve.share[place]) for curve, place in (treated, untreated)]
    variance = sum(share_variance(curve, place) for curve, place in (treated, untreated))
    difference = risks[1] - risks[0]
    if variance == 0:
        return {}
    lower, upper, _ = difference_limits(difference, variance, confidence)
    return dict(zip(RISKS, (*risks, difference, lower, upper), strict=True)) | number_needed(
        difference, lower, upper
    )
