"""A comparison of the arms of which only sums are at hand."""

from dataclasses import dataclass
from functools import cached_property

from gravida.errors import NotEstimable
from gravida.federation.fitting import independent_at
from gravida.federation.sample import Pooled
from gravida.models.kernel import Batch
from gravida.statistics.comparison import ARM, Comparison, Counts
from gravida.words import NEEDS_ROWS


@dataclass(frozen=True)
class PooledComparison(Comparison):
    """A comparison of which only sums are at hand; `rows` is empty, and columns hold no values."""

    pooled: Pooled | None = None
    behind: Counts | None = None

    @property
    def batch(self) -> Batch:
        """Raise: the rows are not all at hand."""
        raise NotEstimable(NEEDS_ROWS)

    @property
    def sample(self) -> Pooled:
        """The pregnancies as a model is fitted to them."""
        return self.pooled

    @property
    def counts(self) -> Counts:
        """What is behind the comparison."""
        return self.behind

    @cached_property
    def obstacle(self) -> NotEstimable | None:
        """Why no likelihood has an answer; that a centre has not answered is a reason."""
        try:
            return Comparison.obstacle.func(self)
        except NotEstimable as waiting:
            return waiting

    @cached_property
    def adds(self) -> list[bool]:
        """Whether each column adds to those before it: intercept, covariates, and the arm last."""
        places = range(len(self.pooled.labels))
        return independent_at(self.pooled, [place for place in places if place != ARM] + [ARM])

    @property
    def rests_on_one_woman(self) -> bool:
        """No: a centre answers only where enough women are behind each level."""
        return False
