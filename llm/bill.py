"""The bill of a run: tokens and money spent, and the stop before the call that would pass what the user allowed.

Thread-safe. Prices come from the user; without them there are tokens and no cost. Answers taken from the store cost nothing here.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from llm.protocol import BudgetReached, Usage

FIRST_COMPLETION_TOKENS = 300  # expected of the first answer; after that the largest one seen
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """USD per million tokens; `cached` defaults to the full price of a prompt."""

    prompt: float
    completion: float
    cached: float | None = None

    def cost(self, usage: Usage) -> float:
        """USD for this much.

        >>> Prices(prompt=1.0, cached=0.5, completion=2.0).cost(Usage(prompt=1_000_000, cached=500_000, completion=1_000_000))
        2.75
        """
        cached = self.prompt if self.cached is None else self.cached
        return ((usage.prompt - usage.cached) * self.prompt + usage.cached * cached + usage.completion * self.completion) / _MILLION


@dataclass(frozen=True, slots=True)
class Totals:
    """A run so far. `calls` are requests that left for the server; of them `learning_calls` taught its dialect, `retries` followed a fault.

    `cost` is in USD, None without prices.
    """

    calls: int = 0
    retries: int = 0
    learning_calls: int = 0
    answers: int = 0
    asked_again: int = 0
    stored_answers: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: float | None = None


class Bill:
    """What was spent and what is on its way; shared by all workers."""

    def __init__(self, *, prices: Prices | None, max_tokens: int | None, max_cost: float | None) -> None:
        if max_cost is not None and prices is None:
            raise ValueError("a limit in USD needs LLM_PRICE_IN and LLM_PRICE_OUT")
        self._prices, self._max_tokens, self._max_cost = prices, max_tokens, max_cost
        self._lock = threading.Lock()
        self._totals = Totals(cost=0.0 if prices else None)
        self._under_way = Usage()
        self._prompt_ratio = 1.0
        self._completion = FIRST_COMPLETION_TOKENS
        self._counted = False

    @contextmanager
    def call(self, prompt_tokens: int) -> Iterator["Charge"]:
        """Room for one call with a prompt estimated at `prompt_tokens`. Raises `BudgetReached` if it would pass a limit."""
        charge = Charge()
        with self._lock:
            expected = Usage(round(prompt_tokens * self._prompt_ratio), 0, self._completion)
            self._check(self._totals.usage + self._under_way + expected)
            self._under_way += expected
            self._totals = replace(self._totals, calls=self._totals.calls + 1)
        try:
            yield charge
        finally:
            with self._lock:
                self._under_way = _minus(self._under_way, expected)
                if charge.usage is not None:
                    self._settle(charge.usage, prompt_tokens)

    def count(self, *, retries: int = 0, learning_calls: int = 0, answers: int = 0, asked_again: int = 0, stored_answers: int = 0) -> None:
        """Add to the counters."""
        with self._lock:
            old = self._totals
            self._totals = replace(
                old,
                retries=old.retries + retries,
                learning_calls=old.learning_calls + learning_calls,
                answers=old.answers + answers,
                asked_again=old.asked_again + asked_again,
                stored_answers=old.stored_answers + stored_answers,
            )

    def totals(self) -> Totals:
        """The run so far."""
        with self._lock:
            return self._totals

    def _check(self, usage: Usage) -> None:
        if self._max_tokens is not None and usage.prompt + usage.completion > self._max_tokens:
            spent = self._totals.usage.prompt + self._totals.usage.completion
            raise BudgetReached(f"the next call would pass the {self._max_tokens} tokens allowed ({spent} spent): raise --max-tokens-total")
        if self._max_cost is not None and self._prices and self._prices.cost(usage) > self._max_cost:
            spent_usd = self._prices.cost(self._totals.usage)
            raise BudgetReached(f"the next call would pass the {self._max_cost:g} USD allowed ({spent_usd:.4f} spent): raise --max-cost")

    def _settle(self, usage: Usage, estimated_prompt: int) -> None:
        """Book what a call cost. Expectations follow the dearest call seen: only one dearer than all before can pass a limit."""
        total = self._totals.usage + usage
        self._totals = replace(self._totals, usage=total, cost=self._prices.cost(total) if self._prices else None)
        ratio = usage.prompt / max(1, estimated_prompt)
        self._prompt_ratio = max(self._prompt_ratio, ratio) if self._counted else ratio
        self._completion = max(self._completion, usage.completion) if self._counted else usage.completion
        self._counted = True


@dataclass(slots=True)
class Charge:
    """What one call turned out to cost; None while it is not known, or if the server did not answer."""

    usage: Usage | None = None


def _minus(usage: Usage, other: Usage) -> Usage:
    return Usage(usage.prompt - other.prompt, usage.cached - other.cached, usage.completion - other.completion)
