"""The HTTP session of both edges: one key, one host, and replies that must end in time, their headers included.

It never follows a redirect, keeps no cookies, takes nothing from `.netrc`, sends nothing through a proxy to this machine itself,
and does not retry: that is `http_retry`'s.
"""

import http.client
import io
import ipaddress
import socket
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

import clock

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
        left = self._deadline - clock.monotonic()
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
            self.fp = io.BufferedReader(_TimedReader(raw, sock, clock.monotonic() + seconds), 65536)


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
