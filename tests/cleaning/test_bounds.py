"""Cleaning takes time and memory in proportion to its input, whatever that is: each worst text at several sizes.

The sizes are timed in processor seconds and measured again before a figure counts, with slack for a machine that is busy otherwise.
"""

import itertools
import time
import tracemalloc

import pytest

from conversation_utils import build_conversation
from testing.worst_text import WORST, worst_text, worst_ticket

ONCE_FATAL = ("blanks in pre in quote", "forward+blanks", "reply marker", "zwchr", "hr", "nested bq", "bq cite")


def seconds(name: str, size: int, *, reply: bool) -> float:
    ticket = worst_ticket(worst_text(name, size), reply=reply)
    start = time.process_time()
    build_conversation(ticket, redact=False)
    return time.process_time() - start


def grows_too_fast(name: str, sizes: tuple[int, ...], *, reply: bool) -> list[float]:
    """The times where ten times the input takes more than eighteen times as long; else nothing."""
    spent: list[float] = []
    for _ in range(2):
        spent = [seconds(name, size, reply=reply) for size in sizes]
        if all(later < max(18 * earlier, 0.5) for earlier, later in itertools.pairwise(spent)):
            return []
    return spent


@pytest.mark.parametrize("name", ONCE_FATAL)
@pytest.mark.parametrize("reply", [False, True], ids=["opening", "reply"])
def test_what_once_stopped_a_run_for_good_is_read_in_a_moment(name: str, reply: bool) -> None:
    assert not grows_too_fast(name, (1_000, 10_000, 100_000), reply=reply)


@pytest.mark.slow
@pytest.mark.parametrize("name", WORST)
@pytest.mark.parametrize("reply", [False, True], ids=["opening", "reply"])
def test_ten_times_the_text_takes_ten_times_as_long(name: str, reply: bool) -> None:
    assert not grows_too_fast(name, (10_000, 100_000, 1_000_000), reply=reply)


@pytest.mark.slow
@pytest.mark.parametrize("name", WORST)
def test_memory_is_at_most_150_times_the_text(name: str) -> None:
    """So that a megabyte takes less than 150 MB; time that grows in proportion is tested above, memory cannot grow faster than time."""
    ticket = worst_ticket(worst_text(name, 200_000), reply=True)
    tracemalloc.start()
    build_conversation(ticket, redact=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150 * 200_000


def test_messages_that_quote_each_other_in_a_circle_are_read_once_each() -> None:
    quote = "<p>{}</p><blockquote type=cite>{}</blockquote>"
    bodies = [quote.format("one more thing", "two more things"), quote.format("two more things", "one more thing")] * 3
    replies = [
        {"id": at, "body": body, "incoming": at % 2 == 0, "user_id": 9 - 2 * (at % 2), "created_at": f"2025-05-03T{at:02d}:00:00Z"}
        for at, body in enumerate(bodies)
    ]
    told = build_conversation({"id": 1, "description": "<p>dark</p>", "requester_id": 7, "conversations": replies})
    assert told["conversation"][0]["text"].startswith("dark")
    assert "more thing" in told["conversation"][-1]["text"]
