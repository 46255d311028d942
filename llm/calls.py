"""One answered call: when it may start, how it is worded for this server, what is tried again, and what ends the run.

Shared by all workers of one server. Sees neither what is asked nor what an answer means, and keeps no answers.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from common import times, web
from common.errors import Stopped
from common.web import NotBefore, TransientError
from llm.bill import Bill
from llm.call_gate import CallGate, Pass
from llm.completion import Completion, estimate_tokens, read_completion, read_usage
from llm.connection import Connection, ServerFault, Unreachable
from llm.dialect import Dialect, DialectBook
from llm.protocol import AnswerUnusable, ContextTooLong, JsonSchema, Messages, Usage
from llm.refusals import STOPPING, Refusal, ServerRefused

log = logging.getLogger(__name__)

MAX_FAULTS = 6  # tries of one question that end in a fault
MAX_TRIES = 10  # with those that the server itself has put off
FAILURES_IN_A_ROW = 3  # questions lost to faults with no answer between them: an outage
ANSWERS_TO_KNOW_A_SERVER = 20
TIMES_THE_SLOWEST = 4.0
LEAST_PATIENCE_S = 10.0
FEWEST_TOKENS_OF_A_CUT = 1000
_CROWDED = frozenset({429, 503, 529})
_LOOK_AT: Mapping[str, str] = {
    "key": "check LLM_API_KEY",
    "quota": "add credit at the provider or wait, then run again",
    "model": "check LLM_MODEL",
    "path": "check LLM_API_BASE_URL (does it end in /v1?) and LLM_MODEL",
    "long_wait": "run again later",
    "request": "check LLM_MODEL and LLM_API_BASE_URL",
}


@dataclass(slots=True)
class Question:
    """One question on its way: what is asked now, under which limit, and what it has cost."""

    messages: Messages
    schema: JsonSchema | None
    max_tokens: int
    usage: Usage = field(default_factory=Usage)
    timed_out: bool = False


class Patience:
    """How long to wait for one reply: what the user allows, less once it is known how long this server's answers take.

    A call that hangs then costs seconds and not minutes. A question that was lost to it once gets the whole of what the user allows, and
    so does everybody while no answer comes.
    """

    def __init__(self, allowed_s: float) -> None:
        self._allowed_s = allowed_s
        self._lock = threading.Lock()
        self._slowest_s = 0.0
        self._answers = 0
        self._lost = 0

    def seconds(self, *, lost_before: bool) -> float:
        """Seconds for the next call."""
        with self._lock:
            if lost_before or self._answers < ANSWERS_TO_KNOW_A_SERVER or self._lost >= FAILURES_IN_A_ROW:
                return self._allowed_s
            return min(self._allowed_s, max(LEAST_PATIENCE_S, TIMES_THE_SLOWEST * self._slowest_s))

    def answered_in(self, seconds: float) -> None:
        """Note how long an answer took."""
        with self._lock:
            self._answers += 1
            self._lost = 0
            self._slowest_s = max(self._slowest_s, seconds)

    def lost(self) -> None:
        """Note that a call took longer than that."""
        with self._lock:
            self._lost += 1


class Caller:
    """Calls of one server: `post(messages, fields, timeout_s)` makes one, with room, patience and learning around it."""

    def __init__(
        self,
        connection: Connection,
        dialects: DialectBook,
        bill: Bill,
        *,
        post: Callable[[Messages, Mapping[str, Any], float], Mapping[str, Any]],
        workers: int,
        on_wait: Callable[[float, str], None] | None = None,
    ) -> None:
        self._connection = connection
        self._dialects = dialects
        self._bill = bill
        self._post = post
        self._on_wait = on_wait
        self._temperature = connection.server.temperature
        self._gate = CallGate(workers)
        self._not_before = NotBefore()
        self._lock = threading.Lock()
        self._stopped: Stopped | None = None
        self._failures_in_a_row = 0
        self._warned = False
        self._patience = Patience(connection.server.timeout_s)

    def text(self, question: Question) -> str:
        """The answer's text; one that the token limit cut is asked for again, once, with twice the limit.

        Raises `AnswerUnusable`, `ContextTooLong`, `Stopped`, `BudgetReached`, and `ServerRefused` for a generation that the server
        itself calls invalid.
        """
        completion = self._tried(question)
        if completion.cut:
            question.max_tokens *= 2
            completion = self._tried(question)
        if completion.cut:
            raise AnswerUnusable(f"the answer is longer than {question.max_tokens} tokens: raise LLM_MAX_TOKENS")
        return completion.text

    def _tried(self, question: Question) -> Completion:
        """What a call brought, with retries."""
        faults = 0

        def enough(error: Exception) -> bool:
            nonlocal faults
            faults += isinstance(error, TransientError) and error.status != 429 and error.retry_after_s is None
            return faults >= MAX_FAULTS

        try:
            return web.retrying(lambda: self._learnt(question), max_tries=MAX_TRIES, on_wait=self._wait, give_up=enough)
        except TransientError as error:
            raise self._lost_to(error) from error

    def _learnt(self, question: Question) -> Completion:
        """What a call brought, once there is room for it, worded as the server was found to want it.

        All that a refusal changes is settled before the next caller is let in: a wrong key costs one call, a new field one refusal.
        """
        with self._gate.enter() as entry:
            while True:
                self._not_before.wait()
                self._raise_if_stopped()
                dialect = self._dialects.current()
                sent = dialect.request(
                    question.messages, schema=question.schema, max_tokens=question.max_tokens, temperature=self._temperature
                )
                try:
                    completion = self._called(question, sent, entry)
                except (ServerRefused, ServerFault) as error:
                    self._learn_or_raise(dialect, sent, error)
                else:
                    self._dialects.worked(dialect)
                    return completion

    def _learn_or_raise(self, dialect: Dialect, sent: Mapping[str, Any], error: ServerRefused | ServerFault) -> None:
        if self._dialects.learn(dialect, error.refusal, sent):
            self._bill.count(learning_calls=1)
            log.info("the model server refuses a part of the request (%s); it is worded otherwise from now on", error.refusal.words)
        elif isinstance(error, ServerFault) or error.refusal.kind == "generation":
            raise error
        else:
            raise self._outcome(error.refusal) from error

    def _called(self, question: Question, sent: Mapping[str, Any], entry: Pass) -> Completion:
        """What the one call brought."""
        fields = {name: value for name, value in sent.items() if name != "messages"}
        entry.started = times.monotonic()
        with self._bill.call(estimate_tokens(sent["messages"])) as charge:
            try:
                body = self._post(sent["messages"], fields, self._patience.seconds(lost_before=question.timed_out))
            except TransientError as error:
                entry.crowded = error.status in _CROWDED
                if error.status == 408:
                    question.timed_out = True
                    self._patience.lost()
                if error.retry_after_s is not None:
                    self._not_before.hold(error.retry_after_s)
                raise
            except Stopped as error:
                self._stop(error)
                raise
            charge.usage = read_usage(body, question.messages)
        entry.answered = True
        self._look_for_cut_prompt(estimate_tokens(question.messages), charge.usage)
        self._patience.answered_in(times.monotonic() - entry.started)
        question.usage += charge.usage
        with self._lock:
            self._failures_in_a_row = 0
        return read_completion(body)

    def _look_for_cut_prompt(self, expected: int, counted: Usage) -> None:
        """A server that silently reads less than it was sent (Ollama's 4096 tokens) can be told by its own count only."""
        if counted.estimated or counted.prompt < FEWEST_TOKENS_OF_A_CUT or expected < 2 * counted.prompt or self._warned:
            return
        self._warned = True
        log.warning(
            "the model server counted %d prompt tokens where about %d were sent: it may cut long prompts (for Ollama, raise num_ctx)",
            counted.prompt,
            expected,
        )

    def _wait(self, seconds: float, error: Exception) -> None:
        """Before a retry: a server with too much to do is left alone by everyone, not only by the worker that it told."""
        self._bill.count(retries=1)
        if isinstance(error, TransientError) and error.status == 429:
            self._not_before.hold(seconds)
        if self._on_wait is not None:
            self._on_wait(seconds, str(error))

    def _outcome(self, refusal: Refusal) -> Exception:
        """What a refusal that taught nothing means for whoever asked."""
        if refusal.kind == "context":
            return ContextTooLong(refusal.words)
        if refusal.kind == "filtered":
            return AnswerUnusable(f"the server's content filter refuses the question: {refusal.words}")
        if refusal.kind in STOPPING or (refusal.kind == "request" and not self._connection.answered):
            self._dialects.forget_unproven()
            asked = f", asks to wait {refusal.retry_after_s:.0f} s" if refusal.kind == "long_wait" else ""
            return self._stop(Stopped(f"model server: {refusal.words} (HTTP {refusal.status}{asked}): {_LOOK_AT[refusal.kind]}"))
        return AnswerUnusable(f"the server refuses the question: {refusal.words}")

    def _lost_to(self, fault: TransientError) -> Exception:
        """A question lost to faults: its own failure, or the end if nothing else succeeds either."""
        with self._lock:
            self._failures_in_a_row += fault.status != 200
            outage = self._failures_in_a_row >= FAILURES_IN_A_ROW
        if outage or fault.status == 429 or isinstance(fault, Unreachable):
            return self._stop(Stopped(f"model server does not answer: {fault}: run again later, or check LLM_API_BASE_URL"))
        return AnswerUnusable(f"no answer: {fault}")

    def _stop(self, error: Stopped) -> Stopped:
        with self._lock:
            self._stopped = self._stopped or error
            return self._stopped

    def _raise_if_stopped(self) -> None:
        with self._lock:
            if self._stopped is not None:
                raise Stopped(*self._stopped.args)
