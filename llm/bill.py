"""The bill of a run: tokens and money spent, and the stop before the call that would pass what the user allowed.

Thread-safe. Prices come from the user; without them there are tokens and no cost. Answers taken from the store cost nothing here.
"""

import threading
from collections import Counter
from dataclasses import dataclass, field

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
        self._counts: Counter[str] = Counter()
        self._spent = self._under_way = Usage()
        self._prompt_ratio = 1.0
        self._completion = FIRST_COMPLETION_TOKENS
        self._settled = False

    def count(self, what: str) -> None:
        """Add one to a counter of `Totals`."""
        with self._lock:
            self._counts[what] += 1

    def reserve(self, prompt_tokens: int) -> Usage:
        """What a call with a prompt of about so many tokens may cost, set aside. Raises `BudgetReached` if it would pass a limit."""
        with self._lock:
            expected = Usage(round(prompt_tokens * self._prompt_ratio), 0, self._completion)
            self._check(self._spent + self._under_way + expected)
            self._under_way += expected
            self._counts["calls"] += 1
        return expected

    def settle(self, expected: Usage, usage: Usage | None, prompt_tokens: int) -> None:
        """Book what a call cost, None if the server did not answer.

        Expectations follow the dearest call seen: only one dearer than all before can pass a limit.
        """
        with self._lock:
            self._under_way -= expected
            if usage is None:
                return
            self._spent += usage
            ratio = usage.prompt / max(1, prompt_tokens)
            self._prompt_ratio = max(self._prompt_ratio, ratio) if self._settled else ratio
            self._completion = max(self._completion, usage.completion) if self._settled else usage.completion
            self._settled = True

    def totals(self) -> Totals:
        """The run so far."""
        with self._lock:
            return Totals(**self._counts, usage=self._spent, cost=self._prices.cost(self._spent) if self._prices else None)

    def _check(self, usage: Usage) -> None:
        if self._max_tokens is not None and usage.prompt + usage.completion > self._max_tokens:
            spent = self._spent.prompt + self._spent.completion
            raise BudgetReached(f"the next call would pass the {self._max_tokens} tokens allowed ({spent} spent): raise --max-tokens-total")
        if self._max_cost is not None and self._prices and self._prices.cost(usage) > self._max_cost:
            spent_usd = self._prices.cost(self._spent)
            raise BudgetReached(f"the next call would pass the {self._max_cost:g} USD allowed ({spent_usd:.4f} spent): raise --max-cost")
