"""What waits for review, put together: each flagged ticket in one group, by what is asked about which issue."""

import pytest

from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from review.groups import Group, groups


def issue(name: str, *tickets: int, unsure: tuple[int, ...] = (), **more: object) -> Issue:
    made = Issue(name, Card(name), tickets=list(tickets), unsure=dict.fromkeys(unsure, 0.5))
    for key, value in more.items():
        setattr(made, key, value)
    return made


def row(ticket: int, home: str, meant: str | None) -> DecisionRow:
    return DecisionRow(ticket, home, "provisional", 0.5, suggested_issue_id=meant)


def asked(*issues: Issue, meant: dict[int, str | None]) -> list[Group]:
    homes = {ticket: one.issue_id for one in issues for ticket in one.tickets}
    return groups({one.issue_id: one for one in issues}, {ticket: row(ticket, homes[ticket], name) for ticket, name in meant.items()})


BIG = issue("ISSUE-1", 1, 2, 3)


@pytest.mark.parametrize(
    ("home", "meant", "expected"),
    [
        (issue("ISSUE-9", 9, unsure=(9,), held_back="ISSUE-1"), "ISSUE-1", ("belongs", "ISSUE-1")),
        (issue("ISSUE-9", 9, 10, unsure=(9,)), "ISSUE-1", ("disagrees", "ISSUE-1")),
        (issue("ISSUE-9", 9, 10, unsure=(9,)), "ISSUE-9", ("agrees", "ISSUE-9")),
        (issue("ISSUE-9", 9, 10, unsure=(9,), merged_from=["ISSUE-5"]), "ISSUE-5", ("agrees", "ISSUE-9")),
        (issue("ISSUE-9", 9, 10, unsure=(9,)), None, ("agrees", "ISSUE-9")),
        (issue("ISSUE-9", 9, unsure=(9,)), None, ("new", "")),
        (issue("ISSUE-9", 9, unsure=(9,)), "ISSUE-404", ("new", "")),
        (issue("ISSUE-9", 9, unsure=(9,), held_back=""), None, ("no_problem", "")),
    ],
    ids=[
        "alone, meant elsewhere",
        "placed elsewhere",
        "where it was meant",
        "meant one was merged here",
        "grew",
        "new",
        "meant one is gone",
        "none",
    ],
)
def test_a_ticket_stands_in_the_group_of_its_question(home: Issue, meant: str | None, expected: tuple[str, str]) -> None:
    (found,) = asked(BIG, home, meant={9: meant})
    assert (found.question, found.issue_id, found.tickets) == (*expected, (9,))


def test_tickets_with_one_question_are_one_group_and_disagreements_come_first() -> None:
    alone = [issue(f"ISSUE-{n}", n, unsure=(n,), held_back="ISSUE-1") for n in (11, 12, 13)]
    found = asked(
        BIG, *alone, issue("ISSUE-4", 4, 5, unsure=(4,)), issue("ISSUE-6", 6, unsure=(6,)),
        meant={11: "ISSUE-1", 12: "ISSUE-1", 13: "ISSUE-1", 4: "ISSUE-1", 6: None},
    )  # fmt: skip
    assert [(group.question, group.tickets) for group in found] == [("disagrees", (4,)), ("belongs", (11, 12, 13)), ("new", (6,))]


def test_what_people_reviewed_asks_nothing() -> None:
    done = issue("ISSUE-9", 9, unsure=(9,), reviewed=[9])
    assert asked(BIG, done, meant={9: "ISSUE-1"}) == []
