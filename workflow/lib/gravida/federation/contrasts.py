"""The contrasts of the plan where some centres keep their rows: the same comparisons, made of sums."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.federation.cells import CellSums
from gravida.federation.comparison import PooledComparison
from gravida.federation.fitting import independent_at
from gravida.federation.pool import Pool
from gravida.federation.prepared_sums import PreparedSums
from gravida.federation.profiles import ProfileEstimate, combine
from gravida.federation.questions import Label, Which, question
from gravida.federation.sample import Pooled
from gravida.federation.tabulation import Tabulation, tabulate, tabulation
from gravida.models.coded import Coded
from gravida.statistics.comparison import ARM, Comparison, Counts
from gravida.statistics.contrasts import BETWEEN_SITES, Contrasts, joined
from gravida.statistics.design import LEVELS, UNITS, Column, first_with_relapse
from gravida.statistics.identifiability import BETWEEN, Identifiability, judge_sites
from gravida.statistics.preparing import Key, Seen, key_of, settle, without_combinations
from gravida.words import NEEDS_ROWS

NOTHING = Coded.of(np.zeros(0))


@dataclass(frozen=True)
class PooledContrasts(Contrasts):
    """Comparisons of the arms in one period, of rows at hand and of centres that keep theirs.

    Attributes
    ----------
    pool : Pool
        `pregnancies` and `person_time` are not looked at.
    only : tuple of str
        Names in `selection.FILTERS` that every question is restricted by.
    """

    pool: Pool | None = None
    only: tuple[str, ...] = ()
    rows_at_hand = False

    @property
    def rows(self) -> pd.DataFrame:
        """Raise: the rows are not all at hand."""
        raise NotEstimable(NEEDS_ROWS)

    @cached_property
    def verdict(self) -> Identifiability:
        """What the design can answer."""
        arms = self._tabulated(self.every).arms
        table = pd.DataFrame({"site": sorted(self.policies)})
        table["policy"] = table["site"].map(self.policies)
        for column, arm, what in (
            ("pregnancies", "all", "pregnancies"),
            ("women", "all", "women"),
            ("treated", "treated", "pregnancies"),
        ):
            counted = arms.xs(arm, level="arm")[what].reindex(table["site"], fill_value=0)
            table[column] = counted.to_numpy().astype(int)
        some = table["pregnancies"] > 0
        table["share_treated"] = (
            (table["treated"] / table["pregnancies"].where(some)).astype(object).where(some, None)
        )
        return judge_sites(table)

    @property
    def between_note(self) -> str:
        """What is said where a policy makes the arms of some pregnancies."""
        arms = self._tabulated(self.every).arms.xs("all", level="arm")
        sites = set(arms.index[arms["pregnancies"] > 0]) or set(self.policies)
        individual = all(self.policies[site] == "individual" for site in sites)
        return "" if individual and self.verdict.verdict != BETWEEN else BETWEEN_SITES

    @property
    def every(self) -> Which:
        """All pregnancies of the period."""
        return Which((self.settings.period,), only=self.only)

    def profiles(self) -> tuple[Comparison, tuple[ProfileEstimate, ProfileEstimate]]:
        """Return the comparison within sites and its profile likelihoods, Poisson and negative binomial.

        Raises
        ------
        NotEstimable
            As `profiles.combine`.
        Awaiting, Refused
            If a centre has not answered, or does not.
        """
        comparison = self.by_site()
        which = comparison.sample.which
        asked = question("profile", which, columns=[("intercept",), ("arm", self.settings.numerator)])
        (answers,) = self.pool.ask(asked, of=which.sites)
        grids = [np.array(each["grid"]) for each in answers.values() if not each.get("empty")]
        return comparison, combine(grids, self.settings.confidence)

    def cells(self, periods: Sequence[str], only: str = "") -> CellSums:
        """Return the arms in some periods."""
        return CellSums(self.pool, tuple(periods), (only,) if only else ())

    def without_overlap(self) -> "PooledContrasts":
        """Return the contrasts without pregnancies whose year before overlaps an earlier postpartum year."""
        return replace(self, only=(*self.only, "no_overlap"))

    def crude(self, analysis: str = "unadjusted", note: str | None = None) -> Comparison:
        """Return all pregnancies, adjusted for nothing."""
        said = joined(self.immortal_note, self.between_note) if note is None else note
        return self.of(analysis, "none", self.every, (), said)

    def by_site(self, analysis: str = "adjusted", immortal: bool = True) -> Comparison:
        """Return the pregnancies of sites that leave treatment to choice, adjusted for site."""
        which, note = self.with_a_choice
        sites = self._site_columns(self._tabulated(which))
        return self.of(analysis, "site", which, sites, joined(self.immortal_note if immortal else "", note))

    def with_every_site(self) -> Comparison:
        """Return all pregnancies with a column for each site, which may leave nothing of the arm."""
        arms = self._tabulated(self.every).arms.xs("all", level="arm")
        _, *others = sorted(arms.index[arms["pregnancies"] > 0]) or [""]
        return self.of("adjusted", "site", self.every, [Column("site", n, "", NOTHING) for n in others], "")

    @cached_property
    def with_a_choice(self) -> tuple[Which, str]:
        """The pregnancies that inform the contrast within sites, and a note on sites that do not."""
        chosen = replace(self.every, only=(*self.only, "by_choice"))
        arms = self._tabulated(chosen).arms
        present = arms.xs("all", level="arm")
        present = present[present["pregnancies"] > 0]
        both = arms.xs("treated", level="arm")["pregnancies"].reindex(present.index).gt(0) & arms.xs(
            "untreated", level="arm"
        )["pregnancies"].reindex(present.index).gt(0)
        speaks = (present["relapses"] > 0) & both
        silent, total = int((~speaks).sum()), len(present)
        note = f"{silent} of {total} sites had one arm or no relapse and add nothing" if silent else ""
        if total == 1:
            note = "one site leaves treatment to choice: the comparison is within it"
        if silent and speaks.any():
            chosen = replace(chosen, sites=tuple(present.index[speaks]))
        return chosen, note

    def adjusted(self, covariates: Sequence[str], analysis: str = "adjusted") -> tuple[Comparison, bool]:
        """Return the primary contrast adjusted for covariates, and whether any of them is in it."""
        which, note = self.with_a_choice if self.within else (self.every, self.between_note)
        arm = ("arm", self.settings.numerator)
        prepared = self.prepared(which, covariates, sites=self.within, arm=[arm])
        used = {column.predictor for column in prepared.columns}
        names = [*(["site"] if self.within else []), *(name for name in covariates if name in used)]
        reasons = [f"{': '.join(filter(None, key))}: {reason}" for key, reason in prepared.problems.items()]
        left_out = f"left out: {', '.join(reasons)}" if reasons else ""
        said = joined(left_out, self.immortal_note, note)
        comparison = self.of(analysis, ";".join(names) or "none", prepared.which, prepared.columns, said)
        return comparison, bool(used.intersection(covariates))

    def prepared(
        self, which: Which, covariates: Sequence[str], sites: bool = False, arm: Sequence[Label] = ()
    ) -> PreparedSums:
        """Return what of the covariates can be estimated together among some pregnancies.

        Parameters
        ----------
        which : Which
        covariates : sequence of str
        sites : bool
            Whether the model has a column for each site.
        arm : sequence of Label
            Column of the arm, if it will be in the model; covariates come before it when they are combined.
        """
        complete, columns, given = self._columns(which, covariates)
        if sites:
            columns = [*self._site_columns(self._tabulated(complete, covariates)), *columns]
            given = [*(key_of(column) for column in columns if column.predictor == "site"), *given]

        def look(left: Sequence[Column], left_out: Sequence[tuple[str, str, float]]) -> dict[Key, Seen]:
            counts = self._tabulated(replace(complete, without=tuple(left_out)), covariates)
            return {key_of(column): counts.seen(column) for column in left}

        left, left_out, problems = settle(columns, given, look)
        complete = replace(complete, without=tuple(left_out))
        labels = [("intercept",), *arm, *map(label_of, left)]
        order = [0, *range(1 + len(arm), len(labels)), *range(1, 1 + len(arm))]
        adds = independent_at(self._sample(complete, labels), order)[: 1 + len(left)]
        left, problems = without_combinations(left, adds, problems)
        sample = self._sample(complete, [("intercept",), *map(label_of, left)])
        places = {column.predictor: [] for column in left}
        for place, column in enumerate(left, start=1):
            places[column.predictor].append(place)
        others = [place for name, of in places.items() if name != "ivig" for place in of]
        groups = dict.fromkeys(tuple(group) for group in (*places.values(), others) if group)
        return PreparedSums(
            complete,
            tuple(columns),
            tuple(left),
            problems,
            self._tabulated(complete, covariates),
            replace(sample, tested=tuple(range(1, len(left) + 1)), groups=tuple(groups)),
        )

    def predicted(self, names: Sequence[str]) -> PreparedSums:
        """Return what of some predictors can be estimated together in the period."""
        return self.prepared(self.every, names)

    def _columns(self, which: Which, covariates: Sequence[str]) -> tuple[Which, list[Column], list[Key]]:
        """Return the complete cases, the columns of the covariates, and which of these somebody has."""
        complete = replace(which, complete=tuple(covariates))
        self.pool.ask(tabulation(which, covariates), tabulation(complete, covariates), of=which.sites)
        counts = self._tabulated(which, covariates)
        present = tuple(name for name in covariates if not counts.missing_everywhere(name))
        complete = replace(which, complete=present)
        counts = self._tabulated(complete, covariates)
        columns = [column for name in covariates for column in _columns_of(name, counts)]
        return complete, columns, [key_of(column) for column in columns if column.predictor in present]

    def _site_columns(self, counts: Tabulation) -> tuple[Column, ...]:
        """Return a column for each site but the first by name with a relapse."""
        arms = counts.arms.xs("all", level="arm")
        arms = arms[arms["pregnancies"] > 0]
        silent = arms["relapses"] == 0
        first, *others = sorted(arms.index, key=lambda name: (silent[name], name)) or [""]
        return tuple(Column("site", name, first, NOTHING) for name in others)

    def of(
        self, analysis: str, adjusted_for: str, which: Which, columns: Sequence[Column], note: str
    ) -> PooledComparison:
        """Return a comparison of the arms in some pregnancies."""
        settings, counts = self.settings, self._tabulated(which)
        behind = Counts(
            int(counts.of("all")["women"]), counts.side(settings.numerator), counts.side(settings.denominator)
        )
        labels = [("intercept",), ("arm", settings.numerator), *map(label_of, columns)]
        return PooledComparison(
            analysis,
            adjusted_for,
            pd.DataFrame(),
            Column("arm", settings.numerator, settings.denominator, NOTHING),
            tuple(columns),
            settings.period,
            settings.confidence,
            note,
            replace(self._sample(which, labels), tested=(ARM,)),
            behind,
        )

    def _sample(self, which: Which, labels: Sequence[Label]) -> Pooled:
        counts = self._tabulated(which)
        every, start = counts.of("all"), np.zeros(len(labels))
        if every["relapses"]:
            start[0] = np.log(every["relapses"] / every["person_years"])
        arms = [counts.of(arm) for arm in (self.settings.numerator, self.settings.denominator)]
        if ("arm", self.settings.numerator) in labels and all(arm["relapses"] for arm in arms):
            rates = [np.log(arm["relapses"] / arm["person_years"]) for arm in arms]
            start[:2] = rates[1], rates[0] - rates[1]
        sizes = (int(every["pregnancies"]), int(every["women"]), float(every["relapses"]))
        return Pooled(self.pool, which, tuple(labels), *sizes, start)

    def _tabulated(self, which: Which, predictors: Sequence[str] = ()) -> Tabulation:
        return tabulate(self.pool, which, predictors)


def label_of(column: Column) -> Label:
    """Return how a question names a column."""
    return column.predictor, column.level


def _columns_of(predictor: str, counts: Tabulation) -> list[Column]:
    """Return the columns of a covariate: as `design.columns_of`, without values."""
    if predictor in UNITS:
        return [Column(predictor, UNITS[predictor], "", NOTHING)]
    levels = LEVELS[predictor][1]
    reference = first_with_relapse(levels, counts.relapsed_levels(predictor))
    return [Column(predictor, level, reference, NOTHING) for level in levels if level != reference]
