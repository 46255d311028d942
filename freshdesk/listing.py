"""Tickets by what changed: the list endpoint walked in ascending order of update, while tickets move.

A ticket that is updated leaves its page and draws the next page's first one into it. So every call is page 1 of the last time seen; later
pages are read only while a page ends in the second that it began, and are then read once more backwards, since what moves, moves forward.
Keeps no text but the subject. What could not be listed is said in words.
"""

import datetime
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.errors import Stopped
from common.times import seconds_of, to_utc
from common.web import Refused, TransientError
from freshdesk.client import ACCOUNT_NAME, FreshdeskClient, Reply

PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 30
MAX_PAGES = 300  # page 301 is an error
MAX_TICKETS = 1_000_000  # the list holds no archived ticket, so that no account comes near
COUNTED_FROM = 20_000  # tickets: a longer list is compared with what the search counts, each time that it has doubled
MAX_STALE_PAGES = 3
MAX_LOST_PAGES = 3
AGAIN_AFTER_S = (2.0, 10.0)
SUBJECT_CHARS = 500
BEGINNING, LATEST = "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"

OnListed = Callable[[int], None]
"""Is told after each page how many tickets are found by now."""


@dataclass(frozen=True, slots=True)
class TicketRef:
    """What a list or a search says about one ticket. Times are UTC, "" where none was given."""

    ticket_id: int
    subject: str
    status: int
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class TicketListing:
    """Tickets by created_at, then id; `total` is how many the API counts, `gaps` says in words what could not be listed.

    `seen` are the ids of all tickets, whatever their status, that a listing of everything saw; empty for any other.
    """

    tickets: tuple[TicketRef, ...]
    total: int | None = None
    gaps: tuple[str, ...] = ()
    seen: frozenset[int] = frozenset()

    def __iter__(self) -> Iterator[int]:
        return (ticket.ticket_id for ticket in self.tickets)

    def __len__(self) -> int:
        return len(self.tickets)


@dataclass(slots=True)
class ChangedList:
    """A walk over what changed since `since`, up to `wanted` that `keep` keeps: `found`. `seen` says of all ids when they changed."""

    client: FreshdeskClient
    keep: Callable[[TicketRef], bool]
    since: str = BEGINNING
    wanted: int | None = None
    count: Callable[[], float] = lambda: math.inf
    """How many such tickets there are by another reckoning, infinity if it cannot be had."""
    on_listed: OnListed = lambda _: None
    found: dict[int, TicketRef] = field(default_factory=dict)
    seen: dict[int, str] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    began_at: float | None = None  # by the helpdesk's clock, in seconds since 1970
    _nameless: int = 0
    _taken: int = 0
    _counted_at: int = COUNTED_FROM
    _stale_pages: int = 0

    def run(self) -> None:
        """Fill `found`. Raises `Stopped`."""
        page, lost = 1, 0
        while page <= MAX_PAGES and lost < MAX_LOST_PAGES:
            reply = self._page(page)
            if reply is None:
                page, lost = page + 1, lost + 1
                continue
            rows = self._take(reply)
            if self._is_over(reply):
                self._look_back(page)
                break
            page, lost = self._next(rows, page, skips=lost > 0), 0
        else:
            self.gaps.append(f"incomplete: tickets that changed after {self.since} could not be listed")
        if self._nameless:
            self.gaps.append(f"incomplete: {self._nameless} entries of the list have no usable id")

    def _page(self, page: int) -> Reply | None:
        """One page; None, and a gap, if it cannot be had."""
        what = f"up to {PAGE_SIZE} tickets that changed after {self.since}"
        if self.began_at is not None:
            return later_page(lambda: list_page(self.client, self.since, page), what=what, gaps=self.gaps)
        try:
            reply = list_page(self.client, self.since, page)
        except (TransientError, Refused) as error:
            raise cannot_list("the list of tickets", error) from error
        self.began_at = time.time() if reply.at is None else reply.at
        return reply

    def _take(self, reply: Reply) -> list[TicketRef]:
        """The page's tickets, kept and counted."""
        rows, is_stale = list(parse_refs(reply.value)), True
        self._taken += len(rows)
        self._nameless += len(reply.value) - len(rows)
        for ref in rows:
            is_stale = is_stale and self.seen.get(ref.ticket_id) == ref.updated_at
            self.seen[ref.ticket_id] = ref.updated_at
            if self.keep(ref):
                self.found[ref.ticket_id] = ref  # a later look is a newer one
            else:
                self.found.pop(ref.ticket_id, None)
        self._stale_pages = self._stale_pages + 1 if is_stale else 0
        self.on_listed(len(self.found))
        return rows

    def _is_over(self, reply: Reply) -> bool:
        """True at the end, with a gap if it is not the list's own."""
        if is_last(reply) or (self.wanted is not None and len(self.found) >= self.wanted):
            return True
        if self._stale_pages >= MAX_STALE_PAGES:
            self.gaps.append(f"incomplete: the list repeats itself; what changed after {self.since} could not be listed")
        elif self._taken > MAX_TICKETS or self._is_more_than_counted():
            self.gaps.append(f"incomplete: the list shows {self._taken} tickets and more, which cannot be; left at {self.since}")
        else:
            return False
        return True

    def _is_more_than_counted(self) -> bool:
        if len(self.found) < self._counted_at:
            return False
        self._counted_at *= 2
        return len(self.found) > 2 * self.count() + PAGE_SIZE

    def _next(self, rows: list[TicketRef], page: int, *, skips: bool) -> int:
        """The page to read next; `since` moves on once a page ends later than it began. `skips`: pages before this one were lost."""
        last = last_change(rows)
        if last <= self.since:
            return page + 1
        if page == 1 or skips:
            self.since = last
            return 1
        self._look_back(page)
        self.since = next_second(self.since)
        return 1

    def _look_back(self, page: int) -> None:
        """Read the pages before this one backwards: what moved meanwhile moved to an earlier page, or out of this second."""
        stale = self._stale_pages
        for earlier in range(page - 1, 0, -1):
            reply = self._page(earlier)
            if reply is not None:
                self._take(reply)
        self._stale_pages = stale


def list_page(client: FreshdeskClient, since: str, page: int = 1, *, include: tuple[str, ...] = ()) -> Reply:
    """A page of what changed since then, oldest first; 1 credit, and 2 for each include. Raises what `FreshdeskClient.get` raises."""
    params = {"updated_since": since, "order_by": "updated_at", "order_type": "asc", "per_page": str(PAGE_SIZE), "page": str(page)}
    included = {"include": ",".join(include)} if include else {}
    return client.get("tickets", params=params | included, expect=list, credits=1 + 2 * len(include))


def is_last(reply: Reply) -> bool:
    """Whether a page of the list is the last; a short one with a link to another may be of a helpdesk that heeds no page size."""
    return not reply.value or (len(reply.value) < PAGE_SIZE and not reply.has_next)


def cannot_list(what: str, error: Exception) -> Stopped:
    """What it means that the first page of a listing, which shows whether it works at all, cannot be had."""
    if isinstance(error, Refused):
        return Stopped(f"Freshdesk: {what} is refused ({error}); check FRESHDESK_DOMAIN ({ACCOUNT_NAME}) and what the key may see")
    return Stopped(f"Freshdesk: {what} does not work: {error}; try again later")


def later_page(get: Callable[[], Reply], *, what: str, gaps: list[str]) -> Reply | None:
    """A page of a listing that works; None, and one more of the gaps, if it cannot be had.

    One that is refused is asked for up to three times: an account at its limit was seen to answer 403.
    """
    for wait_s in (*AGAIN_AFTER_S, None):
        try:
            return get()
        except (TransientError, Refused) as error:
            if wait_s is None or not isinstance(error, Refused):
                gaps.append(f"incomplete: {what} could not be listed ({error})")
                return None
        time.sleep(wait_s)
    return None


def read_rows(client: FreshdeskClient, path: str, *, max_pages: int = 200) -> Iterator[dict[str, Any]]:
    """The entries of a list that is read page by page, 1 credit for each 100, as they come.

    Raises what `FreshdeskClient.get` raises, and `TransientError` for a list that repeats itself or does not end.
    """
    last: list[Any] = []
    page_size = PAGE_SIZE
    for page in range(1, max_pages + 1):
        reply = client.get(path, params={"per_page": str(PAGE_SIZE), "page": str(page)}, expect=list, credits=1)
        if reply.value and reply.value == last:
            raise TransientError(f"the helpdesk repeats page {page - 1} of {path}")
        last = reply.value
        yield from (row for row in last if isinstance(row, dict))
        # A first page of the default size may mean that `per_page` is not heeded; a full page without a link is worth a look.
        page_size = DEFAULT_PAGE_SIZE if page == 1 and len(last) == DEFAULT_PAGE_SIZE else page_size
        if not last or not (reply.has_next or len(last) >= page_size):
            return
    raise TransientError(f"the entries of {path} do not end after {max_pages} pages")


def last_change(rows: list[TicketRef]) -> str:
    """The last row's time of change; "" where the order of changes is not kept, so that nothing may be concluded from it."""
    changes = [ref.updated_at for ref in rows if ref.updated_at]
    return changes[-1] if changes and changes == sorted(changes) else ""


def next_second(moment: str) -> str:
    """The second after one in the API's form.

    >>> next_second("2025-12-31T23:59:59Z")
    '2026-01-01T00:00:00Z'
    """
    try:
        return f"{datetime.datetime.fromtimestamp(seconds_of(moment) + 1, datetime.timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError):
        return moment


def is_ticket_id(value: object) -> bool:
    """Whether a value can be a ticket's number.

    >>> is_ticket_id(7), is_ticket_id(0), is_ticket_id("7"), is_ticket_id(True)
    (True, False, False, False)
    """
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63


def by_creation(refs: Iterable[TicketRef]) -> tuple[TicketRef, ...]:
    """Tickets by the instant of created_at, then id; those without a time come last."""
    return tuple(sorted(refs, key=lambda ref: (ref.created_at or LATEST, ref.ticket_id)))


def parse_refs(rows: list[Any]) -> Iterator[TicketRef]:
    """What rows of a list or a search say of tickets; those without a usable id are left out."""
    for row in rows:
        if isinstance(row, dict) and is_ticket_id(row.get("id")):
            subject = row.get("subject")
            yield TicketRef(
                ticket_id=row["id"],
                subject=subject[:SUBJECT_CHARS] if isinstance(subject, str) else "",
                status=status_of(row),
                created_at=to_utc(row.get("created_at")),
                updated_at=to_utc(row.get("updated_at")),
            )


def status_of(ticket: Mapping[str, Any]) -> int:
    """A ticket's status, 0 if it has none.

    >>> status_of({"status": 5}), status_of({"status": "5"}), status_of({"status": None})
    (5, 5, 0)
    """
    status = ticket.get("status")
    if isinstance(status, str) and status.isascii() and status.isdigit() and len(status) < 10:
        return int(status)
    return int(status) if isinstance(status, (int, float)) and 0 <= status < 2**31 else 0
