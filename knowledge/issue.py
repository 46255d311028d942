"""The database's form: `Issue`, the JSON array of `silo_issues_db.json`, and what is wrong with a file that is no database.

The one place that knows the file's keys. Takes files that people wrote; decides nothing and asks no model.
"""

import functools
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from common import files
from common.errors import Unreadable
from common.forms import is_number, is_share, is_text, list_of, map_of
from common.text import one_letter_off
from knowledge.paths import RunFiles

LEFT_AS_IT_IS = ". The file is left as it is; "
IssueStatus = Literal["provisional", "confirmed"]
MAX_CATEGORY_CHARS = 80
SURE = 0.7
"""Below this confidence a decision founds a provisional issue and goes to a person (the plan's rule)."""


def _part(label: str, max_chars: int, default: Any = "") -> Any:
    """A field of `Card`: how people call it, and how many characters a person may write into it, or into each entry of a list."""
    return field(default=default, metadata={"label": label, "max_chars": max_chars})


@dataclass(frozen=True, slots=True)
class Card:
    """What the knowledge base says about an issue: the one list of these fields, in the order of the file."""

    category: str = _part("Category", 200)
    short_description: str = _part("Description", 2_000)
    keywords: tuple[str, ...] = _part("Keywords", 200, ())
    root_cause: str = _part("Root cause", 10_000)
    resolution_steps: tuple[str, ...] = _part("Steps", 2_000, ())
    notes: str = _part("Notes", 10_000)

    def to_json(self) -> dict[str, Any]:
        """The fields by name, lists as lists."""
        return {entry.name: list(value) if entry.many else value for entry in CARD_FIELDS for value in [getattr(self, entry.name)]}


@dataclass(frozen=True, slots=True)
class CardField:
    """One field of a card: `many` for a list of texts, `max_chars` of each text that a person may write."""

    name: str
    label: str
    many: bool
    max_chars: int


CARD_FIELDS = tuple(CardField(part.name, many=part.default == (), **part.metadata) for part in fields(Card))

_TICKET = re.compile(r"[1-9][0-9]{0,18}")
_EVIDENCE = re.compile(rf"{_TICKET.pattern}:[1-9][0-9]{{0,5}}")


def _is_evidence(value: Any) -> bool:
    return is_text(value) and _EVIDENCE.fullmatch(value) is not None


def _are_tickets(value: Any) -> bool:
    return list_of(is_number)(value) and len(set(value)) == len(value)


_TEXT = (is_text, "be text")
_TEXTS = (list_of(is_text), "be a list of texts")
_TICKETS = (_are_tickets, "be a list of ticket numbers, each of them once")
_FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    **{part.name: _TEXTS if part.many else _TEXT for part in CARD_FIELDS},
    "status": (("", *get_args(IssueStatus)).__contains__, f"be one of {', '.join(get_args(IssueStatus))}"),
    "confidence": (is_share, "be a number from 0 to 1"),
    "tickets": _TICKETS,
    "first_seen": _TEXT,
    "last_seen": _TEXT,
    "merged_from": _TEXTS,
    "distinct_from": _TEXTS,
    "unsure": (map_of(_TICKET.fullmatch, is_share), "map ticket numbers to confidences from 0 to 1"),
    "reviewed": _TICKETS,
    "card_hash": _TEXT,
    "area": _TEXT,
    "kind": _TEXT,
    "may_be_one": (map_of(is_text, is_share), "map issue ids to confidences from 0 to 1"),
    "step_evidence": (list_of(list_of(_is_evidence)), "be a list of lists of ticket:message"),
    "held_back": _TEXT,
}
"""The keys of an issue in the order of the file, after its id: what fits, and how to say it."""
_OPTIONAL = ("area", "kind", "may_be_one", "step_evidence", "held_back")
_KEYS = ("issue_id", *_FORMS)


@dataclass(slots=True)
class Issue:
    """A recurring problem that tickets share: one cause that one fix resolves.

    `tickets` are ticket ids in the order in which they joined; `first_seen` and `last_seen` are UTC days `YYYY-MM-DD` of the earliest and
    latest ticket, "" when unknown; `unsure` maps ticket ids below 0.7 that nobody has reviewed to their confidence; `reviewed` are tickets
    that a person decided, those that stand in no issue were taken out; `confidence` is that of the surest decision that placed a ticket
    here; `extra` holds fields that the program does not know, kept as they are.

    In the file only where there is something to say: `area` and `kind` sort issues broadly; `may_be_one` maps ids of issues that may be
    this one, which people are asked, to the model's confidence; `step_evidence` has for each resolution step the agents' messages that it
    rests on, as `ticket:message`; `held_back` is None, or for an issue that is not offered to tickets the id that was meant ("" for none).
    """

    issue_id: str
    card: Card
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
    area: str = ""
    kind: str = ""
    may_be_one: dict[str, float] = field(default_factory=dict)
    step_evidence: list[list[str]] = field(default_factory=list)
    held_back: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """How people are told of it: its category, or its id where it has none."""
        return self.card.category or self.issue_id

    @property
    def names(self) -> set[str]:
        """Every id that the issue is known by: its own, and those of issues merged into it."""
        return {self.issue_id, *self.merged_from}

    def is_told_from(self, other: "Issue") -> bool:
        """True if a person's word that this is not another issue, under any of that one's names, stands here."""
        return not other.names.isdisjoint(self.distinct_from)

    def written_by_person(self) -> bool:
        """True when the card is not as the program last wrote it: no run may rewrite it."""
        return self.card_hash != card_hash(self.card)

    def checked_by_person(self) -> bool:
        """True when a person wrote the card or decided a ticket that stands here.

        One in `reviewed` that was taken out is only remembered here, at times by an issue that nobody looked at.
        """
        return not set(self.reviewed).isdisjoint(self.tickets) or self.written_by_person()

    def seal_card(self) -> None:
        """Mark the card as the program's own."""
        self.card_hash = card_hash(self.card)


def card_hash(card: Card) -> str:
    """Eight hex digits over the card's fields."""
    text = files.dump_json(list(card.to_json().values()), indent=None)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


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


def in_id_order(issues: Iterable[Issue]) -> list[Issue]:
    """Issues by the number in their ids."""
    return sorted(issues, key=lambda issue: sort_key(issue.issue_id))


def alias_map(issues: Iterable[Issue]) -> dict[str, str]:
    """Every id an issue is known by, its own and those of issues merged into it, mapped to its own.

    >>> alias_map([Issue("ISSUE-7", Card("Lid leaks"), merged_from=["ISSUE-9"])])
    {'ISSUE-9': 'ISSUE-7', 'ISSUE-7': 'ISSUE-7'}
    """
    known = list(issues)
    merged = {alias: issue.issue_id for issue in known for alias in issue.merged_from}
    return {**merged, **{issue.issue_id: issue.issue_id for issue in known}}


def known_name(name: str, names: Mapping[str, str], issues: Mapping[str, Issue]) -> str | None:
    """The id of the issue that a person means, None if that is unclear.

    Said by any id it is known by (`names` is the `alias_map`), in whatever case and with whatever blanks, by the number in one, or by a
    title that no other issue has.

    >>> lid = Issue("ISSUE-5", Card("Lid leaks"), merged_from=["ISSUE-7"])
    >>> [known_name(name, alias_map([lid]), {"ISSUE-5": lid}) for name in ("issue-7 ", "7", "lid leaks", "8")]
    ['ISSUE-5', 'ISSUE-5', 'ISSUE-5', None]
    """
    plain = _plain(name)
    if name in names or not plain:
        return names[name] if names.get(name) in issues else None
    found = {now for known, now in names.items() if _plain(known) in (plain, f"issue-{plain}")} & issues.keys()
    found = found or {issue.issue_id for issue in issues.values() if _plain(issue.card.category) == plain}
    return found.pop() if len(found) == 1 else None


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


@dataclass(frozen=True, slots=True)
class Stored:
    """A database as it stood in its file: issues by id in order, and the SHA-256 of the file's bytes (of none, if there is no file)."""

    issues: dict[str, Issue]
    sha256: str


def load(path: Path) -> dict[str, Issue]:
    """The issues of a database file by id, in order; empty if there is no file. Raises `Unreadable`."""
    return load_stored(path).issues


def load_stored(path: Path) -> Stored:
    """The issues of a database file and its digest; empty if there is no file. Raises `Unreadable`."""
    try:
        content = files.read_bytes(path)
        issues = {} if content is None else parse(files.decoded(content, name=str(path)), name=str(path))
    except Unreadable as error:
        backup = RunFiles(path).backup
        restore = f"put {backup} in its place" if backup.exists() else "restore it"
        raise Unreadable(f"{error}{LEFT_AS_IT_IS}{restore} or choose another --output") from error
    return Stored(issues, hashlib.sha256(content or b"").hexdigest())


def parse(text: str, *, name: str) -> dict[str, Issue]:
    """The issues of a database text. Raises `Unreadable` naming what is wrong and where."""
    try:
        data = files.parse_json(text, name=name)
        if not isinstance(data, list):
            raise ValueError("it is not a JSON array of issues")
        issues = [from_json(item, place=f"entry {number}") for number, item in enumerate(data, start=1)]
        _check_together(issues)
    except (ValueError, Unreadable) as error:
        raise Unreadable(f"{name} is no issue database: {error}") from error
    return {issue.issue_id: issue for issue in in_id_order(issues)}


def render(issues: Iterable[Issue]) -> str:
    """The database's text: an array ordered by the number in the id, indent 2, final newline."""
    return files.dump_json([to_json(issue) for issue in in_id_order(issues)]) + "\n"


def to_json(issue: Issue) -> dict[str, Any]:
    """One issue in the file's form."""
    card = issue.card.to_json()
    values = {key: card[key] if key in card else getattr(issue, key) for key in _KEYS}
    values["unsure"] = {str(ticket): issue.unsure[ticket] for ticket in sorted(issue.unsure)}
    values["may_be_one"] = {name: issue.may_be_one[name] for name in sorted(issue.may_be_one, key=sort_key)}
    for key in _OPTIONAL:
        if not values[key] and (key != "held_back" or values[key] is None):
            del values[key]
    return {**values, **{key: issue.extra[key] for key in sorted(issue.extra)}}


def from_json(item: Any, *, place: str = "the issue") -> Issue:
    """One issue from the file's form; missing optional fields get their defaults. Raises ValueError naming `place`."""
    if not isinstance(item, dict):
        raise ValueError(f"{place} is not an object")
    issue_id = item.get("issue_id")
    if not isinstance(issue_id, str) or not issue_id.strip():
        raise ValueError(f"{place} has no issue_id")
    _refuse_damaged_keys(item, place=f"{place} ({issue_id})")
    values = {key: item[key] for key in _FORMS if item.get(key) is not None}
    for key, value in values.items():
        fits, words = _FORMS[key]
        if not fits(value):
            raise ValueError(f"{place} ({issue_id}): {key} must {words}")
    card: dict[str, Any] = {part.name: values.pop(part.name) for part in CARD_FIELDS if part.name in values}
    card = {key: tuple(value) if isinstance(value, list) else value for key, value in card.items()}
    issue = Issue(issue_id, Card(**card), **values, extra={key: value for key, value in item.items() if key not in _KEYS})
    issue.status, issue.confidence = issue.status or "provisional", float(issue.confidence)
    issue.unsure = {int(ticket): float(sure) for ticket, sure in issue.unsure.items()}
    issue.may_be_one = {name: float(sure) for name, sure in issue.may_be_one.items()}
    return issue


def _refuse_damaged_keys(item: Mapping[str, Any], *, place: str) -> None:
    """Raises ValueError for a key one letter away from a known one, and for an issue of ours without tickets: they would be lost."""
    for key in item.keys() - set(_KEYS):
        for known in _KEYS:
            if known not in item and (key.lower() == known or one_letter_off(key, known)):
                raise ValueError(f"{place} has a key {key!r}; is {known!r} meant?")
    if item.get("card_hash") and "tickets" not in item:
        raise ValueError(f"{place} has no tickets; an issue that the program wrote has a list of them, be it empty")


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
