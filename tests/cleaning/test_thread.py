from typing import Any

import pytest

from cleaning.thread import customer_of, flag, number, people_named, read_header, read_thread, taken_out, ticket_number
from knowledge.conversation import CleaningOptions


def ticket(**more: Any) -> dict[str, Any]:
    return {"id": 4, "description": "<p>It clicks</p>", "requester_id": 7, "responder_id": 9, **more}


@pytest.mark.parametrize(
    ("value", "wanted"), [(3, 3), ("3", 3), (" -3.0 ", -3), (3.0, 3), (3.5, None), (True, None), (None, None), ("3x", None)]
)
def test_whole_numbers_are_read_in_any_form(value: Any, wanted: int | None) -> None:
    assert number(value) == wanted


@pytest.mark.parametrize(("value", "wanted"), [(True, True), (1, True), ("TRUE", True), ("0", False), (None, False), ([], False)])
def test_flags_are_read_in_any_form(value: Any, wanted: bool) -> None:
    assert flag(value) is wanted


@pytest.mark.parametrize("ticket_id", [0, -1, 2**63, None, "x"])
def test_an_id_that_no_ticket_has_is_none(ticket_id: Any) -> None:
    assert ticket_number({"id": ticket_id}) is None


def test_the_header_says_what_the_ticket_says_and_nothing_that_it_does_not() -> None:
    stats = {"first_responded_at": "2025-06-14T10:00:00+02:00", "closed_at": "2025-06-15T08:00:00Z", "reopened_at": None}
    header = read_header(ticket(subject=" Kettle\n", source="2", tags=["a", "", 3], stats=stats), 4, CleaningOptions("https://x.example"))
    assert (header["subject"], header["source"], header["channel"], header["tags"]) == ("Kettle", 2, "portal", ["a"])
    assert (header["first_reply_at"], header["resolved_at"]) == ("2025-06-14T08:00:00Z", "2025-06-15T08:00:00Z")
    assert header["url"] == "https://x.example/a/tickets/4"
    assert not {"reopened", "requester", "company"} & header.keys()


def test_whose_ticket_it_is() -> None:
    assert customer_of(ticket(requester={"id": 8, "company_id": 3})) == (7, 3)
    assert customer_of({"requester": {"id": 8}, "company_id": 5}) == (8, 5)


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"deleted": True}, "deleted"),
        ({"spam": "true"}, "spam"),
        ({"custom_fields": {"cf_skip": "yes"}}, "custom field skip is set"),
        ({"custom_fields": {"skip": "no"}}, None),
        ({"custom_fields": None}, None),
    ],
)
def test_what_takes_a_ticket_out(more: dict[str, Any], wanted: str | None) -> None:
    assert taken_out(ticket(**more), "skip") == wanted


def test_the_author_s_id_tells_who_speaks() -> None:
    replies = [
        {"id": 1, "body": "a", "user_id": 7, "incoming": False, "private": True, "created_at": "2025-06-14T10:00:00Z"},
        {"id": 2, "body": "b", "user_id": 9, "incoming": True, "created_at": "2025-06-14T11:00:00Z"},
        {"id": 3, "body": "c", "user_id": 55, "incoming": True, "created_at": "2025-06-14T09:00:00Z"},
    ]
    thread = read_thread(ticket(conversations=replies))
    assert [(entry.text, entry.speaker) for entry in thread.entries] == [
        ("It clicks", "user"),
        ("c", "user"),
        ("a", "user"),
        ("b", "agent"),
    ]


def test_people_are_named_and_mailboxes_are_not() -> None:
    replies = [
        {"from_email": "Kettle Team <support@kettle.example>", "incoming": False},
        {"from_email": "Ida Falk <ida.falk@kettle.example>"},
    ]
    named = people_named(ticket(requester={"name": "Edda Holm"}, cc_emails=["nils.berg@x.example"], conversations=replies))
    assert named == ["Edda Holm", "Nils Berg", "Ida Falk"]
