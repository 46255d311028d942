"""Models of known behaviour that answer from gold labels: what the pipeline itself gains or loses is seen apart from any model.

They read the very prompt: which ticket is decided and which issues are offered. Labels are looked up by the ticket's text and by the
number in an issue's id. Each keeps nothing between questions, so the order of asking cannot change an answer.
"""

import json
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.labelled_run import LabelledSet
from model_protocol import JsonSchema, Messages
from prompts_config import NEW_ID, conversation_text

_ID_AT_START = re.compile(r"^(ISSUE-([0-9]+)(?:-[0-9]+)?) \|", re.MULTILINE)
BEHAVIOURS = ("perfect", "splitter", "joiner", "paraphraser")
_SYNONYMS = ("Trouble with", "Difficulty around", "Request about", "Failure of", "Customer reports", "Unclear state of", "Help wanted for")


@dataclass(frozen=True, slots=True)
class Offer:
    """An issue in a prompt and its gold label: that of the ticket which founded it."""

    issue_id: str
    label: str


class SimulatedModel:
    """Answers the three questions from gold labels, with one kind of mistake or none."""

    def __init__(self, data: LabelledSet, behaviour: str, *, split_rate: float = 0.10, join_rate: float = 0.05) -> None:
        if behaviour not in BEHAVIOURS:
            raise ValueError(f"behaviour must be one of {', '.join(BEHAVIOURS)}")
        self._labels = data.labels
        self._behaviour = behaviour
        self._split_rate, self._join_rate = split_rate, join_rate
        self._by_text = {conversation_text(conversation): conversation["ticket_id"] for conversation in data.conversations}

    def reply(self, messages: Messages, schema: JsonSchema) -> str:
        """The answer's text."""
        answers: dict[str, Callable[[str], dict[str, Any]]] = {
            "issue_decision": self._decision,
            "issue_merge": self._merge,
            "issue_card": self._card,
        }
        return json.dumps(answers[schema["name"]](messages[1]["content"]))

    def _decision(self, user: str) -> dict[str, Any]:
        issues, ticket_text = user.split("TICKET TO DECIDE\n", 1)
        ticket = self._by_text[ticket_text]
        label = self._labels[ticket]
        offers = self._offers(issues)
        issue_id = self._choice(ticket, label, offers)
        return {"issue_id": issue_id, **self._names(label, ticket), "evidence": [1], "confidence": 0.95}

    def _choice(self, ticket: int, label: str, offers: Sequence[Offer]) -> str:
        right = [offer.issue_id for offer in offers if offer.label == label]
        wrong = [offer.issue_id for offer in offers if offer.label != label]
        if self._behaviour == "splitter" and _draw("split", ticket) < self._split_rate:
            return NEW_ID
        if self._behaviour == "joiner" and wrong and _draw("join", ticket) < self._join_rate:
            return wrong[int(_draw("which", ticket) * len(wrong))]
        return right[0] if right else NEW_ID

    def _merge(self, user: str) -> dict[str, Any]:
        offers = self._offers(user)
        groups: dict[str, list[str]] = {}
        for offer in offers:
            groups.setdefault(offer.label, []).append(offer.issue_id)
        if self._behaviour == "joiner" and len(groups) > 1 and _draw("merge", *groups) < self._join_rate:
            first, second, *_ = groups
            groups[first] += groups.pop(second)
        return {"groups": [{"issue_ids": ids, **self._names(label, len(ids)), "confidence": 0.95} for label, ids in groups.items()]}

    def _card(self, user: str) -> dict[str, Any]:
        offer = self._offers(user)[0]
        return {**self._names(offer.label, len(user)), "notes": ""}

    def _offers(self, text: str) -> list[Offer]:
        return [Offer(issue_id, self._labels[int(number)]) for issue_id, number in _ID_AT_START.findall(text)]

    def _names(self, label: str, number: int) -> dict[str, Any]:
        title = re.sub(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])", " ", label).strip().capitalize() or "Unnamed trouble"
        if self._behaviour == "paraphraser":
            title = f"{_SYNONYMS[number % len(_SYNONYMS)]} {title.lower()} {number % 89}"
        words = title.lower().split()
        return {"category": title, "short_description": f"{title}.", "keywords": words, "root_cause": "", "resolution_steps": []}


def _draw(*parts: object) -> float:
    """A number in [0, 1) that depends on `parts` alone."""
    return zlib.crc32("|".join(map(str, parts)).encode()) / 2**32
