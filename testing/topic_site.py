"""A helpdesk full of tickets about made-up topics and a model that sorts them, both on loopback: for driving the whole program.

The model's answer is a function of the prompt alone, and a jumpy one: any other word in a prompt may change choice and confidence, so that
two runs end in the same bytes only if they asked the very same questions. Now and then it answers nonsense, or is sure of the wrong thing.
"""

import hashlib
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from demo.labelled_files import as_ticket
from demo.prompt_reader import schema_name
from testing.chaos_llm import Behaviour, ChaosServer, Reply, Seen, completion
from testing.helpdesk import Helpdesk

RESULTS = ("silo_issues_db.json", "flagged_for_review.csv", "decisions.jsonl")
"""The files of a run whose bytes are promised."""
KEY, MODEL_KEY = "desk-key-0123456789", "model-key-0123456789"
TOPICS = tuple(
    f"{first}{second}"
    for first in ("brum", "cend", "dalt", "fen", "gorv", "hesk", "jal", "korb")
    for second in ("al", "ek", "ino", "ux", "yra")
)
_OFFER = re.compile(r"^(\S+) \| (.*)$", re.MULTILINE)
_CONFIDENCES = (0.2, 0.5, 0.65, 0.69, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.99)


def topic_tickets(count: int, *, seed: int = 1, first_id: int = 1001) -> list[dict[str, Any]]:
    """Raw tickets, a few topics common and most of them rare."""
    draw = random.Random(seed)
    weights = [1 / (place + 1) for place in range(len(TOPICS))]
    return [as_ticket(_row(first_id + place, draw, weights), position=place) for place in range(count)]


def _row(ticket_id: int, draw: random.Random, weights: Sequence[float]) -> dict[str, Any]:
    topic = draw.choices(TOPICS, weights)[0]
    words = " ".join(draw.choice(("light", "sound", "lid", "pan", "timer", "screen", "water", "dial")) for _ in range(draw.randint(3, 12)))
    messages = [{"speaker": "user", "text": f"My {topic} does not work since Monday.\nI saw: {words}."}]
    if draw.random() < 0.9:
        messages.append({"speaker": "agent", "text": f"Please reset the {topic} and hold the dial for ten seconds."})
    for number in range(draw.choice((0, 0, 1, 3, 12))):
        messages.append({"speaker": ("user", "agent")[number % 2], "text": f"Still {draw.choice(words.split())}, try {number + 2}."})
    return {"id": ticket_id, "subject": f"{topic} trouble {ticket_id % 7}", "messages": messages}


def sorting(*, jumpy: bool = True, hopeless: bool = True, latency_s: Callable[[], float] = lambda: 0.0) -> Behaviour:
    """A model that sorts by topic; `jumpy`: now and then wrong, unsure, or unusable once; `hopeless`: or for good."""

    def behave(seen: Seen) -> Reply:
        messages = seen.body["messages"]
        draw = random.Random(hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).digest() if jumpy else 0)
        return Reply(body=completion(_text(messages, draw, jumpy, hopeless), usage=usage_of(messages)), delay_s=latency_s())

    return behave


def schema_of(seen: Seen) -> str:
    """Which of the program's questions a request asks."""
    return schema_name(seen.body["messages"][0]["content"])


def question_of(seen: Seen) -> str | None:
    """The name of the question that a request asks for the first time, None for one that asks again for a usable answer."""
    messages = seen.body["messages"]
    return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest() if len(messages) == 2 else None


def _text(messages: Sequence[Mapping[str, str]], draw: random.Random, jumpy: bool, hopeless: bool) -> str:
    system, user = messages[0]["content"], messages[1]["content"]
    if jumpy and len(messages) == 2 and draw.random() < 0.06:
        return "I would say this is about a broken device."
    if jumpy and hopeless and hashlib.sha256(user.encode()).digest()[0] < 3:
        return "I cannot say."
    name = schema_name(system)
    if name == "issue_overview":
        return json.dumps(_overview(user))
    if name == "issue_merge":
        return json.dumps({"merges": _merges(user, draw, jumpy)})
    if name == "issue_card":
        shown = [int(number) for number in re.findall(r"^TICKET ([0-9]+)$", user, re.MULTILINE)]
        return json.dumps({**_card(_topic(user), draw, f"{shown[0]}:2"), "misfits": shown[:1] if jumpy else [], "notes": ""})
    offers, _, ticket = user.rpartition("TICKET TO DECIDE\n")
    return json.dumps({**_card(_topic(ticket), draw), **_choice(offers, _topic(ticket), draw, jumpy), "notes": ""})


def _choice(offers: str, topic: str, draw: random.Random, jumpy: bool) -> dict[str, Any]:
    known = [(name, line) for name, line in _OFFER.findall(offers) if name != "NEW"]
    right = [name for name, line in known if topic in line]
    chosen = right[0] if right else "NEW"
    if jumpy and known and draw.random() < 0.15:
        chosen = draw.choice([name for name, _ in known] + ["NEW", "ISSUE-4711", "none", "UNCLEAR"])
    second = draw.choice([name for name, _ in known] or ["NEW"]) if jumpy else ""
    return {
        "issue_id": chosen,
        "second_choice": second,
        "kind": "bug",
        "evidence": [1],
        "confidence": draw.choice(_CONFIDENCES) if jumpy else 0.95,
    }


def _overview(user: str) -> dict[str, Any]:
    topics: dict[str, list[str]] = {}
    for name, line in _OFFER.findall(user):
        topics.setdefault(_topic(line), []).append(name)
    groups = [{"issue_ids": names} for names in topics.values() if len(names) > 1]
    return {"groups": groups, "areas": [{"area": f"Matters of {topic}", "issue_ids": names} for topic, names in topics.items()]}


def _merges(user: str, draw: random.Random, jumpy: bool) -> list[dict[str, Any]]:
    blocks = [("\n" + block).split("\n", 1)[1] for block in re.split(r"\n\n", user.split("\n\n", 1)[1])]
    groups: dict[str, list[str]] = {}
    for number, block in enumerate(blocks):
        apart = jumpy and draw.random() < 0.2
        groups.setdefault(f"{_topic(block)}{number if apart else ''}", []).append(block.split(" | ", 1)[0])
    sure = (0.6, 0.8, 0.9) if jumpy else (0.95,)
    return [{"issue_ids": names, "confidence": draw.choice(sure), "reason": "one topic"} for names in groups.values() if len(names) > 1]


def _card(topic: str, draw: random.Random, message: str = "2") -> dict[str, Any]:
    return {
        "short_description": f"The {topic} does not work ({draw.randrange(1000)}).",
        "category": f"{topic.capitalize()} stops, form {draw.randrange(4)} of {topic}",
        "keywords": [topic, "reset"],
        "root_cause": f"The {topic} was not reset.",
        "resolution_steps": [f"Reset the {topic}. [{message}]"],
    }


def _topic(text: str) -> str:
    found = Counter(word for word in re.findall(r"[a-z]+", text.lower()) if word in TOPICS)
    return found.most_common(1)[0][0] if found else "device"


def usage_of(messages: Sequence[Mapping[str, str]]) -> dict[str, int]:
    """The count of tokens that a server would give: characters / 4, and an answer of 90."""
    size = sum(len(message["content"]) for message in messages) // 4
    return {"prompt_tokens": size, "completion_tokens": 90, "total_tokens": size + 90}


class TopicSite:
    """Helpdesk and model together; a context manager that gives itself."""

    def __init__(self, tickets: Sequence[dict[str, Any]], *, behave: Behaviour | None = None, **helpdesk_options: Any) -> None:
        self.helpdesk = Helpdesk(tickets, api_key=KEY, **helpdesk_options)
        self.model = ChaosServer(behave or sorting())
        self.freshdesk_url = ""
        self._open = ExitStack()

    def __enter__(self) -> "TopicSite":
        self.freshdesk_url = self._open.enter_context(self.helpdesk)
        self._open.enter_context(self.model)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def environment(self) -> dict[str, str]:
        """The settings that point the program here."""
        return {
            "FRESHDESK_DOMAIN": self.freshdesk_url,
            "FRESHDESK_API_KEY": KEY,
            "LLM_API_BASE_URL": self.model.base_url,
            "LLM_API_KEY": MODEL_KEY,
            "LLM_MODEL": "sorting-model",
            "LLM_TIMEOUT_S": "20",
        }

    def asked(self, schema: str = "") -> list[Seen]:
        """Requests that the model has had, of one kind or all."""
        return [seen for seen in self.model.seen if not schema or schema_of(seen) == schema]

    def forget(self) -> None:
        """Forget what both were asked so far."""
        self.model.seen.clear()
        self.helpdesk.calls.clear()
