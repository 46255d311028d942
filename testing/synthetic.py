"""Made-up labelled conversations in any number: topics with a long tail, each with words of its own among everybody's words.

The same arguments give the same conversations, byte for byte. Good for counting and timing; says nothing about quality on real language.
"""

import json
import random
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

from testing.labelled_run import LabelledSet, load_set

_ONSETS = ("b", "br", "c", "d", "dr", "f", "g", "gl", "h", "k", "kr", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "tr", "v", "w", "z")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ou")
_CODAS = ("b", "ck", "d", "g", "l", "m", "n", "nd", "p", "r", "rk", "t", "x")
OWN_WORDS, SHARED_WORDS = 8, 600
WORDS_IN_LEXICON = 12_000


def synthetic_set(path: Path, tickets: int, topics: int, *, seed: int = 1) -> LabelledSet:
    """`tickets` conversations about at most `topics` topics, written to `path` as a labelled file and read from it."""
    path.write_text("".join(json.dumps(row) + "\n" for row in synthetic_rows(tickets, topics, seed=seed)), encoding="utf-8")
    return load_set(path)


def placed_set(path: Path, tickets: int, topics: int, *, seed: int = 1) -> LabelledSet:
    """The same with none of the topics missing."""
    rows = synthetic_rows(tickets, topics, seed=seed, each_once=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return load_set(path)


def synthetic_rows(tickets: int, topics: int, *, seed: int = 1, each_once: bool = False) -> Iterator[dict[str, Any]]:
    """The conversations as rows of a labelled file: `{"id", "subject", "messages", "label"}`; the first topic is the most common.

    `each_once`: the first tickets are one about each topic, so that none is missing.
    """
    draw = random.Random(seed)
    lexicon = _lexicon(draw)
    own = [draw.sample(lexicon[SHARED_WORDS:], OWN_WORDS) for _ in range(topics)]
    weights = list(accumulate(1 / (place + 3) for place in range(topics)))
    for number in range(tickets):
        topic = number if each_once and number < topics else draw.choices(range(topics), cum_weights=weights)[0]
        yield _row(number, topic, own[topic], lexicon[:SHARED_WORDS], draw)


def _row(number: int, topic: int, own: list[str], shared: list[str], draw: random.Random) -> dict[str, Any]:
    said = [*draw.sample(own, draw.randint(3, 6)), *draw.choices(shared, k=draw.randint(6, 24))]
    draw.shuffle(said)
    answer = " ".join(["please", *draw.sample(own, 2), *draw.choices(shared, k=8)])
    messages = [{"speaker": "user", "text": f"{' '.join(said)} {number}."}, {"speaker": "agent", "text": f"{answer}."}]
    return {"id": number, "subject": " ".join([draw.choice(own), draw.choice(shared)]), "messages": messages, "label": f"topic-{topic}"}


def _lexicon(draw: random.Random) -> list[str]:
    """Different words of two or three syllables."""
    words: dict[str, None] = {}
    while len(words) < WORDS_IN_LEXICON:
        syllables = range(draw.choice((2, 2, 3)))
        words["".join(draw.choice(_ONSETS) + draw.choice(_VOWELS) for _ in syllables) + draw.choice(_CODAS)] = None
    return list(words)
