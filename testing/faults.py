"""Replies broken in the ways that replies break: which ones is drawn from a seed, so that a run can be repeated.

Whether a reply is broken depends on its path and on how often that path was asked, never on time or the order of threads.
"""

import contextlib
import random
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

KINDS = ("reset", "cut", "cut_chunk", "html", "truncated", "500", "502", "503", "504", "drip")
DRIP_PAUSE_S = 0.05
_HTML = b"<html><body><h1>We will be back soon</h1></body></html>"


@dataclass(slots=True)
class FaultPlan:
    """Breaks `share` of the replies, at most `most` times in a row for one path."""

    share: float
    seed: int = 0
    kinds: tuple[str, ...] = KINDS
    most: int = 3
    _asked: Counter[str] = field(default_factory=Counter)
    _in_a_row: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next_fault(self, target: str) -> str | None:
        """The fault of the next reply to `target`, None for a whole one."""
        with self._lock:
            self._asked[target] += 1
            draw = random.Random(f"{self.seed} {target} {self._asked[target]}")
            if draw.random() >= self.share or self._in_a_row[target] >= self.most:
                self._in_a_row[target] = 0
                return None
            self._in_a_row[target] += 1
            return draw.choice(self.kinds)


def send_fault(kind: str, connection: socket.socket, reply: bytes) -> None:
    """Send `reply` broken in the way of `kind`, then end the connection."""
    head, _, body = reply.partition(b"\r\n\r\n")
    with contextlib.suppress(OSError):
        if kind == "reset":
            connection.sendall(reply[: len(reply) // 2])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        elif kind == "drip":
            _drip(connection, head + b"\r\n\r\n", body)
        else:
            connection.sendall(_broken(kind, head, body))


def _broken(kind: str, head: bytes, body: bytes) -> bytes:
    if kind == "cut":
        return head + b"\r\n\r\n" + body[: len(body) // 2]
    if kind == "cut_chunk":
        kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
        return b"\r\n".join((*kept, b"Transfer-Encoding: chunked", b"", b"")) + b"%x\r\n" % len(body) + body[: len(body) // 2]
    if kind == "html":
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(_HTML) + _HTML
    if kind == "truncated":
        half = body[: len(body) // 2]
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(half) + half
    return b"HTTP/1.1 %s Broken\r\nContent-Length: %d\r\n\r\n" % (kind.encode(), len(_HTML)) + _HTML


def _drip(connection: socket.socket, at_once: bytes, slowly: bytes) -> None:
    """Bytes one by one until the other side has enough of it, or they are all sent but the last."""
    connection.sendall(at_once)
    for number in range(len(slowly) - 1):
        connection.sendall(slowly[number : number + 1])
        time.sleep(DRIP_PAUSE_S)
