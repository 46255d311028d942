"""The HTTP edge of a model server: one POST with a deadline, and every trouble as a named error.

Knows URLs, keys and replies; no prompts, no retries, no learning. Follows no redirect (the key and the text would travel on) and keeps
the key out of `.netrc`'s reach, of logs and of errors.
"""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from urllib3.exceptions import NewConnectionError

from common import times, web
from common.errors import Stopped
from common.web import TransientError, redirect_host
from llm.refusals import Refusal, ServerRefused, error_in_answer, read_refusal, shown

log = logging.getLogger(__name__)

MAX_REPLY_BYTES = 20_000_000
LIST_TIMEOUT_S = 10.0
_MAX_LOGGED_CHARS = 200_000
_CONTEXT_NAMES = ("max_model_len", "context_length", "context_window", "max_context_length", "n_ctx", "n_ctx_train", "inputTokenLimit")
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Server:
    """Where the model is and what the user said about it. Times in seconds, prices in USD per million tokens."""

    base_url: str
    api_key: str = field(repr=False)
    model: str
    timeout_s: float = 120.0
    temperature: float | None = None
    max_tokens: int | None = None
    price_in: float | None = None
    price_cached: float | None = None
    price_out: float | None = None


def endpoint(base_url: str, name: str = "chat/completions") -> str:
    """The address of one of the API's calls; a base URL may end in a call itself, and its query string is kept.

    >>> endpoint("https://a.example/v1/"), endpoint("https://a.example/openai/chat/completions?api-version=1", "embeddings")
    ('https://a.example/v1/chat/completions', 'https://a.example/openai/embeddings?api-version=1')
    """
    parts = urlsplit(base_url)
    root = re.sub(r"/(?:chat/completions|embeddings)$", "", parts.path.rstrip("/")).rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, f"{root}/{name}", parts.query, ""))


class Connection:
    """Kept connections to one server; used by many threads.

    `replied` says whether any HTTP reply has come, `answered` whether a completion has: a fault before the first is a setting's, after it
    is the network's.
    """

    def __init__(self, server: Server, *, pool_size: int = 4, setting: str = "LLM_API_BASE_URL") -> None:
        self.server = server
        self.replied = False
        self.answered = False
        self._setting = setting
        self._host = urlsplit(server.base_url).netloc
        self._session = web.new_session(self._signed, pool_size=pool_size)

    def complete(self, payload: Mapping[str, Any], *, timeout_s: float | None = None) -> dict[str, Any]:
        """The whole reply to a chat completion; see `post` for what it raises."""
        body = self.post(endpoint(self.server.base_url), payload, timeout_s=timeout_s)
        if isinstance(body.get("choices"), list) and body["choices"]:
            self.answered = True
            return body
        if not self.answered and not {"choices", "id", "object", "model", "usage"} & body.keys():
            raise self._stop("answers, but not as a chat-completions API does")
        raise TransientError("the reply holds no choices", status=200)

    def post(self, url: str, payload: Mapping[str, Any], *, timeout_s: float | None = None) -> dict[str, Any]:
        """The JSON object that came back; `timeout_s` bounds the whole call, the server's own setting if None.

        Raises `TransientError` (worth another try), `ServerRefused` (not without a change), `Stopped` (no server to talk to).
        """
        data = _utf8({"model": self.server.model, **payload})
        if log.isEnabledFor(logging.DEBUG):
            log.debug("request: %s", self._without_key(data))
        status, headers, body = self._exchange(url, data, timeout_s or self.server.timeout_s)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("reply %d: %s", status, self._without_key(body))
        if not 200 <= status < 300:
            self._refuse(read_refusal(status, body, headers, secret=self.server.api_key, now=times.wall()), headers)
        return self._object(body)

    def get(self, name: str) -> Any:
        """The JSON value of one of the API's lists, such as "models"; None where this server has none or does not answer."""
        try:
            response = self._session.get(endpoint(self.server.base_url, name), timeout=LIST_TIMEOUT_S, stream=True, allow_redirects=False)
            body = web.read_body(response, deadline=times.monotonic() + LIST_TIMEOUT_S, max_bytes=MAX_REPLY_BYTES)
            return json.loads(body) if response.status_code == 200 else None
        except (requests.RequestException, OSError, ValueError, RecursionError, TransientError, web.BodyTooLarge):
            return None

    def _exchange(self, url: str, data: bytes, timeout_s: float) -> tuple[int, Mapping[str, str], bytes]:
        deadline = times.monotonic() + timeout_s
        timeout = (min(web.CONNECT_TIMEOUT_S, timeout_s), timeout_s)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        try:
            response = self._session.post(url, data=data, headers=headers, timeout=timeout, stream=True, allow_redirects=False)
            self.replied = True
            return response.status_code, response.headers, web.read_body(response, deadline=deadline, max_bytes=MAX_REPLY_BYTES)
        except (requests.ReadTimeout, TransientError) as error:
            if isinstance(error, TransientError) and times.monotonic() < deadline:
                raise
            raise TransientError(f"no whole reply within {timeout_s:g} s", status=408) from error
        except (requests.RequestException, UnicodeError) as error:
            raise self._connection_fault(error) from error
        except web.BodyTooLarge as error:
            raise TransientError(str(error), status=200) from error

    def _connection_fault(self, error: Exception) -> Exception:
        """A setting's fault while no reply has ever come and the server cannot be reached; else one that may pass."""
        if isinstance(error, requests.exceptions.InvalidHeader):
            return Stopped("LLM_API_KEY holds a character that no header can carry: copy the key again")
        what = _unreachable(error)
        if what is None:
            return TransientError(f"the connection broke ({type(error).__name__})")
        return Unreachable(f"it {what}") if self.replied else self._stop(what)

    def _refuse(self, refusal: Refusal, headers: Mapping[str, str]) -> None:
        if 300 <= refusal.status < 400:
            target = redirect_host(self.server.base_url, headers.get("Location"))
            raise self._stop(f"redirects to {shown(target, secret=self.server.api_key) or 'nowhere'}, which is not followed")
        if refusal.kind == "transient":
            words = f"HTTP {refusal.status}: {refusal.words}"
            raise ServerFault(words, refusal) if refusal.status in (500, 501) else _transient(words, refusal)
        raise ServerRefused(refusal)

    def _object(self, body: bytes) -> dict[str, Any]:
        try:
            value = json.loads(body)
        except (ValueError, RecursionError) as error:
            if body.lstrip()[:1] == b"<" and not self.answered:
                raise self._stop(
                    f"answers with a web page, not an API: {shown(body[:3000].decode('utf-8', 'replace'), secret='')[:80]!r}"
                ) from error
            raise TransientError("the reply is not JSON", status=200) from error
        refusal = error_in_answer(value, secret=self.server.api_key)
        if refusal is not None:
            self._refuse(refusal, {})
        if not isinstance(value, dict):
            raise TransientError("the reply is not a JSON object", status=200)
        return value

    def _stop(self, what: str) -> Stopped:
        return Stopped(f"model server {self._host} {what}: check {self._setting}")

    def _signed(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        host, path = urlsplit(self.server.base_url).hostname or "", urlsplit(self.server.base_url).path
        azure = host.endswith(".azure.com")
        if azure or "/openai/deployments/" in path:
            request.headers["api-key"] = self.server.api_key
        if not azure:
            request.headers["Authorization"] = f"Bearer {self.server.api_key}"
        return request

    def _without_key(self, data: bytes) -> str:
        text = data.decode("utf-8", "replace")[:_MAX_LOGGED_CHARS]
        return text.replace(self.server.api_key, "[key]") if len(self.server.api_key) >= 6 else text


def context_tokens(listed: Any, model: str) -> int | None:
    """What a list of models says about the context of one, under the names that vLLM, OpenRouter, Groq, Mistral and llama.cpp use.

    >>> context_tokens({"data": [{"id": "m", "max_model_len": 8192}]}, "m")
    8192
    """
    items = listed.get("data") if isinstance(listed, dict) else listed
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict) or model not in (item.get("id"), item.get("name")):
            continue
        meta = item.get("meta")
        places = {**(meta if isinstance(meta, dict) else {}), **item}
        sizes = [places[name] for name in _CONTEXT_NAMES if type(places.get(name)) is int and places[name] > 0]
        return min(sizes, default=None)
    return None


class Unreachable(TransientError):
    """A server that was there before takes no connection now."""


class ServerFault(TransientError):
    """A 500 that may pass, or may mean a request field that this server does not know."""

    def __init__(self, message: str, refusal: Refusal) -> None:
        super().__init__(message, status=refusal.status, retry_after_s=refusal.retry_after_s)
        self.refusal = refusal


def _transient(words: str, refusal: Refusal) -> TransientError:
    return TransientError(words, status=refusal.status, retry_after_s=refusal.retry_after_s)


def _utf8(payload: Mapping[str, Any]) -> bytes:
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False)
    return _SURROGATES.sub("\ufffd", text).encode()


def _unreachable(error: Exception) -> str | None:
    """Why no connection could be made, in words; None if one was made and broke."""
    if isinstance(error, requests.exceptions.ProxyError):
        return "cannot be reached through the proxy that HTTPS_PROXY or HTTP_PROXY names"
    if isinstance(error, requests.exceptions.SSLError):
        return f"cannot be trusted (TLS: {_tls_words(error)})"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "does not take a connection in time"
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(reason, NewConnectionError):
        words = str(reason).lower()
        return "has no address (DNS)" if "resolve" in words or "getaddrinfo" in words else f"refuses the connection ({_cause(reason)})"
    if isinstance(
        error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | requests.exceptions.MissingSchema | UnicodeError
    ):
        return "has no valid address"
    return None


def _cause(error: Exception) -> str:
    text = str(error.__cause__ or error)
    return shown(text.rsplit(": ", 1)[-1], secret="")[:80]


def _tls_words(error: Exception) -> str:
    text = shown(str(error), secret="")
    found = re.search(r"certificate verify failed: ([^()]{3,80})|WRONG_VERSION_NUMBER|EOF occurred", text)
    if found is None:
        return "no secure connection"
    return found[1].strip() if found[1] else "the server does not speak TLS; is it http:// ?"
