"""What the questions of one round share: whom to ask, what became of each ticket's question, and who resembles what the round founded.

All tickets of a wave are asked about at once, against the issues as they stand, so the outcome is the same at any speed. One that answers
NEW in the words of an issue which an earlier one of the same wave founded is put off to the next, once. Nothing is committed here.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from clustering.candidates import Candidates, TicketText
from clustering.question import Verdict, ask_where
from common.pool import Submit
from knowledge.conversation import Conversation
from llm.protocol import Answer, AnswerUnusable, Ask, BudgetReached, ContextTooLong, JsonSchema, Messages
from prompts_config import Prompts

logger = logging.getLogger(__name__)
T = TypeVar("T")

RESEMBLES = 0.3
"""Two tickets of one wave may be of one issue when the cosine of their answers (category and description) and that of their customers'
words come to so much together. Bursts of short tickets whose cards say nothing then end in one issue (ARI 1.000; with 0.35 .995, .98 where
answers must make up half of it). The words of customers alone come to it in 0 to 7 of 1 000 pairs of two problems."""


@dataclass(slots=True)
class Asking:
    """Whom to ask (from any thread), in which words, and what runs calls side by side; `model` is its name for the log.

    `ended` tells of the budget's end, once that was met.
    """

    ask: Ask
    prompts: Prompts
    submit: Submit
    model: str = ""
    ended: BudgetReached | None = None

    def put(self, messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> "Future[Answer[T]]":
        """A question, under way."""
        return self.submit(lambda: self.ask(messages, schema=schema, parse=parse))

    def answer(self, future: "Future[Answer[T]]", *, about: str) -> T | None:
        """The answer to a question that may stay without one: None if it is unusable, which is said, or was cut off by the budget."""
        try:
            return future.result().value
        except (AnswerUnusable, ContextTooLong) as error:
            say_unusable(about, str(error))
        except BudgetReached as error:
            self.ended = error
        return None


@dataclass(slots=True, eq=False)
class Question:
    """One ticket of a wave. Once its answer is taken it has a verdict or a failure, or was cut off by the budget.

    `before` is the answer of a ticket that was put off: the second one counts, whatever it says. `misfit` is True for a ticket that has
    its place and is asked about once more. `unanswered`: there was no usable answer, for no reason that lies in the ticket.
    """

    conversation: Conversation
    ticket: TicketText
    answer: "Future[Verdict] | None" = None
    before: Verdict | None = None
    misfit: bool = False
    verdict: Verdict | None = None
    failure: str = ""
    unanswered: bool = False

    @property
    def cut_off(self) -> bool:
        """True when the budget ended before there was an answer."""
        return self.verdict is None and not self.failure

    @property
    def says_new(self) -> bool:
        """True for an answer NEW."""
        return self.verdict is not None and self.verdict.answer.issue_id is None and not self.verdict.answer.unclear

    def put(self, known: Candidates, asking: Asking, *, leaving: Collection[int]) -> "Question":
        """This question, under way against the issues as they stand; `leaving` are placed tickets that are to be decided again."""
        candidates = known.offered(self.ticket, leaving=leaving)
        self.answer = asking.submit(lambda: ask_where(asking.ask, asking.prompts, self.conversation, candidates))
        return self

    def take(self, asking: Asking) -> None:
        """Wait for the answer; one that is asked about again and gets none has that of before. Raises what ends the run."""
        assert self.answer is not None, "a question of a wave is under way"
        self.verdict = self.before
        try:
            self.verdict = self.answer.result()
        except AnswerUnusable as error:
            self.failure = "" if self.before else str(error)
            self.unanswered = not error.of_content
        except BudgetReached as error:
            asking.ended = error


class Texts:
    """Texts as vectors of words."""

    def __init__(self) -> None:
        self._holders: dict[str, list[tuple[int, float]]] = {}
        self._count = 0

    def add(self, vector: Mapping[str, float]) -> None:
        """Hold one more text."""
        for word, weight in vector.items():
            self._holders.setdefault(word, []).append((self._count, weight))
        self._count += 1

    def likest(self, vector: Mapping[str, float]) -> float:
        """The product with the text most like it, which is the cosine for vectors of length one; 0 where no word is shared."""
        found: dict[int, float] = {}
        for word, weight in vector.items():
            for place, other in self._holders.get(word, ()):
                found[place] = found.get(place, 0.0) + weight * other
        return max(found.values(), default=0.0)


def told(verdict: Verdict, said: str, vector: Callable[[str], Mapping[str, float]], *, names_tell: bool = True) -> dict[str, float]:
    """The words of an answer and those of its customer side by side, so that both cosines add up; `vector` gives those of a text.

    `names_tell` is False where many issues share a category.
    """
    answer = vector(f"{verdict.card.category if names_tell else ''}\n{verdict.card.short_description}")
    return {**vector(said), **{f"answer: {word}": weight for word, weight in answer.items()}}


def say_unusable(about: str, why: str) -> None:
    """Tell the log of an answer that is not used."""
    logger.warning("a question about %s had no usable answer and changes nothing: %s", about, why)
