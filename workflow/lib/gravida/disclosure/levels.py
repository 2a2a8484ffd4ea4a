"""Rules for levels that add up: of a variable, a regimen, an adverse event over the arms, a check."""

from collections.abc import Iterator

import pandas as pd

from gravida.disclosure.case import ARMS, SUMS, Case, Withheld, partners
from gravida.periods import COUNT_COLUMNS

MISSING = "(missing)"
# Relapses that the table of characteristics may describe, by the period they are of.
RELAPSES = {column: period for period, column in COUNT_COLUMNS.items()}


def levels_add_up(case: Case) -> Iterator[Withheld]:
    """Withhold levels of a variable in both arms, so many that none is the rest of the others.

    Those without a value are a level too. Where they are withheld, so is every number that would tell how
    many have one: percentages, and the women behind a mean.
    """
    if "baseline" not in case.tables:
        return
    table = case.tables["baseline"]
    for variable, rows in table[~table["variable"].isin(["pregnancies", "women"])].groupby(
        "variable", sort=False
    ):
        if rows["level"].ne("").any():
            yield from _categories(case, variable, rows)
        else:
            yield from _measured(case, variable, rows)


def _categories(case: Case, variable: str, rows: pd.DataFrame) -> Iterator[Withheld]:
    """Withhold whole levels; with those without a value every percentage."""
    table, counted = case.tables["baseline"], rows["statistic"].isin(["n", "missing"])
    hidden = _hidden_levels(case, rows[counted])
    names = rows["level"].mask(rows["statistic"] == "missing", MISSING)
    take = names.isin(hidden) | (~counted & (MISSING in hidden))
    yield case.withhold("baseline", table.index.isin(rows.index[take]))
    if "balance" in case.tables and hidden:
        # Without weights it is the difference of the characteristics.
        balance = case.tables["balance"]
        named = balance["level"].isin(hidden) | (balance["level"].ne("") & (MISSING in hidden))
        yield case.withhold("balance", balance["covariate"].eq(variable) & named)


def _measured(case: Case, variable: str, rows: pd.DataFrame) -> Iterator[Withheld]:
    """Withhold how many have a value, in both arms or also of all."""
    table, counted = case.tables["baseline"], rows["statistic"].isin(["n", "missing"])
    few = counted & case.small(rows["women"])
    if few.any() and variable not in RELAPSES:
        yield case.withhold("baseline", table.index.isin(rows.index), "women")
    in_arms, of_all = rows["arm"] != "all", rows["arm"] == "all"
    # Nobody is sure to be in both arms: where each has somebody, all women are at least two.
    somebody = (few & in_arms & (variable not in RELAPSES)).groupby(rows["statistic"]).transform("sum")
    narrow = of_all & counted & (somebody > 0) & (rows["value"] - somebody + 1 < case.threshold)
    for scope in (in_arms, of_all):
        if (few | narrow)[scope].any():
            yield case.withhold("baseline", table.index.isin(rows.index[scope]), "women")
            # Relapses are known: a mean of theirs tells of how many.
            told = counted if variable not in RELAPSES else rows["statistic"].ne("")
            yield case.withhold("baseline", table.index.isin(rows.index[scope & told]), "value")


def _hidden_levels(case: Case, counted: pd.DataFrame) -> set[str]:
    """Return the levels to withhold."""
    few = case.small(counted["women"]) | case.small(counted["value"])
    named = counted.assign(few=few, name=counted["level"].mask(counted["statistic"] == "missing", MISSING))
    parts = named.pivot_table(index="name", columns="arm", values=["value", "few"], aggfunc="max")
    must = parts["few"].fillna(0).astype(bool).any(axis=1)
    chosen = partners(parts["value"].fillna(0)[list(ARMS)], must, case.threshold)
    return set(chosen[chosen].index)


def described_relapses(case: Case) -> Iterator[Withheld]:
    """Withhold means of relapses where the relapses are withheld."""
    if "baseline" not in case.tables:
        return
    table = case.tables["baseline"]
    described = ~table["statistic"].isin(["n", "missing"])
    for variable, period in RELAPSES.items():
        here = (table["variable"] == variable) & described
        if not case.arms_open(period):
            yield case.withhold("baseline", here & table["arm"].ne("all"), "value")
        if not case.is_open("all", period):
            yield case.withhold("baseline", here, "value")
        for arm in (*ARMS, "all"):
            if not case.is_open(arm, period, "women"):
                rows = table["variable"].eq(variable) & table["arm"].isin([arm, "difference"])
                rows &= table["statistic"] != "missing"
                yield case.withhold("baseline", rows, "women")


def predictor_levels_add_up(case: Case) -> Iterator[Withheld]:
    """Withhold the levels of a predictor with few relapses, and as many more as hide them in the sum."""
    if "predictors" not in case.tables:
        return
    table = case.tables["predictors"]
    few = case.any_small("predictors", ["relapses_level", "women_with_relapse_level"])
    few |= case.dominated("predictors", "_level")
    few_reference = case.any_small("predictors", ["relapses_reference", "women_with_relapse_reference"])
    few_reference |= case.dominated("predictors", "_reference")
    for _, rows in table[table["relapses_level"].notna()].groupby(["model", "predictor"], sort=False):
        counts = pd.DataFrame({"relapses": [*rows["relapses_level"], rows["relapses_reference"].iloc[0]]})
        must = pd.Series([*few[rows.index], few_reference[rows.index[0]]])
        chosen = partners(counts, must, case.threshold).to_numpy()
        take = rows.index if chosen[-1] else rows.index[chosen[:-1]]
        yield case.answers("predictors", table.index.isin(take))


def regimens_add_up(case: Case) -> Iterator[Withheld]:
    """Withhold regimens, so many that none is the rest; infusions too: a regimen says how many it has."""
    if "doses" not in case.tables:
        return
    table = case.tables["doses"]
    parts = table[~table["regimen"].isin(SUMS)]
    few = case.small(table["women"]) | case.small(table["pregnancies"])
    if not few[parts.index].any():
        return
    without = parts["regimen"] == "none recorded"
    within = parts[~without | few[parts.index]]
    chosen = partners(within[["pregnancies"]], few[within.index], case.threshold)
    take = table.index.isin(chosen.index[chosen])
    if few[parts.index[without]].any():
        take |= table["regimen"].eq("all").to_numpy()
    yield case.withhold("doses", take)
    yield case.withhold(
        "doses",
        table["regimen"].isin(SUMS),
        "infusions",
        "grams_total",
        "grams_mean",
        "grams_sd",
    )
    if "safety" in case.tables:
        yield case.withhold(
            "safety", case.tables["safety"]["infusions"].notna(), "infusions", "women_infused", "grams"
        )


# Columns of the adverse events that are withheld together, and the numbers of women that decide.
TOGETHER = {
    ("with_event", "women_with_event", "percent", "lower", "upper", "serious", "women_with_serious"): (
        "with_event",
        "women_with_event",
    ),
    ("serious", "women_with_serious"): ("serious", "women_with_serious"),
    ("infusions", "women_infused", "grams"): ("infusions", "women_infused"),
}


def events_of_both_arms(case: Case) -> Iterator[Withheld]:
    """Withhold an adverse event in both arms where one has few: all less the other would tell."""
    if "safety" not in case.tables:
        return
    table = case.tables["safety"]
    for columns, decide in TOGETHER.items():
        few = pd.Series(case.any_small("safety", decide), table.index)
        of_term = few.groupby(table["term"]).transform("any")
        of_term &= table["arm"].ne("all")
        yield case.withhold("safety", few | of_term | _squeezed(case, few | of_term, columns[1]), *columns)
    unlike = case.small(table["women"] - table["women_infused"]) & table["women_infused"].gt(0)
    yield case.withhold("safety", unlike.groupby(table["term"]).transform("any"), "women_infused")
    yield case.withhold("safety", case.small(table["not_stated"]))


def _squeezed(case: Case, hidden: pd.Series, column: str) -> pd.Series:
    """Say which rows of all women leave too little room for an arm, given any event and the single ones."""
    table = case.tables["safety"]
    counts = table.pivot_table(index="term", columns="arm", values=column, aggfunc="first")
    hidden_of = table.assign(hidden=hidden)
    gone = hidden_of.pivot_table(index="term", columns="arm", values="hidden", aggfunc="first").eq(True)
    gone = gone.reindex_like(counts)
    if not set(ARMS) <= set(counts.columns) or "any" not in counts.index:
        return pd.Series(False, table.index)
    sizes = table.groupby("arm")["women" if column.startswith("women") else "pregnancies"].max()
    most = counts.loc["any"].mask(gone.loc["any"], sizes)
    single = counts.mask(gone, 0).drop(index="any")
    tight = set()
    for term in counts.index[gone[list(ARMS)].any(axis=1)]:
        least = single.max() if term == "any" else single.max() * 0
        high = sizes if term == "any" else most
        for arm, other in (ARMS, ARMS[::-1]):
            all_of, own = counts.loc[term, "all"], counts.loc[term, arm]
            bottom, top = max(least[arm], all_of - high[other]), min(high[arm], all_of - least[other])
            small = case.small(own) and (bottom > 1 or top < case.threshold - 1)
            if small or (own >= case.threshold and top - bottom + 1 < case.threshold):
                tight.add(term)
    return table["term"].isin(tight) & table["arm"].eq("all")


def checks_of_all_sites(case: Case) -> Iterator[Withheld]:
    """Withhold how many rows failed a check at every site where few did at one."""
    if "data_quality" not in case.tables:
        return
    table = case.tables["data_quality"]
    few = pd.Series(case.any_small("data_quality", ["rows_failed"]), table.index)
    keys = [table[column].fillna("") for column in ("table", "column", "check", "category")]
    yield case.withhold("data_quality", few.groupby(keys).transform("any"), "rows_failed")
    if "attrition" in case.tables:
        attrition = case.tables["attrition"]
        sent = attrition[attrition["step"] == "submitted"].set_index("site")["pregnancies"]
        rest = (table["rows_checked"] - table["site"].map(sent)).abs()
        yield case.withhold(
            "data_quality", case.small(rest) & table["table"].eq("pregnancies"), "rows_checked"
        )
