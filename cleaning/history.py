"""What the messages of a ticket have said so far, and whether a line of a later message is in there.

A line is history when all its words stand in this order in one earlier message: words may be missing from it, but an added word makes it
the writer's own. Case, white space, quote marks, wrapping and links do not count. Finding a line takes a bounded number of steps for each
of its words, whatever the thread holds; of a thread longer than `MAX_WORDS` only the beginning is known.
"""

import functools
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence

MAX_WORDS = 1_000_000
_MAX_ANCHORS = 24  # places of a line's rarest word that are tried, the last first
_SHORT_WORDS = 2
_MAX_CACHED = 500  # characters
_LINK = re.compile(r"https?://\S+|\([\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\)")
# Scripts that set no or few blanks between words.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


def words_of(text: str) -> Sequence[str]:
    """The words of a text in small letters, without links; in scripts without blanks each letter counts as one.

    >>> words_of("> See https://a.example/x, It's 再起")
    ('see', 'it', 's', '再', '起')
    """
    return _words_of_line(text) if len(text) <= _MAX_CACHED else _split(text)


def _split(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(_LINK.sub(" ", text.lower()) if "http" in text or "(" in text else text.lower()))


_words_of_line = functools.lru_cache(maxsize=4096)(_split)  # a line is looked at several times, and quoted again and again


class History:
    """The words of earlier messages and where each stands."""

    def __init__(self) -> None:
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        self._starts: list[int] = []  # of the messages
        self._lines: dict[tuple[str, ...], int] = {}  # a whole line of a message and where it last ended
        self._size = 0

    def __bool__(self) -> bool:
        return self._size > 0

    def add(self, lines: Iterable[str]) -> None:
        """Take in the lines of one message."""
        self._size += 1  # a place that no word has parts the messages
        self._starts.append(self._size)
        for line in lines:  # one that was said before is known already
            words = tuple(words_of(line))
            if words in self._lines:
                continue
            if self._size + len(words) > MAX_WORDS:
                return
            for place, word in enumerate(words, self._size):
                self._places[word].append(place)
            self._size += len(words)
            if words:
                self._lines[words] = self._size

    def find(self, words: Sequence[str], *, after: int = -1) -> int | None:
        """Where these words end in an earlier message; None if no message holds them in this order, or if there are none.

        One or two words are found only as a whole line of a message or at `after`, where the line before them ended.
        """
        if not words:
            return None
        end = self._lines.get(tuple(words))
        if end is not None:
            return end
        if len(words) <= _SHORT_WORDS:
            return after + len(words) if self._stand_at(words, after) else None
        anchor, places = self._rarest(words)
        for place in places:
            found = self._around(words, anchor, place)
            if found is not None:
                return found
        return None

    def _stand_at(self, words: Sequence[str], start: int) -> bool:
        return start >= 0 and all(self._next(word, start + offset) == start + offset for offset, word in enumerate(words))

    def _rarest(self, words: Sequence[str]) -> tuple[int, Sequence[int]]:
        """The position of the line's rarest word and the places of it to try; none if a word of the line was never said."""
        if not self._places.keys() >= set(words):
            return 0, ()
        every = [self._places[word] for word in words]
        places = min(every, key=len)
        return every.index(places), places[: -_MAX_ANCHORS - 1 : -1]

    def _around(self, words: Sequence[str], anchor: int, place: int) -> int | None:
        """The end of the words around one place of their rarest, all in its message and not far apart."""
        message = bisect_right(self._starts, place) - 1
        start = self._starts[message]
        stop = self._starts[message + 1] - 1 if message + 1 < len(self._starts) else self._size
        room = 2 * len(words) + 4  # words and gaps
        first = last = place
        for word in words[anchor + 1 :]:
            following = self._next(word, last + 1)
            if following is None or following >= stop or following - first > room:
                return None
            last = following
        for at in range(anchor - 1, -1, -1):
            before = self._last(words[at], first)
            if before is None or before < start or last - before > room:
                return None
            first = before
        return last + 1

    def _next(self, word: str, place: int) -> int | None:
        places = self._places.get(word, [])
        at = bisect_left(places, place)
        return places[at] if at < len(places) else None

    def _last(self, word: str, place: int) -> int | None:
        places = self._places[word]
        at = bisect_left(places, place)
        return places[at - 1] if at else None
