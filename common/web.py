"""What both HTTP edges share: one request and its reply within bounds, which faults are worth another try, and how long to wait.

Knows neither Freshdesk nor the model server.
"""

import email.utils
import gzip
import io
import ipaddress
import itertools
import math
import random
import re
import time
import urllib.request
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import urljoin, urlsplit

import backoff
import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectTimeout, InvalidProxyURL, InvalidSchema, InvalidURL, MissingSchema, ProxyError, ReadTimeout, SSLError
from requests.utils import default_headers
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

from common.times import seconds_of

T = TypeVar("T")

CONNECT_TIMEOUT_S = 10.0
BASE_WAIT_S = 0.5
MAX_WAIT_S = 30.0
NO_HOST = "has no address (DNS)"
CA_VARIABLE = "REQUESTS_CA_BUNDLE"
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
    server said more. Where no connection could be made, `look_at` is the variable of the environment that may be to blame, or "".
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        refusal: Refusal | None = None,
        look_at: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.retry_after_s, self.refusal, self.look_at = status, retry_after_s, refusal, look_at


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
        moment = _http_date(text) or seconds_of(text)
    return moment - now if now <= moment < math.inf else None


def retry_after_s(response: requests.Response) -> float | None:
    """What a reply's `Retry-After` asks to wait; a date counts from the server's own clock, since this machine's may be wrong."""
    return parse_retry_after(response.headers.get("Retry-After"), now=server_time(response) or time.time())


def server_time(response: requests.Response) -> float | None:
    """The server's clock when it answered, in seconds since 1970; None if it did not say."""
    return _http_date(response.headers.get("Date", ""))


def _http_date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text[:40]).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def duration_s(text: str) -> float:
    """Seconds of a duration such as "6m0s", "1 minute" or "250ms".

    >>> duration_s("1m30s"), duration_s("20 seconds")
    (90.0, 20.0)
    """
    parts = _DURATION_PART.findall(text)
    return sum(float(number) * _UNITS_S["ms" if unit.lower().startswith(("ms", "mil")) else unit[0].lower()] for number, unit in parts)


def backoff_wait_s(attempt: int, *, draw: Callable[[], float] = random.random) -> float:
    """Seconds before try number `attempt` + 1 when the server named none: full-jitter exponential."""
    return draw() * min(MAX_WAIT_S, BASE_WAIT_S * 2.0 ** min(attempt, 30))


def _waits() -> Generator[float, TransientError, None]:
    """Wait generator for `backoff`, which sends the exception in: the server's word first, else exponential."""
    error = yield 0.0
    for attempt in itertools.count():
        error = yield backoff_wait_s(attempt) if error.retry_after_s is None else error.retry_after_s


def retrying(
    call: Callable[[], T],
    *,
    give_up: Callable[[TransientError], bool],
    on_wait: Callable[[float, TransientError], None] = lambda _seconds, _error: None,
) -> T:
    """The value of `call()`, tried again while it raises `TransientError`, until `give_up(error)` after a failed try; then that error."""
    guarded = backoff.on_exception(
        cast("Callable[..., Generator[float, None, None]]", _waits),
        TransientError,
        jitter=None,
        giveup=cast("Callable[[Exception], bool]", give_up),
        on_backoff=lambda details: on_wait(details["wait"], cast(Any, details)["exception"]),
        logger=None,
    )
    return guarded(call)()


class Http:
    """Kept connections to one server, as many as workers: a request goes out, the reply comes in within bounds of time and size.

    Follows no redirect and keeps no cookie; no `.netrc` entry replaces `headers`, and no proxy stands before this machine.
    """

    def __init__(self, url: str, headers: Mapping[str, str], *, pool_size: int) -> None:
        self._headers = {**default_headers(), "Accept-Encoding": "gzip", **headers}
        surroundings = requests.Session().merge_environment_settings(url, {}, None, True, None)  # proxies and certificates, looked up once
        self._proxies = {} if is_loopback(urlsplit(url).hostname) else surroundings["proxies"]
        self._verify = surroundings["verify"] or True
        self._adapter = HTTPAdapter(pool_connections=2, pool_maxsize=pool_size, max_retries=0)

    def send(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float,
        max_bytes: int,
        params: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> tuple[requests.Response, bytes]:
        """The reply and its body, unpacked; b"" for the body of a refusal that broke off, which is known by its status.

        `timeout_s` bounds the whole call. Raises `TransientError` for no reply or a part of one, `Refused` past `max_bytes`.
        """
        deadline = time.monotonic() + timeout_s
        timeout = (min(CONNECT_TIMEOUT_S, timeout_s), timeout_s)
        try:
            request = requests.Request(method, url, headers=self._headers, params=params, data=data).prepare()
            response = self._adapter.send(request, stream=True, timeout=timeout, verify=self._verify, proxies=self._proxies)
        except (OSError, UnicodeError) as error:
            raise _no_reply(error, url, timeout_s) from error
        try:
            return response, _read_body(response, deadline=deadline, max_bytes=max_bytes)
        except (HTTPError, OSError, EOFError, zlib.error) as error:
            if response.status_code >= 300:
                return response, b""
            late = isinstance(error, TimeoutError | ReadTimeoutError)
            raise TransientError(
                f"no whole reply within {timeout_s:g} s" if late else f"the reply broke off: {type(error).__name__}"
            ) from error
        finally:
            response.close()


def _read_body(response: requests.Response, *, deadline: float, max_bytes: int) -> bytes:
    """The whole body of a response opened with `stream=True`, in whatever small pieces it comes. Raises `Refused` and what breaks."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if "," in encoding:  # each layer may unpack a thousandfold before the first count
        raise Refused(Refusal(response.status_code, "", "the reply is packed more than once"))
    body = b"".join(_pieces(response, deadline=deadline, max_bytes=max_bytes))
    if encoding in ("gzip", "x-gzip") and body:
        body = gzip.GzipFile(fileobj=io.BytesIO(body)).read(max_bytes + 1)
    elif encoding == "deflate" and body:  # not asked for, but some proxies pack so; with a zlib head or without
        body = zlib.decompressobj(15 if body[0] & 15 == 8 else -15).decompress(body, max_bytes + 1)
    if len(body) > max_bytes:
        raise Refused(Refusal(response.status_code, "", f"the reply is longer than {max_bytes} bytes"))
    return body


def _pieces(response: requests.Response, *, deadline: float, max_bytes: int) -> Iterator[bytes]:
    """The body as it comes, packed or not, and no more of it than shows that it is too long."""
    size = 0
    while size <= max_bytes and (piece := response.raw.read1(65536, decode_content=False)):
        size += len(piece)
        if time.monotonic() > deadline:
            raise TimeoutError
        yield piece


def redirect_host(base: str, location: str | None) -> str:
    """The host that a redirect leads to, "" if it names none.

    >>> redirect_host("https://a.example/v1", "https://b.example/x"), redirect_host("https://a.example/v1", "http://[x")
    ('b.example', '')
    """
    try:
        return urlsplit(urljoin(base, location or "")).netloc
    except ValueError:
        return ""


def _no_reply(error: Exception, url: str, timeout_s: float) -> TransientError:
    """What it means that no reply came: no connection could be made, or one was made and broke."""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    words = str(reason).lower()
    if isinstance(error, ProxyError | InvalidProxyURL) or (isinstance(error, InvalidSchema) and "SOCKS" in str(error)):
        return TransientError("cannot be reached through the proxy", look_at=_proxy_variable(url))
    if isinstance(error, SSLError):
        return TransientError(f"cannot be trusted (TLS: {_tls_words(str(error))})", look_at=CA_VARIABLE)
    if "CA certificate bundle" in str(error):
        return TransientError("cannot be trusted: the file of certificates is not there", look_at=CA_VARIABLE)
    if isinstance(error, ConnectTimeout):
        return TransientError("does not take a connection in time", look_at="")
    if isinstance(error, InvalidURL | InvalidSchema | MissingSchema | UnicodeError):
        return TransientError("has no valid address", look_at="")
    if isinstance(reason, NewConnectionError):
        unknown = "resolve" in words or "getaddrinfo" in words
        return TransientError(NO_HOST if unknown else "refuses the connection", look_at="")
    late = isinstance(error, ReadTimeout)
    return TransientError(f"no whole reply within {timeout_s:g} s" if late else f"no reply: {type(error).__name__}")


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
