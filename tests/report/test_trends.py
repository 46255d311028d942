"""What moves: by the days of tickets alone, guarded against small numbers."""

import pytest

from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from report import trends


def dated(days: dict[int, str]) -> dict[int, DecisionRow]:
    """A log that says on which days tickets came."""
    return {ticket: DecisionRow(ticket, "A", "matched", created_at=f"{day}T08:00:00Z") for ticket, day in days.items()}


def moved(**days: list[str]) -> dict[str, list[str]]:
    """Names of issues by what they do; each issue's tickets have these days."""
    issues, known, number = {}, {}, 0
    for name, seen in days.items():
        issue = Issue(name, Card(name))
        for day in seen:
            number += 1
            issue.tickets.append(number)
            known[number] = day
        issues[name] = issue
    found = trends.read_trends(issues, dated(known))
    return {kind: [one.issue.issue_id for one in found.of(kind)] for kind in ("growing", "new", "back")}


OLD = ["2025-01-01"]
RECENT = ["2025-03-10", "2025-03-11", "2025-03-12"]


@pytest.mark.parametrize(
    ("days", "kind"),
    [
        (["2025-02-01", *RECENT], "growing"),
        (["2025-02-01", "2025-02-02", "2025-02-03", *RECENT], ""),
        (["2025-02-10", *RECENT[:2]], ""),
        (RECENT, "new"),
        ([RECENT[0]], "new"),
        (["2025-01-01", "2025-01-09", RECENT[0]], "back"),
        (["2025-01-01", "2025-01-09", *RECENT], "back"),
        (["2024-09-01", "2024-11-01", "2025-01-01", RECENT[0]], ""),
        (["2025-01-01", RECENT[0]], ""),
        (OLD, ""),
    ],
    ids=[
        "more than before",
        "as many as before",
        "too few to tell",
        "new",
        "one new",
        "back",
        "back with many",
        "rare anyway",
        "one before",
        "gone",
    ],
)
def test_an_issue_stands_in_the_list_of_what_it_does(days: list[str], kind: str) -> None:
    found = moved(old=OLD, it=days)
    assert [name for name, issues in found.items() if "it" in issues] == ([kind] if kind else [])


def test_young_data_is_looked_at_by_weeks() -> None:
    found = moved(old=["2025-03-01"], late=["2025-03-12"], more=["2025-03-02", "2025-03-10", "2025-03-11", "2025-03-12", "2025-03-12"])
    assert found == {"growing": ["more"], "new": ["late"], "back": []}


@pytest.mark.parametrize("days", [[], ["2025-03-12"], ["2025-03-10", "2025-03-12"]], ids=["none", "one day", "three days"])
def test_nothing_moves_where_there_is_nothing_to_compare_with(days: list[str]) -> None:
    assert moved(it=days) == {"growing": [], "new": [], "back": []}


def test_an_issue_first_seen_before_its_known_tickets_is_not_new() -> None:
    issue = Issue("A", Card("a"), tickets=[2], first_seen="2024-06-01")
    found = trends.read_trends({"A": issue, "B": Issue("B", Card("b"), tickets=[1])}, dated({1: "2025-01-01", 2: "2025-03-01"}))
    assert found.of("new") == []


def test_a_run_of_nothing_changes_nothing() -> None:
    issues, log = {"A": Issue("A", Card("a"), tickets=[1, 2])}, dated({1: "2025-01-01", 2: "2025-03-01"})
    assert trends.read_trends(issues, log) == trends.read_trends(dict(issues), dict(log))


def test_a_doubt_that_is_held_back_is_nothing_new() -> None:
    doubt = Issue("B", Card("b"), tickets=[2], unsure={2: 0.5}, held_back="A")
    found = trends.read_trends({"A": Issue("A", Card("a"), tickets=[1]), "B": doubt}, dated({1: "2025-01-01", 2: "2025-03-01"}))
    assert found.of("new") == []
