"""Cleaning takes time and memory in proportion to its input, whatever that is.

Each worst text is read at two sizes, and its growth counts, not the clock: four times the text may take seven times as long, where a step
that takes quadratic time takes sixteen. Processor seconds, measured again before they count. One text of each family is a megabyte.
"""

import time
import tracemalloc

import pytest

from conversation_utils import build_conversation
from testing.worst_text import WORST, worst_text, worst_ticket

ONCE_FATAL = ("blanks in pre in quote", "forward+blanks", "reply marker", "zwchr", "hr", "nested bq", "bq cite")
FAMILIES = (
    "blank",
    "nested div",
    "gt known",
    "attribution",
    "labels",
    "closing+name",
    "notices",
    "190links",
    "known words one line",
    "cjk",
)
MEGABYTES = ("blank", "nested div", "gt known", "attribution", "cjk")
MOMENT = 0.05  # seconds, below which a growth says nothing


def seconds(name: str, size: int, *, reply: bool) -> float:
    ticket = worst_ticket(worst_text(name, size), reply=reply)
    start = time.process_time()
    build_conversation(ticket)
    return time.process_time() - start


def grows_too_fast(name: str, *, reply: bool, sizes: tuple[int, int] = (10_000, 40_000), most: float = 7.0) -> list[float]:
    """The times where they are out of proportion, else nothing."""
    spent: list[float] = []
    for _ in range(3):
        spent = [seconds(name, size, reply=reply) for size in sizes]
        if spent[1] < max(most * spent[0], MOMENT):
            return []
    return spent


@pytest.mark.parametrize("name", ONCE_FATAL)
@pytest.mark.parametrize("reply", [False, True], ids=["opening", "reply"])
def test_what_once_stopped_a_run_for_good_is_read_in_a_moment(name: str, reply: bool) -> None:
    assert not grows_too_fast(name, reply=reply)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in WORST if name not in ONCE_FATAL])
@pytest.mark.parametrize("reply", [False, True], ids=["opening", "reply"])
def test_four_times_the_text_takes_four_times_as_long(name: str, reply: bool) -> None:
    assert not grows_too_fast(name, reply=reply)


@pytest.mark.slow
@pytest.mark.parametrize("name", MEGABYTES)
def test_a_megabyte_takes_ten_times_as_long_as_a_tenth_of_it(name: str) -> None:
    assert not grows_too_fast(name, reply=True, sizes=(100_000, 1_000_000), most=18)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_memory_is_at_most_150_times_the_text(name: str) -> None:
    """So that a megabyte takes less than 150 MB; time that grows in proportion is tested above, memory cannot grow faster than time."""
    ticket = worst_ticket(worst_text(name, 40_000), reply=True)
    build_conversation(worst_ticket("a", reply=True))  # what is made once stays
    tracemalloc.start()
    build_conversation(ticket, redact=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150 * 40_000


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
