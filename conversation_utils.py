"""Conversations from raw Freshdesk tickets: only the words that were said, by the right mouth, with nobody's secrets.

Puts the rooms together: the payload is read, what nobody said is left out, neighbours are joined, secrets become placeholders. Does not
touch the network and does not judge what a ticket is about; `ignored` names the reasons that the payload itself gives.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cleaning.markup import MEDIA_MARKER
from cleaning.names import people_of
from cleaning.redaction import Redactor
from cleaning.shorten import shorten
from cleaning.thread import SOURCE_OUTBOUND_EMAIL, Entry, Thread, TicketFacts, custom_field, is_set, people_named, read_facts, read_thread
from common.errors import TicketFailed
from knowledge.conversation import (
    CLEANER_VERSION,
    Conversation,
    Message,
    conversation_sha256,
    customer_text,
    load_conversation,
    save_conversation,
    ticket_url,
)

__all__ = [
    "CLEANER_VERSION",
    "Conversation",
    "Message",
    "TicketFailed",
    "build_conversation",
    "conversation_sha256",
    "customer_text",
    "load_conversation",
    "save_conversation",
    "shorten",
]


@dataclass(frozen=True, slots=True)
class _Settings:
    base_url: str
    redact: bool
    include_private_notes: bool
    ignore_field: str | None
    agents: tuple[str, ...]


def build_conversation(
    ticket: Mapping[str, Any],
    *,
    base_url: str = "",
    redact: bool = True,
    include_private_notes: bool = True,
    ignore_field: str | None = None,
    agents: Sequence[str] = (),
) -> Conversation:
    """The cleaned conversation of a raw ticket (`GET /tickets/{id}` with its whole `conversations` list).

    `agents` are names of the helpdesk's people, which are hidden wherever they stand. Raises `TicketFailed`, and nothing else, whatever
    the payload.

    >>> build_conversation({"id": 7, "description": "<p>It fails</p>"})["conversation"][0]["text"]
    'It fails'
    """
    try:
        return _build(ticket, _Settings(base_url, redact, include_private_notes, ignore_field, tuple(agents)))
    except TicketFailed:
        raise
    except Exception as error:  # a payload that nobody thought of is that ticket's failure, not the run's
        raise TicketFailed(f"the ticket cannot be read ({type(error).__name__})") from error


def _build(ticket: Mapping[str, Any], settings: _Settings) -> Conversation:
    if not isinstance(ticket, Mapping):
        raise TicketFailed("the reply is not a ticket")
    facts = read_facts(ticket)
    if facts.ticket_id is None:
        raise TicketFailed("the reply has no ticket id")
    thread = read_thread(ticket)
    merged = _merged_into(thread.entries)
    _leave_out(thread, include_private_notes=settings.include_private_notes)
    clean = _redactor(ticket, thread, settings.agents).redact if settings.redact else str
    result = _header(facts, facts.ticket_id, settings, clean)
    result["conversation"] = _join(thread.entries, clean)
    result["ignored"] = _ignored(facts, result["conversation"], merged=merged)
    if settings.ignore_field and is_set(custom_field(ticket, settings.ignore_field)):
        result["ignored"] = result["ignored"] or f"custom field {settings.ignore_field} is set"
    if merged is not None:
        result["merged_into"] = merged
    if thread.dropped:
        result["dropped"] = dict(sorted(thread.dropped.items()))
    if thread.attachments:
        result["dropped_attachments"] = [clean(name) for name in thread.attachments]
    return result


def _redactor(ticket: Mapping[str, Any], thread: Thread, agents: tuple[str, ...]) -> Redactor:
    redactor = Redactor(names=people_named(ticket), agents=people_of(agents))
    for entry in thread.entries:
        redactor.learn(entry.text, greets=entry.speaker == "agent")
    return redactor


def _header(facts: TicketFacts, ticket_id: int, settings: _Settings, clean: Callable[[str], str]) -> Conversation:
    """The conversation without its messages; the keys for settings stand only where a setting is not the usual one."""
    header: Conversation = {
        "ticket_id": ticket_id,
        "subject": clean(facts.subject),
        "status": facts.status,
        "source": facts.source,
        "type": None if facts.type is None else clean(facts.type),
        "tags": [clean(tag) for tag in facts.tags],
        "created_at": facts.created_at,
        "updated_at": facts.updated_at,
        "url": ticket_url(ticket_id, settings.base_url),
        "ignored": None,
        "redacted": settings.redact,
        "cleaner_version": CLEANER_VERSION,
        "conversation": [],
    }
    if not settings.include_private_notes:
        header["private_notes"] = False
    if settings.ignore_field:
        header["ignore_field"] = settings.ignore_field
    return header


def _leave_out(thread: Thread, *, include_private_notes: bool) -> None:
    """Takes out of the thread what nobody said and what says nothing, and counts it by reason."""
    kept: list[Entry] = []
    known: set[str] = set()
    for place, entry in enumerate(thread.entries):
        reason = entry.dropped or _nothing_said(entry, known, kept, include_private_notes=include_private_notes)
        if reason is None:
            kept.append(entry)
            known.update(entry.text.split())
        elif place or reason != "empty":
            thread.dropped[reason] += 1
        if reason in ("only an attachment", "only a quote"):
            thread.attachments.extend(match[0] for match in MEDIA_MARKER.finditer(entry.text))
    thread.entries = kept


def _nothing_said(entry: Entry, known: set[str], kept: list[Entry], *, include_private_notes: bool) -> str | None:
    if entry.private and not include_private_notes:
        return "private note"
    words = MEDIA_MARKER.sub("", entry.text).split()
    if not words:
        return "only an attachment" if entry.text.strip() else "empty"
    doubled = len(kept) == 1 and kept[0].speaker == entry.speaker and kept[0].private == entry.private
    return "repeats the opening" if doubled and words == MEDIA_MARKER.sub("", kept[0].text).split() else None


def _join(entries: list[Entry], clean: Callable[[str], str]) -> list[Message]:
    """Messages with neighbours joined where speaker and privacy agree."""
    messages: list[Message] = []
    for (speaker, private), group in itertools.groupby(entries, key=lambda entry: (entry.speaker, entry.private)):
        joined = list(group)
        text = "\n\n".join(clean(entry.text) for entry in joined)
        first = joined[0]
        messages.append({"speaker": speaker, "text": text, "private": private, "incoming": first.incoming, "created_at": first.created_at})
    return messages


def _merged_into(entries: list[Entry]) -> int | None:
    """The ticket that this one was merged into; None if the customer wrote here after that."""
    target = None
    for entry in entries:
        if entry.merged_into is not None:
            target = entry.merged_into
        elif entry.speaker == "user" and entry.dropped is None and entry.text:
            target = None
    return target


def _ignored(facts: TicketFacts, messages: list[Message], *, merged: int | None) -> str | None:
    if facts.deleted:
        return "deleted"
    if facts.spam:
        return "spam"
    if merged is not None:
        return f"merged into ticket {merged}"
    if not messages:
        return "empty"
    if facts.source == SOURCE_OUTBOUND_EMAIL and all(message["speaker"] == "agent" for message in messages):
        return "outbound without an answer"
    return None
