"""What the report page shows, taken from database, decision log and conversations: plain data, still without any HTML.

Reads each conversation once. Leaves conversations beyond a size out and says so. Knows no template and writes no file.
"""

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from knowledge import issue as issue_db
from knowledge.conversation import Conversation, customer_text
from knowledge.decision import FAILURES_TO_SET_ASIDE, DecisionRow
from knowledge.issue import Issue
from knowledge.paths import DEFAULT_OUTPUT
from report import facts, letter, quotes, summary, trends
from report.facts import Effort, TicketFacts
from report.letter import ARTICLE_TICKETS, Week
from report.looks import Looks, looks
from report.quotes import Quote
from review import list as review_list
from review.groups import groups, states_no_problem

MAX_CONVERSATION_CHARS = 20_000
MAX_ALL_CONVERSATIONS_CHARS = 20_000_000
ROWS = 15
SHOWN = 10
FIRST = 5
NEAREST = 3
MAX_NEAREST = 500
MAX_OUTSIDE = 200
FULL_BAR = 4
"""Tickets of a full bar at the least, so that one ticket a month does not look like a flood."""
SEEN = "seen more than once"
FAILED = "Failed"
GIVEN_UP = f"Failed in the same words in {FAILURES_TO_SET_ASIDE} runs and tried no more"

_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")

ConversationOf = Callable[[int], Conversation | None]
Nearest = Callable[[str, str, int, int], list[str]]


@dataclass(slots=True)
class Reading:
    """What the conversations say: facts by ticket, one customer's words by issue, the conversations that the page has room for, and
    what the week was."""

    facts: dict[int, TicketFacts] = field(default_factory=dict)
    quotes: dict[str, Quote] = field(default_factory=dict)
    conversations: list[dict[str, Any]] = field(default_factory=list)
    week: Week = field(default_factory=lambda: Week("", 0, 0))


@dataclass(frozen=True, slots=True)
class Source:
    """All that a page is made of: `days` are those of the tickets; `nearest` gives the ids of the issues most like a ticket by its
    subject, text and id; None where nobody can tell."""

    issues: Mapping[str, Issue]
    log: Mapping[int, DecisionRow]
    days: Mapping[int, str]
    conversation_of: ConversationOf
    nearest: Nearest | None = None
    database: Path = DEFAULT_OUTPUT

    def command(self, flags: str) -> str:
        """A command line of the program about this database."""
        output = "" if self.database == DEFAULT_OUTPUT else f" --output {shlex.quote(str(self.database))}"
        return f"python -m main {flags}{output}"

    def again(self, rows: Iterable[DecisionRow]) -> str:
        """The command that tries some tickets again."""
        return self.command(f"--ticket-ids {','.join(str(row.ticket_id) for row in rows)}")

    def newest(self) -> str:
        """The day of the newest ticket, "" when none is known."""
        return max(self.days.values(), default="")

    def days_of(self, issue: Issue) -> list[str]:
        """Days of an issue's tickets, as far as they are known."""
        return [self.days[ticket] for ticket in issue.tickets if ticket in self.days]

    def account(self) -> str:
        """The helpdesk that most tickets came from, "" when none is known."""
        hosts = Counter(urlsplit(row.url).hostname or "" for row in self.log.values() if row.url.startswith("http"))
        host = max(hosts, key=lambda host: (hosts[host], host), default="")
        return "a helpdesk on this machine" if host in _THIS_MACHINE else host

    def model(self) -> str:
        """The model that decided most tickets, "" when none is known."""
        models = Counter(row.model for row in self.log.values() if row.model)
        return max(models, key=lambda model: (models[model], model), default="")


@dataclass(frozen=True, slots=True)
class Row:
    """One problem in the overview's table. `share` is of all tickets, in percent; `bars` are heights from 0 to 1."""

    issue_id: str
    category: str
    area: str
    kind: str
    count: int
    share: float
    recent: int
    before: int
    moves: str
    quiet: int
    bars: tuple[float, ...]
    quote: str
    quote_ticket: int
    fix: str
    more_steps: int
    state: str
    effort: Effort

    @property
    def address(self) -> str:
        """Where the page shows the issue."""
        return address(self.issue_id)

    @property
    def remark(self) -> str:
        """The state where it says more than the count of tickets does."""
        return "" if self.state == SEEN else self.state.removeprefix(f"{SEEN}, ")

    @property
    def arrow(self) -> str:
        """Up or down against the four weeks before, "" where the numbers are too small to tell."""
        if trends.grows(self.recent, self.before):
            return "up"
        return "down" if trends.grows(self.before, self.recent) else ""


@dataclass(frozen=True, slots=True)
class Outside:
    """Tickets in no issue for one reason: the first of `count`, and the command that tries them again, "" where none is needed."""

    title: str
    rows: list[DecisionRow]
    count: int
    command: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """The page's first screen, for whoever has five minutes."""

    account: str
    model: str
    first_day: str
    last_day: str
    ticket_count: int
    issue_count: int
    flagged: int
    looks: Looks
    reviewed: int
    first_count: int
    first_share: float
    first_effort: float
    span: str
    week: Week
    rows: list[Row]
    more: int
    moving: Mapping[str, int]
    articles: list[Row]
    bugs: list[Row]
    kinds_known: bool
    outside: list[Outside]
    failed: int
    left_out: int
    scale: trends.Scale
    bars: list[int]
    agreement: list[summary.Band]


def address(issue_id: str) -> str:
    """Where the page shows an issue."""
    return "#issue/" + quote(issue_id, safe="", errors="replace")


def area_address(area: str) -> str:
    """Where the page lists the issues of an area."""
    return "#issues?area=" + quote(area, safe="", errors="replace")


def read(source: Source) -> Reading:
    """Every conversation, once: flagged tickets first, then the newest; those that fit are kept, long ones cut."""
    flagged = review_list.flagged_tickets(source.issues)
    home = {ticket: issue for issue in source.issues.values() for ticket in issue.tickets}
    order = sorted(home, key=lambda ticket: (ticket in flagged, source.days.get(ticket, ""), ticket), reverse=True)
    found, room = Reading(), MAX_ALL_CONVERSATIONS_CHARS
    for ticket in order:
        conversation = source.conversation_of(ticket)
        if conversation is None:
            continue
        found.facts[ticket] = facts.facts_of(conversation)
        issue = home[ticket]
        row = source.log.get(ticket)
        best = quotes.better(found.quotes.get(issue.issue_id), quotes.quote_of(conversation, row.evidence if row else (), issue.card))
        if best is not None:
            found.quotes[issue.issue_id] = best
        if room > 0:
            shown = _conversation(ticket, conversation)
            room -= sum(len(message["text"]) + 60 for message in shown["messages"])
            found.conversations.append(shown)
    found.conversations.sort(key=lambda shown: int(shown["id"]))
    found.week = letter.week(source.issues, source.log, found.facts)
    return found


def overview(source: Source, reading: Reading) -> Overview:
    """Numbers, table and lists of the first screen."""
    scale = trends.scale(source.days.values())
    moved = trends.movement(source.issues, source.days)
    rows = _rows(source, reading, scale, moved)
    total = sum(len(issue.tickets) for issue in source.issues.values())
    replies = sum(row.effort.replies for row in rows)
    first = rows[:FIRST]
    outside = _outside(source)
    failed = sum(group.count for group in outside if group.command)
    return Overview(
        account=source.account(),
        model=source.model(),
        first_day=min(source.days.values(), default=""),
        last_day=source.newest(),
        ticket_count=total,
        issue_count=len(source.issues),
        flagged=len(review_list.flagged_tickets(source.issues)),
        looks=looks(source.issues, source.log),
        reviewed=len({ticket for issue in source.issues.values() for ticket in issue.reviewed}),
        first_count=len(first),
        first_share=_percent(sum(row.count for row in first), total),
        first_effort=_percent(sum(row.effort.replies for row in first), replies),
        span="four weeks" if moved.days > trends.WEEK_DAYS else "week",
        week=reading.week,
        rows=rows[:ROWS],
        more=max(0, len(rows) - ROWS),
        moving={"growing": len(moved.growing), "new": len(moved.new), "back": len(moved.back)},
        articles=sorted(
            (row for row in rows if row.kind == "how-to" and row.fix and row.count >= ARTICLE_TICKETS),
            key=lambda row: (-row.effort.replies, -row.count, issue_db.sort_key(row.issue_id)),
        )[:SHOWN],
        bugs=sorted(
            (row for row in rows if row.kind == "bug" and (row.count > 1 or row.recent)),
            key=lambda row: (row.moves != "growing", -row.recent, -row.count),
        )[:SHOWN],
        kinds_known=any(issue.kind for issue in source.issues.values()),
        outside=outside,
        failed=failed,
        left_out=sum(group.count for group in outside) - failed,
        scale=scale,
        bars=scale.counts(source.days.values()),
        agreement=summary.bands(source.log.values()),
    )


def page_json(source: Source, reading: Reading) -> dict[str, Any]:
    """Issues and tickets for the page's script; conversations stand apart (see `Reading.conversations`)."""
    flagged = review_list.flagged_tickets(source.issues)
    names = issue_db.alias_map(source.issues.values())
    reviewed = {ticket for issue in source.issues.values() for ticket in issue.reviewed}
    nearest = _nearest(source, list(flagged))
    moved = trends.movement(source.issues, source.days)
    moves = {one.issue.issue_id: kind for kind in ("growing", "new", "back") for one in getattr(moved, kind)}
    scale = trends.scale(source.days.values())
    tickets = [
        _ticket(ticket, issue, source, names, reading.facts.get(ticket, TicketFacts()))
        | {"flagged": ticket in flagged, "reviewed": ticket in reviewed, "near": nearest.get(ticket, [])}
        for issue in source.issues.values()
        for ticket in issue.tickets
    ]
    return {
        "unit": scale.unit,
        "starts": list(scale.starts),
        "newest": source.newest(),
        "letter": letter.render(reading.week),
        "span": moved.days,
        "pairs": [{"ids": pair[:2], "confidence": pair[2]} for pair in looks(source.issues, source.log).pairs],
        "groups": [asdict(group) for group in groups(source.issues, source.log)],
        "card_fields": [{"name": part.name, "label": part.label, "many": part.many} for part in issue_db.CARD_FIELDS],
        "issues": [_issue(issue, source, reading, moved) | {"moves": moves.get(issue.issue_id, "")} for issue in source.issues.values()],
        "tickets": tickets,
    }


def state(issue: Issue) -> str:
    """How far an issue can be relied on, in words that keep a machine's counting apart from a person's checking."""
    if issue.reviewed or issue.written_by_person():
        return "checked by a person"
    unsure = sum(ticket in issue.unsure for ticket in issue.tickets)
    seen = "single" if len(issue.tickets) == 1 else SEEN
    return f"{seen}, {unsure} of {len(issue.tickets)} unsure" if unsure else seen


def _rows(source: Source, reading: Reading, scale: trends.Scale, moved: trends.Movement) -> list[Row]:
    """Problems by number of tickets, those that state none left out."""
    moving = {one.issue.issue_id: (kind, one.quiet) for kind in ("growing", "new", "back") for one in getattr(moved, kind)}
    total = sum(len(issue.tickets) for issue in source.issues.values())
    return [
        _row(issue, source, reading, scale, moved, moving.get(issue.issue_id, ("", 0)), total)
        for issue in _ranked(issue for issue in source.issues.values() if issue.tickets and not states_no_problem(issue))
    ]


def _row(
    issue: Issue,
    source: Source,
    reading: Reading,
    scale: trends.Scale,
    moved: trends.Movement,
    moving: tuple[str, int],
    total: int,
) -> Row:
    days = source.days_of(issue)
    recent, before = trends.growth(days, moved.newest, span=moved.days)
    counts = scale.counts(days)
    said = reading.quotes.get(issue.issue_id)
    return Row(
        issue_id=issue.issue_id,
        category=issue.card.category or issue.issue_id,
        area=issue.area,
        kind=issue.kind,
        count=len(issue.tickets),
        share=_percent(len(issue.tickets), total),
        recent=recent,
        before=before,
        moves=moving[0],
        quiet=moving[1],
        bars=tuple(count / max(FULL_BAR, *counts) for count in counts),
        quote=said.text if said else "",
        quote_ticket=said.ticket if said else 0,
        fix=issue.card.resolution_steps[0] if issue.card.resolution_steps else "",
        more_steps=max(0, len(issue.card.resolution_steps) - 1),
        state=state(issue),
        effort=facts.effort(reading.facts[ticket] for ticket in issue.tickets if ticket in reading.facts),
    )


def _outside(source: Source) -> list[Outside]:
    """Tickets in no issue: those that failed, those that are tried no more, then what was left out by reason, the commonest first."""
    groups: dict[str, list[DecisionRow]] = {FAILED: [], GIVEN_UP: []}
    for row in source.log.values():
        if row.outcome == "failed":
            groups[GIVEN_UP if row.set_aside else FAILED].append(row)
        elif row.outcome == "ignored":
            groups.setdefault(f"Left out: {row.reason or 'no reason given'}", []).append(row)
    trouble = [(title, groups.pop(title)) for title in (FAILED, GIVEN_UP)]
    left_out = sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [
        Outside(title, rows[:MAX_OUTSIDE], len(rows), source.again(rows) if title in (FAILED, GIVEN_UP) else "")
        for title, rows in (*trouble, *left_out)
        if rows
    ]


def _conversation(ticket: int, conversation: Conversation) -> dict[str, Any]:
    room, messages = MAX_CONVERSATION_CHARS, []
    for message in conversation["conversation"]:
        text = message["text"][: max(room, 0)]
        room -= len(message["text"])
        who = "customer" if message["speaker"] == "user" else "internal note" if message["private"] else "agent"
        messages.append({"who": who, "at": message["created_at"], "text": text, "cut": len(message["text"]) - len(text)})
    return {"id": ticket, "messages": messages, "redacted": conversation["redacted"]}


def _ticket(ticket: int, issue: Issue, source: Source, names: Mapping[str, str], known: TicketFacts) -> dict[str, Any]:
    row = source.log.get(ticket) or DecisionRow(ticket, issue.issue_id, "matched")
    meant = row.suggested_issue_id or ""
    second = names.get(row.second_choice, "")
    return {
        "id": ticket,
        "issue": issue.issue_id,
        "subject": row.subject,
        "url": row.url if facts.web_address(row.url) else "",
        "day": source.days.get(ticket, ""),
        "confidence": issue.unsure.get(ticket, row.confidence),
        "outcome": row.outcome if ticket in source.log else "",
        "meant": names.get(meant, ""),
        "meant_gone": meant if meant and meant not in names else "",
        "second": second if second != issue.issue_id else "",
        "said": row.short_description,
        "reason": row.reason,
        "evidence": list(row.evidence),
        "by": row.decided_by,
        "model": row.model,
        "prompts": row.prompt_version,
        "guards": list(row.guards),
        "channel": known.channel,
        "language": known.language,
        "type": known.type,
        "tags": list(known.tags),
    }


def _issue(issue: Issue, source: Source, reading: Reading, moved: trends.Movement) -> dict[str, Any]:
    recent, before = trends.growth(source.days_of(issue), moved.newest, span=moved.days)
    said = reading.quotes.get(issue.issue_id)
    return {
        "id": issue.issue_id,
        "card": issue.card.to_json(),
        "area": issue.area,
        "kind": issue.kind,
        "status": issue.status,
        "state": state(issue),
        "no_problem": states_no_problem(issue),
        "may_be_one": issue.may_be_one,
        "rests_on": issue.step_evidence,
        "first": issue.first_seen,
        "last": issue.last_seen,
        "merged": issue.merged_from,
        "distinct": issue.distinct_from,
        "person": issue.written_by_person(),
        "hash": issue_db.card_hash(issue.card),
        "recent": recent,
        "before": before,
        "quote": {"text": said.text, "ticket": said.ticket} if said else None,
        "effort": asdict(facts.effort(reading.facts[ticket] for ticket in issue.tickets if ticket in reading.facts)),
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


def _ranked(issues: Iterable[Issue]) -> list[Issue]:
    return sorted(issues, key=lambda issue: (-len(issue.tickets), issue_db.sort_key(issue.issue_id)))


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0
