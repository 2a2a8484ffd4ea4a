"""What an outsider knows of the comparisons of arms, periods and pregnancies by their number of relapses."""

from tests.disclosure import inversions
from tests.disclosure.knowledge import Name
from tests.disclosure.outsider import ARMS, OUTCOME, QUANTITIES, Outsider, Row


def learn_comparisons(out: Outsider) -> None:
    """Learn the tables rate_ratios, precision, dispersion and longitudinal."""
    for row in out.rows("rate_ratios"):
        _comparison(out, row)
    _precision(out)
    _dispersion(out)
    _course(out)


def compared(out: Outsider, row: Row) -> tuple[str, ...] | None:
    """Return the sites of a comparison of all their pregnancies, None where an outsider cannot say."""
    analysis, adjusted = row.within["analysis"], row.within["adjusted_for"]
    if analysis in ("unadjusted", "exact", "exact_mid_p", "firth") and adjusted == "none":
        return tuple(sorted(out.policies))
    said = row.within["reason"] or ""
    sure = analysis in ("adjusted", "firth") and adjusted == "site"
    if sure and "add nothing" not in said and "left out" not in said and "no covariate" not in said:
        return out.of_policy("individual")
    return None


def arms_of(out: Outsider, sites: tuple[str, ...], period: str) -> list[tuple[Name, Name]]:
    """Return (relapses, days) of the numerator and of the denominator."""
    return [
        (out.total("relapses", arm, period, sites), out.total("days", arm, period, sites))
        for arm in ("untreated", "treated")
    ]


def _comparison(out: Outsider, row: Row) -> None:
    sites = compared(out, row)
    if not sites:
        return
    period = row.within["period"]
    _behind(out, row, sites, period)
    pairs = arms_of(out, sites, period)
    saturated = row.within["adjusted_for"] == "none" or len(sites) == 1
    exact = row.within["model"] == "exact_poisson"
    if row.number("rate_ratio") is None or not saturated:
        return
    if exact or row.within["model"] == "poisson":
        known = inversions.printed(row.number("rate_ratio"), out.decimals("rate_ratios", "rate_ratio"))
        inversions.learn_ratio(out.know, *pairs, known, "inversion of rate_ratios.rate_ratio")
    decimals, counts = out.decimals("rate_ratios", "lower"), (pairs[0][0], pairs[1][0])
    limits = [row.number("lower"), row.number("upper")]
    if row.within["model"] == "poisson" and row.within["covariance"] == "model":
        error, label = row.number("standard_error"), "inversion of a Poisson standard error"
        if error is not None:
            known = inversions.printed(error, out.decimals("rate_ratios", "standard_error"))
            inversions.learn_standard_error(out.know, counts, known, label)
        if None not in limits:
            known = inversions.error_of_limits(*limits, decimals, out.confidence)
            inversions.learn_standard_error(out.know, counts, known, label)
    if exact and row.within["analysis"] == "exact":
        given = [(limit, upper) for limit, upper in zip(limits, (False, True), strict=True) if limit]
        label = "inversion of the exact limits in rate_ratios"
        inversions.learn_exact_limits(out.know, *pairs, given, decimals, out.confidence, label)


def _behind(out: Outsider, row: Row, sites: tuple[str, ...], period: str) -> None:
    """Learn the counts behind a comparison."""
    arms = {"": "all", "_numerator": "untreated", "_denominator": "treated"}
    for quantity in QUANTITIES:
        for ending, arm in arms.items():
            if quantity + ending in row.within:
                out.publish(row, quantity + ending, out.total(quantity, arm, period, sites))


def _precision(out: Outsider) -> None:
    primary = next((row for row in out.rows("rate_ratios") if row.within["is_primary"]), None)
    sites = compared(out, primary) if primary else None
    for row in out.rows("precision") if sites else ():
        _behind(out, row, sites, OUTCOME)


def _dispersion(out: Outsider) -> None:
    """Learn the whole periods' counts, and the pregnancies by their number of relapses."""
    found: dict[str, list[Name]] = {}
    for row in out.rows("dispersion"):
        period, test, _ = row.key
        if not test.startswith("frequency"):
            for quantity in QUANTITIES:
                out.publish(row, quantity, out.total(quantity, "all", period))
            continue
        number, last = int(test.split("_")[1]), test.endswith("_or_more")
        name = ("frequency", period, number)
        found.setdefault(period, []).append(name)
        out.publish(row, "pregnancies", name)
        if row.number("statistic") is not None:
            out.know.know(name, *[row.number("statistic")] * 2, "dispersion.statistic", told=True)
        women = ("women with", period, number)
        out.publish(row, "women", women)
        out.know.at_most([women], [name], "women have pregnancies")
        out.know.at_most([women], [out.total("women", "all", period)], "women have pregnancies")
        if last:
            out.publish(row, "relapses", ("many", period))
            out.know.at_most([name], [("many", period)], "relapses of a pregnancy", 1 / number)
        elif row.number("relapses") is not None:
            out.know.relate({name: number}, *[row.number("relapses")] * 2, "dispersion.relapses")
    for row in out.rows("dispersion"):
        if row.key[1] == "zeros" and row.number("statistic") is not None:
            out.know.know(
                ("frequency", row.key[0], 0),
                *[row.number("statistic")] * 2,
                "dispersion.statistic",
                told=True,
            )
    for period, names in found.items():
        label = "frequencies add up"
        out.know.equal([out.total("pregnancies", "all", period)], names, label)
        terms = {name: name[2] for name in names[1:-1]} | {("many", period): 1}
        out.know.relate(terms | {out.total("relapses", "all", period): -1}, 0, 0, label)


def _course(out: Outsider) -> None:
    """Learn the ratios of cells: crude ratios, of dated sites where parts of periods are compared."""
    dated = tuple(sorted(out.dated))
    everywhere = tuple(sorted(out.policies))
    whole = {"pre_pregnancy_year", "pregnancy", OUTCOME}
    for row in out.rows("longitudinal"):
        cells = _cells(row.key[0])
        if not cells:
            continue
        sites = everywhere if {period for _, period in cells} <= whole else dated
        pairs = [
            tuple(out.total(q, arm, period, sites) for q in ("relapses", "days")) for arm, period in cells
        ]
        if row.number("relapses") is not None:
            terms = {pairs[0][0]: 1, pairs[1][0]: 1}
            out.know.relate(terms, *[row.number("relapses")] * 2, "longitudinal.relapses")
        if row.number("rate_ratio") is not None:
            known = inversions.printed(row.number("rate_ratio"), out.decimals("longitudinal", "rate_ratio"))
            inversions.learn_ratio(out.know, *pairs, known, "inversion of longitudinal.rate_ratio")
        _pregnancies_of_cells(out, row, cells, sites)


def _cells(term: str) -> list[tuple[str, str]]:
    """Return the two cells (arm, period) of a term, numerator first; none for other terms."""
    if term in ("difference_in_differences", "pre_trend"):
        return []
    first, _, rest = term.partition("/")
    second, _, where = rest.partition(" in ")
    if where in ARMS:
        return [(where, first), (where, second)]
    return [(first, where), (second, where)]


def _pregnancies_of_cells(
    out: Outsider, row: Row, cells: list[tuple[str, str]], sites: tuple[str, ...]
) -> None:
    (first, period), (second, _) = cells
    arm = first if first == second else "all"
    for quantity in ("pregnancies", "women"):
        out.publish(row, quantity, out.total(quantity, arm, period, sites))
