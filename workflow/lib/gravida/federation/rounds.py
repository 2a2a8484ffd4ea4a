"""The rounds of an exchange: what centres have answered so far, who is awaited, and what is asked next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gravida.errors import NotEstimable
from gravida.federation.answers import Answer
from gravida.federation.exchange import MOST_ROUNDS, Request, read_summary
from gravida.federation.questions import Question


@dataclass(frozen=True, slots=True)
class Centre:
    """A centre that keeps its rows: its name and its public key."""

    site: str
    public: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked in each round and what was answered.

    Attributes
    ----------
    requests : tuple of Request
        Of rounds 1, 2, ...
    given : mapping of site to mapping
        Answers by the key of the question.
    awaited : tuple of (round, site)
        Answers that are still to come.
    """

    requests: tuple[Request, ...]
    given: Mapping[str, Mapping[str, Answer]]
    awaited: tuple[tuple[int, str], ...]


def gather(
    requests: Sequence[Request],
    summaries: Mapping[tuple[int, str], str],
    centres: Sequence[Centre],
    threshold: int,
) -> Exchange:
    """Return the exchange so far.

    Parameters
    ----------
    requests : sequence of Request
        Of rounds 1, 2, ...
    summaries : mapping of (round, site) to str
        Texts of the files that centres sent.
    centres : sequence of Centre
    threshold : int
        The fewest women behind a number.

    Raises
    ------
    SubmissionRefused
        Naming a file and what is wrong with it.
    """
    given: dict[str, dict[str, Answer]] = {centre.site: {} for centre in centres}
    awaited = []
    for request in requests:
        for centre in centres:
            text = summaries.get((request.round, centre.site))
            if text is None:
                awaited.append((request.round, centre.site))
                continue
            where = f"round_{request.round:02}/{centre.site}.json"
            given[centre.site] |= read_summary(text, where, centre.site, request, threshold, centre.public)
    return Exchange(tuple(requests), given, tuple(awaited))


def next_request(exchange: Exchange, asked: Mapping[str, Question]) -> Request | None:
    """Return the request of the next round; None while answers are awaited, or where nothing is left to ask.

    Parameters
    ----------
    exchange : Exchange
    asked : mapping of key to Question
        What the estimates still need, as `Pool.asked` holds it.

    Raises
    ------
    NotEstimable
        If there have been as many rounds as there may be.
    """
    last = exchange.requests[-1]
    if exchange.awaited or not asked:
        return None
    if last.round >= MOST_ROUNDS:
        raise NotEstimable(f"after {MOST_ROUNDS} rounds some estimates have not settled")
    return Request(last.round + 1, last.plan, dict(asked))
