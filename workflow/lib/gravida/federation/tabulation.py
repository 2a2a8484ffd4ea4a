"""How many are behind what: counts by site, arm and level, summed over all who hold rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from gravida.federation.answers import ARMS, TALLIED, Answer
from gravida.federation.pool import Pool
from gravida.federation.questions import Question, Which, key_of, question
from gravida.statistics.comparison import SAME_RATE, Side
from gravida.statistics.design import UNITS, Column
from gravida.statistics.preparing import Seen

MOST = "relapses_most"
# A spread this small beside the size of the values is rounding.
NO_SPREAD = 1e-12


@dataclass(frozen=True)
class Tabulation:
    """Counts of the pregnancies that a question is about.

    Attributes
    ----------
    arms : DataFrame
        Indexed by site and arm (treated, untreated, all); columns `answers.TALLIED`.
    predictors : mapping
        As an answer has them.
    """

    arms: pd.DataFrame
    predictors: Mapping[str, Mapping]

    def of(self, arm: str) -> pd.Series:
        """Return what is behind an arm, or all, at all sites together."""
        return self._every[arm]

    @cached_property
    def _every(self) -> dict[str, pd.Series]:
        found = {}
        for arm in ARMS:
            theirs = self.arms.xs(arm, level="arm")
            found[arm] = theirs.sum().where(theirs.columns != MOST, theirs[MOST].max())
        return found

    def side(self, arm: str) -> Side:
        """Return what is behind an arm of a comparison."""
        it = self.of(arm)
        return Side(
            sites=int((self.arms.xs(arm, level="arm")["pregnancies"] > 0).sum()),
            pregnancies=int(it["pregnancies"]),
            women=int(it["women"]),
            relapses=int(it["relapses"]),
            women_with_relapse=int(it["women_with_relapse"]),
            relapses_most=int(it[MOST]),
            person_years=float(it["person_years"]),
            one_rate=one_rate(it),
        )

    def missing_everywhere(self, predictor: str) -> bool:
        """Say whether no pregnancy has a value of a predictor."""
        return not self._with_value(predictor)

    def relapsed_levels(self, predictor: str) -> set[str]:
        """Return the levels of a predictor with a relapse."""
        levels = self.predictors[predictor]["levels"]
        return {level for level, counts in levels.items() if counts["relapses"]}

    def seen(self, column: Column) -> Seen:
        """Return what the pregnancies, all with a value, have in a column."""
        if column.predictor in UNITS:
            n, total, squares = self.predictors[column.predictor]["moments"]
            constant = n > 0 and n * squares - total**2 <= NO_SPREAD * n * squares
            return Seen(int(n), constant, {}, {})
        if column.predictor == "site":
            own = self.arms.xs("all", level="arm").reindex([column.level], fill_value=0).iloc[0]
            every = self.of("all")
        else:
            levels = pd.DataFrame(self.predictors[column.predictor]["levels"])
            own, every = levels[column.level], levels.sum(axis=1)
        having, relapses = (
            {1.0: int(own[of]), 0.0: int(every[of] - own[of])} for of in ("pregnancies", "relapses")
        )
        return Seen(
            int(every["pregnancies"]), 0 in having.values() and every["pregnancies"] > 0, relapses, having
        )

    def _with_value(self, predictor: str) -> float:
        found = self.predictors[predictor]
        if "moments" in found:
            return found["moments"][0]
        return sum(level["pregnancies"] for level in found["levels"].values())


def tabulation(which: Which, predictors: Sequence[str] = ()) -> Question:
    """Return the question for a tabulation."""
    return question("tabulate", which, predictors=predictors)


def tabulate(pool: Pool, which: Which, predictors: Sequence[str] = ()) -> Tabulation:
    """Return the counts of the pregnancies of a question.

    Raises
    ------
    Awaiting, Refused
        As `Pool.ask`.
    """
    asked = tabulation(which, predictors)
    made = (key_of(asked), which.sites)
    if made not in pool.tables:
        (answers,) = pool.ask(asked, of=which.sites)
        pool.tables[made] = _tabulation(answers, predictors)
    return pool.tables[made]


def _tabulation(answers: Mapping[str, Answer], predictors: Sequence[str]) -> Tabulation:
    tallies = {(site, arm): tally for site, each in answers.items() for arm, tally in each["arms"].items()}
    index = pd.MultiIndex.from_tuples(tallies, names=["site", "arm"]) if tallies else _NOBODY
    arms = pd.DataFrame([*tallies.values()], index=index, columns=list(TALLIED))
    return Tabulation(
        arms, {name: _added([each["predictors"][name] for each in answers.values()]) for name in predictors}
    )


_NOBODY = pd.MultiIndex.from_arrays([[], []], names=["site", "arm"])


def _added(answers: Sequence[Answer]) -> Answer:
    missing = sum(each["missing"] for each in answers)
    if "moments" in answers[0]:
        return {"missing": missing, "moments": np.sum([each["moments"] for each in answers], axis=0).tolist()}
    frames = [pd.DataFrame(each["levels"]) for each in answers]
    total = sum(frames[1:], frames[0])
    # A woman is at one site only.
    total.loc[MOST] = np.max([frame.loc[MOST] for frame in frames], axis=0)
    return {"missing": missing, "levels": total.to_dict()}


def one_rate(it: pd.Series) -> bool:
    """Say whether all women have one rate: the sum of squares of relapses less rate times years is 0."""
    if not it["relapses"]:
        return False
    rate = it["relapses"] / it["person_years"]
    rest = it["relapses_squared"] - 2 * rate * it["relapses_years"] + rate**2 * it["years_squared"]
    return bool(rest <= max(NO_SPREAD, SAME_RATE**2) * it["relapses_squared"])
