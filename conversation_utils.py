"""Conversations from raw Freshdesk tickets: only the words that were said, by the right mouth, with nobody's secrets.

The only place that knows Freshdesk's payload keys. Every field may be missing, null or of another type. Does not touch the network and
does not judge what a ticket is about; `ignored` names the reasons that the payload itself gives.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conversation_files import load_conversation, save_conversation, ticket_url
from conversation_types import CLEANER_VERSION, Conversation, Message, Speaker, conversation_sha256, customer_text
from html_text import MEDIA_MARKER, Line, html_lines, text_lines
from machine_messages import forwards_by_subject, is_auto_reply, merged_from_text, merged_into
from mail_markup import mail_mark
from plain_text import one_line, tidy
from prompt_length import shorten
from quoted_text import new_lines
from redaction import Redactor
from signatures import without_signature
from utc_time import to_utc

__all__ = [
    "CLEANER_VERSION",
    "Conversation",
    "ConversationUnusable",
    "Message",
    "build_conversation",
    "conversation_sha256",
    "customer_text",
    "load_conversation",
    "save_conversation",
    "shorten",
]

SOURCE_OUTBOUND_EMAIL = 10
CONVERSATION_SURVEY, CONVERSATION_FORWARD = 6, 8


class ConversationUnusable(Exception):
    """This ticket's payload holds no conversation; the message says why. Other tickets are not concerned."""


@dataclass(slots=True)
class _Entry:
    """One message of the thread on its way; `dropped` is the reason why it is left out."""

    speaker: Speaker
    private: bool
    incoming: bool
    created_at: str
    text: str = ""
    only_quoted: bool = False
    dropped: str | None = None
    merged_into: int | None = None


@dataclass(slots=True)
class _Thread:
    entries: list[_Entry] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    attachments: list[str] = field(default_factory=list)


def build_conversation(
    ticket: Mapping[str, Any],
    *,
    base_url: str = "",
    redact: bool = True,
    include_private_notes: bool = True,
    ignore_field: str | None = None,
) -> Conversation:
    """The cleaned conversation of a raw ticket (`GET /tickets/{id}` with its whole `conversations` list).

    Raises `ConversationUnusable`, and nothing else, whatever the payload.

    >>> build_conversation({"id": 7, "description": "<p>It fails</p>"})["conversation"][0]["text"]
    'It fails'
    """
    try:
        return _build(ticket, base_url, redact, include_private_notes, ignore_field)
    except ConversationUnusable:
        raise
    except Exception as error:  # a payload that nobody thought of is that ticket's failure, not the run's
        raise ConversationUnusable(f"the ticket cannot be read ({type(error).__name__})") from error


def _build(ticket: Mapping[str, Any], base_url: str, redact: bool, include_private_notes: bool, ignore_field: str | None) -> Conversation:
    if not isinstance(ticket, Mapping):
        raise ConversationUnusable("the reply is not a ticket")
    ticket_id = _number(ticket.get("id"))
    if ticket_id is None or not 0 < ticket_id < 2**63:
        raise ConversationUnusable("the reply has no ticket id")
    thread = _thread(ticket)
    merged = _merged_into(thread.entries)
    thread = _leave_out(thread, include_private_notes=include_private_notes)
    clean = Redactor(names=_names(ticket)).redact if redact else str
    result = _header(ticket, ticket_id, base_url, clean)
    result["redacted"] = redact
    result["conversation"] = _join(thread.entries, clean)
    result["ignored"] = _ignored(ticket, result["conversation"], merged, ignore_field)
    _add_extras(result, thread, clean, merged=merged, include_private_notes=include_private_notes, ignore_field=ignore_field)
    return result


def _header(ticket: Mapping[str, Any], ticket_id: int, base_url: str, clean: Callable[[str], str]) -> Conversation:
    tags = ticket.get("tags")
    kind = ticket.get("type")
    return {
        "ticket_id": ticket_id,
        "subject": clean(_subject(ticket)),
        "status": _number(ticket.get("status")),
        "source": _number(ticket.get("source")),
        "type": clean(one_line(kind)) if isinstance(kind, str) and kind.strip() else None,
        "tags": [clean(one_line(tag)) for tag in tags if isinstance(tag, str) and tag.strip()] if isinstance(tags, list) else [],
        "created_at": to_utc(ticket.get("created_at")),
        "updated_at": to_utc(ticket.get("updated_at")),
        "url": ticket_url(ticket_id, base_url),
        "ignored": None,
        "redacted": True,
        "cleaner_version": CLEANER_VERSION,
        "conversation": [],
    }


def _add_extras(
    result: Conversation,
    thread: _Thread,
    clean: Callable[[str], str],
    *,
    merged: int | None,
    include_private_notes: bool,
    ignore_field: str | None,
) -> None:
    if merged is not None:
        result["merged_into"] = merged
    if thread.dropped:
        result["dropped"] = dict(sorted(thread.dropped.items()))
    if thread.attachments:
        result["dropped_attachments"] = [clean(name) for name in thread.attachments]
    if not include_private_notes:
        result["private_notes"] = False
    if ignore_field:
        result["ignore_field"] = ignore_field


# --- the thread: who said what, in order


def _thread(ticket: Mapping[str, Any]) -> _Thread:
    """The opening and all messages in the order of their times, each with the reason if it is to be left out."""
    thread = _Thread()
    opening = _opening(ticket)
    replies: list[tuple[str, int, _Entry]] = []
    seen: set[int] = set()
    last_time = opening.created_at
    for raw in _list(ticket.get("conversations")):
        if not isinstance(raw, Mapping):
            thread.dropped["unreadable"] += 1
            continue
        number = _number(raw.get("id"))
        if number is not None and number in seen:
            continue
        seen.update(() if number is None else (number,))
        entry = _reply(raw, ticket)
        last_time = entry.created_at or last_time  # one without a time stays where it stood
        replies.append((last_time, number or 0, entry))
    replies.sort(key=lambda item: item[:2])
    thread.entries = [opening, *(entry for _, _, entry in replies)]
    return thread


def _opening(ticket: Mapping[str, Any]) -> _Entry:
    outbound = _number(ticket.get("source")) == SOURCE_OUTBOUND_EMAIL
    speaker: Speaker = "agent" if outbound else "user"
    entry = _Entry(speaker, private=False, incoming=not outbound, created_at=to_utc(ticket.get("created_at")))
    lines = _lines(ticket.get("description"), ticket.get("description_text"))
    _fill(entry, lines, ticket.get("attachments"), headers_mean_forward=forwards_by_subject(_subject(ticket)))
    return entry


def _reply(raw: Mapping[str, Any], ticket: Mapping[str, Any]) -> _Entry:
    private, incoming = _flag(raw.get("private")), _flag(raw.get("incoming"))
    author = _number(raw.get("user_id"))
    by_requester = author is not None and author == _number(ticket.get("requester_id"))
    speaker: Speaker = "user" if not private and (incoming or by_requester) else "agent"
    entry = _Entry(speaker, private=private, incoming=incoming, created_at=to_utc(raw.get("created_at")))
    source = _number(raw.get("source"))
    _fill(entry, _lines(raw.get("body"), raw.get("body_text")), raw.get("attachments"), keep_forwards=source != CONVERSATION_FORWARD)
    entry.merged_into = None if incoming else merged_into(entry.text)
    entry.dropped = _machine_made(raw, entry, source)
    return entry


def _machine_made(raw: Mapping[str, Any], entry: _Entry, source: int | None) -> str | None:
    """Why nobody said this message; None if somebody did. The words of a ticket merged into this one stay, as its customer's."""
    if source == CONVERSATION_SURVEY:
        return "survey"
    if _flag(raw.get("auto_response")) or is_auto_reply(entry.text, incoming=entry.incoming):
        return "auto-reply"
    if _number(raw.get("automation_id")) is not None and not entry.incoming:
        return "automation"
    if entry.merged_into is not None:
        return "merge note"
    words = None if entry.incoming else merged_from_text(entry.text)
    if words is None:
        return None
    if not words:
        return "merge note"
    entry.text, entry.speaker = words, "user"
    return None


def _lines(body: Any, plain: Any) -> list[Line]:
    """Lines of a message: from its HTML; from the plain text, which may have lost its line ends, only where there is no HTML."""
    if isinstance(body, str) and body.strip():
        return html_lines(body, mark=mail_mark)
    return text_lines(plain) if isinstance(plain, str) else []


def _fill(entry: _Entry, lines: list[Line], attachments: Any, *, keep_forwards: bool = True, headers_mean_forward: bool = False) -> None:
    new = new_lines(lines, keep_forwards=keep_forwards, headers_mean_forward=headers_mean_forward)
    said = tidy("\n".join(line.text for line in without_signature(new.lines)))
    files = [_attachment(item) for item in _list(attachments) if isinstance(item, Mapping)]
    entry.text = "\n".join(part for part in (said, *files) if part)
    entry.only_quoted = new.only_quoted


def _attachment(item: Mapping[str, Any]) -> str:
    """`[attachment: name, type, size]` with what is known of it; never its link."""
    name, kind, size = item.get("name"), item.get("content_type"), _number(item.get("size"))
    known = [one_line(value)[:120] for value in (name, kind) if isinstance(value, str) and value.strip()]
    if size is not None and size >= 0:
        known.append(f"{size} B" if size < 1000 else f"{size // 1000} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB")
    details = ", ".join(known).replace("[", "(").replace("]", ")")
    return f"[attachment: {details}]" if details else "[attachment]"


# --- what is left out, what is joined


def _leave_out(thread: _Thread, *, include_private_notes: bool) -> _Thread:
    kept: list[_Entry] = []
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
    return thread


def _nothing_said(entry: _Entry, known: set[str], kept: list[_Entry], *, include_private_notes: bool) -> str | None:
    words = MEDIA_MARKER.sub("", entry.text).split()
    if not words:
        return "only an attachment" if entry.text.strip() else "empty"
    if entry.private and not include_private_notes:
        return "private note"
    if entry.only_quoted and kept and sum(word in known for word in words) >= 0.9 * len(words):
        return "only a quote"
    doubled = len(kept) == 1 and kept[0].speaker == entry.speaker and kept[0].private == entry.private
    return "repeats the opening" if doubled and words == MEDIA_MARKER.sub("", kept[0].text).split() else None


def _join(entries: list[_Entry], clean: Callable[[str], str]) -> list[Message]:
    """Messages with neighbours joined where speaker and privacy agree."""
    messages: list[Message] = []
    for entry in entries:
        text = clean(entry.text)
        if messages and (messages[-1]["speaker"], messages[-1]["private"]) == (entry.speaker, entry.private):
            messages[-1]["text"] += f"\n\n{text}"
            continue
        messages.append(
            {"speaker": entry.speaker, "text": text, "private": entry.private, "incoming": entry.incoming, "created_at": entry.created_at}
        )
    return messages


# --- what is no issue


def _merged_into(entries: list[_Entry]) -> int | None:
    """The ticket that this one was merged into; None if the customer wrote here after that."""
    target = None
    for entry in entries:
        if entry.merged_into is not None:
            target = entry.merged_into
        elif entry.speaker == "user" and entry.dropped is None and entry.text:
            target = None
    return target


def _ignored(ticket: Mapping[str, Any], messages: list[Message], merged: int | None, ignore_field: str | None) -> str | None:
    if _flag(ticket.get("deleted")):
        return "deleted"
    if _flag(ticket.get("spam")):
        return "spam"
    if merged is not None:
        return f"merged into ticket {merged}"
    if ignore_field and _is_set(_custom_field(ticket, ignore_field)):
        return f"custom field {ignore_field} is set"
    if not messages:
        return "empty"
    if _number(ticket.get("source")) == SOURCE_OUTBOUND_EMAIL and all(message["speaker"] == "agent" for message in messages):
        return "outbound without an answer"
    return None


def _custom_field(ticket: Mapping[str, Any], name: str) -> Any:
    fields = ticket.get("custom_fields")
    if not isinstance(fields, Mapping):
        return None
    return fields.get(name, fields.get(f"cf_{name}"))


def _is_set(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().casefold() not in ("", "false", "no", "0", "none", "null")
    return bool(value)


# --- people that the payload names


def _names(ticket: Mapping[str, Any]) -> list[str]:
    """Names of requester, agents and correspondents as far as the payload holds them."""
    found: list[str] = []
    for item in (ticket, *(entry for entry in _list(ticket.get("conversations")) if isinstance(entry, Mapping))):
        for key in ("requester", "responder", "agent", "user", "contact", "sender"):
            person = item.get(key)
            if isinstance(person, Mapping):
                found += _strings(person.get("name")) + _names_in_addresses(_strings(person.get("email")))
        for key in ("from_email", "to_emails", "cc_emails", "bcc_emails", "fwd_emails", "reply_cc_emails", "ticket_cc_emails", "email"):
            found += _names_in_addresses(_strings(item.get(key)))
    found += _strings(ticket.get("name"))
    return list(dict.fromkeys(name[:100] for name in found))


def _names_in_addresses(addresses: Iterable[str]) -> list[str]:
    """Display names, and `first.last` of personal addresses."""
    names = []
    for address in addresses:
        shown, _, mail = address.rpartition("<")
        if shown.strip():
            names.append(shown.strip(" \"'"))
        if match := re.match(r"([a-zA-Z]{2,20})[._]([a-zA-Z]{3,20})@", mail.strip()):
            names.append(f"{match[1].title()} {match[2].title()}")
    return names


# --- fields of any type


def _subject(ticket: Mapping[str, Any]) -> str:
    subject = ticket.get("subject")
    return one_line(subject) if isinstance(subject, str) else ""


def _number(value: Any) -> int | None:
    """The whole number that a field holds, also as text or as a decimal; else None."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(-?[0-9]{1,18})(?:\.0*)?\s*", value)
        return int(match[1]) if match else None
    if isinstance(value, float):
        return int(value) if value == value and abs(value) < 2**53 and value == int(value) else None
    return value if isinstance(value, int) else None


def _flag(value: Any) -> bool:
    return value is True or value == 1 or (isinstance(value, str) and value.strip().casefold() in ("true", "1"))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _strings(value: Any) -> list[str]:
    """The texts of a field that is a list of texts or a bare one."""
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str) and item.strip()]
