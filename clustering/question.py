"""One ticket's question: what is asked, how it is shortened, and how far the answer can be trusted.

Guards only ever lower the model's own confidence. Keeps no state and knows nothing of waves or of the database.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from cleaning.shorten import shorten
from clustering import suspicion
from clustering.answers import DecisionAnswer, parse_decision
from clustering.contested import contested
from knowledge.conversation import Conversation
from knowledge.issue import CARD_FIELDS, SURE, Card, Issue
from llm.protocol import AnswerUnusable, Ask, ContextTooLong
from prompts_config import DECISION_SCHEMA, Prompts

TICKET_CHARS = (24_000, 12_000, 6_000, 3_000)
"""Lengths of the conversation that are tried in turn while the model finds the question too long."""

CARD_CHARS = 1_500

NO_FIX = "No confirmed fix."

TWO_ANSWERS = "a second asking answered differently"

GUARD_CAPS: Mapping[str, float] = MappingProxyType(
    {
        "suspicious text": 0.65,
        "category not on the list": 0.65,
        "evidence out of range": 0.8,
        "conversation shortened": 0.9,
        "answer asked for twice": 0.9,
        TWO_ANSWERS: 0.85,
        "no evidence named": 0.95,
    }
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer with the confidence that is left after the guards; `candidates` are the ids that were offered.

    `margin`, -1 to 1: what the ticket has in common with the issue that the answer names, less what it has with the best other one. For a
    new issue, how little it has in common with any. It is kept for people and changes nothing.
    """

    answer: DecisionAnswer
    confidence: float
    guards: tuple[str, ...]
    candidates: tuple[str, ...]
    margin: float

    @property
    def joins(self) -> str | None:
        """The issue that the ticket joins by the rule, None when it founds one."""
        return self.answer.issue_id if self.confidence >= SURE else None


def ask_where(
    ask: Ask,
    prompts: Prompts,
    conversation: Conversation,
    candidates: Sequence[Issue],
    likeness: Mapping[str, float] = MappingProxyType({}),
) -> Verdict:
    """Where the model puts the ticket; `likeness` by issue id is shown beside the candidates.

    An answer that wavers is asked again with nothing but the contested issues shown, and the second answer counts. Raises
    `AnswerUnusable` for this ticket's failure; the run's own troubles pass through.
    """
    answer, guards = _asked(ask, prompts, conversation, candidates, likeness)
    between = contested(answer, candidates, likeness, names_tell=not prompts.categories)
    if between:
        with contextlib.suppress(AnswerUnusable):
            first = answer
            answer, guards = _asked(ask, prompts, conversation, between, likeness)
            guards += (TWO_ANSWERS,) if answer.issue_id != first.issue_id else ()
    offered = tuple(issue.issue_id for issue in candidates)
    return Verdict(answer, _capped(answer.confidence, guards), guards, offered, _margin(answer, likeness))


def _margin(answer: DecisionAnswer, likeness: Mapping[str, float]) -> float:
    others = max((value for issue_id, value in likeness.items() if issue_id != answer.issue_id), default=0.0)
    return round(likeness.get(answer.issue_id or "", 0.0) - others, 2)


def _asked(
    ask: Ask, prompts: Prompts, conversation: Conversation, candidates: Sequence[Issue], likeness: Mapping[str, float]
) -> tuple[DecisionAnswer, tuple[str, ...]]:
    """The answer to one asking and the guards that it raises, the conversation as short as the model needs it."""
    offered = tuple(issue.issue_id for issue in candidates)
    for max_chars in TICKET_CHARS:
        shown = shorten(conversation, max_chars=max_chars)

        def parse(text: str, shown: Conversation = shown) -> DecisionAnswer:
            return parse_decision(
                text,
                offered=offered,
                message_count=len(shown["conversation"]),
                fallback_title=shown["subject"],
                categories=prompts.categories,
            )

        try:
            answer = ask(prompts.decision_messages(shown, candidates, likeness), schema=DECISION_SCHEMA, parse=parse)
        except ContextTooLong:
            continue
        guards = _guards(answer.value, shown, shortened=shown is not conversation, asked_again=answer.asked_again)
        said = replace(answer.value, card=without_orders(answer.value.card))
        return said, guards
    raise AnswerUnusable(f"the model finds the question too long even with {TICKET_CHARS[-1]} characters of the conversation")


def talks_to_model(conversation: Conversation) -> bool:
    """True when the ticket's text seems to address the model; it is then shown to it in that ticket's own question only."""
    shown = shorten(conversation, max_chars=TICKET_CHARS[0])
    return suspicion.is_suspicious([shown["subject"], *(message["text"] for message in shown["conversation"])])


def without_orders(card: Card) -> Card:
    """The card without texts that address the model: it will be shown with every later ticket."""
    harmless: dict[str, Any] = {}
    for part in CARD_FIELDS:
        value = getattr(card, part.name)
        harmless[part.name] = tuple(text for text in value if _harmless(text)) if part.many else _harmless(value)
    return Card(**harmless)


def with_fix_marked(card: Card, *, supported: bool) -> Card:
    """The card, its notes saying so when it has steps that no agent's message supports."""
    if supported or not card.resolution_steps or card.notes.startswith(NO_FIX):
        return card
    return replace(card, notes=f"{NO_FIX} {card.notes}".strip())


def agent_spoke(conversation: Conversation, numbers: Sequence[int] = ()) -> bool:
    """True when one of the numbered messages (all, if none is named) is an agent's or an internal note."""
    messages = conversation["conversation"]
    chosen = [messages[number - 1] for number in numbers if number <= len(messages)] or messages
    return any(message["speaker"] == "agent" for message in chosen)


def _harmless(text: str) -> str:
    return "" if suspicion.is_suspicious([text]) else text


def _guards(answer: DecisionAnswer, conversation: Conversation, *, shortened: bool, asked_again: bool) -> tuple[str, ...]:
    found = {
        "suspicious text": talks_to_model(conversation),
        "category not on the list": answer.category_off_list and answer.issue_id is None,
        "evidence out of range": answer.evidence_out_of_range,
        "conversation shortened": shortened,
        "answer asked for twice": asked_again,
        "no evidence named": not answer.evidence,
    }
    return tuple(name for name, raised in found.items() if raised)


def _capped(confidence: float, guards: Sequence[str]) -> float:
    return min([confidence, *(GUARD_CAPS[name] for name in guards)])


def shortened_for_card(conversation: Conversation) -> Conversation:
    """A conversation as short as it may be in a question about several tickets."""
    return shorten(conversation, max_chars=CARD_CHARS)
