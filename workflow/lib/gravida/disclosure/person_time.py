"""Rules for relapses by arm, site and period: parts that add up are released all together, or not at all."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from gravida.disclosure.case import ARMS, Case, Withheld, levels_of

# Periods that are withheld together: each adds up to a longer one.
GROUPS = {
    "pre_pregnancy_year": ("pre_pregnancy_year",),
    "pregnancy": ("pregnancy",),
    "postpartum_year": ("postpartum_year",),
    "postpartum_6_months": ("postpartum_6_months",),
    "trimesters": ("trimester_1", "trimester_2", "trimester_3"),
    "quarters": ("postpartum_q1", "postpartum_q2", "postpartum_q3", "postpartum_q4"),
}
GROUP_OF = {period: group for group, periods in GROUPS.items() for period in periods}
# A group that is shown says what the longer one is.
WITHIN = {
    "trimesters": ("pregnancy",),
    "quarters": ("postpartum_year", "postpartum_6_months"),
    "postpartum_6_months": ("postpartum_year",),
}
HALVES = {"postpartum_q1": 1, "postpartum_q2": 1, "postpartum_q3": 0, "postpartum_q4": 0}
# The curves' days (after delivery) on which a part ends.
STEPS = {91: ("quarters",), 182: ("quarters", "postpartum_6_months"), 273: ("quarters",)}
Block = tuple[str, str]


def parts_go_together(case: Case) -> Iterator[Withheld]:
    """Withhold relapses wherever the others and a sum would give them away.

    The rows of a level (all women; the arms; the sites of one policy) and a group of periods (the trimesters,
    the quarters) are a block, shown whole or not at all. A level that is withheld takes the finer ones along,
    a period the parts of it. Where a sum, less what another part can hold at most, still gives a small number
    away, the sum goes too.
    """
    if "relapse_rates" not in case.tables:
        return
    blocks = _Blocks(case)
    closed = blocks.close()
    rows = [(level, group) in closed for level, group in zip(blocks.level, blocks.group, strict=True)]
    yield case.answers("relapse_rates", np.array(rows))


class _Blocks:
    """The table of rates as blocks, and which of them must be withheld."""

    def __init__(self, case: Case) -> None:
        self.case, table = case, case.tables["relapse_rates"]
        self.level, self.group = levels_of(case, table), table["period"].map(GROUP_OF)
        self.rows = table.assign(
            level=self.level,
            block=self.group,
            who=table["arm"].where(table["group"] == "arm", table["site"]),
            small=case.hidden["relapse_rates"]["relapses"] & (table["relapses"] > 0),
        )
        self.counts = self.rows.pivot_table(
            index=["level", "who"], columns="period", values="relapses", aggfunc="first"
        ).reindex(columns=list(GROUP_OF))
        self.sites = sorted({level for level in self.level if level.startswith("sites")})

    def close(self) -> set[Block]:
        """Return the blocks to withhold: those with a small number, and whatever would give them away."""
        closed = set(zip(self.rows["level"], self.rows["block"], strict=True)) & set(
            self.rows.loc[self.rows["small"], ["level", "block"]].itertuples(index=False, name=None)
        )
        closed |= self._small_rests() | self._curves() | self._arms_by_choice()
        while True:
            more = self._finer(closed) | self._within(closed) | self._alone(closed)
            more |= self._squeezed(closed | more)
            if more <= closed:
                return closed
            closed |= more

    def _curves(self) -> set[Block]:
        """Return the blocks of steps of the curves that are withheld: first relapses are most relapses."""
        if "relapse_free" not in self.case.tables:
            return set()
        table, hidden = self.case.tables["relapse_free"], self.case.hidden["relapse_free"]["relapsed"]
        return {
            ("all" if arm == "all" else "arms", group)
            for arm, day in table.loc[hidden, ["arm", "day"]].itertuples(index=False, name=None)
            for group in STEPS.get(day, ())
        }

    def _small_rests(self) -> set[Block]:
        """Return blocks that a longer period exceeds by a small number."""
        counts, found = self.counts, set()
        rests = {
            "postpartum_6_months": counts["postpartum_year"] - counts["postpartum_6_months"],
            "trimesters": counts["pregnancy"] - counts[list(GROUPS["trimesters"])].sum(axis=1),
            "quarters": counts["postpartum_year"] - counts[list(GROUPS["quarters"])].sum(axis=1),
        }
        for group, rest in rests.items():
            small = rest[self.case.small(rest)]
            found |= {(level, group) for level in small.index.get_level_values("level")}
        return found

    def _arms_by_choice(self) -> set[Block]:
        """Return the sites of periods in which an arm, less the sites of its policy, gives a cell away.

        What is left is the arm at the sites that leave treatment to choice: a cell of the comparisons there.
        """
        if self.sites != ["sites"] or "arms" not in self.counts.index:
            return set()
        policies, sites = self.case.policies(), self.counts.loc["sites"]
        withheld = self._periods_by_choice()
        return {
            ("sites", group)
            for arm, policy in zip(ARMS, ("all", "none"), strict=True)
            for period, group in GROUP_OF.items()
            for rest in [
                self.counts.loc[("arms", arm), period]
                - sites.loc[sites.index.isin(policies.index[policies == policy]), period].sum()
            ]
            if self.case.small(rest) or (period in withheld and rest > 0)
        }

    def _periods_by_choice(self) -> set[str]:
        """Return the periods of which a comparison within sites has its relapses withheld."""
        if "rate_ratios" not in self.case.tables:
            return set()
        table, hidden = self.case.tables["rate_ratios"], self.case.hidden["rate_ratios"]
        shut = hidden[list(self.case.columns("rate_ratios", "events"))].any(axis=1)
        return set(table.loc[shut & self.case.within_sites("rate_ratios"), "period"])

    def _finer(self, closed: set[Block]) -> set[Block]:
        """Return the blocks of the finer levels: the arms of all, the sites of the arms."""
        more = {("arms", group) for level, group in closed if level == "all"}
        return more | {
            (site, group) for level, group in closed | more if level == "arms" for site in self.sites
        }

    def _within(self, closed: set[Block]) -> set[Block]:
        """Return the blocks of the parts of a period that is withheld."""
        return {
            (level, part) for level, group in closed for part, wholes in WITHIN.items() if group in wholes
        }

    def _alone(self, closed: set[Block]) -> set[Block]:
        """Return the parts above the sites that are those of one site, or leave one site out.

        Sites that do not date their relapses have no parts.
        """
        pregnancies = self.rows.pivot_table(
            index=["level", "who"], columns="period", values="pregnancies", aggfunc="first"
        ).reindex(columns=list(GROUP_OF))
        more = set()
        for level in self.sites:
            dated = pregnancies.loc[level, list(GROUPS["quarters"])].sum(axis=1) > 0
            if len(dated) > 1 and dated.any() and 1 in (dated.sum(), (~dated).sum()):
                more |= {
                    (above, part)
                    for part, wholes in WITHIN.items()
                    for above in ("arms", "all")
                    if (level, wholes[0]) in closed
                }
        return more

    def _squeezed(self, closed: set[Block]) -> set[Block]:
        """Return blocks whose sums leave too little room for what is withheld below them."""
        more = set()
        for level, group in closed:
            above = self._above(level)
            for period in GROUPS[group] if above else ():
                if (above, group) not in closed and not self._roomy(level, above, period, closed):
                    more.add(self._looser(level, above, group))
        return more

    def _above(self, level: str) -> str:
        """Return the level whose numbers are sums of this one's."""
        return {"all": "", "arms": "all", "sites": "all"}.get(level, "arms")

    def _looser(self, level: str, above: str, group: str) -> Block:
        """Return the sum to withhold: of the longer period at the sites, else of all women."""
        whole = WITHIN.get(group, ("",))[0]
        return (level, whole) if level.startswith("sites") and whole else (above, group)

    def _known_rows(self, level: str, period: str, closed: set[Block]) -> pd.Series | None:
        """Return the sums over parts, one for each row of a level, as far as somebody may know them."""
        group, counts = GROUP_OF[period], self.counts.loc[level]
        if group not in WITHIN or (level, WITHIN[group][0]) in closed:
            return None
        # Only sites that date their relapses are in the parts.
        dated = counts[list(GROUPS["trimesters" if group == "trimesters" else "quarters"])].sum(axis=1)
        half = counts["postpartum_6_months"]
        if group == "quarters" and (level, "postpartum_6_months") not in closed:
            return half if HALVES[period] else dated - half
        return dated

    def _roomy(self, level: str, above: str, period: str, closed: set[Block]) -> bool:
        """Say whether every number of a block keeps enough values, given the sums over rows and columns."""
        counts = self.counts.loc[level]
        sums = self.counts.loc[above]
        who = _arm_of(level) if above == "arms" else "all"
        total = sums[period].get(who, np.nan)
        rows = self._known_rows(level, period, closed)
        cells = counts[period]
        if len(cells) < 2 or np.isnan(total):
            return True
        others = np.full(len(cells), np.inf) if rows is None else rows.sum() - rows.to_numpy()
        own = np.full(len(cells), np.inf) if rows is None else rows.to_numpy()
        low, high = np.maximum(0, total - others), np.minimum(own, total)
        small = np.asarray(self.case.small(cells))
        enough = np.where(
            small, (low <= 1) & (high >= self.case.threshold - 1), high - low + 1 >= self.case.threshold
        )
        return bool((enough | (cells == 0)).all())


def _arm_of(level: str) -> str:
    return {"sites all": "treated", "sites none": "untreated"}[level]
