"""Models of known behaviour that answer from gold labels: what the pipeline itself gains or loses is seen apart from any model.

They read the very prompt: which ticket is decided and which issues are offered. Labels are looked up by the ticket's text and by the
number in an issue's id. Each keeps nothing between questions, so the order of asking cannot change an answer. What they write on cards
comes from the ticket's words and never from its label, which would help the search along.

splitter: calls a known issue NEW for 10 % of tickets, again and again; fresh-split: in 10 % of questions, so that a second one may be
answered right. joiner: puts 5 % of tickets into any wrong issue, again and again; near-join: in 5 % of questions, into the wrong issue
whose line is most like the ticket. weak: slips by 1.2 % for each issue shown, half the time to NEW, else to one of the five wrong ones
that are most like the ticket, and answers 15 % of merge questions with "all one". paraphraser: makes no mistake, but its cards say nothing.
"""

import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from clustering.words import terms
from demo.prompt_reader import read_card, read_decision, schema_name
from knowledge.issue import Card
from llm.protocol import JsonSchema, Messages
from prompts_config import NEW_ID
from testing.labelled_run import LabelledSet

_ID_AT_START = re.compile(r"^(ISSUE-([0-9]+)(?:-[0-9]+)?) \|(.*)$", re.MULTILINE)
BEHAVIOURS = ("perfect", "splitter", "fresh-split", "joiner", "near-join", "weak", "paraphraser")
SPLIT_RATE, JOIN_RATE = 0.10, 0.05
SLIPS_AN_ISSUE, ALL_ONE_RATE, NEAREST_WRONG = 0.012, 0.15, 5
_LEFT_OUT = "[…"  # where the prompt's text of a message was shortened
_SAYINGS = ("Some trouble", "A difficulty", "One more request", "Something failed", "A customer reports", "Unclear state", "Help wanted")


@dataclass(frozen=True, slots=True)
class Offer:
    """An issue in a prompt, the rest of its line, and its gold label: that of the ticket which founded it."""

    issue_id: str
    founder: int
    label: str
    line: str


class SimulatedModel:
    """Answers the four questions from gold labels, with one kind of mistake or none.

    `said` gives what the customers wrote by ticket id, `labels` the gold label. Use `reply` in one process, `answer` behind a server.
    """

    def __init__(self, said: Mapping[int, Sequence[str]], labels: Mapping[int, str], behaviour: str) -> None:
        if behaviour not in BEHAVIOURS:
            raise ValueError(f"behaviour must be one of {', '.join(BEHAVIOURS)}")
        self._said, self._labels, self._behaviour = said, labels, behaviour
        self._by_words = {_fingerprint(texts): ticket for ticket, texts in said.items()}

    @classmethod
    def of(cls, data: LabelledSet, behaviour: str) -> "SimulatedModel":
        """The model for a labelled set."""
        said = {c["ticket_id"]: [m["text"] for m in c["conversation"] if m["speaker"] == "user"] for c in data.conversations}
        return cls(said, data.labels, behaviour)

    def reply(self, messages: Messages, schema: JsonSchema) -> str:
        """The answer's text."""
        return json.dumps(self._answers[schema["name"]](messages[1]["content"]))

    def answer(self, messages: Messages) -> dict[str, Any]:
        """The answer in the form of the schema that the system message names; raises KeyError if it names none."""
        return self._answers[schema_name(messages[0]["content"])](messages[1]["content"])

    @property
    def _answers(self) -> dict[str, Callable[[str], dict[str, Any]]]:
        return {"issue_decision": self._decision, "issue_overview": self._overview, "issue_merge": self._merge, "issue_card": self._card}

    def _decision(self, user: str) -> dict[str, Any]:
        ticket = self._ticket(message.text for message in read_decision(user)[1].by("customer"))
        issue_id = self._choice(ticket, self._offers(user.partition("TICKET TO DECIDE\n")[0]), question=user)
        return {"issue_id": issue_id, **self._card_of(ticket), "evidence": [1], "confidence": 0.95}

    def _ticket(self, texts: Iterable[str]) -> int:
        """The ticket that says this; of one that was shortened, the beginning tells. Raises KeyError for a ticket of another set."""
        said = list(texts)
        if not any(_LEFT_OUT in text for text in said):
            return self._by_words[_fingerprint(said)]
        start = _fingerprint([said[0].partition(_LEFT_OUT)[0]])
        return next(ticket for words, ticket in self._by_words.items() if words.startswith(start))

    def _choice(self, ticket: int, offers: Sequence[Offer], *, question: str) -> str:
        """The id that is answered: the right one, unless this behaviour's mistake is drawn for the ticket or for the question."""
        label = self._labels[ticket]
        right = next((offer.issue_id for offer in offers if offer.label == label), NEW_ID)
        wrong = [offer for offer in offers if offer.label != label]
        mistake = self._mistakes.get(self._behaviour)
        return mistake(self, ticket, wrong, question) or right if mistake else right

    def _splits(self, ticket: int, wrong: Sequence[Offer], question: str) -> str:
        return NEW_ID if _draw("split", ticket) < SPLIT_RATE else ""

    def _splits_afresh(self, ticket: int, wrong: Sequence[Offer], question: str) -> str:
        return NEW_ID if _draw("split", question) < SPLIT_RATE else ""

    def _joins(self, ticket: int, wrong: Sequence[Offer], question: str) -> str:
        return wrong[int(_draw("which", ticket) * len(wrong))].issue_id if wrong and _draw("join", ticket) < JOIN_RATE else ""

    def _joins_nearest(self, ticket: int, wrong: Sequence[Offer], question: str) -> str:
        return self._most_like(ticket, wrong)[0] if wrong and _draw("join", question) < JOIN_RATE else ""

    def _slips(self, ticket: int, wrong: Sequence[Offer], question: str) -> str:
        if _draw("slip", question) >= SLIPS_AN_ISSUE * len(_ID_AT_START.findall(question)):
            return ""
        near = self._most_like(ticket, wrong)[:NEAREST_WRONG] if _draw("new", question) >= 0.5 else []
        return near[int(_draw("which", question) * len(near))] if near else NEW_ID

    _mistakes = MappingProxyType(
        {"splitter": _splits, "fresh-split": _splits_afresh, "joiner": _joins, "near-join": _joins_nearest, "weak": _slips}
    )

    def _most_like(self, ticket: int, offers: Sequence[Offer]) -> list[str]:
        """Ids by how many words of the ticket stand in the issue's line."""
        own = set(terms("\n".join(self._said[ticket])))
        shown = {offer.issue_id: set(terms(offer.line)) for offer in offers}
        shared = {name: len(words & own) / math.sqrt(len(words) or 1) for name, words in shown.items()}
        return sorted(shared, key=lambda name: -shared[name])

    def _overview(self, user: str) -> dict[str, Any]:
        same = [[offer.issue_id for offer in group] for group in self._by_label(user)]
        return {"groups": [{"issue_ids": ids} for ids in same if len(ids) > 1], "areas": []}

    def _merge(self, user: str) -> dict[str, Any]:
        same = [[offer.issue_id for offer in group] for group in self._by_label(user)]
        if self._behaviour == "weak" and _draw("all one", user) < ALL_ONE_RATE:
            same = [[name for group in same for name in group]]
        return {"merges": [{"issue_ids": ids, "confidence": 0.95, "reason": ""} for ids in same if len(ids) > 1]}

    def _card(self, user: str) -> dict[str, Any]:
        """The card of most of the tickets shown; those of another label do not belong."""
        shown = [ticket.ticket_id for ticket in read_card(user)[1]]
        label = Counter(self._labels[ticket] for ticket in shown).most_common(1)[0][0]
        misfits = [ticket for ticket in shown if self._labels[ticket] != label]
        return {**self._card_of(next(ticket for ticket in shown if self._labels[ticket] == label)), "misfits": misfits, "notes": ""}

    def _by_label(self, user: str) -> list[list[Offer]]:
        groups: dict[str, list[Offer]] = {}
        for offer in self._offers(user):
            groups.setdefault(offer.label, []).append(offer)
        return list(groups.values())

    def card(self, ticket: int) -> Card:
        """The card that this model would write for an issue which a ticket founds."""
        fields = self._card_of(ticket)
        return Card(fields["category"], fields["short_description"], tuple(fields["keywords"]))

    def _offers(self, text: str) -> list[Offer]:
        return [Offer(issue_id, int(number), self._labels[int(number)], line) for issue_id, number, line in _ID_AT_START.findall(text)]

    def _card_of(self, ticket: int) -> dict[str, Any]:
        """A card as long as a model's, in the words of the customer who wrote most, or in words that say nothing."""
        if self._behaviour == "paraphraser":
            title = f"{_SAYINGS[ticket % len(_SAYINGS)]}, kind {ticket}"
            return {
                "category": title,
                "short_description": f"{title}.",
                "keywords": [f"kind {ticket}"],
                "root_cause": "",
                "resolution_steps": [],
            }
        said = max(self._said[ticket], key=len, default="").split()
        longest = sorted({word.strip(".,!?").lower() for word in said}, key=lambda word: (-len(word), word))
        return {
            "category": " ".join(said[:6]) or "No words",
            "short_description": " ".join(said)[:150],
            "keywords": longest[:5],
            "root_cause": "",
            "resolution_steps": [],
        }


def _fingerprint(texts: Iterable[str]) -> str:
    """The letters and digits of a ticket: the same whatever cleaning did to spaces and line breaks."""
    return "".join(char for text in texts for char in text.lower() if char.isalnum())


def _draw(*parts: object) -> float:
    """A number in [0, 1) that depends on `parts` alone."""
    return zlib.crc32("|".join(map(str, parts)).encode()) / 2**32
