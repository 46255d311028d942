"""All that the report page shows, read once: the database, the decision log and each ticket's conversation, and what follows from them.

Leaves conversations beyond a size out and says by how much one is cut. Knows no HTML and writes nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from common.web import is_loopback
from knowledge.conversation import Conversation, customer_text, speaker_name
from knowledge.decision import DecisionRow
from knowledge.issue import Issue
from knowledge.paths import DEFAULT_OUTPUT, command
from report import facts, quotes
from report.facts import Effort, TicketFacts
from report.looks import Looks, count_looks
from report.quotes import Quote
from report.trends import Trends, read_trends
from review.groups import flagged_tickets

MAX_CONVERSATION_CHARS = 20_000
MAX_ALL_CONVERSATIONS_CHARS = 20_000_000
NEAREST = 3
MAX_NEAREST = 500

ConversationOf = Callable[[int], Conversation | None]
Nearest = Callable[[str, str, int, int], list[str]]
"""Ids of the issues most like a ticket, by its subject, text and id; at most so many."""


@dataclass(slots=True)
class Reading:
    """What page and letter are made of. By ticket: its facts, and the issues `near` to it; by issue: one customer's words; the
    conversations that the page has room for; how tickets spread and what moves; what wants a look."""

    issues: Mapping[str, Issue]
    log: Mapping[int, DecisionRow]
    database: Path
    flagged: Mapping[int, Issue]
    trends: Trends
    looks: Looks
    facts: dict[int, TicketFacts] = field(default_factory=dict)
    quotes: dict[str, Quote] = field(default_factory=dict)
    conversations: list[dict[str, Any]] = field(default_factory=list)
    near: dict[int, list[str]] = field(default_factory=dict)

    def command(self, flags: str) -> str:
        """A command line of the program about this database."""
        return command(flags, self.database)

    def again(self, rows: Iterable[DecisionRow]) -> str:
        """The command that tries some tickets again."""
        return self.command(f"--ticket-ids {','.join(str(row.ticket_id) for row in rows)}")

    def effort(self, issue: Issue) -> Effort:
        """What an issue's tickets were for agents and customers."""
        return facts.effort(self.facts[ticket] for ticket in issue.tickets if ticket in self.facts)

    def account(self) -> str:
        """The helpdesk that most tickets came from, "" when none is known."""
        host = _most(urlsplit(row.url).hostname or "" for row in self.log.values() if row.url.startswith("http"))
        if is_loopback(host):
            return "Hearthly, an invented company" if self.database.parent.name == "demo" else "a helpdesk on this machine"
        return host

    def model(self) -> str:
        """The model that decided most tickets, "" when none is known."""
        return _most(row.model for row in self.log.values() if row.model)


def read(
    issues: Mapping[str, Issue],
    log: Mapping[int, DecisionRow],
    conversation_of: ConversationOf = lambda _: None,
    nearest: Nearest | None = None,
    database: Path = DEFAULT_OUTPUT,
) -> Reading:
    """Every conversation, once: flagged tickets first, then the newest; those that fit are kept, long ones cut.

    `conversation_of` gives a ticket's stored conversation; `nearest` tells the issues most like a ticket; `database` is named in the
    commands that the page tells.
    """
    found = Reading(issues, log, database, flagged_tickets(issues), read_trends(issues, log), count_looks(issues, log))
    days, flagged = found.trends.days, found.flagged
    home = {ticket: issue for issue in issues.values() for ticket in issue.tickets}
    room, looked_for = MAX_ALL_CONVERSATIONS_CHARS, set(list(flagged)[:MAX_NEAREST])
    for ticket in sorted(home, key=lambda ticket: (ticket in flagged, days.get(ticket, ""), ticket), reverse=True):
        conversation = conversation_of(ticket)
        if nearest is not None and ticket in looked_for:
            found.near[ticket] = _near(found, ticket, conversation, nearest)
        if conversation is not None:
            _note(found, home[ticket], ticket, conversation)
            if room > 0:
                shown = _cut(ticket, conversation)
                room -= sum(len(message["text"]) + 60 for message in shown["messages"])
                found.conversations.append(shown)
    found.conversations.sort(key=lambda shown: int(shown["id"]))
    return found


def _note(found: Reading, issue: Issue, ticket: int, conversation: Conversation) -> None:
    """Take a ticket's facts, and its customer's words where none tell its issue better."""
    found.facts[ticket] = facts.facts_of(conversation)
    row = found.log.get(ticket)
    said, told = quotes.quote_of(conversation, row.evidence if row else (), issue.card), found.quotes.get(issue.issue_id)
    if said is not None and (told is None or (said.worth, said.ticket) > (told.worth, told.ticket)):
        found.quotes[issue.issue_id] = said


def _cut(ticket: int, conversation: Conversation) -> dict[str, Any]:
    room, messages = MAX_CONVERSATION_CHARS, []
    for message in conversation["conversation"]:
        text = message["text"][: max(room, 0)]
        room -= len(message["text"])
        messages.append({"who": speaker_name(message), "at": message["created_at"], "text": text, "cut": len(message["text"]) - len(text)})
    return {"id": ticket, "messages": messages}


def _near(found: Reading, ticket: int, conversation: Conversation | None, nearest: Nearest) -> list[str]:
    """The few issues most like a flagged ticket, besides the one it stands in; in a large database judged by the cards alone."""
    row = found.log.get(ticket)
    subject, text = (row.subject if row else "", "") if conversation is None else (conversation["subject"], customer_text(conversation))
    return [name for name in nearest(subject, text, ticket, NEAREST + 2) if name != found.flagged[ticket].issue_id][:NEAREST]


def _most(names: Iterable[str]) -> str:
    """The commonest name, the last in the alphabet of equals; "" for none."""
    counts = Counter(names)
    return max(counts, key=lambda name: (counts[name], name), default="")
