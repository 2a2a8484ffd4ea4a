"""Pregnancies of which only sums can be had, as the models ask for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gravida.errors import NotEstimable
from gravida.federation.answers import Answer
from gravida.federation.pool import Pool
from gravida.federation.questions import Label, Question, Which, question
from gravida.models.bias_reduced import whitened
from gravida.models.corrected_scores import Spread
from gravida.models.kernel import Family, Sums, poisson
from gravida.models.sample import Equations, Moments
from gravida.words import NEEDS_ROWS


@dataclass(frozen=True)
class Pooled:
    """The pregnancies of a model, at hand or not.

    Attributes
    ----------
    pool : Pool
    which : Which
    labels : tuple of Label
        Columns of the design.
    pregnancies, women : int
    relapses : float
    start : ndarray, shape (p,)
        Coefficients of one common rate, or of a rate for each cell.
    tested : tuple of int
        Places of the coefficients that are tested each by itself.
    groups : tuple of tuple of int
        Places of coefficients that are tested together.
    """

    pool: Pool
    which: Which
    labels: tuple[Label, ...]
    pregnancies: int
    women: int
    relapses: float
    start: np.ndarray
    tested: tuple[int, ...] = ()
    groups: tuple[tuple[int, ...], ...] = ()
    # Every iteration is a round: it ends well below what a standard error can tell.
    tolerance: float = 1e-8

    @property
    def batches(self) -> tuple:
        """Raise: the rows themselves are not all at hand."""
        raise NotEstimable(NEEDS_ROWS)

    @property
    def coefficients(self) -> int:
        """Columns of the design."""
        return len(self.labels)

    def flat_start(self) -> np.ndarray:
        """Return the coefficients to start from, shape (p,)."""
        return self.start

    def sums(self, family: Family, parameters: np.ndarray, before: np.ndarray | None = None) -> Sums:
        """Return the sums at these parameters, shape (k,)."""
        answers, k = self._at(family, parameters, before), parameters.size
        return Sums(
            sum(each["log_likelihood"] for each in answers),
            _vector(answers, "score", k),
            _matrix(answers, "information", k),
            sum(each["pregnancies"] for each in answers),
            0.0 if any(each["vanishing"] for each in answers) else 1.0,
            tuple(np.sum([each["shorter"] for each in answers], axis=0).tolist()),
        )

    def meat(self, family: Family, parameters: np.ndarray) -> np.ndarray:
        """Return the sum over women of the outer products of their scores, shape (k, k)."""
        return _matrix(self._at(family, parameters), "meat", parameters.size)

    def moments(self, beta: np.ndarray) -> Moments:
        """Return sums of residuals of the Poisson model with these coefficients, shape (p,)."""
        return Moments(*np.sum([each["moments"] for each in self._at(poisson, beta)], axis=0).tolist())

    def equations(self, beta: np.ndarray, correlation: float) -> Equations:
        """Return the estimating equations at these coefficients, shape (p,), and this correlation."""
        answers = self._ask("equations", parameters=beta, correlation=correlation)
        return Equations(
            _vector(answers, "score", beta.size),
            _matrix(answers, "bread", beta.size),
            _matrix(answers, "meat", beta.size),
            Moments(*np.sum([each["moments"] for each in answers], axis=0).tolist()),
            all(each["in_range"] for each in answers),
        )

    def corrected(
        self, beta: np.ndarray, bread: np.ndarray
    ) -> tuple[np.ndarray, Callable[[np.ndarray], Spread]]:
        """Return the corrected covariance, and the spread along what is tested."""
        directions = [np.eye(beta.size)[:, [place]] for place in self.tested]
        directions += [whitened(bread, list(group)) for group in self.groups]
        answers = self._ask("corrected", parameters=beta, bread=bread, directions=directions)
        covariance = sum(np.array(each["meat"]) for each in answers)
        spreads = [_spread(answers, place) for place in range(len(directions))]

        def along(asked: np.ndarray) -> Spread:
            for direction, spread in zip(directions, spreads, strict=True):
                if np.array_equal(direction, asked):
                    return spread
            raise NotEstimable(NEEDS_ROWS)

        return covariance, along

    def expected(
        self, family: Family, parameters: np.ndarray, place: int, level: float
    ) -> tuple[float, np.ndarray]:
        """Return the relapses expected with the arm's column at 1 or 0, and their derivative, shape (p,)."""
        total, slope = 0.0, np.zeros(len(self.labels))
        for each in self._at(family, parameters):
            total += each["expected"][0 if level == 1.0 else 1]
            # What a site has of the arms, both could have.
            slope[each["whole"]] += np.array(each["slopes"][0 if level == 1.0 else 1])
        return total, slope

    def women_in_rows(self) -> int:
        """Return how many women the rows are of."""
        return sum(each["women"] for each in self._at(poisson, self.start))

    def question(self, kind: str, **more: object) -> Question:
        """Return a question about these pregnancies and columns."""
        return question(kind, self.which, columns=self.labels, **more)

    def _at(
        self, family: Family, parameters: np.ndarray, before: np.ndarray | None = None
    ) -> Sequence[Answer]:
        more = {} if before is None else {"before": before}
        return self._ask("sums", family=family.__name__, parameters=parameters, **more)

    def _ask(self, kind: str, **more: object) -> Sequence[Answer]:
        (answers,) = self.pool.ask(self.question(kind, **more), of=self.which.sites)
        return [each for each in answers.values() if not each.get("empty")]


def _vector(answers: Sequence[Answer], name: str, size: int) -> np.ndarray:
    total = np.zeros(size)
    for each in answers:
        total[each["places"]] += np.array(each[name])
    return total


def _matrix(answers: Sequence[Answer], name: str, size: int) -> np.ndarray:
    total = np.zeros((size, size))
    for each in answers:
        total[np.ix_(each["places"], each["places"])] += np.array(each[name])
    return total


def _spread(answers: Sequence[Mapping], place: int) -> Spread:
    parts = [each["spreads"][place] for each in answers]
    return Spread(*(sum(np.array(part[name]) for part in parts) for name in Spread.__slots__))
