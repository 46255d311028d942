"""The sample helpdesk: that it speaks Freshdesk's dialect, limits and errors included."""

from testing.helpdesk import load_tickets
from testing.raw_calls import desk, get, ids, search, ticket


def test_a_wrong_key_is_a_401_on_every_path() -> None:
    with desk([ticket(1)]) as (_, url):
        for path in ("tickets", "tickets/1", search('"status:5"')):
            assert get(url, path, key="wrong").status == 401


def test_nothing_can_be_written() -> None:
    with desk([ticket(1)]) as (_, url):
        assert get(url, "tickets/1", method="DELETE").status == 405
        assert get(url, "tickets/1").status == 200


def test_the_sample_tickets_are_served_whole() -> None:
    tickets = load_tickets()
    with desk(tickets) as (_, url):
        for number in ids(tickets)[:3]:
            assert get(url, f"tickets/{number}").status in (200, 404)
