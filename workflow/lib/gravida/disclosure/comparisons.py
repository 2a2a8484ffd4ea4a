"""Rules for comparisons: a model is withheld with its counts, and populations must not differ by few."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gravida.disclosure.case import ARMS, Case, Withheld

SIDES = ("", "_numerator", "_denominator")
# Tables that compare the arms in the outcome period, the most important first.
COMPARED = (
    "rate_ratios",
    "precision",
    "estimability",
    "sensitivity",
    "predictors",
    "predictability",
    "balance",
)


def arms_follow(case: Case) -> Iterator[Withheld]:
    """Withhold whatever compares the arms in a period in which the relapses of the arms are withheld."""
    outcome = outcome_of(case)
    for name in COMPARED:
        if name not in case.tables:
            continue
        table = case.tables[name]
        periods = table["period"] if "period" in table else pd.Series(outcome, table.index)
        shut = {period: not case.arms_open(period) for period in periods.unique()}
        rows = periods.map(shut).astype(bool)
        if name == "predictors":
            rows &= table["predictor"].eq("ivig")
        if name in ("predictability", "balance"):
            rows &= not case.is_open("all", outcome)
        yield case.answers(name, rows)
    yield from _registry(case)
    yield from _changes(case, outcome)
    yield from _frequencies(case)


def _frequencies(case: Case) -> Iterator[Withheld]:
    """Withhold frequencies together where one is withheld, and with the relapses of the period."""
    if "dispersion" not in case.tables:
        return
    table, hidden = case.tables["dispersion"], case.hidden["dispersion"]
    sizes = case.columns("dispersion", "denominator", "count")
    frequency = table["test"].str.startswith("frequency_")
    for period in table["period"].unique():
        here = table["period"] == period
        known, counted = (case.is_open("all", period, what) for what in ("relapses", "pregnancies"))
        few = bool(hidden.loc[here & frequency, "pregnancies"].any())
        if few or not known:
            yield case.withhold("dispersion", here & frequency)
        if few or not known or not counted:
            # With the others it is the number of pregnancies.
            yield case.withhold("dispersion", here & table["test"].eq("frequency_0"))
            yield case.withhold("dispersion", here & table["test"].eq("zeros"), "statistic")
        if not known:
            yield case.answers("dispersion", here)
        if not counted:
            yield case.withhold("dispersion", here & ~frequency, *sizes)
        if not case.is_open("all", period, "women"):
            yield case.withhold("dispersion", here & ~frequency, "women")


def outcome_of(case: Case) -> str:
    """Return the outcome period."""
    if "rate_ratios" not in case.tables:
        return "postpartum_year"
    table = case.tables["rate_ratios"]
    return str(table.loc[table["is_primary"].astype(bool), "period"].iloc[0])


def _registry(case: Case) -> Iterator[Withheld]:
    """Withhold the registry among the published studies with the numbers of its window."""
    windows = set()
    if "evidence_studies" in case.tables:
        studies = case.tables["evidence_studies"]
        windows = set(studies.loc[studies["women"].notna(), "window"])
    year = windows == {"0-12 months"}
    window = "postpartum_year" if year else "postpartum_6_months"
    if all(case.is_open(arm, window, what) for arm in ARMS for what in ("relapses", "pregnancies")):
        return
    for name in ("evidence_studies", "evidence_pooled", "evidence_grade"):
        if name in case.tables:
            yield case.withhold(name, case.tables[name]["women"].notna())


def _changes(case: Case, outcome: str) -> Iterator[Withheld]:
    if "changes" in case.tables and not case.arms_open(outcome):
        what = case.tables["changes"]["what"].astype(str)
        yield case.withhold("changes", what.str.startswith(("relapses_", "rate_")))


def terms_follow(case: Case) -> Iterator[Withheld]:
    """Withhold terms of the course through pregnancy of which a cell is withheld."""
    if "longitudinal" not in case.tables or "relapse_rates" not in case.tables:
        return
    table = case.tables["longitudinal"]
    rows = [
        not all(
            case.is_open(arm, period, what)
            for arm in ARMS
            for period in periods_of(term)
            for what in ("relapses", "person_years")
        )
        for term in table["term"]
    ]
    yield case.answers("longitudinal", np.array(rows))
    counted = [case.is_open(_whose(term), periods_of(term)[0], "pregnancies") for term in table["term"]]
    sizes = case.columns("longitudinal", "denominator", "count")
    yield case.withhold("longitudinal", ~np.array(counted), *sizes)
    women = [case.is_open(_whose(term), periods_of(term)[0], "women") for term in table["term"]]
    yield case.withhold("longitudinal", ~np.array(women), "women")


def _whose(term: str) -> str:
    """Return the arm that a term is about, or `all`."""
    where = term.partition(" in ")[2]
    return where if where in ARMS else "all"


def periods_of(term: str) -> tuple[str, ...]:
    """Return the periods that a term compares."""
    if term == "difference_in_differences":
        return ("postpartum_year", "pre_pregnancy_year")
    if term == "pre_trend":
        return ("pre_pregnancy_year",)
    first, _, rest = term.partition("/")
    second, _, where = rest.partition(" in ")
    return (first, second) if where in ARMS else (where,)


def sites_follow(case: Case) -> Iterator[Withheld]:
    """Withhold the sites' rates, what pools them, and counts without one site, where a site is withheld."""
    if not {"sites", "relapse_rates", "rate_ratios"} <= set(case.tables):
        return
    table, outcome = case.tables["sites"], outcome_of(case)
    hidden = case.hidden["relapse_rates"]
    rates = case.tables["relapse_rates"]
    here = (rates["group"] == "site") & (rates["period"] == outcome)
    for column, roles in (
        ("relapses", ("events", "derived")),
        ("pregnancies", ("denominator", "count")),
        ("person_years", ("time", "derived")),
    ):
        gone = set(rates.loc[here & hidden[column], "site"])
        policies = set(table.loc[table["site"].isin(gone), "policy"])
        rows = table["site"].isin(gone) | (table["kind"].eq("pooled") & table["policy"].isin(policies))
        yield case.withhold("sites", rows, *case.columns("sites", *roles))
    if case.sites_open(outcome):
        return
    for name in ("sensitivity", "rate_ratios", "precision"):
        if name in case.tables:
            yield case.withhold(name, case.within_sites(name), *case.columns(name, "events"))
    if "sensitivity" in case.tables:
        # Beside the primary row it tells what the site has.
        without = case.tables["sensitivity"]["scenario"].astype(str).str.startswith("leave_out:")
        yield case.answers("sensitivity", without)


def populations_apart(case: Case) -> Iterator[Withheld]:
    """Withhold counts of an analysis whose population differs by few from that of another.

    A model without covariates is withheld with its counts: its estimate is the ratio of two rates.
    """
    if "relapse_rates" not in case.tables:
        return
    rates, outcome = case.tables["relapse_rates"], outcome_of(case)
    contrast = (
        str(case.tables["rate_ratios"]["contrast"].iloc[0])
        if "rate_ratios" in case.tables
        else "untreated/treated"
    )
    arms = dict(zip(SIDES, ("all", *contrast.split("/")), strict=True))
    first = rates[(rates["group"] == "arm") & (rates["period"] == outcome)].set_index("arm")
    known = {
        what + side: [first.loc[arm, what]]
        for what in ("pregnancies", "women", "relapses")
        for side, arm in arms.items()
    }
    if "attrition" in case.tables:
        table = case.tables["attrition"]
        sent = table[(table["step"] == "submitted") & (table["site"] == "all")].iloc[0]
        for what in ("pregnancies", "women"):
            known[what].append(sent[what])
    for what in ("pregnancies", "women"):
        known[what] += _of_sites(case, what)
    for name in COMPARED:
        if name in case.tables:
            yield from _apart(case, name, known)


def _of_sites(case: Case, what: str) -> list[float]:
    """Return the numbers of the sites, and of the sites of each policy together."""
    if "identifiability" not in case.tables:
        return []
    table = case.tables["identifiability"]
    return [*table[what], *table.groupby("policy")[what].sum()]


def _one_by_choice(case: Case) -> bool:
    """Say whether at most one site leaves treatment to choice: adjusted for sites, it is its own ratio."""
    return int(case.policies().eq("individual").sum()) < 2


def _apart(case: Case, name: str, known: dict[str, list[float]]) -> Iterator[Withheld]:
    table = case.tables[name]
    columns = [column for column in known if column in table]
    found = {"sizes": np.zeros(len(table), dtype=bool), "events": np.zeros(len(table), dtype=bool)}
    for place, row in enumerate(table[columns].to_dict("records")):
        # A number that another row has told already tells nothing new.
        fresh = [column for column in columns if row[column] not in known[column]]
        near = [column for column in fresh if case.near(row[column], known[column])]
        for column in columns:
            kind = "events" if column.startswith("relapses") else "sizes"
            found[kind][place] |= column in near
        for column in columns:
            if not near and not pd.isna(row[column]) and row[column] not in known[column]:
                known[column].append(row[column])
    yield case.withhold(name, found["sizes"], *case.columns(name, "denominator", "count"))
    few = found["events"]
    yield case.withhold(name, few, *case.columns(name, "events"))
    if "model" in table and "adjusted_for" in table:
        saturated = table["adjusted_for"].isin(["none", "site"] if _one_by_choice(case) else ["none"])
        hidden = case.hidden[name][list(case.columns(name, "events"))].any(axis=1)
        yield case.answers(name, (few | hidden) & saturated)
