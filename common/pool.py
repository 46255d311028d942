"""Threads that do calls side by side and never keep the program from ending.

`concurrent.futures` joins its threads at exit, so that Ctrl-C would wait for every call in flight; these threads are daemons.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")
Submit = Callable[[Callable[[], Any]], "Future[Any]"]
"""What has a call made, now or by somebody else, and gives its future."""


def at_once(call: Callable[[], T]) -> "Future[T]":
    """A future of `call()`, done here and now: the way to run without threads."""
    future: Future[T] = Future()
    try:
        future.set_result(call())
    except Exception as error:  # noqa: BLE001 - handed to whoever waits for the future
        future.set_exception(error)
    return future


class WorkerPool:
    """`size` daemon threads that take work in the order in which it was given."""

    def __init__(self, size: int, *, name: str) -> None:
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._size = size
        self._closed = False
        for number in range(size):
            threading.Thread(target=self._serve, name=f"{name}-{number}", daemon=True).start()

    def submit(self, call: Callable[[], T]) -> "Future[T]":
        """A future of `call()`; whatever it raises is raised by `result()`. Raises `RuntimeError` once closed."""
        if self._closed:
            raise RuntimeError("this pool is closed")
        future: Future[T] = Future()
        self._work.put((future, call))
        return future

    def close(self) -> None:
        """Let the threads end after what they are doing; work not begun is cancelled."""
        self._closed = True
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
        while self._serve_one():
            pass

    def _serve_one(self) -> bool:
        """Take one piece of work and do it; a frame of its own, so that an idle thread keeps no result alive."""
        item = self._work.get()
        if item is None:
            return False
        future, call = item
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the future
                future.set_exception(error)
        return True
