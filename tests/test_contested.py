"""Which answers waver between issues: their words say one thing and their id another."""

import pytest

from contested import SHOWN, contested
from issue_db import Issue
from model_answers import Card, DecisionAnswer

KNOWN = [
    Issue("ISSUE-1", "Balance inquiry", "The customer wants to check the balance of a credit card."),
    Issue("ISSUE-2", "Disputed charge", "The customer wants to dispute a charge on a credit card."),
    Issue("ISSUE-3", "Cash machine", "The customer wants to find a cash machine nearby."),
    Issue("ISSUE-4", "Kettle hums"),
    Issue("ISSUE-5", "Lid leaks", "The lid of the kettle leaks hot water."),
]
DISPUTE = "The customer wants to dispute a charge on their card."


def wavers(issue_id: str | None, said: str, likeness: dict[str, float] | None = None) -> list[str]:
    answer = DecisionAnswer(issue_id, 0.9, Card("x", said, (), "", (), ""), (1,))
    return [issue.issue_id for issue in contested(answer, KNOWN, likeness or {})]


def test_another_issue_said_the_same_and_the_tickets_words_are_for_it() -> None:
    between = wavers("ISSUE-3", DISPUTE, {"ISSUE-2": 0.3, "ISSUE-3": 0.1})
    assert len(between) == SHOWN
    assert {"ISSUE-2", "ISSUE-3"} < set(between)
    assert between == sorted(between)


@pytest.mark.parametrize(
    ("issue_id", "said", "likeness"),
    [
        pytest.param("ISSUE-2", DISPUTE, {}, id="the one that it names is the nearest"),
        pytest.param("ISSUE-3", DISPUTE, {"ISSUE-2": 0.14, "ISSUE-3": 0.1}, id="the ticket's words are no more for the other"),
        pytest.param("ISSUE-3", DISPUTE, {}, id="the ticket's words are for none"),
        pytest.param("ISSUE-3", "The invoice came twice.", {"ISSUE-2": 0.3}, id="no issue says the same"),
        pytest.param("ISSUE-3", "", {"ISSUE-2": 0.3}, id="no words"),
        pytest.param(None, "The handle broke off.", {}, id="new and unlike all"),
        pytest.param("ISSUE-5", "The lid of the kettle leaks water.", {"ISSUE-4": 0.3}, id="a near one that is less near"),
    ],
)
def test_an_answer_that_agrees_with_itself_is_not_asked_about_again(issue_id: str | None, said: str, likeness: dict[str, float]) -> None:
    assert wavers(issue_id, said, likeness) == []


def test_new_wavers_when_a_known_issue_says_the_same() -> None:
    assert "ISSUE-2" in wavers(None, DISPUTE)


def test_an_issue_without_a_description_speaks_by_its_category() -> None:
    assert "ISSUE-4" in wavers(None, "The kettle hums.")


def test_without_known_issues_nothing_wavers() -> None:
    assert contested(DecisionAnswer(None, 0.9, Card("x", DISPUTE, (), "", (), ""), (1,)), [], {}) == []
