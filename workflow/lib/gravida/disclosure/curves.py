"""Rules for times to the first relapse: steps and numbers at risk go together."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gravida.disclosure.case import Case, Withheld

YEAR = 365
LEVELS = {"arms": ("treated", "untreated"), "all": ("all",)}
# Days after delivery by the period that ends on them; the others end quarters.
ENDS = {YEAR: "postpartum_year", 182: "postpartum_6_months"}


def steps(case: Case) -> Iterator[Withheld]:
    """Withhold days between which few had a first relapse, in both arms where it is so in one."""
    if "relapse_free" not in case.tables:
        return
    table = case.tables["relapse_free"]
    for level, arms in LEVELS.items():
        rows = table[table["arm"].isin(arms)]
        shown = _days(case, rows)
        # Days between are shown of all only where they are of both arms.
        rest = table["arm"].isin(arms) | (table["day"].ne(YEAR) & (level == "arms"))
        yield case.answers("relapse_free", rest & ~table["day"].isin(shown))
        alone = (rows.groupby("arm")["pregnancies"].max() < case.threshold).any()
        if level == "arms" and YEAR not in shown and _undated(case):
            # Of sites that date their relapses: no other table has them.
            yield case.answers("relapse_free", pd.Series(True, table.index))
        if level == "arms" and alone:
            yield case.answers("relapse_free", ~table["day"].isin(shown))


def _days(case: Case, rows: pd.DataFrame) -> list[int]:
    """Return the days to show: all of them, those of the half-years, the last, or none."""
    counts = {
        what: rows.pivot_table(index="day", columns="arm", values=what)
        for what in ("relapsed", "women_relapsed", "pregnancies")
    }
    for days in (sorted(counts["relapsed"].index), [182, YEAR], [YEAR]):
        if not set(days) <= set(counts["relapsed"].index):
            continue
        relapsed = counts["relapsed"].loc[days]
        steps_between = relapsed.diff().fillna(relapsed)
        left = counts["pregnancies"].loc[days] - relapsed
        judged = pd.concat([steps_between, left, counts["women_relapsed"].loc[days]])
        if not np.asarray(case.small(judged)).any():
            return days
    return []


def curves_follow(case: Case) -> Iterator[Withheld]:
    """Withhold days on which a period ends whose relapses are withheld, those at risk where they are few."""
    if "relapse_free" not in case.tables:
        return
    table = case.tables["relapse_free"]
    ends = table["day"].map(ENDS).fillna("postpartum_q1")
    shut = {period: not case.arms_open(period) for period in ends.unique()}
    of_all = {period: not case.is_open("all", period) for period in ends.unique()}
    # Where one arm has next to nobody, all are the other arm.
    alone = (table.groupby("arm")["pregnancies"].max() < case.threshold).any()
    in_arm = table["arm"].ne("all") | alone
    last = table["day"] == YEAR
    telling = _tell_of_sites(case)
    yield case.answers("relapse_free", pd.Series(telling, table.index))
    closed = ends.map(shut) | telling
    yield case.answers("relapse_free", closed & (in_arm | ~last))
    yield case.answers("relapse_free", ends.map(of_all) & ~in_arm)
    # How many had a relapse in the year `dispersion` tells too.
    at_risk = ("at_risk", *case.columns("relapse_free", "derived"))
    yield case.withhold("relapse_free", closed, *at_risk)
    few = table["day"].isin(table.loc[case.small(table["at_risk"]), "day"])
    yield case.withhold("relapse_free", few & (in_arm | case.small(table["at_risk"])), *at_risk)
    hidden = case.hidden["relapse_free"]["relapsed"] | closed
    gone = set(table.loc[hidden & in_arm, "day"])
    if "risk_difference" in case.tables:
        days = case.tables["risk_difference"]["day"]
        yield case.answers("risk_difference", days.isin(gone))
        thin = days.isin(table.loc[few, "day"])
        yield case.withhold("risk_difference", thin, *case.columns("risk_difference", "derived"))
    if YEAR in gone:
        yield from _comparisons(case)


def _tell_of_sites(case: Case) -> bool:
    """Say whether first relapses, of sites that date them, leave few for the others, which are withheld."""
    if "relapse_rates" not in case.tables or case.sites_open("postpartum_year"):
        return False
    year, curve = _ends_of_year(case)
    return _undated(case) and bool((year["relapses"] - curve["relapsed"] < case.threshold).any())


def _undated(case: Case) -> bool:
    """Say whether some site does not date its relapses."""
    if "relapse_rates" not in case.tables:
        return False
    year, curve = _ends_of_year(case)
    return bool((year["pregnancies"] > curve["pregnancies"]).any())


def _ends_of_year(case: Case) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the year after delivery by arm, in the rates and at the end of the curves."""
    rates, curves = case.tables["relapse_rates"], case.tables["relapse_free"]
    year = rates[(rates["group"] == "arm") & (rates["period"] == "postpartum_year")]
    return year.set_index("arm"), curves[curves["day"] == YEAR].set_index("arm")


def _comparisons(case: Case) -> Iterator[Withheld]:
    """Withhold what was made of the curves' last day."""
    if "time_to_relapse" in case.tables:
        yield case.answers("time_to_relapse", np.ones(len(case.tables["time_to_relapse"]), dtype=bool))
    if "cost" in case.tables:
        registry = case.tables["cost"]["women"].notna()
        yield case.answers("cost", registry)
