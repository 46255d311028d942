"""Asking in rounds for a batch engine: what the store does not answer is noted, and the run ends where nothing more can be asked.

A round is all that is submitted before the first answer is waited for: a wave's questions, its second askings, or those about issues. A
small round may be asked at once instead. Keeps the order of the ordinary run, so the result is the same. Writes no file.
"""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from llm.batch import BatchQuestion
from llm.protocol import Answer, JsonSchema, Messages

T = TypeVar("T")
Submit = Callable[[Callable[[], Any]], "Future[Any]"]


class QuestionsLeft(Exception):
    """A round has questions that the store does not answer; the run cannot go on without them."""

    def __init__(self, questions: tuple[BatchQuestion, ...]) -> None:
        super().__init__(f"{len(questions)} questions are to be answered first")
        self.questions = questions


class _NotStored(Exception):
    """The store has no answer to this question."""


class Client(Protocol):
    """What a round asks of the client: a live answer, a stored one, and a question's key and request body."""

    def ask(self, messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T]:
        """The server's answer."""

    def stored(self, messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T] | None:
        """The stored answer, None where there is none."""

    def request(self, messages: Messages, *, schema: JsonSchema) -> tuple[str, dict[str, Any]]:
        """The question's key and the request's body."""


class BatchRounds:
    """`ask` and `submit` for a clusterer. Rounds of fewer than `at_least` open questions are asked live, by `submit_live`."""

    def __init__(self, client: Client, *, submit_live: Submit, at_least: int = 1) -> None:
        self._client, self._submit_live, self._at_least = client, submit_live, at_least
        self._waiting: list[tuple[_Lazy, Callable[[], Any]]] = []
        self._open: dict[str, BatchQuestion] = {}
        self._live = False

    def ask(self, messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T]:
        """The stored answer, or, in a small round, the server's. Raises what ends this question for now."""
        if self._live:
            return self._client.ask(messages, schema=schema, parse=parse)
        answer = self._client.stored(messages, schema=schema, parse=parse)
        if answer is None:
            key, body = self._client.request(messages, schema=schema)
            self._open[key] = BatchQuestion(key, body, schema["name"])
            raise _NotStored
        return answer

    def submit(self, call: Callable[[], T]) -> "Future[T]":
        """A future of `call()`, which is made with the rest of its round when a result is first waited for."""
        future = _Lazy(self.work_off)
        self._waiting.append((future, call))
        return future

    def work_off(self) -> None:
        """Make the calls of the round: from the store, then, if few are left, live."""
        calls, self._waiting = self._waiting, []
        self._open = {}
        unanswered = [(future, call) for future, call in calls if not self._settled(future, call)]
        if len(self._open) >= self._at_least:
            left = QuestionsLeft(tuple(self._open.values()))
            for future, _ in unanswered:
                future.set_exception(left)
            return
        self._live = True
        try:
            asked = [(future, self._submit_live(call)) for future, call in unanswered]
            for future, answer in asked:
                _hand_on(future, answer)
        finally:
            self._live = False

    def _settled(self, future: "_Lazy", call: Callable[[], Any]) -> bool:
        try:
            future.set_result(call())
        except _NotStored:
            return False
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the future
            future.set_exception(error)
        return True


class _Lazy(Future[Any]):
    """A future that has its round worked off when its result is wanted."""

    def __init__(self, work_off: Callable[[], None]) -> None:
        super().__init__()
        self._work_off = work_off

    def result(self, timeout: float | None = None) -> Any:
        if not self.done():
            self._work_off()
        return super().result(timeout)


def _hand_on(future: "_Lazy", answer: "Future[Any]") -> None:
    error = answer.exception()
    if error is None:
        future.set_result(answer.result())
    else:
        future.set_exception(error)
