"""Rules for numbers of women and pregnancies: who was left out must not be had by subtraction."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gravida.disclosure.case import ARMS, SIZES, Case, Withheld, finer_levels, levels_of, partners
from gravida.disclosure.comparisons import COMPARED, outcome_of
from gravida.disclosure.earlier import sites_before
from gravida.periods import COUNT_COLUMNS, DAYS_PER_YEAR, PARTS, PERIODS

# Periods whose exclusions `attrition` counts, with their parts; the usual length of each in days.
WHOLE = {whole: tuple(part for part in PERIODS if PARTS.get(part) == whole) for whole in COUNT_COLUMNS}
DAYS = {
    **{"pre_pregnancy_year": 365, "pregnancy": 280, "postpartum_year": 365, "postpartum_6_months": 182},
    **{"trimester_1": 98, "trimester_2": 98, "trimester_3": 84},
    **{f"postpartum_q{quarter}": 91 for quarter in (1, 2, 3, 4)},
}
PEOPLE = ("pregnancies", "women")


def few_at_a_site(case: Case) -> Iterator[Withheld]:
    """Withhold every number of a site with few women, and of more sites to hide it in the sum over sites."""
    if "attrition" not in case.tables:
        return
    table = case.tables["attrition"]
    sent = table[(table["step"] == "submitted") & (table["site"] != "all")].set_index("site")[list(PEOPLE)]
    few = case.small(sent["women"])
    if "identifiability" in case.tables:
        few |= _few_of_an_arm(case, sent.index)
    policy = case.policies().reindex(sent.index).fillna("")
    # What an earlier release told of a site hides nothing.
    told = sent.index.isin(sites_before(case.earlier))
    quiet = few.copy()
    for _, group in sent.groupby([policy, told]):
        quiet[group.index] = partners(group, few[group.index], case.threshold)
    quiet = partners(sent, quiet, case.threshold)
    if not quiet.any():
        return
    for name, other in case.tables.items():
        if "site" in other:
            yield case.withhold(name, other["site"].isin(quiet.index[quiet]))
    yield from _sums_over_sites(case)


def _sums_over_sites(case: Case) -> Iterator[Withheld]:
    """Withhold sums over the sites of one policy, of which a site may be the rest."""
    if "baseline" in case.tables:
        yield case.withhold("baseline", case.tables["baseline"]["variable"] == "policy")
    if "sites" in case.tables:
        yield case.withhold("sites", case.tables["sites"]["kind"] == "pooled")
    for name in ("rate_ratios", "sensitivity", "estimability", "precision", "balance"):
        if name in case.tables:
            sizes = case.columns(name, "denominator", "count", "events")
            yield case.withhold(name, case.within_sites(name), *sizes)


def _few_of_an_arm(case: Case, sites: pd.Index) -> pd.Series:
    """Say at which sites few women have an arm that is not the policy's: arms less the other sites tell."""
    sheet = case.tables["identifiability"].set_index("site").reindex(sites)
    treated, others = sheet["treated"], sheet["pregnancies"] - sheet["treated"]
    return pd.Series(np.asarray(case.small(treated) | case.small(others)), sites) & (len(sites) > 1)


def few_in_an_arm(case: Case) -> Iterator[Withheld]:
    """Withhold both arms where one has few women: all women less those of the other would tell."""
    if "baseline" not in case.tables:
        return
    table = case.tables["baseline"]
    women = table[(table["variable"] == "women") & table["arm"].isin(ARMS)]["value"]
    if not case.small(women).any():
        return
    for name, other in case.tables.items():
        if "arm" in other:
            yield case.withhold(name, other["arm"].isin([*ARMS, "difference"]))
        sides = [c for c in other if c.endswith(("_numerator", "_denominator", "_treated", "_untreated"))]
        if sides:
            yield case.withhold(name, other[sides].notna().any(axis=1))


def few_left_out(case: Case) -> Iterator[Withheld]:
    """Withhold how many are in a period and its parts, at one level, where few were left out of it.

    So are the person-years and the rates, where even the fewest that there may be could not have had so many.
    """
    if "relapse_rates" not in case.tables or "attrition" not in case.tables:
        return
    table, level, base = _levels_and_base(case)
    close = _few_missing(case, table, level, base)
    yield from _attrition(case, close)
    sizes = case.columns("relapse_rates", "denominator", "count")
    timed = case.columns("relapse_rates", "time", "derived")
    for place, period in sorted(close):
        at_level = level.eq(place) & table["period"].eq(period)
        at_level &= ~table["site"].isin(_complete(case, close, period))
        # Parts of sums of what is withheld say how many there are at least.
        rows = at_level | table["period"].isin(WHOLE[period])
        yield case.withhold("relapse_rates", rows, *sizes)
        for one in level.unique():
            here = rows & level.eq(one)
            if here.any() and _years_tell(case, table[here], base[here]):
                finer = level.isin(finer_levels(one, level.unique()))
                yield case.withhold(
                    "relapse_rates", table["period"].isin([period, *WHOLE[period]]) & finer, *timed
                )
        yield from _women(case, period, base)
    yield from _analysed(case, {period for _, period in close})


def _analysed(case: Case, closed: set[str]) -> Iterator[Withheld]:
    """Withhold how many were analysed in these whole periods in every other table that says so."""
    whole_of = {part: whole for whole, parts in WHOLE.items() for part in (whole, *parts)}
    for name in (*COMPARED, "identifiability"):
        if name in case.tables:
            table = case.tables[name]
            periods = table["period"] if "period" in table else pd.Series(outcome_of(case), table.index)
            shut = periods.map(whole_of).isin(closed)
            yield case.withhold(name, shut, *case.columns(name, *SIZES, "derived"))
    if "changes" in case.tables and whole_of[outcome_of(case)] in closed:
        moved = case.tables["changes"]["what"].astype(str).str.startswith(("relapses_", "rate_"))
        yield case.withhold("changes", moved, "women")
    if "postpartum_year" not in closed:
        return
    # Each share of a curve is a ratio of whole numbers, of which one is how many were analysed.
    for name in ("relapse_free", "risk_difference", "time_to_relapse", "cost"):
        if name in case.tables:
            table = case.tables[name]
            numbers = [*case.columns(name, *SIZES, "derived"), *table.columns.intersection(["at_risk"])]
            yield case.withhold(name, table["women"].notna(), *numbers)


def _complete(case: Case, close: set[tuple[str, str]], period: str) -> list[str]:
    """Return the sites in whose arm nobody is missing, as the numbers of the arm tell."""
    table, sent = case.tables["relapse_rates"], _submitted(case)
    of_arms = table[(table["group"] == "arm") & (table["period"] == period)].set_index("arm")["pregnancies"]
    whole = [arm for arm in ARMS if ("arms", period) not in close and of_arms.get(arm) == sent.get(arm)]
    arm_of = case.policies().map({"all": "treated", "none": "untreated"})
    return list(arm_of.index[arm_of.isin(whole)])


def _levels_and_base(case: Case) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Return the rates, the level of each row, and from how many pregnancies few may have been left out."""
    table = case.tables["relapse_rates"]
    base = table["arm"].where(table["group"] == "arm", table["site"]).map(_submitted(case))
    whole_of = {part: whole for whole, parts in WHOLE.items() for part in parts}
    of_whole = table["period"].map(whole_of)
    dated = table.groupby([table["arm"], table["site"], of_whole])["pregnancies"].transform("max")
    return table, levels_of(case, table), base.mask(of_whole.notna(), dated)


def _women(case: Case, period: str, base: pd.Series) -> Iterator[Withheld]:
    """Withhold the women too: who may be in both arms bounds each more than pregnancies do."""
    table, attrition = case.tables["relapse_rates"], case.tables["attrition"]
    some = table["period"].eq(period) & table["pregnancies"].ne(base)
    yield case.withhold("relapse_rates", some, "women")
    sent = attrition["site"].map(_submitted(case))
    counted = attrition["step"].eq(f"analysed_{period}") & attrition["pregnancies"].ne(sent)
    yield case.withhold("attrition", counted, "women")


def _submitted(case: Case) -> dict[str, float]:
    """Return the pregnancies submitted, by site, by arm and of all."""
    table = case.tables["attrition"]
    known = table[table["step"] == "submitted"].set_index("site")["pregnancies"].to_dict()
    if "baseline" in case.tables:
        first = case.tables["baseline"]
        rows = first[(first["variable"] == "pregnancies") & first["arm"].isin(ARMS)]
        known |= dict(zip(rows["arm"], rows["value"], strict=True))
    return known


def _few_missing(case: Case, table: pd.DataFrame, level: pd.Series, base: pd.Series) -> set[tuple[str, str]]:
    """Return the (level, whole period) that few were left out of, each with the levels below it."""
    few = np.asarray(case.small(base - table["pregnancies"]))
    close = {
        (place, period)
        for place, period in zip(level[few], table["period"][few], strict=True)
        if period in WHOLE
    }
    attrition = case.tables["attrition"]
    left = attrition[attrition["step"].str.startswith("excluded_") & (attrition["pregnancies"] > 0)]
    for (step, site), rows in left.groupby(["step", "site"]):
        # Of several reasons the numbers analysed give away only the sum.
        if len(rows) == 1 and case.small(rows["women"]).all():
            place = "all" if site == "all" else level[table["site"] == site].iloc[0]
            close.add((place, step.removeprefix("excluded_")))
    for period, variable in COUNT_COLUMNS.items() if "baseline" in case.tables else ():
        first = case.tables["baseline"]
        missing = first[(first["variable"] == variable) & (first["statistic"] == "missing")]
        for arm in missing.loc[case.small(missing["women"]), "arm"]:
            close.add(("all" if arm == "all" else "arms", period))
    return {
        (place, period)
        for at, period in close
        if period in WHOLE
        for place in finer_levels(at, level.unique())
    }


def _years_tell(case: Case, rows: pd.DataFrame, base: pd.Series) -> bool:
    """Say whether person-years leave fewer numbers of pregnancies than the threshold asks for."""
    left_out = (base - rows["pregnancies"]).groupby(rows["period"]).transform("sum")
    fewest = base - left_out.clip(lower=case.threshold - 1)
    return bool((rows["person_years"] * DAYS_PER_YEAR > fewest * rows["period"].map(DAYS)).any())


def _attrition(case: Case, close: set[tuple[str, str]]) -> Iterator[Withheld]:
    """Withhold the reasons of a step together where one of them has few, and who was analysed with them."""
    table = case.tables["attrition"]
    everywhere = table["site"] == "all"
    few = case.any_small("attrition", PEOPLE)
    level = levels_of(case, table.assign(arm="all", group=np.where(everywhere, "arm", "site")))
    for step in table.loc[~table["step"].eq("submitted"), "step"].unique():
        here = table["step"] == step
        if step.startswith("analysed_"):
            period = step.removeprefix("analysed_")
            shut = {place for place, closed in close if closed == period}
            whole = table["site"].isin(_complete(case, close, period))
            yield case.withhold("attrition", here & level.isin(shut) & ~whole)
            continue
        at_sites, of_all = few & here & ~everywhere, few & here & everywhere
        tight = at_sites.any() and _squeezed(case, table[here])
        yield case.withhold("attrition", here & everywhere & bool(of_all.any() or tight))
        yield case.withhold("attrition", here & ~everywhere & bool(at_sites.any() or of_all.any()))


def _squeezed(case: Case, rows: pd.DataFrame) -> bool:
    """Say whether reasons summed over sites, and sites over reasons, leave too little room for one cell."""
    sites = rows[rows["site"] != "all"].pivot_table(
        index="site", columns="reason", values="pregnancies", aggfunc="sum"
    )
    of_reason, of_site = sites.sum(axis=0).to_numpy(), sites.sum(axis=1).to_numpy()
    low = np.maximum(0, of_reason[None, :] - (of_site.sum() - of_site)[:, None])
    high = np.minimum(of_reason[None, :], of_site[:, None])
    cells = sites.to_numpy()
    small = np.asarray(case.small(cells))
    return bool((small & ((low > 1) | (high < case.threshold - 1))).any())


def treated_at_sites(case: Case) -> Iterator[Withheld]:
    """Withhold how many were treated at the sites where few were, or few were not."""
    if "identifiability" not in case.tables:
        return
    table = case.tables["identifiability"]
    few = case.small(table["treated"]) | case.small(table["pregnancies"] - table["treated"])
    chosen = table["policy"].eq("individual") | few
    yield case.withhold("identifiability", chosen & few.any(), "treated", "share_treated")


def rows_at_sites(case: Case) -> Iterator[Withheld]:
    """Withhold how many rows of relapses, doses and events a site sent where its own numbers are withheld."""
    if "data_quality" not in case.tables:
        return
    told = [case.hidden[name] for name in ("identifiability", "relapse_rates") if name in case.tables]
    if any(hidden.to_numpy().any() for hidden in told):
        table = case.tables["data_quality"]
        rows = table["table"].isin(["relapses", "infusions", "adverse_events"])
        yield case.withhold("data_quality", rows, "rows_checked")
