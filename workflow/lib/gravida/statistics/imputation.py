"""Multiple imputation of the covariates of a study: which values, from whom, and what cannot be had.

Not a sum over women: every imputed value is that of a pregnancy with a similar prediction, and the draws
depend on all rows at once. Sources: van Buuren (2018), Flexible Imputation of Missing Data, 2nd edition
(chained equations, predictive mean matching); White and Royston (2009), Statistics in Medicine 28:1982-1998
(events and time at risk enter the model of a covariate linearly, as they do in the likelihood); Heitjan and
Little (1991), Applied Statistics 40:13-29 (matching within a bootstrap sample of the units).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gravida.errors import NotEstimable
from gravida.models.chained_equations import Chain, draw_chain
from gravida.person_time import began_after_lmp
from gravida.statistics.canonical import canonical_order
from gravida.statistics.design import columns_of, sources_of

# Women with a value that an arm needs for each coefficient of its own model.
WOMEN_PER_COEFFICIENT = 2
FEWEST_WOMEN = 10
DURATION, YEAR_BEFORE = "disease_duration_years", "relapses_pre_year"
TOGETHER = "both arms imputed by one model with a term for the arm: one is too small for a model of its own"
NO_YEAR_BEFORE = "where MS began after the last menstrual period there is no year before to impute"


@dataclass(frozen=True, slots=True)
class Imputations:
    """Completed data and what stands behind them.

    Attributes
    ----------
    completed : tuple of DataFrame
        All pregnancies, once for each imputation, with values where they were missing.
    observed : dict of ndarray of bool, shape (pregnancies,)
        For each imputed column, where the value was stated or follows from the woman's other pregnancies.
    problems : dict
        For each column that has missing values and was not imputed, the reason in words.
    note : str
        What is to be said beside a pooled estimate, "" for nothing.
    """

    completed: tuple[pd.DataFrame, ...]
    observed: dict[str, np.ndarray]
    problems: dict[str, str]
    note: str


@dataclass(frozen=True, slots=True)
class _Sample:
    """Pregnancies with an outcome in their own order, and their covariates by name: arrays (n, q) and (n,).

    `asked` says by name which values are to be imputed, `applicable` which exist at all.
    """

    rows: pd.DataFrame
    complete: dict[str, np.ndarray]
    incomplete: dict[str, np.ndarray]
    asked: dict[str, np.ndarray]
    applicable: dict[str, np.ndarray]
    problems: dict[str, str]


def impute(
    pregnancies: pd.DataFrame, rows: pd.DataFrame, columns: Sequence[str], m: int, seed: int
) -> Imputations:
    """Impute the covariates of the pregnancies that have an outcome, `m` times.

    Each arm has its own chain of models, in which a covariate depends on the relapses and the person-years of
    the outcome period, the other covariates, the site, and the woman's other pregnancies. If an arm is too
    small for that, both are imputed together with a term for the arm. The draws follow from `seed` and the
    values of the rows: neither the order of rows and sites nor the names of women matter.

    Parameters
    ----------
    pregnancies : DataFrame
        `Cohort.pregnancies`.
    rows : DataFrame
        Person-time of the outcome period: site, woman, arm, pregnancy, relapses, person_years.
    columns : sequence of str
        Covariates of the analysis model, those without missing values too; keys of `design.UNITS` or
        `design.LEVELS`. `ivig` is passed over: it is the arm.
    m, seed : int
        Number of imputations; seed of the draws.

    Raises
    ------
    NotEstimable
        If nothing is missing, or nothing that is missing can be imputed.
    """
    known = _with_known_durations(pregnancies)
    sample = _sample(known, rows, [name for name in columns if name != "ivig"])
    if not sample.incomplete:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in sample.problems.items())
        raise NotEstimable(reasons or "nothing is missing")
    chains, together = _chains(sample)
    completed = tuple(_completed(known, sample, chains, (seed, number)) for number in range(m))
    observed = {name: known[name].notna().to_numpy(bool) for name in sample.incomplete}
    return Imputations(completed, observed, sample.problems, _note(sample, together))


def _with_known_durations(pregnancies: pd.DataFrame) -> pd.DataFrame:
    """Return the pregnancies with the durations that follow from a woman's other pregnancies."""
    duration, year = pregnancies[DURATION], pregnancies["delivery_year"].astype(float)
    began = (year - duration).groupby(pregnancies["woman"]).transform("min")
    follows = year - began
    return pregnancies.assign(**{DURATION: duration.fillna(follows.where(follows >= 0))})


def _sample(known: pd.DataFrame, rows: pd.DataFrame, columns: Sequence[str]) -> _Sample:
    """Return the pregnancies with an outcome, in an order that follows from their values."""
    theirs = known.loc[rows["pregnancy"]].reset_index(drop=True)
    values = theirs.assign(**{name: rows[name].to_numpy() for name in rows})
    order = canonical_order(values, rows["woman"].to_numpy())
    theirs, rows = values.iloc[order].reset_index(drop=True), rows.iloc[order].reset_index(drop=True)
    relapses = rows["relapses"].to_numpy()
    sample = _Sample(theirs[[*rows, "delivery_year"]], {}, {}, {}, {}, {})
    for name in columns:
        (source,) = sources_of([name])
        data = np.column_stack([column.data for column in columns_of(theirs[source], name, relapses)])
        applicable = ~began_after_lmp(theirs) if name == YEAR_BEFORE else np.ones(len(rows), dtype=bool)
        missing = np.isnan(data[:, 0]) & applicable
        problem = _problem(rows, missing, applicable) if missing.any() else ""
        sample.applicable[name] = applicable
        if problem:
            sample.problems[name] = problem
        elif missing.any():
            sample.incomplete[name], sample.asked[name] = data[:, 0], missing
        else:
            sample.complete[name] = np.nan_to_num(data)
    return sample


def _problem(rows: pd.DataFrame, missing: np.ndarray, applicable: np.ndarray) -> str:
    """Return why missing values cannot be imputed, "" where they can."""
    seen = rows[applicable & ~missing]
    if seen.empty:
        return "missing for every pregnancy"
    if seen["arm"].nunique() < rows["arm"].nunique():
        return "no pregnancy of one arm has a value: nothing tells how the arms differ"
    if seen["woman"].nunique() < FEWEST_WOMEN:
        return f"fewer than {FEWEST_WOMEN} women have a value"
    return ""


def _chains(sample: _Sample) -> tuple[list[tuple[np.ndarray, Chain]], bool]:
    """Return the chains, each with the positions of its rows, and whether the arms are imputed together."""
    arms = sorted(sample.rows["arm"].unique())
    groups = [np.flatnonzero(sample.rows["arm"] == arm) for arm in arms]
    chains = [(group, _chain(sample, group, [])) for group in groups]
    if all(_large_enough(chain) for _, chain in chains):
        return chains, False
    treated = (sample.rows["arm"] == arms[0]).to_numpy(float)
    everyone = np.arange(len(sample.rows))
    return [(everyone, _chain(sample, everyone, [treated] if len(arms) > 1 else []))], len(arms) > 1


def _chain(sample: _Sample, group: np.ndarray, arm: list[np.ndarray]) -> Chain:
    """Return the chain of some rows; a covariate with nothing to impute among them counts as complete."""
    rows = sample.rows.iloc[group]
    asked = [name for name, missing in sample.asked.items() if missing[group].any()]
    full = [np.nan_to_num(values) for name, values in sample.incomplete.items() if name not in asked]
    absent = [~applicable for applicable in sample.applicable.values() if not applicable.all()]
    known = [*sample.complete.values(), *full, *absent, *arm]
    outcome = rows[["relapses", "person_years"]].to_numpy(float)
    sites = pd.get_dummies(rows["site"].astype("object"), dtype=float).to_numpy()
    return Chain(
        pd.factorize(rows["woman"])[0],
        np.column_stack([outcome, *(values[group] for values in known)]),
        sites if sites.shape[1] > 1 else sites[:, :0],
        {name: sample.incomplete[name][group] for name in asked},
        {name: sample.asked[name][group] for name in asked},
    )


def _large_enough(chain: Chain) -> bool:
    """Say whether enough women have each value that is missing for others."""
    needed = WOMEN_PER_COEFFICIENT * chain.coefficients()
    return all(
        np.unique(chain.woman[~np.isnan(values)]).size >= needed for values in chain.incomplete.values()
    )


def _completed(
    known: pd.DataFrame,
    sample: _Sample,
    chains: Sequence[tuple[np.ndarray, Chain]],
    seed: tuple[int, int],
) -> pd.DataFrame:
    """Return the pregnancies with one draw of what is missing; each arm draws from a stream of its own."""
    drawn = {name: values.copy() for name, values in sample.incomplete.items()}
    for number, (group, chain) in enumerate(chains):
        for name, values in draw_chain(chain, np.random.default_rng([*seed, number])).items():
            drawn[name][group] = values
    if DURATION in drawn:
        drawn[DURATION] = _same_beginning(sample, drawn[DURATION])
    out = known.copy()
    for name, values in drawn.items():
        asked = sample.asked[name]
        filled = pd.Series(values[asked], index=sample.rows.loc[asked, "pregnancy"])
        out[name] = known[name].fillna(filled.astype(known[name].dtype))
    return out


def _same_beginning(sample: _Sample, duration: np.ndarray) -> np.ndarray:
    """Return the durations with one year of diagnosis a woman: the one drawn for her first delivery."""
    asked, year = sample.asked[DURATION], sample.rows["delivery_year"].to_numpy(float)
    rows = sample.rows.loc[asked, ["woman"]].assign(year=year[asked], began=(year - duration)[asked])
    began = rows.sort_values("year", kind="stable").groupby("woman")["began"].transform("first")
    out = duration.copy()
    out[asked] = year[asked] - began.sort_index().to_numpy()
    return out


def _note(sample: _Sample, together: bool) -> str:
    parts = [TOGETHER] if together else []
    if not sample.applicable.get(YEAR_BEFORE, np.ones(1)).all():
        parts.append(NO_YEAR_BEFORE)
    for name, values in sample.incomplete.items():
        seen = sample.rows.loc[~np.isnan(values), "site"]
        if seen.nunique() < sample.rows["site"].nunique():
            parts.append(f"{name}: a site without any value takes those of others")
    return "; ".join(parts)
