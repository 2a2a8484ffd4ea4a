"""What was given: infusions, grams and regimens of the treated, where infusions are dated."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

import numpy as np
import pandas as pd

from gravida.statistics.guards import women_apart, women_at
from gravida.words import joined

# A loading course is given on consecutive days and a repeated one weeks later: infusions no farther apart
# than this are one course.
COURSE_GAP_DAYS = 7
ALL, OTHER, NONE_RECORDED, BEFORE_DELIVERY = "all", "other", "none recorded", "before delivery"
COLUMNS = [
    *("regimen", "pregnancies", "women", "infusions", "grams_total", "grams_mean", "grams_sd"),
    *("grams_median", "first_day_median", "last_day_median"),
    *("women_at_grams_median", "women_apart_grams_median", "women_at_first_day_median"),
    *("women_at_last_day_median", "status", "reason"),
]


def describe_doses(
    pregnancies: pd.DataFrame, infusions: Mapping[str, pd.DataFrame], fewest_women: int
) -> pd.DataFrame:
    """Describe the immunoglobulin given to the treated pregnancies of sites that sent infusions.

    Treated is who received it, whatever the plan's arms are. The first row, `all`, is of every pregnancy with
    an infusion on the day of delivery or later; one row for each regimen follows (see `read_regimen`), with
    the regimens of few women together as `other`, since a rare regimen describes a person. Then
    `none recorded`: treated without such an infusion. Infusions before delivery have the last row to
    themselves and count nowhere else. Grams are per pregnancy, the standard deviation has n - 1 and is empty
    below 2, days are medians of each pregnancy's first and last infusion.

    Parameters
    ----------
    pregnancies : DataFrame
        `Cohort.pregnancies`.
    infusions : mapping of site to DataFrame
        The accepted rows of each site that sent the table, also where it has none.
    fewest_women : int
        A regimen given to fewer women has no row of its own.

    Returns
    -------
    DataFrame
        `COLUMNS`; not_estimable where no infusion is recorded.
    """
    rows = pregnancies.reset_index(drop=True)
    treated = (rows["received"] == "treated").to_numpy(bool)
    sent = treated & rows["site"].isin(list(infusions)).to_numpy(bool)
    doses = link_rows(rows, infusions, ("day", "grams"))
    doses = doses[sent[doses["pregnancy"]]]
    found = _describe(rows, doses, sent, fewest_women) if sent.any() else [_nothing(treated, infusions)]
    remark = coverage(rows[treated], infusions, "infusions") if sent.any() else ""
    said = [row | {"reason": joined(row.get("reason"), remark)} for row in found]
    return pd.DataFrame(said).reindex(columns=COLUMNS)


def link_rows(
    pregnancies: pd.DataFrame, tables: Mapping[str, pd.DataFrame], columns: tuple[str, ...]
) -> pd.DataFrame:
    """Return the rows of all sites with `pregnancy`, the position of each one's pregnancy.

    Parameters
    ----------
    pregnancies : DataFrame
        With site and pregnancy_id.
    tables : mapping of site to DataFrame
        Rows with pregnancy_id; those of a pregnancy that is not there are left out.
    columns : tuple of str
        The columns to keep.
    """
    parts = [rows[["pregnancy_id", *columns]].assign(site=site) for site, rows in tables.items() if len(rows)]
    if not parts:
        return pd.DataFrame(columns=["pregnancy", *columns]).astype({"pregnancy": int})
    linked = pd.concat(parts, ignore_index=True)
    places = pd.MultiIndex.from_frame(pregnancies[["site", "pregnancy_id"]].astype(str))
    keys = pd.MultiIndex.from_frame(linked[["site", "pregnancy_id"]].astype(str))
    linked = linked.assign(pregnancy=places.get_indexer(keys))
    return linked.loc[linked["pregnancy"] >= 0, ["pregnancy", *columns]].reset_index(drop=True)


def coverage(pregnancies: pd.DataFrame, tables: Mapping[str, pd.DataFrame], what: str) -> str:
    """Say how many of the sites of these pregnancies sent a table, "" where all did."""
    sites = set(pregnancies["site"])
    sent = sites & set(tables)
    return "" if sent == sites else f"{len(sent)} of {len(sites)} sites sent {what}, the others are left out"


def read_regimen(days: np.ndarray) -> str:
    """Return the regimen that the days of a pregnancy's infusions show.

    A course is a run of infusions each at most `COURSE_GAP_DAYS` after the one before. Courses are written by
    their number of infusions and joined by `+`, equal ones in a row as infusions x courses: `3` is one course
    of three infusions, `1x6` six courses of one, `3+1x5` a course of three and then five of one.

    Parameters
    ----------
    days : ndarray of int, shape (n,)
        In any order, n at least 1.
    """
    ordered = np.sort(days)
    starts = np.flatnonzero(np.diff(ordered) > COURSE_GAP_DAYS) + 1
    courses = np.diff([0, *starts, ordered.size])
    runs = [(int(size), len(list(equal))) for size, equal in groupby(courses)]
    return "+".join(f"{size}" if repeats == 1 else f"{size}x{repeats}" for size, repeats in runs)


def _nothing(treated: np.ndarray, infusions: Mapping[str, pd.DataFrame]) -> dict:
    reason = "no treated pregnancy is from a site that sent infusions"
    if not treated.any():
        reason = "no pregnancy is treated"
    elif not infusions:
        reason = "no site sent infusions"
    return {"regimen": ALL, "pregnancies": 0, "women": 0, "status": "not_estimable", "reason": reason}


def _describe(rows: pd.DataFrame, doses: pd.DataFrame, sent: np.ndarray, fewest: int) -> Iterator[dict]:
    """Yield the rows of the table; `sent` marks the treated pregnancies of sites that sent infusions."""
    after = (doses["day"] >= 0).to_numpy(bool)
    given = _by_pregnancy(rows, doses[after])
    total = _summary(ALL, given)
    if given.empty:
        reason = "no infusion after delivery is recorded for a treated pregnancy"
        # Of nothing recorded, nothing is known of what was given.
        total |= {"infusions": None, "grams_total": None, "status": "not_estimable", "reason": reason}
    yield total
    regimen = _with_rare_together(given, fewest)
    order = regimen.value_counts().rename_axis("name").reset_index()
    order = order.assign(last=order["name"] == OTHER)
    for name in order.sort_values(["last", "count", "name"], ascending=[True, False, True])["name"]:
        yield _summary(name, given[regimen == name])
    without = rows[sent & ~rows.index.isin(given.index)]
    yield _summary(NONE_RECORDED, given.iloc[:0]) | {
        "pregnancies": len(without),
        "women": without["woman"].nunique(),
    }
    yield _summary(BEFORE_DELIVERY, _by_pregnancy(rows, doses[~after]))


def _by_pregnancy(rows: pd.DataFrame, doses: pd.DataFrame) -> pd.DataFrame:
    """Return one row a pregnancy with doses, indexed by its position."""
    groups = doses.astype({"day": "int64", "grams": "float64"}).groupby("pregnancy")
    return pd.DataFrame(
        {
            "woman": rows["woman"].reindex(groups.size().index),
            "infusions": groups.size(),
            "grams": groups["grams"].sum(),
            "first_day": groups["day"].min(),
            "last_day": groups["day"].max(),
            "regimen": pd.Series(
                {place: read_regimen(days.to_numpy()) for place, days in groups["day"]}, dtype=object
            ),
        }
    )


def _with_rare_together(given: pd.DataFrame, fewest: int) -> pd.Series:
    """Return each pregnancy's regimen, `other` for those given to few women.

    So many regimens become `other` that it has enough women too: less the rows shown, the row of all would
    otherwise tell of a few.
    """
    women = given.groupby("regimen")["woman"].nunique().reset_index().sort_values(["woman", "regimen"])
    names = women["regimen"].tolist()
    rare = int((women["woman"] < fewest).sum())
    while 0 < rare < len(names):
        if given.loc[given["regimen"].isin(names[:rare]), "woman"].nunique() >= fewest:
            break
        rare += 1
    return given["regimen"].where(~given["regimen"].isin(names[:rare]), OTHER)


def _summary(regimen: str, given: pd.DataFrame) -> dict:
    grams = given["grams"]
    row = {
        "regimen": regimen,
        "pregnancies": len(given),
        "women": given["woman"].nunique(),
        "infusions": int(given["infusions"].sum()),
        "grams_total": float(grams.sum()),
        "status": "ok",
    }
    if given.empty:
        return row
    row |= {
        "grams_mean": float(grams.mean()),
        "grams_sd": float(grams.std(ddof=1)) if len(grams) > 1 else None,
    }
    row["women_apart_grams_median"] = women_apart(given["woman"], grams, float(grams.median()))
    for name in ("grams", "first_day", "last_day"):
        median = float(given[name].median())
        row |= {
            f"{name}_median": median,
            f"women_at_{name}_median": women_at(given["woman"], given[name], median),
        }
    return row


def rows_sent(
    verdicts: Iterable[Mapping], table: str, rows: Iterable[pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Return a table's accepted rows by site, for the sites that sent it: not sent is not none."""
    pairs = zip(verdicts, rows, strict=True)
    return {verdict["site"]: accepted for verdict, accepted in pairs if table in verdict["tables_sent"]}
