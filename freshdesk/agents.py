"""Names of the helpdesk's agents, so that they can be hidden in every text. Reads only names, and nothing of what else an agent is."""

import logging

from common.errors import Stopped
from common.web import Refused, TransientError
from freshdesk.client import FreshdeskClient

logger = logging.getLogger("data_fetcher")

PAGE_SIZE = 100
MAX_PAGES = 200


def fetch_agent_names(client: FreshdeskClient) -> tuple[str, ...]:
    """The names of all agents, in order; none, after a word in the log, where they cannot be had. One credit for each 100."""
    names: set[str] = set()
    try:
        for page in range(1, MAX_PAGES + 1):
            reply = client.get("agents", params={"per_page": str(PAGE_SIZE), "page": str(page)}, expect=list, credits=1)
            names.update(_names(reply.value))
            if not reply.has_next:
                break
    except (Refused, TransientError, Stopped) as error:  # what stops a run stops it at the next ticket
        logger.warning("agents' names are not hidden unless a ticket tells them: the helpdesk does not list its agents (%s)", error)
    return tuple(sorted(names))


def _names(agents: list[object]) -> list[str]:
    contacts = [agent.get("contact") for agent in agents if isinstance(agent, dict)]
    found = [contact.get("name") for contact in contacts if isinstance(contact, dict)]
    return [name[:100] for name in found if isinstance(name, str) and name.strip()]
