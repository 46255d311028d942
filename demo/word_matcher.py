"""Which issues speak of the same problem, by the words they share: the matching half of the built-in model, and its thresholds.

Between issues a word weighs by a fixed list and not by how often it occurs elsewhere, because the model sees one prompt and remembers
nothing. What a ticket has in common with an issue it reads in the prompt. Reads no prompt and writes no card.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from clustering.words import cosine, stem, words

MATCHES = 0.20
"""A ticket and an issue that have less than this in common, by the program's own count, do not belong together."""

DOUBTFUL = 0.17
"""From here on up to `MATCHES` they may belong together: a person is to look."""

MERGES = 0.35
"""Issues that are less alike than this stay apart."""

_GENERAL = """
able account add agent amount app appear apply application available bank cancel card change charge check close company contact copy create
customer date day delete detail device different dollar download eight email error everything exact explain feature find first five four
friend hear home hour house hundred info information issue item last link list load login long mail message minute mobile money month
morning move name new next nine number offer office old online open option order page password pay payment person phone place press price
process product purchase read receive receipt reset second section select send sent service set seven show shop six sixty start state stop
store support switch system ten text thirty thousand three ticket transaction transfer turn twenty type update upgrade user version view
visit website week wonder work wrong year fifty forty hold line thankyou question assist assistance advise advice provide let real actual
believe feel happen happy hopefully quick recent currently already someone somebody anyway alright folks guess sure yep nope bit
"""
GENERAL = frozenset(stem(word) for word in _GENERAL.split())
"""Words of any shop, bank or support desk: they say little about the problem."""


def weight(term: str) -> float:
    """How much a word tells: 1, or half for general words and numbers."""
    return 0.5 if term in GENERAL or term.isdigit() else 1.0


def vector(texts: Iterable[str]) -> dict[str, float]:
    """Weighted words of some texts, of length just below one.

    The fewer telling words, the shorter, so that a text which says little is never quite like another. Empty when there is none.
    """
    counts = Counter(term for text in texts for term in words(text))
    raw = {term: weight(term) * (1 + math.log(count)) for term, count in counts.items()}
    length = math.sqrt(1 + sum(value * value for value in raw.values()))
    return {term: value / length for term, value in raw.items()}


def shared(lines: Sequence[str], ticket: Iterable[str]) -> list[float]:
    """How much a ticket has in common with each of some issues' lines, 0 to 1."""
    own = vector(ticket)
    return [cosine(own, vector([line])) for line in lines]


def alike_groups(texts: Sequence[str]) -> list[list[int]]:
    """Places of texts in groups of which every two are alike enough (complete link), in order."""
    vectors = [vector([text]) for text in texts]
    groups = [[place] for place in range(len(texts))]
    while len(groups) > 1:
        score, first, second = _nearest(groups, vectors)
        if score < MERGES:
            break
        groups[first] = sorted(groups[first] + groups.pop(second))
    return groups


def likeness(group: Sequence[int], texts: Sequence[str]) -> float:
    """How alike the least alike two of a group are; 1 for a group of one."""
    vectors = [vector([texts[place]]) for place in group]
    return min((cosine(vectors[one], vectors[two]) for one in range(len(vectors)) for two in range(one)), default=1.0)


def _nearest(groups: Sequence[Sequence[int]], vectors: Sequence[dict[str, float]]) -> tuple[float, int, int]:
    """Likeness and places of the two groups whose least alike members are most alike."""
    links = [
        (min(cosine(vectors[one], vectors[two]) for one in groups[first] for two in groups[second]), first, second)
        for second in range(len(groups))
        for first in range(second)
    ]
    return max(links, key=lambda link: (round(link[0], 9), -link[1], -link[2]))
