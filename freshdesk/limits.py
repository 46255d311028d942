"""The one gate before the helpdesk's account limit, shared by every thread.

Nobody starts a call while the helpdesk has asked to wait, nor when it would leave less of the limit than is not ours. Does no HTTP and
reads nothing of a reply but its rate headers. Does not pace: a window's share may go in a burst, then comes a wait.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping

from common.errors import Stopped

ANNOUNCE_FROM_S = 1.0
HELD, USED_UP = "the helpdesk asked to wait", "our share of the account's limit is used up"
OnWait = Callable[[float, str], None]


class RateGate:
    """Lets calls pass while more than the others' part of the limit is left; `share` is ours, `window_s` the helpdesk's counting window.

    Until the first reply of a window is in, calls go one at a time: a wrong key is tried once, and what is left is known.
    """

    def __init__(self, *, share: float, window_s: float, on_wait: OnWait | None = None) -> None:
        self._share, self._window_s, self._on_wait = share, window_s, on_wait
        self._changed = threading.Condition()
        self._in_flight = 0.0
        self._closed: Stopped | None = None
        self.total: float | None = None  # credits a window, as the helpdesk says
        self._left: float | None = None  # the least that a reply of this window said; None: one call is to find out
        self._turns_at = self._left_at = self._held_until = self._announced = -math.inf

    def enter(self, credits: float) -> float:
        """The moment at which a call of `credits` may start, which is now; waits until then. Raises `Stopped` once the gate is closed."""
        while True:
            with self._changed:
                until, why = self._opens(credits)
                wait_s = until - time.monotonic()
                if wait_s <= 0:
                    self._in_flight += credits
                    return time.monotonic()
                if math.isinf(wait_s):
                    self._changed.wait()
                    continue
            self._tell(wait_s, why)
            time.sleep(wait_s)

    def leave(self, credits: float, headers: Mapping[str, str] | None = None, *, started: float = math.inf) -> None:
        """A call of `credits` that `started` then is over; `headers` are its reply's, None when no reply came."""
        with self._changed:
            self._in_flight -= credits
            left = _number(headers, "X-RateLimit-Remaining")
            if headers is not None:
                self._learn(math.inf if left is None else left, _number(headers, "X-RateLimit-Total"), started)
            self._changed.notify_all()

    def _learn(self, left: float, total: float | None, started: float) -> None:
        """What is left, by a reply; more than before is another window, unless others overtook the reply. Needs the lock."""
        now = time.monotonic()
        self.total = total or self.total or (left if math.isfinite(left) else None)
        if self._left is not None and (started < self._left_at or math.isinf(left)):
            self._left = min(left, self._left)
            return
        if self._left is None or left > self._left:
            self._turns_at = now + self._window_s
        self._left, self._left_at = left, now

    def hold(self, seconds: float) -> None:
        """Nobody starts a call for `seconds` from now; a longer hold that stands already is kept."""
        with self._changed:
            self._held_until = max(self._held_until, time.monotonic() + seconds)
            self._left = None
        self._tell(seconds, HELD)

    def close(self, why: Stopped) -> Stopped:
        """From now on `enter` raises `Stopped`, also for those who wait. Of several reasons the first counts, and is given back."""
        with self._changed:
            self._closed = self._closed or why
            self._changed.notify_all()
            return self._closed

    def _opens(self, credits: float) -> tuple[float, str]:
        """When a call may start and what it waits for; infinity: when a call that is under way has its reply. Needs the lock."""
        now = time.monotonic()
        if self._closed is not None:
            raise Stopped(*self._closed.args)
        if now < self._held_until:
            return self._held_until, HELD
        if self._left is not None and now >= self._turns_at:
            self._left = None
        if self._left is None:
            return (math.inf if self._in_flight else now), USED_UP
        if self._left - self._in_flight - credits >= (1 - self._share) * (self.total or 0):
            return now, ""
        return (math.inf if self._in_flight else self._turns_at), USED_UP

    def _tell(self, seconds: float, why: str) -> None:
        """One word for all threads that wait for the same moment."""
        until = time.monotonic() + seconds
        if self._on_wait is not None and seconds >= ANNOUNCE_FROM_S and until >= self._announced + ANNOUNCE_FROM_S:
            self._announced = until
            self._on_wait(seconds, why)


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
