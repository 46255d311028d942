"""Which texts of a wave resemble earlier ones, found by the words they share instead of pair by pair. Pure; knows no ticket."""

from collections.abc import Mapping, Sequence


def earlier_alike(vectors: Sequence[Mapping[str, float]], *, least: float, most: int) -> list[list[int]]:
    """For each vector the places of earlier ones whose cosine with it is `least` or more: the `most` likeliest, in order of place.

    >>> earlier_alike([{"pin": 1.0}, {"card": 1.0}, {"card": 0.6, "pin": 0.8}], least=0.5, most=2)
    [[], [], [0, 1]]
    """
    holders: dict[str, list[tuple[int, float]]] = {}
    found: list[list[int]] = []
    for place, vector in enumerate(vectors):
        likeness: dict[int, float] = {}
        for word, weight in vector.items():
            for other, other_weight in holders.get(word, ()):
                likeness[other] = likeness.get(other, 0.0) + weight * other_weight
        alike = sorted((-score, other) for other, score in likeness.items() if score >= least)
        found.append(sorted(other for _, other in alike[:most]))
        for word, weight in vector.items():
            holders.setdefault(word, []).append((place, weight))
    return found
