"""Every ticket that a search query matches, past the API's own 300, or a word on what could not be listed.

Beyond 300 the query is narrowed: windows of created_at days, halved by the guidance of `total` until each fits, then priority, status,
type, group and agent, at last windows of updated_at. Nothing is cut off in silence: what the API counts and does not show becomes a gap
in words. Asks for nothing but search pages.
"""

import datetime
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from common import times
from common.errors import Stopped
from freshdesk.client import FreshdeskClient, NoReply, QueryRefused
from freshdesk.listing import MAX_PAGES, PAGE_SIZE, WINDOW_LIMIT, SearchPage, TicketRef, pages_for, parse_instant, search_page
from freshdesk.search_query import DAY, DAY_BOUNDS, MAX_QUERY_CHARS, DayBounds, Window, query_condition

logger = logging.getLogger("data_fetcher")

MAX_STALE_PAGES = 150
TOO_LONG = "the query is too long to be narrowed"
FIRST_DAY = datetime.date(2000, 1, 1)  # before any Freshdesk ticket

# What a day too full is split by, with the values known beforehand; the others are learnt from what was seen.
SplitFields = tuple[tuple[str, tuple[object, ...]], ...]
SPLIT_FIELDS: SplitFields = (
    ("priority", (1, 2, 3, 4)),
    ("status", (4, 5)),
    ("type", (None,)),
    ("group_id", (None,)),
    ("agent_id", (None,)),
)


class _NothingNew(Exception):
    """The search answers and answers and shows no ticket that was not there before."""


@dataclass(slots=True)
class TicketSearch:
    """One search in progress: what was found so far, by id, and what could not be."""

    client: FreshdeskClient
    query: str
    keep: Callable[[TicketRef], bool]
    first_day: datetime.date = FIRST_DAY
    found: dict[int, TicketRef] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    total: int = 0
    _wanted: int | None = None
    _kept: int = 0
    _missing: int = 0
    _stale_pages: int = 0
    _reason: str = ""  # why something asked for since the last gap did not come
    _values: dict[str, dict[object, None]] = field(default_factory=dict)

    def run(self, *, pages: int | None, read_on: bool = False) -> None:
        """Fill `found` with the first `pages` pages (None: with all there are).

        `read_on`: a page counts only for what `keep` keeps of it. The first call shows whether the key works.
        Raises `Stopped` and `QueryRefused`.
        """
        first = self._first_page()
        self.total = first.total
        self._wanted = None if pages is None else pages * PAGE_SIZE
        logger.debug("the key works; %d tickets match (a key sees only what its agent may see)", first.total)
        try:
            if pages is not None and pages < min(pages_for(first.total), MAX_PAGES + 1) and not read_on:
                self._list_first(first, pages)
            elif first.total <= WINDOW_LIMIT:
                self._list(self.query, "the search", first)
            else:
                self._list_days(first)
        except _NothingNew:
            seen = len(self.found)
            self.gaps = [f"incomplete: nothing new for {MAX_STALE_PAGES} search pages in a row; left at {seen} of {self.total} tickets"]

    def kept(self) -> list[TicketRef]:
        """The tickets that are to be kept, in the order in which they were found."""
        return [ref for ref in self.found.values() if self.keep(ref)][: self._wanted]

    def _first_page(self) -> SearchPage:
        if not self.query.strip():
            raise QueryRefused("the query is empty; leave --query out or fill it")
        if len(self.query) > MAX_QUERY_CHARS:
            raise QueryRefused(f"the query has {len(self.query)} characters, Freshdesk takes {MAX_QUERY_CHARS}; shorten --query")
        try:
            return self._take(search_page(self.client, self.query, 1))
        except NoReply as error:
            raise Stopped(f"Freshdesk: the search does not work: {error}; try again later") from error

    def _enough(self) -> bool:
        return self._wanted is not None and self._kept >= self._wanted

    def _page(self, query: str, page: int) -> SearchPage | None:
        """One more page; None, and a reason, if it cannot be had. Raises `_NothingNew`."""
        try:
            return self._take(search_page(self.client, query, page))
        except NoReply as error:
            self._reason = self._reason or f"page {page}: {error}"
        except QueryRefused:  # the query itself was taken, so this is about what it was narrowed by
            self._reason = self._reason or "the helpdesk does not take the narrowed query"
        return None

    def _take(self, page: SearchPage) -> SearchPage:
        before = len(self.found)
        for result in page.results:
            if result.ref.ticket_id not in self.found:
                self.found[result.ref.ticket_id] = result.ref
                self._kept += self.keep(result.ref)
            for name, value in result.values.items():
                if isinstance(value, (str, int)):
                    self._values.setdefault(name, {})[value] = None
        # To have none is an answer; to claim some, again and again, and to show none that is new is not.
        self._stale_pages = self._stale_pages + 1 if page.total and len(self.found) == before else 0
        if self._stale_pages >= MAX_STALE_PAGES:
            raise _NothingNew
        return page

    def _list_first(self, first: SearchPage, pages: int) -> None:
        """The first pages only, so that there is no total to compare with; a page that cannot be had is a gap of its own."""
        self._read_pages(self.query, first, last_page=pages)
        if self._reason:
            self.gaps.append(f"incomplete: not all of the first {pages} pages could be listed ({self._reason})")

    def _read_pages(self, query: str, first: SearchPage, *, last_page: int) -> set[int]:
        """The ids on the pages up to `last_page`, as far as there are more; `first` is the first of them."""
        ids = first.ids()
        for number in range(2, min(last_page, pages_for(first.total), MAX_PAGES) + 1):
            if self._enough():
                break
            page = self._page(query, number)
            if page is not None and page.size == 0:
                break
            ids |= page.ids() if page is not None else set()
        return ids

    def _list(self, query: str, name: str, first: SearchPage) -> set[int]:
        """The ids of a query that fits into ten pages; what is missing is counted."""
        ids, expected = self._read_all(query, first)
        self._count_missing(name, expected, ids)
        return ids

    def _read_all(self, query: str, first: SearchPage) -> tuple[set[int], int]:
        """The ids of a query and how many there should be. Read once more if tickets moved between the pages meanwhile."""
        ids = self._read_pages(query, first, last_page=MAX_PAGES)
        if len(ids) >= min(first.total, WINDOW_LIMIT):
            return ids, first.total
        again = self._page(query, 1)
        if again is None:
            return ids, first.total
        ids |= self._read_pages(query, again, last_page=MAX_PAGES)
        return ids, min(first.total, again.total)

    def _list_days(self, first: SearchPage) -> None:
        if not Window(self.query, _tomorrow(), _tomorrow(), DAY_BOUNDS[0]).is_short():
            self._reason = TOO_LONG
            self._count_missing("the search", first.total, self._read_pages(self.query, first, last_page=MAX_PAGES))
            return
        self._window(Window(self.query, self.first_day, _tomorrow(), self._day_bounds(first)))
        if self._enough():
            return
        last = self._page(self.query, 1)
        # What a window lacks is counted already; this finds what stood in no window at all.
        expected = min(first.total, last.total) if last is not None else first.total
        missing = expected - len(self.found) - self._missing
        if missing > 0:
            self.gaps.append(f"incomplete: {missing} of {expected} of the search could not be listed")

    def _day_bounds(self, first: SearchPage) -> DayBounds:
        """The tightest bounds that show the tickets of a day which has some; at most three credits."""
        moments = (parse_instant(result.ref.created_at) for result in first.results)
        # Midnight itself belongs to its day by any reading, so it would show nothing.
        day = next((moment.date() for moment in moments if moment is not None and moment.time() != datetime.time()), None)
        if day is None:
            return DAY_BOUNDS[-1]
        for bounds in DAY_BOUNDS:
            page = self._page(Window(self.query, day, day, bounds).text(), 1)
            if page is not None and any(_is_inside(result.ref, day) for result in page.results):
                return bounds
        return DAY_BOUNDS[-1]

    def _window(self, window: Window) -> set[int]:
        """The ids in a window, the newest days first, until there are enough."""
        if self._enough():
            return set()
        self._reason = ""
        page = self._page(window.text(), 1)
        if page is not None and page.total <= WINDOW_LIMIT:
            return self._list(window.text(), window.name(), page)
        if window.first < window.last:  # also where no page came: the halves show which day it is that cannot be had
            later, earlier = window.halves()
            return self._window(later) | self._window(earlier)
        if page is None:
            self.gaps.append(f"incomplete: {window.name()} could not be listed ({self._reason})")
            return set()
        ids = self._split(window, page, SPLIT_FIELDS)
        self._count_missing(window.name(), page.total, ids)
        return ids

    def _split(self, window: Window, page: SearchPage, fields: SplitFields) -> set[int]:
        """The ids in a window too full, by the values of the first field, and of the others where that is not enough."""
        if self._enough():
            return page.ids()
        if page.total <= WINDOW_LIMIT:
            return self._read_all(window.text(), page)[0]
        if not fields:
            ids = self._read_pages(window.text(), page, last_page=MAX_PAGES)
            return ids | self._split_by_update(window, window.first, _tomorrow(), page)
        (name, known), rest = fields[0], fields[1:]
        ids, counted = page.ids(), 0
        tried: set[object] = set()
        while counted < page.total and (value := self._next_value(name, known, tried)) is not _NO_VALUE:
            tried.add(value)
            condition = query_condition(name, value)
            first = None if condition is None else self._narrowed_page(window.narrowed(condition))
            if condition is not None and first is not None:
                counted += first.total
                ids |= self._split(window.narrowed(condition), first, rest)
        if counted < page.total:  # some values are not known: another field may reach what is left
            ids |= self._split(window, page, rest)
        return ids

    def _split_by_update(self, window: Window, first: datetime.date, last: datetime.date, page: SearchPage) -> set[int]:
        """The ids of a window too full, by days of updated_at; the earlier first, since a ticket updated meanwhile moves to the later."""
        if page.total <= WINDOW_LIMIT or first >= last:
            return self._read_all(window.updated(first, last).text(), page)[0]
        middle = first + (last - first) // 2
        parts = [(days, self._narrowed_page(window.updated(*days))) for days in ((first, middle), (middle + DAY, last))]
        ids = page.ids()
        if all(part is not None and part.total >= page.total for _, part in parts):
            return ids  # the condition is not heeded, so that no number of halves would help
        for days, part in parts:
            if part is not None:
                ids |= part.ids() | self._split_by_update(window, *days, part)
        return ids

    def _narrowed_page(self, window: Window) -> SearchPage | None:
        """The first page of a window; None if it cannot be asked for or cannot be had."""
        if window.is_short():
            return self._page(window.text(), 1)
        self._reason = self._reason or TOO_LONG
        return None

    def _next_value(self, name: str, known: tuple[object, ...], tried: set[object]) -> object:
        return next((value for value in (*known, *self._values.get(name, ())) if value not in tried), _NO_VALUE)

    def _count_missing(self, name: str, total: int, ids: set[int]) -> None:
        if total > len(ids) and not self._enough():
            self._missing += total - len(ids)
            because = f" ({self._reason})" if self._reason else ""
            self.gaps.append(f"incomplete: {total - len(ids)} of {total} of {name} could not be listed{because}")


_NO_VALUE = object()


def _tomorrow() -> datetime.date:
    return datetime.datetime.fromtimestamp(times.wall(), datetime.timezone.utc).date() + DAY


def _is_inside(ref: TicketRef, day: datetime.date) -> bool:
    moment = parse_instant(ref.created_at)
    return moment is not None and moment.date() == day and moment.time() != datetime.time()
