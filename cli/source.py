"""Where a run's tickets come from: the list to work on, and the stream of cleaned conversations in that order, read ahead.

`conversations/` is the cache: a ticket that is stored there is not fetched again. Decides nothing and shows no progress bar.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import conversation_utils
import data_fetcher
from cleaning.redaction import Redactor
from common import files
from common.errors import TicketFailed
from conversation_utils import Conversation
from data_fetcher import FreshdeskClient
from env import Settings
from issue_clusterer import FetchFailure, Item
from knowledge.decision import DecisionRow

logger = logging.getLogger(__name__)

Ticket = Mapping[str, Any]
"""A listed ticket: `ticket_id` and, from a search, `subject` and `updated_at`."""

READ_AHEAD = 64
"""Tickets that may wait, read and cleaned, for the model."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tickets the command line asked for: `ticket_ids`, or a search (`pages` None: all there are); and how they are to be decided."""

    ticket_ids: tuple[int, ...] | None = None
    pages: int | None = 5
    since: str | None = None
    query: str | None = None
    reprocess: bool = False

    def to_json(self) -> dict[str, Any]:
        """The selection as it stands in a checkpoint."""
        ids = None if self.ticket_ids is None else list(self.ticket_ids)
        return {"ticket_ids": ids, "pages": self.pages, "since": self.since, "query": self.query, "reprocess": self.reprocess}


@dataclass(frozen=True, slots=True)
class TicketList:
    """Listed tickets in the order of work; `total`: how many match; `gaps`: what could not be listed, in words."""

    tickets: tuple[Ticket, ...]
    total: int | None = None
    gaps: tuple[str, ...] = ()


def list_tickets(selection: Selection, client: FreshdeskClient, *, redact: bool = True) -> TicketList:
    """The tickets that a selection names, their subjects fit to be stored; asks Freshdesk only for a search.

    Raises `Stopped`, `QueryRefused`.
    """
    if selection.ticket_ids is not None:
        return TicketList(tuple({"ticket_id": ticket_id} for ticket_id in dict.fromkeys(selection.ticket_ids)))
    found = data_fetcher.fetch_resolved_ticket_ids(selection.pages, since=selection.since, query=selection.query, client=client)
    refs = (
        {"ticket_id": ref.ticket_id, "subject": Redactor().redact(ref.subject) if redact else ref.subject, "updated_at": ref.updated_at}
        for ref in found.tickets
    )
    logger.info("Freshdesk: %s", _listed(selection, len(found), found.total))
    return TicketList(tuple(refs), found.total, found.gaps)


def _listed(selection: Selection, count: int, total: int | None) -> str:
    """How many of which tickets were listed, in words."""
    which = "that the query finds" if selection.query else "resolved or closed"
    of = f"{count} of the {total}" if total is not None and total > count else str(count)
    pages = f" ({selection.pages} pages; --pages all takes all)" if selection.pages and total is not None and total > count else ""
    return f"{of} tickets {which} that your key can see{pages}"


@dataclass(slots=True)
class ConversationSource:
    """Reads tickets: from the stored conversations where they are valid, else from Freshdesk. Safe for threads."""

    settings: Settings
    client: FreshdeskClient
    folder: Path
    refresh: bool = False
    fetched: set[int] = field(default_factory=set)
    _agents: tuple[str, ...] | None = None
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def stored(self, ticket_id: int, *, base_url: str | None = None) -> Conversation | None:
        """The stored conversation of a ticket, None if there is none that counts; `base_url` is another address of the helpdesk."""
        return conversation_utils.load_conversation(
            ticket_id,
            self.folder,
            base_url=self.settings.freshdesk_url if base_url is None else base_url,
            redact=self.settings.redact,
            include_private_notes=self.settings.include_private_notes,
            ignore_field=self.settings.ignore_field,
        )

    def shown(self, ticket_id: int, decided: Mapping[int, DecisionRow]) -> Conversation | None:
        """The stored conversation for people to see: also one from an address of earlier, if its ticket was decided there."""
        kept, row = self.stored(ticket_id), decided.get(ticket_id)
        if kept is not None or row is None or not row.url:
            return kept
        return self.stored(ticket_id, base_url=row.url.rpartition("/a/tickets/")[0])

    def read(self, ticket_id: int, *, subject: str = "") -> Item:
        """A ticket's conversation, stored on the way, or why there is none. Raises what ends the run."""
        if not self.refresh or ticket_id in self.fetched:
            kept = self.stored(ticket_id)
            if kept is not None:
                return kept
        try:
            conversation = self._build(data_fetcher.fetch_ticket(ticket_id, client=self.client))
        except TicketFailed as error:
            return FetchFailure(ticket_id, str(error).removeprefix(f"ticket {ticket_id}: "), subject)
        conversation_utils.save_conversation(conversation, self.folder)
        self.fetched.add(ticket_id)
        return conversation

    def _build(self, ticket: Mapping[str, Any]) -> Conversation:
        return conversation_utils.build_conversation(
            ticket,
            base_url=self.settings.freshdesk_url,
            redact=self.settings.redact,
            include_private_notes=self.settings.include_private_notes,
            ignore_field=self.settings.ignore_field,
            agents=self._agent_names(),
        )

    def _agent_names(self) -> tuple[str, ...]:
        """The names of all agents, asked for with the first ticket that is fetched."""
        if not self.settings.redact:
            return ()
        with self._asking:
            if self._agents is None:
                self._agents = data_fetcher.fetch_agent_names(self.client)
            return self._agents


def stream(
    tickets: Iterable[Ticket],
    source: ConversationSource,
    submit: Callable[[Callable[[], Item]], "Future[Item]"],
    *,
    on_read: Callable[[], None] = lambda: None,
) -> Iterator[Item]:
    """Conversations and failures in the order of `tickets`, read ahead by `submit` up to a bound. Raises what ends the run.

    `on_read` is called, from any thread, for each ticket that was read or could not be.
    """
    files.remove_unfinished(source.folder)
    waiting: deque[Future[Item]] = deque()
    for ticket in tickets:
        waiting.append(submit(_reading(source, ticket, on_read)))
        if len(waiting) >= READ_AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _reading(source: ConversationSource, ticket: Ticket, on_read: Callable[[], None]) -> Callable[[], Item]:
    def read() -> Item:
        item = source.read(ticket["ticket_id"], subject=str(ticket.get("subject", "")))
        on_read()
        return item

    return read
