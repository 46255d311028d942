"""What a refusal teaches about the wording of requests: the right thing or nothing."""

import time
from pathlib import Path
from typing import Any

import pytest

from common.web import Refusal
from llm import dialect as llm_dialect
from llm.dialect import Dialect, DialectBook, adapted
from llm.store import AnswerStore
from tests.llm.test_refusals import refusal

SCHEMA = {"name": "n", "strict": True, "schema": {}}
MESSAGES = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]


def sent_by(dialect: Dialect, *, temperature: float | None = 0.0) -> dict[str, Any]:
    return dialect.request(MESSAGES, schema=SCHEMA, max_tokens=4000, temperature=temperature)


TAUGHT: dict[str, tuple[Dialect, Refusal, dict[str, Any]]] = {
    "json_schema, then json_object": (
        Dialect(),
        refusal(400, {"error": "'response_format.type' must be text or json_object"}),
        {"format": "json_object"},
    ),
    "both refused": (
        Dialect().without("json_schema"),
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
        {"avoided": {"max_tokens"}},
    ),
    "only the field that is wanted instead": (
        Dialect(),
        refusal(400, {"error": "Please use max_completion_tokens"}),
        {"avoided": {"max_tokens"}},
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
    "temperature": (Dialect(), refusal(400, {"error": {"message": "no", "param": "temperature"}}), {"avoided": {"temperature"}}),
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
        {"avoided": {"system"}},
    ),
}


@pytest.mark.parametrize(("dialect", "said", "changes"), TAUGHT.values(), ids=TAUGHT.keys())
def test_a_refusal_teaches_what_it_names(dialect: Dialect, said: Refusal, changes: dict[str, Any]) -> None:
    better = adapted(dialect, said, sent_by(dialect))
    assert better is not None
    for name, value in changes.items():
        assert getattr(better, name) == value
    assert better.avoided - dialect.avoided <= changes.get("avoided", set(llm_dialect.FORMATS if "format" in changes else ()))
    assert "largest_limit" in changes or better.largest_limit is None


def test_a_format_that_an_earlier_run_remembered_gives_way_to_the_first() -> None:
    better = adapted(
        Dialect(), refusal(400, {"error": "'response_format.type' must be 'json_schema'"}), sent_by(Dialect().without("json_schema"))
    )
    assert better is not None
    assert better.format == "json_schema"


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


@pytest.mark.parametrize("note", ["", "junk", "42", "{}", "[]", '[["system"], "many", null]'])
def test_a_note_that_cannot_be_read_is_no_note(note: str, tmp_path: Path) -> None:
    notes = AnswerStore(tmp_path)
    first = DialectBook("http://a.example/v1\nm", notes=notes)
    first.learn(first.current(), refusal(400, {"error": {"message": "no", "param": "temperature"}}), sent_by(Dialect()))
    first.worked(first.current(), usable=True)
    again = DialectBook("http://a.example/v1\nm", notes=notes)
    assert (again.current(), again.has_answered()) == (Dialect().without("temperature"), True)
    notes.put_notes([(name, note) for name in notes.notes("dialect:")])
    again = DialectBook("http://a.example/v1\nm", notes=notes)
    assert (again.current(), again.has_answered()) == (Dialect(), False)


def test_of_a_guess_only_the_answer_is_noted(tmp_path: Path) -> None:
    notes = AnswerStore(tmp_path)
    book = DialectBook("http://a.example/v1\nm", notes=notes)
    assert book.learn(book.current(), refusal(400, {"error": {"message": "Bad Request"}}), sent_by(Dialect()), guess=True)
    book.worked(book.current(), usable=True)
    again = DialectBook("http://a.example/v1\nm", notes=notes)
    assert (again.current(), again.has_answered()) == (Dialect(), True)


def test_a_note_names_neither_the_address_nor_what_stands_in_it(tmp_path: Path) -> None:
    notes = AnswerStore(tmp_path)
    book = DialectBook("http://a.example/v1?key=sk-secret-1\nm", notes=notes)
    book.learn(book.current(), refusal(400, {"error": {"message": "no", "param": "temperature"}}), sent_by(Dialect()))
    book.worked(book.current(), usable=True)
    noted = notes.notes("")
    assert len(noted) == 1
    assert "a.example" not in str(noted)
    assert "sk-secret-1" not in str(noted)


def test_a_server_without_a_system_role_gets_one_user_message() -> None:
    sent = Dialect().without("system").request(MESSAGES, schema=None, max_tokens=9, temperature=None)
    assert sent == {"messages": [{"role": "user", "content": "s\n\nu"}], "max_tokens": 9}
    assert MESSAGES[1]["content"] == "u"


HOSTILE = ["<", "<style>", "\x1b[", '{"error":', "model ", "max_tokens ", "context length is 1 ", "no such ", "<a "]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_error_bodies_take_linear_time(piece: str) -> None:
    def spent(size: int) -> float:
        started = time.process_time()
        said = refusal(400, (piece * size)[:size].encode())
        adapted(Dialect(), said, sent_by(Dialect()))
        return time.process_time() - started

    least = min(spent(320_000) for _ in range(3))  # a collection of garbage that falls into one of them says nothing
    assert least < 32 * max(spent(20_000), 0.004)


def test_formats_are_tried_from_the_strictest_down() -> None:
    assert [Dialect().without(*llm_dialect.FORMATS[:refused]).format for refused in range(3)] == ["json_schema", "json_object", "none"]
