"""Freshdesk's tickets: which are resolved or closed (for one run or every week), one ticket with its whole thread, and the agents' names.

Everything that was asked for, or a loud word that it is not all: `TicketListing.gaps` for a listing, `TicketFailed` for a ticket.
Cleans nothing, caches nothing and shows no progress bar.

Credits. A search page of 30 costs 1, a list page of 100 costs 1 and 2 more for each include. A ticket by view with its first ten messages,
requester and stats costs 4, and 1 more for each 100 messages of a longer thread; a ticket that came with requester, stats and description
on a list page of 7 costs 1 more for each 100 messages (2 where the list names no attachments: the opening's are then taken from the view).
So what stands close enough together in the order of change is read from list pages, three of a page paying for it, the rest by view:

    new tickets      all by view      from the list
            150              605            5 +  14 +    150 =    169
          1 000            4 011           11 +  71 +  1 000 =  1 082
         10 000           40 102          102 + 708 + 10 000 = 10 810
"""

import bisect
import contextlib
import datetime
import logging
import math
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import env
from common.errors import Stopped, TicketFailed, Unusable
from common.text import for_terminal
from common.times import seconds_of, to_utc
from common.web import Refused, TransientError
from freshdesk import listing, search
from freshdesk.client import FreshdeskClient
from freshdesk.limits import OnWait
from freshdesk.listing import ChangedList, OnListed, TicketListing, is_ticket_id

logger = logging.getLogger(__name__)

DONE = (4, 5)  # resolved, closed
INCLUDED_MESSAGES = 10
LIST_INCLUDES = ("description", "requester", "stats")
WORTH_A_PAGE, WORTH_A_GUESS = 3, 10  # tickets: 7 credits and 1 each, against 4 each; more where nothing tells yet how far a page reaches
MAX_LISTED_CHARS = 50_000_000


def fetch_resolved_ticket_ids(
    pages: int | None = 5,
    *,
    since: str | None = None,
    query: str | None = None,
    statuses: Collection[int] = DONE,
    client: FreshdeskClient | None = None,
    on_listed: OnListed = lambda _: None,
) -> TicketListing:
    """The tickets that are resolved or closed, on the first `pages` search pages of 30 (None: all of them). Iterating gives ids.

    `since` (YYYY-MM-DD): those changed on that UTC day or later, with `pages` the first so many by date of change, as for more pages than
    a search has. `query` replaces the statuses and shows 300 at most. `on_listed` is told after each
    page how many tickets are found by now. Raises `Unusable`, `Stopped`.
    """
    client = client or client_of(env.load_settings())
    if query is not None or (since is None and pages is not None and pages <= search.MAX_PAGES):
        found = _search(client, query, pages=pages, statuses=statuses, on_listed=on_listed)
    else:
        found = _list_changed(client, pages, since=since, statuses=statuses, on_listed=on_listed)
    for ref in found.tickets:
        logger.debug("ticket %d, status %d: %s", ref.ticket_id, ref.status, for_terminal(ref.subject))
    return found


def _search(
    client: FreshdeskClient, query: str | None, *, pages: int | None, statuses: Collection[int], on_listed: OnListed
) -> TicketListing:
    most = search.MAX_PAGES if pages is None else min(pages, search.MAX_PAGES)
    done = search.TicketSearch(client, _of_statuses(statuses) if query is None else _unquoted(query), most, on_listed)
    done.run()
    kept = listing.by_creation(ref for ref in done.found.values() if query is not None or ref.status in statuses)
    shown = most * search.PAGE_SIZE
    unshown = done.total - shown if pages is None or pages > most else 0
    if unshown > 0:
        done.gaps.append(f"incomplete: {unshown} of {done.total} of the search lie beyond the {shown} that a search shows")
    return TicketListing(kept, total=max(len(kept), done.total - len(done.found) + len(kept)), gaps=tuple(done.gaps))


def _list_changed(
    client: FreshdeskClient, pages: int | None, *, since: str | None, statuses: Collection[int], on_listed: OnListed
) -> TicketListing:
    wanted = None if pages is None else pages * search.PAGE_SIZE
    begin = listing.BEGINNING if since is None else f"{_parse_day(since)}T00:00:00Z"
    listed = ChangedList(client, lambda ref: ref.status in statuses, begin, wanted, lambda: _count(client, statuses), on_listed)
    listed.run()
    today = f"{datetime.datetime.fromtimestamp(listed.began_at or time.time(), datetime.timezone.utc):%Y-%m-%d}"
    if since is not None and since > today and not listed.seen:
        raise Unusable(f"--since {since} lies in the future: by Freshdesk's clock it is {today}")
    if not listed.seen and since is None:
        logger.warning("the key sees no ticket at all; see Admin > Agents for what its agent may see, and check FRESHDESK_DOMAIN")
    for status in set(statuses) - {ref.status for ref in listed.found.values()} - set(DONE):
        logger.warning("no ticket listed has status %d (FRESHDESK_STATUSES); see Admin > Ticket Fields for the numbers", status)
    kept = listing.by_creation(list(listed.found.values())[:wanted])
    everything = since is None and pages is None and not listed.gaps
    total = len(kept) if wanted is None or len(kept) < wanted else None
    return TicketListing(kept, total, tuple(listed.gaps), seen=frozenset(listed.seen if everything else ()))


def _of_statuses(statuses: Collection[int]) -> str:
    return " OR ".join(f"status:{status}" for status in statuses)


def _count(client: FreshdeskClient, statuses: Collection[int]) -> float:
    """How many tickets of these statuses the search counts, infinity if it does not say."""
    try:
        return int(search.search_page(client, _of_statuses(statuses), 1).value["total"])
    except (Refused, TransientError):
        return math.inf


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


def fetch_listed(wanted: Mapping[int, str], *, client: FreshdeskClient) -> dict[int, dict[str, Any]]:
    """Raw tickets without their messages, for `fetch_ticket`, of those `wanted` (id to time of change) that list pages give cheaper.

    How far a page reaches is learnt from the one before it. Whoever is not in the answer is to be read by view. Raises `Stopped`.
    """
    rest = sorted((seconds_of(change), ticket_id) for ticket_id, change in wanted.items() if change)
    found: dict[int, dict[str, Any]] = {}
    reach_s = math.inf
    place = chars = 0
    while place < len(rest) and chars < MAX_LISTED_CHARS:
        begin, ticket_id = rest[place]
        expected = bisect.bisect_right(rest, (begin + reach_s, 2**63)) - place
        if ticket_id in found or expected < (WORTH_A_GUESS if math.isinf(reach_s) else WORTH_A_PAGE):
            place += 1
            continue
        try:
            reply = listing.list_page(client, wanted[ticket_id], include=LIST_INCLUDES)
        except (Refused, TransientError):
            break
        rows = {row["id"]: row for row in reply.value if isinstance(row, dict) and is_ticket_id(row.get("id"))}
        found |= {number: row for number, row in rows.items() if number in wanted}
        chars += sum(len(str(row.get("description"))) for row in rows.values())
        end = seconds_of(listing.last_change(list(listing.parse_refs(reply.value))))
        if listing.is_last(reply) or end < begin or math.isinf(end):
            break
        reach_s = end - begin
        place = bisect.bisect_left(rest, (max(end, begin + 1), 0))
    return found


def fetch_ticket(ticket_id: int, *, client: FreshdeskClient | None = None, listed: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One ticket as the API gives it, with the whole of its `conversations`, oldest first, and with its requester and stats.

    `listed` is what `fetch_listed` gave of it. Archived tickets are read from their own path. Raises `TicketFailed`, `Stopped`.
    """
    if not is_ticket_id(ticket_id):
        raise TicketFailed(f"ticket {for_terminal(ticket_id)}: a ticket id is a whole number from 1 to {2**63 - 1}")
    client = client or client_of(env.load_settings())
    try:
        return _read_ticket(client, ticket_id, listed)
    except (Refused, TransientError) as error:
        raise TicketFailed(f"ticket {ticket_id}: {error}") from error


def fetch_archived(ticket_id: int, *, client: FreshdeskClient) -> dict[str, Any] | None:
    """One archived ticket with its whole `conversations`; None if there is none. Raises `TicketFailed`, `Stopped`.

    Where the plan has no archive, `client.archive_refused` is set and the answer is None.
    """
    try:
        return None if client.archive_refused else _read_archived(client, ticket_id)
    except (Refused, TransientError) as error:
        if client.archive_refused or (isinstance(error, Refused) and error.refusal.status == 404):
            return None
        raise TicketFailed(f"ticket {ticket_id}: {error}") from error


def fetch_agent_names(client: FreshdeskClient) -> tuple[str, ...]:
    """The names of all agents, in order; where they cannot be had, those that came before the trouble, and a word in the log."""
    names: set[str] = set()
    try:
        for agent in listing.read_rows(client, "agents"):
            contact = agent.get("contact")
            name = contact.get("name") if isinstance(contact, dict) else None
            if isinstance(name, str) and name.strip():
                names.add(name[:100])
    except (Refused, TransientError, Stopped) as error:  # what stops a run stops it at the next ticket
        logger.warning("agents' names are not hidden unless a ticket tells them: the helpdesk does not list its agents (%s)", error)
    return tuple(sorted(names))


def _read_ticket(client: FreshdeskClient, ticket_id: int, listed: Mapping[str, Any] | None) -> dict[str, Any]:
    if listed is not None and "attachments" in listed:
        return _with_messages(client, listed, f"tickets/{ticket_id}")
    try:
        ticket = _view(client, f"tickets/{ticket_id}", ticket_id, include=("conversations", *(LIST_INCLUDES[1:] if listed is None else ())))
    except Refused as error:
        if error.refusal.status != 404 or client.archive_refused:
            raise
        try:
            return _read_archived(client, ticket_id)
        except Refused:  # whatever is wrong with the archive, the answer on the ticket itself stays the first refusal
            raise Refused(replace(error.refusal, words=error.refusal.words or "no such ticket, nor in the archive")) from error
    whole = ticket if listed is None else {**ticket, "requester": listed.get("requester"), "stats": listed.get("stats")}
    return _with_messages(client, whole, f"tickets/{ticket_id}")


def _read_archived(client: FreshdeskClient, ticket_id: int) -> dict[str, Any]:
    path = f"tickets/archived/{ticket_id}"
    try:
        return _with_messages(client, {**_view(client, path, ticket_id), "conversations": None}, path)
    except Refused as error:
        client.archive_refused = client.archive_refused or (error.refusal.status == 403 and error.refusal.kind == "require_feature")
        raise


def _view(client: FreshdeskClient, path: str, ticket_id: int, *, include: tuple[str, ...] = ()) -> dict[str, Any]:
    params = {"include": ",".join(include)} if include else {}
    ticket: dict[str, Any] = client.get(path, params=params, expect=dict, credits=1 + len(include)).value
    if ticket.get("id") != ticket_id:
        raise TicketFailed(f"ticket {ticket_id}: the helpdesk answered with another ticket ({for_terminal(ticket.get('id'))[:40]})")
    return ticket


def _with_messages(client: FreshdeskClient, ticket: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The ticket with all its messages; at most the ten oldest came with it, and the newest hold the solution."""
    if ticket.get("deleted") is True:
        return dict(ticket)
    included = ticket.get("conversations")
    messages = [message for message in included if isinstance(message, dict)] if isinstance(included, list) else []
    if not isinstance(included, list) or len(included) >= INCLUDED_MESSAGES:
        messages += listing.read_rows(client, f"{path}/conversations")
    return {**ticket, "conversations": _in_order(messages)}


def _in_order(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages by time, then id, each once: pages shift while they are read, and the order is not documented."""
    unique: dict[object, dict[str, Any]] = {}
    for message in messages:
        number = message.get("id")
        unique.setdefault(number if is_ticket_id(number) else repr(message), message)

    def place(message: dict[str, Any]) -> tuple[str, int]:
        number = message.get("id")
        return to_utc(message.get("created_at")) or listing.LATEST, number if isinstance(number, int) else 0

    return sorted(unique.values(), key=place)


def _unquoted(query: str) -> str:
    """The query without the double quotes that the API wants around it; they are put there later."""
    text = query.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _parse_day(text: str) -> str:
    with contextlib.suppress(ValueError):
        if datetime.date.fromisoformat(text).isoformat() == text:
            return text
    raise Unusable(f"--since {for_terminal(text)!r} is no date; write it as YYYY-MM-DD, for example 2025-07-01")
