"""Which tickets a run reads, seen from the command line: what changed, what a query shows, what is archived, and what is wrong."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import main
from demo.helpdesk_api import Answer
from testing.chaos_llm import Reply, Seen
from testing.topic_site import TopicSite, sorting, topic_tickets

STEADY = sorting(jumpy=False)
OpenSite = Callable[..., TopicSite]


@pytest.fixture
def open_site(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenSite]:
    """A helpdesk and a model on loopback, and an environment that points at them."""
    with ExitStack() as stack:

        def opened(tickets: list[dict[str, Any]], **options: Any) -> TopicSite:
            site = stack.enter_context(TopicSite(tickets, **{"behave": STEADY, **options}))
            for name, value in site.environment.items():
                monkeypatch.setenv(name, value)
            return site

        yield opened


def decided() -> dict[int, str]:
    lines = Path("output/decisions.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["ticket_id"]: row["outcome"] for row in map(json.loads, lines)}


def stored() -> set[int]:
    return {int(path.stem) for path in Path("conversations").glob("*.json")}


def credits(site: TopicSite, since: int = 0) -> int:
    return sum(call.credits for call in site.helpdesk.calls[since:])


def test_the_weekly_command_finds_what_was_opened_before_and_resolved_since(open_site: OpenSite) -> None:
    tickets = topic_tickets(12)
    tickets[0].update(status=2)
    site = open_site(tickets)
    assert main.main(["--pages", "all"]) == 0
    assert 1001 not in decided()
    tickets[0].update(status=4, updated_at="2025-06-01T00:00:00Z")
    before = len(site.helpdesk.calls)
    assert main.main(["--since", "2025-06-01"]) == 0
    assert decided()[1001] in ("matched", "new", "provisional")
    assert len([call for call in site.helpdesk.calls[before:] if "/agents" not in call.target]) == 2


@pytest.mark.slow
def test_a_run_over_known_tickets_lists_and_does_no_more(open_site: OpenSite) -> None:
    site = open_site(topic_tickets(150))
    assert main.main(["--pages", "all", "--no-merge"]) == 0
    calls, asked = len(site.helpdesk.calls), len(site.asked())
    assert main.main(["--pages", "all", "--no-merge"]) == 0
    assert credits(site, calls) == 2
    assert len(site.asked()) == asked


@pytest.mark.slow
def test_a_new_ticket_costs_little_more_than_a_credit(open_site: OpenSite) -> None:
    site = open_site(topic_tickets(200))
    assert main.main(["--pages", "all", "--fetch-only", "--batch-size", "8"]) == 0
    assert len(stored()) == 200
    assert credits(site) <= 1.15 * 200


@pytest.mark.slow
def test_what_a_query_does_not_show_is_counted_and_exits_with_3(open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
    open_site(topic_tickets(330))
    assert main.main(["--query", "status:5", "--pages", "all", "--fetch-only"]) == 3
    assert "30 of 330 of the search lie beyond the 300 that a search shows" in capsys.readouterr().out
    assert len(stored()) == 300


@pytest.mark.slow
def test_archived_tickets_are_counted_and_found_when_asked_for(open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
    tickets = topic_tickets(30)
    for number, ticket in enumerate(tickets, 1):
        ticket["id"] = number
        ticket["archived"] = number % 3 == 1
    site = open_site([ticket for ticket in tickets if ticket["id"] % 5])
    assert main.main(["--pages", "all"]) == 0
    assert "12 ticket numbers between 2 and 29 are not in the list" in capsys.readouterr().out
    assert main.main(["--archived"]) == 0
    assert set(decided()) == {number for number in range(1, 31) if number % 5}
    before = len(site.helpdesk.calls)
    assert main.main(["--archived"]) == 0
    assert len(site.helpdesk.calls) - before == 1


def test_a_dry_run_looks_nothing_up(open_site: OpenSite) -> None:
    tickets = topic_tickets(3)
    site = open_site(tickets)
    assert main.main(["--archived", "--dry-run"]) == 0
    assert not [call for call in site.helpdesk.calls if "archived" in call.target]


def test_a_ticket_that_is_open_again_when_it_is_read_is_left_out(open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> None:
    tickets = topic_tickets(4)
    site = open_site(tickets)
    ordinary = site.helpdesk.answer

    def answer(target: str, authorization: str, host: str) -> Answer:
        reply = ordinary(target, authorization, host)
        if "/search/" in target:
            tickets[2]["status"] = 3
        return reply

    monkeypatch.setattr(site.helpdesk, "answer", answer)
    assert main.main([]) == 0
    assert decided()[1003] == "ignored"
    monkeypatch.setattr(site.helpdesk, "answer", ordinary)
    tickets[2].update(status=5, updated_at="2025-06-01T00:00:00Z")
    assert main.main([]) == 0
    assert decided()[1003] in ("matched", "new", "provisional")


@pytest.mark.slow
def test_nothing_of_a_list_page_stands_in_a_checkpoint(open_site: OpenSite) -> None:
    tickets = topic_tickets(40)
    for ticket in tickets:
        ticket["requester"] = {"name": "Ingeborg Quistorp"}
        ticket["subject"] += " of Ingeborg Quistorp"
        ticket["description"] += "<p>my card is 4111 1111 1111 1111, ann@example.com, Ingeborg Quistorp</p>"
    asked: list[int] = []

    def outage(seen: Seen) -> Reply:
        asked.append(1)
        return STEADY(seen) if len(asked) < 20 else Reply(401, {"error": {"message": "no"}})

    open_site(tickets, behave=outage)
    assert main.main(["--pages", "all"]) == 1
    written = b"".join(path.read_bytes() for path in Path("output").rglob("*") if path.is_file())
    assert Path("output/silo_issues_db.tmp.json").is_file()
    assert not [secret for secret in (b"4111", b"ann@example.com", b"Quistorp") if secret in written]


# --- what is wrong ---------------------------------------------------------------------------------------------------------------------


def said_in_one_line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return lines[0]


def test_a_since_in_the_future_is_a_usage_error(open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
    open_site(topic_tickets(3))
    assert main.main(["--since", "2999-01-01"]) == 2
    assert "--since 2999-01-01 lies in the future" in said_in_one_line(capsys)


def test_since_and_query_together_are_a_usage_error(open_site: OpenSite, capsys: pytest.CaptureFixture[str]) -> None:
    site = open_site(topic_tickets(3))
    assert main.main(["--since", "2025-01-01", "--query", "status:5"]) == 2
    assert "leave out --since" in said_in_one_line(capsys)
    assert site.helpdesk.calls == []


def test_no_such_account_is_one_line_at_once(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], no_sleep: list[float]
) -> None:
    open_site(topic_tickets(3))
    monkeypatch.setenv("FRESHDESK_DOMAIN", "acmee")

    def unknown(*_args: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert main.main(["--pages", "all"]) == 1
    assert "no host acmee.freshdesk.com, or no network; check FRESHDESK_DOMAIN" in said_in_one_line(capsys)
    assert no_sleep == []


def test_a_portals_own_domain_is_a_usage_error_that_says_where_the_name_stands(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_site([])
    monkeypatch.setenv("FRESHDESK_DOMAIN", "support.acme.example")
    assert main.main([]) == 2
    assert "the NAME of NAME.freshdesk.com (see Admin > Account)" in said_in_one_line(capsys)


def test_a_status_that_no_ticket_has_is_told(
    open_site: OpenSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    open_site(topic_tickets(3))
    monkeypatch.setenv("FRESHDESK_STATUSES", "4,5,42")
    assert main.main(["--pages", "all", "--fetch-only"]) == 0
    assert "no ticket listed has status 42 (FRESHDESK_STATUSES)" in capsys.readouterr().out


@pytest.mark.slow
def test_fields_without_a_bound_cost_no_time(open_site: OpenSite) -> None:
    tickets = topic_tickets(12)
    tickets[3]["created_at"] = "2025-01-01T08:00:00" + " " * 200_000
    tickets[4]["subject"] = "x" * 1_000_000
    open_site(tickets)
    assert main.main(["--pages", "all", "--fetch-only"]) == 0
    assert len(stored()) == 12
