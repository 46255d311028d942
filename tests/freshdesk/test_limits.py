"""The gate before the account's limit, driven with a clock that only moves when somebody sleeps or a call takes its time."""

import math
import threading
from dataclasses import dataclass, field

import pytest

from common.errors import Stopped
from freshdesk.limits import RateGate
from testing.fake_time import FakeTime

WINDOW_S = 60.0


@dataclass
class Account:
    """The helpdesk's side: fixed windows that began at `began`, of which others take `others` credits at once."""

    limit: int
    began: float
    others: int = 0
    window: int = -1
    used: int = 0
    ours: dict[int, int] = field(default_factory=dict)
    refused: int = 0

    def charge(self, now: float, credits: int) -> dict[str, str]:
        window = math.floor((now - self.began) / WINDOW_S)
        if window != self.window:
            self.window, self.used = window, self.others
        if self.used + credits > self.limit:
            self.refused += 1
        else:
            self.used += credits
            self.ours[window] = self.ours.get(window, 0) + credits
        return {
            "X-RateLimit-Total": f"{self.limit}.0",
            "X-RateLimit-Remaining": f"{self.limit - self.used}.0",
            "X-RateLimit-Used-CurrentRequest": f"{credits}.0",
        }


def call(gate: RateGate, account: Account, clock: FakeTime, *, credits: int, latency_s: float = 0.05) -> None:
    started = gate.enter(credits)
    headers = account.charge(clock.now, credits)
    clock.now += latency_s
    gate.leave(credits, headers, started=started)


def call_for(gate: RateGate, account: Account, clock: FakeTime, *, windows: int, credits: int) -> None:
    end = clock.now + windows * WINDOW_S
    while clock.now < end:
        call(gate, account, clock, credits=credits)


LIMITS = [50, 100, 200, 700]


@pytest.mark.parametrize("offset_s", [0.0, 17.0, 59.0], ids=lambda offset: f"begun {offset} s into a window")
@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: f"limit {limit}")
def test_the_share_is_used_and_never_passed(fake_time: FakeTime, limit: int, offset_s: float) -> None:
    account = Account(limit=limit, began=fake_time.now - offset_s)
    gate = RateGate(share=0.8, window_s=WINDOW_S)
    call_for(gate, account, fake_time, windows=6, credits=2)
    full = [credits for window, credits in account.ours.items() if 0 < window < 5]
    assert account.refused == 0
    assert max(account.ours.values()) <= 0.8 * limit
    assert sum(full) / (len(full) * 0.8 * limit) >= 0.95


@pytest.mark.parametrize("others", [10, 20, 40, 49], ids=lambda others: f"others take {others} of 50")
def test_others_keep_their_part_of_what_is_left(fake_time: FakeTime, others: int) -> None:
    account = Account(limit=50, began=fake_time.now - 20, others=others)
    gate = RateGate(share=0.8, window_s=WINDOW_S)
    call_for(gate, account, fake_time, windows=5, credits=1)
    assert account.refused == 0
    assert max(account.ours.values()) == max(1, 40 - others)  # where nothing is ours, one call a window finds out


@pytest.mark.parametrize("total", [{"X-RateLimit-Total": "50.0"}, {"X-RateLimit-Total": "3000"}], ids=["of 50", "of 3000"])
def test_three_credits_left_slow_the_next_call_before_the_wall(fake_time: FakeTime, total: dict[str, str]) -> None:
    gate = RateGate(share=0.8, window_s=WINDOW_S)
    gate.enter(1)
    gate.leave(1, total | {"X-RateLimit-Remaining": "3.0"})
    gate.enter(2)
    assert sum(fake_time.slept) == pytest.approx(WINDOW_S)


def test_without_a_total_the_most_that_was_left_stands_for_it(fake_time: FakeTime) -> None:
    gate = RateGate(share=0.8, window_s=WINDOW_S)
    for left in ("100.0", "21.0"):
        gate.enter(1)
        gate.leave(1, {"X-RateLimit-Remaining": left})
    gate.enter(1)
    assert fake_time.slept == []
    gate.leave(1, {"X-RateLimit-Remaining": "20.0"})
    gate.enter(1)
    assert sum(fake_time.slept) == pytest.approx(WINDOW_S)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-RateLimit-Total": "many", "X-RateLimit-Remaining": "nan"},
        {"X-RateLimit-Total": "-5", "X-RateLimit-Remaining": "-5"},
        {"X-RateLimit-Total": "0"},
        {"X-RateLimit-Total": "100.0"},
        {"X-RateLimit-Total": "1000.0", "X-RateLimit-Remaining": "900.0", "X-RateLimit-Used-CurrentRequest": "inf"},
    ],
    ids=["none", "junk", "negative", "no limit", "only the total", "junk cost"],
)
def test_without_need_nobody_sleeps(fake_time: FakeTime, headers: dict[str, str]) -> None:
    gate = RateGate(share=0.8, window_s=WINDOW_S)
    for _ in range(30):
        gate.enter(1)
        gate.leave(1, headers)
    assert fake_time.slept == []


def test_an_error_page_without_headers_does_not_lift_the_limit(fake_time: FakeTime) -> None:
    gate = RateGate(share=0.8, window_s=WINDOW_S)
    gate.enter(1)
    gate.leave(1, {"X-RateLimit-Total": "50", "X-RateLimit-Remaining": "5"})
    gate.enter(1)
    gate.leave(1, {})
    gate.enter(3)
    assert sum(fake_time.slept) == pytest.approx(WINDOW_S)


def test_a_call_dearer_than_the_share_still_goes_alone(fake_time: FakeTime) -> None:
    gate = RateGate(share=0.1, window_s=WINDOW_S)
    gate.enter(1)
    gate.leave(1, {"X-RateLimit-Total": "10", "X-RateLimit-Remaining": "9"})
    gate.enter(2)
    assert sum(fake_time.slept) == pytest.approx(WINDOW_S)


def test_nobody_starts_while_told_to_wait_and_the_longest_word_holds(fake_time: FakeTime) -> None:
    gate = RateGate(share=0.8, window_s=WINDOW_S)
    gate.hold(7)
    gate.hold(3)
    assert gate.enter(1) == 1007.0


def test_a_long_wait_is_told_once_and_a_longer_one_again(fake_time: FakeTime) -> None:
    told: list[tuple[float, str]] = []
    gate = RateGate(share=0.8, window_s=WINDOW_S, on_wait=lambda seconds, why: told.append((seconds, why)))
    gate.hold(1200)
    fake_time.sleep(0.2)
    gate.enter(1)
    gate.leave(1, {})
    gate.hold(5)
    gate.enter(1)
    assert told == [(1200, "the helpdesk asked to wait"), (5.0, "the helpdesk asked to wait")]


def test_the_first_call_goes_alone_until_its_reply_is_in() -> None:
    gate, passed = RateGate(share=0.8, window_s=WINDOW_S), threading.Event()
    gate.enter(1)

    def follow() -> None:
        gate.enter(1)
        passed.set()

    second = threading.Thread(target=follow, daemon=True)
    second.start()
    assert not passed.wait(0.05)
    gate.leave(1, {})
    assert passed.wait(5)
    second.join(5)


def test_when_the_first_reply_never_comes_the_next_call_goes_alone_too() -> None:
    gate = RateGate(share=0.8, window_s=WINDOW_S)
    gate.enter(1)
    gate.leave(1, None)
    gate.enter(1)
    gate.close(Stopped("the key is refused"))
    with pytest.raises(Stopped, match="the key is refused"):
        gate.enter(1)


def test_closing_wakes_those_who_wait_for_a_reply() -> None:
    gate, refused = RateGate(share=0.8, window_s=WINDOW_S), threading.Event()

    def wait() -> None:
        try:
            gate.enter(1)
        except Stopped:
            refused.set()

    gate.enter(1)
    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    gate.close(Stopped("the key is refused"))
    assert refused.wait(5)
    waiting.join(5)


def test_an_overtaken_reply_does_not_raise_what_is_left(fake_time: FakeTime) -> None:
    gate = RateGate(share=1.0, window_s=WINDOW_S)

    def headers(left: float) -> dict[str, str]:
        return {"X-RateLimit-Total": "100", "X-RateLimit-Remaining": str(left)}

    gate.leave(1, headers(12), started=gate.enter(1))
    early, late = gate.enter(1), gate.enter(1)
    fake_time.now += 1
    gate.leave(1, headers(1), started=late)
    gate.leave(1, headers(11), started=early)
    gate.enter(2)
    assert sum(fake_time.slept) > 50


def test_the_window_after_a_wait_starts_afresh(fake_time: FakeTime) -> None:
    gate = RateGate(share=0.8, window_s=WINDOW_S)
    for left in (20, 100, 99):
        gate.enter(1)
        gate.leave(1, {"X-RateLimit-Total": "100", "X-RateLimit-Remaining": str(left)})
    assert sum(fake_time.slept) == pytest.approx(WINDOW_S)
