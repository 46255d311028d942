"""A small HTTP server on this machine for as long as somebody uses it: what the sample helpdesk and the built-in model stand on.

Reads a request whole and sends the reply in one piece. Knows no path and keeps no log.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_BODY_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller sent; `target` is the path with its query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What a caller gets. `send` puts it on the wire in another way than whole, and ends the connection."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    send: Callable[[socket.socket, bytes], None] | None = None

    def whole(self) -> bytes:
        """The reply as it goes over the wire."""
        headers = {"Content-Type": "application/json; charset=utf-8" if self.body else "text/html", **self.headers}
        lines = [f"HTTP/1.1 {self.status} Status", f"Content-Length: {len(self.body)}"]
        return "\r\n".join((*lines, *(f"{name}: {value}" for name, value in headers.items()), "", "")).encode() + self.body


class LoopbackServer:
    """Serves what `respond` says, from several threads; a context manager that gives the base URL."""

    def __init__(self, *, port: int = 0) -> None:
        self._port = port
        self._server: _Server | None = None

    def respond(self, request: Request) -> Reply:
        """The reply to one request, for whoever builds on this."""
        raise NotImplementedError

    def start(self) -> str:
        """The base URL, such as `http://127.0.0.1:50123`, of the server that listens from now on."""
        self._server = _Server(self._port, lambda request: self.respond(request))
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.002}, name="loopback", daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """End the server and every open connection; nothing happens if it never began."""
        if self._server is not None:
            self._server.shutdown()
            self._server.close_all()
            self._server = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, respond: Callable[[Request], Reply]) -> None:
        self.respond = respond
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

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

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            reply = Reply(413, b'{"error": {"message": "a body of known and moderate length is needed"}}')
        else:
            reply = self.server.respond(Request(self.command, self.path, dict(self.headers.items()), self.rfile.read(int(length))))
        if reply.send is None:
            self.wfile.write(reply.whole())  # in one piece: two writes would wait for one another
        else:
            self.close_connection = True
            reply.send(self.connection, reply.whole())

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the base class's names

    def log_message(self, format: str, *args: Any) -> None:
        """Silence: who serves keeps what it wants to know."""
