"""Asking a chat-completions server, whichever it is: retries, one re-ask, what the server was found to accept, and nothing paid twice.

`chat_completion` is the one request, `chat` its text, `LlmClient.ask` what the program uses. Knows no prompt and no meaning of an answer:
whoever asks says by `parse` whether an answer is usable.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import env
from common.errors import Stopped
from llm.bill import Bill, Prices, Totals
from llm.calls import Caller, Question
from llm.connection import Connection, Server, context_tokens
from llm.dialect import DialectBook
from llm.protocol import Answer, AnswerUnusable, BudgetReached, ContextTooLong, JsonSchema, Messages, Usage
from llm.refusals import ServerRefused
from llm.store import AnswerStore, question_key

__all__ = [
    "Answer",
    "AnswerUnusable",
    "BudgetReached",
    "ContextTooLong",
    "JsonSchema",
    "LlmClient",
    "Server",
    "Stopped",
    "Totals",
    "Usage",
    "chat",
    "chat_completion",
    "server_from_environment",
]  # fmt: skip

log = logging.getLogger(__name__)
T = TypeVar("T")

DEFAULT_MAX_TOKENS = 4000  # hidden reasoning counts against it
_SHOWN_BAD_ANSWER_CHARS = 2000


def chat_completion(
    messages: Sequence[Mapping[str, str]], *, connection: Connection | None = None, timeout_s: float | None = None, **fields: Any
) -> dict[str, Any]:
    """The server's reply to one request; `fields` stand in the request as they are, `timeout_s` bounds the whole call.

    No retry and no second thought. Raises `TransientError`, `ServerRefused` or `Stopped`.
    """
    return (connection or Connection(server_from_environment())).complete({"messages": list(messages), **fields}, timeout_s=timeout_s)


def chat(messages: Sequence[Mapping[str, str]], **kwargs: Any) -> str:
    """The text of the answer, with retries and repair; the server is the environment's. `kwargs`: `temperature`, `max_tokens`, `schema`.

    Raises `AnswerUnusable`, `ContextTooLong` or `Stopped`.
    """
    server = server_from_environment()
    settings = {name: kwargs[name] for name in ("temperature", "max_tokens") if kwargs.get(name) is not None}
    client = LlmClient(replace(server, **settings), workers=1)
    return client.ask([dict(message) for message in messages], schema=kwargs.get("schema"), parse=str).text


def server_from_environment() -> Server:
    """The model server that the environment names. Raises `Unusable`."""
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
        self._store = store
        self._connection = Connection(server, pool_size=workers)
        self._dialects = DialectBook(server.base_url, server.model, notes=store)
        self._bill = Bill(prices=_prices(server), max_tokens=max_tokens_total, max_cost=max_cost)
        self._caller = Caller(self._connection, self._dialects, self._bill, post=self._post, workers=workers, on_wait=on_wait)

    def ask(self, messages: Messages, *, schema: JsonSchema | None, parse: Callable[[str], T]) -> Answer[T]:
        """A usable answer: `parse` of its text raised no ValueError; asked once more with its reason if it did.

        Raises `AnswerUnusable` or `ContextTooLong` (this question's failure), `Stopped` or `BudgetReached` (the run's end).
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
        worded = self._dialects.current().request(messages, schema=schema, max_tokens=limit, temperature=self._server.temperature)
        return self._key(messages, schema), {"model": self._server.model, **worded}

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

    def _key(self, messages: Messages, schema: JsonSchema | None) -> str:
        return question_key(self._server.model, messages, schema or {}, self._parameters())

    def _parameters(self) -> dict[str, Any]:
        """What the user set that may change an answer."""
        chosen = {"temperature": self._server.temperature, "max_tokens": self._server.max_tokens}
        return {name: value for name, value in chosen.items() if value is not None}

    def _paid(self, messages: Messages, schema: JsonSchema | None, parse: Callable[[str], T]) -> Answer[T]:
        answer = self._asked(Question(messages, schema, self._server.max_tokens or DEFAULT_MAX_TOKENS), parse)
        self._bill.count(answers=1)
        used = answer.usage
        log.debug("answered: prompt_tokens=%d (cached %d), completion_tokens=%d", used.prompt, used.cached, used.completion)
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

    def _asked(self, question: Question, parse: Callable[[str], T]) -> Answer[T]:
        text, reason = self._said(question)
        try:
            if reason is None:
                return Answer(parse(text), text, question.usage)
        except ValueError as error:
            reason = str(error)
        log.debug("unusable answer, asked once more: %s", reason)
        self._bill.count(asked_again=1)
        _asked_again(question, text, reason)
        text, again = self._said(question)
        try:
            if again is None:
                return Answer(parse(text), text, question.usage, asked_again=True)
        except ValueError as error:
            again = str(error)
        raise AnswerUnusable(f"no usable answer, asked twice: {again}")

    def _post(self, messages: Messages, fields: Mapping[str, Any], timeout_s: float) -> Mapping[str, Any]:
        """The one request, by its name, so that a replaced one is used."""
        return _as_body(chat_completion(messages, connection=self._connection, timeout_s=timeout_s, **fields))

    def _said(self, question: Question) -> tuple[str, str | None]:
        """(the answer's text, why it is none if the server itself says that the model wrote no answer)."""
        try:
            return self._caller.text(question), None
        except ServerRefused:  # the one refusal that is let through: of the model's own words
            return "", "it was not valid JSON"


def _asked_again(question: Question, text: str, reason: str) -> None:
    """Show the model what it wrote and what was wrong with it."""
    shown = text.strip()[:_SHOWN_BAD_ANSWER_CHARS] or "(nothing)"
    request = f"That answer cannot be used: {reason[:500]}. Answer again with exactly one JSON object as described, and nothing else."
    question.messages = [*question.messages, {"role": "assistant", "content": shown}, {"role": "user", "content": request}]


def _as_body(reply: Any) -> dict[str, Any]:
    """A completion's body; a replaced `chat_completion` may give the answer itself, as text or as an object."""
    if isinstance(reply, dict) and "choices" in reply:
        return reply
    return {"choices": [{"message": {"content": reply}}]}


def _prices(server: Server) -> Prices | None:
    if server.price_in is None or server.price_out is None:
        return None
    return Prices(prompt=server.price_in, completion=server.price_out, cached=server.price_cached)
