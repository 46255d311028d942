"""The one clock: whatever reads the time or sleeps asks here.

Tests replace the three functions of the `time` module that stand behind it and so spend no time. Nothing here decides how long to wait.
"""

import time


def monotonic() -> float:
    """Seconds on a clock that never goes back; only differences mean anything."""
    return time.monotonic()


def wall() -> float:
    """Seconds since 1970 (UTC); only for dates in headers and for the run report."""
    return time.time()


def sleep(seconds: float) -> None:
    """Wait `seconds`; nothing for zero and below."""
    if seconds > 0:
        time.sleep(seconds)
