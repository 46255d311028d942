"""The recording of a language model: what it said when it was asked the program's questions about the sample tickets.

A ticket is found by its text and an issue by its category, so that a changed prompt, another order or another id keeps the recording.
What was not recorded is not answered here: nothing is made up.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from demo.prompt_reader import Ticket, read_decision, read_issues, schema_name

FILE = Path(__file__).with_name("recorded.jsonl")
MIN_SHARED = 0.5
"""A ticket of the recording is the one asked about if they share at least this part of their words (Dice)."""

_WORD = re.compile(r"[^\W_]+")
_MESSAGES = re.compile(r"\s*\[([0-9, ]+)\]$")
_CITED = re.compile(r"\s*\[([0-9:, ]+)\]$")
_SHOWN_TICKET = re.compile(r"^TICKET ([0-9]+)$", re.MULTILINE)


class Recording:
    """Recorded answers, and the texts of the tickets that they are about."""

    def __init__(self, lines: Iterable[Mapping[str, Any]], tickets: Sequence[Mapping[str, Any]]) -> None:
        self._answers: dict[int, Mapping[str, Any]] = {}
        self._issues: dict[str, dict[str, Any]] = {}
        for line in lines:
            if "ticket" in line:
                self._answers[line["ticket"]] = line["answer"]
            else:
                self._issues.setdefault(_key(line["issue"]), {}).update(line)
        self._words = {ticket["id"]: words_of(ticket) for ticket in tickets if ticket["id"] in self._answers}

    @classmethod
    def load(cls, tickets: Sequence[Mapping[str, Any]], path: Path = FILE) -> "Recording":
        """The recording in a file of JSON lines."""
        return cls((json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line), tickets)

    def answer(self, messages: Sequence[Mapping[str, str]]) -> dict[str, Any] | None:
        """The recorded answer to a question of the program, None if there is none."""
        texts = {message["role"]: message["content"] for message in messages}
        system, user = texts.get("system", ""), texts.get("user", "")
        name = schema_name(system)
        if name == "issue_decision":
            return self._decision(user)
        if name == "issue_overview":
            return self._overview(user)
        if name == "issue_merge" and '"merges"' in system:
            return self._merge(user)
        return self._card(user) if name == "issue_card" else None

    def _decision(self, user: str) -> dict[str, Any] | None:
        offered, ticket = read_decision(user)
        number = find_ticket(ticket, self._words)
        if number is None:
            return None
        said = dict(self._answers[number])
        ids = {_key(issue.category): issue.issue_id for issue in reversed(offered)}
        meant, second = said.pop("issue"), said["second_choice"]
        said["issue_id"] = meant if meant == "UNCLEAR" else ids.get(_key(meant), "NEW")
        said["second_choice"] = ids.get(_key(second), "NEW") if second else ""
        said["resolution_steps"] = [_anchored(step, ticket) for step in said["resolution_steps"]]
        said["evidence"] = [number for number in said["evidence"] if number <= len(ticket.messages)]
        return said

    def _overview(self, user: str) -> dict[str, Any]:
        """Issues of one category stand together, and so do those that were recorded as alike; areas as they were recorded."""
        offered = read_issues(user)
        by_category: dict[str, list[str]] = {}
        areas: dict[str, list[str]] = {}
        for issue in offered:
            category = _key(issue.category)
            by_category.setdefault(category, []).append(issue.issue_id)
            area = self._issues.get(category, {}).get("area")
            if area:
                areas.setdefault(area, []).append(issue.issue_id)
        groups = [ids for category, ids in by_category.items() if len(ids) > 1 and category in self._issues]
        for category, ids in by_category.items():
            alike = [other for like in self._alike(category) for other in by_category.get(_key(like["issue"]), [])]
            groups += [[ids[0], *alike]] if alike else []
        return {
            "groups": [{"issue_ids": ids} for ids in groups],
            "areas": [{"area": area, "issue_ids": ids} for area, ids in areas.items()],
        }

    def _merge(self, user: str) -> dict[str, Any]:
        by_category: dict[str, list[str]] = {}
        for issue in read_issues(user):
            by_category.setdefault(_key(issue.category), []).append(issue.issue_id)
        merges = [
            {"issue_ids": ids, "confidence": 0.95, "reason": "The same cause and the same fix are stated in both."}
            for ids in by_category.values()
            if len(ids) > 1
        ]
        for category, ids in by_category.items():
            for like in self._alike(category):
                other = by_category.get(_key(like["issue"]), [])
                merges += [{"issue_ids": [ids[0], other[0]], "confidence": like["confidence"], "reason": like["reason"]}] if other else []
        return {"merges": merges}

    def _alike(self, category: str) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = self._issues.get(category, {}).get("like", ())
        return found

    def _card(self, user: str) -> dict[str, Any] | None:
        """The recorded card of an issue, its steps resting on those of the recorded tickets that the question shows."""
        offered = read_issues(user.partition("\nTICKET")[0])
        card = self._issues.get(_key(offered[0].category), {}).get("card") if offered else None
        if card is None:
            return None
        shown = set(_SHOWN_TICKET.findall(user))
        steps = [_resting_on(step, shown) for step in card["resolution_steps"]]
        return {**card, "resolution_steps": [step for step in steps if step]}


def find_ticket(ticket: Ticket, known: Mapping[int, set[str]]) -> int | None:
    """The number of the ticket whose words are most like those of the one that is asked about, None if none has enough of them."""
    words = _words([ticket.subject, *(message.text for message in ticket.messages)])
    shared = {number: 2 * len(words & own) / (len(words) + len(own) or 1) for number, own in known.items()}
    best = max(shared, key=lambda number: (shared[number], -number), default=None)
    return best if best is not None and shared[best] >= MIN_SHARED else None


def words_of(ticket: Mapping[str, Any]) -> set[str]:
    """Words of a raw ticket: subject, opening, and messages as plain text."""
    bodies = [message.get("body_text") or "" for message in ticket["conversations"]]
    return _words([ticket["subject"] or "", ticket["description_text"] or "", *bodies])


def _anchored(step: str, ticket: Ticket) -> str:
    """A step with the numbers of agents' messages, which follow their messages where a ticket is cleaned in another way than it was."""
    said = _MESSAGES.search(step)
    agents = {message.number: _words([message.text]) for message in ticket.by("agent", "internal note")}
    if said is None or not agents:
        return step
    text = step[: said.start()]
    numbers = [int(number) for number in said[1].split(",")]
    kept = [number for number in numbers if number in agents]
    nearest = max(agents, key=lambda number: (len(agents[number] & _words([text])), -number))
    return f"{text} [{', '.join(map(str, kept or [nearest]))}]"


def _resting_on(step: str, shown: set[str]) -> str:
    """A card's step with those of its sources that are shown, "" if none is; without ticket numbers in the question as it is."""
    said = _CITED.search(step)
    if said is None:
        return step
    text = step[: said.start()]
    if not shown:
        return text
    kept = [source.strip() for source in said[1].split(",") if source.strip().partition(":")[0] in shown]
    return f"{text} [{', '.join(kept)}]" if kept else ""


def _key(category: str) -> str:
    return " ".join(category.casefold().split())


def _words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in _WORD.findall(text.casefold())}
