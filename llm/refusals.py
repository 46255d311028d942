"""Reading a server's refusal: the six shapes of error body, and what kind of trouble it is.

Pure. Decides by status, `code` and `type`; a message is looked at only for a few fixed phrases and only at its beginning, because error
bodies echo prompts. Changes nothing and waits for nothing.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from common.web import parse_retry_after

Kind = Literal["transient", "key", "quota", "model", "path", "context", "filtered", "generation", "request", "long_wait"]
STOPPING: frozenset[Kind] = frozenset({"key", "quota", "model", "path", "long_wait"})
LONGEST_WAIT_S = 120.0
MAX_WORDS_CHARS = 300
SMALLEST_ANSWER_TOKENS = 256
_PHRASES_WITHIN = 600  # characters of a message in which a phrase is the server's own and not an echoed prompt
_TRANSIENT = frozenset({408, 409, 425, 429, *range(500, 600)})

_CODES: tuple[tuple[Kind, str], ...] = (
    ("quota", r"insufficient_quota|billing_hard_limit_reached|billing_not_active|insufficient_funds|insufficient_balance|quota_exhausted"
              r"|spend_limit_reached|spending_limit_exceeded|payment_required|insufficient_credits|access_terminated"),
    ("key", r"invalid_api_key|api_key_invalid|authentication_error|invalid_authentication|unauthorized|unauthenticated|permission_denied"),
    ("model", r"model_not_found|deploymentnotfound|model_not_available|invalid_model|unknown_model"),
    ("context", r"context_length_exceeded|context_window_exceeded|exceed_context_size_error|string_above_max_length|request_too_large"
                r"|prompt_too_long"),
    ("filtered", r"content_filter|content_policy_violation|responsibleaipolicyviolation|moderation_blocked|content_moderation"
                 r"|prompt_blocked"),
    ("generation", r"json_validate_failed|output_parse_failed|tool_use_failed"),
)  # fmt: skip
_PHRASES: tuple[tuple[Kind, str], ...] = (
    ("quota", r"credit balance is too low|insufficient (?:balance|funds|credits?|quota)|exceeded your current quota|spend(?:ing)? limit"
              r"|out of credits|billing (?:hard )?limit|payment required"),
    ("key", r"api key not valid|(?:invalid|incorrect|missing|no) api[ _-]?key"),
    ("context", r"maximum context length|context (?:length|window|size)|prompt is too long|input is too long|too many (?:input )?tokens"
                r"|input token count|reduce the length|prompt contains too many|context (?:the )?overflow"
                r"|exceeds? the (?:model'?s? )?(?:maximum|available) (?:context|input)"),
    ("path", r"unexpected endpoint|(?:no such|unknown|invalid) (?:route|endpoint|path|url)|unknown request url|cannot post"),
    ("filtered", r"content (?:management )?policy|flagged (?:by|for|as)|safety (?:system|filter)|content filter|moderation"),
    ("model", r"model\b.{0,120}?(?:not found|does not exist|not exist|not available|not supported|is unknown|unknown)"
              r"|(?:unknown|invalid|no such|unsupported) model\b|not a valid model"),
)  # fmt: skip
_MESSAGE_ONLY_WHEN: Mapping[Kind, frozenset[int]] = {
    "quota": frozenset({400, 402, 403, 429}),
    "key": frozenset({400, 401, 403}),
    "context": frozenset({400, 413, 422, 500}),
    "path": frozenset({400, 404, 405, 500}),
    "filtered": frozenset({400, 403, 422, 451}),
    "model": frozenset({400, 403, 404, 422}),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a server said instead of answering.

    `words` are fit to be shown (one line, bounded, no key); `named` is where a refused request field would be named; `retry_after_s` is
    its own word on waiting.
    """

    status: int
    kind: Kind
    words: str
    named: str = ""
    retry_after_s: float | None = None


class ServerRefused(Exception):
    """A reply that is no answer and will not become one by sending the same again."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.words)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class _ErrorBody:
    codes: str = ""
    message: str = ""
    param: str = ""
    retry_after_s: float | None = None


def read_refusal(status: int, body: bytes, headers: Mapping[str, str], *, secret: str, now: float) -> Refusal:
    """What a reply with an error status means. `now` is seconds since 1970, `secret` is kept out of the words."""
    error = _error_body(_parsed(body))
    asked = server_wait_s(headers, now=now)
    asked = error.retry_after_s if asked is None else asked
    words = shown(error.message or error.codes, secret=secret) or f"HTTP {status} without an explanation"
    named = f"{error.param}\n{error.message[:_PHRASES_WITHIN]}"
    return Refusal(status, _kind(status, error, asked), words, named=named, retry_after_s=asked)


def error_in_answer(body: Any, *, secret: str) -> Refusal | None:
    """The refusal that stands in a body sent with status 200; None if there is none."""
    if not isinstance(body, dict | list) or (isinstance(body, dict) and not body.get("error")):
        return None
    inner = body[0] if isinstance(body, list) and body else body
    if not isinstance(inner, dict) or not inner.get("error"):
        return None
    said = inner["error"]
    code = said.get("code") if isinstance(said, dict) else None
    status = int(code) if isinstance(code, int) or (isinstance(code, str) and re.fullmatch(r"[0-9]{3}", code)) else 500
    return read_refusal(status if 400 <= status < 600 else 500, json.dumps(body).encode(), {}, secret=secret, now=0.0)


def server_wait_s(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds that the headers ask to wait: `retry-after-ms` first, then `Retry-After`; a zero names no time.

    >>> server_wait_s({"retry-after-ms": "1500", "Retry-After": "2"}, now=0)
    1.5
    """
    milliseconds = parse_retry_after(headers.get("retry-after-ms"), now=now)
    seconds = parse_retry_after(headers.get("Retry-After"), now=now) if milliseconds is None else milliseconds / 1000
    return seconds or None


def shown(text: str, *, secret: str) -> str:
    """`text` as one bounded line without control characters, markup or the key.

    >>> shown("Bad key  sk-12345678\\x1b[31m", secret="sk-12345678")
    'Bad key [key] [31m'
    """
    if len(secret) >= 6:  # a shorter one is a placeholder such as "none", which is also a word
        text = text.replace(secret, "[key]")
    text = re.sub(r"<(?:style|script)\b.*?(?:</(?:style|script)>|$)|<[^<>]{0,500}>", " ", text[:20_000], flags=re.DOTALL | re.IGNORECASE)
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= MAX_WORDS_CHARS else line[: MAX_WORDS_CHARS - 1] + "…"


def limit_is_to_blame(message: str) -> bool:
    """Whether a prompt would fit if room for fewer answer tokens were asked for.

    >>> limit_is_to_blame("maximum context length is 4096 tokens. You requested 4500 tokens (500 in the messages, 4000 in the completion)")
    True
    """
    said = message[:_PHRASES_WITHIN]
    found = re.search(
        r"(?:context length|context window) is (\d+).*?(\d+) in the (?:messages|prompt).{0,40}in the completion", said, re.DOTALL
    )
    if found:
        return int(found[2]) + SMALLEST_ANSWER_TOKENS < int(found[1])
    return re.search(r"\bmax_(?:completion_)?tokens\b.{0,60}too large", said, re.DOTALL) is not None


def _kind(status: int, error: _ErrorBody, asked: float | None) -> Kind:
    kind = _kind_by_words(status, error, asked) or _kind_by_status(status)
    return "long_wait" if kind == "transient" and asked is not None and asked > LONGEST_WAIT_S else kind


def _kind_by_words(status: int, error: _ErrorBody, asked: float | None) -> Kind | None:
    if limit_is_to_blame(error.message):
        return "request"
    for kind, pattern in _CODES:
        if re.search(rf"(?<![a-z])(?:{pattern})(?![a-z])", error.codes, re.IGNORECASE) and not (kind == "key" and status == 429):
            return kind
    message = error.message[:_PHRASES_WITHIN]
    for kind, pattern in _PHRASES:
        if status in _MESSAGE_ONLY_WHEN[kind] and re.search(pattern, message, re.IGNORECASE | re.DOTALL):
            rate_limit = kind == "quota" and status == 429 and asked is not None  # "quota" is also said of requests a minute
            if not rate_limit:
                return kind
    return None


def _kind_by_status(status: int) -> Kind:
    fixed: Mapping[int, Kind] = {
        401: "key",
        402: "quota",
        403: "key",
        404: "path",
        405: "path",
        410: "path",
        413: "context",
        451: "filtered",
    }
    if status in fixed:
        return fixed[status]
    if 300 <= status < 400:
        return "path"
    return "transient" if status in _TRANSIENT else "request"


def _parsed(body: bytes) -> Any:
    text = body[:200_000].decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _error_body(body: Any) -> _ErrorBody:
    """One reading of the six shapes: object, string, array, flat, `detail`, plain text or HTML."""
    if isinstance(body, str):
        return _ErrorBody(message=body)
    if isinstance(body, list):
        return _error_body(body[0]) if body else _ErrorBody()
    if not isinstance(body, dict):
        return _ErrorBody()
    error = body.get("error") or body.get("errors") or body
    if isinstance(error, list):
        error = error[0] if error else body
    if isinstance(error, str):
        return _ErrorBody(message=f"{error} {body['message']}" if isinstance(body.get("message"), str) else error)
    if not isinstance(error, dict):
        return _ErrorBody()
    codes = " ".join(str(error[key]) for key in ("code", "type", "status") if isinstance(error.get(key), str | int))
    inner = error.get("innererror")
    codes += f" {inner.get('code')}" if isinstance(inner, dict) else ""
    message, param = _message(error)
    return _ErrorBody(codes, message, param, _retry_delay_s(error.get("details")))


def _steps(place: Any) -> list[Any]:
    return place if isinstance(place, list) else []


def _message(error: Mapping[str, Any]) -> tuple[str, str]:
    """(the message, the request field that it is about) of one error object."""
    said = error.get("message") or error.get("detail") or error.get("msg") or error.get("error_description") or ""
    param = error.get("param") if isinstance(error.get("param"), str) else ""
    if isinstance(said, dict):
        said = said.get("detail") or said.get("message") or json.dumps(said)
    if isinstance(said, list):  # FastAPI: [{"type", "loc": ["body", "field"], "msg"}]
        items = [item for item in said if isinstance(item, dict)]
        param = " ".join(".".join(str(step) for step in _steps(item.get("loc")) if step != "body") for item in items)
        said = "; ".join(f"{item.get('msg')} ({item.get('type')})" for item in items) or json.dumps(said)
    return str(said), f"{param} {error.get('failed_param') or ''}".strip()


def _retry_delay_s(details: Any) -> float | None:
    """Gemini's `{"@type": ".../RetryInfo", "retryDelay": "34s"}`."""
    for item in details if isinstance(details, list) else ():
        delay = item.get("retryDelay") if isinstance(item, dict) else None
        if isinstance(delay, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)s", delay)):
            return float(match[1])
    return None
