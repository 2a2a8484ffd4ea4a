"""A question to a centre: which pregnancies, which columns of a model, at which parameters."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# A column: ("intercept",), ("arm", LEVEL), ("site", NAME), ("cell", ARM, PERIOD) or (PREDICTOR, LEVEL).
Label = tuple[str, ...]
Question = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Which:
    """The rows of person-time that a question is about.

    Attributes
    ----------
    periods : tuple of str
    sites : tuple of str
        Whose answers are added up, none of them is every site; no part of the question.
    complete : tuple of str
        Covariates that a pregnancy must have a value of.
    without : tuple of (predictor, level, value)
        Pregnancies that have this value (0 or 1) in the column of the level are left out.
    only : tuple of str
        Names in `selection.FILTERS`.
    """

    periods: tuple[str, ...]
    sites: tuple[str, ...] = ()
    complete: tuple[str, ...] = ()
    without: tuple[tuple[str, str, float], ...] = ()
    only: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "periods": list(self.periods),
            "complete": list(self.complete),
            "without": [list(each) for each in self.without],
            "only": list(self.only),
        }

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> "Which":
        """Return it from plain data."""
        without = tuple((predictor, level, float(value)) for predictor, level, value in given["without"])
        return cls(
            tuple(given["periods"]),
            complete=tuple(given["complete"]),
            without=without,
            only=tuple(given["only"]),
        )


def question(kind: str, which: Which, **more: object) -> Question:
    """Return a question as plain data.

    Parameters
    ----------
    kind : str
        A key of `answers.ANSWERS`.
    which : Which
        Of which pregnancies.
    more : object
        Columns, parameters and what else the kind asks for; arrays become lists.
    """
    return {"kind": kind, "which": which.as_dict(), **{name: plain(value) for name, value in more.items()}}


def key_of(asked: Question) -> str:
    """Return what identifies a question: a digest of its text.

    From where its parameters were reached does not count.
    """
    named = {name: value for name, value in asked.items() if name != "before"}
    text = json.dumps(named, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def plain(value: object) -> object:
    """Return a value as JSON can hold it; numbers keep every digit."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    return value
