"""What conversations tell beside their words; files of any age, and of any content, are read."""

from typing import Any

import pytest

from report.facts import TicketFacts, effort, facts_of
from testing.scripted_model import talk


def said(**more: Any) -> TicketFacts:
    conversation: Any = {**talk(1, "The lid is not tight and it leaks"), **more}
    return facts_of(conversation)


def message(speaker: str, at: str, *, private: bool = False) -> dict[str, Any]:
    return {"speaker": speaker, "text": "x", "private": private, "incoming": speaker == "user", "created_at": at}


def test_work_is_public_replies_and_hours_to_the_resolution() -> None:
    messages = [
        message("user", "2025-01-01T08:00:00Z"),
        message("agent", "2025-01-01T09:00:00Z", private=True),
        message("agent", "2025-01-01T10:30:00Z"),
        message("agent", "2025-01-02T08:00:00Z"),
    ]
    found = said(created_at="2025-01-01T08:00:00Z", conversation=messages)
    assert (found.replies, found.hours) == (2, 24.0)
    assert said(created_at="2025-01-01T08:00:00Z", conversation=messages, resolved_at="2025-01-01T20:00:00Z").hours == 12.0


@pytest.mark.parametrize(
    ("more", "channel"),
    [({"source": 3}, ""), ({"source": 3, "channel": "whatsapp"}, "whatsapp"), ({"channel": None}, "")],
)
def test_the_channel_is_the_one_that_the_file_names(more: dict[str, Any], channel: str) -> None:
    assert said(**more).channel == channel


def test_an_old_file_leaves_new_facts_empty() -> None:
    found = said()
    assert (found.requester, found.company, found.reopened) == ("", "", False)


@pytest.mark.parametrize("wrong", [7, ["x"], {"a": 1}, None, ""])
def test_facts_of_another_kind_than_expected_stop_nothing(wrong: Any) -> None:
    found = said(requester=wrong, company=wrong, channel=wrong, resolved_at=wrong, reopened=wrong, tags=wrong)
    assert isinstance(found.requester, str)
    assert isinstance(found.tags, tuple)


def test_customers_and_companies_are_counted_once() -> None:
    work = effort(
        [
            TicketFacts(requester="a", company="c", replies=1, hours=2.0),
            TicketFacts(requester="a", company="c", replies=4, reopened=True),
            TicketFacts(),
        ]
    )
    assert (work.customers, work.companies, work.replies, work.median_replies, work.median_hours, work.reopened) == (1, 1, 5, 1.0, 2.0, 1)
    assert effort([]).median_replies is None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I have the kettle and it is not working with my phone", "English"),
        ("Ich habe den Kocher und er geht nicht mit dem Telefon", "Deutsch"),
        ("E07", ""),
        ("", ""),
        ("\x00\ud83d" * 10, ""),
    ],
)
def test_the_customers_language_is_named_as_it_names_itself(text: str, language: str) -> None:
    assert facts_of(talk(1, text)).language == language
