"""What an outsider knows of the times to the first relapse."""

from itertools import pairwise

import numpy as np

from tests.disclosure import inversions
from tests.disclosure.knowledge import Name
from tests.disclosure.outsider import ARMS, MANY_RELAPSES, OUTCOME, QUARTERS, Outsider, Row


def learn_times(out: Outsider) -> None:
    """Learn the tables relapse_free, risk_difference and time_to_relapse."""
    _curves(out)
    _risks(out)
    _times(out)


def _followed(out: Outsider, quantity: str, arm: str) -> Name:
    return out.total(quantity, arm, OUTCOME, tuple(sorted(out.dated)))


def _curves(out: Outsider) -> None:
    """Learn first relapses and those at risk by arm and day."""
    know, days = out.know, sorted({row.key[1] for row in out.rows("relapse_free")})
    for row in out.rows("relapse_free"):
        arm, day, _ = row.key
        out.publish(row, "pregnancies", _followed(out, "pregnancies", arm))
        out.publish(row, "women", _followed(out, "women", arm))
        out.publish(row, "at_risk", ("at risk", arm, day))
        out.publish(row, "relapsed", ("relapsed", arm, day))
    for day in days:
        for what in ("at risk", "relapsed"):
            know.equal([(what, "all", day)], [(what, arm, day) for arm in ARMS], "sites and arms add up")
    dated, ends = tuple(sorted(out.dated)), dict(zip((91, 182, 273, 365), QUARTERS, strict=True))
    for arm in (*ARMS, "all") if days else ():
        everyone = _followed(out, "pregnancies", arm)
        know.at_most([("relapsed", arm, days[-1])], [everyone], "first relapses are in order")
        for before, day in pairwise([None, *days]):
            relapsed, label = ("relapsed", arm, day), "first relapses are in order"
            earlier = [("relapsed", arm, before)] if before else []
            know.at_most(earlier, [relapsed], label)
            know.relate(difference_of([("at risk", arm, day), *earlier], everyone), -np.inf, 0, label)
            quarter = out.total("relapses", arm, ends[day], dated)
            know.at_most([relapsed], [*earlier, quarter], "first relapses are relapses")
            know.at_most([quarter], [relapsed], "first relapses are relapses", MANY_RELAPSES)
    if days and out.dated == set(out.policies):
        several = out.several(OUTCOME)
        know.equal([("relapsed", "all", 365)], several, "who relapsed is in both tables")


def difference_of(left: list[Name], right: Name) -> dict[Name, float]:
    """Return the weights of a sum less one variable."""
    return dict.fromkeys(left, 1.0) | {right: -1.0}


def _risks(out: Outsider) -> None:
    """Learn risks: who relapsed by a day, and the shares of the curves, from either table."""
    shares: dict[tuple[str, int], tuple[inversions.Range, str]] = {}
    for row in out.rows("relapse_free"):
        if (share := row.number("relapse_free")) is not None:
            known = inversions.printed(share, out.decimals("relapse_free", "relapse_free"))
            shares[row.key[:2]] = known, "inversion of Kaplan-Meier steps in relapse_free"
    for row in out.rows("risk_difference"):
        day = row.key[0]
        out.publish(row, "pregnancies", _followed(out, "pregnancies", "all"))
        out.publish(row, "women", _followed(out, "women", "all"))
        for arm in ARMS:
            out.publish(row, f"relapsed_{arm}", ("relapsed", arm, day))
            risk = row.number(f"risk_{arm}")
            if risk is not None:
                low, high = inversions.printed(risk, out.decimals("risk_difference", f"risk_{arm}"))
                found = (1 - high, 1 - low), "inversion of Kaplan-Meier steps in risk_difference"
                shares.setdefault((arm, day), found)
        _other_risk(out, row, shares)
    for (arm, day), (share, label) in shares.items():
        earlier = max((d for a, d in shares if a == arm and d < day), default=None)
        before = shares[arm, earlier][0] if earlier else (1.0, 1.0)
        if before[0] > 0:
            ratio = max(0.0, share[0]) / before[1] - 1e-9, share[1] / before[0] + 1e-9
            start = ("relapsed", arm, earlier) if earlier else ("nobody",)
            names = (start, ("relapsed", arm, day), _followed(out, "pregnancies", arm), ("at risk", arm, day))
            inversions.learn_step(out.know, names, ratio, label)
    out.know.know(("nobody",), 0, 0, "the public rule")


def _other_risk(out: Outsider, row: Row, shares: dict) -> None:
    """Learn one arm's share from the other's and their difference, or its inverse."""
    day, value = row.key[0], row.number("risk_difference")
    known = inversions.printed(value, out.decimals("risk_difference", "risk_difference")) if value else None
    if known is None and (nnt := row.number("nnt")):
        known = tuple(
            sorted(1 / end for end in inversions.printed(nnt, out.decimals("risk_difference", "nnt")))
        )
    if known is None:
        return
    # risk difference = share of the treated less share of the untreated
    label = "inversion of the risk difference"
    for arm, other, sign in (("treated", "untreated", 1), ("untreated", "treated", -1)):
        if (arm, day) not in shares and (other, day) in shares:
            low, high = sorted(sign * end for end in known)
            theirs = shares[other, day][0]
            shares[arm, day] = (theirs[0] + low, theirs[1] + high), label


def _times(out: Outsider) -> None:
    """Learn the counts behind the comparisons of times; `cox_by_site` is of some sites only."""
    for row in out.rows("time_to_relapse"):
        if row.key[0] == "cox_by_site":
            continue
        out.publish(row, "pregnancies", _followed(out, "pregnancies", "all"))
        out.publish(row, "women", _followed(out, "women", "all"))
        out.publish(row, "relapses", ("relapsed", "all", 365))
        out.publish(row, "relapses_numerator", ("relapsed", "untreated", 365))
        out.publish(row, "relapses_denominator", ("relapsed", "treated", 365))
