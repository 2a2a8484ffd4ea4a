"""What of the covariates can be estimated together, and why the rest cannot."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gravida.models.coded import Coded, cut
from gravida.statistics.collinearity import independent_columns, parts_of, triangle
from gravida.statistics.design import Column, cut_columns, with_intercept


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a model can be fitted with.

    Attributes
    ----------
    columns : tuple of Column
        Those whose coefficients can be estimated, each with a value for every one of n rows.
    keep : ndarray of bool, shape (n,)
        Rows that enter the model.
    problems : dict
        For each (predictor, level) that was left out, the reason in words.
    """

    columns: tuple[Column, ...]
    keep: np.ndarray
    problems: dict[tuple[str, str], str]

    def fitted_columns(self) -> list[Column]:
        """Return the columns cut to the rows that enter the model."""
        return cut_columns(self.columns, self.keep)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the pregnancies of a model have in one column.

    Attributes
    ----------
    pregnancies : int
    constant : bool
        Whether all have one value.
    relapses : mapping
        Those of the pregnancies with the value 1, and with 0; of an indicator only.
    having : mapping
        The number of these pregnancies.
    """

    pregnancies: int
    constant: bool
    relapses: Mapping[float, int]
    having: Mapping[float, int]


Key = tuple[str, str]
# Returns what is seen in each column, given the (predictor, level, value) whose rows are left out.
Look = Callable[[Sequence[Column], Sequence[tuple[str, str, float]]], Mapping[Key, Seen]]


def prepare(columns: Sequence[Column], relapses: np.ndarray) -> Prepared:
    """Keep what can be estimated together: complete rows, columns that vary, levels with a relapse.

    A level without a relapse has a rate ratio of 0. Its rows are left out, which is where maximum likelihood
    goes with them: they say nothing about the other coefficients.

    Parameters
    ----------
    columns : sequence of Column
        Each with n values, nan where missing.
    relapses : ndarray, shape (n,)
    """
    given = [column for column in columns if not column.coded.missing.all()]
    complete = np.ones(relapses.size, dtype=bool)
    for column in given:
        complete &= ~column.coded.missing
    coded = {key_of(column): column.coded for column in columns}

    def kept(left_out: Sequence[tuple[str, str, float]]) -> np.ndarray:
        rows = complete.copy()
        for predictor, level, value in left_out:
            rows &= ~coded[predictor, level].where(value)
        return rows

    def look(left: Sequence[Column], left_out: Sequence[tuple[str, str, float]]) -> dict[Key, Seen]:
        rows = kept(left_out)
        seen = _seen(cut([column.coded for column in left], rows), relapses[rows])
        return dict(zip(map(key_of, left), seen, strict=True))

    left, left_out, problems = settle(columns, [key_of(column) for column in given], look)
    keep = kept(left_out)
    design = cut(with_intercept(left, relapses.size), keep)
    left, problems = without_combinations(left, independent_columns(triangle(parts_of(design))), problems)
    return Prepared(tuple(left), keep, problems)


def _seen(columns: Sequence[Coded], relapses: np.ndarray) -> list[Seen]:
    """Return what is seen in each column; of those that share their numbers it is counted once."""
    behind: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    seen = []
    for column in columns:
        size = column.levels.size
        if id(column.number) not in behind:
            counted = np.bincount(column.number, minlength=size)
            behind[id(column.number)] = counted, np.bincount(column.number, relapses, minlength=size)
        having, relapsed = behind[id(column.number)]
        constant = np.unique(column.levels[having > 0]).size == 1
        there = {level: column.levels == level for level in (0.0, 1.0)}
        relapses_of = {level: round(float(relapsed[at].sum())) for level, at in there.items()}
        number_of = {level: int(having[at].sum()) for level, at in there.items()}
        seen.append(Seen(relapses.size, constant, relapses_of, number_of))
    return seen


def settle(
    columns: Sequence[Column], given: Collection[Key], look: Look
) -> tuple[list[Column], list[tuple[str, str, float]], dict[Key, str]]:
    """Leave out, one after the other, columns that cannot be estimated.

    Parameters
    ----------
    columns : sequence of Column
        In the order of the model; their values are not looked at.
    given : collection of (predictor, level)
        Those of which some pregnancy has a value.
    look : callable
        Returns what is seen in the columns that are left, given the (predictor, level, value) left out.

    Returns
    -------
    left : list of Column
    left_out : list of (predictor, level, value)
        The pregnancies that go with them.
    problems : dict
        Why each (predictor, level) was left out, in words.
    """
    problems = {key_of(c): "missing for every pregnancy" for c in columns if key_of(c) not in given}
    left, left_out = [column for column in columns if key_of(column) not in problems], []
    several = {column.predictor for column in columns if _levels(columns, column.predictor) > 1}
    while found := _first_problem(left, look(left, left_out), several):
        column, reason, silent = found
        problems[key_of(column)] = reason
        left.remove(column)
        left_out += [(*key_of(column), silent)] if silent is not None else []
    return left, left_out, problems


def without_combinations(
    columns: Sequence[Column], adds: Sequence[bool], problems: Mapping[Key, str]
) -> tuple[list[Column], dict[Key, str]]:
    """Leave out columns that do not add to the span of the intercept and the columns before them.

    Parameters
    ----------
    columns : sequence of Column
    adds : sequence of bool
        Of the intercept and the columns.
    problems : mapping
        Of the columns that were left out before.
    """
    dependent = [key_of(column) for column, add in zip(columns, adds[1:], strict=True) if not add]
    said = dict.fromkeys(dependent, "a combination of the other covariates")
    return [column for column in columns if key_of(column) not in said], {**problems, **said}


def key_of(column: Column) -> Key:
    """Return what names a column."""
    return column.predictor, column.level


def _levels(columns: Sequence[Column], predictor: str) -> int:
    return sum(column.predictor == predictor for column in columns)


def _first_problem(
    columns: Sequence[Column], seen: Mapping[Key, Seen], several: Collection[str]
) -> tuple[Column, str, float | None] | None:
    """Return a column that cannot be estimated, why, and its value whose rows go with it (None: no rows)."""
    for column in columns:
        it = seen[key_of(column)]
        if it.pregnancies == 0:
            return column, "no pregnancy has a value for every covariate", None
        if it.constant:
            return column, _constant(column, it), None
        for level, name in ((1.0, column.level), (0.0, column.reference)):
            asked = column.reference and (level == 1.0 or column.predictor not in several)
            if asked and not it.relapses[level]:
                return column, f"no relapse with '{name}': the ratio is 0 or infinite", level
    return None


def _constant(column: Column, seen: Seen) -> str:
    if column.reference and not seen.having[1.0]:
        return f"no pregnancy with '{column.level}'"
    return "the same for every pregnancy"
