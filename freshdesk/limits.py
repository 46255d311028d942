"""The one gate before the helpdesk's account limit, shared by every thread.

Keeps three promises: nobody starts a call while the helpdesk has asked to wait; within any window this program spends at most its share
of the limit; and it stops short of the wall when others have used up theirs. Sleeps only when one of the three asks for it.
Does no HTTP and reads nothing of a reply but its rate headers.
"""

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping

from common import times

# Part of the account's limit that is never touched, whoever used the rest: the wall is somewhere behind it.
GUARD_SHARE = 0.05
GUARD_CREDITS = 5.0  # the same where the helpdesk does not say how large the limit is
ANNOUNCE_FROM_S = 1.0
HELD = "the helpdesk asked to wait"

OnWait = Callable[[float, str], None]


class GateClosed(Exception):
    """The run cannot go on, another thread has found; no call may start."""


class RateGate:
    """Lets calls pass as fast as the account's limit allows.

    `share` is the part of the limit that is ours, `window_s` the length of the helpdesk's counting window in seconds. The limit itself is
    learnt from the replies: until the first one is in, calls go one at a time, so a wrong key is tried once and not once a thread.
    """

    def __init__(self, *, share: float, window_s: float, on_wait: OnWait | None = None) -> None:
        self._share, self._window_s, self._on_wait = share, window_s, on_wait
        self._changed = threading.Condition()
        self._spent: deque[tuple[float, float]] = deque()  # (when the reply came, credits), oldest first
        self._in_flight = 0.0
        self._closed = False
        self._total: float | None = None
        self._left: float | None = None  # credits left by the newest reply; None: one call is to find out, the others wait for it
        self._left_at = -math.inf
        self._turned_by = math.inf  # by then the helpdesk has surely begun another window than the one `_left` is of
        self._held_until = -math.inf
        self._announced = -math.inf

    def enter(self, credits: float) -> float:
        """The moment at which a call of `credits` may start, which is now; waits until then. Raises `GateClosed`."""
        while True:
            with self._changed:
                delay, why = self._delay(credits)
                if delay <= 0:
                    self._in_flight += credits
                    return times.monotonic()
                if math.isinf(delay):
                    self._changed.wait()
                    continue
                announce = self._is_news(delay)
            if announce and self._on_wait is not None:
                self._on_wait(delay, why)
            times.sleep(delay)

    def leave(self, credits: float, headers: Mapping[str, str] | None = None, *, started: float) -> None:
        """A call of `credits` that `started` then is over; `headers` are its reply's, None when no reply came."""
        with self._changed:
            self._in_flight -= credits
            used = _number(headers, "X-RateLimit-Used-CurrentRequest")
            self._spent.append((times.monotonic(), credits if used is None else used))
            if headers is not None:
                self._total = _number(headers, "X-RateLimit-Total") or self._total
                self._learn(_number(headers, "X-RateLimit-Remaining"), started)
            self._changed.notify_all()

    def hold(self, seconds: float) -> None:
        """Nobody starts a call for `seconds` from now; a longer hold that stands already is kept."""
        with self._changed:
            self._held_until = max(self._held_until, times.monotonic() + seconds)
            self._forget_window()
            announce = self._is_news(seconds)
        if announce and self._on_wait is not None:
            self._on_wait(seconds, HELD)

    def close(self) -> None:
        """From now on `enter` raises `GateClosed`, also for those who wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _delay(self, credits: float) -> tuple[float, str]:
        """Seconds to wait and why: 0 for none, infinity to wait for a reply that is under way. The caller holds the lock."""
        if self._closed:
            raise GateClosed
        now = times.monotonic()
        if now < self._held_until:
            return self._held_until - now, HELD
        return max(self._own_delay(credits, now), self._wall_delay(credits, now))

    def _own_delay(self, credits: float, now: float) -> tuple[float, str]:
        """Our share: what was spent within the last window and what is under way may not pass it."""
        why = "our share of the account's limit is used up"
        while self._spent and self._spent[0][0] + self._window_s <= now:
            self._spent.popleft()
        if self._total is None:
            return 0.0, why
        excess = sum(cost for _, cost in self._spent) + self._in_flight + credits - max(credits, self._share * self._total)
        if excess <= 0:
            return 0.0, why
        for moment, cost in self._spent:
            excess -= cost
            if excess <= 0:
                return moment + self._window_s - now, why
        return math.inf, why

    def _wall_delay(self, credits: float, now: float) -> tuple[float, str]:
        """The others' share: what the helpdesk says is left may not fall under the guard."""
        why = "the account's limit is nearly used up"
        if now >= self._turned_by:
            self._forget_window()
        if self._left is None:
            return (math.inf if self._in_flight else 0.0), why
        guard = GUARD_CREDITS if self._total is None else min(GUARD_SHARE, 1 - self._share) * self._total
        if self._left - self._in_flight - credits >= guard:
            return 0.0, why
        return (math.inf if self._in_flight else self._turned_by - now), why

    def _learn(self, left: float | None, started: float) -> None:
        now = times.monotonic()
        if left is None:  # an error page in between, or an account that never says: no news
            self._left = math.inf if self._left is None else self._left
        elif self._left is not None and started < self._left_at:
            self._left = min(self._left, left)  # this reply was overtaken by another, so more credits are old news
        else:
            if self._left is None or left > self._left or math.isinf(self._left):
                self._turned_by = now + self._window_s
            self._left, self._left_at = left, now

    def _forget_window(self) -> None:
        self._left, self._turned_by = None, math.inf

    def _is_news(self, delay: float) -> bool:
        """Whether this wait ends clearly later than the last one that was told; one word for all threads."""
        until = times.monotonic() + delay
        if delay < ANNOUNCE_FROM_S or until < self._announced + ANNOUNCE_FROM_S:
            return False
        self._announced = until
        return True


def _number(headers: Mapping[str, str] | None, name: str) -> float | None:
    """A header's decimal, None for junk, nan and negatives.

    >>> _number({"X-RateLimit-Remaining": "3.0"}, "X-RateLimit-Remaining")
    3.0
    """
    try:
        value = float((headers or {}).get(name, ""))
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
