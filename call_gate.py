"""How many calls are under way at the same time: one until the server has answered, then more while that helps, half when it is crowded.

Decides when a call starts, never what it says or what its answer means.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import clock

GROWTH_THAT_HELPS = 1.1  # answers a second, against those of the narrower gate
_WINDOWS_BEFORE_ANOTHER_TRY = 4


@dataclass(slots=True)
class Pass:
    """One call's way through the gate; the caller notes how it went, nothing noted counts as neither."""

    started: float
    answered: bool = False
    crowded: bool = False


class CallGate:
    """Lets at most `widest` calls be under way; the width within that follows how the server copes."""

    def __init__(self, widest: int) -> None:
        self._widest = widest
        self._width = 1
        self._inside = 0
        self._condition = threading.Condition()
        self._best_rate = 0.0
        self._narrowed_at = -1.0
        self._steep = True
        self._patience = 0
        self._new_window()

    @property
    def width(self) -> int:
        """How many calls may be under way now."""
        return self._width

    @contextmanager
    def enter(self) -> Iterator[Pass]:
        """A call's time inside; waits until there is room."""
        with self._condition:
            while self._inside >= self._width:
                self._full = True
                self._condition.wait()
            self._inside += 1
        entry = Pass(clock.monotonic())
        try:
            yield entry
        finally:
            with self._condition:
                self._inside -= 1
                self._note(entry)
                self._condition.notify_all()

    def _note(self, entry: Pass) -> None:
        if entry.crowded:
            if entry.started >= self._narrowed_at:  # calls that left before the last cut say nothing about it
                self._narrow()
        elif entry.answered:
            self._answers += 1
            if self._answers >= self._width:
                self._judge()

    def _narrow(self) -> None:
        self._width = max(1, self._width // 2)
        self._narrowed_at = clock.monotonic()
        self._steep = False
        self._best_rate = 0.0
        self._new_window()

    def _judge(self) -> None:
        """At the end of a window (as many answers as the gate is wide): go on widening only if the last step brought more a second."""
        rate = self._answers / max(1e-6, clock.monotonic() - self._window_began)
        if self._full and self._width < self._widest:
            if self._best_rate == 0.0 or rate >= self._best_rate * GROWTH_THAT_HELPS or self._patience >= _WINDOWS_BEFORE_ANOTHER_TRY:
                self._width = min(self._widest, self._width * 2 if self._steep else self._width + 1)
                self._patience = 0
            else:
                self._steep = False
                self._patience += 1
        self._best_rate = max(self._best_rate, rate)
        self._new_window()

    def _new_window(self) -> None:
        self._answers = 0
        self._full = False
        self._window_began = clock.monotonic()
