"""What a conversation tells beside its words: how it came in, in which language, who is affected, and what work it was.

Reads files of any age: what an older file does not say is empty, never guessed.
"""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from cleaning import languages
from common import times
from knowledge.conversation import Conversation, customer_text


@dataclass(frozen=True, slots=True)
class TicketFacts:
    """Of one ticket: `replies` public messages of agents, `hours` from opening to resolution (None when not known), hashed `requester`
    and `company` ("" when not known)."""

    channel: str = ""
    language: str = ""
    type: str = ""
    tags: tuple[str, ...] = ()
    requester: str = ""
    company: str = ""
    replies: int = 0
    hours: float | None = None
    reopened: bool = False


@dataclass(frozen=True, slots=True)
class Effort:
    """What an issue's tickets were for agents and whom they struck; medians are None where nothing is known."""

    replies: int = 0
    median_replies: float | None = None
    median_hours: float | None = None
    customers: int = 0
    companies: int = 0
    reopened: int = 0


def facts_of(conversation: Conversation) -> TicketFacts:
    """The facts of one conversation."""
    said: Mapping[str, Any] = conversation
    tags = said.get("tags")
    return TicketFacts(
        channel=str(said.get("channel") or ""),
        language=languages.name_of(languages.language_of(customer_text(conversation))),
        type=str(said.get("type") or ""),
        tags=tuple(str(tag) for tag in tags if tag) if isinstance(tags, list) else (),
        requester=str(said.get("requester") or ""),
        company=str(said.get("company") or ""),
        replies=sum(message["speaker"] == "agent" and not message["private"] for message in conversation["conversation"]),
        hours=_hours(said),
        reopened=bool(said.get("reopened")),
    )


def effort(facts: Iterable[TicketFacts]) -> Effort:
    """What some tickets were together.

    >>> effort([TicketFacts(replies=1, requester="a"), TicketFacts(replies=3, requester="a")]).median_replies
    2.0
    """
    known = list(facts)
    hours = [one.hours for one in known if one.hours is not None]
    return Effort(
        replies=sum(one.replies for one in known),
        median_replies=float(median(one.replies for one in known)) if known else None,
        median_hours=round(median(hours), 1) if hours else None,
        customers=len({one.requester for one in known} - {""}),
        companies=len({one.company for one in known} - {""}),
        reopened=sum(one.reopened for one in known),
    )


def web_address(text: str) -> bool:
    """True for an address that a page may link to. A helpdesk on this machine is one for trying out, and gone when the page is read."""
    return text.startswith("https://")


def _hours(said: Mapping[str, Any]) -> float | None:
    """Hours from the opening to the resolution, or to the last message where that is not known."""
    messages = said.get("conversation") or [{}]
    begun, ended = times.to_utc(said.get("created_at")), times.to_utc(said.get("resolved_at") or messages[-1].get("created_at"))
    if not begun or ended < begun:
        return None
    took = datetime.datetime.fromisoformat(ended[:-1]) - datetime.datetime.fromisoformat(begun[:-1])
    return round(took.total_seconds() / 3600, 1)
