"""Questions to all who hold rows: the answers of those who have given them, and what is still to be asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gravida.errors import Awaiting, NotEstimable
from gravida.federation.answers import Answer, answer
from gravida.federation.questions import Question, key_of
from gravida.federation.selection import Holdings


class Refused(NotEstimable):
    """Some centre does not answer, to protect the women in it."""


@dataclass(frozen=True)
class Pool:
    """The rows at hand, and the answers of centres that keep theirs.

    Attributes
    ----------
    held : mapping of site to Holdings
        Rows at hand.
    given : mapping of site to mapping
        Of each centre that keeps its rows: its answers by the key of the question; one that is refused is
        ``{"refused": WHY}``.
    asked : dict
        Questions that some centre has still to answer, by key; filled as estimates are worked out.
    tables : dict
        Tabulations that were made of answers: many estimates need the same.
    """

    held: Mapping[str, Holdings]
    given: Mapping[str, Mapping[str, Answer]]
    asked: dict[str, Question] = field(default_factory=dict)
    tables: dict[tuple, Any] = field(default_factory=dict)
    _own: dict[tuple[str, str], Answer] = field(default_factory=dict)

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of all sites, in order."""
        return tuple(sorted([*self.given, *self.held]))

    def ask(self, *questions: Question, of: Sequence[str] = ()) -> list[dict[str, Answer]]:
        """Return the answers to some questions by site, one mapping a question.

        Parameters
        ----------
        questions : Question
        of : sequence of str
            The sites that are asked; none of them is every site.

        Raises
        ------
        Awaiting
            If a centre has not answered one of them; all are then among `asked`.
        Refused
            If a centre does not answer.
        """
        asked = [site for site in self.sites if not of or site in of]
        waiting, refused = {}, {}
        for question in questions:
            key = key_of(question)
            for site in (site for site in asked if site in self.given):
                found = self.given[site].get(key)
                if found is None:
                    waiting.setdefault(site, {})[key] = question
                elif "refused" in found:
                    refused[site] = found["refused"]
        if refused:
            # What cannot be added up is not asked of the others.
            said = [f"{site} does not answer: {why}" for site, why in sorted(refused.items())]
            raise Refused("; ".join(said))
        for unanswered in waiting.values():
            self.asked.update(unanswered)
        if waiting:
            raise Awaiting(f"waits for an answer of {', '.join(sorted(waiting))}")
        return [{site: self._answer(question, site) for site in asked} for question in questions]

    def _answer(self, question: Question, site: str) -> Answer:
        key = key_of(question)
        if site in self.given:
            return self.given[site][key]
        if (key, site) not in self._own:
            self._own[key, site] = answer(question, self.held[site])
        return self._own[key, site]
