"""One ticket's question: what is asked, how it is shortened, how far the answer can be trusted, and the decision log's row of it.

Guards only ever lower the model's own confidence. Keeps no state and knows nothing of waves or of the database.
"""

import functools
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from cleaning.shorten import shorten
from clustering import suspicion
from clustering.answers import DecisionAnswer, clean_text, parse_decision
from clustering.steps import agent_messages, checked
from knowledge.conversation import Conversation, conversation_sha256
from knowledge.decision import DecisionRow, Outcome
from knowledge.issue import MAX_CATEGORY_CHARS, SURE, Card, Issue
from llm.protocol import Answer, AnswerUnusable, Ask, ContextTooLong
from prompts_config import DECISION_SCHEMA, Prompts

TICKET_CHARS = (24_000, 12_000, 6_000, 3_000)
"""Lengths of the conversation that are tried in turn while the model finds the question too long."""

GUARD_CAPS: Mapping[str, float] = MappingProxyType(
    {
        "suspicious text": 0.65,
        "category not on the list": 0.65,
        "a step that no agent wrote": 0.65,
        "evidence out of range": 0.8,
        "conversation shortened": 0.9,
        "answer asked for twice": 0.9,
        "no evidence named": 0.95,
    }
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer with the confidence that is left after the guards; `candidates` are the ids that were offered.

    `card` is the answer's with the steps that an agent said, `evidence` their messages. `held_back` is None, or for an issue that is not
    to be offered the id that was meant ("" for none).
    """

    answer: DecisionAnswer
    confidence: float
    guards: tuple[str, ...]
    candidates: tuple[str, ...]
    card: Card
    evidence: tuple[tuple[str, ...], ...] = ()

    @property
    def joins(self) -> str | None:
        """The issue that the ticket joins by the rule, None when it founds one."""
        return self.answer.issue_id if self.confidence >= SURE else None

    @property
    def held_back(self) -> str | None:
        """What the ticket's own issue is held back for: an unsure match's id, "" for a ticket that states no problem."""
        return "" if self.answer.unclear else self.answer.issue_id


def ask_where(ask: Ask, prompts: Prompts, conversation: Conversation, candidates: Sequence[Issue]) -> Verdict:
    """Where the model puts the ticket, its conversation as short as the model needs it.

    Raises `AnswerUnusable` for this ticket's failure; the run's own troubles pass through.
    """
    for max_chars in TICKET_CHARS:
        shown = shorten(conversation, max_chars=max_chars)
        parse = functools.partial(
            parse_decision,
            offered=[issue.issue_id for issue in candidates],
            message_count=len(shown["conversation"]),
            fallback_title=shown["subject"],
            categories=prompts.categories,
        )
        try:
            answer = ask(prompts.decision_messages(shown, candidates), schema=DECISION_SCHEMA, parse=parse)
        except ContextTooLong:
            continue
        return _verdict(answer, shown, candidates, closed=bool(prompts.categories), shortened=shown is not conversation)
    raise AnswerUnusable(f"the model finds the question too long even with {TICKET_CHARS[-1]} characters of the conversation")


def _verdict(answer: Answer[DecisionAnswer], shown: Conversation, candidates: Sequence[Issue], *, closed: bool, shortened: bool) -> Verdict:
    """The answer with what the program makes of it: a card of what agents said, and the confidence that is left."""
    said = answer.value
    found = checked(said.card, said.steps, agent_messages(shown), ticket_id=shown["ticket_id"])
    guards = {
        "suspicious text": talks_to_model(shown),
        "category not on the list": said.category_off_list and said.issue_id is None,
        "a step that no agent wrote": found.foreign and said.issue_id is None,
        "evidence out of range": said.evidence_out_of_range,
        "conversation shortened": shortened,
        "answer asked for twice": answer.asked_again,
        "no evidence named": not said.evidence,
    }
    raised = tuple(name for name, is_raised in guards.items() if is_raised)
    confidence = min([said.confidence, *(GUARD_CAPS[name] for name in raised)])
    card = found.card
    if said.unclear or (said.issue_id is not None and confidence < SURE):
        card = _own_title(card, shown, {issue.card.category for issue in candidates}, closed=closed)
    elif not card.category:
        card = replace(card, category=_title(card, shown))
    return Verdict(said, confidence, raised, tuple(issue.issue_id for issue in candidates), card, found.evidence)


def _own_title(card: Card, conversation: Conversation, taken: set[str], *, closed: bool) -> Card:
    """The card of an issue that is held back, under its own title and never under another issue's.

    With a closed list of categories that of the answer stays: there many issues share one.
    """
    if closed and card.category:
        return card
    if not card.short_description and card.category and card.category not in taken:
        return card
    return replace(card, category=_title(card, conversation))


def _title(card: Card, conversation: Conversation) -> str:
    """The ticket's own description, else its subject, else its number."""
    subject = "" if talks_to_model(conversation) else clean_text(conversation["subject"])
    told = clean_text(card.short_description or subject or f"Ticket {conversation['ticket_id']}")
    return clean_text(textwrap.shorten(told, MAX_CATEGORY_CHARS, placeholder="…") if " " in told else told, MAX_CATEGORY_CHARS)


def talks_to_model(conversation: Conversation) -> bool:
    """True when the ticket's text seems to address the model; it is then shown to it in that ticket's own question only."""
    shown = shorten(conversation, max_chars=TICKET_CHARS[0])
    return suspicion.is_suspicious([shown["subject"], *(message["text"] for message in shown["conversation"])])


def row_of(conversation: Conversation, outcome: Outcome, *, reason: str) -> DecisionRow:
    """The row of a ticket of which nothing but the outcome is known."""
    return DecisionRow(
        ticket_id=conversation["ticket_id"],
        issue_id=None,
        outcome=outcome,
        reason=reason,
        subject=conversation["subject"],
        url=conversation["url"],
        created_at=conversation["created_at"],
        updated_at=conversation["updated_at"],
        conversation_sha256=conversation_sha256(conversation),
    )


def decided_row(conversation: Conversation, verdict: Verdict, issue_id: str, *, model: str, prompt_version: str) -> DecisionRow:
    """The row of a ticket that the model decided and that stands in `issue_id` now."""
    answer = verdict.answer
    sure = verdict.confidence >= SURE
    return replace(
        row_of(conversation, "matched" if verdict.joins else "new" if sure else "provisional", reason=reason_of(verdict)),
        issue_id=issue_id,
        confidence=verdict.confidence,
        suggested_issue_id=None if verdict.joins else answer.issue_id,
        evidence=answer.evidence,
        candidates=verdict.candidates,
        short_description=verdict.card.short_description,
        second_choice=answer.second_choice,
        kind=answer.kind,
        guards=verdict.guards,
        decided_by="model",
        model=model,
        prompt_version=prompt_version,
    )


def reason_of(verdict: Verdict) -> str:
    """Why a ticket is where it is, in one line."""
    said = verdict.card.short_description
    if verdict.answer.id_unknown:
        start = "the model named an issue that was not offered"
    elif verdict.answer.unclear:
        start = "the ticket states no problem"
    elif verdict.answer.issue_id is None:
        start = f"none of {len(verdict.candidates)} issues fits" if verdict.candidates else "no issue was known yet"
    else:
        start = f"{'fits' if verdict.joins else 'may fit'} {verdict.answer.issue_id}"
    parts = [f"{start}: {said}" if said else start]
    if verdict.confidence < verdict.answer.confidence:
        parts.append(f"confidence lowered from {verdict.answer.confidence:g}")
    return "; ".join([*parts, *verdict.guards])
