"""A helpdesk server that speaks Freshdesk's API v2, over a list of raw tickets.

Search, list, view, messages and archive with Freshdesk's paging, limits, headers and errors, so that what holds against it means something.
It only reads: no ticket is ever changed by a call. `demo.faults` breaks replies on request.
"""

import argparse
import base64
import contextlib
import datetime
import json
import math
import random
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from demo.faults import FaultPlan, send_fault
from demo.labelled_files import load_labelled
from demo.query_language import QueryError, instant, parse_query

TICKETS_FOLDER = Path(__file__).with_name("tickets")
SEARCH_PAGE, SEARCH_PAGES = 30, 10
INCLUDED_MESSAGES = 10
DEFAULT_KEY = "demo-key"


@dataclass(frozen=True, slots=True)
class HelpdeskOptions:
    """How this helpdesk behaves. Times in seconds; `limit` in credits a window, None for no limit and no rate headers."""

    api_key: str = field(default=DEFAULT_KEY, repr=False)
    port: int = 0
    limit: int | None = None
    window_s: float = 60.0
    used_by_others: int = 0  # credits that other apps take at the beginning of each window
    latency_s: float = 0.0
    faults: FaultPlan | None = None
    whole_day_end: bool = True
    has_archive: bool = True
    shuffle_seed: int | None = None  # order of results and messages, which the real API does not promise
    forbidden: frozenset[int] = frozenset()
    now: datetime.datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply before it is sent: status, JSON value (None: empty body), further headers, and what it cost."""

    status: int
    value: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    credits: int = 1


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call as the server saw it; `too_soon` if the caller had been told to wait longer."""

    at: float
    target: str
    status: int
    credits: int
    window: int
    too_soon: bool


class Helpdesk:
    """The server; `start()` gives its base URL. Also a context manager. `calls` holds what was asked, in order."""

    def __init__(self, tickets: Sequence[dict[str, Any]], *, options: HelpdeskOptions | None = None) -> None:
        self.options = options or HelpdeskOptions()
        self.tickets = {ticket["id"]: ticket for ticket in tickets}
        self.calls: list[CallRecord] = []
        self.lock = threading.Lock()
        self._limit = _Limit(self.options)
        self._server: _Server | None = None

    def start(self) -> str:
        """Serve on loopback from now on; the base URL."""
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="helpdesk", daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """End the server and every open connection."""
        if self._server is not None:
            self._server.shutdown()
            self._server.close_all()
            self._server = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answer(self, target: str, authorization: str, host: str) -> Answer:
        """The reply to GET `target`, within the limit."""
        url = urlsplit(target)
        params = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        answer = self._authorised(authorization) or self._route(url.path, params, f"http://{host}{url.path}")
        with self.lock:
            window, headers, refused, too_soon = self._limit.charge(answer.credits)
            if refused is not None:
                answer = Answer(429, {"message": "You have exceeded the limit of requests per minute"}, {"Retry-After": str(refused)})
            self.calls.append(CallRecord(time.monotonic(), target, answer.status, answer.credits, window, too_soon))
        return Answer(answer.status, answer.value, {**answer.headers, **headers}, answer.credits)

    def _authorised(self, authorization: str) -> Answer | None:
        with contextlib.suppress(ValueError):
            user = base64.b64decode(authorization.removeprefix("Basic "), validate=True).decode().partition(":")[0]
            if authorization.startswith("Basic ") and user == self.options.api_key:
                return None
        return Answer(401, {"code": "invalid_credentials", "message": "You have to be logged in to perform this action."})

    def _route(self, path: str, params: dict[str, str], url: str) -> Answer:
        parts = path.strip("/").split("/")
        if parts[:2] != ["api", "v2"]:
            return Answer(404)
        match parts[2:]:
            case ["search", "tickets"]:
                return self._search(params)
            case ["tickets"]:
                return self._list(params, url)
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
            test = parse_query(query[1:-1], whole_day_end=self.options.whole_day_end)
        except QueryError as error:
            return _invalid("query", str(error))
        found = [ticket for ticket in self._visible() if test(ticket)]
        self._arrange(found, newest_first="created_at")
        results = [_plain(ticket, without=("description", "description_text")) for ticket in _cut(found, int(page), SEARCH_PAGE)]
        return Answer(200, {"total": len(found), "results": results})

    def _list(self, params: dict[str, str], url: str) -> Answer:
        per_page, page = params.get("per_page", "30"), params.get("page", "1")
        if not (per_page.isdecimal() and 1 <= int(per_page) <= 100):
            return _invalid("per_page", "It should be a Positive Integer less than or equal to 100")
        if not (page.isdecimal() and int(page) >= 1):
            return _invalid("page", "It should be a Positive Integer")
        if int(page) > 300:
            return _invalid("page", "You cannot access tickets beyond the 300th page. Please provide a smaller page number.")
        try:
            found = self._listed(params)
        except ValueError:
            return _invalid("updated_since", "It should be in the 'combined date and time ISO8601' format")
        order = params.get("order_by", "created_at")
        found.sort(key=lambda ticket: str(ticket.get(order) or ""), reverse=params.get("order_type", "desc") != "asc")
        includes = [name for name in params.get("include", "").split(",") if name]
        without = () if "description" in includes else ("description", "description_text")
        rows = [_plain(ticket, without=without) for ticket in _cut(found, int(page), int(per_page))]
        return Answer(200, rows, _link(url, params, int(page), int(per_page), len(found)), credits=1 + 2 * len(includes))

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
        now = self.options.now or datetime.datetime.now(datetime.timezone.utc)
        return [ticket for ticket in tickets if instant(ticket["created_at"]) >= now - datetime.timedelta(days=30)]

    def _thread(self, number: int, rest: list[str], params: dict[str, str], url: str, *, archived: bool) -> Answer:
        ticket = self.tickets.get(number)
        if archived and not self.options.has_archive:
            return Answer(403, {"code": "require_feature", "message": "The Archive Tickets feature is not supported in your plan."})
        if ticket is None or bool(ticket.get("archived")) != archived or rest not in ([], ["conversations"]):
            return Answer(404)
        if number in self.options.forbidden:
            return Answer(403, {"code": "access_denied", "message": "You are not authorized to perform this action."})
        messages = sorted(ticket.get("conversations") or [], key=lambda message: str(message.get("created_at")))
        if rest:
            return self._messages(messages, params, url)
        includes = [name for name in params.get("include", "").split(",") if name]
        extra = {"conversations": messages[:INCLUDED_MESSAGES]} if "conversations" in includes else {}
        return Answer(200, _plain(ticket) | extra, credits=1 + len(includes))

    def _messages(self, messages: list[dict[str, Any]], params: dict[str, str], url: str) -> Answer:
        per_page, page = params.get("per_page", "30"), params.get("page", "1")
        if not (per_page.isdecimal() and 1 <= int(per_page) <= 100 and page.isdecimal() and int(page) >= 1):
            return _invalid("per_page", "It should be a Positive Integer less than or equal to 100")
        self._arrange(messages)
        shown = _cut(messages, int(page), int(per_page))
        return Answer(200, shown, _link(url, params, int(page), int(per_page), len(messages)))

    def _visible(self) -> list[dict[str, Any]]:
        return [ticket for ticket in self.tickets.values() if not (ticket.get("deleted") or ticket.get("spam") or ticket.get("archived"))]

    def _arrange(self, rows: list[dict[str, Any]], *, newest_first: str | None = None) -> None:
        if newest_first is not None:
            rows.sort(key=lambda row: (str(row.get(newest_first)), row["id"]), reverse=True)
        if self.options.shuffle_seed is not None:
            random.Random(self.options.shuffle_seed).shuffle(rows)


class _Limit:
    """The account's limit by fixed windows, counted from the server's start. Its caller holds the lock."""

    def __init__(self, options: HelpdeskOptions) -> None:
        self._options = options
        self._began = time.monotonic()
        self._window, self._used = -1, 0
        self._told_until = 0.0

    def charge(self, credits: int) -> tuple[int, dict[str, str], int | None, bool]:
        """Number of the window, rate headers, seconds to wait if it was too much, and whether the caller had been told to wait."""
        now = time.monotonic()
        window = int((now - self._began) / self._options.window_s)
        if self._options.limit is None:
            return window, {}, None, False
        if window != self._window:
            self._window, self._used = window, self._options.used_by_others
        too_soon = now < self._told_until
        refused = None
        if self._used + credits > self._options.limit:
            refused = max(1, math.ceil(self._began + (window + 1) * self._options.window_s - now))
            self._told_until = max(self._told_until, now + refused)
        else:
            self._used += credits
        left = float(self._options.limit - self._used)
        headers = {"X-RateLimit-Total": f"{self._options.limit}.0", "X-RateLimit-Remaining": str(left)}
        return window, headers | {"X-RateLimit-Used-CurrentRequest": f"{credits}.0"}, refused, too_soon


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, helpdesk: Helpdesk) -> None:
        self.helpdesk = helpdesk
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", helpdesk.options.port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that goes away in mid-reply is no error of the server."""

    def close_all(self) -> None:
        self.server_close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        if self.path == "/demo/stats":
            return self._send(Answer(200, _stats(self.server.helpdesk)))
        desk = self.server.helpdesk
        answer = desk.answer(self.path, self.headers.get("Authorization", ""), self.headers.get("Host", ""))
        if desk.options.latency_s:
            time.sleep(desk.options.latency_s)
        fault = desk.options.faults.next_fault(self.path) if desk.options.faults is not None and answer.status == 200 else None
        if fault is None:
            return self._send(answer)
        self.close_connection = True
        return send_fault(fault, self.connection, self._bytes(answer))

    def _refuse(self) -> None:
        self.close_connection = True
        self._send(Answer(405, {"message": f"{self.command} method is not allowed. It should be one of these method(s): GET"}))

    do_POST = do_PUT = do_DELETE = _refuse  # noqa: N815 - as above

    def log_message(self, format: str, *args: Any) -> None:
        """Silence: `Helpdesk.calls` is the log."""

    def _bytes(self, answer: Answer) -> bytes:
        body = b"" if answer.value is None else json.dumps(answer.value).encode()
        lines = [f"HTTP/1.1 {answer.status} Status", "Content-Type: application/json; charset=utf-8", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        return "\r\n".join((*lines, "", "")).encode() + body

    def _send(self, answer: Answer) -> None:
        self.wfile.write(self._bytes(answer))  # in one piece: two writes would wait for one another


def _stats(helpdesk: Helpdesk) -> dict[str, Any]:
    """What the server saw, for a benchmark in another process."""
    with helpdesk.lock:
        windows: dict[int, int] = {}
        for call in helpdesk.calls:
            if call.status != 429:
                windows[call.window] = windows.get(call.window, 0) + call.credits
        too_soon = sum(call.too_soon for call in helpdesk.calls)
        refused = sum(call.status == 429 for call in helpdesk.calls)
        credits = sum(call.credits for call in helpdesk.calls)
        return {"calls": len(helpdesk.calls), "credits": credits, "windows": windows, "too_soon": too_soon, "refused": refused}


def _plain(ticket: dict[str, Any], *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The ticket itself, as a page shows it: its messages have their own path."""
    return {name: value for name, value in ticket.items() if name != "conversations" and name not in without}


def _cut(rows: list[dict[str, Any]], page: int, per_page: int) -> list[dict[str, Any]]:
    return rows[(page - 1) * per_page : page * per_page]


def _link(url: str, params: dict[str, str], page: int, per_page: int, total: int) -> dict[str, str]:
    if page * per_page >= total:
        return {}
    others = "".join(f"&{name}={value}" for name, value in params.items() if name not in ("page", "per_page"))
    return {"Link": f'<{url}?page={page + 1}&per_page={per_page}{others}>; rel="next"'}


def _invalid(name: str, message: str) -> Answer:
    return Answer(400, {"description": "Validation failed", "errors": [{"field": name, "message": message, "code": "invalid_value"}]})


def load_tickets(folder: Path = TICKETS_FOLDER) -> list[dict[str, Any]]:
    """The raw tickets of a folder of JSON files, by id."""
    tickets = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    return sorted(tickets, key=lambda ticket: int(ticket["id"]))


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted; the base URL is the first line printed."""
    parser = argparse.ArgumentParser(
        prog="python -m demo.helpdesk", description="A sample helpdesk that speaks Freshdesk's API on loopback."
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--load", type=Path, help="labelled conversations as tickets: JSON lines, also .gz; else the sample tickets")
    parser.add_argument("--key", default=DEFAULT_KEY, help="the API key that is accepted")
    parser.add_argument("--limit", type=int, help="credits a window")
    parser.add_argument("--window-s", type=float, default=60.0, help="length of the window in seconds")
    parser.add_argument("--used-by-others", type=int, default=0, help="credits that other apps take in each window")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="time that each reply takes")
    parser.add_argument("--faults", type=float, default=0.0, help="share of replies that are broken, 0 to 1")
    parser.add_argument("--seed", type=int, default=0, help="which replies are broken")
    args = parser.parse_args(argv)
    options = HelpdeskOptions(
        api_key=args.key,
        port=args.port,
        limit=args.limit,
        window_s=args.window_s,
        used_by_others=args.used_by_others,
        latency_s=args.latency_ms / 1000,
        faults=FaultPlan(share=args.faults, seed=args.seed) if args.faults else None,
    )
    with Helpdesk(load_labelled(args.load)[0] if args.load else load_tickets(), options=options) as base_url:
        print(base_url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
