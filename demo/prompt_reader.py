"""What stands in the program's prompts: the offered issues, the ticket, the messages. Reads text; decides and writes nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

SCHEMA_NAMES = ("issue_decision", "issue_overview", "issue_merge", "issue_card")
_MESSAGE = re.compile(r"^\[([0-9]+)\] (customer|agent|internal note): ?")
_OFFER = re.compile(r"^(\S+) \| (.*)$")
_TICKET = "TICKET TO DECIDE"
_CARD_TICKET = re.compile(r"^TICKET ([0-9]+)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the program: the schema that it asks for, and its two messages."""

    schema: str
    system: str
    user: str


@dataclass(frozen=True, slots=True)
class Offered:
    """An issue as the prompt shows it: its id, its title, and all that is said about it but its area."""

    issue_id: str
    category: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the ticket: its number in the prompt, who wrote it (`customer`, `agent`, `internal note`) and the text.

    `ticket_id` is 0 where the prompt shows one ticket only.
    """

    number: int
    speaker: str
    text: str
    ticket_id: int = 0

    @property
    def name(self) -> str:
        """How a step names this message at its end."""
        return f"[{self.ticket_id}:{self.number}]" if self.ticket_id else f"[{self.number}]"


@dataclass(frozen=True, slots=True)
class Ticket:
    """The ticket of a prompt; `ticket_id` is 0 where the prompt shows none."""

    subject: str
    messages: tuple[Said, ...]
    ticket_id: int = 0

    def by(self, *speakers: str) -> list[Said]:
        """The messages of these speakers, in order."""
        return [message for message in self.messages if message.speaker in speakers]


def read_question(messages: Sequence[dict[str, Any]]) -> Question:
    """What the messages of a request ask. Raises `ValueError`, `KeyError` or `TypeError` where that is no question of the program's."""
    texts = {str(message["role"]): str(message["content"]) for message in messages}
    schema = schema_name(texts.get("system", ""))
    if not schema or "user" not in texts:
        raise ValueError(f"only questions for the schemas {', '.join(SCHEMA_NAMES)} are answered here")
    return Question(schema, texts["system"], texts["user"])


def schema_name(system: str) -> str:
    """The schema that the system message asks for, "" if it names none."""
    return next((name for name in SCHEMA_NAMES if f"schema {name}" in system), "")


def read_decision(user: str) -> tuple[list[Offered], Ticket]:
    """The known issues and the ticket of a question where a ticket belongs. Raises ValueError for any other text."""
    known, found, ticket = user.partition(f"\n{_TICKET}\n")
    if not found:
        raise ValueError(f"the user message has no line {_TICKET!r}")
    rows = (_OFFER.match(line) for line in known.split("\n")[1:])
    return [_offered(row[1], row[2]) for row in rows if row and row[1] != "NEW"], _ticket(ticket)


def _offered(issue_id: str, text: str) -> Offered:
    said = text.partition(" | area: ")[0]
    return Offered(issue_id, said.split(" | ")[0], said)


def read_issues(user: str) -> list[Offered]:
    """The issues of a question about issues: each begins with its id at the start of a line, what is said about it is indented."""
    offered: list[Offered] = []
    for line in user.split("\n"):
        row = _OFFER.match(line)
        if row:
            offered.append(_offered(row[1], row[2]))
        elif offered and line.startswith("  "):
            last = offered.pop()
            offered.append(replace(last, text=f"{last.text}\n{line.strip().partition(': ')[2]}"))
    return offered


def read_card(user: str) -> tuple[str, list[Ticket]]:
    """The category an issue has, and its tickets."""
    issue, *parts = _CARD_TICKET.split(user)
    offered = read_issues(issue)
    tickets = [_ticket(text, int(number)) for number, text in zip(parts[::2], parts[1::2], strict=True)]
    return (offered[0].category if offered else ""), tickets


def _ticket(text: str, ticket_id: int = 0) -> Ticket:
    first, _, rest = text.partition("\n")
    messages: list[Said] = []
    for line in rest.split("\n"):
        start = _MESSAGE.match(line)
        if start:
            messages.append(Said(int(start[1]), start[2], line[start.end() :], ticket_id))
        elif messages:
            last = messages.pop()
            messages.append(replace(last, text=f"{last.text}\n{line.strip()}"))
    return Ticket(first.removeprefix("Subject:").strip(), tuple(messages), ticket_id)
