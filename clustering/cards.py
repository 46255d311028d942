"""Cards that grow with their issues: when an issue has 3, 10, 40, 160 tickets its card is asked for anew, from tickets not seen so far.

The same question may name tickets that do not belong. A card that a person wrote is never asked for; text that talks to the model speaks
in none; a step enters only with an agent's message behind it.
"""

import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from cleaning.shorten import shorten
from clustering.answers import CardAnswer, parse_card
from clustering.candidates import Candidates, TicketText, exemplars
from clustering.question import talks_to_model
from clustering.steps import AgentMessages, agent_messages, checked, old_steps, with_numbers
from clustering.wave import Asking, say_unusable
from knowledge.base import By, KnowledgeBase
from knowledge.checkpoint import Progress
from knowledge.conversation import Conversation
from knowledge.issue import Issue
from llm.protocol import Answer
from prompts_config import CARD_SCHEMA

CARD_AT = (3, 10, 40, 160)
"""Numbers of tickets at which a card is asked for: about once each time an issue has grown fourfold."""
CARD_TICKETS = 5
"""Tickets shown: those that were not shown before, the least similar first, since they tell wrong joins; then the most typical ones.
Near-join over DSTC11 in six orders: ARI .950; .936 where two of the five are always typical, .90 where nothing undoes a wrong join."""
MOST_LOOKED_AT = 64
CARD_CHARS = 1_500
"""To so many characters a conversation is shortened in a question about several."""


@dataclass(frozen=True, slots=True)
class CardQuestion:
    """A card that is asked for, from these tickets; `size` is how many the issue had by then, `said` what agents wrote for its steps."""

    issue_id: str
    tickets: tuple[int, ...]
    size: int
    said: AgentMessages
    answer: "Future[Answer[CardAnswer]]"


@dataclass(frozen=True, slots=True)
class Cards:
    """The card questions of one run. `sizes_before` gives the number of tickets of each issue when the run began."""

    base: KnowledgeBase
    known: Candidates
    progress: Progress
    sizes_before: Mapping[str, int]
    asking: Asking

    def due(self, *, at_end: bool = False) -> list[Issue]:
        """The issues whose cards are due; `at_end` also where the last card saw less than half."""
        return [issue for issue in self.base.changed_issues() if self._is_due(issue, at_end=at_end)]

    def begin(self, due: Iterable[Issue]) -> list[CardQuestion]:
        """The questions about these issues' cards, under way."""
        return [question for issue in due if (question := self._begun(issue)) is not None]

    def apply(self, questions: Sequence[CardQuestion]) -> list[int]:
        """Write the cards; returns the tickets that do not belong."""
        misfits: list[int] = []
        for question in questions:
            answer = self.asking.answer(question.answer, about="a card")
            self.progress.card_sizes[question.issue_id] = question.size
            self.progress.shown.update(question.tickets)
            issue = self.base.issues.get(question.issue_id)
            if answer is None or issue is None or issue.written_by_person():
                continue
            found = checked(answer.card, answer.steps, question.said)
            if not found.card.category:
                say_unusable("a card", "the card talks to the model")
                continue
            self.base.set_card(issue, found.card, by=By.MODEL, step_evidence=found.evidence)
            misfits += [ticket for ticket in answer.misfits if ticket in issue.tickets and ticket not in self.base.reviewed]
        return misfits

    def _is_due(self, issue: Issue, *, at_end: bool) -> bool:
        last, size = self.progress.card_sizes.get(issue.issue_id, self.sizes_before.get(issue.issue_id, 1)), len(issue.tickets)
        grown = any(last < step <= size for step in CARD_AT) or (at_end and size > 2 * last)
        return grown and not issue.written_by_person()

    def _begun(self, issue: Issue) -> CardQuestion | None:
        shown = [shorten(conversation, max_chars=CARD_CHARS) for conversation in self._speaking(issue)]
        if not shown:
            return None
        tickets, prompts = tuple(conversation["ticket_id"] for conversation in shown), self.asking.prompts
        answer = self.asking.put(
            prompts.card_messages(issue, shown, [with_numbers(step) for step in old_steps(issue)]),
            schema=CARD_SCHEMA,
            parse=functools.partial(parse_card, shown=tickets, categories=prompts.categories),
        )
        said = {**self._old_evidence(issue), **{key: text for one in shown for key, text in agent_messages(one).items()}}
        return CardQuestion(issue.issue_id, tickets, len(issue.tickets), said, answer)

    def _old_evidence(self, issue: Issue) -> AgentMessages:
        """The agents' messages that an issue's steps rest on; a step whose message cannot be read again stands for it."""
        said: dict[tuple[int, int], str] = {}
        for step in old_steps(issue):
            for ticket, number in step.messages:
                if ticket in issue.tickets:
                    stored = self.known.conversations([ticket])
                    said[(ticket, number)] = agent_messages(stored[0]).get((ticket, number), "") if stored else step.text
        return said

    def _speaking(self, issue: Issue) -> list[Conversation]:
        """At most `CARD_TICKETS` conversations, in the order of their tickets; text that talks to the model is not passed on."""
        stored = {entry["ticket_id"]: entry for entry in self.known.conversations(exemplars(issue, MOST_LOOKED_AT))}
        likeness = {ticket: self.known.similarity(TicketText.of(entry), issue.issue_id) for ticket, entry in stored.items()}
        odd_first = sorted(stored, key=lambda ticket: (likeness[ticket], ticket))
        unseen = [ticket for ticket in odd_first if ticket not in self.progress.shown]
        chosen = _first(unseen, CARD_TICKETS, stored)
        chosen += _first((ticket for ticket in reversed(odd_first) if ticket not in chosen), CARD_TICKETS - len(chosen), stored)
        return [stored[ticket] for ticket in sorted(chosen)]


def _first(tickets: Iterable[int], count: int, stored: Mapping[int, Conversation]) -> list[int]:
    """The first tickets whose text does not talk to the model."""
    harmless = (ticket for ticket in tickets if not talks_to_model(stored[ticket]))
    return list(itertools.islice(harmless, count))
