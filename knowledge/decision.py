"""The decision log `decisions.jsonl`: one typed row a ticket that says why the ticket is where it is.

It is a log, not state: a line that cannot be read is left out with a warning and never stops a run. Holds no clock and no token
counts, so equal decisions give equal bytes. Decides nothing.
"""

import hashlib
import logging
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from common import files
from common.errors import Unreadable
from common.forms import is_number, is_share, is_text, list_of
from common.times import to_utc

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
    only where it said something; `guards` are the guards that lowered the model's confidence;
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
    guards: tuple[str, ...] = ()
    failures: int = 0
    decided_by: DecidedBy = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def day(self) -> str:
        """The UTC day `YYYY-MM-DD` on which the ticket was made, "" when unknown."""
        return self.created_at[:10]

    @property
    def set_aside(self) -> bool:
        """True for a ticket that failed so often that it is not tried again by itself, nor makes a run incomplete."""
        return self.failures >= FAILURES_TO_SET_ASIDE

    def __post_init__(self) -> None:
        if self.outcome in ("failed", "ignored") and self.issue_id is not None:
            raise ValueError(f"ticket {self.ticket_id} is {self.outcome} and stands in no issue")


def _is_address(value: Any) -> bool:
    """True for an address whose parts can be told."""
    try:
        return is_text(value) and urlsplit(value) is not None
    except ValueError:
        return False


_FORMS: dict[str, Callable[[Any], bool]] = {
    "issue_id": is_text,
    "confidence": is_share,
    "suggested_issue_id": is_text,
    "evidence": list_of(is_number),
    "candidates": list_of(is_text),
    "url": _is_address,
    "guards": list_of(is_text),
    "failures": lambda value: is_number(value) and value < 1_000_000,
    "decided_by": get_args(DecidedBy).__contains__,
}
"""What is none of the ticket's id and outcome, which a row must have, and no plain text."""
_OUTCOMES = get_args(Outcome)
_SAID = ("short_description", "second_choice", "kind")
_KEYS = tuple(entry.name for entry in fields(DecisionRow) if entry.name != "extra")
_OPTIONAL = {key: _FORMS.get(key, is_text) for key in _KEYS if key not in ("ticket_id", "outcome")}
_KNOWN = frozenset((*_KEYS, "margin", "confidence_raw"))  # of earlier versions, and kept no longer
_whole: set[str] = set()
"""Digests of contents in which no line is damaged: what a run has loaded is not parsed again to replace it (3 s of 100 000 rows)."""


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
    if not is_number(item.get("ticket_id")):
        raise ValueError("no ticket_id")
    if item.get("outcome") not in _OUTCOMES:
        raise ValueError("no outcome that this program knows")
    values: dict[str, Any] = {key: item[key] for key, fits in _OPTIONAL.items() if key in item and fits(item[key])}
    if "confidence" in values:
        values["confidence"] = float(values["confidence"])
    for key in ("created_at", "updated_at"):
        values[key] = to_utc(values.get(key))
    for key in ("issue_id", "suggested_issue_id"):
        values[key] = values.get(key) or None
    for key in ("evidence", "candidates", "guards"):
        values[key] = tuple(values.get(key, ()))
    values["candidates"] = tuple(map(sys.intern, values["candidates"]))  # few names, many rows
    extra = {} if item.keys() <= _KNOWN else {key: value for key, value in item.items() if key not in _KNOWN}
    return DecisionRow(item["ticket_id"], outcome=item["outcome"], **values, extra=extra)


def _is_damaged(path: Path) -> bool:
    try:
        content = files.read_bytes(path) or b""
        return hashlib.sha256(content).hexdigest() not in _whole and bool(_parse(content, name=str(path))[1])
    except Unreadable:
        return True


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
        _whole.add(hashlib.sha256(content).hexdigest())
    return {ticket_id: rows[ticket_id] for ticket_id in sorted(rows)}, bad
