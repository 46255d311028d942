"""Messages that nobody said: automatic replies, absences, failed deliveries, and the notes that a merge leaves.

Each is told by its shape together with words of the language tables, never by a word alone: a merge note is short, an agent's, and names
one ticket; an absence notice or a receipt says nothing else in any of its sentences; a failed delivery names an address or a status code.
A sentence that only mentions such a thing is a person's. Knows no payload.
"""

import re
from collections.abc import Sequence

from cleaning import languages
from cleaning.history import words_of
from cleaning.quotes import ADDRESS

_MAX_NOTE_CHARS = 600
_MAX_BOUNCE_CHARS = 8000
_MAX_MERGE_WORDS = 12
_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])\[?#?\s?([1-9][0-9]{0,17})\]?(?![\w.]*\d)")
_MERGED_FROM = re.compile(
    r"\W{0,5}(?:merged from ticket\b|(?:the )?(?:ticket|tickets?|ticket with id)\W{0,3}#?\[?\d[\d, #]{0,80}\]?.{0,80}?\b(?:is|was|were|"
    r"has been|have been) merged (?:in ?to|with) this (?:ticket|one)|"
    r"(?:zusammengeführt|zusammengefügt) aus ticket|fusionné (?:depuis|à partir) d[ue] ticket|fusionado (?:desde|"
    r"del) (?:el )?ticket)[^\n]{0,200}",
    re.I,
)
_MERGED_WORDS = re.compile(
    r"(?:description|beschreibung|descripción|descrição|descrizione|beschrijving)\s{0,2}:\s{0,20}(?P<words>\S.{0,1000000})", re.I | re.S
)
_SENTENCES = re.compile(r"(?<!\d)[.!?。！？]+(?=\s|$|[^\x00-\x7f])|\n+")
_CLAUSES, _MIN_CLAUSE_WORDS = re.compile(r"[,;،，、]\s*"), 5
_DATE = re.compile(r"\d|\b(?!holi|to)[^\W\d_]{3,6}(?:day|tag|dag|di)\b", re.I)
_STATUS_CODE = re.compile(r"\b[45]\.\d{1,2}\.\d{1,3}\b|\b55\d\b")
_MAILER = re.compile(r"(?:mailer-daemon|postmaster|mail-daemon|no-?reply-delivery)\b", re.I)


def merged_into(text: str) -> int | None:
    """The number of the ticket that this note says its own was merged into; None for any other text.

    >>> merged_into("This ticket is closed and merged into ticket 182")
    182
    """
    head = text[:_MAX_NOTE_CHARS].split("\n", 1)[0]
    if len(text) > _MAX_NOTE_CHARS or "?" in head or len(head.split()) > _MAX_MERGE_WORDS:
        return None
    numbers = {int(number) for number in _NUMBER.findall(head)}
    if len(numbers) != 1 or _begins_with_number(words_of(head)) or not languages.says("merged", languages.spaced(head)):
        return None
    return None if _MERGED_FROM.match(text) else numbers.pop()


def _begins_with_number(words: Sequence[str]) -> bool:
    """True for "Ticket 182 was merged into this ticket": the other one went into this."""
    return any(word.isdigit() for word in words[1:3]) and words[-1].isalpha() and not words[0].isdigit()


def merged_from_text(text: str) -> str | None:
    """What the customer of a merged ticket had written, by the note that the merge left; "" if it holds nothing; None for any other text.

    >>> merged_from_text("Merged from ticket 9\\nSubject: Wi-Fi\\nDescription: It drops")
    'It drops'
    """
    match = _MERGED_FROM.match(text)
    if match is None:
        return None
    words = _MERGED_WORDS.search(text, match.start())
    if words is not None:
        return text[words.start("words") :].strip()
    rest = text[match.end() :].strip()
    return rest if len(rest.split()) > 12 else ""


def is_auto_reply(text: str, *, incoming: bool, subject: str = "") -> bool:
    """True for a text that calls itself automatic, or an incoming one that says nothing but an absence or a receipt.

    >>> is_auto_reply("Automatic reply: I am away", incoming=True), is_auto_reply("The automatic reply fails", incoming=True)
    (True, False)
    """
    if languages.begins_with("automatic", languages.spaced(text[:200])) and not _asks(text):
        return True
    if len(text) > 2 * _MAX_NOTE_CHARS or not incoming:
        return False
    if len(text) <= _MAX_NOTE_CHARS and languages.begins_with("automatic", languages.spaced(subject[:200])):
        return True
    return _only_absent(text)


def _asks(text: str) -> bool:
    return len(text) > _MAX_NOTE_CHARS or "?" in text


def _only_absent(text: str) -> bool:
    """True if every sentence is about an absence, a receipt or a substitute, and one of them is an absence with a date or a receipt."""
    if "?" in text:
        return False
    told, dated, whole = False, bool(_DATE.search(text)), languages.spaced(text)
    if not ((dated and languages.says("absence", whole)) or languages.says("automatic", whole)):
        return False
    for sentence in _SENTENCES.split(text):
        said = languages.spaced(sentence)
        if not said or languages.greets(sentence) or languages.closes(sentence) or _is_name(sentence):
            continue
        absent, receipt = dated and languages.says("absence", said), languages.begins_with("automatic", said)
        told = told or receipt or absent
        if not (absent or receipt or languages.says("substitute", said) or ADDRESS.search(sentence)):
            return False
        if any(_says_more(clause) for clause in _CLAUSES.split(sentence)):
            return False
    return told


def _says_more(clause: str) -> bool:
    """True for a part of a sentence that is long enough to say something and says nothing of an absence."""
    if len(words_of(clause)) < _MIN_CLAUSE_WORDS or _DATE.search(clause) or ADDRESS.search(clause):
        return False
    said = languages.spaced(clause)
    return not any(languages.says(kind, said) for kind in ("absence", "substitute", "automatic"))


def _is_name(sentence: str) -> bool:
    words = sentence.split()
    return len(words) <= 3 and all(word[:1].isupper() for word in words)


def is_bounce(text: str, *, subject: str = "", sender: str = "") -> bool:
    """True for the report of a failed delivery.

    >>> is_bounce("Delivery has failed to these recipients:\\n\\nann@example.org")
    True
    """
    head = text[:_MAX_BOUNCE_CHARS]
    if _MAILER.search(sender[:200]):
        return True
    address, code = ADDRESS.search(head), _STATUS_CODE.search(head)
    if not (address or code):
        return False
    if languages.begins_with("undelivered", languages.spaced(subject[:200])):
        return True
    first = head[:300].split("\n\n", 1)[0]
    said = languages.says("undelivered", languages.spaced(first))
    coded = address and code and languages.says("undelivered", languages.spaced(head))
    return "?" not in head[:300] and bool(coded or (said and len(head) <= 2 * _MAX_NOTE_CHARS and _is_report(first)))


def _is_report(first: str) -> bool:
    """True for an opening that is a headline or addresses nobody: it ends in a colon, stands between stars or speaks of "your message"."""
    text = first.strip()
    return text.endswith((":", "：", "**")) or text.startswith("**") or len(words_of(text)) <= 8 or bool(ADDRESS.search(text))
