"""Names of the helpdesk's agents, so that they can be hidden in every text. Reads only names, and nothing of what else an agent is."""

import logging

from common.errors import Stopped
from common.web import Refused, TransientError
from freshdesk.client import FreshdeskClient
from freshdesk.listing import read_rows

logger = logging.getLogger("data_fetcher")


def fetch_agent_names(client: FreshdeskClient) -> tuple[str, ...]:
    """The names of all agents, in order; where they cannot be had, those that came before the trouble, and a word in the log."""
    names: set[str] = set()
    try:
        for agent in read_rows(client, "agents"):
            contact = agent.get("contact")
            name = contact.get("name") if isinstance(contact, dict) else None
            if isinstance(name, str) and name.strip():
                names.add(name[:100])
    except (Refused, TransientError, Stopped) as error:  # what stops a run stops it at the next ticket
        logger.warning("agents' names are not hidden unless a ticket tells them: the helpdesk does not list its agents (%s)", error)
    return tuple(sorted(names))
