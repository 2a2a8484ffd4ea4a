"""Times to the first relapse from life tables, of rows at hand and of centres that keep theirs."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.federation.answers import Answer
from gravida.federation.pool import Pool
from gravida.federation.table_answers import COUNTED, GRID, INTERVAL, table_question
from gravida.models.kaplan_meier import Curve, DayCounts, kaplan_meier
from gravida.periods import YEAR
from gravida.statistics.identifiability import Identifiability
from gravida.statistics.survival import SurvivalSettings, SurvivalTables, tabulate_survival
from gravida.statistics.time_to_relapse import Numbers, TimesComparison
from gravida.words import NEEDS_ROWS

APPROXIMATED = (
    f"{INTERVAL}-day life table: half of those who come or leave within an interval count as at risk"
)


def pool_survival(pool: Pool, settings: SurvivalSettings, verdict: Identifiability) -> SurvivalTables:
    """Return the tables of `statistics.survival.estimate_survival`, from actuarial life tables.

    A share is a product over intervals, its variance Greenwood's; half of those who enter or leave within an
    interval count as at risk in it. Where nobody does, that is the Kaplan-Meier share at the end of an
    interval. What compares each pregnancy with each other needs rows.

    Parameters
    ----------
    pool : Pool
    settings : SurvivalSettings
        The choices of the analysis plan; days are among `table_answers.GUARDED`.
    verdict : Identifiability
        What the design can answer, with each site's policy.

    Raises
    ------
    Awaiting, Refused
        As `Pool.ask`.
    """
    (answers,) = pool.ask(table_question("life_table"))
    dated = {site: each["dated"] for site, each in answers.items()}
    policies = verdict.sites.set_index("site")["policy"].to_dict()
    comparison = LifeTableComparison(
        pd.DataFrame(),
        settings.numerator,
        settings.denominator,
        settings.confidence,
        tables=LifeTables({site: each["arms"] for site, each in answers.items()}),
    )
    return tabulate_survival(comparison, dated, policies, settings, verdict)


@dataclass(frozen=True)
class LifeTables:
    """Followed pregnancies, counted in intervals after delivery: a `statistics.followed.Followed`.

    Attributes
    ----------
    arms : mapping of site to mapping
        Answers of the kind `life_table`, by arm.
    """

    arms: Mapping[str, Mapping[str, Answer]]

    def sizes(self, arm: str) -> dict[str, int]:
        """Return how many pregnancies and women an arm has."""
        return {name: self._sum(arm, name) for name in ("pregnancies", "women")}

    def relapsed(self, arm: str, day: int) -> tuple[int, int]:
        """Return how many pregnancies, and of how many women, have relapsed by a day."""
        women = sum(each[arm]["women_relapsed"][str(day)] for each in self.arms.values())
        return int(self._counts(arm)["relapsing"][: intervals(day)].sum()), women

    def relapses(self, numerator: str) -> dict[str, int]:
        """Return the first relapses of the year and what the release gate judges them by, as in the table."""
        other = "untreated" if numerator == "treated" else "treated"
        found = {"relapses": self.relapsed("all", YEAR)[0]}
        for name, arm in (("numerator", numerator), ("denominator", other)):
            found[f"relapses_{name}"], found[f"women_with_relapse_{name}"] = self.relapsed(arm, YEAR)
            most = (each[arm]["relapses_most"] for each in self.arms.values())
            found[f"relapses_most_{name}"] = max(most, default=0)
        return found

    def at_risk(self, arm: str, day: int) -> int:
        """Return how many are at risk on a day."""
        return sum(each[arm]["at_risk_on"][str(day)] for each in self.arms.values())

    def curve(self, arm: str, days: int) -> Curve:
        """Return the share without a relapse; it is that of a life table at the end of each interval."""
        it, widths = self._counts(arm), np.diff(GRID)
        exposed = it["at_risk"] + (it["entering"] - it["leaving"]) / 2
        # Whoever enters and relapses within an interval was at risk in it.
        exposed = np.maximum(exposed, it["relapsing"])
        relapsed = np.zeros(YEAR + 1)
        relapsed[list(GRID[1:])] = it["relapsing"]
        at_risk = np.append(0.0, np.repeat(exposed, widths))
        return kaplan_meier(DayCounts(at_risk[: days + 1], relapsed[: days + 1]))

    def by_site(self) -> pd.DataFrame:
        """Return pregnancies, women, treated (pregnancies) and relapsed (pregnancies), a row a site."""
        rows = {
            site: {
                "pregnancies": each["all"]["pregnancies"],
                "women": each["all"]["women"],
                "treated": each["treated"]["pregnancies"],
                "relapsed": int(np.sum(each["all"]["relapsing"])),
            }
            for site, each in self.arms.items()
            if each["all"]["pregnancies"]
        }
        columns = ["pregnancies", "women", "treated", "relapsed"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def approximated(self, arm: str, day: int) -> str:
        """Say by what the curve up to a day is approximated, "" where nobody enters or leaves within."""
        it, last = self._counts(arm), intervals(day)
        return APPROXIMATED if (it["entering"] + it["leaving"])[:last].any() else ""

    def of(self, sites: Collection[str]) -> "LifeTables":
        """Return what is counted at some sites."""
        return LifeTables({site: each for site, each in self.arms.items() if site in sites})

    def _sum(self, arm: str, name: str) -> int:
        return sum(each[arm][name] for each in self.arms.values())

    def _counts(self, arm: str) -> dict[str, np.ndarray]:
        nobody = np.zeros(len(GRID) - 1)
        return {
            name: sum((np.array(each[arm][name]) for each in self.arms.values()), nobody) for name in COUNTED
        }


def intervals(day: int) -> int:
    """Return how many intervals end by a day, which is the end of one."""
    return GRID.index(day)


@dataclass(frozen=True)
class LifeTableComparison(TimesComparison):
    """Two arms of which life tables are at hand; `rows` is empty."""

    tables: LifeTables | None = None

    @property
    def followed(self) -> LifeTables:
        """The pregnancies as the tables ask for them."""
        return self.tables

    def within(self, sites: Collection[str]) -> "LifeTableComparison":
        """Return the comparison within each of some sites."""
        return replace(self, tables=self.tables.of(sites), by_site=True)

    def numbers(self, numbers_of: Callable[[TimesComparison], Numbers]) -> Numbers:
        """Raise: the rows are not all at hand."""
        raise NotEstimable(NEEDS_ROWS)
