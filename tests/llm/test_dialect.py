"""Refusals in all their shapes are read for what they are, and teach the right thing or nothing."""

import json
import time
from typing import Any

import pytest

from common.web import Refusal
from llm import connection as llm_http
from llm import dialect as llm_dialect
from llm import refusals
from llm.dialect import Dialect, DialectBook, adapted
from llm.refusals import read_refusal

SCHEMA = {"name": "n", "strict": True, "schema": {}}
MESSAGES = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]


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
    assert words in refusal(400, body).words


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


def sent_by(dialect: Dialect, *, temperature: float | None = 0.0) -> dict[str, Any]:
    return dialect.request(MESSAGES, schema=SCHEMA, max_tokens=4000, temperature=temperature)


TAUGHT: dict[str, tuple[Dialect, Refusal, dict[str, Any]]] = {
    "json_schema, then json_object": (
        Dialect(),
        refusal(400, {"error": "'response_format.type' must be text or json_object"}),
        {"format": "json_object"},
    ),
    "json_object, then json_schema": (
        Dialect(format="json_object"),
        refusal(400, {"error": "'response_format.type' must be 'json_schema'"}),
        {"format": "json_schema"},
    ),
    "both refused": (
        Dialect(format="json_object", refused=("json_schema",)),
        refusal(400, {"error": "'response_format.type' is wrong"}),
        {"format": "none"},
    ),
    "an unknown inner field": (
        Dialect(),
        refusal(400, {"error": {"message": "Unknown parameter", "param": "response_format.json_schema.strict"}}),
        {"format": "none"},
    ),
    "max_tokens, naming both": (
        Dialect(),
        refusal(400, {"error": {"message": "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."}}),
        {"limit_field": "max_completion_tokens"},
    ),
    "only the field that is wanted instead": (
        Dialect(),
        refusal(400, {"error": "Please use max_completion_tokens"}),
        {"limit_field": "max_completion_tokens"},
    ),
    "a limit with its bound": (
        Dialect(),
        refusal(400, {"error": {"message": "max_tokens must be less than or equal to 1024", "param": "max_tokens"}}),
        {"largest_limit": 1024},
    ),
    "a limit without its bound": (
        Dialect(),
        refusal(
            400,
            {"error": {"message": "'max_tokens' is too large: 4000. This model's maximum context length is 4096 tokens"}},
        ),
        {"largest_limit": 2000},
    ),
    "temperature": (Dialect(), refusal(400, {"error": {"message": "no", "param": "temperature"}}), {"temperature": False}),
    "system role by param": (
        Dialect(),
        refusal(
            400,
            {
                "error": {
                    "message": "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
                    "param": "messages[0].role",
                }
            },
        ),
        {"system_role": False},
    ),
}


@pytest.mark.parametrize(("dialect", "said", "changes"), TAUGHT.values(), ids=TAUGHT.keys())
def test_a_refusal_teaches_what_it_names(dialect: Dialect, said: Refusal, changes: dict[str, Any]) -> None:
    better = adapted(dialect, said, sent_by(dialect))
    assert better is not None
    for name, value in changes.items():
        assert getattr(better, name) == value
    fixed = {"format", "limit_field", "temperature", "system_role", "largest_limit"} - set(changes)
    assert all(getattr(better, name) == getattr(dialect, name) for name in fixed)


NOTHING = {
    "key": refusal(401, {"error": {"message": "temperature"}}),
    "money": refusal(429, {"error": {"message": "response_format", "code": "insufficient_quota"}}),
    "context": refusal(400, {"error": {"message": "temperature is hot", "code": "context_length_exceeded"}}),
    "filter": refusal(400, {"error": {"message": "response_format", "code": "content_filter"}}),
    "generation": refusal(400, {"error": {"message": "response_format", "code": "json_validate_failed"}}),
    "a gateway's fault": refusal(502, {"error": {"message": "response_format"}}),
    "the model": refusal(404, {"error": {"message": "x", "code": "model_not_found"}}),
}


@pytest.mark.parametrize("said", NOTHING.values(), ids=NOTHING.keys())
def test_other_trouble_teaches_nothing(said: Refusal) -> None:
    assert adapted(Dialect(), said, sent_by(Dialect())) is None


def test_learning_ends_for_a_server_that_refuses_everything() -> None:
    book = DialectBook("http://a.example/v1\nm", notes=None)
    said = refusal(400, {"error": {"message": "Bad Request"}})
    steps = 0
    while book.learn(book.current(), said, sent_by(book.current()), guess=True):
        steps += 1
        assert steps < 20
    assert set(sent_by(book.current())) == {"messages"}
    book.forget_unproven()
    assert book.current() == Dialect()


def test_whoever_used_an_older_wording_only_asks_again() -> None:
    book = DialectBook("http://a.example/v1\nm", notes=None)
    said = refusal(400, {"error": {"message": "no", "param": "temperature"}})
    assert book.learn(Dialect(), said, sent_by(Dialect()))
    learnt = book.current()
    assert book.learn(Dialect(), said, sent_by(Dialect()))
    assert book.current() == learnt


class Memory(dict[str, str]):
    get_note = dict.get

    def put_note(self, name: str, value: str) -> None:
        self[name] = value


@pytest.mark.parametrize("note", ["", "junk", "42", "{}", '{"format": 1}'])
def test_a_note_that_cannot_be_read_is_no_note(note: str) -> None:
    notes = Memory()
    first = DialectBook("http://a.example/v1\nm", notes=notes)
    first.learn(first.current(), refusal(400, {"error": {"message": "no", "param": "temperature"}}), sent_by(Dialect()))
    first.worked(first.current(), usable=True)
    assert DialectBook("http://a.example/v1\nm", notes=notes).current() == Dialect(temperature=False)
    for name in notes:
        notes[name] = note
    assert DialectBook("http://a.example/v1\nm", notes=notes).current() == Dialect()


def test_a_note_names_neither_the_address_nor_what_stands_in_it() -> None:
    notes = Memory()
    book = DialectBook("http://a.example/v1?key=sk-secret-1\nm", notes=notes)
    book.learn(book.current(), refusal(400, {"error": {"message": "no", "param": "temperature"}}), sent_by(Dialect()))
    book.worked(book.current(), usable=True)
    assert len(notes) == 1
    assert "a.example" not in str(notes)
    assert "sk-secret-1" not in str(notes)


def test_a_server_without_a_system_role_gets_one_user_message() -> None:
    sent = Dialect(system_role=False).request(MESSAGES, schema=None, max_tokens=9, temperature=None)
    assert sent == {"messages": [{"role": "user", "content": "s\n\nu"}], "max_tokens": 9}
    assert MESSAGES[1]["content"] == "u"


def test_azure_gets_its_own_header_and_nobody_else_does() -> None:
    import requests

    def headers(url: str) -> dict[str, str]:
        connection = llm_http.Connection(llm_http.Server(url, "sk-secret-1", "m"))
        return dict(connection._signed(requests.Request("POST", "https://x.example").prepare()).headers)

    azure = headers("https://me.openai.azure.com/openai/deployments/d?api-version=1")
    assert azure["api-key"] == "sk-secret-1"
    assert "Authorization" not in azure
    assert "api-key" not in headers("https://api.example/v1")


HOSTILE = ["<", "<style>", "\x1b[", '{"error":', "model ", "max_tokens ", "context length is 1 ", "no such ", "<a "]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_error_bodies_take_linear_time(piece: str) -> None:
    def spent(size: int) -> float:
        started = time.process_time()
        said = refusal(400, (piece * size)[:size].encode())
        adapted(Dialect(), said, sent_by(Dialect()))
        return time.process_time() - started

    spent(20_000)
    assert spent(320_000) < 32 * max(spent(20_000), 0.004)


def test_formats_are_tried_from_the_strictest_down() -> None:
    assert llm_dialect.FORMATS == ("json_schema", "json_object", "none")
