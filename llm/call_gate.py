"""How many calls are under way at the same time: one until the server has answered, then more while that helps, fewer when it is crowded.

Decides when a call starts, never what it says or what its answer means.
"""

import statistics
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from common import times

SHARE_THAT_HELPS = 0.2  # of the answers a second that a wider gate could bring at best
FEWEST_ANSWERS = 4  # that tell something about a width
CROWD_SHARE = 0.25  # of the last calls; fewer may be chance
LONGEST_REST = 8  # windows between two trials that do not help


@dataclass(slots=True)
class Pass:
    """One call's way through the gate; the caller notes how it went, nothing noted counts as neither."""

    started: float
    answered: bool = False
    crowded: bool = False


class CallGate:
    """Lets at most `widest` calls be under way; the width within that follows how the server copes.

    Growth is tried, not assumed: twice the width must bring more answers a second, or the width goes back and the next trial waits longer.
    That rate is the width by the median time of a call, so neither pauses between waves of questions nor a few slow calls disturb it. A
    crowded call halves the width; answers bring it back to what had helped, unless crowded calls are many.
    """

    def __init__(self, widest: int) -> None:
        self._widest = widest
        self._width = 1
        self._inside = 0
        self._waiting = 0
        self._condition = threading.Condition()
        self._proven = 1  # the greatest width that has helped
        self._trial: tuple[int, float] | None = None  # the width before, and its answers a second
        self._rest, self._next_rest = 0, 2
        self._recent: deque[bool] = deque(maxlen=64)  # crowded or not, newest last
        self._narrowed_at = -1.0
        self._window = 1  # the first answer is a window of its own
        self._new_window()

    @property
    def width(self) -> int:
        """How many calls may be under way now."""
        return self._width

    @contextmanager
    def enter(self) -> Iterator[Pass]:
        """A call's time inside; waits until there is room."""
        with self._condition:
            self._waiting += 1
            try:
                while self._inside >= self._width:
                    self._condition.wait()
            finally:
                self._waiting -= 1
            entry = self._let_in()
        try:
            yield entry
        finally:
            with self._condition:
                self._let_out(entry)
                self._condition.notify_all()

    def _let_in(self) -> Pass:
        self._inside += 1
        return Pass(times.monotonic())

    def _let_out(self, entry: Pass) -> None:
        was_full = self._is_full()
        self._inside -= 1
        if entry.crowded or entry.answered:
            self._recent.append(entry.crowded)
        if entry.crowded and entry.started >= self._narrowed_at:  # calls that left before the last cut say nothing about it
            self._narrow()
        elif entry.answered:
            self._width = max(self._width, min(self._proven, self._width + 1))
            if was_full and entry.started >= self._window_began:
                self._took_s.append(times.monotonic() - entry.started)
            if len(self._took_s) >= self._window:
                self._judge()

    def _is_full(self) -> bool:
        return self._inside + self._waiting >= self._width

    def _narrow(self) -> None:
        newest = list(self._recent)[-max(4 * FEWEST_ANSWERS, 2 * self._width) :]
        if sum(newest) >= max(FEWEST_ANSWERS, CROWD_SHARE * len(newest)):
            self._proven = max(1, min(self._proven, self._width - 1))
            self._take_rest()
            self._recent.clear()
        self._width = max(1, self._width // 2)
        self._trial = None
        self._narrowed_at = times.monotonic()
        self._new_window()

    def _judge(self) -> None:
        """At the end of a window: keep or take back the width on trial, then perhaps try another."""
        rate = self._width / max(1e-6, statistics.median(self._took_s))
        if self._trial is not None:
            self._keep_or_take_back(*self._trial, rate)
        elif self._rest:
            self._rest -= 1
        if self._rest == 0 and self._proven <= self._width < self._widest:
            self._trial = (self._width, rate)
            self._width = min(self._widest, self._width * 2)
        self._new_window()

    def _keep_or_take_back(self, before: int, rate_before: float, rate: float) -> None:
        self._trial = None
        if rate >= rate_before * (1 + SHARE_THAT_HELPS * (self._width / before - 1)):
            self._rest, self._next_rest = 0, 2
        else:
            self._width = before
            self._take_rest()
        self._proven = self._width

    def _take_rest(self) -> None:
        self._rest, self._next_rest = self._next_rest, min(LONGEST_REST, self._next_rest * 2)

    def _new_window(self) -> None:
        if self._width > 1:
            self._window = max(self._width, FEWEST_ANSWERS)
        self._took_s: list[float] = []  # seconds of the window's calls that began in it and ended while the gate was full
        self._window_began = times.monotonic()
