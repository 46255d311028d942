"""A small database with its log, and reviews of it, as tests of people's decisions need them."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from knowledge import decision as decision_log
from knowledge import issue as issue_db
from knowledge.decision import DecisionRow
from knowledge.issue import Card, Issue
from knowledge.paths import RunFiles
from review import apply, decisions
from review import list as review_list
from review.list import KIND


def issue(issue_id: str, category: str, tickets: list[int], **more: Any) -> Issue:
    made = Issue(issue_id, Card(category, f"About {category}."), tickets=tickets, **more)
    made.seal_card()
    return made


def database() -> dict[str, Issue]:
    """Wi-Fi (1, 2), a doubtful drop (5, meant Wi-Fi), one that means the drop (6), a doubtful lid (7 beside 8), a hand-written note."""
    issues = [
        issue(
            "ISSUE-1",
            "Wi-Fi setup fails",
            [1, 2],
            status="confirmed",
            first_seen="2025-01-01",
            last_seen="2025-01-02",
            merged_from=["ISSUE-2"],
        ),
        issue("ISSUE-5", "Wi-Fi drops", [5], unsure={5: 0.62}, first_seen="2025-01-05", last_seen="2025-01-05"),
        issue("ISSUE-6", "Wi-Fi is slow", [6], unsure={6: 0.4}, first_seen="2025-01-06", last_seen="2025-01-06"),
        issue("ISSUE-7", "Lid leaks", [7, 8], unsure={7: 0.1}, first_seen="2025-01-07", last_seen="2025-01-08"),
        Issue("NOTE-1", Card("Hand written")),
    ]
    return {made.issue_id: made for made in issues}


def log() -> dict[int, DecisionRow]:
    meant = {5: "ISSUE-1", 6: "ISSUE-5", 7: None}
    homes = {1: "ISSUE-1", 2: "ISSUE-1", 5: "ISSUE-5", 6: "ISSUE-6", 7: "ISSUE-7", 8: "ISSUE-7"}
    confidence = {5: 0.62, 6: 0.4, 7: 0.1}
    return {
        ticket: DecisionRow(
            ticket,
            home,
            "provisional" if ticket in confidence else "matched",
            confidence.get(ticket, 0.95),
            meant.get(ticket),
            subject=f"Subject {ticket}",
            created_at=f"2025-01-{ticket:02}T12:00:00Z",
            decided_by="model",
        )
        for ticket, home in homes.items()
    }


def files_in(folder: Path, issues: dict[str, Issue] | None = None, rows: dict[int, DecisionRow] | None = None) -> RunFiles:
    files = RunFiles(folder / "silo_issues_db.json")
    issues, rows = issues or database(), log() if rows is None else rows
    files.database.write_text(issue_db.render(issues.values()), encoding="utf-8")
    files.decisions.write_text(decision_log.render(rows.values()), encoding="utf-8")
    review_list.write(files.flagged, issues, rows)
    return files


def sheet(folder: Path, *filled: tuple[Any, ...], issues: dict[str, Issue] | None = None) -> Path:
    """The review list as the program writes it, with (ticket, decision, target) filled in; further rows for tickets it does not have."""
    rows = {row["ticket_id"]: row for row in csv.DictReader(io.StringIO(review_list.render(issues or database(), log())[1:]))}
    out = io.StringIO()
    writer = csv.DictWriter(out, review_list.COLUMNS)
    writer.writeheader()
    for ticket, decision, *target in filled:
        row = rows.get(str(ticket), {"ticket_id": str(ticket)})
        writer.writerow(row | {"decision": decision, "target_issue_id": "".join(target)})
    path = folder / "review.csv"
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


def page_export(folder: Path, *actions: dict[str, Any]) -> Path:
    path = folder / "review.json"
    path.write_text(json.dumps({"kind": KIND, "version": 1, "actions": actions}), encoding="utf-8")
    return path


def revised(path: Path, issues: dict[str, Issue], rows: dict[int, DecisionRow]) -> apply.ReviewResult:
    """What a review file makes of a database and its log."""
    return apply.revise(decisions.load(path), issues, rows)
