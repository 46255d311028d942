"""The recording of a language model: what it said when it was asked the program's questions about the sample tickets.

A ticket is found by its text and an issue by its category, so that a changed prompt, another order or another id keeps the recording.
What was not recorded is not answered here: nothing is made up.
"""

import json
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from demo import model
from demo.prompt_reader import Offered, Question, Ticket, read_decision, read_issues, read_question
from prompts_config import NEW_ID, UNCLEAR_ID

FILE = Path(__file__).with_name("recorded.jsonl")
MIN_SHARED = 0.5
"""A ticket of the recording is the one asked about if they share at least this part of their words (Dice)."""

_WORD = re.compile(r"[^\W_]+")
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
            named = line["answer"]["issue"] if "ticket" in line else line["issue"]
            if named != UNCLEAR_ID:
                self._issues.setdefault(_key(named), {}).update({} if "ticket" in line else line)
        self._words = {ticket["id"]: words_of(ticket) for ticket in tickets if ticket["id"] in self._answers}

    @classmethod
    def load(cls, tickets: Sequence[Mapping[str, Any]], path: Path = FILE) -> "Recording":
        """The recording in a file of JSON lines."""
        return cls((json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line), tickets)

    def answer(self, question: Question) -> dict[str, Any] | None:
        """The recorded answer to a question of the program, None if there is none."""
        answers = {"issue_decision": self._decision, "issue_overview": self._overview, "issue_merge": self._merge, "issue_card": self._card}
        return answers[question.schema](question.user)

    def _decision(self, user: str) -> dict[str, Any] | None:
        offered, ticket = read_decision(user)
        number = find_ticket(ticket, self._words)
        if number is None:
            return None
        said = dict(self._answers[number])
        ids = {_key(issue.category): issue.issue_id for issue in reversed(offered)}
        meant, second = said.pop("issue"), said["second_choice"]
        agents = [str(message.number) for message in ticket.by("agent", "internal note")]
        return {
            **said,
            "issue_id": meant if meant == UNCLEAR_ID else ids.get(_key(meant), NEW_ID),
            "second_choice": ids.get(_key(second), NEW_ID) if second else "",
            "resolution_steps": [_resting_on(step, agents, or_else=agents[-1:]) for step in said["resolution_steps"]],
            "evidence": [number for number in said["evidence"] if number <= len(ticket.messages)],
        }

    def _overview(self, user: str) -> dict[str, Any] | None:
        """Issues of one category stand together; areas as they were recorded, None where one of a recorded category has none yet."""
        areas: dict[str, list[str]] = {}
        for category, ids in _by_category(read_issues(user)).items():
            if category in self._issues:
                if "area" not in self._issues[category]:
                    return None
                areas.setdefault(self._issues[category]["area"], []).extend(ids)
        return {
            "groups": [{"issue_ids": ids} for ids in self._twins(user)],
            "areas": [{"area": area, "issue_ids": ids} for area, ids in areas.items()],
        }

    def _merge(self, user: str) -> dict[str, Any]:
        reason = "The same cause and the same fix are stated in both."
        return {"merges": [{"issue_ids": ids, "confidence": 0.95, "reason": reason} for ids in self._twins(user)]}

    def _twins(self, user: str) -> list[list[str]]:
        """Issues that have one recorded category."""
        return [ids for category, ids in _by_category(read_issues(user)).items() if len(ids) > 1 and category in self._issues]

    def _card(self, user: str) -> dict[str, Any] | None:
        """The recorded card of an issue, its steps resting on those of the recorded tickets that the question shows."""
        offered = read_issues(user.partition("\nTICKET")[0])
        card = self._issues.get(_key(offered[0].category), {}).get("card") if offered else None
        if card is None:
            return None
        shown = _SHOWN_TICKET.findall(user)
        steps = [_resting_on(step, shown) for step in card["resolution_steps"]]
        return {**card, "resolution_steps": [step for step in steps if step]}


class RecordedModel:
    """Answers from the recording, and from the word matcher what was not recorded, which `unanswered` keeps by its text. Safe for threads.

    `recorded` and `by_matcher` count the answers of each.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._lock = threading.Lock()
        self.recorded = self.by_matcher = 0
        self.unanswered: dict[str, Question] = {}

    def __call__(self, messages: Any) -> dict[str, Any]:
        """The answer to one question. Raises `ValueError` where it is none of the program's."""
        question = read_question(messages)
        found = self._recording.answer(question)
        with self._lock:
            if found is not None:
                self.recorded += 1
                return found
            self.by_matcher += 1
            self.unanswered[question.user] = question
        return model.answer(messages)


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


def _resting_on(step: str, shown: Sequence[str], or_else: Sequence[str] = ()) -> str:
    """A step with those of its sources (messages, or messages of tickets) that are shown, else with others; "" if there are none."""
    said = _CITED.search(step)
    if said is None:
        return step
    sources = [source.strip() for source in said[1].split(",")]
    kept = [source for source in sources if source.partition(":")[0] in shown] or or_else
    return f"{step[: said.start()]} [{', '.join(kept)}]" if kept else ""


def _by_category(offered: Iterable[Offered]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for issue in offered:
        found.setdefault(_key(issue.category), []).append(issue.issue_id)
    return found


def _key(category: str) -> str:
    return " ".join(category.casefold().split())


def _words(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in _WORD.findall(text.casefold())}
