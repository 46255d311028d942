"""The candidate index with a second opinion: issues ranked by words and by vectors, fused by reciprocal rank.

Used when `EMBEDDING_MODEL` is set. Vectors come from a function that is handed in; when that has none, or they do not fit together, the
words alone decide, and this is said once. In plain Python, so it is meant for up to a few thousand issues.
"""

import logging
import math
import operator
from collections.abc import Callable, Iterable, Sequence

from clustering.candidates import CandidateIndex
from knowledge.issue import sort_key

logger = logging.getLogger(__name__)

Vector = list[float]
Embed = Callable[[Sequence[str]], "list[Vector] | None"]

RANK_OFFSET = 60
"""The usual constant of reciprocal rank fusion (Cormack, Clarke and Buettcher 2009)."""
WORD_WEIGHT, VECTOR_WEIGHT = 1.0, 1.0
MAX_TEXT_CHARS = 2_000


class FusedIndex(CandidateIndex):
    """A candidate index that also knows the centroid of each issue's ticket vectors."""

    def __init__(self, embed: Embed) -> None:
        super().__init__()
        self._embed: Embed | None = embed
        self._vectors: dict[str, Vector] = {}
        self._members: dict[str, dict[int, Vector]] = {}

    def expect(self, texts: Iterable[str]) -> None:
        """Get the vectors of texts that will be needed, in few calls."""
        missing = [text for text in dict.fromkeys(_cut(text) for text in texts) if text not in self._vectors]
        if self._embed is None or not missing:
            return
        found = self._embed(missing)
        if found is None or not self._fit(found):
            logger.warning("vectors cannot be used; from here on candidates are found by words alone")
            self._embed = None
            return
        self._vectors.update(zip(missing, map(_normed, found), strict=True))

    def put_ticket(self, ticket_id: int, issue_id: str, *, subject: str, text: str) -> None:
        """Place a ticket under an issue, with its words and its vector."""
        super().put_ticket(ticket_id, issue_id, subject=subject, text=text)
        vector = self._vector_of(f"{subject}\n{text}")
        if vector is not None:
            self._members.setdefault(issue_id, {})[ticket_id] = vector

    def drop_ticket(self, ticket_id: int) -> None:
        """Forget a ticket; nothing happens if it is not there."""
        super().drop_ticket(ticket_id)
        for members in self._members.values():
            members.pop(ticket_id, None)

    def drop_issue(self, issue_id: str) -> None:
        """Forget an issue with its card and tickets."""
        super().drop_issue(issue_id)
        self._members.pop(issue_id, None)

    def move_issue(self, old_id: str, new_id: str) -> None:
        """Count all tickets of `old_id` for `new_id`."""
        super().move_issue(old_id, new_id)
        if old_id != new_id:
            self._members.setdefault(new_id, {}).update(self._members.pop(old_id, {}))

    def search(self, *, subject: str, text: str, k: int, exclude_ticket: int | None = None) -> list[str]:
        """At most `k` issue ids, the likeliest by both rankings first."""
        by_words = super().search(subject=subject, text=text, k=2 * k, exclude_ticket=exclude_ticket)
        by_vectors = self._nearest_centroids(self._vector_of(f"{subject}\n{text}"), 2 * k, exclude_ticket)
        scores = {name: WORD_WEIGHT / (RANK_OFFSET + rank) for rank, name in enumerate(by_words, start=1)}
        for rank, name in enumerate(by_vectors, start=1):
            scores[name] = scores.get(name, 0.0) + VECTOR_WEIGHT / (RANK_OFFSET + rank)
        return sorted(scores, key=lambda name: (-scores[name], sort_key(name)))[:k]

    def _nearest_centroids(self, vector: Vector | None, k: int, exclude_ticket: int | None) -> list[str]:
        if vector is None:
            return []
        scored = []
        for name, members in self._members.items():
            others = [member for ticket_id, member in members.items() if ticket_id != exclude_ticket]
            if others:
                scored.append((-round(_dot(vector, _centroid(others)), 9), sort_key(name), name))
        return [name for _, _, name in sorted(scored)[:k]]

    def _vector_of(self, text: str) -> Vector | None:
        self.expect([text])
        return self._vectors.get(_cut(text))

    def _fit(self, found: Sequence[Vector]) -> bool:
        lengths = {len(vector) for vector in (*found, *list(self._vectors.values())[:1])}
        return len(lengths) == 1 and all(math.isfinite(value) for vector in found for value in vector)


def _cut(text: str) -> str:
    return text[:MAX_TEXT_CHARS]


def _normed(vector: Vector) -> Vector:
    length = math.sqrt(_dot(vector, vector))
    return [value / length for value in vector] if length else vector


def _centroid(vectors: Sequence[Vector]) -> Vector:
    return _normed([math.fsum(values) for values in zip(*vectors, strict=True)])


def _dot(first: Vector, second: Vector) -> float:
    return float(sum(map(operator.mul, first, second)))
