"""The rounds of an exchange: what centres have answered so far, who is awaited, and what is asked next.

The estimates are worked out anew in each round, from all answers: there is no state but the files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gravida.federation.answers import Answer
from gravida.federation.contrasts import PooledContrasts
from gravida.federation.exchange import Centre, Request, read_summary
from gravida.federation.mail import MOST_ROUNDS
from gravida.federation.questions import Question
from gravida.statistics.course import estimate_course
from gravida.statistics.estimability import describe_estimability
from gravida.statistics.imputed import ImputationPlan
from gravida.statistics.predictors import estimate_predictors
from gravida.statistics.rate_ratios import estimate_rate_ratios
from gravida.statistics.sensitivity import estimate_sensitivity


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
            where = f"exchange/round_{request.round:02}/{centre.site}.json"
            given[centre.site] |= read_summary(text, where, centre, request, threshold)
    return Exchange(tuple(requests), given, tuple(awaited))


def questions_left(contrasts: PooledContrasts) -> dict[str, Question]:
    """Return what the estimates of the plan still need to know of the centres, by key.

    Parameters
    ----------
    contrasts : PooledContrasts
        With the covariates of the plan.
    """
    for estimate in (describe_estimability, estimate_rate_ratios, estimate_course):
        estimate(contrasts)
    estimate_predictors(contrasts, None)
    estimate_sensitivity(contrasts, None, ImputationPlan(0, 0))
    return contrasts.pool.asked


def next_request(answered: int, plan: str, asked: Mapping[str, Question]) -> Request | None:
    """Return the request of the next round; None where nothing is left to ask, or no round is left.

    Parameters
    ----------
    answered : int
        The last round; every centre has answered it.
    plan : str
        Digest of the analysis plan.
    asked : mapping of key to Question
        As `questions_left` returns it.
    """
    if not asked or answered >= MOST_ROUNDS:
        return None
    return Request(answered + 1, plan, dict(asked))
