"""What somebody who holds rows answers to a question: sums, and nothing of a row."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from gravida.federation.profiles import profile_grid
from gravida.federation.questions import Question, Which
from gravida.federation.selection import Holdings
from gravida.federation.table_answers import TABLE_ANSWERS
from gravida.models.kernel import Family, negative_binomial, poisson
from gravida.models.sample import Rows
from gravida.models.solver import SMALLEST_MEAN
from gravida.statistics.design import LEVELS, UNITS
from gravida.statistics.guards import relapsed_women

FAMILIES: Mapping[str, Family] = {"poisson": poisson, "negative_binomial": negative_binomial}
ARMS = ("treated", "untreated", "all")
# Of the women of an arm: squares and products of their relapses and person-years.
SQUARES = ("relapses_squared", "relapses_years", "years_squared")
TALLIED = (
    "pregnancies",
    "women",
    "relapses",
    "women_with_relapse",
    "relapses_most",
    "person_years",
    *SQUARES,
)
# Of the way from the parameters before: should the whole step lead down, it is known how far to go.
SHORTER = (0.5, 0.25)
Answer = dict[str, Any]


def answer(asked: Question, held: Holdings) -> Answer:
    """Return the answer to a question; arrays where it has several numbers.

    Parameters
    ----------
    asked : Question
        As `questions.question` makes it.
    held : Holdings
        Rows of one site.
    """
    return ANSWERS[asked["kind"]](asked, held)


def _tabulate(asked: Question, held: Holdings) -> Answer:
    """Return what is behind each arm, and each level of the predictors."""
    rows = held.select(Which.from_dict(asked["which"]))
    arms = {arm: _tally(rows[(rows["arm"] == arm) | (arm == "all")]) for arm in ARMS}
    return {"arms": arms, "predictors": {name: _levels(name, rows, held) for name in asked["predictors"]}}


def _tally(rows: pd.DataFrame) -> dict[str, float]:
    women = rows.groupby("woman")[["relapses", "person_years"]].sum()
    relapses, years = women["relapses"].to_numpy(float), women["person_years"].to_numpy(float)
    squares = (relapses @ relapses, relapses @ years, years @ years)
    return {
        "pregnancies": len(rows),
        "women": len(women),
        "relapses": int(relapses.sum()),
        "women_with_relapse": int((relapses > 0).sum()),
        "relapses_most": int(relapses.max(initial=0)),
        "person_years": float(rows["person_years"].sum()),
        **dict(zip(SQUARES, map(float, squares), strict=True)),
    }


def _levels(predictor: str, rows: pd.DataFrame, held: Holdings) -> Answer:
    """Return how many have each level, or the moments of a continuous predictor, and how many neither."""
    if predictor in UNITS:
        values = held.values(rows, (predictor, UNITS[predictor]))
        present = values[~np.isnan(values)]
        moments = [present.size, float(present.sum()), float(present @ present)]
        return {"missing": values.size - present.size, "moments": moments}
    levels = held.levels(rows, predictor).to_numpy()
    counted = {}
    for level in LEVELS[predictor][1]:
        theirs = rows[levels == level]
        counted[level] = {
            "pregnancies": len(theirs),
            "women": theirs["woman"].nunique(),
            "relapses": int(theirs["relapses"].sum()),
            **relapsed_women(theirs["woman"], theirs["relapses"]),
        }
    return {"missing": int(pd.isna(levels).sum()), "levels": counted}


def _places(asked: Question, held: Holdings) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows of a model, and which columns of its design are not 0 throughout."""
    rows = held.select(Which.from_dict(asked["which"]))
    labels = [tuple(label) for label in asked["columns"]]
    whole = held.batch(rows, labels).design
    # A row in none of the columns, such as a cell without a relapse, is not in the model.
    return rows[whole.any(axis=1)], np.flatnonzero(whole.any(axis=0))


def _sums(asked: Question, held: Holdings) -> Answer:
    """Return log-likelihood, score, information and clustered meat at some parameters."""
    rows, places = _places(asked, held)
    if not len(rows):
        return {"empty": True}
    family, parameters = FAMILIES[asked["family"]], np.array(asked["parameters"])
    shape = parameters[len(asked["columns"]) :]
    labels = [tuple(asked["columns"][place]) for place in places]
    sample = Rows([held.batch(rows, labels)])
    at = np.concatenate([parameters[places], shape])
    sums = sample.sums(family, at)
    found = {
        "places": [*places.tolist(), *range(len(asked["columns"]), parameters.size)],
        "log_likelihood": sums.log_likelihood,
        "score": sums.score,
        "information": sums.information,
        "meat": sample.meat(family, at),
        "pregnancies": sums.pregnancies,
        "women": sample.women,
        "vanishing": bool(sums.smallest_mean < SMALLEST_MEAN),
        "shorter": [],
        **_standardised(asked, rows, held, places),
    }
    if "before" in asked:
        before = np.concatenate([np.array(asked["before"])[places], asked["before"][len(asked["columns"]) :]])
        steps = [before + share * (at - before) for share in SHORTER]
        found["shorter"] = [sample.sums(family, step).log_likelihood for step in steps]
    if family is poisson:
        moments = sample.moments(at)
        found["moments"] = [getattr(moments, name) for name in moments.__slots__]
    return found


def _equations(asked: Question, held: Holdings) -> Answer:
    """Return the estimating equations at some coefficients and a correlation."""
    rows, places = _places(asked, held)
    if not len(rows):
        return {"empty": True}
    labels = [tuple(asked["columns"][place]) for place in places]
    sample, beta = Rows([held.batch(rows, labels)]), np.array(asked["parameters"])[places]
    found = sample.equations(beta, asked["correlation"])
    return {
        "places": places.tolist(),
        "score": found.score,
        "bread": found.bread,
        "meat": found.meat,
        "moments": [getattr(found.moments, name) for name in found.moments.__slots__],
        "in_range": found.in_range,
    }


def _corrected(asked: Question, held: Holdings) -> Answer:
    """Return the corrected meat, and the spread along some directions."""
    rows, _ = _places(asked, held)
    if not len(rows):
        return {"empty": True}
    labels = [tuple(label) for label in asked["columns"]]
    sample, bread = Rows([held.batch(rows, labels)]), np.array(asked["bread"])
    meat, along = sample.corrected(np.array(asked["parameters"]), bread)
    spreads = []
    for directions in asked["directions"]:
        spread = along(np.array(directions))
        spreads.append({name: getattr(spread, name) for name in spread.__slots__})
    return {"meat": meat, "spreads": spreads}


def _standardised(asked: Question, rows: pd.DataFrame, held: Holdings, places: np.ndarray) -> Answer:
    """Return the relapses expected with the arm's column at 1 and at 0, and their derivatives.

    `whole` are the places of the derivatives: the arm's column may be 0 throughout and is among them.
    """
    arm = [at for at, label in enumerate(asked["columns"]) if label[0] == "arm"]
    if not arm:
        return {}
    whole = sorted({*places.tolist(), *arm})
    sample = Rows([held.batch(rows, [tuple(asked["columns"][place]) for place in whole])])
    beta = np.array(asked["parameters"])[whole]
    found = [sample.expected(poisson, beta, whole.index(arm[0]), level) for level in (1.0, 0.0)]
    return {
        "whole": whole,
        "expected": [relapses for relapses, _ in found],
        "slopes": [slope for _, slope in found],
    }


def _profile(asked: Question, held: Holdings) -> Answer:
    """Return the profile likelihood of the ratio of the arms, on the grid."""
    rows, _ = _places(asked, held)
    if not len(rows):
        return {"empty": True}
    return {"grid": profile_grid(held.batch(rows, [tuple(label) for label in asked["columns"]]))}


ANSWERS: Mapping[str, Callable[[Question, Holdings], Answer]] = {
    "tabulate": _tabulate,
    "sums": _sums,
    "equations": _equations,
    "corrected": _corrected,
    "profile": _profile,
    **TABLE_ANSWERS,
}
