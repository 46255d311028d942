"""Signals that end a run, all treated as Ctrl-C is, so that the work is kept. Knows nothing of the work."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


@contextlib.contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the run like Ctrl-C, with the work kept."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before: list[tuple[int, Callable[..., Any] | int | None]] = []
    with contextlib.suppress(ValueError):  # only the main thread may handle signals
        before = [(getattr(signal, name), signal.signal(getattr(signal, name), interrupt)) for name in names]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
