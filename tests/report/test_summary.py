"""The report of a run: counts that add up, retry lines that a shell takes, nothing that a terminal would obey."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from cli import options as command_line
from common import times
from common.errors import Ended
from knowledge.decision import FAILURES_TO_SET_ASIDE, DecisionRow
from knowledge.issue import Card, Issue
from llm.bill import Totals
from llm.protocol import Usage
from report.summary import RunReport


def row(ticket_id: int, outcome: Any, confidence: float | None = None, **fields: Any) -> DecisionRow:
    issue_id = None if outcome in ("failed", "ignored") else f"ISSUE-{ticket_id}"
    return DecisionRow(ticket_id, issue_id, outcome, confidence, **fields)


def report(*rows: DecisionRow, **fields: Any) -> RunReport:
    return RunReport(**{"output": Path("output/db.json"), "rows": {entry.ticket_id: entry for entry in rows}, **fields})


MIXED = (
    row(1, "new", 0.9),
    row(2, "matched", 0.7),
    row(3, "provisional", 0.69, guards=("suspicious text", "no evidence named")),
    row(4, "ignored", reason="a survey"),
    row(5, "failed", reason="gone (404)", subject="Lid"),
    row(6, "provisional", 0.0),
)


def test_every_ticket_is_counted_once_by_its_outcome() -> None:
    counts = report(*MIXED, flagged=frozenset({3, 6, 77}), listed=8, already_known=2, fetched=5, merged=1, total=300).to_json()["counts"]
    assert counts == {
        "matching": 300,
        "listed": 8,
        "already_known": 2,
        "fetched": 5,
        "decided": 6,
        "matched": 1,
        "new": 1,
        "provisional": 2,
        "ignored": 1,
        "failed": 1,
        "flagged": 2,
        "suspicious": 1,
        "merged_issues": 1,
    }
    assert sum(counts[name] for name in ("matched", "new", "provisional", "ignored", "failed")) == counts["decided"]


def test_the_file_is_json_and_holds_tokens_cost_and_failures() -> None:
    totals = Totals(calls=7, stored_answers=3, usage=Usage(100, 40, 20, estimated=True), cost=0.0123)
    report(*MIXED, totals=totals, model="m", prompt_version="v", gaps=("two days",), changed=[9]).write(Path("output/r.json"))
    data = json.loads(Path("output/r.json").read_text(encoding="utf-8"))
    assert data["tokens"] == {"prompt": 100, "cached": 40, "completion": 20, "estimated": True}
    assert (data["cost_usd"], data["model_calls"]["calls"], data["model_calls"]["stored_answers"]) == (0.0123, 7, 3)
    assert data["failures"] == [{"ticket_id": 5, "reason": "gone (404)", "subject": "Lid"}]
    assert data["retry"] == "python -m main --ticket-ids 5 --output output/db.json"
    assert data["look_again"] == "python -m main --refresh --reprocess --ticket-ids 9 --output output/db.json"
    assert (data["not_listed"], data["changed_since"], data["model"], data["prompt_version"]) == (["two days"], [9], "m", "v")
    assert {"program", "python", "requests"} <= data["versions"].keys()


def test_nothing_to_try_again_is_an_empty_line() -> None:
    data = report(row(1, "new", 0.9)).to_json()
    assert (data["retry"], data["look_again"], data["failures"], data["cost_usd"]) == ("", "", [], None)


@pytest.mark.parametrize("output", ["output/db.json", "my folder/it's.json", "a;rm -rf x.json", "$HOME.json"])
@pytest.mark.parametrize("reprocess", [False, True])
def test_the_retry_line_is_taken_by_a_shell_and_by_the_command_line(output: str, reprocess: bool) -> None:
    words = shlex.split(report(row(7, "failed"), row(5, "failed"), output=Path(output), reprocess=reprocess).retry)
    assert words[:3] == ["python", "-m", "main"]
    options = command_line.parse(words[3:])
    assert (options.ticket_ids, options.output, options.reprocess) == ((7, 5), Path(output), reprocess)


def test_the_time_is_that_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "wall", lambda: 1_750_000_000.0)
    monkeypatch.setattr(times, "monotonic", iter([100.0, 107.25]).__next__)
    made = RunReport(Path("x.json"), _started=times.monotonic(), _started_at=times.wall())
    data = made.to_json()
    assert (data["started_at"], data["duration_s"]) == ("2025-06-15T15:06:40Z", 7.25)


@pytest.mark.parametrize(
    ("made", "incomplete"),
    [
        (report(row(1, "new", 0.9)), False),
        (report(row(1, "failed")), True),
        (report(gaps=("a day",)), True),
        (report(ended=Ended.BUDGET, ended_because="10 tokens"), True),
        (report(ended=Ended.FETCHED), False),
        (report(row(1, "ignored"), row(2, "provisional", 0.1)), False),
    ],
    ids=["done", "failed", "gaps", "budget", "fetch only", "ignored and flagged"],
)
def test_a_run_is_incomplete_when_something_asked_for_was_not_done(made: RunReport, incomplete: bool) -> None:
    assert made.incomplete is incomplete


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
    lines = made.summary(issues, decisions, Path("output/report.html")).splitlines()[1:]
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
    first = made.summary(issues, decisions, Path("r.html")).splitlines()[1]
    total, parts = first.split(" new tickets: ")
    assert int(total) == sum(int(part.split()[0]) for part in parts.split(", "))


def test_a_run_without_a_new_ticket_says_so_in_a_few_lines() -> None:
    lines = report(already_known=93).summary({}, {}, Path("r.html")).splitlines()
    assert lines[1:3] == ["0 new tickets", "No decision wants a look; 0 issues in all"]
    assert len(lines) == 5


def test_what_was_estimated_is_called_so() -> None:
    assert "about 10 tokens in" in report(totals=Totals(usage=Usage(10, estimated=True), cost=1.0)).summary({}, {}, Path("r.html"))


def test_many_failures_are_shown_in_part_and_retried_in_full() -> None:
    made = report(*(row(n, "failed", reason="gone") for n in range(1, 31)))
    lines = made.troubles()
    assert len([line for line in lines if line.startswith("  ticket")]) == 20
    assert "  and 10 more (run_report.json)" in lines
    assert ",29,30 --output" in lines[-1]


def test_where_every_ticket_failed_the_next_step_is_not_the_page_nor_the_same_command() -> None:
    made = report(row(7, "failed", reason="no JSON"), row(9, "failed", reason="no JSON"), listed=2)
    assert "Next: " not in made.summary({}, {}, Path("r.html"))
    assert made.trouble() == (
        "2 tickets failed, none could be decided; python -m main --check tests every setting; "
        "--ticket-ids 7 --prompt-debug shows what became of one ticket"
    )


def test_a_ticket_that_is_not_there_is_no_matter_of_settings() -> None:
    made = report(row(99, "failed", reason="HTTP 404: no such ticket, nor in the archive"), listed=1)
    assert made.trouble().endswith("check the number: there is no such ticket, or this key may not see it")
    assert not any("try them again" in line for line in made.troubles())


def test_what_is_tried_no_more_leaves_the_advice_in_the_summary() -> None:
    made = report(row(7, "failed", reason="filtered", failures=FAILURES_TO_SET_ASIDE), listed=1)
    assert made.summary({}, {}, Path("r.html")).splitlines()[-1].startswith("Next: python -m main --check")


def test_filled_rows_that_wait_are_named_with_the_command_that_applies_them() -> None:
    assert report(filled=9).troubles() == [
        "9 rows of the review list are filled in and not applied yet: python -m main --apply-review --output output/db.json"
    ]


def test_a_look_at_some_tickets_of_which_one_failed_is_no_failure_of_all() -> None:
    assert not report(row(7, "failed", reason="no JSON"), listed=3).all_failed  # --prompt-debug counts failures only


def test_what_stands_beside_the_bar() -> None:
    assert report(*MIXED).so_far(1, 0.123) == "1 issue, 2 unsure, 0.12 USD"
    assert report().so_far(0, None) == "0 issues"


def test_what_changed_since_is_named() -> None:
    assert report(changed=[3, 4]).troubles() == [
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
    assert made.trouble().startswith(line)
    assert "\n" not in made.trouble()


def test_strangers_words_cannot_steer_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202e\r"
    issues = {evil: Issue(evil, Card(evil), tickets=[1])}
    text = report(row(1, "failed", reason=evil), row(2, "ignored", reason=evil)).summary(issues, {}, Path("r.html"))
    assert not {"\x1b", "\x07", "\u202e", "\r"} & set(text)
