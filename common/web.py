"""What both HTTP edges share: which faults are worth another try, how long to wait, and reading a body within bounds.

Knows neither Freshdesk nor the model server, and keeps no state but `NotBefore`, the moment before which nobody calls.
"""

import email.utils
import http.client
import io
import ipaddress
import math
import random
import socket
import threading
from collections.abc import Callable, Generator
from http.cookiejar import DefaultCookiePolicy
from typing import Any, ClassVar, TypeVar, cast
from urllib.parse import urljoin, urlsplit

import backoff
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from common import times

T = TypeVar("T")

CONNECT_TIMEOUT_S = 10.0
BASE_WAIT_S = 0.5
MAX_WAIT_S = 30.0


class TransientError(Exception):
    """A fault that may be gone on the next try.

    `status` is the HTTP status, None where no whole reply came; `retry_after_s` is the server's own word.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class BodyTooLarge(Exception):
    """The reply is longer than anyone could have meant."""


def parse_retry_after(value: str | None, *, now: float) -> float | None:
    """Seconds to wait by a `Retry-After` header (seconds or an HTTP date); None for junk, nan and negatives.

    >>> parse_retry_after("7", now=0)
    7.0
    >>> parse_retry_after("Thu, 01 Jan 1970 00:00:09 GMT", now=2)
    7.0
    >>> parse_retry_after("soon", now=0) is None
    True
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def backoff_wait_s(attempt: int, *, draw: Callable[[], float] = random.random) -> float:
    """Seconds before try number `attempt` + 1 when the server named none: full-jitter exponential."""
    return draw() * min(MAX_WAIT_S, BASE_WAIT_S * 2.0 ** min(attempt, 30))


def _waits() -> Generator[float, Exception, None]:
    """Wait generator for `backoff`, which sends the exception in: the server's word first, else exponential."""
    error = yield 0.0
    attempt = 0
    while True:
        said = error.retry_after_s if isinstance(error, TransientError) else None
        error = yield backoff_wait_s(attempt) if said is None else said
        attempt += 1


def retrying(
    call: Callable[[], T],
    *,
    max_tries: int,
    on_wait: Callable[[float, Exception], None] | None = None,
    give_up: Callable[[Exception], bool] | None = None,
) -> T:
    """The value of `call()`, tried up to `max_tries` times while it raises `TransientError`; then that error.

    `give_up(error)` is asked after each failed try and may end it sooner.
    """

    def tell(details: Any) -> None:
        if on_wait is not None:
            on_wait(details["wait"], details["exception"])

    waits = cast("Callable[..., Generator[float, None, None]]", _waits)
    guarded = backoff.on_exception(
        waits, TransientError, max_tries=max_tries, jitter=None, giveup=give_up or _never, on_backoff=tell, logger=None
    )(call)
    return guarded()


def _never(_error: Exception) -> bool:
    return False


class NotBefore:
    """The moment before which no thread may start a call; shared by all workers of one server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._moment = 0.0

    def hold(self, seconds: float) -> None:
        """Nobody starts a call for `seconds` from now; a longer hold that stands already is kept."""
        with self._lock:
            self._moment = max(self._moment, times.monotonic() + seconds)

    def remaining_s(self) -> float:
        """Seconds until calls may start; 0 when they may."""
        with self._lock:
            return max(0.0, self._moment - times.monotonic())

    def wait(self) -> None:
        """Return once calls may start, however often the moment is moved meanwhile."""
        slept_to = 0.0
        while (moment := self._moment) > max(slept_to, times.monotonic()):
            times.sleep(moment - times.monotonic())
            slept_to = moment  # a sleep is never shorter than asked, so one moment is slept for once


def read_body(response: requests.Response, *, deadline: float, max_bytes: int) -> bytes:
    """The whole body of a response opened with `stream=True`.

    `deadline` is a moment on `clock.monotonic`. Raises `TransientError` past the deadline or for a body cut short,
    `BodyTooLarge` past `max_bytes` (counted after decompression).
    """
    if "," in response.headers.get("Content-Encoding", ""):
        response.close()  # each layer may unpack a thousandfold before the first count
        raise BodyTooLarge("the reply is packed more than once")
    parts: list[bytes] = []
    size = 0
    try:
        while part := response.raw.read1(65536, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > max_bytes:
                raise BodyTooLarge(f"the reply is longer than {max_bytes} bytes")
            if times.monotonic() > deadline:
                raise TransientError("the reply did not end in time")
    except (HTTPError, OSError) as error:
        raise TransientError(f"the reply broke off: {type(error).__name__}") from error
    finally:
        response.close()
    return b"".join(parts)


Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]


def new_session(auth: Auth, *, pool_size: int) -> requests.Session:
    """A session with as many kept connections as workers, and `auth` set so that no `.netrc` entry can replace it.

    The read timeout of a request bounds its whole reply, first header to last byte, and not the pause between two bytes.
    """
    session = _OneHostSession()
    session.auth = auth
    session.headers["Accept-Encoding"] = "gzip"
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _TimedAdapter(pool_connections=2, pool_maxsize=pool_size, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def redirect_host(base: str, location: str | None) -> str:
    """The host that a redirect leads to, "" if it names none.

    >>> redirect_host("https://a.example/v1", "https://b.example/x"), redirect_host("https://a.example/v1", "http://[x")
    ('b.example', '')
    """
    try:
        return urlsplit(urljoin(base, location or "")).netloc
    except ValueError:
        return ""


def is_loopback(host: str | None) -> bool:
    """Whether a host name means this machine.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("acme.freshdesk.com")
    (True, True, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


class _OneHostSession(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nothing, ever: `requests` would read the body of a redirect without bounds only to know where it leads."""


class _TimedReader(io.RawIOBase):
    """The socket's bytes until `deadline`, however slowly they drip."""

    def __init__(self, raw: Any, sock: socket.socket, deadline: float) -> None:
        self._raw, self._sock, self._deadline = raw, sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - times.monotonic()
        if left <= 0:
            raise TimeoutError("the reply did not end in time")
        self._sock.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        seconds = sock.gettimeout()
        if seconds is not None:
            self.fp.close()
            raw = sock.makefile("rb", buffering=0)
            self.fp = io.BufferedReader(_TimedReader(raw, sock, times.monotonic() + seconds), 65536)


class _TimedConnection(HTTPConnection):
    response_class = _TimedResponse


class _TimedSecureConnection(HTTPSConnection):
    response_class = _TimedResponse


class _TimedPool(HTTPConnectionPool):
    ConnectionCls = _TimedConnection


class _TimedSecurePool(HTTPSConnectionPool):
    ConnectionCls = _TimedSecureConnection


class _TimedAdapter(HTTPAdapter):
    _pools: ClassVar[dict[str, Any]] = {"http": _TimedPool, "https": _TimedSecurePool}

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if is_loopback(urlsplit(request.url or "").hostname):
            kwargs["proxies"] = {}
        return super().send(request, *args, **kwargs)
