"""The little server: requests read whole, one reply each, over one connection or many, and an end."""

import http.client
import socket
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from demo.loopback import MAX_BODY_BYTES, LoopbackServer, Reply, Request


class Echo(LoopbackServer):
    """Says what it was sent."""

    def respond(self, request: Request) -> Reply:
        def half(connection: socket.socket, whole: bytes) -> None:
            connection.sendall(whole[:-2])
            connection.shutdown(socket.SHUT_RDWR)

        said = f"{request.method} {request.target} ".encode() + request.body
        return Reply(200, said, {"X-Seen": request.headers.get("X-Said", "")}, send=half if request.target == "/half" else None)


def test_a_connection_serves_many_requests_of_every_method() -> None:
    with Echo() as url, closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)) as connection:
        for method, body in (("GET", b""), ("POST", "{ü}".encode()), ("PUT", b"x"), ("DELETE", b"")):
            connection.request(method, "/a?b=c", body=body, headers={"X-Said": "hello"})
            reply = connection.getresponse()
            assert (reply.status, reply.read(), reply.getheader("X-Seen")) == (200, f"{method} /a?b=c ".encode() + body, "hello")


@pytest.mark.parametrize("length", [str(MAX_BODY_BYTES + 1), "-1", "many"])
def test_a_body_of_no_moderate_length_is_refused_unread(length: str) -> None:
    with Echo() as url, closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)) as connection:
        connection.putrequest("POST", "/a")
        connection.putheader("Content-Length", length)
        connection.endheaders()
        assert connection.getresponse().status == 413


def test_a_reply_that_is_sent_in_another_way_ends_the_connection() -> None:
    with Echo() as url, closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)) as connection:
        connection.request("GET", "/half")
        with pytest.raises(http.client.IncompleteRead):
            connection.getresponse().read()


def test_a_stopped_server_listens_no_more() -> None:
    echo = Echo()
    place = urlsplit(echo.start())
    echo.stop()
    echo.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((place.hostname, place.port or 0), timeout=2)
