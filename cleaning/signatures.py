"""A message without the signature and legal notice below it.

Cuts only what is surely a signature: marked as one by the mail program, or names, roles and contact data below a closing or a line of
dashes, a last line that names a phone or mail program, a notice at the end. A sentence, a postscript, a field with a number stays wherever
it stands. A cut that would leave nothing but a greeting was wrong and is not made.
"""

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from cleaning import languages
from cleaning.history import words_of
from cleaning.markup import MEDIA_MARKER, Line
from cleaning.matching import longest_first
from cleaning.quotes import SIGNATURE, has_words

_MAX_LINES = 12
_MAX_LINE = 120
_MAX_BELOW = 1000  # lines at the end in which a closing or a phone's line is looked for
_MIN_NOTICE_CHARS, _MAX_NOTICE_CHARS = 12, 6000
_SEPARATOR = re.compile(r"(?:--|—|––|__)\s?")
_POSTSCRIPT = re.compile(r"\W{0,3}p\.?\s?p?\.?s\b|\W{0,3}n\.?b\.?[:\s]", re.I)
_HOST = r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}"
_ADDRESS = re.compile(
    rf"[\w.+-]{{1,64}}@[\w.-]{{1,190}}|(?:https?://|\bwww\.)\S{{1,100}}|\({_HOST}\)|"
    r"\b[\w-]{2,40}\.(?:com|net|org|info|example|[a-z]{2})(?:/\S{0,60})?\b",
    re.I,
)
_PHONE = re.compile(r"(?:\+|\(\+?|\b0)[\d(][\d ()/.\-–]{5,24}\d")
_CONTACT_LABELS = languages.words("phones") | languages.words("titles") | languages.listed("contact_labels")
_COMPANY = re.compile(
    r"\b(?:gmbh|mbh|ltd|limited|llc|llp|inc|s\.?à?\.?a?\.?r\.?l|b\.?v|n\.?v|ag|plc|corp|s\.?p\.?a|s\.?r\.?l|s\.?l|s\.?a|z o\.?\s?o|"
    r"ltda|ab|a/s|oy|kg|e\.?v|d\.?o\.?o|s\.?r\.?o|kft|hrb|ооо|株式会社|有限公司)(?:\b|\.)",
    re.I,
)
_POSTAL = re.compile(
    r"\b[A-Z]{0,2}-?\d{4,5}\s[^\W\d]|\b[A-Z]{1,2}\d{1,2}[A-Z]? \d[A-Z]{2}\b|[^\W\d]{4,}\.?,? \d{1,4}[a-z]?\b|\b\d{1,4} [^\W\d]{3,}"
)
_SENTENCE_END = re.compile(r"[.!?…。！？]\s*$")
_DEVICE = re.compile(
    rf"\b(?:{longest_first(languages.listed('devices'))})"
    r"(?:[a-zåäöéáíóúőűа-я]{0,5}(?![^\W_\u0e00-\uffff])|(?=[\u0e00-\uffff]))(?:[-'’][^\W\d_]{1,10}\b)?|手机|手機|스마트폰|携帯",
    re.I,
)
_SENT, _SENT_FROM = languages.words("sent"), languages.words("sent_from")


def without_signature(lines: Sequence[Line], cut: Counter[str] | None = None) -> list[Line]:
    """The lines without signature and notices; all of them if nothing is surely one or nothing but a greeting would be left.

    `cut` counts the characters that went, by reason.

    >>> [line.text for line in without_signature([Line("It fails."), Line("-- "), Line("Ann")])]
    ['It fails.']
    """
    for reason, without in _STEPS:
        shorter = without(lines)
        if len(shorter) < len(lines) and says_something(shorter):
            if cut is not None:
                cut[reason] += sum(len(line.text) for line in lines) - sum(len(line.text) for line in shorter)
            lines = shorter
    return list(lines)


def says_something(lines: Sequence[Line]) -> bool:
    """True for lines that hold more than a greeting, a closing or a name."""
    said = [line.text for line in lines if has_words(line.text)]
    if len(said) > 3 or any(len(text) > 60 for text in said):
        return bool(said)
    return any(not (languages.closes(text) or languages.greets(text) or _is_name_alone(text)) for text in said)


def _is_name_alone(text: str) -> bool:
    """True for "Marcus," and "Marcus Webb,": names set off by a comma."""
    return text.rstrip().endswith((",", "，")) and len(text.split()) <= 3 and _capitalised(text)


def _capitalised(text: str) -> bool:
    return all(not word[:1].islower() for word in text.split())


def _marked(lines: Sequence[Line]) -> Sequence[Line]:
    return [line for line in lines if SIGNATURE not in line.marks]


# Below a closing or a divider


def _below_separator(lines: Sequence[Line]) -> Sequence[Line]:
    """Without the last line of dashes and the names and contact data below it; more than one such line is a layout."""
    found = [at for at, line in enumerate(lines) if len(line.text) <= 3 and _SEPARATOR.fullmatch(line.text)]
    if len(found) != 1:
        return lines
    end = _contact_block(lines, found[0] + 1)
    return [*lines[: found[0]], *lines[end:]] if end > found[0] + 1 else lines


def _closing(lines: Sequence[Line]) -> Sequence[Line]:
    """Without the last closing and the names and contact data below it."""
    for at in range(len(lines) - 1, max(-1, len(lines) - _MAX_BELOW), -1):
        if languages.closes(lines[at].text):
            end = _contact_block(lines, at + 1)
            below = any(has_words(line.text) for line in lines[end:])
            alone = end == at + 1 and below
            short = len(words_of(lines[at].text)) == 1 and len(lines[at].text) <= 4
            return lines if alone or (short and not _closes(lines, at, end)) else [*lines[:at], *lines[end:]]
    return lines


def _closes(lines: Sequence[Line], at: int, end: int) -> bool:
    """True for a closing of a few letters with words above it, none of them a label, and a name below it."""
    above = next((line.text for line in reversed(lines[:at]) if line.text), "")
    return bool(above) and not above.endswith((":", "：")) and any(line.text for line in lines[at + 1 : end])


def _contact_block(lines: Sequence[Line], at: int) -> int:
    """The end of the names, roles, companies, addresses and contact data from `at` on; `at` if there are none."""
    strong = any(_is_contact(line.text) or _COMPANY.search(line.text[:_MAX_LINE]) for line in lines[at : at + 2 * _MAX_LINES])
    end, texts = at, 0
    for place in range(at, len(lines)):
        text = lines[place].text
        if not text:
            continue
        texts += 1
        if texts > _MAX_LINES or not _is_signature_line(text, first=texts == 1, strong=strong):
            break
        end = place + 1
    return end


def _is_signature_line(text: str, *, first: bool, strong: bool) -> bool:
    """True for a line of a signature; `first`: it is where the name stands, `strong`: contact data or a company stand near."""
    if len(text) > _MAX_LINE or _POSTSCRIPT.match(text) or text.endswith(("?", "？")):
        return False
    if not has_words(text) or _is_contact(text) or languages.closes(text):
        return True
    if any(word in languages.words("numbers") for word in words_of(text)):
        return False
    words = text.split()
    if any(char.isdigit() for char in text):
        return strong and len(words) <= 9 and bool(_POSTAL.search(text) or _COMPANY.search(text)) and not text.endswith((".", "!", ":"))
    if text.endswith((":", "：", "!", "！", "。")):
        return False
    if len(words) <= 9 and _COMPANY.search(text):
        return True
    if first and len(words) <= 2 and len(text) <= 24 and not text.endswith("."):
        return True
    capitals = sum(not word[:1].islower() for word in words)
    small = sum(word[:1].islower() and len(word) > 3 for word in words)
    return len(words) <= (5 if first else 8) and small <= (1 if strong else 0) and capitals >= len(words) / 2 and not _is_sentence(text)


def _is_sentence(text: str) -> bool:
    return bool(_SENTENCE_END.search(text)) and len(text.split()) > 2


def _is_contact(text: str) -> bool:
    """True for a line of addresses, links and phone numbers with hardly a word beside them."""
    if len(text) > _MAX_LINE:
        return False
    rest, addresses = _ADDRESS.subn(" ", text)
    rest, phones = _PHONE.subn(" ", rest)
    left = [word for word in words_of(rest) if word not in _CONTACT_LABELS]
    if any(map(str.isdigit, "".join(left))) or not languages.words("numbers").isdisjoint(left):
        return addresses > 0 and "|" in text and len(left) <= 6
    return addresses + phones > 0 and (len(left) <= 1 or (len(left) <= 6 and _capitalised(rest)))


# The last lines


def _notice(lines: Sequence[Line]) -> Sequence[Line]:
    """Without the legal notices and environmental advice that the message ends with."""
    end = len(lines)
    for start, stop in _last_paragraphs(lines):
        text = " ".join(line.text for line in lines[start:stop])
        if len(text) > _MAX_NOTICE_CHARS or not _is_notice(text):
            break
        end = start
    return lines[:end]


def _last_paragraphs(lines: Sequence[Line]) -> Iterator[tuple[int, int]]:
    """Start and stop of the last paragraphs and of the last lines of them, the last first."""
    stop = len(lines)
    for _ in range(_MAX_LINES):
        while stop and not has_words(lines[stop - 1].text):
            stop -= 1
        if not stop:
            return
        start, size = stop - 1, len(lines[stop - 1].text)
        if not _is_notice(lines[start].text):  # a notice may be broken into lines
            while start and lines[start - 1].text and size < _MAX_NOTICE_CHARS and stop - start < 3 * _MAX_LINES:
                start -= 1
                size += len(lines[start].text)
        yield start, stop
        stop = start


@functools.lru_cache(maxsize=8)  # a last line is looked at by itself, as a paragraph, and again after a cut
def _is_notice(text: str) -> bool:
    """True for a text about its addressee and about secrecy or misuse; and for advice on printing and words of virus scanners."""
    if len(text) < _MIN_NOTICE_CHARS or text.endswith(("?", "？")):
        return False
    said = languages.spaced(text[:_MAX_NOTICE_CHARS])
    if len(text) <= 300 and languages.says("footers", said):
        return True
    if not (languages.says("confidential", said) and languages.says("recipient", said)):
        return False
    return not any(f" {phrase}" in f" {said}" for phrase in languages.exact("mine"))  # the writer speaks of himself


def _sent_from(lines: Sequence[Line]) -> Sequence[Line]:
    """Without lines that only say from which phone or program the message was sent: the last ones, and any that stands alone."""
    end = len(lines)
    while end and (not lines[end - 1].text or is_phone_signature(lines[end - 1].text)):
        end -= 1
    rest = lines[:end] if any(line.text for line in lines[end:]) else lines
    texts = ["", *(line.text for line in rest)]
    alone = {
        at
        for at in range(max(1, len(rest) - _MAX_BELOW), len(rest) - 1)
        if not texts[at] and not texts[at + 2] and is_phone_signature(texts[at + 1])
    }
    return [line for at, line in enumerate(rest) if at not in alone]


_STEPS: tuple[tuple[str, Callable[[Sequence[Line]], Sequence[Line]]], ...] = (
    ("signature", _marked),
    ("notice", _notice),
    ("signature", _sent_from),
    ("signature", _below_separator),
    ("signature", _closing),
)

_ANY_PHONE = re.compile(
    r"\b(?:phone|smartphone|mobil|telef|tablet|handy|celular|cellulare|móvil|device|gerät|appareil|dispositivo|телефон)", re.I
)
_BETWEEN_WORDS = re.compile(r"[\s,.;:!()|„“”\"«»–—*_-]+")
_BRACKETED_LINK = re.compile(rf"[<(]https?://[^\s<>()]{{1,2000}}[>)]|\({_HOST}\)")


def is_phone_signature(text: str) -> bool:
    """True for a short line that names a device or mail program and holds no other word than those of such lines.

    >>> is_phone_signature("Sent from my iPhone"), is_phone_signature("Sent via DHL express")
    (True, False)
    """
    if not text or len(text) > 2200:
        return False
    text = MEDIA_MARKER.sub("", _BRACKETED_LINK.sub("", text)).lower()
    if not text or len(text) > _MAX_LINE or len(text.split()) > 14 or text.rstrip().endswith(("?", ":")):
        return False
    others = [word for word in _BETWEEN_WORDS.split(_DEVICE.sub(" ", text)) if word]
    if not _DEVICE.search(text) and not (len(others) >= 4 and others[0] in _SENT and _ANY_PHONE.search(text)):
        return False
    sent = any(word in _SENT or (word[0] >= "\u0e00" and _is_made_of_known(word)) for word in others)
    return sent and all(len(word) <= 2 or any(map(str.isdigit, word)) or _is_made_of_known(word) for word in others)


def _is_made_of_known(word: str) -> bool:
    """True for a word of such lines, for "meinem/meiner", and in scripts without blanks for known words one after the other."""
    if word[0] < "\u0e00":
        return word in _SENT_FROM or all(part in _SENT_FROM or len(part) <= 2 for part in re.split(r"[-'’/]", word))
    return bool(_KNOWN_UNSPACED.fullmatch(word))


_KNOWN_UNSPACED = re.compile(rf"(?:{longest_first(word for word in _SENT | _SENT_FROM if word[0] >= chr(0xE00))})+")
