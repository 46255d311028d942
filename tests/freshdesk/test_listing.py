"""Everything that changed is listed once, while tickets move; what could not be is said in words."""

import datetime
import math
import random
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from common.errors import Stopped
from common.times import seconds_of
from common.web import Refusal, Refused, TransientError
from freshdesk import listing
from freshdesk.client import FreshdeskClient, Reply
from freshdesk.listing import ChangedList, by_creation, parse_refs, status_of
from testing.plain_desk import PlainDesk, raw_ticket

START = datetime.datetime(2024, 2, 27, 23, 30, tzinfo=datetime.timezone.utc)
DONE = (4, 5)


def at(seconds: float) -> str:
    return f"{START + datetime.timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def walk(desk: Any, *, wanted: int | None = None, since: str = listing.BEGINNING) -> ChangedList:
    walked = ChangedList(cast(FreshdeskClient, desk), keep=lambda ref: ref.status in DONE, since=since, wanted=wanted)
    walked.run()
    return walked


def desk_of(tickets: list[dict[str, Any]], **options: Any) -> PlainDesk:
    return PlainDesk({ticket["id"]: ticket for ticket in tickets}, **options)


SIZES: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "one": [raw_ticket(1, at(0))],
    "a hundred": [raw_ticket(number, at(number)) for number in range(1, 101)],
    "a hundred and one": [raw_ticket(number, at(number)) for number in range(1, 102)],
    "two thousand on one day": [raw_ticket(number, at(number * 40)) for number in range(1, 2001)],
    "700, of them 320 in one second": [
        raw_ticket(number, at(0 if number < 200 else 100 if number < 520 else number)) for number in range(1, 701)
    ],
    "exactly full pages of one second": [raw_ticket(number, at(number // 100 * 7)) for number in range(100, 600)],
    "with times of another zone": [
        raw_ticket(number, f"2024-03-0{1 + number % 9}T01:00:{number % 60:02d}+02:00") for number in range(1, 260)
    ],
}


@pytest.mark.parametrize("tickets", SIZES.values(), ids=SIZES)
def test_every_ticket_is_listed_once(tickets: list[dict[str, Any]]) -> None:
    desk = desk_of(tickets)
    walked = walk(desk)
    assert sorted(walked.found) == [ticket["id"] for ticket in tickets]
    assert walked.gaps == []
    assert max(int(params["page"]) for params in desk.asked) <= 300


def test_what_is_open_is_seen_and_not_found() -> None:
    walked = walk(desk_of([raw_ticket(number, at(number), status=number % 6) for number in range(1, 400)]))
    assert set(walked.found) == {number for number in range(1, 400) if number % 6 in DONE}
    assert set(walked.seen) == set(range(1, 400))


def test_a_call_is_page_one_of_the_last_time_seen() -> None:
    desk = desk_of([raw_ticket(number, at(number * 60)) for number in range(1, 251)])
    walk(desk)
    assert [(call["updated_since"], call["page"]) for call in desk.asked] == [
        ("1970-01-01T00:00:00Z", "1"),
        (at(100 * 60), "1"),
        (at(199 * 60), "1"),
    ]
    assert {(call["order_by"], call["order_type"], call["per_page"]) for call in desk.asked} == {("updated_at", "asc", "100")}


@pytest.mark.slow
def test_ten_thousand_cost_a_credit_a_hundred() -> None:
    desk = desk_of([raw_ticket(number, at(number)) for number in range(1, 10_001)])
    assert len(walk(desk).found) == 10_000
    assert desk.credits <= 102


def test_as_many_as_wanted_are_listed_and_no_page_more() -> None:
    desk = desk_of([raw_ticket(number, at(number)) for number in range(1, 901)])
    assert len(walk(desk, wanted=150).found) >= 150
    assert desk.credits == 2


@settings(max_examples=40, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(
    heaps=st.lists(st.tuples(st.integers(0, 400), st.sampled_from([1, 2, 99, 100, 101, 199, 320])), min_size=1, max_size=6),
    seed=st.integers(0, 1000),
    moves=st.sampled_from([1, 3, 120]),
)
@pytest.mark.slow
def test_tickets_that_move_between_every_two_calls_are_neither_doubled_nor_dropped(
    heaps: list[tuple[int, int]], seed: int, moves: int
) -> None:
    tickets = [raw_ticket(0, at(second)) for second, count in heaps for _ in range(count)]
    for number, ticket in enumerate(tickets, 1):
        ticket["id"] = number
    desk, draw = desk_of(tickets), random.Random(seed)

    def move(call: int) -> None:
        if call < 40:  # somebody works on tickets: these become the latest changed
            for ticket in draw.sample(tickets, min(moves, len(tickets))):
                ticket["updated_at"] = at(10_000 + call)

    desk.before = move
    walked = walk(desk)
    assert walked.gaps == []
    assert sorted(walked.found) == [ticket["id"] for ticket in tickets]


def test_a_page_of_one_second_that_draws_the_next_ones_first_into_it_loses_none() -> None:
    tickets = [raw_ticket(number, at(0)) for number in range(1, 251)]
    desk = desk_of(tickets)
    desk.before = lambda call: tickets[call].update(updated_at=at(500 + call)) if call < 100 else None
    assert sorted(walk(desk).found) == list(range(1, 251))


def test_what_is_resolved_or_opened_meanwhile_counts_as_last_seen() -> None:
    tickets = [raw_ticket(number, at(number)) for number in range(1, 151)]
    tickets[9]["status"] = 2
    desk = desk_of(tickets)

    def change(call: int) -> None:
        if call == 1:
            tickets[9].update(status=5, updated_at=at(1000))
            tickets[4].update(status=2, updated_at=at(1001))

    desk.before = change
    assert set(walk(desk).found) == set(range(1, 151)) - {5}


# --- what does not work ----------------------------------------------------------------------------------------------------------------


def test_a_page_refused_once_is_asked_for_again(no_sleep: list[float]) -> None:
    desk = desk_of([raw_ticket(number, at(number)) for number in range(1, 351)], refuse=lambda call, _params: call in (1, 2))
    walked = walk(desk)
    assert (len(walked.found), walked.gaps, no_sleep) == (350, [], [2.0, 10.0])


def test_a_page_refused_for_good_is_a_gap_and_the_rest_is_listed(no_sleep: list[float]) -> None:
    desk = desk_of([raw_ticket(number, at(number)) for number in range(1, 501)])
    desk.refuse = lambda _call, params: params["updated_since"] == at(199) and params["page"] == "1"
    walked = walk(desk)
    assert set(range(1, 501)) - set(walked.found) == set(range(200, 299))
    assert walked.gaps == [
        f"incomplete: up to 100 tickets that changed after {at(199)} could not be listed (HTTP 403 access_denied: not now)"
    ]


def test_a_list_that_is_refused_from_some_point_on_ends_with_a_word(no_sleep: list[float]) -> None:
    desk = desk_of([raw_ticket(number, at(number)) for number in range(1, 501)], refuse=lambda call, _params: call >= 2)
    walked = walk(desk)
    assert len(walked.found) == 199
    assert walked.gaps[-1] == f"incomplete: tickets that changed after {at(199)} could not be listed"
    assert len(desk.asked) < 20


def test_a_list_that_is_refused_at_once_ends_the_run_after_one_call() -> None:
    desk = desk_of([raw_ticket(1, at(1))], refuse=lambda _call, _params: True)
    with pytest.raises(Stopped, match=r"the list of tickets is refused .HTTP 403.*FRESHDESK_DOMAIN"):
        walk(desk)
    assert len(desk.asked) == 1


class Script:
    """A helpdesk whose list answers what `page` makes of the number of the call."""

    def __init__(self, page: Any) -> None:
        self.page, self.calls = page, 0

    def get(self, path: str, *, expect: type, credits: float, params: dict[str, str] | None = None) -> Reply:
        self.calls += 1
        rows = self.page(self.calls, params or {})
        if isinstance(rows, Exception):
            raise rows
        return Reply(rows, has_next=len(rows) >= 100)


def test_a_list_that_repeats_itself_ends_with_a_word() -> None:
    desk = Script(lambda _call, _params: [raw_ticket(number, at(number)) for number in range(1, 101)])
    walked = walk(desk)
    assert len(walked.found) == 100
    assert walked.gaps == [f"incomplete: the list repeats itself; what changed after {at(100)} could not be listed"]
    assert desk.calls < 10


@pytest.mark.parametrize(
    ("counted", "calls"), [(math.inf, 51), (60, 10), (4_000, 51)], ids=["uncounted", "more than counted", "as counted"]
)
def test_a_list_that_never_ends_ends_with_a_word(counted: float, calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_TICKETS", 5_000)
    desk = Script(lambda call, _params: [raw_ticket(call * 100 + number, at(call * 100 + number)) for number in range(100)])
    walked = ChangedList(cast(FreshdeskClient, desk), keep=lambda _ref: True, count=lambda: counted, _counted_at=1_000)
    walked.run()
    assert walked.gaps[0].startswith(f"incomplete: the list shows {calls * 100} tickets and more, which cannot be; left at ")
    assert desk.calls == calls


@pytest.mark.slow
def test_more_of_one_second_than_the_list_has_pages_ends_with_a_word() -> None:
    desk = Script(lambda _call, params: [raw_ticket(int(params["page"]) * 100 + number, at(7)) for number in range(100)])
    walked = walk(desk)
    assert len(walked.found) == 30_000
    assert walked.gaps == [f"incomplete: tickets that changed after {at(7)} could not be listed"]


def test_a_list_in_another_order_is_read_page_by_page() -> None:
    tickets = [raw_ticket(number, at(1000 - number)) for number in range(1, 351)]
    desk = Script(lambda _call, params: tickets[(int(params["page"]) - 1) * 100 : int(params["page"]) * 100])
    walked = walk(desk)
    assert (sorted(walked.found), walked.gaps) == (list(range(1, 351)), [])


def test_entries_without_a_usable_id_are_left_out_and_counted() -> None:
    rows = [raw_ticket(1, at(1)), raw_ticket(1, at(1)), None, {"id": "2", "status": 5}, {"id": 3.0, "status": 5}, {"id": None}, 7]
    walked = walk(Script(lambda _call, _params: rows))
    assert list(walked.found) == [1]
    assert walked.gaps == ["incomplete: 5 entries of the list have no usable id"]


def test_no_reply_at_first_is_an_outage_and_later_a_gap() -> None:
    with pytest.raises(Stopped):
        walk(Script(lambda _call, _params: TransientError("nothing")))
    full = [raw_ticket(number, at(number)) for number in range(1, 101)]
    later = walk(Script(lambda call, _params: full if call == 1 else TransientError("nothing")))
    assert len(later.found) == 100
    assert len(later.gaps) == 4


# --- fields ----------------------------------------------------------------------------------------------------------------------------


def test_fields_are_bounded_before_anything_reads_them() -> None:
    huge = "2024-01-01T00:00:00" + " " * 200_000
    row = raw_ticket(1, huge, subject="x" * 10**6, updated_at="9" * 200_000)
    ref = next(parse_refs([row]))
    assert (len(ref.subject), ref.created_at, ref.updated_at) == (500, "", "")


@pytest.mark.parametrize("value", [None, 7, "", "yesterday", "2024-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", True], ids=repr)
def test_what_is_no_time_is_none(value: Any) -> None:
    assert math.isinf(seconds_of(value))


@pytest.mark.parametrize(
    ("value", "status"), [(5, 5), (5.0, 5), ("5", 5), ("", 0), (None, 0), ("closed", 0), (-1, 0), (float("nan"), 0), ([], 0)]
)
def test_a_status_is_a_number_however_it_is_written(value: Any, status: int) -> None:
    assert status_of({"status": value}) == status


def test_the_order_is_that_of_creation_then_id() -> None:
    times = {1: "2025-01-01T12:00:00Z", 2: "2025-01-01T13:30:00+02:00", 3: None, 5: "2025-01-01T11:30:00Z", 4: "2025-01-01T11:30:00Z"}
    refs = parse_refs([{"id": number, "status": 5, "created_at": created} for number, created in times.items()])
    assert [ref.ticket_id for ref in by_creation(refs)] == [2, 4, 5, 1, 3]


def test_a_refusal_that_lasts_is_a_gap_after_three_tries(no_sleep: list[float]) -> None:
    tries: list[int] = []
    gaps: list[str] = []

    def get() -> Reply:
        tries.append(1)
        raise Refused(Refusal(403, "", ""))

    assert listing.later_page(get, what="page 2", gaps=gaps) is None
    assert (len(tries), no_sleep, gaps) == (3, [2.0, 10.0], ["incomplete: page 2 could not be listed (HTTP 403)"])
