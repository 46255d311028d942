"""What the page's script is given of a reading: issues, tickets, what wants a look, as JSON. Conversations stand apart, one by one."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from common.text import for_terminal
from knowledge import issue as issue_db
from knowledge.decision import DecisionRow
from knowledge.issue import Issue
from report import facts
from report.facts import TicketFacts
from report.letter import Letter
from report.looks import KINDS
from report.overview import state
from report.reading import Reading
from review.groups import groups, states_no_problem


def page_json(reading: Reading, week: Letter) -> dict[str, Any]:
    """The data by the names that `templates/report.js` reads."""
    issues, names, scale = reading.issues.values(), issue_db.alias_map(reading.issues.values()), reading.trends.scale
    reviewed = {ticket for issue in issues for ticket in issue.reviewed}
    return {
        "unit": scale.unit,
        "starts": scale.starts,
        "newest": reading.trends.newest,
        "partial": scale.partial,
        "letter": {
            "title": week.title,
            "said": week.said,
            "parts": [
                {"title": title, "entries": [f"{for_terminal(issue.title)}: {remark}" for issue, remark in entries]}
                for title, entries in week.parts.items()
            ],
        },
        "span": reading.trends.span,
        "pairs": [{"ids": pair[:2], "confidence": pair[2]} for pair in reading.looks.pairs],
        "groups": [asdict(group) | {"look": KINDS[group.question]} for group in groups(reading.issues, reading.log)],
        "card_fields": [{"name": part.name, "label": part.label, "many": part.many} for part in issue_db.CARD_FIELDS],
        "issues": [_issue(reading, issue) for issue in issues],
        "tickets": [
            _ticket(reading, issue, ticket, names) | {"reviewed": ticket in reviewed} for issue in issues for ticket in issue.tickets
        ],
        "conversations": [shown["id"] for shown in reading.conversations],
    }


def _ticket(reading: Reading, issue: Issue, ticket: int, names: Mapping[str, str]) -> dict[str, Any]:
    known = reading.facts.get(ticket, TicketFacts())
    row = reading.log.get(ticket) or DecisionRow(ticket, issue.issue_id, "matched")
    meant = row.suggested_issue_id or ""
    second = names.get(row.second_choice, "")
    return {
        "id": ticket,
        "issue": issue.issue_id,
        "subject": row.subject,
        "url": row.url if facts.web_address(row.url) else "",
        "day": reading.trends.days.get(ticket, ""),
        "confidence": issue.unsure.get(ticket, row.confidence),
        "meant": names.get(meant, ""),
        "meant_gone": meant if meant and meant not in names else "",
        "second": second if second != issue.issue_id else "",
        "said": row.short_description,
        "reason": _reason(row.reason, reading.issues, names),
        "evidence": list(row.evidence),
        "by": row.decided_by,
        "model": row.model,
        "prompts": row.prompt_version,
        "guards": list(row.guards),
        "channel": known.channel,
        "language": known.language,
        "type": known.type,
        "tags": list(known.tags),
        "flagged": ticket in reading.flagged,
        "near": reading.near.get(ticket, []),
    }


def _reason(reason: str, issues: Mapping[str, Issue], names: Mapping[str, str]) -> str:
    """The reason with the title of the issue that it names, so that the ticket's own words are not read as that.

    >>> from knowledge.issue import Card
    >>> _reason("may fit A: It drips.", {"A": Issue("A", Card("Lid leaks"))}, {"A": "A"})
    'may fit A (Lid leaks); the ticket says: It drips.'
    """
    start, mark, said = reason.partition(": ")
    verb, _, name = start.rpartition(" ")
    if verb not in ("fits", "may fit") or name not in names:
        return reason
    title = issues[names[name]].card.category
    return f"{start} ({title})" + (f"; the ticket says: {said}" if mark else "") if title else reason


def _issue(reading: Reading, issue: Issue) -> dict[str, Any]:
    move, said = reading.trends.moves[issue.issue_id], reading.quotes.get(issue.issue_id)
    return {
        "id": issue.issue_id,
        "card": issue.card.to_json(),
        "area": issue.area,
        "kind": issue.kind,
        "state": state(issue),
        "no_problem": states_no_problem(issue),
        "first": issue.first_seen,
        "last": issue.last_seen,
        "merged": issue.merged_from,
        "distinct": issue.distinct_from,
        "person": issue.written_by_person(),
        "hash": issue_db.card_hash(issue.card),
        "bars": reading.trends.scale.counts(reading.trends.days_of(issue)),
        "recent": move.recent,
        "before": move.before,
        "quote": {"text": said.text, "ticket": said.ticket} if said else None,
        "effort": asdict(reading.effort(issue)),
        "tickets": issue.tickets,
        "moves": move.kind,
    }
