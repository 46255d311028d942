"""The operating system's calls by which this process changes files, counted, and one of them struck: failed, or the last one ever."""

import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from common import files

CALLS = ("fsync", "replace", "unlink", "rmdir", "fchmod", "mkdir")


@dataclass(slots=True)
class Disk:
    """Counts `calls`; before number `at` (and, with `from_then_on`, before each later one) `strike` is called, which may raise or kill.

    A write is struck when half of it is done.
    """

    at: int = 0
    strike: Callable[[], None] = lambda: None
    from_then_on: bool = False
    calls: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def watched(self) -> Iterator["Disk"]:
        """Counts and strikes while it lasts."""
        with contextlib.ExitStack() as patched:
            for name in CALLS:
                patched.enter_context(mock.patch.object(os, name, self._watched(name, getattr(os, name))))
            patched.enter_context(mock.patch.object(files, "open", self._opened, create=True))
            yield self

    def note(self, what: str) -> None:
        """Count a call, and strike if it is the one."""
        self.calls.append(what)
        if self.at and (len(self.calls) == self.at or (self.from_then_on and len(self.calls) > self.at)):
            self.strike()

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(target: Any, *args: Any, **kwargs: Any) -> Any:
            if not (name == "mkdir" and Path(target).is_dir()):
                self.note(f"{name} {target}")
            return call(target, *args, **kwargs)

        return watched

    def _opened(self, path: Path, mode: str, **options: Any) -> Any:
        if mode == "rb":
            return open(path, mode, **options)
        self.note(f"open {path}")
        return _HalfWriting(path, self)


class _HalfWriting(io.FileIO):
    def __init__(self, path: Path, disk: Disk) -> None:
        super().__init__(path, "x")
        self._disk = disk

    def write(self, data: Any) -> int:
        half = len(data) // 2
        super().write(data[:half])
        self._disk.note("write")
        super().write(data[half:])
        return len(data)


def failing(reason: int) -> Callable[[], None]:
    """A strike by which a call fails for this reason (an errno)."""

    def strike() -> None:
        raise OSError(reason, os.strerror(reason))

    return strike


def die() -> None:
    """A strike that kills this process, as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":  # python -m testing.disk_faults N ARGUMENTS: the program, killed at its Nth change of a file
    import main

    with Disk(int(sys.argv[1]), die).watched():
        sys.exit(main.main(sys.argv[2:]))
