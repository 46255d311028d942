"""Tickets come from the stored conversations where these count, else from Freshdesk, in the order of the list, read ahead with a bound."""

import contextlib
import shlex
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import data_fetcher
import env
from cli import options
from cli import source as ticket_source
from cli.source import READ_AHEAD, ConversationSource, Selection
from common.errors import Stopped, TicketFailed
from common.pool import WorkerPool, at_once
from demo.labelled_files import as_ticket
from freshdesk.client import FreshdeskClient
from freshdesk.listing import TicketListing, TicketRef
from issue_clusterer import unread
from knowledge.conversation import save_conversation
from knowledge.decision import DecisionRow
from testing.helpdesk import Helpdesk
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

    def fetch(ticket_id: int, *, client: FreshdeskClient | None = None, listed: Any = None) -> dict[str, Any]:
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


def test_a_ticket_that_is_gone_is_a_failure(fetched: list[int]) -> None:
    assert source().read(404) == unread(404, "gone (404)")
    assert fetched == [404]
    assert not FOLDER.exists() or not list(FOLDER.iterdir())


def test_what_ends_the_run_passes_through(fetched: list[int]) -> None:
    with pytest.raises(Stopped, match="refused"):
        list(ticket_source.stream([{"ticket_id": 401}], source(), at_once))
    assert fetched == [401]


def test_named_tickets_are_listed_in_their_order_without_a_search() -> None:
    listed = ticket_source.list_tickets(Selection(ticket_ids=(9, 3, 9)), source(), at_once)
    assert [ticket["ticket_id"] for ticket in listed.tickets] == [9, 3]
    assert (listed.total, listed.gaps) == (None, ())
    assert ticket_source.list_tickets(Selection(ticket_ids=()), source(), at_once).tickets == ()


def test_a_listing_gets_the_selection_and_gives_no_word_of_a_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def search(pages: int | None, **options: Any) -> TicketListing:
        asked.append((pages, options["since"], options["query"], options["statuses"]))
        ref = TicketRef(5, "Lid of Ann Smith", 4, "2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z")
        return TicketListing((ref,), 301, ("two days",))

    monkeypatch.setattr(data_fetcher, "fetch_resolved_ticket_ids", search)
    listed = ticket_source.list_tickets(Selection(pages=None, since="2025-01-01"), source(freshdesk_statuses=(4, 7)), at_once)
    assert asked == [(None, "2025-01-01", None, (4, 7))]
    assert dict(listed.tickets[0]) == {"ticket_id": 5, "updated_at": "2025-02-01T00:00:00Z"}
    assert (listed.total, listed.gaps) == (301, ("two days",))


# --- from a helpdesk -------------------------------------------------------------------------------------------------------------------


def thread(number: int, *, messages: int = 2, **fields: Any) -> dict[str, Any]:
    rows = [{"speaker": "user", "text": f"opening of {number}: mail ann{number}@example.com"}]
    rows += [{"speaker": "agent", "text": f"message {place} for ticket {number}"} for place in range(messages)]
    return as_ticket({"id": number, "subject": f"ticket {number}", "messages": rows}, position=number) | fields


@contextlib.contextmanager
def desk(tickets: list[dict[str, Any]], **options: Any) -> Iterator[tuple[Helpdesk, Callable[..., ConversationSource]]]:
    helpdesk = Helpdesk(tickets, api_key="k", **options)
    with helpdesk as url:

        def make(folder: str = "conversations", **fields: Any) -> ConversationSource:
            client = FreshdeskClient(base_url=url, api_key="k")
            return ConversationSource(replace(SETTINGS, freshdesk_url=url), client, Path(folder), statuses=(4, 5), **fields)

        yield helpdesk, make


def files_of(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def run(made: ConversationSource, selection: Selection) -> list[Any]:
    return list(ticket_source.stream(ticket_source.list_tickets(selection, made, at_once).tickets, made, at_once))


@pytest.mark.slow
def test_by_list_or_by_view_the_conversation_files_are_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.source.secrets.token_hex", lambda size: "5a" * size)  # else each folder has a key of its own
    tickets = [thread(number, messages=number % 14, requester={"name": "Ann Smith"}) for number in range(1, 131)]
    with desk(tickets) as (helpdesk, make):
        run(make("listed"), Selection(pages=None))
        listed = sum(call.credits for call in helpdesk.calls)
        list(ticket_source.stream([{"ticket_id": number} for number in range(1, 131)], make("viewed"), at_once))
        viewed = sum(call.credits for call in helpdesk.calls) - listed
    assert files_of("listed") == files_of("viewed")
    assert len(files_of("listed")) == 130 + 1  # the key that hides whose they are
    assert listed <= 1.15 * 130
    assert viewed >= 4 * 130


@pytest.mark.slow
def test_what_is_stored_is_not_looked_for_on_list_pages() -> None:
    with desk([thread(number) for number in range(1, 121)]) as (helpdesk, make):
        run(make(), Selection(pages=None))
        before = len(helpdesk.calls)
        run(make(), Selection(pages=None))
        assert len(helpdesk.calls) - before == 2


@pytest.mark.parametrize("count", [2, 30], ids=["by view", "by list"])
def test_a_ticket_that_is_open_again_is_left_out_with_a_word_and_not_stored(count: int, caplog: pytest.LogCaptureFixture) -> None:
    with desk([thread(number) for number in range(1, count + 1)]) as (helpdesk, make):
        made = make()
        tickets = ticket_source.list_tickets(Selection(pages=None), made, at_once).tickets
        helpdesk.tickets[2]["status"] = 2
        items = list(ticket_source.stream(tickets, made, at_once))
        assert [item["ignored"] for item in items if not isinstance(item, DecisionRow)].count(None) == count - 1
        assert "ticket 2 is left out: it has status 2 now, so it is open again" in caplog.text
        assert not Path("conversations/2.json").exists()
        helpdesk.tickets[2]["status"] = 5
        assert run(make(), Selection(pages=None))[1]["ignored"] is None


def test_a_named_ticket_is_read_whatever_its_status() -> None:
    with desk([thread(1, status=2)]) as (_, make):
        made = make()
        made.statuses = ()
        assert run(made, Selection(ticket_ids=(1,)))[0]["ignored"] is None


# --- what is shown, and the order --------------------------------------------------------------------------------------------------------


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
@pytest.mark.slow
def test_tickets_come_in_the_order_of_the_list_whoever_is_read_first(workers: int) -> None:
    for number in range(1, 201):
        save_conversation(talk(number, "x"), FOLDER)
    pool = WorkerPool(workers, name="test")
    try:
        items = list(ticket_source.stream([{"ticket_id": number} for number in range(200, 0, -1)], source(), pool.submit))
    finally:
        pool.close()
    assert [item["ticket_id"] for item in items if not isinstance(item, DecisionRow)] == list(range(200, 0, -1))


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
        data_fetcher, "fetch_ticket", lambda number, client, listed: raw(number) | {"description_text": "As falken said, it leaks."}
    )
    reader = source()
    read = [reader.read(number) for number in (1, 2)]
    assert [item["conversation"][0]["text"] for item in read if not isinstance(item, DecisionRow)] == ["As [NAME_1] said, it leaks."] * 2
    assert len(calls) == 1


def test_agents_are_not_asked_for_where_nothing_is_hidden(fetched: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_fetcher, "fetch_agent_names", lambda client: pytest.fail("asked"))
    assert not isinstance(source(redact=False).read(1), DecisionRow)


@pytest.mark.usefixtures("fetched")
def test_a_conversation_that_vanishes_while_the_run_works_is_noticed() -> None:
    """Else other issues would be offered for later tickets, and nobody would know."""
    reader = source()
    save_conversation(talk(3, "The lid leaks."), FOLDER)
    assert isinstance(reader.read(1), dict)
    assert reader.shown(1, {}) is not None
    assert reader.shown(9, {}) is None, "never there"
    shutil.rmtree(FOLDER)
    with pytest.raises(Stopped, match="conversations lost ticket 1 while the run worked; the same command again"):
        reader.shown(1, {})
    assert source().shown(1, {}) is None, "another run does not know"


@pytest.mark.usefixtures("fetched")
def test_a_conversation_that_vanishes_before_a_run_first_reads_it_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    """Tickets that were decided from a conversation which is gone are named; those that come from elsewhere never had one."""
    decided = {number: DecisionRow(number, "ISSUE-1", "matched", conversation_sha256="ab" if number < 4 else "") for number in range(1, 6)}
    save_conversation(talk(3, "The lid leaks."), FOLDER)
    reader = source()
    reader.take_stock([1, 2, 3, 4, 5, 6], decided)
    assert "2 tickets of the database have no conversation in conversations any more" in caplog.text
    assert "--fetch-only --refresh --ticket-ids 1,2 fetches them again" in caplog.text
    (FOLDER / "3.json").unlink()
    with pytest.raises(Stopped, match="lost ticket 3"):
        reader.shown(3, {})
    assert reader.shown(6, {}) is None
    caplog.clear()
    source().take_stock(
        range(1, 30), {number: DecisionRow(number, "ISSUE-1", "matched", conversation_sha256="ab") for number in range(1, 30)}
    )
    assert "29 tickets" in caplog.text
    assert "--refresh --pages all" in caplog.text


def test_a_conversation_that_was_changed_since_it_was_written_counts_after_a_word(caplog: pytest.LogCaptureFixture) -> None:
    save_conversation(talk(3, "The lid leaks."), FOLDER)
    assert source().stored(3)
    assert not caplog.records
    path = FOLDER / "3.json"
    path.write_text(path.read_text(encoding="utf-8").replace("lid leaks", "lad leaks"), encoding="utf-8")
    for _ in range(2):
        kept = source().stored(3)
        assert kept is not None
        assert kept["conversation"][0]["text"] == "The lad leaks."
    (record,) = caplog.records
    assert "3.json was changed since it was written" in record.message
    path.write_bytes(path.read_bytes()[:-9])
    assert source().shown(3, {}) is None
    assert "fetched again where its ticket is decided, and missing elsewhere" in caplog.text


def test_tickets_that_are_not_solved_yet_are_named_where_they_were_asked_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    statuses = {1: 5, 2: 2, 3: 3, 4: 4, 5: 2}
    monkeypatch.setattr(data_fetcher, "fetch_agent_names", lambda *_, **__: ())
    monkeypatch.setattr(data_fetcher, "fetch_ticket", lambda ticket_id, **_: raw(ticket_id) | {"status": statuses[ticket_id]})
    caplog.set_level("INFO")
    items = list(ticket_source.stream([{"ticket_id": number} for number in statuses], source(), at_once))
    assert len(items) == 5
    assert "3 of them not solved yet (open 2, pending 1): taken because they were asked for" in caplog.text


def test_solved_tickets_are_no_matter_for_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fetched: list[int]
) -> None:
    monkeypatch.setattr(data_fetcher, "fetch_agent_names", lambda *_, **__: ())
    caplog.set_level("INFO")
    list(ticket_source.stream([{"ticket_id": 1}], source(), at_once))
    assert "not solved" not in caplog.text


@pytest.mark.parametrize(
    ("selection", "flags"),
    [
        (Selection(), "--pages 5"),
        (Selection(pages=None, archived=True), "--pages all --archived"),
        (Selection((2, 1), reprocess=True), "--ticket-ids 2,1 --reprocess"),
        (Selection(pages=None, since="2026-01-31"), "--pages all --since 2026-01-31"),
        (Selection(pages=10, query="tag:'a b'"), """--pages 10 --query 'tag:'"'"'a b'"'"''"""),
    ],
    ids=str,
)
def test_the_flags_of_a_selection_ask_for_the_same_again(selection: Selection, flags: str) -> None:
    saved = selection.to_json()
    assert Selection.flags(saved) == flags
    assert options.parse(shlex.split(flags)).selection().to_json() == saved
