"""Which answers waver between issues: their words say one thing and their id another."""

import pytest

from clustering.answers import DecisionAnswer
from clustering.contested import FOR_NEW, HELD, LEAD, SAME_NAME, SHOWN, contested
from knowledge.issue import Card, Issue

KNOWN = [
    Issue("ISSUE-1", Card("Balance inquiry", "The customer wants to check the balance of a credit card.")),
    Issue("ISSUE-2", Card("Disputed charge", "The customer wants to dispute a charge on a credit card.")),
    Issue("ISSUE-3", Card("Cash machine", "The customer wants to find a cash machine nearby.")),
    Issue("ISSUE-4", Card("Kettle hums")),
    Issue("ISSUE-5", Card("Lid leaks", "The lid of the kettle leaks hot water.")),
]
DISPUTE = "The customer wants to dispute a charge on their card."
ELSEWHERE = "The invoice came twice."


def wavers(
    issue_id: str | None, said: str, likeness: dict[str, float] | None = None, *, category: str = "x", names_tell: bool = True
) -> list[str]:
    answer = DecisionAnswer(issue_id, 0.9, Card(category, said, (), "", (), ""), (1,))
    return [issue.issue_id for issue in contested(answer, KNOWN, likeness or {}, names_tell=names_tell)]


def test_the_words_speak_for_another_issue_than_the_one_that_is_named() -> None:
    between = wavers("ISSUE-3", DISPUTE, {"ISSUE-2": 0.3, "ISSUE-3": 0.1})
    assert len(between) == SHOWN
    assert {"ISSUE-2", "ISSUE-3"} < set(between)
    assert between == sorted(between)


@pytest.mark.parametrize(
    ("issue_id", "said", "likeness"),
    [
        pytest.param("ISSUE-2", DISPUTE, {}, id="the one that it names is the nearest"),
        pytest.param("ISSUE-3", DISPUTE, {"ISSUE-2": 0.9, "ISSUE-3": HELD}, id="the ticket's words hold it where it is"),
        pytest.param("ISSUE-3", ELSEWHERE, {"ISSUE-2": LEAD - 0.01}, id="the words of the ticket alone, not by much"),
        pytest.param("ISSUE-3", "", {"ISSUE-2": 0.3}, id="no words"),
        pytest.param(None, "The handle broke off.", {}, id="new and unlike all"),
        pytest.param(None, ELSEWHERE, {"ISSUE-2": FOR_NEW + LEAD - 0.01}, id="new and like one, not by much"),
    ],
)
def test_an_answer_that_agrees_with_itself_is_not_asked_about_again(issue_id: str | None, said: str, likeness: dict[str, float]) -> None:
    assert wavers(issue_id, said, likeness) == []


@pytest.mark.parametrize(
    ("issue_id", "said", "likeness"),
    [
        pytest.param("ISSUE-3", DISPUTE, {}, id="the description alone"),
        pytest.param("ISSUE-3", ELSEWHERE, {"ISSUE-2": LEAD}, id="the words of the ticket alone"),
        pytest.param(None, DISPUTE, {}, id="new, and described as a known one"),
        pytest.param(None, ELSEWHERE, {"ISSUE-2": FOR_NEW + LEAD}, id="new, and in the words of a known one"),
    ],
)
def test_an_answer_wavers_when_words_speak_much_more_for_another_issue(issue_id: str | None, said: str, likeness: dict[str, float]) -> None:
    assert "ISSUE-2" in wavers(issue_id, said, likeness)


def test_a_new_issue_that_takes_the_name_of_a_known_one_wavers_sooner() -> None:
    likeness = {"ISSUE-2": FOR_NEW + LEAD - SAME_NAME}
    assert "ISSUE-2" in wavers(None, ELSEWHERE, likeness, category="disputed charges")
    assert wavers(None, ELSEWHERE, likeness, category="Invoice sent twice") == []
    assert wavers("ISSUE-1", ELSEWHERE, {**likeness, "ISSUE-1": 0.1}, category="Disputed charge") == [], "a match repeats a name"


def test_a_name_from_a_closed_list_tells_nothing() -> None:
    assert wavers(None, ELSEWHERE, {"ISSUE-2": FOR_NEW + LEAD - SAME_NAME}, category="Disputed charge", names_tell=False) == []


def test_a_category_without_telling_words_is_nobodys_name() -> None:
    nameless = [Issue("ISSUE-1", Card("?", "The lid leaks.")), Issue("ISSUE-2", Card("!", "The base hums."))]
    answer = DecisionAnswer(None, 0.9, Card("", ELSEWHERE, (), "", (), ""), (1,))
    assert contested(answer, nameless, {"ISSUE-1": 0.5}) == []


def test_an_issue_without_a_description_speaks_by_its_category() -> None:
    assert "ISSUE-4" in wavers(None, "The kettle hums.")


def test_without_known_issues_nothing_wavers() -> None:
    assert contested(DecisionAnswer(None, 0.9, Card("x", DISPUTE, (), "", (), ""), (1,)), [], {}) == []
