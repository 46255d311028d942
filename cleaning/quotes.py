"""What is new in a message: its lines without what the ticket has already said.

Quoting nodes, `>`, attributions ("On ... wrote:"), mail headers and ruled lines only say where to look, and are known by their shape in any
language: a short paragraph with a date that ends in a colon, neighbouring lines `label: value`, a line between dashes. What is cut there is
what an earlier message of the ticket holds (see `history`). What it does not hold is the writer's and stays, so a ticket's first message
loses nothing but the header lines of what it forwards. Cuts no signature and stores nothing of what it cut.
"""

import functools
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from cleaning import languages
from cleaning.history import History, words_of
from cleaning.markup import MEDIA_MARKER, Line

# Marks of nodes. HISTORY_BELOW is a point after which history stands, the others are containers.
QUOTE, HISTORY_BELOW, SIGNATURE = "quote", "history below", "signature"
_MARKS = {
    name: mark
    for mark, names in ((QUOTE, "quote_nodes"), (HISTORY_BELOW, "nodes_above_history"), (SIGNATURE, "signature_nodes"))
    for name in languages.listed(names)
}
_AFFIXES = re.compile(r"^(?:x_)+|^ydp\w{1,20}?(?=yahoo_quoted)|(?<=yahoo_quoted)\w+$")
_INDENT = re.compile(r"border(?:-left)?\s*:\s*(?:none|0)", re.I)
_OUTLOOK_RULE = re.compile(r"border:\s*none;\s*border-top:\s*solid\s*#(?:E1E1E1|B5C4DF)", re.I)


def mail_mark(tag: str, attributes: Mapping[str, str]) -> str | None:
    """The meaning of a node: one of this module's marks, or None.

    >>> mail_mark("div", {"class": "gmail_quote"}), mail_mark("div", {"class": "row"})
    ('quote', None)
    """
    if not attributes and tag != "blockquote":
        return None
    for name in (attributes.get("id", ""), *attributes.get("class", "").split()):
        if mark := _MARKS.get(_AFFIXES.sub("", name.lower())):
            return mark
    if tag == "blockquote":
        return None if _INDENT.search(attributes.get("style", "")) else QUOTE
    if tag == "hr":
        return HISTORY_BELOW if attributes.get("tabindex") == "-1" else None
    if tag == "div" and attributes.get("name") == "quote":
        return QUOTE
    return HISTORY_BELOW if tag == "div" and _OUTLOOK_RULE.search(attributes.get("style", "")) else None


_MAX_LINE = 300  # characters of a line that may say whose words come
_MAX_HEADER_LINES = 16
_LOOK_AHEAD = 6  # lines
_MAX_LOOK = 500  # characters of each
_MIN_TAIL_WORDS = 15  # of known last lines without any sign that they are history
_MIN_KNOWN_SHARE = 0.2  # of the words of a quote that the ticket holds
_MAX_UNKNOWN_QUOTE = 2000  # characters of a quote that the ticket does not hold
ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}")
_DATE = re.compile(
    r"\d{1,4}[./-]\s?\d{1,2}[./-]|\d{4}[年년]|\d{1,2}[:.h]\d{2}|(?<!\d)\d{1,2}(?:\.|st|nd|rd|th)?,?\s{1,3}(?:de |di )?[^\W\d_]{3,}|"
    r"[^\W\d_]{3,}\.?\s{1,3}\d{1,2}(?!\d)"
)
_LABEL = re.compile(r"[^\w>|]{0,3}([^\W\d][^:：\n<>@|()\d]{0,30}?)\s?\*?\s?[:：]\*?(?:\s|$|(?=\S))(?!//)[ |]{0,4}(.*)")
_LABEL_WITHIN = re.compile(r"(?:^|\s)[^\W\d]\S{0,20}(?: [^\W\d]{1,12})?\s?[:：](?=\s)")
_FRAMED = re.compile(r"\s?[-_=*#]{2,}[^\w\n]{0,3}[^-_=*#\n].{0,100}[^-_=*#\n][^\w\n]{0,3}[-_=*#]{2,}\s?")
_RULE = re.compile(r"[_\-=*]{5,}")
_ENDS_LIKE_ATTRIBUTION = re.compile(r"[:：]\W{0,4}$|[写寫]道\W{0,2}$")
_MAX_END = 5  # characters of that
_BROKEN_ADDRESS = re.compile(r"(?:^|\s)[<(]\n[\w.+-]{1,64}@[\w-]|[<(][\w.+-]{1,64}@[\w.-]{1,64}\n[>)]")
_ENDS_SENTENCE = (".", "?", "!", ":", "。", "？", "！", "：", "؟", "।")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_QUOTE_SIGNS = re.compile(r"(?:\s?>)+\s?")


@dataclass(frozen=True, slots=True)
class NewLines:
    """`lines` that are new; `cut` counts the characters that are not, by reason. `only_history`: nothing is new but there were words."""

    lines: list[Line]
    cut: Counter[str]
    only_history: bool


def new_lines(lines: Sequence[Line], history: History) -> NewLines:
    """The lines of a message without what `history` holds.

    >>> known = History()
    >>> known.add(["Hello, is it on?"])
    >>> said = [Line("It fails."), Line("On 3 May 2025, Ann wrote:"), Line("> Hello, is it on?")]
    >>> [line.text for line in new_lines(said, known).lines]
    ['It fails.']
    """
    walker = _Walker(_unbroken(lines), history)
    walker.walk()
    only_history = not any(line.text for line in walker.kept) and any(has_words(line.text) for line in lines)
    return NewLines(walker.kept, walker.cut, only_history)


def has_words(text: str) -> bool:
    """True for text with a letter or digit outside the names of pictures and files."""
    return bool(_LETTER_OR_DIGIT.search(MEDIA_MARKER.sub("", text) if "[" in text else text))


def _unbroken(lines: Sequence[Line]) -> list[Line]:
    """The lines with addresses in one piece that a mail program broke at their angle bracket."""
    joined: list[Line] = []
    last = -3  # where the last line with words stands
    for line in lines:
        if line.text and len(joined) - last <= 2 and _BROKEN_ADDRESS.search(f"{joined[last].text[-140:]}\n{line.text[:140].lstrip()}"):
            joined[last:] = [Line(joined[last].text + line.text.strip(), joined[last].marks)]
        else:
            last = len(joined) if line.text else last
            joined.append(line)
    return joined


def _is_quoted(line: Line) -> bool:
    return line.text.startswith(">") or QUOTE in line.marks


def _bare(text: str) -> str:
    """The line without its quote signs, for looking at its shape; as much of it as any shape takes."""
    head = text[: _MAX_LINE + 1]
    match = _QUOTE_SIGNS.match(head) if head.startswith((">", " ")) else None
    return head[match.end() :] if match else head


def _ends_like_attribution(text: str) -> bool:
    return len(text) <= _MAX_LINE and ("---" in text or bool(_ENDS_LIKE_ATTRIBUTION.search(text[-_MAX_END:])))


def _is_framed(text: str) -> bool:
    """True for a line of words between dashes, as above a forwarded or original message."""
    return len(text) <= _MAX_LINE // 2 and bool(_FRAMED.fullmatch(text))


@functools.lru_cache(maxsize=1024)  # the lines ahead are looked at again from each line that may be a sign
def _is_sign(text: str) -> bool:
    """True for a line that by itself may be part of a header or attribution."""
    text = _bare(text)
    return len(text) <= _MAX_LINE and bool(_LABEL.fullmatch(text) or _ends_like_attribution(text) or _is_framed(text))


def _is_reply_marker(text: str) -> bool:
    """True for a line that asks to write above it, as helpdesks put it over what they quote."""
    return len(text) <= 120 and languages.says("reply_above", languages.spaced(text))


class _Header(NamedTuple):
    """Neighbouring lines `label: value`: where they end, and the values."""

    end: int
    values: list[str]

    @property
    def has_address(self) -> bool:
        return any("@" in value and ADDRESS.search(value) for value in self.values)

    @property
    def is_mail(self) -> bool:
        """True for what may be a mail's header: two lines with an address and a date, or more with one of them."""
        signs = self.has_address + any(map(_DATE.search, self.values))
        return signs + min(len(self.values), 3) >= 4


def _next_of(marked: Sequence[bool]) -> list[int]:
    """For each place and the one after the last the first place from there on that is marked; the number of places if there is none."""
    found, following = [len(marked)] * (len(marked) + 1), len(marked)
    for at in range(len(marked) - 1, -1, -1):
        following = at if marked[at] else following
        found[at] = following
    return found


class _Walker:
    """One pass over the lines; each place that may hold history is compared with what the ticket has said."""

    def __init__(self, lines: list[Line], history: History) -> None:
        self._lines = lines
        self._history = history
        self.kept: list[Line] = []
        self.cut: Counter[str] = Counter()
        self._below = False  # below a sign that history follows
        self._just_below = False  # where header lines may stand alone
        self._end = -1  # where the last known line ended in the history
        self._question: Line | None = None  # the known line just before
        self._no_header_before = 0
        self._next_text = _next_of([bool(line.text) for line in lines])
        known = history and [history.find(words_of(line.text[:_MAX_LOOK])) is not None for line in lines]
        self._next_known = _next_of(known or [False] * len(lines))

    def walk(self) -> None:
        at = 0
        while at < len(self._lines):
            line = self._lines[at]
            if HISTORY_BELOW in line.marks and not self._below and self._history_follows(at):
                self._enter()
            at = self._quote(at) if _is_quoted(line) else self._step(at)
        if self._history:
            self._pop_known_tail()

    def _step(self, at: int) -> int:
        """Keep or cut line `at`, and what belongs to it if it is a sign; the number of the next line."""
        line = self._lines[at]
        is_known = self._below and self._next_known[at] == at
        end = self._sign(at) if line.text and not is_known else at
        if end > at:
            return end
        if line.text and self._below:
            self._within(line)
        else:
            if not line.text and self._question is not None and not self._question.text.endswith(("?", "？", "؟")):
                self._question = None
            self.kept.append(line)
        return at + 1

    def _enter(self) -> None:
        self._below = self._just_below = True

    # Signs that history follows

    def _sign(self, at: int) -> int:
        """The end of an attribution, header or ruled line at `at` above history; `at` if there is none."""
        text = _bare(self._lines[at].text)
        if len(text) > _MAX_LINE:
            return at
        follows = self._history_follows(at + 1)
        if _is_framed(text):
            end = at + 1 if follows else self._end_of_forward(at)
            return self._drop(at, end, enter=follows)
        if (self._below or follows) and _is_reply_marker(text):
            return self._drop(at, at + 1)
        if follows and _RULE.fullmatch(text):
            return self._drop(at, at + 1, enter=False)
        marked = HISTORY_BELOW in self._lines[at].marks
        if (not text or ":" in text or "：" in text) and (self._history or marked) and at >= self._no_header_before:
            header = self._header(at)
            below = self._history_follows(header.end)
            if header.is_mail and (marked or below):
                return self._drop(at, header.end, enter=below)
            self._no_header_before = header.end  # a block that begins further down ends at the same place
        if self._just_below and follows and _LABEL.fullmatch(text):
            return self._drop(at, at + 1)
        self._just_below = False
        if follows and _ends_like_attribution(text):
            self.kept.append(self._lines[at])
            if self._pop_attribution():
                self._enter()
                return at + 1
            self.kept.pop()
        return at

    def _end_of_forward(self, at: int) -> int:
        """The end of a forward's marker at `at` and the header below it; `at` if there is none."""
        text = _bare(self._lines[at].text)
        if not (_is_framed(text) or (len(text) <= 80 and text.rstrip().endswith((":", "：")))):
            return at
        header = self._header(self._next_text[at + 1])
        return header.end if header.is_mail or (header.has_address and len(header.values) >= 2) else at

    def _drop(self, at: int, end: int, *, enter: bool = True) -> int:
        """Cut the lines from `at` to `end`; with `enter` history is expected below."""
        self._count("header", self._lines[at:end])
        if enter and not self._below:
            self._enter()
        return end

    def _header(self, at: int) -> _Header:
        """The lines `label: value` from `at` on; of one line that holds several, that line."""
        values: list[str] = []
        end = at
        for place in range(at, min(len(self._lines), at + 2 * _MAX_HEADER_LINES)):
            text = _bare(self._lines[place].text)
            if not values and "@" in text and len(parts := _LABEL_WITHIN.split(text)) > 3 and _DATE.search(text):
                return _Header(place + 1, parts[1:])
            match = _LABEL.fullmatch(text) if 0 < len(text) <= _MAX_LINE else None
            if match and len(match[1].split()) <= 4:
                values.append(match[2])
                end = place + 1
            elif text and not (values and place == end and ("@" in text or text.endswith(";"))):
                break
        return _Header(end, values)

    def _history_follows(self, at: int) -> bool:
        """True if one of the next lines stands in an earlier message; header lines between do not count."""
        at = min(at, len(self._lines))
        known, looked = self._next_known[at], 0
        if known == len(self._lines):
            return False
        for _ in range(_LOOK_AHEAD + _MAX_HEADER_LINES):
            at = self._next_text[at]
            if at == known or looked == _LOOK_AHEAD:
                break
            looked += not _is_sign(self._lines[at].text)
            at += 1
        return at == known

    def _pop_attribution(self) -> bool:
        """Cut the attribution that the kept lines end with: as many lines as hold a date and an address; False if they end with none."""
        at = len(self.kept) - 1
        while at >= 0 and not self.kept[at].text:
            at -= 1
        found, text = None, ""
        for start in range(at, max(-1, at - 4), -1):
            above = _bare(self.kept[start].text)
            text = f"{above} {text}".strip()
            if not above or not _ends_like_attribution(text) or (found is not None and above.rstrip().endswith(("!", "?"))):
                break
            signs = bool(_DATE.search(text)) + ("@" in text and bool(ADDRESS.search(text)))
            found = start if signs == 2 or (signs and found is None) else found
            if signs == 2:
                break
        if found is None:
            return False
        self._count("header", self.kept[found:])
        del self.kept[found:]
        return True

    # History itself

    def _within(self, line: Line) -> None:
        """A line below a sign of history: cut if the ticket holds it, else kept with the line before that it may answer."""
        self._just_below = False
        end = self._history.find(words_of(line.text), after=self._end)
        if end is not None or not has_words(line.text) or _is_salutation(line.text):
            self._end = self._end if end is None else end
            self._question = line if line.text.endswith(_ENDS_SENTENCE) else None
            self._count("history", [line])
            return
        if self._question is not None and "http" not in line.text:
            self.kept.append(self._question)
        self._question = None
        self.kept.append(line)

    def _quote(self, at: int) -> int:
        """A run of quoted lines from `at`, with the empty ones in it."""
        end = last = at
        marked = QUOTE in self._lines[at].marks
        while end < len(self._lines):
            line = self._lines[end]
            if (line.text or marked) and not _is_quoted(line):
                break
            last = end + 1 if line.text else last
            end += 1
        end = max(last, at + 1)
        share = self._known_share(at, end)
        if share is None:
            self.kept.extend(self._lines[at:end])
        elif share < _MIN_KNOWN_SHARE:
            self._unknown_quote(at, end)
        else:
            self._known_quote(at, end)
        return end

    def _known_share(self, at: int, end: int) -> float | None:
        """The share of a run's words that stand in known lines, header lines aside; None for a run without words."""
        known = total = 0
        for place in range(at, end):
            text = self._lines[place].text
            found = self._next_known[place] == place
            if found or not _is_sign(text):
                total += len(words_of(text))
                known += len(words_of(text)) if found else 0
        return known / total if total else None

    def _known_quote(self, at: int, end: int) -> None:
        """A run that the ticket holds: only what was written into it stays."""
        self._pop_attribution()
        below = self._below
        self._enter()
        self._question = None
        while (at := self._next_text[at]) < end:
            at = self._step(at)
        self._below, self._just_below, self._question = below, False, None

    def _unknown_quote(self, at: int, end: int) -> None:
        """A run that the ticket does not hold: kept, of bounded length unless it begins the ticket; a forward without its header."""
        first = self._next_text[at]
        below = self._end_of_forward(first) if first < end else first
        forwarded = below > first
        self._count("header", self._lines[at:below] if forwarded else ())
        kept = self._lines[below if forwarded else at : end]
        if not forwarded and any(QUOTE in line.marks for line in kept) and self._has_attribution(kept):
            kept = [line if not line.text or line.text.startswith(">") else Line(f"> {line.text}", line.marks) for line in kept]
        self.kept.extend(self._bounded(kept) if self._history else kept)

    def _has_attribution(self, quote: Sequence[Line]) -> bool:
        lines = [line.text for line in (*self.kept[-3:], *quote[:4])]
        return any(_ends_like_attribution(text) and bool(_DATE.search(text) or ADDRESS.search(text)) for text in lines)

    def _bounded(self, lines: list[Line]) -> list[Line]:
        sizes = [len(line.text) for line in lines]
        if sum(sizes) <= _MAX_UNKNOWN_QUOTE:
            return lines
        head = bisect_right(list(accumulate(sizes)), _MAX_UNKNOWN_QUOTE * 3 // 4)
        tail = max(head, len(lines) - bisect_right(list(accumulate(reversed(sizes))), _MAX_UNKNOWN_QUOTE // 4))
        self._count("quote", lines[head:tail])
        return [*lines[:head], Line(f"[… {sum(sizes[head:tail])} quoted characters left out …]"), *lines[tail:]]

    def _pop_known_tail(self) -> None:
        """Cut last lines that an earlier message holds in this order, where no sign of history was left above them."""
        at, words, below = len(self.kept), 0, None
        while at:
            said = words_of(self.kept[at - 1].text)
            end = self._history.find(said) if said else below
            if said and (end is None or (below is not None and end >= below)):
                break
            at, words, below = at - 1, words + len(said), end
        if words >= _MIN_TAIL_WORDS and any(has_words(line.text) for line in self.kept[:at]):
            self._count("history", self.kept[at:])
            del self.kept[at:]

    def _count(self, reason: str, lines: Sequence[Line]) -> None:
        if size := sum(len(line.text) for line in lines):
            self.cut[reason] += size


def _is_salutation(text: str) -> bool:
    """True for a short line that only greets or closes."""
    return len(text) <= 60 and (languages.closes(text) or (text.rstrip().endswith((",", "，", "、")) and languages.greets(text)))
