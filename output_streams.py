"""stdout and stderr that cannot hurt a run: closed, full, broken or unable to write a letter, the work goes on without them.

Strangers' control characters are kept out of the log. Decides nothing about what is said.
"""

import contextlib
import io
import logging
import os
import sys

from terminal_text import printable


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
        return "\n".join(printable(line) for line in super().format(record).split("\n"))
