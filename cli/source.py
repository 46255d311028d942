"""Where a run's tickets come from: the list to work on, and the stream of cleaned conversations in that order, read ahead.

`conversations/` is the cache: a ticket that is stored there is not fetched again. Decides nothing and shows no progress bar.
"""

import itertools
import logging
import secrets
import shlex
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import conversation_utils
import data_fetcher
from cli.archive import Archive
from common import files
from common.errors import Stopped, TicketFailed
from common.pool import Submit
from common.text import counted
from conversation_utils import CleaningOptions, Conversation
from env import Settings
from freshdesk.access import STATUSES
from freshdesk.client import FreshdeskClient
from freshdesk.listing import OnListed, TicketRef, by_creation, status_of
from issue_clusterer import Item, unread
from knowledge.conversation import conversation_path, shown_conversation, ticket_url
from knowledge.decision import DecisionRow

logger = logging.getLogger(__name__)

Ticket = Mapping[str, Any]
"""A listed ticket: `ticket_id` and, from a listing, `updated_at`. No words of it: what is listed goes into the checkpoint."""

CUSTOMER_KEY = ".customers.key"
"""The file beside the conversations with the key that hides whose they are."""

READ_AHEAD = 64
"""Tickets that may wait, read and cleaned, for the model."""
_NAMED = 20
"""Tickets that a message names one by one."""
BLOCK = 1_000
"""Tickets that are looked for on list pages at once: enough to stand close together, few enough to be held."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tickets the command line asked for: `ticket_ids`, or a listing (`pages` None: all); and how they are decided."""

    ticket_ids: tuple[int, ...] | None = None
    pages: int | None = 5
    since: str | None = None
    query: str | None = None
    archived: bool = False
    reprocess: bool = False

    def to_json(self) -> dict[str, Any]:
        """The selection as it stands in a checkpoint."""
        return asdict(self) | {"ticket_ids": None if self.ticket_ids is None else list(self.ticket_ids)}

    @staticmethod
    def flags(saved: Mapping[str, Any]) -> str:
        """The flags that asked for the selection that stands in a checkpoint."""
        ids, pages = saved.get("ticket_ids"), saved.get("pages")
        listed = f"--pages {'all' if pages is None else pages}" if ids is None else f"--ticket-ids {','.join(map(str, ids))}"
        named = [f"--{name} {shlex.quote(str(saved[name]))}" for name in ("since", "query") if saved.get(name)]
        return " ".join([listed, *named, *(f"--{name}" for name in ("archived", "reprocess") if saved.get(name))])

    @property
    def by_status(self) -> bool:
        """True where a ticket that is open again is not what was asked for."""
        return self.ticket_ids is None and self.query is None


@dataclass(frozen=True, slots=True)
class TicketList:
    """Listed tickets in the order of work; `total`: how many match; `gaps`: what could not be listed, in words."""

    tickets: tuple[Ticket, ...]
    total: int | None = None
    gaps: tuple[str, ...] = ()


def list_tickets(selection: Selection, source: "ConversationSource", submit: Submit, *, on_listed: OnListed = lambda _: None) -> TicketList:
    """The tickets that a selection names; asks Freshdesk unless they are named by id. Raises `Stopped`, `Unusable`."""
    statuses = source.settings.freshdesk_statuses
    if selection.ticket_ids is not None:
        return TicketList(tuple({"ticket_id": ticket_id} for ticket_id in dict.fromkeys(selection.ticket_ids)))
    found = data_fetcher.fetch_resolved_ticket_ids(
        selection.pages, since=selection.since, query=selection.query, statuses=statuses, client=source.client, on_listed=on_listed
    )
    logger.info("Freshdesk: %s", _listed(selection, len(found), found.total))
    archived, gaps = _archived(selection, found.seen, source, submit)
    listed = ({"ticket_id": ref.ticket_id, "updated_at": ref.updated_at} for ref in by_creation([*found.tickets, *archived]))
    return TicketList(tuple(listed), found.total, (*found.gaps, *gaps))


def _archived(
    selection: Selection, seen: frozenset[int], source: "ConversationSource", submit: Submit
) -> tuple[list[TicketRef], tuple[str, ...]]:
    """What a full listing could not see: looked up if that was asked for, else counted aloud."""
    if not seen:
        return [], ("incomplete: the archive is looked up after a listing without gaps; run again",) if selection.archived else ()
    if selection.archived:
        return source.archive.look_up(source.archive.unseen(seen), source, submit)
    said = source.archive.describe(seen, source.folder)
    if said:  # worth a line on the first run; those after it would only repeat it
        logger.log(logging.DEBUG if any(source.folder.glob("*.json")) else logging.INFO, "%s", said)
    return [], ()


def _listed(selection: Selection, count: int, total: int | None) -> str:
    """How many of which tickets were listed, in words."""
    which = "that the query finds and" if selection.query else "resolved or closed"
    which += f" and changed since {selection.since}" if selection.since else ""
    of = f"{count} of the {total}" if total is not None and total > count else str(count)
    cut = selection.pages and total is not None and total > count
    pages = f" ({counted(selection.pages or 0, 'page')}; --pages all takes all)" if cut else ""
    return f"{of} {'ticket' if of == '1' else 'tickets'} {which} that your key can see{pages}"


@dataclass(slots=True)
class ConversationSource:
    """Reads tickets: from the stored conversations where they are valid, else from Freshdesk. Safe for threads."""

    settings: Settings
    client: FreshdeskClient
    folder: Path
    refresh: bool = False
    cache: Path = Path(".cache")
    fetched: set[int] = field(default_factory=set)
    statuses: tuple[int, ...] = ()
    """Tickets of another status are left out when they are read; empty: none is."""
    _listed: dict[int, dict[str, Any]] = field(default_factory=dict)
    """What list pages gave of tickets that are to be read; nothing of it is written anywhere."""
    _known: tuple[tuple[str, ...], bytes] | None = None
    _asking: threading.Lock = field(default_factory=threading.Lock)
    _seen: set[int] = field(default_factory=set)

    @property
    def archive(self) -> Archive:
        """The ids of this helpdesk that no list shows."""
        return Archive(self.cache, self.settings.freshdesk_url)

    def stored(self, ticket_id: int) -> Conversation | None:
        """The stored conversation of a ticket, None if there is none that counts."""
        return conversation_utils.load_conversation(ticket_id, self.folder, options=self._options())

    def _options(self) -> CleaningOptions:
        settings = self.settings
        return CleaningOptions(settings.freshdesk_url, settings.redact, settings.include_private_notes, settings.ignore_field)

    def shown(self, ticket_id: int, decided: Mapping[int, DecisionRow]) -> Conversation | None:
        """The stored conversation for index, cards and people: also one of other rules or options, shown by those of today.

        One from another address of the helpdesk counts if its ticket was decided there.
        """
        kept, row = self.stored(ticket_id), decided.get(ticket_id)
        if kept is None:
            older = shown_conversation(ticket_id, self.folder)
            hosts = {ticket_url(ticket_id, self.settings.freshdesk_url)} | ({row.url} if row is not None and row.url else set())
            kept = conversation_utils.of_today(older, self._options()) if older is not None and older["url"] in hosts else None
        if kept is not None:
            self._seen.add(ticket_id)
        elif ticket_id in self._seen and not conversation_path(ticket_id, self.folder).exists():
            raise Stopped(
                f"{self.folder} lost ticket {ticket_id} while the run worked; the same command again reads it anew, or says what does"
            )
        return kept

    def take_stock(self, placed: Iterable[int], decided: Mapping[int, DecisionRow]) -> None:
        """Say which tickets `placed` in issues lost their conversation; should another vanish from now on, `shown` stops the run."""
        there = {path.name for path in self.folder.glob("*.json")}
        known = set(placed)
        self._seen |= {ticket_id for ticket_id in known if conversation_path(ticket_id, self.folder).name in there}
        lost = [number for number in sorted(known - self._seen) if number in decided and decided[number].conversation_sha256]
        if lost:
            which = f"--ticket-ids {','.join(map(str, lost))}" if len(lost) <= _NAMED else "--pages all"
            logger.warning(
                "%d tickets of the database have no conversation in %s any more, so questions show less of their issues; "
                "python -m main --fetch-only --refresh %s fetches them again", len(lost), self.folder, which,
            )  # fmt: skip

    def look_ahead(self, tickets: Iterable[Ticket]) -> None:
        """Read from list pages what stands there for less than by view; it is held until `read` asks for it. Raises `Stopped`."""
        missing = [ticket for ticket in tickets if self._at_hand(ticket["ticket_id"]) is None]
        changes = {ticket["ticket_id"]: str(ticket.get("updated_at", "")) for ticket in missing}
        self._listed |= data_fetcher.fetch_listed(changes, client=self.client)

    def read(self, ticket_id: int) -> Item:
        """A ticket's conversation, stored on the way, or why there is none. Raises what ends the run."""
        kept = self._at_hand(ticket_id)
        if kept is not None:
            self._seen.add(ticket_id)
            return kept
        raw = self._listed.pop(ticket_id, None)
        try:
            if raw is None or self._is_open(raw) is None:
                raw = data_fetcher.fetch_ticket(ticket_id, client=self.client, listed=raw)
            return self._keep(raw)
        except TicketFailed as error:
            return unread(ticket_id, str(error).removeprefix(f"ticket {ticket_id}: "))

    def read_archived(self, ticket_id: int) -> Conversation | None:
        """An archived ticket's conversation, stored on the way; None if there is none. Raises `TicketFailed` and what ends the run."""
        kept = self._at_hand(ticket_id)
        raw = data_fetcher.fetch_archived(ticket_id, client=self.client) if kept is None else None
        return kept if raw is None else self._keep(raw)

    def _at_hand(self, ticket_id: int) -> Conversation | None:
        return self.stored(ticket_id) if not self.refresh or ticket_id in self.fetched else None

    def _keep(self, raw: Mapping[str, Any]) -> Conversation:
        """The conversation, stored; one that is open again is not stored, so that the run after its end reads it anew."""
        agents, key = self._surroundings()
        conversation = conversation_utils.build_conversation(raw, **asdict(self._options()), agents=agents, customer_key=key)
        reopened = self._is_open(raw)
        if reopened is not None:
            logger.warning("ticket %d is left out: %s", conversation["ticket_id"], reopened)
            conversation["ignored"] = conversation["ignored"] or reopened
            return conversation
        conversation_utils.save_conversation(conversation, self.folder)
        self.fetched.add(conversation["ticket_id"])
        self._seen.add(conversation["ticket_id"])
        return conversation

    def _is_open(self, raw: Mapping[str, Any]) -> str | None:
        """Why a ticket that was listed is not what was asked for, None if it is."""
        status = status_of(raw)
        return f"it has status {status} now, so it is open again" if self.statuses and status and status not in self.statuses else None

    def _surroundings(self) -> tuple[tuple[str, ...], bytes]:
        """The names of all agents, and the random key of this folder, so that what a customer is called here says nothing elsewhere.

        Asked for and made with the first ticket that is fetched.
        """
        with self._asking:
            if self._known is None:
                agents = data_fetcher.fetch_agent_names(self.client) if self.settings.redact else ()
                path = self.folder / CUSTOMER_KEY
                key = files.read_text(path)
                if not key:
                    key = secrets.token_hex(32)
                    files.write_text(path, key)
                self._known = agents, key.encode()
            return self._known


def stream(
    tickets: Iterable[Ticket],
    source: ConversationSource,
    submit: Submit,
    *,
    on_read: Callable[[], None] = lambda: None,
) -> Iterator[Item]:
    """Conversations and failures in the order of `tickets`, read ahead by `submit` up to a bound. Raises what ends the run.

    `on_read` is called, from any thread, for each ticket that was read or could not be.
    """
    files.remove_unfinished(source.folder)
    count = failed = 0
    unsolved: Counter[int] = Counter()
    for item in _read_ahead(tickets, source, submit, on_read):
        count, failed = count + 1, failed + isinstance(item, DecisionRow)
        if not isinstance(item, DecisionRow) and item["status"] and item["status"] not in source.settings.freshdesk_statuses:
            unsolved[item["status"]] += item["ignored"] is None
        yield item
    if count:
        logger.info("%s", _fetched(count, len(source.fetched), failed))
    if unsolved.total():
        kinds = ", ".join(f"{STATUSES.get(status, f'status {status}')} {number}" for status, number in sorted(unsolved.items()))
        logger.info("%d of them not solved yet (%s): taken because they were asked for", unsolved.total(), kinds)


def _fetched(count: int, fetched: int, failed: int) -> str:
    """What became of all tickets that were to be read.

    >>> _fetched(5, 2, 1)
    'fetched 2 conversations, 2 were here already, 1 could not be read'
    """
    here = max(0, count - fetched - failed)
    parts = [
        f"fetched {counted(fetched, 'conversation')}",
        f"{here} {'was' if here == 1 else 'were'} here already" if here else "",
        f"{failed} could not be read" if failed else "",
    ]
    return ", ".join(part for part in parts if part)


def _read_ahead(tickets: Iterable[Ticket], source: ConversationSource, submit: Submit, on_read: Callable[[], None]) -> Iterator[Item]:
    waiting: deque[Future[Item]] = deque()
    rest = iter(tickets)
    while block := list(itertools.islice(rest, BLOCK)):
        source.look_ahead(block)
        for ticket in block:
            waiting.append(submit(partial(_read, source, ticket["ticket_id"], on_read)))
            if len(waiting) >= READ_AHEAD:
                yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _read(source: ConversationSource, ticket_id: int, on_read: Callable[[], None]) -> Item:
    item = source.read(ticket_id)
    on_read()
    return item
