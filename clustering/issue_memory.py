"""The issues in memory: the dict by id, which ticket lives where, and the candidate index, changed together.

Every change of the knowledge base goes through here, so that what differs from the file is known. Asks no model and writes no file.
"""

import heapq
import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from clustering.answers import Card
from clustering.candidates import CandidateIndex
from knowledge import issue as issue_db
from knowledge.conversation import Conversation, customer_text
from knowledge.issue import Issue

CANDIDATES = 26
"""Up to this many issues all are offered; beyond it the index picks as many."""

EXEMPLARS = 16
"""Tickets of one issue that the index holds."""

NO_FIX = "No confirmed fix."

MAX_INDEXED = 2_000
"""Tickets up to which an index that is made for a question about nearness holds conversations; beyond it, the cards alone."""

ConversationOf = Callable[[int], Conversation | None]
Nearest = Callable[[str, str, int, int], list[str]]


def nearest_issues(issues: dict[str, Issue], conversation_of: ConversationOf, *, index: "CandidateIndex | None" = None) -> Nearest:
    """A function from subject, text, ticket id and a number to the ids of as many issues most like the ticket, the most alike first.

    `index` is one that holds these issues already; without it one is made when the function is first called.
    """
    made: list[CandidateIndex] = [] if index is None else [index]

    def nearest(subject: str, text: str, ticket_id: int, count: int) -> list[str]:
        if not made:
            small = sum(len(issue.tickets) for issue in issues.values()) <= MAX_INDEXED
            made.append(IssueMemory(dict(issues), conversation_of=conversation_of if small else lambda _: None).index)
        return made[0].search(subject=subject, text=text, k=count, exclude_ticket=ticket_id)

    return nearest


@dataclass(frozen=True, slots=True)
class TicketText:
    """What the index knows of a ticket: its day (`YYYY-MM-DD`), subject, and what the customer said."""

    ticket_id: int
    day: str
    subject: str
    text: str

    @classmethod
    def of(cls, conversation: Conversation) -> "TicketText":
        """The facts of a conversation."""
        return cls(conversation["ticket_id"], conversation["created_at"][:10], conversation["subject"], customer_text(conversation))

    @property
    def whole(self) -> str:
        """Subject and text together."""
        return f"{self.subject}\n{self.text}"


class IssueMemory:
    """Issues by id with their tickets' homes. `touched` and `dropped` are what differs from the database that was loaded."""

    def __init__(
        self, issues: dict[str, Issue], *, conversation_of: ConversationOf, new_index: Callable[[], CandidateIndex] = CandidateIndex
    ) -> None:
        self.issues = issues
        self.touched: set[str] = set()
        self.dropped: set[str] = set()
        self._conversation_of = conversation_of
        self._new_index = new_index
        self._home = {ticket: issue.issue_id for issue in issues.values() for ticket in issue.tickets}
        self._aliases = {alias for issue in issues.values() for alias in issue.merged_from}
        self._index: CandidateIndex | None = None

    @property
    def index(self) -> CandidateIndex:
        """The candidate index, filled from cards and stored conversations when first needed."""
        if self._index is None:
            self._index = self._new_index()
            texts = (self._text_of(ticket_id) for issue in self.issues.values() for ticket_id in exemplars(issue))
            self._index.expect(ticket.whole for ticket in texts if ticket is not None)
            for issue in self.issues.values():
                self._index.put_card(issue.issue_id, card_text(issue))
                self._index_tickets(issue)
        return self._index

    @property
    def ready_index(self) -> CandidateIndex | None:
        """The candidate index if it is filled."""
        return self._index

    @property
    def ticket_count(self) -> int:
        """How many tickets stand in issues."""
        return len(self._home)

    def home(self, ticket_id: int) -> Issue | None:
        """The issue that a ticket stands in."""
        issue_id = self._home.get(ticket_id)
        return None if issue_id is None else self.issues[issue_id]

    def candidates(self, ticket: TicketText, *, leaving: Collection[int]) -> list[Issue]:
        """Issues to offer for a ticket, in id order; none all of whose tickets are `leaving` (about to be decided again)."""
        wanted = CANDIDATES
        while True:
            found = self.likeliest(ticket, wanted)
            stays = [issue for issue in found if not issue.tickets or any(other not in leaving for other in issue.tickets)]
            if len(stays) >= CANDIDATES or len(found) < wanted:
                return in_id_order(stays[:CANDIDATES])
            wanted *= 4

    def likeliest(self, ticket: TicketText, count: int) -> list[Issue]:
        """The `count` issues that a ticket is likeliest to belong to, the likeliest first; all, in any order, if there are few."""
        if len(self.issues) <= min(count, CANDIDATES):
            return list(self.issues.values())
        ids = self.index.search(subject=ticket.subject, text=ticket.text, k=count, exclude_ticket=ticket.ticket_id)
        return [self.issues[issue_id] for issue_id in ids]

    def likeness(self, ticket: TicketText, issues: Iterable[Issue]) -> dict[str, float]:
        """By issue id, how many telling words a ticket has in common with what was said in each of `issues`, 0 to 1."""
        ids = [issue.issue_id for issue in issues]
        return self.index.likeness(subject=ticket.subject, text=ticket.text, issue_ids=ids, exclude_ticket=ticket.ticket_id)

    def new_issue(self, ticket: TicketText, card: Card, confidence: float) -> Issue:
        """The issue that a ticket would found, not yet part of the memory."""
        issue = Issue(self._free_id(ticket.ticket_id), card.category, first_seen=ticket.day, last_seen=ticket.day)
        write_card(issue, card)
        issue.tickets = [ticket.ticket_id]
        issue.confidence = confidence
        return issue

    def add(self, issue: Issue, ticket: TicketText) -> None:
        """Take a founded issue in; its ticket leaves wherever it was."""
        self._leave(ticket.ticket_id, towards=issue)
        before = self.issues.get(issue.issue_id)
        if before is not None:
            _carry_over(before, issue)
        self.issues[issue.issue_id] = issue
        self.dropped.discard(issue.issue_id)
        self._settle(issue, ticket)
        if self._index is not None:
            self._index.put_card(issue.issue_id, card_text(issue))

    def join(self, issue_id: str, ticket: TicketText, confidence: float) -> None:
        """Put a ticket into an issue, which is confirmed by it; the card stays as it is."""
        issue = self.issues[issue_id]
        if self._home.get(ticket.ticket_id) != issue_id:
            self._leave(ticket.ticket_id, towards=issue)
            issue.tickets = sorted([*issue.tickets, ticket.ticket_id])
        issue.unsure.pop(ticket.ticket_id, None)
        issue.confidence = max(issue.confidence, confidence)
        if len(issue.tickets) > 1:
            issue.status = "confirmed"
        _widen(issue, ticket.day, ticket.day)
        self._settle(issue, ticket)

    def remove(self, ticket_id: int) -> None:
        """Take a ticket out of the knowledge base, with its issue if it was alone there and no person wrote that."""
        issue = self.home(ticket_id)
        if issue is not None:
            self._take_out(ticket_id, issue)
            if issue.issue_id in self.dropped and self.issues:
                self._inherit(issue, in_id_order(self.issues.values())[0])

    def merge(self, keep: Issue, gone: Issue, card: Card | None) -> None:
        """Put all of `gone` into `keep`, whose id stays; `card` replaces the kept card unless a person wrote that."""
        keep.tickets = sorted([*keep.tickets, *gone.tickets])
        keep.unsure.update(gone.unsure)
        keep.reviewed = sorted({*keep.reviewed, *gone.reviewed})
        keep.merged_from = sorted({*keep.merged_from, gone.issue_id, *gone.merged_from}, key=issue_db.sort_key)
        keep.distinct_from = sorted({*keep.distinct_from, *gone.distinct_from} - {keep.issue_id}, key=issue_db.sort_key)
        keep.confidence = max(keep.confidence, gone.confidence)
        keep.extra = {**gone.extra, **keep.extra}
        if "confirmed" in (keep.status, gone.status) or len(keep.tickets) - len(keep.unsure) > 1:
            keep.status = "confirmed"
        _widen(keep, gone.first_seen, gone.last_seen)
        self._home.update(dict.fromkeys(gone.tickets, keep.issue_id))
        self._drop(gone.issue_id)
        self.index.move_issue(gone.issue_id, keep.issue_id)
        self._index_tickets(keep)
        if card is not None:
            self.rewrite(keep, card)
        self.touched.add(keep.issue_id)

    def rewrite(self, issue: Issue, card: Card) -> None:
        """Replace the card of an issue unless a person wrote it."""
        if not issue.written_by_person():
            write_card(issue, card)
            self.index.put_card(issue.issue_id, card_text(issue))
            self.touched.add(issue.issue_id)

    def conversations(self, ticket_ids: Iterable[int]) -> list[Conversation]:
        """The stored conversations of tickets, as far as they are there."""
        found = (self._conversation_of(ticket_id) for ticket_id in ticket_ids)
        return [conversation for conversation in found if conversation is not None]

    def _free_id(self, ticket_id: int) -> str:
        """`ISSUE-<ticket>`, or the next free number behind it; the ticket's own issue of that name counts as free if it is alone there."""
        wanted, number = f"ISSUE-{ticket_id}", 1
        while wanted in self._aliases or (wanted in self.issues and self.issues[wanted].tickets != [ticket_id]):
            number += 1
            wanted = f"ISSUE-{ticket_id}-{number}"
        return wanted

    def _settle(self, issue: Issue, ticket: TicketText) -> None:
        self._home[ticket.ticket_id] = issue.issue_id
        self.touched.add(issue.issue_id)
        self._index_tickets(issue, ticket)

    def _leave(self, ticket_id: int, *, towards: Issue) -> None:
        """Take a ticket out of its issue; one that is gone by that becomes an alias of where its last ticket went."""
        old = self.home(ticket_id)
        if old is None or old.issue_id == towards.issue_id:
            return
        self._take_out(ticket_id, old)
        if old.issue_id in self.dropped:
            self._inherit(old, towards)
            towards.merged_from = sorted({*towards.merged_from, old.issue_id, *old.merged_from}, key=issue_db.sort_key)

    def _inherit(self, gone: Issue, heir: Issue) -> None:
        """Let another issue remember the tickets that a person took out of one that is gone."""
        if gone.reviewed:
            heir.reviewed = sorted({*heir.reviewed, *gone.reviewed})
            self.touched.add(heir.issue_id)

    def _take_out(self, ticket_id: int, issue: Issue) -> None:
        del self._home[ticket_id]
        issue.tickets.remove(ticket_id)
        issue.unsure.pop(ticket_id, None)
        issue.reviewed = [other for other in issue.reviewed if other != ticket_id]
        self.touched.add(issue.issue_id)
        if issue.tickets or issue.written_by_person():
            self._index_tickets(issue)
            return
        self._drop(issue.issue_id)
        if self._index is not None:
            self._index.drop_issue(issue.issue_id)

    def _drop(self, issue_id: str) -> None:
        del self.issues[issue_id]
        self.touched.discard(issue_id)
        self.dropped.add(issue_id)
        self._aliases.add(issue_id)

    def _index_tickets(self, issue: Issue, known: TicketText | None = None) -> None:
        """Bring the index to hold just the issue's exemplars; `known` need not be read from disk."""
        if self._index is None:
            return
        wanted = set(exemplars(issue))
        held = self._index.tickets_of(issue.issue_id)
        for ticket_id in held - wanted:
            self._index.drop_ticket(ticket_id)
        for ticket_id in sorted(wanted - held):
            ticket = known if known is not None and known.ticket_id == ticket_id else self._text_of(ticket_id)
            if ticket is not None:
                self._index.put_ticket(ticket_id, issue.issue_id, subject=ticket.subject, text=ticket.text)

    def _text_of(self, ticket_id: int) -> TicketText | None:
        conversation = self._conversation_of(ticket_id)
        return None if conversation is None else TicketText.of(conversation)


def write_card(issue: Issue, card: Card) -> None:
    """Set an issue's card and seal it as the program's own."""
    issue.category = card.category
    issue.short_description = card.short_description
    issue.keywords = list(card.keywords)
    issue.root_cause = card.root_cause
    issue.resolution_steps = list(card.resolution_steps)
    issue.notes = card.notes
    issue.seal_card()


def card_text(issue: Issue) -> str:
    """What the index reads of a card."""
    return "\n".join((issue.category, issue.short_description, ", ".join(issue.keywords), issue.root_cause))


def exemplars(issue: Issue, limit: int = EXEMPLARS) -> list[int]:
    """Tickets that speak for an issue: those that a person placed, then a fixed sample of the others.

    Depends on the issue alone, not on the order in which tickets came, so that a resumed run has the same index.
    """
    reviewed = set(issue.reviewed)
    return heapq.nsmallest(limit, issue.tickets, key=lambda ticket: (ticket not in reviewed, zlib.crc32(b"%d" % ticket), ticket))


def in_id_order(issues: Iterable[Issue]) -> list[Issue]:
    """Issues by the number in their ids."""
    return sorted(issues, key=lambda issue: issue_db.sort_key(issue.issue_id))


def with_fix_marked(card: Card, *, supported: bool) -> Card:
    """The card, its notes saying so when it has steps that no agent's message supports."""
    if supported or not card.resolution_steps or card.notes.startswith(NO_FIX):
        return card
    return replace(card, notes=f"{NO_FIX} {card.notes}".strip())


def agent_spoke(conversation: Conversation, numbers: Sequence[int] = ()) -> bool:
    """True when one of the numbered messages (all, if none is named) is an agent's or an internal note."""
    messages = conversation["conversation"]
    chosen = [messages[number - 1] for number in numbers if number <= len(messages)] or messages
    return any(message["speaker"] == "agent" for message in chosen)


def _carry_over(before: Issue, issue: Issue) -> None:
    """Keep what people and earlier runs said of an issue that its own ticket founds anew."""
    for name in ("merged_from", "distinct_from", "reviewed", "status", "extra"):
        setattr(issue, name, getattr(before, name))
    if before.written_by_person():
        for name in (*issue_db.CARD_FIELDS, "card_hash"):
            setattr(issue, name, getattr(before, name))


def _widen(issue: Issue, first: str, last: str) -> None:
    days = [day for day in (issue.first_seen, issue.last_seen, first, last) if day]
    if days:
        issue.first_seen, issue.last_seen = min(days), max(days)
