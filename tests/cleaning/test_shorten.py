import re

import pytest

from conversation_utils import Conversation, build_conversation, shorten


def conversation(sizes: list[int]) -> Conversation:
    """A thread that begins with the customer and alternates; message k consists of the word `wk`."""
    replies = [
        {
            "body": f"w{at} " * (size // len(f"w{at} ")),
            "incoming": at % 2 == 0,
            "private": False,
            "created_at": f"2025-07-24T{at // 60:02d}:{at % 60:02d}:00Z",
        }
        for at, size in enumerate(sizes)
        if at
    ]
    return build_conversation({"id": 1, "description": "w0 " * (sizes[0] // 3), "conversations": replies}, redact=False)


def total(cut: Conversation) -> int:
    return sum(len(message["text"]) for message in cut["conversation"])


def test_a_short_conversation_is_given_back_as_it_is() -> None:
    whole = conversation([300, 200])
    assert shorten(whole, max_chars=500) is whole


@pytest.mark.parametrize("max_chars", [200, 500, 1000, 5000, 20_000])
@pytest.mark.parametrize(
    "sizes",
    [[30_000], [100, 30_000, 200], [9_000, 9_000, 9_000, 9_000], [400] * 80, [60] * 900],
    ids=["one", "middle", "even", "80", "900"],
)
@pytest.mark.slow
def test_a_cut_conversation_keeps_to_its_length(sizes: list[int], max_chars: int) -> None:
    whole = conversation(sizes)
    cut = shorten(whole, max_chars=max_chars)
    assert total(cut) <= max(200, max_chars)
    assert shorten(whole, max_chars=max_chars) == cut
    assert all(message["text"] for message in cut["conversation"])


def test_the_longest_message_is_cut_in_the_middle_and_the_marker_counts_what_is_gone() -> None:
    whole = conversation([300, 40_000, 300])
    cut = shorten(whole, max_chars=4000)
    first, middle, last = (message["text"] for message in cut["conversation"])
    assert (first, last) == (whole["conversation"][0]["text"], whole["conversation"][2]["text"])
    match = re.fullmatch(r"(.*) \[… (\d+) characters left out …\] (.*)", middle, re.S)
    assert match is not None
    assert len(match[1]) + int(match[2]) + len(match[3]) == len(whole["conversation"][1]["text"])
    assert match[1].startswith("w1")
    assert match[3].endswith("w1")


def test_the_first_customer_and_the_last_agent_message_keep_the_most() -> None:
    cut = shorten(conversation([3000] * 20), max_chars=6000)
    sizes = [len(message["text"]) for message in cut["conversation"]]
    assert len(sizes) == 20
    assert sorted(sizes)[-2:] == sorted([sizes[0], sizes[19]])
    assert min(sizes[0], sizes[19]) > 4 * sizes[10]


def test_too_many_messages_are_counted_in_the_middle() -> None:
    cut = shorten(conversation([60] * 900), max_chars=2000)
    texts = [message["text"] for message in cut["conversation"]]
    assert any(re.fullmatch(r"\[… \d+ messages left out …\]", text) for text in texts)
    assert texts[0].startswith("w0")
    assert texts[-1].startswith("w899")


def test_the_stored_conversation_is_not_changed() -> None:
    whole = conversation([5000, 5000])
    before = [message["text"] for message in whole["conversation"]]
    shorten(whole, max_chars=300)
    assert [message["text"] for message in whole["conversation"]] == before
