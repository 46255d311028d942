"""What the script is given: each ticket with the place it has, was meant for and may come next, by the ids of today."""

from pathlib import Path
from typing import Any

from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from report import letter
from report.page_json import page_json
from report.reading import Reading, read


def told(reading: Reading) -> dict[str, Any]:
    return page_json(reading, letter.compose(reading))


def test_a_ticket_is_told_with_where_it_stands_was_meant_and_is_near() -> None:
    issues = {
        "A": Issue("A", Card("a"), tickets=[1], merged_from=["OLD"], reviewed=[1]),
        "B": Issue("B", Card("b"), tickets=[2], unsure={2: 0.5}, held_back="OLD", may_be_one={"OLD": 0.6}),
    }
    log = {
        1: DecisionRow(1, "A", "matched", 0.9, created_at="2025-01-01T00:00:00Z", second_choice="A"),
        2: DecisionRow(2, "B", "provisional", 0.5, suggested_issue_id="OLD", second_choice="GONE"),
    }
    data = told(read(issues, log, nearest=lambda *_: ["B", "A"], database=Path("x.json")))
    first, second = data["tickets"]
    assert (first["day"], first["flagged"], first["reviewed"], first["near"], first["second"]) == ("2025-01-01", False, True, [], "")
    assert (second["meant"], second["meant_gone"], second["flagged"], second["near"], second["second"]) == ("A", "", True, ["A"], "")
    assert data["pairs"] == [{"ids": ("B", "A"), "confidence": 0.6}]
    assert data["groups"] == [{"question": "belongs", "look": "doubts", "issue_id": "A", "tickets": (2,)}]


def test_what_the_model_meant_and_is_gone_is_told_as_gone() -> None:
    log = {2: DecisionRow(2, "B", "provisional", 0.5, suggested_issue_id="GONE")}
    (ticket,) = told(read({"B": Issue("B", Card("b"), tickets=[2], unsure={2: 0.5})}, log))["tickets"]
    assert (ticket["meant"], ticket["meant_gone"]) == ("", "GONE")


def test_a_ticket_without_a_decision_is_told_as_such() -> None:
    (ticket,) = told(read({"B": Issue("B", Card("b"), tickets=[2])}, {}))["tickets"]
    assert (ticket["by"], ticket["model"], ticket["subject"], ticket["url"], ticket["day"]) == ("", "", "", "", "")
