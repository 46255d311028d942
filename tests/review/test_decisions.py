"""A filled list or the page's export becomes steps, in an order of their own; whatever has another form is named with its place."""

import json
from pathlib import Path
from typing import Any

import pytest

from review import decisions
from review.decisions import IssueStep, TicketStep
from review.list import KIND


def read(folder: Path, *actions: Any) -> decisions.ReviewFile:
    path = folder / "review.json"
    path.write_text(json.dumps({"kind": KIND, "actions": actions}), encoding="utf-8")
    return decisions.load(path)


def test_rows_become_steps_by_ticket_whatever_the_order_they_were_sorted_into(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("ticket_id,issue_id,suggested_issue_id,decision\n9,ISSUE-9,,confirm\n5,ISSUE-5,ISSUE-1,ACCEPT\n7,ISSUE-7,,\n", "utf-8")
    review = decisions.load(path)
    assert review.problems == []
    assert review.steps == [
        TicketStep("row 3", "accept", 5, "ISSUE-5", "ISSUE-1"),
        TicketStep("row 2", "confirm", 9, "ISSUE-9", ""),
    ]


def test_a_page_says_what_the_person_saw(tmp_path: Path) -> None:
    action = {"action": "accept", "ticket_id": 5, "issue_id": "ISSUE-5", "suggested_issue_id": "ISSUE-1", "reviewed": True}
    assert read(tmp_path, action).steps == [TicketStep("action 1", "accept", 5, "ISSUE-5", "ISSUE-1", again=True)]


def test_a_card_has_only_what_a_file_can_hold(tmp_path: Path) -> None:
    card = {"category": " Lid\x00 leaks\x7f ", "keywords": ["a", "  ", "b\ud800"], "notes": "one\n\ttwo\x1b"}
    (step,) = read(tmp_path, {"action": "edit", "issue_id": "ISSUE-1", "card_hash": "ab", "card": card}).steps
    assert isinstance(step, IssueStep)
    assert step.card == {"category": "Lid leaks", "keywords": ["a", "b?"], "notes": "one\n\ttwo"}
    assert step.card_was == "ab"


FORMS: dict[str, tuple[dict[str, Any], str]] = {
    "no issue": ({"action": "merge"}, "merge names no issue"),
    "a text for a list": ({"action": "merge", "issue_ids": "ISSUE-1"}, "merge names no issue"),
    "an empty list": ({"action": "merge", "issue_ids": []}, "merge names no issue"),
    "a number among ids": ({"action": "merge", "issue_ids": ["ISSUE-1", 2]}, "merge names no issue"),
    "a blank among ids": ({"action": "merge", "issue_ids": ["ISSUE-1", " "]}, "merge names no issue"),
    "a merge of one": ({"action": "merge", "issue_ids": ["ISSUE-1"]}, "merge names 1 issues"),
    "a thousand to merge": ({"action": "merge", "issue_ids": [f"ISSUE-{n}" for n in range(1000)]}, "merge names 1000 issues"),
    "one told apart": ({"action": "distinct", "issue_ids": ["ISSUE-1"]}, "distinct names 1 issues"),
    "three told apart": ({"action": "distinct", "issue_ids": ["A", "B", "C"]}, "distinct names 3 issues"),
    "two edited": ({"action": "edit", "issue_ids": ["A", "B"], "card": {"notes": "x"}}, "edit names 2 issues"),
    "two split": ({"action": "split", "issue_ids": ["A", "B"], "ticket_ids": [1]}, "split names 2 issues"),
    "tickets as text": ({"action": "split", "issue_id": "A", "ticket_ids": "1"}, "split: ticket_ids is not a list"),
    "a split of nothing": ({"action": "split", "issue_id": "A"}, "split names no ticket"),
    "ticket 0": ({"action": "split", "issue_id": "A", "ticket_ids": [0]}, "'0' is no ticket number"),
    "an edit of nothing": ({"action": "edit", "issue_id": "A", "card": {}}, "edit changes nothing"),
    "a number as text": ({"action": "edit", "issue_id": "A", "card": {"notes": 5}}, "notes is not text"),
    "too many keywords": (
        {"action": "edit", "issue_id": "A", "card": {"keywords": ["x"] * 101}},
        "keywords is not a list of up to 100 texts",
    ),
    "a long category": ({"action": "edit", "issue_id": "A", "card": {"category": "x" * 201}}, "category is longer than 200 characters"),
    "an id as number": ({"action": "confirm", "ticket_id": 5, "issue_id": 5}, "issue_id is not text"),
}


@pytest.mark.parametrize(("action", "words"), FORMS.values(), ids=FORMS)
def test_an_action_of_another_form_is_named(tmp_path: Path, action: dict[str, Any], words: str) -> None:
    review = read(tmp_path, {"action": "confirm", "ticket_id": 9}, action)
    (problem,) = review.problems
    assert problem.startswith(f"action 2: {words}")
    assert review.steps == [TicketStep("action 1", "confirm", 9)]


LIMITS: dict[str, dict[str, Any]] = {
    "many to merge": {"action": "merge", "issue_ids": [f"ISSUE-{n}" for n in range(999)]},
    "a hundred keywords": {"action": "edit", "issue_id": "A", "card": {"keywords": ["x"] * 100}},
    "a category of 200": {"action": "edit", "issue_id": "A", "card": {"category": "x" * 200}},
}


@pytest.mark.parametrize("action", LIMITS.values(), ids=LIMITS)
def test_what_just_fits_is_taken(tmp_path: Path, action: dict[str, Any]) -> None:
    review = read(tmp_path, action)
    assert (len(review.steps), review.problems) == (1, [])


def test_a_ticket_decided_twice_is_decided_nowhere(tmp_path: Path) -> None:
    split = {"action": "split", "issue_id": "A", "ticket_ids": [5, 6]}
    review = read(tmp_path, {"action": "confirm", "ticket_id": 5}, split, {"action": "confirm", "ticket_id": 7})
    assert review.problems == ["action 1, action 2: ticket 5 is decided more than once"]
    assert review.steps == [TicketStep("action 3", "confirm", 7)]
