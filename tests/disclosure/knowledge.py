"""What is known of integer variables: relations between them, and numbers that were made of them.

Quantities that the tables show, or that must lie behind them, are variables with names. `Knowledge` collects
linear relations, and guesses: a released number (a rate, a limit, a ratio) that only some combinations of
values can have made.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

SLACK = 1e-6
Name = tuple[Hashable, ...]
# More than any count of these tables, and any number of days.
MOST, MOST_DAYS = 5_000, 2_000_000


class Contradiction(Exception):
    """What the outsider takes for known cannot all be true."""


@dataclass(frozen=True, slots=True)
class Relation:
    """Known of integer variables: ``low <= sum of weight * variable <= high``.

    `told` marks what a single released cell says by itself.
    """

    variables: np.ndarray
    weights: np.ndarray
    low: float
    high: float
    label: str
    told: bool = False


@dataclass(frozen=True, slots=True)
class Guess:
    """A released number: of the values within bounds, `fits` says which combinations could have made it.

    `fits` takes one array for each variable, broadcast against each other, and returns an array of bool.
    `solve`, where given, is for a last variable with a wide range: it returns its value for those before it.
    """

    variables: tuple[int, ...]
    fits: Callable[..., np.ndarray]
    label: str
    solve: Callable[..., np.ndarray] | None = None


@dataclass(frozen=True, slots=True)
class Withheld:
    """A cell that was withheld, in words, and its variable."""

    cell: str
    variable: int


@dataclass(slots=True)
class Knowledge:
    """Everything that an outsider knows of integer variables, in the order in which it was learned."""

    numbers: dict[Name, int] = field(default_factory=dict)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    guesses: list[Guess] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)
    # What the cells say within: the truth, for the referee alone.
    truth: dict[int, int] = field(default_factory=dict)

    def variable(self, name: Name) -> int:
        """Return the number of a variable, made when first asked for."""
        if name not in self.numbers:
            self.numbers[name] = len(self.low)
            self.low.append(0)
            self.high.append(MOST_DAYS if "days" in name[:2] else MOST)
        return self.numbers[name]

    def relate(self, terms: Mapping[Name, float], low: float, high: float, label: str) -> None:
        """Learn that a weighted sum lies between two numbers."""
        kept = {self.variable(name): weight for name, weight in terms.items() if weight}
        if not kept and (low > SLACK or high < -SLACK):
            raise Contradiction(label)
        if kept:
            places = np.fromiter(kept, dtype=np.int64)
            self.relations.append(Relation(places, np.fromiter(kept.values(), float), low, high, label))

    def equal(self, left: Iterable[Name], right: Iterable[Name], label: str) -> None:
        """Learn that two sums are the same."""
        self.relate(difference(left, right), 0, 0, label)

    def at_most(self, left: Iterable[Name], right: Iterable[Name], label: str, times: float = 1) -> None:
        """Learn that one sum is at most another (`times` as much)."""
        self.relate(difference(left, right, times), -np.inf, 0, label)

    def know(self, name: Name, low: float, high: float, label: str, told: bool = False) -> None:
        """Learn in what range a variable lies, `told` by a cell that shows it."""
        self.relations.append(Relation(np.array([self.variable(name)]), np.ones(1), low, high, label, told))

    def guess(
        self,
        names: Sequence[Name],
        fits: Callable[..., np.ndarray],
        label: str,
        solve: Callable[..., np.ndarray] | None = None,
    ) -> None:
        """Learn a released number that was made of these variables."""
        self.guesses.append(Guess(tuple(self.variable(name) for name in names), fits, label, solve))

    def withhold(self, name: Name, cell: str, low: int, truth: int) -> None:
        """Learn that a cell is withheld, and is at least `low`."""
        self.know(name, low, np.inf, "the public rule")
        self.truth[self.variable(name)] = truth
        self.withheld.append(Withheld(cell, self.variable(name)))

    def without(self, label: str) -> "Knowledge":
        """Return the same knowledge less everything learned under one label."""
        return replace(
            self,
            relations=[known for known in self.relations if known.label != label],
            guesses=[known for known in self.guesses if known.label != label],
        )

    def pattern(self) -> "Knowledge":
        """Return what is known before any number but 0 is read: which cells are empty, how they add up."""
        return replace(
            self,
            relations=[known for known in self.relations if not known.told or known.high == 0],
            guesses=[],
        )

    def labels(self) -> list[str]:
        """Return the labels, the most particular first."""
        used = Counter(known.label for known in [*self.relations, *self.guesses])
        return sorted(used, key=lambda label: (-used[label], label))


def difference(left: Iterable[Name], right: Iterable[Name], times: float = 1) -> dict[Name, float]:
    """Return the weights of one sum less (`times`) another."""
    weights: Counter = Counter()
    for name in left:
        weights[name] += 1
    for name in right:
        weights[name] -= times
    return dict(weights)
