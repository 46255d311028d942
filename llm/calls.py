"""How many questions are under way at the same time, when the next call may go, and when the run has to end because nothing succeeds.

Shared by all workers of one server. Sees neither what is asked nor what an answer means.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from common.errors import Stopped
from common.web import TransientError
from llm.dialect import LIMIT_FIELDS, Dialect
from llm.protocol import JsonSchema, Messages, Usage

QUESTIONS_IN_A_ROW = 3  # that failed, with nothing that succeeded between them
MAX_SHOWN_CHARS = 2000
_MOST_TRIES = {"put off": 10, "paid": 3, "fault": 6}
LOADING_S = 120.0  # for a server that is still loading its model and has answered nothing yet


@dataclass(slots=True)
class Question:
    """One question on its way: what is asked now, how it was last worded, and what it has cost."""

    messages: Messages
    schema: JsonSchema | None
    max_tokens: int
    usage: Usage = field(default_factory=Usage)
    dialect: Dialect = field(default_factory=Dialect)
    sent: dict[str, Any] = field(default_factory=dict)
    repeated: bool = False
    tries: Counter[str] = field(default_factory=Counter)
    waited_s: float = 0.0

    @property
    def limit(self) -> int | None:
        """The limit that was last sent, None if none was."""
        return next((self.sent[name] for name in LIMIT_FIELDS if name in self.sent), None)

    def complain(self, text: str, reason: str) -> None:
        """Show the model what it wrote and what was wrong with it."""
        shown = text.strip()[:MAX_SHOWN_CHARS] or "(nothing)"
        request = f"That answer cannot be used: {reason[:500]}. Answer again with exactly one JSON object as described, and nothing else."
        self.messages = [*self.messages, {"role": "assistant", "content": shown}, {"role": "user", "content": request}]

    def has_enough(self, fault: TransientError, *, answered: bool) -> bool:
        """Whether a try that failed was the last: an answer that was paid for and is none counts more than a server that has no time.

        `answered`: the server has answered before, so that it is not loading its model any more.
        """
        if fault.status == 503 and not answered and "loading" in str(fault).lower() and self.waited_s < LOADING_S:
            return False
        put_off = fault.status == 429 or fault.retry_after_s is not None
        kind = "paid" if fault.status == 200 else "put off" if put_off else "fault"
        self.tries[kind] += 1
        return self.tries[kind] >= _MOST_TRIES[kind]


class Gate:
    """Lets at most `width` questions be under way: one until the first usable answer, then `widest`.

    A crowded call halves the width, each answer brings one back. No call starts while the server wants to be left alone, and none once the
    run has to end.
    """

    def __init__(self, widest: int) -> None:
        self._widest = widest
        self.width = 1
        self._inside = 0
        self._opened = False
        self._condition = threading.Condition()
        self._narrowed_at = -1.0
        self._not_before = 0.0
        self._stopped: Stopped | None = None
        self._unusable = self._outside = 0  # questions that failed: in all, and in a row for reasons outside of any question

    @contextmanager
    def permit(self) -> Iterator[None]:
        """A question's time inside; waits until there is room."""
        with self._condition:
            self._condition.wait_for(lambda: self._inside < self.width)
            self._inside += 1
        try:
            yield
        finally:
            with self._condition:
                self._inside -= 1
                self._condition.notify_all()

    def start_call(self) -> None:
        """Return once a call may start, however often the moment is moved meanwhile. Raises `Stopped` where the run has to end."""
        slept_to = 0.0
        while (moment := self._not_before) > max(slept_to, time.monotonic()):
            time.sleep(max(0.0, moment - time.monotonic()))
            slept_to = moment  # a sleep is never shorter than asked, so one moment is slept for once
        if self._stopped is not None:
            raise Stopped(*self._stopped.args)

    def hold(self, seconds: float) -> None:
        """Nobody starts a call for `seconds` from now; a longer hold that stands already is kept."""
        with self._condition:
            self._not_before = max(self._not_before, time.monotonic() + seconds)

    def stop(self, error: Stopped) -> Stopped:
        """The error that ends the run, the first of all; from here on no call starts."""
        with self._condition:
            self._stopped = self._stopped or error
            return self._stopped

    def answered(self) -> None:
        """A usable answer came."""
        with self._condition:
            self.width = min(self._widest, self.width + 1) if self._opened else self._widest
            self._opened = True
            self._outside = 0
            self._condition.notify_all()

    def crowded(self, *, since: float) -> None:
        """A call was turned away that began at `since`; one that left before the last cut says nothing about it."""
        with self._condition:
            if since >= self._narrowed_at:
                self.width = max(1, self.width // 2)
                self._narrowed_at = time.monotonic()

    def failed(self, *, outside: bool) -> bool:
        """Note a question that failed; whether that was one too many: before any usable answer, or in a row for reasons `outside` of it."""
        with self._condition:
            self._unusable += 1
            self._outside = self._outside + 1 if outside else 0
            return self._outside >= QUESTIONS_IN_A_ROW or (not self._opened and self._unusable >= QUESTIONS_IN_A_ROW)
