"""Looking at prompts: what is sent, what comes back, what was read from it, and what would become of the ticket.

Changes and writes nothing. The answers go through unchanged, so that what is seen is what a run does.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from common.text import aligned, for_terminal, shortened
from issue_clusterer import IssueClusterer, Item, unread
from knowledge.decision import DecisionRow
from knowledge.issue import SURE, Issue
from llm.protocol import Answer, AnswerUnusable, Ask, ContextTooLong, JsonSchema, Messages

T = TypeVar("T")
RULE = "=" * 78
SUBJECT_CHARS = 60


@dataclass(frozen=True, slots=True)
class Look:
    """One ticket's line of the table at the end: where it is and where it would go; `confidence` None if there was no usable answer.

    `changes`: it would stand elsewhere than now; `failure`: why nothing could be seen.
    """

    ticket_id: int
    now: str
    would_be: str
    confidence: float | None = None
    changes: bool = False
    failure: DecisionRow | None = None


class Shown:
    """An asking that prints its four parts: system message (where it is not the one before), user message, raw answer, parsed answer."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._system = ""
        self.paid = False

    def __call__(self, messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T]:
        """The answer, printed on the way; `paid` is true from now on if it was not in the store."""
        for message in messages:
            self._print_message(message["role"], message["content"])

        def parse_shown(text: str) -> T:
            _print_part("raw answer", text)
            value = parse(text)
            _print_part("parsed answer", _as_json(value))
            return value

        answer = self._ask(messages, schema=schema, parse=parse_shown)
        self.paid = self.paid or not answer.from_store
        return answer

    def _print_message(self, role: str, text: str) -> None:
        if role == "system" and text == self._system:
            print("(the system message is the one above)\n")
            return
        self._system = text if role == "system" else self._system
        _print_part(f"{role} message", text)


def look(item: Item, clusterer: IssueClusterer, shown: Shown) -> Look:
    """What would become of one ticket, printed on the way; `shown` is what the clusterer asks."""
    home = clusterer.home(item.ticket_id if isinstance(item, DecisionRow) else item["ticket_id"])
    now = home.issue_id if home is not None else "-"
    if isinstance(item, DecisionRow):
        return _failed(item, now)
    print(head(item["ticket_id"], item["subject"], home))
    if item["ignored"]:
        print(f"a run would ignore it: {for_terminal(item['ignored'])}")
    shown.paid = False
    try:
        found = clusterer.preview(item)
    except (AnswerUnusable, ContextTooLong) as error:
        return _failed(unread(item["ticket_id"], str(error), item["subject"]), now)
    answer = found.answer
    category = "" if answer.unclear else answer.card.category
    said = verdict(found.joins, answer.issue_id, found.confidence, clusterer.issues, category=category, paid=shown.paid)
    print(said + "\n")
    own = now if home is not None and home.tickets == [item["ticket_id"]] else "new"
    doubt = f" (may be {answer.issue_id})" if answer.issue_id and not found.joins else ""
    return Look(item["ticket_id"], now, (found.joins or own) + doubt, found.confidence, changes=(found.joins or own) != now)


def _failed(failure: DecisionRow, now: str) -> Look:
    print(f"=> no usable answer for ticket {failure.ticket_id}: {for_terminal(failure.reason)}\n")
    return Look(failure.ticket_id, now, "failed", failure=failure)


def head(ticket_id: int, subject: str, home: Issue | None) -> str:
    """The line above a ticket's prompt."""
    where = f"in the database: {home.issue_id}" if home is not None else "not in the database"
    return for_terminal(f'TICKET {ticket_id} "{shortened(subject, SUBJECT_CHARS)}"  {where}')


def verdict(joins: str | None, meant: str | None, confidence: float, issues: Mapping[str, Issue], *, category: str, paid: bool) -> str:
    """What would become of a ticket: `joins` is the issue it joins, `meant` the one that the model named; no `category`: none stated."""
    named = f'{meant} "{issues[meant].card.category}"' if meant is not None and meant in issues else meant
    if joins is not None:
        text = f"would join {named} at {confidence:.2f}"
    elif meant is not None:
        text = f"may belong to {named} at {confidence:.2f}, below {SURE}: provisional, listed for review"
    elif not category:
        text = f"states no problem, at {confidence:.2f}: provisional, listed for review"
    else:
        listed = "" if confidence >= SURE else f", below {SURE}: provisional, listed for review"
        text = f'would found a new issue "{category}" at {confidence:.2f}{listed}'
    return for_terminal(f"=> {text}; {'asked now' if paid else 'stored answer, no cost'}")


def table(looks: Sequence[Look]) -> str:
    """All tickets that were looked at, a line each: what iterating prompts is about."""
    rows = [("ticket", "now", "would be", "confidence")]
    rows += [(str(look.ticket_id), look.now, look.would_be, "-" if look.confidence is None else f"{look.confidence:.2f}") for look in looks]
    changed = sum(look.changes for look in looks)
    lines = [for_terminal(line) for line in aligned(rows)]
    return "\n".join([RULE, *lines, f"{len(looks)} looked at, {changed} would change; nothing was written"])


def _print_part(title: str, text: str) -> None:
    lines = "\n".join(for_terminal(line) for line in text.splitlines())
    print(f"{RULE}\n{title.upper()}\n{RULE}\n{lines}\n")


def _as_json(value: Any) -> str:
    """A parsed answer as JSON, one field a line; whatever is no record stands as text."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return str(value)
    fields = json.loads(json.dumps(dataclasses.asdict(value), ensure_ascii=False, default=str))
    return "\n".join(f"{name}: {json.dumps(entry, ensure_ascii=False)}" for name, entry in fields.items())
