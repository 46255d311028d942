"""One account over HTTP: faults, waits, refusals, and where the key may go."""

import json
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses
from requests.adapters import HTTPAdapter

from common.errors import Stopped, TicketFailed
from data_fetcher import fetch_resolved_ticket_ids, fetch_ticket
from freshdesk import client as freshdesk_client
from freshdesk.client import FreshdeskClient
from testing.fake_time import FakeTime
from testing.faults import KINDS, FaultPlan
from testing.helpdesk import Helpdesk
from tests.test_data_fetcher import API, ENCODED_KEY, KEY, URL, desk, new_client, ticket


@pytest.mark.slow
def test_what_is_broken_in_any_way_is_asked_for_again_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshdesk_client, "REPLY_TIMEOUT_S", 0.2)
    monkeypatch.setattr("common.web.BASE_WAIT_S", 0.001)
    tickets = [ticket(number, messages=number) for number in range(1, 41)]
    for kind in KINDS:
        with desk(tickets, faults=FaultPlan(share=0.1, seed=5, kinds=(kind,), most=1)) as (helpdesk, client):
            listing = fetch_resolved_ticket_ids(None, client=client)
            assert len(listing) == 40
            assert [len(fetch_ticket(number, client=client)["conversations"]) for number in listing] == list(range(1, 41))
            assert len(helpdesk.calls) > 73


GARBAGE: dict[str, dict[str, Any]] = {
    "HTML with 200": {"body": "<html>hello</html>"},
    "truncated JSON": {"body": '{"id": 1, "conv'},
    "a list": {"json": []},
    "null": {"body": "null"},
    "nothing": {"body": ""},
    "a number that is none": {"body": '{"id": 2, "priority": NaN}'},
    "nested without end": {"body": "[" * 100_000},
    "no content": {"status": 204},
    "500": {"status": 500, "body": "<h1>oops</h1>"},
    "502": {"status": 502},
    "503": {"status": 503},
    "504": {"status": 504},
    "a reset": {"body": requests.ConnectionError("reset")},
    "a timeout": {"body": requests.ReadTimeout("slow")},
}


@pytest.mark.parametrize("reply", GARBAGE.values(), ids=GARBAGE)
def test_garbage_for_ever_is_that_tickets_failure_after_five_tries(
    mocked: responses.RequestsMock, fake_time: FakeTime, reply: dict[str, Any]
) -> None:
    mocked.get(f"{API}/tickets/1", json={"id": 1, "conversations": []})
    mocked.get(f"{API}/tickets/2", **reply)
    client = new_client()
    fetch_ticket(1, client=client)
    with pytest.raises(TicketFailed, match="ticket 2: no usable reply after 5 tries"):
        fetch_ticket(2, client=client)
    assert len(mocked.calls) == 6
    assert fetch_ticket(1, client=client)["id"] == 1


def test_slow_replies_use_up_the_calls_time_before_its_tries(mocked: responses.RequestsMock, fake_time: FakeTime) -> None:
    def slow(_request: object) -> tuple[int, dict[str, str], str]:
        fake_time.now += 29
        return 504, {}, ""

    mocked.get(f"{API}/tickets/1", json={"id": 1, "conversations": []})
    mocked.add_callback("GET", f"{API}/tickets/2", callback=slow)
    client = new_client()
    fetch_ticket(1, client=client)
    with pytest.raises(TicketFailed, match="after 3 tries"):
        fetch_ticket(2, client=client)


def test_a_reply_too_large_is_that_tickets_failure(mocked: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshdesk_client, "MAX_BODY_BYTES", 1000)
    mocked.get(f"{API}/tickets/1", json={"id": 1, "description": "x" * 2000})
    with pytest.raises(TicketFailed, match="longer than 1000 bytes"):
        fetch_ticket(1, client=new_client())


def test_no_reply_at_all_ends_the_run_with_the_first_ticket(fake_time: FakeTime, mocked: responses.RequestsMock) -> None:
    mocked.get(f"{API}/tickets/1", body=requests.ConnectionError("refused"))
    client = new_client()
    with pytest.raises(Stopped, match=r"acme\.freshdesk\.com does not answer"):
        fetch_ticket(1, client=client)
    with pytest.raises(Stopped):
        fetch_ticket(2, client=client)
    assert len(mocked.calls) == 5


def test_an_outage_in_the_middle_ends_the_run_after_ten_tickets(fake_time: FakeTime, mocked: responses.RequestsMock) -> None:
    mocked.get(f"{API}/tickets/1", json={"id": 1, "conversations": []})
    client = new_client()
    fetch_ticket(1, client=client)
    failures: list[str] = []
    for number in range(2, 30):
        mocked.get(f"{API}/tickets/{number}", status=503)
        try:
            fetch_ticket(number, client=client)
        except TicketFailed as error:
            failures.append(str(error))
        except Stopped:
            break
    assert len(failures) == 9


def test_a_host_that_there_is_not_ends_the_run_at_once_and_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, no_sleep: list[float]
) -> None:
    asked: list[object] = []

    def unknown(host: object, *_args: object, **_options: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Stopped) as stopped:
        fetch_resolved_ticket_ids(client=FreshdeskClient(base_url="https://acmee.freshdesk.com", api_key=KEY))
    assert str(stopped.value) == (
        "Freshdesk: there is no host acmee.freshdesk.com, or no network; "
        "check FRESHDESK_DOMAIN: the NAME of NAME.freshdesk.com, see Admin > Account"
    )
    assert (asked, no_sleep) == (["acmee.freshdesk.com"], [])


def test_a_name_that_cannot_be_looked_up_for_a_while_is_asked_again(monkeypatch: pytest.MonkeyPatch, no_sleep: list[float]) -> None:
    with desk([ticket(1), ticket(2)]) as (_, client):
        fetch_ticket(1, client=client)
        ordinary, failures = HTTPAdapter.send, [1, 2]

        def send(*args: Any, **options: Any) -> requests.Response:
            if failures:
                failures.pop()
                raise requests.ConnectionError("Max retries exceeded") from socket.gaierror(socket.EAI_AGAIN, "later")
            return ordinary(*args, **options)

        monkeypatch.setattr(HTTPAdapter, "send", send)
        assert fetch_ticket(2, client=client)["id"] == 2


@pytest.mark.parametrize("ask", [lambda client: fetch_resolved_ticket_ids(client=client), lambda client: fetch_ticket(1, client=client)])
def test_a_login_page_in_place_of_the_api_names_the_setting(
    ask: Callable[[FreshdeskClient], Any], mocked: responses.RequestsMock, no_sleep: list[float]
) -> None:
    page = "<!DOCTYPE html>\n<html><body><form action='/login'></form></body></html>"
    mocked.get(f"{API}/search/tickets", body=page)
    mocked.get(f"{API}/tickets/1", body=page)
    with pytest.raises(Stopped, match=r"acme\.freshdesk\.com: the reply is a web page .*check FRESHDESK_DOMAIN: the NAME of"):
        ask(new_client())


def after(times: int, refusal: tuple[int, dict[str, str], str]) -> Callable[[Any], tuple[int, dict[str, str], str]]:
    left = [times]

    def answer(_request: object) -> tuple[int, dict[str, str], str]:
        left[0] -= 1
        return refusal if left[0] >= 0 else (200, {}, '{"id": 1, "conversations": []}')

    return answer


@pytest.mark.parametrize("seconds", [0, 7, 1300], ids=lambda seconds: f"{seconds} s")
def test_a_429_is_waited_out_by_its_own_word_however_long(mocked: responses.RequestsMock, fake_time: FakeTime, seconds: int) -> None:
    told: list[float] = []
    mocked.add_callback("GET", f"{API}/tickets/1", callback=after(1, (429, {"Retry-After": str(seconds)}, "{}")))
    client = FreshdeskClient(base_url=URL, api_key=KEY, on_wait=lambda wait, _why: told.append(wait))
    assert fetch_ticket(1, client=client)["id"] == 1
    assert sum(fake_time.slept) == pytest.approx(seconds)
    assert len(told) == (seconds > 0)


def test_a_date_to_wait_for_counts_from_the_helpdesks_clock(mocked: responses.RequestsMock, fake_time: FakeTime) -> None:
    headers = {"Retry-After": "Thu, 26 Nov 2026 09:00:40 GMT", "Date": "Thu, 26 Nov 2026 09:00:00 GMT"}
    mocked.add_callback("GET", f"{API}/tickets/1", callback=after(1, (429, headers, "{}")))
    assert fetch_ticket(1, client=new_client())["id"] == 1
    assert sum(fake_time.slept) == pytest.approx(40)


def test_ever_new_words_to_wait_are_heeded_many_times_but_not_for_ever(mocked: responses.RequestsMock, fake_time: FakeTime) -> None:
    mocked.add_callback("GET", f"{API}/tickets/1", callback=after(20, (429, {"Retry-After": "60"}, "{}")))
    mocked.get(f"{API}/tickets/2", status=429, headers={"Retry-After": "60"})
    client = new_client()
    assert fetch_ticket(1, client=client)["id"] == 1
    with pytest.raises(TicketFailed, match="HTTP 429"):
        fetch_ticket(2, client=client)


def test_a_429_without_a_word_is_everybodys_wait(mocked: responses.RequestsMock, fake_time: FakeTime) -> None:
    mocked.add_callback("GET", f"{API}/tickets/1", callback=after(1, (429, {}, "{}")))
    assert fetch_ticket(1, client=new_client())["id"] == 1
    assert len(fake_time.slept) == 1


def test_a_wait_of_days_ends_the_run(mocked: responses.RequestsMock, fake_time: FakeTime) -> None:
    mocked.get(f"{API}/tickets/1", status=429, headers={"Retry-After": "999999999"})
    with pytest.raises(Stopped, match="asks to wait 277778 hours"):
        fetch_ticket(1, client=new_client())
    assert fake_time.slept == []


@pytest.mark.slow
def test_nobody_asks_while_one_was_told_to_wait() -> None:
    asked: list[float] = []
    tickets = [ticket(number) for number in range(1, 13)]
    with desk(tickets, limit=9, window_s=0.5) as (helpdesk, client):
        threads = [threading.Thread(target=lambda n=number: asked.append(fetch_ticket(n, client=client)["id"])) for number in range(1, 13)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert sorted(asked) == list(range(1, 13))
        assert not any(call.too_soon for call in helpdesk.calls)
        assert max(helpdesk.spent().values()) <= 0.8 * 9 + 1


def test_a_refused_key_is_one_call_however_many_threads_ask() -> None:
    stopped: list[str] = []

    def fetch(client: FreshdeskClient, number: int) -> None:
        try:
            fetch_ticket(number, client=client)
        except Stopped as error:
            stopped.append(str(error))

    helpdesk = Helpdesk([ticket(1)], api_key="another", latency_s=0.05)
    with helpdesk as url:
        client = FreshdeskClient(base_url=url, api_key=KEY)
        threads = [threading.Thread(target=fetch, args=(client, number)) for number in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
        assert len(helpdesk.calls) == 1
    assert len(set(stopped)) == 1
    assert len(stopped) == 8
    assert "refuses the key: HTTP 401" in stopped[0]
    assert "FRESHDESK_API_KEY" in stopped[0]


@pytest.mark.parametrize("code", ["password_lockout", "account_suspended"])
def test_a_403_about_the_account_ends_the_run(mocked: responses.RequestsMock, code: str) -> None:
    mocked.get(f"{API}/tickets/1", status=403, json={"code": code, "message": "no"})
    with pytest.raises(Stopped):
        fetch_ticket(1, client=new_client())
    assert len(mocked.calls) == 1


@pytest.mark.parametrize("status", [403, 404, 405], ids=str)
def test_a_refused_search_ends_the_run(mocked: responses.RequestsMock, status: int) -> None:
    mocked.get(f"{API}/search/tickets", status=status)
    with pytest.raises(Stopped, match=f"the search is refused .HTTP {status}"):
        fetch_resolved_ticket_ids(client=new_client())
    assert len(mocked.calls) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308], ids=str)
@pytest.mark.parametrize("target", ["https://evil.example/api/v2/tickets/1", "http://acme.freshdesk.com/x", "/login", "", "https://[x/"])
def test_a_redirect_is_refused_and_not_followed(mocked: responses.RequestsMock, status: int, target: str) -> None:
    mocked.get(f"{API}/tickets/1", status=status, headers={"Location": target})
    with pytest.raises(Stopped, match=r"acme\.freshdesk\.com redirects to"):
        fetch_ticket(1, client=new_client())
    assert len(mocked.calls) == 1


def test_the_key_is_in_no_message_and_no_log(mocked: responses.RequestsMock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = json.dumps({"code": KEY, "message": f"bad header Basic {ENCODED_KEY} for {KEY}"})
    mocked.get(f"{API}/tickets/1", status=403, body=echo)
    mocked.get(f"{API}/tickets/2", status=302, headers={"Location": f"https://{KEY}.example/"})
    client = new_client()
    with pytest.raises(TicketFailed) as refused:
        fetch_ticket(1, client=client)
    with pytest.raises(Stopped) as stopped:
        fetch_ticket(2, client=client)
    told = f"{refused.value!r} {stopped.value!r} {client!r} {vars(client)!r} {caplog.text}"
    assert "[key]" in told
    assert KEY not in told
    assert ENCODED_KEY not in told


def test_a_key_where_the_log_cuts_a_reply_is_hidden_first(mocked: responses.RequestsMock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for number in range(1, len(KEY)):  # how many characters of the key stand before the cut
        start = f'{{"id": {number}, "conversations": [], "x": "'
        filler = "y" * (freshdesk_client.LOGGED_CHARS - len(start) - number)
        mocked.get(f"{API}/tickets/{number}", body=f'{start}{filler}{KEY}"}}')
        fetch_ticket(number, client=new_client())
    assert "yyy" in caplog.text
    assert [line for line in caplog.text.splitlines() if line.endswith(tuple(f"y{KEY[:end]}" for end in range(1, len(KEY))))] == []


def test_debug_logs_show_payloads_on_one_short_line(mocked: responses.RequestsMock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="data_fetcher")
    mocked.get(f"{API}/tickets/1", body=json.dumps({"id": 1, "conversations": [], "x": "y" * 5000}, indent=1))
    fetch_ticket(1, client=new_client())
    line = next(record.getMessage() for record in caplog.records if "tickets/1" in record.getMessage())
    assert "\n" not in line
    assert "include" in line
    assert len(line) < 2200
