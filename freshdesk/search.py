"""Tickets by a search query: up to ten pages of thirty, in the order that the API gives them, and a count of what it does not show.

Narrows no query to get past the API's 300: what a search cannot show is said in words.
"""

from dataclasses import dataclass, field
from functools import partial

from common.errors import Unusable
from common.text import for_terminal
from common.web import Refused, TransientError
from freshdesk.client import FreshdeskClient, Reply
from freshdesk.listing import OnListed, TicketRef, cannot_list, later_page, parse_refs

PAGE_SIZE = 30
MAX_PAGES = 10  # page 11 is an error
MAX_QUERY_CHARS = 512


@dataclass(slots=True)
class TicketSearch:
    """One search over its first `pages` pages: the tickets found, by id, how many match in all, and what could not be listed."""

    client: FreshdeskClient
    query: str
    pages: int
    on_listed: OnListed = lambda _: None
    found: dict[int, TicketRef] = field(default_factory=dict)
    total: int = 0
    gaps: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Fill `found`; once more if tickets moved between the pages meanwhile. Raises `Stopped`, `Unusable`."""
        self._refuse_unusable()
        first = self._first_page()
        self._read_pages(first)
        expected = min(max(first.value["total"], self.total), self.pages * PAGE_SIZE)
        if len(self.found) < expected and not self.gaps:
            self._read_pages(None)
            expected = min(self.total, expected)
        if len(self.found) < expected and not self.gaps:
            self.gaps.append(f"incomplete: {expected - len(self.found)} of {expected} of the search could not be listed")

    def _read_pages(self, first: Reply | None) -> None:
        for page in range(1, self.pages + 1):
            if page > 1 and (page - 1) * PAGE_SIZE >= self.total:
                return
            get, what = partial(search_page, self.client, self.query, page), f"page {page} of the search"
            reply = first if page == 1 and first is not None else later_page(get, what=what, gaps=self.gaps)
            if reply is not None and not self._take(reply):
                return

    def _take(self, reply: Reply) -> bool:
        """Whether the page showed anything."""
        self.total = reply.value["total"]
        for ref in parse_refs(reply.value["results"]):
            self.found[ref.ticket_id] = ref
        self.on_listed(len(self.found))
        return bool(reply.value["results"])

    def _refuse_unusable(self) -> None:
        if not self.query.strip():
            raise Unusable("the query is empty; leave --query out or fill it")
        if len(self.query) > MAX_QUERY_CHARS:
            raise Unusable(f"the query has {len(self.query)} characters, Freshdesk takes {MAX_QUERY_CHARS}; shorten --query")

    def _first_page(self) -> Reply:
        """The page that shows whether key and query work."""
        try:
            return search_page(self.client, self.query, 1)
        except (TransientError, Refused) as error:
            if isinstance(error, Refused) and error.refusal.status == 400:
                words, next_step = error.refusal.words or str(error), "correct --query or FRESHDESK_STATUSES"
                raise Unusable(f"Freshdesk refuses the query {for_terminal(self.query)!r}: {words}; {next_step}") from error
            raise cannot_list("the search", error) from error


def search_page(client: FreshdeskClient, query: str, page: int) -> Reply:
    """Page `page` (from 1) of a search, its `total` and `results` being what they should; 1 credit.

    Raises `Refused`, `TransientError`, `Stopped`.
    """
    params = {"query": f'"{query}"', "page": str(page)}  # the value itself carries double quotes
    reply = client.get("search/tickets", params=params, expect=dict, credits=1)
    total, results = reply.value.get("total"), reply.value.get("results")
    if not isinstance(results, list) or not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise TransientError("the search answered without `total` or `results`")
    return reply
