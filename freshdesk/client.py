"""One authenticated GET to one Freshdesk account: limit, retries, bounds, and what each kind of refusal means.

Follows no redirect, sends the key to no other host, and lets it into no message or log. Knows nothing of what the answers hold.
"""

import base64
import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

from common import web
from common.errors import Stopped
from common.text import for_terminal, without_secrets
from common.web import CA_VARIABLE, NO_HOST, Refusal, Refused, TransientError
from freshdesk.limits import OnWait, RateGate

logger = logging.getLogger("data_fetcher")

REPLY_TIMEOUT_S = 30.0
CALL_DEADLINE_S = 60.0  # no further try once a call has spent this long; waiting that the helpdesk asked for does not count
MAX_FAULTS = 5
MAX_TRIES = 30  # together with the times when the helpdesk said how long to wait
MAX_WAIT_ASKED_S = 6 * 3600.0  # the longest limit known is by the hour
MAX_BODY_BYTES = 50_000_000
MAX_LOST_CALLS = 10
LOGGED_CHARS = 2000
ACCOUNT_NAME = "the NAME of NAME.freshdesk.com, see Admin > Account"
NO_JSON = "the reply is a web page (a login page, a portal or a proxy) and no data"

# These speak of the key or the account and not of the ticket that was asked for.
_ACCOUNT_CODES = frozenset({"invalid_credentials", "password_lockout", "account_suspended", "inactive_account", "ssl_required"})


@dataclass(frozen=True, slots=True)
class Reply:
    """The value of a JSON reply, whether a Link header names a next page, and the helpdesk's clock (seconds since 1970) if it told."""

    value: Any
    has_next: bool
    at: float | None = None


class FreshdeskClient:
    """GETs of one account, for as many threads as there are; they share one gate, one pool of connections and one fate."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        pool_size: int = 8,
        rate_share: float = 0.8,
        rate_window_s: float = 60.0,
        on_wait: OnWait | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._host = urlsplit(base_url).netloc.lower()
        basic = base64.b64encode(f"{api_key}:X".encode()).decode("ascii")  # HTTP Basic with the key as user name

        def hide(text: str) -> str:  # a function shows neither in a log
            return without_secrets(text, (basic, api_key))

        self._hide = hide
        self._http = web.Http(base_url, {"Authorization": f"Basic {basic}"}, pool_size=pool_size)
        self._gate = RateGate(share=rate_share, window_s=rate_window_s, on_wait=on_wait or _log_wait)
        self._lock = threading.Lock()
        self._lost_calls = 0
        self._ever_answered = self._speaks_json = False
        self.archive_refused = False  # the plan has no archive: asking again would only cost credits

    @property
    def limit(self) -> float | None:
        """Credits that the account has in each window, once a reply has said so."""
        return self._gate.total

    def get(self, path: str, *, expect: type, credits: float, params: dict[str, str] | None = None) -> Reply:
        """The JSON reply to GET `path` under /api/v2, of type `expect`.

        Raises `Refused` for a reply that says no, `TransientError` when the tries are used up, `Stopped` when no call makes sense any more.
        """
        call = _Call(path=path, params=params or {}, expect=expect, credits=credits)
        try:
            reply = web.retrying(lambda: self._try(call), on_wait=self._heed, give_up=call.is_spent)
        except TransientError as error:
            raise self._lost(call, error) from error
        self._lost_calls = 0
        return reply

    def scrub(self, text: object) -> str:
        """What the helpdesk said, fit for a line of a log or message and without the key, should it repeat it."""
        return for_terminal(self._hide(str(text)))

    def _try(self, call: "_Call") -> Reply:
        started = self._gate.enter(call.credits)
        headers = None
        try:
            response, body = self._exchange(call)
            headers = response.headers
            return self._judge(call, response, body)
        finally:
            call.spent_s += time.monotonic() - started
            self._gate.leave(call.credits, headers, started=started)

    def _exchange(self, call: "_Call") -> tuple[requests.Response, bytes]:
        url = f"{self.base_url}/api/v2/{call.path}"
        try:
            response, body = self._http.send("GET", url, params=call.params, timeout_s=call.timeout_s(), max_bytes=MAX_BODY_BYTES)
        except TransientError as error:
            if error.look_at:
                own_ca = f"check FRESHDESK_DOMAIN, or name your own CA in {CA_VARIABLE}"
                next_step = own_ca if error.look_at == CA_VARIABLE else f"check {error.look_at} in the environment"
                raise self._stopped(f"{self._host} {error}", next_step) from error
            if str(error) == NO_HOST and not self._ever_answered:
                raise self._stopped(f"there is no host {self._host}, or no network", f"check FRESHDESK_DOMAIN: {ACCOUNT_NAME}") from error
            raise
        self._ever_answered = True
        if logger.isEnabledFor(logging.DEBUG):
            text = self.scrub(body.decode("utf-8", "replace"))[:LOGGED_CHARS]
            logger.debug("GET %s %s -> %s %s", call.path, call.params, response.status_code, text)
        return response, body

    def _judge(self, call: "_Call", response: requests.Response, body: bytes) -> Reply:
        status = response.status_code
        if status == 429 or status == 408 or status >= 500:
            raise self._passing(status, web.retry_after_s(response))
        if 300 <= status < 400:
            target = self.scrub(web.redirect_host("", response.headers.get("Location")) or "another page")
            raise self._stopped(f"{self._host} redirects to {target}", f"FRESHDESK_DOMAIN must be {ACCOUNT_NAME}")
        if status >= 400:
            raise self._refusal(status, body)
        try:
            value = json.loads(body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            page = b"<html" in body[:LOGGED_CHARS].lower()
            raise TransientError(NO_JSON if page else "the reply is not JSON", status=status) from error
        if status != 200 or not isinstance(value, call.expect):
            raise TransientError("the reply is JSON of another form than asked for", status=status)
        self._speaks_json = True
        return Reply(value, has_next="next" in response.links, at=web.server_time(response))

    def _passing(self, status: int, asked_s: float | None) -> Exception:
        if asked_s is not None and asked_s > MAX_WAIT_ASKED_S:
            return self._stopped(f"{self._host} asks to wait {asked_s / 3600:.0f} hours (HTTP {status})", "start again then")
        if status == 429:
            self._gate.hold(asked_s or 0.0)  # before this call leaves the gate to another
        return TransientError(f"HTTP {status}", status=status, retry_after_s=asked_s)

    def _refusal(self, status: int, body: bytes) -> Exception:
        code, words = _said(body)
        code, words = self.scrub(code), self.scrub(words)[:500]
        if status == 401 or code in _ACCOUNT_CODES:
            said = f" ({words or code})" if words or code else ""
            return self._stopped(f"{self._host} refuses the key: HTTP {status}{said}", "check FRESHDESK_API_KEY and its agent")
        return Refused(Refusal(status, code, words))

    def _heed(self, seconds: float, error: TransientError) -> None:
        if error.status == 429 or error.retry_after_s is not None:
            self._gate.hold(seconds)  # the helpdesk means the account and not this call, so it is everybody's wait
        logger.debug("again in %.1f s: %s", seconds, error)

    def _lost(self, call: "_Call", error: TransientError) -> Exception:
        """What it means that a call is given up: its own failure, or an outage when nothing else works either."""
        with self._lock:
            self._lost_calls += 1
            outage = not self._ever_answered or self._lost_calls >= MAX_LOST_CALLS
        if NO_JSON in str(error) and not self._speaks_json:
            return self._stopped(f"{self._host}: {error}", f"check FRESHDESK_DOMAIN: {ACCOUNT_NAME}")
        if outage:
            return self._stopped(f"{self._host} does not answer (last: {error})", "try again later; what is done is kept")
        return TransientError(f"no usable reply after {call.tries} tries (last: {error})")

    def _stopped(self, what: str, next_step: str) -> Stopped:
        """The error that ends the run; from here on no thread starts a call."""
        return self._gate.close(Stopped(f"Freshdesk: {what}; {next_step}"))


@dataclass(slots=True)
class _Call:
    """One GET over all its tries: what is asked for, and what it has cost in time and faults."""

    path: str
    params: dict[str, str]
    expect: type
    credits: float
    tries: int = 0
    faults: int = 0
    spent_s: float = 0.0

    def timeout_s(self) -> float:
        return max(0.1, min(REPLY_TIMEOUT_S, CALL_DEADLINE_S - self.spent_s))

    def is_spent(self, error: TransientError) -> bool:
        """Whether the failed try was the last; a wait that the helpdesk asked for is not the call's fault."""
        self.tries += 1
        self.faults += error.retry_after_s is None
        return self.faults >= MAX_FAULTS or self.tries >= MAX_TRIES or self.spent_s >= CALL_DEADLINE_S


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _said(body: bytes) -> tuple[str, str]:
    """Code and words of an error reply, both empty for one without (a 404 often has no body at all)."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(value, dict):
        return "", ""
    words = [str(value[key]) for key in ("description", "message") if value.get(key)]
    errors = value.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            words.append(" ".join(str(error[key]) for key in ("field", "message") if error.get(key)))
    return str(value.get("code") or ""), "; ".join(words)


def _log_wait(seconds: float, why: str) -> None:
    logger.info("waiting %.0f s: %s", seconds, why)
