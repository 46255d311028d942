"""What Freshdesk's raw payload says: the thread in order, who spoke, which messages no person wrote, and whom the payload names.

The only place that knows the keys of tickets and conversations. Every field may be missing, null or of another type. Decides nothing about
the ticket as a whole and redacts nothing.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from cleaning.history import History
from cleaning.markup import Line, html_lines, text_lines
from cleaning.notices import is_auto_reply, is_bounce, merged_from_text, merged_into
from cleaning.quotes import mail_mark, new_lines
from cleaning.signatures import without_signature
from cleaning.transcripts import transcript
from common.text import one_line, tidy
from common.times import to_utc
from knowledge.conversation import CLEANER_VERSION, CleaningOptions, Conversation, Speaker, ticket_url

SOURCE_OUTBOUND_EMAIL, SOURCE_CHAT = 10, 15
_CHATS = (7, SOURCE_CHAT)
_CHANNELS = {1: "email", 2: "portal", 3: "phone", 5: "twitter", 6: "facebook", 7: "chat", 9: "widget", 10: "outbound email", 15: "chat"}
CONVERSATION_SURVEY = 6


@dataclass(slots=True)
class Entry:
    """One message of the thread on its way; `cut` counts the characters that went, `dropped` is the reason why it is left out.

    `pasted`: an agent's turn of a chat that stands in another's message, so that nothing but that message vouches for it.
    """

    speaker: Speaker
    private: bool
    incoming: bool
    created_at: str
    files: list[str] = field(default_factory=list)
    text: str = ""
    cut: Counter[str] = field(default_factory=Counter)
    dropped: str | None = None
    merged_into: int | None = None
    pasted: bool = False


@dataclass(slots=True)
class Thread:
    """The messages in order; `dropped` counts those left out by reason, `attachments` names what came with nothing but files, `people`
    those who speak in chats that a message holds.
    """

    entries: list[Entry] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    attachments: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)


def read_thread(ticket: Mapping[str, Any], *, agents: Sequence[str] = ()) -> Thread:
    """The opening and all messages in the order of their times, each with the reason if it is to be left out; `agents` are names."""
    thread = Thread()
    opening = _opening(ticket)
    found: list[tuple[str, int, Entry, Mapping[str, Any]]] = []
    seen: set[int] = set()
    last_time = opening.created_at
    for raw in items(ticket.get("conversations")):
        if not isinstance(raw, Mapping):
            thread.dropped["unreadable"] += 1
            continue
        reply_id = number(raw.get("id"))
        if reply_id is not None and reply_id in seen:
            continue
        seen.update(() if reply_id is None else (reply_id,))
        entry = _reply(raw, ticket)
        last_time = entry.created_at or last_time  # one without a time stays where it stood
        found.append((last_time, reply_id or 0, entry, raw))
    found.sort(key=lambda item: item[:2])
    history, subject = History(), _subject(ticket)
    for entry, raw in [(opening, ticket), *((entry, raw) for _, _, entry, raw in found)]:
        body, plain = ("description", "description_text") if entry is opening else ("body", "body_text")
        _clean(entry, _lines(raw.get(body), raw.get(plain)), history)
        _tell_machines(entry, raw, subject=subject if entry is opening else "")
        thread.entries.extend(_speakers_apart(entry, thread, ticket, agents))
    return thread


def _speakers_apart(entry: Entry, thread: Thread, ticket: Mapping[str, Any], agents: Sequence[str]) -> list[Entry]:
    """The message, or what each speaker of the chat in it said, where the ticket came by chat: elsewhere its writer may have made it up."""
    if entry.dropped or entry.merged_into is not None or number(ticket.get("source")) not in _CHATS:
        return [entry]
    requester, staff = _first_names(_persons(ticket, "requester")), _first_names([*agents, *_persons(ticket, "responder")])

    def known(name: str) -> Speaker | None:
        words = set(name.lower().split())
        return "agent" if words & staff - requester else "user" if words & requester else None

    chat = transcript(entry.text, known=known)
    if chat is None:
        return [entry]
    thread.people.extend(chat.names)
    said = [(turn.speaker or entry.speaker, turn.text) for turn in chat.turns]
    parts = [
        Entry(speaker, entry.private, speaker == "user", entry.created_at, text=text, pasted=entry.incoming and speaker == "agent")
        for speaker, text in said
    ]
    parts[0].cut = entry.cut
    return parts


def _first_names(names: Iterable[str]) -> set[str]:
    return {name.lower().split()[0] for name in names if name.split()}


def _opening(ticket: Mapping[str, Any]) -> Entry:
    outbound = number(ticket.get("source")) == SOURCE_OUTBOUND_EMAIL
    speaker: Speaker = "agent" if outbound else "user"
    created_at, attached = to_utc(ticket.get("created_at")), _files(ticket.get("attachments"))
    return Entry(speaker, private=False, incoming=not outbound, created_at=created_at, files=attached)


def _reply(raw: Mapping[str, Any], ticket: Mapping[str, Any]) -> Entry:
    private, incoming = flag(raw.get("private")), flag(raw.get("incoming"))
    created_at, attached = to_utc(raw.get("created_at")), _files(raw.get("attachments"))
    return Entry(_speaker(raw, ticket), private=private, incoming=incoming, created_at=created_at, files=attached)


def _speaker(raw: Mapping[str, Any], ticket: Mapping[str, Any]) -> Speaker:
    """Who wrote a reply: the author's id decides, then whether it came in from outside."""
    author, requester = number(raw.get("user_id")), number(ticket.get("requester_id"))
    if author is not None and author == requester:
        return "user"
    if author is not None and author == number(ticket.get("responder_id")):
        return "agent"
    return "user" if flag(raw.get("incoming")) and not flag(raw.get("private")) else "agent"


def _clean(entry: Entry, lines: Sequence[Line], history: History) -> None:
    """Give a message the text that is new in its lines, and the history all of them."""
    new = new_lines(lines, history)
    said = without_signature(new.lines, entry.cut)
    entry.cut.update(new.cut)
    history.add(line.text for line in lines)
    entry.text = "\n".join(part for part in (tidy("\n".join(line.text for line in said)), *entry.files) if part)
    if new.only_history and not entry.files:
        entry.dropped = "only a quote"


def _tell_machines(entry: Entry, raw: Mapping[str, Any], *, subject: str) -> None:
    """Name the reason if nobody said this message. The words of a ticket merged into this one stay, as its customer's."""
    entry.dropped = _machine_made(entry, raw, subject) or entry.dropped
    if entry.dropped or subject or entry.incoming:
        return
    entry.merged_into = merged_into(entry.text)
    words = merged_from_text(entry.text)
    if entry.merged_into is not None or words == "":
        entry.dropped = "merge note"
    elif words is not None:
        entry.text, entry.speaker = words, "user"


def _machine_made(entry: Entry, raw: Mapping[str, Any], subject: str) -> str | None:
    if number(raw.get("source")) == CONVERSATION_SURVEY and not subject and "conversations" not in raw:
        return "survey"
    if flag(raw.get("auto_response")) or is_auto_reply(entry.text, incoming=entry.incoming, subject=subject):
        return "auto-reply"
    sender = raw.get("from_email")
    if entry.incoming and is_bounce(entry.text, subject=subject, sender=sender if isinstance(sender, str) else ""):
        return "failed delivery"
    return "automation" if number(raw.get("automation_id")) is not None and not entry.incoming else None


def _lines(body: Any, plain: Any) -> list[Line]:
    """Lines of a message: from its HTML; from the plain text, which may have lost its line ends, only where there is no HTML."""
    if isinstance(body, str) and body.strip():
        return html_lines(body, mark=mail_mark)
    return text_lines(plain) if isinstance(plain, str) else []


def _files(attachments: Any) -> list[str]:
    return [_attachment(item) for item in items(attachments) if isinstance(item, Mapping)]


def _attachment(item: Mapping[str, Any]) -> str:
    """`[attachment: name, type, size]` with what is known of it; never its link."""
    name, kind, size = item.get("name"), item.get("content_type"), number(item.get("size"))
    known = [one_line(value)[:120] for value in (name, kind) if isinstance(value, str) and value.strip()]
    if size is not None and size >= 0:
        known.append(f"{size} B" if size < 1000 else f"{size // 1000} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB")
    details = ", ".join(known).replace("[", "(").replace("]", ")")
    return f"[attachment: {details}]" if details else "[attachment]"


_ADDRESSES = ("from_email", "to_emails", "cc_emails", "bcc_emails", "fwd_emails", "reply_cc_emails", "ticket_cc_emails", "email")


def people_named(ticket: Mapping[str, Any]) -> list[str]:
    """Names of requester, agents and correspondents as far as the payload holds them; mailboxes of the helpdesk are no people."""
    found: list[str] = []
    for part in (ticket, *(message for message in items(ticket.get("conversations")) if isinstance(message, Mapping))):
        is_answer = part is not ticket and not flag(part.get("incoming"))
        mailbox = "from_email" if is_answer else "to_emails"
        found += _persons(part, *_PERSONS) + strings(part.get("name"))
        found += _names_in_addresses(address for key in _ADDRESSES if key != mailbox for address in strings(part.get(key)))
        found += filter(None, map(_agent_in, strings(part.get("from_email")) if is_answer else ()))
    return list(dict.fromkeys(name[:100] for name in found))


_PERSONS = ("requester", "responder", "agent", "user", "contact", "sender")


def _persons(item: Mapping[str, Any], *keys: str) -> list[str]:
    people = [item.get(key) for key in keys]
    known = [person for person in people if isinstance(person, Mapping)]
    return [name for person in known for name in strings(person.get("name")) + _names_in_addresses(strings(person.get("email")))]


def _agent_in(address: str) -> str | None:
    """The shown name of an address that is the named person's own: `Helen Carter <helen@…>`, not `Acme <help@…>`."""
    shown, _, mail = address.rpartition("<")
    name, local = shown.strip(" \"'"), mail.partition("@")[0].lower()
    return name if any(len(word) > 2 and word.lower() in local for word in name.split()) and " " in name else None


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


def read_header(ticket: Mapping[str, Any], ticket_id: int, options: CleaningOptions) -> Conversation:
    """A conversation without messages: what the ticket says about itself, as it stands there."""
    kind, source, stats = ticket.get("type"), number(ticket.get("source")), _mapping(ticket.get("stats"))
    header: Conversation = {
        "ticket_id": ticket_id,
        "subject": _subject(ticket),
        "status": number(ticket.get("status")),
        "source": source,
        "type": one_line(kind) or None if isinstance(kind, str) else None,
        "tags": [one_line(tag) for tag in items(ticket.get("tags")) if isinstance(tag, str) and tag.strip()],
        "created_at": to_utc(ticket.get("created_at")),
        "updated_at": to_utc(ticket.get("updated_at")),
        "url": ticket_url(ticket_id, options.base_url),
        "ignored": None,
        "redacted": options.redact,
        "cleaner_version": CLEANER_VERSION,
        "options": asdict(options),
        "conversation": [],
    }
    if first := to_utc(stats.get("first_responded_at")):
        header["first_reply_at"] = first
    if resolved := to_utc(stats.get("resolved_at")) or to_utc(stats.get("closed_at")):
        header["resolved_at"] = resolved
    if to_utc(stats.get("reopened_at")):
        header["reopened"] = True
    if channel := _CHANNELS.get(source or 0):
        header["channel"] = channel
    return header


def ticket_number(ticket: Mapping[str, Any]) -> int | None:
    """The ticket's id; None if it has no usable one."""
    ticket_id = number(ticket.get("id"))
    return ticket_id if ticket_id is not None and 0 < ticket_id < 2**63 else None


def customer_of(ticket: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """(the requester's id, their company's), None where the ticket does not say."""
    requester = _mapping(ticket.get("requester"))
    return (
        _first(number(ticket.get("requester_id")), number(requester.get("id"))),
        _first(number(ticket.get("company_id")), number(requester.get("company_id"))),
    )


def taken_out(ticket: Mapping[str, Any], ignore_field: str | None) -> str | None:
    """The reason if somebody took the ticket out: deleted it, called it spam or filled the field for that; None otherwise."""
    for reason in ("deleted", "spam"):
        if flag(ticket.get(reason)):
            return reason
    fields = _mapping(ticket.get("custom_fields"))
    if ignore_field and _is_set(fields.get(ignore_field, fields.get(f"cf_{ignore_field}"))):
        return f"custom field {ignore_field} is set"
    return None


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _subject(ticket: Mapping[str, Any]) -> str:
    subject = ticket.get("subject")
    return one_line(subject) if isinstance(subject, str) else ""


def number(value: Any) -> int | None:
    """The whole number that a field holds, also as text or as a decimal; else None."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(-?[0-9]{1,18})(?:\.0*)?\s*", value)
        return int(match[1]) if match else None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def flag(value: Any) -> bool:
    """True for true, 1 and their texts."""
    return value is True or value == 1 or (isinstance(value, str) and value.strip().casefold() in ("true", "1"))


def items(value: Any) -> list[Any]:
    """The entries of a field that is a list; none otherwise."""
    return value if isinstance(value, list) else []


def strings(value: Any) -> list[str]:
    """The texts of a field that is a list of texts or a bare one."""
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str) and item.strip()]


def _is_set(value: Any) -> bool:
    """True for a field that somebody filled with anything but a no."""
    if isinstance(value, str):
        return value.strip().casefold() not in ("", "false", "no", "0", "none", "null")
    return bool(value)
