"""Conversations from raw Freshdesk tickets: only the words that were said, by the right mouth, with nobody's secrets.

Puts the rooms together: the payload is read, what nobody said is left out, neighbours are joined, secrets become placeholders. Does not
touch the network and does not judge what a ticket is about; `ignored` names the reasons that the payload itself gives.
"""

import hashlib
import hmac
import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cleaning.history import words_of
from cleaning.markup import MEDIA_MARKER
from cleaning.redaction import Redactor
from cleaning.shorten import shorten
from cleaning.thread import (
    SOURCE_CHAT,
    SOURCE_OUTBOUND_EMAIL,
    Entry,
    Thread,
    customer_of,
    people_named,
    read_header,
    read_thread,
    taken_out,
    ticket_number,
)
from common.errors import TicketFailed
from knowledge.conversation import (
    CLEANER_VERSION,
    CleaningOptions,
    Conversation,
    Message,
    conversation_sha256,
    customer_text,
    load_conversation,
    save_conversation,
)

_MIN_SUBJECT_WORDS = 3  # of a ticket without a message, to be one

__all__ = [
    "CLEANER_VERSION",
    "CleaningOptions",
    "Conversation",
    "Message",
    "TicketFailed",
    "build_conversation",
    "conversation_sha256",
    "customer_text",
    "load_conversation",
    "of_today",
    "save_conversation",
    "shorten",
]


def build_conversation(
    ticket: Mapping[str, Any],
    *,
    base_url: str = "",
    redact: bool = True,
    include_private_notes: bool = True,
    ignore_field: str | None = None,
    agents: Sequence[str] = (),
    customer_key: bytes = b"",
) -> Conversation:
    """The cleaned conversation of a raw ticket (`GET /tickets/{id}` with its whole `conversations` list).

    `agents` are names of the helpdesk's people, which are hidden wherever they stand. With a `customer_key` it holds requester and company
    under names that only this key gives. Raises `TicketFailed`, and nothing else, whatever the payload.

    >>> build_conversation({"id": 7, "description": "<p>It fails</p>"})["conversation"][0]["text"]
    'It fails'
    """
    try:
        options = CleaningOptions(base_url, redact, include_private_notes, ignore_field)
        return _build(ticket, options, agents=tuple(agents), customer_key=customer_key)
    except TicketFailed:
        raise
    except Exception as error:  # a payload that nobody thought of is that ticket's failure, not the run's
        raise TicketFailed(f"the ticket cannot be read ({type(error).__name__})") from error


def _build(ticket: Mapping[str, Any], options: CleaningOptions, *, agents: tuple[str, ...], customer_key: bytes) -> Conversation:
    if not isinstance(ticket, Mapping):
        raise TicketFailed("the reply is not a ticket")
    ticket_id = ticket_number(ticket)
    if ticket_id is None:
        raise TicketFailed("the reply has no ticket id")
    thread = read_thread(ticket, agents=agents)
    merged, machine = _merged_into(thread.entries), thread.entries[0].dropped
    result = read_header(ticket, ticket_id, options)
    _leave_out(thread, result, include_private_notes=options.include_private_notes)
    clean = _redactor(ticket, thread, agents).redact if options.redact else str
    result["subject"] = clean(result["subject"])
    result["type"] = None if result["type"] is None else clean(result["type"])
    result["tags"] = [clean(tag) for tag in result["tags"]]
    result["conversation"] = _join(thread.entries, clean)
    result["ignored"] = _ignored(result, taken_out(ticket, options.ignore_field), merged=merged, machine=machine)
    if merged is not None:
        result["merged_into"] = merged
    if thread.dropped:
        result["dropped"] = dict(sorted(thread.dropped.items()))
    if thread.attachments:
        result["dropped_attachments"] = [clean(name) for name in thread.attachments]
    answers = (message for message in result["conversation"][1:] if message["speaker"] == "agent" and not message["private"])
    if "first_reply_at" not in result and (first := next((message["created_at"] for message in answers), "")):
        result["first_reply_at"] = first
    if customer_key:
        _name_customer(result, ticket, customer_key)
    return result


def of_today(conversation: Conversation, options: CleaningOptions) -> Conversation:
    """A stored conversation of whatever rules, hiding what the options hide by the rules of today; on disk it stays as it is."""
    redactor, hidden = Redactor(), conversation["redacted"] and conversation["cleaner_version"] == CLEANER_VERSION
    for message in conversation["conversation"]:
        redactor.learn(message["text"], greets=message["speaker"] == "agent")
    clean = redactor.redact if options.redact and not hidden else str
    said = (message for message in conversation["conversation"] if options.include_private_notes or not message["private"])
    subject = clean(conversation["subject"])
    return {**conversation, "subject": subject, "conversation": [{**message, "text": clean(message["text"])} for message in said]}


def _name_customer(result: Conversation, ticket: Mapping[str, Any], key: bytes) -> None:
    requester, company = customer_of(ticket)
    if requester is not None:
        result["requester"] = _hidden(key, f"requester {requester}")
    if company is not None:
        result["company"] = _hidden(key, f"company {company}")


def _hidden(key: bytes, name: str) -> str:
    return hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:16]


def _redactor(ticket: Mapping[str, Any], thread: Thread, agents: tuple[str, ...]) -> Redactor:
    redactor = Redactor(names=[*people_named(ticket), *thread.people], agents=agents)
    for entry in thread.entries:
        redactor.learn(entry.text, greets=entry.speaker == "agent")
    return redactor


def _leave_out(thread: Thread, header: Conversation, *, include_private_notes: bool) -> None:
    """Takes out of the thread what nobody said and what says nothing, and counts it by reason; a subject alone is the message."""
    kept: list[Entry] = []
    for place, entry in enumerate(thread.entries):
        reason = entry.dropped or _nothing_said(entry, kept, chat=header["source"] == SOURCE_CHAT, private_notes=include_private_notes)
        if reason is None:
            kept.append(entry)
        elif place or reason != "empty":
            thread.dropped[reason] += 1
        if reason in ("only an attachment", "only a quote"):
            thread.attachments.extend(match[0] for match in MEDIA_MARKER.finditer(entry.text))
    opening = thread.entries[0]
    if not kept and opening.dropped is None and len(words_of(header["subject"])) >= _MIN_SUBJECT_WORDS:
        opening.text = "\n".join(part for part in (header["subject"], opening.text) if part)
        kept = [opening]
    thread.entries = kept


def _nothing_said(entry: Entry, kept: list[Entry], *, chat: bool, private_notes: bool) -> str | None:
    if entry.private and not private_notes:
        return "private note"
    words = MEDIA_MARKER.sub("", entry.text).split()
    if not words:
        return "only an attachment" if entry.text.strip() else "empty"
    others = kept[1:] if chat else kept[1:2]
    doubled = kept and kept[0].speaker == entry.speaker and kept[0].private == entry.private
    if doubled and all(other.speaker != entry.speaker for other in others) and (chat or not others):
        return "repeats the opening" if words == MEDIA_MARKER.sub("", kept[0].text).split() else None
    return None


def _join(entries: list[Entry], clean: Callable[[str], str]) -> list[Message]:
    """Messages with neighbours joined where speaker, privacy and who vouches for it agree."""
    messages: list[Message] = []
    for (speaker, private, pasted), group in itertools.groupby(entries, key=lambda entry: (entry.speaker, entry.private, entry.pasted)):
        joined = list(group)
        first, cut = joined[0], sum((entry.cut for entry in joined), Counter[str]())
        message: Message = {
            "speaker": speaker,
            "text": "\n\n".join(clean(entry.text) for entry in joined),
            "private": private,
            "incoming": first.incoming,
            "created_at": first.created_at,
        }
        if cut:
            message["dropped"] = dict(sorted(cut.items()))
        if pasted:
            message["pasted"] = True
        messages.append(message)
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


def _ignored(result: Conversation, by_a_person: str | None, *, merged: int | None, machine: str | None) -> str | None:
    messages = result["conversation"]
    if by_a_person in ("deleted", "spam"):
        return by_a_person
    if merged is not None:
        return f"merged into ticket {merged}"
    if machine is not None and not any(message["speaker"] == "user" for message in messages):
        return machine
    if not messages:
        return "empty"
    if result["source"] == SOURCE_OUTBOUND_EMAIL and all(message["speaker"] == "agent" for message in messages):
        return "outbound without an answer"
    return by_a_person
