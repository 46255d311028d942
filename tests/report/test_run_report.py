"""The report of a run: counts that add up, and retry lines that a shell takes."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from cli import options as command_line
from common.errors import Ended
from knowledge.decision import DecisionRow
from llm.bill import Totals
from llm.protocol import Usage
from report.run_report import RunReport


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
    monkeypatch.setattr("time.monotonic", lambda: 107.25)
    made = RunReport(Path("x.json"), _started=100.0, _started_at=1_750_000_000.0)
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


def test_what_stands_beside_the_bar() -> None:
    assert report(*MIXED).so_far(1, 0.123) == "1 issue, 2 unsure, 0.12 USD"
    assert report().so_far(0, None) == "0 issues"


def test_a_look_at_some_tickets_of_which_one_failed_is_no_failure_of_all() -> None:
    assert not report(row(7, "failed", reason="no JSON"), listed=3).all_failed  # --prompt-debug counts failures only
