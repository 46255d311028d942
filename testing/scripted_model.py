"""A model that follows a script, and conversations to put to it: no HTTP, the same answer to the same question at any speed."""

import json
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar, cast

from knowledge.conversation import CLEANER_VERSION, CleaningOptions, Conversation, Message
from llm.protocol import Answer, AnswerUnusable, JsonSchema, Messages, Usage

T = TypeVar("T")
_OFFER = re.compile(r"^(\S[^|\n]*?) \| ", re.MULTILINE)
_pause = time.sleep  # kept from before any test replaces it: these are the model's milliseconds, not a wait of the program


def talk(ticket_id: int, said: str, *, agent: str = "", day: str = "2025-03-01", subject: str = "", **facts: Any) -> Conversation:
    """A conversation whose subject carries the ticket's number, by which a script knows it."""
    messages = [_message("user", text) for text in said.split("\n\n")] + ([_message("agent", agent)] if agent else [])
    known = Conversation(
        ticket_id=ticket_id,
        subject=f"T{ticket_id} {subject}".strip(),
        status=5,
        source=1,
        type=None,
        tags=[],
        created_at=f"{day}T08:00:00Z" if day else "",
        updated_at=f"{day}T09:00:00Z" if day else "",
        url=f"https://acme.freshdesk.com/a/tickets/{ticket_id}",
        ignored=None,
        redacted=True,
        cleaner_version=CLEANER_VERSION,
        conversation=messages,
        options=asdict(CleaningOptions("https://acme.freshdesk.com")),
    )
    return cast(Conversation, {**known, **facts})


def _message(speaker: Any, text: str) -> Message:
    return Message(speaker=speaker, text=text, private=False, incoming=speaker == "user", created_at="")


def decision(issue_id: str | None = None, confidence: Any = 0.9, **fields: Any) -> dict[str, Any]:
    """An answer to `issue_decision`, evidence and category included."""
    return {"issue_id": issue_id, "confidence": confidence, "category": "Lid leaks water", "evidence": [1], **fields}


def no_pause(_seconds: float) -> None:
    """Answers come at once."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the model saw it: schema, user message, the ids that were offered, and which ticket it is about (0: none)."""

    schema: str
    system: str
    user: str

    @property
    def offered(self) -> list[str]:
        return [name for name in _OFFER.findall(self.user.split("TICKET TO DECIDE")[0]) if name != "NEW" and "KNOWN ISSUES" not in name]

    @property
    def ticket(self) -> int:
        found = re.search(r"^Subject: T(\d+)", self.user, re.MULTILINE)
        return int(found[1]) if found and self.schema == "issue_decision" else 0

    @property
    def lines(self) -> dict[str, str]:
        """What stands beside each offered id."""
        parts = (line.split(" | ", 1) for line in self.user.split("TICKET TO DECIDE")[0].splitlines() if " | " in line)
        return {name: rest for name, rest in parts if name in self.offered}


Script = Callable[[Asked], Any]
"""What to answer: a dict, a text, or an exception to raise."""


@dataclass(slots=True)
class ScriptedModel:
    """Puts each question to the script; an answer that does not parse is asked for once more, as the real client does."""

    script: Script
    pause: Callable[[float], None] = no_pause
    asked: list[Asked] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T]:
        asked = Asked(schema["name"], messages[0]["content"], messages[1]["content"])
        with self._lock:
            self.asked.append(asked)
        self.pause(0.002)
        reason = ""
        for again in (False, True):
            reply = self.script(asked)
            if isinstance(reply, BaseException):
                raise reply
            text = reply if isinstance(reply, str) else json.dumps(reply)
            try:
                return Answer(parse(text), text, Usage(), asked_again=again)
            except ValueError as error:
                reason = str(error)
        raise AnswerUnusable(reason)

    def questions(self, schema: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.schema == schema]

    def offers(self) -> list[tuple[int, list[str]]]:
        """Ticket and offered ids of each question about a ticket, in the order of asking."""
        return [(asked.ticket, asked.offered) for asked in self.questions("issue_decision")]


def by_ticket(answers: Mapping[int, Any]) -> Script:
    """A script by ticket number. A list is worked off, its last entry staying; questions about issues find no answer."""
    left = {ticket: list(answer) if isinstance(answer, list) else [answer] for ticket, answer in answers.items()}

    def script(asked: Asked) -> Any:
        if asked.schema != "issue_decision":
            return AnswerUnusable("nobody wrote an answer for this")
        queue = left[asked.ticket]
        return queue.pop(0) if len(queue) > 1 else queue[0]

    return script


def latency(seed: int) -> Callable[[float], None]:
    """Pauses of up to the given seconds, different ones for each seed."""
    draw = random.Random(seed)
    return lambda seconds: _pause(draw.random() * seconds)


def backwards() -> tuple[Callable[[Callable[[], Any]], "Future[Any]"], Callable[[], None]]:
    """A `submit` that does work only when a result is wanted, the newest first."""
    waiting: list[tuple[Future[Any], Callable[[], Any]]] = []

    class Lazy(Future[Any]):
        def result(self, timeout: float | None = None) -> Any:
            work_off()
            return super().result(timeout)

    def work_off() -> None:
        while waiting:
            future, call = waiting.pop()
            try:
                future.set_result(call())
            except Exception as error:  # noqa: BLE001 - handed to whoever waits for the future
                future.set_exception(error)

    def submit(call: Callable[[], Any]) -> "Future[Any]":
        future = Lazy()
        waiting.append((future, call))
        return future

    return submit, work_off
