"""What somebody who holds rows answers for tables without a model, and what of it a centre withholds.

Sums of characteristics by arm, frequencies of relapses, a life table. Of attrition and of the checks the
site's own rows go: what they count because it is missing, excluded or wrong they count however few it is.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from gravida.attrition import ATTRITION
from gravida.disclosure.case import partners
from gravida.errors import NotEstimable
from gravida.federation.questions import Question, Which, question
from gravida.federation.selection import Holdings
from gravida.intake.table import CHECK_COLUMNS
from gravida.periods import COUNT_COLUMNS, YEAR
from gravida.statistics.baseline import ARMS, EVENTS, characteristics
from gravida.statistics.dispersion import count_frequencies, most_told
from gravida.statistics.guards import relapsed_women, women_with
from gravida.statistics.survival import follow_up

Answer = dict[str, Any]
# Ends of the intervals of a life table; the last is a day long, and all days of the tables are among them.
INTERVAL = 13
GRID = (*range(0, YEAR, INTERVAL), YEAR)
GUARDED = (91, 182, 273, YEAR)
COUNTED = ("at_risk", "entering", "relapsing", "leaving")
# Of a variable that few women have another value of, or any: its sum would tell of them.
SUMS = ("sum", "squares", "women_apart", "affected")


def table_question(kind: str, period: str = "") -> Question:
    """Return the question for a table, of one period or of all pregnancies."""
    return question(kind, Which((period,) if period else ()))


def table_questions() -> list[Question]:
    """Return all questions for these tables."""
    frequencies = [table_question("frequencies", period) for period in COUNT_COLUMNS]
    others = ("baseline", "life_table", "attrition", "data_quality")
    return [*frequencies, *(table_question(kind) for kind in others)]


def _baseline(asked: Question, held: Holdings) -> Answer:
    """Return the sums of characteristics."""
    return characteristics(held.pregnancies)


def _frequencies(asked: Question, held: Holdings) -> Answer:
    """Return how many pregnancies have how many relapses."""
    return count_frequencies(held.select(Which.from_dict(asked["which"])))


def _life_table(asked: Question, held: Holdings) -> Answer:
    """Return who is at risk, comes, relapses and leaves in each interval after delivery."""
    dated = bool(held.pregnancies["dated"].any())
    rows = follow_up(held.pregnancies, held.table("onsets") if dated else NO_ONSET)
    arms = {arm: rows[(rows["arm"] == arm) | (arm == "all")] for arm in ARMS}
    return {"dated": dated, "arms": {arm: _of_arm(here) for arm, here in arms.items()}}


NO_ONSET = pd.DataFrame({"pregnancy": [], "day": [], "retained": []}, dtype=np.int64)


def _of_arm(rows: pd.DataFrame) -> Answer:
    entry, time, relapsed = (rows[name].to_numpy() for name in ("entry", "time", "relapsed"))
    relapsed = relapsed.astype(bool)
    start, end = (np.array(ends)[:, None] for ends in (GRID[:-1], GRID[1:]))
    here = (time > start) & (time <= end)
    counts = {
        "at_risk": (entry <= start) & (time > start),
        "entering": (entry > start) & (entry < end),
        "relapsing": here & relapsed,
        # Who is observed through the last day of an interval was at risk on all of it.
        "leaving": here & ~relapsed & (time < end),
    }
    by_day = {str(day): relapsed & (time <= day) for day in GUARDED}
    return {
        "pregnancies": len(rows),
        "women": rows["woman"].nunique(),
        **{name: counts[name].sum(axis=1) for name in COUNTED},
        "at_risk_on": {str(day): int(((entry < day) & (time >= day)).sum()) for day in GUARDED},
        "women_relapsed": {day: women_with(rows["woman"], by_now) for day, by_now in by_day.items()},
        "relapses_most": relapsed_women(rows["woman"], relapsed)["relapses_most"],
    }


def _attrition(asked: Question, held: Holdings) -> Answer:
    """Return the site's rows of the table of attrition."""
    return _rows_of(held.table("attrition"), held.site, ATTRITION)


def _data_quality(asked: Question, held: Holdings) -> Answer:
    """Return the site's rows of the table of checks."""
    return _rows_of(held.table("data_quality"), held.site, CHECK_COLUMNS)


def _rows_of(table: pd.DataFrame, site: str, columns: tuple[str, ...] | list[str]) -> Answer:
    theirs = table.loc[table["site"] == site, [name for name in columns if name != "site"]].astype(object)
    return {"rows": theirs.where(theirs.notna(), None).to_dict("records")}


TABLE_ANSWERS: Mapping[str, Callable[[Question, Holdings], Answer]] = {
    "baseline": _baseline,
    "frequencies": _frequencies,
    "life_table": _life_table,
    "attrition": _attrition,
    "data_quality": _data_quality,
}


def protected_table(asked: Question, held: Holdings, threshold: int) -> Answer:
    """Return the answer to a question for a table without what tells of few women, or ``{"refused": WHY}``.

    Parameters
    ----------
    asked : Question
    held : Holdings
        The centre's own rows.
    threshold : int
        The fewest women behind a number.
    """
    try:
        found = TABLE_ANSWERS[asked["kind"]](asked, held)
    except NotEstimable as obstacle:
        return {"refused": str(obstacle)}
    found = MASKS.get(asked["kind"], lambda found, threshold: found)(found, threshold)
    small = next(small_parts(asked["kind"], found, threshold), "")
    return {"refused": small} if small else found


def small_parts(kind: str, found: Answer, threshold: int) -> Iterator[str]:
    """Yield, in words, what of an answer rests on few women and should not be in it.

    Parameters
    ----------
    kind : str
        Of the question.
    found : mapping
        The answer.
    threshold : int
        The fewest women behind a number.
    """
    arms = ((arm, sizes["women"]) for arm, sizes in found.get("arms", {}).items())
    for name, women in (*arms, *TOLD.get(kind, lambda found: ())(found)):
        if women is not None and 0 < women < threshold:
            few = f"fewer than {threshold} women"
            yield few if name in ("", "all") else f"{name}: {few}"


def _of_frequencies(found: Answer) -> Iterator[tuple[str, int]]:
    yield "", found["women"]
    most = len(found["or_more"])
    # With one frequency beside 0 it is the women with a relapse, whom every table counts.
    if most > 1:
        last = (f"{most} relapses or more", found["or_more"][-1])
        exactly = [(f"{number} relapses", found["exactly"][number]) for number in range(1, most)]
        yield from ((name, it["women"]) for name, it in (*exactly, last))


def _of_attrition(found: Answer) -> Iterator[tuple[str, int]]:
    yield from (("", row["women"]) for row in found["rows"] if row["step"] == "submitted")


def _of_characteristics(found: Answer) -> Iterator[tuple[str, int | None]]:
    for name, arms in found["continuous"].items():
        for arm, it in arms.items():
            yield f"{name}: {arm}", it["women"]
            if name not in EVENTS:
                yield f"{name}: {arm}: another value than the others", it["women_apart"]
    for name, counted in found["categorical"].items():
        for level, sizes in counted["levels"].items():
            yield from ((f"{name}: level {level}: {arm}", it["women"]) for arm, it in sizes.items())


# Numbers of women in an answer that must not be small, beside those of the arms, with what they are of.
TOLD: Mapping[str, Callable[[Answer], Iterator[tuple[str, int | None]]]] = {
    "frequencies": _of_frequencies,
    "attrition": _of_attrition,
    "baseline": _of_characteristics,
}


def _without_small_levels(found: Answer, threshold: int) -> Answer:
    """Return characteristics without what rests on few women."""
    continuous = {name: _masked(name, arms, threshold) for name, arms in found["continuous"].items()}
    categorical = {
        name: counted | {"levels": _masked_levels(counted["levels"], threshold)}
        for name, counted in found["categorical"].items()
    }
    return found | {"continuous": continuous, "categorical": categorical}


def _masked_levels(levels: Answer, threshold: int) -> Answer:
    """Return the levels of a variable without those with few women, and as many more as hide them.

    A level is withheld in both arms, and of all only where few of all have it. One level alone would be what
    all pregnancies less the other levels leave.
    """
    sizes = {level: {arm: it[arm]["pregnancies"] for arm in ARMS} for level, it in levels.items()}
    few = {level: {arm: 0 < it[arm]["women"] < threshold for arm in ARMS} for level, it in levels.items()}
    counts, small = pd.DataFrame(sizes).T, pd.DataFrame(few).T
    of_all = partners(counts[["all"]], small["all"], threshold)
    of_arms = partners(counts, small.any(axis=1) | of_all, threshold)
    nothing = dict.fromkeys(("pregnancies", "women"))
    hidden = {arm: of_all if arm == "all" else of_arms for arm in ARMS}
    return {
        level: {arm: nothing if hidden[arm][level] else it[arm] for arm in ARMS}
        for level, it in levels.items()
    }


def _masked(name: str, arms: Answer, threshold: int) -> Answer:
    """Return the sums of a variable without those that tell of few women."""

    def few(what: str) -> bool:
        return any(0 < it[what] < threshold for it in arms.values())

    # A count of relapses is told as in every other table, whoever had them.
    names = (
        ("n", "women", *SUMS) if few("women") else SUMS if few("women_apart") and name not in EVENTS else ()
    )
    return {arm: it | {each: None for each in names if each in it} for arm, it in arms.items()}


def _together(found: Answer, threshold: int) -> Answer:
    """Return frequencies, the last ones as one, so that enough women are in each."""
    most = most_told(found, threshold)
    return found | {"exactly": found["exactly"][:most], "or_more": found["or_more"][:most]}


MASKS: Mapping[str, Callable[[Answer, int], Answer]] = {
    "baseline": _without_small_levels,
    "frequencies": _together,
}
