"""What the page is made of is read once: whose helpdesk it is, and as many conversations as there is room for."""

import pytest

from knowledge.conversation import Conversation
from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from report import reading
from report.reading import read
from testing.scripted_model import talk


def conversation(ticket_id: int, *texts: str) -> Conversation:
    """Customer messages of these texts."""
    told = talk(ticket_id, "")
    told["conversation"] = [{**told["conversation"][0], "text": text} for text in texts]
    return told


def test_account_and_model_are_those_of_most_tickets() -> None:
    log = {
        number: DecisionRow(number, "A", "matched", url=f"https://{host}/a/tickets/{number}", model=model)
        for number, (host, model) in enumerate(
            [("acme.freshdesk.com", "m-2"), ("acme.freshdesk.com", "m-2"), ("old.freshdesk.com", "m-1")], start=1
        )
    }
    view = read({}, log)
    assert (view.account(), view.model()) == ("acme.freshdesk.com", "m-2")


def test_a_long_conversation_is_cut_and_says_by_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_CONVERSATION_CHARS", 10)
    found = read({"A": Issue("A", Card("a"), tickets=[1])}, {}, lambda _: conversation(1, "x" * 8, "y" * 8, "z"))
    assert [(message["text"], message["cut"]) for message in found.conversations[0]["messages"]] == [
        ("x" * 8, 0),
        ("yy", 6),
        ("", 1),
    ]


def test_beyond_a_size_flagged_and_newest_conversations_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_ALL_CONVERSATIONS_CHARS", 150)
    issues = {"A": Issue("A", Card("a"), tickets=[1, 2, 3], unsure={1: 0.2})}
    log = {number: DecisionRow(number, "A", "matched", created_at=f"2025-01-0{number}T08:00:00Z") for number in (2, 3)}
    found = read(issues, log, lambda ticket: conversation(ticket, "x" * 30))
    assert [shown["id"] for shown in found.conversations] == [1, 3]


def test_of_two_customers_the_more_telling_one_is_quoted() -> None:
    told = {1: "The lid of my box leaks air all over night.", 2: "Could you please call me back one of these days.", 3: "nothing"}
    issues = {"A": Issue("A", Card("Lid leaks air"), tickets=[1, 2, 3])}
    assert read(issues, {}, lambda ticket: conversation(ticket, told[ticket])).quotes["A"].ticket == 1
