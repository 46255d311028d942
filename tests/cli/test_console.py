"""Log and bars: lines and bars do not meet, waits count down, no terminal no bar."""

import contextlib
import io
import logging
import os
import signal
import sys

import pytest

from cli import console
from cli.console import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal_of(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """stdout and stderr of the test, on one screen."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


def test_a_log_line_stands_on_a_line_of_its_own_while_a_bar_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal_of(monkeypatch)
    console.set_up_logging(logging.INFO)
    progress = Progress()
    progress.begin("deciding", 3)
    progress.step("deciding", "1 issue")
    logging.getLogger("x").info("hello")
    progress.step("deciding")
    progress.close()
    lines = [line.split("\r")[-1].strip() for line in screen.getvalue().split("\n")]
    assert [line[9:] for line in lines if "hello" in line] == ["hello"]


def test_a_wait_is_counted_down_beside_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal_of(monkeypatch)
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setenv("COLUMNS", "120")
    progress = Progress()
    progress.begin("fetching", 3)
    progress.step("fetching", "2 issues")
    progress.wait(60, "the helpdesk asked for it")
    assert "waiting 60 s: the helpdesk asked for it" in screen.getvalue()
    now[0] += 13
    progress._count_down()
    assert "waiting 47 s: the helpdesk asked for it" in screen.getvalue()
    now[0] += 47
    progress._count_down()
    progress.close()
    assert "2 issues" in screen.getvalue().rsplit("waiting", 1)[1]


def test_a_bar_of_unknown_length_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal_of(monkeypatch)
    progress = Progress()
    progress.begin("listing")
    progress.reach("listing", 100)
    progress.reach("listing", 250)
    progress.reach("nothing of that name", 9)
    progress.close()
    assert "listing   250 tickets [00:00]" in screen.getvalue()


def test_long_waits_are_logged_now_and_then_and_short_ones_never(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    caplog.set_level(logging.INFO)
    progress = Progress(shown=False)
    for seconds, later in ((2, 1), (30, 1), (30, 70), (30, 1)):
        progress.wait(seconds, "busy")
        now[0] += later
    assert [record.getMessage() for record in caplog.records] == ["waiting 30 s: busy", "waiting 30 s: busy"]


def test_without_a_terminal_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.begin("deciding", 3)
    progress.step("deciding", "1 issue")
    progress.close()
    assert capsys.readouterr().err == ""


def test_answers_after_the_tickets_have_bars_of_their_phases_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal_of(monkeypatch)
    progress = Progress()
    progress.begin("deciding", 1)
    progress.answered("issue_card")
    assert "cards" not in screen.getvalue()
    progress.end("deciding")
    for name in ("issue_overview", "issue_merge", "issue_card", "issue_decision"):
        progress.answered(name)
    progress.close()
    assert "overview  " in screen.getvalue()
    assert "cards     " in screen.getvalue()


@pytest.mark.parametrize(
    ("level", "verbose", "said"),
    [
        (logging.INFO, False, "a b"),
        (logging.WARNING, False, "WARNING: a b"),
        (logging.WARNING, True, "WARNING x: a b"),
        (logging.INFO, True, "INFO x: a b"),
    ],
)
def test_a_line_has_its_time_and_who_speaks_where_it_matters(level: int, verbose: bool, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal_of(monkeypatch)
    handler = console.LogHandler(verbose=verbose)
    handler.emit(logging.LogRecord("x", level, "", 0, "a\x1bb", None, None))
    assert screen.getvalue()[9:] == f"{said}\n"


def test_long_lines_break_between_words_in_a_terminal_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = "word " * 30
    console.show(f"short\n{words.strip()}")
    assert capsys.readouterr().out == f"short\n{words.strip()}\n"
    screen = terminal_of(monkeypatch)
    monkeypatch.setenv("COLUMNS", "40")
    console.show(f"short\n{words.strip()}")
    lines = screen.getvalue().splitlines()
    assert lines[0] == "short"
    assert all(len(line) <= 40 and set(line.split()) == {"word"} for line in lines[1:])
    assert lines[2].startswith("  word")


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no closed terminals here")
@pytest.mark.parametrize("inherited", [signal.SIG_DFL, signal.SIG_IGN], ids=["heard", "ignored, as nohup has it"])
def test_a_closed_terminal_ends_a_run_unless_it_was_told_to_outlive_it(inherited: signal.Handlers) -> None:
    before = signal.signal(signal.SIGHUP, inherited)
    try:
        outlives = inherited is signal.SIG_IGN
        with contextlib.nullcontext() if outlives else pytest.raises(KeyboardInterrupt), console.signals_as_interrupts():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is inherited
    finally:
        signal.signal(signal.SIGHUP, before)
