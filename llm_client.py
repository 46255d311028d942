"""Asking a chat-completions server, whichever it is: retries, one re-ask, what the server was found to accept, and nothing paid twice.

`chat_completion` is the one request, `chat` its text, `LlmClient.ask` what the program uses. Knows no prompt and no meaning of an answer:
whoever asks says by `parse` whether an answer is usable.
"""

import contextlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import env
from common import web
from common.errors import Stopped
from common.web import Refusal, Refused, TransientError
from llm.bill import Bill, Prices, Totals
from llm.calls import QUESTIONS_IN_A_ROW, Gate, Question
from llm.completion import Completion, estimate_tokens, read_completion, read_usage
from llm.connection import Connection, Server, context_tokens
from llm.dialect import DialectBook
from llm.json_text import extract_json
from llm.protocol import Answer, AnswerUnusable, ContextTooLong, JsonSchema, Messages, Usage
from llm.store import AnswerStore, question_key

log = logging.getLogger(__name__)
T = TypeVar("T")

DEFAULT_MAX_TOKENS = 4000  # hidden reasoning counts against it
FEWEST_TOKENS_OF_A_CUT = 1000
_CROWDED = frozenset({429, 503, 529})
_STOPPING: Mapping[str, str] = {
    "quota": "add credit at the provider or wait, then run again",
    "long_wait": "run again later",
    "key": "check LLM_API_KEY",
    "model": "check LLM_MODEL",
    "path": "check LLM_API_BASE_URL (does it end in /v1?) and LLM_MODEL",
    "region": "this provider does not serve your country or region: name another one in LLM_API_BASE_URL",
    "blocked": "a firewall or proxy in between answers; check LLM_API_BASE_URL and the network",
}
"""What ends the run, and what to look at. The first two always do, the others until the server has answered with this key and model."""
_ALWAYS_STOPPING = ("quota", "long_wait")


def chat_completion(
    messages: Sequence[Mapping[str, str]], *, connection: Connection | None = None, timeout_s: float | None = None, **fields: Any
) -> dict[str, Any]:
    """The server's reply to one request; `fields` stand in the request as they are, `timeout_s` bounds the whole call.

    No retry and no second thought. Raises `TransientError`, `Refused` or `Stopped`.
    """
    return (connection or Connection(server_of(env.load_settings()))).complete({"messages": list(messages), **fields}, timeout_s=timeout_s)


def chat(messages: Sequence[Mapping[str, str]], **kwargs: Any) -> str:
    """The text of the answer, with retries and repair; the server is the environment's. `kwargs`: `temperature`, `max_tokens`, `schema`.

    Raises `AnswerUnusable`, `ContextTooLong` or `Stopped`.
    """
    server = server_of(env.load_settings())
    settings = {name: kwargs[name] for name in ("temperature", "max_tokens") if kwargs.get(name) is not None}
    client = LlmClient(replace(server, **settings), workers=1)
    return client.ask([dict(message) for message in messages], schema=kwargs.get("schema"), parse=str).text


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
        extra_body=settings.llm_extra_body,
        secrets=settings.secrets,
    )


class LlmClient:
    """One server, asked by many threads: what it accepts, when it may be called, what was paid, and when the run has to end."""

    def __init__(
        self,
        server: Server,
        *,
        workers: int = 4,
        store: AnswerStore | None = None,
        max_tokens_total: int | None = None,
        max_cost: float | None = None,
        on_wait: Callable[[float, str], None] = lambda _seconds, _why: None,
    ) -> None:
        self._server = server
        self._store = store
        self._on_wait = on_wait
        self._connection = Connection(server, pool_size=workers)
        about = [server.base_url, server.api_key, server.model, str(server.max_tokens), json.dumps(server.extra_body, sort_keys=True)]
        self._dialects = DialectBook("\n".join(about), notes=store)
        self._bill = Bill(prices=_prices(server), max_tokens=max_tokens_total, max_cost=max_cost)
        self._gate = Gate(workers)
        self._warned = False

    def ask(self, messages: Messages, *, schema: JsonSchema | None, parse: Callable[[str], T]) -> Answer[T]:
        """A usable answer: `parse` of its text raised no ValueError; asked once more with its reason if it did.

        Raises `AnswerUnusable` or `ContextTooLong` (this question's failure), `Stopped` or `BudgetReached` (the run's end).
        """
        key = self._key(messages, schema)
        with self._store.asking(key) if self._store else contextlib.nullcontext():
            answer = self.stored(messages, schema=schema, parse=parse)
            if answer is not None:
                return answer
            with self._gate.permit():
                answer = self._usable(Question(messages, schema, self._limit), parse)
            self._keep(key, answer)
        used = answer.usage
        log.debug("answered: prompt_tokens=%d (cached %d), completion_tokens=%d", used.prompt, used.cached, used.completion)
        return answer

    def stored(self, messages: Messages, *, schema: JsonSchema | None, parse: Callable[[str], T]) -> Answer[T] | None:
        """The stored answer if `parse` takes it; asks nobody."""
        kept = self._store.get(self._key(messages, schema)) if self._store else None
        if kept is None:
            return None
        with contextlib.suppress(ValueError):  # read more strictly than when it was kept: asked anew
            value = _read(kept.text, schema, parse)
            self._bill.count("stored_answers")
            return Answer(value, kept.text, kept.usage, from_store=True, asked_again=kept.asked_again)
        return None

    def request(self, messages: Messages, *, schema: JsonSchema) -> tuple[str, dict[str, Any]]:
        """(the name under which an answer to this question is kept, the request's body as this server is known to want it)."""
        worded = self._dialects.current().request(messages, schema=schema, max_tokens=self._limit, temperature=self._server.temperature)
        return self._key(messages, schema), {"model": self._server.model, **worded, **(self._server.extra_body or {})}

    @property
    def answer_format(self) -> str:
        """The kind of `response_format` that this server was found to take: json_schema, json_object or none."""
        return self._dialects.current().format

    def context_tokens(self) -> int | None:
        """The most tokens that the server's list of models says this one reads at once; None where it does not say."""
        return context_tokens(self._connection.get("models"), self._server.model)

    def totals(self) -> Totals:
        """Calls, tokens and cost of the run so far."""
        return self._bill.totals()

    @property
    def _limit(self) -> int:
        return self._server.max_tokens or DEFAULT_MAX_TOKENS

    def _key(self, messages: Messages, schema: JsonSchema | None) -> str:
        """The question's name. The token limit is no part of it: an answer that was not cut is as good under another."""
        chosen = {"temperature": self._server.temperature, "extra_body": self._server.extra_body}
        parameters = {name: value for name, value in chosen.items() if value is not None}
        return question_key(self._server.model, messages, schema or {}, parameters)

    def _keep(self, key: str, answer: Answer[Any]) -> None:
        if self._store is None:
            return
        try:
            self._store.put(key, answer.text, answer.usage, asked_again=answer.asked_again)
        except Stopped as error:  # nobody asks what would have to be paid for again
            raise self._gate.stop(error) from error

    def _usable(self, question: Question, parse: Callable[[str], T]) -> Answer[T]:
        """A usable answer to a question, whatever it takes; and what it means if there is none."""
        try:
            answer = self._read_twice(question, parse)
        except AnswerUnusable as error:
            raise self._failed(str(error), of_content=error.of_content) from error
        except Refused as error:
            raise self._refused(error.refusal) from error
        except TransientError as fault:
            if fault.status == 429 or fault.look_at is not None:
                stop = Stopped(f"model server does not answer: {fault}: run again later, or check LLM_API_BASE_URL")
                raise self._gate.stop(stop) from fault
            raise self._failed(f"no answer: {fault}", outside=fault.status != 200) from fault
        self._dialects.worked(question.dialect, usable=True)
        self._gate.answered()
        self._bill.count("answers")
        return answer

    def _read_twice(self, question: Question, parse: Callable[[str], T]) -> Answer[T]:
        """The answer if it can be read; else asked once more, with what was wrong."""
        reason, rejected = "", False
        for again in (False, True):
            completion = self._whole(question)
            rejected = rejected or completion.rejected
            try:
                value = _read(completion.text, question.schema, parse)
                return Answer(value, completion.text, question.usage, asked_again=again)
            except ValueError as error:
                reason = "it was not valid JSON" if completion.rejected else str(error)
            if not again:
                log.debug("unusable answer, asked once more: %s", reason)
                self._bill.count("asked_again")
                question.complain(completion.text, reason)
        if rejected:
            self._dialects.format_rejected()
        raise AnswerUnusable(f"no usable answer, asked twice: {reason}")

    def _whole(self, question: Question) -> Completion:
        """What was said; what the token limit cut is asked for again, once, with twice the limit, which is remembered."""
        completion = self._completed(question)
        if completion.cut and question.limit is not None:
            cut_at = question.limit
            question.max_tokens = 2 * cut_at
            completion = self._completed(question)
            if not completion.cut and question.limit > cut_at:
                self._dialects.need(question.limit)
        if completion.cut:
            raise AnswerUnusable(f"the answer is longer than {question.limit or 'the server allows'} tokens: raise LLM_MAX_TOKENS")
        return completion

    def _completed(self, question: Question) -> Completion:
        """What a call brought, tried again while the fault may pass."""

        def wait(seconds: float, fault: TransientError) -> None:
            """A server with too much to do is left alone by everyone, not only by the worker that it told."""
            question.waited_s += seconds
            self._bill.count("retries")
            if fault.status == 429:
                self._gate.hold(seconds)
            self._on_wait(seconds, str(fault))

        def give_up(fault: TransientError) -> bool:
            return question.has_enough(fault, answered=self._connection.answered)

        return web.retrying(lambda: self._accepted(question), give_up=give_up, on_wait=wait)

    def _accepted(self, question: Question) -> Completion:
        """What a call brought, worded anew as long as refusals teach how; one that names nothing counts only when it comes twice."""
        while True:
            try:
                return self._called(question)
            except (Refused, TransientError) as error:
                refusal = error.refusal
                if refusal is None:
                    raise
                if refusal.kind == "generation":  # of the model's own words; what it wrote may be good all the same
                    return Completion(refusal.generation, rejected=True)
                learnt = self._dialects.learn(question.dialect, refusal, question.sent)
                if not learnt and not question.repeated and self._may_pass(refusal):
                    question.repeated = True
                    raise TransientError(f"HTTP {refusal.status}: {refusal.words}") from error
                guesses = not self._connection.answered and (question.repeated or refusal.status == 422)
                if not learnt and not (guesses and self._dialects.learn(question.dialect, refusal, question.sent, guess=True)):
                    raise
            self._bill.count("learning_calls")
            log.info("the model server refuses a part of the request (%s); it is worded otherwise from now on", refusal.words)

    def _may_pass(self, refusal: Refusal) -> bool:
        """Whether a refusal that names nothing may be about this moment only; 422 never is."""
        about_settings = refusal.kind in _STOPPING and refusal.kind not in _ALWAYS_STOPPING
        return (about_settings and self._has_answered()) or (refusal.kind == "request" and refusal.status != 422)

    def _called(self, question: Question) -> Completion:
        """What the one call brought."""
        self._gate.start_call()
        question.dialect = self._dialects.current()
        temperature, schema = self._server.temperature, question.schema
        question.sent = question.dialect.request(question.messages, schema=schema, max_tokens=question.max_tokens, temperature=temperature)
        expected_tokens, began, usage = estimate_tokens(question.messages), time.monotonic(), None
        reserved = self._bill.reserve(expected_tokens)
        try:
            body = self._post(question.sent)
            usage = read_usage(body, question.messages)
        except TransientError as fault:
            if fault.status in _CROWDED:
                self._gate.crowded(since=began)
            self._gate.hold(fault.retry_after_s or 0.0)
            raise
        except Stopped as error:
            raise self._gate.stop(error) from error
        finally:
            self._bill.settle(reserved, usage, expected_tokens)
        self._look_for_cut_prompt(expected_tokens, usage)
        self._dialects.worked(question.dialect, usable=False)
        question.usage += usage
        return read_completion(body)

    def _post(self, sent: Mapping[str, Any]) -> Mapping[str, Any]:
        """The one request, by its name, so that a replaced one is used; that may give the answer itself, as text or as an object."""
        reply: Any = chat_completion(connection=self._connection, **sent)
        return reply if isinstance(reply, dict) and "choices" in reply else {"choices": [{"message": {"content": reply}}]}

    def _look_for_cut_prompt(self, expected: int, counted: Usage) -> None:
        """A server that silently reads less than it was sent (Ollama's 4096 tokens) can be told by its own count only."""
        if counted.estimated or counted.prompt < FEWEST_TOKENS_OF_A_CUT or expected < 2 * counted.prompt or self._warned:
            return
        self._warned = True
        words = "the model server counted %d prompt tokens where about %d were sent: it may cut long prompts (for Ollama, raise num_ctx)"
        log.warning(words, counted.prompt, expected)

    def _refused(self, refusal: Refusal) -> Exception:
        """What a refusal that taught nothing means for whoever asked."""
        self._dialects.forget_unproven()
        if refusal.kind == "context":
            return ContextTooLong(refusal.words)
        if refusal.kind == "filtered":
            return self._failed(f"the server's content filter refuses the question: {refusal.words}", of_content=True)
        if refusal.kind not in _STOPPING:
            return self._failed(f"the server refuses the question: {refusal.words}")
        asked = f", asks to wait {_until(refusal.retry_after_s or 0.0)}" if refusal.kind == "long_wait" else ""
        words, look_at = f"{refusal.words} (HTTP {refusal.status}{asked})", _STOPPING[refusal.kind]
        if refusal.kind in _ALWAYS_STOPPING or not self._has_answered():
            return self._gate.stop(Stopped(f"model server: {words}: {look_at}"))
        return self._failed(f"the server refuses the question: {words}", outside=True, look_at=look_at)

    def _failed(self, words: str, *, outside: bool = False, of_content: bool = False, look_at: str = "") -> Exception:
        """A question without a usable answer: its own failure, or the run's end where nothing else succeeds either."""
        if not self._gate.failed(outside=outside):
            return AnswerUnusable(words, of_content=of_content)
        look_at = look_at or f"run again later, or check LLM_API_BASE_URL, LLM_MODEL{', LLM_EXTRA_BODY' if self._server.extra_body else ''}"
        what = "does not answer" if outside and words.startswith("no answer") else "gives nothing usable"
        return self._gate.stop(Stopped(f"model server {what}, {QUESTIONS_IN_A_ROW} questions in a row, the last: {words}: {look_at}"))

    def _has_answered(self) -> bool:
        """Whether this server has answered with this key and model, in this run or an earlier one."""
        return self._connection.answered or self._dialects.has_answered()


def _read(text: str, schema: JsonSchema | None, parse: Callable[[str], T]) -> T:
    """What `parse` makes of an answer, or of the one object in it that has all that the schema requires. Raises ValueError."""
    try:
        return parse(text)
    except ValueError as first:
        required = (schema or {}).get("schema", {}).get("required", ())
        try:
            return parse(json.dumps(extract_json(text, required=required)))
        except ValueError:
            raise first from None


def _until(seconds: float) -> str:
    return f"{seconds:.0f} s, until {time.strftime('%H:%M UTC', time.gmtime(time.time() + seconds))}"


def _prices(server: Server) -> Prices | None:
    if server.price_in is None or server.price_out is None:
        return None
    return Prices(prompt=server.price_in, completion=server.price_out, cached=server.price_cached)
