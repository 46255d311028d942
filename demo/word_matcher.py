"""Which issues speak of the same problem, by the words they share: the matching half of the built-in model, and its thresholds.

A word weighs by how few of the issues in the prompt have it: the model sees one prompt, remembers nothing, and knows no list of words of
any trade. Reads no prompt and writes no card.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from clustering.words import cosine, words

MATCHES = 0.16
"""A ticket and an issue that have less than this in common, by the program's own count, do not belong together."""

DOUBTFUL = 0.13
"""From here on up to `MATCHES` they may belong together: a person is to look."""

MERGES = 0.3
"""Issues that are less alike than this stay apart."""


def weight(term: str) -> float:
    """How much a word tells by itself: 1, or half for numbers."""
    return 0.5 if term.isdigit() else 1.0


def telling(texts: Sequence[str]) -> dict[str, float]:
    """How much each word of some texts tells among them, 0 to 1: one that stands in all of them tells little.

    >>> found = telling(["lid leaks", "lid rattles"])
    >>> found["lid"] < found["leak"]
    True
    """
    counts = Counter(term for text in texts for term in set(words(text)))
    most = math.log(1 + len(texts))
    return {term: weight(term) * math.log(1 + len(texts) / count) / most for term, count in counts.items()}


def vector(texts: Iterable[str], weights: Mapping[str, float]) -> dict[str, float]:
    """Weighted words of some texts, of length just below one; a word that `weights` does not name tells what it tells by itself.

    The fewer telling words, the shorter, so that a text which says little is never quite like another. Empty when there is none.
    """
    counts = Counter(term for text in texts for term in words(text))
    raw = {term: weights.get(term, weight(term)) * (1 + math.log(count)) for term, count in counts.items()}
    length = math.sqrt(1 + sum(value * value for value in raw.values()))
    return {term: value / length for term, value in raw.items()}


def shared(lines: Sequence[str], ticket: Iterable[str]) -> list[float]:
    """How much a ticket has in common with each of some issues' lines, 0 to 1."""
    weights = telling(lines)
    own = vector(ticket, weights)
    return [cosine(own, vector([line], weights)) for line in lines]


def alike_groups(texts: Sequence[str]) -> list[list[int]]:
    """Places of texts in groups of two and more of which every two are alike enough; each text joins the first group that it fits."""
    weights = telling(texts)
    vectors = [vector([text], weights) for text in texts]
    groups: list[list[int]] = []
    for place, own in enumerate(vectors):
        fitting = (group for group in groups if all(cosine(own, vectors[other]) >= MERGES for other in group))
        group = next(fitting, None)
        if group is None:
            groups.append([place])
        else:
            group.append(place)
    return [group for group in groups if len(group) > 1]
