import logging
from typing import Any

import pytest

from demo.helpdesk_api import Answer
from freshdesk.agents import fetch_agent_names
from freshdesk.client import FreshdeskClient
from testing.helpdesk import DEFAULT_KEY, Helpdesk


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
