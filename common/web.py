"""What both HTTP edges share: which faults are worth another try, how long to wait, and reading a body within bounds.

Knows neither Freshdesk nor the model server, and keeps no state.
"""

import contextlib
import email.utils
import ipaddress
import random
import re
import urllib.request
import zlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timezone
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar, cast
from urllib.parse import urljoin, urlsplit

import backoff
import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectTimeout, InvalidProxyURL, InvalidSchema, InvalidURL, MissingSchema, ProxyError, SSLError
from urllib3.exceptions import HTTPError, NewConnectionError

from common import times

T = TypeVar("T")

CONNECT_TIMEOUT_S = 10.0
BASE_WAIT_S = 0.5
MAX_WAIT_S = 30.0
_EPOCH_FROM_S = 1e9  # a number this large is a moment and no time to wait
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_UNIT = r"(?:ms|milliseconds?|seconds?|secs?|s|minutes?|mins?|m|hours?|h|days?|d)(?![a-z])"
DURATION = rf"(?:[0-9]{{1,9}}(?:\.[0-9]{{1,9}})?\s?{_UNIT}\s?){{1,4}}"
_DURATION_PART = re.compile(rf"([0-9]{{1,9}}(?:\.[0-9]{{1,9}})?)\s?({_UNIT})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a server said instead of answering.

    `kind` is its code, or what the edge makes of it; `words` are fit to be shown (one line, bounded). The rest is known of model servers:
    where a refused request field would be named, their own word on waiting, and what the model wrote, where the server calls that invalid.
    """

    status: int
    kind: str
    words: str
    named: str = ""
    retry_after_s: float | None = None
    generation: str = ""

    def __str__(self) -> str:
        return f"HTTP {self.status}" + (f" {self.kind}" if self.kind else "") + (f": {self.words}" if self.words else "")


class TransientError(Exception):
    """A fault that may be gone on the next try, or was not within the tries that a call has.

    `status` is the HTTP status, None where no whole reply came; `retry_after_s` is the server's own word; `refusal` is there where the
    server said more; `unreachable`: it was there before and takes no connection now.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        refusal: Refusal | None = None,
        unreachable: bool = False,
    ) -> None:
        super().__init__(message)
        self.status, self.retry_after_s, self.refusal, self.unreachable = status, retry_after_s, refusal, unreachable


class Refused(Exception):
    """A reply that is no answer and will not become one by sending the same again."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def parse_retry_after(value: str | None, *, now: float) -> float | None:
    """Seconds to wait by a `Retry-After` header in any form that servers write; None for junk, nan and negatives.

    Seconds, a duration ("6m0s", "250ms"), an HTTP or ISO date, or a moment as seconds or milliseconds since 1970.

    >>> parse_retry_after("7", now=0), parse_retry_after("6m0s", now=0), parse_retry_after("1_000", now=0)
    (7.0, 360.0, None)
    >>> parse_retry_after("Thu, 01 Jan 1970 00:00:09 GMT", now=2), parse_retry_after("1700000030", now=1_700_000_000)
    (7.0, 30.0)
    """
    text = (value or "").strip()[:60]
    if re.fullmatch(r"[0-9]{1,15}(?:\.[0-9]{1,9})?", text):
        seconds = float(text)
        if seconds < _EPOCH_FROM_S:
            return seconds
        moment = seconds / 1000 if seconds > _EPOCH_FROM_S * 100 else seconds
    elif re.fullmatch(DURATION, text, re.IGNORECASE):
        return duration_s(text)
    else:
        try:
            moment = _moment(text).timestamp()
        except (ValueError, TypeError, OverflowError):
            return None
    return moment - now if moment >= now else None


def duration_s(text: str) -> float:
    """Seconds of a duration such as "6m0s", "1 minute" or "250ms".

    >>> duration_s("1m30s"), duration_s("20 seconds")
    (90.0, 20.0)
    """
    parts = _DURATION_PART.findall(text)
    return sum(float(number) * _UNITS_S["ms" if unit.lower().startswith(("ms", "mil")) else unit[0].lower()] for number, unit in parts)


def _moment(text: str) -> datetime:
    with contextlib.suppress(ValueError, TypeError):
        return email.utils.parsedate_to_datetime(text)
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


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
    on_wait: Callable[[float, Exception], None] = lambda _seconds, _error: None,
    give_up: Callable[[Exception], bool] = lambda _error: False,
) -> T:
    """The value of `call()`, tried up to `max_tries` times while it raises `TransientError`; then that error.

    `give_up(error)` is asked after each failed try and may end it sooner.
    """

    def tell(details: Any) -> None:
        on_wait(details["wait"], details["exception"])

    waits = cast("Callable[..., Generator[float, None, None]]", _waits)
    guarded = backoff.on_exception(waits, TransientError, max_tries=max_tries, jitter=None, giveup=give_up, on_backoff=tell, logger=None)
    return guarded(call)()


def read_body(response: requests.Response, *, deadline: float, max_bytes: int) -> bytes:
    """The whole body of a response opened with `stream=True`.

    `deadline` is a moment on `times.monotonic`; it bounds what the body brings, packed or not.
    Raises `TransientError` past the deadline or for a body cut short, `Refused` past `max_bytes` (counted after decompression).
    """
    if "," in response.headers.get("Content-Encoding", ""):
        response.close()  # each layer may unpack a thousandfold before the first count
        raise Refused(Refusal(response.status_code, "", "the reply is packed more than once"))
    packed = response.headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip")
    unpack = _Gzip() if packed else None
    parts: list[bytes] = []
    size = 0
    try:
        while part := response.raw.read1(65536, decode_content=not packed):
            part = unpack.take(part, max_bytes - size + 1) if unpack else part
            parts.append(part)
            size += len(part)
            if size > max_bytes:
                raise Refused(Refusal(response.status_code, "", f"the reply is longer than {max_bytes} bytes"))
            if times.monotonic() > deadline:
                raise TransientError("the reply did not end in time")
    except (HTTPError, OSError, zlib.error) as error:
        raise TransientError(f"the reply broke off: {type(error).__name__}") from error
    finally:
        response.close()
    if unpack and size and not unpack.whole:
        raise TransientError("the reply broke off: what it packs is not whole")
    return b"".join(parts)


class _Gzip:
    """Unpacks as the bytes come, so that what unpacks to nothing for ever meets the deadline too."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def whole(self) -> bool:
        """True once a packed file has ended."""
        return self._decoder.eof

    def take(self, data: bytes, most: int) -> bytes:
        """What `data` unpacks to, at most `most` bytes of it. Raises zlib.error."""
        found = b""
        while data and len(found) < most:
            if self._decoder.eof:  # one packed file behind the other is one text
                self._decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
            found += self._decoder.decompress(data, most - len(found))
            data = self._decoder.unused_data if self._decoder.eof else self._decoder.unconsumed_tail
        return found


Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]


def new_session(auth: Auth, *, pool_size: int) -> requests.Session:
    """A session with as many kept connections as workers, and `auth` set so that no `.netrc` entry can replace it."""
    session = _OneHostSession()
    session.auth = auth
    session.headers["Accept-Encoding"] = "gzip"
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _Adapter(pool_connections=2, pool_maxsize=pool_size, max_retries=0)
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


def why_unreachable(error: Exception, url: str) -> tuple[str, str] | None:
    """(why no connection to `url` could be made, the variable of the environment to look at or ""); None if one was made and broke."""
    if isinstance(error, ProxyError | InvalidProxyURL) or (isinstance(error, InvalidSchema) and "SOCKS" in str(error)):
        return "cannot be reached through the proxy", _proxy_variable(url)
    if isinstance(error, SSLError):
        return f"cannot be trusted (TLS: {_tls_words(str(error))})", "REQUESTS_CA_BUNDLE"
    if isinstance(error, OSError) and "CA certificate bundle" in str(error):
        return "cannot be trusted: the file of certificates is not there", "REQUESTS_CA_BUNDLE"
    if isinstance(error, ConnectTimeout):
        return "does not take a connection in time", ""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(reason, NewConnectionError):
        words = str(reason).lower()
        return ("has no address (DNS)" if "resolve" in words or "getaddrinfo" in words else "refuses the connection"), ""
    if isinstance(error, InvalidURL | InvalidSchema | MissingSchema | UnicodeError):
        return "has no valid address", ""
    return None


def _proxy_variable(url: str) -> str:
    scheme = urlsplit(url).scheme
    return f"{scheme.upper()}_PROXY" if scheme in urllib.request.getproxies() else "ALL_PROXY"


def _tls_words(text: str) -> str:
    if "WRONG_VERSION_NUMBER" in text or "EOF occurred" in text or "record layer failure" in text.lower():
        return "the server does not speak TLS; is it http:// ?"
    found = re.search(r"certificate verify failed: ([^()]{3,80})", text[:5000])
    return found[1].strip() if found else "no secure connection"


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
    """A session that looks once at what the environment says about proxies and certificates for its host, and not at every call."""

    def __init__(self) -> None:
        super().__init__()
        self._merged: dict[tuple[str, str], Any] = {}

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        host = urlsplit(url)[:2]
        if host not in self._merged:
            self._merged[host] = super().merge_environment_settings(url, proxies, stream, verify, cert)
        return {**self._merged[host], "stream": stream}

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nothing, ever: `requests` would read the body of a redirect without bounds only to know where it leads."""


class _Adapter(HTTPAdapter):
    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if is_loopback(urlsplit(request.url or "").hostname):
            kwargs["proxies"] = {}
        return super().send(request, *args, **kwargs)
