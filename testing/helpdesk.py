"""The sample helpdesk with what makes a real one hard: limits, other apps that use them up, slow and broken replies.

python -m testing.helpdesk --limit 100 --faults 0.05      until interrupted; the base URL is the first line printed
"""

import json
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from demo.helpdesk import DEFAULT_KEY, SampleHelpdesk, load_tickets, parser, serve, tickets_of
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
        if request.target == "/demo/stats":
            return Reply(200, json.dumps(self.stats()).encode())
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

    def stats(self) -> dict[str, Any]:
        """What the server saw, for somebody in another process: credits by window, refusals, calls before their time."""
        with self._lock:
            windows: dict[int, int] = {}
            for call in self.calls:
                windows[call.window] = windows.get(call.window, 0) + (call.credits if call.status != 429 else 0)
            refused = sum(call.status == 429 for call in self.calls)
            return {"calls": len(self.calls), "windows": windows, "too_soon": sum(call.too_soon for call in self.calls), "refused": refused}


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted; the base URL is the first line printed."""
    used = parser("python -m testing.helpdesk")
    used.add_argument("--limit", type=int, help="credits a window")
    used.add_argument("--window-s", type=float, default=60.0, help="length of the window in seconds")
    used.add_argument("--used-by-others", type=int, default=0, help="credits that other apps take in each window")
    used.add_argument("--latency-ms", type=float, default=0.0, help="time that each reply takes")
    used.add_argument("--faults", type=float, default=0.0, help="share of replies that are broken, 0 to 1")
    used.add_argument("--seed", type=int, default=0, help="which replies are broken")
    args = used.parse_args(argv)
    helpdesk = Helpdesk(
        tickets_of(args, used),
        api_key=args.key,
        port=args.port,
        limit=args.limit,
        window_s=args.window_s,
        used_by_others=args.used_by_others,
        latency_s=args.latency_ms / 1000,
        faults=FaultPlan(share=args.faults, seed=args.seed) if args.faults else None,
    )
    serve(helpdesk)
    return 0


if __name__ == "__main__":
    sys.exit(main())
