"""The checkpoint's form: what a run has decided so far, as the difference to the database that it started from.

Holds the ticket list, so that a resumed run has the same waves; whoever resumes decides whether it fits. Size grows with the run, not
with the database.
"""

import hashlib
import itertools
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from common import files as safe_files
from common.errors import Unreadable
from knowledge import decision
from knowledge import issue as issue_db
from knowledge.decision import DecisionRow
from knowledge.issue import Issue
from knowledge.paths import RunFiles

logger = logging.getLogger(__name__)

WAVE_TICKETS = 32
"""The most questions of a wave: large enough to keep many callers busy, small enough that few tickets miss what their neighbours found."""
SCHEMA = "silo-issues-checkpoint/3"
_END = re.compile(rb', "sha256": "([0-9a-f]{64})"}\n\Z')
_END_BYTES = len(', "sha256": ""}\n') + 64
_BEGINNING = re.compile(rb'(\{"schema": "%s", "result_sha256": ")[0-9a-f]*' % SCHEMA.encode())


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
        sets = {name: sorted(getattr(self, name)) for name in ("decided", "asked_again", "shown")}
        return {**sets, "put_off": list(self.put_off), "misfits": list(self.misfits), "card_sizes": dict(self.card_sizes)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Progress":
        """The progress in a checkpoint. Raises ValueError, KeyError or TypeError for anything else."""
        lists = {name: _numbers(data[name]) for name in ("decided", "put_off", "misfits", "asked_again", "shown")}
        sizes = {str(name): int(size) for name, size in dict(data["card_sizes"]).items()}
        return cls(
            decided=set(lists["decided"]),
            put_off=lists["put_off"],
            misfits=lists["misfits"],
            asked_again=set(lists["asked_again"]),
            card_sizes=sizes,
            shown=set(lists["shown"]),
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a run was to do and has done: `issues` are those that differ from the plan's database, `dropped` the ids that are gone.

    `result_sha256` is set once the run's final database is about to be written.
    """

    plan: Plan
    progress: Progress = field(default_factory=Progress)
    issues: tuple[Issue, ...] = ()
    dropped: tuple[str, ...] = ()
    decisions: tuple[DecisionRow, ...] = ()
    result_sha256: str = ""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex; that of no bytes if there is no file."""
    return hashlib.sha256(path.read_bytes() if path.is_file() else b"").hexdigest()


def text_sha256(text: str) -> str:
    """SHA-256 of the file that a text becomes."""
    return hashlib.sha256(text.encode()).hexdigest()


def render(checkpoint: Checkpoint) -> str:
    """The checkpoint's text."""
    return b"".join(parts(checkpoint)).decode()


def parts(checkpoint: Checkpoint) -> Iterator[bytes]:
    """The bytes of the checkpoint's text, decision by decision: they are many."""
    plan = checkpoint.plan
    data = {
        "schema": SCHEMA,
        "result_sha256": checkpoint.result_sha256,
        "base_sha256": plan.base_sha256,
        "selection": dict(plan.selection),
        "gaps": list(plan.gaps),
        "wave_tickets": plan.wave_tickets,
        "progress": checkpoint.progress.to_json(),
        "tickets": [dict(ticket) for ticket in plan.tickets],
        "issues": [issue_db.to_json(issue) for issue in checkpoint.issues],
        "dropped": list(checkpoint.dropped),
    }
    digest = hashlib.sha256()
    for part in _body(data, checkpoint.decisions):
        beginning = _BEGINNING.match(part)
        digest.update(part[beginning.end() if beginning else 0 :])
        yield part
    yield f', "sha256": "{digest.hexdigest()}"}}\n'.encode()


def _body(data: Mapping[str, Any], decisions: Iterable[DecisionRow]) -> Iterator[bytes]:
    yield f'{safe_files.dump_json(data, indent=None)[:-1]}, "decisions": ['.encode()
    for number, row in enumerate(decisions):
        yield f"{', ' if number else ''}{safe_files.dump_json(decision.to_json(row), indent=None)}".encode()
    yield b"]"


def announce(path: Path, result_sha256: str) -> None:
    """Let the checkpoint at `path`, if there is one, name the database that is about to be written; all else stays as it is.

    Raises `Unreadable`, `Unwritable`.
    """
    if not path.exists():
        return
    beginning = _BEGINNING.match(next(safe_files.blocks(path), b""))
    if beginning is None:
        raise Unreadable(f"{path} was changed while the run worked; run again with --fresh, which sets it aside")
    head = beginning[1] + result_sha256.encode()
    safe_files.write_parts(path, itertools.chain((head,), safe_files.blocks(path, start=beginning.end())))


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
    """Raises ValueError for a file whose digest, which stands last, is not that of what stands between it and the result's."""
    beginning, end = _BEGINNING.match(content), _END.search(content, len(content) - _END_BYTES)
    if beginning is None or end is None:
        raise ValueError("it has another form, or its end is missing")
    if hashlib.sha256(memoryview(content)[beginning.end() : end.start()]).hexdigest().encode() != end[1]:
        raise ValueError("it was changed or damaged since it was written")


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
        result_sha256=str(data["result_sha256"]),
        progress=Progress.from_json(data["progress"]),
        issues=tuple(issue_db.from_json(item) for item in data["issues"]),
        dropped=tuple(str(name) for name in data["dropped"]),
        decisions=tuple(decision.from_json(item) for item in data["decisions"]),
    )


def leftover(files: RunFiles, *, fresh: bool) -> Checkpoint | None:
    """The checkpoint of a run that did not end, if it belongs to this database. Raises `Unreadable`."""
    if fresh:
        _set_aside(files)
        return None
    saved = load(files.checkpoint)
    now = file_sha256(files.database)
    if saved is None or saved.plan.base_sha256 == now:
        return saved
    if saved.result_sha256 == now:  # it ended between its last two steps
        if saved.plan.selection.get("reprocess"):  # the same command finds all of it done, and decides nothing a second time
            done = Progress(decided={ticket["ticket_id"] for ticket in saved.plan.tickets})
            return Checkpoint(replace(saved.plan, base_sha256=now), done, result_sha256=now)
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


def _set_aside(files: RunFiles) -> None:
    """Move a leftover checkpoint out of the way, under a name that is free."""
    if not files.checkpoint.exists():
        return
    number = 1
    while (target := files.checkpoint.with_name(f"{files.checkpoint.name}.{number}.old")).exists():
        number += 1
    safe_files.rename(files.checkpoint, target)
    logger.info("the leftover checkpoint is now %s", target)
