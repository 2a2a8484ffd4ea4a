"""Which worlds are left: bounds drawn together, and an integer program for what hangs together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from tests.disclosure.knowledge import MOST, SLACK, Contradiction, Guess, Knowledge, Relation

# A released number that leaves more combinations than this says too little to be followed up.
MOST_TUPLES = 250
MOST_TRIED = 400_000
ROUNDS = 8
SWEEPS = 60
# Seconds for one question; what is not answered by then is reported, never passed over.
PATIENCE = 10.0
HALF_A_DAY = 0.5
FEASIBLE, INFEASIBLE = 0, 2


class Undecided(Exception):
    """The solver could not say whether a value is possible."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these combinations of values, a row of `tuples`, is the true one."""

    variables: tuple[int, ...]
    tuples: np.ndarray
    label: str


@dataclass(slots=True)
class Tightened:
    """Bounds of every variable as far as they follow at once, and the choices that are left."""

    low: np.ndarray
    high: np.ndarray
    choices: list[Choice]


def tighten(knowledge: Knowledge) -> Tightened:
    """Draw the bounds together and follow up the guesses until nothing more follows."""
    low, high = np.array(knowledge.low, float), np.array(knowledge.high, float)
    rows = _Rows(knowledge.relations)
    choices: list[Choice] = []
    for _ in range(ROUNDS):
        low, high = rows.narrow(low, high)
        before = low.copy(), high.copy()
        choices = [choice for guess in knowledge.guesses if (choice := _follow(guess, low, high))]
        if (low == before[0]).all() and (high == before[1]).all():
            break
    return Tightened(low, high, choices)


class _Rows:
    """All relations as arrays with one element for each variable of each relation."""

    def __init__(self, relations: Sequence[Relation]) -> None:
        self.relations = relations
        sizes = [known.variables.size for known in relations]
        self.starts = np.cumsum([0, *sizes])[:-1]
        self.row = np.repeat(np.arange(len(relations)), sizes)
        self.variable = np.concatenate([np.zeros(0, int), *(known.variables for known in relations)])
        self.weight = np.concatenate([np.zeros(0), *(known.weights for known in relations)])
        self.low = np.array([known.low for known in relations])
        self.high = np.array([known.high for known in relations])

    def narrow(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw the bounds together by each relation, again and again; what creeps is left to the program."""
        for _ in range(SWEEPS if self.relations else 0):
            top, bottom = self._limits(low, high)
            new_low, new_high = low.copy(), high.copy()
            np.minimum.at(new_high, self.variable, top)
            np.maximum.at(new_low, self.variable, bottom)
            crossed = np.flatnonzero(new_low > new_high)
            if crossed.size:
                place = self.row[np.flatnonzero(self.variable == crossed[0])[0]]
                raise Contradiction(self.relations[place].label)
            if (new_low == low).all() and (new_high == high).all():
                break
            low, high = new_low, new_high
        return low, high

    def _limits(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the largest and the smallest value that each relation leaves each of its variables."""
        variable, weight, row = self.variable, self.weight, self.row
        least = np.where(weight > 0, weight * low[variable], weight * high[variable])
        most = np.where(weight > 0, weight * high[variable], weight * low[variable])
        sum_least, sum_most = (np.add.reduceat(part, self.starts) for part in (least, most))
        broken = np.flatnonzero((sum_least > self.high + SLACK) | (sum_most < self.low - SLACK))
        if broken.size:
            raise Contradiction(self.relations[broken[0]].label)
        up = (self.high[row] - (sum_least[row] - least)) / weight
        down = (self.low[row] - (sum_most[row] - most)) / weight
        top = np.floor(np.where(weight > 0, up, down) + SLACK)
        return top, np.ceil(np.where(weight > 0, down, up) - SLACK)


def _follow(guess: Guess, low: np.ndarray, high: np.ndarray) -> Choice | None:
    """List the combinations that a released number leaves, and draw the bounds together around them."""
    places = list(guess.variables)
    if (low[places] == high[places]).all():
        return None
    asked = places[:-1] if guess.solve else places
    sizes = high[asked] - low[asked] + 1
    if np.prod(sizes) > MOST_TRIED:
        return None
    grid = np.meshgrid(*(np.arange(low[i], high[i] + 1) for i in asked), indexing="ij")
    values = [part.ravel() for part in grid]
    if guess.solve:
        last = np.rint(guess.solve(*values))
        inside = (last >= low[places[-1]]) & (last <= high[places[-1]])
        values = [part[inside] for part in [*values, last]]
    keep = guess.fits(*values)
    tuples = np.column_stack(values)[keep]
    if not len(tuples):
        raise Contradiction(guess.label)
    low[places] = np.maximum(low[places], tuples.min(axis=0))
    high[places] = np.minimum(high[places], tuples.max(axis=0))
    full = len(tuples) == len(keep) and not guess.solve
    return None if full or len(tuples) > MOST_TUPLES else Choice(tuple(places), tuples, guess.label)


# The integer program, one for each set of variables that hang together


@dataclass(slots=True)
class Program:
    """An integer program: columns are variables, then one for each combination of each choice."""

    columns: dict[int, int]
    matrix: csr_array
    row_low: np.ndarray
    row_high: np.ndarray
    low: np.ndarray
    high: np.ndarray
    whole: np.ndarray

    def solve(self, fixed: Mapping[int, float]) -> np.ndarray | None:
        """Return a solution with some variables fixed, None where there is none."""
        low, high = self.low.copy(), self.high.copy()
        for variable, value in fixed.items():
            place = self.columns[variable]
            if not low[place] <= value <= high[place]:
                return None
            low[place] = high[place] = value
        answer = milp(
            np.zeros(low.size),
            integrality=self.whole,
            bounds=Bounds(low, high),
            constraints=LinearConstraint(self.matrix, self.row_low, self.row_high),
            options={"time_limit": PATIENCE},
        )
        if answer.x is not None:
            return np.rint(answer.x)
        if answer.status == INFEASIBLE:
            return None
        raise Undecided(answer.message)

    def least(self, variable: int) -> float:
        """Return a value that a variable cannot be smaller than: its minimum where nothing need be whole."""
        aim = np.zeros(self.low.size)
        aim[self.columns[variable]] = 1
        known = LinearConstraint(self.matrix, self.row_low, self.row_high)
        answer = milp(aim, bounds=Bounds(self.low, self.high), constraints=known)
        return answer.fun - SLACK if answer.status == FEASIBLE else 0.0


def programs(knowledge: Knowledge, tightened: Tightened) -> dict[int, Program]:
    """Return for every variable that is not known the program of all that hangs together with it."""
    free = tightened.low < tightened.high
    parts = [known.variables[free[known.variables]] for known in knowledge.relations]
    chosen = [np.array([i for i in choice.variables if free[i]], int) for choice in tightened.choices]
    group = _groups(free.size, [*parts, *chosen])
    members: dict[int, tuple[list, list]] = {}
    for known, part in zip(knowledge.relations, parts, strict=True):
        if part.size:
            members.setdefault(group[part[0]], ([], []))[0].append(known)
    for choice, part in zip(tightened.choices, chosen, strict=True):
        if part.size:
            members.setdefault(group[part[0]], ([], []))[1].append(choice)
    made = {}
    for number, (relations, choices) in members.items():
        inside = np.flatnonzero((group == number) & free)
        made |= dict.fromkeys(inside.tolist(), _program(inside, relations, choices, tightened))
    return made


def _groups(size: int, parts: Iterable[np.ndarray]) -> np.ndarray:
    """Return the group of each variable: those in one part hang together."""
    parent = list(range(size))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for part in parts:
        for other in part[1:]:
            parent[root(int(other))] = root(int(part[0]))
    return np.array([root(i) for i in range(size)])


def _room(variables: Iterable[int], tightened: Tightened) -> float:
    """Return by how much a row may be missed: sums of thousands of days strain the solver's tolerance."""
    return HALF_A_DAY if any(tightened.high[i] > MOST for i in variables) else 0.0


def _program(
    inside: np.ndarray, relations: Sequence[Relation], choices: Sequence[Choice], tightened: Tightened
) -> Program:
    columns = {int(variable): place for place, variable in enumerate(inside)}
    low, high = [*tightened.low[inside]], [*tightened.high[inside]]
    rows: list[tuple[dict[int, float], float, float]] = []
    for known in relations:
        given = sum(
            w * tightened.low[i]
            for i, w in zip(known.variables, known.weights, strict=True)
            if i not in columns
        )
        entries = {columns[i]: w for i, w in zip(known.variables, known.weights, strict=True) if i in columns}
        room = _room(known.variables, tightened)
        rows.append((entries, known.low - given - room, known.high - given + room))
    for choice in choices:
        first = len(low)
        low += [0] * len(choice.tuples)
        high += [1] * len(choice.tuples)
        marks = range(first, len(low))
        rows.append((dict.fromkeys(marks, 1.0), 1, 1))
        for variable, values in zip(choice.variables, choice.tuples.T, strict=True):
            entries = dict(zip(marks, (float(value) for value in values), strict=True))
            given = 0.0 if variable in columns else tightened.low[variable]
            entries |= {columns[variable]: -1.0} if variable in columns else {}
            room = _room([variable], tightened)
            rows.append((entries, given - room, given + room))
    whole = np.ones(len(low))
    # Whether days are whole matters to no count but by a released number, and then the choice holds it.
    whole[: inside.size] = tightened.high[inside] <= MOST
    data = [weight for entries, _, _ in rows for weight in entries.values()]
    across = [place for entries, _, _ in rows for place in entries]
    starts = np.cumsum([0, *(len(entries) for entries, _, _ in rows)])
    matrix = csr_array((data, across, starts), shape=(len(rows), len(low)))
    return Program(
        columns,
        matrix,
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
        np.array(low, float),
        np.array(high, float),
        whole,
    )
