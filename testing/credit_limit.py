"""The account's limit as Freshdesk counts it, and what it does to a caller who does not heed it."""

import math
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Charge:
    """What a call did to the limit: its window's number, the rate headers, seconds to wait if it was too much, and whether it came
    although its caller had been told to wait."""

    window: int
    headers: dict[str, str]
    refused_s: int | None
    too_soon: bool


class CreditLimit:
    """`limit` credits (None: no limit) in each fixed window of `window_s` seconds, of which others take some at its beginning."""

    def __init__(self, *, limit: int | None, window_s: float, used_by_others: int = 0) -> None:
        self._limit, self._window_s, self._others = limit, window_s, used_by_others
        self._began = time.monotonic()
        self._window, self._used = -1, 0
        self._told_until = 0.0

    def charge(self, credits: int) -> Charge:
        """Count one call. Not for several threads at once."""
        now = time.monotonic()
        window = int((now - self._began) / self._window_s)
        if self._limit is None:
            return Charge(window, {}, None, too_soon=False)
        if window != self._window:
            self._window, self._used = window, self._others
        too_soon, refused_s = now < self._told_until, None
        if self._used + credits > self._limit:
            refused_s = max(1, math.ceil(self._began + (window + 1) * self._window_s - now))
            self._told_until = max(self._told_until, now + refused_s)
        else:
            self._used += credits
        headers = {
            "X-RateLimit-Total": f"{self._limit}.0",
            "X-RateLimit-Remaining": f"{self._limit - self._used}.0",
            "X-RateLimit-Used-CurrentRequest": f"{credits}.0",
        }
        return Charge(window, headers, refused_s, too_soon)
