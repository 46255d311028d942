"""Words of a text as they are compared: lower case, without accents, cut to a stem.

Deterministic, linear in the text's length, standard library only. Knows no ticket, no issue and of languages only the common words of
English; scripts without spaces are cut into pairs of characters.
"""

import functools
import json
import re
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path

MAX_CHARS = 8_000
MAX_WORD_CHARS = 40
STEM_CHARS = 6
"""Long enough for English, German or Russian endings to fall off: finds the right issue as often as rules for English endings do."""

_WORD = re.compile(r"[^\W_]+")
_APOSTROPHE = re.compile(r"(?<=\w)['’`](?=\w)")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_ACCENTS = re.compile("[\u0300-\u036f]+")
_PLACEHOLDER = re.compile(r"\[[A-Z_]{3,30}(?:_[0-9]{1,6})?\]")  # [EMAIL_1]: something that was removed says nothing


@functools.cache
def listed(name: str) -> frozenset[str]:
    """The words of a list of `words.json`: English ones that say little, and those of titles that name no problem."""
    rows: dict[str, list[str]] = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))
    return frozenset(" ".join(rows[name]).split())


STOP_WORDS = listed("common")


def words(text: str, *, max_chars: int = MAX_CHARS) -> list[str]:
    """Stems of the telling words of `text` in order, without common words; only the first `max_chars` characters are read.

    >>> words("My cards aren't working, the payments were declined!")
    ['card', 'workin', 'paymen', 'declin']
    """
    return [stem(word) for word in plain_words(text, max_chars=max_chars) if word not in STOP_WORDS]


def terms(text: str) -> tuple[str, ...]:
    """What texts are compared by: stems of telling words and common words as they are, each once, in order.

    >>> terms("Where is my card? The card!")
    ('where', 'is', 'my', 'card', 'the')
    """
    return tuple(dict.fromkeys(map(_term, plain_words(text))))


@functools.lru_cache(maxsize=65_536)  # the words of a language, seen again and again
def _term(word: str) -> str:
    """A common word as it is, of another one the stem; held once in memory however many texts have it."""
    return sys.intern(word if word in STOP_WORDS else stem(word))


def plain_words(text: str, *, max_chars: int = MAX_CHARS) -> list[str]:
    """Every word of `text` in order: lower case, without accents, apostrophes and placeholders such as `[EMAIL_1]`.

    >>> plain_words("I can't pay at the Café")
    ['i', 'cant', 'pay', 'at', 'the', 'cafe']
    """
    plain = _PLACEHOLDER.sub(" ", text[:max_chars])
    if not plain.isascii():
        plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", plain).lower())
    plain = plain.lower()
    if plain.isascii():
        return [word[:MAX_WORD_CHARS] for word in _WORD.findall(_APOSTROPHE.sub("", plain))]
    found: list[str] = []
    for word in _WORD.findall(_APOSTROPHE.sub("", plain)):
        found.extend(_pairs(word) if _UNSPACED.search(word) else [word[:MAX_WORD_CHARS]])
    return found


def stem(word: str) -> str:
    """A word without its ending: its first letters, without a plural s. One with a digit is a code and stays whole.

    >>> [stem(word) for word in ("cancelled", "cancellation", "fees", "Rechnungen", "e07", "0x80070005")]
    ['cancel', 'cancel', 'fee', 'Rechnu', 'e07', '0x80070005']
    """
    if len(word) > STEM_CHARS:
        word = word if any(map(str.isdigit, word)) else word[:STEM_CHARS]
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


def _pairs(word: str) -> list[str]:
    """Characters two by two, for scripts that put no space between words."""
    return [word[place : place + 2] for place in range(max(1, len(word) - 1))]


def cosine(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """The cosine of two vectors of length one, 0 to 1.

    >>> cosine({"card": 1.0}, {"card": 0.6, "pin": 0.8})
    0.6
    """
    small, large = (first, second) if len(first) <= len(second) else (second, first)
    return min(1.0, sum(value * large[term] for term, value in small.items() if term in large))
