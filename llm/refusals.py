"""Reading a server's refusal: the shapes of error body, what kind of trouble it is, and how long it asks to wait.

Pure. Decides by status, `code` and `type`; a message is looked at only for a few fixed phrases and only at its beginning, because error
bodies echo prompts. Changes nothing and waits for nothing. The texts that come here have no secret in them any more.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from requests.structures import CaseInsensitiveDict

from common.text import for_terminal, shortened
from common.web import DURATION, Refusal, duration_s, parse_retry_after

Kind = Literal[
    "transient", "key", "quota", "model", "path", "region", "blocked", "context", "filtered", "generation", "request", "long_wait"
]
LONGEST_WAIT_S = 120.0
MAX_WORDS_CHARS = 300
SMALLEST_ANSWER_TOKENS = 256
LIMIT_NAMES = (
    "max_tokens", "max_completion_tokens", "max_new_tokens", "max_output_tokens", "maxoutputtokens", "maximum tokens", "max tokens",
)  # fmt: skip
_WITHIN = 600  # characters of a message in which a phrase is the server's own and not an echoed prompt
NEVER = r"(?!)"
_SAYING = ("error", "errors", "message", "detail", "msg", "error_description", "Message")
_DEEPEST = 5
_FINAL: Mapping[int, Kind] = {
    400: "request", 401: "key", 402: "quota", 403: "key", 404: "path", 405: "path", 406: "request", 410: "path", 411: "request",
    413: "context", 414: "context", 415: "request", 422: "request", 451: "filtered",
}  # fmt: skip
"""Statuses that mean something; below 400 it is the path, and any other may pass."""

_RULES: tuple[tuple[Kind, str, frozenset[int], str], ...] = (
    ("region", r"unsupported_country_region_territory", frozenset({400, 403, 404, 451}),
     r"(?:country|region|territory|location)\b.{0,40}\b(?:not |un)(?:supported|available)"
     r"|\b(?:not |un)(?:supported|available) (?:in|for) (?:your|this) (?:country|region|location)"),
    ("quota", r"insufficient_quota|billing_hard_limit_reached|billing_not_active|insufficient_funds|insufficient_balance|quota_exhausted"
     r"|spend_limit_reached|spending_limit_exceeded|payment_required|insufficient_credits|access_terminated",
     frozenset({400, 402, 403, 429}), r"credit balance is too low|insufficient (?:balance|funds|credits?|quota)"
     r"|exceeded your current quota|spend(?:ing)? limit|out of credits|billing (?:hard )?limit|payment required"),
    ("transient", NEVER, frozenset({400, 403, 404, 422}), r"throttl|too many requests|rate[ _]?limit|overload|at capacity|temporarily"
     r"|high demand|(?:service|currently) unavailable|\bloading|\bunloaded|cancell?ed|timed? ?out|\bbusy\b|try again later"),
    ("key", r"invalid_api_key|api_key_invalid|authentication_error|invalid_authentication|unauthorized|unauthenticated|permission_denied",
     frozenset({400, 401, 403}), r"api key not valid|(?:invalid|incorrect|missing|no) api[ _-]?key"),
    ("path", NEVER, frozenset({400, 404, 405, 500}), r"unexpected endpoint|(?:no such|unknown|invalid) (?:route|endpoint|path|url)"
     r"|unknown request url|cannot post"),
    ("context", r"context_length_exceeded|context_window_exceeded|exceed_context_size_error|string_above_max_length|request_too_large"
     r"|prompt_too_long", frozenset(), NEVER),
    ("filtered", r"content_filter|content_policy_violation|responsibleaipolicyviolation|moderation_blocked|content_moderation"
     r"|prompt_blocked", frozenset({400, 403, 422, 451}),
     r"content (?:management )?policy|flagged (?:by|for|as)|safety (?:system|filter)|content filter|moderation"),
    ("generation", r"json_validate_failed|output_parse_failed|tool_use_failed", frozenset(), NEVER),
    ("model", r"model_not_found|deploymentnotfound|model_not_available|invalid_model|unknown_model", frozenset({400, 403, 404, 422}),
     r"model\b.{0,120}?(?:not found|does not exist|not exist|not available|not supported|unknown)"
     r"|(?:unknown|invalid|no such|unsupported) model\b|not a valid model"),
)  # fmt: skip
"""Of each kind: the codes that mean it; the statuses under which, where there is no such code, the phrases behind them mean it."""

_TOO_LONG = (  # a prompt is too long if its message has one of each
    r"\b(?:prompt|inputs?|request\w*|messages?|context|conversation|tokens)\b",
    r"too (?:long|large|big|many)|exceed|overflow|max(?:imum)?\b|(?:less|longer|greater|more) than|at most|up to|limit|reduce|should be",
    r"length|context|token|window|too (?:long|large|big)",
)
_IN_AND_OUT = re.compile(
    r"(\d{1,9})\D{0,30}?\b(?:prompt|inputs?|messages)\b\D{0,60}?(\d{1,9})\D{0,30}?\b(?:completion|output|max_\w*tokens)\b", re.IGNORECASE
)
_REQUESTED = re.compile(r"limit\W{0,3}(\d{1,9})\D{1,30}requested\W{0,3}(\d{1,9})", re.IGNORECASE)
_ASKS_TO_WAIT = re.compile(rf"(?:try again|retry|wait)\b[^0-9\n]{{0,40}}({DURATION})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _ErrorBody:
    """What an error body says: codes and types, words, the request fields that it is about, and all fields that it has."""

    codes: str = ""
    message: str = ""
    param: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


def read_refusal(status: int, body: str, headers: Mapping[str, str], *, now: float) -> Refusal:
    """What a reply with an error status means; its kind is a `Kind`. `now` is seconds since 1970."""
    error = _error_body(_parsed(body))
    message = error.message[:_WITHIN]
    asked = asked_wait_s(status, headers, error.fields, message, now=now)
    kind = _by_words(status, error.codes, message, asked) or _by_status(status, page=body.lstrip()[:1] == "<")
    if status == 429 and "PerDay" in body[:20_000]:
        kind = "quota"
    elif kind == "transient" and asked is not None and asked > LONGEST_WAIT_S:
        kind = "long_wait"
    words = shown(error.message or error.codes) or f"HTTP {status} without an explanation"
    written = error.fields.get("failed_generation")
    return Refusal(status, kind, words, f"{error.param}\n{message}", asked, written if isinstance(written, str) else "")


def error_in_answer(body: Any) -> Refusal | None:
    """The refusal that stands in a body sent with status 200, at its top, in its choice or as `base_resp`; None if there is none."""
    inner = body[0] if isinstance(body, list) and body else body
    if not isinstance(inner, dict):
        return None
    said = inner.get("error") or (first_choice(inner) or {}).get("error")
    status = 500
    if not said and isinstance(base := inner.get("base_resp"), dict) and base.get("status_code"):
        said, status = {"code": base.get("status_code"), "message": base.get("status_msg")}, 400
    if not said:
        return None
    code = str(said.get("code")) if isinstance(said, dict) else ""
    status = int(code) if re.fullmatch(r"[45][0-9]{2}", code) else status
    more = inner if isinstance(said, str) else {}
    return read_refusal(status, json.dumps({**more, "error": said}), {}, now=0.0)


def first_choice(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first choice of a chat completion, None where there is none."""
    choices = body.get("choices")
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None


def asked_wait_s(status: int, headers: Mapping[str, str], fields: Mapping[str, Any], message: str, *, now: float) -> float | None:
    """Seconds that a reply asks to wait, wherever it says so; None where it does not, or says nought.

    In turn: headers in milliseconds, `Retry-After`, fields of the error, its message, and for 429 the moments when a limit that is used
    up is renewed.

    >>> asked_wait_s(429, {"retry-after-ms": "1500", "Retry-After": "2"}, {}, "", now=0)
    1.5
    >>> asked_wait_s(429, {}, {}, "Rate limit reached. Please try again in 6m0s.", now=0)
    360.0
    """
    waits = _asked_waits(status, CaseInsensitiveDict(headers), fields, message, now)
    return next((wait for wait in waits if wait is not None), None) or None


def _asked_waits(status: int, headers: Mapping[str, str], fields: Mapping[str, Any], message: str, now: float) -> Iterator[float | None]:
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        milliseconds = parse_retry_after(headers.get(name), now=now)
        yield None if milliseconds is None else milliseconds / 1000
    yield parse_retry_after(headers.get("retry-after"), now=now)
    details, metadata = fields.get("details"), fields.get("metadata")  # Gemini's `details: [{"retryDelay": "34s"}]`
    for place in (fields, *(details if isinstance(details, list) else ())):
        for name in ("retryDelay", "retry_after", "retryAfter", "retry_after_seconds", "estimated_time"):
            yield parse_retry_after(str(place.get(name)), now=now) if isinstance(place, Mapping) else None
    if isinstance(metadata, dict) and isinstance(metadata.get("headers"), dict):  # OpenRouter's
        yield asked_wait_s(429, {str(name): str(value) for name, value in metadata["headers"].items()}, {}, "", now=now)
    if match := _ASKS_TO_WAIT.search(message):
        yield duration_s(match[1])
    if status == 429:
        resets = {name.lower(): value for name, value in headers.items() if "ratelimit-reset" in name.lower()}
        used_up = [value for name, value in resets.items() if headers.get(name.replace("reset", "remaining"), "0").strip() in ("0", "0.0")]
        yield max((wait for value in used_up if (wait := parse_retry_after(value, now=now)) is not None), default=None)


def shown(text: str) -> str:
    """`text` as one bounded line without control characters and markup.

    >>> shown("Bad <b>key</b> \\x1b[31m")
    'Bad key [31m'
    """
    text = re.sub(r"<(?:style|script)\b.*?(?:</(?:style|script)>|$)|<[^<>]{0,500}>", " ", text[:20_000], flags=re.DOTALL | re.IGNORECASE)
    return shortened(" ".join(for_terminal(text).split()), MAX_WORDS_CHARS)


def limit_is_to_blame(message: str) -> bool:
    """Whether the prompt would fit if room for fewer answer tokens were asked for: by the numbers named, else by the field's name.

    >>> limit_is_to_blame("maximum context length is 4096 tokens. You requested 4500 tokens (500 in the messages, 4000 in the completion)")
    True
    """
    said = message[:_WITHIN]
    parts = _IN_AND_OUT.search(said)
    if parts is None:
        return any(name in said.lower() for name in LIMIT_NAMES)
    prompt, answer = int(parts[1]), int(parts[2])
    others = {int(number) for number in re.findall(r"\d{1,9}", said)} - {prompt, answer, prompt + answer}
    return prompt + SMALLEST_ANSWER_TOKENS < max(others) if others else prompt < answer


def _by_words(status: int, codes: str, message: str, asked: float | None) -> Kind | None:
    for kind, pattern, _, _ in _RULES:
        if re.search(rf"(?<![a-z])(?:{pattern})(?![a-z])", codes, re.IGNORECASE) and not (kind == "key" and status == 429):
            return "request" if kind == "context" and limit_is_to_blame(message) else kind
    if _is_too_long(status, message):
        return "request" if limit_is_to_blame(message) else "context"
    for kind, _, statuses, pattern in _RULES:
        rate_limit = kind == "quota" and status == 429 and asked is not None  # "quota" is also said of requests a minute
        said = f"{codes} {message}" if kind == "transient" else message
        if status in statuses and not rate_limit and re.search(pattern, said, re.IGNORECASE | re.DOTALL):
            return kind
    return None


def _by_status(status: int, *, page: bool) -> Kind:
    if page and status in (400, 403):  # what stands between answers, not the API
        return "transient" if status == 400 else "blocked"
    return "path" if status < 400 else _FINAL.get(status, "transient")


def _is_too_long(status: int, message: str) -> bool:
    if status == 429:
        requested = _REQUESTED.search(message)
        return "request too large" in message.lower() or (requested is not None and int(requested[2]) > int(requested[1]))
    return status in (400, 413, 422, 500) and all(re.search(pattern, message, re.IGNORECASE) for pattern in _TOO_LONG)


def _parsed(body: str) -> Any:
    try:
        return json.loads(body[:200_000])
    except (ValueError, RecursionError):
        return body[:200_000]


def _error_body(value: Any, depth: int = 0) -> _ErrorBody:
    """One reading of all shapes: text or HTML, string, object, array, flat, `detail`, FastAPI's list, and one of them in another."""
    if isinstance(value, str):
        return _ErrorBody(message=value)
    if depth > _DEEPEST or not isinstance(value, dict | list):
        return _ErrorBody()
    if isinstance(value, list):
        return _joined(_ErrorBody(), [_error_body(one, depth + 1) for one in value[:_DEEPEST]], "; ")
    parts = [_error_body(value[name], depth + 1) for name in _SAYING if value.get(name)]
    whole = _joined(_own_words(value), parts, " ")
    unread = depth and value and not whole.message and not any(part.codes for part in parts)
    return replace(whole, message=json.dumps(value)) if unread else whole


def _own_words(error: Mapping[str, Any]) -> _ErrorBody:
    """What one error object says beside its message: codes, the field that it is about, all its fields."""
    inner, place = error.get("innererror"), error.get("loc")
    codes = [*(error.get(name) for name in ("code", "type", "status", "__type")), inner.get("code") if isinstance(inner, dict) else None]
    named = [error.get("param"), error.get("failed_param")]
    if isinstance(place, list):  # FastAPI: {"type", "loc": ["body", "field"], "msg"}
        named.append(".".join(str(step) for step in place if step != "body"))
    kind = f"({error['type']})" if "msg" in error and isinstance(error.get("type"), str) else ""
    said = " ".join(str(code) for code in codes if isinstance(code, str | int))
    return _ErrorBody(said, kind, " ".join(name for name in named if isinstance(name, str)), error)


def _joined(own: _ErrorBody, parts: Sequence[_ErrorBody], between: str) -> _ErrorBody:
    """An error body with those in it: their words before its own, their fields before its own."""
    said = between.join(part.message for part in parts if part.message)
    return _ErrorBody(
        " ".join(body.codes for body in (own, *parts) if body.codes),
        f"{said} {own.message}".strip(),
        " ".join(body.param for body in (own, *parts) if body.param),
        {**own.fields, **{name: held for part in parts for name, held in part.fields.items()}},
    )
