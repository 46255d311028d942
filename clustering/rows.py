"""The decision log's row of a ticket that was asked about, or was not: where it is, how sure that is, and why, in words."""

from dataclasses import replace

from clustering.question import Verdict
from knowledge.conversation import Conversation, conversation_sha256
from knowledge.decision import DecisionRow, Outcome
from knowledge.issue import SURE


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
        short_description=answer.card.short_description,
        second_choice=answer.second_choice,
        kind=answer.kind,
        confidence_raw=answer.confidence,
        guards=verdict.guards,
        decided_by="model",
        model=model,
        prompt_version=prompt_version,
    )


def reason_of(verdict: Verdict) -> str:
    """Why a ticket is where it is, in one line."""
    said = verdict.answer.card.short_description
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
