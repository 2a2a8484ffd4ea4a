"""Small tables in which every number is plain: what a rule of the gate protects is read off them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from gravida.disclosure import RULES, Protected, release_tables
from gravida.models.exact import garwood

from schemas.release import roles_of

MIN_WOMEN = 5
PARTS = (
    *("pre_pregnancy_year", "trimester_1", "trimester_2", "trimester_3"),
    *(f"postpartum_q{quarter}" for quarter in (1, 2, 3, 4)),
)
DAYS = {
    **{"pre_pregnancy_year": 365, "trimester_1": 98, "trimester_2": 98, "trimester_3": 84, "pregnancy": 280},
    **{"postpartum_6_months": 182, "postpartum_year": 365},
    **{f"postpartum_q{quarter}": 91 for quarter in (1, 2, 3, 4)},
}
ARMS = {"treated": "all", "untreated": "none"}
Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Site:
    """A site of as many women as pregnancies, and its relapses by part (`PARTS`)."""

    name: str
    policy: str
    relapses: tuple[int, ...]
    women: int = 40

    def counts(self) -> dict[str, int]:
        """Return relapses by period, those of the longer periods as sums."""
        parts = dict(zip(PARTS, self.relapses, strict=True))
        first, second, third, fourth = self.relapses[4:]
        sums = {"pregnancy": sum(self.relapses[1:4]), "postpartum_6_months": first + second}
        return parts | sums | {"postpartum_year": first + second + third + fourth}


NORTH = Site("north", "all", (9, 6, 7, 8, 9, 8, 7, 6))
SOUTH = Site("south", "none", (12, 8, 9, 7, 10, 9, 8, 7))


def with_counts(site: Site, **changes: int) -> Site:
    """Return a site with other relapses in some parts."""
    parts = dict(zip(PARTS, site.relapses, strict=True)) | changes
    return Site(site.name, site.policy, tuple(parts[part] for part in PARTS), site.women)


def table(name: str, rows: Sequence[Mapping]) -> pd.DataFrame:
    """Return an unprotected table with all its columns, empty where nothing is said."""
    return pd.DataFrame(list(rows)).reindex(columns=list(roles_of(name)))


def relapse_rates(*sites: Site, confidence: float = 0.95, **changes: Mapping) -> pd.DataFrame:
    """Return the rates by arm and site; `changes` say what else is in the rows of who, by `WHO__PERIOD`.

    Every relapse is another woman's.
    """
    rows = []
    for group, who, members in _groups(sites):
        women = sum(site.women for site in members)
        for period, days in DAYS.items():
            relapses = sum(site.counts()[period] for site in members)
            years = women * days / 365.25
            lower, upper = garwood(relapses, years, confidence)
            labels = {"arm": who, "site": "all"} if group == "arm" else {"arm": "all", "site": who}
            row = {"group": group, **labels, "period": period, "pregnancies": women, "women": women}
            row |= {"relapses": relapses, "women_with_relapse": relapses, "relapses_most": int(relapses > 0)}
            row |= {"person_years": years, "rate": relapses / years}
            limits = {"lower": float(lower), "upper": float(upper)}
            limits |= {f"robust_{end}": limit for end, limit in limits.items()}
            rows.append(row | limits | changes.get(f"{who}__{period}", {}))
    return table("relapse_rates", rows)


def _groups(sites: Sequence[Site]) -> list[tuple[str, str, list[Site]]]:
    of_policy = [("arm", arm, [s for s in sites if s.policy == policy]) for arm, policy in ARMS.items()]
    return [*of_policy, ("arm", "all", list(sites)), *(("site", site.name, [site]) for site in sites)]


def identifiability(*sites: Site, treated: Mapping[str, int] | None = None) -> pd.DataFrame:
    """Return the sites with their policies; who is treated goes by policy unless said."""
    rows = []
    for site in sites:
        number = (treated or {}).get(site.name, site.women if site.policy == "all" else 0)
        rows.append(
            {"site": site.name, "policy": site.policy, "women": site.women, "pregnancies": site.women}
            | {"treated": number, "share_treated": number / site.women}
        )
    return table("identifiability", rows)


def attrition(*sites: Site, analysed: Mapping[str, int] | None = None) -> pd.DataFrame:
    """Return who was submitted and who is in the outcome year; the others had nothing observed."""
    rows = []
    for name, members in [("all", sites), *((site.name, [site]) for site in sites)]:
        sent = sum(site.women for site in members)
        stay = sum((analysed or {}).get(site.name, site.women) for site in members)
        for step, number in (("submitted", sent), ("excluded_postpartum_year", sent - stay)):
            rows.append({"site": name, "step": step, "reason": step, "pregnancies": number, "women": number})
        rows.append(
            {"site": name, "step": "analysed_postpartum_year", "reason": "", "pregnancies": stay}
            | {"women": stay}
        )
    return table("attrition", rows)


def ratio(**changes: object) -> dict:
    """Return a row that compares the arms of NORTH and SOUTH in the year after delivery."""
    counts = {"pregnancies": 80, "women": 80, "women_numerator": 40, "women_denominator": 40}
    numerator, denominator = (site.counts()["postpartum_year"] for site in (SOUTH, NORTH))
    counts |= {"relapses": numerator + denominator}
    for side, number in (("numerator", numerator), ("denominator", denominator)):
        counts |= {f"relapses_{side}": number, f"women_with_relapse_{side}": number}
    model = {"model": "negative_binomial", "covariance": "cluster_robust", "adjusted_for": "none"}
    numbers = {"rate_ratio": 1.1, "lower": 0.8, "upper": 1.5, "p_value": 0.5}
    return {"status": "ok", "reason": "", **counts, **model, **numbers, **changes}


def protect(
    tables: Tables, without: str = "", earlier: Sequence[Mapping] = (), threshold: int = MIN_WOMEN
) -> Protected:
    """Return what the gate says of tables, with one rule switched off if it is named."""
    rules = {code: rule for code, rule in RULES.items() if code != without}
    assert not without or len(rules) < len(RULES)
    return release_tables(tables, threshold, earlier, rules=rules)


def cell(released: pd.DataFrame, column: str, **where: object) -> float:
    """Return one cell; NaN where it is withheld."""
    rows = released
    for name, value in where.items():
        rows = rows[rows[name] == value]
    (found,) = rows[column]
    return float(found) if not pd.isna(found) else np.nan
