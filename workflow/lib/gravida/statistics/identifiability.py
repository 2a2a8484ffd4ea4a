"""What the design can answer: whether the arms can be told from the sites."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

WITHIN = "identifiable within sites"
BETWEEN = "between sites only"
NOT_IDENTIFIABLE = "not identifiable"
_WORDS = {1: "one site", 0: "no site"}


@dataclass(frozen=True, slots=True)
class Identifiability:
    """The verdict, its reason in words, the sites whose two arms inform the contrast, and the table."""

    verdict: str
    reason: str
    within_sites: tuple[str, ...]
    sites: pd.DataFrame

    def as_dict(self) -> dict[str, object]:
        """Return what leads every output, as plain data."""
        return {"verdict": self.verdict, "reason": self.reason, "within_sites": list(self.within_sites)}


def assess_identifiability(
    person_time: pd.DataFrame, policies: Mapping[str, str], period: str
) -> Identifiability:
    """Say whether the contrast of the arms can be told from differences between the sites.

    Sites that treat by policy never inform the contrast within sites, even where a few of their women were
    exceptions: an exception has a reason, such as a contraindication.

    Parameters
    ----------
    person_time : DataFrame
        `Cohort.person_time`.
    policies : mapping
        Each site's policy: all, none or individual.
    period : str
        The outcome period: only pregnancies with person-time in it count.
    """
    return judge_sites(_describe_sites(person_time[person_time["period"] == period], policies))


def judge_sites(table: pd.DataFrame) -> Identifiability:
    """Return the verdict on a table of sites.

    Parameters
    ----------
    table : DataFrame
        One row a site: site, policy, pregnancies, women, treated, share_treated.
    """
    numbers = {
        "treated": table["treated"].sum(),
        "untreated": (table["pregnancies"] - table["treated"]).sum(),
    }
    arms = {arm for arm, number in numbers.items() if number}
    both = table[(table["treated"] > 0) & (table["treated"] < table["pregnancies"])]
    within = tuple(both.loc[both["policy"] == "individual", "site"])
    assigned = _assigned_arms(table)
    if len(arms) < 2:
        verdict, reason = NOT_IDENTIFIABLE, _one_arm(arms)
    elif within:
        verdict, reason = WITHIN, _within(within, table)
    elif len(assigned) < 2:
        verdict = NOT_IDENTIFIABLE
        reason = (
            "Every site assigns the same arm; the few pregnancies of the other arm are exceptions to a "
            "policy."
        )
    else:
        verdict, reason = BETWEEN, _between(both, table)
    return Identifiability(verdict, reason, within, table)


def _describe_sites(rows: pd.DataFrame, policies: Mapping[str, str]) -> pd.DataFrame:
    columns = ["site", "policy", "pregnancies", "women", "treated", "share_treated"]
    treatment = rows["arm"].eq("treated")
    sites = rows[["site", "woman"]].assign(treated=treatment).groupby("site", observed=True)
    counted = (sites.size(), sites["woman"].nunique(), sites["treated"].sum())
    described = []
    for site in sorted(policies):
        number, women, treated = (int(each.get(site, 0)) for each in counted)
        share = treated / number if number else None
        described.append((site, policies[site], number, women, treated, share))
    return pd.DataFrame(described, columns=columns)


def _assigned_arms(table: pd.DataFrame) -> set[str]:
    """Return the arms that come about by policy, or by choice where choice is left."""
    assigned = set()
    for site in table[table["pregnancies"] > 0].itertuples():
        if site.policy == "all" or (site.policy == "individual" and site.treated > 0):
            assigned.add("treated")
        if site.policy == "none" or (site.policy == "individual" and site.treated < site.pregnancies):
            assigned.add("untreated")
    return assigned


def _one_arm(arms: set[str]) -> str:
    if not arms:
        return "No pregnancy has person-time in the outcome period."
    return f"Every pregnancy is {arms.pop()}: there is no other arm to compare with."


def _within(within: tuple[str, ...], table: pd.DataFrame) -> str:
    policy_sites = int((table["policy"] != "individual").sum())
    reason = (
        f"Treatment is an individual choice and both arms are present in {_count(len(within))}, "
        "so that treated and untreated pregnancies are compared within the same site."
    )
    if policy_sites:
        reason += f" In {_count(policy_sites)} a policy decides: they do not enter this contrast."
    return reason


def _between(both: pd.DataFrame, table: pd.DataFrame) -> str:
    reason = (
        "No site leaves treatment to choice and has both arms: every difference between the arms is also a "
        "difference between sites, and no analysis of these data can tell the two apart. The intervals hold "
        "the sampling of women only, not what else differs between the sites."
    )
    present = table[table["pregnancies"] > 0]
    mostly_treated = present["share_treated"] > 0.5
    fewest = min(int(mostly_treated.sum()), int((~mostly_treated).sum()))
    if fewest < 2:
        reason += (
            " With one site on a side there are no degrees of freedom for such differences: no p-value and "
            "no interval can hold them."
        )
    if len(both):
        reason += f" Exceptions to the policy in {_count(len(both))} do not change that."
    return reason


def _count(sites: int) -> str:
    return _WORDS.get(sites, f"{sites} sites")
