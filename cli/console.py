"""stdout and stderr that cannot hurt a run, the log, and the bars that show how far it is.

Closed, full, broken or unable to write a letter: the work goes on without them. Strangers' control characters are kept out. Bars stand on
stderr and only in a terminal; a line of the log takes them off the screen while it is written. Decides nothing about what is said.
"""

import contextlib
import io
import logging
import os
import shutil
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TextIO

from tqdm import tqdm

from common.text import for_terminal

logger = logging.getLogger(__name__)

PHASES = {"issue_overview": "overview", "issue_merge": "overview", "issue_card": "cards"}
"""What a question of each kind belongs to, once the tickets are decided."""
_NARROW, _WIDE = 20, 110
_LENGTH_KNOWN = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}]{postfix}"
_LENGTH_UNKNOWN = "{desc} {n_fmt} {unit} [{elapsed}]{postfix}"
SAID_WAIT_S = 5.0
"""A wait of so many seconds is worth a line in the log, at most one in `SAID_EVERY_S`."""
SAID_EVERY_S = 60.0


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


def set_up_logging(level: int) -> None:
    """One handler on stdout for the whole program; libraries speak up from WARNING on."""
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, LogHandler)]:
        root.removeHandler(old)
    root.addHandler(LogHandler(verbose=level <= logging.DEBUG))
    root.setLevel(level)
    for library in ("urllib3", "filelock"):
        logging.getLogger(library).setLevel(logging.WARNING)


class LogHandler(logging.StreamHandler):  # type: ignore[type-arg] # not subscriptable in 3.10
    """Writes the log to stdout, bars out of the way; a reader that went away (`| head`) or a full disk costs the log, not the run.

    What `tqdm.contrib.logging` does, with this handler's own way of failing.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        super().__init__(sys.stdout)
        self._verbose = verbose

    def format(self, record: logging.LogRecord) -> str:
        """The line: time and words, the level from WARNING on, and who speaks when every detail is asked for."""
        level = f"{record.levelname}: " if record.levelno > logging.INFO else ""
        speaks = f"{record.levelname} {record.name}: " if self._verbose else level
        return fitted(_plain(f"{time.strftime('%H:%M:%S', time.localtime(record.created))} {speaks}{super().format(record)}"), self.stream)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, above the bars."""
        with tqdm.external_write_mode(file=self.stream):
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class's name
        """Stop writing if nothing can be written any more."""
        if self.stream.closed:
            return
        if isinstance(sys.exc_info()[1], OSError):
            drop()
        else:
            super().handleError(record)


class Progress:
    """The bars of a run, one for each phase that is under way; without a terminal none, and nothing else changes. Safe for threads.

    A bar goes when its phase is done. A wait is counted down in each of them, second by second.
    """

    def __init__(self, *, shown: bool = True) -> None:
        self._disable = None if shown else True
        self._bars: dict[str, tqdm[Any]] = {}
        self._said: dict[str, str] = {}
        self._waits_until, self._why = 0.0, ""
        self._spoke_at = -SAID_EVERY_S
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._ticker: threading.Thread | None = None

    def begin(self, phase: str, total: int | None = None, *, unit: str = "tickets") -> None:
        """Show a bar for a phase; `total` None where nobody knows, so that no bar says how much is left."""
        with self._lock:
            self.end(phase)
            self._bars[phase] = tqdm(
                total=total,
                desc=f"{phase:9}",
                unit=unit,
                bar_format=_LENGTH_UNKNOWN if total is None else _LENGTH_KNOWN,
                disable=self._disable,
                dynamic_ncols=True,
                miniters=1,
                smoothing=0,  # so that what is left takes waits into account
                leave=False,
            )

    def step(self, phase: str, said: str | None = None) -> None:
        """One more is done; `said` stands beside the bar from now on."""
        with self._lock:
            bar = self._bars.get(phase)
            if bar is not None and said is not None:
                self._said[phase] = said
                bar.set_postfix_str(for_terminal(said), refresh=False)
            if bar is not None:
                bar.update()

    def reach(self, phase: str, count: int) -> None:
        """So many are done by now."""
        with self._lock:
            bar = self._bars.get(phase)
            if bar is not None:
                bar.n = count
                bar.refresh()

    def answered(self, question: str) -> None:
        """A question of the work after the tickets has its answer; its phase begins with the first."""
        phase = PHASES.get(question)
        with self._lock:
            if phase is None or self._bars.keys() & {"deciding", "fetching"}:
                return
            if phase not in self._bars:
                self.begin(phase, unit="answers")
            self.step(phase)

    def end(self, *phases: str) -> None:
        """Take bars away: those of these phases, or all."""
        with self._lock:
            for phase in phases or tuple(self._bars):
                bar = self._bars.pop(phase, None)
                if bar is not None:
                    bar.close()

    def close(self) -> None:
        """No bar from here on."""
        self._closed.set()
        self.end()

    def wait(self, seconds: float, why: str) -> None:
        """Count a wait down in the bars; a long one is also a line of the log, now and then."""
        now = time.monotonic()
        with self._lock:
            if now + seconds > self._waits_until:
                self._waits_until, self._why = now + seconds, why
            speak = seconds >= SAID_WAIT_S and now - self._spoke_at >= SAID_EVERY_S
            self._spoke_at = now if speak else self._spoke_at
        logger.log(logging.INFO if speak else logging.DEBUG, "waiting %.0f s: %s", seconds, why)
        self._count_down()
        if self._ticker is None and any(not bar.disable for bar in self._bars.values()):
            self._ticker = threading.Thread(target=self._tick, name="waiting", daemon=True)
            self._ticker.start()

    def _tick(self) -> None:
        while not self._closed.wait(1.0):
            self._count_down()

    def _count_down(self) -> None:
        left = self._waits_until - time.monotonic()
        with self._lock:
            if not self._why:
                return
            why = f": {for_terminal(self._why)}" if shutil.get_terminal_size().columns >= _WIDE else ""  # the log has said it
            waiting = f"waiting {left:.0f} s{why}" if left >= 0.5 else ""
            self._why = self._why if waiting else ""
            for phase, bar in self._bars.items():
                bar.set_postfix_str(waiting or for_terminal(self._said.get(phase, "")))


def show(text: str) -> None:
    """Print lines for people, in a terminal broken between words and further lines indented; elsewhere as they are."""
    print(fitted(text, sys.stdout), flush=True)


def complain(text: str, *, kind: str = "error") -> None:
    """What went wrong, or was stopped, on stderr; in a terminal on a line of its own, whatever stands there (^C, half a bar)."""
    said = fitted(_plain(f"{kind}: {text}"), sys.stderr)
    print(f"\n{said}" if kind == "interrupted" and sys.stderr.isatty() else said, file=sys.stderr)


def _plain(text: str) -> str:
    """The lines without what a terminal would obey."""
    return "\n".join(for_terminal(line) for line in text.split("\n"))


def fitted(text: str, stream: TextIO) -> str:
    """The lines as a stream takes them: in a terminal broken between words, further lines indented."""
    width = shutil.get_terminal_size().columns if stream.isatty() else 0
    if width < _NARROW:
        return text
    fit = textwrap.TextWrapper(width, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)
    return "\n".join(fit.fill(line) if len(line) > width else line for line in text.split("\n"))


@contextlib.contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the run like Ctrl-C, with the work kept; what nohup has the run ignore stays ignored."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    known = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    heard = [number for number in known if signal.getsignal(number) is not signal.SIG_IGN]
    before: list[tuple[int, Callable[..., Any] | int | None]] = []
    with contextlib.suppress(ValueError):  # only the main thread may handle signals
        before = [(number, signal.signal(number, interrupt)) for number in heard]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
