"""What a key may see, in words: its agent, tickets by status, the account's limit, the archive. For `--check`; reads no ticket."""

from collections.abc import Collection, Iterator

from common.errors import Stopped
from common.web import Refused, TransientError
from freshdesk.client import ACCOUNT_NAME, FreshdeskClient
from freshdesk.search import search_page

STATUSES = {2: "open", 3: "pending", 4: "resolved", 5: "closed"}
OPEN_STATUSES = (2, 3)
SCOPES = {1: "all tickets", 2: "the tickets of their groups and their own", 3: "only the tickets assigned to them"}
NO_TICKET = 2**53  # an id that no account reaches: the archive is asked for, not a ticket

Line = tuple[str, bool | None, str]
"""What was looked at; whether it can be used, None where it need not be; what was seen."""


def describe(client: FreshdeskClient, *, statuses: Collection[int], share: float, window_s: float) -> Iterator[Line]:
    """The lines, about ten credits for all. A key that is refused or a host that is none is the last one."""
    try:
        agent, tickets = _agent(client), _tickets(client, statuses)
        yield "helpdesk", True, agent
        yield tickets
        yield "rate limit", *_limit(client, share, window_s)
        yield "archive", *_archive(client)
    except (TransientError, Refused) as error:
        yield "helpdesk", False, f"{client.base_url} answers {error}; check FRESHDESK_DOMAIN ({ACCOUNT_NAME})"
    except Stopped as error:
        yield "helpdesk", False, str(error)


def _agent(client: FreshdeskClient) -> str:
    try:
        agent = client.get("agents/me", expect=dict, credits=1).value
    except Refused:
        return "the key works; its agent may not look themselves up"
    contact = agent.get("contact")
    name = client.scrub(contact.get("name") if isinstance(contact, dict) else "")[:80] or "an agent without a name"
    scope = agent.get("ticket_scope")
    return f"the key works: {name}, who sees {SCOPES.get(scope if isinstance(scope, int) else 0, 'what their role allows')}"


def _tickets(client: FreshdeskClient, statuses: Collection[int]) -> Line:
    counts = {status: _count(client, status) for status in (*statuses, *(status for status in OPEN_STATUSES if status not in statuses))}
    said = ", ".join(f"{_named(status)}: {'no such status' if count is None else count}" for status, count in counts.items())
    if any(counts[status] is None for status in statuses):
        return "tickets", False, f"{said}; correct FRESHDESK_STATUSES (Admin > Ticket Fields > Status)"
    if not any(counts.values()):
        return "tickets", False, f"{said}: the key sees none; see Admin > Agents for what its agent may see"
    wanted = " and ".join(map(_named, statuses))
    return "tickets", True, f"{said} (those of {wanted} are read; archived ones are not counted)"


def _named(status: int) -> str:
    return STATUSES.get(status, f"status {status}")


def _count(client: FreshdeskClient, status: int) -> int | None:
    """How many tickets have a status, None if the account has no such status."""
    try:
        return int(search_page(client, f"status:{status}", 1).value["total"])
    except Refused as refused:
        if refused.refusal.status != 400:
            raise
        return None


def _limit(client: FreshdeskClient, share: float, window_s: float) -> tuple[bool | None, str]:
    if client.limit is None:
        return None, "the helpdesk does not say; calls go until it asks to wait"
    window = {60.0: "a minute", 3600.0: "an hour"}.get(window_s, f"in {window_s:g} s")
    return True, f"{client.limit:.0f} calls {window}, {client.limit * share:.0f} of them ours (FRESHDESK_RATE_SHARE {share:g})"


def _archive(client: FreshdeskClient) -> tuple[bool | None, str]:
    try:
        client.get(f"tickets/archived/{NO_TICKET}", expect=dict, credits=1)
    except Refused as refused:
        if refused.refusal.status == 403:
            return None, "this plan has none that can be read; tickets closed for 120 days are out of reach"
    return True, "can be read: tickets closed for 120 days are in no list, --pages all --archived looks them up"
