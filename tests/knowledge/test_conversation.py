import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from knowledge.conversation import (
    CLEANER_VERSION,
    CleaningOptions,
    Conversation,
    Message,
    Speaker,
    conversation_sha256,
    customer_text,
    load_conversation,
    save_conversation,
    shown_conversation,
    ticket_url,
)

BASE_URL = "https://acme.freshdesk.com"
OPTIONS = CleaningOptions(BASE_URL)


def message(speaker: Speaker, text: str) -> Message:
    return {"speaker": speaker, "text": text, "private": False, "incoming": speaker == "user", "created_at": "2025-07-24T19:00:00Z"}


def conversation() -> Conversation:
    return {
        "ticket_id": 169,
        "subject": "Lamp",
        "status": 5,
        "source": 1,
        "type": None,
        "tags": [],
        "created_at": "2025-07-24T18:00:00Z",
        "updated_at": "2025-07-24T20:00:00Z",
        "url": ticket_url(169, BASE_URL),
        "ignored": None,
        "redacted": True,
        "cleaner_version": CLEANER_VERSION,
        "options": asdict(OPTIONS),
        "conversation": [message("user", "The lamp is dark."), message("agent", "Answer"), message("user", "No.")],
    }


def test_a_stored_conversation_of_other_rules_host_or_settings_does_not_count(tmp_path: Path) -> None:
    stored = conversation()
    save_conversation(stored, tmp_path)
    assert load_conversation(169, tmp_path, options=OPTIONS) == stored
    assert load_conversation(170, tmp_path, options=OPTIONS) is None
    for other in (
        replace(OPTIONS, base_url="https://other.freshdesk.com"),
        replace(OPTIONS, redact=False),
        replace(OPTIONS, include_private_notes=False),
        replace(OPTIONS, ignore_field="cf_x"),
    ):
        assert load_conversation(169, tmp_path, options=other) is None


@pytest.mark.parametrize(
    "change",
    [
        {"cleaner_version": 0},
        {"cleaner_version": "1"},
        {"conversation": [{"speaker": "bot"}]},
        {"conversation": None},
        {"subject": None},
        {"ticket_id": 1},
        {"subject": "half a character: \ud800"},
        {"dropped": None},
        {"dropped": {"auto-reply": "2"}},
        {"conversation": [{"speaker": "user", "text": "x", "private": False, "incoming": True, "created_at": "", "dropped": None}]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_stored_file_of_another_form_does_not_count(change: dict[str, Any], tmp_path: Path) -> None:
    stored = {**conversation(), **change}
    (tmp_path / "169.json").write_text(json.dumps(stored))
    assert load_conversation(169, tmp_path, options=OPTIONS) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"42", b"\xff\xfe", b"[" * 100_000], ids=["empty", "cut", "list", "number", "not UTF-8", "deep"]
)
def test_an_unreadable_stored_file_does_not_count(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "169.json").write_bytes(content)
    assert load_conversation(169, tmp_path, options=OPTIONS) is None


def test_the_hash_follows_the_words_and_not_the_clock() -> None:
    first, later, other = conversation(), conversation(), conversation()
    later["updated_at"], later["status"] = "2025-08-24T00:00:00Z", 4
    other["conversation"][0]["text"] = "The lamp is bright."
    assert conversation_sha256(first) == conversation_sha256(later) != conversation_sha256(other)


def test_customer_text_is_what_the_customer_said() -> None:
    assert customer_text(conversation()) == "The lamp is dark.\n\nNo."


def test_a_file_of_other_rules_is_shown_all_the_same(tmp_path: Path) -> None:
    stored = conversation()
    stored["cleaner_version"] = 1
    save_conversation(stored, tmp_path)
    assert shown_conversation(169, tmp_path) == stored
    assert shown_conversation(170, tmp_path) is None
