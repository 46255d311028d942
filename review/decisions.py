"""A person's decisions as they come in: the review CSV or the report page's `review.json`, read into typed steps.

Names every row that cannot be read and why. Knows no database, so whether a step fits it is decided elsewhere.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from common import files as safe_files
from common.errors import Unreadable
from knowledge import issue
from knowledge.issue import CardField
from knowledge.paths import RunFiles
from review import list as review_list
from review.list import DECISIONS, TicketVerb

IssueVerb = Literal["merge", "split", "edit", "distinct"]
_MAX_ITEMS = 100
_NO_EXPORTS = (".run_report.json", ".tmp.json")


@dataclass(frozen=True, slots=True)
class TicketStep:
    """What a person decided about one ticket.

    `place` is where it stands in the file. `was_in` is the issue the ticket stood in when the person looked, `suggested` what the model
    meant ("" for nothing) and `suggested_category` its title, all None when the file does not say. `again` is True when the person saw
    that the ticket had been reviewed before. `card` is what the person wrote for a new issue.
    """

    place: str
    verb: TicketVerb
    ticket_id: int
    was_in: str | None = None
    suggested: str | None = None
    target: str | None = None
    again: bool = False
    card: Mapping[str, Any] = field(default_factory=dict)
    suggested_category: str | None = None


@dataclass(frozen=True, slots=True)
class IssueStep:
    """What a person decided about whole issues; `card_was` is the hash of the card that the person looked at, None if not said."""

    place: str
    verb: IssueVerb
    issue_ids: tuple[str, ...]
    ticket_ids: tuple[int, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)
    card_was: str | None = None


Step: TypeAlias = TicketStep | IssueStep


def tickets_of(step: Step) -> tuple[int, ...]:
    """The tickets that a step decides."""
    return (step.ticket_id,) if isinstance(step, TicketStep) else step.ticket_ids


@dataclass(slots=True)
class ReviewFile:
    """Steps in the order in which they are to be tried, and what is wrong in the file itself, each with its place; `name` is the file's."""

    name: str
    steps: list[Step] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def load(*paths: Path) -> ReviewFile:
    """The steps of a review file, CSV or JSON by its content; of several, of all of them, each place with its file. Raises `Unreadable`."""
    review = ReviewFile(" and ".join(map(str, paths)))
    for path in paths:
        found, said = _read(path), {_word(step) for step in review.steps} - {""}
        where = f"{path.name}, " if len(paths) > 1 else ""
        review.problems += [f"{where}{problem}" for problem in found.problems]
        review.steps += [replace(step, place=f"{where}{step.place}") for step in found.steps if _word(step) not in said]
    _take_repeated_out(review)
    return review


def spoken(verb: str, target: str | None) -> str:
    """A decision on a ticket in the words of the list."""
    return f"{verb} {target or ''}".strip() if verb == "move" else verb


def _word(step: Step) -> str:
    """A decision on a ticket apart from where it was made; "" for what says more than that."""
    return "" if isinstance(step, IssueStep) or step.card else f"{step.ticket_id} {spoken(step.verb, step.target)}"


def _read(path: Path) -> ReviewFile:
    """The steps of an export in its order; of a list by ticket id, so that the order a spreadsheet sorted it into changes nothing."""
    content = safe_files.read_bytes(path, max_bytes=review_list.MAX_LIST_BYTES)
    if content is None:
        raise Unreadable(f"cannot read {path}: there is no such file")
    review = ReviewFile(str(path))
    read: Callable[[str, Any], Step]
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        read, actions = _json_step, _actions(content, name=review.name)
        found: list[tuple[str, Any]] = [(f"action {number}", item) for number, item in enumerate(actions, start=1)]
    else:
        read, rows = _list_step, sorted(review_list.parse(content, name=review.name), key=lambda row: row.ticket_id)
        found = [(f"row {row.number}", row) for row in rows if row.problem or row.filled]
    for place, item in found:
        try:
            review.steps.append(read(place, item))
        except ValueError as error:
            review.problems.append(f"{place}: {error}")
    return review


def _list_step(place: str, row: review_list.ListRow) -> Step:
    """The decision in a row of the list."""
    if row.problem:
        raise ValueError(row.problem)
    verb: Any = row.cells["decision"].lower()
    if not verb:
        raise ValueError(f"ticket {row.ticket_id} has a target_issue_id but no decision")
    if verb not in DECISIONS:
        raise ValueError(f"ticket {row.ticket_id}: decision {row.cells['decision'][:40]!r} is none of {', '.join(DECISIONS)}")
    return _ticket_step(place, verb, {**row.cells, "ticket_id": row.ticket_id})


def exports(files: RunFiles) -> list[Path]:
    """Each `review*.json` beside a database, the newest last; no file of the program's own, whatever a database is called."""
    found = [path for path in files.database.parent.glob("review*.json") if path.is_file() and not files.own(path)]
    foreign = [path for path in found if not (path.name.endswith(_NO_EXPORTS) or RunFiles(path).digests.exists())]
    return sorted(foreign, key=lambda path: (path.stat().st_mtime_ns, path.name))


def without(path: Path, gone: Collection[int | str]) -> str | None:
    """The text of an export that no longer decides on tickets and issues that are gone; None if it does not anyway, or is no export."""
    try:
        actions = _actions(safe_files.read_bytes(path, max_bytes=review_list.MAX_LIST_BYTES) or b"", name=str(path))
    except Unreadable:
        return None
    left = [action for action in (_left_of(action, list(gone)) for action in actions) if action is not None]
    return None if left == actions else safe_files.dump_json({"kind": review_list.KIND, "version": 1, "actions": left}) + "\n"


def _left_of(action: Any, gone: list[Any]) -> Any:
    """An action without the tickets and issues that are gone; None if nothing is left to do."""
    if not isinstance(action, dict):
        return action
    left = {key: [entry for entry in value if entry not in gone] if isinstance(value, list) else value for key, value in action.items()}
    too_few = any(
        left[key] != action[key] and len(left[key]) < least for key, least in (("ticket_ids", 1), ("issue_ids", 2)) if key in left
    )
    return None if too_few or action.get("ticket_id") in gone or action.get("issue_id") in gone else left


def _actions(content: bytes, *, name: str) -> list[Any]:
    try:
        data = safe_files.parse_json(safe_files.decoded(content, name=name), name=name)
    except Unreadable as error:
        raise Unreadable(f"{error}. Export the review from the report page again.") from error
    if not isinstance(data, dict) or data.get("kind") != review_list.KIND or not isinstance(data.get("actions"), list):
        raise Unreadable(
            f"{name} is no review file: it has not the kind {review_list.KIND!r} and a list of actions, as the report page exports it"
        )
    return list(data["actions"])


def _json_step(place: str, item: Any) -> Step:
    if not isinstance(item, dict):
        raise ValueError("is not an object")
    verb: Any = item.get("action")
    if verb in DECISIONS:
        return _ticket_step(place, verb, item)
    if verb in get_args(IssueVerb):
        return _issue_step(place, verb, item)
    raise ValueError(f"action {str(verb)[:40]!r} is none of {', '.join((*DECISIONS, *get_args(IssueVerb)))}")


def _ticket_step(place: str, verb: TicketVerb, item: Mapping[str, Any]) -> TicketStep:
    """A decision on one ticket, from a row's cells or an action's fields, which have the same names. Raises ValueError."""
    ticket_id, was_in, target = _ticket(item.get("ticket_id")), _text_of(item, "issue_id"), _text_of(item, "target_issue_id")
    suggested = _text_of(item, "suggested_issue_id")
    if was_in and item.get("suggested_issue_id") == "":
        suggested = ""  # a row that says what was seen, and it was nothing
    card = _card(item.get("card"))
    if card and verb != "new":
        raise ValueError(f"ticket {ticket_id}: only new takes a card")
    if verb == "move" and not target:
        raise ValueError(f"ticket {ticket_id}: move needs a target_issue_id")
    if target and verb != "move" and target != {"confirm": was_in, "accept": suggested}.get(verb):
        raise ValueError(f"ticket {ticket_id}: {verb} takes no target_issue_id; write move to put it into {target}")
    return TicketStep(
        place=place,
        verb=verb,
        ticket_id=ticket_id,
        was_in=was_in,
        suggested=suggested,
        target=target,
        again=item.get("reviewed") is True,
        card=card,
        suggested_category=_text_of(item, "suggested_category"),
    )


def _issue_step(place: str, verb: IssueVerb, item: Mapping[str, Any]) -> IssueStep:
    ids = item.get("issue_ids", [item["issue_id"]] if "issue_id" in item else [])
    if not isinstance(ids, list) or not ids or not all(isinstance(name, str) and name.strip() for name in ids):
        raise ValueError(f"{verb} names no issue")
    wanted = {"merge": range(2, 1_000), "distinct": range(2, 3), "split": range(1, 2), "edit": range(1, 2)}[verb]
    if len(ids) not in wanted:
        raise ValueError(f"{verb} names {len(ids)} issues")
    tickets = item.get("ticket_ids", [])
    if not isinstance(tickets, list):
        raise ValueError(f"{verb}: ticket_ids is not a list")
    card = _card(item.get("card"))
    if verb == "split" and not tickets:
        raise ValueError("split names no ticket")
    if verb == "edit" and not card:
        raise ValueError("edit changes nothing")
    return IssueStep(place, verb, tuple(ids), tuple(_ticket(ticket) for ticket in tickets), card, _text_of(item, "card_hash"))


def _ticket(value: Any) -> int:
    if type(value) is not int or value <= 0:
        raise ValueError(f"{str(value)[:40]!r} is no ticket number")
    return value


def _text_of(item: Mapping[str, Any], key: str) -> str | None:
    value = item.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{key} is not text")
    return value or None


def _card(value: Any) -> dict[str, Any]:
    """The fields of a card that a person wrote, without characters that no file can hold. Raises ValueError."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError("card is not an object")
    known = {part.name: part for part in issue.CARD_FIELDS}
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise ValueError(f"card has the unknown field {unknown[0][:40]!r}")
    card = {name: _texts(part, value[name]) if part.many else _text(part, value[name]) for name, part in known.items() if name in value}
    if "category" in card and not card["category"]:
        raise ValueError("category is empty")
    return card


def _texts(part: CardField, value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > _MAX_ITEMS:
        raise ValueError(f"{part.name} is not a list of up to {_MAX_ITEMS} texts")
    return [text for text in (_text(part, item) for item in value) if text]


def _text(part: CardField, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{part.name} is not text")
    if len(value) > part.max_chars:
        raise ValueError(f"{part.name} is longer than {part.max_chars} characters")
    clean = value.encode("utf-8", "replace").decode()
    return "".join(char for char in clean if (char >= " " and char != "\x7f") or char in "\n\t").strip()


def _take_repeated_out(review: ReviewFile) -> None:
    """A ticket may be decided once in a file; steps that decide one again are problems and no steps."""
    counts = Counter(ticket for step in review.steps for ticket in tickets_of(step))
    for ticket in sorted(ticket for ticket, count in counts.items() if count > 1):
        places = [step.place for step in review.steps if ticket in tickets_of(step)]
        review.problems.append(f"{', '.join(places)}: ticket {ticket} is decided more than once")
    review.steps = [step for step in review.steps if all(counts[ticket] == 1 for ticket in tickets_of(step))]
