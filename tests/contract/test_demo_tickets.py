"""Tests of the sample tickets: that the files hold together and that each awkward case they promise is really there.

They do not judge how well anything reads these tickets.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DEMO = Path(__file__).resolve().parents[2] / "demo"
FILES = sorted((DEMO / "tickets").glob("*.json"))
FINISHED = (4, 5)

Ticket = dict[str, Any]

TICKET_KEYS = {
    "id", "subject", "status", "source", "priority", "type", "tags", "requester_id", "responder_id", "group_id", "created_at", "updated_at",
    "description", "description_text", "custom_fields", "attachments", "spam", "deleted", "conversations",
}  # fmt: skip
MESSAGE_KEYS = {
    "id", "body", "body_text", "incoming", "private", "user_id", "source", "created_at", "updated_at", "attachments", "ticket_id",
    "auto_response", "automation_id",
}  # fmt: skip


def _load(path: Path) -> Ticket:
    ticket: Ticket = json.loads(path.read_text(encoding="utf-8"))
    return ticket


TICKETS: dict[int, Ticket] = {int(path.stem): _load(path) for path in FILES}
GOLD: dict[str, str | None] = json.loads((DEMO / "gold.json").read_text(encoding="utf-8"))


def _html(ticket: Ticket) -> str:
    return "\n".join([ticket["description"], *(message["body"] for message in ticket["conversations"])])


def _has(needle: str) -> Callable[[Ticket], bool]:
    return lambda ticket: needle in _html(ticket)


def _says(pattern: str) -> Callable[[Ticket], bool]:
    return lambda ticket: bool(re.search(pattern, ticket["description_text"]))


def _any_message(**wanted: object) -> Callable[[Ticket], bool]:
    """A check that one message has all the wanted values at once."""
    return lambda ticket: any(all(message[key] == value for key, value in wanted.items()) for message in ticket["conversations"])


def _is_a_note_by_the_requester(ticket: Ticket) -> bool:
    return _any_message(source=2, incoming=False, private=False, user_id=ticket["requester_id"])(ticket)


def _repeats_its_opening(ticket: Ticket) -> bool:
    return ticket["source"] == 15 and bool(ticket["conversations"][0]["body"] == ticket["description"])


def _has_a_message_that_is_only_an_image(ticket: Ticket) -> bool:
    return any("<img" in message["body"] and not message["body_text"].strip() for message in ticket["conversations"])


SPECIAL: dict[str, tuple[list[int], Callable[[Ticket], bool]]] = {
    "Gmail history": ([1020, 1052, 1124], _has('class="gmail_quote')),
    "Gmail signature": ([1020, 1147], _has('class="gmail_signature"')),
    "Outlook history": ([1056, 1111, 1452], _has('id="divRplyFwdMsg"')),
    "Apple Mail history": ([1028, 1218, 1640], _has('<blockquote type="cite">')),
    "Freshdesk's own quote": ([1020, 1028, 1230], _has('class="freshdesk_quote"')),
    "a disclaimer": ([1056], _has("confidential and may be privileged")),
    "a German disclaimer": ([1452], _has("vertrauliche Informationen")),
    "an internal note": ([1020, 1038, 1406], _any_message(private=True, incoming=False, source=2)),
    "a note by the requester": ([1592, 2072], _is_a_note_by_the_requester),
    "the closed half of a merged pair": ([1231], _has("This ticket is closed and merged into ticket 1230")),
    "the kept half of a merged pair": ([1230], _has("Ticket with ID 1231 is merged into this ticket")),
    "an outbound mail without an answer": ([1152], lambda ticket: ticket["source"] == 10 and not ticket["conversations"]),
    "an automatic reply": ([1506], _any_message(auto_response=True, incoming=True)),
    "a message by an automation": ([1506], _any_message(automation_id=43000900, user_id=None)),
    "a survey": ([1020, 1406], _any_message(source=6, incoming=True)),
    "a chat that repeats its opening": ([1089, 1419, 1941], _repeats_its_opening),
    "a forward": ([1566], _any_message(source=8, private=True)),
    "a message that is only an image": ([1218, 1406], _has_a_message_that_is_only_an_image),
    "editor residue": ([1531], _has('<img id="cursor">')),
    "thirty messages": ([1406], lambda ticket: len(ticket["conversations"]) >= 30),
    "a named attachment on the ticket": ([1188, 1350], lambda ticket: bool(ticket["attachments"][0]["name"])),
    "a named attachment on a message": ([1056, 1350], lambda ticket: any(m["attachments"] for m in ticket["conversations"])),
    "German": ([1124, 1268, 1291, 1362, 1452, 1640, 1681], _says(r"\b(und|nicht|ist)\b")),
    "Spanish": ([1197, 1316, 1484, 1544, 1627, 1659], _says(r"\b(el|la|una?)\b")),
    "praise and no problem": ([1071], _has("Nothing is wrong with it")),
    "emoji": ([1340], _has("😩")),
    "right-to-left text": ([1340], _says("[\u0600-\u06ff]")),
    "words meant for the model": ([1305], _has("Ignore all instructions")),
    "text that looks like HTML": (
        [1461],
        lambda ticket: "if a < b and" in ticket["description_text"] and "List<Reading>" in ticket["description_text"],
    ),
    "a subject that is null": ([1518], lambda ticket: ticket["subject"] is None),
    "a card number": ([1098], _has("4111 1111 1111 1111")),
    "an IBAN": ([1506], _has("DE89 3704 0044 0532 0130 00")),
    "an order number": ([1020, 1073], _has("HL-20")),
    "an error code": ([1028, 1230], _says("E0[37]")),
    "a telephone number": ([1020, 1428], _says(r"\+4[46] \d")),
    "two problems": ([1496, 1751], lambda ticket: bool(re.search(r"(?i)two (things|issues)", ticket["subject"]))),
    "a ticket by telephone": ([1825], lambda ticket: ticket["source"] == 3),
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_ticket_file_has_the_form_of_the_api(path: Path) -> None:
    ticket = _load(path)
    assert ticket["id"] == int(path.stem)
    assert ticket.keys() >= TICKET_KEYS
    assert "2026-01-01" <= ticket["created_at"] < "2026-07-08"
    assert ticket["created_at"] < ticket["updated_at"]
    for message in ticket["conversations"]:
        assert message.keys() >= MESSAGE_KEYS
        assert message["ticket_id"] == ticket["id"]
        assert "\n" not in message["body_text"]
        assert ticket["created_at"] <= message["created_at"] <= ticket["updated_at"]


def test_ids_are_unique_and_have_gaps() -> None:
    messages = [message["id"] for ticket in TICKETS.values() for message in ticket["conversations"]]
    assert len(set(messages)) == len(messages)
    assert len(TICKETS) == len(FILES) >= 72
    assert max(TICKETS) - min(TICKETS) >= len(TICKETS)


def test_every_finished_ticket_has_a_gold_label_and_no_other_has() -> None:
    finished = {str(ticket_id) for ticket_id, ticket in TICKETS.items() if ticket["status"] in FINISHED}
    assert set(GOLD) == finished
    assert {ticket["status"] for ticket in TICKETS.values()} == {2, 3, 4, 5}


def test_the_labels_have_a_long_tail() -> None:
    sizes = Counter(label for label in GOLD.values() if label is not None)
    ordered = sorted(sizes.values(), reverse=True)
    assert len(ordered) >= 17
    assert 8 <= ordered[0] <= 12
    assert sum(3 <= size <= 6 for size in ordered) >= 5
    assert ordered.count(1) >= 10


@pytest.mark.parametrize("name", SPECIAL)
def test_the_awkward_case_is_really_there(name: str) -> None:
    ids, check = SPECIAL[name]
    missing = [ticket_id for ticket_id in ids if not check(TICKETS[ticket_id])]
    assert not missing


@pytest.mark.parametrize("ticket_id", [1071, 1152, 1231, 1398, 1760, 2133])
def test_a_ticket_without_an_issue_has_no_label(ticket_id: int) -> None:
    assert GOLD[str(ticket_id)] is None


@pytest.mark.parametrize("label", ["kettle-wifi-5ghz", "login-code-not-delivered", "sousvide-e07-limescale-sensor"])
def test_a_large_issue_is_reported_in_three_languages(label: str) -> None:
    members = {int(ticket_id) for ticket_id, gold in GOLD.items() if gold == label}
    assert members & set(SPECIAL["German"][0])
    assert members & set(SPECIAL["Spanish"][0])


def test_only_reserved_mail_domains_appear() -> None:
    everything = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    domains = set(re.findall(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)", everything))
    assert {domain for domain in domains if not re.search(r"(^|\.)example\.(com|org)$", domain)} == set()


def test_the_files_are_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in FILES) < 1_500_000
