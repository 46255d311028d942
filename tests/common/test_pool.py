"""The pool's threads: order, errors, and that they never keep the program alive."""

import functools
import gc
import subprocess
import sys
import threading
import weakref
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from common.pool import WorkerPool

ROOT = Path(__file__).resolve().parents[2]


def test_work_is_begun_in_the_order_in_which_it_was_given() -> None:
    pool = WorkerPool(1, name="test")
    begun: list[int] = []
    futures = [pool.submit(functools.partial(begun.append, number)) for number in range(20)]
    for future in futures:
        future.result(timeout=5)
    assert begun == list(range(20))
    pool.close()


def test_as_many_calls_run_at_once_as_the_pool_has_threads() -> None:
    pool, together = WorkerPool(4, name="test"), threading.Barrier(4)
    futures = [pool.submit(lambda: together.wait(timeout=5)) for _ in range(4)]
    assert sorted(future.result(timeout=5) for future in futures) == [0, 1, 2, 3]
    pool.close()


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt(), SystemExit(3)], ids=lambda error: type(error).__name__)
def test_what_a_call_raises_is_raised_by_its_future_and_the_thread_lives_on(error: BaseException) -> None:
    def fail() -> None:
        raise error

    pool = WorkerPool(1, name="test")
    failed, fine = pool.submit(fail), pool.submit(lambda: 7)
    with pytest.raises(type(error)):
        failed.result(timeout=5)
    assert fine.result(timeout=5) == 7
    pool.close()


def test_closing_cancels_what_has_not_begun_and_refuses_more() -> None:
    pool, go = WorkerPool(1, name="test"), threading.Event()
    first, second = pool.submit(lambda: go.wait(5)), pool.submit(lambda: True)
    while not first.running():
        pass
    pool.close()
    go.set()
    assert first.result(timeout=5) is True
    with pytest.raises(CancelledError):
        second.result(timeout=5)
    with pytest.raises(RuntimeError):
        pool.submit(lambda: None)


def test_the_threads_end_when_the_pool_is_closed() -> None:
    before = threading.active_count()
    pool = WorkerPool(3, name="ending")
    pool.close()
    for thread in threading.enumerate():
        if thread.name.startswith("ending"):
            thread.join(timeout=5)
    assert threading.active_count() == before


def test_an_idle_thread_keeps_no_result_alive() -> None:
    class Big:
        pass

    pool = WorkerPool(1, name="test")
    value = pool.submit(Big).result(timeout=5)
    gone = weakref.ref(value)
    pool.submit(lambda: None)
    del value
    for _ in range(100):
        gc.collect()
        if gone() is None:
            break
        threading.Event().wait(0.01)
    assert gone() is None
    pool.close()


def test_a_call_that_never_ends_does_not_keep_the_program_from_ending() -> None:
    code = "import threading; from common.pool import WorkerPool; WorkerPool(2, name='x').submit(threading.Event().wait); print('end')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "end\n"
