"""The contrasts of the plan: which pregnancies are compared, adjusted for what, as the design allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from gravida import words
from gravida.models.coded import Coded
from gravida.periods import LANDMARK, LANDMARK_DAY
from gravida.person_time import of_period
from gravida.statistics import identifiability as design_of
from gravida.statistics.cells import Cells, cells_of_rows
from gravida.statistics.comparison import Comparison
from gravida.statistics.design import Column, columns_together, site_columns
from gravida.statistics.identifiability import Identifiability, assess_identifiability
from gravida.statistics.overlap import follows_within_two_years
from gravida.statistics.preparing import prepare

BETWEEN_SITES = "between sites: the interval holds the sampling of women only"
IMMORTAL_TIME = (
    "treatment is a choice here: subject to immortal time before the first dose, which the landmark at day "
    "30 is not"
)


def periods_compared(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the periods whose rows a comparison of the arms looks at, the course through pregnancy aside."""
    return tuple(dict.fromkeys((plan["period"], LANDMARK, "pre_pregnancy_year", "postpartum_year")))


@dataclass(frozen=True, slots=True)
class ContrastSettings:
    """What the analysis plan fixes about the contrast."""

    numerator: str
    denominator: str
    period: str
    confidence: float
    covariates: tuple[str, ...]


@dataclass(frozen=True)
class Contrasts:
    """Comparisons of the arms in one period.

    Attributes
    ----------
    pregnancies, person_time : DataFrame
        Of the cohort; person-time of any periods.
    policies : mapping
        Each site's policy.
    settings : ContrastSettings
        Its `period` is the one that is compared.
    """

    pregnancies: pd.DataFrame
    person_time: pd.DataFrame
    policies: Mapping[str, str]
    settings: ContrastSettings
    # Whether the rows of every site are here.
    rows_at_hand = True

    @classmethod
    def of_plan(
        cls, pregnancies: pd.DataFrame, person_time: pd.DataFrame, plan: Mapping[str, Any]
    ) -> "Contrasts":
        """Return the contrasts of a plan: settings by name (covariates may be left out), and `policies`."""
        chosen = {field.name: plan.get(field.name, ()) for field in fields(ContrastSettings)}
        settings = ContrastSettings(**chosen | {"covariates": tuple(chosen["covariates"])})
        return cls(pregnancies, person_time, plan["policies"], settings)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Person-time of the period; sites and arms are categories, of which some may have no row."""
        inside = self.person_time["period"] == self.settings.period
        rows = self.person_time if inside.all() else self.person_time[inside]
        return rows.reset_index(drop=True)

    @cached_property
    def verdict(self) -> Identifiability:
        """What the design can answer."""
        return assess_identifiability(self.person_time, self.policies, self.settings.period)

    @property
    def choice(self) -> bool:
        """Whether some site leaves treatment to choice and has both arms."""
        return self.verdict.verdict == design_of.WITHIN

    @property
    def within(self) -> bool:
        """Whether the primary contrast is within several sites."""
        return self.choice and len(self.policies) > 1

    @cached_property
    def between_note(self) -> str:
        """What is said where a policy makes the arms of some pregnancies."""
        sites = set(self.rows["site"].unique()) or set(self.policies)
        individual = all(self.policies[site] == "individual" for site in sites)
        return "" if individual and self.verdict.verdict != design_of.BETWEEN else BETWEEN_SITES

    @cached_property
    def sites_with_a_choice(self) -> tuple[pd.DataFrame, str]:
        """The rows that inform the contrast within sites, and a note on sites that do not.

        A site with one arm or without a relapse says nothing of the ratio, and a rate of 0 has no
        maximum-likelihood estimate.
        """
        chosen = self.rows[self.rows["site"].map(self.policies) == "individual"]
        sites = chosen.groupby("site", observed=True)
        speaks = (sites["relapses"].transform("sum") > 0) & (sites["arm"].transform("nunique") == 2)
        silent, total = chosen.loc[~speaks, "site"].nunique(), chosen["site"].nunique()
        note = f"{silent} of {total} sites had one arm or no relapse and add nothing" if silent else ""
        if total == 1:
            note = "one site leaves treatment to choice: the comparison is within it"
        return (chosen[speaks] if speaks.any() else chosen).reset_index(drop=True), note

    def with_covariates_of(self, pregnancies: pd.DataFrame) -> "Contrasts":
        """Return the contrasts of the same pregnancies with other values of covariates.

        What the person-time alone tells is not worked out again.
        """
        other = replace(self, pregnancies=pregnancies)
        vars(other).update({name: getattr(self, name) for name in ("rows", "verdict", "sites_with_a_choice")})
        return other

    def cells(self, periods: Sequence[str], only: str = "") -> Cells:
        """Return the arms in some periods, of all pregnancies or as `cells.cells_of_rows` restricts them."""
        return cells_of_rows(self.pregnancies, self.person_time, periods, only)

    def without_overlap(self) -> "Contrasts":
        """Return the contrasts without pregnancies whose year before overlaps an earlier postpartum year."""
        near = self.pregnancies.index[follows_within_two_years(self.pregnancies)]
        return replace(self, person_time=self.person_time[~self.person_time["pregnancy"].isin(near)])

    def from_landmark(self) -> tuple["Contrasts", str]:
        """Return the contrasts from day 30 on, with the arm as it was then, and what is said of it.

        Where treatment is a choice, treated is who had a first dose before day 30.
        """
        theirs = self.pregnancies
        chosen = theirs["site"].map(dict(self.policies)) == "individual"
        by_choice = chosen & (theirs["arm"] == "treated")
        dose = theirs["first_dose_day"].astype("Float64")
        late = by_choice & (dose >= LANDMARK_DAY).fillna(False)
        arm = theirs["arm"].mask(late.astype(bool), "untreated")
        rows = of_period(self.person_time, LANDMARK)
        frozen = rows.assign(arm=arm.loc[rows["pregnancy"]].to_numpy())
        undated = bool((by_choice & dose.isna()).loc[rows["pregnancy"]].any())
        note = "where the first dose is not dated, the arm is as recorded" if undated else ""
        later = replace(self, person_time=frozen, settings=replace(self.settings, period=LANDMARK))
        return later, note

    def crude(self, analysis: str = "unadjusted", note: str | None = None) -> Comparison:
        """Return all pregnancies, adjusted for nothing."""
        said = joined(self.immortal_note, self.between_note) if note is None else note
        return self.compare(analysis, "none", self.rows, (), said)

    def by_site(self, analysis: str = "adjusted", immortal: bool = True) -> Comparison:
        """Return the pregnancies of sites that leave treatment to choice, adjusted for site."""
        rows, note = self.sites_with_a_choice
        sites = tuple(site_columns(rows["site"], rows["relapses"].to_numpy()))
        return self.compare(
            analysis, "site", rows, sites, joined(self.immortal_note if immortal else "", note)
        )

    def with_every_site(self) -> Comparison:
        """Return all pregnancies with a column for each site, which may leave nothing of the arm."""
        sites = site_columns(self.rows["site"], np.ones(len(self.rows)))
        return self.compare("adjusted", "site", self.rows, tuple(sites))

    def primary(self, analysis: str | None = None) -> Comparison:
        """Return the primary contrast: within sites where that can be had, else crude."""
        if self.within:
            return self.by_site(analysis or "adjusted")
        return self.crude(analysis or "unadjusted")

    def adjusted(self, covariates: Sequence[str], analysis: str = "adjusted") -> tuple[Comparison, bool]:
        """Return the primary contrast adjusted for covariates, on complete cases; and whether any is in it.

        What cannot be estimated is left out and named in the note.

        Parameters
        ----------
        covariates : sequence of str
            Names as in the plan.
        analysis : str
            Label.
        """
        rows, note = self.sites_with_a_choice if self.within else (self.rows, self.between_note)
        relapses = rows["relapses"].to_numpy()
        columns, counted = columns_together(self.pregnancies, covariates, rows)
        sites = site_columns(rows["site"], counted) if self.within else []
        prepared = prepare([*sites, *columns], relapses)
        used = {column.predictor for column in prepared.columns}
        names = [*(["site"] if self.within else []), *(name for name in covariates if name in used)]
        reasons = [f"{': '.join(filter(None, key))}: {reason}" for key, reason in prepared.problems.items()]
        left_out = f"left out: {', '.join(reasons)}" if reasons else ""
        kept = rows[prepared.keep].reset_index(drop=True)
        comparison = self.compare(
            analysis,
            ";".join(names) or "none",
            kept,
            tuple(prepared.fitted_columns()),
            joined(left_out, self.immortal_note, note),
        )
        return comparison, bool(used.intersection(covariates))

    def compare(
        self,
        analysis: str,
        adjusted_for: str,
        rows: pd.DataFrame,
        covariates: tuple[Column, ...],
        note: str = "",
    ) -> Comparison:
        """Return a comparison of the arms in these rows of person-time."""
        settings = self.settings
        indicator = Coded(np.array([0.0, 1.0]), (rows["arm"] == settings.numerator).to_numpy(np.uint8))
        arm = Column("arm", settings.numerator, settings.denominator, indicator)
        return Comparison(
            analysis, adjusted_for, rows, arm, covariates, settings.period, settings.confidence, note
        )

    @property
    def immortal_note(self) -> str:
        """What is said where the arm is settled only after delivery."""
        return IMMORTAL_TIME if self.choice and self.settings.period != LANDMARK else ""


def joined(*notes: str) -> str:
    """Return what is to be said, one after the other, sentences without their full stop."""
    return words.joined(*(note.rstrip(". ") for note in notes if note))
