import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import conversation_utils as cu
from common import files
from common.errors import TicketFailed

CASES = Path(__file__).parent / "cases" / "tickets"
TICKETS = sorted(path.stem for path in CASES.glob("*.json"))
BASE_URL = "https://acme.freshdesk.com"
OPTIONS = cu.CleaningOptions(BASE_URL)


def thread_text(conversation: cu.Conversation) -> list[str]:
    lines = [f"ignored: {conversation['ignored']}"] if conversation["ignored"] else []
    for message in conversation["conversation"]:
        lines.append(f"{message['speaker']}{' (private)' if message['private'] else ''}:")
        lines += [line for line in message["text"].split("\n") if line]
    return lines


def ticket(description: Any = "<p>The lamp is dark.</p>", conversations: Any = (), **fields: Any) -> dict[str, Any]:
    return {"id": 169, "description": description, "requester_id": 7, "conversations": list(conversations), **fields}


def reply(body: str, **fields: Any) -> dict[str, Any]:
    return {"body": body, "incoming": False, "private": False, "user_id": 9, "created_at": "2025-07-24T19:00:00Z", **fields}


def said(conversation: cu.Conversation) -> list[tuple[str, bool, str]]:
    return [(message["speaker"], message["private"], message["text"]) for message in conversation["conversation"]]


def test_there_are_ticket_cases() -> None:
    assert len(TICKETS) >= 25


@pytest.mark.parametrize("name", TICKETS)
def test_a_raw_ticket_becomes_the_thread_that_was_written_down_for_it(name: str) -> None:
    raw = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    wanted = (CASES / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    assert thread_text(cu.build_conversation(raw, redact=False)) == wanted


def test_the_form_is_the_contract_s() -> None:
    raw = ticket(
        "<p>Hi</p>",
        subject=" My\n router ",
        status=5,
        source=1,
        type=None,
        tags=["a"],
        created_at="2025-07-24T20:24:46+02:00",
        updated_at="2025-07-25T00:00:00Z",
    )
    assert cu.build_conversation(raw, base_url=BASE_URL) == {
        "ticket_id": 169,
        "subject": "My router",
        "status": 5,
        "source": 1,
        "type": None,
        "tags": ["a"],
        "created_at": "2025-07-24T18:24:46Z",
        "updated_at": "2025-07-25T00:00:00Z",
        "url": "https://acme.freshdesk.com/a/tickets/169",
        "ignored": None,
        "redacted": True,
        "cleaner_version": cu.CLEANER_VERSION,
        "options": {"base_url": BASE_URL, "redact": True, "include_private_notes": True, "ignore_field": None},
        "channel": "email",
        "conversation": [{"speaker": "user", "text": "Hi", "private": False, "incoming": True, "created_at": "2025-07-24T18:24:46Z"}],
    }


def test_left_out_messages_are_counted_by_reason_and_their_pictures_named() -> None:
    raw = json.loads((CASES / "survey-and-auto-reply.json").read_text(encoding="utf-8"))
    assert cu.build_conversation(raw)["dropped"] == {"auto-reply": 2, "survey": 1}
    raw = json.loads((CASES / "image-only-reply.json").read_text(encoding="utf-8"))
    conversation = cu.build_conversation(raw)
    assert conversation["dropped"] == {"only an attachment": 1}
    assert conversation["dropped_attachments"] == ["[image: lamp.jpg]"]


def test_a_merged_ticket_names_the_one_it_went_into_unless_the_customer_wrote_again() -> None:
    note = reply("This ticket is closed and merged into ticket 99", private=True, source=2)
    assert cu.build_conversation(ticket(conversations=[note])).get("merged_into") == 99
    later = reply("<p>Still dark.</p>", incoming=True, user_id=7, created_at="2025-07-25T08:00:00Z")
    again = cu.build_conversation(ticket(conversations=[note, later]))
    assert again["ignored"] is None
    assert "merged_into" not in again


@pytest.mark.parametrize(
    ("value", "ignored"),
    [(True, True), ("yes", True), (1, True), (None, False), (False, False), ("", False), ("No", False), ("0", False)],
    ids=repr,
)
def test_the_ignore_field_takes_a_ticket_out_when_it_is_set(value: Any, ignored: bool) -> None:
    raw = ticket(custom_fields={"cf_no_issue": value})
    for name in ("cf_no_issue", "no_issue"):
        conversation = cu.build_conversation(raw, ignore_field=name)
        assert (conversation["ignored"] == f"custom field {name} is set") is ignored
    assert cu.build_conversation(raw)["ignored"] is None


def test_private_notes_can_be_left_out() -> None:
    raw = ticket(conversations=[reply("<p>Secret remark</p>", private=True), reply("<p>Answer</p>", created_at="2025-07-24T19:05:00Z")])
    conversation = cu.build_conversation(raw, include_private_notes=False)
    assert said(conversation) == [("user", False, "The lamp is dark."), ("agent", False, "Answer")]
    assert conversation["dropped"] == {"private note": 1}


def test_nothing_of_a_private_note_that_is_left_out_is_stored() -> None:
    raw = ticket(conversations=[reply("", private=True, attachments=[{"name": "salaries.xlsx"}])])
    assert "salaries" not in files.dump_json(cu.build_conversation(raw, include_private_notes=False))


def test_names_addresses_and_phones_of_the_payload_are_placeholders_everywhere() -> None:
    raw = ticket(
        "<p>Marcus Webb here, +44 20 7946 0958.</p>",
        [
            reply(
                "<p>Hi Marcus,</p><p>Helen will call.</p>",
                from_email='"Helen Carter" <helen@acme.example>',
                attachments=[{"name": "webb.pdf"}],
            )
        ],
        subject="Marcus Webb: lamp",
        requester={"name": "Marcus Webb", "email": "marcus@webb.example"},
        tags=["marcus@webb.example"],
    )
    text = files.dump_json(cu.build_conversation(raw))
    assert not any(word in text for word in ("Marcus", "Helen", "7946", "@"))
    assert "[NAME_1]: lamp" in text
    open_text = files.dump_json(cu.build_conversation(raw, redact=False))
    assert "Marcus Webb" in open_text
    assert '"redacted": false' in open_text


def test_a_customer_whom_an_agent_greets_is_found_everywhere_and_a_greeted_company_only_there() -> None:
    raw = ticket(
        "<p>Dear Hearthly,</p><p>the Hearthly kettle is cold.</p><p>Marcus</p>",
        [reply("<p>Hi Marcus,</p><p>please turn it on.</p><p>Lena</p>")],
    )
    first, second = (message["text"] for message in cu.build_conversation(raw)["conversation"])
    assert first == "Dear [NAME_2],\n\nthe Hearthly kettle is cold.\n\n[NAME_1]"
    assert second == "Hi [NAME_1],\n\nplease turn it on.\n\n[NAME_3]"


def test_signed_links_and_inline_tokens_are_stored_nowhere_even_unredacted() -> None:
    link = "https://s3.example/data/log.txt?X-Amz-Signature=0123456789abcdef"
    image = '<img src="https://attachment.freshdesk.com/inline/attachment?token=eyJhbGciOiJIUzI1NiJ9.eyJpZCI6MX0.abc">'
    raw = ticket(f"<p>See {image}</p>", attachments=[{"name": "log.txt", "content_type": "text/plain", "size": 12, "attachment_url": link}])
    text = files.dump_json(cu.build_conversation(raw, redact=False))
    assert "[attachment: log.txt, text/plain, 12 B]" in text
    assert "token" not in text
    assert "s3.example" not in text


def test_a_conversation_listed_twice_is_said_once() -> None:
    double = reply("<p>Answer</p>", id=5)
    assert len(said(cu.build_conversation(ticket(conversations=[double, dict(double)])))) == 2
    assert cu.build_conversation(ticket(conversations=[double, dict(double)]))["conversation"][1]["text"] == "Answer"


HOSTILE_TEXTS = {
    "NUL": "a\x00b",
    "lone surrogate": "a\ud83d b",
    "escape sequence": "\x1b[31mred\x1b[0m",
    "right-to-left override": "abc\u202edef",
    "Thai, emoji, Arabic": "สวัสดี 👩‍👩‍👧 مرحبا",
    "template marks": "{{x}} ${y} %s {0} $name",
    "line separators": "a\u2028b\x85c",
}


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_any_text_is_stored_as_utf_8_and_printable(text: str, tmp_path: Path) -> None:
    conversation = cu.build_conversation(
        ticket(f"<p>{text} end</p>", subject=text, tags=[text], attachments=[{"name": text}]), base_url=BASE_URL
    )
    cu.save_conversation(conversation, tmp_path)
    stored = (tmp_path / "169.json").read_bytes().decode("utf-8")
    assert all(char.isprintable() or char in "\n\u200d" for char in stored)
    assert cu.load_conversation(169, tmp_path, options=OPTIONS) == conversation
    assert conversation["conversation"][0]["text"].split("\n")[-2].endswith("end")


UNUSABLE: dict[str, Any] = {
    "no mapping": ["x"],
    "None": None,
    "no id": {"description": "x"},
    "null id": {"id": None},
    "id of words": {"id": "abc"},
    "true as id": {"id": True},
    "negative id": {"id": -1},
    "infinite id": {"id": math.inf},
    "huge id": {"id": 10**40},
}


@pytest.mark.parametrize("payload", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_what_is_no_ticket_is_that_ticket_s_failure(payload: Any) -> None:
    with pytest.raises(TicketFailed):
        cu.build_conversation(payload)


def test_a_ticket_id_may_come_as_text_or_decimal() -> None:
    assert cu.build_conversation({"id": "169"})["ticket_id"] == 169
    assert cu.build_conversation({"id": 169.0})["ignored"] == "empty"


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["<b>", "<p>x", "2025-01-01T00:00:00Z", "a <b@c.de>"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
REPLY_KEYS = (
    "id",
    "body",
    "body_text",
    "incoming",
    "private",
    "user_id",
    "source",
    "auto_response",
    "automation_id",
    "created_at",
    "attachments",
    "to_emails",
)
TICKET_KEYS = (
    *("subject", "description", "description_text", "status", "source", "type", "tags", "created_at", "updated_at", "requester"),
    *("requester_id", "attachments", "spam", "deleted", "custom_fields", "cc_emails", "name"),
)
REPLIES = st.lists(JUNK | st.fixed_dictionaries({}, optional=dict.fromkeys(REPLY_KEYS, JUNK)), max_size=4)


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({"id": st.just(5)}, optional={**dict.fromkeys(TICKET_KEYS, JUNK), "conversations": REPLIES | JUNK}))
def test_any_payload_gives_a_conversation_or_that_ticket_s_failure(raw: dict[str, Any]) -> None:
    conversation = cu.build_conversation(raw, ignore_field="x")
    json.loads(files.dump_json(conversation).encode("utf-8"))
    assert all(message["speaker"] in ("user", "agent") and message["text"].strip() for message in conversation["conversation"])
    assert bool(conversation["conversation"]) or conversation["ignored"]


@settings(max_examples=150)
@given(st.text(alphabet="ab <>/=\"'&;divpblockquote\n>-", max_size=80))
@pytest.mark.slow
def test_a_message_that_had_words_is_never_emptied(text: str) -> None:
    raw = ticket(None, description_text=f"word {text}")
    assert "word" in said(cu.build_conversation(raw))[0][2]
