"""A chat-completions server on loopback that does what it is told, well or badly: for tests and for measuring the client.

Standard library only. Its sleeping is its own (not `time.sleep`), so that tests may replace that.
"""

import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Ending = Literal["whole", "reset", "cut", "drip", "hang"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived. `number` counts from 1; `at` is on `time.monotonic`."""

    number: int
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    at: float

    @property
    def prompt(self) -> str:
        """The text of the last user message."""
        return str(self.body["messages"][-1]["content"])


@dataclass(frozen=True, slots=True)
class Reply:
    """What to send back. `ending`: whole; a reset before it; cut in the middle; dripping blank lines for ever; nothing at all."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    ending: Ending = "whole"

    def data(self) -> bytes:
        """The body's bytes."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Behaviour = Callable[[Seen], Reply]


def completion(text: str | None, *, finish: str = "stop", usage: Mapping[str, Any] | None = None, **message: Any) -> dict[str, Any]:
    """The body of a chat completion that says `text`."""
    counted = usage if usage is not None else {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "chaos", "choices": [choice], "usage": counted}


def says(text: str | None, *, finish: str = "stop", delay_s: float = 0.0, **message: Any) -> Reply:
    """A reply of status 200 that says `text`."""
    return Reply(body=completion(text, finish=finish, **message), delay_s=delay_s)


def refuses(status: int, message: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Reply:
    """An error in OpenAI's shape."""
    return Reply(status, {"error": {"message": message, **more}}, headers or {})


class ChaosServer:
    """The server; a context manager that gives itself. `seen` lists the requests in order of arrival."""

    def __init__(self, behave: Behaviour) -> None:
        self.seen: list[Seen] = []
        self.most_at_once = 0
        self.cpu_s = 0.0  # of the threads that serve, headers not counted; exact for one caller at a time
        self._behave = behave
        self._inside = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())

    @property
    def base_url(self) -> str:
        """Where it is, ending in /v1."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> "ChaosServer":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        chaos = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                before = time.thread_time()
                chaos._serve(self)
                chaos.cpu_s += time.thread_time() - before

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self._lock:
            seen = Seen(len(self.seen) + 1, handler.path, dict(handler.headers.items()), body, time.monotonic())
            self.seen.append(seen)
            self._inside += 1
            self.most_at_once = max(self.most_at_once, self._inside)
        try:
            reply = self._behave(seen)
            self._closing.wait(reply.delay_s)
        finally:
            with self._lock:
                self._inside -= 1
        self._send(handler, reply)

    def _send(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        data = reply.data()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(data)), **reply.headers}
        head = f"HTTP/1.1 {reply.status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        handler.close_connection = reply.ending != "whole"
        try:
            if reply.ending == "whole":
                handler.wfile.write(head.encode() + data)
            elif reply.ending == "cut":
                handler.wfile.write(head.encode() + data[: len(data) // 2])
            elif reply.ending == "drip":
                handler.wfile.write(head.encode().replace(f"Content-Length: {len(data)}".encode(), b"Content-Length: 1000000"))
                self._drip(handler)
            elif reply.ending == "reset":
                handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                self._closing.wait(600)
        except OSError:
            handler.close_connection = True

    def _drip(self, handler: BaseHTTPRequestHandler) -> None:
        while not self._closing.wait(0.05):
            handler.wfile.write(b"\n")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the play."""


def faulty(behave: Behaviour, *, share: float, seed: int, hang_s: float) -> Behaviour:
    """`behave`, but a share of the requests meets one of nine faults; which one depends on seed and arrival only."""
    draw = random.Random(seed)
    lock = threading.Lock()

    def fault(seen: Seen) -> Reply:
        with lock:
            kind = draw.randrange(9) if draw.random() < share else -1
        good = behave(seen)
        faults: dict[int, Reply] = {
            0: refuses(429, "slow down", headers={"retry-after-ms": "200"}, code="rate_limit_exceeded"),
            1: refuses(500, "internal error"),
            2: refuses(529, "overloaded", type="overloaded_error"),
            3: Reply(ending="reset"),
            4: Reply(body=completion("  \n "), delay_s=good.delay_s),
            5: Reply(body=good.body, delay_s=good.delay_s, ending="cut"),
            6: Reply(body=completion('{"id": "x", "n":'), delay_s=good.delay_s),
            7: Reply(body={"error": {"message": "upstream failed", "code": 502}}),
            8: Reply(body=good.body, ending="hang", delay_s=hang_s),
        }
        return faults.get(kind, good)

    return fault
