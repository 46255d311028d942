"""The database's form: `Issue`, the JSON array of `silo_issues_db.json`, and what is wrong with a file that is no database.

The one place that knows the file's keys. Takes files that people wrote; decides nothing and asks no model.
"""

import functools
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from common import files
from common.errors import Unreadable

IssueStatus = Literal["provisional", "confirmed"]
CARD_FIELDS = ("category", "short_description", "keywords", "root_cause", "resolution_steps", "notes")
MAX_CATEGORY_CHARS = 80
SURE = 0.7
"""Below this confidence a decision founds a provisional issue and goes to a person (the plan's rule)."""

_KEYS = (
    "issue_id", *CARD_FIELDS, "status", "confidence", "tickets", "first_seen", "last_seen",
    "merged_from", "distinct_from", "unsure", "reviewed", "card_hash",
)  # fmt: skip


@dataclass(slots=True)
class Issue:
    """A recurring problem that tickets share: one cause that one fix resolves.

    `tickets` are ticket ids in the order in which they joined; `first_seen` and `last_seen` are UTC days `YYYY-MM-DD` of the earliest and
    latest ticket, "" when unknown; `unsure` maps ticket ids below 0.7 that nobody has reviewed to their confidence; `confidence` is that of
    the surest decision that placed a ticket here; `extra` holds fields that the program does not know, kept as they are.
    """

    issue_id: str
    category: str
    short_description: str = ""
    keywords: list[str] = field(default_factory=list)
    root_cause: str = ""
    resolution_steps: list[str] = field(default_factory=list)
    notes: str = ""
    status: IssueStatus = "provisional"
    confidence: float = 0.0
    tickets: list[int] = field(default_factory=list)
    first_seen: str = ""
    last_seen: str = ""
    merged_from: list[str] = field(default_factory=list)
    distinct_from: list[str] = field(default_factory=list)
    unsure: dict[int, float] = field(default_factory=dict)
    reviewed: list[int] = field(default_factory=list)
    card_hash: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def written_by_person(self) -> bool:
        """True when the card is not as the program last wrote it: no run may rewrite it."""
        return self.card_hash != card_hash(self)

    def seal_card(self) -> None:
        """Mark the card as the program's own."""
        self.card_hash = card_hash(self)


def card_hash(issue: Issue) -> str:
    """Eight hex digits over the card's six fields."""
    card = files.dump_json([getattr(issue, name) for name in CARD_FIELDS], indent=None)
    return hashlib.sha256(card.encode()).hexdigest()[:8]


@functools.lru_cache(maxsize=65_536)  # sorting asks for the same ids again and again
def sort_key(issue_id: str) -> tuple[int, int, tuple[tuple[int, int, str], ...]]:
    """Order of issues: `ISSUE-<n>` by n, then `ISSUE-<n>-<m>`, then ids of other forms in natural order.

    >>> sorted(["ISSUE-10", "WIFI-2", "ISSUE-9-2", "ISSUE-9"], key=sort_key)
    ['ISSUE-9', 'ISSUE-9-2', 'ISSUE-10', 'WIFI-2']
    """
    own = re.fullmatch(r"ISSUE-([0-9]{1,18})(?:-([0-9]{1,18}))?", issue_id)
    if own:
        return (0, int(own[1]), ((0, int(own[2] or 0), issue_id),))
    parts = re.findall(r"[0-9]+|[^0-9]+", issue_id)
    natural = tuple((0, int(part[:18]), part) if part[0] in "0123456789" else (1, 0, part) for part in parts)
    return (1, 0, natural)


def alias_map(issues: Iterable[Issue]) -> dict[str, str]:
    """Every id an issue is known by, its own and those of issues merged into it, mapped to its own.

    >>> alias_map([Issue("ISSUE-7", "Lid leaks", merged_from=["ISSUE-9"])])
    {'ISSUE-9': 'ISSUE-7', 'ISSUE-7': 'ISSUE-7'}
    """
    known = list(issues)
    merged = {alias: issue.issue_id for issue in known for alias in issue.merged_from}
    return {**merged, **{issue.issue_id: issue.issue_id for issue in known}}


def load(path: Path) -> dict[str, Issue]:
    """The issues of a database file by id, in order; empty if there is no file. Raises `Unreadable`."""
    try:
        text = files.read_text(path)
        return {} if text is None else parse(text, name=str(path))
    except Unreadable as error:
        raise Unreadable(f"{error}. The file is left as it is; restore it (see its .bak) or choose another --output.") from error


def parse(text: str, *, name: str) -> dict[str, Issue]:
    """The issues of a database text. Raises `Unreadable` naming what is wrong and where."""
    try:
        data = files.parse_json(text, name=name)
        if not isinstance(data, list):
            raise ValueError("it is not a JSON array of issues")
        issues = [from_json(item, place=f"entry {number}") for number, item in enumerate(data, start=1)]
        _check_together(issues)
    except (ValueError, Unreadable) as error:
        message = f"{name} is no issue database: {error}. The file is left as it is; restore it (see its .bak) or choose another --output."
        raise Unreadable(message) from error
    return {issue.issue_id: issue for issue in sorted(issues, key=lambda issue: sort_key(issue.issue_id))}


def render(issues: Iterable[Issue]) -> str:
    """The database's text: an array ordered by the number in the id, indent 2, final newline."""
    ordered = sorted(issues, key=lambda issue: sort_key(issue.issue_id))
    return files.dump_json([to_json(issue) for issue in ordered]) + "\n"


def to_json(issue: Issue) -> dict[str, Any]:
    """One issue in the file's form."""
    known = {key: getattr(issue, key) for key in _KEYS}
    known["unsure"] = {str(ticket): issue.unsure[ticket] for ticket in sorted(issue.unsure)}
    return {**known, **{key: issue.extra[key] for key in sorted(issue.extra)}}


def from_json(item: Any, *, place: str = "the issue") -> Issue:
    """One issue from the file's form; missing optional fields get their defaults. Raises ValueError naming `place`."""
    if not isinstance(item, dict):
        raise ValueError(f"{place} is not an object")
    issue_id = item.get("issue_id")
    if not isinstance(issue_id, str) or not issue_id.strip():
        raise ValueError(f"{place} has no issue_id")
    read = _Reader(item, place=f"{place} ({issue_id})")
    status = read.text("status") or "provisional"
    if status not in get_args(IssueStatus):
        raise ValueError(f"{place} ({issue_id}): status must be one of {', '.join(get_args(IssueStatus))}")
    return Issue(
        issue_id=issue_id,
        **{name: read.text(name) for name in ("category", "short_description", "root_cause", "notes")},
        keywords=read.texts("keywords"),
        resolution_steps=read.texts("resolution_steps"),
        status=status,  # type: ignore[arg-type] # checked above
        confidence=read.confidence(item.get("confidence"), "confidence"),
        tickets=read.ticket_ids("tickets"),
        first_seen=read.text("first_seen"),
        last_seen=read.text("last_seen"),
        merged_from=read.texts("merged_from"),
        distinct_from=read.texts("distinct_from"),
        unsure=read.unsure(),
        reviewed=read.ticket_ids("reviewed"),
        card_hash=read.text("card_hash"),
        extra={key: value for key, value in item.items() if key not in _KEYS},
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Fields of one entry, each checked for its type."""

    item: Mapping[str, Any]
    place: str

    def text(self, key: str) -> str:
        value = self.item.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise ValueError(f"{self.place}: {key} must be text")
        return value

    def texts(self, key: str) -> list[str]:
        value = self.item.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise ValueError(f"{self.place}: {key} must be a list of texts")
        return list(value)

    def ticket_ids(self, key: str) -> list[int]:
        value = self.item.get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(type(entry) is int and entry > 0 for entry in value):
            raise ValueError(f"{self.place}: {key} must be a list of ticket numbers")
        if len(set(value)) != len(value):
            raise ValueError(f"{self.place}: a ticket stands twice in {key}")
        return list(value)

    def confidence(self, value: Any, key: str) -> float:
        if value is None:
            return 0.0
        if type(value) not in (int, float) or not 0 <= value <= 1:
            raise ValueError(f"{self.place}: {key} must be a number from 0 to 1")
        return float(value)

    def unsure(self) -> dict[int, float]:
        value = self.item.get("unsure")
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(re.fullmatch(r"[1-9][0-9]{0,18}", key) for key in value):
            raise ValueError(f"{self.place}: unsure must map ticket numbers to confidences")
        return {int(key): self.confidence(entry, f"unsure[{key}]") for key, entry in value.items()}


def _check_together(issues: list[Issue]) -> None:
    """Ids are unique and a ticket stands in one issue; raises ValueError."""
    seen: set[str] = set()
    home: dict[int, str] = {}
    for issue in issues:
        if issue.issue_id in seen:
            raise ValueError(f"{issue.issue_id} stands twice")
        seen.add(issue.issue_id)
        for ticket in issue.tickets:
            if ticket in home:
                raise ValueError(f"ticket {ticket} stands in {home[ticket]} and in {issue.issue_id}")
            home[ticket] = issue.issue_id
