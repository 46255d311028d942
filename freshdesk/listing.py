"""One page of Freshdesk's ticket search, and what a listing of tickets is.

Reads the results with suspicion: what has no usable id is left out, and a ticket is one however often it is shown. Narrows no query and
fetches no ticket; `freshdesk.windows` and `data_fetcher` do.
"""

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from common.errors import Stopped
from common.text import for_terminal
from common.times import to_utc
from freshdesk.client import FreshdeskClient, NoReply, QueryRefused, Refused

PAGE_SIZE = 30
MAX_PAGES = 10  # page 11 is an error
WINDOW_LIMIT = PAGE_SIZE * MAX_PAGES
_LAST = datetime.datetime.max.replace(tzinfo=datetime.timezone.utc)


@dataclass(frozen=True, slots=True)
class TicketRef:
    """What a search result says about one ticket."""

    ticket_id: int
    subject: str
    status: int
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class TicketListing:
    """Tickets by created_at, then id; `total` is how many the API counts, `gaps` says in words what could not be listed."""

    tickets: tuple[TicketRef, ...]
    total: int | None = None
    gaps: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[int]:
        return (ticket.ticket_id for ticket in self.tickets)

    def __len__(self) -> int:
        return len(self.tickets)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One ticket of a page, with the values that a search may be narrowed by, under the query's names for them."""

    ref: TicketRef
    values: dict[str, object] = field(hash=False)


@dataclass(frozen=True, slots=True)
class SearchPage:
    """How many tickets the query matches in all, and those of one page; `size` also counts results without a usable id."""

    total: int
    results: tuple[SearchResult, ...]
    size: int

    def ids(self) -> set[int]:
        """The ids on this page."""
        return {result.ref.ticket_id for result in self.results}


def search_page(client: FreshdeskClient, query: str, page: int) -> SearchPage:
    """Page `page` (from 1) of a search; 1 credit.

    Raises `QueryRefused`, `Stopped`, or `NoReply` when nothing usable came.
    """
    params = {"query": f'"{query}"', "page": str(page)}  # the value itself carries double quotes
    try:
        value = client.get("search/tickets", params=params, expect=dict, credits=1).value
    except Refused as refusal:
        if refusal.status == 400:
            words = refusal.words or str(refusal)
            raise QueryRefused(f"Freshdesk refuses the query {for_terminal(query)!r}: {words}; correct --query") from refusal
        raise Stopped(f"Freshdesk: the search is refused ({refusal}); check FRESHDESK_DOMAIN and what the key may see") from refusal
    total, results = value.get("total"), value.get("results")
    if not isinstance(results, list) or not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise NoReply("the search answered without `total` or `results`")
    return SearchPage(total=total, results=tuple(_parse_results(results)), size=len(results))


def pages_for(total: int) -> int:
    """How many pages hold `total` tickets.

    >>> pages_for(0), pages_for(30), pages_for(31)
    (0, 1, 2)
    """
    return -(-total // PAGE_SIZE)


def is_ticket_id(value: object) -> bool:
    """Whether a value can be a ticket's number.

    >>> is_ticket_id(7), is_ticket_id(0), is_ticket_id("7"), is_ticket_id(True)
    (True, False, False, False)
    """
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63


def parse_instant(value: object) -> datetime.datetime | None:
    """A time of the API as an instant in UTC; None if it is none.

    >>> parse_instant("2025-07-24T18:24:46+02:00").isoformat()
    '2025-07-24T16:24:46+00:00'
    """
    text = to_utc(value)
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def by_creation(refs: Iterable[TicketRef]) -> tuple[TicketRef, ...]:
    """Tickets by the instant of created_at, then id; those without a time come last."""
    return tuple(sorted(refs, key=lambda ref: (parse_instant(ref.created_at) or _LAST, ref.ticket_id)))


def _parse_results(results: list[Any]) -> Iterator[SearchResult]:
    for result in results:
        if isinstance(result, dict) and is_ticket_id(result.get("id")):
            status = result.get("status")
            ref = TicketRef(
                ticket_id=result["id"],
                subject=_text(result.get("subject")),
                status=status if isinstance(status, int) else 0,
                created_at=to_utc(result.get("created_at")),
                updated_at=to_utc(result.get("updated_at")),
            )
            values = {name: result.get(name) for name in ("priority", "status", "type", "group_id")}
            # The same field has two names: in a query and in a result.
            yield SearchResult(ref, values | {"agent_id": result.get("responder_id")})


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
