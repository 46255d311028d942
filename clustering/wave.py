"""One wave of tickets on its way to decisions: all asked at once, some asked once more, the outcome the same at any speed.

First every ticket is asked against the issues as they stood when the wave began. A ticket that would found an issue, and resembles one
that an earlier ticket of the wave founds, is asked once more with those founders shown; askings that wait for no founder run side by
side. Nothing is committed here.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from clustering.answers import clean_text
from clustering.candidates import RESEMBLES, Candidates, TicketText
from clustering.question import Verdict, agent_spoke, ask_where, talks_to_model, with_fix_marked
from clustering.wave_likeness import earlier_alike
from knowledge.base import KnowledgeBase, in_id_order
from knowledge.conversation import Conversation
from knowledge.issue import MAX_CATEGORY_CHARS, Card, Issue
from llm.protocol import AnswerUnusable, Ask, BudgetReached
from prompts_config import Prompts

T = TypeVar("T")

FOUNDERS_SHOWN = 20
"""At the most so many earlier tickets of the wave count for a second asking: a bound on the prompt, whatever the size of the wave."""

Submit = Callable[[Callable[[], Any]], "Future[Any]"]


@dataclass(slots=True, eq=False)
class Question:
    """One ticket of a wave. After `settle` it has a verdict (`founds`: what it would found) or a failure, or was cut off by the budget."""

    conversation: Conversation
    ticket: TicketText
    candidates: list[Issue]
    likeness: dict[str, float]
    answer: "Future[Verdict]"
    verdict: Verdict | None = None
    failure: str = ""
    founds: Issue | None = None

    @property
    def would_found(self) -> bool:
        """True for a verdict that joins no known issue."""
        return self.verdict is not None and self.verdict.joins is None

    @property
    def cut_off(self) -> bool:
        """True when the budget ended before there was an answer."""
        return self.verdict is None and not self.failure


class Wave:
    """Asks a wave's tickets. `ask` may be called from any thread, `submit` runs calls side by side, `base` does not change meanwhile."""

    def __init__(self, base: KnowledgeBase, known: Candidates, *, ask: Ask, prompts: Prompts, submit: Submit) -> None:
        self._base, self._known, self._ask, self._prompts, self._submit = base, known, ask, prompts, submit
        self._questions: list[Question] = []
        self._founded: dict[str, Issue] = {}
        self._founders: dict[str, TicketText] = {}

    def begin(self, conversation: Conversation, *, leaving: set[int]) -> Question:
        """The question about one more ticket, under way."""
        ticket = TicketText.of(conversation)
        candidates = self._known.offered(ticket, leaving=leaving)
        likeness = self._known.likeness(ticket, candidates)
        question = Question(conversation, ticket, candidates, likeness, self._asking(conversation, candidates, likeness))
        self._questions.append(question)
        return question

    def settle(self) -> BudgetReached | None:
        """Wait for all answers and ask once more where needed. What is returned says that the budget cut questions off.

        Raises what ends the run.
        """
        ended: BudgetReached | None = None
        for question in self._questions:
            ended = _take(question) or ended
        waiting = [question for question in self._questions if question.would_found]
        earlier = self._earlier_alike(waiting)
        for ready in _in_turn(waiting, earlier):
            ended = self._ask_again(ready, earlier) or ended
        return ended

    def _asking(self, conversation: Conversation, candidates: list[Issue], likeness: dict[str, float]) -> "Future[Verdict]":
        return self._submit(lambda: ask_where(self._ask, self._prompts, conversation, candidates, likeness))

    def _earlier_alike(self, waiting: Sequence[Question]) -> dict[Question, list[Question]]:
        """The earlier questions that each one resembles, those that it resembles most if there are many."""
        if len(waiting) < 2:
            return {question: [] for question in waiting}
        vectors = [self._known.index.word_vector(question.ticket.whole) for question in waiting]
        places = earlier_alike(vectors, least=RESEMBLES, most=FOUNDERS_SHOWN)
        return {question: [waiting[place] for place in found] for question, found in zip(waiting, places, strict=True)}

    def _ask_again(self, ready: Sequence[Question], earlier: dict[Question, list[Question]]) -> BudgetReached | None:
        """Ask those once more to whom founders are to be shown; whoever still joins none has its own issue then."""
        asked = [question for question in ready if self._show_founders(question, earlier[question])]
        ended: BudgetReached | None = None
        for question in asked:
            ended = _take(question) or ended
        for question in ready:
            if question.would_found and question.verdict is not None:
                question.founds = self._issue_of(question, question.verdict)
                self._founded[question.founds.issue_id] = question.founds
                self._founders[question.founds.issue_id] = question.ticket
        return ended

    def _show_founders(self, question: Question, earlier: Sequence[Question]) -> bool:
        """Put the question again with what resembling tickets founded or joined in this wave; False if that is nothing."""
        names = [self._home_of(other) for other in earlier]
        founders = [self._founded[name] for name in dict.fromkeys(names) if name in self._founded]
        if founders:
            alike = {
                issue.issue_id: self._known.index.resemblance(question.ticket.whole, self._founders[issue.issue_id].whole)
                for issue in founders
            }
            offered = in_id_order([*question.candidates, *founders])
            question.answer = self._asking(question.conversation, offered, {**question.likeness, **alike})
        return bool(founders)

    def _home_of(self, question: Question) -> str:
        if question.founds is not None:
            return question.founds.issue_id
        return (question.verdict.joins if question.verdict else None) or ""

    def _issue_of(self, question: Question, verdict: Verdict) -> Issue:
        card = _card_with_title(verdict.answer.card, question.conversation)
        supported = agent_spoke(question.conversation, verdict.answer.evidence)
        return Issue(self._base.free_id(question.ticket.ticket_id), with_fix_marked(card, supported=supported))


def _in_turn(waiting: Sequence[Question], earlier: dict[Question, list[Question]]) -> Iterator[list[Question]]:
    """Groups of questions, each one after all the earlier ones that it resembles, as soon as possible."""
    turns: dict[Question, int] = {}
    for question in waiting:
        turns[question] = 1 + max((turns[other] for other in earlier[question]), default=0)
    for turn in range(1, 1 + max(turns.values(), default=0)):
        yield [question for question in waiting if turns[question] == turn]


def at_once(call: Callable[[], T]) -> "Future[T]":
    """A future of `call()`, done here and now: the way to run without threads."""
    future: Future[T] = Future()
    try:
        future.set_result(call())
    except Exception as error:  # noqa: BLE001 - handed to whoever waits for the future
        future.set_exception(error)
    return future


def _take(question: Question) -> BudgetReached | None:
    """Note the answer. A second asking that has none leaves the first verdict, unless the budget cut it off."""
    try:
        question.verdict = question.answer.result()
    except AnswerUnusable as error:
        question.failure = "" if question.verdict else str(error)
    except BudgetReached as error:
        question.verdict = None
        return error
    return None


def _card_with_title(card: Card, conversation: Conversation) -> Card:
    """The card, named after the ticket where the model gave no name (a match that was too unsure)."""
    if card.category:
        return card
    title = card.short_description or ("" if talks_to_model(conversation) else clean_text(conversation["subject"]))
    return replace(card, category=clean_text(title or f"Ticket {conversation['ticket_id']}", MAX_CATEGORY_CHARS))
