"""The attack on a release: what somebody who has every table can work out of what was withheld.

`find_breaches` asks for every withheld cell which values are left, by an integer program over all tables.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from tests.disclosure.comparisons import learn_comparisons
from tests.disclosure.counts import learn_counts, learn_structure
from tests.disclosure.descriptions import learn_descriptions
from tests.disclosure.knowledge import Contradiction, Knowledge, Name, Withheld
from tests.disclosure.outsider import Outsider
from tests.disclosure.programs import Program, Tightened, Undecided, programs, tighten
from tests.disclosure.times import learn_times


@dataclass(frozen=True, slots=True)
class Breach:
    """A withheld cell of which too much can be worked out, by which relations where that was asked for."""

    cell: str
    kind: str
    possible: tuple[int, ...]
    impossible: tuple[int, ...]
    closed_by: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the breach in one line."""
        by = f"; closed by {', '.join(self.closed_by)}" if self.closed_by else ""
        return f"{self.kind} {self.cell}: left {self.possible}, shut out {self.impossible}{by}"


def learn(
    released: Mapping[str, pd.DataFrame], internal: Mapping[str, pd.DataFrame], confidence: float = 0.95
) -> Knowledge:
    """Return everything that follows from released tables; `internal` tells the referee what was withheld."""
    sheet = released["identifiability"]
    policies = dict(zip(sheet["site"].astype(str), sheet["policy"].astype(str), strict=True))
    # Which sites date their relapses everybody may know.
    rates = internal["relapse_rates"]
    first = rates[(rates["group"] == "site") & (rates["period"] == "trimester_1")]
    dated = set(first.loc[first["pregnancies"] > 0, "site"].astype(str))
    out = Outsider(Knowledge(), released, internal, policies, dated, confidence)
    for step in (learn_counts, learn_comparisons, learn_times, learn_descriptions, learn_structure):
        step(out)
    return out.know


@dataclass(slots=True)
class Search:
    """The values that withheld variables have been seen to take in some world that fits all that is known."""

    tightened: Tightened
    programs: dict[int, Program]
    seen: dict[int, set[int]]
    undecided: set[int] = field(default_factory=set)

    def ask(self, variable: int, value: int) -> bool:
        """Say whether a variable can have this value, and remember what else the answer shows."""
        program = self.programs.get(variable)
        if program is None:
            return self.tightened.low[variable] <= value <= self.tightened.high[variable]
        try:
            world = program.solve({variable: value})
        except Undecided:
            self.undecided.add(variable)
            return True
        if world is not None:
            self.remember(program, world)
        return world is not None

    def remember(self, program: Program, world: np.ndarray) -> None:
        """Keep the values that one possible world shows."""
        for variable, place in program.columns.items():
            if variable in self.seen:
                self.seen[variable].add(int(world[place]))


def search_of(knowledge: Knowledge) -> Search:
    """Prepare the search: bounds drawn together, programs made, nothing seen."""
    tightened = tighten(knowledge)
    made = programs(knowledge, tightened)
    seen: dict[int, set[int]] = {cell.variable: set() for cell in knowledge.withheld}
    for variable, values in seen.items():
        if variable not in made:
            low, high = tightened.low[variable], tightened.high[variable]
            values |= set(range(int(low), int(min(high, low + 50)) + 1))
    return Search(tightened, made, seen)


def check_truth(knowledge: Knowledge, search: Search) -> None:
    """Check that what the outsider takes for known is true.

    Raises
    ------
    Contradiction
        If not: the attack would prove nothing.
    """
    for variable, value in knowledge.truth.items():
        if not search.tightened.low[variable] <= value <= search.tightened.high[variable]:
            raise Contradiction(f"bounds of {_name(knowledge, variable)} shut the truth out")
    for program in {id(made): made for made in search.programs.values()}.values():
        known = {i: value for i, value in knowledge.truth.items() if i in program.columns}
        if known:
            world = program.solve(known)
            if world is None:
                names = sorted({str(_name(knowledge, i)) for i in known})
                raise Contradiction(f"the truth does not fit: {names[:12]}")
            search.remember(program, world)


def _name(knowledge: Knowledge, variable: int) -> Name:
    return next(name for name, place in knowledge.numbers.items() if place == variable)


def find_breaches(
    knowledge: Knowledge, min_women: int, explain: Callable[[Breach], bool] = lambda breach: False
) -> list[Breach]:
    """Return the withheld cells of which too much can be worked out.

    A true value of 1 to `min_women` - 1 was withheld by the primary rule: each of these values must be left.
    A larger one was withheld to protect another: `min_women` values must be left. A withheld 0 is no secret.

    Parameters
    ----------
    knowledge : Knowledge
        With the truth, to tell the two kinds apart and to check what the outsider takes for known.
    min_women : int
        The threshold.
    explain : callable
        Says of a breach whether to look for the relations that close it (slow).
    """
    search = search_of(knowledge)
    check_truth(knowledge, search)
    shown = {int(known.variables[0]) for known in knowledge.relations if known.told}
    bare = search_of(knowledge.pattern())
    breaches, done = [], set()
    for cell in knowledge.withheld:
        truth = knowledge.truth[cell.variable]
        # What another cell shows was not withheld to protect anything, unless it is small itself.
        harmless = truth == 0 or (truth >= min_women and cell.variable in shown)
        if harmless or cell.variable in done:
            continue
        done.add(cell.variable)
        breach = _examine(search, bare, cell, truth, min_women)
        if breach and explain(breach):
            breach = replace(breach, closed_by=tuple(_closing(knowledge, cell, breach)))
        breaches += [breach] if breach else []
    return breaches


def _examine(search: Search, bare: Search, cell: Withheld, truth: int, min_women: int) -> Breach | None:
    """Return how a cell falls short, if it does.

    What the pattern of empty cells shuts out by itself (`bare`) nobody can hide: the sum of two empty cells,
    each at least 1, is not 1.
    """
    seen, place = search.seen[cell.variable], cell.variable
    if truth < min_women:
        kind = "primary"
        wanted = range(int(max(1, bare.tightened.low[place])), min_women)
        shut = [value for value in wanted if value not in seen and not search.ask(place, value)]
        left = [value for value in wanted if value not in shut]
        if shut and left and max(shut) < min(left) and place in bare.programs:
            shut = [value for value in shut if value >= bare.programs[place].least(place)]
        short = bool(shut)
    else:
        kind = "secondary"
        shut = _shut_out(search, place, truth, min_women)
        left, short = sorted(seen), len(seen) < min_women
    if place in search.undecided:
        return Breach(cell.cell, "undecided", tuple(left), tuple(shut))
    return Breach(cell.cell, kind, tuple(left), tuple(shut)) if short else None


def _shut_out(search: Search, variable: int, truth: int, enough: int) -> list[int]:
    """Ask for values around the truth, outward, until enough are seen; return those that are shut out."""
    seen, shut, step = search.seen[variable], [], 0
    low, high = search.tightened.low[variable], search.tightened.high[variable]
    while len(seen) < enough and (truth - step >= low or truth + step <= high):
        around = sorted({truth - step, truth + step} - seen)
        shut += [
            value
            for value in around
            if low <= value <= high and len(seen) < enough and not search.ask(variable, value)
        ]
        step += 1
        if variable in search.undecided:
            break
    return shut


def _closing(knowledge: Knowledge, cell: Withheld, breach: Breach) -> list[str]:
    """Return the labels without each of which the cell would be safe, least particular left out first."""
    left = knowledge
    for label in knowledge.labels():
        fewer = left.without(label)
        search = search_of(fewer)
        if not _is_open(search, cell, breach):
            left = fewer
    return [label for label in left.labels() if label != "the public rule"]


def _is_open(search: Search, cell: Withheld, breach: Breach) -> bool:
    """Say whether a value that was shut out has become possible."""
    if breach.impossible:
        return any(search.ask(cell.variable, value) for value in breach.impossible[:4])
    low, high = search.tightened.low[cell.variable], search.tightened.high[cell.variable]
    return any(search.ask(cell.variable, value) for value in (low, high) if value not in breach.possible)
