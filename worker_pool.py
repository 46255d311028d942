"""Threads that do calls side by side and never keep the program from ending.

`concurrent.futures` joins its threads at exit, so that Ctrl-C would wait for every call in flight; these threads are daemons.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class WorkerPool:
    """`size` daemon threads that take work in the order in which it was given."""

    def __init__(self, size: int, *, name: str) -> None:
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._size = size
        for number in range(size):
            threading.Thread(target=self._serve, name=f"{name}-{number}", daemon=True).start()

    def submit(self, call: Callable[[], T]) -> "Future[T]":
        """A future of `call()`; whatever it raises is raised by `result()`."""
        future: Future[T] = Future()
        self._work.put((future, call))
        return future

    def close(self) -> None:
        """Let the threads end after what they are doing; work not begun is cancelled."""
        while True:
            try:
                item = self._work.get_nowait()
            except queue.Empty:
                break
            if item is not None:
                item[0].cancel()
        for _ in range(self._size):
            self._work.put(None)

    def _serve(self) -> None:
        while (item := self._work.get()) is not None:
            future, call = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the future
                future.set_exception(error)
