"""What an outsider knows of counts and rates by arm, site and period, and of who was left out."""

from tests.disclosure import inversions
from tests.disclosure.knowledge import Name
from tests.disclosure.outsider import (
    ARMS,
    LENGTHS,
    MANY_RELAPSES,
    OUTCOME,
    PARTS,
    QUANTITIES,
    WHOLE,
    Outsider,
    Row,
)


def learn_counts(out: Outsider) -> None:
    """Learn the tables relapse_rates, sites, identifiability and attrition."""
    _rates(out)
    _sites(out)
    _identifiability(out)
    _attrition(out)


def learn_structure(out: Outsider) -> None:
    """Learn what holds for the counts of every site, arm and period."""
    for site, policy in out.policies.items():
        arms = {"all": ("treated",), "none": ("untreated",)}.get(policy, ARMS)
        for period in (*LENGTHS, "submitted"):
            if period not in WHOLE or site in out.dated:
                _of_site(out, site, arms, period)


def _of_site(out: Outsider, site: str, arms: tuple[str, ...], period: str) -> None:
    know = out.know
    for arm in arms:
        pregnancies, women = (("atom", what, arm, period, site) for what in ("pregnancies", "women"))
        know.at_most([women], [pregnancies], "women have pregnancies")
        know.at_most([pregnancies], [women], "women have pregnancies", 12)
        if period != "submitted":
            _of_arm(out, site, arm, period)
        if period in PARTS and site in out.dated:
            _parts(out, site, arm, period)
    if len(arms) == 2:
        hers, label = [("atom", "women", arm, period, site) for arm in arms], "a woman may be in both arms"
        both = ("atom", "women", "both", period, site)
        know.at_most([both], hers, label)
        for one in hers:
            know.at_most([one], [both], label)
        if period != "submitted":
            longer = ("atom", "women", "both", WHOLE.get(period, "submitted"), site)
            know.at_most([both], [longer], "a part is in the whole")


def _of_arm(out: Outsider, site: str, arm: str, period: str) -> None:
    def atom(quantity: str, when: str = period) -> Name:
        return "atom", quantity, arm, when, site

    longer = WHOLE.get(period, "submitted")
    for quantity in ("pregnancies", "women"):
        out.know.at_most([atom(quantity)], [atom(quantity, longer)], "a part is in the whole")
    days, pregnancies = [atom("days")], [atom("pregnancies")]
    out.know.at_most(days, pregnancies, "days of a period", LENGTHS[period])
    out.know.at_most(pregnancies, days, "days of a period")
    out.know.at_most([atom("relapses")], pregnancies, "relapses of a pregnancy", MANY_RELAPSES)


def _parts(out: Outsider, site: str, arm: str, period: str) -> None:
    for quantity in ("relapses", "days", "pregnancies", "women"):
        whole = ("atom", quantity, arm, period, site)
        parts = [("atom", quantity, arm, part, site) for part in PARTS[period]]
        if quantity in ("relapses", "days"):
            out.know.equal([whole], parts, "parts of a period add up")
            continue
        out.know.at_most([whole], parts, "a part is in the whole")
        for part in parts:
            out.know.at_most([part], [whole], "a part is in the whole")


def _rate_row(out: Outsider, row: Row, arm: str, period: str, sites: tuple[str, ...] | None) -> None:
    """Learn a row of counts, years, rate and exact limits."""
    names = {q: out.total(q, arm, period, sites) for q in (*QUANTITIES, "days")}
    for quantity in QUANTITIES:
        out.publish(row, quantity, names[quantity])
    _years(out, row, names["days"])
    if row.within.get("kind") == "pooled":
        return
    value, pair = row.number("rate"), (names["relapses"], names["days"])
    if value is not None:
        decimals = out.decimals(row.table, "rate")
        inversions.learn_share(
            out.know, *pair, inversions.YEAR, value, decimals, f"inversion of {row.table}.rate"
        )
    limits = [
        (limit, column == "upper")
        for column in ("lower", "upper")
        if (limit := row.number(column)) is not None
    ]
    decimals = out.decimals(row.table, "lower")
    label = f"inversion of the exact limits in {row.table}"
    inversions.learn_garwood(out.know, *pair, limits, decimals, out.confidence, label)


def _years(out: Outsider, row: Row, name: Name) -> None:
    value = row.number("person_years")
    if value is not None:
        decimals = out.decimals(row.table, "person_years")
        low, high = (inversions.YEAR * end for end in inversions.printed(value, decimals))
        out.know.know(name, low, high, f"{row.table}.person_years", told=True)


def _rates(out: Outsider) -> None:
    for row in out.rows("relapse_rates"):
        _, arm, site, period, _ = row.key
        _rate_row(out, row, arm, period, None if site == "all" else (site,))


def _sites(out: Outsider) -> None:
    for row in out.rows("sites"):
        kind, site, policy, _ = row.key
        sites = (site,) if kind == "site" else out.of_policy(policy)
        _rate_row(out, row, "all", OUTCOME, sites)
        if kind == "pooled":
            _pooled(out, row, sites)


def _pooled(out: Outsider, row: Row, sites: tuple[str, ...]) -> None:
    """Learn what the spread of sites with one policy says of each."""
    pairs = [tuple(out.total(q, "all", OUTCOME, (site,)) for q in ("relapses", "days")) for site in sites]
    q, rate = row.number("q"), row.number("rate")
    if q is not None:
        known = inversions.printed(q, out.decimals("sites", "q"))
        inversions.learn_heterogeneity(out.know, pairs, known, "inversion of sites.q")
    if rate is not None and row.number("tau2") == 0:
        known = inversions.printed(rate, out.decimals("sites", "rate"))
        if row.text("method").startswith("random"):
            inversions.learn_common_rate(out.know, pairs, known, "inversion of the pooled sites.rate")


def _identifiability(out: Outsider) -> None:
    for row in out.rows("identifiability"):
        site = row.key[0]
        everyone, treated = (out.total("pregnancies", arm, OUTCOME, (site,)) for arm in ("all", "treated"))
        out.publish(row, "pregnancies", everyone)
        out.publish(row, "women", out.total("women", "all", OUTCOME, (site,)))
        out.publish(row, "treated", treated)
        share = row.number("share_treated")
        if share is not None:
            label = "inversion of identifiability.share_treated"
            decimals = out.decimals("identifiability", "share_treated")
            inversions.learn_share(out.know, treated, everyone, 1, share, decimals, label)


def _attrition(out: Outsider) -> None:
    """Learn who was submitted, left out of a period, and analysed; `all` is the sum of the sites."""
    for row in out.rows("attrition"):
        site, step, reason, _ = row.key
        sites = None if site == "all" else (site,)
        for quantity in ("pregnancies", "women"):
            out.publish(row, quantity, _of_step(out, quantity, step, reason, sites))
    for site in out.policies:
        for period in ("pre_pregnancy_year", "pregnancy", OUTCOME):
            for quantity in ("pregnancies", "women"):
                left = [name for name in out.know.numbers if name[:3] == ("left", quantity, period)]
                left = [name for name in left if name[4] == (site,)]
                analysed = out.total(quantity, "all", period, (site,))
                submitted = out.total(quantity, "all", "submitted", (site,))
                label = "submitted = left out + analysed"
                if quantity == "pregnancies" and left:
                    out.know.equal([submitted], [*left, analysed], label)
                elif left:
                    out.know.at_most([submitted], [*left, analysed], label)
                for name in left:
                    out.know.at_most([name], [submitted], label)
                    women = ("left", "women", *name[2:])
                    if quantity == "pregnancies":
                        out.know.at_most([women], [name], "women have pregnancies")


def _of_step(out: Outsider, quantity: str, step: str, reason: str, sites: tuple[str, ...] | None) -> Name:
    if step == "submitted":
        return out.total(quantity, "all", "submitted", sites)
    verb, _, period = step.partition("_")
    everywhere = tuple(sorted(out.policies)) if sites is None else sites
    if period == "trimesters_and_quarters":
        here = tuple(site for site in everywhere if (site in out.dated) == (verb == "analysed"))
        return out.total(quantity, "all", "submitted", here)
    if verb == "analysed":
        return out.total(quantity, "all", period, sites)
    name = ("left", quantity, period, reason, everywhere)
    if sites is None and name not in out.know.numbers:
        parts = [("left", quantity, period, reason, (site,)) for site in everywhere]
        out.know.equal([name], parts, "sites and arms add up")
    return name
