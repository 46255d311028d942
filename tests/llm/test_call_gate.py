"""The gate finds how many calls a server can bear; simulated, so no time is spent."""

import heapq
import random
import threading
from collections.abc import Callable

import pytest

from llm.call_gate import CallGate, Pass


class Clock:
    """A clock that the simulation moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("common.times.monotonic", lambda: self.now)


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


Serve = Callable[[int], tuple[float, bool]]
"""Calls under way, this one included -> (seconds of this call, whether it is turned away as crowded)."""


def simulate(gate: CallGate, clock: Clock, serve: Serve, *, calls: int, wave: int = 0) -> tuple[float, int, int]:
    """(seconds, calls turned away, widest seen) for `calls` answers; with more work always waiting, or coming in waves of so many."""
    under_way: list[tuple[float, int, Pass, bool]] = []
    answered = turned_away = widest = order = 0
    while answered < calls:
        while len(under_way) < gate.width:
            if wave and order - turned_away >= (answered // wave + 1) * wave:
                break  # the rest of the wave is under way; the next one waits for its last answer
            order += 1
            seconds, crowded = serve(len(under_way) + 1)
            heapq.heappush(under_way, (clock.now + seconds, order, gate._let_in(), crowded))
        gate._waiting = int(len(under_way) >= gate.width)
        widest = max(widest, len(under_way))
        clock.now, _, entry, crowded = heapq.heappop(under_way)
        entry.crowded, entry.answered = crowded, not crowded
        answered += not crowded
        turned_away += crowded
        gate._let_out(entry)
        if wave and not under_way:
            clock.now += 1.0  # whoever asks thinks about the answers
    return clock.now, turned_away, widest


def turn_away(gate: CallGate, started: float) -> None:
    gate._let_in()
    gate._let_out(Pass(started, crowded=True))


def all_at_once(_under_way: int) -> tuple[float, bool]:
    return 1.0, False


def one_at_a_time(under_way: int) -> tuple[float, bool]:
    return float(under_way), False


def test_a_server_that_bears_all_gets_all(simulated: Clock) -> None:
    seconds, _, widest = simulate(CallGate(16), simulated, all_at_once, calls=500)
    assert widest == 16
    assert seconds < 1.5 * 500 / 16


def test_varying_answer_times_do_not_keep_the_gate_narrow(simulated: Clock) -> None:
    draw = random.Random(3)
    seconds, _, widest = simulate(CallGate(16), simulated, lambda _: (draw.lognormvariate(0, 0.5), False), calls=500)
    assert widest == 16
    assert seconds < 2.5 * 500 / 16


def test_work_that_comes_in_waves_does_not_keep_the_gate_narrow(simulated: Clock) -> None:
    gate = CallGate(16)
    simulate(gate, simulated, all_at_once, calls=480, wave=24)
    assert gate.width == 16


def test_a_server_that_serves_one_at_a_time_is_not_flooded(simulated: Clock) -> None:
    _, _, widest = simulate(CallGate(16), simulated, one_at_a_time, calls=300)
    assert widest <= 4


def test_a_server_that_turns_away_the_third_is_asked_two_at_a_time(simulated: Clock) -> None:
    _, turned_away, _ = simulate(CallGate(16), simulated, lambda under_way: (1.0 if under_way < 3 else 0.1, under_way >= 3), calls=300)
    assert turned_away < 100


def test_a_crowded_call_halves_the_width_and_answers_bring_it_back(simulated: Clock) -> None:
    gate = CallGate(16)
    simulate(gate, simulated, all_at_once, calls=300)
    before = gate.width
    turn_away(gate, simulated.now)
    assert gate.width == before // 2
    simulate(gate, simulated, all_at_once, calls=20)
    assert gate.width == before


def test_calls_that_left_before_a_cut_do_not_cut_again(simulated: Clock) -> None:
    gate = CallGate(16)
    simulate(gate, simulated, all_at_once, calls=300)
    for _ in range(3):
        turn_away(gate, simulated.now - 1)
        simulated.now += 0.1
    assert gate.width == 8


def test_faults_by_chance_do_not_keep_the_gate_narrow(simulated: Clock) -> None:
    draw = random.Random(4)
    seconds, _, _ = simulate(CallGate(8), simulated, lambda _: (1.0, draw.random() < 0.07), calls=500)
    assert seconds < 1.6 * 500 / 8 / 0.93


def test_the_first_caller_is_alone_until_it_is_answered() -> None:
    gate = CallGate(8)
    entered = []
    leave, seen = threading.Event(), threading.Event()

    def call() -> None:
        with gate.enter() as entry:
            entered.append(1)
            seen.set()
            leave.wait(5)
            entry.answered = True

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    seen.wait(5)
    assert len(entered) == 1
    leave.set()
    for thread in threads:
        thread.join(5)
    assert len(entered) == 4
