"""The archive, seen through a source of conversations: counted, looked up, and gone on with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli import source as ticket_source
from cli.archive import Archive
from cli.source import Selection
from common.pool import at_once
from tests.cli.test_source import desk, run, thread


def archive_of(count: int) -> list[dict[str, Any]]:
    """Of `count` ids a third is archived, one in ten is gone."""
    return [thread(number, archived=number % 3 == 0) for number in range(1, count + 1) if number % 10 != 5]


@pytest.mark.slow
def test_what_is_not_listed_is_counted_and_looked_up_when_asked(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    tickets = archive_of(100)
    with desk(tickets) as (helpdesk, make):
        run(make(), Selection(pages=None))
        assert "40 ticket numbers between 1 and 100 are not in the list (deleted, merged, spam or archived" in caplog.text
        items = run(make(), Selection(pages=None, archived=True))
        assert [item["ticket_id"] for item in items] == [ticket["id"] for ticket in tickets]
        before, caplog_before = len(helpdesk.calls), len(caplog.messages)
        assert len(run(make(), Selection(pages=None, archived=True))) == len(tickets)
        assert len(helpdesk.calls) - before == 1  # the list; what was found is stored, and what is none is remembered
        run(make(), Selection(pages=None))
        assert not any("--archived looks them up" in message for message in caplog.messages[caplog_before:])


@pytest.mark.slow
def test_a_look_up_that_was_stopped_goes_on() -> None:
    with desk(archive_of(100)) as (helpdesk, make):
        made, count = make(), [0]

        def stop_after_thirty(call: Callable[[], Any]) -> Any:
            count[0] += 1
            if count[0] > 30:
                raise KeyboardInterrupt
            return at_once(call)

        with pytest.raises(KeyboardInterrupt):
            ticket_source.list_tickets(Selection(pages=None, archived=True), made, stop_after_thirty)
        before = len(helpdesk.calls)
        assert len(run(make(), Selection(pages=None, archived=True))) == 90
        archived = [call.target for call in helpdesk.calls[before:] if "archived" in call.target and "conversations" not in call.target]
        assert len(archived) <= 40 - 20


def test_a_plan_without_an_archive_says_so_after_one_call() -> None:
    with desk(archive_of(30), has_archive=False) as (helpdesk, make):
        listed = ticket_source.list_tickets(Selection(pages=None, archived=True), make(), at_once)
        assert listed.gaps == ("incomplete: this plan of Freshdesk has no archive that can be read; leave --archived out",)
        assert len(helpdesk.calls) == 2


def test_a_note_of_another_helpdesk_or_of_nonsense_counts_for_nothing() -> None:
    archive = Archive(Path(".cache"), "https://acme.freshdesk.com")
    Path(".cache").mkdir()
    for text in ("", "[]", "{", '{"https://other.freshdesk.com": [[1, 9]]}', '{"https://acme.freshdesk.com": "x"}'):
        Path(".cache/not_archived.json").write_text(text, encoding="utf-8")
        assert archive.unseen(frozenset({1, 4})) == [2, 3]
    Path(".cache/not_archived.json").write_text('{"https://acme.freshdesk.com": [[1, 2]]}', encoding="utf-8")
    assert archive.unseen(frozenset({1, 4})) == [3]
    assert archive.unseen(frozenset({1, 2**62})) == []
