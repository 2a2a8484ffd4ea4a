"""What a centre answers and what it does not: the women in it are protected before anything leaves.

The coordinating centre is bound by an agreement and sees sums, as every partner of a study does; what it
publishes passes the release gate. So a centre counts women, not events: no arm, level or period with few
women, no model with many parameters for its pregnancies, and no questions that differ so little that their
difference is about few.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gravida.federation.answers import answer
from gravida.federation.questions import Question, Which, key_of
from gravida.federation.selection import Holdings
from gravida.federation.table_answers import TABLE_ANSWERS, protected_table, small_parts
from gravida.statistics.design import LEVELS

# Fewer pregnancies for each parameter, and the sums come near to telling of each of them.
PREGNANCIES_PER_PARAMETER = 3
# Of the counts of an answer, those of women.
ARMS = ("treated", "untreated", "all")


@dataclass(frozen=True, slots=True)
class Answered:
    """What a centre has answered before: the parameters, by the digest of model and pregnancies."""

    parameters: Mapping[str, Sequence[Sequence[float]]]

    def differs_in_one(self, model: str, parameters: Sequence[float]) -> bool:
        """Say whether an earlier question about the model differs in one of several parameters."""
        if len(parameters) < 2:
            return False
        return any(
            np.count_nonzero(np.subtract(parameters, each)) == 1 for each in self.parameters.get(model, ())
        )

    def with_question(self, asked: Question) -> "Answered":
        """Return it with one question more."""
        if "parameters" not in asked:
            return self
        model, parameters = model_of(asked), list(asked["parameters"])
        known = [*self.parameters.get(model, ())]
        if parameters not in known:
            known.append(parameters)
        return Answered({**self.parameters, model: known})


def model_of(asked: Question) -> str:
    """Return what identifies the model of a question, whatever its parameters."""
    names = ("kind", "which", "columns", "family")
    return key_of({name: asked[name] for name in names if name in asked})


def protected_answer(asked: Question, held: Holdings, threshold: int, answered: Answered) -> dict[str, Any]:
    """Return the answer to a question, or ``{"refused": WHY}``.

    Parameters
    ----------
    asked : Question
    held : Holdings
        The centre's own rows.
    threshold : int
        The fewest women behind a number.
    answered : Answered
        What the centre has answered before.
    """
    if asked["kind"] in TABLE_ANSWERS:
        return protected_table(asked, held, threshold)
    why = next(_objections(asked, held, threshold, answered), "")
    return {"refused": why} if why else answer(asked, held)


def _objections(asked: Question, held: Holdings, threshold: int, answered: Answered) -> Iterator[str]:
    rows = held.select(Which.from_dict(asked["which"]))
    few = f"fewer than {threshold} women"
    for arm in ARMS:
        if 0 < rows.loc[(rows["arm"] == arm) | (arm == "all"), "woman"].nunique() < threshold:
            yield f"{arm}: {few}" if arm != "all" else few
    for name in asked.get("predictors", ()):
        if name in LEVELS:
            levels = held.levels(rows, name).to_numpy()
            for level in LEVELS[name][1]:
                if 0 < rows.loc[levels == level, "woman"].nunique() < threshold:
                    yield f"{name}: level {level}: {few}"
    if "columns" in asked:
        yield from _objections_to_model(asked, held, rows, threshold, answered)


def _objections_to_model(
    asked: Question, held: Holdings, rows: pd.DataFrame, threshold: int, answered: Answered
) -> Iterator[str]:
    places = []
    for place, label in enumerate(map(tuple, asked["columns"])):
        values = held.values(rows, label)
        places += [place] if values.any() else []
        women = [rows.loc[values == value, "woman"].nunique() for value in _shared(values)]
        if any(0 < number < threshold for number in women) or _nearly_constant(rows, values, threshold):
            yield f"{': '.join(label)}: fewer than {threshold} women"
    shape = len(asked["parameters"]) - len(asked["columns"]) if "parameters" in asked else 0
    spent, most = len(places) + shape, len(rows) // PREGNANCIES_PER_PARAMETER
    if len(rows) and spent > most:
        yield f"{spent} parameters for {len(rows)} pregnancies: more than a third"
    if answered.differs_in_one(model_of(asked), asked.get("parameters", ())):
        yield "an earlier question differs in one parameter only"


def _shared(values: np.ndarray) -> tuple[float, ...]:
    """Return 0 and 1 for an indicator, nothing for a measured column."""
    return (0.0, 1.0) if np.isin(values, (0.0, 1.0)).all() else ()


def _nearly_constant(rows: pd.DataFrame, values: np.ndarray, threshold: int) -> bool:
    """Say whether few women differ from the value that most have."""
    if not values.size or _shared(values):
        return False
    found, times = np.unique(values, return_counts=True)
    return 0 < rows.loc[values != found[times.argmax()], "woman"].nunique() < threshold


def too_small(answers: Mapping[str, Any], questions: Mapping[str, Question], threshold: int) -> str:
    """Return the first number of women in some answers that is too small, in words; nothing if there is none.

    Parameters
    ----------
    answers : mapping
        By key of the question.
    questions : mapping
        Likewise.
    threshold : int
    """
    for key, each in answers.items():
        kind = questions[key]["kind"]
        if kind in TABLE_ANSWERS:
            small = "" if "refused" in each else next(small_parts(kind, each, threshold), "")
            if small:
                return f"{kind}: {small}"
            continue
        periods = " and ".join(questions[key]["which"]["periods"])
        for arm, tally in each.get("arms", {}).items():
            if 0 < tally["women"] < threshold:
                return f"{periods}: {arm}: fewer than {threshold} women"
        for name, found in each.get("predictors", {}).items():
            for level, counts in found.get("levels", {}).items():
                if 0 < counts["women"] < threshold:
                    return f"{periods}: {name}: level {level}: fewer than {threshold} women"
        if 0 < each.get("women", 0) < threshold:
            return f"{periods}: fewer than {threshold} women"
    return ""
