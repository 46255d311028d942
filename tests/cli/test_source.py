"""Tickets come from the stored conversations where these count, else from Freshdesk, in the order of the list, read ahead with a bound."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import data_fetcher
import env
from cli import source as ticket_source
from cli.source import READ_AHEAD, ConversationSource, Selection
from clustering.wave import at_once
from common.errors import Stopped, TicketFailed
from common.pool import WorkerPool
from data_fetcher import FreshdeskClient
from issue_clusterer import FetchFailure
from knowledge.conversation import save_conversation
from knowledge.decision import DecisionRow
from testing.scripted_model import talk

SETTINGS = env.Settings("https://acme.freshdesk.com", "k", "https://m", "k", "model")
FOLDER = Path("conversations")


def source(*, refresh: bool = False, **settings: Any) -> ConversationSource:
    changed = replace(SETTINGS, **settings)
    return ConversationSource(changed, FreshdeskClient(base_url=changed.freshdesk_url, api_key="k"), FOLDER, refresh)


def raw(ticket_id: int) -> dict[str, Any]:
    return {
        "id": ticket_id,
        "subject": f"Ticket {ticket_id}",
        "status": 5,
        "source": 1,
        "description_text": "The lid leaks.",
        "created_at": "2025-03-01T08:00:00Z",
        "updated_at": "2025-03-01T09:00:00Z",
        "conversations": [
            {"id": 1, "body_text": "Checked inside.", "private": True, "incoming": False, "created_at": "2025-03-01T08:30:00Z"}
        ],
    }


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The tickets that were asked of Freshdesk."""
    asked: list[int] = []

    def fetch(ticket_id: int, *, client: FreshdeskClient | None = None) -> dict[str, Any]:
        asked.append(ticket_id)
        if ticket_id == 404:
            raise TicketFailed("ticket 404: gone (404)")
        if ticket_id == 401:
            raise Stopped("the key was refused")
        return raw(ticket_id)

    monkeypatch.setattr(data_fetcher, "fetch_ticket", fetch)
    monkeypatch.setattr(data_fetcher, "fetch_agent_names", lambda client: ())
    return asked


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"include_private_notes": False},
        {"redact": False},
        {"ignore_field": "cf_x"},
        {"include_private_notes": False, "ignore_field": "cf_x"},
    ],
    ids=str,
)
def test_what_was_stored_under_the_same_settings_is_not_fetched_again(fetched: list[int], settings: dict[str, Any]) -> None:
    first = source(**settings).read(7)
    assert source(**settings).stored(7) == first == source(**settings).read(7)
    assert fetched == [7]


@pytest.mark.parametrize(
    "settings",
    [{"include_private_notes": False}, {"redact": False}, {"ignore_field": "cf_x"}, {"freshdesk_url": "https://other.freshdesk.com"}],
    ids=str,
)
def test_what_was_stored_under_other_settings_is_fetched_again(fetched: list[int], settings: dict[str, Any]) -> None:
    source().read(7)
    assert source(**settings).stored(7) is None
    source(**settings).read(7)
    assert fetched == [7, 7]


def test_refresh_fetches_once_more_but_not_twice_in_a_run(fetched: list[int]) -> None:
    source().read(7)
    again = source(refresh=True)
    again.read(7)
    again.read(7)
    assert fetched == [7, 7]


def test_a_ticket_that_is_gone_is_a_failure_with_the_subject_of_the_list(fetched: list[int]) -> None:
    assert source().read(404, subject="Lid") == FetchFailure(404, "gone (404)", "Lid")
    assert fetched == [404]
    assert not FOLDER.exists() or not list(FOLDER.iterdir())


def test_what_ends_the_run_passes_through(fetched: list[int]) -> None:
    with pytest.raises(Stopped, match="refused"):
        list(ticket_source.stream([{"ticket_id": 401}], source(), at_once))
    assert fetched == [401]


def test_named_tickets_are_listed_in_their_order_without_a_search() -> None:
    listed = ticket_source.list_tickets(Selection(ticket_ids=(9, 3, 9)), source().client)
    assert [ticket["ticket_id"] for ticket in listed.tickets] == [9, 3]
    assert (listed.total, listed.gaps) == (None, ())
    assert ticket_source.list_tickets(Selection(ticket_ids=()), source().client).tickets == ()


def test_a_search_gets_the_selection_and_gives_what_the_log_and_the_summary_need(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def search(pages: int | None, **options: Any) -> data_fetcher.TicketListing:
        asked.append((pages, options["since"], options["query"]))
        ref = data_fetcher.TicketRef(5, "Lid", 4, "2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z")
        return data_fetcher.TicketListing((ref,), 301, ("two days",))

    monkeypatch.setattr(data_fetcher, "fetch_resolved_ticket_ids", search)
    listed = ticket_source.list_tickets(Selection(pages=None, since="2025-01-01", query="tag:x"), source().client)
    assert asked == [(None, "2025-01-01", "tag:x")]
    assert dict(listed.tickets[0]) == {"ticket_id": 5, "subject": "Lid", "updated_at": "2025-02-01T00:00:00Z"}
    assert (listed.total, listed.gaps) == (301, ("two days",))


@pytest.mark.parametrize(("redact", "subject"), [(True, "Lid of [EMAIL_1]"), (False, "Lid of ann@example.com")])
def test_a_listed_subject_is_stored_as_redacted_as_the_conversation(redact: bool, subject: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = data_fetcher.TicketRef(404, "Lid of ann@example.com", 4, "2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z")
    monkeypatch.setattr(data_fetcher, "fetch_resolved_ticket_ids", lambda *_, **__: data_fetcher.TicketListing((ref,), 1, ()))
    listed = ticket_source.list_tickets(Selection(), source().client, redact=redact)
    assert listed.tickets[0]["subject"] == subject


def test_a_conversation_is_shown_if_its_ticket_was_decided_at_that_address(fetched: list[int]) -> None:
    kept = source(freshdesk_url="http://127.0.0.1:1").read(7)
    moved = source(freshdesk_url="http://127.0.0.1:2")
    assert moved.stored(7) is None
    assert moved.shown(7, {7: DecisionRow(7, "ISSUE-7", "new", url="http://127.0.0.1:1/a/tickets/7")}) == kept
    assert moved.shown(7, {7: DecisionRow(7, "ISSUE-7", "new", url="https://other.freshdesk.com/a/tickets/7")}) is None
    assert moved.shown(7, {7: DecisionRow(7, "ISSUE-7", "new")}) is None
    assert moved.shown(7, {}) is None
    assert fetched == [7]


@pytest.mark.parametrize("workers", [1, 4, 16])
def test_tickets_come_in_the_order_of_the_list_whoever_is_read_first(workers: int) -> None:
    for number in range(1, 201):
        save_conversation(talk(number, "x"), FOLDER)
    pool = WorkerPool(workers, name="test")
    try:
        items = list(ticket_source.stream([{"ticket_id": number} for number in range(200, 0, -1)], source(), pool.submit))
    finally:
        pool.close()
    assert [item["ticket_id"] for item in items if not isinstance(item, FetchFailure)] == list(range(200, 0, -1))


def test_no_more_than_a_bounded_number_is_read_ahead(fetched: list[int]) -> None:
    begun: list[Callable[[], Any]] = []
    lock = threading.Lock()

    def submit(call: Callable[[], Any]) -> Any:
        with lock:
            begun.append(call)
        return at_once(call)

    stream = ticket_source.stream([{"ticket_id": number} for number in range(1_000, 1_500)], source(), submit)
    next(stream)
    assert len(begun) == len(fetched) == READ_AHEAD


def test_agents_are_asked_for_once_a_run_and_hidden_in_every_ticket(fetched: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def names(client: FreshdeskClient) -> tuple[str, ...]:
        calls.append(1)
        return ("Ida Falken",)

    monkeypatch.setattr(data_fetcher, "fetch_agent_names", names)
    monkeypatch.setattr(
        data_fetcher, "fetch_ticket", lambda number, client: raw(number) | {"description_text": "As falken said, it leaks."}
    )
    reader = source()
    read = [reader.read(number) for number in (1, 2)]
    assert [item["conversation"][0]["text"] for item in read if not isinstance(item, FetchFailure)] == ["As [NAME_1] said, it leaks."] * 2
    assert len(calls) == 1


def test_agents_are_not_asked_for_where_nothing_is_hidden(fetched: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_fetcher, "fetch_agent_names", lambda client: pytest.fail("asked"))
    assert not isinstance(source(redact=False).read(1), FetchFailure)
