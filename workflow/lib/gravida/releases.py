"""What each site sent since the last release, and how the headline numbers moved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gravida.ledger import release_name

CHANGES = ("site", "what", "against", "before", "after", "women", "women_changed", "smallest_count", "reason")
KINDS = ("added", "changed", "gone")
WOMEN_OF = tuple(f"women_{kind}" for kind in KINDS)
FIRST = "The first release: there is none to compare with"
NOT_KEPT = "The data cut of the last release is not kept beside this one, or would be refused now"
OTHER_PLAN = "The analysis plan is another one too"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The contract's table `changes`, and the record of this release."""

    changes: pd.DataFrame
    record: dict


def compare_releases(
    verdicts: Iterable[Mapping],
    attrition: pd.DataFrame,
    relapse_rates: pd.DataFrame,
    rate_ratios: pd.DataFrame,
    identifiability: Mapping[str, Any],
    period: str,
    plan: str,
    last: Mapping | None,
) -> Comparison:
    """Say what changed since the last release; without one, since each site's data cut before.

    Parameters
    ----------
    verdicts : iterable of mapping
        Of every site; `earlier` in them counts the pregnancies that differ from each earlier data cut.
    attrition, relapse_rates, rate_ratios : DataFrame
        Internal tables of the contract.
    identifiability : mapping
        With `verdict`.
    period : str
        The outcome period of the plan.
    plan : str
        A digest of the analysis plan.
    last : mapping or None
        The record of the last release.
    """
    verdicts = {verdict["site"]: verdict for verdict in verdicts}
    sites = _sites(verdicts, attrition)
    headline = _headline(attrition, relapse_rates, rate_ratios, identifiability, period)
    name = release_name({site: verdict["data_cut"] for site, verdict in verdicts.items()})
    record = {
        "release": name,
        "plan": plan,
        "sites": sites,
        "headline": headline,
    }
    rows = [
        row
        for site in sorted({*sites, *(last["sites"] if last else ())})
        for row in _of_site(site, verdicts.get(site), sites.get(site), last)
    ]
    # What is known of one site by another release is known of its arm too: the fewest women decide.
    changed = min((row["women_changed"] for row in rows if row["women_changed"]), default=0)
    if last:
        other = {"reason": OTHER_PLAN if last["plan"] != plan else ""}
        rows = [*(row | other for row in _moved(headline, last, changed)), *rows]
    known = {"reason": "" if last else FIRST}
    before = last["release"] if last else ""
    rows.insert(0, _row("all", "release", "", before, name, 0, 0) | known)
    return Comparison(pd.DataFrame(rows, columns=list(CHANGES)), record)


def verdicts_of_keeping(lines: Iterable[Mapping[str, str]]) -> list[dict]:
    """Return what stands for the verdict of each site that keeps its rows: nobody here sees earlier cuts.

    Parameters
    ----------
    lines : iterable of mapping
        Of the sheet of sites.
    """
    known = {"verdict": "accepted", "earlier": []}
    return [{"site": line["site"], "data_cut": line["data_cut"], **known} for line in lines]


def _sites(verdicts: Mapping[str, Mapping], attrition: pd.DataFrame) -> dict[str, dict]:
    submitted = attrition[attrition["step"] == "submitted"].set_index("site")
    return {
        site: {
            "data_cut": verdict["data_cut"],
            "pregnancies": int(submitted["pregnancies"].get(site, 0)),
            "women": int(submitted["women"].get(site, 0)),
        }
        for site, verdict in verdicts.items()
        if verdict["verdict"] == "accepted"
    }


def _headline(
    attrition: pd.DataFrame,
    relapse_rates: pd.DataFrame,
    rate_ratios: pd.DataFrame,
    identifiability: Mapping[str, Any],
    period: str,
) -> dict[str, dict]:
    """Return the headline numbers, each with the women and the smallest count behind it."""
    (everyone,) = attrition[(attrition["step"] == "submitted") & (attrition["site"] == "all")].to_dict(
        "records"
    )
    numbers = {
        what: _number(everyone[what], everyone["women"], everyone["women"])
        for what in ("pregnancies", "women")
    }
    of_arms = relapse_rates[(relapse_rates["group"] == "arm") & (relapse_rates["period"] == period)]
    for row in of_arms[of_arms["arm"] != "all"].to_dict("records"):
        for what in ("relapses", "rate"):
            behind = row["women"], row["relapses"]
            numbers[f"{what}_{row['arm']}"] = _number(row[what], row["women"], *behind)
    (row,) = rate_ratios[rate_ratios["is_primary"]].to_dict("records")
    behind = [row[f"{of}_{arm}"] for of in ("women", "relapses") for arm in ("numerator", "denominator")]
    for what, column in (
        ("rate_ratio", "rate_ratio"),
        ("rate_ratio_lower", "lower"),
        ("rate_ratio_upper", "upper"),
    ):
        numbers[what] = _number(row[column], row["women"], *behind)
    return numbers | {"verdict": _number(identifiability["verdict"], everyone["women"], everyone["women"])}


def _number(value: Any, women: float, *behind: float) -> dict:
    """Return a number with the women and the smallest count above 0 that it rests on."""
    counts = [int(count) for count in behind if count > 0]
    whole = isinstance(value, (int, float)) and not pd.isna(value) and float(value).is_integer()
    plain = int(value) if whole else value if isinstance(value, str) or not pd.isna(value) else None
    return {"value": plain, "women": int(women), "smallest_count": min(counts, default=0)}


def _moved(headline: Mapping[str, dict], last: Mapping, women_changed: int) -> list[dict]:
    against = f"release {last['release']}"
    nothing = {"value": None, "women": 0, "smallest_count": 0}
    rows = []
    for what in dict.fromkeys([*headline, *last["headline"]]):
        before, after = last["headline"].get(what, nothing), headline.get(what, nothing)
        women = [number["women"] for number in (before, after) if number["women"]]
        counts = [number["smallest_count"] for number in (before, after) if number["smallest_count"]]
        rows.append(
            _row("all", what, against, before["value"], after["value"], min(women, default=0), women_changed)
            | {"smallest_count": min(counts, default=0)}
        )
    return rows


def _of_site(site: str, verdict: Mapping | None, now: Mapping | None, last: Mapping | None) -> list[dict]:
    """Return a site's rows: none where it sent nothing since."""
    earlier = {cut["data_cut"]: cut for cut in verdict["earlier"]} if verdict else {}
    if last is None:
        then = next(reversed(earlier.values()), None)
        against = f"data cut {then['data_cut']}" if then else ""
    else:
        then, against = last["sites"].get(site), f"release {last['release']}"
    if (last is None and then is None) or (then and now and then["data_cut"] == now["data_cut"]):
        return []
    gone = {"data_cut": "", "pregnancies": 0, "women": 0}
    before, after = then or gone, now or gone
    since = earlier.get(before["data_cut"])
    if since is None and not (then and now):
        amounts = dict(zip(KINDS, (after, gone, before), strict=True))
        since = {kind: amount["pregnancies"] for kind, amount in amounts.items()}
        since |= {f"women_{kind}": amount["women"] for kind, amount in amounts.items()}
        since["women"] = after["women"] + before["women"]
    # Of added, changed and gone a small one follows from the others and the pregnancies before and after.
    # Where it is not known who differs, it may be a single woman.
    changed = since["women"] if since else 1
    women = min((since[of] for of in WOMEN_OF if since[of]), default=0) if since else 1
    rows = [
        _row(site, "data_cut", against, before["data_cut"], after["data_cut"], 0, changed),
        _row(site, "pregnancies", against, before["pregnancies"], after["pregnancies"], women, changed),
    ]
    for kind in KINDS:
        row = _row(site, f"pregnancies_{kind}", against, None, since[kind] if since else None, women, changed)
        rows.append(row | {"reason": "" if since else NOT_KEPT})
    return rows


def _row(site: str, what: str, against: str, before: Any, after: Any, women: int, changed: int) -> dict:
    return {
        "site": site,
        "what": what,
        "against": against,
        "before": before,
        "after": after,
        "women": women,
        "women_changed": changed,
        "smallest_count": 0,
        "reason": "",
    }
