"""The decision log `decisions.jsonl`: one typed row a ticket that says why the ticket is where it is.

It is a log, not state: a line that cannot be read is left out with a warning and never stops a run. Holds no clock and no token
counts, so equal decisions give equal bytes. Decides nothing.
"""

import hashlib
import logging
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from common import files
from common.errors import Unreadable

logger = logging.getLogger(__name__)

FAILURES_TO_SET_ASIDE = 3

Outcome = Literal["matched", "new", "provisional", "reviewed", "ignored", "failed"]
DecidedBy = Literal["", "model", "person"]


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """Why one ticket is where it is; the fields stand in the order of the file.

    `issue_id` is None for a ticket that is in no issue, as failed and ignored ones must be (else ValueError); `confidence` is that of the
    decision made, None when nothing was decided; `evidence` are numbers of messages, counted from 1; `candidates` are the issue ids that
    were shown; `short_description`, `second_choice` (the id that would be next) and `kind` are the model's words on the ticket, in the file
    only where it said something; `confidence_raw` is the model's own word before any guard lowered it; `guards` are the guards that did;
    `extra` holds keys the program does not know. `failures`: in how many runs one after the other the ticket failed in the same words, in
    the file where it did.
    """

    ticket_id: int
    issue_id: str | None
    outcome: Outcome
    confidence: float | None = None
    suggested_issue_id: str | None = None
    reason: str = ""
    evidence: tuple[int, ...] = ()
    candidates: tuple[str, ...] = ()
    subject: str = ""
    url: str = ""
    created_at: str = ""
    updated_at: str = ""
    conversation_sha256: str = ""
    model: str = ""
    prompt_version: str = ""
    short_description: str = ""
    second_choice: str = ""
    kind: str = ""
    confidence_raw: float | None = None
    guards: tuple[str, ...] = ()
    failures: int = 0
    decided_by: DecidedBy = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def set_aside(self) -> bool:
        """True for a ticket that failed so often that it is not tried again by itself, nor makes a run incomplete."""
        return self.failures >= FAILURES_TO_SET_ASIDE

    def __post_init__(self) -> None:
        if self.outcome in ("failed", "ignored") and self.issue_id is not None:
            raise ValueError(f"ticket {self.ticket_id} is {self.outcome} and stands in no issue")


_OUTCOMES, _DECIDERS = get_args(Outcome), get_args(DecidedBy)
_KEYS = tuple(entry.name for entry in fields(DecisionRow) if entry.name != "extra")
_KNOWN = frozenset((*_KEYS, "margin"))  # of earlier versions, and kept no longer
_SAID = ("short_description", "second_choice", "kind")
_whole: set[bytes] = set()
"""Digests of contents that were found to hold no damaged line: each is parsed once."""


def load(path: Path) -> dict[int, DecisionRow]:
    """The rows of a decision log by ticket id, in order; empty if there is no file. Lines that cannot be read are left out, with a warning.

    A ticket that stands twice has its last row. Never raises for what is in the file.
    """
    try:
        rows, bad = _parse(files.read_bytes(path) or b"", name=str(path))
    except Unreadable as error:
        logger.warning("%s; going on without the decision log", error)
        return {}
    if bad:
        logger.warning("%s: %d damaged lines left out (the first is line %d); the database is not touched by this", path, len(bad), bad[0])
    return rows


def write(path: Path, rows: Collection[DecisionRow]) -> None:
    """Put the log at `path`; one with damaged lines in it is kept beside it first, with `.unreadable` at its end. Raises `Unwritable`."""
    if _is_damaged(path):
        logger.warning("%s is kept as %s, for some of it cannot be read", path, files.keep_aside(path).name)
    files.write_if_changed(path, lambda: lines(rows))


def render(rows: Iterable[DecisionRow]) -> str:
    """The log's text: one JSON object a line, ordered by ticket id, each line ended by `\\n`."""
    return "".join(lines(rows))


def lines(rows: Iterable[DecisionRow]) -> Iterator[str]:
    """The lines of the log's text, one by one: they are many."""
    for row in sorted(rows, key=lambda row: row.ticket_id):
        yield files.dump_json(to_json(row), indent=None) + "\n"


def to_json(row: DecisionRow) -> dict[str, Any]:
    """One row in the file's form."""
    known = {key: getattr(row, key) for key in _KEYS}
    for key in ("evidence", "candidates", "guards"):
        known[key] = list(known[key])
    for key in (*_SAID, "failures"):
        if not known[key]:
            del known[key]
    return {**known, **{key: row.extra[key] for key in sorted(row.extra) if key not in _KNOWN}}


def from_json(item: Any) -> DecisionRow:
    """One row from the file's form; optional fields that are missing or misshapen get their defaults. Raises ValueError."""
    if not isinstance(item, dict):
        raise ValueError("not an object")
    ticket_id = item.get("ticket_id")
    outcome: Any = item.get("outcome")
    decided_by: Any = item.get("decided_by")
    if type(ticket_id) is not int or ticket_id <= 0:
        raise ValueError("no ticket_id")
    if outcome not in _OUTCOMES:
        raise ValueError("no outcome that this program knows")
    texts = ("reason", "subject", "created_at", "updated_at", "conversation_sha256", "model", "prompt_version", *_SAID)
    return DecisionRow(
        ticket_id=ticket_id,
        outcome=outcome,
        issue_id=_text(item.get("issue_id")) or None,
        suggested_issue_id=_text(item.get("suggested_issue_id")) or None,
        confidence=_share(item.get("confidence")),
        confidence_raw=_share(item.get("confidence_raw")),
        evidence=tuple(number for number in _list(item.get("evidence")) if type(number) is int and number > 0),
        candidates=tuple(sys.intern(name) for name in _list(item.get("candidates")) if isinstance(name, str)),  # few names, many rows
        guards=tuple(name for name in _list(item.get("guards")) if isinstance(name, str)),
        failures=_count(item.get("failures")),
        decided_by=decided_by if decided_by in _DECIDERS else "",
        extra={} if item.keys() <= _KNOWN else {key: value for key, value in item.items() if key not in _KNOWN},
        url=_address(_text(item.get("url"))),
        **{key: _text(item.get(key)) for key in texts},
    )


def _is_damaged(path: Path) -> bool:
    try:
        content = files.read_bytes(path) or b""
        return _digest(content) not in _whole and bool(_parse(content, name=str(path))[1])
    except Unreadable:
        return True


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _parse(content: bytes, *, name: str) -> tuple[dict[int, DecisionRow], list[int]]:
    """The rows by ticket id, in order; and the numbers of the lines that are none."""
    rows: dict[int, DecisionRow] = {}
    bad: list[int] = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = from_json(files.parse_json(line.decode("utf-8"), name=name))
        except (ValueError, Unreadable):
            bad.append(number)
        else:
            rows[row.ticket_id] = row
    if not bad:
        _whole.add(_digest(content))
    return {ticket_id: rows[ticket_id] for ticket_id in sorted(rows)}, bad


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _address(value: str) -> str:
    """An address whose parts can be told; "" for any other."""
    try:
        urlsplit(value)
    except ValueError:
        return ""
    return value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _count(value: Any) -> int:
    return value if type(value) is int and 0 < value < 1_000_000 else 0


def _share(value: Any) -> float | None:
    """A number from 0 to 1, else None."""
    return float(value) if type(value) in (int, float) and 0 <= value <= 1 else None
