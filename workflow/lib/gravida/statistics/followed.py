"""Pregnancies followed from delivery to a first relapse: what the tables of times to relapse ask of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd

from gravida.models.kaplan_meier import Curve, count_days, kaplan_meier
from gravida.statistics.guards import relapses_by_arm, women_with


class Followed(Protocol):
    """Followed pregnancies; an arm is treated, untreated or all, a day is through its end."""

    def sizes(self, arm: str) -> dict[str, int]:
        """Return how many pregnancies and women an arm has."""

    def relapsed(self, arm: str, day: int) -> tuple[int, int]:
        """Return how many pregnancies, and of how many women, have relapsed by a day."""

    def relapses(self, numerator: str) -> dict[str, int]:
        """Return the first relapses of the year and what the release gate judges them by, as in the table."""

    def at_risk(self, arm: str, day: int) -> int:
        """Return how many are at risk on a day."""

    def curve(self, arm: str, days: int) -> Curve:
        """Return the share without a relapse up to a day."""

    def by_site(self) -> pd.DataFrame:
        """Return pregnancies, women, treated (pregnancies) and relapsed (pregnancies), a row a site."""

    def approximated(self, arm: str, day: int) -> str:
        """Say by what the curve up to a day is approximated, "" where it is not."""


@dataclass(frozen=True)
class FollowedRows:
    """Followed pregnancies whose rows are at hand.

    Attributes
    ----------
    rows : DataFrame
        Of `survival.follow_up`.
    """

    rows: pd.DataFrame

    @cached_property
    def _arms(self) -> dict[str, pd.DataFrame]:
        every = self.rows[["woman", "entry", "time", "relapsed"]]
        return {"all": every} | {arm: every[self.rows["arm"] == arm] for arm in ("treated", "untreated")}

    @cached_property
    def _sizes(self) -> dict[str, dict[str, int]]:
        return {
            arm: {"pregnancies": len(rows), "women": rows["woman"].nunique()}
            for arm, rows in self._arms.items()
        }

    def sizes(self, arm: str) -> dict[str, int]:
        """Return how many pregnancies and women an arm has."""
        return self._sizes[arm]

    def relapsed(self, arm: str, day: int) -> tuple[int, int]:
        """Return how many pregnancies, and of how many women, have relapsed by a day."""
        here = self._arms[arm]
        by_now = here["relapsed"].to_numpy(bool) & (here["time"] <= day).to_numpy(bool)
        return int(by_now.sum()), women_with(here["woman"], by_now)

    def relapses(self, numerator: str) -> dict[str, int]:
        """Return the first relapses of the year and what the release gate judges them by, as in the table."""
        rows, relapsed = self.rows, self.rows["relapsed"].to_numpy(bool)
        arms = relapses_by_arm(rows["woman"], relapsed, (rows["arm"] == numerator).to_numpy(bool))
        return {"relapses": int(relapsed.sum()), **arms}

    def at_risk(self, arm: str, day: int) -> int:
        """Return how many are at risk on a day."""
        here = self._arms[arm]
        return int(((here["entry"] < day) & (here["time"] >= day)).sum())

    def curve(self, arm: str, days: int) -> Curve:
        """Return the Kaplan-Meier curve up to a day."""
        here = self._arms[arm]
        columns = (here["entry"].to_numpy(), here["time"].to_numpy(), here["relapsed"].to_numpy(bool))
        return kaplan_meier(count_days(*columns, days))

    def by_site(self) -> pd.DataFrame:
        """Return pregnancies, women, treated (pregnancies) and relapsed (pregnancies), a row a site."""
        treated = (self.rows["arm"] == "treated").astype(np.int64)
        sites = self.rows.assign(treated=treated).groupby("site", observed=True)
        return sites.agg(
            pregnancies=("woman", "size"),
            women=("woman", "nunique"),
            treated=("treated", "sum"),
            relapsed=("relapsed", "sum"),
        )

    def approximated(self, arm: str, day: int) -> str:
        """Say that nothing is."""
        return ""
