"""What `--check` says of the helpdesk: agent, tickets by status, limit, archive; or the one line that says what is wrong."""

import re

import pytest
import responses

import main
from cli import check
from freshdesk import access
from freshdesk.client import FreshdeskClient
from testing.helpdesk import Helpdesk
from testing.plain_desk import raw_ticket

DAY = "2025-03-01T08:00:00Z"


def lines(client: FreshdeskClient, statuses: tuple[int, ...] = (4, 5)) -> list[access.Line]:
    return list(access.describe(client, statuses=statuses, share=0.8, window_s=60.0))


def test_all_there_is_to_know_is_said_and_no_ticket_is_read() -> None:
    tickets = [raw_ticket(number, DAY, status=2 + number % 4) for number in range(1, 41)]
    helpdesk = Helpdesk(tickets, api_key="k", limit=200)
    with helpdesk as url:
        said = lines(FreshdeskClient(base_url=url, api_key="k"))
    assert [line[:2] for line in said] == [("helpdesk", True), ("tickets", True), ("rate limit", True), ("archive", True)]
    assert "Sam Sample, who sees all tickets" in said[0][2]
    assert "resolved: 10, closed: 10, open: 10, pending: 10" in said[1][2]
    assert "200 calls a minute, 160 of them ours" in said[2][2]
    assert not [call for call in helpdesk.calls if "/tickets/" in call.target and "/archived/" not in call.target]


def test_a_plan_without_archive_and_a_helpdesk_without_limit_are_no_failure() -> None:
    with Helpdesk([raw_ticket(1, DAY)], api_key="k", has_archive=False) as url:
        assert [line[1] for line in lines(FreshdeskClient(base_url=url, api_key="k"))] == [True, True, None, None]


def test_a_key_that_sees_nothing_fails() -> None:
    with Helpdesk([], api_key="k") as url:
        name, fine, said = lines(FreshdeskClient(base_url=url, api_key="k"))[1]
    assert (name, fine) == ("tickets", False)
    assert "the key sees none; see Admin > Agents" in said


def test_a_wrong_key_is_one_line() -> None:
    with Helpdesk([], api_key="another") as url:
        said = lines(FreshdeskClient(base_url=url, api_key="k"))
    assert [(name, fine) for name, fine, _ in said] == [("helpdesk", False)]
    assert "FRESHDESK_API_KEY" in said[0][2]


@responses.activate
def test_a_host_that_knows_no_such_account_is_one_line() -> None:
    responses.get(re.compile(r"https://acme\.freshdesk\.com/.*"), status=404)
    ((name, fine, said),) = lines(FreshdeskClient(base_url="https://acme.freshdesk.com", api_key="k"))
    assert (name, fine) == ("helpdesk", False)
    assert "answers HTTP 404; check FRESHDESK_DOMAIN (the NAME of NAME.freshdesk.com" in said


@responses.activate
def test_a_status_that_the_account_does_not_have_is_named() -> None:
    api = "https://acme.freshdesk.com/api/v2"
    responses.get(f"{api}/agents/me", json={"ticket_scope": 3, "contact": {"name": "A\x1b[31m"}})
    responses.get(f"{api}/search/tickets", status=400, json={"description": "Validation failed"})
    responses.get(f"{api}/tickets/archived/{2**53}", status=404)
    said = lines(FreshdeskClient(base_url="https://acme.freshdesk.com", api_key="k"), (4, 99))
    assert said[0][2] == "the key works: A [31m, who sees only the tickets assigned to them"
    assert said[1][1] is False
    assert "status 99: no such status" in said[1][2]
    assert "FRESHDESK_STATUSES" in said[1][2]


def test_the_check_of_the_program_asks_the_helpdesk_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("cli.check.CHECKS", (check.helpdesk,))
    with Helpdesk([raw_ticket(1, DAY)], api_key="k") as url:
        settings = {"FRESHDESK_DOMAIN": url, "FRESHDESK_API_KEY": "k", "LLM_API_BASE_URL": "built-in", "LLM_API_KEY": "k", "LLM_MODEL": "m"}
        for name, value in settings.items():
            monkeypatch.setenv(name, value if value != "built-in" else "https://models.example.com/v1")
        assert main.main(["--check"]) == 0
    assert "ok      helpdesk: the key works" in capsys.readouterr().out
