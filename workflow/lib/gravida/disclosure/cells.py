"""Rules that look at one row: few women, few with an event, one woman who stands for most, quantiles."""

from collections.abc import Iterator

from gravida.disclosure.case import SUMS, Case, Withheld
from gravida.disclosure.printing import QUANTILES

# Fewer independent women than this beyond the coefficients say too much of each.
RESIDUAL_WOMEN = 10
# What describes the few who differ from a value that the others share.
DESCRIBING = ("mean", "sd", "smd")
GRAMS = ("grams_total", "grams_mean", "grams_sd")
COST_OF_GRAMS = ("grams", "cost_per_course", "cost_per_relapse_avoided", "lower", "upper")
# What the relapses of a row may be of: all of it, an arm, a level of a predictor or its reference.
PARTS = ("", "_numerator", "_denominator", "_level", "_reference")


def few_women(case: Case) -> Iterator[Withheld]:
    """Withhold cells on few women, or on few with an event, and what follows from them."""
    for name in case.tables:
        sizes, events = case.columns(name, "count"), case.columns(name, "events")
        yield case.withhold(name, case.any_small(name, case.columns(name, "denominator")))
        for column in (*sizes, *case.columns(name, "own")):
            yield case.withhold(name, case.any_small(name, [column]), column)
        follow = case.columns(name, "derived", "estimate")
        yield case.withhold(name, case.any_small(name, sizes), *follow)
        behind = case.any_small(name, [*events, *case.columns(name, "guard")])
        yield case.withhold(name, behind, *events, *follow)


def one_woman_dominates(case: Case) -> Iterator[Withheld]:
    """Withhold relapses of which one woman has more than half."""
    for name in case.tables:
        for suffix in PARTS:
            yield case.answers(name, case.dominated(name, suffix))


def few_residual_women(case: Case) -> Iterator[Withheld]:
    """Withhold estimates of models with nearly as many coefficients as women."""
    if "estimability" not in case.tables:
        return
    known = case.tables["estimability"].set_index("adjusted_for")["parameters"].to_dict()
    for name in ("rate_ratios", "sensitivity"):
        if name in case.tables:
            table = case.tables[name]
            spent = table["adjusted_for"].map(known).fillna(2)
            few = table["women"] - spent < RESIDUAL_WOMEN
            yield case.withhold(name, few, *case.columns(name, "estimate"))
    if "predictors" in case.tables:
        table = case.tables["predictors"]
        joint = table["model"] == "multivariable"
        few = joint & (table["women"] - (joint.sum() + 1) < RESIDUAL_WOMEN)
        yield case.withhold("predictors", few, *case.columns("predictors", "estimate"))


def value_nearly_all_share(case: Case) -> Iterator[Withheld]:
    """Withhold means where few women differ from the value that the others share: they tell what those have.

    The means of both arms and of all go together, and those of a regimen with the whole.
    """
    if "baseline" in case.tables:
        table = case.tables["baseline"]
        shared = table.loc[case.small(table["women_apart"]), "variable"]
        rows = table["variable"].isin(shared) & table["statistic"].isin(DESCRIBING)
        yield case.withhold("baseline", rows, "value")
        if "balance" in case.tables:
            # Without weights it is the difference of the characteristics.
            named = case.tables["balance"]["covariate"].isin(shared)
            yield case.withhold("balance", named, *case.columns("balance", "estimate"))
    if "doses" in case.tables:
        table = case.tables["doses"]
        few = case.small(table["women_apart_grams_median"])
        if few.any():
            yield case.withhold("doses", few | table["regimen"].isin(SUMS), *GRAMS)
            if "safety" in case.tables:
                yield case.withhold("safety", case.tables["safety"]["grams"].notna(), "grams")
            if "cost" in case.tables:
                yield case.withhold("cost", case.tables["cost"]["women_dosed"].notna(), *COST_OF_GRAMS)


def equal_quantiles(case: Case) -> Iterator[Withheld]:
    """Withhold quantiles that are equal: they say that many women share a value."""
    if "baseline" not in case.tables:
        return
    table = case.tables["baseline"]
    rows = table[table["statistic"].isin(QUANTILES)]
    same = rows.groupby(["variable", "level", "arm", "value"])["value"].transform("size") > 1
    yield case.withhold("baseline", table.index.isin(rows.index[same]), "value")
