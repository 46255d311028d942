"""The form of a cleaned conversation, as it stands in `conversations/{ticket_id}.json`, and what can be read off it.

No I/O, no payload keys, no cleaning.
"""

import functools
import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

from common import files
from common.errors import Unreadable

logger = logging.getLogger(__name__)

# Raised whenever a rule changes what comes out, so that stored conversations are made anew.
CLEANER_VERSION = 2

Speaker = Literal["user", "agent"]


@dataclass(frozen=True, slots=True)
class CleaningOptions:
    """What a run wants of a conversation: the helpdesk's address, and what is hidden, left out or asked about. Stored in its header."""

    base_url: str = ""
    redact: bool = True
    include_private_notes: bool = True
    ignore_field: str | None = None


class _Said(TypedDict):
    speaker: Speaker
    text: str
    private: bool
    incoming: bool
    created_at: str


class Message(_Said, total=False):
    """What one speaker said; `created_at` is UTC, `YYYY-MM-DDTHH:MM:SSZ`, "" when unknown; `private` marks an internal note.

    `dropped` stands only where something was cut: the number of characters by reason. `pasted` stands only at an agent's turn of a chat
    that came in as one message: its text is shown, and no step rests on it.
    """

    dropped: dict[str, int]
    pasted: bool


class _Facts(TypedDict):
    ticket_id: int
    subject: str
    status: int | None
    source: int | None
    type: str | None
    tags: list[str]
    created_at: str
    updated_at: str
    url: str
    ignored: str | None
    redacted: bool
    cleaner_version: int
    conversation: list[Message]


class Conversation(_Facts, total=False):
    """A ticket cleaned. `ignored` is None or the reason why it is not clustered.

    The keys below stand only where there is something to say: `merged_into` is the ticket that a merged one went into, `dropped` counts
    messages left out by reason, `dropped_attachments` names what came with nothing but a picture or file. Times are UTC: `first_reply_at`
    is when an agent first answered in public, `resolved_at` when the ticket was last resolved or closed; `reopened` is True if it was
    opened again after that. `requester` and `company` are the same 16 hex digits for the same customer within one folder of conversations,
    and nothing outside it. `channel` says where the ticket came in. `options` are those that it was made with; files of before have none.
    """

    options: dict[str, Any]
    merged_into: int
    dropped: dict[str, int]
    dropped_attachments: list[str]
    first_reply_at: str
    resolved_at: str
    reopened: bool
    requester: str
    company: str
    channel: str


def speaker_name(message: Message) -> str:
    """How people and models are told who wrote a message."""
    if message["speaker"] == "user":
        return "customer"
    return "internal note" if message["private"] else "agent"


def customer_text(conversation: Conversation) -> str:
    """What the customer said: all their messages, one below the other."""
    return "\n\n".join(message["text"] for message in conversation["conversation"] if message["speaker"] == "user")


def conversation_sha256(conversation: Conversation) -> str:
    """64 hex digits over subject and messages; times do not count, so an update without new words changes nothing."""
    said = [[message["speaker"], message["private"], message["text"]] for message in conversation["conversation"]]
    return hashlib.sha256(json.dumps([conversation["subject"], said]).encode()).hexdigest()


_MESSAGE_TYPES = {"speaker": str, "text": str, "private": bool, "incoming": bool, "created_at": str}


def conversation_path(ticket_id: int, folder: Path) -> Path:
    """The file of one ticket's conversation."""
    return folder / f"{ticket_id}.json"


def ticket_url(ticket_id: int, base_url: str) -> str:
    """The ticket's address for agents; "" without a helpdesk."""
    return f"{base_url.rstrip('/')}/a/tickets/{ticket_id}" if base_url else ""


def save_conversation(conversation: Conversation, folder: Path) -> None:
    """Write the conversation's file, sealed, whole or not at all. Raises `Unwritable`."""
    files.write_text(conversation_path(conversation["ticket_id"], folder), files.dump_json(files.sealed(conversation)) + "\n")


def load_conversation(ticket_id: int, folder: Path, *, options: CleaningOptions) -> Conversation | None:
    """The stored conversation; None if there is none that was made by these rules, from this helpdesk, with these options."""
    data = _read(ticket_id, folder)
    if data is None or data["cleaner_version"] != CLEANER_VERSION or data["url"] != ticket_url(ticket_id, options.base_url):
        return None
    return cast(Conversation, data) if data.get("options") == asdict(options) and data["redacted"] is options.redact else None


def shown_conversation(ticket_id: int, folder: Path) -> Conversation | None:
    """The stored conversation by whatever rules and options it was made, for showing it; None if there is none."""
    data = _read(ticket_id, folder)
    return None if data is None else cast(Conversation, data)


def _read(ticket_id: int, folder: Path) -> dict[str, Any] | None:
    """A file's content; None, after a word, where it is no conversation. What was changed since it was written counts, after a word."""
    path = conversation_path(ticket_id, folder)
    text = None
    try:
        text = files.read_text(path)
        data = None if text is None else files.parse_json(text, name=str(path))
    except Unreadable as error:
        _warn(f"{error}; it is fetched again where its ticket is decided, and missing elsewhere", text)
        return None
    if text is None:
        return None
    if not isinstance(data, dict) or not _is_conversation(data) or data["ticket_id"] != ticket_id or not _is_unicode(data):
        _warn(f"{path} is no conversation of ticket {ticket_id}; it is fetched again where that is decided, and missing elsewhere", text)
        return None
    if not files.unseal(data):
        _warn(f"{path} was changed since it was written, by hand or by damage, and counts as it is; --refresh fetches it anew", text)
    return data


@functools.lru_cache(maxsize=1_000)  # a run reads a conversation for several ends, and says it once
def _warn(words: str, _content: str | None) -> None:
    logger.warning(words)


def _is_conversation(data: dict[str, Any]) -> bool:
    texts, optional = ("subject", "created_at", "updated_at", "url"), {"status": int, "source": int, "type": str, "ignored": str}
    return (
        all(isinstance(data.get(key), str) for key in texts)
        and all(key in data and isinstance(data[key], (kind, type(None))) for key, kind in optional.items())
        and type(data.get("ticket_id")) is int
        and type(data.get("cleaner_version")) is int
        and isinstance(data.get("redacted"), bool)
        and _all_of(data.get("tags"), str)
        and _are_counts(data.get("dropped", {}))
        and isinstance(messages := data.get("conversation"), list)
        and all(_is_message(message) for message in messages)
    )


def _is_unicode(data: dict[str, Any]) -> bool:
    """False where somebody's escape makes half a character, which no request can carry."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_message(value: Any) -> bool:
    well_typed = isinstance(value, dict) and all(isinstance(value.get(key), kind) for key, kind in _MESSAGE_TYPES.items())
    return well_typed and value["speaker"] in ("user", "agent") and _are_counts(value.get("dropped", {}))


def _are_counts(value: Any) -> bool:
    return isinstance(value, dict) and all(type(count) is int for count in value.values())


def _all_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(entry, kind) for entry in value)
