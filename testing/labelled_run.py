"""Labelled conversations through the clusterer in one process: what was found, and what it cost in calls and characters / 4.

Reads JSON lines of `{"id", "subject", "messages": [{"speaker", "text"}], "label"}`. The labels stay outside the program that is measured;
only a simulated model, which stands for the outside, may look at them. Cleans nothing and fetches nothing.
"""

import gzip
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from common.text import CHARS_PER_TOKEN
from issue_clusterer import IssueClusterer
from knowledge.conversation import Conversation, Message
from knowledge.paths import RunFiles
from llm.protocol import Answer, Ask, JsonSchema, Messages, Usage
from prompts_config import Prompts

T = TypeVar("T")
Reply = Callable[[Messages, JsonSchema], str]
CACHED_PREFIX_STEP, CACHED_PREFIX_LEAST = 128, 1_024  # tokens, as OpenAI counts a cached prefix


class LabelsUnusable(Exception):
    """The labelled file cannot be used; the message names the line or the ids."""


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Conversations with their gold labels by ticket id."""

    name: str
    conversations: tuple[Conversation, ...]
    labels: dict[int, str]

    def shuffled(self, seed: int) -> "LabelledSet":
        """The same in another order; 0 is the order of the file."""
        rows = list(self.conversations)
        if seed:
            random.Random(seed).shuffle(rows)
        return LabelledSet(self.name, tuple(rows), self.labels)

    def in_bursts(self) -> "LabelledSet":
        """The same with all conversations of a label in a row."""
        seen = {label: place for place, label in reversed(list(enumerate(self._labels())))}
        return self._sorted(lambda place, label: (seen[label], place))

    def new_labels_first(self) -> "LabelledSet":
        """The same with the first conversation of every label in front: all issues are founded before any of them is joined."""
        seen = {label: place for place, label in reversed(list(enumerate(self._labels())))}
        return self._sorted(lambda place, label: (place != seen[label], place))

    def _labels(self) -> list[str]:
        return [self.labels[conversation["ticket_id"]] for conversation in self.conversations]

    def _sorted(self, key: Callable[[int, str], tuple[int, int]]) -> "LabelledSet":
        labels = self._labels()
        places = sorted(range(len(labels)), key=lambda place: key(place, labels[place]))
        return LabelledSet(self.name, tuple(self.conversations[place] for place in places), self.labels)


def load_set(path: Path, *, first: int | None = None) -> LabelledSet:
    """The conversations of a JSONL file, gzip or not. Ticket ids are the file's plus one, since 0 is no ticket. Raises `LabelsUnusable`."""
    try:
        text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise LabelsUnusable(f"{path} cannot be read: {error}") from error
    conversations: list[Conversation] = []
    labels: dict[int, str] = {}
    for number, line in enumerate(text.split("\n")[:first] if first else text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            conversation, label = _conversation(row), row["label"]
        except (ValueError, KeyError, TypeError) as error:
            raise LabelsUnusable(f"{path}, line {number}: not a labelled conversation ({error!r})") from error
        if conversation["ticket_id"] in labels:
            raise LabelsUnusable(f"{path}, line {number}: the id {row['id']} stands twice")
        labels[conversation["ticket_id"]] = str(label)
        conversations.append(conversation)
    return LabelledSet(path.name.removesuffix(".gz").removesuffix(".jsonl"), tuple(conversations), labels)


def _conversation(row: dict[str, Any]) -> Conversation:
    messages = [
        Message(speaker=message["speaker"], text=message["text"], private=False, incoming=message["speaker"] == "user", created_at="")
        for message in row["messages"]
    ]
    return Conversation(
        ticket_id=int(row["id"]) + 1,
        subject=row.get("subject") or "",
        status=5,
        source=2,
        type=None,
        tags=[],
        created_at="2025-01-01T00:00:00Z",
        updated_at="2025-01-01T00:00:00Z",
        url=f"https://example.invalid/a/tickets/{int(row['id']) + 1}",
        ignored=None,
        redacted=True,
        cleaner_version=1,
        conversation=messages,
    )


def asking(reply: Reply) -> Ask:
    """A model whose answers are text, as the clusterer wants to ask it. An unusable answer raises ValueError: it has no excuse."""

    def ask(messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T]:
        text = reply(messages, schema)
        return Answer(parse(text), text, Usage(prompt=_tokens(messages), completion=len(text) // CHARS_PER_TOKEN))

    return ask


@dataclass(slots=True)
class Meter:
    """Counts what is asked of a model: calls and input tokens (characters / 4) by schema name, and how many a prefix cache would hold."""

    model: Ask
    calls: Counter[str] = field(default_factory=Counter)
    input_tokens: Counter[str] = field(default_factory=Counter)
    cached_tokens: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T]:
        """The model's answer."""
        name = schema["name"]
        stable = len(messages[0]["content"]) // CHARS_PER_TOKEN // CACHED_PREFIX_STEP * CACHED_PREFIX_STEP
        with self._lock:
            if self.calls[name] and stable >= CACHED_PREFIX_LEAST:
                self.cached_tokens[name] += stable
            self.calls[name] += 1
            self.input_tokens[name] += _tokens(messages)
        return self.model(messages, schema=schema, parse=parse)


def _tokens(messages: Messages) -> int:
    return sum(len(message["content"]) for message in messages) // CHARS_PER_TOKEN


@dataclass(slots=True)
class RoundCounter:
    """A `submit` that makes calls when the first result is wanted, as work by batch file does; keeps the size of each round."""

    sizes: list[int] = field(default_factory=list)
    _waiting: list[tuple[Future[Any], Callable[[], Any]]] = field(default_factory=list)

    def submit(self, call: Callable[[], T]) -> "Future[T]":
        """A future of `call()`."""
        future = _Waiting(self)
        self._waiting.append((future, call))
        return future

    def work_off(self) -> None:
        """Make the calls of the round."""
        calls, self._waiting = self._waiting, []
        self.sizes.append(len(calls))
        for future, call in calls:
            try:
                future.set_result(call())
            except Exception as error:  # noqa: BLE001 - handed to whoever waits for the future
                future.set_exception(error)


class _Waiting(Future[Any]):
    def __init__(self, counter: RoundCounter) -> None:
        super().__init__()
        self._counter = counter

    def result(self, timeout: float | None = None) -> Any:
        if not self.done():
            self._counter.work_off()
        return super().result(timeout)


def cluster(
    data: LabelledSet, ask: Ask, *, folder: Path, consolidate: bool = True, prompts: Prompts | None = None, **options: Any
) -> IssueClusterer:
    """The clusterer after a run over the set; `folder` has no database, and nothing is saved there. `options` are the clusterer's."""
    stored = {conversation["ticket_id"]: conversation for conversation in data.conversations}
    clusterer = IssueClusterer(
        RunFiles(folder / "issues.json"),
        ask=ask,
        prompts=prompts or Prompts(),
        conversation_of=stored.get,
        **options,
    )
    clusterer.decide(data.conversations)
    clusterer.conclude(overview=consolidate)
    return clusterer


def found_issues(clusterer: IssueClusterer, tickets: Sequence[int]) -> list[str]:
    """The issue of each ticket; a ticket without one stands alone."""
    home = {ticket: issue.issue_id for issue in clusterer.issues.values() for ticket in issue.tickets}
    return [home.get(ticket, f"none-{ticket}") for ticket in tickets]


def recall_at_offer(clusterer: IssueClusterer, labels: dict[int, str]) -> float:
    """The share of tickets to whom an issue of their label was offered, among those whose label had an issue by then."""
    founders: dict[str, str] = {}
    hits = total = 0
    for row in clusterer.rows.values():
        label = labels[row.ticket_id]
        known = [issue_id for issue_id, gold in founders.items() if gold == label]
        if known:
            total += 1
            hits += any(issue_id in row.candidates for issue_id in known)
        if row.outcome in ("new", "provisional"):
            founders[f"ISSUE-{row.ticket_id}"] = label
    return hits / total if total else 1.0
