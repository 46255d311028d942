"""The sample helpdesk with what makes a real one hard: limits, other apps that use them up, slow and broken replies."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from demo.helpdesk import DEFAULT_KEY, SampleHelpdesk, load_tickets
from demo.helpdesk_api import Answer
from demo.loopback import Reply, Request
from testing.credit_limit import CreditLimit
from testing.faults import FaultPlan, send_fault

__all__ = ["DEFAULT_KEY", "Helpdesk", "load_tickets"]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call as the server saw it; `too_soon` if the caller had been told to wait longer."""

    at: float
    target: str
    status: int
    credits: int
    window: int
    too_soon: bool


class Helpdesk(SampleHelpdesk):
    """The server; a context manager that gives the base URL. `calls` holds what was asked, in order.

    Times in seconds; `limit` in credits a window, None for no limit and no rate headers; `used_by_others` are credits that other apps take
    at the beginning of each window; further options are those of the sample helpdesk.
    """

    def __init__(
        self,
        tickets: Sequence[dict[str, Any]],
        *,
        limit: int | None = None,
        window_s: float = 60.0,
        used_by_others: int = 0,
        latency_s: float = 0.0,
        faults: FaultPlan | None = None,
        **options: Any,
    ) -> None:
        super().__init__(tickets, **options)
        self.calls: list[CallRecord] = []
        self._lock = threading.Lock()
        self._limit = CreditLimit(limit=limit, window_s=window_s, used_by_others=used_by_others)
        self._latency_s, self._faults = latency_s, faults

    def respond(self, request: Request) -> Reply:
        """The reply to one request: late, or broken, if this helpdesk is so."""
        reply = super().respond(request)
        time.sleep(self._latency_s)
        fault = self._faults.next_fault(request.target) if self._faults is not None and reply.status == 200 else None
        return reply if fault is None else replace(reply, send=partial(send_fault, fault))

    def answer(self, target: str, authorization: str, host: str) -> Answer:
        """The answer to GET `target`, within the limit."""
        answer = super().answer(target, authorization, host)
        with self._lock:
            charge = self._limit.charge(answer.credits)
            if charge.refused_s is not None:
                words = {"message": "You have exceeded the limit of requests per minute"}
                answer = Answer(429, words, {"Retry-After": str(charge.refused_s)})
            self.calls.append(CallRecord(time.monotonic(), target, answer.status, answer.credits, charge.window, charge.too_soon))
        return replace(answer, headers={**answer.headers, **charge.headers})

    def spent(self) -> Counter[int]:
        """Credits that were given, by the number of their window."""
        windows: Counter[int] = Counter()
        for call in self.calls:
            windows[call.window] += call.credits if call.status != 429 else 0
        return windows
