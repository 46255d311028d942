"""The program end to end, twice: what it exits with, and that a second run asks nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import main
from common.errors import Exit, Stopped, TicketFailed, Unreadable, Unusable, Unwritable
from testing.topic_site import TopicSite, sorting, topic_tickets


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[TopicSite]:
    with TopicSite(topic_tickets(5), behave=sorting(jumpy=False)) as opened:
        for name, value in opened.environment.items():
            monkeypatch.setenv(name, value)
        yield opened


def results() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path("output").iterdir() if path.suffix in (".json", ".jsonl", ".csv", ".md")}


def test_a_second_run_asks_the_model_nothing_and_changes_no_result(site: TopicSite) -> None:
    assert main.main([]) == Exit.DONE
    placed = [ticket for issue in json.loads(Path("output/silo_issues_db.json").read_text(encoding="utf-8")) for ticket in issue["tickets"]]
    assert sorted(placed) == [1001, 1002, 1003, 1004, 1005]
    first = results()
    site.forget()
    assert main.main([]) == Exit.DONE
    assert site.asked() == []
    assert not any("/tickets/1" in call.target for call in site.helpdesk.calls)
    assert {name for name, content in results().items() if content != first[name]} <= {"run_report.json", "weekly.md"}


def test_run_gives_the_clusterer_for_the_tickets_named(site: TopicSite) -> None:
    clusterer = main.run(ticket_ids=[1002], merge=False)
    assert [issue.tickets for issue in clusterer.issues.values()] == [[1002]]
    assert main.run(ticket_ids=[]).issues.keys() == clusterer.issues.keys()


ENDS: dict[str, tuple[BaseException, int]] = {
    "the outside": (Stopped("no credit"), 1),
    "a file that cannot be written": (Unwritable("no space"), 1),
    "what was given": (Unusable("no such column"), 2),
    "a file that cannot be read": (Unreadable("not JSON"), 2),
    "a full disk": (OSError(28, "No space left on device"), 1),
    "a reader that went away": (BrokenPipeError(), 1),
    "a word of argparse": (SystemExit(2), 2),
    "Ctrl-C": (KeyboardInterrupt(), 130),
}


@pytest.mark.parametrize(("error", "status"), ENDS.values(), ids=ENDS.keys())
def test_each_end_has_its_exit_status_and_no_traceback(
    error: BaseException, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def end(_options: Any) -> int:
        raise error

    monkeypatch.setattr(main, "_work", end)
    monkeypatch.setattr("cli.console.drop", lambda: None)
    assert main.main([]) == status
    assert "Traceback" not in capsys.readouterr().err


def test_what_nobody_expected_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(_options: Any) -> int:
        raise TicketFailed("a ticket's failure never gets this far")

    monkeypatch.setattr(main, "_work", end)
    with pytest.raises(TicketFailed):
        main.main([])
