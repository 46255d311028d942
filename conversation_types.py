"""The form of a cleaned conversation, as it stands in `conversations/{ticket_id}.json`, and what can be read off it.

No I/O, no payload keys, no cleaning.
"""

import hashlib
import json
from typing import Literal, TypedDict

# Raised whenever a rule changes what comes out, so that stored conversations are made anew.
CLEANER_VERSION = 1

Speaker = Literal["user", "agent"]


class Message(TypedDict):
    """What one speaker said; `created_at` is UTC, `YYYY-MM-DDTHH:MM:SSZ`, "" when unknown; `private` marks an internal note."""

    speaker: Speaker
    text: str
    private: bool
    incoming: bool
    created_at: str


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
    messages left out by reason, `dropped_attachments` names what came with nothing but a picture or file, `private_notes` is False when
    internal notes were left out, `ignore_field` is the custom field that was asked about.
    """

    merged_into: int
    dropped: dict[str, int]
    dropped_attachments: list[str]
    private_notes: bool
    ignore_field: str


def customer_text(conversation: Conversation) -> str:
    """What the customer said: all their messages, one below the other."""
    return "\n\n".join(message["text"] for message in conversation["conversation"] if message["speaker"] == "user")


def conversation_sha256(conversation: Conversation) -> str:
    """64 hex digits over subject and messages; times do not count, so an update without new words changes nothing."""
    said = [[message["speaker"], message["private"], message["text"]] for message in conversation["conversation"]]
    return hashlib.sha256(json.dumps([conversation["subject"], said]).encode()).hexdigest()
