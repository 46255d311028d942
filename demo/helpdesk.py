"""A helpdesk server that speaks Freshdesk's API v2, over a list of raw tickets.

Search, list, view, messages and archive with Freshdesk's paging, limits, headers and errors, so that what holds against it means something.
It only reads: no ticket is ever changed by a call. `demo.faults` breaks replies on request.
"""

import argparse
import base64
import contextlib
import datetime
import json
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from demo.faults import FaultPlan, send_fault
from demo.helpdesk_api import Answer, TicketApi
from demo.helpdesk_limit import CreditLimit
from demo.labelled_files import load_labelled

TICKETS_FOLDER = Path(__file__).with_name("tickets")
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
    agents: tuple[str, ...] | None = ()  # names; None: the key may not list them


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
        self._limit = CreditLimit(limit=self.options.limit, window_s=self.options.window_s, used_by_others=self.options.used_by_others)
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
        answer = self._refusal(authorization) or self._api().answer(url.path, params, f"http://{host}{url.path}")
        with self.lock:
            charge = self._limit.charge(answer.credits)
            if charge.refused_s is not None:
                answer = Answer(
                    429, {"message": "You have exceeded the limit of requests per minute"}, {"Retry-After": str(charge.refused_s)}
                )
            self.calls.append(CallRecord(time.monotonic(), target, answer.status, answer.credits, charge.window, charge.too_soon))
        return Answer(answer.status, answer.value, {**answer.headers, **charge.headers}, answer.credits)

    def stats(self) -> dict[str, Any]:
        """What the server saw, for somebody in another process: credits by window, refusals, calls before their time."""
        with self.lock:
            windows: dict[int, int] = {}
            for call in self.calls:
                windows[call.window] = windows.get(call.window, 0) + (call.credits if call.status != 429 else 0)
            refused = sum(call.status == 429 for call in self.calls)
            return {"calls": len(self.calls), "windows": windows, "too_soon": sum(call.too_soon for call in self.calls), "refused": refused}

    def _api(self) -> TicketApi:
        options = self.options
        return TicketApi(
            self.tickets,
            whole_day_end=options.whole_day_end,
            has_archive=options.has_archive,
            shuffle_seed=options.shuffle_seed,
            forbidden=options.forbidden,
            now=options.now,
            agents=options.agents,
        )

    def _refusal(self, authorization: str) -> Answer | None:
        with contextlib.suppress(ValueError):
            user = base64.b64decode(authorization.removeprefix("Basic "), validate=True).decode().partition(":")[0]
            if authorization.startswith("Basic ") and user == self.options.api_key:
                return None
        return Answer(401, {"code": "invalid_credentials", "message": "You have to be logged in to perform this action."})


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
            return self._send(Answer(200, self.server.helpdesk.stats()))
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
        kind = "application/json; charset=utf-8" if body else "text/html"
        lines = [f"HTTP/1.1 {answer.status} Status", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        return "\r\n".join((*lines, "", "")).encode() + body

    def _send(self, answer: Answer) -> None:
        self.wfile.write(self._bytes(answer))  # in one piece: two writes would wait for one another


def load_tickets(folder: Path = TICKETS_FOLDER) -> list[dict[str, Any]]:
    """The raw tickets of a folder of JSON files, by id."""
    tickets = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    return sorted(tickets, key=lambda ticket: int(ticket["id"]))


def _parser() -> argparse.ArgumentParser:
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
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted; the base URL is the first line printed."""
    parser = _parser()
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
    try:
        tickets = load_labelled(args.load)[0] if args.load else load_tickets()
    except (OSError, EOFError, ValueError) as error:
        parser.error(f"cannot load the tickets: {error}")
    with Helpdesk(tickets, options=options) as base_url:
        print(base_url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
