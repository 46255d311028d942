"""A card from a ticket's own sentences: title, description, keywords, cause and steps. Copies what was said and makes nothing up.

The customer's sentences name the problem; cause and steps come from agents and internal notes, by the words that usually introduce them.
Decides nothing about where a ticket belongs.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from clustering.words import STOP_WORDS, plain_words, stem, words
from common.text import shortened
from demo.prompt_reader import Said, Ticket
from demo.word_matcher import weight
from knowledge.issue import Card

_MAX_SENTENCE = 240
_MAX_STEPS = 5
_TITLE_WORDS = 8
_MARKER = re.compile(r"\[[a-z][^\]\n]{0,200}\]")  # [attachment: lid.jpg], [image]: put in by the cleaning
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_CAUSE = re.compile(
    r"\b(?:because|caused by|due to|the (?:root )?cause|the reason|turn(?:s|ed) out|the (?:problem|issue|fault) (?:is|was)|"
    r"known (?:issue|problem|bug)|happen(?:s|ed) when|(?:that|which) is why|result(?:s|ed) from|traced (?:it )?to)\b",
    re.I,
)
_VERBS = """
activate add adjust allow apply attach calibrate cancel change charge check choose clean clear click close confirm connect contact
cut delete deselect detach dilute disable disconnect download empty enable ensure enter export factory fill find fit flip follow
go hold import increase insert install keep leave lift log lower make move navigate open order pair place plug pour power
press pull push put reboot reconnect refit refund reinstall remove rename renew repair replace request re-pair resend reset
restart retry rinse run scan select send set sign soak start submit switch tap tick tighten toggle transfer try turn uncheck
unlink unplug untick update upgrade upload use verify visit wait wash wipe
"""
_STEP_OPENING = re.compile(r"(?:(?:please|then|next|first|now|just|kindly|simply|and|step [0-9]+:?|[0-9]{1,2}[.)]|[-*•])[\s,]+)+", re.I)
_STEP = re.compile(rf"(?:{'|'.join(_VERBS.split())})\b", re.I)
_CHAT_SUBJECT = re.compile(r"(?:chat|call|conversation|message|e-?mail|ticket|request)\b(?: (?:with|from|by)\b.*)?$", re.I)
_SUBJECT_NOISE = re.compile(r"^(?:(?:re|fwd?|aw|wg|tr|sv)\s*:\s*|\[[^\]]{0,40}\]\s*)+", re.I)


def customer_texts(ticket: Ticket) -> list[str]:
    """What names the problem: the subject, twice for its weight, and what the customer wrote (all messages if none is the customer's)."""
    return [ticket.subject, ticket.subject, *(message.text for message in _customer(ticket))]


def extract(tickets: Sequence[Ticket]) -> tuple[Card, list[int]]:
    """The card of one ticket, or of several that share an issue, and the numbers of the messages that it rests on.

    It is the most telling sentence of all of them, and the most common words.
    """
    told = [
        (_telling(sentence), message.number, sentence)
        for ticket in tickets
        for message in _customer(ticket)
        for sentence in _sentences(message)
    ]
    _, best, sentence = max(told, key=lambda item: item[0], default=(0.0, 0, ""))
    subjects = (_SUBJECT_NOISE.sub("", ticket.subject).strip() for ticket in tickets)
    subject = next((subject for subject in subjects if words(subject) and not _CHAT_SUBJECT.match(subject)), "")
    category, description = _title(subject.split() or _without_lead_in(sentence.split())), sentence or subject
    solving = [message for ticket in tickets for message in ticket.by("agent", "internal note")]
    cause, cause_from = _cause(solving)
    steps, steps_from = _steps(solving)
    keywords = _keywords(tickets, shown=f"{category} {description[:110]}")
    return Card(category, description, keywords, cause, steps), sorted({best, cause_from, steps_from} - {0})


def _customer(ticket: Ticket) -> list[Said]:
    return ticket.by("customer") or list(ticket.messages)


def _sentences(message: Said) -> list[str]:
    found = (part.strip(" -*•>\t") for part in _SENTENCE_END.split(_MARKER.sub(" ", message.text)))
    return [shortened(part, _MAX_SENTENCE) for part in found if part]


def _telling(sentence: str) -> float:
    """How much of the problem the beginning of a sentence names, as far as a list of issues shows it."""
    return sum(weight(term) for term in set(words(sentence[:110])))


def _title(said: Sequence[str]) -> str:
    """A few words, without a loose end where it was cut."""
    kept = list(said[:_TITLE_WORDS])
    while 2 < len(kept) < len(said) and _is_common(kept[-1]):
        kept.pop()
    title = " ".join(kept).rstrip(" .,!?;:")
    title = title.lower() if title.isupper() and " " in title else title
    return (title[:1].upper() + title[1:])[:80] or "Ticket without words"


def _without_lead_in(said: list[str]) -> list[str]:
    """The words of a sentence from the first telling one on; all of them if there is none."""
    start = next((place for place, word in enumerate(said) if not _is_common(word)), 0)
    return said[start:] if words(" ".join(said)) else []


def _is_common(word: str) -> bool:
    return all(part in STOP_WORDS for part in plain_words(word))


def _keywords(tickets: Sequence[Ticket], *, shown: str) -> tuple[str, ...]:
    """The words that customers used most and that title and description do not show yet, as they wrote them."""
    spoken: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for word in (word for ticket in tickets for text in customer_texts(ticket) for word in plain_words(text)):
        if word not in STOP_WORDS and len(word) > 2:
            spoken.setdefault(stem(word), word)
            counts[stem(word)] += 1
    shown_terms = set(words(shown))
    ranked = sorted(counts, key=lambda term: (term in shown_terms, -counts[term] * weight(term), term))
    return tuple(spoken[term] for term in ranked[:6])


def _cause(messages: Iterable[Said]) -> tuple[str, int]:
    """The last sentence that names a cause, internal notes before answers, and its message's number; ("", 0) for none."""
    found = [
        (message.speaker == "internal note", message.number, sentence)
        for message in messages
        for sentence in _sentences(message)
        if _CAUSE.search(sentence) and not sentence.endswith("?")
    ]
    _, number, cause = max(found, key=lambda item: item[:2], default=(False, 0, ""))
    return cause, number


def _steps(messages: Iterable[Said]) -> tuple[tuple[str, ...], int]:
    """What agents told the customer to do, from the message that says most of it, and its number; ((), 0) for none."""
    by_message = [
        (list(dict.fromkeys(f"{step} {message.name}" for sentence in _sentences(message) if (step := _step(sentence)))), message.number)
        for message in messages
        if message.speaker == "agent"
    ]
    steps, number = max(by_message, key=lambda found: (len(found[0][:_MAX_STEPS]), found[1]), default=([], 0))
    return tuple(steps[:_MAX_STEPS]), number if steps else 0


def _step(sentence: str) -> str:
    """A sentence as a step, "" if it is none."""
    opening = _STEP_OPENING.match(sentence)
    plain = sentence[opening.end() if opening else 0 :]
    return plain[:1].upper() + plain[1:] if _STEP.match(plain) and not plain.endswith("?") and len(plain.split()) > 2 else ""
