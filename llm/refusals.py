"""Reading a server's refusal: the shapes of error body, what kind of trouble it is, and how long it asks to wait.

Pure. Decides by status, `code` and `type`; a message is looked at only for a few fixed phrases and only at its beginning, because error
bodies echo prompts. Changes nothing and waits for nothing. The texts that come here have no secret in them any more.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from common.text import for_terminal, shortened
from common.web import DURATION, Refusal, duration_s, parse_retry_after

Kind = Literal[
    "transient", "key", "quota", "model", "path", "region", "blocked", "context", "filtered", "generation", "request", "long_wait"
]
LONGEST_WAIT_S = 120.0
MAX_WORDS_CHARS = 300
SMALLEST_ANSWER_TOKENS = 256
LIMIT_NAMES = (
    "max_tokens",
    "max_completion_tokens",
    "max_new_tokens",
    "max_output_tokens",
    "maxoutputtokens",
    "maximum tokens",
    "max tokens",
)
_WITHIN = 600  # characters of a message in which a phrase is the server's own and not an echoed prompt
_FINAL: Mapping[int, Kind] = {
    400: "request", 401: "key", 402: "quota", 403: "key", 404: "path", 405: "path", 406: "request", 410: "path", 411: "request",
    413: "context", 414: "context", 415: "request", 422: "request", 451: "filtered",
}  # fmt: skip
"""Statuses that mean something; below 400 it is the path, and any other may pass."""

_CODES: tuple[tuple[Kind, str], ...] = (
    ("quota", r"insufficient_quota|billing_hard_limit_reached|billing_not_active|insufficient_funds|insufficient_balance|quota_exhausted"
              r"|spend_limit_reached|spending_limit_exceeded|payment_required|insufficient_credits|access_terminated"),
    ("region", r"unsupported_country_region_territory"),
    ("key", r"invalid_api_key|api_key_invalid|authentication_error|invalid_authentication|unauthorized|unauthenticated|permission_denied"),
    ("model", r"model_not_found|deploymentnotfound|model_not_available|invalid_model|unknown_model"),
    ("context", r"context_length_exceeded|context_window_exceeded|exceed_context_size_error|string_above_max_length|request_too_large"
                r"|prompt_too_long"),
    ("filtered", r"content_filter|content_policy_violation|responsibleaipolicyviolation|moderation_blocked|content_moderation"
                 r"|prompt_blocked"),
    ("generation", r"json_validate_failed|output_parse_failed|tool_use_failed"),
)  # fmt: skip
_PHRASES: tuple[tuple[Kind, frozenset[int], str], ...] = (
    ("region", frozenset({400, 403, 404, 451}),
     r"(?:country|region|territory|location)\b.{0,40}\b(?:not |un)(?:supported|available)"
     r"|\b(?:not |un)(?:supported|available) (?:in|for) (?:your|this) (?:country|region|location)"),
    ("quota", frozenset({400, 402, 403, 429}), r"credit balance is too low|insufficient (?:balance|funds|credits?|quota)"
     r"|exceeded your current quota|spend(?:ing)? limit|out of credits|billing (?:hard )?limit|payment required"),
    ("transient", frozenset({400, 403, 404, 422}), r"throttl|too many requests|rate[ _]?limit|overload|at capacity|temporarily|high demand"
     r"|(?:service|currently) unavailable|\bloading|\bunloaded|cancell?ed|timed? ?out|\bbusy\b|try again later"),
    ("key", frozenset({400, 401, 403}), r"api key not valid|(?:invalid|incorrect|missing|no) api[ _-]?key"),
    ("path", frozenset({400, 404, 405, 500}), r"unexpected endpoint|(?:no such|unknown|invalid) (?:route|endpoint|path|url)"
     r"|unknown request url|cannot post"),
    ("filtered", frozenset({400, 403, 422, 451}), r"content (?:management )?policy|flagged (?:by|for|as)|safety (?:system|filter)"
     r"|content filter|moderation"),
    ("model", frozenset({400, 403, 404, 422}), r"model\b.{0,120}?(?:not found|does not exist|not exist|not available|not supported|unknown)"
     r"|(?:unknown|invalid|no such|unsupported) model\b|not a valid model"),
)  # fmt: skip
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
    codes: str = ""
    message: str = ""
    param: str = ""
    fields: Mapping[str, Any] | None = None


def read_refusal(status: int, body: str, headers: Mapping[str, str], *, now: float) -> Refusal:
    """What a reply with an error status means; its kind is a `Kind`. `now` is seconds since 1970."""
    error = _error_body(_parsed(body))
    asked = asked_wait_s(status, headers, error.fields or {}, error.message, now=now)
    words = shown(error.message or error.codes) or f"HTTP {status} without an explanation"
    written = (error.fields or {}).get("failed_generation")
    return Refusal(
        status,
        _kind(status, error, body, asked),
        words,
        named=f"{error.param}\n{error.message[:_WITHIN]}",
        retry_after_s=asked,
        generation=written if isinstance(written, str) else "",
    )


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
    low = {name.lower(): value for name, value in headers.items()}
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (milliseconds := parse_retry_after(low.get(name), now=now)) is not None:
            return milliseconds / 1000 or None
    found = parse_retry_after(low.get("retry-after"), now=now)
    if found is None:
        found = next(_field_waits(fields, now), None)
    if found is None and (match := _ASKS_TO_WAIT.search(message[:_WITHIN])):
        found = duration_s(match[1])
    if found is None and status == 429:
        resets = {name: value for name, value in low.items() if name.startswith(("ratelimit-reset", "x-ratelimit-reset"))}
        used_up = [value for name, value in resets.items() if low.get(name.replace("reset", "remaining"), "0").strip() in ("0", "0.0")]
        found = max((wait for value in used_up if (wait := parse_retry_after(value, now=now)) is not None), default=None)
    return found or None


def _field_waits(fields: Mapping[str, Any], now: float) -> Iterator[float]:
    """Gemini's `details: [{"retryDelay": "34s"}]`, OpenRouter's `metadata.headers`, and fields of their own."""
    details, metadata = fields.get("details"), fields.get("metadata")
    places = [fields, *(item for item in (details if isinstance(details, list) else ()) if isinstance(item, dict))]
    for place in places:
        for name in ("retryDelay", "retry_after", "retryAfter", "retry_after_seconds", "estimated_time"):
            if (wait := parse_retry_after(str(place.get(name)), now=now)) is not None:
                yield wait
    if isinstance(metadata, dict) and isinstance(metadata.get("headers"), dict):
        headers = {str(name): str(value) for name, value in metadata["headers"].items()}
        if (wait := asked_wait_s(429, headers, {}, "", now=now)) is not None:
            yield wait


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


def _kind(status: int, error: _ErrorBody, body: str, asked: float | None) -> Kind:
    kind = _kind_by_words(status, error, asked) or _kind_by_status(status, page=body.lstrip()[:1] == "<")
    if status == 429 and "PerDay" in body[:20_000]:
        return "quota"
    return "long_wait" if kind == "transient" and asked is not None and asked > LONGEST_WAIT_S else kind


def _kind_by_words(status: int, error: _ErrorBody, asked: float | None) -> Kind | None:
    message = error.message[:_WITHIN]
    for kind, pattern in _CODES:
        if re.search(rf"(?<![a-z])(?:{pattern})(?![a-z])", error.codes, re.IGNORECASE) and not (kind == "key" and status == 429):
            return "request" if kind == "context" and limit_is_to_blame(message) else kind
    if _is_too_long(status, message):
        return "request" if limit_is_to_blame(message) else "context"
    for kind, statuses, pattern in _PHRASES:
        rate_limit = kind == "quota" and status == 429 and asked is not None  # "quota" is also said of requests a minute
        said = f"{error.codes} {message}" if kind == "transient" else message
        if status in statuses and not rate_limit and re.search(pattern, said, re.IGNORECASE | re.DOTALL):
            return kind
    return None


def _is_too_long(status: int, message: str) -> bool:
    if status == 429:
        requested = _REQUESTED.search(message)
        return "request too large" in message.lower() or (requested is not None and int(requested[2]) > int(requested[1]))
    return status in (400, 413, 422, 500) and all(re.search(pattern, message, re.IGNORECASE) for pattern in _TOO_LONG)


def _kind_by_status(status: int, *, page: bool) -> Kind:
    if page and status in (400, 403):  # what stands between answers, not the API
        return "transient" if status == 400 else "blocked"
    return "path" if status < 400 else _FINAL.get(status, "transient")


def _parsed(body: str) -> Any:
    try:
        return json.loads(body[:200_000])
    except (ValueError, RecursionError):
        return body[:200_000]


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
        return _ErrorBody(message=f"{error} {body['message']}" if isinstance(body.get("message"), str) else error, fields=body)
    if not isinstance(error, dict):
        return _ErrorBody()
    codes = " ".join(str(error[key]) for key in ("code", "type", "status", "__type") if isinstance(error.get(key), str | int))
    inner = error.get("innererror")
    codes += f" {inner.get('code')}" if isinstance(inner, dict) else ""
    message, param = _message(error)
    return _ErrorBody(codes, message, param, error)


def _message(error: Mapping[str, Any]) -> tuple[str, str]:
    """(the message, the request field that it is about) of one error object."""
    said = next((error[key] for key in ("message", "detail", "msg", "error_description", "Message") if error.get(key)), "")
    param = error.get("param") if isinstance(error.get("param"), str) else ""
    if isinstance(said, dict):
        said = said.get("detail") or said.get("message") or json.dumps(said)
    if isinstance(said, list):  # FastAPI: [{"type", "loc": ["body", "field"], "msg"}]
        items = [item for item in said if isinstance(item, dict)]
        places = [item["loc"] for item in items if isinstance(item.get("loc"), list)]
        param = " ".join(".".join(str(step) for step in place if step != "body") for place in places)
        said = "; ".join(f"{item.get('msg')} ({item.get('type')})" for item in items) or json.dumps(said)
    return str(said), f"{param} {error.get('failed_param') or ''}".strip()
