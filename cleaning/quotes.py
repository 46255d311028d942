"""What is new in a message: its lines without what the ticket has already said.

Quoting nodes, `>`, attributions ("On ... wrote:"), mail headers and ruled lines only say where to look, and are known by their shape in any
language: a short paragraph with a date that ends in a colon, neighbouring lines `label: value`, a line between dashes. What is cut there is
what an earlier message of the ticket holds (see `history`). What it does not hold is the writer's and stays, so a ticket's first message
loses nothing but the header lines of what it forwards. Cuts no signature and stores nothing of what it cut.
"""

import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cleaning import languages
from cleaning.history import History, words_of
from cleaning.markup import MEDIA_MARKER, Line
from cleaning.matching import word_set

# Marks of nodes. HISTORY_BELOW is a point after which history stands, the others are containers.
QUOTE, SOFT_QUOTE, HISTORY_BELOW, SIGNATURE, FORWARD = "quote", "soft quote", "history below", "signature", "forward"

_QUOTE_NAMES = word_set(
    "freshdesk_quote gmail_quote gmail_quote_container gmail_extra yahoo_quoted yahoo-quoted-begin iosymail moz-cite-prefix "
    "zmail_extra protonmail_quote tutanota_quote ik_mail_quote OutlookMessageHeader front-blockquote quoted-text hs_reply "
    "isReplyContent mailcontent origbody reply139content oriMsgHtmlSeperator mail-editor-reference-message-container "
    "ms-outlook-mobile-body-separator-line"
)
_YAHOO_QUOTE = re.compile(r"ydp\w{1,20}yahoo_quoted\w*|yahoo_quoted_\w+")
_BELOW_IDS = re.compile(r"(?:x_)*(?:divRplyFwdMsg|appendonsend|stopSpelling|OLK_SRC_BODY_SECTION|zwchr)", re.I)
_OUTLOOK_RULE = re.compile(r"border:\s*none;\s*border-top:\s*solid\s*#(?:E1E1E1|B5C4DF)", re.I)
_SIGNATURE_NAMES = re.compile(
    r"gmail_signature(?:_prefix)?|moz-signature|(?:x_)*(?:ms-outlook-mobile-)?signature|(?:x_)*AppleMailSignature|"
    r"protonmail_signature_block(?:-user)?|zmail_signature|yahoo-signature|tutanota_signature|freshdesk_signature|fd-signature|"
    r"email-signature|composer_signature|editorUserSignature",
    re.I,
)
_INDENT = re.compile(r"border(?:-left)?\s*:\s*(?:none|0)", re.I)


def mail_mark(tag: str, attributes: Mapping[str, str]) -> str | None:
    """The meaning of a node: one of this module's marks, or None.

    >>> mail_mark("div", {"class": "gmail_quote"}), mail_mark("div", {"class": "row"})
    ('quote', None)
    """
    if not attributes:
        return SOFT_QUOTE if tag == "blockquote" else None
    node_id = attributes.get("id", "")
    if (node_id and _BELOW_IDS.fullmatch(node_id)) or (tag == "hr" and attributes.get("tabindex") == "-1"):
        return HISTORY_BELOW
    for name in filter(None, [*attributes.get("class", "").split(), node_id]):
        if name == "moz-forward-container":
            return FORWARD
        if name.removeprefix("x_") in _QUOTE_NAMES or _YAHOO_QUOTE.fullmatch(name):
            return QUOTE
        if _SIGNATURE_NAMES.fullmatch(name):
            return SIGNATURE
    if tag == "blockquote":
        return _blockquote_mark(attributes)
    if tag != "div":
        return None
    if attributes.get("name") == "quote":
        return QUOTE
    return HISTORY_BELOW if _OUTLOOK_RULE.search(attributes.get("style", "")) else None


def _blockquote_mark(attributes: Mapping[str, str]) -> str | None:
    """A blockquote that says it cites is history; one that only indents is layout; any other may be either."""
    if attributes.get("type", "").lower() == "cite" or "cite" in attributes:
        return QUOTE
    return None if _INDENT.search(attributes.get("style", "")) else SOFT_QUOTE


_MAX_LINE = 300  # characters of a line that may say whose words come
_MAX_HEADER_LINES = 16
_LOOK_AHEAD = 6  # lines
_MAX_LOOK = 500  # characters of each
_MIN_TAIL_WORDS = 15  # of known last lines without any sign that they are history
_MAX_UNKNOWN_QUOTE = 2000  # characters of a quote that the ticket does not hold
ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}")
_DATE = re.compile(
    r"\d{1,4}[./-]\s?\d{1,2}[./-]|\d{4}[年년]|\d{1,2}[:.h]\d{2}|(?<!\d)\d{1,2}(?:\.|st|nd|rd|th)?,?\s{1,3}(?:de |di )?[^\W\d_]{3,}|"
    r"[^\W\d_]{3,}\.?\s{1,3}\d{1,2}(?!\d)"
)
_LABEL = re.compile(r"[^\w>|]{0,3}([^\W\d][^:：\n<>@|()\d]{0,30}?)\s?\*?\s?[:：]\*?(?:\s|$|(?=\S))(?!//)[ |]{0,4}(.*)")
_LABEL_WITHIN = re.compile(r"(?:^|\s)[^\W\d]\S{0,20}(?: [^\W\d]{1,12})?\s?[:：](?=\s)")
_PERSON = re.compile(r"[\"'„“«]?[^\W\d_][\w.’'/@-]*(?:,? [^\W\d_a-z][\w.’'/@-]*){0,4}[\"'”“»]?\s*")
_FRAMED = re.compile(r"\s?[-_=*#]{2,}[^\w\n]{0,3}[^-_=*#\n].{0,100}[^-_=*#\n][^\w\n]{0,3}[-_=*#]{2,}\s?")
_RULE = re.compile(r"[_\-=*]{5,}")
_ENDS_LIKE_ATTRIBUTION = re.compile(r"[:：]\W{0,4}$|[写寫]道\W{0,2}$")
_MAX_END = 5  # characters of that
_UNCLOSED_ADDRESS = re.compile(r"[<(][\w.+-]{1,64}@[\w.-]{1,64}$")
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
        if line.text and len(joined) - last <= 2 and _continues_address(joined[last].text, line.text):
            joined[last:] = [Line(joined[last].text + line.text.strip(), joined[last].marks)]
        else:
            last = len(joined) if line.text else last
            joined.append(line)
    return joined


def _continues_address(before: str, text: str) -> bool:
    if len(before) > _MAX_LINE or len(text) > _MAX_LINE:
        return False
    if before.endswith(("<", "(")) and before[-2:-1].strip() == "":
        return bool(ADDRESS.match(text.strip()))
    return text.startswith((">", ")")) and bool(_UNCLOSED_ADDRESS.search(before))


def _in_quote(line: Line) -> bool:
    return QUOTE in line.marks or SOFT_QUOTE in line.marks


def _is_quoted(line: Line) -> bool:
    return line.text.startswith(">") or _in_quote(line)


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


def _is_reply_marker(text: str) -> bool:
    """True for a line that asks to write above it, as helpdesks put it over what they quote."""
    return len(text) <= 120 and languages.says("reply_above", languages.spaced(text))


@dataclass(slots=True)
class _Header:
    """Neighbouring lines `label: value` and what they hold."""

    end: int
    labels: int = 0
    has_address: bool = False
    has_person: bool = False
    has_date: bool = False

    def take(self, value: str) -> None:
        self.labels += 1
        self.has_address = self.has_address or ("@" in value and bool(ADDRESS.search(value)))
        self.has_person = self.has_person or bool(_PERSON.fullmatch(value[:80]))
        self.has_date = self.has_date or bool(_DATE.search(value))

    @property
    def is_mail(self) -> bool:
        """True for what may be a mail's header: two lines with an address and a date, or three with a person and a date."""
        if self.labels >= 3:
            return (self.has_address or self.has_person) and (self.has_date or self.has_address)
        return self.labels == 2 and self.has_address and self.has_date


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
        self._labels_may_come = 0  # just below it: header lines may stand alone
        self._end = -1  # where the last known line ended in the history
        self._question: Line | None = None  # the known line just before
        self._no_header_before = 0
        self._signs: dict[int, bool] = {}  # whether a line is one
        self._next_text = _next_of([bool(line.text) for line in lines])
        known = history and [history.find(words_of(line.text[:_MAX_LOOK])) is not None for line in lines]
        self._next_known = _next_of(known or [False] * len(lines))

    def walk(self) -> None:
        at = 0
        while at < len(self._lines):
            at = self._step(at)
        if self._history:
            self._pop_known_tail()

    def _step(self, at: int) -> int:
        """Keep or cut from line `at`; the number of the next line."""
        line = self._lines[at]
        if HISTORY_BELOW in line.marks and not self._below and self._history_follows(at):
            self._enter()
        if _is_quoted(line):
            return self._quote(at)
        if not line.text:
            if self._question is not None and not self._question.text.endswith(("?", "？", "؟")):
                self._question = None
            self.kept.append(line)
            return at + 1
        end = self._sign(at)
        if end > at:
            return end
        if self._below:
            self._within(line)
        else:
            self.kept.append(line)
        return at + 1

    def _enter(self) -> None:
        self._below, self._labels_may_come = True, 8

    # Signs that history follows

    def _sign(self, at: int) -> int:
        """The end of an attribution, header or ruled line at `at` above history; `at` if there is none."""
        text = _bare(self._lines[at].text)
        if len(text) > _MAX_LINE:
            return at
        if _is_framed(text):
            return self._framed(at)
        if (self._below or self._history_follows(at + 1)) and _is_reply_marker(text):
            return self._drop(at, at + 1)
        marked = HISTORY_BELOW in self._lines[at].marks
        may_be_label = not text or ":" in text or "：" in text
        if may_be_label and (self._history or marked) and at >= self._no_header_before:
            header = self._header(at)
            if header.is_mail and (marked or self._history_follows(header.end)):
                return self._drop(at, header.end, rule=True, enter=self._history_follows(header.end))
            self._no_header_before = header.end  # a block that begins further down ends at the same place
        if self._labels_may_come and _LABEL.fullmatch(text) and self._history_follows(at + 1):
            self._labels_may_come -= 1
            return self._drop(at, at + 1)
        self._labels_may_come = 0
        if _ends_like_attribution(text) and self._history_follows(at + 1):
            self.kept.append(self._lines[at])
            if self._pop_attribution():
                self._enter()
                return at + 1
            self.kept.pop()
        return at

    def _framed(self, at: int) -> int:
        """A line between dashes: history may follow, or a forward, whose own header lines go."""
        if self._history_follows(at + 1):
            return self._drop(at, at + 1)
        end = self._forward(at)
        return self._drop(at, end, enter=False) if end else at

    def _forward(self, at: int) -> int:
        """The end of a forward's marker at `at` and the header below it; 0 if there is none."""
        text = _bare(self._lines[at].text)
        if not (_is_framed(text) or (len(text) <= 80 and text.rstrip().endswith((":", "：")))):
            return 0
        header = self._header(self._next_text[at + 1])
        return header.end if header.labels >= 2 and (header.is_mail or header.has_address) else 0

    def _drop(self, at: int, end: int, *, rule: bool = False, enter: bool = True) -> int:
        """Cut the lines from `at` to `end`, with a rule just above them; history is expected below."""
        if rule:
            self._pop_rules()
        self._count("header", self._lines[at:end])
        if enter and not self._below:
            self._enter()
        return end

    def _pop_rules(self) -> None:
        at = len(self.kept)
        while at and (not self.kept[at - 1].text or _RULE.fullmatch(self.kept[at - 1].text[:200])):
            at -= 1
        if any(line.text for line in self.kept[at:]):
            del self.kept[at:]

    def _header(self, at: int) -> _Header:
        """The lines `label: value` from `at` on; of one line that holds several, that line."""
        header = _Header(at)
        if at < len(self._lines) and self._one_line_header(at):
            return _Header(at + 1, 3, has_address=True, has_date=True)
        last = at
        while last < min(len(self._lines), at + 2 * _MAX_HEADER_LINES):
            text = _bare(self._lines[last].text)
            match = _LABEL.fullmatch(text) if 0 < len(text) <= _MAX_LINE else None
            if match and len(match[1].split()) <= 4:
                header.take(match[2])
                header.end = last + 1
            elif text and not (header.labels and last == header.end and ("@" in text or text.endswith(";"))):
                break
            last += 1
        return header

    def _one_line_header(self, at: int) -> bool:
        text = _bare(self._lines[at].text)
        if len(text) > _MAX_LINE or "@" not in text:
            return False
        return len(_LABEL_WITHIN.findall(text)) >= 3 and bool(_DATE.search(text)) and bool(ADDRESS.search(text))

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
            looked += not self._is_sign(at)
            at += 1
        return at == known

    def _is_sign(self, at: int) -> bool:
        """True for a line that by itself may be part of a header or attribution."""
        if at not in self._signs:
            text = _bare(self._lines[at].text)
            self._signs[at] = len(text) <= _MAX_LINE and bool(_LABEL.fullmatch(text) or _ends_like_attribution(text) or _is_framed(text))
        return self._signs[at]

    def _pop_attribution(self) -> bool:
        """Cut the attribution that the kept lines end with; False if they end with none."""
        at = len(self.kept) - 1
        while at >= 0 and not self.kept[at].text:
            at -= 1
        start, text = at, ""
        for _ in range(4):
            if start < 0 or not self.kept[start].text or len(text) > _MAX_LINE:
                break
            text = f"{_bare(self.kept[start].text)} {text}".strip()
            if not _ends_like_attribution(text):
                return False
            if self._is_whole(text, start):
                self._count("header", self.kept[start:])
                del self.kept[start:]
                return True
            start -= 1
        return False

    def _is_whole(self, text: str, start: int) -> bool:
        """True if a text is an attribution and the line above it is no part of it."""
        if len(text) > _MAX_LINE:
            return False
        dated, addressed = bool(_DATE.search(text)), "@" in text and bool(ADDRESS.search(text))
        if not (dated or addressed):
            return False
        if dated and (addressed or start == 0):
            return True
        above = _bare(self.kept[start - 1].text) if start else ""
        if not above or len(above) > _MAX_LINE or len(above) + len(text) > _MAX_LINE:
            return True
        missing = ADDRESS if dated else _DATE
        return not missing.search(above) or bool(re.search(r"[!?]\s*$", above))

    # History itself

    def _within(self, line: Line) -> None:
        """A line below a sign of history: cut if the ticket holds it, else kept with the line before that it may answer."""
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
        """A run of quoted lines from `at`."""
        end = last = at
        marked = _in_quote(self._lines[at])
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
        elif share < 0.2:
            self._unknown_quote(at, end)
        else:
            self._known_quote(at, end)
        return end

    def _known_share(self, at: int, end: int) -> float | None:
        """The share of a run's words that stand in known lines, header lines aside; None for a run without words."""
        known = total = 0
        for place in range(at, end):
            words = words_of(self._lines[place].text)
            found = self._next_known[place] == place
            if found or not self._is_sign(place):
                total += len(words)
                known += len(words) if found else 0
        return known / total if total else None

    def _known_quote(self, at: int, end: int) -> None:
        """A run that the ticket holds: only what was written into it stays."""
        self._pop_attribution()
        self._question = None
        below = self._below
        self._enter()
        while at < end:
            line = self._lines[at]
            if not line.text:
                at += 1
                continue
            stop = self._sign(at)
            if stop == at:
                self._within(line)
                stop = at + 1
            at = stop
        self._below, self._labels_may_come, self._question = below, 0, None

    def _unknown_quote(self, at: int, end: int) -> None:
        """A run that the ticket does not hold: kept, of bounded length unless it begins the ticket; a forward without its header."""
        first = self._next_text[at]
        below = self._forward(first) if first < end else 0
        kept = list(self._lines[at:end])
        if below:
            self._count("header", self._lines[at:below])
            kept = list(self._lines[below:end])
        elif any(QUOTE in line.marks for line in kept) and self._has_attribution(at, end):
            kept = [line if not line.text or line.text.startswith(">") else Line(f"> {line.text}", line.marks) for line in kept]
        self.kept.extend(self._bounded(kept) if self._history else kept)

    def _has_attribution(self, at: int, end: int) -> bool:
        lines = [*self.kept[-3:], *self._lines[at : min(end, at + 4)]]
        return any(_ends_like_attribution(line.text) and bool(_DATE.search(line.text) or ADDRESS.search(line.text)) for line in lines)

    def _bounded(self, lines: list[Line]) -> list[Line]:
        size = sum(len(line.text) for line in lines)
        if size <= _MAX_UNKNOWN_QUOTE:
            return lines
        head, room = 0, _MAX_UNKNOWN_QUOTE * 3 // 4
        while head < len(lines) and room >= len(lines[head].text):
            room -= len(lines[head].text)
            head += 1
        tail, room = len(lines), _MAX_UNKNOWN_QUOTE // 4
        while tail > head and room >= len(lines[tail - 1].text):
            room -= len(lines[tail - 1].text)
            tail -= 1
        self._count("quote", lines[head:tail])
        gone = sum(len(line.text) for line in lines[head:tail])
        return [*lines[:head], Line(f"[… {gone} quoted characters left out …]"), *lines[tail:]]

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
    return len(text) <= 60 and (is_closing(text) or (text.rstrip().endswith((",", "，", "、")) and is_greeting(text)))


def is_greeting(text: str) -> bool:
    """True for at most four words of which the first greet."""
    said = languages.spaced(text[:100])
    return (
        0 < len(text.split()) <= 4
        and len(text) <= 60
        and any(said.startswith(greeting) for greeting in _greetings().get(said.split(" ", 1)[0], ()))
    )


@functools.cache
def _greetings() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for greeting in sorted(languages.exact("greetings")):
        found[greeting.split(" ", 1)[0]] = (*found.get(greeting.split(" ", 1)[0], ()), greeting)
    return found


def is_closing(text: str) -> bool:
    """True for a line that is a closing, also with the place it comes from ("Viele Grüße aus Bonn")."""
    if not 0 < len(text) <= 60:
        return False
    words = words_of(text)
    said = ("".join(f"{word} " for word in part) for part in (words, words[:-2] if len(words) > 3 else words))
    return text.rstrip()[-1] not in "?？:：" and any(phrase in languages.exact("closings") for phrase in said)
