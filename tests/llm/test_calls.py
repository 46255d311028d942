"""How many questions are under way at once, and when the run has to end because nothing succeeds."""

import threading
import time

import pytest

from common.errors import Stopped
from common.web import TransientError
from llm.calls import LOADING_S, QUESTIONS_IN_A_ROW, Gate, Question
from testing.fake_time import FakeTime


def test_one_question_is_under_way_until_the_first_usable_answer() -> None:
    gate, inside = Gate(4), threading.Event()

    def enter() -> None:
        with gate.permit():
            inside.set()

    with gate.permit():
        second = threading.Thread(target=enter)
        second.start()
        assert not inside.wait(0.05)
        gate.answered()
        assert inside.wait(5)
    second.join(5)
    assert gate.width == 4


def test_a_crowded_server_halves_the_width_and_each_answer_brings_one_back(fake_time: FakeTime) -> None:
    gate, widths = Gate(8), []
    gate.answered()
    for _ in range(4):
        gate.crowded(since=fake_time.now)
        widths.append(gate.width)
        fake_time.now += 1
    gate.answered()
    assert (widths, gate.width) == ([4, 2, 1, 1], 2)


def test_calls_that_left_before_the_last_cut_say_nothing_about_it(fake_time: FakeTime) -> None:
    gate = Gate(8)
    gate.answered()
    fake_time.now = 10.0
    gate.crowded(since=9.0)
    gate.crowded(since=9.5)
    assert gate.width == 4


def test_three_questions_in_a_row_end_a_run_in_which_nothing_was_usable_yet() -> None:
    gate = Gate(4)
    assert [gate.failed(outside=False) for _ in range(QUESTIONS_IN_A_ROW)] == [False, False, True]


def test_later_only_what_lies_outside_of_the_questions_counts_in_a_row() -> None:
    gate = Gate(4)
    gate.answered()
    assert not any(gate.failed(outside=False) for _ in range(10))
    assert [gate.failed(outside=outside) for outside in (True, True, False, True, True, True)] == [False] * 5 + [True]


PUT_OFF, PAID = TransientError("slow", status=429), TransientError("blank", status=200)


@pytest.mark.parametrize(("fault", "tries"), [(PUT_OFF, 10), (PAID, 3), (TransientError("reset"), 6)], ids=str)
def test_a_question_is_given_up_after_as_many_tries_as_its_kind_of_fault_has(fault: TransientError, tries: int) -> None:
    question = Question([], None, 10)
    assert [question.has_enough(fault, answered=True) for _ in range(tries)] == [False] * (tries - 1) + [True]


def test_a_server_that_still_loads_its_model_is_waited_for() -> None:
    question, fault = Question([], None, 10), TransientError("HTTP 503: Loading model", status=503)
    assert not any(question.has_enough(fault, answered=False) for _ in range(20))
    question.waited_s = LOADING_S
    assert [question.has_enough(fault, answered=False) for _ in range(6)][-1]


def test_nobody_passes_before_the_moment_that_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds
        if len(slept) == 1:
            gate.hold(3)  # somebody else was told to wait meanwhile

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", sleep)
    gate = Gate(4)
    gate.start_call()
    gate.hold(7)
    gate.hold(2)
    gate.start_call()
    assert slept == [7, 3]
    gate.start_call()
    assert slept == [7, 3]


def test_no_call_starts_once_the_run_has_to_end() -> None:
    gate = Gate(4)
    first = gate.stop(Stopped("first"))
    assert gate.stop(Stopped("second")) is first
    with pytest.raises(Stopped, match="first"):
        gate.start_call()


def test_a_complaint_shows_the_model_a_bounded_part_of_what_it_wrote() -> None:
    question = Question([{"role": "user", "content": "q"}], None, 10)
    question.complain("x" * 5000, "no JSON" + "y" * 5000)
    said, asked = question.messages[1:]
    assert (said["role"], len(said["content"]), asked["role"]) == ("assistant", 2000, "user")
    assert asked["content"].startswith("That answer cannot be used: no JSON")
    assert len(asked["content"]) < 700
