"""What the report page shows, taken from database, decision log and conversations: plain data, still without any HTML.

Leaves conversations beyond a size out and says so. Knows no template and writes no file.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from knowledge import issue as issue_db
from knowledge.conversation import Conversation, customer_text
from knowledge.decision import DecisionRow
from knowledge.issue import Issue
from report import summary, trends
from review import list as review_list

MAX_TALK_CHARS = 20_000
MAX_ALL_TALKS_CHARS = 20_000_000
SHOWN = 10
NEAREST = 3
MAX_NEAREST = 500
_WEB = ("https://", "http://127.0.0.1:", "http://localhost:", "http://[::1]:")

ConversationOf = Callable[[int], Conversation | None]
Nearest = Callable[[str, str, int, int], list[str]]


@dataclass(frozen=True, slots=True)
class Source:
    """All that a page is made of: `days` are those of the tickets; `nearest` gives the ids of the issues
    most like a ticket by its subject, text and id; None where nobody can tell."""

    issues: Mapping[str, Issue]
    log: Mapping[int, DecisionRow]
    days: Mapping[int, str]
    conversation_of: ConversationOf
    nearest: Nearest | None = None

    def newest(self) -> str:
        """The day of the newest ticket, "" when none is known."""
        return max(self.days.values(), default="")

    def days_of(self, issue: Issue) -> list[str]:
        """Days of an issue's tickets, as far as they are known."""
        return [self.days[ticket] for ticket in issue.tickets if ticket in self.days]


@dataclass(frozen=True, slots=True)
class Line:
    """One issue in a list of the overview, with what is said about it there."""

    issue_id: str
    category: str
    count: int
    remark: str = ""

    @property
    def address(self) -> str:
        """Where the page shows the issue."""
        return "#issue/" + quote(self.issue_id, safe="", errors="replace")


@dataclass(frozen=True, slots=True)
class Overview:
    """The page's first screen, for whoever has five minutes."""

    ticket_count: int
    issue_count: int
    confirmed: int
    flagged: int
    reviewed: int
    first_day: str
    last_day: str
    scale: trends.Scale
    bars: list[int]
    largest: list[Line]
    growing: list[Line]
    new: list[Line]
    new_count: int
    returned: list[Line]
    agreement: list[summary.Band]
    outside: list[tuple[str, int]]


def overview(source: Source) -> Overview:
    """Numbers and lists of the first screen."""
    issues = list(source.issues.values())
    scale = trends.scale(source.days.values())
    moved = trends.movement(source.issues, source.days)
    outcomes = Counter(row.outcome for row in source.log.values() if row.outcome in ("ignored", "failed"))
    return Overview(
        ticket_count=sum(len(issue.tickets) for issue in issues),
        issue_count=len(issues),
        confirmed=sum(issue.status == "confirmed" for issue in issues),
        flagged=len(review_list.flagged_tickets(source.issues)),
        reviewed=len({ticket for issue in issues for ticket in issue.reviewed}),
        first_day=min(source.days.values(), default=""),
        last_day=source.newest(),
        scale=scale,
        bars=scale.counts(source.days.values()),
        largest=[_line(issue) for issue in _ranked(issues)[:SHOWN] if issue.tickets],
        growing=_growing(moved),
        new=[_line(one.issue) for one in moved.new[:SHOWN]],
        new_count=len(moved.new),
        returned=_returned(moved),
        agreement=summary.bands(source.log.values()),
        outside=sorted(outcomes.items()),
    )


def island(source: Source) -> dict[str, Any]:
    """Issues and tickets for the page's script; conversations stand apart (see `talks`)."""
    flagged = review_list.flagged_tickets(source.issues)
    names = issue_db.alias_map(source.issues.values())
    reviewed = {ticket for issue in source.issues.values() for ticket in issue.reviewed}
    nearest = _nearest(source, list(flagged))
    new = {one.issue.issue_id for one in trends.movement(source.issues, source.days).new}
    fresh = {ticket for ticket, day in source.days.items() if trends.growth([day], source.newest(), span=trends.WEEK_DAYS)[0]}
    scale = trends.scale(source.days.values())
    tickets = [
        _ticket(ticket, issue, source, names)
        | {"flagged": ticket in flagged, "reviewed": ticket in reviewed, "near": nearest.get(ticket, []), "fresh": ticket in fresh}
        for issue in source.issues.values()
        for ticket in issue.tickets
    ]
    return {
        "unit": scale.unit,
        "starts": list(scale.starts),
        "newest": source.newest(),
        "card_fields": [{"name": part.name, "label": part.label, "many": part.many} for part in issue_db.CARD_FIELDS],
        "issues": [_issue(issue, source) | {"fresh": issue.issue_id in new} for issue in source.issues.values()],
        "tickets": tickets,
    }


def web_address(text: str) -> bool:
    """True for an address that a page may link to: https, or http on this machine."""
    return text.startswith(_WEB)


def talks(source: Source) -> list[dict[str, Any]]:
    """Conversations by ticket id: flagged tickets first, then the newest, until the page is full; long ones are cut."""
    flagged = review_list.flagged_tickets(source.issues)
    tickets = [ticket for issue in source.issues.values() for ticket in issue.tickets]
    tickets.sort(key=lambda ticket: (ticket in flagged, source.days.get(ticket, ""), ticket), reverse=True)
    result: list[dict[str, Any]] = []
    room = MAX_ALL_TALKS_CHARS
    for ticket in tickets:
        conversation = source.conversation_of(ticket) if room > 0 else None
        if conversation is not None:
            talk = _talk(ticket, conversation)
            room -= sum(len(message["text"]) + 60 for message in talk["messages"])
            result.append(talk)
    return sorted(result, key=lambda talk: int(talk["id"]))


def _talk(ticket: int, conversation: Conversation) -> dict[str, Any]:
    room, messages = MAX_TALK_CHARS, []
    for message in conversation["conversation"]:
        text = message["text"][: max(room, 0)]
        room -= len(message["text"])
        who = "customer" if message["speaker"] == "user" else "internal note" if message["private"] else "agent"
        messages.append({"who": who, "at": message["created_at"], "text": text, "cut": len(message["text"]) - len(text)})
    return {"id": ticket, "messages": messages, "redacted": conversation["redacted"]}


def _ticket(ticket: int, issue: Issue, source: Source, names: Mapping[str, str]) -> dict[str, Any]:
    row = source.log.get(ticket) or DecisionRow(ticket, issue.issue_id, "matched")
    known = ticket in source.log
    meant = row.suggested_issue_id or ""
    return {
        "id": ticket,
        "issue": issue.issue_id,
        "subject": row.subject,
        "url": row.url if web_address(row.url) else "",
        "day": source.days.get(ticket, ""),
        "confidence": issue.unsure.get(ticket, row.confidence),
        "outcome": row.outcome if known else "",
        "meant": names.get(meant, ""),
        "meant_gone": meant if meant and meant not in names else "",
        "reason": row.reason,
        "evidence": list(row.evidence),
        "by": row.decided_by,
        "model": row.model,
        "prompts": row.prompt_version,
        "guards": list(row.guards),
    }


def _issue(issue: Issue, source: Source) -> dict[str, Any]:
    days = source.days_of(issue)
    recent, before = trends.growth(days, source.newest())
    return {
        "id": issue.issue_id,
        "card": issue.card.to_json(),
        "status": issue.status,
        "confidence": issue.confidence,
        "first": issue.first_seen,
        "last": issue.last_seen,
        "merged": issue.merged_from,
        "distinct": issue.distinct_from,
        "person": issue.written_by_person(),
        "hash": issue_db.card_hash(issue.card),
        "recent": recent,
        "before": before,
        "tickets": issue.tickets,
    }


def _nearest(source: Source, flagged: Sequence[int]) -> dict[int, list[str]]:
    """The few issues most like each flagged ticket, besides the one it stands in; in a large database judged by the cards alone."""
    if source.nearest is None:
        return {}
    homes = {ticket: issue.issue_id for issue in source.issues.values() for ticket in issue.tickets}
    found: dict[int, list[str]] = {}
    for ticket in flagged[:MAX_NEAREST]:
        conversation, row = source.conversation_of(ticket), source.log.get(ticket)
        subject = conversation["subject"] if conversation is not None else row.subject if row else ""
        text = customer_text(conversation) if conversation is not None else ""
        names = source.nearest(subject, text, ticket, NEAREST + 2)
        found[ticket] = [name for name in names if name != homes[ticket]][:NEAREST]
    return found


def _growing(moved: trends.Movement) -> list[Line]:
    """Issues that grow, with what stood before."""
    span = "four weeks" if moved.days > trends.WEEK_DAYS else "week"
    grown = [(one.issue, one.recent, one.before) for one in moved.growing[:SHOWN]]
    return [Line(issue.issue_id, issue.card.category, recent, f"{before} in the {span} before") for issue, recent, before in grown]


def _returned(moved: trends.Movement) -> list[Line]:
    return [
        Line(one.issue.issue_id, one.issue.card.category, len(one.issue.tickets), f"quiet for {one.quiet} days before")
        for one in moved.back[:SHOWN]
    ]


def _line(issue: Issue) -> Line:
    return Line(issue.issue_id, issue.card.category, len(issue.tickets), issue.status)


def _ranked(issues: Iterable[Issue]) -> list[Issue]:
    return sorted(issues, key=lambda issue: (-len(issue.tickets), issue_db.sort_key(issue.issue_id)))
