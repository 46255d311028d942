"""The first screen: what is biggest, what moves, what to write and to report, and what stands in no issue."""

from pathlib import Path
from typing import Any

import pytest

from knowledge.decision import FAILURES_TO_SET_ASIDE, DecisionRow
from knowledge.issue import Card, Issue
from report import letter, page
from report.overview import FirstScreen, first_screen, state
from report.reading import Reading, read


def reading_of(days: dict[str, list[str]]) -> Reading:
    issues, log, number = {}, {}, 0
    for name, seen in days.items():
        issue = Issue(name, Card(f"About {name}"))
        for day in seen:
            number += 1
            issue.tickets.append(number)
            log[number] = DecisionRow(number, name, "matched", 0.9, created_at=f"{day}T12:00:00Z")
        issues[name] = issue
    return read(issues, log)


def test_growing_issues_have_more_tickets_in_four_weeks_than_in_the_four_before() -> None:
    reading = reading_of(
        {
            "steady": ["2025-01-05", "2025-02-10", "2025-03-10"],
            "rising": ["2025-02-05", "2025-03-08", "2025-03-09", "2025-03-10"],
            "once": ["2025-03-10"],
        }
    )
    growing = reading.trends.of("growing")
    assert [(move.issue.issue_id, move.recent, move.before, move.arrow) for move in growing] == [("rising", 3, 1, "up")]
    assert {kind: len(reading.trends.of(kind)) for kind in ("growing", "new", "back")} == {"growing": 1, "new": 1, "back": 0}


def test_an_issue_that_was_quiet_and_came_back_is_named() -> None:
    reading = reading_of({"back": ["2025-01-01", "2025-01-02", "2025-03-20"], "gone": ["2025-01-01"], "now": ["2025-03-25"]})
    moves = [(name, move.kind, move.quiet) for name, move in reading.trends.moves.items()]
    assert moves == [("back", "back", 77), ("gone", "", 0), ("now", "new", 0)]


def test_the_headline_is_the_share_of_the_first_five() -> None:
    view = first_screen(reading_of({f"issue {number}": ["2025-01-01"] * number for number in range(1, 9)}))
    assert (view.first_count, view.first_share) == (5, 83.3)  # 8 + 7 + 6 + 5 + 4 of 36
    assert [view.share(issue) for issue in view.rows][:2] == [22.2, 19.4]


def test_a_ticket_that_states_no_problem_is_counted_apart() -> None:
    issues = {
        "A": Issue("A", Card("Lid leaks"), tickets=[1, 2]),
        "B": Issue("B", Card("Thanks"), tickets=[3], unsure={3: 0.5}, held_back=""),
        "C": Issue("C", Card("Lid drips"), tickets=[4], unsure={4: 0.6}, held_back="A"),
    }
    reading = read(issues, {})
    assert ([issue.issue_id for issue in first_screen(reading).rows], reading.looks.no_problem) == (["A", "C"], 1)


@pytest.mark.parametrize(
    ("issue", "said"),
    [
        (Issue("A", Card("a"), tickets=[1]), "single"),
        (Issue("A", Card("a"), tickets=[1, 2]), "seen more than once"),
        (Issue("A", Card("a"), tickets=[1, 2, 3], unsure={1: 0.2, 3: 0.1}), "seen more than once, 2 of 3 unsure"),
        (Issue("A", Card("a"), tickets=[1, 2], reviewed=[1]), "checked by a person"),
        (Issue("A", Card("a"), tickets=[1, 2], reviewed=[2, 9]), "checked by a person"),
        (Issue("A", Card("a"), tickets=[1, 2], reviewed=[8, 9]), "seen more than once"),
    ],
)
def test_a_machines_counting_is_told_from_a_persons_checking(issue: Issue, said: str) -> None:
    issue.seal_card()
    assert state(issue) == said


def kinds(**more: Any) -> FirstScreen:
    issues = {
        "HOW": Issue("HOW", Card("Lid upside down", resolution_steps=("Turn it.",)), tickets=[1, 2, 3], kind="how-to"),
        "FEW": Issue("FEW", Card("Beep", resolution_steps=("Hold minus.",)), tickets=[4, 5], kind="how-to"),
        "NOFIX": Issue("NOFIX", Card("Smell"), tickets=[6, 7, 8], kind="how-to"),
        "OLD": Issue("OLD", Card("Crash"), tickets=[11, 12, 13, 14], kind="bug"),
        "ONCE": Issue("ONCE", Card("Too hot for tea"), tickets=[31], kind="bug"),
        "UP": Issue("UP", Card("Too hot"), tickets=[21, 22, 23, 24], kind="bug"),
    }
    days = {31: "2025-03-22", 21: "2025-01-01", 22: "2025-03-20", 23: "2025-03-21", 24: "2025-03-22", 11: "2025-01-01", 12: "2025-01-02"}
    dated = {number: DecisionRow(number, None, "matched", created_at=f"{day}T08:00:00Z") for number, day in days.items()}
    return first_screen(read(issues, {**dated, **more.get("log", {})}))


def test_articles_are_how_to_questions_with_a_fix_and_bugs_that_grow_come_first() -> None:
    view = kinds()
    assert [issue.issue_id for issue in view.articles] == ["HOW"]
    assert [issue.issue_id for issue in view.bugs] == ["UP", "OLD"]


def test_failed_and_set_aside_tickets_are_listed_with_their_reasons() -> None:
    log = {
        1: DecisionRow(1, None, "failed", reason="gone (404)", subject="Lid", url="https://acme.freshdesk.com/a/tickets/1"),
        2: DecisionRow(2, None, "ignored", reason="a survey", url="javascript:alert(1)"),
        3: DecisionRow(3, None, "ignored", reason="a survey"),
        5: DecisionRow(5, None, "ignored", reason="the ticket states no problem: Thanks.", decided_by="person"),
        4: DecisionRow(4, None, "failed", reason="filtered", failures=FAILURES_TO_SET_ASIDE),
    }
    reading = read({}, log, database=Path("output/seed.json"))
    text = page.render(reading, letter.compose(reading))
    view = kinds(log=log)
    assert (view.failed, view.left_out) == (2, 3)
    assert [(group.title, len(group.rows)) for group in view.outside] == [
        ("Failed", 1),
        ("Failed in the same words in 3 runs and tried no more", 1),
        ("Left out: a survey", 2),
        ("Left out: a person said to ignore it", 1),
    ]
    assert "python -m main --ticket-ids 4 --output output/seed.json" in text
    assert "python -m main --ticket-ids 1 --output output/seed.json" in text
    assert "gone (404)" in text
    assert "javascript:" not in text


def test_what_is_new_or_back_has_its_tag_and_no_arrow_beside() -> None:
    reading = reading_of({"old": ["2025-01-01", "2025-03-30"], "new": ["2025-03-26", "2025-03-27", "2025-03-28", "2025-03-29"]})
    assert {name: (move.kind, move.arrow) for name, move in reading.trends.moves.items()} == {"new": ("new", ""), "old": ("", "")}


def test_a_last_month_of_a_few_days_is_told_apart() -> None:
    begun = {"a": ["2025-01-01", "2025-08-05"]}
    whole = {"a": ["2025-01-01", "2025-08-31"]}
    assert (reading_of(begun).trends.scale.partial, reading_of(whole).trends.scale.partial) == (True, False)
