"""Adverse events by arm, and who was treated in spite of a contraindication."""

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd

from gravida.models.exact import clopper_pearson
from gravida.periods import gestation, observation, period_windows
from gravida.statistics.doses import coverage, link_rows
from gravida.words import joined
from schemas.names import TERMS

ANY = "any"
THROMBOSIS_POSTPARTUM = "thrombosis_postpartum"
DESPITE = "treated_despite"
CONTRAINDICATIONS = ("iga_deficiency", "renal_disease", "heart_disease", "diabetes")
ARMS = ("treated", "untreated", "all")
# The women behind the numbers of a row.
BEHIND = ("women", "women_with_event", "women_with_serious", "women_infused")
COLUMNS = [
    *("arm", "term", "women", "pregnancies", "with_event", "women_with_event", "percent", "lower", "upper"),
    *("serious", "women_with_serious", "infusions", "women_infused", "grams", "not_stated"),
    *("women_smallest_group", "status", "reason"),
]


@dataclass(frozen=True, slots=True)
class _Records:
    """The cohort with what its sites recorded; the masks have one element a pregnancy.

    `events` and `doses` hold the position of the pregnancy of each row; `recorded` marks the pregnancies of
    sites that sent adverse events, `infused` of those that sent infusions, `followed` those with an observed
    day in the year after delivery.
    """

    rows: pd.DataFrame
    events: pd.DataFrame
    doses: pd.DataFrame
    recorded: np.ndarray
    infused: np.ndarray
    followed: np.ndarray

    def mark(self, rows: pd.DataFrame) -> np.ndarray:
        """Return which pregnancies these rows of events or doses are of."""
        marked = np.zeros(len(self.rows), dtype=bool)
        marked[rows["pregnancy"]] = True
        return marked


def tabulate_safety(
    pregnancies: pd.DataFrame,
    adverse_events: Mapping[str, pd.DataFrame],
    infusions: Mapping[str, pd.DataFrame],
    confidence: float,
) -> pd.DataFrame:
    """Count the pregnancies with adverse events in each arm, with exact limits of their percentage.

    A pregnancy counts once for a term, however often it was reported. Every reported day counts, also one
    before delivery or outside observation. Pregnancies of a site that did not send the table are left out:
    not recorded is not none. `thrombosis_postpartum` counts the observed days of the year after delivery,
    among the pregnancies that have one. `infusions` and `grams` are totals of the arm over the sites that
    sent infusions, on the row `any`. The rows `treated_despite:` count who received immunoglobulin with a
    contraindication or caution, among those for whom it is stated; for `any` of them, one that is present
    settles it and all must be stated to say that there is none. `women_smallest_group` is the smallest number
    of women that a row of all less the row of one arm would tell of.

    Parameters
    ----------
    pregnancies : DataFrame
        `Cohort.pregnancies`.
    adverse_events, infusions : mapping of site to DataFrame
        The accepted rows of each site that sent the table, also where it has none.
    confidence : float
        Coverage of the limits.

    Returns
    -------
    DataFrame
        `COLUMNS`; percent, lower and upper run 0 to 100.
    """
    records = _gather(pregnancies, adverse_events, infusions)
    rows = [row for arm in ARMS for row in _arm(records, arm, adverse_events, infusions, confidence)]
    rows += _despite(records.rows, confidence)
    return pd.DataFrame(_with_smallest_group(rows)).reindex(columns=COLUMNS)


def _gather(
    pregnancies: pd.DataFrame,
    adverse_events: Mapping[str, pd.DataFrame],
    infusions: Mapping[str, pd.DataFrame],
) -> _Records:
    rows = pregnancies.reset_index(drop=True)
    events = link_rows(rows, adverse_events, ("day", "term", "serious"))
    window = period_windows(gestation(rows))["postpartum_year"].within(observation(rows))
    place, day = events["pregnancy"].to_numpy(), events["day"].to_numpy(np.int64)
    inside = (day >= window.start[place]) & (day < window.end[place])
    return _Records(
        rows=rows,
        events=events.assign(serious=events["serious"].astype(bool), postpartum=inside),
        doses=link_rows(rows, infusions, ("grams",)),
        recorded=rows["site"].isin(list(adverse_events)).to_numpy(bool),
        infused=rows["site"].isin(list(infusions)).to_numpy(bool),
        followed=window.end > window.start,
    )


def _arm(
    records: _Records,
    arm: str,
    adverse_events: Mapping[str, pd.DataFrame],
    infusions: Mapping[str, pd.DataFrame],
    confidence: float,
) -> Iterator[dict]:
    """Yield the rows of one arm: any event, each term, thrombosis after delivery."""
    rows, events = records.rows, records.events
    in_arm = np.ones(len(rows), dtype=bool) if arm == "all" else (rows["arm"] == arm).to_numpy(bool)
    base = in_arm & records.recorded
    absent = f"no {arm} pregnancy is from a site that sent adverse events"
    if not adverse_events or arm == "all":
        absent = "no site sent adverse events"
    remark = coverage(rows[in_arm], adverse_events, "adverse events")
    happened = {ANY: events, **{term: events[events["term"] == term] for term in TERMS}}
    for term, those in happened.items():
        row = {"arm": arm, "term": term} | _count(records, base, those, confidence, absent, remark)
        if term == ANY and row["status"] == "ok":
            row |= _given(records, in_arm, infusions, row["reason"])
        yield row
    after = events[(events["term"] == "thrombosis") & events["postpartum"]]
    if base.any():
        absent = "no such pregnancy is observed after delivery"
    counted = _count(records, base & records.followed, after, confidence, absent, remark)
    yield {"arm": arm, "term": THROMBOSIS_POSTPARTUM} | counted


def _count(
    records: _Records, base: np.ndarray, events: pd.DataFrame, confidence: float, absent: str, remark: str
) -> dict:
    """Return the numbers of the pregnancies in `base` to which these events happened."""
    happened, serious = records.mark(events), records.mark(events[events["serious"]])
    row = _share(records.rows["woman"], base, happened, confidence, absent)
    if row["status"] != "ok":
        return row
    return row | {
        "serious": int((base & serious).sum()),
        "women_with_serious": records.rows.loc[base & serious, "woman"].nunique(),
        "reason": remark,
    }


def _share(woman: pd.Series, base: np.ndarray, happened: np.ndarray, confidence: float, absent: str) -> dict:
    """Return numbers, percentage and exact limits; `absent` says why there is no pregnancy to count."""
    size, number = int(base.sum()), int((base & happened).sum())
    row = {"women": woman[base].nunique(), "pregnancies": size}
    if not size:
        return row | {"status": "not_estimable", "reason": absent}
    lower, upper = map(float, clopper_pearson(number, size, confidence))
    return row | {
        "with_event": number,
        "women_with_event": woman[base & happened].nunique(),
        "percent": 100 * number / size,
        "lower": 100 * lower,
        "upper": 100 * upper,
        "status": "ok",
        "reason": "",
    }


def _given(records: _Records, in_arm: np.ndarray, infusions: Mapping[str, pd.DataFrame], reason: str) -> dict:
    """Return the infusions of an arm over the sites that sent them, and what is to be said of it."""
    if not (in_arm & records.infused).any():
        return {"reason": joined(reason, "no infusions were sent")}
    doses = records.doses[in_arm[records.doses["pregnancy"]]]
    remark = coverage(records.rows[in_arm], infusions, "infusions")
    return {
        "infusions": len(doses),
        "women_infused": records.rows.loc[records.mark(doses), "woman"].nunique(),
        "grams": float(doses["grams"].sum()),
        "reason": joined(reason, remark),
    }


def _despite(rows: pd.DataFrame, confidence: float) -> Iterator[dict]:
    """Yield how many received treatment with each contraindication or caution, and with any."""
    treated = (rows["received"] == "treated").to_numpy(bool)
    states = {name: rows[name].astype("boolean") for name in CONTRAINDICATIONS}
    # Of "absent" and "not stated" pandas makes "not stated", of "present" and "not stated" "present".
    states[ANY] = reduce(operator.or_, states.values())
    for name, state in states.items():
        stated = state.notna().to_numpy(bool)
        absent = "not stated for any treated pregnancy" if treated.any() else "no pregnancy is treated"
        present = state.fillna(False).to_numpy(bool)
        row = _share(rows["woman"], treated & stated, present, confidence, absent)
        missing = int((treated & ~stated).sum())
        if row["status"] == "ok" and missing:
            row |= {"reason": "not known for every treated pregnancy, the others are left out"}
        yield {"arm": "treated", "term": f"{DESPITE}:{name}", "not_stated": missing} | row


def _with_smallest_group(rows: list[dict]) -> Iterator[dict]:
    """Yield the rows with the smallest number of women that a difference of rows would tell of."""
    found = {(row["arm"], row["term"]): row for row in rows}
    for row in rows:
        parts = [found[arm, row["term"]] for arm in ("treated", "untreated") if row["arm"] == "all"]
        # Where one arm has none, the number of all is the other arm's own and is judged as such.
        behind = [min(part.get(name, 0) for part in parts) for name in BEHIND if parts]
        yield row | {"women_smallest_group": min(filter(None, behind), default=row["women"])}
