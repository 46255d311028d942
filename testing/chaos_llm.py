"""A chat-completions server on loopback that does what it is told, well or badly: for tests and for measuring the client.

Its sleeping is its own (not `time.sleep`), so that tests may replace that.
"""

import contextlib
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from demo import loopback
from testing.faults import send_fault

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
    """What to send back. `ending`: whole; a reset or a cut in the middle; dripping blank lines for ever; nothing at all."""

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
        self.base_url = ""
        """Where it is, ending in /v1; known once it is open."""
        self.cpu_s = 0.0  # of the threads that answer, without reading and sending; exact for one caller at a time
        self.most_at_once = self._inside = 0
        self._behave = behave
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Loopback(self)

    def __enter__(self) -> "ChaosServer":
        self.base_url = f"{self._server.start()}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.stop()

    def answer(self, request: loopback.Request) -> loopback.Reply:
        """What goes over the wire for one request, and how."""
        if request.method != "POST":
            return loopback.Reply(501)
        before = time.thread_time()
        with self._lock:
            seen = Seen(len(self.seen) + 1, request.target, request.headers, json.loads(request.body), time.monotonic())
            self.seen.append(seen)
            self._inside += 1
            self.most_at_once = max(self.most_at_once, self._inside)
        try:
            reply = self._behave(seen)
            self._closing.wait(reply.delay_s)
        finally:
            with self._lock:
                self._inside -= 1
        self.cpu_s += time.thread_time() - before
        return loopback.Reply(reply.status, reply.data(), {"Content-Type": "application/json", **reply.headers}, self._way(reply.ending))

    def _way(self, ending: Ending) -> Callable[[socket.socket, bytes], None] | None:
        """How a reply is put on the wire, None for whole."""
        own = {"drip": self._drip, "hang": self._hang}
        return None if ending == "whole" else own.get(ending, partial(send_fault, ending))

    def _drip(self, connection: socket.socket, _whole: bytes) -> None:
        """Blank lines for ever."""
        with contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n")
            while not self._closing.wait(0.05):
                connection.sendall(b"\n")

    def _hang(self, _connection: socket.socket, _whole: bytes) -> None:
        self._closing.wait(600)


class _Loopback(loopback.LoopbackServer):
    def __init__(self, chaos: ChaosServer) -> None:
        super().__init__()
        self._chaos = chaos

    def respond(self, request: loopback.Request) -> loopback.Reply:
        return self._chaos.answer(request)


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
