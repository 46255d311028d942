"""stdout and stderr that cannot hurt a run: closed, full, broken or unable to write a letter, the work goes on without them.

Strangers' control characters are kept out of the log. Decides nothing about what is said.
"""

import contextlib
import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from common.text import for_terminal


def make_safe() -> None:
    """Give a program without stdout or stderr ones that lead nowhere; letters that one cannot write become escapes."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - stays open as long as the program
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def drop() -> None:
    """From here on stdout leads nowhere."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


class LogHandler(logging.StreamHandler):  # type: ignore[type-arg] # not subscriptable in 3.10
    """Writes the log to stdout; a reader that went away (`| head`) or a full disk costs the log, not the run."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self.setFormatter(_PrintableFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%H:%M:%S"))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class's name
        """Stop writing if nothing can be written any more."""
        if isinstance(sys.exc_info()[1], OSError):
            drop()
        else:
            super().handleError(record)


class _PrintableFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(for_terminal(line) for line in super().format(record).split("\n"))


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
