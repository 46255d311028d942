"""What each of Freshdesk's paths answers, over a list of raw tickets: statuses, JSON and paging, without sockets, keys or limits."""

import datetime
import random
from collections.abc import Mapping
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

    tickets: Mapping[int, dict[str, Any]]
    whole_day_end: bool = True
    has_archive: bool = True
    shuffle_seed: int | None = None
    forbidden: frozenset[int] = frozenset()
    now: datetime.datetime | None = None
    agents: tuple[str, ...] | None = ()  # None: this key may not list them

    def answer(self, path: str, params: dict[str, str], url: str) -> Answer:
        parts = path.strip("/").split("/")
        if parts[:2] != ["api", "v2"]:
            return Answer(404)
        match parts[2:]:
            case ["search", "tickets"]:
                return self._search(params)
            case ["agents"]:
                return self._list_agents(params, url)
            case ["tickets"]:
                return self._list(params, url)
            case ["agents", "me"]:
                return Answer(200, {"id": 1, "ticket_scope": 1, "occasional": False, "contact": {"name": "Sam Sample", "active": True}})
            case ["tickets", "archived", number, *rest] if number.isdecimal():
                return self._thread(int(number), rest, params, url, archived=True)
            case ["tickets", number, *rest] if number.isdecimal():
                return self._thread(int(number), rest, params, url, archived=False)
        return Answer(404)

    def _search(self, params: dict[str, str]) -> Answer:
        query, page = params.get("query", ""), params.get("page", "1")
        if not (page.isdecimal() and 1 <= int(page) <= SEARCH_PAGES):
            return _invalid("page", f"It should be a Positive Integer less than or equal to {SEARCH_PAGES}")
        if len(query) < 2 or query[0] != '"' or query[-1] != '"' or '"' in query[1:-1]:
            return _invalid("query", "Given query is invalid")
        if len(query) - 2 > 512:
            return _invalid("query", "Has too many characters: the limit is 512")
        try:
            test = parse_query(query[1:-1], whole_day_end=self.whole_day_end)
        except ValueError as error:
            return _invalid("query", str(error))
        found = [ticket for ticket in self._visible() if test(ticket)]
        self._arrange(found, newest_first="created_at")
        results = [_plain(ticket, without=_TEXTS) for ticket in _cut(found, int(page), SEARCH_PAGE)]
        return Answer(200, {"total": len(found), "results": results})

    def _list(self, params: dict[str, str], url: str) -> Answer:
        per_page, page = params.get("per_page", "30"), params.get("page", "1")
        if not (per_page.isdecimal() and 1 <= int(per_page) <= MAX_PER_PAGE):
            return _invalid("per_page", "It should be a Positive Integer less than or equal to 100")
        if not (page.isdecimal() and int(page) >= 1):
            return _invalid("page", "It should be a Positive Integer")
        if int(page) > MAX_LIST_PAGES:
            return _invalid("page", "You cannot access tickets beyond the 300th page. Please provide a smaller page number.")
        try:
            found = self._listed(params)
        except ValueError:
            return _invalid("updated_since", "It should be in the 'combined date and time ISO8601' format")
        order = params.get("order_by", "created_at")
        found.sort(key=lambda ticket: str(ticket.get(order) or ""), reverse=params.get("order_type", "desc") != "asc")
        includes = _includes(params)
        if not set(includes) <= set(LIST_INCLUDES):
            return _invalid("include", f"It should be one of these values: '{','.join(LIST_INCLUDES)}'")
        without = () if "description" in includes else _TEXTS
        rows = [_plain(ticket, without=without) | _extras(ticket, includes) for ticket in _cut(found, int(page), int(per_page))]
        return Answer(200, rows, _link(url, params, int(page), int(per_page), len(found)), credits=1 + 2 * len(includes))

    def _list_agents(self, params: dict[str, str], url: str) -> Answer:
        if self.agents is None:
            return Answer(403, {"code": "access_denied", "message": "You are not authorized to perform this action."})
        return _page_of([{"id": number, "contact": {"name": name}} for number, name in enumerate(self.agents, start=1)], params, url)

    def _listed(self, params: dict[str, str]) -> list[dict[str, Any]]:
        name = params.get("filter", "")
        tickets = [ticket for ticket in self.tickets.values() if ticket.get(name)] if name in ("deleted", "spam") else self._visible()
        if name == "new_and_my_open":
            tickets = [ticket for ticket in tickets if ticket.get("status") == 2]
        if "requester_id" in params:
            tickets = [ticket for ticket in tickets if str(ticket.get("requester_id")) == params["requester_id"]]
        if "updated_since" in params:
            since = instant(params["updated_since"])
            return [ticket for ticket in tickets if instant(ticket["updated_at"]) >= since]
        now = self.now or datetime.datetime.now(datetime.timezone.utc)
        return [ticket for ticket in tickets if instant(ticket["created_at"]) >= now - datetime.timedelta(days=LISTED_DAYS)]

    def _thread(self, number: int, rest: list[str], params: dict[str, str], url: str, *, archived: bool) -> Answer:
        ticket = self.tickets.get(number)
        if archived and not self.has_archive:
            return Answer(403, {"code": "require_feature", "message": "The Archive Tickets feature is not supported in your plan."})
        if ticket is None or bool(ticket.get("archived")) != archived or rest not in ([], ["conversations"]):
            return Answer(404)
        if number in self.forbidden:
            return Answer(403, {"code": "access_denied", "message": "You are not authorized to perform this action."})
        messages = _messages(ticket)
        if rest:
            self._arrange(messages)
            return _page_of(messages, params, url)
        includes = _includes(params)
        extra = {"conversations": messages[:INCLUDED_MESSAGES]} if "conversations" in includes else {}
        return Answer(200, _plain(ticket) | _extras(ticket, includes) | extra, credits=1 + len(includes))

    def _visible(self) -> list[dict[str, Any]]:
        return [ticket for ticket in self.tickets.values() if not (ticket.get("deleted") or ticket.get("spam") or ticket.get("archived"))]

    def _arrange(self, rows: list[dict[str, Any]], *, newest_first: str | None = None) -> None:
        if newest_first is not None:
            rows.sort(key=lambda row: (str(row.get(newest_first)), row["id"]), reverse=True)
        if self.shuffle_seed is not None:
            random.Random(self.shuffle_seed).shuffle(rows)


def _plain(ticket: dict[str, Any], *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The ticket itself, as a page shows it: its messages have their own path."""
    return {name: value for name, value in ticket.items() if name not in ("conversations", "requester", "stats", *without)}


def _extras(ticket: dict[str, Any], includes: list[str]) -> dict[str, Any]:
    """What comes with a ticket only when asked for: its own `requester` and `stats`, else what its other fields tell of them."""
    made = {"requester": _requester, "stats": _stats}
    return {name: ticket[name] if name in ticket else make(ticket) for name, make in made.items() if name in includes}


def _requester(ticket: dict[str, Any]) -> dict[str, Any]:
    return {"id": ticket.get("requester_id"), "name": None, "email": None, "mobile": None, "phone": None}


def _stats(ticket: dict[str, Any]) -> dict[str, Any]:
    replies = [message.get("created_at") for message in _messages(ticket) if not (message.get("incoming") or message.get("private"))]
    done = ticket.get("status") in (4, 5)
    return {
        "first_responded_at": replies[0] if replies else None,
        "agent_responded_at": replies[-1] if replies else None,
        "resolved_at": ticket.get("updated_at") if done else None,
        "closed_at": ticket.get("updated_at") if ticket.get("status") == 5 else None,
        "reopened_at": None,
    }


def _messages(ticket: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(ticket.get("conversations") or [], key=lambda message: str(message.get("created_at")))


def _includes(params: dict[str, str]) -> list[str]:
    return [name for name in params.get("include", "").split(",") if name]


def _page_of(rows: list[dict[str, Any]], params: dict[str, str], url: str) -> Answer:
    """The page of rows that is asked for, with a link to the next."""
    per_page, page = params.get("per_page", "30"), params.get("page", "1")
    if not (per_page.isdecimal() and 1 <= int(per_page) <= MAX_PER_PAGE and page.isdecimal() and int(page) >= 1):
        return _invalid("per_page", "It should be a Positive Integer less than or equal to 100")
    return Answer(200, _cut(rows, int(page), int(per_page)), _link(url, params, int(page), int(per_page), len(rows)))


def _cut(rows: list[dict[str, Any]], page: int, per_page: int) -> list[dict[str, Any]]:
    return rows[(page - 1) * per_page : page * per_page]


def _link(url: str, params: dict[str, str], page: int, per_page: int, total: int) -> dict[str, str]:
    if page * per_page >= total:
        return {}
    query = urlencode(params | {"page": page + 1, "per_page": per_page})
    return {"Link": f'<{url}?{query}>; rel="next"'}


def _invalid(name: str, message: str) -> Answer:
    return Answer(400, {"description": "Validation failed", "errors": [{"field": name, "message": message, "code": "invalid_value"}]})
