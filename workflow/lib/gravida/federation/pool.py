"""Questions to all who hold rows: the answers of those who have given them, and what is still to be asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gravida.errors import NotEstimable
from gravida.federation.answers import Answer, answer
from gravida.federation.questions import Question, key_of
from gravida.federation.selection import Holdings


class Awaiting(NotEstimable):
    """Some centre has not answered yet."""


class Refused(NotEstimable):
    """Some centre does not answer, to protect the women in it."""


@dataclass(frozen=True)
class Pool:
    """The rows at hand, and the answers of centres that keep theirs.

    Attributes
    ----------
    held : Holdings or None
        Rows at hand.
    given : mapping of site to mapping
        Of each centre that keeps its rows: its answers by the key of the question; one that is refused is
        ``{"refused": WHY}``.
    asked : dict
        Questions that some centre has still to answer, by key; filled as estimates are worked out.
    """

    held: Holdings | None
    given: Mapping[str, Mapping[str, Answer]]
    asked: dict[str, Question] = field(default_factory=dict)
    _own: dict[str, Answer] = field(default_factory=dict)

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of all sites, in order."""
        return tuple(sorted([*self.given, *(self.held.sites if self.held else ())]))

    def ask(self, *questions: Question) -> list[list[Answer]]:
        """Return the answers to some questions, one list a question.

        Raises
        ------
        Awaiting
            If a centre has not answered one of them; all are then among `asked`.
        Refused
            If a centre does not answer.
        """
        waiting, refused = {}, {}
        for question in questions:
            key = key_of(question)
            for site in self._centres(question):
                found = self.given[site].get(key)
                if found is None:
                    waiting[site] = self.asked[key] = question
                elif "refused" in found:
                    refused[site] = found["refused"]
        if refused:
            raise Refused(
                "; ".join(f"{site} does not answer: {why}" for site, why in sorted(refused.items()))
            )
        if waiting:
            raise Awaiting(f"waits for an answer of {', '.join(sorted(waiting))}")
        return [self._answers(question) for question in questions]

    def _centres(self, question: Question) -> Sequence[str]:
        sites = question["which"]["sites"] or self.given
        return [site for site in sites if site in self.given]

    def _answers(self, question: Question) -> list[Answer]:
        key = key_of(question)
        answers: list[Any] = [self.given[site][key] for site in self._centres(question)]
        if self.held is not None:
            if key not in self._own:
                self._own[key] = answer(question, self.held)
            answers.append(self._own[key])
        return [each for each in answers if not each.get("empty")]
