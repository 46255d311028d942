"""Listing, whatever lies in the account: all resolved and closed tickets, each once, or a loud word that some are missing."""

import datetime
from collections.abc import Mapping
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import data_fetcher
from demo.helpdesk_api import TicketApi
from freshdesk.client import FreshdeskClient, Refused, Reply

FIRST = datetime.datetime(2024, 2, 27, 23, 30, tzinfo=datetime.timezone.utc)


class Account:
    """A helpdesk without sockets."""

    def __init__(self, api: TicketApi) -> None:
        self._api = api
        self.pages: list[int] = []

    def get(self, path: str, *, expect: type, credits: float, params: dict[str, str] | None = None) -> Reply:
        """The reply as the client would give it."""
        self.pages.append(int((params or {})["page"]))
        answer = self._api.answer(f"/api/v2/{path}", params or {}, "http://desk")
        if answer.status != 200:
            raise Refused(answer.status, "", str(answer.value))
        assert isinstance(answer.value, expect)
        return Reply(answer.value, has_next=False)


heaps = st.lists(
    st.tuples(
        st.integers(0, 40),  # days after the first
        st.sampled_from([1, 2, 29, 31, 299, 300, 301, 420]),  # tickets of that heap
        st.sampled_from([2, 4, 5]),  # status
        st.integers(1, 4),  # priority
        st.sampled_from([0, 1, 3600, 86_399]),  # seconds between two of them
    ),
    max_size=5,
)


@pytest.mark.slow
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(heaps=heaps, whole_day_end=st.booleans(), shuffle_seed=st.sampled_from([None, 1]))
def test_every_ticket_is_listed_once_or_said_to_be_missing(
    heaps: list[tuple[int, int, int, int, int]], whole_day_end: bool, shuffle_seed: int | None
) -> None:
    tickets = _tickets(heaps)
    account = Account(TicketApi(tickets, whole_day_end=whole_day_end, shuffle_seed=shuffle_seed))
    listing = data_fetcher.fetch_resolved_ticket_ids(None, client=cast(FreshdeskClient, account))
    wanted = {number for number, ticket in tickets.items() if ticket["status"] in (4, 5)}
    found = list(listing)
    assert len(found) == len(set(found))
    assert set(found) <= wanted
    assert set(found) == wanted or listing.gaps
    assert max(account.pages) <= 10
    order = [(tickets[number]["created_at"], number) for number in found]
    assert order == sorted(order)


def _tickets(heaps: list[tuple[int, int, int, int, int]]) -> Mapping[int, dict[str, Any]]:
    tickets: dict[int, dict[str, Any]] = {}
    for days, count, status, priority, step_s in heaps:
        for place in range(count):
            created = FIRST + datetime.timedelta(days=days, seconds=place * step_s)
            number = 1_000 + (len(tickets) * 7919) % 99_991
            stamp = created.strftime("%Y-%m-%dT%H:%M:%SZ")
            tickets[number] = {
                "id": number, "subject": "s", "status": status, "priority": priority, "type": None, "group_id": None,
                "responder_id": number % 3 or None, "created_at": stamp, "updated_at": stamp,
            }  # fmt: skip
    return tickets
