"""The checkpoint's form: what a run has decided so far, as the difference to the database that it started from.

Holds the ticket list, so that a resumed run has the same waves; whoever resumes decides whether it fits. Size grows with the run, not
with the database.
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from common import files as safe_files
from common.errors import Unreadable
from knowledge import decision, written
from knowledge import issue as issue_db
from knowledge.decision import DecisionRow
from knowledge.issue import Issue
from knowledge.paths import RunFiles

logger = logging.getLogger(__name__)

WAVE_TICKETS = 32
"""The most questions of a wave: large enough to keep many callers busy, small enough that few tickets miss what their neighbours found."""
SCHEMA = "silo-issues-checkpoint/4"
_SEAL = ', "sha256": "{}"}}\n'
"""The end of a checkpoint: the digest of all that stands before."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run was asked to do: `selection` on the command line, the listed `tickets` that are not settled in the order of work, what
    could not be listed (`gaps`), and the most questions of a wave. `base_sha256` is the hash of the database that it starts from."""

    base_sha256: str
    selection: Mapping[str, Any]
    tickets: tuple[Mapping[str, Any], ...]
    gaps: tuple[str, ...] = ()
    wave_tickets: int = WAVE_TICKETS


@dataclass(slots=True)
class Progress:
    """How far a run is, as far as its next questions depend on it.

    `decided` are tickets whose decision stands; `put_off`, in order, tickets that were asked about once and are asked a second time;
    `misfits`, in order, placed tickets that are to be asked about again, which `asked_again` tickets are not any more; `card_sizes` gives
    by issue the number of its tickets when its card was last asked for, and `shown` are the tickets that a card question has shown.
    """

    decided: set[int] = field(default_factory=set)
    put_off: list[int] = field(default_factory=list)
    misfits: list[int] = field(default_factory=list)
    asked_again: set[int] = field(default_factory=set)
    card_sizes: dict[str, int] = field(default_factory=dict)
    shown: set[int] = field(default_factory=set)

    def to_json(self) -> dict[str, Any]:
        """The form in the checkpoint."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        return {name: sorted(value) if isinstance(value, set) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Progress":
        """The progress in a checkpoint. Raises ValueError, KeyError or TypeError for anything else."""
        return cls(
            decided=set(_numbers(data["decided"])),
            put_off=_numbers(data["put_off"]),
            misfits=_numbers(data["misfits"]),
            asked_again=set(_numbers(data["asked_again"])),
            card_sizes={str(name): int(size) for name, size in dict(data["card_sizes"]).items()},
            shown=set(_numbers(data["shown"])),
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a run was to do and has done: `issues` are those that differ from the plan's database, `dropped` the ids that are gone."""

    plan: Plan
    progress: Progress = field(default_factory=Progress)
    issues: tuple[Issue, ...] = ()
    dropped: tuple[str, ...] = ()
    decisions: tuple[DecisionRow, ...] = ()


def parts(checkpoint: Checkpoint) -> Iterator[bytes]:
    """The bytes of the checkpoint's text, decision by decision: they are many."""
    digest = hashlib.sha256()
    for text in _texts(checkpoint):
        part = text.encode()
        digest.update(part)
        yield part
    yield _SEAL.format(digest.hexdigest()).encode()


def _texts(checkpoint: Checkpoint) -> Iterator[str]:
    plan = checkpoint.plan
    data = {
        "schema": SCHEMA,
        "base_sha256": plan.base_sha256,
        "selection": dict(plan.selection),
        "gaps": list(plan.gaps),
        "wave_tickets": plan.wave_tickets,
        "progress": checkpoint.progress.to_json(),
        "tickets": [dict(ticket) for ticket in plan.tickets],
        "issues": [issue_db.to_json(issue) for issue in checkpoint.issues],
        "dropped": list(checkpoint.dropped),
    }
    yield f'{safe_files.dump_json(data, indent=None)[:-1]}, "decisions": ['
    for number, row in enumerate(checkpoint.decisions):
        yield f"{', ' if number else ''}{safe_files.dump_json(decision.to_json(row), indent=None)}"
    yield "]"


def load(path: Path) -> Checkpoint | None:
    """The checkpoint at `path`, None if there is none. Raises `Unreadable`, also where it is not as it was written."""
    try:
        content = safe_files.read_bytes(path)
        if content is None:
            return None
        _check_digest(content)
        return _parse(safe_files.parse_json(safe_files.decoded(content, name=str(path)), name=str(path)))
    except (Unreadable, ValueError, KeyError, TypeError) as error:
        message = f"{path} is no checkpoint that this version can read ({error}); --fresh sets it aside and starts from the database"
        raise Unreadable(message) from error


def _check_digest(content: bytes) -> None:
    """Raises ValueError for a file that does not end in the digest of what stands before."""
    body = memoryview(content)[: -len(_SEAL.format("0" * 64))]
    if not content.endswith(_SEAL.format(hashlib.sha256(body).hexdigest()).encode()):
        raise ValueError("it has another form, or was changed, cut short or damaged since it was written")


def _parse(data: Any) -> Checkpoint:
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ValueError("it has another form")
    tickets = data["tickets"]
    (wave_tickets,) = _numbers([data["wave_tickets"]])
    if not isinstance(tickets, list) or not all(isinstance(ticket, dict) and type(ticket.get("ticket_id")) is int for ticket in tickets):
        raise ValueError("its ticket list holds something else")
    gaps = tuple(str(gap) for gap in data["gaps"])
    return Checkpoint(
        Plan(str(data["base_sha256"]), dict(data["selection"]), tuple(tickets), gaps, wave_tickets),
        progress=Progress.from_json(data["progress"]),
        issues=tuple(issue_db.from_json(item) for item in data["issues"]),
        dropped=tuple(str(name) for name in data["dropped"]),
        decisions=tuple(decision.from_json(item) for item in data["decisions"]),
    )


def leftover(files: RunFiles, *, fresh: bool) -> Checkpoint | None:
    """The checkpoint of a run that did not end, if it belongs to this database; set aside for a `fresh` start.

    Raises `Unreadable`, `Unwritable`.
    """
    if fresh and files.checkpoint.exists():
        logger.info("the leftover checkpoint is now %s", safe_files.keep_aside(files.checkpoint, ending="old"))
        safe_files.remove(files.checkpoint)
    saved = load(files.checkpoint)
    now = safe_files.sha256(files.database)
    if saved is None or saved.plan.base_sha256 == now:
        return saved
    if written.is_as_expected(files, files.database, files.checkpoint):  # it ended between its last two steps
        if saved.plan.selection.get("reprocess"):  # the same command finds all of it done, and decides nothing a second time
            done = Progress(decided={ticket["ticket_id"] for ticket in saved.plan.tickets})
            return Checkpoint(replace(saved.plan, base_sha256=now), done)
        safe_files.remove(files.checkpoint)
        return None
    raise Unreadable(
        f"{files.database} was changed after {files.checkpoint} was begun from it; nothing was touched. Put the earlier database "
        "back to go on with that run, or use --fresh to set the checkpoint aside and start from the database as it is"
    )


def _numbers(value: Any) -> list[int]:
    if not isinstance(value, list) or not all(type(entry) is int for entry in value):
        raise ValueError("a list of numbers holds something else")
    return value
