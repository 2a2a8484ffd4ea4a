"""What an outsider knows of the tables that describe the women, their doses and their adverse events."""

import re

import numpy as np

from tests.disclosure import inversions
from tests.disclosure.knowledge import Name
from tests.disclosure.outsider import ARMS, Outsider, Row

EVENTS = {"relapses_pre_year": "pre_pregnancy_year", "relapses_pregnancy": "pregnancy"}
CATEGORICAL = {
    "dmt_before",
    "outcome",
    "breastfeeding",
    "assisted_reproduction",
    "steroid_prophylaxis",
    "policy",
}


def learn_descriptions(out: Outsider) -> None:
    """Learn the tables baseline, safety and doses."""
    _baseline(out)
    _safety(out)
    _doses(out)


def add_arms(out: Outsider, all_of: Name, parts: list[Name], women: bool) -> None:
    """Learn how a number of all hangs together with those of the arms; a woman may be in both."""
    if not women or not out.choosing():
        out.know.equal([all_of], parts, "sites and arms add up")
        return
    out.know.at_most([all_of], parts, "a woman may be in both arms")
    for part in parts:
        out.know.at_most([part], [all_of], "a woman may be in both arms")


def _baseline(out: Outsider) -> None:
    levels: dict[str, list[str]] = {}
    for row in out.rows("baseline"):
        variable, level, statistic, arm, _ = row.key
        if variable in ("pregnancies", "women"):
            name = out.total(variable, arm, "submitted")
            out.publish(row, "value", name)
            out.publish(row, "women", out.total("women", arm, "submitted"))
        elif statistic in ("n", "missing"):
            if variable in CATEGORICAL and statistic == "n" and level not in levels.setdefault(variable, []):
                levels[variable].append(level)
            _count_row(out, row, variable, level, statistic, arm)
        elif statistic != "smd":
            behind = ("base women", variable, level, "n", arm)
            out.publish(row, "women", behind)
            _share_row(out, row, variable, level, statistic, arm)
    for row in out.rows("baseline"):
        if row.key[2] == "smd" and row.key[0] in levels and row.number("value") is not None:
            _smd_row(out, row, levels)
    variables = sorted({name[1] for name in out.know.numbers if name[0] == "base"})
    for variable in variables:
        _add_up(out, variable, levels.get(variable, [""]))


def _count_row(out: Outsider, row: Row, variable: str, level: str, statistic: str, arm: str) -> None:
    key = (variable, level, statistic, arm)
    out.publish(row, "value", ("base", *key))
    out.publish(row, "women", ("base women", *key))


def _present(out: Outsider, variable: str, arm: str) -> Name:
    """Return the variable of the pregnancies with a value: all less those without."""
    name = ("base present", variable, arm)
    if name not in out.know.numbers:
        terms = {name: 1, ("base", variable, "", "missing", arm): 1}
        out.know.relate(
            terms | {out.total("pregnancies", arm, "submitted"): -1}, 0, 0, "with and without a value"
        )
    return name


def _share_row(out: Outsider, row: Row, variable: str, level: str, statistic: str, arm: str) -> None:
    """Learn what a percentage and a mean say."""
    value = row.number("value")
    if value is None:
        return
    decimals = out.printed_as(statistic)
    if statistic == "percent":
        names = ("base", variable, level, "n", arm), _present(out, variable, arm)
        inversions.learn_share(out.know, *names, 100, value, decimals, "inversion of baseline percent")
    if statistic == "mean" and variable in EVENTS:
        names = out.total("relapses", arm, EVENTS[variable]), ("base", variable, "", "n", arm)
        inversions.learn_share(out.know, *names, 1, value, decimals, "inversion of baseline mean")


def _smd_row(out: Outsider, row: Row, levels: dict[str, list[str]]) -> None:
    variable, level, *_ = row.key
    names = []
    for arm in ARMS:
        names += [("base", variable, level, "n", arm), _present(out, variable, arm)]
    known = inversions.printed(row.number("value"), out.printed_as("smd"))
    inversions.learn_smd(out.know, names, known, "inversion of baseline smd")


def _add_up(out: Outsider, variable: str, levels: list[str]) -> None:
    """Learn that levels and missing make up an arm, and the arms make up all."""
    know, label = out.know, "levels and missing add up"
    inside = [(level, "n") for level in levels] + [("", "missing")]
    for level, statistic in inside:
        for what in ("base", "base women"):
            parts = [(what, variable, level, statistic, arm) for arm in ARMS]
            add_arms(out, (what, variable, level, statistic, "all"), parts, what != "base")
    for arm in (*ARMS, "all"):
        total, women = (out.total(what, arm, "submitted") for what in ("pregnancies", "women"))
        parts = [("base", variable, level, statistic, arm) for level, statistic in inside]
        hers = [("base women", variable, level, statistic, arm) for level, statistic in inside]
        know.equal([total], parts, label)
        know.at_most([women], hers, label)
        for part, theirs in zip(parts, hers, strict=True):
            know.at_most([theirs], [part], "women have pregnancies")
            know.at_most([part], [theirs], "women have pregnancies", 12)
            know.at_most([theirs], [women], label)
        if variable == "policy":
            _policies(out, arm)
        if variable in EVENTS:
            _affected(out, variable, arm)


def _policies(out: Outsider, arm: str) -> None:
    for policy in ("all", "none", "individual"):
        sites = tuple(sorted(site for site, theirs in out.policies.items() if theirs == policy))
        for what, quantity in (("base", "pregnancies"), ("base women", "women")):
            name = (what, "policy", policy, "n", arm)
            out.know.equal([name], [out.total(quantity, arm, "submitted", sites)], "sites and arms add up")


def _affected(out: Outsider, variable: str, arm: str) -> None:
    """Learn how relapses, those with one, and pregnancies analysed hang together."""
    know, period, label = out.know, EVENTS[variable], "those affected have relapses"
    relapses, affected = out.total("relapses", arm, period), ("base affected", variable, arm)
    know.equal([("base", variable, "", "n", arm)], [out.total("pregnancies", arm, period)], label)
    know.equal([("base women", variable, "", "n", arm)], [out.total("women", arm, period)], label)
    know.at_most([affected], [relapses], label)
    know.at_most([relapses], [affected], label, 10 * 12)
    know.at_most([affected], [("base women", variable, "", "n", arm)], label)
    if arm == "all":
        add_arms(out, affected, [("base affected", variable, one) for one in ARMS], women=True)
        several = out.several(period)
        know.at_most([affected], several, label)
        know.at_most(several, [affected], label, 12)


SAFETY = ("pregnancies", "women", "with_event", "women_with_event", "serious", "women_with_serious")
GIVEN = ("infusions", "women_infused")


def _safety(out: Outsider) -> None:
    """Learn adverse events by arm and term."""
    terms: dict[str, set[str]] = {}
    for row in out.rows("safety"):
        arm, term, _ = row.key
        terms.setdefault(term, set()).add(arm)
        for column in (*SAFETY, *GIVEN, "not_stated"):
            if row.number(column) is not None or _is_number(row.within.get(column)):
                out.publish(row, column, _of_term(column, arm, term))
        events, base = _of_term("with_event", arm, term), _of_term("pregnancies", arm, term)
        if (percent := row.number("percent")) is not None:
            decimals = out.decimals("safety", "percent")
            label = "inversion of safety.percent"
            inversions.learn_share(out.know, events, base, 100, percent, decimals, label)
        limits = [(row.number(c), c == "upper") for c in ("lower", "upper") if row.number(c) is not None]
        label = "inversion of the exact limits in safety"
        decimals = out.decimals("safety", "upper")
        inversions.learn_clopper(out.know, events, base, limits, decimals, out.confidence, label)
        _of_event(out, arm, term)
    for term, arms in terms.items():
        if len(arms) == 3:
            _arms_of_term(out, term)
    for arm in (*ARMS, "all"):
        _any_term(out, arm, [term for term, arms in terms.items() if arm in arms])
    _despite(out, terms)


def _of_term(column: str, arm: str, term: str) -> Name:
    """Return the variable of a column; single terms and any of them have the same denominator."""
    own = column not in SAFETY[:2] or re.match("thrombosis_postpartum|treated_despite", term)
    return "safety", column, arm, term if own else "any"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not np.isnan(value)


def _of_event(out: Outsider, arm: str, term: str) -> None:
    def name(column: str) -> Name:
        return _of_term(column, arm, term)

    label = "an event is within its kind"
    for less, more in (
        ("women", "pregnancies"),
        ("women_with_event", "with_event"),
        ("with_event", "pregnancies"),
        ("women_with_event", "women"),
        ("women_with_serious", "serious"),
        ("serious", "with_event"),
        ("women_with_serious", "women_with_event"),
        ("women_infused", "infusions"),
    ):
        out.know.at_most([name(less)], [name(more)], label)
    for less, more in (("with_event", "women_with_event"), ("serious", "women_with_serious")):
        out.know.at_most([name(less)], [name(more)], label, 12)


def _arms_of_term(out: Outsider, term: str) -> None:
    for column in (*SAFETY, *(GIVEN if term == "any" else ())):
        parts = [_of_term(column, arm, term) for arm in ARMS]
        add_arms(out, _of_term(column, "all", term), parts, column.startswith("women"))


def _any_term(out: Outsider, arm: str, terms: list[str]) -> None:
    """Learn that any event is at least each and at most all together."""
    single = [term for term in terms if not re.match("any|thrombosis_postpartum|treated_despite", term)]
    label = "any event holds the others"
    for column in SAFETY[2:]:
        names = [("safety", column, arm, term) for term in single]
        whole = ("safety", column, arm, "any")
        out.know.at_most([whole], names, label)
        for name in names:
            out.know.at_most([name], [whole], label)
        if "thrombosis_postpartum" in terms:
            after = ("safety", column, arm, "thrombosis_postpartum")
            out.know.at_most([after], [("safety", column, arm, "thrombosis")], label)


def _despite(out: Outsider, terms: dict[str, set[str]]) -> None:
    """Learn that of every contraindication the treated are stated or not."""
    everyone = out.total("pregnancies", "treated", "submitted")
    for term in terms:
        if term.startswith("treated_despite"):
            names = [("safety", column, "treated", term) for column in ("pregnancies", "not_stated")]
            out.know.equal([everyone], names, "stated and not stated add up")


def _doses(out: Outsider) -> None:
    """Learn doses by regimen: the regimens add up to all, and all to the infusions of the treated."""
    rows = list(out.rows("doses"))
    regimens = []
    for row in rows:
        regimen = row.key[0]
        for column in ("pregnancies", "women", "infusions"):
            if _is_number(row.within.get(column)):
                out.publish(row, column, ("doses", column, regimen))
        out.know.at_most(
            [("doses", "women", regimen)], [("doses", "pregnancies", regimen)], "women have pregnancies"
        )
        if regimen not in ("all", "none recorded", "before delivery"):
            regimens.append(regimen)
            if (size := size_of(regimen)) is not None:
                terms = {("doses", "infusions", regimen): 1, ("doses", "pregnancies", regimen): -size}
                out.know.relate(terms, 0, 0, "a regimen says how many infusions")
    if not regimens:
        return
    for column in ("pregnancies", "infusions"):
        out.know.equal(
            [("doses", column, "all")], [("doses", column, one) for one in regimens], "regimens add up"
        )
    hers = [("doses", "women", one) for one in regimens]
    out.know.at_most([("doses", "women", "all")], hers, "regimens add up")
    for one in hers:
        out.know.at_most([one], [("doses", "women", "all")], "regimens add up")
    treated = [out.total("pregnancies", "treated", "submitted")]
    given = [("doses", "pregnancies", one) for one in ("all", "none recorded")]
    out.know.at_most(given, treated, "regimens add up")
    if all("infusions" not in row.text("reason") for row in rows if not row.labels_only):
        out.know.equal(given, treated, "regimens add up")
    infused = [("doses", "infusions", one) for one in ("all", "before delivery")]
    out.know.equal([("safety", "infusions", "treated", "any")], infused, "infusions are in both tables")


def size_of(regimen: str) -> int | None:
    """Return the infusions of one pregnancy with a regimen such as ``3+1x5``, None where it does not say."""
    if not re.fullmatch(r"[0-9]+(x[0-9]+)?(\+[0-9]+(x[0-9]+)?)*", regimen):
        return None
    courses = [part.split("x") for part in regimen.split("+")]
    return sum(int(size) * int(repeats[0] if repeats else 1) for size, *repeats in courses)
