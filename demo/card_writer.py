"""A card from a ticket's own sentences: title, description, keywords, cause and steps. Copies what was said and makes nothing up.

The customer's sentences name the problem; cause and steps come from agents and internal notes, by the words that usually introduce them.
Decides nothing about where a ticket belongs.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clustering.words import STOP_WORDS, plain_words, stem, words
from demo.prompt_reader import Said, Ticket
from demo.word_matcher import weight

_MAX_SENTENCE = 240
_MAX_STEPS = 5
_MARKER = re.compile(r"\[[a-z][^\]\n]{0,200}\]")  # [attachment: lid.jpg], [image]: put in by the cleaning
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_GREETING = re.compile(
    r"^(?:(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|yes|no|ok|okay|oh|well|so|and|but|um|uh|please|sorry)\b[\s,.!]*)+", re.I
)
_LEAD_IN = re.compile(
    r"^(?:(?:i|we)(?:'m| am|'d| would|'ve| have)?|can|could|is|are|do|does|how|what|why|when|where|would|please|there|my|the|a|an|you|like|"
    r"want|wanna|need|to|just|trying|having|got|get|has|been|it|its|it's|that|this|some|help|me|with|know|problem|issue|trouble|question|"
    r"about|if|calling|wondering)\b[\s,]*",
    re.I,
)
_COMPLAINT = re.compile(
    r"\b(?:not|no|never|nothing|cannot|can't|cant|won't|wont|doesn't|doesnt|didn't|isn't|isnt|wasn't|haven't|hasn't|unable|fail\w*|error|wrong|broken?|"
    r"stuck|lost|missing|stop(?:s|ped)|refuse[sd]?|reject\w*|declined?|blocked|expired|twice|still|instead|crash\w*|leak\w*|stolen)\b",
    re.I,
)
_CAUSE = re.compile(
    r"\b(?:because|caused by|due to|root cause|the cause|the reason|turn(?:s|ed) out|the (?:problem|issue|fault) (?:is|was)|"
    r"known (?:issue|problem|bug)|happens when|happened when|this is (?:a|an|since)|that is why|which is why|resulted from|results from|"
    r"confirmed that|traced (?:it )?to)\b",
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
_STEP_VERBS = frozenset(_VERBS.split())
_STEP_OPENING = re.compile(r"^(?:(?:please|then|next|first|now|just|kindly|simply|and|step [0-9]+:?|[0-9]{1,2}[.)]|[-*•])\s*,?\s*)+", re.I)
_DONE = re.compile(
    r"\b(?:i|we)(?:'ve| have)?\s+(?:now\s+|just\s+|already\s+|gone ahead and\s+)?([a-z]+(?:ed|t)|reset|set|sent|put)\b", re.I
)
_CHAT_SUBJECT = re.compile(r"^(?:chat|call|conversation|message|e-?mail|ticket|request)\b(?: (?:with|from|by)\b.*)?$", re.I)
_SUBJECT_NOISE = re.compile(r"^(?:(?:re|fwd?|aw|wg|tr|sv)\s*:\s*|\[[^\]]{0,40}\]\s*)+", re.I)


@dataclass(frozen=True, slots=True)
class Extract:
    """A card's fields and the numbers of the messages that they come from."""

    category: str
    short_description: str
    keywords: tuple[str, ...]
    root_cause: str
    resolution_steps: tuple[str, ...]
    evidence: tuple[int, ...]

    def as_json(self) -> dict[str, object]:
        """The fields as the schemas name them, without the evidence."""
        return {
            "category": self.category,
            "short_description": self.short_description,
            "keywords": list(self.keywords),
            "root_cause": self.root_cause,
            "resolution_steps": list(self.resolution_steps),
        }


def customer_texts(ticket: Ticket) -> list[str]:
    """What names the problem: the subject, twice for its weight, and what the customer wrote (all messages if none is the customer's)."""
    return [ticket.subject, ticket.subject, *(message.text for message in _customer(ticket))]


def extract(tickets: Sequence[Ticket]) -> Extract:
    """The card of one ticket, or of several that share an issue: the best sentence of all of them, the most common words."""
    told = [
        (_telling(sentence), message.number, sentence)
        for ticket in tickets
        for message in _customer(ticket)
        for sentence in _sentences(message)
    ]
    best = max(told, key=lambda item: item[0], default=(0.0, 0, ""))
    subjects = (_SUBJECT_NOISE.sub("", ticket.subject).strip() for ticket in tickets)
    subject = next((subject for subject in subjects if words(subject) and not _CHAT_SUBJECT.match(subject)), "")
    description = best[2] or subject
    category = _title(subject, description)
    solving = [message for ticket in tickets for message in ticket.by("agent", "internal note")]
    cause, cause_from = _cause(solving)
    steps, steps_from = _steps(solving)
    evidence = {number for number in (best[1], cause_from, *steps_from) if number}
    return Extract(category, description, _keywords(tickets, f"{category} {description[:110]}"), cause, steps, tuple(sorted(evidence)))


def _customer(ticket: Ticket) -> list[Said]:
    return ticket.by("customer") or list(ticket.messages)


def _sentences(message: Said) -> list[str]:
    spoken = _MARKER.sub(" ", message.text)
    found = (_GREETING.sub("", part).strip(" -*•>\t") for part in _SENTENCE_END.split(spoken))
    return [part if len(part) <= _MAX_SENTENCE else part[: _MAX_SENTENCE - 1] + "…" for part in found if part]


def _telling(sentence: str) -> float:
    """How much of the problem the beginning of a sentence names, as far as a list of issues shows it; a complaint tells more."""
    told = sum(weight(term) for term in set(words(sentence[:110])))
    return told * 1.5 if _COMPLAINT.search(sentence) else told


def _title(subject: str, sentence: str) -> str:
    """The subject, or the words of a sentence without what leads in; a few words, without a loose end where it was cut."""
    rest, shorter = (subject, "") if subject else (sentence, _LEAD_IN.sub("", sentence, count=1))
    while shorter != rest and words(shorter):
        rest, shorter = shorter, _LEAD_IN.sub("", shorter, count=1)
    kept = rest.split()[:8]
    while len(kept) > 2 and len(kept) < len(rest.split()) and plain_words(kept[-1])[-1:] and plain_words(kept[-1])[-1] in STOP_WORDS:
        kept.pop()
    title = " ".join(kept).rstrip(" .,!?;:")
    title = title.lower() if title.isupper() and " " in title else title
    return (title[:1].upper() + title[1:])[:80] or "Ticket without words"


def _keywords(tickets: Sequence[Ticket], shown: str) -> tuple[str, ...]:
    """The words that customers used most and that title and description do not show yet, as they wrote them."""
    shown_terms = set(words(shown))
    spoken: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for text in (text for ticket in tickets for text in customer_texts(ticket)):
        for word in plain_words(text):
            if word not in STOP_WORDS and len(word) > 2:
                spoken.setdefault(stem(word), word)
                counts[stem(word)] += 1
    fresh = sorted(counts, key=lambda term: (term in shown_terms, -counts[term] * weight(term), term))
    return tuple(spoken[term] for term in fresh[:6])


def _cause(messages: Iterable[Said]) -> tuple[str, int]:
    """The last sentence that names a cause, internal notes before answers, and its message's number."""
    found = [
        (message.speaker == "internal note", message.number, sentence)
        for message in messages
        for sentence in _sentences(message)
        if _CAUSE.search(sentence) and not sentence.endswith("?")
    ]
    _, number, cause = max(found, key=lambda item: item[:2], default=(False, 0, ""))
    return cause, number


def _steps(messages: Sequence[Said]) -> tuple[tuple[str, ...], list[int]]:
    """What the agents told the customer to do or did themselves, from the message that says most of it."""
    by_message = [
        (message, [step for sentence in _sentences(message) if (step := _step(sentence))])
        for message in messages
        if message.speaker == "agent"
    ]
    message, steps = max(by_message, key=lambda item: (len(item[1][:_MAX_STEPS]), item[0].number), default=(None, []))
    found = [f"{step} {message.name}" for step in dict.fromkeys(steps)] if message else []
    return (tuple(found[:_MAX_STEPS]), [message.number]) if message and found else ((), [])


def _step(sentence: str) -> str:
    """A sentence as a step, "" if it is none."""
    plain = _STEP_OPENING.sub("", sentence)
    opening = plain.split(maxsplit=1)[:1]
    if opening and opening[0].lower().strip(",:") in _STEP_VERBS and not sentence.endswith("?") and len(plain.split()) > 2:
        return plain[:1].upper() + plain[1:]
    return plain[:1].upper() + plain[1:] if _DONE.search(plain) and not sentence.endswith("?") else ""
