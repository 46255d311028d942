"""A run in words: every ticket counted once, the next step that helps, nothing that a terminal would obey."""

from pathlib import Path
from typing import Any

import pytest

from common.errors import Ended
from knowledge.decision import FAILURES_TO_SET_ASIDE, DecisionRow
from knowledge.issue import Card, Issue
from llm.bill import Totals
from llm.protocol import Usage
from report.reading import read
from report.run_report import RunReport
from report.summary import not_done_line, not_done_lines, render


def row(ticket_id: int, outcome: Any, confidence: float | None = None, **fields: Any) -> DecisionRow:
    issue_id = None if outcome in ("failed", "ignored") else f"ISSUE-{ticket_id}"
    return DecisionRow(ticket_id, issue_id, outcome, confidence, **fields)


def report(*rows: DecisionRow, **fields: Any) -> RunReport:
    return RunReport(**{"output": Path("output/db.json"), "rows": {entry.ticket_id: entry for entry in rows}, **fields})


def at(day: str, ticket_id: int, outcome: Any, confidence: float = 0.9, **fields: Any) -> DecisionRow:
    return DecisionRow(ticket_id, fields.pop("issue_id"), outcome, confidence, created_at=f"{day}T08:00:00Z", **fields)


def monday() -> tuple[RunReport, dict[str, Issue], dict[int, DecisionRow]]:
    """A week after a quarter: one issue grows, one is new, one came back, one ticket is in doubt."""
    old = [at(f"2025-01-{n:02}", n, "matched", issue_id="LID") for n in range(1, 4)]
    old += [at("2025-01-02", 9, "new", issue_id="PLUG")]
    new = [at(f"2025-04-{n:02}", 100 + n, "matched", issue_id="LID") for n in range(1, 4)]
    new += [at("2025-04-05", 110, "new", issue_id="CODE"), at("2025-04-06", 111, "matched", issue_id="PLUG")]
    new += [at("2025-04-06", 112, "provisional", 0.6, issue_id="ISSUE-112", suggested_issue_id="LID")]
    issues = {
        "LID": Issue("LID", Card("Lid leaks"), tickets=[1, 2, 3, 101, 102, 103]),
        "PLUG": Issue("PLUG", Card("Wrong plug"), tickets=[9, 111]),
        "CODE": Issue("CODE", Card("Code never comes"), tickets=[110]),
        "ISSUE-112": Issue("ISSUE-112", Card("Lid rattles"), tickets=[112], unsure={112: 0.6}),
    }
    made = report(*new, row(5, "failed", reason="gone (404)"), row(6, "ignored", reason="a survey"), already_known=4)
    made.flagged = frozenset({112})
    made.totals = Totals(calls=7, usage=Usage(12_345, 40, 20), cost=0.5)
    return made, issues, {entry.ticket_id: entry for entry in [*old, *new]}


def test_the_summary_is_what_a_lead_asks_on_a_monday() -> None:
    made, issues, decisions = monday()
    lines = render(made, read(issues, decisions), Path("output/report.html")).splitlines()[1:]
    assert lines[:3] == [
        "8 new tickets: 4 fit known issues, 2 are in 2 new issues, 1 hold no issue (1 a survey), 1 could not be read or decided",
        "1 decision wants a look (1 real doubt); 4 issues in all",
        "Biggest: Lid leaks (6); Wrong plug (2)",
    ]
    assert "New in the last four weeks: Lid rattles (1); Code never comes (1)" in lines
    assert [line.split(" (")[0] for line in lines if line.startswith("Back")] == ["Back: Lid leaks"]
    assert "7 calls, 0 stored answers; 12 345 tokens in (40 cached), 20 out; 0.50 USD" in lines[5]
    assert lines[5].startswith("4 known already; ")
    assert "  ticket 5: gone (404)" in lines
    assert lines[-1] == "Next: open output/report.html"
    assert len(lines) < 20


def test_every_new_ticket_stands_in_one_part_of_the_first_line() -> None:
    made, issues, decisions = monday()
    first = render(made, read(issues, decisions), Path("r.html")).splitlines()[1]
    total, parts = first.split(" new tickets: ")
    assert int(total) == sum(int(part.split()[0]) for part in parts.split(", "))


def test_a_run_without_a_new_ticket_says_so_in_a_few_lines() -> None:
    lines = render(report(already_known=93), read({}, {}), Path("r.html")).splitlines()
    assert lines[1:3] == ["0 new tickets", "No decision wants a look; 0 issues in all"]
    assert len(lines) == 5


def test_what_was_estimated_is_called_so() -> None:
    assert "about 10 tokens in" in render(report(totals=Totals(usage=Usage(10, estimated=True), cost=1.0)), read({}, {}), Path("r.html"))


def test_many_failures_are_shown_in_part_and_retried_in_full() -> None:
    made = report(*(row(n, "failed", reason="gone") for n in range(1, 31)))
    lines = not_done_lines(made)
    assert len([line for line in lines if line.startswith("  ticket")]) == 20
    assert "  and 10 more (run_report.json)" in lines
    assert ",29,30 --output" in lines[-1]


def test_where_every_ticket_failed_the_next_step_is_not_the_page_nor_the_same_command() -> None:
    made = report(row(7, "failed", reason="no JSON"), row(9, "failed", reason="no JSON"), listed=2)
    assert "Next: " not in render(made, read({}, {}), Path("r.html"))
    assert not_done_line(made) == (
        "2 tickets failed, none could be decided; python -m main --check tests every setting; "
        "--ticket-ids 7 --prompt-debug shows what became of one ticket"
    )


def test_a_ticket_that_is_not_there_is_no_matter_of_settings() -> None:
    made = report(row(99, "failed", reason="HTTP 404: no such ticket, nor in the archive"), listed=1)
    assert not_done_line(made).endswith("check the number: there is no such ticket, or this key may not see it")
    assert not any("try them again" in line for line in not_done_lines(made))


def test_what_is_tried_no_more_leaves_the_advice_in_the_summary() -> None:
    made = report(row(7, "failed", reason="filtered", failures=FAILURES_TO_SET_ASIDE), listed=1)
    assert render(made, read({}, {}), Path("r.html")).splitlines()[-1].startswith("Next: python -m main --check")


def test_filled_rows_that_wait_are_named_with_the_command_that_applies_them() -> None:
    assert not_done_lines(report(filled=9)) == [
        "9 rows of the review list are filled in and not applied yet: python -m main --apply-review --output output/db.json"
    ]


def test_what_changed_since_is_named() -> None:
    assert not_done_lines(report(changed=[3, 4])) == [
        "2 tickets of the database changed in Freshdesk since; to look again: "
        "python -m main --refresh --reprocess --ticket-ids 3,4 --output output/db.json"
    ]


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (
            report(row(1, "failed"), row(2, "new"), listed=2),
            "1 ticket failed, the rest is saved; try again with: python -m main --ticket-ids 1 --",
        ),
        (report(gaps=("a day", "b")), "2 gaps in the list of tickets: a day; run the same command again"),
        (report(ended=Ended.STOPPED, ended_because="x"), "stopped: x; run the same command again"),
    ],
    ids=["failures", "gaps", "stopped"],
)
def test_one_line_says_what_was_not_done_and_what_to_do(made: RunReport, line: str) -> None:
    assert not_done_line(made).startswith(line)
    assert "\n" not in not_done_line(made)


def test_strangers_words_cannot_steer_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202e\r"
    issues = {evil: Issue(evil, Card(evil), tickets=[1])}
    text = render(report(row(1, "failed", reason=evil), row(2, "ignored", reason=evil)), read(issues, {}), Path("r.html"))
    assert not {"\x1b", "\x07", "\u202e", "\r"} & set(text)


def test_a_number_without_a_ticket_is_no_new_ticket_and_is_not_tried_again() -> None:
    made = report(row(1, "ignored", reason="a survey"), row(99, "failed", reason="HTTP 404: no such ticket, nor in the archive"), listed=2)
    assert (
        render(made, read({}, {}), Path("r.html")).splitlines()[1]
        == "1 new ticket: 1 hold no issue (1 a survey); 1 number without a ticket"
    )
    assert (
        not_done_line(made) == "1 ticket failed, the rest is saved; check the number: there is no such ticket, or this key may not see it"
    )
    assert not any("try them again" in line for line in not_done_lines(made))
    both = report(*made.rows.values(), row(5, "failed", reason="no JSON"), listed=3)
    assert "try again with: " in not_done_line(both)
