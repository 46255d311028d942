"""What each of Freshdesk's paths answers, over a list of raw tickets: statuses, JSON and paging, without sockets, keys or limits."""

import datetime
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from demo.query_language import instant, parse_query

SEARCH_PAGE, SEARCH_PAGES = 30, 10
INCLUDED_MESSAGES = 10
MAX_PER_PAGE, MAX_LIST_PAGES = 100, 300
LIST_INCLUDES = ("description", "requester", "stats")
LISTED_DAYS = 30  # how far back the list goes without `updated_since`
_TEXTS = ("description", "description_text")
_FORBIDDEN = {"code": "access_denied", "message": "You are not authorized to perform this action."}
_NO_ARCHIVE = {"code": "require_feature", "message": "The Archive Tickets feature is not supported in your plan."}

Ticket = dict[str, Any]
Params = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply before it is sent: status, JSON value (None: empty body), further headers, and what it cost."""

    status: int
    value: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    credits: int = 1


@dataclass(frozen=True, slots=True)
class TicketApi:
    """The answers of an account with these tickets. `shuffle_seed`: an order that nobody may rely on, as with the real API."""

    tickets: Mapping[int, Ticket]
    has_archive: bool = True
    shuffle_seed: int | None = None
    forbidden: frozenset[int] = frozenset()
    agents: tuple[str, ...] | None = ()  # None: this key may not list them

    def answer(self, path: str, params: Params, url: str) -> Answer:
        """The answer to GET `path`; `url` is its address, for links to further pages."""
        match path.strip("/").split("/"):
            case ["api", "v2", "search", "tickets"]:
                return self._search(params)
            case ["api", "v2", "tickets"]:
                return self._list(params, url)
            case ["api", "v2", "agents"]:
                found = [{"id": number, "contact": {"name": name}} for number, name in enumerate(self.agents or (), start=1)]
                return Answer(403, _FORBIDDEN) if self.agents is None else _page_of(found, params, url)
            case ["api", "v2", "agents", "me"]:
                return Answer(200, {"id": 1, "ticket_scope": 1, "occasional": False, "contact": {"name": "Sam Sample", "active": True}})
            case ["api", "v2", "tickets", "archived", number, *rest] if number.isdecimal():
                return self._thread(int(number), rest, params, url, archived=True)
            case ["api", "v2", "tickets", number, *rest] if number.isdecimal():
                return self._thread(int(number), rest, params, url, archived=False)
        return Answer(404)

    def _search(self, params: Params) -> Answer:
        query, page = params.get("query", ""), params.get("page", "1")
        if not (page.isdecimal() and 1 <= int(page) <= SEARCH_PAGES):
            return _invalid("page", f"It should be a Positive Integer less than or equal to {SEARCH_PAGES}")
        if len(query) < 2 or query[0] != '"' or query[-1] != '"' or '"' in query[1:-1]:
            return _invalid("query", "Given query is invalid")
        if len(query) - 2 > 512:
            return _invalid("query", "Has too many characters: the limit is 512")
        try:
            test = parse_query(query[1:-1])
        except ValueError as error:
            return _invalid("query", str(error))
        found = sorted(filter(test, self._visible()), key=lambda ticket: (str(ticket.get("created_at")), ticket["id"]), reverse=True)
        shown = self._arranged(found)[(int(page) - 1) * SEARCH_PAGE :][:SEARCH_PAGE]
        return Answer(200, {"total": len(found), "results": [_plain(ticket, without=_TEXTS) for ticket in shown]})

    def _list(self, params: Params, url: str) -> Answer:
        includes, order = _includes(params), params.get("order_by", "created_at")
        if not set(includes) <= set(LIST_INCLUDES):
            return _invalid("include", f"It should be one of these values: '{','.join(LIST_INCLUDES)}'")
        try:
            found = self._listed(params)
        except ValueError:
            return _invalid("updated_since", "It should be in the 'combined date and time ISO8601' format")
        found.sort(key=lambda ticket: str(ticket.get(order) or ""), reverse=params.get("order_type", "desc") != "asc")
        without = () if "description" in includes else _TEXTS

        def row(ticket: Ticket) -> Ticket:
            return _plain(ticket, without=without) | _extras(ticket, includes)

        return _page_of(found, params, url, row=row, credits=1 + 2 * len(includes))

    def _listed(self, params: Params) -> list[Ticket]:
        name = params.get("filter", "")
        tickets = [ticket for ticket in self.tickets.values() if ticket.get(name)] if name in ("deleted", "spam") else self._visible()
        if name == "new_and_my_open":
            tickets = [ticket for ticket in tickets if ticket.get("status") == 2]
        if "requester_id" in params:
            tickets = [ticket for ticket in tickets if str(ticket.get("requester_id")) == params["requester_id"]]
        if "updated_since" in params:
            since = instant(params["updated_since"])
            return [ticket for ticket in tickets if instant(ticket["updated_at"]) >= since]
        since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=LISTED_DAYS)
        return [ticket for ticket in tickets if instant(ticket["created_at"]) >= since]

    def _thread(self, number: int, rest: Sequence[str], params: Params, url: str, *, archived: bool) -> Answer:
        ticket = self.tickets.get(number)
        if archived and not self.has_archive:
            return Answer(403, _NO_ARCHIVE)
        if ticket is None or bool(ticket.get("archived")) != archived or rest not in ([], ["conversations"]):
            return Answer(404)
        if number in self.forbidden:
            return Answer(403, _FORBIDDEN)
        messages = _messages(ticket)
        if rest:
            return _page_of(self._arranged(messages), params, url)
        includes = _includes(params)
        extra = {"conversations": messages[:INCLUDED_MESSAGES]} if "conversations" in includes else {}
        return Answer(200, _plain(ticket) | _extras(ticket, includes) | extra, credits=1 + len(includes))

    def _visible(self) -> list[Ticket]:
        return [ticket for ticket in self.tickets.values() if not (ticket.get("deleted") or ticket.get("spam") or ticket.get("archived"))]

    def _arranged(self, rows: list[Ticket]) -> list[Ticket]:
        return rows if self.shuffle_seed is None else random.Random(self.shuffle_seed).sample(rows, len(rows))


def _plain(ticket: Ticket, *, without: tuple[str, ...] = ()) -> Ticket:
    """The ticket itself, as a page shows it: its messages have their own path."""
    return {name: value for name, value in ticket.items() if name not in ("conversations", "requester", "stats", *without)}


def _extras(ticket: Ticket, includes: Sequence[str]) -> Ticket:
    """What comes with a ticket only when asked for: its own `requester` and `stats`, else what its other fields tell of them."""
    made = {"requester": _requester, "stats": _stats}
    return {name: ticket[name] if name in ticket else make(ticket) for name, make in made.items() if name in includes}


def _requester(ticket: Ticket) -> Ticket:
    return {"id": ticket.get("requester_id"), "name": None, "email": None, "mobile": None, "phone": None}


def _stats(ticket: Ticket) -> Ticket:
    replies = [message.get("created_at") for message in _messages(ticket) if not (message.get("incoming") or message.get("private"))]
    changed, status = ticket.get("updated_at"), ticket.get("status")
    return {
        "first_responded_at": replies[0] if replies else None,
        "agent_responded_at": replies[-1] if replies else None,
        "resolved_at": changed if status in (4, 5) else None,
        "closed_at": changed if status == 5 else None,
        "reopened_at": None,
    }


def _messages(ticket: Ticket) -> list[Ticket]:
    return sorted(ticket.get("conversations") or [], key=lambda message: str(message.get("created_at")))


def _includes(params: Params) -> list[str]:
    return [name for name in params.get("include", "").split(",") if name]


def _page_of(rows: Sequence[Ticket], params: Params, url: str, *, row: Callable[[Ticket], Ticket] = dict, credits: int = 1) -> Answer:
    """The page of rows that is asked for, each as `row` shows it, with a link to the next."""
    per_page, page = params.get("per_page", "30"), params.get("page", "1")
    if not (per_page.isdecimal() and 1 <= int(per_page) <= MAX_PER_PAGE):
        return _invalid("per_page", "It should be a Positive Integer less than or equal to 100")
    if not (page.isdecimal() and int(page) >= 1):
        return _invalid("page", "It should be a Positive Integer")
    if int(page) > MAX_LIST_PAGES:
        return _invalid("page", "You cannot access tickets beyond the 300th page. Please provide a smaller page number.")
    end = int(page) * int(per_page)
    more = f"{url}?{urlencode({**params, 'page': int(page) + 1, 'per_page': per_page})}"
    links = {"Link": f'<{more}>; rel="next"'} if end < len(rows) else {}
    return Answer(200, [row(one) for one in rows[end - int(per_page) : end]], links, credits)


def _invalid(name: str, message: str) -> Answer:
    return Answer(400, {"description": "Validation failed", "errors": [{"field": name, "message": message, "code": "invalid_value"}]})
