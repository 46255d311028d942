"""A customer's own words for a problem: one sentence of the messages that a decision rests on.

Takes words as they stand in the cleaned conversation, and only customers'; makes nothing up and translates nothing.
"""

import re
import textwrap
from collections.abc import Collection
from dataclasses import dataclass

from common.text import one_line, shortened
from knowledge.conversation import Conversation
from knowledge.issue import Card

MIN_CHARS, MAX_CHARS = 25, 140
_SENTENCE_END = re.compile(r"(?<=[.!?。؟])\s+|\n+")
_READ_CHARS = 2_000
_WORD = re.compile(r"[^\W_]{3,}")


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a customer and its ticket; `worth` says how well it tells the problem, for choosing among several."""

    text: str
    ticket: int
    worth: float


def quote_of(conversation: Conversation, evidence: Collection[int], card: Card) -> Quote | None:
    """The most telling sentence of a conversation's customer, from the messages that the decision rests on if there are any."""
    messages = [
        (number, message["text"][:_READ_CHARS])
        for number, message in enumerate(conversation["conversation"], start=1)
        if message["speaker"] == "user"
    ]
    cited = [(number, text) for number, text in messages if number in evidence] or messages
    about = _words(" ".join([card.category, card.short_description, *card.keywords]))
    found = [
        Quote(sentence, conversation["ticket_id"], _worth(sentence, about, first=number == 1))
        for number, text in cited
        for sentence in _sentences(text)
    ]
    return max(found, key=lambda quote: (quote.worth, -len(quote.text), quote.text), default=None)


def _worth(sentence: str, about: set[str], *, first: bool) -> float:
    """Shared words count, and an opening message more than a thank-you at the end; placeholders of removed details count against it."""
    return len(_words(sentence) & about) + (1.5 if first else 0.0) - 0.7 * sentence.count("[") - (0.5 if sentence.endswith("?") else 0.0)


def _sentences(text: str) -> list[str]:
    kept = (one_line(part).strip(" -*•>") for part in _SENTENCE_END.split(text))
    long_enough = [part for part in kept if len(part) >= MIN_CHARS]
    return [textwrap.shorten(part, MAX_CHARS, placeholder=" …") if " " in part else shortened(part, MAX_CHARS) for part in long_enough]


def _words(text: str) -> set[str]:
    return {word[:6] for word in _WORD.findall(text.casefold())}
