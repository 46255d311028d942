"""What stands in the program's prompts: the offered issues, the ticket, the messages. Reads text; decides and writes nothing."""

import re
from dataclasses import dataclass

SCHEMA_NAMES = ("issue_decision", "issue_overview", "issue_merge", "issue_card")
_MESSAGE = re.compile(r"^\[([0-9]+)\] (customer|agent|internal note): ?")
_OFFER = re.compile(r"^(\S+) \| (.*)$")
_TICKET = "TICKET TO DECIDE"


@dataclass(frozen=True, slots=True)
class Offered:
    """An issue as the prompt shows it: its id, its title, all that is said about it, and the share of words in common (0 to 1)."""

    issue_id: str
    category: str
    text: str
    likeness: float = 0.0


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the ticket: its number in the prompt, who wrote it (`customer`, `agent`, `internal note`) and the text."""

    number: int
    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """The ticket of a prompt."""

    subject: str
    messages: tuple[Said, ...]

    def by(self, *speakers: str) -> list[Said]:
        """The messages of these speakers, in order."""
        return [message for message in self.messages if message.speaker in speakers]


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
    said, _, share = text.rpartition(" | ")
    if not re.fullmatch("[0-9]{1,3}%", share):
        said, share = text, "0%"
    return Offered(issue_id, said.split(" | ")[0], said, int(share[:-1]) / 100)


def read_issues(user: str) -> list[Offered]:
    """The issues of a question about issues: each begins with its id at the start of a line, what is said about it is indented."""
    offered: list[Offered] = []
    for line in user.split("\n"):
        row = _OFFER.match(line)
        if row:
            offered.append(Offered(row[1], row[2], row[2]))
        elif offered and line.startswith("  "):
            last = offered.pop()
            text = line.strip().partition(": ")[2]
            offered.append(Offered(last.issue_id, last.category, f"{last.text}\n{text}"))
    return offered


def read_card(user: str) -> tuple[str, list[Ticket]]:
    """The category an issue has, and its tickets."""
    issue, *tickets = user.split("\nTICKET\n")
    offered = read_issues(issue)
    return (offered[0].category if offered else ""), [_ticket(text) for text in tickets]


def _ticket(text: str) -> Ticket:
    first, _, rest = text.partition("\n")
    messages: list[Said] = []
    for line in rest.split("\n"):
        start = _MESSAGE.match(line)
        if start:
            messages.append(Said(int(start[1]), start[2], line[start.end() :]))
        elif messages:
            last = messages.pop()
            messages.append(Said(last.number, last.speaker, f"{last.text}\n{line.strip()}"))
    return Ticket(first.removeprefix("Subject:").strip(), tuple(messages))
