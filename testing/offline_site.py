"""The helpdesk and the model of `testing.topic_site` without sockets, patched into this process: for what is run a thousand times.

Tickets and answers are the same; nothing of HTTP is.
"""

import contextlib
import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from unittest import mock

import data_fetcher
import llm_client
from freshdesk.listing import TicketListing, TicketRef
from testing.chaos_llm import Behaviour, Seen
from testing.topic_site import sorting

SETTINGS = {
    "FRESHDESK_DOMAIN": "acme", "FRESHDESK_API_KEY": "k", "LLM_API_BASE_URL": "https://llm.example/v1", "LLM_API_KEY": "k",
    "LLM_MODEL": "m", "LLM_WORKERS": "1", "BATCH_SIZE": "1",
}  # fmt: skip


@contextlib.contextmanager
def offline(tickets: Sequence[Mapping[str, Any]], *, behave: Behaviour | None = None, archived: Sequence[int] = ()) -> Iterator[None]:
    """Runs in this process meet these tickets and this model; the `archived` ones stand in no list."""
    raw, behave = {ticket["id"]: ticket for ticket in tickets}, behave or sorting(hopeless=False)
    refs = tuple(
        TicketRef(number, ticket["subject"], ticket["status"], ticket["created_at"], ticket["updated_at"])
        for number, ticket in raw.items()
        if number not in archived
    )
    listing = TicketListing(refs, len(refs), seen=frozenset(ref.ticket_id for ref in refs))
    instead = {
        "fetch_resolved_ticket_ids": lambda *_, **__: listing,
        "fetch_listed": lambda *_, **__: {},
        "fetch_ticket": lambda number, **_: copy.deepcopy(raw[number]),
        "fetch_archived": lambda number, **_: copy.deepcopy(raw[number]) if number in archived else None,
        "fetch_agent_names": lambda *_: (),
    }
    with contextlib.ExitStack() as patched:
        patched.enter_context(mock.patch.dict(os.environ, SETTINGS))
        for name, call in instead.items():
            patched.enter_context(mock.patch.object(data_fetcher, name, call))
        answer = mock.patch.object(llm_client, "chat_completion", lambda messages, **_: _body(behave, messages))
        patched.enter_context(answer)
        yield


def _body(behave: Behaviour, messages: Sequence[Mapping[str, str]]) -> Any:
    return behave(Seen(1, "", {}, {"messages": list(messages)}, 0.0)).body
