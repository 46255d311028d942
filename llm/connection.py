"""The HTTP edge of a model server: one POST with a deadline, and every trouble as a named error.

Knows URLs, keys and replies; no prompts, no retries, no learning. Follows no redirect (the key and the text would travel on), and takes
every secret out of what comes back before anyone sees it.
"""

import json
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests

from common.errors import Stopped
from common.text import valid, without_secrets
from common.web import CA_VARIABLE, Http, Refusal, Refused, TransientError, redirect_host
from llm.completion import from_events
from llm.refusals import error_in_answer, read_refusal, shown

log = logging.getLogger(__name__)

MAX_REPLY_BYTES = 20_000_000
LIST_TIMEOUT_S = 10.0
_MAX_LOGGED_CHARS = 200_000
_CONTEXT_NAMES = ("max_model_len", "context_length", "context_window", "max_context_length", "n_ctx", "n_ctx_train", "inputTokenLimit")


@dataclass(frozen=True, slots=True)
class Server:
    """Where the model is and what the user said about it. Times in seconds, prices in USD per million tokens.

    `extra_body` are further fields of every question, `secrets` all keys that the program holds.
    """

    base_url: str
    api_key: str = field(repr=False)
    model: str
    timeout_s: float = 120.0
    temperature: float | None = None
    max_tokens: int | None = None
    price_in: float | None = None
    price_cached: float | None = None
    price_out: float | None = None
    extra_body: Mapping[str, Any] | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


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
        self._secrets = (server.api_key, *server.secrets)
        headers = {"Content-Type": "application/json", "Accept": "application/json", **key_headers(server)}
        self._http = Http(server.base_url, headers, pool_size=pool_size)

    def complete(self, payload: Mapping[str, Any], *, timeout_s: float | None = None) -> dict[str, Any]:
        """The whole reply to a chat completion; see `post` for what it raises."""
        body = self.post("chat/completions", {**payload, **(self.server.extra_body or {})}, timeout_s=timeout_s)
        if isinstance(body.get("choices"), list) and body["choices"]:
            self.answered = True
            return body
        if not self.answered and not {"choices", "id", "object", "model", "usage"} & body.keys():
            raise self._stop("answers, but not as a chat-completions API does")
        raise TransientError("the reply holds no choices", status=200)

    def post(self, name: str, payload: Mapping[str, Any], *, timeout_s: float | None = None) -> dict[str, Any]:
        """The JSON object that one of the API's calls gives; `timeout_s` bounds the whole call, the server's own setting if None.

        Raises `TransientError` (worth another try), `Refused` (not without a change), `Stopped` (no server to talk to).
        """
        data = valid(json.dumps({"model": self.server.model, **payload}, ensure_ascii=False, allow_nan=False))
        if log.isEnabledFor(logging.DEBUG):
            log.debug("request: %s", without_secrets(data, self._secrets)[:_MAX_LOGGED_CHARS])
        try:
            response, text = self._exchange("POST", name, data=data.encode(), timeout_s=timeout_s or self.server.timeout_s)
        except TransientError as error:
            if error.look_at is None or self.replied:
                raise
            raise self._stop(str(error), error.look_at) from error
        log.debug("reply %d: %s", response.status_code, text[:_MAX_LOGGED_CHARS])
        if not 200 <= response.status_code < 300:
            raise self._refusal(read_refusal(response.status_code, text, response.headers, now=time.time()), response.headers)
        return self._object(text)

    def get(self, name: str) -> Any:
        """The JSON value of one of the API's lists, such as "models"; None where this server has none or does not answer."""
        try:
            response, text = self._exchange("GET", name, timeout_s=LIST_TIMEOUT_S)
            return json.loads(text) if response.status_code == 200 else None
        except (ValueError, RecursionError, TransientError, Refused):
            return None

    def _exchange(self, method: str, name: str, *, timeout_s: float, data: bytes | None = None) -> tuple[requests.Response, str]:
        """The reply and its text without any of our secrets: the one way by which a server's words get in."""
        url = endpoint(self.server.base_url, name)
        response, body = self._http.send(method, url, data=data, timeout_s=timeout_s, max_bytes=MAX_REPLY_BYTES)
        self.replied = True
        return response, without_secrets(body.decode("utf-8-sig", "replace"), self._secrets)

    def _refusal(self, refusal: Refusal, headers: Mapping[str, str]) -> Exception:
        if 300 <= refusal.status < 400:
            target = shown(without_secrets(redirect_host(self.server.base_url, headers.get("location")), self._secrets))
            return self._stop(f"redirects to {target or 'nowhere'}, which is not followed")
        if refusal.kind != "transient":
            return Refused(refusal)
        words = f"HTTP {refusal.status}: {refusal.words}"
        return TransientError(words, status=refusal.status, retry_after_s=refusal.retry_after_s, refusal=refusal)

    def _object(self, text: str) -> dict[str, Any]:
        try:
            value = from_events(text) if text.startswith(("data:", "event:", ":")) else json.loads(text)
        except (ValueError, RecursionError) as error:
            if text.lstrip()[:1] == "<" and not self.answered:
                raise self._stop(f"answers with a web page, not an API: {shown(text[:3000])[:80]!r}") from error
            raise TransientError("the reply is not JSON", status=200) from error
        if "\\u00" in text:  # a secret may have been spelled with escapes
            value = json.loads(without_secrets(json.dumps(value, ensure_ascii=False), self._secrets))
        refusal = error_in_answer(value)
        if refusal is not None:
            raise self._refusal(refusal, {})
        if not isinstance(value, dict):
            raise TransientError("the reply is not a JSON object", status=200)
        return value

    def _stop(self, what: str, look_at: str = "") -> Stopped:
        look_at += " in the environment (it may name your own CA's file)" if look_at == CA_VARIABLE else ""
        return Stopped(f"model server {self._host} {what}: check {self._setting}{f' and {look_at}' if look_at else ''}")


def key_headers(server: Server) -> dict[str, str]:
    """The headers that carry the key: Azure and its deployments have one of their own, all but Azure take a bearer token."""
    parts = urlsplit(server.base_url)
    azure = (parts.hostname or "").endswith(".azure.com")
    own = {"api-key": server.api_key} if azure or "/openai/deployments/" in parts.path else {}
    return own if azure else {**own, "Authorization": f"Bearer {server.api_key}"}


def context_tokens(listed: Any, model: str) -> int | None:
    """What a list of models says about the context of one, under the names that vLLM, OpenRouter, Groq, Mistral and llama.cpp use.

    >>> context_tokens({"data": [{"id": "m", "max_model_len": 8192}]}, "m")
    8192
    """
    items = listed.get("data") if isinstance(listed, dict) else listed
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and model in (item.get("id"), item.get("name")):
            meta = item.get("meta")
            places = {**(meta if isinstance(meta, dict) else {}), **item}
            return min((places[name] for name in _CONTEXT_NAMES if type(places.get(name)) is int and places[name] > 0), default=None)
    return None
