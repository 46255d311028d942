"""Words of a text and what they weigh: tokenising, light stemming, document frequencies, weighted vectors, cosine.

Deterministic, linear in the text's length, standard library only. Knows no ticket, no issue and no language but the endings of English;
words of other languages stay as they are, and scripts without spaces are cut into pairs of characters.
"""

import functools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

MAX_CHARS = 8_000
MAX_WORD_CHARS = 40
_WORD = re.compile(r"[^\W_]+")
_APOSTROPHE = re.compile(r"(?<=\w)['’`](?=\w)")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_ACCENTS = re.compile("[\u0300-\u036f]+")
_PLACEHOLDER = re.compile(r"\[[A-Z_]{3,30}(?:_[0-9]{1,6})?\]")  # [EMAIL_1]: something that was removed says nothing
_VOWEL = re.compile("[aeiouy]")
_STOP = """
a about above after again against all also am an and any anybody anyone anything are arent as ask asked asking at back be because been
before being below between both but by bye call called calling can cannot cant come could couldnt customer day days dear did didnt do
does doesnt doing done dont down during each else even ever every few for from further get gets getting give go goes going gonna good
got great had hadnt has hasnt have havent having he hello help helped helping her here hers hey hi him his hope how i id if ill im in
into is isnt it its ive just kind kindly know let lets like little look looking lot made make making many may maybe me mean might more
most much must my myself need needed needs no nor not now of off oh ok okay on once one only or other our ours out over own perfect
please possible problem put question really regards right said same say see seem seems she should shouldnt so some someone something
sorry still such sure take tell than thank thanks that thats the their them then there theres these they theyre thing things think this
those though through thx time to today too tried try trying two uh um under until up us use very via wait wanna want wanted wants was
wasnt we well went were werent what whats when where which while who whom whose why will wish with wont would wouldnt yeah yes yet you
your youre yours
"""
STOP_WORDS = frozenset(_STOP.split())


def words(text: str, *, max_chars: int = MAX_CHARS) -> list[str]:
    """Stems of the telling words of `text` in order, without stop words; only the first `max_chars` characters are read.

    >>> words("My cards aren't working, the payments were declined!")
    ['card', 'work', 'pay', 'declin']
    """
    return split_words(text, max_chars=max_chars)[0]


def split_words(text: str, *, max_chars: int = MAX_CHARS) -> tuple[list[str], list[str]]:
    """The stems of the telling words of `text`, and its stop words, each in order.

    >>> split_words("Where is my card?")
    (['card'], ['where', 'is', 'my'])
    """
    found = plain_words(text, max_chars=max_chars)
    return [stem(word) for word in found if word not in STOP_WORDS], [word for word in found if word in STOP_WORDS]


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


@functools.lru_cache(maxsize=65_536)  # the words of a language, seen again and again
def stem(word: str) -> str:
    """A word without its common English ending; shorter than Porter's rules, and never below three letters.

    >>> [stem(word) for word in ("cancelled", "cancellation", "fees", "verify", "verified", "charging")]
    ['cancel', 'cancel', 'fee', 'verifi', 'verifi', 'charg']
    """
    if len(word) < 4 or not word.isascii() or word.isdigit():
        return word
    base = _singular(word)
    for ending in ("ation", "ing", "ed", "ment", "ly"):
        if base.endswith(ending) and len(base) - len(ending) >= 3 and _VOWEL.search(base[: -len(ending)]):
            base = base[: -len(ending)]
            break
    if base.endswith(("ate", "at")) and len(base) > 6:
        base = base[: base.rindex("at")]
    doubled = base[-1] == base[-2] and base[-1] not in "aeiousz"
    if len(base) > 3 and (doubled or base[-1] == "e"):
        base = base[:-1]
    return base[:-1] + "i" if len(base) > 3 and base[-1] == "y" else base


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _pairs(word: str) -> list[str]:
    """Characters two by two, for scripts that put no space between words."""
    return [word[place : place + 2] for place in range(max(1, len(word) - 1))]


class WordWeights:
    """How many texts hold each word, and the weights that follow: a word that few texts hold weighs much."""

    def __init__(self) -> None:
        self._texts_with: Counter[str] = Counter()
        self._texts = 0

    def add(self, terms: Iterable[str]) -> None:
        """Count one more text that holds `terms`."""
        self._texts_with.update(set(terms))
        self._texts += 1

    def remove(self, terms: Iterable[str]) -> None:
        """Count one text fewer; `terms` are those that it was added with."""
        for term in set(terms):
            self._texts_with[term] -= 1
            if self._texts_with[term] <= 0:
                del self._texts_with[term]
        self._texts -= 1

    def texts_with(self, term: str) -> int:
        """The number of texts that hold `term`."""
        return self._texts_with.get(term, 0)

    def weight(self, term: str) -> float:
        """The inverse document frequency, smoothed; between 0.4 and about 12, and the same for all words as long as nothing was added."""
        return math.log(0.5 + (self._texts + 1) / (self._texts_with.get(term, 0) + 0.5)) if self._texts else 1.0

    def vector(self, terms: Iterable[str]) -> dict[str, float]:
        """Weights by word, of length one; a repeated word counts by the logarithm of its number. Empty for no words."""
        raw = {term: (1 + math.log(count)) * self.weight(term) for term, count in Counter(terms).items()}
        length = math.sqrt(sum(value * value for value in raw.values()))
        return {term: value / length for term, value in raw.items()} if length else {}


def cosine(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """The cosine of two vectors of length one, 0 to 1.

    >>> cosine({"card": 1.0}, {"card": 0.6, "pin": 0.8})
    0.6
    """
    small, large = (first, second) if len(first) <= len(second) else (second, first)
    return min(1.0, sum(value * large[term] for term, value in small.items() if term in large))
