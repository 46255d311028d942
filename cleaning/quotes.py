"""What is new in a message: its lines without the history that mail programs put below or around it.

Goes by the marks of nodes where there are any and by words where there are none. Cuts no signature and stores nothing of what it cut.
When in doubt a line stays: a quote too many is better than a sentence too few, and a message that had words is never emptied.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cleaning import phrases as phrases
from cleaning.mail_markup import FORWARD, HISTORY_BELOW, QUOTE, SOFT_QUOTE
from cleaning.markup import MEDIA_MARKER, Line

_MAX_ATTRIBUTION_CHARS = 300


@dataclass(frozen=True, slots=True)
class NewLines:
    """`lines` that are new. `only_quoted`: nothing was, so the quoted words stay."""

    lines: tuple[Line, ...]
    only_quoted: bool = False


def new_lines(lines: Sequence[Line], *, keep_forwards: bool = True, headers_mean_forward: bool = False) -> NewLines:
    """The lines of a message without its history.

    `keep_forwards`: a mail that the message says it forwards is what it is about, so its words stay and only its header lines go.
    `headers_mean_forward`: so is what stands below bare header lines (From, Sent, To, Subject), as in Outlook's forwards.

    >>> [line.text for line in new_lines([Line("It fails."), Line("On 3 May 2025, Ann wrote:"), Line("> Hello")]).lines]
    ['It fails.']
    """
    kept = _Walker(lines, keep_forwards=keep_forwards, headers_mean_forward=headers_mean_forward).kept()
    if any(has_words(line.text) for line in kept):
        return NewLines(tuple(kept))
    uncut = tuple(line for line in lines if not (_is_reply_marker(line.text) or _is_attribution(line.text))) or tuple(lines)
    if kept_images := [line for line in kept if line.text.strip()]:
        return NewLines(tuple(kept_images))  # a picture above the history: the words below are not new
    return NewLines(uncut, only_quoted=any(has_words(line.text) for line in uncut))


def has_words(text: str) -> bool:
    """True for text with a letter or digit outside the names of pictures and files."""
    return any(char.isalnum() for char in MEDIA_MARKER.sub("", text))


def _is_reply_marker(text: str) -> bool:
    return len(text) < 200 and bool(phrases.REPLY_MARKER.search(text))


def _is_attribution(text: str) -> bool:
    if len(text) > _MAX_ATTRIBUTION_CHARS or not phrases.DATE.search(text):
        return False
    return bool(phrases.ATTRIBUTION_END.search(text) or phrases.TIME_AND_ADDRESS.search(text))


class _Walker:
    """One pass over the lines; each rule says where its piece of history ends."""

    def __init__(self, lines: Sequence[Line], *, keep_forwards: bool, headers_mean_forward: bool) -> None:
        self._lines = lines
        self._keep_forwards = keep_forwards
        self._headers_mean_forward = headers_mean_forward
        self._kept: list[Line] = []
        self._base = 0  # how many marks of a line belong to a forward whose words stay
        self._attributed = False  # the line before said whose words come

    def kept(self) -> list[Line]:
        at = 0
        while at < len(self._lines):
            attributed, before = self._attributed, at
            at = self._step(at)
            if attributed and any(line.text for line in self._lines[before:at]):
                self._attributed = False
        return self._kept

    def _step(self, at: int) -> int:
        """Keep or cut from line `at`; the number of the next line."""
        line = self._lines[at]
        if line.marks and (end := self._marked(at)) > at:
            return end
        if line.text.startswith(">"):
            return self._prefixed(at)
        if line.text and len(line.text) <= _MAX_ATTRIBUTION_CHARS and (end := self._worded(at)) > at:
            return end
        self._kept.append(line)
        return at + 1

    def _marked(self, at: int) -> int:
        """The end of history that the markup shows at line `at`; `at` if there is none."""
        marks = self._lines[at].marks[self._base :]
        if QUOTE in marks or (FORWARD in marks and not self._keep_forwards):
            return self._forward_within(at) or self._end_of(at, {QUOTE, FORWARD})
        if SOFT_QUOTE in marks:
            return self._soft_quote(at)
        if marks and marks[-1] == HISTORY_BELOW and self._has_kept_words():
            return self._header_block(at) or len(self._lines)
        return at

    def _worded(self, at: int) -> int:
        """The end of history that words show at line `at`; `at` if there is none."""
        text = self._lines[at].text
        if phrases.FORWARDED.match(text):
            return self._forward(at) if self._keep_forwards else len(self._lines)
        if _is_reply_marker(text):
            return len(self._lines) if self._has_kept_words() else at + 1
        if length := self._attribution(at):
            self._attributed = True
            return at + length
        if phrases.ORIGINAL_MESSAGE.match(text):
            return self._header_block(at + 1) or len(self._lines)
        return self._header_block(at) or at

    def _has_kept_words(self) -> bool:
        return any(has_words(line.text) for line in self._kept)

    def _end_of(self, at: int, names: set[str]) -> int:
        while at < len(self._lines) and names.intersection(self._lines[at].marks[self._base :]):
            at += 1
        return at

    def _next_text(self, at: int) -> int:
        """The first line from `at` on that has text; the number of lines if there is none."""
        while at < len(self._lines) and not self._lines[at].text:
            at += 1
        return at

    def _soft_quote(self, at: int) -> int:
        """A plain blockquote is history unless the writer uses it to show something within a message of theirs."""
        end = self._end_of(at, {SOFT_QUOTE})
        nested = any(sum(mark in (QUOTE, SOFT_QUOTE) for mark in line.marks) > 1 for line in self._lines[at:end])
        introduced = next((line.text for line in reversed(self._kept) if line.text), "").endswith((":", "："))
        last = self._next_text(end) == len(self._lines)
        if self._attributed or nested or not self._has_kept_words() or (last and not introduced):
            return end
        self._kept.extend(self._lines[at:end])
        return end

    def _prefixed(self, at: int) -> int:
        end = at
        while end < len(self._lines) and self._lines[end].text.startswith(">"):
            end += 1
            following = self._next_text(end)
            if following < len(self._lines) and self._lines[following].text.startswith(">"):
                end = following
        if end == at + 1 and not self._attributed and re.match(r">\s?[=\d]", self._lines[at].text):
            self._kept.append(self._lines[at])  # "> 5 GB"
        return end

    def _attribution(self, at: int) -> int:
        """How many lines from `at` on say "On ... wrote:"; 0 if they do not, or if what follows may be the writer's own."""
        text = ""
        for length in range(1, 5):
            if at + length > len(self._lines) or not self._lines[at + length - 1].text:
                return 0
            text = f"{text} {self._lines[at + length - 1].text}"
            if len(text) > _MAX_ATTRIBUTION_CHARS:
                return 0
            if phrases.ATTRIBUTION_END.search(text) or phrases.TIME_AND_ADDRESS.search(text):
                return self._trusted(text, at, length)
            if not (phrases.OPENING_WORD.match(text) and phrases.DATE.search(text)):
                return 0
        return 0

    def _trusted(self, text: str, at: int, length: int) -> int:
        following = self._next_text(at + length)
        if following == len(self._lines):
            return length if phrases.DATE.search(text) else 0
        if self._is_quoted(following):
            return length
        sure = bool(phrases.DATE.search(text)) and bool(phrases.OPENING_WORD.match(text.strip()) or phrases.ADDRESS.search(text))
        return len(self._lines) - at if sure and self._has_kept_words() else 0

    def _is_quoted(self, at: int) -> bool:
        line = self._lines[at]
        return line.text.startswith(">") or bool({QUOTE, SOFT_QUOTE}.intersection(line.marks[self._base :]))

    def _header_block(self, at: int) -> int:
        """Where a block of mail headers and what it stands above ends; 0 if line `at` begins none."""
        start = self._next_text(at)
        if start == len(self._lines) or not phrases.FROM_LINE.match(self._lines[start].text):
            return 0
        end, labels, text = start, 0, ""
        while end < min(len(self._lines), start + 16) and (not self._lines[end].text or phrases.HEADER_LINE.match(self._lines[end].text)):
            labels += bool(self._lines[end].text)
            text += f"\n{self._lines[end].text}"
            end += 1
        if labels < 3 or not (phrases.SUBJECT_OR_SENT.search(text) or phrases.ADDRESS.search(text)):
            return 0
        while self._kept and (not self._kept[-1].text or phrases.RULE.match(self._kept[-1].text)):
            self._kept.pop()
        if not self._means_forward():
            return len(self._lines)
        self._kept.append(Line(""))
        return end

    def _means_forward(self) -> bool:
        if self._headers_mean_forward:
            return True
        text = " ".join(line.text for line in self._kept[:12])
        return self._keep_forwards and len(text.split()) <= 12 and bool(phrases.POINTS_BELOW.search(text))

    def _forward_within(self, at: int) -> int:
        """The line after a forward's own words about itself, when a quoting node holds a forward that stays; else 0."""
        first = self._next_text(at)
        if not self._keep_forwards or first == len(self._lines) or not phrases.FORWARDED.match(self._lines[first].text):
            return 0
        self._base = len(self._lines[first].marks)
        return self._forward(first)

    def _forward(self, at: int) -> int:
        end = self._next_text(at + 1)
        if end < len(self._lines):
            self._base = max(self._base, len(self._lines[end].marks))
        while end < len(self._lines) and (not self._lines[end].text or phrases.HEADER_LINE.match(self._lines[end].text)):
            end += 1
        return end
