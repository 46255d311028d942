"""Listing every ticket that a query matches, past the API's 300, or saying what could not be listed."""

import datetime
import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from common.errors import Stopped
from data_fetcher import FreshdeskClient, TicketListing, fetch_resolved_ticket_ids
from demo import helpdesk_api
from demo.helpdesk import Helpdesk, HelpdeskOptions
from demo.helpdesk_api import Answer
from demo.query_language import parse_query
from freshdesk import search_query
from freshdesk.client import NoReply
from freshdesk.listing import parse_instant, search_page
from freshdesk.search_query import DAY_BOUNDS, Window

DAY = "2024-03-05"
SEARCH = "https://acme.freshdesk.com/api/v2/search/tickets"


def ticket(number: int, created_at: str, **fields: Any) -> dict[str, Any]:
    values = {"status": 5, "priority": 1, "type": None, "group_id": None, "responder_id": None, "subject": f"ticket {number}"}
    return values | {"id": number, "created_at": created_at, "updated_at": created_at} | fields


def on_day(count: int, day: str = DAY, *, first: int = 1, **fields: Any) -> list[dict[str, Any]]:
    return [ticket(first + number, f"{day}T{number % 24:02d}:{number % 60:02d}:01Z", **fields) for number in range(count)]


def spread(count: int, *, days: int = 900, seed: int = 1) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    start = datetime.datetime(2023, 1, 1, tzinfo=datetime.timezone.utc)
    moments = (start + datetime.timedelta(seconds=draw.randrange(days * 86_400)) for _ in range(count))
    return [ticket(number, moment.isoformat(), status=draw.choice((4, 5))) for number, moment in enumerate(moments, 1)]


@contextmanager
def desk(tickets: list[dict[str, Any]], **options: Any) -> Iterator[tuple[Helpdesk, FreshdeskClient]]:
    helpdesk = Helpdesk(tickets, options=HelpdeskOptions(api_key="k", **options))
    with helpdesk as url:
        yield helpdesk, FreshdeskClient(base_url=url, api_key="k")
    assert all(call.status != 400 for call in helpdesk.calls), "page 11, a query too long or of no sense was asked for"


def list_all(client: FreshdeskClient, **options: Any) -> TicketListing:
    return fetch_resolved_ticket_ids(None, client=client, **options)


SIZES = {
    "none": [],
    "one": on_day(1),
    "thirty": on_day(30),
    "three hundred": on_day(300),
    "three hundred and one over days": spread(301),
    "seven hundred over years": spread(700),
    "seven hundred over two days": [row | {"priority": 1 + row["id"] % 4} for row in spread(700, days=2)],
    "at midnight on neighbouring days": [
        ticket(number, f"2024-03-{5 + number % 3:02d}T00:00:00Z", priority=1 + number % 4) for number in range(1, 700)
    ],
    "two full days side by side": on_day(299, "2024-03-05") + on_day(299, "2024-03-06", first=1000),
}


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"whole_day_end": False}, {"shuffle_seed": 3}], ids=["whole day", "first instant", "any order"])
@pytest.mark.parametrize("tickets", SIZES.values(), ids=SIZES)
def test_every_ticket_is_listed_once(tickets: list[dict[str, Any]], options: dict[str, Any]) -> None:
    with desk(tickets, **options) as (_, client):
        listing = list_all(client)
    assert sorted(listing) == [row["id"] for row in tickets]
    assert (listing.total, listing.gaps) == (len(tickets), ())


def test_where_a_days_beginning_is_left_out_the_windows_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    def strict(query: str, **options: Any) -> Any:
        return parse_query(
            re.sub(r":>'([^']*)'", lambda match: f":>'{datetime.date.fromisoformat(match[1]) + search_query.DAY}'", query), **options
        )

    monkeypatch.setattr(helpdesk_api, "parse_query", strict)
    with desk(spread(700)) as (_, client):
        listing = list_all(client)
    assert (len(listing), listing.gaps) == (700, ())


@pytest.mark.slow
def test_listing_many_takes_few_calls_more_than_their_pages() -> None:
    with desk(spread(2000)) as (helpdesk, client):
        assert len(list_all(client)) == 2000
        assert len(helpdesk.calls) < 2 * 2000 / 30


def mixed(count: int) -> list[dict[str, Any]]:
    draw = random.Random(2)
    kinds = (None, "Question", "How to", "Bug report")
    return [
        row | {"type": draw.choice(kinds), "group_id": draw.choice((None, 11, 12)), "responder_id": draw.choice((None, 21, 22, 23))}
        for row in on_day(count)
    ]


FULL_DAYS = {
    "by priority": [row | {"priority": 1 + row["id"] % 4} for row in on_day(800)],
    "by status": [row | {"status": 4 + row["id"] % 2} for row in on_day(590)],
    "by type, group and agent": mixed(1200),
    "by the day of the last update": [row | {"updated_at": f"2024-03-{5 + row['id'] % 9:02d}T12:00:00Z"} for row in on_day(600)],
}


@pytest.mark.slow
@pytest.mark.parametrize("tickets", FULL_DAYS.values(), ids=FULL_DAYS)
def test_a_day_too_full_is_split_by_its_fields(tickets: list[dict[str, Any]]) -> None:
    with desk(tickets, shuffle_seed=5) as (_, client):
        listing = list_all(client)
    assert len(set(listing)) == len(listing) == len(tickets)
    assert listing.gaps == ()


GAPS = {
    "nothing tells them apart": (on_day(312), 300, f"incomplete: 12 of 312 of {DAY} could not be listed"),
    "a value that the language cannot write": (
        on_day(290) + on_day(310, first=1000, type="it's broken"),
        446,  # the 290 without a type, and those of the others that the first ten pages show
        f"incomplete: 154 of 600 of {DAY} could not be listed",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("tickets", "listed", "gap"), GAPS.values(), ids=GAPS)
def test_what_cannot_be_listed_is_counted_and_named(tickets: list[dict[str, Any]], listed: int, gap: str) -> None:
    with desk(tickets) as (_, client):
        listing = list_all(client)
    assert (len(listing), listing.total, listing.gaps) == (listed, len(tickets), (gap,))


def test_a_helpdesk_that_heeds_no_days_of_update_still_ends_with_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def deaf(query: str, **options: Any) -> Any:
        return parse_query(re.sub(r" AND updated_at:[<>]'[^']*'", "", query), **options)

    monkeypatch.setattr(helpdesk_api, "parse_query", deaf)
    with desk(on_day(312) + on_day(20, "2023-01-01", first=1000)) as (_, client):
        listing = list_all(client)
    assert (len(listing), listing.gaps) == (320, (f"incomplete: 12 of 312 of {DAY} could not be listed",))


def test_a_condition_that_the_helpdesk_does_not_take_costs_no_other_ticket(mocked: responses.RequestsMock) -> None:
    helpdesk = Helpdesk(on_day(400), options=HelpdeskOptions(api_key="k"))

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        if re.search("agent_id|group_id|updated_at", request.url):
            return 400, {}, '{"description": "Validation failed"}'
        reply = helpdesk.answer(request.path_url, request.headers["Authorization"], "acme.freshdesk.com")
        return reply.status, dict(reply.headers), json.dumps(reply.value)

    mocked.add_callback("GET", SEARCH, callback=answer)
    listing = list_all(new_client())
    gap = f"incomplete: 100 of 400 of {DAY} could not be listed (the helpdesk does not take the narrowed query)"
    assert (len(listing), listing.gaps) == (300, (gap,))


def test_a_query_too_long_to_be_narrowed_lists_what_it_can_and_says_so() -> None:
    query = "status:5 OR " + " OR ".join(f"group_id:{number}" for number in range(10**7, 10**7 + 22))
    assert 430 < len(query) <= 512
    with desk(on_day(400)) as (_, client):
        listing = list_all(client, query=query)
    assert len(listing) == 300
    assert listing.gaps == ("incomplete: 100 of 400 of the search could not be listed (the query is too long to be narrowed)",)


def test_pages_beyond_ten_go_on_with_windows_up_to_their_number() -> None:
    with desk(spread(900)) as (helpdesk, client):
        listing = fetch_resolved_ticket_ids(12, client=client)
        assert (len(listing), listing.total, listing.gaps) == (360, 900, ())
        assert len(helpdesk.calls) < 60


def test_five_pages_of_many_are_five_calls() -> None:
    with desk(spread(900)) as (helpdesk, client):
        listing = fetch_resolved_ticket_ids(5, client=client)
        assert (len(listing), listing.total, listing.gaps, len(helpdesk.calls)) == (150, 900, (), 5)


class ShiftingDesk(Helpdesk):
    """A ticket is taken away and another comes, right after the first page was shown."""

    def answer(self, target: str, authorization: str, host: str) -> Answer:
        reply = super().answer(target, authorization, host)
        if len(self.calls) == 1:
            del self.tickets[max(self.tickets)]
        return reply


def test_a_ticket_that_moves_between_pages_is_neither_doubled_nor_dropped() -> None:
    with ShiftingDesk(on_day(95), options=HelpdeskOptions(api_key="k")) as url:
        listing = list_all(FreshdeskClient(base_url=url, api_key="k"))
    assert set(listing) >= set(range(1, 95))
    assert len(set(listing)) == len(listing)
    assert listing.gaps == ()


# --- answers that are none -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def mocked(no_sleep: list[float]) -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def new_client() -> FreshdeskClient:
    return FreshdeskClient(base_url="https://acme.freshdesk.com", api_key="k")


def result(number: int, created_at: str = f"{DAY}T10:00:00Z") -> dict[str, Any]:
    return {"id": number, "status": 5, "created_at": created_at}


NO_PAGES: dict[str, Any] = {
    "no total": {"results": []},
    "a total in words": {"total": "many", "results": []},
    "a total that is true": {"total": True, "results": []},
    "a negative total": {"total": -1, "results": []},
    "no results": {"total": 3},
    "results that are none": {"total": 3, "results": {"a": 1}},
}


@pytest.mark.parametrize("value", NO_PAGES.values(), ids=NO_PAGES)
def test_an_answer_of_another_form_is_no_page(mocked: responses.RequestsMock, value: Any) -> None:
    mocked.get(SEARCH, json=value)
    with pytest.raises(NoReply):
        search_page(new_client(), "status:5", 1)
    with pytest.raises(Stopped, match="the search does not work"):
        list_all(new_client())


def test_results_without_a_usable_id_are_left_out_and_missed(mocked: responses.RequestsMock) -> None:
    mocked.get(SEARCH, json={"total": 4, "results": [result(1), {"id": "2"}, None, {"id": None}]})
    listing = list_all(new_client())
    assert list(listing) == [1]
    assert listing.gaps == ("incomplete: 3 of 4 of the search could not be listed",)


@pytest.mark.parametrize("total", [301, 10**9], ids=str)
def test_a_search_that_shows_the_same_for_ever_ends_and_says_so(mocked: responses.RequestsMock, total: int) -> None:
    mocked.get(SEARCH, json={"total": total, "results": [result(number) for number in range(1, 31)]})
    listing = list_all(new_client())
    assert len(listing) == 30
    assert listing.gaps == (f"incomplete: nothing new for 150 search pages in a row; left at 30 of {total} tickets",)
    assert len(mocked.calls) < 160


def test_a_search_that_counts_many_and_shows_none_ends_and_says_so(mocked: responses.RequestsMock) -> None:
    mocked.get(SEARCH, json={"total": 10**9, "results": []})
    listing = list_all(new_client())
    assert (len(listing), len(listing.gaps)) == (0, 1)
    assert len(mocked.calls) < 160


def test_a_day_that_is_garbage_for_ever_is_a_gap_and_the_others_are_listed(mocked: responses.RequestsMock) -> None:
    tickets = [*on_day(250, "2024-03-05"), *on_day(250, "2024-03-06", first=1000), *on_day(9, "2024-03-08", first=2000)]
    helpdesk = Helpdesk(tickets, options=HelpdeskOptions(api_key="k"))

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        bounds = re.findall(r"created_at:[<>]'([^']*)'", parse_qs(urlsplit(request.url).query)["query"][0])
        if bounds and bounds[0] <= "2024-03-06" <= bounds[1]:
            return 200, {}, "<html>"
        reply = helpdesk.answer(request.path_url, request.headers["Authorization"], "acme.freshdesk.com")
        return reply.status, dict(reply.headers), json.dumps(reply.value)

    mocked.add_callback("GET", SEARCH, callback=answer)
    listing = list_all(new_client())
    assert sorted(set(listing) & set(range(1000))) == list(range(1, 251))
    assert listing.gaps[0].startswith("incomplete: 2024-03-06 could not be listed (page 1: no usable reply after 5 tries")
    assert listing.gaps[1] == f"incomplete: {509 - len(listing)} of 509 of the search could not be listed"


# --- windows ---------------------------------------------------------------------------------------------------------------------------


def test_a_window_is_written_with_the_bounds_that_show_its_days() -> None:
    first, last = datetime.date(2024, 3, 1), datetime.date(2024, 3, 31)
    texts = [Window("status:4 OR status:5", first, last, bounds).text() for bounds in DAY_BOUNDS]
    assert texts == [
        "(status:4 OR status:5) AND created_at:>'2024-03-01' AND created_at:<'2024-03-31'",
        "(status:4 OR status:5) AND created_at:>'2024-03-01' AND created_at:<'2024-04-01'",
        "(status:4 OR status:5) AND created_at:>'2024-02-29' AND created_at:<'2024-04-01'",
    ]


@pytest.mark.parametrize("days", [2, 3, 31, 365])
def test_halves_cover_every_day_once(days: int) -> None:
    first = datetime.date(2024, 2, 27)
    whole = Window("q", first, first + (days - 1) * search_query.DAY, DAY_BOUNDS[0])
    later, earlier = whole.halves()
    assert (earlier.first, later.last) == (whole.first, whole.last)
    assert later.first == earlier.last + search_query.DAY
    assert earlier.first <= earlier.last
    assert later.first <= later.last


@pytest.mark.parametrize("value", [None, 7, "", "yesterday", "2024-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", True], ids=repr)
def test_what_is_no_time_is_none(value: Any) -> None:
    assert parse_instant(value) is None
