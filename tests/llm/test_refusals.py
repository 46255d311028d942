"""Refusals in all their shapes are read for what they are: kind, words, and how long they ask to wait."""

import json
from typing import Any

import pytest

from common.web import Refusal
from llm import refusals
from llm.refusals import read_refusal


def refusal(status: int, body: Any, headers: dict[str, str] | None = None) -> Refusal:
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else json.dumps(body)
    return read_refusal(status, text, headers or {}, now=0.0)


SHAPES = {
    "object": ({"error": {"message": "Nope", "type": "t", "code": "c", "param": "p"}}, "Nope"),
    "string": ({"error": "Nope"}, "Nope"),
    "array": ([{"error": {"code": 400, "message": "Nope", "status": "INVALID_ARGUMENT"}}], "Nope"),
    "flat": ({"object": "error", "message": "Nope", "type": "BadRequestError", "param": None, "code": 400}, "Nope"),
    "detail": ({"detail": "Nope"}, "Nope"),
    "detail list": ({"detail": [{"type": "missing", "loc": ["body", "x"], "msg": "Nope"}]}, "Nope (missing)"),
    "detail without a place": ({"detail": [{"type": "missing", "loc": 5, "msg": "Nope"}]}, "Nope (missing)"),
    "a number and words": ({"code": 401, "msg": "Nope"}, "Nope"),
    "errors": ({"errors": [{"message": "Nope"}]}, "Nope"),
    "message in a message": ({"message": {"detail": [{"type": "x", "loc": ["body", "y"], "msg": "Nope"}]}}, "Nope"),
    "HTML": (b"<html><style>b {}</style><h1>Nope</h1>", "Nope"),
    "text": (b"Nope", "Nope"),
    "nothing": (b"", "HTTP 400 without an explanation"),
    "a number": (b"42", "HTTP 400 without an explanation"),
    "an empty array": (b"[]", "HTTP 400 without an explanation"),
    "broken": (b'{"error": {', '{"error": {'),
    "not UTF-8": (b"\xff\xfeNope", "\ufffd\ufffdNope"),
}


@pytest.mark.parametrize(("body", "words"), SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_of_error_gives_its_words(body: Any, words: str) -> None:
    said = refusal(400, body).words
    assert words in said
    assert "None" not in said


KINDS: dict[str, tuple[int, Any, str]] = {
    "key": (401, {"error": {"message": "bad"}}, "key"),
    "money by code": (429, {"error": {"message": "x", "code": "insufficient_quota"}}, "quota"),
    "money by type": (429, {"error": {"message": "x", "type": "insufficient_quota"}}, "quota"),
    "money by words": (429, {"error": {"message": "You exceeded your current quota, please check your plan."}}, "quota"),
    "spend limit": (429, {"error": {"message": "You have reached your monthly spend limit"}}, "quota"),
    "quota of a minute": (429, {"error": {"message": "You exceeded your current quota", "details": [{"retryDelay": "34s"}]}}, "transient"),
    "rate": (429, {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}, "transient"),
    "overloaded": (529, {"error": {"type": "overloaded_error"}}, "transient"),
    "conflict": (409, {}, "transient"),
    "no model": (404, {"error": {"code": "model_not_found", "message": "x"}}, "model"),
    "no model by words": (400, {"error": "Model 'foo' does not exist"}, "model"),
    "no deployment": (404, {"error": {"code": "DeploymentNotFound", "message": "x"}}, "model"),
    "no path": (404, {"detail": "Not Found"}, "path"),
    "wrong method": (405, b"", "path"),
    "too long": (400, {"error": {"code": "context_length_exceeded", "message": "x"}}, "context"),
    "too long for a gateway": (413, b"", "context"),
    "too long, LM Studio": (400, {"error": "Trying to keep the first 9000 tokens when context the overflows."}, "context"),
    "filter": (400, {"error": {"code": "content_filter", "message": "x"}}, "filtered"),
    "filter, Azure": (400, {"error": {"message": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}, "filtered"),
    "generation": (400, {"error": {"code": "json_validate_failed", "message": "x"}}, "generation"),
    "other": (400, {"error": {"message": "something else"}}, "request"),
}


@pytest.mark.parametrize(("status", "body", "kind"), KINDS.values(), ids=KINDS.keys())
def test_the_kind_of_trouble_is_read(status: int, body: Any, kind: str) -> None:
    assert refusal(status, body).kind == kind


ECHOES = {
    "a status in a prompt": (500, "error near 'HTTP 429 insufficient_quota 401'", "transient"),
    "a key in a prompt": (500, "could not tokenize 'my api key is not valid'", "transient"),
    "a quota in a prompt that is far behind": (400, "Bad request. " + "x " * 400 + "insufficient balance", "request"),
}


@pytest.mark.parametrize(("status", "message", "kind"), ECHOES.values(), ids=ECHOES.keys())
def test_an_echoed_prompt_decides_nothing(status: int, message: str, kind: str) -> None:
    assert refusal(status, {"error": {"message": message}}).kind == kind


def test_words_are_one_bounded_line() -> None:
    said = refusal(400, {"error": {"message": "key \x1b[2J\r\nis bad " + "x" * 10_000}}).words
    assert len(said) <= refusals.MAX_WORDS_CHARS
    assert said.isprintable()


WAITS: dict[str, tuple[dict[str, str], float | None]] = {
    "seconds": ({"Retry-After": "7"}, 7.0),
    "date": ({"Retry-After": "Thu, 01 Jan 1970 00:00:09 GMT"}, 9.0),
    "milliseconds": ({"retry-after-ms": "250", "Retry-After": "1"}, 0.25),
    "junk": ({"Retry-After": "soon", "retry-after-ms": "nan"}, None),
    "negative": ({"Retry-After": "-5"}, None),
    "zero": ({"Retry-After": "0"}, None),
}


@pytest.mark.parametrize(("headers", "seconds"), WAITS.values(), ids=WAITS.keys())
def test_the_servers_word_on_waiting_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert refusal(429, {}, headers).retry_after_s == seconds
