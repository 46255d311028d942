"""Tickets and their whole threads: paging, archive, refusals, faults, limits, and where the key may go."""

import base64
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import responses

import data_fetcher
from common.errors import TicketFailed, Unusable
from data_fetcher import fetch_agent_names, fetch_archived, fetch_listed, fetch_resolved_ticket_ids, fetch_ticket
from demo.helpdesk_api import Answer
from demo.labelled_files import as_ticket
from freshdesk.client import FreshdeskClient
from testing.helpdesk import DEFAULT_KEY, Helpdesk

KEY = "the-secret-key"
ENCODED_KEY = base64.b64encode(f"{KEY}:X".encode()).decode()
URL = "https://acme.freshdesk.com"
API = f"{URL}/api/v2"


def ticket(number: int, *, messages: int = 0, **fields: Any) -> dict[str, Any]:
    rows = [{"speaker": "user", "text": f"opening of {number}"}]
    rows += [{"speaker": "agent", "text": f"message {position}"} for position in range(1, messages + 1)]
    return as_ticket({"id": number, "subject": f"ticket {number}", "messages": rows}, position=number) | fields


@contextmanager
def desk(tickets: list[dict[str, Any]], **options: Any) -> Iterator[tuple[Helpdesk, FreshdeskClient]]:
    helpdesk = Helpdesk(tickets, api_key=KEY, **options)
    with helpdesk as url:
        yield helpdesk, FreshdeskClient(base_url=url, api_key=KEY, rate_window_s=options.get("window_s", 60.0))


def new_client() -> FreshdeskClient:
    return FreshdeskClient(base_url=URL, api_key=KEY)


def paths(helpdesk: Helpdesk) -> list[str]:
    return [urlsplit(call.target).path.removeprefix("/api/v2/") for call in helpdesk.calls]


# --- what is asked for -----------------------------------------------------------------------------------------------------------------


def test_the_search_is_asked_with_its_double_quotes_encoded_once(mocked: responses.RequestsMock) -> None:
    mocked.get(f"{API}/search/tickets", json={"total": 0, "results": []})
    fetch_resolved_ticket_ids(client=new_client())
    assert mocked.calls[0].request.url == f"{API}/search/tickets?query=%22status%3A4+OR+status%3A5%22&page=1"


def test_a_ticket_is_asked_with_its_conversations(mocked: responses.RequestsMock) -> None:
    mocked.get(f"{API}/tickets/7", json={"id": 7, "conversations": []})
    fetch_ticket(7, client=new_client())
    assert mocked.calls[0].request.url == f"{API}/tickets/7?include=conversations%2Crequester%2Cstats"
    assert mocked.calls[0].request.headers["Authorization"] == f"Basic {ENCODED_KEY}"


@pytest.mark.parametrize("value", [0, -1, 2**63, True, "7", "7/../8", 1.0, None], ids=repr)
def test_an_id_that_is_none_reaches_no_url(mocked: responses.RequestsMock, value: Any) -> None:
    with pytest.raises(TicketFailed):
        fetch_ticket(value, client=new_client())
    assert not mocked.calls


# --- the listing -----------------------------------------------------------------------------------------------------------------------


def test_of_all_statuses_only_resolved_and_closed_are_listed_whatever_the_search_shows(mocked: responses.RequestsMock) -> None:
    results = [{"id": number, "status": number, "subject": None, "created_at": "2025-01-01T00:00:00Z"} for number in (2, 3, 4, 5, 6)]
    mocked.get(f"{API}/search/tickets", json={"total": 5, "results": results})
    listing = fetch_resolved_ticket_ids(client=new_client())
    assert list(listing) == [4, 5]
    assert (len(listing), listing.total, listing.gaps) == (2, 2, ())
    assert list(fetch_resolved_ticket_ids(query="status:>1", client=new_client())) == [2, 3, 4, 5, 6]


def test_the_listing_is_ordered_by_the_instant_of_creation_then_id(mocked: responses.RequestsMock) -> None:
    times = {1: "2025-01-01T12:00:00Z", 2: "2025-01-01T13:30:00+02:00", 3: None, 5: "2025-01-01T11:30:00Z", 4: "2025-01-01T11:30:00Z"}
    results = [{"id": number, "status": 5, "created_at": created} for number, created in times.items()]
    mocked.get(f"{API}/search/tickets", json={"total": 5, "results": results})
    assert list(fetch_resolved_ticket_ids(client=new_client())) == [2, 4, 5, 1, 3]


@pytest.mark.parametrize(("pages", "listed", "calls"), [(1, 30, 1), (2, 60, 2), (5, 95, 4), (10, 95, 4), (None, 95, 1), (11, 95, 1)])
def test_pages_are_a_ceiling_and_the_search_ends_when_there_are_no_more(pages: int | None, listed: int, calls: int) -> None:
    with desk([ticket(number) for number in range(1, 96)]) as (helpdesk, client):
        listing = fetch_resolved_ticket_ids(pages, client=client)
        assert (len(listing), listing.total, len(helpdesk.calls)) == (listed, 95, calls)


def test_since_lists_what_changed_on_its_day_or_later_whenever_it_was_opened() -> None:
    stamps = ["2025-06-29T10:00:00Z", "2025-06-30T23:59:59Z", "2025-07-01T00:00:00Z", "2025-07-01T23:00:00Z", "2025-08-01T00:00:00Z"]
    tickets = [ticket(number, created_at="2025-01-01T00:00:00Z", updated_at=stamp) for number, stamp in enumerate(stamps, 1)]
    with desk(tickets) as (_, client):
        assert list(fetch_resolved_ticket_ids(None, since="2025-07-01", client=client)) == [3, 4, 5]


def test_pages_since_a_day_are_the_first_so_many_by_date_of_change() -> None:
    tickets = [ticket(number, updated_at=f"2025-07-{1 + number // 20:02d}T10:00:00Z") for number in range(1, 241)]
    with desk(tickets) as (_, client):
        listing = fetch_resolved_ticket_ids(2, since="2025-07-02", client=client)
        assert (sorted(listing), listing.total) == (list(range(20, 80)), None)


def test_a_since_that_lies_in_the_future_by_freshdesks_clock_is_refused(mocked: responses.RequestsMock) -> None:
    mocked.get(f"{API}/tickets", json=[], headers={"Date": "Thu, 26 Nov 2026 09:00:00 GMT"})
    with pytest.raises(Unusable, match="--since 2026-11-27 lies in the future: by Freshdesk's clock it is 2026-11-26"):
        fetch_resolved_ticket_ids(None, since="2026-11-27", client=new_client())
    assert list(fetch_resolved_ticket_ids(None, since="2026-11-26", client=new_client())) == []


def test_a_query_shows_three_hundred_and_counts_the_rest() -> None:
    with desk([ticket(number) for number in range(1, 412)]) as (helpdesk, client):
        listing = fetch_resolved_ticket_ids(None, query="status:5", client=client)
        assert (len(listing), listing.total) == (300, 411)
        assert listing.gaps == ("incomplete: 111 of 411 of the search lie beyond the 300 that a search shows",)
        assert len(helpdesk.calls) == 10
        assert fetch_resolved_ticket_ids(2, query="status:5", client=client).gaps == ()


def test_the_statuses_that_count_can_be_others(caplog: pytest.LogCaptureFixture) -> None:
    with desk([ticket(number, status=number) for number in range(2, 9)]) as (_, client):
        assert list(fetch_resolved_ticket_ids(None, statuses=(5, 7, 99), client=client)) == [5, 7]
        assert "no ticket listed has status 99 (FRESHDESK_STATUSES)" in caplog.text
        assert list(fetch_resolved_ticket_ids(5, statuses=(4, 8), client=client)) == [4, 8]


def test_a_key_that_sees_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with desk([]) as (_, client):
        assert list(fetch_resolved_ticket_ids(None, client=client)) == []
    assert "the key sees no ticket at all; see Admin > Agents" in caplog.text


@pytest.mark.parametrize("since", ["yesterday", "2025-02-30", "20250701", "2025-07-01T00:00:00Z", ""])
def test_a_since_that_is_no_date_is_refused_without_a_call(mocked: responses.RequestsMock, since: str) -> None:
    with pytest.raises(Unusable, match="YYYY-MM-DD"):
        fetch_resolved_ticket_ids(since=since, client=new_client())
    assert not mocked.calls


def test_a_query_replaces_the_statuses_whole_and_may_bring_its_quotes() -> None:
    with desk([ticket(1, status=2), ticket(2), ticket(3, tags=["vip"])]) as (_, client):
        assert list(fetch_resolved_ticket_ids(query="status:2", client=client)) == [1]
        assert list(fetch_resolved_ticket_ids(query="\"tag:'vip'\"", client=client)) == [3]


def test_a_refused_query_shows_the_apis_own_words() -> None:
    with desk([ticket(1)]) as (helpdesk, client):
        with pytest.raises(Unusable, match="Validation failed; query colour: is not a field"):
            fetch_resolved_ticket_ids(query="colour:3", client=client)
        assert len(helpdesk.calls) == 1


@pytest.mark.parametrize("query", ["", "  ", '""', "x" * 513], ids=["empty", "blank", "quotes", "too long"])
def test_a_query_that_cannot_be_one_is_refused_without_a_call(mocked: responses.RequestsMock, query: str) -> None:
    with pytest.raises(Unusable):
        fetch_resolved_ticket_ids(query=query, client=new_client())
    assert not mocked.calls


def test_what_was_found_is_logged_without_control_characters(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with desk([ticket(1, subject="red\x1b[31m\nbell\x07 \u202eback"), ticket(2, subject=None)]) as (_, client):
        fetch_resolved_ticket_ids(client=client)
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("ticket ")]
    assert lines == ["ticket 1, status 5: red [31m bell   back", "ticket 2, status 5: "]


# --- one ticket ------------------------------------------------------------------------------------------------------------------------

CREDITS = {0: 1, 1: 1, 9: 1, 10: 2, 11: 2, 30: 3, 31: 2, 99: 2, 100: 3, 101: 3, 130: 3, 230: 4}


@pytest.mark.parametrize("shuffle_seed", [None, 1], ids=["in order", "in any order"])
@pytest.mark.parametrize(("count", "calls"), CREDITS.items(), ids=[f"{count} messages" for count in CREDITS])
def test_a_thread_is_whole_in_order_and_has_nothing_twice(count: int, calls: int, shuffle_seed: int | None) -> None:
    with desk([ticket(1, messages=count)], shuffle_seed=shuffle_seed) as (helpdesk, client):
        texts = [message["body_text"] for message in fetch_ticket(1, client=client)["conversations"]]
        assert texts == [f"message {position}" for position in range(1, count + 1)]
        assert len(helpdesk.calls) == calls


# --- from list pages -------------------------------------------------------------------------------------------------------------------


def changes(tickets: list[dict[str, Any]]) -> dict[int, str]:
    return {row["id"]: row["updated_at"] for row in tickets}


def spent(helpdesk: Helpdesk) -> int:
    return sum(call.credits for call in helpdesk.calls)


@pytest.mark.parametrize("messages", [0, 9, 12, 130])
def test_by_list_or_by_view_a_ticket_is_the_same(messages: int) -> None:
    tickets = [ticket(number, messages=messages, requester={"id": 7_000_001, "name": "Ann"}) for number in range(1, 13)]
    with desk(tickets) as (_, client):
        listed = fetch_listed(changes(tickets), client=client)
        assert set(listed) == set(range(1, 13))
        for number, row in listed.items():
            assert fetch_ticket(number, client=client, listed=row) == fetch_ticket(number, client=client)


def test_where_the_list_names_no_attachments_the_view_does() -> None:
    tickets = [ticket(number, messages=2, attachments=[{"name": f"{number}.png", "size": 9}]) for number in range(1, 13)]
    with desk(tickets) as (helpdesk, client):
        listed = fetch_listed(changes(tickets), client=client)
        whole = fetch_ticket(3, client=client)
        before = spent(helpdesk)
        row = {name: value for name, value in listed[3].items() if name != "attachments"}
        assert fetch_ticket(3, client=client, listed=row) == whole
        assert spent(helpdesk) - before == 2


@pytest.mark.parametrize(("count", "limit"), [(150, 1.10), (1000, 1.08)])
@pytest.mark.slow
def test_many_new_tickets_cost_little_more_than_their_messages(count: int, limit: float) -> None:
    tickets = [ticket(number, messages=2) for number in range(1, count + 1)]
    with desk(tickets) as (helpdesk, client):
        listed = fetch_listed(changes(tickets), client=client)
        assert all(len(fetch_ticket(number, client=client, listed=listed.get(number))["conversations"]) == 2 for number in changes(tickets))
        assert spent(helpdesk) <= limit * count


def test_what_stands_far_apart_is_left_to_the_view() -> None:
    tickets = [ticket(number) for number in range(1, 2001)]
    wanted = dict(list(changes(tickets).items())[::500]) | dict(list(changes(tickets).items())[1900:])
    with desk(tickets) as (helpdesk, client):
        listed = fetch_listed(wanted, client=client)
        assert set(range(1902, 2000)) <= set(listed) <= set(wanted)
        assert spent(helpdesk) <= 3 * 7


def test_few_tickets_and_those_without_a_time_are_left_to_the_view(mocked: responses.RequestsMock) -> None:
    assert fetch_listed({1: "2025-01-01T00:00:00Z", 2: "2025-01-01T00:00:00Z", 3: "", 4: ""}, client=new_client()) == {}
    assert not mocked.calls


def test_tickets_of_one_second_more_than_a_page_and_times_at_the_end_of_time_end() -> None:
    tickets = [ticket(number, updated_at="2025-01-01T00:00:00Z") for number in range(1, 251)]
    with desk([*tickets, *(ticket(number, updated_at="9999-12-31T23:59:59Z") for number in range(900, 1100))]) as (_, client):
        assert len(fetch_listed(changes(tickets) | dict.fromkeys(range(900, 1100), "9999-12-31T23:59:59Z"), client=client)) >= 200


def test_a_list_that_does_not_work_leaves_all_to_the_view(mocked: responses.RequestsMock, no_sleep: list[float]) -> None:
    mocked.get(f"{API}/tickets", status=403)
    assert fetch_listed(dict.fromkeys(range(1, 9), "2025-01-01T00:00:00Z"), client=new_client()) == {}


def test_an_archived_ticket_is_found_or_not_and_a_plan_without_archive_is_known() -> None:
    with desk([ticket(1, messages=3, archived=True), ticket(2)]) as (_, client):
        found = fetch_archived(1, client=client)
        assert found is not None
        assert len(found["conversations"]) == 3
        assert fetch_archived(2, client=client) is None
        assert client.archive_refused is False
    with desk([ticket(1, archived=True)], has_archive=False) as (helpdesk, client):
        assert fetch_archived(1, client=client) is None
        assert client.archive_refused is True
        assert fetch_archived(2, client=client) is None
        assert len(helpdesk.calls) == 1


# --- threads ---------------------------------------------------------------------------------------------------------------------------


def message(number: int | None, created_at: Any = None) -> dict[str, Any]:
    return {"id": number, "body": f"<p>{number}</p>", "created_at": created_at}


def test_messages_repeated_over_page_borders_or_without_id_come_once(mocked: responses.RequestsMock) -> None:
    first = [message(number, f"2025-01-01T{number % 24:02d}:00:00Z") for number in range(1, 101)]
    mocked.get(f"{API}/tickets/1", json={"id": 1, "conversations": first[:10]})
    nameless = message(None, "2025-01-02T12:00:00+02:00")
    second = [*first[95:], message(101, "2025-01-03T00:00:00Z"), nameless, nameless, message(102), None, 7]
    mocked.get(f"{API}/tickets/1/conversations", json=first)
    mocked.get(f"{API}/tickets/1/conversations", json=second)
    found = fetch_ticket(1, client=new_client())["conversations"]
    assert len(found) == 103
    assert [row["id"] for row in found[-4:]] == [95, None, 101, 102]


@pytest.mark.parametrize("conversations", [None, "none", {}, 5], ids=repr)
def test_a_ticket_without_a_list_of_messages_has_them_read(mocked: responses.RequestsMock, conversations: Any) -> None:
    mocked.get(f"{API}/tickets/1", json={"id": 1, "conversations": conversations})
    mocked.get(f"{API}/tickets/1/conversations", json=[message(5)])
    assert [row["id"] for row in fetch_ticket(1, client=new_client())["conversations"]] == [5]


def test_a_server_that_heeds_no_per_page_is_read_to_the_end(mocked: responses.RequestsMock) -> None:
    rows = [message(number) for number in range(1, 41)]
    mocked.get(f"{API}/tickets/1", json={"id": 1, "conversations": rows[:10]})
    mocked.get(f"{API}/tickets/1/conversations", json=rows[:30])
    mocked.get(f"{API}/tickets/1/conversations", json=rows[30:])
    assert len(fetch_ticket(1, client=new_client())["conversations"]) == 40


def test_a_next_link_to_another_host_is_not_followed(mocked: responses.RequestsMock) -> None:
    rows = [message(number) for number in range(1, 51)]
    mocked.get(f"{API}/tickets/1", json={"id": 1, "conversations": rows[:10]})
    mocked.get(f"{API}/tickets/1/conversations", json=rows[:40], headers={"Link": '<https://evil.example/x?page=2>; rel="next"'})
    mocked.get(f"{API}/tickets/1/conversations", json=rows[40:])
    assert len(fetch_ticket(1, client=new_client())["conversations"]) == 50
    assert {urlsplit(str(call.request.url)).netloc for call in mocked.calls} == {"acme.freshdesk.com"}


NEXT = {"Link": f'<{API}/x?page=2>; rel="next"'}


def test_messages_that_repeat_one_page_end_with_a_word(mocked: responses.RequestsMock) -> None:
    mocked.get(f"{API}/tickets/1", json={"id": 1, "conversations": [message(number) for number in range(10)]})
    mocked.get(f"{API}/tickets/1/conversations", json=[message(number) for number in range(50)], headers=NEXT)
    with pytest.raises(TicketFailed, match="ticket 1: the helpdesk repeats page 1"):
        fetch_ticket(1, client=new_client())


def test_messages_without_end_end_with_a_word(mocked: responses.RequestsMock) -> None:
    count = iter(range(10**6))
    mocked.get(f"{API}/tickets/1", json={"id": 1, "conversations": None})
    mocked.add_callback("GET", f"{API}/tickets/1/conversations", callback=lambda _request: (200, NEXT, json.dumps([message(next(count))])))
    with pytest.raises(TicketFailed, match="do not end after 200 pages"):
        fetch_ticket(1, client=new_client())


def test_an_archived_ticket_is_read_from_its_own_path_with_its_whole_thread() -> None:
    with desk([ticket(1, messages=120, archived=True)]) as (helpdesk, client):
        found = fetch_ticket(1, client=client)
        assert (found["archived"], len(found["conversations"])) == (True, 120)
        assert paths(helpdesk) == ["tickets/1", "tickets/archived/1", *["tickets/archived/1/conversations"] * 2]


def test_a_plan_without_an_archive_is_asked_for_it_once() -> None:
    with desk([], has_archive=False) as (helpdesk, client):
        for number in (1, 2, 3):
            with pytest.raises(TicketFailed, match="HTTP 404"):
                fetch_ticket(number, client=client)
        assert paths(helpdesk) == ["tickets/1", "tickets/archived/1", "tickets/2", "tickets/3"]


def test_a_deleted_ticket_comes_as_it_is() -> None:
    with desk([ticket(1, messages=12, deleted=True)]) as (helpdesk, client):
        assert fetch_ticket(1, client=client)["deleted"] is True
        assert len(helpdesk.calls) == 1


def test_a_ticket_that_is_gone_or_forbidden_is_its_own_failure_and_the_run_goes_on() -> None:
    with desk([ticket(1), ticket(2), ticket(3)], forbidden=frozenset({2})) as (_, client):
        with pytest.raises(TicketFailed, match="ticket 9: HTTP 404: no such ticket, nor in the archive"):
            fetch_ticket(9, client=client)
        with pytest.raises(TicketFailed, match="ticket 2: HTTP 403 access_denied: You are not authorized"):
            fetch_ticket(2, client=client)
        assert fetch_ticket(3, client=client)["id"] == 3


@pytest.mark.parametrize("other", [8, None, "7", True, [7]], ids=repr)
def test_another_tickets_answer_is_not_taken(mocked: responses.RequestsMock, other: Any) -> None:
    mocked.get(f"{API}/tickets/7", json={"id": other, "conversations": []})
    with pytest.raises(TicketFailed, match="ticket 7: the helpdesk answered with another ticket"):
        fetch_ticket(7, client=new_client())


def test_the_bare_functions_take_the_client_from_the_environment(mocked: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FRESHDESK_DOMAIN": "acme", "FRESHDESK_API_KEY": KEY, "BATCH_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    for name in ("LLM_API_BASE_URL", "LLM_API_KEY", "LLM_MODEL"):
        monkeypatch.setenv(name, "https://llm.example/v1")
    mocked.get(f"{API}/tickets/1", json={"id": 1, "conversations": []})
    assert data_fetcher.fetch_ticket(1)["id"] == 1


# --- agents ---------------------------------------------------------------------------------------------------------------------------


def names_from(**options: Any) -> tuple[tuple[str, ...], int]:
    """(the names that were read, how many calls it took)."""
    desk = Helpdesk([], **options)
    with desk as base_url:
        names = fetch_agent_names(FreshdeskClient(base_url=base_url, api_key=DEFAULT_KEY))
    return names, len(desk.calls)


def test_all_pages_of_agents_are_read_and_each_name_is_there_once() -> None:
    agents = tuple(f"Agent {number:03}" for number in range(150))
    assert names_from(agents=(*agents, agents[0])) == (agents, 2)


def test_a_key_that_may_not_list_agents_costs_one_call_and_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="data_fetcher"):
        assert names_from(agents=None) == ((), 1)
    assert "agents' names are not hidden" in caplog.text


@pytest.mark.parametrize(
    "agents", [[None], [{}], [{"contact": None}], [{"contact": {"name": None}}], [{"contact": {"name": " "}}], ["x"]], ids=str
)
def test_agents_of_another_form_have_no_names(agents: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.helpdesk_api._page_of", lambda *_, **__: Answer(200, agents))
    assert names_from()[0] == ()
