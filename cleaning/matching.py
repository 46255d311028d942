"""Text made comparable, character by character, and patterns of those words that a text holds.

`folded` and `bare` keep the length of a text, so that what is found in them stands at the same place in the text itself. Knows no words.
"""

import functools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_BLANKS = "\u00a0\u2007\u202f\u3000"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63"
_DOUBLE, _SINGLE = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u300c\u300d\u300e\u300f", "\u2018\u2019\u201a\u201b\u2039\u203a\u00b4"
_SIGNS = {"\u060c": ",", "\u3001": ",", "\u061b": ";", "\u3002": ".", "\uff61": ".", "\u2192": ">", "\u00a6": "|", "\u2502": "|"}
_LETTERS = {"ł": "l", "ø": "o", "đ": "d", "ı": "i", "ð": "d"}
UNSPACED_CHARS = (
    "\u0e00-\u0e7f"  # Thai
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Japanese, Chinese
    "\uac00-\ud7af"  # Korean: particles are glued to words
)
UNSPACED = re.compile(f"[{UNSPACED_CHARS}]")
_WORD = re.compile(r"[^\W\d_]+")
UNSPACED_LETTER = f"(?-i:[{UNSPACED_CHARS}\u3005\u30fc])"  # without case: with it each of these letters is looked at when compiled
_MARKS = (  # belong to letters
    r"\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
)
LETTER = rf"(?:[^\W\d_]|[{_MARKS}])"
WORD_END = rf"(?:(?<=[^\W\d_]{{5}})[^\W\d_]{{0,12}}(?![^\W\d_])|(?<=(?-i:[{UNSPACED_CHARS}]))|(?![^\W\d_]))"
"""The end of a word, or of one that begins with a word of five or more letters, as `Bestellnummer` does with `Bestell`."""


Place = tuple[int, int]
"""Where a value begins and ends in a text."""


class _Table(dict[int, str]):
    """A table for `str.translate` that is filled as characters turn up."""

    def __init__(self, of: Callable[[str], str]) -> None:
        super().__init__()
        self._of = of

    def __missing__(self, code: int) -> str:
        found = self[code] = self._of(chr(code))
        return found


def _fold(char: str) -> str:
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if "\uff01" <= char <= "\uff5e":
        return chr(ord(char) - 0xFEE0)
    for group, plain in ((_BLANKS, " "), (_DASHES, "-"), (_DOUBLE, '"'), (_SINGLE, "'")):
        if char in group:
            return plain
    return _SIGNS.get(char, char)


def _bare(char: str) -> str:
    small = char.lower() if len(char.lower()) == 1 else unicodedata.normalize("NFD", char)[0].lower()
    if small in _LETTERS:
        return _LETTERS[small]
    is_alphabet = char < "\u0530" or "\u1e00" <= char <= "\u1fff"
    return unicodedata.normalize("NFD", small)[0] if is_alphabet else small


_LIKE = dict(zip("аеорсхуѕіјԁАЕОРСХУЅІЈ", "aeopcxysijdAEOPCXYSIJ", strict=True))  # Cyrillic that looks like Latin
_LATIN_LIKE = re.compile(f"(?<=[A-Za-z])[{''.join(_LIKE)}]|[{''.join(_LIKE)}](?=[A-Za-z])")
_FOLD, _BARE = _Table(_fold), _Table(_bare)


def folded(text: str) -> str:
    """`text` with digits of all scripts, full-width signs, blanks, dashes and quotation marks as ASCII has them; of the same length.

    >>> folded("Tel：٠١２－３")
    'Tel:012-3'
    """
    if text.isascii():
        return text
    text = text.translate(_FOLD)
    return _LATIN_LIKE.sub(lambda match: _LIKE[match[0]], text) if _LATIN_LIKE.search(text) else text


def bare(text: str) -> str:
    """`text` in small letters without accents; of the same length.

    >>> bare("Núñez")
    'nunez'
    """
    return text.lower() if text.isascii() else text.translate(_BARE)


class Plain:
    """A folded text, in which patterns are searched, and what of it tells which of them can match."""

    def __init__(self, text: str) -> None:
        self.text = folded(text)
        self.small = self.text.lower()

    @functools.cached_property
    def heads(self) -> frozenset[str]:
        """The first four letters of the words, and the first three, as `Lexicon` files them."""
        heads: set[str] = set(_HEADS.findall(bare(self.text)))
        return frozenset(heads | {head[:3] for head in heads})

    @functools.cached_property
    def is_unspaced(self) -> bool:
        """True for a text with letters of a script that sets no or few blanks."""
        return not self.text.isascii() and UNSPACED.search(self.text) is not None


_HEADS = re.compile(r"(?<![^\W\d_])[^\W\d_]{1,4}")


class Lexicon:
    """Many words, of which those that a text holds are found without looking for each."""

    def __init__(self, words: Iterable[str]) -> None:
        self._by_head: defaultdict[str, list[str]] = defaultdict(list)
        self._unspaced: list[str] = []
        for word in sorted(words):
            if UNSPACED.match(word):
                self._unspaced.append(word)
            else:
                self._by_head[_rarest_head(word)].append(word)
        self._heads = frozenset(self._by_head)

    def held(self, plain: Plain) -> list[str]:
        """The words that stand in a text, also inside other words."""
        words = [word for head in self._heads & plain.heads for word in self._by_head[head] if word in plain.small]
        return words + [word for word in self._unspaced if word in plain.small] if plain.is_unspaced else words


def _rarest_head(words: str) -> str:
    """The first letters of the longest of some words; of the first where all are short and a text may hold the last in a longer one."""
    found: list[str] = _WORD.findall(bare(words))
    longest = max(found, key=len)
    return (longest if len(longest) >= 3 else found[0])[:4]


class WordPattern:
    """A pattern around some of many words, made of only those that a text holds: most texts hold none of them, and hardly one many.

    `pattern` gives the whole expression for an alternation of words. Words in `glued` are also found inside others.
    """

    def __init__(self, words: Iterable[str], pattern: Callable[[str], str], *, flags: int = re.I, glued: Iterable[str] = ()) -> None:
        self._glued = tuple(glued)
        self._lexicon = Lexicon({word.lower() for word in words}.difference(self._glued))
        self._made = functools.lru_cache(maxsize=1000)(lambda held: re.compile(pattern(either(held)), flags))

    def of(self, plain: Plain) -> "re.Pattern[str] | None":
        """The pattern for a text; None if none of the words stands in it."""
        held = self._lexicon.held(plain)
        held += [word for word in self._glued if word in plain.small]
        return self._made(frozenset(held)) if held else None

    def finditer(self, plain: Plain) -> Iterator["re.Match[str]"]:
        """The matches in a text."""
        pattern = self.of(plain)
        return pattern.finditer(plain.text) if pattern is not None else iter(())

    def search(self, text: str) -> "re.Match[str] | None":
        """A match in a short text, None if there is none."""
        return next(self.finditer(Plain(text)), None)


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of value is found; one of `hints` stands in any text that holds one, in small letters, and spares most searches."""

    kind: str
    places: Callable[[Plain], Iterable[Place]]
    hints: tuple[str, ...] = ()


def shape(
    pattern: str, *, flags: int = re.I, accepts: Callable[["re.Match[str]"], bool] | None = None
) -> Callable[[Plain], Iterator[Place]]:
    """The places of a pattern, of its group `value` if it has one, where `accepts` takes the match."""
    compiled = re.compile(pattern, flags)
    group = compiled.groupindex.get("value", 0)
    return lambda plain: (match.span(group) for match in compiled.finditer(plain.text) if accepts is None or accepts(match))


def either(words: Iterable[str]) -> str:
    """One of `words` as a group, the longest first; words of scripts with blanks begin where no letter stands before."""
    known = set(words)
    unspaced = {word for word in known if UNSPACED.match(word)}
    spaced = longest_first(known - unspaced).replace("\\ ", r"[ \n]{1,2}")
    parts = [rf"(?<![^\W\d_])(?:{spaced})"] if spaced else []
    return f"(?:{'|'.join([*parts, *filter(None, [longest_first(unspaced)])])})"


def longest_first(words: Iterable[str]) -> str:
    """The alternation of `words` for a pattern, so that none hides a longer one."""
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


def before(match: "re.Match[str]", *, reach: int = 48, group: int | str = 0) -> str:
    """What stands before a match in the same line, `reach` characters of it."""
    start = match.start(group)
    return match.string[max(0, start - reach) : start].rsplit("\n", 1)[-1]
