"""What whoever asks a model may rely on: the answer, its price in tokens, and the ways in which a question can fail.

Types only: the client (llm_client.py) fills them, the clusterer uses them, and neither needs to know the other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")

JsonSchema = Mapping[str, Any]
"""`{"name": ..., "strict": True, "schema": {...}}`, the form of OpenAI's `response_format.json_schema`."""

Messages = list[dict[str, str]]
"""Chat messages: `{"role": ..., "content": ...}`."""


class AnswerUnusable(Exception):
    """One question's failure: no usable answer after one more try, a refusal, a content filter. The message says which.

    `of_content`: it was refused for what stands in it, which says nothing about the questions after it.
    """

    def __init__(self, message: str, *, of_content: bool = False) -> None:
        super().__init__(message)
        self.of_content = of_content


class ContextTooLong(Exception):
    """The question does not fit the model; whoever asked may shorten it."""


class BudgetReached(Exception):
    """The next call would pass a limit that the user set; it was not made."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of calls; `cached` are those of `prompt` that came from the provider's prefix cache. `estimated`: some are characters / 4."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    estimated: bool = False

    def __add__(self, other: "Usage") -> "Usage":
        estimated = self.estimated or other.estimated
        return Usage(self.prompt + other.prompt, self.cached + other.cached, self.completion + other.completion, estimated)

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(self.prompt - other.prompt, self.cached - other.cached, self.completion - other.completion, self.estimated)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A parsed answer. `text` is what the model wrote; a stored answer's `usage` is what it cost when it was paid."""

    value: T
    text: str
    usage: Usage
    from_store: bool = False
    asked_again: bool = False


class Ask(Protocol):
    """A question put to a model. `parse` raises ValueError for an unusable answer, which is asked for once more."""

    def __call__(self, messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T]:
        """The answer. Raises `AnswerUnusable`, `ContextTooLong`, `Stopped`, `BudgetReached`."""
