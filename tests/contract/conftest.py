"""A helpdesk and a model on loopback for the tests of the contract."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from testing.topic_site import TopicSite, topic_tickets
from testing.whole_run import STEADY, OpenSite


@pytest.fixture
def open_site(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenSite]:
    """A helpdesk and a model on loopback, and an environment that points at them."""
    with ExitStack() as stack:

        def opened(tickets: list[dict[str, Any]] | int = 12, **options: Any) -> TopicSite:
            found = topic_tickets(tickets) if isinstance(tickets, int) else tickets
            site = stack.enter_context(TopicSite(found, **{"behave": STEADY, **options}))
            for name, value in site.environment.items():
                monkeypatch.setenv(name, value)
            return site

        yield opened
