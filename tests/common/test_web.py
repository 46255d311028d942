"""Retries, waits and bounded replies; the replies come over real sockets, since a mock has no slow bytes."""

import gzip
import socket
import ssl
import subprocess
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import pytest

from common.errors import Stopped
from common.web import Http, Refused, TransientError, backoff_wait_s, parse_retry_after, retry_after_s, retrying
from freshdesk.client import FreshdeskClient

Script = Callable[[socket.socket], None]
TIMEOUT_S = 0.3
OK = b"HTTP/1.1 200 OK\r\n"


class RawServer:
    """Answers each request by a script that writes raw bytes; `connections` counts what was opened, `requests` holds the heads."""

    def __init__(self, script: Script, *, close_after: bool, tls: ssl.SSLContext | None = None) -> None:
        self._script, self._close_after, self._tls = script, close_after, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.connections = 0
        self.requests: list[bytes] = []

    def __enter__(self) -> "RawServer":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}/x"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while head := self._read_head(connection):
                self.requests.append(head)
                self._script(connection)
                if self._close_after:
                    connection.close()
        except OSError:
            return

    @staticmethod
    def _read_head(connection: socket.socket) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(65536)
            if not part:
                return b""
            head += part
        return head


def sends(*parts: bytes) -> Script:
    return lambda connection: connection.sendall(b"".join(parts))


def drips(at_once: bytes, again: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        connection.sendall(at_once)
        while True:
            connection.sendall(again)
            time_sleep(0.02)

    return script


time_sleep = time.sleep  # the real one, for the server's side


def http(headers: dict[str, str] | None = None, *, url: str = "http://127.0.0.1") -> Http:
    return Http(url, headers or {}, pool_size=2)


def get(url: str, by: Http | None = None, *, timeout_s: float = TIMEOUT_S, max_bytes: int = 1_000_000) -> bytes:
    return (by or http()).send("GET", url, timeout_s=timeout_s, max_bytes=max_bytes)[1]


WHOLE = {
    "with a length": OK + b"Content-Length: 5\r\n\r\nhello",
    "in chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    "packed": OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(gzip.compress(b"hello")) + gzip.compress(b"hello"),
}


@pytest.mark.parametrize("reply", WHOLE.values(), ids=WHOLE)
def test_a_whole_reply_is_read_and_its_connection_kept(reply: bytes) -> None:
    client = http()
    with RawServer(sends(reply), close_after=False) as server:
        for _ in range(3):
            assert get(server.url, client, timeout_s=1, max_bytes=30) == b"hello"
        assert server.connections == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine with its key in the same file, made by the openssl command."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    options = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run(["openssl", "req", *options, "-keyout", path, "-out", path.with_suffix(".crt")], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no certificate can be made here: {error}")
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture
def tls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server needs to speak TLS to a client that trusts it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.with_suffix(".crt")))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_over_tls_a_whole_reply_is_read_and_its_connection_kept(tls: ssl.SSLContext) -> None:
    client = http()
    with RawServer(sends(WHOLE["in chunks"]), close_after=False, tls=tls) as server:
        for _ in range(3):
            assert get(server.url, client, timeout_s=5, max_bytes=10) == b"hello"
        assert server.connections == 1


@pytest.mark.slow
def test_over_tls_a_body_that_drips_for_ever_ends_in_time(tls: ssl.SSLContext) -> None:
    with RawServer(drips(OK + b"Content-Length: 100000\r\n\r\n", b"x"), close_after=False, tls=tls) as server:
        began = time.monotonic()
        with pytest.raises(TransientError):
            get(server.url)
        assert time.monotonic() - began < TIMEOUT_S + 5


def test_a_certificate_that_nobody_trusts_is_refused(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with RawServer(sends(WHOLE["in chunks"]), close_after=False, tls=tls) as server:
        with pytest.raises(Stopped, match=r"cannot be trusted \(TLS: .*name your own CA in REQUESTS_CA_BUNDLE"):
            FreshdeskClient(base_url=server.url, api_key="k").get("tickets/1", expect=dict, credits=1)
        assert server.requests == []


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    with RawServer(sends(OK, b"\r\nhello"), close_after=True) as server:
        assert get(server.url) == b"hello"


BROKEN = {
    "body shorter than its length": OK + b"Content-Length: 100\r\n\r\nhello",
    "chunk cut in the middle": OK + b"Transfer-Encoding: chunked\r\n\r\n50\r\nhello",
    "no last chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "not packed as it says": OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    "no HTTP at all": b"\x00\xff\r\n\r\n",
    "nothing": b"",
    "headers without end": OK + b"X-A: b\r\n" * 5000,
    "one endless header": OK + b"X: " + b"b" * 200_000,
}


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
def test_a_broken_reply_is_a_fault_worth_another_try(reply: bytes) -> None:
    with RawServer(sends(reply), close_after=True) as server, pytest.raises(TransientError):
        get(server.url)


@pytest.mark.parametrize("status", [b"429 Too Many Requests", b"503 Service Unavailable"])
def test_a_refusal_that_breaks_off_is_known_by_its_status_and_headers(status: bytes) -> None:
    head = b"HTTP/1.1 %s\r\nRetry-After: 86400\r\nContent-Length: 500\r\n\r\n" % status
    with RawServer(sends(head + b"later"), close_after=True) as server:
        response, body = http().send("GET", server.url, timeout_s=TIMEOUT_S, max_bytes=1_000)
    assert (str(response.status_code).encode(), body) == (status[:3], b"")
    assert retry_after_s(response) == 86_400


def test_what_is_packed_by_deflate_is_unpacked_within_bounds() -> None:
    for head in (15, -15):
        packer = zlib.compressobj(wbits=head)
        data = packer.compress(b"hello") + packer.flush()
        with RawServer(sends(packed(data, b"deflate")), close_after=False) as server:
            assert get(server.url) == b"hello"
    with RawServer(sends(packed(zlib.compress(bytes(9_000_000)), b"deflate")), close_after=False) as server, pytest.raises(Refused):
        get(server.url)


DRIPS = {
    "body": (OK + b"Content-Length: 100000\r\n\r\n", b"x"),
    "chunk after chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "packed body": (OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", b"\x00\x00\x00\xff\xff"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("at_once", "again"), DRIPS.values(), ids=DRIPS)
def test_what_drips_for_ever_ends_in_time(at_once: bytes, again: bytes) -> None:
    with RawServer(drips(at_once, again), close_after=False) as server:
        began = time.monotonic()
        with pytest.raises(TransientError):
            get(server.url)
        assert time.monotonic() - began < TIMEOUT_S + 5


@pytest.mark.slow
def test_a_redirect_is_known_by_its_status_though_its_body_drips_for_ever() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 100000\r\n\r\n"
    with RawServer(drips(head, b"x"), close_after=False) as server:
        began = time.monotonic()
        assert get(server.url) == b""
        assert time.monotonic() - began < TIMEOUT_S + 5


def packed(data: bytes, *encodings: bytes) -> bytes:
    headers = b"".join(b"Content-Encoding: %s\r\n" % encoding for encoding in encodings)
    return OK + headers + b"Content-Length: %d\r\n\r\n" % len(data) + data


BOMB = gzip.compress(bytes(20_000_000), 9)
TOO_LARGE = {
    "plain": OK + b"\r\n" + b"x" * 1_000_001,
    "packed": packed(BOMB, b"gzip"),
    "packed twice": packed(gzip.compress(BOMB), b"gzip, gzip"),
    "packed twice in two headers": packed(gzip.compress(BOMB), b"gzip", b"gzip"),
}


@pytest.mark.parametrize("reply", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_body_beyond_bounds_is_not_read_to_its_end(reply: bytes) -> None:
    with RawServer(sends(reply), close_after=True) as server, pytest.raises(Refused):
        get(server.url)


def test_a_netrc_entry_and_a_proxy_change_nothing_for_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w", encoding="utf-8") as out:
        out.write("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", netrc)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    with RawServer(sends(OK, b"Content-Length: 0\r\n\r\n"), close_after=False) as server:
        get(server.url, http({"Authorization": "ours"}))
        assert b"\r\nAuthorization: ours\r\n" in server.requests[0]
        assert b"other" not in server.requests[0]


def test_a_cookie_is_not_sent_back() -> None:
    with RawServer(sends(OK, b"Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"), close_after=False) as server:
        client = http()
        for _ in range(2):
            get(server.url, client)
        assert b"Cookie" not in server.requests[1]


RETRY_AFTER = {
    "seconds": ("7", 7.0),
    "decimal": ("1.5", 1.5),
    "zero": ("0", 0.0),
    "a date": ("Thu, 01 Jan 1970 00:01:10 GMT", 10.0),
    "a date gone by": ("Thu, 01 Jan 1970 00:00:10 GMT", None),
    "junk": ("soon", None),
    "nan": ("nan", None),
    "infinite": ("inf", None),
    "negative": ("-3", None),
    "empty": ("", None),
    "missing": (None, None),
    "an underscore": ("1_000", None),
    "other digits": ("\u0663", None),
    "seconds with a unit": ("20s", 20.0),
    "minutes": ("1m", 60.0),
    "minutes and seconds": ("6m0.5s", 360.5),
    "milliseconds with a unit": ("250ms", 0.25),
    "a moment in ISO": ("1970-01-01T00:01:10Z", 10.0),
    "of another planet": ("9" * 400, None),
    "an impossible date": ("Thu, 99 Jan 1970 00:01:10 GMT", None),
}


@pytest.mark.parametrize(("value", "seconds"), RETRY_AFTER.values(), ids=RETRY_AFTER)
def test_retry_after_is_seconds_or_a_date_and_else_nothing(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=60) == seconds


def test_a_moment_since_1970_is_waited_for_and_not_its_number() -> None:
    assert parse_retry_after("1700000030", now=1_700_000_000) == 30
    assert parse_retry_after("1700000030500", now=1_700_000_000) == 30.5
    assert parse_retry_after("1700000030", now=1_700_000_031) is None


def test_the_wait_doubles_up_to_a_ceiling() -> None:
    assert [backoff_wait_s(attempt, draw=lambda: 1.0) for attempt in (0, 1, 2, 10, 2000)] == [0.5, 1, 2, 30, 30]


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def after(tries: int) -> Callable[[TransientError], bool]:
    left = iter(range(tries - 1))
    return lambda _fault: next(left, None) is None


def fails(times: int, error: Exception) -> Callable[[], str]:
    left = [times]

    def call() -> str:
        if left[0]:
            left[0] -= 1
            raise error
        return "value"

    return call


def test_the_servers_word_on_waiting_comes_first(sleeps: list[float]) -> None:
    assert retrying(fails(2, TransientError("busy", retry_after_s=7)), give_up=after(3)) == "value"
    assert sleeps == [7, 7]


def test_retries_are_bounded_and_the_last_error_is_raised(sleeps: list[float]) -> None:
    with pytest.raises(TransientError, match="busy"):
        retrying(fails(9, TransientError("busy")), give_up=after(3))
    assert len(sleeps) == 2


def test_other_errors_are_not_tried_again(sleeps: list[float]) -> None:
    with pytest.raises(ValueError, match="no"):
        retrying(fails(1, ValueError("no")), give_up=after(3))
    assert not sleeps


def test_give_up_ends_the_tries_sooner(sleeps: list[float]) -> None:
    with pytest.raises(TransientError):
        retrying(fails(9, TransientError("busy")), give_up=lambda _error: len(sleeps) == 1)
    assert len(sleeps) == 1


def test_each_wait_is_told(sleeps: list[float]) -> None:
    told: list[tuple[float, str]] = []
    retrying(
        fails(1, TransientError("busy", retry_after_s=2)),
        give_up=after(2),
        on_wait=lambda seconds, fault: told.append((seconds, str(fault))),
    )
    assert told == [(2, "busy")]


def unreachable(url: str) -> TransientError:
    with pytest.raises(TransientError) as caught:
        get(url, http(url=url), timeout_s=5)
    return caught.value


PROXIES = {
    "a proxy that speaks another protocol": ({"ALL_PROXY": "socks5://127.0.0.1:9"}, "ALL_PROXY"),
    "a proxy that is not there": ({"HTTPS_PROXY": "http://127.0.0.1:9"}, "HTTPS_PROXY"),
    "a proxy without a host": ({"HTTPS_PROXY": "http:/proxy:3128"}, "HTTPS_PROXY"),
    "certificates that are not there": ({"REQUESTS_CA_BUNDLE": "/nowhere/ca.pem"}, "REQUESTS_CA_BUNDLE"),
}


@pytest.mark.parametrize(("environment", "named"), PROXIES.values(), ids=PROXIES.keys())
def test_the_variable_that_keeps_a_server_from_being_reached_is_named(
    environment: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert unreachable("https://model.example/v1").look_at == named


def test_a_certificate_of_an_own_authority_hints_at_the_bundle(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with RawServer(sends(WHOLE["in chunks"]), close_after=False, tls=tls) as server:
        found = unreachable(server.url)
    assert "TLS" in str(found)
    assert found.look_at == "REQUESTS_CA_BUNDLE"
