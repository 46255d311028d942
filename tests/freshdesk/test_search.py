"""A search over its pages: each ticket once, what is missing counted, never an eleventh page."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
import responses

from common.errors import Stopped, Unusable
from common.web import TransientError
from freshdesk.client import FreshdeskClient
from freshdesk.search import TicketSearch, search_page
from testing.plain_desk import PlainDesk, raw_ticket

SEARCH = "https://acme.freshdesk.com/api/v2/search/tickets"
DAY = "2024-03-05"


def desk_of(count: int, **options: Any) -> PlainDesk:
    tickets = (raw_ticket(number, f"{DAY}T{number % 24:02d}:{number % 60:02d}:01Z") for number in range(1, count + 1))
    return PlainDesk({ticket["id"]: ticket for ticket in tickets}, **options)


def search(desk: Any, *, query: str = "status:5", pages: int = 10) -> TicketSearch:
    done = TicketSearch(cast(FreshdeskClient, desk), query, pages)
    done.run()
    return done


@pytest.mark.parametrize(
    ("count", "pages", "listed", "calls"), [(0, 5, 0, 1), (30, 5, 30, 1), (95, 2, 60, 2), (95, 9, 95, 4), (700, 10, 300, 10)]
)
def test_pages_are_a_ceiling_and_end_when_there_are_no_more(count: int, pages: int, listed: int, calls: int) -> None:
    desk = desk_of(count, options={"shuffle_seed": 3})
    done = search(desk, pages=pages)
    assert (len(done.found), done.total, done.gaps, len(desk.asked)) == (listed, count, [], calls)


def test_a_ticket_that_moves_between_pages_is_neither_doubled_nor_dropped() -> None:
    desk = desk_of(95)

    def take_one_of_the_first_page(call: int) -> None:
        if call == 1:
            del desk.tickets[23]

    desk.before = take_one_of_the_first_page
    done = search(desk)
    assert (set(done.found), done.gaps) == (set(range(1, 96)), [])


def test_a_page_refused_once_is_asked_for_again_and_one_refused_for_good_is_a_gap(no_sleep: list[float]) -> None:
    assert len(search(desk_of(95, refuse=lambda call, _params: call == 2)).found) == 95
    done = search(desk_of(95, refuse=lambda _call, params: params["page"] == "2"))
    assert len(done.found) == 65
    assert done.gaps == ["incomplete: page 2 of the search could not be listed (HTTP 403 access_denied: not now)"]


def test_a_search_that_is_refused_at_once_ends_the_run() -> None:
    with pytest.raises(Stopped, match=r"the search is refused .HTTP 403.*FRESHDESK_DOMAIN"):
        search(desk_of(5, refuse=lambda _call, _params: True))


@pytest.mark.parametrize("query", ["", "  ", "x" * 513], ids=["empty", "blank", "too long"])
def test_a_query_that_cannot_be_one_is_refused_without_a_call(query: str) -> None:
    desk = desk_of(1)
    with pytest.raises(Unusable):
        search(desk, query=query)
    assert desk.asked == []


# --- answers that are none -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def mocked(no_sleep: list[float]) -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def new_client() -> FreshdeskClient:
    return FreshdeskClient(base_url="https://acme.freshdesk.com", api_key="k")


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
    with pytest.raises(TransientError):
        search_page(new_client(), "status:5", 1)
    with pytest.raises(Stopped, match="the search does not work"):
        search(new_client())


def test_results_without_a_usable_id_are_left_out_and_missed(mocked: responses.RequestsMock) -> None:
    mocked.get(SEARCH, json={"total": 4, "results": [{"id": 1, "status": 5}, {"id": "2"}, None, {"id": None}]})
    done = search(new_client())
    assert list(done.found) == [1]
    assert done.gaps == ["incomplete: 3 of 4 of the search could not be listed"]


@pytest.mark.parametrize(("total", "shown"), [(301, 30), (10**9, 30), (10**9, 0)], ids=str)
def test_a_search_that_shows_less_than_it_counts_ends_and_says_so(mocked: responses.RequestsMock, total: int, shown: int) -> None:
    mocked.get(SEARCH, json={"total": total, "results": [{"id": number, "status": 5} for number in range(1, shown + 1)]})
    done = search(new_client())
    assert len(done.found) == shown
    assert done.gaps == [f"incomplete: {300 - shown} of 300 of the search could not be listed"]
    assert len(mocked.calls) <= 20
