"""Asking a chat-completions server, whichever it is: retries, one re-ask, what the server was found to accept, and nothing paid twice.

`chat_completion` is the one request, `chat` its text, `LlmClient.ask` what the program uses. Knows no prompt and no meaning of an answer:
whoever asks says by `parse` whether an answer is usable.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import clock
import env
import http_retry
from answer_reader import Completion, estimate_tokens, read_completion, read_usage
from answer_store import AnswerStore, question_key
from call_gate import CallGate, Pass
from http_retry import NotBefore, TransientError
from llm_bill import Bill, Prices, Totals
from llm_dialect import Dialect, DialectBook
from llm_http import Connection, Server, ServerFault, Unreachable
from llm_refusals import STOPPING, Refusal, ServerRefused
from model_protocol import Answer, AnswerUnusable, BudgetReached, ContextTooLong, JsonSchema, Messages, ModelStopped, Usage

__all__ = [
    "Answer", "AnswerUnusable", "BudgetReached", "ContextTooLong", "JsonSchema", "LlmClient", "ModelStopped", "Server", "Totals", "Usage",
    "chat", "chat_completion", "server_from_environment",
]  # fmt: skip

log = logging.getLogger(__name__)
T = TypeVar("T")

DEFAULT_MAX_TOKENS = 4000  # hidden reasoning counts against it
MAX_FAULTS = 6  # tries of one question that end in a fault
MAX_TRIES = 10  # with those that the server itself has put off
FAILURES_IN_A_ROW = 3  # questions lost to faults with no answer between them: an outage
_CROWDED = frozenset({429, 503, 529})
_SHOWN_BAD_ANSWER_CHARS = 2000
_LOOK_AT: Mapping[str, str] = {
    "key": "check LLM_API_KEY",
    "quota": "add credit at the provider or wait, then run again",
    "model": "check LLM_MODEL",
    "path": "check LLM_API_BASE_URL (does it end in /v1?) and LLM_MODEL",
    "long_wait": "run again later",
    "request": "check LLM_MODEL and LLM_API_BASE_URL",
}


def chat_completion(messages: Sequence[Mapping[str, str]], *, connection: Connection | None = None, **fields: Any) -> dict[str, Any]:
    """The server's reply to one request; `fields` stand in the request as they are.

    No retry and no second thought. Raises `TransientError`, `ServerRefused` or `ModelStopped`.
    """
    return (connection or Connection(server_from_environment())).complete({"messages": list(messages), **fields})


def chat(messages: Sequence[Mapping[str, str]], **kwargs: Any) -> str:
    """The text of the answer, with retries and repair; the server is the environment's. `kwargs`: `temperature`, `max_tokens`, `schema`.

    Raises `AnswerUnusable`, `ContextTooLong` or `ModelStopped`.
    """
    server = server_from_environment()
    settings = {name: kwargs[name] for name in ("temperature", "max_tokens") if kwargs.get(name) is not None}
    client = LlmClient(replace(server, **settings), workers=1)
    return client.ask([dict(message) for message in messages], schema=kwargs.get("schema"), parse=str).text


def server_from_environment() -> Server:
    """The model server that the environment names. Raises `env.ConfigError`."""
    return server_of(env.load_settings())


def server_of(settings: env.Settings) -> Server:
    """The model server that the settings name."""
    return Server(
        base_url=settings.llm_base_url,
        api_key=settings.llm_api_key,
        model=settings.llm_model,
        timeout_s=settings.llm_timeout_s,
        temperature=settings.llm_temperature,
        max_tokens=settings.llm_max_tokens,
        price_in=settings.llm_price_in,
        price_cached=settings.llm_price_cached,
        price_out=settings.llm_price_out,
    )


class LlmClient:
    """One server, asked by many threads: what it accepts, when it may be called, what was paid."""

    def __init__(
        self,
        server: Server,
        *,
        workers: int = 4,
        store: AnswerStore | None = None,
        max_tokens_total: int | None = None,
        max_cost: float | None = None,
        on_wait: Callable[[float, str], None] | None = None,
    ) -> None:
        self._server = server
        self._temperature = server.temperature
        self._store = store
        self._on_wait = on_wait
        self._connection = Connection(server, pool_size=workers)
        self._dialects = DialectBook(server.base_url, server.model, notes=store)
        self._gate = CallGate(workers)
        self._not_before = NotBefore()
        self._bill = Bill(prices=_prices(server), max_tokens=max_tokens_total, max_cost=max_cost)
        self._lock = threading.Lock()
        self._stopped: ModelStopped | None = None
        self._failures_in_a_row = 0

    def ask(self, messages: Messages, *, schema: JsonSchema | None, parse: Callable[[str], T]) -> Answer[T]:
        """A usable answer: `parse` of its text raised no ValueError; asked once more with its reason if it did.

        Raises `AnswerUnusable` or `ContextTooLong` (this question's failure), `ModelStopped` or `BudgetReached` (the run's end).
        """
        key = self._key(messages, schema)
        if self._store is None:
            return self._paid(messages, schema, parse)
        with self._store.asking(key):
            stored = self._from_store(self._store, key, parse)
            if stored is not None:
                return stored
            answer = self._paid(messages, schema, parse)
            self._store.put(key, answer.text, answer.usage, asked_again=answer.asked_again)
            return answer

    def holds(self, messages: Messages, *, schema: JsonSchema | None) -> bool:
        """Whether an answer to this question is in the store, so that asking costs nothing."""
        key = self._key(messages, schema)
        return self._store is not None and self._store.get(key) is not None

    def stored(self, messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T] | None:
        """The stored answer if `parse` takes it; asks nobody."""
        return None if self._store is None else self._from_store(self._store, self._key(messages, schema), parse)

    def request(self, messages: Messages, *, schema: JsonSchema) -> tuple[str, dict[str, Any]]:
        """(the name under which an answer to this question is kept, the request's body as this server is known to want it)."""
        limit = self._server.max_tokens or DEFAULT_MAX_TOKENS
        worded = self._dialects.current().request(messages, schema=schema, max_tokens=limit, temperature=self._temperature)
        return self._key(messages, schema), {"model": self._server.model, **worded}

    def totals(self) -> Totals:
        """Calls, tokens and cost of the run so far."""
        return self._bill.totals()

    def _key(self, messages: Messages, schema: JsonSchema | None) -> str:
        return question_key(self._server.model, messages, schema or {}, self._parameters())

    def _parameters(self) -> dict[str, Any]:
        """What the user set that may change an answer."""
        chosen = {"temperature": self._server.temperature, "max_tokens": self._server.max_tokens}
        return {name: value for name, value in chosen.items() if value is not None}

    def _paid(self, messages: Messages, schema: JsonSchema | None, parse: Callable[[str], T]) -> Answer[T]:
        answer = self._asked(_Question(messages, schema, self._server.max_tokens or DEFAULT_MAX_TOKENS), parse)
        self._bill.count(answers=1)
        used = answer.usage
        log.info("answered: prompt_tokens=%d (cached %d), completion_tokens=%d", used.prompt, used.cached, used.completion)
        return answer

    def _from_store(self, store: AnswerStore, key: str, parse: Callable[[str], T]) -> Answer[T] | None:
        kept = store.get(key)
        if kept is None:
            return None
        try:
            value = parse(kept.text)
        except ValueError:  # read more strictly than when it was kept
            return None
        self._bill.count(stored_answers=1)
        return Answer(value, kept.text, kept.usage, from_store=True, asked_again=kept.asked_again)

    def _asked(self, question: "_Question", parse: Callable[[str], T]) -> Answer[T]:
        text, reason = self._said(question)
        try:
            if reason is None:
                return Answer(parse(text), text, question.usage)
        except ValueError as error:
            reason = str(error)
        log.debug("unusable answer, asked once more: %s", reason)
        self._bill.count(asked_again=1)
        question.ask_again(text, reason)
        text, again = self._said(question)
        try:
            if again is None:
                return Answer(parse(text), text, question.usage, asked_again=True)
        except ValueError as error:
            again = str(error)
        raise AnswerUnusable(f"no usable answer, asked twice: {again}")

    def _said(self, question: "_Question") -> tuple[str, str | None]:
        """(the answer's text, why it is none if the server itself says that the model wrote no answer)."""
        try:
            return self._whole_text(question), None
        except ServerRefused:  # the one refusal that is let through: of the model's own words
            return "", "it was not valid JSON"

    def _whole_text(self, question: "_Question") -> str:
        """The answer's text; one that the token limit cut is asked for again, once, with twice the limit."""
        completion = self._tried(question)
        if completion.cut:
            question.max_tokens *= 2
            completion = self._tried(question)
        if completion.cut:
            raise AnswerUnusable(f"the answer is longer than {question.max_tokens} tokens: raise LLM_MAX_TOKENS")
        return completion.text

    def _tried(self, question: "_Question") -> Completion:
        """What a call brought, with retries."""
        faults = 0

        def enough(error: Exception) -> bool:
            nonlocal faults
            faults += isinstance(error, TransientError) and error.status != 429 and error.retry_after_s is None
            return faults >= MAX_FAULTS

        try:
            return http_retry.retrying(lambda: self._learnt(question), max_tries=MAX_TRIES, on_wait=self._wait, give_up=enough)
        except TransientError as error:
            raise self._lost_to(error) from error

    def _learnt(self, question: "_Question") -> Completion:
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

    def _called(self, question: "_Question", sent: Mapping[str, Any], entry: Pass) -> Completion:
        """What the one call brought."""
        fields = {name: value for name, value in sent.items() if name != "messages"}
        entry.started = clock.monotonic()
        with self._bill.call(estimate_tokens(sent["messages"])) as charge:
            try:
                body = _as_body(chat_completion(sent["messages"], connection=self._connection, **fields))
            except TransientError as error:
                entry.crowded = error.status in _CROWDED
                if error.retry_after_s is not None:
                    self._not_before.hold(error.retry_after_s)
                raise
            except ModelStopped as error:
                self._stop(error)
                raise
            charge.usage = read_usage(body, question.messages)
        entry.answered = True
        question.usage += charge.usage
        with self._lock:
            self._failures_in_a_row = 0
        return read_completion(body)

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
            return self._stop(ModelStopped(f"model server: {refusal.words} (HTTP {refusal.status}{asked}): {_LOOK_AT[refusal.kind]}"))
        return AnswerUnusable(f"the server refuses the question: {refusal.words}")

    def _lost_to(self, fault: TransientError) -> Exception:
        """A question lost to faults: its own failure, or the end if nothing else succeeds either."""
        with self._lock:
            self._failures_in_a_row += fault.status != 200
            outage = self._failures_in_a_row >= FAILURES_IN_A_ROW
        if outage or fault.status == 429 or isinstance(fault, Unreachable):
            return self._stop(ModelStopped(f"model server does not answer: {fault}: run again later, or check LLM_API_BASE_URL"))
        return AnswerUnusable(f"no answer: {fault}")

    def _stop(self, error: ModelStopped) -> ModelStopped:
        with self._lock:
            self._stopped = self._stopped or error
            return self._stopped

    def _raise_if_stopped(self) -> None:
        with self._lock:
            if self._stopped is not None:
                raise ModelStopped(*self._stopped.args)


@dataclass(slots=True)
class _Question:
    """One question on its way: what is asked now, under which limit, and what it has cost."""

    messages: Messages
    schema: JsonSchema | None
    max_tokens: int
    usage: Usage = field(default_factory=Usage)

    def ask_again(self, text: str, reason: str) -> None:
        """Show the model what it wrote and what was wrong with it."""
        shown = text.strip()[:_SHOWN_BAD_ANSWER_CHARS] or "(nothing)"
        request = f"That answer cannot be used: {reason[:500]}. Answer again with exactly one JSON object as described, and nothing else."
        self.messages = [*self.messages, {"role": "assistant", "content": shown}, {"role": "user", "content": request}]


def _as_body(reply: Any) -> dict[str, Any]:
    """A completion's body; a replaced `chat_completion` may give the answer itself, as text or as an object."""
    if isinstance(reply, dict) and "choices" in reply:
        return reply
    return {"choices": [{"message": {"content": reply}}]}


def _prices(server: Server) -> Prices | None:
    if server.price_in is None or server.price_out is None:
        return None
    return Prices(prompt=server.price_in, completion=server.price_out, cached=server.price_cached)
