"""Freshdesk's tickets: which are resolved or closed, and one ticket with its whole thread.

Everything that was asked for, or a loud word that it is not all: `TicketListing.gaps` for a listing, `TicketFailed` for a ticket.
Credits: 1 for each 30 tickets listed; 2 for a ticket with up to nine messages, 1 more for each 100 messages of a longer one
(in a long run of mostly long threads: 1, and 1 for each 100 messages).
Cleans nothing, caches nothing and shows no progress bar.
"""

import datetime
import logging
import re
from typing import Any

import env
from common.errors import Stopped, TicketFailed
from common.text import for_terminal
from freshdesk.agents import fetch_agent_names
from freshdesk.client import FreshdeskClient, NoReply, QueryRefused, Refused
from freshdesk.limits import OnWait
from freshdesk.listing import TicketListing, TicketRef, by_creation, is_ticket_id, parse_instant
from freshdesk.search_query import DAY
from freshdesk.windows import FIRST_DAY, TicketSearch

__all__ = [
    "FreshdeskClient",
    "QueryRefused",
    "Stopped",
    "TicketFailed",
    "TicketListing",
    "TicketRef",
    "fetch_agent_names",
    "fetch_resolved_ticket_ids",
    "fetch_ticket",
]

logger = logging.getLogger(__name__)

RESOLVED, CLOSED = 4, 5
RESOLVED_QUERY = f"status:{RESOLVED} OR status:{CLOSED}"
INCLUDED_MESSAGES = 10
PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 30
MAX_PAGES = 200
_LATEST = datetime.datetime.max.replace(tzinfo=datetime.timezone.utc)

# Two plans are correct. Search + view costs 2 credits a ticket or a little more; list + conversations about 1 (a list page of 100 with
# descriptions costs 3, then 1 a thread). The second is not taken at any run size: the list has no status filter, so that it pays for
# every open and pending ticket too, it needs `updated_since` beyond the last 30 days and moves under the reader while it is read, and
# it can say neither how many tickets match nor keep to the first N pages that were asked for.
#
# Within search + view the run's size decides how a thread is read. With `include=conversations` a short thread is one call of 2 credits,
# and a long one 3 credits, since its ten messages come again with the rest. Without it every thread up to 100 messages is two calls of
# 1 credit. So a small run, where time counts, includes; a large one, where credits do, stops once a quarter of its threads were long.
LARGE_RUN = 50
LONG_SHARE = 0.25


def fetch_resolved_ticket_ids(
    pages: int | None = 5, *, since: str | None = None, query: str | None = None, client: FreshdeskClient | None = None
) -> TicketListing:
    """The tickets that are resolved or closed, on the first `pages` search pages of 30 (None: all of them).

    `since` (YYYY-MM-DD) keeps those created on that UTC day or later; `query` replaces the status query whole. Iterating gives ids.
    Raises `QueryRefused`, `Stopped`.
    """
    since_day = None if since is None else _parse_day(since)
    search = TicketSearch(
        client=client or client_of(env.load_settings()),
        query=_full_query(_unquoted(query), since_day),
        keep=lambda ref: (query is not None or ref.status in (RESOLVED, CLOSED)) and _is_since(ref, since_day),
        first_day=FIRST_DAY if since_day is None else since_day - DAY,
    )
    search.run(pages=pages, read_on=since_day is not None)
    kept = by_creation(search.kept())
    for ref in kept:
        logger.debug("ticket %d, status %d: %s", ref.ticket_id, ref.status, for_terminal(ref.subject))
    left_out = sum(not search.keep(ref) for ref in search.found.values())
    return TicketListing(tickets=kept, total=max(len(kept), search.total - left_out), gaps=tuple(search.gaps))


def client_of(settings: env.Settings, *, on_wait: OnWait | None = None) -> FreshdeskClient:
    """A client for the helpdesk that the settings name; `on_wait` is told the seconds and the reason of each wait."""
    return FreshdeskClient(
        base_url=settings.freshdesk_url,
        api_key=settings.freshdesk_api_key,
        pool_size=settings.batch_size,
        rate_share=settings.freshdesk_rate_share,
        rate_window_s=settings.freshdesk_rate_window_s,
        on_wait=on_wait,
    )


def fetch_ticket(ticket_id: int, *, client: FreshdeskClient | None = None) -> dict[str, Any]:
    """One ticket as the API gives it, with the whole of its `conversations`, oldest first.

    Archived tickets are read from their own path. Raises `TicketFailed`, `Stopped`.
    """
    if not is_ticket_id(ticket_id):
        raise TicketFailed(f"ticket {for_terminal(ticket_id)}: a ticket id is a whole number from 1 to {2**63 - 1}")
    client = client or client_of(env.load_settings())
    try:
        return _read_ticket(client, ticket_id)
    except (Refused, NoReply) as error:
        raise TicketFailed(f"ticket {ticket_id}: {error}") from error


def _read_ticket(client: FreshdeskClient, ticket_id: int) -> dict[str, Any]:
    path = f"tickets/{ticket_id}"
    try:
        ticket = _view(client, path)
    except Refused as refusal:
        if refusal.status != 404 or client.archive_refused:
            raise
        path = f"tickets/archived/{ticket_id}"
        ticket = _read_archived(client, path, refusal)
    if ticket.get("id") != ticket_id:
        raise TicketFailed(f"ticket {ticket_id}: the helpdesk answered with another ticket ({for_terminal(ticket.get('id'))[:40]})")
    if ticket.get("deleted") is True:
        return ticket
    included = ticket.get("conversations")
    whole = isinstance(included, list) and len(included) < INCLUDED_MESSAGES and "archived" not in path
    messages = [message for message in included if isinstance(message, dict)] if isinstance(included, list) else []
    if not whole:  # at most the ten oldest come with the ticket, and the newest hold the solution
        messages += _read_messages(client, f"{path}/conversations")
    client.count_thread(is_long=len(messages) >= INCLUDED_MESSAGES)
    return {**ticket, "conversations": _in_order(messages)}


def _view(client: FreshdeskClient, path: str) -> dict[str, Any]:
    include = client.threads < LARGE_RUN or client.long_threads < LONG_SHARE * client.threads
    params, credits = ({"include": "conversations"}, 2) if include else ({}, 1)
    value: dict[str, Any] = client.get(path, params=params, expect=dict, credits=credits).value
    return value


def _read_archived(client: FreshdeskClient, path: str, refusal: Refused) -> dict[str, Any]:
    """An archived ticket; whatever is wrong with the archive, the answer on the ticket itself stays the first refusal."""
    try:
        value: dict[str, Any] = client.get(path, expect=dict, credits=1).value
    except Refused as error:
        client.archive_refused = error.status == 403 and error.code == "require_feature"
        raise Refused(refusal.status, refusal.code, refusal.words or "no such ticket, nor in the archive") from error
    return value


def _read_messages(client: FreshdeskClient, path: str) -> list[dict[str, Any]]:
    """All messages of a thread, page by page, as they come. Raises `Refused`, `NoReply`, `TicketFailed`."""
    messages: list[dict[str, Any]] = []
    last: list[Any] = []
    page_size = PAGE_SIZE
    for page in range(1, MAX_PAGES + 1):
        reply = client.get(path, params={"per_page": str(PAGE_SIZE), "page": str(page)}, expect=list, credits=1)
        if reply.value and reply.value == last:
            raise NoReply(f"the helpdesk repeats page {page - 1} of the messages")
        last = reply.value
        messages += [message for message in last if isinstance(message, dict)]
        # A first page of the default size may mean that `per_page` is not heeded; a full page without a link is worth a look.
        page_size = DEFAULT_PAGE_SIZE if page == 1 and len(last) == DEFAULT_PAGE_SIZE else page_size
        if not last or not (reply.has_next or len(last) >= page_size):
            return messages
    raise NoReply(f"the messages do not end after {MAX_PAGES} pages")


def _in_order(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages by time, then id, each once: pages shift while they are read, and the order is not documented."""
    unique: dict[object, dict[str, Any]] = {}
    for message in messages:
        number = message.get("id")
        unique.setdefault(number if is_ticket_id(number) else repr(message), message)
    return sorted(unique.values(), key=_moment)


def _moment(message: dict[str, Any]) -> tuple[datetime.datetime, int]:
    number = message.get("id")
    return parse_instant(message.get("created_at")) or _LATEST, number if isinstance(number, int) else 0


def _full_query(query: str | None, since_day: datetime.date | None) -> str:
    """The search query. `since` is asked for a day early, whatever `:>` includes; what is too old is left out here.

    >>> _full_query(None, None)
    'status:4 OR status:5'
    >>> _full_query("tag:'vip'", datetime.date(2025, 7, 1))
    "(tag:'vip') AND created_at:>'2025-06-30'"
    """
    text = RESOLVED_QUERY if query is None else query
    return text if since_day is None else f"({text}) AND created_at:>'{since_day - DAY}'"


def _unquoted(query: str | None) -> str | None:
    """The query without the double quotes that the API wants around it; they are put there later."""
    text = query.strip() if query is not None else None
    return text[1:-1] if text and len(text) > 1 and text[0] == text[-1] == '"' else text


def _parse_day(text: str) -> datetime.date:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return datetime.date.fromisoformat(text)
        except ValueError:
            pass
    raise QueryRefused(f"--since {for_terminal(text)!r} is no date; write it as YYYY-MM-DD, for example 2025-07-01")


def _is_since(ref: TicketRef, since_day: datetime.date | None) -> bool:
    moment = parse_instant(ref.created_at)
    return since_day is None or moment is None or moment.date() >= since_day
